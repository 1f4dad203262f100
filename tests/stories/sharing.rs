//! Two clusters on one AWS account: with different ownerIds they keep off each other's objects, with the same one they agree.

use harness::world::SOON;
use harness::{ControlPlane, World, seconds};
use kube::ResourceExt as _;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::company::{self, all, all_ready, at_work, count, of_team};
use crate::support::{Stage, build, contact_with, event, held, must_hold, mutations};

/// The other cluster.
async fn other() -> &'static ControlPlane {
    static OTHER: OnceCell<&'static ControlPlane> = OnceCell::const_new();
    OTHER
        .get_or_init(|| async { ControlPlane::another("other").await.unwrap() })
        .await
}

/// The same world there, with another ownerId when one is given.
async fn elsewhere(world: &World, owner: Option<&str>) -> Stage {
    let mut twin = world.twin().on(other().await).drift("1s");
    if let Some(owner) = owner {
        twin = twin.provider(json!({"ownerId": owner}));
    }
    build(twin).await
}

fn greedy(mut manifest: Value) -> Value {
    if matches!(
        manifest["kind"].as_str(),
        Some(
            "Contact"
                | "OnCallSchedule"
                | "EscalationPlan"
                | "ResponsePlan"
                | "RotationOverride"
                | "VpcEndpoint"
        )
    ) {
        manifest["spec"]["adoptionPolicy"] = json!("AdoptAndOverwrite");
        manifest["spec"]["deletionPolicy"] = json!("Delete");
    }
    manifest
}

#[tokio::test]
async fn another_owner_is_refused_everything_and_told_who_has_it() {
    let ours = build(World::builder("owners").namespace("team").drift("1s")).await;
    let manifests = at_work(&ours).await;
    let state = (ours.aws().await, ours.rotations().await);
    let codes = ours.codes_sent().await;
    let mark = ours.last_call().await;

    let theirs = elsewhere(&ours, Some("the-other-cluster")).await;
    let greedy: Vec<Value> = manifests.iter().cloned().map(greedy).collect();
    let files = company::apply(&theirs, &greedy).await;
    let people = ["alice", "bob", "carol", "dora", "erin"];
    let people = people.map(|name| ("Contact", name.to_owned()));
    // What names others waits for them; what names nobody here says at once whose it is.
    for (kind, name) in &people {
        let stalled = theirs.stalled(kind, name, "OwnedByAnother").await;
        let owner = format!("the owner \"{}\"", ours.id);
        assert!(stalled.message.contains(&owner), "{stalled}");
        assert!(stalled.message.contains("Retain"), "{stalled}");
        event(&theirs, kind, name, "OwnedByAnother", &ours.id).await;
        assert!(theirs.get(kind, name).await.finalizers().is_empty());
    }
    for (kind, name) in [
        ("OnCallSchedule", "primary"),
        ("OnCallSchedule", "legacy-schedule"),
        ("EscalationPlan", "payments"),
        ("EscalationPlan", "legacy-plan"),
        ("RotationOverride", "running"),
        ("RotationOverride", "to-come"),
        ("VpcEndpoint", "legacy-ssm"),
        ("VpcEndpoint", "contacts"),
        ("VpcEndpoint", "s3"),
    ] {
        let name = of_team(&theirs, name);
        theirs
            .eventually(&format!("{kind} {name} waits"), SOON, async || {
                let ready = harness::checks::condition(&theirs.get(kind, &name).await, "Ready");
                ready.is_some_and(|ready| ready.status == "False" && !ready.message.is_empty())
            })
            .await;
    }
    // Named by ARN, people do not keep a schedule or a plan from being looked at.
    let arn = |alias: &str| json!({"arn": format!("arn:aws:ssm-contacts:{}:{}:contact/{alias}", ours.region, ours.account)});
    for manifest in &greedy {
        let mut direct = manifest.clone();
        match direct["metadata"]["name"].as_str() {
            Some("legacy-schedule") => {
                direct["spec"]["rotations"][0]["contactRefs"] = json!([arn("dora")]);
            }
            Some("legacy-plan") => {
                let targets = json!([arn("legacy-schedule"), arn("dora")]);
                direct["spec"]["stages"][0]["targets"] = targets;
            }
            _ => continue,
        }
        let kind = direct["kind"].as_str().unwrap().to_owned();
        let name = of_team(&theirs, direct["metadata"]["name"].as_str().unwrap());
        theirs.apply_value(direct).await;
        let stalled = theirs.stalled(&kind, &name, "OwnedByAnother").await;
        assert!(stalled.message.contains(&ours.id), "{stalled}");
    }
    let shown = company::kubectl(&theirs, &["get", "contacts", "-n", &theirs.namespace]).await;
    assert_eq!(
        shown.matches("OwnedByAnother").count(),
        people.len(),
        "{shown}"
    );
    tokio::time::sleep(seconds(8)).await;
    let path = files.path().to_string_lossy().into_owned();
    company::kubectl(&theirs, &["delete", "-R", "-f", &path, "--timeout=60s"]).await;
    assert!(all(&theirs).await.is_empty());
    assert_eq!(mutations(&ours, mark).await, Vec::<String>::new());
    assert!(state == (ours.aws().await, ours.rotations().await));
    assert_eq!(ours.codes_sent().await, codes);
    for (kind, object) in all(&ours).await {
        let name = format!("{}/{}", object.namespace().unwrap(), object.name_any());
        assert_eq!(ours.ready_flaps(&kind, &name), 0, "{kind} {name}");
    }

    // Handed over: let go there, taken here. Whoever had it cannot take it back.
    let carol = contact_with("erin", &json!({"adoptionPolicy": "Adopt"}));
    theirs.apply_value(carol.clone()).await;
    theirs.stalled("Contact", "erin", "OwnedByAnother").await;
    ours.patch(
        "Contact",
        "erin",
        &json!({"spec": {"deletionPolicy": "Retain"}}),
    )
    .await;
    ours.delete_and_wait("Contact", "erin").await;
    theirs.reconcile_now("Contact", "erin").await;
    theirs.ready("Contact", "erin").await;
    ours.apply_value(carol).await;
    let stalled = ours.stalled("Contact", "erin", "OwnedByAnother").await;
    assert!(stalled.message.contains("the-other-cluster"), "{stalled}");
    assert_eq!(
        must_hold(&ours, "erin").await.tags["incident-operator/owner"],
        "the-other-cluster"
    );
    let sent = mutations(&ours, mark).await;
    assert!(sent.iter().all(|c| c.ends_with("agResource")), "{sent:?}");
    ours.delete_and_wait("Contact", "erin").await;
    assert!(held(&ours, "erin").await.is_some());
    theirs.finish().await;
    ours.finish().await;
}

#[tokio::test]
async fn with_the_same_owner_and_files_two_clusters_agree() {
    let one = build(World::builder("same-owner").namespace("team").drift("1s")).await;
    let manifests = at_work(&one).await;
    let codes = one.codes_sent().await;
    let before = one.last_call().await;
    let two = elsewhere(&one, None).await;
    company::apply(&two, &manifests).await;
    let objects = all_ready(&two, count(&manifests)).await;
    assert_eq!(mutations(&one, before).await, Vec::<String>::new());

    // What belongs to the beginning has passed; then drift checks with and without tags, in both.
    tokio::time::sleep(seconds(4)).await;
    let marks = [&one, &two].map(|world| world.audit().unwrap().mark());
    let since = one.last_call().await;
    tokio::time::sleep(seconds(10)).await;
    let calls = one.operator_calls(since).await;
    let asked = |operation: &str| calls.iter().filter(|c| c.operation == operation).count();
    assert!(asked("GetContact") > 50 && asked("ListTagsForResource") > 5);
    assert_eq!(mutations(&one, before).await, Vec::<String>::new());
    assert_eq!(one.codes_sent().await, codes);
    for (world, mark) in [&one, &two].into_iter().zip(marks) {
        assert_eq!(world.operator_writes(mark), []);
    }
    for (kind, object) in objects {
        let name = format!("{}/{}", object.namespace().unwrap(), object.name_any());
        for world in [&one, &two] {
            assert_eq!(world.ready_flaps(&kind, &name), 0, "{kind} {name}");
        }
    }

    // An edit in one is taken back by the other until both have it; then there is peace again.
    let edited = contact_with("carol", &json!({"displayName": "Carol C"}));
    for world in [&one, &two] {
        world.apply_value(edited.clone()).await;
    }
    for world in [&one, &two] {
        world.ready("Contact", "carol").await;
    }
    tokio::time::sleep(seconds(3)).await;
    let since = one.last_call().await;
    tokio::time::sleep(seconds(4)).await;
    assert_eq!(mutations(&one, since).await, Vec::<String>::new());
    let name = must_hold(&one, "carol").await.display_name;
    assert_eq!(name.as_deref(), Some("Carol C"));
    two.finish().await;
    one.finish().await;
}
