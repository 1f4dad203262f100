//! From spec and references to what is wanted: who is on call instead of whom, and when. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Span, Timestamp, Unit};
use kube::ResourceExt;

use crate::api::conditions::Reason;
use crate::api::reference::ObjectReference;
use crate::api::rotation_override::RotationOverrideSpec;
use crate::api::{RESTORE_LABELS, RotationOverride, rotation_override::OverridePhase};
use crate::engine::Error;
use crate::engine::error::RETRY_REFUSED;
use crate::engine::references::Resolved;
use crate::resources::on_call_schedule::member_name;
use crate::schedule::Interval;

/// AWS takes no shorter override (CHK-28).
pub const SHORTEST: SignedDuration = SignedDuration::from_mins(30);
/// AWS takes overrides that begin so many months ahead (CHK-28).
const MONTHS_AHEAD: i32 = 6;

/// What the references of an override stand for.
#[derive(Debug, Clone)]
pub struct References {
    /// When they were looked up: the start of an override that has none of its own.
    pub now: Timestamp,
    /// The schedule, as messages name it.
    pub schedule: String,
    /// The rotations that are concerned, by the manifest's name, with their ARNs as far as AWS has them.
    pub rotations: Vec<(String, Option<String>)>,
    /// The people.
    pub people: BTreeMap<ObjectReference, Resolved>,
}

/// Who is on call instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Team {
    /// Who goes and who comes, by ARN; others on shift stay.
    Substitutes(Vec<(String, String)>),
    /// Exactly these, by ARN.
    Exactly(Vec<String>),
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// It is over: nothing is begun any more.
    pub over: bool,
    /// From its start to its end.
    pub time: Interval,
    /// Who is on call instead.
    pub team: Team,
    /// The schedule, as messages name it.
    pub schedule: String,
    /// The rotations that are concerned, by the manifest's name, with their ARNs as far as AWS has them.
    pub rotations: Vec<(String, Option<String>)>,
    /// What the people of the spec are called, by ARN.
    pub names: BTreeMap<String, String>,
}

/// From start to end. `first_seen` is the start of an override that has none of its own.
pub fn time(spec: &RotationOverrideSpec, first_seen: Timestamp) -> Interval {
    let start = whole_seconds(spec.start_time.as_ref().map_or(first_seen, |t| t.0));
    let minutes = i64::from(spec.duration_minutes.unwrap_or(0));
    let end = match &spec.end_time {
        Some(end) => whole_seconds(end.0),
        None => Interval::lasting(start, SignedDuration::from_mins(minutes)).end,
    };
    Interval::new(start, end)
}

/// The time of `object` as far as it is known; `now` is its start when nothing else says.
pub fn time_of(object: &RotationOverride, now: Timestamp) -> Interval {
    let recorded = object.status.as_ref().and_then(|s| s.start_time.as_ref());
    time(&object.spec, recorded.map_or(now, |t| t.0))
}

/// Nothing is begun any more: its end has passed, or had passed once already.
pub fn is_over(object: &RotationOverride, now: Timestamp) -> bool {
    let phase = object.status.as_ref().and_then(|s| s.phase);
    let time = time_of(object, now);
    phase == Some(OverridePhase::Completed) || (is_long_enough(time) && time.end <= now)
}

/// Whether AWS takes an override as short as this.
pub fn is_long_enough(time: Interval) -> bool {
    time.length() >= SHORTEST
}

/// Whether AWS takes an override that begins at `start`, as far as its distance goes.
pub fn is_near(start: Timestamp, now: Timestamp) -> bool {
    start <= months_later(now, MONTHS_AHEAD)
}

/// The first moment at which AWS takes an override that begins at `start`.
pub fn near_at(start: Timestamp) -> Timestamp {
    let mut at = months_later(start, -MONTHS_AHEAD);
    // Six months before the end of a longer month are too early by some days.
    while !is_near(start, at) {
        at = Interval::lasting(at, SignedDuration::from_hours(1)).end;
    }
    at
}

fn months_later(at: Timestamp, months: i32) -> Timestamp {
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC);
    let moved = zoned.checked_add(Span::new().months(months));
    moved.map_or(at, |z| z.timestamp())
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    at.round(
        jiff::TimestampRound::new()
            .smallest(Unit::Second)
            .mode(jiff::RoundMode::Floor),
    )
    .unwrap_or(at)
}

/// The spec in words, for the printer column: `bob for alice`, `alice, bob` or `nobody`.
pub fn in_words(spec: &RotationOverrideSpec) -> String {
    let list = |names: Vec<String>| {
        if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join(", ")
        }
    };
    match (&spec.substitutions, &spec.contact_refs) {
        (Some(swaps), _) => {
            let swaps = swaps.iter();
            list(
                swaps
                    .map(|s| format!("{} for {}", member_name(&s.in_), member_name(&s.out)))
                    .collect(),
            )
        }
        (None, people) => list(people.iter().flatten().map(member_name).collect()),
    }
}

/// Everybody whom the spec names.
pub fn people(spec: &RotationOverrideSpec) -> impl Iterator<Item = &ObjectReference> {
    let swapped = spec.substitutions.iter().flatten();
    let swapped = swapped.flat_map(|s| [&s.out, &s.in_]);
    swapped.chain(spec.contact_refs.iter().flatten())
}

/// What is wanted.
pub fn desired(object: &RotationOverride, references: &References) -> Result<Desired, Error> {
    let spec = &object.spec;
    let now = references.now;
    let time = time_of(object, now);
    let over = is_over(object, now);
    let mut desired = Desired {
        over,
        time,
        team: Team::Exactly(vec![]),
        schedule: references.schedule.clone(),
        rotations: references.rotations.clone(),
        names: BTreeMap::new(),
    };
    if over {
        return Ok(desired);
    }
    refuse_restored(object)?;
    if !is_long_enough(time) {
        return Err(Error::invalid(format!(
            "an override lasts at least 30 minutes (CHK-28): this one begins at {}{} and ends at {}",
            time.start,
            if spec.start_time.is_none() {
                " (when the operator first saw it)"
            } else {
                ""
            },
            time.end
        )));
    }
    let arn = |person: &ObjectReference| {
        let resolved = references.people.get(person);
        resolved.map(|r| r.arn.clone()).unwrap_or_default()
    };
    for person in people(spec) {
        desired.names.insert(arn(person), member_name(person));
    }
    desired.team = if let Some(swaps) = &spec.substitutions {
        let swaps: Vec<_> = swaps.iter().map(|s| (arn(&s.out), arn(&s.in_))).collect();
        check_swaps(&swaps, &desired.names)?;
        Team::Substitutes(swaps)
    } else {
        let mut seen = BTreeSet::new();
        let everybody = spec.contact_refs.iter().flatten().map(arn);
        Team::Exactly(everybody.filter(|a| seen.insert(a.clone())).collect())
    };
    if matches!(desired.team, Team::Exactly(_)) && desired.rotations.len() > 1 {
        let names: Vec<&str> = desired.rotations.iter().map(|(n, _)| n.as_str()).collect();
        return Err(Error::invalid(format!(
            "{} has several rotations ({}): say in spec.rotation which of them contactRefs are for",
            desired.schedule,
            names.join(", ")
        )));
    }
    Ok(desired)
}

fn check_swaps(swaps: &[(String, String)], names: &BTreeMap<String, String>) -> Result<(), Error> {
    let name = |arn: &String| names.get(arn).unwrap_or(arn).clone();
    let mut out = BTreeSet::new();
    for (goes, comes) in swaps {
        if goes == comes {
            return Err(Error::invalid(format!(
                "spec.substitutions puts {} in the place of themselves",
                name(goes)
            )));
        }
        if !out.insert(goes) {
            return Err(Error::invalid(format!(
                "spec.substitutions names {} more than once under out",
                name(goes)
            )));
        }
    }
    Ok(())
}

/// What a backup brings back must not begin again.
fn refuse_restored(object: &RotationOverride) -> Result<(), Error> {
    let made = |o: &RotationOverride| {
        let applied = o.status.as_ref().and_then(|s| s.common.applied.as_ref());
        applied.is_some_and(|a| !a.items.is_empty())
    };
    let restored = RESTORE_LABELS
        .iter()
        .any(|label| object.labels().contains_key(*label));
    if restored && object.spec.start_time.is_none() && !made(object) {
        return Err(Error::Stalled {
            reason: Reason::Refused,
            message: "this object was restored from a backup and has no startTime, so that it would begin again now: give a startTime, or make a new one".to_owned(),
            retry: RETRY_REFUSED,
        });
    }
    Ok(())
}
