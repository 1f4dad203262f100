//! The operator's own engines without its watches and its queue: what they need to know is listed once.

use std::sync::Arc;
use std::time::Duration;

use kube::api::{ListParams, Patch, PatchParams};
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use kube::{Client, ResourceExt};
use serde_json::json;

use super::select::Item;
#[cfg(feature = "vpc-endpoints")]
use crate::api::VpcEndpoint;
use crate::api::{
    AlternateContact, Contact, EscalationPlan, FINALIZER, Incident, OnCallSchedule, ReplicationSet,
    ResponsePlan, RotationOverride, TestPage,
};
use crate::aws::Placement;
use crate::engine::clock::Clock;
use crate::engine::connect::rates;
use crate::engine::object::{ManagedObject, decode_leniently, dynamic_api};
use crate::engine::reconcile::Engine;
use crate::engine::scheduler::Requeue;
use crate::engine::store::ObjectStore;
use crate::engine::{Error, ExternalResource, Shared};
#[cfg(feature = "vpc-endpoints")]
use crate::resources::vpc_endpoint;
use crate::resources::{
    alternate_contact, contact, escalation_plan, on_call_schedule, replication_set, response_plan,
    rotation_override,
};

/// So often it is tried again what AWS throttled or the API server refused because of a race.
const ATTEMPTS: u32 = 8;
/// However often something failed, so long at most until the next attempt.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// What could not be read, and why.
pub type Unread = (String, kube::Error);

/// One engine for each kind that stands for something in AWS.
pub struct Engines {
    client: Client,
    contacts: Engine<contact::Contacts>,
    plans: Engine<escalation_plan::EscalationPlans>,
    response_plans: Engine<response_plan::ResponsePlans>,
    schedules: Engine<on_call_schedule::OnCallSchedules>,
    overrides: Engine<rotation_override::RotationOverrides>,
    sets: Engine<replication_set::ReplicationSets>,
    alternate_contacts: Engine<alternate_contact::AlternateContacts>,
    #[cfg(feature = "vpc-endpoints")]
    endpoints: Engine<vpc_endpoint::VpcEndpoints>,
}

impl Engines {
    /// For the objects of `namespace`, or of all. Without `with_aws` no ProviderConfig is needed.
    ///
    /// # Errors
    /// What was read, and what the API server says.
    pub async fn new(
        client: Client,
        namespace: Option<&str>,
        with_aws: bool,
    ) -> Result<Self, Unread> {
        let shared = Shared::of_command(client.clone(), "release", Clock::default(), true).await;
        let shared = Arc::new(shared);
        if with_aws {
            fill(&client, None, &shared.provider_configs).await?;
        }
        for guard in shared.provider_configs.filter(|_| true) {
            if let Ok(config) = &guard.0 {
                let placement = Placement::new(&config.spec.account_id, &config.spec.region);
                let name = config.name_any();
                shared
                    .limiter
                    .set_rates(&name, &placement, rates(&config.spec));
            }
        }
        let contacts = stored::<Contact>(&client, namespace, &shared).await?;
        let plans = stored::<EscalationPlan>(&client, namespace, &shared).await?;
        let response_plans = stored::<ResponsePlan>(&client, namespace, &shared).await?;
        let schedules = stored::<OnCallSchedule>(&client, namespace, &shared).await?;
        let overrides = stored::<RotationOverride>(&client, namespace, &shared).await?;
        let sets = stored::<ReplicationSet>(&client, None, &shared).await?;
        let alternate_contacts = stored::<AlternateContact>(&client, None, &shared).await?;
        #[cfg(feature = "vpc-endpoints")]
        let endpoints = stored::<VpcEndpoint>(&client, namespace, &shared).await?;
        Ok(Self {
            #[cfg(feature = "vpc-endpoints")]
            endpoints: Engine::new(
                shared.clone(),
                vpc_endpoint::VpcEndpoints::new(shared.clone()),
                endpoints,
            ),
            client,
            sets: Engine::new(
                shared.clone(),
                replication_set::ReplicationSets {
                    shared: shared.clone(),
                    sets: sets.clone(),
                },
                sets,
            ),
            alternate_contacts: Engine::new(
                shared.clone(),
                alternate_contact::AlternateContacts::new(
                    shared.clone(),
                    alternate_contacts.clone(),
                ),
                alternate_contacts,
            ),
            contacts: Engine::new(shared.clone(), contact::Contacts, contacts.clone()),
            plans: Engine::new(
                shared.clone(),
                escalation_plan::EscalationPlans {
                    shared: shared.clone(),
                },
                plans,
            ),
            response_plans: Engine::new(
                shared.clone(),
                response_plan::ResponsePlans {
                    shared: shared.clone(),
                    plans: response_plans.clone(),
                },
                response_plans,
            ),
            schedules: Engine::new(
                shared.clone(),
                on_call_schedule::OnCallSchedules::new(contacts, overrides.clone()),
                schedules.clone(),
            ),
            overrides: Engine::new(
                shared.clone(),
                rotation_override::RotationOverrides {
                    shared,
                    schedules,
                    overrides: overrides.clone(),
                    claims: rotation_override::claims::Claims::default(),
                },
                overrides,
            ),
        })
    }

    /// Lets go of an object. Answers with what was done.
    ///
    /// # Errors
    /// Why it was not let go.
    pub async fn let_go(&self, item: &Item, keep_tags: bool) -> Result<String, Error> {
        let mut attempt = 1;
        loop {
            let result = match item.kind {
                Contact::KIND => once(&self.client, &self.contacts, item, keep_tags).await,
                EscalationPlan::KIND => once(&self.client, &self.plans, item, keep_tags).await,
                ResponsePlan::KIND => {
                    once(&self.client, &self.response_plans, item, keep_tags).await
                }
                OnCallSchedule::KIND => once(&self.client, &self.schedules, item, keep_tags).await,
                RotationOverride::KIND => {
                    once(&self.client, &self.overrides, item, keep_tags).await
                }
                #[cfg(feature = "vpc-endpoints")]
                VpcEndpoint::KIND => once(&self.client, &self.endpoints, item, keep_tags).await,
                ReplicationSet::KIND => once(&self.client, &self.sets, item, keep_tags).await,
                AlternateContact::KIND => {
                    once(&self.client, &self.alternate_contacts, item, keep_tags).await
                }
                Incident::KIND => free::<Incident>(&self.client, item).await,
                TestPage::KIND => free::<TestPage>(&self.client, item).await,
                _ => return Ok("nothing to let go of".to_owned()),
            };
            match result {
                Err(error) if attempt < ATTEMPTS && (error.is_transient() || error.is_silent()) => {
                    let wait = match error.requeue(attempt) {
                        Requeue::Retry(after) => after,
                        _ => Duration::from_secs(1),
                    };
                    tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }
}

/// Takes the finalizer off what AWS keeps as it is.
async fn free<K: ManagedObject>(client: &Client, item: &Item) -> Result<String, Error> {
    let api = dynamic_api::<K>(client.clone(), item.namespace.as_deref());
    let Some(object) = api.get_opt(&item.name).await? else {
        return Ok("gone already".to_owned());
    };
    if object.uid() != item.uid {
        return Ok("it was made anew meanwhile: that one is left alone".to_owned());
    }
    let kept: Vec<&String> = object
        .finalizers()
        .iter()
        .filter(|f| *f != FINALIZER)
        .collect();
    if kept.len() < object.finalizers().len() {
        let patch =
            json!({"metadata": {"finalizers": kept, "resourceVersion": object.resource_version()}});
        let patched = api
            .patch(&item.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        match patched {
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            other => drop(other?),
        }
    }
    Ok("AWS keeps it as it is".to_owned())
}

async fn once<R: ExternalResource>(
    client: &Client,
    engine: &Engine<R>,
    item: &Item,
    keep_tags: bool,
) -> Result<String, Error> {
    let api = dynamic_api::<R::Object>(client.clone(), item.namespace.as_deref());
    let Some(raw) = api.get_opt(&item.name).await? else {
        return Ok("gone already".to_owned());
    };
    if raw.uid() != item.uid {
        return Ok("it was made anew meanwhile: that one is left alone".to_owned());
    }
    let read = serde_json::to_value(&raw).and_then(serde_json::from_value::<R::Object>);
    match read.ok().or_else(|| decode_leniently::<R::Object>(&raw)) {
        Some(object) => engine.let_go(object, keep_tags).await,
        None => Err(Error::invalid(
            "it cannot be read as the kind it is: install the CRDs that fit this version",
        )),
    }
}

async fn stored<K: ManagedObject>(
    client: &Client,
    namespace: Option<&str>,
    shared: &Shared,
) -> Result<Arc<ObjectStore<DeserializeGuard<K>>>, Unread> {
    let store = Arc::new(ObjectStore::new(K::KIND, 1));
    fill(client, namespace, &store).await?;
    shared.directory.register(store.clone());
    Ok(store)
}

async fn fill<K: ManagedObject>(
    client: &Client,
    namespace: Option<&str>,
    store: &ObjectStore<DeserializeGuard<K>>,
) -> Result<(), Unread> {
    let listed = K::guarded_api(client.clone(), namespace)
        .list(&ListParams::default())
        .await;
    let listed = match listed {
        Ok(listed) => listed,
        // No CRD, no objects.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
        Err(error) => return Err((format!("the list of {}", K::plural(&())), error)),
    };
    for object in listed {
        store.take(0, Event::Apply(object));
    }
    Ok(())
}
