//! How one object names another.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names the ProviderConfig whose account and Region an object lives in.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderConfigReference {
    /// Name of the ProviderConfig.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Names an object of the same namespace.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalReference {
    /// Name of the object in this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Takes a value from a Secret, so that it does not stand in the manifest.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueFrom {
    /// The Secret and key that hold the value.
    pub secret_key_ref: SecretKeyReference,
}

/// One key of one Secret in the object's own namespace.
///
/// The Secret is read only when it carries the label `incident-operator.dev/contact-data: "true"`.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyReference {
    /// Name of the Secret, in the namespace of the object that refers to it; of an AlternateContact, in the operator's own.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in the Secret's data. White space around the value is ignored.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// Names an object in this namespace, an object in another one (an AccessGrant there must allow it), or by ARN something in AWS that this
/// cluster does not manage.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.name) != has(self.arn)")
        .message("give either name (with namespace, for another namespace) or arn"),
    validation = Rule::new("!has(self.__namespace__) || has(self.name)")
        .message("namespace goes with name; an arn stands alone"),
    validation = Rule::new("!has(self.arn) || self.arn.matches('^arn:(aws|aws-cn|aws-us-gov):ssm-contacts:[a-z0-9-]+:[0-9]{12}:contact/[a-z0-9_-]+$')")
        .message("arn is that of a contact: arn:<partition>:ssm-contacts:<region>:<account>:contact/<alias>")
)]
pub struct ObjectReference {
    /// Name of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Namespace of the object. Absent = this one. For another one, an AccessGrant there must allow the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// ARN of what this cluster does not manage. The ProviderConfig must allow it (`unmanagedReferences: Allow`), unless an object here
    /// manages it after all: then the same grant is needed as for its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub arn: Option<String>,
}

/// Names a response plan in this namespace, one in another namespace (an AccessGrant there must allow it), or by ARN one that this cluster
/// does not manage.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.name) != has(self.arn)")
        .message("give either name (with namespace, for another namespace) or arn"),
    validation = Rule::new("!has(self.__namespace__) || has(self.name)")
        .message("namespace goes with name; an arn stands alone"),
    validation = Rule::new("!has(self.arn) || self.arn.matches('^arn:(aws|aws-cn|aws-us-gov):ssm-incidents::[0-9]{12}:response-plan/[a-zA-Z0-9_-]+$')")
        .message("arn is that of a response plan: arn:<partition>:ssm-incidents::<account>:response-plan/<name>")
)]
pub struct ResponsePlanReference {
    /// Name of the ResponsePlan object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Namespace of the object. Absent = this one. For another one, an AccessGrant there must allow the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// ARN of a response plan that this cluster does not manage. The ProviderConfig must allow it (`unmanagedReferences: Allow`), unless an
    /// object here manages it after all: then the same grant is needed as for its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub arn: Option<String>,
}
