//! Hand-offs (rule 2), and which number the shift of a moment has without walking there.
//!
//! A clock change moves a wall time at most by the length of the skip, and no zone ever skipped more than a day: what a moment's neighbours are
//! is found among the dates from two days before to a day after it.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::interval::earlier;
use super::rotation::{Recurrence, Rotation};
use super::wall;

/// Days by which a wall date can lie before the local date of its instant, with one to spare.
const SKIPPED_DAYS: i64 = 2;
/// The same for the other side: the local date of a moment may lie before that of its wall time in another reading by a fold.
const LATER_DAYS: i64 = 2;

/// The first hand-off at or after the start, and the period that lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Anchor {
    pub at: Timestamp,
    pub period: i64,
}

impl Anchor {
    /// `None` when time ends before it.
    pub(super) fn find(zone: &TimeZone, recurrence: &Recurrence, start: Timestamp) -> Option<Self> {
        let day = wall::local_day(zone, start);
        // The next period may begin a week or a month later.
        let periods =
            recurrence.period(day - SKIPPED_DAYS)..=recurrence.period(day + LATER_DAYS) + 2;
        periods
            .flat_map(|period| {
                recurrence
                    .listed(period)
                    .into_iter()
                    .map(move |wall| (wall, period))
            })
            .filter_map(|(wall, period)| Some((wall::instant(zone, wall)?, period)))
            .filter(|(at, _)| *at >= start)
            .min()
            .map(|(at, period)| Self { at, period })
    }

    /// The last instant before `moment` that any period lists, whatever the shift length.
    pub(super) fn last_listed_before(
        zone: &TimeZone,
        recurrence: &Recurrence,
        moment: Timestamp,
    ) -> Option<Timestamp> {
        let day = wall::local_day(zone, moment);
        let periods =
            recurrence.period(day - SKIPPED_DAYS) - 2..=recurrence.period(day + LATER_DAYS);
        let instants = periods
            .flat_map(|period| recurrence.listed(period))
            .filter_map(|wall| wall::instant(zone, wall));
        instants.filter(|at| *at < moment).max()
    }
}

impl<M: Clone + Ord> Rotation<M> {
    /// The last period at or before `period` in which hand-offs take place.
    fn active_at_or_before(&self, anchor: Anchor, period: i64) -> i64 {
        period - (period - anchor.period).rem_euclid(self.length())
    }

    /// The first period at or after `period` in which hand-offs take place.
    fn active_at_or_after(&self, anchor: Anchor, period: i64) -> i64 {
        period + (anchor.period - period).rem_euclid(self.length())
    }

    /// Hand-offs that active periods from `from` to `to`, both included, list; sorted, without doubles.
    fn listed_in(&self, anchor: Anchor, from: i64, to: i64) -> Vec<Timestamp> {
        let mut hand_offs = Vec::new();
        let mut period = self.active_at_or_after(anchor, from);
        while period <= to {
            let walls = self.recurrence().listed(period);
            hand_offs.extend(
                walls
                    .into_iter()
                    .filter_map(|wall| wall::instant(self.zone(), wall))
                    .filter(|at| *at >= anchor.at),
            );
            period += self.length();
        }
        hand_offs.sort_unstable();
        hand_offs.dedup();
        hand_offs
    }

    /// Hand-offs from `from` up to but not including `to`.
    pub(super) fn hand_offs(&self, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let Some(anchor) = self.anchor() else {
            return Vec::new();
        };
        let from = from.max(anchor.at);
        if to <= from {
            return Vec::new();
        }
        let first = self
            .recurrence()
            .period(wall::local_day(self.zone(), from) - SKIPPED_DAYS);
        let last = self
            .recurrence()
            .period(wall::local_day(self.zone(), to) + LATER_DAYS);
        let mut hand_offs = self.listed_in(anchor, first, last);
        hand_offs.retain(|at| from <= *at && *at < to);
        hand_offs
    }

    /// The last hand-off at or before a moment.
    pub(super) fn hand_off_at_or_before(&self, moment: Timestamp) -> Option<Timestamp> {
        let anchor = self.anchor()?;
        if moment < anchor.at {
            return None;
        }
        let last = self
            .recurrence()
            .period(wall::local_day(self.zone(), moment) + LATER_DAYS);
        // Of daily ones that many may lie after the moment, by their dates or by a skip.
        let first =
            self.active_at_or_before(anchor, last) - self.length() * (SKIPPED_DAYS + LATER_DAYS);
        self.listed_in(anchor, first, last)
            .into_iter()
            .rfind(|at| *at <= moment)
    }

    /// The first hand-off after a moment; `None` when time ends before it.
    pub(super) fn hand_off_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let anchor = self.anchor()?;
        if moment < anchor.at {
            return Some(anchor.at);
        }
        let first = self
            .recurrence()
            .period(wall::local_day(self.zone(), moment) - SKIPPED_DAYS);
        let last = self.active_at_or_after(anchor, first)
            + self.length() * (SKIPPED_DAYS + LATER_DAYS + 1);
        self.listed_in(anchor, first, last)
            .into_iter()
            .find(|at| *at > moment)
    }

    /// How many hand-offs there are from the anchor up to and including a moment.
    ///
    /// Near either end they are counted one by one. Between, from one active period whose first moment no clock change blurs to another, wall times are counted
    /// by arithmetic, less those that fell on one instant at a clock change.
    pub(super) fn hand_offs_until(&self, moment: Timestamp) -> u64 {
        let Some(anchor) = self.anchor() else {
            return 0;
        };
        if moment < anchor.at {
            return 0;
        }
        let day = wall::local_day(self.zone(), moment);
        let end = self.recurrence().period(day + LATER_DAYS);
        let begins_cleanly = |period: i64| {
            self.recurrence()
                .first_day(period)
                .is_some_and(|date| wall::begins_cleanly(self.zone(), date))
        };
        let mut from = anchor.period + self.length();
        while from < end && !begins_cleanly(from) {
            from += self.length();
        }
        let mut to = self.active_at_or_before(anchor, self.recurrence().period(day - SKIPPED_DAYS));
        while to > from && !begins_cleanly(to) {
            to -= self.length();
        }
        let before = anchor.period - self.length() * SKIPPED_DAYS;
        let one_by_one = |first: i64, last: i64| {
            u64::try_from(
                self.listed_in(anchor, first, last)
                    .into_iter()
                    .filter(|at| *at <= moment)
                    .count(),
            )
            .unwrap_or(u64::MAX)
        };
        if to <= from {
            return one_by_one(before, end);
        }
        let between = self.recurrence().count_listed(from, to, self.length())
            - self.fallen_together(anchor, from, to);
        one_by_one(before, from - 1) + between + one_by_one(to, end)
    }

    /// How many fewer instants than wall times the active periods from `from` to before `to` list.
    fn fallen_together(&self, anchor: Anchor, from: i64, to: i64) -> u64 {
        let first_moment = |period: i64| {
            Some(
                self.recurrence()
                    .first_day(period)?
                    .to_datetime(jiff::civil::Time::MIN),
            )
        };
        let (Some(first), Some(end)) = (first_moment(from), first_moment(to)) else {
            return 0;
        };
        let (first_at, end_at) = (
            wall::instant_or_end(self.zone(), first),
            wall::instant_or_end(self.zone(), end),
        );
        let mut fewer = 0;
        for change in self
            .zone()
            .following(earlier(first_at, SignedDuration::from_hours(48)))
        {
            if change.timestamp() >= end_at {
                break;
            }
            let Ok(just_before) = change
                .timestamp()
                .checked_sub(SignedDuration::from_nanos(1))
            else {
                continue;
            };
            let old = self.zone().to_offset(just_before);
            if change.offset() <= old {
                continue;
            }
            // Wall times in the skip, and those that they may fall on.
            let skip =
                SignedDuration::from_secs(i64::from(change.offset().seconds() - old.seconds()));
            let skipped_from = old.to_datetime(change.timestamp());
            let (Ok(skipped_to), Ok(fallen_to)) = (
                skipped_from.checked_add(skip),
                skipped_from.checked_add(skip + skip),
            ) else {
                continue;
            };
            let walls = self.walls(anchor, skipped_from.max(first), fallen_to.min(end));
            if walls.iter().all(|wall| *wall >= skipped_to) {
                continue;
            }
            let mut instants: Vec<_> = walls
                .iter()
                .filter_map(|wall| wall::instant(self.zone(), *wall))
                .collect();
            instants.sort_unstable();
            instants.dedup();
            fewer += u64::try_from(walls.len() - instants.len()).unwrap_or(0);
        }
        fewer
    }

    /// Wall times that active periods list from `from` up to but not including `to`.
    fn walls(&self, anchor: Anchor, from: DateTime, to: DateTime) -> Vec<DateTime> {
        let last = self.recurrence().period(wall::day_number(to.date()));
        let mut period = self.active_at_or_after(
            anchor,
            self.recurrence().period(wall::day_number(from.date())),
        );
        let mut walls = Vec::new();
        while period <= last {
            walls.extend(
                self.recurrence()
                    .listed(period)
                    .into_iter()
                    .filter(|wall| from <= *wall && *wall < to),
            );
            period += self.length();
        }
        walls
    }
}
