//! `incident-operator import`: reads an account and writes manifests that take over what is there, with nothing changed in AWS but tags.

pub mod account;
pub mod expressible;
pub mod manifests;
pub mod names;
mod progress;
pub mod read;
pub mod response_plans;
#[cfg(feature = "vpc-endpoints")]
pub mod vpc_endpoints;
pub mod write;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::aws::ambient::{patiently, session_at};
use crate::aws::{CallError, Session};
use account::{Account, ResponsePlan};
use manifests::{NamespaceRule, Options};
use progress::Progress;
use write::Layout;

/// So many contacts or rotations are read at a time: enough to use the quota where answers take their time.
const AT_A_TIME: usize = 6;

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
    #[arg(long, value_parser = owner_id)]
    pub owner_id: String,
    /// Name for the ProviderConfig.
    #[arg(long, default_value = "default", value_parser = name)]
    pub provider_config: String,
    /// Role to assume for reading.
    #[arg(long)]
    pub role_arn: Option<String>,
    /// Namespace for all objects; with --namespace-tag or --namespace-prefix, for those that these say nothing about.
    #[arg(long, default_value = "incident-manager", value_parser = name)]
    pub namespace: String,
    /// Take the namespace from the value of this tag.
    #[arg(long, conflicts_with = "namespace_prefix")]
    pub namespace_tag: Option<String>,
    /// Take the namespace from what stands before this in the alias, for example `-`.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub namespace_prefix: Option<String>,
    /// Put addresses into labelled Secrets below secrets/, apart from the manifests, so that none goes into Git.
    #[arg(long)]
    pub addresses_as_secrets: bool,
    /// Do not mark Contacts and Namespaces so that neither Argo CD nor Flux deletes them when they vanish from Git.
    #[arg(long)]
    pub no_prune_protection: bool,
    /// How manifests are spread over files.
    #[arg(long, value_enum, default_value = "kind")]
    pub layout: Layout,
    /// Write manifests of the Region's VPC endpoints, too: `adopt` takes them over, `observe` reports on them and leaves them to whoever
    /// manages them. Needs ec2:DescribeVpcEndpoints.
    #[cfg(feature = "vpc-endpoints")]
    #[arg(long, value_enum)]
    pub vpc_endpoints: Option<vpc_endpoints::Mode>,
    /// Write manifests of the account's alternate contacts (security, billing, operations), too. Needs account:GetAlternateContact.
    #[arg(long)]
    pub alternate_contacts: bool,
    /// The namespace in which the operator runs: with --addresses-as-secrets, alternate contacts take their Secrets from there.
    #[arg(long, default_value = "incident-operator", value_parser = name)]
    pub operator_namespace: String,
    /// Begin from the start, although an earlier import of this directory was interrupted.
    #[arg(long)]
    pub restart: bool,
    /// Part of the published quotas to use. Below 1 leaves room for others who work in the account; above 1 is for accounts to which AWS has
    /// granted more.
    #[arg(long, default_value_t = 1.0, value_parser = rate)]
    pub rate_multiplier: f64,
}

fn owner_id(text: &str) -> Result<String, String> {
    let takes = |c: char| c.is_ascii_alphanumeric() || "_.:/=+@-".contains(c);
    if (1..=128).contains(&text.len()) && text.chars().all(takes) {
        return Ok(text.to_owned());
    }
    Err(
        "1 to 128 letters, digits and the characters _ . : / = + - @: it becomes a tag value"
            .to_owned(),
    )
}

fn name(text: &str) -> Result<String, String> {
    if names::is_label(text) {
        return Ok(text.to_owned());
    }
    Err(
        "1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends"
            .to_owned(),
    )
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if rate.is_finite() && rate > 0.0 {
        return Ok(rate);
    }
    Err("a number above 0, such as 0.5".to_owned())
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
    let session = session_at(
        &arguments.region,
        arguments.role_arn.as_deref(),
        arguments.rate_multiplier,
    )
    .await
    .map_err(Failure::Call)?;
    let now = Timestamp::now();
    let account = read_account(arguments, &session, now).await?;
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
        operator_namespace: arguments.operator_namespace.clone(),
        prune_protection: !arguments.no_prune_protection,
        now,
    };
    let made = manifests::manifests(&account, &options);
    let files = write::files(&made, arguments.layout)?;
    let file = |error| Failure::File {
        path: arguments.out.clone(),
        error,
    };
    write::write(&arguments.out, &files).map_err(file)?;
    Progress::done(&arguments.out).map_err(file)?;
    let others = write::others(&arguments.out, &files).map_err(file)?;
    let out = arguments.out.display();
    println!(
        "{} objects in {} files below {out}",
        made.objects.len(),
        files.len() - 2
    );
    if !made.are_complete() {
        println!(
            "{} things could not be written as manifests, {} more only in part: see {}",
            made.problems.len(),
            made.left_out.len(),
            arguments.out.join(write::REPORT).display()
        );
    }
    if !others.is_empty() {
        println!(
            "these files are not from this import; when they are from an earlier one, what they say is not in AWS any more: remove them"
        );
        for other in others {
            println!("  {}", arguments.out.join(other).display());
        }
    }
    println!("next: read them, then kubectl apply --server-side -R -f {out}");
    Ok(made.are_complete())
}

async fn read_account(
    arguments: &ImportArguments,
    session: &Session,
    now: Timestamp,
) -> Result<Account, Failure> {
    let place = session.account.config.placement.clone();
    let file = |error| Failure::File {
        path: arguments.out.clone(),
        error,
    };
    let mut progress =
        Progress::open(&arguments.out, &place, arguments.restart, now).map_err(file)?;
    if progress.kept() > 0 {
        eprintln!(
            "going on with an interrupted import, which has read {} contacts and rotations; --restart reads everything anew",
            progress.kept()
        );
    }
    let contacts = patiently(async || read::list_contacts(session).await)
        .await
        .map_err(|error| {
            if error.may_mean_not_onboarded() {
                Failure::NotOnboarded(place.region.clone(), error)
            } else {
                Failure::Call(error)
            }
        })?;
    let missing = contacts.iter().filter(|arn| !progress.has_contact(arn));
    let missing: Vec<&String> = missing.collect();
    let meter = Meter::new(
        "contacts, schedules and escalation plans",
        contacts.len(),
        missing.len(),
    );
    let mut reading = stream::iter(missing)
        .map(|arn| patiently(async move || read::contact(session, arn).await))
        .buffer_unordered(AT_A_TIME);
    while let Some(found) = reading.try_next().await.map_err(Failure::Call)? {
        if let Some(found) = found {
            progress.keep_contact(found).map_err(file)?;
        }
        meter.step();
    }
    drop(reading);
    let rotations = patiently(async || read::list_rotations(session).await)
        .await
        .map_err(Failure::Call)?;
    let missing = rotations.iter().filter(|arn| !progress.has_rotation(arn));
    let missing: Vec<&String> = missing.collect();
    let meter = Meter::new("rotations", rotations.len(), missing.len());
    let mut reading = stream::iter(missing)
        .map(|arn| patiently(async move || read::rotation(session, arn, now).await))
        .buffer_unordered(AT_A_TIME);
    while let Some(found) = reading.try_next().await.map_err(Failure::Call)? {
        if let Some(found) = found {
            progress.keep_rotation(found).map_err(file)?;
        }
        meter.step();
    }
    drop(reading);
    let response_plans = read_response_plans(session).await?;
    let vpc_endpoints = read_vpc_endpoints(arguments, session).await?;
    let alternate_contacts = if arguments.alternate_contacts {
        patiently(async || read::alternate_contacts(session).await)
            .await
            .map_err(Failure::Call)?
    } else {
        vec![]
    };
    let replication_set = patiently(async || read::replication_set(session).await)
        .await
        .map_err(Failure::Call)?;
    // What was deleted since an earlier, interrupted run is not there any more.
    let (mut contacts_read, mut rotations_read) = progress.into_parts();
    contacts_read.retain(|arn, _| contacts.contains(arn));
    rotations_read.retain(|arn, _| rotations.contains(arn));
    Ok(Account {
        account_id: place.account_id,
        region: place.region,
        contacts: contacts_read,
        rotations: rotations_read,
        replication_set,
        response_plans,
        alternate_contacts,
        vpc_endpoints,
    })
}

/// A page has a thousand of them: an interrupted import reads them anew.
#[cfg(feature = "vpc-endpoints")]
async fn read_vpc_endpoints(
    arguments: &ImportArguments,
    session: &Session,
) -> Result<Vec<account::VpcEndpoint>, Failure> {
    let Some(mode) = arguments.vpc_endpoints else {
        return Ok(vec![]);
    };
    let found = patiently(async || crate::aws::ec2::endpoints(session).await)
        .await
        .map_err(Failure::Call)?;
    let region = &session.account.config.placement.region;
    let found = found.values();
    Ok(found
        .filter_map(|endpoint| vpc_endpoints::found(endpoint, region, mode))
        .collect())
}

/// This build knows nothing of them.
#[cfg(not(feature = "vpc-endpoints"))]
#[allow(
    clippy::unused_async,
    reason = "the same call with and without the feature"
)]
async fn read_vpc_endpoints(
    _: &ImportArguments,
    _: &Session,
) -> Result<Vec<account::VpcEndpoint>, Failure> {
    Ok(vec![])
}

/// There are few of them, and each is one call: an interrupted import reads them anew.
async fn read_response_plans(session: &Session) -> Result<BTreeMap<String, ResponsePlan>, Failure> {
    let listed = patiently(async || read::list_response_plans(session).await)
        .await
        .map_err(Failure::Call)?;
    let meter = Meter::new("response plans", listed.len(), listed.len());
    let mut found = BTreeMap::new();
    let mut reading = stream::iter(&listed)
        .map(|arn| patiently(async move || read::response_plan(session, arn).await))
        .buffer_unordered(AT_A_TIME);
    while let Some(plan) = reading.try_next().await.map_err(Failure::Call)? {
        found.extend(plan.map(|plan| (plan.arn.clone(), plan)));
        meter.step();
    }
    Ok(found)
}

/// Shows on a terminal how far reading has come.
struct Meter {
    what: &'static str,
    all: usize,
    to_read: usize,
    done: std::cell::Cell<usize>,
    began: Instant,
    shown: bool,
}

impl Meter {
    fn new(what: &'static str, all: usize, to_read: usize) -> Self {
        Self {
            what,
            all,
            to_read,
            done: std::cell::Cell::new(0),
            began: Instant::now(),
            shown: std::io::stderr().is_terminal(),
        }
    }

    fn step(&self) {
        let done = self.done.get() + 1;
        self.done.set(done);
        if !self.shown {
            return;
        }
        let left = self.to_read.saturating_sub(done);
        let share = u32::try_from(left).unwrap_or(u32::MAX);
        let rest = self.began.elapsed() / u32::try_from(done).unwrap_or(u32::MAX) * share;
        let read = self.all - left;
        eprint!(
            "\r{}: {read} of {}, about {} s left \x1b[K",
            self.what,
            self.all,
            rest.as_secs()
        );
        if left == 0 {
            eprintln!("\r{}: {} \x1b[K", self.what, self.all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_make_a_bad_manifest_is_refused_at_once() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for bad in ["0", "-1", "NaN", "inf", "fast"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
        assert!(owner_id("prod-oncall").is_ok() && name("incident-manager").is_ok());
        assert!(owner_id("").is_err() && owner_id("my owner").is_err());
        assert!(name("Default").is_err() && name("").is_err() && name(&"x".repeat(64)).is_err());
    }
}
