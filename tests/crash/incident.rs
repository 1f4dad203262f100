//! Scenarios of Incident and TestPage: exactly one incident or an explicit unknown, and one page for each engagement.

use aws_sdk_ssmincidents::types;
use futures::FutureExt as _;
use serde_json::json;

use crate::scenario::{End, Person, Scenario, Step};
use crate::stage::{Hands, REGION};

const GRACE: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: grace}
spec:
  channels:
  - {name: mobile, type: SMS, address: "+15005550161"}
  engagementPlan:
  - {channel: mobile, engageAfterMinutes: 0}
"#;

/// A plan that no object stands for: how many incidents of it are open is nobody's news.
async fn planned(hands: &Hands) {
    let template = types::IncidentTemplate::builder()
        .title("Payments are failing")
        .impact(2)
        .build()
        .expect("a template");
    let grace = format!(
        "arn:aws:ssm-contacts:{REGION}:{}:contact/grace",
        hands.account
    );
    let creating = hands.incidents().create_response_plan().name("down");
    let creating = creating.incident_template(template).engagements(grace);
    creating.send().await.expect("a plan");
}

const CHECKOUT: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Incident
metadata: {name: checkout}
spec:
  responsePlanRef: {arn: "arn:aws:ssm-incidents::{account}:response-plan/down"}
  startDeadline: "{soon}"
  title: Checkout errors
  relatedItems: [{title: dashboard, url: "https://example.com/d/1"}]
  onDelete: Resolve
"#;

/// The person of these scenarios in AWS, and who is paged.
const PERSON: &str = "contact grace:
   channel mobile: SMS +15005550161, activated
   stage 1 min: mobile
   tag incident-operator/owner = {owner}
   tag incident-operator/object = Contact/{namespace}/grace
   tag incident-operator/origin = Created
 response-plan down: Payments are failing, impact 2
   engages grace
 ";

/// What AWS has besides the person.
fn with_person(rest: &str) -> &'static str {
    // Models live as long as the tests.
    Box::leak(format!("{PERSON}{rest}").into_boxed_str())
}

async fn activated(hands: &Hands) {
    // The news that a page has arrived, or that an engagement is over, comes when everything else rests.
    let quiet = json!({"page_delivery": "never", "engagement_stop_time": "when-stopped"});
    let account = Some(hands.account.as_str());
    hands.simulator.knobs(account, &quiet).await.expect("knobs");
    let client = hands.contacts();
    let contacts = client.list_contacts().send().await.expect("contacts");
    for contact in contacts.contacts.unwrap_or_default() {
        let channels = client
            .list_contact_channels()
            .contact_id(contact.contact_arn);
        let channels = channels.send().await.expect("channels").contact_channels;
        for channel in channels {
            let arn = channel.contact_channel_arn;
            let sending = client.send_activation_code().contact_channel_id(&arn);
            sending.send().await.expect("a code");
            let codes = hands.simulator.codes(&hands.account).await.expect("codes");
            let code = codes.last().expect("a code").code.clone();
            let activating = client.activate_contact_channel().contact_channel_id(&arn);
            let activating = activating.activation_code(code);
            activating.send().await.expect("activated");
        }
    }
}

const GRACE_SEEN: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: grace, annotations: {incident-operator.dev/reconcile-requested-at: activated}}
spec:
  channels:
  - {name: mobile, type: SMS, address: "+15005550161"}
  engagementPlan:
  - {channel: mobile, engageAfterMinutes: 0}
"#;

fn prepared() -> Vec<Step> {
    vec![
        Step::Provider,
        Step::Apply(GRACE),
        Step::Ready,
        Step::InAws(|hands| activated(hands).boxed()),
        Step::Apply(GRACE_SEEN),
        Step::InAws(|hands| planned(hands).boxed()),
        Step::Ready,
    ]
}

const OPEN: &str = "record down: Checkout errors, open
   related dashboard
   tagged incident-operator/owner = {owner}
   tagged incident-operator/object = Incident/{namespace}/checkout
   tagged incident-operator/origin = Created
 engagement grace: grace";

/// One incident, or none and that is said.
pub fn start() -> Scenario {
    Scenario {
        name: "incident-start",
        prepare: prepared(),
        act: vec![Step::Apply(CHECKOUT)],
        person: None,
        ends: vec![
            End::new(with_person(OPEN)).object(
                "Incident",
                "checkout",
                json!({"phase": "Open", "origin": "Created", "engagements": [{"contact": "grace", "pages": [{"contact": "grace"}]}]}),
            ),
            End::new(with_person("")).unready("Incident", "checkout", json!({"phase": "StartUnknown"})),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const CHECKOUT_EDITED: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Incident
metadata: {name: checkout}
spec:
  responsePlanRef: {arn: "arn:aws:ssm-incidents::{account}:response-plan/down"}
  startDeadline: "{soon}"
  title: Checkout is slow
  relatedItems: [{title: postmortem, url: "https://example.com/p/1"}]
  resolve: true
  onDelete: Resolve
"#;

/// Everything that may be edited, at once.
pub fn edit() -> Scenario {
    let mut prepare = prepared();
    prepare.extend([Step::Apply(CHECKOUT), Step::Ready]);
    Scenario {
        name: "incident-edit",
        prepare,
        act: vec![Step::Apply(CHECKOUT_EDITED)],
        person: None,
        ends: vec![
            End::new(with_person(
                "record down: Checkout is slow, resolved
                   related postmortem
                   tagged incident-operator/owner = {owner}
                   tagged incident-operator/object = Incident/{namespace}/checkout
                   tagged incident-operator/origin = Created
                 engagement grace: grace",
            ))
            .object("Incident", "checkout", json!({"phase": "Resolved"})),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// Deleted, it is resolved.
pub fn end() -> Scenario {
    let mut prepare = prepared();
    prepare.extend([Step::Apply(CHECKOUT), Step::Ready]);
    Scenario {
        name: "incident-end",
        prepare,
        act: vec![Step::Delete("Incident", "checkout")],
        person: None,
        ends: vec![End::new(with_person(
            "record down: Checkout errors, resolved
               related dashboard
               tagged incident-operator/owner = {owner}
               tagged incident-operator/object = Incident/{namespace}/checkout
               tagged incident-operator/origin = Created
             engagement grace: grace",
        ))],
        sensitive: vec![],
        max_codes: 0,
    }
}

const TEST: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: TestPage
metadata: {name: grace-is-reachable}
spec:
  contactRef: {name: grace}
  startDeadline: "{soon}"
"#;

/// One page, which is acknowledged, or none and that is said.
pub fn test_page() -> Scenario {
    Scenario {
        name: "test-page",
        prepare: prepared(),
        act: vec![Step::Apply(TEST)],
        person: Some(Person::Acknowledges),
        ends: vec![
            End::new(with_person("engagement grace: grace"))
                .object(
                    "TestPage",
                    "grace-is-reachable",
                    json!({"phase": "Acknowledged", "stopped": true, "summary": {"acknowledgedBy": "grace"}}),
                )
                .object("Contact", "grace", json!({"lastProven": {}})),
            End::new(with_person("")).unready(
                "TestPage",
                "grace-is-reachable",
                json!({"phase": "SendUnknown"}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}
