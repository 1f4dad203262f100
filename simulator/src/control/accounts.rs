//! Accounts: their state, onboarding, permissions, and the humans behind their channels.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::iam::Rules;
use crate::iam::policy::Attached;
use crate::lock::lock;
use crate::services::account::organization::Organization;
use crate::services::contacts::{subscribe, unsubscribe};
use crate::services::incidents::state::Status;
use crate::services::incidents::{force, onboard};

use super::{Outcome, Refusal, Request, unknown};

pub(super) fn iam(request: &Request<'_>, method: &str) -> Outcome {
    let account = request
        .query("account")
        .ok_or_else(|| Refusal::bad("which account?"))?;
    let account = request.world.account(account);
    match method {
        "GET" => {}
        "PUT" => {
            lock(&account).iam = request.body::<Rules>()?;
            request.world.changed();
        }
        _ => return Err(unknown()),
    }
    let rules = json!(lock(&account).iam);
    Ok(rules)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policies {
    policies: Vec<Attached>,
}

pub(super) fn policies(request: &Request<'_>, method: &str) -> Outcome {
    match method {
        "GET" => {}
        "PUT" => {
            let Policies { policies } = request.body()?;
            request.world.set_policies(policies);
        }
        _ => return Err(unknown()),
    }
    Ok(json!({"policies": request.world.policies()}))
}

pub(super) fn codes(request: &Request<'_>) -> Value {
    let channel = request.query("channel");
    let accounts = match request.query("account") {
        Some(account) => request.world.known_account(account).into_iter().collect(),
        None => request.world.accounts(),
    };
    let codes: Vec<Value> = accounts
        .iter()
        .flat_map(|account| {
            lock(account)
                .codes
                .iter()
                .filter(|code| channel.is_none_or(|channel| channel == code.channel))
                .map(|code| {
                    json!({
                        "channelArn": code.channel,
                        "code": code.code,
                        "sentAt": rfc3339(code.sent),
                    })
                })
                .collect::<Vec<_>>()
        })
        .collect();
    json!({"codes": codes})
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChannelBody {
    channel_arn: String,
}

pub(super) fn subscription(request: &Request<'_>, wanted: bool) -> Outcome {
    let ChannelBody { channel_arn } = request.body()?;
    let account = channel_arn.split(':').nth(4).unwrap_or_default();
    let found = request.world.known_account(account).is_some_and(|account| {
        let mut account = lock(&account);
        request.world.settle(&mut account);
        if wanted {
            subscribe(&mut account, &channel_arn)
        } else {
            unsubscribe(&mut account, &channel_arn)
        }
    });
    if found {
        request.world.changed();
        Ok(json!({}))
    } else {
        Err(Refusal::missing("channel"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OnboardBody {
    regions: Vec<String>,
    delay_seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StatusBody {
    status: Option<Status>,
    #[serde(default)]
    regions: BTreeMap<String, Status>,
    status_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OrganizationBody {
    members: BTreeSet<String>,
    delegated_administrator: Option<String>,
    trusted_access: Option<bool>,
}

/// The organization that an account manages.
fn organization(request: &Request<'_>, method: &str, management: &str) -> Outcome {
    let world = request.world;
    match method {
        "GET" => {
            let mut known = world.organizations().into_iter();
            let found = known.find(|each| each.management_account == management);
            let found = found.ok_or_else(|| Refusal::missing("organization"))?;
            return Ok(json!(found));
        }
        "DELETE" => world.set_organization(management, None),
        "PUT" => {
            let body: OrganizationBody = request.body()?;
            if !is_account(management) || !body.members.iter().all(|id| is_account(id)) {
                return Err(Refusal::bad("an account has twelve digits"));
            }
            if body.members.contains(management) {
                return Err(Refusal::bad("the management account is no member"));
            }
            let delegated = body.delegated_administrator.as_ref();
            if delegated.is_some_and(|each| !body.members.contains(each)) {
                return Err(Refusal::bad("a delegated administrator is a member"));
            }
            let elsewhere = world.organizations().into_iter().any(|each| {
                each.management_account != management
                    && (each.holds(management) || body.members.iter().any(|m| each.holds(m)))
            });
            if elsewhere {
                return Err(Refusal::bad("an account is in one organization only"));
            }
            let organization = Organization {
                id: format!("o-{management}"),
                management_account: management.to_owned(),
                members: body.members,
                delegated_administrator: body.delegated_administrator,
                trusted_access: body.trusted_access.unwrap_or(true),
            };
            world.set_organization(management, Some(organization));
        }
        _ => return Err(unknown()),
    }
    Ok(json!({}))
}

fn is_account(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn accounts(request: &Request<'_>, method: &str, rest: &[&str]) -> Outcome {
    let world = request.world;
    match (method, rest) {
        ("GET", []) => {
            let mut ids: Vec<String> = world
                .accounts()
                .iter()
                .map(|account| lock(account).id.clone())
                .collect();
            ids.sort();
            Ok(json!({"accounts": ids}))
        }
        ("GET", [id]) => {
            let account = world
                .known_account(id)
                .ok_or_else(|| Refusal::missing("account"))?;
            let mut account = lock(&account);
            world.settle(&mut account);
            serde_json::to_value(&*account).map_err(|error| Refusal::bad(error.to_string()))
        }
        ("DELETE", []) => {
            for account in world.accounts() {
                let id = lock(&account).id.clone();
                world.forget_account(&id);
            }
            Ok(json!({}))
        }
        ("DELETE", [id]) => {
            world.forget_account(id);
            Ok(json!({}))
        }
        ("POST", [id, "onboard"]) => {
            if !is_account(id) {
                return Err(Refusal::bad("an account has twelve digits"));
            }
            let body: OnboardBody = request.body()?;
            if body.regions.is_empty() || body.regions.len() > 3 {
                return Err(Refusal::bad("one to three Regions"));
            }
            let account = world.account(id);
            let mut account = lock(&account);
            world.settle(&mut account);
            account.started = true;
            if account.replication_set.is_some() {
                return Err(Refusal::bad("the account has a replication set already"));
            }
            let delay = i64::from(body.delay_seconds.unwrap_or(0)) * 1000;
            onboard(&mut account, &body.regions, world.clock.now(), delay);
            world.changed();
            let arn = account.replication_set.as_ref().map(|set| set.arn.clone());
            Ok(json!({"arn": arn}))
        }
        ("PUT", [id, "replication-set"]) => {
            let body: StatusBody = request.body()?;
            let account = world
                .known_account(id)
                .ok_or_else(|| Refusal::missing("account"))?;
            let mut account = lock(&account);
            world.settle(&mut account);
            let set = account
                .replication_set
                .as_mut()
                .ok_or_else(|| Refusal::missing("replication set"))?;
            let failure = body.status_message.as_deref().unwrap_or("Internal failure");
            if !force(set, body.status, body.regions, failure, world.clock.now()) {
                return Err(Refusal::bad("the replication set has no such Region"));
            }
            world.changed();
            Ok(json!({}))
        }
        (_, [id, "organization"]) => organization(request, method, id),
        ("POST", [id, "offboard"]) => {
            let account = world.account(id);
            let mut account = lock(&account);
            account.started = true;
            account.offboard();
            world.changed();
            Ok(json!({}))
        }
        _ => Err(unknown()),
    }
}
