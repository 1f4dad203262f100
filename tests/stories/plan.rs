//! `incident-operator plan`: it says what the operator would do, the operator then does just that, and the plan itself writes nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;

use aws_sdk_ssmcontacts::primitives::DateTime;
use harness::aws::{SECRET_KEY, access_key};
use harness::checks::Sensitive;
use harness::control_plane::Identity;
use harness::paths::operator_binary;
use harness::{ControlPlane, World, seconds};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::roster::{
    change_rotation, held_rotation, make_person, make_rotation, make_schedule, member, people,
    primary, put, rotation, rotation_arn, schedule, schedule_with, weekly, with,
};
use crate::support::{
    activate_by_hand, build, channel_arn, contact, contact_with, event, mutations, secret, stage,
};

/// Whoever asks for plans: a user of their own, so that what they write is theirs, and a directory of manifests.
struct Desk<'a> {
    world: &'a World,
    user: Identity,
    home: TempDir,
    sensitive: Mutex<Sensitive>,
}

/// What a plan has told.
struct Told {
    code: Option<i32>,
    text: String,
    /// The same plan as JSON.
    json: Value,
}

impl<'a> Desk<'a> {
    async fn new(world: &'a World) -> Self {
        let home = tempfile::tempdir().unwrap();
        let namespace = format!("{}-planner", world.id);
        let plane = ControlPlane::shared().await.unwrap();
        let user = plane.identity(&world.cluster, &namespace, "planner", home.path());
        let user = user.await.unwrap();
        std::fs::create_dir(home.path().join("manifests")).unwrap();
        Self {
            world,
            user,
            home,
            sensitive: Mutex::default(),
        }
    }

    fn manifests(&self) -> PathBuf {
        self.home.path().join("manifests")
    }

    /// Puts objects into this world and writes each into a file of its own.
    fn write(&self, objects: &[Value]) -> Vec<Value> {
        let mut written = vec![];
        for object in objects {
            let object = self.world.at_home(object.clone());
            self.sensitive.lock().unwrap().add_from(&object);
            let name = format!(
                "{}-{}-{}.yaml",
                object["kind"].as_str().unwrap(),
                object["metadata"]["namespace"].as_str().unwrap_or("none"),
                object["metadata"]["name"].as_str().unwrap()
            );
            std::fs::write(self.manifests().join(name), object.to_string()).unwrap();
            written.push(object);
        }
        written
    }

    /// Plans the directory.
    async fn plan(&self) -> Told {
        let manifests = self.manifests();
        self.ask(&["-f", manifests.to_str().unwrap()]).await
    }

    /// Asks for a plan twice, as text and as JSON, and holds it to what holds for every plan: nothing is written, and no address is told.
    async fn ask(&self, arguments: &[&str]) -> Told {
        let before = self.world.last_call().await;
        let audit = self.world.audit();
        let mark = audit.as_ref().map_or(0, harness::checks::AuditLog::mark);
        let (code, text, errors) = self.run(arguments).await;
        let mut as_json = vec!["-o", "json"];
        as_json.extend(arguments);
        let (again, document, _) = self.run(&as_json).await;
        assert_eq!(code, again, "{text}\n{document}\n{errors}");
        let json = serde_json::from_str(&document)
            .unwrap_or_else(|error| panic!("{error}: {document}\n{text}\n{errors}"));
        let calls = self.world.calls(before).await;
        let planned = |call: &&harness::simulator::Call| {
            let agent = call.user_agent.as_deref().unwrap_or_default();
            call.mutating && agent.contains("incident-operator")
        };
        let written: Vec<_> = calls.iter().filter(planned).collect();
        assert!(written.is_empty(), "{written:?}");
        if let Some(log) = audit {
            assert_eq!(log.writes(&self.user.user, mark).unwrap(), []);
        }
        let sensitive = self.sensitive.lock().unwrap();
        for said in [&text, &document, &errors] {
            let told = sensitive.violations("the plan", said);
            assert!(told.is_empty(), "{told:?}");
        }
        Told { code, text, json }
    }

    async fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = tokio::process::Command::new(operator_binary().unwrap());
        command.arg("plan").args(arguments);
        if !arguments.contains(&"--offline") {
            command.env("KUBECONFIG", &self.user.kubeconfig);
        }
        let output = command
            .env("AWS_ENDPOINT_URL", self.world.simulator.endpoint())
            .env("AWS_ACCESS_KEY_ID", access_key(&self.world.account))
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env(
                "INCIDENT_OPERATOR_CLOCK_URL",
                self.world.simulator.clock_url(),
            )
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }
}

impl Told {
    fn entry(&self, kind: &str, name: &str) -> &Value {
        let entries = self.json["objects"].as_array().unwrap();
        let found = entries
            .iter()
            .find(|e| e["kind"] == kind && e["name"] == name);
        found.unwrap_or_else(|| panic!("no {kind} {name} in {:#}", self.json))
    }

    fn course(&self, kind: &str, name: &str) -> &str {
        self.entry(kind, name)["course"].as_str().unwrap()
    }

    /// `{action path}` of every change.
    fn changes(&self, kind: &str, name: &str) -> Vec<String> {
        let changes = self.entry(kind, name)["changes"].as_array();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let changes = changes.into_iter().flatten();
        changes
            .map(|c| format!("{} {}", text(&c["action"]), text(&c["path"])))
            .collect()
    }

    fn messages(&self, kind: &str, name: &str) -> String {
        let entry = self.entry(kind, name);
        let messages = entry["messages"].as_array();
        let messages = messages.into_iter().flatten().filter_map(Value::as_str);
        let reason = entry["reason"].as_str().unwrap_or_default();
        std::iter::once(reason)
            .chain(messages)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Who is on call in a rotation, `before` or `after`.
    fn turns(&self, schedule: &str, rotation: &str, when: &str) -> Vec<Turn> {
        let entry = self.entry("OnCallSchedule", schedule);
        let rotations = entry["onCall"].as_array().unwrap();
        let found = rotations
            .iter()
            .find(|r| r["rotation"] == rotation)
            .unwrap();
        let time = |value: &Value| value.as_str().unwrap().parse().unwrap();
        let turns = found[when].as_array().unwrap().iter();
        turns
            .map(|turn| Turn {
                from: time(&turn["from"]),
                to: time(&turn["to"]),
                people: serde_json::from_value(turn["people"].clone()).unwrap(),
            })
            .collect()
    }

    /// The window of a rotation.
    fn window(&self, schedule: &str, rotation: &str) -> (Timestamp, Timestamp) {
        let entry = self.entry("OnCallSchedule", schedule);
        let rotations = entry["onCall"].as_array().unwrap();
        let found = rotations
            .iter()
            .find(|r| r["rotation"] == rotation)
            .unwrap();
        let time = |field: &str| found[field].as_str().unwrap().parse().unwrap();
        (time("from"), time("to"))
    }
}

/// People on call for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Turn {
    from: Timestamp,
    to: Timestamp,
    people: BTreeSet<String>,
}

/// Cut to a window, and the same people in a row are one turn.
fn merged(turns: Vec<Turn>, (from, to): (Timestamp, Timestamp)) -> Vec<Turn> {
    let mut merged: Vec<Turn> = vec![];
    for mut turn in turns {
        turn.from = turn.from.max(from);
        turn.to = turn.to.min(to);
        if turn.from >= turn.to || turn.people.is_empty() {
            continue;
        }
        match merged.last_mut() {
            Some(last) if last.to == turn.from && last.people == turn.people => last.to = turn.to,
            _ => merged.push(turn),
        }
    }
    merged
}

/// Who is on call in a rotation as AWS itself lists it.
async fn shifts(world: &World, rotation: &str, window: (Timestamp, Timestamp)) -> Vec<Turn> {
    let (from, to) = window;
    let mut pages = world
        .contacts()
        .list_rotation_shifts()
        .rotation_id(rotation)
        .start_time(DateTime::from_secs(from.as_second()))
        .end_time(DateTime::from_secs(to.as_second() + 1))
        .into_paginator()
        .send();
    let time = |at: &DateTime| Timestamp::from_second(at.secs()).unwrap();
    let mut turns = vec![];
    while let Some(page) = pages.next().await {
        for shift in page.unwrap().rotation_shifts() {
            let people = shift.contact_ids().iter();
            turns.push(Turn {
                from: time(shift.start_time()),
                to: time(shift.end_time()),
                people: people
                    .map(|arn| arn.rsplit('/').next().unwrap().to_owned())
                    .collect(),
            });
        }
    }
    turns.sort_by_key(|turn| turn.from);
    merged(turns, window)
}

#[tokio::test]
async fn a_new_contact_is_planned_then_made_then_there_is_nothing_to_do() {
    let world = stage("plan-new").await;
    let desk = Desk::new(&world).await;
    let objects = desk.write(&[contact("alice")]);
    let told = desk.plan().await;
    assert_eq!(told.code, Some(2), "{}", told.text);
    assert_eq!(told.course("Contact", "alice"), "Create");
    assert_eq!(
        told.changes("Contact", "alice"),
        [
            "Create contact",
            "Create channels[mobile]",
            "Create channels[mail]",
            "Update engagementPlan"
        ]
    );

    world.apply_value(objects[0].clone()).await;
    world.ready("Contact", "alice").await;
    let told = desk.plan().await;
    assert_eq!(told.code, Some(0), "{}", told.text);
    assert_eq!(told.course("Contact", "alice"), "Nothing");

    let mut edited = objects[0].clone();
    edited["spec"]["displayName"] = json!("Alice B. Example");
    edited["spec"]["channels"][0]["address"] = json!("+15005550111");
    edited["spec"]["tags"] = json!({"team": "payments"});
    desk.write(std::slice::from_ref(&edited));
    let told = desk.plan().await;
    assert_eq!(told.code, Some(2), "{}", told.text);
    assert_eq!(
        told.changes("Contact", "alice"),
        [
            "Update channels[mobile].address",
            "Update displayName",
            "Update tags[team]"
        ]
    );
    let before = world.last_call().await;
    world.apply_value(edited).await;
    world.ready("Contact", "alice").await;
    assert_eq!(
        mutations(&world, before).await,
        ["UpdateContactChannel", "UpdateContact", "TagResource"]
    );
    drop(desk);
    world.finish().await;
}

#[tokio::test]
async fn an_incident_is_planned_then_its_edits() {
    let world = stage("plan-incident").await;
    let desk = Desk::new(&world).await;
    let now = world.simulator.now().await.unwrap();
    let at = |hours: i64| {
        let at = now + jiff::SignedDuration::from_hours(hours);
        Timestamp::from_second(at.as_second()).unwrap().to_string()
    };
    let incident = |spec: &Value| {
        let mut object = json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Incident", "metadata": {"name": "down"},
            "spec": {"responsePlanRef": {"name": "outage"}, "startDeadline": at(1), "title": "Down"},
        });
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        object
    };
    let plan = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ResponsePlan", "metadata": {"name": "outage"},
        "spec": {"incidentTemplate": {"title": "Payments are failing", "impact": "High"}},
    });
    // Nothing that would never begin is promised.
    desk.write(&[incident(&json!({}))]);
    let told = desk.plan().await;
    assert_eq!(told.code, Some(1), "{}", told.text);
    assert!(
        told.text.contains(&format!(
            "ResponsePlan {}/outage does not exist",
            world.namespace
        )),
        "{}",
        told.text
    );
    desk.write(&[plan.clone(), incident(&json!({"startDeadline": at(30)}))]);
    let told = desk.plan().await;
    assert_eq!(told.course("Incident", "down"), "Problem");
    assert!(told.text.contains("more than 24 hours"), "{}", told.text);
    desk.write(&[plan.clone(), incident(&json!({}))]);
    let told = desk.plan().await;
    assert_eq!(told.code, Some(2), "{}", told.text);
    assert_eq!(told.course("Incident", "down"), "Page");

    world.apply_value(plan.clone()).await;
    world.apply_value(incident(&json!({}))).await;
    world.ready("Incident", "down").await;
    let told = desk.plan().await;
    assert_eq!(told.course("Incident", "down"), "Nothing", "{}", told.text);
    let edited = incident(&json!({"title": "Still down", "resolve": true}));
    desk.write(&[plan, edited.clone()]);
    let told = desk.plan().await;
    assert_eq!(told.code, Some(2), "{}", told.text);
    assert_eq!(
        told.changes("Incident", "down"),
        ["Update title", "Update resolve"]
    );
    assert!(told.text.contains("is resolved"), "{}", told.text);
    let before = world.last_call().await;
    world.apply_value(edited).await;
    world
        .condition("Incident", "down", "Ready", "True", "IncidentResolved")
        .await;
    assert_eq!(mutations(&world, before).await, ["UpdateIncidentRecord"]);
    event(&world, "Incident", "down", "Updated", "title").await;
    drop(desk);
    world.finish().await;
}

#[tokio::test]
async fn a_company_is_planned_from_nothing_in_one_go() {
    let world = build(World::builder("plan-company").namespace("people")).await;
    let desk = Desk::new(&world).await;
    let there = world.namespaces()[1].clone();
    let people = |name: &str| format!("{there}/{name}");
    let mut alice = contact_with(
        "alice",
        &json!({"channels": [
        {"name": "mobile", "type": "SMS", "addressFrom": {"secretKeyRef": {"name": "numbers", "key": "alice"}}}],
        "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}]}),
    );
    let mut bob = contact("bob");
    let mut numbers = secret("numbers", &json!({"alice": "+15005550123"}));
    for object in [&mut alice, &mut bob, &mut numbers] {
        object["metadata"]["namespace"] = json!(there);
    }
    let grant = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": "everybody", "namespace": there},
        "spec": {
            "from": [
                {"kind": "OnCallSchedule", "namespace": world.namespace},
                {"kind": "RotationOverride", "namespace": world.namespace},
                {"kind": "EscalationPlan", "namespace": world.namespace}],
            "to": [{"kind": "Contact"}]},
    });
    let week = rotation("week", &[&people("alice"), &people("bob")]);
    let start = Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let over = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "RotationOverride",
        "metadata": {"name": "swap"},
        "spec": {"scheduleRef": {"name": "primary"}, "contactRefs": [member(&people("bob"))],
            "startTime": format!("{:.0}", start), "durationMinutes": 120},
    });
    let escalation = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "EscalationPlan",
        "metadata": {"name": "payments"},
        "spec": {"stages": [
            {"durationMinutes": 5, "targets": [{"onCallScheduleRef": {"name": "primary"}, "onAcknowledge": "StopEscalation"}]},
            {"durationMinutes": 0, "targets": [{"contactRef": member(&people("bob")), "onAcknowledge": "StopEscalation"}]}]},
    });
    let activation = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ChannelActivation",
        "metadata": {"name": "bob-mobile", "namespace": there},
        "spec": {"contactRef": {"name": "bob"}, "channel": "mobile"},
    });
    let not_ours = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {}});
    let everything = [
        alice,
        bob,
        grant,
        schedule("primary", &[week]),
        over,
        escalation,
        activation,
        numbers,
        not_ours,
    ];
    let objects = desk.write(&everything);
    let told = desk.plan().await;
    assert_eq!(told.code, Some(2), "{}", told.text);
    for (kind, name, course) in [
        ("Contact", "alice", "Create"),
        ("Contact", "bob", "Create"),
        ("OnCallSchedule", "primary", "Create"),
        ("EscalationPlan", "payments", "Create"),
        ("RotationOverride", "swap", "Wait"),
        ("ChannelActivation", "bob-mobile", "Wait"),
        ("AccessGrant", "everybody", "Nothing"),
    ] {
        assert_eq!(
            told.course(kind, name),
            course,
            "{kind} {name}: {}",
            told.text
        );
    }
    let predicted = told.messages("OnCallSchedule", "primary");
    assert!(
        predicted.contains(&format!("Contact {there}/alice")),
        "{predicted}"
    );
    let (before, after) = (
        told.turns("primary", "week", "before"),
        told.turns("primary", "week", "after"),
    );
    assert!(before.is_empty() && after.len() >= 4, "{}", told.text);

    for object in objects.iter().filter(|o| o["kind"] != "Deployment") {
        world.apply_value(object.clone()).await;
    }
    for (kind, name) in [
        ("OnCallSchedule", "primary"),
        ("EscalationPlan", "payments"),
        ("RotationOverride", "swap"),
    ] {
        world.ready(kind, name).await;
    }
    let made = world.get("OnCallSchedule", "primary").await;
    let window = told.window("primary", "week");
    // The override came later than the plan of the schedule.
    let overridden = shifts(&world, &rotation_arn(&made, "week"), window).await;
    assert!(!overridden.is_empty());
    let activated = world
        .ready("ChannelActivation", &people("bob-mobile"))
        .await;
    assert_eq!(activated.data["status"]["phase"], "AwaitingCode");
    let told = desk.plan().await;
    assert_eq!(told.code, Some(0), "{}", told.text);
    // The cluster's objects are planned without files, too.
    let told = desk.ask(&["-n", &world.namespace]).await;
    assert_eq!(told.code, Some(0), "{}", told.text);
    let told = desk.ask(&["-n", &there, "contacts", "imocs"]).await;
    assert_eq!(
        told.json["objects"].as_array().unwrap().len(),
        2,
        "{}",
        told.text
    );

    // A grant that the files take away is missed by whoever is new.
    std::fs::remove_file(
        desk.manifests()
            .join(format!("AccessGrant-{there}-everybody.yaml")),
    )
    .unwrap();
    let other = schedule("other", &[rotation("day", &[&people("alice")])]);
    desk.write(&[other]);
    let told = desk.plan().await;
    assert_eq!(
        told.course("OnCallSchedule", "other"),
        "Create",
        "the cluster still has the grant: {}",
        told.text
    );
    drop(desk);
    world.finish().await;
}

#[tokio::test]
async fn what_aws_has_is_adopted_or_refused_as_the_plan_says() {
    let config = json!({"adoption": {"allowedNamespaces": {"selector": {}}}});
    let world = build(World::builder("plan-adopt").provider(config)).await;
    let desk = Desk::new(&world).await;
    for alias in ["alice", "bob", "carol", "dave"] {
        make_person(&world, alias).await;
    }
    let bare = |name: &str, more: Value| {
        let nothing = json!({"displayName": null, "channels": null, "engagementPlan": null});
        with(contact_with(name, &nothing), &json!({}))
            .as_object()
            .map(|o| {
                let mut object = Value::Object(o.clone());
                for (field, value) in more.as_object().unwrap() {
                    object["spec"][field] = value.clone();
                }
                object
            })
            .unwrap()
    };
    let objects = desk.write(&[
        bare("alice", json!({"adoptionPolicy": "Adopt"})),
        bare(
            "bob",
            json!({"adoptionPolicy": "Adopt", "displayName": "Bob"}),
        ),
        bare("carol", json!({})),
        bare(
            "dave",
            json!({"adoptionPolicy": "AdoptAndOverwrite", "displayName": "Dave"}),
        ),
        bare("erin", json!({"managementPolicy": "Observe"})),
        bare("frank", json!({"suspend": true})),
    ]);
    let told = desk.plan().await;
    assert_eq!(told.code, Some(1), "{}", told.text);
    for (name, course, said) in [
        ("alice", "Adopt", ""),
        ("bob", "Problem", "AdoptionWouldChange"),
        ("carol", "Problem", "AlreadyExists"),
        ("dave", "AdoptAndUpdate", ""),
        ("erin", "Observe", "AWS has nothing"),
        ("frank", "Suspended", "suspend"),
    ] {
        assert_eq!(
            told.course("Contact", name),
            course,
            "{name}: {}",
            told.text
        );
        let messages = told.messages("Contact", name);
        assert!(messages.contains(said), "{name}: {messages}");
    }
    assert_eq!(told.changes("Contact", "bob"), ["Update displayName"]);
    let adopted = told.changes("Contact", "alice");
    assert!(
        adopted.len() == 3
            && adopted
                .iter()
                .all(|c| c.starts_with("Update tags[incident-operator/")),
        "{adopted:?}"
    );

    let before = world.last_call().await;
    world.apply_value(objects[0].clone()).await;
    world.ready("Contact", "alice").await;
    assert_eq!(mutations(&world, before).await, ["TagResource"]);
    world.apply_value(objects[1].clone()).await;
    world.stalled("Contact", "bob", "AdoptionWouldChange").await;
    let told = desk.plan().await;
    assert_eq!(told.course("Contact", "alice"), "Nothing");
    assert_eq!(told.course("Contact", "bob"), "Problem");
    drop(desk);
    world.finish().await;
}

#[tokio::test]
async fn what_is_imported_is_adopted_and_then_there_is_nothing_to_do() {
    let config = json!({"adoption": {"allowedNamespaces": {"selector": {}}}});
    let world = build(World::builder("plan-import").provider(config)).await;
    let desk = Desk::new(&world).await;
    let members = [
        make_person(&world, "alice").await,
        make_person(&world, "night_shift_").await,
    ];
    let week = make_rotation(&world, "week", &members, "2026-01-05T09:00:00Z").await;
    make_schedule(&world, "primary", &[week]).await;
    let owner = world.provider_config()["spec"]["ownerId"].clone();
    let imported = tokio::process::Command::new(operator_binary().unwrap())
        .args(["import", "--owner-id", owner.as_str().unwrap()])
        .args([
            "--namespace",
            &world.namespace,
            "--provider-config",
            &world.id,
        ])
        .arg("--out")
        .arg(desk.manifests())
        .env("AWS_ENDPOINT_URL", world.simulator.endpoint())
        .env("AWS_REGION", &world.region)
        .env("AWS_ACCESS_KEY_ID", access_key(&world.account))
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(imported.status.success(), "{imported:?}");
    let manifests = desk.manifests();
    for arguments in [
        vec!["-f", manifests.to_str().unwrap()],
        vec!["--offline", "-f", manifests.to_str().unwrap()],
    ] {
        let told = desk.ask(&arguments).await;
        assert_eq!(told.code, Some(2), "{}", told.text);
        let objects = told.json["objects"].as_array().unwrap();
        let kinds = ["Contact", "OnCallSchedule"];
        let adopted = objects
            .iter()
            .filter(|o| kinds.contains(&o["kind"].as_str().unwrap()));
        let courses: Vec<_> = adopted.map(|o| o["course"].clone()).collect();
        assert_eq!(courses, vec![json!("Adopt"); 3], "{}", told.text);
        assert!(told.text.contains("On call as before"), "{}", told.text);
    }
    let before = world.last_call().await;
    let mut open = vec![manifests.clone()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        if path.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        for object in world.objects(&std::fs::read_to_string(path).unwrap()) {
            // This world has its own.
            if object["kind"] != "Namespace" && object["kind"] != "ProviderConfig" {
                world.apply_value(object).await;
            }
        }
    }
    world.ready("OnCallSchedule", "primary").await;
    let changed = mutations(&world, before).await;
    assert!(changed.iter().all(|c| c == "TagResource"), "{changed:?}");
    let told = desk.plan().await;
    assert_eq!(told.code, Some(0), "{}", told.text);
    drop(desk);
    world.finish().await;
}

#[tokio::test]
async fn what_was_changed_by_hand_is_planned_for_the_objects_of_the_cluster() {
    let mut world = stage("plan-drift").await;
    let desk = Desk::new(&world).await;
    primary(&world).await;
    let namespace = world.namespace.clone();
    let all = ["-n", &namespace];
    let told = desk.ask(&all).await;
    assert_eq!(told.code, Some(0), "{}", told.text);
    assert!(told.text.contains("nothing to do"), "{}", told.text);
    // Nobody puts right what is changed now.
    world.operator().kill9();
    let week = held_rotation(&world, "week").await;
    change_rotation(&world, &week.arn, |request, _| {
        request.recurrence(weekly(&[("TUE", 9, 0)]))
    })
    .await;
    let told = desk.ask(&all).await;
    assert_eq!(told.code, Some(2), "{}", told.text);
    assert_eq!(
        told.changes("OnCallSchedule", "primary"),
        ["Update rotations[week].recurrence"]
    );
    let one = ["-n", &namespace, "contact/alice"];
    assert_eq!(desk.ask(&one).await.code, Some(0));
    let missing = ["-n", &namespace, "contact/nobody"];
    let (code, _, errors) = desk.run(&missing).await;
    assert_eq!(code, Some(1));
    assert!(errors.contains("no Contact nobody"), "{errors}");
    drop(desk);
    world.operator_mut().restart().await.unwrap();
    world.reconcile_now("OnCallSchedule", "primary").await;
    world.ready("OnCallSchedule", "primary").await;
    let desk = Desk::new(&world).await;
    let told = desk.ask(&all).await;
    assert_eq!(told.code, Some(0), "{}", told.text);
    drop(desk);
    world.finish().await;
}

#[tokio::test]
async fn who_is_on_call_before_and_after_an_edit_is_what_aws_says_then() {
    let world = stage("plan-moves").await;
    let desk = Desk::new(&world).await;
    primary(&world).await;
    people(&world, &["dave"]).await;
    let daily =
        json!({"type": "Daily", "daily": {"handOffs": [{"time": "06:30"}, {"time": "18:30"}]}});
    let hours =
        json!([{"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "start": "08:00", "end": "18:00"}]);
    for edit in [
        json!({"contactRefs": [member("bob"), member("alice"), member("carol")]}),
        json!({"contactRefs": [member("bob"), member("carol"), member("dave"), member("alice")]}),
        json!({"recurrence": daily}),
        json!({"recurrence": {"type": "Weekly", "numberOfOnCalls": 2, "weekly": {"handOffs": [{"day": "Wed", "time": "10:00"}]}}}),
        json!({"timeZone": "America/New_York", "coverage": hours}),
        json!({"startTime": "2026-03-04T11:00:00Z", "timeZone": "Europe/Berlin"}),
    ] {
        let edited = schedule(
            "primary",
            &[with(rotation("week", &["alice", "bob", "carol"]), &edit)],
        );
        desk.write(std::slice::from_ref(&edited));
        let now = held_rotation(&world, "week").await;
        let told = desk.plan().await;
        assert_eq!(told.code, Some(2), "{edit}: {}", told.text);
        let window = told.window("primary", "week");
        assert_eq!(
            merged(told.turns("primary", "week", "before"), window),
            shifts(&world, &now.arn, window).await,
            "before {edit}"
        );
        put(&world, edited).await;
        let then = held_rotation(&world, "week").await;
        assert_eq!(now.arn, then.arn);
        assert_eq!(
            merged(told.turns("primary", "week", "after"), window),
            shifts(&world, &then.arn, window).await,
            "after {edit}: {}",
            told.text
        );
        assert_eq!(desk.plan().await.code, Some(0), "{edit}");
    }

    // Another rotation besides, and one less.
    let two = schedule(
        "primary",
        &[
            rotation("week", &["alice", "bob"]),
            rotation("second", &["carol"]),
        ],
    );
    desk.write(std::slice::from_ref(&two));
    let told = desk.plan().await;
    assert!(
        told.turns("primary", "second", "before").is_empty(),
        "{}",
        told.text
    );
    let window = told.window("primary", "second");
    put(&world, two).await;
    let second = held_rotation(&world, "second").await;
    assert_eq!(
        merged(told.turns("primary", "second", "after"), window),
        shifts(&world, &second.arn, window).await
    );
    desk.write(&[schedule("primary", &[rotation("week", &["alice", "bob"])])]);
    let told = desk.plan().await;
    assert!(
        told.turns("primary", "second", "after").is_empty(),
        "{}",
        told.text
    );
    assert!(
        told.changes("OnCallSchedule", "primary")
            .contains(&"Delete rotations[second]".to_owned()),
        "{}",
        told.text
    );
    drop(desk);
    world.finish().await;
}

#[tokio::test]
async fn an_edit_that_waits_for_the_shift_is_told_with_its_moment() {
    let world = build(World::builder("plan-later").simulated_clock()).await;
    let desk = Desk::new(&world).await;
    people(&world, &["alice", "bob", "carol"]).await;
    let later = json!({"rollout": "AfterCurrentShift"});
    let of = |members: &[&str]| {
        let daily = json!({"type": "Daily", "daily": {"handOffs": [{"time": "09:00"}]}});
        let day = with(rotation("day", members), &json!({"recurrence": daily}));
        schedule_with("primary", &[day], &later)
    };
    put(&world, of(&["alice", "bob"])).await;
    let edited = of(&["carol", "bob", "alice"]);
    desk.write(std::slice::from_ref(&edited));
    let told = desk.plan().await;
    assert_eq!(told.code, Some(2), "{}", told.text);
    assert_eq!(told.course("OnCallSchedule", "primary"), "Wait");
    assert_eq!(
        told.changes("OnCallSchedule", "primary"),
        Vec::<String>::new()
    );
    let later = &told.entry("OnCallSchedule", "primary")["later"];
    assert_eq!(
        later[0]["path"], "rotations[day].contactRefs",
        "{}",
        told.text
    );
    let window = told.window("primary", "day");
    let (before, after) = (
        told.turns("primary", "day", "before"),
        told.turns("primary", "day", "after"),
    );
    assert_eq!(before[0].people, after[0].people, "{}", told.text);
    assert_ne!(before, after);

    world.apply_value(edited).await;
    world.ready("OnCallSchedule", "primary").await;
    let held = held_rotation(&world, "day").await;
    assert_eq!(
        merged(before, window),
        shifts(&world, &held.arn, window).await
    );
    world.simulator.advance(seconds(25 * 3600)).await.unwrap();
    world
        .eventually("the edit has come", seconds(30), async || {
            let held = held_rotation(&world, "day").await;
            let settled = world.ready("OnCallSchedule", "primary").await;
            let waits = &settled.data["status"]["rotations"][0]["rolloutAt"];
            (held.members.len() == 3 && waits.is_null()).then_some(())
        })
        .await;
    // From the end of that shift on AWS has it as it was told.
    let from = after[0].to.max(window.0);
    let rest = (from, window.1);
    assert_eq!(merged(after, rest), shifts(&world, &held.arn, rest).await);
    drop(desk);
    world.finish().await;
}

#[tokio::test]
async fn what_the_operator_would_not_do_is_told_with_what_differs() {
    let world = stage("plan-held").await;
    let desk = Desk::new(&world).await;
    let objects = desk.write(&[contact("alice"), contact("bob")]);
    for object in &objects {
        world.apply_value(object.clone()).await;
    }
    for name in ["alice", "bob"] {
        world.ready("Contact", name).await;
        activate_by_hand(&world, &channel_arn(&world, name, "mobile").await).await;
        world.reconcile_now("Contact", name).await;
    }
    // The last activated channel is not taken away.
    let mut mute = objects[0].clone();
    mute["spec"]["channels"].as_array_mut().unwrap().remove(0);
    mute["spec"]["engagementPlan"] = json!([{"channel": "mail", "engageAfterMinutes": 0}]);
    let mut watched = objects[1].clone();
    watched["spec"]["managementPolicy"] = json!("Observe");
    watched["spec"]["displayName"] = json!("Robert");
    desk.write(&[mute.clone(), watched.clone()]);
    let told = desk.plan().await;
    assert_eq!(told.code, Some(1), "{}", told.text);
    assert_eq!(told.course("Contact", "alice"), "Problem");
    let messages = told.messages("Contact", "alice");
    assert!(messages.contains("WouldBeUnreachable"), "{messages}");
    assert!(
        told.changes("Contact", "alice")
            .contains(&"Delete channels[mobile]".to_owned()),
        "{}",
        told.text
    );
    assert_eq!(told.course("Contact", "bob"), "Observe");
    assert_eq!(told.changes("Contact", "bob"), ["Update displayName"]);

    let before = world.last_call().await;
    world.apply_value(mute).await;
    world
        .stalled("Contact", "alice", "WouldBeUnreachable")
        .await;
    world.apply_value(watched).await;
    world
        .condition("Contact", "bob", "Ready", "False", "Observing")
        .await;
    assert_eq!(mutations(&world, before).await, Vec::<String>::new());
    drop(desk);
    world.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_manifests_is_said_and_the_rest_is_planned() {
    let world = stage("plan-wrong").await;
    let desk = Desk::new(&world).await;
    let mut number = contact("number");
    number["spec"]["channels"][0]["address"] = json!(15_005_550_177_i64);
    desk.sensitive.lock().unwrap().add("15005550177");
    let mut spelt = contact("spelt");
    spelt["spec"]["dispayName"] = json!("x");
    let mut ruled = contact("ruled");
    ruled["spec"]["channels"][0]
        .as_object_mut()
        .unwrap()
        .remove("address");
    let mut bad = contact("bad");
    bad["spec"]["channels"][0]["address"] = json!("5005550166");
    let lonely = schedule("lonely", &[rotation("week", &["nobody"])]);
    let zone = schedule(
        "zone",
        &[with(
            rotation("week", &["alice"]),
            &json!({"timeZone": "Europe/Atlantis"}),
        )],
    );
    let mut old = contact("old");
    old["apiVersion"] = json!("incident-operator.dev/v1");
    let elsewhere = contact_with("elsewhere", &json!({"providerConfigRef": {"name": "none"}}));
    let hidden = contact_with(
        "hidden",
        &json!({"channels": [
        {"name": "mobile", "type": "SMS", "addressFrom": {"secretKeyRef": {"name": "none", "key": "x"}}}], "engagementPlan": null}),
    );
    desk.write(&[
        contact("alice"),
        number,
        spelt,
        ruled,
        bad,
        lonely,
        zone,
        old,
        elsewhere,
        hidden,
        contact("twice"),
    ]);
    std::fs::write(
        desk.manifests().join("zz.yaml"),
        world.at_home(contact("twice")).to_string(),
    )
    .unwrap();
    let told = desk.plan().await;
    assert_eq!(told.code, Some(1), "{}", told.text);
    assert_eq!(told.course("Contact", "alice"), "Create");
    for (kind, name, said) in [
        (
            "Contact",
            "number",
            "spec.channels[0].address: must be of type string",
        ),
        ("Contact", "spelt", "there is no field \"dispayName\""),
        ("Contact", "ruled", "address"),
        ("Contact", "bad", "CHK-15"),
        ("OnCallSchedule", "lonely", "does not exist"),
        ("OnCallSchedule", "zone", "CHK-22"),
        ("Contact", "old", "incident-operator.dev/v1 is not known"),
        ("Contact", "elsewhere", "ProviderConfigNotFound"),
        ("Contact", "hidden", "Secret \"none\" does not exist"),
        ("Contact", "twice", "more than once"),
    ] {
        assert_eq!(
            told.course(kind, name),
            "Problem",
            "{kind} {name}: {}",
            told.text
        );
        let messages = told.messages(kind, name);
        assert!(messages.contains(said), "{kind} {name}: {messages}");
    }
    // What the API server refuses is what the plan says to be refused.
    for name in ["number", "spelt", "ruled"] {
        let entry = told.messages("Contact", name);
        assert!(entry.starts_with("The manifest is refused"), "{entry}");
    }
    let broken = desk.manifests().join("broken.yaml");
    std::fs::write(&broken, "kind: Contact\nspec: [+15005550177\n").unwrap();
    let (code, _, errors) = desk.run(&["-f", broken.to_str().unwrap()]).await;
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("broken.yaml") && errors.contains("line"),
        "{errors}"
    );
    assert!(!errors.contains("5550177"), "{errors}");
    drop(desk);
    world.finish().await;
}

#[tokio::test]
async fn without_a_cluster_files_and_aws_are_enough() {
    let world = stage("plan-offline").await;
    let desk = Desk::new(&world).await;
    let week = rotation("week", &["alice", "bob"]);
    let objects = desk.write(&[
        world.provider_config(),
        contact("alice"),
        contact("bob"),
        schedule("primary", &[week]),
    ]);
    let manifests = desk.manifests();
    let offline = ["--offline", "-f", manifests.to_str().unwrap()];
    let told = desk.ask(&offline).await;
    assert_eq!(told.code, Some(2), "{}", told.text);
    assert_eq!(told.course("OnCallSchedule", "primary"), "Create");
    for object in &objects[1..] {
        world.apply_value(object.clone()).await;
    }
    world.ready("OnCallSchedule", "primary").await;
    let told = desk.ask(&offline).await;
    assert_eq!(told.code, Some(0), "{}", told.text);
    let other = schedule("primary", &[rotation("week", &["bob", "alice"])]);
    desk.write(&[other]);
    let told = desk.ask(&offline).await;
    assert_eq!(told.code, Some(2), "{}", told.text);
    assert_eq!(
        told.changes("OnCallSchedule", "primary"),
        ["Update rotations[week].contactRefs"]
    );
    assert!(
        told.text.contains("| from | to | before | after |"),
        "{}",
        told.text
    );
    // Without its ProviderConfig nothing can be said.
    std::fs::remove_file(manifests.join(format!("ProviderConfig-none-{}.yaml", world.id))).unwrap();
    let told = desk.ask(&offline).await;
    assert_eq!(told.code, Some(1), "{}", told.text);
    drop(desk);
    world.finish().await;
}
