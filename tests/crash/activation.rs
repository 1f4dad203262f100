//! Scenarios of ChannelActivation.

use serde_json::json;

use crate::scenario::{End, Person, Scenario, Step};

const ERIN: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: erin}
spec:
  channels:
  - {name: mobile, type: SMS, address: "+15005550121"}
"#;

const ACTIVATION: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: ChannelActivation
metadata: {name: erin-mobile}
spec:
  contactRef: {name: erin}
  channel: mobile
  codeFrom: {secretKeyRef: {name: erin-code, key: code}}
";

/// A code is sent, comes back and activates the channel. When nobody knows whether it was sent, that is said, and it is not sent again.
pub fn activate() -> Scenario {
    Scenario {
        name: "activate",
        prepare: vec![Step::Provider, Step::Apply(ERIN)],
        act: vec![Step::Apply(ACTIVATION)],
        person: Some(Person::GivesBack {
            secret: "erin-code",
            key: "code",
        }),
        ends: vec![
            End::new(
                "contact erin:
                   channel mobile: SMS +15005550121, activated
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = Contact/{namespace}/erin
                   tag incident-operator/origin = Created",
            )
            .codes(1)
            .object(
                "ChannelActivation",
                "erin-mobile",
                json!({"phase": "Activated"}),
            )
            .object(
                "Contact",
                "erin",
                json!({"channels": [{"activation": "Activated"}]}),
            ),
            End::new(
                "contact erin:
                   channel mobile: SMS +15005550121
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = Contact/{namespace}/erin
                   tag incident-operator/origin = Created",
            )
            .unready(
                "ChannelActivation",
                "erin-mobile",
                json!({"phase": "SendUnknown"}),
            ),
        ],
        sensitive: vec![],
        max_codes: 1,
    }
}
