//! Pages of a list. A token is bound to its list, account and filters, and says where to go on.

use serde_json::{Value, json};

use crate::clock::Millis;
use crate::error::AwsError;
use crate::services::Call;

use super::errors;

/// How a list is ordered by the keys of its items.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The least key first.
    Ascending,
    /// The greatest key first.
    Descending,
}

/// A key that sorts by time, then by id.
pub(super) fn by_time(time: Millis, id: &str) -> String {
    // With the sign flipped, numbers sort as their digits do.
    format!("{:016x}|{id}", (time ^ Millis::MIN).cast_unsigned())
}

/// The page of `items` that the call asks for, as the answer's member `name`, with the token of the next.
/// Every item comes with a key of its own; `filters` is what the token is bound to besides the call.
pub(super) fn page(
    call: &Call<'_>,
    name: &str,
    mut items: Vec<(String, Value)>,
    order: Order,
    largest: usize,
    filters: &str,
) -> Result<Value, AwsError> {
    let size = call
        .input
        .get("maxResults")
        .and_then(Value::as_u64)
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(largest);
    let binding = format!("{}|{}|{filters}", call.operation.name, call.scope.account);
    let after = call
        .text("nextToken")
        .map(|token| {
            crate::paging::open(&binding, token)
                .ok_or_else(|| errors::invalid("The nextToken is not valid."))
        })
        .transpose()?;
    items.sort_by(|(one, _), (other, _)| one.cmp(other));
    if order == Order::Descending {
        items.reverse();
    }
    if let Some(after) = after {
        items.retain(|(key, _)| match order {
            Order::Ascending => *key > after,
            Order::Descending => *key < after,
        });
    }
    let more = items.len() > size;
    items.truncate(size);
    let next = items
        .last()
        .filter(|_| more)
        .map(|(key, _)| crate::paging::seal(&binding, key));
    let shown: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
    let mut output = json!({name: shown});
    if let Some(next) = next {
        output["nextToken"] = next.into();
    }
    Ok(output)
}
