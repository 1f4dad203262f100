//! Constraints of the model, and the sentence that lists the violated ones.

use serde_json::Value;

use super::shape::{Shape, Structure, TextRules};

/// One violated constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the member, for example `plan.stages.1.member.durationInMinutes`.
    pub path: String,
    /// The value as the message prints it; none for a missing one.
    pub value: Option<String>,
    /// What it must be.
    pub constraint: String,
}

/// Every violated constraint of `input`, in the order of the model.
pub fn check(structure: &Structure, input: &Value) -> Vec<Violation> {
    let mut violations = Vec::new();
    check_structure(structure, input, "", &mut violations);
    violations
}

/// The message AWS gives for these violations.
pub fn sentence(violations: &[Violation]) -> String {
    let details: Vec<String> = violations
        .iter()
        .map(|violation| {
            let value = violation
                .value
                .as_ref()
                .map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
            format!(
                "Value {value} at '{}' failed to satisfy constraint: {}",
                violation.path, violation.constraint
            )
        })
        .collect();
    let noun = if violations.len() == 1 {
        "error"
    } else {
        "errors"
    };
    format!(
        "{} validation {noun} detected: {}",
        violations.len(),
        details.join("; ")
    )
}

fn check_structure(structure: &Structure, value: &Value, path: &str, found: &mut Vec<Violation>) {
    for member in structure.members {
        let path = join(path, &lower_first(member.name));
        match value.get(member.name) {
            None | Some(Value::Null) => {
                if member.required {
                    found.push(missing(path));
                }
            }
            Some(inner) => check_shape(member.shape, inner, &path, found),
        }
    }
    if structure.union {
        let set = value.as_object().map_or(0, serde_json::Map::len);
        if set != 1 {
            found.push(Violation {
                path: path.to_owned(),
                value: Some(render(value)),
                constraint: "Member must have exactly one member set".to_owned(),
            });
        }
    }
}

fn check_shape(shape: &Shape, value: &Value, path: &str, found: &mut Vec<Violation>) {
    let mut own = Vec::new();
    constraints(shape, value, &mut own);
    for constraint in own {
        found.push(Violation {
            path: path.to_owned(),
            value: Some(render(value)),
            constraint,
        });
    }
    match (shape, value) {
        (Shape::Structure(structure), _) => check_structure(structure, value, path, found),
        (Shape::List { member, .. }, Value::Array(items)) => {
            check_items(member, items, value, path, found);
        }
        (
            Shape::Map {
                key, value: inner, ..
            },
            Value::Object(entries),
        ) => {
            let whole = || Some(render(value));
            for name in entries.keys() {
                let mut broken = Vec::new();
                constraints(key, &Value::String(name.clone()), &mut broken);
                if !broken.is_empty() {
                    found.push(Violation {
                        path: path.to_owned(),
                        value: whole(),
                        constraint: format!(
                            "Map keys must satisfy constraint: [{}]",
                            described(key)
                        ),
                    });
                    break;
                }
            }
            for (name, entry) in entries {
                let path = format!("{path}.{name}.member");
                if entry.is_null() {
                    found.push(missing(path));
                } else if inner.is_compound() {
                    check_shape(inner, entry, &path, found);
                }
            }
            if !inner.is_compound() && entries.values().any(|entry| is_broken(inner, entry)) {
                found.push(Violation {
                    path: path.to_owned(),
                    value: whole(),
                    constraint: format!(
                        "Map value must satisfy constraint: [{}]",
                        described(inner)
                    ),
                });
            }
        }
        _ => {}
    }
}

fn check_items(
    member: &Shape,
    items: &[Value],
    whole: &Value,
    path: &str,
    found: &mut Vec<Violation>,
) {
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}.{}.member", index + 1);
        if item.is_null() {
            found.push(missing(path));
        } else if member.is_compound() {
            check_shape(member, item, &path, found);
        }
    }
    if !member.is_compound() && items.iter().any(|item| is_broken(member, item)) {
        found.push(Violation {
            path: path.to_owned(),
            value: Some(render(whole)),
            constraint: format!("Member must satisfy constraint: [{}]", described(member)),
        });
    }
}

fn is_broken(shape: &Shape, value: &Value) -> bool {
    let mut broken = Vec::new();
    if !value.is_null() {
        constraints(shape, value, &mut broken);
    }
    !broken.is_empty()
}

fn constraints(shape: &Shape, value: &Value, broken: &mut Vec<String>) {
    match (shape, value) {
        (Shape::Text(rules), Value::String(text)) => {
            let length = text.chars().count();
            bounds(length, rules.min, rules.max, broken);
            if let Some(pattern) = rules.pattern
                && !pattern.matches(text)
            {
                broken.push(pattern_constraint(pattern.published));
            }
            if !rules.values.is_empty() && !rules.values.contains(&text.as_str()) {
                broken.push(enum_constraint(rules.values));
            }
        }
        (Shape::Integer { min, max }, Value::Number(number)) => {
            let number = number.as_i64().unwrap_or(i64::MAX);
            if let Some(max) = max.filter(|max| number > *max) {
                broken.push(format!(
                    "Member must have value less than or equal to {max}"
                ));
            }
            if let Some(min) = min.filter(|min| number < *min) {
                broken.push(format!(
                    "Member must have value greater than or equal to {min}"
                ));
            }
        }
        (Shape::List { min, max, .. }, Value::Array(items)) => {
            bounds(items.len(), *min, *max, broken);
        }
        (Shape::Map { min, max, .. }, Value::Object(entries)) => {
            bounds(entries.len(), *min, *max, broken);
        }
        _ => {}
    }
}

fn bounds(length: usize, min: Option<usize>, max: Option<usize>, broken: &mut Vec<String>) {
    if let Some(max) = max.filter(|max| length > *max) {
        broken.push(format!(
            "Member must have length less than or equal to {max}"
        ));
    }
    if let Some(min) = min.filter(|min| length < *min) {
        broken.push(format!(
            "Member must have length greater than or equal to {min}"
        ));
    }
}

fn pattern_constraint(published: &str) -> String {
    format!("Member must satisfy regular expression pattern: {published}")
}

fn enum_constraint(values: &[&str]) -> String {
    format!(
        "Member must satisfy enum value set: [{}]",
        values.join(", ")
    )
}

/// All constraints of a simple shape: items of lists and maps are reported against the whole set.
fn described(shape: &Shape) -> String {
    let mut all = Vec::new();
    match shape {
        Shape::Text(TextRules {
            min,
            max,
            pattern,
            values,
        }) => {
            if let Some(max) = max {
                all.push(format!(
                    "Member must have length less than or equal to {max}"
                ));
            }
            if let Some(min) = min {
                all.push(format!(
                    "Member must have length greater than or equal to {min}"
                ));
            }
            if let Some(pattern) = pattern {
                all.push(pattern_constraint(pattern.published));
            }
            if !values.is_empty() {
                all.push(enum_constraint(values));
            }
        }
        Shape::Integer { min, max } => {
            if let Some(max) = max {
                all.push(format!(
                    "Member must have value less than or equal to {max}"
                ));
            }
            if let Some(min) = min {
                all.push(format!(
                    "Member must have value greater than or equal to {min}"
                ));
            }
        }
        _ => {}
    }
    all.join(", ")
}

fn missing(path: String) -> Violation {
    Violation {
        path,
        value: None,
        constraint: "Member must not be null".to_owned(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Messages name members with a lower-case first letter, whatever the wire says.
fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

fn render(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(render).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(entries) => format!(
            "{{{}}}",
            entries
                .iter()
                .map(|(key, value)| format!("{key}={}", render(value)))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{check, lower_first, sentence};
    use crate::validation::{Member, Pattern, Shape, Structure};

    static LETTERS: Pattern =
        Pattern::new("^(?!aws:)[a-z:]*$", "[a-z:]*").not_starting_with("aws:");
    static WORD: Shape = Shape::text(Some(1), Some(5), &LETTERS);
    static WORDS: Shape = Shape::sized_list(&WORD, None, Some(2));
    static NUMBER: Shape = Shape::between(1, 9);
    static ONE: Shape =
        Shape::union(&[Member::optional("A", &WORD), Member::optional("B", &NUMBER)]);
    static ONES: Shape = Shape::list(&ONE);
    static BY_WORD: Shape = Shape::Map {
        key: &WORD,
        value: &WORD,
        min: Some(1),
        max: None,
    };
    static NESTED: Shape = Shape::Map {
        key: &WORD,
        value: &ONE,
        min: None,
        max: None,
    };
    static INPUT: Structure = Structure::of(&[
        Member::required("Name", &WORD),
        Member::optional("Words", &WORDS),
        Member::optional("Ones", &ONES),
        Member::optional("Map", &BY_WORD),
        Member::optional("Nested", &NESTED),
    ]);

    fn said(mut input: Value) -> String {
        if input.get("Name").is_none() {
            input["Name"] = "ok".into();
        }
        sentence(&check(&INPUT, &input))
    }

    const WORD_RULES: &str = "[Member must have length less than or equal to 5, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: ^(?!aws:)[a-z:]*$]";

    #[test]
    fn sound_input_breaks_nothing() {
        let input = json!({"Name": "a", "Words": ["b"], "Ones": [{"A": "c"}], "Map": {"d": "e"}});
        assert!(check(&INPUT, &input).is_empty());
    }

    #[test]
    fn every_broken_constraint_is_named() {
        assert_eq!(
            said(json!({"Name": "TOOLONG"})),
            "2 validation errors detected: Value 'TOOLONG' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5; Value 'TOOLONG' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?!aws:)[a-z:]*$"
        );
        assert!(said(json!({"Name": "aws:x"})).contains("regular expression"));
        // Characters count, not bytes.
        assert!(!said(json!({"Name": "ääääÄ"})).contains("length"));
    }

    #[test]
    fn items_of_simple_lists_and_maps_are_named_together() {
        assert_eq!(
            said(json!({"Words": ["a", "B"]})),
            format!(
                "1 validation error detected: Value '[a, B]' at 'words' failed to satisfy constraint: Member must satisfy constraint: {WORD_RULES}"
            )
        );
        assert_eq!(
            said(json!({"Map": {"B": "a"}})),
            format!(
                "1 validation error detected: Value '{{B=a}}' at 'map' failed to satisfy constraint: Map keys must satisfy constraint: {WORD_RULES}"
            )
        );
        assert_eq!(
            said(json!({"Map": {"a": ""}})),
            format!(
                "1 validation error detected: Value '{{a=}}' at 'map' failed to satisfy constraint: Map value must satisfy constraint: {WORD_RULES}"
            )
        );
        assert_eq!(
            said(json!({"Words": ["a", null, "b"]})),
            "2 validation errors detected: Value '[a, null, b]' at 'words' failed to satisfy constraint: Member must have length less than or equal to 2; Value null at 'words.2.member' failed to satisfy constraint: Member must not be null"
        );
    }

    #[test]
    fn members_of_structures_have_a_path() {
        assert_eq!(
            said(json!({"Ones": [{"A": "a"}, {"B": 10}], "Nested": {"a": {"B": 0}}})),
            "2 validation errors detected: Value '10' at 'ones.2.member.b' failed to satisfy constraint: Member must have value less than or equal to 9; Value '0' at 'nested.a.member.b' failed to satisfy constraint: Member must have value greater than or equal to 1"
        );
        assert!(said(json!({"Ones": [{}]})).contains("at 'ones.1.member' failed"));
        assert!(said(json!({"Ones": [{"A": "a", "B": 1}]})).contains("exactly one member"));
        assert_eq!(lower_first("ContactId"), "contactId");
    }
}
