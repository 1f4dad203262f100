//! Whose a contact in AWS is, and how far the operator's hand goes.

use aws_sdk_ssmcontacts::types;
use harness::world::SOON;
use harness::{World, aws, seconds};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::support::{
    activate_by_hand, build, channel_arn, condition_now, contact, contact_with, event, findings,
    held, must_hold, mutations, pending, stage,
};

/// Makes in AWS, by hand, what `contact(alias)` describes; with a tag of its own, and its mobile activated.
pub async fn made_by_hand(world: &World, alias: &str) -> aws::Contact {
    let client = world.contacts();
    let wanted = contact(alias);
    let spec = &wanted["spec"];
    let arn = client
        .create_contact()
        .alias(alias)
        .display_name(spec["displayName"].as_str().unwrap())
        .r#type(types::ContactType::Personal)
        .plan(types::Plan::builder().set_stages(Some(vec![])).build())
        .tags(
            types::Tag::builder()
                .key("cost-center")
                .value("1234")
                .build(),
        )
        .send()
        .await
        .unwrap()
        .contact_arn;
    let mut channels = vec![];
    for (channel, kind) in [(0, types::ChannelType::Sms), (1, types::ChannelType::Email)] {
        let channel = &spec["channels"][channel];
        world.sensitive(channel["address"].as_str().unwrap());
        let made = client
            .create_contact_channel()
            .contact_id(&arn)
            .name(channel["name"].as_str().unwrap())
            .r#type(kind)
            .delivery_address(
                types::ContactChannelAddress::builder()
                    .simple_address(channel["address"].as_str().unwrap())
                    .build(),
            )
            .defer_activation(true)
            .send()
            .await
            .unwrap();
        channels.push(made.contact_channel_arn);
    }
    let stage = |minutes: i32, channel: &str, retry: Option<i32>| {
        let info = types::ChannelTargetInfo::builder()
            .contact_channel_id(channel)
            .set_retry_interval_in_minutes(retry)
            .build()
            .unwrap();
        types::Stage::builder()
            .duration_in_minutes(minutes)
            .targets(types::Target::builder().channel_target_info(info).build())
            .build()
            .unwrap()
    };
    client
        .update_contact()
        .contact_id(&arn)
        .plan(
            types::Plan::builder()
                .stages(stage(5, &channels[0], Some(1)))
                .stages(stage(1, &channels[1], None))
                .build(),
        )
        .send()
        .await
        .unwrap();
    activate_by_hand(world, &channels[0]).await;
    must_hold(world, alias).await
}

async fn has_finalizer(world: &World, name: &str) -> bool {
    let object = world.get("Contact", name).await;
    object
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == "incident-operator.dev/aws")
}

/// The object goes without the operator's having had a chance: a cluster that was lost.
async fn lost(world: &mut crate::support::Stage, name: &str) {
    world.operator().kill9();
    world
        .patch("Contact", name, &json!({"metadata": {"finalizers": null}}))
        .await;
    world.delete("Contact", name).await;
    world.gone("Contact", name).await;
    world.operator_mut().restart().await.unwrap();
}

#[tokio::test]
async fn of_two_objects_with_one_alias_the_second_waits_and_names_the_first() {
    let world = build(World::builder("alias").namespace("other")).await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let before = world.last_call().await;
    world
        .apply_value(contact_with(
            "second",
            &json!({"alias": "alice", "adoptionPolicy": "AdoptAndOverwrite"}),
        ))
        .await;
    let stalled = world.stalled("Contact", "second", "OwnedByAnother").await;
    let first = format!("Contact/{}/alice", world.namespace);
    assert!(
        stalled.message.contains(&first),
        "the first is named: {stalled}"
    );
    let mut elsewhere = contact_with("alice", &json!({}));
    let other = world.namespaces()[1].clone();
    elsewhere["metadata"]["namespace"] = json!(other);
    world.apply_value(elsewhere).await;
    let third = format!("{other}/alice");
    let stalled = world.stalled("Contact", &third, "OwnedByAnother").await;
    assert!(stalled.message.contains(&first), "{stalled}");
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    assert!(!has_finalizer(&world, "second").await);
    event(&world, "Contact", "second", "OwnedByAnother", &first).await;
    for _ in 0..3 {
        world.reconcile_now("Contact", "second").await;
    }
    assert_eq!(
        crate::support::event_count(&world, "Contact", "second", "OwnedByAnother").await,
        1,
        "said once"
    );

    // A refused object goes without anybody's noticing.
    world.delete_and_wait("Contact", &third).await;
    assert!(held(&world, "alice").await.is_some());

    world.delete_and_wait("Contact", "alice").await;
    let object = world
        .eventually(
            "the alias is free and the second proceeds at once",
            seconds(10),
            async || {
                let object = world.get("Contact", "second").await;
                harness::checks::is_ready(&object).then_some(object)
            },
        )
        .await;
    assert_eq!(object.data["status"]["origin"], "Created");
    world.finish().await;
}

#[tokio::test]
async fn what_exists_in_aws_is_left_alone_by_default() {
    let world = stage("never").await;
    let before = made_by_hand(&world, "alice").await;
    world
        .apply_value(contact_with("alice", &json!({"displayName": "Somebody"})))
        .await;
    let stalled = world.stalled("Contact", "alice", "AlreadyExists").await;
    assert!(stalled.message.contains("adoptionPolicy"), "{stalled}");
    assert!(!has_finalizer(&world, "alice").await);
    world.delete_and_wait("Contact", "alice").await;
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    assert_eq!(must_hold(&world, "alice").await, before);
    world.finish().await;
}

#[tokio::test]
async fn adopting_what_is_in_sync_writes_tags_alone_and_deleting_takes_them_off() {
    let world = stage("adopt").await;
    let before = made_by_hand(&world, "alice").await;
    let adopting =
        json!({"adoptionPolicy": "Adopt", "tags": {"cost-center": "1234", "team": "payments"}});
    world.apply_value(contact_with("alice", &adopting)).await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Retain");
    assert_eq!(object.data["status"]["summary"]["activated"], "1/2");
    event(&world, "Contact", "alice", "Adopted", "tags").await;
    assert_eq!(mutations(&world, 0).await, ["TagResource"]);
    let adopted = must_hold(&world, "alice").await;
    assert_eq!(adopted.tags["incident-operator/origin"], "Adopted");
    assert_eq!(adopted.tags["team"], "payments");
    world.delete_and_wait("Contact", "alice").await;
    assert_eq!(
        must_hold(&world, "alice").await,
        before,
        "as if nobody had ever adopted it"
    );
    assert_eq!(mutations(&world, 0).await, ["TagResource", "UntagResource"]);
    world.finish().await;
}

#[tokio::test]
async fn adopting_touches_nothing_when_something_would_change() {
    let world = stage("adopt-differs").await;
    let before = made_by_hand(&world, "alice").await;
    let differing = |policy: &str| {
        let mut differing = contact_with(
            "alice",
            &json!({"adoptionPolicy": policy, "displayName": "Alice B"}),
        );
        differing["spec"]["channels"][1]["address"] = json!("alice.b@example.com");
        differing["spec"]["engagementPlan"][1]["engageAfterMinutes"] = json!(9);
        differing
    };
    world.apply_value(differing("Adopt")).await;
    let stalled = world
        .stalled("Contact", "alice", "AdoptionWouldChange")
        .await;
    assert!(stalled.message.contains("AdoptAndOverwrite"), "{stalled}");
    let changes = pending(&world.get("Contact", "alice").await);
    for path in ["displayName", "channels", "engagementPlan"] {
        assert!(
            changes.iter().any(|change| change.contains(path)),
            "{path} in {changes:?}"
        );
    }
    assert!(!has_finalizer(&world, "alice").await);
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    assert_eq!(must_hold(&world, "alice").await, before);

    world.apply_value(differing("AdoptAndOverwrite")).await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert!(pending(&object).is_empty());
    let after = must_hold(&world, "alice").await;
    assert_eq!(after.arn, before.arn);
    assert_eq!(after.display_name.as_deref(), Some("Alice B"));
    assert_eq!(after.channels.len(), 2);
    assert!(
        after.channels.iter().any(|channel| channel.activated),
        "the activation was kept"
    );
    assert_eq!(after.tags["cost-center"], "1234");
    world.delete_and_wait("Contact", "alice").await;
    let left = must_hold(&world, "alice").await;
    assert_eq!(
        left.tags, before.tags,
        "what was adopted stays, without our tags"
    );
    assert_eq!(left.channels, after.channels);
    world.finish().await;
}

#[tokio::test]
async fn a_tag_of_another_value_is_a_change_too() {
    let world = stage("adopt-tag").await;
    let before = made_by_hand(&world, "alice").await;
    let spec = |policy: &str| {
        contact_with(
            "alice",
            &json!({"adoptionPolicy": policy, "tags": {"cost-center": "9999"}}),
        )
    };
    world.apply_value(spec("Adopt")).await;
    world
        .stalled("Contact", "alice", "AdoptionWouldChange")
        .await;
    let changes = pending(&world.get("Contact", "alice").await);
    assert!(
        changes.iter().any(|change| change.contains("cost-center")),
        "{changes:?}"
    );
    assert_eq!(must_hold(&world, "alice").await, before);
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    world.apply_value(spec("AdoptAndOverwrite")).await;
    world.ready("Contact", "alice").await;
    assert_eq!(must_hold(&world, "alice").await.tags["cost-center"], "9999");
    world.finish().await;
}

#[tokio::test]
async fn channels_that_the_manifest_does_not_name_survive_adoption() {
    let world = stage("adopt-fewer").await;
    made_by_hand(&world, "alice").await;
    let mut fewer = contact_with("alice", &json!({"adoptionPolicy": "AdoptAndOverwrite"}));
    fewer["spec"]["channels"].as_array_mut().unwrap().remove(1);
    fewer["spec"]["engagementPlan"]
        .as_array_mut()
        .unwrap()
        .remove(1);
    world.apply_value(fewer).await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(
        object.data["status"]["unmanagedChannels"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(must_hold(&world, "alice").await.channels.len(), 2);
    // Once it was named it is ours to take away.
    let whole = contact_with("alice", &json!({"adoptionPolicy": "AdoptAndOverwrite"}));
    world.apply_value(whole).await;
    let object = world.ready("Contact", "alice").await;
    assert!(object.data["status"]["unmanagedChannels"].is_null());
    let mut fewer = contact_with("alice", &json!({"adoptionPolicy": "AdoptAndOverwrite"}));
    fewer["spec"]["channels"].as_array_mut().unwrap().remove(1);
    fewer["spec"]["engagementPlan"]
        .as_array_mut()
        .unwrap()
        .remove(1);
    world.apply_value(fewer).await;
    world.ready("Contact", "alice").await;
    assert_eq!(must_hold(&world, "alice").await.channels.len(), 1);
    // An adopted contact is deleted when somebody asks for it in so many words.
    world
        .patch(
            "Contact",
            "alice",
            &json!({"spec": {"deletionPolicy": "Delete"}}),
        )
        .await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Delete");
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn adoption_must_be_allowed_in_the_namespace() {
    let world = build(World::builder("adopt-denied").provider(json!({"adoption": null}))).await;
    let before = made_by_hand(&world, "alice").await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({"adoptionPolicy": "AdoptAndOverwrite", "displayName": "B"}),
        ))
        .await;
    let stalled = world
        .stalled("Contact", "alice", "AdoptionNotAllowed")
        .await;
    assert!(
        stalled.message.contains("spec.adoption.allowedNamespaces"),
        "{stalled}"
    );
    assert_eq!(must_hold(&world, "alice").await, before);
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    // An edit of the ProviderConfig is enough.
    let mut config = world.provider_config();
    config["spec"]["adoption"] = json!({"allowedNamespaces": {"names": [world.namespace]}});
    world.apply_value(config).await;
    world
        .eventually(
            "adopted soon after it was allowed",
            seconds(10),
            async || harness::checks::is_ready(&world.get("Contact", "alice").await),
        )
        .await;
    world.finish().await;
}

#[tokio::test]
async fn an_orphan_of_ours_is_taken_over_under_adopt() {
    let mut world = stage("orphan").await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let arn = must_hold(&world, "alice").await.arn;
    lost(&mut world, "alice").await;

    // The same object made again goes on with its own, whatever its UID.
    let before = world.last_call().await;
    world.apply_value(contact("alice")).await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(object.data["status"]["origin"], "Created");
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    assert_eq!(must_hold(&world, "alice").await.arn, arn);
    assert!(
        has_finalizer(&world, "alice").await,
        "its deletion must not be missed"
    );
    lost(&mut world, "alice").await;

    // Another object has to ask.
    let heir = |policy: Value| {
        let mut heir = contact_with("heir", &json!({"alias": "alice", "adoptionPolicy": policy}));
        heir["spec"]["displayName"] = contact("alice")["spec"]["displayName"].clone();
        heir["spec"]["channels"] = contact("alice")["spec"]["channels"].clone();
        heir
    };
    world.apply_value(heir(json!("Never"))).await;
    let stalled = world.stalled("Contact", "heir", "AlreadyExists").await;
    assert!(stalled.message.contains("which is gone"), "{stalled}");
    world.apply_value(heir(json!("Adopt"))).await;
    let object = world.ready("Contact", "heir").await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert_eq!(object.data["status"]["arn"], arn.as_str());
    assert_eq!(
        must_hold(&world, "alice").await.tags["incident-operator/object"],
        format!("Contact/{}/heir", world.namespace)
    );
    world.finish().await;
}

#[tokio::test]
async fn what_belongs_to_another_owner_is_never_touched() {
    let world = stage("foreign").await;
    let before = made_by_hand(&world, "alice").await;
    let tag = |key: &str, value: &str| types::Tag::builder().key(key).value(value).build();
    world
        .contacts()
        .tag_resource()
        .resource_arn(&before.arn)
        .tags(tag("incident-operator/owner", "another-cluster"))
        .tags(tag("incident-operator/object", "Contact/people/alice"))
        .tags(tag("incident-operator/origin", "Created"))
        .send()
        .await
        .unwrap();
    let before = must_hold(&world, "alice").await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({"adoptionPolicy": "AdoptAndOverwrite", "displayName": "B"}),
        ))
        .await;
    let stalled = world.stalled("Contact", "alice", "OwnedByAnother").await;
    assert!(stalled.message.contains("another-cluster"), "{stalled}");
    world.delete_and_wait("Contact", "alice").await;
    assert_eq!(must_hold(&world, "alice").await, before);
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    world.finish().await;
}

#[tokio::test]
async fn what_changes_hands_is_let_go() {
    let world = stage("stolen").await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let arn = must_hold(&world, "alice").await.arn;
    let tag = |key: &str, value: &str| types::Tag::builder().key(key).value(value).build();
    world
        .contacts()
        .tag_resource()
        .resource_arn(&arn)
        .tags(tag("incident-operator/owner", "another-cluster"))
        .send()
        .await
        .unwrap();
    let before = world.last_call().await;
    world
        .apply_value(contact_with("alice", &json!({"displayName": "B"})))
        .await;
    world.stalled("Contact", "alice", "OwnedByAnother").await;
    world.delete_and_wait("Contact", "alice").await;
    assert!(
        held(&world, "alice").await.is_some(),
        "it is not ours to delete any more"
    );
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    world.finish().await;
}

#[tokio::test]
async fn an_alias_of_another_type_is_named() {
    let world = stage("type").await;
    let stages = types::Stage::builder()
        .duration_in_minutes(1)
        .set_targets(Some(vec![]))
        .build()
        .unwrap();
    world
        .contacts()
        .create_contact()
        .alias("alice")
        .r#type(types::ContactType::Escalation)
        .plan(types::Plan::builder().stages(stages).build())
        .send()
        .await
        .unwrap();
    let before = must_hold(&world, "alice").await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({"adoptionPolicy": "AdoptAndOverwrite"}),
        ))
        .await;
    let stalled = world.stalled("Contact", "alice", "AlreadyExists").await;
    assert!(stalled.message.contains("escalation plan"), "{stalled}");
    world.delete_and_wait("Contact", "alice").await;
    assert_eq!(must_hold(&world, "alice").await, before);
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    world.finish().await;
}

#[tokio::test]
async fn retain_lets_go_of_what_was_made() {
    let world = stage("retain").await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({"deletionPolicy": "Retain", "tags": {"team": "payments"}}),
        ))
        .await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Retain");
    let before = must_hold(&world, "alice").await;
    world.delete_and_wait("Contact", "alice").await;
    let left = must_hold(&world, "alice").await;
    assert_eq!(left.channels, before.channels);
    assert_eq!(left.stages, before.stages);
    assert_eq!(
        left.tags.into_iter().collect::<Vec<_>>(),
        [("team".to_owned(), "payments".to_owned())]
    );

    // Retain lets go even when AWS says nothing but no.
    world
        .apply_value(contact_with("bob", &json!({"deletionPolicy": "Retain"})))
        .await;
    world.ready("Contact", "bob").await;
    world
        .simulator
        .deny(&world.account, &["ssm-contacts:*", "ssm-incidents:*"])
        .await
        .unwrap();
    world.delete_and_wait("Contact", "bob").await;
    world.simulator.deny(&world.account, &[]).await.unwrap();
    // Nobody stands for Bob any more, though his tags could not be taken off.
    let bob = must_hold(&world, "bob").await;
    world
        .contacts()
        .delete_contact()
        .contact_id(bob.arn)
        .send()
        .await
        .unwrap();
    world.finish().await;
}

#[tokio::test]
async fn observing_reports_and_writes_nothing() {
    let world = build(World::builder("observe").drift("1s")).await;
    let observing = contact_with("alice", &json!({"managementPolicy": "Observe"}));
    world.apply_value(observing.clone()).await;
    let ready = world
        .condition("Contact", "alice", "Ready", "False", "NotFoundInAws")
        .await;
    assert!(ready.message.contains("contact/alice"), "{ready}");
    let before = made_by_hand(&world, "alice").await;
    world
        .condition("Contact", "alice", "Ready", "True", "Observing")
        .await;
    let object = world.get("Contact", "alice").await;
    assert_eq!(object.data["status"]["summary"]["activated"], "1/2");
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Retain");
    assert!(!findings(&object).contains(&"ChannelNotActivated/mobile".to_owned()));

    let mut differing = observing.clone();
    differing["spec"]["displayName"] = json!("Alice B");
    differing["spec"]["channels"][0]["name"] = json!("phone");
    differing["spec"]["engagementPlan"][0]["channel"] = json!("phone");
    world.apply_value(differing).await;
    world
        .condition("Contact", "alice", "Synced", "False", "Observing")
        .await;
    let object = world.get("Contact", "alice").await;
    let changes = pending(&object);
    assert!(
        changes.iter().any(|change| change.contains("displayName"))
            && changes.iter().any(|change| change.contains("phone")),
        "{changes:?}"
    );
    assert!(!has_finalizer(&world, "alice").await);
    world.delete_and_wait("Contact", "alice").await;
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    assert_eq!(must_hold(&world, "alice").await, before);
    world.finish().await;
}

#[tokio::test]
async fn what_was_made_can_be_only_observed_and_managed_again() {
    let world = stage("observe-later").await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let before = world.last_call().await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({"managementPolicy": "Observe", "displayName": "B"}),
        ))
        .await;
    world
        .condition("Contact", "alice", "Ready", "False", "Observing")
        .await;
    let object = world.get("Contact", "alice").await;
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Retain");
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    world
        .apply_value(contact_with("alice", &json!({"displayName": "B"})))
        .await;
    world.ready("Contact", "alice").await;
    assert_eq!(
        must_hold(&world, "alice").await.display_name.as_deref(),
        Some("B")
    );
    // Observed again, its deletion leaves AWS alone.
    world
        .apply_value(contact_with(
            "alice",
            &json!({"managementPolicy": "Observe", "displayName": "B"}),
        ))
        .await;
    world
        .condition("Contact", "alice", "Ready", "True", "Observing")
        .await;
    let arn = must_hold(&world, "alice").await.arn;
    world.delete_and_wait("Contact", "alice").await;
    assert_eq!(must_hold(&world, "alice").await.arn, arn);
    world
        .contacts()
        .delete_contact()
        .contact_id(arn)
        .send()
        .await
        .unwrap();
    world.finish().await;
}

#[tokio::test]
async fn nothing_happens_while_suspended() {
    let world = build(World::builder("suspend").drift("1s")).await;
    // Suspended from the start: not even a finalizer.
    world
        .apply_value(contact_with("late", &json!({"suspend": true})))
        .await;
    world
        .condition("Contact", "late", "Suspended", "True", "Suspended")
        .await;
    assert_eq!(
        condition_now(&world, "Contact", "late", "Ready")
            .await
            .unwrap()
            .status,
        "Unknown"
    );
    assert!(!has_finalizer(&world, "late").await);

    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let before = world.last_call().await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({"suspend": true, "displayName": "B"}),
        ))
        .await;
    world
        .condition("Contact", "alice", "Suspended", "True", "Suspended")
        .await;
    let object = world.get("Contact", "alice").await;
    assert_eq!(
        object.data["status"]["observedGeneration"].as_i64(),
        object.metadata.generation
    );
    assert_eq!(
        condition_now(&world, "Contact", "alice", "Ready")
            .await
            .unwrap()
            .status,
        "True",
        "Ready stays as it was"
    );
    let arn = must_hold(&world, "alice").await.arn;
    world
        .contacts()
        .update_contact()
        .contact_id(&arn)
        .display_name("Mallory")
        .send()
        .await
        .unwrap();
    world.reconcile_now("Contact", "alice").await;
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());

    // Its deletion waits.
    world.delete("Contact", "alice").await;
    world.reconcile_now("Contact", "alice").await;
    tokio::time::sleep(seconds(2)).await;
    assert!(world.find("Contact", "alice").await.is_some());
    assert!(held(&world, "alice").await.is_some());
    world
        .patch("Contact", "alice", &json!({"spec": {"suspend": null}}))
        .await;
    world.gone("Contact", "alice").await;
    assert!(held(&world, "alice").await.is_none());

    world
        .patch("Contact", "late", &json!({"spec": {"suspend": null}}))
        .await;
    world.ready("Contact", "late").await;
    world
        .eventually("Suspended is gone", SOON, async || {
            condition_now(&world, "Contact", "late", "Suspended")
                .await
                .is_none()
        })
        .await;
    channel_arn(&world, "late", "mobile").await;
    world.finish().await;
}
