//! An object of every kind, in one file and in any order: it converges. Deleted with its namespaces, nothing of it is left in AWS but the
//! replication set, and the record of the incident that was.

use harness::world::namespace_gone;
use harness::{SimulatorOptions, World, aws, checks, seconds};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};

use crate::company::{kubectl, of_team, rota, team};
use crate::roster::schedule_with;
use crate::support::{Stage, build, contact, contact_with, mutations, secret};
use crate::vpc_endpoint_net::Net;

const VERSION: &str = "incident-operator.dev/v1alpha1";

fn object(kind: &str, name: &str, namespace: &str, spec: &Value) -> Value {
    json!({"apiVersion": VERSION, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec})
}

/// The whole tree, the account itself included; the VPC is there before.
fn tree(world: &World, net: &Net) -> Vec<Value> {
    let team = team(world);
    let person = |name: &str| json!({"namespace": world.namespace, "name": name});
    let deadline = Timestamp::now()
        .checked_add(SignedDuration::from_mins(30))
        .unwrap()
        .to_string();
    let alice = json!({
        "channels": [{"name": "mobile", "type": "SMS", "addressFrom": {"secretKeyRef": {"name": "people", "key": "mobile"}}}],
        "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}],
    });
    let mut primary = schedule_with(
        "primary",
        &[rota(world, "week", &["alice", "bob"])],
        &json!({}),
    );
    primary["metadata"]["namespace"] = json!(team);
    let from = [
        "OnCallSchedule",
        "EscalationPlan",
        "RotationOverride",
        "TestPage",
    ]
    .map(|kind| json!({"kind": kind, "namespace": team}));
    let grant = json!({"from": from, "to": [{"kind": "Contact"}]});
    let ladder = json!({"stages": [
        {"durationMinutes": 5, "targets": [{"onCallScheduleRef": {"name": "primary"}, "onAcknowledge": "StopEscalation"}]},
        {"durationMinutes": 5, "targets": [{"contactRef": person("carol")}]},
    ]});
    let plan = json!({
        "incidentTemplate": {"title": "Payments are failing", "impact": "High"},
        "engagements": [{"escalationPlanRef": {"name": "ladder"}}],
    });
    let set = json!({
        "apiVersion": VERSION, "kind": "ReplicationSet",
        "metadata": {"name": format!("{}-set", world.id)},
        "spec": {"regions": [{"name": world.region}]},
    });
    let objects = [
        world.provider_config(),
        set,
        secret("people", &json!({"mobile": "+15005550141"})),
        contact_with("alice", &alice),
        contact("bob"),
        contact("carol"),
        object("AccessGrant", "teams", &world.namespace, &grant),
        object(
            "ChannelActivation",
            "alice-mobile",
            &world.namespace,
            &json!({"contactRef": {"name": "alice"}, "channel": "mobile"}),
        ),
        primary,
        object(
            "RotationOverride",
            "swap",
            &team,
            &json!({"scheduleRef": {"name": "primary"}, "contactRefs": [person("bob")], "durationMinutes": 120}),
        ),
        object("EscalationPlan", "ladder", &team, &ladder),
        object("ResponsePlan", "payments-down", &team, &plan),
        object(
            "Incident",
            "checkout",
            &team,
            &json!({"responsePlanRef": {"name": "payments-down"}, "startDeadline": deadline}),
        ),
        object(
            "TestPage",
            "carol",
            &team,
            &json!({"contactRef": person("carol"), "startDeadline": deadline}),
        ),
        net.interface("contacts", "ssm-contacts"),
        net.gateway("s3"),
    ];
    objects.into_iter().map(|o| world.at_home(o)).collect()
}

/// Applies everything at once, in an order that nobody chose.
async fn apply_at_once(world: &World, net: &Net, seed: u64) -> Vec<Value> {
    apply_objects(world, tree(world, net), seed).await
}

async fn apply_objects(world: &World, mut objects: Vec<Value>, seed: u64) -> Vec<Value> {
    objects.shuffle(&mut StdRng::seed_from_u64(seed));
    for object in &objects {
        for channel in object["spec"]["channels"].as_array().into_iter().flatten() {
            world.sensitive(channel["address"].as_str().unwrap_or_default());
        }
    }
    world.sensitive("+15005550141");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), list.to_string()).unwrap();
    kubectl(world, &["apply", "-f", &file.path().to_string_lossy()]).await;
    objects
}

async fn account() -> Stage {
    let builder = World::builder("whole-tree").namespace("team");
    build(builder.without_provider().not_onboarded()).await
}

/// How often AWS was asked to do this.
async fn asked(world: &World, operation: &str) -> usize {
    let calls = world.operator_calls(0).await;
    calls.iter().filter(|c| c.operation == operation).count()
}

async fn all_ready(world: &World, count: usize) {
    world
        .eventually("all of it is Ready", seconds(120), async || {
            let ours = world.our_objects().await.unwrap();
            let with_status = ours.iter().filter(|(kind, _)| kind != "AccessGrant");
            let not: Vec<String> = with_status
                .filter(|(_, object)| !checks::is_ready(object))
                .map(|(kind, object)| format!("{kind} {}", object.name_any()))
                .collect();
            if ours.len() == count && not.is_empty() {
                Ok(())
            } else {
                Err(format!("{} objects, not Ready: {not:?}", ours.len()))
            }
        })
        .await;
}

async fn comes_and_goes(seed: u64) {
    let world = account().await;
    let net = Net::new(&world).await;
    let objects = apply_at_once(&world, &net, seed).await;
    // A Secret is not of our kinds.
    all_ready(&world, objects.len() - 1).await;
    let incident = world.get("Incident", &of_team(&world, "checkout")).await;
    assert_eq!(incident.data["status"]["phase"], "Open");
    assert_eq!(asked(&world, "CreateReplicationSet").await, 1);
    assert_eq!(asked(&world, "StartIncident").await, 1);
    assert_eq!(asked(&world, "StartEngagement").await, 1);
    assert_eq!(world.codes_sent().await, 1);

    let before = mutations(&world, 0).await.len();
    for namespace in world.namespaces().to_vec() {
        world.delete("Namespace", &namespace).await;
    }
    for namespace in world.namespaces() {
        namespace_gone(&world.cluster, namespace, seconds(180))
            .await
            .unwrap();
    }
    world.aws_empty().await;
    assert_eq!(net.endpoints().await.len(), 0);
    assert_eq!(net.groups().await, Vec::<String>::new());
    let plans = world.incidents().list_response_plans().send().await;
    assert!(plans.unwrap().response_plan_summaries.is_empty());
    let sets = world.incidents().list_replication_sets().send().await;
    assert_eq!(sets.unwrap().replication_set_arns.len(), 1);
    let record = incident.data["status"]["arn"].as_str().unwrap();
    let kept = world.incidents().get_incident_record().arn(record).send();
    let kept = kept.await.unwrap().incident_record.unwrap();
    assert_eq!(kept.status.as_str(), "OPEN", "Retain leaves it as it is");

    let set = format!("{}-set", world.id);
    assert!(checks::is_ready(&world.get("ReplicationSet", &set).await));
    assert!(mutations(&world, 0).await.len() > before);
    // Its default is to let go: the account keeps its replication set.
    world.delete_and_wait("ReplicationSet", &set).await;
    assert_eq!(asked(&world, "DeleteReplicationSet").await, 0);
    let sets = world.incidents().list_replication_sets().send().await;
    assert_eq!(sets.unwrap().replication_set_arns.len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn the_whole_tree_at_once_converges_and_goes_with_its_namespaces() {
    comes_and_goes(5).await;
}

#[tokio::test]
async fn the_whole_tree_in_another_order() {
    comes_and_goes(29).await;
}

/// What a user changes of an object of a kind.
fn edit(kind: &str) -> Option<Value> {
    Some(match kind {
        "Contact" | "OnCallSchedule" | "EscalationPlan" | "ResponsePlan" => {
            json!({"displayName": "Another name"})
        }
        "Incident" => json!({"title": "Payments fail again"}),
        "ReplicationSet" | "VpcEndpoint" => json!({"tags": {"team": "payments"}}),
        _ => return None,
    })
}

/// The part of the tree that is of these kinds comes, changes and goes with `iam-policy --kinds` of them and nothing else.
async fn has_the_rights_of(kinds: &[&str], seed: u64) {
    let mut builder = World::builder("rights")
        .namespace("team")
        .without_provider()
        .without_operator()
        .own_simulator(SimulatorOptions::default());
    if kinds.contains(&"ReplicationSet") {
        builder = builder.not_onboarded();
    }
    let mut world = build(builder).await;
    let mut policies = aws::policies().unwrap().clone();
    policies["policies"][0]["policy"] = aws::iam_policy(&["--kinds", &kinds.join(",")]).unwrap();
    let steered = world.simulator.control("PUT", "policies", Some(&policies));
    steered.await.unwrap();
    world.start_operator().await.unwrap();

    let net = Net::new(&world).await;
    let besides = ["ProviderConfig", "AccessGrant", "Secret"];
    let mut objects = tree(&world, &net);
    objects.retain(|object| {
        let kind = object["kind"].as_str().unwrap();
        kinds.contains(&kind) || besides.contains(&kind)
    });
    let objects = apply_objects(&world, objects, seed).await;
    all_ready(&world, objects.len() - 1).await;
    for object in &objects {
        let kind = object["kind"].as_str().unwrap();
        let Some(spec) = edit(kind) else { continue };
        let name = object["metadata"]["name"].as_str().unwrap();
        let namespace = object["metadata"]["namespace"].as_str();
        let name = namespace.map_or_else(|| name.to_owned(), |n| format!("{n}/{name}"));
        world.patch(kind, &name, &json!({"spec": spec})).await;
    }
    all_ready(&world, objects.len() - 1).await;
    for namespace in world.namespaces().to_vec() {
        world.delete("Namespace", &namespace).await;
    }
    for namespace in world.namespaces() {
        let gone = namespace_gone(&world.cluster, namespace, seconds(180));
        gone.await.unwrap();
    }
    let calls = world.operator_calls(0).await;
    let refused: Vec<String> = calls
        .iter()
        .filter(|call| {
            call.http_status == Some(403)
                || call
                    .error
                    .as_deref()
                    .is_some_and(|e| e.contains("AccessDenied"))
        })
        .map(|call| format!("{} {:?}", call.operation, call.iam_actions))
        .collect();
    assert_eq!(refused, Vec::<String>::new(), "{kinds:?}");
    assert!(
        calls.iter().any(|call| call.mutating),
        "{kinds:?}: nothing was done"
    );
    world.finish().await;
}

#[tokio::test]
async fn people_need_no_rights_of_response_plans() {
    let people = [
        "Contact",
        "ChannelActivation",
        "OnCallSchedule",
        "RotationOverride",
        "EscalationPlan",
    ];
    has_the_rights_of(&people, 3).await;
}

#[tokio::test]
async fn incidents_need_no_rights_of_the_account_or_its_network() {
    let kinds = [
        "Contact",
        "OnCallSchedule",
        "EscalationPlan",
        "ResponsePlan",
        "Incident",
        "TestPage",
    ];
    has_the_rights_of(&kinds, 7).await;
}

#[tokio::test]
async fn replication_sets_and_endpoints_need_no_rights_of_people() {
    has_the_rights_of(&["ReplicationSet"], 11).await;
    has_the_rights_of(&["VpcEndpoint"], 13).await;
}
