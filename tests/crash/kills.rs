//! kill -9 at every call: before its effect, after it, with the call lost on the way, and with the call arriving when all is long over.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures::future::join_all;
use harness::{Hold, When};

use crate::scenario::Scenario;
use crate::stage::{Case, Stage};

/// What a scenario calls when nothing goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Operation.
    pub operation: String,
    /// Which call of it, from 1.
    pub nth: u32,
    /// Whether it changes something.
    pub mutating: bool,
    /// Whether it is the first or the last call at all, or stands beside one that changes something.
    pub at_edge: bool,
    /// Whether it happens every time: what reads again, or after the last change, may be done without.
    pub certain: bool,
}

impl fmt::Display for Pair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} number {}", self.operation, self.nth)
    }
}

/// Tells every scenario undisturbed and returns its calls in order.
pub async fn undisturbed(scenarios: &[Arc<Scenario>]) -> Result<Vec<Vec<Pair>>, Vec<String>> {
    let wanted: Vec<_> = scenarios
        .iter()
        .map(|scenario| (Arc::clone(scenario), "undisturbed".to_owned()))
        .collect();
    let stage = Stage::prepared("dry", "10m", &wanted).await;
    let mut begin = vec![];
    for case in &stage.cases {
        begin.push(stage.last_call(case).await);
    }
    join_all(stage.cases.iter().map(|case| stage.act(case))).await;
    let failures = stage.settle().await;
    if !failures.is_empty() {
        return Err(failures);
    }
    let mut all = vec![];
    for (case, begin) in stage.cases.iter().zip(begin) {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let mut pairs = vec![];
        let mut calls = stage.calls(case, begin).await;
        // The lists of a network are read together: one of them stands for all.
        calls.retain(|call| {
            call.mutating || call.service != "ec2" || call.operation == "DescribeVpcEndpoints"
        });
        let changed = calls.iter().rposition(|call| call.mutating);
        let mutating: Vec<bool> = calls.iter().map(|call| call.mutating).collect();
        for (place, call) in calls.into_iter().enumerate() {
            let count = counts.entry(call.operation.clone()).or_default();
            *count += 1;
            // A list that all objects of an account share is read when the last one is too old.
            let shared = ["ListContacts", "ListRotations"].contains(&call.operation.as_str());
            pairs.push(Pair {
                operation: call.operation,
                nth: *count,
                mutating: call.mutating,
                at_edge: [place.checked_sub(1), place.checked_add(1)]
                    .map(|beside| beside.and_then(|beside| mutating.get(beside)))
                    .iter()
                    .any(|beside| beside.is_none_or(|mutating| *mutating)),
                certain: call.mutating
                    || (!shared
                        && *count == 1
                        && Some(place) < changed
                        && (call.service == "ssm-contacts" || !case.scenario.knows_account())),
            });
        }
        all.push(pairs);
    }
    let failures = stage.conclude().await;
    if failures.is_empty() {
        Ok(all)
    } else {
        Err(failures)
    }
}

/// How the call at which the operator dies goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Killed before the effect, which happens before the operator is back.
    Arrives,
    /// Killed before the effect, which never happens.
    Lost,
    /// Killed before the effect, which happens when the new operator has long finished.
    Late,
    /// Killed after the effect.
    Done,
}

impl Fate {
    fn when(self) -> When {
        match self {
            Self::Arrives | Self::Lost | Self::Late => When::Before,
            Self::Done => When::After,
        }
    }

    /// The fates worth telling apart. A read changes nothing: dead after it is dead before the next call, and among reads that follow each
    /// other one moment is as good as another. What the operator writes to the cluster between them has its fail points.
    pub fn all(pair: &Pair) -> &'static [Self] {
        if pair.mutating {
            &[Self::Arrives, Self::Lost, Self::Late, Self::Done]
        } else if pair.at_edge {
            &[Self::Arrives]
        } else {
            &[]
        }
    }
}

/// One crash.
#[derive(Clone)]
pub struct Kill {
    /// What happens.
    pub scenario: Arc<Scenario>,
    /// At which call.
    pub pair: Pair,
    /// And what becomes of the call.
    pub fate: Fate,
}

/// How a batch went.
#[derive(Default)]
pub struct Outcome {
    /// What was wrong.
    pub failures: Vec<String>,
    /// Cases by number whose call never came, though it must: on a busy machine the first may be given up before the last has come.
    pub missed: Vec<(usize, String)>,
    /// Readings again that were not needed this time: how often the operator looks depends on when news reaches it.
    pub unneeded: usize,
}

/// How long the first call may wait for the last one: the operator gives up on a call after 10 s.
const ALL_HELD: Duration = Duration::from_secs(9);
/// How long the first one may take.
const FIRST_HELD: Duration = Duration::from_secs(30);

/// Tells some cases at a time, lets every one run into its hold, and kills the operator.
pub async fn batch(kills: &[Kill]) -> Outcome {
    let wanted: Vec<_> = kills
        .iter()
        .map(|kill| {
            (
                Arc::clone(&kill.scenario),
                format!("killed at {} ({:?})", kill.pair, kill.fate),
            )
        })
        .collect();
    let mut stage = Stage::prepared("kill", "10m", &wanted).await;
    let holds = join_all(stage.cases.iter().zip(kills).map(|(case, kill)| {
        let hold =
            Hold::new(&kill.pair.operation, kill.pair.nth, kill.fate.when()).account(&case.account);
        let stage = &stage;
        async move {
            let id = stage.world.simulator.hold(&hold).await.expect("a hold");
            stage.act(case).await;
            id
        }
    }))
    .await;
    let first = OnceLock::new();
    let held = join_all(
        stage
            .cases
            .iter()
            .zip(kills)
            .zip(&holds)
            .map(|((case, kill), hold)| held(&stage, case, kill, hold, &first)),
    )
    .await;
    stage.world.operator().kill9();
    let mut outcome = Outcome::default();
    let cases = stage.cases.iter().zip(kills).zip(holds.iter().zip(held));
    for (number, ((case, kill), (hold, held))) in cases.enumerate() {
        if !held && kill.pair.certain {
            let text = case.tell("the call did not come");
            outcome.missed.push((number, text));
        } else if !held {
            outcome.unneeded += 1;
        }
        if kill.fate != Fate::Late {
            let lost = kill.fate == Fate::Lost;
            let simulator = &stage.world.simulator;
            simulator.forget_hold(hold, lost).await.expect("a hold");
        }
    }
    stage.restart().await;
    if kills.iter().any(|kill| kill.fate == Fate::Late) {
        outcome.failures.extend(stage.settle().await);
        for hold in &holds {
            // Those that are forgotten already are gone.
            let _ = stage.world.simulator.forget_hold(hold, false).await;
        }
    }
    outcome.failures.extend(stage.conclude().await);
    outcome
}

async fn held(
    stage: &Stage,
    case: &Case,
    kill: &Kill,
    hold: &str,
    first: &OnceLock<Instant>,
) -> bool {
    let began = Instant::now();
    loop {
        let simulator = &stage.world.simulator;
        if simulator
            .held(hold, Duration::from_millis(150))
            .await
            .expect("a hold")
        {
            first.get_or_init(Instant::now);
            return true;
        }
        stage.tend(case).await;
        let late = match first.get() {
            Some(first) => first.elapsed() > ALL_HELD,
            None => began.elapsed() > FIRST_HELD,
        };
        if late || (!kill.pair.certain && stage.check(case).await.is_ok()) {
            return false;
        }
    }
}

/// Kills the operator again and again, wherever it happens to be.
pub async fn restless(scenarios: &[Arc<Scenario>], times: u32) -> Vec<String> {
    let wanted: Vec<_> = scenarios
        .iter()
        .map(|scenario| (Arc::clone(scenario), "killed again and again".to_owned()))
        .collect();
    let mut stage = Stage::prepared("restless", "10m", &wanted).await;
    join_all(stage.cases.iter().map(|case| stage.act(case))).await;
    for time in 1..=times {
        // Longer every time, so that each comes a little farther.
        let lives = Duration::from_millis(u64::from(time) * 70);
        let deadline = Instant::now() + lives;
        while Instant::now() < deadline {
            join_all(stage.cases.iter().map(|case| stage.tend(case))).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stage.world.operator().kill9();
        stage.restart().await;
    }
    stage.conclude().await
}
