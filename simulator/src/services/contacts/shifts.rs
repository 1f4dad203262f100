//! The shifts of rotations, made and planned.

use serde_json::{Value, json};

use crate::clock::{Millis, epoch_seconds, from_epoch_seconds};
use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::arn::{find_rotation, visible};
use super::errors::{self, SHOWN};
use super::pages::{self, Page};
use super::recurrence;
use super::roster::{Enough, Piece, Replacement, Roster};
use super::rotation::{instant, texts};
use super::state::{Override, Rotation};

fn shown(piece: &Piece) -> Value {
    let cut = |people: &[String]| people[..people.len().min(SHOWN)].to_vec();
    let overridden = piece.overridden.as_deref();
    json!({
        "ContactIds": cut(&piece.people),
        "StartTime": epoch_seconds(piece.start),
        "EndTime": epoch_seconds(piece.end),
        "Type": if overridden.is_some() { "OVERRIDDEN" } else { "REGULAR" },
        "ShiftDetails": {"OverriddenContactIds": cut(overridden.unwrap_or_default())},
    })
}

/// One page of the pieces from `StartTime`, or else the start, to `EndTime`.
fn answer(call: &Call<'_>, roster: &Roster, page: &Page) -> Result<Value, AwsError> {
    let from = instant(call, "StartTime").unwrap_or(roster.start);
    let until = instant(call, "EndTime").unwrap_or_default();
    if instant(call, "StartTime").is_some_and(|from| until < from) {
        return Err(errors::invalid("EndTime must not be before StartTime"));
    }
    let after: Option<Millis> = page.after.as_ref().and_then(|after| after.parse().ok());
    let mut found = Vec::new();
    roster.pieces(
        after.map_or(from, |after| after.max(from)),
        until,
        |piece| {
            if after.is_none_or(|after| piece.start > after) {
                found.push(piece);
            }
            if page.is_full(found.len()) {
                Enough::Yes
            } else {
                Enough::NotYet
            }
        },
    );
    let (found, next) = page.cut(found.into_iter(), |piece| piece.start.to_string());
    let shown: Vec<Value> = found.iter().map(shown).collect();
    let mut output = json!({"RotationShifts": shown});
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}

/// The roster of a rotation with the overrides that are seen.
fn roster(rotation: &Rotation, seen: impl Fn(&Override) -> bool) -> Result<Roster, AwsError> {
    Ok(Roster {
        people: rotation.contact_ids.clone(),
        start: rotation.start,
        zone: recurrence::zone(&rotation.time_zone)?,
        recurrence: recurrence::parse(&rotation.recurrence, rotation.contact_ids.len())?,
        replacements: rotation
            .overrides
            .values()
            .filter(|each| seen(each))
            .map(|each| Replacement {
                people: each.contact_ids.clone(),
                start: each.start,
                end: each.end,
                rank: (each.created, each.id.clone()),
            })
            .collect(),
    })
}

/// Who is on shift at this moment.
pub(super) fn on_shift(rotation: &Rotation, at: Millis) -> Vec<String> {
    let mut people = Vec::new();
    if let Ok(roster) = roster(rotation, |_| true) {
        roster.pieces(at, at + 1, |piece| {
            people = piece.people;
            Enough::Yes
        });
    }
    people
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("RotationId");
    // Unlike all others, this operation says so with a ValidationException.
    let id = find_rotation(account, call, arn).map_err(|error| {
        if error.code == "ResourceNotFoundException" {
            errors::invalid_arn(arn)
        } else {
            error
        }
    })?;
    let rotation = &account.region(&call.scope.region).rotations[&id];
    let roster = roster(rotation, |each| visible(call, each.created))?;
    let page = pages::page(call, &filters(call))?;
    answer(call, &roster, &page)
}

/// Everything that a token is bound to.
fn filters(call: &Call<'_>) -> String {
    let mut input = call.input.clone();
    if let Some(members) = input.as_object_mut() {
        members.remove("NextToken");
        members.remove("MaxResults");
    }
    input.to_string()
}

fn replacement(position: usize, planned: &Value) -> Result<Replacement, AwsError> {
    let times = planned
        .get("StartTime")
        .and_then(from_epoch_seconds)
        .zip(planned.get("EndTime").and_then(from_epoch_seconds));
    let Some((start, end)) = times else {
        return Err(errors::invalid("An override needs StartTime and EndTime"));
    };
    Ok(Replacement {
        people: texts(planned.get("NewMembers")),
        start,
        end,
        rank: (i64::try_from(position).unwrap_or(i64::MAX), String::new()),
    })
}

pub(super) fn preview(_: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let people = texts(call.input.get("Members"));
    let planned = call.input["Overrides"].as_array();
    let roster = Roster {
        start: instant(call, "RotationStartTime").unwrap_or(call.now),
        zone: recurrence::zone(call.required("TimeZoneId"))?,
        recurrence: recurrence::parse(&call.input["Recurrence"], people.len())?,
        people,
        replacements: planned
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(position, planned)| replacement(position, planned))
            .collect::<Result<_, _>>()?,
    };
    let page = pages::page(call, &filters(call))?;
    answer(call, &roster, &page)
}
