//! `incident-operator release`: objects are let go, whether an operator runs or not; nothing but our tags is changed in AWS.

use std::collections::BTreeMap;
use std::process::Stdio;

use harness::aws::{self, access_key};
use harness::paths::operator_binary;
use harness::{ControlPlane, Fault, SimulatorOptions, When, World, seconds};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::roster;
use crate::support::{build, contact, contact_with, must_hold, mutations, stage};

/// Runs a command of the binary as an administrator with AWS credentials, and answers with its exit code and what it printed.
pub async fn run(world: &World, arguments: &[&str], endpoint: &str) -> (Option<i32>, String) {
    let mut command = command(world, arguments, endpoint).await;
    let output = command.output().await.unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code(), text)
}

/// Where nobody answers: who asks AWS fails.
pub const NOWHERE: &str = "http://127.0.0.1:1";

/// The command as it is run, for those who stop it.
async fn command(world: &World, arguments: &[&str], endpoint: &str) -> tokio::process::Command {
    let plane = ControlPlane::shared().await.unwrap();
    let mut command = tokio::process::Command::new(operator_binary().unwrap());
    command
        .args(arguments)
        .env("KUBECONFIG", &plane.kubeconfig)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", &world.region)
        .env("AWS_ACCESS_KEY_ID", access_key(&world.account))
        .env("AWS_SECRET_ACCESS_KEY", "none")
        .env("NO_PROXY", "127.0.0.1")
        .kill_on_drop(true)
        .stdin(Stdio::null());
    command
}

async fn release(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["release", "-n", &world.namespace];
    all.extend(arguments);
    run(world, &all, world.simulator.endpoint()).await
}

/// The response plan of the story in AWS, without its tags, and its tags.
async fn response_plan(world: &World) -> (String, BTreeMap<String, String>) {
    let incidents = world.incidents();
    let plans = incidents.list_response_plans().send().await.unwrap();
    let Some(plan) = plans.response_plan_summaries().first() else {
        return Default::default();
    };
    let got = incidents.get_response_plan().arn(plan.arn()).send().await;
    let got = got.unwrap();
    let tags = incidents.list_tags_for_resource().resource_arn(plan.arn());
    let tags = tags.send().await.unwrap().tags().clone();
    let told = format!(
        "{:?} {:?} {:?}",
        got.name(),
        got.incident_template(),
        got.engagements()
    );
    (told, tags.into_iter().collect())
}

/// What AWS holds, without the operator's tags.
async fn content(world: &World) -> (Vec<aws::Contact>, Vec<aws::Rotation>, String) {
    let ours = |tags: &mut BTreeMap<String, String>| {
        tags.retain(|key, _| !key.starts_with("incident-operator/"));
    };
    let (mut contacts, mut rotations) = (world.aws().await, world.rotations().await);
    for contact in &mut contacts {
        ours(&mut contact.tags);
    }
    for rotation in &mut rotations {
        ours(&mut rotation.tags);
    }
    (contacts, rotations, response_plan(world).await.0)
}

/// How many things in AWS carry a tag of the operator's.
async fn marked(world: &World) -> usize {
    let ours =
        |tags: &BTreeMap<String, String>| tags.keys().any(|k| k.starts_with("incident-operator/"));
    let contacts = world.aws().await;
    let rotations = world.rotations().await;
    contacts.iter().filter(|c| ours(&c.tags)).count()
        + rotations.iter().filter(|r| ours(&r.tags)).count()
        + usize::from(ours(&response_plan(world).await.1))
}

/// Alice and Bob made here, Carol found in AWS, a schedule, an override, an escalation plan and a response plan that refer to them.
async fn company(world: &World) {
    roster::make_person(world, "carol").await;
    world.apply_value(contact("alice")).await;
    world.apply_value(contact("bob")).await;
    let nothing = json!({
        "adoptionPolicy": "Adopt", "displayName": null, "channels": null, "engagementPlan": null
    });
    world.apply_value(contact_with("carol", &nothing)).await;
    let week = roster::rotation("week", &["alice", "bob", "carol"]);
    let tags = json!({"tags": {"team": "payments"}});
    world
        .apply_value(roster::schedule_with("primary", &[week], &tags))
        .await;
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "EscalationPlan",
            "metadata": {"name": "ladder"},
            "spec": {"stages": [{"durationMinutes": 5, "targets": [{"onCallScheduleRef": {"name": "primary"}}, {"contactRef": {"name": "carol"}}]}]},
        }))
        .await;
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "RotationOverride",
            "metadata": {"name": "swap"},
            "spec": {"scheduleRef": {"name": "primary"}, "contactRefs": [{"name": "bob"}], "durationMinutes": 600},
        }))
        .await;
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ResponsePlan",
            "metadata": {"name": "outage"},
            "spec": {
                "incidentTemplate": {"title": "Payments are failing", "impact": "High"},
                "engagements": [{"escalationPlanRef": {"name": "ladder"}}],
            },
        }))
        .await;
    for name in ["alice", "bob", "carol"] {
        world.ready("Contact", name).await;
    }
    world.ready("ResponsePlan", "outage").await;
    world.ready("OnCallSchedule", "primary").await;
    world.ready("EscalationPlan", "ladder").await;
    world.ready("RotationOverride", "swap").await;
}

const ALL: [(&str, &str); 7] = [
    ("Contact", "alice"),
    ("Contact", "bob"),
    ("Contact", "carol"),
    ("OnCallSchedule", "primary"),
    ("EscalationPlan", "ladder"),
    ("RotationOverride", "swap"),
    ("ResponsePlan", "outage"),
];

async fn no_finalizer_is_left(world: &World) {
    for (kind, name) in ALL {
        let object = world.get(kind, name).await;
        assert!(object.finalizers().is_empty(), "{kind} {name}");
        assert_eq!(object.data["spec"]["managementPolicy"], "Observe");
        let status = &object.data["status"];
        assert!(
            status["origin"].is_null() && status["applied"].is_null(),
            "{kind} {name}: {status}"
        );
    }
}

#[tokio::test]
async fn a_running_operator_stands_back_and_only_tags_are_taken_off() {
    let world = stage("release").await;
    company(&world).await;
    let before = content(&world).await;
    assert!(marked(&world).await >= 7);
    let config = world.get("ProviderConfig", &world.id).await;
    assert_eq!(config.finalizers().len(), 1);

    // A look changes nothing, and nobody is asked without a terminal.
    let (mark, before_it) = (world.last_call().await, world.get("Contact", "alice").await);
    let look = ["release", "-n", &world.namespace, "--all", "--dry-run"];
    let (code, text) = run(&world, &look, NOWHERE).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Contact") && text.contains("finalizer off"));
    let (code, text) = release(&world, &["--all"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("--yes"), "{text}");
    assert!(world.calls(mark).await.iter().all(|c| !c.mutating));
    let now = world.get("Contact", "alice").await;
    assert_eq!(now.metadata.generation, before_it.metadata.generation);
    assert_eq!(now.finalizers(), before_it.finalizers());

    let (code, text) = release(&world, &["--all", "--yes"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("let go of 7 objects"), "{text}");
    assert!(!text.contains("no operator seems to run"), "{text}");
    no_finalizer_is_left(&world).await;
    assert_eq!(content(&world).await, before);
    assert_eq!(marked(&world).await, 0);
    let changed = world.calls(mark).await;
    let changed: Vec<&str> = changed
        .iter()
        .filter(|c| c.mutating && c.service != "sts")
        .map(|c| c.operation.as_str())
        .collect();
    assert!(
        !changed.is_empty() && changed.iter().all(|c| *c == "UntagResource"),
        "{changed:?}"
    );
    world
        .eventually("the ProviderConfig is free", seconds(20), async || {
            world
                .get("ProviderConfig", &world.id)
                .await
                .finalizers()
                .is_empty()
        })
        .await;

    // The operator looks on, and does nothing.
    let mark = world.last_call().await;
    for (kind, name) in ALL {
        world.reconcile_now(kind, name).await;
    }
    world
        .condition("OnCallSchedule", "primary", "Ready", "True", "Observing")
        .await;
    let schedule = world.get("OnCallSchedule", "primary").await;
    assert_eq!(schedule.data["status"]["summary"]["onCall"], "bob");
    assert_eq!(mutations(&world, mark).await, Vec::<String>::new());

    // Again changes nothing, and afterwards everything can be deleted at once and stays in AWS.
    let mark = world.last_call().await;
    let (code, text) = release(&world, &["--all", "--yes", "--delete-objects"]).await;
    assert_eq!(code, Some(0), "{text}");
    for (kind, name) in ALL {
        assert!(world.find(kind, name).await.is_none(), "{kind} {name}");
    }
    assert!(world.calls(mark).await.iter().all(|c| !c.mutating));
    assert_eq!(content(&world).await, before);
    world.finish().await;
}

#[tokio::test]
async fn what_hangs_after_the_operator_has_gone_is_let_go() {
    let mut world = stage("abandoned").await;
    company(&world).await;
    let before = content(&world).await;
    world.operator_mut().end();
    // Deleted with the operator gone, they hang; one was never made.
    for (kind, name) in ALL {
        world.delete(kind, name).await;
    }
    world.apply_value(contact("dora")).await;
    assert!(world.find("Contact", "alice").await.is_some());

    let named = ["contact/alice", "imep", "--yes"];
    let (code, text) = release(&world, &named).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(world.find("Contact", "alice").await.is_none());
    assert!(world.find("EscalationPlan", "ladder").await.is_none());
    assert!(world.find("Contact", "bob").await.is_some());

    let (code, text) = release(&world, &["--all", "--yes", "--delete-objects"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("no operator seems to run"), "{text}");
    for (kind, name) in ALL.into_iter().chain([("Contact", "dora")]) {
        assert!(world.find(kind, name).await.is_none(), "{kind} {name}");
    }
    assert_eq!(content(&world).await, before);
    assert_eq!(marked(&world).await, 0);
    let config = world.get("ProviderConfig", &world.id).await;
    assert_eq!(config.finalizers(), Vec::<String>::new());
    world.operator_mut().restart().await.unwrap();
    world.finish().await;
}

#[tokio::test]
async fn nothing_is_let_go_while_aws_cannot_be_asked_unless_tags_may_stay() {
    let world = stage("unasked").await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    let read = ["ssm-contacts:UntagResource"];
    world.simulator.deny(&world.account, &read).await.unwrap();
    let (code, text) = release(&world, &["contact/alice", "--yes"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("ssm-contacts:UntagResource") && text.contains("--keep-tags"),
        "{text}"
    );
    assert_eq!(world.get("Contact", "alice").await.finalizers().len(), 1);

    // Throttling is waited for.
    world
        .simulator
        .allow_only(&world.account, &["*"])
        .await
        .unwrap();
    let throttle = Fault::new("throttle").operation("UntagResource").times(2);
    world.fault(throttle).await;
    let (code, text) = release(&world, &["contact/alice", "--yes"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(marked(&world).await, 0);

    world.apply_value(contact("bob")).await;
    world.ready("Contact", "bob").await;
    let bob = [
        "release",
        "-n",
        &world.namespace,
        "contact/bob",
        "--yes",
        "--keep-tags",
    ];
    let (code, text) = run(&world, &bob, NOWHERE).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("warning: --keep-tags"), "{text}");
    assert!(world.get("Contact", "bob").await.finalizers().is_empty());
    assert!(
        must_hold(&world, "bob")
            .await
            .tags
            .contains_key("incident-operator/owner")
    );
    world.finish().await;
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_explained() {
    let world = stage("misasked").await;
    for (arguments, wanted, expected) in [
        (vec!["pod/a", "--yes"], 1, "OnCallSchedule"),
        (
            vec!["contact/nobody", "--yes"],
            1,
            "there is no Contact nobody",
        ),
        (vec!["--all", "--yes"], 0, "nothing to let go of"),
        (vec![], 2, "--all"),
        (vec!["--all", "contact"], 2, "cannot be used with"),
    ] {
        let (code, text) = release(&world, &arguments).await;
        assert_eq!(code, Some(wanted), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
    world.finish().await;
}

#[tokio::test]
async fn somebody_who_puts_objects_back_is_noticed() {
    let world = stage("gitops").await;
    let mut alice = contact("alice");
    alice["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "x"});
    world.apply_value(alice).await;
    world.ready("Contact", "alice").await;
    let manage: Value = json!({"spec": {"managementPolicy": null}});
    let everything = async {
        // Argo CD with self-healing.
        loop {
            let object = world.get("Contact", "alice").await;
            if object.data["spec"]["managementPolicy"] == "Observe" {
                world.patch("Contact", "alice", &manage).await;
            }
            tokio::time::sleep(seconds(1) / 20).await;
        }
    };
    let (code, text) = tokio::select! {
        ended = release(&world, &["contact/alice", "--yes"]) => ended,
        () = everything => unreachable!("it never ends"),
    };
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("Argo CD keeps 1 of these objects")
            && text.contains("took managementPolicy: Observe off again"),
        "{text}"
    );
    world.ready("Contact", "alice").await;
    world.finish().await;
}

#[tokio::test]
async fn interrupted_it_goes_on_when_it_is_run_again() {
    let world = stage("interrupted").await;
    company(&world).await;
    let before = content(&world).await;
    let third = world.hold("UntagResource", 3, When::Before).await;
    let everything = ["release", "-n", &world.namespace, "--all", "--yes"];
    let mut command = command(&world, &everything, world.simulator.endpoint()).await;
    let mut running = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let waiting = world.simulator.held(&third, seconds(60)).await.unwrap();
    assert!(waiting, "no third call of UntagResource");
    running.kill().await.unwrap();
    world.simulator.release(&third).await.unwrap();
    assert!(marked(&world).await > 0);

    let (code, text) = release(&world, &["--all", "--yes"]).await;
    assert_eq!(code, Some(0), "{text}");
    no_finalizer_is_left(&world).await;
    assert_eq!(content(&world).await, before);
    assert_eq!(marked(&world).await, 0);
    world.finish().await;
}

/// The operator, which looks on, and the command share the account's quotas.
#[tokio::test]
async fn a_crowd_is_let_go_of_within_the_published_quotas() {
    let own = SimulatorOptions::default();
    let world = build(World::builder("crowd").without_history().own_simulator(own)).await;
    let names: Vec<String> = (0..20).map(|n| format!("person-{n}")).collect();
    for name in &names {
        world.apply_value(contact(name)).await;
    }
    for name in &names {
        world.ready("Contact", name).await;
    }
    let published = json!({"spec": {"rateLimits": null}});
    world.patch("ProviderConfig", &world.id, &published).await;
    world.simulator.published_quotas(1.0, 2).await.unwrap();
    let begun = std::time::Instant::now();
    let (code, text) = release(&world, &["contacts", "--yes"]).await;
    let took = begun.elapsed();
    world.simulator.no_quotas().await.unwrap();
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(marked(&world).await, 0);
    // One UntagResource a second.
    assert!(took > seconds(15) && took < seconds(90), "{took:?}");
    let calls = world.calls(0).await;
    let throttled = calls
        .iter()
        .filter(|c| c.operation == "UntagResource" && c.error.is_some());
    assert!(throttled.count() <= 2);
    println!("20 contacts took {took:?}");
    world.finish().await;
}
