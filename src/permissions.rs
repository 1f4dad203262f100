//! What the operator may do: the ClusterRole in the cluster, the policy in AWS. Printed by `rbac` and `iam-policy`.

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use kube::api::ObjectMeta;
use serde_json::{Value, json};

use crate::api::{
    AccessGrant, ChannelActivation, GROUP, Incident, RotationOverride, TestPage, crds,
};
use crate::aws::{Operation, Service};

fn rule(group: &str, resources: &[impl AsRef<str>], verbs: &[&str]) -> PolicyRule {
    let owned = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let resources = resources.iter().map(|r| r.as_ref().to_owned());
    PolicyRule {
        api_groups: Some(owned(&[group])),
        resources: Some(resources.collect()),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

/// What the operator needs in the cluster, by where it needs it: an installation grants some of it in single namespaces only.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Rules {
    /// In the whole cluster: kinds that are in no namespace.
    pub cluster: Vec<PolicyRule>,
    /// In every watched namespace: our kinds.
    pub watched: Vec<PolicyRule>,
    /// In every watched namespace, and in `default`, where Events about cluster-scoped objects are kept.
    pub events: Vec<PolicyRule>,
    /// Where `spec.export` of schedules is used.
    pub exports: Vec<PolicyRule>,
    /// Where Secrets hold addresses and activation codes.
    pub secrets: Vec<PolicyRule>,
    /// In the operator's own namespace, for leader election.
    pub leases: Vec<PolicyRule>,
}

/// What the operator does, and nothing else: `tests/chart.rs` holds this against the API server's audit log.
pub fn rules() -> Rules {
    const READ: [&str; 3] = ["get", "list", "watch"];
    let plural = |crd: &CustomResourceDefinition| crd.spec.names.plural.clone();
    let grants = plural(&AccessGrant::crd());
    let activations = plural(&ChannelActivation::crd());
    let incidents = plural(&Incident::crd());
    let kinds = |scope: &str| {
        let kinds = crds().into_iter().filter(|crd| crd.spec.scope == scope);
        // Grants are looked at only, in the watch.
        let kinds = kinds.map(|crd| crd.spec.names.plural);
        let kinds: Vec<String> = kinds.filter(|kind| *kind != grants).collect();
        let statuses: Vec<String> = kinds.iter().map(|kind| format!("{kind}/status")).collect();
        (kinds, statuses)
    };
    let (cluster, cluster_statuses) = kinds("Cluster");
    let (watched, watched_statuses) = kinds("Namespaced");
    // An activation holds nothing in AWS that would have to be taken away with it.
    let with_finalizer: Vec<&String> = watched.iter().filter(|k| **k != activations).collect();
    Rules {
        cluster: vec![
            rule(GROUP, &cluster, &READ),
            // Finalizers.
            rule(GROUP, &cluster, &["patch"]),
            rule(GROUP, &cluster_statuses, &["patch"]),
            rule("", &["namespaces"], &READ),
        ],
        watched: vec![
            rule(GROUP, &watched, &READ),
            rule(GROUP, &[&grants], &["list", "watch"]),
            // Finalizers.
            rule(GROUP, &with_finalizer, &["patch"]),
            rule(GROUP, &watched_statuses, &["patch"]),
            // What has a time to live.
            rule(
                GROUP,
                &[
                    &activations,
                    &plural(&RotationOverride::crd()),
                    &plural(&TestPage::crd()),
                ],
                &["delete"],
            ),
            // Those that mirrorIncidents of a ResponsePlan shows.
            rule(GROUP, &[&incidents], &["create", "delete"]),
        ],
        events: vec![rule("events.k8s.io", &["events"], &["create", "patch"])],
        // One that the operator did not make is left alone.
        exports: vec![rule(
            "",
            &["configmaps"],
            &["get", "create", "patch", "delete"],
        )],
        secrets: vec![rule("", &["secrets"], &READ)],
        leases: vec![rule(
            "coordination.k8s.io",
            &["leases"],
            &["get", "create", "update"],
        )],
    }
}

/// The ClusterRole with which the operator may work in all namespaces.
pub fn cluster_role() -> ClusterRole {
    let Rules {
        cluster,
        watched,
        events,
        exports,
        secrets,
        leases,
    } = rules();
    ClusterRole {
        metadata: ObjectMeta {
            name: Some("incident-operator".to_owned()),
            ..ObjectMeta::default()
        },
        rules: Some([cluster, watched, events, exports, secrets, leases].concat()),
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
