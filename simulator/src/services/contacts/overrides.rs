//! Overrides of rotations.

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};

use crate::clock::{Millis, epoch_seconds};
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::arn::{find_rotation, visible};
use super::contact::{remember, replayed};
use super::errors::{self, OVERRIDE, SHOWN};
use super::rotation::{GRACE, check_people, instant, texts};
use super::state::{Override, RegionContacts};
use super::{nothing, pages};

const LEAST_LENGTH: Millis = 30 * 60_000;
const MONTHS_AHEAD: i32 = 6;

/// What holds for every override, planned or made.
pub(super) fn check_length(start: Millis, end: Millis) -> Result<(), AwsError> {
    if end <= start {
        return Err(errors::invalid("EndTime must be after StartTime"));
    }
    if end - start < LEAST_LENGTH {
        return Err(errors::invalid(
            "An override must be at least 30 minutes long",
        ));
    }
    Ok(())
}

fn check_start(call: &Call<'_>, start: Millis) -> Result<(), AwsError> {
    let latest = Timestamp::from_millisecond(call.now)
        .ok()
        .and_then(|now| {
            now.to_zoned(TimeZone::UTC)
                .checked_add(MONTHS_AHEAD.months())
                .ok()
        })
        .map_or(Millis::MAX, |latest| latest.timestamp().as_millisecond());
    if start > latest {
        return Err(errors::invalid(format!(
            "An override cannot start more than {MONTHS_AHEAD} months in the future"
        )));
    }
    if start < call.now - GRACE && call.knobs.is(Knob::PastOverrideStart, "refuse") {
        return Err(errors::invalid("StartTime cannot be in the past"));
    }
    Ok(())
}

fn check_contacts(
    region: &RegionContacts,
    call: &Call<'_>,
    rotation: &str,
    contacts: &[String],
) -> Result<(), AwsError> {
    let members = &region.rotations[rotation].contact_ids;
    let stranger = contacts.iter().find(|arn| !members.contains(arn));
    if let Some(stranger) = stranger
        && call.knobs.is(Knob::NonMemberOverride, "refuse")
    {
        return Err(errors::invalid(format!(
            "{stranger} is not a member of the rotation"
        )));
    }
    check_people(region, call, contacts)
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let regions = &account.contacts;
    let stands = |id: &str| {
        regions.get(&call.scope.region).is_some_and(|region| {
            let mut rotations = region.rotations.values();
            rotations.any(|rotation| rotation.overrides.contains_key(id))
        })
    };
    if let Some(output) = replayed(account, call, OVERRIDE, stands)? {
        return Ok(output);
    }
    let rotation = find_rotation(account, call, call.required("RotationId"))?;
    let region = account.region(&call.scope.region);
    let start = instant(call, "StartTime").unwrap_or_default();
    let end = instant(call, "EndTime").unwrap_or_default();
    check_length(start, end)?;
    check_start(call, start)?;
    let contact_ids = texts(call.input.get("NewContactIds"));
    check_contacts(region, call, &rotation, &contact_ids)?;
    let id = uuid::Uuid::new_v4().to_string();
    if let Some(rotation) = region.rotations.get_mut(&rotation) {
        rotation.overrides.insert(
            id.clone(),
            Override {
                id: id.clone(),
                contact_ids,
                start,
                end,
                created: call.now,
            },
        );
    }
    let output = json!({"RotationOverrideId": id});
    remember(account, call, &output, &id);
    Ok(output)
}

fn shown(replaced: &Override) -> Value {
    let contacts = &replaced.contact_ids[..replaced.contact_ids.len().min(SHOWN)];
    json!({
        "RotationOverrideId": replaced.id,
        "NewContactIds": contacts,
        "StartTime": epoch_seconds(replaced.start),
        "EndTime": epoch_seconds(replaced.end),
        "CreateTime": epoch_seconds(replaced.created),
    })
}

/// The rotation the call names, and its override.
fn find<'a>(account: &'a mut Account, call: &Call<'_>) -> Result<(String, &'a Override), AwsError> {
    let rotation = find_rotation(account, call, call.required("RotationId"))?;
    let id = call.required("RotationOverrideId");
    let found = account.region(&call.scope.region).rotations[&rotation]
        .overrides
        .get(id)
        .filter(|found| visible(call, found.created))
        .ok_or_else(|| errors::not_found(OVERRIDE, id))?;
    Ok((rotation, found))
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let (_, found) = find(account, call)?;
    let mut shown = shown(found);
    shown["RotationArn"] = call.required("RotationId").into();
    Ok(shown)
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let (rotation, found) = find(account, call)?;
    let id = found.id.clone();
    let region = account.region(&call.scope.region);
    if let Some(rotation) = region.rotations.get_mut(&rotation) {
        rotation.overrides.remove(&id);
    }
    Ok(nothing())
}

/// Those that overlap the time asked for, by start.
pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("RotationId");
    let rotation = find_rotation(account, call, arn)?;
    let from = instant(call, "StartTime").unwrap_or_default();
    let until = instant(call, "EndTime").unwrap_or_default();
    if until < from {
        return Err(errors::invalid("EndTime must not be before StartTime"));
    }
    let page = pages::page(call, &format!("{arn}|{from}|{until}"))?;
    let after = page.after.as_deref().and_then(|after| {
        let (start, id) = after.split_once('/')?;
        Some((start.parse::<Millis>().ok()?, id))
    });
    let mut found: Vec<&Override> = account.region(&call.scope.region).rotations[&rotation]
        .overrides
        .values()
        .filter(|each| each.start < until && each.end > from)
        .filter(|each| after.is_none_or(|after| (each.start, each.id.as_str()) > after))
        .filter(|each| visible(call, each.created))
        .collect();
    found.sort_by_key(|each| (each.start, each.id.clone()));
    let (found, next) = page.cut(found.into_iter(), |each| {
        format!("{}/{}", each.start, each.id)
    });
    let shown: Vec<Value> = found.into_iter().map(shown).collect();
    let mut output = json!({"RotationOverrides": shown});
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}
