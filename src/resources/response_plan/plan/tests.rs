//! Properties of the plan against a model of AWS of its own: what is left out of a change stays, what is empty is cleared.

use proptest::prelude::*;

use super::super::desired::Place;
use super::*;
use crate::api::response_plan::{DynamicVariable, TargetAccount};
use crate::engine::Change as _;

const ROLE: &str = "arn:aws:iam::123456789012:role/runbook";

fn arn(n: usize) -> String {
    format!("arn:aws:ssm-contacts:eu-west-1:123456789012:contact/person-{n}")
}

fn desired(content: Content) -> Desired {
    let names = (0..6).map(|n| (arn(n), format!("Contact people/person-{n}")));
    Desired {
        name: "down".into(),
        content,
        names: names.collect(),
        kinds: BTreeMap::new(),
        engages: String::new(),
        tags: BTreeMap::new(),
        place: Place {
            provider: "default".into(),
            pass_roles: [ROLE.to_owned()].into(),
            ..Place::default()
        },
    }
}

fn observed(content: Content) -> Observed {
    Observed {
        arn: "arn:aws:ssm-incidents::123456789012:response-plan/down".into(),
        content,
        not_understood: BTreeSet::new(),
        engaged: Engaged::default(),
        open_incidents: Some(0),
    }
}

/// What AWS does with a change, written down once more.
fn send(aws: &mut Option<Content>, change: &Change) {
    match change {
        Change::Create { content, .. } => *aws = Some(Content::clone(content)),
        Change::Delete => *aws = None,
        Change::SetTags(_) | Change::RemoveTags(_) => {}
        Change::Update(update) => {
            let there = aws.as_mut().unwrap();
            if let Some(text) = &update.display_name {
                there.display_name.clone_from(text);
            }
            if let Some(text) = &update.title {
                assert!(!text.is_empty());
                there.title.clone_from(text);
            }
            if let Some(impact) = update.impact {
                there.impact = impact;
            }
            if let Some(text) = &update.summary {
                there.summary.clone_from(text);
            }
            if let Some(text) = &update.dedupe_string {
                there.dedupe_string.clone_from(text);
            }
            if let Some(topics) = &update.notification_targets {
                there.notification_targets.clone_from(topics);
            }
            if let Some(tags) = &update.incident_tags {
                there.incident_tags.clone_from(tags);
            }
            if let Some(all) = &update.engagements {
                there.engagements.clone_from(all);
            }
            if let Some(topics) = &update.chat_channel {
                there.chat_channel.clone_from(topics);
            }
            if let Some(automation) = &update.automation {
                there.automation.clone_from(automation);
            }
            if let Some(service) = &update.pager_duty {
                there.pager_duty.clone_from(service);
            }
        }
    }
}

fn automation(version: Option<&str>, values: &[&str]) -> Automation {
    Automation {
        document_name: "Runbook".into(),
        document_version: version.map(str::to_owned),
        role_arn: ROLE.into(),
        target_account: TargetAccount::ResponsePlanOwnerAccount,
        parameters: BTreeMap::from([(
            "Key".to_owned(),
            values.iter().map(|v| (*v).to_owned()).collect(),
        )]),
        dynamic_parameters: BTreeMap::from([(
            "Incident".to_owned(),
            DynamicVariable::IncidentRecordArn,
        )]),
    }
}

/// A plan with everything.
fn full() -> Content {
    Content {
        display_name: "Down".into(),
        title: "Payments are failing".into(),
        impact: 2,
        summary: "Look at the dashboard".into(),
        dedupe_string: "payments".into(),
        notification_targets: ["arn:of:topic".to_owned()].into(),
        incident_tags: BTreeMap::from([("service".to_owned(), "payments".to_owned())]),
        engagements: [arn(0), arn(1)].into(),
        chat_channel: ["arn:of:chat".to_owned()].into(),
        automation: Some(automation(Some("3"), &["a", "b", "a"])),
        pager_duty: Some(PagerDuty {
            name: "payments".into(),
            service_id: "P1".into(),
            secret_id: "pagerduty".into(),
        }),
    }
}

/// A plan with as little as possible.
fn bare() -> Content {
    Content {
        title: "Payments are failing".into(),
        impact: 2,
        ..Content::default()
    }
}

/// How many fields an update names.
fn named(update: &Update) -> usize {
    [
        update.display_name.is_some(),
        update.title.is_some(),
        update.impact.is_some(),
        update.summary.is_some(),
        update.dedupe_string.is_some(),
        update.notification_targets.is_some(),
        update.incident_tags.is_some(),
        update.engagements.is_some(),
        update.chat_channel.is_some(),
        update.automation.is_some(),
        update.pager_duty.is_some(),
    ]
    .into_iter()
    .filter(|named| *named)
    .count()
}

fn only_update(desired_: Content, observed_: Content) -> Update {
    let changes = plan(&desired(desired_), Some(&observed(observed_)));
    match changes.as_slice() {
        [Change::Update(update)] => Update::clone(update),
        other => panic!("{other:?}"),
    }
}

/// A change to a plan, by the field that it is told by.
type Edit = (&'static str, fn(&mut Content));

/// Each field of a full plan, and how it is taken out.
fn clearings() -> Vec<Edit> {
    vec![
        ("displayName", |c| c.display_name.clear()),
        ("incidentTemplate.summary", |c| c.summary.clear()),
        ("incidentTemplate.dedupeString", |c| c.dedupe_string.clear()),
        ("incidentTemplate.notificationTargets", |c| {
            c.notification_targets.clear();
        }),
        ("incidentTemplate.incidentTags[service]", |c| {
            c.incident_tags.clear();
        }),
        ("engagements", |c| c.engagements.clear()),
        ("chatChannel", |c| c.chat_channel.clear()),
        ("automation", |c| c.automation = None),
        ("pagerDuty", |c| c.pager_duty = None),
    ]
}

#[test]
fn a_field_that_is_taken_out_is_cleared_and_nothing_else_is_named() {
    for (path, clear) in clearings() {
        let mut want = full();
        clear(&mut want);
        let update = only_update(want.clone(), full());
        assert_eq!(named(&update), 1, "{path}: {update:?}");
        let pending = Change::Update(Box::new(update.clone())).pending();
        assert_eq!(pending.len(), 1, "{path}: {pending:?}");
        assert_eq!(pending[0].path, path);
        assert_eq!(pending[0].action, ChangeAction::Delete, "{path}");
        let mut aws = Some(full());
        send(&mut aws, &Change::Update(Box::new(update)));
        assert_eq!(aws.unwrap(), want, "{path}");
    }
}

#[test]
fn a_field_that_is_put_in_is_set_and_nothing_else_is_named() {
    for (path, clear) in clearings() {
        let mut there = full();
        clear(&mut there);
        let update = only_update(full(), there);
        assert_eq!(named(&update), 1, "{path}: {update:?}");
        let pending = Change::Update(Box::new(update)).pending();
        assert_eq!(
            (pending[0].path.as_str(), pending[0].action),
            (path, ChangeAction::Create)
        );
    }
}

#[test]
fn each_part_of_the_runbook_and_of_pagerduty_is_told_by_its_name() {
    let cases: Vec<Edit> = vec![
        ("incidentTemplate.title", |c| c.title.push('!')),
        ("incidentTemplate.impact", |c| c.impact = 1),
        ("automation.documentName", |c| {
            c.automation.as_mut().unwrap().document_name.push('2');
        }),
        ("automation.documentVersion", |c| {
            c.automation.as_mut().unwrap().document_version = None;
        }),
        ("automation.roleArn", |c| {
            c.automation.as_mut().unwrap().role_arn.push('2');
        }),
        ("automation.targetAccount", |c| {
            c.automation.as_mut().unwrap().target_account = TargetAccount::ImpactedAccount;
        }),
        ("automation.parameters[Key]", |c| {
            // The order of values is meaning.
            c.automation
                .as_mut()
                .unwrap()
                .parameters
                .get_mut("Key")
                .unwrap()
                .swap(0, 1);
        }),
        ("automation.dynamicParameters[Incident]", |c| {
            c.automation.as_mut().unwrap().dynamic_parameters.clear();
        }),
        ("pagerDuty.name", |c| {
            c.pager_duty.as_mut().unwrap().name.push('2');
        }),
        ("pagerDuty.serviceId", |c| {
            c.pager_duty.as_mut().unwrap().service_id.push('2');
        }),
        ("pagerDuty.secretId", |c| {
            c.pager_duty.as_mut().unwrap().secret_id.push('2');
        }),
    ];
    for (path, change) in cases {
        let mut want = full();
        change(&mut want);
        let update = only_update(want, full());
        assert_eq!(named(&update), 1, "{path}");
        let pending = Change::Update(Box::new(update)).pending();
        assert_eq!(pending.len(), 1, "{path}: {pending:?}");
        assert_eq!(pending[0].path, path);
    }
}

#[test]
fn what_is_not_understood_is_replaced_by_what_is_wanted() {
    for field in [
        "automation",
        "pagerDuty",
        "chatChannel",
        "incidentTemplate.notificationTargets",
    ] {
        let mut there = observed(bare());
        there.not_understood.insert(field);
        let changes = plan(&desired(bare()), Some(&there));
        let pending = changes[0].pending();
        assert_eq!(
            (pending[0].path.as_str(), pending[0].action),
            (field, ChangeAction::Delete)
        );
        let after = project(Some(there), &changes[0], None).unwrap();
        assert_eq!(plan(&desired(bare()), Some(&after)), []);
    }
}

#[test]
fn the_words_name_who_is_engaged_and_no_value() {
    let mut want = full();
    want.engagements = [arn(1), arn(2)].into();
    want.summary = "secret thing".into();
    let change = Change::Update(Box::new(only_update(want, full())));
    assert_eq!(
        change.to_string(),
        "engages Contact people/person-2; engages Contact people/person-0 no more; changed summary"
    );
    assert_eq!(
        change.detail().as_deref(),
        Some("engages Contact people/person-2; engages Contact people/person-0 no more")
    );
}

#[test]
fn a_role_is_written_only_when_it_is_listed() {
    let mut foreign = full();
    foreign.automation.as_mut().unwrap().role_arn = "arn:aws:iam::123456789012:role/admin".into();
    let create = plan(&desired(foreign.clone()), None);
    let error = permit_role(&desired(foreign.clone()), &create).unwrap_err();
    assert!(error.to_string().contains("passRoleArns"), "{error}");
    assert!(permit_role(&desired(full()), &plan(&desired(full()), None)).is_ok());
    // AWS has it already: it stays as long as nothing of the runbook is written.
    let mut titled = foreign.clone();
    titled.title = "Other".into();
    let there = observed(foreign.clone());
    assert!(
        permit_role(
            &desired(titled.clone()),
            &plan(&desired(titled), Some(&there))
        )
        .is_ok()
    );
    let mut versioned = foreign.clone();
    versioned.automation.as_mut().unwrap().document_version = None;
    let wanted = desired(versioned);
    assert!(permit_role(&wanted, &plan(&wanted, Some(&there))).is_err());
    // To take it out, nobody has to be asked.
    let mut without = foreign;
    without.automation = None;
    let wanted = desired(without);
    assert!(permit_role(&wanted, &plan(&wanted, Some(&there))).is_ok());
}

fn contents() -> impl Strategy<Value = Content> {
    let text = || {
        prop_oneof![
            Just(String::new()),
            Just("a".to_owned()),
            Just("b".to_owned())
        ]
    };
    let topics = || proptest::collection::btree_set("[ab]", 0..3);
    let runbook = proptest::option::of(
        (
            proptest::option::of("[12]"),
            proptest::collection::vec("[ab]", 0..3),
        )
            .prop_map(|(version, values)| {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                automation(version.as_deref(), &values)
            }),
    );
    let service = proptest::option::of("[ab]".prop_map(|name| PagerDuty {
        name,
        service_id: "P1".into(),
        secret_id: "pagerduty".into(),
    }));
    let engaged = proptest::collection::btree_set((0..6usize).prop_map(arn), 0..5);
    let tags = proptest::collection::btree_map("[ab]", "[cd]", 0..3);
    (
        (text(), "[ab]", 1..6i32, text(), text()),
        (topics(), tags, engaged, topics(), runbook, service),
    )
        .prop_map(
            |(
                (display_name, title, impact, summary, dedupe_string),
                (
                    notification_targets,
                    incident_tags,
                    engagements,
                    chat_channel,
                    automation,
                    pager_duty,
                ),
            )| Content {
                display_name,
                title,
                impact,
                summary,
                dedupe_string,
                notification_targets,
                incident_tags,
                engagements,
                chat_channel,
                automation,
                pager_duty,
            },
        )
}

proptest! {
    #[test]
    fn one_call_brings_aws_there_and_names_only_what_differs(want in contents(), have in proptest::option::of(contents())) {
        let wanted = desired(want.clone());
        let mut aws = have.clone();
        let before = have.clone().map(observed);
        let changes = plan(&wanted, before.as_ref());
        prop_assert!(changes.len() <= 1);
        let mut projected = before;
        for change in &changes {
            send(&mut aws, change);
            projected = project(projected, change, Some("arn"));
            prop_assert!(!change.pending().is_empty() && !change.to_string().is_empty());
        }
        prop_assert_eq!(aws.as_ref(), Some(&want));
        prop_assert_eq!(&projected.as_ref().unwrap().content, &want);
        prop_assert!(plan(&wanted, projected.as_ref()).is_empty());
        if let (Some(have), [Change::Update(update)]) = (&have, changes.as_slice()) {
            let differing = [
                have.display_name != want.display_name,
                have.title != want.title,
                have.impact != want.impact,
                have.summary != want.summary,
                have.dedupe_string != want.dedupe_string,
                have.notification_targets != want.notification_targets,
                have.incident_tags != want.incident_tags,
                have.engagements != want.engagements,
                have.chat_channel != want.chat_channel,
                have.automation != want.automation,
                have.pager_duty != want.pager_duty,
            ];
            prop_assert_eq!(named(update), differing.into_iter().filter(|d| *d).count());
        }
    }
}
