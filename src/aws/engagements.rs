//! Engagements and the pages that they send. It sends and decides nothing.

use aws_sdk_ssmcontacts::types;
use jiff::Timestamp;

use super::rotations::{date_time, timestamp};
use super::{CallError, ErrorClass, Operation, Session};

/// An engagement as lists have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engagement {
    /// ARN.
    pub arn: String,
    /// The person, schedule or escalation plan.
    pub contact: String,
    /// Who has started it.
    pub sender: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it was stopped.
    pub stopped: Option<Timestamp>,
}

/// A page to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The person.
    pub contact: String,
    /// When it was sent.
    pub sent: Option<Timestamp>,
    /// When it arrived.
    pub delivered: Option<Timestamp>,
    /// When it was acknowledged.
    pub acknowledged: Option<Timestamp>,
}

/// What an engagement is started with.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The person, schedule or escalation plan.
    pub contact: &'a str,
    /// Who starts it.
    pub sender: &'a str,
    /// Subject.
    pub subject: &'a str,
    /// Text.
    pub content: &'a str,
    /// Makes it idempotent.
    pub token: &'a str,
}

/// ListEngagements: those of an incident.
pub async fn of_incident(session: &Session, incident: &str) -> Result<Vec<Engagement>, CallError> {
    list(session, Some(incident), None).await
}

/// ListEngagements: those that began between two times.
pub async fn between(
    session: &Session,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Engagement>, CallError> {
    let range = types::TimeRange::builder()
        .start_time(date_time(from))
        .end_time(date_time(to))
        .build();
    list(session, None, Some(range)).await
}

async fn list(
    session: &Session,
    incident: Option<&str>,
    range: Option<types::TimeRange>,
) -> Result<Vec<Engagement>, CallError> {
    let mut all = vec![];
    let mut next = None;
    loop {
        let request = session
            .contacts()
            .list_engagements()
            .set_incident_id(incident.map(str::to_owned))
            .set_time_range_value(range.clone())
            .set_next_token(next);
        let page = session
            .send(Operation::ListEngagements, request.send())
            .await?;
        all.extend(page.engagements.into_iter().map(|one| Engagement {
            arn: one.engagement_arn,
            contact: one.contact_arn,
            sender: one.sender,
            started: one.start_time.as_ref().and_then(timestamp),
            stopped: one.stop_time.as_ref().and_then(timestamp),
        }));
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// ListPagesByEngagement. `None` = AWS has no such engagement.
pub async fn pages(session: &Session, engagement: &str) -> Result<Option<Vec<Page>>, CallError> {
    let mut all = vec![];
    let mut next = None;
    loop {
        let request = session
            .contacts()
            .list_pages_by_engagement()
            .engagement_id(engagement)
            .set_next_token(next);
        let page = match session
            .send(Operation::ListPagesByEngagement, request.send())
            .await
        {
            Ok(page) => page,
            Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        all.extend(page.pages.into_iter().map(|one| Page {
            contact: one.contact_arn,
            sent: one.sent_time.as_ref().and_then(timestamp),
            delivered: one.delivery_time.as_ref().and_then(timestamp),
            acknowledged: one.read_time.as_ref().and_then(timestamp),
        }));
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            return Ok(Some(all));
        }
    }
}

/// StartEngagement. Pages people: called once for a request, never repeated. Answers with its ARN.
pub async fn start(session: &Session, start: Start<'_>) -> Result<String, CallError> {
    let request = session
        .contacts()
        .start_engagement()
        .contact_id(start.contact)
        .sender(start.sender)
        .subject(start.subject)
        .content(start.content)
        .public_subject(start.subject)
        .public_content(start.content)
        .idempotency_token(start.token);
    let output = session
        .send(Operation::StartEngagement, request.send())
        .await?;
    Ok(output.engagement_arn)
}

/// StopEngagement. One that is gone is fine.
pub async fn stop(session: &Session, engagement: &str, reason: &str) -> Result<(), CallError> {
    let request = session
        .contacts()
        .stop_engagement()
        .engagement_id(engagement)
        .reason(reason);
    match session
        .send(Operation::StopEngagement, request.send())
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if error.class == ErrorClass::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
