//! `AccessGrant`: lets objects of other namespaces refer to objects here.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::provider_config::selector_schema;

/// Lets objects of other namespaces refer to objects in this one. Grants add up; without one, only objects of this namespace may refer to
/// what is here. Taking a grant away takes nothing out of AWS: what was put there stays, and nothing new is added.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "AccessGrant",
    namespaced,
    derive = "PartialEq",
    shortname = "imag",
    category = "incident-manager",
    doc = "Lets objects of other namespaces refer to objects in this one. Grants add up; without one, only objects of this namespace may refer to what is here.",
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
pub struct AccessGrantSpec {
    /// Who may refer: any one of these.
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-list-type" = "atomic"))]
    pub from: Vec<GrantFrom>,
    /// What they may refer to: any one of these.
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-list-type" = "atomic"))]
    pub to: Vec<GrantTo>,
}

/// A kind and the namespaces in which its objects may refer to what is here.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.__namespace__) != has(self.namespaceSelector)")
        .message("give either namespace or namespaceSelector (namespaceSelector: {} selects every namespace)")
)]
pub struct GrantFrom {
    /// Kind of the objects that may refer.
    pub kind: ReferringKind,
    /// The one namespace they may be in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Selects by label the namespaces they may be in; `{}` selects all. Whoever may label namespaces decides with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "selector_schema")]
    pub namespace_selector: Option<LabelSelector>,
}

/// Objects of this namespace that may be referred to.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantTo {
    /// Their kind.
    pub kind: ReferredKind,
    /// Their names. Absent = all of that kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub names: Option<Vec<String>>,
}

/// A kind whose objects refer to others.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum ReferringKind {
    /// Its rotations name contacts.
    OnCallSchedule,
    /// It names a schedule and contacts.
    RotationOverride,
    /// Its stages name contacts and schedules.
    EscalationPlan,
    /// It engages escalation plans, schedules and contacts.
    ResponsePlan,
    /// It is started from a response plan.
    Incident,
    /// It pages a contact, a schedule or an escalation plan.
    TestPage,
}

impl ReferringKind {
    /// The kind's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnCallSchedule => "OnCallSchedule",
            Self::RotationOverride => "RotationOverride",
            Self::EscalationPlan => "EscalationPlan",
            Self::ResponsePlan => "ResponsePlan",
            Self::Incident => "Incident",
            Self::TestPage => "TestPage",
        }
    }
}

/// A kind whose objects others refer to.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum ReferredKind {
    /// A person.
    Contact,
    /// A schedule.
    OnCallSchedule,
    /// An escalation plan.
    EscalationPlan,
    /// A response plan.
    ResponsePlan,
}

impl ReferredKind {
    /// The kind's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "Contact",
            Self::OnCallSchedule => "OnCallSchedule",
            Self::EscalationPlan => "EscalationPlan",
            Self::ResponsePlan => "ResponsePlan",
        }
    }
}
