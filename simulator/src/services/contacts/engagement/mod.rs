//! Engagements: who is paged, one stage after the other, until somebody essential answers.

mod calls;
mod course;
mod page_calls;
pub mod state;
pub mod view;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Millis;
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::state::Account;
use crate::world::Circumstances;

use super::arn::{beside, parse};
use super::errors::{self, CONTACT, ENGAGEMENT};
use super::plan;
use super::state::RegionContacts;
use state::{Answer, Due, Engagement, ReceiptKind};
use view::View;

pub(super) use calls::{describe, list, start as start_call, stop as stop_call};
pub(super) use page_calls::{
    accept, describe as describe_page, list_by_contact, list_by_engagement, receipts, resolutions,
};

/// What an engagement is started with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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

/// Starts an engagement in the Region of its contact, and gives its ARN. Who is engaged at once is paged at once.
pub fn start(
    account: &mut Account,
    at: &Circumstances<'_>,
    start: &Start,
) -> Result<String, AwsError> {
    let parsed = parse(&start.contact_arn)
        .filter(|parsed| parsed.kind == "contact" && parsed.account == account.id)
        .ok_or_else(|| errors::invalid_arn(&start.contact_arn))?;
    let region = account.region(parsed.region);
    let contact = region
        .contacts
        .get(parsed.rest)
        .ok_or_else(|| errors::not_found(CONTACT, &start.contact_arn))?;
    if !plan::engages(&contact.plan) && at.knobs.is(Knob::EngagementWithoutPlan, "refuse") {
        return Err(errors::invalid(format!(
            "{} has no engagement plan",
            contact.alias
        )));
    }
    let mut engagement = Engagement::new(start.clone(), at.now);
    course::begin(&mut engagement, region, at);
    let arn = engagement.arn();
    region.engagements.insert(engagement.id.clone(), engagement);
    // Stages without a duration, and what follows them.
    settle_region(region, at);
    Ok(arn)
}

/// Stops an engagement; one that has been stopped before stays as it is.
pub fn stop(
    account: &mut Account,
    at: &Circumstances<'_>,
    engagement_arn: &str,
    reason: Option<&str>,
) -> Result<(), AwsError> {
    let engagement = parse(engagement_arn)
        .filter(|parsed| parsed.kind == "engagement")
        .and_then(|parsed| {
            let id = parsed.rest.rsplit('/').next()?;
            account.region(parsed.region).engagements.get_mut(id)
        })
        .filter(|engagement| engagement.arn() == engagement_arn)
        .ok_or_else(|| errors::not_found(ENGAGEMENT, engagement_arn))?;
    course::stop(engagement, at.now, reason);
    Ok(())
}

/// Stops every engagement of an incident.
pub fn stop_of_incident(account: &mut Account, at: &Circumstances<'_>, incident_arn: &str) {
    for region in account.contacts.values_mut() {
        for engagement in region.engagements.values_mut() {
            if engagement.start.incident_id.as_deref() == Some(incident_arn) {
                course::stop(engagement, at.now, None);
            }
        }
    }
}

/// What happened in the engagements of an incident so far, in order.
pub fn events_of(account: &Account, incident_arn: &str) -> Vec<Event> {
    let mut events: Vec<Event> = account
        .contacts
        .values()
        .flat_map(|region| region.engagements.values())
        .filter(|engagement| engagement.start.incident_id.as_deref() == Some(incident_arn))
        .flat_map(Engagement::views)
        .flat_map(|view| {
            let event = |kind, time: Option<Millis>| {
                Some(Event {
                    time: time?,
                    kind,
                    data: json!({
                        "contactArn": view.page.contact_arn,
                        "engagementArn": view.engagement.arn(),
                    }),
                })
            };
            [
                event(
                    "SSM Contacts Page for Incident",
                    view.first(ReceiptKind::Sent),
                ),
                event(
                    "SSM Contacts Page Acknowledgement for Incident",
                    view.first(ReceiptKind::Read),
                ),
            ]
        })
        .flatten()
        .collect();
    events.sort_by_key(|event| event.time);
    events
}

/// Lets everything happen that was to happen by now, as the contacts, plans and rotations are. True if anything did.
pub fn settle(account: &mut Account, at: &Circumstances<'_>) -> bool {
    let mut changed = false;
    for region in account.contacts.values_mut() {
        changed |= settle_region(region, at);
    }
    changed
}

fn settle_region(region: &mut RegionContacts, at: &Circumstances<'_>) -> bool {
    let next = |engagements: &std::collections::BTreeMap<String, Engagement>| {
        engagements
            .values()
            .filter_map(|engagement| Some((engagement.due()?, engagement.id.clone())))
            .min()
            .filter(|(due, _)| *due <= at.now)
    };
    let mut upcoming = next(&region.engagements);
    if upcoming.is_none() {
        return false;
    }
    let mut engagements = std::mem::take(&mut region.engagements);
    while let Some((_, id)) = upcoming {
        if let Some(engagement) = engagements.get_mut(&id) {
            course::proceed(engagement, region, at);
        }
        upcoming = next(&engagements);
    }
    region.engagements = engagements;
    true
}

impl Engagement {
    /// Its ARN.
    pub fn arn(&self) -> String {
        beside(&self.start.contact_arn, "engagement", &self.id)
    }
}

/// The page an ARN names.
pub(super) fn page_at<'a>(region: &'a RegionContacts, arn: &str) -> Option<View<'a>> {
    let id = arn.rsplit('/').next();
    let mut views = region.engagements.values().flat_map(Engagement::views);
    views.find(|view| Some(view.id()) == id && view.arn() == arn)
}

/// All pages of an account, in the order of their numbers.
pub fn pages(account: &Account) -> Vec<View<'_>> {
    let mut pages: Vec<_> = account
        .contacts
        .values()
        .flat_map(|region| region.engagements.values())
        .flat_map(Engagement::views)
        .collect();
    pages.sort_by_key(View::seq);
    pages
}

/// Why a human cannot answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// There is no such page.
    Unknown,
    /// The page was not out yet.
    TooEarly,
    /// Things have happened since.
    TooLate,
}

/// A human answers a page by phone or text: now, or at a time to come, or at one since which nothing has happened.
pub fn answer(
    account: &mut Account,
    at: &Circumstances<'_>,
    page_arn: &str,
    answered: Millis,
) -> Result<(), NoAnswer> {
    let then = Circumstances {
        now: answered.min(at.now),
        ..*at
    };
    settle(account, &then);
    let region = parse(page_arn)
        .filter(|parsed| parsed.kind == "page")
        .and_then(|parsed| account.contacts.get_mut(parsed.region))
        .ok_or(NoAnswer::Unknown)?;
    let view = page_at(region, page_arn).ok_or(NoAnswer::Unknown)?;
    if answered < view.created() {
        return Err(NoAnswer::TooEarly);
    }
    if view.first(ReceiptKind::Read).is_some() {
        return Ok(());
    }
    if answered < view.engagement.last.min(at.now) {
        return Err(NoAnswer::TooLate);
    }
    let (id, page) = (view.engagement.id.clone(), view.index);
    let answer = view.answer(None, None);
    if answered > at.now {
        if let Some(engagement) = region.engagements.get_mut(&id) {
            engagement.plan(answered, Due::Answer { page, answer });
        }
        return Ok(());
    }
    acknowledge(region, &then, &id, page, answer);
    Ok(())
}

fn acknowledge(
    region: &mut RegionContacts,
    at: &Circumstances<'_>,
    engagement: &str,
    page: usize,
    answer: Answer,
) {
    if let Some(mut engagement) = region.engagements.remove(engagement) {
        course::read(&mut engagement, region, at, page, answer);
        region.engagements.insert(engagement.id.clone(), engagement);
    }
}
