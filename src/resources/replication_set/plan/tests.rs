//! From any Regions to any others, one step at a time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;

use super::*;
use crate::resources::replication_set::desired::Place;

const OWN: &str = "us-east-1";
const ARN: &str = "arn:aws:ssm-incidents::123456789012:replication-set/0f1d7d2c";

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn key(region: &str, number: u8) -> String {
    format!("arn:aws:kms:{region}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890{number:02x}")
}

fn region(state: RegionStatus, key: Option<String>) -> ObservedRegion {
    ObservedRegion {
        state,
        since: Some(now()),
        key,
        message: None,
        taggable: true,
    }
}

/// An active set of these Regions.
fn set(regions: &[&str]) -> Observed {
    Observed {
        arn: ARN.to_owned(),
        state: ReplicationSetStatus::Active,
        protected: true,
        modified: now(),
        regions: regions
            .iter()
            .map(|r| ((*r).to_owned(), region(RegionStatus::Active, None)))
            .collect(),
    }
}

fn wants(regions: &[&str]) -> Desired {
    Desired {
        place: Place {
            account_id: "123456789012".to_owned(),
            provider: "default".to_owned(),
            own_region: OWN.to_owned(),
            ..Place::default()
        },
        regions: regions.iter().map(|r| ((*r).to_owned(), None)).collect(),
        protected: true,
        tags: BTreeMap::new(),
        refused_removal: None,
    }
}

fn due_now(desired: &Desired, observed: Option<&Observed>) -> Vec<String> {
    let changes = due(desired, observed, plan(desired, observed), now());
    changes.iter().map(ToString::to_string).collect()
}

fn waits_for(desired: &Desired, observed: &Observed) -> Option<Reason> {
    unfinished(desired, observed, now())?.reason()
}

#[test]
fn a_set_is_made_with_all_its_regions_and_protected_once_it_is_active() {
    let desired = wants(&[OWN, "us-west-2"]);
    assert_eq!(
        due_now(&desired, None),
        ["created the replication set in us-east-1, us-west-2"]
    );
    let made = project(None, &plan(&desired, None)[0], Some(ARN)).unwrap();
    assert!(due_now(&desired, Some(&made)).is_empty());
    assert_eq!(waits_for(&desired, &made), Some(Reason::Progressing));
    let mut active = set(&[OWN, "us-west-2"]);
    active.protected = false;
    assert_eq!(due_now(&desired, Some(&active)), ["deletion protection on"]);
}

#[test]
fn one_region_at_a_time_and_what_is_added_comes_first() {
    let desired = wants(&[OWN, "us-west-2", "eu-west-1"]);
    let there = set(&[OWN, "eu-central-1"]);
    let changes = plan(&desired, Some(&there));
    assert_eq!(changes.len(), 3, "all is told: {changes:?}");
    assert_eq!(
        due_now(&desired, Some(&there)),
        ["began to add Region eu-west-1"]
    );
    let full = set(&[OWN, "eu-central-1", "eu-west-1"]);
    assert_eq!(
        due_now(&desired, Some(&full)),
        ["began to remove Region eu-central-1"],
        "AWS has no room for a fourth"
    );
}

#[test]
fn nothing_but_tags_is_sent_while_aws_is_at_work() {
    let mut desired = wants(&[OWN]);
    desired.protected = false;
    let mut there = set(&[OWN, "us-west-2"]);
    there.state = ReplicationSetStatus::Updating;
    let tags = Change::SetTags {
        arn: ARN.to_owned(),
        tags: BTreeMap::from([("team".to_owned(), "payments".to_owned())]),
    };
    let mut changes = plan(&desired, Some(&there));
    changes.push(tags.clone());
    assert_eq!(due(&desired, Some(&there), changes, now()), [tags]);
    assert_eq!(waits_for(&desired, &there), Some(Reason::Progressing));
}

#[test]
fn a_removal_that_was_refused_waits_for_its_time_and_others_do_not() {
    let mut desired = wants(&[OWN]);
    let there = set(&[OWN, "eu-west-1", "us-west-2"]);
    let until = retry_removal(Some(now()), now());
    assert_eq!(until.duration_since(now()), MIN_AGE);
    desired.refused_removal = Some(("eu-west-1".to_owned(), until));
    assert_eq!(
        due_now(&desired, Some(&there)),
        ["began to remove Region us-west-2"]
    );
    let there = set(&[OWN, "eu-west-1"]);
    assert!(due_now(&desired, Some(&there)).is_empty());
    assert_eq!(
        waits_for(&desired, &there),
        Some(Reason::RegionRemovalPending)
    );
    let pending = pending_step(&desired, &there, now()).unwrap();
    assert_eq!(
        (pending.region.as_str(), pending.not_before.map(|t| t.0)),
        ("eu-west-1", Some(until))
    );
    let changes = plan(&desired, Some(&there));
    assert_eq!(due(&desired, Some(&there), changes, until).len(), 1);
    // AWS refuses again although the Region is a day old: not asked all the time.
    assert_eq!(
        retry_removal(Some(now()), until).duration_since(until),
        ASK_AGAIN
    );
}

#[test]
fn a_region_that_another_provider_config_works_in_is_kept() {
    let mut desired = wants(&[OWN]);
    let there = set(&[OWN, "us-west-2"]);
    desired.place.used_regions = BTreeMap::from([("us-west-2".to_owned(), "west".to_owned())]);
    assert!(due_now(&desired, Some(&there)).is_empty());
    assert_eq!(waits_for(&desired, &there), Some(Reason::RegionInUse));
}

#[test]
fn a_key_is_changed_by_removing_and_adding_the_region_or_not_at_all() {
    let keyed = |regions: &[(&str, u8)]| {
        let names: Vec<&str> = regions.iter().map(|(r, _)| *r).collect();
        let mut there = set(&names);
        for (name, number) in regions {
            there.regions.get_mut(*name).unwrap().key = Some(key(name, *number));
        }
        there
    };
    let wanting = |regions: &[(&str, u8)]| {
        let mut desired = wants(&[]);
        desired.regions = regions
            .iter()
            .map(|(r, n)| ((*r).to_owned(), Some(key(r, *n))))
            .collect();
        desired
    };
    let there = keyed(&[(OWN, 1), ("us-west-2", 1)]);
    let desired = wanting(&[(OWN, 1), ("us-west-2", 2)]);
    assert_eq!(
        due_now(&desired, Some(&there)),
        ["began to remove Region us-west-2, to add it again with another key"]
    );
    // The way through, as after a crash: it is gone, and comes back with the new key.
    assert_eq!(
        plan(&desired, Some(&keyed(&[(OWN, 1)]))),
        [Change::AddRegion {
            arn: ARN.to_owned(),
            region: "us-west-2".to_owned(),
            key: Some(key("us-west-2", 2)),
            version: now()
        }]
    );
    let mut used = wanting(&[(OWN, 1), ("us-west-2", 2)]);
    used.place.used_regions = BTreeMap::from([("us-west-2".to_owned(), "west".to_owned())]);
    let mine = wants(&[OWN, "us-west-2"]);
    for (desired, there) in [
        // The only Region; the ProviderConfig's own; another's; from AWS's key and to it.
        (wanting(&[(OWN, 2)]), keyed(&[(OWN, 1)])),
        (wanting(&[(OWN, 2), ("us-west-2", 1)]), there.clone()),
        (used, there.clone()),
        (
            wanting(&[(OWN, 1), ("us-west-2", 1)]),
            set(&[OWN, "us-west-2"]),
        ),
        (mine, there),
    ] {
        assert!(due_now(&desired, Some(&there)).is_empty(), "{desired:?}");
        assert!(
            !plan(&desired, Some(&there)).is_empty(),
            "it is a difference"
        );
        assert_eq!(
            waits_for(&desired, &there),
            Some(Reason::KeyChangeNeedsRecreate)
        );
    }
}

#[test]
fn what_failed_is_said_with_what_aws_says() {
    let desired = wants(&[OWN, "us-west-2"]);
    let mut there = set(&[OWN, "us-west-2"]);
    let west = there.regions.get_mut("us-west-2").unwrap();
    west.state = RegionStatus::Failed;
    west.message = Some("KMS key is disabled".to_owned());
    let error = unfinished(&desired, &there, now()).unwrap();
    assert_eq!(error.reason(), Some(Reason::ReplicationSetFailed));
    assert!(
        error
            .to_string()
            .contains("us-west-2 (AWS says: KMS key is disabled)")
    );
    // Taken out of the spec, it is removed.
    let without = wants(&[OWN]);
    assert_eq!(
        due_now(&without, Some(&there)),
        ["began to remove Region us-west-2"]
    );
}

/// AWS comes to the end of what it is at.
fn settle(mut set: Observed) -> Observed {
    set.state = ReplicationSetStatus::Active;
    set.regions.retain(|_, r| r.state != RegionStatus::Deleting);
    for region in set.regions.values_mut() {
        region.state = RegionStatus::Active;
    }
    set
}

fn some_regions() -> impl Strategy<Value = Vec<&'static str>> {
    let others = prop::sample::subsequence(
        vec!["ap-northeast-1", "eu-west-1", "us-west-2", "us-west-1"],
        0..=2,
    );
    others.prop_map(|mut regions| {
        regions.push(OWN);
        regions
    })
}

proptest! {
    /// Each round is one step, AWS always has one to three Regions of which ours is one, and in the end nothing is left to do.
    #[test]
    fn from_any_regions_to_any_others(from in some_regions(), to in some_regions()) {
        let desired = wants(&to);
        let mut there = set(&from);
        for round in 0.. {
            prop_assert!(round <= 6, "it does not end: {:?}", there);
            let left = plan(&desired, Some(&there)).len();
            let sent = due(&desired, Some(&there), plan(&desired, Some(&there)), now());
            prop_assert!(sent.len() <= 1);
            let Some(change) = sent.first() else {
                prop_assert_eq!(left, 0);
                break;
            };
            let busy = project(Some(there), change, None).unwrap();
            prop_assert!(due(&desired, Some(&busy), plan(&desired, Some(&busy)), now()).is_empty());
            there = settle(busy);
            prop_assert!((1..=3).contains(&there.regions.len()) && there.regions.contains_key(OWN));
            prop_assert!(plan(&desired, Some(&there)).len() < left);
        }
        prop_assert!(unfinished(&desired, &there, now()).is_none());
    }
}
