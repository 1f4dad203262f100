//! Scenarios of EscalationPlan. Those who are engaged were made in AWS by hand, as far as nothing happens to them.

use aws_sdk_ssmcontacts::types::{ContactType, Plan};
use futures::FutureExt as _;
use serde_json::json;

use crate::scenario::{End, Scenario, Step};
use crate::stage::Hands;

/// Gina and Hugo, in AWS alone.
async fn people(hands: &Hands) {
    for alias in ["gina", "hugo"] {
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

const PLAN: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: EscalationPlan
metadata: {name: payments}
spec:
  displayName: Payments
  stages:
  - durationMinutes: 5
    targets: [{arn: "arn:aws:ssm-contacts:us-east-1:{account}:contact/gina", onAcknowledge: StopEscalation}]
  - durationMinutes: 10
    targets: [{arn: "arn:aws:ssm-contacts:us-east-1:{account}:contact/hugo"}]
  tags: {team: payments}
"#;

/// A plan over two people who are there.
pub fn create() -> Scenario {
    Scenario {
        name: "plan",
        prepare: vec![Step::Provider, Step::InAws(|hands| people(hands).boxed())],
        act: vec![Step::Apply(PLAN)],
        person: None,
        ends: vec![
            End::new(
                "contact gina:
                 contact hugo:
                 contact payments: Payments
                   stage 5 min: gina stops
                   stage 10 min: hugo
                   tag team = payments
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = EscalationPlan/{namespace}/payments
                   tag incident-operator/origin = Created",
            )
            .object(
                "EscalationPlan",
                "payments",
                json!({"origin": "Created", "effectiveDeletionPolicy": "Delete", "summary": {"stages": "2", "first": "gina"}, "references": [{}, {}]}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const PLAN_CHANGED: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: EscalationPlan
metadata: {name: payments}
spec:
  displayName: Payments by day
  stages:
  - durationMinutes: 15
    targets: [{arn: "arn:aws:ssm-contacts:us-east-1:{account}:contact/hugo", onAcknowledge: StopEscalation}]
  tags: {floor: second}
"#;

/// Every kind of edit at once: display name, stages, tags.
pub fn update() -> Scenario {
    Scenario {
        name: "plan-update",
        prepare: vec![
            Step::Provider,
            Step::InAws(|hands| people(hands).boxed()),
            Step::Apply(PLAN),
            Step::Ready,
        ],
        act: vec![Step::Apply(PLAN_CHANGED)],
        person: None,
        ends: vec![
            End::new(
                "contact gina:
                 contact hugo:
                 contact payments: Payments by day
                   stage 15 min: hugo stops
                   tag floor = second
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = EscalationPlan/{namespace}/payments
                   tag incident-operator/origin = Created",
            )
            .object(
                "EscalationPlan",
                "payments",
                json!({"origin": "Created", "summary": {"stages": "1", "first": "hugo"}, "references": [{}]}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const IVAN_AND_PLAN: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: EscalationPlan
metadata: {name: payments}
spec:
  stages: [{durationMinutes: 5, targets: [{contactRef: {name: ivan}}]}]
---
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: ivan}
spec: {displayName: Ivan Example}
";

/// Somebody and the plan that holds them, all at once.
pub fn delete() -> Scenario {
    Scenario {
        name: "plan-delete",
        prepare: vec![Step::Provider, Step::Apply(IVAN_AND_PLAN), Step::Ready],
        act: vec![
            Step::Delete("Contact", "ivan"),
            Step::Delete("EscalationPlan", "payments"),
        ],
        person: None,
        ends: vec![End::new("")],
        sensitive: vec![],
        max_codes: 0,
    }
}
