//! What a user does to a cluster, and what an administrator sees of it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch,
    PatchParams, PostParams,
};
use kube::discovery::{self, Scope};
use kube::{Client, ResourceExt};
use serde_json::Value;

use crate::control_plane::client_config;
use crate::poll::poll;
use crate::setup::{GROUP, VERSION};

/// A connection to a cluster, as some user.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    field_manager: String,
    kinds: Arc<Mutex<HashMap<GroupVersionKind, (ApiResource, Scope)>>>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("field_manager", &self.field_manager)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Connects with a kubeconfig file.
    pub async fn connect(kubeconfig: &Path) -> Result<Self> {
        let client = Client::try_from(client_config(kubeconfig).await?)?;
        Ok(Self {
            client,
            field_manager: "user".to_owned(),
            kinds: Arc::default(),
        })
    }

    /// The same connection under another field manager.
    #[must_use]
    pub fn as_manager(&self, field_manager: &str) -> Self {
        Self {
            field_manager: field_manager.to_owned(),
            ..self.clone()
        }
    }

    /// The client underneath.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// An API for objects of a kind; `Contact` means ours, `Secret` the core's, and `apps/v1/Deployment` says it all.
    pub async fn api(&self, kind: &str, namespace: Option<&str>) -> Result<Api<DynamicObject>> {
        self.api_of(&group_version_kind(kind), namespace).await
    }

    async fn api_of(
        &self,
        kind: &GroupVersionKind,
        namespace: Option<&str>,
    ) -> Result<Api<DynamicObject>> {
        let known = self
            .kinds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(kind)
            .cloned();
        let (resource, scope) = if let Some(known) = known {
            known
        } else {
            let served = discovery::pinned_kind(&self.client, kind).await;
            let (resource, capabilities) = served.with_context(|| {
                let GroupVersionKind {
                    group,
                    version,
                    kind,
                } = kind;
                format!("the API server serves no {group}/{version} {kind}")
            })?;
            let entry = (resource, capabilities.scope);
            let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            kinds.insert(kind.clone(), entry.clone());
            entry
        };
        Ok(match (scope, namespace) {
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
            _ => Api::all_with(self.client.clone(), &resource),
        })
    }

    /// Whether objects of this kind live in namespaces.
    pub async fn is_namespaced(&self, kind: &str) -> Result<bool> {
        let kind = group_version_kind(kind);
        self.api_of(&kind, None).await?;
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(matches!(kinds.get(&kind), Some((_, Scope::Namespaced))))
    }

    /// Forgets what discovery said, after CRDs changed.
    pub fn forget_kinds(&self) {
        self.kinds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Every kind of our group that the API server serves, with whether it is namespaced.
    pub async fn our_kinds(&self) -> Result<Vec<(String, bool)>> {
        let resources = match self
            .client
            .list_api_group_resources(&format!("{GROUP}/{VERSION}"))
            .await
        {
            Ok(list) => list.resources,
            Err(kube::Error::Api(status)) if status.is_not_found() => vec![],
            Err(error) => return Err(error.into()),
        };
        Ok(resources
            .into_iter()
            .filter(|resource| !resource.name.contains('/'))
            .map(|resource| (resource.kind, resource.namespaced))
            .collect())
    }

    /// Server-side apply, as `kubectl apply --server-side --force-conflicts` does.
    pub async fn try_apply(&self, object: &Value) -> Result<DynamicObject> {
        let (api, name) = self.place_of(object).await?;
        let parameters = PatchParams::apply(&self.field_manager).force();
        Ok(api.patch(&name, &parameters, &Patch::Apply(object)).await?)
    }

    /// Server-side apply that keeps nothing and takes no unknown field: what the API server thinks of an object.
    pub async fn try_apply_dry(&self, object: &Value) -> Result<DynamicObject> {
        let (api, name) = self.place_of(object).await?;
        let parameters = PatchParams {
            dry_run: true,
            ..PatchParams::apply(&self.field_manager)
                .force()
                .validation_strict()
        };
        Ok(api.patch(&name, &parameters, &Patch::Apply(object)).await?)
    }

    /// Waits until a namespace has the ServiceAccount without which no pod is admitted.
    pub async fn default_service_account(&self, namespace: &str) -> Result<()> {
        poll(Duration::from_secs(30), async || -> Result<()> {
            let found = self
                .get("ServiceAccount", Some(namespace), "default")
                .await?;
            found.map(drop).context("not there yet")
        })
        .await
        .map_err(|missing| anyhow::anyhow!("ServiceAccount default: {missing}"))
    }

    /// Create, as `kubectl create` does; `generateName` is allowed.
    pub async fn try_create(&self, object: &Value) -> Result<DynamicObject> {
        let typed: DynamicObject = serde_json::from_value(object.clone())?;
        let (api, _) = self.place_of(object).await?;
        let parameters = PostParams {
            field_manager: Some(self.field_manager.clone()),
            ..PostParams::default()
        };
        Ok(api.create(&parameters, &typed).await?)
    }

    async fn place_of(&self, object: &Value) -> Result<(Api<DynamicObject>, String)> {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let kind = text(&object["kind"]).context("kind is missing")?;
        let api_version = text(&object["apiVersion"]).context("apiVersion is missing")?;
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
        let kind = GroupVersionKind::gvk(group, version, &kind);
        let namespace = text(&object["metadata"]["namespace"]);
        let api = self
            .api_of(&kind, Some(namespace.as_deref().unwrap_or("default")))
            .await?;
        Ok((api, text(&object["metadata"]["name"]).unwrap_or_default()))
    }

    /// JSON merge patch.
    pub async fn merge(
        &self,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
        patch: &Value,
    ) -> Result<DynamicObject> {
        let parameters = PatchParams {
            field_manager: Some(self.field_manager.clone()),
            ..PatchParams::default()
        };
        Ok(self
            .api(kind, namespace)
            .await?
            .patch(name, &parameters, &Patch::Merge(patch))
            .await?)
    }

    /// An object, if it exists.
    pub async fn get(
        &self,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<DynamicObject>> {
        Ok(self.api(kind, namespace).await?.get_opt(name).await?)
    }

    /// All objects of a kind (in a namespace).
    pub async fn list(&self, kind: &str, namespace: Option<&str>) -> Result<Vec<DynamicObject>> {
        Ok(self
            .api(kind, namespace)
            .await?
            .list(&ListParams::default())
            .await?
            .items)
    }

    /// Asks for deletion; an object that does not exist is deleted.
    pub async fn delete(&self, kind: &str, namespace: Option<&str>, name: &str) -> Result<()> {
        match self
            .api(kind, namespace)
            .await?
            .delete(name, &DeleteParams::background())
            .await
        {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until an object is gone.
    pub async fn gone(
        &self,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
        timeout: Duration,
    ) -> Result<()> {
        poll(timeout, async || -> Result<()> {
            match self.get(kind, namespace, name).await? {
                None => Ok(()),
                Some(object) => bail!(
                    "{kind} {name} still exists, finalizers {:?}, {}",
                    object.finalizers(),
                    object.data["status"]["conditions"]
                ),
            }
        })
        .await
        .map_err(anyhow::Error::msg)
    }

    /// The events about an object, oldest first, as `(type, reason, message)`.
    pub async fn events(
        &self,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Vec<Event>> {
        let all = self
            .list("Event", Some(namespace.unwrap_or("default")))
            .await?;
        let mut events: Vec<(String, Event)> = all
            .into_iter()
            .filter(|event| {
                event.data["involvedObject"]["kind"] == kind
                    && event.data["involvedObject"]["name"] == name
            })
            .map(|event| {
                let text = |field: &str| event.data[field].as_str().unwrap_or_default().to_owned();
                let count = event.data["series"]["count"]
                    .as_u64()
                    .or(event.data["count"].as_u64())
                    .unwrap_or(1);
                (
                    event.resource_version().unwrap_or_default(),
                    Event {
                        severity: text("type"),
                        reason: text("reason"),
                        message: text("message"),
                        count,
                    },
                )
            })
            .collect();
        events.sort_by_key(|(version, _)| version.parse::<u64>().unwrap_or(0));
        Ok(events.into_iter().map(|(_, event)| event).collect())
    }
}

/// An Event about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `Normal` or `Warning`.
    pub severity: String,
    /// The reason.
    pub reason: String,
    /// The message.
    pub message: String,
    /// How often it was seen.
    pub count: u64,
}

/// What the API server said, without the envelope; any other error with its causes.
pub fn message(error: &anyhow::Error) -> String {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => status.message.clone(),
        _ => format!("{error:#}"),
    }
}

/// Reads a kind as tests write it.
fn group_version_kind(kind: &str) -> GroupVersionKind {
    let parts: Vec<&str> = kind.split('/').collect();
    match parts.as_slice() {
        [group, version, kind] => GroupVersionKind::gvk(group, version, kind),
        [version, kind] => GroupVersionKind::gvk("", version, kind),
        ["Namespace" | "Secret" | "ConfigMap" | "Event" | "ServiceAccount" | "Pod"] => {
            GroupVersionKind::gvk("", "v1", kind)
        }
        ["CustomResourceDefinition"] => GroupVersionKind::gvk("apiextensions.k8s.io", "v1", kind),
        ["ClusterRole" | "ClusterRoleBinding"] => {
            GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", kind)
        }
        ["Lease"] => GroupVersionKind::gvk("coordination.k8s.io", "v1", kind),
        _ => GroupVersionKind::gvk(GROUP, VERSION, kind),
    }
}

/// The documents of a YAML (or JSON) text; empty ones are left out and a `List` is taken apart.
pub fn documents(text: &str) -> Result<Vec<Value>> {
    let parsed: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut objects = Vec::new();
    for document in parsed {
        match document {
            Value::Null => {}
            Value::Array(items) => objects.extend(items),
            mut list if list["kind"] == "List" => objects.extend(
                list["items"]
                    .as_array_mut()
                    .map(std::mem::take)
                    .unwrap_or_default(),
            ),
            object => objects.push(object),
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::documents;

    #[test]
    fn documents_are_split_and_lists_taken_apart() {
        let text =
            "# only a comment\n---\nkind: A\n---\n---\nkind: List\nitems: [{kind: B}, {kind: C}]\n";
        let kinds: Vec<_> = documents(text)
            .unwrap()
            .iter()
            .map(|object| object["kind"].clone())
            .collect();
        assert_eq!(kinds, ["A", "B", "C"]);
        assert!(documents("kind: [").is_err());
    }
}
