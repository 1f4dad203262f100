//! What an installation puts into a cluster: CRDs, permissions, a ProviderConfig.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::cluster::{Cluster, documents};
use crate::paths::operator_binary;
use crate::poll::{poll, seconds};

/// The API group of our kinds.
pub const GROUP: &str = "incident-operator.dev";
/// Its version.
pub const VERSION: &str = "v1alpha1";

/// What a subcommand of the operator prints, as objects.
async fn printed(subcommand: &'static str) -> Result<Vec<Value>> {
    let binary = operator_binary()?;
    let output = tokio::task::spawn_blocking(move || {
        Command::new(binary)
            .arg(subcommand)
            .stdin(Stdio::null())
            .output()
    })
    .await?
    .with_context(|| format!("run incident-operator {subcommand}"))?;
    if !output.status.success() {
        bail!(
            "incident-operator {subcommand}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    documents(&String::from_utf8(output.stdout)?)
}

/// The CRDs as the operator's binary prints them.
pub async fn crds() -> Result<Vec<Value>> {
    printed("crds").await
}

/// Installs the CRDs and waits until the API server serves them.
pub async fn install_crds(cluster: &Cluster) -> Result<Vec<String>> {
    install(cluster, crds().await?).await
}

/// Installs the given CRDs and waits until the API server serves them.
pub async fn install(cluster: &Cluster, crds: Vec<Value>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for crd in crds {
        let name = crd["metadata"]["name"]
            .as_str()
            .context("a CRD's name")?
            .to_owned();
        cluster
            .try_apply(&crd)
            .await
            .with_context(|| format!("install CRD {name}"))?;
        names.push(name);
    }
    for name in &names {
        poll(seconds(30), async || -> Result<()> {
            let crd = cluster
                .get("CustomResourceDefinition", None, name)
                .await?
                .context("it is gone")?;
            let established = crate::checks::conditions(&crd)
                .iter()
                .any(|condition| condition.kind == "Established" && condition.is_true());
            if established {
                Ok(())
            } else {
                bail!("not established yet")
            }
        })
        .await
        .map_err(|missing| anyhow::anyhow!("CRD {name}: {missing}"))?;
    }
    cluster.forget_kinds();
    Ok(names)
}

/// What [`grant`] made outside of namespaces, for whoever wants it gone.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// ClusterRoles; several accounts may be bound to one.
    pub roles: Vec<String>,
    /// ClusterRoleBindings.
    pub bindings: Vec<String>,
}

/// Creates the namespace and the ServiceAccount, and binds it to the permissions that `incident-operator rbac` prints.
pub async fn grant(cluster: &Cluster, namespace: &str, account: &str) -> Result<Grants> {
    cluster
        .try_apply(
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        )
        .await?;
    cluster.try_apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace}})).await?;
    let mut granted = Grants::default();
    for mut object in printed("rbac").await? {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        if !matches!(kind.as_str(), "ClusterRole" | "Role") {
            continue;
        }
        let name = object["metadata"]["name"]
            .as_str()
            .context("a role's name")?
            .to_owned();
        let binding = format!("{name}-{namespace}-{account}");
        let mut metadata = json!({"name": &binding});
        let mut binding_kind = "ClusterRoleBinding";
        if kind == "Role" {
            // A role without a namespace is meant for the operator's own.
            let home = object["metadata"]["namespace"]
                .as_str()
                .unwrap_or(namespace)
                .to_owned();
            object["metadata"]["namespace"] = json!(home);
            metadata["namespace"] = json!(home);
            binding_kind = "RoleBinding";
        } else {
            granted.roles.push(name.clone());
            granted.bindings.push(binding.clone());
        }
        cluster
            .try_apply(&object)
            .await
            .with_context(|| format!("install {kind} {name}"))?;
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": binding_kind,
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        });
        cluster
            .try_apply(&binding)
            .await
            .with_context(|| format!("bind {kind} {name}"))?;
    }
    Ok(granted)
}

/// A ProviderConfig that suits a simulator: generous limits, no brake, everything allowed in `namespaces` (none = everywhere).
pub fn provider_config(
    name: &str,
    account: &str,
    region: &str,
    owner: &str,
    namespaces: &[String],
) -> Value {
    let allowed = if namespaces.is_empty() {
        json!({"selector": {}})
    } else {
        json!({"names": namespaces})
    };
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "ProviderConfig",
        "metadata": {"name": name},
        "spec": {
            "accountId": account,
            "region": region,
            "ownerId": owner,
            "allowedNamespaces": allowed,
            "adoption": {"allowedNamespaces": allowed},
            "unmanagedReferences": "Allow",
            "rateLimits": [
                {"group": "ContactsRead", "perSecond": 1000},
                {"group": "ContactsWrite", "perSecond": 1000},
                {"group": "RotationsRead", "perSecond": 1000},
                {"group": "EngagementsWrite", "perSecond": 1000},
                {"group": "EngagementsRead", "perSecond": 1000},
                {"group": "EngagementLists", "perSecond": 1000},
                {"group": "IncidentsRead", "perSecond": 1000},
                {"group": "IncidentsWrite", "perSecond": 1000},
                {"group": "ReplicationSetWrite", "perSecond": 1000},
                {"group": "EC2Read", "perSecond": 1000},
                {"group": "EC2Write", "perSecond": 1000},
                {"group": "Identity", "perSecond": 1000},
            ],
            "deletionBudget": {"maxPerHour": 1000},
        },
    })
}
