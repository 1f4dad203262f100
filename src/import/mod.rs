//! `incident-operator import`: reads an account and writes manifests that take over what is there, with nothing changed in AWS but tags.

pub mod account;
pub mod manifests;
pub mod names;
mod progress;
pub mod read;
pub mod write;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::aws::account::ConfirmError;
use crate::aws::{
    AccountConfig, Accounts, AssumeRole, CallError, ErrorClass, Limiter, Placement, Priority,
    RequestMetrics, Session,
};
use account::{Account, Contact, Rotation};
use manifests::{NamespaceRule, Options};
use progress::Progress;
use write::Layout;

/// So often a call that AWS throttled or failed is tried again.
const ATTEMPTS: u32 = 8;

/// Settings of `import`. Credentials, and endpoints other than AWS's own, come from the environment as for any AWS tool.
#[derive(Args, Debug)]
pub struct ImportArguments {
    /// Region to read; the replication set's first, or tags are not seen.
    #[arg(long, env = "AWS_REGION")]
    pub region: String,
    /// Directory to write the manifests to.
    #[arg(long)]
    pub out: PathBuf,
    /// `spec.ownerId` for the ProviderConfig: who the operator is in AWS's tags. Stays the same when a cluster is rebuilt.
    #[arg(long)]
    pub owner_id: String,
    /// Name for the ProviderConfig.
    #[arg(long, default_value = "default")]
    pub provider_config: String,
    /// Role to assume for reading.
    #[arg(long)]
    pub role_arn: Option<String>,
    /// Namespace for all objects; with --namespace-tag or --namespace-prefix, for those that these say nothing about.
    #[arg(long, default_value = "incident-manager")]
    pub namespace: String,
    /// Take the namespace from the value of this tag.
    #[arg(long, conflicts_with = "namespace_prefix")]
    pub namespace_tag: Option<String>,
    /// Take the namespace from what stands before this in the alias, for example `-`.
    #[arg(long)]
    pub namespace_prefix: Option<String>,
    /// Put addresses into labelled Secrets below secrets/, apart from the manifests, so that none goes into Git.
    #[arg(long)]
    pub addresses_as_secrets: bool,
    /// Mark Contacts so that neither Argo CD nor Flux deletes them when they vanish from Git.
    #[arg(long)]
    pub prune_protection: bool,
    /// How manifests are spread over files.
    #[arg(long, value_enum, default_value = "kind")]
    pub layout: Layout,
    /// Begin from the start, although an earlier import of this directory was interrupted.
    #[arg(long)]
    pub restart: bool,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// AWS.
    #[error("{0}. What was read so far is kept: the same command goes on from there")]
    Call(CallError),
    /// The account has no replication set, or another Region is meant.
    #[error(
        "AWS has no contacts to list here: is {0} a Region of the account's replication set, and was Incident Manager set up? ({1})"
    )]
    NotOnboarded(String, CallError),
    /// A file.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the file system says.
        error: std::io::Error,
    },
    /// YAML.
    #[error("{0}")]
    Yaml(#[from] serde_saphyr::ser_error::Error),
}

/// Imports. Returns whether everything could be said in manifests.
///
/// # Errors
/// What AWS or the file system says.
pub async fn import(arguments: &ImportArguments) -> Result<bool, Failure> {
    let session = open(arguments).await?;
    let account = read_account(arguments, &session).await?;
    let otherwise = arguments.namespace.clone();
    let options = Options {
        namespaces: match (&arguments.namespace_tag, &arguments.namespace_prefix) {
            (Some(key), _) => NamespaceRule::Tag(key.clone(), otherwise),
            (None, Some(prefix)) => NamespaceRule::Prefix(prefix.clone(), otherwise),
            (None, None) => NamespaceRule::One(otherwise),
        },
        owner_id: arguments.owner_id.clone(),
        provider_config: arguments.provider_config.clone(),
        addresses_as_secrets: arguments.addresses_as_secrets,
        prune_protection: arguments.prune_protection,
    };
    let made = manifests::manifests(&account, &options);
    let files = write::files(&made, arguments.layout)?;
    let file = |error| Failure::File {
        path: arguments.out.clone(),
        error,
    };
    write::write(&arguments.out, &files).map_err(file)?;
    Progress::done(&arguments.out).map_err(file)?;
    println!(
        "{} objects in {} files below {}",
        made.objects.len(),
        files.len() - 1,
        arguments.out.display()
    );
    if !made.problems.is_empty() {
        println!(
            "{} things could not be written as manifests: see {}",
            made.problems.len(),
            arguments.out.join(write::REPORT).display()
        );
    }
    println!(
        "next: read them, then kubectl apply -R -f {}",
        arguments.out.display()
    );
    Ok(made.problems.is_empty())
}

/// A way to the account that the credentials belong to.
async fn open(arguments: &ImportArguments) -> Result<Session, Failure> {
    let metrics = RequestMetrics::default();
    let accounts = Accounts::new(Limiter::new(metrics.clone()), metrics).await;
    let config = |account_id: &str| AccountConfig {
        name: arguments.provider_config.clone(),
        placement: Placement::new(account_id, &arguments.region),
        assume_role: arguments.role_arn.as_ref().map(|role| AssumeRole {
            role_arn: role.clone(),
            external_id: None,
            session_name: None,
        }),
        endpoints: std::collections::BTreeMap::new(),
        use_fips: false,
        use_dual_stack: false,
    };
    let never = CancellationToken::new();
    let unknown = accounts.account(&config(""));
    let account_id = match unknown.confirm(Priority::Drift, never.clone()).await {
        Ok(identity) => identity.account_id,
        Err(ConfirmError::WrongAccount { actual, .. }) => actual,
        Err(ConfirmError::Call(error)) => return Err(Failure::Call(error)),
    };
    let account = accounts.account(&config(&account_id));
    Ok(account.session(Priority::Drift, never))
}

async fn read_account(arguments: &ImportArguments, session: &Session) -> Result<Account, Failure> {
    let place = session.account.config.placement.clone();
    let file = |error| Failure::File {
        path: arguments.out.clone(),
        error,
    };
    let mut progress = Progress::open(&arguments.out, &place, arguments.restart).map_err(file)?;
    let terminal = std::io::stderr().is_terminal();
    let show = |what: &str, done: usize, all: usize| {
        if terminal {
            eprint!("\r{what}: {done} of {all}   ");
            if done == all {
                eprintln!();
            }
        }
    };
    let contacts = patiently(async || read::list_contacts(session).await)
        .await
        .map_err(|error| {
            if error.may_mean_not_onboarded() {
                Failure::NotOnboarded(place.region.clone(), error)
            } else {
                Failure::Call(error)
            }
        })?;
    for (done, arn) in contacts.iter().enumerate() {
        if !progress.has_contact(arn) {
            let found: Option<Contact> = patiently(async || read::contact(session, arn).await)
                .await
                .map_err(Failure::Call)?;
            if let Some(found) = found {
                progress.keep_contact(found).map_err(file)?;
            }
        }
        show(
            "contacts, schedules and escalation plans",
            done + 1,
            contacts.len(),
        );
    }
    let rotations = patiently(async || read::list_rotations(session).await)
        .await
        .map_err(Failure::Call)?;
    let now = Timestamp::now();
    for (done, arn) in rotations.iter().enumerate() {
        if !progress.has_rotation(arn) {
            let found: Option<Rotation> =
                patiently(async || read::rotation(session, arn, now).await)
                    .await
                    .map_err(Failure::Call)?;
            if let Some(found) = found {
                progress.keep_rotation(found).map_err(file)?;
            }
        }
        show("rotations", done + 1, rotations.len());
    }
    // What was deleted since an earlier, interrupted run is not there any more.
    let (mut contacts_read, mut rotations_read) = progress.into_parts();
    contacts_read.retain(|arn, _| contacts.contains(arn));
    rotations_read.retain(|arn, _| rotations.contains(arn));
    Ok(Account {
        account_id: place.account_id,
        region: place.region,
        contacts: contacts_read,
        rotations: rotations_read,
    })
}

/// Tries again what AWS throttled or failed.
async fn patiently<T>(call: impl AsyncFn() -> Result<T, CallError>) -> Result<T, CallError> {
    let mut attempt = 1;
    loop {
        match call().await {
            Err(error)
                if attempt < ATTEMPTS
                    && matches!(error.class, ErrorClass::Throttled | ErrorClass::Transient) =>
            {
                let wait = error
                    .retry_after
                    .unwrap_or_else(|| crate::engine::error::backoff(attempt));
                tokio::time::sleep(wait).await;
                attempt += 1;
            }
            other => return other,
        }
    }
}
