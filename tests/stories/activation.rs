//! Codes reach humans: one is sent when somebody asks for it, never again by itself, and what a human said is not undone.

use harness::world::SOON;
use harness::{World, seconds};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::support::{
    Stage, activate_by_hand, advance, build, channel_arn, channel_status, condition_now, contact,
    contact_with, event, findings, must_hold, mutations, secret, stage,
};

/// A request whose code comes back in the Secret `<name>-code`.
fn request(name: &str, contact: &str, channel: &str) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "ChannelActivation",
        "metadata": {"name": name},
        "spec": {
            "contactRef": {"name": contact},
            "channel": channel,
            "codeFrom": {"secretKeyRef": {"name": format!("{name}-code"), "key": "code"}},
        },
    })
}

fn with(mut request: Value, spec: &Value) -> Value {
    for (field, value) in spec.as_object().unwrap() {
        request["spec"][field] = value.clone();
    }
    request
}

/// The person writes the code down where the operator looks for it.
async fn give_back(world: &World, name: &str, code: &str) {
    world
        .apply_value(secret(&format!("{name}-code"), &json!({"code": code})))
        .await;
}

async fn phase(world: &World, name: &str, wanted: &str) -> DynamicObject {
    world
        .eventually(
            &format!("ChannelActivation {name} is {wanted}"),
            SOON,
            async || {
                let object = world.get("ChannelActivation", name).await;
                let current = object.data["status"]["observedGeneration"].as_i64()
                    == object.metadata.generation;
                if current && object.data["status"]["phase"] == wanted {
                    Ok(object)
                } else {
                    Err(object.data["status"].to_string())
                }
            },
        )
        .await
}

/// Alice, ready, with the ARN of her mobile.
async fn alice(world: &World) -> String {
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    channel_arn(world, "alice", "mobile").await
}

#[tokio::test]
async fn the_right_code_activates_and_the_contact_shows_it() {
    let world = stage("activate").await;
    let mobile = alice(&world).await;
    world.apply_value(request("first", "alice", "mobile")).await;
    let object = phase(&world, "first", "AwaitingCode").await;
    assert_eq!(object.data["status"]["channelArn"], mobile.as_str());
    let ready = world
        .condition(
            "ChannelActivation",
            "first",
            "Ready",
            "True",
            "AwaitingCode",
        )
        .await;
    assert!(ready.message.contains("first-code"), "{ready}");
    assert_eq!(world.codes_sent().await, 1);
    event(
        &world,
        "ChannelActivation",
        "first",
        "AwaitingCode",
        "first-code",
    )
    .await;

    give_back(&world, "first", &world.last_code(&mobile).await.unwrap()).await;
    phase(&world, "first", "Activated").await;
    world
        .condition("ChannelActivation", "first", "Ready", "True", "Activated")
        .await;
    event(&world, "ChannelActivation", "first", "Activated", "mobile").await;
    world
        .eventually(
            "the contact shows it without being asked",
            SOON,
            async || {
                let object = world.get("Contact", "alice").await;
                channel_status(&object, "mobile")["activation"] == "Activated"
                    && object.data["status"]["summary"]["activated"] == "1/2"
                    && object.data["status"]["summary"]["reachable"] == "Yes"
            },
        )
        .await;
    let activated = condition_now(&world, "Contact", "alice", "ChannelsActivated")
        .await
        .unwrap();
    assert!(
        activated.message.contains("mail") && !activated.message.contains("mobile"),
        "{activated}"
    );

    // Another request for what is activated already sends nothing.
    world.apply_value(request("again", "alice", "mobile")).await;
    phase(&world, "again", "Activated").await;
    assert_eq!(world.codes_sent().await, 1);

    // All activated.
    let mail = channel_arn(&world, "alice", "mail").await;
    world.apply_value(request("mail", "alice", "mail")).await;
    phase(&world, "mail", "AwaitingCode").await;
    give_back(&world, "mail", &world.last_code(&mail).await.unwrap()).await;
    phase(&world, "mail", "Activated").await;
    world
        .condition(
            "Contact",
            "alice",
            "ChannelsActivated",
            "True",
            "AllActivated",
        )
        .await;
    assert_eq!(world.codes_sent().await, 2);
    assert_eq!(world.ready_flaps("Contact", "alice"), 0);
    assert_eq!(world.ready_flaps("ChannelActivation", "first"), 0);
    world.finish().await;
}

#[tokio::test]
async fn a_wrong_code_is_tried_once_and_the_corrected_one_activates() {
    let world = stage("wrong-code").await;
    let mobile = alice(&world).await;
    world.apply_value(request("first", "alice", "mobile")).await;
    phase(&world, "first", "AwaitingCode").await;
    let code = world.last_code(&mobile).await.unwrap();
    let wrong = if code == "123456" { "654321" } else { "123456" };
    give_back(&world, "first", wrong).await;
    phase(&world, "first", "WrongCode").await;
    world
        .stalled("ChannelActivation", "first", "WrongCode")
        .await;
    event(
        &world,
        "ChannelActivation",
        "first",
        "WrongCode",
        "correct it in the Secret",
    )
    .await;
    let tries = async || {
        let calls = world.operator_calls(0).await;
        calls
            .iter()
            .filter(|call| call.operation == "ActivateContactChannel")
            .count()
    };
    assert_eq!(tries().await, 1);
    world.reconcile_now("ChannelActivation", "first").await;
    world.reconcile_now("ChannelActivation", "first").await;
    assert_eq!(tries().await, 1, "a refused code is not tried again");
    assert_eq!(
        world.get("ChannelActivation", "first").await.data["status"]["phase"],
        "WrongCode"
    );

    // What cannot be a code is not even sent.
    give_back(&world, "first", "it said 12").await;
    world
        .eventually("the new version was looked at", SOON, async || {
            let status = world.get("ChannelActivation", "first").await.data["status"].clone();
            let version = world
                .get("Secret", "first-code")
                .await
                .metadata
                .resource_version;
            status["refusedCodeVersion"].as_str() == version.as_deref()
        })
        .await;
    assert_eq!(tries().await, 1);
    // White space around it does no harm.
    give_back(&world, "first", &format!(" {code}\n")).await;
    phase(&world, "first", "Activated").await;
    world.ready("ChannelActivation", "first").await;
    assert!(
        must_hold(&world, "alice")
            .await
            .channels
            .iter()
            .any(|channel| channel.activated)
    );
    assert_eq!(world.codes_sent().await, 1);
    world.finish().await;
}

#[tokio::test]
async fn a_code_is_sent_once_whatever_is_made_again() {
    let world = build(World::builder("once").simulated_clock()).await;
    let mobile = alice(&world).await;
    world.apply_value(request("first", "alice", "mobile")).await;
    phase(&world, "first", "AwaitingCode").await;

    // GitOps deletes and makes it again.
    world.delete_and_wait("ChannelActivation", "first").await;
    world.apply_value(request("first", "alice", "mobile")).await;
    let object = phase(&world, "first", "AwaitingCode").await;
    assert!(object.data["status"]["sendRecordedAt"].is_string());
    assert_eq!(
        world.codes_sent().await,
        1,
        "the same request made again sends nothing"
    );

    // Another request within the cool-down is refused, for good.
    world
        .apply_value(request("second", "alice", "mobile"))
        .await;
    phase(&world, "second", "Refused").await;
    let refused = world
        .stalled("ChannelActivation", "second", "Refused")
        .await;
    assert!(refused.message.contains("\"first\""), "{refused}");
    world.reconcile_now("ChannelActivation", "second").await;
    let refused = world
        .stalled("ChannelActivation", "second", "Refused")
        .await;
    assert!(
        refused.message.contains("\"first\""),
        "still says why: {refused}"
    );

    // What a backup tool restored sends nothing, ever.
    let mut restored = request("restored", "alice", "mail");
    restored["metadata"]["labels"] = json!({"velero.io/restore-name": "monday"});
    world.apply_value(restored).await;
    phase(&world, "restored", "Refused").await;
    assert_eq!(world.codes_sent().await, 1);

    // After the cool-down another request is a wish.
    advance(&world, seconds(11 * 60)).await;
    world.apply_value(request("third", "alice", "mobile")).await;
    phase(&world, "third", "AwaitingCode").await;
    assert_eq!(world.codes_sent().await, 2);
    assert_eq!(
        world.get("ChannelActivation", "second").await.data["status"]["phase"],
        "Refused"
    );

    // Nobody gave the codes back.
    advance(&world, seconds(24 * 3600)).await;
    phase(&world, "first", "Expired").await;
    phase(&world, "third", "Expired").await;
    world.stalled("ChannelActivation", "third", "Expired").await;
    event(&world, "ChannelActivation", "third", "Expired", "24 hours").await;
    give_back(&world, "third", &world.last_code(&mobile).await.unwrap()).await;
    world.reconcile_now("ChannelActivation", "third").await;
    assert_eq!(
        world.get("ChannelActivation", "third").await.data["status"]["phase"],
        "Expired"
    );
    assert_eq!(world.codes_sent().await, 2);
    world.finish().await;
}

#[tokio::test]
async fn a_request_waits_for_what_it_needs() {
    let world = stage("activation-order").await;
    world.apply_value(request("early", "alice", "mobile")).await;
    let waiting = world
        .condition(
            "ChannelActivation",
            "early",
            "Ready",
            "False",
            "ReferenceNotFound",
        )
        .await;
    assert!(waiting.message.contains("Contact \"alice\""), "{waiting}");
    world
        .apply_value(contact_with(
            "alice",
            &json!({"channels": null, "engagementPlan": null}),
        ))
        .await;
    world.ready("Contact", "alice").await;
    world
        .eventually("it says which channel is missing", SOON, async || {
            condition_now(&world, "ChannelActivation", "early", "Ready")
                .await
                .is_some_and(|ready| ready.message.contains("no channel \"mobile\""))
        })
        .await;
    assert_eq!(world.codes_sent().await, 0);
    world.apply_value(contact("alice")).await;
    phase(&world, "early", "AwaitingCode").await;
    assert_eq!(world.codes_sent().await, 1);

    // A Secret without the label is not read.
    let mobile = channel_arn(&world, "alice", "mobile").await;
    let code = world.last_code(&mobile).await.unwrap();
    let mut unlabelled = secret("early-code", &json!({"code": code}));
    unlabelled["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("labels");
    world.apply_value(unlabelled).await;
    world.reconcile_now("ChannelActivation", "early").await;
    let ready = world
        .condition(
            "ChannelActivation",
            "early",
            "Ready",
            "False",
            "SecretNotLabelled",
        )
        .await;
    assert!(ready.message.contains("contact-data"), "{ready}");
    give_back(&world, "early", &code).await;
    phase(&world, "early", "Activated").await;
    world.ready("ChannelActivation", "early").await;
    world.finish().await;
}

#[tokio::test]
async fn observing_and_suspended_requests_send_nothing() {
    let world = stage("activation-quiet").await;
    let mobile = alice(&world).await;
    world
        .apply_value(with(
            request("watcher", "alice", "mobile"),
            &json!({"managementPolicy": "Observe"}),
        ))
        .await;
    world
        .condition(
            "ChannelActivation",
            "watcher",
            "Ready",
            "False",
            "Observing",
        )
        .await;
    world
        .apply_value(with(
            request("paused", "alice", "mobile"),
            &json!({"suspend": true}),
        ))
        .await;
    world
        .condition(
            "ChannelActivation",
            "paused",
            "Suspended",
            "True",
            "Suspended",
        )
        .await;
    world.reconcile_now("ChannelActivation", "watcher").await;
    world.reconcile_now("ChannelActivation", "paused").await;
    assert_eq!(world.codes_sent().await, 0);
    activate_by_hand(&world, &mobile).await;
    world.reconcile_now("ChannelActivation", "watcher").await;
    phase(&world, "watcher", "Activated").await;
    // Woken up, it finds that nothing needs to be sent.
    world
        .patch(
            "ChannelActivation",
            "paused",
            &json!({"spec": {"suspend": null}}),
        )
        .await;
    phase(&world, "paused", "Activated").await;
    assert_eq!(world.codes_sent().await, 1, "the one by hand");

    // For a contact that is only observed nothing is sent either.
    world
        .apply_value(contact_with(
            "bob",
            &json!({"managementPolicy": "Observe", "alias": "alice"}),
        ))
        .await;
    world
        .apply_value(request("of-observed", "bob", "mail"))
        .await;
    world
        .stalled("ChannelActivation", "of-observed", "InvalidSpec")
        .await;
    assert_eq!(world.codes_sent().await, 1);
    world.finish().await;
}

#[tokio::test]
async fn a_code_given_back_elsewhere_is_noticed() {
    let world = build(World::builder("elsewhere").drift("1s")).await;
    let mobile = alice(&world).await;
    let mut elsewhere = request("first", "alice", "mobile");
    elsewhere["spec"]
        .as_object_mut()
        .unwrap()
        .remove("codeFrom");
    world.apply_value(elsewhere).await;
    phase(&world, "first", "AwaitingCode").await;
    let ready = world
        .condition(
            "ChannelActivation",
            "first",
            "Ready",
            "True",
            "AwaitingCode",
        )
        .await;
    assert!(ready.message.contains("ActivateContactChannel"), "{ready}");
    world
        .contacts()
        .activate_contact_channel()
        .contact_channel_id(&mobile)
        .activation_code(world.last_code(&mobile).await.unwrap())
        .send()
        .await
        .unwrap();
    phase(&world, "first", "Activated").await;
    world
        .eventually("the contact shows it", SOON, async || {
            channel_status(&world.get("Contact", "alice").await, "mobile")["activation"]
                == "Activated"
        })
        .await;
    assert_eq!(world.codes_sent().await, 1);
    world.finish().await;
}

#[tokio::test]
async fn finished_requests_go_when_their_time_to_live_is_over() {
    let world = build(World::builder("ttl").simulated_clock()).await;
    let mobile = alice(&world).await;
    let ttl = |name: &str, seconds: i64| {
        with(
            request(name, "alice", "mobile"),
            &json!({"ttlSecondsAfterFinished": seconds}),
        )
    };
    world.apply_value(ttl("hour", 3600)).await;
    phase(&world, "hour", "AwaitingCode").await;
    advance(&world, seconds(7200)).await;
    world.reconcile_now("ChannelActivation", "hour").await;
    phase(&world, "hour", "AwaitingCode").await;
    give_back(&world, "hour", &world.last_code(&mobile).await.unwrap()).await;
    phase(&world, "hour", "Activated").await;
    world
        .apply_value(request("for-ever", "alice", "mobile"))
        .await;
    phase(&world, "for-ever", "Activated").await;
    world.apply_value(ttl("at-once", 0)).await;
    world.gone("ChannelActivation", "at-once").await;
    assert!(world.find("ChannelActivation", "hour").await.is_some());
    advance(&world, seconds(3601)).await;
    world.gone("ChannelActivation", "hour").await;
    assert!(world.find("ChannelActivation", "for-ever").await.is_some());
    assert_eq!(world.codes_sent().await, 1);
    world.finish().await;
}

#[tokio::test]
async fn a_refused_call_is_no_code_and_is_tried_when_allowed() {
    let world = stage("send-denied").await;
    alice(&world).await;
    world
        .simulator
        .deny(&world.account, &["ssm-contacts:SendActivationCode"])
        .await
        .unwrap();
    world.apply_value(request("first", "alice", "mobile")).await;
    let stalled = world
        .stalled("ChannelActivation", "first", "AccessDenied")
        .await;
    assert!(
        stalled.message.contains("ssm-contacts:SendActivationCode"),
        "{stalled}"
    );
    assert_eq!(
        world.get("ChannelActivation", "first").await.data["status"]["phase"],
        "Pending"
    );
    assert!(world.get("Contact", "alice").await.data["status"]["codesSent"].is_null());
    assert_eq!(world.codes_sent().await, 0);
    world.simulator.deny(&world.account, &[]).await.unwrap();
    world.reconcile_now("ChannelActivation", "first").await;
    phase(&world, "first", "AwaitingCode").await;
    assert_eq!(world.codes_sent().await, 1);
    world.finish().await;
}

#[tokio::test]
async fn an_opt_out_is_reported_and_not_undone() {
    let world = build(World::builder("opt-out").drift("1s")).await;
    let mobile = alice(&world).await;
    activate_by_hand(&world, &mobile).await;
    world
        .eventually("the activation is seen", SOON, async || {
            channel_status(&world.get("Contact", "alice").await, "mobile")["activation"]
                == "Activated"
        })
        .await;
    let before = world.last_call().await;
    world.simulator.unsubscribe(&mobile).await.unwrap();
    let object = world
        .eventually("the opt-out is seen", SOON, async || {
            let object = world.get("Contact", "alice").await;
            findings(&object)
                .contains(&"OptedOut/mobile".to_owned())
                .then_some(object)
        })
        .await;
    let status = channel_status(&object, "mobile");
    assert_eq!(status["optedOut"], true);
    assert_eq!(status["activation"], "NotActivated");
    assert_eq!(object.data["status"]["summary"]["reachable"], "No");
    world.reconcile_now("Contact", "alice").await;
    assert_eq!(
        mutations(&world, before).await,
        Vec::<String>::new(),
        "it is not undone"
    );
    assert_eq!(world.codes_sent().await, 1);
    world
        .condition("Contact", "alice", "Ready", "True", "InSync")
        .await;
    assert!(
        findings(&world.get("Contact", "alice").await).contains(&"OptedOut/mobile".to_owned()),
        "it stays"
    );

    // They come back.
    world.simulator.subscribe(&mobile).await.unwrap();
    activate_by_hand(&world, &mobile).await;
    world
        .eventually("the opt-out is over", SOON, async || {
            let object = world.get("Contact", "alice").await;
            let status = channel_status(&object, "mobile");
            status["activation"] == "Activated" && status["optedOut"].is_null()
        })
        .await;
    world.finish().await;
}

/// Alice with only her mobile activated.
async fn reachable_by_mobile(world: &Stage) -> String {
    let mobile = alice(world).await;
    activate_by_hand(world, &mobile).await;
    world.reconcile_now("Contact", "alice").await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(channel_status(&object, "mobile")["activation"], "Activated");
    mobile
}

#[tokio::test]
async fn the_last_activated_channel_is_not_taken_away_by_mistake() {
    let world = stage("protected").await;
    let mobile = reachable_by_mobile(&world).await;
    let without_mobile = json!({
        "channels": [{"name": "mail", "type": "Email", "address": "alice@example.com"}],
        "engagementPlan": [{"channel": "mail", "engageAfterMinutes": 0}],
    });
    let before = world.last_call().await;
    world
        .apply_value(contact_with("alice", &without_mobile))
        .await;
    let stalled = world
        .stalled("Contact", "alice", "WouldBeUnreachable")
        .await;
    assert!(
        stalled.message.contains("\"mobile\"") && stalled.message.contains("allowUnreachable"),
        "{stalled}"
    );
    event(
        &world,
        "Contact",
        "alice",
        "WouldBeUnreachable",
        "last activated channel",
    )
    .await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());

    // Disabling it is the same.
    let mut disabled = contact("alice");
    disabled["spec"]["channels"][0]["enabled"] = json!(false);
    world.apply_value(disabled.clone()).await;
    world
        .stalled("Contact", "alice", "WouldBeUnreachable")
        .await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());

    // Once somebody says that it is meant, it goes.
    disabled["spec"]["allowUnreachable"] = json!(true);
    world.apply_value(disabled).await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(
        channel_status(&object, "mobile")["activation"],
        "NotActivated"
    );
    assert!(
        channel_status(&object, "mobile")["optedOut"].is_null(),
        "that was us, not the person"
    );
    assert_eq!(
        mutations(&world, before).await,
        ["DeactivateContactChannel"]
    );
    world
        .apply_value(contact_with("alice", &without_mobile))
        .await;
    world.ready("Contact", "alice").await;
    assert!(
        must_hold(&world, "alice")
            .await
            .channels
            .iter()
            .all(|channel| channel.arn != mobile)
    );
    world.finish().await;
}

#[tokio::test]
async fn one_of_two_activated_channels_may_go() {
    let world = stage("second-channel").await;
    reachable_by_mobile(&world).await;
    activate_by_hand(&world, &channel_arn(&world, "alice", "mail").await).await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({
                "channels": [{"name": "mail", "type": "Email", "address": "alice@example.com"}],
                "engagementPlan": [{"channel": "mail", "engageAfterMinutes": 0}],
            }),
        ))
        .await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(object.data["status"]["summary"]["activated"], "1/1");
    world.finish().await;
}

#[tokio::test]
async fn a_disabled_channel_stays_deactivated() {
    let world = stage("disabled").await;
    let mut disabled = contact("alice");
    disabled["spec"]["channels"][1]["enabled"] = json!(false);
    world.apply_value(disabled).await;
    world.ready("Contact", "alice").await;
    let mail = channel_arn(&world, "alice", "mail").await;
    let mobile = channel_arn(&world, "alice", "mobile").await;
    activate_by_hand(&world, &mobile).await;
    world.reconcile_now("Contact", "alice").await;
    // What is disabled is not waited for.
    world
        .condition(
            "Contact",
            "alice",
            "ChannelsActivated",
            "True",
            "AllActivated",
        )
        .await;
    let before = world.last_call().await;
    activate_by_hand(&world, &mail).await;
    world.reconcile_now("Contact", "alice").await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(
        mutations(&world, before).await,
        ["DeactivateContactChannel"]
    );
    let status = channel_status(&object, "mail");
    assert!(
        status["activation"] == "NotActivated" && status["optedOut"].is_null(),
        "{status}"
    );
    event(
        &world,
        "Contact",
        "alice",
        "DriftCorrected",
        "deactivated channel \"mail\"",
    )
    .await;
    world.finish().await;
}

#[tokio::test]
async fn many_requests_at_once_send_one_code_to_a_channel() {
    let world = stage("at-once-codes").await;
    alice(&world).await;
    let names: Vec<String> = (0..6).map(|number| format!("request-{number}")).collect();
    futures::future::join_all(names.iter().enumerate().map(|(number, name)| {
        let channel = if number == 5 { "mail" } else { "mobile" };
        world.apply_value(request(name, "alice", channel))
    }))
    .await;
    phase(&world, "request-5", "AwaitingCode").await;
    world
        .eventually(
            "one waits for its code and four are refused",
            SOON,
            async || {
                let mut phases = vec![];
                for name in &names[..5] {
                    let status = world.get("ChannelActivation", name).await.data["status"].clone();
                    phases.push(status["phase"].as_str().unwrap_or_default().to_owned());
                }
                phases.sort();
                if phases == ["AwaitingCode", "Refused", "Refused", "Refused", "Refused"] {
                    Ok(())
                } else {
                    Err(format!("{phases:?}"))
                }
            },
        )
        .await;
    assert_eq!(world.codes_sent().await, 2, "one to each channel");
    let sent = world.get("Contact", "alice").await.data["status"]["codesSent"].clone();
    assert_eq!(sent.as_array().map(Vec::len), Some(2), "{sent}");
    world.finish().await;
}
