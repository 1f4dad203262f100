//! `incident-operator import`: what was made by hand in AWS comes under management, and nothing but tags is changed there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use harness::World;
use harness::aws::access_key;
use harness::paths::operator_binary;
use serde_json::{Value, json};

use crate::support::{mutations, stage};
use crate::{company, roster};

/// The import of the world's account into its first namespace.
pub fn command(world: &World, out: &Path, more: &[&str]) -> tokio::process::Command {
    let config = world.provider_config();
    let owner = config["spec"]["ownerId"].as_str().unwrap().to_owned();
    let mut command = tokio::process::Command::new(operator_binary().unwrap());
    command
        .args(["import", "--owner-id", &owner, "--namespace"])
        .arg(&world.namespace)
        .args(["--provider-config", &world.id, "--out"])
        .arg(out)
        .args(more)
        .env("AWS_ENDPOINT_URL", world.simulator.endpoint())
        .env("AWS_REGION", &world.region)
        .env("AWS_ACCESS_KEY_ID", access_key(&world.account))
        .env("AWS_SECRET_ACCESS_KEY", "none")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs the import, and answers with its exit code and what it printed.
pub async fn import(world: &World, out: &Path, more: &[&str]) -> (Option<i32>, String) {
    let output = command(world, out, more).output().await.unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code(), text)
}

/// Every file below a directory.
pub fn files(directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.clone(), std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[tokio::test]
async fn what_was_made_by_hand_is_imported_and_nothing_but_tags_is_changed() {
    let world = stage("import").await;
    let alice = roster::make_person(&world, "alice").await;
    let odd = roster::make_person(&world, "night_shift_").await;
    let members = [alice.clone(), odd.clone()];
    let rotation = roster::make_rotation(&world, "week", &members, "2026-01-05T09:00:00Z").await;
    roster::make_schedule(&world, "primary", std::slice::from_ref(&rotation)).await;
    let lonely = roster::make_rotation(&world, "lonely", &members, "2026-01-05T09:00:00Z").await;
    let channel = world
        .contacts()
        .create_contact_channel()
        .contact_id(&alice)
        .name("mobile")
        .r#type(aws_sdk_ssmcontacts::types::ChannelType::Sms)
        .delivery_address(
            aws_sdk_ssmcontacts::types::ContactChannelAddress::builder()
                .simple_address("+15005550177")
                .build(),
        )
        .defer_activation(true)
        .send();
    channel.await.unwrap();
    world.sensitive("+15005550177");
    let now = jiff::Timestamp::now().as_second();
    for (from, to) in [(-9, -6), (-1, 5), (24, 30)] {
        let time =
            |hours: i64| aws_sdk_ssmcontacts::primitives::DateTime::from_secs(now + hours * 3600);
        let made = world
            .contacts()
            .create_rotation_override()
            .rotation_id(&rotation)
            .new_contact_ids(&odd)
            .start_time(time(from))
            .end_time(time(to))
            .send();
        made.await.unwrap();
    }

    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("1"), directory.path().join("2"));
    let before = world.last_call().await;
    let (code, text) = import(&world, &first, &["--addresses-as-secrets"]).await;
    assert_eq!(code, Some(3), "{text}");
    let report = std::fs::read_to_string(first.join("IMPORT.md")).unwrap();
    assert!(
        report.contains(&lonely) && report.contains("in no schedule"),
        "{report}"
    );
    let set: String = files(&first)
        .into_values()
        .filter(|text| text.contains("kind: ReplicationSet"))
        .collect();
    assert!(
        set.contains("deletionProtection: false") && set.contains(&world.region),
        "{set}"
    );
    let read: Vec<_> = world.calls(before).await;
    assert!(read.len() > 10, "{read:?}");
    assert!(read.iter().all(|call| !call.mutating), "{read:?}");
    private(&first, "+15005550177");

    // The same bytes, whoever could read what was there.
    let there = second.join("secrets").join(&world.namespace);
    std::fs::create_dir_all(&there).unwrap();
    std::fs::write(there.join("secrets.yaml"), "before").unwrap();
    let (_, text) = import(&world, &second, &["--addresses-as-secrets"]).await;
    let again: Vec<String> = files(&second).into_values().collect();
    let once: Vec<String> = files(&first).into_values().collect();
    assert_eq!(once, again, "{text}");
    private(&second, "+15005550177");

    // As the documentation says; what needs its namespace comes after it.
    let before = world.last_call().await;
    let path = first.to_string_lossy();
    company::kubectl(&world, &["apply", "--server-side", "-R", "-f", &path]).await;
    let ours = [
        ("Contact", 2),
        ("OnCallSchedule", 1),
        ("RotationOverride", 2),
    ];
    for (kind, count) in ours {
        let objects = world.cluster.list(kind, Some(&world.namespace)).await;
        let objects = objects.unwrap();
        assert_eq!(objects.len(), count, "{kind}");
        for object in objects {
            let name = kube::ResourceExt::name_any(&object);
            let object = world.ready(kind, &name).await;
            let origin: &Value = &object.data["status"]["origin"];
            assert_eq!(*origin, json!("Adopted"), "{kind} {name}");
        }
    }
    let changed = mutations(&world, before).await;
    assert!(
        !changed.is_empty() && changed.iter().all(|c| c.contains("TagResource")),
        "{changed:?}"
    );
    world.finish().await;
}

/// Addresses stand in files that only their owner can read, out of Git's sight, and nowhere else.
fn private(directory: &Path, address: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = 0;
    for (path, text) in files(directory) {
        let secret = path.starts_with(directory.join("secrets"));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode == 0o600, secret, "{} {mode:o}", path.display());
        if text.contains(address) {
            assert!(secret, "{}", path.display());
            found += 1;
        }
    }
    assert_eq!(found, 1);
    let ignored = std::fs::read_to_string(directory.join("secrets/.gitignore")).unwrap();
    assert!(ignored.lines().any(|l| l == "*"));
}

#[tokio::test]
async fn reading_stays_within_the_published_quotas() {
    let stage = crate::support::build(World::builder("quotas").without_operator()).await;
    let world = &stage.world;
    for number in 0..30 {
        roster::make_person(world, &format!("person-{number}")).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let before = world.last_call().await;
    let (code, text) = import(world, &directory.path().join("out"), &[]).await;
    assert_eq!(code, Some(0), "{text}");
    let calls = world.calls(before).await;
    let times: Vec<jiff::Timestamp> = calls
        .iter()
        .filter(|c| c.service == "ssm-contacts")
        .map(|c| c.time.parse().unwrap())
        .collect();
    assert!(times.len() > 90, "{}", times.len());
    // 20 a second, two at once after a quiet moment, and one of rotations.
    for (index, from) in times.iter().enumerate() {
        let within = times[index..]
            .iter()
            .filter(|at| at.duration_since(*from).as_millis() < 1000)
            .count();
        assert!(within <= 25, "{within} calls in a second");
    }
    assert_eq!(world.operator_calls(before).await.len(), calls.len());
    stage.world.finish().await;
}
