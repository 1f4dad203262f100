//! `incident-operator export`: on-call data as portable JSON, and shifts as iCalendar.

mod account;
mod calendar;
mod from_account;
mod from_cluster;
pub mod model;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource, ResourceExt};

use crate::api::{CONTACT_DATA_LABEL, Contact};
use crate::aws::{CallError, ambient};
use crate::cluster::{self, ClusterArguments};
use crate::engine::ManagedObject;
use crate::import::write::create;
use crate::schedule::Interval;
use from_cluster::Objects;
use model::{LeftOut, Place};

/// Overrides are made six months ahead at most; a little more catches all.
const OVERRIDES_AHEAD: SignedDuration = SignedDuration::from_hours(200 * 24);

/// Where from.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The objects of a cluster.
    Cluster,
    /// An AWS account.
    Account,
}

/// As what.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// People, schedules and escalation plans, as JSON that other tools can read.
    Json,
    /// Who is on call when, as an iCalendar feed for each schedule.
    Ical,
}

/// Settings of `export`. It only reads.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  incident-operator export --from cluster --out oncall.json
  incident-operator export --from account --region us-east-1 --format ical --out calendars

Exit code: 0 = everything is exported, 3 = all but what is named on standard error, 1 = nothing, 2 = the command line is wrong.")]
pub struct ExportArguments {
    /// Where the data is read: from the objects of a cluster, or from an AWS account with the credentials of the environment.
    #[arg(long, value_enum, required_unless_present = "schema")]
    pub from: Option<Source>,
    /// As what it is written.
    #[arg(long, value_enum, default_value = "json")]
    pub format: Format,
    /// File for JSON (absent = standard output), directory for iCalendar.
    #[arg(long, required_if_eq("format", "ical"))]
    pub out: Option<PathBuf>,
    /// Weeks of shifts from now on, 1 to 52; only with --format ical.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=52))]
    pub weeks: u32,
    /// Phone numbers and mail addresses, too; only with --format json. From a cluster they are read from Secrets where they are kept there.
    #[arg(long)]
    pub with_addresses: bool,
    /// Region of the account; only with --from account.
    #[arg(long, env = "AWS_REGION", required_if_eq("from", "account"))]
    pub region: Option<String>,
    /// Role to assume for reading; only with --from account.
    #[arg(long)]
    pub role_arn: Option<String>,
    /// Only objects of this namespace; only with --from cluster. Absent = those of all.
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// Print the JSON Schema of the JSON format, and nothing else.
    #[arg(long)]
    pub schema: bool,
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArguments,
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No cluster.
    #[error("{0}")]
    Cluster(#[from] cluster::Failure),
    /// The API server.
    #[error("the list of {what}: {error}")]
    ApiServer {
        /// What was read.
        what: String,
        /// What it says.
        error: crate::engine::Error,
    },
    /// AWS.
    #[error("{0}")]
    Call(#[from] CallError),
    /// No replication set, or another Region is meant.
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
    /// JSON.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// Exports. Returns whether everything could be exported.
///
/// # Errors
/// Why nothing was exported.
pub async fn export(arguments: &ExportArguments) -> Result<bool, Failure> {
    if arguments.schema {
        println!("{}", serde_json::to_string_pretty(&model::json_schema())?);
        return Ok(true);
    }
    let now = whole_second(Timestamp::now());
    let places = match arguments.from {
        Some(Source::Account) => vec![from_account(arguments, now).await?],
        _ => from_cluster(arguments).await?,
    };
    let mut left_out: Vec<LeftOut> = places.iter().flat_map(|p| p.left_out.clone()).collect();
    match arguments.format {
        Format::Json => write_json(arguments, &places)?,
        Format::Ical => left_out.extend(write_calendars(arguments, &places, now)?),
    }
    for one in &left_out {
        eprintln!("not exported: {}: {}", one.subject, one.reason);
    }
    Ok(left_out.is_empty())
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn write_json(arguments: &ExportArguments, places: &[Place]) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&model::document(places))?;
    let Some(path) = &arguments.out else {
        println!("{text}");
        return Ok(());
    };
    let file = |error| Failure::File {
        path: path.clone(),
        error,
    };
    let mut output = create(path, arguments.with_addresses).map_err(file)?;
    writeln!(output, "{text}").map_err(file)?;
    Ok(())
}

fn write_calendars(
    arguments: &ExportArguments,
    places: &[Place],
    now: Timestamp,
) -> Result<Vec<LeftOut>, Failure> {
    let window = Interval::days(now, arguments.weeks * 7);
    let feeds = calendar::feeds(places, window, now);
    let directory = arguments.out.clone().unwrap_or_default();
    for (name, text) in &feeds.files {
        let path = directory.join(name);
        let file = |error| Failure::File {
            path: path.clone(),
            error,
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(file)?;
        }
        let mut output = create(&path, false).map_err(file)?;
        output.write_all(text.as_bytes()).map_err(file)?;
    }
    println!(
        "{} shifts of {} weeks in {} calendars below {}",
        feeds.shifts,
        arguments.weeks,
        feeds.files.len(),
        directory.display()
    );
    Ok(feeds.left_out)
}

async fn from_account(arguments: &ExportArguments, now: Timestamp) -> Result<Place, Failure> {
    let region = arguments.region.clone().unwrap_or_default();
    let session = ambient::session(&region, arguments.role_arn.as_deref()).await?;
    let terminal = std::io::stderr().is_terminal();
    let show = |what: &str, done: usize, all: usize| {
        if terminal {
            eprint!("\r{what}: {done} of {all}   ");
            if done == all {
                eprintln!();
            }
        }
    };
    let overrides = Interval::lasting(now, OVERRIDES_AHEAD);
    account::place(&session, overrides, arguments.with_addresses, show)
        .await
        .map_err(|error| {
            if error.may_mean_not_onboarded() {
                Failure::NotOnboarded(region, error)
            } else {
                Failure::Call(error)
            }
        })
}

async fn from_cluster(arguments: &ExportArguments) -> Result<Vec<Place>, Failure> {
    let (client, _) = cluster::connect(&arguments.cluster).await?;
    let namespace = arguments.namespace.as_deref();
    let mut unreadable = vec![];
    let mut objects = Objects {
        // They are not everybody's to read, and needed only for objects that no operator has seen yet.
        configs: list(&client, None, &mut unreadable)
            .await
            .unwrap_or_default(),
        contacts: list(&client, namespace, &mut unreadable).await?,
        schedules: list(&client, namespace, &mut unreadable).await?,
        plans: list(&client, namespace, &mut unreadable).await?,
        ..Objects::default()
    };
    if arguments.with_addresses {
        for contact in &objects.contacts {
            let found = addresses(&client, contact, &mut unreadable).await?;
            objects.addresses.extend(found);
        }
    }
    objects.unreadable = unreadable;
    Ok(from_cluster::places(&objects))
}

/// The objects of a kind; those that do not decode are told.
async fn list<K: ManagedObject>(
    client: &Client,
    namespace: Option<&str>,
    unreadable: &mut Vec<LeftOut>,
) -> Result<Vec<K>, Failure> {
    let api: Api<DeserializeGuard<K>> = K::guarded_api(client.clone(), namespace);
    let listed = api
        .list(&ListParams::default())
        .await
        .map_err(|error| Failure::ApiServer {
            what: K::plural(&()).into_owned(),
            error: error.into(),
        })?;
    let mut objects = vec![];
    for guard in listed {
        let subject = format!(
            "{} {}/{}",
            K::KIND,
            guard.meta().namespace.as_deref().unwrap_or_default(),
            guard.name_any()
        );
        match guard.0 {
            Ok(object) => objects.push(object),
            Err(_) => unreadable.push(LeftOut {
                subject,
                reason: "it cannot be read as the kind it is".to_owned(),
            }),
        }
    }
    Ok(objects)
}

/// Addresses of a Contact by namespace, Contact and channel. Only labelled Secrets are read, as the operator does.
async fn addresses(
    client: &Client,
    contact: &Contact,
    unreadable: &mut Vec<LeftOut>,
) -> Result<Vec<((String, String, String), String)>, Failure> {
    let (namespace, name) = (contact.namespace().unwrap_or_default(), contact.name_any());
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let mut found = vec![];
    for channel in contact.spec.channels.iter().flatten() {
        let address = match (&channel.address, &channel.address_from) {
            (Some(address), _) => Some(address.clone()),
            (None, Some(from)) => {
                let wanted = &from.secret_key_ref;
                let secret = secrets.get_opt(&wanted.name).await;
                let secret = secret.map_err(|error| Failure::ApiServer {
                    what: format!("Secret {namespace}/{}", wanted.name),
                    error: error.into(),
                })?;
                let labelled = |s: &Secret| {
                    s.labels().get(CONTACT_DATA_LABEL).map(String::as_str) == Some("true")
                };
                let data = secret.filter(labelled).and_then(|s| s.data);
                let value = data.and_then(|mut d| d.remove(&wanted.key));
                value.and_then(|v| String::from_utf8(v.0).ok())
            }
            (None, None) => None,
        };
        match address {
            Some(address) => found.push((
                (namespace.clone(), name.clone(), channel.name.clone()),
                address.trim().to_owned(),
            )),
            None => unreadable.push(LeftOut {
                subject: format!("Contact {namespace}/{name}"),
                reason: format!(
                    "the address of channel \"{}\": there is no labelled Secret with it",
                    channel.name
                ),
            }),
        }
    }
    Ok(found)
}
