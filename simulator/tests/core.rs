//! Rules of the server core: protocols, validation, tokens, faults, holds, budgets, clock, state file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use std::time::{Duration, Instant};

use common::{ACCOUNT, onboarded, start};
use incident_operator_simulator::quota::QuotaSettings;
use incident_operator_simulator::world::Options;
use serde_json::{Value, json};

#[tokio::test]
async fn a_request_needs_a_scope() {
    let (_server, client) = onboarded().await;
    let target = ("x-amz-target", "SSMContacts.ListContacts".to_owned());
    let answer = client
        .send("POST", "/", std::slice::from_ref(&target), "{}")
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (403, "MissingAuthenticationTokenException")
    );
    assert!(answer.header("x-amzn-requestid").is_some());
    let bad = ("authorization", "AWS4-HMAC-SHA256 Credential=x".to_owned());
    let answer = client
        .send("POST", "/", &[target, bad], "{}")
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "IncompleteSignatureException")
    );
    let form = (
        "content-type",
        "application/x-www-form-urlencoded".to_owned(),
    );
    let answer = client
        .send("POST", "/", &[form], "Action=GetCallerIdentity")
        .await
        .unwrap();
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .text
            .contains("<Code>MissingAuthenticationToken</Code>")
    );
}

#[tokio::test]
async fn unknown_operations_and_bodies() {
    let (_server, client) = onboarded().await;
    let answer = client.contacts("Nonsense", json!({})).await;
    assert_eq!(answer.error(), "UnknownOperationException");
    assert_eq!(answer.json()["__type"], "UnknownOperationException");
    let answer = client.incidents("POST", "/nonsense", Value::Null).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (404, "UnknownOperationException")
    );
    let answer = client
        .incidents("GET", "/listReplicationSets", Value::Null)
        .await;
    assert_eq!(answer.status, 404);
    let answer = client.sts("Action=Nonsense&Version=2011-06-15").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("<Code>InvalidAction</Code>"));
    let headers = [
        client.authorization("ssm-contacts"),
        ("x-amz-target", "SSMContacts.ListContacts".to_owned()),
    ];
    for body in ["{", "[]", "{\"MaxResults\": \"x\"}", "{\"AliasPrefix\": 1}"] {
        let answer = client.send("POST", "/", &headers, body).await.unwrap();
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (400, "SerializationException"),
            "{body}"
        );
    }
    let answer = client.send("POST", "/", &headers, "").await.unwrap();
    assert_eq!(answer.status, 200, "an empty body is an empty structure");
    let answer = client
        .send("POST", "/", &headers, "{\"Unknown\": 1, \"Type\": null}")
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "unknown members and nulls are ignored");
}

#[tokio::test]
async fn validation_says_what_coral_says() {
    let (_server, client) = onboarded().await;
    let answer = client.contacts("CreateContact", json!({"Plan": {}})).await;
    assert_eq!(
        answer.message(),
        "2 validation errors detected: Value null at 'alias' failed to satisfy constraint: Member must not be null; Value null at 'type' failed to satisfy constraint: Member must not be null"
    );
    assert_eq!(answer.json()["Reason"], "FIELD_VALIDATION_FAILED");
    assert_eq!(
        answer.json()["Fields"][1],
        json!({"Name": "type", "Message": "Member must not be null"})
    );
    let answer = client
        .contacts(
            "CreateContact",
            json!({"Alias": "", "Type": "PERSONAL", "Plan": {"Stages": [
                {"DurationInMinutes": 31, "Targets": [{"ChannelTargetInfo": {"ContactChannelId": "x"}}]},
            ]}}),
        )
        .await;
    let message = answer.message();
    assert!(
        message.starts_with("3 validation errors detected: "),
        "{message}"
    );
    assert!(message.contains("Value '' at 'alias' failed to satisfy constraint: Member must have length greater than or equal to 1"));
    assert!(message.contains("Value '31' at 'plan.stages.1.member.durationInMinutes' failed to satisfy constraint: Member must have value less than or equal to 30"));
    assert!(message.contains("Value 'x' at 'plan.stages.1.member.targets.1.member.channelTargetInfo.contactChannelId' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws|aws-cn|aws-us-gov):ssm-contacts:"));
    let answer = client
        .contacts("ListContacts", json!({"Type": "TEAM", "NextToken": "a b"}))
        .await;
    assert!(answer.message().contains("Value 'TEAM' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [PERSONAL, ESCALATION, ONCALL_SCHEDULE]"));
    // The whole value has to match, not a part of it.
    for id in [
        "x arn:aws:ssm-contacts:us-east-1:222222222222:contact/a",
        "arn:aws:ssm-contacts:us-east-1:222222222222:contact/a b",
        "arn:aws:ssm-contacts:us-east-1:222222222222:contact/a\n",
        "arn:aws-iso:ssm-contacts:us-east-1:222222222222:contact/a",
    ] {
        let answer = client
            .contacts("GetContact", json!({"ContactId": id}))
            .await;
        assert!(
            answer.message().contains("at 'contactId' failed"),
            "{id}: {}",
            answer.text
        );
    }
    let answer = client
        .contacts(
            "UntagResource",
            json!({"ResourceARN": client.contact_arn("a"), "TagKeys": ["ok", ""]}),
        )
        .await;
    assert!(answer.message().contains("Value '[ok, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, "), "{}", answer.message());
}

#[tokio::test]
async fn status_codes_follow_the_knob() {
    let (_server, client) = onboarded().await;
    let missing = json!({"ContactId": client.contact_arn("nobody")});
    let answer = client.contacts("GetContact", missing.clone()).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "ResourceNotFoundException")
    );
    client
        .steer(
            "PUT",
            &format!("knobs?account={ACCOUNT}"),
            json!({"contacts_error_http_status": "smithy"}),
        )
        .await;
    assert_eq!(
        client.contacts("GetContact", missing.clone()).await.status,
        404
    );
    let other = client.of_account("333333333333");
    let missing = json!({"ContactId": other.contact_arn("nobody")});
    assert_eq!(other.contacts("GetContact", missing).await.status, 400);
    let answer = client.control("PUT", "knobs", json!({"no_such": 1})).await;
    assert_eq!(answer.status, 400);
    assert!(answer.json()["error"].as_str().unwrap().contains("no_such"));
    let answer = client
        .control("PUT", "knobs", json!({"onboarding": "maybe"}))
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn tokens_repeat_answers() {
    let (_server, client) = onboarded().await;
    let contact = client.person("bob").await;
    let create = |name: &str, token: &str| {
        json!({
            "ContactId": contact, "Name": name, "Type": "EMAIL", "IdempotencyToken": token,
            "DeliveryAddress": {"SimpleAddress": format!("{name}@example.com")},
        })
    };
    let first = client.ok("CreateContactChannel", create("a", "t1")).await;
    let again = client.ok("CreateContactChannel", create("a", "t1")).await;
    assert_eq!(first, again);
    let codes = client.steer("GET", "codes", Value::Null).await;
    assert_eq!(
        codes["codes"].as_array().unwrap().len(),
        1,
        "no second code"
    );
    let other = client
        .contacts("CreateContactChannel", create("b", "t1"))
        .await;
    assert_eq!(other.error(), "ConflictException");
    assert_eq!(other.json()["ResourceId"], first["ContactChannelArn"]);
    let fresh = client
        .contacts("CreateContactChannel", create("a", "t2"))
        .await;
    assert_eq!(fresh.error(), "ConflictException", "{}", fresh.text);
    // After the resource has gone, the token still answers, unless the knob says otherwise.
    let channel = json!({"ContactChannelId": first["ContactChannelArn"]});
    client.ok("DeleteContactChannel", channel.clone()).await;
    let again = client.ok("CreateContactChannel", create("a", "t1")).await;
    assert_eq!(first, again);
    assert_eq!(
        client.contacts("GetContactChannel", channel).await.error(),
        "ResourceNotFoundException"
    );
    client
        .steer("PUT", "knobs", json!({"token_after_delete": "new"}))
        .await;
    let new = client.ok("CreateContactChannel", create("a", "t1")).await;
    assert_ne!(first, new);
    // The window runs in simulated time.
    client
        .steer("POST", "clock/advance", json!({"seconds": 601}))
        .await;
    let late = client.ok("CreateContactChannel", create("b", "t1")).await;
    assert_ne!(late, new);
    client
        .steer("PUT", "knobs", json!({"idempotency_window_seconds": 0}))
        .await;
    let off = client
        .contacts("CreateContactChannel", create("b", "t1"))
        .await;
    assert_eq!(off.error(), "ConflictException", "the name is taken");
}

#[tokio::test]
async fn a_refused_create_does_not_use_up_its_token() {
    let (_server, client) = onboarded().await;
    let input = |kind: &str| {
        json!({"Alias": "bob", "Type": kind, "IdempotencyToken": "t",
               "Plan": {"Stages": [{"DurationInMinutes": 0, "Targets": []}]}})
    };
    assert_eq!(
        client
            .contacts("CreateContact", input("PERSONAL"))
            .await
            .error(),
        "ValidationException"
    );
    client
        .ok(
            "CreateContact",
            json!({"Alias": "bob", "Type": "PERSONAL", "IdempotencyToken": "t", "Plan": {}}),
        )
        .await;
}

#[tokio::test]
async fn faults_hit_what_they_are_meant_for() {
    let (_server, client) = onboarded().await;
    client.person("bob").await;
    let id = client.contact_arn("bob");
    let get = || client.contacts("GetContact", json!({"ContactId": id}));
    client
        .steer(
            "POST",
            "faults",
            json!({"kind": "throttle", "operation": "GetContact", "nth": 2, "times": 2, "retryAfterSeconds": 7}),
        )
        .await;
    assert_eq!(get().await.status, 200);
    for _ in 0..2 {
        let answer = get().await;
        assert_eq!(answer.error(), "ThrottlingException");
        assert_eq!(answer.header("retry-after"), Some("7"));
        assert_eq!(answer.json()["RetryAfterSeconds"], 7);
    }
    assert_eq!(get().await.status, 200);
    for (kind, error, status) in [
        ("internal", "InternalServerException", 500),
        ("access-denied", "AccessDeniedException", 400),
        ("quota", "ServiceQuotaExceededException", 400),
        ("validation", "ValidationException", 400),
        ("data-encryption", "DataEncryptionException", 400),
    ] {
        client
            .steer(
                "POST",
                "faults",
                json!({"kind": kind, "service": "ssm-contacts"}),
            )
            .await;
        let answer = get().await;
        assert_eq!((answer.error().as_str(), answer.status), (error, status));
    }
    client
        .steer(
            "POST",
            "faults",
            json!({"kind": "error", "code": "TeapotException", "message": "short", "account": ACCOUNT}),
        )
        .await;
    let answer = get().await;
    assert_eq!(
        answer.json(),
        json!({"__type": "TeapotException", "Message": "short"})
    );
    let bad = client
        .control("POST", "faults", json!({"kind": "typo"}))
        .await;
    assert_eq!(bad.status, 400);
    let fault = client
        .steer("POST", "faults", json!({"kind": "internal", "times": 0}))
        .await;
    assert_eq!(get().await.status, 500);
    assert_eq!(get().await.status, 500);
    let shown = client.steer("GET", "faults", Value::Null).await;
    assert!(
        shown["faults"]
            .as_array()
            .unwrap()
            .iter()
            .any(|shown| { shown["id"] == fault["id"] && shown["hits"] == 2 })
    );
    let path = format!("faults/{}", fault["id"].as_str().unwrap());
    client.steer("DELETE", &path, Value::Null).await;
    assert_eq!(get().await.status, 200);
    assert_eq!(
        client.control("DELETE", &path, Value::Null).await.status,
        404
    );
}

#[tokio::test]
async fn a_cut_connection_has_no_answer() {
    let (_server, client) = onboarded().await;
    let create = |alias: &str| json!({"Alias": alias, "Type": "PERSONAL", "Plan": {}});
    client
        .steer(
            "POST",
            "faults",
            json!({"kind": "cut", "operation": "CreateContact"}),
        )
        .await;
    assert!(
        client
            .try_contacts("CreateContact", create("a"))
            .await
            .is_none()
    );
    client
        .steer(
            "POST",
            "faults",
            json!({"kind": "cut", "operation": "CreateContact", "when": "after"}),
        )
        .await;
    assert!(
        client
            .try_contacts("CreateContact", create("b"))
            .await
            .is_none()
    );
    let listed = client.ok("ListContacts", json!({})).await;
    let aliases: Vec<&str> = listed["Contacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|contact| contact["Alias"].as_str().unwrap())
        .collect();
    assert_eq!(aliases, ["b"], "before: nothing happened; after: it did");
    let calls = client
        .steer("GET", "calls?operation=CreateContact", Value::Null)
        .await;
    assert_eq!(calls["calls"][0]["error"], "cut");
    assert_eq!(calls["calls"][0]["httpStatus"], Value::Null);
    client
        .steer(
            "POST",
            "faults",
            json!({"kind": "internal", "operation": "DeleteContact", "when": "after"}),
        )
        .await;
    let answer = client
        .contacts(
            "DeleteContact",
            json!({"ContactId": client.contact_arn("b")}),
        )
        .await;
    assert_eq!(answer.status, 500);
    let listed = client.ok("ListContacts", json!({})).await;
    assert_eq!(listed["Contacts"], json!([]));
}

#[tokio::test]
async fn slow_and_latency_delay() {
    let (_server, client) = onboarded().await;
    let timed = async || {
        let start = Instant::now();
        client.ok("ListContacts", json!({})).await;
        start.elapsed()
    };
    client
        .steer("POST", "faults", json!({"kind": "slow", "delayMs": 150}))
        .await;
    assert!(timed().await >= Duration::from_millis(150));
    client
        .steer(
            "PUT",
            "latency",
            json!({"milliseconds": 120, "operation": "ListContacts"}),
        )
        .await;
    assert!(timed().await >= Duration::from_millis(120));
    let latency = client.steer("GET", "latency", Value::Null).await;
    assert_eq!(
        latency,
        json!({"milliseconds": 0, "operations": {"ListContacts": 120}})
    );
}

#[tokio::test]
async fn a_held_call_waits_until_released() {
    let (_server, client) = onboarded().await;
    for (moment, there_while_held) in [("before", false), ("after", true)] {
        let hold = client
            .steer(
                "POST",
                "holds",
                json!({"operation": "CreateContact", "nth": 2, "when": moment}),
            )
            .await;
        let hold = format!("holds/{}", hold["id"].as_str().unwrap());
        client.person(&format!("first-{moment}")).await;
        let state = client.steer("GET", &hold, Value::Null).await;
        assert_eq!(state["state"], "armed");
        let alias = format!("second-{moment}");
        let waiting = {
            let (client, alias) = (client.clone(), alias.clone());
            tokio::spawn(async move { client.person(&alias).await })
        };
        let state = client
            .steer("GET", &format!("{hold}?wait=5000"), Value::Null)
            .await;
        assert_eq!(state["state"], "held");
        let get = json!({"ContactId": client.contact_arn(&alias)});
        let there = client.contacts("GetContact", get).await.status == 200;
        assert_eq!(there, there_while_held, "{moment}");
        assert!(!waiting.is_finished());
        client.person(&format!("third-{moment}")).await;
        client
            .steer("POST", &format!("{hold}/release"), Value::Null)
            .await;
        assert_eq!(waiting.await.unwrap(), client.contact_arn(&alias));
        let state = client.steer("GET", &hold, Value::Null).await;
        assert_eq!(state["state"], "released");
        client.steer("DELETE", &hold, Value::Null).await;
        assert_eq!(client.control("GET", &hold, Value::Null).await.status, 404);
    }
}

#[tokio::test]
async fn a_held_call_outlives_its_client_unless_dropped() {
    let (_server, client) = onboarded().await;
    for (alias, query, happens) in [("kept", "", true), ("dropped", "?drop=true", false)] {
        let hold = client
            .steer("POST", "holds", json!({"operation": "CreateContact"}))
            .await;
        let hold = format!("holds/{}", hold["id"].as_str().unwrap());
        let waiting = {
            let client = client.clone();
            tokio::spawn(async move { client.person(alias).await })
        };
        client
            .steer("GET", &format!("{hold}?wait=5000"), Value::Null)
            .await;
        waiting.abort();
        let _ = waiting.await;
        client
            .steer("POST", &format!("{hold}/release{query}"), Value::Null)
            .await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let get = json!({"ContactId": client.contact_arn(alias)});
        let there = client.contacts("GetContact", get).await.status == 200;
        assert_eq!(there, happens, "{alias}");
    }
}

#[tokio::test]
async fn forgetting_holds_releases_them() {
    let (_server, client) = onboarded().await;
    client
        .steer("POST", "holds", json!({"operation": "ListContacts"}))
        .await;
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { client.ok("ListContacts", json!({})).await })
    };
    client.steer("GET", "holds/1?wait=5000", Value::Null).await;
    client.steer("DELETE", "holds", Value::Null).await;
    assert_eq!(waiting.await.unwrap(), json!({"Contacts": []}));
}

#[tokio::test]
async fn budgets_throttle_per_operation_account_and_region() {
    let (_server, client) = start(Options {
        onboarded: Some(vec!["us-east-1".to_owned(), "eu-west-1".to_owned()]),
        quotas: QuotaSettings {
            enforced: true,
            multiplier: 1.0,
            burst: Some(1),
        },
        ..Options::default()
    })
    .await;
    client.person("a").await;
    let create = json!({"Alias": "b", "Type": "PERSONAL", "Plan": {}});
    let answer = client.contacts("CreateContact", create.clone()).await;
    assert_eq!(answer.error(), "ThrottlingException");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["RetryAfterSeconds"], 1);
    client.in_region("eu-west-1").person("b").await;
    client.of_account("333333333333").person("b").await;
    client
        .ok(
            "UpdateContact",
            json!({"ContactId": client.contact_arn("a")}),
        )
        .await;
    let answer = client
        .incidents("POST", "/listReplicationSets", json!({}))
        .await;
    assert_eq!(answer.status, 200);
    let answer = client
        .incidents("POST", "/listReplicationSets", json!({}))
        .await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (429, "ThrottlingException")
    );
    assert_eq!(answer.json()["serviceCode"], "ssm-incidents");
    let quotas = client.steer("PUT", "quotas", json!({"mode": "none"})).await;
    assert_eq!(
        quotas,
        json!({"mode": "none", "multiplier": 1.0, "burst": 1})
    );
    client.ok("CreateContact", create).await;
}

#[tokio::test]
async fn the_clock_moves() {
    let (_server, client) = onboarded().await;
    let clock = client
        .steer("PUT", "clock", json!({"now": "2030-01-01T00:00:00Z"}))
        .await;
    assert!(
        clock["now"]
            .as_str()
            .unwrap()
            .starts_with("2030-01-01T00:00:00")
    );
    client
        .steer("POST", "clock/advance", json!({"seconds": 3600}))
        .await;
    client.set_arn().await;
    client
        .steer("POST", &format!("accounts/{ACCOUNT}/offboard"), Value::Null)
        .await;
    client
        .steer(
            "POST",
            &format!("accounts/{ACCOUNT}/onboard"),
            json!({"regions": ["us-east-1"], "delaySeconds": 60}),
        )
        .await;
    let list = || client.contacts("ListContacts", json!({}));
    assert_eq!(list().await.error(), "ValidationException");
    client
        .steer("POST", "clock/advance", json!({"seconds": 59}))
        .await;
    assert_eq!(list().await.error(), "ValidationException");
    client
        .steer("POST", "clock/advance", json!({"seconds": 2}))
        .await;
    assert_eq!(list().await.status, 200);
    let arn = client.set_arn().await;
    let set = client
        .incidents("GET", &format!("/getReplicationSet?arn={arn}"), Value::Null)
        .await
        .json();
    let created = set["replicationSet"]["createdTime"].as_f64().unwrap();
    assert!((created - 1_893_459_600.0).abs() < 60.0, "{created}");
    let clock = client
        .steer("PUT", "clock", json!({"offsetSeconds": 0}))
        .await;
    assert_eq!(clock["offsetSeconds"], 0);
    assert_eq!(client.control("PUT", "clock", json!({})).await.status, 400);
}

#[tokio::test]
async fn the_call_log_tells_what_was_called() {
    let (_server, client) = onboarded().await;
    client.person("bob").await;
    client.steer("DELETE", "calls", Value::Null).await;
    let contact = client.contact_arn("bob");
    client
        .ok(
            "CreateContact",
            json!({
                "Alias": "plan", "Type": "ESCALATION", "IdempotencyToken": "tok",
                "Tags": [{"Key": "a", "Value": "b"}],
                "Plan": {"Stages": [{"DurationInMinutes": 5, "Targets": [
                    {"ContactTargetInfo": {"ContactId": contact, "IsEssential": false}},
                ]}]},
            }),
        )
        .await;
    let channel = client.mail(&contact, "mail").await;
    let calls = client.steer("GET", "calls", Value::Null).await;
    let call = &calls["calls"][0];
    let plan = client.contact_arn("plan");
    assert_eq!(
        call["iamActions"],
        json!([
            "ssm-contacts:CreateContact",
            "ssm-contacts:TagResource",
            "ssm-contacts:AssociateContact",
        ])
    );
    assert_eq!(call["resources"], json!([plan, contact]));
    assert_eq!(call["token"], "tok");
    assert_eq!(call["mutating"], true);
    assert_eq!(call["httpStatus"], 200);
    assert_eq!(call["request"]["Alias"], "plan");
    assert_eq!(calls["calls"][1]["resources"], json!([contact, channel]));
    let seq = call["seq"].as_u64().unwrap();
    let later = client
        .steer(
            "GET",
            &format!("calls?since={seq}&account={ACCOUNT}"),
            Value::Null,
        )
        .await;
    assert_eq!(later["calls"].as_array().unwrap().len(), 1);
    let none = client
        .steer("GET", "calls?account=000000000000", Value::Null)
        .await;
    assert_eq!(none["calls"], json!([]));
}

#[tokio::test]
async fn permissions_can_be_taken_away() {
    let (_server, client) = onboarded().await;
    client.person("bob").await;
    let iam = format!("iam?account={ACCOUNT}");
    client
        .steer("PUT", &iam, json!({"deny": ["ssm-contacts:Associate*"]}))
        .await;
    let plan = json!({"Stages": [{"DurationInMinutes": 5, "Targets": [
        {"ContactTargetInfo": {"ContactId": client.contact_arn("bob"), "IsEssential": true}},
    ]}]});
    let create = json!({"Alias": "plan", "Type": "ESCALATION", "Plan": plan});
    let answer = client.contacts("CreateContact", create.clone()).await;
    assert_eq!(answer.error(), "AccessDeniedException");
    assert_eq!(
        answer.message(),
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/simulated is not authorized to perform: ssm-contacts:AssociateContact on resource: {} with an explicit deny in an identity-based policy",
            client.contact_arn("bob")
        )
    );
    client
        .steer("PUT", &iam, json!({"allow": ["ssm-contacts:Get*"]}))
        .await;
    let answer = client.contacts("ListContacts", json!({})).await;
    assert!(answer.message().ends_with(
        "on resource: * because no identity-based policy allows the ssm-contacts:ListContacts action"
    ));
    let answer = client
        .sts("Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::333333333333:role/ops&RoleSessionName=op")
        .await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("<Code>AccessDenied</Code>"));
    client.steer("PUT", &iam, json!({})).await;
    client.ok("CreateContact", create).await;
}

#[tokio::test]
async fn roles_belong_to_their_account() {
    let (_server, client) = onboarded().await;
    let answer = client
        .sts("Action=GetCallerIdentity&Version=2011-06-15")
        .await;
    assert!(
        answer
            .text
            .contains(&format!("<Account>{ACCOUNT}</Account>"))
    );
    assert!(answer.text.starts_with("<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>"));
    let assume = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A333333333333%3Arole%2Fteam%2Fops&RoleSessionName=op";
    let answer = client.sts(assume).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let key = answer
        .text
        .split("<AccessKeyId>")
        .nth(1)
        .and_then(|rest| rest.split('<').next())
        .unwrap()
        .to_owned();
    assert!(key.starts_with("ASIA333333333333"));
    let headers = [(
        "authorization",
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=abc"
        ),
    )];
    let answer = client
        .send("POST", "/?Action=GetCallerIdentity", &headers, "")
        .await
        .unwrap();
    assert!(
        answer
            .text
            .contains("<Arn>arn:aws:sts::333333333333:assumed-role/ops/op</Arn>")
    );
    let answer = client
        .sts("Action=AssumeRole&RoleArn=x&RoleSessionName=a&DurationSeconds=1")
        .await;
    assert!(answer.text.contains("<Code>ValidationError</Code>"));
    assert!(answer.text.contains("3 validation errors detected: "));
    client
        .steer(
            "PUT",
            "knobs?account=333333333333",
            json!({"assume_role_external_id": "secret"}),
        )
        .await;
    assert_eq!(client.sts(assume).await.status, 403);
    assert_eq!(
        client
            .sts(&format!("{assume}&ExternalId=secret"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn state_survives_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        onboarded: Some(vec!["us-east-1".to_owned()]),
        state_file: Some(directory.path().join("state.json")),
        ..Options::default()
    };
    let (server, client) = start(options.clone()).await;
    client
        .steer("POST", "clock/advance", json!({"seconds": 86400}))
        .await;
    let contact = client.person("bob").await;
    let channel = client.mail(&contact, "mail").await;
    client
        .ok("SendActivationCode", json!({"ContactChannelId": channel}))
        .await;
    let create = json!({"Alias": "tok", "Type": "PERSONAL", "Plan": {}, "IdempotencyToken": "t"});
    client.ok("CreateContact", create.clone()).await;
    client
        .steer("POST", "holds", json!({"operation": "ListContacts"}))
        .await;
    let before = client
        .steer("GET", &format!("accounts/{ACCOUNT}"), Value::Null)
        .await;
    server.stop().await;

    let (server, client) = start(options.clone()).await;
    let after = client
        .steer("GET", &format!("accounts/{ACCOUNT}"), Value::Null)
        .await;
    assert_eq!(before, after);
    let clock = client.steer("GET", "clock", Value::Null).await;
    assert_eq!(clock["offsetSeconds"], 86400);
    client.ok("ListContacts", json!({})).await;
    client.ok("CreateContact", create).await;
    client
        .steer("POST", &format!("accounts/{ACCOUNT}/offboard"), Value::Null)
        .await;
    // Without a graceful stop, the file is written soon after the change.
    let file = options.state_file.clone().unwrap();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let text = std::fs::read_to_string(&file).unwrap();
        let kept: Value = serde_json::from_str(&text).unwrap();
        if kept["accounts"][0]["replicationSet"].is_null() {
            drop(server);
            return;
        }
    }
    panic!("the state was not saved");
}
