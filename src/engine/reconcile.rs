//! The pass over one object that stands for an AWS resource.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::SignedDuration;
use kube::api::{Patch, PatchParams};
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::connect::{self, Provider, connect};
use super::decide::{Decision, Facts, Ownership, Refusal, decide};
use super::error::{Error, backoff, jittered};
use super::fail_point::fail_point;
use super::object::{
    FIELD_MANAGER, Live, ManagedObject, decode_leniently, dynamic_api, merge_difference,
};
use super::ownership::{Claim, Claimant, TagPlan, desired_tags, plan_tags};
use super::scheduler::{ObjectKey, Pass, Requeue, Runner};
use super::shared::Shared;
use super::status::{self, Conclusion};
use super::store::ObjectStore;
use super::{Change, ExternalObject, ExternalResource, Memory, Reported, api_time, events};
use crate::api::RECONCILE_REQUESTED_AT;
use crate::api::common::{
    AdoptionPolicy, AppliedItem, CommonStatus, DeletionPolicy, Finding, ManagementPolicy, Origin,
    PendingCreate, Severity,
};
use crate::api::conditions::{ConditionType, Reason};
use crate::aws::{CallError, ErrorClass, Priority, Session, token};

/// AWS may take this long to show what was made; until then its absence proves nothing.
const CONSISTENCY_WINDOW: SignedDuration = SignedDuration::from_secs(15);
/// Tags are read again on every so-many-th drift check: they cost a call of their own and change rarely.
const TAGS_EVERY: u32 = 6;
/// What AWS allows on one resource (CHK-51).
const MOST_TAGS: usize = 50;

/// Runs passes of one kind.
pub struct Engine<R: ExternalResource> {
    shared: Arc<Shared>,
    resource: R,
    memory: Mutex<HashMap<ObjectKey, ObjectMemory>>,
    store: Arc<ObjectStore<DeserializeGuard<R::Object>>>,
}

/// What is remembered of an object between passes; losing it costs nothing but a call.
#[derive(Debug, Default, Clone, Copy)]
struct ObjectMemory {
    failures: u32,
    checks_without_tags: Option<u32>,
}

/// How a pass over a living object ended well.
struct Done {
    conclusion: Conclusion,
    /// What was changed, for the Event.
    changed: Option<(Reason, String)>,
    requeue: Requeue,
}

/// What AWS has and whose it is.
struct Found<R: ExternalResource> {
    observed: Option<R::Observed>,
    ownership: Option<Ownership>,
    origin: Origin,
    /// Tags as read in this pass; `None` = not read, or not to be had here.
    tags: Option<BTreeMap<String, String>>,
    /// Who holds it, when that is somebody else.
    holder: Option<String>,
}

impl<R: ExternalResource> Engine<R> {
    /// For `resource`, whose objects are in `store`.
    pub fn new(
        shared: Arc<Shared>,
        resource: R,
        store: Arc<ObjectStore<DeserializeGuard<R::Object>>>,
    ) -> Self {
        Self {
            shared,
            resource,
            memory: Mutex::default(),
            store,
        }
    }

    fn remember(&self, key: &ObjectKey, change: impl FnOnce(&mut ObjectMemory)) -> ObjectMemory {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = memory.entry(key.clone()).or_default();
        change(entry);
        *entry
    }

    fn forget(&self, key: &ObjectKey) {
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }

    async fn pass(&self, key: ObjectKey, pass: Pass) -> Requeue {
        let started = Instant::now();
        let (outcome, requeue) = self.look_and_act(&key, &pass).await;
        self.shared
            .metrics
            .observe_pass(R::Object::KIND, outcome, started.elapsed());
        requeue
    }

    async fn look_and_act(&self, key: &ObjectKey, pass: &Pass) -> (&'static str, Requeue) {
        let api = R::Object::api(self.shared.client.clone(), key.namespace.as_deref());
        let object = match api.get(&key.name).await {
            Ok(object) => object,
            Err(kube::Error::Api(status)) if status.is_not_found() => {
                self.forget(key);
                return ("gone", Requeue::OnChange);
            }
            Err(kube::Error::SerdeError(_)) => match self.undecodable(key).await {
                Ok(Some(object)) => object,
                Ok(None) => {
                    return (
                        "invalid",
                        Requeue::Retry(jittered(super::error::RETRY_INVALID)),
                    );
                }
                Err(error) => return ("failed", self.failed(key, &error)),
            },
            Err(error) => return ("failed", self.failed(key, &error.into())),
        };
        if object.meta().deletion_timestamp.is_some() && !object.has_finalizer() {
            self.forget(key);
            return ("gone", Requeue::OnChange);
        }
        let mut live = Live::new(self.shared.client.clone(), object);
        let mut draft = live.status();
        let result = self.act(&mut live, &mut draft, pass).await;
        self.finish(key, &mut live, draft, result).await
    }

    fn failed(&self, key: &ObjectKey, error: &Error) -> Requeue {
        let failures = self
            .remember(key, |m| m.failures = m.failures.saturating_add(1))
            .failures;
        tracing::warn!(object = %key, %error, failures, "a pass failed");
        error.requeue(failures)
    }

    /// An object that does not decode: says so in its status. A deletion goes on with what can be read.
    async fn undecodable(&self, key: &ObjectKey) -> Result<Option<R::Object>, Error> {
        let api = dynamic_api::<R::Object>(self.shared.client.clone(), key.namespace.as_deref());
        let raw = api.get(&key.name).await?;
        if raw.metadata.deletion_timestamp.is_some() {
            return Ok(decode_leniently::<R::Object>(&raw));
        }
        let before = raw.data.get("status").cloned().unwrap_or_default();
        let mut common: CommonStatus = serde_json::from_value(before.clone()).unwrap_or_default();
        let conclusion = Conclusion::Stalled {
            reason: Reason::InvalidObject,
            message: "this object cannot be read as the kind it is: correct it, or install the CRD that fits this version of the operator".to_owned(),
        };
        status::conclude(
            &mut common,
            raw.metadata.generation,
            &conclusion,
            self.shared.clock.now(),
        );
        let wanted = json!({"observedGeneration": common.observed_generation, "conditions": common.conditions});
        let mut after = before.clone();
        if !after.is_object() {
            after = json!({});
        }
        for (field, value) in wanted.as_object().into_iter().flatten() {
            after[field] = value.clone();
        }
        if let Some(difference) = merge_difference(&before, &after) {
            let parameters = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            };
            api.patch_status(
                &key.name,
                &parameters,
                &Patch::Merge(&json!({"status": difference})),
            )
            .await?;
        }
        Ok(None)
    }

    async fn act(
        &self,
        live: &mut Live<R::Object>,
        draft: &mut <R::Object as ManagedObject>::Status,
        pass: &Pass,
    ) -> Result<Done, Error> {
        let object = live.object.clone();
        let common = R::Object::common_status_mut(draft);
        common.last_handled_reconcile_at =
            object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        if object.suspended() {
            return Ok(Done {
                conclusion: Conclusion::Suspended,
                changed: None,
                requeue: Requeue::OnChange,
            });
        }
        if object.meta().deletion_timestamp.is_some() {
            return self.end(live, draft, pass).await;
        }
        self.converge(&object, live, draft, pass).await
    }

    /// A living object.
    async fn converge(
        &self,
        object: &R::Object,
        live: &mut Live<R::Object>,
        draft: &mut <R::Object as ManagedObject>::Status,
        pass: &Pass,
    ) -> Result<Done, Error> {
        let key = object.key();
        let recorded = R::Object::common_status(draft).clone();
        let (provider, session) = self.open(object, &recorded, pass).await?;
        let onboarding = provider
            .onboarding(&session, recorded.arn.is_some())
            .await?;
        let claimant = provider.claimant(&key);

        let references = self.resource.resolve(&self.shared, object).await?;
        let wanted_tags =
            |origin| Self::wanted_tags(object, &provider, &claimant, origin, onboarding.taggable);
        let desired = R::desired(object, &references, wanted_tags(Origin::Created)?)?;
        let due = self.tags_are_due(&key, pass);
        let found = self
            .look(
                object,
                &provider,
                &session,
                &recorded,
                &claimant,
                onboarding.taggable,
                due,
            )
            .await?;
        if let Some(other) = found.observed.as_ref().and_then(R::other_type) {
            return Err(Error::refused(Reason::AlreadyExists, other));
        }
        self.settle_absences(
            R::Object::common_status_mut(draft),
            &desired,
            found.observed.as_ref(),
        )?;

        let plan_memory = R::Object::common_status(draft).clone();
        let applied = plan_memory.applied.clone().unwrap_or_default();
        let memory = Memory {
            applied: &applied,
            pending: &plan_memory.pending,
            now: self.shared.clock.now(),
        };
        let content = R::plan(&desired, found.observed.as_ref(), memory)?;
        // Nothing is written to what may have changed hands: ownership is read in the pass that writes.
        let found = if !content.is_empty()
            && found.observed.is_some()
            && found.tags.is_none()
            && onboarding.taggable
        {
            self.look(
                object, &provider, &session, &recorded, &claimant, true, true,
            )
            .await?
        } else {
            found
        };
        let origin = match found.ownership {
            None => Origin::Created,
            Some(Ownership::Ours) => found.origin,
            Some(_) => Origin::Adopted,
        };
        let tag_plan = match &found.tags {
            Some(tags) if found.ownership != Some(Ownership::Foreign) => {
                plan_tags(&wanted_tags(origin)?, tags, &applied.tags)
            }
            _ => TagPlan::default(),
        };
        let tag_changes = R::tag_changes(&tag_plan);

        let spec = object.common_spec();
        let facts = Facts {
            suspended: false,
            deleting: false,
            management: spec.management_policy.unwrap_or_default(),
            adoption: spec.adoption_policy.unwrap_or_default(),
            adoption_allowed: provider.adoption_allowed,
            deletion: DeletionPolicy::Retain,
            observed: found.ownership,
            content_in_sync: content.is_empty(),
            in_sync: content.is_empty() && tag_changes.is_empty(),
            referenced: false,
        };
        let decision = decide(facts);
        let pending_changes: Vec<_> = match facts.management {
            ManagementPolicy::Observe => content.iter().flat_map(Change::pending).collect(),
            ManagementPolicy::Manage => content
                .iter()
                .chain(&tag_changes)
                .flat_map(Change::pending)
                .collect(),
        };
        {
            let common = R::Object::common_status_mut(draft);
            common.pending_changes = match decision {
                Decision::Report | Decision::Refuse(Refusal::AdoptionWouldChange) => {
                    pending_changes
                }
                _ => vec![],
            };
            common.referenced_by = found
                .observed
                .as_ref()
                .map(|o| self.shared.references.referrers(&R::arn(o)))
                .unwrap_or_default();
        }
        let changes = match decision {
            Decision::Create => content,
            Decision::Update => content.into_iter().chain(tag_changes).collect(),
            Decision::Adopt => tag_changes,
            Decision::AdoptAndUpdate => tag_changes.into_iter().chain(content).collect(),
            Decision::Idle => vec![],
            Decision::Report => {
                return Ok(self.report_only(
                    object,
                    &provider,
                    draft,
                    &desired,
                    &found,
                    onboarding.taggable,
                ));
            }
            Decision::Refuse(refusal) => {
                return self.refuse(object, &provider, draft, &found, refusal);
            }
            // Not reached for a living object that is not suspended; doing nothing is the harmless answer.
            Decision::Suspend
            | Decision::Delete
            | Decision::Release { .. }
            | Decision::HoldForReferences => {
                return Err(Error::Settling);
            }
        };

        let mut texts = vec![];
        let observed = if changes.is_empty() {
            found.observed
        } else {
            self.prepare(
                live, draft, &provider, &claimant, &changes, &tag_plan, decision, origin,
            )
            .await?;
            self.carry_out(
                live,
                draft,
                &session,
                &provider,
                &desired,
                found.observed,
                &changes,
                &mut texts,
            )
            .await?
        };
        let reason = match decision {
            Decision::Create => Reason::Created,
            Decision::Adopt | Decision::AdoptAndUpdate => Reason::Adopted,
            _ if recorded.observed_generation == object.meta().generation => Reason::DriftCorrected,
            _ => Reason::Updated,
        };
        let report = self.describe(
            object,
            &provider,
            draft,
            Some(&desired),
            observed.as_ref(),
            onboarding.taggable,
            Some(origin),
        );
        Ok(Done {
            conclusion: Conclusion::InSync {
                reason: Reason::InSync,
                message: report.1,
            },
            changed: (!texts.is_empty()).then(|| (reason, texts.join("; "))),
            requeue: self.next_check(report.0),
        })
    }

    /// ProviderConfig, account and a session on it.
    async fn open(
        &self,
        object: &R::Object,
        recorded: &CommonStatus,
        pass: &Pass,
    ) -> Result<(Provider, Session), Error> {
        let name = object.provider_config().unwrap_or("default");
        let provider = connect(
            &self.shared,
            object.namespace().as_deref(),
            name,
            recorded.placement.as_ref(),
        )
        .await?;
        let session = provider
            .account
            .session(pass.priority, pass.give_way.clone());
        provider.confirm(&session).await?;
        Ok((provider, session))
    }

    fn wanted_tags(
        object: &R::Object,
        provider: &Provider,
        claimant: &Claimant,
        origin: Origin,
        taggable: bool,
    ) -> Result<BTreeMap<String, String>, Error> {
        if !taggable {
            return Ok(BTreeMap::new());
        }
        let none = BTreeMap::new();
        let defaults = provider.spec.default_tags.as_ref().map_or(&none, |t| &t.0);
        let own = object.common_spec().tags.as_ref().map_or(&none, |t| &t.0);
        let tags = desired_tags(defaults, own, claimant, origin);
        if tags.len() > MOST_TAGS {
            return Err(Error::invalid(format!(
                "{} tags together with the {} default tags of ProviderConfig \"{}\" and the operator's three: AWS allows {MOST_TAGS} on a resource (CHK-51)",
                own.len(),
                defaults.len(),
                provider.name
            )));
        }
        Ok(tags)
    }

    async fn observe(
        &self,
        session: &Session,
        provider: &Provider,
        identity: &str,
    ) -> Result<Option<R::Observed>, Error> {
        match self.resource.observe(session, identity).await {
            Err(error) if error.may_mean_not_onboarded() => {
                // Before anybody is blamed for bad input: perhaps there is no replication set any more.
                provider.onboarding_within(session, Duration::ZERO).await?;
                Err(error.into())
            }
            other => Ok(other?),
        }
    }

    /// Reads AWS and says whose it is.
    #[allow(
        clippy::too_many_arguments,
        reason = "the facts of one step; a struct would be built for this call alone"
    )]
    async fn look(
        &self,
        object: &R::Object,
        provider: &Provider,
        session: &Session,
        recorded: &CommonStatus,
        claimant: &Claimant,
        taggable: bool,
        with_tags: bool,
    ) -> Result<Found<R>, Error> {
        let identity = R::identity(object, provider);
        let observed = self.observe(session, provider, &identity).await?;
        let Some(observed) = observed else {
            return Ok(Found {
                observed: None,
                ownership: None,
                origin: Origin::Created,
                tags: None,
                holder: None,
            });
        };
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
            .filter(|_| recorded.arn.as_deref() == Some(&R::arn(&observed)));
        let by_status = |observed| Found {
            observed: Some(observed),
            ownership: Some(if known.is_some() {
                Ownership::Ours
            } else {
                Ownership::Unclaimed
            }),
            origin: known.unwrap_or(Origin::Adopted),
            tags: None,
            holder: None,
        };
        if !taggable || (known.is_some() && !with_tags) {
            return Ok(by_status(observed));
        }
        let Some(tags) = self.resource.read_tags(session, &observed).await? else {
            return Ok(by_status(observed));
        };
        self.remember(&object.key(), |m| m.checks_without_tags = Some(0));
        let (ownership, origin, holder) = match claimant.claim(&tags) {
            Claim::Ours(origin) => (Ownership::Ours, origin, None),
            // Somebody took the tags off, but something that AWS assigned to us is still there: this is what we made.
            Claim::Unclaimed
                if known.is_some()
                    && recorded
                        .applied
                        .as_ref()
                        .is_some_and(|a| R::same_incarnation(&observed, a)) =>
            {
                (Ownership::Ours, known.unwrap_or(Origin::Adopted), None)
            }
            Claim::Unclaimed => (Ownership::Unclaimed, Origin::Adopted, None),
            Claim::OtherOwner(owner) => (
                Ownership::Foreign,
                Origin::Adopted,
                Some(format!(
                    "the owner \"{owner}\" (another cluster or operator)"
                )),
            ),
            Claim::OtherObject(holder) => {
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

    fn tags_are_due(&self, key: &ObjectKey, pass: &Pass) -> bool {
        if pass.priority != Priority::Drift {
            return true;
        }
        // After a restart the first reading is spread over the following checks.
        let spread = key.name.bytes().fold(0_u32, |sum, b| {
            sum.wrapping_mul(31).wrapping_add(u32::from(b))
        }) % TAGS_EVERY;
        let memory = self.remember(key, |m| {
            m.checks_without_tags = Some(m.checks_without_tags.map_or(spread, |n| n + 1));
        });
        memory.checks_without_tags.is_some_and(|n| n >= TAGS_EVERY)
    }

    /// What we made and AWS does not show: too soon to tell, or confirmed gone, in which case making it again is a new request.
    fn settle_absences(
        &self,
        common: &mut CommonStatus,
        desired: &R::Desired,
        observed: Option<&R::Observed>,
    ) -> Result<(), Error> {
        let present: Vec<String> = observed
            .map(|o| R::items(desired, o).into_iter().map(|(_, id)| id).collect())
            .unwrap_or_default();
        let wanted: Vec<String> = observed
            .map(|o| {
                R::items(desired, o)
                    .into_iter()
                    .map(|(slot, _)| slot)
                    .collect()
            })
            .unwrap_or_default();
        let Some(applied) = common.applied.as_mut() else {
            return Ok(());
        };
        let absent = |item: &AppliedItem| {
            !present.contains(&item.id)
                && (observed.is_none() || R::is_wanted(desired, &item.slot))
                && !wanted.contains(&item.slot)
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

    /// Everything that is written before the first AWS write: the ProviderConfig's finalizer, ours, and what is about to be made.
    #[allow(
        clippy::too_many_arguments,
        reason = "the facts of one step; a struct would be built for this call alone"
    )]
    async fn prepare(
        &self,
        live: &mut Live<R::Object>,
        draft: &mut <R::Object as ManagedObject>::Status,
        provider: &Provider,
        claimant: &Claimant,
        changes: &[R::Change],
        tag_plan: &TagPlan,
        decision: Decision,
        origin: Origin,
    ) -> Result<(), Error> {
        provider.hold(&self.shared).await?;
        live.add_finalizer().await?;
        fail_point("after-finalizer");
        let now = self.shared.clock.now();
        let uid = live.object.uid().unwrap_or_default();
        let creating = decision == Decision::Create;
        let generation = live.object.meta().generation;
        let before = draft.clone();
        R::foretell(changes, draft);
        let common = R::Object::common_status_mut(draft);
        let epoch = u64::try_from(common.epoch.unwrap_or(0)).unwrap_or(0);
        for slot in changes.iter().filter_map(Change::slot) {
            if !common.pending.iter().any(|p| p.slot == slot) {
                let token =
                    token::idempotency_token(&claimant.owner, &claimant.object, &uid, &slot, epoch);
                common.pending.push(PendingCreate {
                    slot,
                    token,
                    since: api_time(now),
                });
            }
        }
        let applied = common.applied.get_or_insert_default();
        let wanted: Vec<String> = if creating {
            Self::wanted_tags(&live.object, provider, claimant, origin, true)?
                .into_keys()
                .collect()
        } else {
            tag_plan.set.keys().cloned().collect()
        };
        for tag in wanted {
            if !applied.tags.contains(&tag) {
                applied.tags.push(tag);
            }
        }
        applied.tags.sort();
        common.placement = Some(provider.placement());
        if common.origin.is_none() || matches!(decision, Decision::Adopt | Decision::AdoptAndUpdate)
        {
            common.origin = Some(origin);
        }
        if *draft == before {
            return Ok(());
        }
        let common = R::Object::common_status_mut(draft);
        let working = Conclusion::Progress {
            reason: Reason::Progressing,
            message: if creating {
                "being made in AWS"
            } else {
                "being changed in AWS"
            }
            .to_owned(),
        };
        if status::condition(common, ConditionType::Ready).is_none_or(|c| c.status != "True") {
            let observed_generation = common.observed_generation;
            status::conclude(common, generation, &working, now);
            common.observed_generation = observed_generation;
        }
        live.write_status(draft).await?;
        fail_point("after-write-ahead");
        Ok(())
    }

    /// Sends the changes one after the other. What was reached is in `draft` even when one fails.
    #[allow(
        clippy::too_many_arguments,
        reason = "the facts of one step; a struct would be built for this call alone"
    )]
    async fn carry_out(
        &self,
        live: &mut Live<R::Object>,
        draft: &mut <R::Object as ManagedObject>::Status,
        session: &Session,
        provider: &Provider,
        desired: &R::Desired,
        observed: Option<R::Observed>,
        changes: &[R::Change],
        texts: &mut Vec<String>,
    ) -> Result<Option<R::Observed>, Error> {
        let mut observed = observed;
        let mut uncertain = false;
        let mut ids: BTreeMap<String, String> = observed
            .as_ref()
            .map(|o| R::items(desired, o).into_iter().collect())
            .unwrap_or_default();
        let identity = R::identity(&live.object, provider);
        for change in changes {
            let common = R::Object::common_status(draft);
            let slot = change.slot();
            // Written ahead by `prepare`.
            let token = slot
                .as_ref()
                .and_then(|slot| common.pending.iter().find(|p| p.slot == *slot))
                .map(|p| p.token.clone());
            let result = self
                .resource
                .apply(
                    session,
                    &identity,
                    change,
                    token.as_deref().unwrap_or_default(),
                    &ids,
                )
                .await;
            let applied = match result {
                Ok(applied) => applied,
                Err(error) => {
                    return Err(self.explain_failure(session, provider, error, texts).await);
                }
            };
            tracing::info!(object = %live.object.key(), %change, "changed AWS");
            texts.push(change.to_string());
            let common = R::Object::common_status_mut(draft);
            if let (Some(slot), Some(id)) = (&slot, &applied.id) {
                ids.insert(slot.clone(), id.clone());
                record_item(common, slot, id, self.shared.clock.now());
            }
            if let Some(freed) = change.frees()
                && let Some(applied) = common.applied.as_mut()
            {
                applied.items.retain(|i| i.slot != freed);
            }
            uncertain |= R::must_observe_after(change);
            observed = R::project(observed, desired, change, applied.id.as_deref());
            if applied.save_now {
                live.write_status(draft).await?;
                fail_point("after-saved-id");
            }
        }
        fail_point("after-changes");
        if uncertain && let Some(seen) = self.observe(session, provider, &identity).await? {
            observed = Some(seen);
        }
        Ok(observed)
    }

    async fn explain_failure(
        &self,
        session: &Session,
        provider: &Provider,
        error: CallError,
        texts: &[String],
    ) -> Error {
        if !texts.is_empty() {
            tracing::info!(done = texts.join("; "), %error, "stopped half-way");
        }
        if error.may_mean_not_onboarded()
            && let Err(reason) = provider.onboarding_within(session, Duration::ZERO).await
        {
            return reason;
        }
        error.into()
    }

    fn report_only(
        &self,
        object: &R::Object,
        provider: &Provider,
        draft: &mut <R::Object as ManagedObject>::Status,
        desired: &R::Desired,
        found: &Found<R>,
        taggable: bool,
    ) -> Done {
        let (edge, _) = self.describe(
            object,
            provider,
            draft,
            Some(desired),
            found.observed.as_ref(),
            taggable,
            None,
        );
        let common = R::Object::common_status_mut(draft);
        let conclusion = match common.pending_changes.len() {
            0 => Conclusion::InSync {
                reason: Reason::Observing,
                message: "observed only; AWS is as the spec says".to_owned(),
            },
            n => Conclusion::Differs {
                reason: Reason::Observing,
                message: format!(
                    "observed only; {n} difference{}, see status.pendingChanges",
                    if n == 1 { "" } else { "s" }
                ),
            },
        };
        Done {
            conclusion,
            changed: None,
            requeue: self.next_check(edge),
        }
    }

    fn refuse(
        &self,
        object: &R::Object,
        provider: &Provider,
        draft: &mut <R::Object as ManagedObject>::Status,
        found: &Found<R>,
        refusal: Refusal,
    ) -> Result<Done, Error> {
        let identity = R::identity(object, provider);
        let name = R::display_name(object);
        let holder = found.holder.as_deref().unwrap_or("somebody else");
        Err(match refusal {
            Refusal::AlreadyExists if found.ownership == Some(Ownership::OrphanOfOurs) => {
                Error::refused(
                    Reason::AlreadyExists,
                    format!(
                        "{name} exists in AWS and was made for {holder}, which is gone: adoptionPolicy: Adopt takes it over. Nothing was touched"
                    ),
                )
            }
            Refusal::AlreadyExists => Error::refused(
                Reason::AlreadyExists,
                format!(
                    "{name} exists in AWS and was not made by this operator: adoptionPolicy: Adopt takes it over. Nothing was touched"
                ),
            ),
            Refusal::AdoptionNotAllowed => Error::refused(
                Reason::AdoptionNotAllowed,
                format!(
                    "ProviderConfig \"{}\" does not allow adoption in namespace \"{}\": add it to spec.adoption.allowedNamespaces there. Nothing was touched",
                    provider.name,
                    object.namespace().unwrap_or_default()
                ),
            ),
            Refusal::AdoptionWouldChange => {
                let changes = R::Object::common_status(draft)
                    .pending_changes
                    .iter()
                    .map(|c| format!("{:?} {}", c.action, c.path))
                    .collect::<Vec<_>>()
                    .join(", ");
                Error::refused(
                    Reason::AdoptionWouldChange,
                    format!(
                        "taking over {name} would change: {changes}. Make the spec what AWS has, or use adoptionPolicy: AdoptAndOverwrite. Nothing was touched"
                    ),
                )
            }
            Refusal::OwnedByAnother => Error::refused(
                Reason::OwnedByAnother,
                format!("{name} belongs to {holder}. Nothing was touched"),
            ),
            Refusal::NothingToObserve => {
                let common = R::Object::common_status_mut(draft);
                common.arn = None;
                return Ok(Done {
                    conclusion: Conclusion::Differs {
                        reason: Reason::NotFoundInAws,
                        message: format!(
                            "managementPolicy is Observe and AWS has nothing at {identity}"
                        ),
                    },
                    changed: None,
                    requeue: self.next_check(None),
                });
            }
        })
    }

    /// Fills the status from what AWS has. Returns the next moment at which time alone changes it, and a sentence.
    #[allow(
        clippy::too_many_arguments,
        reason = "the facts of one step; a struct would be built for this call alone"
    )]
    fn describe(
        &self,
        object: &R::Object,
        provider: &Provider,
        draft: &mut <R::Object as ManagedObject>::Status,
        desired: Option<&R::Desired>,
        observed: Option<&R::Observed>,
        taggable: bool,
        origin: Option<Origin>,
    ) -> (Option<jiff::Timestamp>, String) {
        let now = self.shared.clock.now();
        let common = R::Object::common_status_mut(draft);
        common.arn = observed.map(R::arn);
        common.placement = Some(provider.placement());
        if let Some(origin) = origin {
            common.origin = Some(origin);
            let items = desired
                .zip(observed)
                .map(|(d, o)| R::items(d, o))
                .unwrap_or_default();
            keep_items(common, &items);
        }
        common.effective_deletion_policy = Some(effective_deletion_policy(object, common));
        let report = R::report(
            Reported {
                object,
                desired,
                observed,
                now,
            },
            draft,
        );
        let mut findings = report.findings;
        if !taggable {
            findings.push(Finding {
                id: "TagsUnavailable".to_owned(),
                subject: String::new(),
                severity: Severity::Info,
                message: "tags work only in the replication set's first Region: ownership is kept in this object's status alone".to_owned(),
                accepted: None,
            });
        }
        let accepted = object.accepted_findings();
        let end_of_acceptance = accepted
            .iter()
            .filter_map(|a| {
                a.until
                    .as_ref()?
                    .parse::<jiff::civil::Date>()
                    .ok()?
                    .tomorrow()
                    .ok()
            })
            .filter_map(|day| {
                day.to_zoned(jiff::tz::TimeZone::UTC)
                    .ok()
                    .map(|z| z.timestamp())
            })
            .filter(|at| *at > now)
            .min();
        R::Object::common_status_mut(draft).findings = status::accept(findings, accepted, now);
        let edge = [report.next_edge, end_of_acceptance]
            .into_iter()
            .flatten()
            .min();
        (edge, report.message)
    }

    fn next_check(&self, edge: Option<jiff::Timestamp>) -> Requeue {
        let drift = jittered(self.shared.settings.drift_interval);
        Requeue::Drift(edge.map_or(drift, |at| {
            self.shared
                .clock
                .until(at)
                .max(Duration::from_millis(100))
                .min(drift)
        }))
    }

    /// An object that is being deleted and holds our finalizer.
    async fn end(
        &self,
        live: &mut Live<R::Object>,
        draft: &mut <R::Object as ManagedObject>::Status,
        pass: &Pass,
    ) -> Result<Done, Error> {
        let object = live.object.clone();
        let recorded = R::Object::common_status(draft).clone();
        let policy = effective_deletion_policy(&object, &recorded);
        let management = object.common_spec().management_policy.unwrap_or_default();
        let never_applied =
            recorded.arn.is_none() && recorded.pending.is_empty() && recorded.applied.is_none();
        if management == ManagementPolicy::Observe || never_applied {
            return self.release(live, "nothing in AWS to let go of").await;
        }
        match self
            .end_in_aws(&object, draft, &recorded, policy, management, pass)
            .await
        {
            Ok(text) => self.release(live, &text).await,
            Err(error) if error.is_silent() => Err(error),
            // Retain lets go at once, whatever AWS says.
            Err(error) if policy == DeletionPolicy::Retain => {
                tracing::info!(object = %object.key(), %error, "let go without taking the tags off");
                self.release(live, "let go; our tags could not be taken off")
                    .await
            }
            Err(error @ Error::Held { .. }) => Err(error),
            Err(Error::Call(error)) if error.class == ErrorClass::Conflict => {
                Err(Error::Call(error))
            }
            Err(error) => {
                let failures = self
                    .remember(&object.key(), |_| {})
                    .failures
                    .saturating_add(1);
                let retry = match error.requeue(failures) {
                    Requeue::Retry(after) => after,
                    _ => backoff(failures),
                };
                Err(Error::Held {
                    reason: deletion_reason(&error),
                    message: format!(
                        "the deletion in AWS has to wait: {error}. To let go without deleting in AWS, set spec.deletionPolicy: Retain"
                    ),
                    retry,
                })
            }
        }
    }

    async fn end_in_aws(
        &self,
        object: &R::Object,
        draft: &mut <R::Object as ManagedObject>::Status,
        recorded: &CommonStatus,
        policy: DeletionPolicy,
        management: ManagementPolicy,
        pass: &Pass,
    ) -> Result<String, Error> {
        let key = object.key();
        let (provider, session) = self.open(object, recorded, pass).await?;
        let onboarding = match provider.onboarding(&session, true).await {
            // The whole replication set is gone, and with it everything in it.
            Err(Error::Waiting {
                reason: Reason::NoReplicationSet,
                ..
            }) => return Ok("AWS has no replication set any more".to_owned()),
            other => other?,
        };
        let claimant = provider.claimant(&key);
        let identity = R::identity(object, &provider);
        // Whatever the last check said: what is about to be deleted is looked at now, tags included.
        let found = match self
            .look(
                object,
                &provider,
                &session,
                recorded,
                &claimant,
                onboarding.taggable,
                true,
            )
            .await
        {
            Err(Error::Waiting {
                reason: Reason::NoReplicationSet,
                ..
            }) => return Ok("AWS has no replication set any more".to_owned()),
            other => other?,
        };
        if found.observed.is_none() && self.made_just_now(recorded) {
            return Err(Error::Settling);
        }
        let referrers = found
            .observed
            .as_ref()
            .map(|o| self.shared.references.referrers(&R::arn(o)))
            .unwrap_or_default();
        R::Object::common_status_mut(draft)
            .referenced_by
            .clone_from(&referrers);
        let decision = decide(Facts {
            suspended: false,
            deleting: true,
            management,
            adoption: AdoptionPolicy::Never,
            adoption_allowed: false,
            deletion: policy,
            observed: found.ownership,
            content_in_sync: true,
            in_sync: true,
            referenced: !referrers.is_empty(),
        });
        let Some(observed) = found.observed else {
            return Ok("AWS has it no more".to_owned());
        };
        match decision {
            Decision::Delete => {}
            Decision::Release { untag: true } => {
                let tags = found.tags.unwrap_or_default();
                let ours = claimant.tags(Origin::Created);
                let written = recorded
                    .applied
                    .as_ref()
                    .map(|a| a.tags.clone())
                    .unwrap_or_default();
                // What was adopted is left as it was found; on what we made, the user's own tags stay.
                let remove = tags
                    .keys()
                    .filter(|k| {
                        ours.contains_key(*k)
                            || (found.origin == Origin::Adopted && written.contains(k))
                    })
                    .cloned()
                    .collect();
                for change in R::tag_changes(&TagPlan {
                    set: BTreeMap::new(),
                    remove,
                }) {
                    self.resource
                        .apply(&session, &identity, &change, "", &BTreeMap::new())
                        .await?;
                }
                return Ok("left as it is in AWS, without our tags".to_owned());
            }
            Decision::HoldForReferences => {
                let names = referrers
                    .iter()
                    .map(|r| {
                        format!(
                            "{} {}/{}",
                            r.kind,
                            r.namespace.as_deref().unwrap_or_default(),
                            r.name
                        )
                    })
                    .collect::<Vec<_>>()
                    .join(", ");
                return Err(Error::Held {
                    reason: Reason::StillReferenced,
                    message: format!("still referred to by {names}: take it out there first"),
                    retry: Duration::from_secs(120),
                });
            }
            _ => return Ok("not ours in AWS: left alone".to_owned()),
        }
        if R::counts_against_budget(&observed) {
            provider.spend_deletion(&self.shared, &key).await?;
            fail_point("after-budget");
        }
        let mut texts = vec![];
        for change in R::plan_delete(&observed) {
            match self
                .resource
                .apply(&session, &identity, &change, "", &BTreeMap::new())
                .await
            {
                Ok(_) => texts.push(change.to_string()),
                Err(error) if error.class == ErrorClass::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        fail_point("after-delete");
        // A deletion ends only when AWS says absent.
        match self.observe(&session, &provider, &identity).await {
            Ok(None)
            | Err(Error::Waiting {
                reason: Reason::NoReplicationSet,
                ..
            }) => Ok(texts.join("; ")),
            Ok(Some(_)) => Err(Error::Settling),
            Err(error) => Err(error),
        }
    }

    fn made_just_now(&self, recorded: &CommonStatus) -> bool {
        let now = self.shared.clock.now();
        recorded
            .applied
            .iter()
            .flat_map(|a| &a.items)
            .filter_map(|i| i.created_at.as_ref())
            .chain(recorded.pending.iter().map(|p| &p.since))
            .any(|at| now.duration_since(at.0) < CONSISTENCY_WINDOW)
    }

    async fn release(&self, live: &mut Live<R::Object>, text: &str) -> Result<Done, Error> {
        fail_point("before-finalizer-removal");
        let object = live.object.clone();
        live.remove_finalizer().await?;
        self.shared.scheduler.wake_later(
            Shared::provider_config_key(object.provider_config().unwrap_or("default")),
            Priority::Edit,
            Duration::from_secs(1),
        );
        let reason = if effective_deletion_policy(&object, R::Object::common_status(&live.status()))
            == DeletionPolicy::Delete
        {
            Reason::Deleted
        } else {
            Reason::Released
        };
        events::normal(&self.shared, &object, reason, text).await;
        self.forget(&object.key());
        Ok(Done {
            conclusion: Conclusion::Progress {
                reason: Reason::Deleting,
                message: text.to_owned(),
            },
            changed: None,
            requeue: Requeue::OnChange,
        })
    }

    /// Writes the status and the Event of a pass.
    async fn finish(
        &self,
        key: &ObjectKey,
        live: &mut Live<R::Object>,
        mut draft: <R::Object as ManagedObject>::Status,
        result: Result<Done, Error>,
    ) -> (&'static str, Requeue) {
        let released =
            live.object.meta().deletion_timestamp.is_some() && !live.object.has_finalizer();
        if released {
            return ("released", Requeue::OnChange);
        }
        let generation = live.object.meta().generation;
        let now = self.shared.clock.now();
        let ready_before = ready_text(R::Object::common_status(&live.status()));
        let (outcome, conclusion, changed, requeue) = match &result {
            Ok(done) => {
                self.remember(key, |m| m.failures = 0);
                (
                    "done",
                    done.conclusion.clone(),
                    done.changed.clone(),
                    done.requeue,
                )
            }
            Err(error) if error.is_silent() => {
                tracing::debug!(object = %key, %error, "a pass was put off");
                // What was reached is kept: ids and slots must not be lost.
                if !matches!(error, Error::Outdated) {
                    let _ = live.write_status(&draft).await;
                }
                return ("put off", error.requeue(1));
            }
            Err(error) => {
                let failures = self
                    .remember(key, |m| m.failures = m.failures.saturating_add(1))
                    .failures;
                if let Error::Call(call) = error {
                    tracing::warn!(object = %key, operation = %call.operation, code = call.code.as_deref(), request_id = call.request_id.as_deref(), %error, failures, "a pass failed");
                } else {
                    tracing::info!(object = %key, %error, failures, "a pass ended early");
                }
                (
                    "failed",
                    error.conclusion(failures),
                    None,
                    error.requeue(failures),
                )
            }
        };
        status::conclude(
            R::Object::common_status_mut(&mut draft),
            generation,
            &conclusion,
            now,
        );
        let ready_after = ready_text(R::Object::common_status(&draft));
        fail_point("before-status");
        if let Err(error) = live.write_status(&draft).await {
            tracing::debug!(object = %key, %error, "the status was not written");
            return ("put off", error.requeue(1));
        }
        fail_point("after-status");
        if let Some((reason, text)) = changed {
            events::normal(&self.shared, &live.object, reason, &text).await;
        }
        if let Err(error) = &result
            && ready_before != ready_after
            && let Some((reason, _)) = reason_of(error)
        {
            events::warning(&self.shared, &live.object, reason, &error.to_string()).await;
        }
        (outcome, requeue)
    }

    /// The objects of this kind, as last seen.
    pub fn store(&self) -> &Arc<ObjectStore<DeserializeGuard<R::Object>>> {
        &self.store
    }
}

impl<R: ExternalResource> Runner for Engine<R> {
    fn run(&self, key: ObjectKey, pass: Pass) -> BoxFuture<'_, Requeue> {
        Box::pin(self.pass(key, pass))
    }
}

/// What deleting `object` does (product: Common fields): what the spec says, else `Retain` for what was adopted or only observed.
pub fn effective_deletion_policy<O: ExternalObject>(
    object: &O,
    common: &CommonStatus,
) -> DeletionPolicy {
    let spec = object.common_spec();
    if spec.management_policy == Some(ManagementPolicy::Observe) {
        return DeletionPolicy::Retain;
    }
    spec.deletion_policy.unwrap_or(match common.origin {
        Some(Origin::Adopted) => DeletionPolicy::Retain,
        Some(Origin::Created) | None => DeletionPolicy::Delete,
    })
}

fn record_item(common: &mut CommonStatus, slot: &str, id: &str, now: jiff::Timestamp) {
    common.pending.retain(|p| p.slot != slot);
    let items = &mut common.applied.get_or_insert_default().items;
    items.retain(|i| i.slot != slot);
    items.push(AppliedItem {
        slot: slot.to_owned(),
        id: id.to_owned(),
        created_at: Some(api_time(now)),
    });
    items.sort_by(|a, b| a.slot.cmp(&b.slot));
}

/// What AWS has and the manifest names is ours from now on; begun creations that are there are no longer pending.
fn keep_items(common: &mut CommonStatus, present: &[(String, String)]) {
    common
        .pending
        .retain(|p| !present.iter().any(|(slot, _)| *slot == p.slot));
    let items = &mut common.applied.get_or_insert_default().items;
    items.retain(|i| {
        !present
            .iter()
            .any(|(slot, id)| *id == i.id && *slot != i.slot)
    });
    for (slot, id) in present {
        match items.iter_mut().find(|i| i.slot == *slot) {
            Some(item) if item.id == *id => {}
            Some(item) => {
                *item = AppliedItem {
                    slot: slot.clone(),
                    id: id.clone(),
                    created_at: None,
                }
            }
            None => items.push(AppliedItem {
                slot: slot.clone(),
                id: id.clone(),
                created_at: None,
            }),
        }
    }
    items.sort_by(|a, b| a.slot.cmp(&b.slot));
}

fn ready_text(common: &CommonStatus) -> Option<(String, String, String)> {
    status::condition(common, ConditionType::Ready)
        .map(|c| (c.status.clone(), c.reason.clone(), c.message.clone()))
}

fn deletion_reason(error: &Error) -> Reason {
    reason_of(error).map_or(Reason::Deleting, |(reason, _)| reason)
}

fn reason_of(error: &Error) -> Option<(Reason, String)> {
    match error.conclusion(1) {
        Conclusion::Waiting {
            reason, message, ..
        }
        | Conclusion::Stalled { reason, message }
        | Conclusion::Progress { reason, message }
        | Conclusion::Transient {
            reason, message, ..
        } => Some((reason, message)),
        Conclusion::Conflict { message } => Some((Reason::Conflict, message)),
        _ => None,
    }
}
