//! What the status says of who is on call, by property: quiet between edges, right at them.

use proptest::prelude::*;

use super::super::observed::ObservedSchedule;
use super::*;
use crate::schedule::{
    CoverageWindow, Override, Recurrence, Rotation, RotationSettings, TimeOfDay, Weekday,
};

fn start() -> Timestamp {
    "2026-10-01T00:00:00Z".parse().unwrap()
}

fn settings() -> impl Strategy<Value = RotationSettings<String>> {
    let people = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3).prop_shuffle();
    let time = (0..24_u8, prop::sample::select(vec![0_u8, 30]))
        .prop_map(|(h, m)| TimeOfDay::new(h, m).unwrap());
    let zones = prop::sample::select(vec!["UTC", "Europe/Dublin", "America/New_York"]);
    let window = (0..7_i8, 0..24_u8, 1..24_u8).prop_map(|(day, start, hours)| CoverageWindow {
        day: Weekday::from_monday_zero_offset(day).unwrap(),
        start: TimeOfDay::new(start, 0).unwrap(),
        end: TimeOfDay::new((start + hours) % 24, 0).unwrap(),
    });
    let windows = prop_oneof![1 => Just(vec![]), 1 => prop::collection::vec(window, 1..4)];
    (
        people,
        -2000..500_i64,
        zones,
        time,
        0..3_u8,
        (1..3_u32, 1..3_u32),
        windows,
    )
        .prop_map(
            |(people, hours, zone, time, kind, (shift_length, on_call), coverage)| {
                RotationSettings {
                    number_on_call: on_call.min(u32::try_from(people.len()).unwrap()),
                    members: people
                        .into_iter()
                        .map(|p| format!("arn:contact/{p}"))
                        .collect(),
                    start: start() + SignedDuration::from_hours(hours),
                    zone: zone.to_owned(),
                    recurrence: match kind {
                        0 => Recurrence::Daily(vec![time]),
                        1 => Recurrence::Weekly(vec![
                            (Weekday::Monday, time),
                            (Weekday::Friday, time),
                        ]),
                        _ => Recurrence::Monthly(vec![(31, time)]),
                    },
                    shift_length,
                    coverage,
                }
            },
        )
}

prop_compose! {
    fn rotations()(
        all in prop::collection::vec((settings(), prop::collection::vec((-100..900_i64, 1..60_i64, 0..4_usize), 0..3)), 1..3),
    ) -> Observed {
        let rotations = all.into_iter().enumerate().map(|(index, (settings, overrides))| {
            let overrides = overrides.into_iter().enumerate().map(|(n, (from, hours, who))| Override {
                id: format!("o{n}"),
                start: start() + SignedDuration::from_hours(from),
                end: start() + SignedDuration::from_hours(from + hours),
                members: ["a", "b", "z"].get(who).map(|p| format!("arn:contact/{p}")).into_iter().collect(),
                created: start(),
            });
            ObservedRotation {
                arn: format!("arn:rotation/{index}"), name: format!("r{index}"), ours: true, rotation: Rotation::new(settings.clone()).ok(),
                settings, overrides: overrides.collect(), tags: None, confirmation: None,
            }
        });
        let rotations: Vec<_> = rotations.collect();
        let used = rotations.iter().map(|r| r.arn.clone()).collect();
        Observed {
            arn: "arn:contact/s".to_owned(), alias: "s".to_owned(), other_type: None,
            schedule: Some(ObservedSchedule { display_name: String::new(), rotations: used }), rotations,
        }
    }
}

fn surroundings() -> Surroundings {
    let person = |name: &str, reachable| {
        let label = name.to_owned();
        (format!("arn:contact/{name}"), Person { label, reachable })
    };
    Surroundings {
        people: [person("a", Some(true)), person("b", Some(false))].into(),
        ..Surroundings::default()
    }
}

fn look(observed: &Observed, status: &mut OnCallScheduleStatus, now: Timestamp) -> Report {
    describe(observed, &[], &surroundings(), status, Some(1), now).1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Between one edge and the next nothing changes by itself, and who is on call at each is what the shifts say.
    #[test]
    fn the_status_changes_at_edges_only(observed in rotations(), within in 0.0..1.0_f64) {
        let mut status = OnCallScheduleStatus::default();
        let mut now = start();
        for _ in 0..12 {
            let report = look(&observed, &mut status, now);
            let mut on_call = BTreeSet::new();
            for rotation in &observed.rotations {
                let planned = Planned { rotation: rotation.rotation.clone().unwrap(), overrides: rotation.overrides.clone() };
                on_call.extend(planned.on_call_at(now).0.into_iter().map(|p| (rotation.name.clone(), alias_of(&p).to_owned())));
            }
            let said: BTreeSet<_> = status.on_call_now.iter().map(|o| (o.rotation.clone(), o.contact.clone())).collect();
            prop_assert_eq!(said, on_call, "at {}", now);
            let Some(edge) = report.next_edge else { break };
            prop_assert!(edge > now, "{edge} is not after {now}");
            let length = edge.duration_since(now).as_secs_f64() * within;
            let between = now + SignedDuration::from_secs_f64(length.min(3e8));
            let mut later = status.clone();
            let report = look(&observed, &mut later, between.min(edge - SignedDuration::from_nanos(1)));
            prop_assert_eq!(&later, &status, "at {} of {} to {}", between, now, edge);
            prop_assert!(report.notes.is_empty());
            prop_assert!(report.next_edge.is_some_and(|next| next <= edge));
            now = edge;
        }
    }

    /// AWS agrees when it says the same, however it cuts it, and only then.
    #[test]
    fn aws_agrees_when_it_says_the_same(observed in rotations(), hours in 0..500_i64, lost in any::<prop::sample::Index>()) {
        let rotation = &observed.rotations[0];
        let from = start() + SignedDuration::from_hours(hours);
        let window = Interval::lasting(from, CONFIRMED_AHEAD);
        let pieces = rotation.rotation.as_ref().unwrap().pieces(&rotation.overrides, window);
        let answer: Vec<Shift> = pieces.iter().map(shift).collect();
        prop_assert!(confirm(rotation, from, window, &answer).agrees);
        let halves: Vec<Shift> = answer.iter().flat_map(|s| {
            let middle = s.interval.start + s.interval.length() / 2;
            [(s.interval.start, middle), (middle, s.interval.end)].map(|(a, b)| Shift { interval: Interval::new(a, b), people: s.people.clone() })
        }).collect();
        prop_assert!(confirm(rotation, from, window, &halves).agrees);
        let seen: Vec<usize> = (0..answer.len()).filter(|i| !answer[*i].people.is_empty() && answer[*i].interval.and(&window).is_some()).collect();
        if !seen.is_empty() {
            let mut less = answer;
            less.remove(seen[lost.index(seen.len())]);
            prop_assert!(!confirm(rotation, from, window, &less).agrees);
        }
    }
}
