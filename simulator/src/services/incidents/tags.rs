//! Tags of replication sets, response plans and incident records.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::data::Tags;
use super::{arn, errors, record, replication_set, response_plan};

const MAX_TAGS: usize = 50;

/// Tagging works only in the first Region of the set.
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

/// The tags of the resource that the call names, and what it is called in `resourceType`.
fn tagged<'a>(
    account: &'a mut Account,
    call: &Call<'_>,
) -> Result<(&'a mut Tags, &'static str), AwsError> {
    let named = call.required("resourceArn");
    let of = |kind: &str| arn::local(call, named, kind).is_ok();
    if of(arn::PLAN) {
        let name = response_plan::find(account, call, named)?;
        check_region(account, call)?;
        let plan = account.incident_manager.plans.get_mut(&name);
        let plan = plan.ok_or_else(|| errors::not_found(named))?;
        return Ok((&mut plan.tags, "RESPONSE_PLAN"));
    }
    if of(arn::RECORD) {
        record::find(account, call, named)?;
        check_region(account, call)?;
        let record = record::find(account, call, named)?;
        return Ok((&mut record.tags, "INCIDENT_RECORD"));
    }
    replication_set::find(account, call, named)?;
    check_region(account, call)?;
    let set = replication_set::find(account, call, named)?;
    Ok((&mut set.tags, "REPLICATION_SET"))
}

pub(super) fn tag(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let (current, kind) = tagged(account, call)?;
    let mut tags = current.clone();
    tags.extend(response_plan::tags_of(&call.input["tags"]));
    if tags.len() > MAX_TAGS {
        return Err(errors::quota(
            "TagsPerResource",
            format!("A resource can have at most {MAX_TAGS} tags."),
        )
        .with("resourceIdentifier", call.required("resourceArn"))
        .with("resourceType", kind));
    }
    *current = tags;
    Ok(json!({}))
}

pub(super) fn untag(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let (tags, _) = tagged(account, call)?;
    for key in response_plan::texts(&call.input["tagKeys"]) {
        tags.remove(&key);
    }
    Ok(json!({}))
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let (tags, _) = tagged(account, call)?;
    Ok(json!({"tags": tags}))
}
