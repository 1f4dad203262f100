#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect by failing"
)]

mod examples_hand_offs;
mod examples_pieces;
mod oracle;
mod properties;
mod random;
mod schedules;
mod settings;
mod stories;

use jiff::Timestamp;

use super::*;

/// An instant as `2026-03-08T02:30[America/New_York]` or `…Z`.
fn at(text: &str) -> Timestamp {
    text.parse()
        .or_else(|_| text.parse::<jiff::Zoned>().map(|zoned| zoned.timestamp()))
        .unwrap()
}

fn time(text: &str) -> TimeOfDay {
    TimeOfDay::parse(text).unwrap()
}

fn times(texts: &[&str]) -> Vec<TimeOfDay> {
    texts.iter().map(|text| time(text)).collect()
}

fn window(from: &str, to: &str) -> Interval {
    Interval::new(at(from), at(to))
}

fn covers(days: &[Weekday], start: &str, end: &str) -> Vec<CoverageWindow> {
    days.iter()
        .map(|day| CoverageWindow {
            day: *day,
            start: time(start),
            end: time(end),
        })
        .collect()
}

const WORKDAYS: [Weekday; 5] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
];

/// Daily at 09:00, one member on call, always covered.
fn daily(zone: &str, start: &str, members: &[&'static str]) -> RotationSettings<&'static str> {
    RotationSettings {
        members: members.to_vec(),
        start: at(start),
        zone: zone.to_owned(),
        recurrence: Recurrence::Daily(times(&["09:00"])),
        shift_length: 1,
        number_on_call: 1,
        coverage: Vec::new(),
    }
}

fn made(settings: RotationSettings<&'static str>) -> Rotation<&'static str> {
    Rotation::new(settings).unwrap()
}

/// Pieces as `start end people`, times in UTC, the people whom an override replaces in brackets.
fn told(pieces: &[Piece<&str>]) -> Vec<String> {
    let tell = |piece: &Piece<&str>| {
        let instead = match &piece.kind {
            Kind::Regular => String::new(),
            Kind::Overridden { instead_of, .. } => format!(" [{}]", instead_of.join("+")),
        };
        format!(
            "{} {} {}{instead}",
            piece.start,
            piece.end,
            piece.on_call.join("+")
        )
    };
    pieces.iter().map(tell).collect()
}

/// One member since the year 2000, the hand-off on Mondays at 09:00.
fn covered(zone: &str, coverage: Vec<CoverageWindow>) -> Rotation<&'static str> {
    let weekly = Recurrence::Weekly(vec![(Weekday::Monday, time("09:00"))]);
    made(RotationSettings {
        coverage,
        recurrence: weekly,
        ..daily(zone, "2000-01-03T00:00:00Z", &["a"])
    })
}

const SUNDAY: [Weekday; 1] = [Weekday::Sunday];
