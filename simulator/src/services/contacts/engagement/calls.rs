//! The operations on engagements.

use serde_json::{Map, Value, json};

use crate::clock::{Millis, epoch_seconds, from_epoch_seconds};
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::services::contacts::arn::{find_contact, find_engagement, visible};
use crate::services::contacts::contact::{remember, replayed};
use crate::services::contacts::errors::{self, ENGAGEMENT};
use crate::services::contacts::{nothing, pages};
use crate::state::Account;

use super::Start;
use super::state::Engagement;

pub(in super::super) fn start(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    // Nothing deletes an engagement.
    if let Some(output) = replayed(account, call, ENGAGEMENT, |_| true)? {
        return Ok(output);
    }
    let contact_arn = call.required("ContactId").to_owned();
    find_contact(account, call, &contact_arn)?;
    let optional = |name| call.text(name).map(str::to_owned);
    let start = Start {
        contact_arn,
        incident_id: optional("IncidentId"),
        sender: call.required("Sender").to_owned(),
        subject: call.required("Subject").to_owned(),
        content: call.required("Content").to_owned(),
        public_subject: optional("PublicSubject"),
        public_content: optional("PublicContent"),
    };
    let arn = super::start(account, &call.circumstances(), &start)?;
    call.created.push(arn.clone());
    let output = json!({"EngagementArn": arn});
    remember(account, call, &output, &arn);
    Ok(output)
}

pub(in super::super) fn stop(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let arn = call.required("EngagementId");
    find_engagement(account, call, arn)?;
    super::stop(account, &call.circumstances(), arn, call.text("Reason"))?;
    Ok(nothing())
}

fn stop_time(call: &Call<'_>, engagement: &Engagement) -> Option<Millis> {
    if call.knobs.is(Knob::EngagementStopTime, "when-stopped") {
        return engagement.stopped;
    }
    [engagement.over, engagement.stopped]
        .into_iter()
        .flatten()
        .min()
}

fn summary(call: &Call<'_>, engagement: &Engagement) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    let start = &engagement.start;
    put("EngagementArn", Some(engagement.arn().into()));
    put("ContactArn", Some(start.contact_arn.clone().into()));
    put("Sender", Some(start.sender.clone().into()));
    put("IncidentId", start.incident_id.clone().map(Value::from));
    put("StartTime", Some(epoch_seconds(engagement.started)));
    put("StopTime", stop_time(call, engagement).map(epoch_seconds));
    shown
}

/// What is sent, as reads of engagements and pages show it.
pub(super) fn add_message(shown: &mut Map<String, Value>, start: &Start) {
    let texts = [
        ("Subject", Some(&start.subject)),
        ("Content", Some(&start.content)),
        ("PublicSubject", start.public_subject.as_ref()),
        ("PublicContent", start.public_content.as_ref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            shown.insert(name.to_owned(), text.clone().into());
        }
    }
}

pub(in super::super) fn describe(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let engagement = find_engagement(account, call, call.required("EngagementId"))?;
    let mut shown = summary(call, engagement);
    add_message(&mut shown, &engagement.start);
    Ok(Value::Object(shown))
}

pub(in super::super) fn list(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let incident = call.text("IncidentId");
    let range = &call.input["TimeRangeValue"];
    let from = range.get("StartTime").and_then(from_epoch_seconds);
    let until = range.get("EndTime").and_then(from_epoch_seconds);
    if let (Some(from), Some(until)) = (from, until)
        && until < from
    {
        return Err(errors::invalid("EndTime must not be before StartTime"));
    }
    let filters = json!([incident, from, until]).to_string();
    let page = pages::page(call, &filters)?;
    let after = page.after.as_deref().and_then(|after| {
        let (started, id) = after.split_once('/')?;
        Some((started.parse::<Millis>().ok()?, id))
    });
    let mut found: Vec<&Engagement> = account
        .region(&call.scope.region)
        .engagements
        .values()
        .filter(|each| incident.is_none_or(|id| each.start.incident_id.as_deref() == Some(id)))
        .filter(|each| from.is_none_or(|from| each.started >= from))
        .filter(|each| until.is_none_or(|until| each.started <= until))
        .filter(|each| after.is_none_or(|after| (each.started, each.id.as_str()) < after))
        .filter(|each| visible(call, each.started))
        .collect();
    found.sort_by(|one, other| (other.started, &other.id).cmp(&(one.started, &one.id)));
    let (found, next) = page.cut(found.into_iter(), |each| {
        format!("{}/{}", each.started, each.id)
    });
    let shown: Vec<Value> = found
        .into_iter()
        .map(|each| Value::Object(summary(call, each)))
        .collect();
    let mut output = json!({"Engagements": shown});
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}
