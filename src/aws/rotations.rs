//! Reads and writes rotations and their overrides. It sends and decides nothing.

use aws_sdk_ssmcontacts::primitives::DateTime;
use aws_sdk_ssmcontacts::types;
use jiff::Timestamp;

use super::{CallError, ErrorClass, Operation, Session};
use crate::schedule::{
    CoverageWindow, Interval, Override, Recurrence, RotationSettings, TimeOfDay, Weekday,
};

/// Lists and overrides show so many people at most, although there may be more.
pub const SHOWN: usize = 25;

/// A rotation as AWS has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Its fields, members by ARN; `None` when this version does not understand them.
    pub settings: Option<RotationSettings<String>>,
}

/// GetRotation. `None` = AWS has none.
pub async fn get(session: &Session, arn: &str) -> Result<Option<Found>, CallError> {
    let request = session.contacts().get_rotation().rotation_id(arn);
    let found = match session.send(Operation::GetRotation, request.send()).await {
        Ok(found) => found,
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let settings = found
        .recurrence
        .as_ref()
        .zip(timestamp(&found.start_time))
        .and_then(|(recurrence, start)| {
            settings(recurrence, found.contact_ids, start, found.time_zone_id)
        });
    Ok(Some(Found {
        arn: found.rotation_arn,
        name: found.name,
        settings,
    }))
}

/// ListRotationOverrides: those that overlap `window`, by start. `None` = AWS has no such rotation.
pub async fn overrides(
    session: &Session,
    arn: &str,
    window: Interval,
) -> Result<Option<Vec<Override<String>>>, CallError> {
    let mut all = vec![];
    let mut next = None;
    loop {
        let request = session
            .contacts()
            .list_rotation_overrides()
            .rotation_id(arn)
            .start_time(date_time(window.start))
            .end_time(date_time(window.end))
            .set_next_token(next);
        let page = match session
            .send(Operation::ListRotationOverrides, request.send())
            .await
        {
            Ok(page) => page,
            Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = page.rotation_overrides.unwrap_or_default().into_iter();
        all.extend(found.filter_map(|one| {
            Some(Override {
                id: one.rotation_override_id,
                start: timestamp(&one.start_time)?,
                end: timestamp(&one.end_time)?,
                members: one.new_contact_ids,
                created: timestamp(&one.create_time)?,
            })
        }));
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            return Ok(Some(all));
        }
    }
}

/// CreateRotationOverride: `people` are on call in `time`. Answers with its id.
pub async fn create_override(
    session: &Session,
    arn: &str,
    time: Interval,
    people: &[String],
    token: &str,
) -> Result<String, CallError> {
    let request = session
        .contacts()
        .create_rotation_override()
        .rotation_id(arn)
        .set_new_contact_ids(Some(people.to_vec()))
        .start_time(date_time(time.start))
        .end_time(date_time(time.end))
        .idempotency_token(token);
    let output = session
        .send(Operation::CreateRotationOverride, request.send())
        .await?;
    Ok(output.rotation_override_id)
}

/// DeleteRotationOverride. One that is gone already is fine.
pub async fn delete_override(session: &Session, arn: &str, id: &str) -> Result<(), CallError> {
    let request = session
        .contacts()
        .delete_rotation_override()
        .rotation_id(arn)
        .rotation_override_id(id);
    let sent = session
        .send(Operation::DeleteRotationOverride, request.send())
        .await;
    match sent {
        Ok(_) => Ok(()),
        Err(error) if error.class == ErrorClass::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// What the schedule engine reckons with. `None` when something in it is unknown to this version.
pub fn settings(
    recurrence: &types::RecurrenceSettings,
    members: Vec<String>,
    start: Timestamp,
    zone: String,
) -> Option<RotationSettings<String>> {
    let monthly = recurrence.monthly_settings();
    let weekly = recurrence.weekly_settings();
    let kinds = [
        monthly.is_empty(),
        weekly.is_empty(),
        recurrence.daily_settings().is_empty(),
    ];
    if kinds.iter().filter(|none| !**none).count() > 1 {
        return None;
    }
    let turns = if !monthly.is_empty() {
        let hand_offs = monthly.iter().map(|each| {
            let day = u8::try_from(each.day_of_month).ok()?;
            Some((day, time_of_day(each.hand_off_time.as_ref()?)?))
        });
        Recurrence::Monthly(hand_offs.collect::<Option<_>>()?)
    } else if !weekly.is_empty() {
        let hand_offs = weekly.iter().map(|each| {
            let day = weekday(&each.day_of_week)?;
            Some((day, time_of_day(each.hand_off_time.as_ref()?)?))
        });
        Recurrence::Weekly(hand_offs.collect::<Option<_>>()?)
    } else {
        let hand_offs = recurrence.daily_settings().iter().map(time_of_day);
        Recurrence::Daily(hand_offs.collect::<Option<_>>()?)
    };
    let mut coverage = vec![];
    for (day, windows) in recurrence.shift_coverages.iter().flatten() {
        let day = weekday(day)?;
        for window in windows {
            coverage.push(CoverageWindow {
                day,
                start: time_of_day(window.start.as_ref()?)?,
                end: time_of_day(window.end.as_ref()?)?,
            });
        }
    }
    Some(RotationSettings {
        members,
        start,
        zone,
        recurrence: turns,
        shift_length: u32::try_from(recurrence.recurrence_multiplier).ok()?,
        number_on_call: u32::try_from(recurrence.number_of_on_calls).ok()?,
        coverage,
    })
}

/// A time as AWS takes it.
pub fn date_time(at: Timestamp) -> DateTime {
    DateTime::from_nanos(at.as_nanosecond()).unwrap_or_else(|_| DateTime::from_secs(at.as_second()))
}

/// A time that AWS gave.
pub fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at.as_nanos()).ok()
}

fn time_of_day(at: &types::HandOffTime) -> Option<TimeOfDay> {
    TimeOfDay::new(
        u8::try_from(at.hour_of_day).ok()?,
        u8::try_from(at.minute_of_hour).ok()?,
    )
}

fn weekday(day: &types::DayOfWeek) -> Option<Weekday> {
    Some(match day {
        types::DayOfWeek::Mon => Weekday::Monday,
        types::DayOfWeek::Tue => Weekday::Tuesday,
        types::DayOfWeek::Wed => Weekday::Wednesday,
        types::DayOfWeek::Thu => Weekday::Thursday,
        types::DayOfWeek::Fri => Weekday::Friday,
        types::DayOfWeek::Sat => Weekday::Saturday,
        types::DayOfWeek::Sun => Weekday::Sunday,
        _ => return None,
    })
}
