//! `ChannelActivation`: one request to activate a channel.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{AcceptedFinding, CommonStatus, ManagementPolicy};
use super::reference::{LocalReference, ValueFrom};

/// One request to activate a contact's channel. Creating it sends one code to the person; the code given back in a Secret activates the
/// channel. It never sends twice: for another code, make another ChannelActivation.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "ChannelActivation",
    namespaced,
    status = "ChannelActivationStatus",
    derive = "PartialEq",
    shortname = "imca",
    category = "incident-manager",
    doc = "One request to activate a contact's channel. Creating it sends one code to the person; the code given back in a Secret activates the channel.",
    printcolumn(
        name = "Contact",
        type_ = "string",
        json_path = ".spec.contactRef.name"
    ),
    printcolumn(name = "Channel", type_ = "string", json_path = ".spec.channel"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
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
    validation = Rule::new("self.contactRef == oldSelf.contactRef && self.channel == oldSelf.channel && has(self.codeFrom) == has(oldSelf.codeFrom) && (!has(self.codeFrom) || self.codeFrom == oldSelf.codeFrom) && has(self.ttlSecondsAfterFinished) == has(oldSelf.ttlSecondsAfterFinished) && (!has(self.ttlSecondsAfterFinished) || self.ttlSecondsAfterFinished == oldSelf.ttlSecondsAfterFinished)")
        .message("a ChannelActivation is one request and cannot be changed: make a new one"),
    validation = Rule::new("!has(self.ttlSecondsAfterFinished) || self.ttlSecondsAfterFinished >= 0")
        .message("ttlSecondsAfterFinished is 0 or more")
)]
pub struct ChannelActivationSpec {
    /// The Contact, in this namespace.
    pub contact_ref: LocalReference,
    /// Name of the channel in the Contact's spec.channels.
    #[schemars(length(min = 1, max = 255))]
    pub channel: String,
    /// Where the code will be given back: a labelled Secret of this namespace. It may be made after the code has arrived.
    /// Absent = the code is given back elsewhere (the console, the AWS CLI) and only the outcome is shown here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_from: Option<ValueFrom>,
    /// Seconds after which a finished request (Activated, Refused, Expired, SendUnknown) is deleted. Absent = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds_after_finished: Option<i64>,
    /// Absent = `Manage`. `Observe` sends nothing and only shows whether the channel is activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// True = nothing happens until it is unset. Absent = false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Findings that are known and accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub accepted_findings: Option<Vec<AcceptedFinding>>,
}

/// How far the request has come.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct ChannelActivationStatus {
    /// Status fields that every kind has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// How far the request has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<ActivationPhase>,
    /// ARN of the channel for which the code was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_arn: Option<String>,
    /// When the operator recorded that it would send; written before the call. Nothing is ever sent again once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_recorded_at: Option<Time>,
    /// Version of the Secret whose code was refused; another version is tried once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_code_version: Option<String>,
    /// When a final phase was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// How far a request to activate has come.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum ActivationPhase {
    /// Nothing was sent yet; the conditions say what is missing.
    Pending,
    /// A code is about to be sent: the intention is recorded.
    Sending,
    /// A code was sent and is waited for.
    AwaitingCode,
    /// The channel is activated.
    Activated,
    /// The code given back is wrong; a changed Secret is tried again.
    WrongCode,
    /// It is not known whether a code was sent. Ask the person, and make a new ChannelActivation for another code.
    SendUnknown,
    /// No code was sent, on purpose; the conditions say why.
    Refused,
    /// No code was given back within 24 hours.
    Expired,
}

impl ActivationPhase {
    /// Nothing more happens by itself.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Activated | Self::SendUnknown | Self::Refused | Self::Expired
        )
    }
}
