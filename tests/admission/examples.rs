//! The manifests in `examples/` are taken as they are, and nothing is added to or taken from them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use harness::cluster::documents;
use harness::paths::repository;
use harness::{World, eventually, seconds};
use serde_json::Value;

use crate::server::{Sent, send};

/// Every document of every example, in the order in which `kubectl apply -f` of the directory sends them.
fn documents_in(directory: &str) -> Vec<(PathBuf, Value)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(repository().join(directory))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files
        .into_iter()
        .flat_map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            documents(&text)
                .unwrap()
                .into_iter()
                .map(move |document| (path.clone(), document))
        })
        .collect()
}

/// The same of all examples, those included that are applied by themselves.
fn examples() -> Vec<(PathBuf, Value)> {
    let mut all = documents_in("examples");
    for apart in [
        "alternate-contacts",
        "incidents",
        "vpc-endpoints",
        "vpc-endpoints/posture",
    ] {
        all.extend(documents_in(&format!("examples/{apart}")));
    }
    all
}

#[tokio::test]
async fn every_example_is_stored_as_it_was_sent() {
    let world = World::builder("examples")
        .without_operator()
        .without_provider()
        .build()
        .await;
    let mut kinds = BTreeSet::new();
    for (path, document) in examples() {
        let path = path.display();
        let created = send(&world, &document, Sent::Created, false)
            .await
            .unwrap_or_else(|refusal| panic!("{path}: {}", refusal.message));
        // Once more the other way: nothing changes.
        let applied = send(&world, &document, Sent::Applied, false)
            .await
            .unwrap_or_else(|refusal| panic!("{path}: {}", refusal.message));
        let kind = document["kind"].as_str().unwrap().to_owned();
        if document["apiVersion"] != "incident-operator.dev/v1alpha1" {
            continue;
        }
        for stored in [&created, &applied] {
            assert_eq!(stored.data["spec"], document["spec"], "{path}");
        }
        assert_eq!(applied.metadata.generation, Some(1), "{path}");
        kinds.insert(kind);
    }
    let served: BTreeSet<String> = world
        .cluster
        .our_kinds()
        .await
        .unwrap()
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds, served, "every kind has an example");
    for (_, document) in examples() {
        let name = document["metadata"]["name"].as_str().unwrap();
        let namespace = document["metadata"]["namespace"].as_str();
        let kind = document["kind"].as_str().unwrap();
        world.cluster.delete(kind, namespace, name).await.unwrap();
    }
    let named: Vec<Value> = examples()
        .into_iter()
        .map(|(_, document)| document)
        .collect();
    let namespaces = named
        .iter()
        .filter(|document| document["kind"] == "Namespace");
    for namespace in namespaces {
        let name = namespace["metadata"]["name"].as_str().unwrap();
        eventually("the examples are gone", seconds(60), async || {
            let found = world.cluster.get("Namespace", None, name).await.unwrap();
            found.is_none()
        })
        .await;
    }
    world.finish().await;
}

#[tokio::test]
async fn every_complete_example_is_taken() {
    let world = World::builder("complete-examples")
        .without_operator()
        .without_provider()
        .build()
        .await;
    for (path, mut document) in documents_in("docs/examples") {
        if document["metadata"]["namespace"].is_string() {
            document["metadata"]["namespace"] = world.namespace.clone().into();
        }
        let stored = send(&world, &document, Sent::Created, true).await;
        let stored =
            stored.unwrap_or_else(|refusal| panic!("{}: {}", path.display(), refusal.message));
        assert_eq!(stored.data["spec"], document["spec"], "{}", path.display());
    }
    world.finish().await;
}
