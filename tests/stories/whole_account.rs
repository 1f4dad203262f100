//! An account at full size, made by boto3 and by many hands, comes under management; the cluster is lost and made again. AWS gets nothing but tags.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;

use futures::StreamExt as _;
use harness::aws::access_key;
use harness::paths::repository;
use harness::{World, checks, seconds};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::import::{command, files, import};
use crate::release::run;
use crate::support::{Stage, build, findings, mutations};

/// Kinds that stand for something in AWS.
const KINDS: [&str; 4] = [
    "Contact",
    "OnCallSchedule",
    "EscalationPlan",
    "RotationOverride",
];
/// As the script that furnishes the account knows them.
const TEAMS: [&str; 5] = ["payments", "search", "checkout", "platform", "data"];

async fn office(name: &str) -> Stage {
    let mut builder = World::builder(name)
        .without_operator()
        .without_provider()
        .without_history();
    for team in TEAMS {
        builder = builder.namespace(team);
    }
    build(builder).await
}

/// Furnishes the world's account, and answers with what was made.
async fn furnish(world: &World, people: usize) -> Value {
    let tests = repository().join("tests");
    let output = tokio::process::Command::new(tests.join("conformance/python"))
        .arg(tests.join("furnish/account.py"))
        .args(["--account", &world.account, "--region", &world.region])
        .args(["--people", &people.to_string()])
        .args(["--team-prefix", &format!("{}-", world.id)])
        .env("AWS_ENDPOINT_URL", world.simulator.endpoint())
        .env("AWS_ACCESS_KEY_ID", access_key(&world.account))
        .env("AWS_SECRET_ACCESS_KEY", "none")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// By team, and as fast as the machine goes.
const FLAGS: [&str; 5] = [
    "--addresses-as-secrets",
    "--namespace-tag",
    "team",
    "--rate-multiplier",
    "100",
];

/// What AWS has, tags apart.
async fn state(world: &World) -> Value {
    let path = format!("accounts/{}", world.account);
    let state = world.simulator.control("GET", &path, None).await.unwrap();
    let mut held = state["contacts"].clone();
    assert!(held["us-east-1"]["contacts"].as_object().unwrap().len() > 150);
    without_tags(&mut held);
    held
}

fn without_tags(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("tags");
            fields.values_mut().for_each(without_tags);
        }
        Value::Array(items) => items.iter_mut().for_each(without_tags),
        _ => {}
    }
}

/// Everything below the directory, as a user applies it.
async fn apply(world: &World, directory: &Path) -> BTreeSet<(String, String, String)> {
    let mut objects = vec![];
    for (path, text) in files(directory) {
        if path.extension().is_some_and(|e| e == "yaml") {
            objects.extend(world.objects(&text));
        }
    }
    let key = |o: &Value| {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let metadata = &o["metadata"];
        let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
        (text(&o["kind"]), namespace, name)
    };
    let keys = objects.iter().map(key).collect();
    futures::stream::iter(objects)
        .for_each_concurrent(16, |mut object| async move {
            if object["kind"] == "ProviderConfig" {
                // The published quotas would have it take seven minutes.
                let groups = ["ContactsRead", "ContactsWrite", "RotationsRead"];
                let unlimited = groups.map(|g| json!({"group": g, "perSecond": 100_000}));
                object["spec"]["rateLimits"] = json!(unlimited);
            }
            if object["kind"] == "Secret" && !is_sample(&object) {
                // What is looked for in everything that the operator has written is some of them: all would take longer than the story.
                world.cluster.try_apply(&object).await.unwrap();
            } else {
                world.apply_value(object).await;
            }
        })
        .await;
    keys
}

/// One of ten.
fn is_sample(secret: &Value) -> bool {
    let name = secret["metadata"]["name"].as_str().unwrap_or_default();
    name.bytes().map(usize::from).sum::<usize>() % 10 == 0
}

async fn all(world: &World, kind: &str) -> Vec<DynamicObject> {
    let mut objects = world.cluster.list(kind, None).await.unwrap();
    objects.retain(|o| {
        world
            .namespaces()
            .contains(&o.namespace().unwrap_or_default())
    });
    objects
}

/// Waits until every object is Ready; then all of them, by kind, namespace and name.
async fn everything_ready(world: &World) -> BTreeMap<(String, String, String), DynamicObject> {
    world
        .eventually("everything is Ready", seconds(150), async || {
            let mut found = BTreeMap::new();
            let mut waiting = vec![];
            for kind in KINDS {
                for object in all(world, kind).await {
                    let (namespace, name) = (object.namespace().unwrap(), object.name_any());
                    if !checks::is_ready(&object) {
                        let ready = checks::condition(&object, "Ready").map(|c| c.to_string());
                        waiting.push(format!("{kind} {namespace}/{name}: {ready:?}"));
                    }
                    found.insert((kind.to_owned(), namespace, name), object);
                }
            }
            if waiting.is_empty() {
                Ok(found)
            } else {
                // Lists of hundreds of objects are work, and others want the processor.
                tokio::time::sleep(seconds(1)).await;
                waiting.truncate(20);
                Err(waiting.join("\n"))
            }
        })
        .await
}

/// The cluster as after its loss: no object of ours is there any more, and nobody has finished anything.
async fn lose_everything(world: &World) {
    let kinds = world.cluster.our_kinds().await.unwrap();
    for (kind, namespaced) in kinds {
        let objects = world.cluster.list(&kind, None).await.unwrap();
        let mine = |o: &DynamicObject| match o.namespace() {
            Some(namespace) if namespaced => world.namespaces().contains(&namespace),
            _ => o.name_any() == world.id,
        };
        futures::stream::iter(objects.into_iter().filter(mine))
            .for_each_concurrent(16, |object| {
                let kind = &kind;
                async move {
                    let (namespace, name) = (object.namespace(), object.name_any());
                    let none = json!({"metadata": {"finalizers": null}});
                    let merged = world
                        .cluster
                        .merge(kind, namespace.as_deref(), &name, &none);
                    merged.await.unwrap();
                    let deleted = world.cluster.delete(kind, namespace.as_deref(), &name);
                    deleted.await.unwrap();
                }
            })
            .await;
    }
}

#[tokio::test]
async fn three_hundred_people_come_under_management_and_survive_the_cluster() {
    let mut stage = office("account").await;
    let world = &stage.world;
    let made = furnish(world, 300).await;
    let directory = tempfile::tempdir().unwrap();
    let out = |name: &str| directory.path().join(name);

    // Read, and nothing else.
    let held = state(world).await;
    let before = world.last_call().await;
    let (code, said) = import(world, &out("first"), &FLAGS).await;
    assert_eq!(code, Some(3), "{said}");
    let read = world.calls(before).await;
    assert!(read.len() > 1000, "{}", read.len());
    let wrote: Vec<_> = read.iter().filter(|call| call.mutating).collect();
    assert!(wrote.is_empty(), "{wrote:?}");
    let report = std::fs::read_to_string(out("first").join("IMPORT.md")).unwrap();
    let told = |subject: &str, reason: &str| {
        let begin = format!("- `{subject}`: ");
        report
            .lines()
            .any(|l| l.starts_with(&begin) && l.contains(reason))
    };
    for list in ["nothing", "inPart", "byArn"] {
        let expected = made[list].as_object().unwrap();
        assert!(expected.len() >= 4, "{list}");
        for (subject, reason) in expected {
            let reason = reason.as_str().unwrap();
            assert!(told(subject, reason), "{subject}: {reason}\n{report}");
        }
    }
    let begun = report.lines().filter(|l| l.starts_with("- `")).count();
    // Besides: a tag that only a rotation has, and the namespaces that stand for a tag are as they are.
    let known = ["nothing", "inPart", "byArn"].map(|l| made[l].as_object().unwrap().len());
    assert_eq!(begun, known.iter().sum::<usize>() + 1, "{report}");

    // Again: the same bytes.
    let (_, said) = import(world, &out("second"), &FLAGS).await;
    same_files(&out("first"), &out("second"), &said);

    // Under management, with nothing changed but tags.
    let before = world.last_call().await;
    let applied = apply(world, &out("first")).await;
    stage.world.start_operator().await.unwrap();
    let world = &stage.world;
    let objects = everything_ready(world).await;
    let count = |kind: &str| objects.keys().filter(|(k, ..)| k == kind).count();
    let nothing = made["nothing"].as_object().unwrap().len();
    // Of what no manifest was written for, one is a rotation and one is a plan.
    assert_eq!(count("Contact"), 300 - (nothing - 2));
    assert_eq!(count("OnCallSchedule"), 40);
    assert_eq!(count("EscalationPlan"), 19);
    assert_eq!(json!(count("RotationOverride")), made["overrides"]);
    assert!(objects.keys().all(|key| applied.contains(key)));
    for ((kind, _, name), object) in &objects {
        assert_eq!(
            object.data["status"]["origin"],
            json!("Adopted"),
            "{kind} {name}"
        );
        assert_eq!(
            object.data["status"]["effectiveDeletionPolicy"],
            json!("Retain")
        );
    }
    let changed: BTreeSet<String> = mutations(world, before).await.into_iter().collect();
    assert_eq!(changed, BTreeSet::from(["TagResource".to_owned()]));
    assert_eq!(state(world).await, held);
    // What is held by ARN counts as resolved, and is told.
    for subject in made["byArn"].as_object().unwrap().keys() {
        let found = objects
            .iter()
            .find(|((_, _, name), _)| name == subject)
            .unwrap();
        assert!(
            !findings(found.1).is_empty(),
            "{subject}: {}",
            found.1.data["status"]
        );
    }

    // Our own tags are no part of manifests.
    let (_, said) = import(world, &out("adopted"), &FLAGS).await;
    same_files(&out("first"), &out("adopted"), &said);

    // Nothing is left to do. The ProviderConfig is the cluster's: that of the file has the published quotas.
    let manifests = files(&out("first")).into_iter().filter(|(path, text)| {
        path.extension().is_some_and(|e| e == "yaml") && !text.contains("kind: ProviderConfig")
    });
    let manifests: Vec<_> = manifests.map(|(path, _)| path).collect();
    let mut arguments = vec!["plan"];
    for path in &manifests {
        arguments.extend(["-f", path.to_str().unwrap()]);
    }
    let before = world.last_call().await;
    let (code, said) = run(world, &arguments, world.simulator.endpoint()).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("nothing to do") && said.contains("40 OnCallSchedules"),
        "{said}"
    );
    assert_eq!(mutations(world, before).await, Vec::<String>::new());

    // The cluster is lost; one with the same files goes on as if nothing had been.
    stage.world.operator().kill9();
    lose_everything(&stage.world).await;
    let before = stage.world.last_call().await;
    apply(&stage.world, &out("first")).await;
    stage.world.operator_mut().restart().await.unwrap();
    let again = everything_ready(&stage.world).await;
    assert_eq!(mutations(&stage.world, before).await, Vec::<String>::new());
    assert_eq!(
        again.keys().collect::<Vec<_>>(),
        objects.keys().collect::<Vec<_>>()
    );
    for (key, object) in &again {
        assert_ne!(object.uid(), objects[key].uid());
        assert_eq!(object.data["status"]["origin"], json!("Adopted"), "{key:?}");
    }
    assert_eq!(state(&stage.world).await, held);
    stage.world.finish().await;
}

fn same_files(one: &Path, other: &Path, said: &str) {
    let below = |directory: &Path| -> BTreeMap<_, _> {
        let files = files(directory).into_iter();
        files
            .map(|(path, text)| (path.strip_prefix(directory).unwrap().to_owned(), text))
            .collect()
    };
    let (one, other) = (below(one), below(other));
    let names = |files: &BTreeMap<std::path::PathBuf, String>| -> Vec<_> {
        files.keys().cloned().collect()
    };
    assert_eq!(names(&one), names(&other), "{said}");
    for (path, text) in &one {
        assert!(other[path] == *text, "{} differs\n{said}", path.display());
    }
}

#[tokio::test]
async fn an_import_that_is_killed_or_throttled_goes_on_and_ends_with_the_same_files() {
    let stage = office("resumed").await;
    let world = &stage.world;
    furnish(world, 120).await;
    let directory = tempfile::tempdir().unwrap();
    let (whole, killed) = (
        directory.path().join("whole"),
        directory.path().join("killed"),
    );
    let (_, said) = import(world, &whole, &FLAGS).await;
    let progress = killed.join("secrets/.import-progress.jsonl");
    let lines = || std::fs::read_to_string(&progress).map_or(0, |t| t.lines().count());

    // Killed twice, in the middle of it.
    let slowly: Vec<&str> = FLAGS[..4].iter().copied().chain(["10"]).collect();
    let mut read = BTreeSet::new();
    for at in [30, 90] {
        let before = world.last_call().await;
        let mut child = command(world, &killed, &slowly).spawn().unwrap();
        world
            .eventually("it has read some", seconds(60), async || lines() > at)
            .await;
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        assert!(!killed.join("IMPORT.md").exists());
        read_further(world, before, &mut read).await;
    }
    assert!(read.len() >= 80, "{}", read.len());

    // Throttled and cut off from then on.
    for (kind, times) in [("throttle", 4), ("cut", 2)] {
        world.fault(harness::Fault::new(kind).times(times)).await;
    }
    let before = world.last_call().await;
    let (code, goes_on) = import(world, &killed, &FLAGS).await;
    assert_eq!(code, Some(3), "{goes_on}");
    assert!(
        goes_on.contains("going on with an interrupted import"),
        "{goes_on}"
    );
    let met = world.calls(before).await;
    assert!(met.iter().any(|c| c.error.is_some()), "no fault was met");
    read_further(world, before, &mut read).await;
    same_files(&whole, &killed, &said);
    assert!(!progress.exists());
    stage.world.finish().await;
}

/// What was read since `before` was not read before, but for what was under way when it was killed.
async fn read_further(world: &World, before: u64, read: &mut BTreeSet<String>) {
    let calls = world.calls(before).await;
    let contacts = calls.iter().filter(|c| c.operation == "GetContact");
    let contacts: BTreeSet<String> = contacts
        .filter(|c| c.error.is_none())
        .map(|c| c.request["ContactId"].as_str().unwrap().to_owned())
        .collect();
    assert!(contacts.len() > 20, "{}", contacts.len());
    let twice = contacts.intersection(read).count();
    assert!(twice <= 8, "{twice} of {} read twice", contacts.len());
    read.extend(contacts);
}
