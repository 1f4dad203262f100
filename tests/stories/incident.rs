//! Incidents page people: one is started at most once, late, restored and re-created objects start nothing, and what is going on is shown.

use std::collections::BTreeMap;

use aws_sdk_ssmincidents::types::IncidentRecordStatus;
use harness::world::SOON;
use harness::{Fault, When, World, seconds};
use kube::ResourceExt as _;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::support::{
    activate_by_hand, advance, build, channel_arn, condition_now, contact_with, event, mutations,
    pending,
};

const KIND: &str = "Incident";

fn plan(name: &str) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ResponsePlan", "metadata": {"name": name},
        "spec": {
            "incidentTemplate": {"title": "Payments are failing", "impact": "High"},
            "engagements": [{"contactRef": {"name": "alice"}}],
        },
    })
}

/// An incident that may be started for some minutes from now on.
async fn incident(world: &World, name: &str, minutes: i64) -> Value {
    let now = world.simulator.now().await.unwrap();
    let deadline = now + jiff::SignedDuration::from_mins(minutes);
    let deadline = jiff::Timestamp::from_second(deadline.as_second()).unwrap();
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": name},
        "spec": {"responsePlanRef": {"name": "payments-down"}, "startDeadline": deadline.to_string()},
    })
}

fn with(mut object: Value, spec: &Value) -> Value {
    for (field, value) in spec.as_object().into_iter().flatten() {
        if value.is_null() {
            object["spec"].as_object_mut().unwrap().remove(field);
        } else {
            object["spec"][field] = value.clone();
        }
    }
    object
}

/// Alice, who can be paged, and a plan that engages her.
async fn prepared(world: &World) -> String {
    let alice = contact_with(
        "alice",
        &json!({"engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}]}),
    );
    world.apply_value(alice).await;
    let mobile = channel_arn(world, "alice", "mobile").await;
    activate_by_hand(world, &mobile).await;
    world.ready("Contact", "alice").await;
    world.apply_value(plan("payments-down")).await;
    let plan = world.ready("ResponsePlan", "payments-down").await;
    plan.data["status"]["arn"].as_str().unwrap().to_owned()
}

async fn phase(world: &World, name: &str, wanted: &str) -> DynamicObject {
    world
        .eventually(&format!("Incident {name} is {wanted}"), SOON, async || {
            let object = world.get(KIND, name).await;
            let current =
                object.data["status"]["observedGeneration"].as_i64() == object.metadata.generation;
            if current && object.data["status"]["phase"] == wanted {
                Ok(object)
            } else {
                Err(object.data["status"].to_string())
            }
        })
        .await
}

async fn starts(world: &World) -> usize {
    let calls = world.operator_calls(0).await;
    calls
        .iter()
        .filter(|call| call.operation == "StartIncident")
        .count()
}

/// ARNs of the records that AWS has, with whether they are open.
async fn records(world: &World) -> BTreeMap<String, bool> {
    let listed = world.incidents().list_incident_records().send().await;
    let listed = listed.unwrap();
    let summaries = listed.incident_record_summaries().iter();
    summaries
        .map(|r| (r.arn.clone(), r.status == IncidentRecordStatus::Open))
        .collect()
}

async fn pages(world: &World) -> Vec<Value> {
    let path = format!("pages?account={}", world.account);
    let answer = world.simulator.control("GET", &path, None).await.unwrap();
    let pages = answer["pages"].as_array().cloned().unwrap_or_default();
    pages
        .into_iter()
        .filter(|p| !p["sentAt"].is_null())
        .collect()
}

/// A person answers the first page.
async fn acknowledge(world: &World) {
    let page = world
        .eventually("a page is out", SOON, async || {
            pages(world).await.into_iter().next()
        })
        .await;
    world
        .simulator
        .control(
            "POST",
            "pages/accept",
            Some(&json!({"pageArn": page["pageArn"]})),
        )
        .await
        .unwrap();
}

async fn title_in_aws(world: &World, arn: &str) -> String {
    let found = world
        .incidents()
        .get_incident_record()
        .arn(arn)
        .send()
        .await;
    found.unwrap().incident_record.unwrap().title
}

async fn items_in_aws(world: &World, arn: &str) -> Vec<String> {
    let found = world
        .incidents()
        .list_related_items()
        .incident_record_arn(arn)
        .send()
        .await
        .unwrap();
    let mut titles: Vec<String> = found
        .related_items()
        .iter()
        .filter(|i| {
            i.identifier()
                .is_some_and(|i| i.r#type.as_str() != "PARENT")
        })
        .filter_map(|i| i.title.clone())
        .collect();
    titles.sort();
    titles
}

/// The ledger of what was started is lost.
async fn forget_starts(world: &World) {
    let configs = world.cluster.api("ProviderConfig", None).await.unwrap();
    let patch = json!({"status": {"starts": null}});
    configs
        .patch_status(&world.id, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
}

#[tokio::test]
async fn it_is_started_once_shown_changed_and_resolved() {
    let world = build(World::builder("incident").simulated_clock().drift("1s")).await;
    prepared(&world).await;
    let checkout = with(
        incident(&world, "checkout", 10).await,
        &json!({
            "title": "Checkout errors above 5 percent", "impact": "Critical", "tags": {"service": "checkout"},
            "relatedItems": [{"title": "dashboard", "url": "https://example.com/d/1"}],
        }),
    );
    world.apply_value(checkout.clone()).await;
    let object = phase(&world, "checkout", "Open").await;
    world
        .condition(KIND, "checkout", "Ready", "True", "IncidentOpen")
        .await;
    let arn = object.data["status"]["arn"].as_str().unwrap().to_owned();
    assert_eq!(
        title_in_aws(&world, &arn).await,
        "Checkout errors above 5 percent"
    );
    assert_eq!(items_in_aws(&world, &arn).await, ["dashboard"]);
    event(&world, KIND, "checkout", "IncidentOpen", &arn).await;
    let object = world
        .eventually("who was paged is shown", SOON, async || {
            let object = world.get(KIND, "checkout").await;
            let page = object.data["status"]["engagements"][0]["pages"][0].clone();
            if page["contact"] == "alice" && page["sentAt"].is_string() {
                Ok(object)
            } else {
                Err(object.data["status"].to_string())
            }
        })
        .await;
    let status = &object.data["status"];
    assert_eq!(
        status["summary"]["title"],
        "Checkout errors above 5 percent"
    );
    assert_eq!(status["summary"]["impact"], "Critical");
    assert_eq!(status["engagements"][0]["contact"], "alice");
    assert_eq!(status["origin"], "Created", "{status}");
    assert!(
        status["consoleUrl"].as_str().unwrap().contains("us-east-1"),
        "{status}"
    );
    assert!(
        !status["recentEvents"].as_array().unwrap().is_empty(),
        "{status}"
    );
    let tags = world
        .incidents()
        .list_tags_for_resource()
        .resource_arn(&arn)
        .send()
        .await
        .unwrap();
    assert_eq!(tags.tags()["service"], "checkout");
    assert_eq!(
        tags.tags()["incident-operator/object"],
        format!("Incident/{}/checkout", world.namespace)
    );

    acknowledge(&world).await;
    world
        .eventually("the acknowledgement is shown", SOON, async || {
            let object = world.get(KIND, "checkout").await;
            object.data["status"]["summary"]["acknowledgedBy"] == "alice"
        })
        .await;
    event(&world, KIND, "checkout", "Acknowledged", "alice").await;

    // What people write in the console wins until the manifest changes.
    world
        .incidents()
        .update_incident_record()
        .arn(&arn)
        .title("written in the console")
        .send()
        .await
        .unwrap();
    world
        .eventually("it is shown", SOON, async || {
            world.get(KIND, "checkout").await.data["status"]["summary"]["title"]
                == "written in the console"
        })
        .await;
    world
        .patch(KIND, "checkout", &json!({"spec": {"impact": "Low"}}))
        .await;
    phase(&world, "checkout", "Open").await;
    assert_eq!(title_in_aws(&world, &arn).await, "written in the console");
    assert_eq!(
        world.get(KIND, "checkout").await.data["status"]["impact"],
        "Low"
    );
    world
        .patch(KIND, "checkout", &json!({"spec": {
            "title": "Checkout is back", "relatedItems": [{"title": "postmortem", "url": "https://example.com/p/1"}],
        }}))
        .await;
    phase(&world, "checkout", "Open").await;
    assert_eq!(title_in_aws(&world, &arn).await, "Checkout is back");
    assert_eq!(items_in_aws(&world, &arn).await, ["postmortem"]);

    // Nothing is written while nothing changes.
    let (since, mark) = (world.last_call().await, world.audit().map(|a| a.mark()));
    tokio::time::sleep(seconds(4)).await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    let writes = world.operator_writes(mark.unwrap_or_default());
    assert!(writes.is_empty(), "{writes:?}");

    world
        .patch(KIND, "checkout", &json!({"spec": {"resolve": true}}))
        .await;
    let object = phase(&world, "checkout", "Resolved").await;
    assert!(object.data["status"]["resolvedTime"].is_string());
    assert!(!records(&world).await[&arn]);
    event(&world, KIND, "checkout", "IncidentResolved", &arn).await;
    let refused = world
        .cluster
        .merge(
            KIND,
            Some(&world.namespace),
            "checkout",
            &json!({"spec": {"resolve": false}}),
        )
        .await;
    assert!(refused.is_err());

    // A while after its resolution it is looked at no more.
    advance(&world, seconds(11 * 60)).await;
    tokio::time::sleep(seconds(2)).await;
    let since = world.last_call().await;
    tokio::time::sleep(seconds(3)).await;
    let calls = world.operator_calls(since).await;
    assert!(
        !calls.iter().any(|c| c.operation == "GetIncidentRecord"),
        "{calls:?}"
    );

    assert_eq!(starts(&world).await, 1);
    assert_eq!(pages(&world).await.len(), 1);
    // Deleted, it goes at once, and AWS keeps the record.
    world.delete_and_wait(KIND, "checkout").await;
    assert_eq!(records(&world).await.len(), 1);
    assert_eq!(world.ready_flaps(KIND, "checkout"), 0);
    world.finish().await;
}

#[tokio::test]
async fn late_restored_and_senseless_objects_start_nothing() {
    let world = build(
        World::builder("incident-late")
            .simulated_clock()
            .drift("1s"),
    )
    .await;
    prepared(&world).await;
    world.apply_value(incident(&world, "late", -1).await).await;
    phase(&world, "late", "Expired").await;
    let said = world.stalled(KIND, "late", "Expired").await;
    assert!(said.message.contains("nobody was paged"), "{said}");

    let mut restored = incident(&world, "restored", 10).await;
    restored["metadata"]["labels"] = json!({"velero.io/restore-name": "monday"});
    world.apply_value(restored).await;
    phase(&world, "restored", "Refused").await;
    let said = world.stalled(KIND, "restored", "Refused").await;
    assert!(said.message.contains("backup"), "{said}");
    // Without the label, too: it is remembered.
    world
        .patch(
            KIND,
            "restored",
            &json!({"metadata": {"labels": {"velero.io/restore-name": null}}}),
        )
        .await;
    world.reconcile_now(KIND, "restored").await;
    phase(&world, "restored", "Refused").await;

    world
        .apply_value(incident(&world, "far", 25 * 60).await)
        .await;
    phase(&world, "far", "Refused").await;
    let said = world.stalled(KIND, "far", "Refused").await;
    assert!(said.message.contains("24 hours"), "{said}");

    world
        .apply_value(with(
            incident(&world, "over", 10).await,
            &json!({"resolve": true}),
        ))
        .await;
    phase(&world, "over", "Refused").await;
    world
        .apply_value(with(
            incident(&world, "watched", 10).await,
            &json!({"managementPolicy": "Observe"}),
        ))
        .await;
    world
        .condition(KIND, "watched", "Ready", "False", "Observing")
        .await;

    // Suspended past its deadline.
    world
        .apply_value(with(
            incident(&world, "paused", 10).await,
            &json!({"suspend": true}),
        ))
        .await;
    world
        .condition(KIND, "paused", "Suspended", "True", "Suspended")
        .await;
    // Its plan comes too late.
    world
        .apply_value(with(
            incident(&world, "early", 10).await,
            &json!({"responsePlanRef": {"name": "later"}}),
        ))
        .await;
    world
        .condition(KIND, "early", "Ready", "False", "ReferenceNotFound")
        .await;
    // Its account, too.
    world
        .apply_value(with(
            incident(&world, "elsewhere", 10).await,
            &json!({"providerConfigRef": {"name": format!("{}-later", world.id)}}),
        ))
        .await;
    world
        .condition(
            KIND,
            "elsewhere",
            "Ready",
            "False",
            "ProviderConfigNotFound",
        )
        .await;
    advance(&world, seconds(11 * 60)).await;
    world
        .patch(KIND, "paused", &json!({"spec": {"suspend": null}}))
        .await;
    phase(&world, "paused", "Expired").await;
    world.apply_value(plan("later")).await;
    phase(&world, "early", "Expired").await;
    let mut second = world.provider_config();
    second["metadata"]["name"] = json!(format!("{}-later", world.id));
    world.try_apply(&second).await.unwrap();
    phase(&world, "elsewhere", "Expired").await;
    phase(&world, "watched", "Expired").await;

    assert_eq!(starts(&world).await, 0);
    assert_eq!(records(&world).await, BTreeMap::new());
    world.finish().await;
}

#[tokio::test]
async fn made_again_it_goes_on_with_its_own() {
    let world = build(
        World::builder("incident-again")
            .simulated_clock()
            .drift("1s"),
    )
    .await;
    prepared(&world).await;
    // Whatever AWS remembers of tokens, and however late it shows what was made.
    world
        .simulator
        .knobs(
            Some(&world.account),
            &json!({"idempotency_window_seconds": 0, "consistency_delay_ms": 3000}),
        )
        .await
        .unwrap();
    let manifest = incident(&world, "checkout", 10).await;
    world.apply_value(manifest.clone()).await;
    let object = phase(&world, "checkout", "Open").await;
    let arn = object.data["status"]["arn"].clone();
    let uid = object.uid();
    for _ in 0..2 {
        world.delete_and_wait(KIND, "checkout").await;
        world.apply_value(manifest.clone()).await;
        let object = phase(&world, "checkout", "Open").await;
        assert_ne!(object.uid(), uid);
        assert_eq!(object.data["status"]["arn"], arn);
    }
    // The cluster is built anew: nothing is left of what it knew.
    tokio::time::sleep(seconds(4)).await;
    world.delete_and_wait(KIND, "checkout").await;
    forget_starts(&world).await;
    world.apply_value(manifest.clone()).await;
    let object = phase(&world, "checkout", "Open").await;
    assert_eq!(object.data["status"]["arn"], arn);
    assert_eq!(object.data["status"]["origin"], "Created");
    // So long after its deadline, as well.
    advance(&world, seconds(3600)).await;
    world.delete_and_wait(KIND, "checkout").await;
    forget_starts(&world).await;
    world.apply_value(manifest).await;
    let object = phase(&world, "checkout", "Open").await;
    assert_eq!(object.data["status"]["arn"], arn);
    assert_eq!(starts(&world).await, 1);

    // Another deadline is another incident.
    world.delete_and_wait(KIND, "checkout").await;
    world
        .apply_value(incident(&world, "checkout", 5).await)
        .await;
    let object = phase(&world, "checkout", "Open").await;
    assert_ne!(object.data["status"]["arn"], arn);
    assert_eq!(starts(&world).await, 2);
    assert_eq!(records(&world).await.len(), 2);
    world.finish().await;
}

#[tokio::test]
async fn an_unknown_outcome_is_said_looked_for_and_never_tried_again() {
    let world = build(
        World::builder("incident-unknown")
            .simulated_clock()
            .drift("1s"),
    )
    .await;
    prepared(&world).await;
    let cut = |when| {
        Fault::new("cut")
            .account(&world.account)
            .operation("StartIncident")
            .nth(1)
            .when(when)
    };
    world.simulator.fault(&cut(When::After)).await.unwrap();
    world
        .apply_value(incident(&world, "arrived", 10).await)
        .await;
    phase(&world, "arrived", "Open").await;
    event(&world, KIND, "arrived", "StartUnknown", "not known").await;
    assert_eq!((starts(&world).await, records(&world).await.len()), (1, 1));

    world.simulator.fault(&cut(When::Before)).await.unwrap();
    let lost = incident(&world, "lost", 10).await;
    world.apply_value(lost.clone()).await;
    phase(&world, "lost", "StartUnknown").await;
    let said = world.stalled(KIND, "lost", "StartUnknown").await;
    assert!(said.message.contains("not started again"), "{said}");
    tokio::time::sleep(seconds(3)).await;
    // GitOps deletes and makes it again: the call may still be under way.
    world.delete_and_wait(KIND, "lost").await;
    world.apply_value(lost).await;
    phase(&world, "lost", "StartUnknown").await;
    world.reconcile_now(KIND, "lost").await;
    phase(&world, "lost", "StartUnknown").await;
    assert_eq!((starts(&world).await, records(&world).await.len()), (2, 1));

    // Where AWS has certainly started nothing, it is tried again.
    world
        .simulator
        .fault(
            &Fault::new("throttle")
                .account(&world.account)
                .operation("StartIncident")
                .nth(1),
        )
        .await
        .unwrap();
    world
        .apply_value(incident(&world, "throttled", 10).await)
        .await;
    phase(&world, "throttled", "Open").await;
    assert_eq!((starts(&world).await, records(&world).await.len()), (4, 2));
    world
        .simulator
        .deny(&world.account, &["ssm-incidents:StartIncident"])
        .await
        .unwrap();
    world
        .apply_value(incident(&world, "denied", 10).await)
        .await;
    let said = world.stalled(KIND, "denied", "AccessDenied").await;
    assert!(
        said.message.contains("ssm-incidents:StartIncident"),
        "{said}"
    );
    assert_eq!(
        world.get(KIND, "denied").await.data["status"]["phase"],
        "Pending"
    );
    world.simulator.deny(&world.account, &[]).await.unwrap();
    world.reconcile_now(KIND, "denied").await;
    phase(&world, "denied", "Open").await;
    assert_eq!(records(&world).await.len(), 3);
    world.finish().await;
}

#[tokio::test]
async fn an_open_incident_of_the_same_dedupe_string_takes_it_in() {
    let world = build(
        World::builder("incident-dedupe")
            .simulated_clock()
            .drift("1s"),
    )
    .await;
    prepared(&world).await;
    world
        .patch(
            "ResponsePlan",
            "payments-down",
            &json!({"spec": {"incidentTemplate": {"dedupeString": "payments"}}}),
        )
        .await;
    world.ready("ResponsePlan", "payments-down").await;
    world.apply_value(incident(&world, "first", 10).await).await;
    let first = phase(&world, "first", "Open").await;
    world
        .apply_value(with(
            incident(&world, "second", 9).await,
            &json!({"onDelete": "Resolve", "title": "another"}),
        ))
        .await;
    let second = phase(&world, "second", "Open").await;
    assert_eq!(second.data["status"]["arn"], first.data["status"]["arn"]);
    assert_eq!(second.data["status"]["origin"], "Adopted");
    let ready = condition_now(&world, KIND, "second", "Ready")
        .await
        .unwrap();
    assert!(ready.message.contains("dedupeString"), "{ready}");
    // What it did not start it does not resolve.
    world.delete_and_wait(KIND, "second").await;
    let arn = first.data["status"]["arn"].as_str().unwrap();
    assert!(records(&world).await[arn]);
    assert_eq!(title_in_aws(&world, arn).await, "Payments are failing");
    world.finish().await;
}

#[tokio::test]
async fn deleted_it_is_resolved_when_that_is_asked_for() {
    let world = build(World::builder("incident-end").simulated_clock().drift("1s")).await;
    prepared(&world).await;
    world
        .apply_value(with(
            incident(&world, "resolves", 10).await,
            &json!({"onDelete": "Resolve"}),
        ))
        .await;
    let object = phase(&world, "resolves", "Open").await;
    assert_eq!(object.finalizers(), ["incident-operator.dev/aws"]);
    let arn = object.data["status"]["arn"].as_str().unwrap().to_owned();
    // Changed one's mind, and again.
    world
        .patch(KIND, "resolves", &json!({"spec": {"onDelete": null}}))
        .await;
    let object = phase(&world, "resolves", "Open").await;
    assert!(object.finalizers().is_empty());
    world
        .patch(KIND, "resolves", &json!({"spec": {"onDelete": "Resolve"}}))
        .await;
    phase(&world, "resolves", "Open").await;
    world.delete_and_wait(KIND, "resolves").await;
    assert!(!records(&world).await[&arn]);

    // AWS cannot be asked: it waits, and says how it may go.
    world
        .apply_value(with(
            incident(&world, "held", 11).await,
            &json!({"onDelete": "Resolve"}),
        ))
        .await;
    let object = phase(&world, "held", "Open").await;
    let held = object.data["status"]["arn"].as_str().unwrap().to_owned();
    world
        .simulator
        .deny(&world.account, &["ssm-incidents:UpdateIncidentRecord"])
        .await
        .unwrap();
    world.delete(KIND, "held").await;
    world
        .condition(KIND, "held", "Ready", "False", "AccessDenied")
        .await;
    world
        .patch(KIND, "held", &json!({"spec": {"onDelete": "Retain"}}))
        .await;
    world.gone(KIND, "held").await;
    assert!(records(&world).await[&held]);
    // What was resolved already holds on to nothing.
    world.simulator.deny(&world.account, &[]).await.unwrap();
    world
        .apply_value(with(
            incident(&world, "done", 12).await,
            &json!({"onDelete": "Resolve"}),
        ))
        .await;
    phase(&world, "done", "Open").await;
    world
        .patch(KIND, "done", &json!({"spec": {"resolve": true}}))
        .await;
    let object = phase(&world, "done", "Resolved").await;
    assert!(object.finalizers().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn one_that_exists_is_shown_and_never_started() {
    let world = build(
        World::builder("incident-shown")
            .simulated_clock()
            .drift("1s"),
    )
    .await;
    let plan = prepared(&world).await;
    let opened = world
        .simulator
        .control(
            "POST",
            "incidents",
            Some(
                &json!({"account": world.account, "region": world.region, "responsePlanArn": plan}),
            ),
        )
        .await
        .unwrap();
    let arn = opened["incidentRecordArn"].as_str().unwrap().to_owned();
    let shown = |name: &str, arn: &str| {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": name},
            "spec": {"incidentArn": arn},
        })
    };
    world.apply_value(shown("alarm", &arn)).await;
    let object = phase(&world, "alarm", "Open").await;
    assert_eq!(object.data["status"]["source"], "aws.cloudwatch");
    assert!(object.data["status"]["origin"].is_null());
    world
        .simulator
        .control(
            "POST",
            "incidents/findings",
            Some(&json!({"incidentRecordArn": arn, "findings": [
                {"stackArn": format!("arn:aws:cloudformation:us-east-1:{}:stack/shop/1", world.account), "startedSecondsAgo": 60},
            ]})),
        )
        .await
        .unwrap();
    world
        .eventually("what may have caused it is shown", SOON, async || {
            let object = world.get(KIND, "alarm").await;
            object.data["status"]["incidentFindings"][0]["type"] == "CloudFormationStackUpdate"
        })
        .await;
    // Observed only, what would be sent is shown.
    let mut watching = shown("watching", &arn);
    watching["spec"]["managementPolicy"] = json!("Observe");
    watching["spec"]["resolve"] = json!(true);
    world.apply_value(watching).await;
    world
        .condition(KIND, "watching", "Ready", "False", "Observing")
        .await;
    assert_eq!(
        pending(&world.get(KIND, "watching").await),
        ["Update resolve"]
    );
    assert_eq!(
        mutations(&world, 0)
            .await
            .iter()
            .filter(|o| o.contains("Incident"))
            .count(),
        0
    );
    // Resolved from here when that is asked for.
    world
        .patch(KIND, "alarm", &json!({"spec": {"resolve": true}}))
        .await;
    phase(&world, "alarm", "Resolved").await;
    assert!(!records(&world).await[&arn]);
    // Reopened elsewhere, that is shown and not undone.
    world
        .incidents()
        .update_incident_record()
        .arn(&arn)
        .status(IncidentRecordStatus::Open)
        .send()
        .await
        .unwrap();
    let object = phase(&world, "alarm", "Open").await;
    assert_eq!(object.data["status"]["reopened"], true);
    tokio::time::sleep(seconds(3)).await;
    assert!(records(&world).await[&arn]);

    let missing = arn.replace(&arn[arn.len() - 4..], "0000");
    world.apply_value(shown("missing", &missing)).await;
    world.stalled(KIND, "missing", "NotFoundInAws").await;
    world
        .apply_value(shown(
            "foreign",
            &arn.replace(&world.account, "999999999999"),
        ))
        .await;
    world.stalled(KIND, "foreign", "InvalidSpec").await;
    world
        .incidents()
        .delete_incident_record()
        .arn(&arn)
        .send()
        .await
        .unwrap();
    phase(&world, "alarm", "Gone").await;
    assert_eq!(starts(&world).await, 0);
    world.finish().await;
}

#[tokio::test]
async fn incidents_opened_elsewhere_are_mirrored_within_bounds() {
    let world = build(
        World::builder("incident-mirror")
            .simulated_clock()
            .drift("1s"),
    )
    .await;
    let plan = prepared(&world).await;
    let open = async || {
        let opened = world
            .simulator
            .control(
                "POST",
                "incidents",
                Some(&json!({"account": world.account, "region": world.region, "responsePlanArn": plan})),
            )
            .await
            .unwrap();
        opened["incidentRecordArn"].as_str().unwrap().to_owned()
    };
    let mirrored = async || -> BTreeMap<String, DynamicObject> {
        let all = world
            .cluster
            .list(KIND, Some(&world.namespace))
            .await
            .unwrap();
        all.into_iter()
            .filter(|o| o.labels().contains_key("incident-operator.dev/mirrored"))
            .map(|o| {
                (
                    o.data["spec"]["incidentArn"].as_str().unwrap().to_owned(),
                    o,
                )
            })
            .collect()
    };
    let comes_to = async |wanted: &[&String]| {
        world
            .eventually("what is mirrored", SOON, async || {
                let shown = mirrored().await;
                let arns: Vec<&String> = shown.keys().collect();
                let mut wanted = wanted.to_vec();
                wanted.sort();
                if arns == wanted {
                    Ok(shown)
                } else {
                    Err(format!("{arns:?} instead of {wanted:?}"))
                }
            })
            .await
    };
    let first = open().await;
    world.apply_value(incident(&world, "ours", 10).await).await;
    let ours = phase(&world, "ours", "Open").await;
    tokio::time::sleep(seconds(3)).await;
    assert!(mirrored().await.is_empty(), "nobody has asked for it");
    world
        .patch(
            "ResponsePlan",
            "payments-down",
            &json!({"spec": {"mirrorIncidents": {"maxCount": 2}}}),
        )
        .await;
    let shown = comes_to(&[&first]).await;
    let object = &shown[&first];
    assert_eq!(object.owner_references()[0].kind, "ResponsePlan");
    let name = object.name_any();
    phase(&world, &name, "Open").await;
    // Deleted by hand, it comes back under its name.
    world.delete_and_wait(KIND, &name).await;
    assert_eq!(comes_to(&[&first]).await[&first].name_any(), name);
    // The newest, so many.
    advance(&world, seconds(60)).await;
    let second = open().await;
    comes_to(&[&first, &second]).await;
    advance(&world, seconds(60)).await;
    let third = open().await;
    comes_to(&[&second, &third]).await;
    // What is resolved goes when it is old.
    world
        .incidents()
        .update_incident_record()
        .arn(&second)
        .status(IncidentRecordStatus::Resolved)
        .send()
        .await
        .unwrap();
    advance(&world, seconds(8 * 24 * 3600)).await;
    comes_to(&[&first, &third]).await;
    // What a person has an object for is not shown twice.
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": "by-hand"},
            "spec": {"incidentArn": third},
        }))
        .await;
    comes_to(&[&first]).await;
    assert_eq!(phase(&world, "ours", "Open").await.uid(), ours.uid());
    world
        .patch(
            "ResponsePlan",
            "payments-down",
            &json!({"spec": {"mirrorIncidents": null}}),
        )
        .await;
    comes_to(&[]).await;
    phase(&world, "by-hand", "Open").await;
    assert_eq!(starts(&world).await, 1);
    world.finish().await;
}
