//! `RotationOverride`: glue between the engine and the pure files of this room.

use kube::ResourceExt;

use crate::api::RotationOverride;
use crate::api::common::CommonSpec;
use crate::api::rotation_override::{OverridePhase, RotationOverrideStatus};
use crate::engine::ExternalObject;
use crate::engine::object::{ManagedObject, managed_object};
use crate::engine::references::{Named, Reference};

/// Kinds that may be on call.
const PERSON: &[&str] = &[crate::api::Contact::KIND];
/// Kinds that have rotations.
const SCHEDULE: &[&str] = &[crate::api::OnCallSchedule::KIND];

managed_object!(RotationOverride, RotationOverrideStatus, "RotationOverride", |spec|
suspended: spec.common.suspend.unwrap_or(false),
accepted: spec.common.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(spec.common.provider_config_ref.as_ref().map_or("default", |r| r.name.as_str()));
const URGENT: bool = true;
fn references(&self) -> Vec<Reference> {
    // What is over holds nobody back.
    if self.status.as_ref().is_some_and(|s| s.phase == Some(OverridePhase::Completed)) {
        return vec![];
    }
    let namespace = self.namespace();
    let schedule = Reference {
        named: Named::Object {
            kind: crate::api::OnCallSchedule::KIND,
            namespace: namespace.clone(),
            name: self.spec.schedule_ref.name.clone(),
        },
        kinds: SCHEDULE,
    };
    let swapped = self.spec.substitutions.iter().flatten().flat_map(|s| [&s.out, &s.in_]);
    let people = swapped.chain(self.spec.contact_refs.iter().flatten());
    let people = people.map(|p| Reference::new(p, namespace.as_deref(), PERSON));
    std::iter::once(schedule).chain(people).collect()
});

impl ExternalObject for RotationOverride {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
}
