//! The harness itself: what it starts works, and ends when it should.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use harness::checks::AuditLog;
use harness::poll::poll;
use harness::process::{Identified, Process};
use harness::{
    Cluster, ControlPlane, Simulator, SimulatorOptions, aws, eventually, seconds, world,
};
use serde_json::{Value, json};

fn crd(group: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("things.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                    "type": "object",
                    "properties": {"size": {"type": "integer"}},
                    "x-kubernetes-validations": [{"rule": "self.size < 10", "message": "size is below 10"}],
                }}}},
                "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
            }],
        },
    })
}

/// Everything a test needs of a control plane, whoever built it.
async fn works(plane: &ControlPlane, group: &str) {
    let cluster = plane.cluster().await.unwrap();
    harness::setup::install(&cluster, vec![crd(group)])
        .await
        .unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "first"}});
    cluster.try_apply(&namespace).await.unwrap();
    let thing = |size: i64| json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "a", "namespace": "first"}, "spec": {"size": size}});
    cluster.try_apply(&thing(1)).await.unwrap();
    let refusal = format!("{:#}", cluster.try_apply(&thing(11)).await.unwrap_err());
    assert!(refusal.contains("size is below 10"), "{refusal}");

    let audit = AuditLog::at(plane.audit_log.clone().expect("an audit log"));
    let writes = audit.writes("admin", 0).unwrap();
    let things: Vec<_> = writes
        .iter()
        .filter(|write| write.resource == "things")
        .collect();
    let codes: Vec<u64> = things.iter().map(|write| write.code).collect();
    assert_eq!(codes, [201, 422], "{writes:?}");
    assert_eq!(audit.writes("admin", audit.mark()).unwrap(), vec![]);

    cluster.delete("Namespace", None, "first").await.unwrap();
    world::namespace_gone(&cluster, "first", seconds(60))
        .await
        .expect("namespaces really end");
}

#[tokio::test]
async fn a_control_plane_starts_validates_audits_and_ends() {
    let plane = ControlPlane::start(None).await.unwrap();
    works(&plane, "first.example").await;
    let processes: Vec<Identified> = plane
        .processes()
        .iter()
        .map(|process| Identified::of(process.name(), process.pid()).unwrap())
        .collect();
    assert!(!processes.is_empty());
    drop(plane);
    assert!(
        !processes.iter().any(Identified::is_running),
        "{processes:?}"
    );
}

#[tokio::test]
async fn a_simulator_answers_both_services_and_ends() {
    let simulator = Simulator::start(&SimulatorOptions {
        onboarded: Some(vec![]),
        ..SimulatorOptions::default()
    })
    .await
    .unwrap();
    assert_eq!(
        aws::contacts(&simulator, "111111111111", "eu-west-1")
            .await
            .unwrap(),
        vec![]
    );
    assert_eq!(
        aws::replication_set(&simulator, "111111111111", "eu-west-1")
            .await
            .unwrap()
            .as_deref(),
        Some("ACTIVE")
    );
    let calls = simulator.calls(Some("111111111111"), 0).await.unwrap();
    assert!(
        calls
            .iter()
            .any(|call| call.operation == "ListContacts"
                && call.region.as_deref() == Some("eu-west-1")),
        "{calls:?}"
    );
    let process = simulator.process().unwrap();
    let process = Identified::of(process.name(), process.pid()).unwrap();
    drop(simulator);
    assert!(!process.is_running());
}

#[tokio::test]
async fn a_process_that_ignores_its_standard_input_is_killed() {
    let log = harness::paths::scratch().join("stubborn.log");
    let mut command = std::process::Command::new("sh");
    command
        .arg("-c")
        .arg("echo ready here; exec sleep 1000 </dev/null");
    let process = Process::start("stubborn", command, &log).unwrap();
    assert_eq!(process.line("ready ", seconds(10)).await.unwrap(), "here");
    let identified = Identified::of("stubborn", process.pid()).unwrap();
    assert!(identified.is_running());
    assert!(!process.end(Duration::from_millis(50)), "it was killed");
    assert!(!identified.is_running());
}

#[tokio::test]
async fn a_pid_given_to_somebody_else_is_never_touched() {
    let log = harness::paths::scratch().join("bystander.log");
    let mut command = std::process::Command::new("cat");
    command.arg("-");
    let process = Process::start("bystander", command, &log).unwrap();
    let mut other = Identified::of("other", process.pid()).unwrap();
    other.began.push('0');
    assert!(!other.is_running());
    assert!(other.stop(seconds(1)), "nothing is left to stop");
    assert!(process.exit_status().is_none(), "the bystander lives");
}

#[tokio::test]
async fn waiting_says_what_was_missing_last() {
    let mut asked = 0;
    let missing = poll(Duration::from_millis(50), async || {
        asked += 1;
        Err::<(), _>(format!("asked {asked} times"))
    })
    .await;
    assert!(missing.unwrap_err().starts_with("asked "));
    eventually("true", seconds(1), async || true).await;
}

#[tokio::test]
async fn a_cluster_that_does_not_exist_is_an_error_not_a_hang() {
    assert!(
        Cluster::connect(std::path::Path::new("/nonexistent"))
            .await
            .is_err()
    );
}
