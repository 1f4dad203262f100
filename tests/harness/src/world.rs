//! Everything one system test needs: namespaces, an AWS account, a ProviderConfig, an operator, and a memory of what happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{StreamExt as _, TryStreamExt as _};
use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};

use crate::aws;
use crate::checks::{self, AuditLog, Condition, Sensitive, Write};
use crate::cluster::{Cluster, Event, documents, message};
use crate::control_plane::{ControlPlane, Identity};
use crate::operator::{Operator, OperatorOptions};
use crate::paths::scratch;
use crate::poll::{Answer, poll, seconds};
use crate::process::tail;
use crate::rights;
use crate::setup::{GROUP, provider_config};
use crate::simulator::{Call, Fault, Hold, Simulator, SimulatorOptions, When};

/// The label by which a test's operator finds its cluster-scoped objects.
pub const TEST_LABEL: &str = "test";

/// How long something may take that needs no waiting.
pub const SOON: Duration = seconds(30);

/// How a [`World`] is made.
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent switches, each set by a method of its own"
)]
#[derive(Clone, Debug)]
pub struct WorldBuilder {
    name: String,
    namespaces: Vec<String>,
    region: String,
    onboarded: bool,
    operator: bool,
    provider: bool,
    history: bool,
    simulator: Option<SimulatorOptions>,
    simulated_clock: bool,
    drift: String,
    flags: Vec<String>,
    environment: BTreeMap<String, String>,
    provider_patch: Value,
    plane: Option<&'static ControlPlane>,
    twin: Option<Twin>,
}

/// What a world shares with its twin in another cluster.
#[derive(Clone, Debug)]
struct Twin {
    id: String,
    account: String,
    namespaces: Vec<String>,
    simulator: Simulator,
}

impl WorldBuilder {
    /// A second, third … namespace, called `<id>-<suffix>`.
    #[must_use]
    pub fn namespace(mut self, suffix: &str) -> Self {
        self.namespaces.push(suffix.to_owned());
        self
    }

    /// AWS Region; absent = `us-east-1`.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// The account has no replication set yet.
    #[must_use]
    pub fn not_onboarded(mut self) -> Self {
        self.onboarded = false;
        self
    }

    /// No operator yet: see [`World::start_operator`].
    #[must_use]
    pub fn without_operator(mut self) -> Self {
        self.operator = false;
        self
    }

    /// No ProviderConfig yet: see [`World::provider_config`].
    #[must_use]
    pub fn without_provider(mut self) -> Self {
        self.provider = false;
        self
    }

    /// Changes to the ProviderConfig's spec, as a JSON merge patch.
    #[must_use]
    pub fn provider(mut self, spec: Value) -> Self {
        self.provider_patch = spec;
        self
    }

    /// Does not keep every version of every object: for thousands of them.
    #[must_use]
    pub fn without_history(mut self) -> Self {
        self.history = false;
        self
    }

    /// A simulator of its own, for tests that change clock, latency or quotas.
    #[must_use]
    pub fn own_simulator(mut self, options: SimulatorOptions) -> Self {
        self.simulator = Some(options);
        self
    }

    /// The operator follows the simulator's clock; needs a simulator of its own.
    #[must_use]
    pub fn simulated_clock(mut self) -> Self {
        self.simulated_clock = true;
        self.simulator.get_or_insert_default();
        self
    }

    /// The operator's drift interval; absent = `10m`.
    #[must_use]
    pub fn drift(mut self, interval: &str) -> Self {
        interval.clone_into(&mut self.drift);
        self
    }

    /// A further flag of the operator.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// A variable in the operator's environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// In this cluster, rather than the one that all tests share.
    #[must_use]
    pub fn on(mut self, plane: &'static ControlPlane) -> Self {
        self.plane = Some(plane);
        self
    }

    /// Makes it.
    pub async fn try_build(self) -> Result<World> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Unique in a cluster that outlives this process, too.
        let id = match &self.twin {
            Some(twin) => twin.id.clone(),
            None => format!("{}-{:x}-{count:x}", self.name, std::process::id()),
        };
        let plane = match self.plane {
            Some(plane) => plane,
            None => ControlPlane::shared().await?,
        };
        let cluster = plane.cluster().await?;
        let simulator = match (&self.twin, &self.simulator) {
            (Some(twin), _) => twin.simulator.clone(),
            (None, Some(options)) => Simulator::start(options).await?,
            (None, None) => Simulator::shared().await?,
        };
        let account = match &self.twin {
            Some(twin) => twin.account.clone(),
            None => format!(
                "{:012}",
                100_000_000_000 + u64::from(std::process::id()) * 10_000 + count
            ),
        };
        if self.onboarded && self.twin.is_none() {
            simulator.onboard(&account, &[&self.region]).await?;
        }
        let named = self.namespaces.iter();
        let named = named.map(|suffix| format!("{id}-{suffix}"));
        let namespaces: Vec<String> = match &self.twin {
            Some(twin) => twin.namespaces.clone(),
            None => std::iter::once(id.clone()).chain(named).collect(),
        };
        for namespace in &namespaces {
            cluster.try_apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})).await?;
        }
        let directory = match &self.twin {
            Some(_) => scratch().join(format!("{id}-{count:x}")),
            None => scratch().join(&id),
        };
        let identity = plane
            .identity(&cluster, &format!("{id}-operator"), "operator", &directory)
            .await?;
        let history = History::default();
        let mut watches = vec![];
        if self.history {
            watches = history.follow(&cluster, &namespaces, &id).await?;
        }
        let mut world = World {
            namespace: id.clone(),
            account,
            region: self.region.clone(),
            cluster,
            simulator,
            identity,
            plane,
            namespaces,
            directory,
            history,
            watches,
            operator: None,
            sensitive: Mutex::default(),
            finished: false,
            builder: self,
            id,
        };
        if world.builder.provider {
            let config = world.provider_config();
            world.try_apply(&config).await?;
        }
        if world.builder.operator {
            world.start_operator().await?;
        }
        Ok(world)
    }

    /// Makes it, for tests.
    pub async fn build(self) -> World {
        match self.try_build().await {
            Ok(world) => world,
            Err(error) => panic!("the test's world was not made: {error:#}"),
        }
    }
}

/// One test's world. Ends with [`World::finish`], which checks what must always hold.
#[derive(Debug)]
pub struct World {
    /// Unique but for [`Self::twin`]s; also the first namespace, the ProviderConfig's name and the ownerId.
    pub id: String,
    /// The first namespace.
    pub namespace: String,
    /// AWS account.
    pub account: String,
    /// AWS Region.
    pub region: String,
    /// The cluster, as administrator.
    pub cluster: Cluster,
    /// The simulated AWS.
    pub simulator: Simulator,
    /// The operator's user.
    pub identity: Identity,
    /// The control plane of the cluster.
    pub plane: &'static ControlPlane,
    namespaces: Vec<String>,
    directory: PathBuf,
    history: History,
    watches: Vec<tokio::task::JoinHandle<()>>,
    operator: Option<Operator>,
    sensitive: Mutex<Sensitive>,
    finished: bool,
    builder: WorldBuilder,
}

impl World {
    /// A world for a test of this name.
    pub async fn new(name: &str) -> Self {
        Self::builder(name).build().await
    }

    /// A world that differs in something.
    pub fn builder(name: &str) -> WorldBuilder {
        WorldBuilder {
            name: name.to_owned(),
            namespaces: vec![],
            region: "us-east-1".to_owned(),
            onboarded: true,
            operator: true,
            provider: true,
            history: true,
            simulator: None,
            simulated_clock: false,
            drift: "10m".to_owned(),
            flags: vec![],
            environment: BTreeMap::new(),
            provider_patch: Value::Null,
            plane: None,
            twin: None,
        }
    }

    /// A world on the same AWS account with the same names of everything, for another cluster: see [`WorldBuilder::on`].
    pub fn twin(&self) -> WorldBuilder {
        WorldBuilder {
            region: self.region.clone(),
            simulated_clock: self.builder.simulated_clock,
            drift: self.builder.drift.clone(),
            provider_patch: self.builder.provider_patch.clone(),
            twin: Some(Twin {
                id: self.id.clone(),
                account: self.account.clone(),
                namespaces: self.namespaces.clone(),
                simulator: self.simulator.clone(),
            }),
            ..Self::builder(&self.builder.name)
        }
    }

    /// The cluster is lost as it stands, and its operator with it. Nothing is checked: there is nobody left to ask.
    pub fn lose_cluster(mut self) {
        if let Some(operator) = &self.operator {
            operator.kill9();
        }
        self.plane.throw_away();
        self.finished = true;
    }

    /// All its namespaces.
    pub fn namespaces(&self) -> &[String] {
        &self.namespaces
    }

    /// The ProviderConfig of this world, as it is (or would be) applied.
    pub fn provider_config(&self) -> Value {
        let mut config = provider_config(
            &self.id,
            &self.account,
            &self.region,
            &self.id,
            &self.namespaces,
        );
        config["metadata"]["labels"] = json!({TEST_LABEL: self.id});
        merge(&mut config["spec"], &self.builder.provider_patch);
        config
    }

    /// What an operator of this world is started with.
    pub fn operator_options(&self) -> OperatorOptions {
        let mut flags: Vec<String> = [
            "--watch-namespaces",
            &self.namespaces.join(","),
            "--cluster-selector",
            &format!("{TEST_LABEL}={}", self.id),
            "--namespace",
            &self.identity.namespace,
            "--drift-interval",
            &self.builder.drift,
            "--admin-listen",
            "127.0.0.1:0",
        ]
        .map(ToOwned::to_owned)
        .to_vec();
        if !self
            .builder
            .flags
            .iter()
            .any(|flag| flag.starts_with("--leader-election"))
        {
            flags.extend(["--leader-election".to_owned(), "false".to_owned()]);
        }
        flags.extend(self.builder.flags.iter().cloned());
        let mut environment = self.builder.environment.clone();
        if self.builder.simulated_clock {
            environment.insert(
                "INCIDENT_OPERATOR_CLOCK_URL".to_owned(),
                self.simulator.clock_url(),
            );
        }
        OperatorOptions {
            kubeconfig: self.identity.kubeconfig.clone(),
            log: self.directory.join("operator.log"),
            endpoint: self.simulator.endpoint().to_owned(),
            account: self.account.clone(),
            flags,
            environment,
            name: format!("operator of {}", self.id),
        }
    }

    /// Starts the operator of a world that was made without, and takes it into the checks.
    pub async fn start_operator(&mut self) -> Result<()> {
        self.operator = Some(Operator::start(self.operator_options()).await?);
        Ok(())
    }

    /// The operator.
    pub fn operator(&self) -> &Operator {
        self.operator.as_ref().expect("this world has an operator")
    }

    /// The operator, to stop and start it.
    pub fn operator_mut(&mut self) -> &mut Operator {
        self.operator.as_mut().expect("this world has an operator")
    }

    /// Whatever the operator writes may not contain this text. Addresses and Secrets that go through [`Self::apply`] are known already.
    pub fn sensitive(&self, text: &str) {
        self.sensitive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(text);
    }

    // What a user does ------------------------------------------------------------------------------------------------------------------

    /// The objects of a YAML text, with namespace and `providerConfigRef` filled in where they are missing.
    pub fn objects(&self, yaml: &str) -> Vec<Value> {
        let objects = documents(yaml).unwrap_or_else(|error| panic!("not YAML: {error:#}\n{yaml}"));
        objects
            .into_iter()
            .map(|object| self.at_home(object))
            .collect()
    }

    /// Puts an object into this world: namespace, test label and `providerConfigRef`, where it says nothing else.
    pub fn at_home(&self, mut object: Value) -> Value {
        let ours = object["apiVersion"]
            .as_str()
            .is_some_and(|version| version.starts_with(GROUP));
        let cluster_scoped = matches!(
            object["kind"].as_str(),
            Some("ProviderConfig" | "ReplicationSet" | "AlternateContact" | "Namespace")
        );
        if cluster_scoped {
            if ours {
                object["metadata"]["labels"][TEST_LABEL] = json!(self.id);
            }
        } else if object["metadata"]["namespace"].is_null() {
            object["metadata"]["namespace"] = json!(self.namespace);
        }
        let config = !matches!(
            object["kind"].as_str(),
            Some("ProviderConfig" | "AccessGrant" | "ChannelActivation")
        );
        if ours && config && object["spec"]["providerConfigRef"].is_null() {
            object["spec"]["providerConfigRef"] = json!({"name": self.id});
        }
        object
    }

    /// Server-side apply of an object as it is; the error is the API server's.
    pub async fn try_apply(&self, object: &Value) -> Result<DynamicObject> {
        self.sensitive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add_from(object);
        self.cluster.try_apply(object).await
    }

    /// Server-side apply of every object in a YAML text, put into this world.
    pub async fn apply(&self, yaml: &str) -> Vec<DynamicObject> {
        let mut applied = vec![];
        for object in self.objects(yaml) {
            applied.push(self.apply_value(object).await);
        }
        applied
    }

    /// Server-side apply of one object, put into this world.
    pub async fn apply_value(&self, object: Value) -> DynamicObject {
        let object = self.at_home(object);
        match self.try_apply(&object).await {
            Ok(applied) => applied,
            Err(error) => panic!(
                "apply {} {}: {}",
                object["kind"],
                object["metadata"]["name"],
                message(&error)
            ),
        }
    }

    /// Applies what must be refused, and hands out the API server's message.
    pub async fn refused(&self, object: Value) -> String {
        let object = self.at_home(object);
        match self.try_apply(&object).await {
            Ok(_) => panic!("the API server took what it should have refused: {object}"),
            Err(error) => message(&error),
        }
    }

    /// JSON merge patch. `name` may be `namespace/name`.
    pub async fn patch(&self, kind: &str, name: &str, patch: &Value) -> DynamicObject {
        self.sensitive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add_from(patch);
        let (namespace, bare) = self.place(name);
        let patched = self.cluster.merge(kind, Some(namespace), bare, patch).await;
        patched.unwrap_or_else(|error| panic!("patch {kind} {name}: {error:#}"))
    }

    /// An object, if it exists. `name` may be `namespace/name`; cluster-scoped kinds ignore namespaces.
    pub async fn find(&self, kind: &str, name: &str) -> Option<DynamicObject> {
        let (namespace, name) = self.place(name);
        self.cluster
            .get(kind, Some(namespace), name)
            .await
            .unwrap_or_else(|error| panic!("get {kind} {name}: {error:#}"))
    }

    /// An object that exists.
    pub async fn get(&self, kind: &str, name: &str) -> DynamicObject {
        self.find(kind, name)
            .await
            .unwrap_or_else(|| panic!("{kind} {name} does not exist"))
    }

    /// Asks for deletion.
    pub async fn delete(&self, kind: &str, name: &str) {
        let (namespace, name) = self.place(name);
        self.cluster
            .delete(kind, Some(namespace), name)
            .await
            .unwrap_or_else(|error| panic!("delete {kind} {name}: {error:#}"));
    }

    /// Asks for deletion and waits until it is done.
    pub async fn delete_and_wait(&self, kind: &str, name: &str) {
        self.delete(kind, name).await;
        self.gone(kind, name).await;
    }

    /// Waits until an object is gone.
    pub async fn gone(&self, kind: &str, name: &str) {
        self.eventually_about(
            &format!("{kind} {name} is gone"),
            SOON,
            Some((kind, name)),
            async || self.find(kind, name).await.is_none(),
        )
        .await;
    }

    /// Asks the operator to look now, as `kubectl annotate` does.
    pub async fn reconcile_now(&self, kind: &str, name: &str) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let value = format!("request-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let patch = json!({"metadata": {"annotations": {format!("{GROUP}/reconcile-requested-at"): value}}});
        self.patch(kind, name, &patch).await;
        self.eventually_about(
            &format!("{kind} {name} was looked at"),
            SOON,
            Some((kind, name)),
            async || {
                self.get(kind, name).await.data["status"]["lastHandledReconcileAt"]
                    == value.as_str()
            },
        )
        .await;
    }

    fn place<'a>(&'a self, name: &'a str) -> (&'a str, &'a str) {
        name.split_once('/').unwrap_or((&self.namespace, name))
    }

    // What a user sees ------------------------------------------------------------------------------------------------------------------

    /// Waits until the operator has judged the object's present generation and `Ready` is True.
    pub async fn ready(&self, kind: &str, name: &str) -> DynamicObject {
        self.eventually_about(
            &format!("{kind} {name} is Ready"),
            SOON,
            Some((kind, name)),
            async || self.find(kind, name).await.filter(checks::is_ready),
        )
        .await
    }

    /// Waits until a condition has this status and reason, judged for the object's present generation.
    pub async fn condition(
        &self,
        kind: &str,
        name: &str,
        condition: &str,
        status: &str,
        reason: &str,
    ) -> Condition {
        let what = format!("{kind} {name} has {condition}={status}/{reason}");
        self.eventually_about(&what, SOON, Some((kind, name)), async || {
            let object = self.find(kind, name).await?;
            let current =
                object.data["status"]["observedGeneration"].as_i64() == object.metadata.generation;
            checks::condition(&object, condition)
                .filter(|found| current && found.status == status && found.reason == reason)
        })
        .await
    }

    /// Waits for `Ready=False` and `Stalled` with this reason.
    pub async fn stalled(&self, kind: &str, name: &str, reason: &str) -> Condition {
        let stalled = self.condition(kind, name, "Stalled", "True", reason).await;
        let ready = checks::condition(&self.get(kind, name).await, "Ready");
        assert!(
            ready.is_some_and(|ready| ready.status == "False"),
            "{kind} {name} is Stalled and not Ready=False"
        );
        stalled
    }

    /// The events about an object, oldest first.
    pub async fn events(&self, kind: &str, name: &str) -> Vec<Event> {
        let namespaced = self
            .cluster
            .is_namespaced(kind)
            .await
            .expect("the kind's scope");
        let (namespace, name) = self.place(name);
        self.cluster
            .events(kind, namespaced.then_some(namespace), name)
            .await
            .unwrap_or_else(|error| panic!("events of {name}: {error:#}"))
    }

    /// Every version of an object seen so far, over all objects of that name (in that namespace, when it is `namespace/name`).
    pub fn versions(&self, kind: &str, name: &str) -> Vec<DynamicObject> {
        let (namespace, name) = match name.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, name),
        };
        self.history.of(kind, namespace, name)
    }

    /// How often `Ready` left True while the spec stayed the same.
    pub fn ready_flaps(&self, kind: &str, name: &str) -> usize {
        checks::ready_flaps(&self.versions(kind, name))
    }

    // AWS -------------------------------------------------------------------------------------------------------------------------------

    /// SDK client for ssm-contacts in this world's account, for changes by hand.
    pub fn contacts(&self) -> aws_sdk_ssmcontacts::Client {
        self.simulator.contacts(&self.account, &self.region)
    }

    /// SDK client for ssm-incidents in this world's account.
    pub fn incidents(&self) -> aws_sdk_ssmincidents::Client {
        self.simulator.incidents(&self.account, &self.region)
    }

    /// What AWS holds of contacts, by alias.
    pub async fn aws(&self) -> Vec<aws::Contact> {
        aws::contacts(&self.simulator, &self.account, &self.region)
            .await
            .unwrap_or_else(|error| panic!("read AWS: {error:#}"))
    }

    /// What AWS holds of rotations, by name.
    pub async fn rotations(&self) -> Vec<aws::Rotation> {
        aws::rotations(&self.simulator, &self.account, &self.region)
            .await
            .unwrap_or_else(|error| panic!("read AWS: {error:#}"))
    }

    /// Waits until what AWS holds is as `model` says; its error says what is not.
    pub async fn aws_matches(
        &self,
        what: &str,
        model: impl Fn(&[aws::Contact]) -> Result<(), String>,
    ) {
        self.eventually(what, SOON, async || {
            let held = aws::contacts(&self.simulator, &self.account, &self.region)
                .await
                .map_err(|error| format!("{error:#}"))?;
            model(&held)
        })
        .await;
    }

    /// Waits until AWS holds no contact and no rotation.
    pub async fn aws_empty(&self) {
        self.eventually("AWS holds no rotation", SOON, async || {
            let rotations = self.rotations().await;
            if rotations.is_empty() {
                Ok(())
            } else {
                Err(format!("{rotations:?}"))
            }
        })
        .await;
        self.aws_matches("AWS holds nothing", |held| {
            if held.is_empty() {
                Ok(())
            } else {
                Err(aws::render(held).unwrap_or_default())
            }
        })
        .await;
    }

    /// The calls in this world's account after a sequence number.
    pub async fn calls(&self, since: u64) -> Vec<Call> {
        self.simulator
            .calls(Some(&self.account), since)
            .await
            .unwrap_or_else(|error| panic!("call log: {error:#}"))
    }

    /// The operator's calls in this world's account after a sequence number: those of this harness's own clients left out.
    pub async fn operator_calls(&self, since: u64) -> Vec<Call> {
        let mut calls = self.calls(since).await;
        // The operator names itself to AWS.
        calls.retain(|call| {
            call.user_agent
                .as_deref()
                .is_some_and(|agent| agent.contains("incident-operator"))
        });
        calls
    }

    /// The sequence number of the last call.
    pub async fn last_call(&self) -> u64 {
        self.calls(0).await.last().map_or(0, |call| call.seq)
    }

    /// Arms a fault in this world's account.
    pub async fn fault(&self, fault: Fault) -> String {
        let id = self.simulator.fault(&fault.account(&self.account)).await;
        id.unwrap_or_else(|error| panic!("arm a fault: {error:#}"))
    }

    /// Arms a hold in this world's account.
    pub async fn hold(&self, operation: &str, nth: u32, when: When) -> String {
        let id = self
            .simulator
            .hold(&Hold::new(operation, nth, when).account(&self.account))
            .await;
        id.unwrap_or_else(|error| panic!("arm a hold: {error:#}"))
    }

    /// The code last sent to a channel.
    pub async fn last_code(&self, channel_arn: &str) -> Option<String> {
        let codes = self
            .simulator
            .codes(&self.account)
            .await
            .unwrap_or_else(|error| panic!("codes: {error:#}"));
        codes
            .into_iter()
            .rfind(|sent| sent.channel_arn == channel_arn)
            .map(|sent| sent.code)
    }

    /// How many activation codes were sent in this account.
    pub async fn codes_sent(&self) -> usize {
        self.simulator
            .codes(&self.account)
            .await
            .unwrap_or_else(|error| panic!("codes: {error:#}"))
            .len()
    }

    /// Does something, kills the operator at the hold, lets the held call go on (or lose its way), and starts the operator again.
    ///
    /// False when no call came to the hold; the operator then runs on undisturbed.
    pub async fn crash_at(&mut self, crash: &Crash, act: impl AsyncFnOnce(&Self)) -> bool {
        let hold = self.hold(&crash.operation, crash.nth, crash.when).await;
        act(self).await;
        let reached = self
            .simulator
            .held(&hold, SOON)
            .await
            .unwrap_or_else(|error| panic!("wait for the hold: {error:#}"));
        if reached {
            self.operator().kill9();
        }
        self.simulator
            .forget_hold(&hold, crash.lost)
            .await
            .unwrap_or_else(|error| panic!("release the hold: {error:#}"));
        if reached {
            self.operator_mut()
                .restart()
                .await
                .unwrap_or_else(|error| panic!("restart the operator: {error:#}"));
        }
        reached
    }

    // Waiting ---------------------------------------------------------------------------------------------------------------------------

    /// Waits; when the time is up, panics with what was missing, the state of every object and the operator's last words.
    pub async fn eventually<A: Answer>(
        &self,
        what: &str,
        timeout: Duration,
        ask: impl AsyncFnMut() -> A,
    ) -> A::Value {
        self.eventually_about(what, timeout, None, ask).await
    }

    async fn eventually_about<A: Answer>(
        &self,
        what: &str,
        timeout: Duration,
        about: Option<(&str, &str)>,
        ask: impl AsyncFnMut() -> A,
    ) -> A::Value {
        match poll(timeout, ask).await {
            Ok(value) => value,
            Err(missing) => {
                let report = self.report(about).await;
                panic!("after {timeout:?} still not so: {what}\n{missing}\n{report}");
            }
        }
    }

    /// The state of an object (absent = of all of them), its events, and the operator's last words.
    pub async fn report(&self, about: Option<(&str, &str)>) -> String {
        let mut report = String::new();
        let objects = match about {
            Some((kind, name)) => self
                .find(kind, name)
                .await
                .into_iter()
                .map(|object| (kind.to_owned(), object))
                .collect(),
            None => self.our_objects().await.unwrap_or_default(),
        };
        for (kind, object) in objects.iter().take(10) {
            let status = serde_json::to_string_pretty(&object.data["status"]).unwrap_or_default();
            let _ = write!(
                report,
                "\n{kind} {} generation {:?} finalizers {:?}\n{status}\n",
                object.name_any(),
                object.metadata.generation,
                object.finalizers()
            );
            let events = self
                .cluster
                .events(kind, object.namespace().as_deref(), &object.name_any())
                .await
                .unwrap_or_default();
            for event in events.iter().rev().take(10).rev() {
                let _ = writeln!(
                    report,
                    "  {} {} (x{}): {}",
                    event.severity, event.reason, event.count, event.message
                );
            }
        }
        if let Some(operator) = &self.operator {
            let state = operator
                .process()
                .exit_status()
                .map_or("is running".to_owned(), |status| {
                    format!("has ended: {status}")
                });
            let _ = write!(
                report,
                "\noperator {state}; its log is {}\n{}\n",
                operator.process().log().display(),
                tail(&operator.logs(), 30)
            );
        }
        report
    }

    // The end ---------------------------------------------------------------------------------------------------------------------------

    /// Every object of our group in this world, with its kind.
    pub async fn our_objects(&self) -> Result<Vec<(String, DynamicObject)>> {
        let mut objects = vec![];
        for (kind, namespaced) in self.cluster.our_kinds().await? {
            for object in self.cluster.list(&kind, None).await? {
                let mine = match object.namespace() {
                    Some(namespace) if namespaced => self.namespaces.contains(&namespace),
                    _ => object.labels().get(TEST_LABEL) == Some(&self.id),
                };
                if mine {
                    objects.push((kind.clone(), object));
                }
            }
        }
        Ok(objects)
    }

    /// What contradicts what must hold at the end of every test.
    pub async fn violations(&self) -> Result<Vec<String>> {
        let mut violations = vec![];
        let objects = self.our_objects().await?;
        for ((kind, name), versions) in self.history.snapshot() {
            for version in &versions {
                checks::record_state(version)?;
                let found = checks::condition_violations(version);
                violations.extend(
                    found
                        .into_iter()
                        .map(|violation| format!("{kind} {name}: {violation}")),
                );
            }
            let found = checks::history_violations(&versions);
            violations.extend(
                found
                    .into_iter()
                    .map(|violation| format!("{kind} {name}: {violation}")),
            );
        }
        for (kind, object) in &objects {
            let found = checks::condition_violations(object);
            violations.extend(
                found
                    .into_iter()
                    .map(|violation| format!("{kind} {}: {violation}", object.name_any())),
            );
        }
        violations.extend(self.aws_violations().await?);
        violations.extend(self.privacy_violations(&objects).await?);
        violations.sort();
        violations.dedup();
        Ok(violations)
    }

    /// Leaks and duplicates, once what is under way has had time to come to its end.
    async fn aws_violations(&self) -> Result<Vec<String>> {
        let mut violations = vec![];
        let config = self.provider_config();
        let owner = config["spec"]["ownerId"].as_str().unwrap_or_default();
        for _ in 0..10 {
            let objects = self.our_objects().await?;
            let objects: Vec<DynamicObject> =
                objects.into_iter().map(|(_, object)| object).collect();
            // Without a replication set there is nothing to list.
            let held = aws::contacts(&self.simulator, &self.account, &self.region).await;
            violations = held.map_or(vec![], |held| {
                checks::aws_violations(owner, &held, &objects)
            });
            let rotations = aws::rotations(&self.simulator, &self.account, &self.region).await;
            violations.extend(rotations.map_or(vec![], |rotations| {
                checks::rotation_violations(owner, &rotations, &objects)
            }));
            let account = self.simulator.account(&self.account).await?;
            violations.extend(checks::response_plan_violations(owner, &account, &objects));
            if violations.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(violations)
    }

    async fn privacy_violations(&self, objects: &[(String, DynamicObject)]) -> Result<Vec<String>> {
        let mut sensitive = self
            .sensitive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for sent in self.simulator.codes(&self.account).await? {
            sensitive.add(&sent.code);
        }
        let mut violations = vec![];
        if let Some(operator) = &self.operator {
            violations.extend(sensitive.violations("the operator's log", &operator.logs()));
            if operator.is_running() {
                violations.extend(sensitive.violations("metrics", &operator.metrics().await?));
            }
        }
        for (kind, object) in objects {
            violations.extend(sensitive.violations(
                &format!("{kind} {}", object.name_any()),
                &checks::written_part(object),
            ));
        }
        for ((kind, name), versions) in self.history.snapshot() {
            for version in &versions {
                violations.extend(sensitive.violations(
                    &format!("a version of {kind} {name}"),
                    &checks::written_part(version),
                ));
            }
        }
        for namespace in self
            .namespaces
            .iter()
            .map(String::as_str)
            .chain(["default", &self.identity.namespace])
        {
            for event in self.cluster.list("Event", Some(namespace)).await? {
                violations.extend(sensitive.violations(
                    &format!("event {}", event.name_any()),
                    &checks::written_part(&event),
                ));
            }
        }
        Ok(violations)
    }

    /// The audit log's present end; `None` on a cluster whose audit log we cannot read.
    pub fn audit(&self) -> Option<AuditLog> {
        self.plane.audit_log.as_ref().map(AuditLog::at)
    }

    /// What the operator's user wrote to the API server since a mark, leases left out; nothing on a cluster without a log.
    pub fn operator_writes(&self, since: u64) -> Vec<Write> {
        let log = self.audit();
        log.map_or(vec![], |log| {
            log.writes(&self.identity.user, since)
                .unwrap_or_else(|error| panic!("audit log: {error:#}"))
        })
    }

    /// Checks what must always hold, and tidies up. Every system test ends with it.
    pub async fn finish(mut self) {
        let violations = self
            .violations()
            .await
            .unwrap_or_else(|error| panic!("the closing checks: {error:#}"));
        assert!(
            violations.is_empty(),
            "{} rules broken:\n{}\n{}",
            violations.len(),
            violations.join("\n"),
            self.report(None).await
        );
        if let Some(operator) = self
            .operator
            .as_ref()
            .filter(|operator| operator.is_running())
        {
            assert!(
                operator.end(),
                "the operator did not end when its standard input closed"
            );
        }
        rights::note(&self.calls(0).await).unwrap_or_else(|error| panic!("{error:#}"));
        if let Err(error) = self.tidy().await {
            panic!("tidy up: {error:#}");
        }
        self.finished = true;
    }

    /// On a cluster that outlives the test, what the test made goes; one of ours goes as a whole.
    async fn tidy(&self) -> Result<()> {
        if self.plane.is_ours() {
            return Ok(());
        }
        for (kind, object) in self.our_objects().await? {
            // Nobody is left to finish what the finalizer stands for, and the simulated account is thrown away.
            let patch = json!({"metadata": {"finalizers": null}});
            let (namespace, name) = (object.namespace(), object.name_any());
            self.cluster
                .delete(&kind, namespace.as_deref(), &name)
                .await?;
            let _ = self
                .cluster
                .merge(&kind, namespace.as_deref(), &name, &patch)
                .await;
        }
        for namespace in self.namespaces.iter().chain([&self.identity.namespace]) {
            self.cluster.delete("Namespace", None, namespace).await?;
        }
        for binding in &self.identity.grants.bindings {
            self.cluster
                .delete("ClusterRoleBinding", None, binding)
                .await?;
        }
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for watch in &self.watches {
            watch.abort();
        }
        if !self.finished && !std::thread::panicking() {
            eprintln!(
                "world {} was dropped without finish(): its closing checks did not run",
                self.id
            );
        }
    }
}

/// Where the operator is to be killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// AWS operation.
    pub operation: String,
    /// Which call of it, from 1.
    pub nth: u32,
    /// Before or after its effect.
    pub when: When,
    /// The held call has no effect after the crash: it never reached AWS.
    pub lost: bool,
}

impl Crash {
    /// All ways to crash at one call.
    pub fn ways(operation: &str, nth: u32) -> [Self; 3] {
        [
            (When::Before, true),
            (When::Before, false),
            (When::After, false),
        ]
        .map(|(when, lost)| Self {
            operation: operation.to_owned(),
            nth,
            when,
            lost,
        })
    }
}

impl std::fmt::Display for Crash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let when = match (self.when, self.lost) {
            (When::Before, true) => "before (the call is lost)",
            (When::Before, false) => "before (the call arrives later)",
            (When::After, _) => "after",
        };
        write!(formatter, "{when} {} number {}", self.operation, self.nth)
    }
}

type Versions = BTreeMap<(String, String), Vec<DynamicObject>>;

/// Every version of every object of ours, as the API server sent them, by kind and then namespace, name and UID.
#[derive(Clone, Debug, Default)]
struct History {
    versions: Arc<Mutex<Versions>>,
}

impl History {
    async fn follow(
        &self,
        cluster: &Cluster,
        namespaces: &[String],
        id: &str,
    ) -> Result<Vec<tokio::task::JoinHandle<()>>> {
        let mut watches = vec![];
        for (kind, namespaced) in cluster.our_kinds().await? {
            let mut apis = vec![];
            match namespaces {
                [namespace] if namespaced => {
                    apis.push((
                        cluster.api(&kind, Some(namespace)).await?,
                        watcher::Config::default(),
                    ));
                }
                // One watch for all of them is enough, however many they are.
                _ if namespaced => {
                    apis.push((cluster.api(&kind, None).await?, watcher::Config::default()));
                }
                _ => {
                    apis.push((
                        cluster.api(&kind, None).await?,
                        watcher::Config::default().labels(&format!("{TEST_LABEL}={id}")),
                    ));
                }
            }
            for (api, config) in apis {
                let (history, kind) = (self.clone(), kind.clone());
                let namespaces = namespaces.to_vec();
                watches.push(tokio::spawn(async move {
                    let mut versions = std::pin::pin!(
                        watcher(api, config)
                            .default_backoff()
                            .applied_objects()
                            .into_stream()
                    );
                    while let Some(version) = versions.next().await {
                        let ours = |version: &DynamicObject| {
                            version
                                .namespace()
                                .is_none_or(|namespace| namespaces.contains(&namespace))
                        };
                        if let Ok(version) = version
                            && ours(&version)
                        {
                            history.add(&kind, version);
                        }
                    }
                }));
            }
        }
        Ok(watches)
    }

    fn add(&self, kind: &str, version: DynamicObject) {
        let name = format!(
            "{}/{} {}",
            version.namespace().unwrap_or_default(),
            version.name_any(),
            version.uid().unwrap_or_default()
        );
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = versions.entry((kind.to_owned(), name)).or_default();
        // A watch that begins anew sends what is known already.
        if versions.last().map(ResourceExt::resource_version) != Some(version.resource_version()) {
            versions.push(version);
        }
    }

    fn of(&self, kind: &str, namespace: Option<&str>, name: &str) -> Vec<DynamicObject> {
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions
            .iter()
            .filter(|((of, _), _)| of == kind)
            .flat_map(|(_, versions)| versions)
            .filter(|object| object.metadata.name.as_deref() == Some(name))
            .filter(|object| {
                namespace.is_none() || object.metadata.namespace.as_deref() == namespace
            })
            .cloned()
            .collect()
    }

    fn snapshot(&self) -> Versions {
        self.versions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else { return };
    for (name, value) in fields {
        match value {
            Value::Null => {
                target.as_object_mut().map(|target| target.remove(name));
            }
            Value::Object(_) if target[name].is_object() => merge(&mut target[name], value),
            _ => target[name] = value.clone(),
        }
    }
}

/// Waits until something a control plane does by itself has happened, such as the end of a namespace.
pub async fn namespace_gone(cluster: &Cluster, namespace: &str, timeout: Duration) -> Result<()> {
    poll(timeout, async || -> Result<()> {
        match cluster
            .get("Namespace", None, namespace)
            .await
            .context("read the namespace")?
        {
            None => Ok(()),
            Some(left) => bail!(
                "namespace {namespace} is still there: {}",
                left.data["status"]
            ),
        }
    })
    .await
    .map_err(anyhow::Error::msg)
}

#[cfg(test)]
mod tests {
    use super::merge;
    use serde_json::json;

    #[test]
    fn a_merge_patch_sets_nests_and_removes() {
        let mut target = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": 4});
        merge(
            &mut target,
            &json!({"a": null, "b": {"c": 5}, "f": {"g": 6}}),
        );
        assert_eq!(
            target,
            json!({"b": {"c": 5, "d": 3}, "e": 4, "f": {"g": 6}})
        );
    }
}
