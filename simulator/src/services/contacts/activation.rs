//! Activation of channels, and what humans answer to messages.

use rand::Rng as _;
use serde_json::Value;

use crate::clock::Millis;
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::arn::{channel_at, find_channel, parse};
use super::errors::{self, CHANNEL};
use super::nothing;
use super::state::{Channel, SentCode};

const HOUR: Millis = 3_600_000;

/// Sends a fresh code, which replaces the one before. Nothing reaches a human who has opted out.
pub(super) fn send_code(account: &mut Account, call: &Call<'_>, id: &str, arn: &str) {
    let Some(channel) = account.region(&call.scope.region).channels.get_mut(id) else {
        return;
    };
    channel.sent.push(call.now);
    if !channel.subscribed {
        return;
    }
    let code = format!("{:06}", rand::rng().random_range(0..1_000_000));
    channel.code = Some(code.clone());
    account.codes.push(SentCode {
        channel: arn.to_owned(),
        code,
        sent: call.now,
    });
}

pub(super) fn send(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("ContactChannelId");
    let id = find_channel(account, call, arn)?;
    let quota = call.knobs.number(Knob::ActivationCodesPerHour);
    if let Some(channel) = account.region(&call.scope.region).channels.get_mut(&id) {
        channel.sent.retain(|sent| call.now - sent < HOUR);
        let used = i64::try_from(channel.sent.len()).unwrap_or(i64::MAX);
        if quota > 0 && used >= quota {
            return Err(errors::quota(
                "ActivationCodesPerHour",
                format!(
                    "At most {quota} activation codes an hour can be sent to a contact channel."
                ),
            )
            .with("ResourceId", arn)
            .with("ResourceType", CHANNEL));
        }
    }
    send_code(account, call, &id, arn);
    Ok(nothing())
}

pub(super) fn activate(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let id = find_channel(account, call, call.required("ContactChannelId"))?;
    let code = call.required("ActivationCode");
    let Some(channel) = account.region(&call.scope.region).channels.get_mut(&id) else {
        return Ok(nothing());
    };
    if channel.code.as_deref() == Some(code) {
        channel.activated = true;
        channel.used_code = channel.code.take();
        return Ok(nothing());
    }
    // The same call again, because its answer was lost.
    if channel.activated && channel.used_code.as_deref() == Some(code) {
        return Ok(nothing());
    }
    Err(errors::invalid("Activation code is not valid"))
}

pub(super) fn deactivate(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let id = find_channel(account, call, call.required("ContactChannelId"))?;
    if let Some(channel) = account.region(&call.scope.region).channels.get_mut(&id) {
        channel.activated = false;
        channel.used_code = None;
    }
    Ok(nothing())
}

fn change(account: &mut Account, arn: &str, change: impl FnOnce(&mut Channel)) -> bool {
    let Some(parsed) = parse(arn).filter(|parsed| parsed.kind == "contact-channel") else {
        return false;
    };
    let Some(region) = account.contacts.get_mut(parsed.region) else {
        return false;
    };
    let Some(id) = channel_at(region, parsed.rest).map(|channel| channel.id.clone()) else {
        return false;
    };
    region.channels.get_mut(&id).map(change).is_some()
}

/// A human answers UNSUBSCRIBE: the channel is deactivated and gets no more messages.
pub fn unsubscribe(account: &mut Account, arn: &str) -> bool {
    change(account, arn, |channel| {
        channel.subscribed = false;
        channel.activated = false;
        channel.code = None;
        channel.used_code = None;
    })
}

/// A human answers START: messages arrive again; activation takes a fresh code.
pub fn subscribe(account: &mut Account, arn: &str) -> bool {
    change(account, arn, |channel| channel.subscribed = true)
}
