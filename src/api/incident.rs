//! `Incident`: one incident, started at most once, or one that exists, shown.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{AcceptedFinding, CommonStatus, ManagementPolicy, Tags};
use super::reference::{ProviderConfigReference, ResponsePlanReference};
use super::response_plan::Impact;

/// One incident of AWS Systems Manager Incident Manager. With responsePlanRef it is started, at most once, and whom the plan names is paged.
/// With incidentArn it shows an incident that exists, and never starts one.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "Incident",
    namespaced,
    status = "IncidentStatus",
    derive = "PartialEq",
    shortname = "imi",
    category = "incident-manager",
    doc = "One incident of AWS Systems Manager Incident Manager. With responsePlanRef it is started, at most once, and whom the plan names is paged. With incidentArn it shows an incident that exists, and never starts one.",
    printcolumn(name = "Title", type_ = "string", json_path = ".status.summary.title"),
    printcolumn(
        name = "Impact",
        type_ = "string",
        json_path = ".status.summary.impact"
    ),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(
        name = "Acknowledged-By",
        type_ = "string",
        json_path = ".status.summary.acknowledgedBy"
    ),
    printcolumn(
        name = "Started",
        type_ = "string",
        json_path = ".status.summary.started"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(
        name = "ARN",
        type_ = "string",
        json_path = ".status.arn",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.responsePlanRef) != has(self.incidentArn)")
        .message("give either responsePlanRef (an incident is started, once) or incidentArn (one that exists is shown)"),
    validation = Rule::new("!has(self.responsePlanRef) || has(self.startDeadline)")
        .message("responsePlanRef needs a startDeadline: after it nothing is started, so that nobody is paged for an old manifest"),
    validation = Rule::new("!has(self.startDeadline) || !has(self.incidentArn)")
        .message("startDeadline goes with responsePlanRef: with incidentArn nothing is ever started"),
    validation = Rule::new("has(self.responsePlanRef) == has(oldSelf.responsePlanRef) && (!has(self.responsePlanRef) || self.responsePlanRef == oldSelf.responsePlanRef) && has(self.startDeadline) == has(oldSelf.startDeadline) && (!has(self.startDeadline) || self.startDeadline == oldSelf.startDeadline) && has(self.incidentArn) == has(oldSelf.incidentArn) && (!has(self.incidentArn) || self.incidentArn == oldSelf.incidentArn)")
        .message("responsePlanRef, startDeadline and incidentArn cannot be changed: an Incident is one incident. Make a new one"),
    validation = Rule::new("!has(oldSelf.resolve) || !oldSelf.resolve || (has(self.resolve) && self.resolve)")
        .message("resolve cannot be taken back: an incident is resolved once. Start a new one"),
    validation = Rule::new("!has(self.incidentArn) || !has(self.onDelete) || self.onDelete == 'Retain'")
        .message("onDelete: Resolve is for incidents that are started here; with incidentArn, set resolve: true"),
    validation = Rule::new("!has(self.incidentArn) || !has(self.tags)")
        .message("tags are for incidents that are started here, not for those shown by incidentArn"),
    validation = Rule::new("!has(self.incidentArn) || self.incidentArn.matches('^arn:(aws|aws-cn|aws-us-gov):ssm-incidents::[0-9]{12}:incident-record/[a-zA-Z0-9_-]{1,200}/[a-zA-Z0-9-]{1,64}$')")
        .message("incidentArn is that of an incident record: arn:<partition>:ssm-incidents::<account>:incident-record/<response plan>/<id>"),
    validation = Rule::new("!has(self.title) || (size(self.title) >= 1 && size(self.title) <= 200)")
        .message("title has 1 to 200 characters"),
    validation = Rule::new("!has(self.relatedItems) || size(self.relatedItems) <= 45")
        .message("at most 45 related items: AWS keeps 50 for an incident, and adds some itself")
)]
pub struct IncidentSpec {
    /// The response plan to start the incident from. Starting pages whom the plan names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_plan_ref: Option<ResponsePlanReference>,
    /// Nothing is started after this time (RFC 3339, in quotes): the phase is then Expired. At most 24 hours after the object was made.
    /// Required with responsePlanRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline: Option<Time>,
    /// ARN of an incident that exists: it is shown here, and nothing is ever started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub incident_arn: Option<String>,
    /// Title of the incident, 1 to 200 characters. Absent = the plan's. An edit is sent to AWS; what somebody else writes there afterwards
    /// stays until this is edited again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 250))]
    pub title: Option<String>,
    /// How bad it is. Absent = as the plan says. Edits are sent as those of the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// What helps those who respond, such as a dashboard. Items that were added from here are removed when they are taken out of the list;
    /// others are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["title"]))]
    pub related_items: Option<Vec<RelatedItem>>,
    /// True = the incident is resolved, once. It cannot be taken back. Absent = false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve: Option<bool>,
    /// What happens to the incident when this object is deleted. Absent = `Retain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<OnDelete>,
    /// The ProviderConfig that says which account and Region this lives in. Absent = the one named `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_config_ref: Option<ProviderConfigReference>,
    /// Absent = `Manage`. `Observe` starts nothing and changes nothing in AWS; it shows an incident that was started for this object before,
    /// or the one of incidentArn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// True = nothing happens until it is unset, deletion included. Past the deadline nothing is started then either. Absent = false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// AWS tags of the incident, merged over the ProviderConfig's `defaultTags` and the plan's `incidentTags`. Tags that others set are left
    /// alone. Only with responsePlanRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Findings that are known and accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub accepted_findings: Option<Vec<AcceptedFinding>>,
}

/// What happens to the incident when its object is deleted.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum OnDelete {
    /// It goes on.
    #[default]
    Retain,
    /// It is resolved if it is open and was started by this object.
    Resolve,
}

/// Something that helps those who respond.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(has(self.url) ? 1 : 0) + (has(self.arn) ? 1 : 0) + (has(self.metricDefinition) ? 1 : 0) == 1")
        .message("give exactly one of url, arn and metricDefinition"),
    validation = Rule::new("size(self.title) >= 1 && size(self.title) <= 200")
        .message("the title of a related item has 1 to 200 characters"),
    validation = Rule::new("!has(self.url) || (size(self.url) <= 1000 && self.url.matches('^[a-z][a-z0-9+.-]*:'))")
        .message("url has at most 1000 characters and begins with a scheme, such as https:"),
    validation = Rule::new("!has(self.arn) || self.arn.matches('^arn:aws(-cn|-us-gov)?:[a-z0-9-]*:[a-z0-9-]*:([0-9]{12})?:.+$')")
        .message("arn is an ARN: arn:<partition>:<service>:<region>:<account>:<resource>"),
    validation = Rule::new("!has(self.metricDefinition) || (size(self.metricDefinition) >= 1 && size(self.metricDefinition) <= 4000)")
        .message("metricDefinition has 1 to 4000 characters: the source of a CloudWatch graph, as JSON")
)]
pub struct RelatedItem {
    /// Title, unique in the list. 1 to 200 characters.
    #[schemars(length(max = 250))]
    pub title: String,
    /// What it is. Absent = `Metric` with metricDefinition, else `Other`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<RelatedItemType>,
    /// An address on the web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1100))]
    pub url: Option<String>,
    /// An AWS resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000))]
    pub arn: Option<String>,
    /// The source of a CloudWatch graph, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4100))]
    pub metric_definition: Option<String>,
}

/// What a related item is, in AWS's words.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum RelatedItemType {
    /// A post-incident analysis.
    Analysis,
    /// A file.
    Attachment,
    /// A runbook that runs.
    Automation,
    /// Another incident.
    Incident,
    /// A resource that is part of the trouble.
    InvolvedResource,
    /// A metric.
    Metric,
    /// Anything else.
    Other,
    /// Something to do.
    Task,
}

/// What is known of an incident.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct IncidentStatus {
    /// Status fields that every kind has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<IncidentPhase>,
    /// What the printer columns show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<IncidentSummary>,
    /// Where it is in the AWS console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console_url: Option<String>,
    /// Title in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Impact in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// What opened it, in AWS's words: `aws.cloudwatch` for an alarm, for example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it was resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_time: Option<Time>,
    /// It was resolved and is open again: somebody has reopened it in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened: Option<bool>,
    /// Who was engaged, and who of them has acknowledged. The newest ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub engagements: Vec<EngagementStatus>,
    /// The five newest events of the timeline, the newest first. What they say is in AWS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub recent_events: Vec<TimelineEvent>,
    /// Deployments and stack updates that AWS found to be around the beginning of the incident. At most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub incident_findings: Vec<IncidentFinding>,
    /// ARNs of the runbooks that were run. At most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub automation_executions: Vec<String>,
    /// How many related items it has in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related_items: Option<i64>,
    /// When the operator recorded that it would start it; written before the call. Nothing is ever started again once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_recorded_at: Option<Time>,
    /// UID of the object that this status was written for: a copy or a restored object has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_uid: Option<String>,
    /// A backup or a copy has brought this object here: nothing is ever started for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought_along: Option<bool>,
    /// What was sent to AWS from the spec, so that only changes of the spec are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<SentFields>,
    /// When the operator first saw it resolved, or gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// Where an incident stands.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum IncidentPhase {
    /// Nothing was started yet, or the incident was not found yet; the conditions say what is missing.
    Pending,
    /// It is about to be started: the intention is recorded.
    Starting,
    /// It is open.
    Open,
    /// It is resolved.
    Resolved,
    /// The deadline has passed: nothing was started, and nothing will be.
    Expired,
    /// Nothing was started, on purpose; the conditions say why.
    Refused,
    /// It is not known whether it was started, and it is not started again.
    StartUnknown,
    /// AWS has it no more.
    Gone,
}

impl fmt::Display for IncidentPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl IncidentPhase {
    /// Nothing was started and nothing will be, or AWS has it no more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Expired | Self::Refused | Self::Gone)
    }
}

/// What the printer columns show.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncidentSummary {
    /// Title in AWS.
    pub title: String,
    /// Impact in AWS.
    pub impact: String,
    /// Who has acknowledged, by name. Absent = nobody.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub acknowledged_by: String,
    /// When it began.
    pub started: String,
}

/// An engagement of a person, a schedule or an escalation plan.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngagementStatus {
    /// ARN of the engagement.
    pub arn: String,
    /// Who or what was engaged: the name of the object that manages it, else its alias in AWS.
    pub contact: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_time: Option<Time>,
    /// The pages that it sent. The newest twenty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub pages: Vec<PageStatus>,
}

/// A page to a person.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageStatus {
    /// Who was paged: the name of the object that manages them, else their alias in AWS.
    pub contact: String,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Time>,
    /// When it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Time>,
    /// When it was acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Time>,
}

/// An event of the timeline.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEvent {
    /// When it happened.
    pub time: Time,
    /// What happened, in AWS's words.
    #[serde(rename = "type")]
    pub type_: String,
}

/// A deployment or stack update around the beginning of an incident.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncidentFinding {
    /// Id in AWS.
    pub id: String,
    /// `CloudFormationStackUpdate`, `CodeDeployDeployment` or `Unknown`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The stack or the deployment group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
}

/// What was sent to AWS from a spec.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentFields {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The impact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// It was resolved from here, or was resolved when `resolve` was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve: Option<bool>,
    /// Digest of the tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// Related items of the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub related_items: Vec<SentItem>,
}

/// A related item of the spec, without what it points to.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentItem {
    /// Its title.
    pub title: String,
    /// Digest of its type and of what it points to.
    pub digest: String,
    /// It was added from here, not found.
    pub added: bool,
}
