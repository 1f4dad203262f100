//! The Helm chart: what is in it, what it renders, and the operator running with the rights that it gives.
//!
//! There is no kubelet, so nobody starts pods: the tests start the operator's binary with the arguments, the environment and the
//! ServiceAccount of the Deployment.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says why"
)]

#[path = "chart/alerts.rs"]
mod alerts;
#[path = "chart/contents.rs"]
mod contents;
#[path = "chart/installed.rs"]
mod installed;
#[path = "chart/proxied.rs"]
mod proxied;
#[path = "chart/rendered.rs"]
mod rendered;

use std::path::PathBuf;

use harness::cluster::documents;
use harness::judges;
use harness::paths::repository;
use serde_json::Value;

/// The chart.
fn chart() -> PathBuf {
    repository().join("charts/incident-operator")
}

/// Release and namespace of the tests.
const RELEASE: &str = "oncall";
const NAMESPACE: &str = "incident-operator";
/// What the chart calls its objects, then.
const NAME: &str = "oncall-incident-operator";

/// A file with values, for as long as the returned guard lives.
fn values_file(values: &Value) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), values.to_string()).unwrap();
    file
}

/// What `helm template` makes of values, and what it says when it refuses them.
fn try_render(values: &Value) -> Result<Vec<Value>, String> {
    let file = values_file(values);
    let chart = chart();
    let said = judges::helm(
        None,
        &[
            "template",
            RELEASE,
            &chart.to_string_lossy(),
            "--namespace",
            NAMESPACE,
            "--values",
            &file.path().to_string_lossy(),
        ],
    )
    .unwrap();
    if said.ok {
        Ok(documents(&said.out).unwrap())
    } else {
        Err(said.err)
    }
}

fn render(values: &Value) -> Vec<Value> {
    try_render(values).unwrap_or_else(|error| panic!("{values}: {error}"))
}

/// The objects of a kind.
fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let objects = objects.iter();
    objects.filter(|object| object["kind"] == kind).collect()
}

/// The one object of a kind.
fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    match of_kind(objects, kind).as_slice() {
        [one] => one,
        several => panic!("{} objects of kind {kind}", several.len()),
    }
}
