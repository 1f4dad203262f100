//! Two replicas: one leads, and the other takes over.

use std::time::{Duration, Instant};

use harness::world::SOON;
use harness::{Operator, When, World, aws, seconds};
use serde_json::json;

use crate::roster::{rotation, schedule};
use crate::support::{Stage, build, contact, contact_with, must_hold};

async fn leads(operator: &Operator) -> bool {
    operator
        .metric("incident_operator_leader", &[])
        .await
        .is_ok_and(|value| value == Some(1.0))
}

async fn two_replicas(name: &str) -> (Stage, Operator) {
    let world = build(World::builder(name).flag("--leader-election=true")).await;
    world
        .eventually("the first leads", SOON, async || {
            leads(world.operator()).await
        })
        .await;
    let mut options = world.operator_options();
    options.name = format!("second {}", options.name);
    let second = Operator::start(options).await.unwrap();
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let (status, _) = second.ask("/readyz").await.unwrap();
    assert_eq!(status, 200, "one that waits is ready too");
    assert!(
        !leads(&second).await && leads(world.operator()).await,
        "one leads"
    );
    (world, second)
}

async fn takes_over(world: &World, second: &Operator, within: Duration) -> Duration {
    let begin = Instant::now();
    world
        .eventually("the second leads", within, async || leads(second).await)
        .await;
    world
        .apply_value(contact_with("alice", &json!({"displayName": "B"})))
        .await;
    world.apply_value(contact("bob")).await;
    world.ready("Contact", "alice").await;
    world.ready("Contact", "bob").await;
    assert_eq!(
        must_hold(world, "alice").await.display_name.as_deref(),
        Some("B")
    );
    assert_eq!(world.aws().await.len(), 2);
    begin.elapsed()
}

#[tokio::test]
async fn a_leader_that_is_killed_is_followed() {
    let (world, second) = two_replicas("killed").await;
    world.operator().kill9();
    takes_over(&world, &second, seconds(18)).await;
    // The first comes back and waits.
    let mut world = world;
    world.operator_mut().restart().await.unwrap();
    tokio::time::sleep(seconds(2)).await;
    assert!(leads(&second).await && !leads(world.operator()).await);
    assert!(second.end());
    world.finish().await;
}

/// AWS takes two rotations of one name: only the token makes the two calls one.
#[tokio::test]
async fn a_call_of_the_killed_leader_that_comes_late_makes_nothing_twice() {
    let (world, second) = two_replicas("late").await;
    let hold = world.hold("CreateRotation", 1, When::Before).await;
    world
        .apply_value(schedule("night", &[rotation("week", &["alice"])]))
        .await;
    assert!(world.simulator.held(&hold, SOON).await.unwrap());
    world.operator().kill9();
    world
        .eventually("the second leads", seconds(18), async || {
            leads(&second).await
        })
        .await;
    world.ready("OnCallSchedule", "night").await;
    world.simulator.forget_hold(&hold, false).await.unwrap();
    world
        .eventually("both calls were answered", SOON, async || {
            let calls = world.operator_calls(0).await;
            let asked = calls.iter().filter(|c| c.operation == "CreateRotation");
            let answers: Vec<_> = asked.map(|c| (c.http_status, c.token.clone())).collect();
            match answers.as_slice() {
                [(Some(200), one), (Some(200), other)] if one == other => Ok(()),
                _ => Err(format!("{answers:?}")),
            }
        })
        .await;
    let rotations = aws::rotations(&world.simulator, &world.account, &world.region).await;
    assert_eq!(rotations.unwrap().len(), 1);
    assert!(second.end());
    world.finish().await;
}

#[tokio::test]
async fn a_leader_that_is_told_to_stop_hands_over_at_once() {
    let (world, second) = two_replicas("handed-over").await;
    world.operator().process().terminate();
    let ended = world.operator().wait_exit(seconds(10)).await;
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    takes_over(&world, &second, seconds(6)).await;
    assert!(second.end());
    world.finish().await;
}

#[tokio::test]
async fn a_waiting_replica_ends_when_told_to() {
    let (world, second) = two_replicas("waiting").await;
    second.process().terminate();
    assert!(
        second
            .wait_exit(seconds(10))
            .await
            .is_some_and(|status| status.success())
    );
    assert!(leads(world.operator()).await);
    world.finish().await;
}
