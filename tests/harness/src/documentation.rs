//! What the docs tell people to type and to apply, run as it stands there.
//!
//! Commands are in fences marked `sh`. All of a page run in one bash, in order, with `set -euo pipefail`. Manifests are in fences marked `yaml`.
//! An HTML comment above a fence says what is different: `<!-- exit code 3 -->`, or `<!-- not run: why -->`. Other fences (`text`, `json`,
//! `mermaid`) are for reading.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::control_plane::{ControlPlane, own_binary};
use crate::paths::{local_binary, on_path, operator_binary, repository};
use crate::process::Process;

/// Pages whose commands a test types, as [`page`] names them, and the test. On every other page each command says why nobody does.
pub const TYPED: &[(&str, &str)] = &[
    ("../README.md", "tests/stories/typing.rs"),
    ("walk-through.md", "tests/stories/typing.rs"),
    ("contact.md", "tests/stories/typing.rs"),
    ("provider-config.md", "tests/stories/typing.rs"),
    ("channel-activation.md", "tests/stories/typing.rs"),
    ("on-call-schedule.md", "tests/stories/typing.rs"),
    ("rotation-override.md", "tests/stories/typing.rs"),
    ("escalation-plan.md", "tests/stories/typing.rs"),
    ("response-plan.md", "tests/stories/typing.rs"),
    ("replication-set.md", "tests/stories/typing.rs"),
    ("incident.md", "tests/stories/typing.rs"),
    ("test-page.md", "tests/stories/typing.rs"),
    ("vpc-endpoint.md", "tests/stories/typing.rs"),
    ("alternate-contact.md", "tests/stories/typing.rs"),
    ("multi-account.md", "tests/stories/typing.rs"),
    ("troubleshooting.md", "tests/stories/typing.rs"),
    ("alerts.md", "tests/stories/typing.rs"),
    ("iam.md", "tests/stories/typing.rs"),
    ("adopting.md", "tests/stories/adopting.rs"),
    ("export.md", "tests/stories/adopting.rs"),
    ("release.md", "tests/stories/adopting.rs"),
];

/// A fence of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Name of the page.
    pub page: String,
    /// The heading above them.
    pub section: String,
    /// Line of the page on which they begin.
    pub line: usize,
    /// What it is marked with: `sh`, `yaml`…
    pub language: String,
    /// What is in it.
    pub script: String,
    /// The exit code that the last of them has.
    pub exit_code: u8,
    /// Why it is not run.
    pub not_run: Option<String>,
}

/// Every page of the docs by name, with its fences.
///
/// # Errors
/// When something in a page is not understood.
pub fn all() -> Result<BTreeMap<String, Vec<Block>>> {
    let docs = repository().join("docs");
    let mut names = vec!["../README.md".to_owned()];
    for (directory, prefix) in [(docs.clone(), ""), (docs.join("reference"), "reference/")] {
        for entry in std::fs::read_dir(directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_some_and(|e| e == "md") {
                names.push(format!("{prefix}{name}"));
            }
        }
    }
    let mut pages = BTreeMap::new();
    for name in names {
        let text = std::fs::read_to_string(docs.join(&name)).with_context(|| name.clone())?;
        let fences = fences(&name, &text).with_context(|| name.clone())?;
        pages.insert(name, fences);
    }
    Ok(pages)
}

/// The commands of a page of `docs/`.
///
/// # Errors
/// When there is no such page, or something in it is not understood.
pub fn page(name: &str) -> Result<Vec<Block>> {
    let path = repository().join("docs").join(name);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut fences = fences(name, &text).with_context(|| name.to_owned())?;
    fences.retain(|fence| fence.language == "sh");
    Ok(fences)
}

/// The fences of a page.
///
/// # Errors
/// A fence or comment that is not understood, and code without a fence: nothing is left out silently.
pub fn fences(page: &str, text: &str) -> Result<Vec<Block>> {
    let mut fences = vec![];
    let mut open: Option<Block> = None;
    let (mut exit_code, mut not_run) = (0, None);
    let mut section = String::new();
    let mut after_blank = true;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let text = line.trim();
        match &mut open {
            Some(block) => {
                if text == "```" {
                    let (run, coded) = match block.language.as_str() {
                        "sh" => (true, true),
                        "yaml" => (true, false),
                        _ => (false, false),
                    };
                    if block.exit_code != 0 && !coded || block.not_run.is_some() && !run {
                        bail!(
                            "line {number}: the comment stands above a fence of {}",
                            block.language
                        );
                    }
                    fences.push(block.clone());
                    open = None;
                } else {
                    block.script.push_str(line);
                    block.script.push('\n');
                }
            }
            None => {
                if let Some(language) = text.strip_prefix("```") {
                    if !matches!(language, "sh" | "yaml" | "json" | "text" | "mermaid") {
                        bail!(
                            "line {number}: mark commands with `sh`, and what is only for reading with `text`"
                        );
                    }
                    let block = Block {
                        page: page.to_owned(),
                        section: section.clone(),
                        line: number + 1,
                        language: language.to_owned(),
                        script: String::new(),
                        exit_code: std::mem::take(&mut exit_code),
                        not_run: not_run.take(),
                    };
                    open = Some(block);
                } else if after_blank && line.starts_with("    ") {
                    bail!("line {number}: code without a fence: put it between ```sh and ```");
                } else if let Some(comment) = text.strip_prefix("<!--") {
                    let comment = comment.strip_suffix("-->").unwrap_or_default().trim();
                    if let Some(code) = comment.strip_prefix("exit code ") {
                        exit_code = code.parse().with_context(|| format!("line {number}"))?;
                    } else if let Some(reason) = comment.strip_prefix("not run: ") {
                        not_run = Some(reason.to_owned());
                    } else {
                        bail!("line {number}: a comment that is not understood");
                    }
                } else if let Some(heading) = text.strip_prefix('#') {
                    heading
                        .trim_start_matches('#')
                        .trim()
                        .clone_into(&mut section);
                } else if !text.is_empty() && (exit_code != 0 || not_run.is_some()) {
                    bail!("line {number}: the comment above stands above no fence");
                }
            }
        }
        after_blank = text.is_empty();
    }
    if open.is_some() {
        bail!("the last fence is not closed");
    }
    Ok(fences)
}

/// A place where commands of the docs are run: `kubectl`, `aws` and `incident-operator` are the first of their names on the path.
#[derive(Clone, Debug)]
pub struct Shell {
    /// Where they are run.
    pub directory: PathBuf,
    /// Further environment.
    pub environment: BTreeMap<String, String>,
    path: String,
}

impl Shell {
    /// In `directory`, which is also its home, as the administrator of `plane`. Without one `make up` starts the environment of its own that
    /// it starts for people, from what is built already.
    ///
    /// # Errors
    /// When a program is missing.
    pub fn new(directory: &Path, plane: Option<&ControlPlane>) -> Result<Self> {
        let programs = directory.join(".programs");
        std::fs::create_dir_all(&programs)?;
        let quoted = |path: &Path| format!("'{}'", path.display());
        let kubectl = match on_path("kubectl") {
            Some(theirs) => quoted(&theirs),
            None => format!(
                "{} kubectl",
                quoted(
                    &plane
                        .and_then(|plane| plane.kubectl.clone())
                        .map_or_else(own_binary, Ok)?
                )
            ),
        };
        let operator = quoted(&operator_binary()?);
        let local = quoted(&local_binary()?);
        let aws = quoted(&repository().join("tests/conformance/aws"));
        let wrappers = [
            (
                "make",
                format!("case \"$*\" in up|down) exec {local} \"$@\";; esac\nexit 2"),
            ),
            ("kubectl", format!("exec {kubectl} \"$@\"")),
            ("aws", format!("exec {aws} \"$@\"")),
            // An operator that is left running in the background ends with the test.
            (
                "incident-operator",
                format!(
                    "if [ \"$1\" = run ]; then exec env INCIDENT_OPERATOR_EXIT_WITH_STDIN=true {operator} \"$@\" <&9; fi\nexec {operator} \"$@\""
                ),
            ),
        ];
        for (name, script) in wrappers {
            let path = programs.join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n"))?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        }
        // The pinned tools are where they always are, whatever HOME says.
        let variable = |name: &str| std::env::var(name).ok();
        let cache = variable("INCIDENT_OPERATOR_CACHE").unwrap_or_else(|| {
            let caches = variable("XDG_CACHE_HOME");
            let caches = caches
                .unwrap_or_else(|| format!("{}/.cache", variable("HOME").unwrap_or_default()));
            format!("{caches}/incident-operator")
        });
        let mut environment = BTreeMap::from([
            ("HOME".to_owned(), directory.display().to_string()),
            ("INCIDENT_OPERATOR_CACHE".to_owned(), cache),
            ("NO_PROXY".to_owned(), "127.0.0.1,localhost".to_owned()),
        ]);
        if let Some(plane) = plane {
            let kubeconfig = plane.kubeconfig.display().to_string();
            environment.insert("KUBECONFIG".to_owned(), kubeconfig);
        }
        let before = std::env::var("PATH").unwrap_or_default();
        Ok(Self {
            directory: directory.to_owned(),
            environment,
            path: format!("{}:{before}", programs.display()),
        })
    }

    /// Runs the blocks, those that are not to be run apart. Answers with what they printed.
    ///
    /// # Errors
    /// The line of the block that failed, and the last that was printed.
    pub async fn run(&self, blocks: &[Block], timeout: Duration) -> Result<String> {
        let script = self.directory.join(".commands.sh");
        std::fs::write(&script, script_of(blocks))?;
        let mut command = Command::new("bash");
        command
            .arg(&script)
            .current_dir(&self.directory)
            .envs(&self.environment)
            .env("PATH", &self.path)
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN");
        let log = self.directory.join(".output.txt");
        let process = Process::start("the commands of the docs", command, &log)?;
        let status = process.wait(timeout).await;
        let output = process.output();
        match status {
            Some(status) if status.success() => Ok(output),
            ended => {
                let at = output.lines().rev().find(|l| l.starts_with("::: "));
                let lines: Vec<&str> = output.lines().collect();
                let last = lines[lines.len().saturating_sub(60)..].join("\n");
                let how = ended.map_or_else(|| "took too long".to_owned(), |s| s.to_string());
                bail!("{} {how}\n{last}", at.unwrap_or("before the first"));
            }
        }
    }
}

fn script_of(blocks: &[Block]) -> String {
    let mut script = String::from(
        "set -euo pipefail\nexec 9<&0 </dev/null 2>&1\ntrap 'for job in $(jobs -p); do kill \"$job\" 2>/dev/null || true; done' EXIT\n",
    );
    for block in blocks.iter().filter(|b| b.not_run.is_none()) {
        // Writing into a String does not fail.
        let _ = writeln!(script, "echo '::: {}:{}'", block.page, block.line);
        if block.exit_code == 0 {
            script.push_str(&block.script);
        } else {
            let _ = writeln!(
                script,
                "set +e\n{}code=$?\nset -e\ntest \"$code\" -eq {}",
                block.script, block.exit_code
            );
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "
# A page

```sh
echo one
```

<!-- exit code 3 -->
```sh
exit_with 3
```

<!-- not run: it takes a day -->

```sh
sleep 86400
```

<!-- not run: a part -->
```yaml
a: b
```

```text
a   b
```
";

    #[test]
    fn commands_are_found_with_what_is_said_about_them() {
        let mut found = fences("page.md", PAGE).unwrap();
        assert!(found.iter().all(|b| b.section == "A page"));
        let languages: Vec<_> = found.iter().map(|b| b.language.as_str()).collect();
        assert_eq!(languages, ["sh", "sh", "sh", "yaml", "text"]);
        assert_eq!(found[3].not_run.as_deref(), Some("a part"));
        found.truncate(3);
        let shown: Vec<_> = found
            .iter()
            .map(|b| (b.line, b.script.as_str(), b.exit_code, b.not_run.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                (5, "echo one\n", 0, None),
                (10, "exit_with 3\n", 3, None),
                (16, "sleep 86400\n", 0, Some("it takes a day")),
            ]
        );
        let script = script_of(&found);
        assert!(
            script.contains("::: page.md:5")
                && script.contains("echo one")
                && !script.contains("86400")
        );
    }

    #[test]
    fn nothing_is_left_out_silently() {
        for page in [
            "```bash\nx\n```",
            "```\nx\n```",
            "```sh\nx\n",
            "<!-- never run: x -->\n```sh\nx\n```",
            "<!-- not run: x -->\ntext\n",
            "<!-- not run: x -->\n```json\nx\n```",
            "<!-- exit code 3 -->\n```yaml\nx\n```",
            "Text:\n\n    command",
        ] {
            assert!(fences("page.md", page).is_err(), "{page}");
        }
    }
}
