//! Many cases at a time under one operator: a namespace, an AWS account and a ProviderConfig each, so that one kill -9 hits them all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::join_all;
use harness::checks::{condition, is_ready};
use harness::simulator::Call;
use harness::{Cluster, OperatorOptions, Simulator, World, seconds};
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::model::Held;
use crate::scenario::{End, Expected, Person, Scenario, Step, holds, present};

/// The label by which an operator of one case alone finds its ProviderConfig.
const CASE_LABEL: &str = "case";
/// The label by which the objects of a stage are watched.
const STAGE_LABEL: &str = "stage";
/// Where every case lives.
pub const REGION: &str = "us-east-1";
/// How long a case may take to come to its end: a deletion soon after the creation waits 15 s for AWS to show what was made.
pub const SETTLE: Duration = seconds(120);
/// More stages at a time would only wait for each other's operators, and come too late to their holds.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// How often AWS is looked at after the operator has been started again.
const DRIFT: &str = "1s";
/// Time in which two drift checks happen.
const QUIET: Duration = Duration::from_millis(2500);
/// What takes longer is told.
const SLOW: Duration = seconds(20);
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// What a step done past the operator works with.
pub struct Hands {
    /// The simulated AWS.
    pub simulator: Simulator,
    /// The case's account.
    pub account: String,
}

impl Hands {
    /// SDK client for ssm-contacts.
    pub fn contacts(&self) -> aws_sdk_ssmcontacts::Client {
        self.simulator.contacts(&self.account, REGION)
    }

    /// SDK client for ssm-incidents.
    pub fn incidents(&self) -> aws_sdk_ssmincidents::Client {
        self.simulator.incidents(&self.account, REGION)
    }

    /// SDK client for EC2.
    pub fn ec2(&self) -> aws_sdk_ec2::Client {
        let endpoint = self.simulator.endpoint();
        aws_sdk_ec2::Client::new(&harness::aws::config(endpoint, &self.account, REGION))
    }
}

/// A deadline that holds for as long as these tests run; always the same, since it cannot be edited.
fn soon() -> String {
    static SOON: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let now = jiff::Timestamp::now().as_second();
        let soon = jiff::Timestamp::from_second(now + 20 * 3600);
        soon.expect("a time").to_string()
    });
    SOON.clone()
}

impl Case {
    /// A message about it.
    pub fn tell(&self, what: &str) -> String {
        format!(
            "{}, {} ({}): {what}",
            self.scenario.name, self.label, self.namespace
        )
    }
}

/// One telling of a scenario.
pub struct Case {
    /// What happens.
    pub scenario: Arc<Scenario>,
    /// What is done to it.
    pub label: String,
    /// Namespace, name of the ProviderConfig and owner id.
    pub namespace: String,
    /// AWS account.
    pub account: String,
    codes_before: AtomicUsize,
    given: AtomicBool,
}

/// The objects of one case, with their kinds.
pub type Objects = Vec<(String, Arc<DynamicObject>)>;

/// Kind, namespace and name of an object.
type Place = (String, String, String);

/// Every object of ours on a stage as it is now, by kind, namespace and name. Watched, since asking again and again is dear.
#[derive(Clone, Default)]
struct Seen {
    objects: Arc<Mutex<BTreeMap<Place, Arc<DynamicObject>>>>,
}

impl Seen {
    async fn follow(&self, world: &World) -> Vec<tokio::task::JoinHandle<()>> {
        let mut watches = vec![];
        for (kind, _) in world.cluster.our_kinds().await.expect("kinds") {
            let api = world.cluster.api(&kind, None).await.expect("the kind");
            let config = watcher::Config::default().labels(&format!("{STAGE_LABEL}={}", world.id));
            let seen = self.clone();
            watches.push(tokio::spawn(async move {
                let mut events = std::pin::pin!(watcher(api, config).default_backoff());
                while let Some(event) = events.next().await {
                    match event {
                        Ok(Event::Apply(object) | Event::InitApply(object)) => {
                            seen.put(&kind, object);
                        }
                        Ok(Event::Delete(object)) => seen.take(&kind, &object),
                        _ => {}
                    }
                }
            }));
        }
        watches
    }

    fn put(&self, kind: &str, object: DynamicObject) {
        self.lock().insert(key(kind, &object), Arc::new(object));
    }

    fn take(&self, kind: &str, object: &DynamicObject) {
        self.lock().remove(&key(kind, object));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Place, Arc<DynamicObject>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(kind: &str, object: &DynamicObject) -> Place {
    let namespace = object.namespace().unwrap_or_default();
    (kind.to_owned(), namespace, object.name_any())
}

/// Cases that share an operator.
pub struct Stage {
    /// Their world.
    pub world: World,
    /// The cases.
    pub cases: Vec<Case>,
    /// AWS fails here.
    pub faulty: bool,
    _turn: SemaphorePermit<'static>,
    seen: Seen,
    watches: Vec<tokio::task::JoinHandle<()>>,
    prepared: Duration,
    ready: Instant,
}

impl Stage {
    /// Makes the world, and prepares every case up to its being ready.
    pub async fn prepared(name: &str, drift: &str, wanted: &[(Arc<Scenario>, String)]) -> Self {
        static ACCOUNTS: AtomicU64 = AtomicU64::new(0);
        let turn = AT_ONCE.acquire().await.expect("never closed");
        let began = Instant::now();
        let mut builder = World::builder(name)
            .without_provider()
            .without_operator()
            .not_onboarded()
            .drift(drift)
            .flag("--concurrency")
            .flag("256");
        let suffixes: Vec<String> = wanted
            .iter()
            .enumerate()
            .map(|(number, (scenario, _))| format!("{number}-{}", scenario.name))
            .collect();
        for suffix in &suffixes {
            builder = builder.namespace(suffix);
        }
        let mut world = builder.build().await;
        let cases: Vec<Case> = wanted
            .iter()
            .zip(&suffixes)
            .map(|((scenario, label), suffix)| Case {
                scenario: Arc::clone(scenario),
                label: label.clone(),
                namespace: format!("{}-{suffix}", world.id),
                account: format!(
                    "{:012}",
                    200_000_000_000_u64
                        + u64::from(std::process::id()) * 10_000
                        + ACCOUNTS.fetch_add(1, Ordering::Relaxed)
                ),
                codes_before: AtomicUsize::new(0),
                given: AtomicBool::new(false),
            })
            .collect();
        for case in &cases {
            world
                .simulator
                .onboard(&case.account, &[REGION])
                .await
                .expect("onboard");
            for text in &case.scenario.sensitive {
                world.sensitive(text);
            }
        }
        world.start_operator().await.expect("start the operator");
        let seen = Seen::default();
        let watches = seen.follow(&world).await;
        let mut stage = Self {
            seen,
            watches,
            world,
            cases,
            faulty: false,
            _turn: turn,
            prepared: Duration::ZERO,
            ready: began,
        };
        join_all(stage.cases.iter().map(|case| stage.prepare(case))).await;
        stage.prepared = began.elapsed();
        stage.ready = Instant::now();
        stage
    }

    async fn prepare(&self, case: &Case) {
        self.carry_out(case, &case.scenario.prepare).await;
        self.wait_ready(case, &case.scenario.prepare).await;
        let codes = self.codes(case).await.len();
        case.codes_before.store(codes, Ordering::Relaxed);
    }

    /// What the user does.
    pub async fn act(&self, case: &Case) {
        self.carry_out(case, &case.scenario.act).await;
    }

    async fn carry_out(&self, case: &Case, steps: &[Step]) {
        let hands = Hands {
            simulator: self.world.simulator.clone(),
            account: case.account.clone(),
        };
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Provider => {
                    self.world.apply_value(self.provider_config(case)).await;
                }
                Step::DeleteProvider => self.world.delete("ProviderConfig", &case.namespace).await,
                Step::Apply(yaml) => {
                    let yaml = yaml
                        .replace("{account}", &case.account)
                        .replace("{soon}", &soon())
                        .replace("{provider}", &case.namespace);
                    let yaml = self.with_ids(case, yaml).await;
                    for object in harness::cluster::documents(&yaml).expect("a manifest") {
                        self.world.apply_value(self.at_home(case, object)).await;
                    }
                }
                Step::Delete(kind, name) => {
                    self.world.delete(kind, &place_of(case, name)).await;
                }
                Step::ConsentToDeletion => self.consent(case).await,
                Step::Ready => self.wait_ready(case, &steps[..number]).await,
                Step::InAws(hand) => hand(&hands).await,
            }
        }
    }

    /// `{name}` becomes the id of what carries that name in the account's network.
    async fn with_ids(&self, case: &Case, mut yaml: String) -> String {
        if !yaml.contains("'{") {
            return yaml;
        }
        let account = self.world.simulator.account(&case.account).await;
        let account = account.expect("the account");
        let tags = account["networks"][REGION]["tags"].as_object();
        for (id, tags) in tags.into_iter().flatten() {
            if let Some(name) = tags["Name"].as_str() {
                yaml = yaml.replace(&format!("'{{{name}}}'"), id);
            }
        }
        yaml
    }

    async fn wait_ready(&self, case: &Case, steps: &[Step]) {
        let wanted = present(steps);
        let what = format!("{} is prepared", case.namespace);
        self.world
            .eventually(&what, SETTLE, async || {
                let objects = self.objects(case);
                let missing = wanted.iter().find(|(kind, name)| {
                    !objects.iter().any(|(of, object)| {
                        of == kind
                            && (name.is_empty() || object.name_any() == name_of(case, name))
                            && is_ready(object)
                    })
                });
                match missing {
                    Some((kind, name)) => Err(format!("{kind} {name} is not ready")),
                    None => Ok(()),
                }
            })
            .await;
    }

    /// Says of the case's ReplicationSet that all data may be deleted with it.
    async fn consent(&self, case: &Case) {
        let set = self.world.get("ReplicationSet", &case.namespace).await;
        let uid = set.uid().unwrap_or_default();
        let annotation = json!({format!("{}/delete-data-of", harness::setup::GROUP): format!("{}/{uid}", case.account)});
        let patch = json!({"metadata": {"annotations": annotation}});
        self.world
            .patch("ReplicationSet", &case.namespace, &patch)
            .await;
    }

    fn at_home(&self, case: &Case, mut object: Value) -> Value {
        object["metadata"]["labels"][STAGE_LABEL] = json!(self.world.id);
        let kind = object["kind"].as_str();
        if matches!(kind, Some("ReplicationSet" | "AlternateContact")) {
            object["metadata"]["labels"][CASE_LABEL] = json!(case.namespace);
            object["spec"]["providerConfigRef"] = json!({"name": case.namespace});
            return object;
        }
        object["metadata"]["namespace"] = json!(case.namespace);
        let kind = object["kind"].as_str();
        if matches!(
            kind,
            Some(
                "Contact"
                    | "EscalationPlan"
                    | "OnCallSchedule"
                    | "ResponsePlan"
                    | "Incident"
                    | "TestPage"
                    | "RotationOverride"
                    | "VpcEndpoint"
            )
        ) {
            object["spec"]["providerConfigRef"] = json!({"name": case.namespace});
        }
        object
    }

    fn provider_config(&self, case: &Case) -> Value {
        let mut config = harness::setup::provider_config(
            &case.namespace,
            &case.account,
            REGION,
            &case.namespace,
            std::slice::from_ref(&case.namespace),
        );
        config["metadata"]["labels"] =
            json!({CASE_LABEL: case.namespace, STAGE_LABEL: self.world.id});
        config["spec"]["assumeRole"] =
            json!({"roleArn": format!("arn:aws:iam::{}:role/operator", case.account)});
        config["spec"]["passRoleArns"] =
            json!([format!("arn:aws:iam::{}:role/runbook", case.account)]);
        self.world.at_home(config)
    }

    /// How to start an operator for one case alone.
    pub fn options_for(&self, case: &Case, log: &str) -> OperatorOptions {
        let mut options = self.world.operator_options();
        set_flag(&mut options, "--watch-namespaces", &case.namespace);
        set_flag(
            &mut options,
            "--cluster-selector",
            &format!("{CASE_LABEL}={}", case.namespace),
        );
        options.log = options.log.with_file_name(log);
        options
    }

    /// Starts the operator again, now with drift checks all the time.
    pub async fn restart(&mut self) {
        let operator = self.world.operator_mut();
        set_flag(operator.options_mut(), "--drift-interval", DRIFT);
        operator.restart().await.expect("restart the operator");
    }

    /// What the operator called in a case's account.
    pub async fn calls(&self, case: &Case, since: u64) -> Vec<Call> {
        let mut calls = self
            .world
            .simulator
            .calls(Some(&case.account), since)
            .await
            .expect("call log");
        calls.retain(|call| {
            call.user_agent
                .as_deref()
                .is_some_and(|agent| agent.contains("incident-operator"))
        });
        calls
    }

    /// The number of the last call in a case's account.
    pub async fn last_call(&self, case: &Case) -> u64 {
        self.calls(case, 0).await.last().map_or(0, |call| call.seq)
    }

    async fn codes(&self, case: &Case) -> Vec<String> {
        let codes = self.world.simulator.codes(&case.account).await;
        codes
            .expect("codes")
            .into_iter()
            .map(|sent| sent.code)
            .collect()
    }

    /// The person of the case does what a person does when a code has come.
    pub async fn tend(&self, case: &Case) {
        let (secret_name, key) = match &case.scenario.person {
            Some(Person::GivesBack { secret, key }) => (*secret, *key),
            Some(Person::Acknowledges) => return self.acknowledge(case).await,
            None => return,
        };
        if case.given.load(Ordering::Relaxed) {
            return;
        }
        let codes = self.codes(case).await;
        if codes.len() <= case.codes_before.load(Ordering::Relaxed) {
            return;
        }
        if let Some(code) = codes.last() {
            case.given.store(true, Ordering::Relaxed);
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": secret_name, "labels": {format!("{}/contact-data", harness::setup::GROUP): "true"}},
                "stringData": {key: code},
            });
            self.world.apply_value(self.at_home(case, secret)).await;
        }
    }

    async fn acknowledge(&self, case: &Case) {
        let simulator = &self.world.simulator;
        let path = format!("pages?account={}", case.account);
        let answer = simulator.control("GET", &path, None).await;
        let answer = answer.expect("the pages");
        let open = answer["pages"].as_array().into_iter().flatten();
        let open = open.filter(|p| !p["sentAt"].is_null() && p["acknowledgedAt"].is_null());
        for page in open {
            let body = json!({"pageArn": page["pageArn"]});
            let accepted = simulator.control("POST", "pages/accept", Some(&body)).await;
            accepted.expect("an answer");
        }
    }

    /// Every object of ours in a case.
    pub fn objects(&self, case: &Case) -> Objects {
        self.seen
            .lock()
            .iter()
            .filter(|((_, namespace, name), _)| {
                *namespace == case.namespace || (namespace.is_empty() && *name == case.namespace)
            })
            .map(|((kind, _, _), object)| (kind.clone(), Arc::clone(object)))
            .collect()
    }

    /// Whether a case has come to its end; says what is missing.
    pub async fn check(&self, case: &Case) -> Result<(), String> {
        let objects = &self.objects(case);
        let account = self.world.simulator.account(&case.account).await;
        let account = account.expect("the account's state");
        let codes = account["codes"].as_array().map_or(0, Vec::len)
            - case.codes_before.load(Ordering::Relaxed);
        if codes > case.scenario.max_codes {
            return Err(format!("{codes} codes were sent"));
        }
        let held = Held::read(&account);
        let mut missing = vec![];
        let possible = |end: &&End| self.faulty || !end.only_under_faults;
        for end in case.scenario.ends.iter().filter(possible) {
            match matches(case, end, codes, &held, objects) {
                Ok(()) => return Ok(()),
                Err(text) => missing.push(text),
            }
        }
        Err(missing.join("\nor: "))
    }

    /// Waits until every case has come to its end. What is missing in those that have not.
    pub async fn settle(&self) -> Vec<String> {
        let began = Instant::now();
        let deadline = began + SETTLE;
        let mut open: Vec<&Case> = self.cases.iter().collect();
        loop {
            let late = Instant::now() >= deadline;
            let judged = join_all(open.into_iter().map(|case| async move {
                self.tend(case).await;
                (case, self.check(case).await)
            }))
            .await;
            if late {
                return judged
                    .into_iter()
                    .filter_map(|(case, answer)| {
                        Some(case.tell(&format!("never ended: {}", answer.err()?)))
                    })
                    .collect();
            }
            let took = began.elapsed();
            if took > SLOW {
                for (case, _) in judged.iter().filter(|(_, answer)| answer.is_ok()) {
                    println!("  {}", case.tell(&format!("took {took:.1?}")));
                }
            }
            open = judged
                .into_iter()
                .filter(|(_, answer)| answer.is_err())
                .map(|(case, _)| case)
                .collect();
            if open.is_empty() {
                return vec![];
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// After the end nothing changes any more: no write to AWS, none to the cluster, and `Ready` has never gone from True.
    pub async fn stay(&self) -> Vec<String> {
        let mut calls = vec![];
        for case in &self.cases {
            calls.push(self.last_call(case).await);
        }
        let before: Vec<Objects> = self.cases.iter().map(|case| self.objects(case)).collect();
        tokio::time::sleep(QUIET).await;
        let mut failures = vec![];
        for ((case, since), earlier) in self.cases.iter().zip(calls).zip(before) {
            if let Err(missing) = self.check(case).await {
                failures.push(case.tell(&format!("did not stay at its end: {missing}")));
            }
            for call in self.calls(case, since).await {
                if call.mutating {
                    failures.push(
                        case.tell(&format!("{} after everything was settled", call.operation)),
                    );
                }
            }
            for (kind, object) in self.objects(case) {
                let earlier = earlier
                    .iter()
                    .find(|(of, earlier)| *of == kind && earlier.uid() == object.uid());
                let Some((_, earlier)) = earlier else {
                    continue;
                };
                // That AWS has throttled us is told, and that it does no longer.
                let limits_only = self.faulty
                    && differing(&earlier.data["status"], &object.data["status"]) == ["rateLimits"];
                if earlier.resource_version() != object.resource_version() && !limits_only {
                    failures.push(case.tell(&format!(
                        "{kind} {} was written to after everything was settled: {}",
                        object.name_any(),
                        difference(&earlier.data["status"], &object.data["status"])
                    )));
                }
            }
        }
        failures
    }

    /// Every time that `Ready` went from True to something else in an object that was not being deleted.
    pub fn flaps(&self) -> Vec<String> {
        let mut failures = vec![];
        for case in &self.cases {
            let steps = case.scenario.prepare.iter().chain(&case.scenario.act);
            for (kind, name) in present(steps) {
                let name = place_of(case, &name);
                let versions = self.world.versions(&kind, &name);
                for pair in versions.windows(2) {
                    let ready = |object| condition(object, "Ready");
                    // What AWS takes minutes for is not there yet, and what is deleted is not there any more.
                    let meant = ready(&pair[1]).is_some_and(|ready| {
                        let slow = ["ReplicationSet", "VpcEndpoint"].contains(&kind.as_str());
                        (slow && ready.reason == "Progressing")
                            || case.scenario.expects_unready(&kind)
                    });
                    if meant {
                        continue;
                    }
                    if pair[1].metadata.deletion_timestamp.is_none()
                        && ready(&pair[0]).is_some_and(|ready| ready.is_true())
                        && !ready(&pair[1]).is_some_and(|ready| ready.is_true())
                    {
                        failures.push(case.tell(&format!(
                            "{kind} {name} was Ready and became {:?}",
                            ready(&pair[1]).map(|ready| ready.to_string())
                        )));
                    }
                }
            }
        }
        failures
    }

    /// Waits for the end of every case, sees that it stays so, and checks everything that must always hold. What was wrong.
    pub async fn conclude(self) -> Vec<String> {
        let began = Instant::now();
        let mut failures = self.settle().await;
        let settled = began.elapsed();
        if failures.is_empty() {
            failures.extend(self.stay().await);
        }
        println!(
            "  {}: {:.1} s to prepare, {:.1} s to act, {:.1} s to settle",
            self.world.id,
            self.prepared.as_secs_f64(),
            (began - self.ready).as_secs_f64(),
            settled.as_secs_f64(),
        );
        failures.extend(self.flaps());
        for case in &self.cases {
            for code in self.codes(case).await {
                self.world.sensitive(&code);
            }
        }
        let began = Instant::now();
        let id = self.world.id.clone();
        for watch in &self.watches {
            watch.abort();
        }
        if failures.is_empty() {
            let cluster = self.world.cluster.clone();
            let left: Vec<_> = self.seen.lock().keys().cloned().collect();
            self.world.finish().await;
            tidy(&cluster, left).await;
            println!(
                "  {id}: {:.1} s to check everything",
                began.elapsed().as_secs_f64()
            );
        } else {
            let violations = self.world.violations().await.expect("the closing checks");
            failures.extend(violations);
            failures.push(format!(
                "the operator's log is {}",
                self.world.operator().process().log().display()
            ));
        }
        failures
    }
}

/// Takes away what a finished stage leaves, or every list becomes longer and longer. Its operator has ended.
async fn tidy(cluster: &Cluster, left: Vec<Place>) {
    futures::stream::iter(left)
        .for_each_concurrent(8, async |(kind, namespace, name)| {
            let namespace = (!namespace.is_empty()).then_some(namespace.as_str());
            let free = json!({"metadata": {"finalizers": null}});
            cluster
                .delete(&kind, namespace, &name)
                .await
                .expect("tidy up");
            // It may be gone already, when it had none.
            let _ = cluster.merge(&kind, namespace, &name, &free).await;
        })
        .await;
}

/// The name of an object of a scenario: what is in no namespace is called as the case's own.
fn name_of(case: &Case, name: &str) -> String {
    if name.is_empty() || name == "{provider}" {
        case.namespace.clone()
    } else {
        name.to_owned()
    }
}

/// The same with its namespace, when it is in one.
fn place_of(case: &Case, name: &str) -> String {
    match name_of(case, name) {
        name if name == case.namespace => name,
        name => format!("{}/{name}", case.namespace),
    }
}

/// Whether a case has ended in this way; says what is missing.
fn matches(
    case: &Case,
    end: &End,
    codes: usize,
    held: &Held,
    objects: &Objects,
) -> Result<(), String> {
    if codes != end.codes {
        return Err(format!("{codes} codes were sent, not {}", end.codes));
    }
    held.difference(&end.held(&case.namespace))?;
    let name_of = |name: &str| name_of(case, name);
    let remaining: BTreeSet<(String, String)> = case
        .scenario
        .remaining()
        .into_iter()
        .map(|(kind, name)| (kind, name_of(&name)))
        .collect();
    for (kind, object) in objects {
        if !remaining.contains(&(kind.clone(), object.name_any())) {
            return Err(format!("{kind} {} is still there", object.name_any()));
        }
    }
    for (kind, name) in remaining {
        let object = objects
            .iter()
            .find(|(of, object)| *of == kind && object.name_any() == name)
            .map(|(_, object)| object)
            .ok_or_else(|| format!("{kind} {name} does not exist"))?;
        let expected: Vec<&Expected> = end
            .objects
            .iter()
            .filter(|expected| expected.kind == kind && name_of(expected.name) == name)
            .collect();
        let ready = expected.iter().all(|expected| expected.ready);
        if is_ready(object) != ready {
            return Err(format!(
                "{kind} {name} has {:?} at generation {:?} of {:?}",
                condition(object, "Ready").map(|ready| ready.to_string()),
                object.data["status"]["observedGeneration"],
                object.metadata.generation
            ));
        }
        for expected in expected {
            if !holds(&object.data["status"], &expected.status) {
                return Err(format!(
                    "{kind} {name} lacks {} in {}",
                    expected.status, object.data["status"]
                ));
            }
        }
        settled_status(&kind, object, held)?;
    }
    provider_finalizer(case, objects)
}

/// A ProviderConfig is held while somebody uses it, and not longer.
fn provider_finalizer(case: &Case, objects: &Objects) -> Result<(), String> {
    let users = objects
        .iter()
        .filter(|(_, object)| !object.finalizers().is_empty())
        .filter(|(kind, _)| kind != "ProviderConfig")
        .count();
    for (_, config) in objects.iter().filter(|(kind, _)| kind == "ProviderConfig") {
        if config.finalizers().is_empty() == (users > 0) {
            return Err(format!(
                "ProviderConfig {} has {} users and the finalizers {:?}",
                case.namespace,
                users,
                config.finalizers()
            ));
        }
        if config.data["status"]["inUseBy"] != users {
            return Err(format!(
                "ProviderConfig {} has {users} users and says {}",
                case.namespace, config.data["status"]["inUseBy"]
            ));
        }
    }
    Ok(())
}

/// What no settled status shows: begun creations, pending changes, channels that AWS does not hold.
fn settled_status(kind: &str, object: &DynamicObject, held: &Held) -> Result<(), String> {
    let status = &object.data["status"];
    for field in ["pending", "pendingChanges"] {
        if status[field]
            .as_array()
            .is_some_and(|list| !list.is_empty())
        {
            return Err(format!(
                "{kind} {} still has status.{field}: {}",
                object.name_any(),
                status[field]
            ));
        }
    }
    if kind == "Contact" {
        let activated = |list: &Value| -> usize {
            list.as_array().map_or(0, |list| {
                list.iter()
                    .filter(|channel| channel["activation"] == "Activated")
                    .count()
            })
        };
        let said = activated(&status["channels"]) + activated(&status["unmanagedChannels"]);
        let alias = status["summary"]["alias"].as_str().unwrap_or_default();
        let true_number = held.activated(alias);
        if said != true_number {
            return Err(format!(
                "the status shows {said} activated channels and AWS has {true_number}"
            ));
        }
    }
    Ok(())
}

/// The names of the fields that differ.
fn differing<'a>(before: &'a Value, after: &'a Value) -> Vec<&'a str> {
    let fields: BTreeSet<&str> = [before, after]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(serde_json::Map::keys)
        .map(String::as_str)
        .collect();
    fields
        .into_iter()
        .filter(|field| before[*field] != after[*field])
        .collect()
}

/// The fields that differ, before and after.
fn difference(before: &Value, after: &Value) -> String {
    differing(before, after)
        .into_iter()
        .map(|field| format!("{field}: {} -> {}", before[field], after[field]))
        .collect::<Vec<_>>()
        .join("; ")
}

/// Sets a flag of an operator that is there already.
fn set_flag(options: &mut OperatorOptions, flag: &str, value: &str) {
    let place = options
        .flags
        .iter()
        .position(|found| found == flag)
        .expect("the flag");
    value.clone_into(&mut options.flags[place + 1]);
}
