//! `Contact`: a person who can be engaged, with channels and engagement plan.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonSpec, CommonStatus};
use super::reference::ValueFrom;
use super::test_page::LastProven;

/// A person who can be engaged: an AWS Systems Manager Incident Manager contact of type PERSONAL with its contact channels and engagement
/// plan. Adding a person's phone number or mail address means that they have agreed to be notified there.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "Contact",
    namespaced,
    status = "ContactStatus",
    derive = "PartialEq",
    shortname = "imc",
    category = "incident-manager",
    doc = "A person who can be engaged: an AWS Systems Manager Incident Manager contact of type PERSONAL with its contact channels and engagement plan.",
    printcolumn(name = "Alias", type_ = "string", json_path = ".status.summary.alias"),
    printcolumn(name = "Activated", type_ = "string", json_path = ".status.summary.activated"),
    printcolumn(name = "Reachable", type_ = "string", json_path = ".status.summary.reachable"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "ARN", type_ = "string", json_path = ".status.arn", priority = 1),
    printcolumn(name = "Proven", type_ = "string", json_path = ".status.lastProven.at", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("has(self.spec.alias) || self.metadata.name.matches('^[a-z0-9-]*$')")
        .message("metadata.name has a dot, which an alias cannot have: set spec.alias"),
    validation = Rule::new(
        "(!has(oldSelf.spec.alias) && !(has(oldSelf.status) && (has(oldSelf.status.arn) || has(oldSelf.status.origin)))) || (has(self.spec.alias) ? self.spec.alias : self.metadata.name) == (has(oldSelf.spec.alias) ? oldSelf.spec.alias : oldSelf.metadata.name)"
    ).message("spec.alias cannot be changed: AWS has no way to rename a contact. Make a new Contact and move references to it")
)]
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.engagementPlan) && has(self.engagementStages))")
        .message("give either engagementPlan or engagementStages, not both"),
    validation = Rule::new("!has(self.engagementPlan) || self.engagementPlan.all(e, has(self.channels) && self.channels.exists(c, c.name == e.channel))")
        .message("engagementPlan names a channel that is not in spec.channels"),
    validation = Rule::new("!has(self.engagementStages) || self.engagementStages.all(s, !has(s.targets) || s.targets.all(t, has(self.channels) && self.channels.exists(c, c.name == t.channel)))")
        .message("engagementStages names a channel that is not in spec.channels"),
    validation = Rule::new("!has(self.alias) || (size(self.alias) >= 1 && size(self.alias) <= 255 && self.alias.matches('^[a-z0-9_-]*$'))")
        .message("alias has 1 to 255 lower-case letters, digits, '_' and '-'"),
    validation = Rule::new("!has(self.displayName) || (size(self.displayName) <= 255 && self.displayName.matches('^[\\\\p{L}\\\\p{Z}\\\\p{N}_.-]*$'))")
        .message("displayName has at most 255 letters, digits, spaces and the characters _ . -")
)]
pub struct ContactSpec {
    /// Name in AWS, unique in the account and Region among contacts, on-call schedules and escalation plans. Absent = metadata.name.
    /// Fixed once set or created. 1 to 255 lower-case letters, digits, `_` and `-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub alias: Option<String>,
    /// Full name, as shown in the console. Absent = none. At most 255 letters, digits, spaces and `_ . -`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub display_name: Option<String>,
    /// Devices on which the person can be engaged, by name. Two of different types are recommended. A new channel is never activated by
    /// the operator: a ChannelActivation sends the code, when somebody asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub channels: Option<Vec<Channel>>,
    /// When each channel is used, counted from the start of an engagement. Compiled to the API's stages, of which there may be 10.
    /// Absent, with engagementStages absent too = an empty plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("x-kubernetes-list-type" = "atomic"))]
    #[x_kube(validation = Rule::new("self.all(e, self.exists_one(f, f.channel == e.channel && f.engageAfterMinutes == e.engageAfterMinutes))")
        .message("engagementPlan has the same channel twice at the same minute"))]
    pub engagement_plan: Option<Vec<EngagementPlanEntry>>,
    /// The plan in the API's own form, for what engagementPlan cannot say. At most 10 stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12), extend("x-kubernetes-list-type" = "atomic"))]
    #[x_kube(validation = Rule::new("size(self) <= 10").message("engagementStages has at most 10 stages"))]
    pub engagement_stages: Option<Vec<EngagementStage>>,
    /// True = the last activated channel may be removed or disabled, which leaves the person unreachable. Absent = false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_unreachable: Option<bool>,
    /// When the data was last looked over, and how often it should be (finding `ReviewDue`, CHK-17). Absent = not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// Fields that every kind has.
    #[serde(flatten)]
    pub common: CommonSpec,
}

/// A device on which a person can be engaged.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.address) != has(self.addressFrom)")
        .message("give either address or addressFrom"),
    validation = Rule::new("!has(self.address) || self.type == 'Email' || self.address.matches('^\\\\+[1-9][0-9]{7,14}$')")
        .message("the address of an SMS or Voice channel is a phone number: '+', country code and subscriber number, 8 to 15 digits without spaces (CHK-15)"),
    validation = Rule::new("!has(self.address) || self.type != 'Email' || (size(self.address) <= 320 && self.address.matches('^[^@[:space:]]+@[^@[:space:]]+$'))")
        .message("the address of an Email channel is a mail address of at most 320 characters (CHK-15)"),
    validation = Rule::new("size(self.name) >= 1 && size(self.name) <= 255 && self.name.matches('^[\\\\p{L}\\\\p{Z}\\\\p{N}_.-]*$')")
        .message("a channel's name has 1 to 255 letters, digits, spaces and the characters _ . -"),
    validation = Rule::new("!has(self.address) || size(self.address) < 8 || !self.name.contains(self.address.replace('+', ''))")
        .message("a channel's name is shown in status, events and logs: it must not hold the address (CHK-50)"),
    validation = Rule::new("self.type == oldSelf.type")
        .message("the type of a channel cannot be changed: give the new channel another name")
)]
pub struct Channel {
    /// Name of the channel, unique in the contact. Renaming keeps the activation as long as type and address stay.
    #[schemars(length(max = 300))]
    pub name: String,
    /// How the person is engaged.
    #[serde(rename = "type")]
    pub type_: ChannelType,
    /// Phone number in E.164 form (`"+15005550199"`, in quotes: YAML takes it for a number otherwise) or mail address. Use addressFrom to
    /// keep it out of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub address: Option<String>,
    /// Takes the address from a labelled Secret of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_from: Option<ValueFrom>,
    /// False = the channel is deactivated. Absent or true = left as it is: only a code from the person activates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// How a channel engages.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema,
)]
#[schemars(transform = super::without_own_text)]
pub enum ChannelType {
    /// By mail.
    Email,
    /// By text message.
    SMS,
    /// By phone call.
    Voice,
}

/// One use of a channel in an engagement.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.engageAfterMinutes >= 0 && self.engageAfterMinutes <= 270")
        .message("engageAfterMinutes is 0 to 270 (ten stages of at most 30 minutes)"),
    validation = Rule::new("!has(self.retryIntervalMinutes) || (self.retryIntervalMinutes >= 0 && self.retryIntervalMinutes <= 60)")
        .message("retryIntervalMinutes is 0 to 60")
)]
pub struct EngagementPlanEntry {
    /// Name of a channel in spec.channels.
    #[schemars(length(max = 300))]
    pub channel: String,
    /// Minutes from the start of the engagement until the channel is used; at least one entry at 0 is recommended.
    pub engage_after_minutes: i32,
    /// Minutes between tries on this channel, 0 to 60. Absent = left to AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_interval_minutes: Option<i32>,
}

/// A stage of the plan as the API has it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.durationMinutes >= 0 && self.durationMinutes <= 30")
        .message("durationMinutes is 0 to 30"),
    validation = Rule::new("self.durationMinutes > 0 || (has(self.targets) && size(self.targets) > 0)")
        .message("a stage without targets lasts at least one minute"),
    validation = Rule::new("!has(self.targets) || size(self.targets) <= 10")
        .message("a stage has at most 10 targets")
)]
pub struct EngagementStage {
    /// Minutes until the next stage begins, 0 to 30; 0 only with a target.
    pub duration_minutes: i32,
    /// Channels that this stage uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12), extend("x-kubernetes-list-type" = "atomic"))]
    pub targets: Option<Vec<ChannelTarget>>,
}

/// A channel that a stage uses.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.retryIntervalMinutes) || (self.retryIntervalMinutes >= 0 && self.retryIntervalMinutes <= 60)")
        .message("retryIntervalMinutes is 0 to 60")
)]
pub struct ChannelTarget {
    /// Name of a channel in spec.channels.
    #[schemars(length(max = 300))]
    pub channel: String,
    /// Minutes between tries on this channel, 0 to 60. Absent = left to AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_interval_minutes: Option<i32>,
}

/// A reminder to look the data over.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.everyDays >= 1 && self.everyDays <= 3650").message("everyDays is 1 to 3650"),
    validation = Rule::new("!has(self.lastReviewed) || (size(self.lastReviewed) == 10 && !format.date().validate(self.lastReviewed).hasValue())")
        .message("lastReviewed is a day of the calendar, YYYY-MM-DD")
)]
pub struct Review {
    /// Days between two reviews.
    pub every_days: i32,
    /// Day of the last review (UTC, `YYYY-MM-DD`). Absent = the day on which the object was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub last_reviewed: Option<String>,
}

/// What is known of a contact.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct ContactStatus {
    /// Status fields that every kind has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// What the printer columns show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ContactSummary>,
    /// Channels of the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub channels: Vec<ChannelStatus>,
    /// Channels that AWS has and the manifest has not. They are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub unmanaged_channels: Vec<UnmanagedChannel>,
    /// The last activation code sent to each channel, so that making the same ChannelActivation again sends nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["channel"]))]
    pub codes_sent: Vec<CodeSent>,
    /// When the contact was last proven to be reachable: a TestPage was acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_proven: Option<LastProven>,
}

/// What the printer columns show.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactSummary {
    /// Name in AWS.
    pub alias: String,
    /// Activated channels of the manifest, for example `1/2`.
    pub activated: String,
    /// `Yes` when the engagement plan uses an activated channel, else `No`.
    pub reachable: String,
}

/// What is known of a channel.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelStatus {
    /// Name of the channel.
    pub name: String,
    /// How it engages.
    #[serde(rename = "type")]
    pub type_: ChannelType,
    /// ARN, once AWS has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Whether the person has given the code back.
    pub activation: Activation,
    /// True after the person answered UNSUBSCRIBE (CHK-16), or somebody deactivated the channel in AWS, which does not say who it was: the
    /// operator never undoes that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opted_out: Option<bool>,
}

/// Whether a channel can be used.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum Activation {
    /// The person gave the code back.
    Activated,
    /// Not activated: AWS does not engage the channel.
    NotActivated,
    /// AWS does not have the channel (yet).
    Absent,
}

/// A channel that AWS has and the manifest has not.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmanagedChannel {
    /// Its ARN.
    pub arn: String,
    /// How it engages; absent when AWS names a type that this version does not know.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<ChannelType>,
    /// Whether it is activated.
    pub activation: Activation,
}

/// A code that was sent.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodeSent {
    /// Name of the channel.
    pub channel: String,
    /// The ChannelActivation that asked for it.
    pub activation: String,
    /// Its UID, which tells it from an earlier one of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_uid: Option<String>,
    /// When the operator recorded that it would send.
    pub at: Time,
}
