//! Rules of engagement plans that the model does not say.

use serde_json::Value;

use crate::error::AwsError;
use crate::iam::Needed;
use crate::knobs::Knob;
use crate::services::Call;

use super::arn::{channel_at, contact_of_channel, is_here, parse};
use super::errors::{invalid, invalid_arn, quota};
use super::state::RegionContacts;

const MAX_STAGES: usize = 10;
const MAX_TARGETS: usize = 10;

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Checks a plan for a contact of this type and alias.
pub(super) fn check(
    region: &RegionContacts,
    call: &Call<'_>,
    kind: &str,
    alias: &str,
    plan: &Value,
) -> Result<(), AwsError> {
    let stages = items(plan, "Stages");
    let rotations = items(plan, "RotationIds");
    if kind == "ONCALL_SCHEDULE" {
        let refused = !stages.is_empty()
            || (plan.get("Stages").is_some() && call.knobs.is(Knob::OncallEmptyStages, "reject"));
        if refused {
            return Err(invalid(
                "ONCALL SCHEDULE contact cannot have stages in plan",
            ));
        }
        let unknown = rotations
            .iter()
            .filter_map(Value::as_str)
            .find(|arn| !is_rotation(region, call, arn));
        return unknown.map_or(Ok(()), |arn| Err(invalid_arn(arn)));
    }
    if !rotations.is_empty() {
        return Err(invalid(format!(
            "{kind} contact cannot have rotations in plan"
        )));
    }
    if stages.len() > MAX_STAGES {
        return Err(quota(
            "StagesPerPlan",
            format!("A plan can have at most {MAX_STAGES} stages."),
        ));
    }
    for stage in stages {
        let targets = items(stage, "Targets");
        if targets.is_empty() && stage["DurationInMinutes"] == 0 {
            return Err(invalid(
                "DurationInMinutes can only be set to 0 if a target is specified",
            ));
        }
        if targets.len() > MAX_TARGETS {
            return Err(quota(
                "ContactChannelsPerStage",
                format!("A stage can have at most {MAX_TARGETS} targets."),
            ));
        }
        for target in targets {
            check_target(region, call, kind, alias, target)?;
        }
    }
    Ok(())
}

fn check_target(
    region: &RegionContacts,
    call: &Call<'_>,
    kind: &str,
    alias: &str,
    target: &Value,
) -> Result<(), AwsError> {
    match (
        kind,
        target.get("ChannelTargetInfo"),
        target.get("ContactTargetInfo"),
    ) {
        ("PERSONAL", Some(channel), None) => {
            let id = channel["ContactChannelId"].as_str().unwrap_or_default();
            let own = parse(id)
                .filter(|parsed| is_here(call, parsed) && parsed.kind == "contact-channel")
                .and_then(|parsed| channel_at(region, parsed.rest))
                .is_some_and(|channel| channel.alias == alias);
            if own { Ok(()) } else { Err(invalid_arn(id)) }
        }
        ("ESCALATION", None, Some(contact)) => {
            let Some(id) = contact.get("ContactId").and_then(Value::as_str) else {
                return Err(invalid("ContactTargetInfo needs a ContactId"));
            };
            let target = parse(id)
                .filter(|parsed| is_here(call, parsed) && parsed.kind == "contact")
                .and_then(|parsed| region.contacts.get(parsed.rest));
            match target {
                None => Err(invalid_arn(id)),
                Some(target) if target.kind == "ESCALATION" => Err(invalid(
                    "ESCALATION contact cannot be a target of an escalation plan",
                )),
                Some(_) => Ok(()),
            }
        }
        (_, Some(_), Some(_)) | (_, None, None) => Err(invalid(
            "A target needs exactly one of ChannelTargetInfo and ContactTargetInfo",
        )),
        ("PERSONAL", ..) => Err(invalid("PERSONAL contact can only target contact channels")),
        _ => Err(invalid("ESCALATION contact can only target contacts")),
    }
}

fn is_rotation(region: &RegionContacts, call: &Call<'_>, arn: &str) -> bool {
    parse(arn)
        .filter(|parsed| is_here(call, parsed) && parsed.kind == "rotation")
        .is_some_and(|parsed| region.rotations.contains_key(parsed.rest))
}

/// Whether a plan names anybody or anything to engage.
pub(super) fn engages(plan: &Value) -> bool {
    let mut stages = items(plan, "Stages").iter();
    stages.any(|stage| !items(stage, "Targets").is_empty())
        || !items(plan, "RotationIds").is_empty()
}

/// Using a contact in a plan needs a permission of its own.
pub(super) fn needs(plan: &Value) -> Vec<Needed> {
    let mut needed: Vec<Needed> = Vec::new();
    for target in items(plan, "Stages")
        .iter()
        .flat_map(|stage| items(stage, "Targets"))
    {
        let contact = target["ContactTargetInfo"]["ContactId"]
            .as_str()
            .map(str::to_owned)
            .or_else(|| {
                contact_of_channel(target["ChannelTargetInfo"]["ContactChannelId"].as_str()?)
            });
        if let Some(contact) = contact {
            let association = Needed::new("ssm-contacts:AssociateContact", contact);
            if !needed.contains(&association) {
                needed.push(association);
            }
        }
    }
    needed
}
