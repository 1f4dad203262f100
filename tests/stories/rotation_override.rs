//! Swaps: by substitution and as a whole set, edited, lost, over, refused, and before everything else in the queue.

use futures::StreamExt as _;
use harness::simulator::When;
use harness::world::{Crash, SOON, WorldBuilder, namespace_gone};
use harness::{Fault, World, checks, seconds};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::support::{Stage, advance, build, contact, event, event_count, findings, mutations};

/// A Monday, three hours before the first hand-off.
const MONDAY: &str = "2027-03-01T06:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A world whose clock shows [`MONDAY`], with alice, bob, carol and dan, not yet in a rotation.
async fn monday(name: &str) -> Stage {
    monday_in(World::builder(name)).await
}

async fn monday_in(builder: WorldBuilder) -> Stage {
    let stage = build(builder.simulated_clock()).await;
    stage.simulator.set_clock(at(MONDAY)).await.unwrap();
    tokio::time::sleep(seconds(1)).await;
    for name in ["alice", "bob", "carol", "dan"] {
        stage.apply_value(contact(name)).await;
    }
    stage
}

/// People who take daily turns from 09:00 to 09:00, the first of them from Monday on.
fn daily(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|m| json!({"name": m})).collect();
    json!({
        "name": name, "startTime": "2027-03-01T09:00:00Z", "timeZone": "Europe/London", "contactRefs": members,
        "recurrence": {"type": "Daily", "daily": {"handOffs": [{"time": "09:00"}]}},
    })
}

fn schedule(rotations: &[Value]) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "OnCallSchedule", "metadata": {"name": "primary"},
        "spec": {"rotations": rotations},
    })
}

/// A schedule with one rotation of alice, bob and carol.
async fn one_rotation(world: &World) {
    world
        .apply_value(schedule(&[daily("tokyo", &["alice", "bob", "carol"])]))
        .await;
    world.ready("OnCallSchedule", "primary").await;
}

fn swap(name: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["scheduleRef"] = json!({"name": "primary"});
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "RotationOverride", "metadata": {"name": name}, "spec": spec,
    })
}

fn bob_for_alice() -> Value {
    json!([{"out": {"name": "alice"}, "in": {"name": "bob"}}])
}

/// `start to end: people` of what AWS holds in a rotation, by start.
async fn overrides(world: &World, rotation: &str) -> Vec<String> {
    let Some(arn) = rotation_arn(world, rotation).await else {
        return vec![];
    };
    held(world, &arn)
        .await
        .into_iter()
        .map(|(_, text)| text)
        .collect()
}

async fn rotation_arn(world: &World, rotation: &str) -> Option<String> {
    let schedule = world.find("OnCallSchedule", "primary").await?;
    let rotations = schedule.data["status"]["rotations"].as_array()?.clone();
    let found = rotations.iter().find(|r| r["name"] == rotation)?;
    found["arn"].as_str().map(ToOwned::to_owned)
}

/// Ids and content of the overrides of a rotation.
async fn held(world: &World, arn: &str) -> Vec<(String, String)> {
    let time =
        |text: &str| aws_sdk_ssmcontacts::primitives::DateTime::from_secs(at(text).as_second());
    let found = world
        .contacts()
        .list_rotation_overrides()
        .rotation_id(arn)
        .start_time(time("2027-01-01T00:00:00Z"))
        .end_time(time("2029-01-01T00:00:00Z"))
        .send()
        .await
        .unwrap();
    found
        .rotation_overrides()
        .iter()
        .map(|o| {
            let time = |t: &aws_sdk_ssmcontacts::primitives::DateTime| {
                let text = Timestamp::from_second(t.secs()).unwrap().to_string();
                text.trim_start_matches("2027-")
                    .trim_end_matches(":00Z")
                    .to_owned()
            };
            let people = o.new_contact_ids().iter();
            let people: Vec<&str> = people.map(|p| p.rsplit('/').next().unwrap()).collect();
            let text = format!(
                "{} to {}: {}",
                time(o.start_time()),
                time(o.end_time()),
                people.join(" ")
            );
            (o.rotation_override_id().to_owned(), text)
        })
        .collect()
}

async fn holds(world: &World, rotation: &str, wanted: &[&str]) {
    world
        .eventually(
            &format!("{rotation} is overridden {wanted:?}"),
            SOON,
            async || {
                let found = overrides(world, rotation).await;
                if found == wanted {
                    Ok(())
                } else {
                    Err(format!("{found:?}"))
                }
            },
        )
        .await;
}

async fn phase(world: &World, name: &str, wanted: &str) {
    world
        .eventually(&format!("{name} is {wanted}"), SOON, async || {
            let object = world.find("RotationOverride", name).await;
            let phase = object.map(|o| o.data["status"]["phase"].clone());
            if phase == Some(json!(wanted)) {
                Ok(())
            } else {
                Err(format!("{phase:?}"))
            }
        })
        .await;
}

/// Who is on call according to the schedule's status.
async fn on_call(world: &World, wanted: &str) {
    world
        .eventually(&format!("{wanted} is on call"), SOON, async || {
            let object = world.get("OnCallSchedule", "primary").await;
            let found = object.data["status"]["summary"]["onCall"].clone();
            if found == wanted {
                Ok(())
            } else {
                Err(found.to_string())
            }
        })
        .await;
}

async fn move_to(world: &World, time: &str) {
    let now = world.simulator.now().await.unwrap();
    let by = at(time).duration_since(now);
    assert!(by > SignedDuration::ZERO, "{time} is over");
    advance(world, by.unsigned_abs()).await;
}

#[tokio::test]
async fn bob_stands_in_for_alice_over_several_shifts() {
    let world = monday("swap").await;
    one_rotation(&world).await;
    // Alice has Monday and Thursday, and bob Tuesday anyway.
    let spec = json!({
        "rotation": "tokyo", "substitutions": bob_for_alice(),
        "startTime": "2027-03-01T12:00:00Z", "durationMinutes": 4 * 24 * 60,
    });
    world.apply_value(swap("bob-for-alice", &spec)).await;
    let ready = world.ready("RotationOverride", "bob-for-alice").await;
    holds(
        &world,
        "tokyo",
        &[
            "03-01T12:00 to 03-02T09:00: bob",
            "03-04T09:00 to 03-05T09:00: bob",
        ],
    )
    .await;
    let status = &ready.data["status"];
    assert_eq!(status["phase"], "Pending");
    assert_eq!(status["summary"]["change"], "bob for alice");
    assert_eq!(status["startTime"], "2027-03-01T12:00:00Z");
    assert_eq!(status["endTime"], "2027-03-05T12:00:00Z");
    assert!(status["arn"].is_null(), "{status}");
    assert_eq!(status["overrides"][0]["contacts"], json!(["bob"]));
    assert_eq!(status["overrides"].as_array().unwrap().len(), 2);
    event(
        &world,
        "RotationOverride",
        "bob-for-alice",
        "Created",
        "put bob on call",
    )
    .await;
    // Nothing has begun yet, so nothing is said about engagements.
    let events = world.events("RotationOverride", "bob-for-alice").await;
    assert!(
        !events.iter().any(|e| e.message.contains("re-routed")),
        "{events:?}"
    );
    move_to(&world, "2027-03-01T11:00:00Z").await;
    on_call(&world, "alice").await;
    move_to(&world, "2027-03-01T12:00:00Z").await;
    phase(&world, "bob-for-alice", "Active").await;
    on_call(&world, "bob").await;
    let since = world.last_call().await;
    move_to(&world, "2027-03-05T12:00:00Z").await;
    phase(&world, "bob-for-alice", "Completed").await;
    // A pass that was interrupted tells the phase by the clock alone, and the next one the rest.
    world
        .condition(
            "RotationOverride",
            "bob-for-alice",
            "Ready",
            "True",
            "Completed",
        )
        .await;
    let over = world.ready("RotationOverride", "bob-for-alice").await;
    assert_eq!(
        over.data["status"]["overrides"].as_array().unwrap().len(),
        2
    );
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    // History stays, also when the object goes.
    world
        .delete_and_wait("RotationOverride", "bob-for-alice")
        .await;
    assert_eq!(overrides(&world, "tokyo").await.len(), 2);
    world.finish().await;
}

#[tokio::test]
async fn every_rotation_with_alice_is_overridden_and_whoever_else_is_on_shift_stays() {
    let world = monday("swaps").await;
    let mut pairs = daily("pairs", &["dan", "alice", "carol", "bob"]);
    pairs["recurrence"]["numberOfOnCalls"] = json!(2);
    let others = daily("others", &["carol", "bob"]);
    let rotations = [daily("tokyo", &["alice", "bob", "carol"]), pairs, others];
    world.apply_value(schedule(&rotations)).await;
    world.ready("OnCallSchedule", "primary").await;
    let spec = json!({
        "substitutions": bob_for_alice(), "startTime": "2027-03-01T10:00:00Z", "endTime": "2027-03-01T18:00:00Z",
    });
    world.apply_value(swap("ill", &spec)).await;
    world.ready("RotationOverride", "ill").await;
    holds(&world, "tokyo", &["03-01T10:00 to 03-01T18:00: bob"]).await;
    holds(&world, "pairs", &["03-01T10:00 to 03-01T18:00: dan bob"]).await;
    holds(&world, "others", &[]).await;
    // A swap of nobody who is on shift says so, and waits.
    let spec = json!({
        "substitutions": [{"out": {"name": "carol"}, "in": {"name": "bob"}}], "rotation": "tokyo",
        "startTime": "2027-03-01T10:00:00Z", "endTime": "2027-03-01T18:00:00Z",
    });
    world.apply_value(swap("nobody-there", &spec)).await;
    let waits = world
        .condition(
            "RotationOverride",
            "nobody-there",
            "Ready",
            "False",
            "NothingToReplace",
        )
        .await;
    assert!(
        waits
            .message
            .contains("carol is not on shift in rotation tokyo"),
        "{}",
        waits.message
    );
    assert!(
        world
            .get("RotationOverride", "nobody-there")
            .await
            .finalizers()
            .is_empty()
    );
    // When the rotation changes, so does the answer.
    let mut rotations = rotations.clone();
    rotations[0] = daily("tokyo", &["carol", "alice", "bob"]);
    world.apply_value(schedule(&rotations)).await;
    world.ready("RotationOverride", "nobody-there").await;
    holds(&world, "tokyo", &["03-01T10:00 to 03-01T18:00: bob"]).await;
    // And whoever has nothing to replace any more lets go.
    world.ready("RotationOverride", "ill").await;
    world
        .eventually("ill is about the pairs alone", SOON, async || {
            let ill = world.get("RotationOverride", "ill").await;
            let overrides = ill.data["status"]["overrides"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let rotations: Vec<_> = overrides.iter().map(|o| o["rotation"].clone()).collect();
            if rotations == ["pairs"] {
                Ok(())
            } else {
                Err(format!("{rotations:?}"))
            }
        })
        .await;
    world.finish().await;
}

#[tokio::test]
async fn the_whole_set_and_nobody_at_all() {
    let world = monday("whole").await;
    one_rotation(&world).await;
    let spec = json!({
        "contactRefs": [{"name": "carol"}, {"name": "bob"}],
        "startTime": "2027-03-01T10:00:00Z", "durationMinutes": 30 * 60,
    });
    world.apply_value(swap("both", &spec)).await;
    let both = world.ready("RotationOverride", "both").await;
    holds(&world, "tokyo", &["03-01T10:00 to 03-02T16:00: carol bob"]).await;
    assert_eq!(both.data["status"]["summary"]["change"], "carol, bob");
    assert!(findings(&both).is_empty());
    let spec =
        json!({"contactRefs": [], "startTime": "2027-03-06T10:00:00Z", "durationMinutes": 60});
    world.apply_value(swap("nobody", &spec)).await;
    let nobody = world.ready("RotationOverride", "nobody").await;
    assert_eq!(nobody.data["status"]["summary"]["change"], "nobody");
    assert_eq!(findings(&nobody), ["NobodyOnCall"]);
    holds(
        &world,
        "tokyo",
        &[
            "03-01T10:00 to 03-02T16:00: carol bob",
            "03-06T10:00 to 03-06T11:00: ",
        ],
    )
    .await;
    // Of several rotations one has to be named.
    let two = [
        daily("tokyo", &["alice", "bob", "carol"]),
        daily("paris", &["dan"]),
    ];
    world.apply_value(schedule(&two)).await;
    let refused = world
        .stalled("RotationOverride", "both", "InvalidSpec")
        .await;
    assert!(
        refused.message.contains("tokyo, paris"),
        "{}",
        refused.message
    );
    world
        .patch(
            "RotationOverride",
            "both",
            &json!({"spec": {"rotation": "tokyo"}}),
        )
        .await;
    world.ready("RotationOverride", "both").await;
    world
        .patch(
            "RotationOverride",
            "nobody",
            &json!({"spec": {"rotation": "rome"}}),
        )
        .await;
    let missing = world
        .condition(
            "RotationOverride",
            "nobody",
            "Ready",
            "False",
            "RotationNotFound",
        )
        .await;
    assert!(
        missing.message.contains("tokyo, paris"),
        "{}",
        missing.message
    );
    world.finish().await;
}

#[tokio::test]
async fn from_now_on_edited_and_ended_early() {
    let world = monday("now").await;
    one_rotation(&world).await;
    move_to(&world, "2027-03-01T10:00:00Z").await;
    let spec = json!({"substitutions": bob_for_alice(), "durationMinutes": 240});
    world.apply_value(swap("now", &spec)).await;
    let now = world.ready("RotationOverride", "now").await;
    assert_eq!(now.data["status"]["phase"], "Active");
    let start = at(now.data["status"]["startTime"].as_str().unwrap());
    let late = start.duration_since(at("2027-03-01T10:00:00Z"));
    assert!(late.as_secs() < 60, "{start}");
    event(
        &world,
        "RotationOverride",
        "now",
        "Created",
        "an engagement that has begun already is not re-routed",
    )
    .await;
    on_call(&world, "bob").await;
    // The start does not move with later passes.
    world.reconcile_now("RotationOverride", "now").await;
    assert_eq!(
        world.get("RotationOverride", "now").await.data["status"]["startTime"],
        now.data["status"]["startTime"]
    );
    // Longer: the new one is made before the old one goes.
    let since = world.last_call().await;
    world
        .patch(
            "RotationOverride",
            "now",
            &json!({"spec": {"durationMinutes": 480}}),
        )
        .await;
    world
        .eventually("one override until six", SOON, async || {
            let found = overrides(&world, "tokyo").await;
            if found.len() == 1 && found[0].contains("to 03-01T18:0") {
                Ok(())
            } else {
                Err(format!("{found:?}"))
            }
        })
        .await;
    assert_eq!(
        mutations(&world, since).await,
        ["CreateRotationOverride", "DeleteRotationOverride"]
    );
    world.ready("RotationOverride", "now").await;
    // Somebody else: new before old again, and at no moment alice.
    let since = world.last_call().await;
    let carol = json!([{"out": {"name": "alice"}, "in": {"name": "carol"}}]);
    world
        .patch(
            "RotationOverride",
            "now",
            &json!({"spec": {"substitutions": carol}}),
        )
        .await;
    on_call(&world, "carol").await;
    world.ready("RotationOverride", "now").await;
    assert_eq!(
        mutations(&world, since).await,
        ["CreateRotationOverride", "DeleteRotationOverride"]
    );
    let seen: Vec<_> = world
        .versions("OnCallSchedule", "primary")
        .iter()
        .map(|v| {
            v.data["status"]["summary"]["onCall"]
                .as_str()
                .unwrap_or("-")
                .to_owned()
        })
        .collect();
    let from = seen.iter().position(|who| who == "bob").unwrap();
    assert!(!seen[from..].contains(&"alice".to_owned()), "{seen:?}");
    // Ended early: alice is back at once, and it is over for good.
    move_to(&world, "2027-03-01T12:00:00Z").await;
    world
        .patch(
            "RotationOverride",
            "now",
            &json!({"spec": {"durationMinutes": 60}}),
        )
        .await;
    phase(&world, "now", "Completed").await;
    holds(&world, "tokyo", &[]).await;
    on_call(&world, "alice").await;
    let since = world.last_call().await;
    world
        .patch(
            "RotationOverride",
            "now",
            &json!({"spec": {"durationMinutes": 600}}),
        )
        .await;
    world.reconcile_now("RotationOverride", "now").await;
    world.ready("RotationOverride", "now").await;
    phase(&world, "now", "Completed").await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    world.finish().await;
}

#[tokio::test]
async fn with_a_time_to_live_it_goes_by_itself() {
    let world = monday("ttl").await;
    one_rotation(&world).await;
    let spec = json!({
        "substitutions": bob_for_alice(), "startTime": "2027-03-01T10:00:00Z", "durationMinutes": 60, "ttlSecondsAfterFinished": 3600,
    });
    world.apply_value(swap("short", &spec)).await;
    world.ready("RotationOverride", "short").await;
    move_to(&world, "2027-03-01T11:00:00Z").await;
    phase(&world, "short", "Completed").await;
    move_to(&world, "2027-03-01T11:59:00Z").await;
    assert!(world.find("RotationOverride", "short").await.is_some());
    move_to(&world, "2027-03-01T12:00:00Z").await;
    world.gone("RotationOverride", "short").await;
    // What it did is history. Made again from Git, it starts nothing.
    holds(&world, "tokyo", &["03-01T10:00 to 03-01T11:00: bob"]).await;
    let since = world.last_call().await;
    let mut again = spec.clone();
    again["ttlSecondsAfterFinished"] = json!(86400);
    world.apply_value(swap("short", &again)).await;
    phase(&world, "short", "Completed").await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    world.finish().await;
}

#[tokio::test]
async fn what_was_lost_is_made_again_and_what_others_made_is_left_alone() {
    let world = monday("lost").await;
    one_rotation(&world).await;
    let arn = rotation_arn(&world, "tokyo").await.unwrap();
    let alice = world.get("Contact", "alice").await.data["status"]["arn"]
        .as_str()
        .unwrap()
        .to_owned();
    let carol = alice.replace("/alice", "/carol");
    let time =
        |text: &str| aws_sdk_ssmcontacts::primitives::DateTime::from_secs(at(text).as_second());
    let by_hand = async |from: &str, to: &str| {
        let made = world
            .contacts()
            .create_rotation_override()
            .rotation_id(&arn)
            .new_contact_ids(&carol)
            .start_time(time(from))
            .end_time(time(to))
            .send()
            .await
            .unwrap();
        made.rotation_override_id
    };
    by_hand("2027-03-02T10:00:00Z", "2027-03-02T11:00:00Z").await;
    let spec = json!({
        "substitutions": bob_for_alice(), "startTime": "2027-03-01T10:00:00Z", "durationMinutes": 24 * 60,
    });
    world.apply_value(swap("bob", &spec)).await;
    world.ready("RotationOverride", "bob").await;
    let both = [
        "03-01T10:00 to 03-02T09:00: bob",
        "03-02T10:00 to 03-02T11:00: carol",
    ];
    holds(&world, "tokyo", &both).await;
    // By hand.
    advance(&world, seconds(60)).await;
    let id = held(&world, &arn).await[0].0.clone();
    world
        .contacts()
        .delete_rotation_override()
        .rotation_id(&arn)
        .rotation_override_id(id)
        .send()
        .await
        .unwrap();
    world.reconcile_now("RotationOverride", "bob").await;
    holds(&world, "tokyo", &both).await;
    event(
        &world,
        "RotationOverride",
        "bob",
        "OverrideRestored",
        "put bob on call again",
    )
    .await;
    // By an edit of the rotation, where AWS forgets its overrides then; nobody asks for a look.
    advance(&world, seconds(60)).await;
    world
        .simulator
        .knobs(None, &json!({"rotation_update_drops_overrides": "yes"}))
        .await
        .unwrap();
    let four = daily("tokyo", &["alice", "bob", "carol", "dan"]);
    world.apply_value(schedule(&[four])).await;
    world
        .eventually("lost and made again", seconds(60), async || {
            let drops = overrides(&world, "tokyo").await;
            let restored = event_count(&world, "RotationOverride", "bob", "OverrideRestored").await;
            if drops == both[..1] && restored == 2 {
                Ok(())
            } else {
                Err(format!("{drops:?} {restored}"))
            }
        })
        .await;
    world.ready("RotationOverride", "bob").await;
    // What somebody else makes later holds, and that is said.
    advance(&world, seconds(60)).await;
    by_hand("2027-03-01T12:00:00Z", "2027-03-01T13:00:00Z").await;
    world.reconcile_now("RotationOverride", "bob").await;
    let bob = world.ready("RotationOverride", "bob").await;
    assert_eq!(findings(&bob), ["HiddenByLaterOverride/tokyo"]);
    world.delete_and_wait("RotationOverride", "bob").await;
    holds(&world, "tokyo", &["03-01T12:00 to 03-01T13:00: carol"]).await;
    world.finish().await;
}

#[tokio::test]
async fn who_is_no_member_is_explained() {
    let world = monday("stranger").await;
    one_rotation(&world).await;
    let spec = json!({
        "substitutions": [{"out": {"name": "alice"}, "in": {"name": "dan"}}],
        "startTime": "2027-03-01T10:00:00Z", "durationMinutes": 60,
    });
    world.apply_value(swap("dan", &spec)).await;
    let refused = world
        .stalled("RotationOverride", "dan", "RejectedByAws")
        .await;
    assert!(
        refused.message.contains("AWS takes only members of the rotation for an override: add dan to contactRefs of rotation tokyo"),
        "{}",
        refused.message
    );
    assert_eq!(
        world.get("RotationOverride", "dan").await.data["status"]["phase"],
        "Pending"
    );
    // Doing so is enough.
    world
        .apply_value(schedule(&[daily(
            "tokyo",
            &["alice", "bob", "carol", "dan"],
        )]))
        .await;
    world.ready("RotationOverride", "dan").await;
    holds(&world, "tokyo", &["03-01T10:00 to 03-01T11:00: dan"]).await;
    world.finish().await;
}

#[tokio::test]
async fn too_short_and_too_far_ahead() {
    let world = monday("bounds").await;
    one_rotation(&world).await;
    let spec = json!({"substitutions": bob_for_alice(), "endTime": "2027-03-01T06:10:00Z"});
    world.apply_value(swap("short", &spec)).await;
    let refused = world
        .stalled("RotationOverride", "short", "InvalidSpec")
        .await;
    assert!(
        refused.message.contains("CHK-28") && refused.message.contains("first saw it"),
        "{}",
        refused.message
    );
    // Alice's shift ends ten minutes after the swap begins: AWS takes nothing so short.
    let spec = json!({
        "substitutions": bob_for_alice(), "startTime": "2027-03-02T08:50:00Z", "durationMinutes": 240,
    });
    world.apply_value(swap("end-of-shift", &spec)).await;
    let waits = world
        .condition(
            "RotationOverride",
            "end-of-shift",
            "Ready",
            "False",
            "NothingToReplace",
        )
        .await;
    assert!(
        waits.message.contains("less than 30 minutes"),
        "{}",
        waits.message
    );
    assert_eq!(
        findings(&world.get("RotationOverride", "end-of-shift").await),
        ["PartTooShort/tokyo"]
    );
    let since = world.last_call().await;
    let spec = json!({
        "contactRefs": [{"name": "bob"}], "startTime": "2027-09-10T10:00:00Z", "durationMinutes": 60,
    });
    world.apply_value(swap("far", &spec)).await;
    let waits = world
        .condition("RotationOverride", "far", "Ready", "False", "TooFarAhead")
        .await;
    assert!(
        waits.message.contains("2027-03-10T10:00:00Z"),
        "{}",
        waits.message
    );
    assert!(checks::condition(&world.get("RotationOverride", "far").await, "Stalled").is_none());
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    move_to(&world, "2027-03-10T09:59:00Z").await;
    holds(&world, "tokyo", &[]).await;
    move_to(&world, "2027-03-10T10:00:00Z").await;
    world.ready("RotationOverride", "far").await;
    holds(&world, "tokyo", &["09-10T10:00 to 09-10T11:00: bob"]).await;
    world.finish().await;
}

#[tokio::test]
async fn where_aws_takes_no_start_in_the_past_it_begins_in_a_minute() {
    let world = monday("past").await;
    one_rotation(&world).await;
    world
        .simulator
        .knobs(None, &json!({"past_override_start": "refuse"}))
        .await
        .unwrap();
    move_to(&world, "2027-03-01T10:30:00Z").await;
    let spec = json!({
        "substitutions": bob_for_alice(), "startTime": "2027-03-01T10:00:00Z", "durationMinutes": 240,
    });
    world.apply_value(swap("late", &spec)).await;
    world.ready("RotationOverride", "late").await;
    let found = overrides(&world, "tokyo").await;
    assert!(
        found.len() == 1
            && found[0].contains("03-01T10:31")
            && found[0].ends_with("to 03-01T14:00: bob"),
        "{found:?}"
    );
    let since = world.last_call().await;
    for _ in 0..3 {
        world.reconcile_now("RotationOverride", "late").await;
        advance(&world, seconds(60)).await;
    }
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    on_call(&world, "bob").await;
    // Whom it replaces goes only when the new one has begun.
    let carol = json!([{"out": {"name": "alice"}, "in": {"name": "carol"}}]);
    world
        .patch(
            "RotationOverride",
            "late",
            &json!({"spec": {"substitutions": carol}}),
        )
        .await;
    world
        .eventually("both are there", SOON, async || {
            let found = overrides(&world, "tokyo").await;
            if found.len() == 2 {
                Ok(())
            } else {
                Err(format!("{found:?}"))
            }
        })
        .await;
    on_call(&world, "bob").await;
    advance(&world, seconds(70)).await;
    on_call(&world, "carol").await;
    world
        .eventually("the old one is gone", SOON, async || {
            let found = overrides(&world, "tokyo").await;
            if found.len() == 1 && found[0].ends_with("carol") {
                Ok(())
            } else {
                Err(format!("{found:?}"))
            }
        })
        .await;
    world.finish().await;
}

#[tokio::test]
async fn a_contact_in_a_running_swap_is_held_and_free_afterwards() {
    let world = monday("held").await;
    // dan is in no rotation; AWS takes strangers here.
    world
        .simulator
        .knobs(None, &json!({"non_member_override": "accept"}))
        .await
        .unwrap();
    one_rotation(&world).await;
    let spec = json!({
        "substitutions": [{"out": {"name": "alice"}, "in": {"name": "dan"}}],
        "startTime": "2027-03-01T10:00:00Z", "durationMinutes": 60,
    });
    world.apply_value(swap("dan", &spec)).await;
    world.ready("RotationOverride", "dan").await;
    world.delete("Contact", "dan").await;
    let held = world
        .condition("Contact", "dan", "Ready", "False", "StillReferenced")
        .await;
    assert!(
        held.message.contains("RotationOverride"),
        "{}",
        held.message
    );
    move_to(&world, "2027-03-01T11:00:00Z").await;
    phase(&world, "dan", "Completed").await;
    world.gone("Contact", "dan").await;
    // Nobody is missed any more.
    world.reconcile_now("RotationOverride", "dan").await;
    world.ready("RotationOverride", "dan").await;
    world.finish().await;
}

#[tokio::test]
async fn deleted_before_its_end_it_gives_the_shifts_back() {
    let world = monday("deleted").await;
    one_rotation(&world).await;
    let spec = json!({
        "substitutions": bob_for_alice(), "startTime": "2027-03-01T10:00:00Z", "durationMinutes": 4 * 24 * 60,
    });
    world.apply_value(swap("goes", &spec)).await;
    let mut kept = spec.clone();
    kept["substitutions"] = json!([{"out": {"name": "carol"}, "in": {"name": "bob"}}]);
    kept["deletionPolicy"] = json!("Retain");
    world.apply_value(swap("stays", &kept)).await;
    world.ready("RotationOverride", "goes").await;
    world.ready("RotationOverride", "stays").await;
    move_to(&world, "2027-03-02T10:00:00Z").await;
    let carols = "03-03T09:00 to 03-04T09:00: bob";
    let alices = [
        "03-01T10:00 to 03-02T09:00: bob",
        "03-04T09:00 to 03-05T09:00: bob",
    ];
    holds(&world, "tokyo", &[alices[0], carols, alices[1]]).await;
    world.delete_and_wait("RotationOverride", "stays").await;
    world.delete_and_wait("RotationOverride", "goes").await;
    // Monday is history, and what was to be retained is.
    holds(&world, "tokyo", &[alices[0], carols]).await;
    // All at once with the namespace.
    world.apply_value(swap("goes", &spec)).await;
    world.ready("RotationOverride", "goes").await;
    world.delete("Namespace", &world.namespace.clone()).await;
    namespace_gone(&world.cluster, &world.namespace, seconds(180))
        .await
        .unwrap();
    world.aws_empty().await;
    world.finish().await;
}

#[tokio::test]
async fn observed_only_and_suspended() {
    let world = monday("observed").await;
    one_rotation(&world).await;
    let mut spec = json!({
        "substitutions": bob_for_alice(), "startTime": "2027-03-01T10:00:00Z", "durationMinutes": 60,
        "managementPolicy": "Observe",
    });
    let since = world.last_call().await;
    world.apply_value(swap("looks", &spec)).await;
    world
        .condition("RotationOverride", "looks", "Ready", "False", "Observing")
        .await;
    let looks = world.get("RotationOverride", "looks").await;
    assert_eq!(crate::support::pending(&looks), ["Create overrides[tokyo]"]);
    assert!(looks.finalizers().is_empty());
    spec.as_object_mut().unwrap().remove("managementPolicy");
    spec["suspend"] = json!(true);
    world.apply_value(swap("sleeps", &spec)).await;
    world
        .condition(
            "RotationOverride",
            "sleeps",
            "Suspended",
            "True",
            "Suspended",
        )
        .await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    world
        .patch(
            "RotationOverride",
            "sleeps",
            &json!({"spec": {"suspend": null}}),
        )
        .await;
    world.ready("RotationOverride", "sleeps").await;
    holds(&world, "tokyo", &["03-01T10:00 to 03-01T11:00: bob"]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_swap_at_night_is_not_behind_a_thousand_new_contacts() {
    // Real time: quotas are.
    let limits = json!({"rateLimits": null});
    let world = build(
        World::builder("urgent")
            .without_history()
            .own_simulator(harness::SimulatorOptions::default())
            .provider(limits),
    )
    .await;
    for name in ["alice", "bob"] {
        let mut person = contact(name);
        person["spec"] = json!({"displayName": name});
        world.apply_value(person).await;
    }
    let mut rotation = daily("tokyo", &["alice", "bob"]);
    rotation["startTime"] = json!("2026-01-01T09:00:00Z");
    rotation["recurrence"] = json!({"type": "Monthly", "monthly": {"handOffs": [{"dayOfMonth": 1, "time": "09:00"}]}, "shiftLength": 100});
    world.apply_value(schedule(&[rotation])).await;
    world
        .eventually("the schedule is ready", seconds(60), async || {
            let found = world.find("OnCallSchedule", "primary").await?;
            checks::is_ready(&found).then_some(())
        })
        .await;
    world.simulator.published_quotas(1.0, 1).await.unwrap();
    let names: Vec<String> = (0..1000).map(|number| format!("person-{number}")).collect();
    futures::stream::iter(&names)
        .for_each_concurrent(16, |name| {
            let world = &world;
            async move {
                let mut person = contact(name);
                person["spec"] = json!({"displayName": name});
                world.apply_value(person).await;
            }
        })
        .await;
    // The queue stands.
    let since = world.last_call().await;
    world
        .eventually("contacts are being made", seconds(60), async || {
            let made = mutations(&world, since).await;
            let creates = made.iter().filter(|o| *o == "CreateContact").count();
            if creates >= 3 {
                Ok(())
            } else {
                Err(format!("{made:?}"))
            }
        })
        .await;
    let since = world.last_call().await;
    let spec = json!({"substitutions": bob_for_alice(), "durationMinutes": 60});
    let spec = if first_on_shift(&world).await == "alice" {
        spec
    } else {
        json!({"substitutions": [{"out": {"name": "bob"}, "in": {"name": "alice"}}], "durationMinutes": 60})
    };
    world.apply_value(swap("night", &spec)).await;
    world
        .eventually("the swap is made", seconds(30), async || {
            let night = world.find("RotationOverride", "night").await?;
            checks::is_ready(&night).then_some(())
        })
        .await;
    let calls = mutations(&world, since).await;
    let place = calls
        .iter()
        .position(|o| o == "CreateRotationOverride")
        .unwrap();
    // One is on its way already, and the lowest class has every tenth.
    assert!(place <= 4, "{calls:?}");
    let ready = world
        .cluster
        .list("Contact", Some(&world.namespace))
        .await
        .unwrap();
    let waiting = ready.iter().filter(|c| !checks::is_ready(c)).count();
    println!(
        "CreateRotationOverride is number {} of {calls:?}; {waiting} contacts wait",
        place + 1
    );
    assert!(waiting > 900, "{waiting}");
    world.simulator.no_quotas().await.unwrap();
    world.finish().await;
}

async fn first_on_shift(world: &World) -> String {
    let schedule = world.get("OnCallSchedule", "primary").await;
    schedule.data["status"]["summary"]["onCall"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The operator dies around a call that makes or deletes an override; AWS has forgotten the tokens when it is back.
#[tokio::test]
async fn killed_at_any_call_it_leaves_one_override_and_loses_none() {
    let mut world = monday("killed").await;
    one_rotation(&world).await;
    let knobs = json!({"idempotency_window_seconds": 0});
    world.simulator.knobs(None, &knobs).await.unwrap();
    let swap_at = |number: usize, minutes: usize| {
        let day = 4 + 3 * number;
        let spec = json!({
            "substitutions": bob_for_alice(), "startTime": format!("2027-03-{day:02}T10:00:00Z"), "durationMinutes": minutes,
        });
        swap(&format!("swap-{number}"), &spec)
    };
    for (number, crash) in Crash::ways("CreateRotationOverride", 1).iter().enumerate() {
        let object = swap_at(number, 60);
        let reached = world
            .crash_at(crash, async |world| {
                world.apply_value(object).await;
            })
            .await;
        assert!(reached, "{crash}");
        let name = format!("swap-{number}");
        world.ready("RotationOverride", &name).await;
        let day = 4 + 3 * number;
        let found = overrides(&world, "tokyo").await;
        let wanted = format!("03-{day:02}T10:00 to 03-{day:02}T11:00: bob");
        assert_eq!(
            found.iter().filter(|o| **o == wanted).count(),
            1,
            "{crash}: {found:?}"
        );
        assert_eq!(found.len(), number + 1, "{crash}: {found:?}");
        let status = world.get("RotationOverride", &name).await.data["status"].clone();
        assert!(status["pending"].is_null(), "{status}");
    }
    for operation in ["CreateRotationOverride", "DeleteRotationOverride"] {
        for (number, crash) in Crash::ways(operation, 1).iter().enumerate() {
            let minutes = if operation.starts_with("Create") {
                120
            } else {
                180
            };
            let object = swap_at(number, minutes);
            let reached = world
                .crash_at(crash, async |world| {
                    world.apply_value(object).await;
                })
                .await;
            assert!(reached, "{crash}");
            world
                .ready("RotationOverride", &format!("swap-{number}"))
                .await;
            let day = 4 + 3 * number;
            let found = overrides(&world, "tokyo").await;
            let wanted = format!(
                "03-{day:02}T10:00 to 03-{day:02}T{}:00: bob",
                10 + minutes / 60
            );
            assert!(
                found.contains(&wanted) && found.len() == 3,
                "{crash}: {found:?}"
            );
        }
    }
    for number in 0..3 {
        world
            .delete_and_wait("RotationOverride", &format!("swap-{number}"))
            .await;
    }
    holds(&world, "tokyo", &[]).await;
    world.finish().await;
}

/// Whatever AWS answers, or does not: in the end there is one override, and the object says what is the matter meanwhile.
#[tokio::test]
async fn answers_that_are_lost_late_or_no() {
    let world = monday("faults").await;
    one_rotation(&world).await;
    let knobs = json!({"consistency_delay_ms": 3000});
    world.simulator.knobs(None, &knobs).await.unwrap();
    let faults = [
        Fault::new("cut")
            .operation("CreateRotationOverride")
            .when(When::After),
        Fault::new("internal")
            .operation("CreateRotationOverride")
            .when(When::After),
        Fault::new("throttle").operation("CreateRotationOverride"),
        Fault::new("internal")
            .operation("ListRotationOverrides")
            .times(2),
        Fault::new("cut").operation("GetRotation"),
    ];
    let mut wanted = vec![];
    for (number, fault) in faults.into_iter().enumerate() {
        world.fault(fault).await;
        let day = 4 + 3 * number;
        let spec = json!({
            "substitutions": bob_for_alice(), "startTime": format!("2027-03-{day:02}T10:00:00Z"), "durationMinutes": 60,
        });
        let name = format!("swap-{number}");
        world.apply_value(swap(&name, &spec)).await;
        world
            .eventually(&format!("{name} is ready"), seconds(60), async || {
                let object = world.find("RotationOverride", &name).await?;
                checks::is_ready(&object).then_some(())
            })
            .await;
        wanted.push(format!("03-{day:02}T10:00 to 03-{day:02}T11:00: bob"));
    }
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    tokio::time::sleep(seconds(4)).await;
    holds(&world, "tokyo", &wanted).await;
    // Deletions, too.
    world
        .fault(
            Fault::new("cut")
                .operation("DeleteRotationOverride")
                .when(When::After),
        )
        .await;
    world
        .fault(
            Fault::new("internal")
                .operation("DeleteRotationOverride")
                .nth(2),
        )
        .await;
    for number in 0..wanted.len() {
        world
            .delete("RotationOverride", &format!("swap-{number}"))
            .await;
    }
    holds(&world, "tokyo", &[]).await;
    world
        .simulator
        .knobs(None, &json!({"consistency_delay_ms": 0}))
        .await
        .unwrap();
    world.finish().await;
}

#[tokio::test]
async fn before_its_schedule_from_another_namespace_and_out_of_a_backup() {
    let mut builder = World::builder("order");
    builder = builder.namespace("people");
    let world = build(builder.simulated_clock()).await;
    world.simulator.set_clock(at(MONDAY)).await.unwrap();
    tokio::time::sleep(seconds(1)).await;
    let people = format!("{}-people", world.namespace);
    let there = |name: &str| json!({"name": name, "namespace": people});
    let spec = json!({
        "substitutions": [{"out": there("alice"), "in": there("bob")}], "startTime": "2027-03-01T10:00:00Z", "durationMinutes": 60,
    });
    world.apply_value(swap("first", &spec)).await;
    let waits = world
        .condition(
            "RotationOverride",
            "first",
            "Ready",
            "False",
            "ReferenceNotFound",
        )
        .await;
    assert!(
        waits.message.contains("OnCallSchedule"),
        "{}",
        waits.message
    );
    let mut rotation = daily("tokyo", &[]);
    rotation["contactRefs"] = json!([there("alice"), there("bob")]);
    world.apply_value(schedule(&[rotation])).await;
    for name in ["alice", "bob"] {
        let mut person = contact(name);
        person["metadata"]["namespace"] = json!(people);
        world.apply_value(person).await;
    }
    let grant = |kinds: &[&str]| {
        let from: Vec<Value> = kinds
            .iter()
            .map(|k| json!({"kind": k, "namespace": world.namespace}))
            .collect();
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "AccessGrant", "metadata": {"name": "teams", "namespace": people},
            "spec": {"from": from, "to": [{"kind": "Contact"}]},
        })
    };
    world.apply_value(grant(&["OnCallSchedule"])).await;
    world.ready("OnCallSchedule", "primary").await;
    // What the schedule may, the swap may not.
    world
        .condition(
            "RotationOverride",
            "first",
            "Ready",
            "False",
            "ReferenceNotGranted",
        )
        .await;
    world
        .apply_value(grant(&["OnCallSchedule", "RotationOverride"]))
        .await;
    let first = world.ready("RotationOverride", "first").await;
    holds(&world, "tokyo", &["03-01T10:00 to 03-01T11:00: bob"]).await;
    assert_eq!(
        first.data["status"]["overrides"][0]["contacts"],
        json!([format!("{people}/bob")])
    );
    // A grant that is revoked takes nobody off call.
    world.apply_value(grant(&["OnCallSchedule"])).await;
    let revoked = world
        .condition(
            "RotationOverride",
            "first",
            "Ready",
            "False",
            "ReferenceNotGranted",
        )
        .await;
    assert!(revoked.message.contains("stays"), "{}", revoked.message);
    holds(&world, "tokyo", &["03-01T10:00 to 03-01T11:00: bob"]).await;
    world
        .apply_value(grant(&["OnCallSchedule", "RotationOverride"]))
        .await;
    world.ready("RotationOverride", "first").await;
    // Out of a backup it does not begin again.
    let mut restored = swap(
        "restored",
        &json!({"contactRefs": [there("bob")], "durationMinutes": 60}),
    );
    restored["metadata"]["labels"] = json!({"velero.io/restore-name": "nightly"});
    let since = world.last_call().await;
    world.apply_value(restored).await;
    let refused = world
        .stalled("RotationOverride", "restored", "Refused")
        .await;
    assert!(refused.message.contains("startTime"), "{}", refused.message);
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    world.finish().await;
}

/// The object as a backup without status or Git brings it back, and the operator that finds it so.
async fn made_again(world: &mut Stage, name: &str, object: Value) {
    world.operator().kill9();
    let none = json!({"metadata": {"finalizers": null}});
    world.delete("RotationOverride", name).await;
    world.patch("RotationOverride", name, &none).await;
    world.gone("RotationOverride", name).await;
    world.apply_value(object).await;
    world.operator_mut().restart().await.unwrap();
}

#[tokio::test]
async fn without_its_status_it_goes_on_with_what_aws_has() {
    let mut world = monday("goes-on").await;
    one_rotation(&world).await;
    let arn = rotation_arn(&world, "tokyo").await.unwrap();
    let spec = json!({
        "substitutions": bob_for_alice(), "startTime": "2027-03-01T10:00:00Z", "durationMinutes": 4 * 24 * 60,
    });
    let two = [
        "03-01T10:00 to 03-02T09:00: bob",
        "03-04T09:00 to 03-05T09:00: bob",
    ];
    world.apply_value(swap("bob", &spec)).await;
    world.ready("RotationOverride", "bob").await;
    holds(&world, "tokyo", &two).await;
    let made = held(&world, &arn).await;

    let before = world.last_call().await;
    made_again(&mut world, "bob", swap("bob", &spec)).await;
    let bob = world.ready("RotationOverride", "bob").await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    assert_eq!(held(&world, &arn).await, made);
    let status = &bob.data["status"];
    assert_eq!(status["origin"], json!("Adopted"));
    assert_eq!(status["effectiveDeletionPolicy"], json!("Retain"));
    assert_eq!(status["overrides"][0]["id"], json!(made[0].0));
    assert_eq!(status["pending"], Value::Null);
    assert_eq!(findings(&bob), ["FoundInAws"]);
    event(
        &world,
        "RotationOverride",
        "bob",
        "Adopted",
        "which AWS has already",
    )
    .await;

    // Two of the same content: one goes on with what is there, the other makes its own.
    let once = json!({
        "contactRefs": [{"name": "carol"}], "rotation": "tokyo", "startTime": "2027-03-10T10:00:00Z", "durationMinutes": 60,
    });
    let carol = made_by_hand(&world, &arn, "carol", "2027-03-10T10:00:00Z").await;
    let adopting = |name: &str| {
        let mut object = swap(name, &once);
        object["spec"]["adoptionPolicy"] = json!("Adopt");
        object
    };
    futures::join!(
        world.apply_value(adopting("one")),
        world.apply_value(adopting("other"))
    );
    let mut ids = vec![];
    let mut origins = vec![];
    for name in ["one", "other"] {
        let object = world.ready("RotationOverride", name).await;
        // The second one knows that another of the same team holds beside it, if it is the older.
        assert!(!findings(&object).contains(&"FoundInAws".to_owned()));
        ids.push(object.data["status"]["overrides"][0]["id"].clone());
        origins.push(origin(&object));
    }
    origins.sort();
    assert_eq!(origins, ["Adopted", "Created"]);
    assert!(ids.contains(&json!(carol)) && ids[0] != ids[1], "{ids:?}");

    // What was adopted stays, what was made goes; an edit changes both.
    let edited = json!({"spec": {"durationMinutes": 90}});
    world.patch("RotationOverride", "one", &edited).await;
    world.ready("RotationOverride", "one").await;
    for name in ["one", "other", "bob"] {
        world.delete_and_wait("RotationOverride", name).await;
    }
    let left = overrides(&world, "tokyo").await;
    assert_eq!(left[..2], two, "{left:?}");
    assert_eq!(left.len(), 3, "{left:?}");
    world.finish().await;
}

fn origin(object: &kube::api::DynamicObject) -> String {
    object.data["status"]["origin"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// An override of an hour that somebody makes in the console; its id.
async fn made_by_hand(world: &World, arn: &str, who: &str, from: &str) -> String {
    let who = world.get("Contact", who).await.data["status"]["arn"].clone();
    let time = |at: Timestamp| aws_sdk_ssmcontacts::primitives::DateTime::from_secs(at.as_second());
    let from = at(from);
    let made = world
        .contacts()
        .create_rotation_override()
        .rotation_id(arn)
        .new_contact_ids(who.as_str().unwrap())
        .start_time(time(from))
        .end_time(time(from + SignedDuration::from_hours(1)))
        .send()
        .await
        .unwrap();
    made.rotation_override_id
}
