//! Schedules that exist in AWS already, in the hands of others, or after a rebuild; and what stays when an object goes.

use harness::world::SOON;
use harness::{World, checks, seconds};
use jiff::Timestamp;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::roster::{
    START, held_rotation, make_person, make_rotation, make_schedule, on_call_in_aws, on_call_now,
    people, primary, put, rotation, rotation_arn, schedule, schedule_with, schedules_in_sync, with,
};
use crate::support::{
    build, contact_with, event, event_count, findings, held, must_hold, mutations, pending, stage,
};

/// Alice and Bob, and a schedule `primary` with a rotation `week` of both, made by hand. Answers with the ARNs of the schedule and the rotation.
async fn by_hand(world: &World) -> (String, String) {
    let members = people(world, &["alice", "bob"]).await;
    let week = make_rotation(world, "week", &members, START).await;
    let arn = make_schedule(world, "primary", std::slice::from_ref(&week)).await;
    (arn, week)
}

fn adopting(policy: &str, rotations: &[Value]) -> Value {
    schedule_with("primary", rotations, &json!({"adoptionPolicy": policy}))
}

async fn untouched(world: &World, since: u64) {
    assert_eq!(
        mutations(world, since).await,
        Vec::<String>::new(),
        "nothing was to be touched"
    );
}

fn ours(tags: &std::collections::BTreeMap<String, String>) -> bool {
    tags.keys().any(|key| key.starts_with("incident-operator/"))
}

#[tokio::test]
async fn adopted_with_nothing_but_tags() {
    let world = build(World::builder("schedule-adopt").drift("2s")).await;
    let (arn, week) = by_hand(&world).await;
    let both = rotation("week", &["alice", "bob"]);
    let before = world.last_call().await;
    world
        .apply_value(schedule("primary", std::slice::from_ref(&both)))
        .await;
    world
        .stalled("OnCallSchedule", "primary", "AlreadyExists")
        .await;
    untouched(&world, before).await;
    assert!(
        world
            .get("OnCallSchedule", "primary")
            .await
            .metadata
            .finalizers
            .is_none()
    );

    world.apply_value(adopting("Adopt", &[both])).await;
    let object = world.ready("OnCallSchedule", "primary").await;
    assert_eq!(
        mutations(&world, before).await,
        ["TagResource", "TagResource"]
    );
    assert_eq!(object.data["status"]["arn"], arn.as_str());
    assert_eq!(rotation_arn(&object, "week"), week);
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Retain");
    assert_eq!(
        on_call_now(&object),
        on_call_in_aws(&world, Timestamp::now()).await
    );
    for tags in [
        must_hold(&world, "primary").await.tags,
        held_rotation(&world, "week").await.tags,
    ] {
        assert_eq!(tags["incident-operator/origin"], "Adopted");
    }
    event(&world, "OnCallSchedule", "primary", "Adopted", "set tags").await;
    // And never anything after.
    tokio::time::sleep(seconds(6)).await;
    world.reconcile_now("OnCallSchedule", "primary").await;
    assert_eq!(mutations(&world, before).await.len(), 2);

    // What was adopted stays, as it was found.
    let before = world.last_call().await;
    world.delete_and_wait("OnCallSchedule", "primary").await;
    assert_eq!(
        mutations(&world, before).await,
        ["UntagResource", "UntagResource"]
    );
    let left = must_hold(&world, "primary").await;
    assert_eq!(left.rotations, [week]);
    assert!(!ours(&left.tags) && !ours(&held_rotation(&world, "week").await.tags));
    world.finish().await;
}

#[tokio::test]
async fn adoption_that_would_change_something_says_what() {
    let world = stage("schedule-would-change").await;
    let (arn, week) = by_hand(&world).await;
    let other = with(
        rotation("week", &["bob", "alice"]),
        &json!({
            "timeZone": "Asia/Tokyo",
            "coverage": [{"days": ["Mon"], "start": "09:00", "end": "17:00"}],
        }),
    );
    let rotations = [other, rotation("new", &["alice"])];
    let before = world.last_call().await;
    world.apply_value(adopting("Adopt", &rotations)).await;
    let stalled = world
        .stalled("OnCallSchedule", "primary", "AdoptionWouldChange")
        .await;
    for path in [
        "Create rotations[new]",
        "Update rotations[week].contactRefs",
        "Update rotations[week].timeZone",
        "Update rotations[week].coverage",
    ] {
        assert!(stalled.message.contains(path), "{stalled}");
        assert!(pending(&world.get("OnCallSchedule", "primary").await).contains(&path.to_owned()));
    }
    untouched(&world, before).await;

    // Taken over in spite of it; a rollout that waits for shifts is for what is ours already.
    let spec = json!({"adoptionPolicy": "AdoptAndOverwrite", "rollout": "AfterCurrentShift"});
    world
        .apply_value(schedule_with("primary", &rotations, &spec))
        .await;
    let object = world.ready("OnCallSchedule", "primary").await;
    schedules_in_sync(&world).await;
    assert_eq!(object.data["status"]["arn"], arn.as_str());
    assert_eq!(rotation_arn(&object, "week"), week);
    assert!(checks::condition(&object, "RolloutPending").is_none());
    assert_eq!(held_rotation(&world, "week").await.zone, "Asia/Tokyo");
    assert_eq!(pending(&object), Vec::<String>::new());
    world.finish().await;
}

#[tokio::test]
async fn what_the_manifest_does_not_name_is_left_alone_and_shown() {
    let world = stage("schedule-unmanaged").await;
    let members = people(&world, &["alice", "bob"]).await;
    let dora = make_person(&world, "dora").await;
    let week = make_rotation(&world, "week", &members, START).await;
    let legacy = make_rotation(&world, "legacy", std::slice::from_ref(&dora), START).await;
    // Not of this schedule at all.
    let stray = make_rotation(&world, "extra", &members, START).await;
    make_schedule(&world, "primary", &[legacy.clone(), week.clone()]).await;
    let both = rotation("week", &["alice", "bob"]);
    let before = world.last_call().await;
    let spec = json!({"adoptionPolicy": "Adopt", "deletionPolicy": "Delete"});
    world
        .apply_value(schedule_with("primary", std::slice::from_ref(&both), &spec))
        .await;
    let object = world.ready("OnCallSchedule", "primary").await;
    assert_eq!(
        mutations(&world, before).await,
        ["TagResource", "TagResource"]
    );
    assert_eq!(
        object.data["status"]["unmanagedRotations"],
        json!([{"arn": legacy, "name": "legacy"}])
    );
    assert!(findings(&object).contains(&"UnmanagedRotation/legacy".to_owned()));
    assert_eq!(
        on_call_now(&object)["legacy"],
        ["dora".to_owned()].into(),
        "she is paged too"
    );
    assert!(!ours(&held_rotation(&world, "legacy").await.tags));
    // A rotation more: the other one stays in the schedule. One of the same name elsewhere is somebody else's.
    let calls = put(
        &world,
        schedule_with(
            "primary",
            &[both.clone(), rotation("extra", &["bob"])],
            &spec,
        ),
    )
    .await;
    assert_eq!(calls, ["CreateRotation", "UpdateContact"]);
    let held = must_hold(&world, "primary").await;
    assert_eq!(held.rotations.len(), 3);
    assert!(held.rotations.contains(&legacy) && !held.rotations.contains(&stray));
    put(&world, schedule_with("primary", &[both], &spec)).await;
    assert!(
        must_hold(&world, "primary")
            .await
            .rotations
            .contains(&legacy)
    );
    // Deleted with all that is ours, and nothing else.
    world.delete_and_wait("OnCallSchedule", "primary").await;
    let mut left: Vec<String> = world.rotations().await.into_iter().map(|r| r.arn).collect();
    left.sort();
    let mut wanted = vec![legacy, stray];
    wanted.sort();
    assert_eq!(left, wanted);
    world.finish().await;
}

#[tokio::test]
async fn two_rotations_of_one_name() {
    let world = stage("schedule-twins").await;
    let members = people(&world, &["alice", "bob"]).await;
    let twins = [
        make_rotation(&world, "week", &members, START).await,
        make_rotation(&world, "week", &members[..1], START).await,
    ];
    make_schedule(&world, "primary", &twins).await;
    let before = world.last_call().await;
    let both = rotation("week", &["alice", "bob"]);
    world
        .apply_value(adopting("Adopt", std::slice::from_ref(&both)))
        .await;
    let stalled = world
        .stalled("OnCallSchedule", "primary", "AdoptionWouldChange")
        .await;
    assert!(stalled.message.contains("rotations[week]"), "{stalled}");
    untouched(&world, before).await;
    // One of the two is taken out by hand: the other is the one that is meant.
    let plan = aws_sdk_ssmcontacts::types::Plan::builder()
        .rotation_ids(&twins[0])
        .build();
    let arn = must_hold(&world, "primary").await.arn;
    world
        .contacts()
        .update_contact()
        .contact_id(&arn)
        .plan(plan)
        .send()
        .await
        .unwrap();
    let before = world.last_call().await;
    world
        .apply_value(with_spec(
            &both,
            &json!({"adoptionPolicy": "Adopt", "tags": {"team": "a"}}),
        ))
        .await;
    let object = world.ready("OnCallSchedule", "primary").await;
    assert_eq!(rotation_arn(&object, "week"), twins[0]);
    assert_eq!(
        mutations(&world, before).await,
        ["TagResource", "TagResource"]
    );
    world.finish().await;
}

fn with_spec(rotation: &Value, spec: &Value) -> Value {
    schedule_with("primary", std::slice::from_ref(rotation), spec)
}

#[tokio::test]
async fn observed_only() {
    let world = stage("schedule-observe").await;
    let (arn, week) = by_hand(&world).await;
    let before = world.last_call().await;
    let both = rotation("week", &["alice", "bob"]);
    let observing = |rotation: &Value| with_spec(rotation, &json!({"managementPolicy": "Observe"}));
    world.apply_value(observing(&both)).await;
    world
        .condition("OnCallSchedule", "primary", "Ready", "True", "Observing")
        .await;
    let object = world.get("OnCallSchedule", "primary").await;
    assert_eq!(object.data["status"]["arn"], arn.as_str());
    assert_eq!(rotation_arn(&object, "week"), week);
    assert_eq!(
        on_call_now(&object),
        on_call_in_aws(&world, Timestamp::now()).await
    );
    assert!(object.metadata.finalizers.is_none());
    // What it would do.
    let other = with(
        both,
        &json!({"recurrence": {"type": "Daily", "daily": {"handOffs": [{"time": "00:00"}]}}}),
    );
    world.apply_value(observing(&other)).await;
    world
        .condition("OnCallSchedule", "primary", "Ready", "False", "Observing")
        .await;
    assert_eq!(
        pending(&world.get("OnCallSchedule", "primary").await),
        ["Update rotations[week].recurrence"]
    );
    let nothing = with_spec(
        &rotation("week", &["alice"]),
        &json!({"managementPolicy": "Observe", "alias": "nothing"}),
    );
    let mut nothing = nothing;
    nothing["metadata"]["name"] = json!("nothing");
    world.apply_value(nothing).await;
    world
        .condition(
            "OnCallSchedule",
            "nothing",
            "Ready",
            "False",
            "NotFoundInAws",
        )
        .await;
    world.delete_and_wait("OnCallSchedule", "primary").await;
    untouched(&world, before).await;
    world.finish().await;
}

#[tokio::test]
async fn retained_without_our_tags() {
    let world = stage("schedule-retain").await;
    people(&world, &["alice", "bob"]).await;
    let rotations = [
        rotation("week", &["alice", "bob"]),
        rotation("more", &["bob"]),
    ];
    let spec = json!({"deletionPolicy": "Retain", "tags": {"team": "payments"}});
    put(&world, schedule_with("primary", &rotations, &spec)).await;
    let before = world.last_call().await;
    world.delete_and_wait("OnCallSchedule", "primary").await;
    assert_eq!(mutations(&world, before).await, vec!["UntagResource"; 3]);
    event(
        &world,
        "OnCallSchedule",
        "primary",
        "Released",
        "left as it is in AWS, without our tags",
    )
    .await;
    let left = must_hold(&world, "primary").await;
    assert_eq!(left.rotations.len(), 2);
    assert!(!ours(&left.tags), "{:?}", left.tags);
    assert_eq!(left.tags["team"], "payments", "the user's own tags stay");
    for rotation in world.rotations().await {
        assert!(!ours(&rotation.tags), "{:?}", rotation.tags);
    }
    // Taken over again later.
    let spec = json!({"adoptionPolicy": "Adopt", "deletionPolicy": "Delete", "tags": {"team": "payments"}});
    let calls = put(&world, schedule_with("primary", &rotations, &spec)).await;
    assert_eq!(calls, vec!["TagResource"; 3]);
    world.delete_and_wait("OnCallSchedule", "primary").await;
    assert!(world.rotations().await.is_empty());
    assert!(held(&world, "primary").await.is_none());
    world.finish().await;
}

/// Takes an object out of the cluster as if the cluster were lost: AWS keeps everything.
async fn lose(world: &World, name: &str) {
    let patch = json!({"metadata": {"finalizers": null}});
    world.patch("OnCallSchedule", name, &patch).await;
    world.delete_and_wait("OnCallSchedule", name).await;
}

fn again(object: &DynamicObject) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "OnCallSchedule",
        "metadata": {"name": object.metadata.name},
        "spec": object.data["spec"],
    })
}

#[tokio::test]
async fn a_rebuilt_cluster_goes_on_with_its_own() {
    let mut world = stage("schedule-rebuild").await;
    people(&world, &["alice", "bob"]).await;
    let rotations = [
        rotation("week", &["alice", "bob"]),
        rotation("more", &["bob"]),
    ];
    put(&world, schedule("primary", &rotations)).await;
    let object = world.get("OnCallSchedule", "primary").await;
    let arns = [rotation_arn(&object, "week"), rotation_arn(&object, "more")];
    world.operator().kill9();
    lose(&world, "primary").await;
    let before = world.last_call().await;
    world.apply_value(again(&object)).await;
    world.operator_mut().restart().await.unwrap();
    let object = world.ready("OnCallSchedule", "primary").await;
    assert_eq!(
        [rotation_arn(&object, "week"), rotation_arn(&object, "more")],
        arns
    );
    assert_eq!(object.data["status"]["origin"], "Created");
    untouched(&world, before).await;
    assert_eq!(
        event_count(&world, "OnCallSchedule", "primary", "Created").await,
        1,
        "the first time only"
    );

    // The same with a manifest that has changed meanwhile: what is no longer named goes, since it is ours.
    world.operator().kill9();
    lose(&world, "primary").await;
    let mut fewer = again(&object);
    fewer["spec"]["rotations"]
        .as_array_mut()
        .unwrap()
        .retain(|r| r["name"] == "week");
    let before = world.last_call().await;
    world.apply_value(fewer).await;
    world.operator_mut().restart().await.unwrap();
    let object = world.ready("OnCallSchedule", "primary").await;
    assert_eq!(
        mutations(&world, before).await,
        ["UpdateContact", "DeleteRotation"]
    );
    assert_eq!(rotation_arn(&object, "week"), arns[0]);
    assert_eq!(world.rotations().await.len(), 1);
    world.delete_and_wait("OnCallSchedule", "primary").await;
    assert!(world.rotations().await.is_empty());
    world.finish().await;
}

#[tokio::test]
async fn one_alias_for_two() {
    let world = stage("schedule-alias").await;
    primary(&world).await;
    let second = schedule_with(
        "second",
        &[rotation("week", &["bob"])],
        &json!({"alias": "primary"}),
    );
    let before = world.last_call().await;
    world.apply_value(second).await;
    let stalled = world
        .stalled("OnCallSchedule", "second", "OwnedByAnother")
        .await;
    assert!(
        stalled
            .message
            .contains(&format!("OnCallSchedule/{}/primary", world.namespace)),
        "{stalled}"
    );
    // A person and a schedule share one space of aliases.
    world
        .apply_value(contact_with("person", &json!({"alias": "primary"})))
        .await;
    let stalled = world.stalled("Contact", "person", "AlreadyExists").await;
    assert!(stalled.message.contains("on-call schedule"), "{stalled}");
    let taken = schedule_with(
        "third",
        &[rotation("week", &["bob"])],
        &json!({"alias": "alice"}),
    );
    world.apply_value(taken).await;
    let stalled = world
        .stalled("OnCallSchedule", "third", "AlreadyExists")
        .await;
    assert!(stalled.message.contains("contact"), "{stalled}");
    untouched(&world, before).await;
    world.delete_and_wait("Contact", "person").await;
    world.delete_and_wait("OnCallSchedule", "third").await;
    world.delete_and_wait("OnCallSchedule", "primary").await;
    world
        .eventually("the second takes its turn", SOON, async || {
            checks::is_ready(&world.get("OnCallSchedule", "second").await)
        })
        .await;
    schedules_in_sync(&world).await;
    assert_eq!(world.rotations().await.len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn suspended() {
    let world = stage("schedule-suspend").await;
    primary(&world).await;
    let before = world.last_call().await;
    let edited = |suspend: bool| {
        with_spec(
            &rotation("week", &["carol", "bob"]),
            &json!({"suspend": suspend}),
        )
    };
    world.apply_value(edited(true)).await;
    world
        .condition(
            "OnCallSchedule",
            "primary",
            "Suspended",
            "True",
            "Suspended",
        )
        .await;
    assert!(
        checks::is_ready(&world.get("OnCallSchedule", "primary").await),
        "Ready stays as it was"
    );
    untouched(&world, before).await;
    world.apply_value(edited(false)).await;
    world
        .eventually("the edit is made", SOON, async || {
            held_rotation(&world, "week").await.members.len() == 2
        })
        .await;
    world.ready("OnCallSchedule", "primary").await;
    schedules_in_sync(&world).await;
    // Not even deleted.
    world.apply_value(edited(true)).await;
    world
        .condition(
            "OnCallSchedule",
            "primary",
            "Suspended",
            "True",
            "Suspended",
        )
        .await;
    world.delete("OnCallSchedule", "primary").await;
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(world.rotations().await.len(), 1);
    world
        .patch(
            "OnCallSchedule",
            "primary",
            &json!({"spec": {"suspend": false}}),
        )
        .await;
    world.gone("OnCallSchedule", "primary").await;
    assert!(world.rotations().await.is_empty());
    world.finish().await;
}
