//! How an engagement goes on: what happens at one moment, by the contacts, plans and rotations as they are then.

use rand::Rng as _;
use serde_json::Value;

use crate::clock::Millis;
use crate::knobs::Knob;
use crate::services::contacts::arn::{channel_at, parse};
use crate::services::contacts::shifts;
use crate::services::contacts::state::{Contact, RegionContacts};
use crate::world::Circumstances;

use super::state::{
    Answer, Attempt, Due, Engagement, Page, Part, Planned, Receipt, ReceiptKind, Step,
};

const MINUTE: Millis = 60_000;
const DELIVERY: Millis = 1000;

/// One moment of an engagement.
pub(super) struct Course<'a> {
    engagement: &'a mut Engagement,
    region: &'a RegionContacts,
    circumstances: &'a Circumstances<'a>,
    at: Millis,
}

/// The engagement begins.
pub(super) fn begin(
    engagement: &mut Engagement,
    region: &RegionContacts,
    circumstances: &Circumstances<'_>,
) {
    let at = engagement.started;
    let arn = engagement.start.contact_arn.clone();
    let mut course = Course::new(engagement, region, circumstances, at);
    match course.contact(&arn).map(|contact| contact.kind.as_str()) {
        Some("ESCALATION") => course.stage(0),
        Some(_) => course.engage(&arn, false, Vec::new(), None),
        None => {}
    }
    course.end();
}

/// What is due next happens.
pub(super) fn proceed(
    engagement: &mut Engagement,
    region: &RegionContacts,
    circumstances: &Circumstances<'_>,
) {
    if engagement.agenda.is_empty() {
        return;
    }
    let Planned { at, what } = engagement.agenda.remove(0);
    let mut course = Course::new(engagement, region, circumstances, at);
    match what {
        Due::Stage(stage) => course.stage(stage),
        Due::Channels { page, stage } => course.channels(page, stage),
        Due::Retry { page, attempt } => course.send(page, attempt),
        Due::Delivery { page, channel } => course.delivered(page, channel, None),
        Due::Answer { page, answer } => course.read(page, answer),
    }
    course.end();
}

/// Somebody acknowledges a page.
pub(super) fn read(
    engagement: &mut Engagement,
    region: &RegionContacts,
    circumstances: &Circumstances<'_>,
    page: usize,
    answer: Answer,
) {
    let mut course = Course::new(engagement, region, circumstances, circumstances.now);
    course.read(page, answer);
    course.end();
}

/// Somebody says that a page has arrived.
pub(super) fn delivered(
    engagement: &mut Engagement,
    region: &RegionContacts,
    circumstances: &Circumstances<'_>,
    page: usize,
    answer: Answer,
) {
    let mut course = Course::new(engagement, region, circumstances, circumstances.now);
    let used = course.channel_of(page, answer.channel);
    if let (Some(channel), _) = used {
        course.delivered(page, channel, answer.info);
    }
    course.end();
}

/// Nothing more is to come of it but late answers.
pub(super) fn stop(engagement: &mut Engagement, now: Millis, reason: Option<&str>) {
    if engagement.stopped.is_some() {
        return;
    }
    engagement.stopped = Some(now);
    engagement.last = now;
    engagement
        .agenda
        .retain(|planned| matches!(planned.what, Due::Answer { .. }));
    for page in &mut engagement.pages {
        if page.read().is_none() {
            page.receipts.push(Receipt {
                kind: ReceiptKind::Stop,
                at: now,
                channel: None,
                channel_kind: None,
                info: reason
                    .filter(|reason| !reason.is_empty())
                    .map(str::to_owned),
            });
        }
    }
}

fn a_code() -> String {
    format!("{:06}", rand::rng().random_range(0..1_000_000))
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn minutes(value: &Value, name: &str) -> Millis {
    value[name].as_i64().unwrap_or_default() * MINUTE
}

impl<'a> Course<'a> {
    fn new(
        engagement: &'a mut Engagement,
        region: &'a RegionContacts,
        circumstances: &'a Circumstances<'a>,
        at: Millis,
    ) -> Self {
        engagement.last = engagement.last.max(at);
        Self {
            engagement,
            region,
            circumstances,
            at,
        }
    }

    /// Notes when nothing is left to do.
    fn end(self) {
        let answers_only = self
            .engagement
            .agenda
            .iter()
            .all(|planned| matches!(planned.what, Due::Answer { .. }));
        if answers_only {
            self.engagement.over.get_or_insert(self.at);
        }
    }

    /// The contact, if it is still there.
    fn contact(&self, arn: &str) -> Option<&'a Contact> {
        let parsed = parse(arn).filter(|parsed| parsed.kind == "contact")?;
        let own = parse(&self.engagement.start.contact_arn)?;
        let here = parsed.region == own.region && parsed.account == own.account;
        self.region.contacts.get(parsed.rest).filter(|_| here)
    }

    /// A stage of the escalation plan.
    fn stage(&mut self, index: usize) {
        let arn = self.engagement.start.contact_arn.clone();
        let Some(escalation) = self.contact(&arn) else {
            return;
        };
        let Some(stage) = items(&escalation.plan, "Stages").get(index) else {
            return;
        };
        let next = self.at + minutes(stage, "DurationInMinutes");
        self.engagement.plan(next, Due::Stage(index + 1));
        let first = Step {
            contact_arn: arn,
            kind: escalation.kind.clone(),
            stage: None,
        };
        for target in items(stage, "Targets") {
            let target = &target["ContactTargetInfo"];
            if let Some(contact) = target["ContactId"].as_str() {
                let essential = target["IsEssential"] == true;
                self.engage(contact, essential, vec![first.clone()], Some(index));
            }
        }
    }

    /// A person is engaged, or everybody on shift.
    fn engage(&mut self, arn: &str, essential: bool, mut path: Vec<Step>, stage: Option<usize>) {
        let Some(contact) = self.contact(arn) else {
            return;
        };
        path.push(Step {
            contact_arn: arn.to_owned(),
            kind: contact.kind.clone(),
            stage,
        });
        match contact.kind.as_str() {
            "PERSONAL" => self.person(arn, essential, path),
            "ONCALL_SCHEDULE" => {
                for person in self.on_shift(contact) {
                    if self
                        .contact(&person)
                        .is_some_and(|contact| contact.kind == "PERSONAL")
                    {
                        self.engage(&person, essential, path.clone(), stage);
                    }
                }
            }
            _ => {}
        }
    }

    /// Everybody on shift, in the order of rotations.
    fn on_shift(&self, schedule: &Contact) -> Vec<String> {
        let mut people = Vec::new();
        let rotations = items(&schedule.plan, "RotationIds").iter();
        for rotation in rotations
            .filter_map(|arn| parse(arn.as_str()?))
            .filter_map(|parsed| self.region.rotations.get(parsed.rest))
        {
            for person in shifts::on_shift(rotation, self.at) {
                if !people.contains(&person) {
                    people.push(person);
                }
            }
        }
        people
    }

    fn person(&mut self, arn: &str, essential: bool, path: Vec<Step>) {
        let pages = &mut self.engagement.pages;
        let known = pages.iter().position(|page| page.contact_arn == arn);
        let index = known.unwrap_or(pages.len());
        if known.is_none() {
            pages.push(Page {
                seq: self.circumstances.world.next_page(),
                id: uuid::Uuid::new_v4().to_string(),
                contact_arn: arn.to_owned(),
                created: self.at,
                engaged: self.at,
                code: a_code(),
                essential,
                path,
                receipts: Vec::new(),
                by_channel: self.circumstances.knobs.is(Knob::PagePer, "channel"),
                parts: Vec::new(),
            });
        } else {
            let page = &mut pages[index];
            page.essential |= essential;
            if page.read().is_some() {
                if page.essential {
                    self.halt();
                }
                return;
            }
            if page.engaged == self.at {
                return;
            }
            page.engaged = self.at;
            self.quiet(index, false);
        }
        self.channels(index, 0);
    }

    /// A stage of a person's engagement plan.
    fn channels(&mut self, page: usize, index: usize) {
        let arn = &self.engagement.pages[page].contact_arn;
        let contact = self.contact(arn);
        let stages = contact.map_or(&[][..], |contact| items(&contact.plan, "Stages"));
        let Some(stage) = stages.get(index) else {
            self.conclude(page);
            return;
        };
        let until = self.at + minutes(stage, "DurationInMinutes");
        for target in items(stage, "Targets") {
            let target = &target["ChannelTargetInfo"];
            if let Some(channel) = target["ContactChannelId"].as_str() {
                let attempt = Attempt {
                    channel: channel.to_owned(),
                    every: minutes(target, "RetryIntervalInMinutes"),
                    until,
                };
                self.send(page, attempt);
            }
        }
        if index + 1 == stages.len() {
            self.conclude(page);
        }
        if index + 1 < stages.len() || until > self.at {
            let next = Due::Channels {
                page,
                stage: index + 1,
            };
            self.engagement.plan(until, next);
        }
    }

    /// After the last stage of a person's plan has begun: was there anything to reach them by?
    fn conclude(&mut self, page: usize) {
        let page = &mut self.engagement.pages[page];
        let tried = page.receipts.iter().any(|each| {
            each.at >= page.engaged && matches!(each.kind, ReceiptKind::Sent | ReceiptKind::Error)
        });
        if !tried {
            page.receipts.push(Receipt {
                kind: ReceiptKind::Error,
                at: self.at,
                channel: None,
                channel_kind: None,
                info: Some("No contact channel could be engaged.".to_owned()),
            });
        }
    }

    fn send(&mut self, page: usize, attempt: Attempt) {
        let Some(channel) = parse(&attempt.channel)
            .and_then(|parsed| channel_at(self.region, parsed.rest))
            .filter(|channel| channel.activated)
        else {
            return;
        };
        let whole = &mut self.engagement.pages[page];
        let shown = whole
            .parts
            .iter()
            .any(|part| part.channel == attempt.channel);
        if whole.by_channel && !shown {
            whole.parts.push(Part {
                seq: self.circumstances.world.next_page(),
                id: uuid::Uuid::new_v4().to_string(),
                code: a_code(),
                channel: attempt.channel.clone(),
            });
        }
        whole.receipts.push(Receipt {
            kind: ReceiptKind::Sent,
            at: self.at,
            channel: Some(attempt.channel.clone()),
            channel_kind: Some(channel.kind.clone()),
            info: Some(format!("SM{}", uuid::Uuid::new_v4().simple())),
        });
        if self.delivers("delivered") {
            let channel = attempt.channel.clone();
            let arrival = Due::Delivery { page, channel };
            self.engagement.plan(self.at + DELIVERY, arrival);
        }
        let next = self.at + attempt.every;
        if next > self.at && next < attempt.until {
            self.engagement.plan(next, Due::Retry { page, attempt });
        }
    }

    fn delivers(&self, how: &str) -> bool {
        self.circumstances.knobs.is(Knob::PageDelivery, how)
    }

    /// The channel named, or the one used last, with its type.
    fn channel_of(&self, page: usize, named: Option<String>) -> (Option<String>, Option<String>) {
        let page = &self.engagement.pages[page];
        let kind = |arn: &str| {
            let parsed = parse(arn)?;
            Some(channel_at(self.region, parsed.rest)?.kind.clone())
        };
        match named {
            Some(arn) => {
                let kind = kind(&arn);
                (Some(arn), kind)
            }
            None => page.last_used().map_or((None, None), |used| {
                (used.channel.clone(), used.channel_kind.clone())
            }),
        }
    }

    fn delivered(&mut self, page: usize, channel: String, info: Option<String>) {
        let (channel, channel_kind) = self.channel_of(page, Some(channel));
        self.engagement.pages[page].receipts.push(Receipt {
            kind: ReceiptKind::Delivered,
            at: self.at,
            channel,
            channel_kind,
            info,
        });
    }

    fn read(&mut self, index: usize, answer: Answer) {
        let page = &self.engagement.pages[index];
        if page.read().is_some() && !page.by_channel {
            return;
        }
        let again = page
            .receipts
            .iter()
            .any(|each| each.kind == ReceiptKind::Read && each.channel == answer.channel);
        if again {
            return;
        }
        let (channel, channel_kind) = self.channel_of(index, answer.channel);
        let noticed = self.delivers("on-read");
        let page = &mut self.engagement.pages[index];
        let mut receipt = Receipt {
            kind: ReceiptKind::Delivered,
            at: self.at,
            channel,
            channel_kind,
            info: answer.info,
        };
        let arrived = page.receipts.iter().any(|each| {
            each.kind == ReceiptKind::Delivered
                && (!page.by_channel || each.channel == receipt.channel)
        });
        if noticed && !arrived {
            page.receipts.push(receipt.clone());
        }
        receipt.kind = ReceiptKind::Read;
        page.receipts.push(receipt);
        let essential = page.essential;
        self.quiet(index, true);
        if essential {
            self.halt();
        }
    }

    /// Nothing more is sent to this person, and, if `arrivals`, nothing arrives any more.
    fn quiet(&mut self, index: usize, arrivals: bool) {
        self.engagement.agenda.retain(|planned| match planned.what {
            Due::Channels { page, .. } | Due::Retry { page, .. } => page != index,
            Due::Delivery { page, .. } => page != index || !arrivals,
            Due::Stage(_) | Due::Answer { .. } => true,
        });
    }

    /// The escalation goes no further.
    fn halt(&mut self) {
        self.engagement
            .agenda
            .retain(|planned| !matches!(planned.what, Due::Stage(_)));
    }
}
