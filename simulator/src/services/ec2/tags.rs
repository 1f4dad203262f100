//! Tags.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::errors::{self, Kind, kind_of};
use super::listing::{self, Item, Listing, texts};
use super::state::{Network, Tags};
use super::{done, network};

const MAX_TAGS: usize = 50;

/// The tags that a creating call gives to what it makes.
pub(super) fn specified(call: &Call<'_>, kind: &Kind) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for specification in call.input["TagSpecification"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let given = specification["ResourceType"].as_str().unwrap_or_default();
        if given != kind.resource_type {
            return Err(errors::value(format!(
                "'{given}' is not a valid taggable resource type for this operation."
            )));
        }
        add(&mut tags, &specification["Tag"])?;
    }
    limited(&tags)?;
    Ok(tags)
}

fn add(tags: &mut Tags, given: &Value) -> Result<(), AwsError> {
    let mut keys = Vec::new();
    for tag in given.as_array().into_iter().flatten() {
        let key = tag["Key"].as_str().unwrap_or_default();
        let value = tag["Value"].as_str().unwrap_or_default();
        if key.is_empty() {
            return Err(errors::value("Tag key cannot be empty."));
        }
        if key.to_lowercase().starts_with("aws:") {
            return Err(errors::value(
                "Tag keys starting with 'aws:' are reserved for internal use",
            ));
        }
        if key.chars().count() > 128 {
            return Err(errors::value(
                "Tag key exceeds the maximum length of 128 characters",
            ));
        }
        if value.chars().count() > 256 {
            return Err(errors::value(
                "Tag value exceeds the maximum length of 256 characters",
            ));
        }
        if keys.contains(&key) {
            return Err(errors::value(format!(
                "Duplicate tag key '{key}' specified."
            )));
        }
        keys.push(key);
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(())
}

fn limited(tags: &Tags) -> Result<(), AwsError> {
    if tags.len() > MAX_TAGS {
        return Err(AwsError::new(
            "TagLimitExceeded",
            format!("More than {MAX_TAGS} tags specified"),
        ));
    }
    Ok(())
}

fn exists(network: &Network, id: &str) -> bool {
    network.vpcs.contains_key(id)
        || network.subnets.contains_key(id)
        || network.route_tables.contains_key(id)
        || network.internet_gateways.contains_key(id)
        || network.groups.contains_key(id)
        || network.interfaces.contains_key(id)
        || network.living().any(|(known, _)| known == id)
        || network.vpcs.values().any(|vpc| vpc.acl == id)
        || network
            .groups
            .values()
            .any(|group| group.rules.iter().any(|rule| rule.id == id))
}

fn tagged(network: &Network, call: &Call<'_>) -> Result<Vec<String>, AwsError> {
    let ids = texts(&call.input["ResourceId"]);
    for id in &ids {
        let kind = kind_of(id)
            .ok_or_else(|| AwsError::new("InvalidID", format!("The ID '{id}' is not valid")))?;
        if !exists(network, id) {
            return Err(kind.missing(id));
        }
    }
    Ok(ids)
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let mut changed = Vec::new();
    for id in tagged(network, call)? {
        let mut tags = network.tags_of(&id);
        add(&mut tags, &call.input["Tag"])?;
        limited(&tags)?;
        changed.push((id, tags));
    }
    network.tags.extend(changed);
    Ok(done())
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let ids = tagged(network, call)?;
    for id in ids {
        let Some(tags) = network.tags.get_mut(&id) else {
            continue;
        };
        let Some(given) = call.input["Tag"].as_array() else {
            tags.clear();
            continue;
        };
        for tag in given {
            // Without a value whatever the value is, else only with that one.
            let key = tag["Key"].as_str().unwrap_or_default();
            let meant = tag["Value"].as_str();
            if tags
                .get(key)
                .is_some_and(|value| meant.is_none_or(|meant| meant == value))
            {
                tags.remove(key);
            }
        }
    }
    Ok(done())
}

static TAGS: Listing = Listing {
    set: "tagSet",
    ids: "",
    kind: None,
    filters: &["key", "resource-id", "resource-type", "value"],
    tagged: true,
};

pub(super) fn describe(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let mut items = Vec::new();
    for (id, tags) in &network.tags {
        let kind = kind_of(id).map_or("", |kind| kind.resource_type);
        for (key, value) in tags {
            items.push(Item {
                id: format!("{id}/{key}"),
                fields: vec![
                    ("key", vec![key.clone()]),
                    ("value", vec![value.clone()]),
                    ("resource-id", vec![id.clone()]),
                    ("resource-type", vec![kind.to_owned()]),
                ],
                tags: Tags::from([(key.clone(), value.clone())]),
                view: json!({"key": key, "resourceId": id, "resourceType": kind, "value": value}),
            });
        }
    }
    listing::answer(call, &TAGS, items)
}

/// Drops the tags of what is not there any more.
pub(super) fn forget_missing(network: &mut Network) {
    let gone: Vec<String> = network
        .tags
        .keys()
        .filter(|id| !exists(network, id) && !network.endpoints.contains_key(*id))
        .cloned()
        .collect();
    for id in gone {
        network.tags.remove(&id);
    }
}
