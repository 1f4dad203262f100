//! Dates as numbers of days since 1970-01-01, and the instants of wall times in a zone.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::clock::Millis;
use crate::services::contacts::recurrence::{DAY_MINUTES, Minute};

/// Days since 1970-01-01.
pub(super) type Day = i64;

pub(super) const DAY_SECONDS: i64 = 86_400;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// The date of a day, within the years that calendars know.
pub(super) fn date(day: Day) -> Option<Date> {
    EPOCH.checked_add(Span::new().try_days(day).ok()?).ok()
}

fn day(date: Date) -> Day {
    date.duration_since(EPOCH).as_hours() / 24
}

/// 0 is Monday.
pub(super) fn weekday(day: Day) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Months since January of the year 0.
pub(super) fn month(day: Day) -> Option<i64> {
    let date = date(day)?;
    Some(i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
}

/// The first day of a month.
pub(super) fn first_of_month(month: i64) -> Option<Day> {
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
    Date::new(year, month, 1).ok().map(day)
}

/// How many days a month has.
pub(super) fn month_length(month: i64) -> i8 {
    let year = month.div_euclid(12);
    match month.rem_euclid(12) {
        1 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// A stretch of wall time that a clock change skips, in seconds since 1970-01-01 00:00 on the wall.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// The calendar of a zone.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// The instant of a wall time: one that is skipped is later by the skip, of two the first.
    pub(super) fn instant(&self, day: Day, minute: Minute) -> Option<Millis> {
        let day = day + i64::from(minute / DAY_MINUTES);
        let minute = minute % DAY_MINUTES;
        let hour = i8::try_from(minute / 60).ok()?;
        let minute = i8::try_from(minute % 60).ok()?;
        self.zone
            .to_ambiguous_timestamp(date(day)?.at(hour, minute, 0, 0))
            .compatible()
            .ok()
            .map(Timestamp::as_millisecond)
    }

    /// The day it is at an instant.
    pub(super) fn day(&self, instant: Millis) -> Option<Day> {
        let timestamp = Timestamp::from_millisecond(instant).ok()?;
        Some(day(self.zone.to_datetime(timestamp).date()))
    }

    /// What clock changes skip on these days, and a little around.
    pub(super) fn gaps(&self, from: Day, until: Day) -> Vec<Gap> {
        let Some(start) = date(from - 2).and_then(|date| {
            let zoned = date.to_zoned(TimeZone::UTC).ok()?;
            Some(zoned.timestamp())
        }) else {
            return Vec::new();
        };
        let end = (until + 2) * DAY_SECONDS;
        let mut before = i64::from(self.zone.to_offset(start).seconds());
        let mut gaps = Vec::new();
        for transition in self.zone.following(start) {
            let at = transition.timestamp().as_second();
            if at > end {
                break;
            }
            let after = i64::from(transition.offset().seconds());
            if after > before {
                gaps.push(Gap {
                    start: at + before,
                    end: at + after,
                });
            }
            before = after;
        }
        gaps
    }
}
