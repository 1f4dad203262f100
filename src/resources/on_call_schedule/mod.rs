//! `OnCallSchedule`: glue between the engine and the pure files of this room.

use kube::ResourceExt;

use crate::api::OnCallSchedule;
use crate::api::common::CommonSpec;
use crate::api::on_call_schedule::{OnCallScheduleStatus, OnMemberDeletion};
use crate::api::reference::ObjectReference;
use crate::engine::ExternalObject;
use crate::engine::object::{ManagedObject, managed_object};
use crate::engine::references::Reference;

/// Kinds that may be members of a rotation.
const PERSON: &[&str] = &[crate::api::Contact::KIND];

managed_object!(OnCallSchedule, OnCallScheduleStatus, "OnCallSchedule", |spec|
suspended: spec.common.suspend.unwrap_or(false),
accepted: spec.common.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(spec.common.provider_config_ref.as_ref().map_or("default", |r| r.name.as_str()));
fn references(&self) -> Vec<Reference> {
    let namespace = self.namespace();
    let rotations = self.spec.rotations.iter().flatten();
    let members = rotations.flat_map(|r| r.contact_refs.iter().map(move |m| (r.name.as_str(), m)));
    members
        // Who was taken out because they were deleted is held back no longer.
        .filter(|(rotation, member)| !was_removed(self, rotation, member))
        .map(|(_, member)| Reference::new(member, namespace.as_deref(), PERSON))
        .collect()
}
fn detail(&self) -> String {
    // Overrides are made for the ARNs of rotations and for whom these have on shift.
    let rotations = self.status.iter().flat_map(|s| &s.rotations);
    let arns = rotations.filter_map(|r| r.arn.as_deref());
    format!("{:?} {}", self.metadata.generation, arns.collect::<Vec<_>>().join(" "))
});

impl ExternalObject for OnCallSchedule {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
}

/// How a manifest names a member, for the status: `name`, `namespace/name` or an ARN.
pub fn member_name(member: &ObjectReference) -> String {
    match (&member.namespace, &member.name, &member.arn) {
        (Some(namespace), Some(name), _) => format!("{namespace}/{name}"),
        (None, Some(name), _) => name.clone(),
        (_, None, arn) => arn.clone().unwrap_or_default(),
    }
}

/// Whether `member` was taken out of `rotation` because their Contact was deleted.
fn was_removed(object: &OnCallSchedule, rotation: &str, member: &ObjectReference) -> bool {
    object.spec.on_member_deletion == Some(OnMemberDeletion::Remove)
        && object
            .status
            .iter()
            .flat_map(|s| &s.rotations)
            .filter(|r| r.name == rotation)
            .any(|r| r.removed_members.contains(&member_name(member)))
}
