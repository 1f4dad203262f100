//! Properties of the plan against a model of AWS of its own, which takes starts in the past, refuses them or moves them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::api::common::{AppliedItem, AppliedStatus};
use crate::engine::Change as _;
use crate::schedule::{CoverageWindow, Recurrence, TimeOfDay, Weekday};

/// What AWS makes of a start in the past.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Past {
    Taken,
    Refused,
    Moved,
}

/// Rotations and a schedule, as AWS keeps them.
#[derive(Debug, Clone)]
struct Aws {
    observed: Observed,
    past: Past,
    made: u32,
    now: Timestamp,
}

impl Aws {
    /// The start that it keeps, or a refusal.
    fn start(&self, wanted: Timestamp) -> Option<Timestamp> {
        let past = self.now.duration_since(wanted) > SignedDuration::from_mins(1);
        match self.past {
            Past::Refused if past => None,
            Past::Moved if past => Some(seconds(self.now)),
            _ => Some(wanted),
        }
    }

    fn settings(
        &self,
        settings: &RotationSettings<String>,
        otherwise: Option<&LaterStart>,
    ) -> RotationSettings<String> {
        let mut kept = settings.clone();
        if let Some(start) = self.start(settings.start) {
            kept.start = start;
        } else {
            let later = otherwise.expect("a start in the past has another to fall back on");
            kept.members.clone_from(&later.members);
            kept.start = self.start(later.start).expect("the later start lies ahead");
        }
        kept
    }

    fn links(&self, links: &[Link]) -> Vec<String> {
        let found = links.iter().map(|link| match link {
            Link::Arn(arn) => {
                assert!(self.observed.rotation(arn).is_some(), "AWS has no {arn}");
                arn.clone()
            }
            Link::Slot(slot) => {
                let name = slot.strip_prefix(ROTATION_SLOT).unwrap();
                let made = self.observed.rotations.iter().rfind(|r| r.name == name);
                made.expect("the rotation is made before the schedule uses it")
                    .arn
                    .clone()
            }
        });
        found.collect()
    }

    fn send(&mut self, change: &Change) -> Option<String> {
        match change {
            Change::CreateRotation {
                name,
                settings,
                otherwise,
                tags,
            } => {
                self.made += 1;
                let arn = format!("new-{}", self.made);
                let settings = self.settings(settings, otherwise.as_ref());
                self.observed.rotations.push(ObservedRotation {
                    arn: arn.clone(),
                    name: name.clone(),
                    ours: true,
                    rotation: Rotation::new(settings.clone()).ok(),
                    settings,
                    overrides: vec![],
                    tags: Some(tags.clone()),
                    confirmation: None,
                });
                return Some(arn);
            }
            Change::UpdateRotation {
                arn,
                settings,
                with_start,
                otherwise,
                ..
            } => {
                let there = self.observed.rotation(arn).expect("AWS has it").clone();
                let mut kept = settings.clone();
                if *with_start {
                    kept = self.settings(settings, otherwise.as_ref());
                } else {
                    kept.start = there.settings.start;
                }
                let found = self.observed.rotations.iter_mut().find(|r| r.arn == *arn);
                let found = found.unwrap();
                found.rotation = Rotation::new(kept.clone()).ok();
                found.settings = kept;
            }
            Change::CreateSchedule {
                display_name,
                rotations,
                ..
            } => {
                assert!(self.observed.schedule.is_none(), "the alias is taken");
                self.observed.schedule = Some(ObservedSchedule {
                    display_name: display_name.clone(),
                    rotations: self.links(rotations),
                });
                "schedule".clone_into(&mut self.observed.arn);
                return Some("schedule".to_owned());
            }
            Change::UpdateSchedule {
                display_name,
                rotations,
                ..
            } => {
                let links = rotations.as_ref().map(|links| self.links(links));
                let schedule = self.observed.schedule.as_mut().expect("AWS has it");
                if let Some(name) = display_name {
                    schedule.display_name.clone_from(name);
                }
                if let Some(links) = links {
                    schedule.rotations = links;
                }
            }
            Change::DeleteRotation { arn, .. } => {
                assert!(
                    !self.observed.uses(arn),
                    "it is taken out before it is deleted"
                );
                self.observed.rotations.retain(|r| r.arn != *arn);
            }
            Change::DeleteSchedule => self.observed.schedule = None,
            other => panic!("not a change of content: {other:?}"),
        }
        None
    }
}

/// What the status keeps of a rotation between passes.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    requested: Option<Timestamp>,
    seen: Option<Timestamp>,
    rollout_at: Option<Timestamp>,
}

/// The operator's side: what it has recorded.
#[derive(Debug, Clone, Default)]
struct Records {
    applied: AppliedStatus,
    kept: BTreeMap<String, Kept>,
}

impl Records {
    fn of(observed: &Observed) -> Self {
        let ours = observed.rotations.iter().filter(|r| r.ours);
        let item = |r: &ObservedRotation| AppliedItem {
            slot: rotation_slot(&r.name),
            id: r.arn.clone(),
            created_at: None,
        };
        Self {
            applied: AppliedStatus {
                tags: vec![],
                items: ours.map(item).collect(),
            },
            kept: BTreeMap::new(),
        }
    }

    fn desired(&self, desired: &Desired) -> Desired {
        let mut desired = desired.clone();
        for rotation in &mut desired.rotations {
            let kept = self.kept.get(&rotation.key).copied().unwrap_or_default();
            rotation.requested_start = kept.requested;
            rotation.seen_start = kept.seen;
            rotation.rollout_at = kept.rollout_at;
        }
        desired
    }

    fn plan(&self, desired: &Desired, aws: &Aws) -> Vec<Change> {
        let memory = Memory {
            applied: &self.applied,
            pending: &[],
            now: aws.now,
        };
        let nothing = aws.observed.schedule.is_none() && aws.observed.rotations.is_empty();
        plan(desired, (!nothing).then_some(&aws.observed), memory)
    }

    fn foretell(&mut self, desired: &Desired, changes: &[Change]) {
        for change in changes {
            let (name, start) = match change {
                Change::CreateRotation { name, settings, .. } => (name, settings.start),
                Change::UpdateRotation {
                    name,
                    settings,
                    with_start: true,
                    ..
                } => (name, settings.start),
                _ => continue,
            };
            let wanted = desired.rotations.iter().find(|r| r.name == *name).unwrap();
            let kept = self.kept.entry(wanted.key.clone()).or_default();
            if start == wanted.settings.start {
                kept.requested = Some(start);
            }
            kept.seen = None;
        }
    }

    fn report(&mut self, desired: &Desired, aws: &Aws) {
        let items = self.applied.items.clone();
        let recorded = |slot: &str| items.iter().find(|i| i.slot == slot).map(|i| i.id.clone());
        let matched = match_rotations(desired, &aws.observed, recorded);
        self.kept
            .retain(|key, _| desired.rotations.iter().any(|r| r.key == *key));
        for wanted in &desired.rotations {
            let Some(found) = matched.get(&wanted.key) else {
                continue;
            };
            let held = items.iter().any(|i| i.id == found.arn);
            let kept = self.kept.entry(wanted.key.clone()).or_default();
            kept.seen = Some(found.settings.start);
            kept.rollout_at = match edit(wanted, found, desired.rollout, held, aws.now) {
                Edit::At(at) => Some(at),
                Edit::Nothing | Edit::Now(_) => None,
            };
            self.applied
                .items
                .retain(|i| i.slot != rotation_slot(&wanted.name));
            self.applied.items.push(AppliedItem {
                slot: rotation_slot(&wanted.name),
                id: found.arn.clone(),
                created_at: None,
            });
        }
    }

    /// One pass. Answers with what it sent.
    fn pass(&mut self, wanted: &Desired, aws: &mut Aws) -> Vec<Change> {
        let desired = self.desired(wanted);
        let changes = self.plan(&desired, aws);
        self.foretell(&desired, &changes);
        for change in &changes {
            let id = aws.send(change);
            if let (Some(slot), Some(id)) = (change.slot(), id) {
                self.applied.items.retain(|i| i.slot != slot);
                self.applied.items.push(AppliedItem {
                    slot,
                    id,
                    created_at: None,
                });
            }
            if let Some(freed) = change.frees() {
                self.applied.items.retain(|i| i.slot != freed);
            }
        }
        aws.now += SignedDuration::from_secs(1);
        // What was changed is read back; the status is written when nothing is left to do.
        if changes.is_empty() || self.plan(&desired, aws).is_empty() {
            self.report(&desired, aws);
        }
        changes
    }
}

/// Passes until nothing is left; three must do.
fn settle(records: &mut Records, wanted: &Desired, aws: &mut Aws) -> Vec<Change> {
    let mut sent = vec![];
    for _ in 0..4 {
        let changes = records.pass(wanted, aws);
        if changes.is_empty() {
            return sent;
        }
        sent.extend(changes);
    }
    panic!("never at rest: {sent:#?}\nin: {aws:#?}\nof: {records:#?}");
}

fn now() -> Timestamp {
    "2026-11-22T10:20:30Z".parse().unwrap()
}

fn recurrences() -> impl Strategy<Value = Recurrence> {
    let time = || {
        (0..24_u8, prop::sample::select(vec![0_u8, 15, 30]))
            .prop_map(|(h, m)| TimeOfDay::new(h, m).unwrap())
    };
    let day = prop::sample::select(vec![Weekday::Monday, Weekday::Thursday, Weekday::Sunday]);
    prop_oneof![
        prop::collection::vec(time(), 1..3).prop_map(Recurrence::Daily),
        prop::collection::vec((day, time()), 1..3).prop_map(Recurrence::Weekly),
        prop::collection::vec((1..32_u8, time()), 1..3).prop_map(Recurrence::Monthly),
    ]
}

fn windows() -> impl Strategy<Value = Vec<CoverageWindow>> {
    let window = (0..7_i8, 0..24_u8, 1..24_u8).prop_map(|(day, start, hours)| CoverageWindow {
        day: Weekday::from_monday_zero_offset(day).unwrap(),
        start: TimeOfDay::new(start, 30).unwrap(),
        end: TimeOfDay::new((start + hours) % 24, 30).unwrap(),
    });
    prop_oneof![2 => Just(vec![]), 1 => prop::collection::vec(window, 1..4)]
}

fn settings(most: u32) -> impl Strategy<Value = RotationSettings<String>> {
    let people = prop::sample::subsequence(vec!["a", "b", "c", "d"], 1..=4).prop_shuffle();
    let zones = prop::sample::select(vec!["UTC", "Europe/Dublin", "Asia/Kolkata"]);
    (
        people,
        -9000..2000_i64,
        zones,
        recurrences(),
        1..=most,
        1..3_u32,
        windows(),
    )
        .prop_map(
            |(people, hours, zone, recurrence, shift_length, on_call, coverage)| RotationSettings {
                number_on_call: on_call.min(u32::try_from(people.len()).unwrap()),
                members: people.into_iter().map(|p| format!("arn:{p}")).collect(),
                start: seconds(now()) + SignedDuration::from_hours(hours)
                    - SignedDuration::from_secs(30),
                zone: zone.to_owned(),
                recurrence,
                shift_length,
                coverage,
            },
        )
}

fn wanted_of(key: &str, name: &str, settings: &RotationSettings<String>) -> DesiredRotation {
    DesiredRotation {
        key: key.to_owned(),
        name: name.to_owned(),
        settings: settings.clone(),
        rotation: Rotation::new(settings.clone()).unwrap(),
        removed: vec![],
        rollout_at: None,
        requested_start: None,
        seen_start: None,
    }
}

fn desired_of(rotations: Vec<DesiredRotation>) -> Desired {
    Desired {
        alias: "s".to_owned(),
        display_name: "S".to_owned(),
        rotations,
        tags: BTreeMap::new(),
        rollout: Rollout::Immediate,
        target: vec![],
    }
}

prop_compose! {
    fn wanted(most: u32)(all in prop::collection::btree_map(0..4_u8, settings(most), 0..4), name in 0..2_usize) -> Desired {
        let rotations = all.iter().map(|(n, s)| wanted_of(&format!("k{n}"), &format!("r{n}"), s));
        Desired { display_name: "n".repeat(name), ..desired_of(rotations.collect()) }
    }
}

prop_compose! {
    /// A schedule or none, with rotations that are ours or not, of the same names or others, used or not.
    fn there()(
        all in prop::collection::vec((0..6_u8, settings(3), any::<bool>(), any::<bool>()), 0..5), schedule in any::<bool>(), name in 0..2_usize,
    ) -> Observed {
        let rotations: Vec<_> = all.iter().enumerate().map(|(i, (n, s, ours, _))| ObservedRotation {
            arn: format!("old-{i}"), name: format!("r{n}"), ours: *ours, settings: s.clone(), rotation: Rotation::new(s.clone()).ok(),
            overrides: vec![], tags: None, confirmation: None,
        }).collect();
        let used = all.iter().zip(&rotations).filter(|((_, _, _, used), _)| *used).map(|(_, r)| r.arn.clone());
        let schedule = schedule.then(|| ObservedSchedule { display_name: "n".repeat(name), rotations: used.collect() });
        // What is neither ours nor used is not seen at all.
        let seen = |r: &ObservedRotation| r.ours || schedule.as_ref().is_some_and(|s| s.rotations.contains(&r.arn));
        Observed {
            arn: if schedule.is_some() { "schedule".to_owned() } else { String::new() },
            alias: "s".to_owned(), other_type: None, rotations: rotations.iter().filter(|r| seen(r)).cloned().collect(), schedule,
        }
    }
}

fn pasts() -> impl Strategy<Value = Past> {
    prop::sample::select(vec![Past::Taken, Past::Refused, Past::Moved])
}

/// The rotation that stands for `wanted` has the shifts of `wanted`, from the moment on that AWS lets it begin.
fn shifts_are_right(wanted: &DesiredRotation, found: &ObservedRotation, from: Timestamp) -> bool {
    let there = found.rotation.as_ref().unwrap();
    let from = from.max(if there.start() > wanted.rotation.start() {
        there.start()
    } else {
        from
    });
    *there == wanted.rotation || equivalent(&wanted.rotation, there, from)
}

proptest! {
    /// Whatever is there, and whatever AWS makes of starts in the past, a few passes bring it to what is wanted, and then there is nothing left to do.
    #[test]
    fn a_few_passes_bring_aws_to_what_is_wanted(desired in wanted(3), observed in there(), past in pasts(), wait in 0..500_i64) {
        let mut records = Records::of(&observed);
        let mut aws = Aws { observed: observed.clone(), past, made: 0, now: now() };
        settle(&mut records, &desired, &mut aws);
        let schedule = aws.observed.schedule.clone().unwrap();
        prop_assert_eq!(&schedule.display_name, &desired.display_name);
        let items = records.applied.items.clone();
        let recorded = |slot: &str| items.iter().find(|i| i.slot == slot).map(|i| i.id.clone());
        for wanted in &desired.rotations {
            let matched = match_rotations(&desired, &aws.observed, recorded);
            let found = matched[&wanted.key];
            prop_assert!(schedule.rotations.contains(&found.arn));
            prop_assert!(shifts_are_right(wanted, found, aws.now), "{wanted:?}\n{found:?}");
            if past == Past::Taken {
                // Nobody is asked for more than the manifest says.
                prop_assert!(found.settings.start == wanted.settings.start || equivalent(&wanted.rotation, found.rotation.as_ref().unwrap(), aws.now));
            }
        }
        // What is not ours is as it was, and stays in the schedule.
        for other in observed.rotations.iter().filter(|r| !r.ours) {
            prop_assert!(schedule.rotations.contains(&other.arn));
            let named = desired.rotations.iter().any(|w| w.name == other.name);
            let now = aws.observed.rotation(&other.arn);
            prop_assert!(now.is_some());
            prop_assert!(named || now == Some(other));
        }
        // Of ours, nothing is left that nobody asks for.
        let used = |arn: &str| schedule.rotations.iter().any(|r| r == arn);
        for ours in aws.observed.rotations.iter().filter(|r| r.ours) {
            prop_assert!(used(&ours.arn), "{ours:?}");
            let same = aws.observed.rotations.iter().filter(|r| r.ours && r.name == ours.name);
            prop_assert_eq!(same.count(), 1);
        }
        // Nor later.
        aws.now += SignedDuration::from_hours(wait);
        let late = records.pass(&desired, &mut aws);
        prop_assert!(late.is_empty(), "later: {late:?}\n{aws:?}");
    }

    /// Edit after edit of one rotation.
    #[test]
    fn edit_after_edit_comes_to_rest(all in prop::collection::vec((settings(2), 0..200_i64), 1..5), past in pasts()) {
        let mut records = Records::default();
        let nothing = Observed { arn: String::new(), alias: "s".to_owned(), other_type: None, schedule: None, rotations: vec![] };
        let mut aws = Aws { observed: nothing, past, made: 0, now: now() };
        for (settings, hours) in &all {
            let wanted = wanted_of("k", "r", settings);
            let desired = desired_of(vec![wanted.clone()]);
            settle(&mut records, &desired, &mut aws);
            prop_assert_eq!(aws.observed.rotations.len(), 1);
            let found = &aws.observed.rotations[0];
            prop_assert!(shifts_are_right(&wanted, found, aws.now), "{wanted:?}\n{found:?}");
            aws.now += SignedDuration::from_hours(*hours);
        }
        prop_assert_eq!(aws.made, 1, "the same rotation all the time");
    }

    /// Somebody moves the start by hand: it is put back where AWS lets it, and the shifts are right in any case.
    #[test]
    fn a_start_changed_by_hand_is_put_back(settings in settings(2), days in -30..30_i64, past in pasts()) {
        let wanted = wanted_of("k", "r", &settings);
        let desired = desired_of(vec![wanted.clone()]);
        let mut records = Records::default();
        let nothing = Observed { arn: String::new(), alias: "s".to_owned(), other_type: None, schedule: None, rotations: vec![] };
        let mut aws = Aws { observed: nothing, past, made: 0, now: now() };
        settle(&mut records, &desired, &mut aws);
        aws.now += SignedDuration::from_hours(1);
        let found = &mut aws.observed.rotations[0];
        found.settings.start = seconds(aws.now) + SignedDuration::from_hours(24 * days);
        found.rotation = Rotation::new(found.settings.clone()).ok();
        settle(&mut records, &desired, &mut aws);
        let found = &aws.observed.rotations[0];
        prop_assert!(shifts_are_right(&wanted, found, aws.now), "{wanted:?}\n{found:?}");
        if past == Past::Taken {
            prop_assert!(found.settings.start == settings.start || equivalent(&wanted.rotation, found.rotation.as_ref().unwrap(), aws.now));
        }
    }

    /// With AfterCurrentShift nothing changes before the shift ends, several edits wait no longer than one, and then it is what is wanted.
    #[test]
    fn an_edit_waits_for_one_shift_and_no_longer(first in settings(2), second in settings(2), third in settings(2), minutes in 0..60_i64) {
        let of = |settings: &RotationSettings<String>| Desired { rollout: Rollout::AfterCurrentShift, ..desired_of(vec![wanted_of("k", "r", settings)]) };
        let mut records = Records::default();
        let nothing = Observed { arn: String::new(), alias: "s".to_owned(), other_type: None, schedule: None, rotations: vec![] };
        let mut aws = Aws { observed: nothing, past: Past::Taken, made: 0, now: now() };
        settle(&mut records, &of(&first), &mut aws);
        let before = aws.observed.clone();
        let shift = before.rotations[0].rotation.as_ref().unwrap().shift_at(aws.now);
        let changes = records.pass(&of(&second), &mut aws);
        let Some(shift) = shift.filter(|_| records.kept["k"].rollout_at.is_some()) else {
            // Nothing differs, or nobody is on shift yet.
            settle(&mut records, &of(&second), &mut aws);
            return Ok(());
        };
        prop_assert!(changes.is_empty());
        prop_assert_eq!(records.kept["k"].rollout_at, Some(shift.interval.end));
        let left = shift.interval.end.duration_since(aws.now);
        aws.now += SignedDuration::from_mins(minutes).min(left - SignedDuration::from_secs(2));
        records.pass(&of(&third), &mut aws);
        if let Some(at) = records.kept["k"].rollout_at {
            prop_assert_eq!(at, shift.interval.end);
            prop_assert_eq!(&aws.observed, &before);
            aws.now = at;
        }
        settle(&mut records, &of(&third), &mut aws);
        let wanted = &of(&third).rotations[0];
        prop_assert!(shifts_are_right(wanted, &aws.observed.rotations[0], aws.now));
    }

    /// The model that the status is written from says the same as AWS does, where AWS takes every start.
    #[test]
    fn the_projection_agrees_with_aws(desired in wanted(3), observed in there()) {
        let records = Records::of(&observed);
        let mut aws = Aws { observed: observed.clone(), past: Past::Taken, made: 0, now: now() };
        let mut projected = (observed.schedule.is_some() || !observed.rotations.is_empty()).then_some(observed);
        for change in records.plan(&desired, &aws) {
            let id = aws.send(&change);
            projected = project(projected, &desired, &change, id.as_deref());
        }
        prop_assert_eq!(projected, Some(aws.observed));
    }

    /// No change names a field that is as it should be already; none is sent without one.
    #[test]
    fn nothing_unchanged_is_touched(desired in wanted(3), observed in there()) {
        let records = Records::of(&observed);
        let aws = Aws { observed: observed.clone(), past: Past::Taken, made: 0, now: now() };
        for change in records.plan(&desired, &aws) {
            match change {
                Change::UpdateRotation { arn, settings, fields, with_start, .. } => {
                    let there = &observed.rotation(&arn).unwrap().settings;
                    prop_assert!(!fields.is_empty());
                    prop_assert_eq!(with_start, there.start != settings.start);
                    for field in fields {
                        let same = match field {
                            "contactRefs" => there.members == settings.members,
                            "startTime" => there.start == settings.start,
                            "timeZone" => there.zone == settings.zone,
                            "coverage" => there.coverage == settings.coverage,
                            _ => there.recurrence == settings.recurrence && there.shift_length == settings.shift_length
                                && there.number_on_call == settings.number_on_call,
                        };
                        prop_assert!(!same, "{field}");
                    }
                }
                Change::UpdateSchedule { display_name, rotations, .. } => {
                    let schedule = observed.schedule.as_ref().unwrap();
                    prop_assert_ne!(display_name.as_ref(), Some(&schedule.display_name));
                    if let Some(links) = rotations {
                        let mut same: Vec<Link> = schedule.rotations.iter().map(|a| Link::Arn(a.clone())).collect();
                        let mut links = links;
                        let key = |l: &Link| format!("{l:?}");
                        same.sort_by_key(key);
                        links.sort_by_key(key);
                        prop_assert_ne!(links, same);
                    }
                }
                _ => {}
            }
        }
    }

    /// Rotations that nobody told us about stay, whatever the manifest says.
    #[test]
    fn what_is_not_ours_is_never_deleted(desired in wanted(3), observed in there(), gone in any::<bool>()) {
        let records = Records::of(&observed);
        let aws = Aws { observed: observed.clone(), past: Past::Taken, made: 0, now: now() };
        let changes = if gone { plan_delete(&observed) } else { records.plan(&desired, &aws) };
        for change in changes {
            if let Change::DeleteRotation { arn, .. } = change {
                prop_assert!(observed.rotation(&arn).unwrap().ours, "{arn}");
            }
        }
    }

    /// The order of hand-offs, windows and rotations means nothing.
    #[test]
    fn order_means_nothing_where_it_means_nothing(settings in settings(3)) {
        let wanted = wanted_of("k", "r", &settings);
        let mut turned = settings.clone();
        match &mut turned.recurrence {
            Recurrence::Daily(all) => all.reverse(),
            Recurrence::Weekly(all) => all.reverse(),
            Recurrence::Monthly(all) => all.reverse(),
        }
        turned.coverage.reverse();
        let found = ObservedRotation {
            arn: "x".to_owned(), name: "r".to_owned(), ours: true, rotation: Rotation::new(turned.clone()).ok(), settings: turned,
            overrides: vec![], tags: None, confirmation: None,
        };
        prop_assert_eq!(edit(&wanted, &found, Rollout::Immediate, true, now()), Edit::Nothing);
    }
}
