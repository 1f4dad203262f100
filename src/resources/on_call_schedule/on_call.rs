//! Who is on call, and what the status says about it. Pure: from what AWS has, since that is what pages people.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::observed::{Confirmation, Observed, ObservedRotation};
use super::plan::alias_of;
use crate::api::conditions::{ConditionType, Reason};
use crate::api::on_call_schedule::{
    ContactMinutes, CoverageStatus, Gap, OnCall, OnCallNext, OnCallScheduleStatus,
    OnCallScheduleSummary, OverrideStatus,
};
use crate::engine::{Report, api_time, status};
use crate::schedule::{
    ClockChange, CoverageReport, Interval, Kind, Piece, Planned, Schedule, TargetWindow,
};

/// How far ahead the next hand-off is looked for.
const HORIZON: SignedDuration = SignedDuration::from_hours(400 * 24);
/// Length of the window of `status.coverage`, in days.
const WINDOW_DAYS: i32 = 28;
/// Where shifts are long the window moves on by this.
const STEP: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far ahead AWS is asked to confirm.
const CONFIRMED_AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What the cluster says about the people and overrides that AWS has.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// By ARN.
    pub people: BTreeMap<String, Person>,
    /// The RotationOverride that made an override, by the override's id.
    pub made_by: BTreeMap<String, String>,
}

/// Somebody who may be on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What they are called in the status.
    pub label: String,
    /// Whether they can be paged, when a Contact here stands for them.
    pub reachable: Option<bool>,
}

impl Surroundings {
    fn label(&self, arn: &str) -> String {
        let person = self.people.get(arn);
        person.map_or_else(|| alias_of(arn).to_owned(), |p| p.label.clone())
    }

    fn labels(&self, arns: &[String]) -> Vec<String> {
        arns.iter().map(|arn| self.label(arn)).collect()
    }

    fn reachable(&self, arn: &str) -> Option<bool> {
        self.people.get(arn)?.reachable
    }
}

/// What was worked out of a schedule, for the findings.
pub struct Worked {
    /// Coverage of the window.
    pub coverage: CoverageReport<String>,
    /// Clock changes ahead that open something.
    pub clock_changes: Vec<ClockChange>,
    /// People on call now, and whether each can be paged.
    pub on_call: Vec<(String, Option<bool>)>,
    /// Names of rotations that are not understood: who is on call in them is not in the above.
    pub unknown: Vec<String>,
}

/// The rotations that page people, with their names for the status: those of the manifest in its order, then the others.
fn planned<'a>(
    observed: &'a Observed,
    status: &OnCallScheduleStatus,
) -> (Schedule<String>, Vec<(String, &'a ObservedRotation)>) {
    let place = |arn: &str| {
        let mut named = status.rotations.iter();
        named.position(|r| r.arn.as_deref() == Some(arn))
    };
    let mut used: Vec<&ObservedRotation> = observed.used().collect();
    used.sort_by_key(|r| (place(&r.arn).unwrap_or(usize::MAX), &r.name, &r.arn));
    let mut schedule = Schedule { rotations: vec![] };
    let mut labels = vec![];
    for rotation in used {
        if let Some(checked) = &rotation.rotation {
            schedule.rotations.push(Planned {
                rotation: checked.clone(),
                overrides: rotation.overrides.clone(),
            });
            let known = place(&rotation.arn).and_then(|i| status.rotations.get(i));
            let name = known.map_or(&rotation.name, |r| &r.name);
            labels.push((name.clone(), rotation));
        }
    }
    (schedule, labels)
}

/// Where the window of `status.coverage` begins: at the last hand-off, and in long shifts a whole number of weeks after it.
fn window_start(schedule: &Schedule<String>, now: Timestamp) -> Timestamp {
    let starts = schedule.rotations.iter().map(|r| r.rotation.start());
    let base = schedule
        .last_change(now, HORIZON)
        .or_else(|| starts.filter(|start| *start <= now).max())
        .unwrap_or(Timestamp::UNIX_EPOCH);
    let weeks = now.duration_since(base).as_secs() / STEP.as_secs();
    let step = SignedDuration::from_secs(STEP.as_secs().saturating_mul(weeks));
    base.checked_add(step).unwrap_or(base)
}

/// Writes who is on call, and what is covered, into the status. Returns what was worked out, and when to look again.
pub fn describe(
    observed: &Observed,
    target: &[TargetWindow],
    surroundings: &Surroundings,
    status: &mut OnCallScheduleStatus,
    generation: Option<i64>,
    now: Timestamp,
) -> (Worked, Report) {
    let (schedule, rotations) = planned(observed, status);
    let name = |index: usize| rotations.get(index).map_or("", |(name, _)| name.as_str());
    let view = schedule.on_call(now, HORIZON);
    let was_on_call = status.summary.as_ref().map(|s| s.on_call.clone());
    status.on_call_now = view
        .now
        .iter()
        .map(|one| OnCall {
            contact: surroundings.label(&one.member),
            rotation: name(one.rotation).to_owned(),
            until: one.until.map(api_time),
            reachable: surroundings.reachable(&one.member),
            instead_of: schedule
                .rotations
                .get(one.rotation)
                .and_then(|planned| replaced(planned, now))
                .map(|arns| surroundings.labels(&arns))
                .unwrap_or_default(),
        })
        .collect();
    status.on_call_next = view
        .next
        .iter()
        .map(|one| OnCallNext {
            contact: surroundings.label(&one.member),
            rotation: name(one.rotation).to_owned(),
            from: api_time(one.from),
        })
        .collect();
    status.overrides = overrides(&rotations, surroundings, now);
    let on_call: Vec<(String, Option<bool>)> = {
        let mut seen = BTreeSet::new();
        let people = view.now.iter().filter(|one| seen.insert(&one.member));
        people
            .map(|one| {
                (
                    surroundings.label(&one.member),
                    surroundings.reachable(&one.member),
                )
            })
            .collect()
    };
    let then = view.next_hand_off.map(|at| {
        let mut people: Vec<String> = vec![];
        for planned in &schedule.rotations {
            for member in planned.on_call_at(at).0 {
                let label = surroundings.label(&member);
                if !people.contains(&label) {
                    people.push(label);
                }
            }
        }
        people
    });
    let start = window_start(&schedule, now);
    let window = Interval::days(start, WINDOW_DAYS.unsigned_abs());
    let coverage = schedule.coverage(target, window);
    let wanted_now = coverage.gaps.iter().any(|gap| gap.contains(now));
    let unknown = observed.used().filter(|r| r.rotation.is_none());
    let unknown: Vec<String> = unknown.map(|r| r.name.clone()).collect();
    let summary = OnCallScheduleSummary {
        alias: observed.alias.clone(),
        on_call: list(on_call.iter().map(|(name, _)| name.as_str())),
        reachable: if !unknown.is_empty() && reachability(&on_call) != "Yes" {
            "Unknown".to_owned()
        } else if on_call.is_empty() && !wanted_now {
            // At night, where nobody is asked for, an alert would cry wolf.
            "-".to_owned()
        } else {
            reachability(&on_call).to_owned()
        },
        next: list(then.iter().flatten().map(String::as_str)),
        next_handoff: view.next_hand_off.map(api_time),
    };
    let mut notes = vec![];
    if let Some(before) = was_on_call.filter(|before| *before != summary.on_call) {
        let text = format!("on call now: {}; before: {before}", summary.on_call);
        notes.push((Reason::HandedOff, text));
    }
    status.coverage = Some(coverage_status(&coverage, start, surroundings, now));
    conditions(status, &on_call, &coverage, &unknown, generation, now);
    status.summary = Some(summary);

    let ends = observed
        .used()
        .flat_map(|r| &r.overrides)
        .map(|o| o.end)
        .filter(|end| *end > now);
    let step = start.checked_add(STEP).ok().filter(|at| *at > now);
    let waiting = status
        .rotations
        .iter()
        .filter_map(|r| r.rollout_at.as_ref());
    let waiting = waiting.map(|at| at.0).filter(|at| *at > now);
    // The window begins anew with a rotation, although nobody may be on call in it for a while.
    let begins = schedule.rotations.iter().map(|r| r.rotation.start());
    let begins = begins.filter(|start| *start > now);
    let hidden = schedule
        .rotations
        .iter()
        .filter_map(|p| hidden_edge(p, now));
    let next_edge = ends
        .chain(step)
        .chain(begins)
        .chain(hidden)
        .chain(view.next_change)
        .chain(waiting)
        .min();
    let worked = Worked {
        clock_changes: schedule.clock_changes(target, Interval::days(start, 366)),
        coverage,
        on_call,
        unknown,
    };
    let report = Report {
        next_edge,
        notes,
        ..Report::default()
    };
    (worked, report)
}

/// The piece of a shift that runs now.
fn running(planned: &Planned<String>, now: Timestamp) -> Option<Piece<String>> {
    let moment = Interval::lasting(now, SignedDuration::from_nanos(1));
    planned.rotation.pieces(&planned.overrides, moment).pop()
}

/// A hand-off that changes nobody on call, but whom an override replaces, or the order of those on call.
fn hidden_edge(planned: &Planned<String>, now: Timestamp) -> Option<Timestamp> {
    let piece = running(planned, now)?;
    let overridden = planned.overrides.iter().any(|o| o.end > now);
    (overridden || piece.on_call.len() > 1).then_some(piece.end)
}

/// Whom an override replaces in a rotation just now.
fn replaced(planned: &Planned<String>, now: Timestamp) -> Option<Vec<String>> {
    let piece = running(planned, now)?;
    match piece.kind {
        Kind::Overridden { instead_of, .. } => {
            let out = instead_of
                .into_iter()
                .filter(|p| !piece.on_call.contains(p));
            Some(out.collect())
        }
        Kind::Regular => None,
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(", ")
    }
}

fn reachability(on_call: &[(String, Option<bool>)]) -> &'static str {
    if on_call
        .iter()
        .any(|(_, reachable)| *reachable == Some(true))
    {
        "Yes"
    } else if on_call.iter().any(|(_, reachable)| reachable.is_none()) {
        "Unknown"
    } else {
        "No"
    }
}

fn overrides(
    rotations: &[(String, &ObservedRotation)],
    surroundings: &Surroundings,
    now: Timestamp,
) -> Vec<OverrideStatus> {
    let mut all: Vec<OverrideStatus> = rotations
        .iter()
        .flat_map(|(name, rotation)| {
            let coming = rotation.overrides.iter().filter(|o| o.end > now);
            coming.map(|o| OverrideStatus {
                rotation: name.clone(),
                id: o.id.clone(),
                start_time: api_time(o.start),
                end_time: api_time(o.end),
                contacts: surroundings.labels(&o.members),
                made_by: surroundings.made_by.get(&o.id).cloned(),
            })
        })
        .collect();
    all.sort_by(|a, b| (&a.start_time.0, &a.id).cmp(&(&b.start_time.0, &b.id)));
    all
}

fn coverage_status(
    report: &CoverageReport<String>,
    start: Timestamp,
    surroundings: &Surroundings,
    now: Timestamp,
) -> CoverageStatus {
    let end = report.window.end;
    let minutes = report.minutes_per_member.iter();
    let mut minutes_per_contact: Vec<ContactMinutes> = minutes
        .map(|(arn, minutes)| ContactMinutes {
            contact: surroundings.label(arn),
            minutes: i64::try_from(*minutes).unwrap_or(i64::MAX),
        })
        .collect();
    minutes_per_contact.sort_by(|a, b| a.contact.cmp(&b.contact));
    CoverageStatus {
        window_start: api_time(start),
        window_days: WINDOW_DAYS,
        uncovered_minutes: i64::try_from(report.uncovered_minutes).unwrap_or(i64::MAX),
        next_gap: report.next_gap(now).map(|gap| Gap {
            from: api_time(gap.start),
            to: (gap.end < end).then(|| api_time(gap.end)),
        }),
        minutes_per_contact,
    }
}

fn conditions(
    status: &mut OnCallScheduleStatus,
    on_call: &[(String, Option<bool>)],
    coverage: &CoverageReport<String>,
    unknown: &[String],
    generation: Option<i64>,
    now: Timestamp,
) {
    let unreachable: Vec<&str> = on_call
        .iter()
        .filter(|(_, reachable)| *reachable == Some(false))
        .map(|(name, _)| name.as_str())
        .collect();
    let wanted_now = coverage.gaps.iter().any(|gap| gap.contains(now));
    let (value, reason, message) = match reachability(on_call) {
        "Yes" => (Some(true), Reason::SomebodyReachable, String::new()),
        _ if !unknown.is_empty() => (
            None,
            Reason::ReachabilityUnknown,
            format!(
                "who is on call in rotation {} is not known: see the finding RotationNotUnderstood",
                unknown.join(", ")
            ),
        ),
        "Unknown" => (
            None,
            Reason::ReachabilityUnknown,
            "nobody on call is a Contact here, so their channels are not known".to_owned(),
        ),
        _ if on_call.is_empty() && wanted_now => (
            Some(false),
            Reason::NobodyOnCall,
            "nobody is on call: an engagement of this schedule pages nobody".to_owned(),
        ),
        _ if on_call.is_empty() => (
            Some(false),
            Reason::NobodyOnCall,
            "nobody is on call, and coverageTarget asks for nobody now".to_owned(),
        ),
        _ => (
            Some(false),
            Reason::NobodyReachable,
            format!(
                "{} cannot be paged: no activated channel in the engagement plan",
                unreachable.join(", ")
            ),
        ),
    };
    let common = &mut status.common;
    status::set_condition(
        common,
        generation,
        ConditionType::OnCallReachable,
        value,
        reason,
        &message,
        now,
    );
    let first = coverage.gaps.first();
    let (value, reason, message) = match first {
        None => (Some(true), Reason::Covered, String::new()),
        Some(_) if !unknown.is_empty() => (
            None,
            Reason::CoverageGap,
            format!(
                "nobody else is on call at some times, and who is in rotation {} is not known",
                unknown.join(", ")
            ),
        ),
        Some(gap) => (
            Some(false),
            Reason::CoverageGap,
            format!(
                "{} of the {WINDOW_DAYS} days from {} on have nobody on call; first from {} to {}",
                length(coverage.uncovered_minutes),
                second(coverage.window.start),
                second(gap.start),
                if gap.end < coverage.window.end {
                    second(gap.end).to_string()
                } else {
                    "the end".to_owned()
                }
            ),
        ),
    };
    status::set_condition(
        common,
        generation,
        ConditionType::CoverageComplete,
        value,
        reason,
        &message,
        now,
    );
}

/// Minutes for people.
pub fn length(minutes: u64) -> String {
    let (days, hours, rest) = (minutes / 1440, minutes % 1440 / 60, minutes % 60);
    let parts = [(days, "d"), (hours, "h"), (rest, "min")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n} {unit}"))
        .collect();
    if parts.is_empty() {
        "0 min".to_owned()
    } else {
        parts.join(" ")
    }
}

/// A time for people.
pub fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// The change of people on call for which AWS is to be asked about a rotation, and the time to ask for; `None` = it was asked already.
pub fn confirmation_due(
    rotation: &ObservedRotation,
    status: &OnCallScheduleStatus,
    now: Timestamp,
) -> Option<(Timestamp, Interval)> {
    let checked = rotation.rotation.as_ref()?;
    let planned = Planned {
        rotation: checked.clone(),
        overrides: rotation.overrides.clone(),
    };
    let alone = Schedule {
        rotations: vec![planned],
    };
    let last = alone.last_change(now, HORIZON).unwrap_or(checked.start());
    let last = second(last);
    let known = status
        .rotations
        .iter()
        .find(|r| r.arn.as_deref() == Some(&rotation.arn));
    if known.is_some_and(|k| k.confirmed_for.as_ref().is_some_and(|at| at.0 == last)) {
        return None;
    }
    let from = last.max(now);
    Some((last, Interval::lasting(from, CONFIRMED_AHEAD)))
}

/// Holds AWS's answer for `window` against our own reckoning.
pub fn confirm(
    rotation: &ObservedRotation,
    for_: Timestamp,
    window: Interval,
    answered: &[Shift],
) -> Confirmation {
    let ours = rotation.rotation.as_ref().map_or_else(Vec::new, |checked| {
        checked.pieces(&rotation.overrides, window)
    });
    Confirmation {
        for_,
        agrees: on_call_times(ours.iter().map(shift), window)
            == on_call_times(answered.iter().cloned(), window),
    }
}

/// A shift as AWS lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// Its time.
    pub interval: Interval,
    /// Who is on call.
    pub people: BTreeSet<String>,
}

fn shift(piece: &Piece<String>) -> Shift {
    Shift {
        interval: piece.interval(),
        people: piece.on_call.iter().cloned().collect(),
    }
}

/// Who is on call when within `window`: however shifts are cut, neighbours with the same people are one.
fn on_call_times(shifts: impl Iterator<Item = Shift>, window: Interval) -> Vec<Shift> {
    let mut within: Vec<Shift> = shifts
        .filter(|s| !s.people.is_empty())
        .filter_map(|s| {
            Some(Shift {
                interval: s.interval.and(&window)?,
                people: s.people,
            })
        })
        .collect();
    within.sort_by_key(|s| s.interval.start);
    let mut merged: Vec<Shift> = vec![];
    for next in within {
        match merged.last_mut() {
            Some(last)
                if last.interval.end == next.interval.start && last.people == next.people =>
            {
                last.interval.end = next.interval.end;
            }
            _ => merged.push(next),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
