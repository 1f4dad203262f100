//! What the API server would refuse: the CRDs' schemas and rules, checked here. Pure. Messages name fields, never values.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, Validator};
use kube::core::cel::{self, CompiledSchema};
use serde_json::{Value, json};

use crate::api::crds;

/// The schemas and rules of all kinds.
pub struct Admission {
    kinds: BTreeMap<String, Kind>,
}

struct Kind {
    schema: Validator,
    rules: CompiledSchema,
    /// The schema as it is shipped.
    shipped: Value,
}

impl Admission {
    /// Of the CRDs that belong to this version. `None` = they cannot be compiled, which a test rules out.
    pub fn new() -> Option<Self> {
        let mut kinds = BTreeMap::new();
        for crd in crds() {
            let version = crd.spec.versions.into_iter().next()?;
            let schema = version.schema?.open_api_v3_schema?;
            let schema = serde_json::to_value(schema).ok()?;
            let rules = cel::compile_schema(&schema);
            let mut strict = schema.clone();
            // The status is the operator's.
            let fields = strict.get_mut("properties")?.as_object_mut()?;
            fields.remove("status");
            for (field, type_) in [
                ("apiVersion", "string"),
                ("kind", "string"),
                ("metadata", "object"),
            ] {
                fields.insert(field.to_owned(), json!({"type": type_}));
            }
            refuse_unknown_fields(&mut strict);
            let checked = jsonschema::options()
                .with_draft(Draft::Draft4)
                .should_validate_formats(true)
                .build(&strict)
                .ok()?;
            let kind = Kind {
                schema: checked,
                rules,
                shipped: schema,
            };
            kinds.insert(crd.spec.names.kind, kind);
        }
        Some(Self { kinds })
    }

    /// Whether there is such a kind.
    pub fn knows(&self, kind: &str) -> bool {
        self.kinds.contains_key(kind)
    }

    /// Why the API server would refuse `object` of `kind`, which stands there as `before`. The server checks rules only where the schema holds.
    pub fn problems(&self, kind: &str, object: &Value, before: Option<&Value>) -> Vec<String> {
        let Some(kind) = self.kinds.get(kind) else {
            return vec![];
        };
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        // An explicit null is dropped by the server.
        drop_nulls(&mut object);
        let mut problems: Vec<String> =
            kind.schema.iter_errors(&object).map(|e| said(&e)).collect();
        if problems.is_empty() {
            let before = before.map(|before| aligned(before, &object, &kind.shipped));
            let checked =
                cel::Validator::new().validate_compiled(&kind.rules, &object, before.as_ref());
            let broken = checked
                .err()
                .into_iter()
                .flat_map(cel::ValidationErrors::into_vec);
            problems.extend(broken.map(|error| {
                if error.field_path.is_empty() {
                    error.message
                } else {
                    format!("{}: {}", error.field_path, error.message)
                }
            }));
        }
        problems.sort();
        problems.dedup();
        problems
    }
}

/// A schema node that names its fields takes no others.
fn refuse_unknown_fields(node: &mut Value) {
    let Some(fields) = node.as_object_mut() else {
        return;
    };
    if let Some(Value::Object(named)) = fields.get_mut("properties") {
        named.values_mut().for_each(refuse_unknown_fields);
        fields
            .entry("additionalProperties")
            .or_insert(Value::Bool(false));
    }
    for part in ["items", "additionalProperties"] {
        if let Some(child) = fields.get_mut(part) {
            refuse_unknown_fields(child);
        }
    }
}

/// `before` with the items of each list that has keys where `after` has those of the same key: the server compares by key, the crate that
/// checks rules by place. What is new is compared with itself.
fn aligned(before: &Value, after: &Value, schema: &Value) -> Value {
    let keys = || -> Option<Vec<&str>> {
        let keys = schema.get("x-kubernetes-list-map-keys")?.as_array()?;
        keys.iter().map(Value::as_str).collect()
    };
    match (before, after) {
        (Value::Object(was), Value::Object(is)) => {
            let child = |name: &String, value: &Value| {
                let schema = schema.get("properties").and_then(|p| p.get(name));
                match (schema, is.get(name)) {
                    (Some(schema), Some(is)) => aligned(value, is, schema),
                    _ => value.clone(),
                }
            };
            let fields = was
                .iter()
                .map(|(name, value)| (name.clone(), child(name, value)));
            Value::Object(fields.collect())
        }
        (Value::Array(was), Value::Array(is)) => {
            let Some(keys) = keys() else {
                return before.clone();
            };
            let same = |a: &Value, b: &Value| keys.iter().all(|key| a.get(key) == b.get(key));
            let items = is.iter().map(|item| {
                let former = was.iter().find(|former| same(former, item));
                former.unwrap_or(item).clone()
            });
            Value::Array(items.collect())
        }
        _ => before.clone(),
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// `spec.channels[0].address: …`, without the value.
fn said(error: &jsonschema::ValidationError<'_>) -> String {
    let path = path(error.instance_path().as_str());
    let what = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let unexpected: Vec<String> = unexpected.iter().map(|f| format!("\"{f}\"")).collect();
            format!("there is no field {}", unexpected.join(", "))
        }
        ValidationErrorKind::Required { property } => {
            format!("{} is missing", property.as_str().unwrap_or("a field"))
        }
        ValidationErrorKind::Type {
            kind: TypeKind::Single(wanted),
        } => format!("must be of type {wanted}; text that looks like a number needs quotes"),
        ValidationErrorKind::Enum { options } => {
            let options: Vec<&str> = options
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            format!("must be one of {}", options.join(", "))
        }
        _ => error.masked_with("it").to_string(),
    };
    if path.is_empty() {
        what
    } else {
        format!("{path}: {what}")
    }
}

/// A JSON pointer as people write it.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part.bytes().all(|b| b.is_ascii_digit()) {
            let _ = write!(path, "[{part}]");
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part);
        }
    }
    path
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn contact(spec: &Value) -> Value {
        json!({"apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact", "metadata": {"name": "alice"}, "spec": spec})
    }

    fn problems(spec: &Value) -> Vec<String> {
        let admission = Admission::new().unwrap();
        admission.problems("Contact", &contact(spec), None)
    }

    #[test]
    fn every_kind_can_be_checked() {
        let admission = Admission::new().unwrap();
        for crd in crds() {
            assert!(admission.knows(&crd.spec.names.kind));
        }
        for kind in admission.kinds.values() {
            assert!(!kind.rules.has_errors());
        }
    }

    #[test]
    fn what_the_schema_refuses_is_named_and_not_quoted() {
        for (spec, said) in [
            (
                json!({"channels": [{"name": "m", "type": "SMS", "address": 15_005_550_199_i64}]}),
                "spec.channels[0].address: must be of type string",
            ),
            (
                json!({"channels": [{"name": "m", "type": "Pager", "address": "+15005550199"}]}),
                "spec.channels[0].type: must be one of",
            ),
            (
                json!({"chanels": [{"address": "+15005550199"}]}),
                "spec: there is no field \"chanels\"",
            ),
            (
                json!({"channels": [{"type": "SMS", "address": "+15005550199"}]}),
                "spec.channels[0]: name is missing",
            ),
            (
                json!({"channels": [{"name": "m", "type": "SMS", "address": "+1500555".repeat(100)}]}),
                "spec.channels[0].address: ",
            ),
        ] {
            let problems = problems(&spec).join("\n");
            assert!(problems.contains(said), "{problems}");
            assert!(
                !problems.contains("5005550") && !problems.contains("+1500"),
                "{problems}"
            );
        }
    }

    #[test]
    fn rules_are_checked_where_the_schema_holds() {
        let twice = json!({"channels": [{"name": "m", "type": "SMS"}]});
        let problems = problems(&twice).join("\n");
        assert!(problems.contains("address"), "{problems}");
    }

    #[test]
    fn what_leaves_a_list_is_not_taken_for_what_takes_its_place() {
        let mobile = json!({"name": "mobile", "type": "SMS", "address": "+15005550199"});
        let mail = json!({"name": "mail", "type": "Email", "address": "alice@example.com"});
        let both = contact(&json!({"channels": [mobile, mail]}));
        let admission = Admission::new().unwrap();
        let problems = |channels: Value| {
            let after = contact(&json!({"channels": channels}));
            admission.problems("Contact", &after, Some(&both))
        };
        for fine in [json!([mail]), json!([mail, mobile]), json!([])] {
            assert_eq!(problems(fine), Vec::<String>::new());
        }
        let changed = json!([{"name": "mobile", "type": "Voice", "address": "+15005550199"}, mail]);
        assert!(problems(changed).join("").contains("type of a channel"));
    }

    #[test]
    fn the_tables_of_cases_are_judged_as_the_server_judges_them() {
        let admission = Admission::new().unwrap();
        let mut wrong = vec![];
        for rule in crate::api::cases::rules() {
            for case in rule.cases.iter().filter(|case| !case.server_only) {
                let problems = admission.problems(rule.kind, &case.object, case.before.as_ref());
                if problems.is_empty() != case.accepted {
                    wrong.push(format!("{} {}: {problems:?}", rule.kind, case.what));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_pointer_is_written_as_people_write_it() {
        assert_eq!(path("/spec/channels/0/address"), "spec.channels[0].address");
        assert_eq!(path("/spec/tags/a~1b"), "spec.tags.a/b");
        assert_eq!(path(""), "");
    }
}
