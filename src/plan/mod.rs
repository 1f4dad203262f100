//! `incident-operator plan`: what the operator would do, object by object and field by field, and who is on call before and after.
//!
//! There is no second mind: the operator's own engines decide over the objects of files and cluster, and what they would do is told instead
//! of done. Nothing is written, neither to AWS nor to the cluster.

pub mod admission;
mod api_server;
pub mod manifests;
mod once;
pub mod report;
mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, ValueEnum};
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde_json::Value;

use crate::api::conditions::Reason;
use crate::api::{
    AlternateContact, ChannelActivation, Contact, EscalationPlan, GROUP, Incident, OnCallSchedule,
    ReplicationSet, ResponsePlan, RotationOverride, TestPage, VERSION, crds,
};
use crate::aws::BudgetGroup;
use crate::cluster::{self, ClusterArguments};
use crate::engine::clock::Clock;
use crate::engine::decide::Decision;
use crate::engine::object::ManagedObject;
use crate::engine::reconcile::Foreseen;
use crate::engine::references::Named;
use crate::engine::scheduler::{ObjectKey, Requeue};
use crate::engine::{Error, ExternalResource};
use crate::resources::channel_activation::decide::Step;
use admission::Admission;
use manifests::{Identity, Manifest};
use report::{Course, Entry, FieldChange, OnCall, Plan, Verdict};
use scene::{Objects, Options, Room, Scene};

/// So many objects at a time; the limiter keeps AWS's quotas.
const AT_A_TIME: usize = 8;
/// So often it is tried again what AWS throttled, failed, or does not show yet.
const ATTEMPTS: u32 = 9;
/// Who AWS takes us for is asked but twice: without credentials nothing comes of asking again.
const ATTEMPTS_OF_IDENTITY: u32 = 2;
/// However often something failed, so long at most until the next attempt.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How a plan is told.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text that reads well as Markdown.
    Text,
    /// JSON, with all there is.
    Json,
}

/// Settings of `plan`. Nothing is written, neither to AWS nor to the cluster. Credentials for AWS come from the environment as for any AWS
/// tool. Exit code: 0 = nothing to do, 2 = something to do, 1 = something is wrong.
#[derive(Args, Debug)]
pub struct PlanArguments {
    /// Plan the objects of this file, or of all .yaml, .yml and .json files below this directory; `-` is standard input. They are taken as
    /// applied over what the cluster has: its status, and what the files do not hold. Secrets, Namespaces and AccessGrants count, too.
    #[arg(short, long = "file", value_name = "FILE|DIR")]
    pub files: Vec<PathBuf>,
    /// Plan these objects of the cluster instead: all of a kind, or one. Absent = all. Kinds are named as kubectl names them.
    #[arg(value_name = "KIND[/NAME]", conflicts_with = "files")]
    pub objects: Vec<String>,
    /// Namespace of objects that name none. Absent = the one of the kubeconfig's context.
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// The cluster's objects of all namespaces.
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "files"])]
    pub all_namespaces: bool,
    /// Do not ask a cluster: what the files do not hold does not exist, and AWS alone tells what is ours.
    #[arg(long, requires = "files")]
    pub offline: bool,
    /// Weeks for which it is told who is on call before and after.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=52))]
    pub weeks: u32,
    /// How the plan is told.
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Format,
    /// Read AWS as who the environment says, and do not assume the roles of ProviderConfigs; for a role that may only read.
    #[arg(long)]
    pub ignore_roles: bool,
    /// The operator runs with this flag: it refuses every reference to an object of another namespace.
    #[arg(long, env = "INCIDENT_OPERATOR_NO_CROSS_NAMESPACE_REFS")]
    pub no_cross_namespace_refs: bool,
    /// The namespace in which the operator runs: an AlternateContact takes its Secrets from there.
    #[arg(long, default_value = "incident-operator")]
    pub operator_namespace: String,
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArguments,
    /// Follow the clock at this URL instead of the wall's; for tests.
    #[arg(long, env = "INCIDENT_OPERATOR_CLOCK_URL", hide = true)]
    pub clock_url: Option<String>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for is not understood.
    #[error("{0}")]
    Usage(String),
    /// Files.
    #[error("{0}")]
    Unreadable(#[from] manifests::Unreadable),
    /// No cluster.
    #[error("{0}. To plan from files and AWS alone, give --offline")]
    Cluster(#[from] cluster::Failure),
    /// The API server.
    #[error("{what}: {error}")]
    ApiServer {
        /// What was tried.
        what: String,
        /// What it says.
        error: Error,
    },
    /// This binary's own CRDs.
    #[error("the CRDs of this binary cannot be compiled: report this")]
    Crds,
    /// JSON.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is told what they are.
    #[error("{0} of the objects cannot be had as the manifests say: see what is said of each")]
    Problems(usize),
}

/// Plans and tells. Returns whether there is nothing to do.
///
/// # Errors
/// Why there is no plan, or what is told has problems.
pub async fn plan(arguments: &PlanArguments) -> Result<bool, Failure> {
    let plan = work_out(arguments).await?;
    match arguments.output {
        Format::Text => print!("{}", plan.text()),
        Format::Json => println!("{}", serde_json::to_string_pretty(&plan)?),
    }
    match plan.verdict() {
        Verdict::Nothing => Ok(true),
        Verdict::Something => Ok(false),
        Verdict::Problems(n) => Err(Failure::Problems(n)),
    }
}

/// What is planned.
struct Target {
    identity: Identity,
    source: Option<String>,
    /// Why it would not even be taken by the API server.
    refused: Vec<String>,
}

async fn work_out(arguments: &PlanArguments) -> Result<Plan, Failure> {
    let wanted = kinds_and_names(&arguments.objects)?;
    let manifests = manifests::read(&arguments.files)?;
    let connected = if arguments.offline {
        None
    } else {
        Some(cluster::connect(&arguments.cluster).await?)
    };
    let (client, context) = match connected {
        Some((client, namespace)) => (Some(client), namespace),
        None => (None, "default".to_owned()),
    };
    let home = arguments.namespace.clone().unwrap_or(context);
    let read = Files::new(manifests, &home);
    let mut namespaces: BTreeSet<String> = read
        .ours
        .iter()
        .filter_map(|(id, ..)| id.namespace.clone())
        .collect();
    namespaces.insert(home.clone());
    let namespaces: Vec<String> = namespaces.into_iter().collect();
    let live = match &client {
        Some(client) => scene::live(client, &namespaces)
            .await
            .map_err(|(what, error)| Failure::ApiServer { what, error })?,
        None => Objects::new(),
    };
    let mut objects = live.clone();
    let targets = if arguments.files.is_empty() {
        let place = (!arguments.all_namespaces).then_some(home.as_str());
        chosen(&live, &wanted, place)?
    } else {
        let admission = Admission::new().ok_or(Failure::Crds)?;
        read.targets(&live, &admission, &mut objects)
    };
    let served = objects
        .iter()
        .map(|(id, value)| (id.clone(), value.clone()));
    let client = api_server::client(served.chain(read.others), client, &home);
    let clock = Clock::default();
    if let Some(url) = &arguments.clock_url {
        crate::run::follow_clock(url, &clock).await;
    }
    let now = clock.now();
    let options = Options {
        cross_namespace_references: !arguments.no_cross_namespace_refs,
        without_roles: arguments.ignore_roles,
        operator_namespace: arguments.operator_namespace.clone(),
        clock,
    };
    let scene = Scene::new(client, &objects, options).await;
    let mut planner = Planner {
        now,
        scene,
        objects,
        days: report::days(arguments.weeks),
        moves: report::moves_told(arguments.output == Format::Json),
        coming: BTreeSet::new(),
        sets_coming: BTreeSet::new(),
        patience: Patience::default(),
        done: 0,
        all: targets.len(),
    };
    let entries = planner.plan(targets).await;
    let mut notes = vec![];
    if arguments.offline {
        notes.push("Without a cluster: what the files do not hold was taken as not there, and AWS alone told what is ours.".to_owned());
    }
    Ok(Plan::new(entries, notes, arguments.weeks))
}

/// What the files hold.
struct Files {
    /// Objects of our group, with their source.
    ours: Vec<(Identity, String, Value)>,
    /// Secrets and Namespaces.
    others: Vec<(Identity, Value)>,
    /// What cannot be told apart from others: no kind or no name.
    nameless: Vec<(String, String)>,
}

impl Files {
    /// Objects without a namespace are in `home`.
    fn new(manifests: Vec<Manifest>, home: &str) -> Self {
        let cluster_scoped: BTreeSet<String> = crds()
            .into_iter()
            .filter(|crd| crd.spec.scope != "Namespaced")
            .map(|crd| crd.spec.names.kind)
            .collect();
        let mut files = Self {
            ours: vec![],
            others: vec![],
            nameless: vec![],
        };
        for Manifest { source, mut object } in manifests {
            let api_version = object["apiVersion"].as_str().unwrap_or_default();
            let ours = api_version.split('/').next() == Some(GROUP);
            let Some(mut identity) = Identity::of(&object) else {
                if ours {
                    let kind = object["kind"].as_str().unwrap_or("an object");
                    files
                        .nameless
                        .push((source, format!("{kind} without metadata.name")));
                }
                continue;
            };
            let secret = identity.api_version == "v1" && identity.kind == "Secret";
            let namespace = identity.api_version == "v1" && identity.kind == "Namespace";
            if !(ours || secret || namespace) {
                continue;
            }
            if namespace || cluster_scoped.contains(&identity.kind) {
                identity.namespace = None;
            } else if identity.namespace.is_none() {
                identity.namespace = Some(home.to_owned());
                object["metadata"]["namespace"] = Value::String(home.to_owned());
            }
            if ours {
                files.ours.push((identity, source, object));
            } else {
                files.others.push((identity, object));
            }
        }
        files
    }

    /// What is to be planned, in a stable order. What the API server would take goes into `objects`.
    fn targets(&self, live: &Objects, admission: &Admission, objects: &mut Objects) -> Vec<Target> {
        let named = self
            .ours
            .iter()
            .map(|(id, source, _)| (id, source.as_str()));
        let doubles = manifests::doubles(named);
        let mut targets: BTreeMap<&Identity, Target> = BTreeMap::new();
        for (identity, source, object) in &self.ours {
            let before = live.get(identity);
            let mut refused = vec![];
            if let Some(sources) = doubles.get(identity) {
                refused.push(format!(
                    "it is there more than once, and the one that is applied last would hold: keep one of {}",
                    sources.join(", ")
                ));
            } else if identity.api_version != format!("{GROUP}/{VERSION}") {
                let there = &identity.api_version;
                refused.push(format!(
                    "apiVersion {there} is not known: this version knows {GROUP}/{VERSION}"
                ));
            } else if !admission.knows(&identity.kind) {
                refused.push(format!("there is no kind {}", identity.kind));
            } else {
                let after = scene::applied(object, before);
                refused = admission.problems(&identity.kind, &after, before);
                if refused.is_empty() {
                    objects.insert(identity.clone(), after);
                }
            }
            targets.insert(
                identity,
                Target {
                    identity: identity.clone(),
                    source: Some(source.clone()),
                    refused,
                },
            );
        }
        let nameless = self.nameless.iter().map(|(source, what)| Target {
            identity: Identity {
                api_version: String::new(),
                kind: what.clone(),
                namespace: None,
                name: "-".to_owned(),
            },
            source: Some(source.clone()),
            refused: vec!["it cannot be applied".to_owned()],
        });
        targets.into_values().chain(nameless).collect()
    }
}

/// A kind, and the name of one of its objects.
type Wanted = Vec<(String, Option<String>)>;

/// Reads `KIND` and `KIND/NAME`.
fn kinds_and_names(texts: &[String]) -> Result<Wanted, Failure> {
    let crds = crds();
    let read = |text: &String| {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind, Some(name.to_owned())),
            None => (text.as_str(), None),
        };
        let lower = kind.to_lowercase();
        let is_it = |names: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionNames| {
            names.kind.to_lowercase() == lower
                || names.plural == lower
                || names.short_names.iter().flatten().any(|s| *s == lower)
        };
        let found = crds.iter().map(|crd| &crd.spec.names).find(|n| is_it(n));
        let found = found.ok_or_else(|| {
            let known: Vec<&str> = crds
                .iter()
                .map(|crd| crd.spec.names.kind.as_str())
                .collect();
            Failure::Usage(format!(
                "\"{kind}\" is none of the kinds there are: {}",
                known.join(", ")
            ))
        })?;
        Ok((found.kind.clone(), name))
    };
    texts.iter().map(read).collect()
}

/// The objects of the cluster that are meant, in `namespace` or in all.
fn chosen(
    live: &Objects,
    wanted: &Wanted,
    namespace: Option<&str>,
) -> Result<Vec<Target>, Failure> {
    let is_wanted = |id: &Identity| {
        // What is in no namespace is the affair of nobody's namespace, unless it is asked for.
        let here = match (namespace, id.namespace.as_deref()) {
            (None, _) => true,
            (Some(_), None) => !wanted.is_empty(),
            (Some(here), Some(there)) => here == there,
        };
        let named = |(kind, name): &(String, Option<String>)| {
            *kind == id.kind && name.as_ref().is_none_or(|n| *n == id.name)
        };
        here && (wanted.is_empty() || wanted.iter().any(named))
    };
    let targets: Vec<Target> = live
        .keys()
        .filter(|id| is_wanted(id))
        .map(|id| Target {
            identity: id.clone(),
            source: None,
            refused: vec![],
        })
        .collect();
    let missing = wanted.iter().find(|(kind, name)| {
        let there =
            |t: &Target| t.identity.kind == *kind && name.as_ref() == Some(&t.identity.name);
        name.is_some() && !targets.iter().any(there)
    });
    if let Some((kind, Some(name))) = missing {
        let place = namespace.map_or("in the cluster".to_owned(), |n| format!("in namespace {n}"));
        return Err(Failure::Usage(format!("there is no {kind} {name} {place}")));
    }
    Ok(targets)
}

/// Plans one kind after the other: those who are referred to come before those who refer to them.
struct Planner {
    /// The time at which it is planned.
    now: Timestamp,
    scene: Scene,
    objects: Objects,
    days: u32,
    moves: usize,
    /// What AWS has or changes only by this plan.
    coming: BTreeSet<ObjectKey>,
    /// Accounts whose replication set is made by this plan.
    sets_coming: BTreeSet<String>,
    patience: Patience,
    done: usize,
    all: usize,
}

/// Kinds in the order in which they are planned and told.
const ORDER: [&str; 13] = [
    "ProviderConfig",
    ReplicationSet::KIND,
    "AccessGrant",
    Contact::KIND,
    ChannelActivation::KIND,
    OnCallSchedule::KIND,
    RotationOverride::KIND,
    EscalationPlan::KIND,
    ResponsePlan::KIND,
    "VpcEndpoint",
    AlternateContact::KIND,
    Incident::KIND,
    TestPage::KIND,
];

/// What came of an object.
struct Outcome {
    target: Target,
    foreseen: Option<Result<Foreseen, Error>>,
}

impl Planner {
    async fn plan(&mut self, targets: Vec<Target>) -> Vec<Entry> {
        let mut by_kind: BTreeMap<String, Vec<Target>> = BTreeMap::new();
        for target in targets {
            let kind = target.identity.kind.clone();
            by_kind.entry(kind).or_default().push(target);
        }
        let mut entries = vec![];
        for kind in ORDER {
            let targets = by_kind.remove(kind).unwrap_or_default();
            if targets.is_empty() {
                continue;
            }
            let planned = match kind {
                ReplicationSet::KIND => self.room(targets, |scene| &scene.sets).await,
                Contact::KIND => self.room(targets, |scene| &scene.contacts).await,
                OnCallSchedule::KIND => self.room(targets, |scene| &scene.schedules).await,
                RotationOverride::KIND => self.room(targets, |scene| &scene.overrides).await,
                EscalationPlan::KIND => self.room(targets, |scene| &scene.plans).await,
                ResponsePlan::KIND => self.room(targets, |scene| &scene.response_plans).await,
                AlternateContact::KIND => {
                    self.room(targets, |scene| &scene.alternate_contacts).await
                }
                #[cfg(feature = "vpc-endpoints")]
                "VpcEndpoint" => self.room(targets, |scene| &scene.endpoints).await,
                ChannelActivation::KIND => self.activations(targets).await,
                Incident::KIND | TestPage::KIND => targets.iter().map(|t| self.once(t)).collect(),
                // They are nothing in AWS.
                _ => targets.into_iter().map(|t| refused_or_idle(&t)).collect(),
            };
            entries.extend(planned);
        }
        let unknown = by_kind.into_values().flatten();
        entries.extend(unknown.map(|t| refused_or_idle(&t)));
        entries
    }

    async fn room<R: ExternalResource>(
        &mut self,
        targets: Vec<Target>,
        room: impl Fn(&Scene) -> &Room<R>,
    ) -> Vec<Entry> {
        let days = self.days;
        let outcomes: Vec<Outcome> = {
            let room = room(&self.scene);
            let patience = &self.patience;
            let passes = targets.into_iter().map(|target| async move {
                if !target.refused.is_empty() {
                    return Outcome {
                        target,
                        foreseen: None,
                    };
                }
                let Identity {
                    namespace, name, ..
                } = &target.identity;
                let foreseen = match room.get(namespace.as_deref(), name) {
                    Some(object) => {
                        patience
                            .wait_for(async || room.engine.foresee(&object, days).await)
                            .await
                    }
                    None => Err(Error::invalid("it cannot be read as the kind it is")),
                };
                Outcome {
                    target,
                    foreseen: Some(foreseen),
                }
            });
            let mut passes = futures::stream::iter(passes).buffered(AT_A_TIME);
            let mut outcomes = vec![];
            while let Some(outcome) = passes.next().await {
                outcomes.push(outcome);
                self.done += 1;
                show(self.done, self.all);
            }
            outcomes
        };
        let mut entries = vec![];
        for Outcome { target, foreseen } in outcomes {
            let Some(foreseen) = foreseen else {
                entries.push(refused_or_idle(&target));
                continue;
            };
            let key = scene::key(&target.identity, R::Object::KIND);
            let object = room(&self.scene).get(key.namespace.as_deref(), &key.name);
            let references = object.as_ref().map(ManagedObject::references);
            let awaited: Vec<ObjectKey> = references
                .into_iter()
                .flatten()
                .filter_map(|r| match r.named {
                    Named::Object {
                        kind,
                        namespace,
                        name,
                    } => Some(ObjectKey {
                        kind,
                        namespace,
                        name,
                    }),
                    Named::Arn(_) => None,
                })
                .filter(|key| self.coming.contains(key))
                .collect();
            if let (Ok(foreseen), Some(object)) = (&foreseen, &object) {
                if let Some(status) = &foreseen.status {
                    room(&self.scene).expect(object, status.clone());
                }
                let changes = matches!(
                    foreseen.decision,
                    Decision::Create
                        | Decision::Update
                        | Decision::Adopt
                        | Decision::AdoptAndUpdate
                );
                if changes && key.kind == ReplicationSet::KIND {
                    self.sets_coming.extend(self.account_of(object));
                }
                if changes && foreseen.status.is_some() {
                    self.coming.insert(key);
                }
            }
            let account = object.as_ref().and_then(|o| self.account_of(o));
            let set_comes = account.is_some_and(|a| self.sets_coming.contains(&a));
            entries.push(entry(&target, foreseen, &awaited, set_comes, self.moves));
        }
        entries
    }

    /// The account that an object lives in.
    fn account_of(&self, object: &impl ManagedObject) -> Option<String> {
        let provider = object.provider_config()?;
        let mut objects = self.objects.iter();
        let (_, config) =
            objects.find(|(id, _)| id.kind == "ProviderConfig" && id.name == provider)?;
        config["spec"]["accountId"].as_str().map(ToOwned::to_owned)
    }

    /// What reaches people at once when it is applied. AWS is not asked: what an earlier object of the name has begun is not begun again.
    fn once(&self, target: &Target) -> Entry {
        if !target.refused.is_empty() {
            return refused_or_idle(target);
        }
        let planned = once::planned(&target.identity, &self.objects, self.now);
        Entry {
            reason: planned.reason.map(|r| r.as_str().to_owned()),
            messages: planned.message.into_iter().collect(),
            changes: planned.changes.iter().map(FieldChange::plain).collect(),
            ..blank(target, planned.course)
        }
    }

    async fn activations(&mut self, targets: Vec<Target>) -> Vec<Entry> {
        let mut entries = vec![];
        for target in targets {
            self.done += 1;
            show(self.done, self.all);
            if !target.refused.is_empty() {
                entries.push(refused_or_idle(&target));
                continue;
            }
            let object = self.objects.get(&target.identity).cloned();
            let object = object.and_then(|v| serde_json::from_value::<ChannelActivation>(v).ok());
            let Some(object) = object else {
                entries.push(failed(
                    &target,
                    &Error::invalid("it cannot be read as the kind it is"),
                ));
                continue;
            };
            if object.metadata.deletion_timestamp.is_some() {
                entries.push(blank(&target, Course::Nothing));
                continue;
            }
            let contact = ObjectKey {
                kind: Contact::KIND,
                namespace: object.namespace(),
                name: object.spec.contact_ref.name.clone(),
            };
            let awaited = self.coming.contains(&contact);
            let activations = &self.scene.activations;
            let pass = async || activations.foresee(&object).await;
            let step = self.patience.wait_for(pass).await;
            entries.push(activation(&target, &object, step, awaited));
        }
        entries
    }
}

/// Tries again what AWS throttled or failed, or does not show yet; not for ever for everybody.
#[derive(Default)]
struct Patience {
    /// One object had all its attempts in vain: what has failed for it fails for the others.
    lost: AtomicBool,
}

impl Patience {
    async fn wait_for<T>(&self, pass: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
        let mut attempt = 1;
        loop {
            let error = match pass().await {
                Err(error) if error.is_transient() || error.is_silent() => error,
                other => return other,
            };
            let most = match &error {
                Error::Call(call) if call.operation.group() == BudgetGroup::Identity => {
                    ATTEMPTS_OF_IDENTITY
                }
                _ => ATTEMPTS,
            };
            let lost = error.is_transient() && self.lost.load(Ordering::Relaxed);
            if attempt >= most || lost {
                self.lost.fetch_or(error.is_transient(), Ordering::Relaxed);
                return Err(error);
            }
            let wait = match error.requeue(attempt) {
                Requeue::Retry(after) => after,
                _ => Duration::from_secs(1),
            };
            tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
            attempt += 1;
        }
    }
}

fn show(done: usize, all: usize) {
    if std::io::stderr().is_terminal() {
        eprint!("\rplanned {done} of {all}   ");
        if done == all {
            eprint!("\r                              \r");
        }
    }
}

fn blank(target: &Target, course: Course) -> Entry {
    Entry {
        kind: target.identity.kind.clone(),
        namespace: target.identity.namespace.clone(),
        name: target.identity.name.clone(),
        source: target.source.clone(),
        course,
        reason: None,
        messages: vec![],
        changes: vec![],
        later: vec![],
        on_call: vec![],
        findings: vec![],
    }
}

fn refused_or_idle(target: &Target) -> Entry {
    if target.refused.is_empty() {
        return blank(target, Course::Nothing);
    }
    Entry {
        reason: Some("The manifest is refused".to_owned()),
        messages: target.refused.clone(),
        ..blank(target, Course::Problem)
    }
}

fn failed(target: &Target, error: &Error) -> Entry {
    Entry {
        reason: error.reason().map(|r| r.as_str().to_owned()),
        messages: vec![error.to_string()],
        ..blank(target, Course::Problem)
    }
}

/// What there is to tell of an object that stands for something in AWS. `awaited` = what it refers to and this plan makes or changes;
/// `set_comes` = this plan makes its account's replication set.
fn entry(
    target: &Target,
    foreseen: Result<Foreseen, Error>,
    awaited: &[ObjectKey],
    set_comes: bool,
    moves: usize,
) -> Entry {
    let foreseen = match foreseen {
        Ok(foreseen) => foreseen,
        // The replication set of the same plan comes first.
        Err(error) if error.reason() == Some(Reason::NoReplicationSet) && set_comes => {
            return Entry {
                reason: error.reason().map(|r| r.as_str().to_owned()),
                messages: vec![
                    "made once AWS has the replication set of this plan; without it AWS tells nothing more"
                        .to_owned(),
                ],
                ..blank(target, Course::Wait)
            };
        }
        Err(error) => return failed(target, &error),
    };
    let course = match foreseen.decision {
        Decision::Create => Course::Create,
        // What is only written down is no change.
        Decision::Update if foreseen.changes.iter().all(|c| c.pending.is_empty()) => {
            Course::Nothing
        }
        Decision::Update => Course::Update,
        Decision::Adopt => Course::Adopt,
        Decision::AdoptAndUpdate => Course::AdoptAndUpdate,
        Decision::Idle if foreseen.later.is_some() => Course::Wait,
        Decision::Idle => Course::Nothing,
        Decision::Report => Course::Observe,
        // Nothing to observe is no refusal.
        Decision::Refuse(_) if foreseen.problem.is_none() => Course::Observe,
        Decision::Refuse(_) => Course::Problem,
        Decision::Suspend => Course::Suspended,
        Decision::Delete | Decision::HoldForReferences => Course::Delete,
        Decision::Release { .. } => Course::Release,
    };
    let mut entry = blank(target, course);
    entry.messages.extend(foreseen.note);
    match foreseen.decision {
        Decision::HoldForReferences => {
            let held = "the deletion waits for the objects that refer to it";
            entry.messages.push(held.to_owned());
        }
        Decision::Release { untag: true } => {
            entry
                .messages
                .push("left as it is in AWS, without our tags".to_owned());
        }
        Decision::Release { untag: false } => {
            entry.messages.push("left as it is in AWS".to_owned());
        }
        Decision::Suspend => {
            let what = "spec.suspend: nothing is done until that is unset";
            entry.messages.push(what.to_owned());
        }
        _ => {}
    }
    for change in &foreseen.changes {
        if change.pending.is_empty() {
            entry.messages.extend(change.detail.clone());
        }
        let details = std::iter::once(change.detail.clone()).chain(std::iter::repeat(None));
        let fields = change.pending.iter().zip(details);
        entry
            .changes
            .extend(fields.map(|(pending, detail)| FieldChange {
                detail,
                ..FieldChange::plain(pending)
            }));
    }
    if let Some((pending, message)) = &foreseen.later {
        entry.messages.push(message.clone());
        entry.later = pending.iter().map(FieldChange::plain).collect();
    }
    if let Some(error) = &foreseen.problem {
        let reason = error.reason();
        // What is made or changed by the same plan comes by itself, and so does a time.
        let comes = (reason == Some(Reason::RotationNotFound) && !awaited.is_empty())
            || reason == Some(Reason::TooFarAhead);
        if !comes {
            entry.course = Course::Problem;
        } else if matches!(entry.course, Course::Nothing | Course::Create) {
            entry.course = Course::Wait;
        }
        entry.reason = reason.map(|r| r.as_str().to_owned());
        entry.messages.insert(0, error.to_string());
    }
    if !awaited.is_empty() && entry.course != Course::Nothing {
        let names: BTreeSet<String> = awaited.iter().map(ToString::to_string).collect();
        let names: Vec<String> = names.into_iter().collect();
        entry.messages.push(format!(
            "refers to what this plan makes or changes: {}",
            names.join(", ")
        ));
    }
    entry.on_call = foreseen
        .outlooks
        .iter()
        .map(|o| OnCall::new(o, moves))
        .collect();
    entry.findings = foreseen.findings;
    entry
}

/// What there is to tell of a request to activate a channel.
fn activation(
    target: &Target,
    object: &ChannelActivation,
    step: Result<Option<Step>, Error>,
    awaited: bool,
) -> Entry {
    let who = &object.spec.contact_ref.name;
    let channel = &object.spec.channel;
    let say = |course, message: String| Entry {
        messages: vec![message],
        ..blank(target, course)
    };
    let once = format!("one code is sent to channel \"{channel}\" of Contact {who}");
    match step {
        Ok(None) if object.suspended() => say(
            Course::Suspended,
            "spec.suspend: nothing is done until that is unset".to_owned(),
        ),
        Ok(None | Some(Step::Activated | Step::SentBefore(_) | Step::AwaitCode | Step::Expire)) => {
            blank(target, Course::Nothing)
        }
        Ok(Some(Step::Send)) => say(Course::Activate, once),
        Ok(Some(Step::TryCode)) => say(
            Course::Activate,
            format!(
                "the code is given back, which activates channel \"{channel}\" of Contact {who}"
            ),
        ),
        Ok(Some(Step::Wait(message))) => say(Course::Observe, message),
        Ok(Some(Step::Refuse(message))) => say(Course::Problem, message),
        Ok(Some(Step::OutcomeUnknown)) => say(
            Course::Problem,
            "whether the code was sent is not known: make a new ChannelActivation if none came"
                .to_owned(),
        ),
        Err(error) if awaited && matches!(error, Error::Waiting { .. }) => {
            say(Course::Wait, format!("{once}, once AWS has it"))
        }
        Err(error) => failed(target, &error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_for_one_object_to_the_end_is_not_tried_again_for_all() {
        let (patience, calls) = (Patience::default(), AtomicU32::new(0));
        let fails = async || -> Result<(), Error> {
            calls.fetch_add(1, Ordering::Relaxed);
            Err(Error::Kubernetes("away".to_owned()))
        };
        assert!(patience.wait_for(fails).await.is_err());
        assert_eq!(calls.swap(0, Ordering::Relaxed), ATTEMPTS);
        assert!(patience.wait_for(fails).await.is_err());
        assert_eq!(calls.swap(0, Ordering::Relaxed), 1);
        let wrong = async || -> Result<(), Error> {
            calls.fetch_add(1, Ordering::Relaxed);
            Err(Error::invalid("wrong"))
        };
        assert!(Patience::default().wait_for(wrong).await.is_err());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
}
