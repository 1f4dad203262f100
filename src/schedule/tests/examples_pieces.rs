//! Rules 6 to 8 of docs/shifts.md by example.

use super::*;

// Rule 6.

#[test]
fn a_window_ends_on_the_next_day_when_its_end_is_not_after_its_start() {
    let night = covered("Europe/Paris", covers(&[Weekday::Friday], "22:00", "06:00"));
    assert_eq!(
        told(&night.pieces(&[], window("2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z"))),
        ["2026-01-02T21:00:00Z 2026-01-03T05:00:00Z a"]
    );
    let whole_day = covered("Europe/Paris", covers(&SUNDAY, "12:00", "12:00"));
    // Cut by the hand-off on Monday at 09:00 (08:00 UTC).
    let expected = [
        "2026-01-04T11:00:00Z 2026-01-05T08:00:00Z a",
        "2026-01-05T08:00:00Z 2026-01-05T11:00:00Z a",
    ];
    assert_eq!(
        told(&whole_day.pieces(&[], window("2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z"))),
        expected
    );
}

#[test]
fn windows_over_a_clock_change_are_longer_or_shorter() {
    let night = |zone| covered(zone, covers(&[Weekday::Saturday], "22:00", "06:00"));
    assert_eq!(
        told(
            &night("America/New_York")
                .pieces(&[], window("2026-03-07T00:00:00Z", "2026-03-09T00:00:00Z"))
        ),
        ["2026-03-08T03:00:00Z 2026-03-08T10:00:00Z a"]
    );
    assert_eq!(
        told(
            &night("America/New_York")
                .pieces(&[], window("2026-10-31T12:00:00Z", "2026-11-02T00:00:00Z"))
        ),
        ["2026-11-01T02:00:00Z 2026-11-01T11:00:00Z a"]
    );
    // Skipped altogether, it takes place after the change; skipped at its beginning only, it may be nothing.
    let skipped = covered("America/New_York", covers(&SUNDAY, "02:00", "02:45"));
    assert_eq!(
        told(&skipped.pieces(&[], window("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"))),
        ["2026-03-08T07:00:00Z 2026-03-08T07:45:00Z a"]
    );
    let nothing = covered("America/New_York", covers(&SUNDAY, "02:15", "03:15"));
    assert_eq!(
        nothing.pieces(&[], window("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z")),
        []
    );
    // Doubled: from the first 01:30 to 02:30, which comes once.
    let doubled = covered("America/New_York", covers(&SUNDAY, "01:30", "02:30"));
    assert_eq!(
        told(&doubled.pieces(&[], window("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"))),
        ["2026-11-01T05:30:00Z 2026-11-01T07:30:00Z a"]
    );
}

#[test]
fn windows_that_touch_or_overlap_are_one() {
    let mut windows = covers(&[Weekday::Tuesday], "09:00", "12:00");
    windows.extend(covers(&[Weekday::Tuesday], "12:00", "15:00"));
    windows.extend(covers(&[Weekday::Tuesday], "14:00", "18:00"));
    let rotation = covered("UTC", windows);
    assert_eq!(
        told(&rotation.pieces(&[], window("2026-01-06T10:00:00Z", "2026-01-06T11:00:00Z"))),
        ["2026-01-06T09:00:00Z 2026-01-06T18:00:00Z a"]
    );
    // All hours, said as windows, are whole shifts.
    let always = covered(
        "UTC",
        (1..=7)
            .flat_map(|day| {
                covers(
                    &[Weekday::from_monday_one_offset(day).unwrap()],
                    "00:00",
                    "00:00",
                )
            })
            .collect(),
    );
    assert_eq!(
        told(&always.pieces(&[], window("2026-01-06T10:00:00Z", "2026-01-06T11:00:00Z"))),
        ["2026-01-05T09:00:00Z 2026-01-12T09:00:00Z a"]
    );
}

// Rule 7.

fn by(
    id: &str,
    start: &str,
    end: &str,
    members: &[&'static str],
    created: &str,
) -> Override<&'static str> {
    Override {
        id: id.to_owned(),
        start: at(start),
        end: at(end),
        members: members.to_vec(),
        created: at(created),
    }
}

#[test]
fn an_override_holds_in_the_covered_part_of_its_time() {
    let rotation = made(RotationSettings {
        coverage: covers(&WORKDAYS, "09:00", "17:00"),
        ..daily("UTC", "2026-01-05T09:00:00Z", &["a", "b"])
    });
    let ill = by(
        "1",
        "2026-01-05T16:00:00Z",
        "2026-01-06T10:00:00Z",
        &["b"],
        "2026-01-01T00:00:00Z",
    );
    let before_all = by(
        "2",
        "2026-01-01T00:00:00Z",
        "2026-01-05T09:30:00Z",
        &["c"],
        "2026-01-01T00:00:00Z",
    );
    let expected = [
        "2026-01-05T09:00:00Z 2026-01-05T09:30:00Z c [a]",
        "2026-01-05T09:30:00Z 2026-01-05T16:00:00Z a",
        "2026-01-05T16:00:00Z 2026-01-05T17:00:00Z b [a]",
        "2026-01-06T09:00:00Z 2026-01-06T10:00:00Z b [b]",
        "2026-01-06T10:00:00Z 2026-01-06T17:00:00Z b",
    ];
    assert_eq!(
        told(&rotation.pieces(
            &[ill, before_all],
            window("2026-01-01T00:00:00Z", "2026-01-07T00:00:00Z")
        )),
        expected
    );
}

#[test]
fn of_several_overrides_the_one_made_last_holds() {
    let rotation = made(daily("UTC", "2026-01-05T09:00:00Z", &["a"]));
    let overrides = [
        by(
            "2",
            "2026-01-05T10:00:00Z",
            "2026-01-05T16:00:00Z",
            &["b"],
            "2026-01-01T00:00:00Z",
        ),
        by(
            "1",
            "2026-01-05T12:00:00Z",
            "2026-01-05T13:00:00Z",
            &["c"],
            "2026-01-02T00:00:00Z",
        ),
        // Made in the same moment as the first, with a greater id.
        by(
            "3",
            "2026-01-05T15:00:00Z",
            "2026-01-05T17:00:00Z",
            &["d"],
            "2026-01-01T00:00:00Z",
        ),
        // Hidden: its edges cut nothing.
        by(
            "0",
            "2026-01-05T11:00:00Z",
            "2026-01-05T11:30:00Z",
            &["e"],
            "2026-01-01T00:00:00Z",
        ),
        // Ends before it begins.
        by(
            "9",
            "2026-01-05T20:00:00Z",
            "2026-01-05T19:00:00Z",
            &["e"],
            "2026-01-09T00:00:00Z",
        ),
    ];
    let expected = [
        "2026-01-05T09:00:00Z 2026-01-05T10:00:00Z a",
        "2026-01-05T10:00:00Z 2026-01-05T12:00:00Z b [a]",
        "2026-01-05T12:00:00Z 2026-01-05T13:00:00Z c [a]",
        "2026-01-05T13:00:00Z 2026-01-05T15:00:00Z b [a]",
        "2026-01-05T15:00:00Z 2026-01-05T17:00:00Z d [a]",
        "2026-01-05T17:00:00Z 2026-01-06T09:00:00Z a",
    ];
    assert_eq!(
        told(&rotation.pieces(
            &overrides,
            window("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z")
        )),
        expected
    );
}

#[test]
fn hand_offs_cut_also_under_an_override_and_nobody_is_a_piece_without_people() {
    let rotation = made(daily("UTC", "2026-01-05T09:00:00Z", &["a", "b"]));
    let nobody = by(
        "1",
        "2026-01-06T08:00:00Z",
        "2026-01-06T10:00:00Z",
        &[],
        "2026-01-01T00:00:00Z",
    );
    let expected = [
        "2026-01-05T09:00:00Z 2026-01-06T08:00:00Z a",
        "2026-01-06T08:00:00Z 2026-01-06T09:00:00Z  [a]",
        "2026-01-06T09:00:00Z 2026-01-06T10:00:00Z  [b]",
        "2026-01-06T10:00:00Z 2026-01-07T09:00:00Z b",
    ];
    assert_eq!(
        told(&rotation.pieces(
            &[nobody],
            window("2026-01-05T00:00:00Z", "2026-01-07T00:00:00Z")
        )),
        expected
    );
}

// Rule 8.

#[test]
fn pieces_are_whole_and_touching_is_not_overlapping() {
    let rotation = made(daily("UTC", "2026-01-05T09:00:00Z", &["a", "b"]));
    let expected = ["2026-01-06T09:00:00Z 2026-01-07T09:00:00Z b"];
    assert_eq!(
        told(&rotation.pieces(&[], window("2026-01-06T09:00:00Z", "2026-01-07T09:00:00Z"))),
        expected
    );
    assert_eq!(
        told(&rotation.pieces(&[], window("2026-01-06T20:00:00Z", "2026-01-06T20:01:00Z"))),
        expected
    );
    assert_eq!(
        rotation.pieces(&[], window("2026-01-06T20:00:00Z", "2026-01-06T20:00:00Z")),
        []
    );
}
