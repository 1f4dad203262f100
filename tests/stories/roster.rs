//! Manifests of schedules, changes of rotations by hand, and what AWS must hold for a schedule: worked out here anew, not with the operator's code.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssmcontacts::operation::update_rotation::builders::UpdateRotationFluentBuilder;
use aws_sdk_ssmcontacts::primitives::DateTime;
use aws_sdk_ssmcontacts::types;
use harness::{World, aws, checks, seconds};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::support::{contact, mutations};

/// A Monday morning some time ago.
pub const START: &str = "2026-01-05T09:00:00Z";

/// A rotation with weekly shifts that hand over on Monday morning.
pub fn rotation(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|name| member(name)).collect();
    json!({
        "name": name,
        "startTime": START,
        "timeZone": "UTC",
        "contactRefs": members,
        "recurrence": {"type": "Weekly", "weekly": {"handOffs": [{"day": "Mon", "time": "09:00"}]}},
    })
}

/// `name`, `namespace/name` or an ARN as a reference.
pub fn member(name: &str) -> Value {
    if name.starts_with("arn:") {
        return json!({"arn": name});
    }
    match name.split_once('/') {
        Some((namespace, name)) => json!({"namespace": namespace, "name": name}),
        None => json!({"name": name}),
    }
}

/// The same with fields set; `null` takes one away.
pub fn with(mut object: Value, fields: &Value) -> Value {
    for (field, value) in fields.as_object().into_iter().flatten() {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(field);
        } else {
            object[field] = value.clone();
        }
    }
    object
}

/// A schedule of these rotations, with further fields of the spec.
pub fn schedule_with(name: &str, rotations: &[Value], spec: &Value) -> Value {
    let base = json!({"displayName": format!("Schedule {name}"), "rotations": rotations});
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "OnCallSchedule",
        "metadata": {"name": name},
        "spec": with(base, spec),
    })
}

/// A schedule of these rotations.
pub fn schedule(name: &str, rotations: &[Value]) -> Value {
    schedule_with(name, rotations, &json!({}))
}

/// Contacts of these names, ready. Answers with their ARNs.
pub async fn people(world: &World, names: &[&str]) -> Vec<String> {
    for name in names {
        let mut person = contact(name.rsplit('/').next().unwrap());
        if let Some((namespace, _)) = name.split_once('/') {
            person["metadata"]["namespace"] = json!(namespace);
        }
        world.apply_value(person).await;
    }
    let mut arns = vec![];
    for name in names {
        let object = world.ready("Contact", name).await;
        arns.push(object.data["status"]["arn"].as_str().unwrap().to_owned());
    }
    arns
}

/// Alice, Bob and Carol, and the schedule `primary` in which they take turns; ready.
pub async fn primary(world: &World) -> DynamicObject {
    people(world, &["alice", "bob", "carol"]).await;
    let week = rotation("week", &["alice", "bob", "carol"]);
    world.apply_value(schedule("primary", &[week])).await;
    world.ready("OnCallSchedule", "primary").await
}

/// Applies a schedule and waits until it is ready and AWS is what it says. Answers with the calls that changed something.
pub async fn put(world: &World, schedule: Value) -> Vec<String> {
    let name = schedule["metadata"]["name"].as_str().unwrap().to_owned();
    let before = world.last_call().await;
    world.apply_value(schedule).await;
    world.ready("OnCallSchedule", &name).await;
    schedules_in_sync(world).await;
    mutations(world, before).await
}

/// The rotation of this name that AWS holds; there must be one.
pub async fn held_rotation(world: &World, name: &str) -> aws::Rotation {
    let mut found = world.rotations().await;
    found.retain(|rotation| rotation.name == name);
    assert_eq!(found.len(), 1, "rotations {name:?}: {found:?}");
    found.remove(0)
}

/// ARN of a rotation as the status shows it.
pub fn rotation_arn(object: &DynamicObject, name: &str) -> String {
    rotation_status(object, name)["arn"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// What the status says of a rotation.
pub fn rotation_status(object: &DynamicObject, name: &str) -> Value {
    let rotations = object.data["status"]["rotations"].as_array();
    let found = rotations.into_iter().flatten().find(|r| r["name"] == name);
    found.cloned().unwrap_or_default()
}

/// A rotation made by hand. Answers with its ARN.
pub async fn make_rotation(world: &World, name: &str, members: &[String], start: &str) -> String {
    make_rotation_of(world, name, members, start, weekly(&[("MON", 9, 0)])).await
}

/// The same with another recurrence.
pub async fn make_rotation_of(
    world: &World,
    name: &str,
    members: &[String],
    start: &str,
    recurrence: types::RecurrenceSettings,
) -> String {
    let made = world
        .contacts()
        .create_rotation()
        .name(name)
        .set_contact_ids(Some(members.to_vec()))
        .start_time(DateTime::from_secs(instant(start)))
        .time_zone_id("UTC")
        .recurrence(recurrence)
        .send()
        .await
        .unwrap();
    made.rotation_arn
}

/// A schedule made by hand. Answers with its ARN.
pub async fn make_schedule(world: &World, alias: &str, rotations: &[String]) -> String {
    let plan = types::Plan::builder().set_rotation_ids(Some(rotations.to_vec()));
    let made = world
        .contacts()
        .create_contact()
        .alias(alias)
        .display_name(format!("Schedule {alias}"))
        .r#type(types::ContactType::OncallSchedule)
        .plan(plan.build())
        .send()
        .await
        .unwrap();
    made.contact_arn
}

/// A person made by hand. Answers with the ARN.
pub async fn make_person(world: &World, alias: &str) -> String {
    let made = world
        .contacts()
        .create_contact()
        .alias(alias)
        .r#type(types::ContactType::Personal)
        .plan(types::Plan::builder().set_stages(Some(vec![])).build())
        .send()
        .await
        .unwrap();
    made.contact_arn
}

/// Weekly shifts with these hand-offs.
pub fn weekly(hand_offs: &[(&str, i32, i32)]) -> types::RecurrenceSettings {
    let settings = hand_offs.iter().map(|(day, hour, minute)| {
        types::WeeklySetting::builder()
            .day_of_week(types::DayOfWeek::from(*day))
            .hand_off_time(at(*hour, *minute))
            .build()
            .unwrap()
    });
    types::RecurrenceSettings::builder()
        .number_of_on_calls(1)
        .recurrence_multiplier(1)
        .set_weekly_settings(Some(settings.collect()))
        .build()
        .unwrap()
}

/// A time of day.
pub fn at(hour: i32, minute: i32) -> types::HandOffTime {
    types::HandOffTime::builder()
        .hour_of_day(hour)
        .minute_of_hour(minute)
        .build()
}

/// Changes a rotation by hand.
pub async fn change_rotation(
    world: &World,
    arn: &str,
    change: impl FnOnce(
        UpdateRotationFluentBuilder,
        types::RecurrenceSettings,
    ) -> UpdateRotationFluentBuilder,
) {
    let client = world.contacts();
    let read = client.get_rotation().rotation_id(arn).send().await.unwrap();
    let recurrence = read.recurrence().unwrap().clone();
    let request = client
        .update_rotation()
        .rotation_id(arn)
        .recurrence(recurrence.clone());
    change(request, recurrence).send().await.unwrap();
}

/// Seconds since 1970 of an RFC 3339 time.
pub fn instant(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

/// The aliases of whom AWS itself says to be on call at a moment, by rotation.
pub async fn on_call_in_aws(
    world: &World,
    moment: Timestamp,
) -> BTreeMap<String, BTreeSet<String>> {
    let client = world.contacts();
    let mut all = BTreeMap::new();
    for rotation in world.rotations().await {
        let shifts = client
            .list_rotation_shifts()
            .rotation_id(&rotation.arn)
            .start_time(DateTime::from_secs(moment.as_second()))
            .end_time(DateTime::from_secs(moment.as_second() + 1))
            .send()
            .await
            .unwrap();
        let people = shifts
            .rotation_shifts()
            .iter()
            .flat_map(aws_sdk_ssmcontacts::types::RotationShift::contact_ids);
        let people = people.map(|arn| arn.rsplit('/').next().unwrap().to_owned());
        all.insert(rotation.name, people.collect());
    }
    all
}

/// `{rotation: people}` as `status.onCallNow` has it.
pub fn on_call_now(object: &DynamicObject) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let now = object.data["status"]["onCallNow"].as_array();
    for one in now.into_iter().flatten() {
        let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
        all.entry(text("rotation"))
            .or_default()
            .insert(text("contact"));
    }
    all
}

/// Every schedule that says it is Ready is, in AWS, what its spec says.
pub async fn schedules_in_sync(world: &World) {
    world
        .eventually(
            "AWS holds what the schedules say",
            seconds(15),
            async || {
                let mut differences = vec![];
                for namespace in world.namespaces() {
                    let objects = world.cluster.list("OnCallSchedule", Some(namespace)).await;
                    for object in objects.unwrap() {
                        let spec = &object.data["spec"];
                        let ours = spec["suspend"] != true && spec["managementPolicy"] != "Observe";
                        let alive = object.metadata.deletion_timestamp.is_none();
                        if checks::is_ready(&object) && ours && alive {
                            differences.extend(compare(world, &object).await);
                        }
                    }
                }
                if differences.is_empty() {
                    Ok(())
                } else {
                    Err(differences.join("\n"))
                }
            },
        )
        .await;
}

async fn compare(world: &World, object: &DynamicObject) -> Vec<String> {
    let name = object.name_any();
    let arn = object.data["status"]["arn"].as_str().unwrap_or_default();
    let parts: Vec<&str> = arn.split(':').collect();
    let [_, _, _, region, account, _] = parts.as_slice() else {
        return vec![format!("{name} is Ready without an ARN")];
    };
    let contacts = aws::contacts(&world.simulator, account, region)
        .await
        .unwrap();
    let rotations = aws::rotations(&world.simulator, account, region)
        .await
        .unwrap();
    let Some(contact) = contacts.iter().find(|contact| contact.arn == arn) else {
        return vec![format!("AWS does not hold {arn}")];
    };
    let spec = &object.data["spec"];
    let mut differences = vec![];
    let mut same = |what: &str, wanted: String, got: String| {
        if wanted != got {
            differences.push(format!("{name}: {what}: wanted {wanted}, AWS has {got}"));
        }
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    same("type", "ONCALL_SCHEDULE".to_owned(), contact.kind.clone());
    same(
        "alias",
        spec["alias"].as_str().unwrap_or(&name).to_owned(),
        contact.alias.clone(),
    );
    same(
        "display name",
        text(&spec["displayName"]),
        contact.display_name.clone().unwrap_or_default(),
    );
    let none = vec![];
    let wanted = spec["rotations"].as_array().unwrap_or(&none);
    let unmanaged = object.data["status"]["unmanagedRotations"].as_array();
    same(
        "number of rotations",
        (wanted.len() + unmanaged.map_or(0, Vec::len)).to_string(),
        contact.rotations.len().to_string(),
    );
    for rotation in wanted {
        let key = text(&rotation["name"]);
        let status = rotation_status(object, &key);
        let arn = text(&status["arn"]);
        let found = rotations.iter().find(|found| found.arn == arn);
        let Some(found) = found.filter(|found| contact.rotations.contains(&found.arn)) else {
            same("rotation", key.clone(), "none".to_owned());
            continue;
        };
        let in_aws = rotation["rotationName"].as_str().unwrap_or(&key);
        same("rotation name", in_aws.to_owned(), found.name.clone());
        if !status["rolloutAt"].is_null() {
            continue;
        }
        let mut members = members_of(world, object, rotation, &status).await;
        let mut got = found.members.clone();
        if status["effectiveStartTime"] == status["requestedStartTime"]
            || status["requestedStartTime"].is_null()
        {
            let start = text(&rotation["startTime"]);
            same(
                "start",
                instant(&start).to_string(),
                found.start.to_string(),
            );
        } else {
            members.sort();
            got.sort();
        }
        same(
            &format!("members of {key}"),
            format!("{members:?}"),
            format!("{got:?}"),
        );
        same("zone", text(&rotation["timeZone"]), found.zone.clone());
        let recurrence = &rotation["recurrence"];
        same(
            "hand-offs",
            format!("{:?}", hand_offs(recurrence)),
            format!("{:?}", found.hand_offs),
        );
        let number = |value: &Value| value.as_i64().unwrap_or(1).to_string();
        same(
            "shift length",
            number(&recurrence["shiftLength"]),
            found.shift_length.to_string(),
        );
        if status["removedMembers"].is_null() {
            same(
                "on call",
                number(&recurrence["numberOfOnCalls"]),
                found.on_call.to_string(),
            );
        }
        same(
            "coverage",
            format!("{:?}", coverage(rotation)),
            format!("{:?}", found.coverage),
        );
        for (key, value) in spec["tags"].as_object().into_iter().flatten() {
            let got = found.tags.get(key).cloned().unwrap_or_default();
            same(&format!("tag {key} of a rotation"), text(value), got);
        }
    }
    for (key, value) in spec["tags"].as_object().into_iter().flatten() {
        let got = contact.tags.get(key).cloned().unwrap_or_default();
        same(&format!("tag {key}"), text(value), got);
    }
    differences
}

async fn members_of(
    world: &World,
    object: &DynamicObject,
    rotation: &Value,
    status: &Value,
) -> Vec<String> {
    let own = object.namespace().unwrap_or_default();
    let removed = status["removedMembers"].as_array();
    let mut arns = vec![];
    for reference in rotation["contactRefs"].as_array().into_iter().flatten() {
        if let Some(arn) = reference["arn"].as_str() {
            arns.push(arn.to_owned());
            continue;
        }
        let name = reference["name"].as_str().unwrap();
        let label = match reference["namespace"].as_str() {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        };
        if removed.is_some_and(|removed| removed.iter().any(|one| *one == label)) {
            continue;
        }
        let namespace = reference["namespace"].as_str().unwrap_or(&own);
        let person = world.cluster.get("Contact", Some(namespace), name).await;
        let person = person.unwrap();
        let arn = person.map(|p| p.data["status"]["arn"].as_str().unwrap_or("?").to_owned());
        arns.push(arn.unwrap_or_else(|| format!("{label} is missing")));
    }
    arns
}

fn hand_offs(recurrence: &Value) -> BTreeSet<String> {
    let of = |kind: &str| {
        let list = recurrence[kind]["handOffs"].as_array().cloned();
        list.unwrap_or_default()
    };
    let daily = of("daily");
    let daily = daily
        .iter()
        .map(|h| format!("daily {}", h["time"].as_str().unwrap()));
    let weekly = of("weekly");
    let weekly = weekly.iter().map(|h| {
        let day = h["day"].as_str().unwrap().to_uppercase();
        format!("weekly {day} {}", h["time"].as_str().unwrap())
    });
    let monthly = of("monthly");
    let monthly = monthly.iter().map(|h| {
        format!(
            "monthly {} {}",
            h["dayOfMonth"],
            h["time"].as_str().unwrap()
        )
    });
    daily.chain(weekly).chain(monthly).collect()
}

fn coverage(rotation: &Value) -> BTreeSet<String> {
    let windows = rotation["coverage"].as_array();
    let windows = windows.into_iter().flatten();
    windows
        .flat_map(|window| {
            let (start, end) = (
                window["start"].as_str().unwrap(),
                window["end"].as_str().unwrap(),
            );
            let days = window["days"].as_array().unwrap();
            days.iter().map(move |day| {
                let day = day.as_str().unwrap().to_uppercase();
                format!("{day} {start}-{end}")
            })
        })
        .collect()
}
