//! Incident records: how they are opened, shown, changed and deleted.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::partition_of;
use crate::clock::{Millis, epoch_seconds, from_epoch_seconds};
use crate::error::AwsError;
use crate::iam::Needed;
use crate::knobs::Knob;
use crate::services::Call;
use crate::services::contacts::engagement;
use crate::state::Account;
use crate::world::Circumstances;

use super::data::{Record, RecordSource};
use super::filters::{Filters, Kind, Property};
use super::pages::{Order, by_time, page};
use super::response_plan::{self, chat_of, shown_chat, shown_targets, targets};
use super::tokens::{Mismatch, remember, replayed};
use super::{LARGEST_PAGE, NAME, action, arn, errors, is_served, related_items, timeline, visible};

/// What the source of incidents that were not opened by AWS is called.
const CUSTOM: &str = "aws.ssm-incidents.custom";
/// Sources of AWS begin so.
const OF_AWS: &str = "aws.";

pub(super) fn start_needs(account: &Account, call: &Call<'_>) -> Vec<Needed> {
    let plan_arn = call.required("responsePlanArn");
    let mut needed = action(call, plan_arn);
    let Ok(Some(name)) = arn::local(call, plan_arn, arn::PLAN) else {
        return needed;
    };
    let records = arn::of_records(call, name);
    needed.extend(action(call, &records));
    let plan = account.incident_manager.plans.get(name);
    if plan.is_some_and(|plan| !plan.template.incident_tags.is_empty()) {
        needed.push(Needed::new(&format!("{NAME}:TagResource"), records));
    }
    needed
}

/// Calls about an incident are authorised on its record and on its response plan.
pub(super) fn needs_of(call: &Call<'_>, record: &str) -> Vec<Needed> {
    let mut needed = action(call, record);
    if let Ok(Some((plan, _))) =
        arn::local(call, record, arn::RECORD).map(|rest| rest.and_then(|rest| rest.split_once('/')))
    {
        let plan = arn::of(call.partition, &call.scope.account, arn::PLAN, plan);
        needed.extend(action(call, &plan));
    }
    needed
}

pub(super) fn needs(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    needs_of(call, call.required("arn"))
}

/// The key of the record that an ARN names, if it exists.
fn key(account: &Account, call: &Call<'_>, arn: &str) -> Result<Option<String>, AwsError> {
    let key = arn::local(call, arn, arn::RECORD)?;
    Ok(key
        .filter(|_| is_served(account, &call.scope.region))
        .filter(|key| {
            let record = account.incident_manager.records.get(*key);
            record.is_some_and(|record| visible(call, record.created))
        })
        .map(str::to_owned))
}

/// The record that an ARN names; none if there is none.
pub(super) fn look<'a>(
    account: &'a mut Account,
    call: &Call<'_>,
    arn: &str,
) -> Result<Option<&'a mut Record>, AwsError> {
    let key = key(account, call, arn)?;
    Ok(key.and_then(|key| account.incident_manager.records.get_mut(&key)))
}

/// The record that an ARN names.
pub(super) fn find<'a>(
    account: &'a mut Account,
    call: &Call<'_>,
    arn: &str,
) -> Result<&'a mut Record, AwsError> {
    look(account, call, arn)?.ok_or_else(|| errors::not_found(arn))
}

/// What opens an incident.
pub(super) struct Opening {
    /// Name of the response plan.
    pub(super) plan: String,
    /// In place of the plan's.
    pub(super) title: Option<String>,
    /// In place of the plan's.
    pub(super) impact: Option<i64>,
    /// As sent.
    pub(super) related: Vec<Value>,
    /// Who opens it.
    pub(super) source: RecordSource,
    /// What absorbs it if the plan does not say; none is absorbed by nothing.
    pub(super) dedupe_string: Option<String>,
    /// When it was noticed.
    pub(super) time: Millis,
    /// What the timeline says about it.
    pub(super) data: Value,
    /// Where it is opened.
    pub(super) region: String,
}

/// Opens an incident, unless an open one absorbs it; gives the ARN, and whether it is new.
pub(super) fn open(
    account: &mut Account,
    at: &Circumstances<'_>,
    opening: Opening,
) -> Option<(String, bool)> {
    let plan = account.incident_manager.plans.get(&opening.plan)?.clone();
    let text = |text: Option<String>| text.filter(|text| !text.is_empty());
    let dedupe = text(plan.template.dedupe_string.clone()).or(opening.dedupe_string);
    if let Some(dedupe) = &dedupe {
        let mut records = account.incident_manager.records.values();
        let absorbing =
            records.find(|record| record.resolved.is_none() && record.dedupe_string == *dedupe);
        if let Some(absorbing) = absorbing {
            return Some((absorbing.arn.clone(), false));
        }
    }
    let partition = partition_of(&opening.region);
    let key = format!("{}/{}", plan.name, Uuid::new_v4());
    let mut record = Record {
        arn: arn::of(partition, &account.id, arn::RECORD, &key),
        plan: plan.name,
        title: text(opening.title).unwrap_or(plan.template.title),
        summary: plan.template.summary,
        impact: opening.impact.unwrap_or(plan.template.impact),
        dedupe_string: dedupe.unwrap_or_else(|| Uuid::new_v4().to_string()),
        chat: plan.chat,
        notification_targets: plan.template.notification_targets.unwrap_or_default(),
        created: at.now,
        modified: at.now,
        modified_by: opening.source.created_by.clone(),
        source: opening.source,
        resolved: None,
        automation_executions: Vec::new(),
        tags: plan.template.incident_tags,
        related: Vec::new(),
        events: Vec::new(),
        findings: Vec::new(),
    };
    timeline::note(
        &mut record,
        at.now,
        opening.time,
        timeline::TRIGGER,
        &opening.data,
    );
    for item in &opening.related {
        related_items::add(&mut record, item, at.now);
    }
    let parent = format!(
        "arn:{partition}:ssm:{}:{}:opsitem/oi-{}",
        opening.region,
        account.id,
        &Uuid::new_v4().simple().to_string()[..12]
    );
    let parent =
        json!({"identifier": {"type": "PARENT", "value": {"arn": parent}}, "title": "parentItem"});
    related_items::add(&mut record, &parent, at.now);
    if let Some(document) = plan
        .actions
        .first()
        .and_then(|action| action["ssmAutomation"]["documentName"].as_str())
    {
        run(account, at, &mut record, document, &opening.region);
    }
    engage(account, at, &mut record, &plan.engagements);
    let arn = record.arn.clone();
    account.incident_manager.records.insert(key, record);
    Some((arn, true))
}

/// Starts the runbook of an incident.
fn run(
    account: &Account,
    at: &Circumstances<'_>,
    record: &mut Record,
    document: &str,
    region: &str,
) {
    if account.unusable.has_document(document) {
        let data = json!({
            "documentName": document,
            "failureReason": "The automation document does not exist or could not be started.",
        });
        timeline::note(record, at.now, at.now, timeline::AUTOMATION_FAILED, &data);
        return;
    }
    record.automation_executions.push(format!(
        "arn:{}:ssm:{region}:{}:automation-execution/{}",
        partition_of(region),
        account.id,
        Uuid::new_v4()
    ));
}

/// Engages everybody the response plan names. Who is gone is noted in the timeline.
fn engage(
    account: &mut Account,
    at: &Circumstances<'_>,
    record: &mut Record,
    engagements: &[String],
) {
    for contact in engagements {
        let start = engagement::Start {
            contact_arn: contact.clone(),
            incident_id: Some(record.arn.clone()),
            sender: "AWS Systems Manager Incident Manager".to_owned(),
            subject: record.title.clone(),
            // The model has no message without content.
            content: record
                .summary
                .clone()
                .filter(|summary| !summary.is_empty())
                .unwrap_or_else(|| record.title.clone()),
            public_subject: Some(record.title.clone()),
            public_content: None,
        };
        if let Err(error) = engagement::start(account, at, &start) {
            let data = json!({"contactArn": contact, "failureReason": error.message});
            timeline::note(record, at.now, at.now, timeline::ENGAGEMENT_FAILED, &data);
        }
    }
}

pub(super) fn start(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    if let Some((output, arn)) = replayed(account, call, &Mismatch::Conflict)? {
        let records = &account.incident_manager.records;
        let stands = records.values().any(|record| record.arn == arn);
        if stands || call.knobs.is(Knob::TokenAfterDelete, "original-arn") {
            return Ok(output);
        }
    }
    let plan = response_plan::find(account, call, call.required("responsePlanArn"))?;
    let related: Vec<Value> = call.input["relatedItems"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    // One is the OpsItem that the service adds.
    if related.len() >= related_items::MOST {
        return Err(related_items::too_many());
    }
    let trigger = &call.input["triggerDetails"];
    let source = trigger["source"].as_str().unwrap_or(CUSTOM);
    if trigger["source"].is_string() && source.starts_with(OF_AWS) {
        return Err(errors::invalid(
            "The source of the trigger must not begin with aws.",
        ));
    }
    let time = from_epoch_seconds(&trigger["timestamp"]).unwrap_or(call.now);
    let mut data = json!({"source": source, "timestamp": crate::clock::rfc3339(time)});
    for member in ["triggerArn", "rawData"] {
        if let Some(value) = trigger.get(member) {
            data[member] = value.clone();
        }
    }
    let opening = Opening {
        plan,
        title: call.text("title").map(str::to_owned),
        impact: call.input.get("impact").and_then(Value::as_i64),
        related,
        source: RecordSource {
            created_by: call.principal.to_owned(),
            invoked_by: call.principal.to_owned(),
            resource_arn: trigger["triggerArn"].as_str().map(str::to_owned),
            source: source.to_owned(),
        },
        dedupe_string: None,
        time,
        data,
        region: call.scope.region.clone(),
    };
    let (arn, new) = open(account, &call.circumstances(), opening)
        .ok_or_else(|| errors::not_found(call.required("responsePlanArn")))?;
    if new {
        call.created.push(arn.clone());
    }
    let output = json!({"incidentRecordArn": arn});
    remember(account, call, &output, &arn);
    Ok(output)
}

fn status(record: &Record) -> &'static str {
    if record.resolved.is_some() {
        "RESOLVED"
    } else {
        "OPEN"
    }
}

fn shown_source(source: &RecordSource) -> Value {
    let mut shown = json!({
        "createdBy": source.created_by,
        "invokedBy": source.invoked_by,
        "source": source.source,
    });
    if let Some(resource) = &source.resource_arn {
        shown["resourceArn"] = resource.clone().into();
    }
    shown
}

fn summary(record: &Record) -> Value {
    let mut shown = json!({
        "arn": record.arn,
        "title": record.title,
        "status": status(record),
        "impact": record.impact,
        "creationTime": epoch_seconds(record.created),
        "incidentRecordSource": shown_source(&record.source),
    });
    if let Some(resolved) = record.resolved {
        shown["resolvedTime"] = epoch_seconds(resolved);
    }
    shown
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let record = find(account, call, call.required("arn"))?;
    let mut shown = summary(record);
    if let Some(summary) = &record.summary {
        shown["summary"] = summary.clone().into();
    }
    if let Some(chat) = shown_chat(call, &record.chat) {
        shown["chatChannel"] = chat;
    }
    shown["dedupeString"] = record.dedupe_string.clone().into();
    shown["lastModifiedTime"] = epoch_seconds(record.modified);
    shown["lastModifiedBy"] = record.modified_by.clone().into();
    shown["automationExecutions"] = record
        .automation_executions
        .iter()
        .map(|arn| json!({"ssmExecutionArn": arn}))
        .collect();
    shown["notificationTargets"] = shown_targets(&record.notification_targets).into();
    Ok(json!({"incidentRecord": shown}))
}

pub(super) fn update(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("arn");
    if let Some((output, _)) = replayed(account, call, &Mismatch::Conflict)? {
        return Ok(output);
    }
    let Some(key) = key(account, call, arn)? else {
        return Err(errors::not_found(arn));
    };
    response_plan::check_chat(account, call, &chat_of(&call.input["chatChannel"]))?;
    let at = call.circumstances();
    let Some(record) = account.incident_manager.records.get_mut(&key) else {
        return Err(errors::not_found(arn));
    };
    let reopens = call.text("status") == Some("OPEN") && record.resolved.is_some();
    if reopens && call.knobs.is(Knob::ReopenIncident, "refuse") {
        return Err(errors::invalid("A resolved incident cannot be reopened"));
    }
    let resolves = call.text("status") == Some("RESOLVED") && record.resolved.is_none();
    let mut changed = serde_json::Map::new();
    let mut note = |member: &str, is_new: bool| {
        if is_new {
            changed.insert(member.to_owned(), call.input[member].clone());
        }
        is_new
    };
    if let Some(title) = call.text("title")
        && note("title", record.title != title)
    {
        title.clone_into(&mut record.title);
    }
    if let Some(summary) = call.text("summary")
        && note("summary", record.summary.as_deref() != Some(summary))
    {
        record.summary = Some(summary.to_owned());
    }
    if let Some(impact) = call.input.get("impact").and_then(Value::as_i64)
        && note("impact", record.impact != impact)
    {
        record.impact = impact;
    }
    if let Some(chat) = call.input.get("chatChannel").map(chat_of)
        && note("chatChannel", record.chat != chat)
    {
        record.chat = chat;
    }
    if let Some(targets) = call.input.get("notificationTargets").map(targets)
        && note(
            "notificationTargets",
            record.notification_targets != targets,
        )
    {
        record.notification_targets = targets;
    }
    if note("status", resolves || reopens) {
        record.resolved = resolves.then_some(at.now);
    }
    if !changed.is_empty() {
        record.modified = at.now;
        call.principal.clone_into(&mut record.modified_by);
        let data = Value::Object(changed);
        timeline::note(record, at.now, at.now, timeline::UPDATE, &data);
    }
    if resolves && call.knobs.is(Knob::ResolveStopsEngagements, "yes") {
        engagement::stop_of_incident(account, &at, arn);
    }
    remember(account, call, &json!({}), arn);
    Ok(json!({}))
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    if let Some(key) = key(account, call, call.required("arn"))? {
        account.incident_manager.records.remove(&key);
    }
    Ok(json!({}))
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let filters = Filters::of(
        call,
        &[
            ("creationTime", Kind::Time),
            ("impact", Kind::Number),
            ("status", Kind::Text),
            ("createdBy", Kind::Text),
        ],
    )?;
    let served = is_served(account, &call.scope.region);
    let shown = account
        .incident_manager
        .records
        .iter()
        .filter(|(_, record)| served && visible(call, record.created))
        .filter(|(_, record)| {
            filters.match_all(|key| match key {
                "creationTime" => Property::Time(record.created),
                "impact" => Property::Number(record.impact),
                "status" => Property::Texts(vec![status(record)]),
                _ => Property::Texts(vec![&record.source.created_by]),
            })
        })
        .map(|(key, record)| (by_time(record.created, key), summary(record)))
        .collect();
    page(
        call,
        "incidentRecordSummaries",
        shown,
        Order::Descending,
        LARGEST_PAGE,
        &call.input["filters"].to_string(),
    )
}
