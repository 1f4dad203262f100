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
/// Keeps what is beside it out of Git.
pub const GIT_IGNORE: &str = "secrets/.gitignore";
/// What stands in it.
pub const IGNORED: &str = "# Addresses of people.\n*\n";
/// Where Secrets are.
const SECRETS: &str = "secrets";
/// Where an import that is under way keeps what it has read.
pub const PROGRESS: &str = "secrets/.import-progress.jsonl";
/// What import has no eyes for.
const NOT_READ: &str = "
## What is not looked at

Incidents, engagements, policies of contacts (shares with other accounts) and whether a channel is activated: all of that stays as it is
in AWS, and applying the manifests does not touch it. Overrides that are over are history and are not written. ChannelActivations are not written
either: a channel that is activated stays so.
";

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
    files.insert(PathBuf::from(GIT_IGNORE), IGNORED.to_owned());
    Ok(files)
}

fn path(object: &Object, layout: Layout) -> PathBuf {
    let kind = format!("{}s", object.kind.to_lowercase());
    let Some(namespace) = &object.namespace else {
        // kubectl goes through files in the order of their names, and needs Namespaces before what is in them.
        let order = if object.kind == "Namespace" {
            "00"
        } else {
            "01"
        };
        return ["cluster", &format!("{order}-{kind}.yaml")]
            .iter()
            .collect();
    };
    // Apart from the manifests, so that no address goes into Git by mistake.
    let top = if object.kind == "Secret" {
        SECRETS
    } else {
        "namespaces"
    };
    match layout {
        Layout::Kind => [top, namespace, &format!("{kind}.yaml")].iter().collect(),
        Layout::Object => [top, namespace, &kind, &format!("{}.yaml", object.name)]
            .iter()
            .collect(),
    }
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
    let lists = [
        (
            "What no manifest was written for",
            "It stays as it is in AWS.",
            &manifests.problems,
        ),
        (
            "What a manifest was written without",
            "The object is adopted all the same; these parts of it stay as they are in AWS.",
            &manifests.left_out,
        ),
        ("Good to know", "", &manifests.notes),
    ];
    for (title, what, problems) in lists {
        list(&mut text, title, what, problems);
    }
    text.push_str(NOT_READ);
    text
}

fn list(text: &mut String, title: &str, what: &str, problems: &[Problem]) {
    if problems.is_empty() {
        return;
    }
    let _ = write!(text, "\n## {title}\n\n");
    if !what.is_empty() {
        let _ = write!(text, "{what}\n\n");
    }
    for problem in problems {
        let _ = writeln!(text, "- `{}`: {}", problem.subject, problem.message);
    }
}

/// Writes the files below `directory`, each as a whole or not at all. Those with addresses can be read by their owner only.
///
/// # Errors
/// What the file system says.
pub fn write(directory: &Path, files: &BTreeMap<PathBuf, String>) -> io::Result<()> {
    for (path, text) in files {
        let private = path.starts_with(SECRETS);
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let part = path.with_added_extension("part");
        let mut file = create(&part, private)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
    }
    Ok(())
}

/// Manifests below `directory` that are not among `files`: of an earlier import, or somebody's own.
///
/// # Errors
/// What the file system says.
pub fn others(directory: &Path, files: &BTreeMap<PathBuf, String>) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![];
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(own) = path.strip_prefix(directory)
                && path.extension().is_some_and(|e| e == "yaml")
                && !files.contains_key(own)
            {
                found.push(own.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Opens a file for writing; a private one can be read by its owner only, whoever could read it before.
///
/// # Errors
/// What the file system says.
pub fn create(path: &Path, private: bool) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(if private { 0o600 } else { 0o644 });
        let file = options.open(path)?;
        if private {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_private_file_that_all_could_read_is_private_again() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets/n/secrets.yaml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for existing in [&path, &path.with_added_extension("part")] {
            fs::write(existing, "before").unwrap();
            fs::set_permissions(existing, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let files = BTreeMap::from([
            (PathBuf::from("secrets/n/secrets.yaml"), "now".to_owned()),
            (
                PathBuf::from("namespaces/n/contacts.yaml"),
                "now".to_owned(),
            ),
        ]);
        write(directory.path(), &files).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "now");
        assert_eq!(
            mode(&directory.path().join("namespaces/n/contacts.yaml")),
            0o644
        );
        let old = directory.path().join("namespaces/n/old.yaml");
        fs::write(&old, "").unwrap();
        let found = others(directory.path(), &files).unwrap();
        assert_eq!(found, [PathBuf::from("namespaces/n/old.yaml")]);
    }

    #[test]
    fn texts_that_yaml_takes_for_something_else_come_back_as_they_were() {
        let odd = [
            "yes",
            "0123",
            "1e3",
            "~",
            "- a",
            "a: b",
            "Ана",
            "渡辺 あき",
            "\u{a0}x\u{a0}",
            "\u{2028}",
            "a\u{2029}b",
            "null",
            "+15005550199",
            "2026-01-05",
            "09:00",
            "0x1F",
            ".5",
            "_",
            "#",
            "",
            " lead",
            "trail ",
        ];
        let object = Object {
            kind: "Contact",
            namespace: Some("n".to_owned()),
            name: "a".to_owned(),
            content: json!({"kind": "Contact", "spec": {"odd": odd}}),
        };
        let manifests = Manifests {
            objects: vec![object.clone(), object.clone()],
            ..Manifests::default()
        };
        let files = files(&manifests, Layout::Kind).unwrap();
        let text = &files[Path::new("namespaces/n/contacts.yaml")];
        let back: Vec<serde_json::Value> = serde_saphyr::from_multiple(text).unwrap();
        assert_eq!(back, [object.content.clone(), object.content], "{text}");
    }
}
