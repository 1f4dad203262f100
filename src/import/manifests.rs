//! From an account to manifests that adopt what is there and change nothing. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{
    Account, Channel, Contact, Content, Override, ResponsePlan, Rotation, Stage, Target,
    VpcEndpoint,
};
use super::expressible::{self, Verdict, is_users_tag};
use super::names;
use super::response_plans;
use crate::api::{CONTACT_DATA_LABEL, GROUP, VERSION};
use crate::aws::tag::{MOST_TAGS, MOST_USER_TAGS};
use crate::resources::alternate_contact::desired::wrong;
use crate::resources::alternate_contact::observed::Observed;

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
    /// Where Secrets of what is in no namespace go.
    pub operator_namespace: String,
    /// Contacts and Namespaces are marked so that Argo CD and Flux do not delete them when they vanish from Git.
    pub prune_protection: bool,
    /// Overrides that are over by then are not written.
    pub now: Timestamp,
}

/// What was made of an account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifests {
    /// Objects in the order in which they are best read; any order can be applied.
    pub objects: Vec<Object>,
    /// What no manifest was written for, and why.
    pub problems: Vec<Problem>,
    /// What a manifest was written without, and why.
    pub left_out: Vec<Problem>,
    /// What is good to know.
    pub notes: Vec<Problem>,
}

impl Manifests {
    /// Everything that AWS has and manifests can say is in them.
    pub fn are_complete(&self) -> bool {
        self.problems.is_empty() && self.left_out.is_empty()
    }
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

/// Something that the report tells.
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
    /// ARNs of contacts, each with that of a channel or rotation that its manifest is written without.
    without: BTreeSet<(&'a str, String)>,
    /// For each namespace and kind there: who refers to it, by kind and namespace.
    grants: BTreeSet<(String, &'static str, &'static str, String)>,
    unmanaged: bool,
    /// Roles of runbooks.
    roles: BTreeSet<&'a str>,
    made: Manifests,
}

/// Makes the manifests of an account.
pub fn manifests(account: &Account, options: &Options) -> Manifests {
    let users = users_of_rotations(account);
    let mut writer = Writer {
        account,
        options,
        places: BTreeMap::new(),
        without: BTreeSet::new(),
        grants: BTreeSet::new(),
        unmanaged: false,
        roles: BTreeSet::new(),
        made: Manifests::default(),
    };
    // What cannot be said is found out first: others refer to it by ARN then.
    for contact in account.contacts.values() {
        writer.judge(contact, &users);
    }
    for plan in account.response_plans.values() {
        writer.judge_response_plan(plan);
    }
    writer.tell_namespaces();
    let mut objects = vec![];
    for contact in account.contacts.values() {
        if let Some(place) = writer.places.get(contact.arn.as_str()).cloned() {
            objects.extend(writer.object(contact, &place));
        }
    }
    for plan in account.response_plans.values() {
        if let Some(place) = writer.places.get(plan.arn.as_str()).cloned() {
            objects.push(writer.response_plan(plan, &place));
        }
    }
    for endpoint in &account.vpc_endpoints {
        objects.extend(writer.vpc_endpoint(endpoint));
    }
    writer.tell_rest(&users);
    objects.extend(writer.grants());
    let mut all = vec![writer.provider_config()];
    all.extend(writer.replication_set());
    for contact in &account.alternate_contacts {
        all.extend(writer.alternate_contact(contact));
    }
    all.extend(writer.namespaces());
    all.extend(objects);
    all.sort_by_key(order);
    let mut made = writer.made;
    made.objects = all;
    for list in [&mut made.problems, &mut made.left_out, &mut made.notes] {
        list.sort();
        list.dedup();
    }
    made
}

fn order(object: &Object) -> (Option<usize>, Option<String>, String) {
    let kinds = [
        "Namespace",
        "ProviderConfig",
        "ReplicationSet",
        "AlternateContact",
        "AccessGrant",
        "Secret",
        "Contact",
        "OnCallSchedule",
        "EscalationPlan",
        "RotationOverride",
        "ResponsePlan",
        "VpcEndpoint",
    ];
    let place = kinds.iter().position(|k| *k == object.kind);
    (place, object.namespace.clone(), object.name.clone())
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

/// What is told of something.
fn problem(subject: &str, message: impl Into<String>) -> Problem {
    Problem {
        subject: subject.to_owned(),
        message: message.into(),
    }
}

impl<'a> Writer<'a> {
    /// Gives `contact` its place, unless no manifest can say what it is.
    fn judge(&mut self, contact: &'a Contact, users: &BTreeMap<&str, Vec<&'a str>>) {
        let users_of = |rotation: &str| users.get(rotation).map_or(&[][..], Vec::as_slice);
        match expressible::verdict(self.account, contact, &users_of) {
            Verdict::Nothing(message) => {
                self.made.problems.push(problem(&contact.alias, message));
            }
            Verdict::AllBut(parts) => {
                for (part, message) in parts {
                    self.made.left_out.push(problem(&contact.alias, message));
                    self.without.insert((&contact.arn, part));
                }
                self.place(contact);
            }
        }
    }

    fn place(&mut self, contact: &'a Contact) {
        let kind = match contact.content {
            Content::Person { .. } => "Contact",
            Content::Schedule { .. } => "OnCallSchedule",
            Content::EscalationPlan { .. } => "EscalationPlan",
            Content::Unknown => return,
        };
        self.place_as(kind, &contact.arn, &contact.alias, &contact.tags);
    }

    fn place_as(
        &mut self,
        kind: &'static str,
        arn: &'a str,
        alias: &'a str,
        tags: &'a BTreeMap<String, String>,
    ) {
        let place = Place {
            kind,
            namespace: self.namespace_of(alias, tags),
            name: names::object_name(alias),
        };
        if self.places.values().any(|taken| *taken == place) {
            // As good as never: aliases that are no names have digits of their own.
            let message = format!("its name would be that of another object, {}", place.name);
            self.made.problems.push(problem(alias, message));
            return;
        }
        self.places.insert(arn, place);
    }

    /// Gives a response plan its place, unless no manifest can say what it is.
    fn judge_response_plan(&mut self, plan: &'a ResponsePlan) {
        match response_plans::verdict(self.account, plan) {
            Verdict::Nothing(message) => {
                self.made.problems.push(problem(&plan.name, message));
            }
            Verdict::AllBut(tags) => {
                for (key, message) in tags {
                    self.made.left_out.push(problem(&plan.name, message));
                    self.without.insert((&plan.arn, key));
                }
                self.place_as("ResponsePlan", &plan.arn, &plan.name, &plan.tags);
            }
        }
    }

    fn response_plan(&mut self, plan: &'a ResponsePlan, place: &Place) -> Object {
        let mut spec = self.spec();
        if plan.name != place.name {
            spec["name"] = json!(plan.name);
        }
        let fields = response_plans::spec(&plan.content);
        for (field, value) in fields.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        let engagements: Vec<Value> = plan
            .content
            .engagements
            .iter()
            .map(|arn| {
                let reference = self.reference(arn, place, &plan.name);
                match self.places.get(arn.as_str()).map(|p| p.kind) {
                    Some("Contact") => json!({"contactRef": reference}),
                    Some("OnCallSchedule") => json!({"onCallScheduleRef": reference}),
                    Some("EscalationPlan") => json!({"escalationPlanRef": reference}),
                    _ => reference,
                }
            })
            .collect();
        if !engagements.is_empty() {
            spec["engagements"] = json!(engagements);
        }
        let tags = plan.tags.iter().filter(|(key, _)| {
            is_users_tag(key) && !self.without.contains(&(plan.arn.as_str(), (*key).clone()))
        });
        let tags: BTreeMap<&String, &String> = tags.collect();
        if !tags.is_empty() {
            spec["tags"] = json!(tags);
        }
        if let Some(automation) = &plan.content.automation {
            self.roles.insert(&automation.role_arn);
        }
        managed(place, &spec)
    }

    fn vpc_endpoint(&mut self, endpoint: &'a VpcEndpoint) -> Option<Object> {
        for message in &endpoint.left_out {
            self.made.left_out.push(problem(&endpoint.id, message));
        }
        if let Some(message) = &endpoint.problem {
            self.made.problems.push(problem(&endpoint.id, message));
            return None;
        }
        let place = Place {
            kind: "VpcEndpoint",
            namespace: self.namespace_of(&endpoint.label, &endpoint.tags),
            name: names::object_name(&endpoint.name),
        };
        let mut spec = endpoint.spec.clone();
        if self.options.provider_config != "default" {
            spec["providerConfigRef"] = json!({"name": self.options.provider_config});
        }
        self.places.insert(&endpoint.id, place.clone());
        Some(managed(&place, &spec))
    }

    /// What the rule looks at.
    fn named_namespace(
        &self,
        alias: &'a str,
        tags: &'a BTreeMap<String, String>,
    ) -> Option<&'a str> {
        match &self.options.namespaces {
            NamespaceRule::One(_) => None,
            NamespaceRule::Tag(key, _) => tags.get(key).map(String::as_str),
            NamespaceRule::Prefix(separator, _) => {
                let split = alias.split_once(separator.as_str());
                split.map(|(prefix, _)| prefix)
            }
        }
    }

    fn other_namespace(&self) -> &'a str {
        match &self.options.namespaces {
            NamespaceRule::One(name)
            | NamespaceRule::Tag(_, name)
            | NamespaceRule::Prefix(_, name) => name,
        }
    }

    fn namespace_of(&self, alias: &'a str, tags: &'a BTreeMap<String, String>) -> String {
        self.named_namespace(alias, tags)
            .and_then(names::namespace)
            .unwrap_or_else(|| self.other_namespace().to_owned())
    }

    /// Namespaces whose names are not what the rule found.
    fn tell_namespaces(&mut self) {
        let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let contacts = self.account.contacts.values();
        let contacts = contacts.map(|c| (&c.arn, &c.alias, &c.tags));
        let plans = self.account.response_plans.values();
        let plans = plans.map(|p| (&p.arn, &p.name, &p.tags));
        for (arn, alias, tags) in contacts.chain(plans) {
            if self.places.contains_key(arn.as_str())
                && let Some(text) = self.named_namespace(alias, tags)
            {
                let namespace = self.namespace_of(alias, tags);
                found.entry(namespace).or_default().insert(text);
            }
        }
        for (namespace, texts) in found {
            if texts.len() == 1 && texts.contains(namespace.as_str()) {
                continue;
            }
            let texts: Vec<String> = texts.iter().map(|t| format!("\"{t}\"")).collect();
            let message = format!("this namespace stands for {}", texts.join(", "));
            self.made.notes.push(problem(&namespace, message));
        }
    }

    /// What AWS has besides.
    fn tell_rest(&mut self, users: &BTreeMap<&str, Vec<&str>>) {
        for rotation in self.account.rotations.values() {
            if users.get(rotation.arn.as_str()).is_none_or(Vec::is_empty) {
                let message = format!(
                    "rotation {} is in no schedule: there is nothing to write it into, and it is left alone{}",
                    rotation.arn,
                    match rotation.overrides.len() {
                        0 => String::new(),
                        n => format!(", with {n} overrides"),
                    }
                );
                self.made.problems.push(problem(&rotation.name, message));
            }
        }
        let Some(set) = &self.account.replication_set else {
            return;
        };
        if !set.taggable {
            self.made.notes.push(problem(
                &self.account.region,
                "AWS keeps tags in the replication set's first Region only: none were read here, and the operator sets none",
            ));
        }
    }

    fn object(&mut self, contact: &'a Contact, place: &Place) -> Vec<Object> {
        let mut spec = self.spec();
        if contact.alias != place.name {
            spec["alias"] = json!(contact.alias);
        }
        if !contact.display_name.is_empty() {
            spec["displayName"] = json!(contact.display_name);
        }
        let tags = self.tags(contact);
        if !tags.is_empty() {
            spec["tags"] = json!(tags);
        }
        let mut more = vec![];
        match &contact.content {
            Content::Person { .. } => more.extend(self.person(contact, place, &mut spec)),
            Content::EscalationPlan { stages } => {
                let subject = &contact.alias;
                let stages = stages.iter();
                let stages: Vec<Value> = stages.map(|s| self.stage(s, place, subject)).collect();
                spec["stages"] = json!(stages);
            }
            Content::Schedule { .. } => {
                let rotations = self.rotations(contact);
                for rotation in &rotations {
                    let overrides = rotation.overrides.iter();
                    for found in overrides.filter(|o| o.end > self.options.now) {
                        more.extend(self.override_(contact, rotation, found, place));
                    }
                }
                let rotations = rotations.into_iter();
                let rotations: Vec<Value> = rotations
                    .map(|r| self.rotation(contact, r, place))
                    .collect();
                if !rotations.is_empty() {
                    spec["rotations"] = json!(rotations);
                }
            }
            Content::Unknown => {}
        }
        let mut object = managed(place, &spec);
        if place.kind == "Contact" {
            self.protect(&mut object.content);
        }
        more.push(object);
        more
    }

    /// The replication set: whatever else is deleted, it and the data in it stay unless much more is said.
    fn replication_set(&mut self) -> Option<Object> {
        let set = self.account.replication_set.as_ref()?;
        let own = set.tags.keys().filter(|key| is_users_tag(key)).count();
        if own > MOST_USER_TAGS {
            let message = format!(
                "it has {own} tags: AWS allows {MOST_TAGS} and the operator needs three of its own. Take some off in AWS first"
            );
            self.made.problems.push(problem(&set.arn, message));
            return None;
        }
        let mut spec = self.spec();
        let regions = set.regions.iter().map(|(name, key)| match key {
            Some(key) => json!({"name": name, "sseKmsKeyId": key}),
            None => json!({"name": name}),
        });
        spec["regions"] = regions.collect();
        if !set.protected {
            spec["deletionProtection"] = json!(false);
        }
        let tags = set.tags.iter().filter(|(key, _)| is_users_tag(key));
        let tags: BTreeMap<&String, &String> = tags.collect();
        if !tags.is_empty() {
            spec["tags"] = json!(tags);
        }
        let name = &self.options.provider_config;
        let mut object = Object {
            kind: "ReplicationSet",
            namespace: None,
            // Accounts have one each, and a cluster may have several of both.
            name: name.clone(),
            content: json!({
                "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "ReplicationSet",
                "metadata": {"name": name}, "spec": spec,
            }),
        };
        self.protect(&mut object.content);
        Some(object)
    }

    /// An alternate contact: AWS has no place to note whose it is, so that deleting the object leaves it unless more is said.
    fn alternate_contact(&mut self, found: &Observed) -> Vec<Object> {
        let identity = &found.identity;
        let theirs = found.particulars.trimmed();
        if let Some((field, rule)) = wrong(&theirs) {
            let message = format!("its {field} is not {rule}: correct it in AWS first");
            let subject = identity.to_string();
            self.made.problems.push(problem(&subject, message));
            return vec![];
        }
        let type_ = identity.type_.as_str();
        // Accounts have one of each, and a cluster may have several of both.
        let name = format!("{}-{}", self.options.provider_config, type_.to_lowercase());
        let mut spec = self.spec();
        spec["type"] = json!(type_);
        spec["title"] = json!(theirs.title.expose());
        let values = [
            ("name", theirs.name.expose()),
            ("email", theirs.email.expose()),
            ("phone", theirs.phone.expose()),
        ];
        let mut made = vec![];
        if self.options.addresses_as_secrets {
            let secret = secret_name(&name);
            let namespace = &self.options.operator_namespace;
            for (field, _) in &values {
                let source = format!("{field}From");
                spec[source] = json!({"secretKeyRef": {"name": secret, "key": field}});
            }
            made.push(Object {
                kind: "Secret",
                namespace: Some(namespace.clone()),
                name: secret.clone(),
                content: json!({
                    "apiVersion": "v1", "kind": "Secret",
                    "metadata": {"name": secret, "namespace": namespace, "labels": {CONTACT_DATA_LABEL: "true"}},
                    "stringData": BTreeMap::from(values),
                }),
            });
        } else {
            for (field, value) in values {
                spec[field] = json!(value);
            }
        }
        let mut object = Object {
            kind: "AlternateContact",
            namespace: None,
            name: name.clone(),
            content: json!({
                "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "AlternateContact",
                "metadata": {"name": name}, "spec": spec,
            }),
        };
        self.protect(&mut object.content);
        made.push(object);
        made
    }

    /// What every spec begins with.
    fn spec(&self) -> Value {
        let mut spec = json!({"adoptionPolicy": "Adopt"});
        if self.options.provider_config != "default" {
            spec["providerConfigRef"] = json!({"name": self.options.provider_config});
        }
        spec
    }

    /// Marks an object so that GitOps tools do not delete it when it vanishes from Git.
    fn protect(&self, object: &mut Value) {
        if self.options.prune_protection {
            object["metadata"]["annotations"] = json!({
                "argocd.argoproj.io/sync-options": "Prune=false",
                "kustomize.toolkit.fluxcd.io/prune": "disabled",
            });
        }
    }

    /// The rotations of a schedule that its manifest has.
    fn rotations(&self, contact: &'a Contact) -> Vec<&'a Rotation> {
        let Content::Schedule { rotations } = &contact.content else {
            return vec![];
        };
        let rotations = rotations.iter();
        rotations
            .filter(|arn| !self.is_left_out(contact, arn))
            .filter_map(|arn| self.account.rotations.get(arn))
            .collect()
    }

    /// The users' own tags. Those of a schedule are set on its rotations, too, so that one which a rotation has otherwise is left out.
    fn tags(&mut self, contact: &'a Contact) -> BTreeMap<&'a str, &'a str> {
        let rotations = self.rotations(contact);
        let own = |tags: &'a BTreeMap<String, String>| {
            let tags = tags.iter().map(|(k, v)| (k.as_str(), v.as_str()));
            tags.filter(|(key, _)| is_users_tag(key))
        };
        let mut tags: BTreeMap<&str, &str> = own(&contact.tags).collect();
        for rotation in rotations {
            for (key, value) in own(&rotation.tags) {
                let of_schedule = contact.tags.get(key).map(String::as_str);
                if of_schedule == Some(value) {
                    continue;
                }
                let message = if of_schedule.is_some() {
                    tags.remove(key);
                    format!(
                        "tag {key}: rotation \"{}\" has another value than the schedule, and a manifest has one for all: both stay in AWS",
                        rotation.name
                    )
                } else {
                    format!(
                        "tag {key} is on rotation \"{}\" only: it stays in AWS, and a manifest has no place for it",
                        rotation.name
                    )
                };
                self.made.left_out.push(problem(&contact.alias, message));
            }
        }
        tags
    }

    fn is_left_out(&self, contact: &'a Contact, part: &str) -> bool {
        let part = (contact.arn.as_str(), part.to_owned());
        self.without.contains(&part)
    }

    fn person(&self, contact: &'a Contact, place: &Place, spec: &mut Value) -> Option<Object> {
        let Content::Person { stages, channels } = &contact.content else {
            return None;
        };
        let channels = channels.iter();
        let channels = channels.filter(|c| !self.is_left_out(contact, &c.arn));
        let channels: Vec<&Channel> = channels.collect();
        let keys = names::secret_keys(channels.iter().map(|c| c.name.as_str()));
        let secret = secret_name(&place.name);
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

    fn stage(&mut self, stage: &Stage, place: &Place, subject: &str) -> Value {
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
                    Some("Contact") => json!({"contactRef": self.reference(arn, place, subject)}),
                    Some("OnCallSchedule") => {
                        json!({"onCallScheduleRef": self.reference(arn, place, subject)})
                    }
                    _ => self.reference(arn, place, subject),
                };
                if *essential {
                    entry["onAcknowledge"] = json!("StopEscalation");
                }
                Some(entry)
            })
            .collect();
        with_targets(stage.duration, targets)
    }

    fn rotation(&mut self, contact: &Contact, rotation: &Rotation, place: &Place) -> Value {
        let members = rotation.members.iter();
        let members: Vec<Value> = members
            .map(|arn| self.reference(arn, place, &contact.alias))
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

    fn override_(
        &mut self,
        contact: &Contact,
        rotation: &Rotation,
        found: &Override,
        schedule: &Place,
    ) -> Option<Object> {
        let Override { id, start, end, .. } = found;
        if let Some(message) = expressible::override_problem(found) {
            let message = format!(
                "the override {id} of rotation \"{}\" from {start} to {end}: {message}. It stays as it is in AWS and is shown in the schedule's status",
                rotation.name
            );
            self.made.problems.push(problem(&contact.alias, message));
            return None;
        }
        let place = Place {
            kind: "RotationOverride",
            namespace: schedule.namespace.clone(),
            name: names::override_name(&contact.alias, *start, id),
        };
        let people = found.members.iter();
        let people: Vec<Value> = people
            .map(|arn| self.reference(arn, &place, &contact.alias))
            .collect();
        let mut spec = self.spec();
        spec["scheduleRef"] = json!({"name": schedule.name});
        spec["rotation"] = json!(rotation.name);
        spec["contactRefs"] = json!(people);
        spec["startTime"] = json!(start.to_string());
        spec["endTime"] = json!(end.to_string());
        Some(managed(&place, &spec))
    }

    /// A reference by name, with the grant that it needs; by ARN to what has no manifest.
    fn reference(&mut self, arn: &str, from: &Place, subject: &str) -> Value {
        let Some(target) = self.places.get(arn) else {
            self.unmanaged = true;
            let why = match self.account.contacts.get(arn) {
                Some(_) => "has no manifest",
                None => {
                    "is not in this account and Region any more: AWS keeps the reference, which engages nobody"
                }
            };
            let message = format!(
                "{} {} refers to {arn} by its ARN, which {why}",
                from.kind, from.name
            );
            self.made.notes.push(problem(subject, message));
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

    /// The namespaces of the objects; that of the rule when there is nothing.
    fn used_namespaces(&self) -> BTreeSet<&str> {
        let used: BTreeSet<&str> = self.places.values().map(|p| p.namespace.as_str()).collect();
        if used.is_empty() {
            BTreeSet::from([self.other_namespace()])
        } else {
            used
        }
    }

    fn namespaces(&self) -> Vec<Object> {
        let object = |name: &str| {
            let mut content =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            self.protect(&mut content);
            Object {
                kind: "Namespace",
                namespace: None,
                name: name.to_owned(),
                content,
            }
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
        if !self.roles.is_empty() {
            spec["passRoleArns"] = json!(self.roles);
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

/// An object that stands for something in AWS.
fn managed(place: &Place, spec: &Value) -> Object {
    Object {
        kind: place.kind,
        namespace: Some(place.namespace.clone()),
        name: place.name.clone(),
        content: json!({
            "apiVersion": format!("{GROUP}/{VERSION}"), "kind": place.kind,
            "metadata": {"name": place.name, "namespace": place.namespace}, "spec": spec,
        }),
    }
}

/// The Secret that holds the addresses of a contact.
fn secret_name(contact: &str) -> String {
    format!("{contact}-addresses")
}

fn with_targets(duration: i32, targets: Vec<Value>) -> Value {
    let mut stage = json!({"durationMinutes": duration});
    if !targets.is_empty() {
        stage["targets"] = Value::Array(targets);
    }
    stage
}

#[cfg(test)]
mod tests;
