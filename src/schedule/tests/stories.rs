//! Schedules as people have them.

use super::*;
use jiff::SignedDuration;

const YEAR: SignedDuration = SignedDuration::from_hours(366 * 24);

fn schedule(rotations: Vec<RotationSettings<&'static str>>) -> Schedule<&'static str> {
    let planned = |settings| Planned {
        rotation: made(settings),
        overrides: Vec::new(),
    };
    Schedule {
        rotations: rotations.into_iter().map(planned).collect(),
    }
}

fn site(
    zone: &str,
    start: &str,
    end: &str,
    members: &[&'static str],
) -> RotationSettings<&'static str> {
    let recurrence = Recurrence::Weekly(vec![(Weekday::Monday, time(start))]);
    let days: Vec<_> = (1..=7)
        .map(|day| Weekday::from_monday_one_offset(day).unwrap())
        .collect();
    RotationSettings {
        recurrence,
        coverage: covers(&days, start, end),
        ..daily(zone, "2026-01-05T00:00:00Z", members)
    }
}

fn names(view: &OnCallView<&'static str>) -> (Vec<&'static str>, Vec<&'static str>) {
    (
        view.now.iter().map(|one| one.member).collect(),
        view.next.iter().map(|one| one.member).collect(),
    )
}

#[test]
fn the_status_of_a_weekly_rotation_of_working_hours() {
    let tokyo = RotationSettings {
        coverage: covers(&WORKDAYS, "09:00", "18:00"),
        ..site("Asia/Tokyo", "09:00", "18:00", &["alice", "bob"])
    };
    let schedule = schedule(vec![RotationSettings {
        start: at("2026-12-01T00:00:00Z"),
        ..tokyo
    }]);
    // Thursday at noon: bob is next, on Monday, though alice goes off tonight.
    let view = schedule.on_call(at("2026-12-03T03:00:00Z"), YEAR);
    assert_eq!(names(&view), (vec!["alice"], vec!["bob"]));
    assert_eq!(view.now[0].until, Some(at("2026-12-03T09:00:00Z")));
    assert_eq!(view.next[0].from, at("2026-12-07T00:00:00Z"));
    assert_eq!(view.next_change, Some(at("2026-12-03T09:00:00Z")));
    assert_eq!(view.next_hand_off, Some(at("2026-12-07T00:00:00Z")));
    // That night nobody is, and alice comes next.
    let view = schedule.on_call(at("2026-12-03T12:00:00Z"), YEAR);
    assert_eq!(names(&view), (vec![], vec!["alice"]));
    assert_eq!(view.next_hand_off, Some(at("2026-12-04T00:00:00Z")));
    assert_eq!(
        schedule.last_change(at("2026-12-03T12:00:00Z"), YEAR),
        Some(at("2026-12-03T09:00:00Z"))
    );
}

#[test]
fn one_person_who_is_always_on_call_never_goes_off() {
    let schedule = schedule(vec![daily("UTC", "2026-01-01T00:00:00Z", &["alice"])]);
    let view = schedule.on_call(at("2026-06-01T00:00:00Z"), YEAR);
    assert_eq!(names(&view), (vec!["alice"], vec![]));
    assert_eq!(
        (view.now[0].until, view.next_change, view.next_hand_off),
        (None, None, None)
    );
    assert_eq!(
        schedule.last_change(at("2026-06-01T00:00:00Z"), YEAR),
        Some(at("2026-01-01T00:00:00Z"))
    );
}

#[test]
fn an_override_shows_who_is_paged_and_until_when() {
    let mut schedule = schedule(vec![daily(
        "UTC",
        "2026-01-05T09:00:00Z",
        &["alice", "bob", "carol"],
    )]);
    let (start, end) = (at("2026-01-05T12:00:00Z"), at("2026-01-05T14:00:00Z"));
    schedule.rotations[0].overrides.push(Override {
        id: "1".to_owned(),
        start,
        end,
        members: vec!["bob"],
        created: start,
    });
    let view = schedule.on_call(at("2026-01-05T13:00:00Z"), YEAR);
    assert_eq!(
        (
            view.now[0].member,
            view.now[0].until,
            view.now[0].overridden
        ),
        ("bob", Some(end), true)
    );
    assert_eq!((view.next[0].member, view.next[0].from), ("alice", end));
    // Bob's override until his own shift begins: on call through both.
    schedule.rotations[0].overrides[0].end = at("2026-01-06T09:00:00Z");
    let view = schedule.on_call(at("2026-01-05T13:00:00Z"), YEAR);
    assert_eq!(view.now[0].until, Some(at("2026-01-07T09:00:00Z")));
}

#[test]
fn a_schedule_without_rotations_or_members_is_one_gap() {
    let january = window("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    for schedule in [
        schedule(Vec::new()),
        schedule(vec![daily("UTC", "2020-01-01T00:00:00Z", &[])]),
    ] {
        let report = schedule.coverage(&[], january);
        assert_eq!(
            (report.gaps, report.uncovered_minutes),
            (vec![january], 31 * 24 * 60)
        );
        let view = schedule.on_call(january.start, YEAR);
        assert_eq!((names(&view), view.next_change), ((vec![], vec![]), None));
    }
}

#[test]
fn an_override_with_nobody_is_a_gap() {
    let mut schedule = schedule(vec![daily("UTC", "2020-01-01T00:00:00Z", &["alice"])]);
    let gap = window("2026-01-05T12:00:00Z", "2026-01-06T14:00:00Z");
    schedule.rotations[0].overrides.push(Override {
        id: "1".to_owned(),
        start: gap.start,
        end: gap.end,
        members: Vec::new(),
        created: gap.start,
    });
    let report = schedule.coverage(&[], window("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"));
    assert_eq!(report.gaps, [gap]);
    assert_eq!(
        (
            report.next_gap(at("2026-01-06T00:00:00Z")),
            report.next_gap(gap.end)
        ),
        (Some(gap), None)
    );
}

#[test]
fn gaps_are_measured_against_the_target() {
    let schedule = schedule(vec![RotationSettings {
        coverage: covers(&WORKDAYS, "09:00", "17:00"),
        ..site("Asia/Tokyo", "09:00", "17:00", &["alice"])
    }]);
    let target = |end: &str| {
        [TargetWindow {
            days: WORKDAYS.to_vec(),
            start: time("09:00"),
            end: time(end),
            zone: zone("Asia/Tokyo").unwrap(),
        }]
    };
    let week = Interval::days(at("2026-02-01T15:00:00Z"), 7);
    assert_eq!(
        schedule.coverage(&target("17:00"), week).uncovered_minutes,
        0
    );
    assert_eq!(
        schedule.coverage(&target("18:00"), week).uncovered_minutes,
        5 * 60
    );
    assert_eq!(
        schedule.coverage(&[], week).uncovered_minutes,
        (7 * 24 - 5 * 8) * 60
    );
    assert_eq!(
        schedule.coverage(&[], week).minutes_per_member["alice"],
        5 * 8 * 60
    );
}

#[test]
fn who_moves_when_the_start_is_edited() {
    let weekly = |start: &str| {
        made(RotationSettings {
            start: at(start),
            coverage: Vec::new(),
            ..site("UTC", "09:00", "09:00", &["alice", "bob"])
        })
    };
    let (before, after) = (
        weekly("2026-01-05T09:00:00Z"),
        weekly("2026-01-12T09:00:00Z"),
    );
    let moves = who_moves(
        Some(&before),
        Some(&after),
        &[],
        Interval::days(at("2026-01-19T09:00:00Z"), 14),
        1,
    );
    assert_eq!(moves.more, 1);
    assert_eq!(
        moves.first[0].interval,
        window("2026-01-19T09:00:00Z", "2026-01-26T09:00:00Z")
    );
    assert_eq!(
        (moves.first[0].before.clone(), moves.first[0].after.clone()),
        ([("alice")].into(), [("bob")].into())
    );
    // A whole round later nobody moves.
    let after = weekly("2026-01-19T09:00:00Z");
    assert_eq!(
        who_moves(
            Some(&before),
            Some(&after),
            &[],
            Interval::days(at("2026-01-19T09:00:00Z"), 56),
            9
        ),
        Moves {
            first: Vec::new(),
            more: 0
        }
    );
    assert!(
        equivalent(&before, &after, at("2026-01-19T09:00:00Z"))
            && !equivalent(&before, &after, at("2026-01-18T09:00:00Z"))
    );
}

#[test]
fn a_past_start_moves_to_now_with_whoever_is_on_call_first() {
    let rotation = made(daily(
        "Europe/Paris",
        "2020-01-01T08:00:00Z",
        &["a", "b", "c"],
    ));
    let now = at("2026-07-01T12:34:56Z");
    let on_call = rotation.shift_at(now).unwrap().members;
    let later = forward(&rotation, now).unwrap();
    assert_eq!(
        (later.start, later.gap, later.members[..1].to_vec()),
        (now, None, on_call)
    );
}

#[test]
fn a_start_cannot_lie_before_a_hand_off_that_the_shift_length_leaves_out() {
    // Two weeks each; in the first of them the next Monday would end the first shift and begin to count.
    let recurrence = Recurrence::Weekly(vec![(Weekday::Monday, time("09:00"))]);
    let rotation = made(RotationSettings {
        recurrence,
        shift_length: 2,
        ..daily("UTC", "2026-01-05T09:00:00Z", &["a", "b"])
    });
    let early = forward(&rotation, at("2026-01-20T00:00:00Z")).unwrap();
    assert_eq!(
        early,
        Forward {
            start: at("2026-01-26T09:01:00Z"),
            members: vec!["b", "a"],
            gap: Some(window("2026-01-20T00:00:00Z", "2026-01-26T09:01:00Z"))
        }
    );
    let in_the_second = forward(&rotation, at("2026-01-27T00:00:00Z")).unwrap();
    assert_eq!(
        in_the_second,
        Forward {
            start: at("2026-01-27T00:00:00Z"),
            members: vec!["b", "a"],
            gap: None
        }
    );
}

#[test]
fn zones_that_change_on_different_days_open_a_gap_and_an_overlap() {
    // Los Angeles 00:00 is Dublin 08:00 but for three weeks in spring and one in autumn.
    let two = schedule(vec![
        site("America/Los_Angeles", "00:00", "12:00", &["alice"]),
        site("Europe/Dublin", "20:00", "08:00", &["bob"]),
    ]);
    let changes = two.clock_changes(&[], Interval::days(at("2026-02-01T00:00:00Z"), 365));
    let told: Vec<_> = changes
        .iter()
        .map(|one| {
            (
                one.at.to_string(),
                one.zones.join(" "),
                one.gap.is_some(),
                one.overlap.is_some(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "2026-03-08T10:00:00Z".to_owned(),
                "America/Los_Angeles".to_owned(),
                true,
                true
            ),
            (
                "2026-10-25T01:00:00Z".to_owned(),
                "Europe/Dublin".to_owned(),
                true,
                true
            ),
        ]
    );
    // From then on Los Angeles goes home an hour before Dublin comes, and comes an hour before Dublin goes.
    assert_eq!(
        changes[0].gap,
        Some(Opened {
            first: window("2026-03-08T19:00:00Z", "2026-03-08T20:00:00Z"),
            minutes_a_week: 7 * 60
        })
    );
    assert_eq!(
        changes[0].overlap,
        Some(Opened {
            first: window("2026-03-09T07:00:00Z", "2026-03-09T08:00:00Z"),
            minutes_a_week: 7 * 60
        })
    );
    let report = two.coverage(&[], window("2026-03-08T12:00:00Z", "2026-03-09T12:00:00Z"));
    assert_eq!(
        (report.gaps, report.overlaps),
        (
            vec![changes[0].gap.as_ref().unwrap().first],
            vec![changes[0].overlap.as_ref().unwrap().first]
        )
    );
}

#[test]
fn one_zone_opens_nothing_by_its_clock_changes() {
    let target = [TargetWindow {
        days: WORKDAYS.to_vec(),
        start: time("08:00"),
        end: time("18:00"),
        zone: zone("America/New_York").unwrap(),
    }];
    let one = schedule(vec![
        site("America/New_York", "09:00", "12:00", &["alice"]),
        site("America/New_York", "11:00", "17:00", &["bob"]),
    ]);
    for target in [&[][..], &target] {
        assert_eq!(
            one.clock_changes(target, Interval::days(at("2026-01-06T00:00:00Z"), 730)),
            []
        );
    }
    // A zone without changes against a target in one with changes.
    let phoenix = schedule(vec![site("America/Phoenix", "08:00", "18:00", &["alice"])]);
    let target = [TargetWindow {
        zone: zone("America/Denver").unwrap(),
        ..target[0].clone()
    }];
    let changes = phoenix.clock_changes(&target, Interval::days(at("2026-01-06T00:00:00Z"), 365));
    assert_eq!(changes.len(), 1);
    assert_eq!(
        changes[0].gap,
        Some(Opened {
            first: window("2026-03-09T14:00:00Z", "2026-03-09T15:00:00Z"),
            minutes_a_week: 5 * 60
        })
    );
}

#[test]
fn changes_within_a_day_are_one() {
    let coasts = schedule(vec![
        site("America/New_York", "03:00", "15:00", &["alice"]),
        site("America/Los_Angeles", "12:00", "00:00", &["bob"]),
    ]);
    assert_eq!(
        coasts.clock_changes(&[], Interval::days(at("2026-01-06T00:00:00Z"), 730)),
        []
    );
}
