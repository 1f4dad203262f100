//! Scenarios of ResponsePlan. Those who are engaged were made in AWS by hand, as far as nothing happens to them.

use aws_sdk_ssmcontacts::types::{ContactType, Plan};
use aws_sdk_ssmincidents::types::IncidentTemplate;
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

/// A plan that somebody made.
async fn by_hand(hands: &Hands) {
    let template = IncidentTemplate::builder()
        .title("Payments are failing")
        .impact(2)
        .build()
        .expect("a template");
    hands
        .incidents()
        .create_response_plan()
        .name("down")
        .incident_template(template)
        .tags("floor", "first")
        .send()
        .await
        .expect("a response plan");
}

const FULL: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: ResponsePlan
metadata: {name: down}
spec:
  displayName: Payments down
  incidentTemplate:
    title: Payments are failing
    impact: High
    summary: Look
    dedupeString: payments
    notificationTargets: [{snsTopicArn: "arn:aws:sns:us-east-1:{account}:told"}]
    incidentTags: {service: payments}
  engagements: [{arn: "arn:aws:ssm-contacts:us-east-1:{account}:contact/gina"}]
  chatChannel: {chatbotSns: ["arn:aws:sns:us-east-1:{account}:chat"]}
  automation:
    documentName: Runbook
    roleArn: arn:aws:iam::{account}:role/runbook
    parameters: [{name: Key, values: [b, a]}]
    dynamicParameters: [{name: Incident, variable: IncidentRecordArn}]
  pagerDuty: {name: payments, serviceId: P1, secretId: pagerduty}
  tags: {team: payments}
"#;

/// A plan with everything, over somebody who is there.
pub fn create() -> Scenario {
    Scenario {
        name: "response-plan",
        prepare: vec![Step::Provider, Step::InAws(|hands| people(hands).boxed())],
        act: vec![Step::Apply(FULL)],
        person: None,
        ends: vec![
            End::new(
                "contact gina:
                 contact hugo:
                 response-plan down: Payments are failing, impact 2
                   display name Payments down
                   summary Look
                   dedupe payments
                   tells told
                   incident tag service = payments
                   engages gina
                   chat chat
                   runbook Runbook as runbook
                   parameter Key = b, a
                   dynamic parameter Incident = INCIDENT_RECORD_ARN
                   PagerDuty payments P1 pagerduty
                   tag team = payments
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = ResponsePlan/{namespace}/down
                   tag incident-operator/origin = Created",
            )
            .object(
                "ResponsePlan",
                "down",
                json!({"origin": "Created", "effectiveDeletionPolicy": "Delete", "openIncidents": 0, "summary": {"engages": "gina"}, "references": [{}]}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const CLEARED: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: ResponsePlan
metadata: {name: down}
spec:
  incidentTemplate: {title: Payments are slow, impact: Low}
  engagements: [{arn: "arn:aws:ssm-contacts:us-east-1:{account}:contact/hugo"}]
  tags: {floor: second}
"#;

/// Every kind of edit at once: changed, cleared, tags.
pub fn update() -> Scenario {
    Scenario {
        name: "response-plan-update",
        prepare: vec![
            Step::Provider,
            Step::InAws(|hands| people(hands).boxed()),
            Step::Apply(FULL),
            Step::Ready,
        ],
        act: vec![Step::Apply(CLEARED)],
        person: None,
        ends: vec![
            End::new(
                "contact gina:
                 contact hugo:
                 response-plan down: Payments are slow, impact 4
                   engages hugo
                   tag floor = second
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = ResponsePlan/{namespace}/down
                   tag incident-operator/origin = Created",
            )
            .object(
                "ResponsePlan",
                "down",
                json!({"origin": "Created", "summary": {"engages": "hugo", "impact": "Low"}, "references": [{}]}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const ADOPTING: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: ResponsePlan
metadata: {name: down}
spec:
  adoptionPolicy: AdoptAndOverwrite
  displayName: Payments down
  incidentTemplate: {title: Payments are failing, impact: High}
";

/// A plan that is taken over and changed.
pub fn overwrite() -> Scenario {
    Scenario {
        name: "response-plan-overwrite",
        prepare: vec![Step::Provider, Step::InAws(|hands| by_hand(hands).boxed())],
        act: vec![Step::Apply(ADOPTING)],
        person: None,
        ends: vec![
            End::new(
                "response-plan down: Payments are failing, impact 2
                   display name Payments down
                   tag floor = first
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = ResponsePlan/{namespace}/down
                   tag incident-operator/origin = Adopted",
            )
            .object(
                "ResponsePlan",
                "down",
                json!({"origin": "Adopted", "effectiveDeletionPolicy": "Retain"}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const IVAN_AND_PLANS: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: ResponsePlan
metadata: {name: down}
spec:
  incidentTemplate: {title: Payments are failing, impact: High}
  engagements: [{escalationPlanRef: {name: payments}}]
---
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

/// A plan, whom it engages and whom that engages, all at once.
pub fn delete() -> Scenario {
    Scenario {
        name: "response-plan-delete",
        prepare: vec![Step::Provider, Step::Apply(IVAN_AND_PLANS), Step::Ready],
        act: vec![
            Step::Delete("Contact", "ivan"),
            Step::Delete("EscalationPlan", "payments"),
            Step::Delete("ResponsePlan", "down"),
        ],
        person: None,
        ends: vec![End::new("")],
        sensitive: vec![],
        max_codes: 0,
    }
}
