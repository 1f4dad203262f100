//! Manifests to files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::manifests::{Manifests, Object, Problem};

/// How manifests are spread over files.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One file for each kind of a namespace.
    Kind,
    /// One file for each object.
    Object,
}

/// Name of the report.
pub const REPORT: &str = "IMPORT.md";

/// The files by path, relative to the directory; the same manifests give the same bytes.
///
/// # Errors
/// What cannot be written as YAML.
pub fn files(
    manifests: &Manifests,
    layout: Layout,
) -> Result<BTreeMap<PathBuf, String>, serde_saphyr::ser_error::Error> {
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    for object in &manifests.objects {
        let text = serde_saphyr::to_string(&object.content)?;
        let file = files.entry(path(object, layout)).or_default();
        if !file.is_empty() {
            file.push_str("---\n");
        }
        file.push_str(&text);
    }
    files.insert(PathBuf::from(REPORT), report(manifests));
    Ok(files)
}

fn path(object: &Object, layout: Layout) -> PathBuf {
    let kind = format!("{}s", object.kind.to_lowercase());
    let mut path = PathBuf::new();
    // Apart from the manifests, so that no address goes into Git by mistake.
    if object.kind == "Secret" {
        path.push("secrets");
    }
    if let Some(namespace) = &object.namespace {
        path.push(namespace);
    }
    match layout {
        Layout::Kind => path.push(format!("{kind}.yaml")),
        Layout::Object => {
            path.push(&kind);
            path.push(format!("{}.yaml", object.name));
        }
    }
    path
}

/// What was written and what was not, for people.
fn report(manifests: &Manifests) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for object in &manifests.objects {
        *counts.entry(object.kind).or_default() += 1;
    }
    let mut text = String::from("# What was imported\n\n");
    for (kind, count) in counts {
        // Writing into a String does not fail.
        let _ = writeln!(text, "- {count} {kind}");
    }
    list(
        &mut text,
        "What no manifest was written for",
        &manifests.problems,
    );
    list(&mut text, "Good to know", &manifests.notes);
    text
}

fn list(text: &mut String, title: &str, problems: &[Problem]) {
    if problems.is_empty() {
        return;
    }
    let _ = write!(text, "\n## {title}\n\n");
    for problem in problems {
        let _ = writeln!(text, "- `{}`: {}", problem.subject, problem.message);
    }
}

/// Writes the files below `directory`. Those with addresses can be read by their owner only.
///
/// # Errors
/// What the file system says.
pub fn write(directory: &Path, files: &BTreeMap<PathBuf, String>) -> io::Result<()> {
    for (path, text) in files {
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let private = path.components().any(|c| c.as_os_str() == "secrets");
        let mut file = create(&path, private)?;
        file.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Opens a file for writing; a private one can be read by its owner only.
///
/// # Errors
/// What the file system says.
pub fn create(path: &Path, private: bool) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if private { 0o600 } else { 0o644 });
    }
    options.open(path)
}
