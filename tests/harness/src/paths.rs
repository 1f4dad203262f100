//! Where the repository, its binaries and the scratch directory are.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::process::is_alive;

/// The repository this crate was built from.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate lies two directories below the root")
}

/// The operator's binary: `OPERATOR_BIN`, else what cargo built for this test, else beside the running executable.
pub fn operator_binary() -> Result<PathBuf> {
    binary("incident-operator", "OPERATOR_BIN")
}

/// The simulated AWS: `SIMULATOR`, else beside the running executable.
pub fn simulator_binary() -> Result<PathBuf> {
    binary("incident-operator-simulator", "SIMULATOR")
}

/// The program behind `make up` and `make demo`: beside the running executable.
pub fn local_binary() -> Result<PathBuf> {
    binary("local", "LOCAL_BIN")
}

fn binary(name: &str, variable: &str) -> Result<PathBuf> {
    for variable in [variable.to_owned(), format!("CARGO_BIN_EXE_{name}")] {
        if let Some(path) = std::env::var_os(&variable) {
            let path = PathBuf::from(path);
            if path.is_file() {
                return std::path::absolute(path).context("absolute path");
            }
            bail!("{variable} names {}, which is not a file", path.display());
        }
    }
    let executable = std::env::current_exe().context("path of this executable")?;
    // A test runs from target/<profile>/deps, a binary from target/<profile>.
    for directory in executable.ancestors().skip(1).take(2) {
        let candidate = directory.join(name);
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    bail!("{name} is not built: run `cargo build --workspace` first")
}

/// A directory for this process's data and logs, under `target/harness`.
///
/// Data of processes that are gone is swept here, since a process that is killed cannot tidy up after itself; their logs stay for a day.
pub fn scratch() -> &'static Path {
    static SCRATCH: OnceLock<PathBuf> = OnceLock::new();
    SCRATCH.get_or_init(|| {
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| repository().join("target"), PathBuf::from);
        let root = std::path::absolute(target)
            .expect("an absolute path")
            .join("harness");
        sweep(&root);
        let name = std::env::current_exe().ok().and_then(|path| {
            path.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
        });
        let path = root.join(format!(
            "{}.{}",
            name.as_deref().unwrap_or("test"),
            std::process::id()
        ));
        std::fs::create_dir_all(&path).expect("create the scratch directory");
        path
    })
}

fn sweep(root: &Path) {
    let Ok(entries) = std::fs::read_dir(root) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let owner = path
            .extension()
            .and_then(|pid| pid.to_str())
            .and_then(|pid| pid.parse().ok());
        if owner.is_none_or(is_alive) {
            continue;
        }
        for data in std::fs::read_dir(&path).into_iter().flatten().flatten() {
            if data
                .file_name()
                .to_string_lossy()
                .starts_with("control-plane")
            {
                let _ = std::fs::remove_dir_all(data.path());
            }
        }
        let age = entry
            .metadata()
            .and_then(|data| data.modified())
            .ok()
            .and_then(|time| SystemTime::now().duration_since(time).ok());
        if age.is_some_and(|age| age > Duration::from_hours(24)) {
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

/// The path of a program on `PATH`, if there is one.
pub fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}
