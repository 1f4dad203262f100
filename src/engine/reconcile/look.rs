//! Where an object's resource is, what AWS has there, and whose it is.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::SignedDuration;
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};

use super::{Engine, Found, Site, StatusOf, TAGS_EVERY};
use crate::api::common::{AppliedItem, AppliedStatus, CommonStatus, Origin};
use crate::aws::{Priority, tag};
use crate::engine::connect::{self, connect};
use crate::engine::decide::Ownership;
use crate::engine::object::{ManagedObject, age};
use crate::engine::ownership::{Claim, desired_tags};
use crate::engine::scheduler::{ObjectKey, Pass};
use crate::engine::{Error, ExternalObject, ExternalResource, Provider, Sight};

/// AWS may take this long to show what was made; until then its absence proves nothing.
pub(super) const CONSISTENCY_WINDOW: SignedDuration = SignedDuration::from_secs(15);

impl<R: ExternalResource> Engine<R> {
    /// ProviderConfig, account and a session on it; STS has confirmed the account.
    pub(super) async fn open(
        &self,
        object: &R::Object,
        recorded: &CommonStatus,
        pass: &Pass,
    ) -> Result<Site, Error> {
        let key = object.key();
        let name = object.provider_config().unwrap_or("default");
        let namespace = object.namespace();
        let placement = recorded.placement.as_ref();
        let provider = connect(&self.shared, namespace.as_deref(), name, placement).await?;
        let session = provider
            .account
            .session(pass.priority, pass.give_way.clone());
        provider.confirm(&session).await?;
        let claimant = provider.claimant(&key);
        let identity = R::identity(object, &provider);
        Ok(Site {
            key,
            provider,
            session,
            claimant,
            identity,
            taggable: R::HAS_TAGS,
        })
    }

    /// The tags that the resource should carry, none where tags cannot be had.
    pub(super) fn wanted_tags(
        object: &R::Object,
        site: &Site,
        origin: Origin,
    ) -> Result<BTreeMap<String, String>, Error> {
        if !site.taggable {
            return Ok(BTreeMap::new());
        }
        let none = BTreeMap::new();
        let defaults = site.provider.spec.default_tags.as_ref();
        let defaults = defaults.map_or(&none, |t| &t.0);
        let own = object.common_spec().tags.as_ref().map_or(&none, |t| &t.0);
        let mut asked = defaults.clone();
        asked.extend(own.clone());
        let problems: Vec<String> = tag::problems(&asked)
            .iter()
            .map(ToString::to_string)
            .collect();
        if !problems.is_empty() {
            return Err(Error::invalid(format!(
                "spec.tags, together with the {} default tags of ProviderConfig \"{}\", cannot be set: {} (CHK-51)",
                defaults.len(),
                site.provider.name,
                problems.join("; ")
            )));
        }
        Ok(desired_tags(defaults, own, &site.claimant, origin))
    }

    /// Reads AWS, tags apart.
    pub(super) async fn observe(
        &self,
        site: &Site,
        object: &R::Object,
        status: &StatusOf<R>,
    ) -> Result<Option<R::Observed>, Error> {
        let sight = Sight {
            session: &site.session,
            identity: &site.identity,
            claimant: &site.claimant,
            object,
            status,
            now: self.shared.clock.now(),
        };
        match self.resource.observe(sight).await {
            Err(error) if error.may_mean_not_onboarded() => {
                // Before anybody is blamed for bad input: perhaps there is no replication set any more.
                site.provider
                    .onboarding_within(&site.session, Duration::ZERO)
                    .await?;
                Err(error.into())
            }
            other => Ok(other?),
        }
    }

    /// Reads AWS and says whose it is. Without `with_tags` what the status knows is believed. Without `desired` what the spec says cannot be
    /// had.
    pub(super) async fn look(
        &self,
        site: &mut Site,
        object: &R::Object,
        status: &StatusOf<R>,
        recorded: &CommonStatus,
        desired: Option<&R::Desired>,
        with_tags: bool,
    ) -> Result<Found<R>, Error> {
        let Some(mut observed) = self.observe(site, object, status).await? else {
            // Without tags nothing would say later that it was adopted.
            let before = recorded.origin.filter(|_| !R::HAS_TAGS);
            return Ok(Found {
                observed: None,
                ownership: None,
                origin: before.unwrap_or(Origin::Created),
                tags: None,
                holder: None,
            });
        };
        if let Some(taggable) = R::taggable(&observed, &site.provider.spec.region) {
            site.taggable = taggable;
        }
        if R::IDENTITY_IS_OURS {
            return Ok(Found {
                observed: Some(observed),
                ownership: Some(Ownership::Ours),
                origin: recorded.origin.unwrap_or(Origin::Created),
                tags: None,
                holder: None,
            });
        }
        if R::other_type(&observed).is_some() {
            return Ok(Found {
                observed: Some(observed),
                ownership: Some(Ownership::Foreign),
                origin: Origin::Adopted,
                tags: None,
                holder: None,
            });
        }
        let known = recorded
            .origin
            .filter(|_| is_recorded::<R>(recorded, &R::arn(&observed)))
            .filter(|_| self.resource.bears_out(object, &observed, desired));
        // What a backup says of whose it is may be long past.
        let unseen = || self.remember(&site.key, |_| {}).tags.is_none();
        let with_tags = with_tags || (object.has_old_status() && unseen());
        let tags = if site.taggable && (known.is_none() || with_tags) {
            self.resource
                .read_tags(&site.session, &mut observed)
                .await?
        } else {
            None
        };
        let Some(tags) = tags else {
            // A copy brings the status of the original along, and with it what is the original's.
            let elders_only = known.is_some();
            let holder = (!site.taggable || known.is_none())
                .then(|| self.recorded_elsewhere(object, &R::arn(&observed), elders_only))
                .flatten();
            return Ok(Found {
                observed: Some(observed),
                ownership: Some(match (known, &holder) {
                    (_, Some(_)) => Ownership::Foreign,
                    (Some(_), None) => Ownership::Ours,
                    (None, None) => Ownership::Unclaimed,
                }),
                origin: known.unwrap_or(Origin::Adopted),
                tags: None,
                holder,
            });
        };
        self.remember(&site.key, |m| m.checks_without_tags = Some(0));
        // Somebody took tags off, but something that AWS assigned to us is still there: this is what we made.
        let same = |applied: &AppliedStatus| R::same_incarnation(&observed, applied);
        let same = recorded.applied.as_ref().is_some_and(same);
        let own_name = |object: &String| object == site.claimant.object.as_str();
        let (ownership, origin, holder) = match (site.claimant.claim(&tags), known) {
            (Claim::Ours(origin), _) => (Ownership::Ours, origin, None),
            (Claim::Unclaimed, Some(origin)) if same => (Ownership::Ours, origin, None),
            (Claim::Half { .. }, Some(origin))
                if same && tags.get(tag::OBJECT).is_none_or(own_name) =>
            {
                (Ownership::Ours, origin, None)
            }
            (Claim::Unclaimed, _) => (Ownership::Unclaimed, Origin::Adopted, None),
            // Half a claim is somebody's claim.
            (Claim::Half { missing }, _) => (
                Ownership::Foreign,
                Origin::Adopted,
                Some(format!(
                    "somebody whom its tags do not name, because \"{missing}\" is missing (put it back, or take off the other ownership tags)"
                )),
            ),
            (Claim::OtherOwner(owner), _) => (
                Ownership::Foreign,
                Origin::Adopted,
                Some(format!(
                    "the owner \"{owner}\" (another cluster or operator)"
                )),
            ),
            (Claim::OtherObject(holder), _) => {
                let gone = connect::is_gone(&self.shared, &holder).await?;
                let ownership = if gone {
                    Ownership::OrphanOfOurs
                } else {
                    Ownership::Foreign
                };
                (ownership, Origin::Adopted, Some(holder))
            }
        };
        Ok(Found {
            observed: Some(observed),
            ownership: Some(ownership),
            origin,
            tags: Some(tags),
            holder,
        })
    }

    /// The object whose status says that what is at `arn` is its own: where there are no tags, nothing else tells.
    fn recorded_elsewhere(
        &self,
        object: &R::Object,
        arn: &str,
        elders_only: bool,
    ) -> Option<String> {
        let key = object.key();
        let holds = |guard: &DeserializeGuard<R::Object>| {
            guard.0.as_ref().is_ok_and(|other| {
                let common = other.status().map(R::Object::common_status);
                other.key() != key
                    && (!elders_only || age(other.meta()) < age(object.meta()))
                    && common.is_some_and(|c| c.origin.is_some() && c.arn.as_deref() == Some(arn))
            })
        };
        let holder = self.store.filter(holds).into_iter().next()?;
        Some(self.store.key(&holder).identity())
    }

    /// Whether this pass reads tags. Drift checks do it now and then: it costs a call of its own and tags change rarely.
    /// `asked_for` tells other tags from those of the last pass: a ProviderConfig's default tags are no part of the object.
    pub(super) fn tags_are_due(&self, key: &ObjectKey, pass: &Pass, asked_for: u64) -> bool {
        if pass.priority != Priority::Drift {
            return true;
        }
        // After a restart the first reading is spread over the following checks.
        let hash = |sum: u32, byte: u8| sum.wrapping_mul(31).wrapping_add(u32::from(byte));
        let spread = key.name.bytes().fold(0, hash) % TAGS_EVERY;
        let memory = self.remember(key, |m| {
            m.checks_without_tags = Some(m.checks_without_tags.map_or(spread, |n| n + 1));
        });
        memory.tags.is_some_and(|tags| tags != asked_for)
            || memory.checks_without_tags.is_some_and(|n| n >= TAGS_EVERY)
    }

    /// What we made and AWS does not show: too soon to tell, or confirmed gone, in which case making it again is a new request.
    pub(super) fn settle_absences(
        &self,
        common: &mut CommonStatus,
        desired: &R::Desired,
        observed: Option<&R::Observed>,
    ) -> Result<(), Error> {
        let present = observed.map_or_else(Vec::new, |o| R::items(desired, o));
        let Some(applied) = common.applied.as_mut() else {
            return Ok(());
        };
        let absent = |item: &AppliedItem| {
            !present
                .iter()
                .any(|(slot, id)| *id == item.id || *slot == item.slot)
                && (observed.is_none() || R::is_wanted(desired, &item.slot))
        };
        let now = self.shared.clock.now();
        let young = |item: &AppliedItem| {
            item.created_at
                .as_ref()
                .is_some_and(|at| now.duration_since(at.0) < CONSISTENCY_WINDOW)
        };
        if applied.items.iter().any(|item| absent(item) && young(item)) {
            return Err(Error::Settling);
        }
        let before = applied.items.len();
        applied.items.retain(|item| !absent(item));
        if applied.items.len() < before {
            common.epoch = Some(common.epoch.unwrap_or(0) + 1);
        }
        Ok(())
    }

    /// Something was made so recently that AWS may not show it yet.
    pub(super) fn made_just_now(&self, recorded: &CommonStatus) -> bool {
        let now = self.shared.clock.now();
        let items = recorded.applied.iter().flat_map(|a| &a.items);
        items
            .filter_map(|i| i.created_at.as_ref())
            .chain(recorded.pending.iter().map(|p| &p.since))
            .any(|at| now.duration_since(at.0) < CONSISTENCY_WINDOW)
    }

    /// The default of `spec.providerConfigRef`, by name.
    pub(super) fn provider_name(object: &R::Object) -> &str {
        object.provider_config().unwrap_or("default")
    }
}

/// Tells one set of tags from another.
pub(super) fn fingerprint(tags: &BTreeMap<String, String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    tags.hash(&mut hasher);
    hasher.finish()
}

/// Whether our own status says that the resource at `arn` is ours: saved, or its creation begun after AWS had said that there is none.
fn is_recorded<R: ExternalResource>(recorded: &CommonStatus, arn: &str) -> bool {
    recorded.arn.as_deref() == Some(arn)
        || recorded.pending.iter().any(|p| p.slot == R::SLOT)
        || recorded
            .applied
            .iter()
            .flat_map(|a| &a.items)
            .any(|i| i.slot == R::SLOT && i.id == arn)
}

impl Site {
    /// The account is set up and this Region is in the set, as far as the kind needs that; notes whether tags work here.
    pub(super) async fn check_onboarding<R: ExternalResource>(
        &mut self,
        known: bool,
    ) -> Result<(), Error> {
        if !R::NEEDS_REPLICATION_SET {
            return Ok(());
        }
        let onboarding = self.provider.onboarding(&self.session, known).await?;
        self.taggable = R::HAS_TAGS && onboarding.taggable;
        Ok(())
    }

    /// The ProviderConfig and its account.
    pub(super) fn provider(&self) -> &Provider {
        &self.provider
    }
}
