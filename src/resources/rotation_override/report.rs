//! What the status says. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::desired::{self, Desired, Team};
use super::observed::Observed;
use super::plan::{Part, Parts, called, parts, put_off_until, rotation_name};
use crate::api::RotationOverride;
use crate::api::common::{AdoptionPolicy, CommonSpec, CommonStatus, Finding, Origin, Severity};
use crate::api::conditions::Reason;
use crate::api::rotation_override::{
    AppliedOverride, OverridePhase, RotationOverrideStatus, RotationOverrideSummary,
};
use crate::engine::error::{RETRY_REFUSED, RETRY_WAITING};
use crate::engine::{Error, Report, api_time};
use crate::schedule::Interval;

/// A creation that was begun and that AWS does not show after this long was not made.
const NOT_MADE_AFTER: SignedDuration = SignedDuration::from_secs(15);

/// How soon what the schedule says to be in AWS is looked for again.
const SOON: Duration = Duration::from_secs(2);

/// What follows from the spec and the time alone. Answers with the next moment at which that changes.
pub fn tick(
    object: &RotationOverride,
    status: &mut RotationOverrideStatus,
    now: Timestamp,
) -> Option<Timestamp> {
    let spec = &object.spec;
    let recorded = status.start_time.as_ref().map(|t| t.0);
    if status.phase == Some(OverridePhase::Completed) {
        // An edit changes nothing any more.
        return expires(object, status).filter(|at| *at > now);
    }
    if object.spec.common.suspend == Some(true) && recorded.is_none() && spec.start_time.is_none() {
        return None;
    }
    let time = desired::time(spec, recorded.unwrap_or(now));
    status.start_time = Some(api_time(time.start));
    status.end_time = Some(api_time(time.end));
    let change = desired::in_words(spec);
    status.summary = Some(RotationOverrideSummary { change });
    status.phase = Some(phase(status, time, now));
    let edges = [
        Some(time.start),
        Some(time.end).filter(|_| desired::is_long_enough(time)),
        Some(desired::near_at(time.start)),
        expires(object, status),
    ];
    edges.into_iter().flatten().filter(|at| *at > now).min()
}

fn phase(status: &RotationOverrideStatus, time: Interval, now: Timestamp) -> OverridePhase {
    if !desired::is_long_enough(time) {
        OverridePhase::Pending
    } else if time.end <= now {
        OverridePhase::Completed
    } else if time.start <= now && !status.overrides.is_empty() {
        OverridePhase::Active
    } else {
        OverridePhase::Pending
    }
}

/// When a finished object is deleted.
pub fn expires(object: &RotationOverride, status: &RotationOverrideStatus) -> Option<Timestamp> {
    let seconds = i64::from(object.spec.ttl_seconds_after_finished?);
    let end = status.end_time.as_ref()?.0;
    Some(Interval::lasting(end, SignedDuration::from_secs(seconds)).end)
}

/// What AWS has, and findings.
pub fn report(
    desired: &Desired,
    observed: Option<&Observed>,
    names: &BTreeMap<String, String>,
    status: &mut RotationOverrideStatus,
    now: Timestamp,
    spec: &CommonSpec,
) -> Report {
    let stays = stays_unasked(desired, spec, &status.common);
    let Some(observed) = observed else {
        return Report::default();
    };
    if !desired.over {
        status.start_time = Some(api_time(desired.time.start));
        status.end_time = Some(api_time(desired.time.end));
    }
    if !observed.read {
        return Report {
            findings: findings(desired, observed, &Parts::default(), now, stays),
            ..Report::default()
        };
    }
    let before = std::mem::take(&mut status.overrides);
    let mut overrides: Vec<AppliedOverride> = observed
        .ours
        .iter()
        .map(|own| {
            let told = before.iter().find(|b| b.id == own.found.id);
            let people = own.found.members.iter().map(|p| called(names, p));
            AppliedOverride {
                rotation: rotation_name(own, observed),
                id: own.found.id.clone(),
                start_time: api_time(own.found.start),
                end_time: api_time(own.found.end),
                contacts: match told {
                    // Of what is over AWS need not tell any more.
                    Some(told) if own.found.members.is_empty() => told.contacts.clone(),
                    _ => people.collect(),
                },
            }
        })
        .collect();
    overrides.sort_by(|a, b| {
        (a.start_time.0, &a.rotation, &a.id).cmp(&(b.start_time.0, &b.rotation, &b.id))
    });
    status.overrides = overrides;
    let parts = parts(desired, observed, now);
    forget_what_was_not_made(&parts, status, now);
    let later = parts.later.iter().map(|p| desired::near_at(p.time.start));
    Report {
        findings: findings(desired, observed, &parts, now, stays),
        next_edge: later.chain(put_off_until(desired, observed, now)).min(),
        ..Report::default()
    }
}

/// A creation that is not wanted any more and that AWS does not show was not made: nothing is to be looked for.
fn forget_what_was_not_made(parts: &Parts, status: &mut RotationOverrideStatus, now: Timestamp) {
    let wanted: BTreeSet<String> = parts.now.iter().map(|p| p.slot().to_string()).collect();
    let common = &mut status.common;
    let before = common.pending.len();
    common
        .pending
        .retain(|p| wanted.contains(&p.slot) || now.duration_since(p.since.0) < NOT_MADE_AFTER);
    if common.pending.len() < before {
        common.epoch = Some(common.epoch.unwrap_or(0) + 1);
    }
}

/// Deleting the object will leave in AWS what it went on with, and nothing in the spec says so.
fn stays_unasked(desired: &Desired, spec: &CommonSpec, status: &CommonStatus) -> bool {
    !desired.over
        && status.origin == Some(Origin::Adopted)
        && spec.deletion_policy.is_none()
        && spec.adoption_policy.unwrap_or_default() == AdoptionPolicy::Never
}

fn findings(
    desired: &Desired,
    observed: &Observed,
    parts: &Parts,
    now: Timestamp,
    stays: bool,
) -> Vec<Finding> {
    let finding = |id: &str, subject: &str, severity, message| Finding {
        id: id.to_owned(),
        subject: subject.to_owned(),
        severity,
        message,
        accepted: None,
    };
    let mut found = vec![];
    if stays {
        let message = "AWS had this override before this object: it may be what this object made before a rebuild, or somebody else's. \
             Nothing was made twice, and deleting this object leaves it in AWS: set deletionPolicy to Delete to give the shifts back then, \
             or to Retain";
        found.push(finding(
            "FoundInAws",
            "",
            Severity::Info,
            message.to_owned(),
        ));
    }
    if !desired.over && desired.team == Team::Exactly(vec![]) {
        found.push(finding(
            "NobodyOnCall",
            "",
            Severity::Warning,
            "contactRefs is empty: nobody is on call in this rotation meanwhile".to_owned(),
        ));
    }
    let by_rotation = |parts: &[Part]| {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Part { rotation, time, .. } in parts {
            let times = all.entry(rotation.clone()).or_default();
            times.push(format!("{} to {}", time.start, time.end));
        }
        all
    };
    for (rotation, times) in by_rotation(&parts.short) {
        let message = format!(
            "AWS takes no override of less than 30 minutes (CHK-28), so that the regular shift stays as it is from {}",
            times.join(", ")
        );
        found.push(finding(
            "PartTooShort",
            &rotation,
            Severity::Warning,
            message,
        ));
    }
    for (rotation, times) in by_rotation(&parts.later) {
        let message = format!(
            "AWS takes overrides at most six months ahead (CHK-28): made when that time has come: {}",
            times.join(", ")
        );
        found.push(finding(
            "PartTooFarAhead",
            &rotation,
            Severity::Info,
            message,
        ));
    }
    let mut hidden: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for own in observed.ours.iter().filter(|own| own.found.end > now) {
        for other in &observed.others {
            let (arn, other) = (&other.rotation, &other.found);
            let both = other.interval().and(&own.found.interval());
            let newer = (other.created, &other.id) > (own.found.created, &own.found.id);
            if let Some(both) = both.filter(|b| newer && *arn == own.slot.rotation && b.end > now) {
                let text = format!("{} to {} (override {})", both.start, both.end, other.id);
                let rotation = rotation_name(own, observed);
                hidden.entry(rotation).or_default().push(text);
            }
        }
    }
    for (rotation, times) in hidden {
        let message = format!(
            "an override that was made later holds instead of this one from {}",
            times.join(", ")
        );
        found.push(finding(
            "HiddenByLaterOverride",
            &rotation,
            Severity::Warning,
            message,
        ));
    }
    found
}

/// What cannot be done yet.
pub fn unfinished(desired: &Desired, observed: Option<&Observed>, now: Timestamp) -> Option<Error> {
    let observed = observed?;
    if desired.over {
        return None;
    }
    let waiting = |reason, message, retry| {
        Some(Error::Waiting {
            reason,
            message,
            references: false,
            retry,
        })
    };
    if !desired::is_near(desired.time.start, now) {
        let message = format!(
            "it begins at {}, and AWS takes overrides at most six months ahead (CHK-28): it is made at {}",
            desired.time.start,
            desired::near_at(desired.time.start)
        );
        return waiting(Reason::TooFarAhead, message, RETRY_REFUSED * 6);
    }
    let parts = parts(desired, observed, now);
    if !parts.unknown.is_empty() {
        let some = if parts.now.is_empty() {
            ""
        } else {
            "; the other rotations are seen to"
        };
        let message = format!(
            "{} has rotations that are not in AWS (yet): {}{some}",
            desired.schedule,
            parts.unknown.join(", ")
        );
        // AWS may take some seconds to show what the schedule has just made.
        let known =
            |(name, arn): &(String, Option<String>)| arn.is_some() && parts.unknown.contains(name);
        let retry = if desired.rotations.iter().any(known) {
            SOON
        } else {
            RETRY_WAITING
        };
        return waiting(Reason::RotationNotFound, message, retry);
    }
    let has_run = observed.ours.iter().any(|own| own.found.end <= now);
    if !parts.now.is_empty() || has_run {
        return None;
    }
    let Team::Substitutes(swaps) = &desired.team else {
        return None;
    };
    let replaced: Vec<String> = swaps
        .iter()
        .map(|(goes, _)| called(&desired.names, goes))
        .collect();
    let why = match (parts.later.first(), parts.short.first()) {
        (Some(part), _) => format!(
            "{} is replaced from {} on, and AWS takes overrides at most six months ahead (CHK-28)",
            replaced.join(" or "),
            part.time.start
        ),
        (None, Some(_)) => format!(
            "{} is on shift for less than 30 minutes at a time meanwhile, and AWS takes no shorter override (CHK-28)",
            replaced.join(" or ")
        ),
        (None, None) => format!(
            "{} is not on shift in {} from {} to {}",
            replaced.join(" or "),
            rotations(desired),
            desired.time.start,
            desired.time.end
        ),
    };
    let reason = if parts.later.is_empty() {
        Reason::NothingToReplace
    } else {
        Reason::TooFarAhead
    };
    waiting(reason, why, RETRY_WAITING * 5)
}

fn rotations(desired: &Desired) -> String {
    let names: Vec<&str> = desired.rotations.iter().map(|(n, _)| n.as_str()).collect();
    match names.as_slice() {
        [] => desired.schedule.clone(),
        [one] => format!("rotation {one}"),
        several => format!("any of the rotations {}", several.join(", ")),
    }
}
