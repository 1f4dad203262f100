//! Spec and resolved references to what is wanted in AWS. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::OnCallSchedule;
use crate::api::on_call_schedule::{
    CoverageTarget, CoverageWindow as ApiWindow, DayOfWeek, Recurrence as ApiRecurrence,
    RecurrenceType, Rollout, RotationSpec,
};
use crate::engine::Error;
use crate::engine::references::Resolved;
use crate::resources::alias;
use crate::schedule::{
    CoverageWindow, Recurrence, Rotation, RotationSettings, TargetWindow, TimeOfDay, Weekday, zone,
};

/// Members of the rotations, by the rotation's name in the manifest.
#[derive(Debug, Default)]
pub struct Members {
    /// Who is to be in it, in order.
    pub by_rotation: BTreeMap<String, Vec<Resolved>>,
    /// Who was taken out because their Contact was deleted, as the manifest names them.
    pub removed: BTreeMap<String, Vec<String>>,
}

impl Members {
    /// Everybody.
    pub fn all(&self) -> impl Iterator<Item = &Resolved> {
        self.by_rotation.values().flatten()
    }
}

/// What a schedule should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// Alias.
    pub alias: String,
    /// Display name; empty and absent are the same.
    pub display_name: String,
    /// Rotations in the manifest's order.
    pub rotations: Vec<DesiredRotation>,
    /// Tags for creations.
    pub tags: BTreeMap<String, String>,
    /// When an edit of shifts is put into AWS.
    pub rollout: Rollout,
    /// When somebody must be on call; empty = always.
    pub target: Vec<TargetWindow>,
}

/// What a rotation should be.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredRotation {
    /// Name in the manifest.
    pub key: String,
    /// Name in AWS.
    pub name: String,
    /// Its fields; members by ARN.
    pub settings: RotationSettings<String>,
    /// The same, checked.
    pub rotation: Rotation<String>,
    /// Who was taken out, as the manifest names them.
    pub removed: Vec<String>,
    /// The hand-off that an edit waits for, once that was decided.
    pub rollout_at: Option<Timestamp>,
    /// The start that AWS was last asked for.
    pub requested_start: Option<Timestamp>,
    /// The start that AWS was last seen to have; `None` = it was not looked at since it was asked for another.
    pub seen_start: Option<Timestamp>,
}

/// The alias of an object.
pub fn alias(object: &OnCallSchedule) -> String {
    let alias = object.spec.alias.clone();
    alias.unwrap_or_else(|| object.name_any())
}

/// The name of a rotation in AWS.
pub fn rotation_name(rotation: &RotationSpec) -> &str {
    rotation.rotation_name.as_ref().unwrap_or(&rotation.name)
}

/// Works out what is wanted.
///
/// # Errors
/// `Stalled/InvalidSpec` for what the schema cannot say: zones (CHK-22), names from metadata.
pub fn desired(
    object: &OnCallSchedule,
    members: &Members,
    tags: BTreeMap<String, String>,
) -> Result<Desired, Error> {
    let alias = alias(object);
    alias::check(&alias)?;
    let rotations = object.spec.rotations.iter().flatten();
    Ok(Desired {
        alias,
        display_name: object.spec.display_name.clone().unwrap_or_default(),
        rotations: rotations
            .map(|rotation| desired_rotation(object, rotation, members))
            .collect::<Result<_, _>>()?,
        tags,
        rollout: object.spec.rollout.unwrap_or_default(),
        target: target(object)?,
    })
}

/// When somebody must be on call; empty = always.
///
/// # Errors
/// `Stalled/InvalidSpec` for a zone that is none (CHK-22).
pub fn target(object: &OnCallSchedule) -> Result<Vec<TargetWindow>, Error> {
    let windows = object.spec.coverage_target.iter().flatten().enumerate();
    windows
        .map(|(index, target)| target_window(index, target))
        .collect()
}

fn desired_rotation(
    object: &OnCallSchedule,
    spec: &RotationSpec,
    members: &Members,
) -> Result<DesiredRotation, Error> {
    let key = &spec.name;
    let people = members.by_rotation.get(key);
    let arns: Vec<String> = people
        .into_iter()
        .flatten()
        .map(|m| m.arn.clone())
        .collect();
    let settings = settings(spec, arns)?;
    // AWS may have others; a manifest is held to names of places.
    zone(&spec.time_zone)
        .map_err(|error| Error::invalid(format!("rotation \"{key}\": {error} (CHK-22)")))?;
    let rotation = Rotation::new(settings.clone())
        .map_err(|error| Error::invalid(format!("rotation \"{key}\": {error}")))?;
    let mut known = object.status.iter().flat_map(|s| &s.rotations);
    let known = known.find(|r| r.name == *key);
    Ok(DesiredRotation {
        key: key.clone(),
        name: rotation_name(spec).to_owned(),
        settings,
        rotation,
        removed: members.removed.get(key).cloned().unwrap_or_default(),
        rollout_at: known.and_then(|k| k.rollout_at.as_ref()).map(|t| t.0),
        requested_start: known
            .and_then(|k| k.requested_start_time.as_ref())
            .map(|t| t.0),
        seen_start: known
            .and_then(|k| k.effective_start_time.as_ref())
            .map(|t| t.0),
    })
}

/// The fields of a rotation with these members.
///
/// # Errors
/// `Stalled/InvalidSpec` for times that are none.
pub fn settings(
    spec: &RotationSpec,
    members: Vec<String>,
) -> Result<RotationSettings<String>, Error> {
    let key = &spec.name;
    let asked = spec.recurrence.number_of_on_calls.unwrap_or(1);
    let asked = u32::try_from(asked).unwrap_or(1);
    // Who was deleted leaves the others fewer: as many are on call as there are.
    let most = u32::try_from(members.len()).unwrap_or(u32::MAX).max(1);
    Ok(RotationSettings {
        members,
        start: whole_seconds(spec.start_time.0),
        zone: spec.time_zone.clone(),
        recurrence: recurrence(key, &spec.recurrence)?,
        shift_length: u32::try_from(spec.recurrence.shift_length.unwrap_or(1)).unwrap_or(1),
        number_on_call: asked.min(most),
        coverage: windows(key, spec.coverage.as_deref().unwrap_or_default())?,
    })
}

/// AWS keeps whole seconds.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn time(rotation: &str, text: &str) -> Result<TimeOfDay, Error> {
    TimeOfDay::parse(text).ok_or_else(|| {
        Error::invalid(format!(
            "{rotation}: \"{text}\" is not a time of day: give hh:mm, 00:00 to 23:59"
        ))
    })
}

fn recurrence(key: &str, spec: &ApiRecurrence) -> Result<Recurrence, Error> {
    let label = format!("rotation \"{key}\"");
    let missing = || {
        Error::invalid(format!(
            "{label}: recurrence needs the hand-offs that go with its type"
        ))
    };
    Ok(match spec.type_ {
        RecurrenceType::Daily => {
            let daily = spec.daily.as_ref().ok_or_else(missing)?;
            let times = daily.hand_offs.iter().map(|h| time(&label, &h.time));
            Recurrence::Daily(times.collect::<Result<_, _>>()?)
        }
        RecurrenceType::Weekly => {
            let weekly = spec.weekly.as_ref().ok_or_else(missing)?;
            let times = weekly.hand_offs.iter();
            let times = times.map(|h| Ok((weekday(h.day), time(&label, &h.time)?)));
            Recurrence::Weekly(times.collect::<Result<_, Error>>()?)
        }
        RecurrenceType::Monthly => {
            let monthly = spec.monthly.as_ref().ok_or_else(missing)?;
            let times = monthly.hand_offs.iter().map(|h| {
                let day = u8::try_from(h.day_of_month).unwrap_or(0);
                Ok((day, time(&label, &h.time)?))
            });
            Recurrence::Monthly(times.collect::<Result<_, Error>>()?)
        }
    })
}

fn windows(key: &str, windows: &[ApiWindow]) -> Result<Vec<CoverageWindow>, Error> {
    let label = format!("rotation \"{key}\"");
    let mut all = vec![];
    for window in windows {
        let (start, end) = (time(&label, &window.start)?, time(&label, &window.end)?);
        all.extend(window.days.iter().map(|day| CoverageWindow {
            day: weekday(*day),
            start,
            end,
        }));
    }
    Ok(all)
}

fn target_window(index: usize, target: &CoverageTarget) -> Result<TargetWindow, Error> {
    let label = format!("coverageTarget {}", index + 1);
    Ok(TargetWindow {
        days: target.days.iter().map(|day| weekday(*day)).collect(),
        start: time(&label, &target.start)?,
        end: time(&label, &target.end)?,
        zone: zone(&target.time_zone)
            .map_err(|error| Error::invalid(format!("{label}: {error} (CHK-22)")))?,
    })
}

/// The calendar's word for a day.
pub fn weekday(day: DayOfWeek) -> Weekday {
    match day {
        DayOfWeek::Mon => Weekday::Monday,
        DayOfWeek::Tue => Weekday::Tuesday,
        DayOfWeek::Wed => Weekday::Wednesday,
        DayOfWeek::Thu => Weekday::Thursday,
        DayOfWeek::Fri => Weekday::Friday,
        DayOfWeek::Sat => Weekday::Saturday,
        DayOfWeek::Sun => Weekday::Sunday,
    }
}
