//! Tags of contacts; channels have none.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::arn::{find_contact, parse as parse_arn};
use super::{errors, nothing};

const MAX_TAGS: usize = 50;

/// Reads a list of tags.
pub(super) fn parse(tags: Option<&Value>) -> Result<Vec<(String, String)>, AwsError> {
    let mut parsed: Vec<(String, String)> = Vec::new();
    for tag in tags.and_then(Value::as_array).into_iter().flatten() {
        let (Some(key), Some(value)) = (tag["Key"].as_str(), tag["Value"].as_str()) else {
            return Err(errors::invalid("A tag needs a Key and a Value"));
        };
        if parsed.iter().any(|(known, _)| known == key) {
            return Err(errors::invalid(format!("Duplicate tag key {key}")));
        }
        parsed.push((key.to_owned(), value.to_owned()));
    }
    Ok(parsed)
}

/// Tagging works only in the first Region of the replication set.
pub(super) fn check_region(account: &Account, call: &Call<'_>) -> Result<(), AwsError> {
    let first = account
        .replication_set
        .as_ref()
        .is_none_or(|set| set.first_region == call.scope.region);
    if first || call.knobs.is(Knob::TagsOutsideFirstRegion, "work") {
        Ok(())
    } else {
        Err(errors::invalid(
            "Tagging inaccessible outside the first Region of the replication set",
        ))
    }
}

fn tagged(account: &mut Account, call: &Call<'_>) -> Result<String, AwsError> {
    let arn = call.required("ResourceARN");
    if parse_arn(arn).is_some_and(|parsed| parsed.kind == "rotation") {
        return Err(errors::not_found("ROTATION", arn));
    }
    let alias = find_contact(account, call, arn)?;
    check_region(account, call)?;
    Ok(alias)
}

pub(super) fn tag(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let alias = tagged(account, call)?;
    let added = parse(call.input.get("Tags"))?;
    let Some(contact) = account.region(&call.scope.region).contacts.get_mut(&alias) else {
        return Ok(nothing());
    };
    let mut tags = contact.tags.clone();
    for (key, value) in added {
        match tags.iter_mut().find(|(known, _)| *known == key) {
            Some(known) => known.1 = value,
            None => tags.push((key, value)),
        }
    }
    if tags.len() > MAX_TAGS {
        return Err(errors::quota(
            "TagsPerResource",
            format!("A resource can have at most {MAX_TAGS} tags."),
        ));
    }
    contact.tags = tags;
    Ok(nothing())
}

pub(super) fn untag(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let alias = tagged(account, call)?;
    let keys: Vec<&str> = call.input["TagKeys"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if let Some(contact) = account.region(&call.scope.region).contacts.get_mut(&alias) {
        contact
            .tags
            .retain(|(key, _)| !keys.contains(&key.as_str()));
    }
    Ok(nothing())
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let alias = tagged(account, call)?;
    let tags: Vec<Value> = account.region(&call.scope.region).contacts[&alias]
        .tags
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(json!({"Tags": tags}))
}
