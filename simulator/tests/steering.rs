//! What tests steer and see: faults, holds, budgets, latency, clock, call log, state file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use std::time::{Duration, Instant};

use common::{ACCOUNT, onboarded, refused, start};
use incident_operator_simulator::quota::QuotaSettings;
use incident_operator_simulator::world::Options;
use serde_json::{Value, json};

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
        let get = json!({"ContactId": client.contact_arn(alias)});
        let mut there = false;
        for _ in 0..if happens { 100 } else { 4 } {
            tokio::time::sleep(Duration::from_millis(50)).await;
            there = client.contacts("GetContact", get.clone()).await.status == 200;
            if there {
                break;
            }
        }
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
async fn budgets_throttle_per_group_account_and_region() {
    let (_server, client) = start(Options {
        onboarded: Some(vec!["us-east-1".to_owned(), "eu-west-1".to_owned()]),
        quotas: QuotaSettings {
            enforced: true,
            // So slow that no bucket refills while the test runs.
            multiplier: 0.01,
            burst: Some(1),
        },
        ..Options::default()
    })
    .await;
    client.person("a").await;
    let create = json!({"Alias": "b", "Type": "PERSONAL", "Plan": {}});
    let answer = client.contacts("CreateContact", create.clone()).await;
    assert_eq!(answer.error(), "ThrottlingException");
    let seconds = answer.json()["RetryAfterSeconds"].as_u64().unwrap();
    assert!((80..=100).contains(&seconds), "{seconds}");
    assert_eq!(
        answer.header("retry-after"),
        Some(seconds.to_string().as_str())
    );
    client.in_region("eu-west-1").person("b").await;
    client.of_account("333333333333").person("b").await;
    // Every change comes out of one budget; reads have theirs, GetContact its own.
    let named = json!({"ContactId": client.contact_arn("a")});
    refused(
        &client,
        "DeleteContact",
        named.clone(),
        "ThrottlingException",
    )
    .await;
    for (operation, input) in [
        ("GetContact", named.clone()),
        ("ListContacts", json!({})),
        ("ListRotations", json!({})),
    ] {
        client.ok(operation, input.clone()).await;
        refused(&client, operation, input, "ThrottlingException").await;
    }
    refused(&client, "ListContactChannels", named, "ThrottlingException").await;
    let rotation = json!({"RotationId": client.contact_arn("a")});
    refused(&client, "GetRotation", rotation, "ThrottlingException").await;
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
        json!({"mode": "none", "multiplier": 0.01, "burst": 1})
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
