//! What AWS publishes nowhere may be either way: the same story under every setting.

use aws_sdk_ssmcontacts::types;
use harness::world::SOON;
use harness::{World, checks, seconds};
use serde_json::{Value, json};

use crate::support::{
    activate_by_hand, build, channel_arn, channel_status, contact, contact_with, held, in_sync,
    must_hold,
};

/// Made, edited, changed by hand, activated, deleted, made again at once, deleted.
async fn basic_story(name: &str, knobs: &Value) {
    let mut world = build(World::builder(name).without_operator()).await;
    world
        .simulator
        .knobs(Some(&world.account), knobs)
        .await
        .unwrap();
    world.start_operator().await.unwrap();
    // Slow settings make for slow steps, but each comes to its end.
    let ready = async |what: &str, name: &str| {
        world
            .eventually(
                &format!("{what}: {name} is ready"),
                seconds(60),
                async || {
                    let object = world.find("Contact", name).await?;
                    checks::is_ready(&object).then_some(object)
                },
            )
            .await
    };
    world.apply_value(contact("alice")).await;
    ready("made", "alice").await;
    in_sync(&world).await;

    // A new channel, a new address, a new name, a new plan, a tag.
    let mut edited = contact_with(
        "alice",
        &json!({"displayName": "Alice B", "tags": {"team": "payments"}}),
    );
    let channels = edited["spec"]["channels"].as_array_mut().unwrap();
    channels[0]["address"] = json!("+15005550161");
    channels[1]["name"] = json!("post");
    channels.push(json!({"name": "voice", "type": "Voice", "address": "+15005550161"}));
    edited["spec"]["engagementPlan"] = json!([
        {"channel": "mobile", "engageAfterMinutes": 0}, {"channel": "voice", "engageAfterMinutes": 3}, {"channel": "post", "engageAfterMinutes": 3},
    ]);
    world.apply_value(edited.clone()).await;
    ready("edited", "alice").await;
    in_sync(&world).await;

    // A channel goes and comes back at once.
    let mut fewer = edited.clone();
    fewer["spec"]["channels"].as_array_mut().unwrap().remove(2);
    fewer["spec"]["engagementPlan"]
        .as_array_mut()
        .unwrap()
        .remove(1);
    world.apply_value(fewer).await;
    ready("a channel gone", "alice").await;
    in_sync(&world).await;
    world.apply_value(edited.clone()).await;
    world
        .eventually("the channel is back", SOON, async || {
            must_hold(&world, "alice").await.channels.len() == 3
        })
        .await;
    ready("and back", "alice").await;
    in_sync(&world).await;

    // Activated, then moved to another number: whatever AWS makes of that is shown, and no opt-out.
    let mobile = channel_arn(&world, "alice", "mobile").await;
    activate_by_hand(&world, &mobile).await;
    world.reconcile_now("Contact", "alice").await;
    let mut moved = edited.clone();
    moved["spec"]["allowUnreachable"] = json!(true);
    moved["spec"]["channels"][0]["address"] = json!("+15005550162");
    world.apply_value(moved).await;
    let object = ready("moved", "alice").await;
    in_sync(&world).await;
    let aws = must_hold(&world, "alice").await;
    let activated = aws
        .channels
        .iter()
        .find(|channel| channel.arn == mobile)
        .unwrap()
        .activated;
    let shown = channel_status(&object, "mobile");
    assert_eq!(shown["activation"] == "Activated", activated, "{shown}");
    assert!(shown["optedOut"].is_null(), "{shown}");

    // By hand.
    let client = world.contacts();
    client
        .update_contact()
        .contact_id(&aws.arn)
        .display_name("Mallory")
        .send()
        .await
        .unwrap();
    let voice = channel_arn(&world, "alice", "voice").await;
    client
        .delete_contact_channel()
        .contact_channel_id(&voice)
        .send()
        .await
        .unwrap();
    world
        .eventually(
            "what was done by hand is put back",
            seconds(60),
            async || {
                world.reconcile_now("Contact", "alice").await;
                let aws = must_hold(&world, "alice").await;
                aws.channels.len() == 3 && aws.display_name.as_deref() == Some("Alice B")
            },
        )
        .await;
    ready("put back", "alice").await;
    in_sync(&world).await;

    // Deleted, and made again under the same name before AWS has forgotten anything.
    world.delete_and_wait("Contact", "alice").await;
    assert!(held(&world, "alice").await.is_none());
    world.apply_value(contact("alice")).await;
    ready("made again", "alice").await;
    world
        .eventually("all of it", SOON, async || {
            held(&world, "alice")
                .await
                .is_some_and(|aws| aws.channels.len() == 2)
        })
        .await;
    in_sync(&world).await;
    world.apply_value(contact("bob")).await;
    world.delete("Contact", "bob").await;
    world.delete_and_wait("Contact", "alice").await;
    world.gone("Contact", "bob").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn as_it_is_by_default() {
    basic_story("knob-default", &json!({})).await;
}

#[tokio::test]
async fn errors_with_the_status_codes_of_the_model() {
    basic_story(
        "knob-status",
        &json!({"contacts_error_http_status": "smithy"}),
    )
    .await;
}

#[tokio::test]
async fn a_new_address_keeps_the_activation() {
    basic_story(
        "knob-address",
        &json!({"address_change_resets_activation": "no"}),
    )
    .await;
}

#[tokio::test]
async fn tokens_are_not_remembered() {
    basic_story("knob-no-tokens", &json!({"idempotency_window_seconds": 0})).await;
}

#[tokio::test]
async fn tokens_of_deleted_things_make_new_ones() {
    basic_story("knob-token-new", &json!({"token_after_delete": "new"})).await;
}

#[tokio::test]
async fn channels_of_one_name_and_address_are_accepted() {
    basic_story("knob-duplicates", &json!({"duplicate_channel": "accept"})).await;
}

#[tokio::test]
async fn what_was_made_is_seen_late() {
    basic_story("knob-late", &json!({"consistency_delay_ms": 700})).await;
}

#[tokio::test]
async fn what_was_made_is_seen_late_and_may_exist_twice() {
    let knobs = json!({"consistency_delay_ms": 700, "duplicate_channel": "accept", "idempotency_window_seconds": 0});
    basic_story("knob-late-twice", &knobs).await;
}

#[tokio::test]
async fn tags_work_everywhere() {
    let world = build(
        World::builder("knob-tags")
            .not_onboarded()
            .region("eu-west-1"),
    )
    .await;
    world
        .simulator
        .knobs(
            Some(&world.account),
            &json!({"tags_outside_first_region": "work"}),
        )
        .await
        .unwrap();
    world
        .simulator
        .onboard(&world.account, &["us-east-1", "eu-west-1"])
        .await
        .unwrap();
    world
        .apply_value(contact_with(
            "alice",
            &json!({"tags": {"team": "payments"}}),
        ))
        .await;
    world.ready("Contact", "alice").await;
    world
        .apply_value(contact_with("alice", &json!({"displayName": "B"})))
        .await;
    world.ready("Contact", "alice").await;
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

/// AWS cannot be watched: somebody who does not want to wait asks. The contact is woken by what the ProviderConfig finds.
async fn asked_again_until_ready(world: &World) {
    world
        .eventually(
            "ready once the account is set up",
            seconds(60),
            async || {
                world.reconcile_now("ProviderConfig", &world.id).await;
                tokio::time::sleep(seconds(1)).await;
                checks::is_ready(&world.get("Contact", "alice").await)
            },
        )
        .await;
}

#[tokio::test]
async fn an_error_without_words_is_understood_before_the_account_is_set_up() {
    let mut world = build(
        World::builder("knob-words")
            .not_onboarded()
            .without_operator(),
    )
    .await;
    world
        .simulator
        .knobs(
            Some(&world.account),
            &json!({"empty_validation_message": "yes"}),
        )
        .await
        .unwrap();
    world.start_operator().await.unwrap();
    world.apply_value(contact("alice")).await;
    world
        .condition("Contact", "alice", "Ready", "False", "NoReplicationSet")
        .await;
    world
        .simulator
        .onboard(&world.account, &[&world.region])
        .await
        .unwrap();
    asked_again_until_ready(&world).await;
    // Off-boarded under our feet: not the spec's fault, and nothing is left to delete.
    world.simulator.offboard(&world.account).await.unwrap();
    world.reconcile_now("Contact", "alice").await;
    world
        .condition("Contact", "alice", "Ready", "False", "NoReplicationSet")
        .await;
    world.delete_and_wait("Contact", "alice").await;
    world.finish().await;
}

#[tokio::test]
async fn set_up_anew_everything_is_made_again() {
    let world = build(World::builder("anew")).await;
    world.apply_value(contact("alice")).await;
    world.apply_value(contact("bob")).await;
    world.ready("Contact", "alice").await;
    world.ready("Contact", "bob").await;
    world.simulator.offboard(&world.account).await.unwrap();
    for name in ["alice", "bob"] {
        world.reconcile_now("Contact", name).await;
        world
            .condition("Contact", name, "Ready", "False", "NoReplicationSet")
            .await;
    }
    world
        .simulator
        .onboard(&world.account, &[&world.region])
        .await
        .unwrap();
    asked_again_until_ready(&world).await;
    world.ready("Contact", "bob").await;
    in_sync(&world).await;
    assert_eq!(world.aws().await.len(), 2);
    world.delete_and_wait("Contact", "alice").await;
    world.delete_and_wait("Contact", "bob").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn a_replication_set_that_takes_its_time_is_waited_for() {
    let world = build(World::builder("knob-state").not_onboarded()).await;
    world
        .simulator
        .knobs(Some(&world.account), &json!({"state_delay_ms": 4000}))
        .await
        .unwrap();
    world.apply_value(contact("alice")).await;
    world
        .condition("Contact", "alice", "Ready", "False", "NoReplicationSet")
        .await;
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
    asked_again_until_ready(&world).await;
    world.finish().await;
}

#[tokio::test]
async fn a_quota_is_named_and_others_go_on() {
    let mut world = build(World::builder("knob-quota").without_operator()).await;
    world
        .simulator
        .knobs(Some(&world.account), &json!({"contacts_quota": 1}))
        .await
        .unwrap();
    world
        .contacts()
        .create_contact()
        .alias("first")
        .r#type(types::ContactType::Personal)
        .plan(types::Plan::builder().set_stages(Some(vec![])).build())
        .send()
        .await
        .unwrap();
    world.start_operator().await.unwrap();
    world.apply_value(contact("alice")).await;
    let stalled = world.stalled("Contact", "alice", "QuotaExceeded").await;
    assert!(stalled.message.contains("CreateContact"), "{stalled}");
    world
        .simulator
        .knobs(Some(&world.account), &json!({"contacts_quota": 1000}))
        .await
        .unwrap();
    world.reconcile_now("Contact", "alice").await;
    world.ready("Contact", "alice").await;
    world.finish().await;
}
