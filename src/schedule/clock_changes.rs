//! Clock changes ahead that open a gap or an overlap (CHK-24).
//!
//! Who is covered when repeats every week as long as no clock changes. So the week as it is before a change is held against the week as it is after it, both in UTC: what was there before may have moved
//! with a zone that changed, and is no news. Changes within a day of each other (New York and Los Angeles change three hours apart) are one. What the hours of the change itself uncover is in
//! [`Schedule::coverage`]. Overrides do not count: they pass.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::coverage::CoverageWindow;
use super::gaps::{TargetWindow, minutes};
use super::interval::{Interval, difference, intersection, later, total, union};
use super::on_call::Schedule;

/// A clock change, or several on one day, after which coverage differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockChange {
    /// The instant of the first of them.
    pub at: Timestamp,
    /// Names of the zones that change.
    pub zones: Vec<String>,
    /// A gap against the target that is not there before.
    pub gap: Option<Opened>,
    /// An overlap of rotations that is not there before.
    pub overlap: Option<Opened>,
}

/// What a clock change opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The first time.
    pub first: Interval,
    /// How much more there is in a week, until the next change.
    pub minutes_a_week: u64,
}

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A week to draw patterns in: from Monday, 5 January 1970.
const PATTERN: Interval = Interval {
    start: Timestamp::constant(4 * 86_400, 0),
    end: Timestamp::constant(11 * 86_400, 0),
};

/// Changes that are told as one.
struct Group {
    first: Timestamp,
    last: Timestamp,
    zones: Vec<TimeZone>,
}

impl<M: Clone + Ord> Schedule<M> {
    /// The clock changes within `window` (say a year) that open a gap against `target` (none = always) or an overlap of rotations, in order.
    pub fn clock_changes(&self, target: &[TargetWindow], window: Interval) -> Vec<ClockChange> {
        let groups = self.groups(target, window);
        let mut ahead = Vec::new();
        for (place, group) in groups.iter().enumerate() {
            let steady = Interval::new(
                group.last,
                groups
                    .get(place + 1)
                    .map_or(later(group.last, WEEK + DAY), |next| next.first),
            );
            let before = self.patterns(target, group.first, |zone| before(zone, group.first));
            let after = self.patterns(target, group.first, |zone| zone.to_offset(group.last));
            let mut moved_by: Vec<i64> = group
                .zones
                .iter()
                .map(|zone| {
                    i64::from(
                        zone.to_offset(group.last).seconds()
                            - before_offset_seconds(zone, group.first),
                    )
                })
                .collect();
            moved_by.sort_unstable();
            moved_by.dedup();
            let gap = opened(&before.gaps, &after.gaps, &moved_by, steady);
            let overlap = opened(&before.overlaps, &after.overlaps, &moved_by, steady);
            if gap.is_some() || overlap.is_some() {
                let zones = group
                    .zones
                    .iter()
                    .map(|zone| zone.iana_name().unwrap_or("UTC").to_owned())
                    .collect();
                ahead.push(ClockChange {
                    at: group.first,
                    zones,
                    gap,
                    overlap,
                });
            }
        }
        ahead
    }

    fn groups(&self, target: &[TargetWindow], window: Interval) -> Vec<Group> {
        let mut zones: Vec<&TimeZone> = Vec::new();
        for zone in self
            .rotations
            .iter()
            .map(|planned| planned.rotation.zone())
            .chain(target.iter().map(|one| &one.zone))
        {
            if !zones.contains(&zone) {
                zones.push(zone);
            }
        }
        let mut changes: Vec<(Timestamp, &TimeZone)> = Vec::new();
        for zone in zones {
            let within = zone
                .following(window.start)
                .take_while(|change| change.timestamp() < window.end);
            changes.extend(
                within
                    .filter(|change| change.offset() != before(zone, change.timestamp()))
                    .map(|change| (change.timestamp(), zone)),
            );
        }
        changes.sort_by_key(|(at, _)| *at);
        let mut groups: Vec<Group> = Vec::new();
        for (at, zone) in changes {
            match groups.last_mut() {
                Some(group) if at <= later(group.last, DAY) => {
                    group.last = at;
                    group.zones.push(zone.clone());
                }
                _ => groups.push(Group {
                    first: at,
                    last: at,
                    zones: vec![zone.clone()],
                }),
            }
        }
        groups
    }

    /// The week of the rotations that have begun and have members, as it repeats while these offsets hold.
    fn patterns(
        &self,
        target: &[TargetWindow],
        at: Timestamp,
        offset: impl Fn(&TimeZone) -> Offset,
    ) -> Patterns {
        let mut anybody: Vec<Interval> = Vec::new();
        let mut overlaps = Vec::new();
        let begun = self
            .rotations
            .iter()
            .map(|planned| &planned.rotation)
            .filter(|one| one.start() <= at && !one.members().is_empty());
        for rotation in begun {
            let here = if rotation.coverage().is_empty() {
                vec![PATTERN]
            } else {
                pattern(rotation.coverage(), offset(rotation.zone()))
            };
            overlaps.extend(intersection(&anybody, &here));
            anybody = union([anybody, here].concat());
        }
        let wanted = if target.is_empty() {
            vec![PATTERN]
        } else {
            union(
                target
                    .iter()
                    .flat_map(|one| pattern(&one.windows(), offset(&one.zone)))
                    .collect(),
            )
        };
        Patterns {
            gaps: difference(&wanted, &anybody),
            overlaps: union(overlaps),
        }
    }
}

struct Patterns {
    gaps: Vec<Interval>,
    overlaps: Vec<Interval>,
}

fn before(zone: &TimeZone, change: Timestamp) -> Offset {
    zone.to_offset(super::interval::earlier(
        change,
        SignedDuration::from_nanos(1),
    ))
}

fn before_offset_seconds(zone: &TimeZone, change: Timestamp) -> i32 {
    before(zone, change).seconds()
}

/// Windows of wall time as a week in UTC.
fn pattern(windows: &[CoverageWindow], offset: Offset) -> Vec<Interval> {
    let place = |window: &CoverageWindow| {
        let minutes = i64::from(window.day.to_monday_zero_offset()) * 24 * 60
            + i64::from(window.start.minutes());
        let start = SignedDuration::from_secs(minutes * 60 - i64::from(offset.seconds()));
        Interval::lasting(
            later(PATTERN.start, start),
            SignedDuration::from_mins(i64::from(window.minutes())),
        )
    };
    wrapped(windows.iter().map(place))
}

/// Brings what lies up to a week before or after the week into it.
fn wrapped(intervals: impl Iterator<Item = Interval>) -> Vec<Interval> {
    let weeks = [WEEK.saturating_mul(-1), SignedDuration::ZERO, WEEK];
    union(
        intervals
            .flat_map(|one| weeks.map(|by| shifted(one, by).and(&PATTERN)))
            .flatten()
            .collect(),
    )
}

fn shifted(interval: Interval, by: SignedDuration) -> Interval {
    Interval::new(later(interval.start, by), later(interval.end, by))
}

/// Intervals of the week, those at its end and its beginning that are one joined as such (the second part after the end of the week).
fn components(pattern: &[Interval]) -> Vec<Interval> {
    let mut components = pattern.to_vec();
    if let [first, .., last] = pattern
        && first.start == PATTERN.start
        && last.end == PATTERN.end
    {
        components.remove(0);
        if let Some(joined) = components.last_mut() {
            joined.end = later(first.end, WEEK);
        }
    }
    components
}

/// What is in `after` and was not in `before`, in the place where it was nor where a changed zone took it.
fn opened(
    before: &[Interval],
    after: &[Interval],
    moved_by: &[i64],
    steady: Interval,
) -> Option<Opened> {
    let known: Vec<Vec<Interval>> = std::iter::once(0)
        .chain(moved_by.iter().copied())
        // A zone that is an hour further ahead of UTC does everything an hour earlier.
        .map(|seconds| {
            wrapped(
                before
                    .iter()
                    .map(|one| shifted(*one, SignedDuration::from_secs(-seconds))),
            )
        })
        .collect();
    let overlapping = |component: Interval, frame: &[Interval]| {
        let here = wrapped(std::iter::once(component));
        components(frame)
            .into_iter()
            .filter(|one| !intersection(&wrapped(std::iter::once(*one)), &here).is_empty())
            .map(|one| one.length())
            .sum::<SignedDuration>()
    };
    let most_known = |component: Interval| {
        known
            .iter()
            .map(|frame| overlapping(component, frame))
            .max()
            .unwrap_or_default()
    };
    let grown: Vec<(Interval, SignedDuration)> = components(after)
        .into_iter()
        .map(|component| (component, most_known(component)))
        .filter(|(component, known)| component.length() > *known)
        .collect();
    let more = total(after) - total(before);
    let new: SignedDuration = grown
        .iter()
        .filter(|(_, known)| known.is_zero())
        .map(|(component, _)| component.length())
        .sum();
    if more <= SignedDuration::ZERO && new.is_zero() {
        return None;
    }
    let first = grown
        .into_iter()
        .filter_map(|(component, _)| next_time(component, steady))
        .min()?;
    Some(Opened {
        first,
        minutes_a_week: minutes(more.max(new)),
    })
}

/// When a part of the week comes first within `steady`.
fn next_time(component: Interval, steady: Interval) -> Option<Interval> {
    let since = steady.start.duration_since(PATTERN.start).as_secs();
    let weeks = since.div_euclid(WEEK.as_secs());
    (weeks - 1..=weeks + 1).find_map(|week| {
        shifted(component, SignedDuration::from_secs(week * WEEK.as_secs())).and(&steady)
    })
}
