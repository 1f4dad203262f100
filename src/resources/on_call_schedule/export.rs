//! Who is on call, for those who read no custom resources: a ConfigMap and metrics.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use kube::{Resource, ResourceExt};

use crate::api::OnCallSchedule;
use crate::api::conditions::Reason;
use crate::api::on_call_schedule::OnCallScheduleStatus;
use crate::engine::object::FIELD_MANAGER;
use crate::engine::{Error, Shared, events};
use crate::metrics::OnCallFigures;

/// Takes a ConfigMap away that is asked for no longer, if it is this object's.
pub async fn withdraw(shared: &Shared, object: &OnCallSchedule, name: &str) -> Result<(), Error> {
    let api = config_maps(shared, object);
    let Some(found) = api.get_opt(name).await?.filter(|map| is_of(map, object)) else {
        return Ok(());
    };
    let parameters = DeleteParams::default().preconditions(Preconditions {
        uid: found.uid(),
        resource_version: None,
    });
    match api.delete(name, &parameters).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

fn config_maps(shared: &Shared, object: &OnCallSchedule) -> Api<ConfigMap> {
    let namespace = object.namespace().unwrap_or_default();
    Api::namespaced(shared.client.clone(), &namespace)
}

/// Keeps the ConfigMap of `spec.export` as the status says. One that is not this object's is left alone.
pub async fn publish(
    shared: &Shared,
    object: &OnCallSchedule,
    status: &OnCallScheduleStatus,
) -> Result<(), Error> {
    let Some(name) = status.exported_to.as_deref() else {
        return Ok(());
    };
    let api = config_maps(shared, object);
    let data = data(status);
    match api.get_opt(name).await? {
        None => {
            let map = config_map(object, name, data);
            let parameters = PostParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PostParams::default()
            };
            api.create(&parameters, &map).await?;
        }
        Some(found) if !is_of(&found, object) => {
            let text = format!(
                "ConfigMap \"{name}\" was not made for this object and is left alone: delete it, or give another spec.export.configMapName"
            );
            events::warning(shared, object, Reason::ExportRefused, &text).await;
        }
        Some(found) if found.data.as_ref() != Some(&data) => {
            let patch = serde_json::json!({
                "metadata": {"uid": found.metadata.uid, "resourceVersion": found.metadata.resource_version},
                "data": data_patch(found.data.as_ref(), &data),
            });
            let parameters = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            };
            api.patch(name, &parameters, &Patch::Merge(&patch)).await?;
        }
        Some(_) => {}
    }
    Ok(())
}

/// A merge patch that also takes away keys that are no longer wanted.
fn data_patch(
    before: Option<&BTreeMap<String, String>>,
    wanted: &BTreeMap<String, String>,
) -> BTreeMap<String, Option<String>> {
    let gone = before.into_iter().flat_map(BTreeMap::keys);
    let gone = gone.filter(|k| !wanted.contains_key(*k));
    let gone = gone.map(|k| (k.clone(), None));
    let set = wanted.iter().map(|(k, v)| (k.clone(), Some(v.clone())));
    gone.chain(set).collect()
}

fn is_of(map: &ConfigMap, object: &OnCallSchedule) -> bool {
    let owners = map.owner_references();
    owners.iter().any(|o| Some(&o.uid) == object.uid().as_ref())
}

fn data(status: &OnCallScheduleStatus) -> BTreeMap<String, String> {
    let summary = status.summary.clone().unwrap_or_default();
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let hand_off = summary.next_handoff.as_ref();
    BTreeMap::from([
        ("onCall".to_owned(), summary.on_call),
        ("next".to_owned(), summary.next),
        ("reachable".to_owned(), summary.reachable),
        (
            "nextHandoff".to_owned(),
            hand_off.map(|t| t.0.to_string()).unwrap_or_default(),
        ),
        (
            "onCallNow.json".to_owned(),
            json(serde_json::to_string(&status.on_call_now)),
        ),
        (
            "onCallNext.json".to_owned(),
            json(serde_json::to_string(&status.on_call_next)),
        ),
    ])
}

fn config_map(object: &OnCallSchedule, name: &str, data: BTreeMap<String, String>) -> ConfigMap {
    let owner = OwnerReference {
        api_version: OnCallSchedule::api_version(&()).into_owned(),
        kind: OnCallSchedule::kind(&()).into_owned(),
        name: object.name_any(),
        uid: object.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    };
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([(
                "app.kubernetes.io/managed-by".to_owned(),
                "incident-operator".to_owned(),
            )])),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some(data),
        ..ConfigMap::default()
    }
}

/// Tells the metrics who is covered.
pub fn metrics(shared: &Shared, object: &OnCallSchedule, status: &OnCallScheduleStatus) {
    let coverage = status.coverage.as_ref();
    let gap = coverage.and_then(|c| c.next_gap.as_ref());
    let people = status.on_call_now.iter().map(|o| o.contact.clone());
    shared.metrics.set_on_call(
        &object.namespace().unwrap_or_default(),
        &object.name_any(),
        &OnCallFigures {
            uncovered_seconds: coverage.map_or(0, |c| c.uncovered_minutes * 60),
            next_gap: gap.map(|g| g.from.0.as_second()),
            reachable: status
                .summary
                .as_ref()
                .and_then(|s| match s.reachable.as_str() {
                    "Yes" => Some(true),
                    "No" => Some(false),
                    _ => None,
                }),
            people: people.collect(),
        },
    );
}
