//! What must hold at the end of every test: conditions, privacy, no leak in AWS, and how much was written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::aws;

/// A condition of an object's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Type.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Reason.
    pub reason: String,
    /// Message.
    pub message: String,
    /// Generation it speaks of.
    pub observed_generation: Option<i64>,
    /// When the status last changed.
    pub last_transition: Option<Timestamp>,
}

impl Condition {
    /// Whether its status is True.
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}={}/{}: {}",
            self.kind, self.status, self.reason, self.message
        )
    }
}

/// The conditions of an object.
pub fn conditions(object: &DynamicObject) -> Vec<Condition> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = object.data["status"]["conditions"].as_array();
    list.into_iter()
        .flatten()
        .map(|condition| Condition {
            kind: text(&condition["type"]),
            status: text(&condition["status"]),
            reason: text(&condition["reason"]),
            message: text(&condition["message"]),
            observed_generation: condition["observedGeneration"].as_i64(),
            last_transition: condition["lastTransitionTime"]
                .as_str()
                .and_then(|time| time.parse().ok()),
        })
        .collect()
}

/// A condition of an object.
pub fn condition(object: &DynamicObject, kind: &str) -> Option<Condition> {
    conditions(object)
        .into_iter()
        .find(|condition| condition.kind == kind)
}

/// Whether the operator has judged the object's present generation, and `Ready` is True: what `kubectl wait` and kstatus see.
pub fn is_ready(object: &DynamicObject) -> bool {
    let observed = object.data["status"]["observedGeneration"].as_i64();
    observed == object.metadata.generation
        && condition(object, "Ready").is_some_and(|ready| ready.is_true())
}

/// What contradicts the rules that Flux and kstatus read status by.
pub fn condition_violations(object: &DynamicObject) -> Vec<String> {
    let conditions = conditions(object);
    let find = |kind: &str| conditions.iter().find(|condition| condition.kind == kind);
    let mut violations = Vec::new();
    let generation = object.metadata.generation.unwrap_or(0);
    let observed = object.data["status"]["observedGeneration"].as_i64();
    if observed.is_some_and(|observed| observed > generation) {
        violations.push(format!(
            "observedGeneration {observed:?} is above generation {generation}"
        ));
    }
    let judged = observed.is_some_and(|observed| observed >= 0) || !conditions.is_empty();
    match find("Ready") {
        None if judged && find("Suspended").is_none() => {
            violations.push("Ready is missing".to_owned());
        }
        Some(ready) if ready.is_true() => {
            for kind in ["Reconciling", "Stalled"] {
                if find(kind).is_some() {
                    violations.push(format!("Ready is True beside {kind}"));
                }
            }
        }
        _ => {}
    }
    if find("Reconciling").is_some() && find("Stalled").is_some() {
        violations.push("Reconciling and Stalled together".to_owned());
    }
    for kind in ["Reconciling", "Stalled"] {
        if find(kind).is_some_and(|condition| !condition.is_true()) {
            violations.push(format!("{kind} is present and not True"));
        }
    }
    for condition in &conditions {
        if condition.reason.is_empty()
            || !condition
                .reason
                .chars()
                .all(|character| character.is_ascii_alphanumeric())
        {
            violations.push(format!(
                "{} has the reason {:?}",
                condition.kind, condition.reason
            ));
        }
        if condition
            .observed_generation
            .is_some_and(|observed| observed > generation)
        {
            violations.push(format!(
                "{} has an observedGeneration above generation {generation}",
                condition.kind
            ));
        }
        if condition.last_transition.is_none() {
            violations.push(format!("{} has no lastTransitionTime", condition.kind));
        }
    }
    violations
}

/// The conditions by which tools outside judge an object.
const READ_BY_TOOLS: [&str; 3] = ["Ready", "Reconciling", "Stalled"];

/// Keeps one object of each state that is seen in a test run, in the directory that `RECORD_STATES` names: what tools outside make of an
/// object's health is tested with them. Nothing stands in them that no such tool looks at.
pub fn record_state(object: &DynamicObject) -> Result<()> {
    let Some(directory) = std::env::var_os("RECORD_STATES").map(PathBuf::from) else {
        return Ok(());
    };
    let types = object.types.clone().unwrap_or_default();
    let status = &object.data["status"];
    let latest = status["observedGeneration"].as_i64() == object.metadata.generation;
    let mut state = vec![
        types.kind.clone(),
        status["phase"].as_str().unwrap_or_default().to_owned(),
        if latest { "" } else { "outdated" }.to_owned(),
    ];
    if object.data["spec"]["suspend"] == true {
        state.push("suspended".to_owned());
    }
    if object.metadata.deletion_timestamp.is_some() {
        state.push("deleting".to_owned());
    }
    for kind in READ_BY_TOOLS {
        if let Some(found) = condition(object, kind) {
            state.push(format!("{kind}-{}-{}", found.status, found.reason));
        }
    }
    state.retain(|word| !word.is_empty());
    let path = directory.join(format!("{}.json", state.join(".")));
    if path.exists() {
        return Ok(());
    }
    let metadata = &object.metadata;
    let mut kept = serde_json::json!({
        "apiVersion": types.api_version,
        "kind": types.kind,
        "metadata": {"name": "recorded", "generation": metadata.generation},
        "spec": {},
        "status": {},
    });
    if let Some(deleted) = &metadata.deletion_timestamp {
        kept["metadata"]["deletionTimestamp"] = serde_json::json!(deleted);
        kept["metadata"]["finalizers"] = serde_json::json!(metadata.finalizers);
    }
    if metadata.namespace.is_some() {
        kept["metadata"]["namespace"] = "recorded".into();
    }
    if object.data["spec"]["suspend"] == true {
        kept["spec"]["suspend"] = true.into();
    }
    for field in ["observedGeneration", "phase"] {
        if !status[field].is_null() {
            kept["status"][field] = status[field].clone();
        }
    }
    // Messages name what is in a test's world.
    let conditions: Vec<Value> = conditions(object)
        .into_iter()
        .filter(|found| READ_BY_TOOLS.contains(&found.kind.as_str()))
        .map(|found| {
            serde_json::json!({"type": found.kind, "status": found.status, "reason": found.reason, "message": "recorded"})
        })
        .collect();
    if !conditions.is_empty() {
        kept["status"]["conditions"] = conditions.into();
    }
    std::fs::create_dir_all(&directory)?;
    std::fs::write(path, format!("{kept}\n"))?;
    Ok(())
}

/// What contradicts the rules from one version of an object to the next.
pub fn history_violations(versions: &[DynamicObject]) -> Vec<String> {
    let mut violations = Vec::new();
    for pair in versions.windows(2) {
        let (before, after) = (conditions(&pair[0]), conditions(&pair[1]));
        for old in &before {
            let Some(new) = after.iter().find(|new| new.kind == old.kind) else {
                continue;
            };
            let named = || format!("{old} -> {new}");
            if new.last_transition < old.last_transition {
                violations.push(format!("lastTransitionTime went back: {}", named()));
            }
            if new.status == old.status && new.last_transition != old.last_transition {
                violations.push(format!(
                    "lastTransitionTime changed without the status: {}",
                    named()
                ));
            }
        }
        let observed = |object: &DynamicObject| {
            object.data["status"]["observedGeneration"]
                .as_i64()
                .unwrap_or(-1)
        };
        if observed(&pair[1]) < observed(&pair[0]) {
            violations.push(format!(
                "observedGeneration went back from {} to {}",
                observed(&pair[0]),
                observed(&pair[1])
            ));
        }
    }
    violations
}

/// How often `Ready` left True while the spec stayed the same.
pub fn ready_flaps(versions: &[DynamicObject]) -> usize {
    let ready =
        |object: &DynamicObject| condition(object, "Ready").is_some_and(|ready| ready.is_true());
    versions
        .windows(2)
        .filter(|pair| {
            ready(&pair[0])
                && !ready(&pair[1])
                && pair[0].metadata.generation == pair[1].metadata.generation
        })
        .filter(|pair| pair[1].metadata.deletion_timestamp.is_none())
        .count()
}

/// Texts that may appear in what users write and nowhere in what the operator writes.
#[derive(Clone, Default)]
pub struct Sensitive {
    texts: BTreeSet<String>,
}

impl std::fmt::Debug for Sensitive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Sensitive({})", self.texts.len())
    }
}

impl Sensitive {
    /// Adds a text; a phone number also without its plus sign, and all of them in base64. What is shorter than 6 characters would be found by chance.
    pub fn add(&mut self, text: &str) {
        let text = text.trim();
        for text in [text, text.trim_start_matches('+')] {
            if text.len() >= 6 {
                self.texts.insert(text.to_lowercase());
                self.texts
                    .insert(STANDARD.encode(text).trim_end_matches('=').to_lowercase());
            }
        }
    }

    /// Adds the addresses in an object of ours and the values in a Secret.
    pub fn add_from(&mut self, object: &Value) {
        if object["kind"] == "Secret" {
            for value in object["stringData"]
                .as_object()
                .into_iter()
                .flat_map(|data| data.values())
                .filter_map(Value::as_str)
            {
                self.add(value);
            }
            for value in object["data"]
                .as_object()
                .into_iter()
                .flat_map(|data| data.values())
                .filter_map(Value::as_str)
            {
                if let Some(text) = STANDARD
                    .decode(value)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                {
                    self.add(&text);
                }
            }
            return;
        }
        if object["kind"] == "AlternateContact" {
            for field in ["name", "title"] {
                self.add(object["spec"][field].as_str().unwrap_or_default());
            }
        }
        self.add_addresses(&object["spec"]);
    }

    fn add_addresses(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text)
                            if matches!(name.as_str(), "address" | "phone" | "email") =>
                        {
                            self.add(text);
                        }
                        _ => self.add_addresses(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add_addresses(item)),
            _ => {}
        }
    }

    /// Those that occur in a text. Nearly always none, so that the lines need not be looked at; whole suites are gone through
    /// in a debug build, one table for all of them makes that bearable.
    fn suspects(&self, text: &[u8]) -> Vec<&String> {
        let pair = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
        let mut begins = vec![false; 1 << 16];
        for sensitive in &self.texts {
            begins[pair(sensitive.as_bytes())] = true;
        }
        let mut found = BTreeSet::new();
        for (place, bytes) in text.windows(6).enumerate() {
            if begins[pair(bytes)] {
                let rest = &text[place..];
                found.extend(
                    self.texts
                        .iter()
                        .filter(|sensitive| rest.starts_with(sensitive.as_bytes())),
                );
            }
        }
        found.into_iter().collect()
    }

    /// Where `text`, which comes from `place`, holds any of them: the line, with the text itself left out.
    pub fn violations(&self, place: &str, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        let mut violations = Vec::new();
        let suspects = self.suspects(text.as_bytes());
        if suspects.is_empty() {
            return violations;
        }
        for (number, line) in text.lines().enumerate() {
            for sensitive in &suspects {
                if occurs(line, sensitive) {
                    let shown: String = line
                        .replace(sensitive.as_str(), "<SENSITIVE>")
                        .chars()
                        .take(400)
                        .collect();
                    violations.push(format!("{place}, line {}: {shown}", number + 1));
                }
            }
        }
        violations
    }
}

/// Short numbers count only when they stand alone: a code may well be part of a longer number by chance.
fn occurs(line: &str, text: &str) -> bool {
    let number = text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    line.match_indices(text).any(|(start, found)| {
        let before = line[..start].chars().next_back();
        let after = line[start + found.len()..].chars().next();
        !number
            || ![before, after]
                .into_iter()
                .flatten()
                .any(|neighbour| neighbour.is_ascii_alphanumeric())
    })
}

/// An object as far as the operator wrote it: the spec and what the API server notes about field owners left out.
pub fn written_part(object: &DynamicObject) -> String {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("spec");
    }
    if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    value.to_string()
}

/// What AWS holds and no object stands for, what objects claim and AWS does not hold, and what exists twice.
pub fn aws_violations(
    owner: &str,
    held: &[aws::Contact],
    objects: &[DynamicObject],
) -> Vec<String> {
    let mut violations = Vec::new();
    let by_arn: BTreeMap<&str, &DynamicObject> = objects
        .iter()
        .filter_map(|object| Some((object.data["status"]["arn"].as_str()?, object)))
        .collect();
    for contact in held {
        let ours = contact
            .tags
            .get("incident-operator/owner")
            .is_some_and(|tag| tag == owner);
        let object = by_arn.get(contact.arn.as_str());
        if ours && object.is_none() {
            violations.push(format!(
                "AWS holds {} for {:?}, and no object stands for it",
                contact.arn,
                contact.tags.get("incident-operator/object")
            ));
        }
        let mut addresses = BTreeSet::new();
        for channel in &contact.channels {
            if !addresses.insert((&channel.kind, channel.address.to_lowercase())) {
                violations.push(format!(
                    "{} has two channels of one type and address: {}",
                    contact.arn, channel.arn
                ));
            }
            let Some(object) = object.filter(|_| ours) else {
                continue;
            };
            let status = &object.data["status"];
            let known = [&status["channels"], &status["unmanagedChannels"]]
                .into_iter()
                .filter_map(Value::as_array)
                .flatten()
                .any(|known| known["arn"] == channel.arn.as_str());
            if !known {
                violations.push(format!(
                    "{} is not in the status of {}",
                    channel.arn,
                    object.name_any()
                ));
            }
        }
    }
    for (arn, object) in &by_arn {
        let contact_like = arn.contains(":ssm-contacts:") && arn.contains(":contact/");
        if contact_like
            && object
                .types
                .as_ref()
                .is_some_and(|types| types.kind == "Contact")
            && !held.iter().any(|contact| contact.arn == *arn)
        {
            violations.push(format!(
                "{} says it is {arn}, which AWS does not hold",
                object.name_any()
            ));
        }
    }
    violations
}

/// Rotations that are ours in AWS and that no schedule's status shows, and those of one schedule and name that exist twice.
pub fn rotation_violations(
    owner: &str,
    held: &[aws::Rotation],
    objects: &[DynamicObject],
) -> Vec<String> {
    let mut violations = Vec::new();
    let mut names = BTreeSet::new();
    for rotation in held {
        let tag = |key: &str| rotation.tags.get(key).map_or("", String::as_str);
        if tag("incident-operator/owner") != owner {
            continue;
        }
        let whose = tag("incident-operator/object");
        if !names.insert((whose, &rotation.name)) {
            violations.push(format!("{whose} has two rotations {:?}", rotation.name));
        }
        let known = objects.iter().any(|object| {
            let rotations = object.data["status"]["rotations"].as_array();
            let mut arns = rotations.into_iter().flatten().map(|r| &r["arn"]);
            arns.any(|arn| arn == rotation.arn.as_str())
        });
        if !known {
            violations.push(format!(
                "AWS holds {} for {whose}, and no object's status shows it",
                rotation.arn
            ));
        }
    }
    violations
}

/// Response plans that are ours in AWS and that no object's status shows. `account` = what the simulator holds of it.
pub fn response_plan_violations(
    owner: &str,
    account: &serde_json::Value,
    objects: &[DynamicObject],
) -> Vec<String> {
    let plans = account["incidentManager"]["plans"].as_object();
    let mut violations = Vec::new();
    for plan in plans.into_iter().flat_map(serde_json::Map::values) {
        let (arn, tags) = (&plan["arn"], &plan["tags"]);
        let known = objects.iter().any(|o| o.data["status"]["arn"] == *arn);
        if tags["incident-operator/owner"] == owner && !known {
            violations.push(format!(
                "AWS holds {arn} for {}, and no object's status shows it",
                tags["incident-operator/object"]
            ));
        }
    }
    violations
}

/// The API server's audit log.
#[derive(Clone, Debug)]
pub struct AuditLog {
    path: PathBuf,
}

/// A request that changed something in the API server, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// Resource, with `/status` and the like.
    pub resource: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Status of the answer.
    pub code: u64,
}

impl AuditLog {
    /// The log at a path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The place where the log ends now, for [`Self::writes`].
    pub fn mark(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |data| data.len())
    }

    /// What a user wrote since a mark, leases left out.
    pub fn writes(&self, user: &str, since: u64) -> Result<Vec<Write>> {
        let mut writes = Vec::new();
        for event in self.events(user, since)? {
            let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let object = &event["objectRef"];
            let verb = field(&event["verb"]);
            let changes = matches!(
                verb.as_str(),
                "create" | "update" | "patch" | "delete" | "deletecollection"
            );
            if !changes || object["resource"] == "leases" {
                continue;
            }
            writes.push(Write {
                verb,
                resource: resource_of(object),
                namespace: field(&object["namespace"]),
                name: field(&object["name"]),
                code: event["responseStatus"]["code"].as_u64().unwrap_or(0),
            });
        }
        Ok(writes)
    }

    /// What a user has asked for since a mark: group, resource and verb, and whether it was always granted.
    pub fn uses(&self, user: &str, since: u64) -> Result<BTreeMap<(String, String, String), bool>> {
        let mut asked = BTreeMap::new();
        for event in self.events(user, since)? {
            let object = &event["objectRef"];
            let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            if object.is_null() {
                continue;
            }
            let granted = event["responseStatus"]["code"] != 403;
            let key = (
                field(&object["apiGroup"]),
                resource_of(object),
                field(&event["verb"]),
            );
            *asked.entry(key).or_insert(true) &= granted;
        }
        Ok(asked)
    }

    fn events(&self, user: &str, since: u64) -> Result<Vec<Value>> {
        use std::io::{Read as _, Seek as _};
        let mut file = std::fs::File::open(&self.path)
            .with_context(|| format!("open {}", self.path.display()))?;
        file.seek(std::io::SeekFrom::Start(since))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let named = format!("\"{user}\"");
        let mut events = Vec::new();
        // A line that is still being written belongs to the next reading.
        for line in text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n') && line.contains(&named))
        {
            let event: Value = serde_json::from_str(line).context("a line of the audit log")?;
            if event["user"]["username"] == user && event["stage"] == "ResponseComplete" {
                events.push(event);
            }
        }
        Ok(events)
    }
}

/// The resource of an audit event's object, with `/status` and the like.
fn resource_of(object: &Value) -> String {
    let resource = object["resource"].as_str().unwrap_or_default();
    match object["subresource"].as_str() {
        Some(part) => format!("{resource}/{part}"),
        None => resource.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(status: &Value) -> DynamicObject {
        let value = json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact",
            "metadata": {"name": "alice", "generation": 2}, "spec": {}, "status": status,
        });
        serde_json::from_value(value).expect("an object")
    }

    fn condition_of(kind: &str, status: &str, time: &str) -> Value {
        json!({"type": kind, "status": status, "reason": "Because", "message": "", "lastTransitionTime": time})
    }

    const T1: &str = "2026-01-01T00:00:01Z";
    const T2: &str = "2026-01-01T00:00:02Z";

    #[test]
    fn a_sound_status_has_no_violation() {
        let sound = object(
            &json!({"observedGeneration": 2, "conditions": [condition_of("Ready", "True", T1)]}),
        );
        assert_eq!(condition_violations(&sound), Vec::<String>::new());
        assert!(is_ready(&sound));
    }

    #[test]
    fn each_contradiction_is_found() {
        let cases = [
            json!({"observedGeneration": 3, "conditions": [condition_of("Ready", "True", T1)]}),
            json!({"observedGeneration": 2, "conditions": [condition_of("Synced", "True", T1)]}),
            json!({"observedGeneration": 2, "conditions": [condition_of("Ready", "True", T1), condition_of("Stalled", "True", T1)]}),
            json!({"observedGeneration": 2, "conditions": [condition_of("Ready", "False", T1), condition_of("Stalled", "True", T1), condition_of("Reconciling", "True", T1)]}),
            json!({"observedGeneration": 2, "conditions": [condition_of("Ready", "False", T1), condition_of("Stalled", "False", T1)]}),
            json!({"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True", "reason": "", "lastTransitionTime": T1}]}),
        ];
        for case in cases {
            assert!(!condition_violations(&object(&case)).is_empty(), "{case}");
        }
    }

    #[test]
    fn the_transition_time_moves_with_the_status_only() {
        let version = |status: &str, time: &str| {
            object(
                &json!({"observedGeneration": 2, "conditions": [condition_of("Ready", status, time)]}),
            )
        };
        assert!(history_violations(&[version("True", T1), version("False", T2)]).is_empty());
        assert_eq!(
            history_violations(&[version("True", T2), version("False", T1)]).len(),
            1
        );
        assert_eq!(
            history_violations(&[version("True", T1), version("True", T2)]).len(),
            1
        );
        assert_eq!(
            ready_flaps(&[
                version("True", T1),
                version("False", T2),
                version("True", T2)
            ]),
            1
        );
    }

    #[test]
    fn addresses_codes_and_secret_values_are_found_in_any_dress() {
        let mut sensitive = Sensitive::default();
        sensitive.add_from(&json!({"kind": "Contact", "spec": {"channels": [{"address": "+15005550199"}, {"address": "Alice@example.com"}]}}));
        sensitive.add_from(&json!({"kind": "Secret", "stringData": {"code": "483920"}}));
        for leak in [
            "to +15005550199",
            "to 15005550199!",
            "alice@EXAMPLE.com",
            "code=483920",
            "KzE1MDA1NTUwMTk5",
        ] {
            assert_ne!(
                sensitive.violations("log", leak),
                Vec::<String>::new(),
                "{leak}"
            );
        }
        for harmless in [
            "1483920",
            "0x483920ab",
            "alice",
            "2026-01-01T00:00:00.483920Z",
        ] {
            assert_eq!(
                sensitive.violations("log", harmless),
                Vec::<String>::new(),
                "{harmless}"
            );
        }
    }
}
