//! Arguments of the one binary.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Kubernetes operator for AWS Systems Manager Incident Manager.
#[derive(Parser, Debug)]
#[command(version, about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Runs the operator against the cluster of KUBECONFIG or the one it runs in.
    Run(Box<RunArguments>),
    /// Reads an account and writes manifests that take over what is there; changes nothing in AWS.
    Import(Box<crate::import::ImportArguments>),
    /// Prints the custom resource definitions.
    Crds {
        /// Writes one file for each kind into this directory instead.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Prints the ClusterRole that the operator needs.
    Rbac,
    /// Prints the IAM policy that the operator needs.
    IamPolicy,
}

/// How log lines look.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Settings of `run`. Every flag can be given as environment variable `INCIDENT_OPERATOR_<FLAG>`.
#[derive(Args, Debug)]
pub struct RunArguments {
    /// Namespaces to watch, separated by commas. Absent = all.
    #[arg(
        long,
        env = "INCIDENT_OPERATOR_WATCH_NAMESPACES",
        value_delimiter = ','
    )]
    pub watch_namespaces: Vec<String>,
    /// Label selector for cluster-scoped kinds. Absent = all.
    #[arg(long, env = "INCIDENT_OPERATOR_CLUSTER_SELECTOR")]
    pub cluster_selector: Option<String>,
    /// How often AWS is compared when nothing changes, for example 10m; each object's own moment varies by a tenth.
    #[arg(long, env = "INCIDENT_OPERATOR_DRIFT_INTERVAL", default_value = "10m", value_parser = duration)]
    pub drift_interval: Duration,
    /// Passes at a time for each priority.
    #[arg(long, env = "INCIDENT_OPERATOR_CONCURRENCY", default_value_t = 32)]
    pub concurrency: usize,
    /// Where /livez, /readyz and /metrics are served.
    #[arg(
        long,
        env = "INCIDENT_OPERATOR_ADMIN_LISTEN",
        default_value = "0.0.0.0:8080"
    )]
    pub admin_listen: SocketAddr,
    /// Work only while holding a Lease, so that replicas do not work at the same time.
    #[arg(long, env = "INCIDENT_OPERATOR_LEADER_ELECTION", default_value_t = true, action = clap::ArgAction::Set)]
    pub leader_election: bool,
    /// Refuse every reference to an object of another namespace, AccessGrants or not.
    #[arg(long, env = "INCIDENT_OPERATOR_NO_CROSS_NAMESPACE_REFS")]
    pub no_cross_namespace_refs: bool,
    /// Tell in the metrics who is on call, by name. Without it the metrics name no people.
    #[arg(long, env = "INCIDENT_OPERATOR_METRICS_WITH_PEOPLE")]
    pub metrics_with_people: bool,
    /// Name of the Lease.
    #[arg(
        long,
        env = "INCIDENT_OPERATOR_LEASE_NAME",
        default_value = "incident-operator"
    )]
    pub lease_name: String,
    /// Namespace of the Lease. Absent = the operator's own.
    #[arg(long, env = "INCIDENT_OPERATOR_LEASE_NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// The operator's own namespace. Absent = the one of the kubeconfig or of the Pod.
    #[arg(long, env = "INCIDENT_OPERATOR_NAMESPACE")]
    pub namespace: Option<String>,
    /// How log lines look.
    #[arg(
        long,
        env = "INCIDENT_OPERATOR_LOG_FORMAT",
        value_enum,
        default_value = "json"
    )]
    pub log_format: LogFormat,
    /// What is logged: a level, or a filter such as info,incident_operator=debug.
    #[arg(long, env = "INCIDENT_OPERATOR_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// End when standard input is closed; for those who start the operator as a child process.
    #[arg(long, env = "INCIDENT_OPERATOR_EXIT_WITH_STDIN", hide = true)]
    pub exit_with_stdin: bool,
    /// Follow the clock at this URL instead of the wall's; for tests.
    #[arg(long, env = "INCIDENT_OPERATOR_CLOCK_URL", hide = true)]
    pub clock_url: Option<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().map_err(|e: jiff::Error| e.to_string())?;
    let duration = Duration::try_from(span).map_err(|_| "a duration is not negative".to_owned())?;
    if duration < Duration::from_millis(100) {
        return Err("at least 100ms".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("-1s").is_err() && duration("0s").is_err() && duration("soon").is_err());
    }
}
