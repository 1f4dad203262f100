//! The cluster is lost and made again, or restored from a backup: AWS keeps everything, and nothing is written to it.

use std::collections::BTreeMap;

use harness::{ControlPlane, World, seconds};
use kube::ResourceExt as _;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::company::{self, all, all_ready, at_work, count, label, of_team, person};
use crate::roster::{rotation, schedule, schedules_in_sync};
use crate::support::{build, contact, must_hold, mutations, secret};

/// What an object's status says, without what differs from one life to the next.
fn says(object: &DynamicObject) -> Value {
    let mut status = object.data["status"].clone();
    status["observedGeneration"] = Value::Null;
    if !status["overrides"].is_null() && !status["phase"].is_null() {
        // AWS tells nobody who made an override: found again, it counts as adopted.
        for field in ["origin", "effectiveDeletionPolicy"] {
            status[field] = Value::Null;
        }
    }
    // When a code was sent and given back is not known to AWS, nor how often something was begun. An incident tells what it began with,
    // and of which object it is.
    for field in [
        "finishedAt",
        "sendRecordedAt",
        "codesSent",
        "epoch",
        "startRecordedAt",
        "objectUid",
        "broughtAlong",
    ] {
        status.as_object_mut().unwrap().remove(field);
    }
    // What AWS was asked for is not known, only what it made of it.
    for rotation in status["rotations"].as_array_mut().into_iter().flatten() {
        rotation
            .as_object_mut()
            .unwrap()
            .remove("requestedStartTime");
    }
    if let Some(conditions) = status["conditions"].as_array_mut() {
        conditions.sort_by_key(|condition| condition["type"].to_string());
    }
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        condition["lastTransitionTime"] = Value::Null;
        condition["observedGeneration"] = Value::Null;
    }
    for item in status["applied"]["items"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        item.as_object_mut().unwrap().remove("createdAt");
    }
    status
}

/// Both say the same of everything.
fn same(now: &[(String, DynamicObject)], before: &[(String, DynamicObject)]) {
    let said = |objects: &[(String, DynamicObject)]| -> BTreeMap<String, Value> {
        let each = objects.iter();
        each.map(|one| (label(one), says(&one.1))).collect()
    };
    let (now, before) = (said(now), said(before));
    assert!(now.keys().eq(before.keys()));
    let mut differences = vec![];
    for (object, status) in now {
        let old = before[&object].as_object().unwrap();
        let new = status.as_object().unwrap();
        let fields = old.keys().chain(new.keys());
        for field in fields {
            let (new, old) = (new.get(field), old.get(field));
            if new != old {
                differences.push(format!("{object}: {field}: {new:?}, not {old:?}"));
            }
        }
    }
    differences.dedup();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test]
async fn a_cluster_that_is_thrown_away_is_made_again_from_the_same_files() {
    let doomed = ControlPlane::another("doomed").await.unwrap();
    let before = World::builder("rebuilt").namespace("team").drift("2s");
    let before = before.on(doomed);
    let before = build(before).await;
    let mut manifests = at_work(&before).await;
    // An edit waits for the end of the shift that runs; the new cluster knows it from the files alone.
    let primary = of_team(&before, "primary");
    let swapped = ["carol", "bob", "alice"].map(|name| person(&before, name));
    for manifest in &mut manifests {
        if manifest["metadata"]["name"] == "primary" {
            manifest["spec"]["rotations"][0]["contactRefs"] = json!(swapped);
            before.apply_value(manifest.clone()).await;
        }
    }
    let waits = [
        "OnCallSchedule",
        &primary,
        "RolloutPending",
        "True",
        "RolloutPending",
    ];
    let [kind, name, condition, status, reason] = waits;
    before
        .condition(kind, name, condition, status, reason)
        .await;
    // Who refers to whom is shown a moment later.
    tokio::time::sleep(seconds(6)).await;
    let first = all(&before).await;
    let codes = before.codes_sent().await;
    let held = (before.aws().await, before.rotations().await);
    let mark = before.last_call().await;
    let twin = before.world.twin().drift("2s");
    before.lose_cluster();

    let world = build(twin).await;
    let mut backwards = manifests.clone();
    backwards.reverse();
    company::apply(&world, &backwards).await;
    all_ready(&world, count(&manifests)).await;
    // A few drift checks, tags included.
    tokio::time::sleep(seconds(8)).await;
    assert_eq!(mutations(&world, mark).await, Vec::<String>::new());
    assert_eq!(world.codes_sent().await, codes, "nobody was sent anything");
    assert!(held == (world.aws().await, world.rotations().await));
    same(&all(&world).await, &first);
    schedules_in_sync(&world).await;

    // It knows what is its own: a tag that leaves the manifest leaves AWS, one that somebody else set stays.
    let untagged = json!({"spec": {"tags": null}});
    world.patch("Contact", "alice", &untagged).await;
    world.ready("Contact", "alice").await;
    assert_eq!(mutations(&world, mark).await, ["UntagResource"]);
    assert!(!must_hold(&world, "alice").await.tags.contains_key("team"));
    assert_eq!(must_hold(&world, "dora").await.tags["cost-center"], "1234");
    world.finish().await;
}

/// What a backup tool keeps of an object, and how it puts it back: under another UID, marked, with its finalizers.
fn backup(world: &World, (kind, object): &(String, DynamicObject)) -> Value {
    let mut copy = serde_json::to_value(object).unwrap();
    let metadata = copy["metadata"].as_object_mut().unwrap();
    for field in [
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
    ] {
        metadata.remove(field);
    }
    let mut labels = metadata.get("labels").cloned().unwrap_or(json!({}));
    labels["velero.io/restore-name"] = json!("monday");
    labels["test"] = json!(world.id);
    metadata.insert("labels".to_owned(), labels);
    copy["kind"] = json!(kind);
    copy["apiVersion"] = json!("incident-operator.dev/v1alpha1");
    copy
}

/// Puts it into the cluster; with the status when it is told to, which takes a second request.
async fn restore(world: &World, copy: &Value, with_status: bool) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let namespace = copy["metadata"]["namespace"].as_str();
    world.cluster.try_create(copy).await.unwrap();
    if with_status && !copy["status"].is_null() {
        let api = world
            .cluster
            .api(&text(&copy["kind"]), namespace)
            .await
            .unwrap();
        let patch = Patch::Merge(json!({"status": copy["status"]}));
        let name = text(&copy["metadata"]["name"]);
        api.patch_status(&name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }
}

/// Every object of ours is lost, AWS keeps what it has.
async fn lose(world: &World, objects: &[(String, DynamicObject)]) {
    for (kind, object) in objects {
        let (namespace, name) = (object.namespace(), object.name_any());
        let free = json!({"metadata": {"finalizers": null}});
        let cluster = &world.cluster;
        cluster
            .merge(kind, namespace.as_deref(), &name, &free)
            .await
            .unwrap();
        cluster
            .delete(kind, namespace.as_deref(), &name)
            .await
            .unwrap();
    }
    for (kind, object) in objects {
        let namespace = object.namespace().unwrap_or_default();
        let name = format!("{namespace}/{}", object.name_any());
        world.gone(kind, &name).await;
    }
}

#[tokio::test]
async fn objects_restored_with_or_without_their_status_go_on() {
    let mut world = build(
        World::builder("restored")
            .namespace("team")
            .without_history()
            .drift("2s"),
    )
    .await;
    let manifests = at_work(&world).await;
    // Generations of a backup mean nothing to the restored objects.
    let edited = json!({"spec": {"displayName": "Carol C"}});
    world.patch("Contact", "carol", &edited).await;
    world
        .patch(
            "Contact",
            "carol",
            &json!({"spec": {"displayName": "Person carol"}}),
        )
        .await;
    all_ready(&world, count(&manifests)).await;
    // Who refers to whom is shown a moment later.
    tokio::time::sleep(seconds(6)).await;
    let codes = world.codes_sent().await;
    for with_status in [true, false] {
        let before = world.our_objects().await.unwrap();
        let state = (world.aws().await, world.rotations().await);
        let mark = world.last_call().await;
        world.operator().kill9();
        lose(&world, &before).await;
        // Times are kept in whole seconds.
        tokio::time::sleep(seconds(2)).await;
        for object in before.iter().rev() {
            restore(&world, &backup(&world, object), with_status).await;
        }
        world.operator_mut().restart().await.unwrap();
        let objects = all_ready(&world, count(&manifests)).await;
        let read = world.operator_calls(mark).await;
        for (kind, object) in &objects {
            let old = before
                .iter()
                .find(|(k, o)| k == kind && o.name_any() == object.name_any());
            assert_ne!(old.unwrap().1.uid(), object.uid());
            // Whose it is, is asked of AWS and not of the backup.
            let Some(arn) = object.data["status"]["arn"].as_str() else {
                continue;
            };
            // The tags of endpoints come with their list.
            let asked = read.iter().any(|call| match kind.as_str() {
                "VpcEndpoint" => call.operation == "DescribeVpcEndpoints",
                _ => {
                    call.operation == "ListTagsForResource"
                        && call.resources.iter().any(|r| r == arn)
                }
            });
            assert!(asked, "{kind} {}", object.name_any());
        }
        tokio::time::sleep(seconds(5)).await;
        assert_eq!(
            mutations(&world, mark).await,
            Vec::<String>::new(),
            "{with_status}"
        );
        assert_eq!(world.codes_sent().await, codes);
        assert!(state == (world.aws().await, world.rotations().await));
        if with_status {
            let before = before.into_iter();
            let before = before.filter(|(kind, _)| company::KINDS.contains(&kind.as_str()));
            let before: Vec<_> = before.collect();
            same(&all(&world).await, &before);
        }
    }
    schedules_in_sync(&world).await;
    world.finish().await;
}

#[tokio::test]
async fn a_backup_restored_beside_the_original_takes_nothing() {
    let world = World::builder("restored-beside")
        .namespace("team")
        .namespace("copy");
    let mut world = build(world.without_history()).await;
    let manifests = at_work(&world).await;
    // Otherwise it might see an object before its status is there.
    world.operator().kill9();
    let copies = world.namespaces()[2].clone();
    let originals = all(&world).await;
    let state = (world.aws().await, world.rotations().await);
    tokio::time::sleep(seconds(2)).await;
    let mark = world.last_call().await;
    let mut addresses = secret("bob-address", &json!({"mobile": "+15005550123"}));
    addresses["metadata"]["namespace"] = json!(copies);
    world.apply_value(addresses).await;
    for object in &originals {
        let mut copy = backup(&world, object);
        copy["metadata"]["namespace"] = json!(copies);
        // The whole of it was mapped to the other namespace.
        let text = copy["spec"].to_string();
        for namespace in &world.namespaces()[..2] {
            let quoted = format!("\"{namespace}\"");
            if text.contains(&quoted) {
                let mapped = copy["spec"].to_string().replace(
                    &format!("\"namespace\":{quoted}"),
                    &format!("\"namespace\":\"{copies}\""),
                );
                copy["spec"] = serde_json::from_str(&mapped).unwrap();
            }
        }
        restore(&world, &copy, true).await;
    }
    world.operator_mut().restart().await.unwrap();
    let belongs = ["Contact", "OnCallSchedule", "EscalationPlan"];
    let check = async || {
        for (kind, object) in originals
            .iter()
            .filter(|(k, _)| belongs.contains(&k.as_str()))
        {
            let name = object.name_any();
            let stalled = world
                .stalled(kind, &format!("{copies}/{name}"), "OwnedByAnother")
                .await;
            let holder = format!("{kind}/{}/{name}", object.namespace().unwrap());
            assert!(stalled.message.contains(&holder), "{stalled}");
        }
    };
    check().await;
    // A swap of a schedule that is not its own does nothing either.
    for name in ["running", "to-come"] {
        let name = format!("{copies}/{name}");
        let waits = world
            .condition(
                "RotationOverride",
                &name,
                "Ready",
                "False",
                "ReferenceNotFound",
            )
            .await;
        assert!(
            waits.message.contains("not this object's in AWS"),
            "{waits}"
        );
    }
    tokio::time::sleep(seconds(3)).await;
    check().await;
    assert_eq!(mutations(&world, mark).await, Vec::<String>::new());
    // Deleted, they leave everything as it is, whatever their policy says.
    for (kind, object) in &originals {
        world
            .delete_and_wait(kind, &format!("{copies}/{}", object.name_any()))
            .await;
    }
    assert_eq!(mutations(&world, mark).await, Vec::<String>::new());
    assert!(state == (world.aws().await, world.rotations().await));
    all_ready(&world, count(&manifests)).await;
    world.finish().await;
}

#[tokio::test]
async fn what_was_made_for_objects_that_are_gone_is_taken_over_where_that_is_allowed() {
    let world = World::builder("heirs").without_history();
    let mut world = build(world.provider(json!({"adoption": null}))).await;
    let place = format!("arn:aws:ssm-contacts:{}:{}", world.region, world.account);
    let alice = format!("{place}:contact/alice");
    let week = rotation("week", &[&alice]);
    let plan = json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "EscalationPlan",
        "metadata": {"name": "payments"},
        "spec": {"stages": [{"durationMinutes": 5, "targets": [{"arn": alice, "onAcknowledge": "Continue"}]}]},
    });
    let testators = [contact("alice"), schedule("primary", &[week]), plan];
    let kinds = ["Contact", "OnCallSchedule", "EscalationPlan"];
    for (kind, object) in kinds.iter().zip(&testators) {
        world.apply_value(object.clone()).await;
        world
            .ready(kind, object["metadata"]["name"].as_str().unwrap())
            .await;
    }
    let state = (world.aws().await.len(), world.rotations().await.len());
    world.operator().kill9();
    lose(&world, &all(&world).await).await;
    let mark = world.last_call().await;
    for object in &testators {
        let mut heir = object.clone();
        heir["spec"]["alias"] = object["metadata"]["name"].clone();
        heir["metadata"]["name"] = json!("heir");
        heir["spec"]["adoptionPolicy"] = json!("Adopt");
        world.apply_value(heir).await;
    }
    world.operator_mut().restart().await.unwrap();
    for kind in kinds {
        let stalled = world.stalled(kind, "heir", "AdoptionNotAllowed").await;
        assert!(stalled.message.contains(&world.namespace), "{stalled}");
    }
    assert_eq!(mutations(&world, mark).await, Vec::<String>::new());

    let allowed =
        json!({"spec": {"adoption": {"allowedNamespaces": {"names": [world.namespace]}}}});
    world.patch("ProviderConfig", &world.id, &allowed).await;
    for kind in kinds {
        let heir = world.ready(kind, "heir").await;
        assert_eq!(heir.data["status"]["origin"], "Adopted", "{kind}");
        assert_eq!(heir.data["status"]["effectiveDeletionPolicy"], "Retain");
    }
    // The schedule and its rotation, the plan, Alice.
    assert_eq!(mutations(&world, mark).await, vec!["TagResource"; 4]);
    for kind in kinds {
        world.delete_and_wait(kind, "heir").await;
    }
    let sent = mutations(&world, mark).await;
    assert_eq!(sent[4..], vec!["UntagResource"; 4]);
    assert_eq!(
        (world.aws().await.len(), world.rotations().await.len()),
        state
    );
    world.finish().await;
}
