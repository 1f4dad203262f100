//! Everything vanishes from Git and is pruned at once: a wrong path, an empty branch, a tool with a bad day.

use harness::{World, checks, seconds};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::company::{self, all_ready, at_work, count, of_team, person};
use crate::support::{
    Stage, activate_by_hand, build, channel_arn, contact, contact_with, event, held, must_hold,
    mutations,
};

/// Of these, made here and with an activated mobile, two an hour may go.
const CREATED: [&str; 5] = ["alice", "bob", "carol", "erin", "frank"];
const BUDGET: usize = 2;

/// The company, everybody of it with an activated mobile but for one who cannot be paged anyway. Answers with the directory of its manifests.
async fn reachable(name: &str) -> (Stage, tempfile::TempDir) {
    let world = World::builder(name).namespace("team").without_history();
    let world = build(world.provider(json!({"deletionBudget": {"maxPerHour": BUDGET}}))).await;
    let mut manifests = at_work(&world).await;
    // A swap keeps whoever is in it until it is over, and is no part of this.
    manifests.push(world.at_home(contact("frank")));
    manifests.push(world.at_home(contact("nobody-calls")));
    let config = world.provider_config();
    manifests.push(config);
    let files = company::apply(&world, &manifests).await;
    all_ready(&world, count(&manifests)).await;
    for name in &CREATED[1..] {
        activate_by_hand(&world, &channel_arn(&world, name, "mobile").await).await;
    }
    (world, files)
}

async fn contacts(world: &World) -> Vec<DynamicObject> {
    let found = world.cluster.list("Contact", Some(&world.namespace)).await;
    found.unwrap()
}

/// How many contacts are left, and how many of them the brake holds.
async fn left(world: &World) -> (usize, usize) {
    let contacts = contacts(world).await;
    let held = contacts.iter().filter(|contact| {
        checks::condition(contact, "DeletionBudgetExceeded").is_some_and(|held| held.is_true())
    });
    (contacts.len(), held.count())
}

/// Aliases that AWS still has.
async fn in_aws(world: &World) -> Vec<String> {
    world.aws().await.into_iter().map(|c| c.alias).collect()
}

async fn is_as_it_was(world: &World, before: &[harness::aws::Contact], rotations: usize) {
    for was in before {
        let mut now = must_hold(world, &was.alias).await;
        now.tags
            .retain(|key, _| !key.starts_with("incident-operator/"));
        let mut was = was.clone();
        was.tags
            .retain(|key, _| !key.starts_with("incident-operator/"));
        assert_eq!(now, was, "what was adopted is as it was");
    }
    assert_eq!(world.rotations().await.len(), rotations);
}

const ADOPTED: [&str; 3] = ["dora", "legacy-schedule", "legacy-plan"];

#[tokio::test]
async fn everything_pruned_at_once_is_braked_and_nothing_adopted_goes() {
    let (world, files) = reachable("pruned").await;
    let adopted = world.aws().await.into_iter();
    let adopted: Vec<_> = adopted
        .filter(|c| ADOPTED.contains(&c.alias.as_str()))
        .collect();
    assert_eq!(adopted.len(), ADOPTED.len());
    let mark = world.last_call().await;
    let path = files.path().to_string_lossy().into_owned();
    company::kubectl(&world, &["delete", "-R", "-f", &path, "--wait=false"]).await;

    let held_back = CREATED.len() - BUDGET;
    let what = format!("{held_back} are left, and held");
    world
        .eventually(&what, seconds(60), async || {
            let left = left(&world).await;
            if left == (held_back, held_back) {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        })
        .await;
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(left(&world).await, (held_back, held_back));
    let rest = in_aws(&world).await;
    assert_eq!(rest.len(), ADOPTED.len() + held_back, "{rest:?}");
    is_as_it_was(&world, &adopted, 1).await;
    for contact in world.aws().await {
        let ours = contact
            .tags
            .keys()
            .any(|k| k.starts_with("incident-operator/"));
        assert_eq!(
            ours,
            !ADOPTED.contains(&contact.alias.as_str()),
            "{}",
            contact.alias
        );
    }
    assert!(
        held(&world, "nobody-calls").await.is_none(),
        "nobody misses this one"
    );

    // What a user sees.
    let stuck = contacts(&world).await.remove(0).name_any();
    world
        .condition(
            "Contact",
            &stuck,
            "DeletionBudgetExceeded",
            "True",
            "DeletionBudgetExceeded",
        )
        .await;
    let ready = checks::condition(&world.get("Contact", &stuck).await, "Ready").unwrap();
    for words in [
        "maxPerHour",
        "deletionPolicy: Retain",
        "adoptionPolicy: Adopt",
        &world.id,
    ] {
        assert!(ready.message.contains(words), "{words}: {ready}");
    }
    event(
        &world,
        "Contact",
        &stuck,
        "DeletionBudgetExceeded",
        "maxPerHour",
    )
    .await;
    let shown = company::kubectl(&world, &["get", "contacts", "-n", &world.namespace]).await;
    let count = shown.matches("DeletionBudgetExceeded").count();
    assert_eq!(count, held_back, "{shown}");
    let account = format!("account=\"{}\"", world.account);
    let counter = "incident_operator_deletion_budget_exceeded_total";
    let alert = world.operator().metric(counter, &[&account]).await.unwrap();
    assert!(alert.is_some_and(|count| count >= 3.0), "{alert:?}");
    let config = world.get("ProviderConfig", &world.id).await;
    assert!(config.metadata.deletion_timestamp.is_some(), "it goes last");

    // As docs/safety.md finds those that wait.
    let waiting = "jsonpath={range .items[?(@.metadata.deletionTimestamp)]}{.metadata.namespace} {.metadata.name}{\"\\n\"}{end}";
    let waiting = company::kubectl(
        &world,
        &["get", "contacts", "-n", &world.namespace, "-o", waiting],
    )
    .await;
    let line = format!("{} {stuck}", world.namespace);
    assert_eq!(waiting.lines().count(), held_back, "{waiting}");
    assert!(waiting.lines().any(|each| each == line), "{waiting}");

    // One is rescued: let go, and taken over again.
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    let arn = must_hold(&world, &stuck).await.arn;
    world.patch("Contact", &stuck, &retain).await;
    world.gone("Contact", &stuck).await;
    assert_eq!(must_hold(&world, &stuck).await.arn, arn);

    // The others are meant to go.
    let raised = json!({"spec": {"deletionBudget": {"maxPerHour": 1000}}});
    world
        .patch("ProviderConfig", &world.id.clone(), &raised)
        .await;
    world
        .eventually("all of it is gone", seconds(30), async || {
            let objects = world.our_objects().await.unwrap();
            if objects.is_empty() {
                Ok(())
            } else {
                Err(objects
                    .iter()
                    .map(company::label)
                    .collect::<Vec<_>>()
                    .join(", "))
            }
        })
        .await;
    let mut rest = in_aws(&world).await;
    rest.sort();
    let mut wanted: Vec<String> = ADOPTED.iter().map(|a| (*a).to_owned()).collect();
    wanted.push(stuck.clone());
    wanted.sort();
    assert_eq!(rest, wanted);
    is_as_it_was(&world, &adopted, 1).await;
    let sent = mutations(&world, mark).await;
    let deletions = sent.iter().filter(|o| *o == "DeleteContact").count();
    // The created people but the rescued one, the one without an activated channel, the schedule and the plan.
    assert_eq!(deletions, CREATED.len() - 1 + 1 + 2, "{sent:?}");

    // The rescued one is in somebody's hands again, with nothing changed but tags.
    let mark = world.last_call().await;
    world.apply_value(world.provider_config()).await;
    let again = json!({"adoptionPolicy": "Adopt", "deletionPolicy": "Delete"});
    let mut again = contact_with(&stuck, &again);
    if stuck == "bob" {
        let address = json!({"secretKeyRef": {"name": "bob-address", "key": "mobile"}});
        again["spec"]["channels"][0] =
            json!({"name": "mobile", "type": "SMS", "addressFrom": address});
        let address = json!({"mobile": "+15005550123"});
        world
            .apply_value(crate::support::secret("bob-address", &address))
            .await;
    }
    world.apply_value(again).await;
    world.ready("Contact", &stuck).await;
    assert_eq!(mutations(&world, mark).await, ["TagResource"]);
    world.finish().await;
}

#[tokio::test]
async fn what_is_pruned_and_still_engaged_waits_for_those_who_engage_it() {
    let world = build(
        World::builder("pruned-part")
            .namespace("team")
            .without_history(),
    )
    .await;
    let manifests = at_work(&world).await;
    let files = company::apply(&world, &people_of(&manifests)).await;
    let mark = world.last_call().await;
    let path = files.path().to_string_lossy().into_owned();
    // Only the people are pruned: the team's schedules and plans live.
    company::kubectl(&world, &["delete", "-R", "-f", &path, "--wait=false"]).await;
    for name in ["alice", "bob", "carol", "erin"] {
        let ready = world
            .condition("Contact", name, "Ready", "False", "StillReferenced")
            .await;
        assert!(ready.message.contains("primary"), "{ready}");
    }
    // What was adopted is let go at once, and stays in the rotation.
    world.gone("Contact", "dora").await;
    let sent = mutations(&world, mark).await;
    assert_eq!(sent, ["UntagResource"], "Dora's tags");
    let primary = world
        .get("OnCallSchedule", &of_team(&world, "primary"))
        .await;
    let night = json!([
        person(&world, "erin"),
        person(&world, "bob"),
        person(&world, "dora")
    ]);
    assert_eq!(primary.data["spec"]["rotations"][1]["contactRefs"], night);
    let members = world
        .rotations()
        .await
        .into_iter()
        .find(|r| r.name == "night");
    assert_eq!(members.unwrap().members.len(), 3);
    world.finish().await;
}

fn people_of(manifests: &[Value]) -> Vec<Value> {
    let people = manifests
        .iter()
        .filter(|object| object["kind"] == "Contact");
    people.cloned().collect()
}
