//! `EscalationPlan`: glue between the engine and the pure files of this room.

pub mod aws;
pub mod desired;
pub mod findings;
pub mod observed;
pub mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt;

use crate::api::EscalationPlan;
use crate::api::common::{CommonSpec, ResolvedReference};
use crate::api::conditions::ConditionType;
use crate::api::escalation_plan::{EscalationPlanStatus, EscalationPlanSummary, EscalationTarget};
use crate::aws::{CallError, Session, contacts};
use crate::engine::directory::View;
use crate::engine::object::{ManagedObject, managed_object};
use crate::engine::ownership::TagPlan;
use crate::engine::references::{Named, Reference, Resolved, resolve, revoked, unresolved};
use crate::engine::{
    Applied, Error, ExternalObject, ExternalResource, Memory, Provider, Report, Reported, Shared,
    Sight, status,
};
use crate::resources::alias;
use desired::Desired;
use findings::Unreachable;
use observed::Observed;
use plan::{Change, PLAN_SLOT};

managed_object!(EscalationPlan, EscalationPlanStatus, "EscalationPlan", |spec|
suspended: spec.common.suspend.unwrap_or(false),
accepted: spec.common.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(spec.common.provider_config_ref.as_ref().map_or("default", |r| r.name.as_str()));
fn references(&self) -> Vec<Reference> {
    let targets = self.spec.stages.iter().flat_map(|s| s.targets.iter().flatten());
    targets.filter_map(|t| reference(t, self.namespace().as_deref())).collect()
}
fn alias(&self) -> Option<String> {
    Some(desired::alias(self))
});

impl ExternalObject for EscalationPlan {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
}

/// What a target of a plan in `namespace` names.
pub fn reference(target: &EscalationTarget, namespace: Option<&str>) -> Option<Reference> {
    const PERSON: &[&str] = &[crate::api::Contact::KIND];
    const SCHEDULE: &[&str] = &[crate::api::OnCallSchedule::KIND];
    const EITHER: &[&str] = &[crate::api::Contact::KIND, crate::api::OnCallSchedule::KIND];
    if let Some(person) = &target.contact_ref {
        return Some(Reference::new(person, namespace, PERSON));
    }
    if let Some(schedule) = &target.on_call_schedule_ref {
        return Some(Reference::new(schedule, namespace, SCHEDULE));
    }
    Some(Reference {
        named: Named::Arn(target.arn.clone()?),
        kinds: EITHER,
        holds: true,
    })
}

/// The kind `EscalationPlan`.
#[derive(Clone)]
pub struct EscalationPlans {
    /// Where targets are looked up.
    pub shared: Arc<Shared>,
}

/// What the references of a plan stand for.
pub type Resolutions = BTreeMap<Reference, Resolved>;

impl ExternalResource for EscalationPlans {
    type Object = EscalationPlan;
    type References = Resolutions;
    type Desired = Desired;
    type Observed = Observed;
    type Change = Change;
    type Surroundings = Vec<Unreachable>;

    const SLOT: &'static str = PLAN_SLOT;

    fn identity(object: &EscalationPlan, provider: &Provider) -> String {
        alias::arn(provider, &desired::alias(object))
    }

    fn display_name(object: &EscalationPlan) -> String {
        format!(
            "an escalation plan with the alias \"{}\"",
            desired::alias(object)
        )
    }

    fn desired(
        object: &EscalationPlan,
        references: &Resolutions,
        tags: BTreeMap<String, String>,
    ) -> Result<Desired, Error> {
        desired::desired(object, references, tags)
    }

    fn plan(
        desired: &Desired,
        observed: Option<&Observed>,
        _: Memory<'_>,
    ) -> Result<Vec<Change>, Error> {
        Ok(plan::plan(desired, observed))
    }

    fn tag_changes(
        plan: &TagPlan,
        _: Option<(&Desired, &BTreeMap<String, String>)>,
        _: Option<&Observed>,
    ) -> Vec<Change> {
        let set = (!plan.set.is_empty()).then(|| Change::SetTags(plan.set.clone()));
        let remove = (!plan.remove.is_empty()).then(|| Change::RemoveTags(plan.remove.clone()));
        set.into_iter().chain(remove).collect()
    }

    fn plan_delete(_: &Observed) -> Vec<Change> {
        vec![Change::Delete]
    }

    fn project(
        observed: Option<Observed>,
        _: &Desired,
        change: &Change,
        id: Option<&str>,
    ) -> Option<Observed> {
        plan::project(observed, change, id)
    }

    fn arn(observed: &Observed) -> String {
        observed.arn.clone()
    }

    fn other_type(observed: &Observed) -> Option<String> {
        let other = observed.other_type.as_ref()?;
        Some(alias::taken(&observed.alias, other))
    }

    fn items(_: &Desired, observed: &Observed) -> Vec<(String, String)> {
        vec![(PLAN_SLOT.to_owned(), observed.arn.clone())]
    }

    fn is_wanted(_: &Desired, slot: &str) -> bool {
        slot == PLAN_SLOT
    }

    fn report(reported: Reported<'_, Self>, status: &mut EscalationPlanStatus) -> Report {
        let Reported {
            object,
            desired,
            surroundings,
            now,
            ..
        } = reported;
        status.summary = Some(EscalationPlanSummary {
            alias: desired.alias.clone(),
            stages: desired.stages.len().to_string(),
            first: desired.first.clone(),
        });
        Report {
            findings: findings::findings(&findings::Checked {
                plan: object,
                desired,
                unreachable: surroundings,
                now,
            }),
            next_edge: findings::review_due(object).filter(|due| *due > now),
            ..Report::default()
        }
    }

    fn records(references: &Resolutions) -> Vec<ResolvedReference> {
        let records: BTreeSet<_> = references.values().map(Resolved::record).collect();
        records.into_iter().collect()
    }

    fn caveat(references: &Resolutions) -> Option<Error> {
        revoked(references.values())
    }

    fn surroundings(&self, object: &EscalationPlan, _: Option<&Observed>) -> Vec<Unreachable> {
        let named: BTreeSet<Named> = object.references().into_iter().map(|r| r.named).collect();
        let found = named
            .iter()
            .filter_map(|named| self.shared.directory.find(named));
        let unreachable: BTreeSet<Unreachable> =
            found.filter_map(|view| unreachable(&*view)).collect();
        unreachable.into_iter().collect()
    }

    async fn resolve(
        &self,
        shared: &Shared,
        provider: &Provider,
        object: &EscalationPlan,
    ) -> Result<Resolutions, Error> {
        let key = object.key();
        let recorded = object
            .status
            .as_ref()
            .map_or(&[][..], |s| &s.common.references);
        let mut resolved = Resolutions::new();
        let mut problems = vec![];
        for reference in object.references() {
            if resolved.contains_key(&reference) {
                continue;
            }
            match resolve(shared, provider, &key, recorded, &reference).await? {
                Ok(found) => {
                    resolved.insert(reference, found);
                }
                Err(problem) => problems.push(problem),
            }
        }
        match unresolved(&problems) {
            Some(error) => Err(error),
            None => Ok(resolved),
        }
    }

    async fn observe(&self, sight: Sight<'_, Self>) -> Result<Option<Observed>, CallError> {
        aws::observe(sight.session, sight.identity).await
    }

    async fn read_tags(
        &self,
        session: &Session,
        observed: &mut Observed,
    ) -> Result<Option<BTreeMap<String, String>>, CallError> {
        contacts::tags(session, &observed.arn).await.map(Some)
    }

    async fn apply(
        &self,
        session: &Session,
        identity: &str,
        change: &Change,
        token: &str,
        _: &BTreeMap<String, String>,
    ) -> Result<Applied, CallError> {
        aws::apply(session, identity, change, token).await
    }
}

/// Whether nobody can be reached by engaging `target` now, as far as its own status says.
pub fn unreachable(target: &dyn View) -> Option<Unreachable> {
    let key = target.key();
    let why = if key.kind == EscalationPlan::KIND {
        let nobody = target.common()?.findings.iter();
        let mut nobody = nobody.filter(|f| f.id == "NobodyEngaged");
        nobody
            .next()
            .map(|_| "none of its stages engages anybody. See its finding NobodyEngaged")
    } else if key.kind == crate::api::Contact::KIND {
        (target.detail() == "No").then_some(
            "no activated channel is in its engagement plan. A ChannelActivation activates one",
        )
    } else {
        let reachable = status::condition(target.common()?, ConditionType::OnCallReachable);
        reachable
            .is_some_and(|c| c.status == "False")
            .then_some("nobody who is on call now can be paged. See its condition OnCallReachable")
    };
    let namespace = key.namespace.as_deref().unwrap_or_default();
    Some(Unreachable {
        name: format!("{} {namespace}/{}", key.kind, key.name),
        why: why?,
    })
}
