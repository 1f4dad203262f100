//! Control plane, simulator, CRDs, permissions, operator and a ProviderConfig: what `up` and `demo` have in common.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::aws::{SECRET_KEY, access_key};
use harness::control_plane::{has_kubectl, write_atomically};
use harness::process::{Identified, Process};
use harness::setup::{self, GROUP, provider_config};
use harness::{
    Cluster, ControlPlane, Identity, Operator, OperatorOptions, Simulator, SimulatorOptions,
};
use kube::ResourceExt;
use serde_json::json;

/// The account of the dummy credentials.
pub const ACCOUNT: &str = "123456789012";
/// The Region of the environment.
pub const REGION: &str = "us-east-1";
/// Marks what a demo put into a cluster of the user's own, so that it takes away nothing else.
pub const DEMO_LABEL: &str = "incident-operator.dev/demo";

const NAMESPACE: &str = "incident-operator";

/// Everything, running.
pub struct Environment {
    pub cluster: Cluster,
    pub simulator: Simulator,
    pub identity: Identity,
    pub files: Files,
    plane: ControlPlane,
    operator: Operator,
    crds: Vec<String>,
}

/// Where things are.
#[derive(Clone, Debug)]
pub struct Files {
    pub env: PathBuf,
    /// What to type for kubectl.
    pub kubectl: String,
}

impl Environment {
    /// Starts everything in `directory`, on a cluster of the user's own if there is one. `say` hears of each step, `started` of each process.
    pub async fn start(
        directory: &Path,
        theirs: Option<ControlPlane>,
        say: impl Fn(&str),
        mut started: impl FnMut(&Process) -> Result<()>,
    ) -> Result<Self> {
        let demo_on_theirs = theirs.is_some();
        let plane = if let Some(plane) = theirs {
            refuse_installed(&plane.cluster().await?).await?;
            plane
        } else {
            say("starting kube-apiserver with etcd, and kube-controller-manager");
            ControlPlane::start(Some(directory.join("control-plane"))).await?
        };
        plane.processes().iter().try_for_each(&mut started)?;

        say("starting the simulated AWS");
        let simulator = Simulator::start(&SimulatorOptions {
            onboarded: Some(vec![]),
            state: Some(directory.join("simulator-state.json")),
            port: remembered_port(directory),
            log: Some(directory.join("simulator.log")),
            ..SimulatorOptions::default()
        })
        .await?;
        let port = simulator.endpoint().rsplit(':').next().unwrap_or_default();
        write_atomically(&directory.join("simulator.port"), port.as_bytes())?;
        simulator.process().into_iter().try_for_each(&mut started)?;

        say("installing CRDs and permissions");
        let cluster = plane.cluster().await?;
        let mut crds = setup::crds().await?;
        if demo_on_theirs {
            for crd in &mut crds {
                crd["metadata"]["labels"][DEMO_LABEL] = json!("true");
            }
        }
        let crds = setup::install(&cluster, crds).await?;
        let identity = plane
            .identity(
                &cluster,
                NAMESPACE,
                "incident-operator",
                &directory.join("operator"),
            )
            .await?;

        say("starting the operator");
        let flags = [
            "--namespace",
            NAMESPACE,
            "--leader-election",
            "false",
            "--admin-listen",
            "127.0.0.1:0",
            "--log-format",
            "text",
            // Whoever changes AWS by hand wants to see it put back within a coffee.
            "--drift-interval",
            "30s",
        ];
        let operator = Operator::start(OperatorOptions {
            kubeconfig: identity.kubeconfig.clone(),
            log: directory.join("operator.log"),
            endpoint: simulator.endpoint().to_owned(),
            account: ACCOUNT.to_owned(),
            flags: flags.map(ToOwned::to_owned).to_vec(),
            // So that who watches can move time on, and escalations with it.
            environment: BTreeMap::from([(
                "INCIDENT_OPERATOR_CLOCK_URL".to_owned(),
                simulator.clock_url(),
            )]),
            name: "operator".to_owned(),
        })
        .await?;
        started(operator.process())?;

        // One that is there already is the user's own by now.
        let existing = cluster.get("ProviderConfig", None, "default").await?;
        if existing.is_none() {
            cluster
                .try_apply(&provider_config("default", ACCOUNT, REGION, "local", &[]))
                .await
                .context("apply the default ProviderConfig")?;
        }
        let files = write_files(directory, &plane, &simulator)?;
        Ok(Self {
            cluster,
            simulator,
            identity,
            files,
            plane,
            operator,
            crds,
        })
    }

    /// URL of the operator's admin server.
    pub fn admin(&self) -> &str {
        self.operator.admin()
    }

    /// Every process, for a look at whether they run.
    pub fn processes(&self) -> Vec<&Process> {
        std::iter::once(self.operator.process())
            .chain(self.simulator.process())
            .chain(self.plane.processes())
            .collect()
    }

    /// Whether the control plane was started here.
    pub fn is_ours(&self) -> bool {
        self.plane.is_ours()
    }

    /// Takes out of a cluster of the user's own what the demo put there, while the operator still runs to let go of AWS.
    pub async fn uninstall(&self, namespaces: &[String]) -> Result<()> {
        for (kind, _) in self.cluster.our_kinds().await? {
            for object in self.cluster.list(&kind, None).await? {
                self.cluster
                    .delete(&kind, object.namespace().as_deref(), &object.name_any())
                    .await?;
            }
        }
        for crd in &self.crds {
            self.cluster
                .delete("CustomResourceDefinition", None, crd)
                .await?;
            self.cluster
                .gone(
                    "CustomResourceDefinition",
                    None,
                    crd,
                    Duration::from_mins(1),
                )
                .await?;
        }
        for binding in &self.identity.grants.bindings {
            self.cluster
                .delete("ClusterRoleBinding", None, binding)
                .await?;
        }
        for role in &self.identity.grants.roles {
            self.cluster.delete("ClusterRole", None, role).await?;
        }
        for namespace in namespaces.iter().map(String::as_str).chain([NAMESPACE]) {
            self.cluster.delete("Namespace", None, namespace).await?;
        }
        Ok(())
    }

    /// Ends everything, last started first.
    pub fn end(self) {
        self.operator.end();
        // The rest ends in this order as its owners are dropped.
        drop(self.simulator);
        drop(self.plane);
    }
}

/// A cluster that has our kinds already may page real people: the demo stays away from it.
async fn refuse_installed(cluster: &Cluster) -> Result<()> {
    for crd in cluster.list("CustomResourceDefinition", None).await? {
        if crd.name_any().ends_with(&format!(".{GROUP}")) && crd.labels().get(DEMO_LABEL).is_none()
        {
            bail!(
                "the cluster that DEMO_KUBECONFIG names has {} installed already; the demo would interfere with it",
                crd.name_any()
            );
        }
    }
    Ok(())
}

/// The port of last time, if it is free, so that shells with the old environment go on working.
fn remembered_port(directory: &Path) -> Option<u16> {
    let port: u16 = std::fs::read_to_string(directory.join("simulator.port"))
        .ok()?
        .trim()
        .parse()
        .ok()?;
    TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
}

fn write_files(directory: &Path, plane: &ControlPlane, simulator: &Simulator) -> Result<Files> {
    let kubeconfig = if plane.is_ours() {
        let copy = directory.join("kubeconfig");
        write_atomically(&copy, &std::fs::read(&plane.kubeconfig)?)?;
        copy
    } else {
        plane.kubeconfig.clone()
    };
    let mut kubectl = "kubectl".to_owned();
    let mut path = String::new();
    if !has_kubectl()
        && let Some(binary) = &plane.kubectl
    {
        let wrapper = directory.join("bin/kubectl");
        std::fs::create_dir_all(directory.join("bin"))?;
        write_atomically(
            &wrapper,
            format!("#!/bin/sh\nexec {} kubectl \"$@\"\n", quoted(binary)).as_bytes(),
        )?;
        std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755))?;
        path = format!("export PATH={}:\"$PATH\"\n", quoted(&directory.join("bin")));
        kubectl = wrapper.display().to_string();
    }
    let mut env = String::from(
        "# Source this file: `. .../env`. The credentials are good for the simulated AWS only.\n",
    );
    writeln!(env, "export KUBECONFIG={}", quoted(&kubeconfig))?;
    writeln!(env, "export AWS_ENDPOINT_URL={}", simulator.endpoint())?;
    writeln!(
        env,
        "export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}"
    )?;
    writeln!(
        env,
        "export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={SECRET_KEY}",
        access_key(ACCOUNT)
    )?;
    writeln!(env, "unset AWS_PROFILE AWS_SESSION_TOKEN")?;
    writeln!(
        env,
        "export NO_PROXY=\"127.0.0.1,localhost${{NO_PROXY:+,$NO_PROXY}}\""
    )?;
    env.push_str(&path);
    let file = directory.join("env");
    write_atomically(&file, env.as_bytes())?;
    Ok(Files { env: file, kubectl })
}

/// Quoted for a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Records a process for `down`.
pub fn identified(process: &Process) -> Result<Identified> {
    Identified::of(process.name(), process.pid())
}

/// A path as people like to read it: relative to where they are, if it lies below.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here)
        .unwrap_or(path)
        .display()
        .to_string()
}
