//! Death between two writes to the API server, at each named point of the operator.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::join_all;
use harness::process::Process;
use harness::{Operator, seconds};

use crate::kills::Outcome;
use crate::scenario::Scenario;
use crate::stage::{Case, Stage};

/// How often each point is passed, by name.
pub type Passed = BTreeMap<String, u32>;

/// Points of what no kind does yet: reaching one of them means that it is to be taken off this list.
pub const AWAITED: [&str; 0] = [];

/// How many operators of one case run at a time.
const AT_ONCE: usize = 3;
/// A point that is not passed by then is not passed: a deletion soon after the creation takes 15 s.
const PATIENCE: Duration = seconds(40);
const SIGABRT: i32 = 6;

/// The names in the operator's sources.
pub fn in_sources() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("the sources").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                let calls = text.split("fail_point(\"").skip(1);
                names
                    .extend(calls.filter_map(|rest| rest.split('"').next().map(ToOwned::to_owned)));
            }
        }
    }
    names
}

/// Tells every scenario undisturbed, each under an operator of its own that finds everything done by the user already, and counts the points
/// that it passes.
pub async fn undisturbed(scenarios: &[Arc<Scenario>]) -> Result<Vec<Passed>, Vec<String>> {
    let wanted: Vec<_> = scenarios
        .iter()
        .map(|scenario| (Arc::clone(scenario), "undisturbed".to_owned()))
        .collect();
    let mut stage = Stage::prepared("points", "10m", &wanted).await;
    stage.world.operator().end();
    join_all(stage.cases.iter().map(|case| stage.act(case))).await;
    let passed: Vec<Passed> = futures::stream::iter(&stage.cases)
        .map(|case| count(&stage, case))
        .buffered(AT_ONCE)
        .collect()
        .await;
    stage.restart().await;
    let failures = stage.conclude().await;
    if failures.is_empty() {
        Ok(passed)
    } else {
        Err(failures)
    }
}

async fn count(stage: &Stage, case: &Case) -> Passed {
    let mut options = stage.options_for(case, &format!("{}.log", case.namespace));
    options.flags.extend(
        [
            "--log-level",
            "info,incident_operator::engine::fail_point=trace",
        ]
        .map(ToOwned::to_owned),
    );
    let log = options.log.clone();
    let operator = Operator::start_unattended(&options).expect("start the operator");
    until_ended(stage, case, &operator).await;
    operator.end(seconds(10));
    let text = fs::read_to_string(&log).unwrap_or_default();
    keep_log(stage, &log);
    let mut passed = Passed::new();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        if let Some(point) = line["fail_point"].as_str() {
            *passed.entry(point.to_owned()).or_default() += 1;
        }
    }
    passed
}

/// Waits until the operator has died, or the case has come to its end without.
async fn until_ended(stage: &Stage, case: &Case, operator: &Process) {
    let deadline = Instant::now() + PATIENCE;
    let mut ended_since: Option<Instant> = None;
    while operator.exit_status().is_none() && Instant::now() < deadline {
        stage.tend(case).await;
        match (stage.check(case).await, ended_since) {
            (Err(_), _) => ended_since = None,
            (Ok(()), None) => ended_since = Some(Instant::now()),
            (Ok(()), Some(since)) if since.elapsed() > Duration::from_millis(1200) => return,
            (Ok(()), Some(_)) => {}
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What the operator of one case wrote is looked through at the end with all the rest.
fn keep_log(stage: &Stage, log: &Path) {
    let text = fs::read(log).unwrap_or_default();
    let all = stage.world.operator().process().log().to_owned();
    let mut all = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(all)
        .expect("the log");
    all.write_all(&text).expect("the log");
}

/// One death.
#[derive(Clone)]
pub struct Death {
    /// What happens.
    pub scenario: Arc<Scenario>,
    /// At which point.
    pub point: String,
    /// When it is passed for the how-manieth time.
    pub nth: u32,
}

/// Lets some cases die at their points, and one operator finish them all.
pub async fn batch(deaths: &[Death]) -> Outcome {
    let wanted: Vec<_> = deaths
        .iter()
        .map(|death| {
            (
                Arc::clone(&death.scenario),
                format!("died at {} number {}", death.point, death.nth),
            )
        })
        .collect();
    let mut stage = Stage::prepared("die", "10m", &wanted).await;
    stage.world.operator().end();
    join_all(stage.cases.iter().map(|case| stage.act(case))).await;
    let ends: Vec<Result<(), String>> = futures::stream::iter(stage.cases.iter().zip(deaths))
        .map(|(case, death)| die(&stage, case, death))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut outcome = Outcome::default();
    for (number, (end, death)) in ends.into_iter().zip(deaths).enumerate() {
        match end {
            Ok(()) => {}
            // How many passes it takes depends on when news reaches the operator.
            Err(_) if death.nth > 1 => outcome.unneeded += 1,
            Err(missed) => outcome.missed.push((number, missed)),
        }
    }
    stage.restart().await;
    outcome.failures = stage.conclude().await;
    outcome
}

async fn die(stage: &Stage, case: &Case, death: &Death) -> Result<(), String> {
    let mut options = stage.options_for(case, &format!("{}.log", case.namespace));
    options.environment.insert(
        "INCIDENT_OPERATOR_FAIL_POINT".to_owned(),
        format!("{}:{}", death.point, death.nth),
    );
    let operator = Operator::start_unattended(&options).expect("start the operator");
    until_ended(stage, case, &operator).await;
    let status = operator.exit_status();
    operator.kill();
    keep_log(stage, &options.log);
    match status {
        Some(status) if status.signal() == Some(SIGABRT) => Ok(()),
        Some(status) => Err(case.tell(&format!("ended with {status}"))),
        None => Err(case.tell("did not come to the point")),
    }
}
