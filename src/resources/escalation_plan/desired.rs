//! Spec and resolved references to what is wanted in AWS. Pure.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::{Resolutions, reference};
use crate::api::EscalationPlan;
use crate::api::common::ResolvedReference;
use crate::api::escalation_plan::{EscalationTarget, OnAcknowledge};
use crate::aws::Arn;
use crate::engine::Error;
use crate::engine::references::Resolved;
use crate::resources::alias;

/// What an escalation plan should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Alias.
    pub alias: String,
    /// Display name; empty and absent are the same.
    pub display_name: String,
    /// Stages, in order.
    pub stages: Vec<Stage>,
    /// What people call the targets, by ARN; also of those that leave.
    pub names: BTreeMap<String, String>,
    /// Who is engaged first, for the status.
    pub first: String,
    /// Tags for a creation.
    pub tags: BTreeMap<String, String>,
}

/// A stage of an escalation plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Minutes until the next stage.
    pub duration: i32,
    /// Who is engaged. Order means nothing.
    pub targets: Vec<Target>,
}

/// Somebody who is engaged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// ARN of the contact or schedule.
    pub arn: String,
    /// AWS's `IsEssential`: an acknowledgement stops the escalation.
    pub essential: bool,
}

/// Most stages of a plan (aws-behaviour, 8).
const MOST_STAGES: usize = 10;
/// Most targets of a stage.
const MOST_TARGETS: usize = 10;
/// Longest stage, in minutes.
const LONGEST_STAGE: i32 = 30;

/// The alias of an object.
pub fn alias(plan: &EscalationPlan) -> String {
    plan.spec.alias.clone().unwrap_or_else(|| plan.name_any())
}

/// Works out what is wanted.
pub fn desired(
    plan: &EscalationPlan,
    targets: &Resolutions,
    tags: BTreeMap<String, String>,
) -> Result<Desired, Error> {
    let alias = alias(plan);
    alias::check(&alias)?;
    let namespace = plan.namespace();
    let namespace = namespace.as_deref();
    let resolved = |target: &EscalationTarget| {
        let found = reference(target, namespace).and_then(|r| targets.get(&r));
        found.ok_or_else(|| {
            Error::invalid("a target names neither contactRef nor onCallScheduleRef nor arn")
        })
    };
    let mut stages = vec![];
    let recorded = plan.status.iter().flat_map(|s| &s.common.references);
    let mut names = former_names(recorded);
    let mut first = vec![];
    for stage in &plan.spec.stages {
        let mut engaged = vec![];
        for target in stage.targets.iter().flatten() {
            let found = resolved(target)?;
            names.insert(found.arn.clone(), full_name(&found.record()));
            if stages.iter().all(|s: &Stage| s.targets.is_empty()) {
                first.push(short_name(found, namespace));
            }
            engaged.push(Target {
                arn: found.arn.clone(),
                essential: target.on_acknowledge == Some(OnAcknowledge::StopEscalation),
            });
        }
        stages.push(Stage {
            duration: stage.duration_minutes,
            targets: engaged,
        });
    }
    check_stages(&stages)?;
    Ok(Desired {
        alias,
        display_name: plan.spec.display_name.clone().unwrap_or_default(),
        stages,
        names,
        first: first.join(", "),
        tags,
    })
}

/// The same rules as at admission, for objects that passed it under another version of the CRD (CHK-31).
fn check_stages(stages: &[Stage]) -> Result<(), Error> {
    if stages.is_empty() || stages.len() > MOST_STAGES {
        return Err(Error::invalid(format!(
            "an escalation plan has 1 to {MOST_STAGES} stages"
        )));
    }
    for (index, stage) in stages.iter().enumerate() {
        let number = index + 1;
        if !(0..=LONGEST_STAGE).contains(&stage.duration)
            || (stage.duration == 0 && stage.targets.is_empty())
        {
            return Err(Error::invalid(format!(
                "stage {number} lasts {} minutes: 0 to {LONGEST_STAGE} are possible, 0 only with a target (CHK-31)",
                stage.duration
            )));
        }
        if stage.targets.len() > MOST_TARGETS {
            return Err(Error::invalid(format!(
                "stage {number} has {} targets: AWS allows {MOST_TARGETS}",
                stage.targets.len()
            )));
        }
    }
    Ok(())
}

/// What people called those who are in AWS already.
pub fn former_names<'a>(
    recorded: impl Iterator<Item = &'a ResolvedReference>,
) -> BTreeMap<String, String> {
    recorded.map(|r| (r.arn.clone(), full_name(r))).collect()
}

/// `Contact people/carol`, or the alias of what no object here manages.
pub fn full_name(target: &ResolvedReference) -> String {
    match (&target.kind, &target.namespace, &target.name) {
        (Some(kind), Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
        (Some(kind), None, Some(name)) => format!("{kind} {name}"),
        _ => unknown_name(&target.arn),
    }
}

/// What to call the target at `arn` when nobody has named it.
pub fn unknown_name(arn: &str) -> String {
    match Arn::parse(arn) {
        Ok(parsed) => format!("\"{}\"", parsed.resource_id()),
        Err(_) => "an unknown target".to_owned(),
    }
}

/// As short as it can be told apart in `namespace`.
pub fn short_name(target: &Resolved, namespace: Option<&str>) -> String {
    match &target.key {
        Some(key) if key.namespace.as_deref() == namespace => key.name.clone(),
        Some(key) => format!(
            "{}/{}",
            key.namespace.as_deref().unwrap_or_default(),
            key.name
        ),
        None => Arn::parse(target.arn.as_str())
            .map(|arn| arn.resource_id().to_owned())
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::scheduler::ObjectKey;

    fn plan(spec: &Value) -> EscalationPlan {
        serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "EscalationPlan",
            "metadata": {"name": "payments", "namespace": "payments"}, "spec": spec,
            "status": {"references": [
                {"kind": "Contact", "namespace": "people", "name": "dave", "arn": "arn:aws:ssm-contacts:eu-west-1:123456789012:contact/dave"}]},
        }))
        .unwrap()
    }

    fn arn(alias: &str) -> String {
        format!("arn:aws:ssm-contacts:eu-west-1:123456789012:contact/{alias}")
    }

    /// Everything resolves to the ARN of its name.
    fn resolutions(plan: &EscalationPlan) -> Resolutions {
        use crate::engine::ManagedObject as _;
        use crate::engine::references::Named;
        let resolve = |named: &Named| match named {
            Named::Object {
                kind,
                namespace,
                name,
            } => Resolved {
                arn: arn(name),
                key: Some(ObjectKey {
                    kind,
                    namespace: namespace.clone(),
                    name: name.clone(),
                }),
                standing: None,
                revoked: None,
            },
            Named::Arn(arn) => Resolved {
                arn: arn.clone(),
                key: None,
                standing: None,
                revoked: None,
            },
        };
        let references = plan.references().into_iter();
        references.map(|r| (r.clone(), resolve(&r.named))).collect()
    }

    fn work_out(spec: &Value) -> Result<Desired, Error> {
        let plan = plan(spec);
        desired(&plan, &resolutions(&plan), BTreeMap::new())
    }

    #[test]
    fn targets_become_arns_and_keep_their_names() {
        let wanted = work_out(&json!({"stages": [
            {"durationMinutes": 5},
            {"durationMinutes": 10, "targets": [
                {"onCallScheduleRef": {"name": "primary"}, "onAcknowledge": "StopEscalation"},
                {"contactRef": {"name": "carol", "namespace": "people"}}]},
            {"durationMinutes": 0, "targets": [{"arn": arn("boss"), "onAcknowledge": "Continue"}]},
        ]}))
        .unwrap();
        assert_eq!(
            (wanted.alias.as_str(), wanted.display_name.as_str()),
            ("payments", "")
        );
        assert_eq!(wanted.first, "primary, people/carol");
        let stages: Vec<_> = wanted
            .stages
            .iter()
            .map(|s| {
                let targets = s.targets.iter().map(|t| (t.arn.clone(), t.essential));
                (s.duration, targets.collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(
            stages,
            [
                (5, vec![]),
                (10, vec![(arn("primary"), true), (arn("carol"), false)]),
                (0, vec![(arn("boss"), false)]),
            ]
        );
        let name = |alias: &str| wanted.names.get(&arn(alias)).map(String::as_str);
        assert_eq!(name("primary"), Some("OnCallSchedule payments/primary"));
        assert_eq!(name("carol"), Some("Contact people/carol"));
        assert_eq!(name("boss"), Some("\"boss\""));
        assert_eq!(
            name("dave"),
            Some("Contact people/dave"),
            "who leaves is named, too"
        );
    }

    #[test]
    fn what_admission_would_refuse_is_refused() {
        let carol = json!({"contactRef": {"name": "carol"}});
        for bad in [
            json!({"stages": []}),
            json!({"stages": vec![json!({"durationMinutes": 1}); 11]}),
            json!({"stages": [{"durationMinutes": 31, "targets": [carol]}]}),
            json!({"stages": [{"durationMinutes": -1, "targets": [carol]}]}),
            json!({"stages": [{"durationMinutes": 0}]}),
            json!({"stages": [{"durationMinutes": 1, "targets": vec![carol.clone(); 11]}]}),
            json!({"stages": [{"durationMinutes": 1, "targets": [{}]}]}),
            json!({"alias": "Pay.ments", "stages": [{"durationMinutes": 1, "targets": [carol]}]}),
        ] {
            assert!(work_out(&bad).is_err(), "{bad}");
        }
    }
}
