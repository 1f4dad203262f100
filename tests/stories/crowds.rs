//! Many at once: namespaces that go, the brake on mass deletion, and how quiet it is when nothing changes.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use harness::world::namespace_gone;
use harness::{World, checks, seconds};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::support::{advance, build, contact, event};

/// So many contacts, ready; with their mobile activated when asked for.
async fn crowd(world: &World, count: usize, activated: bool) {
    let names: Vec<String> = (0..count)
        .map(|number| format!("person-{number}"))
        .collect();
    futures::stream::iter(&names)
        .for_each_concurrent(8, |name| async move {
            world.apply_value(contact(name)).await;
        })
        .await;
    world
        .eventually("everybody is ready", seconds(120), async || {
            let ready = contacts(world)
                .await
                .iter()
                .filter(|contact| checks::is_ready(contact))
                .count();
            if ready == count {
                Ok(())
            } else {
                Err(format!("{ready} of {count}"))
            }
        })
        .await;
    if !activated {
        return;
    }
    let client = world.contacts();
    let channels: Vec<String> = contacts(world)
        .await
        .iter()
        .map(|contact| {
            crate::support::channel_status(contact, "mobile")["arn"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    for channel in &channels {
        client
            .send_activation_code()
            .contact_channel_id(channel)
            .send()
            .await
            .unwrap();
    }
    for sent in world.simulator.codes(&world.account).await.unwrap() {
        client
            .activate_contact_channel()
            .contact_channel_id(sent.channel_arn)
            .activation_code(sent.code)
            .send()
            .await
            .unwrap();
    }
}

async fn contacts(world: &World) -> Vec<DynamicObject> {
    world
        .cluster
        .list("Contact", Some(&world.namespace))
        .await
        .unwrap()
}

/// How many contacts AWS has.
async fn in_aws(world: &World) -> usize {
    let client = world.contacts();
    let mut pages = client.list_contacts().into_paginator().items().send();
    let mut count = 0;
    while let Some(contact) = pages.next().await {
        contact.unwrap();
        count += 1;
    }
    count
}

#[tokio::test]
async fn a_namespace_with_fifty_people_goes_and_aws_is_empty() {
    let world = build(World::builder("fifty").without_history()).await;
    crowd(&world, 50, true).await;
    assert_eq!(in_aws(&world).await, 50);
    world.delete("Namespace", &world.namespace.clone()).await;
    namespace_gone(&world.cluster, &world.namespace, seconds(180))
        .await
        .unwrap();
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn mass_deletion_is_braked() {
    let world = build(
        World::builder("braked")
            .without_history()
            .simulated_clock()
            .provider(json!({"deletionBudget": null})),
    )
    .await;
    crowd(&world, 50, true).await;
    for contact in contacts(&world).await {
        world.delete("Contact", &contact.name_any()).await;
    }
    let braked = async |left: usize| {
        world
            .eventually(
                &format!("{left} are left, and held"),
                seconds(90),
                async || {
                    let contacts = contacts(&world).await;
                    let held = contacts
                        .iter()
                        .filter(|contact| {
                            checks::condition(contact, "DeletionBudgetExceeded")
                                .is_some_and(|held| held.is_true())
                        })
                        .count();
                    if (contacts.len(), held) == (left, left) {
                        Ok(())
                    } else {
                        Err(format!("{} left, {held} held", contacts.len()))
                    }
                },
            )
            .await;
    };
    braked(45).await;
    assert_eq!(in_aws(&world).await, 45);
    // It stays so.
    tokio::time::sleep(seconds(2)).await;
    braked(45).await;
    let held = contacts(&world).await.remove(0);
    assert!(
        held.finalizers()
            .iter()
            .any(|finalizer| finalizer == "incident-operator.dev/aws")
    );
    let ready = checks::condition(&held, "Ready").unwrap();
    assert_eq!(ready.reason, "DeletionBudgetExceeded");
    assert!(
        ready.message.contains("maxPerHour") && ready.message.contains("Retain"),
        "{ready}"
    );
    event(
        &world,
        "Contact",
        &held.name_any(),
        "DeletionBudgetExceeded",
        "used up",
    )
    .await;
    let account = format!("account=\"{}\"", world.account);
    let counted = world
        .operator()
        .metric(
            "incident_operator_deletion_budget_exceeded_total",
            &[&account],
        )
        .await
        .unwrap();
    assert!(
        counted.is_some_and(|counted| counted >= 45.0),
        "{counted:?}"
    );
    let config = world.get("ProviderConfig", &world.id).await;
    assert_eq!(
        config.data["status"]["deletions"].as_array().map(Vec::len),
        Some(5)
    );

    // A restart does not forget, an hour does.
    let mut world = world;
    world.operator_mut().restart().await.unwrap();
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(in_aws(&world).await, 45);
    advance(&world, seconds(3601)).await;
    let world = world;
    world
        .eventually("five more are gone", seconds(90), async || {
            in_aws(&world).await == 40
        })
        .await;
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(in_aws(&world).await, 40);
    // Somebody says that it is meant.
    world
        .patch(
            "ProviderConfig",
            &world.id,
            &json!({"spec": {"deletionBudget": {"maxPerHour": 1000}}}),
        )
        .await;
    world
        .eventually("all are gone", seconds(90), async || {
            contacts(&world).await.is_empty()
        })
        .await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn people_without_an_activated_channel_are_not_counted() {
    let world = build(
        World::builder("not-braked")
            .without_history()
            .provider(json!({"deletionBudget": {"maxPerHour": 0}})),
    )
    .await;
    crowd(&world, 8, false).await;
    for contact in contacts(&world).await {
        world.delete("Contact", &contact.name_any()).await;
    }
    world
        .eventually("all are gone", seconds(30), async || {
            contacts(&world).await.is_empty()
        })
        .await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn when_nothing_changes_nothing_is_written_and_little_is_read() {
    const PEOPLE: usize = 100;
    const INTERVAL: f64 = 2.0;
    let world = build(World::builder("steady").without_history().drift("2s")).await;
    crowd(&world, PEOPLE, false).await;
    // The last checks that belong to the beginning.
    tokio::time::sleep(seconds(3)).await;
    let mark = world.audit().unwrap().mark();
    let since = world.last_call().await;
    let begin = std::time::Instant::now();
    tokio::time::sleep(seconds(7)).await;
    let calls = world.operator_calls(since).await;
    let took = begin.elapsed().as_secs_f64();
    // The audit log is written behind the answers.
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(
        world.operator_writes(mark),
        [],
        "nothing changed, so nothing is written"
    );
    let changing: Vec<_> = calls.iter().filter(|call| call.mutating).collect();
    assert!(changing.is_empty(), "{changing:?}");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &calls {
        *counts.entry(&call.operation).or_default() += 1;
    }
    // Each contact's own moment varies by a tenth; one more check may fall into the window at its edge.
    let most_checks = (took / (INTERVAL * 0.9) + 1.0) * 100.0;
    let least_checks = (took / (INTERVAL * 1.1) - 1.0) * 100.0 * 0.5;
    let count = |operation: &str| {
        f64::from(u32::try_from(counts.get(operation).copied().unwrap_or(0)).unwrap())
    };
    assert!(count("GetContact") <= most_checks, "{counts:?} in {took} s");
    assert!(
        count("GetContact") >= least_checks,
        "drift is looked for: {counts:?} in {took} s"
    );
    assert!(
        count("ListContactChannels") <= count("GetContact") + 32.0,
        "{counts:?}"
    );
    let tags = count("ListTagsForResource");
    assert!(
        tags <= count("GetContact") / 3.0,
        "tags are read rarely: {counts:?}"
    );
    let rest: usize = counts
        .iter()
        .filter(|(operation, _)| {
            !matches!(
                **operation,
                "GetContact" | "ListContactChannels" | "ListTagsForResource"
            )
        })
        .map(|(_, count)| count)
        .sum();
    assert!(rest <= 20, "of the account as a whole: {counts:?}");
    let one: Value = world.get("Contact", "person-7").await.data["status"].clone();
    assert!(one["pendingChanges"].is_null());
    world.finish().await;
}

#[tokio::test]
async fn the_lowest_deletion_budget_of_several_holds() {
    let world = build(World::builder("budgets").without_history()).await;
    let mut careful = world.provider_config();
    careful["metadata"]["name"] = json!(format!("{}-careful", world.id));
    careful["spec"]["deletionBudget"] = json!({"maxPerHour": 2});
    world.apply_value(careful).await;
    crowd(&world, 5, true).await;
    for contact in contacts(&world).await {
        world.delete("Contact", &contact.name_any()).await;
    }
    let held = async || {
        let contacts = contacts(&world).await;
        let held = contacts.iter().filter(|contact| {
            checks::condition(contact, "DeletionBudgetExceeded").is_some_and(|held| held.is_true())
        });
        (contacts.len(), held.count())
    };
    world
        .eventually("two are gone, three are held", seconds(30), async || {
            held().await == (3, 3)
        })
        .await;
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(held().await, (3, 3));
    // Letting go is not deleting.
    let left = contacts(&world).await;
    for contact in &left {
        world
            .patch(
                "Contact",
                &contact.name_any(),
                &json!({"spec": {"deletionPolicy": "Retain"}}),
            )
            .await;
    }
    world
        .eventually("all are let go", seconds(30), async || {
            contacts(&world).await.is_empty()
        })
        .await;
    assert_eq!(in_aws(&world).await, 3);
    world.finish().await;
}
