//! Which of the actions that the operator is allowed in AWS it has used, over all tests of a run: one that nobody uses is one too many.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::aws::{is_operator, policies};
use crate::paths::scratch;
use crate::simulator::Call;

/// Where every world leaves the actions that its operator used.
fn directory() -> Result<PathBuf> {
    let root = scratch().parent().context("the scratch directory")?;
    let directory = root.join("iam-actions");
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// Notes the actions that the operator's calls needed.
///
/// # Errors
/// When the file cannot be written.
pub fn note(calls: &[Call]) -> Result<()> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // Commands such as `import` need their part of it, too, as whoever runs them.
    let ours = |call: &&Call| {
        let agent = call.user_agent.as_deref().unwrap_or_default();
        is_operator(&call.principal) || agent.contains("incident-operator")
    };
    let theirs = calls.iter().filter(ours);
    let used: BTreeSet<&str> = theirs
        .flat_map(|call| call.iam_actions.iter().map(String::as_str))
        .collect();
    if used.is_empty() {
        return Ok(());
    }
    let name = format!(
        "{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let lines: Vec<&str> = used.into_iter().collect();
    std::fs::write(directory()?.join(name), lines.join("\n"))?;
    Ok(())
}

/// Forgets what was noted.
///
/// # Errors
/// When it cannot be removed.
pub fn forget() -> Result<()> {
    std::fs::remove_dir_all(directory()?).context("what was noted")
}

/// What was used of what the operator's own policy allows.
///
/// # Errors
/// When nothing was noted, or something is allowed that nobody used.
pub fn report() -> Result<String> {
    let mut used = BTreeSet::new();
    let mut worlds = 0;
    for entry in std::fs::read_dir(directory()?)? {
        let text = std::fs::read_to_string(entry?.path())?;
        used.extend(text.lines().map(str::to_lowercase));
        worlds += 1;
    }
    ensure!(
        worlds > 0,
        "no test has run yet: `make test` runs them first"
    );
    let printed = &policies()?["policies"][0]["policy"]["Statement"];
    let statements = printed.as_array().into_iter().flatten();
    let mut allowed = BTreeSet::new();
    for statement in statements {
        match &statement["Action"] {
            Value::String(action) => drop(allowed.insert(action.clone())),
            Value::Array(actions) => {
                allowed.extend(actions.iter().filter_map(|a| Some(a.as_str()?.to_owned())));
            }
            other => anyhow::bail!("a statement with the action {other}"),
        }
    }
    let idle: Vec<&str> = allowed
        .iter()
        .filter(|action| !used.contains(&action.to_lowercase()))
        .map(String::as_str)
        .collect();
    ensure!(
        idle.is_empty(),
        "in {worlds} worlds nobody used {} of {} actions that `incident-operator iam-policy` allows: {}",
        idle.len(),
        allowed.len(),
        idle.join(", ")
    );
    let mut text = String::new();
    write!(
        text,
        "IAM: the operator had exactly its policy in {worlds} worlds, and used all its {} actions",
        allowed.len()
    )?;
    Ok(text)
}
