//! The operator's real binary as a child process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::aws::{SECRET_KEY, operator_key};
use crate::paths::operator_binary;
use crate::process::{Process, Usage};

/// How long it may take to say where its admin server listens.
const START: Duration = Duration::from_mins(1);

/// How to start an operator.
#[derive(Clone, Debug)]
pub struct OperatorOptions {
    /// Kubeconfig it uses.
    pub kubeconfig: PathBuf,
    /// File for all it prints; runs append.
    pub log: PathBuf,
    /// URL of AWS.
    pub endpoint: String,
    /// Account of its credentials.
    pub account: String,
    /// Flags after `run`; those that every child needs are added.
    pub flags: Vec<String>,
    /// Further environment.
    pub environment: BTreeMap<String, String>,
    /// What it is called in messages.
    pub name: String,
}

/// An operator that was started.
#[derive(Debug)]
pub struct Operator {
    options: OperatorOptions,
    process: Process,
    admin: String,
    http: reqwest::Client,
}

impl Operator {
    /// Starts one and waits until its admin server listens.
    pub async fn start(options: OperatorOptions) -> Result<Self> {
        let process = spawn(&options)?;
        let admin = process.line("admin ", START).await?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            options,
            process,
            admin,
            http,
        })
    }

    /// Starts one that may end at any moment, such as at a fail point in its first seconds.
    pub fn start_unattended(options: &OperatorOptions) -> Result<Process> {
        spawn(options)
    }

    /// What it was started with; changes take effect with [`Self::restart`].
    pub fn options_mut(&mut self) -> &mut OperatorOptions {
        &mut self.options
    }

    /// kill -9; gone on return.
    pub fn kill9(&self) -> Option<ExitStatus> {
        self.process.kill()
    }

    /// Closes its standard input and waits: the orderly end.
    pub fn end(&self) -> bool {
        self.process.end(Duration::from_secs(20))
    }

    /// Starts it again, after ending it where that has not happened yet.
    pub async fn restart(&mut self) -> Result<()> {
        if self.process.exit_status().is_none() {
            self.end();
        }
        let process = spawn(&self.options)?;
        self.admin = process.line("admin ", START).await?;
        self.process = process;
        Ok(())
    }

    /// Waits until it ends by itself.
    pub async fn wait_exit(&self, timeout: Duration) -> Option<ExitStatus> {
        self.process.wait(timeout).await
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        self.process.exit_status().is_none()
    }

    /// URL of its admin server.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Memory and processor time used by this run.
    pub fn usage(&self) -> Result<Usage> {
        self.process.usage()
    }

    /// Everything that all its runs printed.
    pub fn logs(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.options.log).unwrap_or_default()).into_owned()
    }

    /// An answer of the admin server, and its status.
    pub async fn ask(&self, path: &str) -> Result<(u16, String)> {
        let response = self
            .http
            .get(format!("{}{path}", self.admin))
            .send()
            .await?;
        let status = response.status().as_u16();
        Ok((status, response.text().await?))
    }

    /// The metrics as text.
    pub async fn metrics(&self) -> Result<String> {
        let (status, text) = self.ask("/metrics").await?;
        if status != 200 {
            bail!("/metrics: {status} {text}");
        }
        Ok(text)
    }

    /// The sum of a metric's samples whose labels contain all of `labels` (each as `name="value"`); `None` when there is none.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> Result<Option<f64>> {
        Ok(sum_of(&self.metrics().await?, name, labels))
    }
}

fn sum_of(metrics: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let samples = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (line_labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.rsplit_once("} ")?,
            None => ("", rest.strip_prefix(' ')?),
        };
        let value: f64 = value.split(' ').next()?.parse().ok()?;
        labels
            .iter()
            .all(|label| line_labels.contains(label))
            .then_some(value)
    });
    samples.reduce(|sum, value| sum + value)
}

impl Drop for Operator {
    fn drop(&mut self) {
        // Nothing is lost: it may die at any moment by contract, and a failed test should end soon.
        self.process.kill();
    }
}

fn spawn(options: &OperatorOptions) -> Result<Process> {
    let mut command = Command::new(operator_binary()?);
    command
        .arg("run")
        .arg("--exit-with-stdin")
        .args(&options.flags);
    // Nothing of the user's own AWS or Kubernetes configuration may leak in.
    command.env_clear();
    for name in [
        "PATH",
        "HOME",
        "TMPDIR",
        "TZ",
        "RUST_BACKTRACE",
        "LD_LIBRARY_PATH",
        "LLVM_PROFILE_FILE",
    ] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("KUBECONFIG", &options.kubeconfig)
        .env("AWS_ENDPOINT_URL", &options.endpoint)
        .env("AWS_ACCESS_KEY_ID", operator_key(&options.account))
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .envs(&options.environment);
    Process::start(&options.name, command, &options.log).context("start the operator")
}

#[cfg(test)]
mod tests {
    use super::sum_of;

    #[test]
    fn samples_are_summed_by_name_and_labels() {
        let metrics = "# TYPE calls counter\ncalls_total{op=\"Get\",code=\"200\"} 2\ncalls_total{op=\"Put\",code=\"200\"} 3\nup 1\n";
        assert_eq!(sum_of(metrics, "calls_total", &[]), Some(5.0));
        assert_eq!(
            sum_of(metrics, "calls_total", &["op=\"Put\"", "code=\"200\""]),
            Some(3.0)
        );
        assert_eq!(sum_of(metrics, "up", &[]), Some(1.0));
        assert_eq!(sum_of(metrics, "calls", &[]), None);
    }
}
