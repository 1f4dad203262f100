//! Pages: what reached humans, and their answers.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::{Millis, rfc3339};
use crate::lock::lock;
use crate::services::contacts::engagement::state::ReceiptKind;
use crate::services::contacts::engagement::view::View;
use crate::services::contacts::engagement::{NoAnswer, answer, pages};
use crate::world::Circumstances;

use super::{Outcome, Refusal, Request};

fn shown(view: &View<'_>) -> Value {
    let time = |at: Option<Millis>| at.map(rfc3339);
    let channels: Vec<Value> = view
        .receipts()
        .filter(|(_, each)| each.kind == ReceiptKind::Sent)
        .map(|(_, each)| {
            json!({
                "channelArn": each.channel,
                "type": each.channel_kind,
                "at": rfc3339(each.at),
            })
        })
        .collect();
    json!({
        "seq": view.seq(),
        "pageArn": view.arn(),
        "engagementArn": view.engagement.arn(),
        "contactArn": view.page.contact_arn,
        "incidentId": view.engagement.start.incident_id,
        "engagedAt": rfc3339(view.created()),
        "sentAt": time(view.first(ReceiptKind::Sent)),
        "failedAt": time(view.first(ReceiptKind::Error)),
        "channels": channels,
        "acceptCode": view.code(),
        "acknowledgedAt": time(view.first(ReceiptKind::Read)),
        "stoppedAt": time(view.first(ReceiptKind::Stop)),
    })
}

pub(super) fn show(request: &Request<'_>) -> Outcome {
    let since = request.number("since")?.unwrap_or(0);
    let fits = |name: &str, value: Option<&str>| {
        request.query(name).is_none_or(|asked| value == Some(asked))
    };
    let accounts = match request.query("account") {
        Some(account) => request.world.known_account(account).into_iter().collect(),
        None => request.world.accounts(),
    };
    let mut found: Vec<(u64, Value)> = Vec::new();
    for account in accounts {
        let mut account = lock(&account);
        request.world.settle(&mut account);
        let wanted = pages(&account).into_iter().filter(|view| {
            view.seq() > since
                && fits("contact", Some(&view.page.contact_arn))
                && fits("incident", view.engagement.start.incident_id.as_deref())
        });
        found.extend(wanted.map(|view| (view.seq(), shown(&view))));
    }
    found.sort_by_key(|(seq, _)| *seq);
    let found: Vec<Value> = found.into_iter().map(|(_, page)| page).collect();
    Ok(json!({"pages": found}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AcceptBody {
    page_arn: String,
    accepted_at: Option<Timestamp>,
}

pub(super) fn accept(request: &Request<'_>) -> Outcome {
    let body: AcceptBody = request.body()?;
    let world = request.world;
    let id = body.page_arn.split(':').nth(4).unwrap_or_default();
    let account = world
        .known_account(id)
        .ok_or_else(|| Refusal::missing("page"))?;
    let mut account = lock(&account);
    let knobs = world.knobs_of(id);
    let at = Circumstances {
        now: world.clock.now(),
        knobs: &knobs,
        world,
    };
    let answered = body.accepted_at.map_or(at.now, Timestamp::as_millisecond);
    answer(&mut account, &at, &body.page_arn, answered).map_err(|error| match error {
        NoAnswer::Unknown => Refusal::missing("page"),
        NoAnswer::TooEarly => Refusal::bad("the page was not out yet at that time"),
        NoAnswer::TooLate => Refusal::bad(
            "something has happened in the engagement since: accept the page before moving the clock past that, or with a time to come",
        ),
    })?;
    world.changed();
    Ok(json!({}))
}
