//! Calls about incidents. The only file here that sends, and it decides nothing.

use aws_sdk_ssmincidents::types;

use super::observed::{Finding, Item, Record, Target};
use crate::api::response_plan::Impact;
use crate::aws::rotations::{date_time, timestamp};
use crate::aws::{CallError, ErrorClass, Operation, Session};

/// Who we are as the source of an incident.
pub const SOURCE: &str = "dev.incident-operator";
/// The event with which AWS's timeline of an incident begins; it holds what opened it.
const TRIGGER: &str = "SSM Incident Trigger";
/// AWS lists findings in pages of 20, and reads 20 at a time.
const FINDINGS: i32 = 20;

/// What an incident is started with.
#[derive(Debug)]
pub struct Start<'a> {
    /// ARN of the response plan.
    pub plan: &'a str,
    /// Title; absent = the plan's.
    pub title: Option<&'a str>,
    /// Impact; absent = the plan's.
    pub impact: Option<Impact>,
    /// Related items.
    pub items: &'a [Item],
    /// Makes it idempotent, and is found again in the timeline.
    pub token: &'a str,
    /// The object, for people who read the timeline.
    pub object: &'a str,
    /// Now.
    pub now: jiff::Timestamp,
}

/// StartIncident. Pages people: called once for a request, never repeated. Answers with the ARN of the record.
pub async fn start(session: &Session, start: &Start<'_>) -> Result<String, CallError> {
    let invalid = |_| CallError::new(Operation::StartIncident, ErrorClass::Invalid);
    let trigger = types::TriggerDetails::builder()
        .source(SOURCE)
        .timestamp(date_time(start.now))
        .raw_data(serde_json::json!({"object": start.object, "token": start.token}).to_string())
        .build()
        .map_err(invalid)?;
    let items: Vec<_> = start.items.iter().filter_map(item_to).collect();
    let request = session
        .incidents()
        .start_incident()
        .response_plan_arn(start.plan)
        .set_title(start.title.map(str::to_owned))
        .set_impact(start.impact.map(Impact::number))
        .set_related_items(Some(items).filter(|i| !i.is_empty()))
        .trigger_details(trigger)
        .client_token(start.token);
    let output = session
        .send(Operation::StartIncident, request.send())
        .await?;
    Ok(output.incident_record_arn)
}

/// What the timeline of an incident says of its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// It was started by us, with this token.
    Token(String),
    /// It was started otherwise.
    Otherwise,
    /// Nothing (yet).
    Untold,
}

/// Whether AWS has the response plan.
pub async fn has_plan(session: &Session, arn: &str) -> Result<bool, CallError> {
    let request = session.incidents().get_response_plan().arn(arn);
    match session
        .send(Operation::GetResponsePlan, request.send())
        .await
    {
        Ok(_) => Ok(true),
        Err(error) if error.class == ErrorClass::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What the timeline of an incident says of its beginning.
pub async fn beginning(session: &Session, record: &str) -> Result<Beginning, CallError> {
    let condition = types::Condition::Equals(types::AttributeValueList::StringValues(vec![
        TRIGGER.to_owned(),
    ]));
    let filter = types::Filter::builder()
        .key("eventType")
        .condition(condition)
        .build()
        .map_err(|_| CallError::new(Operation::ListTimelineEvents, ErrorClass::Invalid))?;
    let request = session
        .incidents()
        .list_timeline_events()
        .incident_record_arn(record)
        .filters(filter)
        .sort_by(types::TimelineEventSort::EventTime)
        .sort_order(types::SortOrder::Ascending)
        .max_results(1);
    let listed = session
        .send(Operation::ListTimelineEvents, request.send())
        .await?;
    let Some(event) = listed.event_summaries.first() else {
        return Ok(Beginning::Untold);
    };
    let request = session
        .incidents()
        .get_timeline_event()
        .incident_record_arn(record)
        .event_id(&event.event_id);
    let sent = session
        .send(Operation::GetTimelineEvent, request.send())
        .await;
    match sent {
        Ok(found) => Ok(match found.event {
            Some(event) => {
                token_in(&event.event_data).map_or(Beginning::Otherwise, Beginning::Token)
            }
            None => Beginning::Untold,
        }),
        Err(error) if error.class == ErrorClass::NotFound => Ok(Beginning::Untold),
        Err(error) => Err(error),
    }
}

/// The token in the data of the event with which a timeline begins.
fn token_in(data: &str) -> Option<String> {
    let data: serde_json::Value = serde_json::from_str(data).ok()?;
    let raw = &data["rawData"];
    let raw = match raw.as_str() {
        Some(text) => serde_json::from_str(text).ok()?,
        None => raw.clone(),
    };
    raw["token"].as_str().map(str::to_owned)
}

/// GetIncidentRecord. `None` = AWS has none.
pub async fn get(session: &Session, arn: &str) -> Result<Option<Record>, CallError> {
    let request = session.incidents().get_incident_record().arn(arn);
    let found = match session
        .send(Operation::GetIncidentRecord, request.send())
        .await
    {
        Ok(found) => found.incident_record,
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(found.and_then(|record| {
        Some(Record {
            title: record.title,
            impact: Impact::from_number(record.impact),
            open: record.status == types::IncidentRecordStatus::Open,
            created: timestamp(&record.creation_time)?,
            resolved: record.resolved_time.as_ref().and_then(timestamp),
            source: record
                .incident_record_source
                .map(|s| s.source)
                .unwrap_or_default(),
            automation: record
                .automation_executions
                .into_iter()
                .flatten()
                .filter_map(|run| run.as_ssm_execution_arn().ok().cloned())
                .collect(),
        })
    }))
}

/// UpdateIncidentRecord. What is `None` stays.
pub async fn update(
    session: &Session,
    arn: &str,
    title: Option<&str>,
    impact: Option<Impact>,
    resolve: bool,
) -> Result<(), CallError> {
    let request = session
        .incidents()
        .update_incident_record()
        .arn(arn)
        .set_title(title.map(str::to_owned))
        .set_impact(impact.map(Impact::number))
        .set_status(resolve.then_some(types::IncidentRecordStatus::Resolved));
    session
        .send(Operation::UpdateIncidentRecord, request.send())
        .await?;
    Ok(())
}

/// ListRelatedItems.
pub async fn items(session: &Session, arn: &str) -> Result<Vec<Item>, CallError> {
    let mut all = vec![];
    let mut next = None;
    loop {
        let request = session
            .incidents()
            .list_related_items()
            .incident_record_arn(arn)
            .max_results(100)
            .set_next_token(next);
        let page = session
            .send(Operation::ListRelatedItems, request.send())
            .await?;
        all.extend(page.related_items.into_iter().filter_map(item_from));
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// UpdateRelatedItems: one comes.
pub async fn add_item(session: &Session, arn: &str, item: &Item) -> Result<(), CallError> {
    let Some(item) = item_to(item) else {
        return Ok(());
    };
    update_items(session, arn, types::RelatedItemsUpdate::ItemToAdd(item)).await
}

/// UpdateRelatedItems: one goes.
pub async fn remove_item(session: &Session, arn: &str, item: &Item) -> Result<(), CallError> {
    let Some(identifier) = item_to(item).and_then(|i| i.identifier) else {
        return Ok(());
    };
    update_items(
        session,
        arn,
        types::RelatedItemsUpdate::ItemToRemove(identifier),
    )
    .await
}

async fn update_items(
    session: &Session,
    arn: &str,
    update: types::RelatedItemsUpdate,
) -> Result<(), CallError> {
    let request = session
        .incidents()
        .update_related_items()
        .incident_record_arn(arn)
        .related_items_update(update);
    session
        .send(Operation::UpdateRelatedItems, request.send())
        .await?;
    Ok(())
}

/// The newest events of the timeline, the newest first.
pub async fn events(
    session: &Session,
    arn: &str,
    most: usize,
) -> Result<Vec<(jiff::Timestamp, String)>, CallError> {
    let request = session
        .incidents()
        .list_timeline_events()
        .incident_record_arn(arn)
        .sort_by(types::TimelineEventSort::EventTime)
        .sort_order(types::SortOrder::Descending)
        .max_results(i32::try_from(most).unwrap_or(i32::MAX));
    let page = session
        .send(Operation::ListTimelineEvents, request.send())
        .await?;
    let events = page.event_summaries.into_iter();
    Ok(events
        .filter_map(|e| Some((timestamp(&e.event_time)?, e.event_type)))
        .take(most)
        .collect())
}

/// The first page of an incident's findings, read.
pub async fn findings(session: &Session, arn: &str) -> Result<Vec<Finding>, CallError> {
    let request = session
        .incidents()
        .list_incident_findings()
        .incident_record_arn(arn)
        .max_results(FINDINGS);
    let page = session
        .send(Operation::ListIncidentFindings, request.send())
        .await?;
    let ids: Vec<String> = page.findings.into_iter().map(|f| f.id).collect();
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let request = session
        .incidents()
        .batch_get_incident_findings()
        .incident_record_arn(arn)
        .set_finding_ids(Some(ids));
    let read = session
        .send(Operation::BatchGetIncidentFindings, request.send())
        .await?;
    Ok(read.findings.into_iter().map(finding_from).collect())
}

fn finding_from(finding: types::Finding) -> Finding {
    let (type_, arn, started, ended) = match finding.details {
        Some(types::FindingDetails::CloudFormationStackUpdate(update)) => (
            "CloudFormationStackUpdate",
            Some(update.stack_arn),
            timestamp(&update.start_time),
            update.end_time.as_ref().and_then(timestamp),
        ),
        Some(types::FindingDetails::CodeDeployDeployment(deployment)) => (
            "CodeDeployDeployment",
            Some(deployment.deployment_group_arn),
            timestamp(&deployment.start_time),
            deployment.end_time.as_ref().and_then(timestamp),
        ),
        _ => ("Unknown", None, None, None),
    };
    Finding {
        id: finding.id,
        type_,
        arn,
        started,
        ended,
    }
}

/// `None` = it is of a kind that nobody can ask for.
fn item_to(item: &Item) -> Option<types::RelatedItem> {
    let value = match &item.target {
        Target::Url(url) => types::ItemValue::Url(url.clone()),
        Target::Arn(arn) => types::ItemValue::Arn(arn.clone()),
        Target::Metric(metric) => types::ItemValue::MetricDefinition(metric.clone()),
        Target::Other => return None,
    };
    let identifier = types::ItemIdentifier::builder()
        .r#type(types::ItemType::from(item.type_.as_str()))
        .value(value)
        .build()
        .ok()?;
    Some(
        types::RelatedItem::builder()
            .identifier(identifier)
            .title(&item.title)
            .build(),
    )
}

fn item_from(item: types::RelatedItem) -> Option<Item> {
    let identifier = item.identifier?;
    Some(Item {
        title: item.title.unwrap_or_default(),
        type_: identifier.r#type.as_str().to_owned(),
        target: match identifier.value {
            Some(types::ItemValue::Url(url)) => Target::Url(url),
            Some(types::ItemValue::Arn(arn)) => Target::Arn(arn),
            Some(types::ItemValue::MetricDefinition(metric)) => Target::Metric(metric),
            _ => Target::Other,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_the_first_event_whichever_way_its_data_is_written() {
        let raw = r#"{"object":"Incident/n/a","token":"t"}"#;
        let as_text = serde_json::json!({"rawData": raw, "source": SOURCE}).to_string();
        assert_eq!(token_in(&as_text).as_deref(), Some("t"));
        let as_object = format!(r#"{{"rawData":{raw}}}"#);
        assert_eq!(token_in(&as_object).as_deref(), Some("t"));
        for other in [
            "",
            "{}",
            r#"{"rawData":"no JSON"}"#,
            r#"{"rawData":"{}"}"#,
            r#"{"rawData":null}"#,
        ] {
            assert_eq!(token_in(other), None, "{other}");
        }
    }
}
