use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::api::common::AppliedStatus;
use crate::engine::Change as _;
use crate::resources::rotation_override::desired::near_at;
use crate::schedule::{Kind, Recurrence, Rotation, RotationSettings, TimeOfDay};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// 2027-03-01T09:00:00Z, the first hand-off.
const START: i64 = 1_803_891_600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

fn person(name: &str) -> String {
    format!("arn:aws:ssm-contacts:us-east-1:123456789012:contact/{name}")
}

fn people(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| person(n)).collect()
}

fn arn(rotation: &str) -> String {
    format!("arn:aws:ssm-contacts:us-east-1:123456789012:rotation/{rotation}")
}

/// Daily turns from 09:00 to 09:00 UTC.
fn rotation(name: &str, members: &[&str], at_once: u32) -> ObservedRotation {
    let settings = RotationSettings {
        members: people(members),
        start: at(0),
        zone: "Etc/UTC".to_owned(),
        recurrence: Recurrence::Daily(vec![TimeOfDay::parse("09:00").unwrap()]),
        shift_length: 1,
        number_on_call: at_once,
        coverage: vec![],
    };
    ObservedRotation {
        name: name.to_owned(),
        arn: arn(name),
        rotation: Some(Rotation::new(settings).unwrap()),
    }
}

fn desired(team: Team, from: i64, to: i64, rotations: &[&str]) -> Desired {
    Desired {
        over: false,
        time: Interval::new(at(from), at(to)),
        team,
        schedule: "OnCallSchedule payments/primary".to_owned(),
        rotations: rotations
            .iter()
            .map(|r| ((*r).to_owned(), Some(arn(r))))
            .collect(),
        names: BTreeMap::from([(person("bob"), "people/bob".to_owned())]),
    }
}

fn swap(out: &str, comes: &str) -> Team {
    Team::Substitutes(vec![(person(out), person(comes))])
}

fn observed(rotations: &[ObservedRotation]) -> Observed {
    Observed {
        read: true,
        rotations: rotations.to_vec(),
        ..Observed::default()
    }
}

fn planned(desired: &Desired, observed: &Observed, now: i64) -> Vec<Change> {
    let applied = AppliedStatus::default();
    let memory = Memory {
        applied: &applied,
        pending: &[],
        now: at(now),
    };
    plan(desired, Some(observed), memory).unwrap()
}

/// AWS after all of `changes`, each made at `now`.
fn after(mut observed: Observed, changes: &[Change], now: i64, next: &mut u32) -> Observed {
    for change in changes {
        *next += 1;
        let id = format!("id-{next:04}");
        observed = project(Some(observed), change, Some(&id)).unwrap();
        if let Some(own) = observed.ours.iter_mut().find(|own| own.found.id == id) {
            own.found.created = at(now);
        }
    }
    observed
}

/// `rotation from to: people` in hours after the first hand-off, of what is created.
fn created(changes: &[Change]) -> Vec<String> {
    let hours = |t: Timestamp| (t.as_second() - START) / HOUR;
    changes
        .iter()
        .filter_map(|change| match change {
            Change::Create { part, .. } => Some(format!(
                "{} {} {}: {}",
                part.rotation,
                hours(part.time.start),
                hours(part.time.end),
                part.names.join(" ")
            )),
            Change::GoOn { .. } | Change::Delete { .. } => None,
        })
        .collect()
}

fn deletes(changes: &[Change]) -> usize {
    let is = |c: &&Change| matches!(c, Change::Delete { .. });
    changes.iter().filter(is).count()
}

#[test]
fn only_the_shifts_of_who_goes_are_overridden() {
    let one = observed(&[rotation("tokyo", &["alice", "bob", "carol"], 1)]);
    let wanted = desired(swap("alice", "bob"), 3 * HOUR, 4 * DAY, &["tokyo"]);
    let changes = planned(&wanted, &one, 0);
    assert_eq!(
        created(&changes),
        ["tokyo 3 24: people/bob", "tokyo 72 96: people/bob"]
    );
    // A chain is not followed.
    let chain = Team::Substitutes(vec![
        (person("alice"), person("bob")),
        (person("bob"), person("carol")),
    ]);
    let wanted = desired(chain, 0, 3 * DAY, &["tokyo"]);
    assert_eq!(
        created(&planned(&wanted, &one, 0)),
        ["tokyo 0 24: people/bob", "tokyo 24 48: carol"]
    );
}

#[test]
fn others_on_shift_stay_and_nobody_is_doubled() {
    let pairs = observed(&[rotation("pairs", &["alice", "dan", "carol", "bob"], 2)]);
    let wanted = desired(swap("alice", "bob"), 0, 2 * DAY, &["pairs"]);
    assert_eq!(
        created(&planned(&wanted, &pairs, 0)),
        ["pairs 0 24: people/bob dan"]
    );
    let wanted = desired(swap("alice", "dan"), 0, 2 * DAY, &["pairs"]);
    assert_eq!(created(&planned(&wanted, &pairs, 0)), ["pairs 0 24: dan"]);
    // Two who are on shift together swap nothing.
    let both = Team::Substitutes(vec![
        (person("alice"), person("dan")),
        (person("dan"), person("alice")),
    ]);
    let wanted = desired(both, 0, 2 * DAY, &["pairs"]);
    assert_eq!(planned(&wanted, &pairs, 0), []);
}

#[test]
fn consecutive_shifts_with_the_same_team_are_one_override() {
    let one = observed(&[rotation("tokyo", &["alice", "alice", "bob"], 1)]);
    let wanted = desired(swap("alice", "bob"), 0, 6 * DAY, &["tokyo"]);
    assert_eq!(
        created(&planned(&wanted, &one, 0)),
        ["tokyo 0 48: people/bob", "tokyo 72 120: people/bob"]
    );
}

#[test]
fn what_aws_does_not_take_is_left_out_and_told() {
    let one = observed(&[rotation("tokyo", &["alice", "bob", "carol"], 1)]);
    let wanted = desired(swap("alice", "bob"), DAY - 600, 3 * DAY, &["tokyo"]);
    let short = parts(&wanted, &one, at(0));
    assert_eq!((short.now.len(), short.short.len()), (0, 1));
    let half = 180 * DAY;
    let wanted = desired(swap("alice", "bob"), half, half + 15 * DAY, &["tokyo"]);
    let far = parts(&wanted, &one, at(0));
    assert!(!far.now.is_empty() && !far.later.is_empty(), "{far:?}");
    for part in &far.later {
        let due = near_at(part.time.start);
        assert!(due > at(0) && is_near(part.time.start, due));
        assert!(!is_near(
            part.time.start,
            due - SignedDuration::from_hours(1)
        ));
    }
    let wanted = desired(swap("alice", "bob"), 0, DAY, &["tokyo", "rome"]);
    let missing = parts(&wanted, &one, at(0));
    assert_eq!(
        (missing.now.len(), missing.unknown),
        (1, vec!["rome".to_owned()])
    );
}

#[test]
fn an_edit_makes_the_new_one_before_the_old_one_goes() {
    let one = observed(&[rotation("tokyo", &["alice", "bob", "carol"], 1)]);
    let mut ids = 0;
    let first = desired(swap("alice", "bob"), 3 * HOUR, 10 * HOUR, &["tokyo"]);
    let one = after(one.clone(), &planned(&first, &one, 0), 0, &mut ids);
    let longer = desired(swap("alice", "bob"), 3 * HOUR, 12 * HOUR, &["tokyo"]);
    let changes = planned(&longer, &one, 0);
    assert!(
        matches!(&changes[..], [Change::Create { .. }, Change::Delete { .. }]),
        "{changes:?}"
    );
    // Two overrides never share a slot, or the one would be forgotten for the other.
    assert_ne!(changes[0].slot(), changes[1].frees());
    // While it runs, the old one stays until AWS has said when the new one begins.
    let running = planned(&longer, &one, 4 * HOUR);
    assert_eq!((created(&running).len(), deletes(&running)), (1, 0));
    let Change::Create { fallback, .. } = &running[0] else {
        panic!("{running:?}");
    };
    assert_eq!(*fallback, Some(at(4 * HOUR + 60)));
    let mut both = after(one, &running, 4 * HOUR, &mut ids);
    assert_eq!(deletes(&planned(&longer, &both, 4 * HOUR)), 1);
    both.ours[1].found.start = at(4 * HOUR + 60);
    assert_eq!(planned(&longer, &both, 4 * HOUR), []);
    assert_eq!(
        put_off_until(&longer, &both, at(4 * HOUR)),
        Some(at(4 * HOUR + 60))
    );
    let changes = planned(&longer, &both, 4 * HOUR + 60);
    assert!(
        matches!(&changes[..], [Change::Delete { id, .. }] if id == "id-0001"),
        "{changes:?}"
    );
}

#[test]
fn history_stays_and_an_early_end_takes_away_what_still_runs() {
    let one = observed(&[rotation("tokyo", &["alice", "bob", "carol"], 1)]);
    let mut ids = 0;
    let wanted = desired(swap("alice", "bob"), 3 * HOUR, 4 * DAY, &["tokyo"]);
    let both = after(one.clone(), &planned(&wanted, &one, 0), 0, &mut ids);
    // The first part is over when the spec changes.
    let carol = desired(swap("alice", "carol"), 3 * HOUR, 4 * DAY, &["tokyo"]);
    let changes = planned(&carol, &both, 2 * DAY);
    assert_eq!(created(&changes), ["tokyo 72 96: carol"]);
    assert_eq!(deletes(&changes), 1);
    let mut over = wanted;
    over.over = true;
    let changes = planned(&over, &both, 2 * DAY);
    assert_eq!((created(&changes).len(), deletes(&changes)), (0, 1));
    assert_eq!(planned(&over, &both, 5 * DAY), []);
}

#[test]
fn what_was_lost_is_told_as_restored() {
    let one = observed(&[rotation("tokyo", &["alice", "bob", "carol"], 1)]);
    let wanted = desired(swap("alice", "bob"), 3 * HOUR, 10 * HOUR, &["tokyo"]);
    let fresh = planned(&wanted, &one, 0);
    assert_eq!(fresh[0].reason(), None);
    let mut lost = one;
    lost.told = vec![crate::api::rotation_override::AppliedOverride {
        rotation: "tokyo".to_owned(),
        id: "lost".to_owned(),
        start_time: crate::engine::api_time(at(3 * HOUR)),
        end_time: crate::engine::api_time(at(10 * HOUR)),
        contacts: vec!["people/bob".to_owned()],
    }];
    let again = planned(&wanted, &lost, 4 * HOUR);
    assert_eq!(again[0].reason(), Some(Reason::OverrideRestored));
    assert!(again[0].to_string().contains("again") && again[0].to_string().contains("re-routed"));
}

#[test]
fn strangers_are_tried_last_and_named() {
    let two = observed(&[
        rotation("tokyo", &["alice", "carol"], 1),
        rotation("paris", &["alice", "bob"], 1),
    ]);
    let wanted = desired(swap("alice", "bob"), 0, DAY, &["tokyo", "paris"]);
    let changes = planned(&wanted, &two, 0);
    let Change::Create {
        part, strangers, ..
    } = &changes[1]
    else {
        panic!("{changes:?}");
    };
    assert_eq!(
        (part.rotation.as_str(), strangers.as_slice()),
        ("tokyo", &["people/bob".to_owned()][..])
    );
}

#[test]
fn a_slot_reads_back_and_tells_teams_apart() {
    let time = Interval::new(at(0), at(DAY));
    let slot = Slot::new(&arn("tokyo"), time, &people(&["alice", "bob"]));
    assert_eq!(Slot::parse(&slot.to_string()), Some(slot.clone()));
    assert_eq!(
        slot,
        Slot::new(&arn("tokyo"), time, &people(&["bob", "alice"]))
    );
    assert_ne!(slot, Slot::new(&arn("tokyo"), time, &people(&["bob"])));
    assert_eq!(Slot::parse("rotation/tokyo"), None);
}

#[test]
fn too_many_at_once_are_refused() {
    let one = observed(&[rotation("tokyo", &["alice", "bob"], 1)]);
    let wanted = desired(swap("alice", "carol"), 0, 180 * DAY, &["tokyo"]);
    let many = Desired {
        rotations: vec![wanted.rotations[0].clone(); 2],
        ..wanted
    };
    let applied = AppliedStatus::default();
    let memory = Memory {
        applied: &applied,
        pending: &[],
        now: at(0),
    };
    assert!(plan(&many, Some(&one), memory).is_err());
}

/// What AWS has of `names` in the rotation `tokyo`, made before anybody here knew of it.
fn found(id: &str, from: i64, to: i64, names: &[&str], recorded: bool) -> Other {
    Other {
        rotation: arn("tokyo"),
        found: Override {
            id: id.to_owned(),
            start: at(from),
            end: at(to),
            members: people(names),
            created: at(-DAY),
        },
        recorded,
    }
}

#[test]
fn what_aws_has_already_is_gone_on_with_and_nothing_is_made_twice() {
    let mut one = observed(&[rotation("tokyo", &["alice", "bob", "carol"], 1)]);
    let wanted = desired(swap("alice", "bob"), 3 * HOUR, 4 * DAY, &["tokyo"]);
    let first = |id, recorded| found(id, 3 * HOUR, DAY, &["bob"], recorded);
    one.others = vec![
        first("older", false),
        first("newer", false),
        first("recorded", true),
        found("later", 3 * DAY, 4 * DAY, &["bob"], false),
    ];
    let changes = planned(&wanted, &one, 0);
    let ids: Vec<&str> = changes
        .iter()
        .filter_map(|c| match c {
            Change::GoOn { found, .. } => Some(found.id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["newer", "later"], "{changes:?}");
    assert!(changes.iter().all(|c| c.adopts() && c.pending().is_empty()));
    let after = after(one, &changes, 0, &mut 0);
    assert_eq!(planned(&wanted, &after, 0), vec![]);
    assert_eq!(after.others.len(), 2);
}

#[test]
fn what_differs_in_anything_is_somebody_elses() {
    let wanted = desired(Team::Exactly(people(&["bob"])), HOUR, DAY, &["tokyo"]);
    for other in [
        found("recorded", HOUR, DAY, &["bob"], true),
        found("start", 2 * HOUR, DAY, &["bob"], false),
        found("end", HOUR, DAY + 1, &["bob"], false),
        found("team", HOUR, DAY, &["bob", "carol"], false),
        Other {
            rotation: arn("osaka"),
            ..found("rotation", HOUR, DAY, &["bob"], false)
        },
    ] {
        let mut one = observed(&[rotation("tokyo", &["alice", "bob"], 1)]);
        one.others = vec![other];
        assert_eq!(created(&planned(&wanted, &one, 0)).len(), 1, "{one:?}");
    }
}

const NAMES: [&str; 5] = ["alice", "bob", "carol", "dan", "erin"];

fn teams() -> impl Strategy<Value = Team> {
    let name = 0..NAMES.len();
    prop_oneof![
        proptest::collection::btree_map(name.clone(), name.clone(), 1..4).prop_map(|swaps| {
            let swaps = swaps.into_iter().filter(|(out, comes)| out != comes);
            Team::Substitutes(
                swaps
                    .map(|(out, comes)| (person(NAMES[out]), person(NAMES[comes])))
                    .collect(),
            )
        }),
        proptest::collection::btree_set(name, 0..4)
            .prop_map(|names| Team::Exactly(names.into_iter().map(|n| person(NAMES[n])).collect())),
    ]
}

/// Who is on call, from which hour, for how many hours, and how many hours after the edit before it is put in.
type Edit = (Team, i64, i64, i64);

/// A rotation, and one edit after another of one object.
fn histories() -> impl Strategy<Value = (Vec<usize>, u32, Vec<Edit>)> {
    let edit = (teams(), 0_i64..100, 1_i64..100, 0_i64..30);
    (
        proptest::collection::vec(0..NAMES.len(), 3..6),
        1_u32..3,
        proptest::collection::vec(edit, 1..5),
    )
}

proptest! {
    /// After every edit the plan ends; who is on call is who should be, at every moment while it is carried out and after it.
    #[test]
    fn the_plan_ends_and_who_is_on_call_is_who_should_be((members, at_once, edits) in histories()) {
        let names: Vec<&str> = members.iter().map(|m| NAMES[*m]).collect();
        let found = rotation("tokyo", &names, at_once);
        let turns = found.rotation.clone().unwrap();
        let mut aws = observed(&[found]);
        let (mut now, mut ids) = (0, 0);
        for (team, from, hours, later) in edits {
            now += later * HOUR;
            let wanted = desired(team, from * HOUR, (from + hours) * HOUR, &["tokyo"]);
            let wanted = Desired { over: wanted.time.end <= at(now), ..wanted };
            let mut steps = 0;
            loop {
                // As in life the clock goes on from pass to pass.
                now += 1;
                let wanted = Desired { over: wanted.time.end <= at(now), ..wanted.clone() };
                let changes = planned(&wanted, &aws, now);
                if changes.is_empty() {
                    break;
                }
                for change in &changes {
                    aws = after(aws, std::slice::from_ref(change), now, &mut ids);
                }
                steps += 1;
                prop_assert!(steps <= 3, "{changes:?}");
            }
            let overrides: Vec<_> = aws.ours.iter().map(|own| own.found.clone()).collect();
            let window = Interval::new(at(now), at(now + 10 * DAY));
            for piece in turns.pieces(&overrides, window) {
                let regular = match &piece.kind {
                    Kind::Regular => &piece.on_call,
                    Kind::Overridden { instead_of, .. } => instead_of,
                };
                let middle = piece.start.max(at(now));
                let inside = wanted.time.contains(middle) && !wanted.over;
                let should = match &wanted.team {
                    _ if !inside => regular.clone(),
                    Team::Exactly(people) => people.clone(),
                    Team::Substitutes(swaps) => substitute(regular, swaps),
                };
                let sets = [&should, &piece.on_call].map(|p| p.iter().cloned().collect::<BTreeSet<_>>());
                prop_assert_eq!(&sets[0], &sets[1], "at {}", middle);
            }
            prop_assert_eq!(planned(&wanted, &aws, now), vec![]);
        }
    }
}
