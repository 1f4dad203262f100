//! What a rotation and a zone may be.

use super::*;

fn refused(change: impl FnOnce(&mut RotationSettings<&'static str>)) -> RotationError {
    let mut settings = daily("Europe/Paris", "2026-01-01T00:00:00Z", &["a", "b"]);
    change(&mut settings);
    Rotation::new(settings).unwrap_err()
}

#[test]
fn what_aws_would_refuse_is_refused() {
    assert_eq!(
        refused(|one| one.members = vec!["a"; 31]),
        RotationError::TooManyMembers(31)
    );
    assert_eq!(
        refused(|one| one.shift_length = 0),
        RotationError::ShiftLength(0)
    );
    assert_eq!(
        refused(|one| one.shift_length = 101),
        RotationError::ShiftLength(101)
    );
    assert_eq!(
        refused(|one| one.number_on_call = 0),
        RotationError::NobodyOnCall
    );
    assert_eq!(
        refused(|one| one.number_on_call = 3),
        RotationError::TooFewMembers {
            members: 2,
            number_on_call: 3
        }
    );
    assert_eq!(
        refused(|one| one.recurrence = Recurrence::Weekly(Vec::new())),
        RotationError::NoHandOff
    );
    assert_eq!(
        refused(|one| one.recurrence = Recurrence::Monthly(vec![(32, time("09:00"))])),
        RotationError::DayOfMonth(32)
    );
    assert_eq!(
        refused(|one| one.zone = "PST".to_owned()),
        RotationError::Zone(ZoneError::Unknown("PST".to_owned()))
    );
}

#[test]
fn a_rotation_without_members_has_nobody_on_call() {
    let rotation = made(daily("UTC", "2026-01-01T00:00:00Z", &[]));
    let january = window("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    assert_eq!(rotation.pieces(&[], january), []);
    assert_eq!(rotation.shift_at(at("2026-01-05T00:00:00Z")), None);
    assert!(equivalent(&rotation, &rotation, at("2026-01-05T00:00:00Z")));
    assert_eq!(
        forward(&rotation, at("2026-01-05T00:00:00Z"))
            .unwrap()
            .start,
        at("2026-01-05T00:00:00Z")
    );
}

#[test]
fn zones_are_iana_names_of_places_or_utc() {
    for name in [
        "Europe/Paris",
        "UTC",
        "Etc/UTC",
        "Asia/Calcutta",
        "Asia/Kolkata",
        "Japan",
        "US/Pacific",
        "America/Argentina/Ushuaia",
        "Etc/GMT",
    ] {
        assert!(zone(name).is_ok(), "{name}");
    }
    for name in [
        "EST",
        "MST",
        "HST",
        "EST5EDT",
        "PST8PDT",
        "CET",
        "WET",
        "GMT",
        "GMT+0",
        "Etc/GMT+9",
        "Etc/GMT-14",
        "Factory",
    ] {
        assert_eq!(zone(name).unwrap_err(), ZoneError::Code(name.to_owned()));
    }
    for name in [
        "",
        "PST",
        "+09:00",
        "Z",
        "JST-9",
        "EST5EDT,M3.2.0,M11.1.0",
        "Pacific Standard Time",
        "Etc/Unknown",
        "Europe/Nowhere",
        " UTC",
        "../etc/passwd",
    ] {
        assert_eq!(
            zone(name).unwrap_err(),
            ZoneError::Unknown(name.to_owned()),
            "{name}"
        );
    }
    for (given, exact) in [
        ("europe/paris", "Europe/Paris"),
        ("utc", "UTC"),
        ("ASIA/TOKYO", "Asia/Tokyo"),
    ] {
        assert_eq!(
            zone(given).unwrap_err(),
            ZoneError::Spelling {
                given: given.to_owned(),
                exact: exact.to_owned()
            }
        );
    }
}

#[test]
fn times_of_day_have_one_form() {
    assert_eq!(time("09:05").to_string(), "09:05");
    assert_eq!((time("23:59").hour(), time("23:59").minute()), (23, 59));
    for text in [
        "24:00", "9:00", "09:60", "0900", "09:00:00", "+9:00", "09:+1", "",
    ] {
        assert_eq!(TimeOfDay::parse(text), None, "{text}");
    }
}
