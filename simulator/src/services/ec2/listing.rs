//! What all Describe operations have in common: ids, filters and pages.

use serde_json::{Map, Value, json};

use crate::clock::Millis;
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::paging;
use crate::services::Call;

use super::errors::{self, Kind};
use super::state::Tags;

/// How one operation lists.
pub(super) struct Listing {
    /// The element of the answer.
    pub set: &'static str,
    /// The parameter with ids.
    pub ids: &'static str,
    /// What is listed; none if it has no ids.
    pub kind: Option<&'static Kind>,
    /// The filters, besides those of tags.
    pub filters: &'static [&'static str],
    /// Whether there are filters of tags.
    pub tagged: bool,
}

/// One thing that may be listed.
pub(super) struct Item {
    /// What pages are ordered by.
    pub id: String,
    /// Its values by filter.
    pub fields: Vec<(&'static str, Vec<String>)>,
    /// Its tags.
    pub tags: Tags,
    /// How it is shown.
    pub view: Value,
}

/// Whether reads see by now what was made then.
pub(super) fn visible(call: &Call<'_>, created: Millis) -> bool {
    created + call.knobs.number(Knob::ConsistencyDelayMs) <= call.now
}

/// The texts of a list.
pub(super) fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Tags as they are shown.
pub(super) fn tag_set(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

struct Filter {
    name: String,
    values: Vec<String>,
}

fn filters(call: &Call<'_>, listing: &Listing) -> Result<Vec<Filter>, AwsError> {
    let mut filters = Vec::new();
    for filter in call.input["Filter"].as_array().into_iter().flatten() {
        let name = filter["Name"].as_str().unwrap_or_default();
        let of_tags = listing.tagged && (name == "tag-key" || name.starts_with("tag:"));
        if !of_tags && !listing.filters.contains(&name) {
            return Err(errors::value(format!("The filter '{name}' is invalid")));
        }
        let values = texts(&filter["Value"]);
        if values.is_empty() {
            return Err(errors::value(format!("The filter '{name}' has no values")));
        }
        filters.push(Filter {
            name: name.to_owned(),
            values,
        });
    }
    Ok(filters)
}

impl Filter {
    fn accepts(&self, item: &Item) -> bool {
        let fits = |value: &str| self.values.iter().any(|wanted| wildcard(wanted, value));
        if let Some(key) = self.name.strip_prefix("tag:") {
            return item.tags.get(key).is_some_and(|value| fits(value));
        }
        if self.name == "tag-key" {
            return item.tags.keys().any(|key| fits(key));
        }
        item.fields
            .iter()
            .any(|(name, values)| *name == self.name && values.iter().any(|value| fits(value)))
    }
}

/// EC2's wildcards: `*`, `?`, and `\` before one that is meant.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    fn go(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|skip| go(rest, &text[skip..])),
            ['?', rest @ ..] => !text.is_empty() && go(rest, &text[1..]),
            ['\\', meant, rest @ ..] | [meant, rest @ ..] => {
                text.first() == Some(meant) && go(rest, &text[1..])
            }
        }
    }
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    go(&chars(pattern), &chars(text))
}

/// The items that are asked for, as an answer.
pub(super) fn answer(
    call: &Call<'_>,
    listing: &Listing,
    items: Vec<Item>,
) -> Result<Value, AwsError> {
    let (page, token) = select(call, listing, items)?;
    let mut output = Map::new();
    output.insert(
        listing.set.to_owned(),
        page.into_iter().map(|item| item.view).collect(),
    );
    if let Some(token) = token {
        output.insert("nextToken".to_owned(), token.into());
    }
    Ok(Value::Object(output))
}

/// The items that are asked for, and the token of the next page.
pub(super) fn select(
    call: &Call<'_>,
    listing: &Listing,
    mut items: Vec<Item>,
) -> Result<(Vec<Item>, Option<String>), AwsError> {
    let filters = filters(call, listing)?;
    let wanted = texts(&call.input[listing.ids]);
    if !wanted.is_empty() {
        if let Some(kind) = listing.kind
            && let Some(missing) = wanted
                .iter()
                .find(|id| !items.iter().any(|item| item.id == **id))
        {
            return Err(kind.missing(missing));
        }
        items.retain(|item| wanted.contains(&item.id));
    }
    items.retain(|item| filters.iter().all(|filter| filter.accepts(item)));
    items.sort_by(|a, b| a.id.cmp(&b.id));
    let binding = format!(
        "{}/{}/{}/{}/{}",
        call.scope.account,
        call.scope.region,
        call.operation.name,
        call.input["Filter"],
        call.input[listing.ids]
    );
    if let Some(token) = call.text("NextToken").filter(|token| !token.is_empty()) {
        let after = paging::open(&binding, token).ok_or_else(|| {
            AwsError::new(
                "InvalidNextToken",
                "The token is not valid for this request.",
            )
        })?;
        items.retain(|item| item.id > after);
    }
    let largest = usize::try_from(call.knobs.number(Knob::EC2PageItems));
    let largest = largest.unwrap_or(usize::MAX).max(1);
    let limit = call.input["MaxResults"]
        .as_u64()
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit > 0)
        .unwrap_or(largest)
        .min(largest);
    let more = items.len() > limit;
    items.truncate(limit);
    let token = items
        .last()
        .filter(|_| more)
        .map(|last| paging::seal(&binding, &last.id));
    Ok((items, token))
}

#[cfg(test)]
mod tests {
    use super::wildcard;

    #[test]
    fn wildcards() {
        assert!(wildcard("vpc-*", "vpc-1"));
        assert!(wildcard("*", ""));
        assert!(!wildcard("a?", "a"));
        assert!(wildcard("a?c", "abc"));
        assert!(wildcard("a\\*", "a*"));
        assert!(!wildcard("a\\*", "ab"));
    }
}
