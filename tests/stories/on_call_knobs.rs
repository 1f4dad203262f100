//! Schedules under every setting of what AWS publishes nowhere.

use std::collections::BTreeSet;

use aws_sdk_ssmcontacts::primitives::DateTime;
use harness::world::SOON;
use harness::{World, checks, seconds};
use serde_json::{Value, json};

use crate::roster::{
    START, held_rotation, instant, make_rotation, people, rotation, rotation_arn, rotation_status,
    schedule, schedules_in_sync, with,
};
use crate::support::{Stage, build, event, findings, mutations};

async fn under(name: &str, knobs: &Value) -> Stage {
    let mut world = build(World::builder(name).without_operator()).await;
    world
        .simulator
        .knobs(Some(&world.account), knobs)
        .await
        .unwrap();
    world.start_operator().await.unwrap();
    world
}

/// Applies a schedule and waits until it is ready and AWS is what it says, however slowly. Answers with the calls that changed something.
async fn put(world: &World, what: &str, schedule: Value) -> Vec<String> {
    let name = schedule["metadata"]["name"].as_str().unwrap().to_owned();
    let before = world.last_call().await;
    world.apply_value(schedule).await;
    world
        .eventually(&format!("{what}: ready"), seconds(70), async || {
            checks::is_ready(&world.get("OnCallSchedule", &name).await)
        })
        .await;
    schedules_in_sync(world).await;
    mutations(world, before).await
}

/// Whatever AWS made of it, nothing more is to be changed.
async fn at_rest(world: &World, what: &str) {
    let before = world.last_call().await;
    for _ in 0..2 {
        world.reconcile_now("OnCallSchedule", "primary").await;
        tokio::time::sleep(seconds(1)).await;
    }
    assert_eq!(
        mutations(world, before).await,
        Vec::<String>::new(),
        "{what}"
    );
    assert!(
        checks::is_ready(&world.get("OnCallSchedule", "primary").await),
        "{what}"
    );
}

/// Who is on call at every third hour of ninety days, by AWS: as the rotation is, or as one would be with this start and these members.
async fn roster(
    world: &World,
    arn: &str,
    planned: Option<(&str, &[String])>,
) -> Vec<BTreeSet<String>> {
    // Where a start in the past is refused, a rotation begins a minute later.
    let from = jiff::Timestamp::now().as_second() / 60 * 60 + 120;
    let to = from + 90 * 86400;
    let client = world.contacts();
    let mut shifts: Vec<(i64, i64, BTreeSet<String>)> = vec![];
    let mut add = |found: &[aws_sdk_ssmcontacts::types::RotationShift]| {
        for shift in found {
            let people = shift.contact_ids().iter().cloned().collect();
            shifts.push((shift.start_time().secs(), shift.end_time().secs(), people));
        }
    };
    let (from_time, to_time) = (DateTime::from_secs(from), DateTime::from_secs(to));
    if let Some((start, members)) = planned {
        let read = client.get_rotation().rotation_id(arn).send().await.unwrap();
        let request = client
            .list_preview_rotation_shifts()
            .rotation_start_time(DateTime::from_secs(instant(start)))
            .start_time(from_time)
            .end_time(to_time)
            .set_members(Some(members.to_vec()))
            .time_zone_id(read.time_zone_id())
            .set_recurrence(read.recurrence().cloned());
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            add(page.unwrap().rotation_shifts());
        }
    } else {
        let request = client
            .list_rotation_shifts()
            .rotation_id(arn)
            .start_time(from_time)
            .end_time(to_time);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            add(page.unwrap().rotation_shifts());
        }
    }
    let on_call = |moment: i64| {
        let then = shifts
            .iter()
            .filter(|(start, end, _)| *start <= moment && moment < *end);
        then.flat_map(|(_, _, people)| people.iter().cloned())
            .collect()
    };
    (0..720).map(|n| on_call(from + n * 3 * 3600)).collect()
}

async fn same_shifts(world: &World, what: &str, arn: &str, start: &str, members: &[String]) {
    let is = roster(world, arn, None).await;
    let should_be = roster(world, arn, Some((start, members))).await;
    assert!(
        is == should_be,
        "{what}: AWS has other shifts than the manifest says"
    );
}

/// Made, edited, with rotations more and fewer, changed by hand, renamed, deleted.
async fn story(name: &str, knobs: &Value) {
    let world = under(name, knobs).await;
    let arns = people(&world, &["alice", "bob", "carol", "dora", "erin"]).await;
    let all = ["alice", "bob", "carol", "dora", "erin"];
    let week = rotation("week", &all);
    let one = |rotation: &Value| schedule("primary", std::slice::from_ref(rotation));
    put(&world, "made", one(&week)).await;
    at_rest(&world, "made").await;
    let first = rotation_arn(&world.get("OnCallSchedule", "primary").await, "week");
    same_shifts(&world, "made", &first, START, &arns).await;

    // Edits of the members, of the start, of the recurrence.
    let mut turned = arns.clone();
    turned.rotate_left(2);
    put(
        &world,
        "turned",
        one(&rotation(
            "week",
            &["carol", "dora", "erin", "alice", "bob"],
        )),
    )
    .await;
    at_rest(&world, "turned").await;
    same_shifts(&world, "turned", &first, START, &turned).await;
    let earlier = "2025-11-03T09:00:00Z";
    put(
        &world,
        "earlier",
        one(&with(week.clone(), &json!({"startTime": earlier}))),
    )
    .await;
    at_rest(&world, "earlier").await;
    same_shifts(&world, "earlier", &first, earlier, &arns).await;
    let long = json!({"type": "Daily", "daily": {"handOffs": [{"time": "09:00"}, {"time": "18:30"}]}, "shiftLength": 2, "numberOfOnCalls": 2});
    put(
        &world,
        "daily",
        one(&with(
            week.clone(),
            &json!({"recurrence": long, "timeZone": "Europe/Dublin"}),
        )),
    )
    .await;
    at_rest(&world, "daily").await;
    put(&world, "back", one(&week)).await;
    at_rest(&world, "back").await;
    same_shifts(&world, "back", &first, START, &arns).await;
    let future = "2030-01-07T09:00:00Z";
    put(
        &world,
        "later",
        one(&with(week.clone(), &json!({"startTime": future}))),
    )
    .await;
    assert_eq!(held_rotation(&world, "week").await.start, instant(future));
    put(&world, "and back", one(&week)).await;
    at_rest(&world, "and back").await;
    same_shifts(&world, "and back", &first, START, &arns).await;
    assert_eq!(
        held_rotation(&world, "week").await.arn,
        first,
        "the same rotation all the time"
    );

    // A rotation more, one less, another name.
    put(
        &world,
        "two",
        schedule("primary", &[week.clone(), rotation("night", &["bob"])]),
    )
    .await;
    at_rest(&world, "two").await;
    put(&world, "one", one(&week)).await;
    at_rest(&world, "one").await;
    put(&world, "renamed", one(&rotation("weekly", &all))).await;
    at_rest(&world, "renamed").await;
    assert_eq!(world.rotations().await.len(), 1);
    let weekly = held_rotation(&world, "weekly").await.arn;
    // By hand in AWS.
    let client = world.contacts();
    let arn = world.get("OnCallSchedule", "primary").await.data["status"]["arn"]
        .as_str()
        .unwrap()
        .to_owned();
    let nothing = aws_sdk_ssmcontacts::types::Plan::builder()
        .set_rotation_ids(Some(vec![]))
        .build();
    client
        .update_contact()
        .contact_id(&arn)
        .plan(nothing)
        .send()
        .await
        .unwrap();
    client
        .delete_rotation()
        .rotation_id(&weekly)
        .send()
        .await
        .unwrap();
    world
        .eventually("made again", seconds(70), async || {
            world.reconcile_now("OnCallSchedule", "primary").await;
            let object = world.get("OnCallSchedule", "primary").await;
            let new = rotation_arn(&object, "weekly");
            (checks::is_ready(&object) && new != weekly && !new.is_empty()).then_some(())
        })
        .await;
    schedules_in_sync(&world).await;
    at_rest(&world, "made again").await;
    world.delete("OnCallSchedule", "primary").await;
    world
        .eventually("it is gone", seconds(70), async || {
            world.find("OnCallSchedule", "primary").await.is_none()
        })
        .await;
    for name in all {
        world.delete("Contact", name).await;
    }
    world
        .eventually("all are gone", seconds(70), async || {
            world
                .cluster
                .list("Contact", Some(&world.namespace))
                .await
                .unwrap()
                .is_empty()
        })
        .await;
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn a_past_start_is_refused() {
    story("past-refused", &json!({"past_rotation_start": "refuse"})).await;
}

#[tokio::test]
async fn a_past_start_is_moved() {
    story("past-moved", &json!({"past_rotation_start": "move"})).await;
}

#[tokio::test]
async fn a_rotation_in_use_is_not_deleted_and_names_are_unique() {
    let knobs = json!({
        "rotation_delete_in_schedule": "conflict",
        "duplicate_rotation_name": "conflict",
        "oncall_empty_stages": "reject",
        "rotation_update_drops_overrides": "yes",
        "contacts_error_http_status": "smithy",
        "token_after_delete": "new",
    });
    story("strict", &knobs).await;
}

#[tokio::test]
async fn aws_shows_things_late() {
    story(
        "late",
        &json!({"consistency_delay_ms": 3000, "past_rotation_start": "refuse"}),
    )
    .await;
}

#[tokio::test]
async fn tokens_are_forgotten_at_once() {
    story(
        "forgetful",
        &json!({"idempotency_window_seconds": 0, "delete_contact_in_rotation": "succeed"}),
    )
    .await;
}

#[tokio::test]
async fn a_moved_start_is_shown() {
    for knob in ["refuse", "move"] {
        let world = under("start-shown", &json!({"past_rotation_start": knob})).await;
        let arns = people(&world, &["alice", "bob", "carol"]).await;
        let before = world.last_call().await;
        let week = rotation("week", &["alice", "bob", "carol"]);
        let calls = put(
            &world,
            "made",
            schedule("primary", std::slice::from_ref(&week)),
        )
        .await;
        assert!(calls.len() <= 3, "{calls:?}");
        let object = world.ready("OnCallSchedule", "primary").await;
        let status = rotation_status(&object, "week");
        assert_eq!(status["requestedStartTime"], START);
        let held = held_rotation(&world, "week").await;
        let effective = status["effectiveStartTime"].as_str().unwrap();
        assert_eq!(instant(effective), held.start);
        assert!(held.start > instant(START));
        assert!(
            findings(&object).contains(&"StartMoved/week".to_owned()),
            "{:?}",
            findings(&object)
        );
        same_shifts(&world, knob, &held.arn, START, &arns).await;
        assert_eq!(
            object.data["spec"]["rotations"][0]["startTime"], START,
            "the manifest is the user's"
        );
        // Another edit does not ask for the past again.
        let fewer = rotation("week", &["alice", "bob"]);
        let calls = put(&world, "edited", schedule("primary", &[fewer])).await;
        assert_eq!(calls, ["UpdateRotation"]);
        let refused = world.operator_calls(before).await;
        let refused = refused
            .iter()
            .filter(|call| call.error.as_deref() == Some("ValidationException"))
            .count();
        assert_eq!(refused, usize::from(knob == "refuse"));
        same_shifts(&world, knob, &held.arn, START, &arns[..2]).await;
        world.finish().await;
    }
}

#[tokio::test]
async fn a_name_that_is_taken_elsewhere() {
    let world = under(
        "name-taken",
        &json!({"duplicate_rotation_name": "conflict"}),
    )
    .await;
    let arns = people(&world, &["alice", "bob"]).await;
    let theirs = make_rotation(&world, "week", &arns, START).await;
    world
        .apply_value(schedule("primary", &[rotation("week", &["alice"])]))
        .await;
    let told = world
        .eventually("it says what is wrong", SOON, async || {
            let object = world.get("OnCallSchedule", "primary").await;
            let ready = checks::condition(&object, "Ready")?;
            let synced = checks::condition(&object, "Synced")?;
            (!ready.is_true() && synced.message.len() > 10 && ready.reason != "Progressing")
                .then_some(format!("{ready}; {synced}"))
        })
        .await;
    println!("{told}");
    assert_eq!(world.rotations().await.len(), 1, "theirs is left alone");
    // Under another name in AWS it works.
    let other = with(
        rotation("week", &["alice"]),
        &json!({"rotationName": "payments week"}),
    );
    put(&world, "renamed", schedule("primary", &[other])).await;
    assert_eq!(world.rotations().await.len(), 2);
    assert!(held_rotation(&world, "week").await.arn == theirs);
    world.delete_and_wait("OnCallSchedule", "primary").await;
    assert_eq!(world.rotations().await.len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn overrides_that_an_edit_loses() {
    let world = under(
        "override-lost",
        &json!({"rotation_update_drops_overrides": "yes"}),
    )
    .await;
    let arns = people(&world, &["alice", "bob", "carol"]).await;
    put(
        &world,
        "made",
        schedule("primary", &[rotation("week", &["alice", "bob", "carol"])]),
    )
    .await;
    let week = held_rotation(&world, "week").await.arn;
    let now = jiff::Timestamp::now().as_second();
    world
        .contacts()
        .create_rotation_override()
        .rotation_id(&week)
        .new_contact_ids(&arns[1])
        .start_time(DateTime::from_secs(now + 86400))
        .end_time(DateTime::from_secs(now + 90000))
        .send()
        .await
        .unwrap();
    world.reconcile_now("OnCallSchedule", "primary").await;
    let object = world.get("OnCallSchedule", "primary").await;
    assert_eq!(
        object.data["status"]["overrides"].as_array().map(Vec::len),
        Some(1)
    );
    put(
        &world,
        "edited",
        schedule("primary", &[rotation("week", &["alice", "bob"])]),
    )
    .await;
    event(
        &world,
        "OnCallSchedule",
        "primary",
        "Updated",
        "changed contactRefs",
    )
    .await;
    let object = world.get("OnCallSchedule", "primary").await;
    assert!(
        object.data["status"]["overrides"].is_null(),
        "what AWS has is shown"
    );
    world.finish().await;
}
