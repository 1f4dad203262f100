//! An object that is being deleted and holds our finalizer.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Resource;
use tokio_util::sync::CancellationToken;

use super::describe::News;
use super::{Done, Engine, Found, Site, StatusOf, effective_deletion_policy};
use crate::api::common::{
    AdoptionPolicy, CommonStatus, DeletionPolicy, ManagementPolicy, Origin, Referrer,
};
use crate::api::conditions::Reason;
use crate::aws::{ErrorClass, Priority};
use crate::engine::decide::{Decision, Facts, decide};
use crate::engine::error::backoff;
use crate::engine::fail_point::fail_point;
use crate::engine::object::{Live, ManagedObject, dynamic_api};
use crate::engine::ownership::TagPlan;
use crate::engine::references::referrers;
use crate::engine::scheduler::{Pass, Requeue};
use crate::engine::status::Conclusion;
use crate::engine::{Error, ExternalObject, ExternalResource, Shared, api_time, events};

/// How soon a deletion that waits for referrers is tried again without being woken.
const RETRY_REFERENCED: Duration = Duration::from_secs(120);

/// How often it is tried to delete what was made for an object that is gone already.
const FOLLOW_ATTEMPTS: u32 = 8;

/// What ended, for the Event.
pub(super) struct Ended {
    pub(super) reason: Reason,
    pub(super) text: String,
}

impl Ended {
    fn released(text: &str) -> Self {
        Self {
            reason: Reason::Released,
            text: text.to_owned(),
        }
    }
}

impl<R: ExternalResource> Engine<R> {
    /// Deletes or lets go, as the policies say, and takes the finalizer off when that is done.
    pub(super) async fn end(
        &self,
        live: &mut Live<R::Object>,
        draft: &mut StatusOf<R>,
        pass: &Pass,
    ) -> Result<Done, Error> {
        let object = live.object.clone();
        let recorded = R::Object::common_status(draft).clone();
        let policy = effective_deletion_policy(&object, &recorded);
        let spec = object.common_spec();
        let observes = spec.management_policy == Some(ManagementPolicy::Observe);
        let never_applied =
            recorded.arn.is_none() && recorded.pending.is_empty() && recorded.applied.is_none();
        if observes {
            let ended = Ended::released("nothing in AWS to let go of");
            return self.release(live, ended).await;
        }
        match self
            .end_in_aws(&object, draft, &recorded, policy, pass)
            .await
        {
            Ok(ended) => self.release(live, ended).await,
            Err(error) if error.is_silent() => Err(error),
            // Nothing of ours was seen, and nothing can be seen now.
            Err(_) if never_applied => {
                let ended = Ended::released("nothing in AWS to let go of");
                self.release(live, ended).await
            }
            // Retain lets go at once, whatever AWS says.
            Err(error) if policy == DeletionPolicy::Retain => {
                let text =
                    format!("left as it is in AWS; our tags could not be taken off: {error}");
                self.release(live, Ended::released(&text)).await
            }
            Err(error @ Error::Held { .. }) => Err(error),
            Err(Error::Call(error)) if error.class == ErrorClass::Conflict => {
                Err(Error::Call(error))
            }
            Err(error) => Err(self.hold_back(&object, &error)),
        }
    }

    /// The API server may end a deletion that it began before our finalizer was on: the object is gone in spite of it. What this pass has
    /// begun in AWS goes the way of the object. What earlier passes made is left alone: an object that vanishes is no reason to delete.
    pub(super) async fn follow(&self, live: &Live<R::Object>, mut draft: StatusOf<R>) {
        let written = live.status();
        let before = R::Object::common_status(&written);
        let recorded = R::Object::common_status(&draft).clone();
        let known = |id: &str| {
            let items = before.applied.iter().flat_map(|a| &a.items);
            items.into_iter().any(|i| i.id == id)
        };
        let made = R::IDENTITY_IS_OURS
            && recorded
                .applied
                .iter()
                .flat_map(|a| &a.items)
                .any(|i| i.created_at.is_some() && !known(&i.id));
        let began = made
            || before.arn.is_none()
                && recorded.arn.is_some()
                && (recorded.origin == Some(Origin::Adopted)
                    || recorded
                        .applied
                        .iter()
                        .flat_map(|a| &a.items)
                        .any(|i| i.slot == R::SLOT && i.created_at.is_some()));
        if !began {
            return;
        }
        let mut object = live.object.clone();
        let now = api_time(self.shared.clock.now());
        object.meta_mut().deletion_timestamp.get_or_insert(now);
        let object = &object;
        let key = object.key();
        let policy = effective_deletion_policy(object, &recorded);
        let pass = Pass {
            priority: Priority::Edit,
            give_way: CancellationToken::new(),
        };
        let api = dynamic_api::<R::Object>(self.shared.client.clone(), key.namespace.as_deref());
        for attempt in 1..=FOLLOW_ATTEMPTS {
            // Made again meanwhile, it goes on with what is there.
            let ended = match api.get_metadata_opt(&key.name).await {
                Ok(Some(_)) => return,
                Ok(None) => {
                    self.end_in_aws(object, &mut draft, &recorded, policy, &pass)
                        .await
                }
                Err(error) => Err(error.into()),
            };
            match ended {
                Ok(ended) => {
                    events::normal(&self.shared, object, ended.reason, &ended.text).await;
                    return;
                }
                Err(error) => {
                    tracing::warn!(object = %key, %error, attempt, "the object is gone and what was made for it is not yet");
                    tokio::time::sleep(backoff(attempt)).await;
                }
            }
        }
    }

    /// A deletion that cannot be done now says how to let go.
    fn hold_back(&self, object: &R::Object, error: &Error) -> Error {
        let failures = self.remember(&object.key(), |_| {}).failures + 1;
        let retry = match error.requeue(failures) {
            Requeue::Retry(after) => after,
            _ => backoff(failures),
        };
        Error::Held {
            reason: error.reason().unwrap_or(Reason::Deleting),
            message: format!(
                "the deletion in AWS has to wait: {error}. To let go without deleting in AWS, set spec.deletionPolicy: Retain"
            ),
            retry,
        }
    }

    /// Deletes or lets go in AWS, as `policy` says.
    pub(super) async fn end_in_aws(
        &self,
        object: &R::Object,
        draft: &mut StatusOf<R>,
        recorded: &CommonStatus,
        policy: DeletionPolicy,
        pass: &Pass,
    ) -> Result<Ended, Error> {
        let all_gone = || Ok(Ended::released("AWS has no replication set any more"));
        let mut site = self.open(object, recorded, pass).await?;
        match site.check_onboarding::<R>(true).await {
            // The whole replication set is gone, and with it everything in it.
            Err(error) if error.reason() == Some(Reason::NoReplicationSet) => return all_gone(),
            other => other?,
        }
        // Whatever the last check said: what is about to be deleted is looked at now, tags included.
        let desired = self.still_wanted(&site, object).await;
        let desired = desired.as_ref();
        let found = self.look(&mut site, object, draft, recorded, desired, true);
        let found = match found.await {
            Err(error) if error.reason() == Some(Reason::NoReplicationSet) => return all_gone(),
            other => other?,
        };
        let Some(observed) = &found.observed else {
            if self.made_just_now(recorded) {
                return Err(Error::Settling);
            }
            return Ok(Ended::released(R::NOTHING_LEFT));
        };
        let referrers = referrers(&self.shared, &site.key, &R::arn(observed)).await?;
        R::Object::common_status_mut(draft)
            .referenced_by
            .clone_from(&referrers);
        let decision = decide(Facts {
            suspended: false,
            deleting: true,
            management: ManagementPolicy::Manage,
            adoption: AdoptionPolicy::Never,
            adoption_allowed: false,
            deletion: policy,
            observed: found.ownership,
            content_in_sync: true,
            in_sync: true,
            referenced: !referrers.is_empty(),
        });
        match decision {
            Decision::Delete => {
                if let Some(wait) = R::going(observed) {
                    return Err(wait);
                }
                let surroundings = self.resource.surroundings(object, Some(observed));
                R::permit_delete(object, observed, &surroundings, draft)?;
                self.delete(&site, object, draft, observed).await
            }
            Decision::Release { untag: true } => {
                self.take_tags_off(&site, &found, recorded).await?;
                Ok(Ended::released(if R::HAS_TAGS {
                    "left as it is in AWS, without our tags"
                } else {
                    "left as it is in AWS"
                }))
            }
            Decision::HoldForReferences => Err(held_by(&referrers)),
            _ if !R::HAS_TAGS && recorded.origin.is_some() => Ok(Ended::released(
                "AWS has something else than this object says, or what it says cannot be read any more: left alone. Delete it there if it is to go",
            )),
            _ => Ok(Ended::released("not ours in AWS: left alone")),
        }
    }

    /// What the spec of an object that is deleted says, where only that tells whose it is, and as far as it can be had.
    async fn still_wanted(&self, site: &Site, object: &R::Object) -> Option<R::Desired> {
        if R::HAS_TAGS {
            return None;
        }
        let references = self
            .resource
            .resolve(&self.shared, site.provider(), object)
            .await
            .ok()?;
        R::desired(object, &references, BTreeMap::new()).ok()
    }

    /// What was adopted is left as it was found; on what we made, the user's own tags stay.
    async fn take_tags_off(
        &self,
        site: &Site,
        found: &Found<R>,
        recorded: &CommonStatus,
    ) -> Result<(), Error> {
        let ours = site.claimant.tags(Origin::Created);
        let written: Vec<&String> = recorded.applied.iter().flat_map(|a| &a.tags).collect();
        let goes = |key: &&String| {
            ours.contains_key(*key) || (found.origin == Origin::Adopted && written.contains(key))
        };
        let remove: Vec<String> = found
            .tags
            .iter()
            .flat_map(BTreeMap::keys)
            .filter(goes)
            .cloned()
            .collect();
        let plan = TagPlan {
            set: BTreeMap::new(),
            remove,
        };
        for change in R::tag_changes(&plan, None, found.observed.as_ref()) {
            self.send_without_token(site, &change).await?;
        }
        Ok(())
    }

    async fn send_without_token(&self, site: &Site, change: &R::Change) -> Result<(), Error> {
        let nothing = BTreeMap::new();
        self.resource
            .apply(&site.session, &site.identity, change, "", &nothing)
            .await?;
        Ok(())
    }

    async fn delete(
        &self,
        site: &Site,
        object: &R::Object,
        status: &StatusOf<R>,
        observed: &R::Observed,
    ) -> Result<Ended, Error> {
        if R::counts_against_budget(observed) {
            let provider = site.provider();
            provider.spend_deletion(&self.shared, &site.key).await?;
            fail_point("after-budget");
        }
        let mut texts = vec![];
        for change in R::plan_delete(observed) {
            match self.send_without_token(site, &change).await {
                Ok(()) => {
                    tracing::info!(object = %site.key, %change, "changed AWS");
                    texts.push(change.to_string());
                }
                Err(Error::Call(error)) if error.class == ErrorClass::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        fail_point("after-delete");
        // A deletion ends only when AWS says absent.
        match self.observe(site, object, status).await {
            Ok(None) => {}
            Err(error) if error.reason() == Some(Reason::NoReplicationSet) => {}
            Ok(Some(seen)) => return Err(R::going(&seen).unwrap_or(Error::Settling)),
            Err(error) => return Err(error),
        }
        Ok(Ended {
            reason: Reason::Deleted,
            text: texts.join("; "),
        })
    }

    async fn release(&self, live: &mut Live<R::Object>, ended: Ended) -> Result<Done, Error> {
        fail_point("before-finalizer-removal");
        let object = live.object.clone();
        live.remove_finalizer().await?;
        let config = Shared::provider_config_key(Self::provider_name(&object));
        let soon = Duration::from_secs(1);
        self.shared
            .scheduler
            .wake_later(config, Priority::Edit, soon);
        events::normal(&self.shared, &object, ended.reason, &ended.text).await;
        self.forget(&object.key());
        Ok(Done {
            conclusion: Conclusion::Progress {
                reason: Reason::Deleting,
                message: ended.text,
            },
            changed: None,
            news: News::default(),
            requeue: Requeue::OnChange,
        })
    }
}

fn held_by(referrers: &[Referrer]) -> Error {
    let name = |r: &Referrer| match &r.namespace {
        Some(namespace) => format!("{} {namespace}/{}", r.kind, r.name),
        None => format!("{} {}", r.kind, r.name),
    };
    let names: Vec<String> = referrers.iter().map(name).collect();
    Error::Held {
        reason: Reason::StillReferenced,
        message: format!(
            "still referred to by {}: take it out there first",
            names.join(", ")
        ),
        retry: RETRY_REFERENCED,
    }
}
