//! Scenarios of AlternateContact.

use futures::FutureExt as _;
use serde_json::json;

use crate::scenario::{End, Scenario, Step};
use crate::stage::Hands;

const SECURITY: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: AlternateContact
metadata: {name: "{provider}"}
spec: {type: Security, name: Watchkeepers of Quux, title: Keepers, email: watch@quux.example, phone: "+1 500 555 0151"}
"#;

const HELD: &str = "alternate-contact SECURITY: Watchkeepers of Quux, Keepers, watch@quux.example, +1 500 555 0151";

/// Set where there is none.
pub fn create() -> Scenario {
    Scenario {
        name: "alternate",
        prepare: vec![Step::Provider],
        act: vec![Step::Apply(SECURITY)],
        person: None,
        ends: vec![End::new(HELD).object(
            "AlternateContact",
            "{provider}",
            json!({"origin": "Created", "effectiveDeletionPolicy": "Delete", "summary": {"set": "Yes"}}),
        )],
        sensitive: vec![],
        max_codes: 0,
    }
}

const CHANGED: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: AlternateContact
metadata: {name: "{provider}"}
spec: {type: Security, name: Watchkeepers of Quux, title: Keepers, email: night@quux.example, phone: "+1 500 555 0152"}
"#;

/// Another mailbox and phone.
pub fn update() -> Scenario {
    Scenario {
        name: "alternate-update",
        prepare: vec![Step::Provider, Step::Apply(SECURITY), Step::Ready],
        act: vec![Step::Apply(CHANGED)],
        person: None,
        ends: vec![
            End::new(
                "alternate-contact SECURITY: Watchkeepers of Quux, Keepers, night@quux.example, +1 500 555 0152",
            )
            .object("AlternateContact", "{provider}", json!({"origin": "Created"})),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// What [`SECURITY`] says but for the mailbox, set by hand.
async fn by_hand(hands: &Hands) {
    let wish = json!({
        "AlternateContactType": "SECURITY", "Name": "Watchkeepers of Quux", "Title": "Keepers",
        "EmailAddress": "former@quux.example", "PhoneNumber": "+1 500 555 0151",
    });
    let set = hands
        .simulator
        .alternate_contact(&hands.account, "putAlternateContact", &wish);
    set.await.expect("a contact");
}

const OVERWRITTEN: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: AlternateContact
metadata: {name: "{provider}"}
spec:
  adoptionPolicy: AdoptAndOverwrite
  type: Security
  name: Watchkeepers of Quux
  title: Keepers
  email: watch@quux.example
  phone: "+1 500 555 0151"
"#;

/// One that is there is taken over and changed.
pub fn overwrite() -> Scenario {
    Scenario {
        name: "alternate-overwrite",
        prepare: vec![Step::Provider, Step::InAws(|hands| by_hand(hands).boxed())],
        act: vec![Step::Apply(OVERWRITTEN)],
        person: None,
        ends: vec![End::new(HELD).object(
            "AlternateContact",
            "{provider}",
            json!({"origin": "Adopted", "effectiveDeletionPolicy": "Retain"}),
        )],
        sensitive: vec!["former@quux.example"],
        max_codes: 0,
    }
}

/// What the operator has set goes with its object.
pub fn delete() -> Scenario {
    Scenario {
        name: "alternate-delete",
        prepare: vec![Step::Provider, Step::Apply(SECURITY), Step::Ready],
        act: vec![Step::Delete("AlternateContact", "{provider}")],
        person: None,
        ends: vec![End::new("")],
        sensitive: vec![],
        max_codes: 0,
    }
}
