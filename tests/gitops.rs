//! What Argo CD and Flux make of our objects, in their own code: gopher-lua runs the health check, kstatus reads the conditions.
//! And that what comes from Git stays as it is: applying it again changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says why"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use harness::cluster::{documents, message};
use harness::control_plane::ControlPlane;
use harness::judges::{self, Verdict};
use harness::paths::repository;
use k8s_openapi::ByteString;
use kube::api::DynamicObject;
use serde_json::{Value, json};

/// Objects as the stories left them, one of each state: `RECORD_STATES=DIRECTORY cargo test --workspace --test stories` writes a file for
/// each, and `tests/gitops/states.jsonl` is all of them (`cat DIRECTORY/*.json`).
fn recorded() -> Vec<Value> {
    let text = std::fs::read_to_string(repository().join("tests/gitops/states.jsonl")).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn script() -> PathBuf {
    repository().join("gitops/argocd/health.lua")
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .find(|found| found["type"] == kind)
}

fn is(object: &Value, kind: &str, status: &str) -> bool {
    condition(object, kind).is_some_and(|found| found["status"] == status)
}

/// What a reader of the docs expects of Argo CD and of Flux, said another way than in the script.
fn expected(object: &Value) -> (&'static str, &'static str) {
    if object["kind"] == "AccessGrant" {
        return ("Healthy", "Current");
    }
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return ("Progressing", "Terminating");
    }
    let outdated = object["status"]["observedGeneration"] != object["metadata"]["generation"];
    let ready = condition(object, "Ready").map(|ready| ready["status"] == "True");
    let flux = match ready {
        _ if outdated => "InProgress",
        _ if is(object, "Stalled", "True") => "Failed",
        _ if is(object, "Reconciling", "True") => "InProgress",
        Some(false) => "InProgress",
        // kstatus takes silence for consent.
        Some(true) | None => "Current",
    };
    let argo = match flux {
        _ if object["spec"]["suspend"] == true => "Suspended",
        "Failed" => "Degraded",
        "Current" if object["status"]["phase"] == "AwaitingCode" => "Suspended",
        "Current" if ready == Some(true) => "Healthy",
        _ => "Progressing",
    };
    (argo, flux)
}

#[test]
fn health_is_what_the_conditions_say() {
    let objects = recorded();
    let argo = judges::argocd(&script(), &objects).unwrap();
    let flux = judges::kstatus(&objects).unwrap();
    let mut wrong = vec![];
    for ((object, argo), flux) in objects.iter().zip(&argo).zip(&flux) {
        let (health, status) = expected(object);
        if argo.status != health || flux.status != status {
            wrong.push(format!(
                "Argo CD {} instead of {health}, Flux {} instead of {status}: {object}",
                argo.status, flux.status
            ));
        }
        assert!(!argo.message.is_empty(), "{object}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The recordings are worth something: every kind with a status, and every verdict that it can have.
#[test]
fn every_kind_is_recorded_in_every_state() {
    let objects = recorded();
    let mut seen: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for object in &objects {
        let kind = object["kind"].as_str().unwrap().to_owned();
        seen.entry(kind).or_default().insert(expected(object).0);
    }
    let kinds = incident_operator::api::crds().into_iter();
    for kind in kinds
        .map(|crd| crd.spec.names.kind)
        .filter(|kind| kind != "AccessGrant")
    {
        let states = seen
            .get(&kind)
            .unwrap_or_else(|| panic!("{kind} is not recorded"));
        for state in ["Healthy", "Progressing", "Degraded"] {
            assert!(states.contains(state), "{kind}: {state} is not recorded");
        }
    }
    assert!(seen["ChannelActivation"].contains("Suspended"));
    assert!(seen["Contact"].contains("Suspended"));
}

#[test]
fn what_has_no_status_yet_is_in_progress_and_grants_are_fine() {
    let object = |kind: &str| json!({"apiVersion": "incident-operator.dev/v1alpha1", "kind": kind, "metadata": {"name": "x", "generation": 1}, "spec": {}});
    let mut fresh = object("Contact");
    // What the API server fills in.
    fresh["status"] = json!({"observedGeneration": -1});
    let objects = [fresh, object("Contact"), object("AccessGrant")];
    let health = |verdicts: Vec<Verdict>| -> Vec<String> {
        verdicts.into_iter().map(|verdict| verdict.status).collect()
    };
    let argo = health(judges::argocd(&script(), &objects).unwrap());
    assert_eq!(argo, ["Progressing", "Progressing", "Healthy"]);
    let flux = health(judges::kstatus(&objects[..1]).unwrap());
    assert_eq!(flux, ["InProgress"]);
}

#[test]
fn a_broken_health_check_would_be_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("health.lua");
    let object = [json!({"kind": "Contact", "metadata": {}})];
    for (text, named) in [
        ("return {status = \"Fine\"}", "no health state"),
        ("return os.time()", "attempt to index"),
        ("local = 1", "syntax error"),
    ] {
        std::fs::write(&script, text).unwrap();
        let error = judges::argocd(&script, &object).unwrap_err();
        assert!(format!("{error:#}").contains(named), "{text}: {error:#}");
    }
}

#[test]
fn the_config_map_has_the_script() {
    let text = std::fs::read_to_string(repository().join("gitops/argocd/argocd-cm.yaml")).unwrap();
    let map = documents(&text).unwrap().remove(0);
    let checks = map["data"]["resource.customizations"].as_str().unwrap();
    let checks: Value = serde_saphyr::from_str(checks).unwrap();
    let script = std::fs::read_to_string(script()).unwrap();
    assert_eq!(
        checks["incident-operator.dev/*"]["health.lua"]
            .as_str()
            .unwrap()
            .trim(),
        script.trim()
    );
}

fn manifests(directory: &Path) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|path| documents(&std::fs::read_to_string(path).unwrap()).unwrap())
        .collect()
}

/// Nothing that the API server fills in or spells in another way: a tool that compares would see a difference for ever.
#[tokio::test]
async fn applying_an_example_again_changes_nothing() {
    let plane = ControlPlane::shared().await.unwrap();
    let cluster = plane
        .cluster()
        .await
        .unwrap()
        .as_manager("argocd-controller");
    let root = repository();
    let mut seen = 0;
    let mut names = BTreeSet::new();
    for directory in [
        "examples",
        "examples/incidents",
        "examples/alternate-contacts",
        "examples/vpc-endpoints",
        "examples/vpc-endpoints/posture",
        "docs/examples",
        "gitops",
    ] {
        for mut object in manifests(&root.join(directory)) {
            // Another example of the same name is another object, since some fields cannot be changed.
            if object["kind"] != "Namespace" && !names.insert(key(&object)) {
                let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                let directory = directory.replace('/', "-");
                object["metadata"]["name"] = json!(format!("{name}-{directory}"));
                assert!(names.insert(key(&object)), "{directory}: {name} twice");
            }
            let shown = format!(
                "{directory}: {} {}",
                object["kind"], object["metadata"]["name"]
            );
            if let Some(namespace) = object["metadata"]["namespace"].as_str() {
                let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
                cluster
                    .as_manager("test")
                    .try_apply(&namespace)
                    .await
                    .unwrap();
            }
            let applied = async || match cluster.try_apply(&object).await {
                Ok(object) => object,
                Err(error) => panic!("{shown}: {}", message(&error)),
            };
            let first = applied().await;
            // As long as no operator has written a status, the API server stores its default with the first update.
            let second = applied().await;
            assert_eq!(first.metadata.generation, second.metadata.generation);
            let third = applied().await;
            let versions = [&second, &third].map(kube::ResourceExt::resource_version);
            assert_eq!(versions[0], versions[1], "{shown}");
            // What Argo CD shows as a difference: fields of the manifest that the object has in another way.
            if let Some(difference) = differs(&object, &second) {
                panic!("{shown}: {difference}");
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

/// Kind, namespace and name.
fn key(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!(
        "{} {} {}",
        object["kind"], metadata["namespace"], metadata["name"]
    )
}

/// The first place where an object is not as its manifest has it.
fn differs(manifest: &Value, object: &DynamicObject) -> Option<String> {
    // The API server keeps the text of a Secret as data.
    let text = match manifest["stringData"].as_object() {
        None => Value::Null,
        Some(text) => text
            .iter()
            .map(|(key, value)| {
                let bytes = value.as_str().unwrap().as_bytes().to_vec();
                (key.clone(), json!(ByteString(bytes)))
            })
            .collect(),
    };
    let metadata = &manifest["metadata"];
    let (labels, annotations) = (
        json!(object.metadata.labels),
        json!(object.metadata.annotations),
    );
    let data = &object.data["data"];
    [
        (&manifest["spec"], &object.data["spec"], "spec"),
        (&manifest["data"], data, "data"),
        (&text, data, "stringData"),
        (&metadata["labels"], &labels, "metadata.labels"),
        (
            &metadata["annotations"],
            &annotations,
            "metadata.annotations",
        ),
    ]
    .into_iter()
    .find_map(|(wanted, found, at)| difference(wanted, found, at))
}

/// The first place where `wanted` is not in `found` as it stands.
fn difference(wanted: &Value, found: &Value, at: &str) -> Option<String> {
    match (wanted, found) {
        (Value::Null, _) => None,
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().find_map(|(key, value)| {
            difference(
                value,
                found.get(key).unwrap_or(&Value::Null),
                &format!("{at}.{key}"),
            )
        }),
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            let pairs = wanted.iter().zip(found).enumerate();
            pairs
                .map(|(index, (wanted, found))| (index, wanted, found))
                .find_map(|(index, wanted, found)| {
                    difference(wanted, found, &format!("{at}[{index}]"))
                })
        }
        _ if wanted == found => None,
        _ => Some(format!("{at}: {wanted} became {found}")),
    }
}

#[test]
fn who_is_protected_says_so_as_import_writes_it() {
    let alice = manifests(&repository().join("gitops")).remove(0);
    let annotations = &alice["metadata"]["annotations"];
    assert_eq!(
        annotations["argocd.argoproj.io/sync-options"],
        "Prune=false"
    );
    assert_eq!(annotations["kustomize.toolkit.fluxcd.io/prune"], "disabled");
}
