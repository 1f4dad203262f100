//! `RotationOverride`: somebody else is on call for a while.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonSpec, CommonStatus};
use super::reference::{LocalReference, ObjectReference};

/// Somebody else is on call for a while: overrides of one or several rotations of a schedule. An engagement that has begun already is not
/// re-routed: whoever was paged stays paged.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "RotationOverride",
    namespaced,
    status = "RotationOverrideStatus",
    derive = "PartialEq",
    shortname = "imro",
    category = "incident-manager",
    doc = "Somebody else is on call for a while: overrides of one or several rotations of a schedule. An engagement that has begun already is not re-routed: whoever was paged stays paged.",
    printcolumn(
        name = "Schedule",
        type_ = "string",
        json_path = ".spec.scheduleRef.name"
    ),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(
        name = "Change",
        type_ = "string",
        json_path = ".status.summary.change"
    ),
    printcolumn(name = "Start", type_ = "string", json_path = ".status.startTime"),
    printcolumn(name = "End", type_ = "string", json_path = ".status.endTime"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
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
    validation = Rule::new("self.scheduleRef == oldSelf.scheduleRef")
        .message("scheduleRef cannot be changed: make a new RotationOverride"),
    validation = Rule::new("has(self.substitutions) != has(self.contactRefs)")
        .message("give either substitutions (who for whom) or contactRefs (everybody who is on call; an empty list for nobody)"),
    validation = Rule::new("has(self.durationMinutes) != has(self.endTime)")
        .message("give either durationMinutes or endTime"),
    validation = Rule::new("!has(self.durationMinutes) || (self.durationMinutes >= 30 && self.durationMinutes <= 264960)")
        .message("an override lasts at least 30 minutes (CHK-28) and at most 184 days"),
    validation = Rule::new("!(has(self.startTime) && has(self.endTime)) || self.endTime - self.startTime >= duration('30m')")
        .message("an override lasts at least 30 minutes: endTime is too early (CHK-28)"),
    validation = Rule::new("!has(self.ttlSecondsAfterFinished) || has(self.startTime)")
        .message("ttlSecondsAfterFinished needs a startTime: made again from Git, an override without one would start again"),
    validation = Rule::new("!has(self.ttlSecondsAfterFinished) || self.ttlSecondsAfterFinished >= 0")
        .message("ttlSecondsAfterFinished is 0 or more")
)]
pub struct RotationOverrideSpec {
    /// The schedule, in this namespace. The one field that cannot be changed.
    pub schedule_ref: LocalReference,
    /// Name of the rotation, as in the schedule's manifest. Absent = every rotation in which somebody of `substitutions[].out` is on shift
    /// meanwhile; with contactRefs, the schedule's only rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub rotation: Option<String>,
    /// Who stands in for whom; others who are on shift stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30), extend("x-kubernetes-list-type" = "atomic"))]
    pub substitutions: Option<Vec<Substitution>>,
    /// Everybody who is on call meanwhile. An empty list = nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("x-kubernetes-list-type" = "atomic"))]
    pub contact_refs: Option<Vec<ObjectReference>>,
    /// When it begins (RFC 3339, in quotes). Absent = when the operator first sees the object; `status.startTime` keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// How long it lasts, in minutes: at least 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_minutes: Option<i32>,
    /// When it ends (RFC 3339, in quotes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// Seconds after its end until this object is deleted. Absent = it is kept. Needs a startTime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds_after_finished: Option<i32>,
    /// Fields that every kind has.
    #[serde(flatten)]
    pub common: CommonSpec,
}

/// Who stands in for whom.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Substitution {
    /// Who goes off call.
    pub out: ObjectReference,
    /// Who comes on call. AWS takes members of the rotation only.
    #[serde(rename = "in")]
    pub in_: ObjectReference,
}

/// What is known of an override.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct RotationOverrideStatus {
    /// Status fields that every kind has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<OverridePhase>,
    /// When it begins: `spec.startTime`, or when the operator first saw the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// What the printer columns show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<RotationOverrideSummary>,
    /// What AWS has of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub overrides: Vec<AppliedOverride>,
}

/// Where an override stands.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum OverridePhase {
    /// It has not begun.
    Pending,
    /// It runs.
    Active,
    /// It is over; nothing is changed in AWS any more.
    Completed,
}

/// What the printer columns show.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotationOverrideSummary {
    /// Who for whom, for example `bob for alice`.
    pub change: String,
}

/// One override in AWS.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedOverride {
    /// The rotation.
    pub rotation: String,
    /// Its id.
    pub id: String,
    /// When it begins in AWS.
    pub start_time: Time,
    /// When it ends in AWS.
    pub end_time: Time,
    /// Who is on call meanwhile.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub contacts: Vec<String>,
}
