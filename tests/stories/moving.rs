//! Objects move to another namespace: retained there, applied here. AWS sees tags change and nothing else, and nobody goes off call.

use futures::StreamExt as _;
use harness::{When, World, checks, seconds};
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::company;
use crate::roster::{rotation, schedule_with, schedules_in_sync, with};
use crate::support::{Stage, build, contact_with, event, mutations};

const PEOPLE: usize = 50;

fn names() -> Vec<String> {
    (0..PEOPLE).map(|n| format!("person-{n}")).collect()
}

/// The namespaces: where people were, where they go, and the team that engages them.
fn places(world: &World) -> [String; 3] {
    [0, 1, 2].map(|n| world.namespaces()[n].clone())
}

fn at(place: &str, mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!(place);
    object
}

/// The person as the manifests of a namespace have them.
fn person(place: &str, name: &str) -> Value {
    at(
        place,
        contact_with(
            name,
            &json!({"adoptionPolicy": "Adopt", "tags": {"team": "a"}}),
        ),
    )
}

/// Five schedules of ten people each, two plans and a swap; all name people in `place`.
fn team(world: &World, place: &str) -> Vec<Value> {
    let [_, _, team] = places(world);
    let reference = |name: &str| json!({"namespace": place, "name": name});
    let all = names();
    let mut objects = vec![];
    for (number, ten) in all.chunks(10).enumerate() {
        let members: Vec<String> = ten.iter().map(|name| format!("{place}/{name}")).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let mut spec = json!({"onMemberDeletion": "Remove"});
        if number % 2 == 0 {
            spec["rollout"] = json!("AfterCurrentShift");
        }
        let week = rotation("week", &members);
        objects.push(schedule_with(&format!("schedule-{number}"), &[week], &spec));
    }
    for (number, name) in all.iter().take(2).enumerate() {
        let targets = json!([
            {"onCallScheduleRef": {"name": format!("schedule-{number}")}, "onAcknowledge": "StopEscalation"},
            {"contactRef": reference(name), "onAcknowledge": "Continue"},
        ]);
        objects.push(json!({
            "apiVersion": "incident-operator.dev/v1alpha1",
            "kind": "EscalationPlan",
            "metadata": {"name": format!("plan-{number}")},
            "spec": {"stages": [{"durationMinutes": 5, "targets": targets}]},
        }));
    }
    objects.push(json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "RotationOverride",
        "metadata": {"name": "swap"},
        "spec": {
            "scheduleRef": {"name": "schedule-0"}, "contactRefs": [reference(&all[1])],
            "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T01:00:00Z",
        },
    }));
    // A swap that is not over.
    let running = objects.last_mut().unwrap();
    let now = jiff::Timestamp::now().as_second() / 3600 * 3600;
    let text = |second| jiff::Timestamp::from_second(second).unwrap().to_string();
    running["spec"]["startTime"] = json!(text(now));
    running["spec"]["endTime"] = json!(text(now + 8 * 3600));
    objects
        .into_iter()
        .map(|object| at(&team, object))
        .collect()
}

async fn apply(world: &World, objects: Vec<Value>) {
    futures::stream::iter(objects)
        .for_each_concurrent(8, |object| async move {
            world.apply_value(object).await;
        })
        .await;
}

async fn objects(world: &World, kind: &str, place: &str) -> Vec<DynamicObject> {
    world.cluster.list(kind, Some(place)).await.unwrap()
}

/// Waits until so many objects are there, and all are Ready.
async fn ready(world: &World, kind: &str, place: &str, count: usize) {
    let what = format!("{count} {kind}s in {place} are Ready");
    world
        .eventually(&what, seconds(90), async || {
            let all = objects(world, kind, place).await;
            let not = all.iter().filter(|object| !checks::is_ready(object));
            let not: Vec<String> = not.map(ResourceExt::name_any).collect();
            if all.len() == count && not.is_empty() {
                Ok(())
            } else {
                Err(format!("{} there, not Ready: {not:?}", all.len()))
            }
        })
        .await;
}

async fn team_is_ready(world: &World) {
    let [_, _, team] = places(world);
    for (kind, count) in [
        ("OnCallSchedule", 5),
        ("EscalationPlan", 2),
        ("RotationOverride", 1),
    ] {
        ready(world, kind, &team, count).await;
    }
}

/// Everybody at work in the first namespace.
async fn furnished(name: &str) -> Stage {
    let world = World::builder(name).namespace("new").namespace("team");
    let world = build(world.without_history()).await;
    let [old, _, team_place] = places(&world);
    world.apply_value(company::grant(&old, &team_place)).await;
    let people = names().iter().map(|name| person(&old, name)).collect();
    apply(&world, people).await;
    apply(&world, team(&world, &old)).await;
    ready(&world, "Contact", &old, PEOPLE).await;
    team_is_ready(&world).await;
    schedules_in_sync(&world).await;
    world
}

/// They are to stay in AWS, and then they are deleted.
async fn retain_and_delete(world: &World, kind: &str, place: &str) {
    let found = objects(world, kind, place).await;
    futures::stream::iter(found)
        .for_each_concurrent(8, |object| async move {
            let name = object.name_any();
            let retain = json!({"spec": {"deletionPolicy": "Retain"}});
            let cluster = &world.cluster;
            cluster
                .merge(kind, Some(place), &name, &retain)
                .await
                .unwrap();
            cluster.delete(kind, Some(place), &name).await.unwrap();
        })
        .await;
}

async fn nobody_left(world: &World, kind: &str, place: &str) {
    let what = format!("no {kind} in {place}");
    world
        .eventually(&what, seconds(60), async || {
            objects(world, kind, place).await.is_empty()
        })
        .await;
}

/// What was sent to AWS since, by operation; nothing but tags may be.
async fn only_tags(world: &World, since: u64) -> (usize, usize) {
    let sent = mutations(world, since).await;
    let count = |operation: &str| sent.iter().filter(|sent| *sent == operation).count();
    let (added, removed) = (count("TagResource"), count("UntagResource"));
    assert_eq!(added + removed, sent.len(), "{sent:?}");
    (added, removed)
}

#[tokio::test]
async fn fifty_people_applied_here_before_they_are_deleted_there() {
    let world = furnished("moved-first").await;
    let [old, new, team_place] = places(&world);
    let state = (world.aws().await.len(), world.rotations().await);
    let mark = world.last_call().await;

    // All of it as one commit.
    world.apply_value(company::grant(&new, &team_place)).await;
    let people = names().iter().map(|name| person(&new, name)).collect();
    apply(&world, people).await;
    apply(&world, team(&world, &new)).await;
    let refused = format!("{new}/person-7");
    let stalled = world.stalled("Contact", &refused, "OwnedByAnother").await;
    let holder = format!("Contact/{old}/person-7");
    assert!(
        stalled.message.contains(&holder) && stalled.message.contains("deletionPolicy: Retain"),
        "{stalled}"
    );
    let waiting = format!("{team_place}/schedule-0");
    world
        .condition(
            "OnCallSchedule",
            &waiting,
            "ReferencesResolved",
            "False",
            "ReferenceNotFound",
        )
        .await;
    assert_eq!(mutations(&world, mark).await, Vec::<String>::new());

    retain_and_delete(&world, "Contact", &old).await;
    nobody_left(&world, "Contact", &old).await;
    ready(&world, "Contact", &new, PEOPLE).await;
    team_is_ready(&world).await;
    assert_eq!(only_tags(&world, mark).await, (PEOPLE, PEOPLE));
    assert_eq!((world.aws().await.len(), world.rotations().await), state);
    schedules_in_sync(&world).await;
    let moved = world.get("Contact", &refused).await;
    assert_eq!(moved.data["status"]["origin"], "Adopted");
    assert_eq!(moved.data["status"]["effectiveDeletionPolicy"], "Retain");
    world.finish().await;
}

#[tokio::test]
async fn fifty_people_deleted_there_before_they_are_applied_here() {
    let world = furnished("moved-last").await;
    let [old, new, team_place] = places(&world);
    let state = (world.aws().await.len(), world.rotations().await);
    let mark = world.last_call().await;

    // Whoever leaves a cluster does not leave AWS: nobody is taken out of a rotation, however long the deletion takes.
    let hold = world.hold("UntagResource", 1, When::Before).await;
    retain_and_delete(&world, "Contact", &old).await;
    assert!(world.simulator.held(&hold, seconds(30)).await.unwrap());
    tokio::time::sleep(seconds(2)).await;
    world.simulator.forget_hold(&hold, false).await.unwrap();
    nobody_left(&world, "Contact", &old).await;
    let waiting = format!("{team_place}/schedule-0");
    let waits = world
        .condition(
            "OnCallSchedule",
            &waiting,
            "ReferencesResolved",
            "False",
            "ReferenceNotFound",
        )
        .await;
    assert!(waits.message.contains("person-"), "{waits}");
    let waiting = world.get("OnCallSchedule", &waiting).await;
    assert!(
        waiting.data["status"]["onCallNow"]
            .as_array()
            .is_some_and(|now| !now.is_empty()),
        "who is on call is said all the time"
    );
    assert_eq!(only_tags(&world, mark).await, (0, PEOPLE));

    world.apply_value(company::grant(&new, &team_place)).await;
    let people = names().iter().map(|name| person(&new, name)).collect();
    apply(&world, people).await;
    apply(&world, team(&world, &new)).await;
    ready(&world, "Contact", &new, PEOPLE).await;
    team_is_ready(&world).await;
    assert_eq!(only_tags(&world, mark).await, (PEOPLE, PEOPLE));
    assert_eq!((world.aws().await.len(), world.rotations().await), state);
    schedules_in_sync(&world).await;
    world.finish().await;
}

/// A schedule with a swap, and a plan that names it, move together.
async fn a_team_moves(name: &str, applied_first: bool) {
    let world = furnished(name).await;
    let [old, new, team_place] = places(&world);
    // The people stay where they are; the team goes to the other namespace.
    let mut grant = company::grant(&old, &new);
    grant["metadata"]["name"] = json!("moved-team");
    world.apply_value(grant).await;
    let state = (world.aws().await.len(), world.rotations().await);
    let mark = world.last_call().await;
    let adopt = |object: Value| {
        let mut object = at(&new, object);
        object["spec"] = with(object["spec"].clone(), &json!({"adoptionPolicy": "Adopt"}));
        object
    };
    let moved: Vec<Value> = team(&world, &old).into_iter().map(adopt).collect();
    if applied_first {
        apply(&world, moved.clone()).await;
        let refused = format!("{new}/schedule-0");
        let stalled = world
            .stalled("OnCallSchedule", &refused, "OwnedByAnother")
            .await;
        let holder = format!("OnCallSchedule/{team_place}/schedule-0");
        assert!(stalled.message.contains(&holder), "{stalled}");
    }
    for kind in ["RotationOverride", "EscalationPlan", "OnCallSchedule"] {
        retain_and_delete(&world, kind, &team_place).await;
    }
    for kind in ["RotationOverride", "EscalationPlan", "OnCallSchedule"] {
        nobody_left(&world, kind, &team_place).await;
    }
    if !applied_first {
        apply(&world, moved).await;
    }
    for (kind, count) in [
        ("OnCallSchedule", 5),
        ("EscalationPlan", 2),
        ("RotationOverride", 1),
    ] {
        ready(&world, kind, &new, count).await;
    }
    // A schedule has a rotation, and each is tagged.
    assert_eq!(only_tags(&world, mark).await, (5 * 2 + 2, 5 * 2 + 2));
    let strip = |rotations: Vec<harness::aws::Rotation>| {
        let rotations = rotations.into_iter();
        rotations
            .map(|mut rotation| {
                rotation.tags.clear();
                rotation
            })
            .collect::<Vec<_>>()
    };
    let now = (world.aws().await.len(), strip(world.rotations().await));
    assert_eq!(now, (state.0, strip(state.1)));
    event(
        &world,
        "OnCallSchedule",
        &format!("{new}/schedule-0"),
        "Adopted",
        "set tags",
    )
    .await;
    schedules_in_sync(&world).await;
    world.finish().await;
}

#[tokio::test]
async fn a_team_applied_here_before_it_is_deleted_there() {
    a_team_moves("team-first", true).await;
}

#[tokio::test]
async fn a_team_deleted_there_before_it_is_applied_here() {
    a_team_moves("team-last", false).await;
}
