//! ssm-incidents: the replication set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use common::{ACCOUNT, Answer, Client, start};
use incident_operator_simulator::world::Options;
use serde_json::{Value, json};

async fn create(client: &Client, input: Value) -> Answer {
    client
        .incidents("POST", "/createReplicationSet", input)
        .await
}

async fn get(client: &Client, arn: &str) -> Answer {
    let arn = arn.replace(':', "%3A").replace('/', "%2F");
    client
        .incidents("GET", &format!("/getReplicationSet?arn={arn}"), Value::Null)
        .await
}

async fn update(client: &Client, arn: &str, action: Value) -> Answer {
    client
        .incidents(
            "POST",
            "/updateReplicationSet",
            json!({"arn": arn, "actions": [action]}),
        )
        .await
}

async fn delete(client: &Client, arn: &str) -> Answer {
    client
        .incidents(
            "POST",
            &format!("/deleteReplicationSet?arn={arn}"),
            Value::Null,
        )
        .await
}

fn says(answer: &Answer, status: u16, error: &str) {
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (status, error),
        "{}",
        answer.text
    );
}

async fn made(client: &Client, input: Value) -> String {
    let answer = create(client, input).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["arn"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn one_set_per_account_through_its_states() {
    let (_server, client) = start(Options::default()).await;
    let listed = client
        .incidents("POST", "/listReplicationSets", Value::Null)
        .await;
    assert_eq!(listed.json(), json!({"replicationSetArns": []}));
    let unknown = format!("arn:aws:ssm-incidents::{ACCOUNT}:replication-set/x");
    let answer = get(&client, &unknown).await;
    says(&answer, 404, "ResourceNotFoundException");
    assert_eq!(answer.json()["resourceIdentifier"], unknown);
    client
        .steer("PUT", "knobs", json!({"state_delay_ms": 60000}))
        .await;
    let input = json!({"regions": {"us-east-1": {}, "eu-west-1": {}}, "tags": {"a": ""}, "clientToken": "t"});
    let arn = made(&client, input.clone()).await;
    assert_eq!(made(&client, input).await, arn, "the same token");
    says(
        &create(
            &client,
            json!({"regions": {"us-east-1": {}}, "clientToken": "t"}),
        )
        .await,
        409,
        "ConflictException",
    );
    says(
        &create(&client, json!({"regions": {"us-east-1": {}}})).await,
        402,
        "ServiceQuotaExceededException",
    );
    client
        .steer(
            "PUT",
            "knobs",
            json!({"second_replication_set_error": "Conflict"}),
        )
        .await;
    says(
        &create(&client, json!({"regions": {"us-east-1": {}}})).await,
        409,
        "ConflictException",
    );
    let shown = get(&client, &arn).await.json()["replicationSet"].clone();
    assert_eq!(shown["status"], "CREATING");
    assert_eq!(shown["regionMap"]["eu-west-1"]["status"], "CREATING");
    assert_eq!(client.contacts("ListContacts", json!({})).await.status, 400);
    says(
        &update(
            &client,
            &arn,
            json!({"addRegionAction": {"regionName": "us-west-2"}}),
        )
        .await,
        409,
        "ConflictException",
    );
    says(&delete(&client, &arn).await, 400, "ValidationException");
    client
        .steer("POST", "clock/advance", json!({"seconds": 60}))
        .await;
    let shown = get(&client, &arn).await.json()["replicationSet"].clone();
    assert_eq!(shown["status"], "ACTIVE");
    assert_eq!(shown["deletionProtected"], false);
    assert_eq!(shown["regionMap"]["us-east-1"]["sseKmsKeyId"], "DefaultKey");
    assert!(
        shown["regionMap"]["us-east-1"]
            .get("statusMessage")
            .is_none()
    );
    assert_eq!(
        shown["regionMap"]["eu-west-1"]["statusMessage"],
        "Tagging inaccessible"
    );
    let bob = client.person("bob").await;
    assert_eq!(delete(&client, &arn).await.status, 204);
    assert_eq!(
        get(&client, &arn).await.json()["replicationSet"]["status"],
        "DELETING"
    );
    assert_eq!(client.contacts("ListContacts", json!({})).await.status, 400);
    assert_eq!(delete(&client, &arn).await.status, 204);
    client
        .steer("POST", "clock/advance", json!({"seconds": 60}))
        .await;
    says(&get(&client, &arn).await, 404, "ResourceNotFoundException");
    client
        .steer("PUT", "knobs", json!({"state_delay_ms": 0}))
        .await;
    made(&client, json!({"regions": {"us-east-1": {}}})).await;
    let answer = client
        .contacts("GetContact", json!({"ContactId": bob}))
        .await;
    assert_eq!(
        answer.error(),
        "ResourceNotFoundException",
        "all data is gone"
    );
}

#[tokio::test]
async fn creation_is_checked() {
    let (_server, client) = start(Options::default()).await;
    let key = |region: &str| format!("arn:aws:kms:{region}:{ACCOUNT}:key/abc");
    for regions in [
        json!({}),
        json!({"us-east-1": {}, "us-east-2": {}, "us-west-1": {}, "us-west-2": {}}),
        json!({"us-east-9": {}}),
        json!({"cn-north-1": {}, "us-east-1": {}}),
        json!({"eu-west-1": {}}),
        json!({"us-east-1": {"sseKmsKeyId": "alias/x"}}),
        json!({"us-east-1": {"sseKmsKeyId": key("eu-west-1")}}),
        json!({"us-east-1": {"sseKmsKeyId": key("us-east-1")}, "eu-west-1": {}}),
    ] {
        let answer = create(&client, json!({"regions": regions})).await;
        says(&answer, 400, "ValidationException");
    }
    for tags in [
        json!({}),
        json!({"aws:x": "1"}),
        json!({"": "1"}),
        json!({"é": "1"}),
    ] {
        let answer = create(&client, json!({"regions": {"us-east-1": {}}, "tags": tags})).await;
        says(&answer, 400, "ValidationException");
    }
    client
        .steer("PUT", "knobs", json!({"onboarding": "closed"}))
        .await;
    let answer = create(&client, json!({"regions": {"us-east-1": {}}})).await;
    says(&answer, 400, "UnsupportedOperationException");
    client
        .steer("PUT", "knobs", json!({"onboarding": "open"}))
        .await;
    let arn = made(
        &client,
        json!({"regions": {"us-east-1": {"sseKmsKeyId": key("us-east-1")}, "eu-west-1": {"sseKmsKeyId": key("eu-west-1")}}}),
    )
    .await;
    let shown = get(&client, &arn).await.json();
    assert_eq!(
        shown["replicationSet"]["regionMap"]["eu-west-1"]["sseKmsKeyId"],
        key("eu-west-1")
    );
    says(
        &update(
            &client,
            &arn,
            json!({"addRegionAction": {"regionName": "us-west-2"}}),
        )
        .await,
        400,
        "ValidationException",
    );
}

#[tokio::test]
async fn regions_come_and_go_one_at_a_time() {
    let (_server, client) = start(Options::default()).await;
    let arn = made(&client, json!({"regions": {"us-east-1": {}}})).await;
    client
        .steer("PUT", "knobs", json!({"state_delay_ms": 1000}))
        .await;
    let add = |region: &str| json!({"addRegionAction": {"regionName": region}});
    let remove = |region: &str| json!({"deleteRegionAction": {"regionName": region}});
    assert_eq!(update(&client, &arn, add("eu-west-1")).await.status, 204);
    let shown = get(&client, &arn).await.json()["replicationSet"].clone();
    assert_eq!(shown["status"], "UPDATING");
    assert_eq!(shown["regionMap"]["us-east-1"]["status"], "ACTIVE");
    assert_eq!(shown["regionMap"]["eu-west-1"]["status"], "CREATING");
    client.ok("ListContacts", json!({})).await;
    let second = client.in_region("eu-west-1");
    assert_eq!(second.contacts("ListContacts", json!({})).await.status, 400);
    client
        .steer("POST", "clock/advance", json!({"seconds": 1}))
        .await;
    second.person("bob").await;
    for (action, status) in [
        (add("eu-west-1"), 400),
        (add("mars-1"), 400),
        (remove("us-west-2"), 400),
        (json!({}), 400),
        (
            json!({"addRegionAction": {"regionName": "us-west-2"}, "deleteRegionAction": {"regionName": "eu-west-1"}}),
            400,
        ),
    ] {
        assert_eq!(
            update(&client, &arn, action.clone()).await.status,
            status,
            "{action}"
        );
    }
    let two = json!({"arn": arn, "actions": [add("us-west-2"), remove("eu-west-1")]});
    let answer = client.incidents("POST", "/updateReplicationSet", two).await;
    assert!(answer.message().contains(
        "at 'actions' failed to satisfy constraint: Member must have length less than or equal to 1"
    ));
    client
        .steer("PUT", "knobs", json!({"replication_region_24h_rule": "on"}))
        .await;
    says(
        &update(&client, &arn, remove("eu-west-1")).await,
        400,
        "ValidationException",
    );
    client
        .steer("POST", "clock/advance", json!({"seconds": 86400}))
        .await;
    assert_eq!(update(&client, &arn, remove("eu-west-1")).await.status, 204);
    assert_eq!(
        get(&client, &arn).await.json()["replicationSet"]["regionMap"]["eu-west-1"]["status"],
        "DELETING"
    );
    client
        .steer("POST", "clock/advance", json!({"seconds": 1}))
        .await;
    let shown = get(&client, &arn).await.json()["replicationSet"].clone();
    assert!(shown["regionMap"].get("eu-west-1").is_none());

    let protect = |on: bool| json!({"arn": arn, "deletionProtected": on});
    let answer = client
        .incidents("POST", "/updateDeletionProtection", protect(true))
        .await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    says(
        &update(&client, &arn, remove("us-east-1")).await,
        400,
        "ValidationException",
    );
    says(&delete(&client, &arn).await, 400, "ValidationException");
    let answer = client
        .incidents("POST", "/updateDeletionProtection", json!({"arn": arn}))
        .await;
    says(&answer, 400, "ValidationException");
    client
        .incidents("POST", "/updateDeletionProtection", protect(false))
        .await;
    assert_eq!(update(&client, &arn, remove("us-east-1")).await.status, 204);
    client
        .steer("POST", "clock/advance", json!({"seconds": 1}))
        .await;
    says(&get(&client, &arn).await, 404, "ResourceNotFoundException");
}

#[tokio::test]
async fn sets_have_tags() {
    let (_server, client) = start(Options::default()).await;
    let arn = made(
        &client,
        json!({"regions": {"us-east-1": {}, "eu-west-1": {}}, "tags": {"a": "1"}}),
    )
    .await;
    let path = format!("/tags/{}", arn.replace(':', "%3A").replace('/', "%2F"));
    let answer = client
        .incidents("POST", &path, json!({"tags": {"b": "", "c": "2"}}))
        .await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let answer = client
        .incidents(
            "DELETE",
            &format!("{path}?tagKeys=a&tagKeys=c"),
            Value::Null,
        )
        .await;
    assert_eq!(answer.status, 204);
    // The path need not be encoded.
    let answer = client
        .incidents("GET", &format!("/tags/{arn}"), Value::Null)
        .await;
    assert_eq!(answer.json(), json!({"tags": {"b": ""}}));
    let second = client.in_region("eu-west-1");
    says(
        &second.incidents("GET", &path, Value::Null).await,
        400,
        "ValidationException",
    );
    says(
        &client.incidents("POST", &path, json!({"tags": {}})).await,
        400,
        "ValidationException",
    );
    says(
        &client.incidents("DELETE", &path, Value::Null).await,
        400,
        "ValidationException",
    );
    let plan = format!("/tags/arn:aws:ssm-incidents::{ACCOUNT}:response-plan/none");
    says(
        &client.incidents("GET", &plan, Value::Null).await,
        404,
        "ResourceNotFoundException",
    );
    let many: serde_json::Map<String, Value> = (0..50)
        .map(|n| (format!("k{n}"), Value::from("v")))
        .collect();
    says(
        &client.incidents("POST", &path, json!({"tags": many})).await,
        402,
        "ServiceQuotaExceededException",
    );
}

#[tokio::test]
async fn a_set_may_fail_and_be_out_of_sight() {
    let (_server, client) = start(Options::default()).await;
    let arn = made(
        &client,
        json!({"regions": {"us-east-1": {}, "eu-west-1": {}}}),
    )
    .await;
    let control = format!("accounts/{ACCOUNT}/replication-set");
    client
        .steer(
            "PUT",
            &control,
            json!({"regions": {"eu-west-1": "FAILED"}, "statusMessage": "The key is disabled"}),
        )
        .await;
    let shown = get(&client, &arn).await.json()["replicationSet"].clone();
    assert_eq!(shown["status"], "ACTIVE");
    assert_eq!(shown["regionMap"]["eu-west-1"]["status"], "FAILED");
    assert_eq!(
        shown["regionMap"]["eu-west-1"]["statusMessage"],
        "The key is disabled"
    );
    let bad = json!({"regions": {"us-west-2": "FAILED"}});
    assert_eq!(client.control("PUT", &control, bad).await.status, 400);
    client
        .steer("PUT", &control, json!({"status": "FAILED"}))
        .await;
    assert_eq!(
        get(&client, &arn).await.json()["replicationSet"]["status"],
        "FAILED"
    );
    assert_eq!(client.contacts("ListContacts", json!({})).await.status, 400);
    let action = json!({"deleteRegionAction": {"regionName": "eu-west-1"}});
    says(
        &update(&client, &arn, action.clone()).await,
        409,
        "ConflictException",
    );
    client
        .steer("PUT", &control, json!({"status": "ACTIVE"}))
        .await;

    let elsewhere = client.in_region("us-west-2");
    assert_eq!(get(&elsewhere, &arn).await.status, 200);
    client
        .steer(
            "PUT",
            "knobs",
            json!({"replication_set_elsewhere": "missing"}),
        )
        .await;
    says(
        &get(&elsewhere, &arn).await,
        404,
        "ResourceNotFoundException",
    );
    let listed = elsewhere
        .incidents("POST", "/listReplicationSets", Value::Null)
        .await;
    assert_eq!(listed.json(), json!({"replicationSetArns": []}));
    says(
        &create(&elsewhere, json!({"regions": {"us-west-2": {}}})).await,
        402,
        "ServiceQuotaExceededException",
    );
    // Whoever removes their own Region loses sight of the set.
    let second = client.in_region("eu-west-1");
    assert_eq!(update(&second, &arn, action).await.status, 204);
    says(&get(&second, &arn).await, 404, "ResourceNotFoundException");
    assert_eq!(get(&client, &arn).await.status, 200);
}

#[tokio::test]
async fn a_key_that_cannot_be_used_keeps_the_set() {
    let (_server, client) = start(Options::default()).await;
    let key = |region: &str, id: &str| format!("arn:aws:kms:{region}:{ACCOUNT}:key/{id}");
    let unusable = json!({"us-east-1": {"sseKmsKeyId": key("us-east-1", "unusable")}});
    says(
        &create(&client, json!({"regions": unusable})).await,
        400,
        "ValidationException",
    );
    let own = key("us-east-1", "a");
    let arn = made(
        &client,
        json!({"regions": {"us-east-1": {"sseKmsKeyId": own}}}),
    )
    .await;
    let iam = format!("iam?account={ACCOUNT}");
    for action in ["kms:CreateGrant", "kms:DescribeKey"] {
        client.steer("PUT", &iam, json!({"deny": [action]})).await;
        let with_key = json!({"addRegionAction": {"regionName": "eu-west-1", "sseKmsKeyId": key("eu-west-1", "b")}});
        let answer = update(&client, &arn, with_key).await;
        says(&answer, 403, "AccessDeniedException");
        assert!(answer.message().contains(action), "{}", answer.message());
    }
    client.steer("PUT", &iam, json!({})).await;
    let more = json!({"addRegionAction": {"regionName": "eu-west-1", "sseKmsKeyId": key("eu-west-1", "unusable")}});
    says(
        &update(&client, &arn, more).await,
        400,
        "ValidationException",
    );
    let control = format!("unusable?account={ACCOUNT}");
    client.steer("PUT", &control, json!({"keys": [own]})).await;
    let last = json!({"deleteRegionAction": {"regionName": "us-east-1"}});
    says(
        &update(&client, &arn, last).await,
        400,
        "ValidationException",
    );
    says(&delete(&client, &arn).await, 400, "ValidationException");
    client.steer("PUT", &control, json!({})).await;
    assert_eq!(delete(&client, &arn).await.status, 204);
}
