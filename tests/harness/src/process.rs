//! Child processes that end when we do.

use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// A child process whose standard input is a pipe that only we hold open, with everything it prints in one file.
///
/// The pipe is closed on exec in every other child (the standard library opens it so), hence a child that ends with its standard input ends with us.
/// Dropping asks it to end that way and kills it when it has not after a while.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    log_start: u64,
    pid: u32,
    child: Mutex<Child>,
}

impl Process {
    /// Starts `command`; its output is appended to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let output = append(log)?;
        let log_start = output.metadata().map_or(0, |data| data.len());
        let child = command
            .stdin(Stdio::piped())
            .stdout(output.try_clone().context("share the log file")?)
            .stderr(output)
            // Ctrl-C on the terminal is for us; we end the children in order.
            .process_group(0)
            .spawn()
            .with_context(|| {
                format!("start {name}: {}", command.get_program().to_string_lossy())
            })?;
        Ok(Self {
            name: name.to_owned(),
            log: log.to_owned(),
            log_start,
            pid: child.id(),
            child: Mutex::new(child),
        })
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The file that holds everything it printed.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What this run printed (earlier runs append to the same file).
    pub fn output(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let start = usize::try_from(self.log_start)
            .unwrap_or(0)
            .min(bytes.len());
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }

    /// How it ended, if it has.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.lock().try_wait().ok().flatten()
    }

    /// The rest of the first complete line that begins with `prefix`; fails when the process ends before, or the time is up.
    pub async fn line(&self, prefix: &str, timeout: Duration) -> Result<String> {
        let deadline = Instant::now() + timeout;
        loop {
            // Asked before reading, so that the last words of a process that just ended are not missed.
            let ended = self.exit_status();
            let output = self.output();
            let complete = output.rfind('\n').map_or("", |end| &output[..end]);
            if let Some(rest) = complete.lines().find_map(|line| line.strip_prefix(prefix)) {
                return Ok(rest.trim().to_owned());
            }
            if let Some(status) = ended {
                bail!(
                    "{} ended ({status}) before it was ready\n{}",
                    self.name,
                    tail(&output, 20)
                );
            }
            if Instant::now() >= deadline {
                bail!(
                    "{} was not ready after {timeout:?}\n{}",
                    self.name,
                    tail(&output, 20)
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for the end; `None` when the time is up.
    pub async fn wait(&self, timeout: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.exit_status() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// kill -9, and gone on return.
    pub fn kill(&self) -> Option<ExitStatus> {
        let mut child = self.lock();
        let _ = child.kill();
        child.wait().ok()
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        if self.exit_status().is_none() {
            signal(self.pid, Signal::TERM);
        }
    }

    /// Closes its standard input and waits; kills it when it has not ended after `patience`. True when it ended by itself.
    pub fn end(&self, patience: Duration) -> bool {
        drop(self.lock().stdin.take());
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if self.exit_status().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        false
    }

    /// Memory and processor time used so far.
    pub fn usage(&self) -> Result<Usage> {
        usage(self.pid)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Duration::from_secs(10));
    }
}

/// Opens a file for appending, with its directory.
pub fn append(path: &Path) -> Result<File> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("create {}", directory.display()))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("open {}", path.display()))
}

/// The last lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// What a process has used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// User and system time in seconds.
    pub processor_seconds: f64,
}

/// Reads `/proc` for a process's memory and processor time.
pub fn usage(pid: u32) -> Result<Usage> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("read /proc")?;
    let kibibytes: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .context("VmRSS in /proc")?;
    let fields = stat_fields(pid).context("read /proc")?;
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<u32>().ok())
            .map(f64::from)
    };
    // utime and stime are fields 14 and 15 of proc(5), in hundredths of a second on every Linux that is left.
    let processor_seconds = (ticks(11).context("utime")? + ticks(12).context("stime")?) / 100.0;
    Ok(Usage {
        resident_bytes: kibibytes * 1024,
        processor_seconds,
    })
}

/// The fields of `/proc/<pid>/stat` from the third on: the second is the program's name and may hold anything.
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(ToOwned::to_owned).collect())
}

/// One process and no other: a pid alone may have been given to somebody else since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identified {
    /// What it is called in messages.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// When it began, in words that only this machine's present run understands.
    pub began: String,
}

impl Identified {
    /// Records a process that runs now.
    pub fn of(name: &str, pid: u32) -> Result<Self> {
        let began =
            began(pid).with_context(|| format!("{name} (process {pid}) has already ended"))?;
        Ok(Self {
            name: name.to_owned(),
            pid,
            began,
        })
    }

    /// Whether this very process still runs.
    pub fn is_running(&self) -> bool {
        began(self.pid).as_ref() == Some(&self.began)
    }

    /// Asks it to end, waits, and kills it when it has not after `patience`. True when it ended by itself.
    pub fn stop(&self, patience: Duration) -> bool {
        if self.is_running() {
            signal(self.pid, Signal::TERM);
        }
        let deadline = Instant::now() + patience;
        while self.is_running() {
            if Instant::now() >= deadline {
                signal(self.pid, Signal::KILL);
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

/// When a process began; `None` when it does not run (a zombie does not).
fn began(pid: u32) -> Option<String> {
    if Path::new("/proc/self/stat").exists() {
        let fields = stat_fields(pid)?;
        if fields.first().is_some_and(|state| state == "Z") {
            return None;
        }
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        return Some(format!("{} {}", boot.trim(), fields.get(19)?));
    }
    let output = Command::new("ps")
        .args(["-o", "lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Whether any process has this id.
pub fn is_alive(pid: u32) -> bool {
    began(pid).is_some()
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended in between.
        let _ = rustix::process::kill_process(pid, signal);
    }
}
