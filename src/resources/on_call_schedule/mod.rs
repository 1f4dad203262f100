//! `OnCallSchedule`: glue between the engine and the pure files of this room.

pub mod aws;
pub mod desired;
mod export;
pub mod findings;
pub mod observed;
pub mod on_call;
pub mod outlook;
pub mod plan;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use tokio::time::Instant;

use crate::api::common::{AppliedStatus, CommonSpec, ResolvedReference};
use crate::api::conditions::{ConditionType, Reason};
use crate::api::on_call_schedule::{
    OnCallScheduleStatus, OnMemberDeletion, Rollout, RotationStatus, UnmanagedRotation,
};
use crate::api::reference::ObjectReference;
use crate::api::{Contact, OnCallSchedule, RotationOverride};
use crate::aws::{CallError, Session, tag};
use crate::engine::object::{ManagedObject, managed_object};
use crate::engine::ownership::TagPlan;
use crate::engine::references::{self, Reference, Unresolved};
use crate::engine::store::ObjectStore;
use crate::engine::{
    Applied, Error, ExternalObject, ExternalResource, Memory, Prospect, Provider, Report, Reported,
    Shared, Sight, api_time, status,
};
use crate::resources::alias;
use crate::schedule::Outlook;
use desired::{Desired, Members};
use observed::Observed;
use on_call::{Person, Surroundings};
use plan::{Change, Edit, SCHEDULE_SLOT, edit, match_rotations, rotation_slot};

/// Kinds that may be members of a rotation.
const PERSON: &[&str] = &[crate::api::Contact::KIND];

managed_object!(OnCallSchedule, OnCallScheduleStatus, "OnCallSchedule", |spec|
suspended: spec.common.suspend.unwrap_or(false),
accepted: spec.common.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(spec.common.provider_config_ref.as_ref().map_or("default", |r| r.name.as_str()));
fn references(&self) -> Vec<Reference> {
    let namespace = self.namespace();
    let rotations = self.spec.rotations.iter().flatten();
    let members = rotations.flat_map(|r| r.contact_refs.iter().map(move |m| (r.name.as_str(), m)));
    members
        .map(|(rotation, member)| {
            let reference = Reference::new(member, namespace.as_deref(), PERSON);
            // Who was taken out because they were deleted is held back no longer, and in again when they come back.
            if was_removed(self, rotation, member) { reference.letting_go() } else { reference }
        })
        .collect()
}
fn detail(&self) -> String {
    // Overrides are made for the ARNs of rotations and for whom these have on shift, as AWS has them. Escalation plans show whether
    // anybody can be reached.
    let rotations = self.status.iter().flat_map(|s| &s.rotations);
    let rotations = rotations.map(|r| (&r.name, &r.arn, &r.rollout_at));
    let observed = self.status.as_ref().and_then(|s| s.common.observed_generation);
    let reachable = self.status.as_ref().and_then(|s| Some(s.summary.as_ref()?.reachable.as_str()));
    let ours = self.is_vouched_for();
    format!("{:?} {observed:?} {:?} {reachable:?} {ours}", self.metadata.generation, rotations.collect::<Vec<_>>())
}
fn alias(&self) -> Option<String> {
    Some(desired::alias(self))
});

impl ExternalObject for OnCallSchedule {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
}

/// How a manifest names a member, for the status: `name`, `namespace/name` or an ARN.
pub fn member_name(member: &ObjectReference) -> String {
    match (&member.namespace, &member.name, &member.arn) {
        (Some(namespace), Some(name), _) => format!("{namespace}/{name}"),
        (None, Some(name), _) => name.clone(),
        (_, None, arn) => arn.clone().unwrap_or_default(),
    }
}

/// Whether `member` was taken out of `rotation` because their Contact was deleted.
fn was_removed(object: &OnCallSchedule, rotation: &str, member: &ObjectReference) -> bool {
    object.spec.on_member_deletion == Some(OnMemberDeletion::Remove)
        && object
            .status
            .iter()
            .flat_map(|s| &s.rotations)
            .filter(|r| r.name == rotation)
            .any(|r| r.removed_members.contains(&member_name(member)))
}

/// The kind `OnCallSchedule`.
pub struct OnCallSchedules {
    /// People, for their names and whether they can be paged.
    pub contacts: Arc<ObjectStore<DeserializeGuard<Contact>>>,
    /// Overrides, for who made what AWS has.
    pub overrides: Arc<ObjectStore<DeserializeGuard<RotationOverride>>>,
    /// When this process last wrote rotations of a schedule, by its ARN: older lists do not show that.
    written: Mutex<HashMap<String, Instant>>,
    /// ConfigMaps that are asked for no longer and perhaps still there, by the schedule's UID.
    stale: Mutex<HashMap<String, BTreeSet<String>>>,
}

impl OnCallSchedules {
    /// With the stores that the status is written from.
    pub fn new(
        contacts: Arc<ObjectStore<DeserializeGuard<Contact>>>,
        overrides: Arc<ObjectStore<DeserializeGuard<RotationOverride>>>,
    ) -> Self {
        Self {
            contacts,
            overrides,
            written: Mutex::default(),
            stale: Mutex::default(),
        }
    }

    /// Exports of before that are asked for no longer.
    fn stale_exports(
        &self,
        object: &OnCallSchedule,
        before: &OnCallScheduleStatus,
        status: &OnCallScheduleStatus,
    ) -> BTreeSet<String> {
        let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
        let uid = object.uid().unwrap_or_default();
        if before.exported_to != status.exported_to
            && let Some(name) = &before.exported_to
        {
            stale.entry(uid.clone()).or_default().insert(name.clone());
        }
        let mut names = stale.get(&uid).cloned().unwrap_or_default();
        names.retain(|name| Some(name) != status.exported_to.as_ref());
        names
    }

    fn withdrawn(&self, object: &OnCallSchedule, name: &str) {
        let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
        let uid = object.uid().unwrap_or_default();
        if let Some(names) = stale.get_mut(&uid) {
            names.remove(name);
            if names.is_empty() {
                stale.remove(&uid);
            }
        }
    }

    fn written_at(&self, arn: &str) -> Option<Instant> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.get(arn).copied()
    }

    fn note_write(&self, arn: &str) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(arn.to_owned(), Instant::now());
    }

    /// Who stands for each of `arns` here: by name, with the namespace where two have the same name.
    fn people(&self, arns: &BTreeSet<&str>) -> BTreeMap<String, Person> {
        let has = |contact: &Contact| {
            let arn = contact
                .status
                .as_ref()
                .and_then(|s| s.common.arn.as_deref());
            arn.is_some_and(|arn| arns.contains(arn))
        };
        let mut people = BTreeMap::new();
        let found = self.contacts.filter(|g| g.0.as_ref().is_ok_and(has));
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for guard in &found {
            *names.entry(guard.name_any()).or_default() += 1;
        }
        for guard in found {
            let Ok(contact) = &guard.0 else { continue };
            let Some(status) = &contact.status else {
                continue;
            };
            let name = contact.name_any();
            let label = match names.get(&name) {
                Some(2..) => format!("{}/{name}", contact.namespace().unwrap_or_default()),
                _ => name,
            };
            let summary = status.summary.as_ref();
            let person = Person {
                label,
                reachable: summary.map(|s| s.reachable == "Yes"),
            };
            if let Some(arn) = &status.common.arn {
                people.insert(arn.clone(), person);
            }
        }
        people
    }
}

impl ExternalResource for OnCallSchedules {
    type Object = OnCallSchedule;
    type References = Members;
    type Desired = Desired;
    type Observed = Observed;
    type Change = Change;
    type Surroundings = Surroundings;

    const SLOT: &'static str = SCHEDULE_SLOT;
    const KEEPS_OBSERVED: bool = true;

    fn identity(object: &OnCallSchedule, provider: &Provider) -> String {
        alias::arn(provider, &desired::alias(object))
    }

    fn display_name(object: &OnCallSchedule) -> String {
        format!(
            "an on-call schedule with the alias \"{}\"",
            desired::alias(object)
        )
    }

    fn desired(
        object: &OnCallSchedule,
        members: &Members,
        tags: BTreeMap<String, String>,
    ) -> Result<Desired, Error> {
        desired::desired(object, members, tags)
    }

    fn plan(
        desired: &Desired,
        observed: Option<&Observed>,
        memory: Memory<'_>,
    ) -> Result<Vec<Change>, Error> {
        Ok(plan::plan(desired, observed, memory))
    }

    fn tag_changes(
        plan: &TagPlan,
        wanted: Option<(&Desired, &BTreeMap<String, String>)>,
        observed: Option<&Observed>,
    ) -> Vec<Change> {
        let mut changes = vec![];
        let matched = wanted
            .zip(observed)
            .map(|((desired, _), observed)| match_rotations(desired, observed, |_| None));
        let named = |arn: &str| {
            let mut matched = matched.iter().flat_map(BTreeMap::values);
            matched.any(|r| r.arn == arn)
        };
        for rotation in observed.iter().flat_map(|o| &o.rotations) {
            // A rotation that is not in the manifest is not ours to mark, or about to go; let go of is whatever is ours.
            let marked = match wanted {
                Some(_) => named(&rotation.arn),
                None => rotation.ours,
            };
            let Some(tags) = rotation.tags.as_ref().filter(|_| marked) else {
                continue;
            };
            let all = wanted.iter().flat_map(|(_, tags)| *tags);
            let missing: BTreeMap<String, String> = all
                // Where it came from is told once and for all.
                .filter(|(key, _)| *key != tag::ORIGIN || !tags.contains_key(tag::ORIGIN))
                .filter(|(key, value)| tags.get(*key) != Some(*value))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            let extra: Vec<String> = plan
                .remove
                .iter()
                .filter(|key| tags.contains_key(*key))
                .cloned()
                .collect();
            if !missing.is_empty() {
                changes.push(Change::SetRotationTags {
                    arn: rotation.arn.clone(),
                    name: rotation.name.clone(),
                    tags: missing,
                });
            }
            if !extra.is_empty() {
                changes.push(Change::RemoveRotationTags {
                    arn: rotation.arn.clone(),
                    name: rotation.name.clone(),
                    keys: extra,
                });
            }
        }
        // The schedule comes last: its tags say what is to be taken off, also to whoever goes on after a crash.
        if observed.is_none_or(|o| o.schedule.is_some()) {
            if !plan.set.is_empty() {
                changes.push(Change::SetTags(plan.set.clone()));
            }
            if !plan.remove.is_empty() {
                changes.push(Change::RemoveTags(plan.remove.clone()));
            }
        }
        changes
    }

    fn plan_delete(observed: &Observed) -> Vec<Change> {
        plan::plan_delete(observed)
    }

    fn project(
        observed: Option<Observed>,
        desired: &Desired,
        change: &Change,
        id: Option<&str>,
    ) -> Option<Observed> {
        plan::project(observed, desired, change, id)
    }

    fn must_observe_after(change: &Change) -> bool {
        // AWS may keep another start than it was asked for, and what it has decides who is paged.
        matches!(
            change,
            Change::CreateRotation { .. } | Change::UpdateRotation { .. }
        )
    }

    fn arn(observed: &Observed) -> String {
        observed.arn.clone()
    }

    fn other_type(observed: &Observed) -> Option<String> {
        let other = observed.other_type.as_ref()?;
        Some(alias::taken(&observed.alias, other))
    }

    fn items(desired: &Desired, observed: &Observed) -> Vec<(String, String)> {
        let schedule = observed.schedule.iter();
        let schedule = schedule.map(|_| (SCHEDULE_SLOT.to_owned(), observed.arn.clone()));
        let matched = match_rotations(desired, observed, |_| None);
        let names = desired.rotations.iter().filter_map(|wanted| {
            let found = matched.get(&wanted.key)?;
            Some((rotation_slot(&wanted.name), found.arn.clone()))
        });
        schedule.chain(names).collect()
    }

    fn has(observed: &Observed, id: &str) -> bool {
        observed.arn == id || observed.rotation(id).is_some()
    }

    fn is_wanted(desired: &Desired, slot: &str) -> bool {
        let named = |name: &str| rotation_slot(name) == slot;
        slot == SCHEDULE_SLOT || desired.rotations.iter().any(|r| named(&r.name))
    }

    fn same_incarnation(observed: &Observed, applied: &AppliedStatus) -> bool {
        let recorded = |arn: &str| applied.items.iter().any(|i| i.id == arn);
        observed.used().any(|r| recorded(&r.arn))
    }

    fn foretell(
        desired: &Desired,
        changes: &[Change],
        status: &mut OnCallScheduleStatus,
        now: Timestamp,
    ) {
        for change in changes {
            let (name, requested, update) = match change {
                Change::CreateRotation { name, settings, .. } => {
                    (name, Some(settings.start), false)
                }
                Change::UpdateRotation {
                    name,
                    settings,
                    with_start,
                    ..
                } => (name, with_start.then_some(settings.start), true),
                _ => continue,
            };
            let Some(wanted) = desired.rotations.iter().find(|r| r.name == *name) else {
                continue;
            };
            let known = status.rotations.iter().position(|r| r.name == wanted.key);
            let index = known.unwrap_or_else(|| {
                status.rotations.push(RotationStatus {
                    name: wanted.key.clone(),
                    ..RotationStatus::default()
                });
                status.rotations.len() - 1
            });
            let entry = &mut status.rotations[index];
            // A start that only stands in for the manifest's is no request of its own.
            if requested == Some(wanted.settings.start) {
                entry.requested_start_time = Some(api_time(wanted.settings.start));
            }
            // What AWS makes of it is not known before it is read.
            if requested.is_some() {
                entry.effective_start_time = None;
            }
            entry.confirmed_for = None;
            entry.confirmed = None;
            if update {
                entry.changed_at = Some(api_time(now));
            }
        }
    }

    fn witness(
        object: &OnCallSchedule,
        observed: &Observed,
        surroundings: &Surroundings,
        status: &mut OnCallScheduleStatus,
        now: Timestamp,
    ) -> Report {
        let generation = object.metadata.generation;
        let target = desired::target(object).unwrap_or_default();
        on_call::describe(observed, &target, surroundings, status, generation, now).1
    }

    fn outlook(prospect: Prospect<'_, Self>) -> Vec<Outlook> {
        outlook::outlooks(&prospect)
    }

    fn records(members: &Members) -> Vec<ResolvedReference> {
        let all: BTreeSet<ResolvedReference> =
            members.all().map(references::Resolved::record).collect();
        all.into_iter().collect()
    }

    fn caveat(members: &Members) -> Option<Error> {
        references::revoked(members.all())
    }

    fn report(reported: Reported<'_, Self>, status: &mut OnCallScheduleStatus) -> Report {
        let Reported {
            object,
            desired,
            observed,
            surroundings,
            now,
        } = reported;
        let waiting = write_rotations(desired, observed, status, now);
        status.exported_to = object
            .spec
            .export
            .as_ref()
            .map(|e| e.config_map_name.clone());
        let generation = object.metadata.generation;
        let waits: Vec<String> = waiting
            .iter()
            .map(|(name, at, change)| {
                let at = on_call::second(*at);
                let what = match change {
                    Some(Change::UpdateRotation { fields, moves, .. }) => {
                        format!(" ({}: {moves})", fields.join(", "))
                    }
                    _ => String::new(),
                };
                format!("rotation \"{name}\" until {at}{what}")
            })
            .collect();
        for change in waiting.iter().filter_map(|(_, _, change)| change.as_ref()) {
            for pending in crate::engine::Change::pending(change) {
                if !status.common.pending_changes.contains(&pending) {
                    status.common.pending_changes.push(pending);
                }
            }
        }
        if waits.is_empty() {
            status::remove_condition(&mut status.common, ConditionType::RolloutPending);
        } else {
            let message = format!(
                "the edit waits for the end of the shift: {}",
                waits.join(", ")
            );
            status::set_condition(
                &mut status.common,
                generation,
                ConditionType::RolloutPending,
                Some(true),
                Reason::RolloutPending,
                &message,
                now,
            );
        }
        let described = observed.map(|observed| {
            on_call::describe(
                observed,
                &desired.target,
                surroundings,
                status,
                generation,
                now,
            )
        });
        let (worked, mut report) = match described {
            Some((worked, report)) => (Some(worked), report),
            None => (None, Report::default()),
        };
        report.findings = findings::findings(&findings::Checked {
            object,
            desired,
            observed,
            status,
            worked: worked.as_ref(),
            now,
        });
        report
    }

    fn surroundings(&self, object: &OnCallSchedule, observed: Option<&Observed>) -> Surroundings {
        let rotations = observed.iter().flat_map(|o| &o.rotations);
        let arns: BTreeSet<&str> = rotations
            .flat_map(|r| {
                let overrides = r.overrides.iter().flat_map(|o| &o.members);
                r.settings.members.iter().chain(overrides)
            })
            .map(String::as_str)
            .collect();
        let namespace = object.namespace();
        let name = object.name_any();
        let of_this = |one: &RotationOverride| {
            one.namespace() == namespace && one.spec.schedule_ref.name == name
        };
        let overrides = self.overrides.filter(|g| g.0.as_ref().is_ok_and(of_this));
        let made_by = overrides
            .iter()
            .filter_map(|g| g.0.as_ref().ok())
            .flat_map(|one| {
                let label = one.name_any();
                let applied = one.status.iter().flat_map(|s| &s.overrides);
                applied.map(move |o| (o.id.clone(), label.clone()))
            })
            .collect();
        Surroundings {
            people: self.people(&arns),
            made_by,
        }
    }

    async fn resolve(
        &self,
        shared: &Shared,
        provider: &Provider,
        object: &OnCallSchedule,
    ) -> Result<Self::References, Error> {
        let key = object.key();
        let namespace = object.namespace();
        let recorded = object.status.as_ref().map(|s| s.common.references.clone());
        let recorded = recorded.unwrap_or_default();
        let leavers_go = object.spec.on_member_deletion == Some(OnMemberDeletion::Remove);
        let mut members = Members::default();
        let mut problems: Vec<Unresolved> = vec![];
        for rotation in object.spec.rotations.iter().flatten() {
            let (mut staying, mut leaving, mut gone) = (vec![], vec![], vec![]);
            for member in &rotation.contact_refs {
                let reference = Reference::new(member, namespace.as_deref(), PERSON);
                let found =
                    references::resolve(shared, provider, &key, &recorded, &reference).await?;
                match found {
                    Ok(found) if leavers_go && found.leaving() => {
                        leaving.push((member_name(member), found));
                    }
                    Ok(found) => staying.push(found),
                    Err(problem)
                        if problem.missing && was_removed(object, &rotation.name, member) =>
                    {
                        gone.push(member_name(member));
                    }
                    Err(problem) => problems.push(problem),
                }
            }
            // Somebody has to remain.
            if staying.is_empty() {
                staying.extend(leaving.into_iter().map(|(_, found)| found));
            } else {
                gone.extend(leaving.into_iter().map(|(name, _)| name));
            }
            if staying.is_empty() && problems.is_empty() {
                problems.push(Unresolved {
                    reason: Reason::ReferenceNotFound,
                    message: format!(
                        "every member of rotation \"{}\" was deleted: put somebody into contactRefs",
                        rotation.name
                    ),
                    missing: true,
                });
            }
            gone.sort();
            gone.dedup();
            members.by_rotation.insert(rotation.name.clone(), staying);
            members.removed.insert(rotation.name.clone(), gone);
        }
        if let Some(error) = references::unresolved(&problems) {
            return Err(error);
        }
        Ok(members)
    }

    async fn observe(&self, sight: Sight<'_, Self>) -> Result<Option<Observed>, CallError> {
        aws::observe(sight, self.written_at(sight.identity)).await
    }

    async fn read_tags(
        &self,
        session: &Session,
        observed: &mut Observed,
    ) -> Result<Option<BTreeMap<String, String>>, CallError> {
        aws::read_tags(session, observed).await.map(Some)
    }

    async fn apply(
        &self,
        session: &Session,
        identity: &str,
        change: &Change,
        token: &str,
        ids: &BTreeMap<String, String>,
    ) -> Result<Applied, CallError> {
        self.note_write(identity);
        let applied = aws::apply(session, identity, change, token, ids).await;
        // A list that began while the call was under way may not show it either.
        self.note_write(identity);
        applied
    }

    async fn publish(
        &self,
        shared: &Shared,
        object: &OnCallSchedule,
        before: &OnCallScheduleStatus,
        status: &OnCallScheduleStatus,
    ) -> Result<(), Error> {
        export::metrics(shared, object, status);
        let stale = self.stale_exports(object, before, status);
        for name in &stale {
            export::withdraw(shared, object, name).await?;
            self.withdrawn(object, name);
        }
        export::publish(shared, object, status).await
    }
}

/// An edit that waits: the rotation's name in the manifest, until when, and what it will change then.
type Waiting = (String, Timestamp, Option<Change>);

/// What the status says of each rotation. Returns the edits that wait for the end of a shift.
fn write_rotations(
    desired: &Desired,
    observed: Option<&Observed>,
    status: &mut OnCallScheduleStatus,
    now: Timestamp,
) -> Vec<Waiting> {
    let items: Vec<(String, String)> = status
        .common
        .applied
        .iter()
        .flat_map(|a| &a.items)
        .map(|i| (i.slot.clone(), i.id.clone()))
        .collect();
    let recorded = |slot: &str| {
        let item = items.iter().find(|(s, _)| s == slot);
        item.map(|(_, id)| id.clone())
    };
    let matched = observed.map(|o| match_rotations(desired, o, recorded));
    let (mut rotations, mut waiting) = (vec![], vec![]);
    for wanted in &desired.rotations {
        let known = status.rotations.iter().find(|r| r.name == wanted.key);
        let mut entry = known.cloned().unwrap_or_else(|| RotationStatus {
            name: wanted.key.clone(),
            ..RotationStatus::default()
        });
        let found = matched.as_ref().and_then(|m| m.get(&wanted.key));
        entry.rollout_at = None;
        if let Some(found) = found {
            let held = found.ours || items.iter().any(|(_, id)| *id == found.arn);
            if let Edit::At(at) = edit(wanted, found, desired.rollout, held, now) {
                entry.rollout_at = Some(api_time(at));
                let then = match edit(wanted, found, Rollout::Immediate, false, at) {
                    Edit::Now(change) => Some(*change),
                    Edit::Nothing | Edit::At(_) => None,
                };
                waiting.push((wanted.key.clone(), at, then));
            }
            if let Some(confirmation) = &found.confirmation {
                entry.confirmed_for = Some(api_time(confirmation.for_));
                entry.confirmed = Some(confirmation.agrees);
            }
        }
        // Whoever is still in AWS, because the edit waits, is not taken out yet, and held back.
        let waits = entry.rollout_at.is_some();
        let before = std::mem::take(&mut entry.removed_members);
        let removed = wanted.removed.iter();
        let removed = removed.filter(|name| !waits || before.contains(name));
        entry.removed_members = removed.cloned().collect();
        entry.arn = found.map(|f| f.arn.clone());
        entry.effective_start_time = found.map(|f| api_time(f.settings.start));
        rotations.push(entry);
    }
    status.unmanaged_rotations = observed
        .iter()
        .flat_map(|o| o.used())
        .filter(|r| !rotations.iter().any(|e| e.arn.as_deref() == Some(&r.arn)))
        .map(|r| UnmanagedRotation {
            arn: r.arn.clone(),
            name: r.name.clone(),
        })
        .collect();
    status.rotations = rotations;
    waiting
}
