//! Policies of least privilege that the operator knows. Pure.
//!
//! Principals of an Interface endpoint stand in `Principal`. A Gateway endpoint takes `*` there and nothing else, so for S3 they are a condition;
//! it lets calls without a signature through, since agents fetch some of what is in AWS's own public buckets that way.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Invalid, Policy, account_of_root, buckets, invalid, is_account_id};
use crate::api::vpc_endpoint::{PolicyPreset, PresetName};
use crate::aws::arn;

/// Where the endpoint is.
#[derive(Clone, Copy)]
struct Place<'a> {
    account_id: &'a str,
    region: &'a str,
}

/// Who may use an endpoint.
enum Callers {
    /// Whoever belongs to the account.
    Account(String),
    /// Roles, users and accounts.
    Named(BTreeSet<String>),
}

/// Every preset.
pub const ALL: &[PresetName] = &[
    PresetName::IncidentManagerIncidents,
    PresetName::IncidentManagerContacts,
    PresetName::SystemsManager,
    PresetName::SessionManager,
    PresetName::EC2Messages,
    PresetName::EC2,
    PresetName::KMS,
    PresetName::CloudWatchLogs,
    PresetName::S3PatchBuckets,
];

/// Short name of the service whose endpoint a preset is for.
pub fn service(name: PresetName) -> &'static str {
    match name {
        PresetName::IncidentManagerIncidents => "ssm-incidents",
        PresetName::IncidentManagerContacts => "ssm-contacts",
        PresetName::SystemsManager => "ssm",
        PresetName::SessionManager => "ssmmessages",
        PresetName::EC2Messages => "ec2messages",
        PresetName::EC2 => "ec2",
        PresetName::KMS => "kms",
        PresetName::CloudWatchLogs => "logs",
        PresetName::S3PatchBuckets => "s3",
    }
}

/// Whether it has to be said who may use it. What pages people, makes snapshots or decrypts is not for a whole account.
pub fn needs_principals(name: PresetName) -> bool {
    match name {
        PresetName::IncidentManagerIncidents
        | PresetName::IncidentManagerContacts
        | PresetName::EC2
        | PresetName::KMS => true,
        PresetName::SystemsManager
        | PresetName::SessionManager
        | PresetName::EC2Messages
        | PresetName::CloudWatchLogs
        | PresetName::S3PatchBuckets => false,
    }
}

/// The policy of a preset.
///
/// # Errors
/// Principals are missing or are none, or the preset is not known for the Region.
pub fn policy(preset: &PolicyPreset, account_id: &str, region: &str) -> Result<Policy, Invalid> {
    let name = preset.name;
    let place = Place { account_id, region };
    let callers = callers(
        name,
        place,
        preset.principals.as_deref().unwrap_or_default(),
    )?;
    let partition = arn::partition(region);
    let statements = match name {
        PresetName::IncidentManagerIncidents => {
            vec![callers.may("RespondToIncidents", INCIDENTS, "*")]
        }
        PresetName::IncidentManagerContacts => {
            vec![callers.may("EngageAndAcknowledge", CONTACTS, "*")]
        }
        PresetName::SystemsManager => vec![
            callers.may("ManagedNodes", NODES, "*"),
            // These come before a node has a role, and from hybrid nodes without a signature; this key is there all the same.
            json!({
                "Sid": "RegisterNodes", "Effect": "Allow", "Principal": "*", "Action": REGISTRATION, "Resource": "*",
                "Condition": {"StringEquals": {"ssm:NodeAccountId": account_id}},
            }),
        ],
        PresetName::SessionManager => vec![callers.may("MessageChannels", CHANNELS, "*")],
        PresetName::EC2Messages => vec![callers.may("AgentMessages", MESSAGES, "*")],
        PresetName::EC2 => {
            let mut tagging = callers.may(
                "TagNewSnapshots",
                &["ec2:CreateTags"],
                &format!("arn:{partition}:ec2:{region}::snapshot/*"),
            );
            narrow(
                &mut tagging,
                "StringEquals",
                "ec2:CreateAction",
                &json!(["CreateSnapshot", "CreateSnapshots"]),
            );
            vec![
                callers.may("Describe", DESCRIBE, "*"),
                callers.may(
                    "Snapshots",
                    &["ec2:CreateSnapshot", "ec2:CreateSnapshots"],
                    &format!("arn:{partition}:ec2:{region}:*:*"),
                ),
                tagging,
            ]
        }
        PresetName::KMS => vec![callers.may(
            "UseKeys",
            KEYS,
            &format!("arn:{partition}:kms:{region}:{account_id}:key/*"),
        )],
        PresetName::CloudWatchLogs => vec![callers.may(
            "WriteLogs",
            LOGS,
            &format!("arn:{partition}:logs:{region}:{account_id}:log-group:*"),
        )],
        PresetName::S3PatchBuckets => patch_buckets(place, &callers)?,
    };
    Policy::from_value(&json!({"Version": "2012-10-17", "Statement": statements}))
}

/// What responders do with incidents: AWS's managed policy `AWSIncidentManagerResolverAccess`, and the findings of an incident.
const INCIDENTS: &[&str] = &[
    "ssm-incidents:StartIncident",
    "ssm-incidents:ListResponsePlans",
    "ssm-incidents:GetResponsePlan",
    "ssm-incidents:ListIncidentRecords",
    "ssm-incidents:GetIncidentRecord",
    "ssm-incidents:UpdateIncidentRecord",
    "ssm-incidents:ListTimelineEvents",
    "ssm-incidents:CreateTimelineEvent",
    "ssm-incidents:GetTimelineEvent",
    "ssm-incidents:UpdateTimelineEvent",
    "ssm-incidents:DeleteTimelineEvent",
    "ssm-incidents:ListRelatedItems",
    "ssm-incidents:UpdateRelatedItems",
    "ssm-incidents:ListIncidentFindings",
    "ssm-incidents:BatchGetIncidentFindings",
];

/// P-02: who is engaged, engaging, acknowledging, and the activation of one's own channel.
const CONTACTS: &[&str] = &[
    "ssm-contacts:ListContacts",
    "ssm-contacts:GetContact",
    "ssm-contacts:GetContactChannel",
    "ssm-contacts:ListContactChannels",
    "ssm-contacts:DescribeEngagement",
    "ssm-contacts:ListEngagements",
    "ssm-contacts:StartEngagement",
    "ssm-contacts:StopEngagement",
    "ssm-contacts:AcceptPage",
    "ssm-contacts:SendActivationCode",
    "ssm-contacts:ActivateContactChannel",
];

/// The part of AWS's managed policy `AmazonSSMManagedInstanceCore` that is about ssm.
const NODES: &[&str] = &[
    "ssm:DescribeAssociation",
    "ssm:DescribeDocument",
    "ssm:GetDeployablePatchSnapshotForInstance",
    "ssm:GetDocument",
    "ssm:GetManifest",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:ListAssociations",
    "ssm:ListInstanceAssociations",
    "ssm:PutComplianceItems",
    "ssm:PutConfigurePackageResult",
    "ssm:PutInventory",
    "ssm:UpdateAssociationStatus",
    "ssm:UpdateInstanceAssociationStatus",
    "ssm:UpdateInstanceInformation",
];

/// How hybrid nodes, and instances under Default Host Management, get their identity.
const REGISTRATION: &[&str] = &[
    "ssm:RegisterManagedInstance",
    "ssm:RequestManagedInstanceRoleToken",
    "ssm:UpdateManagedInstancePublicKey",
];

const CHANNELS: &[&str] = &[
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

const MESSAGES: &[&str] = &[
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
];

/// What documents such as the one for VSS snapshots look at.
const DESCRIBE: &[&str] = &[
    "ec2:DescribeImages",
    "ec2:DescribeInstanceAttribute",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstances",
    "ec2:DescribeSnapshots",
    "ec2:DescribeTags",
    "ec2:DescribeVolumes",
];

/// Encryption of sessions and of parameters.
const KEYS: &[&str] = &["kms:Decrypt", "kms:GenerateDataKey"];

/// Logs of sessions, of commands and of the agent.
const LOGS: &[&str] = &[
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
];

fn callers(name: PresetName, place: Place<'_>, principals: &[String]) -> Result<Callers, Invalid> {
    if principals.is_empty() {
        return if needs_principals(name) {
            Err(invalid(
                "principals",
                format!(
                    "is missing: {name:?} is for those who are named, as ARNs of roles and users"
                ),
            ))
        } else {
            Ok(Callers::Account(place.account_id.to_owned()))
        };
    }
    if let Some(odd) = principals.iter().find(|p| !is_principal(p)) {
        return Err(invalid(
            "principals",
            format!(
                "has \"{odd}\": a principal is the ARN of a role or user without patterns, such as arn:{}:iam::{}:role/responders, or the id of an account",
                arn::partition(place.region),
                place.account_id
            ),
        ));
    }
    Ok(Callers::Named(principals.iter().cloned().collect()))
}

fn is_principal(text: &str) -> bool {
    if is_account_id(text) || account_of_root(text).is_some() {
        return true;
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else {
        return false;
    };
    let named = ["role/", "user/"]
        .iter()
        .find_map(|kind| resource.strip_prefix(kind));
    !partition.is_empty()
        && is_account_id(account)
        && named.is_some_and(|name| !name.is_empty() && !name.contains(['*', '?', '$', ' ']))
}

impl Callers {
    fn may(&self, sid: &str, actions: &[&str], resource: &str) -> Value {
        let mut statement = json!({
            "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource,
        });
        match self {
            Self::Named(named) => statement["Principal"] = json!({"AWS": named}),
            Self::Account(account) => {
                statement["Principal"] = json!("*");
                narrow(
                    &mut statement,
                    "StringEquals",
                    "aws:PrincipalAccount",
                    &json!(account),
                );
            }
        }
        statement
    }
}

fn narrow(statement: &mut Value, operator: &str, key: &str, values: &Value) {
    statement["Condition"][operator][key] = values.clone();
}

fn patch_buckets(place: Place<'_>, callers: &Callers) -> Result<Vec<Value>, Invalid> {
    let region = place.region;
    let Some(systems_manager) = buckets::systems_manager(region) else {
        return Err(invalid(
            "",
            format!(
                "S3PatchBuckets does not know the names of the buckets in {region}: write them into spec.policy, from AWS's page \"Amazon S3 buckets for patching operations\""
            ),
        ));
    };
    let objects = |buckets: Vec<String>| -> Vec<String> {
        let partition = arn::partition(region);
        buckets
            .iter()
            .map(|bucket| format!("arn:{partition}:s3:::{bucket}/*"))
            .collect()
    };
    let read = |sid: String, buckets: Vec<String>| json!({"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": objects(buckets)});
    let groups = [
        ("SystemsManagerBuckets", systems_manager),
        ("AmazonLinuxRepositories", buckets::amazon_linux(region)),
    ];
    let mut statements = vec![];
    for (sid, buckets) in groups {
        let Callers::Named(named) = callers else {
            statements.push(read(sid.to_owned(), buckets));
            continue;
        };
        let account =
            |id: &String| account_of_root(id).or_else(|| is_account_id(id).then(|| id.clone()));
        let accounts: Vec<String> = named.iter().filter_map(account).collect();
        let people: Vec<&String> = named.iter().filter(|id| account(id).is_none()).collect();
        if !people.is_empty() {
            let mut statement = read(format!("{sid}Principals"), buckets.clone());
            narrow(
                &mut statement,
                "ArnEqualsIfExists",
                "aws:PrincipalArn",
                &json!(people),
            );
            statements.push(statement);
        }
        if !accounts.is_empty() {
            let mut statement = read(format!("{sid}Accounts"), buckets);
            narrow(
                &mut statement,
                "StringEqualsIfExists",
                "aws:PrincipalAccount",
                &json!(accounts),
            );
            statements.push(statement);
        }
    }
    Ok(statements)
}
