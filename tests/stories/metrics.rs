//! What Prometheus reads of objects: how they stand, what is found about them, what was put back. And what probes and readers of logs get.

use harness::World;
use harness::world::SOON;
use serde_json::{Value, json};

use crate::support::{Stage, activate_by_hand, build, channel_arn, contact, must_hold};

const OBJECTS: &str = "incident_operator_objects";
const FINDINGS: &str = "incident_operator_findings";
const DRIFT: &str = "incident_operator_drift_corrections_total";

/// The sum of the samples with these labels; `None` = there is none.
async fn figure(world: &World, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    world.operator().metric(metric, &labels).await.unwrap()
}

async fn becomes(world: &World, metric: &str, labels: &[(&str, &str)], wanted: Option<f64>) {
    let what = format!("{metric} {labels:?} is {wanted:?}");
    world
        .eventually(&what, SOON, async || {
            let found = figure(world, metric, labels).await;
            if found == wanted {
                Ok(())
            } else {
                Err(format!("{found:?}"))
            }
        })
        .await;
}

async fn contacts_that_are(world: &World, readiness: &str, wanted: f64) {
    let labels = [("kind", "Contact"), ("readiness", readiness)];
    becomes(world, OBJECTS, &labels, Some(wanted)).await;
}

async fn renamed_by_hand(world: &Stage) {
    let arn = must_hold(world, "alice").await.arn;
    let client = world.contacts();
    let update = client.update_contact().contact_id(&arn);
    update.display_name("Mallory").send().await.unwrap();
}

#[tokio::test]
async fn objects_findings_and_what_was_put_back_are_counted() {
    let world = build(World::builder("metrics").drift("1s")).await;
    contacts_that_are(&world, "ready", 0.0).await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    contacts_that_are(&world, "ready", 1.0).await;
    let config = [("kind", "ProviderConfig"), ("readiness", "ready")];
    assert!(figure(&world, OBJECTS, &config).await >= Some(1.0));
    let mut carol = contact("carol");
    carol["spec"]["alias"] = json!("alice");
    world.apply_value(carol).await;
    contacts_that_are(&world, "stalled", 1.0).await;
    contacts_that_are(&world, "ready", 1.0).await;

    // What somebody asked for is no drift.
    let edit = json!({"spec": {"displayName": "Alice B."}});
    world.patch("Contact", "alice", &edit).await;
    world
        .eventually("the edit is in AWS", SOON, async || {
            must_hold(&world, "alice").await.display_name.as_deref() == Some("Alice B.")
        })
        .await;
    let ours = [("kind", "Contact"), ("namespace", &world.namespace)];
    assert_eq!(figure(&world, DRIFT, &ours).await, None);
    renamed_by_hand(&world).await;
    becomes(&world, DRIFT, &ours, Some(1.0)).await;
    renamed_by_hand(&world).await;
    becomes(&world, DRIFT, &ours, Some(2.0)).await;

    // Somebody answers UNSUBSCRIBE.
    let lost = |accepted| {
        [
            ours[0],
            ours[1],
            ("finding", "OptedOut"),
            ("severity", "Warning"),
            ("accepted", accepted),
        ]
    };
    let mobile = channel_arn(&world, "alice", "mobile").await;
    activate_by_hand(&world, &mobile).await;
    world
        .eventually("the activation is seen", SOON, async || {
            world.get("Contact", "alice").await.data["status"]["summary"]["reachable"] == "Yes"
        })
        .await;
    assert_eq!(figure(&world, FINDINGS, &lost("false")).await, None);
    world.simulator.unsubscribe(&mobile).await.unwrap();
    becomes(&world, FINDINGS, &lost("false"), Some(1.0)).await;
    let accepted =
        json!({"spec": {"acceptedFindings": [{"id": "OptedOut", "reason": "on leave"}]}});
    world.patch("Contact", "alice", &accepted).await;
    becomes(&world, FINDINGS, &lost("true"), Some(1.0)).await;
    assert_eq!(figure(&world, FINDINGS, &lost("false")).await, None);

    // What was deleted by hand is made again: that, too, was put back.
    let arn = must_hold(&world, "alice").await.arn;
    let client = world.contacts();
    client
        .delete_contact()
        .contact_id(&arn)
        .send()
        .await
        .unwrap();
    becomes(&world, DRIFT, &ours, Some(3.0)).await;
    contacts_that_are(&world, "ready", 1.0).await;

    let text = world.operator().metrics().await.unwrap();
    for name in ["alice", "carol", "mobile"] {
        assert!(!text.contains(name), "names are not for metrics: {text}");
    }
    for name in ["carol", "alice"] {
        world.delete_and_wait("Contact", name).await;
    }
    contacts_that_are(&world, "ready", 0.0).await;
    contacts_that_are(&world, "stalled", 0.0).await;
    becomes(&world, FINDINGS, &ours, None).await;
    world.finish().await;
}

#[tokio::test]
async fn probes_are_answered_and_each_line_of_the_log_is_json() {
    let debug = "--log-level=info,incident_operator=debug";
    let world = build(World::builder("probes").flag(debug)).await;
    world.apply_value(contact("alice")).await;
    world.ready("Contact", "alice").await;
    for path in ["/livez", "/readyz"] {
        let (status, text) = world.operator().ask(path).await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
    }
    let printed = world.operator().logs();
    // The last line may not be complete yet.
    let (printed, _) = printed.rsplit_once('\n').unwrap();
    // Standard output says where the probes are, for whoever started it; the rest is the log.
    let (said, lines): (Vec<&str>, Vec<&str>) = printed
        .lines()
        .partition(|line| line.starts_with("admin http://"));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(lines.len() > 3, "{lines:?}");
    for line in lines {
        let entry: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "message"] {
            assert!(entry[field].is_string(), "no {field}: {line}");
        }
    }
    world.finish().await;
}
