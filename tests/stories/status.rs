//! What tools read: conditions as kstatus and Flux understand them, findings that come and go with time, objects that cannot be read.

use harness::world::SOON;
use harness::{World, checks, seconds};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::json;

use crate::support::{
    activate_by_hand, build, channel_arn, contact, contact_with, findings, must_hold, secret, stage,
};

/// What kstatus makes of an object.
fn kstatus(object: &DynamicObject) -> &'static str {
    let is_true = |kind: &str| checks::condition(object, kind).is_some_and(|found| found.is_true());
    if object.metadata.deletion_timestamp.is_some() {
        return "Terminating";
    }
    let observed = object.data["status"]["observedGeneration"].as_i64();
    if observed.is_some() && observed != object.metadata.generation {
        return "InProgress";
    }
    if is_true("Stalled") {
        return "Failed";
    }
    if is_true("Reconciling") {
        return "InProgress";
    }
    match checks::condition(object, "Ready") {
        Some(ready) if ready.is_true() => "Current",
        Some(_) => "InProgress",
        None => "Current",
    }
}

/// The sequence of what kstatus says over all versions, without repetitions.
fn told(versions: &[DynamicObject]) -> Vec<(i64, &'static str)> {
    let mut told: Vec<(i64, &'static str)> = versions
        .iter()
        .map(|version| (version.metadata.generation.unwrap(), kstatus(version)))
        .collect();
    told.dedup();
    told
}

#[tokio::test]
async fn an_observer_sees_progress_then_current_and_never_a_flap() {
    let world = build(World::builder("kstatus").drift("1s")).await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let first = &world.versions("Contact", "alice")[0];
    assert_eq!(
        kstatus(first),
        "InProgress",
        "a fresh object is never taken for Current: {first:?}"
    );
    for display_name in ["B", "C", "D"] {
        world
            .apply_value(contact_with("alice", &json!({"displayName": display_name})))
            .await;
        world.ready("Contact", "alice").await;
    }
    // Things that are none of its business, and things done by hand.
    let arn = must_hold(&world, "alice").await.arn;
    activate_by_hand(&world, &channel_arn(&world, "alice", "mobile").await).await;
    world
        .contacts()
        .update_contact()
        .contact_id(&arn)
        .display_name("Mallory")
        .send()
        .await
        .unwrap();
    tokio::time::sleep(seconds(3)).await;
    world.reconcile_now("Contact", "alice").await;
    world.ready("Contact", "alice").await;
    assert_eq!(world.ready_flaps("Contact", "alice"), 0);
    // And one edit that cannot be.
    let missing = json!({"secretKeyRef": {"name": "people", "key": "mobile"}});
    world
        .apply_value(contact_with("alice", &json!({"channels": [{"name": "mobile", "type": "SMS", "addressFrom": missing}], "engagementPlan": null})))
        .await;
    world
        .condition("Contact", "alice", "Ready", "False", "ReferenceNotFound")
        .await;
    world
        .apply_value(secret("people", &json!({"mobile": "not a number"})))
        .await;
    world.stalled("Contact", "alice", "InvalidSpec").await;
    world
        .apply_value(secret(
            "people",
            &json!({"mobile": contact("alice")["spec"]["channels"][0]["address"]}),
        ))
        .await;
    world.ready("Contact", "alice").await;
    let told = told(&world.versions("Contact", "alice"));
    let expected = [
        (1, "InProgress"),
        (1, "Current"),
        (2, "InProgress"),
        (2, "Current"),
        (3, "InProgress"),
        (3, "Current"),
        (4, "InProgress"),
        (4, "Current"),
        (5, "InProgress"),
        (5, "Failed"),
        (5, "Current"),
    ];
    assert_eq!(told, expected);
    world.finish().await;
}

#[tokio::test]
async fn a_finding_is_accepted_until_its_day_is_over() {
    let world = build(World::builder("accepted").simulated_clock()).await;
    // Shortly before midnight, so that the edge comes by itself.
    let now: Timestamp = "2027-03-01T23:59:51Z".parse().unwrap();
    world.simulator.set_clock(now).await.unwrap();
    tokio::time::sleep(seconds(1)).await;
    let spec = json!({
        "channels": [{"name": "mobile", "type": "SMS", "address": "+15005550150"}],
        "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}],
        "acceptedFindings": [
            {"id": "FewChannels", "reason": "she has one phone", "until": "2027-03-01"},
            {"id": "FewChannelsInPlan", "reason": "the same"},
        ],
    });
    world.apply_value(contact_with("alice", &spec)).await;
    let object = world.ready("Contact", "alice").await;
    let found = findings(&object);
    assert!(
        found.contains(&"FewChannels+".to_owned())
            && found.contains(&"FewChannelsInPlan+".to_owned()),
        "{found:?}"
    );
    world
        .eventually(
            "the day is over, and so is the acceptance",
            SOON,
            async || {
                let found = findings(&world.get("Contact", "alice").await);
                if found.contains(&"FewChannels".to_owned())
                    && found.contains(&"FewChannelsInPlan+".to_owned())
                {
                    Ok(())
                } else {
                    Err(format!("{found:?}"))
                }
            },
        )
        .await;
    let passed = world.simulator.now().await.unwrap();
    assert!(
        passed >= "2027-03-02T00:00:00Z".parse().unwrap()
            && passed < "2027-03-02T00:01:00Z".parse().unwrap(),
        "{passed}"
    );
    world.finish().await;
}

#[tokio::test]
async fn a_review_falls_due_by_itself() {
    let world = build(World::builder("review").simulated_clock()).await;
    let now: Timestamp = "2027-03-01T12:00:00Z".parse().unwrap();
    world.simulator.set_clock(now).await.unwrap();
    tokio::time::sleep(seconds(1)).await;
    let review = |day: &str| {
        contact_with(
            "alice",
            &json!({"review": {"everyDays": 30, "lastReviewed": day}}),
        )
    };
    world.apply_value(review("2027-03-01")).await;
    let object = world.ready("Contact", "alice").await;
    assert!(!findings(&object).contains(&"ReviewDue".to_owned()));
    // Just before the day, and then over its edge.
    world
        .simulator
        .set_clock("2027-03-30T23:59:52Z".parse().unwrap())
        .await
        .unwrap();
    tokio::time::sleep(seconds(2)).await;
    assert!(!findings(&world.get("Contact", "alice").await).contains(&"ReviewDue".to_owned()));
    world
        .eventually("it is due", SOON, async || {
            findings(&world.get("Contact", "alice").await).contains(&"ReviewDue".to_owned())
        })
        .await;
    world.apply_value(review("2027-03-31")).await;
    let object = world.ready("Contact", "alice").await;
    assert!(!findings(&object).contains(&"ReviewDue".to_owned()));
    assert_eq!(
        world.ready_flaps("Contact", "alice"),
        0,
        "findings are no trouble"
    );
    world.finish().await;
}

#[tokio::test]
async fn an_object_that_cannot_be_read_stops_nobody_else() {
    let mut world = stage("unreadable").await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    // Stored under another version of the CRD: a policy that this operator does not know.
    world
        .apply_value(contact_with(
            "strange",
            &json!({"deletionPolicy": "Archive"}),
        ))
        .await;
    world
        .patch(
            "Contact",
            "alice",
            &json!({"spec": {"deletionPolicy": "Archive"}}),
        )
        .await;
    let stalled = world.stalled("Contact", "strange", "InvalidObject").await;
    assert!(stalled.message.contains("CRD"), "{stalled}");
    world.stalled("Contact", "alice", "InvalidObject").await;
    world.apply_value(contact("bob")).await;
    world.ready("Contact", "bob").await;

    // Nor when it is there from the beginning.
    world.operator_mut().restart().await.unwrap();
    world.apply_value(contact("carol")).await;
    world.ready("Contact", "carol").await;
    assert_eq!(
        world.aws().await.len(),
        3,
        "nothing was made for what cannot be read"
    );

    // It goes without a trace; what it had made is retained, because nobody knows what its policy means.
    world.delete_and_wait("Contact", "strange").await;
    world.delete_and_wait("Contact", "alice").await;
    let left = must_hold(&world, "alice").await;
    assert!(left.tags.is_empty(), "{:?}", left.tags);
    world.delete_and_wait("Contact", "bob").await;

    // Corrected, it goes on.
    world
        .patch(
            "Contact",
            "carol",
            &json!({"spec": {"managementPolicy": "Watch", "displayName": "C"}}),
        )
        .await;
    world.stalled("Contact", "carol", "InvalidObject").await;
    assert!(
        world
            .get("Contact", "carol")
            .await
            .finalizers()
            .iter()
            .any(|finalizer| finalizer == "incident-operator.dev/aws")
    );
    world
        .patch(
            "Contact",
            "carol",
            &json!({"spec": {"managementPolicy": null}}),
        )
        .await;
    world.ready("Contact", "carol").await;
    assert_eq!(
        must_hold(&world, "carol").await.display_name.as_deref(),
        Some("C")
    );
    world.finish().await;
}

#[tokio::test]
async fn every_condition_has_its_column() {
    let world = stage("columns").await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    activate_by_hand(&world, &channel_arn(&world, "alice", "mobile").await).await;
    world.reconcile_now("Contact", "alice").await;
    let table = harness::table::of_kind(&world.cluster, "Contact")
        .await
        .unwrap();
    let mut lines = table.lines();
    let header = lines.next().unwrap();
    for column in ["ALIAS", "ACTIVATED", "REACHABLE", "READY", "AGE"] {
        assert!(header.contains(column), "{header}");
    }
    let row = lines.find(|line| line.contains(&world.namespace)).unwrap();
    for cell in ["alice", "1/2", "Yes", "True"] {
        assert!(row.contains(cell), "{row}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_restart_writes_nothing_whatever_state_things_are_in() {
    let mut world = build(World::builder("zoo").simulated_clock()).await;
    let foreign = world
        .contacts()
        .create_contact()
        .alias("exists")
        .r#type(aws_sdk_ssmcontacts::types::ContactType::Personal)
        .plan(
            aws_sdk_ssmcontacts::types::Plan::builder()
                .set_stages(Some(vec![]))
                .build(),
        )
        .send()
        .await
        .unwrap();
    world.apply_value(contact("ready")).await;
    world.ready("Contact", "ready").await;
    world.apply_value(contact("exists")).await;
    world
        .apply_value(contact_with(
            "would-change",
            &json!({"alias": "exists", "adoptionPolicy": "Adopt"}),
        ))
        .await;
    world
        .apply_value(contact_with("second", &json!({"alias": "ready"})))
        .await;
    world
        .apply_value(contact_with("suspended", &json!({"suspend": true})))
        .await;
    world
        .apply_value(contact_with(
            "observing",
            &json!({"managementPolicy": "Observe", "alias": "exists"}),
        ))
        .await;
    world
        .apply_value(contact_with(
            "nothing-there",
            &json!({"managementPolicy": "Observe"}),
        ))
        .await;
    world
        .apply_value(contact_with(
            "nowhere",
            &json!({"providerConfigRef": {"name": "nowhere"}}),
        ))
        .await;
    let from = json!({"secretKeyRef": {"name": "missing", "key": "mobile"}});
    let waiting = json!({"channels": [{"name": "mobile", "type": "SMS", "addressFrom": from}], "engagementPlan": null});
    world.apply_value(contact_with("waiting", &waiting)).await;
    world.apply_value(contact_with("adopted", &json!({}))).await;
    let request = |name: &str, contact: &str, channel: &str| {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ChannelActivation", "metadata": {"name": name},
            "spec": {"contactRef": {"name": contact}, "channel": channel},
        })
    };
    world
        .apply_value(request("awaiting", "ready", "mobile"))
        .await;
    world
        .condition(
            "ChannelActivation",
            "awaiting",
            "Ready",
            "True",
            "AwaitingCode",
        )
        .await;
    world
        .apply_value(request("refused", "ready", "mobile"))
        .await;
    world
        .apply_value(request("lonely", "nobody", "mobile"))
        .await;
    for (kind, name, condition, status, reason) in [
        ("Contact", "exists", "Stalled", "True", "AlreadyExists"),
        (
            "Contact",
            "would-change",
            "Stalled",
            "True",
            "AdoptionWouldChange",
        ),
        ("Contact", "second", "Stalled", "True", "OwnedByAnother"),
        ("Contact", "suspended", "Suspended", "True", "Suspended"),
        ("Contact", "observing", "Ready", "False", "Observing"),
        (
            "Contact",
            "nothing-there",
            "Ready",
            "False",
            "NotFoundInAws",
        ),
        (
            "Contact",
            "nowhere",
            "Ready",
            "False",
            "ProviderConfigNotFound",
        ),
        ("Contact", "waiting", "Ready", "False", "ReferenceNotFound"),
        ("ChannelActivation", "refused", "Stalled", "True", "Refused"),
        (
            "ChannelActivation",
            "lonely",
            "Ready",
            "False",
            "ReferenceNotFound",
        ),
    ] {
        world.condition(kind, name, condition, status, reason).await;
    }
    world.ready("Contact", "adopted").await;
    // The ProviderConfig counts its users a second later.
    tokio::time::sleep(seconds(3)).await;
    let mark = world.audit().unwrap().mark();
    let since = world.last_call().await;
    world.operator_mut().restart().await.unwrap();
    world
        .eventually("everything was looked at again", SOON, async || {
            let calls = world.operator_calls(since).await;
            calls
                .iter()
                .filter(|call| call.operation == "GetContact")
                .count()
                >= 6
        })
        .await;
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(world.operator_writes(mark), [], "a restart is no news");
    let mutating: Vec<_> = world
        .operator_calls(since)
        .await
        .into_iter()
        .filter(|call| call.mutating)
        .collect();
    assert!(mutating.is_empty(), "{mutating:?}");
    // The clock goes on: still nothing to write.
    crate::support::advance(&world, seconds(120)).await;
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(
        world.operator_writes(mark),
        [],
        "time alone changes nothing"
    );
    world.delete_and_wait("Contact", "observing").await;
    world.delete_and_wait("Contact", "would-change").await;
    world
        .contacts()
        .delete_contact()
        .contact_id(foreign.contact_arn())
        .send()
        .await
        .unwrap();
    world.reconcile_now("Contact", "exists").await;
    world.ready("Contact", "exists").await;
    world.finish().await;
}
