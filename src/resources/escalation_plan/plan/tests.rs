//! Properties of the plan against a model of AWS of its own.

use proptest::prelude::*;

use super::*;
use crate::engine::Change as _;

fn arn(n: usize) -> String {
    format!("arn:aws:ssm-contacts:eu-west-1:123456789012:contact/person-{n}")
}

fn target(n: usize, essential: bool) -> Target {
    Target {
        arn: arn(n),
        essential,
    }
}

fn stage(duration: i32, targets: &[Target]) -> Stage {
    Stage {
        duration,
        targets: targets.to_vec(),
    }
}

fn desired(display_name: &str, stages: Vec<Stage>) -> Desired {
    let names = (0..6).map(|n| (arn(n), format!("Contact people/person-{n}")));
    Desired {
        alias: "payments".into(),
        display_name: display_name.into(),
        stages,
        names: names.collect(),
        first: String::new(),
        tags: BTreeMap::new(),
    }
}

fn observed(display_name: &str, stages: Vec<Stage>) -> Observed {
    Observed {
        arn: "arn:aws:ssm-contacts:eu-west-1:123456789012:contact/payments".into(),
        alias: "payments".into(),
        display_name: display_name.into(),
        other_type: None,
        stages,
    }
}

/// What AWS does with a change. It keeps targets in an order of its own.
fn send(aws: &mut Option<Observed>, change: &Change) {
    let kept = |stages: &[Stage]| -> Vec<Stage> {
        let mut stages = stages.to_vec();
        for stage in &mut stages {
            assert!((0..=30).contains(&stage.duration), "{stage:?}");
            stage.targets.reverse();
        }
        stages
    };
    match change {
        Change::Create {
            display_name,
            stages,
            ..
        } => {
            assert!(aws.is_none(), "made twice");
            *aws = Some(observed(display_name, kept(stages)));
        }
        Change::Update {
            display_name,
            stages,
            ..
        } => {
            let there = aws.as_mut().unwrap();
            if let Some(display_name) = display_name {
                there.display_name.clone_from(display_name);
            }
            if let Some(stages) = stages {
                there.stages = kept(stages);
            }
        }
        Change::Delete => *aws = None,
        Change::SetTags(_) | Change::RemoveTags(_) => {}
    }
}

fn texts(desired: &Desired, there: &Observed) -> Vec<String> {
    let changes = plan(desired, Some(there));
    changes.iter().map(ToString::to_string).collect()
}

/// The stages as AWS means them: targets are a bag.
fn meaning(stages: &[Stage]) -> Vec<(i32, Vec<Target>)> {
    let sorted = |s: &Stage| {
        let mut targets = s.targets.clone();
        targets.sort();
        (s.duration, targets)
    };
    stages.iter().map(sorted).collect()
}

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    let targets = prop::collection::vec((0..6_usize, any::<bool>()), 0..4);
    let one = (1..=30_i32, targets).prop_map(|(duration, targets)| Stage {
        duration,
        targets: targets.into_iter().map(|(n, e)| target(n, e)).collect(),
    });
    prop::collection::vec(one, 1..5)
}

proptest! {
    /// Whatever is there becomes what is wanted in one call, and then there is nothing left to do.
    #[test]
    fn one_call_brings_aws_to_what_is_wanted(
        name in "[ab]?", wanted in stages(), there in prop::option::of(("[ab]?", stages()))
    ) {
        let desired = desired(&name, wanted);
        let mut aws = there.map(|(name, stages)| observed(&name, stages));
        let changes = plan(&desired, aws.as_ref());
        prop_assert!(changes.len() <= 1, "{changes:?}");
        for change in &changes {
            send(&mut aws, change);
        }
        let left = plan(&desired, aws.as_ref());
        prop_assert!(left.is_empty(), "left: {left:?}\nin: {aws:?}");
        let aws = aws.unwrap();
        prop_assert_eq!(meaning(&aws.stages), meaning(&desired.stages));
        prop_assert_eq!(aws.display_name, desired.display_name);
    }

    /// The model that the status is written from says the same as AWS does.
    #[test]
    fn the_projection_agrees_with_aws(name in "[ab]?", wanted in stages(), there in prop::option::of(("[ab]?", stages()))) {
        let desired = desired(&name, wanted);
        let before = there.map(|(name, stages)| observed(&name, stages));
        let (mut aws, mut projected) = (before.clone(), before.clone());
        for change in plan(&desired, before.as_ref()) {
            send(&mut aws, &change);
            let id = change.slot().map(|_| observed("", vec![]).arn);
            projected = project(projected, &change, id.as_deref());
        }
        let (aws, projected) = (aws.unwrap(), projected.unwrap());
        prop_assert_eq!(meaning(&aws.stages), meaning(&projected.stages));
        prop_assert_eq!((aws.arn, aws.display_name), (projected.arn, projected.display_name));
    }

    /// No change names a field that is as it should be already, and each that is not is named.
    #[test]
    fn nothing_unchanged_is_touched(name in "[ab]?", wanted in stages(), there_name in "[ab]?", there in stages()) {
        let desired = desired(&name, wanted);
        let there = observed(&there_name, there);
        let changes = plan(&desired, Some(&there));
        let pending: Vec<String> = changes.iter().flat_map(Change::pending).map(|p| p.path).collect();
        let same_stages = meaning(&desired.stages) == meaning(&there.stages);
        for change in &changes {
            let Change::Update { display_name, stages, .. } = change else { panic!("{change:?}") };
            prop_assert_eq!(display_name.is_some(), name != there_name);
            prop_assert_eq!(stages.is_some(), !same_stages);
        }
        prop_assert_eq!(changes.is_empty(), name == there_name && same_stages);
        prop_assert_eq!(pending.contains(&"displayName".to_owned()), name != there_name);
        for index in 0..desired.stages.len().max(there.stages.len()) {
            let (wanted, has) = (desired.stages.get(index), there.stages.get(index));
            let differs = wanted.map(std::slice::from_ref).map(meaning) != has.map(std::slice::from_ref).map(meaning);
            let named = pending.iter().any(|p| p.starts_with(&format!("stages[{index}]")));
            prop_assert_eq!(differs, named, "stage {} in {:?}", index, &pending);
        }
    }

    /// A difference in a stage is told in words.
    #[test]
    fn every_change_says_something(wanted in stages(), there in stages()) {
        for text in texts(&desired("", wanted), &observed("", there)) {
            prop_assert!(text.starts_with("stage ") || text.starts_with("adds stage") || text.starts_with("removes stage"), "{text}");
        }
    }
}

#[test]
fn differences_are_told_with_the_names_of_people() {
    let there = observed(
        "Payments",
        vec![
            stage(5, &[target(0, true), target(1, false)]),
            stage(10, &[target(2, false), target(9, false)]),
            stage(1, &[]),
        ],
    );
    let wanted = |display_name: &str, stages| texts(&desired(display_name, stages), &there);
    assert_eq!(
        wanted(
            "",
            vec![
                stage(7, &[target(1, true), target(0, true)]),
                stage(10, &[target(2, false), target(3, false)]),
                stage(1, &[]),
                stage(2, &[target(4, false)]),
                stage(3, &[]),
            ]
        ),
        ["changed display name; stage 1: 7 minutes instead of 5; \
         stage 1: an acknowledgement by Contact people/person-1 now stops the escalation; \
         stage 2: adds Contact people/person-3; stage 2: removes \"person-9\"; \
         adds stage 4: Contact people/person-4, 2 minutes; adds stage 5: nobody, 3 minutes"]
    );
    assert_eq!(
        wanted(
            "Payments",
            vec![stage(5, &[target(0, false), target(1, false)])]
        ),
        [
            "stage 1: an acknowledgement by Contact people/person-0 no longer stops the escalation; \
             removes stage 2; removes stage 3"
        ]
    );
}

#[test]
fn a_channel_in_the_plan_is_a_difference() {
    let there = observed(
        "",
        vec![stage(
            5,
            &[Target {
                arn: String::new(),
                essential: false,
            }],
        )],
    );
    assert_eq!(
        texts(&desired("", vec![stage(5, &[target(0, false)])]), &there),
        ["stage 1: adds Contact people/person-0; stage 1: removes an unknown target"]
    );
}

#[test]
fn what_is_named_twice_is_told_apart() {
    let twice = vec![stage(5, &[target(0, false), target(0, true)])];
    let same = observed("", vec![stage(5, &[target(0, true), target(0, false)])]);
    assert!(plan(&desired("", twice.clone()), Some(&same)).is_empty());
    let once = observed("", vec![stage(5, &[target(0, true)])]);
    assert_eq!(
        texts(&desired("", twice), &once),
        ["stage 1: adds Contact people/person-0"]
    );
}

#[test]
fn a_creation_tells_how_much() {
    let stages = vec![stage(5, &[target(0, true)]), stage(1, &[])];
    let changes = plan(&desired("Payments", stages), None);
    let texts: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["created escalation plan \"payments\" with 2 stages"]
    );
    assert_eq!(changes[0].slot().as_deref(), Some(PLAN_SLOT));
}
