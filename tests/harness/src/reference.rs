//! The field reference of the docs: a page for each kind, written from its CRD and from nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// Pages by file name, with one that lists them.
///
/// # Panics
/// When a CRD has no schema.
pub fn pages(crds: &[CustomResourceDefinition]) -> BTreeMap<String, String> {
    let mut index = String::from(
        "# Field reference\n\n\
         Every field of every kind, with its limits and the rules that the API server holds a manifest to. `kubectl explain KIND.spec` tells the same in a cluster.\n\
         Where a rule allows less than a limit of the schema, the rule holds.\n\n\
         `make generate` writes these pages from the CRDs, and a test holds them to it.\n\n\
         | kind | short name | |\n|---|---|---|\n",
    );
    let mut pages = BTreeMap::new();
    for crd in crds {
        let names = &crd.spec.names;
        let short = names.short_names.clone().unwrap_or_default().join("`, `");
        let about = text(schema(crd).description.as_deref().unwrap_or_default());
        line(
            &mut index,
            &format!(
                "| [{}]({}) | `{short}` | {about} |",
                names.kind,
                file(&names.kind)
            ),
        );
        pages.insert(file(&names.kind), page(crd));
    }
    pages.insert("README.md".to_owned(), index);
    pages
}

/// Name of a kind's page, in the reference as in `docs/`: `OnCallSchedule` is `on-call-schedule.md`.
pub fn file(kind: &str) -> String {
    let mut name = String::new();
    for character in kind.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(character.to_ascii_lowercase());
    }
    name + ".md"
}

fn schema(crd: &CustomResourceDefinition) -> &JSONSchemaProps {
    crd.spec.versions[0]
        .schema
        .as_ref()
        .and_then(|schema| schema.open_api_v3_schema.as_ref())
        .expect("a CRD has a schema")
}

fn page(crd: &CustomResourceDefinition) -> String {
    let (names, version) = (&crd.spec.names, &crd.spec.versions[0]);
    let schema = schema(crd);
    let page = file(&names.kind);
    let mut out = format!("# {}: every field\n\n", names.kind);
    line(
        &mut out,
        &format!(
            "{}\n",
            text(schema.description.as_deref().unwrap_or_default())
        ),
    );
    line(
        &mut out,
        &format!(
            "`apiVersion: {}/{}`, {}. What it is for and how to work with it: [{}](../{page}). All of it in one manifest: [examples](../examples/{}.yaml). \
             Where a rule below allows less than a limit here, the rule holds: limits are a little wider, so that its message is what one reads.",
            crd.spec.group,
            version.name,
            crd.spec.scope.to_lowercase(),
            names.kind,
            names.plural
        ),
    );
    let root = schema.properties.clone().unwrap_or_default();
    let mut fixed = vec![];
    edits("", schema, &mut fixed);
    for part in ["spec", "status"] {
        let Some(fields) = root.get(part) else {
            continue;
        };
        let mut rows = vec![];
        collect(part, fields, &fixed, &mut rows);
        if rows.is_empty() {
            continue;
        }
        let _ = write!(out, "\n## {part}\n\n| field | type | |\n|---|---|---|\n");
        for row in rows {
            // The heading says which part it is.
            let path = row
                .path
                .strip_prefix(&format!("{part}."))
                .unwrap_or(&row.path);
            line(
                &mut out,
                &format!("| `{path}` | {} | {} |", row.kind, row.about),
            );
        }
    }
    let mut rules = vec![];
    collect_rules("", schema, &mut rules);
    if !rules.is_empty() {
        out.push_str(
            "\n## Rules\n\nWhat breaks one is refused when it is applied, with this text.\n\n| where | rule |\n|---|---|\n",
        );
        for (path, message) in rules {
            let path = if path.is_empty() {
                "the object".to_owned()
            } else {
                format!("`{path}`")
            };
            line(&mut out, &format!("| {path} | {} |", text(&message)));
        }
    }
    let columns = version
        .additional_printer_columns
        .as_deref()
        .unwrap_or_default();
    if !columns.is_empty() {
        out.push_str(
            "\n## Columns\n\nOf `kubectl get`; those marked so with `-o wide` only.\n\n| column | from | |\n|---|---|---|\n",
        );
        for column in columns {
            let wide = if column.priority.unwrap_or(0) > 0 {
                "wide"
            } else {
                ""
            };
            line(
                &mut out,
                &format!("| {} | {} | {wide} |", column.name, code(&column.json_path)),
            );
        }
    }
    out
}

struct Row {
    path: String,
    kind: String,
    about: String,
}

/// What is below a schema, one by one. Lists are marked `[]`, values of a map `.*`.
fn children(path: &str, schema: &JSONSchemaProps) -> Vec<(String, JSONSchemaProps)> {
    let mut found: Vec<(String, JSONSchemaProps)> = schema
        .properties
        .iter()
        .flatten()
        .map(|(name, child)| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            (path, child.clone())
        })
        .collect();
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        found.push((format!("{path}[]"), items.as_ref().clone()));
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        found.push((format!("{path}.*"), values.as_ref().clone()));
    }
    found
}

fn collect(path: &str, schema: &JSONSchemaProps, fixed: &[String], rows: &mut Vec<Row>) {
    let required = schema.required.clone().unwrap_or_default();
    for (below, child) in children(path, schema) {
        // Items and values are told with the list or map that they are in.
        if below.ends_with("[]") || below.ends_with(".*") {
            collect(&below, &child, fixed, rows);
            continue;
        }
        let name = below.rsplit('.').next().unwrap_or_default();
        let mut notes = vec![];
        if required.iter().any(|required| required == name) && !path.starts_with("status") {
            notes.push("**required**".to_owned());
        }
        if fixed.contains(&below) {
            notes.push("**cannot be changed**".to_owned());
        }
        notes.extend(limits(&child));
        let mut about = text(child.description.as_deref().unwrap_or_default());
        if !notes.is_empty() {
            let _ = write!(about, " *({})*", notes.join("; "));
        }
        rows.push(Row {
            path: below.clone(),
            kind: kind(&child),
            about: about.trim().to_owned(),
        });
        collect(&below, &child, fixed, rows);
    }
}

fn items(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match &schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => Some(items),
        _ => None,
    }
}

fn values(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match &schema.additional_properties {
        Some(JSONSchemaPropsOrBool::Schema(values)) => Some(values),
        _ => None,
    }
}

/// What a value is, in words.
fn kind(schema: &JSONSchemaProps) -> String {
    if let Some(items) = items(schema) {
        let of = kind(items);
        return match schema.x_kubernetes_list_type.as_deref() {
            Some("map") => {
                let keys = schema.x_kubernetes_list_map_keys.clone();
                let keys = keys.unwrap_or_default().join("`, `");
                format!("list of {of}, by `{keys}`")
            }
            Some("set") => format!("set of {of}"),
            _ => format!("list of {of}"),
        };
    }
    if let Some(values) = values(schema) {
        return format!("map of {}", kind(values));
    }
    if schema.x_kubernetes_preserve_unknown_fields == Some(true) {
        let kind = schema.type_.as_deref().unwrap_or("value");
        return format!("{kind} with anything in it");
    }
    match (schema.type_.as_deref(), schema.format.as_deref()) {
        (_, Some("date-time")) => "time".to_owned(),
        (Some(kind), _) => kind.to_owned(),
        (None, _) => "anything".to_owned(),
    }
}

/// What a value has to keep to, by the schema.
fn limits(schema: &JSONSchemaProps) -> Vec<String> {
    let mut found = vec![];
    if let Some(values) = &schema.enum_ {
        let values: Vec<String> = values
            .iter()
            .map(|value| code(value.0.as_str().unwrap_or(&value.0.to_string())))
            .collect();
        found.push(values.join(", "));
    }
    let mut range = |least: Option<String>, most: Option<String>, of: &str| match (least, most) {
        (Some(least), Some(most)) if least == most => found.push(format!("{least}{of}")),
        (Some(least), Some(most)) => found.push(format!("{least} to {most}{of}")),
        (Some(least), None) => found.push(format!("{least}{of} or more")),
        (None, Some(most)) => found.push(format!("at most {most}{of}")),
        (None, None) => {}
    };
    let whole = |number: Option<i64>| number.map(|number| number.to_string());
    let real = |number: Option<f64>| number.map(|number| number.to_string());
    range(real(schema.minimum), real(schema.maximum), "");
    range(
        whole(schema.min_length),
        whole(schema.max_length),
        " characters",
    );
    range(whole(schema.min_items), whole(schema.max_items), " items");
    range(
        whole(schema.min_properties),
        whole(schema.max_properties),
        " entries",
    );
    if let Some(pattern) = &schema.pattern {
        found.push(format!("pattern {}", code(pattern)));
    }
    for below in [items(schema), values(schema)].into_iter().flatten() {
        found.extend(
            limits(below)
                .into_iter()
                .map(|limit| format!("each {limit}")),
        );
    }
    found
}

/// Paths of fields that a rule says cannot be changed.
fn edits(path: &str, schema: &JSONSchemaProps, fixed: &mut Vec<String>) {
    for rule in schema.x_kubernetes_validations.iter().flatten() {
        let message = rule.message.as_deref().unwrap_or_default();
        if !message.contains("cannot be changed") {
            continue;
        }
        for after in rule.rule.split("oldSelf.").skip(1) {
            let end = after.find(|c: char| !(c.is_alphanumeric() || c == '.'));
            let named = &after[..end.unwrap_or(after.len())];
            if named.starts_with("status") || named.starts_with("metadata") {
                continue;
            }
            let named = if path.is_empty() {
                named.to_owned()
            } else {
                format!("{path}.{named}")
            };
            if !fixed.contains(&named) {
                fixed.push(named);
            }
        }
    }
    for (below, child) in children(path, schema) {
        edits(&below, &child, fixed);
    }
}

fn collect_rules(path: &str, schema: &JSONSchemaProps, rules: &mut Vec<(String, String)>) {
    for rule in schema.x_kubernetes_validations.iter().flatten() {
        let message = rule.message.as_ref().unwrap_or(&rule.rule);
        rules.push((path.to_owned(), message.clone()));
    }
    for (below, child) in children(path, schema) {
        collect_rules(&below, &child, rules);
    }
}

/// A text in a cell of a table: on one line, and nothing in it is taken for markup that is none.
fn text(text: &str) -> String {
    let mut out = String::new();
    let mut in_code = false;
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        for character in word.chars() {
            match character {
                '`' => {
                    in_code = !in_code;
                    out.push('`');
                }
                '|' => out.push_str("\\|"),
                '<' if !in_code => out.push_str("&lt;"),
                '*' | '_' if !in_code => {
                    out.push('\\');
                    out.push(character);
                }
                other => out.push(other),
            }
        }
    }
    out
}

/// A text in a cell of a table that is shown as it is.
fn code(text: &str) -> String {
    let escaped = text.replace('|', "\\|");
    if text.contains('`') {
        format!("`` {escaped} ``")
    } else {
        format!("`{escaped}`")
    }
}

fn line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_tells_what_the_schema_says() {
        let crd: CustomResourceDefinition = serde_json::from_value(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "light-bulbs.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"kind": "LightBulb", "plural": "lightbulbs", "shortNames": ["lb"]},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "additionalPrinterColumns": [{"name": "On", "type": "string", "jsonPath": ".status.on", "priority": 1}],
                    "schema": {"openAPIV3Schema": {
                        "type": "object", "description": "A bulb.\nIt shines.",
                        "properties": {
                            "spec": {
                                "type": "object", "required": ["colour"],
                                "x-kubernetes-validations": [{"rule": "self.colour == oldSelf.colour", "message": "colour cannot be changed"}],
                                "properties": {
                                    "colour": {"type": "string", "enum": ["Red", "White"], "description": "What it looks like | at night, <now>."},
                                    "wires": {
                                        "type": "array", "maxItems": 3, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                                        "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 9}}},
                                    },
                                    "labels": {"type": "object", "additionalProperties": {"type": "string", "pattern": "^a|b$"}},
                                },
                            },
                            "status": {"type": "object", "properties": {"since": {"type": "string", "format": "date-time"}}},
                        },
                    }},
                }],
            },
        }))
        .unwrap();
        let pages = pages(&[crd]);
        let page = &pages["light-bulb.md"];
        for expected in [
            "# LightBulb: every field\n\nA bulb. It shines.\n",
            "| `colour` | string | What it looks like \\| at night, &lt;now>. *(**required**; **cannot be changed**; `Red`, `White`)* |\n",
            "| `labels` | map of string | *(each pattern `^a\\|b$`)* |\n",
            "| `wires` | list of object, by `name` | *(at most 3 items)* |\n",
            "| `wires[].name` | string | *(**required**; 1 to 9 characters)* |\n",
            "## status\n\n| field | type | |\n|---|---|---|\n| `since` | time |  |\n",
            "| `spec` | colour cannot be changed |\n",
            "| On | `.status.on` | wide |\n",
        ] {
            assert!(page.contains(expected), "{expected:?} is not in\n{page}");
        }
        assert!(
            pages["README.md"]
                .contains("| [LightBulb](light-bulb.md) | `lb` | A bulb. It shines. |")
        );
    }
}
