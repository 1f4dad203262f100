//! A test page proves that somebody can be reached, pages once, and goes no farther than that.

use harness::world::SOON;
use harness::{Fault, When, World, seconds};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::support::{activate_by_hand, advance, build, channel_arn, contact_with, event};

const KIND: &str = "TestPage";

async fn test(world: &World, name: &str, minutes: i64, target: &Value) -> Value {
    let now = world.simulator.now().await.unwrap();
    let deadline = now + jiff::SignedDuration::from_mins(minutes);
    let deadline = jiff::Timestamp::from_second(deadline.as_second()).unwrap();
    let mut spec = target.clone();
    spec["startDeadline"] = json!(deadline.to_string());
    json!({"apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": name}, "spec": spec})
}

fn alice() -> Value {
    json!({"contactRef": {"name": "alice"}})
}

async fn reachable(world: &World, name: &str) {
    let person = contact_with(
        name,
        &json!({"engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}]}),
    );
    world.apply_value(person).await;
    let mobile = channel_arn(world, name, "mobile").await;
    activate_by_hand(world, &mobile).await;
    world.ready("Contact", name).await;
}

async fn phase(world: &World, name: &str, wanted: &str) -> DynamicObject {
    world
        .eventually(&format!("TestPage {name} is {wanted}"), SOON, async || {
            let object = world.get(KIND, name).await;
            if object.data["status"]["phase"] == wanted {
                Ok(object)
            } else {
                Err(object.data["status"].to_string())
            }
        })
        .await
}

async fn starts(world: &World) -> usize {
    let calls = world.operator_calls(0).await;
    calls
        .iter()
        .filter(|call| call.operation == "StartEngagement")
        .count()
}

async fn pages(world: &World) -> Vec<Value> {
    let path = format!("pages?account={}", world.account);
    let answer = world.simulator.control("GET", &path, None).await.unwrap();
    let pages = answer["pages"].as_array().cloned().unwrap_or_default();
    pages
        .into_iter()
        .filter(|p| !p["sentAt"].is_null())
        .collect()
}

async fn acknowledge(world: &World, page: &Value) {
    world
        .simulator
        .control(
            "POST",
            "pages/accept",
            Some(&json!({"pageArn": page["pageArn"]})),
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn an_acknowledged_test_proves_a_person_and_a_schedule() {
    let world = build(World::builder("test-page").simulated_clock().drift("1s")).await;
    reachable(&world, "alice").await;
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "OnCallSchedule", "metadata": {"name": "primary"},
            "spec": {"rotations": [{
                "name": "week", "startTime": "2026-01-05T00:00:00Z", "timeZone": "Etc/UTC", "contactRefs": [{"name": "alice"}],
                "recurrence": {"type": "Weekly", "weekly": {"handOffs": [{"day": "Mon", "time": "09:00"}]}, "shiftLength": 1, "numberOfOnCalls": 1},
            }]},
        }))
        .await;
    world.ready("OnCallSchedule", "primary").await;
    let manifest = test(
        &world,
        "on-call",
        10,
        &json!({"onCallScheduleRef": {"name": "primary"}}),
    )
    .await;
    world.apply_value(manifest).await;
    world
        .eventually("alice is paged", SOON, async || {
            pages(&world).await.len() == 1
        })
        .await;
    let object = world
        .eventually("it is shown", SOON, async || {
            let object = world.get(KIND, "on-call").await;
            (object.data["status"]["summary"]["paged"] == "alice").then_some(object)
        })
        .await;
    assert_eq!(object.data["status"]["phase"], "Sent");
    assert_eq!(object.data["status"]["summary"]["target"], "primary");
    world
        .condition(KIND, "on-call", "Ready", "True", "PageSent")
        .await;
    let page = pages(&world).await.remove(0);
    let described = world
        .contacts()
        .describe_page()
        .page_id(page["pageArn"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert!(
        described.subject().starts_with("TEST: "),
        "{}",
        described.subject()
    );
    assert!(
        described.content().contains("test"),
        "{}",
        described.content()
    );
    acknowledge(&world, &page).await;
    let object = phase(&world, "on-call", "Acknowledged").await;
    assert_eq!(object.data["status"]["summary"]["acknowledgedBy"], "alice");
    assert_eq!(object.data["status"]["stopped"], true);
    event(
        &world,
        KIND,
        "on-call",
        "Acknowledged",
        "alice can be reached",
    )
    .await;
    for (kind, name) in [("Contact", "alice"), ("OnCallSchedule", "primary")] {
        let proven = world.get(kind, name).await.data["status"]["lastProven"].clone();
        assert_eq!(
            proven["by"],
            format!("{}/on-call", world.namespace),
            "{kind}"
        );
        assert!(proven["at"].is_string(), "{kind}: {proven}");
    }
    // It stays, whatever the contact's own passes write.
    world.reconcile_now("Contact", "alice").await;
    world.reconcile_now("OnCallSchedule", "primary").await;
    for (kind, name) in [("Contact", "alice"), ("OnCallSchedule", "primary")] {
        assert!(
            world.get(kind, name).await.data["status"]["lastProven"].is_object(),
            "{kind}"
        );
    }
    advance(&world, seconds(1800)).await;
    assert_eq!((starts(&world).await, pages(&world).await.len()), (1, 1));
    world.finish().await;
}

#[tokio::test]
async fn an_unanswered_test_says_so_and_goes_no_farther() {
    let world = build(World::builder("test-silent").simulated_clock().drift("1s")).await;
    reachable(&world, "alice").await;
    reachable(&world, "bob").await;
    // Nobody stops this plan: without the end of the test, bob would be paged after 30 minutes.
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "EscalationPlan", "metadata": {"name": "ladder"},
            "spec": {"stages": [
                {"durationMinutes": 30, "targets": [{"contactRef": {"name": "alice"}, "onAcknowledge": "StopEscalation"}]},
                {"durationMinutes": 30},
                {"durationMinutes": 5, "targets": [{"contactRef": {"name": "bob"}}]},
            ]},
        }))
        .await;
    world.ready("EscalationPlan", "ladder").await;
    let mut silent = test(
        &world,
        "silent",
        10,
        &json!({"escalationPlanRef": {"name": "ladder"}}),
    )
    .await;
    silent["spec"]["ttlSecondsAfterFinished"] = json!(3600);
    world.apply_value(silent).await;
    phase(&world, "silent", "Sent").await;
    advance(&world, seconds(31 * 60)).await;
    phase(&world, "silent", "Unanswered").await;
    let said = world.stalled(KIND, "silent", "Unanswered").await;
    assert!(said.message.contains("alice"), "{said}");
    advance(&world, seconds(40 * 60)).await;
    let paged: Vec<Value> = pages(&world)
        .await
        .iter()
        .map(|p| p["contactArn"].clone())
        .collect();
    assert!(
        paged
            .iter()
            .all(|p| p.as_str().unwrap().ends_with("/alice")),
        "{paged:?}"
    );
    advance(&world, seconds(3600)).await;
    world.gone(KIND, "silent").await;

    // Deleted while it runs, it stops.
    world
        .apply_value(
            test(
                &world,
                "cancelled",
                10,
                &json!({"escalationPlanRef": {"name": "ladder"}}),
            )
            .await,
        )
        .await;
    phase(&world, "cancelled", "Sent").await;
    world.delete_and_wait(KIND, "cancelled").await;
    let stops = world.operator_calls(0).await;
    assert_eq!(
        stops
            .iter()
            .filter(|c| c.operation == "StopEngagement")
            .count(),
        2
    );

    // Nobody has a channel that is activated.
    world
        .apply_value(contact_with(
            "carol",
            &json!({"engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}]}),
        ))
        .await;
    world.ready("Contact", "carol").await;
    world
        .apply_value(
            test(
                &world,
                "nobody",
                10,
                &json!({"contactRef": {"name": "carol"}}),
            )
            .await,
        )
        .await;
    phase(&world, "nobody", "Sent").await;
    advance(&world, seconds(31 * 60)).await;
    phase(&world, "nobody", "Unanswered").await;
    world.finish().await;
}

#[tokio::test]
async fn a_test_pages_once_whatever_is_made_again() {
    let world = build(World::builder("test-once").simulated_clock().drift("1s")).await;
    reachable(&world, "alice").await;
    world
        .simulator
        .knobs(
            Some(&world.account),
            &json!({"idempotency_window_seconds": 0, "consistency_delay_ms": 2000}),
        )
        .await
        .unwrap();
    let manifest = test(&world, "again", 10, &alice()).await;
    world.apply_value(manifest.clone()).await;
    let object = phase(&world, "again", "Sent").await;
    world.delete_and_wait(KIND, "again").await;
    world.apply_value(manifest).await;
    let again = phase(&world, "again", "Sent").await;
    assert_eq!(again.data["status"]["arn"], object.data["status"]["arn"]);
    assert_eq!(starts(&world).await, 1);

    let mut restored = test(&world, "restored", 10, &alice()).await;
    restored["metadata"]["labels"] = json!({"velero.io/restore-name": "monday"});
    world.apply_value(restored).await;
    phase(&world, "restored", "Refused").await;
    world
        .apply_value(test(&world, "late", -1, &alice()).await)
        .await;
    phase(&world, "late", "Expired").await;
    world
        .apply_value(
            test(
                &world,
                "waiting",
                10,
                &json!({"contactRef": {"name": "zoe"}}),
            )
            .await,
        )
        .await;
    world
        .condition(KIND, "waiting", "Ready", "False", "ReferenceNotFound")
        .await;
    advance(&world, seconds(11 * 60)).await;
    reachable(&world, "zoe").await;
    phase(&world, "waiting", "Expired").await;
    assert_eq!(starts(&world).await, 1);

    let cut = |when| {
        Fault::new("cut")
            .account(&world.account)
            .operation("StartEngagement")
            .nth(1)
            .when(when)
    };
    world.simulator.fault(&cut(When::After)).await.unwrap();
    world
        .apply_value(test(&world, "arrived", 10, &alice()).await)
        .await;
    phase(&world, "arrived", "Sent").await;
    world.simulator.fault(&cut(When::Before)).await.unwrap();
    let lost = test(&world, "lost", 10, &alice()).await;
    world.apply_value(lost.clone()).await;
    phase(&world, "lost", "SendUnknown").await;
    tokio::time::sleep(seconds(3)).await;
    // Its deletion waits a while for what may have been begun.
    world.delete(KIND, "lost").await;
    advance(&world, seconds(180)).await;
    world.gone(KIND, "lost").await;
    world.apply_value(lost).await;
    phase(&world, "lost", "SendUnknown").await;
    assert_eq!(starts(&world).await, 3);
    world.finish().await;
}
