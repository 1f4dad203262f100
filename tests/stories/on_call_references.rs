//! Schedules and the people in them: any order, other namespaces, ARNs, and members that are deleted.

use harness::world::{SOON, namespace_gone};
use harness::{World, checks, seconds};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::roster::{
    held_rotation, make_person, member, on_call_in_aws, on_call_now, people, primary, put,
    rotation, rotation_status, schedule, schedule_with, schedules_in_sync, with,
};
use crate::support::{
    Stage, activate_by_hand, build, channel_arn, contact, event, findings, held, mutations, stage,
};

/// A world with a namespace for people and one for a team.
async fn company(name: &str) -> Stage {
    build(World::builder(name).namespace("people").namespace("team")).await
}

fn at(world: &World, place: &str, name: &str) -> String {
    format!("{}-{place}/{name}", world.id)
}

fn grant(world: &World, names: Option<&[&str]>) -> Value {
    let mut to = json!({"kind": "Contact"});
    if let Some(names) = names {
        to["names"] = json!(names);
    }
    let team = format!("{}-team", world.id);
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "AccessGrant",
        "metadata": {"name": "teams", "namespace": format!("{}-people", world.id)},
        "spec": {"from": [{"kind": "OnCallSchedule", "namespace": team}], "to": [to]},
    })
}

/// The team's schedule, in which people of the other namespace take turns.
fn teams(world: &World, members: &[&str]) -> Value {
    let members: Vec<String> = members
        .iter()
        .map(|name| at(world, "people", name))
        .collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let mut object = schedule("primary", &[rotation("week", &members)]);
    object["metadata"]["namespace"] = json!(format!("{}-team", world.id));
    object
}

/// By a watch, that is: the fallback would take a minute or more.
async fn soon_ready(world: &World, name: &str) {
    world
        .eventually(&format!("{name} is ready soon"), seconds(15), async || {
            checks::is_ready(&world.get("OnCallSchedule", name).await)
        })
        .await;
}

#[tokio::test]
async fn a_schedule_before_everything_it_needs() {
    let world = build(
        World::builder("schedule-first")
            .namespace("people")
            .namespace("team")
            .without_provider(),
    )
    .await;
    let primary = at(&world, "team", "primary");
    world.apply_value(teams(&world, &["alice", "bob"])).await;
    world
        .condition(
            "OnCallSchedule",
            &primary,
            "Ready",
            "False",
            "ProviderConfigNotFound",
        )
        .await;
    world.apply_value(world.provider_config()).await;
    // Whether the people are there is nobody's business without a grant.
    let waiting = world
        .condition(
            "OnCallSchedule",
            &primary,
            "Ready",
            "False",
            "ReferenceNotGranted",
        )
        .await;
    assert!(
        waiting.message.contains(&at(&world, "people", "alice")),
        "{waiting}"
    );
    world.apply_value(grant(&world, Some(&["alice"]))).await;
    let waiting = world
        .eventually("only bob is not granted", SOON, async || {
            let ready = checks::condition(&world.get("OnCallSchedule", &primary).await, "Ready")?;
            let bob = ready.message.contains(&at(&world, "people", "bob"));
            (bob && ready.message.contains("does not exist")).then_some(ready)
        })
        .await;
    assert_eq!(waiting.reason, "ReferenceNotGranted", "{waiting}");
    world.apply_value(grant(&world, None)).await;
    let waiting = world
        .condition(
            "OnCallSchedule",
            &primary,
            "Ready",
            "False",
            "ReferenceNotFound",
        )
        .await;
    assert!(waiting.message.contains("alice"), "{waiting}");
    assert!(checks::condition(&world.get("OnCallSchedule", &primary).await, "Stalled").is_none());
    assert!(world.rotations().await.is_empty());
    people(
        &world,
        &[&at(&world, "people", "bob"), &at(&world, "people", "alice")],
    )
    .await;
    soon_ready(&world, &primary).await;
    schedules_in_sync(&world).await;
    let resolved = checks::condition(
        &world.get("OnCallSchedule", &primary).await,
        "ReferencesResolved",
    );
    assert!(resolved.unwrap().is_true());
    assert_eq!(world.ready_flaps("OnCallSchedule", "primary"), 0);
    world.finish().await;
}

#[tokio::test]
async fn a_revoked_grant_takes_nobody_out_and_lets_nobody_in() {
    let world = build(
        World::builder("schedule-revoked")
            .namespace("people")
            .namespace("team")
            .simulated_clock(),
    )
    .await;
    let primary = at(&world, "team", "primary");
    let names = [
        at(&world, "people", "alice"),
        at(&world, "people", "bob"),
        at(&world, "people", "carol"),
    ];
    people(&world, &[&names[0], &names[1], &names[2]]).await;
    world.apply_value(grant(&world, None)).await;
    world.apply_value(teams(&world, &["alice", "bob"])).await;
    world.ready("OnCallSchedule", &primary).await;
    schedules_in_sync(&world).await;
    let before = world.last_call().await;
    world
        .delete("AccessGrant", &at(&world, "people", "teams"))
        .await;
    let revoked = world
        .condition(
            "OnCallSchedule",
            &primary,
            "Ready",
            "False",
            "ReferenceNotGranted",
        )
        .await;
    assert!(
        revoked.message.contains("stays there; nobody new is added"),
        "{revoked}"
    );
    // Nobody new.
    world
        .apply_value(teams(&world, &["alice", "bob", "carol"]))
        .await;
    world
        .eventually("carol is not let in", SOON, async || {
            let object = world.get("OnCallSchedule", &primary).await;
            let ready = checks::condition(&object, "Ready")?;
            ready.message.contains("carol").then_some(())
        })
        .await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    assert_eq!(held_rotation(&world, "week").await.members.len(), 2);
    // Who is on call is still said in time.
    let object = world.get("OnCallSchedule", &primary).await;
    let now = on_call_now(&object);
    let edge: Timestamp = object.data["status"]["summary"]["nextHandoff"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    world.simulator.set_clock(edge).await.unwrap();
    let then = world
        .eventually("the hand-off is shown", SOON, async || {
            let then = on_call_now(&world.get("OnCallSchedule", &primary).await);
            (then != now).then_some(then)
        })
        .await;
    assert_eq!(then, on_call_in_aws(&world, edge).await);
    // The people are held: they are in AWS still.
    world.delete("Contact", &names[0]).await;
    event(
        &world,
        "Contact",
        &names[0],
        "StillReferenced",
        "OnCallSchedule",
    )
    .await;
    world.apply_value(grant(&world, None)).await;
    soon_ready(&world, &primary).await;
    schedules_in_sync(&world).await;
    assert_eq!(held_rotation(&world, "week").await.members.len(), 3);
    world.delete_and_wait("OnCallSchedule", &primary).await;
    world.gone("Contact", &names[0]).await;
    world.finish().await;
}

#[tokio::test]
async fn no_other_namespace_at_all() {
    let world = build(
        World::builder("schedule-alone")
            .namespace("people")
            .namespace("team")
            .flag("--no-cross-namespace-refs"),
    )
    .await;
    let primary = at(&world, "team", "primary");
    people(&world, &[&at(&world, "people", "alice")]).await;
    world.apply_value(grant(&world, None)).await;
    world.apply_value(teams(&world, &["alice"])).await;
    let refused = world
        .condition(
            "OnCallSchedule",
            &primary,
            "Ready",
            "False",
            "ReferenceNotAllowed",
        )
        .await;
    assert!(
        refused.message.contains("--no-cross-namespace-refs"),
        "{refused}"
    );
    assert!(world.rotations().await.is_empty());
    world.finish().await;
}

#[tokio::test]
async fn arns_stand_for_people_too() {
    let world = company("schedule-arns").await;
    let alice = people(&world, &[&at(&world, "people", "alice")])
        .await
        .remove(0);
    let dora = make_person(&world, "dora").await;
    let of = |arns: &[&str]| {
        let mut object = schedule("primary", &[rotation("week", arns)]);
        object["metadata"]["namespace"] = json!(format!("{}-team", world.id));
        object
    };
    let primary = at(&world, "team", "primary");
    // An ARN of a managed person needs the grant like the name.
    world.apply_value(of(&[&alice, &dora])).await;
    world
        .condition(
            "OnCallSchedule",
            &primary,
            "Ready",
            "False",
            "ReferenceNotGranted",
        )
        .await;
    world.apply_value(grant(&world, None)).await;
    soon_ready(&world, &primary).await;
    schedules_in_sync(&world).await;
    let object = world.get("OnCallSchedule", &primary).await;
    assert_eq!(
        on_call_now(&object),
        on_call_in_aws(&world, Timestamp::now()).await
    );
    // And it holds the person.
    world
        .delete("Contact", &at(&world, "people", "alice"))
        .await;
    event(
        &world,
        "Contact",
        &at(&world, "people", "alice"),
        "StillReferenced",
        "OnCallSchedule",
    )
    .await;

    // Another account, another Region, no contact at all.
    for foreign in [
        alice.replace(&world.account, "999999999999"),
        alice.replace("us-east-1", "eu-west-1"),
    ] {
        world.apply_value(of(&[&foreign])).await;
        let stalled = world
            .stalled("OnCallSchedule", &primary, "InvalidSpec")
            .await;
        assert!(
            stalled.message.contains(&foreign) && stalled.message.contains("CHK-32"),
            "{stalled}"
        );
    }
    assert_eq!(
        held_rotation(&world, "week").await.members,
        [alice.clone(), dora.clone()]
    );
    world.delete_and_wait("OnCallSchedule", &primary).await;
    world.gone("Contact", &at(&world, "people", "alice")).await;
    world.finish().await;
}

#[tokio::test]
async fn an_arn_that_nobody_manages_may_be_forbidden() {
    let world =
        build(World::builder("schedule-deny").provider(json!({"unmanagedReferences": "Deny"})))
            .await;
    let dora = make_person(&world, "dora").await;
    world
        .apply_value(schedule("primary", &[rotation("week", &[&dora])]))
        .await;
    let refused = world
        .condition(
            "OnCallSchedule",
            "primary",
            "Ready",
            "False",
            "ReferenceNotAllowed",
        )
        .await;
    assert!(
        refused.message.contains("unmanagedReferences: Allow"),
        "{refused}"
    );
    world
        .patch(
            "ProviderConfig",
            &world.id.clone(),
            &json!({"spec": {"unmanagedReferences": "Allow"}}),
        )
        .await;
    soon_ready(&world, "primary").await;
    // Forbidden again, who is in AWS stays.
    world
        .patch(
            "ProviderConfig",
            &world.id.clone(),
            &json!({"spec": {"unmanagedReferences": "Deny"}}),
        )
        .await;
    world.reconcile_now("OnCallSchedule", "primary").await;
    world
        .condition(
            "OnCallSchedule",
            "primary",
            "Ready",
            "False",
            "ReferenceNotAllowed",
        )
        .await;
    assert_eq!(held_rotation(&world, "week").await.members, [dora]);
    world.finish().await;
}

#[tokio::test]
async fn a_member_is_held() {
    let world = stage("schedule-hold").await;
    primary(&world).await;
    let by = world
        .eventually("bob knows who refers to him", SOON, async || {
            let by = world.get("Contact", "bob").await.data["status"]["referencedBy"].clone();
            by.is_array().then_some(by)
        })
        .await;
    assert_eq!(
        by,
        json!([{"kind": "OnCallSchedule", "namespace": world.namespace, "name": "primary"}])
    );
    let before = world.last_call().await;
    world.delete("Contact", "bob").await;
    let held_back = world
        .condition("Contact", "bob", "Ready", "False", "StillReferenced")
        .await;
    assert!(held_back.message.contains("primary"), "{held_back}");
    event(
        &world,
        "Contact",
        "bob",
        "StillReferenced",
        "OnCallSchedule",
    )
    .await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    // Taken out, he goes by himself.
    put(
        &world,
        schedule("primary", &[rotation("week", &["alice", "carol"])]),
    )
    .await;
    world
        .eventually("bob is gone soon", seconds(15), async || {
            world.find("Contact", "bob").await.is_none()
        })
        .await;
    assert!(held(&world, "bob").await.is_none());
    world.finish().await;
}

#[tokio::test]
async fn a_member_who_leaves_hands_over() {
    let world = stage("schedule-leave").await;
    let arns = people(&world, &["alice", "bob", "carol"]).await;
    let spec = json!({"onMemberDeletion": "Remove"});
    let two = json!({"type": "Weekly", "weekly": {"handOffs": [{"day": "Mon", "time": "09:00"}]}, "numberOfOnCalls": 3});
    let rotations = [
        rotation("week", &["alice", "bob", "carol"]),
        with(
            rotation("all", &["alice", "bob", "carol"]),
            &json!({"recurrence": two}),
        ),
    ];
    let manifest = schedule_with("primary", &rotations, &spec);
    put(&world, manifest.clone()).await;
    let before = world.last_call().await;
    world.delete("Contact", "bob").await;
    world.gone("Contact", "bob").await;
    assert_eq!(
        mutations(&world, before).await,
        ["UpdateRotation", "UpdateRotation", "DeleteContact"]
    );
    let object = world.ready("OnCallSchedule", "primary").await;
    schedules_in_sync(&world).await;
    assert_eq!(
        held_rotation(&world, "week").await.members,
        [arns[0].clone(), arns[2].clone()]
    );
    assert_eq!(
        held_rotation(&world, "all").await.on_call,
        2,
        "as many as there are"
    );
    assert_eq!(
        object.data["spec"]["rotations"], manifest["spec"]["rotations"],
        "the manifest still names him"
    );
    assert_eq!(
        rotation_status(&object, "week")["removedMembers"],
        json!(["bob"])
    );
    for subject in ["week", "all"] {
        assert!(
            findings(&object).contains(&format!("MemberRemoved/{subject}/bob")),
            "{:?}",
            findings(&object)
        );
    }
    world.reconcile_now("OnCallSchedule", "primary").await;
    assert!(checks::is_ready(
        &world.get("OnCallSchedule", "primary").await
    ));

    // Somebody has to remain.
    world.delete_and_wait("Contact", "carol").await;
    world.delete("Contact", "alice").await;
    world
        .condition("Contact", "alice", "Ready", "False", "StillReferenced")
        .await;
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(
        held_rotation(&world, "week").await.members,
        [arns[0].clone()]
    );
    // Whoever comes back is in again, and who is held goes when others are there.
    world.apply_value(contact("bob")).await;
    world.ready("Contact", "bob").await;
    world.gone("Contact", "alice").await;
    world
        .eventually("bob is in again", SOON, async || {
            let members = held_rotation(&world, "week").await.members;
            (members == [arns[1].clone()])
                .then_some(())
                .ok_or(format!("{members:?}"))
        })
        .await;
    world.ready("OnCallSchedule", "primary").await;
    schedules_in_sync(&world).await;
    world.finish().await;
}

#[tokio::test]
async fn a_leaver_stays_until_the_shift_ends_where_edits_wait() {
    let world = build(World::builder("schedule-leave-late").simulated_clock()).await;
    let arns = people(&world, &["alice", "bob"]).await;
    world
        .simulator
        .knobs(
            Some(&world.account),
            &json!({"delete_contact_in_rotation": "succeed"}),
        )
        .await
        .unwrap();
    let spec = json!({"onMemberDeletion": "Remove", "rollout": "AfterCurrentShift"});
    put(
        &world,
        schedule_with("primary", &[rotation("week", &["alice", "bob"])], &spec),
    )
    .await;
    world.delete("Contact", "bob").await;
    let object = world
        .eventually("the edit waits", SOON, async || {
            let object = world.get("OnCallSchedule", "primary").await;
            checks::condition(&object, "RolloutPending").map(|_| object)
        })
        .await;
    world
        .condition("Contact", "bob", "Ready", "False", "StillReferenced")
        .await;
    tokio::time::sleep(seconds(2)).await;
    assert!(
        held(&world, "bob").await.is_some(),
        "who is in a rotation stays in AWS"
    );
    let edge: Timestamp = rotation_status(&object, "week")["rolloutAt"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    world.simulator.set_clock(edge).await.unwrap();
    world.gone("Contact", "bob").await;
    assert_eq!(
        held_rotation(&world, "week").await.members,
        [arns[0].clone()]
    );
    world.ready("OnCallSchedule", "primary").await;
    world.finish().await;
}

#[tokio::test]
async fn who_is_on_call_can_be_reached_or_not() {
    let world = stage("schedule-reach").await;
    let object = primary(&world).await;
    assert_eq!(object.data["status"]["summary"]["reachable"], "No");
    let who = object.data["status"]["onCallNow"][0]["contact"]
        .as_str()
        .unwrap()
        .to_owned();
    activate_by_hand(&world, &channel_arn(&world, &who, "mobile").await).await;
    world.reconcile_now("Contact", &who).await;
    world
        .condition(
            "OnCallSchedule",
            "primary",
            "OnCallReachable",
            "True",
            "SomebodyReachable",
        )
        .await;
    let object = world.get("OnCallSchedule", "primary").await;
    assert_eq!(object.data["status"]["summary"]["reachable"], "Yes");
    assert_eq!(object.data["status"]["onCallNow"][0]["reachable"], true);
    world
        .eventually("nothing is found any more", SOON, async || {
            let found = findings(&world.get("OnCallSchedule", "primary").await);
            !found.contains(&"NobodyReachable".to_owned())
        })
        .await;
    // Somebody whom no object here stands for.
    let dora = make_person(&world, "dora").await;
    put(
        &world,
        schedule(
            "primary",
            &[with(
                rotation("week", &[]),
                &json!({"contactRefs": [member(&dora)]}),
            )],
        ),
    )
    .await;
    world
        .condition(
            "OnCallSchedule",
            "primary",
            "OnCallReachable",
            "Unknown",
            "ReachabilityUnknown",
        )
        .await;
    world.finish().await;
}

#[tokio::test]
async fn everything_deleted_at_once() {
    let world = build(
        World::builder("schedule-all-gone")
            .namespace("people")
            .namespace("team")
            .without_history(),
    )
    .await;
    let names: Vec<String> = (0..8).map(|n| format!("person{n}")).collect();
    let places: Vec<String> = names
        .iter()
        .map(|name| at(&world, "people", name))
        .collect();
    people(
        &world,
        &places.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
    let spec = json!({"from": [
        {"kind": "OnCallSchedule", "namespace": format!("{}-team", world.id)},
        {"kind": "EscalationPlan", "namespace": format!("{}-team", world.id)},
    ], "to": [{"kind": "Contact"}]});
    let mut everything = vec![with(grant(&world, None), &json!({"spec": spec}))];
    for n in 0..4 {
        let members = [names[n].as_str(), names[n + 4].as_str()];
        let mut one = teams(&world, &members);
        one["metadata"]["name"] = json!(format!("schedule{n}"));
        everything.push(one);
        everything.push(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "EscalationPlan",
            "metadata": {"name": format!("plan{n}"), "namespace": format!("{}-team", world.id)},
            "spec": {"stages": [
                {"durationMinutes": 10, "targets": [{"onCallScheduleRef": {"name": format!("schedule{n}")}, "onAcknowledge": "StopEscalation"}]},
                {"durationMinutes": 15, "targets": [{"contactRef": member(&places[n]), "onAcknowledge": "Continue"}]},
            ]},
        }));
    }
    for object in everything {
        world.apply_value(object).await;
    }
    for n in 0..4 {
        world
            .ready(
                "OnCallSchedule",
                &at(&world, "team", &format!("schedule{n}")),
            )
            .await;
        world
            .ready("EscalationPlan", &at(&world, "team", &format!("plan{n}")))
            .await;
    }
    schedules_in_sync(&world).await;
    let namespaces = world.namespaces().to_vec();
    for namespace in &namespaces {
        world.delete("Namespace", namespace).await;
    }
    for namespace in &namespaces {
        namespace_gone(&world.cluster, namespace, seconds(200))
            .await
            .unwrap();
    }
    world.aws_empty().await;
    world.finish().await;
}
