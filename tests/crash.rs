//! The operator may die between any two calls. Each story is told once for every call that changes something in AWS and every way to die
//! there, and once for every fail point between two writes to the API server; it must end the same, with nothing twice and nothing left over.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use aws_sdk_ssmcontacts::types::{ChannelType, ContactChannelAddress, ContactType, Plan};
use harness::matrix::{Story, crash_everywhere};
use harness::{World, aws};
use serde_json::{Value, json};

/// Worlds at a time in each test.
const AT_ONCE: usize = 2;

fn alice() -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact", "metadata": {"name": "alice"},
        "spec": {
            "displayName": "Alice Example",
            "channels": [
                {"name": "mail", "type": "Email", "address": "alice@example.com"},
                {"name": "mobile", "type": "SMS", "address": "+15005550199"},
            ],
            "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}, {"channel": "mail", "engageAfterMinutes": 5}],
            "tags": {"team": "payments"},
        },
    })
}

/// Another display name, a channel renamed, one with another address, one gone, one new, another plan, other tags.
fn alice_edited() -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact", "metadata": {"name": "alice"},
        "spec": {
            "displayName": "Alice Edited",
            "channels": [
                {"name": "private mail", "type": "Email", "address": "alice@example.com"},
                {"name": "landline", "type": "Voice", "address": "+15005550111"},
            ],
            "engagementPlan": [{"channel": "landline", "engageAfterMinutes": 0}],
            "tags": {"team": "refunds", "floor": "3"},
        },
    })
}

/// AWS holds one contact, and it is as the manifest says.
fn holds(held: &[aws::Contact], manifest: &Value) -> Result<(), String> {
    let [contact] = held else {
        return Err(format!("{} contacts in AWS", held.len()));
    };
    let spec = &manifest["spec"];
    let expect = |what: &str, right: bool| {
        if right {
            Ok(())
        } else {
            Err(format!("{what} in AWS: {contact:?}"))
        }
    };
    expect(
        "display name",
        contact.display_name.as_deref() == spec["displayName"].as_str(),
    )?;
    let mut wanted: Vec<(String, String, String)> = vec![];
    for channel in spec["channels"].as_array().into_iter().flatten() {
        let text = |field: &str| channel[field].as_str().unwrap_or_default().to_owned();
        wanted.push((text("name"), text("type").to_uppercase(), text("address")));
    }
    wanted.sort();
    let found: Vec<_> = contact
        .channels
        .iter()
        .map(|channel| {
            (
                channel.name.clone(),
                channel.kind.clone(),
                channel.address.clone(),
            )
        })
        .collect();
    expect("channels", found == wanted)?;
    let targets: Vec<&str> = contact
        .stages
        .iter()
        .flat_map(|stage| &stage.targets)
        .map(|(arn, _)| arn.as_str())
        .collect();
    let named = |arn: &str| {
        contact
            .channels
            .iter()
            .find(|channel| channel.arn == arn)
            .map(|channel| channel.name.as_str())
    };
    let plan: Vec<Option<&str>> = targets.into_iter().map(named).collect();
    let wanted: Vec<Option<&str>> = spec["engagementPlan"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| entry["channel"].as_str())
        .collect();
    expect("plan", plan == wanted)?;
    let ours = |key: &&String| !key.starts_with("incident-operator/");
    let tags: Value = contact
        .tags
        .keys()
        .filter(ours)
        .map(|key| (key.clone(), json!(contact.tags[key])))
        .collect::<serde_json::Map<_, _>>()
        .into();
    expect("tags", tags == spec["tags"])
}

/// The contact is Ready and AWS is as the manifest says.
async fn is_as(world: &World, manifest: &Value) -> Result<(), String> {
    let object = world
        .find("Contact", "alice")
        .await
        .ok_or("the contact is gone")?;
    if !harness::checks::is_ready(&object) {
        return Err(format!(
            "not Ready: {}",
            object.data["status"]["conditions"]
        ));
    }
    holds(&world.aws().await, manifest)
}

struct Create;

impl Story for Create {
    fn name(&self) -> String {
        "create".to_owned()
    }
    async fn prepare(&self, _: &World) {}
    async fn act(&self, world: &World) {
        world.apply_value(alice()).await;
    }
    async fn settled(&self, world: &World) -> Result<(), String> {
        is_as(world, &alice()).await
    }
}

struct Update;

impl Story for Update {
    fn name(&self) -> String {
        "update".to_owned()
    }
    async fn prepare(&self, world: &World) {
        world.apply_value(alice()).await;
        world.ready("Contact", "alice").await;
    }
    async fn act(&self, world: &World) {
        world.apply_value(alice_edited()).await;
    }
    async fn settled(&self, world: &World) -> Result<(), String> {
        is_as(world, &alice_edited()).await
    }
}

struct Adopt;

impl Story for Adopt {
    fn name(&self) -> String {
        "adopt".to_owned()
    }
    /// A contact made by hand, with one channel that the manifest has too.
    async fn prepare(&self, world: &World) {
        let client = world.contacts();
        let plan = Plan::builder().set_stages(Some(vec![])).build();
        let made = client
            .create_contact()
            .alias("alice")
            .display_name("Alice by hand")
            .r#type(ContactType::Personal)
            .plan(plan)
            .send()
            .await;
        let address = ContactChannelAddress::builder()
            .simple_address("alice@example.com")
            .build();
        let channel = client
            .create_contact_channel()
            .contact_id(made.unwrap().contact_arn())
            .name("mail")
            .r#type(ChannelType::Email);
        channel
            .delivery_address(address)
            .defer_activation(true)
            .send()
            .await
            .unwrap();
    }
    async fn act(&self, world: &World) {
        let mut manifest = alice();
        manifest["spec"]["adoptionPolicy"] = json!("AdoptAndOverwrite");
        world.apply_value(manifest).await;
    }
    async fn settled(&self, world: &World) -> Result<(), String> {
        is_as(world, &alice()).await?;
        let origin = world.get("Contact", "alice").await.data["status"]["origin"].clone();
        if origin == "Adopted" {
            Ok(())
        } else {
            Err(format!("origin {origin}"))
        }
    }
}

struct Delete;

impl Story for Delete {
    fn name(&self) -> String {
        "delete".to_owned()
    }
    async fn prepare(&self, world: &World) {
        Update.prepare(world).await;
    }
    async fn act(&self, world: &World) {
        world.delete("Contact", "alice").await;
    }
    async fn settled(&self, world: &World) -> Result<(), String> {
        if world.find("Contact", "alice").await.is_some() {
            return Err("the object is still there".to_owned());
        }
        let held = world.aws().await;
        if held.is_empty() {
            Ok(())
        } else {
            Err(format!("AWS holds {held:?}"))
        }
    }
}

/// Sending a code reaches a human: never twice, whatever happens.
struct Activate;

impl Story for Activate {
    fn name(&self) -> String {
        "activate".to_owned()
    }
    async fn prepare(&self, world: &World) {
        Update.prepare(world).await;
    }
    async fn act(&self, world: &World) {
        let spec = json!({"contactRef": {"name": "alice"}, "channel": "mobile"});
        let kind = "ChannelActivation";
        world.apply_value(json!({"apiVersion": "incident-operator.dev/v1alpha1", "kind": kind, "metadata": {"name": "first"}, "spec": spec})).await;
    }
    async fn settled(&self, world: &World) -> Result<(), String> {
        let sent = world.codes_sent().await;
        assert!(sent <= 1, "{sent} codes were sent");
        let phase = world.get("ChannelActivation", "first").await.data["status"]["phase"].clone();
        match (phase.as_str(), sent) {
            (Some("AwaitingCode"), 1) | (Some("SendUnknown"), _) => Ok(()),
            _ => Err(format!("phase {phase}, {sent} codes sent")),
        }
    }
}

macro_rules! crash {
    ($($name:ident: $story:expr,)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let crashes = crash_everywhere(&$story, AT_ONCE).await;
            println!("{crashes} crashes");
        }
    )+};
}

crash! {
    a_creation_survives_every_crash: Create,
    an_update_survives_every_crash: Update,
    an_adoption_survives_every_crash: Adopt,
    a_deletion_survives_every_crash: Delete,
    an_activation_never_sends_a_second_code: Activate,
}
