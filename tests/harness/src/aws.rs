//! SDK clients for the simulated AWS, and what it holds as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ssmcontacts::types::{ContactType, HandOffTime, Tag, Target};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::paths::operator_binary;
use crate::simulator::Simulator;

/// The access key id of an account in the simulator.
pub fn access_key(account: &str) -> String {
    format!("AKIA{account}TEST")
}

/// The same of the user that the operator acts as, who may do what [`policies`] allow and nothing else.
pub fn operator_key(account: &str) -> String {
    format!("AKIA{account}OPERATOR")
}

/// Who the operator is in AWS: its user, and what it assumes roles as.
const OPERATOR: [&str; 2] = [
    "arn:*:iam::*:user/operator",
    "arn:*:sts::*:assumed-role/*/incident-operator",
];

/// Whether a principal is the operator.
pub fn is_operator(principal: &str) -> bool {
    let [user, session] = ["user/operator", "/incident-operator"];
    principal.ends_with(user)
        || principal.contains(":assumed-role/") && principal.ends_with(session)
}

/// What `incident-operator iam-policy` prints.
///
/// # Errors
/// When it prints none.
pub fn iam_policy(arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new(operator_binary()?);
    let said = command.arg("iam-policy").args(arguments).output()?;
    serde_json::from_slice(&said.stdout)
        .with_context(|| String::from_utf8_lossy(&said.stderr).into_owned())
}

/// What the operator is allowed in the simulated AWS: exactly the policy that it prints, and what docs/iam.md says is to be allowed besides.
///
/// # Errors
/// When the operator does not print one.
pub fn policies() -> Result<&'static Value> {
    static POLICIES: OnceLock<Value> = OnceLock::new();
    if let Some(made) = POLICIES.get() {
        return Ok(made);
    }
    let printed = iam_policy(&[])?;
    let besides = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["secretsmanager:GetSecretValue", "kms:CreateGrant", "kms:DescribeKey"],
        "Resource": "*",
    }]});
    let own = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"},
    ]});
    let policies = json!({"policies": [
        {"principals": OPERATOR, "policy": printed},
        {"principals": OPERATOR, "policy": besides},
        {"principals": [OPERATOR[0]], "policy": own},
    ]});
    Ok(POLICIES.get_or_init(|| policies))
}

/// Any secret will do: signatures are read, not verified.
pub const SECRET_KEY: &str = "simulated";

/// Configuration of an SDK client for the simulator, without retries: what a test does is done once.
pub fn config(endpoint: &str, account: &str, region: &str) -> SdkConfig {
    let credentials = Credentials::new(access_key(account), SECRET_KEY, None, None, "simulator");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// A contact as AWS holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// ARN.
    pub arn: String,
    /// Alias.
    pub alias: String,
    /// `PERSONAL`, `ESCALATION` or `ONCALL_SCHEDULE`.
    pub kind: String,
    /// Display name.
    pub display_name: Option<String>,
    /// Channels, by name and then ARN.
    pub channels: Vec<Channel>,
    /// The plan.
    pub stages: Vec<Stage>,
    /// ARNs of the rotations of a schedule, in its order.
    pub rotations: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A rotation as AWS holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// ARNs of its members, in order.
    pub members: Vec<String>,
    /// Start, in seconds since 1970.
    pub start: i64,
    /// Time zone.
    pub zone: String,
    /// Hand-offs: `daily 09:00`, `weekly MON 09:00`, `monthly 1 09:00`. A set, since their order means nothing.
    pub hand_offs: BTreeSet<String>,
    /// Days, weeks or months of a shift.
    pub shift_length: i32,
    /// How many are on call at once.
    pub on_call: i32,
    /// Windows of coverage: `MON 09:00-17:00`.
    pub coverage: BTreeSet<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A contact channel as AWS holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Channel {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// `EMAIL`, `SMS` or `VOICE`.
    pub kind: String,
    /// Address.
    pub address: String,
    /// Whether it is activated.
    pub activated: bool,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Channel")
            .field("arn", &self.arn)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("address", &masked(&self.address))
            .field("activated", &self.activated)
            .finish()
    }
}

/// A stage of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Minutes until the next stage.
    pub minutes: i32,
    /// ARNs of channels or contacts, with the retry interval or whether it is essential.
    pub targets: Vec<(String, String)>,
}

/// Everything ssm-contacts holds in an account and Region, by alias.
pub async fn contacts(simulator: &Simulator, account: &str, region: &str) -> Result<Vec<Contact>> {
    let client = simulator.contacts(account, region);
    let listed: Vec<_> = client
        .list_contacts()
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(described)?;
    let read = listed.into_iter().map(|listed| {
        let client = client.clone();
        async move { contact(&client, listed.contact_arn()).await }
    });
    let mut contacts: Vec<Contact> = futures::stream::iter(read)
        .buffered(8)
        .try_collect()
        .await?;
    contacts.sort_by(|a, b| a.alias.cmp(&b.alias));
    Ok(contacts)
}

async fn contact(client: &aws_sdk_ssmcontacts::Client, arn: &str) -> Result<Contact> {
    let read = client
        .get_contact()
        .contact_id(arn)
        .send()
        .await
        .map_err(described)?;
    let listed: Vec<_> = if read.r#type() == &ContactType::Personal {
        client
            .list_contact_channels()
            .contact_id(arn)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(described)?
    } else {
        vec![]
    };
    let mut channels = Vec::new();
    for channel in listed {
        let read = client
            .get_contact_channel()
            .contact_channel_id(channel.contact_channel_arn())
            .send()
            .await
            .map_err(described)?;
        channels.push(Channel {
            arn: read.contact_channel_arn().to_owned(),
            name: read.name().to_owned(),
            kind: read.r#type().as_str().to_owned(),
            address: read
                .delivery_address()
                .and_then(|address| address.simple_address())
                .unwrap_or_default()
                .to_owned(),
            activated: read
                .activation_status()
                .is_some_and(|status| status.as_str() == "ACTIVATED"),
        });
    }
    channels.sort_by(|a, b| (&a.name, &a.arn).cmp(&(&b.name, &b.arn)));
    let tags = match client
        .list_tags_for_resource()
        .resource_arn(arn)
        .send()
        .await
        .map_err(described)
    {
        Ok(output) => output.tags.unwrap_or_default(),
        // In the other Regions of a replication set there are none.
        Err(error) if error.to_string().contains("Tagging inaccessible") => vec![],
        Err(error) => return Err(error),
    };
    let stages = read
        .plan()
        .map(aws_sdk_ssmcontacts::types::Plan::stages)
        .unwrap_or_default();
    Ok(Contact {
        arn: arn.to_owned(),
        alias: read.alias().to_owned(),
        kind: read.r#type().as_str().to_owned(),
        display_name: read.display_name().map(ToOwned::to_owned),
        channels,
        stages: stages
            .iter()
            .map(|stage| Stage {
                minutes: stage.duration_in_minutes(),
                targets: stage.targets().iter().map(target).collect(),
            })
            .collect(),
        rotations: read
            .plan()
            .map(|plan| plan.rotation_ids().to_vec())
            .unwrap_or_default(),
        tags: by_key(&tags),
    })
}

fn by_key(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        .collect()
}

/// Every rotation of an account and Region, by name and then ARN.
pub async fn rotations(
    simulator: &Simulator,
    account: &str,
    region: &str,
) -> Result<Vec<Rotation>> {
    let client = simulator.contacts(account, region);
    let listed: Vec<_> = client
        .list_rotations()
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(described)?;
    let mut rotations = Vec::new();
    for listed in listed {
        rotations.push(rotation(&client, listed.rotation_arn()).await?);
    }
    rotations.sort_by(|a, b| (&a.name, &a.arn).cmp(&(&b.name, &b.arn)));
    Ok(rotations)
}

async fn rotation(client: &aws_sdk_ssmcontacts::Client, arn: &str) -> Result<Rotation> {
    let read = client
        .get_rotation()
        .rotation_id(arn)
        .send()
        .await
        .map_err(described)?;
    let tags = client
        .list_tags_for_resource()
        .resource_arn(arn)
        .send()
        .await
        .map_err(described);
    let tags = match tags {
        Ok(output) => output.tags.unwrap_or_default(),
        Err(error) if error.to_string().contains("Tagging inaccessible") => vec![],
        Err(error) => return Err(error),
    };
    let recurrence = read.recurrence().context("a recurrence")?;
    let time = |time: Option<&HandOffTime>| {
        time.map_or_else(String::new, |time| {
            format!("{:02}:{:02}", time.hour_of_day(), time.minute_of_hour())
        })
    };
    let daily = recurrence.daily_settings().iter();
    let daily = daily.map(|at| format!("daily {}", time(Some(at))));
    let weekly = recurrence.weekly_settings().iter().map(|at| {
        let day = at.day_of_week().as_str();
        format!("weekly {day} {}", time(at.hand_off_time()))
    });
    let monthly = recurrence.monthly_settings().iter().map(|at| {
        let day = at.day_of_month();
        format!("monthly {day} {}", time(at.hand_off_time()))
    });
    let coverage = recurrence.shift_coverages().into_iter().flatten();
    let coverage = coverage.flat_map(|(day, windows)| {
        windows.iter().map(move |window| {
            let (start, end) = (time(window.start()), time(window.end()));
            format!("{} {start}-{end}", day.as_str())
        })
    });
    Ok(Rotation {
        arn: arn.to_owned(),
        name: read.name().to_owned(),
        members: read.contact_ids().to_vec(),
        start: read.start_time().secs(),
        zone: read.time_zone_id().to_owned(),
        hand_offs: daily.chain(weekly).chain(monthly).collect(),
        shift_length: recurrence.recurrence_multiplier(),
        on_call: recurrence.number_of_on_calls(),
        coverage: coverage.collect(),
        tags: by_key(&tags),
    })
}

fn target(target: &Target) -> (String, String) {
    if let Some(channel) = target.channel_target_info() {
        let retry = channel
            .retry_interval_in_minutes()
            .map_or("no retry".to_owned(), |minutes| {
                format!("retry every {minutes} min")
            });
        return (channel.contact_channel_id().to_owned(), retry);
    }
    let Some(contact) = target.contact_target_info() else {
        return (String::new(), String::new());
    };
    let essential = if contact.is_essential() {
        "stops the plan"
    } else {
        "the plan goes on"
    };
    (
        contact.contact_id().unwrap_or_default().to_owned(),
        essential.to_owned(),
    )
}

/// An SDK error with its causes; without them it says no more than "service error".
fn described<E: std::error::Error + Send + Sync + 'static>(error: E) -> anyhow::Error {
    anyhow::anyhow!(
        "{}",
        aws_sdk_ssmcontacts::error::DisplayErrorContext(&error)
    )
}

/// An address with enough left to recognise it: the last digits, or the first letter and the domain.
pub fn masked(address: &str) -> String {
    if let Some((name, domain)) = address.split_once('@') {
        let first: String = name.chars().take(1).collect();
        return format!("{first}…@{domain}");
    }
    let count = address.chars().count();
    let last: String = address.chars().skip(count.saturating_sub(2)).collect();
    format!("{}…{last}", if address.starts_with('+') { "+" } else { "" })
}

/// What AWS holds, as an indented list for people, with masked addresses.
pub fn render(contacts: &[Contact]) -> Result<String> {
    let mut text = String::new();
    for contact in contacts {
        let name = contact
            .display_name
            .as_deref()
            .map_or(String::new(), |name| format!(" ({name})"));
        writeln!(text, "{} {}{name}", contact.kind, contact.alias)?;
        writeln!(text, "  {}", contact.arn)?;
        let called = |arn: &str| {
            let channel = contact
                .channels
                .iter()
                .find(|channel| channel.arn == arn)
                .map(|channel| channel.name.clone());
            channel
                .or_else(|| {
                    contacts
                        .iter()
                        .find(|contact| contact.arn == arn)
                        .map(|contact| contact.alias.clone())
                })
                .unwrap_or_else(|| arn.to_owned())
        };
        for channel in &contact.channels {
            let state = if channel.activated {
                "activated"
            } else {
                "not activated"
            };
            writeln!(
                text,
                "  channel {}: {} {}, {state}",
                channel.name,
                channel.kind,
                masked(&channel.address)
            )?;
        }
        let mut minute = 0;
        for stage in &contact.stages {
            let targets: Vec<String> = stage
                .targets
                .iter()
                .map(|(arn, how)| format!("{} ({how})", called(arn)))
                .collect();
            let targets = if targets.is_empty() {
                "wait".to_owned()
            } else {
                targets.join(", ")
            };
            writeln!(
                text,
                "  plan at {minute} min, for {} min: {targets}",
                stage.minutes
            )?;
            minute += stage.minutes;
        }
        let tags: Vec<String> = contact
            .tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        writeln!(text, "  tags {}", tags.join(", "))?;
    }
    Ok(text)
}

/// The state of an account's replication set, if it has one.
pub async fn replication_set(
    simulator: &Simulator,
    account: &str,
    region: &str,
) -> Result<Option<String>> {
    let client = simulator.incidents(account, region);
    let listed = client
        .list_replication_sets()
        .send()
        .await
        .map_err(described)?;
    let Some(arn) = listed.replication_set_arns().first() else {
        return Ok(None);
    };
    let read = client
        .get_replication_set()
        .arn(arn)
        .send()
        .await
        .map_err(described)?;
    Ok(Some(
        read.replication_set()
            .context("a replication set")?
            .status()
            .as_str()
            .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn an_address_is_recognisable_and_no_more() {
        assert_eq!(masked("+15005550199"), "+…99");
        assert_eq!(masked("alice@example.com"), "a…@example.com");
    }
}
