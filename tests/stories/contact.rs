//! A contact's life: made, edited field by field, changed by hand in AWS, deleted.

use aws_sdk_ssmcontacts::types;
use harness::When;
use harness::world::SOON;
use serde_json::{Value, json};

use crate::support::{
    ALICE, channel_arn, channel_status, condition_now, contact, contact_with, event, event_count,
    held, in_sync, must_hold, mutations, secret, stage,
};

#[tokio::test]
async fn a_contact_is_made_shown_and_deleted() {
    let world = stage("basic").await;
    let before = world.last_call().await;
    world.apply(ALICE).await;
    let object = world.ready("Contact", "alice").await;

    let aws = must_hold(&world, "alice").await;
    assert_eq!(object.data["status"]["arn"], aws.arn.as_str());
    assert_eq!(object.data["status"]["origin"], "Created");
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Delete");
    assert_eq!(object.data["status"]["summary"]["alias"], "alice");
    assert_eq!(object.data["status"]["summary"]["activated"], "0/2");
    assert_eq!(object.data["status"]["summary"]["reachable"], "No");
    assert_eq!(aws.tags["incident-operator/owner"], world.id);
    assert_eq!(
        aws.tags["incident-operator/object"],
        format!("Contact/{}/alice", world.namespace)
    );
    assert_eq!(aws.tags["incident-operator/origin"], "Created");
    assert_eq!(world.codes_sent().await, 0, "creating sends no code");
    assert_eq!(
        mutations(&world, before).await,
        [
            "CreateContact",
            "CreateContactChannel",
            "CreateContactChannel",
            "UpdateContact"
        ],
        "two writes and one for each channel; tags ride along"
    );
    event(
        &world,
        "Contact",
        "alice",
        "Created",
        "created contact \"alice\"",
    )
    .await;
    let activated = condition_now(&world, "Contact", "alice", "ChannelsActivated").await;
    assert_eq!(activated.unwrap().reason, "ChannelsNotActivated");
    assert_eq!(world.ready_flaps("Contact", "alice"), 0);

    in_sync(&world).await;
    world.delete_and_wait("Contact", "alice").await;
    event(&world, "Contact", "alice", "Deleted", "deleted contact").await;
    world.aws_empty().await;
    world.finish().await;
}

/// Applies an edit of Alice and waits until AWS is what her spec says.
async fn edit(world: &crate::support::Stage, spec: &Value) -> Vec<String> {
    let before = world.last_call().await;
    world.apply_value(contact_with("alice", spec)).await;
    world.ready("Contact", "alice").await;
    in_sync(world).await;
    mutations(world, before).await
}

#[tokio::test]
async fn every_field_can_be_edited() {
    let world = stage("edit").await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    in_sync(&world).await;
    let mobile = channel_arn(&world, "alice", "mobile").await;
    let mail = channel_arn(&world, "alice", "mail").await;

    let calls = edit(&world, &json!({"displayName": "Alice A. Example"})).await;
    assert_eq!(calls, ["UpdateContact"]);
    let calls = edit(&world, &json!({"displayName": null})).await;
    assert_eq!(calls, ["UpdateContact"]);
    let calls = edit(&world, &json!({"displayName": "Alice"})).await;
    assert_eq!(calls, ["UpdateContact"]);

    // A third channel, into the plan and out again.
    let three = json!([
        {"name": "mobile", "type": "SMS", "address": "+15005550199"},
        {"name": "mail", "type": "Email", "address": "alice@example.com"},
        {"name": "voice", "type": "Voice", "address": "+15005550198"},
    ]);
    edit(&world, &json!({"channels": three})).await;
    assert_eq!(must_hold(&world, "alice").await.channels.len(), 3);
    edit(
        &world,
        &json!({"channels": three, "engagementPlan": [
            {"channel": "mobile", "engageAfterMinutes": 0},
            {"channel": "voice", "engageAfterMinutes": 45, "retryIntervalMinutes": 4},
            {"channel": "mail", "engageAfterMinutes": 45},
        ]}),
    )
    .await;

    // A rename is an update: nothing is deleted, ARNs stay.
    let renamed = json!([
        {"name": "phone", "type": "SMS", "address": "+15005550199"},
        {"name": "mail", "type": "Email", "address": "alice@example.com"},
        {"name": "voice", "type": "Voice", "address": "+15005550198"},
    ]);
    let plan = json!([{"channel": "phone", "engageAfterMinutes": 0}, {"channel": "mail", "engageAfterMinutes": 2}]);
    let calls = edit(
        &world,
        &json!({"channels": renamed, "engagementPlan": plan}),
    )
    .await;
    assert!(
        !calls.iter().any(|call| call.starts_with("Delete")),
        "{calls:?}"
    );
    assert_eq!(channel_arn(&world, "alice", "phone").await, mobile);

    // A channel that leaves is deleted, and taken out of the plan before.
    let calls = edit(
        &world,
        &json!({"channels": [
            {"name": "phone", "type": "SMS", "address": "+15005550199"},
            {"name": "mail", "type": "Email", "address": "alice@example.com"},
        ], "engagementPlan": plan}),
    )
    .await;
    assert_eq!(calls, ["DeleteContactChannel"]);

    // A new address is an update of the same channel.
    let moved = json!([
        {"name": "phone", "type": "SMS", "address": "+15005550177"},
        {"name": "mail", "type": "Email", "address": "alice.example@example.com"},
    ]);
    let calls = edit(&world, &json!({"channels": moved, "engagementPlan": plan})).await;
    assert_eq!(calls, ["UpdateContactChannel", "UpdateContactChannel"]);
    assert_eq!(channel_arn(&world, "alice", "phone").await, mobile);
    assert_eq!(channel_arn(&world, "alice", "mail").await, mail);

    // The API's own form of the plan, and none at all.
    edit(
        &world,
        &json!({"channels": moved, "engagementPlan": null, "engagementStages": [
            {"durationMinutes": 0, "targets": [{"channel": "phone", "retryIntervalMinutes": 3}, {"channel": "mail"}]},
            {"durationMinutes": 30},
            {"durationMinutes": 7, "targets": [{"channel": "phone"}]},
        ]}),
    )
    .await;
    let aws = must_hold(&world, "alice").await;
    assert_eq!(
        aws.stages
            .iter()
            .map(|stage| stage.minutes)
            .collect::<Vec<_>>(),
        [0, 30, 7],
        "the API's own form is taken as it is"
    );
    edit(&world, &json!({"channels": moved, "engagementPlan": null})).await;
    assert!(must_hold(&world, "alice").await.stages.is_empty());

    // No channels and no plan is a contact too.
    edit(&world, &json!({"channels": null, "engagementPlan": null})).await;
    assert!(must_hold(&world, "alice").await.channels.is_empty());
    event(&world, "Contact", "alice", "Updated", "deleted channel").await;
    assert_eq!(
        event_count(&world, "Contact", "alice", "DriftCorrected").await,
        0
    );
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn names_of_channels_can_be_swapped() {
    let world = stage("swap").await;
    let channels = |first: &str, second: &str, third: &str| {
        json!({"channels": [
            {"name": first, "type": "SMS", "address": "+15005550101"},
            {"name": second, "type": "SMS", "address": "+15005550102"},
            {"name": third, "type": "SMS", "address": "+15005550103"},
        ], "engagementPlan": [
            {"channel": "a", "engageAfterMinutes": 0}, {"channel": "b", "engageAfterMinutes": 1}, {"channel": "c", "engageAfterMinutes": 2},
        ]})
    };
    world
        .apply_value(contact_with("alice", &channels("a", "b", "c")))
        .await;
    world.ready("Contact", "alice").await;
    let arns = [
        channel_arn(&world, "alice", "a").await,
        channel_arn(&world, "alice", "b").await,
        channel_arn(&world, "alice", "c").await,
    ];
    let calls = edit(&world, &channels("b", "a", "c")).await;
    assert!(
        !calls
            .iter()
            .any(|call| call.contains("Delete") || call.contains("Create")),
        "{calls:?}"
    );
    assert_eq!(channel_arn(&world, "alice", "b").await, arns[0]);
    assert_eq!(channel_arn(&world, "alice", "a").await, arns[1]);
    // All three go round.
    edit(&world, &channels("c", "b", "a")).await;
    edit(&world, &channels("a", "c", "b")).await;
    assert_eq!(channel_arn(&world, "alice", "a").await, arns[0]);
    assert_eq!(channel_arn(&world, "alice", "c").await, arns[1]);
    assert_eq!(channel_arn(&world, "alice", "b").await, arns[2]);
    world.finish().await;
}

#[tokio::test]
async fn tags_follow_the_manifest_and_those_of_others_stay() {
    let world = stage("tags").await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({"tags": {"team": "payments", "tier": "1"}}),
        ))
        .await;
    let object = world.ready("Contact", "alice").await;
    let arn = object.data["status"]["arn"].as_str().unwrap().to_owned();
    let tag = |key: &str, value: &str| types::Tag::builder().key(key).value(value).build();
    world
        .contacts()
        .tag_resource()
        .resource_arn(&arn)
        .tags(tag("cost-center", "1234"))
        .send()
        .await
        .unwrap();
    let calls = edit(&world, &json!({"tags": {"team": "search", "new": "yes"}})).await;
    assert_eq!(calls, ["TagResource", "UntagResource"]);
    let tags = must_hold(&world, "alice").await.tags;
    assert_eq!(tags["team"], "search");
    assert_eq!(tags["new"], "yes");
    assert_eq!(tags["cost-center"], "1234", "somebody else's tag stays");
    assert!(
        !tags.contains_key("tier"),
        "a tag taken out of the manifest goes"
    );
    edit(&world, &json!({"tags": null})).await;
    let tags = must_hold(&world, "alice").await.tags;
    assert_eq!(tags.len(), 4, "ours and the foreign one: {tags:?}");
    // What a person wrote over one of ours is put back; what they took away too.
    let calls = edit(&world, &json!({"tags": {"team": "search"}})).await;
    assert_eq!(calls, ["TagResource"]);
    world
        .contacts()
        .tag_resource()
        .resource_arn(&arn)
        .tags(tag("team", "mine"))
        .send()
        .await
        .unwrap();
    world.reconcile_now("Contact", "alice").await;
    assert_eq!(must_hold(&world, "alice").await.tags["team"], "search");
    event(&world, "Contact", "alice", "DriftCorrected", "team").await;
    world
        .contacts()
        .untag_resource()
        .resource_arn(&arn)
        .tag_keys("team")
        .tag_keys("incident-operator/owner")
        .tag_keys("incident-operator/object")
        .tag_keys("incident-operator/origin")
        .send()
        .await
        .unwrap();
    world.reconcile_now("Contact", "alice").await;
    let tags = must_hold(&world, "alice").await.tags;
    assert_eq!(tags["team"], "search");
    assert_eq!(tags["incident-operator/owner"], world.id);
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn an_address_from_a_secret_follows_the_secret() {
    let world = stage("secret").await;
    world
        .apply_value(secret(
            "people",
            &json!({"mobile": "+15005550123\n", "mail": "alice@example.org"}),
        ))
        .await;
    let from = |key: &str| json!({"secretKeyRef": {"name": "people", "key": key}});
    world
        .apply_value(contact_with(
            "alice",
            &json!({"channels": [
                {"name": "mobile", "type": "SMS", "addressFrom": from("mobile")},
                {"name": "mail", "type": "Email", "addressFrom": from("mail")},
            ]}),
        ))
        .await;
    world.ready("Contact", "alice").await;
    in_sync(&world).await;
    world
        .apply_value(secret(
            "people",
            &json!({"mobile": "+15005550124", "mail": "alice@example.org"}),
        ))
        .await;
    in_sync(&world).await;
    // A value that AWS could never take is refused without being shown, and mended by the next edit.
    world
        .apply_value(secret(
            "people",
            &json!({"mobile": "0500-5550124", "mail": "alice@example.org"}),
        ))
        .await;
    let stalled = world.stalled("Contact", "alice", "InvalidSpec").await;
    assert!(
        stalled.message.contains("mobile") && stalled.message.contains("CHK-15"),
        "{stalled}"
    );
    world
        .patch(
            "Secret",
            "people",
            &json!({"data": {"mobile": "KzE1MDA1NTUwMTI1", "mail": null}}),
        )
        .await;
    let ready = world
        .condition("Contact", "alice", "Ready", "False", "ReferenceNotFound")
        .await;
    assert!(ready.message.contains("\"mail\""), "{ready}");
    world
        .apply_value(secret(
            "people",
            &json!({"mobile": "+15005550125", "mail": "alice@example.net"}),
        ))
        .await;
    world.ready("Contact", "alice").await;
    in_sync(&world).await;
    assert_eq!(
        must_hold(&world, "alice").await.channels[1].address,
        "+15005550125"
    );
    // What it refers to may be gone when it is deleted.
    world.delete_and_wait("Secret", "people").await;
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn what_is_changed_by_hand_is_reported_and_put_back() {
    let world = stage("drift").await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let arn = must_hold(&world, "alice").await.arn;
    let mobile = channel_arn(&world, "alice", "mobile").await;
    let mail = channel_arn(&world, "alice", "mail").await;
    let client = world.contacts();
    let empty = types::Plan::builder().set_stages(Some(vec![])).build();

    client
        .update_contact()
        .contact_id(&arn)
        .display_name("Mallory")
        .send()
        .await
        .unwrap();
    world.reconcile_now("Contact", "alice").await;
    in_sync(&world).await;
    event(
        &world,
        "Contact",
        "alice",
        "DriftCorrected",
        "changed display name",
    )
    .await;

    client
        .update_contact()
        .contact_id(&arn)
        .plan(empty)
        .send()
        .await
        .unwrap();
    world.reconcile_now("Contact", "alice").await;
    in_sync(&world).await;
    event(
        &world,
        "Contact",
        "alice",
        "DriftCorrected",
        "set engagement plan",
    )
    .await;

    client
        .update_contact_channel()
        .contact_channel_id(&mobile)
        .name("other")
        .send()
        .await
        .unwrap();
    world.reconcile_now("Contact", "alice").await;
    in_sync(&world).await;
    event(
        &world,
        "Contact",
        "alice",
        "DriftCorrected",
        "renamed channel \"other\" to \"mobile\"",
    )
    .await;

    let elsewhere = types::ContactChannelAddress::builder()
        .simple_address("mallory@example.com")
        .build();
    world.sensitive("mallory@example.com");
    client
        .update_contact_channel()
        .contact_channel_id(&mail)
        .delivery_address(elsewhere)
        .send()
        .await
        .unwrap();
    world.reconcile_now("Contact", "alice").await;
    in_sync(&world).await;
    event(
        &world,
        "Contact",
        "alice",
        "DriftCorrected",
        "changed the address of channel \"mail\"",
    )
    .await;

    // A channel taken away is made again, and the plan uses it.
    client
        .delete_contact_channel()
        .contact_channel_id(&mail)
        .send()
        .await
        .unwrap();
    world
        .eventually("the channel is made again", SOON, async || {
            world.reconcile_now("Contact", "alice").await;
            must_hold(&world, "alice").await.channels.len() == 2
        })
        .await;
    in_sync(&world).await;
    assert_ne!(channel_arn(&world, "alice", "mail").await, mail);
    event(
        &world,
        "Contact",
        "alice",
        "DriftCorrected",
        "created channel \"mail\"",
    )
    .await;

    // A channel that somebody added is shown and left alone.
    let added = types::ContactChannelAddress::builder()
        .simple_address("+15005550188")
        .build();
    let extra = client
        .create_contact_channel()
        .contact_id(&arn)
        .name("extra")
        .r#type(types::ChannelType::Voice)
        .delivery_address(added)
        .defer_activation(true)
        .send()
        .await
        .unwrap();
    world.sensitive("+15005550188");
    world.reconcile_now("Contact", "alice").await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(
        object.data["status"]["unmanagedChannels"][0]["arn"],
        extra.contact_channel_arn()
    );
    assert_eq!(must_hold(&world, "alice").await.channels.len(), 3);
    assert_eq!(channel_status(&object, "mobile")["arn"], mobile.as_str());

    // The contact taken away is made again.
    client
        .delete_contact()
        .contact_id(&arn)
        .send()
        .await
        .unwrap();
    world
        .eventually("the contact is made again", SOON, async || {
            world.reconcile_now("Contact", "alice").await;
            held(&world, "alice")
                .await
                .is_some_and(|contact| contact.channels.len() == 2)
        })
        .await;
    world.ready("Contact", "alice").await;
    in_sync(&world).await;
    assert_eq!(
        world.ready_flaps("Contact", "alice"),
        0,
        "drift is put back without Ready being lost"
    );
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn drift_is_found_without_being_asked() {
    let world = crate::support::build(harness::World::builder("interval").drift("1s")).await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let arn = must_hold(&world, "alice").await.arn;
    world
        .contacts()
        .update_contact()
        .contact_id(&arn)
        .display_name("Mallory")
        .send()
        .await
        .unwrap();
    event(
        &world,
        "Contact",
        "alice",
        "DriftCorrected",
        "changed display name",
    )
    .await;
    in_sync(&world).await;
    world.finish().await;
}

#[tokio::test]
async fn addresses_can_move_from_channel_to_channel() {
    let world = stage("moves").await;
    let channels = |a: Option<&str>, b: Option<&str>| {
        let numbers = [("a", a), ("b", b)];
        let channels: Vec<Value> = numbers
            .iter()
            .filter_map(|(name, number)| {
                Some(json!({"name": name, "type": "SMS", "address": format!("+1500555{}", (*number)?)}))
            })
            .collect();
        let plan: Vec<Value> = numbers
            .iter()
            .enumerate()
            .filter(|(_, (_, number))| number.is_some())
            .map(|(minute, (name, _))| json!({"channel": name, "engageAfterMinutes": minute}))
            .collect();
        json!({"channels": channels, "engagementPlan": plan})
    };
    world
        .apply_value(contact_with("alice", &channels(Some("0001"), Some("0002"))))
        .await;
    world.ready("Contact", "alice").await;
    // Swapped.
    edit(&world, &channels(Some("0002"), Some("0001"))).await;
    // One follows the other.
    edit(&world, &channels(Some("0001"), Some("0003"))).await;
    edit(&world, &channels(Some("0004"), Some("0001"))).await;
    // The address of one that leaves.
    edit(&world, &channels(Some("0001"), None)).await;
    edit(&world, &channels(None, Some("0005"))).await;
    edit(&world, &channels(Some("0005"), Some("0006"))).await;
    edit(&world, &channels(Some("0006"), None)).await;
    assert_eq!(must_hold(&world, "alice").await.channels.len(), 1);
    world.finish().await;
}

/// The API server may end a deletion that it began before a finalizer was on.
#[tokio::test]
async fn an_object_that_vanishes_while_its_contact_is_made_leaves_nothing() {
    let world = stage("vanishes").await;
    for operation in ["CreateContact", "CreateContactChannel", "UpdateContact"] {
        let hold = world.hold(operation, 1, When::Before).await;
        world.apply_value(contact("alice")).await;
        assert!(
            world.simulator.held(&hold, SOON).await.unwrap(),
            "{operation}"
        );
        world
            .patch(
                "Contact",
                "alice",
                &json!({"metadata": {"finalizers": null}}),
            )
            .await;
        world.delete_and_wait("Contact", "alice").await;
        world.simulator.release(&hold).await.unwrap();
        world
            .eventually("AWS holds nothing and goes on doing so", SOON, async || {
                let calls = world.operator_calls(0).await;
                let last = calls
                    .iter()
                    .rev()
                    .find(|call| call.mutating)
                    .map(|call| call.operation.clone());
                last.as_deref() == Some("DeleteContact") && world.aws().await.is_empty()
            })
            .await;
    }
    // Made again meanwhile, it goes on with what is there.
    let hold = world.hold("UpdateContact", 1, When::Before).await;
    world.apply_value(contact("alice")).await;
    assert!(world.simulator.held(&hold, SOON).await.unwrap());
    world
        .patch(
            "Contact",
            "alice",
            &json!({"metadata": {"finalizers": null}}),
        )
        .await;
    world.delete_and_wait("Contact", "alice").await;
    let before = world.last_call().await;
    world.apply_value(contact("alice")).await;
    world.simulator.release(&hold).await.unwrap();
    world.ready("Contact", "alice").await;
    in_sync(&world).await;
    assert!(
        !mutations(&world, before)
            .await
            .contains(&"DeleteContact".to_owned())
    );
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}
