//! What holds for every rotation.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::super::*;
use super::oracle::Walked;
use super::random::*;

/// So many cases, few enough for an everyday run without optimisation; `PROPTEST_CASES` asks for others (8,000 of each took 7 minutes).
pub fn cases(cases: u32) -> ProptestConfig {
    let given = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() {
        given.cases
    } else {
        cases
    };
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..given
    }
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn pieces_are_what_a_walk_from_the_start_says(
        ((rotation, from), overrides, days) in rotation_and_moment(6).prop_flat_map(|(rotation, from)| (Just((rotation, from)), overrides(from), 1_i64..45))
    ) {
        let window = Interval::new(from, from + SignedDuration::from_hours(days * 24));
        let pieces = rotation.pieces(&overrides, window);
        let last = pieces.last().map_or(window.end, |piece| piece.end);
        let walked = Walked::new(&rotation, window.end.max(last));
        // Sorted, disjoint, not empty, overlapping the window.
        for pair in pieces.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start);
        }
        for piece in &pieces {
            prop_assert!(piece.start < piece.end && piece.start < window.end && piece.end > window.start);
        }
        // At each edge, around it, and in between, the walk says the same.
        let mut moments = vec![window.start, window.end - SignedDuration::from_nanos(1)];
        for piece in &pieces {
            moments.extend([piece.start, piece.start - SignedDuration::from_nanos(1), piece.end, piece.end - SignedDuration::from_nanos(1)]);
        }
        moments.extend((0..days * 24).map(|hour| window.start + minutes(hour * 60 + hour * 7 % 60)));
        moments.retain(|moment| window.contains(*moment));
        for moment in moments {
            let here = pieces.iter().find(|piece| piece.interval().contains(moment));
            let ours = here.map(|piece| {
                let by = match &piece.kind { Kind::Regular => None, Kind::Overridden { id, .. } => Some(id.clone()) };
                (usize::try_from(piece.number).unwrap(), piece.on_call.clone(), by)
            });
            prop_assert_eq!(ours, walked.on_call(&overrides, moment), "at {}", moment);
        }
        // Whole pieces: no edge is there without a reason.
        for piece in &pieces {
            let mut starts: BTreeSet<Timestamp> = walked.hand_offs.iter().copied().collect();
            starts.extend(overrides.iter().flat_map(|one| [one.start, one.end]));
            starts.insert(rotation.start());
            let nano = SignedDuration::from_nanos(1);
            prop_assert!(starts.contains(&piece.start) || !walked.covered(piece.start - nano), "start of {:?}", piece);
            prop_assert!(starts.contains(&piece.end) || !walked.covered(piece.end), "end of {:?}", piece);
            if let Kind::Overridden { instead_of, .. } = &piece.kind {
                prop_assert_eq!(instead_of, &walked.turn(usize::try_from(piece.number).unwrap()));
            }
        }
        // Never more than wanted, in the order of the rotation.
        for piece in pieces.iter().filter(|piece| piece.kind == Kind::Regular) {
            prop_assert_eq!(piece.on_call.len(), rotation.number_on_call());
        }
    }

    #[test]
    fn a_window_in_two_parts_is_the_window(
        ((rotation, from), overrides, first, second) in rotation_and_moment(20).prop_flat_map(|(rotation, from)| (Just((rotation, from)), overrides(from), 1_i64..50_000, 1_i64..50_000))
    ) {
        let (middle, end) = (from + minutes(first), from + minutes(first + second));
        let mut parts = rotation.pieces(&overrides, Interval::new(from, middle));
        parts.extend(rotation.pieces(&overrides, Interval::new(middle, end)));
        parts.dedup();
        prop_assert_eq!(parts, rotation.pieces(&overrides, Interval::new(from, end)));
    }

    #[test]
    fn hand_offs_that_fall_together_are_counted_once((rotation, to) in rotation_and_skip()) {
        let to = to.max(rotation.start());
        let walked = Walked::new(&rotation, to);
        prop_assert_eq!(usize::try_from(rotation.shift_at(to).unwrap().number).unwrap(), walked.number(to).unwrap());
        let later = forward(&rotation, to).unwrap();
        let moved = rotation.restarted(later.start, later.members.clone()).unwrap();
        let until = later.start + SignedDuration::from_hours(24 * 90);
        let (ours, theirs) = (Walked::new(&rotation, until), Walked::new(&moved, until));
        let mut moment = later.start;
        while moment < until {
            let turn = |walked: &Walked<u32>| walked.turn(walked.number(moment).unwrap());
            prop_assert_eq!(turn(&ours), turn(&theirs), "at {}", moment);
            moment += SignedDuration::from_mins(397);
        }
    }

    #[test]
    fn a_later_start_changes_nothing_from_then_on((rotation, not_before) in rotation_and_moment(20), days in 1_i64..400) {
        let later = forward(&rotation, not_before).unwrap();
        prop_assert!(later.start >= not_before || later.start == rotation.start());
        let moved = rotation.restarted(later.start, later.members.clone()).unwrap();
        prop_assert!(equivalent(&rotation, &moved, later.start));
        prop_assert!(equivalent(&moved, &rotation, later.start));
        let window = Interval::new(later.start, later.start + SignedDuration::from_hours(days * 24));
        let from_start = |rotation: &Rotation<u32>| {
            let pieces = rotation.pieces(&[], window).into_iter();
            pieces.map(|piece| (piece.start.max(later.start), piece.end, piece.on_call)).collect::<Vec<_>>()
        };
        prop_assert_eq!(from_start(&rotation), from_start(&moved));
        if rotation.shift_length() == 1 {
            prop_assert_eq!(later.gap, None);
        }
        // Nothing earlier would do.
        if let Some(gap) = later.gap {
            prop_assert_eq!(gap, Interval::new(not_before, later.start));
            for part in 0..20 {
                let start = gap.start + SignedDuration::from_secs(gap.length().as_secs() * part / 20);
                if start + minutes(1) >= later.start { continue; }
                let mut members = rotation.members().to_vec();
                let shift = usize::try_from(rotation.shift_at(start).unwrap().number).unwrap();
                let turns = shift * rotation.number_on_call() % members.len();
                members.rotate_left(turns);
                prop_assert!(!equivalent(&rotation, &rotation.restarted(start, members).unwrap(), start));
            }
        }
    }

    #[test]
    fn equivalent_forms_have_the_same_shifts(
        (rotation, other_start) in rotation_and_moment(2), by in 0_usize..6, from_hours in -100_i64..5_000
    ) {
        let mut members = rotation.members().to_vec();
        let by = by % members.len();
        members.rotate_left(by);
        let other = rotation.restarted(other_start, members).unwrap();
        let from = rotation.start() + SignedDuration::from_hours(from_hours);
        let window = Interval::new(from, rotation.start().max(other_start).max(from) + SignedDuration::from_hours(24 * 400));
        let clipped = |rotation: &Rotation<u32>| {
            let pieces = rotation.pieces(&[], window).into_iter();
            pieces.map(|piece| (piece.start.max(from), piece.end, piece.on_call)).collect::<Vec<_>>()
        };
        if equivalent(&rotation, &other, from) {
            prop_assert_eq!(clipped(&rotation), clipped(&other));
        } else if rotation.coverage().is_empty() && rotation.shift_length() < 4 {
            // Where everything is covered and the window is long enough, the difference is seen.
            prop_assert_ne!(clipped(&rotation), clipped(&other));
        }
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn nothing_panics_anywhere_in_time(
        settings in settings(4), start in any::<i64>(), from in any::<i64>(), length in any::<i64>(), near_end in any::<bool>()
    ) {
        let (min, max) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let in_time = |second: i64| if near_end {
            let near = second.rem_euclid(86_400 * 500);
            if second % 2 == 0 { min + near } else { max - near }
        } else {
            min + second.rem_euclid(max - min)
        };
        let start = Timestamp::from_second(in_time(start)).unwrap();
        let from = Timestamp::from_second(in_time(from)).unwrap();
        let window = Interval::lasting(from, SignedDuration::from_secs(length.rem_euclid(86_400 * 60)));
        let rotation = Rotation::new(RotationSettings { start, ..settings }).unwrap();
        let pieces = rotation.pieces(&[], window);
        prop_assert!(pieces.windows(2).all(|pair| pair[0].end <= pair[1].start));
        let moved = forward(&rotation, from);
        if let Some(moved) = moved {
            let moved = rotation.restarted(moved.start, moved.members).unwrap();
            prop_assert!(equivalent(&rotation, &moved, moved.start()));
        }
        let schedule = Schedule { rotations: vec![Planned { rotation: rotation.clone(), overrides: Vec::new() }] };
        schedule.on_call(from, SignedDuration::from_hours(24 * 30));
        schedule.last_change(from, SignedDuration::from_hours(24 * 30));
        schedule.coverage(&[], window);
        schedule.clock_changes(&[], Interval::days(from, 366));
        who_moves(Some(&rotation), None, &[], window, 5);
    }
}

proptest! {
    #![proptest_config(cases(25))]

    #[test]
    fn counting_and_walking_agree((rotation, to) in rotation_and_moment(40)) {
        let walked = Walked::new(&rotation, to);
        let shift = rotation.shift_at(to);
        prop_assert_eq!(shift.as_ref().map(|shift| usize::try_from(shift.number).unwrap()), walked.number(to));
        if let Some(shift) = shift {
            prop_assert!(shift.interval.contains(to));
            let begin = walked.hand_offs.iter().rfind(|at| **at <= to).copied().unwrap_or(rotation.start());
            prop_assert_eq!(shift.interval.start, begin);
            if let Some(end) = walked.hand_offs.iter().find(|at| **at > to) {
                prop_assert_eq!(shift.interval.end, *end);
            }
        }
    }
}
