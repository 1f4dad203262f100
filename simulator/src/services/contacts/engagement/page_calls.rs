//! The operations on pages.

use serde_json::{Map, Value, json};

use crate::clock::epoch_seconds;
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::services::contacts::arn::{
    contact_of_channel, find_channel, find_contact, find_engagement, find_page, visible,
};
use crate::services::contacts::errors;
use crate::services::contacts::nothing;
use crate::services::contacts::pages::{self, Page as Cut};
use crate::state::Account;

use super::calls::add_message;
use super::state::{Engagement, Receipt, ReceiptKind};
use super::view::View;
use super::{acknowledge, course};

/// Whether the code must be the one of the page.
fn enforced(call: &Call<'_>) -> bool {
    match call.text("AcceptCodeValidation") {
        Some(asked) => asked == "ENFORCE",
        None => call.knobs.is(Knob::AcceptCodeDefault, "enforce"),
    }
}

pub(in super::super) fn accept(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let page_arn = call.required("PageId");
    let channel = call.text("ContactChannelId");
    let of = find_page(account, call, page_arn)?.page.contact_arn.clone();
    if let Some(arn) = channel {
        find_channel(account, call, arn)?;
        if contact_of_channel(arn) != Some(of) {
            return Err(errors::invalid_arn(arn));
        }
    }
    let view = find_page(account, call, page_arn)?;
    let code = call.required("AcceptCode");
    if enforced(call) && code != view.code() {
        return Err(errors::invalid("Accept code is not valid"));
    }
    let answer = view.answer(channel, call.text("Note").or(Some(code)));
    let (id, index) = (view.engagement.id.clone(), view.index);
    let at = call.circumstances();
    let region = account.region(&call.scope.region);
    if call.text("AcceptType") == Some("READ") {
        acknowledge(region, &at, &id, index, answer);
    } else if let Some(mut engagement) = region.engagements.remove(&id) {
        course::delivered(&mut engagement, region, &at, index, answer);
        region.engagements.insert(id, engagement);
    }
    Ok(nothing())
}

fn summary(view: &View<'_>) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    let start = &view.engagement.start;
    // In AWS's own examples a page that was sent again has the later time.
    let last = |kind| view.last(kind).map(epoch_seconds);
    put("PageArn", Some(view.arn().into()));
    put("EngagementArn", Some(view.engagement.arn().into()));
    put("ContactArn", Some(view.page.contact_arn.clone().into()));
    put("Sender", Some(start.sender.clone().into()));
    put("IncidentId", start.incident_id.clone().map(Value::from));
    put("SentTime", last(ReceiptKind::Sent));
    put("DeliveryTime", last(ReceiptKind::Delivered));
    put("ReadTime", last(ReceiptKind::Read));
    shown
}

pub(in super::super) fn describe(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let view = find_page(account, call, call.required("PageId"))?;
    let mut shown = summary(&view);
    add_message(&mut shown, &view.engagement.start);
    Ok(Value::Object(shown))
}

/// One page of the pages, the newest first.
fn answer(call: &Call<'_>, cut: &Cut, mut found: Vec<View<'_>>) -> Value {
    let after: Option<u64> = cut.after.as_deref().and_then(|after| after.parse().ok());
    found.retain(|view| visible(call, view.created()));
    found.retain(|view| after.is_none_or(|after| view.seq() < after));
    found.sort_by_key(|view| std::cmp::Reverse(view.seq()));
    let (found, next) = cut.cut(found.into_iter(), |view| view.seq().to_string());
    let shown: Vec<Value> = found
        .iter()
        .map(|view| Value::Object(summary(view)))
        .collect();
    let mut output = json!({"Pages": shown});
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    output
}

pub(in super::super) fn list_by_contact(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let arn = call.required("ContactId");
    find_contact(account, call, arn)?;
    let cut = pages::page(call, arn)?;
    let engagements = account.region(&call.scope.region).engagements.values();
    let found = engagements
        .flat_map(Engagement::views)
        .filter(|view| view.page.contact_arn == arn)
        .collect();
    Ok(answer(call, &cut, found))
}

pub(in super::super) fn list_by_engagement(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let arn = call.required("EngagementId");
    let cut = pages::page(call, arn)?;
    let engagement = find_engagement(account, call, arn)?;
    Ok(answer(call, &cut, engagement.views().collect()))
}

/// By type, then by time, as in AWS's own example.
pub(in super::super) fn receipts(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let arn = call.required("PageId");
    let cut = pages::page(call, arn)?;
    let view = find_page(account, call, arn)?;
    let mut found: Vec<(usize, &Receipt)> = view.receipts().collect();
    found.sort_by_key(|(position, receipt)| (receipt.kind, receipt.at, *position));
    let start = cut
        .after
        .as_deref()
        .and_then(|after| after.parse::<usize>().ok())
        .and_then(|after| found.iter().position(|(position, _)| *position == after))
        .map_or(0, |before| before + 1);
    let (found, next) = cut.cut(found.into_iter().skip(start), |(position, _)| {
        position.to_string()
    });
    let shown: Vec<Value> = found
        .into_iter()
        .map(|(_, receipt)| {
            let mut shown = json!({
                "ReceiptType": receipt.kind.name(),
                "ReceiptTime": epoch_seconds(receipt.at),
            });
            if let Some(channel) = &receipt.channel {
                shown["ContactChannelArn"] = channel.clone().into();
            }
            if let Some(info) = &receipt.info {
                shown["ReceiptInfo"] = info.clone().into();
            }
            shown
        })
        .collect();
    let mut output = json!({"Receipts": shown});
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}

/// From the escalation plan down to the person. Three at most, so that there is never a second page.
pub(in super::super) fn resolutions(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let arn = call.required("PageId");
    pages::page(call, arn)?;
    let view = find_page(account, call, arn)?;
    let shown: Vec<Value> = view
        .page
        .path
        .iter()
        .map(|step| {
            let mut shown = json!({"ContactArn": step.contact_arn, "Type": step.kind});
            if let Some(stage) = step.stage {
                shown["StageIndex"] = stage.into();
            }
            shown
        })
        .collect();
    Ok(json!({"PageResolutions": shown}))
}
