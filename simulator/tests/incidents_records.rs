//! ssm-incidents: incidents, their timelines, related items and findings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use common::{ACCOUNT, Answer, Client, onboarded, start};
use incident_operator_simulator::world::Options;
use serde_json::{Value, json};

const ME: &str = "arn:aws:iam::222222222222:user/simulated";

fn says(answer: &Answer, status: u16, error: &str) {
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (status, error),
        "{}",
        answer.text
    );
}

fn plan_arn(name: &str) -> String {
    format!("arn:aws:ssm-incidents::{ACCOUNT}:response-plan/{name}")
}

fn encoded(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F")
}

async fn call(client: &Client, operation: &str, input: Value) -> Answer {
    client
        .incidents("POST", &format!("/{operation}"), input)
        .await
}

/// A call that must succeed.
async fn ok(client: &Client, operation: &str, input: Value) -> Value {
    let answer = call(client, operation, input).await;
    assert!(answer.status < 300, "{operation}: {}", answer.text);
    answer.json()
}

async fn plan(client: &Client, name: &str, template: Value, rest: Value) -> String {
    let mut plan = json!({"name": name, "incidentTemplate": {"title": "Down", "impact": 2}});
    for (key, value) in template.as_object().unwrap() {
        plan["incidentTemplate"][key] = value.clone();
    }
    for (key, value) in rest.as_object().unwrap() {
        plan[key] = value.clone();
    }
    ok(client, "createResponsePlan", plan).await;
    plan_arn(name)
}

async fn open(client: &Client, plan: &str, mut input: Value) -> String {
    input["responsePlanArn"] = plan.into();
    let made = ok(client, "startIncident", input).await;
    made["incidentRecordArn"].as_str().unwrap().to_owned()
}

async fn get(client: &Client, arn: &str) -> Answer {
    let path = format!("/getIncidentRecord?arn={}", encoded(arn));
    client.incidents("GET", &path, Value::Null).await
}

async fn record(client: &Client, arn: &str) -> Value {
    get(client, arn).await.json()["incidentRecord"].clone()
}

async fn event(client: &Client, incident: &str, id: &str) -> Answer {
    let path = format!(
        "/getTimelineEvent?incidentRecordArn={}&eventId={id}",
        encoded(incident)
    );
    client.incidents("GET", &path, Value::Null).await
}

async fn events(client: &Client, incident: &str, mut filter: Value) -> Vec<Value> {
    filter["incidentRecordArn"] = incident.into();
    let listed = ok(client, "listTimelineEvents", filter).await;
    listed["eventSummaries"].as_array().unwrap().clone()
}

async fn items(client: &Client, incident: &str) -> Vec<Value> {
    let listed = ok(
        client,
        "listRelatedItems",
        json!({"incidentRecordArn": incident}),
    )
    .await;
    listed["relatedItems"].as_array().unwrap().clone()
}

async fn advance(client: &Client, seconds: u32) {
    client
        .steer("POST", "clock/advance", json!({"seconds": seconds}))
        .await;
}

async fn knob(client: &Client, name: &str, value: &str) {
    client.steer("PUT", "knobs", json!({name: value})).await;
}

fn of_type<'a>(items: &'a [Value], kind: &str) -> Vec<&'a Value> {
    items
        .iter()
        .filter(|item| item["identifier"]["type"] == kind || item["eventType"] == kind)
        .collect()
}

#[tokio::test]
async fn an_incident_begins_as_its_plan_says() {
    let (_server, client) = onboarded().await;
    let plan = plan(
        &client,
        "p",
        json!({"summary": "It is down.", "incidentTags": {"team": "ops"},
            "notificationTargets": [{"snsTopicArn": "arn:aws:sns:us-east-1:222222222222:all"}]}),
        json!({"chatChannel": {"chatbotSns": ["arn:aws:sns:us-east-1:222222222222:chat"]},
            "actions": [{"ssmAutomation": {"documentName": "Restart", "roleArn": "arn:aws:iam::222222222222:role/r"}}]}),
    )
    .await;
    let arn = open(&client, &plan, json!({})).await;
    let prefix = format!("arn:aws:ssm-incidents::{ACCOUNT}:incident-record/p/");
    assert!(arn.starts_with(&prefix), "{arn}");
    let shown = record(&client, &arn).await;
    assert_eq!(shown["title"], "Down");
    assert_eq!(shown["summary"], "It is down.");
    assert_eq!(shown["impact"], 2);
    assert_eq!(shown["status"], "OPEN");
    assert_eq!(
        shown["incidentRecordSource"],
        json!({"createdBy": ME, "invokedBy": ME, "source": "aws.ssm-incidents.custom"})
    );
    assert_eq!(shown["lastModifiedBy"], ME);
    assert_eq!(shown["creationTime"], shown["lastModifiedTime"]);
    assert_eq!(
        shown["chatChannel"],
        json!({"chatbotSns": ["arn:aws:sns:us-east-1:222222222222:chat"]})
    );
    assert_eq!(shown["notificationTargets"].as_array().unwrap().len(), 1);
    assert_eq!(shown["dedupeString"].as_str().unwrap().len(), 36);
    assert!(shown.get("resolvedTime").is_none());
    let runs = shown["automationExecutions"].as_array().unwrap();
    assert!(
        runs[0]["ssmExecutionArn"]
            .as_str()
            .unwrap()
            .starts_with("arn:aws:ssm:us-east-1:222222222222:automation-execution/")
    );
    let path = format!("/tags/{}", encoded(&arn));
    let tags = client.incidents("GET", &path, Value::Null).await.json();
    assert_eq!(tags, json!({"tags": {"team": "ops"}}));
    client
        .incidents("POST", &path, json!({"tags": {"a": "1"}}))
        .await;
    let tags = client.incidents("GET", &path, Value::Null).await.json();
    assert_eq!(tags, json!({"tags": {"a": "1", "team": "ops"}}));
    let related = items(&client, &arn).await;
    assert_eq!(related.len(), 1);
    assert_eq!(related[0]["identifier"]["type"], "PARENT");
    assert_eq!(related[0]["title"], "parentItem");
    let seen = events(&client, &arn, json!({})).await;
    assert_eq!(of_type(&seen, "SSM Incident Trigger").len(), 1);
    // A plan that changes, or goes, leaves its incidents as they are.
    ok(&client, "deleteResponsePlan", json!({"arn": plan})).await;
    assert_eq!(record(&client, &arn).await, shown);
    let again = call(&client, "startIncident", json!({"responsePlanArn": plan})).await;
    says(&again, 404, "ResourceNotFoundException");
    assert_eq!(again.json()["resourceType"], "RESPONSE_PLAN");
}

#[tokio::test]
async fn the_call_overrides_the_plan() {
    let (_server, client) = onboarded().await;
    let plan = plan(&client, "p", json!({}), json!({})).await;
    let related = json!([
        {"identifier": {"type": "OTHER", "value": {"url": "https://example.com"}}, "title": "wiki"},
        {"identifier": {"type": "INVOLVED_RESOURCE", "value": {"arn": "arn:aws:s3:::bucket"}}},
    ]);
    let arn = open(
        &client,
        &plan,
        json!({
            "title": "Slow",
            "impact": 4,
            "relatedItems": related,
            "triggerDetails": {
                "source": "com.example.monitor",
                "timestamp": 1_790_000_000,
                "triggerArn": "arn:aws:s3:::bucket",
                "rawData": "{}",
            },
        }),
    )
    .await;
    let shown = record(&client, &arn).await;
    assert_eq!(
        (&shown["title"], &shown["impact"]),
        (&json!("Slow"), &json!(4))
    );
    assert_eq!(
        shown["incidentRecordSource"],
        json!({"createdBy": ME, "invokedBy": ME, "source": "com.example.monitor", "resourceArn": "arn:aws:s3:::bucket"})
    );
    let seen = items(&client, &arn).await;
    assert_eq!(seen.len(), 3);
    for item in &seen {
        let id = item["generatedId"].as_str().unwrap();
        let kind = item["identifier"]["type"].as_str().unwrap();
        assert!(id.starts_with(&format!("related-item/{kind}/")), "{id}");
    }
    let trigger = events(&client, &arn, json!({})).await[0].clone();
    assert_eq!(trigger["eventTime"], 1_790_000_000.0);
    let shown = event(&client, &arn, trigger["eventId"].as_str().unwrap()).await;
    let data = shown.json()["event"]["eventData"].clone();
    let data: Value = serde_json::from_str(data.as_str().unwrap()).unwrap();
    assert_eq!(data["rawData"], "{}");
    for bad in [
        json!({"triggerDetails": {"source": "aws.mine", "timestamp": 1_790_000_000}}),
        json!({"triggerDetails": {"source": "mine"}}),
        json!({"impact": 0}),
        json!({"relatedItems": [{"identifier": {"type": "OTHER", "value": {}}}]}),
        json!({"relatedItems": (0..50).map(|n| json!({"identifier": {"type": "OTHER", "value": {"url": n.to_string()}}})).collect::<Vec<_>>()}),
    ] {
        let mut input = bad;
        input["responsePlanArn"] = plan.clone().into();
        says(
            &call(&client, "startIncident", input).await,
            400,
            "ValidationException",
        );
    }
    let listed = ok(&client, "listIncidentRecords", Value::Null).await;
    assert_eq!(
        listed["incidentRecordSummaries"].as_array().unwrap().len(),
        1,
        "what is refused opens nothing"
    );
}

#[tokio::test]
async fn starts_are_absorbed_by_token_and_by_dedupe_string() {
    let (_server, client) = onboarded().await;
    let plain = plan(&client, "plain", json!({}), json!({})).await;
    let first = open(&client, &plain, json!({"clientToken": "t"})).await;
    assert_eq!(
        open(&client, &plain, json!({"clientToken": "t"})).await,
        first
    );
    let other = json!({"responsePlanArn": plain, "clientToken": "t", "title": "x"});
    says(
        &call(&client, "startIncident", other).await,
        409,
        "ConflictException",
    );
    assert_ne!(
        open(&client, &plain, json!({})).await,
        first,
        "no dedupe string"
    );
    knob(&client, "idempotency_window_seconds", "0").await;
    assert_ne!(
        open(&client, &plain, json!({"clientToken": "t"})).await,
        first,
        "forgotten"
    );
    knob(&client, "idempotency_window_seconds", "600").await;

    let one = plan(&client, "one", json!({"dedupeString": "same"}), json!({})).await;
    let two = plan(&client, "two", json!({"dedupeString": "same"}), json!({})).await;
    let kept = open(&client, &one, json!({})).await;
    assert_eq!(open(&client, &one, json!({"title": "other"})).await, kept);
    assert_eq!(open(&client, &two, json!({})).await, kept, "of the account");
    assert_eq!(record(&client, &kept).await["title"], "Down");
    let resolve = json!({"arn": kept, "status": "RESOLVED"});
    ok(&client, "updateIncidentRecord", resolve).await;
    assert_ne!(open(&client, &two, json!({})).await, kept);
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    let (_server, client) = onboarded().await;
    let plan = plan(
        &client,
        "p",
        json!({"notificationTargets": [{"snsTopicArn": "arn:aws:sns:us-east-1:222222222222:all"}]}),
        json!({"chatChannel": {"chatbotSns": ["arn:aws:sns:us-east-1:222222222222:chat"]}}),
    )
    .await;
    let arn = open(&client, &plan, json!({})).await;
    let before = record(&client, &arn).await;
    advance(&client, 60).await;
    let unchanged = json!({"arn": arn, "title": "Down", "status": "OPEN"});
    ok(&client, "updateIncidentRecord", unchanged).await;
    assert_eq!(record(&client, &arn).await, before);
    let change = json!({"arn": arn, "title": "Up again", "impact": 5, "summary": "Better.",
        "chatChannel": {"empty": {}}, "notificationTargets": []});
    let answer = call(&client, "updateIncidentRecord", change).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let shown = record(&client, &arn).await;
    assert_eq!(shown["title"], "Up again");
    assert_eq!(shown["chatChannel"], json!({"empty": {}}));
    assert_eq!(shown["notificationTargets"], json!([]));
    assert!(shown["lastModifiedTime"].as_f64() > before["lastModifiedTime"].as_f64());
    let updates = events(
        &client,
        &arn,
        json!({"filters": [{"key": "eventType", "condition": {"equals": {"stringValues": ["SSM Incident Record Update"]}}}]}),
    )
    .await;
    assert_eq!(updates.len(), 1);

    let set = |status: &str| json!({"arn": arn, "status": status});
    ok(&client, "updateIncidentRecord", set("RESOLVED")).await;
    let resolved = record(&client, &arn).await;
    assert_eq!(resolved["status"], "RESOLVED");
    let time = resolved["resolvedTime"].as_f64().unwrap();
    advance(&client, 60).await;
    ok(&client, "updateIncidentRecord", set("RESOLVED")).await;
    assert_eq!(
        record(&client, &arn).await["resolvedTime"].as_f64(),
        Some(time),
        "resolved once"
    );
    knob(&client, "reopen_incident", "refuse").await;
    says(
        &call(&client, "updateIncidentRecord", set("OPEN")).await,
        400,
        "ValidationException",
    );
    knob(&client, "reopen_incident", "allow").await;
    ok(&client, "updateIncidentRecord", set("OPEN")).await;
    let reopened = record(&client, &arn).await;
    assert_eq!(reopened["status"], "OPEN");
    assert!(reopened.get("resolvedTime").is_none());
}

#[tokio::test]
async fn records_are_listed_by_what_they_are() {
    let (_server, client) = onboarded().await;
    let plan = plan(&client, "p", json!({}), json!({})).await;
    let mut arns = Vec::new();
    for impact in 1..=5 {
        arns.push(open(&client, &plan, json!({"impact": impact})).await);
        advance(&client, 100).await;
    }
    let resolve = json!({"arn": arns[0], "status": "RESOLVED"});
    ok(&client, "updateIncidentRecord", resolve).await;
    let second = record(&client, &arns[1]).await["creationTime"].clone();
    let filter = |key: &str, condition: Value| json!({"key": key, "condition": condition});
    let texts = |text: &str| json!({"equals": {"stringValues": [text]}});
    for (filters, expected) in [
        (json!([]), vec![4, 3, 2, 1, 0]),
        (json!([filter("status", texts("OPEN"))]), vec![4, 3, 2, 1]),
        (json!([filter("status", texts("RESOLVED"))]), vec![0]),
        (
            json!([filter(
                "impact",
                json!({"equals": {"integerValues": [1, 3]}})
            )]),
            vec![2, 0],
        ),
        (
            json!([
                filter("impact", json!({"equals": {"integerValues": [1, 3]}})),
                filter("status", texts("OPEN"))
            ]),
            vec![2],
        ),
        (
            json!([filter("creationTime", json!({"after": second}))]),
            vec![4, 3, 2],
        ),
        (
            json!([filter("creationTime", json!({"before": second}))]),
            vec![0],
        ),
        (json!([filter("createdBy", texts(ME))]), vec![4, 3, 2, 1, 0]),
        (json!([filter("createdBy", texts("nobody"))]), vec![]),
    ] {
        let input = json!({"filters": filters});
        let listed = ok(&client, "listIncidentRecords", input).await;
        let found: Vec<usize> = listed["incidentRecordSummaries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| arns.iter().position(|arn| found["arn"] == **arn).unwrap())
            .collect();
        assert_eq!(found, expected, "{filters}");
    }
    for bad in [
        filter("title", texts("x")),
        filter("status", json!({"after": second})),
        filter("creationTime", texts("x")),
        filter("impact", texts("1")),
        filter("status", json!({"equals": {"stringValues": []}})),
        filter("status", json!({})),
    ] {
        let answer = call(&client, "listIncidentRecords", json!({"filters": [bad]})).await;
        says(&answer, 400, "ValidationException");
    }
    let mut seen = Vec::new();
    let mut token = Value::Null;
    for _ in 0..3 {
        let page = ok(
            &client,
            "listIncidentRecords",
            json!({"maxResults": 2, "nextToken": token}),
        )
        .await;
        let shown = page["incidentRecordSummaries"].as_array().unwrap().clone();
        seen.extend(shown.into_iter().map(|found| found["arn"].clone()));
        token = page["nextToken"].clone();
    }
    assert!(token.is_null());
    arns.reverse();
    assert_eq!(seen, arns);
}

#[tokio::test]
async fn what_is_missing_is_answered_as_aws_does() {
    let (_server, client) = onboarded().await;
    let plan = plan(&client, "p", json!({}), json!({})).await;
    let arn = open(&client, &plan, json!({})).await;
    let answer = call(&client, "deleteIncidentRecord", json!({"arn": arn})).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let missing = "ResourceNotFoundException";
    says(&get(&client, &arn).await, 404, missing);
    let of = json!({"incidentRecordArn": arn});
    let url = json!({"type": "OTHER", "value": {"url": "u"}});
    for (operation, input) in [
        ("updateIncidentRecord", json!({"arn": arn, "title": "x"})),
        (
            "createTimelineEvent",
            json!({"incidentRecordArn": arn, "eventTime": 1_790_000_000, "eventType": "Note", "eventData": "1"}),
        ),
        (
            "updateTimelineEvent",
            json!({"incidentRecordArn": arn, "eventId": "x"}),
        ),
        (
            "updateRelatedItems",
            json!({"incidentRecordArn": arn, "relatedItemsUpdate": {"itemToRemove": url}}),
        ),
        ("listIncidentFindings", of.clone()),
        (
            "batchGetIncidentFindings",
            json!({"incidentRecordArn": arn, "findingIds": ["a"]}),
        ),
    ] {
        says(&call(&client, operation, input).await, 404, missing);
    }
    says(&event(&client, &arn, "x").await, 404, missing);
    let tags = format!("/tags/{}", encoded(&arn));
    says(
        &client.incidents("GET", &tags, Value::Null).await,
        404,
        missing,
    );
    for (operation, input, expected) in [
        ("deleteIncidentRecord", json!({"arn": arn}), Value::Null),
        (
            "deleteTimelineEvent",
            json!({"incidentRecordArn": arn, "eventId": "x"}),
            Value::Null,
        ),
        (
            "listTimelineEvents",
            of.clone(),
            json!({"eventSummaries": []}),
        ),
        ("listRelatedItems", of, json!({"relatedItems": []})),
    ] {
        assert_eq!(ok(&client, operation, input).await, expected);
    }
    for (operation, input) in [
        ("listRelatedItems", json!({"incidentRecordArn": plan})),
        ("deleteIncidentRecord", json!({"arn": plan})),
    ] {
        says(
            &call(&client, operation, input).await,
            400,
            "ValidationException",
        );
    }
    let foreign = arn.replace(ACCOUNT, "333333333333");
    says(&get(&client, &foreign).await, 403, "AccessDeniedException");
}

#[tokio::test]
async fn people_write_into_the_timeline() {
    let (_server, client) = onboarded().await;
    let plan = plan(&client, "p", json!({}), json!({})).await;
    let arn = open(&client, &plan, json!({})).await;
    let note = json!({
        "incidentRecordArn": arn, "eventTime": 1_600_000_000, "eventType": "Note", "eventData": "\"New Note\"",
        "eventReferences": [{"resource": arn}], "clientToken": "t",
    });
    let made = call(&client, "createTimelineEvent", note.clone()).await;
    assert_eq!(made.status, 201);
    let id = made.json()["eventId"].as_str().unwrap().to_owned();
    assert_eq!(made.json()["incidentRecordArn"], arn);
    assert_eq!(
        ok(&client, "createTimelineEvent", note.clone()).await["eventId"],
        id
    );
    let mut bad = note;
    bad["eventData"] = "no JSON".into();
    bad["clientToken"] = "u".into();
    says(
        &call(&client, "createTimelineEvent", bad).await,
        400,
        "ValidationException",
    );

    let all = events(&client, &arn, json!({})).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["eventId"], id, "the oldest is last");
    let up = events(
        &client,
        &arn,
        json!({"sortBy": "EVENT_TIME", "sortOrder": "ASCENDING"}),
    )
    .await;
    assert_eq!(up[0]["eventId"], id);
    let by =
        |key: &str, condition: Value| json!({"filters": [{"key": key, "condition": condition}]});
    for (filter, found) in [
        (by("eventTime", json!({"before": 1_600_000_001})), 1),
        (by("eventTime", json!({"after": 1_600_000_001})), 1),
        (
            by(
                "eventReference",
                json!({"equals": {"stringValues": [arn, "x"]}}),
            ),
            1,
        ),
        (
            by(
                "eventType",
                json!({"equals": {"stringValues": ["Note", "SSM Incident Trigger"]}}),
            ),
            2,
        ),
        (
            by(
                "eventType",
                json!({"equals": {"stringValues": ["Custom Event"]}}),
            ),
            0,
        ),
    ] {
        assert_eq!(
            events(&client, &arn, filter.clone()).await.len(),
            found,
            "{filter}"
        );
    }

    advance(&client, 5).await;
    let change = json!({"incidentRecordArn": arn, "eventId": id, "eventData": "\"Better\"", "eventReferences": []});
    let answer = call(&client, "updateTimelineEvent", change).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let shown = event(&client, &arn, &id).await.json()["event"].clone();
    assert_eq!(shown["eventData"], "\"Better\"");
    assert_eq!(shown["eventReferences"], json!([]));
    assert_eq!(shown["eventType"], "Note");
    assert_eq!(shown["eventTime"], 1_600_000_000.0);

    let trigger = all[0]["eventId"].clone();
    let named = json!({"incidentRecordArn": arn, "eventId": trigger});
    for operation in ["updateTimelineEvent", "deleteTimelineEvent"] {
        says(
            &call(&client, operation, named.clone()).await,
            400,
            "ValidationException",
        );
    }
    let named = json!({"incidentRecordArn": arn, "eventId": id});
    ok(&client, "deleteTimelineEvent", named.clone()).await;
    ok(&client, "deleteTimelineEvent", named.clone()).await;
    says(
        &call(&client, "updateTimelineEvent", named).await,
        404,
        "ResourceNotFoundException",
    );
    let answer = event(&client, &arn, &id).await;
    assert_eq!(answer.json()["resourceType"], "TIMELINE_EVENT");
}

#[tokio::test]
async fn related_items_come_and_go_one_at_a_time() {
    let (_server, client) = onboarded().await;
    let plan = plan(&client, "p", json!({}), json!({})).await;
    let arn = open(&client, &plan, json!({})).await;
    let item = |url: &str| json!({"type": "OTHER", "value": {"url": url}});
    let update = |update: Value| json!({"incidentRecordArn": arn, "relatedItemsUpdate": update});
    let add = |url: &str, title: &str| {
        update(json!({"itemToAdd": {"identifier": item(url), "title": title}}))
    };
    let remove = |url: &str| update(json!({"itemToRemove": item(url)}));
    ok(&client, "updateRelatedItems", add("a", "one")).await;
    ok(&client, "updateRelatedItems", add("a", "two")).await;
    let seen = items(&client, &arn).await;
    let added = of_type(&seen, "OTHER");
    assert_eq!((added.len(), &added[0]["title"]), (1, &json!("two")));
    knob(&client, "duplicate_related_item", "conflict").await;
    says(
        &call(&client, "updateRelatedItems", add("a", "three")).await,
        409,
        "ConflictException",
    );
    ok(&client, "updateRelatedItems", remove("a")).await;
    ok(&client, "updateRelatedItems", remove("a")).await;
    knob(&client, "remove_missing_related_item", "404").await;
    says(
        &call(&client, "updateRelatedItems", remove("a")).await,
        404,
        "ResourceNotFoundException",
    );
    for n in 0..49 {
        ok(&client, "updateRelatedItems", add(&format!("u{n}"), "")).await;
    }
    says(
        &call(&client, "updateRelatedItems", add("more", "")).await,
        400,
        "ValidationException",
    );
    says(
        &call(&client, "updateRelatedItems", update(json!({}))).await,
        400,
        "ValidationException",
    );
    assert_eq!(items(&client, &arn).await.len(), 50);
}

#[tokio::test]
async fn alarms_and_findings_come_from_outside() {
    let (_server, client) = onboarded().await;
    let plan = plan(&client, "p", json!({}), json!({})).await;
    let alarm = json!({"account": ACCOUNT, "region": "us-east-1", "responsePlanArn": plan,
        "alarmArn": "arn:aws:cloudwatch:us-east-1:222222222222:alarm:cpu"});
    let made = client.steer("POST", "incidents", alarm.clone()).await;
    assert_eq!(made["created"], true);
    let arn = made["incidentRecordArn"].as_str().unwrap().to_owned();
    let shown = record(&client, &arn).await;
    assert_eq!(shown["title"], "Down - cpu");
    let source = &shown["incidentRecordSource"];
    assert_eq!(source["source"], "aws.cloudwatch");
    assert_eq!(source["resourceArn"], alarm["alarmArn"]);
    let again = client.steer("POST", "incidents", alarm.clone()).await;
    assert_eq!(again, json!({"incidentRecordArn": arn, "created": false}));
    let mut other = alarm.clone();
    other["alarmArn"] = Value::Null;
    other["title"] = "Disk".into();
    let other = client.steer("POST", "incidents", other).await;
    assert_eq!(other["created"], true);
    for (member, value) in [
        ("responsePlanArn", plan_arn("none")),
        ("region", "us-west-2".to_owned()),
        ("extra", "x".to_owned()),
    ] {
        let mut bad = alarm.clone();
        bad[member] = value.into();
        assert_eq!(client.control("POST", "incidents", bad).await.status, 400);
    }

    let seeded = client
        .steer(
            "POST",
            "incidents/findings",
            json!({"incidentRecordArn": arn, "findings": [
                {"id": "f1", "stackArn": "arn:aws:cloudformation:us-east-1:222222222222:stack/s/1"},
                {"id": "f2", "deploymentId": "d-1", "deploymentGroupArn": "arn:aws:codedeploy:us-east-1:222222222222:deploymentgroup:a/b", "endedSecondsAgo": 60},
            ]}),
        )
        .await;
    assert_eq!(seeded, json!({"ids": ["f1", "f2"]}));
    let of = json!({"incidentRecordArn": arn, "maxResults": 1});
    let page = ok(&client, "listIncidentFindings", of).await;
    assert_eq!(page["findings"][0]["id"], "f1");
    assert!(page["nextToken"].is_string());
    let got = ok(
        &client,
        "batchGetIncidentFindings",
        json!({"incidentRecordArn": arn, "findingIds": ["f2", "f3"]}),
    )
    .await;
    assert_eq!(got["findings"].as_array().unwrap().len(), 1);
    let deployment = &got["findings"][0]["details"]["codeDeployDeployment"];
    assert!(deployment["endTime"].is_f64(), "{got}");
    assert_eq!(got["errors"][0]["findingId"], "f3");
    let bad = json!({"incidentRecordArn": arn, "findings": [{}]});
    let answer = client.control("POST", "incidents/findings", bad).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn what_cannot_be_started_is_noted() {
    let (_server, client) = onboarded().await;
    let ana = client.person("ana").await;
    let runbook = |document: &str| json!({"ssmAutomation": {"documentName": document, "roleArn": "arn:aws:iam::222222222222:role/r"}});
    let failing = plan(
        &client,
        "p",
        json!({}),
        json!({"actions": [runbook("unusable-runbook")], "engagements": [ana, client.contact_arn("gone")]}),
    )
    .await;
    let arn = open(&client, &failing, json!({})).await;
    assert_eq!(
        record(&client, &arn).await["automationExecutions"],
        json!([])
    );
    let seen = events(&client, &arn, json!({})).await;
    let failed = of_type(&seen, "SSM Automation Execution Start Failure for Incident");
    assert_eq!(failed.len(), 1);
    let unmet = of_type(&seen, "SSM Contacts Engagement Start Failure for Incident");
    assert_eq!(unmet.len(), 1);
    let id = unmet[0]["eventId"].as_str().unwrap();
    let shown = event(&client, &arn, id).await.json();
    let data = shown["event"]["eventData"].as_str().unwrap();
    assert!(data.contains(&client.contact_arn("gone")), "{data}");
}

#[tokio::test]
async fn calls_are_authorised_on_record_and_plan() {
    let (_server, client) = onboarded().await;
    let plan = plan(&client, "p", json!({"incidentTags": {"a": "b"}}), json!({})).await;
    let arn = open(&client, &plan, json!({})).await;
    record(&client, &arn).await;
    let of = |operation: &str| format!("calls?operation={operation}");
    let calls = client
        .steer("GET", &of("GetIncidentRecord"), Value::Null)
        .await;
    assert_eq!(calls["calls"][0]["resources"], json!([arn, plan]));
    let calls = client.steer("GET", &of("StartIncident"), Value::Null).await;
    let call = &calls["calls"][0];
    assert!(
        call["iamActions"]
            .as_array()
            .unwrap()
            .contains(&json!("ssm-incidents:TagResource"))
    );
    assert_eq!(
        call["resources"],
        json!([
            plan,
            format!("arn:aws:ssm-incidents::{ACCOUNT}:incident-record/p/*"),
            arn
        ])
    );
    let iam = format!("iam?account={ACCOUNT}");
    client
        .steer("PUT", &iam, json!({"deny": ["ssm-incidents:TagResource"]}))
        .await;
    let answer = self::call(&client, "startIncident", json!({"responsePlanArn": plan})).await;
    says(&answer, 403, "AccessDeniedException");
}

#[tokio::test]
async fn incidents_outlive_a_restart_and_go_with_the_replication_set() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options {
        onboarded: Some(vec!["us-east-1".to_owned(), "eu-west-1".to_owned()]),
        state_file: Some(directory.path().join("state")),
        ..Options::default()
    };
    let (server, client) = start(options()).await;
    let plan = plan(&client, "p", json!({"dedupeString": "d"}), json!({})).await;
    let arn = open(&client, &plan, json!({"clientToken": "t"})).await;
    let shown = record(&client, &arn).await;
    let seen = events(&client, &arn, json!({})).await;
    server.stop().await;
    let (_server, client) = start(options()).await;
    assert_eq!(record(&client, &arn).await, shown);
    assert_eq!(events(&client, &arn, json!({})).await, seen);
    assert_eq!(open(&client, &plan, json!({"clientToken": "t"})).await, arn);
    // In every Region, and still there when one goes.
    let second = client.in_region("eu-west-1");
    assert_eq!(record(&second, &arn).await, shown);
    let set = client.set_arn().await;
    let remove = |region: &str| json!({"arn": set, "actions": [{"deleteRegionAction": {"regionName": region}}]});
    ok(&second, "updateReplicationSet", remove("us-east-1")).await;
    says(&get(&client, &arn).await, 404, "ResourceNotFoundException");
    assert_eq!(record(&second, &arn).await, shown);
    ok(&second, "updateReplicationSet", remove("eu-west-1")).await;
    let fresh = json!({"regions": {"us-east-1": {}}});
    ok(&client, "createReplicationSet", fresh).await;
    says(&get(&client, &arn).await, 404, "ResourceNotFoundException");
}

#[tokio::test]
async fn new_incidents_may_be_seen_late() {
    let (_server, client) = onboarded().await;
    let plan = plan(&client, "p", json!({"dedupeString": "d"}), json!({})).await;
    knob(&client, "consistency_delay_ms", "5000").await;
    advance(&client, 6).await;
    let arn = open(&client, &plan, json!({})).await;
    says(&get(&client, &arn).await, 404, "ResourceNotFoundException");
    assert_eq!(items(&client, &arn).await, Vec::<Value>::new());
    assert_eq!(open(&client, &plan, json!({})).await, arn, "writes see it");
    advance(&client, 5).await;
    assert_eq!(record(&client, &arn).await["status"], "OPEN");
    assert_eq!(items(&client, &arn).await.len(), 1);
}

#[tokio::test]
async fn an_incident_pages_and_its_timeline_tells() {
    let (_server, client) = onboarded().await;
    let ana = client.person("ana").await;
    let mail = client
        .ok(
            "CreateContactChannel",
            json!({"ContactId": ana, "Name": "mail", "Type": "EMAIL",
                "DeliveryAddress": {"SimpleAddress": "ana@example.com"}}),
        )
        .await["ContactChannelArn"]
        .clone();
    let codes = client.steer("GET", "codes", Value::Null).await;
    client
        .ok(
            "ActivateContactChannel",
            json!({"ContactChannelId": mail, "ActivationCode": codes["codes"][0]["code"]}),
        )
        .await;
    let channel =
        json!({"ChannelTargetInfo": {"ContactChannelId": mail, "RetryIntervalInMinutes": 0}});
    let stages = json!({"Stages": [{"DurationInMinutes": 5, "Targets": [channel]}]});
    client
        .ok("UpdateContact", json!({"ContactId": ana, "Plan": stages}))
        .await;
    let all = client
        .ok(
            "CreateContact",
            json!({"Alias": "all", "Type": "ESCALATION", "Plan": {"Stages": [
                {"DurationInMinutes": 5, "Targets": []},
                {"DurationInMinutes": 5, "Targets": [{"ContactTargetInfo": {"ContactId": ana, "IsEssential": true}}]},
            ]}}),
        )
        .await["ContactArn"]
        .clone();
    let plan = plan(&client, "p", json!({}), json!({"engagements": [all]})).await;
    let arn = open(&client, &plan, json!({})).await;
    let engagements = client
        .ok("ListEngagements", json!({"IncidentId": arn}))
        .await;
    assert_eq!(engagements["Engagements"].as_array().unwrap().len(), 1);
    let kinds = |seen: &[Value]| -> Vec<String> {
        seen.iter()
            .map(|event| event["eventType"].as_str().unwrap().to_owned())
            .collect()
    };
    let up = json!({"sortOrder": "ASCENDING"});
    let begun = events(&client, &arn, up.clone()).await;
    assert_eq!(kinds(&begun), ["SSM Incident Trigger"]);
    advance(&client, 301).await;
    let sent = events(&client, &arn, up.clone()).await;
    assert_eq!(
        kinds(&sent),
        ["SSM Incident Trigger", "SSM Contacts Page for Incident"]
    );
    let pages = client.steer("GET", "pages", Value::Null).await;
    let page = &pages["pages"][0];
    assert_eq!(page["incidentId"], arn);
    client
        .ok(
            "AcceptPage",
            json!({"PageId": page["pageArn"], "AcceptType": "READ", "AcceptCode": page["acceptCode"]}),
        )
        .await;
    let answered = events(&client, &arn, up.clone()).await;
    assert_eq!(
        kinds(&answered)[2..],
        ["SSM Contacts Page Acknowledgement for Incident"]
    );
    assert_eq!(answered[..2], sent, "events keep their ids");
    let id = answered[2]["eventId"].as_str().unwrap();
    let shown = event(&client, &arn, id).await.json();
    let data: Value = serde_json::from_str(shown["event"]["eventData"].as_str().unwrap()).unwrap();
    assert_eq!(data["contactArn"], ana);
    let named = json!({"incidentRecordArn": arn, "eventId": id});
    for operation in ["updateTimelineEvent", "deleteTimelineEvent"] {
        says(
            &call(&client, operation, named.clone()).await,
            400,
            "ValidationException",
        );
    }
}

#[tokio::test]
async fn resolving_may_stop_who_is_still_to_be_paged() {
    let (_server, client) = onboarded().await;
    let ana = client.person("ana").await;
    let all = client
        .ok(
            "CreateContact",
            json!({"Alias": "all", "Type": "ESCALATION", "Plan": {"Stages": [
                {"DurationInMinutes": 5, "Targets": []},
                {"DurationInMinutes": 5, "Targets": [{"ContactTargetInfo": {"ContactId": ana, "IsEssential": true}}]},
            ]}}),
        )
        .await["ContactArn"]
        .clone();
    let plan = plan(&client, "p", json!({}), json!({"engagements": [all]})).await;
    for (knob, paged) in [("yes", 0), ("no", 1)] {
        self::knob(&client, "resolve_stops_engagements", knob).await;
        let arn = open(&client, &plan, json!({})).await;
        let resolve = json!({"arn": arn, "status": "RESOLVED"});
        ok(&client, "updateIncidentRecord", resolve).await;
        advance(&client, 301).await;
        let of = format!("pages?incident={}", encoded(&arn));
        let pages = client.steer("GET", &of, Value::Null).await;
        assert_eq!(pages["pages"].as_array().unwrap().len(), paged, "{knob}");
    }
}
