//! The way to a cluster, for commands that people run.

use std::time::Duration;

use clap::Args;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// How long a request to the API server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Which cluster.
#[derive(Args, Debug, Clone, Default)]
pub struct ClusterArguments {
    /// Context of the kubeconfig to use. Absent = its current one. The file is that of KUBECONFIG, else ~/.kube/config; in a Pod, its own
    /// ServiceAccount.
    #[arg(long)]
    pub context: Option<String>,
}

/// Why there is no way to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No kubeconfig.
    #[error("no cluster to work with: {0}. Set KUBECONFIG, or run in a Pod")]
    None(#[from] kube::config::InferConfigError),
    /// No such context, or a kubeconfig that cannot be read.
    #[error("--context: {0}")]
    Context(#[from] kube::config::KubeconfigError),
    /// No client.
    #[error("no way to the Kubernetes API server: {0}")]
    Client(#[from] kube::Error),
}

/// A client, and the namespace that commands work in when none is named.
///
/// # Errors
/// When the kubeconfig names no cluster.
pub async fn connect(arguments: &ClusterArguments) -> Result<(Client, String), Failure> {
    let mut config = match &arguments.context {
        None => Config::infer().await?,
        Some(context) => {
            let options = KubeConfigOptions {
                context: Some(context.clone()),
                ..KubeConfigOptions::default()
            };
            Config::from_custom_kubeconfig(Kubeconfig::read()?, &options).await?
        }
    };
    config.read_timeout = Some(TIMEOUT);
    let namespace = config.default_namespace.clone();
    Ok((Client::try_from(config)?, namespace))
}
