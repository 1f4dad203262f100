//! ssm-contacts: contacts, plans, policies, tags.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use common::{ACCOUNT, onboarded, refused, start};
use incident_operator_simulator::world::Options;
use serde_json::{Value, json};

fn stage(duration: u32, targets: &Value) -> Value {
    json!({"Stages": [{"DurationInMinutes": duration, "Targets": targets}]})
}

fn on_channel(arn: &str) -> Value {
    json!({"ChannelTargetInfo": {"ContactChannelId": arn}})
}

fn on_contact(arn: &str) -> Value {
    json!({"ContactTargetInfo": {"ContactId": arn, "IsEssential": false}})
}

#[tokio::test]
async fn nothing_works_before_onboarding() {
    let (_server, client) = start(Options::default()).await;
    for (operation, input) in [
        ("ListContacts", json!({})),
        ("GetContact", json!({"ContactId": client.contact_arn("a")})),
        (
            "CreateContact",
            json!({"Alias": "a", "Type": "PERSONAL", "Plan": {}}),
        ),
        (
            "ListTagsForResource",
            json!({"ResourceARN": client.contact_arn("a")}),
        ),
    ] {
        let body = refused(&client, operation, input, "ValidationException").await;
        assert_eq!(
            body["Message"],
            "Invalid value provided - Account not found for the request"
        );
    }
    client
        .steer("PUT", "knobs", json!({"empty_validation_message": "yes"}))
        .await;
    let body = refused(&client, "ListContacts", json!({}), "ValidationException").await;
    assert_eq!(body["Message"], "");
    // Regions outside the set are as good as not onboarded.
    client
        .steer(
            "POST",
            &format!("accounts/{ACCOUNT}/onboard"),
            json!({"regions": ["us-east-1"]}),
        )
        .await;
    client.ok("ListContacts", json!({})).await;
    let elsewhere = client.in_region("eu-west-1");
    refused(&elsewhere, "ListContacts", json!({}), "ValidationException").await;
}

#[tokio::test]
async fn contacts_are_echoed_as_sent() {
    let (_server, client) = onboarded().await;
    let arn = client.person("plain").await;
    let shown = client.ok("GetContact", json!({"ContactId": arn})).await;
    assert_eq!(
        shown,
        json!({"ContactArn": arn, "Alias": "plain", "Type": "PERSONAL", "Plan": {"Stages": []}})
    );
    client
        .ok(
            "CreateContact",
            json!({"Alias": "named", "DisplayName": "", "Type": "ONCALL_SCHEDULE", "Plan": {"RotationIds": []}}),
        )
        .await;
    let named = client.contact_arn("named");
    let shown = client.ok("GetContact", json!({"ContactId": named})).await;
    assert_eq!(shown["DisplayName"], "");
    assert_eq!(shown["Plan"], json!({"RotationIds": []}));
    let channel = client.mail(&arn, "mail").await;
    let plan = json!({"Stages": [
        {"DurationInMinutes": 0, "Targets": [
            {"ChannelTargetInfo": {"ContactChannelId": channel, "RetryIntervalInMinutes": 0}},
        ]},
        {"DurationInMinutes": 3, "Targets": []},
    ]});
    client
        .ok("UpdateContact", json!({"ContactId": arn, "Plan": plan}))
        .await;
    client
        .ok(
            "UpdateContact",
            json!({"ContactId": arn, "DisplayName": "Pläin Name"}),
        )
        .await;
    let shown = client.ok("GetContact", json!({"ContactId": arn})).await;
    assert_eq!(shown["Plan"], plan, "a member left out stays");
    assert_eq!(shown["DisplayName"], "Pläin Name");
    refused(
        &client,
        "CreateContact",
        json!({"Alias": "plain", "Type": "ESCALATION", "Plan": {}}),
        "ConflictException",
    )
    .await;
    client.ok("DeleteContact", json!({"ContactId": arn})).await;
    for (operation, input) in [
        ("GetContact", json!({"ContactId": arn})),
        ("UpdateContact", json!({"ContactId": arn})),
        ("DeleteContact", json!({"ContactId": arn})),
        ("ListContactChannels", json!({"ContactId": arn})),
        ("GetContactPolicy", json!({"ContactArn": arn})),
        ("ListTagsForResource", json!({"ResourceARN": arn})),
        ("GetContactChannel", json!({"ContactChannelId": channel})),
        ("SendActivationCode", json!({"ContactChannelId": channel})),
        (
            "ActivateContactChannel",
            json!({"ContactChannelId": channel, "ActivationCode": "123456"}),
        ),
        ("DeleteContactChannel", json!({"ContactChannelId": channel})),
    ] {
        let body = refused(&client, operation, input, "ResourceNotFoundException").await;
        assert!(body["ResourceId"].is_string() && body["ResourceType"].is_string());
    }
    client.person("plain").await;
    let listed = client
        .ok("ListContactChannels", json!({"ContactId": arn}))
        .await;
    assert_eq!(
        listed,
        json!({"ContactChannels": []}),
        "the alias is free, its channels are gone"
    );
}

#[tokio::test]
async fn arns_lead_to_the_right_thing_or_nowhere() {
    let (_server, client) = onboarded().await;
    let arn = client.person("bob").await;
    let channel = client.mail(&arn, "mail").await;
    let get = |arn: &str| json!({"ContactId": arn});
    let body = refused(&client, "GetContact", get(&channel), "ValidationException").await;
    assert_eq!(
        body["Message"],
        format!("Invalid value provided - Invalid resource Arn {channel}")
    );
    let elsewhere = client.in_region("eu-west-1");
    refused(
        &elsewhere,
        "GetContact",
        get(&arn),
        "ResourceNotFoundException",
    )
    .await;
    let stranger = client.of_account("333333333333");
    refused(&stranger, "GetContact", get(&arn), "AccessDeniedException").await;
    elsewhere.person("bob").await;
    stranger.person("bob").await;
    let moved = channel.replace("/bob/", "/eve/");
    refused(
        &client,
        "GetContactChannel",
        json!({"ContactChannelId": moved}),
        "ResourceNotFoundException",
    )
    .await;
}

#[tokio::test]
async fn plans_follow_the_type() {
    let (_server, client) = onboarded().await;
    let bob = client.person("bob").await;
    let eve = client.person("eve").await;
    let mine = client.mail(&bob, "mine").await;
    let hers = client.mail(&eve, "hers").await;
    client
        .ok(
            "CreateContact",
            json!({"Alias": "esc", "Type": "ESCALATION", "Plan": stage(5, &json!([on_contact(&bob)]))}),
        )
        .await;
    let esc = client.contact_arn("esc");
    let rotation = format!("arn:aws:ssm-contacts:us-east-1:{ACCOUNT}:rotation/abc");
    let nobody = client.contact_arn("nobody");
    let both = json!({
        "ChannelTargetInfo": {"ContactChannelId": mine},
        "ContactTargetInfo": {"ContactId": eve, "IsEssential": true},
    });
    for (target, plan, error) in [
        (
            &bob,
            stage(5, &json!([on_channel(&hers)])),
            "ValidationException",
        ),
        (
            &bob,
            stage(5, &json!([on_channel(&eve)])),
            "ValidationException",
        ),
        (
            &bob,
            stage(5, &json!([on_contact(&eve)])),
            "ValidationException",
        ),
        (&bob, stage(5, &json!([both])), "ValidationException"),
        (&bob, stage(5, &json!([{}])), "ValidationException"),
        (&bob, stage(0, &json!([])), "ValidationException"),
        (
            &bob,
            json!({"RotationIds": [rotation]}),
            "ValidationException",
        ),
        (
            &esc,
            stage(5, &json!([on_channel(&mine)])),
            "ValidationException",
        ),
        (
            &esc,
            stage(5, &json!([on_contact(&esc)])),
            "ValidationException",
        ),
        (
            &esc,
            stage(5, &json!([on_contact(&nobody)])),
            "ValidationException",
        ),
        (
            &esc,
            stage(5, &json!([{"ContactTargetInfo": {"IsEssential": true}}])),
            "ValidationException",
        ),
        (
            &bob,
            stage(5, &json!(vec![on_channel(&mine); 11])),
            "ServiceQuotaExceededException",
        ),
        (
            &bob,
            json!({"Stages": vec![json!({"DurationInMinutes": 1, "Targets": []}); 11]}),
            "ServiceQuotaExceededException",
        ),
    ] {
        refused(
            &client,
            "UpdateContact",
            json!({"ContactId": target, "Plan": plan}),
            error,
        )
        .await;
    }
    for (target, plan) in [
        (&bob, stage(0, &json!([on_channel(&mine)]))),
        (&bob, stage(5, &json!([]))),
        (&bob, json!({})),
        (&esc, stage(0, &json!([on_contact(&bob), on_contact(&eve)]))),
    ] {
        client
            .ok("UpdateContact", json!({"ContactId": target, "Plan": plan}))
            .await;
    }
    // A person can have no channels of its own yet when it is made.
    refused(
        &client,
        "CreateContact",
        json!({"Alias": "new", "Type": "PERSONAL", "Plan": stage(5, &json!([on_channel(&mine)]))}),
        "ValidationException",
    )
    .await;
    let schedule = |plan: Value| json!({"Alias": "sched", "Type": "ONCALL_SCHEDULE", "Plan": plan});
    refused(
        &client,
        "CreateContact",
        schedule(json!({"RotationIds": [rotation]})),
        "ValidationException",
    )
    .await;
    let body = refused(
        &client,
        "CreateContact",
        schedule(stage(5, &json!([]))),
        "ValidationException",
    )
    .await;
    assert_eq!(
        body["Message"],
        "Invalid value provided - ONCALL SCHEDULE contact cannot have stages in plan"
    );
    client
        .steer("PUT", "knobs", json!({"oncall_empty_stages": "reject"}))
        .await;
    refused(
        &client,
        "CreateContact",
        schedule(json!({"Stages": []})),
        "ValidationException",
    )
    .await;
    client
        .steer("PUT", "knobs", json!({"oncall_empty_stages": "accept"}))
        .await;
    client
        .ok("CreateContact", schedule(json!({"Stages": []})))
        .await;
}

#[tokio::test]
async fn deleting_leaves_plans_dangling() {
    let (_server, client) = onboarded().await;
    let bob = client.person("bob").await;
    let channel = client.mail(&bob, "mail").await;
    let plan = stage(5, &json!([on_channel(&channel)]));
    client
        .ok("UpdateContact", json!({"ContactId": bob, "Plan": plan}))
        .await;
    let escalation = stage(5, &json!([on_contact(&bob)]));
    client
        .ok(
            "CreateContact",
            json!({"Alias": "esc", "Type": "ESCALATION", "Plan": escalation}),
        )
        .await;
    client
        .ok("DeleteContactChannel", json!({"ContactChannelId": channel}))
        .await;
    let shown = client.ok("GetContact", json!({"ContactId": bob})).await;
    assert_eq!(shown["Plan"], plan);
    // But it cannot be set again.
    refused(
        &client,
        "UpdateContact",
        json!({"ContactId": bob, "Plan": plan}),
        "ValidationException",
    )
    .await;
    client.ok("DeleteContact", json!({"ContactId": bob})).await;
    let esc = json!({"ContactId": client.contact_arn("esc")});
    assert_eq!(client.ok("GetContact", esc).await["Plan"], escalation);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (_server, client) = onboarded().await;
    for index in 0..105 {
        client.person(&format!("p-{index:03}")).await;
    }
    client
        .ok(
            "CreateContact",
            json!({"Alias": "q", "Type": "ESCALATION", "Plan": {}}),
        )
        .await;
    let first = client.ok("ListContacts", json!({})).await;
    assert_eq!(first["Contacts"].as_array().unwrap().len(), 100);
    let first = client
        .ok(
            "ListContacts",
            json!({"AliasPrefix": "p-", "MaxResults": 60}),
        )
        .await;
    let token = first["NextToken"].as_str().unwrap().to_owned();
    client
        .ok(
            "DeleteContact",
            json!({"ContactId": client.contact_arn("p-059")}),
        )
        .await;
    let next = json!({"AliasPrefix": "p-", "MaxResults": 60, "NextToken": token});
    let second = client.ok("ListContacts", next).await;
    assert_eq!(second["Contacts"][0]["Alias"], "p-060");
    assert_eq!(second["Contacts"].as_array().unwrap().len(), 45);
    assert!(second.get("NextToken").is_none());
    let exact = client
        .ok(
            "ListContacts",
            json!({"Type": "ESCALATION", "MaxResults": 1}),
        )
        .await;
    assert!(exact.get("NextToken").is_none());
    for bad in [
        json!({"NextToken": "abc"}),
        json!({"NextToken": token}),
        json!({"NextToken": token, "AliasPrefix": "q"}),
    ] {
        refused(&client, "ListContacts", bad, "ValidationException").await;
    }
    let arn = client.contact_arn("p-000");
    for index in 0..3 {
        client.mail(&arn, &format!("m{index}")).await;
    }
    let first = client
        .ok(
            "ListContactChannels",
            json!({"ContactId": arn, "MaxResults": 2}),
        )
        .await;
    let second = client
        .ok(
            "ListContactChannels",
            json!({"ContactId": arn, "NextToken": first["NextToken"]}),
        )
        .await;
    assert_eq!(second["ContactChannels"][0]["Name"], "m2");
}

#[tokio::test]
async fn tags_have_limits() {
    let (_server, client) = onboarded().await;
    client
        .ok(
            "CreateContact",
            json!({"Alias": "bob", "Type": "PERSONAL", "Plan": {}, "Tags": [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}]}),
        )
        .await;
    let arn = client.contact_arn("bob");
    let tag = |tags: Value| json!({"ResourceARN": arn, "Tags": tags});
    client.ok("TagResource", tag(json!([{"Key": "b", "Value": "x y"}, {"Key": "incident-operator/owner", "Value": "z"}]))).await;
    client
        .ok(
            "UntagResource",
            json!({"ResourceARN": arn, "TagKeys": ["a", "none"]}),
        )
        .await;
    let tags = client
        .ok("ListTagsForResource", json!({"ResourceARN": arn}))
        .await;
    assert_eq!(
        tags,
        json!({"Tags": [{"Key": "b", "Value": "x y"}, {"Key": "incident-operator/owner", "Value": "z"}]})
    );
    for bad in [
        json!([{"Key": "k", "Value": ""}]),
        json!([{"Key": "aws:k", "Value": "v"}]),
        json!([{"Key": "k.k", "Value": "v"}]),
        json!([{"Key": "k"}]),
        json!([{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]),
        json!(
            (0..51)
                .map(|n| json!({"Key": format!("k{n}"), "Value": "v"}))
                .collect::<Vec<_>>()
        ),
    ] {
        refused(&client, "TagResource", tag(bad), "ValidationException").await;
    }
    let many: Vec<Value> = (0..49)
        .map(|n| json!({"Key": format!("k{n}"), "Value": "v"}))
        .collect();
    refused(
        &client,
        "TagResource",
        tag(json!(many)),
        "ServiceQuotaExceededException",
    )
    .await;
    let channel = client.mail(&arn, "mail").await;
    refused(
        &client,
        "ListTagsForResource",
        json!({"ResourceARN": channel}),
        "ValidationException",
    )
    .await;
    let rotation = format!("arn:aws:ssm-contacts:us-east-1:{ACCOUNT}:rotation/abc");
    refused(
        &client,
        "ListTagsForResource",
        json!({"ResourceARN": rotation}),
        "ResourceNotFoundException",
    )
    .await;
    // Only in the first Region of the set.
    let second = client.in_region("eu-west-1");
    let create = json!({"Alias": "eve", "Type": "PERSONAL", "Plan": {}, "Tags": [{"Key": "a", "Value": "b"}]});
    refused(
        &second,
        "CreateContact",
        create.clone(),
        "ValidationException",
    )
    .await;
    let eve = second.person("eve").await;
    refused(
        &second,
        "ListTagsForResource",
        json!({"ResourceARN": eve}),
        "ValidationException",
    )
    .await;
    client
        .steer("PUT", "knobs", json!({"tags_outside_first_region": "work"}))
        .await;
    second.ok("DeleteContact", json!({"ContactId": eve})).await;
    second.ok("CreateContact", create).await;
}

#[tokio::test]
async fn policies_are_kept_as_sent() {
    let (_server, client) = onboarded().await;
    let arn = client.person("bob").await;
    let get = json!({"ContactArn": arn});
    assert_eq!(
        client.ok("GetContactPolicy", get.clone()).await,
        json!({"ContactArn": arn})
    );
    let policy = "{\n  \"Version\": \"2012-10-17\", \"Statement\": []\n}";
    client
        .ok(
            "PutContactPolicy",
            json!({"ContactArn": arn, "Policy": policy}),
        )
        .await;
    assert_eq!(client.ok("GetContactPolicy", get).await["Policy"], policy);
    for bad in ["nonsense", "{}", " "] {
        refused(
            &client,
            "PutContactPolicy",
            json!({"ContactArn": arn, "Policy": bad}),
            "ValidationException",
        )
        .await;
    }
}

#[tokio::test]
async fn quotas_and_consistency() {
    let (_server, client) = onboarded().await;
    client
        .steer(
            "PUT",
            "knobs",
            json!({"contacts_quota": 1, "consistency_delay_ms": 5000}),
        )
        .await;
    let arn = client.person("bob").await;
    refused(
        &client,
        "CreateContact",
        json!({"Alias": "eve", "Type": "PERSONAL", "Plan": {}}),
        "ServiceQuotaExceededException",
    )
    .await;
    refused(
        &client,
        "GetContact",
        json!({"ContactId": arn}),
        "ResourceNotFoundException",
    )
    .await;
    assert_eq!(
        client.ok("ListContacts", json!({})).await["Contacts"],
        json!([])
    );
    let channel = client.mail(&arn, "mail").await;
    client
        .steer("POST", "clock/advance", json!({"seconds": 5}))
        .await;
    client.ok("GetContact", json!({"ContactId": arn})).await;
    client
        .ok("GetContactChannel", json!({"ContactChannelId": channel}))
        .await;
}
