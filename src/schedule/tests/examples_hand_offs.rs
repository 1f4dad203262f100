//! Rules 1 to 5 of docs/shifts.md by example.

use super::*;

/// Starts of the shifts in a window, in UTC.
fn hand_offs(rotation: &Rotation<&str>, from: &str, to: &str) -> Vec<String> {
    let window = window(from, to);
    let pieces = rotation
        .pieces(&[], window)
        .into_iter()
        .filter(|piece| piece.start >= window.start);
    pieces.map(|piece| piece.start.to_string()).collect()
}

fn daily_at(zone: &str, start: &str, hand_offs: &[&str]) -> Rotation<&'static str> {
    made(RotationSettings {
        recurrence: Recurrence::Daily(times(hand_offs)),
        ..daily(zone, start, &["a", "b", "c"])
    })
}

fn weekly(
    zone: &str,
    start: &str,
    shift_length: u32,
    hand_offs: &[(Weekday, &str)],
) -> Rotation<&'static str> {
    let recurrence =
        Recurrence::Weekly(hand_offs.iter().map(|(day, at)| (*day, time(at))).collect());
    made(RotationSettings {
        recurrence,
        shift_length,
        ..daily(zone, start, &["a", "b", "c"])
    })
}

fn monthly(
    zone: &str,
    start: &str,
    shift_length: u32,
    hand_offs: &[(u8, &str)],
) -> Rotation<&'static str> {
    let recurrence =
        Recurrence::Monthly(hand_offs.iter().map(|(day, at)| (*day, time(at))).collect());
    made(RotationSettings {
        recurrence,
        shift_length,
        ..daily(zone, start, &["a", "b", "c"])
    })
}

// Rule 1.

#[test]
fn a_skipped_hand_off_is_taken_after_the_change_and_a_doubled_one_the_first_time() {
    // New York: 02:00 to 03:00 on 8 March, 02:00 to 01:00 on 1 November.
    let rotation = daily_at("America/New_York", "2026-01-01T00:00:00Z", &["02:30"]);
    let spring = [
        "2026-03-07T07:30:00Z",
        "2026-03-08T07:30:00Z",
        "2026-03-09T06:30:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-03-07T00:00:00Z", "2026-03-10T00:00:00Z"),
        spring
    );
    let rotation = daily_at("America/New_York", "2026-01-01T00:00:00Z", &["01:30"]);
    let autumn = [
        "2026-10-31T05:30:00Z",
        "2026-11-01T05:30:00Z",
        "2026-11-02T06:30:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-10-31T00:00:00Z", "2026-11-03T00:00:00Z"),
        autumn
    );
}

#[test]
fn shifts_keep_wall_time_over_a_change() {
    let london = daily_at("Europe/London", "2026-01-01T00:00:00Z", &["09:00"]);
    let spring = [
        "2026-03-28T09:00:00Z",
        "2026-03-29T08:00:00Z",
        "2026-03-30T08:00:00Z",
    ];
    assert_eq!(
        hand_offs(&london, "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z"),
        spring
    );
    let sydney = daily_at("Australia/Sydney", "2026-01-01T00:00:00Z", &["02:30"]);
    // Back at 03:00 on 5 April (02:30 twice), forward at 02:00 on 4 October.
    let autumn = [
        "2026-04-03T15:30:00Z",
        "2026-04-04T15:30:00Z",
        "2026-04-05T16:30:00Z",
    ];
    assert_eq!(
        hand_offs(&sydney, "2026-04-03T00:00:00Z", "2026-04-06T00:00:00Z"),
        autumn
    );
    let spring = [
        "2026-10-02T16:30:00Z",
        "2026-10-03T16:30:00Z",
        "2026-10-04T15:30:00Z",
    ];
    assert_eq!(
        hand_offs(&sydney, "2026-10-02T00:00:00Z", "2026-10-05T00:00:00Z"),
        spring
    );
}

#[test]
fn a_change_of_half_an_hour_skips_half_an_hour() {
    // Lord Howe: 02:00 (+10:30) to 02:30 (+11) on 4 October, 02:00 to 01:30 on 5 April.
    let rotation = daily_at("Australia/Lord_Howe", "2026-01-01T00:00:00Z", &["02:15"]);
    let spring = [
        "2026-10-02T15:45:00Z",
        "2026-10-03T15:45:00Z",
        "2026-10-04T15:15:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-10-02T00:00:00Z", "2026-10-05T00:00:00Z"),
        spring
    );
    let rotation = daily_at("Australia/Lord_Howe", "2026-01-01T00:00:00Z", &["01:45"]);
    let autumn = [
        "2026-04-03T14:45:00Z",
        "2026-04-04T14:45:00Z",
        "2026-04-05T15:15:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-04-03T00:00:00Z", "2026-04-06T00:00:00Z"),
        autumn
    );
}

#[test]
fn a_day_that_a_zone_skipped_passes_no_turn_on() {
    // Apia had no 30 December 2011: the hand-offs of the 30th and the 31st are one.
    let rotation = daily_at("Pacific/Apia", "2011-12-28T19:00:00Z", &["09:00"]);
    let pieces = rotation.pieces(&[], window("2011-12-28T19:00:00Z", "2012-01-01T00:00:00Z"));
    assert_eq!(
        told(&pieces),
        [
            "2011-12-28T19:00:00Z 2011-12-29T19:00:00Z a",
            "2011-12-29T19:00:00Z 2011-12-30T19:00:00Z b",
            "2011-12-30T19:00:00Z 2011-12-31T19:00:00Z c",
            "2011-12-31T19:00:00Z 2012-01-01T19:00:00Z a",
        ]
    );
    // A window of the skipped Friday is one of that Saturday.
    let friday = covered("Pacific/Apia", covers(&[Weekday::Friday], "09:00", "17:00"));
    assert_eq!(
        told(&friday.pieces(&[], window("2011-12-29T12:00:00Z", "2012-01-02T00:00:00Z"))),
        ["2011-12-30T19:00:00Z 2011-12-31T03:00:00Z a"]
    );
}

#[test]
fn two_changes_around_ramadan_are_followed() {
    // Casablanca goes from +1 to +0 on 15 February 2026 and back on 22 March.
    let rotation = daily_at("Africa/Casablanca", "2026-01-01T00:00:00Z", &["09:00"]);
    assert_eq!(
        hand_offs(&rotation, "2026-02-14T00:00:00Z", "2026-02-16T00:00:00Z"),
        ["2026-02-14T08:00:00Z", "2026-02-15T09:00:00Z"]
    );
    assert_eq!(
        hand_offs(&rotation, "2026-03-21T00:00:00Z", "2026-03-23T00:00:00Z"),
        ["2026-03-21T09:00:00Z", "2026-03-22T08:00:00Z"]
    );
}

// Rule 2.

#[test]
fn every_listed_time_passes_the_turn_on() {
    let rotation = daily_at("Asia/Tokyo", "2026-01-01T00:00:00Z", &["21:00", "09:00"]);
    let pieces = rotation.pieces(&[], window("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"));
    assert_eq!(
        told(&pieces),
        [
            "2026-01-01T00:00:00Z 2026-01-01T12:00:00Z a",
            "2026-01-01T12:00:00Z 2026-01-02T00:00:00Z b"
        ]
    );
}

#[test]
fn weeks_are_counted_from_the_monday_of_the_first_hand_off() {
    // Begun on a Tuesday: the first hand-off is Thursday's, and the next week that counts has its Monday too.
    let rotation = weekly(
        "UTC",
        "2026-01-06T10:00:00Z",
        2,
        &[(Weekday::Monday, "09:00"), (Weekday::Thursday, "09:00")],
    );
    let expected = [
        "2026-01-06T10:00:00Z",
        "2026-01-08T09:00:00Z",
        "2026-01-19T09:00:00Z",
        "2026-01-22T09:00:00Z",
        "2026-02-02T09:00:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-01-06T00:00:00Z", "2026-02-03T00:00:00Z"),
        expected
    );
    // Sunday is the last day of its week, not the first.
    let rotation = weekly(
        "UTC",
        "2026-01-11T09:00:00Z",
        2,
        &[(Weekday::Sunday, "09:00"), (Weekday::Monday, "09:00")],
    );
    let expected = [
        "2026-01-11T09:00:00Z",
        "2026-01-19T09:00:00Z",
        "2026-01-25T09:00:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-01-06T00:00:00Z", "2026-01-30T00:00:00Z"),
        expected
    );
}

#[test]
fn shifts_of_three_weeks_last_three_weeks_over_a_clock_change() {
    let rotation = weekly(
        "America/New_York",
        "2026-03-02T14:00:00Z",
        3,
        &[(Weekday::Monday, "09:00")],
    );
    let expected = [
        "2026-03-02T14:00:00Z",
        "2026-03-23T13:00:00Z",
        "2026-04-13T13:00:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-03-01T00:00:00Z", "2026-04-30T00:00:00Z"),
        expected
    );
}

#[test]
fn hand_offs_of_one_instant_are_one() {
    // 02:30 falls on 03:30 on the day of the change, which is listed too; 03:15 comes before both.
    let rotation = daily_at(
        "America/New_York",
        "2026-03-07T20:00:00Z",
        &["02:30", "03:15", "03:30"],
    );
    let expected = [
        "2026-03-07T20:00:00Z",
        "2026-03-08T07:15:00Z",
        "2026-03-08T07:30:00Z",
        "2026-03-09T06:30:00Z",
        "2026-03-09T07:15:00Z",
        "2026-03-09T07:30:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-03-07T00:00:00Z", "2026-03-10T00:00:00Z"),
        expected
    );
}

#[test]
fn a_day_counts_by_its_date_as_written() {
    // Nuuk skips 23:00 to 24:00 on 28 March 2026: 23:30 falls on the 29th, and still is the 28th's.
    let settings = daily("America/Nuuk", "2026-03-28T12:00:00Z", &["a", "b"]);
    let rotation = made(RotationSettings {
        recurrence: Recurrence::Daily(times(&["23:30"])),
        shift_length: 2,
        ..settings
    });
    let expected = [
        "2026-03-28T12:00:00Z",
        "2026-03-29T01:30:00Z",
        "2026-03-31T00:30:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-03-28T00:00:00Z", "2026-04-01T00:00:00Z"),
        expected
    );
}

#[test]
fn a_hand_off_may_pass_before_its_day_begins_again() {
    // St. John's went from 00:01 back to 23:01 on 2 November 2008: midnight came twice and counts the first time.
    let rotation = daily_at("America/St_Johns", "2008-11-01T12:00:00Z", &["00:00"]);
    let shift = rotation.shift_at(at("2008-11-02T03:00:00Z")).unwrap();
    assert_eq!(
        (shift.number, shift.interval),
        (1, window("2008-11-02T02:30:00Z", "2008-11-03T03:30:00Z"))
    );
}

#[test]
fn a_hand_off_moved_past_the_start_by_a_clock_change_takes_place() {
    // Nuuk skips 23:00 to 24:00 on 28 March 2026. Of the 28th, 23:30 falls behind 00:15 of the 29th, from which days are counted.
    let rotation = daily_at("America/Nuuk", "2026-03-29T01:10:00Z", &["23:30", "00:15"]);
    let expected = [
        "2026-03-29T01:10:00Z",
        "2026-03-29T01:15:00Z",
        "2026-03-29T01:30:00Z",
        "2026-03-30T00:30:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-03-29T00:00:00Z", "2026-03-30T01:00:00Z"),
        expected
    );
    assert_eq!(
        rotation
            .shift_at(at("2026-03-30T00:45:00Z"))
            .unwrap()
            .number,
        3
    );
}

// Rule 3.

#[test]
fn a_day_that_a_month_lacks_is_its_last() {
    let rotation = monthly("UTC", "2027-12-31T09:00:00Z", 1, &[(31, "09:00")]);
    let expected = [
        "2027-12-31T09:00:00Z",
        "2028-01-31T09:00:00Z",
        "2028-02-29T09:00:00Z",
        "2028-03-31T09:00:00Z",
        "2028-04-30T09:00:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2027-12-01T00:00:00Z", "2028-05-01T00:00:00Z"),
        expected
    );
    let rotation = monthly(
        "UTC",
        "2026-01-29T09:00:00Z",
        1,
        &[(29, "09:00"), (30, "09:00"), (31, "08:00")],
    );
    let february = [
        "2026-02-28T08:00:00Z",
        "2026-02-28T09:00:00Z",
        "2026-03-29T09:00:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-02-01T00:00:00Z", "2026-03-30T00:00:00Z"),
        february
    );
}

#[test]
fn shifts_of_months_count_months() {
    let rotation = monthly("Europe/Paris", "2026-01-15T00:00:00Z", 5, &[(1, "00:00")]);
    let expected = [
        "2026-01-15T00:00:00Z",
        "2026-01-31T23:00:00Z",
        "2026-06-30T22:00:00Z",
        "2026-11-30T23:00:00Z",
    ];
    assert_eq!(
        hand_offs(&rotation, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        expected
    );
}

// Rule 4.

#[test]
fn the_first_shift_ends_at_the_first_hand_off() {
    let rotation = made(daily(
        "Europe/London",
        "2026-01-05T07:00:00Z",
        &["a", "b", "c"],
    ));
    let pieces = rotation.pieces(&[], window("2026-01-01T00:00:00Z", "2026-01-07T00:00:00Z"));
    let expected = [
        "2026-01-05T07:00:00Z 2026-01-05T09:00:00Z a",
        "2026-01-05T09:00:00Z 2026-01-06T09:00:00Z b",
        "2026-01-06T09:00:00Z 2026-01-07T09:00:00Z c",
    ];
    assert_eq!(told(&pieces), expected);
    assert_eq!(
        pieces.iter().map(|piece| piece.number).collect::<Vec<_>>(),
        [0, 1, 2]
    );
}

#[test]
fn a_start_at_a_hand_off_begins_a_whole_shift() {
    let rotation = made(daily("Europe/London", "2026-01-05T09:00:00Z", &["a", "b"]));
    let pieces = rotation.pieces(&[], window("2026-01-05T00:00:00Z", "2026-01-06T10:00:00Z"));
    assert_eq!(
        told(&pieces),
        [
            "2026-01-05T09:00:00Z 2026-01-06T09:00:00Z a",
            "2026-01-06T09:00:00Z 2026-01-07T09:00:00Z b"
        ]
    );
}

#[test]
fn nobody_is_on_call_before_the_start() {
    let rotation = made(daily("UTC", "2090-01-01T00:00:00Z", &["a"]));
    assert_eq!(
        rotation.pieces(&[], window("2026-01-01T00:00:00Z", "2090-01-01T00:00:00Z")),
        []
    );
    assert_eq!(rotation.shift_at(at("2089-12-31T23:59:59Z")), None);
}

// Rule 5.

#[test]
fn several_on_call_are_the_next_ones_in_the_order() {
    let rotation = made(RotationSettings {
        number_on_call: 2,
        ..daily("UTC", "2026-01-01T09:00:00Z", &["a", "b", "c"])
    });
    let pieces = rotation.pieces(&[], window("2026-01-01T09:00:00Z", "2026-01-05T09:00:00Z"));
    assert_eq!(
        pieces
            .iter()
            .map(|piece| piece.on_call.join(""))
            .collect::<Vec<_>>(),
        ["ab", "ca", "bc", "ab"]
    );
}

#[test]
fn the_turn_passes_on_also_while_nothing_is_covered() {
    let rotation = made(RotationSettings {
        coverage: covers(&WORKDAYS, "09:00", "17:00"),
        ..daily("UTC", "2026-01-02T09:00:00Z", &["a", "b", "c"])
    });
    // Friday a, Saturday b, Sunday c, Monday a.
    let expected = [
        "2026-01-02T09:00:00Z 2026-01-02T17:00:00Z a",
        "2026-01-05T09:00:00Z 2026-01-05T17:00:00Z a",
    ];
    assert_eq!(
        told(&rotation.pieces(&[], window("2026-01-02T00:00:00Z", "2026-01-06T00:00:00Z"))),
        expected
    );
}

#[test]
fn a_rotation_of_decades_is_still_in_order() {
    let rotation = made(daily(
        "America/New_York",
        "1996-01-01T14:00:00Z",
        &["a", "b", "c"],
    ));
    let shift = rotation.shift_at(at("2026-01-01T15:00:00Z")).unwrap();
    assert_eq!((shift.number, shift.members), (10_958, vec!["c"]));
}
