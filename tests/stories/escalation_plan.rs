//! An escalation plan's life: it waits for its targets, is edited and put back field by field, holds its targets, and asks for a grant
//! before it names anybody in another namespace.

use aws_sdk_ssmcontacts::types;
use harness::world::SOON;
use harness::{World, aws, checks, seconds};
use serde_json::{Value, json};

use crate::roster::{rotation, schedule};
use crate::support::{
    Stage, activate_by_hand, build, channel_arn, condition_now, contact, contact_with, event,
    event_count, findings, held, in_sync, must_hold, mutations, pending, stage,
};

const KIND: &str = "EscalationPlan";

/// A plan over the people named: alice for five minutes, whose acknowledgement stops it, then bob.
fn plan(name: &str) -> Value {
    plan_of(
        name,
        &json!([
            {"durationMinutes": 5, "targets": [{"contactRef": {"name": "alice"}, "onAcknowledge": "StopEscalation"}]},
            {"durationMinutes": 10, "targets": [{"contactRef": {"name": "bob"}}]},
        ]),
    )
}

fn plan_of(name: &str, stages: &Value) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": name},
        "spec": {"displayName": "Payments", "stages": stages},
    })
}

/// The same with fields of the spec set; `null` takes a field away.
fn with(mut plan: Value, spec: &Value) -> Value {
    for (field, value) in spec.as_object().into_iter().flatten() {
        if value.is_null() {
            plan["spec"].as_object_mut().unwrap().remove(field);
        } else {
            plan["spec"][field] = value.clone();
        }
    }
    plan
}

/// One stage with these targets.
fn engaging(targets: &Value) -> Value {
    json!([{"durationMinutes": 5, "targets": targets}])
}

fn person(name: &str) -> Value {
    json!({"contactRef": {"name": name}})
}

/// Somebody in the namespace of the people.
fn person_in(world: &World, name: &str) -> Value {
    json!({"contactRef": {"name": name, "namespace": people(world)}})
}

fn people(world: &World) -> String {
    world.namespaces()[1].clone()
}

fn arn(world: &World, alias: &str) -> String {
    format!(
        "arn:aws:ssm-contacts:{}:{}:contact/{alias}",
        world.region, world.account
    )
}

async fn with_people(world: &World, names: &[&str]) {
    for name in names {
        world.apply_value(contact(name)).await;
    }
    for name in names {
        world.ready("Contact", name).await;
    }
}

/// By a watch, that is: the fallback would take a minute.
async fn soon_ready(world: &World, name: &str) -> kube::api::DynamicObject {
    world
        .eventually(&format!("{name} is ready soon"), seconds(12), async || {
            Some(world.get(KIND, name).await).filter(checks::is_ready)
        })
        .await
}

/// What AWS holds of a plan: minutes, and who is engaged with what an acknowledgement does.
async fn stages_in_aws(world: &World, alias: &str) -> Vec<(i32, Vec<(String, bool)>)> {
    let held = must_hold(world, alias).await;
    assert_eq!(held.kind, "ESCALATION");
    let stage = |stage: &aws::Stage| {
        let targets = stage.targets.iter().map(|(arn, how)| {
            let alias = arn.rsplit('/').next().unwrap_or_default().to_owned();
            (alias, how == "stops the plan")
        });
        let mut targets: Vec<_> = targets.collect();
        targets.sort();
        (stage.minutes, targets)
    };
    held.stages.iter().map(stage).collect()
}

fn wanted(stages: &[(i32, &[(&str, bool)])]) -> Vec<(i32, Vec<(String, bool)>)> {
    let owned = |targets: &[(&str, bool)]| {
        let targets = targets
            .iter()
            .map(|(name, stops)| ((*name).to_owned(), *stops));
        targets.collect()
    };
    stages.iter().map(|(m, t)| (*m, owned(t))).collect()
}

fn grant(namespace: &str, name: &str, from: &Value, to: &Value) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": name, "namespace": namespace}, "spec": {"from": [from], "to": [to]},
    })
}

/// Lets the world's own namespace refer to everybody among the people.
fn grant_all(world: &World) -> Value {
    grant(
        &people(world),
        "teams",
        &json!({"kind": KIND, "namespace": world.namespace}),
        &json!({"kind": "Contact"}),
    )
}

async fn with_people_elsewhere(world: &World, names: &[&str]) {
    let there = people(world);
    for name in names {
        let mut person = contact(name);
        person["metadata"]["namespace"] = json!(there);
        world.apply_value(person).await;
    }
    for name in names {
        world.ready("Contact", &format!("{there}/{name}")).await;
    }
}

/// What Contact `name` says about who refers to it.
async fn referrers(world: &World, name: &str) -> Vec<String> {
    let object = world.get("Contact", name).await;
    let referrers = object.data["status"]["referencedBy"].as_array();
    let name = |r: &Value| {
        let text = |field: &str| r[field].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("kind"), text("name"))
    };
    referrers.into_iter().flatten().map(name).collect()
}

async fn referred_by(world: &World, name: &str, expected: &[&str]) {
    world
        .eventually(
            &format!("{name} is referred to by {expected:?}"),
            seconds(15),
            async || {
                let found = referrers(world, name).await;
                if found == expected {
                    Ok(())
                } else {
                    Err(format!("{found:?}"))
                }
            },
        )
        .await;
}

#[tokio::test]
async fn a_plan_comes_before_its_targets_and_goes_with_them() {
    let world = stage("plan-first").await;
    world.apply_value(plan("payments")).await;
    let waiting = world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotFound")
        .await;
    for name in ["alice", "bob"] {
        let named = format!("Contact {}/{name}", world.namespace);
        assert!(waiting.message.contains(&named), "{waiting}");
    }
    world
        .condition(
            KIND,
            "payments",
            "ReferencesResolved",
            "False",
            "ReferenceNotFound",
        )
        .await;
    assert!(
        condition_now(&world, KIND, "payments", "Stalled")
            .await
            .is_none()
    );
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    world
        .eventually("only bob is missing", seconds(12), async || {
            let ready = condition_now(&world, KIND, "payments", "Ready").await?;
            (!ready.message.contains("alice") && ready.message.contains("bob")).then_some(())
        })
        .await;
    assert!(held(&world, "payments").await.is_none(), "not half a plan");
    world.apply_value(contact("bob")).await;
    let object = soon_ready(&world, "payments").await;
    world
        .condition(KIND, "payments", "ReferencesResolved", "True", "Resolved")
        .await;

    let status = &object.data["status"];
    assert_eq!(status["arn"], arn(&world, "payments"));
    assert_eq!(status["origin"], "Created");
    assert_eq!(
        status["summary"],
        json!({"alias": "payments", "stages": "2", "first": "alice"})
    );
    let recorded: Vec<&Value> = status["references"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["arn"])
        .collect();
    assert_eq!(
        recorded,
        [&json!(arn(&world, "alice")), &json!(arn(&world, "bob"))]
    );
    let aws = must_hold(&world, "payments").await;
    assert_eq!(aws.display_name.as_deref(), Some("Payments"));
    assert_eq!(
        aws.tags["incident-operator/object"],
        format!("{KIND}/{}/payments", world.namespace)
    );
    assert_eq!(
        stages_in_aws(&world, "payments").await,
        wanted(&[(5, &[("alice", true)]), (10, &[("bob", false)])])
    );
    let calls = world.operator_calls(0).await;
    let of_plan = calls
        .iter()
        .filter(|c| c.mutating && c.request.to_string().contains("payments"));
    assert_eq!(of_plan.count(), 1, "one write makes it");
    event(
        &world,
        KIND,
        "payments",
        "Created",
        "created escalation plan \"payments\" with 2 stages",
    )
    .await;
    assert_eq!(world.ready_flaps(KIND, "payments"), 0);
    for name in ["alice", "bob"] {
        referred_by(&world, name, &["EscalationPlan payments"]).await;
        assert!(!findings(&world.get("Contact", name).await).contains(&"Unreferenced".to_owned()));
    }
    in_sync(&world).await;

    // All at once, the people first.
    for (kind, name) in [("Contact", "alice"), ("Contact", "bob"), (KIND, "payments")] {
        world.delete(kind, name).await;
    }
    for (kind, name) in [("Contact", "alice"), ("Contact", "bob"), (KIND, "payments")] {
        world.gone(kind, name).await;
    }
    event(
        &world,
        KIND,
        "payments",
        "Deleted",
        "deleted escalation plan",
    )
    .await;
    world.aws_empty().await;
    world.finish().await;
}

/// Applies an edit and waits until it is done. Returns the changes that were sent.
async fn edit(world: &World, spec: &Value) -> Vec<String> {
    let before = world.last_call().await;
    world.apply_value(with(plan("payments"), spec)).await;
    world.ready(KIND, "payments").await;
    mutations(world, before).await
}

#[tokio::test]
async fn every_field_of_a_plan_can_be_edited() {
    let world = stage("plan-edit").await;
    with_people(&world, &["alice", "bob", "carol"]).await;
    world.apply_value(plan("payments")).await;
    world.ready(KIND, "payments").await;

    for spec in [
        json!({"displayName": "Payments 2"}),
        json!({"displayName": null}),
    ] {
        assert_eq!(edit(&world, &spec).await, ["UpdateContact"], "{spec}");
    }
    assert_eq!(
        must_hold(&world, "payments")
            .await
            .display_name
            .unwrap_or_default(),
        ""
    );
    let none: [&str; 0] = [];
    assert_eq!(
        edit(&world, &json!({"displayName": ""})).await,
        none,
        "empty and absent are the same"
    );

    let stages = |targets: Value| json!({"displayName": null, "stages": engaging(&targets)});
    let three = json!([person("alice"), person("bob"), person("carol")]);
    assert_eq!(edit(&world, &stages(three)).await, ["UpdateContact"]);
    assert_eq!(
        stages_in_aws(&world, "payments").await,
        wanted(&[(5, &[("alice", false), ("bob", false), ("carol", false)])])
    );
    event(
        &world,
        KIND,
        "payments",
        "Updated",
        &format!("stage 1: adds Contact {}/carol", world.namespace),
    )
    .await;
    let turned = json!([person("carol"), person("bob"), person("alice")]);
    assert_eq!(
        edit(&world, &stages(turned)).await,
        none,
        "order in a stage means nothing"
    );
    let explicit = json!([
        {"contactRef": {"name": "carol", "namespace": world.namespace}, "onAcknowledge": "Continue"},
        {"arn": arn(&world, "bob")}, person("alice")]);
    assert_eq!(
        edit(&world, &stages(explicit)).await,
        none,
        "the same people in other words"
    );
    let two = json!([person("carol"), {"contactRef": {"name": "bob"}, "onAcknowledge": "StopEscalation"}]);
    assert_eq!(edit(&world, &stages(two)).await, ["UpdateContact"]);
    assert_eq!(
        stages_in_aws(&world, "payments").await,
        wanted(&[(5, &[("bob", true), ("carol", false)])])
    );
    event(
        &world,
        KIND,
        "payments",
        "Updated",
        &format!("removes Contact {}/alice", world.namespace),
    )
    .await;
    referred_by(&world, "alice", &[]).await;

    let longer = json!({"displayName": null, "stages": [
        {"durationMinutes": 30, "targets": [person("alice")]},
        {"durationMinutes": 1},
        {"durationMinutes": 0, "targets": [person("bob")]},
    ]});
    assert_eq!(edit(&world, &longer).await, ["UpdateContact"]);
    assert_eq!(
        stages_in_aws(&world, "payments").await,
        wanted(&[(30, &[("alice", false)]), (1, &[]), (0, &[("bob", false)])])
    );
    assert_eq!(
        world.get(KIND, "payments").await.data["status"]["summary"]["stages"],
        "3"
    );

    let mut tagged = longer.clone();
    tagged["tags"] = json!({"team": "payments"});
    assert_eq!(edit(&world, &tagged).await, ["TagResource"]);
    assert_eq!(must_hold(&world, "payments").await.tags["team"], "payments");
    assert_eq!(edit(&world, &longer).await, ["UntagResource"]);
    let before = world.last_call().await;
    world.reconcile_now(KIND, "payments").await;
    assert_eq!(mutations(&world, before).await, none);
    assert_eq!(
        event_count(&world, KIND, "payments", "DriftCorrected").await,
        0
    );
    world.finish().await;
}

fn aws_stage(minutes: i32, targets: &[(&str, bool)]) -> types::Stage {
    let target = |(arn, essential): &(&str, bool)| {
        let info = types::ContactTargetInfo::builder()
            .contact_id(*arn)
            .is_essential(*essential)
            .build()
            .unwrap();
        types::Target::builder().contact_target_info(info).build()
    };
    types::Stage::builder()
        .duration_in_minutes(minutes)
        .set_targets(Some(targets.iter().map(target).collect()))
        .build()
        .unwrap()
}

fn aws_plan(stages: Vec<types::Stage>) -> types::Plan {
    types::Plan::builder().set_stages(Some(stages)).build()
}

#[tokio::test]
async fn drift_of_every_field_of_a_plan_is_put_back() {
    let world = stage("plan-drift").await;
    with_people(&world, &["alice", "bob", "carol"]).await;
    world
        .apply_value(with(
            plan("payments"),
            &json!({"tags": {"team": "payments"}}),
        ))
        .await;
    world.ready(KIND, "payments").await;
    let good = must_hold(&world, "payments").await;
    let client = world.contacts();
    let (alice, bob, carol) = (
        arn(&world, "alice"),
        arn(&world, "bob"),
        arn(&world, "carol"),
    );
    let (alice, bob, carol) = (alice.as_str(), bob.as_str(), carol.as_str());
    let update = || client.update_contact().contact_id(&good.arn);
    let named = |name: &str| format!("Contact {}/{name}", world.namespace);
    let plans = [
        (
            vec![
                aws_stage(6, &[(alice, true)]),
                aws_stage(10, &[(bob, false)]),
            ],
            "stage 1: 5 minutes instead of 6".to_owned(),
        ),
        (
            vec![
                aws_stage(5, &[(alice, false)]),
                aws_stage(10, &[(bob, false)]),
            ],
            format!(
                "stage 1: an acknowledgement by {} now stops the escalation",
                named("alice")
            ),
        ),
        (
            vec![
                aws_stage(5, &[(alice, true)]),
                aws_stage(10, &[(bob, false), (carol, false)]),
            ],
            "stage 2: removes \"carol\"".to_owned(),
        ),
        (
            vec![aws_stage(5, &[(alice, true)])],
            format!("adds stage 2: {}, 10 minutes", named("bob")),
        ),
        (
            vec![
                aws_stage(5, &[(alice, true)]),
                aws_stage(10, &[(bob, false)]),
                aws_stage(1, &[]),
            ],
            "removes stage 3".to_owned(),
        ),
        (
            vec![],
            format!("adds stage 1: {}, 5 minutes; adds stage 2", named("alice")),
        ),
    ];
    for (changed, said) in plans {
        update().plan(aws_plan(changed)).send().await.unwrap();
        let before = world.last_call().await;
        world.reconcile_now(KIND, "payments").await;
        assert_eq!(mutations(&world, before).await, ["UpdateContact"], "{said}");
        assert_eq!(must_hold(&world, "payments").await, good, "{said}");
        event(&world, KIND, "payments", "DriftCorrected", &said).await;
    }
    update().display_name("Somebody").send().await.unwrap();
    world.reconcile_now(KIND, "payments").await;
    event(
        &world,
        KIND,
        "payments",
        "DriftCorrected",
        "changed display name",
    )
    .await;
    client
        .untag_resource()
        .resource_arn(&good.arn)
        .tag_keys("team")
        .send()
        .await
        .unwrap();
    let mark = world.last_call().await;
    world
        .eventually("the tags are back", SOON, async || {
            world.reconcile_now(KIND, "payments").await;
            must_hold(&world, "payments").await == good
        })
        .await;
    assert_eq!(mutations(&world, mark).await, ["TagResource"]);
    client
        .delete_contact()
        .contact_id(&good.arn)
        .send()
        .await
        .unwrap();
    world
        .eventually(
            "what was deleted by hand is made again",
            seconds(40),
            async || {
                world.reconcile_now(KIND, "payments").await;
                held(&world, "payments").await.is_some()
            },
        )
        .await;
    world.ready(KIND, "payments").await;
    assert_eq!(must_hold(&world, "payments").await, good);
    world.finish().await;
}

#[tokio::test]
async fn another_namespace_takes_a_grant() {
    let world = build(
        World::builder("plan-grant")
            .namespace("people")
            .namespace("shop"),
    )
    .await;
    with_people_elsewhere(&world, &["alice", "bob", "carol"]).await;
    let alice_there = format!("{}/alice", people(&world));
    let stages = |names: &[&str]| {
        let people: Vec<Value> = names.iter().map(|n| person_in(&world, n)).collect();
        plan_of("payments", &engaging(&json!(people)))
    };
    world.apply_value(stages(&["alice", "nobody"])).await;
    let waiting = world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotGranted")
        .await;
    assert!(
        !waiting.message.contains("does not exist"),
        "who is there is nobody's business: {waiting}"
    );
    world
        .condition(
            KIND,
            "payments",
            "ReferencesResolved",
            "False",
            "ReferenceNotGranted",
        )
        .await;
    referred_by(&world, &alice_there, &[]).await;

    // A grant for other kinds, other namespaces or other people is none.
    let there = people(&world);
    let own = json!({"kind": KIND, "namespace": world.namespace});
    for (from, to) in [
        (
            json!({"kind": "OnCallSchedule", "namespace": world.namespace}),
            json!({"kind": "Contact"}),
        ),
        (
            json!({"kind": KIND, "namespace": world.namespaces()[2]}),
            json!({"kind": "Contact"}),
        ),
        (
            json!({"kind": KIND, "namespaceSelector": {"matchLabels": {"oncall": "true"}}}),
            json!({"kind": "Contact"}),
        ),
        (own.clone(), json!({"kind": "OnCallSchedule"})),
        (own.clone(), json!({"kind": "Contact", "names": ["bob"]})),
    ] {
        world.apply_value(grant(&there, "teams", &from, &to)).await;
        world.reconcile_now(KIND, "payments").await;
        let ready = condition_now(&world, KIND, "payments", "Ready")
            .await
            .unwrap();
        assert_eq!(ready.reason, "ReferenceNotGranted", "{from} {to}: {ready}");
    }
    world
        .apply_value(grant(
            &there,
            "teams",
            &own,
            &json!({"kind": "Contact", "names": ["alice", "nobody"]}),
        ))
        .await;
    world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotFound")
        .await;
    world.apply_value(stages(&["alice"])).await;
    let object = soon_ready(&world, "payments").await;
    assert_eq!(object.data["status"]["summary"]["first"], alice_there);
    referred_by(&world, &alice_there, &["EscalationPlan payments"]).await;

    // Grants add up, and a label of the namespace is enough.
    world
        .apply_value(grant(
            &there,
            "more",
            &json!({"kind": KIND, "namespaceSelector": {"matchLabels": {"oncall": "true"}}}),
            &json!({"kind": "Contact"}),
        ))
        .await;
    world.apply_value(stages(&["alice", "bob"])).await;
    world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotGranted")
        .await;
    let label = json!({"metadata": {"labels": {"oncall": "true"}}});
    world
        .cluster
        .merge("Namespace", None, &world.namespace, &label)
        .await
        .unwrap();
    soon_ready(&world, "payments").await;
    assert_eq!(
        stages_in_aws(&world, "payments").await,
        wanted(&[(5, &[("alice", false), ("bob", false)])])
    );
    world.finish().await;
}

#[tokio::test]
async fn a_revoked_grant_takes_nothing_out_and_lets_nobody_new_in() {
    let world = build(World::builder("plan-revoked").namespace("people")).await;
    with_people_elsewhere(&world, &["alice", "bob", "carol"]).await;
    with_people(&world, &["dave"]).await;
    let there = people(&world);
    world.apply_value(grant_all(&world)).await;
    let stages = |targets: Value| plan_of("payments", &engaging(&targets));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| person_in(&world, name));
    world.apply_value(stages(json!([alice, bob]))).await;
    world.ready(KIND, "payments").await;
    let good = must_hold(&world, "payments").await;
    let mark = world.last_call().await;
    let none: [&str; 0] = [];

    world.delete("AccessGrant", &format!("{there}/teams")).await;
    let revoked = world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotGranted")
        .await;
    assert!(revoked.message.contains("stays"), "{revoked}");
    world
        .condition(
            KIND,
            "payments",
            "ReferencesResolved",
            "False",
            "ReferenceNotGranted",
        )
        .await;
    for _ in 0..2 {
        world.reconcile_now(KIND, "payments").await;
    }
    assert_eq!(mutations(&world, mark).await, none);
    assert_eq!(must_hold(&world, "payments").await, good);
    assert_eq!(
        event_count(&world, KIND, "payments", "ReferenceNotGranted").await,
        1,
        "said once"
    );
    // What is in AWS still counts: nobody can be deleted from under it.
    referred_by(
        &world,
        &format!("{there}/alice"),
        &["EscalationPlan payments"],
    )
    .await;

    // Nobody new.
    world.apply_value(stages(json!([alice, bob, carol]))).await;
    world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotGranted")
        .await;
    assert_eq!(mutations(&world, mark).await, none);
    // Another edit goes through, and drift is still put back.
    world
        .apply_value(with(
            stages(json!([alice, bob])),
            &json!({"displayName": "Pay"}),
        ))
        .await;
    world
        .eventually("the display name is changed", seconds(12), async || {
            must_hold(&world, "payments").await.display_name.as_deref() == Some("Pay")
        })
        .await;
    event(&world, KIND, "payments", "Updated", "changed display name").await;
    let client = world.contacts();
    client
        .update_contact()
        .contact_id(&good.arn)
        .display_name("Somebody")
        .send()
        .await
        .unwrap();
    world.reconcile_now(KIND, "payments").await;
    assert_eq!(
        must_hold(&world, "payments").await.display_name.as_deref(),
        Some("Pay")
    );
    let ready = condition_now(&world, KIND, "payments", "Ready")
        .await
        .unwrap();
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_str()),
        ("False", "ReferenceNotGranted")
    );

    // Taken out of the spec, they go and cannot come back.
    world
        .apply_value(stages(json!([bob, person("dave")])))
        .await;
    world
        .eventually("alice is out", seconds(12), async || {
            stages_in_aws(&world, "payments").await
                == wanted(&[(5, &[("bob", false), ("dave", false)])])
        })
        .await;
    world
        .apply_value(stages(json!([alice, bob, person("dave")])))
        .await;
    world
        .eventually("alice is named", seconds(12), async || {
            let ready = condition_now(&world, KIND, "payments", "Ready").await?;
            ready.message.contains("/alice").then_some(())
        })
        .await;
    assert_eq!(
        stages_in_aws(&world, "payments").await,
        wanted(&[(5, &[("bob", false), ("dave", false)])])
    );
    world.apply_value(grant_all(&world)).await;
    soon_ready(&world, "payments").await;
    assert_eq!(
        stages_in_aws(&world, "payments").await,
        wanted(&[(5, &[("alice", false), ("bob", false), ("dave", false)])])
    );
    world.finish().await;
}

#[tokio::test]
async fn the_operator_may_be_told_to_allow_no_other_namespace() {
    let world = build(
        World::builder("plan-own")
            .namespace("people")
            .flag("--no-cross-namespace-refs"),
    )
    .await;
    with_people_elsewhere(&world, &["alice"]).await;
    with_people(&world, &["bob"]).await;
    world.apply_value(grant_all(&world)).await;
    world
        .apply_value(plan_of(
            "payments",
            &engaging(&json!([person_in(&world, "alice"), person("bob")])),
        ))
        .await;
    let refused = world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotAllowed")
        .await;
    assert!(
        refused.message.contains("--no-cross-namespace-refs"),
        "{refused}"
    );
    assert!(held(&world, "payments").await.is_none());
    world
        .apply_value(plan_of("payments", &engaging(&json!([person("bob")]))))
        .await;
    soon_ready(&world, "payments").await;
    world.finish().await;
}

#[tokio::test]
async fn nobody_goes_while_a_plan_engages_them() {
    let world = stage("plan-holds").await;
    with_people(&world, &["alice", "bob"]).await;
    world.apply_value(plan("payments")).await;
    world.ready(KIND, "payments").await;
    referred_by(&world, "alice", &["EscalationPlan payments"]).await;
    referred_by(&world, "bob", &["EscalationPlan payments"]).await;
    let named = format!("{KIND} {}/payments", world.namespace);

    for name in ["alice", "bob"] {
        world.delete("Contact", name).await;
        let waiting = world
            .condition("Contact", name, "Ready", "False", "StillReferenced")
            .await;
        assert!(waiting.message.contains(&named), "{waiting}");
        event(&world, "Contact", name, "StillReferenced", &named).await;
        assert!(held(&world, name).await.is_some());
    }
    // The plan goes on as it is.
    world.reconcile_now(KIND, "payments").await;
    world.ready(KIND, "payments").await;

    // Taken out of the plan, alice goes at once; with the plan, bob does.
    world
        .apply_value(plan_of("payments", &engaging(&json!([person("bob")]))))
        .await;
    world.gone("Contact", "alice").await;
    assert_eq!(
        stages_in_aws(&world, "payments").await,
        wanted(&[(5, &[("bob", false)])])
    );
    assert!(held(&world, "bob").await.is_some());
    world.delete_and_wait(KIND, "payments").await;
    world.gone("Contact", "bob").await;
    world.aws_empty().await;
    world.finish().await;
}

/// Makes in AWS, by hand, what `plan(alias)` describes.
async fn made_by_hand(world: &World, alias: &str) -> aws::Contact {
    let (alice, bob) = (arn(world, "alice"), arn(world, "bob"));
    world
        .contacts()
        .create_contact()
        .alias(alias)
        .display_name("Payments")
        .r#type(types::ContactType::Escalation)
        .plan(aws_plan(vec![
            aws_stage(5, &[(&alice, true)]),
            aws_stage(10, &[(&bob, false)]),
        ]))
        .tags(
            types::Tag::builder()
                .key("cost-center")
                .value("1234")
                .build(),
        )
        .send()
        .await
        .unwrap();
    must_hold(world, alias).await
}

#[tokio::test]
async fn a_plan_that_exists_is_left_alone_observed_or_adopted_as_it_is() {
    let world = stage("plan-adopt").await;
    with_people(&world, &["alice", "bob"]).await;
    let before = made_by_hand(&world, "payments").await;
    let mark = world.last_call().await;
    let none: [&str; 0] = [];
    world.apply_value(plan("payments")).await;
    world.stalled(KIND, "payments", "AlreadyExists").await;
    let different = json!({"stages": engaging(&json!([person("alice"), person("bob")])), "managementPolicy": "Observe"});
    world.apply_value(with(plan("payments"), &different)).await;
    world
        .eventually("what differs is reported", SOON, async || {
            let found = pending(&world.get(KIND, "payments").await);
            let expected = ["Update stages[0].targets", "Delete stages[1]"];
            if found == expected {
                Ok(())
            } else {
                Err(format!("{found:?}"))
            }
        })
        .await;
    world
        .apply_value(with(
            plan("payments"),
            &json!({"managementPolicy": "Observe"}),
        ))
        .await;
    let object = world.ready(KIND, "payments").await;
    assert_eq!(pending(&object), none);
    assert_eq!(object.data["status"]["summary"]["first"], "alice");
    let adopting = json!({"displayName": "Pay", "adoptionPolicy": "Adopt"});
    world.apply_value(with(plan("payments"), &adopting)).await;
    let stalled = world.stalled(KIND, "payments", "AdoptionWouldChange").await;
    assert!(stalled.message.contains("displayName"), "{stalled}");
    assert_eq!(mutations(&world, mark).await, none);
    assert_eq!(must_hold(&world, "payments").await, before);

    world
        .apply_value(with(plan("payments"), &json!({"adoptionPolicy": "Adopt"})))
        .await;
    let object = world.ready(KIND, "payments").await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Retain");
    assert_eq!(mutations(&world, mark).await, ["TagResource"]);
    world.delete_and_wait(KIND, "payments").await;
    assert_eq!(
        must_hold(&world, "payments").await,
        before,
        "as if nobody had ever adopted it"
    );

    let overwriting = json!({"displayName": "Pay", "adoptionPolicy": "AdoptAndOverwrite", "deletionPolicy": "Delete"});
    world
        .apply_value(with(plan("payments"), &overwriting))
        .await;
    world.ready(KIND, "payments").await;
    let adopted = must_hold(&world, "payments").await;
    assert_eq!(adopted.display_name.as_deref(), Some("Pay"));
    assert_eq!(adopted.tags["cost-center"], "1234");
    assert_eq!(adopted.stages, before.stages);
    world.delete_and_wait(KIND, "payments").await;
    assert!(held(&world, "payments").await.is_none());
    world.finish().await;
}

#[tokio::test]
async fn people_and_plans_share_one_space_of_aliases() {
    let world = stage("plan-alias").await;
    with_people(&world, &["alice", "bob"]).await;
    world
        .apply_value(contact_with("taken", &json!({"alias": "payments"})))
        .await;
    world.ready("Contact", "taken").await;
    let before = must_hold(&world, "payments").await;
    world
        .apply_value(with(
            plan("payments"),
            &json!({"adoptionPolicy": "AdoptAndOverwrite"}),
        ))
        .await;
    let stalled = world.stalled(KIND, "payments", "AlreadyExists").await;
    assert!(stalled.message.contains("by a contact"), "{stalled}");
    world.delete_and_wait(KIND, "payments").await;
    assert_eq!(must_hold(&world, "payments").await, before);
    world.apply_value(plan("payments")).await;
    world.stalled(KIND, "payments", "AlreadyExists").await;

    world.delete_and_wait("Contact", "taken").await;
    soon_ready(&world, "payments").await;
    assert_eq!(must_hold(&world, "payments").await.kind, "ESCALATION");

    // And the other way round.
    world
        .apply_value(contact_with("late", &json!({"alias": "payments"})))
        .await;
    let stalled = world.stalled("Contact", "late", "AlreadyExists").await;
    assert!(
        stalled.message.contains("by an escalation plan"),
        "{stalled}"
    );
    world.delete_and_wait(KIND, "payments").await;
    world
        .eventually(
            "the contact gets the alias at once",
            seconds(12),
            async || checks::is_ready(&world.get("Contact", "late").await),
        )
        .await;
    world.finish().await;
}

#[tokio::test]
async fn an_arn_is_for_what_nobody_here_manages() {
    let world = build(
        World::builder("plan-arn")
            .namespace("people")
            .provider(json!({"unmanagedReferences": null})),
    )
    .await;
    with_people(&world, &["bob"]).await;
    with_people_elsewhere(&world, &["alice"]).await;
    let client = world.contacts();
    let make = async |alias: &str, kind: types::ContactType| {
        let plan = aws_plan(vec![]);
        let made = client
            .create_contact()
            .alias(alias)
            .r#type(kind)
            .plan(plan)
            .send()
            .await;
        made.unwrap().contact_arn
    };
    let boss = make("boss", types::ContactType::Personal).await;
    let other = make("other", types::ContactType::Escalation).await;
    let by_arn = |arns: &[&str]| {
        let targets: Vec<Value> = arns.iter().map(|arn| json!({"arn": arn})).collect();
        plan_of("payments", &engaging(&json!(targets)))
    };
    let bob = arn(&world, "bob");

    world.apply_value(by_arn(&[&boss, &bob])).await;
    let denied = world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotAllowed")
        .await;
    assert!(
        denied.message.contains("unmanagedReferences: Allow") && !denied.message.contains(&bob),
        "{denied}"
    );
    let mut config = world.provider_config();
    config["spec"]["unmanagedReferences"] = json!("Allow");
    world.apply_value(config.clone()).await;
    let object = soon_ready(&world, "payments").await;
    assert_eq!(object.data["status"]["summary"]["first"], "boss, bob");
    referred_by(&world, "bob", &["EscalationPlan payments"]).await;

    // What an object manages takes the same grant, whatever it is called.
    let alice = arn(&world, "alice");
    world.apply_value(by_arn(&[&boss, &bob, &alice])).await;
    world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotGranted")
        .await;
    world.apply_value(grant_all(&world)).await;
    soon_ready(&world, "payments").await;
    referred_by(
        &world,
        &format!("{}/alice", people(&world)),
        &["EscalationPlan payments"],
    )
    .await;

    // Denied again: who is in AWS stays.
    config["spec"]
        .as_object_mut()
        .unwrap()
        .remove("unmanagedReferences");
    world.apply_value(config.clone()).await;
    world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotAllowed")
        .await;
    assert_eq!(stages_in_aws(&world, "payments").await[0].1.len(), 3);
    config["spec"]["unmanagedReferences"] = json!("Allow");
    world.apply_value(config).await;
    soon_ready(&world, "payments").await;

    // Bad ones.
    let elsewhere = boss.replace(&world.account, "999999999999");
    world.apply_value(by_arn(&[&bob, &elsewhere])).await;
    let invalid = world.stalled(KIND, "payments", "InvalidSpec").await;
    assert!(invalid.message.contains("CHK-32"), "{invalid}");
    world
        .apply_value(by_arn(&[&bob, &arn(&world, "payments")]))
        .await;
    let invalid = world.stalled(KIND, "payments", "InvalidSpec").await;
    assert!(invalid.message.contains("EscalationPlan"), "{invalid}");
    world.apply_value(by_arn(&[&bob, &other])).await;
    world.stalled(KIND, "payments", "RejectedByAws").await;
    world
        .apply_value(by_arn(&[&bob, &arn(&world, "nobody")]))
        .await;
    world.stalled(KIND, "payments", "RejectedByAws").await;
    assert_eq!(
        stages_in_aws(&world, "payments").await[0].1.len(),
        3,
        "untouched by all of that"
    );
    world.apply_value(by_arn(&[&bob])).await;
    soon_ready(&world, "payments").await;
    world.finish().await;
}

#[tokio::test]
async fn who_cannot_be_reached_and_what_is_missing_is_found() {
    let world = stage("plan-findings").await;
    with_people(&world, &["alice", "bob"]).await;
    world.apply_value(plan("payments")).await;
    let found = findings(&world.ready(KIND, "payments").await);
    let unreachable = |name: &str| format!("UnreachableTarget/Contact {}/{name}", world.namespace);
    assert_eq!(found, [unreachable("alice"), unreachable("bob")]);
    activate(&world, "alice").await;
    findings_become(&world, &[&unreachable("bob")]).await;

    let spec = json!({
        "stages": [{"durationMinutes": 2}, {"durationMinutes": 5, "targets": [person("alice"), person("alice")]}],
        "review": {"everyDays": 30, "lastReviewed": "2020-01-31"},
        "acceptedFindings": [{"id": "EmptyStage", "reason": "time to acknowledge the alarm itself"}],
        "tags": {"mail": "payments@example.com"},
    });
    world.apply_value(with(plan("payments"), &spec)).await;
    findings_become(
        &world,
        &[
            "NoBackup",
            "EmptyStage/stages[0]+",
            "DuplicateTarget/stages[1]",
            "ReviewDue",
            "SensitiveTag/tags[mail]",
        ],
    )
    .await;
    assert_eq!(
        world.get(KIND, "payments").await.data["status"]["summary"]["first"],
        "alice, alice"
    );
    world.ready(KIND, "payments").await;
    world
        .apply_value(plan_of("payments", &json!([{"durationMinutes": 2}])))
        .await;
    findings_become(&world, &["NobodyEngaged", "EmptyStage/stages[0]"]).await;
    world.finish().await;
}

async fn activate(world: &Stage, name: &str) {
    activate_by_hand(world, &channel_arn(world, name, "mobile").await).await;
    world.reconcile_now("Contact", name).await;
}

async fn findings_become(world: &World, expected: &[&str]) {
    let mut expected: Vec<String> = expected.iter().map(|e| (*e).to_owned()).collect();
    expected.sort();
    world
        .eventually(
            "the findings are as they should be",
            seconds(15),
            async || {
                let mut found = findings(&world.get(KIND, "payments").await);
                found.sort();
                if found == expected {
                    Ok(())
                } else {
                    Err(format!("{found:?}"))
                }
            },
        )
        .await;
}

#[tokio::test]
async fn a_schedule_is_a_target_like_a_person() {
    let world = build(World::builder("plan-schedule").namespace("people")).await;
    let there = people(&world);
    let stages = json!([
        {"durationMinutes": 10, "targets": [{"onCallScheduleRef": {"name": "primary"}, "onAcknowledge": "StopEscalation"}]},
        {"durationMinutes": 10, "targets": [{"onCallScheduleRef": {"name": "secondary", "namespace": there}}]},
    ]);
    world.apply_value(plan_of("payments", &stages)).await;
    world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotGranted")
        .await;
    let from = json!({"kind": KIND, "namespace": world.namespace});
    let allowed = grant(
        &there,
        "teams",
        &from,
        &json!({"kind": "OnCallSchedule", "names": ["secondary"]}),
    );
    world.apply_value(allowed).await;
    let waiting = world
        .condition(KIND, "payments", "Ready", "False", "ReferenceNotFound")
        .await;
    let primary = format!("OnCallSchedule {}/primary", world.namespace);
    assert!(waiting.message.contains(&primary), "{waiting}");
    with_people(&world, &["alice"]).await;
    with_people_elsewhere(&world, &["bob"]).await;
    world
        .apply_value(schedule("primary", &[rotation("all", &["alice"])]))
        .await;
    let mut secondary = schedule("secondary", &[rotation("all", &["bob"])]);
    secondary["metadata"]["namespace"] = json!(there);
    world.apply_value(secondary).await;
    let object = soon_ready(&world, "payments").await;
    assert_eq!(object.data["status"]["summary"]["first"], "primary");
    assert_eq!(
        stages_in_aws(&world, "payments").await,
        wanted(&[(10, &[("primary", true)]), (10, &[("secondary", false)])])
    );

    // Nobody has activated anything yet; then Alice has.
    let unreachable = [
        format!("UnreachableTarget/{primary}"),
        format!("UnreachableTarget/OnCallSchedule {there}/secondary"),
    ];
    findings_become(&world, &[&unreachable[0], &unreachable[1]]).await;
    activate(&world, "alice").await;
    findings_become(&world, &[&unreachable[1]]).await;

    // A schedule is held, and an alias is that of any kind.
    world.delete("OnCallSchedule", "primary").await;
    let held_by = world
        .condition(
            "OnCallSchedule",
            "primary",
            "Ready",
            "False",
            "StillReferenced",
        )
        .await;
    assert!(held_by.message.contains(KIND), "{held_by}");
    let same_name = plan_of("primary", &engaging(&json!([person("alice")])));
    world.apply_value(same_name).await;
    let taken = world.stalled(KIND, "primary", "AlreadyExists").await;
    assert!(taken.message.contains("by an on-call schedule"), "{taken}");
    world
        .apply_value(plan_of("payments", &json!([stages[1]])))
        .await;
    world.gone("OnCallSchedule", "primary").await;
    soon_ready(&world, "primary").await;
    assert_eq!(must_hold(&world, "primary").await.kind, "ESCALATION");
    world.finish().await;
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let world = stage("plan-denied").await;
    with_people(&world, &["alice", "bob"]).await;
    let action = "ssm-contacts:AssociateContact";
    world
        .simulator
        .deny(&world.account, &[action])
        .await
        .unwrap();
    world.apply_value(plan("payments")).await;
    let denied = world.stalled(KIND, "payments", "AccessDenied").await;
    assert!(denied.message.contains(action), "{denied}");
    assert!(held(&world, "payments").await.is_none());
    world.simulator.deny(&world.account, &[]).await.unwrap();
    world.reconcile_now(KIND, "payments").await;
    world.ready(KIND, "payments").await;
    world.finish().await;
}
