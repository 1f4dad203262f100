//! The object of a pass: read live, written with preconditions, its status patched only when it differs.

use std::fmt::Debug;

use jiff::Timestamp;
use kube::api::{Api, DynamicObject, ObjectMeta, Patch, PatchParams};
use kube::core::{ApiResource, DeserializeGuard};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::error::Error;
use super::ownership::is_brought_along;
use super::references::Reference;
use super::scheduler::ObjectKey;
use super::status::{condition, is_refused, keep_times};
use crate::api::common::{AcceptedFinding, CommonStatus};
use crate::api::conditions::ConditionType;
use crate::api::{DELETE_DATA_OF, FINALIZER, RECONCILE_REQUESTED_AT};
use crate::aws::Priority;

/// Field manager of everything the operator writes.
pub const FIELD_MANAGER: &str = "incident-operator";

/// A custom resource of ours.
pub trait ManagedObject:
    Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Its kind.
    const KIND: &'static str;
    /// It reaches humans at night: its passes go before everything else (product: Reconciling, Priority).
    const URGENT: bool = false;
    /// It lives in a namespace.
    const NAMESPACED: bool = true;
    /// Its status.
    type Status: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync;

    /// An API client for the objects of `namespace`, or for the cluster.
    fn api(client: Client, namespace: Option<&str>) -> Api<Self>;
    /// The same for objects that may not decode.
    fn guarded_api(client: Client, namespace: Option<&str>) -> Api<DeserializeGuard<Self>>;
    /// The status, if there is one.
    fn status(&self) -> Option<&Self::Status>;
    /// The part of the status that every kind has.
    fn common_status(status: &Self::Status) -> &CommonStatus;
    /// The same, to change.
    fn common_status_mut(status: &mut Self::Status) -> &mut CommonStatus;
    /// `spec.suspend`.
    fn suspended(&self) -> bool;
    /// `spec.acceptedFindings`.
    fn accepted_findings(&self) -> &[AcceptedFinding];
    /// Name of the ProviderConfig that the spec names, `default` when it names none; `None` for kinds that name none by themselves.
    fn provider_config(&self) -> Option<&str>;

    /// What its spec refers to, as far as that may still matter.
    fn references(&self) -> Vec<Reference> {
        vec![]
    }

    /// Its name in the space of names that several kinds share in AWS.
    fn alias(&self) -> Option<String> {
        None
    }

    /// Deleted, it stays in AWS as it is: whoever refers to it loses nothing. Pure.
    fn is_retained(&self) -> bool {
        false
    }

    /// It waits for objects of other kinds to be gone: when one is, it is looked at again. Pure.
    fn waits_for_others(&self) -> bool {
        false
    }

    /// Whether a backup or a copy brought its status along. Pure.
    fn has_old_status(&self) -> bool {
        let common = self.status().map(Self::common_status);
        let ready = common.and_then(|c| condition(c, ConditionType::Ready));
        let created = self.meta().creation_timestamp.as_ref();
        is_brought_along(
            created.map(|at| at.0),
            ready.map(|c| c.last_transition_time.0),
        )
    }

    /// Whether what its status says of AWS is its own: this operator has judged so, and not refused it. Pure.
    fn is_vouched_for(&self) -> bool {
        let common = self.status().map(Self::common_status);
        !(common.is_some_and(is_refused) || self.has_old_status())
    }

    /// When it is judged: never before it was made, whose clock ever is behind, or its status would look as old as one from a backup. Pure.
    fn judged_at(&self, now: Timestamp) -> Timestamp {
        let made = self.meta().creation_timestamp.as_ref();
        made.map_or(now, |made| made.0.max(now))
    }

    /// What those who refer to it look at besides its identity: when it changes, they are woken.
    fn detail(&self) -> String {
        String::new()
    }

    /// Its key.
    fn key(&self) -> ObjectKey {
        ObjectKey {
            kind: Self::KIND,
            namespace: self.namespace(),
            name: self.name_any(),
        }
    }

    /// Whether the operator's finalizer is on it.
    fn has_finalizer(&self) -> bool {
        self.finalizers().iter().any(|f| f == FINALIZER)
    }

    /// How urgent a pass over it is. Pure.
    fn priority(&self) -> Priority {
        if Self::URGENT {
            return Priority::Urgent;
        }
        if self.meta().deletion_timestamp.is_some() {
            return Priority::Edit;
        }
        let common = self.status().map(Self::common_status);
        let observed = common
            .and_then(|c| c.observed_generation)
            .filter(|g| *g >= 0);
        let requested = self.annotations().get(RECONCILE_REQUESTED_AT);
        match observed {
            None if requested.is_none() => Priority::Create,
            Some(observed)
                if Some(observed) == self.meta().generation
                    && requested == common.and_then(|c| c.last_handled_reconcile_at.as_ref()) =>
            {
                let ready = common
                    .and_then(|c| condition(c, ConditionType::Ready))
                    .is_some_and(|c| c.status == "True");
                // What has not come about yet is a creation still, whatever it waited for.
                if ready {
                    Priority::Drift
                } else {
                    Priority::Create
                }
            }
            _ => Priority::Edit,
        }
    }
}

/// Implements [`ManagedObject`] for a namespaced kind whose spec and status embed the common fields. What follows a `;` goes into the
/// implementation as it is.
macro_rules! managed_object {
    ($kind:ty, $status:ty, $name:literal, |$spec:ident| suspended: $suspended:expr, accepted: $accepted:expr, provider: $provider:expr $(; $($more:tt)*)?) => {
        impl $crate::engine::ManagedObject for $kind {
            const KIND: &'static str = $name;
            type Status = $status;

            fn api(client: kube::Client, namespace: Option<&str>) -> kube::Api<Self> {
                kube::Api::namespaced(client, namespace.unwrap_or_default())
            }
            fn guarded_api(
                client: kube::Client,
                namespace: Option<&str>,
            ) -> kube::Api<kube::core::DeserializeGuard<Self>> {
                match namespace {
                    Some(namespace) => kube::Api::namespaced(client, namespace),
                    None => kube::Api::all(client),
                }
            }
            fn status(&self) -> Option<&Self::Status> {
                self.status.as_ref()
            }
            fn common_status(status: &Self::Status) -> &$crate::api::common::CommonStatus {
                &status.common
            }
            fn common_status_mut(
                status: &mut Self::Status,
            ) -> &mut $crate::api::common::CommonStatus {
                &mut status.common
            }
            fn suspended(&self) -> bool {
                let $spec = &self.spec;
                $suspended
            }
            fn accepted_findings(&self) -> &[$crate::api::common::AcceptedFinding] {
                let $spec = &self.spec;
                $accepted
            }
            fn provider_config(&self) -> Option<&str> {
                let $spec = &self.spec;
                $provider
            }
            $($($more)*)?
        }
    };
}
pub(crate) use managed_object;

/// Orders objects by age, the eldest first.
pub fn age(meta: &ObjectMeta) -> (Option<Timestamp>, Option<&str>) {
    let created = meta.creation_timestamp.as_ref();
    (created.map(|at| at.0), meta.uid.as_deref())
}

/// What wakes an object when it changes: anything but what the operator itself writes.
#[derive(Debug, PartialEq, Eq)]
pub struct Trigger {
    uid: Option<String>,
    generation: Option<i64>,
    deleting: bool,
    requested: Option<String>,
    confirmed: Option<String>,
}

/// The trigger of an object's metadata.
pub fn trigger<K: Resource>(object: &K) -> Trigger {
    let annotation = |name| {
        let annotations = object.meta().annotations.as_ref();
        annotations.and_then(|a| a.get(name)).cloned()
    };
    Trigger {
        uid: object.meta().uid.clone(),
        generation: object.meta().generation,
        deleting: object.meta().deletion_timestamp.is_some(),
        requested: annotation(RECONCILE_REQUESTED_AT),
        confirmed: annotation(DELETE_DATA_OF),
    }
}

/// The object of a pass as the API server last gave it to us.
pub struct Live<K: ManagedObject> {
    client: Client,
    /// The object.
    pub object: K,
    /// The API server has just said that this is its latest state: it was read, or written on that precondition.
    pub fresh: bool,
    /// The API server has just said that there is no such object.
    pub gone: bool,
}

impl<K: ManagedObject> Live<K> {
    /// Wraps an object that was just read.
    pub fn new(client: Client, object: K) -> Self {
        Self {
            client,
            object,
            fresh: true,
            gone: false,
        }
    }

    /// Wraps an object as a watch has seen it.
    pub fn cached(client: Client, object: K) -> Self {
        Self {
            client,
            object,
            fresh: false,
            gone: false,
        }
    }

    fn api(&self) -> Api<K> {
        K::api(self.client.clone(), self.object.namespace().as_deref())
    }

    /// The current status, or an empty one.
    pub fn status(&self) -> K::Status {
        self.object.status().cloned().unwrap_or_default()
    }

    /// Puts the finalizer on, unless it is there. Fails with `Outdated` when the object has changed or gone meanwhile:
    /// without it nothing may be written to AWS.
    pub async fn add_finalizer(&mut self) -> Result<(), Error> {
        if self.object.has_finalizer() {
            return Ok(());
        }
        let mut finalizers = self.object.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        if self.write_finalizers(&finalizers).await? {
            Ok(())
        } else {
            Err(Error::Outdated)
        }
    }

    /// Takes the finalizer off. An object that is gone already is fine.
    pub async fn remove_finalizer(&mut self) -> Result<(), Error> {
        let finalizers: Vec<String> = self
            .object
            .finalizers()
            .iter()
            .filter(|f| *f != FINALIZER)
            .cloned()
            .collect();
        if finalizers.len() == self.object.finalizers().len() {
            return Ok(());
        }
        self.write_finalizers(&finalizers).await.map(|_| ())
    }

    /// False when the object is gone.
    async fn write_finalizers(&mut self, finalizers: &[String]) -> Result<bool, Error> {
        let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": self.object.resource_version()}});
        match self
            .api()
            .patch(
                &self.object.name_any(),
                &parameters(),
                &Patch::Merge(&patch),
            )
            .await
        {
            Ok(object) => {
                self.object = object;
                self.fresh = true;
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
            // Written; only the answer does not decode, which happens with an object that never did.
            Err(kube::Error::SerdeError(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the status if it differs, and only what differs, on the precondition that nobody else has written the object.
    pub async fn write_status(&mut self, status: &K::Status) -> Result<bool, Error> {
        // Most passes change nothing.
        if self.object.status() == Some(status) {
            return Ok(false);
        }
        let mut status = status.clone();
        // What a backup brought begins anew.
        if let Some(written) = self
            .object
            .status()
            .filter(|_| !self.object.has_old_status())
        {
            keep_times(K::common_status_mut(&mut status), K::common_status(written));
        }
        let before = self
            .object
            .status()
            .map(serde_json::to_value)
            .transpose()
            .map_err(|e| unreadable(&e))?
            .unwrap_or(Value::Null);
        let after = serde_json::to_value(&status).map_err(|e| unreadable(&e))?;
        let Some(difference) = merge_difference(&before, &after) else {
            return Ok(false);
        };
        let patch = json!({"metadata": {"resourceVersion": self.object.resource_version()}, "status": difference});
        match self
            .api()
            .patch_status(
                &self.object.name_any(),
                &parameters(),
                &Patch::Merge(&patch),
            )
            .await
        {
            Ok(object) => {
                self.object = object;
                self.fresh = true;
                Ok(true)
            }
            // What was to be written down is not: whoever wanted to go on because of it must not.
            Err(kube::Error::Api(status)) if status.is_not_found() => {
                self.gone = true;
                Err(Error::Outdated)
            }
            Err(kube::Error::SerdeError(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::Kubernetes(format!(
        "a status cannot be written as JSON at line {}",
        error.line()
    ))
}

fn parameters() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// The JSON merge patch (RFC 7396) that turns `before` into `after`; `None` when they are equal.
pub fn merge_difference(before: &Value, after: &Value) -> Option<Value> {
    if before == after {
        return None;
    }
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return Some(after.clone());
    };
    let mut patch = Map::new();
    for key in before.keys().filter(|k| !after.contains_key(*k)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in after {
        let difference = merge_difference(before.get(key).unwrap_or(&Value::Null), value);
        if let Some(difference) = difference {
            patch.insert(key.clone(), difference);
        }
    }
    Some(Value::Object(patch))
}

/// An API client that reads what cannot be decoded as `K`.
pub fn dynamic_api<K: ManagedObject>(
    client: Client,
    namespace: Option<&str>,
) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<K>(&());
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    }
}

/// Reads an object that does not decode, leniently: every field of spec and status that stands in the way is left out, and a
/// `deletionPolicy` or `managementPolicy` that is not understood becomes `Retain`. For deletion only.
pub fn decode_leniently<K: ManagedObject>(object: &DynamicObject) -> Option<K> {
    let raw = serde_json::to_value(object).ok()?;
    let mut bare = raw.clone();
    bare.as_object_mut()?.remove("status");
    let decodes = |candidate: &Value| serde_json::from_value::<K>(candidate.clone()).is_ok();
    let mut empty = bare.clone();
    empty["spec"] = json!({});
    // A kind may have fields that it cannot do without: then one alone may be left out, if it is not one of these.
    let but_one = |field: &String| {
        let mut candidate = bare.clone();
        candidate["spec"].as_object_mut()?.remove(field);
        Some(candidate)
    };
    let fields = raw["spec"].as_object().into_iter().flatten();
    let but_one = fields.filter_map(|(field, _)| but_one(field));
    let mut accepted = std::iter::once(empty)
        .chain(std::iter::once(bare.clone()))
        .chain(but_one)
        .find(decodes)?;
    let mut not_understood = false;
    for part in ["spec", "status"] {
        for (field, value) in raw
            .get(part)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let mut candidate = accepted.clone();
            candidate[part][field] = value.clone();
            if decodes(&candidate) {
                accepted = candidate;
            } else if field == "deletionPolicy" || field == "managementPolicy" {
                not_understood = true;
            }
        }
    }
    if not_understood {
        accepted["spec"]["deletionPolicy"] = json!("Retain");
    }
    serde_json::from_value(accepted).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::common::DeletionPolicy;
    use crate::api::{AlternateContact, Contact};

    /// RFC 7396, written down once more so that the difference is held against something else than itself.
    fn apply_merge(target: &Value, patch: &Value) -> Value {
        let Value::Object(patch) = patch else {
            return patch.clone();
        };
        let mut target = target.as_object().cloned().unwrap_or_default();
        for (key, value) in patch {
            if value.is_null() {
                target.remove(key);
            } else {
                let merged = apply_merge(target.get(key).unwrap_or(&Value::Null), value);
                target.insert(key.clone(), merged);
            }
        }
        Value::Object(target)
    }

    #[test]
    fn the_difference_turns_before_into_after() {
        let before = json!({"a": 1, "gone": {"x": 1}, "nested": {"keep": [1, 2], "drop": true}});
        let after = json!({"a": 2, "nested": {"keep": [1, 2], "new": "n"}, "list": []});
        let patch = merge_difference(&before, &after).unwrap();
        assert_eq!(apply_merge(&before, &patch), after);
        assert_eq!(
            patch,
            json!({"a": 2, "gone": null, "nested": {"drop": null, "new": "n"}, "list": []})
        );
        assert_eq!(merge_difference(&after, &after), None);
    }

    fn dynamic(spec: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact",
            "metadata": {"name": "a", "namespace": "n"}, "spec": spec,
            "status": {"arn": "arn:x", "origin": "Conjured"}
        }))
        .unwrap()
    }

    /// A contact that was made at 10:00 and judged at another time, as that says.
    fn judged(at: &str, status: &str, reason: &str) -> Contact {
        serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact",
            "metadata": {"name": "a", "namespace": "n", "creationTimestamp": "2026-11-22T10:00:00Z"},
            "spec": {"deletionPolicy": "Retain"},
            "status": {"conditions": [{
                "type": "Ready", "status": status, "reason": reason, "message": "", "lastTransitionTime": at,
            }]},
        }))
        .unwrap()
    }

    #[test]
    fn what_was_judged_before_it_was_made_or_refused_is_not_vouched_for() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let own = judged("2026-11-22T10:00:00Z", "True", "InSync");
        assert!(own.is_vouched_for() && !own.has_old_status());
        let copy = judged("2026-11-22T09:59:59Z", "True", "InSync");
        assert!(!copy.is_vouched_for() && copy.has_old_status());
        let behind: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let made = own.metadata.creation_timestamp.as_ref().unwrap().0;
        assert_eq!(own.judged_at(behind), made, "such a clock tells nothing");
        assert_eq!(own.judged_at(now), now);
        for reason in [
            "OwnedByAnother",
            "AlreadyExists",
            "AdoptionNotAllowed",
            "AdoptionWouldChange",
        ] {
            assert!(!judged("2026-11-22T11:00:00Z", "False", reason).is_vouched_for());
        }
        let broken = judged("2026-11-22T11:00:00Z", "False", "AccessDenied");
        assert!(broken.is_vouched_for(), "it is still its own");
    }

    #[test]
    fn whoever_stays_in_aws_does_not_leave() {
        use crate::engine::directory::View as _;
        use kube::core::DeserializeGuard;
        let mut contact = judged("2026-11-22T11:00:00Z", "True", "InSync");
        let leaving = |contact: &Contact| DeserializeGuard(Ok(contact.clone())).leaving();
        assert!(!leaving(&contact));
        contact.metadata.deletion_timestamp = contact.metadata.creation_timestamp.clone();
        assert!(!leaving(&contact), "retained");
        contact.spec.common.deletion_policy = Some(DeletionPolicy::Delete);
        assert!(leaving(&contact));
        contact.spec.common.deletion_policy = None;
        assert!(leaving(&contact), "what was created goes by default");
        contact.status.as_mut().unwrap().common.origin = Some(crate::api::common::Origin::Adopted);
        assert!(!leaving(&contact), "what was adopted stays by default");
    }

    #[test]
    fn an_unknown_policy_means_retain() {
        let contact: Contact = decode_leniently(&dynamic(
            &json!({"alias": "a", "deletionPolicy": "Archive"}),
        ))
        .unwrap();
        assert_eq!(
            contact.spec.common.deletion_policy,
            Some(DeletionPolicy::Retain)
        );
        assert_eq!(contact.spec.alias.as_deref(), Some("a"));
        let contact: Contact = decode_leniently(&dynamic(
            &json!({"managementPolicy": "Watch", "deletionPolicy": "Delete"}),
        ))
        .unwrap();
        assert_eq!(
            contact.spec.common.deletion_policy,
            Some(DeletionPolicy::Retain)
        );
    }

    #[test]
    fn a_kind_that_cannot_do_without_a_field_is_readable_too() {
        let object = |more: &Value| {
            let mut object = dynamic(&json!({"type": "Security", "title": "Team", "name": "Team"}));
            object.types.as_mut().unwrap().kind = "AlternateContact".to_owned();
            object.metadata.namespace = None;
            apply_merge_into(&mut object.data["spec"], more);
            decode_leniently::<AlternateContact>(&object)
        };
        let read = object(&json!({})).unwrap();
        assert_eq!(read.spec.title, "Team");
        let read = object(&json!({"deletionPolicy": "Archive"})).unwrap();
        assert_eq!(
            read.spec.common.deletion_policy,
            Some(DeletionPolicy::Retain)
        );
        assert!(object(&json!({"reviewIntervalDays": "often"})).is_some());
        assert!(object(&json!({"type": "Other"})).is_none());
    }

    fn apply_merge_into(target: &mut Value, patch: &Value) {
        *target = apply_merge(target, patch);
    }

    #[test]
    fn what_is_readable_is_kept() {
        let contact: Contact = decode_leniently(&dynamic(
            &json!({"deletionPolicy": "Delete", "channels": "none"}),
        ))
        .unwrap();
        assert_eq!(
            contact.spec.common.deletion_policy,
            Some(DeletionPolicy::Delete)
        );
        assert_eq!(contact.status.unwrap().common.arn.as_deref(), Some("arn:x"));
    }
}
