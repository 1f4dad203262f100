//! "Adopt your account in ten minutes", typed as it stands in the docs, on a cluster that has nothing of ours yet.

use std::collections::BTreeSet;

use aws_sdk_ssmcontacts::types;
use harness::aws::{self, access_key};
use harness::documentation::{Block, Shell, page};
use harness::paths::scratch;
use harness::{ControlPlane, Simulator, seconds};

const ACCOUNT: &str = "900000000017";
const REGION: &str = "us-east-1";

/// Five people of whom one has an odd name, a schedule, an escalation plan, and a rotation that nobody uses.
async fn furnish(simulator: &Simulator) {
    simulator.onboard(ACCOUNT, &[REGION]).await.unwrap();
    let client = simulator.contacts(ACCOUNT, REGION);
    let mut people = vec![];
    for (index, alias) in ["alice", "bob", "carol", "night_shift_", "zoë"]
        .iter()
        .enumerate()
    {
        // An alias takes plain letters only; a display name takes all.
        let plain = alias.replace('ë', "e");
        let made = client
            .create_contact()
            .alias(&plain)
            .display_name(format!("Person {alias}"))
            .r#type(types::ContactType::Personal)
            .plan(types::Plan::builder().set_stages(Some(vec![])).build())
            .send()
            .await
            .unwrap();
        let channel = client
            .create_contact_channel()
            .contact_id(&made.contact_arn)
            .name("mobile")
            .r#type(types::ChannelType::Sms)
            .delivery_address(
                types::ContactChannelAddress::builder()
                    .simple_address(format!("+1500555019{index}"))
                    .build(),
            )
            .defer_activation(true)
            .send()
            .await
            .unwrap();
        let target = types::ChannelTargetInfo::builder()
            .contact_channel_id(channel.contact_channel_arn)
            .retry_interval_in_minutes(1)
            .build()
            .unwrap();
        let stage = types::Stage::builder()
            .duration_in_minutes(5)
            .targets(types::Target::builder().channel_target_info(target).build());
        let engagement = types::Plan::builder().stages(stage.build().unwrap());
        client
            .update_contact()
            .contact_id(&made.contact_arn)
            .plan(engagement.build())
            .send()
            .await
            .unwrap();
        people.push(made.contact_arn);
    }
    let mut rotations = vec![];
    for name in ["week", "unused"] {
        let recurrence = crate::roster::weekly(&[("MON", 9, 0)]);
        let made = client
            .create_rotation()
            .name(name)
            .set_contact_ids(Some(people.clone()))
            .start_time(aws_sdk_ssmcontacts::primitives::DateTime::from_secs(
                crate::roster::instant(crate::roster::START),
            ))
            .time_zone_id("Europe/Paris")
            .recurrence(recurrence)
            .send()
            .await
            .unwrap();
        rotations.push(made.rotation_arn);
    }
    let schedule = client
        .create_contact()
        .alias("primary")
        .r#type(types::ContactType::OncallSchedule)
        .plan(types::Plan::builder().rotation_ids(&rotations[0]).build())
        .send()
        .await
        .unwrap();
    let target = types::ContactTargetInfo::builder()
        .contact_id(schedule.contact_arn)
        .is_essential(true)
        .build()
        .unwrap();
    let stage = types::Stage::builder()
        .duration_in_minutes(5)
        .targets(types::Target::builder().contact_target_info(target).build());
    client
        .create_contact()
        .alias("ladder")
        .r#type(types::ContactType::Escalation)
        .plan(
            types::Plan::builder()
                .stages(stage.build().unwrap())
                .build(),
        )
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn an_account_is_adopted_and_let_go_of_as_the_docs_say() {
    let simulator = Simulator::shared().await.unwrap();
    furnish(&simulator).await;
    let before = (
        aws::contacts(&simulator, ACCOUNT, REGION).await.unwrap(),
        aws::rotations(&simulator, ACCOUNT, REGION).await.unwrap(),
    );
    let since = simulator.calls(Some(ACCOUNT), 0).await.unwrap();
    let since = since.last().unwrap().seq;

    let directory = scratch().join("adopting");
    let plane = ControlPlane::start(Some(directory.join("control-plane")))
        .await
        .unwrap();
    let typed = directory.join("typed");
    std::fs::create_dir_all(&typed).unwrap();
    let mut shell = Shell::new(&typed, Some(&plane)).unwrap();
    for (name, value) in [
        ("AWS_ENDPOINT_URL", simulator.endpoint().to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", access_key(ACCOUNT)),
        ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
    ] {
        shell.environment.insert(name.to_owned(), value);
    }

    let adopting = page("adopting.md").unwrap();
    let export = page("export.md").unwrap();
    let letting_go = page("release.md").unwrap();
    assert!(adopting.len() > 12);
    let left_out = |page: &[Block]| page.iter().filter(|b| b.not_run.is_some()).count();
    assert_eq!(
        (
            left_out(&adopting),
            left_out(&export),
            left_out(&letting_go)
        ),
        (1, 0, 1)
    );
    let of = |sections: &[&str]| -> Vec<Block> {
        let is_of = |b: &&Block| sections.iter().any(|s| b.section.starts_with(s));
        adopting.iter().filter(is_of).cloned().collect()
    };
    let last = of(&["8."]);
    assert_eq!(last.len(), 1);
    // What was let go of is adopted again, and let go of as the other page says.
    let again = of(&["4.", "5.", "6."]);
    let first = adopting[..adopting.len() - last.len()].to_vec();
    let blocks = [first, export, last, again, letting_go].concat();
    let output = shell.run(&blocks, seconds(400)).await;
    let output = output.unwrap_or_else(|error| panic!("{error:#}"));
    for expected in [
        "unused",
        "contact.incident-operator.dev/alice condition met",
        "Managed from Git",
        "1 calendars",
        "nobody uses it any more",
    ] {
        assert!(output.contains(expected), "{expected:?} is not in {output}");
    }
    assert!(!output.contains("+1500555"), "{output}");

    let after = (
        aws::contacts(&simulator, ACCOUNT, REGION).await.unwrap(),
        aws::rotations(&simulator, ACCOUNT, REGION).await.unwrap(),
    );
    assert_eq!(after, before);
    let calls = simulator.calls(Some(ACCOUNT), since).await.unwrap();
    let changed: BTreeSet<&str> = calls
        .iter()
        .filter(|c| c.mutating && c.service != "sts")
        .map(|c| c.operation.as_str())
        .collect();
    // The display name is changed there and back.
    let expected = ["TagResource", "UntagResource", "UpdateContact"];
    assert_eq!(changed, BTreeSet::from(expected));
    let cluster = plane.cluster().await.unwrap();
    let crds = cluster.list("CustomResourceDefinition", None).await;
    assert!(crds.unwrap().is_empty());
}
