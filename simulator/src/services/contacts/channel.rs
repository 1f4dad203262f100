//! Contact channels.

use serde_json::{Map, Value, json};

use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::arn::{find_channel, find_contact, of_channel, of_contact, visible};
use super::contact::{remember, replayed};
use super::errors::{self, CHANNEL};
use super::state::{Channel, RegionContacts};
use super::{activation, nothing, pages};

/// Least and greatest number of digits after the plus sign.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

fn address_of(kind: &str, address: &Value) -> Result<String, AwsError> {
    let Some(text) = address.get("SimpleAddress").and_then(Value::as_str) else {
        return Err(errors::invalid("DeliveryAddress needs a SimpleAddress"));
    };
    let fits = if kind == "EMAIL" {
        text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.is_empty()
                && !domain.contains('@')
                && !text.contains(char::is_whitespace)
        })
    } else {
        text.strip_prefix('+').is_some_and(|digits| {
            digits.bytes().all(|byte| byte.is_ascii_digit())
                && !digits.starts_with('0')
                && PHONE_DIGITS.contains(&digits.len())
        })
    };
    if fits {
        Ok(text.to_owned())
    } else {
        Err(errors::invalid(format!(
            "{text} is not a valid delivery address for a channel of type {kind}"
        )))
    }
}

/// Refuses a second channel of the same name, or type and address, in one contact.
fn check_unique(
    region: &RegionContacts,
    call: &Call<'_>,
    candidate: &Channel,
) -> Result<(), AwsError> {
    if call.knobs.is(Knob::DuplicateChannel, "accept") {
        return Ok(());
    }
    let siblings = region
        .contacts
        .get(&candidate.alias)
        .map_or(&[][..], |contact| contact.channels.as_slice());
    for sibling in siblings
        .iter()
        .filter(|id| **id != candidate.id)
        .filter_map(|id| region.channels.get(id))
    {
        let same_address = sibling.kind == candidate.kind && sibling.address == candidate.address;
        if sibling.name == candidate.name || same_address {
            return Err(errors::conflict(
                CHANNEL,
                &of_channel(call, sibling),
                "A contact channel with the same name or delivery address already exists.",
            ));
        }
    }
    Ok(())
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let contact_arn = call.required("ContactId").to_owned();
    let channels = account
        .contacts
        .get(&call.scope.region)
        .map(|region| &region.channels);
    let exists = |arn: &str| {
        let id = arn.rsplit('/').next().unwrap_or_default();
        channels.is_some_and(|channels| channels.contains_key(id))
    };
    if let Some(output) = replayed(account, call, CHANNEL, exists)? {
        return Ok(output);
    }
    // The operation models no ResourceNotFoundException.
    let alias = find_contact(account, call, &contact_arn).map_err(|error| {
        if error.code == "ResourceNotFoundException" {
            errors::invalid_arn(&contact_arn)
        } else {
            error
        }
    })?;
    let region = account.region(&call.scope.region);
    if region.contacts[&alias].kind != "PERSONAL" {
        return Err(errors::invalid(
            "Only PERSONAL contacts can have contact channels",
        ));
    }
    let kind = call.required("Type").to_owned();
    let channel = Channel {
        id: uuid::Uuid::new_v4().to_string(),
        alias: alias.clone(),
        name: call.required("Name").to_owned(),
        address: address_of(&kind, &call.input["DeliveryAddress"])?,
        kind,
        activated: false,
        subscribed: true,
        code: None,
        used_code: None,
        sent: Vec::new(),
        created: call.now,
    };
    check_unique(region, call, &channel)?;
    let arn = of_channel(call, &channel);
    let id = channel.id.clone();
    if let Some(contact) = region.contacts.get_mut(&alias) {
        contact.channels.push(id.clone());
    }
    region.channels.insert(id.clone(), channel);
    if call.input.get("DeferActivation") != Some(&Value::Bool(true)) {
        activation::send_code(account, call, &id, &arn);
    }
    call.created.push(arn.clone());
    let output = json!({"ContactChannelArn": arn});
    remember(account, call, &output, &arn);
    Ok(output)
}

fn shown(call: &Call<'_>, channel: &Channel) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("ContactArn", of_contact(call, &channel.alias).into());
    put("ContactChannelArn", of_channel(call, channel).into());
    put("Name", channel.name.clone().into());
    put("Type", channel.kind.clone().into());
    put("DeliveryAddress", json!({"SimpleAddress": channel.address}));
    let status = if channel.activated {
        "ACTIVATED"
    } else {
        "NOT_ACTIVATED"
    };
    put("ActivationStatus", status.into());
    Value::Object(shown)
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let id = find_channel(account, call, call.required("ContactChannelId"))?;
    Ok(shown(
        call,
        &account.region(&call.scope.region).channels[&id],
    ))
}

pub(super) fn update(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let id = find_channel(account, call, call.required("ContactChannelId"))?;
    let region = account.region(&call.scope.region);
    let mut changed = region.channels[&id].clone();
    if let Some(name) = call.text("Name") {
        name.clone_into(&mut changed.name);
    }
    if let Some(address) = call.input.get("DeliveryAddress") {
        let address = address_of(&changed.kind, address)?;
        if address != changed.address {
            changed.address = address;
            // A code that went to the old address must not confirm the new one.
            changed.code = None;
            changed.subscribed = true;
            if call.knobs.is(Knob::AddressChangeResetsActivation, "yes") {
                changed.activated = false;
                changed.used_code = None;
            }
        }
    }
    check_unique(region, call, &changed)?;
    region.channels.insert(id, changed);
    Ok(nothing())
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let id = find_channel(account, call, call.required("ContactChannelId"))?;
    account.region(&call.scope.region).remove_channel(&id);
    Ok(nothing())
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("ContactId");
    let alias = find_contact(account, call, arn)?;
    let page = pages::page(call, arn)?;
    let region = account.region(&call.scope.region);
    let ids = &region.contacts[&alias].channels;
    // A token counts, so that it survives the deletion of the channel it stopped at.
    let start: usize = page
        .after
        .as_ref()
        .and_then(|after| after.parse().ok())
        .unwrap_or(0);
    let found = ids
        .iter()
        .enumerate()
        .skip(start)
        .filter_map(|(index, id)| Some((index, region.channels.get(id)?)))
        .filter(|(_, channel)| visible(call, channel.created));
    let (found, next) = page.cut(found, |(index, _)| (index + 1).to_string());
    let shown: Vec<Value> = found
        .into_iter()
        .map(|(_, channel)| shown(call, channel))
        .collect();
    let mut output = json!({"ContactChannels": shown});
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}
