//! What a plan is made from: the objects of the files and of the cluster, in the operator's own stores and engines.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::api::{Api, DynamicObject, ListParams, TypeMeta};
use kube::core::{ApiResource, DeserializeGuard};
use kube::runtime::watcher::Event;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::manifests::Identity;
#[cfg(feature = "vpc-endpoints")]
use crate::api::VpcEndpoint;
use crate::api::{
    AccessGrant, AlternateContact, Contact, EscalationPlan, GROUP, OnCallSchedule, ProviderConfig,
    ReplicationSet, ResponsePlan, RotationOverride, VERSION, crds,
};
use crate::aws::Placement;
use crate::engine::clock::Clock;
use crate::engine::connect::rates;
use crate::engine::object::ManagedObject;
use crate::engine::reconcile::Engine;
use crate::engine::scheduler::ObjectKey;
use crate::engine::store::ObjectStore;
use crate::engine::{Error, ExternalResource, Shared};
use crate::resources::channel_activation::ChannelActivations;
#[cfg(feature = "vpc-endpoints")]
use crate::resources::vpc_endpoint;
use crate::resources::{
    alternate_contact, contact, escalation_plan, on_call_schedule, replication_set, response_plan,
    rotation_override,
};

/// Objects by what tells them from others; all of our group.
pub type Objects = BTreeMap<Identity, Value>;

/// A store of a kind.
pub type Store<K> = Arc<ObjectStore<DeserializeGuard<K>>>;

/// A kind and where its objects are planned.
pub struct Room<R: ExternalResource> {
    /// Its engine.
    pub engine: Engine<R>,
    /// Its objects.
    pub store: Store<R::Object>,
}

/// Everything.
pub struct Scene {
    /// Replication sets.
    pub sets: Room<replication_set::ReplicationSets>,
    /// Alternate contacts of accounts.
    pub alternate_contacts: Room<alternate_contact::AlternateContacts>,
    /// People.
    pub contacts: Room<contact::Contacts>,
    /// Schedules.
    pub schedules: Room<on_call_schedule::OnCallSchedules>,
    /// Escalation plans.
    pub plans: Room<escalation_plan::EscalationPlans>,
    /// Response plans.
    pub response_plans: Room<response_plan::ResponsePlans>,
    /// VPC endpoints.
    #[cfg(feature = "vpc-endpoints")]
    pub endpoints: Room<vpc_endpoint::VpcEndpoints>,
    /// Overrides.
    pub overrides: Room<rotation_override::RotationOverrides>,
    /// Requests to activate.
    pub activations: ChannelActivations,
}

/// What may be set for a plan besides the objects.
pub struct Options {
    /// Objects may refer to objects of other namespaces, as far as AccessGrants allow it.
    pub cross_namespace_references: bool,
    /// AWS is read as who the environment says, not as the ProviderConfigs' roles.
    pub without_roles: bool,
    /// Where Secrets of cluster-scoped kinds are.
    pub operator_namespace: String,
    /// The time.
    pub clock: Clock,
}

impl Scene {
    /// Of `objects`, with `client` for everything else.
    pub async fn new(client: Client, objects: &Objects, options: Options) -> Self {
        let allowed = options.cross_namespace_references;
        // Its Events are never published.
        let mut shared = Shared::of_command(client, "plan", options.clock, allowed).await;
        shared.settings.own_namespace = options.operator_namespace;
        let shared = Arc::new(shared);
        for mut config in decoded::<ProviderConfig>(objects) {
            if options.without_roles
                && let Ok(config) = &mut config.0
            {
                config.spec.assume_role = None;
            }
            if let Ok(config) = &config.0 {
                let placement = Placement::new(&config.spec.account_id, &config.spec.region);
                shared
                    .limiter
                    .set_rates(&config.name_any(), &placement, rates(&config.spec));
            }
            shared.provider_configs.take(0, Event::Apply(config));
        }
        for value in of_kind(objects, "AccessGrant") {
            if let Ok(grant) = serde_json::from_value::<DeserializeGuard<AccessGrant>>(value) {
                shared.grants.take(0, Event::Apply(grant));
            }
        }
        let contacts = filled::<Contact>(&shared, objects);
        let plans = filled::<EscalationPlan>(&shared, objects);
        let response_plans = filled::<ResponsePlan>(&shared, objects);
        let schedules = filled::<OnCallSchedule>(&shared, objects);
        let overrides = filled::<RotationOverride>(&shared, objects);
        let sets = filled::<ReplicationSet>(&shared, objects);
        let alternate_contacts = filled::<AlternateContact>(&shared, objects);
        #[cfg(feature = "vpc-endpoints")]
        let endpoints = filled::<VpcEndpoint>(&shared, objects);
        Self {
            #[cfg(feature = "vpc-endpoints")]
            endpoints: Room {
                engine: Engine::new(
                    shared.clone(),
                    vpc_endpoint::VpcEndpoints::new(shared.clone()),
                    endpoints.clone(),
                ),
                store: endpoints,
            },
            sets: Room {
                engine: Engine::new(
                    shared.clone(),
                    replication_set::ReplicationSets {
                        shared: shared.clone(),
                        sets: sets.clone(),
                    },
                    sets.clone(),
                ),
                store: sets,
            },
            alternate_contacts: Room {
                engine: Engine::new(
                    shared.clone(),
                    alternate_contact::AlternateContacts::new(
                        shared.clone(),
                        alternate_contacts.clone(),
                    ),
                    alternate_contacts.clone(),
                ),
                store: alternate_contacts,
            },
            contacts: Room {
                engine: Engine::new(shared.clone(), contact::Contacts, contacts.clone()),
                store: contacts.clone(),
            },
            plans: Room {
                engine: Engine::new(
                    shared.clone(),
                    escalation_plan::EscalationPlans {
                        shared: shared.clone(),
                    },
                    plans.clone(),
                ),
                store: plans,
            },
            response_plans: Room {
                engine: Engine::new(
                    shared.clone(),
                    response_plan::ResponsePlans {
                        shared: shared.clone(),
                        plans: response_plans.clone(),
                    },
                    response_plans.clone(),
                ),
                store: response_plans,
            },
            schedules: Room {
                engine: Engine::new(
                    shared.clone(),
                    on_call_schedule::OnCallSchedules::new(contacts, overrides.clone()),
                    schedules.clone(),
                ),
                store: schedules.clone(),
            },
            overrides: Room {
                engine: Engine::new(
                    shared.clone(),
                    rotation_override::RotationOverrides {
                        shared: shared.clone(),
                        schedules,
                        overrides: overrides.clone(),
                        claims: rotation_override::claims::Claims::default(),
                    },
                    overrides.clone(),
                ),
                store: overrides,
            },
            activations: ChannelActivations::new(shared),
        }
    }
}

impl<R: ExternalResource> Room<R> {
    /// The object of this key, unless it does not decode.
    pub fn get(&self, namespace: Option<&str>, name: &str) -> Option<R::Object> {
        let guard = self.store.get(namespace, name)?;
        guard.0.as_ref().ok().cloned()
    }

    /// Lets those who refer to it see the object with the status that it is going to have.
    pub fn expect(&self, object: &R::Object, status: Value) {
        let Ok(mut value) = serde_json::to_value(object) else {
            return;
        };
        value["status"] = status;
        if let Ok(object) = serde_json::from_value::<DeserializeGuard<R::Object>>(value) {
            self.store.take(0, Event::Apply(object));
        }
    }
}

fn of_kind<'a>(objects: &'a Objects, kind: &'a str) -> impl Iterator<Item = Value> + 'a {
    let found = objects.iter().filter(move |(id, _)| id.kind == kind);
    found.map(|(_, value)| value.clone())
}

fn decoded<K: ManagedObject>(objects: &Objects) -> Vec<DeserializeGuard<K>> {
    of_kind(objects, K::KIND)
        .filter_map(|value| serde_json::from_value(value).ok())
        .collect()
}

fn filled<K: ManagedObject>(shared: &Shared, objects: &Objects) -> Store<K> {
    let store = Arc::new(ObjectStore::new(K::KIND, 1));
    for guard in decoded::<K>(objects) {
        if let Ok(object) = &guard.0 {
            let named = object.references().into_iter().map(|r| r.named).collect();
            shared.references.set(&object.key(), named);
        }
        store.take(0, Event::Apply(guard));
    }
    shared.directory.register(store.clone());
    store
}

/// What the cluster has of our kinds; where not all namespaces may be listed, what `namespaces` hold.
///
/// # Errors
/// What was listed, and what the API server says.
pub async fn live(client: &Client, namespaces: &[String]) -> Result<Objects, (String, Error)> {
    let mut objects = Objects::new();
    for crd in crds() {
        let names = crd.spec.names;
        let resource = ApiResource {
            group: GROUP.to_owned(),
            version: VERSION.to_owned(),
            api_version: format!("{GROUP}/{VERSION}"),
            kind: names.kind,
            plural: names.plural,
        };
        let everywhere: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let mut apis = vec![everywhere];
        let mut listed = vec![];
        let mut narrowed = crd.spec.scope != "Namespaced";
        while let Some(api) = apis.pop() {
            match api.list(&ListParams::default()).await {
                Ok(list) => listed.extend(list.items),
                Err(kube::Error::Api(status)) if status.is_forbidden() && !narrowed => {
                    narrowed = true;
                    let one = |n: &String| Api::namespaced_with(client.clone(), n, &resource);
                    apis.extend(namespaces.iter().map(one));
                }
                // Where the kind is not installed there are none.
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                Err(error) => {
                    return Err((format!("the list of {}", resource.plural), error.into()));
                }
            }
        }
        for mut object in listed {
            object.metadata.managed_fields = None;
            let types = object.types.get_or_insert_with(TypeMeta::default);
            types.api_version.clone_from(&resource.api_version);
            types.kind.clone_from(&resource.kind);
            let value = serde_json::to_value(&object).unwrap_or_default();
            if let Some(identity) = Identity::of(&value) {
                objects.insert(identity, value);
            }
        }
    }
    Ok(objects)
}

/// The object that is there once `file` is applied over `live`: the file's spec, and what is not for users to write from the cluster.
pub fn applied(file: &Value, live: Option<&Value>) -> Value {
    let mut object = file.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    let Some(live) = live else {
        object["metadata"]["generation"] = json!(1);
        return object;
    };
    for field in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "finalizers",
    ] {
        if !live["metadata"][field].is_null() {
            object["metadata"][field] = live["metadata"][field].clone();
        }
    }
    for field in ["labels", "annotations"] {
        for (key, value) in live["metadata"][field].as_object().into_iter().flatten() {
            let there = &mut object["metadata"][field][key];
            if there.is_null() {
                *there = value.clone();
            }
        }
    }
    let generation = live["metadata"]["generation"].as_i64().unwrap_or(1);
    let edited = i64::from(live["spec"] != object["spec"]);
    object["metadata"]["generation"] = json!(generation + edited);
    if !live["status"].is_null() {
        object["status"] = live["status"].clone();
    }
    object
}

/// The key of an object of a kind that is planned.
pub fn key(identity: &Identity, kind: &'static str) -> ObjectKey {
    ObjectKey {
        kind,
        namespace: identity.namespace.clone(),
        name: identity.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_an_object_keeps_what_the_cluster_has_written() {
        let file = json!({"kind": "Contact", "metadata": {"name": "a", "labels": {"x": "new"}}, "spec": {"alias": "b"}, "status": {"arn": "?"}});
        let live = json!({"kind": "Contact", "metadata": {"name": "a", "uid": "u", "generation": 3, "labels": {"x": "old", "y": "kept"}},
            "spec": {"alias": "a"}, "status": {"arn": "arn:of:a"}});
        let merged = applied(&file, Some(&live));
        assert_eq!(
            merged["metadata"]["labels"],
            json!({"x": "new", "y": "kept"})
        );
        assert_eq!(merged["metadata"]["uid"], "u");
        assert_eq!(merged["metadata"]["generation"], 4);
        assert_eq!(
            (&merged["spec"], &merged["status"]),
            (&file["spec"], &live["status"])
        );
        let alone = applied(&file, None);
        assert!(
            alone.get("status").is_none(),
            "nobody writes a status in a file"
        );
    }
}
