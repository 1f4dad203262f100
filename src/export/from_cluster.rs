//! From the objects of a cluster to what is exported. Pure.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::model::{
    Channel, ChannelUse, EscalationPlan, EscalationStage, EscalationTarget, LeftOut, ObjectName,
    Person, Place, Rotation, Schedule, Stage, TargetKind, own_tags, safe_name,
};
use crate::api;
use crate::api::common::{CommonSpec, CommonStatus};
use crate::api::escalation_plan::OnAcknowledge;
use crate::api::on_call_schedule::{OverrideStatus, RotationSpec};
use crate::api::reference::ObjectReference;
use crate::resources::on_call_schedule::{desired, member_name};
use crate::resources::{contact, escalation_plan};
use crate::schedule::Override;

/// The objects that are read.
#[derive(Debug, Default)]
pub struct Objects {
    /// ProviderConfigs.
    pub configs: Vec<api::ProviderConfig>,
    /// Contacts.
    pub contacts: Vec<api::Contact>,
    /// Schedules.
    pub schedules: Vec<api::OnCallSchedule>,
    /// Escalation plans.
    pub plans: Vec<api::EscalationPlan>,
    /// Addresses by namespace, Contact and channel. None = addresses are not exported.
    pub addresses: BTreeMap<(String, String, String), String>,
    /// What could not be read.
    pub unreadable: Vec<LeftOut>,
}

/// Account and Region.
type Whereabouts = (String, String);

/// What is exported, by account and Region.
pub fn places(objects: &Objects) -> Vec<Place> {
    let mut places: BTreeMap<Whereabouts, Place> = BTreeMap::new();
    let mut lost = objects.unreadable.clone();
    let mut file = |common: &CommonSpec, status: Option<&CommonStatus>, subject: String| {
        let found = whereabouts(objects, common, status);
        if found.is_none() {
            lost.push(LeftOut {
                subject,
                reason: format!(
                    "its ProviderConfig \"{}\" does not exist, so its account is unknown",
                    provider(common)
                ),
            });
        }
        found
    };
    let mut filed = vec![];
    for contact in &objects.contacts {
        let status = contact.status.as_ref().map(|s| &s.common);
        if let Some(at) = file(&contact.spec.common, status, identity("Contact", contact)) {
            filed.push((at, Filed::Person(contact)));
        }
    }
    for schedule in &objects.schedules {
        let status = schedule.status.as_ref().map(|s| &s.common);
        let subject = identity("OnCallSchedule", schedule);
        if let Some(at) = file(&schedule.spec.common, status, subject) {
            filed.push((at, Filed::Schedule(schedule)));
        }
    }
    for plan in &objects.plans {
        let status = plan.status.as_ref().map(|s| &s.common);
        if let Some(at) = file(&plan.spec.common, status, identity("EscalationPlan", plan)) {
            filed.push((at, Filed::Plan(plan)));
        }
    }
    for (at, object) in filed {
        let place = places.entry(at.clone()).or_insert_with(|| Place {
            account_id: at.0,
            region: at.1,
            ..Place::default()
        });
        match object {
            Filed::Person(contact) => person(objects, contact, place),
            Filed::Schedule(object) => schedule(objects, object, place),
            Filed::Plan(object) => plan(objects, object, place),
        }
    }
    let mut places: Vec<Place> = places.into_values().collect();
    if !lost.is_empty() {
        if places.is_empty() {
            places.push(Place::default());
        }
        places[0].left_out.extend(lost);
    }
    for place in &mut places {
        place.people.sort_by(|a, b| a.name.cmp(&b.name));
        place.schedules.sort_by(|a, b| a.name.cmp(&b.name));
        place.plans.sort_by(|a, b| a.name.cmp(&b.name));
        place.left_out.sort();
    }
    places
}

/// An object of which account and Region are known.
enum Filed<'a> {
    Person(&'a api::Contact),
    Schedule(&'a api::OnCallSchedule),
    Plan(&'a api::EscalationPlan),
}

fn provider(common: &CommonSpec) -> &str {
    let named = common.provider_config_ref.as_ref();
    named.map_or("default", |r| r.name.as_str())
}

fn whereabouts(
    objects: &Objects,
    common: &CommonSpec,
    status: Option<&CommonStatus>,
) -> Option<Whereabouts> {
    if let Some(placement) = status.and_then(|s| s.placement.as_ref()) {
        return Some((placement.account_id.clone(), placement.region.clone()));
    }
    let name = provider(common);
    let config = objects.configs.iter().find(|c| c.name_any() == name)?;
    Some((config.spec.account_id.clone(), config.spec.region.clone()))
}

fn identity(kind: &str, object: &impl ResourceExt) -> String {
    let namespace = object.namespace().unwrap_or_default();
    format!("{kind} {namespace}/{}", object.name_any())
}

fn object_name(object: &impl ResourceExt) -> ObjectName {
    ObjectName {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

fn tags(common: &CommonSpec) -> BTreeMap<String, String> {
    common
        .tags
        .as_ref()
        .map(|t| own_tags(&t.0))
        .unwrap_or_default()
}

/// What an ARN ends with.
fn alias_of(arn: &str) -> String {
    arn.rsplit_once('/')
        .map_or(arn, |(_, alias)| alias)
        .to_owned()
}

fn person(objects: &Objects, contact: &api::Contact, place: &mut Place) {
    let name = contact::desired::alias(contact);
    let subject = || identity("Contact", contact);
    let (namespace, object) = (contact.namespace().unwrap_or_default(), contact.name_any());
    let mut names = BTreeMap::new();
    let mut channels = vec![];
    for (index, channel) in contact.spec.channels.iter().flatten().enumerate() {
        let key = (namespace.clone(), object.clone(), channel.name.clone());
        let known = objects.addresses.get(&key).or(channel.address.as_ref());
        let shown = safe_name(&channel.name, known.map_or("", String::as_str), index);
        names.insert(channel.name.as_str(), shown.clone());
        channels.push(Channel {
            name: shown,
            type_: channel.type_,
            address: objects.addresses.get(&key).cloned(),
        });
    }
    // AWS has no order of channels.
    channels.sort_by(|a, b| a.name.cmp(&b.name));
    let used = |channel: &str, retry| ChannelUse {
        channel: names
            .get(channel)
            .cloned()
            .unwrap_or_else(|| channel.to_owned()),
        retry_minutes: retry,
    };
    let spec = &contact.spec;
    let engagement = match (&spec.engagement_plan, &spec.engagement_stages) {
        (Some(entries), _) => match contact::desired::compile(entries) {
            Ok(stages) => stages
                .iter()
                .map(|stage| Stage {
                    minutes: stage.duration,
                    channels: stage
                        .targets
                        .iter()
                        .filter_map(|t| match &t.channel {
                            contact::desired::ChannelRef::Named(n) => {
                                Some(used(n, t.retry_interval))
                            }
                            contact::desired::ChannelRef::Unknown(_) => None,
                        })
                        .collect(),
                })
                .collect(),
            Err(error) => {
                place.left_out.push(LeftOut {
                    subject: subject(),
                    reason: format!("its engagement plan: {error}"),
                });
                vec![]
            }
        },
        (None, stages) => stages
            .iter()
            .flatten()
            .map(|stage| Stage {
                minutes: stage.duration_minutes,
                channels: stage
                    .targets
                    .iter()
                    .flatten()
                    .map(|t| used(&t.channel, t.retry_interval_minutes))
                    .collect(),
            })
            .collect(),
    };
    place.people.push(Person {
        name,
        display_name: spec.display_name.clone().unwrap_or_default(),
        object: Some(object_name(contact)),
        channels,
        engagement,
        tags: tags(&spec.common),
    });
}

/// The alias of the person that a reference from `namespace` names.
fn person_name(objects: &Objects, namespace: &str, reference: &ObjectReference) -> String {
    if let Some(arn) = &reference.arn {
        return alias_of(arn);
    }
    let name = reference.name.clone().unwrap_or_default();
    let namespace = reference.namespace.as_deref().unwrap_or(namespace);
    let found = objects
        .contacts
        .iter()
        .find(|c| c.name_any() == name && c.namespace().as_deref() == Some(namespace));
    found.map_or(name, contact::desired::alias)
}

/// The alias of somebody whom a status names by object, by namespace and object, or by alias.
fn person_shown(objects: &Objects, shown: &str) -> String {
    let mut named = objects
        .contacts
        .iter()
        .filter(|c| match shown.split_once('/') {
            Some((namespace, name)) => {
                c.name_any() == name && c.namespace().as_deref() == Some(namespace)
            }
            None => c.name_any() == shown,
        });
    match (named.next(), named.next()) {
        (Some(only), None) => contact::desired::alias(only),
        _ => shown.to_owned(),
    }
}

fn schedule(objects: &Objects, object: &api::OnCallSchedule, place: &mut Place) {
    let mut rotations = vec![];
    for spec in object.spec.rotations.iter().flatten() {
        match rotation(objects, object, spec, place) {
            Ok(rotation) => rotations.push(rotation),
            Err(reason) => place.left_out.push(LeftOut {
                subject: format!(
                    "{}, rotation {}",
                    identity("OnCallSchedule", object),
                    spec.name
                ),
                reason,
            }),
        }
    }
    for other in object.status.iter().flat_map(|s| &s.unmanaged_rotations) {
        place.left_out.push(LeftOut {
            subject: format!(
                "{}, rotation {}",
                identity("OnCallSchedule", object),
                other.name
            ),
            reason: "AWS has it and the manifest has not: --from account exports it".to_owned(),
        });
    }
    place.schedules.push(Schedule {
        name: desired::alias(object),
        display_name: object.spec.display_name.clone().unwrap_or_default(),
        object: Some(object_name(object)),
        rotations,
        tags: tags(&object.spec.common),
    });
}

fn rotation(
    objects: &Objects,
    object: &api::OnCallSchedule,
    spec: &RotationSpec,
    place: &mut Place,
) -> Result<Rotation, String> {
    let namespace = object.namespace().unwrap_or_default();
    let mut known = object.status.iter().flat_map(|s| &s.rotations);
    let known = known.find(|r| r.name == spec.name);
    let removed = known
        .map(|k| k.removed_members.as_slice())
        .unwrap_or_default();
    let members = spec.contact_refs.iter();
    let members = members.filter(|m| !removed.contains(&member_name(m)));
    let members = members.map(|m| person_name(objects, &namespace, m));
    let mut settings =
        desired::settings(spec, members.collect()).map_err(|error| error.to_string())?;
    if let Some(start) = known.and_then(|k| k.effective_start_time.as_ref()) {
        settings.start = start.0;
    }
    if let Some(at) = known.and_then(|k| k.rollout_at.as_ref()) {
        place.left_out.push(LeftOut {
            subject: format!(
                "{}, rotation {}",
                identity("OnCallSchedule", object),
                spec.name
            ),
            reason: format!(
                "an edit waits until {}: what AWS has until then is not in this export",
                at.0
            ),
        });
    }
    let overrides = object.status.iter().flat_map(|s| &s.overrides);
    let overrides = overrides.filter(|o| o.rotation == spec.name);
    Ok(Rotation {
        name: spec.name.clone(),
        settings,
        overrides: overrides.map(|o| override_(objects, o)).collect(),
    })
}

/// The status does not say when it was made: of two at one time the one that begins later holds.
fn override_(objects: &Objects, shown: &OverrideStatus) -> Override<String> {
    let people = shown.contacts.iter();
    Override {
        id: shown.id.clone(),
        start: shown.start_time.0,
        end: shown.end_time.0,
        members: people.map(|p| person_shown(objects, p)).collect(),
        created: shown.start_time.0,
    }
}

fn plan(objects: &Objects, object: &api::EscalationPlan, place: &mut Place) {
    let namespace = object.namespace().unwrap_or_default();
    let stages = object.spec.stages.iter().map(|stage| EscalationStage {
        minutes: stage.duration_minutes,
        targets: stage
            .targets
            .iter()
            .flatten()
            .map(|target| {
                let (kind, name) = match (&target.contact_ref, &target.on_call_schedule_ref) {
                    (Some(person), _) => (
                        kind_of(objects, person, TargetKind::Person),
                        person_name(objects, &namespace, person),
                    ),
                    (None, Some(schedule)) => (
                        kind_of(objects, schedule, TargetKind::Schedule),
                        schedule_name(objects, &namespace, schedule),
                    ),
                    (None, None) => {
                        let arn = target.arn.as_deref().unwrap_or_default();
                        (kind_at(objects, arn), alias_of(arn))
                    }
                };
                EscalationTarget {
                    kind,
                    name,
                    stops_escalation: target.on_acknowledge == Some(OnAcknowledge::StopEscalation),
                }
            })
            .collect(),
    });
    place.plans.push(EscalationPlan {
        name: escalation_plan::desired::alias(object),
        display_name: object.spec.display_name.clone().unwrap_or_default(),
        object: Some(object_name(object)),
        stages: stages.collect(),
        tags: tags(&object.spec.common),
    });
}

fn kind_of(objects: &Objects, reference: &ObjectReference, named: TargetKind) -> TargetKind {
    match &reference.arn {
        Some(arn) => kind_at(objects, arn),
        None => named,
    }
}

fn kind_at(objects: &Objects, arn: &str) -> TargetKind {
    let is = |common: Option<&CommonStatus>| common.is_some_and(|c| c.arn.as_deref() == Some(arn));
    let mut people = objects.contacts.iter();
    let mut schedules = objects.schedules.iter();
    if people.any(|c| is(c.status.as_ref().map(|s| &s.common))) {
        TargetKind::Person
    } else if schedules.any(|c| is(c.status.as_ref().map(|s| &s.common))) {
        TargetKind::Schedule
    } else {
        TargetKind::Unknown
    }
}

fn schedule_name(objects: &Objects, namespace: &str, reference: &ObjectReference) -> String {
    if let Some(arn) = &reference.arn {
        return alias_of(arn);
    }
    let name = reference.name.clone().unwrap_or_default();
    let namespace = reference.namespace.as_deref().unwrap_or(namespace);
    let found = objects
        .schedules
        .iter()
        .find(|s| s.name_any() == name && s.namespace().as_deref() == Some(namespace));
    found.map_or(name, desired::alias)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object<K: serde::de::DeserializeOwned>(
        kind: &str,
        name: &str,
        spec: &Value,
        status: &Value,
    ) -> K {
        serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": "payments"}, "spec": spec, "status": status,
        }))
        .unwrap()
    }

    fn objects() -> Objects {
        let placed = json!({"placement": {"accountId": "123456789012", "region": "us-east-1"}});
        let mut alice: api::Contact = object(
            "Contact",
            "alice",
            &json!({
                "alias": "a-lice", "tags": {"team": "x"},
                "channels": [{"name": "mobile", "type": "SMS", "address": "+15005550199"}],
                "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 5}],
            }),
            &placed,
        );
        alice.metadata.namespace = Some("people".to_owned());
        let bob = object("Contact", "bob", &json!({}), &placed);
        let schedule = object(
            "OnCallSchedule",
            "primary",
            &json!({"rotations": [{
                "name": "week", "startTime": "2026-01-05T09:00:00Z", "timeZone": "UTC",
                "contactRefs": [{"name": "alice", "namespace": "people"}, {"name": "bob"}, {"name": "gone"}],
                "recurrence": {"type": "Weekly", "weekly": {"handOffs": [{"day": "Mon", "time": "09:00"}]}},
            }]}),
            &json!({
                "placement": placed["placement"], "arn": "arn:aws:ssm-contacts:us-east-1:123456789012:contact/primary",
                "rotations": [{"name": "week", "removedMembers": ["gone"], "effectiveStartTime": "2026-01-12T09:00:00Z"}],
                "overrides": [{"rotation": "week", "id": "x", "startTime": "2026-02-02T09:00:00Z", "endTime": "2026-02-03T09:00:00Z", "contacts": ["alice"]}],
                "unmanagedRotations": [{"arn": "arn:x", "name": "other"}],
            }),
        );
        let plan = object(
            "EscalationPlan",
            "ladder",
            &json!({"stages": [{"durationMinutes": 5, "targets": [
                {"onCallScheduleRef": {"name": "primary"}, "onAcknowledge": "StopEscalation"},
                {"contactRef": {"name": "alice", "namespace": "people"}},
                {"arn": "arn:aws:ssm-contacts:us-east-1:123456789012:contact/primary"},
                {"arn": "arn:aws:ssm-contacts:us-east-1:123456789012:contact/stranger"},
            ]}]}),
            &placed,
        );
        Objects {
            contacts: vec![alice, bob],
            schedules: vec![schedule],
            plans: vec![plan],
            ..Objects::default()
        }
    }

    #[test]
    fn people_are_named_by_alias_wherever_they_are() {
        let places = places(&objects());
        let [place] = places.as_slice() else {
            panic!("{places:?}")
        };
        let names: Vec<&str> = place.people.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["a-lice", "bob"]);
        let rotation = &place.schedules[0].rotations[0];
        assert_eq!(rotation.settings.members, ["a-lice", "bob"]);
        assert_eq!(rotation.settings.start.to_string(), "2026-01-12T09:00:00Z");
        assert_eq!(rotation.overrides[0].members, ["a-lice"]);
        let targets = &place.plans[0].stages[0].targets;
        let targets: Vec<_> = targets
            .iter()
            .map(|t| (t.kind, t.name.as_str(), t.stops_escalation))
            .collect();
        assert_eq!(
            targets,
            [
                (TargetKind::Schedule, "primary", true),
                (TargetKind::Person, "a-lice", false),
                (TargetKind::Schedule, "primary", false),
                (TargetKind::Unknown, "stranger", false),
            ]
        );
        // A stage that only waits, then the channel.
        let minutes: Vec<_> = place.people[0]
            .engagement
            .iter()
            .map(|s| (s.minutes, s.channels.len()))
            .collect();
        assert_eq!(minutes, [(5, 0), (1, 1)]);
        let left_out: Vec<&str> = place.left_out.iter().map(|l| l.subject.as_str()).collect();
        assert_eq!(
            left_out,
            ["OnCallSchedule payments/primary, rotation other"]
        );
    }

    #[test]
    fn addresses_are_there_only_when_they_were_asked_for() {
        let mut objects = objects();
        let text = |objects: &Objects| {
            let document = super::super::model::document(&places(objects));
            serde_json::to_string(&document).unwrap()
        };
        assert!(!text(&objects).contains("15005550199"));
        let key = ["people", "alice", "mobile"].map(str::to_owned);
        let [namespace, contact, channel] = key;
        let address = "+15005550199".to_owned();
        objects
            .addresses
            .insert((namespace, contact, channel), address);
        assert!(text(&objects).contains("\"address\":\"+15005550199\""));
    }

    #[test]
    fn what_has_no_account_is_told() {
        let mut objects = objects();
        objects.plans[0].status = None;
        let left_out = places(&objects).remove(0).left_out;
        assert_eq!(left_out[0].subject, "EscalationPlan payments/ladder");
        assert!(left_out[0].reason.contains("\"default\" does not exist"));
    }
}
