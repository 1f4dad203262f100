//! Tags of contacts and rotations; channels have none.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::arn::{find_contact, find_rotation, parse as parse_arn};
use super::{errors, nothing};

const MAX_TAGS: usize = 50;

/// In the order they were set.
type Tags = Vec<(String, String)>;

/// Reads a list of tags.
pub(super) fn parse(tags: Option<&Value>) -> Result<Tags, AwsError> {
    let mut parsed: Tags = Vec::new();
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

/// The tags of the resource that the call names.
fn tagged<'a>(account: &'a mut Account, call: &Call<'_>) -> Result<&'a mut Tags, AwsError> {
    let arn = call.required("ResourceARN");
    let is_rotation = parse_arn(arn).is_some_and(|parsed| parsed.kind == "rotation");
    let key = if is_rotation {
        find_rotation(account, call, arn)?
    } else {
        find_contact(account, call, arn)?
    };
    check_region(account, call)?;
    let region = account.region(&call.scope.region);
    let tags = if is_rotation {
        region.rotations.get_mut(&key).map(|found| &mut found.tags)
    } else {
        region.contacts.get_mut(&key).map(|found| &mut found.tags)
    };
    tags.ok_or_else(|| errors::invalid_arn(arn))
}

pub(super) fn tag(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let current = tagged(account, call)?;
    let added = parse(call.input.get("Tags"))?;
    let mut tags = current.clone();
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
    *current = tags;
    Ok(nothing())
}

pub(super) fn untag(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let tags = tagged(account, call)?;
    let keys: Vec<&str> = call.input["TagKeys"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    tags.retain(|(key, _)| !keys.contains(&key.as_str()));
    Ok(nothing())
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let tags: Vec<Value> = tagged(account, call)?
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(json!({"Tags": tags}))
}
