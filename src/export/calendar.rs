//! Shifts as iCalendar (RFC 5545), a feed for each schedule. Pure.

use std::collections::BTreeMap;

use icalendar::{Calendar, Component, Event, Property};
use jiff::Timestamp;
use uuid::Uuid;

use super::model::{LeftOut, Place, Rotation, Schedule};
use crate::schedule::{self, Interval, Kind, Piece};

/// How often those who subscribe ask again.
const REFRESH: &str = "PT1H";

/// Feeds by file name, and what could not be put into one.
#[derive(Debug, Default, PartialEq)]
pub struct Feeds {
    /// Texts by path below the output directory.
    pub files: BTreeMap<String, String>,
    /// Rotations that are not understood.
    pub left_out: Vec<LeftOut>,
    /// How many shifts there are in all.
    pub shifts: usize,
}

/// The feeds of `places` with all shifts that overlap `window`.
pub fn feeds(places: &[Place], window: Interval, now: Timestamp) -> Feeds {
    let mut feeds = Feeds::default();
    for place in places {
        for schedule in &place.schedules {
            let mut calendar = empty(schedule);
            for rotation in &schedule.rotations {
                match pieces(rotation, window) {
                    Ok(pieces) => {
                        feeds.shifts += pieces.len();
                        for piece in pieces {
                            calendar.push(event(place, schedule, rotation, &piece, now));
                        }
                    }
                    Err(reason) => feeds.left_out.push(LeftOut {
                        subject: format!("{}/{}", schedule.name, rotation.name),
                        reason,
                    }),
                }
            }
            let file = format!("{}.ics", file_name(&schedule.name));
            let path = match places {
                [_] => file,
                _ => format!("{}-{}/{file}", place.account_id, place.region),
            };
            feeds.files.insert(path, calendar.to_string());
        }
    }
    feeds
}

fn pieces(rotation: &Rotation, window: Interval) -> Result<Vec<Piece<String>>, String> {
    let checked = schedule::Rotation::new(rotation.settings.clone()).map_err(|e| e.to_string())?;
    Ok(checked.pieces(&rotation.overrides, window))
}

/// AWS takes nothing else in an alias; what comes from elsewhere is no path.
fn file_name(alias: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    alias
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect()
}

fn empty(schedule: &Schedule) -> Calendar {
    let title = format!("On call: {}", label(schedule));
    let mut calendar = Calendar::empty();
    calendar
        .append_property(("VERSION", "2.0"))
        .append_property(("PRODID", "-//incident-operator.dev//export//EN"))
        .append_property(("CALSCALE", "GREGORIAN"))
        .name(&title)
        .append_property(
            Property::new("REFRESH-INTERVAL", REFRESH)
                .add_parameter("VALUE", "DURATION")
                .done(),
        )
        .append_property(("X-PUBLISHED-TTL", REFRESH));
    calendar
}

/// What people call the schedule.
fn label(schedule: &Schedule) -> String {
    match &schedule.object {
        Some(object) => format!("{}/{}", object.namespace, object.name),
        None => schedule.name.clone(),
    }
}

fn event(
    place: &Place,
    schedule: &Schedule,
    rotation: &Rotation,
    piece: &Piece<String>,
    now: Timestamp,
) -> Event {
    let people = |names: &[String]| {
        if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join(", ")
        }
    };
    let mut place_in_schedule = label(schedule);
    if schedule.rotations.len() > 1 {
        place_in_schedule = format!("{place_in_schedule}, {}", rotation.name);
    }
    let mut lines = vec![
        format!("Schedule: {}", label(schedule)),
        format!("Rotation: {}", rotation.name),
        format!("Time zone of the rotation: {}", rotation.settings.zone),
    ];
    if let Kind::Overridden { instead_of, .. } = &piece.kind {
        lines.push(format!("Override, instead of: {}", people(instead_of)));
    }
    Event::new()
        .uid(&uid(place, schedule, rotation, piece.start))
        .summary(&format!(
            "{} on call: {place_in_schedule}",
            people(&piece.on_call)
        ))
        .description(&lines.join("\n"))
        .add_property("DTSTAMP", utc(now))
        .add_property("DTSTART", utc(piece.start))
        .add_property("DTEND", utc(piece.end))
        // Whoever is on call is not busy.
        .add_property("TRANSP", "TRANSPARENT")
        .done()
}

/// The same for the same shift in every export, whoever has it: calendars replace an event by the one with its UID.
fn uid(place: &Place, schedule: &Schedule, rotation: &Rotation, start: Timestamp) -> String {
    let name = format!(
        "incident-operator.dev/shift/{}/{}/{}/{}/{start}",
        place.account_id, place.region, schedule.name, rotation.name
    );
    format!(
        "{}@incident-operator.dev",
        Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
    )
}

/// RFC 5545, 3.3.5, form 2.
fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use calcard::icalendar::{ICalendar, ICalendarComponentType, ICalendarProperty};

    use super::*;
    use crate::export::model::ObjectName;
    use crate::schedule::{Override, Recurrence, RotationSettings, TimeOfDay, Weekday};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn weekly(name: &str, members: &[&str]) -> Rotation {
        Rotation {
            name: name.to_owned(),
            settings: RotationSettings {
                members: members.iter().map(|m| (*m).to_owned()).collect(),
                start: at("2026-01-05T09:00:00Z"),
                zone: "UTC".to_owned(),
                recurrence: Recurrence::Weekly(vec![(
                    Weekday::Monday,
                    TimeOfDay::parse("09:00").unwrap(),
                )]),
                shift_length: 1,
                number_on_call: 1,
                coverage: vec![],
            },
            overrides: vec![],
        }
    }

    fn place(rotations: Vec<Rotation>) -> Place {
        Place {
            account_id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            schedules: vec![Schedule {
                name: "primary".to_owned(),
                display_name: String::new(),
                object: Some(ObjectName {
                    namespace: "payments".to_owned(),
                    name: "primary".to_owned(),
                }),
                rotations,
                tags: BTreeMap::new(),
            }],
            ..Place::default()
        }
    }

    fn fortnight() -> Interval {
        Interval::new(at("2026-01-05T09:00:00Z"), at("2026-01-19T09:00:00Z"))
    }

    fn feed(place: &Place) -> String {
        let now = at("2026-01-05T09:00:00Z");
        let mut feeds = feeds(std::slice::from_ref(place), fortnight(), now);
        assert_eq!(feeds.left_out, []);
        feeds.files.remove("primary.ics").unwrap()
    }

    /// Property values of all events, as an independent parser reads them.
    fn events(text: &str) -> Vec<BTreeMap<String, String>> {
        let calendar = ICalendar::parse(text).unwrap();
        let events = calendar.components.iter();
        let events = events.filter(|c| c.component_type == ICalendarComponentType::VEvent);
        events
            .map(|event| {
                let value = |property: &ICalendarProperty| {
                    let found = event.entries.iter().find(|e| e.name == *property).unwrap();
                    let value = found.values.first().unwrap();
                    if let Some(text) = value.as_text() {
                        return text.to_owned();
                    }
                    let time = value.as_partial_date_time().unwrap();
                    time.to_timestamp().unwrap().to_string()
                };
                [
                    ("uid", ICalendarProperty::Uid),
                    ("summary", ICalendarProperty::Summary),
                    ("description", ICalendarProperty::Description),
                    ("start", ICalendarProperty::Dtstart),
                    ("end", ICalendarProperty::Dtend),
                ]
                .map(|(name, property)| (name.to_owned(), value(&property)))
                .into()
            })
            .collect()
    }

    #[test]
    fn every_shift_is_an_event_and_overrides_hold() {
        let mut week = weekly("week", &["alice", "bob"]);
        week.overrides.push(Override {
            id: "x".to_owned(),
            start: at("2026-01-07T09:00:00Z"),
            end: at("2026-01-08T09:00:00Z"),
            members: vec!["bob".to_owned()],
            created: at("2026-01-06T00:00:00Z"),
        });
        let events = events(&feed(&place(vec![week])));
        let shown: Vec<(&str, i64, i64)> = events
            .iter()
            .map(|e| {
                let number = |key: &str| e[key].parse::<i64>().unwrap();
                (e["summary"].as_str(), number("start"), number("end"))
            })
            .collect();
        let second = |text: &str| at(text).as_second();
        let (monday, wednesday, thursday, next, after) = (
            second("2026-01-05T09:00:00Z"),
            second("2026-01-07T09:00:00Z"),
            second("2026-01-08T09:00:00Z"),
            second("2026-01-12T09:00:00Z"),
            second("2026-01-19T09:00:00Z"),
        );
        assert_eq!(
            shown,
            [
                ("alice on call: payments/primary", monday, wednesday),
                ("bob on call: payments/primary", wednesday, thursday),
                ("alice on call: payments/primary", thursday, next),
                ("bob on call: payments/primary", next, after),
            ]
        );
        assert!(events[1]["description"].ends_with("\nOverride, instead of: alice"));
    }

    #[test]
    fn a_shift_keeps_its_uid_when_somebody_else_has_it_and_no_two_are_alike() {
        let uids = |members: &[&str]| -> Vec<String> {
            let place = place(vec![weekly("a", members), weekly("b", members)]);
            let events = events(&feed(&place));
            events.iter().map(|e| e["uid"].clone()).collect()
        };
        let before = uids(&["alice", "bob"]);
        assert_eq!(before, uids(&["carol", "dave"]));
        let mut different = before.clone();
        different.sort();
        different.dedup();
        assert_eq!((before.len(), different.len()), (4, 4));
    }

    #[test]
    fn lines_are_folded_and_text_is_escaped() {
        let long = format!("{}ü, with a comma; and more", "Ä".repeat(60));
        let text = feed(&place(vec![
            weekly(&long, &["alice"]),
            weekly("b", &["bob"]),
        ]));
        for line in text.split("\r\n") {
            assert!(line.len() <= 75 && !line.contains('\n'), "{line:?}");
        }
        assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"));
        let events = events(&text);
        assert_eq!(
            events[0]["summary"],
            format!("alice on call: payments/primary, {long}")
        );
    }

    #[test]
    fn what_is_not_understood_is_told_and_accounts_have_a_directory_each() {
        let mut strange = weekly("strange", &["alice"]);
        strange.settings.zone = "Mars/Olympus".to_owned();
        let mut places = vec![place(vec![strange]), place(vec![])];
        places[1].region = "eu-west-1".to_owned();
        let feeds = feeds(&places, fortnight(), at("2026-01-05T09:00:00Z"));
        let files: Vec<&String> = feeds.files.keys().collect();
        assert_eq!(
            files,
            [
                "123456789012-eu-west-1/primary.ics",
                "123456789012-us-east-1/primary.ics"
            ]
        );
        assert_eq!(feeds.left_out[0].subject, "primary/strange");
        assert!(feeds.left_out[0].reason.contains("Mars/Olympus"));
    }

    #[test]
    fn a_name_is_no_path() {
        assert_eq!(file_name("../../etc/x"), "______etc_x");
        assert_eq!(file_name("night_shift-2"), "night_shift-2");
    }
}
