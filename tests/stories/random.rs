//! Edits that nobody would think of: whatever the step from one spec to the next, AWS ends up with the next.

use std::collections::BTreeMap;

use harness::{World, checks, seconds};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::support::{build, contact_with, in_sync, mutations};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const TYPES: [&str; 3] = ["SMS", "Voice", "Email"];

/// Some of four channels, with some of few addresses, so that names and addresses wander; a channel that stays keeps its type.
fn spec(random: &mut StdRng, types: &mut BTreeMap<&'static str, &'static str>) -> Value {
    let mut names = NAMES.to_vec();
    names.shuffle(random);
    names.truncate(random.random_range(0..=NAMES.len()));
    types.retain(|name, _| names.contains(name));
    let mut free: BTreeMap<&str, Vec<String>> = TYPES
        .iter()
        .map(|kind| {
            let mut addresses: Vec<String> = (0..4)
                .map(|number| match *kind {
                    "Email" => format!("address-{number}@example.com"),
                    _ => format!("+1500555010{number}"),
                })
                .collect();
            addresses.shuffle(random);
            (*kind, addresses)
        })
        .collect();
    let channels: Vec<Value> = names
        .iter()
        .map(|name| {
            let kind = *types.entry(name).or_insert_with(|| TYPES[random.random_range(0..TYPES.len())]);
            json!({"name": name, "type": kind, "address": free.get_mut(kind).unwrap().pop().unwrap()})
        })
        .collect();
    let mut plan = vec![];
    for name in &names {
        if random.random_bool(0.7) {
            plan.push(json!({"channel": name, "engageAfterMinutes": random.random_range(0..60)}));
        }
    }
    plan.shuffle(random);
    json!({"allowUnreachable": true, "channels": channels, "engagementPlan": plan})
}

async fn wander(name: &str, seed: u64, steps: usize, knobs: &Value) {
    let mut world = build(World::builder(name).without_operator()).await;
    world
        .simulator
        .knobs(Some(&world.account), knobs)
        .await
        .unwrap();
    world.start_operator().await.unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let mut types = BTreeMap::new();
    let mut told = vec![];
    for step in 0..steps {
        let before = world.last_call().await;
        let next = spec(&mut random, &mut types);
        told.push(next.clone());
        world.apply_value(contact_with("alice", &next)).await;
        world
            .eventually(
                &format!(
                    "seed {seed}, step {step}: ready; {:#?}",
                    &told[told.len().saturating_sub(2)..]
                ),
                seconds(40),
                async || checks::is_ready(&world.get("Contact", "alice").await),
            )
            .await;
        in_sync(&world).await;
        // The next spec is a fixed point.
        let sent = mutations(&world, before).await;
        world.reconcile_now("Contact", "alice").await;
        assert_eq!(
            mutations(&world, before).await,
            sent,
            "seed {seed}, step {step}"
        );
    }
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn any_edit_leads_to_what_it_says() {
    wander("random", 1, 20, &json!({})).await;
}

#[tokio::test]
async fn any_edit_leads_to_what_it_says_with_another_seed() {
    wander("random-2", 20_270_301, 20, &json!({})).await;
}

#[tokio::test]
async fn any_edit_leads_to_what_it_says_where_channels_may_be_alike() {
    wander(
        "random-alike",
        7,
        20,
        &json!({"duplicate_channel": "accept", "token_after_delete": "new"}),
    )
    .await;
}

#[tokio::test]
async fn any_edit_leads_to_what_it_says_where_things_are_seen_late() {
    wander("random-late", 42, 8, &json!({"consistency_delay_ms": 400})).await;
}
