//! `EscalationPlan`: who is engaged, and who next when nobody answers.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonSpec, CommonStatus};
use super::contact::Review;
use super::reference::ObjectReference;

/// Who is engaged, and who next when nobody answers: an AWS Systems Manager Incident Manager contact of type ESCALATION.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "EscalationPlan",
    namespaced,
    status = "EscalationPlanStatus",
    derive = "PartialEq",
    shortname = "imep",
    category = "incident-manager",
    doc = "Who is engaged, and who next when nobody answers: an AWS Systems Manager Incident Manager contact of type ESCALATION.",
    printcolumn(name = "Alias", type_ = "string", json_path = ".status.summary.alias"),
    printcolumn(name = "Stages", type_ = "string", json_path = ".status.summary.stages"),
    printcolumn(name = "First", type_ = "string", json_path = ".status.summary.first"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "ARN", type_ = "string", json_path = ".status.arn", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("has(self.spec.alias) || self.metadata.name.matches('^[a-z0-9-]*$')")
        .message("metadata.name has a dot, which an alias cannot have: set spec.alias"),
    validation = Rule::new(
        "(!has(oldSelf.spec.alias) && !(has(oldSelf.status) && (has(oldSelf.status.arn) || has(oldSelf.status.origin)))) || (has(self.spec.alias) ? self.spec.alias : self.metadata.name) == (has(oldSelf.spec.alias) ? oldSelf.spec.alias : oldSelf.metadata.name)"
    ).message("spec.alias cannot be changed: AWS has no way to rename an escalation plan. Make a new EscalationPlan and move references to it")
)]
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.alias) || (size(self.alias) >= 1 && size(self.alias) <= 255 && self.alias.matches('^[a-z0-9_-]*$'))")
        .message("alias has 1 to 255 lower-case letters, digits, '_' and '-'"),
    validation = Rule::new("!has(self.displayName) || (size(self.displayName) <= 255 && self.displayName.matches('^[\\\\p{L}\\\\p{Z}\\\\p{N}_.-]*$'))")
        .message("displayName has at most 255 letters, digits, spaces and the characters _ . -"),
    validation = Rule::new("size(self.stages) >= 1 && size(self.stages) <= 10")
        .message("an escalation plan has 1 to 10 stages")
)]
pub struct EscalationPlanSpec {
    /// Name in AWS, unique in the account and Region among contacts, on-call schedules and escalation plans. Absent = metadata.name.
    /// Fixed once set or created. 1 to 255 lower-case letters, digits, `_` and `-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub alias: Option<String>,
    /// Full name, as shown in the console. Absent = none. At most 255 letters, digits, spaces and `_ . -`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub display_name: Option<String>,
    /// Stages in the order in which they are gone through; the first begins with the engagement. 1 to 10.
    #[schemars(length(max = 12), extend("x-kubernetes-list-type" = "atomic"))]
    pub stages: Vec<EscalationStage>,
    /// When the plan was last looked over, and how often it should be (finding `ReviewDue`, CHK-17). Absent = not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// Fields that every kind has.
    #[serde(flatten)]
    pub common: CommonSpec,
}

/// Who is engaged together, and how long is waited before the next stage.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.durationMinutes >= 0 && self.durationMinutes <= 30")
        .message("durationMinutes is 0 to 30 (CHK-31)"),
    validation = Rule::new("self.durationMinutes > 0 || (has(self.targets) && size(self.targets) > 0)")
        .message("a stage without targets lasts at least one minute (CHK-31)"),
    validation = Rule::new("!has(self.targets) || size(self.targets) <= 10")
        .message("a stage has at most 10 targets")
)]
pub struct EscalationStage {
    /// Minutes until the next stage begins, 0 to 30; 0 only with a target.
    pub duration_minutes: i32,
    /// Who is engaged, all at once. Absent or empty = nobody: the stage only waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12), extend("x-kubernetes-list-type" = "atomic"))]
    pub targets: Option<Vec<EscalationTarget>>,
}

/// A person, or whoever is on call.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(has(self.contactRef) ? 1 : 0) + (has(self.onCallScheduleRef) ? 1 : 0) + (has(self.arn) ? 1 : 0) == 1")
        .message("give exactly one of contactRef, onCallScheduleRef and arn"),
    validation = Rule::new("!has(self.arn) || self.arn.matches('^arn:(aws|aws-cn|aws-us-gov):ssm-contacts:[a-z0-9-]+:[0-9]{12}:contact/[a-z0-9_-]+$')")
        .message("arn is that of a contact or on-call schedule: arn:<partition>:ssm-contacts:<region>:<account>:contact/<alias>")
)]
pub struct EscalationTarget {
    /// A person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_ref: Option<ObjectReference>,
    /// Whoever is on call by this schedule when the stage begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_call_schedule_ref: Option<ObjectReference>,
    /// ARN of a contact or schedule that this cluster does not manage; the ProviderConfig must allow it (`unmanagedReferences: Allow`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub arn: Option<String>,
    /// What happens when this target acknowledges. Absent = `Continue`, as in AWS's console. AWS calls it `IsEssential`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_acknowledge: Option<OnAcknowledge>,
}

/// What an acknowledgement does to the plan.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum OnAcknowledge {
    /// The plan goes on to its next stage all the same.
    #[default]
    Continue,
    /// No further stage is begun.
    StopEscalation,
}

/// What is known of an escalation plan.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct EscalationPlanStatus {
    /// Status fields that every kind has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// What the printer columns show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<EscalationPlanSummary>,
}

/// What the printer columns show.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EscalationPlanSummary {
    /// Name in AWS.
    pub alias: String,
    /// Number of stages.
    pub stages: String,
    /// Who is engaged first.
    pub first: String,
}
