//! Tags of replication sets.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::errors;
use super::replication_set::find;
use super::state::ReplicationSet;

const MAX_TAGS: usize = 50;

/// Tagging works only in the first Region of the set.
fn tagged<'a>(
    account: &'a mut Account,
    call: &Call<'_>,
) -> Result<&'a mut ReplicationSet, AwsError> {
    let set = find(account, call.required("resourceArn"))?;
    if set.first_region == call.scope.region || call.knobs.is(Knob::TagsOutsideFirstRegion, "work")
    {
        Ok(set)
    } else {
        Err(errors::invalid(
            "Tagging inaccessible outside the first Region of the replication set",
        ))
    }
}

pub(super) fn tag(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let set = tagged(account, call)?;
    let mut tags = set.tags.clone();
    for (key, value) in call.input["tags"].as_object().into_iter().flatten() {
        tags.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    if tags.len() > MAX_TAGS {
        return Err(errors::quota(
            "TagsPerResource",
            format!("A resource can have at most {MAX_TAGS} tags."),
        )
        .with("resourceIdentifier", set.arn.clone())
        .with("resourceType", "REPLICATION_SET"));
    }
    set.tags = tags;
    Ok(json!({}))
}

pub(super) fn untag(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let set = tagged(account, call)?;
    for key in call.input["tagKeys"].as_array().into_iter().flatten() {
        set.tags.remove(key.as_str().unwrap_or_default());
    }
    Ok(json!({}))
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let set = tagged(account, call)?;
    Ok(json!({"tags": set.tags}))
}
