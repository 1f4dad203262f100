//! A schedule's life: made, edited field by field, changed by hand in AWS, deleted.

use aws_sdk_ssmcontacts::types;
use harness::world::SOON;
use harness::{World, checks, seconds};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::roster::{
    at, change_rotation, held_rotation, instant, on_call_in_aws, on_call_now, people, primary, put,
    rotation, rotation_arn, rotation_status, schedule, schedule_with, schedules_in_sync, weekly,
    with,
};
use crate::support::{
    build, condition_now, event, event_count, findings, must_hold, mutations, stage,
};

#[tokio::test]
async fn a_schedule_is_made_shown_and_deleted() {
    let world = stage("schedule").await;
    people(&world, &["alice", "bob", "carol"]).await;
    let before = world.last_call().await;
    let week = rotation("week", &["alice", "bob", "carol"]);
    let calls = put(&world, schedule("primary", &[week])).await;
    assert_eq!(
        calls,
        ["CreateRotation", "CreateContact"],
        "tags ride along"
    );
    let object = world.ready("OnCallSchedule", "primary").await;

    let aws = must_hold(&world, "primary").await;
    let status = &object.data["status"];
    assert_eq!(status["arn"], aws.arn.as_str());
    assert_eq!(status["origin"], "Created");
    assert_eq!(status["effectiveDeletionPolicy"], "Delete");
    assert_eq!(status["summary"]["alias"], "primary");
    let week = held_rotation(&world, "week").await;
    assert_eq!(aws.rotations, std::slice::from_ref(&week.arn));
    assert_eq!(rotation_arn(&object, "week"), week.arn);
    assert_eq!(
        rotation_status(&object, "week")["effectiveStartTime"],
        crate::roster::START
    );
    for tags in [&aws.tags, &week.tags] {
        assert_eq!(tags["incident-operator/owner"], world.id);
        assert_eq!(
            tags["incident-operator/object"],
            format!("OnCallSchedule/{}/primary", world.namespace)
        );
        assert_eq!(tags["incident-operator/origin"], "Created");
    }
    // Who is on call is what AWS says.
    let in_aws = on_call_in_aws(&world, Timestamp::now()).await;
    assert_eq!(on_call_now(&object), in_aws);
    assert_eq!(rotation_status(&object, "week")["confirmed"], true);
    assert_eq!(
        status["summary"]["reachable"], "No",
        "no channel is activated"
    );
    assert!(
        status["summary"]["nextHandoff"]
            .as_str()
            .unwrap()
            .ends_with("T09:00:00Z")
    );
    assert_eq!(status["onCallNext"].as_array().unwrap().len(), 1);
    let covered = condition_now(&world, "OnCallSchedule", "primary", "CoverageComplete").await;
    assert!(covered.unwrap().is_true());
    let reachable = condition_now(&world, "OnCallSchedule", "primary", "OnCallReachable").await;
    assert_eq!(reachable.unwrap().reason, "NobodyReachable");
    assert!(findings(&object).contains(&"NobodyReachable".to_owned()));
    event(
        &world,
        "OnCallSchedule",
        "primary",
        "Created",
        "created rotation \"week\"; created on-call schedule \"primary\"",
    )
    .await;
    assert_eq!(world.ready_flaps("OnCallSchedule", "primary"), 0);
    // The people know who refers to them.
    let by = world
        .eventually("alice knows who refers to her", SOON, async || {
            let by = world.get("Contact", "alice").await.data["status"]["referencedBy"].clone();
            by.is_array().then_some(by)
        })
        .await;
    assert_eq!(by[0]["kind"], "OnCallSchedule");
    assert_eq!(by[0]["name"], "primary");

    let before_deletion = world.last_call().await;
    world.delete_and_wait("OnCallSchedule", "primary").await;
    assert_eq!(
        mutations(&world, before_deletion).await,
        ["DeleteContact", "DeleteRotation"]
    );
    event(
        &world,
        "OnCallSchedule",
        "primary",
        "Deleted",
        "deleted on-call schedule",
    )
    .await;
    for name in ["alice", "bob", "carol"] {
        world.delete_and_wait("Contact", name).await;
    }
    world.aws_empty().await;
    let sent = world.operator_calls(before).await;
    let odd: Vec<_> = sent
        .iter()
        .filter(|call| {
            call.error
                .as_deref()
                .is_some_and(|e| e != "ResourceNotFoundException")
        })
        .map(|call| (&call.operation, &call.error))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    world.finish().await;
}

#[tokio::test]
async fn every_field_can_be_edited() {
    let world = stage("schedule-edit").await;
    primary(&world).await;
    let all = ["alice", "bob", "carol"];
    let week = rotation("week", &all);
    let one = |rotation: &Value| schedule("primary", std::slice::from_ref(rotation));
    let arn = rotation_arn(&world.get("OnCallSchedule", "primary").await, "week");

    let named = |name: Value| {
        schedule_with(
            "primary",
            &[rotation("week", &all)],
            &json!({"displayName": name}),
        )
    };
    assert_eq!(
        put(&world, named(json!("Payments primary"))).await,
        ["UpdateContact"]
    );
    assert_eq!(put(&world, named(Value::Null)).await, ["UpdateContact"]);
    assert_eq!(
        put(&world, named(json!("Schedule primary"))).await,
        ["UpdateContact"]
    );

    // Members: another order, one less, one more.
    let update = ["UpdateRotation"];
    for members in [
        vec!["bob", "carol", "alice"],
        vec!["bob", "alice"],
        vec!["bob", "carol", "alice"],
        vec!["alice", "bob", "carol"],
    ] {
        let calls = put(&world, one(&rotation("week", &members))).await;
        assert_eq!(calls, update, "{members:?}");
        event(
            &world,
            "OnCallSchedule",
            "primary",
            "Updated",
            "changed contactRefs of rotation \"week\"",
        )
        .await;
    }
    // Zone, hand-offs, kinds of recurrence, length, people at once, hours.
    let daily =
        json!({"type": "Daily", "daily": {"handOffs": [{"time": "21:00"}, {"time": "09:30"}]}});
    let monthly = json!({"type": "Monthly", "monthly": {"handOffs": [{"dayOfMonth": 31, "time": "12:00"}, {"dayOfMonth": 15, "time": "00:00"}]}, "shiftLength": 2});
    let two = json!({"type": "Weekly", "weekly": {"handOffs": [{"day": "Mon", "time": "09:00"}]}, "numberOfOnCalls": 2, "shiftLength": 3});
    for (what, edit) in [
        ("timeZone", json!({"timeZone": "Asia/Tokyo"})),
        (
            "recurrence",
            json!({"recurrence": {"type": "Weekly", "weekly": {"handOffs": [{"day": "Tue", "time": "08:30"}, {"day": "Fri", "time": "17:15"}]}}}),
        ),
        ("recurrence", json!({"recurrence": daily})),
        ("recurrence", json!({"recurrence": monthly})),
        ("recurrence", json!({"recurrence": two})),
        (
            "coverage",
            json!({"recurrence": two, "coverage": [{"days": ["Mon", "Tue", "Sun"], "start": "08:30", "end": "17:15"}]}),
        ),
        (
            "coverage",
            json!({"recurrence": two, "coverage": [{"days": ["Mon", "Tue", "Sun"], "start": "22:00", "end": "06:00"}, {"days": ["Mon"], "start": "12:00", "end": "12:30"}]}),
        ),
        ("coverage", json!({"recurrence": two})),
    ] {
        let calls = put(&world, one(&with(week.clone(), &edit))).await;
        assert_eq!(calls, update, "{what}: {edit}");
        event(&world, "OnCallSchedule", "primary", "Updated", what).await;
    }
    assert_eq!(put(&world, one(&week)).await, update);
    // The start, later and earlier; the event says who moves.
    let later = with(week.clone(), &json!({"startTime": "2026-01-12T09:00:00Z"}));
    assert_eq!(put(&world, one(&later)).await, update);
    event(
        &world,
        "OnCallSchedule",
        "primary",
        "Updated",
        "changed startTime of rotation \"week\" (",
    )
    .await;
    event(
        &world,
        "OnCallSchedule",
        "primary",
        "Updated",
        " instead of ",
    )
    .await;
    let earlier = with(week.clone(), &json!({"startTime": "2025-12-29T09:00:00Z"}));
    assert_eq!(put(&world, one(&earlier)).await, update);
    assert_eq!(
        held_rotation(&world, "week").await.start,
        instant("2025-12-29T09:00:00Z")
    );
    assert_eq!(put(&world, one(&week)).await, update);
    assert_eq!(
        held_rotation(&world, "week").await.arn,
        arn,
        "all the time the same rotation"
    );

    // A second rotation comes and goes; the first is not touched.
    let night = with(
        rotation("night", &["carol", "alice"]),
        &json!({"coverage": [{"days": ["Sat", "Sun"], "start": "20:00", "end": "08:00"}]}),
    );
    let both = schedule("primary", &[week.clone(), night.clone()]);
    assert_eq!(put(&world, both).await, ["CreateRotation", "UpdateContact"]);
    // Their order in the manifest means nothing.
    assert_eq!(
        put(&world, schedule("primary", &[night, week.clone()])).await,
        Vec::<String>::new()
    );
    let calls = put(&world, one(&week)).await;
    assert_eq!(
        calls,
        ["UpdateContact", "DeleteRotation"],
        "unlinked before it is deleted"
    );
    // Tags, of the schedule and its rotations.
    let tagged = schedule_with(
        "primary",
        std::slice::from_ref(&week),
        &json!({"tags": {"team": "payments"}}),
    );
    assert_eq!(put(&world, tagged).await, ["TagResource", "TagResource"]);
    assert_eq!(
        put(&world, one(&week)).await,
        ["UntagResource", "UntagResource"]
    );
    assert!(
        !held_rotation(&world, "week")
            .await
            .tags
            .contains_key("team")
    );

    assert_eq!(
        event_count(&world, "OnCallSchedule", "primary", "DriftCorrected").await,
        0
    );
    world.delete_and_wait("OnCallSchedule", "primary").await;
    for name in all {
        world.delete_and_wait("Contact", name).await;
    }
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn a_renamed_rotation_is_another_one() {
    let world = stage("schedule-rename").await;
    let object = primary(&world).await;
    let old = rotation_arn(&object, "week");
    // An override that is lost with it.
    let now = Timestamp::now().as_second();
    let at = aws_sdk_ssmcontacts::primitives::DateTime::from_secs;
    let bob = held_rotation(&world, "week").await.members[1].clone();
    world
        .contacts()
        .create_rotation_override()
        .rotation_id(&old)
        .new_contact_ids(bob)
        .start_time(at(now + 3600))
        .end_time(at(now + 7200))
        .send()
        .await
        .unwrap();
    let calls = put(
        &world,
        schedule("primary", &[rotation("weekly", &["alice", "bob", "carol"])]),
    )
    .await;
    assert_eq!(calls, ["CreateRotation", "UpdateContact", "DeleteRotation"]);
    let new = held_rotation(&world, "weekly").await;
    assert_ne!(new.arn, old);
    assert_eq!(must_hold(&world, "primary").await.rotations, [new.arn]);
    event(
        &world,
        "OnCallSchedule",
        "primary",
        "Updated",
        "deleted rotation \"week\" and with it 1 override",
    )
    .await;
    // Under another key in the manifest it stays the same in AWS.
    let key = with(
        rotation("key", &["alice", "bob", "carol"]),
        &json!({"rotationName": "weekly"}),
    );
    assert_eq!(
        put(&world, schedule("primary", &[key])).await,
        Vec::<String>::new()
    );
    assert_eq!(
        on_call_now(&world.get("OnCallSchedule", "primary").await)
            .keys()
            .collect::<Vec<_>>(),
        ["key"]
    );
    // The alias is for good.
    let other = schedule_with("primary", &[], &json!({"alias": "secondary"}));
    let refused = world.refused(other).await;
    assert!(refused.contains("alias cannot be changed"), "{refused}");
    world.finish().await;
}

/// Terraform reads the start minute of a window from its end, and sorts what has no order: both make it update for ever.
#[tokio::test]
async fn what_was_written_is_what_is_read() {
    let world = build(World::builder("schedule-minutes").drift("2s")).await;
    people(&world, &["alice", "bob"]).await;
    let day = with(
        rotation("day", &["bob", "alice"]),
        &json!({
            "timeZone": "Europe/Dublin",
            "startTime": "2026-11-02T08:30:30.500Z",
            "recurrence": {"type": "Weekly", "weekly": {"handOffs": [{"day": "Fri", "time": "17:15"}, {"day": "Mon", "time": "08:30"}]}},
            "coverage": [
                {"days": ["Wed", "Mon"], "start": "08:30", "end": "17:15"},
                {"days": ["Fri"], "start": "23:45", "end": "00:15"},
                {"days": ["Fri"], "start": "08:05", "end": "09:50"},
            ],
        }),
    );
    let night = with(
        rotation("night", &["alice", "bob"]),
        &json!({
            "timeZone": "Asia/Kolkata",
            "recurrence": {"type": "Daily", "daily": {"handOffs": [{"time": "23:59"}, {"time": "00:00"}, {"time": "12:30"}]}},
        }),
    );
    let calls = put(&world, schedule("primary", &[day.clone(), night.clone()])).await;
    assert_eq!(calls, ["CreateRotation", "CreateRotation", "CreateContact"]);
    let before = world.last_call().await;
    tokio::time::sleep(seconds(7)).await;
    world.reconcile_now("OnCallSchedule", "primary").await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());

    // Another order of days, windows and hand-offs is the same.
    let day = with(
        day,
        &json!({
            "recurrence": {"type": "Weekly", "weekly": {"handOffs": [{"day": "Mon", "time": "08:30"}, {"day": "Fri", "time": "17:15"}]}},
            "coverage": [
                {"days": ["Fri"], "start": "08:05", "end": "09:50"},
                {"days": ["Mon"], "start": "08:30", "end": "17:15"},
                {"days": ["Fri"], "start": "23:45", "end": "00:15"},
                {"days": ["Wed"], "start": "08:30", "end": "17:15"},
            ],
        }),
    );
    let night = with(
        night,
        &json!({
            "recurrence": {"type": "Daily", "daily": {"handOffs": [{"time": "12:30"}, {"time": "00:00"}, {"time": "23:59"}]}, "shiftLength": 1, "numberOfOnCalls": 1},
        }),
    );
    assert_eq!(
        put(&world, schedule("primary", &[day, night])).await,
        Vec::<String>::new()
    );
    let object = world.get("OnCallSchedule", "primary").await;
    assert_eq!(
        on_call_now(&object).get("night"),
        on_call_in_aws(&world, Timestamp::now()).await.get("night")
    );
    world.finish().await;
}

#[tokio::test]
async fn changes_by_hand_are_put_back() {
    let world = build(World::builder("schedule-drift").drift("2s")).await;
    let members = people(&world, &["alice", "bob", "carol"]).await;
    let week = with(
        rotation("week", &["alice", "bob", "carol"]),
        &json!({
            "coverage": [{"days": ["Mon", "Tue"], "start": "08:30", "end": "17:15"}],
        }),
    );
    put(
        &world,
        schedule("primary", &[week, rotation("extra", &["bob"])]),
    )
    .await;
    let object = world.get("OnCallSchedule", "primary").await;
    let (arn, rotation) = (
        object.data["status"]["arn"].as_str().unwrap().to_owned(),
        rotation_arn(&object, "week"),
    );
    let client = world.contacts();
    let mut corrected = 0;
    let mut put_back = async |what: &str| {
        corrected += 1;
        let wanted = corrected;
        let since = world.last_call().await;
        // The first waits for its drift check; a list may be twenty seconds old by then.
        if wanted > 2 && what != "a tag" {
            world.reconcile_now("OnCallSchedule", "primary").await;
        }
        world
            .eventually(
                &format!("{what} is put back, and said to be"),
                SOON,
                async || {
                    let count = async |reason| {
                        event_count(&world, "OnCallSchedule", "primary", reason).await
                    };
                    // A pass that had to wait for AWS is no drift check any more.
                    let seen = count("DriftCorrected").await + count("Updated").await;
                    let calls = world.operator_calls(since).await;
                    let last: Vec<String> = calls
                        .iter()
                        .filter(|c| !c.operation.contains("Channel"))
                        .map(|c| {
                            format!(
                                "{} {} {}",
                                c.time,
                                c.operation,
                                c.resources
                                    .first()
                                    .map_or("", |r| r.rsplit('/').next().unwrap())
                            )
                        })
                        .collect();
                    (seen >= wanted)
                        .then_some(())
                        .ok_or(format!("{seen} of {wanted}; the last calls: {last:?}"))
                },
            )
            .await;
        schedules_in_sync(&world).await;
    };
    client
        .update_contact()
        .contact_id(&arn)
        .display_name("Changed by hand")
        .send()
        .await
        .unwrap();
    put_back("the display name").await;
    client
        .update_contact()
        .contact_id(&arn)
        .plan(
            types::Plan::builder()
                .set_rotation_ids(Some(vec![]))
                .build(),
        )
        .send()
        .await
        .unwrap();
    put_back("the rotations of the schedule").await;
    change_rotation(&world, &rotation, |r, _| {
        r.set_contact_ids(Some(vec![
            members[1].clone(),
            members[0].clone(),
            members[2].clone(),
        ]))
    })
    .await;
    put_back("the order of members").await;
    change_rotation(&world, &rotation, |r, _| {
        r.set_contact_ids(Some(vec![members[0].clone()]))
    })
    .await;
    put_back("the members").await;
    change_rotation(&world, &rotation, |r, _| r.time_zone_id("Asia/Tokyo")).await;
    put_back("the zone").await;
    change_rotation(&world, &rotation, |r, _| {
        r.start_time(aws_sdk_ssmcontacts::primitives::DateTime::from_secs(
            instant("2026-02-02T09:00:00Z"),
        ))
    })
    .await;
    put_back("the start").await;
    change_rotation(&world, &rotation, |r, old| {
        let mut new = weekly(&[("MON", 9, 1)]);
        new.shift_coverages = old.shift_coverages;
        r.recurrence(new)
    })
    .await;
    put_back("the hand-offs").await;
    change_rotation(&world, &rotation, |r, mut old| {
        old.recurrence_multiplier = 2;
        r.recurrence(old)
    })
    .await;
    put_back("the shift length").await;
    change_rotation(&world, &rotation, |r, mut old| {
        old.number_of_on_calls = 2;
        r.recurrence(old)
    })
    .await;
    put_back("the number on call").await;
    change_rotation(&world, &rotation, |r, mut old| {
        old.shift_coverages = None;
        r.recurrence(old)
    })
    .await;
    put_back("the coverage").await;
    change_rotation(&world, &rotation, |r, mut old| {
        let window = types::CoverageTime::builder()
            .start(at(8, 31))
            .end(at(17, 15))
            .build();
        old.shift_coverages
            .as_mut()
            .unwrap()
            .insert(types::DayOfWeek::Tue, vec![window]);
        r.recurrence(old)
    })
    .await;
    put_back("a minute of the coverage").await;
    // Whole resources. What is gone within seconds of being made may only not be shown yet, and what comes of waiting is no drift check.
    tokio::time::sleep(seconds(16)).await;
    client
        .delete_rotation()
        .rotation_id(&rotation)
        .send()
        .await
        .unwrap();
    put_back("a rotation").await;
    let object = world.ready("OnCallSchedule", "primary").await;
    let rotation = rotation_arn(&object, "week");
    client
        .delete_contact()
        .contact_id(&arn)
        .send()
        .await
        .unwrap();
    put_back("the schedule").await;
    assert_eq!(
        rotation_arn(&world.ready("OnCallSchedule", "primary").await, "week"),
        rotation
    );
    // Tags are looked at on every sixth check.
    for arn in [&rotation, &arn] {
        client
            .untag_resource()
            .resource_arn(arn)
            .tag_keys("incident-operator/owner")
            .send()
            .await
            .unwrap();
        put_back("a tag").await;
        let owner = world.eventually("the tag is back", SOON, async || {
            let tags = client
                .list_tags_for_resource()
                .resource_arn(arn)
                .send()
                .await
                .unwrap();
            tags.tags()
                .iter()
                .any(|tag| tag.key() == Some("incident-operator/owner"))
        });
        owner.await;
    }
    let drift = event_count(&world, "OnCallSchedule", "primary", "DriftCorrected").await;
    assert!(drift >= 10, "{drift} of {corrected}");
    assert!(checks::is_ready(
        &world.get("OnCallSchedule", "primary").await
    ));
    world.finish().await;
}
