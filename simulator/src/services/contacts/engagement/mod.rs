//! Engagements: who is paged, one stage after the other, until somebody essential answers.

use serde_json::Value;

use crate::clock::Millis;
use crate::error::AwsError;
use crate::state::Account;
use crate::world::Circumstances;

use super::arn::{beside, parse};
use super::errors::{self, CONTACT};

/// What an engagement is started with.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The person, schedule or escalation plan.
    pub contact_arn: String,
    /// The incident it is part of.
    pub incident_id: Option<String>,
    /// Who started it.
    pub sender: String,
    /// For voice and mail.
    pub subject: String,
    /// For voice and mail.
    pub content: String,
    /// For SMS.
    pub public_subject: Option<String>,
    /// For SMS.
    pub public_content: Option<String>,
}

/// What happened in the engagements of an incident, as its timeline has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub time: Millis,
    /// The event type of the timeline: `SSM Contacts Page for Incident` or `SSM Contacts Page Acknowledgement for Incident`.
    pub kind: &'static str,
    /// The event data: `contactArn` and `engagementArn`.
    pub data: Value,
}

/// Starts an engagement in the Region of its contact, and gives its ARN.
pub fn start(
    account: &mut Account,
    _at: &Circumstances<'_>,
    start: &Start,
) -> Result<String, AwsError> {
    let parsed = parse(&start.contact_arn)
        .filter(|parsed| parsed.kind == "contact" && parsed.account == account.id)
        .ok_or_else(|| errors::invalid_arn(&start.contact_arn))?;
    if !account
        .region(parsed.region)
        .contacts
        .contains_key(parsed.rest)
    {
        return Err(errors::not_found(CONTACT, &start.contact_arn));
    }
    let id = uuid::Uuid::new_v4().to_string();
    Ok(beside(&start.contact_arn, "engagement", &id))
}

/// Stops every engagement of an incident that is under way.
pub fn stop_of_incident(_account: &mut Account, _at: &Circumstances<'_>, _incident_arn: &str) {}

/// What happened in the engagements of an incident so far, in order.
pub fn events_of(_account: &Account, _incident_arn: &str) -> Vec<Event> {
    Vec::new()
}
