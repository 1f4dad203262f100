//! `ProviderConfig`: which AWS account and Region, as whom, within which limits, and who may use it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonStatus, Tags};

/// Schema of a label selector, with what CEL needs to stay within its budget.
pub(super) fn selector_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "description": "Selects namespaces by label; `{}` selects all.",
        // As a whole, as everywhere in Kubernetes: merged field by field, `{}` applied over a selector would come out as null.
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": {
                "type": "object",
                "description": "Labels that a namespace must have, all of them.",
                "maxProperties": 100,
                "additionalProperties": {"type": "string", "maxLength": 63},
            },
            "matchExpressions": {
                "type": "array",
                "description": "Requirements that a namespace's labels must meet, all of them.",
                "maxItems": 50,
                "x-kubernetes-list-type": "atomic",
                "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": {"type": "string", "description": "Key of the label.", "minLength": 1, "maxLength": 317},
                        "operator": {
                            "type": "string",
                            "description": "How the label and the values relate.",
                            "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                        },
                        "values": {
                            "type": "array",
                            "description": "Values for In and NotIn; none for Exists and DoesNotExist.",
                            "maxItems": 100,
                            "x-kubernetes-list-type": "atomic",
                            "items": {"type": "string", "maxLength": 63},
                        },
                    },
                    "x-kubernetes-validations": [{
                        "rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
                        "message": "In and NotIn need values; Exists and DoesNotExist take none",
                    }],
                },
            },
        },
    })
}

/// Which AWS account and Region, as whom, within which limits, and who may use it. The one named `default` is used by objects that name
/// none. No AWS call is made for an object without one.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "ProviderConfig",
    status = "ProviderConfigStatus",
    derive = "PartialEq",
    shortname = "impc",
    category = "incident-manager",
    doc = "Which AWS account and Region, as whom, within which limits, and who may use it. The one named `default` is used by objects that name none.",
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.accountId"),
    printcolumn(name = "Region", type_ = "string", json_path = ".spec.region"),
    printcolumn(
        name = "ReplicationSet",
        type_ = "string",
        json_path = ".status.replicationSet"
    ),
    printcolumn(name = "In-Use", type_ = "integer", json_path = ".status.inUseBy"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
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
    validation = Rule::new("self.accountId == oldSelf.accountId").message("accountId cannot be changed: make another ProviderConfig"),
    validation = Rule::new("self.region == oldSelf.region").message("region cannot be changed: make another ProviderConfig"),
    validation = Rule::new("self.ownerId == oldSelf.ownerId").message("ownerId cannot be changed: it marks what is ours in AWS"),
    validation = Rule::new("self.accountId.matches('^[0-9]{12}$')").message("accountId has 12 digits; write it in quotes"),
    validation = Rule::new("self.region.matches('^[a-z]{2}(-[a-z]+)+-[0-9]+$')").message("region is an AWS Region such as eu-central-1"),
    validation = Rule::new("!has(self.passRoleArns) || self.passRoleArns.all(r, r.matches('^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/.+$') && !r.contains('*'))")
        .message("passRoleArns has ARNs of IAM roles, arn:aws:iam::<account>:role/<name>, without wildcards"),
    validation = Rule::new("size(self.ownerId) >= 1 && size(self.ownerId) <= 128 && self.ownerId.matches('^[a-zA-Z0-9_.:/=+@-]*$')")
        .message("ownerId has 1 to 128 letters, digits and the characters _ . : / = + - @: it becomes a tag value")
)]
pub struct ProviderConfigSpec {
    /// AWS account, 12 digits. STS must confirm it before anything is written. Cannot be changed.
    #[schemars(length(max = 20))]
    pub account_id: String,
    /// AWS Region, for example `eu-central-1`. It must be one of the replication set's. Cannot be changed.
    #[schemars(length(max = 40))]
    pub region: String,
    /// Marks in AWS what this installation owns; keep it when the cluster is rebuilt, and different from that of other clusters, for example
    /// `prod-oncall`. Cannot be changed.
    #[schemars(length(max = 200))]
    pub owner_id: String,
    /// Namespaces whose objects may use this ProviderConfig: those named and those selected. Cluster-scoped kinds are not meant.
    pub allowed_namespaces: NamespaceSelection,
    /// Where AWS resources that already exist may be taken over. Absent = nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<AdoptionSettings>,
    /// Whether references may name by ARN what no object in this cluster manages. Absent = `Deny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmanaged_references: Option<UnmanagedReferences>,
    /// Roles that response plans may give to their runbooks, by ARN. Whoever writes a ResponsePlan in an allowed namespace lets AWS act as
    /// such a role. Absent = none. A role that AWS has in a plan already stays there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), inner(length(max = 1000)), extend("x-kubernetes-list-type" = "set"))]
    pub pass_role_arns: Option<Vec<String>>,
    /// Role to assume. Absent or empty = the operator's own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role: Option<AssumeRole>,
    /// Endpoint to use instead of the public one, for each service that needs it (VPC endpoint names, test doubles).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["service"]))]
    pub endpoints: Option<Vec<ServiceEndpoint>>,
    /// Variants of the public endpoints to use. Absent = none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub endpoint_variants: Option<Vec<EndpointVariant>>,
    /// Tags on everything made through this ProviderConfig; an object's own tags win.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_tags: Option<Tags>,
    /// Calls per second by budget group. Absent groups keep the published quota. Per account and Region the lowest of several
    /// ProviderConfigs holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["group"]))]
    pub rate_limits: Option<Vec<RateLimit>>,
    /// Brake on mass deletion. Absent = 5 an hour. Per account the lowest of several ProviderConfigs holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_budget: Option<DeletionBudget>,
    /// What AWS asks for in this Region, for the cost that a VpcEndpoint shows. Absent = what most Regions cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
}

/// What AWS asks for.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.interfaceEndpointHourUSD) || self.interfaceEndpointHourUSD.matches('^[0-9]{1,6}([.][0-9]{1,6})?$')")
    .message("interfaceEndpointHourUSD is an amount of US dollars in quotes, such as \"0.012\", with at most 6 digits after the point"))]
pub struct Prices {
    /// An hour of an interface endpoint in one zone, in US dollars, for example `"0.012"`; see AWS PrivateLink pricing. Absent = `"0.01"`.
    #[serde(
        default,
        rename = "interfaceEndpointHourUSD",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 40))]
    pub interface_endpoint_hour_usd: Option<String>,
}

/// A set of namespaces: those named and those selected, together.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.names) || has(self.selector)").message("give names, a selector or both; selector: {} selects all namespaces"))]
pub struct NamespaceSelection {
    /// Names of namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub names: Option<Vec<String>>,
    /// Selects namespaces by label; `{}` selects all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "selector_schema")]
    pub selector: Option<LabelSelector>,
}

/// Where adoption is allowed.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdoptionSettings {
    /// Namespaces whose objects may ask for adoption.
    pub allowed_namespaces: NamespaceSelection,
}

/// Whether `arn:` references to unmanaged things are allowed.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum UnmanagedReferences {
    /// They are.
    Allow,
    /// They are not.
    Deny,
}

/// A role to assume.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.roleArn) || self.roleArn.matches('^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/.+$')")
        .message("roleArn is the ARN of an IAM role, arn:aws:iam::<account>:role/<name>"),
    validation = Rule::new("has(self.roleArn) || !has(self.externalId)").message("externalId needs a roleArn"),
    validation = Rule::new("!has(self.externalId) || (size(self.externalId) >= 2 && size(self.externalId) <= 1224 && self.externalId.matches('^[a-zA-Z0-9_+=,.@:/-]*$'))")
        .message("externalId has 2 to 1224 letters, digits and the characters _ + = , . @ : / -")
)]
pub struct AssumeRole {
    /// ARN of the role. Absent = the operator's own identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub role_arn: Option<String>,
    /// External id that the role's trust policy asks for. 2 to 1224 letters, digits and `_+=,.@:/-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1500))]
    pub external_id: Option<String>,
}

/// An endpoint of one service.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.url.matches('^https?://[^/?#@[:space:]]+(/[^?#@[:space:]]*)?$')")
    .message("url is https:// or http:// and a host, with a port and a path if need be, without user, query and fragment"))]
pub struct ServiceEndpoint {
    /// The service.
    pub service: AwsService,
    /// Its URL.
    #[schemars(length(max = 2048))]
    pub url: String,
}

/// AWS services that the operator calls.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema,
)]
#[schemars(transform = super::without_own_text)]
pub enum AwsService {
    /// ssm-contacts.
    SSMContacts,
    /// ssm-incidents.
    SSMIncidents,
    /// account, for alternate contacts.
    Account,
    /// ec2.
    EC2,
    /// sts.
    STS,
}

/// Variants of public endpoints.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum EndpointVariant {
    /// FIPS 140 endpoints.
    FIPS,
    /// Endpoints with IPv4 and IPv6.
    DualStack,
}

/// Calls per second of one budget group.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.perSecond > 0.0 && self.perSecond <= 100000.0").message("perSecond is more than 0 and at most 100000"))]
pub struct RateLimit {
    /// Which calls.
    pub group: BudgetGroup,
    /// Calls per second.
    pub per_second: f64,
}

/// Calls that share a budget.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema,
)]
#[schemars(transform = super::without_own_text)]
pub enum BudgetGroup {
    /// Reads of ssm-contacts but those of rotations; published quota 20 a second.
    ContactsRead,
    /// Writes of ssm-contacts; published quota 1 a second.
    ContactsWrite,
    /// Reads of rotations, their overrides and shifts; published quota 20 a second.
    RotationsRead,
    /// StartEngagement and StopEngagement; published quotas 20 and 10 a second.
    EngagementsWrite,
    /// Reads of one engagement or page; published quota 5 a second.
    EngagementsRead,
    /// Lists of engagements and pages; published quota 2 a second.
    EngagementLists,
    /// Reads of ssm-incidents; published quota 10 a second.
    IncidentsRead,
    /// Writes of ssm-incidents; published quota 5 a second.
    IncidentsWrite,
    /// Writes of the replication set; published quota 1 a second.
    ReplicationSetWrite,
    /// Reads of alternate contacts; published quota 10 a second.
    AccountRead,
    /// Writes of alternate contacts; published quotas 5 a second to set them, 1 a second to delete them.
    AccountWrite,
    /// Reads of EC2, for VPC endpoints. AWS gives each operation a bucket that fills at 20 a second and more.
    EC2Read,
    /// Writes of EC2, for VPC endpoints. AWS gives each operation a bucket that fills at 5 a second and more.
    EC2Write,
    /// STS GetCallerIdentity.
    Identity,
}

/// Brake on mass deletion.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.maxPerHour >= 0 && self.maxPerHour <= 10000").message("maxPerHour is 0 to 10000"))]
pub struct DeletionBudget {
    /// Contacts with an activated channel that may be deleted within an hour. 0 = none.
    pub max_per_hour: i32,
}

/// What is known of the account.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct ProviderConfigStatus {
    /// Status fields that every kind has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Account, as STS confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// ARN as which the operator calls AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// State of the replication set: `Active`, `Creating`, `Updating`, `Deleting`, `Failed`, or `None` when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_set: Option<String>,
    /// Objects that use this ProviderConfig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use_by: Option<i64>,
    /// Limits in force, by budget group: the lowest of all ProviderConfigs of the account and Region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rate_limits: BTreeMap<String, RateLimitStatus>,
    /// When contacts with an activated channel were deleted in the last hour; counts against `spec.deletionBudget`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub deletions: Vec<DeletionRecord>,
    /// Incidents and test pages that were begun lately; written before the call, so that an object that is made again begins nothing twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub starts: Vec<StartRecord>,
}

/// An incident or a test page that was begun.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartRecord {
    /// Idempotency token of the request: the same for every object of one name and deadline.
    pub token: String,
    /// UID of the object that recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// When the operator recorded it, before the call.
    pub at: Time,
    /// ARN of what was begun; absent while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
}

/// A limit in force.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitStatus {
    /// Calls per second.
    pub per_second: f64,
    /// True while AWS throttles and the operator holds back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<bool>,
}

/// A deletion that counts against the budget.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionRecord {
    /// `namespace/name` of the object.
    pub object: String,
    /// When the operator recorded it, before the call.
    pub at: Time,
}
