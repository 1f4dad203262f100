//! Alerts and dashboard: Prometheus's own tool judges the rules and plays what they are for.

use std::collections::BTreeSet;
use std::path::Path;

use harness::judges;
use harness::paths::repository;
use serde_json::{Value, json};

use crate::{chart, only, render};

fn rendered(rule: &Value) -> Vec<Value> {
    let mut rule = rule.clone();
    rule["enabled"] = json!(true);
    render(&json!({"metrics": {"prometheusRule": rule}}))
}

/// The alerts in the form in which Prometheus itself reads them.
fn rules(directory: &Path) -> Vec<Value> {
    let objects = rendered(&json!({}));
    let spec = &only(&objects, "PrometheusRule")["spec"];
    std::fs::write(directory.join("rules.yaml"), spec.to_string()).unwrap();
    spec["groups"][0]["rules"].as_array().unwrap().clone()
}

#[test]
fn prometheus_takes_the_rules() {
    let directory = tempfile::tempdir().unwrap();
    let rules = rules(directory.path());
    assert!(rules.len() >= 9, "{}", rules.len());
    let file = directory.path().join("rules.yaml");
    let said = judges::promtool(
        &[
            "check",
            "rules",
            "--lint=all",
            "--lint-fatal",
            &file.to_string_lossy(),
        ],
        "",
    )
    .unwrap();
    assert!(said.ok, "{}\n{}", said.out, said.err);
    assert!(
        said.out.contains(&format!("{} rules found", rules.len())),
        "{}",
        said.out
    );
}

/// What plays a night for each alert: silent while all is well, then it fires.
const PLAYS: [&str; 2] = ["alerts.yaml", "alerts_in_days.yaml"];

#[test]
fn each_alert_fires_when_it_should_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let rules = rules(directory.path());
    let mut text = String::new();
    for name in PLAYS {
        let play = repository().join("tests/chart").join(name);
        text.push_str(&std::fs::read_to_string(&play).unwrap());
        let file = directory.path().join(name);
        std::fs::copy(&play, &file).unwrap();
        let said = judges::promtool(&["test", "rules", &file.to_string_lossy()], "").unwrap();
        assert!(said.ok, "{name}: {}\n{}", said.out, said.err);
    }
    for rule in &rules {
        let named = format!("alertname: {}\n", rule["alert"].as_str().unwrap());
        assert!(text.matches(&named).count() >= 2, "nothing plays {named}");
    }
}

#[test]
fn every_alert_says_what_to_do() {
    let docs = std::fs::read_to_string(repository().join("docs/alerts.md")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for rule in rules(directory.path()) {
        let name = rule["alert"].as_str().unwrap();
        assert!(docs.contains(&format!("## {name}\n")), "{name}");
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(matches!(severity, "critical" | "warning"), "{name}");
        let runbook = format!("docs/alerts.md#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook"], runbook.as_str());
    }
}

#[test]
fn alerts_are_left_out_and_labelled_as_the_values_say() {
    let objects =
        rendered(&json!({"disabled": ["IncidentOperatorThrottled"], "alertLabels": {"team": "x"}}));
    let rules = only(&objects, "PrometheusRule")["spec"]["groups"][0]["rules"].clone();
    let rules = rules.as_array().unwrap();
    assert!(
        rules
            .iter()
            .all(|r| r["alert"] != "IncidentOperatorThrottled")
    );
    assert!(rules.iter().all(|rule| rule["labels"]["team"] == "x"));
    assert!(rules.iter().any(|r| r["labels"]["severity"] == "critical"));
}

/// Every PromQL expression of alerts and dashboard, with what it belongs to.
fn expressions() -> Vec<(String, String)> {
    let directory = tempfile::tempdir().unwrap();
    let mut found: Vec<(String, String)> = rules(directory.path())
        .iter()
        .map(|rule| {
            let text = |field: &str| rule[field].as_str().unwrap().to_owned();
            (text("alert"), text("expr"))
        })
        .collect();
    let dashboard = std::fs::read_to_string(chart().join("files/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 10);
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap().to_owned();
            found.push((title, target["expr"].as_str().unwrap().to_owned()));
        }
    }
    found
}

/// The selectors of an expression: metric and labels that it names.
fn selectors(expression: &str) -> Vec<(String, BTreeSet<String>)> {
    let selector = regex::Regex::new(r"(incident_operator_[a-z_]+)(\{[^}]*\})?").unwrap();
    let label = regex::Regex::new(r#"([a-z_]+) *(?:=~|!~|!=|=) *""#).unwrap();
    let labels = |text: &str| {
        let all = label.captures_iter(text);
        all.map(|found| found[1].to_owned()).collect()
    };
    let all = selector.captures_iter(expression);
    all.map(|found| {
        let braces = found.get(2).map_or("", |braces| braces.as_str());
        (found[1].to_owned(), labels(braces))
    })
    .collect()
}

/// Labels that an expression groups by.
fn groups(expression: &str) -> BTreeSet<String> {
    let by = regex::Regex::new(r"by *\(([^)]*)\)").unwrap();
    let all = by.captures_iter(expression);
    all.flat_map(|found| {
        let names = found[1].split(',').map(|name| name.trim().to_owned());
        names.collect::<Vec<_>>()
    })
    .collect()
}

/// Alerts and dashboard ask for what the operator exposes, by labels that it has, and tell of all of it.
pub fn asks_for_what_is_there(exposed: &str) {
    let mut series: Vec<(String, BTreeSet<String>)> = vec![];
    for line in exposed.lines().filter(|line| !line.starts_with('#')) {
        series.extend(selectors(line));
    }
    let has = |name: &str| series.iter().any(|(found, _)| found == name);
    assert!(has("incident_operator_leader"), "{exposed}");
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for (place, expression) in expressions() {
        let grouped = groups(&expression);
        for (name, labels) in selectors(&expression) {
            let of_metric: BTreeSet<&String> = series
                .iter()
                .filter(|(found, _)| *found == name)
                .flat_map(|(_, labels)| labels)
                .collect();
            assert!(has(&name), "{place}: {name} is not exposed\n{exposed}");
            for label in labels.iter().chain(&grouped) {
                // Prometheus itself gives every series its job.
                let known = label == "job" || of_metric.contains(label);
                assert!(known, "{place}: {name} has no label {label}");
            }
            asked.insert(name);
        }
    }
    let family = |name: &str| {
        let ends = ["_bucket", "_count", "_sum"].iter();
        ends.fold(name.to_owned(), |name, end| {
            name.strip_suffix(end).unwrap_or(&name).to_owned()
        })
    };
    let asked: BTreeSet<String> = asked.iter().map(|name| family(name)).collect();
    let all: BTreeSet<String> = series.iter().map(|(name, _)| family(name)).collect();
    let unseen: Vec<_> = all.difference(&asked).collect();
    assert!(unseen.is_empty(), "nobody looks at {unseen:?}");
}
