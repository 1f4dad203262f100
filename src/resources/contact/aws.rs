//! Reads and writes contacts. The only file here that sends, and it decides nothing.

use std::collections::BTreeMap;

use aws_sdk_ssmcontacts::types;

use super::desired::{ChannelRef, Stage, Target};
use super::observed::{Observed, ObservedChannel};
use super::plan::{Change, channel_slot};
use crate::api::contact::{Activation, ChannelType};
use crate::aws::contacts::{self, ContactType};
use crate::aws::{CallError, ErrorClass, Operation, Redacted, Session};
use crate::engine::Applied;
use crate::resources::alias::other_type;

/// Reads a contact with its channels. `None` = AWS has none.
pub async fn observe(session: &Session, arn: &str) -> Result<Option<Observed>, CallError> {
    let Some(contact) = contacts::get(session, arn).await? else {
        return Ok(None);
    };
    let mut observed = Observed {
        arn: contact.arn,
        alias: contact.alias,
        display_name: contact.display_name,
        other_type: other_type(contact.type_, ContactType::Person),
        stages: contact
            .plan
            .stages
            .unwrap_or_default()
            .into_iter()
            .map(stage_from)
            .collect(),
        channels: vec![],
    };
    if observed.other_type.is_some() {
        return Ok(Some(observed));
    }
    let mut next = None;
    loop {
        let request = session
            .contacts()
            .list_contact_channels()
            .contact_id(arn)
            .set_next_token(next);
        let page = match session
            .send(Operation::ListContactChannels, request.send())
            .await
        {
            Ok(page) => page,
            // Deleted between the two reads.
            Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        observed
            .channels
            .extend(page.contact_channels.into_iter().map(channel_from));
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            return Ok(Some(observed));
        }
    }
}

/// Sends one change.
pub async fn apply(
    session: &Session,
    arn: &str,
    change: &Change,
    token: &str,
    ids: &BTreeMap<String, String>,
) -> Result<Applied, CallError> {
    let client = session.contacts();
    match change {
        Change::CreateContact {
            alias,
            display_name,
            tags,
        } => {
            let creation = contacts::Creation {
                alias,
                display_name,
                type_: types::ContactType::Personal,
                plan: types::Plan::builder().set_stages(Some(vec![])).build(),
                tags,
            };
            return Ok(Applied {
                id: Some(contacts::create(session, creation, token).await?),
                save_now: false,
            });
        }
        Change::CreateChannel {
            name,
            type_,
            address,
        } => {
            let request = client
                .create_contact_channel()
                .contact_id(arn)
                .name(name)
                .r#type(type_to(*type_))
                .delivery_address(address_to(address))
                // Creating never sends anything to anybody.
                .defer_activation(true)
                .idempotency_token(token);
            let output = session
                .send(Operation::CreateContactChannel, request.send())
                .await?;
            return Ok(Applied {
                id: Some(output.contact_channel_arn),
                save_now: false,
            });
        }
        Change::UpdateChannel {
            arn,
            name,
            renamed_from,
            address,
        } => {
            let request = client
                .update_contact_channel()
                .contact_channel_id(arn)
                .set_name(renamed_from.as_ref().map(|_| name.clone()))
                .set_delivery_address(address.as_ref().map(address_to));
            session
                .send(Operation::UpdateContactChannel, request.send())
                .await?;
        }
        Change::DeactivateChannel { arn, .. } => {
            let request = client.deactivate_contact_channel().contact_channel_id(arn);
            session
                .send(Operation::DeactivateContactChannel, request.send())
                .await?;
        }
        Change::UpdateContact {
            display_name,
            stages,
        } => {
            let plan = stages
                .as_ref()
                .map(|stages| plan_to(stages, ids))
                .transpose()?;
            contacts::update(session, arn, display_name.as_deref(), plan).await?;
        }
        Change::DeleteChannel { arn, .. } => {
            let request = client.delete_contact_channel().contact_channel_id(arn);
            match session
                .send(Operation::DeleteContactChannel, request.send())
                .await
            {
                Ok(_) => {}
                Err(error) if error.class == ErrorClass::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Change::SetTags(tags) => contacts::set_tags(session, arn, tags).await?,
        Change::RemoveTags(keys) => contacts::remove_tags(session, arn, keys).await?,
        Change::DeleteContact => contacts::delete(session, arn).await?,
    }
    Ok(Applied::default())
}

fn stage_from(stage: types::Stage) -> Stage {
    Stage {
        duration: stage.duration_in_minutes,
        targets: stage
            .targets
            .into_iter()
            .map(
                |target| match (target.channel_target_info, target.contact_target_info) {
                    (Some(channel), _) => Target {
                        channel: ChannelRef::Unknown(channel.contact_channel_id),
                        retry_interval: channel.retry_interval_in_minutes,
                    },
                    // Not a channel: no spec of ours says this, so it counts as a difference.
                    (None, contact) => Target {
                        channel: ChannelRef::Unknown(
                            contact.and_then(|c| c.contact_id).unwrap_or_default(),
                        ),
                        retry_interval: None,
                    },
                },
            )
            .collect(),
    }
}

fn channel_from(channel: types::ContactChannel) -> ObservedChannel {
    ObservedChannel {
        arn: channel.contact_channel_arn,
        name: channel.name,
        type_: match channel.r#type {
            Some(types::ChannelType::Email) => Some(ChannelType::Email),
            Some(types::ChannelType::Sms) => Some(ChannelType::SMS),
            Some(types::ChannelType::Voice) => Some(ChannelType::Voice),
            _ => None,
        },
        address: Redacted::new(
            channel
                .delivery_address
                .and_then(|a| a.simple_address)
                .unwrap_or_default(),
        ),
        activation: match channel.activation_status {
            types::ActivationStatus::Activated => Activation::Activated,
            _ => Activation::NotActivated,
        },
    }
}

fn type_to(type_: ChannelType) -> types::ChannelType {
    match type_ {
        ChannelType::Email => types::ChannelType::Email,
        ChannelType::SMS => types::ChannelType::Sms,
        ChannelType::Voice => types::ChannelType::Voice,
    }
}

fn address_to(address: &Redacted<String>) -> types::ContactChannelAddress {
    types::ContactChannelAddress::builder()
        .simple_address(address.expose())
        .build()
}

fn plan_to(stages: &[Stage], ids: &BTreeMap<String, String>) -> Result<types::Plan, CallError> {
    let incomplete = |detail: String| {
        CallError::new(Operation::UpdateContact, ErrorClass::Invalid).with_detail(detail)
    };
    let mut built = vec![];
    for stage in stages {
        let mut targets = vec![];
        for target in &stage.targets {
            let arn = match &target.channel {
                ChannelRef::Unknown(arn) => arn.clone(),
                ChannelRef::Named(name) => {
                    ids.get(&channel_slot(name)).cloned().ok_or_else(|| {
                        incomplete(format!("channel \"{name}\" of the plan has no id in AWS"))
                    })?
                }
            };
            let info = types::ChannelTargetInfo::builder()
                .contact_channel_id(arn)
                .set_retry_interval_in_minutes(target.retry_interval)
                .build()
                .map_err(|e| incomplete(e.to_string()))?;
            targets.push(types::Target::builder().channel_target_info(info).build());
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
