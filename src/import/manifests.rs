//! From an account to manifests that adopt what is there and change nothing. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::account::{Account, Channel, Contact, Content, Rotation, Stage, Target};
use super::names;
use crate::api::{CONTACT_DATA_LABEL, GROUP, VERSION};
use crate::schedule::zone;

/// How namespaces are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceRule {
    /// All in one.
    One(String),
    /// From the value of a tag; what has not got it goes into the other one.
    Tag(String, String),
    /// From what stands before this in the alias; what has not got it goes into the other one.
    Prefix(String, String),
}

/// How manifests are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How namespaces are chosen.
    pub namespaces: NamespaceRule,
    /// `spec.ownerId` of the ProviderConfig.
    pub owner_id: String,
    /// Name of the ProviderConfig.
    pub provider_config: String,
    /// Addresses go into Secrets of their own.
    pub addresses_as_secrets: bool,
    /// Contacts are marked so that Argo CD and Flux do not delete them when they vanish from Git.
    pub prune_protection: bool,
}

/// What was made of an account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifests {
    /// Objects in the order in which they are best read; any order can be applied.
    pub objects: Vec<Object>,
    /// What no manifest was written for, or only a part, and why.
    pub problems: Vec<Problem>,
    /// What is good to know.
    pub notes: Vec<Problem>,
}

/// A manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The whole object.
    pub content: Value,
}

/// Something that cannot be said in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// What it is about: an alias, or a rotation's name.
    pub subject: String,
    /// What it is and what to do.
    pub message: String,
}

/// Where a manifest is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    kind: &'static str,
    namespace: String,
    name: String,
}

/// The work on one account.
struct Writer<'a> {
    account: &'a Account,
    options: &'a Options,
    places: BTreeMap<&'a str, Place>,
    /// For each namespace and kind there: who refers to it, by kind and namespace.
    grants: BTreeSet<(String, &'static str, &'static str, String)>,
    unmanaged: bool,
    made: Manifests,
}

/// Makes the manifests of an account.
pub fn manifests(account: &Account, options: &Options) -> Manifests {
    let mut writer = Writer {
        account,
        options,
        places: BTreeMap::new(),
        grants: BTreeSet::new(),
        unmanaged: false,
        made: Manifests::default(),
    };
    // What cannot be said is found out first: others refer to it by ARN then.
    let users = users_of_rotations(account);
    for contact in account.contacts.values() {
        match writer.refusal(contact, &users) {
            None => writer.place(contact),
            Some(message) => writer.problem(&contact.alias, message),
        }
    }
    let mut objects = vec![];
    for contact in account.contacts.values() {
        if let Some(place) = writer.places.get(contact.arn.as_str()).cloned() {
            objects.extend(writer.object(contact, &place));
        }
    }
    for rotation in account.rotations.values() {
        match users.get(rotation.arn.as_str()).map_or(0, Vec::len) {
            0 => writer.problem(
                &rotation.name,
                format!(
                    "rotation {} is in no schedule: there is nothing to write it into, and it is left alone",
                    rotation.arn
                ),
            ),
            _ if rotation.overrides > 0 => writer.made.notes.push(Problem {
                subject: rotation.name.clone(),
                message: format!(
                    "{} overrides of this rotation run or are to come: they stay as they are in AWS and are shown in the schedule's status",
                    rotation.overrides
                ),
            }),
            _ => {}
        }
    }
    objects.extend(writer.grants());
    let mut all = vec![writer.provider_config()];
    all.extend(writer.namespaces());
    all.extend(objects);
    let order = |o: &Object| {
        let kinds = [
            "Namespace",
            "ProviderConfig",
            "AccessGrant",
            "Secret",
            "Contact",
            "OnCallSchedule",
            "EscalationPlan",
        ];
        let place = kinds.iter().position(|k| *k == o.kind);
        (place, o.namespace.clone(), o.name.clone())
    };
    all.sort_by_key(order);
    let mut made = writer.made;
    made.objects = all;
    made.problems.sort();
    made.notes.sort();
    made
}

/// Which schedules use each rotation, by ARN, in the order of their ARNs.
fn users_of_rotations(account: &Account) -> BTreeMap<&str, Vec<&str>> {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for contact in account.contacts.values() {
        if let Content::Schedule { rotations } = &contact.content {
            for rotation in rotations {
                users.entry(rotation).or_default().push(&contact.arn);
            }
        }
    }
    users
}

impl<'a> Writer<'a> {
    fn problem(&mut self, subject: &str, message: String) {
        self.made.problems.push(Problem {
            subject: subject.to_owned(),
            message,
        });
    }

    fn place(&mut self, contact: &'a Contact) {
        let kind = match contact.content {
            Content::Person { .. } => "Contact",
            Content::Schedule { .. } => "OnCallSchedule",
            Content::EscalationPlan { .. } => "EscalationPlan",
            Content::Unknown => return,
        };
        let place = Place {
            kind,
            namespace: self.namespace_of(contact),
            name: names::object_name(&contact.alias),
        };
        self.places.insert(&contact.arn, place);
    }

    fn namespace_of(&self, contact: &Contact) -> String {
        let (found, otherwise) = match &self.options.namespaces {
            NamespaceRule::One(name) => return name.clone(),
            NamespaceRule::Tag(key, otherwise) => {
                (contact.tags.get(key).map(String::as_str), otherwise)
            }
            NamespaceRule::Prefix(separator, otherwise) => {
                let prefix = contact.alias.split_once(separator.as_str());
                (prefix.map(|(prefix, _)| prefix), otherwise)
            }
        };
        found
            .and_then(names::namespace)
            .unwrap_or_else(|| otherwise.clone())
    }

    /// Why no manifest can say what AWS has; `None` = one can.
    fn refusal(&self, contact: &Contact, users: &BTreeMap<&str, Vec<&str>>) -> Option<String> {
        match &contact.content {
            Content::Person { stages, channels } => person_refusal(stages, channels),
            Content::EscalationPlan { stages } => plan_refusal(stages),
            Content::Schedule { rotations } => self.schedule_refusal(contact, rotations, users),
            Content::Unknown => {
                Some("AWS says that it is of a type that this version does not know".to_owned())
            }
        }
    }

    fn schedule_refusal(
        &self,
        contact: &Contact,
        rotations: &[String],
        users: &BTreeMap<&str, Vec<&str>>,
    ) -> Option<String> {
        let mut seen = BTreeSet::new();
        for arn in rotations {
            let Some(rotation) = self.account.rotations.get(arn) else {
                return Some(format!(
                    "it names rotation {arn}, which AWS does not have: take it out of the schedule first"
                ));
            };
            let first = users.get(arn.as_str()).and_then(|u| u.first());
            if first.is_some_and(|first| *first != contact.arn) {
                return Some(format!(
                    "rotation \"{}\" is in another schedule, too: a rotation belongs to one OnCallSchedule. Make a copy of it in AWS for this one",
                    rotation.name
                ));
            }
            if !seen.insert(&rotation.name) {
                return Some(format!(
                    "two of its rotations are named \"{}\": names in an OnCallSchedule are unique, and AWS cannot rename a rotation",
                    rotation.name
                ));
            }
            if let Some(problem) = rotation_refusal(rotation) {
                return Some(format!("rotation \"{}\": {problem}", rotation.name));
            }
        }
        None
    }

    fn object(&mut self, contact: &'a Contact, place: &Place) -> Vec<Object> {
        let mut spec = json!({"adoptionPolicy": "Adopt"});
        if self.options.provider_config != "default" {
            spec["providerConfigRef"] = json!({"name": self.options.provider_config});
        }
        if contact.alias != place.name {
            spec["alias"] = json!(contact.alias);
        }
        if !contact.display_name.is_empty() {
            spec["displayName"] = json!(contact.display_name);
        }
        let tags: BTreeMap<&String, &String> = contact
            .tags
            .iter()
            .filter(|(key, _)| {
                let key = key.to_lowercase();
                !key.starts_with("aws:") && !key.starts_with("incident-operator/")
            })
            .collect();
        if !tags.is_empty() {
            spec["tags"] = json!(tags);
        }
        let mut secrets = vec![];
        match &contact.content {
            Content::Person { stages, channels } => {
                secrets.extend(self.person(&mut spec, place, stages, channels));
            }
            Content::EscalationPlan { stages } => {
                let stages: Vec<Value> = stages.iter().map(|s| self.stage(s, place)).collect();
                spec["stages"] = json!(stages);
            }
            Content::Schedule { rotations } => {
                let found = rotations
                    .iter()
                    .filter_map(|r| self.account.rotations.get(r));
                let found: Vec<&Rotation> = found.collect();
                let rotations: Vec<Value> =
                    found.into_iter().map(|r| self.rotation(r, place)).collect();
                if !rotations.is_empty() {
                    spec["rotations"] = json!(rotations);
                }
            }
            Content::Unknown => {}
        }
        let mut metadata = json!({"name": place.name, "namespace": place.namespace});
        if self.options.prune_protection && place.kind == "Contact" {
            metadata["annotations"] = json!({
                "argocd.argoproj.io/sync-options": "Prune=false",
                "kustomize.toolkit.fluxcd.io/prune": "disabled",
            });
        }
        let object = Object {
            kind: place.kind,
            namespace: Some(place.namespace.clone()),
            name: place.name.clone(),
            content: json!({
                "apiVersion": format!("{GROUP}/{VERSION}"), "kind": place.kind, "metadata": metadata, "spec": spec,
            }),
        };
        secrets.push(object);
        secrets
    }

    fn person(
        &self,
        spec: &mut Value,
        place: &Place,
        stages: &[Stage],
        channels: &[Channel],
    ) -> Option<Object> {
        let keys = names::secret_keys(channels.iter().map(|c| c.name.as_str()));
        let secret = format!("{}-addresses", place.name);
        let mut data = serde_json::Map::new();
        let mut list = vec![];
        for (channel, key) in channels.iter().zip(keys) {
            let type_ = channel.type_.map(|t| json!(t)).unwrap_or_default();
            let mut entry = json!({"name": channel.name, "type": type_});
            if self.options.addresses_as_secrets {
                entry["addressFrom"] = json!({"secretKeyRef": {"name": secret, "key": key}});
                data.insert(key, json!(channel.address));
            } else {
                entry["address"] = json!(channel.address);
            }
            list.push(entry);
        }
        if !list.is_empty() {
            spec["channels"] = json!(list);
        }
        let name_of = |arn: &str| {
            let found = channels.iter().find(|c| c.arn == arn);
            found.map(|c| c.name.as_str())
        };
        let stages: Vec<Value> = stages
            .iter()
            .map(|stage| {
                let targets: Vec<Value> = stage
                    .targets
                    .iter()
                    .filter_map(|target| match target {
                        Target::Channel { arn, retry } => {
                            let mut entry = json!({"channel": name_of(arn)?});
                            if let Some(retry) = retry {
                                entry["retryIntervalMinutes"] = json!(retry);
                            }
                            Some(entry)
                        }
                        _ => None,
                    })
                    .collect();
                with_targets(stage.duration, targets)
            })
            .collect();
        if !stages.is_empty() {
            spec["engagementStages"] = json!(stages);
        }
        (!data.is_empty()).then(|| Object {
            kind: "Secret",
            namespace: Some(place.namespace.clone()),
            name: secret.clone(),
            content: json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": secret, "namespace": place.namespace, "labels": {CONTACT_DATA_LABEL: "true"}},
                "stringData": data,
            }),
        })
    }

    fn stage(&mut self, stage: &Stage, place: &Place) -> Value {
        let targets = stage
            .targets
            .iter()
            .filter_map(|target| {
                let Target::Contact {
                    arn: Some(arn),
                    essential,
                } = target
                else {
                    return None;
                };
                let mut entry = match self.places.get(arn.as_str()).map(|p| p.kind) {
                    Some("Contact") => json!({"contactRef": self.reference(arn, place)}),
                    Some("OnCallSchedule") => {
                        json!({"onCallScheduleRef": self.reference(arn, place)})
                    }
                    _ => {
                        self.unmanaged = true;
                        json!({"arn": arn})
                    }
                };
                if *essential {
                    entry["onAcknowledge"] = json!("StopEscalation");
                }
                Some(entry)
            })
            .collect();
        with_targets(stage.duration, targets)
    }

    fn rotation(&mut self, rotation: &Rotation, place: &Place) -> Value {
        let members: Vec<Value> = rotation
            .members
            .iter()
            .map(|arn| self.reference(arn, place))
            .collect();
        let mut entry = json!({"name": rotation.name, "contactRefs": members});
        if let Some(fields) = &rotation.spec {
            entry["startTime"] = json!(fields.start_time);
            entry["timeZone"] = json!(fields.time_zone);
            entry["recurrence"] = json!(fields.recurrence);
            if let Some(coverage) = &fields.coverage {
                entry["coverage"] = json!(coverage);
            }
        }
        entry
    }

    /// A reference by name, with the grant that it needs; by ARN to what has no manifest.
    fn reference(&mut self, arn: &str, from: &Place) -> Value {
        let Some(target) = self.places.get(arn) else {
            self.unmanaged = true;
            return json!({"arn": arn});
        };
        if target.namespace == from.namespace {
            return json!({"name": target.name});
        }
        self.grants.insert((
            target.namespace.clone(),
            target.kind,
            from.kind,
            from.namespace.clone(),
        ));
        json!({"name": target.name, "namespace": target.namespace})
    }

    /// One grant for each namespace and kind that is referred to from others.
    fn grants(&self) -> Vec<Object> {
        let mut by_target: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
        for (namespace, kind, from_kind, from_namespace) in &self.grants {
            let from = json!({"kind": from_kind, "namespace": from_namespace});
            by_target.entry((namespace, kind)).or_default().push(from);
        }
        let grant = |((namespace, kind), from): ((&str, &str), Vec<Value>)| {
            let name = format!("imported-{}s", kind.to_lowercase());
            // A grant takes 50 entries.
            let parts = from.chunks(50).enumerate();
            parts
                .map(|(part, from)| {
                    let name = match part {
                        0 => name.clone(),
                        n => format!("{name}-{}", n + 1),
                    };
                    Object {
                        kind: "AccessGrant",
                        namespace: Some(namespace.to_owned()),
                        content: json!({
                            "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "AccessGrant",
                            "metadata": {"name": name, "namespace": namespace},
                            "spec": {"from": from, "to": [{"kind": kind}]},
                        }),
                        name,
                    }
                })
                .collect::<Vec<_>>()
        };
        by_target.into_iter().flat_map(grant).collect()
    }

    fn used_namespaces(&self) -> BTreeSet<&str> {
        self.places.values().map(|p| p.namespace.as_str()).collect()
    }

    fn namespaces(&self) -> Vec<Object> {
        let object = |name: &str| Object {
            kind: "Namespace",
            namespace: None,
            name: name.to_owned(),
            content: json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
        };
        self.used_namespaces().into_iter().map(object).collect()
    }

    fn provider_config(&self) -> Object {
        let name = &self.options.provider_config;
        let namespaces = json!({"names": self.used_namespaces()});
        let mut spec = json!({
            "accountId": self.account.account_id, "region": self.account.region, "ownerId": self.options.owner_id,
            "allowedNamespaces": namespaces, "adoption": {"allowedNamespaces": namespaces},
        });
        if self.unmanaged {
            spec["unmanagedReferences"] = json!("Allow");
        }
        Object {
            kind: "ProviderConfig",
            namespace: None,
            name: name.clone(),
            content: json!({
                "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "ProviderConfig", "metadata": {"name": name}, "spec": spec,
            }),
        }
    }
}

fn with_targets(duration: i32, targets: Vec<Value>) -> Value {
    let mut stage = json!({"durationMinutes": duration});
    if !targets.is_empty() {
        stage["targets"] = Value::Array(targets);
    }
    stage
}

fn person_refusal(stages: &[Stage], channels: &[Channel]) -> Option<String> {
    let mut seen = BTreeSet::new();
    for channel in channels {
        let shown = if names_its_address(channel) {
            "(its name holds the address)".to_owned()
        } else {
            format!("\"{}\"", channel.name)
        };
        let Some(type_) = channel.type_ else {
            return Some(format!(
                "channel {shown} is of a type that this version does not know"
            ));
        };
        if names_its_address(channel) {
            return Some(
                "the name of a channel holds its address, and names are shown in status, events and logs: rename the channel in AWS first".to_owned(),
            );
        }
        if !seen.insert(&channel.name) {
            return Some(format!(
                "two channels are named {shown}: give them different names in AWS first"
            ));
        }
        if !crate::resources::contact::desired::is_address(type_, &channel.address) {
            return Some(format!(
                "the address of channel {shown} is not one that this operator takes ('+' and 8 to 15 digits, or a mail address)"
            ));
        }
    }
    let known = |arn: &str| channels.iter().any(|c| c.arn == arn);
    for target in stages.iter().flat_map(|s| &s.targets) {
        match target {
            Target::Channel { arn, .. } if known(arn) => {}
            Target::Channel { .. } => {
                return Some(
                    "the engagement plan uses a channel that was deleted: take it out of the plan in AWS first".to_owned(),
                );
            }
            _ => {
                return Some(
                    "the engagement plan engages something else than a channel".to_owned(),
                );
            }
        }
    }
    None
}

fn names_its_address(channel: &Channel) -> bool {
    let address = channel.address.trim_start_matches('+');
    channel.address.len() >= 8 && channel.name.contains(address)
}

fn plan_refusal(stages: &[Stage]) -> Option<String> {
    if stages.is_empty() {
        return Some("it has no stage: an EscalationPlan has at least one".to_owned());
    }
    for stage in stages {
        if stage.duration == 0 && stage.targets.is_empty() {
            return Some("a stage lasts 0 minutes and engages nobody".to_owned());
        }
        for target in &stage.targets {
            match target {
                Target::Contact { arn: Some(_), .. } => {}
                _ => {
                    return Some(
                        "a stage engages something else than a contact or schedule".to_owned(),
                    );
                }
            }
        }
    }
    None
}

fn rotation_refusal(rotation: &Rotation) -> Option<String> {
    let Some(fields) = &rotation.spec else {
        return Some(
            "it is set up in AWS in a way that this version does not understand".to_owned(),
        );
    };
    if let Err(error) = zone(&fields.time_zone) {
        return Some(error.to_string());
    }
    let at_once = fields.recurrence.number_of_on_calls.unwrap_or(1);
    if usize::try_from(at_once).map_or(true, |n| n > rotation.members.len()) {
        return Some("it has more people on call at once than members".to_owned());
    }
    None
}
