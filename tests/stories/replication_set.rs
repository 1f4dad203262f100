//! A replication set's life: made, adopted, let go; Regions come and go one at a time through restarts; its data is deleted only with every
//! consent; everything else waits for it and is woken by it.

use std::time::Duration;

use aws_sdk_ssmincidents::types::RegionMapInputValue;
use harness::simulator::When;
use harness::{Fault, World, checks, seconds};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::support::{
    Stage, advance, build, condition_now, contact, contact_with, event, findings, held, mutations,
    pending,
};

const KIND: &str = "ReplicationSet";
const CONSENT: &str = "incident-operator.dev/delete-data-of";

/// A set of these Regions. Names of the cluster's objects are shared by all tests, so it has that of its world.
fn set(world: &World, regions: &[&str]) -> Value {
    let regions: Vec<Value> = regions.iter().map(|name| json!({"name": name})).collect();
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": world.id},
        "spec": {"regions": regions},
    })
}

/// The same with fields of the spec set.
fn with(mut object: Value, spec: &Value) -> Value {
    for (field, value) in spec.as_object().into_iter().flatten() {
        object["spec"][field] = value.clone();
    }
    object
}

/// A world whose account is not set up, in which AWS takes `delay` for everything and the operator looks every second.
async fn unborn(name: &str, delay: Duration) -> Stage {
    let world = build(World::builder(name).not_onboarded().drift("1s")).await;
    knob(
        &world,
        &json!({"state_delay_ms": u64::try_from(delay.as_millis()).unwrap()}),
    )
    .await;
    world
}

async fn knob(world: &World, knobs: &Value) {
    world
        .simulator
        .knobs(Some(&world.account), knobs)
        .await
        .unwrap();
}

async fn ready(world: &World, name: &str) -> DynamicObject {
    world
        .eventually(
            &format!("{KIND} {name} is Ready"),
            seconds(60),
            async || world.find(KIND, name).await.filter(checks::is_ready),
        )
        .await
}

/// The set as AWS has it: ARN, Regions and protection.
async fn in_aws(world: &World) -> Option<(String, Vec<String>, bool)> {
    let client = world.incidents();
    let listed = client.list_replication_sets().send().await.unwrap();
    let arn = listed.replication_set_arns().first()?.clone();
    let read = client.get_replication_set().arn(&arn).send().await.unwrap();
    let set = read.replication_set().unwrap();
    let mut regions: Vec<String> = set.region_map().keys().cloned().collect();
    regions.sort();
    Some((arn, regions, set.deletion_protected()))
}

async fn tags_in_aws(world: &World, arn: &str) -> Vec<String> {
    let client = world.incidents();
    let read = client.list_tags_for_resource().resource_arn(arn);
    let mut tags: Vec<String> = read
        .send()
        .await
        .unwrap()
        .tags()
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    tags.sort();
    tags
}

fn regions(object: &DynamicObject) -> Vec<String> {
    let regions = object.data["status"]["regions"].as_array();
    let name = |r: &Value| {
        format!(
            "{} {}",
            r["name"].as_str().unwrap(),
            r["state"].as_str().unwrap()
        )
    };
    regions.into_iter().flatten().map(name).collect()
}

async fn message(world: &World, name: &str) -> String {
    let ready = condition_now(world, KIND, name, "Ready").await;
    ready
        .map(|c| format!("{}: {}", c.reason, c.message))
        .unwrap_or_default()
}

/// Waits until `Ready` says `text` for `reason`.
async fn says(world: &World, name: &str, reason: &str, text: &str) -> String {
    world
        .eventually(
            &format!("{KIND} {name} says {reason} with {text:?}"),
            harness::world::SOON,
            async || {
                let said = message(world, name).await;
                if said.starts_with(&format!("{reason}: ")) && said.contains(text) {
                    Ok(said)
                } else {
                    Err(said)
                }
            },
        )
        .await
}

async fn updates(world: &World) -> Vec<String> {
    let calls = world.operator_calls(0).await;
    calls
        .iter()
        .filter(|c| c.operation == "UpdateReplicationSet")
        .map(|c| {
            let action = &c.request["actions"][0];
            let region = |kind: &str| action[kind]["regionName"].as_str().map(str::to_owned);
            let text = match (region("addRegionAction"), region("deleteRegionAction")) {
                (Some(region), _) => format!("+{region}"),
                (_, Some(region)) => format!("-{region}"),
                _ => "?".to_owned(),
            };
            match &c.error {
                Some(error) => format!("{text} {error}"),
                None => text,
            }
        })
        .collect()
}

#[tokio::test]
async fn everything_at_once_before_the_account_is_set_up() {
    let world = build(World::builder("set-first").not_onboarded()).await;
    knob(&world, &json!({"state_delay_ms": 3000})).await;
    world.apply_value(contact("alice")).await;
    world
        .apply_value(crate::roster::schedule(
            "primary",
            &[crate::roster::rotation("week", &["alice"])],
        ))
        .await;
    let waiting = world
        .condition("Contact", "alice", "Ready", "False", "NoReplicationSet")
        .await;
    assert!(
        waiting.message.contains("a ReplicationSet makes one"),
        "{waiting}"
    );
    let began = std::time::Instant::now();
    world.apply_value(set(&world, &["us-east-1"])).await;
    // AWS takes three seconds, and the operator looks again after thirty at the latest; nobody waits for a drift check.
    let object = ready(&world, &world.id).await;
    let made = began.elapsed();
    world.ready("Contact", "alice").await;
    world.ready("OnCallSchedule", "primary").await;
    assert!(
        began.elapsed() < made + seconds(12),
        "woken by the set, not by the fallback: {:?} after {made:?}",
        began.elapsed()
    );
    assert_eq!(object.data["status"]["summary"]["regions"], "us-east-1");
    assert_eq!(object.data["status"]["summary"]["state"], "Active");
    assert_eq!(object.data["status"]["summary"]["protected"], "Yes");
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Retain");
    assert_eq!(findings(&object), ["SingleRegion/us-east-1"]);
    let (arn, _, protected) = in_aws(&world).await.unwrap();
    assert!(protected);
    assert!(tags_in_aws(&world, &arn).await.contains(&format!(
        "incident-operator/object=ReplicationSet//{}",
        world.id
    )));
    world.finish().await;
}

#[tokio::test]
async fn from_one_region_to_three_and_back_through_restarts() {
    let mut world = unborn("set-regions", seconds(2)).await;
    let name = world.id.clone();
    world.apply_value(set(&world, &["us-east-1"])).await;
    ready(&world, &name).await;
    for wanted in [
        &["us-east-1", "us-west-2", "eu-west-1"][..],
        &["us-east-1"][..],
    ] {
        world.apply_value(set(&world, wanted)).await;
        for pause in [300, 1100, 1700, 2300] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            world.operator().kill9();
            world.operator_mut().restart().await.unwrap();
        }
        let object = ready(&world, &name).await;
        let mut expected: Vec<String> = wanted.iter().map(|r| format!("{r} Active")).collect();
        expected.sort();
        assert_eq!(regions(&object), expected);
        assert!(object.data["status"]["pendingChange"].is_null());
        assert!(object.data["status"]["pendingChanges"].is_null());
    }
    // Sent once each, never while AWS was at work, what is added first.
    assert_eq!(
        updates(&world).await,
        ["+eu-west-1", "+us-west-2", "-eu-west-1", "-us-west-2"]
    );
    // On the way it was seen what was done and what was to come.
    let seen: Vec<String> = world
        .versions(KIND, &name)
        .iter()
        .filter_map(|v| {
            let change = &v.data["status"]["pendingChange"];
            Some(format!(
                "{} {}",
                change["action"].as_str()?,
                change["region"].as_str()?
            ))
        })
        .collect();
    for step in [
        "AddRegion eu-west-1",
        "AddRegion us-west-2",
        "RemoveRegion eu-west-1",
        "RemoveRegion us-west-2",
    ] {
        assert!(seen.iter().any(|s| s == step), "{step}: {seen:?}");
    }
    event(
        &world,
        KIND,
        &name,
        "Updated",
        "began to add Region eu-west-1",
    )
    .await;
    assert_eq!(in_aws(&world).await.unwrap().1, ["us-east-1"]);
    world.finish().await;
}

#[tokio::test]
async fn a_region_that_is_too_young_is_removed_a_day_later() {
    let mut world = build(
        World::builder("set-young")
            .not_onboarded()
            .simulated_clock()
            .drift("1s"),
    )
    .await;
    let name = world.id.clone();
    knob(&world, &json!({"replication_region_24h_rule": "on"})).await;
    world
        .apply_value(set(&world, &["us-east-1", "us-west-2"]))
        .await;
    ready(&world, &name).await;
    world.apply_value(set(&world, &["us-east-1"])).await;
    let said = says(&world, &name, "RegionRemovalPending", "us-west-2").await;
    assert!(said.contains("put it back into spec.regions"), "{said}");
    let object = world.get(KIND, &name).await;
    let change = &object.data["status"]["pendingChange"];
    assert_eq!(
        (&change["action"], &change["region"]),
        (&json!("RemoveRegion"), &json!("us-west-2"))
    );
    let due: jiff::Timestamp = change["notBefore"].as_str().unwrap().parse().unwrap();
    let wait = due.duration_since(world.simulator.now().await.unwrap());
    assert!(wait.as_hours() >= 23 && wait.as_hours() <= 24, "{wait:?}");
    assert_eq!(pending(&object), ["Delete regions[us-west-2]"]);
    // Drift checks and restarts go by, and AWS is not asked again.
    tokio::time::sleep(seconds(3)).await;
    world.operator().kill9();
    world.operator_mut().restart().await.unwrap();
    tokio::time::sleep(seconds(3)).await;
    advance(&world, Duration::from_secs(23 * 3600)).await;
    assert_eq!(updates(&world).await.len(), 1);
    // Another wish meanwhile: it stays, and later it goes all the same.
    world
        .apply_value(set(&world, &["us-east-1", "us-west-2"]))
        .await;
    ready(&world, &name).await;
    world.apply_value(set(&world, &["us-east-1"])).await;
    says(&world, &name, "RegionRemovalPending", "us-west-2").await;
    advance(&world, Duration::from_secs(3600 + 120)).await;
    let object = ready(&world, &name).await;
    assert_eq!(regions(&object), ["us-east-1 Active"]);
    assert!(updates(&world).await.len() <= 3);
    world.finish().await;
}

#[tokio::test]
async fn all_data_is_deleted_only_with_every_consent() {
    let world = unborn("set-delete", seconds(1)).await;
    let name = world.id.clone();
    world
        .apply_value(with(
            set(&world, &["us-east-1", "us-west-2"]),
            &json!({"deletionPolicy": "Delete"}),
        ))
        .await;
    let object = ready(&world, &name).await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    world.delete(KIND, &name).await;
    let consent = format!(
        "{}/{}",
        world.account,
        object.metadata.uid.as_ref().unwrap()
    );
    let said = says(&world, &name, "DeletionNotConfirmed", "").await;
    for missing in [
        "spec.deletionProtection: false",
        &format!("{CONSENT}: \"{consent}\""),
        &format!("Contact {}/alice", world.namespace),
        "ALL data",
        "set spec.deletionPolicy: Retain",
    ] {
        assert!(said.contains(missing), "{missing:?}: {said}");
    }
    let lacks = async |text: &str| {
        world
            .eventually(&format!("no more of {text:?}"), seconds(20), async || {
                let said = message(&world, &name).await;
                if said.contains(text) {
                    Err(said)
                } else {
                    Ok(())
                }
            })
            .await;
    };
    // One by one, and a wrong one: nothing is touched.
    world
        .patch(KIND, &name, &json!({"spec": {"deletionProtection": false}}))
        .await;
    lacks("spec.deletionProtection: false").await;
    let annotate = async |text: &str| {
        let patch = json!({"metadata": {"annotations": {CONSENT: text}}});
        world.patch(KIND, &name, &patch).await;
    };
    annotate(&world.account).await;
    tokio::time::sleep(seconds(2)).await;
    assert!(message(&world, &name).await.contains(CONSENT));
    annotate(&consent).await;
    lacks(CONSENT).await;
    assert_eq!(in_aws(&world).await.unwrap().1.len(), 2);
    assert!(held(&world, "alice").await.is_some());
    assert!(message(&world, &name).await.contains("alice"));
    world.delete_and_wait("Contact", "alice").await;
    world.gone(KIND, &name).await;
    assert_eq!(in_aws(&world).await, None);
    world
        .condition(
            "ProviderConfig",
            &name,
            "Ready",
            "False",
            "NoReplicationSet",
        )
        .await;
    let sent = mutations(&world, 0).await;
    assert_eq!(
        sent[sent.len() - 3..],
        [
            "DeleteContact",
            "UpdateDeletionProtection",
            "DeleteReplicationSet"
        ]
    );
    world.finish().await;
}

#[tokio::test]
async fn protection_that_somebody_turned_on_is_a_refusal() {
    let world = unborn("set-brake", Duration::ZERO).await;
    let name = world.id.clone();
    world
        .apply_value(with(
            set(&world, &["us-east-1"]),
            &json!({"deletionPolicy": "Delete", "deletionProtection": false}),
        ))
        .await;
    let object = ready(&world, &name).await;
    assert_eq!(
        findings(&object),
        ["DeletionProtectionOff", "SingleRegion/us-east-1"]
    );
    let arn = in_aws(&world).await.unwrap().0;
    let protect = async |on: bool| {
        let request = world.incidents().update_deletion_protection();
        request
            .arn(&arn)
            .deletion_protected(on)
            .send()
            .await
            .unwrap();
    };
    // Nobody is there to put it back before the deletion begins.
    world
        .patch(KIND, &name, &json!({"spec": {"suspend": true}}))
        .await;
    world
        .condition(KIND, &name, "Suspended", "True", "Suspended")
        .await;
    protect(true).await;
    let consent = format!(
        "{}/{}",
        world.account,
        object.metadata.uid.as_ref().unwrap()
    );
    world
        .patch(
            KIND,
            &name,
            &json!({"metadata": {"annotations": {CONSENT: consent}}}),
        )
        .await;
    world.delete(KIND, &name).await;
    world
        .patch(KIND, &name, &json!({"spec": {"suspend": false}}))
        .await;
    says(&world, &name, "DeletionNotConfirmed", "turned it on").await;
    tokio::time::sleep(seconds(2)).await;
    assert!(in_aws(&world).await.is_some());
    protect(false).await;
    // Any new value of it wakes the object.
    let asked = json!({"metadata": {"annotations": {"incident-operator.dev/reconcile-requested-at": "now"}}});
    world.patch(KIND, &name, &asked).await;
    world.gone(KIND, &name).await;
    assert_eq!(in_aws(&world).await, None);
    world.finish().await;
}

#[tokio::test]
async fn let_go_it_keeps_all_data() {
    let world = unborn("set-retain", Duration::ZERO).await;
    let name = world.id.clone();
    world
        .apply_value(with(
            set(&world, &["us-east-1", "us-west-2"]),
            &json!({"tags": {"team": "payments"}}),
        ))
        .await;
    ready(&world, &name).await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let before = in_aws(&world).await.unwrap();
    world.delete_and_wait(KIND, &name).await;
    assert_eq!(in_aws(&world).await.unwrap(), before, "protection, too");
    assert!(held(&world, "alice").await.is_some());
    assert_eq!(tags_in_aws(&world, &before.0).await, ["team=payments"]);
    // Taken up again by another object, with nothing changed.
    world
        .apply_value(with(
            set(&world, &["us-east-1", "us-west-2"]),
            &json!({"tags": {"team": "payments"}}),
        ))
        .await;
    world.stalled(KIND, &name, "AlreadyExists").await;
    world
        .apply_value(with(
            set(&world, &["us-east-1", "us-west-2"]),
            &json!({"tags": {"team": "payments"}, "adoptionPolicy": "Adopt"}),
        ))
        .await;
    let object = ready(&world, &name).await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert_eq!(in_aws(&world).await.unwrap(), before);
    world.finish().await;
}

#[tokio::test]
async fn a_set_that_is_there_is_adopted_when_nothing_but_tags_would_change() {
    let world = build(World::builder("set-adopt").drift("1s")).await;
    let name = world.id.clone();
    let (arn, _, protected) = in_aws(&world).await.unwrap();
    assert!(!protected);
    let adopting = json!({"adoptionPolicy": "Adopt"});
    world
        .apply_value(with(set(&world, &["us-east-1", "us-west-2"]), &adopting))
        .await;
    let refused = world.stalled(KIND, &name, "AdoptionWouldChange").await;
    assert!(refused.message.contains("deletionProtection"), "{refused}");
    // What is there is shown, so that one knows what to write.
    let shown = world.get(KIND, &name).await.data["status"].clone();
    assert_eq!(shown["summary"]["regions"], "us-east-1");
    assert_eq!(shown["summary"]["protected"], "No");
    assert!(
        shown["pendingChange"].is_null() && shown["arn"].is_null(),
        "{shown}"
    );
    assert_eq!(
        pending(&world.get(KIND, &name).await),
        ["Update deletionProtection", "Create regions[us-west-2]"]
    );
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    let as_it_is = json!({"adoptionPolicy": "Adopt", "deletionProtection": false});
    world
        .apply_value(with(set(&world, &["us-east-1"]), &as_it_is))
        .await;
    let object = ready(&world, &name).await;
    assert_eq!(object.data["status"]["arn"], arn.as_str());
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert_eq!(mutations(&world, 0).await, ["TagResource"]);
    // From now on it follows the spec; what somebody changes by hand is put back.
    world
        .apply_value(with(set(&world, &["us-east-1"]), &adopting))
        .await;
    ready(&world, &name).await;
    assert!(in_aws(&world).await.unwrap().2);
    world
        .incidents()
        .update_deletion_protection()
        .arn(&arn)
        .deletion_protected(false)
        .send()
        .await
        .unwrap();
    event(
        &world,
        KIND,
        &name,
        "DriftCorrected",
        "deletion protection on",
    )
    .await;
    assert!(in_aws(&world).await.unwrap().2);
    world.finish().await;
}

#[tokio::test]
async fn observed_it_is_reported_and_never_written() {
    let world = build(World::builder("set-observe").drift("1s")).await;
    let name = world.id.clone();
    let observing = json!({"managementPolicy": "Observe"});
    world
        .apply_value(with(set(&world, &["us-east-1", "us-west-2"]), &observing))
        .await;
    world
        .condition(KIND, &name, "Ready", "False", "Observing")
        .await;
    let object = world.get(KIND, &name).await;
    assert_eq!(
        pending(&object),
        ["Update deletionProtection", "Create regions[us-west-2]"]
    );
    assert_eq!(regions(&object), ["us-east-1 Active"]);
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    // An object that only looks stands in nobody's way.
    let second = json!({"adoptionPolicy": "Adopt", "deletionProtection": false});
    let mut second = with(set(&world, &["us-east-1"]), &second);
    second["metadata"]["name"] = json!(format!("{name}-b"));
    world.apply_value(second).await;
    ready(&world, &format!("{name}-b")).await;
    world.finish().await;
}

#[tokio::test]
async fn of_two_objects_the_first_has_it() {
    let world = unborn("set-two", Duration::ZERO).await;
    let name = world.id.clone();
    world.apply_value(set(&world, &["us-east-1"])).await;
    ready(&world, &name).await;
    let second = format!("{name}-b");
    let mut other = with(
        set(&world, &["us-east-1"]),
        &json!({"adoptionPolicy": "AdoptAndOverwrite"}),
    );
    other["metadata"]["name"] = json!(second);
    world.apply_value(other).await;
    let refused = world
        .stalled(KIND, &second, "DuplicateReplicationSet")
        .await;
    assert!(
        refused.message.contains(&format!("\"{name}\"")),
        "{refused}"
    );
    assert!(checks::is_ready(&world.get(KIND, &name).await));
    // Let go by the first, it is the second's.
    world.delete_and_wait(KIND, &name).await;
    let object = ready(&world, &second).await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    world.finish().await;
}

#[tokio::test]
async fn an_account_that_aws_does_not_let_in_is_told_what_to_do() {
    let world = unborn("set-closed", Duration::ZERO).await;
    let name = world.id.clone();
    knob(&world, &json!({"onboarding": "closed"})).await;
    // It wakes its users once it knows that there is none.
    world
        .condition(
            "ProviderConfig",
            &name,
            "Ready",
            "False",
            "NoReplicationSet",
        )
        .await;
    world.apply_value(set(&world, &["us-east-1"])).await;
    let refused = world.stalled(KIND, &name, "ClosedToNewCustomers").await;
    assert!(refused.message.contains("AWS Support"), "{refused}");
    // Once more, perhaps, when the ProviderConfig told at the same moment that there is none.
    tokio::time::sleep(seconds(1)).await;
    let asked = mutations(&world, 0).await;
    assert!(asked.len() <= 2, "{asked:?}");
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(mutations(&world, 0).await, asked, "not asked all the time");
    let object = world.get(KIND, &name).await;
    assert!(
        object.data["status"]["pending"].is_null() && object.data["status"]["origin"].is_null()
    );
    world.delete_and_wait(KIND, &name).await;
    world.finish().await;
}

/// Somebody makes the set in the moment between our look and our call.
async fn outrun(name: &str, error: &str, region: &str) {
    let world = unborn(name, Duration::ZERO).await;
    let object = world.id.clone();
    knob(&world, &json!({"second_replication_set_error": error})).await;
    let hold = world.hold("CreateReplicationSet", 1, When::Before).await;
    world
        .apply_value(set(&world, &["us-east-1", "us-west-2"]))
        .await;
    assert!(world.simulator.held(&hold, seconds(20)).await.unwrap());
    let client = world.simulator.incidents(&world.account, region);
    let mut request = client.create_replication_set();
    for name in ["us-east-1", "us-west-2"] {
        request = request.regions(name, RegionMapInputValue::builder().build());
    }
    request.send().await.unwrap();
    world.simulator.release(&hold).await.unwrap();
    // It is not ours only because we were about to make one.
    world.stalled(KIND, &object, "AlreadyExists").await;
    let status = world.get(KIND, &object).await.data["status"].clone();
    assert!(
        status["origin"].is_null() && status["pending"].is_null(),
        "{status}"
    );
    world
        .apply_value(with(
            set(&world, &["us-east-1", "us-west-2"]),
            &json!({"adoptionPolicy": "AdoptAndOverwrite"}),
        ))
        .await;
    let adopted = ready(&world, &object).await;
    assert_eq!(adopted.data["status"]["origin"], "Adopted");
    world.finish().await;
}

#[tokio::test]
async fn somebody_who_is_quicker_is_not_taken_for_us() {
    outrun("set-race", "ServiceQuotaExceeded", "us-east-1").await;
}

#[tokio::test]
async fn somebody_who_is_quicker_elsewhere_is_not_taken_for_us() {
    // Made in another Region: there are no tags to be read in ours.
    outrun("set-race-b", "Conflict", "us-west-2").await;
}

const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER_KEY: &str = "8765dcba-21ba-43dc-65fe-ba0987654321";

fn keyed(world: &World, keys: &[(&str, &str)]) -> Value {
    let mut object = set(world, &[]);
    let regions: Vec<Value> = keys
        .iter()
        .map(|(region, key)| {
            let arn = format!("arn:aws:kms:{region}:{}:key/{key}", world.account);
            json!({"name": region, "sseKmsKeyId": arn})
        })
        .collect();
    object["spec"]["regions"] = json!(regions);
    object
}

#[tokio::test]
async fn a_key_is_changed_where_it_can_be() {
    let world = unborn("set-keys", seconds(1)).await;
    let name = world.id.clone();
    world
        .apply_value(keyed(&world, &[("us-east-1", KEY), ("us-west-2", KEY)]))
        .await;
    ready(&world, &name).await;
    world
        .apply_value(keyed(
            &world,
            &[("us-east-1", KEY), ("us-west-2", OTHER_KEY)],
        ))
        .await;
    let object = ready(&world, &name).await;
    assert_eq!(updates(&world).await, ["-us-west-2", "+us-west-2"]);
    let key = object.data["status"]["regions"][1]["sseKmsKeyId"]
        .as_str()
        .unwrap();
    assert!(key.ends_with(OTHER_KEY), "{key}");
    // The Region in which the operator works cannot be away.
    world
        .apply_value(keyed(
            &world,
            &[("us-east-1", OTHER_KEY), ("us-west-2", OTHER_KEY)],
        ))
        .await;
    let refused = world.stalled(KIND, &name, "KeyChangeNeedsRecreate").await;
    assert!(refused.message.contains("us-east-1"), "{refused}");
    world
        .apply_value(set(&world, &["us-east-1", "us-west-2"]))
        .await;
    world
        .eventually("AWS's own key is another kind", seconds(20), async || {
            message(&world, &name).await.contains("does not mix")
        })
        .await;
    assert_eq!(updates(&world).await.len(), 2);
    world.finish().await;
}

#[tokio::test]
async fn regions_in_which_somebody_works_stay() {
    let world = unborn("set-used", Duration::ZERO).await;
    let name = world.id.clone();
    // Without the ProviderConfig's own Region nothing could be sent.
    world.apply_value(set(&world, &["us-west-2"])).await;
    let refused = world
        .stalled(KIND, &name, "RegionNotInReplicationSet")
        .await;
    assert!(refused.message.contains("us-east-1"), "{refused}");
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    world
        .apply_value(set(&world, &["us-east-1", "us-west-2"]))
        .await;
    ready(&world, &name).await;
    let west = format!("{name}-west");
    let mut config = world.provider_config();
    config["metadata"]["name"] = json!(west);
    config["spec"]["region"] = json!("us-west-2");
    world.apply_value(config).await;
    world
        .apply_value(contact_with(
            "bob",
            &json!({"providerConfigRef": {"name": west}}),
        ))
        .await;
    world.ready("Contact", "bob").await;
    world.apply_value(set(&world, &["us-east-1"])).await;
    let refused = world.stalled(KIND, &name, "RegionInUse").await;
    assert!(refused.message.contains(&west), "{refused}");
    assert_eq!(in_aws(&world).await.unwrap().1.len(), 2);
    world.delete_and_wait("Contact", "bob").await;
    let object = ready(&world, &name).await;
    assert_eq!(regions(&object), ["us-east-1 Active"]);
    world.finish().await;
}

#[tokio::test]
async fn what_aws_does_not_say_yet_is_waited_for_and_what_it_denies_is_told() {
    let world = unborn("set-faults", Duration::ZERO).await;
    let name = world.id.clone();
    // The answer to the creation is lost: made once.
    let mut lost = Fault::new("cut").operation("CreateReplicationSet");
    lost = lost.when(When::After);
    world.fault(lost).await;
    world.apply_value(set(&world, &["us-east-1"])).await;
    let object = ready(&world, &name).await;
    assert_eq!(object.data["status"]["origin"], "Created");
    // So is that to an update.
    let lost = Fault::new("internal").operation("UpdateReplicationSet");
    world.fault(lost.when(When::After)).await;
    world
        .apply_value(set(&world, &["us-east-1", "us-west-2"]))
        .await;
    ready(&world, &name).await;
    assert_eq!(in_aws(&world).await.unwrap().1.len(), 2);
    world
        .simulator
        .deny(&world.account, &["ssm-incidents:UpdateReplicationSet"])
        .await
        .unwrap();
    world.apply_value(set(&world, &["us-east-1"])).await;
    let refused = world.stalled(KIND, &name, "AccessDenied").await;
    assert!(
        refused
            .message
            .contains("ssm-incidents:UpdateReplicationSet"),
        "{refused}"
    );
    world.simulator.deny(&world.account, &[]).await.unwrap();
    world.reconcile_now(KIND, &name).await;
    ready(&world, &name).await;
    world.finish().await;
}

#[tokio::test]
async fn everything_deleted_at_once_ends_with_the_set() {
    let world = unborn("set-last", seconds(1)).await;
    let name = world.id.clone();
    world
        .apply_value(with(
            set(&world, &["us-east-1"]),
            &json!({"deletionPolicy": "Delete", "deletionProtection": false}),
        ))
        .await;
    let object = ready(&world, &name).await;
    for who in ["alice", "bob"] {
        world.apply_value(contact(who)).await;
        world.ready("Contact", who).await;
    }
    let consent = format!(
        "{}/{}",
        world.account,
        object.metadata.uid.as_ref().unwrap()
    );
    world
        .patch(
            KIND,
            &name,
            &json!({"metadata": {"annotations": {CONSENT: consent}}}),
        )
        .await;
    let hold = world.hold("DeleteContact", 1, When::Before).await;
    for who in ["alice", "bob"] {
        world.delete("Contact", who).await;
    }
    assert!(world.simulator.held(&hold, seconds(20)).await.unwrap());
    world.delete(KIND, &name).await;
    says(&world, &name, "StillReferenced", "is deleted last").await;
    assert!(in_aws(&world).await.is_some());
    world.simulator.release(&hold).await.unwrap();
    world.gone("Contact", "alice").await;
    world
        .eventually("the set goes last", seconds(60), async || {
            world.find(KIND, &name).await.is_none()
        })
        .await;
    assert_eq!(in_aws(&world).await, None);
    world.finish().await;
}

#[tokio::test]
async fn what_aws_gave_up_on_is_said_and_can_be_taken_out() {
    let world = unborn("set-failed", Duration::ZERO).await;
    let name = world.id.clone();
    let both = set(&world, &["us-east-1", "us-west-2"]);
    world.apply_value(both.clone()).await;
    ready(&world, &name).await;
    let path = format!("accounts/{}/replication-set", world.account);
    let force = async |body: Value| {
        let put = world.simulator.control("PUT", &path, Some(&body));
        put.await.unwrap();
    };
    force(json!({"regions": {"us-west-2": "FAILED"}, "statusMessage": "The KMS key is disabled"}))
        .await;
    let failed = world.stalled(KIND, &name, "ReplicationSetFailed").await;
    assert!(
        failed
            .message
            .contains("us-west-2 (AWS says: The KMS key is disabled)"),
        "{failed}"
    );
    assert_eq!(
        regions(&world.get(KIND, &name).await),
        ["us-east-1 Active", "us-west-2 Failed"]
    );
    // What might quote something is not shown.
    force(json!({"regions": {"us-west-2": "FAILED"}, "statusMessage": "ask +15005550177"})).await;
    world.reconcile_now(KIND, &name).await;
    world
        .eventually("without AWS's words", seconds(20), async || {
            !message(&world, &name).await.contains("AWS says")
        })
        .await;
    world.apply_value(set(&world, &["us-east-1"])).await;
    let object = ready(&world, &name).await;
    assert_eq!(regions(&object), ["us-east-1 Active"]);
    // The whole set: nothing is sent any more.
    let before = mutations(&world, 0).await;
    force(json!({"status": "FAILED"})).await;
    world.stalled(KIND, &name, "ReplicationSetFailed").await;
    world.apply_value(both).await;
    world.stalled(KIND, &name, "ReplicationSetFailed").await;
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(mutations(&world, 0).await, before);
    world.finish().await;
}

#[tokio::test]
async fn a_region_that_does_not_see_the_set_makes_none() {
    let world = build(World::builder("set-elsewhere").not_onboarded().drift("1h")).await;
    let name = world.id.clone();
    world
        .simulator
        .onboard(&world.account, &["eu-west-1"])
        .await
        .unwrap();
    knob(&world, &json!({"replication_set_elsewhere": "missing"})).await;
    world.apply_value(set(&world, &["us-east-1"])).await;
    says(&world, &name, "Progressing", "none of the set's").await;
    tokio::time::sleep(seconds(4)).await;
    let asked = mutations(&world, 0).await.len();
    assert!((1..=2).contains(&asked), "not asked all the time: {asked}");
    let status = world.get(KIND, &name).await.data["status"].clone();
    assert!(status["origin"].is_null() && status["pending"].is_null());
    world.delete_and_wait(KIND, &name).await;
    // Seen, it is somebody else's: nothing is taken because we have tried to make one.
    knob(&world, &json!({"replication_set_elsewhere": "seen"})).await;
    world.apply_value(set(&world, &["us-east-1"])).await;
    world.stalled(KIND, &name, "AlreadyExists").await;
    world.finish().await;
}
