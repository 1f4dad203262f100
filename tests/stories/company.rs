//! A small company with an object of every kind, some made here and some that were in AWS before; and what a user does with all of it at once.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use aws_sdk_ssmcontacts::types;
use harness::{World, checks, seconds};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::ownership::made_by_hand;
use crate::roster::{
    START, make_rotation, make_schedule, rotation, schedule_with, schedules_in_sync,
};
use crate::support::{contact, contact_with, secret};
use crate::vpc_endpoint_net::{Net, with};

/// The kinds that stand for something in AWS, in the order in which a reader looks at them.
pub const KINDS: [&str; 8] = [
    "Contact",
    "OnCallSchedule",
    "EscalationPlan",
    "ResponsePlan",
    "Incident",
    "RotationOverride",
    "ChannelActivation",
    "VpcEndpoint",
];

/// The namespace in which the teams' schedules and plans are.
pub fn team(world: &World) -> String {
    world.namespaces()[1].clone()
}

/// `name` in the team's namespace.
pub fn of_team(world: &World, name: &str) -> String {
    format!("{}/{name}", team(world))
}

fn in_team(world: &World, mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!(team(world));
    object
}

/// `person` of the people's namespace, for objects elsewhere.
pub fn person(world: &World, name: &str) -> Value {
    json!({"namespace": world.namespace, "name": name})
}

/// Lets schedules, plans and swaps in `from` name everybody in `namespace`.
pub fn grant(namespace: &str, from: &str) -> Value {
    let from = ["OnCallSchedule", "EscalationPlan", "RotationOverride"]
        .map(|kind| json!({"kind": kind, "namespace": from}));
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "AccessGrant",
        "metadata": {"name": "teams", "namespace": namespace},
        "spec": {"from": from, "to": [{"kind": "Contact"}]},
    })
}

/// A rotation of people in the people's namespace.
pub fn rota(world: &World, name: &str, members: &[&str]) -> Value {
    let members: Vec<String> = members
        .iter()
        .map(|member| format!("{}/{member}", world.namespace))
        .collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    rotation(name, &members)
}

/// What is in AWS before anybody thinks of a cluster: Dora, a schedule, an escalation plan and a response plan, all of them named `legacy`
/// but her, and a VPC with an endpoint for Systems Manager.
pub async fn before_us(world: &World) -> Net {
    let dora = made_by_hand(world, "dora").await.arn;
    let day = make_rotation(world, "day", std::slice::from_ref(&dora), START).await;
    let schedule = make_schedule(world, "legacy-schedule", &[day]).await;
    let engages = |arn: &str, essential: bool| {
        let info = types::ContactTargetInfo::builder()
            .contact_id(arn)
            .is_essential(essential)
            .build()
            .unwrap();
        types::Target::builder().contact_target_info(info).build()
    };
    let stage = types::Stage::builder()
        .duration_in_minutes(5)
        .targets(engages(&schedule, true))
        .targets(engages(&dora, false))
        .build()
        .unwrap();
    let plan = types::Plan::builder().stages(stage).build();
    let made = world
        .contacts()
        .create_contact()
        .alias("legacy-plan")
        .display_name("Legacy")
        .r#type(types::ContactType::Escalation)
        .plan(plan)
        .send()
        .await
        .unwrap();
    let template = aws_sdk_ssmincidents::types::IncidentTemplate::builder()
        .title("Legacy fails")
        .impact(3)
        .summary("As ever.")
        .build()
        .unwrap();
    world
        .incidents()
        .create_response_plan()
        .name("legacy-response")
        .incident_template(template)
        .engagements(made.contact_arn)
        .send()
        .await
        .unwrap();
    let net = Net::new(world).await;
    net.by_hand("ssm", true, &[]).await;
    net
}

/// The endpoints of the team: the one that was there, one with a group of its own, and a gateway.
fn endpoints(world: &World, net: &Net) -> Vec<Value> {
    let legacy = json!({"adoptionPolicy": "Adopt", "managedSecurityGroup": null});
    let endpoints = [
        with(net.interface("legacy-ssm", "ssm"), &legacy),
        net.interface("contacts", "ssm-contacts"),
        net.gateway("s3"),
    ];
    let at_home = |object| world.at_home(in_team(world, object));
    endpoints.into_iter().map(at_home).collect()
}

/// The manifests of the company, as they stand in Git. What was there before is to be adopted.
pub fn manifests(world: &World) -> Vec<Value> {
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let at = |hours: i32| {
        let whole = Timestamp::from_second(now.as_second() / 3600 * 3600).unwrap();
        whole.checked_add(hour * hours).unwrap().to_string()
    };
    let mut bob = contact("bob");
    bob["spec"]["channels"][0] = json!({
        "name": "mobile", "type": "SMS", "addressFrom": {"secretKeyRef": {"name": "bob-address", "key": "mobile"}},
    });
    let adopt = json!({"adoptionPolicy": "Adopt"});
    let stage = |targets: Value| json!({"durationMinutes": 5, "targets": targets});
    let plan = |name: &str, display: &str, stages: &Value| {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1",
            "kind": "EscalationPlan",
            "metadata": {"name": name},
            "spec": {"displayName": display, "stages": stages},
        })
    };
    let swap = |name: &str, start: String, end: String| {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1",
            "kind": "RotationOverride",
            "metadata": {"name": name},
            "spec": {
                "scheduleRef": {"name": "primary"}, "rotation": "night", "startTime": start, "endTime": end,
                "contactRefs": [person(world, "bob")],
                // A later version of AWS's answer is not compared with ours: it is found again as it is.
                "adoptionPolicy": "Adopt",
            },
        })
    };
    let primary = schedule_with(
        "primary",
        &[
            rota(world, "week", &["alice", "bob", "carol"]),
            rota(world, "night", &["erin", "bob", "dora"]),
        ],
        &json!({"rollout": "AfterCurrentShift", "tags": {"team": "payments"}}),
    );
    let legacy = schedule_with(
        "legacy-schedule",
        &[rota(world, "day", &["dora"])],
        &adopt.clone(),
    );
    let first = json!([
        {"onCallScheduleRef": {"name": "primary"}, "onAcknowledge": "StopEscalation"},
        {"contactRef": person(world, "carol"), "onAcknowledge": "Continue"},
    ]);
    let payments = plan("payments", "Payments", &json!([stage(first)]));
    let old = json!([
        {"onCallScheduleRef": {"name": "legacy-schedule"}, "onAcknowledge": "StopEscalation"},
        {"contactRef": person(world, "dora"), "onAcknowledge": "Continue"},
    ]);
    let mut old = plan("legacy-plan", "Legacy", &json!([stage(old)]));
    old["spec"]["adoptionPolicy"] = json!("Adopt");
    let response = |name: &str, template: Value, engages: &str, adoption: Option<&str>| {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1",
            "kind": "ResponsePlan",
            "metadata": {"name": name},
            "spec": {
                "incidentTemplate": template,
                "engagements": [{"escalationPlanRef": {"name": engages}}],
                "adoptionPolicy": adoption.unwrap_or("Never"),
            },
        })
    };
    let failing = json!({"title": "Payments fail", "impact": "High", "dedupeString": "payments"});
    let ever = json!({"title": "Legacy fails", "impact": "Medium", "summary": "As ever."});
    let incident = json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "Incident",
        "metadata": {"name": "checkout"},
        "spec": {
            "responsePlanRef": {"name": "payments-down"}, "startDeadline": at(2), "impact": "Critical",
            "relatedItems": [{"title": "Dashboard", "url": "https://example.com/d/1"}],
        },
    });
    let activation = json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "ChannelActivation",
        "metadata": {"name": "alice-mobile"},
        "spec": {
            "contactRef": {"name": "alice"}, "channel": "mobile",
            "codeFrom": {"secretKeyRef": {"name": "alice-code", "key": "code"}},
        },
    });
    let objects = [
        grant(&world.namespace, &team(world)),
        secret("bob-address", &json!({"mobile": "+15005550123"})),
        contact_with("alice", &json!({"tags": {"team": "payments"}})),
        bob,
        contact("carol"),
        contact("erin"),
        contact_with("dora", &adopt),
        activation,
        in_team(world, primary),
        in_team(world, legacy),
        in_team(world, payments),
        in_team(world, old),
        in_team(world, response("payments-down", failing, "payments", None)),
        in_team(
            world,
            response("legacy-response", ever, "legacy-plan", Some("Adopt")),
        ),
        in_team(world, incident),
        in_team(world, swap("running", at(0), at(6))),
        in_team(world, swap("to-come", at(30), at(40))),
    ];
    objects
        .into_iter()
        .map(|object| world.at_home(object))
        .collect()
}

/// Writes manifests into a directory, in this order, and applies it as `kubectl apply -R` does.
pub async fn apply(world: &World, manifests: &[Value]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (number, object) in manifests.iter().enumerate() {
        let text = |field: &Value| field.as_str().unwrap_or_default().to_lowercase();
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let part = directory.path().join(format!("{:02}", number / 4));
        std::fs::create_dir_all(&part).unwrap();
        let file = part.join(format!("{number:03}-{kind}-{name}.json"));
        std::fs::write(file, serde_json::to_string_pretty(object).unwrap()).unwrap();
        world.sensitive(object["stringData"]["mobile"].as_str().unwrap_or_default());
        for channel in object["spec"]["channels"].as_array().into_iter().flatten() {
            world.sensitive(channel["address"].as_str().unwrap_or_default());
        }
    }
    let path = directory.path().to_string_lossy().into_owned();
    kubectl(world, &["apply", "-R", "-f", &path]).await;
    directory
}

/// Runs kubectl as the administrator, and answers with what it printed.
pub async fn kubectl(world: &World, arguments: &[&str]) -> String {
    let mut command = match &world.plane.kubectl {
        Some(binary) => {
            let mut command = tokio::process::Command::new(binary);
            command.arg("kubectl");
            command
        }
        None => tokio::process::Command::new("kubectl"),
    };
    let output = command
        .args(arguments)
        .env("KUBECONFIG", &world.plane.kubeconfig)
        .env("KUBECACHEDIR", cache(&world.plane.kubeconfig))
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "kubectl {arguments:?}: {text}");
    text
}

fn cache(kubeconfig: &Path) -> PathBuf {
    kubeconfig.with_extension("cache")
}

/// The objects of our kinds in this world that stand for something in AWS.
pub async fn all(world: &World) -> Vec<(String, DynamicObject)> {
    let objects = world.our_objects().await.unwrap();
    let wanted = objects.into_iter();
    wanted
        .filter(|(kind, _)| KINDS.contains(&kind.as_str()))
        .collect()
}

/// `Kind namespace/name`.
pub fn label((kind, object): &(String, DynamicObject)) -> String {
    let namespace = object.namespace().unwrap_or_default();
    format!("{kind} {namespace}/{}", object.name_any())
}

/// Waits until so many objects are there, and all of them are Ready.
pub async fn all_ready(world: &World, count: usize) -> Vec<(String, DynamicObject)> {
    world
        .eventually("all of it is Ready", seconds(60), async || {
            let objects = all(world).await;
            let not: Vec<String> = objects
                .iter()
                .filter(|(_, object)| !checks::is_ready(object))
                .map(label)
                .collect();
            if objects.len() == count && not.is_empty() {
                Ok(objects)
            } else {
                Err(format!("{} objects, not Ready: {not:?}", objects.len()))
            }
        })
        .await
}

/// The company as it is at work: everything applied, adopted, activated and Ready. Answers with its manifests.
pub async fn at_work(world: &World) -> Vec<Value> {
    let net = before_us(world).await;
    let mut manifests = manifests(world);
    manifests.extend(endpoints(world, &net));
    apply(world, &manifests).await;
    activate(world).await;
    all_ready(world, count(&manifests)).await;
    schedules_in_sync(world).await;
    manifests
}

/// How many of them stand for something in AWS.
pub fn count(manifests: &[Value]) -> usize {
    let kinds = manifests.iter().filter_map(|o| o["kind"].as_str());
    kinds.filter(|kind| KINDS.contains(kind)).count()
}

/// Alice gives her code back.
async fn activate(world: &World) {
    let code = world
        .eventually("Alice was sent a code", seconds(30), async || {
            let sent = world.simulator.codes(&world.account).await.unwrap();
            // Dora's was the first.
            sent.into_iter().nth(1).map(|sent| sent.code)
        })
        .await;
    world
        .apply_value(secret("alice-code", &json!({"code": code})))
        .await;
}
