//! Those who judge what we ship, in the code that they run as: Helm, promtool, Argo CD's Lua, Flux's kstatus. Built on first use.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::paths::{repository, scratch};
use crate::process::tail;

/// What a program said.
#[derive(Clone, Debug)]
pub struct Said {
    /// Whether its exit code was 0.
    pub ok: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Its standard output; fails with all it said when its exit code was not 0.
    pub fn out(self) -> Result<String> {
        if self.ok {
            return Ok(self.out);
        }
        bail!("{}\n{}", tail(&self.out, 40), tail(&self.err, 40))
    }
}

/// The directory with `judges` and `promtool`, built when they are not in the cache. Blocks; may take minutes the first time.
pub fn directory() -> Result<PathBuf> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(directory) = &*built {
        return Ok(directory.clone());
    }
    let script = repository().join("tests/judges/build.sh");
    let output = Command::new(&script)
        .stdin(Stdio::null())
        // Minutes of silence would look like a hang.
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("run {}", script.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let directory = PathBuf::from(text.lines().last().unwrap_or_default().trim());
    if !output.status.success() || !directory.join("judges").is_file() {
        bail!("{} failed ({})", script.display(), output.status);
    }
    *built = Some(directory.clone());
    Ok(directory)
}

fn run(mut command: Command, input: &str) -> Result<Said> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", command.get_program().display()))?;
    let mut stdin = child.stdin.take().context("its standard input")?;
    let input = input.to_owned();
    // It may print before it has read everything, and stop reading before the end.
    let writing = std::thread::spawn(move || {
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output()?;
    let _ = writing.join();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Said {
        ok: output.status.success(),
        out: text(output.stdout),
        err: text(output.stderr),
    })
}

/// Helm, for the cluster of a kubeconfig or for none.
pub fn helm(kubeconfig: Option<&Path>, arguments: &[&str]) -> Result<Said> {
    let mut command = Command::new(directory()?.join("judges"));
    command.arg("helm").args(arguments);
    // Nothing of the user's own configuration.
    for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(name, scratch().join("helm").join(name));
    }
    command.env(
        "KUBECONFIG",
        kubeconfig.unwrap_or_else(|| Path::new("/dev/null")),
    );
    run(command, "")
}

/// promtool.
pub fn promtool(arguments: &[&str], input: &str) -> Result<Said> {
    let mut command = Command::new(directory()?.join("promtool"));
    command.args(arguments);
    run(command, input)
}

/// What a tool shows of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Argo CD's health or kstatus's status.
    pub status: String,
    /// Its message.
    pub message: String,
}

/// Argo CD's health of each object, by this Lua script.
pub fn argocd(script: &Path, objects: &[Value]) -> Result<Vec<Verdict>> {
    let script = script.to_string_lossy();
    verdicts(&["argocd", &script], objects)
}

/// Flux's status of each object.
pub fn kstatus(objects: &[Value]) -> Result<Vec<Verdict>> {
    verdicts(&["kstatus"], objects)
}

fn verdicts(arguments: &[&str], objects: &[Value]) -> Result<Vec<Verdict>> {
    let mut command = Command::new(directory()?.join("judges"));
    command.args(arguments);
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    let out = run(command, &lines.join("\n"))?.out()?;
    let verdicts: Vec<Verdict> = out
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line)?;
            let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
            Ok(Verdict {
                status: text("status"),
                message: text("message"),
            })
        })
        .collect::<Result<_>>()?;
    if verdicts.len() != objects.len() {
        bail!("{} verdicts of {} objects", verdicts.len(), objects.len());
    }
    Ok(verdicts)
}
