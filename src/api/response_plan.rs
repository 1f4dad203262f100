//! `ResponsePlan`: what happens when something breaks: who is engaged, what the incident is called, where people talk, which runbook runs.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonSpec, CommonStatus};
use super::reference::ObjectReference;

/// What happens when something breaks: who is engaged, what the incident is called, where people talk, which runbook runs.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "ResponsePlan",
    namespaced,
    status = "ResponsePlanStatus",
    derive = "PartialEq",
    shortname = "imrp",
    category = "incident-manager",
    doc = "What happens when something breaks: who is engaged, what the incident is called, where people talk, which runbook runs. An AWS Systems Manager Incident Manager response plan.",
    printcolumn(name = "Name-In-AWS", type_ = "string", json_path = ".status.summary.name"),
    printcolumn(name = "Title", type_ = "string", json_path = ".status.summary.title"),
    printcolumn(name = "Impact", type_ = "string", json_path = ".status.summary.impact"),
    printcolumn(name = "Engages", type_ = "string", json_path = ".status.summary.engages"),
    printcolumn(name = "Open", type_ = "string", json_path = ".status.summary.openIncidents"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "ARN", type_ = "string", json_path = ".status.arn", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("has(self.spec.name) || (self.metadata.name.matches('^[a-z0-9-]*$') && size(self.metadata.name) <= 200)")
        .message("metadata.name has a dot or more than 200 characters, which the name of a response plan cannot have: set spec.name"),
    validation = Rule::new(
        "(!has(oldSelf.spec.name) && !(has(oldSelf.status) && (has(oldSelf.status.arn) || has(oldSelf.status.origin)))) || (has(self.spec.name) ? self.spec.name : self.metadata.name) == (has(oldSelf.spec.name) ? oldSelf.spec.name : oldSelf.metadata.name)"
    ).message("spec.name cannot be changed: AWS has no way to rename a response plan. Make a new ResponsePlan and move alarms and rules to it")
)]
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.name) || (size(self.name) >= 1 && size(self.name) <= 200 && self.name.matches('^[a-zA-Z0-9_-]*$'))")
        .message("name has 1 to 200 letters, digits, '_' and '-'"),
    validation = Rule::new("!has(self.displayName) || size(self.displayName) <= 200")
        .message("displayName has at most 200 characters"),
    validation = Rule::new("!has(self.engagements) || size(self.engagements) <= 5")
        .message("a response plan engages at most 5 (CHK-35): engage an escalation plan that engages the others")
)]
pub struct ResponsePlanSpec {
    /// Name in AWS, unique in the account among response plans; part of the ARN that alarms and rules name. Absent = metadata.name. Fixed
    /// once set or created. 1 to 200 letters, digits, `_` and `-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub name: Option<String>,
    /// Name for people, as shown in the console. Absent = none; taken out, it is cleared in AWS. At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub display_name: Option<String>,
    /// What every incident of this plan begins with.
    pub incident_template: IncidentTemplate,
    /// Who is engaged when an incident begins, all at once; an escalation plan is best, since it has a next stage when nobody answers.
    /// Absent or empty = nobody. At most 5; their order means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    pub engagements: Option<Vec<Engagement>>,
    /// Where people talk about the incident. Absent = nowhere; taken out, it is cleared in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_channel: Option<ChatChannel>,
    /// The runbook that starts with the incident, not on incidents that come about by fail-over to another Region. Absent = none; taken out,
    /// it is cleared in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation: Option<Automation>,
    /// A PagerDuty service in which an incident is opened, too. Absent = none; taken out, it is cleared in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pager_duty: Option<PagerDuty>,
    /// Shows incidents of this plan that were opened elsewhere, by alarms, rules or people, as Incident objects in this namespace.
    /// Absent = they are not shown. `{}` = they are, within the bounds that hold by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror_incidents: Option<MirrorIncidents>,
    /// Fields that every kind has.
    #[serde(flatten)]
    pub common: CommonSpec,
}

/// What every incident of a plan begins with.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("size(self.title) >= 1 && size(self.title) <= 200")
        .message("title has 1 to 200 characters"),
    validation = Rule::new("!has(self.summary) || size(self.summary) <= 8000")
        .message("summary has at most 8000 characters"),
    validation = Rule::new("!has(self.dedupeString) || size(self.dedupeString) <= 1000")
        .message("dedupeString has at most 1000 characters"),
    validation = Rule::new("!has(self.notificationTargets) || size(self.notificationTargets) <= 10")
        .message("at most 10 notificationTargets (CHK-35)")
)]
pub struct IncidentTemplate {
    /// Title of the incident; AWS appends what alarm or event has opened it. 1 to 200 characters.
    #[schemars(length(max = 400))]
    pub title: String,
    /// How bad an incident of this plan is. It can be set otherwise for a single incident.
    pub impact: Impact,
    /// What is known beforehand, Markdown. Absent = nothing; taken out, it is cleared in AWS. At most 8000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 9000))]
    pub summary: Option<String>,
    /// While an incident of the account with the same text is open, no other is opened. Incidents of one alarm or event are folded anyway.
    /// Absent = none; taken out, it is cleared in AWS. At most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1200))]
    pub dedupe_string: Option<String>,
    /// SNS topics that are told whenever an incident changes. Absent or empty = none. At most 10; their order means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["snsTopicArn"]))]
    pub notification_targets: Option<Vec<NotificationTarget>>,
    /// Tags for every incident record of this plan. Absent or empty = none. At most 50. Keys: 1 to 128 letters, digits, spaces and
    /// `_=@:.+,-/`; values: up to 256 of the same characters, also none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident_tags: Option<IncidentTags>,
}

/// How bad an incident is.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum Impact {
    /// 1: the whole application fails, for most customers.
    Critical,
    /// 2: the whole application fails, for some customers.
    High,
    /// 3: part of the application fails, and customers notice.
    Medium,
    /// 4: it fails now and then, with limited effect on customers.
    Low,
    /// 5: customers are not affected now, and something must be done soon to keep it so.
    NoImpact,
}

impl Impact {
    /// Every one, the worst first.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::NoImpact,
    ];

    /// AWS's number.
    pub fn number(self) -> i32 {
        match self {
            Self::Critical => 1,
            Self::High => 2,
            Self::Medium => 3,
            Self::Low => 4,
            Self::NoImpact => 5,
        }
    }

    /// From AWS's number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|i| i.number() == number)
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "Critical",
            Self::High => "High",
            Self::Medium => "Medium",
            Self::Low => "Low",
            Self::NoImpact => "NoImpact",
        }
    }
}

/// A topic that is told whenever an incident changes.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.snsTopicArn.matches('^arn:(aws|aws-cn|aws-us-gov):sns:[a-z0-9-]+:[0-9]{12}:[a-zA-Z0-9_.-]+$')")
        .message("snsTopicArn is the ARN of an SNS topic: arn:<partition>:sns:<region>:<account>:<name>")
)]
pub struct NotificationTarget {
    /// ARN of the SNS topic, in this account and in a Region of its replication set.
    #[schemars(length(max = 1000))]
    pub sns_topic_arn: String,
}

/// Tags for incident records, by key.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(transparent)]
pub struct IncidentTags(pub BTreeMap<String, String>);

impl JsonSchema for IncidentTags {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IncidentTags".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // A little looser than the rules, so that the rule's message is what the user reads.
        schemars::json_schema!({
            "type": "object",
            "maxProperties": 60,
            "additionalProperties": {"type": "string", "maxLength": 300},
            "x-kubernetes-validations": [
                {"rule": "size(self) <= 50", "message": "at most 50 incidentTags (CHK-51)"},
                {"rule": "self.all(k, size(k) >= 1 && size(k) <= 128 && k.matches('^[A-Za-z0-9 _=@:.+,/-]*$'))",
                 "message": "keys of incidentTags have 1 to 128 letters, digits, spaces and the characters _ = @ : . + , - / (CHK-51)"},
                {"rule": "self.all(k, !k.lowerAscii().startsWith('aws:') && !k.lowerAscii().startsWith('incident-operator/'))",
                 "message": "keys of incidentTags must not start with 'aws:' or 'incident-operator/': these are reserved (CHK-51)"},
                {"rule": "self.all(k, size(self[k]) <= 256 && self[k].matches('^[A-Za-z0-9 _=@:.+,/-]*$'))",
                 "message": "values of incidentTags have at most 256 letters, digits, spaces and the characters _ = @ : . + , - / (CHK-51)"},
            ],
        })
    }
}

/// Who is engaged when an incident begins.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(has(self.escalationPlanRef) ? 1 : 0) + (has(self.onCallScheduleRef) ? 1 : 0) + (has(self.contactRef) ? 1 : 0) + (has(self.arn) ? 1 : 0) == 1")
        .message("give exactly one of escalationPlanRef, onCallScheduleRef, contactRef and arn"),
    validation = Rule::new("!has(self.arn) || self.arn.matches('^arn:(aws|aws-cn|aws-us-gov):ssm-contacts:[a-z0-9-]+:[0-9]{12}:contact/[a-z0-9_-]+$')")
        .message("arn is that of a contact, on-call schedule or escalation plan: arn:<partition>:ssm-contacts:<region>:<account>:contact/<alias>")
)]
pub struct Engagement {
    /// An escalation plan: its stages are gone through until somebody answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation_plan_ref: Option<ObjectReference>,
    /// Whoever is on call by this schedule when the incident begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_call_schedule_ref: Option<ObjectReference>,
    /// A person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_ref: Option<ObjectReference>,
    /// ARN of a contact, schedule or escalation plan that this cluster does not manage; the ProviderConfig must allow it
    /// (`unmanagedReferences: Allow`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub arn: Option<String>,
}

/// Where people talk about an incident: a chat channel that AWS Chatbot has been set up for.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("size(self.chatbotSns) >= 1 && size(self.chatbotSns) <= 5")
        .message("chatbotSns has 1 to 5 topics (CHK-35); for no chat channel, take chatChannel out"),
    validation = Rule::new("self.chatbotSns.all(t, t.matches('^arn:(aws|aws-cn|aws-us-gov):sns:[a-z0-9-]+:[0-9]{12}:[a-zA-Z0-9_.-]+$'))")
        .message("chatbotSns has ARNs of SNS topics: arn:<partition>:sns:<region>:<account>:<name>")
)]
pub struct ChatChannel {
    /// ARNs of the SNS topics that AWS Chatbot listens to: 1 to 5, in this account, best one in each Region of the replication set. AWS
    /// publishes a test message to them when they are set: their policies must let `ssm-incidents.amazonaws.com` publish.
    #[schemars(length(max = 10), inner(length(max = 1000)), extend("x-kubernetes-list-type" = "set"))]
    pub chatbot_sns: Vec<String>,
}

/// A Systems Manager Automation document that starts with the incident.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("size(self.documentName) >= 3 && size(self.documentName) <= 128 && self.documentName.matches('^[a-zA-Z0-9_.:/-]*$')")
        .message("documentName has 3 to 128 letters, digits and the characters _ - . : /"),
    validation = Rule::new("!has(self.documentVersion) || (size(self.documentVersion) >= 1 && size(self.documentVersion) <= 128)")
        .message("documentVersion has 1 to 128 characters; for the document's default version, take it out"),
    validation = Rule::new("self.roleArn.matches('^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/.+$')")
        .message("roleArn is the ARN of an IAM role: arn:<partition>:iam::<account>:role/<name>")
)]
pub struct Automation {
    /// Name of the document, or its ARN when it is shared by another account. 3 to 128 letters, digits and `_ - . : /`.
    #[schemars(length(max = 200))]
    pub document_name: String,
    /// Version of the document. Absent or `$DEFAULT` = its default version when the incident begins. At most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub document_version: Option<String>,
    /// ARN of the role that Incident Manager assumes to start the document. `spec.passRoleArns` of the ProviderConfig must list it;
    /// one that AWS has in this plan already stays as long as nothing of the runbook changes.
    #[schemars(length(max = 1000))]
    pub role_arn: String,
    /// In which account the document runs. Absent = `ResponsePlanOwnerAccount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_account: Option<TargetAccount>,
    /// Parameters of the document with their values, at most 200. The order of values is kept, and so are values that come twice. Values are
    /// stored in the clear: no secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub parameters: Option<Vec<AutomationParameter>>,
    /// Parameters of the document that take something of the incident, at most 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub dynamic_parameters: Option<Vec<DynamicParameter>>,
}

/// Account in which a document runs.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum TargetAccount {
    /// The account of the response plan.
    #[default]
    ResponsePlanOwnerAccount,
    /// The account in which the incident was started or reported.
    ImpactedAccount,
}

/// A parameter of a document.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutomationParameter {
    /// Name, as the document has it. 1 to 50 characters.
    #[schemars(length(min = 1, max = 50))]
    pub name: String,
    /// Values; a parameter of type String takes one. At most 100 with 512 characters each.
    #[schemars(length(max = 100), inner(length(max = 512)), extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Vec<String>,
}

/// A parameter of a document that takes something of the incident.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DynamicParameter {
    /// Name, as the document has it. 1 to 50 characters.
    #[schemars(length(min = 1, max = 50))]
    pub name: String,
    /// What it takes.
    pub variable: DynamicVariable,
}

/// What of an incident a parameter takes.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum DynamicVariable {
    /// ARN of the incident record, for a parameter of type String.
    IncidentRecordArn,
    /// ARNs of the resources that the incident is about, for a parameter of type StringList.
    InvolvedResources,
}

/// A PagerDuty service in which an incident is opened, too.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("size(self.name) >= 1 && size(self.name) <= 200")
        .message("pagerDuty.name has 1 to 200 characters"),
    validation = Rule::new("size(self.serviceId) >= 1 && size(self.serviceId) <= 200")
        .message("pagerDuty.serviceId has 1 to 200 characters"),
    validation = Rule::new("size(self.secretId) >= 1 && size(self.secretId) <= 512 && self.secretId.matches('^[a-zA-Z0-9/_+=.@:-]*$')")
        .message("pagerDuty.secretId is the name or ARN of a secret in Secrets Manager: 1 to 512 characters, no spaces")
)]
pub struct PagerDuty {
    /// Name of this integration. 1 to 200 characters.
    #[schemars(length(max = 400))]
    pub name: String,
    /// Id of the PagerDuty service. 1 to 200 characters.
    #[schemars(length(max = 400))]
    pub service_id: String,
    /// Name or ARN of the secret in AWS Secrets Manager that holds the credentials for PagerDuty; not a Secret of Kubernetes. It has to be in
    /// this Region and encrypted with a customer managed key. 1 to 512 characters.
    #[schemars(length(max = 600))]
    pub secret_id: String,
}

/// Bounds for incidents that are shown.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.maxAgeHours) || (self.maxAgeHours >= 1 && self.maxAgeHours <= 2160)")
        .message("maxAgeHours is 1 to 2160 (90 days)"),
    validation = Rule::new("!has(self.maxCount) || (self.maxCount >= 1 && self.maxCount <= 200)")
        .message("maxCount is 1 to 200")
)]
pub struct MirrorIncidents {
    /// So many hours after it began, an incident that is not open is no longer shown. Absent = 168, a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_hours: Option<i32>,
    /// At most so many incidents of this plan are shown: open ones first, then the newest. Absent = 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_count: Option<i32>,
}

impl MirrorIncidents {
    /// Hours, with the default.
    pub fn hours(&self) -> i32 {
        self.max_age_hours.unwrap_or(168)
    }

    /// Count, with the default.
    pub fn count(&self) -> i32 {
        self.max_count.unwrap_or(20)
    }
}

/// What is known of a response plan.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct ResponsePlanStatus {
    /// Status fields that every kind has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The ARN that CloudWatch alarms take as an action and EventBridge rules as a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_action_arn: Option<String>,
    /// Incidents of this plan that were open when AWS was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_incidents: Option<i64>,
    /// ARNs of those whom the plan engages in AWS and who are not there: deleted by hand, they are engaged no more and AWS does not say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub dangling_engagements: Vec<String>,
    /// What the printer columns show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ResponsePlanSummary>,
}

/// What the printer columns show.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResponsePlanSummary {
    /// Name in AWS.
    pub name: String,
    /// Title of its incidents.
    pub title: String,
    /// Impact of its incidents.
    pub impact: String,
    /// Who is engaged.
    pub engages: String,
    /// Number of open incidents, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_incidents: Option<String>,
}
