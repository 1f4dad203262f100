//! Reads manifests from files. What is wrong with one is told without quoting it: it may hold addresses.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Names of files that are read from directories end with one of these.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];
/// The argument that means standard input.
const STANDARD_INPUT: &str = "-";

/// A document of a file.
#[derive(Clone)]
pub struct Manifest {
    /// Where it was read.
    pub source: String,
    /// The object.
    pub object: Value,
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Why files could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file system.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the file system says.
        error: std::io::Error,
    },
    /// Not YAML.
    #[error("{source_name} is not valid YAML{place}")]
    Yaml {
        /// Which.
        source_name: String,
        /// Where in it.
        place: String,
    },
    /// Nothing there.
    #[error("{0} holds no file that ends with .yaml, .yml or .json")]
    Empty(PathBuf),
}

/// The documents of all `paths`, directories with everything below them, in a stable order.
///
/// # Errors
/// The first that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Manifest>, Unreadable> {
    let mut manifests = vec![];
    for path in paths {
        if path.as_os_str() == STANDARD_INPUT {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Unreadable::File {
                path: path.clone(),
                error,
            })?;
            manifests.extend(documents("standard input", &text)?);
            continue;
        }
        for file in files(path)? {
            let text = std::fs::read_to_string(&file).map_err(|error| Unreadable::File {
                path: file.clone(),
                error,
            })?;
            manifests.extend(documents(&file.display().to_string(), &text)?);
        }
    }
    Ok(manifests)
}

/// A file, or the files of a directory that may be manifests.
fn files(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let failed = |error| Unreadable::File {
        path: path.to_owned(),
        error,
    };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = vec![];
    below(path, &mut found)?;
    if found.is_empty() {
        return Err(Unreadable::Empty(path.to_owned()));
    }
    Ok(found)
}

fn below(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Unreadable> {
    let failed = |error| Unreadable::File {
        path: directory.to_owned(),
        error,
    };
    let entries = std::fs::read_dir(directory).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    for path in paths {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        // A link to a directory may lead back up.
        if path.is_dir() {
            if !hidden && !path.is_symlink() {
                below(&path, found)?;
            }
        } else if path
            .extension()
            .is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known))
        {
            found.push(path);
        }
    }
    Ok(())
}

/// The objects of a YAML or JSON text, lists taken apart.
fn documents(source: &str, text: &str) -> Result<Vec<Manifest>, Unreadable> {
    let parsed: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| Unreadable::Yaml {
            source_name: source.to_owned(),
            // The error itself quotes the text.
            place: error.location().map_or_else(String::new, |at| {
                format!(" at line {}, column {}", at.line(), at.column())
            }),
        })?;
    let mut objects = vec![];
    for document in parsed {
        flatten(document, &mut objects);
    }
    Ok(objects
        .into_iter()
        .map(|object| Manifest {
            source: source.to_owned(),
            object,
        })
        .collect())
}

fn flatten(document: Value, objects: &mut Vec<Value>) {
    match document {
        Value::Array(items) => items.into_iter().for_each(|item| flatten(item, objects)),
        Value::Object(mut fields) if fields.get("kind").is_some_and(|k| k == "List") => {
            if let Some(items) = fields.remove("items") {
                flatten(items, objects);
            }
        }
        Value::Object(_) => objects.push(document),
        // A document that is a mere text or number is nobody's manifest.
        _ => {}
    }
}

/// An object by what tells it from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; `None` = it has none or says none.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl Identity {
    /// The identity of an object; `None` when it has no kind or name.
    pub fn of(object: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        Some(Self {
            api_version: text(&object["apiVersion"])?,
            kind: text(&object["kind"])?,
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"])?,
        })
    }
}

/// Sources by identity of what is there more than once.
pub fn doubles<'a>(
    manifests: impl Iterator<Item = (&'a Identity, &'a str)>,
) -> BTreeMap<Identity, Vec<String>> {
    let mut sources: BTreeMap<Identity, Vec<String>> = BTreeMap::new();
    for (identity, source) in manifests {
        let known = sources.entry(identity.clone()).or_default();
        known.push(source.to_owned());
    }
    sources.retain(|_, sources| sources.len() > 1);
    sources
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        let manifests = documents("a.yaml", text).unwrap();
        let kind = |m: &Manifest| m.object["kind"].as_str().unwrap_or("-").to_owned();
        manifests.iter().map(kind).collect()
    }

    #[test]
    fn documents_are_split_and_lists_taken_apart() {
        let text = "# nothing\n---\nkind: A\n---\n---\nkind: List\nitems: [{kind: B}, {kind: List, items: [{kind: C}]}]\n--- text\n";
        assert_eq!(kinds(text), ["A", "B", "C"]);
        assert_eq!(kinds("[{\"kind\": \"A\"}, {\"kind\": \"B\"}]"), ["A", "B"]);
        assert!(kinds("").is_empty());
    }

    #[test]
    fn what_is_no_yaml_is_told_by_its_place_and_not_quoted() {
        let text = "kind: Contact\nspec:\n  channels: [{address: '+15005550199'\n  name: x\n";
        let error = documents("people.yaml", text).unwrap_err().to_string();
        assert!(
            error.contains("people.yaml") && error.contains("line"),
            "{error}"
        );
        assert!(!error.contains("5550199"), "{error}");
    }

    #[test]
    fn directories_are_read_to_the_bottom_in_order_and_hidden_ones_left_out() {
        let directory = tempfile::tempdir().unwrap();
        for (path, kind) in [
            ("b.yaml", "B"),
            ("a/z.yml", "Z"),
            ("a/c.json", "\"C\""),
            (".git/x.yaml", "X"),
            ("notes.txt", "T"),
        ] {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, format!("{{\"kind\": {kind}}}")).unwrap();
        }
        let found = read(&[directory.path().to_owned()]).unwrap();
        let kinds: Vec<_> = found.iter().map(|m| m.object["kind"].clone()).collect();
        assert_eq!(kinds, ["C", "Z", "B"]);
        let empty = directory.path().join(".git/empty");
        std::fs::create_dir_all(&empty).unwrap();
        assert!(matches!(read(&[empty]), Err(Unreadable::Empty(_))));
        let missing = directory.path().join("missing.yaml");
        assert!(matches!(read(&[missing]), Err(Unreadable::File { .. })));
    }
}
