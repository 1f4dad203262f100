//! Contacts, escalation plans and on-call schedules.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use crate::clock::Millis;
use crate::error::AwsError;
use crate::iam::Needed;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;
use crate::tokens::Replay;

use super::arn::{find_contact, of_contact, of_rotation, visible};
use super::errors::{self, CHANNEL, CONTACT, ROTATION};
use super::state::Contact;
use super::{action, nothing, pages, plan, tags};

pub(super) fn create_needs(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    let arn = of_contact(call, call.required("Alias"));
    let mut needed = action(call, &arn);
    if call.input["Tags"]
        .as_array()
        .is_some_and(|tags| !tags.is_empty())
    {
        needed.push(Needed::new("ssm-contacts:TagResource", arn));
    }
    needed.extend(plan::needs(&call.input["Plan"]));
    needed
}

pub(super) fn update_needs(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    let mut needed = action(call, call.required("ContactId"));
    needed.extend(plan::needs(&call.input["Plan"]));
    needed
}

const TOKEN_REUSED: &str =
    "The idempotency token was already used in a request with other parameters.";

/// The answer to a create that was made before with the same token, if its resource still counts.
pub(super) fn replayed(
    account: &Account,
    call: &Call<'_>,
    kind: &str,
    exists: impl Fn(&str) -> bool,
) -> Result<Option<Value>, AwsError> {
    let Some(key) = token_key(call) else {
        return Ok(None);
    };
    match account
        .tokens
        .replay(&key, call.input, call.now, window(call))
    {
        Replay::Unknown => Ok(None),
        // What concerns rotations models no ConflictException.
        Replay::Different { .. } if kind != CONTACT && kind != CHANNEL => {
            Err(errors::invalid(TOKEN_REUSED))
        }
        Replay::Different { resource } => Err(errors::conflict(kind, &resource, TOKEN_REUSED)),
        Replay::Same { output, resource } => {
            let stands = exists(&resource) || call.knobs.is(Knob::TokenAfterDelete, "original-arn");
            Ok(stands.then_some(output))
        }
    }
}

/// Keeps the answer to a create for its token.
pub(super) fn remember(account: &mut Account, call: &Call<'_>, output: &Value, resource: &str) {
    if let Some(key) = token_key(call) {
        account.tokens.remember(
            key,
            call.input.clone(),
            output.clone(),
            resource.to_owned(),
            call.now,
            window(call),
        );
    }
}

fn window(call: &Call<'_>) -> Millis {
    call.knobs.number(Knob::IdempotencyWindowSeconds) * 1000
}

/// None without a token, or when tokens are not remembered.
fn token_key(call: &Call<'_>) -> Option<String> {
    let token = call
        .text("IdempotencyToken")
        .filter(|token| !token.is_empty() && window(call) > 0)?;
    Some(format!(
        "{}/{}/{}/{token}",
        call.scope.service, call.scope.region, call.operation.name
    ))
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let alias = call.required("Alias").to_owned();
    let arn = of_contact(call, &alias);
    let stands = account
        .contacts
        .get(&call.scope.region)
        .is_some_and(|region| region.contacts.contains_key(&alias));
    if let Some(output) = replayed(account, call, CONTACT, |_| stands)? {
        return Ok(output);
    }
    let tags = tags::parse(call.input.get("Tags"))?;
    if !tags.is_empty() {
        tags::check_region(account, call)?;
    }
    if stands {
        return Err(errors::conflict(
            CONTACT,
            &arn,
            format!("A contact with the alias {alias} already exists."),
        ));
    }
    let kind = call.required("Type").to_owned();
    let quota = call.knobs.number(Knob::ContactsQuota);
    let region = account.region(&call.scope.region);
    plan::check(region, call, &kind, &alias, &call.input["Plan"])?;
    if i64::try_from(region.contacts.len()).unwrap_or(i64::MAX) >= quota {
        return Err(errors::quota(
            "ContactsPerAccount",
            format!("The limit of {quota} contacts has been reached."),
        )
        .with("ResourceId", arn)
        .with("ResourceType", CONTACT));
    }
    region.contacts.insert(
        alias.clone(),
        Contact {
            alias,
            kind,
            display_name: call.text("DisplayName").map(str::to_owned),
            plan: call.input["Plan"].clone(),
            tags,
            policy: None,
            channels: Vec::new(),
            created: call.now,
        },
    );
    let output = json!({"ContactArn": arn});
    remember(account, call, &output, &arn);
    Ok(output)
}

fn summary(call: &Call<'_>, contact: &Contact) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert(
        "ContactArn".to_owned(),
        of_contact(call, &contact.alias).into(),
    );
    shown.insert("Alias".to_owned(), contact.alias.clone().into());
    if let Some(name) = &contact.display_name {
        shown.insert("DisplayName".to_owned(), name.clone().into());
    }
    shown.insert("Type".to_owned(), contact.kind.clone().into());
    shown
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let alias = find_contact(account, call, call.required("ContactId"))?;
    let contact = &account.region(&call.scope.region).contacts[&alias];
    let mut shown = summary(call, contact);
    shown.insert("Plan".to_owned(), contact.plan.clone());
    Ok(Value::Object(shown))
}

pub(super) fn update(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let alias = find_contact(account, call, call.required("ContactId"))?;
    let region = account.region(&call.scope.region);
    let plan = call.input.get("Plan");
    if let Some(plan) = plan {
        let kind = region.contacts[&alias].kind.clone();
        plan::check(region, call, &kind, &alias, plan)?;
    }
    if let Some(contact) = region.contacts.get_mut(&alias) {
        if let Some(plan) = plan {
            contact.plan = plan.clone();
        }
        if let Some(name) = call.text("DisplayName") {
            contact.display_name = Some(name.to_owned());
        }
    }
    Ok(nothing())
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("ContactId");
    let alias = find_contact(account, call, arn)?;
    let region = account.region(&call.scope.region);
    let rotations: Vec<String> = region
        .rotations
        .values()
        .filter(|rotation| rotation.contact_ids.iter().any(|member| member == arn))
        .map(|rotation| of_rotation(call, &rotation.id))
        .collect();
    if !rotations.is_empty() && call.knobs.is(Knob::DeleteContactInRotation, "conflict") {
        let error = errors::conflict(
            CONTACT,
            arn,
            "The contact is a member of a rotation and cannot be deleted.",
        );
        return Err(errors::dependents(error, ROTATION, &rotations));
    }
    region.remove_contact(&alias);
    Ok(nothing())
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let prefix = call.text("AliasPrefix").unwrap_or_default();
    let kind = call.text("Type");
    let page = pages::page(call, &format!("{prefix}|{}", kind.unwrap_or_default()))?;
    let start = match &page.after {
        Some(after) => Bound::Excluded(after.as_str()),
        None => Bound::Included(prefix),
    };
    let contacts = &account.region(&call.scope.region).contacts;
    let found = contacts
        .range::<str, _>((start, Bound::Unbounded))
        .map(|(_, contact)| contact)
        .take_while(|contact| contact.alias.starts_with(prefix))
        .filter(|contact| kind.is_none_or(|kind| kind == contact.kind))
        .filter(|contact| visible(call, contact.created));
    let (found, next) = page.cut(found, |contact| contact.alias.clone());
    let shown: Vec<Value> = found
        .into_iter()
        .map(|contact| Value::Object(summary(call, contact)))
        .collect();
    let mut output = json!({"Contacts": shown});
    if let Some(next) = next {
        output["NextToken"] = next.into();
    }
    Ok(output)
}
