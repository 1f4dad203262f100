//! Response plans and incidents of an account. They are in every Region of the replication set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Millis;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// What an account has beside its replication set.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentManager {
    /// By name.
    pub plans: BTreeMap<String, ResponsePlan>,
    /// By plan and id, the last parts of their ARNs.
    pub records: BTreeMap<String, Record>,
}

/// A response plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponsePlan {
    /// Its ARN.
    pub arn: String,
    /// Its name, the last part of its ARN.
    pub name: String,
    /// As sent.
    pub display_name: Option<String>,
    /// What incidents begin with.
    pub template: Template,
    /// As sent: at most one.
    pub actions: Vec<Value>,
    /// A set of ARNs.
    pub engagements: Vec<String>,
    /// As sent: at most one.
    pub integrations: Vec<Value>,
    /// SNS topics; none is no chat channel.
    pub chat: Vec<String>,
    /// Its tags.
    pub tags: Tags,
    /// Its resource policies.
    pub policies: Vec<ResourcePolicy>,
    /// When it was made.
    pub created: Millis,
}

/// What an incident begins with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// As sent.
    pub title: String,
    /// From 1 to 5.
    pub impact: i64,
    /// As sent.
    pub summary: Option<String>,
    /// As sent.
    pub dedupe_string: Option<String>,
    /// A set of SNS topics.
    pub notification_targets: Option<Vec<String>>,
    /// Tags of incidents.
    pub incident_tags: Tags,
}

/// A resource policy of a response plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourcePolicy {
    /// Its id.
    pub id: String,
    /// As sent.
    pub document: String,
    /// Where it was put.
    pub region: String,
}

/// An incident.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its ARN.
    pub arn: String,
    /// The name of its response plan, which may have gone since.
    pub plan: String,
    /// As sent.
    pub title: String,
    /// As sent.
    pub summary: Option<String>,
    /// From 1 to 5.
    pub impact: i64,
    /// What absorbs starts while it is open.
    pub dedupe_string: String,
    /// SNS topics; none is no chat channel.
    pub chat: Vec<String>,
    /// A set of SNS topics.
    pub notification_targets: Vec<String>,
    /// Who opened it.
    pub source: RecordSource,
    /// When it was opened.
    pub created: Millis,
    /// When it was changed last.
    pub modified: Millis,
    /// By whom.
    pub modified_by: String,
    /// When it was resolved; none while it is open.
    pub resolved: Option<Millis>,
    /// ARNs of runs of its runbook.
    pub automation_executions: Vec<String>,
    /// Its tags.
    pub tags: Tags,
    /// In the order they were added.
    pub related: Vec<RelatedItem>,
    /// What happened; pages and acknowledgements are in the engagements.
    pub events: Vec<TimelineEvent>,
    /// Changes that may be its cause.
    pub findings: Vec<Finding>,
}

/// Who opened an incident.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordSource {
    /// ARN of a principal.
    pub created_by: String,
    /// The service behind it, or again the principal.
    pub invoked_by: String,
    /// For example the alarm.
    pub resource_arn: Option<String>,
    /// For example `aws.ssm-incidents.custom`.
    pub source: String,
}

/// A related item of an incident.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelatedItem {
    /// Its id.
    pub generated_id: String,
    /// Type and value, as sent.
    pub identifier: Value,
    /// As sent.
    pub title: Option<String>,
    /// When it was added.
    pub added: Millis,
}

/// An event in the timeline of an incident.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEvent {
    /// Its id.
    pub id: String,
    /// When it happened.
    pub time: Millis,
    /// When it was noted or changed.
    pub updated: Millis,
    /// Its type.
    pub kind: String,
    /// JSON text.
    pub data: String,
    /// As sent.
    pub references: Option<Vec<Value>>,
    /// Whether the service made it; such events stay as they are.
    pub system: bool,
    /// When it was made.
    pub created: Millis,
}

/// A change that may be the cause of an incident.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its id.
    pub id: String,
    /// When it was found.
    pub created: Millis,
    /// When more was found out.
    pub modified: Millis,
    /// As seeded.
    pub details: Value,
}

/// What around an account Incident Manager cannot use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Unusable {
    /// SNS topics it may not publish to.
    pub topics: Vec<String>,
    /// Secrets it cannot read, or that hold something else than PagerDuty credentials.
    pub secrets: Vec<String>,
    /// Automation documents it cannot start.
    pub documents: Vec<String>,
    /// KMS keys that are disabled, or deleted.
    pub keys: Vec<String>,
}

impl Unusable {
    /// Names that hold this cannot be used, without being listed.
    pub const MARKER: &'static str = "unusable";

    fn has(listed: &[String], name: &str) -> bool {
        name.contains(Self::MARKER) || listed.iter().any(|known| known == name)
    }

    /// Whether it may not publish to a topic.
    pub fn has_topic(&self, arn: &str) -> bool {
        Self::has(&self.topics, arn)
    }

    /// Whether a secret is of no use.
    pub fn has_secret(&self, id: &str) -> bool {
        Self::has(&self.secrets, id)
    }

    /// Whether a key is of no use.
    pub fn has_key(&self, key: &str) -> bool {
        Self::has(&self.keys, key)
    }

    /// Whether a document cannot be started.
    pub fn has_document(&self, name: &str) -> bool {
        Self::has(&self.documents, name)
    }
}
