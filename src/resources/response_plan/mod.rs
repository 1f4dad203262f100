//! `ResponsePlan`: glue between the engine and the pure files of this room.

pub mod aws;
pub mod desired;
pub mod findings;
pub mod observed;
pub mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use tokio_util::sync::CancellationToken;

use crate::api::ResponsePlan;
use crate::api::common::{CommonSpec, ResolvedReference};
use crate::api::conditions::Reason;
use crate::api::response_plan::{Engagement, Impact, ResponsePlanStatus, ResponsePlanSummary};
use crate::aws::{
    CallError, ErrorClass, Operation, SECRET_REFUSED, Session, TOPIC_REFUSED, arn, incidents,
};
use crate::engine::object::{ManagedObject, managed_object};
use crate::engine::ownership::TagPlan;
use crate::engine::references::{Named, Reference, Resolved, resolve, revoked, unresolved};
use crate::engine::store::ObjectStore;
use crate::engine::{
    Applied, Error, ExternalObject, ExternalResource, Memory, Provider, Report, Reported, Shared,
    Sight,
};
use crate::resources::escalation_plan::findings::Unreachable;
use crate::resources::escalation_plan::unreachable;
use desired::{Desired, Place};
use observed::Observed;
use plan::{Change, PLAN_SLOT};

managed_object!(ResponsePlan, ResponsePlanStatus, "ResponsePlan", |spec|
suspended: spec.common.suspend.unwrap_or(false),
accepted: spec.common.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(spec.common.provider_config_ref.as_ref().map_or("default", |r| r.name.as_str()));
fn references(&self) -> Vec<Reference> {
    let engaged = self.spec.engagements.iter().flatten();
    engaged.filter_map(|e| reference(e, self.namespace().as_deref())).collect()
}
fn alias(&self) -> Option<String> {
    // A space of names of its own: no alias of a contact has a slash.
    Some(format!("response-plan/{}", desired::name(self)))
});

impl ExternalObject for ResponsePlan {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
}

/// How old a list may be that many plans share.
const LONGEST_LIST_AGE: Duration = Duration::from_secs(240);
/// How soon a plan is looked at again of which something is amiss or open, that only AWS knows the end of.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(60);
/// How old what is known of the replication set may be.
const REPLICATION_SET_KNOWN: Duration = Duration::from_secs(3600);
/// When a secret is tried again: Secrets Manager may only have had a bad moment.
const RETRY_SECRET: Duration = Duration::from_secs(300);

/// What an engagement of a plan in `namespace` names.
pub fn reference(engagement: &Engagement, namespace: Option<&str>) -> Option<Reference> {
    const PERSON: &[&str] = &[crate::api::Contact::KIND];
    const SCHEDULE: &[&str] = &[crate::api::OnCallSchedule::KIND];
    const PLAN: &[&str] = &[crate::api::EscalationPlan::KIND];
    const ANY: &[&str] = &[
        crate::api::Contact::KIND,
        crate::api::OnCallSchedule::KIND,
        crate::api::EscalationPlan::KIND,
    ];
    for (reference, kinds) in [
        (&engagement.escalation_plan_ref, PLAN),
        (&engagement.on_call_schedule_ref, SCHEDULE),
        (&engagement.contact_ref, PERSON),
    ] {
        if let Some(reference) = reference {
            return Some(Reference::new(reference, namespace, kinds));
        }
    }
    Some(Reference {
        named: Named::Arn(engagement.arn.clone()?),
        kinds: ANY,
        holds: true,
    })
}

/// A store of plans.
pub type Store = Arc<ObjectStore<DeserializeGuard<ResponsePlan>>>;

/// The kind `ResponsePlan`.
#[derive(Clone)]
pub struct ResponsePlans {
    /// Where those who are engaged are looked up.
    pub shared: Arc<Shared>,
    /// All plans.
    pub plans: Store,
}

/// What the references of a plan stand for, and where it is.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// Those who are engaged.
    pub targets: BTreeMap<Reference, Resolved>,
    /// Where it is.
    pub place: Place,
}

/// What the cluster says about a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Those who are engaged and whom nobody can reach now.
    pub unreachable: Vec<Unreachable>,
    /// Topics of the chat channel that other plans use, with the names of those.
    pub shared_topics: Vec<(String, String)>,
}

impl ExternalResource for ResponsePlans {
    type Object = ResponsePlan;
    type References = References;
    type Desired = Desired;
    type Observed = Observed;
    type Change = Change;
    type Surroundings = Surroundings;

    const SLOT: &'static str = PLAN_SLOT;

    fn identity(object: &ResponsePlan, provider: &Provider) -> String {
        let placement = &provider.account.config.placement;
        arn::response_plan_arn(
            arn::partition(&placement.region),
            placement,
            &desired::name(object),
        )
        .to_string()
    }

    fn display_name(object: &ResponsePlan) -> String {
        format!(
            "a response plan with the name \"{}\"",
            desired::name(object)
        )
    }

    fn desired(
        object: &ResponsePlan,
        references: &References,
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

    fn permit(desired: &Desired, _: Option<&Observed>, changes: &[Change]) -> Result<(), Error> {
        plan::permit_role(desired, changes)
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

    fn must_observe_after(change: &Change) -> bool {
        // What they are, and whether they are there, is not known of those who were not engaged before.
        plan::engages_others(change)
    }

    fn arn(observed: &Observed) -> String {
        observed.arn.clone()
    }

    fn items(_: &Desired, observed: &Observed) -> Vec<(String, String)> {
        vec![(PLAN_SLOT.to_owned(), observed.arn.clone())]
    }

    fn is_wanted(_: &Desired, slot: &str) -> bool {
        slot == PLAN_SLOT
    }

    fn explain(error: &CallError) -> Option<Error> {
        explain(error)
    }

    fn report(reported: Reported<'_, Self>, status: &mut ResponsePlanStatus) -> Report {
        let Reported {
            object,
            desired,
            observed,
            surroundings,
            now,
        } = reported;
        status.alarm_action_arn = observed.map(|o| o.arn.clone());
        if let Some(observed) = observed {
            show(observed, status);
        } else {
            status.open_incidents = None;
            status.dangling_engagements.clear();
        }
        status.summary = Some(ResponsePlanSummary {
            name: desired.name.clone(),
            title: desired.content.title.clone(),
            impact: Impact::from_number(desired.content.impact)
                .map_or_else(String::new, |i| i.as_str().to_owned()),
            engages: desired.engages.clone(),
            open_incidents: status.open_incidents.map(|n| n.to_string()),
        });
        let restless =
            !status.dangling_engagements.is_empty() || status.open_incidents.is_some_and(|n| n > 0);
        Report {
            findings: findings::findings(&findings::Checked {
                plan: object,
                desired,
                observed,
                unreachable: &surroundings.unreachable,
                shared_topics: &surroundings.shared_topics,
            }),
            next_edge: restless.then(|| now.checked_add(LOOK_AGAIN).ok()).flatten(),
            ..Report::default()
        }
    }

    fn records(references: &References) -> Vec<ResolvedReference> {
        let records: BTreeSet<_> = references.targets.values().map(Resolved::record).collect();
        records.into_iter().collect()
    }

    fn caveat(references: &References) -> Option<Error> {
        revoked(references.targets.values())
    }

    fn surroundings(&self, object: &ResponsePlan, _: Option<&Observed>) -> Surroundings {
        let named: BTreeSet<Named> = object.references().into_iter().map(|r| r.named).collect();
        let found = named
            .iter()
            .filter_map(|named| self.shared.directory.find(named));
        let nobody: BTreeSet<Unreachable> = found.filter_map(|view| unreachable(&*view)).collect();
        Surroundings {
            unreachable: nobody.into_iter().collect(),
            shared_topics: self.shared_topics(object),
        }
    }

    async fn resolve(
        &self,
        shared: &Shared,
        provider: &Provider,
        object: &ResponsePlan,
    ) -> Result<References, Error> {
        let key = object.key();
        let recorded = object
            .status
            .as_ref()
            .map_or(&[][..], |s| &s.common.references);
        let mut targets = BTreeMap::new();
        let mut problems = vec![];
        for reference in object.references() {
            if targets.contains_key(&reference) {
                continue;
            }
            match resolve(shared, provider, &key, recorded, &reference).await? {
                Ok(found) => {
                    targets.insert(reference, found);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if let Some(error) = unresolved(&problems) {
            return Err(error);
        }
        let set = provider
            .account
            .replication_set(
                REPLICATION_SET_KNOWN,
                object.priority(),
                CancellationToken::new(),
            )
            .await?;
        let placement = &provider.account.config.placement;
        Ok(References {
            targets,
            place: Place {
                provider: provider.name.clone(),
                account_id: placement.account_id.clone(),
                region: placement.region.clone(),
                regions: set
                    .into_iter()
                    .flat_map(|s| s.regions.into_keys())
                    .collect(),
                pass_roles: provider
                    .spec
                    .pass_role_arns
                    .iter()
                    .flatten()
                    .cloned()
                    .collect(),
            },
        })
    }

    async fn observe(&self, sight: Sight<'_, Self>) -> Result<Option<Observed>, CallError> {
        let list_age = (self.shared.settings.drift_interval / 2).min(LONGEST_LIST_AGE);
        aws::observe(sight.session, sight.identity, list_age).await
    }

    async fn read_tags(
        &self,
        session: &Session,
        observed: &mut Observed,
    ) -> Result<Option<BTreeMap<String, String>>, CallError> {
        incidents::tags(session, &observed.arn).await.map(Some)
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

impl ResponsePlans {
    /// Topics of the chat channel that other plans use, with the names of those.
    fn shared_topics(&self, object: &ResponsePlan) -> Vec<(String, String)> {
        let topics = |plan: &ResponsePlan| -> BTreeSet<String> {
            let chat = plan.spec.chat_channel.iter();
            chat.flat_map(|c| c.chatbot_sns.iter().cloned()).collect()
        };
        let own = topics(object);
        let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        if own.is_empty() {
            return vec![];
        }
        for guard in self.plans.filter(|_| true) {
            let Ok(other) = &guard.0 else { continue };
            if other.key() == object.key() {
                continue;
            }
            let namespace = other.namespace().unwrap_or_default();
            let name = format!("{namespace}/{}", other.name_any());
            for topic in topics(other).intersection(&own) {
                users.entry(topic.clone()).or_default().insert(name.clone());
            }
        }
        let listed = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        users
            .into_iter()
            .map(|(topic, names)| (topic, listed(names)))
            .collect()
    }
}

/// Shows what is known elsewhere in AWS; what could not be read this time stays as it was.
fn show(observed: &Observed, status: &mut ResponsePlanStatus) {
    if let Some(open) = observed.open_incidents {
        status.open_incidents = i64::try_from(open).ok();
    }
    if observed.engaged.unread.is_none() {
        status.dangling_engagements = observed.dangling();
    } else {
        let engaged = &observed.content.engagements;
        status.dangling_engagements.retain(|a| engaged.contains(a));
    }
}

/// What a refusal means that has a reason of its own. Pure.
fn explain(error: &CallError) -> Option<Error> {
    let writes = matches!(
        error.operation,
        Operation::CreateResponsePlan | Operation::UpdateResponsePlan
    );
    if !writes {
        return None;
    }
    if error.class == ErrorClass::NotFound {
        return Some(Error::unresolved(
            Reason::ReferenceNotFound,
            format!(
                "{error}: something that this plan names is not there. See whether AWS has everybody in engagements"
            ),
        ));
    }
    if error.class != ErrorClass::Invalid {
        return None;
    }
    match error.detail.as_deref() {
        Some(TOPIC_REFUSED) => Some(Error::refused(
            Reason::ChatTopicPermissionDenied,
            format!(
                "{}: AWS could not publish a test message to a topic of chatChannel. Let ssm-incidents.amazonaws.com do sns:Publish in the topic's policy, with a condition on aws:SourceAccount, and see that the topic exists; an encrypted topic needs its key's policy to allow it, too",
                error.operation
            ),
        )),
        Some(SECRET_REFUSED) => Some(Error::Stalled {
            reason: Reason::PagerDutySecretInvalid,
            message: format!(
                "{}: AWS could not read the secret of pagerDuty.secretId. It has to be in this account and Region, hold pagerDutyToken, pagerDutyServiceRegion and pagerDutyFromEmail, and be encrypted with a customer managed key; the secret's and the key's policies have to allow ssm-incidents.amazonaws.com, and the operator's role needs secretsmanager:GetSecretValue. The docs of ResponsePlan list the six causes",
                error.operation
            ),
            retry: RETRY_SECRET,
        }),
        _ => None,
    }
}
