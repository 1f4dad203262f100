//! `incident-operator release`: lets go of objects without touching what they stand for in AWS, whether an operator runs or not.
//!
//! It does the work itself, with the engine of the operator. So that a running operator does not take the objects back, each is first made
//! `managementPolicy: Observe`, and the operator is given time to see that.

mod engines;
mod select;

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use clap::{ArgGroup, Args};
use futures::StreamExt as _;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::api::IN_USE_FINALIZER;
use crate::cluster::{self, ClusterArguments};
use engines::Engines;
use select::{Hold, Item, Kind, Selection, intention, kinds, left_behind};

/// Field manager of what this command writes into specs.
const FIELD_MANAGER: &str = "incident-operator-release";
/// So many objects at a time; the limiter keeps AWS's quotas.
const AT_A_TIME: usize = 8;
/// An operator that runs sees the first object by then.
const UNTIL_NOTICED: Duration = Duration::from_secs(10);
/// An operator that runs has seen the last one by then.
const UNTIL_SEEN: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_secs(1);

/// Settings of `release`. Credentials for AWS come from the environment as for any AWS tool; the ProviderConfig's role is assumed.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").args(["objects", "all"]).required(true))]
#[command(after_help = "\
Examples:
  incident-operator release --all -A --dry-run                 what would be done in the whole cluster
  incident-operator release --all -A --delete-objects --yes    before the CRDs are deleted
  incident-operator release -n payments contact/alice imep     one contact, and all escalation plans

AWS credentials come from the environment; the role of the ProviderConfig is assumed.
Exit code: 0 = all are let go of, 1 = some are not or nothing was done, 2 = the command line is wrong.")]
pub struct ReleaseArguments {
    /// What to let go of: all objects of a kind, or one. Kinds are named as kubectl names them: contact, contacts, imc.
    #[arg(value_name = "KIND[/NAME]")]
    pub objects: Vec<String>,
    /// Everything in the namespace; with --all-namespaces everything in the cluster, ProviderConfigs included.
    #[arg(long)]
    pub all: bool,
    /// Namespace of the objects. Absent = the one of the kubeconfig's context.
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// The objects of all namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Delete the objects in the cluster once they are let go. Absent = they stay, with managementPolicy: Observe.
    #[arg(long)]
    pub delete_objects: bool,
    /// Do not ask AWS anything and leave our tags where they are: for an account that cannot be reached any more, or when an operator with
    /// the same ownerId and the same objects goes on with them elsewhere.
    #[arg(long)]
    pub keep_tags: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask whether it is meant.
    #[arg(short, long)]
    pub yes: bool,
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArguments,
}

/// Why nothing, or not everything, was let go.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for is not understood.
    #[error("{0}")]
    Usage(String),
    /// No cluster.
    #[error("{0}")]
    Cluster(#[from] cluster::Failure),
    /// The API server.
    #[error("{what}: {error}")]
    ApiServer {
        /// What was tried.
        what: String,
        /// What it says.
        error: crate::engine::Error,
    },
    /// Standard input or output.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Nobody said yes.
    #[error("nothing was done: say yes, or give --yes")]
    NotMeant,
}

impl Failure {
    fn api_server(what: &str) -> impl FnOnce(kube::Error) -> Self {
        let what = what.to_owned();
        move |error| Self::ApiServer {
            what,
            error: error.into(),
        }
    }
}

/// The work on one cluster.
struct Release<'a> {
    arguments: &'a ReleaseArguments,
    selection: Selection,
    client: Client,
    /// `None` = all.
    namespace: Option<String>,
}

/// Lets go. Returns whether everything that was asked for is let go.
///
/// # Errors
/// Why nothing was done.
pub async fn release(arguments: &ReleaseArguments) -> Result<bool, Failure> {
    let selection = Selection::parse(arguments.all, &arguments.objects).map_err(Failure::Usage)?;
    let (client, default_namespace) = cluster::connect(&arguments.cluster).await?;
    let namespace = match (&arguments.namespace, arguments.all_namespaces) {
        (_, true) => None,
        (Some(namespace), false) => Some(namespace.clone()),
        (None, false) => Some(default_namespace),
    };
    let release = Release {
        arguments,
        selection,
        client,
        namespace,
    };
    release.run().await
}

impl Release<'_> {
    async fn run(&self) -> Result<bool, Failure> {
        let items = self.items().await?;
        let missing = self.selection.missing(&items);
        if !missing.is_empty() {
            return Err(Failure::Usage(format!(
                "there is no {} {}: nothing was done",
                missing.join(", no "),
                self.place()
            )));
        }
        if items.is_empty() {
            println!("nothing to let go of {}", self.place());
            return Ok(true);
        }
        let delete = self.arguments.delete_objects;
        for item in &items {
            println!("{}", intention(item, self.arguments.keep_tags, delete));
        }
        self.warn(&items);
        if self.arguments.dry_run {
            println!("dry run: nothing was done");
            return Ok(true);
        }
        self.ask(items.len())?;
        let failed = self.let_go_of_all(&items).await?;
        if failed == 0 {
            println!("let go of {} objects", items.len());
        } else {
            eprintln!(
                "{failed} of {} objects were not let go: mend what is said above and run the same command again",
                items.len()
            );
        }
        Ok(failed == 0)
    }

    fn place(&self) -> String {
        self.namespace
            .as_ref()
            .map_or("in the cluster".to_owned(), |n| format!("in namespace {n}"))
    }

    fn api(&self, kind: &Kind, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace.filter(|_| kind.namespaced) {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind.resource),
            None => Api::all_with(self.client.clone(), &kind.resource),
        }
    }

    async fn items(&self) -> Result<Vec<Item>, Failure> {
        let mut items = vec![];
        for kind in kinds() {
            let whole = self.namespace.is_none();
            if !self.selection.covers_kind(&kind, whole) {
                continue;
            }
            let list = self.api(&kind, self.namespace.as_deref());
            let listed = match list.list(&ListParams::default()).await {
                Ok(listed) => listed,
                // No CRD, no objects.
                Err(kube::Error::Api(status)) if status.is_not_found() => continue,
                Err(error) => {
                    let what = format!("the list of {}", kind.resource.plural);
                    return Err(Failure::api_server(&what)(error));
                }
            };
            let found = listed.iter().map(|object| Item::new(&kind, object));
            let mut found: Vec<Item> = found
                .filter(|i| self.selection.covers(&kind, &i.name))
                .collect();
            found.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
            items.extend(found);
        }
        Ok(items)
    }

    fn warn(&self, items: &[Item]) {
        for keeper in ["Argo CD", "Flux"] {
            let kept = items.iter().filter(|i| i.kept_by == Some(keeper)).count();
            if kept > 0 {
                eprintln!(
                    "warning: {keeper} keeps {kept} of these objects and may put them back: suspend its sync first, or give them managementPolicy: Observe in Git"
                );
            }
        }
        if self.arguments.delete_objects {
            for reference in left_behind(items) {
                eprintln!(
                    "warning: {reference} and stays: AWS keeps whom it names, and nothing new is made for it until it is resolved"
                );
            }
        }
        if self.arguments.keep_tags {
            eprintln!(
                "warning: --keep-tags leaves our tags in AWS: another owner will be refused there until they are taken off"
            );
        }
    }

    fn ask(&self, count: usize) -> Result<(), Failure> {
        if self.arguments.yes {
            return Ok(());
        }
        let input = std::io::stdin();
        if !input.is_terminal() {
            return Err(Failure::NotMeant);
        }
        print!("let go of {count} objects {}? [y/N] ", self.place());
        std::io::stdout().flush()?;
        let mut answer = String::new();
        input.lock().read_line(&mut answer)?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::NotMeant),
        }
    }

    /// How many were not let go.
    async fn let_go_of_all(&self, items: &[Item]) -> Result<usize, Failure> {
        let held: Vec<&Item> = items.iter().filter(|i| i.hold.acts()).collect();
        let mut failed: Vec<&Item> = vec![];
        if !held.is_empty() {
            let with_aws = !self.arguments.keep_tags;
            let engines = Engines::new(self.client.clone(), self.namespace.as_deref(), with_aws)
                .await
                .map_err(|(what, error)| Failure::api_server(&what)(error))?;
            for item in &held {
                if let Err(error) = self.mark(item).await {
                    eprintln!("{item}: not marked: {error}");
                    failed.push(item);
                }
            }
            self.until_the_operator_stands_back(&held).await?;
            for kind in kinds().iter().filter(|k| k.hold.acts()) {
                let these = held.iter().filter(|i| i.kind == kind.name);
                let these = these.filter(|i| !failed.contains(i)).copied();
                let engines = &engines;
                let mut ended = futures::stream::iter(these)
                    .map(async |item| {
                        let keep_tags = self.arguments.keep_tags;
                        (item, engines.let_go(item, keep_tags).await)
                    })
                    .buffer_unordered(AT_A_TIME);
                let mut not_let_go = vec![];
                while let Some((item, result)) = ended.next().await {
                    match result {
                        Ok(text) => println!("released {item}: {text}"),
                        Err(error) => {
                            eprintln!("{item}: not released: {error}. {HINT}");
                            not_let_go.push(item);
                        }
                    }
                }
                drop(ended);
                failed.extend(not_let_go);
            }
            failed.extend(self.taken_back(&held, &failed).await?);
        }
        if self.arguments.delete_objects {
            for item in items {
                if item.hold != Hold::Config && !failed.contains(&item) {
                    self.delete(item).await?;
                }
            }
        }
        let configs = self.let_go_of_configs(items).await?;
        Ok(failed.len() + configs)
    }

    /// Tells a running operator to keep off. An object that is being deleted is to be retained.
    async fn mark(&self, item: &Item) -> Result<(), kube::Error> {
        let spec = match (item.deleting, item.stands_back) {
            (true, _) => json!({"deletionPolicy": "Retain"}),
            (false, true) => return Ok(()),
            (false, false) => json!({"managementPolicy": "Observe"}),
        };
        let patch = json!({"metadata": {"uid": item.uid}, "spec": spec});
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let api = self.api_of(item);
        let patched = api
            .patch(&item.name, &parameters, &Patch::Merge(&patch))
            .await;
        match patched {
            // One that does not fit its schema any more cannot be edited; the operator does nothing with it either.
            Err(kube::Error::Api(status)) if status.is_not_found() || status.code == 422 => Ok(()),
            other => other.map(drop),
        }
    }

    fn api_of(&self, item: &Item) -> Api<DynamicObject> {
        let kind = kinds().into_iter().find(|k| k.name == item.kind);
        // An item is of one of the kinds.
        let kind = kind.unwrap_or_else(|| kinds().remove(0));
        self.api(&kind, item.namespace.as_deref())
    }

    /// A pass that began before may still write. Whoever watches an object has seen it once its status says so.
    async fn until_the_operator_stands_back(&self, held: &[&Item]) -> Result<(), Failure> {
        let changed = |i: &&Item| !i.deleting && !i.stands_back;
        if !held.iter().any(changed) {
            return Ok(());
        }
        let begun = Instant::now();
        loop {
            let now = self.items().await?;
            let of = |i: &Item| now.iter().find(|n| n.uid == i.uid);
            let asked = held.iter().copied().filter(|i| changed(i)).filter_map(of);
            let (seen, unseen): (Vec<&Item>, Vec<&Item>) = asked.partition(|i| i.is_seen());
            if unseen.is_empty() {
                if std::io::stderr().is_terminal() {
                    eprintln!();
                }
                return Ok(());
            }
            let waited = begun.elapsed();
            if std::io::stderr().is_terminal() {
                let all = seen.len() + unseen.len();
                eprint!(
                    "\rwaiting until the operator stands back: {} of {all}   ",
                    seen.len()
                );
            }
            if seen.is_empty() && waited > UNTIL_NOTICED {
                println!("no operator seems to run here: going on without one");
                return Ok(());
            }
            if waited > UNTIL_SEEN {
                println!(
                    "an operator runs and has not seen {} of the objects: going on",
                    unseen.len()
                );
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What somebody has put back meanwhile.
    async fn taken_back<'i>(
        &self,
        held: &[&'i Item],
        failed: &[&Item],
    ) -> Result<Vec<&'i Item>, Failure> {
        let now = self.items().await?;
        let mut taken = vec![];
        for item in held.iter().filter(|i| !failed.contains(*i)) {
            let back = now.iter().find(|n| n.uid == item.uid);
            if back.is_some_and(|n| !n.deleting && (n.held || !n.stands_back)) {
                eprintln!(
                    "{item}: somebody took managementPolicy: Observe off again. Stop what applies it (Argo CD, Flux, a pipeline), and run this again"
                );
                taken.push(*item);
            }
        }
        Ok(taken)
    }

    async fn delete(&self, item: &Item) -> Result<(), Failure> {
        let parameters = DeleteParams::default().preconditions(Preconditions {
            uid: item.uid.clone(),
            resource_version: None,
        });
        match self.api_of(item).delete(&item.name, &parameters).await {
            Ok(_) => println!("deleted {item} in the cluster"),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(error) => return Err(Failure::api_server(&format!("deletion of {item}"))(error)),
        }
        Ok(())
    }

    /// Takes the finalizer off ProviderConfigs that nobody uses any more. A running operator does the same.
    async fn let_go_of_configs(&self, items: &[Item]) -> Result<usize, Failure> {
        let Some(kind) = kinds().into_iter().find(|k| k.hold == Hold::Config) else {
            return Ok(0);
        };
        let mut names: Vec<&str> = items
            .iter()
            .map(|i| match i.hold {
                Hold::Config => i.name.as_str(),
                _ => i.provider.as_str(),
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        let asked_for = |name: &str| {
            let mut configs = items.iter().filter(|i| i.hold == Hold::Config);
            configs.any(|i| i.name == name)
        };
        let mut failed = 0;
        for name in names {
            let api = self.api(&kind, None);
            let what = format!("ProviderConfig {name}");
            let config = match api.get_opt(name).await {
                Ok(Some(config)) => config,
                Ok(None) => continue,
                Err(_) if !asked_for(name) => continue,
                Err(error) => return Err(Failure::api_server(&what)(error)),
            };
            let held = config.finalizers().iter().any(|f| f == IN_USE_FINALIZER);
            if held {
                match self.users_of(name).await {
                    Err(_) if !asked_for(name) => continue,
                    Err(error) => return Err(Failure::api_server(&what)(error)),
                    Ok(users) if !users.is_empty() => {
                        if asked_for(name) {
                            let shown = users.iter().take(3).map(ToString::to_string);
                            eprintln!(
                                "{what}: not released: {} object(s) still use it, such as {}: let go of them first",
                                users.len(),
                                shown.collect::<Vec<_>>().join(", ")
                            );
                            failed += 1;
                        }
                        continue;
                    }
                    Ok(_) => {}
                }
                let finalizers: Vec<&String> = config
                    .finalizers()
                    .iter()
                    .filter(|f| *f != IN_USE_FINALIZER)
                    .collect();
                let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": config.resource_version()}});
                match api
                    .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
                    .await
                {
                    Ok(_) => {}
                    // The operator was quicker.
                    Err(kube::Error::Api(status))
                        if status.is_not_found() || status.is_conflict() => {}
                    Err(error) => return Err(Failure::api_server(&what)(error)),
                }
            }
            if held || asked_for(name) {
                println!("released {what}: nobody uses it any more");
            }
            let item = items
                .iter()
                .find(|i| i.hold == Hold::Config && i.name == name);
            if let Some(item) = item.filter(|_| self.arguments.delete_objects) {
                self.delete(item).await?;
            }
        }
        Ok(failed)
    }

    /// The objects of the whole cluster that hold on to a ProviderConfig.
    async fn users_of(&self, name: &str) -> Result<Vec<Item>, kube::Error> {
        let mut users = vec![];
        for kind in kinds().iter().filter(|k| k.hold.acts()) {
            let listed = self.api(kind, None).list(&ListParams::default()).await?;
            let listed = listed.iter().map(|object| Item::new(kind, object));
            users.extend(listed.filter(|i| i.held && i.provider == name));
        }
        Ok(users)
    }
}

/// What to do when AWS cannot be asked.
const HINT: &str = "It was left as it is: give this command credentials for the account, or let go without asking AWS by --keep-tags";
