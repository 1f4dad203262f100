//! Who is on call before and after an edit of a schedule, for a plan. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::OnCallSchedules;
use super::desired::DesiredRotation;
use super::observed::{Observed, ObservedRotation};
use super::on_call::Surroundings;
use super::plan::{Edit, alias_of, edit, match_rotations};
use crate::engine::Prospect;
use crate::schedule::{Outlook, Stretch, spliced};

/// What `status` and plans call people, by ARN; as [`Surroundings`] has it before and after.
type Names = BTreeMap<String, String>;

/// By rotation: those of the manifest in its order, then others that the schedule uses or has used.
pub fn outlooks(prospect: &Prospect<'_, OnCallSchedules>) -> Vec<Outlook> {
    let Prospect {
        desired,
        before,
        after,
        window,
        ..
    } = prospect;
    let names = names(
        [*before, *after]
            .into_iter()
            .flatten()
            .map(|(_, around)| around),
    );
    let (before, after) = (before.map(|(o, _)| o), after.map(|(o, _)| o));
    let recorded = |slot: &str| {
        let items = &prospect.applied.items;
        items.iter().find(|i| i.slot == slot).map(|i| i.id.clone())
    };
    let used = |observed: Option<&Observed>, found: &ObservedRotation| {
        observed.is_some_and(|o| o.uses(&found.arn))
    };
    let was = before.map(|o| match_rotations(desired, o, recorded));
    let will_be = after.map(|o| match_rotations(desired, o, recorded));
    let mut outlooks = vec![];
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for wanted in &desired.rotations {
        let was = was.as_ref().and_then(|m| m.get(&wanted.key).copied());
        let will_be = will_be.as_ref().and_then(|m| m.get(&wanted.key).copied());
        told.extend(was.into_iter().chain(will_be).map(|r| r.arn.as_str()));
        let old = was.filter(|r| used(before, r));
        let new = will_be.filter(|r| used(after, r));
        let after = new.map(|found| coming(prospect, wanted, found, &names));
        outlooks.push(Outlook {
            rotation: wanted.key.clone(),
            zone: wanted.settings.zone.clone(),
            window: *window,
            before: old.map_or(Some(vec![]), |found| stretches(prospect, found, &names)),
            after: after.unwrap_or(Some(vec![])),
        });
    }
    let others = before.iter().chain(&after).flat_map(|o| o.used());
    for other in others {
        if !told.insert(&other.arn) {
            continue;
        }
        let there = |observed: Option<&Observed>| {
            let found = observed.and_then(|o| o.rotation(&other.arn));
            let found = found.filter(|r| used(observed, r));
            found.map_or(Some(vec![]), |found| stretches(prospect, found, &names))
        };
        outlooks.push(Outlook {
            rotation: other.name.clone(),
            zone: other.settings.zone.clone(),
            window: *window,
            before: there(before),
            after: there(after),
        });
    }
    outlooks
}

/// Who is on call in a rotation whose edit may wait for the end of a shift.
fn coming(
    prospect: &Prospect<'_, OnCallSchedules>,
    wanted: &DesiredRotation,
    found: &ObservedRotation,
    names: &Names,
) -> Option<Vec<Stretch<String>>> {
    let now = stretches(prospect, found, names)?;
    let items = &prospect.applied.items;
    let held = items.iter().any(|i| i.id == found.arn);
    let rollout = prospect.desired.rollout;
    let Edit::At(at) = edit(wanted, found, rollout, held, prospect.now) else {
        return Some(now);
    };
    let then = wanted.rotation.stretches(&found.overrides, prospect.window);
    Some(spliced(
        now,
        at,
        then.iter().map(|s| named(s, names)).collect(),
    ))
}

fn stretches(
    prospect: &Prospect<'_, OnCallSchedules>,
    found: &ObservedRotation,
    names: &Names,
) -> Option<Vec<Stretch<String>>> {
    let rotation = found.rotation.as_ref()?;
    let stretches = rotation.stretches(&found.overrides, prospect.window);
    Some(stretches.iter().map(|s| named(s, names)).collect())
}

fn named(stretch: &Stretch<String>, names: &Names) -> Stretch<String> {
    let name = |arn: &String| {
        names
            .get(arn)
            .map_or(alias_of(arn), String::as_str)
            .to_owned()
    };
    Stretch {
        interval: stretch.interval,
        people: stretch.people.iter().map(name).collect(),
    }
}

/// One name for each person, before and after: where two would have the same one, their aliases tell them apart.
fn names<'a>(surroundings: impl Iterator<Item = &'a Surroundings>) -> Names {
    let mut names = Names::new();
    for (arn, person) in surroundings.flat_map(|around| &around.people) {
        names.insert(arn.clone(), person.label.clone());
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for label in names.values() {
        *seen.entry(label.clone()).or_default() += 1;
    }
    names.retain(|_, label| seen.get(label) == Some(&1));
    names
}
