//! Mirrored incidents: `ResponsePlan.spec.mirrorIncidents` shows what alarms, rules and people have opened as `Incident` objects.

pub mod decide;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams, Preconditions};
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};

use crate::api::conditions::Reason;
use crate::api::incident::{IncidentPhase, IncidentSpec};
use crate::api::reference::ProviderConfigReference;
use crate::api::response_plan::MirrorIncidents;
use crate::api::{Incident, MIRRORED_LABEL, ResponsePlan};
use crate::aws::records;
use crate::engine::object::{FIELD_MANAGER, ManagedObject};
use crate::engine::scheduler::{ObjectKey, Pass, Requeue, Runner};
use crate::engine::store::ObjectStore;
use crate::engine::{Error, Shared, events};
use crate::resources::incident::observed::digest;
use crate::resources::once::{poll, reach};
use decide::{Changes, Facts, decide};

/// Under this name the plans that mirror are queued beside their own passes.
pub const KIND: &str = "IncidentMirror";
/// How often it is looked for new incidents; the lists are shared by all plans of an account.
const POLL: Duration = Duration::from_secs(30);
/// A shared list may be so old.
const LISTED: Duration = Duration::from_secs(10);

/// The objects of a kind.
type Store<K> = Arc<ObjectStore<DeserializeGuard<K>>>;

/// Shows incidents of response plans.
pub struct Mirrors {
    shared: Arc<Shared>,
    plans: Store<ResponsePlan>,
    incidents: Store<Incident>,
    failures: Mutex<HashMap<ObjectKey, u32>>,
    /// How many each plan leaves out, as last told.
    left_out: Mutex<HashMap<ObjectKey, usize>>,
}

/// What is to be woken when a response plan changes.
pub fn key(plan: &impl ResourceExt) -> ObjectKey {
    ObjectKey {
        kind: KIND,
        namespace: plan.namespace(),
        name: plan.name_any(),
    }
}

/// What makes it look again: that it is wanted, in which bounds, and of what.
pub fn trigger(plan: &ResponsePlan) -> (Option<MirrorIncidents>, bool, Option<String>) {
    let arn = plan.status.as_ref().and_then(|s| s.common.arn.clone());
    (
        plan.spec.mirror_incidents.clone(),
        plan.suspended() || plan.metadata.deletion_timestamp.is_some(),
        arn,
    )
}

impl Mirrors {
    /// New.
    pub fn new(
        shared: Arc<Shared>,
        plans: Store<ResponsePlan>,
        incidents: Store<Incident>,
    ) -> Self {
        Self {
            shared,
            plans,
            incidents,
            failures: Mutex::default(),
            left_out: Mutex::default(),
        }
    }

    async fn pass(&self, key: ObjectKey, pass: Pass) -> Requeue {
        let guard = self.plans.get(key.namespace.as_deref(), &key.name);
        let Some(plan) = guard.as_ref().and_then(|g| g.0.as_ref().ok()) else {
            return Requeue::OnChange;
        };
        let result = self.mirror(plan, &pass).await;
        let failures = {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            match &result {
                Ok(_) => failures.remove(&key).map_or(0, |_| 0),
                Err(error) if error.is_silent() => 1,
                Err(_) => {
                    let count = failures.entry(key.clone()).or_default();
                    *count = count.saturating_add(1);
                    *count
                }
            }
        };
        match result {
            Ok(requeue) => requeue,
            Err(error) => {
                if !error.is_silent() {
                    tracing::info!(object = %plan.key(), %error, failures, "incidents are not mirrored");
                    // What passes by itself is nobody's business.
                    if failures == 1
                        && !error.is_transient()
                        && let Some(reason) = error.reason()
                    {
                        let note = format!("mirrorIncidents: {error}");
                        events::warning(&self.shared, plan, reason, &note).await;
                    }
                }
                error.requeue(failures)
            }
        }
    }

    async fn mirror(&self, plan: &ResponsePlan, pass: &Pass) -> Result<Requeue, Error> {
        let (wanted, stands_back, arn) = trigger(plan);
        if stands_back {
            return Ok(Requeue::OnChange);
        }
        let shown = self.shown_for(plan);
        let Some(bounds) = wanted else {
            for object in shown.values() {
                self.remove(object).await?;
            }
            return Ok(Requeue::OnChange);
        };
        let Some(arn) = arn else {
            return Ok(Requeue::OnChange);
        };
        let status = plan.status.clone().unwrap_or_default();
        let (provider, session, _) = reach(&self.shared, plan, &status, pass).await?;
        let now = self.shared.clock.now();
        let longest = self.longest_age(&provider.name).max(age(&bounds));
        let after = now.checked_sub(longest).unwrap_or(Timestamp::MIN);
        let recent = records::recent(&session, after, LISTED).await?;
        let open = records::open(&session, LISTED).await?;
        let changes = decide(&Facts {
            plan_arn: &arn,
            records: recent.records.iter().chain(&open.0).collect(),
            taken: self.taken(&shown),
            starting_since: self.starting_since(plan, &arn),
            shown: shown.keys().cloned().collect(),
            max_age: age(&bounds),
            max_count: usize::try_from(bounds.count()).unwrap_or(0),
            now,
        });
        let left_out = changes.left_out;
        self.apply(plan, &shown, changes).await?;
        self.tell_left_out(plan, left_out, bounds.count()).await;
        Ok(poll(&self.shared, POLL))
    }

    async fn apply(
        &self,
        plan: &ResponsePlan,
        shown: &BTreeMap<String, Incident>,
        changes: Changes,
    ) -> Result<(), Error> {
        for arn in &changes.remove {
            if let Some(object) = shown.get(arn) {
                self.remove(object).await?;
            }
        }
        let api: Api<Incident> = Api::namespaced(
            self.shared.client.clone(),
            &plan.namespace().unwrap_or_default(),
        );
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        for arn in changes.create {
            match api.create(&parameters, &object_for(plan, &arn)).await {
                Ok(_) => {}
                // It is there, and the watch has not seen it yet.
                Err(kube::Error::Api(status)) if status.is_already_exists() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Says once that there are more than may be shown; an Event, since nothing is wrong with the plan.
    async fn tell_left_out(&self, plan: &ResponsePlan, left_out: usize, count: i32) {
        let told = {
            let mut all = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
            if left_out == 0 {
                all.remove(&plan.key());
                return;
            }
            all.insert(plan.key(), left_out)
        };
        if told.is_none() {
            let note = format!(
                "mirrorIncidents.maxCount is {count}: {left_out} more incidents of this plan are not shown; open ones and the newest are"
            );
            events::warning(&self.shared, plan, Reason::NotAllShown, &note).await;
        }
    }

    async fn remove(&self, object: &Incident) -> Result<(), Error> {
        let api = Incident::api(self.shared.client.clone(), object.namespace().as_deref());
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: object.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match api.delete(&object.name_any(), &parameters).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The objects that were made for this plan, by ARN.
    fn shown_for(&self, plan: &ResponsePlan) -> BTreeMap<String, Incident> {
        let uid = plan.uid();
        let made_for_it = |incident: &Incident| {
            incident.namespace() == plan.namespace()
                && incident.labels().contains_key(MIRRORED_LABEL)
                && incident
                    .owner_references()
                    .iter()
                    .any(|o| Some(&o.uid) == uid.as_ref())
        };
        let found = self
            .incidents
            .filter(|g| g.0.as_ref().is_ok_and(made_for_it));
        found
            .iter()
            .filter_map(|g| g.0.as_ref().ok())
            .filter_map(|i| Some((i.spec.incident_arn.clone()?, i.clone())))
            .collect()
    }

    /// ARNs that other objects stand for, wherever they are.
    fn taken(&self, shown: &BTreeMap<String, Incident>) -> BTreeSet<String> {
        let ours: BTreeSet<Option<String>> = shown.values().map(ResourceExt::uid).collect();
        let others = self.incidents.filter(|g| !ours.contains(&g.meta().uid));
        others
            .iter()
            .filter_map(|g| g.0.as_ref().ok())
            .filter(|i| i.metadata.deletion_timestamp.is_none())
            // Those of other plans that mirror the same are no objects of users.
            .filter(|i| !i.labels().contains_key(MIRRORED_LABEL))
            .filter_map(|i| {
                let shown = i.status.as_ref().and_then(|s| s.common.arn.clone());
                shown.or_else(|| i.spec.incident_arn.clone())
            })
            .collect()
    }

    /// When the first of those objects has recorded its intention that start an incident from this plan and do not know what came of it.
    fn starting_since(&self, plan: &ResponsePlan, arn: &str) -> Option<Timestamp> {
        let name = plan.name_any();
        let starting = self.incidents.filter(|g| {
            g.0.as_ref().is_ok_and(|incident| {
                let phase = incident.status.as_ref().and_then(|s| s.phase);
                let unknown = matches!(
                    phase,
                    Some(IncidentPhase::Starting | IncidentPhase::StartUnknown)
                );
                let of_plan = incident.spec.response_plan_ref.as_ref().is_some_and(|r| {
                    r.arn.as_deref() == Some(arn) || r.name.as_deref() == Some(name.as_str())
                });
                unknown && of_plan
            })
        });
        starting
            .iter()
            .filter_map(|g| {
                g.0.as_ref()
                    .ok()?
                    .status
                    .as_ref()?
                    .start_recorded_at
                    .as_ref()
            })
            .map(|t| t.0)
            .min()
    }

    /// The longest time for which any plan that uses this ProviderConfig shows incidents.
    fn longest_age(&self, provider: &str) -> SignedDuration {
        let plans = self.plans.filter(|g| {
            g.0.as_ref()
                .is_ok_and(|p| p.provider_config() == Some(provider))
        });
        plans
            .iter()
            .filter_map(|g| g.0.as_ref().ok()?.spec.mirror_incidents.as_ref())
            .map(age)
            .max()
            .unwrap_or_default()
    }
}

fn age(bounds: &MirrorIncidents) -> SignedDuration {
    SignedDuration::from_hours(i64::from(bounds.hours()))
}

/// The object that shows an incident. Its name is the same whenever it is made.
fn object_for(plan: &ResponsePlan, arn: &str) -> Incident {
    let name = plan.name_any();
    let stem: String = name.chars().take(200).collect();
    let hash = digest(&[arn]);
    let mut object = Incident::new(
        &format!("{}-{}", stem.trim_end_matches(['-', '.']), &hash[..10]),
        IncidentSpec {
            response_plan_ref: None,
            start_deadline: None,
            incident_arn: Some(arn.to_owned()),
            title: None,
            impact: None,
            related_items: None,
            resolve: None,
            on_delete: None,
            provider_config_ref: plan.provider_config().map(|name| ProviderConfigReference {
                name: name.to_owned(),
            }),
            management_policy: plan.spec.common.management_policy,
            suspend: None,
            tags: None,
            accepted_findings: None,
        },
    );
    object.metadata = ObjectMeta {
        namespace: plan.namespace(),
        labels: Some(BTreeMap::from([(
            MIRRORED_LABEL.to_owned(),
            "true".to_owned(),
        )])),
        owner_references: Some(vec![OwnerReference {
            api_version: ResponsePlan::api_version(&()).into_owned(),
            kind: ResponsePlan::KIND.to_owned(),
            name,
            uid: plan.uid().unwrap_or_default(),
            controller: Some(true),
            block_owner_deletion: None,
        }]),
        ..object.metadata
    };
    object
}

impl Runner for Mirrors {
    fn run(&self, key: ObjectKey, pass: Pass) -> BoxFuture<'_, Requeue> {
        Box::pin(self.pass(key, pass))
    }
}
