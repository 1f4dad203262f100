//! A year of the operator's own binary, following the simulator's clock: who is on call is right before and after every change of clocks,
//! every edge of an override, every hand-off of the monthly rotation, and a sample of the other hand-offs.
//!
//! What is right is worked out here from AWS's ListRotationShifts alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says why"
)]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use aws_sdk_ssmcontacts::primitives::DateTime;
use harness::{ControlPlane, SimulatorOptions, World, seconds};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

/// Moments beside those that must be seen.
const SAMPLED: usize = 30;
/// With this set there is no sample: every edge of the year is waited for, which takes about half an hour. `2/4` = the second quarter of
/// them only, so that several processes can share the work.
const EVERY_EDGE: &str = "EVERY_EDGE";
/// How long a status may take to follow.
const PATIENCE: Duration = seconds(20);

const PEOPLE: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];
/// The one of them who can be paged.
const REACHABLE: &str = "alice";

/// Changes of clocks in 2027.
const CLOCK_CHANGES: [(&str, &str); 6] = [
    ("2027-03-14T07:00:00Z", "New York, forward"),
    ("2027-03-28T01:00:00Z", "London, forward"),
    ("2027-04-03T15:00:00Z", "Lord Howe, back by half an hour"),
    ("2027-10-02T15:30:00Z", "Lord Howe, forward by half an hour"),
    ("2027-10-31T01:00:00Z", "London, back"),
    ("2027-11-07T06:00:00Z", "New York, back"),
];

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn rotation(name: &str, zone: &str, members: &[&str], recurrence: &Value) -> Value {
    let members: Vec<Value> = members.iter().map(|name| json!({"name": name})).collect();
    json!({
        "name": name,
        "startTime": "2026-12-07T00:00:00Z",
        "timeZone": zone,
        "contactRefs": members,
        "recurrence": recurrence,
    })
}

fn schedule(name: &str, rotations: &[Value]) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "OnCallSchedule",
        "metadata": {"name": name},
        "spec": {"rotations": rotations},
    })
}

fn weekly(hand_offs: &Value) -> Value {
    json!({"type": "Weekly", "weekly": {"handOffs": hand_offs}})
}

/// Hand-offs are where they hurt: at times that are skipped or come twice when clocks change.
fn schedules() -> Vec<Value> {
    let every_day = json!(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
    let daily = |time: &str| json!({"type": "Daily", "daily": {"handOffs": [{"time": time}]}});
    let mut night = rotation(
        "night",
        "Europe/London",
        &["alice", "bob", "carol"],
        &daily("12:00"),
    );
    night["coverage"] = json!([{"days": every_day, "start": "20:00", "end": "08:00"}]);
    let mut office = rotation(
        "office",
        "Europe/London",
        &["dave", "erin"],
        &weekly(&json!([{"day": "Mon", "time": "09:00"}])),
    );
    office["coverage"] =
        json!([{"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "start": "08:00", "end": "18:00"}]);
    let mut pair = rotation(
        "pair",
        "America/New_York",
        &["erin", "frank", "alice"],
        &daily("02:30"),
    );
    pair["recurrence"]["numberOfOnCalls"] = json!(2);
    pair["recurrence"]["shiftLength"] = json!(3);
    let twice = json!([{"day": "Sun", "time": "01:45"}, {"day": "Sun", "time": "02:15"}]);
    vec![
        schedule(
            "new-york",
            &[rotation(
                "week",
                "America/New_York",
                &["alice", "bob", "carol"],
                &weekly(&json!([{"day": "Sun", "time": "02:30"}, {"day": "Sun", "time": "01:30"}])),
            )],
        ),
        schedule(
            "london",
            &[rotation(
                "week",
                "Europe/London",
                &["dave", "erin", "alice", "bob"],
                &weekly(&json!([{"day": "Sun", "time": "01:30"}])),
            )],
        ),
        schedule(
            "lord-howe",
            &[rotation(
                "week",
                "Australia/Lord_Howe",
                &["frank", "alice", "carol"],
                &weekly(&twice),
            )],
        ),
        schedule("night", &[night]),
        schedule(
            "month",
            &[rotation(
                "month",
                "America/New_York",
                &["bob", "carol", "alice"],
                &json!({"type": "Monthly", "monthly": {"handOffs": [{"dayOfMonth": 31, "time": "00:00"}]}}),
            )],
        ),
        schedule("both", &[office, pair]),
    ]
}

/// A shift as AWS lists it, people by name.
#[derive(Debug, Clone)]
struct Shift {
    start: Timestamp,
    end: Timestamp,
    people: Vec<String>,
}

/// A schedule as AWS sees it: its rotations in order, each with its shifts in order.
struct Truth {
    schedule: String,
    rotations: Vec<(String, Vec<Shift>)>,
}

/// What a status should say at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    /// Contact, rotation, until.
    now: Vec<(String, String, Option<Timestamp>)>,
    /// Contact, rotation, from.
    next: Vec<(String, String, Timestamp)>,
    on_call: String,
    reachable: String,
    next_up: String,
    hand_off: Option<Timestamp>,
}

fn list(people: &[String]) -> String {
    if people.is_empty() {
        "-".to_owned()
    } else {
        people.join(", ")
    }
}

fn at(shifts: &[Shift], moment: Timestamp) -> &[String] {
    let shift = shifts
        .iter()
        .find(|shift| shift.start <= moment && moment < shift.end);
    shift.map_or(&[], |shift| shift.people.as_slice())
}

impl Truth {
    /// Who is on call at a moment, in the order of the rotations, each once.
    fn together(&self, moment: Timestamp) -> Vec<String> {
        let mut people: Vec<String> = vec![];
        for (_, shifts) in &self.rotations {
            for person in at(shifts, moment) {
                if !people.contains(person) {
                    people.push(person.clone());
                }
            }
        }
        people
    }

    /// Every moment at which a shift begins or ends.
    fn edges(&self) -> BTreeSet<Timestamp> {
        let shifts = self.rotations.iter().flat_map(|(_, shifts)| shifts);
        shifts.flat_map(|shift| [shift.start, shift.end]).collect()
    }

    fn says(&self, moment: Timestamp) -> Said {
        let (mut now, mut next) = (vec![], vec![]);
        for (rotation, shifts) in &self.rotations {
            let here = at(shifts, moment);
            for person in here {
                let mut until = moment;
                while at(shifts, until).contains(person) {
                    let shift = shifts.iter().find(|s| s.start <= until && until < s.end);
                    until = shift.unwrap().end;
                }
                now.push((person.clone(), rotation.clone(), Some(until)));
            }
            let comes = shifts
                .iter()
                .find(|s| s.start > moment && s.people.iter().any(|p| !here.contains(p)));
            if let Some(shift) = comes {
                let new = shift.people.iter().filter(|p| !here.contains(p));
                next.extend(new.map(|p| (p.clone(), rotation.clone(), shift.start)));
            }
        }
        let people = self.together(moment);
        let set = |people: &[String]| people.iter().cloned().collect::<BTreeSet<_>>();
        let hand_off = self.edges().into_iter().find(|edge| {
            let then = self.together(*edge);
            *edge > moment && !then.is_empty() && set(&then) != set(&people)
        });
        let pages = people.iter().any(|person| person == REACHABLE);
        Said {
            now,
            next,
            on_call: list(&people),
            reachable: if pages { "Yes" } else { "No" }.to_owned(),
            next_up: list(&hand_off.map(|at| self.together(at)).unwrap_or_default()),
            hand_off,
        }
    }
}

/// What a status says.
fn said(object: &DynamicObject) -> Said {
    let status = &object.data["status"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let moment = |value: &Value| value.as_str().map(time);
    let list = |field: &str| status[field].as_array().cloned().unwrap_or_default();
    let summary = &status["summary"];
    Said {
        now: list("onCallNow")
            .iter()
            .map(|one| {
                (
                    text(&one["contact"]),
                    text(&one["rotation"]),
                    moment(&one["until"]),
                )
            })
            .collect(),
        next: list("onCallNext")
            .iter()
            .map(|one| {
                (
                    text(&one["contact"]),
                    text(&one["rotation"]),
                    moment(&one["from"]).unwrap(),
                )
            })
            .collect(),
        on_call: text(&summary["onCall"]),
        reachable: text(&summary["reachable"]),
        next_up: text(&summary["next"]),
        hand_off: moment(&summary["nextHandoff"]),
    }
}

/// Asks AWS for the shifts of every rotation of every schedule.
async fn truths(world: &World) -> Vec<Truth> {
    let client = world.contacts();
    let mut truths = vec![];
    for wanted in schedules() {
        let name = wanted["metadata"]["name"].as_str().unwrap();
        let object = world.get("OnCallSchedule", name).await;
        let mut rotations = vec![];
        for rotation in object.data["status"]["rotations"].as_array().unwrap() {
            let shifts: Vec<_> = client
                .list_rotation_shifts()
                .rotation_id(rotation["arn"].as_str().unwrap())
                .start_time(DateTime::from_secs(
                    time("2026-12-01T00:00:00Z").as_second(),
                ))
                .end_time(DateTime::from_secs(
                    time("2028-03-31T00:00:00Z").as_second(),
                ))
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .unwrap();
            let moment = |at: &DateTime| Timestamp::from_second(at.secs()).unwrap();
            let shifts = shifts.iter().map(|shift| Shift {
                start: moment(shift.start_time()),
                end: moment(shift.end_time()),
                people: shift
                    .contact_ids()
                    .iter()
                    .map(|arn| arn.rsplit('/').next().unwrap().to_owned())
                    .collect(),
            });
            rotations.push((
                rotation["name"].as_str().unwrap().to_owned(),
                shifts.collect(),
            ));
        }
        truths.push(Truth {
            schedule: name.to_owned(),
            rotations,
        });
    }
    truths
}

/// Waits until every schedule says what AWS would say at the simulated now. Returns that now.
async fn right(world: &World, truths: &[Truth], why: &str) -> Timestamp {
    let begin = Instant::now();
    loop {
        let now = world.simulator.now().await.unwrap();
        let objects = world
            .cluster
            .list("OnCallSchedule", Some(&world.namespace))
            .await
            .unwrap();
        let mut wrong = vec![];
        for truth in truths {
            let object = objects
                .iter()
                .find(|object| object.name_any() == truth.schedule)
                .unwrap();
            let (wanted, found) = (truth.says(now), said(object));
            if wanted != found {
                wrong.push(format!(
                    "{}: AWS says\n  {wanted:?}\nthe status\n  {found:?}",
                    truth.schedule
                ));
            }
        }
        if wrong.is_empty() {
            return now;
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "{why}: at {now}, {PATIENCE:?} after the clock was set:\n{}",
            wrong.join("\n")
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The columns of `kubectl get oncallschedules`, by the name of the schedule.
fn columns(plane: &ControlPlane, world: &World) -> Option<Vec<Vec<String>>> {
    let output = Command::new(plane.kubectl.as_ref()?)
        .args(["kubectl", "get", "oncallschedules", "--no-headers", "-n"])
        .arg(&world.namespace)
        .env("KUBECONFIG", &world.identity.kubeconfig)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let cells = |line: &str| {
        let cells = line.split("  ").map(str::trim);
        cells
            .filter(|cell| !cell.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    };
    Some(text.lines().map(cells).collect())
}

/// What kubectl shows is what AWS says. Returns whether there was a kubectl to ask.
async fn columns_are_right(plane: &ControlPlane, world: &World, truths: &[Truth]) -> bool {
    for attempt in 0.. {
        let now = world.simulator.now().await.unwrap();
        let Some(shown) = columns(plane, world) else {
            return false;
        };
        let wanted: Vec<Vec<String>> = {
            let mut wanted: Vec<_> = truths
                .iter()
                .map(|truth| {
                    let says = truth.says(now);
                    let hand_off = says.hand_off.unwrap().to_string();
                    vec![
                        truth.schedule.clone(),
                        says.on_call,
                        says.reachable,
                        says.next_up,
                        hand_off,
                    ]
                })
                .collect();
            wanted.sort();
            wanted
        };
        let shown: Vec<Vec<String>> = shown.iter().map(|line| line[..5].to_vec()).collect();
        if wanted == shown {
            break;
        }
        assert!(
            attempt < 20,
            "at {now}: wanted {wanted:#?}, kubectl shows {shown:#?}"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_of_hand_offs() {
    let mut world = World::builder("year")
        .own_simulator(SimulatorOptions::default())
        .simulated_clock()
        .without_operator()
        .without_history()
        .build()
        .await;
    let plane = ControlPlane::shared().await.unwrap();
    let begin = time("2027-01-04T12:00:00Z");
    let end = time("2028-01-04T12:00:00Z");
    world.simulator.set_clock(begin).await.unwrap();
    world.start_operator().await.unwrap();
    for (number, name) in PEOPLE.iter().enumerate() {
        world
            .apply_value(json!({
                "apiVersion": "incident-operator.dev/v1alpha1",
                "kind": "Contact",
                "metadata": {"name": name},
                "spec": {
                    "channels": [{"name": "mobile", "type": "SMS", "address": format!("+150055501{number:02}")}],
                    "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}],
                },
            }))
            .await;
    }
    for schedule in schedules() {
        world.apply_value(schedule).await;
    }
    // Across two hand-offs, made by us; and one made elsewhere, over a change of clocks.
    let (swap_from, swap_to) = (time("2027-06-10T06:00:00Z"), time("2027-06-20T12:00:00Z"));
    world
        .apply_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1",
            "kind": "RotationOverride",
            "metadata": {"name": "swap"},
            "spec": {
                "scheduleRef": {"name": "london"},
                "rotation": "week",
                "contactRefs": [{"name": "bob"}],
                "startTime": swap_from.to_string(),
                "endTime": swap_to.to_string(),
            },
        }))
        .await;
    for schedule in schedules() {
        world
            .ready(
                "OnCallSchedule",
                schedule["metadata"]["name"].as_str().unwrap(),
            )
            .await;
    }
    world.ready("RotationOverride", "swap").await;
    let arn_of = |object: &DynamicObject, field: &str| {
        object.data["status"][field][0]["arn"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let client = world.contacts();
    let channel = arn_of(&world.get("Contact", REACHABLE).await, "channels");
    client
        .send_activation_code()
        .contact_channel_id(&channel)
        .send()
        .await
        .unwrap();
    let code = world.last_code(&channel).await.unwrap();
    client
        .activate_contact_channel()
        .contact_channel_id(&channel)
        .activation_code(code)
        .send()
        .await
        .unwrap();
    world.reconcile_now("Contact", REACHABLE).await;
    let (elsewhere_from, elsewhere_to) =
        (time("2027-03-14T00:00:00Z"), time("2027-03-14T06:45:00Z"));
    let object = world.get("OnCallSchedule", "new-york").await;
    let carol = world.get("Contact", "carol").await.data["status"]["arn"]
        .as_str()
        .unwrap()
        .to_owned();
    client
        .create_rotation_override()
        .rotation_id(arn_of(&object, "rotations"))
        .new_contact_ids(carol)
        .start_time(DateTime::from_secs(elsewhere_from.as_second()))
        .end_time(DateTime::from_secs(elsewhere_to.as_second()))
        .send()
        .await
        .unwrap();
    world.reconcile_now("OnCallSchedule", "new-york").await;

    let truths = truths(&world).await;
    right(&world, &truths, "at the begin").await;

    // What must be seen, and whether time passes over it by itself, so that the operator's timer has to notice.
    let mut moments: Vec<(Timestamp, String, bool)> = vec![];
    for (at, what) in CLOCK_CHANGES {
        moments.push((time(at), format!("clocks change in {what}"), false));
    }
    for (at, what) in [
        (swap_from, "an override begins"),
        (swap_to, "an override ends"),
        (elsewhere_from, "an override made elsewhere begins"),
        (elsewhere_to, "an override made elsewhere ends"),
    ] {
        moments.push((at, what.to_owned(), true));
    }
    let within = |at: &Timestamp| begin + SignedDuration::from_mins(5) < *at && *at < end;
    for truth in &truths {
        let edges: Vec<Timestamp> = truth.edges().into_iter().filter(within).collect();
        let weekly = ["new-york", "london", "lord-howe"].contains(&truth.schedule.as_str());
        for (change, _) in CLOCK_CHANGES.iter().filter(|_| weekly) {
            let (change, name) = (time(change), &truth.schedule);
            let near =
                |at: &&Timestamp| at.duration_since(change).abs() < SignedDuration::from_hours(2);
            moments.extend(
                edges
                    .iter()
                    .filter(near)
                    .map(|at| (*at, format!("hand-off of {name} as clocks change"), true)),
            );
            let after = edges
                .iter()
                .find(|at| **at > change + SignedDuration::from_hours(2));
            moments.extend(after.map(|at| {
                (
                    *at,
                    format!("first hand-off of {name} after clocks changed"),
                    false,
                )
            }));
        }
        if truth.schedule == "month" {
            moments.extend(
                edges
                    .iter()
                    .map(|at| (*at, "the month's hand-off".to_owned(), false)),
            );
        }
    }
    let every: BTreeSet<Timestamp> = truths
        .iter()
        .flat_map(Truth::edges)
        .filter(|at| within(at))
        .collect();
    let sampled = match std::env::var_os(EVERY_EDGE) {
        Some(_) => every.len(),
        None => SAMPLED,
    };
    let step = every.len().div_ceil(sampled);
    // What is waited for already has its own words.
    let known: BTreeSet<Timestamp> = moments.iter().map(|(at, _, _)| *at).collect();
    let sampled = every.iter().step_by(step);
    moments.extend(
        sampled
            .filter(|at| !known.contains(at))
            .map(|at| (*at, "an edge of some shift".to_owned(), false)),
    );
    moments.sort();
    moments.dedup_by_key(|(at, _, _)| *at);
    assert!(
        moments
            .iter()
            .filter(|(_, what, _)| what.starts_with("the month"))
            .count()
            >= 10,
        "{moments:?}"
    );

    let share = std::env::var(EVERY_EDGE).ok();
    if let Some((share, of)) = share.as_deref().and_then(|share| share.split_once('/')) {
        let (share, of): (usize, usize) = (share.parse().unwrap(), of.parse().unwrap());
        let (first, last) = (moments.len() * (share - 1) / of, moments.len() * share / of);
        moments = moments[first..last].to_vec();
    }
    let started = Instant::now();
    let (mut longest, mut asked_kubectl) = (SignedDuration::ZERO, 0);
    for (edge, what, by_itself) in &moments {
        let before = *edge - SignedDuration::from_secs(if *by_itself { 3 } else { 40 });
        if world.simulator.now().await.unwrap() < before {
            world.simulator.set_clock(before).await.unwrap();
        }
        right(&world, &truths, &format!("before {edge} ({what})")).await;
        if *by_itself {
            let left = edge.duration_since(world.simulator.now().await.unwrap());
            tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
        } else {
            world
                .simulator
                .set_clock(*edge + SignedDuration::from_millis(200))
                .await
                .unwrap();
        }
        let seen = right(&world, &truths, &format!("after {edge} ({what})")).await;
        longest = longest.max(seen.duration_since(*edge));
        if *by_itself {
            asked_kubectl += usize::from(columns_are_right(plane, &world, &truths).await);
        }
    }
    println!(
        "{} moments of {} edges in {:.0?}; kubectl asked at {asked_kubectl}; the status followed within {longest:?}",
        moments.len(),
        every.len(),
        started.elapsed()
    );
    let late = time("2027-12-20T00:00:00Z");
    if share.is_some() && world.simulator.now().await.unwrap() <= late {
        world.simulator.set_clock(end).await.unwrap();
        right(&world, &truths, "the end of the year").await;
    }
    assert!(world.simulator.now().await.unwrap() > late);
    for truth in &truths {
        let object = world.get("OnCallSchedule", &truth.schedule).await;
        for rotation in object.data["status"]["rotations"].as_array().unwrap() {
            assert_eq!(
                rotation["confirmed"], true,
                "{}: {rotation}",
                truth.schedule
            );
        }
    }
    let swap = world.get("RotationOverride", "swap").await;
    assert_eq!(swap.data["status"]["phase"], "Completed");
    world.finish().await;
}
