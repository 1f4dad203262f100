//! What the operator may do: the ClusterRole in the cluster, the policy in AWS. Printed by `rbac` and `iam-policy`.

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::CustomResourceExt;
use kube::api::ObjectMeta;
use serde_json::{Value, json};

use crate::api::{GROUP, crds};
use crate::aws::{Operation, Service};

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(owned(groups)),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

/// The ClusterRole that the operator's ServiceAccount needs.
pub fn cluster_role() -> ClusterRole {
    let plurals: Vec<String> = crds().iter().map(|c| c.spec.names.plural.clone()).collect();
    let kinds: Vec<&str> = plurals.iter().map(String::as_str).collect();
    let statuses: Vec<String> = kinds.iter().map(|k| format!("{k}/status")).collect();
    let statuses: Vec<&str> = statuses.iter().map(String::as_str).collect();
    ClusterRole {
        metadata: ObjectMeta {
            name: Some("incident-operator".to_owned()),
            ..ObjectMeta::default()
        },
        rules: Some(vec![
            // patch: finalizers.
            rule(&[GROUP], &kinds, &["get", "list", "watch", "patch"]),
            rule(&[GROUP], &statuses, &["patch"]),
            // What has a time to live.
            rule(
                &[GROUP],
                &[
                    &crate::api::ChannelActivation::crd().spec.names.plural,
                    &crate::api::RotationOverride::crd().spec.names.plural,
                    &crate::api::TestPage::crd().spec.names.plural,
                ],
                &["delete"],
            ),
            // Those that mirrorIncidents of a ResponsePlan shows.
            rule(
                &[GROUP],
                &[&crate::api::Incident::crd().spec.names.plural],
                &["create", "delete"],
            ),
            rule(&[""], &["namespaces", "secrets"], &["get", "list", "watch"]),
            // Exports of schedules; one that the operator did not make is left alone.
            rule(
                &[""],
                &["configmaps"],
                &["get", "create", "patch", "delete"],
            ),
            rule(&["events.k8s.io"], &["events"], &["create", "patch"]),
            rule(
                &["coordination.k8s.io"],
                &["leases"],
                &["get", "create", "update"],
            ),
        ]),
        ..ClusterRole::default()
    }
}

/// The service that AWS lets a role be passed to, and makes a service-linked role for.
const INCIDENTS_PRINCIPAL: &str = "ssm-incidents.amazonaws.com";

/// The IAM policy that the operator's role needs: every operation that it calls, and what AWS checks besides.
pub fn iam_policy() -> Value {
    let mut actions: Vec<&str> = Operation::ALL
        .iter()
        .filter(|o| o.service() != Service::STS)
        .map(|o| o.iam_action())
        .collect();
    // AWS asks for this wherever a contact's plan is written (Service Authorization Reference).
    actions.push("ssm-contacts:AssociateContact");
    // Private DNS of a VPC endpoint is a hosted zone that AWS puts into the VPC.
    actions.push("route53:AssociateVPCWithHostedZone");
    actions.sort_unstable();
    actions.dedup();
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "IncidentOperator", "Effect": "Allow", "Action": actions, "Resource": "*"},
        // The role of a response plan's runbook. `ProviderConfig.spec.passRoleArns` limits it too.
        {"Sid": "PassRunbookRoles", "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
         "Condition": {"StringEquals": {"iam:PassedToService": INCIDENTS_PRINCIPAL}}},
        // The first replication set of an account.
        {"Sid": "ServiceLinkedRole", "Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "*",
         "Condition": {"StringEquals": {"iam:AWSServiceName": INCIDENTS_PRINCIPAL}}},
    ]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_actions_without_wildcards() {
        let policy = iam_policy().to_string();
        assert!(
            policy.contains("ssm-contacts:CreateContact\"")
                && policy.contains("ssm-contacts:AssociateContact\""),
            "{policy}"
        );
        assert!(!policy.contains(":*"), "{policy}");
    }

    #[test]
    fn every_kind_is_in_the_role() {
        let role = serde_json::to_string(&cluster_role()).unwrap();
        for crd in crds() {
            assert!(
                role.contains(&format!("\"{}\"", crd.spec.names.plural)),
                "{role}"
            );
        }
    }
}
