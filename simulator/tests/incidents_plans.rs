//! ssm-incidents: response plans.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use common::{ACCOUNT, Answer, Client, onboarded, start};
use incident_operator_simulator::world::Options;
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::222222222222:role/runbook";
const TOPIC: &str = "arn:aws:sns:us-east-1:222222222222:chat";

fn says(answer: &Answer, status: u16, error: &str) {
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (status, error),
        "{}",
        answer.text
    );
}

fn arn(name: &str) -> String {
    format!("arn:aws:ssm-incidents::{ACCOUNT}:response-plan/{name}")
}

fn encoded(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F")
}

fn smallest(name: &str) -> Value {
    json!({"name": name, "incidentTemplate": {"title": "Down", "impact": 2}})
}

fn full(client: &Client, name: &str) -> Value {
    json!({
        "name": name,
        "displayName": "The plan",
        "incidentTemplate": {
            "title": "Down",
            "impact": 1,
            "summary": "It is down.",
            "dedupeString": "down",
            "notificationTargets": [{"snsTopicArn": TOPIC}],
            "incidentTags": {"team": "ops"},
        },
        "engagements": [client.contact_arn("zoe"), client.contact_arn("ana"), client.contact_arn("ana")],
        "chatChannel": {"chatbotSns": [TOPIC]},
        "actions": [{"ssmAutomation": {
            "documentName": "Restart",
            "documentVersion": "3",
            "roleArn": ROLE,
            "targetAccount": "IMPACTED_ACCOUNT",
            "parameters": {"Ids": ["b", "a", "b"]},
            "dynamicParameters": {"Record": {"variable": "INCIDENT_RECORD_ARN"}},
        }}],
        "integrations": [{"pagerDutyConfiguration": {
            "name": "pd",
            "secretId": "pager",
            "pagerDutyIncidentConfiguration": {"serviceId": "P1"},
        }}],
        "tags": {"a": "1"},
    })
}

async fn call(client: &Client, operation: &str, input: Value) -> Answer {
    client
        .incidents("POST", &format!("/{operation}"), input)
        .await
}

async fn create(client: &Client, input: Value) -> Answer {
    call(client, "createResponsePlan", input).await
}

async fn get(client: &Client, arn: &str) -> Answer {
    client
        .incidents(
            "GET",
            &format!("/getResponsePlan?arn={}", encoded(arn)),
            Value::Null,
        )
        .await
}

async fn update(client: &Client, name: &str, mut change: Value) -> Answer {
    change["arn"] = arn(name).into();
    call(client, "updateResponsePlan", change).await
}

#[tokio::test]
async fn a_plan_has_everything_it_was_given() {
    let (_server, client) = onboarded().await;
    let made = create(&client, full(&client, "all")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json(), json!({"arn": arn("all")}));
    let mut expected = full(&client, "all");
    expected["arn"] = arn("all").into();
    expected.as_object_mut().unwrap().remove("tags");
    expected["engagements"] = json!([client.contact_arn("ana"), client.contact_arn("zoe")]);
    assert_eq!(get(&client, &arn("all")).await.json(), expected);
    // In every Region of the set.
    let second = client.in_region("eu-west-1");
    assert_eq!(get(&second, &arn("all")).await.json(), expected);
    assert_eq!(
        get(&client.in_region("us-west-2"), &arn("all"))
            .await
            .status,
        404
    );

    create(&client, smallest("least")).await;
    let shown = get(&client, &arn("least")).await.json();
    assert_eq!(
        shown,
        json!({
            "arn": arn("least"),
            "name": "least",
            "incidentTemplate": {"title": "Down", "impact": 2},
            "chatChannel": {"empty": {}},
            "engagements": [],
            "actions": [],
            "integrations": [],
        })
    );
    client
        .steer(
            "PUT",
            "knobs",
            json!({"chat_channel_empty_on_get": "absent"}),
        )
        .await;
    let shown = get(&client, &arn("least")).await.json();
    assert!(shown.get("chatChannel").is_none());

    let listed = call(&client, "listResponsePlans", Value::Null).await.json();
    assert_eq!(
        listed,
        json!({"responsePlanSummaries": [
            {"arn": arn("all"), "name": "all", "displayName": "The plan"},
            {"arn": arn("least"), "name": "least"},
        ]})
    );
    let first = call(&client, "listResponsePlans", json!({"maxResults": 1}))
        .await
        .json();
    assert_eq!(first["responsePlanSummaries"][0]["name"], "all");
    let token = first["nextToken"].clone();
    let second = call(&client, "listResponsePlans", json!({"nextToken": token}))
        .await
        .json();
    assert_eq!(second["responsePlanSummaries"][0]["name"], "least");
    assert!(second.get("nextToken").is_none());
    let answer = call(&client, "listResponsePlans", json!({"nextToken": "abc"})).await;
    says(&answer, 400, "ValidationException");
}

#[tokio::test]
async fn a_name_is_taken_once_and_a_token_answers_again() {
    let (_server, client) = onboarded().await;
    let mut input = smallest("p");
    input["clientToken"] = "t".into();
    assert_eq!(create(&client, input.clone()).await.status, 201);
    assert_eq!(create(&client, input.clone()).await.status, 201);
    let answer = create(&client, smallest("p")).await;
    says(&answer, 409, "ConflictException");
    assert_eq!(answer.json()["resourceIdentifier"], arn("p"));
    assert_eq!(answer.json()["resourceType"], "RESPONSE_PLAN");
    let mut other = smallest("q");
    other["clientToken"] = "t".into();
    says(&create(&client, other).await, 409, "ConflictException");

    let delete = json!({"arn": arn("p")});
    let answer = call(&client, "deleteResponsePlan", delete.clone()).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(
        call(&client, "deleteResponsePlan", delete.clone())
            .await
            .status,
        204
    );
    client
        .steer(
            "PUT",
            "knobs",
            json!({"delete_missing_response_plan": "404"}),
        )
        .await;
    says(
        &call(&client, "deleteResponsePlan", delete).await,
        404,
        "ResourceNotFoundException",
    );
    // The token of a plan that has gone: AWS may answer from memory, or make it anew.
    assert_eq!(create(&client, input.clone()).await.status, 201);
    assert_eq!(get(&client, &arn("p")).await.status, 404);
    client
        .steer("PUT", "knobs", json!({"token_after_delete": "new"}))
        .await;
    assert_eq!(create(&client, input).await.status, 201);
    assert_eq!(get(&client, &arn("p")).await.status, 200);
}

#[tokio::test]
async fn an_update_keeps_what_it_leaves_out_and_clears_what_is_empty() {
    let (_server, client) = onboarded().await;
    create(&client, full(&client, "p")).await;
    let before = get(&client, &arn("p")).await.json();
    let answer = update(&client, "p", json!({})).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(get(&client, &arn("p")).await.json(), before);

    for (change, path, shown) in [
        (json!({"displayName": ""}), "/displayName", Some(json!(""))),
        (
            json!({"incidentTemplateSummary": ""}),
            "/incidentTemplate/summary",
            Some(json!("")),
        ),
        (
            json!({"incidentTemplateDedupeString": ""}),
            "/incidentTemplate/dedupeString",
            Some(json!("")),
        ),
        (
            json!({"incidentTemplateNotificationTargets": []}),
            "/incidentTemplate/notificationTargets",
            Some(json!([])),
        ),
        (
            json!({"incidentTemplateTags": {}}),
            "/incidentTemplate/incidentTags",
            None,
        ),
        (json!({"engagements": []}), "/engagements", Some(json!([]))),
        (json!({"actions": []}), "/actions", Some(json!([]))),
        (
            json!({"integrations": []}),
            "/integrations",
            Some(json!([])),
        ),
        (
            json!({"chatChannel": {"empty": {}}}),
            "/chatChannel",
            Some(json!({"empty": {}})),
        ),
        (
            json!({"incidentTemplateTitle": "Up"}),
            "/incidentTemplate/title",
            Some(json!("Up")),
        ),
        (
            json!({"incidentTemplateImpact": 5}),
            "/incidentTemplate/impact",
            Some(json!(5)),
        ),
    ] {
        let mut expected = get(&client, &arn("p")).await.json();
        let answer = update(&client, "p", change.clone()).await;
        assert_eq!(answer.status, 204, "{change}: {}", answer.text);
        let now = get(&client, &arn("p")).await.json();
        assert_eq!(now.pointer(path), shown.as_ref(), "{change}");
        // Nothing else has changed.
        let (parent, member) = path.rsplit_once('/').unwrap();
        let parent = expected.pointer_mut(parent).unwrap();
        match shown {
            Some(shown) => parent[member] = shown,
            None => {
                parent.as_object_mut().unwrap().remove(member);
            }
        }
        assert_eq!(now, expected, "{change}");
    }

    for bad in [
        json!({"chatChannel": {}}),
        json!({"chatChannel": {"empty": {}, "chatbotSns": [TOPIC]}}),
        json!({"chatChannel": {"chatbotSns": []}}),
        json!({"actions": [{"ssmAutomation": {"documentName": "Doc", "roleArn": ROLE, "parameters": {}}}]}),
        json!({"actions": [{"ssmAutomation": {"documentName": "Doc", "roleArn": ROLE, "dynamicParameters": {}}}]}),
        json!({"incidentTemplateImpact": 6}),
    ] {
        says(&update(&client, "p", bad).await, 400, "ValidationException");
    }
    says(
        &update(&client, "none", json!({})).await,
        404,
        "ResourceNotFoundException",
    );
    let mut empty_tags = smallest("q");
    empty_tags["tags"] = json!({});
    says(
        &create(&client, empty_tags).await,
        400,
        "ValidationException",
    );
}

#[tokio::test]
async fn without_a_replication_set_there_are_no_plans() {
    let (_server, client) = start(Options::default()).await;
    let answer = create(&client, smallest("p")).await;
    says(&answer, 404, "ResourceNotFoundException");
    assert_eq!(answer.json()["resourceType"], "REPLICATION_SET");
    says(
        &get(&client, &arn("p")).await,
        404,
        "ResourceNotFoundException",
    );
    let listed = call(&client, "listResponsePlans", Value::Null).await;
    assert_eq!(listed.json(), json!({"responsePlanSummaries": []}));
    // And what was there goes with it.
    let onboard = format!("accounts/{ACCOUNT}/onboard");
    let offboard = format!("accounts/{ACCOUNT}/offboard");
    client
        .steer("POST", &onboard, json!({"regions": ["us-east-1"]}))
        .await;
    assert_eq!(create(&client, smallest("p")).await.status, 201);
    client.steer("POST", &offboard, Value::Null).await;
    client
        .steer("POST", &onboard, json!({"regions": ["us-east-1"]}))
        .await;
    assert_eq!(get(&client, &arn("p")).await.status, 404);
}

#[tokio::test]
async fn what_a_plan_refers_to_is_checked_as_far_as_asked() {
    let (_server, client) = onboarded().await;
    let with_topic = |name: &str, topic: &str| {
        let mut plan = smallest(name);
        plan["chatChannel"] = json!({"chatbotSns": [topic]});
        plan
    };
    let unusable = "arn:aws:sns:us-east-1:222222222222:unusable-chat";
    assert_eq!(create(&client, with_topic("a", unusable)).await.status, 201);
    client
        .steer("PUT", "knobs", json!({"sns_publish_check": "on"}))
        .await;
    for topic in [
        unusable,
        "arn:aws:sns:us-west-2:222222222222:chat",
        "arn:aws:sns:us-east-1:333333333333:chat",
        "chat",
    ] {
        says(
            &create(&client, with_topic("b", topic)).await,
            400,
            "ValidationException",
        );
    }
    assert_eq!(create(&client, with_topic("b", TOPIC)).await.status, 201);
    let control = format!("unusable?account={ACCOUNT}");
    client
        .steer(
            "PUT",
            &control,
            json!({"topics": [TOPIC], "secrets": ["listed"]}),
        )
        .await;
    says(
        &update(
            &client,
            "a",
            json!({"chatChannel": {"chatbotSns": [TOPIC]}}),
        )
        .await,
        400,
        "ValidationException",
    );
    assert_eq!(
        update(&client, "b", json!({"displayName": "kept"}))
            .await
            .status,
        204,
        "what is left out is not looked at"
    );

    let pager = |secret: &str| json!({"integrations": [{"pagerDutyConfiguration": {"name": "pd", "secretId": secret, "pagerDutyIncidentConfiguration": {"serviceId": "P1"}}}]});
    for secret in ["listed", "an-unusable-one", "trailing "] {
        let answer = update(&client, "a", pager(secret)).await;
        says(&answer, 400, "ValidationException");
        assert_eq!(
            answer.message(),
            "We were unable to validate the AWS Secrets Manager secret"
        );
    }
    assert_eq!(update(&client, "a", pager("good")).await.status, 204);

    let engaging = |alias: &str| json!({"engagements": [client.contact_arn(alias)]});
    assert_eq!(update(&client, "a", engaging("nobody")).await.status, 204);
    client
        .steer(
            "PUT",
            "knobs",
            json!({"response_plan_checks_engagement_exists": "yes"}),
        )
        .await;
    says(
        &update(&client, "a", engaging("nobody")).await,
        404,
        "ResourceNotFoundException",
    );
    client.person("ana").await;
    assert_eq!(update(&client, "a", engaging("ana")).await.status, 204);
}

#[tokio::test]
async fn permissions_name_the_action_that_is_missing() {
    let (_server, client) = onboarded().await;
    let iam = format!("iam?account={ACCOUNT}");
    for denied in [
        "iam:PassRole",
        "ssm-incidents:TagResource",
        "ssm-incidents:CreateResponsePlan",
    ] {
        client.steer("PUT", &iam, json!({"deny": [denied]})).await;
        let answer = create(&client, full(&client, "p")).await;
        says(&answer, 403, "AccessDeniedException");
        assert!(answer.message().contains(denied), "{}", answer.message());
    }
    // The secret is read for the caller; the service has its own words for it.
    client
        .steer("PUT", &iam, json!({"deny": ["secretsmanager:*"]}))
        .await;
    let answer = create(&client, full(&client, "p")).await;
    says(&answer, 400, "ValidationException");
    assert_eq!(create(&client, smallest("q")).await.status, 201);
    client.steer("PUT", &iam, json!({})).await;
    assert_eq!(create(&client, full(&client, "p")).await.status, 201);
    let calls = client
        .steer("GET", "calls?operation=CreateResponsePlan", Value::Null)
        .await;
    let last = calls["calls"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        last["iamActions"],
        json!([
            "ssm-incidents:CreateResponsePlan",
            "ssm-incidents:TagResource",
            "iam:PassRole",
            "secretsmanager:GetSecretValue"
        ])
    );
    // Another account's plan is another account's.
    let foreign = arn("p").replace(ACCOUNT, "333333333333");
    says(&get(&client, &foreign).await, 403, "AccessDeniedException");
    says(
        &get(&client, &client.set_arn().await).await,
        400,
        "ValidationException",
    );
}

#[tokio::test]
async fn tags_and_policies_of_plans() {
    let (_server, client) = onboarded().await;
    create(&client, full(&client, "p")).await;
    let path = format!("/tags/{}", encoded(&arn("p")));
    let tags = client.incidents("GET", &path, Value::Null).await.json();
    assert_eq!(tags, json!({"tags": {"a": "1"}}));
    client
        .incidents("POST", &path, json!({"tags": {"b": ""}}))
        .await;
    client
        .incidents("DELETE", &format!("{path}?tagKeys=a"), Value::Null)
        .await;
    let tags = client.incidents("GET", &path, Value::Null).await.json();
    assert_eq!(tags, json!({"tags": {"b": ""}}));
    let second = client.in_region("eu-west-1");
    says(
        &second.incidents("GET", &path, Value::Null).await,
        400,
        "ValidationException",
    );

    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let put = json!({"resourceArn": arn("p"), "policy": policy});
    let answer = call(&client, "putResourcePolicy", put).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = answer.json()["policyId"].as_str().unwrap().to_owned();
    let listing = format!("getResourcePolicies?resourceArn={}", encoded(&arn("p")));
    let listed = call(&client, &listing, json!({})).await.json();
    assert_eq!(
        listed,
        json!({"resourcePolicies": [{"policyDocument": policy, "policyId": id, "ramResourceShareRegion": "us-east-1"}]})
    );
    let delete = json!({"resourceArn": arn("p"), "policyId": id});
    let answer = call(&client, "deleteResourcePolicy", delete.clone()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({})));
    let answer = call(&client, "deleteResourcePolicy", delete).await;
    says(&answer, 404, "ResourceNotFoundException");
    assert_eq!(answer.json()["resourceType"], "RESOURCE_POLICY");
    let bad = json!({"resourceArn": arn("p"), "policy": "{"});
    says(
        &call(&client, "putResourcePolicy", bad).await,
        400,
        "ValidationException",
    );
}

#[tokio::test]
async fn new_plans_may_be_seen_late_and_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options {
        onboarded: Some(vec!["us-east-1".to_owned()]),
        state_file: Some(directory.path().join("state")),
        ..Options::default()
    };
    let (server, client) = start(options()).await;
    client
        .steer("PUT", "knobs", json!({"consistency_delay_ms": 5000}))
        .await;
    create(&client, full(&client, "p")).await;
    assert_eq!(get(&client, &arn("p")).await.status, 404);
    assert_eq!(
        update(&client, "p", json!({"displayName": "seen"}))
            .await
            .status,
        204,
        "writes see it"
    );
    client
        .steer("POST", "clock/advance", json!({"seconds": 5}))
        .await;
    let shown = get(&client, &arn("p")).await.json();
    assert_eq!(shown["displayName"], "seen");
    server.stop().await;
    let (_server, client) = start(options()).await;
    assert_eq!(get(&client, &arn("p")).await.json(), shown);
}
