//! ARNs of ssm-contacts, and what they lead to.

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::engagement::state::Engagement;
use super::engagement::view::View;
use super::errors::{self, CHANNEL, CONTACT, ENGAGEMENT, PAGE, ROTATION};
use super::state::{Channel, RegionContacts};

/// An ARN taken apart.
pub(super) struct Arn<'a> {
    pub(super) partition: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) kind: &'a str,
    pub(super) rest: &'a str,
}

/// Takes an ARN apart; none if it is not one of this service.
pub(super) fn parse(arn: &str) -> Option<Arn<'_>> {
    let mut parts = arn.splitn(6, ':');
    let (
        Some("arn"),
        Some(partition),
        Some("ssm-contacts"),
        Some(region),
        Some(account),
        Some(resource),
    ) = (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    )
    else {
        return None;
    };
    let (kind, rest) = resource.split_once('/')?;
    (!rest.is_empty()).then_some(Arn {
        partition,
        region,
        account,
        kind,
        rest,
    })
}

/// The ARN of a contact in the called account and Region.
pub(super) fn of_contact(call: &Call<'_>, alias: &str) -> String {
    call.arn("ssm-contacts", &format!("contact/{alias}"))
}

/// The ARN of a channel in the called account and Region.
pub(super) fn of_channel(call: &Call<'_>, channel: &Channel) -> String {
    call.arn(
        "ssm-contacts",
        &format!("contact-channel/{}/{}", channel.alias, channel.id),
    )
}

/// The ARN of a rotation in the called account and Region.
pub(super) fn of_rotation(call: &Call<'_>, id: &str) -> String {
    call.arn("ssm-contacts", &format!("rotation/{id}"))
}

/// The ARN of the contact a channel ARN names.
pub(super) fn contact_of_channel(arn: &str) -> Option<String> {
    let parsed = parse(arn).filter(|parsed| parsed.kind == "contact-channel")?;
    let (alias, _) = parsed.rest.split_once('/')?;
    Some(format!(
        "arn:{}:ssm-contacts:{}:{}:contact/{alias}",
        parsed.partition, parsed.region, parsed.account
    ))
}

/// The ARN of another kind of resource that belongs to a contact.
pub(super) fn beside(contact: &str, kind: &str, id: &str) -> String {
    let (prefix, alias) = contact.rsplit_once(":contact/").unwrap_or((contact, ""));
    format!("{prefix}:{kind}/{alias}/{id}")
}

/// Whether reads see by now what was created then.
pub(super) fn visible(call: &Call<'_>, created: i64) -> bool {
    call.operation.mutating
        || created + call.knobs.number(crate::knobs::Knob::ConsistencyDelayMs) <= call.now
}

fn local<'a>(
    call: &Call<'_>,
    arn: &'a str,
    kind: &str,
    kind_name: &str,
) -> Result<&'a str, AwsError> {
    let parsed = parse(arn)
        .filter(|parsed| parsed.kind == kind)
        .ok_or_else(|| errors::invalid_arn(arn))?;
    if parsed.account != call.scope.account {
        return Err(AwsError::new(
            "AccessDeniedException",
            format!(
                "User: {} is not authorized to perform: ssm-contacts:{} on resource: {arn} because no resource-based policy allows the ssm-contacts:{} action",
                call.principal, call.operation.name, call.operation.name
            ),
        ));
    }
    if parsed.region != call.scope.region || parsed.partition != call.partition {
        return Err(errors::not_found(kind_name, arn));
    }
    Ok(parsed.rest)
}

/// The alias of the contact an ARN names, if it exists.
pub(super) fn find_contact(
    account: &mut Account,
    call: &Call<'_>,
    arn: &str,
) -> Result<String, AwsError> {
    let alias = local(call, arn, "contact", CONTACT)?;
    match account.region(&call.scope.region).contacts.get(alias) {
        Some(contact) if visible(call, contact.created) => Ok(alias.to_owned()),
        _ => Err(errors::not_found(CONTACT, arn)),
    }
}

/// The id of the rotation an ARN names, if it exists.
pub(super) fn find_rotation(
    account: &mut Account,
    call: &Call<'_>,
    arn: &str,
) -> Result<String, AwsError> {
    let id = local(call, arn, "rotation", ROTATION)?;
    match account.region(&call.scope.region).rotations.get(id) {
        Some(rotation) if visible(call, rotation.created) => Ok(id.to_owned()),
        _ => Err(errors::not_found(ROTATION, arn)),
    }
}

/// Whether an ARN is of the called account and Region.
pub(super) fn is_here(call: &Call<'_>, parsed: &Arn<'_>) -> bool {
    parsed.account == call.scope.account
        && parsed.region == call.scope.region
        && parsed.partition == call.partition
}

/// The id of the channel an ARN names, if it exists.
pub(super) fn find_channel(
    account: &mut Account,
    call: &Call<'_>,
    arn: &str,
) -> Result<String, AwsError> {
    let rest = local(call, arn, "contact-channel", CHANNEL)?;
    let region = account.region(&call.scope.region);
    match channel_at(region, rest) {
        Some(channel) if visible(call, channel.created) => Ok(channel.id.clone()),
        _ => Err(errors::not_found(CHANNEL, arn)),
    }
}

/// The engagement an ARN names, if it exists.
pub(super) fn find_engagement<'a>(
    account: &'a mut Account,
    call: &Call<'_>,
    arn: &str,
) -> Result<&'a Engagement, AwsError> {
    let rest = local(call, arn, "engagement", ENGAGEMENT)?;
    let (_, id) = rest.rsplit_once('/').unwrap_or_default();
    account
        .region(&call.scope.region)
        .engagements
        .get(id)
        .filter(|found| found.arn() == arn && visible(call, found.started))
        .ok_or_else(|| errors::not_found(ENGAGEMENT, arn))
}

/// The page an ARN names, if it exists.
pub(super) fn find_page<'a>(
    account: &'a mut Account,
    call: &Call<'_>,
    arn: &str,
) -> Result<View<'a>, AwsError> {
    local(call, arn, "page", PAGE)?;
    super::engagement::page_at(account.region(&call.scope.region), arn)
        .filter(|view| visible(call, view.created()))
        .ok_or_else(|| errors::not_found(PAGE, arn))
}

/// The channel at `alias/id`.
pub(super) fn channel_at<'a>(region: &'a RegionContacts, rest: &str) -> Option<&'a Channel> {
    let (alias, id) = rest.split_once('/')?;
    region
        .channels
        .get(id)
        .filter(|channel| channel.alias == alias)
}
