//! What is generated does not drift from what it is generated from, and the house keeps to its plan: who may know what.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says why"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::documentation;
use harness::paths::{operator_binary, repository};
use incident_operator::api::conditions::{ConditionType, Reason};

/// File names and contents of a directory, those with another extension left out.
fn files(directory: &Path, extension: &str) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

#[test]
fn crds_and_complete_examples_in_the_repository_are_those_of_the_binary() {
    for (command, directory) in [("crds", "crds"), ("examples", "docs/examples")] {
        let fresh = tempfile::tempdir().unwrap();
        let status = Command::new(operator_binary().unwrap())
            .args([command, "--out"])
            .arg(fresh.path())
            .status()
            .unwrap();
        assert!(status.success(), "incident-operator {command}: {status}");
        let generated = files(fresh.path(), "yaml");
        let kept = files(&repository().join(directory), "yaml");
        assert_eq!(
            kept.keys().collect::<Vec<_>>(),
            generated.keys().collect::<Vec<_>>(),
            "{directory}/ does not hold one file for each kind: run `make generate`"
        );
        for (name, text) in generated {
            assert!(
                kept[&name] == text,
                "{directory}/{name} is not what `incident-operator {command}` prints: run `make generate`"
            );
        }
    }
}

#[test]
fn the_field_reference_is_that_of_the_crds() {
    let generated = harness::reference::pages(&incident_operator::api::crds());
    let kept = files(&repository().join("docs/reference"), "md");
    assert_eq!(
        kept.keys().collect::<Vec<_>>(),
        generated.keys().collect::<Vec<_>>(),
        "docs/reference/ does not hold one page for each kind: run `make generate`"
    );
    for (name, text) in &generated {
        assert!(
            kept[name] == *text,
            "docs/reference/{name} is not what the CRDs say: run `make generate`"
        );
    }
    // Each kind's page leads to its reference.
    for crd in incident_operator::api::crds() {
        let name = harness::reference::file(&crd.spec.names.kind);
        let page = std::fs::read_to_string(repository().join("docs").join(&name));
        let page = page.unwrap_or_else(|error| panic!("docs/{name}: {error}"));
        let link = format!("(reference/{name})");
        assert!(page.contains(&link), "docs/{name} has no link {link}");
        // Who knows one page knows where to look on the others.
        for section in [
            "\n## Example\n",
            "\n## Fields\n",
            "\n## Deletion\n",
            "\n## Status\n",
            "\n## Findings\n",
        ] {
            assert!(page.contains(section), "docs/{name} has no{section}");
        }
    }
}

/// Whoever types what the docs say finds that it works, or was told that nobody has tried.
#[test]
fn commands_in_the_docs_are_typed_by_a_test_or_say_why_not() {
    let (mut typed, mut wrong) = (0, vec![]);
    let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
    for (page, fences) in documentation::all().unwrap() {
        let test = documentation::TYPED.iter().find(|(name, _)| *name == page);
        if let Some((_, test)) = test {
            let source = std::fs::read_to_string(repository().join(test)).unwrap();
            let named = format!("\"{page}\"");
            assert!(source.contains(&named), "{test} does not type {page}");
        }
        for fence in fences.iter().filter(|fence| fence.language == "sh") {
            if let Some(reason) = &fence.not_run {
                *left_out.entry(reason.clone()).or_default() += 1;
            } else if test.is_some() {
                typed += 1;
            } else {
                wrong.push(format!("docs/{page}:{}", fence.line));
            }
        }
    }
    println!(
        "commands of the docs: {typed} blocks typed, {} not run",
        left_out.values().sum::<usize>()
    );
    for (reason, count) in &left_out {
        println!("  {count} not run: {reason}");
    }
    assert!(
        wrong.is_empty(),
        "no test types these commands, and no `<!-- not run: why -->` stands above them:\n{}",
        wrong.join("\n")
    );
    assert!(
        typed > 40,
        "commands are written in another way by now: {typed}"
    );
    let missing: Vec<_> = documentation::TYPED
        .iter()
        .filter(|(name, _)| !repository().join("docs").join(name).is_file())
        .collect();
    assert!(missing.is_empty(), "no such pages: {missing:?}");
}

/// Links between the pages lead somewhere, down to the heading.
#[test]
fn links_in_the_docs_lead_somewhere() {
    let docs = repository().join("docs");
    let mut broken = vec![];
    let mut seen = 0;
    for page in documentation::all().unwrap().keys() {
        let path = docs.join(page);
        let text = std::fs::read_to_string(&path).unwrap();
        for after in text.split("](").skip(1) {
            let link = after.split(')').next().unwrap_or_default();
            if link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                path.clone()
            } else {
                path.parent().unwrap().join(file)
            };
            if !target.exists() {
                broken.push(format!("{page}: {link}"));
            } else if !anchor.is_empty() {
                let target = std::fs::read_to_string(target).unwrap();
                if !target
                    .lines()
                    .any(|line| anchor_of(line) == Some(anchor.to_owned()))
                {
                    broken.push(format!("{page}: {link}: no such heading"));
                }
            }
        }
    }
    assert!(
        seen > 100,
        "links are written in another way by now: {seen}"
    );
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// How a heading is linked to.
fn anchor_of(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = heading.to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    Some(kept.map(|c| if c == ' ' { '-' } else { c }).collect())
}

/// Users look up what they read in a condition.
#[test]
fn every_condition_and_reason_is_in_the_docs() {
    let docs: String = files(&repository().join("docs"), "md")
        .into_values()
        .collect();
    let mut missing = vec![];
    let types = ConditionType::ALL.iter().map(|kind| kind.as_str());
    for name in types.chain(Reason::ALL.iter().map(|reason| reason.as_str())) {
        // `Stalled/AlreadyExists` names both.
        let named = [
            format!("`{name}`"),
            format!("/{name}`"),
            format!("`{name}/"),
        ];
        if !named.iter().any(|named| docs.contains(named)) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "nowhere in docs/: {missing:?}");
}

/// Whoever copies them from there must not miss an action.
#[test]
fn policy_and_role_in_the_docs_are_those_of_the_binary() {
    let docs = std::fs::read_to_string(repository().join("docs/iam.md")).unwrap();
    for what in ["iam-policy", "rbac"] {
        let output = Command::new(operator_binary().unwrap())
            .arg(what)
            .output()
            .unwrap();
        assert!(output.status.success(), "incident-operator {what}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(
            docs.contains(printed.trim()),
            "docs/iam.md does not show what `incident-operator {what}` prints"
        );
    }
}

/// Users look up what they read in `status.findings`.
#[test]
fn every_finding_is_in_the_docs() {
    let docs: String = files(&repository().join("docs"), "md")
        .into_values()
        .collect();
    let (mut seen, mut missing) = (0, vec![]);
    for path in sources(&repository().join("src/resources")) {
        let lines: Vec<String> = code(&path).into_iter().map(|(_, line)| line).collect();
        let text = lines.join(" ");
        for after in text.split("finding(").skip(1) {
            let quoted = after.trim_start().strip_prefix('"');
            let Some((id, _)) = quoted.and_then(|rest| rest.split_once('"')) else {
                continue;
            };
            seen += 1;
            if !docs.contains(&format!("`{id}`")) {
                missing.push(id.to_owned());
            }
        }
    }
    assert!(seen > 20, "findings are made in another way by now: {seen}");
    assert!(missing.is_empty(), "nowhere in docs/: {missing:?}");
}

/// What stands in the conditions and events of a kind is explained on its own page, not only somewhere.
#[test]
fn every_reason_of_a_kind_is_on_its_page() {
    let (mut rooms, mut missing) = (0, vec![]);
    for room in std::fs::read_dir(repository().join("src/resources")).unwrap() {
        let room = room.unwrap().path();
        let name = room.file_name().unwrap().to_string_lossy();
        let page = format!("docs/{}.md", name.replace('_', "-"));
        let pages: Vec<&str> = match SHARED_ROOMS.iter().find(|(shared, _)| *shared == name) {
            Some((_, pages)) => pages.to_vec(),
            None => vec![page.as_str()],
        };
        for page in pages {
            // What has no page is no kind.
            let Ok(text) = std::fs::read_to_string(repository().join(page)) else {
                continue;
            };
            rooms += 1;
            for (path, number, reason) in reasons_below(&room) {
                if !explains(&text, reason) {
                    let place = shown(&path, number, reason.as_str());
                    missing.push(format!("{page}: {place}"));
                }
            }
        }
    }
    assert!(rooms > 10, "rooms are named in another way by now: {rooms}");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Rooms whose reasons are shown by kinds of other rooms, and the pages of these.
const SHARED_ROOMS: [(&str, &[&str]); 2] = [
    ("incident_mirror", &["docs/response-plan.md"]),
    ("once", &["docs/incident.md", "docs/test-page.md"]),
];

/// Reasons that the engine names and that one kind only has, with its page.
const OF_ONE_KIND: [(Reason, &str); 3] = [
    (Reason::RegionRemovalPending, "replication-set.md"),
    (Reason::RolloutPending, "on-call-schedule.md"),
    (Reason::WrongCode, "channel-activation.md"),
];

/// The pages of the kinds say that conditions are those of a Contact: so what the engine says about all of them is there.
#[test]
fn every_reason_of_the_engine_is_on_the_page_of_the_contact() {
    let docs = files(&repository().join("docs"), "md");
    let found = reasons_below(&repository().join("src/engine"));
    assert!(found.len() > 50, "the engine has moved: {}", found.len());
    let mut missing = vec![];
    for (path, number, reason) in found {
        let page = match OF_ONE_KIND.iter().find(|(known, _)| *known == reason) {
            Some((_, page)) => *page,
            None if path.ends_with("provider_config.rs") => "provider-config.md",
            None => "contact.md",
        };
        if !explains(&docs[page], reason) {
            let place = shown(&path, number, reason.as_str());
            missing.push(format!("docs/{page}: {place}"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    // And the page of every other kind leads there.
    for (page, text) in docs
        .iter()
        .filter(|(_, text)| text.contains("\n## Status\n"))
    {
        let own = ["contact.md", "provider-config.md", "access-grant.md"];
        assert!(
            own.contains(&page.as_str()) || text.contains("(contact.md#conditions)"),
            "docs/{page} does not say where the other reasons are"
        );
    }
}

/// They say that all is well, that something is under way as it was asked for, or what was done: there is nothing to do about them.
const NEED_NO_HELP: &[Reason] = &[
    Reason::InSync,
    Reason::Created,
    Reason::Updated,
    Reason::DriftCorrected,
    Reason::Deleted,
    Reason::Adopted,
    Reason::Released,
    Reason::Progressing,
    Reason::Suspended,
    Reason::Observing,
    Reason::Resolved,
    Reason::AllActivated,
    Reason::Activated,
    Reason::Confirmed,
    Reason::SomebodyReachable,
    Reason::Covered,
    Reason::HandedOff,
    Reason::OverrideRestored,
    Reason::Completed,
    Reason::IncidentOpen,
    Reason::IncidentResolved,
    Reason::PageSent,
    Reason::Acknowledged,
];

/// Who reads a reason in a status looks there for what to do about it.
#[test]
fn every_reason_that_asks_for_something_is_in_troubleshooting() {
    let text = std::fs::read_to_string(repository().join("docs/troubleshooting.md")).unwrap();
    let rows: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .collect();
    let has_row = |reason: Reason| {
        let named = format!("`{}`", reason.as_str());
        rows.iter().any(|row| row.contains(&named))
    };
    let wrong: Vec<&str> = Reason::ALL
        .iter()
        .filter(|reason| has_row(**reason) == NEED_NO_HELP.contains(reason))
        .map(|reason| reason.as_str())
        .collect();
    assert!(
        wrong.is_empty(),
        "in the table of docs/troubleshooting.md, or among those that need no help, and not in both: {wrong:?}"
    );
}

/// The reasons that code below a path names, with file and line; tests are left out.
fn reasons_below(path: &Path) -> Vec<(PathBuf, usize, Reason)> {
    let mut found = vec![];
    for path in sources(path) {
        if path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs") {
            continue;
        }
        for (number, line) in code(&path) {
            for after in line.split("Reason::").skip(1) {
                let word = words(after).first().copied().unwrap_or_default();
                let mut known = Reason::ALL.iter().copied();
                if let Some(reason) = known.find(|reason| reason.as_str() == word) {
                    found.push((path.clone(), number, reason));
                }
            }
        }
    }
    found
}

/// Whether a page has a reason: alone, or behind its condition (`Stalled/AlreadyExists`).
fn explains(page: &str, reason: Reason) -> bool {
    let reason = reason.as_str();
    [format!("`{reason}`"), format!("/{reason}`")]
        .iter()
        .any(|named| page.contains(named))
}

/// Source files below a path, which may be a file itself.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let Ok(entries) = std::fs::read_dir(path) else {
        return vec![];
    };
    let mut found: Vec<PathBuf> = entries
        .flat_map(|entry| sources(&entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    found.sort();
    found
}

/// The lines of a source file that do something: comments, and tests at its end, left out. Numbered from 1.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut in_tests = false;
    text.lines()
        .enumerate()
        .filter(|(_, line)| {
            in_tests |= line.starts_with("#[cfg(test)]");
            let of_tests = in_tests;
            // What is marked ends with its own last line.
            in_tests &= !(*line == "}" || line.ends_with(';') && !line.starts_with(' '));
            !of_tests
        })
        .map(|(number, line)| {
            let line = line.split("//").next().unwrap_or_default().to_owned();
            (number + 1, line)
        })
        .filter(|(_, line)| !line.trim().is_empty())
        .collect()
}

/// Words of a line, so that `awaiting` is not taken for `await`.
fn words(line: &str) -> Vec<&str> {
    line.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty())
        .collect()
}

fn shown(path: &Path, number: usize, line: &str) -> String {
    let path = path.strip_prefix(repository()).unwrap_or(path);
    format!("{}:{number}: {}", path.display(), line.trim())
}

/// Crates of the AWS SDK begin with one of these.
const SDK: [&str; 4] = ["aws_sdk_", "aws_config", "aws_smithy_", "aws_credential_"];

#[test]
fn what_users_write_knows_no_other_room() {
    let mut broken = vec![];
    let files = sources(&repository().join("src/api"));
    assert!(files.len() > 5, "src/api has moved: {files:?}");
    for path in files
        .iter()
        .filter(|path| !path.ends_with("src/api/tests.rs"))
    {
        for (number, line) in code(path) {
            let other_room = line
                .match_indices("crate::")
                .any(|(at, word)| !line[at + word.len()..].starts_with("api"));
            let effects = words(&line).into_iter().any(|word| {
                matches!(
                    word,
                    "async"
                        | "await"
                        | "tokio"
                        | "Client"
                        | "Api"
                        | "std::fs"
                        | "incident_operator"
                ) || SDK.iter().any(|sdk| word.starts_with(sdk))
            });
            // Out of src/api altogether.
            if other_room || effects || line.contains("super::super::super") {
                broken.push(shown(path, number, &line));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "src/api holds serde, schema and CEL only:\n{}",
        broken.join("\n")
    );
}

#[test]
fn files_that_decide_are_pure() {
    let source = repository().join("src");
    let mut pure: Vec<PathBuf> = ["decide", "ownership", "status"]
        .map(|name| source.join("engine").join(name))
        .to_vec();
    let rooms = std::fs::read_dir(source.join("resources")).unwrap();
    for room in rooms
        .map(|room| room.unwrap().path())
        .filter(|room| room.is_dir())
    {
        pure.extend(
            [
                "desired", "plan", "findings", "decide", "observed", "on_call", "outlook",
                "report", "policy", "posture",
            ]
            .map(|name| room.join(name)),
        );
    }
    pure.push(source.join("schedule"));
    pure.push(source.join("release/select"));
    pure.extend(
        ["model", "calendar", "from_account", "from_cluster"]
            .map(|name| source.join("export").join(name)),
    );
    let files: Vec<PathBuf> = pure
        .iter()
        .flat_map(|path| {
            let mut files = sources(&path.with_extension("rs"));
            files.extend(sources(path));
            files
        })
        .filter(|path| !path.starts_with(source.join("schedule/tests")))
        .collect();
    for named in [
        "engine/decide.rs",
        "engine/ownership.rs",
        "engine/status.rs",
        "resources/contact/desired.rs",
        "resources/contact/plan.rs",
        "resources/contact/findings.rs",
        "resources/contact/observed.rs",
        "resources/channel_activation/decide.rs",
        "resources/on_call_schedule/on_call.rs",
        "resources/on_call_schedule/outlook.rs",
        "resources/on_call_schedule/plan.rs",
        "resources/rotation_override/plan.rs",
        "resources/escalation_plan/plan.rs",
        "resources/response_plan/plan.rs",
        "release/select.rs",
        "export/calendar.rs",
    ] {
        assert!(
            files.contains(&source.join(named)),
            "src/{named} is named as pure and is not there"
        );
    }
    let mut broken = vec![];
    for path in &files {
        for (number, line) in code(path) {
            let impure = words(&line).into_iter().any(|word| {
                matches!(
                    word,
                    "async"
                        | "await"
                        | "tokio"
                        | "Client"
                        | "Api"
                        | "reqwest"
                        | "axum"
                        | "Instant"
                        | "SystemTime"
                ) || SDK.iter().any(|sdk| word.starts_with(sdk))
            });
            let clock = line.contains("Timestamp::now") || line.contains("Zoned::now");
            if impure || clock || line.contains("std::fs") || line.contains("std::env") {
                broken.push(shown(path, number, &line));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "a file that decides sends nothing and asks no clock:\n{}",
        broken.join("\n")
    );
}

/// `aws.rs` of a room is the only file of it that knows the SDK.
#[test]
fn sdk_types_stop_at_the_door() {
    let mut broken = vec![];
    for path in sources(&repository().join("src/resources"))
        .into_iter()
        .chain(sources(&repository().join("src/engine")))
        .filter(|path| !path.ends_with("aws.rs"))
    {
        for (number, line) in code(&path) {
            if words(&line)
                .into_iter()
                .any(|word| word.starts_with("aws_sdk_"))
            {
                broken.push(shown(&path, number, &line));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
