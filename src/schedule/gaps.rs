//! What is covered and what is not, against when somebody must be on call.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::coverage::{CoverageWindow, covered};
use super::interval::{Interval, difference, intersection, total, union};
use super::on_call::Schedule;
use super::wall::{TimeOfDay, Weekday};

/// When somebody must be on call: such windows, of any zones, or always when there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetWindow {
    /// Days on which it begins.
    pub days: Vec<Weekday>,
    /// When it begins.
    pub start: TimeOfDay,
    /// When it ends; on the next day if that is not after the start.
    pub end: TimeOfDay,
    /// Where; see [`super::zone()`].
    pub zone: TimeZone,
}

impl TargetWindow {
    pub(super) fn windows(&self) -> Vec<CoverageWindow> {
        self.days
            .iter()
            .map(|day| CoverageWindow {
                day: *day,
                start: self.start,
                end: self.end,
            })
            .collect()
    }
}

/// Coverage of a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageReport<M> {
    /// The time looked at; everything below is cut to it.
    pub window: Interval,
    /// When somebody must be on call and nobody is.
    pub gaps: Vec<Interval>,
    /// All gaps together; a part of a minute counts as one.
    pub uncovered_minutes: u64,
    /// When more than one rotation has somebody on call, wanted or not.
    pub overlaps: Vec<Interval>,
    /// All overlaps together.
    pub overlap_minutes: u64,
    /// For every member of a rotation, and whoever an override names, the time on call in any rotation; being on call in two at once counts once.
    pub minutes_per_member: BTreeMap<M, u64>,
}

impl<M> CoverageReport<M> {
    /// The first gap that is not over at `now`; it may have begun.
    pub fn next_gap(&self, now: Timestamp) -> Option<Interval> {
        self.gaps.iter().find(|gap| gap.end > now).copied()
    }
}

/// When somebody must be on call, within `window`. Windows that name no day are never.
pub fn wanted(target: &[TargetWindow], window: Interval) -> Vec<Interval> {
    if window.is_empty() {
        return Vec::new();
    }
    if target.is_empty() {
        return vec![window];
    }
    let windows = target
        .iter()
        .map(|one| (one.windows(), &one.zone))
        .filter(|(windows, _)| !windows.is_empty());
    union(
        windows
            .flat_map(|(windows, zone)| covered(&windows, zone, window, window))
            .collect(),
    )
}

impl<M: Clone + Ord> Schedule<M> {
    /// Gaps against `target` (none = always), overlaps, and how long everybody is on call.
    pub fn coverage(&self, target: &[TargetWindow], window: Interval) -> CoverageReport<M> {
        let mut anybody: Vec<Interval> = Vec::new();
        let mut overlaps = Vec::new();
        let mut of_member: BTreeMap<M, Vec<Interval>> = BTreeMap::new();
        for planned in &self.rotations {
            for member in planned.rotation.members() {
                of_member.entry(member.clone()).or_default();
            }
            let stretches = planned.stretches(window);
            let here = union(stretches.iter().map(|one| one.interval).collect());
            overlaps.extend(intersection(&anybody, &here));
            anybody = union([anybody, here].concat());
            for stretch in stretches {
                for member in stretch.people {
                    of_member.entry(member).or_default().push(stretch.interval);
                }
            }
        }
        let gaps = difference(&wanted(target, window), &anybody);
        let overlaps = union(overlaps);
        CoverageReport {
            window,
            uncovered_minutes: minutes(
                total(&gaps).saturating_add(SignedDuration::new(59, 999_999_999)),
            ),
            gaps,
            overlap_minutes: minutes(total(&overlaps)),
            overlaps,
            minutes_per_member: of_member
                .into_iter()
                .map(|(member, time)| (member, minutes(total(&union(time)))))
                .collect(),
        }
    }
}

pub(super) fn minutes(length: SignedDuration) -> u64 {
    u64::try_from(length.as_mins()).unwrap_or(0)
}
