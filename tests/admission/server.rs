//! Ways of asking the API server that the harness has no other use for.

use harness::World;
use harness::checks::Sensitive;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject, Patch, PatchParams, ValidationDirective};
use serde_json::{Value, json};

/// How an object is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// `kubectl apply --server-side`, Argo CD, Flux.
    Applied,
    /// `kubectl create`: what is unknown is an error.
    Created,
    /// A client that does not ask for strictness: what is unknown is dropped.
    CreatedLeniently,
}

/// Why the API server refused.
#[derive(Debug)]
pub struct Refusal {
    /// The whole message.
    pub message: String,
    /// Each cause.
    pub causes: Vec<String>,
}

/// An API for objects like this one.
pub async fn api(world: &World, object: &Value) -> Api<DynamicObject> {
    let kind = object["kind"].as_str().unwrap();
    let namespace = object["metadata"]["namespace"].as_str();
    world
        .cluster
        .api(kind, Some(namespace.unwrap_or(&world.namespace)))
        .await
        .unwrap()
}

/// Sends an object as it is; `dry` = nothing is stored.
pub async fn send(
    world: &World,
    object: &Value,
    sent: Sent,
    dry: bool,
) -> Result<DynamicObject, Refusal> {
    let api = api(world, object).await;
    let result = match sent {
        Sent::Applied => {
            let name = object["metadata"]["name"].as_str().unwrap();
            let parameters = PatchParams {
                dry_run: dry,
                force: true,
                field_manager: Some("user".to_owned()),
                field_validation: Some(ValidationDirective::Strict),
            };
            api.patch(name, &parameters, &Patch::Apply(object)).await
        }
        Sent::Created | Sent::CreatedLeniently => {
            let strictness = if sent == Sent::Created {
                "Strict"
            } else {
                "Ignore"
            };
            let dry = if dry { "&dryRun=All" } else { "" };
            let url = format!(
                "{}?fieldManager=user&fieldValidation={strictness}{dry}",
                api.resource_url()
            );
            let request = http::Request::post(url)
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(serde_json::to_vec(object).unwrap())
                .unwrap();
            world.cluster.client().request(request).await
        }
    };
    result.map_err(|error| match error {
        kube::Error::Api(status) => Refusal {
            message: status.message.clone(),
            causes: status
                .details
                .iter()
                .flat_map(|details| &details.causes)
                .map(|cause| format!("{}: {}", cause.field, cause.message))
                .collect(),
        },
        other => panic!("the API server did not answer: {other}"),
    })
}

/// Stores an object and its status, as an operator would have written it.
pub async fn store(world: &World, object: &Value) -> DynamicObject {
    let stored = send(world, &without_status(object), Sent::Applied, false)
        .await
        .unwrap_or_else(|refusal| panic!("{}: {object}", refusal.message));
    let status = &object["status"];
    if status.is_null() {
        return stored;
    }
    api(world, object)
        .await
        .patch_status(
            &stored.name_any(),
            &PatchParams::default(),
            &Patch::Merge(json!({"status": status})),
        )
        .await
        .unwrap()
}

/// An object as a user sends it.
pub fn without_status(object: &Value) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove("status");
    object
}

/// Where a text that somebody else may read holds an address of these objects.
pub fn leaks<'a>(text: &str, objects: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    let mut sensitive = Sensitive::default();
    for object in objects {
        sensitive.add_from(object);
    }
    sensitive.violations("the API server's answer", text)
}
