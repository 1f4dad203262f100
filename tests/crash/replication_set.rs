//! Scenarios of ReplicationSet.

use futures::FutureExt as _;
use serde_json::json;

use crate::scenario::{End, Scenario, Step};
use crate::stage::Hands;

/// The account has never been set up.
async fn offboard(hands: &Hands) {
    let off = hands.simulator.offboard(&hands.account).await;
    off.expect("offboard");
}

const SET: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: ReplicationSet
metadata: {name: "{provider}"}
spec:
  regions: [{name: us-east-1}, {name: us-west-2}]
  tags: {team: payments}
"#;

fn not_set_up() -> Step {
    Step::InAws(|hands| offboard(hands).boxed())
}

/// The first thing in an account: everything else waits for it.
pub fn create() -> Scenario {
    Scenario {
        name: "set",
        prepare: vec![],
        act: vec![not_set_up(), Step::Provider, Step::Apply(SET)],
        person: None,
        ends: vec![
            End::new(
                "set main: us-east-1, us-west-2, protected
                   tag team = payments
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = ReplicationSet//{namespace}
                   tag incident-operator/origin = Created",
            )
            .object(
                "ReplicationSet",
                "{provider}",
                json!({"origin": "Created", "effectiveDeletionPolicy": "Retain", "state": "Active", "regions": [{}, {}], "deletionProtection": true}),
            )
            .object(
                "ProviderConfig",
                "{provider}",
                json!({"inUseBy": 1, "replicationSet": "Active"}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const SET_CHANGED: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: ReplicationSet
metadata: {name: "{provider}"}
spec:
  regions: [{name: us-east-1}, {name: eu-west-1}]
  deletionProtection: false
  tags: {floor: second}
"#;

/// Every kind of edit at once: a Region comes and one goes, protection off, tags.
pub fn update() -> Scenario {
    Scenario {
        name: "set-update",
        prepare: vec![
            not_set_up(),
            Step::Provider,
            Step::Apply(SET),
            Step::Ready,
        ],
        act: vec![Step::Apply(SET_CHANGED)],
        person: None,
        ends: vec![
            End::new(
                "set main: eu-west-1, us-east-1
                   tag floor = second
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = ReplicationSet//{namespace}
                   tag incident-operator/origin = Created",
            )
            .object(
                "ReplicationSet",
                "{provider}",
                json!({"regions": [{"name": "eu-west-1"}, {"name": "us-east-1"}], "deletionProtection": false, "pendingChange": null}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const SET_THAT_IS_THERE: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: ReplicationSet
metadata: {name: "{provider}"}
spec:
  regions: [{name: us-east-1}]
  deletionProtection: false
  adoptionPolicy: Adopt
"#;

/// One that is there is taken over.
pub fn adopt() -> Scenario {
    Scenario {
        name: "set-adopt",
        prepare: vec![Step::Provider],
        act: vec![Step::Apply(SET_THAT_IS_THERE)],
        person: None,
        ends: vec![
            End::new(
                "set main: us-east-1
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = ReplicationSet//{namespace}
                   tag incident-operator/origin = Adopted",
            )
            .object(
                "ReplicationSet",
                "{provider}",
                json!({"origin": "Adopted", "effectiveDeletionPolicy": "Retain"}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// Let go, it is as it was found.
pub fn release() -> Scenario {
    Scenario {
        name: "set-release",
        prepare: vec![Step::Provider, Step::Apply(SET_THAT_IS_THERE)],
        act: vec![Step::Delete("ReplicationSet", "{provider}")],
        person: None,
        ends: vec![
            End::new(""),
            // Letting go is at once, whatever AWS says to taking tags off.
            End::new(
                "set main: us-east-1
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = ReplicationSet//{namespace}
                   tag incident-operator/origin = Adopted",
            )
            .only_under_faults(),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const SET_TO_GO: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: ReplicationSet
metadata: {name: "{provider}"}
spec:
  regions: [{name: us-east-1}, {name: us-west-2}]
  deletionPolicy: Delete
  deletionProtection: false
"#;

/// With every consent it is deleted, and all data with it.
pub fn delete() -> Scenario {
    Scenario {
        name: "set-delete",
        prepare: vec![
            not_set_up(),
            Step::Provider,
            Step::Apply(SET_TO_GO),
            Step::Ready,
            Step::ConsentToDeletion,
        ],
        act: vec![Step::Delete("ReplicationSet", "{provider}")],
        person: None,
        ends: vec![End::new("set none:").unready(
            "ProviderConfig",
            "{provider}",
            json!({"inUseBy": 0, "replicationSet": "None"}),
        )],
        sensitive: vec![],
        max_codes: 0,
    }
}
