//! Which account, as whom, for whom: ProviderConfigs are edited, pointed elsewhere, taken away and made again.

use harness::world::SOON;
use harness::{World, aws, checks, seconds};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::support::{
    Stage, build, condition_now, contact, contact_with, event, must_hold, mutations, stage,
};

/// A second account, which no other test uses.
fn neighbour(account: &str) -> String {
    account.replacen('1', "2", 1)
}

/// Another ProviderConfig of this world.
fn another(world: &World, suffix: &str, spec: &Value) -> Value {
    let mut config = world.provider_config();
    config["metadata"]["name"] = json!(format!("{}-{suffix}", world.id));
    for (field, value) in spec.as_object().unwrap() {
        config["spec"][field] = value.clone();
    }
    config
}

fn role(account: &str) -> Value {
    json!({"roleArn": format!("arn:aws:iam::{account}:role/incident-operator")})
}

fn pointing_to(name: &str, config: &str) -> Value {
    contact_with(name, &json!({"providerConfigRef": {"name": config}}))
}

async fn held_in(world: &World, account: &str, region: &str) -> Vec<aws::Contact> {
    aws::contacts(&world.simulator, account, region)
        .await
        .unwrap()
}

async fn status(world: &World, name: &str) -> Value {
    world.get("ProviderConfig", name).await.data["status"].clone()
}

async fn soon(world: &World, what: &str, ask: impl AsyncFn(DynamicObject) -> bool) {
    world
        .eventually(what, seconds(12), async || {
            ask(world.get("Contact", "alice").await).await
        })
        .await;
}

#[tokio::test]
async fn its_status_says_who_and_where_and_for_how_many() {
    let world = stage("config-status").await;
    let name = world.id.clone();
    world.ready("ProviderConfig", &name).await;
    let shown = status(&world, &name).await;
    assert_eq!(shown["accountId"], world.account);
    assert_eq!(shown["region"], world.region);
    assert_eq!(shown["replicationSet"], "Active");
    assert_eq!(shown["inUseBy"], 0);
    let identity = shown["identity"].as_str().unwrap();
    assert!(
        identity.starts_with("arn:aws:") && identity.contains(&world.account),
        "{identity}"
    );
    assert_eq!(
        shown["rateLimits"]["ContactsWrite"]["perSecond"].as_f64(),
        Some(1000.0)
    );
    assert!(
        world
            .get("ProviderConfig", &name)
            .await
            .finalizers()
            .is_empty()
    );
    world.apply_value(contact("alice")).await;
    world.apply_value(contact("bob")).await;
    world.ready("Contact", "alice").await;
    world.ready("Contact", "bob").await;
    world
        .eventually("it counts its users", SOON, async || {
            status(&world, &name).await["inUseBy"] == 2
        })
        .await;
    assert_eq!(
        world.get("ProviderConfig", &name).await.finalizers(),
        ["incident-operator.dev/in-use"]
    );
    world.delete_and_wait("Contact", "alice").await;
    world.delete_and_wait("Contact", "bob").await;
    world
        .eventually("nobody uses it", SOON, async || {
            let config = world.get("ProviderConfig", &name).await;
            config.data["status"]["inUseBy"] == 0 && config.finalizers().is_empty()
        })
        .await;
    world.finish().await;
}

#[tokio::test]
async fn an_object_pointed_to_another_account_is_not_moved() {
    let world = stage("pointed").await;
    let other = neighbour(&world.account);
    world
        .simulator
        .onboard(&other, &[&world.region])
        .await
        .unwrap();
    let second = another(
        &world,
        "b",
        &json!({"accountId": other, "assumeRole": role(&other)}),
    );
    let second_name = second["metadata"]["name"].as_str().unwrap().to_owned();
    world.apply_value(second).await;
    world.ready("ProviderConfig", &second_name).await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let before = world.last_call().await;
    let arn = must_hold(&world, "alice").await.arn;

    world.apply_value(pointing_to("alice", &second_name)).await;
    let stalled = world.stalled("Contact", "alice", "PlacementChanged").await;
    assert!(
        stalled.message.contains(&world.account) && stalled.message.contains(&other),
        "{stalled}"
    );
    assert!(
        held_in(&world, &other, &world.region).await.is_empty(),
        "nothing is made elsewhere"
    );
    assert_eq!(must_hold(&world, "alice").await.arn, arn);
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());

    // Back again, or to another ProviderConfig of the same place.
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let third = another(&world, "c", &json!({}));
    let third_name = third["metadata"]["name"].as_str().unwrap().to_owned();
    world.apply_value(third).await;
    world.ready("ProviderConfig", &third_name).await;
    let mut edited = pointing_to("alice", &third_name);
    edited["spec"]["displayName"] = json!("Alice C");
    world.apply_value(edited).await;
    world.ready("Contact", "alice").await;
    assert_eq!(must_hold(&world, "alice").await.arn, arn);
    world
        .eventually("the former one is not in use any more", SOON, async || {
            status(&world, &world.id).await["inUseBy"] == 0
                && status(&world, &third_name).await["inUseBy"] == 1
        })
        .await;
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn made_again_with_another_region_it_moves_nothing() {
    let world = build(World::builder("other-region").not_onboarded()).await;
    world
        .simulator
        .onboard(&world.account, &["us-east-1", "eu-west-1"])
        .await
        .unwrap();
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let before = world.last_call().await;
    let name = world.id.clone();

    // While it is in use it does not go; somebody forces it.
    world.delete("ProviderConfig", &name).await;
    let using = world
        .condition("ProviderConfig", &name, "Ready", "False", "InUse")
        .await;
    assert!(using.message.starts_with('1'), "{using}");
    world
        .patch(
            "ProviderConfig",
            &name,
            &json!({"metadata": {"finalizers": null}}),
        )
        .await;
    world.gone("ProviderConfig", &name).await;
    world
        .condition(
            "Contact",
            "alice",
            "Ready",
            "False",
            "ProviderConfigNotFound",
        )
        .await;

    let mut elsewhere = world.provider_config();
    elsewhere["spec"]["region"] = json!("eu-west-1");
    world.apply_value(elsewhere).await;
    let stalled = world.stalled("Contact", "alice", "PlacementChanged").await;
    assert!(stalled.message.contains("eu-west-1"), "{stalled}");
    assert!(
        held_in(&world, &world.account, "eu-west-1")
            .await
            .is_empty()
    );
    // Its deletion does not reach for another place either; it waits, and says how to let go.
    world.delete("Contact", "alice").await;
    let held = world
        .condition("Contact", "alice", "Ready", "False", "PlacementChanged")
        .await;
    assert!(held.message.contains("Retain"), "{held}");
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());

    // The former place again: all goes on.
    world.delete("ProviderConfig", &name).await;
    world
        .patch(
            "ProviderConfig",
            &name,
            &json!({"metadata": {"finalizers": null}}),
        )
        .await;
    world.gone("ProviderConfig", &name).await;
    world.apply_value(world.provider_config()).await;
    world.gone("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn its_role_can_be_edited_while_the_account_stays() {
    let world = stage("role").await;
    let name = world.id.clone();
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;

    let mut config = world.provider_config();
    config["spec"]["assumeRole"] = role(&world.account);
    world.apply_value(config.clone()).await;
    world
        .eventually("it acts as the role", SOON, async || {
            status(&world, &name).await["identity"]
                .as_str()
                .is_some_and(|identity| identity.contains("assumed-role/incident-operator"))
        })
        .await;
    world
        .apply_value(contact_with("alice", &json!({"displayName": "B"})))
        .await;
    world.ready("Contact", "alice").await;
    assert_eq!(
        must_hold(&world, "alice").await.display_name.as_deref(),
        Some("B")
    );

    // A role of another account: everybody stops, and nothing is written anywhere.
    let other = neighbour(&world.account);
    world
        .simulator
        .onboard(&other, &[&world.region])
        .await
        .unwrap();
    config["spec"]["assumeRole"] = role(&other);
    let before = world.last_call().await;
    world.apply_value(config.clone()).await;
    let stalled = world.stalled("ProviderConfig", &name, "WrongAccount").await;
    assert!(stalled.message.contains(&other), "{stalled}");
    world.stalled("Contact", "alice", "WrongAccount").await;
    world
        .apply_value(contact_with("alice", &json!({"displayName": "C"})))
        .await;
    world.apply_value(contact("bob")).await;
    world.stalled("Contact", "alice", "WrongAccount").await;
    world.stalled("Contact", "bob", "WrongAccount").await;
    world.delete("Contact", "bob").await;
    world.gone("Contact", "bob").await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    let calls = world.simulator.calls(Some(&other), 0).await.unwrap();
    assert!(
        calls.iter().all(|call| !call.mutating),
        "nothing is written to the wrong account"
    );
    assert!(held_in(&world, &other, &world.region).await.is_empty());

    // A role that may not be assumed names the action.
    world
        .simulator
        .knobs(
            Some(&world.account),
            &json!({"assume_role_external_id": "their-id"}),
        )
        .await
        .unwrap();
    config["spec"]["assumeRole"] =
        json!({"roleArn": format!("arn:aws:iam::{}:role/with-id", world.account)});
    world.apply_value(config.clone()).await;
    let stalled = world.stalled("ProviderConfig", &name, "AccessDenied").await;
    assert!(stalled.message.contains("sts:AssumeRole"), "{stalled}");
    config["spec"]["assumeRole"]["externalId"] = json!("their-id");
    world.apply_value(config).await;
    world.ready("ProviderConfig", &name).await;
    soon(&world, "what waited is done", async |alice| {
        checks::is_ready(&alice)
            && must_hold(&world, "alice").await.display_name.as_deref() == Some("C")
    })
    .await;
    world.finish().await;
}

#[tokio::test]
async fn its_namespaces_can_be_edited() {
    let world = build(World::builder("namespaces").namespace("other")).await;
    let name = world.id.clone();
    let other = world.namespaces()[1].clone();
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let before = world.last_call().await;
    let allow = async |selection: Value| {
        let mut config = world.provider_config();
        config["spec"]["allowedNamespaces"] = selection;
        world.apply_value(config).await;
    };

    allow(json!({"names": [other]})).await;
    let stalled = world
        .stalled("Contact", "alice", "NamespaceNotAllowed")
        .await;
    assert!(
        stalled.message.contains("spec.allowedNamespaces") && stalled.message.contains(&name),
        "{stalled}"
    );
    world
        .apply_value(contact_with("alice", &json!({"displayName": "B"})))
        .await;
    world
        .stalled("Contact", "alice", "NamespaceNotAllowed")
        .await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    assert_ne!(
        must_hold(&world, "alice").await.display_name.as_deref(),
        Some("B")
    );

    // By a label that the namespace gets later, and loses, and gets.
    allow(json!({"names": [other], "selector": {"matchLabels": {"oncall": "true"}}})).await;
    world
        .stalled("Contact", "alice", "NamespaceNotAllowed")
        .await;
    let label = async |value: Value| {
        world
            .cluster
            .merge(
                "Namespace",
                None,
                &world.namespace,
                &json!({"metadata": {"labels": {"oncall": value}}}),
            )
            .await
            .unwrap();
    };
    label(json!("true")).await;
    soon(&world, "the label counts at once", async |alice| {
        checks::is_ready(&alice)
    })
    .await;
    assert_eq!(
        must_hold(&world, "alice").await.display_name.as_deref(),
        Some("B")
    );
    label(Value::Null).await;
    world
        .stalled("Contact", "alice", "NamespaceNotAllowed")
        .await;
    // Deletion waits, too, and says how to let go.
    world.delete("Contact", "alice").await;
    let held = world
        .condition("Contact", "alice", "Ready", "False", "NamespaceNotAllowed")
        .await;
    assert!(held.message.contains("Retain"), "{held}");
    allow(json!({"selector": {}})).await;
    world.gone("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn pruned_while_in_use_it_goes_last() {
    let world = stage("pruned").await;
    let name = world.id.clone();
    world.apply_value(contact("alice")).await;
    world.apply_value(contact("bob")).await;
    world.ready("Contact", "alice").await;
    world.ready("Contact", "bob").await;
    world.delete("ProviderConfig", &name).await;
    let using = world
        .condition("ProviderConfig", &name, "Ready", "False", "InUse")
        .await;
    assert!(using.message.starts_with('2'), "{using}");
    // Who uses it is served on; nobody new is.
    world
        .apply_value(contact_with("alice", &json!({"displayName": "B"})))
        .await;
    world.ready("Contact", "alice").await;
    assert_eq!(
        must_hold(&world, "alice").await.display_name.as_deref(),
        Some("B")
    );
    world.apply_value(contact("late")).await;
    let waiting = world
        .condition(
            "Contact",
            "late",
            "Ready",
            "False",
            "ProviderConfigNotFound",
        )
        .await;
    assert!(waiting.message.contains("being deleted"), "{waiting}");
    world.delete_and_wait("Contact", "alice").await;
    assert!(world.find("ProviderConfig", &name).await.is_some());
    world.delete_and_wait("Contact", "bob").await;
    world.gone("ProviderConfig", &name).await;
    world.aws_empty().await;
    // Made again, the one that waited is served.
    world.apply_value(world.provider_config()).await;
    world.ready("Contact", "late").await;
    world.finish().await;
}

async fn third_account(world: &Stage) -> (String, String) {
    let other = neighbour(&world.account);
    world
        .simulator
        .onboard(&other, &[&world.region])
        .await
        .unwrap();
    let config = another(
        world,
        "b",
        &json!({"accountId": other, "assumeRole": role(&other), "ownerId": "another-owner"}),
    );
    let name = config["metadata"]["name"].as_str().unwrap().to_owned();
    world.apply_value(config).await;
    (other, name)
}

#[tokio::test]
async fn one_operator_serves_several_accounts() {
    let world = stage("accounts").await;
    let (other, second) = third_account(&world).await;
    world.apply_value(contact("alice")).await;
    let mut twin = pointing_to("twin", &second);
    twin["spec"]["alias"] = json!("alice");
    world.apply_value(twin).await;
    world.ready("Contact", "alice").await;
    let object = world.ready("Contact", "twin").await;
    assert!(
        object.data["status"]["arn"]
            .as_str()
            .unwrap()
            .contains(&other)
    );
    let there = held_in(&world, &other, &world.region).await;
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].tags["incident-operator/owner"], "another-owner");
    assert_ne!(must_hold(&world, "alice").await.channels, there[0].channels);
    crate::support::in_sync(&world).await;
    // Trouble in one does not reach the other.
    world
        .simulator
        .deny(&other, &["ssm-contacts:*"])
        .await
        .unwrap();
    let edit = json!({"displayName": "B"});
    world.apply_value(contact_with("alice", &edit)).await;
    let mut twin = pointing_to("twin", &second);
    twin["spec"]["alias"] = json!("alice");
    twin["spec"]["displayName"] = json!("B");
    world.apply_value(twin).await;
    world.ready("Contact", "alice").await;
    let stalled = world.stalled("Contact", "twin", "AccessDenied").await;
    assert!(stalled.message.contains("ssm-contacts:"), "{stalled}");
    world.simulator.deny(&other, &[]).await.unwrap();
    world.reconcile_now("Contact", "twin").await;
    world.ready("Contact", "twin").await;
    crate::support::in_sync(&world).await;
    world.delete_and_wait("Contact", "twin").await;
    assert!(held_in(&world, &other, &world.region).await.is_empty());
    assert!(!world.aws().await.is_empty());
    world.finish().await;
}

#[tokio::test]
async fn the_lowest_limit_of_several_holds() {
    let world = stage("limits").await;
    let name = world.id.clone();
    world.ready("ProviderConfig", &name).await;
    let slow = another(
        &world,
        "slow",
        &json!({"rateLimits": [{"group": "ContactsWrite", "perSecond": 4}]}),
    );
    let slow_name = slow["metadata"]["name"].as_str().unwrap().to_owned();
    world.apply_value(slow).await;
    world.ready("ProviderConfig", &slow_name).await;
    let rate = async |config: &str, group: &str| {
        status(&world, config).await["rateLimits"][group]["perSecond"].as_f64()
    };
    world.reconcile_now("ProviderConfig", &name).await;
    assert_eq!(rate(&name, "ContactsWrite").await, Some(4.0));
    assert_eq!(rate(&slow_name, "ContactsWrite").await, Some(4.0));
    assert_eq!(
        rate(&name, "ContactsRead").await,
        Some(20.0),
        "absent = the published quota, which is lower"
    );
    // And it does hold: three contacts of four writes each.
    let begin = std::time::Instant::now();
    for contact_name in ["a", "b", "c"] {
        world.apply_value(contact(contact_name)).await;
    }
    for contact_name in ["a", "b", "c"] {
        world.ready("Contact", contact_name).await;
    }
    assert!(begin.elapsed() >= seconds(1), "{:?}", begin.elapsed());
    assert_eq!(mutations(&world, 0).await.len(), 12);
    // With the slow one gone, the fast one's own limits hold.
    world.delete_and_wait("ProviderConfig", &slow_name).await;
    world.reconcile_now("ProviderConfig", &name).await;
    assert_eq!(rate(&name, "ContactsWrite").await, Some(1000.0));
    world.finish().await;
}

#[tokio::test]
async fn who_may_not_is_told_which_action_and_goes_on_when_it_may() {
    let world = stage("denied").await;
    world
        .simulator
        .deny(&world.account, &["ssm-contacts:CreateContactChannel"])
        .await
        .unwrap();
    world.apply_value(contact("alice")).await;
    let stalled = world.stalled("Contact", "alice", "AccessDenied").await;
    assert!(
        stalled
            .message
            .contains("ssm-contacts:CreateContactChannel"),
        "{stalled}"
    );
    event(
        &world,
        "Contact",
        "alice",
        "AccessDenied",
        "ssm-contacts:CreateContactChannel",
    )
    .await;
    world.simulator.deny(&world.account, &[]).await.unwrap();
    world.reconcile_now("Contact", "alice").await;
    world.ready("Contact", "alice").await;
    assert_eq!(world.aws().await.len(), 1);

    // A deletion that AWS refuses waits and says how to let go.
    world
        .simulator
        .deny(&world.account, &["ssm-contacts:DeleteContact"])
        .await
        .unwrap();
    world.delete("Contact", "alice").await;
    let held = world
        .condition("Contact", "alice", "Ready", "False", "AccessDenied")
        .await;
    assert!(
        held.message.contains("ssm-contacts:DeleteContact") && held.message.contains("Retain"),
        "{held}"
    );
    assert!(
        condition_now(&world, "Contact", "alice", "Reconciling")
            .await
            .is_some()
    );
    world
        .patch(
            "Contact",
            "alice",
            &json!({"spec": {"deletionPolicy": "Retain"}}),
        )
        .await;
    world.gone("Contact", "alice").await;
    world.simulator.deny(&world.account, &[]).await.unwrap();
    let left = must_hold(&world, "alice").await;
    assert!(left.tags.is_empty(), "{:?}", left.tags);
    world.finish().await;
}

#[tokio::test]
async fn its_default_tags_are_on_everything_and_follow_an_edit() {
    let world = build(
        World::builder("default-tags")
            .provider(json!({"defaultTags": {"managed": "yes", "team": "none"}})),
    )
    .await;
    world
        .apply_value(contact_with(
            "alice",
            &json!({"tags": {"team": "payments"}}),
        ))
        .await;
    world.apply_value(contact("bob")).await;
    world.ready("Contact", "alice").await;
    world.ready("Contact", "bob").await;
    let tags = must_hold(&world, "alice").await.tags;
    assert_eq!(
        (tags["managed"].as_str(), tags["team"].as_str()),
        ("yes", "payments"),
        "the object's own win"
    );
    assert_eq!(must_hold(&world, "bob").await.tags["team"], "none");
    let mut config = world.provider_config();
    config["spec"]["defaultTags"] = json!({"managed": "still"});
    world.apply_value(config).await;
    world
        .aws_matches(
            "the edit reaches AWS without waiting for a drift check",
            |held| {
                let tags: Vec<_> = held.iter().map(|contact| &contact.tags).collect();
                let managed = tags.iter().all(|tags| tags["managed"] == "still");
                let team = tags[0]["team"] == "payments" && !tags[1].contains_key("team");
                if managed && team {
                    Ok(())
                } else {
                    Err(format!("{tags:?}"))
                }
            },
        )
        .await;
    world.finish().await;
}

#[tokio::test]
async fn an_object_that_names_none_uses_the_default() {
    let world = build(World::builder("default").without_provider()).await;
    let mut alice = contact("alice");
    alice["metadata"]["namespace"] = json!(world.namespace);
    world.try_apply(&alice).await.unwrap();
    let waiting = world
        .condition(
            "Contact",
            "alice",
            "Ready",
            "False",
            "ProviderConfigNotFound",
        )
        .await;
    assert!(waiting.message.contains("\"default\""), "{waiting}");
    let mut config = world.provider_config();
    config["metadata"]["name"] = json!("default");
    world.apply_value(config).await;
    let object = world.ready("Contact", "alice").await;
    assert!(
        object.data["spec"]["providerConfigRef"].is_null(),
        "nothing is written into the spec"
    );
    world.delete_and_wait("Contact", "alice").await;
    world.delete_and_wait("ProviderConfig", "default").await;
    world.finish().await;
}

#[tokio::test]
async fn what_was_half_made_is_deleted_whole() {
    let world = stage("half-made").await;
    world
        .simulator
        .deny(&world.account, &["ssm-contacts:CreateContactChannel"])
        .await
        .unwrap();
    world.apply_value(contact("alice")).await;
    world.stalled("Contact", "alice", "AccessDenied").await;
    assert_eq!(world.aws().await.len(), 1);
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn without_it_a_deletion_waits_and_says_how_to_let_go() {
    let world = stage("config-gone").await;
    let name = world.id.clone();
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    world.apply_value(pointing_to("bob", "nowhere")).await;
    world
        .condition("Contact", "bob", "Ready", "False", "ProviderConfigNotFound")
        .await;
    world.delete("ProviderConfig", &name).await;
    world
        .condition("ProviderConfig", &name, "Ready", "False", "InUse")
        .await;
    world
        .patch(
            "ProviderConfig",
            &name,
            &json!({"metadata": {"finalizers": null}}),
        )
        .await;
    world.gone("ProviderConfig", &name).await;
    world.delete("Contact", "alice").await;
    let held = world
        .condition(
            "Contact",
            "alice",
            "Ready",
            "False",
            "ProviderConfigNotFound",
        )
        .await;
    assert!(held.message.contains("Retain"), "{held}");
    assert_eq!(world.aws().await.len(), 1);
    // What never had anything in AWS goes at once.
    world.delete_and_wait("Contact", "bob").await;
    world
        .patch(
            "Contact",
            "alice",
            &json!({"spec": {"deletionPolicy": "Retain"}}),
        )
        .await;
    world.gone("Contact", "alice").await;
    let left = must_hold(&world, "alice").await;
    world
        .contacts()
        .delete_contact()
        .contact_id(left.arn)
        .send()
        .await
        .unwrap();
    world.finish().await;
}

#[tokio::test]
async fn its_endpoints_are_used_instead_of_the_environments() {
    let mut world = build(
        World::builder("endpoints")
            .without_operator()
            .without_provider(),
    )
    .await;
    let mut config = world.provider_config();
    let url = world.simulator.endpoint().to_owned();
    config["spec"]["endpoints"] = json!(
        ["SSMContacts", "SSMIncidents", "EC2", "STS"]
            .map(|service| json!({"service": service, "url": url}))
    );
    world.apply_value(config).await;
    world.start_operator().await.unwrap();
    // Nothing listens at this one.
    world.operator_mut().options_mut().endpoint = "http://127.0.0.1:9".to_owned();
    world.operator_mut().restart().await.unwrap();
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    world.finish().await;
}
