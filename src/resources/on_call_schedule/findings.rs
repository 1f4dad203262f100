//! Checks of a schedule (seed-features 28: CHK-19 to CHK-29). Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::desired::Desired;
use super::observed::Observed;
use super::on_call::{Worked, length, second};
use super::plan::match_rotations;
use crate::api::OnCallSchedule;
use crate::api::common::{Finding, Severity};
use crate::api::on_call_schedule::OnCallScheduleStatus;
use crate::resources::checks;

/// Rotations that the console can show (S4 Working with on-call schedules).
const MOST_ROTATIONS: usize = 8;

/// What is looked at.
pub struct Checked<'a> {
    /// The object.
    pub object: &'a OnCallSchedule,
    /// What it asks for.
    pub desired: &'a Desired,
    /// What AWS has.
    pub observed: Option<&'a Observed>,
    /// Its status, written but for the findings.
    pub status: &'a OnCallScheduleStatus,
    /// Who is on call and what is covered.
    pub worked: Option<&'a Worked>,
    /// Now.
    pub now: Timestamp,
}

/// Every finding, not yet marked as accepted.
pub fn findings(checked: &Checked<'_>) -> Vec<Finding> {
    let mut findings = checks::sensitive_tags(checked.object.spec.common.tags.as_ref());
    findings.extend(shape(checked));
    if let Some(worked) = checked.worked {
        findings.extend(coverage(checked, worked));
    }
    if let Some(observed) = checked.observed {
        findings.extend(in_aws(checked, observed));
    }
    findings
}

fn shape(checked: &Checked<'_>) -> Vec<Finding> {
    let mut findings = vec![];
    let rotations = &checked.desired.rotations;
    let others = checked.observed.is_some_and(|o| o.used().next().is_some());
    if rotations.is_empty() && !others {
        findings.push(checks::finding(
            "NoRotations",
            "",
            Severity::Critical,
            "the schedule has no rotation: nobody is ever on call (CHK-19)",
        ));
    }
    if rotations.len() > MOST_ROTATIONS {
        findings.push(checks::finding(
            "TooManyRotations",
            "",
            Severity::Warning,
            format!(
                "{} rotations: AWS's console works with {MOST_ROTATIONS} at most (CHK-19)",
                rotations.len()
            ),
        ));
    }
    let zones: BTreeSet<&str> = rotations.iter().map(|r| r.settings.zone.as_str()).collect();
    if zones.len() > 1 {
        let zones: Vec<&str> = zones.into_iter().collect();
        findings.push(checks::finding(
            "MixedTimeZones",
            "",
            Severity::Warning,
            format!(
                "rotations are in {}: their clocks change on different days, which can open a gap or an overlap; one zone for all is safer (CHK-23)",
                zones.join(", ")
            ),
        ));
    }
    for rotation in &checked.status.rotations {
        for member in &rotation.removed_members {
            findings.push(checks::finding(
                "MemberRemoved",
                &format!("{}/{member}", rotation.name),
                Severity::Warning,
                format!(
                    "{member} was taken out of rotation \"{}\" because the Contact was deleted: take it out of contactRefs",
                    rotation.name
                ),
            ));
        }
    }
    findings
}

fn coverage(checked: &Checked<'_>, worked: &Worked) -> Vec<Finding> {
    let mut findings = vec![];
    // A rotation that is not understood may fill any gap.
    if let Some(gap) = worked.coverage.gaps.first()
        && worked.unknown.is_empty()
    {
        let gap_now = gap.contains(checked.now);
        let first = if !gap_now {
            format!("first from {}", second(gap.start))
        } else if gap.end < worked.coverage.window.end {
            format!("now, until {}", second(gap.end))
        } else {
            "now, and nobody is to come".to_owned()
        };
        findings.push(checks::finding(
            "CoverageGap",
            "",
            if gap_now { Severity::Critical } else { Severity::Warning },
            format!(
                "nobody is on call for {} of the next four weeks, {first}: add a rotation or widen its coverage, or say in coverageTarget when nobody is needed (CHK-25)",
                length(worked.coverage.uncovered_minutes)
            ),
        ));
    }
    for change in &worked.clock_changes {
        let day = second(change.at);
        let zones = change.zones.join(", ");
        if let Some(gap) = &change.gap {
            findings.push(checks::finding(
                "ClockChangeGap",
                &day.to_string(),
                Severity::Warning,
                format!(
                    "when clocks change in {zones}, {} a week are left without anybody on call, first from {}: move the hours of a rotation before that (CHK-24)",
                    length(gap.minutes_a_week),
                    second(gap.first.start)
                ),
            ));
        }
        if let Some(overlap) = &change.overlap {
            findings.push(checks::finding(
                "ClockChangeOverlap",
                &day.to_string(),
                Severity::Info,
                format!(
                    "when clocks change in {zones}, rotations overlap for {} a week, first from {} (CHK-24)",
                    length(overlap.minutes_a_week),
                    second(overlap.first.start)
                ),
            ));
        }
    }
    let reachable = worked.on_call.iter().any(|(_, r)| *r != Some(false));
    if !worked.on_call.is_empty() && !reachable && worked.unknown.is_empty() {
        let names: Vec<&str> = worked.on_call.iter().map(|(n, _)| n.as_str()).collect();
        findings.push(checks::finding(
            "NobodyReachable",
            "",
            Severity::Critical,
            format!(
                "nobody on call now can be paged ({}): activate a channel and put it into the engagement plan (CHK-14)",
                names.join(", ")
            ),
        ));
    }
    findings
}

fn in_aws(checked: &Checked<'_>, observed: &Observed) -> Vec<Finding> {
    let mut findings = vec![];
    let recorded = |slot: &str| {
        let items = checked.status.common.applied.iter().flat_map(|a| &a.items);
        items.clone().find(|i| i.slot == slot).map(|i| i.id.clone())
    };
    let matched = match_rotations(checked.desired, observed, recorded);
    for rotation in observed.used() {
        let wanted = matched.iter().find(|(_, r)| r.arn == rotation.arn);
        let label = wanted.map_or(rotation.name.as_str(), |(key, _)| key);
        if wanted.is_none() {
            findings.push(checks::finding(
                "UnmanagedRotation",
                &rotation.name,
                Severity::Info,
                format!(
                    "the schedule has a rotation \"{}\" in AWS that is not in spec.rotations: it is left alone, and who is in it is on call",
                    rotation.name
                ),
            ));
        }
        if rotation.rotation.is_none() {
            findings.push(checks::finding(
                "RotationNotUnderstood",
                label,
                Severity::Warning,
                format!("rotation \"{label}\" is set up in AWS in a way that this version does not understand: who is on call in it is not shown"),
            ));
        }
        let known = checked.status.rotations.iter().find(|r| r.name == label);
        if known.is_some_and(|k| k.confirmed == Some(false)) {
            findings.push(checks::finding(
                "ShiftsDisagree",
                label,
                Severity::Warning,
                format!("AWS's ListRotationShifts names other people or times for rotation \"{label}\" than status.onCallNow: AWS is right about who is paged; please report it"),
            ));
        }
        findings.extend(overrides(checked, rotation, label));
        if let Some((_, wanted)) = wanted.and_then(|(key, found)| {
            let wanted = checked.desired.rotations.iter().find(|d| d.key == *key)?;
            Some((found, wanted))
        }) && wanted.settings.start != rotation.settings.start
            && known.is_some_and(|k| {
                let requested = k.requested_start_time.as_ref();
                requested.is_some_and(|at| at.0 == wanted.settings.start)
            })
        {
            findings.push(checks::finding(
                "StartMoved",
                label,
                Severity::Info,
                format!(
                    "AWS did not take the start {} and has {}: the order of members there is such that shifts are the same",
                    wanted.settings.start, rotation.settings.start
                ),
            ));
        }
    }
    findings
}

fn overrides(
    checked: &Checked<'_>,
    rotation: &super::observed::ObservedRotation,
    label: &str,
) -> Vec<Finding> {
    let mut findings = vec![];
    let known = checked.status.rotations.iter().find(|r| r.name == label);
    let changed = known.and_then(|k| k.changed_at.as_ref()).map(|t| t.0);
    for one in rotation.overrides.iter().filter(|o| o.end > checked.now) {
        if changed.is_some_and(|at| one.created < at) {
            findings.push(checks::finding(
                "ReviewOverrides",
                &format!("{label}/{}", one.id),
                Severity::Warning,
                format!(
                    "rotation \"{label}\" was changed after this override from {} to {} was made: see whether it still does what is meant (CHK-29)",
                    second(one.start),
                    second(one.end)
                ),
            ));
        }
        if one.members.is_empty() {
            findings.push(checks::finding(
                "EmptyOverride",
                &format!("{label}/{}", one.id),
                Severity::Warning,
                format!(
                    "an override leaves nobody on call in rotation \"{label}\" from {} to {}",
                    second(one.start),
                    second(one.end)
                ),
            ));
        }
    }
    findings
}
