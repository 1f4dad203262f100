//! Related items of incidents.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::Millis;
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::data::{Record, RelatedItem};
use super::pages::{Order, by_time, page};
use super::record::{find, look};
use super::tokens::{Mismatch, remember, replayed};
use super::{LARGEST_PAGE, errors, visible};

/// As many items as an incident has at most.
pub(super) const MOST: usize = 50;

/// No operation that adds items models a quota.
pub(super) fn too_many() -> AwsError {
    errors::invalid(format!("An incident can have at most {MOST} related items"))
}

/// Adds an item; one that is there already gets the new title.
pub(super) fn add(record: &mut Record, item: &Value, now: Millis) {
    let identifier = &item["identifier"];
    let title = item["title"].as_str().map(str::to_owned);
    if let Some(known) = record
        .related
        .iter_mut()
        .find(|known| known.identifier == *identifier)
    {
        known.title = title;
        return;
    }
    let kind = identifier["type"].as_str().unwrap_or_default();
    record.related.push(RelatedItem {
        generated_id: format!(
            "related-item/{kind}/{}",
            Uuid::new_v4().simple().to_string().to_uppercase()
        ),
        identifier: identifier.clone(),
        title,
        added: now,
    });
}

pub(super) fn update(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("incidentRecordArn");
    if let Some((output, _)) = replayed(account, call, &Mismatch::Conflict)? {
        return Ok(output);
    }
    let record = find(account, call, arn)?;
    let update = &call.input["relatedItemsUpdate"];
    if let Some(item) = update.get("itemToAdd") {
        let identifier = &item["identifier"];
        let known = record
            .related
            .iter()
            .any(|known| known.identifier == *identifier);
        if known && call.knobs.is(Knob::DuplicateRelatedItem, "conflict") {
            return Err(errors::conflict(
                arn,
                "The incident already has this related item.",
                None,
            ));
        }
        if !known && record.related.len() >= MOST {
            return Err(too_many());
        }
        add(record, item, call.now);
    } else {
        let gone = &update["itemToRemove"];
        let before = record.related.len();
        record.related.retain(|known| known.identifier != *gone);
        let missing = record.related.len() == before;
        if missing && call.knobs.is(Knob::RemoveMissingRelatedItem, "404") {
            return Err(errors::not_found(arn));
        }
    }
    record.modified = call.now;
    call.principal.clone_into(&mut record.modified_by);
    remember(account, call, &json!({}), arn);
    Ok(json!({}))
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("incidentRecordArn");
    let items = look(account, call, arn)?.map_or_else(Vec::new, |record| {
        let seen = record
            .related
            .iter()
            .filter(|item| visible(call, item.added));
        seen.map(|item| {
            let mut shown = json!({
                "identifier": item.identifier,
                "generatedId": item.generated_id,
            });
            if let Some(title) = &item.title {
                shown["title"] = title.clone().into();
            }
            (by_time(item.added, &item.generated_id), shown)
        })
        .collect()
    });
    page(
        call,
        "relatedItems",
        items,
        Order::Ascending,
        LARGEST_PAGE,
        arn,
    )
}
