//! What every pass needs: clients, stores, queue, clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_controller::events::EventRecorder;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::events::Reporter;
use kube::{Api, Client, ResourceExt};

use super::clock::Clock;
use super::directory::Directory;
use super::error::Error;
use super::object::ManagedObject;
use super::references::ReferenceIndex;
use super::scheduler::{ObjectKey, Scheduler};
use super::store::ObjectStore;
use crate::api::{AccessGrant, ProviderConfig};
use crate::aws::{Accounts, Limiter, RequestMetrics};
use crate::metrics::Metrics;

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often AWS is compared when nothing changes.
    pub drift_interval: Duration,
    /// The operator's own namespace, for Secrets of cluster-scoped kinds.
    pub own_namespace: String,
    /// Namespaces to watch; `None` = all.
    pub watch_namespaces: Option<Vec<String>>,
    /// Namespaces in which Secrets are watched and read; absent = those that are watched.
    pub secret_namespaces: Option<Vec<String>>,
    /// Label selector for cluster-scoped kinds.
    pub cluster_selector: Option<String>,
    /// Objects may refer to objects of other namespaces, as far as AccessGrants allow it.
    pub cross_namespace_references: bool,
}

impl Settings {
    /// Namespaces in which Secrets are watched; `None` = all.
    pub fn namespaces_of_secrets(&self) -> Option<&[String]> {
        let named = self.secret_namespaces.as_ref();
        named.or(self.watch_namespaces.as_ref()).map(Vec::as_slice)
    }
}

/// What every pass needs.
pub struct Shared {
    /// The API server.
    pub client: Client,
    /// The API server, for watches.
    pub watch_client: Client,
    /// AWS accounts and their clients.
    pub accounts: Accounts,
    /// Budgets of AWS calls.
    pub limiter: Limiter,
    /// The queue.
    pub scheduler: Arc<Scheduler>,
    /// Events.
    pub events: EventRecorder,
    /// The time.
    pub clock: Clock,
    /// Settings of this run.
    pub settings: Settings,
    /// Metrics.
    pub metrics: Metrics,
    /// ProviderConfigs, as last seen.
    pub provider_configs: Arc<ObjectStore<DeserializeGuard<ProviderConfig>>>,
    /// Namespaces, as metadata.
    pub namespaces: ObjectStore<PartialObjectMeta<Namespace>>,
    /// Labelled Secrets, as metadata.
    pub secrets: ObjectStore<PartialObjectMeta<Secret>>,
    /// AccessGrants, as last seen.
    pub grants: ObjectStore<DeserializeGuard<AccessGrant>>,
    /// Who refers to whom.
    pub references: ReferenceIndex,
    /// The objects of all kinds that use a ProviderConfig.
    pub directory: Directory,
    budgets: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// What [`Shared::new`] is made from.
pub struct Parts {
    /// The API server.
    pub client: Client,
    /// The API server, for watches.
    pub watch_client: Client,
    /// AWS accounts.
    pub accounts: Accounts,
    /// Budgets.
    pub limiter: Limiter,
    /// The queue.
    pub scheduler: Arc<Scheduler>,
    /// Events.
    pub events: EventRecorder,
    /// The time.
    pub clock: Clock,
    /// Settings.
    pub settings: Settings,
    /// Metrics.
    pub metrics: Metrics,
}

impl Shared {
    /// With empty stores.
    pub fn new(parts: Parts) -> Self {
        let watches = parts.settings.watch_namespaces.as_ref().map_or(1, Vec::len);
        let secret_watches = parts.settings.namespaces_of_secrets().map_or(1, <[_]>::len);
        Self {
            provider_configs: Arc::new(ObjectStore::new(ProviderConfig::KIND, 1)),
            namespaces: ObjectStore::new("Namespace", 1),
            secrets: ObjectStore::new("Secret", secret_watches),
            grants: ObjectStore::new("AccessGrant", watches),
            references: ReferenceIndex::default(),
            directory: Directory::default(),
            budgets: Mutex::default(),
            client: parts.client,
            watch_client: parts.watch_client,
            accounts: parts.accounts,
            limiter: parts.limiter,
            scheduler: parts.scheduler,
            events: parts.events,
            clock: parts.clock,
            settings: parts.settings,
            metrics: parts.metrics,
        }
    }

    /// For a command that does one thing and ends: no watches, nothing queued. `name` is who its Events are from.
    pub async fn of_command(
        client: Client,
        name: &str,
        clock: Clock,
        cross_namespace: bool,
    ) -> Self {
        let requests = RequestMetrics::default();
        let limiter = Limiter::new(requests.clone());
        Self::new(Parts {
            events: EventRecorder::new(
                client.clone(),
                Reporter {
                    controller: "incident-operator".into(),
                    instance: Some(name.to_owned()),
                },
            ),
            client: client.clone(),
            watch_client: client,
            accounts: Accounts::new(limiter.clone(), requests).await,
            limiter,
            scheduler: Scheduler::new(1),
            clock,
            settings: Settings {
                drift_interval: Duration::from_secs(600),
                own_namespace: "default".to_owned(),
                watch_namespaces: None,
                secret_namespaces: None,
                cluster_selector: None,
                cross_namespace_references: cross_namespace,
            },
            metrics: Metrics::new(false, |_| {}),
        })
    }

    /// Serialises what is counted per account, such as the deletion budget.
    pub fn budget_lock(&self, account_id: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.budgets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(account_id.to_owned())
            .or_default()
            .clone()
    }

    /// Labels of a namespace: as last seen, else asked for. `None` = there is no such namespace.
    pub async fn namespace_labels(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, Error> {
        if let Some(namespace) = self.namespaces.get(None, name) {
            return Ok(Some(namespace.labels().clone()));
        }
        let namespace = Api::<Namespace>::all(self.client.clone())
            .get_metadata_opt(name)
            .await?;
        Ok(namespace.map(|n| n.labels().clone()))
    }

    /// The key of a ProviderConfig.
    pub fn provider_config_key(name: &str) -> ObjectKey {
        ObjectKey {
            kind: ProviderConfig::KIND,
            namespace: None,
            name: name.to_owned(),
        }
    }
}
