//! One Event a pass, when something was changed or went wrong. Best effort: an Event that cannot be written stops nothing.

use k8s_controller::events::{Event, EventType};
use kube::Resource;

use super::shared::Shared;
use crate::api::conditions::Reason;

/// Publishes what went well.
pub async fn normal<K: Resource<DynamicType = ()>>(
    shared: &Shared,
    object: &K,
    reason: Reason,
    note: &str,
) {
    publish(shared, object, EventType::Normal, reason, note).await;
}

/// Publishes what somebody should look at.
pub async fn warning<K: Resource<DynamicType = ()>>(
    shared: &Shared,
    object: &K,
    reason: Reason,
    note: &str,
) {
    publish(shared, object, EventType::Warning, reason, note).await;
}

async fn publish<K: Resource<DynamicType = ()>>(
    shared: &Shared,
    object: &K,
    type_: EventType,
    reason: Reason,
    note: &str,
) {
    let event = Event {
        type_,
        reason: reason.as_str().to_owned(),
        action: "Reconcile".to_owned(),
        note: Some(note.to_owned()),
        related: None,
    };
    if let Err(error) = shared.events.publish(object, &event).await {
        tracing::debug!(%error, "an event was not written");
    }
}
