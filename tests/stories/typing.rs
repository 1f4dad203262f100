//! The README, the walk-through and the pages of the kinds, typed as they stand there by somebody who has nothing but the repository.

use std::os::unix::fs::symlink;
use std::process::Command;

use harness::documentation::{Block, Shell, TYPED, page};
use harness::paths::{local_binary, repository, scratch};
use harness::seconds;

/// Pages that are typed while the walk-through has everybody on call, in the order in which people read them.
const BETWEEN: &[&str] = &[
    "contact.md",
    "provider-config.md",
    "channel-activation.md",
    "on-call-schedule.md",
    "rotation-override.md",
    "escalation-plan.md",
    "response-plan.md",
    "replication-set.md",
    "test-page.md",
    "incident.md",
    "vpc-endpoint.md",
    "alternate-contact.md",
    "multi-account.md",
    "troubleshooting.md",
    "alerts.md",
    "iam.md",
];

#[tokio::test]
async fn what_the_docs_tell_people_to_type_works() {
    let directory = scratch().join("typing");
    std::fs::create_dir_all(&directory).unwrap();
    for part in ["examples", "charts", "gitops"] {
        symlink(repository().join(part), directory.join(part)).unwrap();
    }
    let shell = Shell::new(&directory, None).unwrap();

    let readme = page("../README.md").unwrap();
    let mut walk = page("walk-through.md").unwrap();
    let everybody = walk
        .iter()
        .position(|block| block.section == "Put people on call");
    let rest = walk.split_off(everybody.expect("the section") + 1);
    let between: Vec<Block> = BETWEEN
        .iter()
        .flat_map(|name| page(name).unwrap())
        .collect();
    // A page that is said to be typed is typed here.
    for (name, _) in TYPED.iter().filter(|(_, test)| test.ends_with("typing.rs")) {
        assert!(
            BETWEEN.contains(name) || ["../README.md", "walk-through.md"].contains(name),
            "{name} is not typed"
        );
    }

    let blocks = [readme, walk, between, rest].concat();
    let run = blocks.iter().filter(|block| block.not_run.is_none());
    println!("{} of {} commands are typed", run.count(), blocks.len());
    let output = shell.run(&blocks, seconds(600)).await;
    // A page that failed half-way has left its environment up.
    let down = Command::new(local_binary().unwrap())
        .arg("down")
        .current_dir(&directory)
        .output();
    assert!(down.unwrap().status.success());
    let output = output.unwrap_or_else(|error| panic!("{error:#}"));
    for expected in [
        "contact.incident-operator.dev/alice condition met",
        "DriftCorrected",
        "Alice B. Example",
        "channelactivation.incident-operator.dev/alice-mobile-1 condition met",
        "incident.incident-operator.dev/checkout condition met",
        "testpage.incident-operator.dev/prove-alice condition met",
        "StillReferenced",
        // Who is left in AWS at the end.
        "[\n    \"carol\"\n]",
    ] {
        assert!(output.contains(expected), "{expected:?} is not in {output}");
    }
    assert!(!output.contains("+1500555"), "{output}");
}
