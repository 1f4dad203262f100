//! What users write: the custom resources of the group `incident-operator.dev`.
//!
//! serde, schema and CEL only. No I/O and no AWS types; nothing here knows the engine.
//! The doc comment of a field is its user documentation: `kubectl explain` prints it.

pub mod access_grant;
pub mod alternate_contact;
pub mod channel_activation;
pub mod common;
pub mod conditions;
pub mod contact;
pub mod escalation_plan;
pub mod examples;
pub mod incident;
pub mod on_call_schedule;
pub mod provider_config;
pub mod reference;
pub mod replication_set;
pub mod response_plan;
pub mod rotation_override;
pub mod test_page;
pub mod vpc_endpoint;

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

pub use access_grant::AccessGrant;
pub use alternate_contact::AlternateContact;
pub use channel_activation::ChannelActivation;
pub use contact::Contact;
pub use escalation_plan::EscalationPlan;
pub use incident::Incident;
pub use on_call_schedule::OnCallSchedule;
pub use provider_config::ProviderConfig;
pub use replication_set::ReplicationSet;
pub use response_plan::ResponsePlan;
pub use rotation_override::RotationOverride;
pub use test_page::TestPage;
pub use vpc_endpoint::VpcEndpoint;

/// API group of every kind; also the prefix of annotations, labels and finalizers.
pub const GROUP: &str = "incident-operator.dev";
/// API version of every kind.
pub const VERSION: &str = "v1alpha1";
/// Any new value of this annotation reconciles the object now; echoed in `status.lastHandledReconcileAt`.
pub const RECONCILE_REQUESTED_AT: &str = "incident-operator.dev/reconcile-requested-at";
/// A ReplicationSet carries it with the value `<account>/<metadata.uid>` when all data of the account may be deleted.
pub const DELETE_DATA_OF: &str = "incident-operator.dev/delete-data-of";
/// Held by an object from the moment the operator has decided to write to AWS for it.
pub const FINALIZER: &str = "incident-operator.dev/aws";
/// A ProviderConfig carries it while an object uses it.
pub const IN_USE_FINALIZER: &str = "incident-operator.dev/in-use";
/// Secrets are read only when they carry this label with the value `true`.
pub const CONTACT_DATA_LABEL: &str = "incident-operator.dev/contact-data";
/// Marks Incident objects that `spec.mirrorIncidents` of a ResponsePlan has made.
pub const MIRRORED_LABEL: &str = "incident-operator.dev/mirrored";
/// Labels that backup tools put on what they restore. What reaches a human is refused on such objects.
pub const RESTORE_LABELS: &[&str] = &[
    "velero.io/restore-name",
    "cattle.io/restored-from",
    "k10.kasten.io/restored",
];

/// The custom resource definitions of every kind, in the order in which they are best installed.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let mut crds = vec![
        ProviderConfig::crd(),
        ReplicationSet::crd(),
        Contact::crd(),
        ChannelActivation::crd(),
        AccessGrant::crd(),
        OnCallSchedule::crd(),
        RotationOverride::crd(),
        EscalationPlan::crd(),
        ResponsePlan::crd(),
        Incident::crd(),
        TestPage::crd(),
        AlternateContact::crd(),
        #[cfg(feature = "vpc-endpoints")]
        VpcEndpoint::crd(),
    ];
    for crd in &mut crds {
        for version in &mut crd.spec.versions {
            if let Some(schema) = version
                .schema
                .as_mut()
                .and_then(|s| s.open_api_v3_schema.as_mut())
            {
                refuse_null(schema);
            }
        }
    }
    crds
}

/// Takes the text of a type out of its schema: a field of this type then keeps its own, which says what absent means. `kubectl explain`
/// shows one of them only.
fn without_own_text(schema: &mut schemars::Schema) {
    schema.remove("description");
}

/// Takes `nullable` out of a schema: the API server then drops an explicit null instead of storing it, so that absent has one spelling
/// and `has()` in CEL means what it says.
fn refuse_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    for child in schema.properties.iter_mut().flat_map(BTreeMap::values_mut) {
        refuse_null(child);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        refuse_null(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        refuse_null(values);
    }
}

#[cfg(test)]
#[path = "../../tests/admission/cases.rs"]
pub(crate) mod cases;
#[cfg(test)]
mod tests;
