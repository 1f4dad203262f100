//! `RotationOverride`: glue between the engine and the pure files of this room.
//!
//! AWS gives overrides neither names nor tags, and no way to change one. What is ours is known by the ids in the status; what was begun and
//! not written down any more is found by its content ([`observed::Slot`]). What AWS has already and nobody has recorded is gone on with,
//! not made twice: after a rebuild it is our own, and nothing tells that from what was made by hand. So it counts as adopted.

pub mod aws;
pub mod claims;
pub mod desired;
pub mod observed;
pub mod plan;
pub mod report;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::api::{DeleteParams, Preconditions};
use kube::core::DeserializeGuard;

use crate::api::common::{AppliedStatus, CommonSpec, ResolvedReference};
use crate::api::conditions::Reason;
use crate::api::rotation_override::{OverridePhase, RotationOverrideStatus};
use crate::api::{OnCallSchedule, RotationOverride};
use crate::aws::{Arn, CallError, ErrorClass, Operation, Session};
use crate::engine::object::{ManagedObject, age, managed_object};
use crate::engine::ownership::TagPlan;
use crate::engine::references::{Named, Reference, Resolved, resolve, revoked, unresolved};
use crate::engine::store::ObjectStore;
use crate::engine::{
    Applied, Error, ExternalObject, ExternalResource, Memory, Provider, Report, Reported, Shared,
    Sight,
};
use crate::schedule::Interval;
use claims::Claims;
use desired::{Desired, References};
use observed::{Observed, Slot};
use plan::Change;

/// Kinds that may be on call.
const PERSON: &[&str] = &[crate::api::Contact::KIND];
/// Kinds that have rotations.
const SCHEDULE: &[&str] = &[OnCallSchedule::KIND];

managed_object!(RotationOverride, RotationOverrideStatus, "RotationOverride", |spec|
suspended: spec.common.suspend.unwrap_or(false),
accepted: spec.common.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(spec.common.provider_config_ref.as_ref().map_or("default", |r| r.name.as_str()));
const URGENT: bool = true;
fn references(&self) -> Vec<Reference> {
    // What is over holds nobody back.
    if self.status.as_ref().is_some_and(|s| s.phase == Some(OverridePhase::Completed)) {
        return vec![];
    }
    let namespace = self.namespace();
    let schedule = Reference {
        named: Named::Object {
            kind: OnCallSchedule::KIND,
            namespace: namespace.clone(),
            name: self.spec.schedule_ref.name.clone(),
        },
        kinds: SCHEDULE,
        holds: true,
    };
    let people = desired::people(&self.spec);
    let people = people.map(|p| Reference::new(p, namespace.as_deref(), PERSON));
    std::iter::once(schedule).chain(people).collect()
});

impl ExternalObject for RotationOverride {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
}

/// The kind `RotationOverride`.
pub struct RotationOverrides {
    /// Where people are looked up.
    pub shared: Arc<Shared>,
    /// Where rotations are looked up.
    pub schedules: Arc<ObjectStore<DeserializeGuard<OnCallSchedule>>>,
    /// Who else makes overrides.
    pub overrides: Arc<ObjectStore<DeserializeGuard<RotationOverride>>>,
    /// Who has just gone on with what AWS had.
    pub claims: Claims,
}

/// Rotations by the manifest's name, with their ARNs as far as AWS has them.
type Rotations = Vec<(String, Option<String>)>;

impl RotationOverrides {
    /// The schedule, as messages name it, and those of its rotations that `object` is about.
    fn rotations(&self, object: &RotationOverride) -> Result<(String, Rotations), Error> {
        let namespace = object.namespace();
        let name = &object.spec.schedule_ref.name;
        let label = format!(
            "OnCallSchedule {}/{name}",
            namespace.as_deref().unwrap_or_default()
        );
        let missing =
            |what: &str| Error::unresolved(Reason::ReferenceNotFound, format!("{label} {what}"));
        let guard = self
            .schedules
            .get(namespace.as_deref(), name)
            .ok_or_else(|| missing("does not exist (yet)"))?;
        let schedule = guard.0.as_ref().map_err(|_| missing("cannot be read"))?;
        if !schedule.is_vouched_for() {
            // A backup knows rotations that are somebody else's by now.
            return Err(missing(
                "is not this object's in AWS (yet): see its conditions",
            ));
        }
        let known = schedule.status.iter().flat_map(|s| &s.rotations);
        let known: BTreeMap<&str, &String> = known
            .filter_map(|r| Some((r.name.as_str(), r.arn.as_ref()?)))
            .collect();
        let all = schedule.spec.rotations.iter().flatten();
        let names: Vec<&str> = all.map(|r| r.name.as_str()).collect();
        let waiting =
            |what: String| Error::waiting(Reason::RotationNotFound, format!("{label} {what}"));
        let concerned = match object.spec.rotation.as_deref() {
            Some(one) if names.contains(&one) => vec![one],
            Some(one) => {
                return Err(waiting(format!(
                    "has no rotation \"{one}\" (yet); it has {}",
                    if names.is_empty() {
                        "none".to_owned()
                    } else {
                        names.join(", ")
                    }
                )));
            }
            None if names.is_empty() => return Err(waiting("has no rotations (yet)".to_owned())),
            None => names,
        };
        let rotations = concerned.into_iter();
        let rotations = rotations.map(|n| (n.to_owned(), known.get(n).map(|arn| (*arn).clone())));
        Ok((label, rotations.collect()))
    }

    /// Whether an elder object has recorded the override with this id: a copy brings the status of the original along.
    fn is_elders(&self, object: &RotationOverride, id: &str) -> bool {
        self.is_recorded(id, |other| {
            other.key() != object.key() && age(&other.metadata) < age(&object.metadata)
        })
    }

    /// Whether another object has recorded the override with this id.
    fn is_taken(&self, object: &RotationOverride, id: &str) -> bool {
        self.is_recorded(id, |other| other.key() != object.key())
    }

    fn is_recorded(&self, id: &str, by: impl Fn(&RotationOverride) -> bool) -> bool {
        let has = |guard: &DeserializeGuard<RotationOverride>| {
            guard.0.as_ref().is_ok_and(|other| {
                let applied = other
                    .status
                    .as_ref()
                    .and_then(|s| s.common.applied.as_ref());
                let mut items = applied.into_iter().flat_map(|a| &a.items);
                by(other) && items.any(|i| i.id == id)
            })
        };
        !self.overrides.filter(has).is_empty()
    }
}

/// What the status has recorded as made, by id.
fn made(applied: Option<&AppliedStatus>) -> BTreeMap<String, Slot> {
    let items = applied.into_iter().flat_map(|a| &a.items);
    items
        .filter_map(|i| Some((i.id.clone(), Slot::parse(&i.slot)?)))
        .collect()
}

impl ExternalResource for RotationOverrides {
    type Object = RotationOverride;
    type References = References;
    type Desired = Desired;
    type Observed = Observed;
    type Change = Change;
    /// What people are called, by ARN.
    type Surroundings = BTreeMap<String, String>;

    const IDENTITY_IS_OURS: bool = true;
    const NOTHING_LEFT: &'static str = "AWS has nothing of it that is not over";
    /// No resource of its own: there are only parts.
    const SLOT: &'static str = "";

    fn identity(object: &RotationOverride, _: &Provider) -> String {
        object.key().identity()
    }

    fn display_name(object: &RotationOverride) -> String {
        format!(
            "an override of the schedule \"{}\"",
            object.spec.schedule_ref.name
        )
    }

    fn desired(
        object: &RotationOverride,
        references: &References,
        _: BTreeMap<String, String>,
    ) -> Result<Desired, Error> {
        desired::desired(object, references)
    }

    fn plan(
        desired: &Desired,
        observed: Option<&Observed>,
        memory: Memory<'_>,
    ) -> Result<Vec<Change>, Error> {
        plan::plan(desired, observed, memory)
    }

    fn tag_changes(
        _: &TagPlan,
        _: Option<(&Desired, &BTreeMap<String, String>)>,
        _: Option<&Observed>,
    ) -> Vec<Change> {
        vec![]
    }

    fn plan_delete(observed: &Observed) -> Vec<Change> {
        plan::plan_delete(observed)
    }

    fn project(
        observed: Option<Observed>,
        _: &Desired,
        change: &Change,
        id: Option<&str>,
    ) -> Option<Observed> {
        plan::project(observed, change, id)
    }

    fn must_observe_after(change: &Change) -> bool {
        // It may have begun later than it was to, and what it replaces goes only after that.
        matches!(change, Change::Create { part, planned, .. } if part.time.start <= *planned)
    }

    fn arn(_: &Observed) -> String {
        String::new()
    }

    fn items(_: &Desired, observed: &Observed) -> Vec<(String, String)> {
        let ours = observed.ours.iter();
        ours.map(|own| (own.slot.to_string(), own.found.id.clone()))
            .collect()
    }

    fn is_wanted(_: &Desired, _: &str) -> bool {
        // What was made and is not there was lost, wanted or not.
        true
    }

    fn foretell(
        desired: &Desired,
        _: &[Change],
        status: &mut RotationOverrideStatus,
        _: Timestamp,
    ) {
        // The start of an override that has none of its own, before anything in AWS begins with it.
        if !desired.over {
            status.start_time = Some(crate::engine::api_time(desired.time.start));
            status.end_time = Some(crate::engine::api_time(desired.time.end));
        }
    }

    fn report(reported: Reported<'_, Self>, status: &mut RotationOverrideStatus) -> Report {
        let mut names = reported.surroundings.clone();
        names.extend(reported.desired.names.clone());
        report::report(
            reported.desired,
            reported.observed,
            &names,
            status,
            reported.now,
            &reported.object.spec.common,
        )
    }

    fn tick(
        object: &RotationOverride,
        status: &mut RotationOverrideStatus,
        now: Timestamp,
    ) -> Option<Timestamp> {
        report::tick(object, status, now)
    }

    fn unfinished(desired: &Desired, observed: Option<&Observed>, now: Timestamp) -> Option<Error> {
        report::unfinished(desired, observed, now)
    }

    fn well(desired: &Desired, _: Timestamp) -> (Reason, String) {
        if desired.over {
            let message = "it is over; an edit changes nothing any more".to_owned();
            return (Reason::Completed, message);
        }
        (Reason::InSync, "AWS holds what the spec says".to_owned())
    }

    fn records(references: &References) -> Vec<ResolvedReference> {
        references.people.values().map(Resolved::record).collect()
    }

    fn caveat(references: &References) -> Option<Error> {
        revoked(references.people.values())
    }

    fn surroundings(
        &self,
        object: &RotationOverride,
        observed: Option<&Observed>,
    ) -> BTreeMap<String, String> {
        let ours = observed.into_iter().flat_map(|o| &o.ours);
        let people = ours.flat_map(|own| own.found.members.iter());
        let named = people.filter_map(|arn| {
            let key = self.shared.directory.by_arn(arn)?.key();
            let name = match &key.namespace {
                Some(namespace) if key.namespace != object.namespace() => {
                    format!("{namespace}/{}", key.name)
                }
                _ => key.name,
            };
            Some((arn.clone(), name))
        });
        named.collect()
    }

    async fn resolve(
        &self,
        shared: &Shared,
        provider: &Provider,
        object: &RotationOverride,
    ) -> Result<References, Error> {
        let mut references = References {
            now: shared.clock.now(),
            schedule: String::new(),
            rotations: vec![],
            people: BTreeMap::new(),
        };
        if desired::is_over(object, references.now) {
            return Ok(references);
        }
        (references.schedule, references.rotations) = self.rotations(object)?;
        let place = &provider.account.config.placement;
        let elsewhere = |(_, arn): &&(String, Option<String>)| {
            let arn = arn.as_deref().and_then(|arn| Arn::parse(arn).ok());
            arn.is_some_and(|arn| !arn.is_in(place))
        };
        if references.rotations.iter().find(elsewhere).is_some() {
            return Err(Error::invalid(format!(
                "{} is in another account or Region than ProviderConfig \"{}\"",
                references.schedule, provider.name
            )));
        }
        let recorded = object
            .status
            .as_ref()
            .map(|s| s.common.references.as_slice());
        let namespace = object.namespace();
        let mut problems = vec![];
        for person in desired::people(&object.spec) {
            let reference = Reference::new(person, namespace.as_deref(), PERSON);
            let key = object.key();
            let recorded = recorded.unwrap_or_default();
            match resolve(shared, provider, &key, recorded, &reference).await? {
                Ok(resolved) => {
                    references.people.insert(person.clone(), resolved);
                }
                Err(problem) => problems.push(problem),
            }
        }
        unresolved(&problems).map_or(Ok(references), Err)
    }

    async fn observe(&self, sight: Sight<'_, Self>) -> Result<Option<Observed>, CallError> {
        let Sight {
            session,
            object,
            status,
            now,
            ..
        } = sight;
        let deleting = object.metadata.deletion_timestamp.is_some();
        let over = desired::is_over(object, now);
        let mut made = made(status.common.applied.as_ref());
        made.retain(|id, _| !self.is_elders(object, id));
        let begun = status.common.pending.iter();
        let begun: Vec<(Slot, Timestamp)> = begun
            .filter_map(|p| Some((Slot::parse(&p.slot)?, p.since.0)))
            .collect();
        let time = desired::time_of(object, now);
        let unsettled = !begun.is_empty() || made.values().any(|slot| slot.time.end > now);
        let early = made.is_empty() && !desired::is_near(time.start, now);
        let mut observed = if (over || early || deleting) && !unsettled {
            Observed {
                ours: made
                    .iter()
                    .map(|(id, slot)| aws::unread(id, slot))
                    .collect(),
                ..Observed::default()
            }
        } else {
            let rotations = if over || deleting {
                vec![]
            } else {
                let found = self.rotations(object).map(|(_, r)| r).unwrap_or_default();
                found
                    .into_iter()
                    .filter_map(|(name, arn)| Some((name, arn?)))
                    .collect()
            };
            let is_taken = |id: &str| self.is_taken(object, id);
            let wanted = aws::Wanted {
                rotations,
                time: Interval::new(time.start, time.end.max(later(time.start))),
                made,
                begun,
                is_taken: &is_taken,
                now,
            };
            aws::observe(session, &wanted).await?
        };
        observed.told.clone_from(&status.overrides);
        if deleting {
            // History stays.
            observed.ours.retain(|own| own.found.end > now);
            aws::leave_to_others(session, sight.claimant, &mut observed).await?;
            return Ok((!observed.ours.is_empty()).then_some(observed));
        }
        Ok(Some(observed))
    }

    async fn read_tags(
        &self,
        _: &Session,
        _: &mut Observed,
    ) -> Result<Option<BTreeMap<String, String>>, CallError> {
        Ok(None)
    }

    async fn publish(
        &self,
        shared: &Shared,
        object: &RotationOverride,
        _: &RotationOverrideStatus,
        status: &RotationOverrideStatus,
    ) -> Result<(), Error> {
        let due = report::expires(object, status);
        let finished = status.phase == Some(OverridePhase::Completed);
        if !finished || object.suspended() || due.is_none_or(|at| at > shared.clock.now()) {
            return Ok(());
        }
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: object.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let api = RotationOverride::api(shared.client.clone(), object.namespace().as_deref());
        match api.delete(&object.name_any(), &parameters).await {
            Ok(_) => Ok(()),
            // Gone, or another of the same name.
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn apply(
        &self,
        session: &Session,
        identity: &str,
        change: &Change,
        token: &str,
        _: &BTreeMap<String, String>,
    ) -> Result<Applied, CallError> {
        if let Change::GoOn { found, .. } = change
            && !self.claims.take(&found.id, identity)
        {
            // The other one's status says so at once, and the next pass sees it: there is nothing to wait for, and nothing has failed.
            let lost = CallError::new(Operation::ListRotationOverrides, ErrorClass::GaveWay);
            return Err(lost.with_detail("another RotationOverride goes on with it"));
        }
        aws::apply(session, change, token).await
    }
}

/// A window to look at has a length.
fn later(at: Timestamp) -> Timestamp {
    Interval::lasting(at, SignedDuration::from_mins(30)).end
}
