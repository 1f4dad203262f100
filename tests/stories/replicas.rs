//! Two replicas: one leads, and the other takes over.

use std::time::{Duration, Instant};

use harness::world::SOON;
use harness::{Operator, World, seconds};
use serde_json::json;

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
