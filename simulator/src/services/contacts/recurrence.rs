//! When a rotation hands off and what it covers: read from the wire, and checked beyond the model.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde_json::Value;

use crate::error::AwsError;

use super::errors::invalid;

/// Minutes since midnight, wall time.
pub(super) type Minute = i32;

pub(super) const DAY_MINUTES: Minute = 1440;
const LEAST_COVERAGE: Minute = 30;
const WEEKDAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

/// The listed hand-offs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HandOffs {
    /// Times of every day.
    Daily(Vec<Minute>),
    /// Days of the week, 0 is Monday, and times.
    Weekly(Vec<(i64, Minute)>),
    /// Days of the month and times.
    Monthly(Vec<(i8, Minute)>),
}

/// A stretch of a day; one that does not end after its start ends on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: Minute,
    pub(super) end: Minute,
}

impl Window {
    pub(super) fn ends_next_day(self) -> bool {
        self.end <= self.start
    }

    fn minutes(self) -> Minute {
        let minutes = self.end - self.start;
        if self.ends_next_day() {
            minutes + DAY_MINUTES
        } else {
            minutes
        }
    }
}

/// A recurrence that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recurrence {
    pub(super) hand_offs: HandOffs,
    /// Days, weeks or months that one shift lasts.
    pub(super) multiplier: i64,
    pub(super) on_calls: usize,
    /// By weekday, Monday first; none covers all hours.
    pub(super) coverage: Option<[Vec<Window>; 7]>,
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn minute_of(time: &Value) -> Minute {
    let minutes = number(&time["HourOfDay"]) * 60 + number(&time["MinuteOfHour"]);
    Minute::try_from(minutes).unwrap_or_default()
}

fn weekday_of(name: &Value) -> i64 {
    let index = WEEKDAYS.iter().position(|day| name == day);
    index.and_then(|day| i64::try_from(day).ok()).unwrap_or(0)
}

fn hand_offs(settings: &Value) -> Result<HandOffs, AwsError> {
    let daily = list(settings, "DailySettings");
    let weekly = list(settings, "WeeklySettings");
    let monthly = list(settings, "MonthlySettings");
    match (daily, weekly, monthly) {
        ([_, ..], [], []) => Ok(HandOffs::Daily(daily.iter().map(minute_of).collect())),
        ([], [_, ..], []) => Ok(HandOffs::Weekly(
            weekly
                .iter()
                .map(|hand_off| {
                    let time = minute_of(&hand_off["HandOffTime"]);
                    (weekday_of(&hand_off["DayOfWeek"]), time)
                })
                .collect(),
        )),
        ([], [], [_, ..]) => Ok(HandOffs::Monthly(
            monthly
                .iter()
                .map(|hand_off| {
                    let day = i8::try_from(number(&hand_off["DayOfMonth"])).unwrap_or(1);
                    (day, minute_of(&hand_off["HandOffTime"]))
                })
                .collect(),
        )),
        _ => Err(invalid(
            "Recurrence needs exactly one of DailySettings, WeeklySettings and MonthlySettings",
        )),
    }
}

fn coverage(settings: &Value) -> Result<Option<[Vec<Window>; 7]>, AwsError> {
    let Some(days) = settings["ShiftCoverages"]
        .as_object()
        .filter(|days| !days.is_empty())
    else {
        return Ok(None);
    };
    let too_short = || {
        invalid(format!(
            "Shift coverage must be at least {LEAST_COVERAGE} minutes"
        ))
    };
    let mut windows: [Vec<Window>; 7] = std::array::from_fn(|_| Vec::new());
    for (index, name) in WEEKDAYS.iter().enumerate() {
        for time in days
            .get(*name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if time["Start"].is_null() || time["End"].is_null() {
                return Err(invalid("Shift coverage needs a Start and an End"));
            }
            let window = Window {
                start: minute_of(&time["Start"]),
                end: minute_of(&time["End"]),
            };
            if window.minutes() < LEAST_COVERAGE {
                return Err(too_short());
            }
            windows[index].push(window);
        }
    }
    if windows.iter().all(Vec::is_empty) {
        return Err(too_short());
    }
    Ok(Some(windows))
}

/// Reads the settings for so many members.
pub(super) fn parse(settings: &Value, members: usize) -> Result<Recurrence, AwsError> {
    let on_calls = usize::try_from(number(&settings["NumberOfOnCalls"])).unwrap_or(1);
    if on_calls > members {
        return Err(invalid(
            "NumberOfOnCalls cannot be greater than the number of contacts",
        ));
    }
    Ok(Recurrence {
        hand_offs: hand_offs(settings)?,
        multiplier: number(&settings["RecurrenceMultiplier"]),
        on_calls,
        coverage: coverage(settings)?,
    })
}

/// Names in the database that are no zones with rules of their own.
const NO_ZONES: [&str; 5] = ["EST", "MST", "HST", "Factory", "localtime"];

/// The database that comes with the program: what a machine has may be years old.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of this IANA name.
pub(super) fn zone(name: &str) -> Result<TimeZone, AwsError> {
    DATABASE
        .get(name)
        .ok()
        .filter(|zone| zone.iana_name().unwrap_or("UTC") == name && !zone.is_unknown())
        .filter(|_| !NO_ZONES.contains(&name))
        .filter(|_| !name.starts_with("posix") && !name.starts_with("right/"))
        .ok_or_else(|| invalid(format!("{name} is not a valid time zone")))
}
