//! `incident-operator export`: the same people, schedules and plans from the cluster as from the account, and shifts as iCalendar.

use std::collections::BTreeMap;

use calcard::icalendar::{ICalendar, ICalendarComponentType, ICalendarProperty};
use harness::World;
use serde_json::{Value, json};

use crate::release::{NOWHERE, run};
use crate::roster;
use crate::support::{ALICE, contact, secret, stage};

async fn export(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["export"];
    all.extend(arguments);
    run(world, &all, world.simulator.endpoint()).await
}

/// What differs by nature: where in the cluster it is.
fn without_objects(mut document: Value) -> Value {
    let account = &mut document["accounts"][0];
    for list in ["people", "schedules", "escalationPlans"] {
        for one in account[list].as_array_mut().unwrap() {
            one.as_object_mut().unwrap().remove("object");
        }
    }
    document
}

async fn company(world: &World) {
    world.apply(ALICE).await;
    world.apply_value(contact("bob")).await;
    world
        .apply_value(secret("carol-data", &json!({"phone": "+15005550177"})))
        .await;
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact",
            "metadata": {"name": "carol"},
            "spec": {"alias": "carol_c", "tags": {"team": "payments"}, "channels": [
                {"name": "mobile", "type": "Voice", "addressFrom": {"secretKeyRef": {"name": "carol-data", "key": "phone"}}}]},
        }))
        .await;
    let week = roster::rotation("week", &["alice", "bob", "carol"]);
    let night = roster::with(
        roster::rotation("office", &["carol", "alice"]),
        &json!({
            "timeZone": "Europe/Paris",
            "coverage": [{"days": ["Mon", "Fri"], "start": "09:00", "end": "17:00"}],
            "recurrence": {"type": "Daily", "shiftLength": 2, "numberOfOnCalls": 2, "daily": {"handOffs": [{"time": "08:30"}]}},
        }),
    );
    world
        .apply_value(roster::schedule("primary", &[week, night]))
        .await;
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "EscalationPlan",
            "metadata": {"name": "ladder"},
            "spec": {"displayName": "Ladder", "stages": [{"durationMinutes": 5, "targets": [
                {"onCallScheduleRef": {"name": "primary"}, "onAcknowledge": "StopEscalation"}]}, {"durationMinutes": 10, "targets": [{"contactRef": {"name": "carol"}}]}]},
        }))
        .await;
    world.ready("OnCallSchedule", "primary").await;
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "RotationOverride",
            "metadata": {"name": "swap"},
            "spec": {"scheduleRef": {"name": "primary"}, "rotation": "week", "contactRefs": [{"name": "carol"}], "durationMinutes": 600},
        }))
        .await;
    for name in ["alice", "bob", "carol"] {
        world.ready("Contact", name).await;
    }
    world.ready("EscalationPlan", "ladder").await;
    world.ready("RotationOverride", "swap").await;
    world
        .eventually(
            "the schedule shows the override",
            harness::seconds(20),
            async || {
                let schedule = world.get("OnCallSchedule", "primary").await;
                schedule.data["status"]["overrides"][0]["contacts"] == json!(["carol"])
            },
        )
        .await;
}

#[tokio::test]
async fn cluster_and_account_say_the_same_without_addresses() {
    let world = stage("export").await;
    company(&world).await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (cluster, account) = (file("cluster.json"), file("account.json"));
    let here = ["--namespace", world.namespace.as_str()];

    // The cluster alone is read.
    let asked = ["export", "--from", "cluster", "--out", &cluster];
    let (code, text) = run(&world, &[&asked[..], &here].concat(), NOWHERE).await;
    assert_eq!(code, Some(0), "{text}");
    let mark = world.last_call().await;
    let (code, text) = export(&world, &["--from", "account", "--out", &account]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(world.calls(mark).await.iter().all(|c| !c.mutating));

    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let (cluster_text, account_text) = (read(&cluster), read(&account));
    for text in [&cluster_text, &account_text] {
        assert!(!text.contains("+1500") && !text.contains("@example.com"));
    }
    let parse = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let (cluster, account) = (parse(&cluster_text), parse(&account_text));
    assert_eq!(without_objects(cluster.clone()), account);

    let place = &cluster["accounts"][0];
    assert_eq!(cluster["version"], 1);
    assert_eq!(place["accountId"], json!(world.account));
    let names = |list: &str| -> Vec<&str> {
        let all = place[list].as_array().unwrap();
        all.iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect()
    };
    assert_eq!(names("people"), ["alice", "bob", "carol_c"]);
    assert_eq!(names("escalationPlans"), ["ladder"]);
    assert_eq!(place["people"][2]["tags"], json!({"team": "payments"}));
    let rotations = &place["schedules"][0]["rotations"];
    assert_eq!(rotations[0]["members"], json!(["alice", "bob", "carol_c"]));
    assert_eq!(rotations[0]["overrides"][0]["people"], json!(["carol_c"]));
    assert_eq!(
        (
            &rotations[1]["unit"],
            &rotations[1]["shiftLength"],
            &rotations[1]["onCallAtOnce"]
        ),
        (&json!("Day"), &json!(2), &json!(2))
    );
    assert_eq!(
        place["escalationPlans"][0]["stages"][0]["targets"],
        json!([{"kind": "Schedule", "name": "primary", "stopsEscalation": true}])
    );

    // With addresses, when they are asked for: those in Secrets, too, and only for the owner of the file.
    let private = file("private.json");
    let asked = ["--from", "cluster", "--with-addresses", "--out", &private];
    let (code, text) = export(&world, &[&asked[..], &here].concat()).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("+1500"), "{text}");
    let with_addresses = parse(&read(&private));
    assert_eq!(
        with_addresses["accounts"][0]["people"][2]["channels"][0]["address"],
        "+15005550177"
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&private).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let asked = ["--from", "account", "--with-addresses", "--out", &private];
    let (code, text) = export(&world, &asked).await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(without_objects(with_addresses), parse(&read(&private)));
    world.finish().await;
}

/// Start and end of every event with its summary, as an independent parser reads them.
fn events(text: &str) -> Vec<(i64, i64, String)> {
    let calendar = ICalendar::parse(text).unwrap();
    let events = calendar.components.iter();
    let events = events.filter(|c| c.component_type == ICalendarComponentType::VEvent);
    let mut all: Vec<_> = events
        .map(|event| {
            let find = |name: ICalendarProperty| {
                let entry = event.entries.iter().find(|e| e.name == name).unwrap();
                entry.values.first().unwrap().clone()
            };
            let time = |name| {
                find(name)
                    .as_partial_date_time()
                    .unwrap()
                    .to_timestamp()
                    .unwrap()
            };
            let summary = find(ICalendarProperty::Summary)
                .as_text()
                .unwrap()
                .to_owned();
            (
                time(ICalendarProperty::Dtstart),
                time(ICalendarProperty::Dtend),
                summary,
            )
        })
        .collect();
    all.sort();
    all
}

/// The same from AWS itself.
async fn shifts_in_aws(world: &World, weeks: i64) -> Vec<(i64, i64, String)> {
    let client = world.contacts();
    let now = jiff::Timestamp::now().as_second();
    let mut all = vec![];
    for rotation in world.rotations().await {
        let mut pages = client
            .list_rotation_shifts()
            .rotation_id(&rotation.arn)
            .start_time(aws_sdk_ssmcontacts::primitives::DateTime::from_secs(now))
            .end_time(aws_sdk_ssmcontacts::primitives::DateTime::from_secs(
                now + weeks * 7 * 86400,
            ))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for shift in page.unwrap().rotation_shifts() {
                let people = shift.contact_ids().iter();
                let people: Vec<&str> = people.map(|a| a.rsplit('/').next().unwrap()).collect();
                let summary = format!("{} on call: primary, {}", people.join(", "), rotation.name);
                all.push((shift.start_time().secs(), shift.end_time().secs(), summary));
            }
        }
    }
    all.sort();
    all
}

#[tokio::test]
async fn calendars_hold_the_shifts_that_aws_lists() {
    let world = stage("calendars").await;
    company(&world).await;
    let directory = tempfile::tempdir().unwrap();
    let mut feeds = BTreeMap::new();
    for source in ["cluster", "account"] {
        let out = directory.path().join(source).display().to_string();
        let mut asked = vec![
            "--from", source, "--format", "ical", "--weeks", "4", "--out", &out,
        ];
        if source == "cluster" {
            asked.extend(["--namespace", &world.namespace]);
        }
        let (code, text) = export(&world, &asked).await;
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("1 calendars"), "{text}");
        let feed = std::fs::read_to_string(format!("{out}/primary.ics")).unwrap();
        feeds.insert(source, feed);
    }
    let expected = shifts_in_aws(&world, 4).await;
    assert!(expected.len() > 10, "{expected:?}");
    assert_eq!(events(&feeds["account"]), expected);
    let plain: Vec<_> = events(&feeds["cluster"])
        .into_iter()
        .map(|(start, end, text)| {
            let here = format!("{}/primary", world.namespace);
            (start, end, text.replace(&here, "primary"))
        })
        .collect();
    assert_eq!(plain, expected);
    assert!(
        plain
            .iter()
            .any(|(_, _, text)| text.starts_with("carol_c on call: primary, week"))
    );
    for feed in feeds.values() {
        assert!(!feed.contains("+1500") && !feed.contains("example.com"));
    }
    world.finish().await;
}

#[tokio::test]
async fn what_cannot_be_exported_is_told() {
    let world = stage("unexported").await;
    let alice = roster::make_person(&world, "alice").await;
    roster::make_rotation(&world, "lonely", &[alice], roster::START).await;
    let (code, text) = export(&world, &["--from", "account"]).await;
    assert_eq!(code, Some(3), "{text}");
    assert!(
        text.contains("not exported: lonely") && text.contains("\"people\""),
        "{text}"
    );

    let denied = ["ssm-contacts:ListContacts"];
    world.simulator.deny(&world.account, &denied).await.unwrap();
    let (code, text) = export(&world, &["--from", "account"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("ssm-contacts:ListContacts"), "{text}");
    for (arguments, expected) in [
        (vec![], "--from"),
        (vec!["--from", "cluster", "--format", "ical"], "--out"),
        (vec!["--from", "cluster", "--weeks", "99"], "52"),
    ] {
        let (code, text) = export(&world, &arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
    world.finish().await;
}
