//! The hours in which a rotation has anybody on call at all (rule 6).

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::interval::{Interval, union};
use super::wall::{self, TimeOfDay, Weekday};

/// A window of every week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CoverageWindow {
    /// The day on which it begins.
    pub day: Weekday,
    /// When it begins.
    pub start: TimeOfDay,
    /// When it ends; on the next day if that is not after the start.
    pub end: TimeOfDay,
}

impl CoverageWindow {
    /// How long it is when no clock changes.
    pub fn minutes(&self) -> u32 {
        let (start, end) = (self.start.minutes(), self.end.minutes());
        if end > start {
            end - start
        } else {
            end + 24 * 60 - start
        }
    }

    /// In the order of the week, without doubles.
    pub(super) fn sorted(mut windows: Vec<Self>) -> Vec<Self> {
        windows.sort_unstable_by_key(|window| {
            (window.day.to_monday_zero_offset(), window.start, window.end)
        });
        windows.dedup();
        windows
    }

    /// The window that begins on a date, as instants.
    fn on(self, zone: &TimeZone, day: i64) -> Option<Interval> {
        let date = wall::date_of(day)?;
        let end_date = if self.end > self.start {
            Some(date)
        } else {
            wall::date_of(day + 1)
        };
        let start = wall::instant_or_end(zone, self.start.on(date));
        let end = end_date.map_or(Timestamp::MAX, |date| {
            wall::instant_or_end(zone, self.end.on(date))
        });
        let window = Interval::new(start, end);
        (!window.is_empty()).then_some(window)
    }
}

/// Windows that begin on the dates from `first` to `last`, joined.
fn on_days(windows: &[CoverageWindow], zone: &TimeZone, first: i64, last: i64) -> Vec<Interval> {
    let mut covered = Vec::new();
    for day in first..=last {
        let weekday = wall::weekday_of(day);
        covered.extend(
            windows
                .iter()
                .filter(|window| window.day == weekday)
                .filter_map(|window| window.on(zone, day)),
        );
    }
    union(covered)
}

/// Days before a moment whose windows can hold it: a window, a day that a zone skipped, and one to spare.
const REACH: i64 = 3;

/// The covered time that overlaps `part`: whole intervals, cut only at the edges of `whole`. No windows = always.
pub(super) fn covered(
    windows: &[CoverageWindow],
    zone: &TimeZone,
    part: Interval,
    whole: Interval,
) -> Vec<Interval> {
    if windows.is_empty() {
        return if whole.is_empty() {
            Vec::new()
        } else {
            vec![whole]
        };
    }
    let (earliest, latest) = (
        wall::local_day(zone, whole.start) - REACH,
        wall::local_day(zone, whole.end) + 1,
    );
    let (mut first, mut last) = (
        wall::local_day(zone, part.start) - REACH,
        wall::local_day(zone, part.end) + 1,
    );
    let (mut back, mut forth) = (7, 7);
    loop {
        let known = on_days(windows, zone, first, last);
        // An interval that may be longer than what was looked at: look further, in growing steps.
        let blurred =
            |moment: Timestamp, day: i64| (wall::local_day(zone, moment) - day).abs() <= REACH;
        let overlapping = || {
            known
                .iter()
                .filter(|interval| interval.and(&part).is_some())
        };
        let earlier = first > earliest
            && overlapping()
                .next()
                .is_some_and(|interval| blurred(interval.start, first));
        let later = last < latest
            && overlapping()
                .next_back()
                .is_some_and(|interval| blurred(interval.end, last));
        if !earlier && !later {
            return overlapping()
                .filter_map(|interval| interval.and(&whole))
                .collect();
        }
        if earlier {
            first = (first - back).max(earliest);
            back *= 2;
        }
        if later {
            last = (last + forth).min(latest);
            forth *= 2;
        }
    }
}
