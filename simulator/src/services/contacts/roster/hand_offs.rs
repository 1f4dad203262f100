//! The hand-offs of a rotation, in order and numbered, from any point on.
//!
//! Whose shift it is follows from the number of hand-offs before it. To count those of decades without a walk,
//! wall times are counted, and corrected where a clock change makes one instant of two of them.

use std::collections::BTreeSet;

use crate::clock::Millis;
use crate::services::contacts::recurrence::{HandOffs, Minute};

use super::calendar::{
    Calendar, DAY_SECONDS, Day, date, first_of_month, month, month_length, weekday,
};

/// No clock change moves a wall time by more than this.
const MOVED_DAYS: Day = 2;
/// Periods around the anchor that are looked at one by one.
const HEAD: std::ops::Range<i64> = -2..2;

/// What the periods of a rotation list: days, weeks or months.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    calendar: Calendar,
    hand_offs: HandOffs,
}

impl Listing {
    pub(super) fn new(calendar: Calendar, mut hand_offs: HandOffs) -> Self {
        match &mut hand_offs {
            HandOffs::Daily(times) => {
                times.sort_unstable();
                times.dedup();
            }
            HandOffs::Weekly(times) => {
                times.sort_unstable();
                times.dedup();
            }
            HandOffs::Monthly(times) => {
                times.sort_unstable();
                times.dedup();
            }
        }
        Self {
            calendar,
            hand_offs,
        }
    }

    /// The period a day is in.
    fn period(&self, day: Day) -> Option<i64> {
        match self.hand_offs {
            HandOffs::Daily(_) => Some(day),
            HandOffs::Weekly(_) => Some((day - weekday(day)).div_euclid(7)),
            HandOffs::Monthly(_) => month(day),
        }
    }

    fn first_day(&self, period: i64) -> Option<Day> {
        match self.hand_offs {
            HandOffs::Daily(_) => Some(period),
            // Day 0 was a Thursday.
            HandOffs::Weekly(_) => Some(period * 7 + 4),
            HandOffs::Monthly(_) => first_of_month(period),
        }
    }

    /// The wall times a period lists, each once.
    fn walls(&self, period: i64) -> Option<Vec<(Day, Minute)>> {
        let first = self.first_day(period)?;
        let mut walls: Vec<(Day, Minute)> = match &self.hand_offs {
            HandOffs::Daily(times) => times.iter().map(|time| (first, *time)).collect(),
            HandOffs::Weekly(times) => times
                .iter()
                .map(|(weekday, time)| (first + weekday, *time))
                .collect(),
            HandOffs::Monthly(times) => {
                let length = month_length(period);
                times
                    .iter()
                    .map(|(day, time)| (first + i64::from((*day).min(length)) - 1, *time))
                    .collect()
            }
        };
        walls.sort_unstable();
        walls.dedup();
        Some(walls)
    }

    /// How many wall times so many periods list, each `step` after the other.
    fn count(&self, first: i64, step: i64, periods: i64) -> i64 {
        let number = |listed: usize| i64::try_from(listed).unwrap_or(i64::MAX);
        match &self.hand_offs {
            HandOffs::Daily(listed) => number(listed.len()) * periods,
            HandOffs::Weekly(listed) => number(listed.len()) * periods,
            HandOffs::Monthly(listed) => {
                let by_length = [28, 29, 30, 31].map(|length: i8| {
                    let days: BTreeSet<_> = listed
                        .iter()
                        .map(|(day, time)| ((*day).min(length), *time))
                        .collect();
                    number(days.len())
                });
                (0..periods)
                    .map(|index| {
                        let length = month_length(first + index * step) - 28;
                        by_length[usize::try_from(length).unwrap_or_default()]
                    })
                    .sum()
            }
        }
    }

    fn instants(&self, period: i64) -> Option<Vec<Millis>> {
        self.walls(period)?
            .into_iter()
            .map(|(day, minute)| self.calendar.instant(day, minute))
            .collect()
    }

    /// The earliest listed instant from `start` on, and the first period that lists it.
    fn anchor(&self, start: Millis) -> Option<(Millis, i64)> {
        let day = self.calendar.day(start)?;
        let first = self.period(day - MOVED_DAYS)?;
        let last = self.period(day + MOVED_DAYS)? + 1;
        let mut best: Option<(Millis, i64)> = None;
        for period in first..=last {
            for instant in self.instants(period)? {
                if instant >= start && best.is_none_or(|(found, _)| instant < found) {
                    best = Some((instant, period));
                }
            }
        }
        best
    }
}

/// The hand-offs of a rotation.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    listing: Listing,
    anchor: Millis,
    anchor_period: i64,
    multiplier: i64,
}

impl Sequence {
    /// None if there is no hand-off before calendars end.
    pub(super) fn new(listing: Listing, start: Millis, multiplier: i64) -> Option<Self> {
        let (anchor, anchor_period) = listing.anchor(start)?;
        Some(Self {
            listing,
            anchor,
            anchor_period,
            multiplier,
        })
    }

    /// The first hand-off.
    pub(super) fn anchor(&self) -> Millis {
        self.anchor
    }

    fn period(&self, turn: i64) -> i64 {
        self.anchor_period + turn * self.multiplier
    }

    /// The turn of a day, if hand-offs take place in its period.
    fn turn_of(&self, day: Day) -> Option<i64> {
        let count = self.listing.period(day)? - self.anchor_period;
        (count.rem_euclid(self.multiplier) == 0).then(|| count.div_euclid(self.multiplier))
    }

    fn first_day(&self, turn: i64) -> Option<Day> {
        self.listing.first_day(self.period(turn))
    }

    /// All hand-offs.
    pub(super) fn all(&self) -> Numbered<'_> {
        Numbered {
            sequence: self,
            turn: HEAD.start,
            number: 0,
            ready: BTreeSet::new(),
        }
    }

    /// The hand-offs from some point on that is not later than the last one up to `instant`.
    pub(super) fn starting_by(&self, instant: Millis) -> Numbered<'_> {
        self.jump(instant).unwrap_or_else(|| self.all())
    }

    fn jump(&self, instant: Millis) -> Option<Numbered<'_>> {
        let day = self.listing.calendar.day(instant)? - MOVED_DAYS - 1;
        let count = self.listing.period(day)? - self.anchor_period;
        let target = count.div_euclid(self.multiplier) - 1;
        if target <= HEAD.end {
            return None;
        }
        let gaps = self
            .listing
            .calendar
            .gaps(self.first_day(HEAD.start)?, self.first_day(target)?);
        let turn = self.clean_cut(target, &gaps)?;
        let mut first: BTreeSet<Millis> = BTreeSet::new();
        for turn in HEAD {
            first.extend(self.listing.instants(self.period(turn))?);
        }
        let head = first.range(self.anchor..).count();
        let walls = self
            .listing
            .count(self.period(HEAD.end), self.multiplier, turn - HEAD.end);
        let merged = gaps
            .iter()
            .map(|gap| self.merged(gap.start, gap.end, turn))
            .sum::<i64>();
        Some(Numbered {
            sequence: self,
            turn,
            number: i64::try_from(head).ok()? + walls - merged,
            ready: BTreeSet::new(),
        })
    }

    /// The last turn up to `target` at whose beginning no clock change mixes it with the one before.
    fn clean_cut(&self, target: i64, gaps: &[super::calendar::Gap]) -> Option<i64> {
        let margin = 2 * MOVED_DAYS * DAY_SECONDS;
        let mut turn = target;
        while turn > HEAD.end {
            let cut = self.first_day(turn)? * DAY_SECONDS;
            let mixed = gaps
                .iter()
                .any(|gap| gap.start - margin < cut && cut < gap.end + margin);
            if !mixed {
                return Some(turn);
            }
            turn -= 1;
        }
        None
    }

    /// How many wall times in a gap fall on the instant of another, that is listed in a turn from the end of the head to `until`.
    fn merged(&self, start: i64, end: i64, until: i64) -> i64 {
        let length = end - start;
        let mut merged = 0;
        for day in start.div_euclid(DAY_SECONDS)..=end.div_euclid(DAY_SECONDS) {
            for minute in self.listed_on(day) {
                let wall = day * DAY_SECONDS + i64::from(minute) * 60;
                if wall < start || wall >= end {
                    continue;
                }
                let other = wall + length;
                let other_day = other.div_euclid(DAY_SECONDS);
                let counted = self
                    .turn_of(other_day)
                    .is_some_and(|turn| (HEAD.end..until).contains(&turn));
                let second = other.rem_euclid(DAY_SECONDS);
                let listed = second % 60 == 0
                    && self
                        .listed_on(other_day)
                        .iter()
                        .any(|minute| i64::from(*minute) * 60 == second);
                if counted && listed {
                    merged += 1;
                }
            }
        }
        merged
    }

    /// The times listed on a day, if hand-offs take place in its period.
    fn listed_on(&self, day: Day) -> Vec<Minute> {
        let Some(turn) = self.turn_of(day) else {
            return Vec::new();
        };
        self.listing
            .walls(self.period(turn))
            .into_iter()
            .flatten()
            .filter(|(listed, _)| *listed == day)
            .map(|(_, minute)| minute)
            .collect()
    }
}

/// Hand-offs with their numbers, the first is 0.
pub(super) struct Numbered<'a> {
    sequence: &'a Sequence,
    /// The next turn to look at.
    turn: i64,
    /// The number of the next hand-off.
    number: i64,
    ready: BTreeSet<Millis>,
}

impl Numbered<'_> {
    /// Whether the next is the first of all.
    pub(super) fn is_at_the_first(&self) -> bool {
        self.number == 0
    }
}

impl Iterator for Numbered<'_> {
    type Item = (i64, Millis);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first_day = self.sequence.first_day(self.turn);
            // Nothing that is still to come can be earlier than this.
            let bound = first_day
                .filter(|day| date(*day).is_some())
                .map(|day| (day - MOVED_DAYS) * DAY_SECONDS * 1000);
            match (self.ready.first().copied(), bound) {
                (Some(first), bound) if bound.is_none_or(|bound| first < bound) => {
                    self.ready.pop_first();
                    self.number += 1;
                    return Some((self.number - 1, first));
                }
                (_, None) => return None,
                _ => {
                    let period = self.sequence.period(self.turn);
                    let instants = self.sequence.listing.instants(period);
                    let anchor = self.sequence.anchor;
                    self.ready.extend(
                        instants
                            .into_iter()
                            .flatten()
                            .filter(|instant| *instant >= anchor),
                    );
                    self.turn += 1;
                }
            }
        }
    }
}
