//! The API server as a plan sees it: what the files say, then what the cluster has. It takes no writes, whoever asks.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::manifests::Identity;
use crate::api::{GROUP, crds};

/// What the files hold, by the path of its URL.
type Objects = BTreeMap<String, Value>;

/// A client that reads `objects`, then `cluster`, and writes nothing.
pub fn client(
    objects: impl Iterator<Item = (Identity, Value)>,
    cluster: Option<Client>,
    namespace: &str,
) -> Client {
    let names = crds().into_iter().map(|crd| crd.spec.names);
    let plurals: BTreeMap<String, String> = names.map(|n| (n.kind, n.plural)).collect();
    let objects: Arc<Objects> = Arc::new(
        objects
            .filter_map(|(identity, object)| {
                Some((path(&identity, &plurals)?, served(&identity, object)))
            })
            .collect(),
    );
    let service = tower::service_fn(move |request: Request<Body>| {
        let (objects, cluster) = (objects.clone(), cluster.clone());
        async move { Ok::<_, Infallible>(answer(&objects, cluster, request).await) }
    });
    Client::new(service, namespace)
}

async fn answer(
    objects: &Objects,
    cluster: Option<Client>,
    request: Request<Body>,
) -> Response<Body> {
    if request.method() != Method::GET {
        return refusal(StatusCode::FORBIDDEN, "Forbidden", "a plan writes nothing");
    }
    let path = request.uri().path();
    if let Some(object) = objects.get(path) {
        return response(StatusCode::OK, object);
    }
    let ours = path.starts_with(&format!("/apis/{GROUP}/"));
    match cluster {
        Some(cluster) => cluster.send(request).await.unwrap_or_else(|error| {
            refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                &error.to_string(),
            )
        }),
        // Whether an object lives that the files do not hold is not known without a cluster.
        None if ours => refusal(StatusCode::FORBIDDEN, "Forbidden", "there is no cluster"),
        None => refusal(StatusCode::NOT_FOUND, "NotFound", "it is not in the files"),
    }
}

/// The path of the URL of an object; `None` = nobody asks for it.
fn path(identity: &Identity, plurals: &BTreeMap<String, String>) -> Option<String> {
    let Identity {
        api_version,
        kind,
        namespace,
        name,
    } = identity;
    if api_version == "v1" {
        return match (kind.as_str(), namespace) {
            ("Namespace", _) => Some(format!("/api/v1/namespaces/{name}")),
            ("Secret", Some(namespace)) => {
                Some(format!("/api/v1/namespaces/{namespace}/secrets/{name}"))
            }
            _ => None,
        };
    }
    let plural = plurals.get(kind)?;
    let namespace = namespace.as_ref();
    let namespace = namespace.map_or(String::new(), |n| format!("namespaces/{n}/"));
    Some(format!("/apis/{api_version}/{namespace}{plural}/{name}"))
}

/// An object as the API server would show it: a Secret's plain values are encoded.
fn served(identity: &Identity, object: Value) -> Value {
    if identity.kind != "Secret" {
        return object;
    }
    let Ok(mut secret) = serde_json::from_value::<Secret>(object) else {
        return json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": identity.name}});
    };
    let data = secret.data.get_or_insert_default();
    for (key, value) in secret.string_data.take().into_iter().flatten() {
        let bytes = k8s_openapi::ByteString(value.into_bytes());
        data.insert(key, bytes);
    }
    serde_json::to_value(secret).unwrap_or_default()
}

fn response(status: StatusCode, object: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(object.to_string().into_bytes()));
    *response.status_mut() = status;
    response
}

fn refusal(status: StatusCode, reason: &str, message: &str) -> Response<Body> {
    let body = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": status.as_u16(),
    });
    response(status, &body)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use k8s_openapi::api::core::v1::Namespace;
    use kube::api::{DeleteParams, PostParams};
    use kube::{Api, ResourceExt};

    use super::*;
    use crate::api::Contact;

    fn offline(objects: &[Value]) -> Client {
        let objects: Vec<_> = objects
            .iter()
            .map(|object| (Identity::of(object).unwrap(), object.clone()))
            .collect();
        client(objects.into_iter(), None, "default")
    }

    #[tokio::test]
    async fn secrets_and_namespaces_are_read_from_the_files() {
        let client = offline(&[
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"},
                   "data": {"old": "YQ=="}, "stringData": {"key": "value"}}),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "labels": {"a": "b"}}}),
        ]);
        let secrets: Api<Secret> = Api::namespaced(client.clone(), "n");
        let data = secrets.get("s").await.unwrap().data.unwrap();
        assert_eq!(
            (data["key"].0.as_slice(), data["old"].0.as_slice()),
            (&b"value"[..], &b"a"[..])
        );
        assert!(secrets.get_metadata_opt("t").await.unwrap().is_none());
        let namespaces: Api<Namespace> = Api::all(client);
        let namespace = namespaces.get_metadata_opt("n").await.unwrap().unwrap();
        assert_eq!(namespace.labels()["a"], "b");
    }

    #[tokio::test]
    async fn nothing_is_written_and_what_is_not_known_is_not_gone() {
        let contact = json!({"apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact",
            "metadata": {"name": "alice", "namespace": "n"}, "spec": {}});
        let client = offline(std::slice::from_ref(&contact));
        let contacts: Api<Contact> = Api::namespaced(client, "n");
        let alice = contacts.get("alice").await.unwrap();
        let code = |error: kube::Error| match error {
            kube::Error::Api(status) => status.code,
            other => panic!("{other}"),
        };
        for refused in [
            code(contacts.get("bob").await.unwrap_err()),
            code(
                contacts
                    .create(&PostParams::default(), &alice)
                    .await
                    .unwrap_err(),
            ),
            code(
                contacts
                    .delete("alice", &DeleteParams::default())
                    .await
                    .unwrap_err(),
            ),
        ] {
            assert_eq!(refused, 403);
        }
    }
}
