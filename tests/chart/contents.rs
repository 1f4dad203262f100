//! The files of the chart: generated ones up to date, every value documented, nothing that Helm's linter dislikes.

use std::collections::BTreeSet;
use std::process::Command;

use harness::judges;
use harness::paths::{operator_binary, repository};
use serde_json::{Value, json};

use crate::{chart, values_file};

fn read(path: &str) -> String {
    let path = chart().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

#[test]
fn crds_and_rules_are_those_of_the_binary() {
    let names = |directory: std::path::PathBuf| -> BTreeSet<_> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let kept = names(repository().join("crds"));
    assert!(
        !kept.is_empty() && kept == names(chart().join("files/crds")),
        "run `make generate`"
    );
    for name in kept {
        let name = name.to_string_lossy();
        let crd = std::fs::read_to_string(repository().join("crds").join(&*name)).unwrap();
        assert!(
            crd == read(&format!("files/crds/{name}")),
            "{name} of the chart is not that of crds/: run `make generate`"
        );
    }
    let output = Command::new(operator_binary().unwrap())
        .args(["rbac", "--rules"])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(
        String::from_utf8(output.stdout).unwrap() == read("files/rules.yaml"),
        "files/rules.yaml of the chart is not what `incident-operator rbac --rules` prints: run `make generate`"
    );
}

#[test]
fn the_chart_is_for_this_version_of_the_operator() {
    assert_eq!(yaml("Chart.yaml")["appVersion"], env!("CARGO_PKG_VERSION"));
}

/// Dotted paths of the values; below what a user fills in freely there are none.
fn paths(values: &Value, schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    for (name, value) in values.as_object().into_iter().flatten() {
        let path = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        let schema = &schema["properties"][name];
        found.insert(path.clone());
        if !schema["properties"].is_null() {
            paths(value, schema, &path, found);
        }
    }
}

/// Dotted paths of a schema's properties, those of lists left out. Every one says what it is for.
fn described(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        let text = property["description"].as_str().unwrap_or_default();
        assert!(
            text.ends_with('.'),
            "{path} has no description in the schema"
        );
        if property["type"] == "object" && !property["properties"].is_null() {
            assert_eq!(
                property["additionalProperties"], false,
                "a slip of the pen in {path} would go unnoticed"
            );
        }
        found.insert(path.clone());
        described(property, &path, found);
    }
}

#[test]
fn every_value_has_a_default_a_schema_and_a_place_in_the_docs() {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let (mut in_values, mut in_schema) = (BTreeSet::new(), BTreeSet::new());
    paths(&yaml("values.yaml"), &schema, "", &mut in_values);
    described(&schema, "", &mut in_schema);
    assert!(in_schema.remove("global"), "what Helm itself may put there");
    assert_eq!(in_values, in_schema);
    assert!(in_values.len() > 60, "{}", in_values.len());
    let docs = std::fs::read_to_string(repository().join("docs/install.md")).unwrap();
    let parents = |path: &String| {
        let below = format!("{path}.");
        in_values.iter().any(|other| other.starts_with(&below))
    };
    let missing: Vec<&String> = in_values
        .iter()
        .filter(|path| !parents(path) && !docs.contains(&format!("`{path}`")))
        .collect();
    assert!(missing.is_empty(), "not in docs/install.md: {missing:?}");
}

#[test]
fn helm_finds_nothing_to_complain_about() {
    let everything = crate::rendered::matrix();
    for values in [&json!({}), &everything["everything"]] {
        let file = values_file(values);
        let said = judges::helm(
            None,
            &[
                "lint",
                "--strict",
                &chart().to_string_lossy(),
                "--values",
                &file.path().to_string_lossy(),
            ],
        )
        .unwrap();
        assert!(said.ok, "{}\n{}", said.out, said.err);
        assert!(!said.out.contains("[WARNING]"), "{}", said.out);
    }
}
