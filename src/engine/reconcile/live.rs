//! An object that is not being deleted: resolve, desired, observe, plan, decide, apply.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::{Resource, ResourceExt};

use super::describe::Moment;
use super::look::fingerprint;
use super::{Done, Engine, Found, Site, StatusOf};
use crate::api::common::{
    AppliedItem, ChangeAction, CommonStatus, ManagementPolicy, Origin, PendingChange, PendingCreate,
};
use crate::api::conditions::{ConditionType, Reason};
use crate::aws::{CallError, Priority, token};
use crate::engine::decide::{Decision, Facts, Ownership, Refusal, decide};
use crate::engine::fail_point::fail_point;
use crate::engine::object::{Live, ManagedObject};
use crate::engine::ownership::{TagPlan, plan_tags};
use crate::engine::references::referrers;
use crate::engine::scheduler::Pass;
use crate::engine::status::{self, Conclusion};
use crate::engine::{Change, Error, ExternalObject, ExternalResource, Memory, api_time, events};

/// What `decide` decided, and what follows from it.
pub(super) struct Verdict<C> {
    pub(super) decision: Decision,
    /// In the order in which they are sent.
    pub(super) changes: Vec<C>,
    tags: TagPlan,
    pub(super) origin: Origin,
}

/// What a pass over a living object comes to before anything is written.
pub(super) struct Weighed<R: ExternalResource> {
    pub(super) site: Site,
    pub(super) references: R::References,
    pub(super) desired: R::Desired,
    pub(super) found: Found<R>,
    pub(super) verdict: Verdict<R::Change>,
    /// Fingerprint of the tags that are asked for.
    asked_for: u64,
}

impl<R: ExternalResource> Engine<R> {
    /// Makes AWS what the spec says, as far as that is allowed.
    pub(super) async fn converge(
        &self,
        live: &mut Live<R::Object>,
        draft: &mut StatusOf<R>,
        pass: &Pass,
    ) -> Result<Done, Error> {
        let object = live.object.clone();
        let recorded = R::Object::common_status(draft).clone();
        let asked_before = object.status().and_then(|s| {
            R::Object::common_status(s)
                .last_handled_reconcile_at
                .clone()
        });
        let checks =
            pass.priority == Priority::Drift || asked_before != recorded.last_handled_reconcile_at;
        self.hand_off(live, draft).await?;
        let Weighed {
            site,
            references,
            desired,
            found,
            mut verdict,
            asked_for,
        } = self.weigh(&object, draft, pass).await?;
        match verdict.decision {
            Decision::Report => {
                return Ok(self.report_only(&object, &site, draft, &desired, &found));
            }
            Decision::Refuse(refusal) => {
                // What is gone is not shown on as if it were there.
                if R::SHOWS_WHAT_IS_REFUSED || refusal == Refusal::NothingToObserve {
                    self.show(&object, draft, &desired, found.observed.as_ref());
                }
                self.note_resolved(&object, draft, &references);
                return self.refuse(&object, &site, draft, &found, refusal);
            }
            _ => {}
        }
        Self::permit(draft, &desired, &found, &verdict)
            .inspect_err(|_| self.note_resolved(&object, draft, &references))?;
        self.put_off(draft, &desired, &found, &mut verdict);
        // Nobody asked for anything new: somebody has changed AWS.
        let drifted = recorded.observed_generation == object.meta().generation && checks;
        let mut texts = vec![];
        let observed = if verdict.changes.is_empty() {
            // An object that was made again and goes on with what is there: its deletion must not pass us by.
            let holds = |o| !R::IDENTITY_IS_OURS || !R::items(&desired, o).is_empty();
            if !live.object.has_finalizer() && found.observed.as_ref().is_some_and(holds) {
                site.provider().hold(&self.shared).await?;
                live.add_finalizer().await?;
            }
            found.observed
        } else {
            self.prepare(live, draft, &site, &desired, &verdict).await?;
            if !live.fresh {
                return Err(Error::Unread);
            }
            let before = found.observed;
            let result = self
                .carry_out(live, draft, &site, &desired, before, &verdict, &mut texts)
                .await;
            if !texts.is_empty() && Self::puts_back(&verdict, &recorded, drifted) {
                let metrics = &self.shared.metrics;
                metrics.drift_corrected(R::Object::KIND, site.key.namespace.as_deref());
            }
            let reached = result.and_then(|(observed, read_back)| {
                // AWS may have kept something else than it was asked for.
                if read_back && !self.plan(&desired, observed.as_ref(), draft)?.is_empty() {
                    return Err(Error::Settling);
                }
                Ok(observed)
            });
            match reached {
                Ok(observed) => observed,
                Err(error) => {
                    if matches!(error, Error::InProgress { .. }) {
                        let unsent = verdict.changes.iter().skip(texts.len());
                        let unsent: Vec<_> = unsent.flat_map(Change::pending).collect();
                        let common = R::Object::common_status_mut(draft);
                        common.pending_changes.splice(0..0, unsent);
                    }
                    if !error.is_silent() {
                        self.note_resolved(&object, draft, &references);
                    }
                    if !texts.is_empty() {
                        let note = match error {
                            Error::Settling => texts.join("; "),
                            _ => format!("{}; then stopped", texts.join("; ")),
                        };
                        let reason = Self::event_reason(&verdict, &recorded, false);
                        events::normal(&self.shared, &live.object, reason, &note).await;
                    }
                    return Err(error);
                }
            }
        };
        let reason = Self::event_reason(&verdict, &recorded, drifted);
        self.remember(&site.key, |m| m.tags = Some(asked_for));
        let origin = Some(verdict.origin);
        R::Object::common_status_mut(draft).references = R::records(&references);
        if let Some(tags) = &found.tags {
            let wanted = match verdict.origin {
                Origin::Created => Self::wanted_tags(&object, &site, verdict.origin)?,
                // What it had before it was adopted is not ours.
                Origin::Adopted => site.claimant.tags(verdict.origin),
            };
            note_tags(R::Object::common_status_mut(draft), &wanted, tags);
        }
        let Moment { edge, news } =
            self.describe(&object, &site, draft, &desired, observed.as_ref(), origin);
        let now = self.shared.clock.now();
        let unfinished = || R::unfinished(&desired, observed.as_ref(), now);
        if let Some(caveat) = R::caveat(&references).or_else(unfinished) {
            if !texts.is_empty() {
                events::normal(&self.shared, &live.object, reason, &texts.join("; ")).await;
            }
            self.tell(&live.object, &news).await;
            return Err(caveat);
        }
        let (well, message) = R::well(&desired, now);
        // Without tags nothing is sent, and it is news nevertheless.
        let taken_over =
            || (verdict.decision == Decision::Adopt).then(|| "taken over as it is".to_owned());
        let changed = (!texts.is_empty()).then(|| texts.join("; "));
        let changed = changed.or_else(taken_over).map(|text| (reason, text));
        Ok(Done {
            news,
            conclusion: Conclusion::InSync {
                reason: well,
                message,
            },
            changed,
            requeue: self.next_check(edge),
        })
    }

    /// Resolves, observes, plans and decides. Reads AWS and the cluster, and writes nothing but `draft`: `incident-operator plan` asks it, too.
    pub(super) async fn weigh(
        &self,
        object: &R::Object,
        draft: &mut StatusOf<R>,
        pass: &Pass,
    ) -> Result<Weighed<R>, Error> {
        let recorded = R::Object::common_status(draft).clone();
        let mut site = self.open(object, &recorded, pass).await?;
        let known = recorded.arn.is_some() || (R::IDENTITY_IS_OURS && recorded.applied.is_some());
        site.check_onboarding::<R>(known).await?;

        let references = self
            .resource
            .resolve(&self.shared, site.provider(), object)
            .await?;
        let tags = Self::wanted_tags(object, &site, Origin::Created)?;
        let asked_for = fingerprint(&tags);
        let desired = R::desired(object, &references, tags)
            .inspect_err(|_| self.note_resolved(object, draft, &references))?;
        let due = self.tags_are_due(&site.key, pass, asked_for);
        let mut found = self
            .look(&mut site, object, draft, &recorded, Some(&desired), due)
            .await?;
        if let Some(other) = found.observed.as_ref().and_then(R::other_type) {
            return Err(Error::refused(Reason::AlreadyExists, other));
        }
        self.settle_absences(
            R::Object::common_status_mut(draft),
            &desired,
            found.observed.as_ref(),
        )?;
        let mut content = self.plan(&desired, found.observed.as_ref(), draft)?;
        // Nothing is written to what may have changed hands: ownership is read in the pass that writes.
        let unread = found.observed.is_some()
            && found.tags.is_none()
            && site.taggable
            && !R::IDENTITY_IS_OURS;
        if unread && !content.is_empty() {
            found = self
                .look(&mut site, object, draft, &recorded, Some(&desired), true)
                .await?;
            content = self.plan(&desired, found.observed.as_ref(), draft)?;
        }
        // Who waited for it to be made is known before it is.
        let arn = found.observed.as_ref().map(R::arn);
        let arn = arn.unwrap_or_else(|| site.identity.clone());
        let referrers = referrers(&self.shared, &site.key, &arn).await?;
        R::Object::common_status_mut(draft).referenced_by = referrers;
        let verdict = Self::judge(object, &site, draft, &desired, &found, content)?;
        Ok(Weighed {
            site,
            references,
            desired,
            found,
            verdict,
            asked_for,
        })
    }

    /// Something else stands in the way than a reference that was not found.
    fn note_resolved(&self, object: &R::Object, draft: &mut StatusOf<R>, found: &R::References) {
        if R::caveat(found).is_none() {
            let common = R::Object::common_status_mut(draft);
            let generation = object.meta().generation;
            status::references_resolved(common, generation, self.shared.clock.now());
        }
    }

    /// Whether the changes may be made to what is ours; says in the status what is held back.
    pub(super) fn permit(
        draft: &mut StatusOf<R>,
        desired: &R::Desired,
        found: &Found<R>,
        verdict: &Verdict<R::Change>,
    ) -> Result<(), Error> {
        let observed = found.observed.as_ref();
        R::permit(desired, observed, &verdict.changes).inspect_err(|_| {
            let held_back = verdict.changes.iter().flat_map(Change::pending);
            R::Object::common_status_mut(draft).pending_changes = held_back.collect();
        })
    }

    /// Leaves what is sent in this pass; the rest shows in the status.
    fn put_off(
        &self,
        draft: &mut StatusOf<R>,
        desired: &R::Desired,
        found: &Found<R>,
        verdict: &mut Verdict<R::Change>,
    ) {
        let all: Vec<Vec<PendingChange>> = verdict.changes.iter().map(Change::pending).collect();
        let changes = std::mem::take(&mut verdict.changes);
        let now = self.shared.clock.now();
        verdict.changes = R::due(desired, found.observed.as_ref(), changes, now);
        if verdict.changes.len() < all.len() {
            let sent: Vec<Vec<PendingChange>> =
                verdict.changes.iter().map(Change::pending).collect();
            let later = all.into_iter().filter(|pending| !sent.contains(pending));
            R::Object::common_status_mut(draft).pending_changes = later.flatten().collect();
        }
    }

    /// What was done, in a word.
    fn event_reason(
        verdict: &Verdict<R::Change>,
        recorded: &CommonStatus,
        drifted: bool,
    ) -> Reason {
        if let Some(reason) = verdict.changes.iter().find_map(Change::reason) {
            return reason;
        }
        match verdict.decision {
            Decision::Create => Reason::Created,
            Decision::Adopt | Decision::AdoptAndUpdate => Reason::Adopted,
            _ if R::IDENTITY_IS_OURS
                && recorded.applied.as_ref().is_none_or(|a| a.items.is_empty()) =>
            {
                Reason::Created
            }
            _ if drifted => Reason::DriftCorrected,
            _ => Reason::Updated,
        }
    }

    /// Whether the changes undo what somebody else has done in AWS; what was deleted there is made again.
    fn puts_back(verdict: &Verdict<R::Change>, recorded: &CommonStatus, drifted: bool) -> bool {
        let made_again = verdict.decision == Decision::Create && recorded.arn.is_some();
        let reason = Self::event_reason(verdict, recorded, drifted);
        drifted && (made_again || reason == Reason::DriftCorrected)
    }

    fn plan(
        &self,
        desired: &R::Desired,
        observed: Option<&R::Observed>,
        draft: &StatusOf<R>,
    ) -> Result<Vec<R::Change>, Error> {
        let common = R::Object::common_status(draft);
        let applied = common.applied.clone().unwrap_or_default();
        let memory = Memory {
            applied: &applied,
            pending: &common.pending,
            now: self.shared.clock.now(),
        };
        R::plan(desired, observed, memory)
    }

    /// From what is there and what would change to a decision; says in the status what would change and is not.
    fn judge(
        object: &R::Object,
        site: &Site,
        draft: &mut StatusOf<R>,
        desired: &R::Desired,
        found: &Found<R>,
        content: Vec<R::Change>,
    ) -> Result<Verdict<R::Change>, Error> {
        let common = R::Object::common_status_mut(draft);
        let held = common.applied.iter().any(|a| !a.items.is_empty()) || !common.pending.is_empty();
        let known = common.origin.is_some() && held;
        let takes_over = !known && content.iter().any(Change::adopts);
        let origin = match found.ownership {
            None => found.origin,
            Some(Ownership::Ours) if takes_over => Origin::Adopted,
            Some(Ownership::Ours) => found.origin,
            Some(_) => Origin::Adopted,
        };
        let written = common.applied.iter().flat_map(|a| a.tags.clone());
        let written: Vec<String> = written.collect();
        let (tags, all) = match &found.tags {
            Some(tags) if found.ownership != Some(Ownership::Foreign) => {
                let all = Self::wanted_tags(object, site, origin)?;
                (plan_tags(&all, tags, &written), Some(all))
            }
            _ => (TagPlan::default(), None),
        };
        let wanted = all.as_ref().map(|all| (desired, all));
        let tag_changes = R::tag_changes(&tags, wanted, found.observed.as_ref());
        let overwritten = found.tags.as_ref().map(|seen| tags.overwritten(seen));
        let overwritten = overwritten.unwrap_or_default();
        let spec = object.common_spec();
        let management = spec.management_policy.unwrap_or_default();
        let decision = decide(Facts {
            suspended: false,
            deleting: false,
            management,
            adoption: spec.adoption_policy.unwrap_or_default(),
            adoption_allowed: site.provider().adoption_allowed,
            deletion: super::effective_deletion_policy(object, common),
            observed: found.ownership,
            content_in_sync: content.is_empty() && overwritten.is_empty(),
            in_sync: content.is_empty() && tag_changes.is_empty(),
            referenced: false,
        });
        let mut pending: Vec<_> = content.iter().flat_map(Change::pending).collect();
        if management == ManagementPolicy::Manage {
            // Tags that are only added are no obstacle.
            pending.extend(overwritten.iter().map(|key| PendingChange {
                path: format!("tags[{key}]"),
                action: ChangeAction::Update,
            }));
        }
        common.pending_changes = match decision {
            Decision::Report | Decision::Refuse(Refusal::AdoptionWouldChange) => pending,
            _ => vec![],
        };
        let changes = match decision {
            Decision::Create => content,
            Decision::Update => content.into_iter().chain(tag_changes).collect(),
            Decision::Adopt => tag_changes,
            Decision::AdoptAndUpdate => tag_changes.into_iter().chain(content).collect(),
            _ => vec![],
        };
        Ok(Verdict {
            decision,
            changes,
            tags,
            origin,
        })
    }

    /// Everything that is written before the first AWS write: the ProviderConfig's finalizer, ours, and what is about to be made.
    async fn prepare(
        &self,
        live: &mut Live<R::Object>,
        draft: &mut StatusOf<R>,
        site: &Site,
        desired: &R::Desired,
        verdict: &Verdict<R::Change>,
    ) -> Result<(), Error> {
        site.provider().hold(&self.shared).await?;
        live.add_finalizer().await?;
        fail_point("after-finalizer");
        let creating = verdict.decision == Decision::Create;
        let adopting = matches!(verdict.decision, Decision::Adopt | Decision::AdoptAndUpdate);
        let tags: Vec<String> = if creating {
            let tags = Self::wanted_tags(&live.object, site, verdict.origin)?;
            tags.into_keys().collect()
        } else {
            verdict.tags.set.keys().cloned().collect()
        };
        let before = draft.clone();
        let now = self.shared.clock.now();
        R::foretell(desired, &verdict.changes, draft, now);
        let common = R::Object::common_status_mut(draft);
        begin(common, live, site, &verdict.changes, now);
        let applied = common.applied.get_or_insert_default();
        for tag in tags {
            if !applied.tags.contains(&tag) {
                applied.tags.push(tag);
            }
        }
        applied.tags.sort();
        common.placement = Some(site.provider().placement());
        // What is there already may just have been taken by another object.
        let takes_over = verdict.changes.iter().any(Change::adopts);
        if (common.origin.is_none() && !takes_over) || creating || adopting {
            common.origin = Some(verdict.origin);
        }
        if *draft == before {
            return Ok(());
        }
        let common = R::Object::common_status_mut(draft);
        if live.object.has_old_status() {
            // What is begun now is this object's own, and is to be believed after a crash.
            common.conditions.retain(|c| c.type_ != "Ready");
        }
        if status::condition(common, ConditionType::Ready).is_none_or(|c| c.status != "True") {
            let message = if creating {
                "being made in AWS"
            } else {
                "being changed in AWS"
            };
            let working = Conclusion::Progress {
                reason: Reason::Progressing,
                message: message.to_owned(),
            };
            let observed_generation = common.observed_generation;
            let at = live.object.judged_at(now);
            status::conclude(common, live.object.meta().generation, &working, at);
            common.observed_generation = observed_generation;
        }
        live.write_status(draft).await?;
        fail_point("after-write-ahead");
        Ok(())
    }

    /// Sends the changes one after the other. What was reached is in `draft` and `texts` even when one fails. Returns what AWS has, and
    /// whether that was read back.
    #[allow(
        clippy::too_many_arguments,
        reason = "two of them are what it fills even when it fails"
    )]
    async fn carry_out(
        &self,
        live: &mut Live<R::Object>,
        draft: &mut StatusOf<R>,
        site: &Site,
        desired: &R::Desired,
        mut observed: Option<R::Observed>,
        verdict: &Verdict<R::Change>,
        texts: &mut Vec<String>,
    ) -> Result<(Option<R::Observed>, bool), Error> {
        let mut uncertain = false;
        let items = |o| R::items(desired, o).into_iter().collect();
        let mut ids: BTreeMap<String, String> = observed.as_ref().map(items).unwrap_or_default();
        for change in &verdict.changes {
            let slot = change.slot();
            let token = begun_token(R::Object::common_status(draft), slot.as_deref());
            let result = self
                .resource
                .apply(&site.session, &site.identity, change, &token, &ids)
                .await;
            let applied = match result {
                Ok(applied) => applied,
                Err(error) => {
                    let now = self.shared.clock.now();
                    let known = R::refused(change, &error, observed.as_ref(), draft, now);
                    return Err(match known {
                        Some(known) => known,
                        None => self.explain_failure(site, error).await,
                    });
                }
            };
            tracing::info!(object = %site.key, %change, "changed AWS");
            texts.push(change.to_string());
            let common = R::Object::common_status_mut(draft);
            if change.adopts() {
                common.origin = Some(verdict.origin);
            }
            if let (Some(slot), Some(id)) = (&slot, &applied.id) {
                ids.insert(slot.clone(), id.clone());
                record_item(common, slot, id, self.shared.clock.now());
                if slot == R::SLOT {
                    common.arn = Some(id.clone());
                }
            }
            if let Some(freed) = change.frees() {
                let again = |c: &R::Change| c.slot().as_ref() == Some(&freed);
                if !verdict.changes.iter().any(again) {
                    settle(common, |slot| slot == freed);
                }
                if let Some(applied) = common.applied.as_mut() {
                    applied.items.retain(|i| i.slot != freed);
                }
            }
            uncertain |= R::must_observe_after(change);
            observed = R::project(observed, desired, change, applied.id.as_deref());
            if applied.save_now {
                live.write_status(draft).await?;
                fail_point("after-saved-id");
            }
        }
        fail_point("after-changes");
        if !uncertain {
            return Ok((observed, false));
        }
        match self.observe(site, &live.object, draft).await? {
            Some(seen) => Ok((Some(seen), true)),
            // AWS does not show it yet.
            None => Err(Error::Settling),
        }
    }

    async fn explain_failure(&self, site: &Site, error: CallError) -> Error {
        if error.may_mean_not_onboarded() {
            let provider = site.provider();
            let now = Duration::ZERO;
            if let Err(reason) = provider.onboarding_within(&site.session, now).await {
                return reason;
            }
        }
        R::explain(&error).unwrap_or_else(|| error.into())
    }
}

/// What we made carries the tags that the manifest asks for because we have set them, though the status may be lost: one that leaves the
/// manifest leaves AWS.
fn note_tags(
    common: &mut CommonStatus,
    wanted: &BTreeMap<String, String>,
    observed: &BTreeMap<String, String>,
) {
    let tags = &mut common.applied.get_or_insert_default().tags;
    let there = |(key, value): &(&String, &String)| observed.get(*key) == Some(*value);
    for (key, _) in wanted.iter().filter(there) {
        if !tags.contains(key) {
            tags.push(key.clone());
        }
    }
    tags.sort();
}

/// Writes down which creations are about to begin, each with the token that makes it one request however often it is sent.
fn begin<C: Change, K: ManagedObject>(
    common: &mut CommonStatus,
    live: &Live<K>,
    site: &Site,
    changes: &[C],
    now: jiff::Timestamp,
) {
    let uid = live.object.uid().unwrap_or_default();
    let epoch = u64::try_from(common.epoch.unwrap_or(0)).unwrap_or(0);
    let claimant = &site.claimant;
    let made = changes.iter().filter(|c| !c.adopts());
    for slot in made.filter_map(Change::slot) {
        if !common.pending.iter().any(|p| p.slot == slot) {
            let token = token::idempotency_token(
                &claimant.owner,
                claimant.object.as_str(),
                &uid,
                &slot,
                epoch,
            );
            common.pending.push(PendingCreate {
                slot,
                token,
                since: api_time(now),
            });
        }
    }
}

fn begun_token(common: &CommonStatus, slot: Option<&str>) -> String {
    let begun = |slot| common.pending.iter().find(|p| p.slot == slot);
    slot.and_then(begun)
        .map(|p| p.token.clone())
        .unwrap_or_default()
}

/// Takes creations that came to their end off the list. Whatever takes such a slot later is a new request: AWS would answer the old token
/// with what was made first, or refuse it because the content is another.
pub(super) fn settle(common: &mut CommonStatus, ended: impl Fn(&str) -> bool) {
    let before = common.pending.len();
    common.pending.retain(|p| !ended(&p.slot));
    if common.pending.len() < before {
        common.epoch = Some(common.epoch.unwrap_or(0) + 1);
    }
}

fn record_item(common: &mut CommonStatus, slot: &str, id: &str, now: jiff::Timestamp) {
    settle(common, |ended| ended == slot);
    let items = &mut common.applied.get_or_insert_default().items;
    items.retain(|i| i.slot != slot);
    items.push(AppliedItem {
        slot: slot.to_owned(),
        id: id.to_owned(),
        created_at: Some(api_time(now)),
    });
    items.sort_by(|a, b| a.slot.cmp(&b.slot));
}
