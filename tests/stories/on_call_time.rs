//! What time does: edits that wait for a shift to end, hand-offs, exports, metrics, and how quiet it is in between.

use std::collections::BTreeSet;

use harness::simulator::Fault;
use harness::world::SOON;
use harness::{World, checks, seconds};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject, PostParams};
use serde_json::{Value, json};

use crate::roster::{
    held_rotation, on_call_in_aws, on_call_now, people, primary, put, rotation, rotation_status,
    schedule, schedule_with, schedules_in_sync, with,
};
use crate::support::{
    build, condition_now, event, event_count, findings, must_hold, mutations, stage,
};

/// Hand-offs every day at nine.
fn daily(name: &str, members: &[&str]) -> Value {
    let recurrence = json!({"type": "Daily", "daily": {"handOffs": [{"time": "09:00"}]}});
    with(rotation(name, members), &json!({"recurrence": recurrence}))
}

async fn rollout_at(world: &World, name: &str) -> Timestamp {
    let object = world
        .eventually("the edit waits", SOON, async || {
            let object = world.get("OnCallSchedule", "primary").await;
            let waits = rotation_status(&object, name)["rolloutAt"].is_string();
            let seen =
                object.data["status"]["observedGeneration"].as_i64() == object.metadata.generation;
            (waits && seen).then_some(object)
        })
        .await;
    rotation_status(&object, name)["rolloutAt"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn an_edit_waits_for_the_shift_to_end() {
    let world = build(World::builder("rollout").simulated_clock()).await;
    let arns = people(&world, &["alice", "bob", "carol"]).await;
    let spec = json!({"rollout": "AfterCurrentShift"});
    let of = |members: &[&str]| {
        schedule_with(
            "primary",
            &[daily("day", members), daily("other", &["carol"])],
            &spec,
        )
    };
    put(&world, of(&["alice", "bob"])).await;
    let now = on_call_now(&world.get("OnCallSchedule", "primary").await);
    let before = world.last_call().await;
    // Two edits; the second does not start the wait anew.
    world.apply_value(of(&["bob", "alice"])).await;
    let first = rollout_at(&world, "day").await;
    world.apply_value(of(&["carol", "bob", "alice"])).await;
    let at = rollout_at(&world, "day").await;
    assert_eq!(first, at);
    let object = world.ready("OnCallSchedule", "primary").await;
    let waiting = condition_now(&world, "OnCallSchedule", "primary", "RolloutPending")
        .await
        .unwrap();
    assert!(
        waiting.is_true()
            && waiting
                .message
                .contains(&format!("rotation \"day\" until {at}")),
        "{waiting}"
    );
    assert!(rotation_status(&object, "other")["rolloutAt"].is_null());
    world.reconcile_now("OnCallSchedule", "primary").await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    // What is no shift is not held back.
    let named = schedule_with(
        "primary",
        &[
            daily("day", &["carol", "bob", "alice"]),
            daily("other", &["carol"]),
        ],
        &json!({"rollout": "AfterCurrentShift", "displayName": "Another name"}),
    );
    world.apply_value(named.clone()).await;
    world
        .eventually("the name changes at once", SOON, async || {
            must_hold(&world, "primary").await.display_name.as_deref() == Some("Another name")
        })
        .await;
    assert_eq!(
        on_call_now(&world.get("OnCallSchedule", "primary").await),
        now
    );

    world.simulator.set_clock(at).await.unwrap();
    world
        .eventually("the edit is made", SOON, async || {
            held_rotation(&world, "day").await.members.len() == 3
        })
        .await;
    assert_eq!(
        held_rotation(&world, "day").await.members,
        [arns[2].clone(), arns[1].clone(), arns[0].clone()]
    );
    world
        .eventually("and nothing waits any more", SOON, async || {
            let object = world.get("OnCallSchedule", "primary").await;
            let done = checks::condition(&object, "RolloutPending").is_none()
                && rotation_status(&object, "day")["rolloutAt"].is_null();
            (done && on_call_now(&object) == on_call_in_aws(&world, at).await).then_some(())
        })
        .await;
    event(
        &world,
        "OnCallSchedule",
        "primary",
        "Updated",
        "changed contactRefs of rotation \"day\"",
    )
    .await;
    // Taken back before the shift ends, nothing happens.
    world.apply_value(of(&["alice"])).await;
    rollout_at(&world, "day").await;
    let before = world.last_call().await;
    put(&world, named).await;
    let object = world.get("OnCallSchedule", "primary").await;
    assert!(checks::condition(&object, "RolloutPending").is_none());
    // At once, when that is what the manifest says by now.
    world.apply_value(of(&["alice"])).await;
    rollout_at(&world, "day").await;
    put(
        &world,
        schedule(
            "primary",
            &[daily("day", &["alice"]), daily("other", &["carol"])],
        ),
    )
    .await;
    assert_eq!(
        held_rotation(&world, "day").await.members,
        [arns[0].clone()]
    );
    let calls = mutations(&world, before).await;
    assert_eq!(
        calls.iter().filter(|c| *c == "UpdateRotation").count(),
        1,
        "{calls:?}"
    );
    assert_eq!(world.ready_flaps("OnCallSchedule", "primary"), 0);
    world.finish().await;
}

#[tokio::test]
async fn hand_offs_are_shown_while_aws_is_down() {
    let world = build(World::builder("handoff-down").simulated_clock()).await;
    people(&world, &["alice", "bob"]).await;
    put(
        &world,
        schedule("primary", &[daily("day", &["alice", "bob"])]),
    )
    .await;
    let mut last = on_call_now(&world.get("OnCallSchedule", "primary").await);
    world.fault(Fault::new("internal").times(0)).await;
    for _ in 0..3 {
        let object = world.get("OnCallSchedule", "primary").await;
        let edge: Timestamp = object.data["status"]["summary"]["nextHandoff"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        world.simulator.set_clock(edge).await.unwrap();
        let jumped = std::time::Instant::now();
        last = world
            .eventually("the hand-off is shown", SOON, async || {
                let then = on_call_now(&world.get("OnCallSchedule", "primary").await);
                (then != last).then_some(then)
            })
            .await;
        assert!(
            jumped.elapsed() < seconds(8),
            "a hand-off was shown {:?} late",
            jumped.elapsed()
        );
    }
    event(
        &world,
        "OnCallSchedule",
        "primary",
        "HandedOff",
        "on call now: ",
    )
    .await;
    world.simulator.clear_fault(None).await.unwrap();
    let now = world.simulator.now().await.unwrap();
    assert_eq!(last, on_call_in_aws(&world, now).await);
    world
        .eventually("all is well again", seconds(90), async || {
            checks::is_ready(&world.get("OnCallSchedule", "primary").await)
        })
        .await;
    world
        .eventually("AWS has confirmed", seconds(90), async || {
            let object = world.get("OnCallSchedule", "primary").await;
            let status = rotation_status(&object, "day");
            let edge = now.duration_until(status["confirmedFor"].as_str()?.parse().ok()?);
            (edge.abs() < SignedDuration::from_hours(24) && status["confirmed"] == true)
                .then_some(())
        })
        .await;
    world.finish().await;
}

#[tokio::test]
async fn nothing_is_written_between_hand_offs() {
    let world = build(World::builder("schedule-quiet").drift("2s")).await;
    primary(&world).await;
    let night = with(
        rotation("night", &["bob", "carol"]),
        &json!({
            "timeZone": "Europe/Dublin",
            "coverage": [{"days": ["Sat"], "start": "01:00", "end": "02:00"}],
        }),
    );
    put(
        &world,
        schedule_with(
            "second",
            &[rotation("own", &["alice", "bob"]), night],
            &json!({"export": {"configMapName": "second"}}),
        ),
    )
    .await;
    // Until the people know who refers to them, and tags were read.
    tokio::time::sleep(seconds(4)).await;
    let (mark, since) = (world.audit().unwrap().mark(), world.last_call().await);
    tokio::time::sleep(seconds(8)).await;
    let writes = world.operator_writes(mark);
    assert!(writes.is_empty(), "{writes:?}");
    let calls = world.operator_calls(since).await;
    let sent: BTreeSet<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    let reads = [
        "GetContact",
        "ListContactChannels",
        "ListRotationOverrides",
        "ListRotations",
        "ListTagsForResource",
        "ListReplicationSets",
        "GetReplicationSet",
    ];
    assert!(sent.is_subset(&reads.into()), "{sent:?}");
    let count = |operation: &str| {
        calls
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    };
    let of_schedules = calls.iter().filter(|call| {
        call.operation == "GetContact"
            && call
                .resources
                .iter()
                .any(|arn| arn.ends_with("/primary") || arn.ends_with("/second"))
    });
    let checks = of_schedules.count();
    assert!((4..=12).contains(&checks), "{checks} checks");
    assert!(
        count("ListRotations") <= checks,
        "lists are shared: {} for {checks} checks",
        count("ListRotations")
    );
    assert!(
        count("ListRotationOverrides") <= 2 * checks,
        "one for each rotation of a check"
    );
    world.finish().await;
}

async fn config_map(world: &World, name: &str) -> Option<ConfigMap> {
    let api: Api<ConfigMap> = Api::namespaced(world.cluster.client().clone(), &world.namespace);
    api.get_opt(name).await.unwrap()
}

async fn exported(world: &World, name: &str, of: &DynamicObject) -> ConfigMap {
    let wanted = of.data["status"]["summary"]["onCall"]
        .as_str()
        .unwrap()
        .to_owned();
    world
        .eventually(&format!("{name} says who is on call"), SOON, async || {
            let map = config_map(world, name).await?;
            let said = map.data.as_ref()?.get("onCall")?.clone();
            (said == wanted).then_some(map)
        })
        .await
}

#[tokio::test]
async fn exported_to_a_config_map() {
    let world = build(World::builder("export").simulated_clock()).await;
    people(&world, &["alice", "bob"]).await;
    let of = |map: Option<&str>| {
        let spec = map.map_or(json!({}), |map| json!({"export": {"configMapName": map}}));
        schedule_with("primary", &[daily("day", &["alice", "bob"])], &spec)
    };
    put(&world, of(Some("on-call"))).await;
    let object = world.get("OnCallSchedule", "primary").await;
    let map = exported(&world, "on-call", &object).await;
    assert_eq!(map.owner_references()[0].name, "primary");
    let data = map.data.unwrap();
    let now: Value = serde_json::from_str(&data["onCallNow.json"]).unwrap();
    assert_eq!(now, object.data["status"]["onCallNow"]);
    assert_eq!(
        data["nextHandoff"],
        object.data["status"]["summary"]["nextHandoff"]
            .as_str()
            .unwrap()
    );
    // It follows.
    let edge: Timestamp = data["nextHandoff"].parse().unwrap();
    world.simulator.set_clock(edge).await.unwrap();
    let later = world
        .eventually("handed over", SOON, async || {
            let later = world.get("OnCallSchedule", "primary").await;
            (on_call_now(&later) != on_call_now(&object)).then_some(later)
        })
        .await;
    exported(&world, "on-call", &later).await;
    // Another name: the old one goes. One that somebody else made is left alone.
    let maps: Api<ConfigMap> = Api::namespaced(world.cluster.client().clone(), &world.namespace);
    let mut foreign = ConfigMap::default();
    foreign.metadata.name = Some("taken".to_owned());
    foreign.data = Some([("mine".to_owned(), "yes".to_owned())].into());
    maps.create(&PostParams::default(), &foreign).await.unwrap();
    world.apply_value(of(Some("taken"))).await;
    event(
        &world,
        "OnCallSchedule",
        "primary",
        "ExportRefused",
        "ConfigMap \"taken\" was not made for this object",
    )
    .await;
    assert!(world.ready("OnCallSchedule", "primary").await.data["status"]["exportedTo"] == "taken");
    assert!(config_map(&world, "on-call").await.is_none());
    assert_eq!(
        config_map(&world, "taken").await.unwrap().data,
        foreign.data
    );
    world.apply_value(of(Some("third"))).await;
    exported(&world, "third", &later).await;
    assert!(config_map(&world, "taken").await.is_some(), "never ours");
    // Not asked for any more.
    world.apply_value(of(None)).await;
    world
        .eventually("it is taken away", SOON, async || {
            config_map(&world, "third").await.is_none()
        })
        .await;
    // With the object it goes as whatever an object owns.
    world.apply_value(of(Some("last"))).await;
    exported(&world, "last", &later).await;
    world.delete_and_wait("OnCallSchedule", "primary").await;
    world
        .eventually("it is collected", seconds(60), async || {
            config_map(&world, "last").await.is_none()
        })
        .await;
    world.finish().await;
}

#[tokio::test]
async fn metrics_name_nobody_unless_told_to() {
    for with_people in [false, true] {
        let mut builder = World::builder("schedule-metrics").simulated_clock();
        if with_people {
            builder = builder.flag("--metrics-with-people");
        }
        let world = build(builder).await;
        people(&world, &["alice", "bob"]).await;
        let covered = with(
            daily("day", &["alice", "bob"]),
            &json!({
                "coverage": [{"days": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], "start": "09:00", "end": "21:00"}],
            }),
        );
        put(&world, schedule("primary", &[covered])).await;
        let object = world.ready("OnCallSchedule", "primary").await;
        let labels = [
            format!("namespace=\"{}\"", world.namespace),
            "schedule=\"primary\"".to_owned(),
        ];
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let metric = async |name: &str| world.operator().metric(name, &labels).await.unwrap();
        let gap = metric("incident_operator_oncall_coverage_gap_seconds").await;
        assert_eq!(gap, Some(28.0 * 12.0 * 3600.0));
        assert_eq!(
            object.data["status"]["coverage"]["uncoveredMinutes"],
            28 * 12 * 60
        );
        assert!(findings(&object).contains(&"CoverageGap".to_owned()));
        assert!(
            metric("incident_operator_oncall_next_gap_timestamp_seconds")
                .await
                .is_some()
        );
        assert_eq!(
            metric("incident_operator_oncall_reachable").await,
            Some(0.0)
        );
        for _ in 0..3 {
            let object = world.get("OnCallSchedule", "primary").await;
            let now = on_call_now(&object);
            let edge = object.data["status"]["summary"]["nextHandoff"]
                .as_str()
                .unwrap();
            world
                .simulator
                .set_clock(edge.parse().unwrap())
                .await
                .unwrap();
            world
                .eventually("handed over", SOON, async || {
                    on_call_now(&world.get("OnCallSchedule", "primary").await) != now
                })
                .await;
        }
        let hand_offs = world
            .eventually("hand-offs are counted", SOON, async || {
                metric("incident_operator_oncall_hand_offs_total").await
            })
            .await;
        assert!(hand_offs >= 1.0);
        let text = world.operator().metrics().await.unwrap();
        let named = text
            .lines()
            .any(|line| line.starts_with("incident_operator_oncall_contact{"));
        assert_eq!(named, with_people, "{text}");
        let somebody = text.contains("alice") || text.contains("bob");
        assert_eq!(somebody, with_people);
        world.delete_and_wait("OnCallSchedule", "primary").await;
        world
            .eventually("its figures are gone", SOON, async || {
                let text = world.operator().metrics().await.unwrap();
                let left: Vec<&str> = text
                    .lines()
                    .filter(|l| l.contains("schedule=\"primary\""))
                    .collect();
                if left.is_empty() {
                    Ok(())
                } else {
                    Err(left.join("\n"))
                }
            })
            .await;
        world.finish().await;
    }
}

#[tokio::test]
async fn what_only_time_or_the_database_knows() {
    let world = stage("schedule-shape").await;
    people(&world, &["alice", "bob"]).await;
    // Zones (CHK-22).
    for (zone, says) in [
        ("Mars/Olympus", "\"Mars/Olympus\" is not an IANA time zone"),
        ("europe/dublin", "\"Europe/Dublin\" is"),
        ("EST", "\"EST\" is a code without a place"),
    ] {
        let before = world.last_call().await;
        let there = with(rotation("week", &["alice"]), &json!({"timeZone": zone}));
        world.apply_value(schedule("zones", &[there])).await;
        let stalled = world
            .eventually(&format!("{zone} is refused"), SOON, async || {
                let object = world.get("OnCallSchedule", "zones").await;
                let stalled = checks::condition(&object, "Stalled")?;
                (stalled.message.contains(says)).then_some(stalled)
            })
            .await;
        assert_eq!(stalled.reason, "InvalidSpec");
        assert!(
            stalled.message.contains("rotation \"week\"") && stalled.message.contains("CHK-22"),
            "{stalled}"
        );
        assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    }
    let target = json!({"coverageTarget": [{"days": ["Mon"], "start": "09:00", "end": "17:00", "timeZone": "Nowhere/City"}]});
    world
        .apply_value(schedule_with(
            "zones",
            &[rotation("week", &["alice"])],
            &target,
        ))
        .await;
    let stalled = world
        .stalled("OnCallSchedule", "zones", "InvalidSpec")
        .await;
    assert!(
        stalled.message.contains("coverageTarget 1") && stalled.message.contains("Nowhere/City"),
        "{stalled}"
    );
    world
        .apply_value(schedule("zones", &[rotation("week", &["alice"])]))
        .await;
    world.ready("OnCallSchedule", "zones").await;

    // Nine rotations, two zones (CHK-19, CHK-23).
    let mut nine: Vec<Value> = (0..9)
        .map(|n| rotation(&format!("r{n}"), &["alice"]))
        .collect();
    nine[8]["timeZone"] = json!("Asia/Tokyo");
    let calls = put(&world, schedule("nine", &nine)).await;
    assert_eq!(calls.len(), 10);
    let found = findings(&world.get("OnCallSchedule", "nine").await);
    assert!(
        found.contains(&"TooManyRotations".to_owned())
            && found.contains(&"MixedTimeZones".to_owned()),
        "{found:?}"
    );
    // None at all.
    assert_eq!(put(&world, schedule("none", &[])).await, ["CreateContact"]);
    let object = world.get("OnCallSchedule", "none").await;
    assert!(findings(&object).contains(&"NoRotations".to_owned()));
    assert_eq!(object.data["status"]["summary"]["onCall"], "-");
    let reachable = condition_now(&world, "OnCallSchedule", "none", "OnCallReachable")
        .await
        .unwrap();
    assert_eq!(reachable.reason, "NobodyOnCall");
    let covered = condition_now(&world, "OnCallSchedule", "none", "CoverageComplete")
        .await
        .unwrap();
    assert_eq!(
        (covered.status.as_str(), covered.reason.as_str()),
        ("False", "CoverageGap")
    );
    // From one to none, and back.
    put(&world, schedule("none", &[rotation("one", &["alice"])])).await;
    assert_eq!(
        put(&world, schedule("none", &[])).await,
        ["UpdateContact", "DeleteRotation"]
    );
    // Hours that nobody asks for are no gap.
    let office = json!([{"days": ["Mon", "Tue"], "start": "09:00", "end": "17:00"}]);
    let target =
        json!([{"days": ["Mon", "Tue"], "start": "09:00", "end": "17:00", "timeZone": "UTC"}]);
    let hours = with(
        rotation("hours", &["alice", "bob"]),
        &json!({"coverage": office}),
    );
    put(
        &world,
        schedule_with("none", &[hours], &json!({"coverageTarget": target})),
    )
    .await;
    world
        .condition(
            "OnCallSchedule",
            "none",
            "CoverageComplete",
            "True",
            "Covered",
        )
        .await;
    assert_eq!(
        event_count(&world, "OnCallSchedule", "none", "DriftCorrected").await,
        0
    );
    for name in ["zones", "nine", "none"] {
        world.delete_and_wait("OnCallSchedule", name).await;
    }
    assert!(world.rotations().await.is_empty());
    world.finish().await;
}

#[tokio::test]
async fn overrides_made_elsewhere_are_shown_and_reviewed() {
    let world = build(World::builder("schedule-overrides").drift("2s")).await;
    let arns = people(&world, &["alice", "bob", "carol"]).await;
    let week = rotation("week", &["alice", "bob", "carol"]);
    put(&world, schedule("primary", std::slice::from_ref(&week))).await;
    let object = world.get("OnCallSchedule", "primary").await;
    let on = object.data["status"]["onCallNow"][0]["contact"]
        .as_str()
        .unwrap()
        .to_owned();
    let (index, stand_in) = if on == "alice" {
        (1, "bob")
    } else {
        (0, "alice")
    };
    let now = Timestamp::now().as_second();
    let time = aws_sdk_ssmcontacts::primitives::DateTime::from_secs;
    let rotation = held_rotation(&world, "week").await.arn;
    let made = world
        .contacts()
        .create_rotation_override()
        .rotation_id(&rotation)
        .new_contact_ids(&arns[index])
        .start_time(time(now - 30))
        .end_time(time(now + 7200))
        .send()
        .await
        .unwrap();
    let object = world
        .eventually("the override is shown", SOON, async || {
            let object = world.get("OnCallSchedule", "primary").await;
            (on_call_now(&object)["week"] == [stand_in.to_owned()].into()).then_some(object)
        })
        .await;
    let shown = &object.data["status"]["overrides"][0];
    assert_eq!(shown["id"], made.rotation_override_id.as_str());
    assert_eq!(shown["contacts"], json!([stand_in]));
    assert!(shown["madeBy"].is_null());
    assert_eq!(
        object.data["status"]["onCallNow"][0]["insteadOf"],
        json!([on])
    );
    // An edit of the rotation: the override stays, and asks to be looked at (CHK-29).
    put(
        &world,
        schedule("primary", &[with(week, &json!({"timeZone": "Asia/Tokyo"}))]),
    )
    .await;
    world
        .eventually("the override is to be reviewed", SOON, async || {
            let found = findings(&world.get("OnCallSchedule", "primary").await);
            let wanted = format!("ReviewOverrides/week/{}", made.rotation_override_id);
            if found.contains(&wanted) {
                Ok(())
            } else {
                Err(format!("{found:?}"))
            }
        })
        .await;
    schedules_in_sync(&world).await;
    world.finish().await;
}
