//! `incident-operator import`: what was made by hand in AWS comes under management, and nothing but tags is changed there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use harness::World;
use harness::aws::access_key;
use harness::paths::operator_binary;
use serde_json::{Value, json};

use crate::roster;
use crate::support::{mutations, stage};

/// Runs the import, and answers with its exit code and what it printed.
async fn import(world: &World, out: &Path, more: &[&str]) -> (Option<i32>, String) {
    let config = world.provider_config();
    let owner = config["spec"]["ownerId"].as_str().unwrap().to_owned();
    let output = tokio::process::Command::new(operator_binary().unwrap())
        .args(["import", "--owner-id", &owner, "--namespace"])
        .arg(&world.namespace)
        .args(["--provider-config", &world.id, "--out"])
        .arg(out)
        .args(more)
        .env("AWS_ENDPOINT_URL", world.simulator.endpoint())
        .env("AWS_REGION", &world.region)
        .env("AWS_ACCESS_KEY_ID", access_key(&world.account))
        .env("AWS_SECRET_ACCESS_KEY", "none")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code(), text)
}

fn files(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.clone(), std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[tokio::test]
async fn what_was_made_by_hand_is_imported_and_nothing_but_tags_is_changed() {
    let world = stage("import").await;
    let alice = roster::make_person(&world, "alice").await;
    let odd = roster::make_person(&world, "night_shift_").await;
    let members = [alice.clone(), odd.clone()];
    let rotation = roster::make_rotation(&world, "week", &members, "2026-01-05T09:00:00Z").await;
    roster::make_schedule(&world, "primary", &[rotation]).await;
    let lonely = roster::make_rotation(&world, "lonely", &members, "2026-01-05T09:00:00Z").await;

    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("1"), directory.path().join("2"));
    let before = world.last_call().await;
    let (code, text) = import(&world, &first, &["--addresses-as-secrets"]).await;
    assert_eq!(code, Some(3), "{text}");
    let report = std::fs::read_to_string(first.join("IMPORT.md")).unwrap();
    assert!(
        report.contains(&lonely) && report.contains("in no schedule"),
        "{report}"
    );
    let written: Vec<_> = world.calls(before).await;
    assert!(written.iter().all(|call| !call.mutating), "{written:?}");

    let (_, text) = import(&world, &second, &["--addresses-as-secrets"]).await;
    let again: Vec<String> = files(&second).into_values().collect();
    let once: Vec<String> = files(&first).into_values().collect();
    assert_eq!(once, again, "{text}");

    let before = world.last_call().await;
    let mut kinds = vec![];
    for (path, text) in files(&first) {
        if path.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        for object in world.objects(&text) {
            let kind = object["kind"].as_str().unwrap_or_default().to_owned();
            // This world has its own.
            if kind == "Namespace" || kind == "ProviderConfig" {
                continue;
            }
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            kinds.push((kind, name.to_owned()));
            world.apply_value(object).await;
        }
    }
    for (kind, name) in kinds.iter().filter(|(kind, _)| kind != "Secret") {
        let object = world.ready(kind, name).await;
        let origin: &Value = &object.data["status"]["origin"];
        assert_eq!(*origin, json!("Adopted"), "{kind} {name}");
    }
    assert_eq!(
        kinds.iter().filter(|(kind, _)| kind == "Contact").count(),
        2
    );
    let changed = mutations(&world, before).await;
    assert!(
        !changed.is_empty() && changed.iter().all(|c| c.contains("TagResource")),
        "{changed:?}"
    );
    world.finish().await;
}
