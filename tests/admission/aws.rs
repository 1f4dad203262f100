//! What only AWS knows is wrong: a condition without AWS's words, since those quote what was sent.

use harness::checks::{self, Condition};
use harness::world::SOON;
use harness::{Fault, World};
use serde_json::{Value, json};

/// A call that AWS refuses, and the edit that leads to it.
struct Refused {
    operation: &'static str,
    /// Spec of the contact from here on; `null` = it is deleted.
    spec: Value,
}

const NUMBER: &str = "+15005550401";
const OTHER: &str = "+15005550402";
const MAIL: &str = "rosa.private@example.org";

fn refusals() -> Vec<Refused> {
    let mobile = json!({"name": "mobile", "type": "SMS", "address": NUMBER});
    let mail = json!({"name": "mail", "type": "Email", "address": MAIL});
    let moved = json!({"name": "mobile", "type": "SMS", "address": OTHER});
    let refused = |operation, spec| Refused { operation, spec };
    vec![
        refused(
            "CreateContact",
            json!({"displayName": "Rosa", "tags": {"team": "a"}}),
        ),
        refused(
            "CreateContactChannel",
            json!({"displayName": "Rosa", "tags": {"team": "a"}, "channels": [mobile, mail]}),
        ),
        refused(
            "UpdateContact",
            json!({"displayName": "Rosa Example", "tags": {"team": "a"}, "channels": [mobile, mail]}),
        ),
        refused(
            "UpdateContactChannel",
            json!({"displayName": "Rosa Example", "tags": {"team": "a"}, "channels": [moved, mail]}),
        ),
        refused(
            "TagResource",
            json!({"displayName": "Rosa Example", "tags": {"team": "b"}, "channels": [moved, mail]}),
        ),
        refused(
            "UntagResource",
            json!({"displayName": "Rosa Example", "channels": [moved, mail]}),
        ),
        refused(
            "DeleteContactChannel",
            json!({"displayName": "Rosa Example", "channels": [moved]}),
        ),
    ]
}

/// Messages as AWS writes them, each with an address in it.
fn messages() -> [String; 4] {
    [
        format!(
            "1 validation error detected: Value '{NUMBER}' at 'deliveryAddress.simpleAddress' failed to satisfy constraint: Member must satisfy regular expression pattern: ^\\+[1-9]*$"
        ),
        format!("Invalid value provided - Phone number {OTHER} is not supported in this Region"),
        format!("The mail address {MAIL} is on the suppression list."),
        String::new(),
    ]
}

fn contact(spec: &Value) -> Value {
    json!({"apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact", "metadata": {"name": "rosa"}, "spec": spec})
}

fn fault(kind: &str, operation: &str, message: &str) -> Fault {
    let mut fault = Fault::new(kind).operation(operation).times(0);
    fault.message = Some(message.to_owned());
    fault
}

/// Holds what is told against what must not be.
async fn told(world: &World, operation: &str, reason: &str) {
    let found = world.stalled("Contact", "rosa", reason).await;
    let object = world.get("Contact", "rosa").await;
    let synced = checks::condition(&object, "Synced").unwrap();
    assert_eq!(
        (synced.status.as_str(), synced.reason.as_str()),
        ("False", reason),
        "{operation}"
    );
    for address in [
        NUMBER,
        &NUMBER[1..],
        OTHER,
        &OTHER[1..],
        MAIL,
        "suppression",
        "supported",
    ] {
        assert!(!found.message.contains(address), "{operation}: {found}");
    }
    told_by_event(world, operation, &found).await;
}

/// Waits for the Event that says what the condition says.
async fn told_by_event(world: &World, operation: &str, found: &Condition) {
    world
        .eventually(
            &format!("an Event tells of {operation}"),
            SOON,
            async || {
                let events = world.events("Contact", "rosa").await;
                let told = events.iter().any(|event| {
                    event.severity == "Warning"
                        && event.reason == found.reason
                        && event.message == found.message
                });
                if told {
                    Ok(())
                } else {
                    Err(format!("{found}\n{events:?}"))
                }
            },
        )
        .await;
}

#[tokio::test]
async fn what_aws_refuses_is_a_condition_that_quotes_nothing() {
    let world = World::new("rejected").await;
    for address in [NUMBER, OTHER, MAIL] {
        world.sensitive(address);
    }
    for (index, Refused { operation, spec }) in refusals().into_iter().enumerate() {
        let messages = messages();
        let message = &messages[index % messages.len()];
        let id = world.fault(fault("validation", operation, message)).await;
        world.apply_value(contact(&spec)).await;
        told(&world, operation, "RejectedByAws").await;
        let said = world
            .stalled("Contact", "rosa", "RejectedByAws")
            .await
            .message;
        assert!(said.contains(operation), "{operation}: {said}");
        world.simulator.clear_fault(Some(&id)).await.unwrap();
        world.reconcile_now("Contact", "rosa").await;
        world.ready("Contact", "rosa").await;
    }
    // A deletion that AWS refuses is told as well, and ends when AWS lets it.
    let id = world
        .fault(fault("validation", "DeleteContact", &messages()[1]))
        .await;
    world.delete("Contact", "rosa").await;
    let held = world
        .condition("Contact", "rosa", "Ready", "False", "RejectedByAws")
        .await;
    for words in [
        "DeleteContact was refused",
        "To let go without deleting in AWS, set spec.deletionPolicy: Retain",
    ] {
        assert!(held.message.contains(words), "{held}");
    }
    told_by_event(&world, "DeleteContact", &held).await;
    world.simulator.clear_fault(Some(&id)).await.unwrap();
    let now = json!({"metadata": {"annotations": {"incident-operator.dev/reconcile-requested-at": "deleting"}}});
    world.patch("Contact", "rosa", &now).await;
    world.gone("Contact", "rosa").await;
    world.aws_empty().await;
    world.finish().await;
}

/// The rest of the table of errors, where AWS's message holds a value each time.
#[tokio::test]
async fn every_other_refusal_has_a_reason_of_its_own_and_quotes_nothing_either() {
    let world = World::new("refused").await;
    for address in [NUMBER, OTHER, MAIL] {
        world.sensitive(address);
    }
    let spec = json!({"channels": [{"name": "mobile", "type": "SMS", "address": NUMBER}]});
    let quoting = format!("not for {NUMBER} or {MAIL}");
    for (kind, reason, words) in [
        (
            "access-denied",
            "AccessDenied",
            "ssm-contacts:CreateContactChannel",
        ),
        ("quota", "QuotaExceeded", "CreateContactChannel"),
        (
            "data-encryption",
            "EncryptionKeyUnavailable",
            "CreateContactChannel",
        ),
    ] {
        let id = world
            .fault(fault(kind, "CreateContactChannel", &quoting))
            .await;
        world.apply_value(contact(&spec)).await;
        told(&world, kind, reason).await;
        let said = world.stalled("Contact", "rosa", reason).await.message;
        assert!(said.contains(words), "{kind}: {said}");
        world.simulator.clear_fault(Some(&id)).await.unwrap();
        world.reconcile_now("Contact", "rosa").await;
        world.ready("Contact", "rosa").await;
        world.delete_and_wait("Contact", "rosa").await;
    }

    // A conflict is waited out, not stalled.
    let mut conflict = fault("error", "CreateContactChannel", &quoting);
    conflict.code = Some("ConflictException".to_owned());
    let id = world.fault(conflict).await;
    world.apply_value(contact(&spec)).await;
    let found = world
        .condition("Contact", "rosa", "Synced", "False", "Conflict")
        .await;
    assert!(found.message.contains("CreateContactChannel"), "{found}");
    world.simulator.clear_fault(Some(&id)).await.unwrap();
    world.reconcile_now("Contact", "rosa").await;
    world.ready("Contact", "rosa").await;

    // A refusal that nobody has heard of is a refusal.
    let edited = json!({"displayName": "Rosa", "channels": spec["channels"]});
    let mut strange = fault("error", "UpdateContact", &quoting);
    strange.code = Some("CosmicRayException".to_owned());
    let id = world.fault(strange).await;
    world.apply_value(contact(&edited)).await;
    told(&world, "UpdateContact", "RejectedByAws").await;
    world.simulator.clear_fault(Some(&id)).await.unwrap();

    world.reconcile_now("Contact", "rosa").await;
    world.ready("Contact", "rosa").await;

    // What AWS fails at is tried again; after a while it is said that nothing is known.
    let id = world
        .fault(fault("internal", "UpdateContact", &quoting))
        .await;
    let edited = json!({"displayName": "Rosa Example", "channels": spec["channels"]});
    world.apply_value(contact(&edited)).await;
    world
        .eventually("nothing is known of the edit", SOON, async || {
            let object = world.get("Contact", "rosa").await;
            let synced = checks::condition(&object, "Synced").ok_or("no condition")?;
            let so = (synced.status.as_str(), synced.reason.as_str()) == ("Unknown", "Unavailable");
            if so && synced.message.contains("UpdateContact failed") {
                // Nothing is known to be wrong either.
                assert!(checks::condition(&object, "Stalled").is_none());
                return Ok(());
            }
            Err(synced.to_string())
        })
        .await;
    world.simulator.clear_fault(Some(&id)).await.unwrap();
    world.reconcile_now("Contact", "rosa").await;
    world.ready("Contact", "rosa").await;
    world.finish().await;
}

/// Sending is refused for good reasons of AWS's; nothing was sent, and the request can be made to work.
#[tokio::test]
async fn a_code_that_aws_will_not_send_is_told_without_the_address() {
    let world = World::new("unsent").await;
    for address in [NUMBER, OTHER, MAIL] {
        world.sensitive(address);
    }
    world
        .apply_value(contact(
            &json!({"channels": [{"name": "mobile", "type": "SMS", "address": NUMBER}]}),
        ))
        .await;
    world.ready("Contact", "rosa").await;
    let id = world
        .fault(fault("validation", "SendActivationCode", &messages()[0]))
        .await;
    let request = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ChannelActivation", "metadata": {"name": "request"},
        "spec": {"contactRef": {"name": "rosa"}, "channel": "mobile"},
    });
    world.apply_value(request).await;
    let found = world
        .stalled("ChannelActivation", "request", "RejectedByAws")
        .await;
    assert!(found.message.contains("SendActivationCode"), "{found}");
    assert!(
        found.message.contains("deliveryAddress.simpleAddress"),
        "the member is named: {found}"
    );
    assert!(!found.message.contains(&NUMBER[1..]), "{found}");
    assert_eq!(world.codes_sent().await, 0);
    world.simulator.clear_fault(Some(&id)).await.unwrap();
    world.reconcile_now("ChannelActivation", "request").await;
    world
        .condition(
            "ChannelActivation",
            "request",
            "Ready",
            "True",
            "AwaitingCode",
        )
        .await;
    assert_eq!(world.codes_sent().await, 1);
    world.finish().await;
}
