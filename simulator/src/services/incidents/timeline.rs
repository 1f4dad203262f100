//! The timeline of an incident: events of users, of the service, and of its engagements.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::{Millis, epoch_seconds, from_epoch_seconds};
use crate::error::AwsError;
use crate::services::Call;
use crate::services::contacts::engagement;
use crate::state::Account;

use super::data::{Record, TimelineEvent};
use super::filters::{Filters, Kind, Property};
use super::pages::{Order, by_time, page};
use super::record::{find, look};
use super::tokens::{Mismatch, remember, replayed};
use super::{LARGEST_PAGE, errors, visible};

/// The incident was opened.
pub(super) const TRIGGER: &str = "SSM Incident Trigger";
/// The record was changed.
pub(super) const UPDATE: &str = "SSM Incident Record Update";
/// The runbook could not be started.
pub(super) const AUTOMATION_FAILED: &str = "SSM Automation Execution Start Failure for Incident";
/// Somebody could not be engaged.
pub(super) const ENGAGEMENT_FAILED: &str = "SSM Contacts Engagement Start Failure for Incident";

/// As many events as an incident has at most.
const MOST: usize = 1000;
/// Name of an event in `resourceType`.
const EVENT: &str = "TIMELINE_EVENT";

/// Adds an event of the service itself.
pub(super) fn note(record: &mut Record, now: Millis, time: Millis, kind: &str, data: &Value) {
    record.events.push(TimelineEvent {
        id: Uuid::new_v4().to_string(),
        time,
        updated: now,
        kind: kind.to_owned(),
        data: data.to_string(),
        references: None,
        system: true,
        created: now,
    });
}

/// Events of the engagements of an incident. They are worked out anew every time, and keep their ids.
fn of_engagements(account: &Account, incident: &str) -> Vec<TimelineEvent> {
    let mut seen: Vec<Uuid> = Vec::new();
    let mut events = Vec::new();
    for event in engagement::events_of(account, incident) {
        let data = event.data.to_string();
        let mut turn = 0_u32;
        let id = loop {
            let half = |which: u8| {
                let mut hasher = DefaultHasher::new();
                (which, incident, event.time, event.kind, &data, turn).hash(&mut hasher);
                hasher.finish()
            };
            let id = Uuid::from_u64_pair(half(0), half(1));
            if !seen.contains(&id) {
                break id;
            }
            turn += 1;
        };
        seen.push(id);
        events.push(TimelineEvent {
            id: id.to_string(),
            time: event.time,
            updated: event.time,
            kind: event.kind.to_owned(),
            data,
            references: None,
            system: true,
            created: event.time,
        });
    }
    events
}

/// Everything that can be seen in the timeline of an incident; none if there is no such incident.
fn events(
    account: &mut Account,
    call: &Call<'_>,
    arn: &str,
) -> Result<Option<Vec<TimelineEvent>>, AwsError> {
    let Some(record) = look(account, call, arn)? else {
        return Ok(None);
    };
    let mut events = record.events.clone();
    events.extend(of_engagements(account, arn));
    events.retain(|event| visible(call, event.created));
    Ok(Some(events))
}

/// The own event of a record that may be changed; none if there is none.
fn own<'a>(record: &'a mut Record, id: &str) -> Result<Option<&'a mut TimelineEvent>, AwsError> {
    let event = record.events.iter_mut().find(|event| event.id == id);
    if event.as_ref().is_some_and(|event| event.system) {
        return Err(refused());
    }
    Ok(event)
}

fn refused() -> AwsError {
    errors::invalid("Only custom events and notes can be changed or deleted")
}

fn check_data(call: &Call<'_>) -> Result<(), AwsError> {
    match call.text("eventData") {
        Some(data) if serde_json::from_str::<Value>(data).is_err() => {
            Err(errors::invalid("The eventData must be a valid JSON string"))
        }
        _ => Ok(()),
    }
}

fn references(call: &Call<'_>) -> Option<Vec<Value>> {
    call.input.get("eventReferences")?.as_array().cloned()
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("incidentRecordArn");
    if let Some((output, _)) = replayed(account, call, &Mismatch::Conflict)? {
        return Ok(output);
    }
    let record = find(account, call, arn)?;
    check_data(call)?;
    if record.events.len() >= MOST {
        return Err(errors::invalid(format!(
            "An incident can have at most {MOST} timeline events"
        )));
    }
    let id = Uuid::new_v4().to_string();
    record.events.push(TimelineEvent {
        id: id.clone(),
        time: from_epoch_seconds(&call.input["eventTime"]).unwrap_or(call.now),
        updated: call.now,
        kind: call.required("eventType").to_owned(),
        data: call.required("eventData").to_owned(),
        references: references(call),
        system: false,
        created: call.now,
    });
    let output = json!({"incidentRecordArn": arn, "eventId": id});
    remember(account, call, &output, arn);
    Ok(output)
}

fn summary(event: &TimelineEvent, incident: &str) -> Value {
    let mut shown = json!({
        "incidentRecordArn": incident,
        "eventId": event.id,
        "eventTime": epoch_seconds(event.time),
        "eventUpdatedTime": epoch_seconds(event.updated),
        "eventType": event.kind,
    });
    if let Some(references) = &event.references {
        shown["eventReferences"] = json!(references);
    }
    shown
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("incidentRecordArn");
    let id = call.required("eventId");
    let events = events(account, call, arn)?.ok_or_else(|| errors::not_found(arn))?;
    let event = events
        .iter()
        .find(|event| event.id == id)
        .ok_or_else(|| errors::part_not_found(EVENT, id))?;
    let mut shown = summary(event, arn);
    shown["eventData"] = event.data.clone().into();
    Ok(json!({"event": shown}))
}

pub(super) fn update(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("incidentRecordArn");
    let id = call.required("eventId");
    if let Some((output, _)) = replayed(account, call, &Mismatch::Conflict)? {
        return Ok(output);
    }
    check_data(call)?;
    find(account, call, arn)?;
    if of_engagements(account, arn)
        .iter()
        .any(|event| event.id == id)
    {
        return Err(refused());
    }
    let record = find(account, call, arn)?;
    let event = own(record, id)?.ok_or_else(|| errors::part_not_found(EVENT, id))?;
    if let Some(time) = call.input.get("eventTime").and_then(from_epoch_seconds) {
        event.time = time;
    }
    if let Some(kind) = call.text("eventType") {
        kind.clone_into(&mut event.kind);
    }
    if let Some(data) = call.text("eventData") {
        data.clone_into(&mut event.data);
    }
    if let Some(references) = references(call) {
        event.references = Some(references);
    }
    event.updated = call.now;
    remember(account, call, &json!({}), arn);
    Ok(json!({}))
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("incidentRecordArn");
    let id = call.required("eventId");
    if of_engagements(account, arn)
        .iter()
        .any(|event| event.id == id)
    {
        return Err(refused());
    }
    if let Some(record) = look(account, call, arn)? {
        own(record, id)?;
        record.events.retain(|event| event.id != id);
    }
    Ok(json!({}))
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("incidentRecordArn");
    let filters = Filters::of(
        call,
        &[
            ("eventTime", Kind::Time),
            ("eventType", Kind::Text),
            ("eventReference", Kind::Text),
        ],
    )?;
    let events = events(account, call, arn)?.unwrap_or_default();
    let shown = events
        .iter()
        .filter(|event| {
            filters.match_all(|key| match key {
                "eventTime" => Property::Time(event.time),
                "eventType" => Property::Texts(vec![&event.kind]),
                _ => Property::Texts(
                    event
                        .references
                        .iter()
                        .flatten()
                        .filter_map(|reference| {
                            let resource = reference["resource"].as_str();
                            resource.or(reference["relatedItemId"].as_str())
                        })
                        .collect(),
                ),
            })
        })
        .map(|event| (by_time(event.time, &event.id), summary(event, arn)))
        .collect();
    let order = if call.text("sortOrder") == Some("ASCENDING") {
        Order::Ascending
    } else {
        Order::Descending
    };
    let binding = format!(
        "{arn}|{}|{}",
        call.input["filters"],
        order == Order::Ascending
    );
    page(call, "eventSummaries", shown, order, LARGEST_PAGE, &binding)
}
