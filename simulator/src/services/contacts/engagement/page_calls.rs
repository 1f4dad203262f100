//! The operations on pages.

use serde_json::{Map, Value, json};

use crate::clock::epoch_seconds;
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::services::contacts::arn::{
    find_channel, find_contact, find_engagement, find_page, parse, visible,
};
use crate::services::contacts::errors;
use crate::services::contacts::nothing;
use crate::services::contacts::pages::{self, Page as Cut};
use crate::state::Account;

use super::calls::add_message;
use super::state::{Answer, Engagement, Page, Receipt, ReceiptKind};
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
    let (engagement, index) = find_page(account, call, call.required("PageId"))?;
    let (id, page) = (engagement.id.clone(), engagement.pages[index].clone());
    let channel = call.text("ContactChannelId").map(str::to_owned);
    if let Some(arn) = &channel {
        find_channel(account, call, arn)?;
        let own = parse(arn)
            .zip(parse(&page.contact_arn))
            .is_some_and(|(channel, contact)| channel.rest.split('/').next() == Some(contact.rest));
        if !own {
            return Err(errors::invalid_arn(arn));
        }
    }
    let code = call.required("AcceptCode");
    if enforced(call) && code != page.code {
        return Err(errors::invalid("Accept code is not valid"));
    }
    let answer = Answer {
        channel,
        info: Some(call.text("Note").unwrap_or(code).to_owned()),
    };
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

fn summary(engagement: &Engagement, page: &Page) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    let start = &engagement.start;
    // In AWS's own examples a page that was sent again has the later time.
    let last = |kind| page.last(kind).map(epoch_seconds);
    put("PageArn", Some(page.arn().into()));
    put("EngagementArn", Some(engagement.arn().into()));
    put("ContactArn", Some(page.contact_arn.clone().into()));
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
    let (engagement, index) = find_page(account, call, call.required("PageId"))?;
    let mut shown = summary(engagement, &engagement.pages[index]);
    add_message(&mut shown, &engagement.start);
    Ok(Value::Object(shown))
}

/// One page of the pages, the newest first.
fn answer(call: &Call<'_>, cut: &Cut, mut found: Vec<(&Engagement, &Page)>) -> Value {
    let after: Option<u64> = cut.after.as_deref().and_then(|after| after.parse().ok());
    found.retain(|(_, page)| visible(call, page.created));
    found.retain(|(_, page)| after.is_none_or(|after| page.seq < after));
    found.sort_by_key(|(_, page)| std::cmp::Reverse(page.seq));
    let (found, next) = cut.cut(found.into_iter(), |(_, page)| page.seq.to_string());
    let shown: Vec<Value> = found
        .into_iter()
        .map(|(engagement, page)| Value::Object(summary(engagement, page)))
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
        .flat_map(|engagement| engagement.pages.iter().map(move |page| (engagement, page)))
        .filter(|(_, page)| page.contact_arn == arn)
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
    let found = engagement.pages.iter().map(|page| (&*engagement, page));
    Ok(answer(call, &cut, found.collect()))
}

/// By type, then by time, as in AWS's own example.
pub(in super::super) fn receipts(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let arn = call.required("PageId");
    let cut = pages::page(call, arn)?;
    let (engagement, index) = find_page(account, call, arn)?;
    let mut found: Vec<(usize, &Receipt)> = engagement.pages[index]
        .receipts
        .iter()
        .enumerate()
        .collect();
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
    let (engagement, index) = find_page(account, call, arn)?;
    let shown: Vec<Value> = engagement.pages[index]
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
