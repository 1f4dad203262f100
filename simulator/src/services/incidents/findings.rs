//! Findings of incidents: changes that may be the cause. They come from outside.

use serde_json::{Value, json};

use crate::clock::epoch_seconds;
use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::pages::{Order, by_time, page};
use super::record::find;

/// As many findings as a page has at most.
const LARGEST: usize = 20;

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("incidentRecordArn");
    let record = find(account, call, arn)?;
    let shown = record
        .findings
        .iter()
        .map(|finding| {
            let shown = json!({
                "id": finding.id,
                "lastModifiedTime": epoch_seconds(finding.modified),
            });
            (by_time(finding.created, &finding.id), shown)
        })
        .collect();
    page(call, "findings", shown, Order::Ascending, LARGEST, arn)
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let record = find(account, call, call.required("incidentRecordArn"))?;
    let mut findings: Vec<Value> = Vec::new();
    let mut errors: Vec<Value> = Vec::new();
    for id in super::response_plan::texts(&call.input["findingIds"]) {
        match record.findings.iter().find(|finding| finding.id == id) {
            Some(finding) => findings.push(json!({
                "id": finding.id,
                "creationTime": epoch_seconds(finding.created),
                "lastModifiedTime": epoch_seconds(finding.modified),
                "details": finding.details,
            })),
            None => errors.push(json!({
                "findingId": id,
                "code": "ResourceNotFoundException",
                "message": format!("The finding {id} was not found."),
            })),
        }
    }
    Ok(json!({"findings": findings, "errors": errors}))
}
