//! What is said of whole schedules, against looking at one minute after the other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::super::*;
use super::properties::cases;
use super::random::*;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Minutes, each with the people on call in each rotation.
type Looked = Vec<(Timestamp, Vec<BTreeSet<u32>>)>;

/// Who is on call in each rotation at each minute of a window; all edges lie on minutes.
fn looked_at(schedule: &Schedule<u32>, window: Interval) -> Looked {
    let pieces: Vec<_> = schedule
        .rotations
        .iter()
        .map(|planned| planned.rotation.pieces(&planned.overrides, window))
        .collect();
    let mut minutes = Vec::new();
    let mut minute = window.start;
    while minute < window.end {
        let people = pieces.iter().map(|pieces| {
            let next = pieces.partition_point(|piece| piece.end <= minute);
            pieces
                .get(next)
                .filter(|piece| piece.interval().contains(minute))
                .map(|piece| piece.on_call.iter().copied().collect())
                .unwrap_or_default()
        });
        minutes.push((minute, people.collect()));
        minute += MINUTE;
    }
    minutes
}

fn everybody(people: &[BTreeSet<u32>]) -> BTreeSet<u32> {
    people.iter().flatten().copied().collect()
}

fn on_the_minute(schedule: &Schedule<u32>, window: Interval) -> bool {
    // Offsets of seconds are history.
    schedule.rotations.iter().all(|planned| {
        let zone = planned.rotation.zone();
        [window.start, window.end]
            .iter()
            .all(|moment| zone.to_offset(*moment).seconds() % 60 == 0)
    })
}

proptest! {
    #![proptest_config(cases(50))]

    #[test]
    fn the_view_is_what_looking_says((schedule, moment) in schedule_and_moment(), hours in 1_i64..20 * 24) {
        let horizon = SignedDuration::from_hours(hours);
        let view = schedule.on_call(moment, horizon);
        let window = Interval::lasting(moment, horizon);
        prop_assume!(on_the_minute(&schedule, window));
        let looked = looked_at(&schedule, window);
        let now = &looked[0].1;
        for (rotation, people) in now.iter().enumerate() {
            let ours: BTreeSet<u32> = view.now.iter().filter(|one| one.rotation == rotation).map(|one| one.member).collect();
            prop_assert_eq!(&ours, people);
        }
        for one in &view.now {
            let off = looked.iter().find(|(_, people)| !people[one.rotation].contains(&one.member)).map(|(minute, _)| *minute);
            prop_assert_eq!(one.until, off);
        }
        for rotation in 0..schedule.rotations.len() {
            let newcomers = looked.iter().find(|(_, people)| people[rotation].iter().any(|member| !now[rotation].contains(member)));
            let theirs = newcomers.map(|(minute, people)| (*minute, people[rotation].difference(&now[rotation]).copied().collect::<BTreeSet<_>>()));
            let ours: Vec<_> = view.next.iter().filter(|one| one.rotation == rotation).collect();
            let ours = ours.first().map(|first| (first.from, ours.iter().map(|one| one.member).collect()));
            prop_assert_eq!(ours, theirs);
        }
        prop_assert_eq!(view.next_change, looked.iter().find(|(_, people)| people != now).map(|(minute, _)| *minute));
        let hand_off = looked.iter().find(|(_, people)| !everybody(people).is_empty() && everybody(people) != everybody(now));
        prop_assert_eq!(view.next_hand_off, hand_off.map(|(minute, _)| *minute));
        // Nothing changes before the next change.
        if let Some(change) = view.next_change {
            let just_before = schedule.on_call(change - MINUTE, horizon);
            let people = |view: &OnCallView<u32>| view.now.iter().map(|one| (one.rotation, one.member)).collect::<BTreeSet<_>>();
            prop_assert_eq!(people(&just_before), people(&view));
            prop_assert_eq!(just_before.next_change, view.next_change);
            prop_assert_eq!(schedule.last_change(change, horizon), Some(change));
        }
        let last = schedule.last_change(window.end - MINUTE, horizon - MINUTE);
        let seen = looked.windows(2).rfind(|pair| pair[0].1 != pair[1].1).map(|pair| pair[1].0);
        prop_assert_eq!(last, seen);
    }

    #[test]
    fn the_report_is_what_looking_says(
        (schedule, moment) in schedule_and_moment(), target in prop::option::of((coverage(), zone_name())), hours in 1_i64..15 * 24
    ) {
        let window = Interval::lasting(moment, SignedDuration::from_hours(hours));
        prop_assume!(on_the_minute(&schedule, window));
        // The target as one more rotation of somebody who is never off.
        let (target, wanted) = match target {
            None => (Vec::new(), vec![window]),
            Some((coverage, name)) => {
                let windows = coverage.iter().map(|one| TargetWindow { days: vec![one.day], start: one.start, end: one.end, zone: zone(&name).unwrap() });
                let start = moment - SignedDuration::from_hours(1000);
                let recurrence = Recurrence::Daily(vec![TimeOfDay::MIDNIGHT]);
                let watch = Rotation::new(RotationSettings { members: vec![0], start, zone: name.clone(), recurrence, shift_length: 1, number_on_call: 1, coverage: coverage.clone() }).unwrap();
                (windows.collect(), watch.stretches(&[], window).into_iter().map(|one| one.interval).collect())
            }
        };
        let report = schedule.coverage(&target, window);
        let mut expected: BTreeMap<u32, u64> = schedule.rotations.iter().flat_map(|planned| planned.rotation.members()).map(|member| (*member, 0)).collect();
        let (mut uncovered, mut overlap) = (0, 0);
        for (minute, people) in looked_at(&schedule, window) {
            let gap = everybody(&people).is_empty() && wanted.iter().any(|one| one.contains(minute));
            let overlaps = people.iter().filter(|people| !people.is_empty()).count() > 1;
            prop_assert_eq!(report.gaps.iter().any(|one| one.contains(minute)), gap, "gap at {}", minute);
            prop_assert_eq!(report.overlaps.iter().any(|one| one.contains(minute)), overlaps, "overlap at {}", minute);
            uncovered += u64::from(gap);
            overlap += u64::from(overlaps);
            for member in everybody(&people) {
                *expected.entry(member).or_default() += 1;
            }
        }
        prop_assert_eq!(report.uncovered_minutes, uncovered);
        prop_assert_eq!(report.overlap_minutes, overlap);
        let mut seen = report.minutes_per_member.clone();
        seen.retain(|member, minutes| *minutes > 0 || expected.contains_key(member));
        prop_assert_eq!(seen, expected);
        for list in [&report.gaps, &report.overlaps] {
            prop_assert!(list.windows(2).all(|pair| pair[0].end < pair[1].start) && list.iter().all(|one| !one.is_empty()));
        }
        prop_assert_eq!(report.next_gap(window.start), report.gaps.first().copied());
    }

    #[test]
    fn who_moves_is_what_looking_says(
        (schedule, moment) in schedule_and_moment(), hours in 1_i64..15 * 24, limit in 0_usize..8
    ) {
        let window = Interval::lasting(moment, SignedDuration::from_hours(hours));
        prop_assume!(on_the_minute(&schedule, window));
        let overrides = schedule.rotations.first().map(|one| one.overrides.clone()).unwrap_or_default();
        let rotation = |place: usize| schedule.rotations.get(place).map(|one| &one.rotation);
        let moves = who_moves(rotation(0), rotation(1), &overrides, window, limit);
        let alone = |place: usize| rotation(place).map(|rotation| {
            let planned = Planned { rotation: rotation.clone(), overrides: overrides.clone() };
            looked_at(&Schedule { rotations: vec![planned] }, window)
        });
        let (before, after) = (alone(0), alone(1));
        let people = |looked: &Option<Looked>, minute: usize| looked.as_ref().map(|looked| looked[minute].1[0].clone()).unwrap_or_default();
        let mut expected: Vec<Move<u32>> = Vec::new();
        let minutes = usize::try_from(hours * 60).unwrap();
        for minute in 0..minutes {
            let at = moment + SignedDuration::from_mins(i64::try_from(minute).unwrap());
            let (before, after) = (people(&before, minute), people(&after, minute));
            match expected.last_mut() {
                _ if before == after => {}
                Some(last) if last.interval.end == at && last.before == before && last.after == after => last.interval.end = at + MINUTE,
                _ => expected.push(Move { interval: Interval::new(at, at + MINUTE), before, after }),
            }
        }
        prop_assert_eq!(moves.more, expected.len().saturating_sub(limit));
        expected.truncate(limit);
        prop_assert_eq!(moves.first, expected);
    }
}
