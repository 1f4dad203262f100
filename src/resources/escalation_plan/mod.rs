//! `EscalationPlan`: glue between the engine and the pure files of this room.

use kube::ResourceExt;

use crate::api::EscalationPlan;
use crate::api::common::CommonSpec;
use crate::api::escalation_plan::{EscalationPlanStatus, EscalationTarget};
use crate::engine::ExternalObject;
use crate::engine::object::{ManagedObject, managed_object};
use crate::engine::references::{Named, Reference};

managed_object!(EscalationPlan, EscalationPlanStatus, "EscalationPlan", |spec|
suspended: spec.common.suspend.unwrap_or(false),
accepted: spec.common.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(spec.common.provider_config_ref.as_ref().map_or("default", |r| r.name.as_str()));
fn references(&self) -> Vec<Reference> {
    let targets = self.spec.stages.iter().flat_map(|s| s.targets.iter().flatten());
    targets.filter_map(|t| reference(t, self.namespace().as_deref())).collect()
});

impl ExternalObject for EscalationPlan {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
}

/// What a target of a plan in `namespace` names.
pub fn reference(target: &EscalationTarget, namespace: Option<&str>) -> Option<Reference> {
    const PERSON: &[&str] = &[crate::api::Contact::KIND];
    const SCHEDULE: &[&str] = &[crate::api::OnCallSchedule::KIND];
    const EITHER: &[&str] = &[crate::api::Contact::KIND, crate::api::OnCallSchedule::KIND];
    if let Some(person) = &target.contact_ref {
        return Some(Reference::new(person, namespace, PERSON));
    }
    if let Some(schedule) = &target.on_call_schedule_ref {
        return Some(Reference::new(schedule, namespace, SCHEDULE));
    }
    Some(Reference {
        named: Named::Arn(target.arn.clone()?),
        kinds: EITHER,
    })
}
