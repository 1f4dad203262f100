//! A response plan's life: it waits for whom it engages, every field of it is set, changed and cleared in AWS, and what AWS refuses is told
//! with what to do about it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssmincidents::types;
use harness::world::SOON;
use harness::{World, seconds};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::support::{
    Stage, build, condition_now, contact, event, event_count, findings, mutations, pending, stage,
};

const KIND: &str = "ResponsePlan";

/// A plan that engages Alice.
fn plan(name: &str) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": name},
        "spec": {
            "incidentTemplate": {"title": "Payments are failing", "impact": "High"},
            "engagements": [{"contactRef": {"name": "alice"}}],
        },
    })
}

/// The same with a merge patch over the spec; `null` takes a field away.
fn with(mut plan: Value, patch: &Value) -> Value {
    merge(&mut plan["spec"], patch);
    plan
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else { return };
    for (name, value) in fields {
        match value {
            Value::Null => {
                target.as_object_mut().map(|target| target.remove(name));
            }
            Value::Object(_) if target[name].is_object() => merge(&mut target[name], value),
            _ => target[name] = value.clone(),
        }
    }
}

fn arn(world: &World, name: &str) -> String {
    format!(
        "arn:aws:ssm-incidents::{}:response-plan/{name}",
        world.account
    )
}

fn person(world: &World, alias: &str) -> String {
    format!(
        "arn:aws:ssm-contacts:{}:{}:contact/{alias}",
        world.region, world.account
    )
}

fn topic(world: &World, name: &str) -> String {
    format!("arn:aws:sns:{}:{}:{name}", world.region, world.account)
}

fn role(world: &World, name: &str) -> String {
    format!("arn:aws:iam::{}:role/{name}", world.account)
}

async fn with_people(world: &World, names: &[&str]) {
    for name in names {
        world.apply_value(contact(name)).await;
    }
    for name in names {
        world.ready("Contact", name).await;
    }
}

fn ladder(name: &str, contact: &Value) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "EscalationPlan", "metadata": {"name": name},
        "spec": {"stages": [{"durationMinutes": 5, "targets": [{"contactRef": contact}]}]},
    })
}

/// What AWS holds of a response plan, in words of this test; `None` = it has none.
async fn in_aws(world: &World, name: &str) -> Option<Value> {
    let answer = world
        .incidents()
        .get_response_plan()
        .arn(arn(world, name))
        .send()
        .await;
    let found = match answer {
        Ok(found) => found,
        Err(error) => {
            let error = error.into_service_error();
            assert!(error.is_resource_not_found_exception(), "{error:?}");
            return None;
        }
    };
    let template = found.incident_template().unwrap();
    let sorted = |mut texts: Vec<String>| {
        texts.sort();
        texts
    };
    let targets = template.notification_targets().iter();
    let targets = sorted(
        targets
            .map(|t| t.as_sns_topic_arn().unwrap().clone())
            .collect(),
    );
    let tags: BTreeMap<String, String> = template
        .incident_tags()
        .cloned()
        .unwrap_or_default()
        .into_iter()
        .collect();
    let chat = match found.chat_channel() {
        Some(types::ChatChannel::ChatbotSns(topics)) => sorted(topics.clone()),
        _ => vec![],
    };
    let automation = found.actions().first().map(|action| {
        let automation = action.as_ssm_automation().unwrap();
        let parameters: BTreeMap<_, _> = automation
            .parameters()
            .cloned()
            .unwrap_or_default()
            .into_iter()
            .collect();
        let dynamic: BTreeMap<_, _> = automation
            .dynamic_parameters()
            .cloned()
            .unwrap_or_default()
            .into_iter()
            .map(|(k, v)| (k, v.as_variable().unwrap().as_str().to_owned()))
            .collect();
        json!({
            "document": automation.document_name(), "version": automation.document_version(), "role": automation.role_arn(),
            "target": automation.target_account().map(types::SsmTargetAccount::as_str),
            "parameters": parameters, "dynamic": dynamic,
        })
    });
    let pager_duty = found.integrations().first().map(|integration| {
        let service = integration.as_pager_duty_configuration().unwrap();
        let incident = service.pager_duty_incident_configuration().unwrap();
        json!({"name": service.name(), "service": incident.service_id(), "secret": service.secret_id()})
    });
    Some(json!({
        "displayName": found.display_name().unwrap_or_default(),
        "title": template.title(), "impact": template.impact(),
        "summary": template.summary().unwrap_or_default(),
        "dedupe": template.dedupe_string().unwrap_or_default(),
        "targets": targets, "incidentTags": tags,
        "engagements": sorted(found.engagements().to_vec()),
        "chat": chat, "automation": automation, "pagerDuty": pager_duty,
    }))
}

async fn must_hold(world: &World, name: &str) -> Value {
    in_aws(world, name)
        .await
        .unwrap_or_else(|| panic!("AWS holds no response plan {name}"))
}

async fn tags_in_aws(world: &World, name: &str) -> BTreeMap<String, String> {
    let answer = world
        .incidents()
        .list_tags_for_resource()
        .resource_arn(arn(world, name))
        .send()
        .await
        .unwrap();
    answer.tags.into_iter().collect()
}

/// Every plan that says it is Ready is, in AWS, what its spec says; and AWS has no plan of ours that nobody stands for.
async fn in_sync(world: &World) {
    let mut named = BTreeSet::new();
    for namespace in world.namespaces() {
        for object in world.cluster.list(KIND, Some(namespace)).await.unwrap() {
            let name = object.data["spec"]["name"].as_str();
            let name = name.map_or_else(|| object.name_any(), str::to_owned);
            named.insert(name.clone());
            let retained = object.data["spec"]["managementPolicy"] == "Observe";
            if !harness::checks::is_ready(&object) || retained {
                continue;
            }
            let held = must_hold(world, &name).await;
            let spec = &object.data["spec"];
            let template = &spec["incidentTemplate"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            assert_eq!(held["title"], template["title"], "{name}");
            assert_eq!(held["summary"], text(&template["summary"]), "{name}");
            assert_eq!(held["dedupe"], text(&template["dedupeString"]), "{name}");
            assert_eq!(held["displayName"], text(&spec["displayName"]), "{name}");
            let engaged = held["engagements"].as_array().unwrap().len();
            let wanted = spec["engagements"].as_array().map_or(0, Vec::len);
            assert_eq!(engaged, wanted, "{name}");
            assert_eq!(held["automation"].is_null(), spec["automation"].is_null());
            assert_eq!(held["pagerDuty"].is_null(), spec["pagerDuty"].is_null());
            let chat = spec["chatChannel"]["chatbotSns"].as_array();
            assert_eq!(
                held["chat"].as_array().unwrap().len(),
                chat.map_or(0, Vec::len)
            );
        }
    }
    let listed = world.incidents().list_response_plans().send().await;
    for summary in listed.unwrap().response_plan_summaries() {
        let ours = tags_in_aws(world, summary.name())
            .await
            .contains_key("incident-operator/owner");
        assert!(
            !ours || named.contains(summary.name()),
            "{} is left over",
            summary.name()
        );
    }
}

async fn finish(world: Stage) {
    in_sync(&world).await;
    world.finish().await;
}

/// Applies an edit and waits until it is done. Returns the calls that changed something.
async fn edit(world: &World, object: Value) -> Vec<harness::simulator::Call> {
    let before = world.last_call().await;
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    world.apply_value(object).await;
    world.ready(KIND, &name).await;
    let calls = world.operator_calls(before).await;
    calls.into_iter().filter(|c| c.mutating).collect()
}

/// Names of what an UpdateResponsePlan says, but for what every one says.
fn said(call: &harness::simulator::Call) -> Vec<String> {
    assert_eq!(call.operation, "UpdateResponsePlan");
    let fields = call.request.as_object().unwrap().keys();
    let mut fields: Vec<String> = fields
        .filter(|f| !matches!(f.as_str(), "arn" | "clientToken"))
        .cloned()
        .collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn a_plan_waits_for_whom_it_engages_and_holds_them() {
    let world = stage("rp-first").await;
    let engaging = json!({"engagements": [{"escalationPlanRef": {"name": "ladder"}}, {"contactRef": {"name": "alice"}}]});
    world.apply_value(with(plan("down"), &engaging)).await;
    let waiting = world
        .condition(KIND, "down", "Ready", "False", "ReferenceNotFound")
        .await;
    for named in ["EscalationPlan", "Contact"] {
        assert!(waiting.message.contains(named), "{waiting}");
    }
    assert!(in_aws(&world, "down").await.is_none());
    world.apply_value(contact("alice")).await;
    world
        .apply_value(ladder("ladder", &json!({"name": "alice"})))
        .await;
    let object = world.ready(KIND, "down").await;

    let status = &object.data["status"];
    assert_eq!(status["arn"], arn(&world, "down"));
    assert_eq!(status["alarmActionArn"], arn(&world, "down"));
    assert_eq!(status["origin"], "Created");
    assert_eq!(status["openIncidents"], 0);
    assert!(status["danglingEngagements"].is_null());
    assert_eq!(
        status["summary"],
        json!({"name": "down", "title": "Payments are failing", "impact": "High", "engages": "ladder, alice", "openIncidents": "0"})
    );
    let held = must_hold(&world, "down").await;
    assert_eq!(held["impact"], 2);
    assert_eq!(
        held["engagements"],
        json!([person(&world, "alice"), person(&world, "ladder")])
    );
    let tags = tags_in_aws(&world, "down").await;
    assert_eq!(
        tags["incident-operator/object"],
        format!("{KIND}/{}/down", world.namespace)
    );
    let calls = mutations(&world, 0).await;
    let of_plan = calls.iter().filter(|c| c.contains("ResponsePlan")).count();
    assert_eq!(of_plan, 1, "one write makes it: {calls:?}");
    event(
        &world,
        KIND,
        "down",
        "Created",
        "created response plan \"down\"",
    )
    .await;
    assert_eq!(world.ready_flaps(KIND, "down"), 0);
    assert_eq!(
        findings(&object)
            .iter()
            .filter(|f| f.starts_with("EngagesDirectly"))
            .collect::<Vec<_>>(),
        [&format!(
            "EngagesDirectly/Contact {}/alice",
            world.namespace
        )]
    );

    // Nothing changes: nothing is written, neither here nor there.
    let before = world.last_call().await;
    let mark = world.audit().map_or(0, |log| log.mark());
    world.reconcile_now(KIND, "down").await;
    let none: [&str; 0] = [];
    assert_eq!(mutations(&world, before).await, none);
    let writes = world.operator_writes(mark);
    let of_plan = writes
        .iter()
        .filter(|w| w.resource.starts_with("responseplans"));
    assert!(
        of_plan.count() <= 1,
        "only what was asked for is noted: {writes:?}"
    );

    // Whom it engages is held, and goes with it.
    for (kind, name) in [("EscalationPlan", "ladder"), ("Contact", "alice")] {
        world.delete(kind, name).await;
    }
    let held = world
        .condition(
            "EscalationPlan",
            "ladder",
            "Ready",
            "False",
            "StillReferenced",
        )
        .await;
    assert!(
        held.message
            .contains(&format!("{KIND} {}/down", world.namespace)),
        "{held}"
    );
    world.delete(KIND, "down").await;
    for (kind, name) in [
        (KIND, "down"),
        ("EscalationPlan", "ladder"),
        ("Contact", "alice"),
    ] {
        world.gone(kind, name).await;
    }
    event(&world, KIND, "down", "Deleted", "deleted response plan").await;
    assert!(in_aws(&world, "down").await.is_none());
    world.aws_empty().await;
    finish(world).await;
}

/// A field: how it is set, how it is set otherwise, how it is taken out, what AWS has each time, and what an update says of it.
struct Field {
    what: &'static str,
    set: Value,
    changed: Value,
    out: Value,
    in_aws: &'static str,
    is: [Value; 3],
    said: &'static str,
}

fn fields(world: &World) -> Vec<Field> {
    let template = |field: &str, value: Value| json!({"incidentTemplate": {field: value}});
    let text = |what: &'static str, in_aws: &'static str, said: &'static str| Field {
        what,
        set: template(what, json!("One")),
        changed: template(what, json!("Two, and ünlike")),
        out: template(what, Value::Null),
        in_aws,
        is: [json!("One"), json!("Two, and ünlike"), json!("")],
        said,
    };
    let topics =
        |names: &[&str]| -> Vec<String> { names.iter().map(|n| topic(world, n)).collect() };
    let targets = |names: &[&str]| -> Vec<Value> {
        let topics = topics(names).into_iter();
        topics.map(|t| json!({"snsTopicArn": t})).collect()
    };
    let runbook = json!({"documentName": "Runbook", "roleArn": role(world, "runbook")});
    let runbook_with = |more: Value| {
        let mut runbook = runbook.clone();
        merge(&mut runbook, &more);
        json!({ "automation": runbook })
    };
    let there = |version: Value, target: &str, parameters: Value, dynamic: Value| json!({"document": "Runbook", "version": version, "role": role(world, "runbook"), "target": target, "parameters": parameters, "dynamic": dynamic});
    let owner = "RESPONSE_PLAN_OWNER_ACCOUNT";
    let service = |id: &str| json!({"pagerDuty": {"name": "payments", "serviceId": id, "secretId": "pagerduty"}});
    vec![
        Field {
            what: "displayName",
            set: json!({"displayName": "One"}),
            changed: json!({"displayName": "Two (it's ünlike)"}),
            out: json!({"displayName": null}),
            in_aws: "displayName",
            is: [json!("One"), json!("Two (it's ünlike)"), json!("")],
            said: "displayName",
        },
        text("summary", "summary", "incidentTemplateSummary"),
        text("dedupeString", "dedupe", "incidentTemplateDedupeString"),
        Field {
            what: "notificationTargets",
            set: template("notificationTargets", json!(targets(&["b", "a"]))),
            changed: template("notificationTargets", json!(targets(&["c"]))),
            out: template("notificationTargets", Value::Null),
            in_aws: "targets",
            is: [json!(topics(&["a", "b"])), json!(topics(&["c"])), json!([])],
            said: "incidentTemplateNotificationTargets",
        },
        Field {
            what: "incidentTags",
            set: template("incidentTags", json!({"a": "1", "b.c:d e": ""})),
            changed: template("incidentTags", json!({"a": "2"})),
            out: template("incidentTags", Value::Null),
            in_aws: "incidentTags",
            is: [
                json!({"a": "1", "b.c:d e": ""}),
                json!({"a": "2"}),
                json!({}),
            ],
            said: "incidentTemplateTags",
        },
        Field {
            what: "engagements",
            set: json!({"engagements": [{"contactRef": {"name": "bob"}}, {"contactRef": {"name": "alice"}}]}),
            changed: json!({"engagements": [{"contactRef": {"name": "bob"}}]}),
            out: json!({"engagements": null}),
            in_aws: "engagements",
            is: [
                json!([person(world, "alice"), person(world, "bob")]),
                json!([person(world, "bob")]),
                json!([]),
            ],
            said: "engagements",
        },
        Field {
            what: "chatChannel",
            set: json!({"chatChannel": {"chatbotSns": topics(&["b", "a"])}}),
            changed: json!({"chatChannel": {"chatbotSns": topics(&["c"])}}),
            out: json!({"chatChannel": null}),
            in_aws: "chat",
            is: [json!(topics(&["a", "b"])), json!(topics(&["c"])), json!([])],
            said: "chatChannel",
        },
        Field {
            what: "automation",
            set: runbook_with(json!({})),
            changed: runbook_with(
                json!({"documentName": "Other", "roleArn": role(world, "other")}),
            ),
            out: json!({"automation": null}),
            in_aws: "automation",
            is: [
                there(Value::Null, owner, json!({}), json!({})),
                json!({"document": "Other", "version": null, "role": role(world, "other"), "target": owner, "parameters": {}, "dynamic": {}}),
                Value::Null,
            ],
            said: "actions",
        },
        Field {
            what: "pagerDuty",
            set: service("P1"),
            changed: service("P2"),
            out: json!({"pagerDuty": null}),
            in_aws: "pagerDuty",
            is: [
                json!({"name": "payments", "service": "P1", "secret": "pagerduty"}),
                json!({"name": "payments", "service": "P2", "secret": "pagerduty"}),
                Value::Null,
            ],
            said: "integrations",
        },
    ]
}

/// Fields of the runbook, in the same way; it is there before and stays.
fn runbook_fields(world: &World) -> Vec<Field> {
    let runbook = |field: &str, value: Value| json!({"automation": {field: value}});
    let there = |field: &str, value: Value| {
        let mut there = json!({
            "document": "Runbook", "version": null, "role": role(world, "runbook"), "target": "RESPONSE_PLAN_OWNER_ACCOUNT",
            "parameters": {}, "dynamic": {}});
        there[field] = value;
        there
    };
    let parameter =
        |values: Value| json!([{"name": "Key", "values": values}, {"name": "None", "values": []}]);
    vec![
        Field {
            what: "documentVersion",
            set: runbook("documentVersion", json!("3")),
            changed: runbook("documentVersion", json!("4")),
            out: runbook("documentVersion", Value::Null),
            in_aws: "automation",
            is: [
                there("version", json!("3")),
                there("version", json!("4")),
                there("version", Value::Null),
            ],
            said: "actions",
        },
        Field {
            what: "targetAccount",
            set: runbook("targetAccount", json!("ImpactedAccount")),
            changed: runbook("targetAccount", json!("ResponsePlanOwnerAccount")),
            out: runbook("targetAccount", Value::Null),
            in_aws: "automation",
            is: [
                there("target", json!("IMPACTED_ACCOUNT")),
                there("target", json!("RESPONSE_PLAN_OWNER_ACCOUNT")),
                there("target", json!("RESPONSE_PLAN_OWNER_ACCOUNT")),
            ],
            said: "actions",
        },
        Field {
            what: "parameters",
            set: runbook("parameters", parameter(json!(["b", "a", "b"]))),
            changed: runbook("parameters", parameter(json!(["a", "b", "b"]))),
            out: runbook("parameters", Value::Null),
            in_aws: "automation",
            is: [
                there("parameters", json!({"Key": ["b", "a", "b"], "None": []})),
                there("parameters", json!({"Key": ["a", "b", "b"], "None": []})),
                there("parameters", json!({})),
            ],
            said: "actions",
        },
        Field {
            what: "dynamicParameters",
            set: runbook(
                "dynamicParameters",
                json!([{"name": "Incident", "variable": "IncidentRecordArn"}]),
            ),
            changed: runbook(
                "dynamicParameters",
                json!([{"name": "Things", "variable": "InvolvedResources"}]),
            ),
            out: runbook("dynamicParameters", Value::Null),
            in_aws: "automation",
            is: [
                there("dynamic", json!({"Incident": "INCIDENT_RECORD_ARN"})),
                there("dynamic", json!({"Things": "INVOLVED_RESOURCES"})),
                there("dynamic", json!({})),
            ],
            said: "actions",
        },
    ]
}

/// A world with Alice, Bob and roles that runbooks may be given.
async fn furnished(name: &str) -> Stage {
    let world = build(World::builder(name).provider(json!({"passRoleArns": null}))).await;
    let roles = json!([role(&world, "runbook"), role(&world, "other")]);
    world
        .patch(
            "ProviderConfig",
            &world.id,
            &json!({"spec": {"passRoleArns": roles}}),
        )
        .await;
    with_people(&world, &["alice", "bob"]).await;
    world
}

#[tokio::test]
async fn every_field_is_set_changed_and_cleared_in_aws() {
    let world = furnished("rp-fields").await;
    let bare = with(plan("down"), &json!({"engagements": null}));
    world.apply_value(bare.clone()).await;
    world.ready(KIND, "down").await;
    let before = must_hold(&world, "down").await;
    for field in fields(&world) {
        go_through(&world, &bare, &before, field).await;
    }
    let runbook =
        json!({"automation": {"documentName": "Runbook", "roleArn": role(&world, "runbook")}});
    let automated = with(bare.clone(), &runbook);
    edit(&world, automated.clone()).await;
    let before = must_hold(&world, "down").await;
    for field in runbook_fields(&world) {
        go_through(&world, &automated, &before, field).await;
    }
    // What cannot be taken out is changed.
    for (patch, in_aws, is, said_) in [
        (
            json!({"incidentTemplate": {"title": "Other"}}),
            "title",
            json!("Other"),
            "incidentTemplateTitle",
        ),
        (
            json!({"incidentTemplate": {"impact": "NoImpact"}}),
            "impact",
            json!(5),
            "incidentTemplateImpact",
        ),
    ] {
        let calls = edit(&world, with(automated.clone(), &patch)).await;
        assert_eq!(calls.len(), 1, "{patch}: {calls:?}");
        assert_eq!(said(&calls[0]), [said_]);
        assert_eq!(must_hold(&world, "down").await[in_aws], is);
        edit(&world, automated.clone()).await;
    }
    // Tags.
    let mut tagged = automated.clone();
    tagged["spec"]["tags"] = json!({"team": "payments"});
    let calls = edit(&world, tagged).await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].operation, "TagResource");
    assert_eq!(tags_in_aws(&world, "down").await["team"], "payments");
    let calls = edit(&world, automated.clone()).await;
    assert_eq!(calls[0].operation, "UntagResource");
    // All at once, and all out at once.
    let mut all = automated.clone();
    for field in fields(&world).into_iter().chain(runbook_fields(&world)) {
        merge(&mut all["spec"], &field.set);
    }
    let calls = edit(&world, all).await;
    assert_eq!(calls.len(), 1, "one call changes all of it: {calls:?}");
    let calls = edit(&world, bare).await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    let after = must_hold(&world, "down").await;
    for (field, empty) in [
        ("displayName", json!("")),
        ("summary", json!("")),
        ("dedupe", json!("")),
        ("targets", json!([])),
        ("incidentTags", json!({})),
        ("engagements", json!([])),
        ("chat", json!([])),
        ("automation", Value::Null),
        ("pagerDuty", Value::Null),
    ] {
        assert_eq!(after[field], empty, "{field}");
    }
    assert_eq!(event_count(&world, KIND, "down", "DriftCorrected").await, 0);
    finish(world).await;
}

/// Sets, changes and takes out one field; whatever else AWS has stays.
async fn go_through(world: &World, base: &Value, before: &Value, field: Field) {
    let what = field.what;
    let mut there = before[field.in_aws].clone();
    for (patch, is) in [&field.set, &field.changed, &field.out]
        .into_iter()
        .zip(field.is)
    {
        let calls = edit(world, with(base.clone(), patch)).await;
        if is == there {
            // The default in so many words.
            assert!(calls.is_empty(), "{what}: {calls:?}");
        } else {
            assert_eq!(calls.len(), 1, "{what} {patch}: {calls:?}");
            assert_eq!(
                said(&calls[0]),
                [field.said],
                "{what}: nothing else is said"
            );
        }
        let mut wanted = before.clone();
        wanted[field.in_aws] = is.clone();
        assert_eq!(must_hold(world, "down").await, wanted, "{what} {patch}");
        there = is;
    }
}

#[tokio::test]
async fn what_is_empty_or_said_in_another_way_is_no_change() {
    let world = furnished("rp-same").await;
    let runbook = json!({"documentName": "Runbook", "roleArn": role(&world, "runbook"), "parameters": [{"name": "A", "values": ["x"]}, {"name": "B", "values": ["y"]}]});
    let first = with(
        plan("down"),
        &json!({
            "engagements": [{"contactRef": {"name": "alice"}}, {"contactRef": {"name": "bob"}}],
            "chatChannel": {"chatbotSns": [topic(&world, "a"), topic(&world, "b")]},
            "incidentTemplate": {"notificationTargets": [{"snsTopicArn": topic(&world, "a")}, {"snsTopicArn": topic(&world, "b")}]},
            "automation": runbook,
        }),
    );
    edit(&world, first.clone()).await;
    for patch in [
        json!({"engagements": [{"arn": person(&world, "bob")}, {"contactRef": {"name": "alice", "namespace": world.namespace}}]}),
        json!({"chatChannel": {"chatbotSns": [topic(&world, "b"), topic(&world, "a")]}}),
        json!({"incidentTemplate": {"notificationTargets": [{"snsTopicArn": topic(&world, "b")}, {"snsTopicArn": topic(&world, "a")}]}}),
        json!({"automation": {"parameters": [{"name": "B", "values": ["y"]}, {"name": "A", "values": ["x"]}]}}),
        json!({"automation": {"dynamicParameters": [], "targetAccount": "ResponsePlanOwnerAccount", "documentVersion": "$DEFAULT"}}),
        json!({"displayName": "", "incidentTemplate": {"summary": "", "dedupeString": "", "incidentTags": {}}}),
        json!({"mirrorIncidents": {"maxCount": 3}}),
    ] {
        let calls = edit(&world, with(first.clone(), &patch)).await;
        assert!(calls.is_empty(), "{patch}: {calls:?}");
    }
    for knobs in [
        json!({"chat_channel_empty_on_get": "absent", "automation_defaults_on_get": "filled"}),
        json!({"chat_channel_empty_on_get": "empty", "automation_defaults_on_get": "absent"}),
    ] {
        world
            .simulator
            .knobs(Some(&world.account), &knobs)
            .await
            .unwrap();
        for patch in [json!({}), json!({"chatChannel": null})] {
            edit(&world, with(first.clone(), &patch)).await;
            let before = world.last_call().await;
            world.reconcile_now(KIND, "down").await;
            let none: [&str; 0] = [];
            assert_eq!(mutations(&world, before).await, none, "{knobs} {patch}");
        }
    }
    finish(world).await;
}

#[tokio::test]
async fn drift_of_every_field_is_put_back() {
    let world = furnished("rp-drift").await;
    let mut full = plan("down");
    for field in fields(&world) {
        merge(&mut full["spec"], &field.set);
    }
    full["spec"]["tags"] = json!({"team": "payments"});
    world.apply_value(full).await;
    world.ready(KIND, "down").await;
    let good = must_hold(&world, "down").await;
    let client = world.incidents();
    let update = || client.update_response_plan().arn(arn(&world, "down"));
    let runbook = types::SsmAutomation::builder()
        .document_name("Evil")
        .role_arn(role(&world, "admin"))
        .build()
        .unwrap();
    let empty = types::ChatChannel::Empty(types::EmptyChatChannel::builder().build());
    let drifts = vec![
        (update().display_name("Somebody"), "changed display name"),
        (
            update().incident_template_title("Somebody"),
            "changed title",
        ),
        (update().incident_template_impact(5), "changed impact"),
        (update().incident_template_summary(""), "set summary"),
        (
            update().incident_template_dedupe_string("x"),
            "changed deduplication string",
        ),
        (
            update().set_incident_template_notification_targets(Some(vec![])),
            "set notification targets",
        ),
        (
            update().incident_template_tags("evil", "yes"),
            "cleared incident tag evil",
        ),
        (
            update().engagements(person(&world, "bob")),
            "engages Contact",
        ),
        (update().chat_channel(empty), "set chat channel"),
        (
            update().actions(types::Action::SsmAutomation(runbook)),
            "changed document of the runbook",
        ),
        (
            update().set_integrations(Some(vec![])),
            "set PagerDuty service",
        ),
    ];
    for (drift, words) in drifts {
        drift.send().await.unwrap();
        assert_ne!(must_hold(&world, "down").await, good, "{words}");
        let before = world.last_call().await;
        world.reconcile_now(KIND, "down").await;
        assert_eq!(
            mutations(&world, before).await,
            ["UpdateResponsePlan"],
            "{words}"
        );
        assert_eq!(must_hold(&world, "down").await, good, "{words}");
        event(&world, KIND, "down", "DriftCorrected", words).await;
    }
    // Tags: ours come back, those of others stay.
    let resource = arn(&world, "down");
    client
        .untag_resource()
        .resource_arn(&resource)
        .tag_keys("team")
        .send()
        .await
        .unwrap();
    client
        .tag_resource()
        .resource_arn(&resource)
        .tags("cost-center", "42")
        .send()
        .await
        .unwrap();
    world.reconcile_now(KIND, "down").await;
    let tags = tags_in_aws(&world, "down").await;
    assert_eq!(
        (tags["team"].as_str(), tags["cost-center"].as_str()),
        ("payments", "42")
    );
    // As a whole.
    client
        .delete_response_plan()
        .arn(&resource)
        .send()
        .await
        .unwrap();
    world.reconcile_now(KIND, "down").await;
    world
        .eventually("the plan is made again", SOON, async || {
            (in_aws(&world, "down").await.as_ref() == Some(&good)).then_some(())
        })
        .await;
    finish(world).await;
}

/// A plan made in AWS by hand, as [`plan`] would be.
async fn made_by_hand(world: &World, name: &str) {
    let template = types::IncidentTemplate::builder()
        .title("Payments are failing")
        .impact(2)
        .build()
        .unwrap();
    world
        .incidents()
        .create_response_plan()
        .name(name)
        .incident_template(template)
        .engagements(person(world, "alice"))
        .tags("cost-center", "42")
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_plan_that_exists_is_left_alone_observed_or_adopted_as_it_is() {
    let world = stage("rp-adopt").await;
    with_people(&world, &["alice"]).await;
    made_by_hand(&world, "down").await;
    let good = must_hold(&world, "down").await;
    let before = world.last_call().await;
    let none: [&str; 0] = [];

    world.apply_value(plan("down")).await;
    let stalled = world.stalled(KIND, "down", "AlreadyExists").await;
    assert!(
        stalled
            .message
            .contains("a response plan with the name \"down\""),
        "{stalled}"
    );
    let other =
        json!({"displayName": "Down", "incidentTemplate": {"impact": "Low", "summary": "x"}});
    let observing = with(
        with(plan("down"), &other),
        &json!({"managementPolicy": "Observe"}),
    );
    world.apply_value(observing).await;
    let object = world
        .eventually("it observes", SOON, async || {
            let object = world.get(KIND, "down").await;
            (!pending(&object).is_empty()).then_some(object)
        })
        .await;
    assert_eq!(
        pending(&object),
        [
            "Create displayName",
            "Create incidentTemplate.summary",
            "Update incidentTemplate.impact"
        ]
    );
    let adopting = with(
        with(plan("down"), &other),
        &json!({"adoptionPolicy": "Adopt"}),
    );
    world.apply_value(adopting).await;
    let stalled = world.stalled(KIND, "down", "AdoptionWouldChange").await;
    for field in [
        "displayName",
        "incidentTemplate.impact",
        "incidentTemplate.summary",
    ] {
        assert!(stalled.message.contains(field), "{stalled}");
    }
    assert_eq!(mutations(&world, before).await, none);
    assert_eq!(must_hold(&world, "down").await, good);

    world
        .apply_value(with(plan("down"), &json!({"adoptionPolicy": "Adopt"})))
        .await;
    let object = world.ready(KIND, "down").await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Retain");
    assert_eq!(mutations(&world, before).await, ["TagResource"]);
    assert_eq!(must_hold(&world, "down").await, good);

    // Let go of, it is as it was.
    world.delete_and_wait(KIND, "down").await;
    assert_eq!(must_hold(&world, "down").await, good);
    assert_eq!(
        tags_in_aws(&world, "down").await,
        BTreeMap::from([("cost-center".to_owned(), "42".to_owned())])
    );
    let overwriting = with(
        with(plan("down"), &other),
        &json!({"adoptionPolicy": "AdoptAndOverwrite", "deletionPolicy": "Delete"}),
    );
    world.apply_value(overwriting).await;
    world.ready(KIND, "down").await;
    assert_eq!(must_hold(&world, "down").await["impact"], 4);
    world.delete_and_wait(KIND, "down").await;
    assert!(in_aws(&world, "down").await.is_none());
    finish(world).await;
}

#[tokio::test]
async fn a_runbook_is_given_only_a_role_that_is_listed() {
    let world = stage("rp-role").await;
    with_people(&world, &["alice"]).await;
    let runbook = |name: &str| json!({"automation": {"documentName": "Runbook", "roleArn": role(&world, name)}});
    world
        .apply_value(with(plan("down"), &runbook("runbook")))
        .await;
    let stalled = world.stalled(KIND, "down", "PassRoleNotAllowed").await;
    for part in ["passRoleArns", &world.id, &role(&world, "runbook")] {
        assert!(stalled.message.contains(part), "{stalled}");
    }
    assert!(in_aws(&world, "down").await.is_none());
    // Woken by the ProviderConfig.
    let allow = |names: &[&str]| {
        let roles: Vec<String> = names.iter().map(|n| role(&world, n)).collect();
        json!({"spec": {"passRoleArns": roles}})
    };
    world
        .patch("ProviderConfig", &world.id, &allow(&["runbook"]))
        .await;
    world.ready(KIND, "down").await;
    // No longer listed, it stays; so does everything else of the plan work.
    world.patch("ProviderConfig", &world.id, &allow(&[])).await;
    let titled = with(
        with(plan("down"), &runbook("runbook")),
        &json!({"incidentTemplate": {"title": "Other"}}),
    );
    world.apply_value(titled.clone()).await;
    world.ready(KIND, "down").await;
    let held = must_hold(&world, "down").await;
    assert_eq!(
        (&held["title"], &held["automation"]["role"]),
        (&json!("Other"), &json!(role(&world, "runbook")))
    );
    // Another document for that role is not what was allowed.
    world
        .apply_value(with(
            titled.clone(),
            &json!({"automation": {"documentName": "Other"}}),
        ))
        .await;
    world.stalled(KIND, "down", "PassRoleNotAllowed").await;
    assert_eq!(
        pending(&world.get(KIND, "down").await),
        ["Update automation.documentName"]
    );
    assert_eq!(must_hold(&world, "down").await, held);
    world
        .apply_value(with(titled, &json!({"automation": null})))
        .await;
    world.ready(KIND, "down").await;
    assert!(must_hold(&world, "down").await["automation"].is_null());
    finish(world).await;
}

#[tokio::test]
async fn what_aws_refuses_is_told_with_what_to_do() {
    let world = furnished("rp-refused").await;
    world
        .simulator
        .knobs(Some(&world.account), &json!({"sns_publish_check": "on"}))
        .await
        .unwrap();
    let chat = |topic: String| json!({"chatChannel": {"chatbotSns": [topic]}});
    // At first somebody is missing.
    let nobody = json!({"engagements": [{"contactRef": {"name": "nobody"}}]});
    world.apply_value(with(plan("down"), &nobody)).await;
    world
        .condition(
            KIND,
            "down",
            "ReferencesResolved",
            "False",
            "ReferenceNotFound",
        )
        .await;
    world
        .apply_value(with(plan("down"), &chat(topic(&world, "unusable-chat"))))
        .await;
    let stalled = world
        .stalled(KIND, "down", "ChatTopicPermissionDenied")
        .await;
    for part in ["sns:Publish", "ssm-incidents.amazonaws.com", "chatChannel"] {
        assert!(stalled.message.contains(part), "{stalled}");
    }
    // What was not found is found by now, and said no more.
    world
        .condition(KIND, "down", "ReferencesResolved", "True", "Resolved")
        .await;
    for (bad, says) in [
        (
            format!("arn:aws:sns:{}:999999999999:chat", world.region),
            "account 999999999999",
        ),
        (
            format!("arn:aws:sns:eu-north-1:{}:chat", world.account),
            "Region eu-north-1",
        ),
    ] {
        world.apply_value(with(plan("down"), &chat(bad))).await;
        world
            .eventually("CHK-36 is told", SOON, async || {
                let ready = condition_now(&world, KIND, "down", "Ready").await?;
                (ready.reason == "InvalidSpec"
                    && ready.message.contains(says)
                    && ready.message.contains("CHK-36"))
                .then_some(())
            })
            .await;
    }
    let service = |secret: &str| json!({"pagerDuty": {"name": "payments", "serviceId": "P1", "secretId": secret}});
    world
        .apply_value(with(plan("down"), &service("unusable-secret")))
        .await;
    let stalled = world.stalled(KIND, "down", "PagerDutySecretInvalid").await;
    for part in [
        "secretsmanager:GetSecretValue",
        "pagerDutyToken",
        "customer managed key",
    ] {
        assert!(stalled.message.contains(part), "{stalled}");
    }
    assert!(in_aws(&world, "down").await.is_none());

    let runbook =
        json!({"automation": {"documentName": "Runbook", "roleArn": role(&world, "runbook")}});
    world
        .simulator
        .deny(&world.account, &["iam:PassRole"])
        .await
        .unwrap();
    world.apply_value(with(plan("down"), &runbook)).await;
    let stalled = world.stalled(KIND, "down", "AccessDenied").await;
    assert!(stalled.message.contains("iam:PassRole"), "{stalled}");
    world
        .simulator
        .deny(&world.account, &["ssm-incidents:CreateResponsePlan"])
        .await
        .unwrap();
    world.reconcile_now(KIND, "down").await;
    world
        .eventually("the other action is named", SOON, async || {
            let ready = condition_now(&world, KIND, "down", "Ready").await?;
            ready
                .message
                .contains("ssm-incidents:CreateResponsePlan")
                .then_some(())
        })
        .await;
    world.simulator.deny(&world.account, &[]).await.unwrap();
    world.reconcile_now(KIND, "down").await;
    world.ready(KIND, "down").await;
    // What is there keeps working while an edit is refused.
    let good = must_hold(&world, "down").await;
    world
        .apply_value(with(
            with(plan("down"), &runbook),
            &chat(topic(&world, "unusable-chat")),
        ))
        .await;
    world
        .stalled(KIND, "down", "ChatTopicPermissionDenied")
        .await;
    assert_eq!(must_hold(&world, "down").await, good);
    world
        .apply_value(with(
            with(plan("down"), &runbook),
            &chat(topic(&world, "chat")),
        ))
        .await;
    world.ready(KIND, "down").await;
    finish(world).await;
}

#[tokio::test]
async fn who_was_deleted_by_hand_is_found_missing() {
    let world = build(World::builder("rp-dangling").drift("3s")).await;
    with_people(&world, &["alice", "bob"]).await;
    // Nobody here manages Carol.
    world
        .patch(
            "ProviderConfig",
            &world.id,
            &json!({"spec": {"unmanagedReferences": "Allow"}}),
        )
        .await;
    let client = world.contacts();
    let person_plan = || {
        aws_sdk_ssmcontacts::types::Plan::builder()
            .set_stages(Some(vec![]))
            .build()
    };
    client
        .create_contact()
        .alias("carol")
        .r#type(aws_sdk_ssmcontacts::types::ContactType::Personal)
        .plan(person_plan())
        .send()
        .await
        .unwrap();
    world
        .apply_value(with(
            plan("down"),
            &json!({"engagements": [{"contactRef": {"name": "alice"}}, {"arn": person(&world, "carol")}]}),
        ))
        .await;
    world.ready(KIND, "down").await;
    world
        .eventually("carol is known for a person", SOON, async || {
            let found = findings(&world.get(KIND, "down").await);
            found
                .contains(&"EngagesDirectly/\"carol\"".to_owned())
                .then_some(())
        })
        .await;
    client
        .delete_contact()
        .contact_id(person(&world, "carol"))
        .send()
        .await
        .unwrap();
    let object = world
        .eventually("carol is missed", seconds(30), async || {
            let object = world.get(KIND, "down").await;
            let dangling = object.data["status"]["danglingEngagements"]
                .as_array()?
                .clone();
            (dangling == [json!(person(&world, "carol"))]).then_some(object)
        })
        .await;
    assert!(
        findings(&object).contains(&"DanglingEngagement/\"carol\"".to_owned()),
        "{:?}",
        findings(&object)
    );
    assert!(
        harness::checks::is_ready(&object),
        "AWS holds what the spec says"
    );
    client
        .create_contact()
        .alias("carol")
        .r#type(aws_sdk_ssmcontacts::types::ContactType::Personal)
        .plan(person_plan())
        .send()
        .await
        .unwrap();
    world
        .eventually("carol is there again", seconds(30), async || {
            let object = world.get(KIND, "down").await;
            object.data["status"]["danglingEngagements"]
                .is_null()
                .then_some(())
        })
        .await;
    // A list that cannot be had stops nothing.
    world
        .simulator
        .deny(
            &world.account,
            &[
                "ssm-contacts:ListContacts",
                "ssm-incidents:ListIncidentRecords",
            ],
        )
        .await
        .unwrap();
    let calls = edit(
        &world,
        with(
            plan("down"),
            &json!({"engagements": [{"contactRef": {"name": "bob"}}]}),
        ),
    )
    .await;
    assert!(
        calls.iter().any(|c| c.operation == "UpdateResponsePlan"),
        "{calls:?}"
    );
    world
        .eventually("what was not checked is told", seconds(30), async || {
            let found = findings(&world.get(KIND, "down").await);
            found
                .contains(&"EngagementsUnchecked".to_owned())
                .then_some(())
        })
        .await;
    world.simulator.deny(&world.account, &[]).await.unwrap();
    finish(world).await;
}

#[tokio::test]
async fn open_incidents_are_counted() {
    let world = build(World::builder("rp-open").drift("3s")).await;
    world
        .apply_value(with(plan("down"), &json!({"engagements": null})))
        .await;
    world
        .apply_value(with(plan("slow"), &json!({"engagements": null})))
        .await;
    for name in ["down", "slow"] {
        world.ready(KIND, name).await;
    }
    let client = world.incidents();
    let start = async || {
        let started = client
            .start_incident()
            .response_plan_arn(arn(&world, "down"))
            .send()
            .await;
        started.unwrap().incident_record_arn
    };
    let first = start().await;
    start().await;
    let counted = async |name: &str, count: i64| {
        world
            .eventually(
                &format!("{name} has {count} open incidents"),
                seconds(30),
                async || {
                    let object = world.get(KIND, name).await;
                    let status = &object.data["status"];
                    (status["openIncidents"] == count
                        && status["summary"]["openIncidents"].as_str()
                            == Some(count.to_string().as_str()))
                    .then_some(())
                },
            )
            .await;
    };
    counted("down", 2).await;
    counted("slow", 0).await;
    client
        .update_incident_record()
        .arn(first)
        .status(types::IncidentRecordStatus::Resolved)
        .send()
        .await
        .unwrap();
    counted("down", 1).await;
    // One list for all of the account.
    let before = world.last_call().await;
    tokio::time::sleep(seconds(6)).await;
    let calls = world.operator_calls(before).await;
    let of = |operation: &str| calls.iter().filter(|c| c.operation == operation).count();
    assert!(
        of("GetResponsePlan") >= 2 && of("ListIncidentRecords") <= of("GetResponsePlan"),
        "{calls:?}"
    );
    finish(world).await;
}

#[tokio::test]
async fn another_namespace_takes_a_grant_and_a_revoked_one_fails_static() {
    let world = build(World::builder("rp-grant").namespace("people")).await;
    let there = world.namespaces()[1].clone();
    for name in ["alice", "bob"] {
        let mut person = contact(name);
        person["metadata"]["namespace"] = json!(there);
        world.apply_value(person).await;
    }
    let mut ladder = ladder("ladder", &json!({"name": "alice"}));
    ladder["metadata"]["namespace"] = json!(there);
    world.apply_value(ladder).await;
    let engaging = |names: &[(&str, &str)]| {
        let engagements: Vec<Value> = names
            .iter()
            .map(|(field, name)| json!({*field: {"name": name, "namespace": there}}))
            .collect();
        with(plan("down"), &json!({ "engagements": engagements }))
    };
    world
        .apply_value(engaging(&[("escalationPlanRef", "ladder")]))
        .await;
    let waiting = world
        .condition(KIND, "down", "Ready", "False", "ReferenceNotGranted")
        .await;
    assert!(
        waiting.message.contains("lets ResponsePlans of namespace"),
        "{waiting}"
    );
    let grant = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": "teams", "namespace": there},
        "spec": {"from": [{"kind": KIND, "namespace": world.namespace}], "to": [{"kind": "EscalationPlan"}, {"kind": "Contact", "names": ["alice"]}]},
    });
    world.apply_value(grant).await;
    world.ready(KIND, "down").await;
    world
        .apply_value(engaging(&[
            ("escalationPlanRef", "ladder"),
            ("contactRef", "bob"),
        ]))
        .await;
    world
        .condition(KIND, "down", "Ready", "False", "ReferenceNotGranted")
        .await;
    world
        .apply_value(engaging(&[
            ("escalationPlanRef", "ladder"),
            ("contactRef", "alice"),
        ]))
        .await;
    world.ready(KIND, "down").await;
    // Revoked: who is engaged stays, other edits still go through, and the plan says so.
    world
        .delete_and_wait("AccessGrant", &format!("{there}/teams"))
        .await;
    world
        .condition(KIND, "down", "Ready", "False", "ReferenceNotGranted")
        .await;
    let held = must_hold(&world, "down").await;
    assert_eq!(held["engagements"].as_array().unwrap().len(), 2);
    let mut titled = engaging(&[("escalationPlanRef", "ladder"), ("contactRef", "alice")]);
    titled["spec"]["incidentTemplate"]["title"] = json!("Other");
    world.apply_value(titled).await;
    world
        .eventually("the edit goes through", SOON, async || {
            (must_hold(&world, "down").await["title"] == "Other").then_some(())
        })
        .await;
    finish(world).await;
}

#[tokio::test]
async fn a_namespace_goes_as_a_whole_whatever_aws_says_of_what_is_gone() {
    let world = build(World::builder("rp-gone").namespace("team")).await;
    let team = world.namespaces()[1].clone();
    for knob in ["204", "404"] {
        world
            .simulator
            .knobs(
                Some(&world.account),
                &json!({"delete_missing_response_plan": knob}),
            )
            .await
            .unwrap();
        let name = format!("down-{knob}");
        world
            .apply_value(with(plan(&name), &json!({"engagements": null})))
            .await;
        world.ready(KIND, &name).await;
        // Gone by hand, then here.
        world
            .incidents()
            .delete_response_plan()
            .arn(arn(&world, &name))
            .send()
            .await
            .unwrap();
        world.delete_and_wait(KIND, &name).await;
        world
            .apply_value(with(plan(&name), &json!({"engagements": null})))
            .await;
        world.ready(KIND, &name).await;
        world.delete_and_wait(KIND, &name).await;
        assert!(in_aws(&world, &name).await.is_none());
    }
    let objects: Vec<Value> = [
        contact("alice"),
        ladder("ladder", &json!({"name": "alice"})),
        with(
            plan("down"),
            &json!({"engagements": [{"escalationPlanRef": {"name": "ladder"}}]}),
        ),
    ]
    .into_iter()
    .map(|mut object| {
        object["metadata"]["namespace"] = json!(team);
        object
    })
    .collect();
    for object in objects {
        world.apply_value(object).await;
    }
    world.ready(KIND, &format!("{team}/down")).await;
    world.delete("Namespace", &team).await;
    world
        .eventually("everything is gone from AWS", seconds(60), async || {
            // One by one: what goes meanwhile must not disturb the look.
            let people = world.contacts().list_contacts().send().await.unwrap();
            let left = in_aws(&world, "down").await.is_some() || !people.contacts().is_empty();
            (!left).then_some(())
        })
        .await;
    world.finish().await;
}

#[tokio::test]
async fn aws_may_look_whether_who_is_engaged_exists() {
    let world = stage("rp-exists").await;
    world
        .simulator
        .knobs(
            Some(&world.account),
            &json!({"response_plan_checks_engagement_exists": "yes"}),
        )
        .await
        .unwrap();
    world
        .patch(
            "ProviderConfig",
            &world.id,
            &json!({"spec": {"unmanagedReferences": "Allow"}}),
        )
        .await;
    world
        .apply_value(with(
            plan("down"),
            &json!({"engagements": [{"arn": person(&world, "nobody")}]}),
        ))
        .await;
    let waiting = world
        .condition(KIND, "down", "Ready", "False", "ReferenceNotFound")
        .await;
    assert!(waiting.message.contains("engagements"), "{waiting}");
    with_people(&world, &["alice"]).await;
    world.apply_value(plan("down")).await;
    world.ready(KIND, "down").await;
    finish(world).await;
}

#[tokio::test]
async fn plans_of_an_account_are_imported_and_nothing_but_tags_is_changed() {
    let world = stage("rp-import").await;
    crate::roster::make_person(&world, "alice").await;
    made_by_hand(&world, "Down_1").await;
    let everything = types::SsmAutomation::builder()
        .document_name("Runbook")
        .role_arn(role(&world, "runbook"))
        .parameters("Key", vec!["b".to_owned(), "a".to_owned()])
        .dynamic_parameters(
            "Incident",
            types::DynamicSsmParameterValue::Variable(types::VariableType::IncidentRecordArn),
        )
        .build()
        .unwrap();
    world
        .incidents()
        .update_response_plan()
        .arn(arn(&world, "Down_1"))
        .display_name("It's down")
        .incident_template_summary("Look at the dashboard")
        .incident_template_dedupe_string("payments")
        .incident_template_tags("a b", "")
        .incident_template_notification_targets(types::NotificationTargetItem::SnsTopicArn(topic(
            &world, "told",
        )))
        .chat_channel(types::ChatChannel::ChatbotSns(vec![topic(&world, "chat")]))
        .actions(types::Action::SsmAutomation(everything))
        .send()
        .await
        .unwrap();
    world
        .incidents()
        .tag_resource()
        .resource_arn(arn(&world, "Down_1"))
        .tags("a.b", "stays")
        .send()
        .await
        .unwrap();
    let good = must_hold(&world, "Down_1").await;

    let directory = tempfile::tempdir().unwrap();
    let before = world.last_call().await;
    let (code, text) = crate::import::import(&world, directory.path(), &[]).await;
    assert_eq!(code, Some(3), "{text}");
    let report = std::fs::read_to_string(directory.path().join("IMPORT.md")).unwrap();
    assert!(
        report.contains("1 ResponsePlan") && report.contains("tag a.b"),
        "{report}"
    );
    assert!(world.calls(before).await.iter().all(|call| !call.mutating));
    let before = world.last_call().await;
    let path = directory.path().join("cluster/01-providerconfigs.yaml");
    let config = std::fs::read_to_string(path).unwrap();
    assert!(config.contains(&role(&world, "runbook")), "{config}");
    let below = directory.path().join("namespaces");
    for file in ["contacts.yaml", "responseplans.yaml"] {
        let path = below.join(&world.namespace).join(file);
        let path = path.to_string_lossy().into_owned();
        crate::company::kubectl(&world, &["apply", "--server-side", "-f", &path]).await;
    }
    let plans = world
        .cluster
        .list(KIND, Some(&world.namespace))
        .await
        .unwrap();
    assert_eq!(plans.len(), 1);
    let object = world.ready(KIND, &plans[0].name_any()).await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    let calls = mutations(&world, before).await;
    assert!(calls.iter().all(|c| c == "TagResource"), "{calls:?}");
    assert_eq!(must_hold(&world, "Down_1").await, good);
    let tags = tags_in_aws(&world, "Down_1").await;
    assert_eq!(
        (tags["a.b"].as_str(), tags["cost-center"].as_str()),
        ("stays", "42")
    );
    finish(world).await;
}

#[tokio::test]
async fn what_aws_shows_late_is_neither_made_twice_nor_lost() {
    let world = furnished("rp-late").await;
    world
        .simulator
        .knobs(Some(&world.account), &json!({"consistency_delay_ms": 2500}))
        .await
        .unwrap();
    world.apply_value(plan("down")).await;
    let object = world.ready(KIND, "down").await;
    assert_eq!(object.data["status"]["origin"], "Created");
    let engaging = json!({"displayName": "Down", "engagements": [{"contactRef": {"name": "bob"}}]});
    world.apply_value(with(plan("down"), &engaging)).await;
    world.ready(KIND, "down").await;
    let made = world.calls(0).await;
    let made = made.iter().filter(|c| c.operation == "CreateResponsePlan");
    assert_eq!(made.count(), 1);
    world.delete_and_wait(KIND, "down").await;
    world.apply_value(plan("down")).await;
    world.ready(KIND, "down").await;
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(must_hold(&world, "down").await["displayName"], "");
    finish(world).await;
}
