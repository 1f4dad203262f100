//! In a Region that is not the replication set's first, tags do not work: ownership lives in the status.

use aws_sdk_ssmcontacts::types;
use harness::World;
use kube::ResourceExt as _;
use serde_json::json;

use crate::support::{
    Stage, build, contact, contact_with, event, findings, held, in_sync, must_hold, mutations,
};

async fn second_region(name: &str) -> Stage {
    let world = build(
        World::builder(name)
            .not_onboarded()
            .region("eu-west-1")
            .without_operator(),
    )
    .await;
    world
        .simulator
        .onboard(&world.account, &["us-east-1", "eu-west-1"])
        .await
        .unwrap();
    let mut world = world;
    world.start_operator().await.unwrap();
    world
}

#[tokio::test]
async fn without_tags_a_contact_is_made_changed_and_deleted() {
    let world = second_region("region").await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({"tags": {"team": "payments"}}),
        ))
        .await;
    let object = world.ready("Contact", "alice").await;
    assert!(
        findings(&object).contains(&"TagsUnavailable".to_owned()),
        "{:?}",
        findings(&object)
    );
    assert_eq!(object.data["status"]["origin"], "Created");
    assert_eq!(
        mutations(&world, 0).await,
        [
            "CreateContact",
            "CreateContactChannel",
            "CreateContactChannel",
            "UpdateContact"
        ]
    );
    let calls = world.operator_calls(0).await;
    assert!(
        calls.iter().all(|call| !call.operation.contains("Tag")),
        "tags are not even tried"
    );
    world
        .apply_value(contact_with("alice", &json!({"displayName": "B"})))
        .await;
    world.ready("Contact", "alice").await;
    assert_eq!(
        must_hold(&world, "alice").await.display_name.as_deref(),
        Some("B")
    );
    let arn = must_hold(&world, "alice").await.arn;
    assert!(arn.contains(":eu-west-1:"));
    world
        .contacts()
        .update_contact()
        .contact_id(&arn)
        .display_name("Mallory")
        .send()
        .await
        .unwrap();
    world.reconcile_now("Contact", "alice").await;
    event(&world, "Contact", "alice", "DriftCorrected", "display name").await;
    // Somebody else's object with that alias has no claim.
    world
        .apply_value(contact_with("second", &json!({"alias": "alice"})))
        .await;
    let refused = world.stalled("Contact", "second", "OwnedByAnother").await;
    assert!(refused.message.contains("/alice"), "{refused}");
    world.delete_and_wait("Contact", "second").await;
    assert!(held(&world, "alice").await.is_some());
    world.delete_and_wait("Contact", "alice").await;
    assert!(held(&world, "alice").await.is_none());
    world.finish().await;
}

#[tokio::test]
async fn without_tags_adoption_is_remembered_in_the_status() {
    let world = second_region("region-adopt").await;
    world
        .contacts()
        .create_contact()
        .alias("alice")
        .display_name("Alice")
        .r#type(types::ContactType::Personal)
        .plan(types::Plan::builder().set_stages(Some(vec![])).build())
        .send()
        .await
        .unwrap();
    let bare = json!({"channels": null, "engagementPlan": null, "displayName": "Alice"});
    world.apply_value(contact_with("alice", &bare)).await;
    world.stalled("Contact", "alice", "AlreadyExists").await;
    let mut adopting = bare.clone();
    adopting["adoptionPolicy"] = json!("Adopt");
    world.apply_value(contact_with("alice", &adopting)).await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Retain");
    assert!(
        object
            .finalizers()
            .iter()
            .any(|finalizer| finalizer == "incident-operator.dev/aws")
    );
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    // A second object that would adopt it too is refused: the first holds it.
    let mut second = adopting.clone();
    second["alias"] = json!("alice");
    world.apply_value(contact_with("second", &second)).await;
    let refused = world.stalled("Contact", "second", "OwnedByAnother").await;
    assert!(refused.message.contains("alice"), "{refused}");
    world.delete_and_wait("Contact", "second").await;
    in_sync(&world).await;
    world.delete_and_wait("Contact", "alice").await;
    assert!(held(&world, "alice").await.is_some());
    world.finish().await;
}

#[tokio::test]
async fn a_region_outside_the_set_is_named() {
    let world = build(
        World::builder("region-outside")
            .not_onboarded()
            .region("eu-central-1"),
    )
    .await;
    world
        .simulator
        .onboard(&world.account, &["us-east-1"])
        .await
        .unwrap();
    world.apply_value(contact("alice")).await;
    world.reconcile_now("Contact", "alice").await;
    world
        .eventually(
            "it says which Region is missing",
            harness::world::SOON,
            async || {
                let ready =
                    crate::support::condition_now(&world, "Contact", "alice", "Ready").await?;
                (ready.reason == "RegionNotInReplicationSet"
                    && ready.message.contains("eu-central-1"))
                .then_some(())
            },
        )
        .await;
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    world.finish().await;
}
