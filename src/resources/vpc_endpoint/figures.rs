//! Findings as metrics.

use std::collections::BTreeMap;

use kube::ResourceExt;

use crate::api::VpcEndpoint;
use crate::metrics::{FindingLabels, Metrics};

/// Findings of an object by what they are.
fn counted(object: Option<&VpcEndpoint>) -> BTreeMap<FindingLabels, i64> {
    let mut counts = BTreeMap::new();
    let Some(object) = object else { return counts };
    let namespace = object.namespace().unwrap_or_default();
    let findings = object.status.iter().flat_map(|s| &s.common.findings);
    for finding in findings {
        let labels = FindingLabels {
            namespace: namespace.clone(),
            vpc_endpoint: object.name_any(),
            finding: finding.id.clone(),
            check: check(&finding.message).unwrap_or_default().to_owned(),
            severity: format!("{:?}", finding.severity),
            accepted: finding.accepted.is_some().to_string(),
        };
        *counts.entry(labels).or_default() += 1;
    }
    counts
}

/// The number of the check, which the message ends with.
fn check(message: &str) -> Option<&str> {
    let (_, rest) = message.rsplit_once("(CHK-")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let from = message.len() - rest.len() - "CHK-".len();
    message.get(from..message.len() - rest.len() + digits)
}

/// Shows the findings that an object has `now` instead of those it had `before`.
pub fn count(metrics: &Metrics, before: Option<&VpcEndpoint>, now: Option<&VpcEndpoint>) {
    let (before, now) = (counted(before), counted(now));
    for labels in before.keys().filter(|labels| !now.contains_key(labels)) {
        metrics.set_finding(labels, 0);
    }
    for (labels, number) in &now {
        metrics.set_finding(labels, *number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_check_is_read_from_the_message() {
        assert_eq!(check("Add a subnet (CHK-56)"), Some("CHK-56"));
        assert_eq!(check("fails (CHK-68, Security Hub EC2.10)"), Some("CHK-68"));
        assert_eq!(check("add the route tables"), None);
    }
}
