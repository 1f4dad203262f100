//! Wall time: times of day, dates as numbers, and rule 1.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};

pub use jiff::civil::Weekday;

/// A time of day to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    hour: i8,
    minute: i8,
}

impl TimeOfDay {
    /// 00:00.
    pub const MIDNIGHT: Self = Self { hour: 0, minute: 0 };

    /// `None` when there is no such time (hours 0 to 23, minutes 0 to 59).
    pub fn new(hour: u8, minute: u8) -> Option<Self> {
        let time = Self {
            hour: i8::try_from(hour).ok()?,
            minute: i8::try_from(minute).ok()?,
        };
        (time.hour < 24 && time.minute < 60).then_some(time)
    }

    /// As `09:00`, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let two_digits =
            |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !two_digits(hour) || !two_digits(minute) {
            return None;
        }
        Self::new(hour.parse().ok()?, minute.parse().ok()?)
    }

    /// 0 to 23.
    pub fn hour(self) -> u8 {
        self.hour.unsigned_abs()
    }

    /// 0 to 59.
    pub fn minute(self) -> u8 {
        self.minute.unsigned_abs()
    }

    /// Since midnight.
    pub fn minutes(self) -> u32 {
        u32::from(self.hour()) * 60 + u32::from(self.minute())
    }

    pub(super) fn on(self, date: Date) -> DateTime {
        // Both are in range by construction.
        date.to_datetime(Time::new(self.hour, self.minute, 0, 0).unwrap_or(Time::MIN))
    }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

/// Rule 1; `None` outside what a timestamp can hold.
pub(super) fn instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(wall).compatible().ok()
}

/// Rule 1, with the ends of time for what is outside of it.
pub(super) fn instant_or_end(zone: &TimeZone, wall: DateTime) -> Timestamp {
    instant(zone, wall).unwrap_or(if wall.year() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// Whether no wall time before the first moment of `date` is moved by a clock change to that moment or later.
pub(super) fn begins_cleanly(zone: &TimeZone, date: Date) -> bool {
    let skipped = |wall: DateTime| {
        matches!(
            zone.to_ambiguous_timestamp(wall).offset(),
            AmbiguousOffset::Gap { .. }
        )
    };
    let midnight = date.to_datetime(Time::MIN);
    !skipped(midnight)
        && midnight
            .checked_sub(Span::new().nanoseconds(1))
            .is_ok_and(|before| !skipped(before))
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Days since 1970-01-01.
pub(super) fn day_number(date: Date) -> i64 {
    EPOCH.duration_until(date).as_hours() / 24
}

/// The date of a number, if there is one.
pub(super) fn date_of(day: i64) -> Option<Date> {
    EPOCH.checked_add(Span::new().try_days(day).ok()?).ok()
}

/// The date of a number, or the first or last there is.
pub(super) fn nearest_date(day: i64) -> Date {
    date_of(day).unwrap_or(if day < 0 { Date::MIN } else { Date::MAX })
}

/// The number of the local date of a moment.
pub(super) fn local_day(zone: &TimeZone, moment: Timestamp) -> i64 {
    day_number(zone.to_datetime(moment).date())
}

/// The weekday of a date's number.
pub(super) fn weekday_of(day: i64) -> Weekday {
    // 1970-01-01 was a Thursday.
    let from_monday = i8::try_from((day + 3).rem_euclid(7)).unwrap_or_default();
    Weekday::from_monday_zero_offset(from_monday).unwrap_or(Weekday::Monday)
}
