//! What the operator may do: the ClusterRole in the cluster, the policy in AWS. Printed by `rbac` and `iam-policy`.

use std::collections::BTreeSet;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use kube::api::ObjectMeta;
use serde_json::{Value, json};

use crate::api::{
    AccessGrant, ChannelActivation, GROUP, Incident, RotationOverride, TestPage, crds,
};
use crate::aws::Operation;

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

/// The operations that the objects of a kind need; those of what they refer to stand with the other kinds.
fn operations(kind: &str) -> &'static [Operation] {
    use Operation as O;
    match kind {
        "Contact" => &[
            O::ActivateContactChannel,
            O::CreateContact,
            O::CreateContactChannel,
            O::DeactivateContactChannel,
            O::DeleteContact,
            O::DeleteContactChannel,
            O::GetContact,
            O::ListContactChannels,
            O::ListContacts,
            O::ListTagsForContact,
            O::TagContact,
            O::UntagContact,
            O::UpdateContact,
            O::UpdateContactChannel,
        ],
        "ChannelActivation" => &[
            O::ActivateContactChannel,
            O::GetContactChannel,
            O::SendActivationCode,
        ],
        "OnCallSchedule" => &[
            O::CreateContact,
            O::CreateRotation,
            O::DeleteContact,
            O::DeleteRotation,
            O::GetContact,
            O::GetRotation,
            O::ListContacts,
            O::ListRotationOverrides,
            O::ListRotationShifts,
            O::ListRotations,
            O::ListTagsForContact,
            O::TagContact,
            O::UntagContact,
            O::UpdateContact,
            O::UpdateRotation,
        ],
        "RotationOverride" => &[
            O::CreateRotationOverride,
            O::DeleteRotationOverride,
            O::GetRotation,
            O::ListRotationOverrides,
            O::ListRotations,
        ],
        "EscalationPlan" => &[
            O::CreateContact,
            O::DeleteContact,
            O::GetContact,
            O::ListContacts,
            O::ListTagsForContact,
            O::TagContact,
            O::UntagContact,
            O::UpdateContact,
        ],
        "ResponsePlan" => &[
            O::CreateResponsePlan,
            O::DeleteResponsePlan,
            O::GetResponsePlan,
            O::ListContacts,
            O::ListIncidentRecords,
            O::ListResponsePlans,
            O::ListTagsForIncidentResource,
            O::TagIncidentResource,
            O::UntagIncidentResource,
            O::UpdateResponsePlan,
        ],
        "Incident" => &[
            O::BatchGetIncidentFindings,
            O::GetIncidentRecord,
            O::GetResponsePlan,
            O::GetTimelineEvent,
            O::ListContacts,
            O::ListEngagements,
            O::ListIncidentFindings,
            O::ListIncidentRecords,
            O::ListPagesByEngagement,
            O::ListRelatedItems,
            O::ListTimelineEvents,
            O::StartIncident,
            O::UpdateIncidentRecord,
            O::UpdateRelatedItems,
        ],
        "TestPage" => &[
            O::GetContact,
            O::ListContacts,
            O::ListEngagements,
            O::ListPagesByEngagement,
            O::StartEngagement,
            O::StopEngagement,
        ],
        "ReplicationSet" => &[
            O::CreateReplicationSet,
            O::DeleteReplicationSet,
            O::ListTagsForIncidentResource,
            O::TagIncidentResource,
            O::UntagIncidentResource,
            O::UpdateDeletionProtection,
            O::UpdateReplicationSet,
        ],
        "AlternateContact" => &[
            O::DeleteAlternateContact,
            O::GetAlternateContact,
            O::PutAlternateContact,
        ],
        "VpcEndpoint" => &[
            O::AuthorizeSecurityGroupIngress,
            O::CreateSecurityGroup,
            O::CreateTags,
            O::CreateVpcEndpoint,
            O::DeleteSecurityGroup,
            O::DeleteTags,
            O::DeleteVpcEndpoints,
            O::DescribeNetworkInterfaces,
            O::DescribeRouteTables,
            O::DescribeSecurityGroups,
            O::DescribeSubnets,
            O::DescribeVpcAttribute,
            O::DescribeVpcEndpointServices,
            O::DescribeVpcEndpoints,
            O::DescribeVpcs,
            O::ModifyVpcEndpoint,
            O::RevokeSecurityGroupEgress,
            O::RevokeSecurityGroupIngress,
            O::UpdateSecurityGroupRuleDescriptionsIngress,
        ],
        _ => &[],
    }
}

/// Every account is looked at for its replication set, whatever kinds are used.
const ALWAYS: [Operation; 2] = [Operation::ListReplicationSets, Operation::GetReplicationSet];

/// What the policy is for.
#[derive(Debug, Clone, Default)]
pub struct PolicyScope {
    /// Kinds; empty = all.
    pub kinds: Vec<String>,
    /// Nothing is to be changed in AWS (`managementPolicy: Observe`).
    pub read_only: bool,
}

/// No such kind.
#[derive(Debug, thiserror::Error)]
#[error("{kind} is none of the kinds that are in AWS: {}", .known.join(", "))]
pub struct UnknownKind {
    kind: String,
    known: Vec<String>,
}

/// The IAM policy that the operator's role needs: every operation that it calls, and what AWS checks besides.
///
/// # Errors
/// When a kind is not known.
pub fn iam_policy(scope: &PolicyScope) -> Result<Value, UnknownKind> {
    let kinds = crds().into_iter().map(|crd| crd.spec.names.kind);
    let known: Vec<String> = kinds.filter(|kind| !operations(kind).is_empty()).collect();
    if let Some(kind) = scope.kinds.iter().find(|kind| !known.contains(kind)) {
        let kind = kind.clone();
        return Err(UnknownKind { kind, known });
    }
    let kinds = if scope.kinds.is_empty() {
        &known
    } else {
        &scope.kinds
    };
    let needed = kinds.iter().flat_map(|kind| operations(kind));
    let needed: BTreeSet<Operation> = needed
        .chain(&ALWAYS)
        .filter(|o| !(scope.read_only && o.is_mutating()))
        .copied()
        .collect();
    let mut actions: BTreeSet<&str> = needed.iter().map(|o| o.iam_action()).collect();
    let calls = |operations: &[Operation]| operations.iter().any(|o| needed.contains(o));
    // AWS asks for this wherever a contact's plan is written (Service Authorization Reference).
    if calls(&[Operation::CreateContact, Operation::UpdateContact]) {
        actions.insert("ssm-contacts:AssociateContact");
    }
    // What is made is tagged in the same call.
    if calls(&[
        Operation::CreateReplicationSet,
        Operation::CreateResponsePlan,
        Operation::StartIncident,
    ]) {
        actions.insert(Operation::TagIncidentResource.iam_action());
    }
    // Private DNS of a VPC endpoint is a hosted zone that AWS puts into the VPC.
    if calls(&[Operation::CreateVpcEndpoint, Operation::ModifyVpcEndpoint]) {
        actions.insert("route53:AssociateVPCWithHostedZone");
    }
    let mut statements = vec![
        json!({"Sid": "IncidentOperator", "Effect": "Allow", "Action": actions, "Resource": "*"}),
    ];
    // The role of a response plan's runbook. `ProviderConfig.spec.passRoleArns` limits it too.
    if calls(&[Operation::CreateResponsePlan, Operation::UpdateResponsePlan]) {
        statements.push(json!({
            "Sid": "PassRunbookRoles", "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": INCIDENTS_PRINCIPAL}},
        }));
    }
    // The first replication set of an account.
    if calls(&[Operation::CreateReplicationSet]) {
        statements.push(json!({
            "Sid": "ServiceLinkedRole", "Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "*",
            "Condition": {"StringEquals": {"iam:AWSServiceName": INCIDENTS_PRINCIPAL}},
        }));
    }
    Ok(json!({"Version": "2012-10-17", "Statement": statements}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Service;

    #[test]
    fn the_policy_names_actions_without_wildcards() {
        let policy = iam_policy(&PolicyScope::default()).unwrap().to_string();
        assert!(
            policy.contains("ssm-contacts:CreateContact\"")
                && policy.contains("ssm-contacts:AssociateContact\""),
            "{policy}"
        );
        assert!(!policy.contains(":*"), "{policy}");
    }

    #[test]
    fn every_operation_is_of_some_kind() {
        let kinds = crds().into_iter().map(|crd| crd.spec.names.kind);
        let known: BTreeSet<Operation> = kinds
            .flat_map(|kind| operations(&kind))
            .chain(&ALWAYS)
            .copied()
            .collect();
        let sent = Operation::ALL.iter().copied();
        let sent: BTreeSet<Operation> = sent.filter(|o| o.service() != Service::STS).collect();
        assert_eq!(known, sent);
    }

    #[test]
    fn a_policy_for_some_kinds_has_nothing_of_the_others() {
        let of = |kinds: &[&str], read_only| {
            let kinds = kinds.iter().map(|k| (*k).to_owned()).collect();
            iam_policy(&PolicyScope { kinds, read_only }).map(|policy| policy.to_string())
        };
        let plans = of(&["EscalationPlan"], false).unwrap();
        assert!(plans.contains("AssociateContact") && !plans.contains("Rotation"));
        assert!(!plans.contains("PassRole") && !plans.contains("ec2:"));
        let observed = of(&["ResponsePlan", "VpcEndpoint"], true).unwrap();
        for write in [
            "Create",
            "Update",
            "Modify",
            "Delete",
            "Tag",
            "PassRole",
            "Associate",
        ] {
            assert!(
                !observed.replace("ListTagsForResource", "").contains(write),
                "{write}: {observed}"
            );
        }
        let unknown = of(&["Contacts"], false).unwrap_err().to_string();
        assert!(unknown.contains("Contacts is none of") && unknown.contains("RotationOverride"));
        assert!(of(&["AccessGrant"], false).is_err());
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
