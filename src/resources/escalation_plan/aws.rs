//! Reads and writes escalation plans. The only file here that sends, and it decides nothing.

use aws_sdk_ssmcontacts::types;

use super::desired::{Stage, Target};
use super::observed::Observed;
use super::plan::Change;
use crate::aws::contacts::{self, ContactType};
use crate::aws::{CallError, ErrorClass, Operation, Session};
use crate::engine::Applied;
use crate::resources::alias::other_type;

/// Reads an escalation plan. `None` = AWS has none.
pub async fn observe(session: &Session, arn: &str) -> Result<Option<Observed>, CallError> {
    let found = contacts::get(session, arn).await?;
    Ok(found.map(|found| Observed {
        arn: found.arn,
        alias: found.alias,
        display_name: found.display_name,
        other_type: other_type(found.type_, ContactType::EscalationPlan),
        stages: found
            .plan
            .stages
            .unwrap_or_default()
            .into_iter()
            .map(stage_from)
            .collect(),
    }))
}

/// Sends one change.
pub async fn apply(
    session: &Session,
    arn: &str,
    change: &Change,
    token: &str,
) -> Result<Applied, CallError> {
    match change {
        Change::Create {
            alias,
            display_name,
            stages,
            tags,
        } => {
            let creation = contacts::Creation {
                alias,
                display_name,
                type_: types::ContactType::Escalation,
                plan: plan_to(stages, Operation::CreateContact)?,
                tags,
            };
            return Ok(Applied {
                id: Some(contacts::create(session, creation, token).await?),
                save_now: false,
            });
        }
        Change::Update {
            display_name,
            stages,
            ..
        } => {
            let plan = stages
                .as_ref()
                .map(|stages| plan_to(stages, Operation::UpdateContact))
                .transpose()?;
            contacts::update(session, arn, display_name.as_deref(), plan).await?;
        }
        Change::SetTags(tags) => contacts::set_tags(session, arn, tags).await?,
        Change::RemoveTags(keys) => contacts::remove_tags(session, arn, keys).await?,
        Change::Delete => contacts::delete(session, arn).await?,
    }
    Ok(Applied::default())
}

fn stage_from(stage: types::Stage) -> Stage {
    let target =
        |target: types::Target| match (target.contact_target_info, target.channel_target_info) {
            (Some(contact), _) => Target {
                arn: contact.contact_id.unwrap_or_default(),
                essential: contact.is_essential,
            },
            // A channel, or nothing: no spec of ours says this, so it counts as a difference.
            (None, channel) => Target {
                arn: channel.map(|c| c.contact_channel_id).unwrap_or_default(),
                essential: false,
            },
        };
    Stage {
        duration: stage.duration_in_minutes,
        targets: stage.targets.into_iter().map(target).collect(),
    }
}

fn plan_to(stages: &[Stage], operation: Operation) -> Result<types::Plan, CallError> {
    let incomplete =
        |detail: String| CallError::new(operation, ErrorClass::Invalid).with_detail(detail);
    let mut built = vec![];
    for stage in stages {
        let mut targets = vec![];
        for target in &stage.targets {
            let info = types::ContactTargetInfo::builder()
                .contact_id(&target.arn)
                .is_essential(target.essential)
                .build()
                .map_err(|e| incomplete(e.to_string()))?;
            targets.push(types::Target::builder().contact_target_info(info).build());
        }
        let stage = types::Stage::builder()
            .duration_in_minutes(stage.duration)
            .set_targets(Some(targets))
            .build()
            .map_err(|e| incomplete(e.to_string()))?;
        built.push(stage);
    }
    Ok(types::Plan::builder().set_stages(Some(built)).build())
}
