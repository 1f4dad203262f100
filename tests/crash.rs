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
#[path = "crash/alternate_contact.rs"]
mod alternate_contact;
#[path = "crash/contact.rs"]
mod contact;
#[path = "crash/escalation_plan.rs"]
mod escalation_plan;
#[path = "crash/fail_points.rs"]
mod fail_points;
#[path = "crash/faults.rs"]
mod faults;
#[path = "crash/incident.rs"]
mod incident;
#[path = "crash/kills.rs"]
mod kills;
#[path = "crash/model.rs"]
mod model;
#[path = "crash/on_call_schedule.rs"]
mod on_call_schedule;
#[path = "crash/replication_set.rs"]
mod replication_set;
#[path = "crash/response_plan.rs"]
mod response_plan;
#[path = "crash/rotation_override.rs"]
mod rotation_override;
#[path = "crash/scenario.rs"]
mod scenario;
#[path = "crash/stage.rs"]
mod stage;
#[path = "crash/vpc_endpoint.rs"]
mod vpc_endpoint;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use fail_points::Death;
use faults::Trouble;
use harness::seconds;
use kills::{Fate, Kill, Outcome, Pair, undisturbed};
use scenario::Scenario;
use tokio::sync::OnceCell;

/// How many cases share an operator.
const BATCH: usize = 40;
/// The same where they need not wait for each other.
const LARGE_BATCH: usize = 80;
/// How many, at most, of those whose moment did not come.
const SMALL_BATCH: usize = 10;
/// How many of those that read a whole network each, in an account of its own.
const NETWORK_BATCH: usize = 12;

/// Everything a user does to any kind.
fn scenarios() -> Vec<Arc<Scenario>> {
    [
        contact::create(),
        contact::update(),
        contact::switch_off(),
        contact::adopt(),
        contact::overwrite(),
        contact::delete_created(),
        contact::delete_adopted(),
        contact::first_use(),
        contact::prune(),
        activation::activate(),
        escalation_plan::create(),
        escalation_plan::update(),
        escalation_plan::delete(),
        response_plan::create(),
        response_plan::update(),
        response_plan::overwrite(),
        response_plan::delete(),
        rotation_override::create(),
        rotation_override::adopt(),
        rotation_override::update(),
        rotation_override::delete(),
        on_call_schedule::create(),
        on_call_schedule::update(),
        on_call_schedule::adopt(),
        on_call_schedule::overwrite(),
        on_call_schedule::delete(),
        on_call_schedule::release(),
        on_call_schedule::delete_all(),
        on_call_schedule::leave(),
        incident::start(),
        incident::edit(),
        incident::end(),
        incident::test_page(),
        replication_set::create(),
        replication_set::update(),
        replication_set::adopt(),
        replication_set::release(),
        replication_set::delete(),
        alternate_contact::create(),
        alternate_contact::update(),
        alternate_contact::overwrite(),
        alternate_contact::delete(),
        vpc_endpoint::create(),
        vpc_endpoint::gateway(),
        vpc_endpoint::update(),
        vpc_endpoint::ungroup(),
        vpc_endpoint::overwrite(),
        vpc_endpoint::delete(),
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

/// The calls of every scenario when nothing goes wrong, told once for all tests.
async fn calls_of_all() -> Vec<(Arc<Scenario>, Vec<Pair>)> {
    static CALLS: OnceCell<Vec<Vec<Pair>>> = OnceCell::const_new();
    let scenarios = chosen();
    let calls = CALLS
        .get_or_init(async || {
            let calls = undisturbed(&scenarios)
                .await
                .unwrap_or_else(|failures| panic!("undisturbed already:\n{}", failures.join("\n")));
            for (scenario, calls) in scenarios.iter().zip(&calls) {
                let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
                println!("{}: {}", scenario.name, calls.join(", "));
            }
            calls
        })
        .await;
    scenarios.into_iter().zip(calls.iter().cloned()).collect()
}

/// Runs cases in batches and adds up what went wrong. Those whose moment did not come are told again with less going on, each only with
/// those that `moment` takes for the same: what comes late is not to wait with what comes at once.
async fn in_batches<T: Clone>(
    what: &str,
    first_size: usize,
    cases: &[T],
    moment: impl Fn(&T) -> String,
    run: impl AsyncFn(&[T]) -> Outcome,
) -> Vec<String> {
    let mut wrong = vec![];
    let reads_network = |case: &T| moment(case).starts_with("vpc-endpoint");
    let (network, others): (Vec<T>, Vec<T>) = cases.iter().cloned().partition(reads_network);
    let (network, others) = (network.chunks(NETWORK_BATCH), others.chunks(first_size));
    let mut batches: Vec<Vec<T>> = others.chain(network).map(<[T]>::to_vec).collect();
    let mut missed = vec![];
    for _ in 0..3 {
        let mut again = vec![];
        missed.clear();
        for batch in &batches {
            let began = Instant::now();
            let outcome = run(batch).await;
            println!(
                "{} {what} in {:.1} s: {} failures, {} missed, {} not needed",
                batch.len(),
                began.elapsed().as_secs_f64(),
                outcome.failures.len(),
                outcome.missed.len(),
                outcome.unneeded
            );
            for text in &outcome.failures {
                println!("  {text}");
            }
            wrong.extend(outcome.failures);
            for (number, text) in outcome.missed {
                again.push(batch[number].clone());
                missed.push(text);
            }
        }
        again.sort_by_key(&moment);
        batches = again
            .chunk_by(|a, b| moment(a) == moment(b))
            .flat_map(|same| same.chunks(SMALL_BATCH))
            .map(<[T]>::to_vec)
            .collect();
    }
    wrong.extend(missed);
    wrong
}

fn assert_sound(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} things went wrong:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_everything_comes_out_right() {
    let started = Instant::now();
    let all = calls_of_all().await;
    let kills: Vec<Kill> = all
        .iter()
        .flat_map(|(scenario, calls)| calls.iter().map(move |pair| (scenario, pair)))
        .flat_map(|(scenario, pair)| {
            Fate::all(pair).iter().map(|fate| Kill {
                scenario: Arc::clone(scenario),
                pair: pair.clone(),
                fate: *fate,
            })
        })
        .collect();
    let moment = |kill: &Kill| format!("{} {}", kill.scenario.name, kill.pair);
    let wrong = in_batches("kills", BATCH, &kills, moment, kills::batch).await;
    println!(
        "crash matrix: {} scenarios, {} pairs of operation and occurrence, {} kills, {:.0} s",
        all.len(),
        all.iter().map(|(_, calls)| calls.len()).sum::<usize>(),
        kills.len(),
        started.elapsed().as_secs_f64()
    );
    assert_sound(&wrong);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_everything_comes_out_right() {
    let scenarios = chosen();
    let twice: Vec<_> = scenarios.iter().chain(&scenarios).cloned().collect();
    let failures = kills::restless(&twice, 10).await;
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_between_two_writes_to_the_cluster_everything_comes_out_right() {
    let started = Instant::now();
    let scenarios = chosen();
    let passed = fail_points::undisturbed(&scenarios)
        .await
        .unwrap_or_else(|failures| panic!("undisturbed already:\n{}", failures.join("\n")));
    let mut deaths = vec![];
    let mut unreached = fail_points::in_sources();
    for (scenario, passed) in scenarios.iter().zip(&passed) {
        println!("{}: {passed:?}", scenario.name);
        for (point, times) in passed {
            unreached.remove(point);
            for nth in 1..=*times {
                deaths.push(Death {
                    scenario: Arc::clone(scenario),
                    point: point.clone(),
                    nth,
                });
            }
        }
    }
    let moment = |death: &Death| death.scenario.name.to_owned();
    let wrong = in_batches("deaths", BATCH, &deaths, moment, fail_points::batch).await;
    println!(
        "fail points: {} scenarios, {} deaths, {:.0} s",
        scenarios.len(),
        deaths.len(),
        started.elapsed().as_secs_f64()
    );
    assert_sound(&wrong);
    let awaited: BTreeSet<String> = fail_points::AWAITED.map(ToOwned::to_owned).into();
    assert!(
        unreached == awaited || std::env::var_os("CRASH_SCENARIO").is_some(),
        "no scenario comes to the fail points {unreached:?}; only {awaited:?} are waited for"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_aws_does_to_a_call_everything_comes_out_right() {
    let started = Instant::now();
    let all = calls_of_all().await;
    let pairs = || {
        all.iter()
            .flat_map(|(scenario, calls)| calls.iter().map(move |pair| (scenario, pair)))
    };
    let trouble = |(scenario, pair): (&Arc<Scenario>, &Pair), fault| Trouble {
        scenario: Arc::clone(scenario),
        fault,
        certain: pair.certain,
    };
    let mut troubles = vec![];
    for faults in [faults::lasting, faults::repeated] {
        troubles
            .extend(pairs().flat_map(|of| faults(of.1).into_iter().map(move |f| trouble(of, f))));
    }
    let firsts = || pairs().filter(|(_, pair)| pair.nth == 1);
    for (number, of) in pairs().enumerate() {
        let operation = &of.1.operation;
        let same = |(_, pair): &(_, &Pair)| pair.operation == *operation;
        let turn = pairs().take(number).filter(|of| of.1.nth == 1).filter(same);
        let turn = (firsts().filter(same).count() >= 3).then(|| turn.count());
        troubles.extend(
            faults::passing(of.1, turn)
                .into_iter()
                .map(|f| trouble(of, f)),
        );
    }
    let moment = |trouble: &Trouble| trouble.scenario.name.to_owned();
    let wrong = in_batches("faults", LARGE_BATCH, &troubles, moment, faults::batch).await;
    println!(
        "faults: {} scenarios, {} cases, {:.0} s",
        all.len(),
        troubles.len(),
        started.elapsed().as_secs_f64()
    );
    assert_sound(&wrong);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_everything_comes_out_right() {
    let failures = faults::storm(&chosen(), seconds(6)).await;
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
