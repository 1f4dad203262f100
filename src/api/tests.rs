//! The CRDs without an API server: CEL rules and what `kubectl explain` and `kubectl get` need.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use kube::core::cel::{ValidationErrors, Validator, compile_schema};
use serde_json::{Value, json};

use super::cases::{Rule, object, rules};
use super::conditions::{ConditionType, Reason};
use super::{GROUP, ProviderConfig, crds};
use crate::api::{
    AccessGrant, AlternateContact, ChannelActivation, Contact, EscalationPlan, Incident,
    OnCallSchedule, ReplicationSet, ResponsePlan, RotationOverride, TestPage, VpcEndpoint,
};

/// The schema of a kind, as it is shipped.
fn schema(kind: &str) -> Value {
    let crd = crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == kind)
        .unwrap_or_else(|| panic!("no CRD of {kind}"));
    let version = crd.spec.versions.into_iter().next().unwrap();
    serde_json::to_value(version.schema.unwrap().open_api_v3_schema.unwrap()).unwrap()
}

/// Every schema node below one, with its path as the table writes it.
fn walk(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, child) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        walk(child, &path, visit);
    }
    for (part, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[part].is_object() {
            walk(&schema[part], &format!("{path}{mark}"), visit);
        }
    }
}

/// Kind, place and message of every CEL rule that is shipped.
fn shipped() -> BTreeSet<(String, String, String)> {
    let mut found = BTreeSet::new();
    for crd in crds() {
        let kind = crd.spec.names.kind;
        walk(&schema(&kind), "", &mut |path, node| {
            for rule in node["x-kubernetes-validations"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let message = rule["message"].as_str();
                let message =
                    message.unwrap_or_else(|| panic!("{kind} {path}: a rule without message"));
                found.insert((kind.clone(), path.to_owned(), message.to_owned()));
            }
        });
    }
    found
}

#[test]
fn every_rule_is_in_the_table_with_a_case_of_each_kind() {
    let described: BTreeSet<_> = rules()
        .iter()
        .map(|rule| {
            (
                rule.kind.to_owned(),
                rule.at.clone(),
                rule.message.to_owned(),
            )
        })
        .collect();
    let shipped = shipped();
    let missing: Vec<_> = shipped.difference(&described).collect();
    let stale: Vec<_> = described.difference(&shipped).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "rules without cases: {missing:#?}\ncases without a rule: {stale:#?}"
    );
    for Rule {
        kind,
        at,
        message,
        cases,
    } in rules()
    {
        for accepted in [true, false] {
            assert!(
                cases.iter().any(|case| case.accepted == accepted),
                "{kind} {at} ({message}): no case with accepted = {accepted}"
            );
        }
    }
}

#[test]
fn every_rule_lets_through_what_it_should_and_refuses_the_rest() {
    let compiled: BTreeMap<String, _> = crds()
        .into_iter()
        .map(|crd| crd.spec.names.kind)
        .map(|kind| (kind.clone(), compile_schema(&schema(&kind))))
        .collect();
    let mut wrong = vec![];
    for rule in rules() {
        for case in rule.cases.iter().filter(|case| !case.server_only) {
            let result = Validator::new().validate_compiled(
                &compiled[rule.kind],
                &case.object,
                case.before.as_ref(),
            );
            let messages: Vec<String> = result
                .err()
                .into_iter()
                .flat_map(ValidationErrors::into_vec)
                .map(|error| error.message)
                .collect();
            // A refused case breaks this rule and no other, so that it is this rule that is tested.
            let expected: &[&str] = if case.accepted { &[] } else { &[rule.message] };
            if messages != expected {
                wrong.push(format!(
                    "{} {} ({}), {}: {messages:?}",
                    rule.kind, rule.at, rule.message, case.what
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A rule on a scalar makes the API server print the value, and a message that says what is wrong with a field names it.
#[test]
fn no_rule_stands_on_a_scalar_and_none_quotes_a_value() {
    for crd in crds() {
        let kind = crd.spec.names.kind;
        walk(&schema(&kind), "", &mut |path, node| {
            let Some(rules) = node["x-kubernetes-validations"].as_array() else {
                return;
            };
            assert!(
                matches!(node["type"].as_str(), Some("object" | "array")),
                "{kind} {path}: the API server prints the value of a scalar that breaks a rule"
            );
            for rule in rules {
                assert!(
                    rule.get("messageExpression").is_none(),
                    "{kind} {path}: a message that is computed may hold values"
                );
            }
        });
    }
}

/// What the API server itself checks prints the value too: patterns and enums are not for what may be an address.
#[test]
fn no_address_is_checked_by_what_prints_it() {
    walk(&schema("Contact"), "", &mut |path, node| {
        assert!(
            !path.starts_with("spec") || node.get("pattern").is_none(),
            "{path} has a pattern: its message prints the value"
        );
        if path.ends_with(".address") {
            for word in ["pattern", "enum", "format", "const"] {
                assert!(node.get(word).is_none(), "{path} has {word}");
            }
        }
    });
}

#[test]
fn every_field_of_every_kind_is_explained() {
    let mut silent = vec![];
    for crd in crds() {
        let kind = crd.spec.names.kind;
        walk(&schema(&kind), "", &mut |path, node| {
            let values = path.ends_with("[]") || path.ends_with("{}");
            let description = node["description"].as_str().unwrap_or_default().trim();
            if !values && description.len() < 5 {
                silent.push(format!("{kind} {path}"));
            }
        });
    }
    assert!(silent.is_empty(), "without description: {silent:#?}");
}

/// Argo CD would show a difference for ever, and Flux would write on every pass.
#[test]
fn nothing_in_a_spec_has_a_default_and_what_is_absent_stays_absent() {
    for crd in crds() {
        let kind = crd.spec.names.kind;
        walk(&schema(&kind), "", &mut |path, node| {
            if path == "status" {
                assert_eq!(node["default"], json!({"observedGeneration": -1}), "{kind}");
                return;
            }
            assert!(node.get("default").is_none(), "{kind} {path} has a default");
            assert!(node.get("nullable").is_none(), "{kind} {path} is nullable");
            // A policy is a document of IAM's, which has its own grammar.
            let document = kind == "VpcEndpoint" && path == "spec.policy";
            assert!(
                document || node.get("x-kubernetes-preserve-unknown-fields").is_none(),
                "{kind} {path} takes anything"
            );
        });
    }
}

/// CEL that runs over a list or map needs to know how large it may be, and so does the reader.
#[test]
fn every_list_map_and_text_of_a_spec_is_bounded() {
    let mut unbounded = vec![];
    for crd in crds() {
        let kind = crd.spec.names.kind;
        walk(&schema(&kind), "", &mut |path, node| {
            if !path.starts_with("spec") {
                return;
            }
            let bound = match node["type"].as_str() {
                Some("array") => "maxItems",
                Some("string") if node.get("enum").is_none() && node["format"] != "date-time" => {
                    "maxLength"
                }
                Some("object") if node["additionalProperties"].is_object() => "maxProperties",
                _ => return,
            };
            if node.get(bound).is_none() {
                unbounded.push(format!("{kind} {path}: {bound}"));
            }
        });
    }
    assert!(unbounded.is_empty(), "without bound: {unbounded:#?}");
}

/// Server-side apply merges a list only when it knows how.
#[test]
fn every_list_says_how_it_is_merged() {
    for crd in crds() {
        let kind = crd.spec.names.kind;
        walk(&schema(&kind), "", &mut |path, node| {
            if node["type"] == "array" {
                let list = node["x-kubernetes-list-type"].as_str();
                assert!(list.is_some(), "{kind} {path}: no x-kubernetes-list-type");
                let required = node["items"]["required"].as_array();
                let keyed = required.is_some_and(|fields| fields.contains(&json!("name")));
                assert!(
                    !(keyed && path.starts_with("spec")) || list == Some("map"),
                    "{kind} {path}: its items have names, so it is a map"
                );
            }
        });
    }
}

#[test]
fn every_kind_has_a_short_name_the_category_columns_and_a_status() {
    let mut short_names = BTreeSet::new();
    for crd in crds() {
        let names = &crd.spec.names;
        let kind = &names.kind;
        assert_eq!(crd.spec.group, GROUP);
        assert_eq!(
            names.categories.as_deref(),
            Some(["incident-manager".to_owned()].as_slice()),
            "{kind}"
        );
        let short = names.short_names.clone().unwrap_or_default();
        assert_eq!(short.len(), 1, "{kind}: {short:?}");
        assert!(
            short_names.insert(short[0].clone()),
            "{} is used twice",
            short[0]
        );
        let version = &crd.spec.versions[0];
        // Nobody works on it: it is read by those who resolve references.
        let passive = kind == "AccessGrant";
        let subresources = version.subresources.as_ref();
        let reports = subresources.is_some_and(|s| s.status.is_some());
        assert_eq!(reports, !passive, "{kind}");
        let columns = version
            .additional_printer_columns
            .clone()
            .unwrap_or_default();
        let column_names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        assert!(
            column_names.contains(&"Ready") != passive && column_names.last() == Some(&"Age"),
            "{kind}: {column_names:?}"
        );
        let schema = schema(kind);
        for column in &columns {
            let path = &column.json_path;
            assert!(
                !path.contains("[*]"),
                "{kind} {path}: only the first match is printed"
            );
            assert!(
                column.type_ != "date" || path == ".metadata.creationTimestamp",
                "{kind} {path}: a date in the future prints <invalid>"
            );
            assert!(points_somewhere(&schema, path), "{kind} {path} is no field");
        }
    }
}

/// Whether a JSONPath of a printer column leads to a field of the schema.
fn points_somewhere(schema: &Value, path: &str) -> bool {
    if path.starts_with(".metadata.") {
        return true;
    }
    let path = path.split("[?").next().unwrap_or_default();
    let mut node = schema;
    for field in path.trim_start_matches('.').split('.') {
        node = &node["properties"][field];
    }
    node.is_object()
}

#[test]
fn the_least_objects_and_the_examples_of_the_table_are_read_back_as_they_are() {
    for rule in rules() {
        for case in rule.cases.iter().filter(|case| case.accepted) {
            let sent = &case.object;
            let read = match rule.kind {
                "Contact" => serde_json::from_value::<Contact>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "ChannelActivation" => serde_json::from_value::<ChannelActivation>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "AccessGrant" => serde_json::from_value::<AccessGrant>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "OnCallSchedule" => serde_json::from_value::<OnCallSchedule>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "RotationOverride" => serde_json::from_value::<RotationOverride>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "ReplicationSet" => serde_json::from_value::<ReplicationSet>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "AlternateContact" => serde_json::from_value::<AlternateContact>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "Incident" => serde_json::from_value::<Incident>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "VpcEndpoint" => serde_json::from_value::<VpcEndpoint>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "TestPage" => serde_json::from_value::<TestPage>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "ResponsePlan" => serde_json::from_value::<ResponsePlan>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                "EscalationPlan" => serde_json::from_value::<EscalationPlan>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
                _ => serde_json::from_value::<ProviderConfig>(sent.clone())
                    .map(|read| serde_json::to_value(read.spec)),
            };
            let read = read
                .unwrap_or_else(|error| {
                    panic!("{} {}: {error}", rule.kind, case.what);
                })
                .unwrap();
            // serde writes 1.0 where the manifest says 1.
            assert_eq!(
                comparable(&read),
                comparable(&sent["spec"]),
                "{} {}",
                rule.kind,
                case.what
            );
        }
    }
}

fn comparable(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        // The same moment, told in UTC.
        Value::String(text) => match text.parse::<jiff::Timestamp>() {
            Ok(at) => json!(at.to_string()),
            Err(_) => value.clone(),
        },
        Value::Array(items) => items.iter().map(comparable).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), comparable(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// The types' own validation, as kube derives it, judges like the schema that is shipped.
#[test]
fn a_typed_object_is_judged_like_its_manifest() {
    let contact =
        |patch: &Value| -> Contact { serde_json::from_value(object("Contact", patch)).unwrap() };
    contact(&json!({})).validate_cel().unwrap();
    let refused = contact(&json!({"alias": "Alice"}))
        .validate_cel()
        .unwrap_err();
    assert!(
        refused[0].message.starts_with("alias has 1 to 255"),
        "{refused}"
    );
    let before = contact(&json!({"alias": "alice"}));
    let refused = contact(&json!({"alias": "bob"}))
        .validate_cel_update(&before)
        .unwrap_err();
    assert!(
        refused[0].message.starts_with("spec.alias cannot be"),
        "{refused}"
    );
}

#[test]
fn every_reason_and_condition_type_is_a_word_and_explained() {
    let mut names = BTreeSet::new();
    for reason in Reason::ALL {
        let name = reason.as_str();
        assert!(names.insert(name), "{name} is there twice");
        assert!(is_camel_case(name), "{name}");
        let description = reason.description();
        assert!(
            description.len() > 10 && description.ends_with('.'),
            "{name}: {description:?}"
        );
    }
    let mut names = BTreeSet::new();
    for kind in ConditionType::ALL {
        let name = kind.as_str();
        assert!(names.insert(name) && is_camel_case(name), "{name}");
        let description = kind.description();
        assert!(
            description.len() > 10 && description.ends_with('.'),
            "{name}: {description:?}"
        );
    }
}

/// What the API conventions ask of a reason: it is matched on by tools.
fn is_camel_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric())
}
