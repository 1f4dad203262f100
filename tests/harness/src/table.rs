//! Tables as kubectl prints them, made by the API server, so that no kubectl is needed.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cluster::Cluster;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// The objects of one of our kinds in all namespaces as `kubectl get` shows them; empty when there are none.
pub async fn of_kind(cluster: &Cluster, kind: &str) -> Result<String> {
    let api = cluster.api(kind, None).await?;
    let request = http::Request::get(api.resource_url())
        .header(http::header::ACCEPT, TABLE)
        .body(vec![])?;
    let table: Value = cluster
        .client()
        .request(request)
        .await
        .with_context(|| format!("list {kind} as a table"))?;
    render(&table, cluster.is_namespaced(kind).await?)
}

fn render(table: &Value, namespaced: bool) -> Result<String> {
    let none = vec![];
    let items = |value: &Value| value.as_array().unwrap_or(&none).clone();
    // Columns of a higher priority are kubectl's -o wide.
    let columns: Vec<(usize, String)> = items(&table["columnDefinitions"])
        .iter()
        .enumerate()
        .filter(|(_, column)| column["priority"].as_i64().unwrap_or(0) == 0)
        .map(|(index, column)| {
            (
                index,
                column["name"].as_str().unwrap_or_default().to_uppercase(),
            )
        })
        .collect();
    let mut lines = vec![
        columns
            .iter()
            .map(|(_, name)| name.clone())
            .collect::<Vec<_>>(),
    ];
    if namespaced {
        lines[0].insert(0, "NAMESPACE".to_owned());
    }
    for row in items(&table["rows"]) {
        let mut line: Vec<String> = columns
            .iter()
            .map(|(index, _)| cell(&row["cells"][index]))
            .collect();
        if namespaced {
            line.insert(0, cell(&row["object"]["metadata"]["namespace"]));
        }
        lines.push(line);
    }
    let mut text = String::new();
    if lines.len() == 1 {
        return Ok(text);
    }
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for line in &lines {
        let mut padded = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            write!(padded, "{cell:width$}   ")?;
        }
        writeln!(text, "{}", padded.trim_end())?;
    }
    Ok(text)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::render;
    use serde_json::json;

    #[test]
    fn columns_line_up_and_wide_ones_are_left_out() {
        let column = |name: &str, priority: i64| json!({"name": name, "priority": priority});
        let row = |namespace: &str, cells: [&str; 3]| json!({"cells": cells, "object": {"metadata": {"namespace": namespace}}});
        let table = json!({
            "columnDefinitions": [column("Name", 0), column("Secret", 1), column("Age", 0)],
            "rows": [row("people", ["alice", "wide", "1s"]), row("p", ["bo", "wide", "10m"])],
        });
        let text = "NAMESPACE   NAME    AGE\npeople      alice   1s\np           bo      10m\n";
        assert_eq!(render(&table, true).unwrap(), text);
        assert_eq!(
            render(
                &json!({"columnDefinitions": [column("Name", 0)], "rows": []}),
                true
            )
            .unwrap(),
            ""
        );
    }
}
