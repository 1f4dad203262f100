//! Things come in any order; whoever waits says for what, and goes on by itself when it comes.

use harness::{World, checks, seconds};
use serde_json::json;

use crate::support::{build, contact, contact_with, event, mutations, secret, stage};

#[tokio::test]
async fn a_contact_before_its_secret() {
    let world = stage("before-secret").await;
    let from = json!({"secretKeyRef": {"name": "people", "key": "mobile"}});
    world
        .apply_value(contact_with(
            "alice",
            &json!({
                "channels": [{"name": "mobile", "type": "SMS", "addressFrom": from}],
                "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}],
            }),
        ))
        .await;
    let waiting = world
        .condition("Contact", "alice", "Ready", "False", "ReferenceNotFound")
        .await;
    assert!(waiting.message.contains("Secret \"people\""), "{waiting}");
    world
        .condition(
            "Contact",
            "alice",
            "ReferencesResolved",
            "False",
            "ReferenceNotFound",
        )
        .await;
    assert!(checks::condition(&world.get("Contact", "alice").await, "Stalled").is_none());
    event(&world, "Contact", "alice", "ReferenceNotFound", "people").await;
    // A Secret that is not meant for the operator is not read.
    let mut unlabelled = secret("people", &json!({"other": "x"}));
    unlabelled["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("labels");
    world.apply_value(unlabelled).await;
    world.reconcile_now("Contact", "alice").await;
    world
        .condition("Contact", "alice", "Ready", "False", "SecretNotLabelled")
        .await;
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    world
        .apply_value(secret("people", &json!({"other": "x"})))
        .await;
    let waiting = world
        .condition("Contact", "alice", "Ready", "False", "ReferenceNotFound")
        .await;
    assert!(waiting.message.contains("key \"mobile\""), "{waiting}");
    world
        .apply_value(secret("people", &json!({"mobile": "+15005550140"})))
        .await;
    soon_ready(&world, "alice").await;
    world
        .condition("Contact", "alice", "ReferencesResolved", "True", "Resolved")
        .await;
    world.finish().await;
}

/// By a watch, that is: the fallback would take a minute.
async fn soon_ready(world: &World, name: &str) {
    world
        .eventually(&format!("{name} is ready soon"), seconds(12), async || {
            checks::is_ready(&world.get("Contact", name).await)
        })
        .await;
}

#[tokio::test]
async fn a_contact_before_its_provider_config() {
    let world = build(World::builder("before-config").without_provider()).await;
    world.apply_value(contact("alice")).await;
    let waiting = world
        .condition(
            "Contact",
            "alice",
            "Ready",
            "False",
            "ProviderConfigNotFound",
        )
        .await;
    assert!(waiting.message.contains(&world.id), "{waiting}");
    assert!(
        world.calls(0).await.is_empty(),
        "no ProviderConfig, no call"
    );
    world.apply_value(world.provider_config()).await;
    soon_ready(&world, "alice").await;
    world.finish().await;
}

#[tokio::test]
async fn a_contact_before_the_account_is_set_up() {
    let world = build(World::builder("before-set-up").not_onboarded()).await;
    world.apply_value(contact("alice")).await;
    let waiting = world
        .condition("Contact", "alice", "Ready", "False", "NoReplicationSet")
        .await;
    assert!(waiting.message.contains(&world.account), "{waiting}");
    world
        .condition(
            "ProviderConfig",
            &world.id.clone(),
            "Ready",
            "False",
            "NoReplicationSet",
        )
        .await;
    assert_eq!(
        world.get("ProviderConfig", &world.id).await.data["status"]["replicationSet"],
        "None"
    );
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    // Somebody sets Incident Manager up in the console.
    world
        .incidents()
        .create_replication_set()
        .regions(
            world.region.clone(),
            aws_sdk_ssmincidents::types::RegionMapInputValue::builder().build(),
        )
        .send()
        .await
        .unwrap();
    // AWS cannot be watched: it is asked every 20 seconds.
    world.ready("Contact", "alice").await;
    assert_eq!(
        world.get("ProviderConfig", &world.id).await.data["status"]["replicationSet"],
        "Active"
    );
    world.finish().await;
}

#[tokio::test]
async fn everything_at_once_in_the_wrong_order_and_all_deleted_at_once() {
    let world = build(World::builder("at-once").without_provider().not_onboarded()).await;
    let from = json!({"secretKeyRef": {"name": "people", "key": "mobile"}});
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ChannelActivation", "metadata": {"name": "first"},
            "spec": {"contactRef": {"name": "alice"}, "channel": "mobile"},
        }))
        .await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({
                "channels": [{"name": "mobile", "type": "SMS", "addressFrom": from}],
                "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}],
            }),
        ))
        .await;
    world.apply_value(contact("bob")).await;
    world.apply_value(world.provider_config()).await;
    world
        .apply_value(secret("people", &json!({"mobile": "+15005550141"})))
        .await;
    world
        .simulator
        .onboard(&world.account, &[&world.region])
        .await
        .unwrap();
    world.ready("Contact", "alice").await;
    world.ready("Contact", "bob").await;
    world
        .condition(
            "ChannelActivation",
            "first",
            "Ready",
            "True",
            "AwaitingCode",
        )
        .await;
    assert_eq!(world.codes_sent().await, 1);
    crate::support::in_sync(&world).await;

    // All of it goes at once, the ProviderConfig first.
    let config = world.id.clone();
    world.delete("ProviderConfig", &config).await;
    world.delete("Secret", "people").await;
    world.delete("Contact", "alice").await;
    world.delete("ChannelActivation", "first").await;
    world.delete("Contact", "bob").await;
    for (kind, name) in [
        ("Contact", "alice"),
        ("Contact", "bob"),
        ("ChannelActivation", "first"),
        ("ProviderConfig", &config),
    ] {
        world.gone(kind, name).await;
    }
    world.aws_empty().await;
    world.finish().await;
}
