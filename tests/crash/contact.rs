//! Scenarios of Contact.

use aws_sdk_ssmcontacts::types::{
    ChannelTargetInfo, ChannelType, ContactChannelAddress, ContactType, Plan, Stage as PlanStage,
    Tag, Target,
};
use futures::FutureExt as _;
use serde_json::json;

use crate::scenario::{End, Scenario, Step};
use crate::stage::{Hands, REGION};

const SECRET: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: responders, labels: {incident-operator.dev/contact-data: "true"}}
stringData: {alice-mobile: "+15005550199"}
"#;

const ALICE: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: alice}
spec:
  displayName: Alice Example
  channels:
  - {name: mobile, type: SMS, addressFrom: {secretKeyRef: {name: responders, key: alice-mobile}}}
  - {name: mail, type: Email, address: alice@example.com}
  engagementPlan:
  - {channel: mobile, engageAfterMinutes: 0, retryIntervalMinutes: 1}
  - {channel: mail, engageAfterMinutes: 5}
  tags: {team: payments}
";

/// A contact with two channels and a plan.
pub fn create() -> Scenario {
    Scenario {
        name: "create",
        prepare: vec![Step::Provider, Step::Apply(SECRET)],
        act: vec![Step::Apply(ALICE)],
        person: None,
        ends: vec![
            End::new(
                "contact alice: Alice Example
                   channel mobile: SMS +15005550199
                   channel mail: EMAIL alice@example.com
                   stage 5 min: mobile every 1 min
                   stage 1 min: mail
                   tag team = payments
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = Contact/{namespace}/alice
                   tag incident-operator/origin = Created",
            )
            .object(
                "Contact",
                "alice",
                json!({"origin": "Created", "effectiveDeletionPolicy": "Delete", "channels": [{"name": "mobile"}, {"name": "mail"}]}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const BOB: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: bob}
spec:
  displayName: Bob Example
  channels:
  - {name: mobile, type: SMS, address: "+15005550101"}
  - {name: mail, type: Email, address: bob@example.com}
  - {name: old, type: Voice, address: "+15005550102"}
  engagementPlan:
  - {channel: mail, engageAfterMinutes: 0}
  - {channel: old, engageAfterMinutes: 5}
  tags: {team: payments, floor: "3"}
"#;

const BOB_CHANGED: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: bob}
spec:
  displayName: Robert Example
  channels:
  - {name: mobile, type: SMS, address: "+15005550103"}
  - {name: mail-at-work, type: Email, address: bob@example.com}
  - {name: desk, type: Voice, address: "+15005550104"}
  engagementPlan:
  - {channel: mail-at-work, engageAfterMinutes: 0}
  - {channel: desk, engageAfterMinutes: 10, retryIntervalMinutes: 2}
  tags: {team: identity, site: berlin}
"#;

/// Every kind of edit at once: a channel renamed, one moved to another address, one removed, one added; plan, tags and display name.
pub fn update() -> Scenario {
    Scenario {
        name: "update",
        prepare: vec![
            Step::Provider,
            Step::Apply(BOB),
            Step::Ready,
            Step::InAws(|hands| activate(hands, "bob", "mail").boxed()),
        ],
        act: vec![Step::Apply(BOB_CHANGED)],
        person: None,
        ends: vec![
            End::new(
                "contact bob: Robert Example
                   channel mobile: SMS +15005550103
                   channel mail-at-work: EMAIL bob@example.com, activated
                   channel desk: VOICE +15005550104
                   stage 10 min: mail-at-work
                   stage 2 min: desk every 2 min
                   tag team = identity
                   tag site = berlin
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = Contact/{namespace}/bob
                   tag incident-operator/origin = Created",
            )
            .object("Contact", "bob", json!({"origin": "Created", "channels": [{"name": "mobile"}, {"name": "mail-at-work", "activation": "Activated"}, {"name": "desk"}]})),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const FRANKS_NUMBER: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: responders, labels: {incident-operator.dev/contact-data: "true"}}
stringData: {frank-mobile: "+15005550141"}
"#;

const FRANKS_NEW_NUMBER: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: responders, labels: {incident-operator.dev/contact-data: "true"}}
stringData: {frank-mobile: "+15005550142"}
"#;

const FRANK: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: frank}
spec:
  channels:
  - {name: mobile, type: SMS, addressFrom: {secretKeyRef: {name: responders, key: frank-mobile}}}
  - {name: mail, type: Email, address: frank@example.com}
  - {name: voice, type: Voice, address: "+15005550143"}
"#;

/// The same, asked to be looked at again: what is done in AWS is in the status before anything happens.
const FRANK_SEEN: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: frank, annotations: {incident-operator.dev/reconcile-requested-at: activated}}
spec:
  channels:
  - {name: mobile, type: SMS, addressFrom: {secretKeyRef: {name: responders, key: frank-mobile}}}
  - {name: mail, type: Email, address: frank@example.com}
  - {name: voice, type: Voice, address: "+15005550143"}
"#;

const FRANK_WITHOUT_MAIL: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: frank}
spec:
  channels:
  - {name: mobile, type: SMS, addressFrom: {secretKeyRef: {name: responders, key: frank-mobile}}}
  - {name: mail, type: Email, address: frank@example.com, enabled: false}
  - {name: voice, type: Voice, address: "+15005550143"}
"#;

/// A number changes in a Secret, and an activated channel is switched off: by us, which must never look like the person's opt-out.
pub fn switch_off() -> Scenario {
    Scenario {
        name: "switch-off",
        prepare: vec![
            Step::Provider,
            Step::Apply(FRANKS_NUMBER),
            Step::Apply(FRANK),
            Step::Ready,
            Step::InAws(|hands| activate(hands, "frank", "mail").boxed()),
            Step::InAws(|hands| activate(hands, "frank", "voice").boxed()),
            Step::Apply(FRANK_SEEN),
            Step::InAws(|hands| looked_at(hands, "frank").boxed()),
        ],
        act: vec![
            Step::Apply(FRANKS_NEW_NUMBER),
            Step::Apply(FRANK_WITHOUT_MAIL),
        ],
        person: None,
        ends: vec![
            End::new(
                "contact frank:
                   channel mobile: SMS +15005550142
                   channel mail: EMAIL frank@example.com
                   channel voice: VOICE +15005550143, activated
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = Contact/{namespace}/frank
                   tag incident-operator/origin = Created",
            )
            .object(
                "Contact",
                "frank",
                json!({"channels": [
                    {"name": "mobile", "activation": "NotActivated", "optedOut": null},
                    {"name": "mail", "activation": "NotActivated", "optedOut": null},
                    {"name": "voice", "activation": "Activated", "optedOut": null},
                ]}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const CAROL: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: carol}
spec:
  adoptionPolicy: Adopt
  displayName: Carol Example
  channels:
  - {name: mail, type: Email, address: carol@example.com}
  engagementPlan:
  - {channel: mail, engageAfterMinutes: 0}
";

/// A contact that AWS has already as the manifest says: taken over by tags alone.
pub fn adopt() -> Scenario {
    Scenario {
        name: "adopt",
        prepare: vec![
            Step::Provider,
            Step::InAws(|hands| existing(hands, "Carol Example").boxed()),
        ],
        act: vec![Step::Apply(CAROL)],
        person: None,
        ends: vec![
            End::new(
                "contact carol: Carol Example
                   channel mail: EMAIL carol@example.com
                   stage 1 min: mail
                   tag by = hand
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = Contact/{namespace}/carol
                   tag incident-operator/origin = Adopted",
            )
            .object(
                "Contact",
                "carol",
                json!({"origin": "Adopted", "effectiveDeletionPolicy": "Retain"}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const CAROL_OVERWRITTEN: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: carol}
spec:
  adoptionPolicy: AdoptAndOverwrite
  displayName: Carol Example
  channels:
  - {name: post, type: Email, address: carol@example.com}
  - {name: mobile, type: SMS, address: "+15005550111"}
  engagementPlan:
  - {channel: post, engageAfterMinutes: 0}
  - {channel: mobile, engageAfterMinutes: 3}
  tags: {team: payments}
"#;

/// A contact that AWS has otherwise: taken over, then made as the manifest says.
pub fn overwrite() -> Scenario {
    Scenario {
        name: "overwrite",
        prepare: vec![
            Step::Provider,
            Step::InAws(|hands| existing(hands, "Karol").boxed()),
        ],
        act: vec![Step::Apply(CAROL_OVERWRITTEN)],
        person: None,
        ends: vec![
            End::new(
                "contact carol: Carol Example
                   channel post: EMAIL carol@example.com
                   channel mobile: SMS +15005550111
                   stage 3 min: post
                   stage 1 min: mobile
                   tag by = hand
                   tag team = payments
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = Contact/{namespace}/carol
                   tag incident-operator/origin = Adopted",
            )
            .object(
                "Contact",
                "carol",
                json!({"origin": "Adopted", "effectiveDeletionPolicy": "Retain"}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// A contact of ours with an activated channel: its deletion counts against the budget, once.
pub fn delete_created() -> Scenario {
    Scenario {
        name: "delete",
        prepare: vec![
            Step::Provider,
            Step::Apply(BOB),
            Step::Ready,
            Step::InAws(|hands| activate(hands, "bob", "mail").boxed()),
        ],
        act: vec![Step::Delete("Contact", "bob")],
        person: None,
        ends: vec![End::new("").object("ProviderConfig", "{provider}", json!({"deletions": [{}]}))],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// An adopted contact: left in AWS as it was found.
pub fn delete_adopted() -> Scenario {
    Scenario {
        name: "retain",
        prepare: vec![
            Step::Provider,
            Step::InAws(|hands| existing(hands, "Carol Example").boxed()),
            Step::Apply(CAROL),
        ],
        act: vec![Step::Delete("Contact", "carol")],
        person: None,
        ends: vec![
            End::new(
                "contact carol: Carol Example
                   channel mail: EMAIL carol@example.com
                   stage 1 min: mail
                   tag by = hand",
            ),
            // Retain lets go at once, and takes the tags off as best it can.
            End::new(
                "contact carol: Carol Example
                   channel mail: EMAIL carol@example.com
                   stage 1 min: mail
                   tag by = hand
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = Contact/{namespace}/carol
                   tag incident-operator/origin = Adopted",
            )
            .only_under_faults(),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const DAVE: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: dave}
spec:
  displayName: Dave Example
";

const DAVE_IN_AWS: &str = "contact dave: Dave Example
   tag incident-operator/owner = {owner}
   tag incident-operator/object = Contact/{namespace}/dave
   tag incident-operator/origin = Created";

/// Account and contact together: STS and the replication set are asked for the first time, and the ProviderConfig gets its finalizer.
pub fn first_use() -> Scenario {
    Scenario {
        name: "first-use",
        prepare: vec![],
        act: vec![Step::Provider, Step::Apply(DAVE)],
        person: None,
        ends: vec![End::new(DAVE_IN_AWS).object(
            "ProviderConfig",
            "{provider}",
            json!({"inUseBy": 1, "replicationSet": "Active"}),
        )],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// The ProviderConfig is deleted before what uses it: it stays until the last one is gone.
pub fn prune() -> Scenario {
    Scenario {
        name: "prune",
        prepare: vec![Step::Provider, Step::Apply(DAVE)],
        act: vec![Step::DeleteProvider, Step::Delete("Contact", "dave")],
        person: None,
        ends: vec![End::new("")],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// Waits until a contact that was activated by hand has been read again, and a moment for the status.
async fn looked_at(hands: &Hands, alias: &str) {
    let contact = arn(hands, alias);
    let mut activated = false;
    for _ in 0..300 {
        let calls = hands.simulator.calls(Some(&hands.account), 0).await;
        let calls = calls.expect("calls");
        let last = |operation: &str| {
            let of = calls.iter().filter(|c| c.operation == operation);
            of.map(|c| c.seq).max().unwrap_or(0)
        };
        activated = last("ListContactChannels") > last("ActivateContactChannel");
        if activated {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(activated, "{contact} was not read again");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
}

/// Activates a channel as a person does in the console.
pub async fn activate(hands: &Hands, alias: &str, channel: &str) {
    let client = hands.contacts();
    let contact = arn(hands, alias);
    let listed = client
        .list_contact_channels()
        .contact_id(contact)
        .send()
        .await
        .expect("channels");
    let id = listed
        .contact_channels()
        .iter()
        .find(|found| found.name() == channel)
        .expect("the channel")
        .contact_channel_arn()
        .to_owned();
    client
        .send_activation_code()
        .contact_channel_id(&id)
        .send()
        .await
        .expect("a code");
    let codes = hands.simulator.codes(&hands.account).await.expect("codes");
    let code = &codes.last().expect("a code").code;
    client
        .activate_contact_channel()
        .contact_channel_id(&id)
        .activation_code(code)
        .send()
        .await
        .expect("activated");
}

/// Makes carol as somebody did years ago in the console.
async fn existing(hands: &Hands, display_name: &str) {
    let client = hands.contacts();
    let contact = client
        .create_contact()
        .alias("carol")
        .display_name(display_name)
        .r#type(ContactType::Personal)
        .plan(Plan::builder().set_stages(Some(vec![])).build())
        .tags(Tag::builder().key("by").value("hand").build())
        .send()
        .await
        .expect("a contact")
        .contact_arn;
    let channel = client
        .create_contact_channel()
        .contact_id(&contact)
        .name("mail")
        .r#type(ChannelType::Email)
        .delivery_address(
            ContactChannelAddress::builder()
                .simple_address("carol@example.com")
                .build(),
        )
        .defer_activation(true)
        .send()
        .await
        .expect("a channel")
        .contact_channel_arn;
    let target = ChannelTargetInfo::builder()
        .contact_channel_id(channel)
        .build()
        .expect("a target");
    let stage = PlanStage::builder()
        .duration_in_minutes(1)
        .targets(Target::builder().channel_target_info(target).build())
        .build()
        .expect("a stage");
    client
        .update_contact()
        .contact_id(contact)
        .plan(Plan::builder().stages(stage).build())
        .send()
        .await
        .expect("a plan");
}

fn arn(hands: &Hands, alias: &str) -> String {
    format!(
        "arn:aws:ssm-contacts:{REGION}:{}:contact/{alias}",
        hands.account
    )
}
