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
    /// Says what the operator would do for manifests or for objects of the cluster, and who is on call before and after; writes nothing.
    Plan(Box<crate::plan::PlanArguments>),
    /// Lets go of objects: our tags in AWS and the finalizers come off, nothing else is touched. Before uninstalling or moving.
    Release(Box<crate::release::ReleaseArguments>),
    /// Writes on-call data as JSON for other tools, or shifts as iCalendar feeds; reads a cluster or an account and changes nothing.
    Export(Box<crate::export::ExportArguments>),
    /// Prints the script that completes commands and flags in a shell, for example: source <(incident-operator completion bash).
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Prints the custom resource definitions.
    Crds {
        /// Writes one file for each kind into this directory instead.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Prints a complete object of every kind, with what each field is for.
    Examples {
        /// Writes one file for each kind into this directory instead.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Prints the ClusterRole that the operator needs.
    Rbac {
        /// Prints the rules by where they are needed instead, for an installation that grants some of them in single namespaces only.
        #[arg(long)]
        rules: bool,
    },
    /// Prints the IAM policy that the operator needs.
    IamPolicy {
        /// Only for these kinds. What they refer to is to be named, too, unless others manage it.
        #[arg(long, value_delimiter = ',')]
        kinds: Vec<String>,
        /// Only to look: for objects with `managementPolicy: Observe`, and for `import`, `export` and `plan`.
        #[arg(long)]
        read_only: bool,
    },
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
    /// Namespaces in which labelled Secrets are watched and read, separated by commas; empty = none. Absent = the watched ones.
    #[arg(
        long,
        env = "INCIDENT_OPERATOR_SECRET_NAMESPACES",
        value_delimiter = ','
    )]
    pub secret_namespaces: Option<Vec<String>>,
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

    /// Every command, with those below it.
    fn commands(command: clap::Command) -> Vec<clap::Command> {
        let below = command.get_subcommands().cloned();
        let below: Vec<_> = below.flat_map(commands).collect();
        std::iter::once(command).chain(below).collect()
    }

    #[test]
    fn every_command_and_flag_says_what_it_is_for() {
        for command in commands(Arguments::command()) {
            let name = command.get_name().to_owned();
            assert!(command.get_about().is_some(), "{name}");
            for flag in command.get_arguments().filter(|a| !a.is_hide_set()) {
                assert!(flag.get_help().is_some(), "{name} {}", flag.get_id());
            }
        }
    }

    #[test]
    fn completion_is_written_for_every_shell_and_bash_takes_it() {
        use clap::ValueEnum as _;
        for shell in clap_complete::Shell::value_variants() {
            let mut script = vec![];
            let name = "incident-operator";
            clap_complete::generate(*shell, &mut Arguments::command(), name, &mut script);
            let text = String::from_utf8(script).unwrap();
            for word in ["import", "export", "release", "delete-objects"] {
                assert!(text.contains(word), "{shell}: {word}");
            }
            if *shell == clap_complete::Shell::Bash {
                let directory = tempfile::tempdir().unwrap();
                let file = directory.path().join("completion.bash");
                std::fs::write(&file, text).unwrap();
                let check = std::process::Command::new("bash")
                    .arg("-n")
                    .arg(&file)
                    .status();
                assert!(check.unwrap().success());
                let ask = format!(
                    "source {}; COMP_WORDS=(incident-operator rel); COMP_CWORD=1; _incident__operator incident-operator rel incident-operator; echo \"${{COMPREPLY[*]}}\"",
                    file.display()
                );
                let answer = std::process::Command::new("bash")
                    .args(["-c", &ask])
                    .output();
                assert_eq!(answer.unwrap().stdout, b"release\n");
            }
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("-1s").is_err() && duration("0s").is_err() && duration("soon").is_err());
    }
}
