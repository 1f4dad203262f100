//! Fields that every kind has, in spec and in status.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reference::ProviderConfigReference;

/// How far the operator's hand goes.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum ManagementPolicy {
    /// Create, change and delete in AWS.
    #[default]
    Manage,
    /// Never write to AWS; report what is there and what would be changed.
    Observe,
}

/// What happens when AWS already has a resource with this identity that the operator did not make.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum AdoptionPolicy {
    /// Touch nothing; `Stalled/AlreadyExists`.
    #[default]
    Never,
    /// Take it over only when nothing but tags would change, else `Stalled/AdoptionWouldChange`.
    Adopt,
    /// Take it over and make it what the spec says.
    AdoptAndOverwrite,
}

/// What becomes of the AWS resource when the object is deleted.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum DeletionPolicy {
    /// Delete it.
    Delete,
    /// Leave it as it is, without our tags.
    Retain,
}

/// Where the AWS resource came from; decides the default of `deletionPolicy`.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum Origin {
    /// The operator made it.
    Created,
    /// It existed and was taken over.
    Adopted,
}

/// Spec fields of every kind that stands for an AWS resource.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonSpec {
    /// The ProviderConfig that says which account and Region this lives in. Absent = the one named `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_config_ref: Option<ProviderConfigReference>,
    /// Absent = `Manage`. `Observe` never writes to AWS: it reports what is there and what would be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// What to do when AWS already has a resource of this identity. Absent = `Never`: it is left alone and reported. `Adopt` takes it over
    /// only if nothing but tags would change. `AdoptAndOverwrite` takes it over and applies this spec.
    /// Where the object is in a namespace, `spec.adoption` of the ProviderConfig must allow adoption there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption_policy: Option<AdoptionPolicy>,
    /// What happens in AWS when this object is deleted. Absent = `Delete` for what the operator created, `Retain` for what it adopted and for a replication set;
    /// `status.effectiveDeletionPolicy` shows which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// True = the operator does nothing for this object, deletion included, until it is unset. Absent = false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// AWS tags, merged over the ProviderConfig's `defaultTags`; without effect on an AlternateContact, which AWS knows no tags of. Tags that others set are left alone. At most 50 in all, the operator's own
    /// three included. Keys: 1 to 128 letters, digits and `_+=-/\`; values: 1 to 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Findings that are known and accepted, each with the reason. They stay visible, marked as accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub accepted_findings: Option<Vec<AcceptedFinding>>,
}

/// Tags by key.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(transparent)]
pub struct Tags(pub BTreeMap<String, String>);

impl JsonSchema for Tags {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tags".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // A little looser than the rules, so that the rule's message is what the user reads.
        schemars::json_schema!({
            "type": "object",
            "maxProperties": 60,
            "additionalProperties": {"type": "string", "maxLength": 300},
            "x-kubernetes-validations": [
                {"rule": "size(self) <= 47", "message": "at most 47 tags: AWS allows 50 on a resource and the operator sets three of its own (CHK-51)"},
                {"rule": "self.all(k, size(k) >= 1 && size(k) <= 128 && k.matches('^[\\\\\\\\/a-zA-Z0-9_+=-]*$'))",
                 "message": "tag keys have 1 to 128 letters, digits and the characters _ + = - / \\ (no dot, no colon; CHK-51)"},
                {"rule": "self.all(k, !k.lowerAscii().startsWith('aws:') && !k.lowerAscii().startsWith('incident-operator/'))",
                 "message": "tag keys must not start with 'aws:' or 'incident-operator/': these are reserved (CHK-51)"},
                {"rule": "self.all(k, size(self[k]) >= 1 && size(self[k]) <= 256 && self[k].matches('^[\\\\p{L}\\\\p{Z}\\\\p{N}_.:/=+@-]*$'))",
                 "message": "tag values have 1 to 256 letters, digits, spaces and the characters _ . : / = + - @; an empty value is not accepted by AWS (CHK-51)"},
            ],
        })
    }
}

/// A finding that is known and lived with.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.until) || (size(self.until) == 10 && !format.date().validate(self.until).hasValue())")
    .message("until is a day of the calendar, YYYY-MM-DD"))]
pub struct AcceptedFinding {
    /// Name of the finding, as in `status.findings[].id`.
    #[schemars(length(min = 1, max = 63))]
    pub id: String,
    /// Why it is accepted.
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
    /// Last day (UTC, `YYYY-MM-DD`) on which it is accepted. Absent = for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub until: Option<String>,
}

/// Status fields of every kind.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonStatus {
    /// Generation of the spec that this status is about; -1 until the operator first looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions by type. `Ready` is always there; `Reconciling` and `Stalled` only while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The last value of the annotation `incident-operator.dev/reconcile-requested-at` that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Account and Region in which the AWS resource lives. Fixed from the first write on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<PlacementStatus>,
    /// ARN of the AWS resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Whether the operator made the AWS resource or took it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What deleting this object would do to the AWS resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_deletion_policy: Option<DeletionPolicy>,
    /// What the operator would change in AWS but has not: the reason is in the conditions. Never holds values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub pending_changes: Vec<PendingChange>,
    /// What practice or safety would have otherwise, by id and subject.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id", "subject"]))]
    pub findings: Vec<Finding>,
    /// Objects that refer to this one. An effective `Delete` waits for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub referenced_by: Vec<Referrer>,
    /// What the references of the spec stood for when they were last put into AWS. What is listed here stays in AWS when an AccessGrant is
    /// revoked: nothing is taken from a running schedule because of it, and nothing new is added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub references: Vec<ResolvedReference>,
    /// What the operator has set in AWS, so that taking it out of the manifest takes it out of AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<AppliedStatus>,
    /// Creations that were begun; written before the call so that a crash loses nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["slot"]))]
    pub pending: Vec<PendingCreate>,
    /// Rises when a creation came to its end and when AWS confirmed that something is gone, so that making it again is a new request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
}

/// Where an AWS resource lives.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacementStatus {
    /// AWS account.
    pub account_id: String,
    /// AWS Region.
    pub region: String,
}

/// One difference between the spec and AWS, without values.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    /// The field, for example `channels[mobile].address`.
    pub path: String,
    /// `Create`, `Update` or `Delete`.
    pub action: ChangeAction,
}

/// What a change does.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema,
)]
#[schemars(transform = super::without_own_text)]
pub enum ChangeAction {
    /// Adds something that AWS does not have.
    Create,
    /// Changes something.
    Update,
    /// Takes something away.
    Delete,
}

/// How much a finding matters.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema,
)]
#[schemars(transform = super::without_own_text)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody may not be reached.
    Critical,
}

/// Something that practice or safety would have otherwise. It never stops the operator.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Name of the check, for example `SingleChannelType`; the docs list them with their CHK number.
    pub id: String,
    /// What it is about, for example a channel's name; empty for the object itself.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// What was found and what would mend it.
    pub message: String,
    /// The reason given in `spec.acceptedFindings`, with its last day if there is one, when the finding is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

/// An object that refers to this one.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    /// Its kind.
    pub kind: String,
    /// Its namespace; absent for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// What a reference stood for.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResolvedReference {
    /// Kind of the object; absent for an ARN that no object here manages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// ARN of its AWS resource.
    pub arn: String,
}

/// What the operator has set in AWS.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedStatus {
    /// Keys of tags that the operator wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub tags: Vec<String>,
    /// Parts of the AWS resource that the operator made or was told about, such as channels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["slot"]))]
    pub items: Vec<AppliedItem>,
}

/// A part of an AWS resource that is ours.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedItem {
    /// Which part, for example `channel/mobile`.
    pub slot: String,
    /// Id that AWS gave it.
    pub id: String,
    /// When the operator made it; absent for what it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
}

/// A creation that was begun.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingCreate {
    /// Which part, for example `channel/mobile`.
    pub slot: String,
    /// Idempotency token of the request.
    pub token: String,
    /// When it was begun.
    pub since: Time,
}
