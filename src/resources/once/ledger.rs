//! What was begun lately, kept with the ProviderConfig: an object that is deleted and made again, with nothing in its status, must not begin
//! a second time what AWS does not show yet, or what may still arrive there.

use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::decide::{CLOCK_SLACK, LONGEST_DEADLINE, LOOK_FOR, Noted};
use crate::api::ProviderConfig;
use crate::api::provider_config::StartRecord;
use crate::engine::object::FIELD_MANAGER;
use crate::engine::{Error, Provider, Shared, api_time};

/// What was begun longer ago is past its deadline, so that nothing begins for it any more.
fn forgotten_before(now: Timestamp) -> Timestamp {
    let kept = [LONGEST_DEADLINE, CLOCK_SLACK, LOOK_FOR];
    let kept = kept.into_iter().fold(SignedDuration::ZERO, |a, b| a + b);
    now.checked_sub(kept).unwrap_or(Timestamp::MIN)
}

/// What is noted of a request, read live from its own ProviderConfig, and as last seen from others of the same account.
pub async fn noted(
    shared: &Shared,
    provider: &Provider,
    token: &str,
    uid: Option<&str>,
) -> Result<Noted, Error> {
    let own = api(shared).get(&provider.name).await?;
    let siblings = shared.provider_configs.filter(|guard| {
        guard.0.as_ref().is_ok_and(|c| {
            c.spec.account_id == provider.spec.account_id && c.name_any() != provider.name
        })
    });
    let configs = siblings.iter().filter_map(|g| g.0.as_ref().ok());
    let found = configs
        .chain([&own])
        .flat_map(|c| c.status.iter().flat_map(|s| &s.starts))
        .filter(|s| s.token == token);
    Ok(judge(found, uid))
}

fn judge<'a>(found: impl Iterator<Item = &'a StartRecord>, uid: Option<&str>) -> Noted {
    let mut noted = Noted::Nothing;
    for record in found {
        if let Some(arn) = &record.arn {
            return Noted::Started(arn.clone());
        }
        let own = uid.is_some() && record.uid.as_deref() == uid;
        noted = match noted {
            Noted::Nothing | Noted::BySelf if own => Noted::BySelf,
            _ => Noted::ByPredecessor,
        };
    }
    noted
}

/// Notes that a request is about to be begun. On the precondition that nobody else has written, so that two objects of one name that follow
/// upon each other cannot both come past this.
pub async fn note(
    shared: &Shared,
    provider: &Provider,
    token: &str,
    uid: Option<String>,
) -> Result<(), Error> {
    let now = shared.clock.now();
    change(shared, provider, |starts| {
        starts.retain(|s| s.at.0 > forgotten_before(now));
        if starts.iter().any(|s| s.token == token) {
            // By itself: it came no farther. By another: the pass begins again, and sees it.
            let own = starts.iter().all(|s| s.token != token || s.uid == uid);
            return own.then_some(false).ok_or(Error::Outdated);
        }
        starts.push(StartRecord {
            token: token.to_owned(),
            uid: uid.clone(),
            at: api_time(now),
            arn: None,
        });
        Ok(true)
    })
    .await
}

/// Notes what came of it; `None` = certainly nothing, so that it may be begun again.
pub async fn settle(
    shared: &Shared,
    provider: &Provider,
    token: &str,
    arn: Option<&str>,
) -> Result<(), Error> {
    change(shared, provider, |starts| {
        let before = starts.clone();
        match arn {
            None => starts.retain(|s| s.token != token || s.arn.is_some()),
            Some(arn) => {
                for start in starts.iter_mut().filter(|s| s.token == token) {
                    start.arn = Some(arn.to_owned());
                }
            }
        }
        Ok(*starts != before)
    })
    .await
}

/// The same, as far as it can be had: what the ledger does not say is looked for in AWS.
pub async fn settle_if_possible(
    shared: &Shared,
    provider: &Provider,
    token: &str,
    arn: Option<&str>,
) {
    if let Err(error) = settle(shared, provider, token, arn).await {
        tracing::debug!(provider = provider.name, %error, "the ledger stays as it is");
    }
}

async fn change(
    shared: &Shared,
    provider: &Provider,
    edit: impl FnOnce(&mut Vec<StartRecord>) -> Result<bool, Error>,
) -> Result<(), Error> {
    let lock = shared.budget_lock(&format!("starts/{}", provider.name));
    let _one_at_a_time = lock.lock_owned().await;
    let config = api(shared).get(&provider.name).await?;
    let mut starts = config
        .status
        .iter()
        .flat_map(|s| s.starts.clone())
        .collect();
    if !edit(&mut starts)? {
        return Ok(());
    }
    let patch = json!({
        "metadata": {"resourceVersion": config.resource_version(), "uid": config.meta().uid},
        "status": {"starts": starts},
    });
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    api(shared)
        .patch_status(&provider.name, &parameters, &Patch::Merge(&patch))
        .await?;
    Ok(())
}

fn api(shared: &Shared) -> Api<ProviderConfig> {
    Api::all(shared.client.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(uid: &str, arn: Option<&str>) -> StartRecord {
        StartRecord {
            token: "t".to_owned(),
            uid: Some(uid.to_owned()),
            at: api_time(Timestamp::UNIX_EPOCH),
            arn: arn.map(str::to_owned),
        }
    }

    #[test]
    fn whose_a_note_is_decides() {
        let judge = |records: &[StartRecord]| judge(records.iter(), Some("me"));
        assert_eq!(judge(&[]), Noted::Nothing);
        assert_eq!(judge(&[record("me", None)]), Noted::BySelf);
        assert_eq!(judge(&[record("you", None)]), Noted::ByPredecessor);
        for both in [
            [record("me", None), record("you", None)],
            [record("you", None), record("me", None)],
        ] {
            assert_eq!(judge(&both), Noted::ByPredecessor);
        }
        assert_eq!(
            judge(&[record("you", None), record("you", Some("arn"))]),
            Noted::Started("arn".to_owned())
        );
        assert_eq!(
            super::judge([record("me", None)].iter(), None),
            Noted::ByPredecessor
        );
    }
}
