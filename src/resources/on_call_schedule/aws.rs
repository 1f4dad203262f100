//! Reads and writes schedules and rotations. The only file here that sends, and it decides nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ssmcontacts::types;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::observed::{Observed, ObservedRotation, ObservedSchedule};
use super::on_call::{Shift, confirm, confirmation_due};
use super::plan::{Change, LaterStart, Link, ROTATION_SLOT};
use super::{OnCallSchedules, desired};
use crate::aws::contacts::{self, ContactType, Creation};
use crate::aws::rotations::{self, Found, SHOWN, date_time, timestamp};
use crate::aws::{CallError, ErrorClass, Operation, Priority, Session};
use crate::engine::ownership::Claim;
use crate::engine::{Applied, Sight};
use crate::resources::alias;
use crate::schedule::{Interval, Recurrence, Rotation, RotationSettings, TimeOfDay, Weekday};

/// How old a list of all rotations may be for a drift check.
const LIST_MAX_AGE: Duration = Duration::from_secs(20);
/// Overrides that ended so long ago still matter for when the last hand-off was.
const OVERRIDES_BACK: SignedDuration = SignedDuration::from_hours(8 * 24);
/// Overrides are made six months ahead at most; a little more catches all.
const OVERRIDES_AHEAD: SignedDuration = SignedDuration::from_hours(200 * 24);

/// Every rotation of the account and Region by ARN. Those with as many members as a list shows at most are left out: they have to be read by
/// themselves.
type All = HashMap<String, Found>;

/// Reads a schedule with its rotations, their overrides and, where that is due, AWS's own reckoning of who is on call. `None` = AWS has
/// neither the schedule nor a rotation of ours.
pub async fn observe(
    sight: Sight<'_, OnCallSchedules>,
    written_at: Option<Instant>,
) -> Result<Option<Observed>, CallError> {
    let session = sight.session;
    let mut observed = Observed {
        arn: sight.identity.to_owned(),
        alias: desired::alias(sight.object),
        other_type: None,
        schedule: None,
        rotations: vec![],
    };
    if let Some(contact) = contacts::get(session, sight.identity).await? {
        observed.arn = contact.arn;
        observed.other_type = alias::other_type(contact.type_, ContactType::Schedule);
        if observed.other_type.is_some() {
            return Ok(Some(observed));
        }
        observed.schedule = Some(ObservedSchedule {
            display_name: contact.display_name,
            rotations: contact.plan.rotation_ids.unwrap_or_default(),
        });
    }
    let common = &sight.status.common;
    let items = common.applied.iter().flat_map(|a| &a.items);
    let recorded: BTreeSet<&str> = items
        .filter(|i| i.slot.starts_with(ROTATION_SLOT))
        .map(|i| i.id.as_str())
        .collect();
    let used = observed.schedule.iter().flat_map(|s| &s.rotations);
    let mut arns: Vec<String> = vec![];
    for arn in used.map(String::as_str).chain(recorded.iter().copied()) {
        if !arns.iter().any(|a| a == arn) {
            arns.push(arn.to_owned());
        }
    }
    let sought = sought(&sight, &observed);
    let all = if sought.is_empty() && session.priority != Priority::Drift {
        None
    } else {
        Some(list(session, written_at).await?)
    };
    // After a rebuild of the cluster only tags tell what is ours.
    let unknown = common.applied.is_none();
    for arn in &arns {
        // One that is out of the schedule may be gone since the list was made.
        let listed = all.as_ref().and_then(|all| all.get(arn));
        let listed = listed.filter(|_| observed.uses(arn));
        let found = match listed.filter(|_| session.priority == Priority::Drift) {
            Some(listed) => Some(listed.clone()),
            None => rotations::get(session, arn).await?,
        };
        let Some(found) = found else { continue };
        let ours = recorded.contains(arn.as_str()) || (unknown && is_ours(&sight, arn).await?);
        observed.rotations.push(rotation(found, ours));
    }
    for found in all.iter().flat_map(|all| all.values()) {
        let known = arns.contains(&found.arn);
        if sought.contains(&found.name) && !known && is_ours(&sight, &found.arn).await? {
            observed.rotations.push(rotation(found.clone(), true));
        }
    }
    if observed.schedule.is_none() && observed.rotations.is_empty() {
        return Ok(None);
    }
    if sight.object.metadata.deletion_timestamp.is_none() {
        read_on_call(&sight, &mut observed).await?;
    }
    Ok(Some(observed))
}

/// Names of rotations that may have been made without our knowing their ARN: a crash came between.
fn sought(sight: &Sight<'_, OnCallSchedules>, observed: &Observed) -> BTreeSet<String> {
    let begun = sight.status.common.pending.iter();
    let begun = begun.filter_map(|p| p.slot.strip_prefix(ROTATION_SLOT).map(str::to_owned));
    let mut names: BTreeSet<String> = begun.collect();
    if observed.schedule.is_none() {
        let all = sight.object.spec.rotations.iter().flatten();
        names.extend(all.map(|r| desired::rotation_name(r).to_owned()));
    }
    names
}

fn rotation(found: Found, ours: bool) -> ObservedRotation {
    let settings = found.settings.unwrap_or_else(|| RotationSettings {
        members: vec![],
        start: Timestamp::UNIX_EPOCH,
        zone: String::new(),
        recurrence: Recurrence::Daily(vec![]),
        shift_length: 0,
        number_on_call: 0,
        coverage: vec![],
    });
    ObservedRotation {
        rotation: Rotation::new(settings.clone()).ok(),
        arn: found.arn,
        name: found.name,
        ours,
        settings,
        overrides: vec![],
        tags: None,
        confirmation: None,
    }
}

/// Whether a rotation carries our tags. Where tags cannot be read, it counts as somebody else's.
async fn is_ours(sight: &Sight<'_, OnCallSchedules>, arn: &str) -> Result<bool, CallError> {
    match contacts::tags(sight.session, arn).await {
        Ok(tags) => Ok(matches!(sight.claimant.claim(&tags), Claim::Ours(_))),
        Err(error)
            if matches!(
                error.class,
                ErrorClass::NotFound | ErrorClass::Invalid | ErrorClass::AccessDenied
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Overrides, and AWS's own reckoning where it is due.
async fn read_on_call(
    sight: &Sight<'_, OnCallSchedules>,
    observed: &mut Observed,
) -> Result<(), CallError> {
    let earlier = sight.now.checked_sub(OVERRIDES_BACK).unwrap_or(sight.now);
    let later = sight.now.checked_add(OVERRIDES_AHEAD).unwrap_or(sight.now);
    let window = Interval::new(earlier, later);
    for rotation in &mut observed.rotations {
        let found = rotations::overrides(sight.session, &rotation.arn, window).await?;
        rotation.overrides = found.unwrap_or_default();
        let due = confirmation_due(rotation, sight.status, sight.now);
        if let Some((for_, window)) = due {
            match shifts(sight.session, &rotation.arn, window).await {
                Ok(shifts) => {
                    rotation.confirmation = Some(confirm(rotation, for_, window, &shifts));
                }
                // It is only a second opinion: AWS may have none (yet).
                Err(error)
                    if matches!(
                        error.class,
                        ErrorClass::NotFound
                            | ErrorClass::Conflict
                            | ErrorClass::Invalid
                            | ErrorClass::AccessDenied
                    ) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Reads the tags of the schedule, or of a rotation of ours as long as there is no schedule; keeps those of rotations in `observed`.
pub async fn read_tags(
    session: &Session,
    observed: &mut Observed,
) -> Result<BTreeMap<String, String>, CallError> {
    let mut own = match &observed.schedule {
        Some(_) => Some(contacts::tags(session, &observed.arn).await?),
        None => None,
    };
    for rotation in &mut observed.rotations {
        rotation.tags = match contacts::tags(session, &rotation.arn).await {
            Ok(tags) => Some(tags),
            Err(error) if error.class == ErrorClass::NotFound => None,
            Err(error) => return Err(error),
        };
        if own.is_none() && rotation.ours {
            own.clone_from(&rotation.tags);
        }
    }
    Ok(own.unwrap_or_default())
}

async fn list(session: &Session, written_at: Option<Instant>) -> Result<Arc<All>, CallError> {
    let list = session.account.list::<All>();
    let read = read_all(session);
    let operation = Operation::ListRotations;
    session
        .shared(&list, operation, written_at, LIST_MAX_AGE, read)
        .await
}

async fn read_all(session: &Session) -> Result<All, CallError> {
    let mut all = All::new();
    let mut next = None;
    loop {
        let request = session.contacts().list_rotations().set_next_token(next);
        let page = session
            .send(Operation::ListRotations, request.send())
            .await?;
        for one in page.rotations {
            let members = one.contact_ids.unwrap_or_default();
            if members.len() >= SHOWN {
                continue;
            }
            let start = one.start_time.as_ref().and_then(timestamp);
            let settings = one
                .recurrence
                .as_ref()
                .zip(start)
                .and_then(|(recurrence, start)| {
                    rotations::settings(
                        recurrence,
                        members,
                        start,
                        one.time_zone_id.unwrap_or_default(),
                    )
                });
            let found = Found {
                arn: one.rotation_arn,
                name: one.name,
                settings,
            };
            all.insert(found.arn.clone(), found);
        }
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            return Ok(all);
        }
    }
}

async fn shifts(session: &Session, arn: &str, window: Interval) -> Result<Vec<Shift>, CallError> {
    let mut all = vec![];
    let mut next = None;
    loop {
        let request = session
            .contacts()
            .list_rotation_shifts()
            .rotation_id(arn)
            .start_time(date_time(window.start))
            .end_time(date_time(window.end))
            .set_next_token(next);
        let page = session
            .send(Operation::ListRotationShifts, request.send())
            .await?;
        let found = page.rotation_shifts.into_iter().flatten();
        all.extend(found.filter_map(|shift| {
            Some(Shift {
                interval: Interval::new(timestamp(&shift.start_time)?, timestamp(&shift.end_time)?),
                people: shift.contact_ids.into_iter().flatten().collect(),
            })
        }));
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            return Ok(all);
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
    match change {
        Change::CreateRotation {
            name,
            settings,
            otherwise,
            tags,
        } => {
            let tags = contacts::tags_to(tags);
            let first = create_rotation(session, name, settings, &tags, token).await;
            let id = match (first, otherwise) {
                (Err(error), Some(later)) if error.class == ErrorClass::Invalid => {
                    let settings = starting(settings, later);
                    // Another request than the one that was refused.
                    let token = format!("{token}-later");
                    let second = create_rotation(session, name, &settings, &tags, &token).await;
                    // The first answer says what is wrong with the rest.
                    second.map_err(|_| error)?
                }
                (first, _) => first?,
            };
            return Ok(Applied {
                id: Some(id),
                // Names of rotations are not unique: nothing but the ARN finds it again for certain.
                save_now: true,
            });
        }
        Change::UpdateRotation {
            arn,
            settings,
            with_start,
            otherwise,
            ..
        } => {
            let first = update_rotation(session, arn, settings, *with_start).await;
            match (first, otherwise) {
                (Err(error), Some(later)) if error.class == ErrorClass::Invalid => {
                    let settings = starting(settings, later);
                    let second = update_rotation(session, arn, &settings, true).await;
                    second.map_err(|_| error)?;
                }
                (first, _) => first?,
            }
        }
        Change::CreateSchedule {
            alias,
            display_name,
            rotations,
            tags,
        } => {
            let creation = Creation {
                alias,
                display_name,
                type_: types::ContactType::OncallSchedule,
                plan: plan(rotations, ids),
                tags,
            };
            return Ok(Applied {
                id: Some(contacts::create(session, creation, token).await?),
                save_now: false,
            });
        }
        Change::UpdateSchedule {
            display_name,
            rotations,
            ..
        } => {
            let plan = rotations.as_ref().map(|links| plan(links, ids));
            contacts::update(session, arn, display_name.as_deref(), plan).await?;
        }
        Change::DeleteRotation { arn, .. } => match delete_rotation(session, arn).await {
            Err(error) if error.class == ErrorClass::NotFound => {}
            other => other?,
        },
        Change::SetTags(tags) => contacts::set_tags(session, arn, tags).await?,
        Change::RemoveTags(keys) => contacts::remove_tags(session, arn, keys).await?,
        Change::SetRotationTags { arn, tags, .. } => {
            contacts::set_tags(session, arn, tags).await?;
        }
        Change::RemoveRotationTags { arn, keys, .. } => {
            contacts::remove_tags(session, arn, keys).await?;
        }
        Change::DeleteSchedule => match contacts::delete(session, arn).await {
            Err(error) if error.class == ErrorClass::NotFound => {}
            other => other?,
        },
    }
    Ok(Applied::default())
}

/// No stages, not even none: AWS may refuse them for schedules.
fn plan(links: &[Link], ids: &BTreeMap<String, String>) -> types::Plan {
    let arns = links.iter().filter_map(|link| match link {
        Link::Arn(arn) => Some(arn.clone()),
        Link::Slot(slot) => ids.get(slot).cloned(),
    });
    types::Plan::builder()
        .set_rotation_ids(Some(arns.collect()))
        .build()
}

fn starting(settings: &RotationSettings<String>, later: &LaterStart) -> RotationSettings<String> {
    RotationSettings {
        start: later.start,
        members: later.members.clone(),
        ..settings.clone()
    }
}

async fn create_rotation(
    session: &Session,
    name: &str,
    settings: &RotationSettings<String>,
    tags: &[types::Tag],
    token: &str,
) -> Result<String, CallError> {
    let request = session
        .contacts()
        .create_rotation()
        .name(name)
        .set_contact_ids(Some(settings.members.clone()))
        .start_time(date_time(settings.start))
        .time_zone_id(&settings.zone)
        .set_recurrence(recurrence(settings))
        .set_tags(Some(tags.to_vec()).filter(|t| !t.is_empty()))
        .idempotency_token(token);
    let output = session
        .send(Operation::CreateRotation, request.send())
        .await?;
    Ok(output.rotation_arn)
}

/// UpdateRotation. Everything but the start is sent every time: the recurrence has to be, and the rest goes with it.
async fn update_rotation(
    session: &Session,
    arn: &str,
    settings: &RotationSettings<String>,
    with_start: bool,
) -> Result<(), CallError> {
    let request = session
        .contacts()
        .update_rotation()
        .rotation_id(arn)
        .set_contact_ids(Some(settings.members.clone()))
        .set_start_time(with_start.then(|| date_time(settings.start)))
        .time_zone_id(&settings.zone)
        .set_recurrence(recurrence(settings));
    session
        .send(Operation::UpdateRotation, request.send())
        .await?;
    Ok(())
}

async fn delete_rotation(session: &Session, arn: &str) -> Result<(), CallError> {
    let request = session.contacts().delete_rotation().rotation_id(arn);
    session
        .send(Operation::DeleteRotation, request.send())
        .await?;
    Ok(())
}

/// `None` never comes about: everything that the SDK asks for is set.
fn recurrence(settings: &RotationSettings<String>) -> Option<types::RecurrenceSettings> {
    let counted = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let builder = types::RecurrenceSettings::builder()
        .number_of_on_calls(counted(settings.number_on_call))
        .recurrence_multiplier(counted(settings.shift_length));
    let builder = match &settings.recurrence {
        Recurrence::Daily(times) => {
            let daily = times.iter().map(|t| hand_off(*t)).collect();
            builder.set_daily_settings(Some(daily))
        }
        Recurrence::Weekly(times) => {
            let weekly = times.iter().map(|(day, time)| {
                let builder = types::WeeklySetting::builder().day_of_week(weekday(*day));
                builder.hand_off_time(hand_off(*time)).build().ok()
            });
            builder.set_weekly_settings(Some(weekly.collect::<Option<Vec<_>>>()?))
        }
        Recurrence::Monthly(times) => {
            let monthly = times.iter().map(|(day, time)| {
                let builder = types::MonthlySetting::builder().day_of_month(i32::from(*day));
                builder.hand_off_time(hand_off(*time)).build().ok()
            });
            builder.set_monthly_settings(Some(monthly.collect::<Option<Vec<_>>>()?))
        }
    };
    let mut windows: HashMap<types::DayOfWeek, Vec<types::CoverageTime>> = HashMap::new();
    for window in &settings.coverage {
        let time = types::CoverageTime::builder()
            .start(hand_off(window.start))
            .end(hand_off(window.end))
            .build();
        windows.entry(weekday(window.day)).or_default().push(time);
    }
    let windows = (!windows.is_empty()).then_some(windows);
    builder.set_shift_coverages(windows).build().ok()
}

fn hand_off(time: TimeOfDay) -> types::HandOffTime {
    types::HandOffTime::builder()
        .hour_of_day(i32::from(time.hour()))
        .minute_of_hour(i32::from(time.minute()))
        .build()
}

fn weekday(day: Weekday) -> types::DayOfWeek {
    match day {
        Weekday::Monday => types::DayOfWeek::Mon,
        Weekday::Tuesday => types::DayOfWeek::Tue,
        Weekday::Wednesday => types::DayOfWeek::Wed,
        Weekday::Thursday => types::DayOfWeek::Thu,
        Weekday::Friday => types::DayOfWeek::Fri,
        Weekday::Saturday => types::DayOfWeek::Sat,
        Weekday::Sunday => types::DayOfWeek::Sun,
    }
}
