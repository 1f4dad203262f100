//! CHK-17, CHK-33 and CHK-50, and who cannot be reached: what practice would have otherwise. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::desired::Desired;
use crate::api::EscalationPlan;
use crate::api::common::{Finding, Severity};
use crate::resources::checks::{self, finding};

/// What the checks look at.
pub struct Checked<'a> {
    /// The object.
    pub plan: &'a EscalationPlan,
    /// What is wanted.
    pub desired: &'a Desired,
    /// Targets whom nobody can reach now, each with what to do about it.
    pub unreachable: &'a [Unreachable],
    /// Now.
    pub now: Timestamp,
}

/// A target whom nobody can reach now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreachable {
    /// Kind, namespace and name.
    pub name: String,
    /// Why, and what mends it.
    pub why: &'static str,
}

/// When the plan is to be looked over next.
pub fn review_due(plan: &EscalationPlan) -> Option<Timestamp> {
    checks::review_due(&plan.metadata, plan.spec.review.as_ref())
}

/// Every finding about an escalation plan.
pub fn findings(checked: &Checked<'_>) -> Vec<Finding> {
    let mut found = stage_findings(checked.desired);
    found.extend(checked.unreachable.iter().map(|target| {
        let message = format!(
            "is engaged by this plan and cannot be reached: {}",
            target.why
        );
        finding(
            "UnreachableTarget",
            &target.name,
            Severity::Warning,
            message,
        )
    }));
    found.extend(checks::overdue(review_due(checked.plan), checked.now));
    let spec = &checked.plan.spec;
    found.extend(checks::sensitive_tags(spec.common.tags.as_ref()));
    found.extend(checks::sensitive_name(
        "displayName",
        spec.display_name.as_deref(),
    ));
    found.extend(checks::sensitive_name("alias", spec.alias.as_deref()));
    found
}

fn stage_findings(desired: &Desired) -> Vec<Finding> {
    let mut found = vec![];
    let engaged: BTreeSet<&str> = desired
        .stages
        .iter()
        .flat_map(|s| &s.targets)
        .map(|t| t.arn.as_str())
        .collect();
    match engaged.len() {
        0 => found.push(finding(
            "NobodyEngaged",
            "",
            Severity::Critical,
            "no stage has a target: this plan engages nobody (CHK-33)",
        )),
        1 => found.push(finding(
            "NoBackup",
            "",
            Severity::Warning,
            "the whole plan engages a single person or schedule: add a stage with somebody else for when they do not answer (CHK-33)",
        )),
        _ => {}
    }
    for (index, stage) in desired.stages.iter().enumerate() {
        let subject = format!("stages[{index}]");
        if stage.targets.is_empty() {
            found.push(finding(
                "EmptyStage",
                &subject,
                Severity::Info,
                format!(
                    "engages nobody: the plan only waits for {} minutes",
                    stage.duration
                ),
            ));
        }
        let distinct: BTreeSet<&str> = stage.targets.iter().map(|t| t.arn.as_str()).collect();
        if distinct.len() < stage.targets.len() {
            found.push(finding(
                "DuplicateTarget",
                &subject,
                Severity::Warning,
                "names somebody more than once: once is enough",
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::desired::{Stage, Target};
    use super::*;

    fn stage(duration: i32, targets: &[&str]) -> Stage {
        let target = |arn: &&str| Target {
            arn: (*arn).to_owned(),
            essential: false,
        };
        Stage {
            duration,
            targets: targets.iter().map(target).collect(),
        }
    }

    fn ids(stages: Vec<Stage>, unreachable: &[Unreachable]) -> Vec<(String, String)> {
        let plan: EscalationPlan = serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "EscalationPlan",
            "metadata": {"name": "payments"},
            "spec": {"stages": [], "displayName": "Call +15005550199", "tags": {"mail": "a@example.com"},
                "review": {"everyDays": 30, "lastReviewed": "2026-05-01"}},
        }))
        .unwrap();
        let desired = Desired {
            alias: "payments".into(),
            display_name: String::new(),
            stages,
            names: BTreeMap::new(),
            first: String::new(),
            tags: BTreeMap::new(),
        };
        let checked = Checked {
            plan: &plan,
            desired: &desired,
            unreachable,
            now: "2026-06-01T00:00:00Z".parse().unwrap(),
        };
        findings(&checked)
            .into_iter()
            .map(|f| (f.id, f.subject))
            .collect()
    }

    fn has(found: &[(String, String)], id: &str, subject: &str) -> bool {
        found.iter().any(|(i, s)| i == id && s == subject)
    }

    #[test]
    fn one_person_in_all_stages_is_no_backup() {
        let found = ids(vec![stage(5, &["a"]), stage(5, &["a"])], &[]);
        assert!(has(&found, "NoBackup", ""), "{found:?}");
        let found = ids(vec![stage(5, &["a"]), stage(5, &["b"])], &[]);
        assert!(!has(&found, "NoBackup", ""), "{found:?}");
    }

    #[test]
    fn empty_stages_and_duplicates_are_told_by_their_place() {
        let found = ids(vec![stage(5, &[]), stage(5, &["a", "b", "a"])], &[]);
        assert!(has(&found, "EmptyStage", "stages[0]"), "{found:?}");
        assert!(has(&found, "DuplicateTarget", "stages[1]"), "{found:?}");
        assert!(!has(&found, "NobodyEngaged", ""), "{found:?}");
        let found = ids(vec![stage(5, &[])], &[]);
        assert!(has(&found, "NobodyEngaged", ""), "{found:?}");
    }

    #[test]
    fn who_cannot_be_reached_is_named() {
        let nobody = Unreachable {
            name: "Contact people/carol".into(),
            why: "because",
        };
        let found = ids(vec![stage(5, &["a", "b"])], &[nobody]);
        assert!(
            has(&found, "UnreachableTarget", "Contact people/carol"),
            "{found:?}"
        );
    }

    #[test]
    fn reviews_and_personal_data_are_checked_as_for_contacts() {
        let found = ids(vec![stage(5, &["a", "b"])], &[]);
        for (id, subject) in [
            ("ReviewDue", ""),
            ("SensitiveName", "displayName"),
            ("SensitiveTag", "tags[mail]"),
        ] {
            assert!(has(&found, id, subject), "{id}: {found:?}");
        }
    }
}
