//! What AWS and the network do to calls: throttled, failed, cut after the effect, slow, too late.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use harness::{Fault, When, seconds};

use crate::kills::{Outcome, Pair};
use crate::scenario::Scenario;
use crate::stage::Stage;

/// Some calls to go wrong.
#[derive(Clone)]
pub struct Trouble {
    /// What happens.
    pub scenario: Arc<Scenario>,
    /// What goes wrong meanwhile; the account is the case's.
    pub fault: Fault,
    /// Whether the call it is meant for happens every time.
    pub certain: bool,
}

/// Past the operator's patience with one call, which is 10 s.
const TOO_LONG: Duration = Duration::from_millis(11_500);

/// What may go wrong with one call in passing. All reads go through the same hands: one of many scenarios fails in one way, the next in
/// another. `turn` = how many scenarios before this one make the call; absent = it is made in too few for that.
pub fn passing(pair: &Pair, turn: Option<usize>) -> Vec<Fault> {
    let at = |kind: &str| Fault::new(kind).operation(&pair.operation).nth(pair.nth);
    let throttled = Fault {
        retry_after_seconds: Some(1),
        ..at("throttle")
    };
    let cut = at("cut").when(When::After);
    match (pair.mutating, pair.nth) {
        (true, 1) => vec![
            throttled,
            at("internal"),
            cut,
            at("slow").delay(Duration::from_millis(1500)),
        ],
        // The same operation once more: only what leaves the operator in doubt is worth a case, which a read never does.
        (true, _) => vec![cut],
        (false, 1) => {
            let ways = vec![throttled, at("internal"), cut];
            match turn {
                Some(turn) => ways.into_iter().cycle().skip(turn).take(1).collect(),
                None => ways,
            }
        }
        (false, _) => vec![],
    }
}

/// What leaves the operator without an answer for so long that it gives up, with the effect before and after that.
pub fn lasting(pair: &Pair) -> Vec<Fault> {
    if !pair.mutating || pair.nth > 1 {
        return vec![];
    }
    [When::Before, When::After]
        .map(|when| {
            Fault::new("slow")
                .operation(&pair.operation)
                .delay(TOO_LONG)
                .when(when)
        })
        .into()
}

/// Failing again and again: `Synced` becomes Unknown, `Ready` stays.
pub fn repeated(pair: &Pair) -> Vec<Fault> {
    if !pair.mutating || pair.nth > 1 {
        return vec![];
    }
    vec![Fault::new("internal").operation(&pair.operation).times(3)]
}

fn label(fault: &Fault) -> String {
    format!(
        "{}{} {} {}{}",
        fault.kind,
        fault
            .times
            .map_or(String::new(), |times| format!(" x{times}")),
        fault.when.map_or("before", |when| match when {
            When::Before => "before",
            When::After => "after",
        }),
        fault.operation.as_deref().unwrap_or("anything"),
        fault
            .nth
            .map_or(String::new(), |nth| format!(" number {nth}")),
    )
}

/// Tells some cases at a time, each with its trouble.
pub async fn batch(troubles: &[Trouble]) -> Outcome {
    let wanted: Vec<_> = troubles
        .iter()
        .map(|trouble| (Arc::clone(&trouble.scenario), label(&trouble.fault)))
        .collect();
    let mut stage = Stage::prepared("fault", "1s", &wanted).await;
    stage.faulty = true;
    let simulator = stage.world.simulator.clone();
    let ids = join_all(stage.cases.iter().zip(troubles).map(|(case, trouble)| {
        let fault = trouble.fault.clone().account(&case.account);
        let (stage, simulator) = (&stage, &simulator);
        async move {
            let id = simulator.fault(&fault).await.expect("a fault");
            stage.act(case).await;
            id
        }
    }))
    .await;
    let mut outcome = Outcome {
        failures: stage.settle().await,
        ..Outcome::default()
    };
    if troubles
        .iter()
        .any(|trouble| trouble.fault.delay_ms.unwrap_or(0) > 10_000)
    {
        // What was given up arrives in the end.
        tokio::time::sleep(seconds(4)).await;
    }
    let faults = simulator
        .control("GET", "faults", None)
        .await
        .expect("the faults");
    let cases = stage.cases.iter().zip(troubles).zip(&ids);
    for (number, ((case, trouble), id)) in cases.enumerate() {
        let hit = faults["faults"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|fault| fault["id"] == id.as_str() && fault["hits"].as_u64() > Some(0));
        if !hit && !trouble.certain {
            outcome.unneeded += 1;
        } else if !hit {
            let text = case.tell("the call did not come");
            outcome.missed.push((number, text));
        }
        simulator.clear_fault(Some(id)).await.expect("a fault");
    }
    outcome.failures.extend(stage.conclude().await);
    outcome
}

/// Half of all calls throttled, some failed, some cut off, for a while and everywhere.
pub async fn storm(scenarios: &[Arc<Scenario>], lasts: Duration) -> Vec<String> {
    let wanted: Vec<_> = scenarios
        .iter()
        .map(|scenario| (Arc::clone(scenario), "in a storm".to_owned()))
        .collect();
    let mut stage = Stage::prepared("storm", "1s", &wanted).await;
    stage.faulty = true;
    let simulator = stage.world.simulator.clone();
    let mut ids = vec![];
    for case in &stage.cases {
        let probably = |kind: &str, probability: f64| Fault {
            probability: Some(probability),
            ..Fault::new(kind).account(&case.account).times(0)
        };
        let throttled = Fault {
            retry_after_seconds: Some(1),
            ..probably("throttle", 0.5)
        };
        for fault in [
            throttled,
            probably("internal", 0.1),
            probably("cut", 0.1).when(When::After),
        ] {
            ids.push(simulator.fault(&fault).await.expect("a fault"));
        }
    }
    join_all(stage.cases.iter().map(|case| stage.act(case))).await;
    tokio::time::sleep(lasts).await;
    for id in ids {
        simulator.clear_fault(Some(&id)).await.expect("a fault");
    }
    stage.conclude().await
}
