//! `TestPage`: proves that somebody can be paged.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{AcceptedFinding, CommonStatus, ManagementPolicy};
use super::incident::PageStatus;
use super::reference::{ObjectReference, ProviderConfigReference};

/// Pages a person, whoever is on call, or an escalation plan, once, to prove that they can be reached. No incident is opened. It never pages
/// twice: for another test, make another TestPage.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "TestPage",
    namespaced,
    status = "TestPageStatus",
    derive = "PartialEq",
    shortname = "imtp",
    category = "incident-manager",
    doc = "Pages a person, whoever is on call, or an escalation plan, once, to prove that they can be reached. No incident is opened.",
    printcolumn(
        name = "Target",
        type_ = "string",
        json_path = ".status.summary.target"
    ),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Paged", type_ = "string", json_path = ".status.summary.paged"),
    printcolumn(
        name = "Acknowledged-By",
        type_ = "string",
        json_path = ".status.summary.acknowledgedBy"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
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
    validation = Rule::new("(has(self.contactRef) ? 1 : 0) + (has(self.onCallScheduleRef) ? 1 : 0) + (has(self.escalationPlanRef) ? 1 : 0) == 1")
        .message("give exactly one of contactRef, onCallScheduleRef and escalationPlanRef"),
    validation = Rule::new("has(self.contactRef) == has(oldSelf.contactRef) && (!has(self.contactRef) || self.contactRef == oldSelf.contactRef) && has(self.onCallScheduleRef) == has(oldSelf.onCallScheduleRef) && (!has(self.onCallScheduleRef) || self.onCallScheduleRef == oldSelf.onCallScheduleRef) && has(self.escalationPlanRef) == has(oldSelf.escalationPlanRef) && (!has(self.escalationPlanRef) || self.escalationPlanRef == oldSelf.escalationPlanRef) && self.startDeadline == oldSelf.startDeadline && has(self.message) == has(oldSelf.message) && (!has(self.message) || self.message == oldSelf.message) && has(self.ttlSecondsAfterFinished) == has(oldSelf.ttlSecondsAfterFinished) && (!has(self.ttlSecondsAfterFinished) || self.ttlSecondsAfterFinished == oldSelf.ttlSecondsAfterFinished)")
        .message("a TestPage is one page and cannot be changed: make a new one"),
    validation = Rule::new("!has(self.ttlSecondsAfterFinished) || self.ttlSecondsAfterFinished >= 0")
        .message("ttlSecondsAfterFinished is 0 or more")
)]
pub struct TestPageSpec {
    /// A person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_ref: Option<ObjectReference>,
    /// Whoever is on call by this schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_call_schedule_ref: Option<ObjectReference>,
    /// An escalation plan: its stages are gone through until somebody acknowledges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation_plan_ref: Option<ObjectReference>,
    /// Nobody is paged after this time (RFC 3339, in quotes): the phase is then Expired. At most 24 hours after the object was made.
    pub start_deadline: Time,
    /// What the page says. Absent = that it is a test and is to be acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<TestMessage>,
    /// Seconds after which a finished test (Acknowledged, Unanswered, Refused, Expired, SendUnknown) is deleted. Absent = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds_after_finished: Option<i64>,
    /// The ProviderConfig that says which account and Region this lives in. Absent = the one named `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_config_ref: Option<ProviderConfigReference>,
    /// Absent = `Manage`. `Observe` pages nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// True = nothing happens until it is unset, deletion included. Past the deadline nobody is paged then either. Absent = false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Findings that are known and accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub accepted_findings: Option<Vec<AcceptedFinding>>,
}

/// What a test page says.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.subject) || (size(self.subject) >= 1 && size(self.subject) <= 100)")
        .message("subject has 1 to 100 characters"),
    validation = Rule::new("!has(self.content) || (size(self.content) >= 1 && size(self.content) <= 1000)")
        .message("content has 1 to 1000 characters")
)]
pub struct TestMessage {
    /// The subject; "TEST: " is put before it, always. Absent = "Can you be reached?".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 120))]
    pub subject: Option<String>,
    /// The text. Absent = that it is a test, that nothing has happened, and that it is to be acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1200))]
    pub content: Option<String>,
}

/// What is known of a test page.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct TestPageStatus {
    /// Status fields that every kind has. `arn` is that of the engagement.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// How far it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<TestPagePhase>,
    /// What the printer columns show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<TestPageSummary>,
    /// ARN of whom it engages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_arn: Option<String>,
    /// When the operator recorded that it would page; written before the call. Nobody is paged again once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_recorded_at: Option<Time>,
    /// Who was paged, and when they acknowledged. The newest twenty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub pages: Vec<PageStatus>,
    /// The engagement was stopped: nobody else is paged by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<bool>,
    /// UID of the object that this status was written for: a copy or a restored object has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_uid: Option<String>,
    /// A backup or a copy has brought this object here: nobody is ever paged for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought_along: Option<bool>,
    /// When a final phase was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// How far a test page has come.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum TestPagePhase {
    /// Nobody was paged yet; the conditions say what is missing.
    Pending,
    /// Somebody is about to be paged: the intention is recorded.
    Sending,
    /// The engagement runs; an acknowledgement is waited for.
    Sent,
    /// Somebody has acknowledged.
    Acknowledged,
    /// Nobody has acknowledged within 30 minutes.
    Unanswered,
    /// It is not known whether somebody was paged, and nobody is paged again.
    SendUnknown,
    /// Nobody was paged, on purpose; the conditions say why.
    Refused,
    /// The deadline has passed: nobody was paged, and nobody will be.
    Expired,
}

impl TestPagePhase {
    /// Nothing more happens by itself.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Acknowledged | Self::Unanswered | Self::Refused | Self::Expired
        )
    }
}

/// What the printer columns show.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestPageSummary {
    /// Who or what is engaged.
    pub target: String,
    /// Who was paged.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub paged: String,
    /// Who has acknowledged.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub acknowledged_by: String,
}

/// When somebody was last proven to be reachable by a page.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastProven {
    /// When they acknowledged.
    pub at: Time,
    /// The TestPage, as `namespace/name`.
    pub by: String,
}
