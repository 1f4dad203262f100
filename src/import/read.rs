//! Reads an account. The only file here that sends, and it writes nothing to AWS.

use std::collections::BTreeMap;

use aws_sdk_ssmcontacts::types;
use jiff::{SignedDuration, Timestamp};

use super::account::{
    Channel, Contact, Content, Override, ReplicationSet, ResponsePlan, Rotation, RotationFields,
    Stage, Target,
};
use crate::api::alternate_contact::AlternateContactType;
use crate::api::contact::ChannelType;
use crate::api::on_call_schedule::{
    CoverageWindow, DailyHandOff, DailyRecurrence, DayOfWeek, MonthlyHandOff, MonthlyRecurrence,
    Recurrence, RecurrenceType, WeeklyHandOff, WeeklyRecurrence,
};
use crate::aws::contacts::{self, ContactType};
use crate::aws::{CallError, ErrorClass, Operation, Session, incidents, rotations};
use crate::resources::{alternate_contact, replication_set, response_plan};
use crate::schedule::{self, Interval, RotationSettings, Weekday};

/// Overrides are made six months ahead at most; a little more catches all.
const OVERRIDES_AHEAD: SignedDuration = SignedDuration::from_hours(200 * 24);

/// ARNs of all contacts.
pub async fn list_contacts(session: &Session) -> Result<Vec<String>, CallError> {
    let mut all = vec![];
    let mut next = None;
    loop {
        let request = session.contacts().list_contacts().set_next_token(next);
        let page = session
            .send(Operation::ListContacts, request.send())
            .await?;
        let found = page.contacts.unwrap_or_default().into_iter();
        all.extend(found.map(|c| c.contact_arn));
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            all.sort();
            return Ok(all);
        }
    }
}

/// ARNs of all rotations.
pub async fn list_rotations(session: &Session) -> Result<Vec<String>, CallError> {
    let mut all = vec![];
    let mut next = None;
    loop {
        let request = session.contacts().list_rotations().set_next_token(next);
        let page = session
            .send(Operation::ListRotations, request.send())
            .await?;
        all.extend(page.rotations.into_iter().map(|r| r.rotation_arn));
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            all.sort();
            return Ok(all);
        }
    }
}

/// A contact with everything that belongs to it. `None` = it was deleted meanwhile.
pub async fn contact(session: &Session, arn: &str) -> Result<Option<Contact>, CallError> {
    let Some(found) = contacts::get(session, arn).await? else {
        return Ok(None);
    };
    let stages = || found.plan.stages().iter().map(stage).collect();
    let content = match found.type_ {
        ContactType::Person => Content::Person {
            stages: stages(),
            channels: channels(session, arn).await?,
        },
        ContactType::EscalationPlan => Content::EscalationPlan { stages: stages() },
        ContactType::Schedule => Content::Schedule {
            rotations: found.plan.rotation_ids().to_vec(),
        },
        ContactType::Unknown => Content::Unknown,
    };
    Ok(Some(Contact {
        tags: tags(session, arn).await?,
        arn: found.arn,
        alias: found.alias,
        display_name: found.display_name,
        content,
    }))
}

/// ARNs of all response plans.
pub async fn list_response_plans(session: &Session) -> Result<Vec<String>, CallError> {
    let mut all = vec![];
    let mut next = None;
    loop {
        let request = session
            .incidents()
            .list_response_plans()
            .max_results(100)
            .set_next_token(next);
        let page = session
            .send(Operation::ListResponsePlans, request.send())
            .await?;
        all.extend(page.response_plan_summaries.into_iter().map(|p| p.arn));
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            all.sort();
            return Ok(all);
        }
    }
}

/// A response plan. `None` = it was deleted meanwhile.
pub async fn response_plan(
    session: &Session,
    arn: &str,
) -> Result<Option<ResponsePlan>, CallError> {
    let Some(found) = response_plan::aws::get(session, arn).await? else {
        return Ok(None);
    };
    // Outside the replication set's first Region there are none to be had.
    let tags = match incidents::tags(session, arn).await {
        Err(error) if matches!(error.class, ErrorClass::Invalid | ErrorClass::NotFound) => {
            BTreeMap::new()
        }
        other => other?,
    };
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    let odd = found.not_understood.iter();
    Ok(Some(ResponsePlan {
        arn: found.arn,
        name,
        content: found.content,
        not_understood: odd.map(|field| (*field).to_owned()).collect(),
        tags,
    }))
}

/// The replication set. `None` = AWS lists none.
pub async fn replication_set(session: &Session) -> Result<Option<ReplicationSet>, CallError> {
    let Some(found) = replication_set::aws::observe(session).await? else {
        return Ok(None);
    };
    let region = &session.account.config.placement.region;
    let taggable = found.regions.get(region).is_some_and(|r| r.taggable);
    let tags = if taggable {
        incidents::tags(session, &found.arn).await?
    } else {
        BTreeMap::new()
    };
    let regions = found.regions.into_iter();
    Ok(Some(ReplicationSet {
        arn: found.arn,
        regions: regions.map(|(name, r)| (name, r.key)).collect(),
        protected: found.protected,
        tags,
        taggable,
    }))
}

/// The account's alternate contacts: one of each type at most.
pub async fn alternate_contacts(
    session: &Session,
) -> Result<Vec<alternate_contact::observed::Observed>, CallError> {
    let mut found = vec![];
    for type_ in AlternateContactType::ALL {
        let identity = alternate_contact::observed::Identity {
            account_id: session.account.config.placement.account_id.clone(),
            type_,
        };
        found.extend(alternate_contact::aws::observe(session, &identity).await?);
    }
    Ok(found)
}

/// A rotation with its tags, and its overrides from `now` on. `None` = it was deleted meanwhile.
pub async fn rotation(
    session: &Session,
    arn: &str,
    now: Timestamp,
) -> Result<Option<Rotation>, CallError> {
    let Some(found) = rotations::get(session, arn).await? else {
        return Ok(None);
    };
    let window = Interval::lasting(now, OVERRIDES_AHEAD);
    let overrides = rotations::overrides(session, arn, window).await?;
    Ok(Some(Rotation {
        tags: tags(session, arn).await?,
        arn: found.arn,
        name: found.name,
        members: found
            .settings
            .as_ref()
            .map(|s| s.members.clone())
            .unwrap_or_default(),
        spec: found.settings.map(fields),
        overrides: overrides
            .unwrap_or_default()
            .into_iter()
            .map(|found| Override {
                id: found.id,
                start: found.start,
                end: found.end,
                members: found.members,
            })
            .collect(),
    }))
}

/// Outside the replication set's first Region there are none to be had.
async fn tags(session: &Session, arn: &str) -> Result<BTreeMap<String, String>, CallError> {
    match contacts::tags(session, arn).await {
        Err(error) if matches!(error.class, ErrorClass::Invalid | ErrorClass::NotFound) => {
            Ok(BTreeMap::new())
        }
        other => other,
    }
}

async fn channels(session: &Session, arn: &str) -> Result<Vec<Channel>, CallError> {
    let mut all = vec![];
    let mut next = None;
    loop {
        let request = session
            .contacts()
            .list_contact_channels()
            .contact_id(arn)
            .set_next_token(next);
        let page = match session
            .send(Operation::ListContactChannels, request.send())
            .await
        {
            Ok(page) => page,
            Err(error) if error.class == ErrorClass::NotFound => return Ok(all),
            Err(error) => return Err(error),
        };
        all.extend(page.contact_channels.into_iter().map(|channel| {
            Channel {
                arn: channel.contact_channel_arn,
                name: channel.name,
                type_: match channel.r#type {
                    Some(types::ChannelType::Email) => Some(ChannelType::Email),
                    Some(types::ChannelType::Sms) => Some(ChannelType::SMS),
                    Some(types::ChannelType::Voice) => Some(ChannelType::Voice),
                    _ => None,
                },
                address: channel
                    .delivery_address
                    .and_then(|a| a.simple_address)
                    .unwrap_or_default(),
            }
        }));
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            // Lists come in no particular order.
            all.sort_by(|a, b| (&a.name, &a.arn).cmp(&(&b.name, &b.arn)));
            return Ok(all);
        }
    }
}

fn stage(stage: &types::Stage) -> Stage {
    let targets = stage.targets.iter();
    Stage {
        duration: stage.duration_in_minutes,
        targets: targets
            .map(|t| match (&t.channel_target_info, &t.contact_target_info) {
                (Some(channel), None) => Target::Channel {
                    arn: channel.contact_channel_id.clone(),
                    retry: channel.retry_interval_in_minutes,
                },
                (None, Some(contact)) => Target::Contact {
                    arn: contact.contact_id.clone(),
                    essential: contact.is_essential,
                },
                _ => Target::Unknown,
            })
            .collect(),
    }
}

/// The fields of a rotation in the words of a manifest.
fn fields(settings: RotationSettings<String>) -> RotationFields {
    let mut recurrence = Recurrence {
        type_: RecurrenceType::Daily,
        daily: None,
        weekly: None,
        monthly: None,
        shift_length: i32::try_from(settings.shift_length)
            .ok()
            .filter(|n| *n != 1),
        number_of_on_calls: i32::try_from(settings.number_on_call)
            .ok()
            .filter(|n| *n != 1),
    };
    match &settings.recurrence {
        schedule::Recurrence::Daily(times) => {
            let hand_offs = times.iter().map(|t| DailyHandOff {
                time: t.to_string(),
            });
            recurrence.daily = Some(DailyRecurrence {
                hand_offs: hand_offs.collect(),
            });
        }
        schedule::Recurrence::Weekly(times) => {
            recurrence.type_ = RecurrenceType::Weekly;
            let hand_offs = times.iter().map(|(day, time)| WeeklyHandOff {
                day: day_of_week(*day),
                time: time.to_string(),
            });
            recurrence.weekly = Some(WeeklyRecurrence {
                hand_offs: hand_offs.collect(),
            });
        }
        schedule::Recurrence::Monthly(times) => {
            recurrence.type_ = RecurrenceType::Monthly;
            let hand_offs = times.iter().map(|(day, time)| MonthlyHandOff {
                day_of_month: i32::from(*day),
                time: time.to_string(),
            });
            recurrence.monthly = Some(MonthlyRecurrence {
                hand_offs: hand_offs.collect(),
            });
        }
    }
    RotationFields {
        start_time: whole_seconds(settings.start).to_string(),
        coverage: coverage(&settings),
        time_zone: settings.zone,
        recurrence,
    }
}

/// A manifest counts in them.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Windows of the same hours are one entry with all their days.
fn coverage(settings: &RotationSettings<String>) -> Option<Vec<CoverageWindow>> {
    let mut by_hours: BTreeMap<(String, String), Vec<DayOfWeek>> = BTreeMap::new();
    for window in &settings.coverage {
        let days = by_hours
            .entry((window.start.to_string(), window.end.to_string()))
            .or_default();
        let day = day_of_week(window.day);
        if !days.contains(&day) {
            days.push(day);
        }
    }
    let windows: Vec<CoverageWindow> = by_hours
        .into_iter()
        .map(|((start, end), mut days)| {
            days.sort();
            CoverageWindow { days, start, end }
        })
        .collect();
    (!windows.is_empty()).then_some(windows)
}

fn day_of_week(day: Weekday) -> DayOfWeek {
    match day {
        Weekday::Monday => DayOfWeek::Mon,
        Weekday::Tuesday => DayOfWeek::Tue,
        Weekday::Wednesday => DayOfWeek::Wed,
        Weekday::Thursday => DayOfWeek::Thu,
        Weekday::Friday => DayOfWeek::Fri,
        Weekday::Saturday => DayOfWeek::Sat,
        Weekday::Sunday => DayOfWeek::Sun,
    }
}
