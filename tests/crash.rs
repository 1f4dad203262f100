//! The crash matrix: whatever moment the operator dies at, and whatever AWS does meanwhile, everything comes out right.
//!
//! A [`scenario`] is what a user does, as data, with the end it must come to. The machine derives the cases from it: [`kills`] at every call
//! that it makes, [`fail_points`] between two writes to the API server, [`faults`] of AWS on every operation. A new kind adds scenarios to
//! [`scenarios`], and nothing else.
//!
//! Cases run many at a time on a [`stage`]: a namespace, an account and a ProviderConfig each under one real operator, which is killed when
//! every one of them waits at its call.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says why"
)]

#[path = "crash/activation.rs"]
mod activation;
#[path = "crash/contact.rs"]
mod contact;
#[path = "crash/kills.rs"]
mod kills;
#[path = "crash/model.rs"]
mod model;
#[path = "crash/scenario.rs"]
mod scenario;
#[path = "crash/stage.rs"]
mod stage;

use std::sync::Arc;
use std::time::Instant;

use kills::{Fate, Kill, undisturbed};
use scenario::Scenario;

/// How many cases share an operator.
const BATCH: usize = 32;

/// Everything a user does to any kind.
fn scenarios() -> Vec<Arc<Scenario>> {
    [
        contact::create(),
        contact::update(),
        contact::adopt(),
        contact::overwrite(),
        contact::delete_created(),
        contact::delete_adopted(),
        contact::first_use(),
        contact::prune(),
        activation::activate(),
    ]
    .map(Arc::new)
    .into()
}

/// The scenarios that `CRASH_SCENARIO` names, separated by commas; absent = all.
fn chosen() -> Vec<Arc<Scenario>> {
    let only = std::env::var("CRASH_SCENARIO").ok();
    let mut chosen = scenarios();
    if let Some(only) = only {
        chosen.retain(|scenario| only.split(',').any(|name| name == scenario.name));
    }
    assert!(!chosen.is_empty(), "no scenario of that name");
    chosen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_everything_comes_out_right() {
    let started = Instant::now();
    let scenarios = chosen();
    let all = undisturbed(&scenarios)
        .await
        .unwrap_or_else(|failures| panic!("undisturbed already:\n{}", failures.join("\n")));
    let mut kills = vec![];
    let mut pairs = 0;
    for (scenario, calls) in scenarios.iter().zip(&all) {
        println!(
            "{}: {}",
            scenario.name,
            calls
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        );
        pairs += calls.len();
        for pair in calls {
            for fate in Fate::all(pair) {
                kills.push(Kill {
                    scenario: Arc::clone(scenario),
                    pair: pair.clone(),
                    fate: *fate,
                });
            }
        }
    }
    let mut failures = vec![];
    let mut missed = vec![];
    for batch in kills.chunks(BATCH) {
        let began = Instant::now();
        let outcome = kills::batch(batch).await;
        println!(
            "{} kills in {:.1} s, {} failures",
            batch.len(),
            began.elapsed().as_secs_f64(),
            outcome.failures.len()
        );
        failures.extend(outcome.failures);
        missed.extend(outcome.missed);
    }
    println!(
        "killed at {pairs} calls of {} scenarios, {} kills, {} calls that did not come, in {:.0} s",
        scenarios.len(),
        kills.len(),
        missed.len(),
        started.elapsed().as_secs_f64()
    );
    failures.extend(missed);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
