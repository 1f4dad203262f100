//! `ReplicationSet`: the account's singleton that turns Incident Manager on and says in which Regions its data is.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonSpec, CommonStatus};

/// The account's replication set: it turns Incident Manager on and says in which Regions its data is kept. An account has one at most, and
/// everything else in Incident Manager lives in it.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "ReplicationSet",
    status = "ReplicationSetStatus",
    derive = "PartialEq",
    shortname = "imrs",
    category = "incident-manager",
    doc = "The account's replication set: it turns Incident Manager on and says in which Regions its data is kept. An account has one at most, and everything else in Incident Manager lives in it.",
    printcolumn(name = "State", type_ = "string", json_path = ".status.summary.state"),
    printcolumn(
        name = "Regions",
        type_ = "string",
        json_path = ".status.summary.regions"
    ),
    printcolumn(
        name = "Protected",
        type_ = "string",
        json_path = ".status.summary.protected"
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
    validation = Rule::new("size(self.regions) >= 1 && size(self.regions) <= 3")
        .message("a replication set has 1 to 3 Regions (CHK-02)"),
    validation = Rule::new("self.regions.all(r, has(r.sseKmsKeyId)) || !self.regions.exists(r, has(r.sseKmsKeyId))")
        .message("either every Region has an sseKmsKeyId or none has: AWS does not mix its own keys with yours")
)]
pub struct ReplicationSetSpec {
    /// Regions in which the data is kept, 1 to 3; two or more, so that incidents can still be started when one is unavailable. The
    /// ProviderConfig's Region must be among them. Regions are added and removed one after the other, each of which takes AWS minutes.
    #[schemars(length(max = 5), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub regions: Vec<ReplicationRegion>,
    /// Whether AWS refuses to delete the set. Absent = true. To delete it, this must be false, and more:
    /// see the annotation `incident-operator.dev/delete-data-of` in the docs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// Fields that every kind has.
    #[serde(flatten)]
    pub common: CommonSpec,
}

/// A Region of the set.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("size(self.name) <= 20 && self.name.matches('^[a-z]{2}(-[a-z]+)+-[0-9]+$')")
        .message("name is an AWS Region such as eu-central-1"),
    validation = Rule::new("!has(self.sseKmsKeyId) || !(self.sseKmsKeyId.startsWith('alias/') || self.sseKmsKeyId.contains(':alias/'))")
        .message("sseKmsKeyId is an alias, which AWS does not take: give the key's ARN or id"),
    validation = Rule::new("!has(self.sseKmsKeyId) || self.sseKmsKeyId.startsWith('alias/') || self.sseKmsKeyId.contains(':alias/') || self.sseKmsKeyId.matches('^(arn:(aws|aws-cn|aws-us-gov):kms:[a-z0-9-]+:[0-9]{12}:key/)?(mrk-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$')")
        .message("sseKmsKeyId is the ARN or the id of a KMS key; leave it out for a key that AWS owns"),
    validation = Rule::new("!has(self.sseKmsKeyId) || !self.sseKmsKeyId.contains(':kms:') || self.sseKmsKeyId.contains(':kms:' + self.name + ':')")
        .message("sseKmsKeyId is a key of another Region: data is encrypted with a key of the Region that it is in")
)]
pub struct ReplicationRegion {
    /// Region, for example `eu-central-1`.
    #[schemars(length(max = 40))]
    pub name: String,
    /// ARN or id of the KMS key that encrypts the data in this Region: symmetric, of this Region, made by KMS. Absent = a key that AWS
    /// owns. Every Region has one or none has. It cannot be changed but from one such key to another, in a Region that is not the
    /// ProviderConfig's own: the Region is removed and added again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub sse_kms_key_id: Option<String>,
}

/// What is known of a replication set.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct ReplicationSetStatus {
    /// Status fields that every kind has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// State in AWS: `Creating`, `Active`, `Updating`, `Deleting` or `Failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Regions that AWS has in the set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub regions: Vec<ReplicationRegionStatus>,
    /// Whether deletion protection was on when AWS was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// The Region that is being added or removed, or that waits to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_change: Option<PendingRegionChange>,
    /// What the printer columns show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ReplicationSetSummary>,
}

/// A Region that AWS has in the set.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationRegionStatus {
    /// Region.
    pub name: String,
    /// State: `Creating`, `Active`, `Deleting` or `Failed`.
    pub state: String,
    /// When it came into that state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// What AWS says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The KMS key; absent = one that AWS owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sse_kms_key_id: Option<String>,
}

/// A step from the Regions that AWS has to those of the spec.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingRegionChange {
    /// What is done.
    pub action: RegionAction,
    /// To which Region.
    pub region: String,
    /// It is not tried before then: AWS removes a Region only 24 hours after it was added. Absent = it is under way, or next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
}

/// What is done to a Region.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum RegionAction {
    /// It is added to the set.
    AddRegion,
    /// It is removed from the set.
    RemoveRegion,
}

/// What the printer columns show.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationSetSummary {
    /// State in AWS.
    pub state: String,
    /// Regions; those that are not active with their state.
    pub regions: String,
    /// `Yes` or `No`: whether AWS refuses to delete the set.
    pub protected: String,
}
