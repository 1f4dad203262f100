//! `up`, `down`, and the supervisor between them, which holds the pipes that keep the processes alive.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::ControlPlane;
use harness::control_plane::{own_binary, write_atomically};
use harness::process::{Identified, append};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::environment::{ACCOUNT, Environment, REGION, identified, shown};

/// How long a start may take once everything is built.
const START: Duration = Duration::from_mins(3);

/// Half the life of the operator's token.
const RENEW: Duration = Duration::from_hours(12);

/// What `up`, `down` and the supervisor tell each other, in `state.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    supervisor: Identified,
    processes: Vec<Identified>,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Starting,
    Ready {
        kubectl: String,
        endpoint: String,
        admin: String,
    },
    Failed(String),
}

impl State {
    fn path(directory: &Path) -> PathBuf {
        directory.join("state.json")
    }

    fn read(directory: &Path) -> Result<Option<Self>> {
        match std::fs::read(Self::path(directory)) {
            Ok(bytes) => {
                Ok(Some(serde_json::from_slice(&bytes).with_context(|| {
                    format!("read {}", Self::path(directory).display())
                })?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(|| format!("read {}", Self::path(directory).display()))
            }
        }
    }

    fn write(&self, directory: &Path) -> Result<()> {
        write_atomically(&Self::path(directory), &serde_json::to_vec_pretty(self)?)
    }
}

/// Starts everything in the background, or says that it is up.
pub async fn up(directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("create {}", directory.display()))?;
    let directory = std::fs::canonicalize(directory)?;
    let mut already = true;
    let mut supervisor = None;
    match State::read(&directory)? {
        Some(state) if state.supervisor.is_running() => {
            let ended: Vec<String> = state
                .processes
                .iter()
                .filter(|process| !process.is_running())
                .map(|process| process.name.clone())
                .collect();
            if !ended.is_empty() {
                bail!(
                    "up, but {} has ended; its log is in {}. Run `make down` and `make up`",
                    ended.join(" and "),
                    shown(&directory)
                );
            }
        }
        state => {
            if let Some(state) = state {
                // A supervisor that was killed takes its processes with it; wait rather than start beside them.
                state.processes.iter().for_each(|process| {
                    process.stop(Duration::from_secs(20));
                });
                std::fs::remove_file(State::path(&directory))?;
            }
            if std::env::var_os("KUBEBUILDER_ASSETS").is_none() {
                tokio::task::spawn_blocking(own_binary).await??;
            }
            already = false;
            supervisor = Some(spawn_supervisor(&directory)?);
        }
    }
    let (kubectl, endpoint, admin) = wait_until_ready(&directory, supervisor).await?;
    println!(
        "{}: a Kubernetes API, a simulated AWS and the operator",
        if already { "already up" } else { "up" }
    );
    println!(
        "  . {:<28} # sets KUBECONFIG, AWS_ENDPOINT_URL, AWS_REGION and dummy credentials",
        shown(&directory.join("env"))
    );
    println!(
        "  {:<30} # then, as with any cluster",
        format!("{} get incident-manager -A", shown(Path::new(&kubectl)))
    );
    println!(
        "  aws ssm-contacts list-contacts # and any AWS client, in account {ACCOUNT}, Region {REGION}"
    );
    println!(
        "  logs and data are in {}; simulator {endpoint}; operator {admin}/metrics",
        shown(&directory)
    );
    println!(
        "  make down stops it and keeps the data; rm -r {} after that starts afresh",
        shown(&directory)
    );
    Ok(())
}

fn spawn_supervisor(directory: &Path) -> Result<Child> {
    let log = directory.join("supervisor.log");
    std::fs::write(&log, "").with_context(|| format!("write {}", log.display()))?;
    let output = append(&log)?;
    Command::new(std::env::current_exe()?)
        .arg("supervise")
        .arg("--dir")
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .context("start the supervisor")
}

/// `supervisor` is the one that was just started; absent = it was found.
async fn wait_until_ready(
    directory: &Path,
    mut supervisor: Option<Child>,
) -> Result<(String, String, String)> {
    let deadline = Instant::now() + START;
    let log = directory.join("supervisor.log");
    let mut printed = 0;
    loop {
        let state = State::read(directory)?;
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        if let Some(State {
            phase:
                Phase::Ready {
                    kubectl,
                    endpoint,
                    admin,
                },
            ..
        }) = state
        {
            return Ok((kubectl, endpoint, admin));
        }
        for line in text.lines().skip(printed) {
            println!("{line}");
            printed += 1;
        }
        if let Some(State {
            phase: Phase::Failed(message),
            ..
        }) = state
        {
            bail!("{message}\n(log: {})", shown(&log));
        }
        let ended = match &mut supervisor {
            Some(child) => child.try_wait()?.is_some(),
            None => state.is_none_or(|state| !state.supervisor.is_running()),
        };
        if ended {
            bail!(
                "the supervisor ended, as `make down` asks it to; its log is {}",
                shown(&log)
            );
        }
        if Instant::now() >= deadline {
            bail!(
                "not ready after {START:?}; logs are in {}",
                shown(directory)
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Stops what `up` started.
pub fn down(directory: &Path) -> Result<()> {
    let Some(state) = State::read(directory)? else {
        println!("nothing is up");
        return Ok(());
    };
    let mut stopped: Vec<String> = state
        .processes
        .iter()
        .filter(|process| process.is_running())
        .map(|process| format!("{} ({})", process.name, process.pid))
        .collect();
    stopped.reverse();
    let supervised = state.supervisor.is_running();
    if supervised && !state.supervisor.stop(Duration::from_mins(1)) {
        println!(
            "the supervisor ({}) did not end by itself and was killed",
            state.supervisor.pid
        );
    }
    // They end when the supervisor does; this is for those that hang.
    for process in state.processes.iter().rev() {
        if !process.stop(Duration::from_secs(20)) {
            println!(
                "{} ({}) did not end by itself and was killed",
                process.name, process.pid
            );
        }
    }
    let _ = std::fs::remove_file(State::path(directory));
    let _ = std::fs::remove_file(directory.join("env"));
    match (stopped.is_empty(), supervised) {
        (true, false) => println!("nothing was running any more"),
        (true, true) => println!("stopped before anything had started"),
        _ => println!(
            "stopped {}; data and logs stay in {}",
            stopped.join(", "),
            directory.display()
        ),
    }
    Ok(())
}

/// Owns the processes until it is told to end.
pub async fn supervise(directory: &Path) -> Result<()> {
    // Away from the terminal: closing it or Ctrl-C there is no reason to stop. Fails when we lead a session already, which is as good.
    let _ = rustix::process::setsid();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let supervisor = Identified::of("supervisor", std::process::id())?;
    let mut state = State {
        supervisor,
        processes: vec![],
        phase: Phase::Starting,
    };
    state.write(directory)?;

    let starting = Environment::start(
        directory,
        None::<ControlPlane>,
        |step| println!("{step}"),
        |process| {
            state.processes.push(identified(process)?);
            state.write(directory)
        },
    );
    let outcome = tokio::select! {
        outcome = starting => outcome,
        _ = terminate.recv() => return Ok(()),
    };
    let environment = match outcome {
        Ok(environment) => environment,
        Err(error) => {
            state.phase = Phase::Failed(format!("{error:#}"));
            state.write(directory)?;
            return Err(error);
        }
    };
    state.phase = Phase::Ready {
        kubectl: environment.files.kubectl.clone(),
        endpoint: environment.simulator.endpoint().to_owned(),
        admin: environment.admin().to_owned(),
    };
    state.write(directory)?;
    println!("ready");

    let mut look = tokio::time::interval(Duration::from_secs(2));
    let mut renew = tokio::time::interval(RENEW);
    renew.reset();
    let mut told = vec![];
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {}
            _ = renew.tick() => {
                if let Err(error) = environment.identity.renew(&environment.cluster).await {
                    println!("the operator's token was not renewed: {error:#}");
                }
            }
            _ = look.tick() => {
                for process in environment.processes() {
                    if let Some(status) = process.exit_status() && !told.contains(&process.pid()) {
                        told.push(process.pid());
                        println!("{} ended ({status}); its log is {}", process.name(), process.log().display());
                    }
                }
            }
        }
    }
    println!("stopping");
    environment.end();
    println!("stopped");
    Ok(())
}
