//! ssm-contacts: channels and their activation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use common::{ACCOUNT, Client, onboarded, refused};
use serde_json::{Value, json};

async fn last_code(client: &Client) -> String {
    let codes = client.steer("GET", "codes", Value::Null).await;
    let last = codes["codes"].as_array().unwrap().last().unwrap();
    last["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn channels_are_checked() {
    let (_server, client) = onboarded().await;
    let bob = client.person("bob").await;
    let create = |name: &str, kind: &str, address: &str| {
        json!({"ContactId": bob, "Name": name, "Type": kind, "DeferActivation": true,
               "DeliveryAddress": {"SimpleAddress": address}})
    };
    for (kind, address) in [
        ("SMS", "15550100200"),
        ("SMS", "+1555010020x"),
        ("VOICE", "+05550100200"),
        ("VOICE", "+1 555 0100200"),
        ("SMS", "+1234567"),
        ("SMS", "+1234567890123456"),
        ("SMS", "bob@example.com"),
        ("EMAIL", "bob"),
        ("EMAIL", "@example.com"),
        ("EMAIL", "bob@"),
        ("EMAIL", "bob smith@example.com"),
        ("EMAIL", "bob@a@b"),
    ] {
        refused(
            &client,
            "CreateContactChannel",
            create("x", kind, address),
            "ValidationException",
        )
        .await;
    }
    let no_address = json!({"ContactId": bob, "Name": "x", "Type": "SMS", "DeliveryAddress": {}});
    refused(
        &client,
        "CreateContactChannel",
        no_address,
        "ValidationException",
    )
    .await;
    let mut missing = create("x", "EMAIL", "bob@example.com");
    missing["ContactId"] = client.contact_arn("nobody").into();
    refused(
        &client,
        "CreateContactChannel",
        missing,
        "ValidationException",
    )
    .await;
    client
        .ok(
            "CreateContact",
            json!({"Alias": "esc", "Type": "ESCALATION", "Plan": {}}),
        )
        .await;
    let mut wrong = create("x", "EMAIL", "bob@example.com");
    wrong["ContactId"] = client.contact_arn("esc").into();
    refused(
        &client,
        "CreateContactChannel",
        wrong,
        "ValidationException",
    )
    .await;

    let sms = client
        .ok("CreateContactChannel", create("one", "SMS", "+15550100200"))
        .await;
    client
        .ok(
            "CreateContactChannel",
            create("two", "VOICE", "+15550100200"),
        )
        .await;
    refused(
        &client,
        "CreateContactChannel",
        create("one", "SMS", "+15550100201"),
        "ConflictException",
    )
    .await;
    refused(
        &client,
        "CreateContactChannel",
        create("three", "SMS", "+15550100200"),
        "ConflictException",
    )
    .await;
    let update = |change: Value| {
        let mut input = json!({"ContactChannelId": sms["ContactChannelArn"]});
        input
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        input
    };
    refused(
        &client,
        "UpdateContactChannel",
        update(json!({"Name": "two"})),
        "ConflictException",
    )
    .await;
    refused(
        &client,
        "UpdateContactChannel",
        update(json!({"DeliveryAddress": {"SimpleAddress": "bob@example.com"}})),
        "ValidationException",
    )
    .await;
    client
        .ok("UpdateContactChannel", update(json!({"Name": "uno"})))
        .await;
    client
        .steer("PUT", "knobs", json!({"duplicate_channel": "accept"}))
        .await;
    client
        .ok("CreateContactChannel", create("uno", "SMS", "+15550100200"))
        .await;
    let listed = client
        .ok("ListContactChannels", json!({"ContactId": bob}))
        .await;
    let names: Vec<&Value> = listed["ContactChannels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|channel| &channel["Name"])
        .collect();
    assert_eq!(names, ["uno", "two", "uno"]);
    let shown = client
        .ok(
            "GetContactChannel",
            json!({"ContactChannelId": sms["ContactChannelArn"]}),
        )
        .await;
    assert_eq!(shown, listed["ContactChannels"][0]);
    assert_eq!(
        shown["DeliveryAddress"],
        json!({"SimpleAddress": "+15550100200"})
    );
    assert_eq!(shown["ActivationStatus"], "NOT_ACTIVATED");
}

#[tokio::test]
async fn codes_activate() {
    let (_server, client) = onboarded().await;
    let bob = client.person("bob").await;
    let mail = client.mail(&bob, "mail").await;
    let id = json!({"ContactChannelId": mail});
    let activate = |code: &str| json!({"ContactChannelId": mail, "ActivationCode": code});
    let status =
        async || client.ok("GetContactChannel", id.clone()).await["ActivationStatus"].clone();
    assert_eq!(
        client.steer("GET", "codes", Value::Null).await["codes"],
        json!([])
    );
    refused(
        &client,
        "ActivateContactChannel",
        activate("123456"),
        "ValidationException",
    )
    .await;
    client.ok("SendActivationCode", id.clone()).await;
    let old = last_code(&client).await;
    client.ok("SendActivationCode", id.clone()).await;
    let code = last_code(&client).await;
    assert_eq!(code.len(), 6);
    if old != code {
        refused(
            &client,
            "ActivateContactChannel",
            activate(&old),
            "ValidationException",
        )
        .await;
    }
    client.ok("ActivateContactChannel", activate(&code)).await;
    assert_eq!(status().await, "ACTIVATED");
    client.ok("ActivateContactChannel", activate(&code)).await;
    client.ok("DeactivateContactChannel", id.clone()).await;
    assert_eq!(status().await, "NOT_ACTIVATED");
    refused(
        &client,
        "ActivateContactChannel",
        activate(&code),
        "ValidationException",
    )
    .await;

    // A human opts out, and in again.
    client
        .steer("POST", "unsubscribe", json!({"channelArn": mail}))
        .await;
    client.ok("SendActivationCode", id.clone()).await;
    let codes = client
        .steer(
            "GET",
            &format!("codes?account={ACCOUNT}&channel={mail}"),
            Value::Null,
        )
        .await;
    assert_eq!(
        codes["codes"].as_array().unwrap().len(),
        2,
        "nothing arrives"
    );
    client
        .steer("POST", "subscribe", json!({"channelArn": mail}))
        .await;
    client.ok("SendActivationCode", id.clone()).await;
    client
        .ok(
            "ActivateContactChannel",
            activate(&last_code(&client).await),
        )
        .await;
    client
        .steer("POST", "unsubscribe", json!({"channelArn": mail}))
        .await;
    assert_eq!(status().await, "NOT_ACTIVATED");
    let gone = client
        .control("POST", "unsubscribe", json!({"channelArn": bob}))
        .await;
    assert_eq!(gone.status, 404);

    // Five codes an hour.
    client.ok("SendActivationCode", id.clone()).await;
    let body = refused(
        &client,
        "SendActivationCode",
        id.clone(),
        "ServiceQuotaExceededException",
    )
    .await;
    assert!(body["QuotaCode"].is_string() && body["ServiceCode"] == "ssm-contacts");
    client
        .steer("POST", "clock/advance", json!({"seconds": 3601}))
        .await;
    client.ok("SendActivationCode", id.clone()).await;
}

#[tokio::test]
async fn a_new_address_has_to_be_activated() {
    let (_server, client) = onboarded().await;
    let bob = client.person("bob").await;
    let mail = client.mail(&bob, "mail").await;
    let id = json!({"ContactChannelId": mail});
    let readdress = |address: &str| json!({"ContactChannelId": mail, "DeliveryAddress": {"SimpleAddress": address}});
    let activate = async || {
        client.ok("SendActivationCode", id.clone()).await;
        let code = last_code(&client).await;
        client
            .ok(
                "ActivateContactChannel",
                json!({"ContactChannelId": mail, "ActivationCode": code}),
            )
            .await;
    };
    let status =
        async || client.ok("GetContactChannel", id.clone()).await["ActivationStatus"].clone();
    activate().await;
    client
        .ok("UpdateContactChannel", readdress("mail@example.com"))
        .await;
    assert_eq!(status().await, "ACTIVATED", "the same address");
    client
        .ok("UpdateContactChannel", readdress("other@example.com"))
        .await;
    assert_eq!(status().await, "NOT_ACTIVATED");
    activate().await;
    client
        .steer(
            "PUT",
            "knobs",
            json!({"address_change_resets_activation": "no"}),
        )
        .await;
    client
        .ok("UpdateContactChannel", readdress("third@example.com"))
        .await;
    assert_eq!(status().await, "ACTIVATED");
}

#[tokio::test]
async fn creation_sends_a_code_unless_deferred() {
    let (_server, client) = onboarded().await;
    let bob = client.person("bob").await;
    let made = client
        .ok(
            "CreateContactChannel",
            json!({"ContactId": bob, "Name": "sms", "Type": "SMS", "DeliveryAddress": {"SimpleAddress": "+15550100200"}}),
        )
        .await;
    let codes = client.steer("GET", "codes", Value::Null).await;
    assert_eq!(codes["codes"][0]["channelArn"], made["ContactChannelArn"]);
}
