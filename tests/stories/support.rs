//! Manifests that many stories begin with, and the model that AWS is held against.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use harness::checks::{self, Condition};
use harness::world::WorldBuilder;
use harness::{ControlPlane, World, aws, eventually, seconds};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::roster::schedules_in_sync;

/// Two channels and a plan, addresses inline.
pub const ALICE: &str = "
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: alice}
spec:
  displayName: Alice Example
  channels:
  - {name: mobile, type: SMS, address: '+15005550199'}
  - {name: mail, type: Email, address: alice@example.com}
  engagementPlan:
  - {channel: mobile, engageAfterMinutes: 0, retryIntervalMinutes: 1}
  - {channel: mail, engageAfterMinutes: 5}
";

/// So many worlds at a time: more only make each other slow.
static ROOM: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(6));

/// A world, and the room it takes on the machine.
pub struct Stage {
    /// The world.
    pub world: World,
    _room: SemaphorePermit<'static>,
}

impl std::ops::Deref for Stage {
    type Target = World;
    fn deref(&self) -> &World {
        &self.world
    }
}

impl std::ops::DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Stage {
    /// Its cluster is lost.
    pub fn lose_cluster(self) {
        self.world.lose_cluster();
    }

    /// The closing checks of every story.
    pub async fn finish(self) {
        in_sync(&self.world).await;
        schedules_in_sync(&self.world).await;
        self.world.finish().await;
    }
}

/// A world like all others.
pub async fn stage(name: &str) -> Stage {
    build(World::builder(name)).await
}

/// Builds a world when there is room for it.
pub async fn build(builder: WorldBuilder) -> Stage {
    let room = ROOM.acquire().await.unwrap();
    loosen().await;
    Stage {
        world: builder.build().await,
        _room: room,
    }
}

/// Lets the API server take policies that the operator does not know, as a newer version of the CRD would. Once, before anybody watches:
/// a change of the CRD ends every watch.
async fn loosen() {
    static LOOSENED: OnceCell<()> = OnceCell::const_new();
    let plane = ControlPlane::shared().await.unwrap();
    if !plane.is_ours() {
        return;
    }
    LOOSENED
        .get_or_init(|| async {
            let client = plane.cluster().await.unwrap().client().clone();
            let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
            let name = "contacts.incident-operator.dev";
            let mut crd = crds.get(name).await.unwrap();
            let schema = crd.spec.versions[0].schema.as_mut().unwrap();
            let root = schema.open_api_v3_schema.as_mut().unwrap();
            let spec = root.properties.as_mut().unwrap().get_mut("spec").unwrap();
            for policy in ["deletionPolicy", "managementPolicy"] {
                let fields = spec.properties.as_mut().unwrap();
                fields.get_mut(policy).unwrap().enum_ = None;
            }
            crds.replace(name, &PostParams::default(), &crd)
                .await
                .unwrap();
            let mut strange = contact_with("strange", &json!({"deletionPolicy": "Archive"}));
            strange["metadata"]["namespace"] = json!("default");
            let contacts = plane
                .cluster()
                .await
                .unwrap()
                .api("Contact", Some("default"))
                .await
                .unwrap();
            let asking = PatchParams::apply("user").dry_run();
            eventually("the schema is loosened", seconds(20), async || {
                contacts
                    .patch("strange", &asking, &Patch::Apply(&strange))
                    .await
            })
            .await;
        })
        .await;
}

/// The manifest of a contact that is reached by text message, then by mail.
pub fn contact(name: &str) -> Value {
    let number = name.bytes().fold(0_u64, |sum, byte| {
        (sum * 31 + u64::from(byte)) % 9_000_000 + 1_000_000
    });
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1",
        "kind": "Contact",
        "metadata": {"name": name},
        "spec": {
            "displayName": format!("Person {name}"),
            "channels": [
                {"name": "mobile", "type": "SMS", "address": format!("+1500{number}")},
                {"name": "mail", "type": "Email", "address": format!("{name}@example.com")},
            ],
            "engagementPlan": [
                {"channel": "mobile", "engageAfterMinutes": 0, "retryIntervalMinutes": 1},
                {"channel": "mail", "engageAfterMinutes": 5},
            ],
        },
    })
}

/// The same with fields of the spec set; `null` takes a field away.
pub fn contact_with(name: &str, spec: &Value) -> Value {
    let mut contact = contact(name);
    for (field, value) in spec.as_object().into_iter().flatten() {
        if value.is_null() {
            contact["spec"].as_object_mut().unwrap().remove(field);
        } else {
            contact["spec"][field] = value.clone();
        }
    }
    contact
}

/// A Secret that the operator may read.
pub fn secret(name: &str, data: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"incident-operator.dev/contact-data": "true"}},
        "stringData": data,
    })
}

/// The contact that AWS holds under an alias.
pub async fn held(world: &World, alias: &str) -> Option<aws::Contact> {
    world
        .aws()
        .await
        .into_iter()
        .find(|contact| contact.alias == alias)
}

/// The contact that AWS holds under an alias; it must.
pub async fn must_hold(world: &World, alias: &str) -> aws::Contact {
    held(world, alias)
        .await
        .unwrap_or_else(|| panic!("AWS holds no contact {alias}"))
}

/// ARN of a channel as the status shows it.
pub async fn channel_arn(world: &World, contact: &str, channel: &str) -> String {
    world
        .eventually(
            &format!("channel {channel} of {contact} has an ARN"),
            harness::world::SOON,
            async || {
                let object = world.find("Contact", contact).await?;
                let channels = object.data["status"]["channels"].as_array()?.clone();
                channels.iter().find(|found| found["name"] == channel)?["arn"]
                    .as_str()
                    .map(ToOwned::to_owned)
            },
        )
        .await
}

/// A person activates a channel in the console: a code is sent and given back.
pub async fn activate_by_hand(world: &World, channel: &str) {
    let client = world.contacts();
    client
        .send_activation_code()
        .contact_channel_id(channel)
        .send()
        .await
        .unwrap();
    let code = world.last_code(channel).await.unwrap();
    client
        .activate_contact_channel()
        .contact_channel_id(channel)
        .activation_code(code)
        .send()
        .await
        .unwrap();
}

/// Moves the simulated time forward, and gives the operator a moment to look at the clock.
pub async fn advance(world: &World, by: Duration) {
    world.simulator.advance(by).await.unwrap();
    tokio::time::sleep(seconds(2)).await;
}

/// What the status says of a channel.
pub fn channel_status(object: &DynamicObject, channel: &str) -> Value {
    object.data["status"]["channels"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|found| found["name"] == channel)
        .cloned()
        .unwrap_or_default()
}

/// Ids of the findings of an object, with their subjects; accepted ones are marked with a plus sign.
pub fn findings(object: &DynamicObject) -> Vec<String> {
    object.data["status"]["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|finding| {
            let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
            let accepted = if finding["accepted"].is_null() {
                ""
            } else {
                "+"
            };
            match text("subject").as_str() {
                "" => format!("{}{accepted}", text("id")),
                subject => format!("{}/{subject}{accepted}", text("id")),
            }
        })
        .collect()
}

/// A condition of an object as it is now.
pub async fn condition_now(
    world: &World,
    kind: &str,
    name: &str,
    condition: &str,
) -> Option<Condition> {
    checks::condition(&world.get(kind, name).await, condition)
}

/// `{path action}` of every pending change.
pub fn pending(object: &DynamicObject) -> Vec<String> {
    object.data["status"]["pendingChanges"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|change| {
            format!(
                "{} {}",
                change["action"].as_str().unwrap_or_default(),
                change["path"].as_str().unwrap_or_default()
            )
        })
        .collect()
}

/// The calls of the operator since a sequence number that may change something in ssm-contacts.
pub async fn mutations(world: &World, since: u64) -> Vec<String> {
    world
        .operator_calls(since)
        .await
        .into_iter()
        .filter(|call| call.mutating && call.service != "sts")
        .map(|call| call.operation)
        .collect()
}

/// Waits until an Event about an object has this reason and its message holds `text`.
pub async fn event(world: &World, kind: &str, name: &str, reason: &str, text: &str) {
    world
        .eventually(
            &format!("{kind} {name} has an event {reason} with {text:?}"),
            harness::world::SOON,
            async || {
                let events = world.events(kind, name).await;
                if events
                    .iter()
                    .any(|event| event.reason == reason && event.message.contains(text))
                {
                    Ok(())
                } else {
                    Err(format!("{events:?}"))
                }
            },
        )
        .await;
}

/// How often an Event with this reason was recorded.
pub async fn event_count(world: &World, kind: &str, name: &str, reason: &str) -> usize {
    let events = world.events(kind, name).await;
    events
        .iter()
        .filter(|event| event.reason == reason)
        .map(|event| usize::try_from(event.count).unwrap())
        .sum()
}

/// Every Contact that says it is Ready is, in AWS, what its spec says; read here anew, not with the operator's code.
pub async fn in_sync(world: &World) {
    world
        .eventually("AWS holds what the specs say", seconds(10), async || {
            let mut differences = vec![];
            let mut held = BTreeMap::new();
            for namespace in world.namespaces() {
                for object in world
                    .cluster
                    .list("Contact", Some(namespace))
                    .await
                    .unwrap()
                {
                    if checks::is_ready(&object) && object.metadata.deletion_timestamp.is_none() {
                        differences.extend(compare(world, &object, &mut held).await);
                    }
                }
            }
            if differences.is_empty() {
                Ok(())
            } else {
                Err(differences.join("\n"))
            }
        })
        .await;
}

/// Account and Region in which an object lives, from its ARN.
fn place(arn: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = arn.split(':').collect();
    Some(((*parts.get(4)?).to_owned(), (*parts.get(3)?).to_owned()))
}

/// What AWS holds, by account and Region, each read once.
type Held = BTreeMap<(String, String), Vec<aws::Contact>>;

async fn compare(world: &World, object: &DynamicObject, held: &mut Held) -> Vec<String> {
    let name = object.name_any();
    let arn = object.data["status"]["arn"].as_str().unwrap_or_default();
    let Some((account, region)) = place(arn) else {
        return if object.data["spec"]["suspend"] == true {
            vec![]
        } else {
            vec![format!("{name} is Ready without an ARN")]
        };
    };
    if object.data["spec"]["suspend"] == true {
        return vec![];
    }
    let place = (account, region);
    if !held.contains_key(&place) {
        let contacts = aws::contacts(&world.simulator, &place.0, &place.1).await;
        held.insert(place.clone(), contacts.unwrap_or_default());
    }
    let contacts = &held[&place];
    let Some(contact) = contacts.iter().find(|contact| contact.arn == arn) else {
        return vec![format!("AWS does not hold {arn}")];
    };
    let spec = &object.data["spec"];
    let mut differences = vec![];
    let mut same = |what: &str, wanted: String, got: String| {
        if wanted != got {
            differences.push(format!("{name}: {what}: wanted {wanted}, AWS has {got}"));
        }
    };
    same(
        "alias",
        spec["alias"].as_str().unwrap_or(&name).to_owned(),
        contact.alias.clone(),
    );
    same(
        "display name",
        spec["displayName"].as_str().unwrap_or_default().to_owned(),
        contact.display_name.clone().unwrap_or_default(),
    );
    let none = vec![];
    let wanted_channels = spec["channels"].as_array().unwrap_or(&none);
    for channel in wanted_channels {
        let channel_name = channel["name"].as_str().unwrap_or_default();
        let found: Vec<_> = contact
            .channels
            .iter()
            .filter(|found| found.name == channel_name)
            .collect();
        same(
            &format!("channels {channel_name:?}"),
            "1".to_owned(),
            found.len().to_string(),
        );
        let Some(found) = found.first() else { continue };
        same(
            "type",
            channel["type"].as_str().unwrap_or_default().to_uppercase(),
            found.kind.clone(),
        );
        let address = address_of(world, object, channel).await;
        if address != found.address {
            same(
                channel_name,
                "another address".to_owned(),
                "an old one".to_owned(),
            );
        }
        if channel["enabled"] == false {
            same(
                channel_name,
                "false".to_owned(),
                found.activated.to_string(),
            );
        }
    }
    // Others' channels stay; ours that left the manifest must be gone.
    let unmanaged = object.data["status"]["unmanagedChannels"]
        .as_array()
        .map_or(0, Vec::len);
    same(
        "number of channels",
        (wanted_channels.len() + unmanaged).to_string(),
        contact.channels.len().to_string(),
    );
    let by_arn: BTreeMap<&str, &str> = contact
        .channels
        .iter()
        .map(|channel| (channel.arn.as_str(), channel.name.as_str()))
        .collect();
    same(
        "plan",
        format!("{:?}", wanted_uses(spec)),
        format!("{:?}", actual_uses(contact, &by_arn)),
    );
    for (key, value) in spec["tags"].as_object().into_iter().flatten() {
        same(
            &format!("tag {key}"),
            value.as_str().unwrap_or_default().to_owned(),
            contact.tags.get(key).cloned().unwrap_or_default(),
        );
    }
    differences
}

async fn address_of(world: &World, object: &DynamicObject, channel: &Value) -> String {
    if let Some(address) = channel["address"].as_str() {
        return address.to_owned();
    }
    let from = &channel["addressFrom"]["secretKeyRef"];
    let secrets: Api<Secret> = Api::namespaced(
        world.cluster.client().clone(),
        &object.namespace().unwrap_or_default(),
    );
    let secret = secrets
        .get_opt(from["name"].as_str().unwrap_or_default())
        .await
        .unwrap();
    let data = secret.and_then(|secret| secret.data).unwrap_or_default();
    let bytes = data
        .get(from["key"].as_str().unwrap_or_default())
        .map(|bytes| bytes.0.clone());
    String::from_utf8(bytes.unwrap_or_default())
        .unwrap()
        .trim()
        .to_owned()
}

type Use = (i64, String, i64);

/// At which minute which channel is engaged, with which retry interval.
fn wanted_uses(spec: &Value) -> Vec<Use> {
    let none = vec![];
    let entries = spec["engagementPlan"].as_array().unwrap_or(&none);
    let mut uses: Vec<Use> = entries
        .iter()
        .map(|entry| {
            (
                entry["engageAfterMinutes"].as_i64().unwrap(),
                entry["channel"].as_str().unwrap().to_owned(),
                entry["retryIntervalMinutes"].as_i64().unwrap_or(0),
            )
        })
        .collect();
    let mut minute = 0;
    for stage in spec["engagementStages"].as_array().unwrap_or(&none) {
        for target in stage["targets"].as_array().unwrap_or(&none) {
            uses.push((
                minute,
                target["channel"].as_str().unwrap().to_owned(),
                target["retryIntervalMinutes"].as_i64().unwrap_or(0),
            ));
        }
        minute += stage["durationMinutes"].as_i64().unwrap();
    }
    uses.sort();
    uses
}

fn actual_uses(contact: &aws::Contact, by_arn: &BTreeMap<&str, &str>) -> Vec<Use> {
    let mut minute = 0;
    let mut uses = vec![];
    for stage in &contact.stages {
        for (arn, how) in &stage.targets {
            let retry = how
                .split(' ')
                .find_map(|word| word.parse().ok())
                .unwrap_or(0);
            uses.push((
                minute,
                (*by_arn.get(arn.as_str()).unwrap_or(&"unknown")).to_owned(),
                retry,
            ));
        }
        minute += i64::from(stage.minutes);
    }
    uses.sort();
    uses
}
