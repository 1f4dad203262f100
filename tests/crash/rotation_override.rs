//! Scenarios of RotationOverride. Those who are on call were made in AWS by hand.

use aws_sdk_ssmcontacts::primitives::DateTime;
use aws_sdk_ssmcontacts::types::{ContactType, Plan};
use futures::FutureExt as _;
use serde_json::json;

use crate::scenario::{End, Scenario, Step};
use crate::stage::Hands;

/// Ines and Jan, in AWS alone.
async fn people(hands: &Hands) {
    for alias in ["ines", "jan"] {
        hands
            .contacts()
            .create_contact()
            .alias(alias)
            .r#type(ContactType::Personal)
            .plan(Plan::builder().set_stages(Some(vec![])).build())
            .send()
            .await
            .expect("a contact");
    }
}

const SCHEDULE: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: OnCallSchedule
metadata: {name: primary}
spec:
  rotations:
  - name: paris
    startTime: "2026-01-05T09:00:00Z"
    timeZone: Europe/Paris
    contactRefs:
    - arn: "arn:aws:ssm-contacts:us-east-1:{account}:contact/ines"
    - arn: "arn:aws:ssm-contacts:us-east-1:{account}:contact/jan"
    recurrence: {type: Daily, daily: {handOffs: [{time: "10:00"}]}}
"#;

const JAN: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: RotationOverride
metadata: {name: cover}
spec:
  scheduleRef: {name: primary}
  contactRefs: [{arn: "arn:aws:ssm-contacts:us-east-1:{account}:contact/jan"}]
  startTime: "2026-02-01T09:00:00Z"
  endTime: "2090-01-01T09:00:00Z"
"#;

const JAN_ADOPTED: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: RotationOverride
metadata: {name: cover}
spec:
  adoptionPolicy: Adopt
  scheduleRef: {name: primary}
  contactRefs: [{arn: "arn:aws:ssm-contacts:us-east-1:{account}:contact/jan"}]
  startTime: "2026-02-01T09:00:00Z"
  endTime: "2090-01-01T09:00:00Z"
"#;

/// What [`JAN`] asks for, made in the console.
async fn by_hand(hands: &Hands) {
    let client = hands.contacts();
    let rotations = client.list_rotations().send().await.expect("rotations");
    let rotation = rotations.rotations().first().expect("a rotation");
    let arn = rotation.rotation_arn();
    let jan = arn.split(":rotation/").next().expect("an ARN").to_owned() + ":contact/jan";
    let time = |text: &str| {
        let at: jiff::Timestamp = text.parse().expect("a time");
        DateTime::from_secs(at.as_second())
    };
    client
        .create_rotation_override()
        .rotation_id(arn)
        .new_contact_ids(jan)
        .start_time(time("2026-02-01T09:00:00Z"))
        .end_time(time("2090-01-01T09:00:00Z"))
        .send()
        .await
        .expect("an override");
}

const INES: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: RotationOverride
metadata: {name: cover}
spec:
  scheduleRef: {name: primary}
  contactRefs: [{arn: "arn:aws:ssm-contacts:us-east-1:{account}:contact/ines"}]
  startTime: "2026-02-01T09:00:00Z"
  endTime: "2089-01-01T09:00:00Z"
"#;

/// People, schedule and rotation, as they are in every scenario.
macro_rules! aws {
    ($overridden:literal) => {
        concat!(
            "contact ines:
             contact jan:
             contact primary:
               tag incident-operator/owner = {owner}
               tag incident-operator/object = OnCallSchedule/{namespace}/primary
               tag incident-operator/origin = Created
             rotation paris: ines, jan
               tag incident-operator/owner = {owner}
               tag incident-operator/object = OnCallSchedule/{namespace}/primary
               tag incident-operator/origin = Created
               ",
            $overridden
        )
    };
}

fn prepared(more: Vec<Step>) -> Vec<Step> {
    let mut steps = vec![
        Step::Provider,
        Step::InAws(|hands| people(hands).boxed()),
        Step::Apply(SCHEDULE),
        Step::Ready,
    ];
    steps.extend(more);
    steps
}

/// An override of a rotation that is there.
pub fn create() -> Scenario {
    Scenario {
        name: "cover",
        prepare: prepared(vec![]),
        act: vec![Step::Apply(JAN)],
        person: None,
        ends: vec![
            End::new(aws!("override 2026-02-01T09:00:00Z to 2090-01-01T09:00:00Z: jan")).object(
                "RotationOverride",
                "cover",
                json!({"phase": "Active", "origin": "Created", "overrides": [{"rotation": "paris", "contacts": [{}]}], "applied": {"items": [{}]}}),
            )
            // The schedule shows it a moment later.
            .object(
                "OnCallSchedule",
                "primary",
                json!({"overrides": [{"contacts": ["jan"], "madeBy": "cover"}], "onCallNow": [{"contact": "jan"}]}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// AWS has it already: nothing is made.
pub fn adopt() -> Scenario {
    Scenario {
        name: "gocover",
        prepare: prepared(vec![Step::InAws(|hands| by_hand(hands).boxed())]),
        act: vec![Step::Apply(JAN_ADOPTED)],
        person: None,
        ends: vec![
            End::new(aws!("override 2026-02-01T09:00:00Z to 2090-01-01T09:00:00Z: jan")).object(
                "RotationOverride",
                "cover",
                json!({"phase": "Active", "origin": "Adopted", "effectiveDeletionPolicy": "Retain", "pending": null,
                    "overrides": [{"rotation": "paris", "contacts": [{}]}], "applied": {"items": [{}]}}),
            )
            .object(
                "OnCallSchedule",
                "primary",
                json!({"overrides": [{"contacts": ["jan"], "madeBy": "cover"}], "onCallNow": [{"contact": "jan"}]}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// Other people and another end: the new one is made, then the old one goes.
pub fn update() -> Scenario {
    Scenario {
        name: "recover",
        prepare: prepared(vec![Step::Apply(JAN)]),
        act: vec![Step::Apply(INES)],
        person: None,
        ends: vec![
            End::new(aws!("override 2026-02-01T09:00:00Z to 2089-01-01T09:00:00Z: ines")).object(
                "RotationOverride",
                "cover",
                json!({"phase": "Active", "overrides": [{"rotation": "paris"}], "applied": {"items": [{}]}}),
            )
            .object(
                "OnCallSchedule",
                "primary",
                json!({"overrides": [{"contacts": ["ines"], "madeBy": "cover"}], "onCallNow": [{"contact": "ines"}]}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// Deleted before its end.
pub fn delete() -> Scenario {
    Scenario {
        name: "uncover",
        prepare: prepared(vec![Step::Apply(JAN)]),
        act: vec![Step::Delete("RotationOverride", "cover")],
        person: None,
        ends: vec![End::new(aws!("")).object(
            "OnCallSchedule",
            "primary",
            json!({"overrides": null}),
        )],
        sensitive: vec![],
        max_codes: 0,
    }
}
