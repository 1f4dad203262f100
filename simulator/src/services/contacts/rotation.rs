//! Rotations.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use crate::clock::{Millis, epoch_seconds, from_epoch_seconds};
use crate::error::AwsError;
use crate::iam::Needed;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::arn::{find_rotation, is_here, of_rotation, parse, visible};
use super::contact::{remember, replayed};
use super::errors::{self, CONTACT, ROTATION, SHOWN};
use super::state::{RegionContacts, Rotation};
use super::{action, nothing, pages, recurrence, tags};

/// How far in the past still counts as now.
pub(super) const GRACE: Millis = 60_000;

pub(super) fn create_needs(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    // The id is not known yet.
    let any = of_rotation(call, "*");
    let mut needed = action(call, &any);
    if call.input["Tags"]
        .as_array()
        .is_some_and(|tags| !tags.is_empty())
    {
        needed.push(Needed::new("ssm-contacts:TagResource", any));
    }
    needed
}

/// A member of the input that is an instant.
pub(super) fn instant(call: &Call<'_>, name: &str) -> Option<Millis> {
    call.input.get(name).and_then(from_epoch_seconds)
}

/// A member of the input that is a list of texts.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// On call are people of the same account and Region.
pub(super) fn check_people(
    region: &RegionContacts,
    call: &Call<'_>,
    arns: &[String],
) -> Result<(), AwsError> {
    for arn in arns {
        let person = parse(arn)
            .filter(|parsed| is_here(call, parsed) && parsed.kind == "contact")
            .ok_or_else(|| errors::invalid_arn(arn))?;
        match region.contacts.get(person.rest) {
            None => return Err(errors::not_found(CONTACT, arn)),
            Some(contact) if contact.kind != "PERSONAL" => {
                return Err(errors::invalid(format!(
                    "Only PERSONAL contacts can be on call, {} is of type {}",
                    contact.alias, contact.kind
                )));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The start to keep: the one given, the one there was, or now.
fn start_time(call: &Call<'_>, current: Option<Millis>) -> Result<Millis, AwsError> {
    let Some(given) = instant(call, "StartTime") else {
        return Ok(current.unwrap_or(call.now));
    };
    if current == Some(given) || given >= call.now - GRACE {
        return Ok(given);
    }
    match call.knobs.get(Knob::PastRotationStart) {
        "refuse" => Err(errors::invalid("StartTime cannot be in the past")),
        "move" => Ok(call.now),
        _ => Ok(given),
    }
}

fn check_name(region: &RegionContacts, call: &Call<'_>, name: &str) -> Result<(), AwsError> {
    let holder = region
        .rotations
        .values()
        .find(|rotation| rotation.name == name);
    match holder {
        Some(holder) if call.knobs.is(Knob::DuplicateRotationName, "conflict") => {
            Err(errors::conflict(
                ROTATION,
                &of_rotation(call, &holder.id),
                format!("A rotation with the name {name} already exists."),
            ))
        }
        _ => Ok(()),
    }
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let rotations = account
        .contacts
        .get(&call.scope.region)
        .map(|region| &region.rotations);
    let exists = |arn: &str| {
        let id = arn.rsplit('/').next().unwrap_or_default();
        rotations.is_some_and(|rotations| rotations.contains_key(id))
    };
    if let Some(output) = replayed(account, call, ROTATION, exists)? {
        return Ok(output);
    }
    let tags = tags::parse(call.input.get("Tags"))?;
    if !tags.is_empty() {
        tags::check_region(account, call)?;
    }
    let region = account.region(&call.scope.region);
    let name = call.required("Name").to_owned();
    check_name(region, call, &name)?;
    let time_zone = call.required("TimeZoneId").to_owned();
    recurrence::zone(&time_zone)?;
    let contact_ids = texts(call.input.get("ContactIds"));
    recurrence::parse(&call.input["Recurrence"], contact_ids.len())?;
    check_people(region, call, &contact_ids)?;
    let start = start_time(call, None)?;
    let quota = call.knobs.number(Knob::RotationsQuota);
    if i64::try_from(region.rotations.len()).unwrap_or(i64::MAX) >= quota {
        return Err(errors::quota(
            "RotationsPerAccount",
            format!("The limit of {quota} rotations has been reached."),
        )
        .with("ResourceType", ROTATION));
    }
    let id = uuid::Uuid::new_v4().to_string();
    let arn = of_rotation(call, &id);
    region.rotations.insert(
        id.clone(),
        Rotation {
            id,
            name,
            contact_ids,
            start,
            time_zone,
            recurrence: call.input["Recurrence"].clone(),
            tags,
            overrides: std::collections::BTreeMap::new(),
            created: call.now,
        },
    );
    call.created.push(arn.clone());
    let output = json!({"RotationArn": arn});
    remember(account, call, &output, &arn);
    Ok(output)
}

fn shown(call: &Call<'_>, rotation: &Rotation, members: usize) -> Value {
    let contacts = &rotation.contact_ids[..rotation.contact_ids.len().min(members)];
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("RotationArn", of_rotation(call, &rotation.id).into());
    put("Name", rotation.name.clone().into());
    put("ContactIds", contacts.into());
    put("StartTime", epoch_seconds(rotation.start));
    put("TimeZoneId", rotation.time_zone.clone().into());
    put("Recurrence", rotation.recurrence.clone());
    Value::Object(shown)
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let id = find_rotation(account, call, call.required("RotationId"))?;
    let rotation = &account.region(&call.scope.region).rotations[&id];
    Ok(shown(call, rotation, usize::MAX))
}

pub(super) fn update(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let id = find_rotation(account, call, call.required("RotationId"))?;
    let region = account.region(&call.scope.region);
    let mut changed = region.rotations[&id].clone();
    if let Some(zone) = call.text("TimeZoneId") {
        recurrence::zone(zone)?;
        zone.clone_into(&mut changed.time_zone);
    }
    if let Some(members) = call.input.get("ContactIds") {
        changed.contact_ids = texts(Some(members));
        check_people(region, call, &changed.contact_ids)?;
    }
    changed.recurrence = call.input["Recurrence"].clone();
    recurrence::parse(&changed.recurrence, changed.contact_ids.len())?;
    changed.start = start_time(call, Some(changed.start))?;
    if call.knobs.is(Knob::RotationUpdateDropsOverrides, "yes") {
        changed
            .overrides
            .retain(|_, replaced| replaced.start <= call.now);
    }
    region.rotations.insert(id, changed);
    Ok(nothing())
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("RotationId");
    let id = find_rotation(account, call, arn)?;
    let region = account.region(&call.scope.region);
    let is_it = |named: &Value| named == arn;
    let schedules: Vec<String> = region
        .contacts
        .values()
        .filter(|contact| rotations_of(&contact.plan).iter().any(is_it))
        .map(|contact| contact.alias.clone())
        .collect();
    if !schedules.is_empty() && call.knobs.is(Knob::RotationDeleteInSchedule, "conflict") {
        let arns: Vec<String> = schedules
            .iter()
            .map(|alias| super::arn::of_contact(call, alias))
            .collect();
        let error = errors::conflict(
            ROTATION,
            arn,
            "The rotation is used by an on-call schedule and cannot be deleted.",
        );
        return Err(errors::dependents(error, CONTACT, &arns));
    }
    for alias in schedules {
        if let Some(rotations) = region
            .contacts
            .get_mut(&alias)
            .and_then(|contact| contact.plan["RotationIds"].as_array_mut())
        {
            rotations.retain(|named| !is_it(named));
        }
    }
    region.rotations.remove(&id);
    Ok(nothing())
}

fn rotations_of(plan: &Value) -> &[Value] {
    plan["RotationIds"].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let prefix = call.text("RotationNamePrefix").unwrap_or_default();
    let page = pages::page(call, prefix)?;
    let start = match &page.after {
        Some(after) => Bound::Excluded(after.as_str()),
        None => Bound::Unbounded,
    };
    let rotations = &account.region(&call.scope.region).rotations;
    let found = rotations
        .range::<str, _>((start, Bound::Unbounded))
        .map(|(_, rotation)| rotation)
        .filter(|rotation| rotation.name.starts_with(prefix))
        .filter(|rotation| visible(call, rotation.created));
    let (found, next) = page.cut(found, |rotation| rotation.id.clone());
    let shown: Vec<Value> = found
        .into_iter()
        .map(|rotation| shown(call, rotation, SHOWN))
        .collect();
    let mut output = json!({"Rotations": shown});
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}
