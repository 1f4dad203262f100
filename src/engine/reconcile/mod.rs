//! The pass over one object that stands for an AWS resource.

mod describe;
mod ending;
mod foresee;
mod letting_go;
mod live;
mod look;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use kube::api::{Patch, PatchParams};
use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};
use serde_json::json;

use self::describe::{Moment, News};
pub use self::foresee::{Foreseen, ForeseenChange};
use super::connect::Provider;
use super::decide::Ownership;
use super::error::{self, Error, jittered};
use super::fail_point::fail_point;
use super::object::{
    FIELD_MANAGER, Live, ManagedObject, decode_leniently, dynamic_api, merge_difference,
};
use super::ownership::Claimant;
use super::scheduler::{ObjectKey, Pass, Requeue, Runner};
use super::shared::Shared;
use super::status::{self, Conclusion};
use super::store::ObjectStore;
use super::{ExternalObject, ExternalResource, events};
use crate::api::RECONCILE_REQUESTED_AT;
use crate::api::common::{CommonStatus, DeletionPolicy, ManagementPolicy, Origin};
use crate::api::conditions::{ConditionType, Reason};
use crate::aws::{Priority, Session};

/// Tags are read again on every so-many-th drift check: they cost a call of their own and change rarely.
const TAGS_EVERY: u32 = 6;
/// So often in a row AWS may not show the last change before the object says so.
const SETTLES_QUIETLY: u32 = 10;

/// The status of a kind's object.
type StatusOf<R> = <<R as ExternalResource>::Object as ManagedObject>::Status;

/// Runs passes of one kind.
pub struct Engine<R: ExternalResource> {
    shared: Arc<Shared>,
    resource: R,
    /// The objects of this kind, as last seen.
    store: Arc<ObjectStore<DeserializeGuard<R::Object>>>,
    memory: Mutex<HashMap<ObjectKey, ObjectMemory>>,
    /// What AWS was last seen to have, for kinds whose status changes with time.
    kept: Mutex<HashMap<ObjectKey, R::Observed>>,
}

/// What is remembered of an object between passes; losing it costs nothing but a call.
#[derive(Debug, Default, Clone, Copy)]
struct ObjectMemory {
    failures: u32,
    checks_without_tags: Option<u32>,
    /// The watch is behind: the next pass reads the object itself.
    watch_is_behind: bool,
    /// The version of the object that a pass has last had from the API server. What a watch has seen before that is behind: a pass that
    /// comes to what is there in it would write nothing, and leave what the object says by now.
    version: Option<u64>,
    /// Fingerprint of the tags that the last pass saw to.
    tags: Option<u64>,
}

/// How a pass over a living object ended well.
struct Done {
    conclusion: Conclusion,
    /// What was changed, for the Event.
    changed: Option<(Reason, String)>,
    /// What somebody should hear of once.
    news: News,
    requeue: Requeue,
}

/// Where an object's resource is, and as whom we go there.
struct Site {
    key: ObjectKey,
    provider: Provider,
    session: Session,
    claimant: Claimant,
    /// What the resource is found by in AWS.
    identity: String,
    /// Tags work in this Region.
    taggable: bool,
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
            store,
            memory: Mutex::default(),
            kept: Mutex::default(),
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
        self.kept
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

    /// Begins with what the watch has seen: most passes write nothing. What is written to AWS or to the object has a fresh read, or a
    /// write on the precondition that nobody else has written, before it.
    async fn look_and_act(&self, key: &ObjectKey, pass: &Pass) -> (&'static str, Requeue) {
        if let Some(object) = self.seen(key) {
            let mut live = Live::cached(self.shared.client.clone(), object);
            let mut draft = live.status();
            let result = self.act(&mut live, &mut draft, pass).await;
            if !matches!(result, Err(Error::Unread)) {
                let ended = self.finish(key, &mut live, draft, result).await;
                self.remember_version(key, &live);
                return ended;
            }
            // What is about to be written has its tags read first, and they may be all that has changed.
            self.remember(key, |m| m.checks_without_tags = Some(TAGS_EVERY));
        }
        self.read_and_act(key, pass).await
    }

    /// The living object as the watch has seen it, unless that is known to be behind.
    fn seen(&self, key: &ObjectKey) -> Option<R::Object> {
        let memory = self.remember(key, |_| {});
        if memory.watch_is_behind {
            return None;
        }
        let guard = self.store.get(key.namespace.as_deref(), &key.name)?;
        let object = guard.0.as_ref().ok()?;
        if memory.version > version_of(object) {
            return None;
        }
        let living = object.meta().deletion_timestamp.is_none();
        living.then(|| object.clone())
    }

    async fn read_and_act(&self, key: &ObjectKey, pass: &Pass) -> (&'static str, Requeue) {
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
        let ended = self.finish(key, &mut live, draft, result).await;
        self.remember_version(key, &live);
        ended
    }

    fn remember_version(&self, key: &ObjectKey, live: &Live<R::Object>) {
        if live.fresh && !live.gone && live.object.meta().deletion_timestamp.is_none() {
            self.remember(key, |m| m.version = version_of(&live.object));
        }
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
        draft: &mut StatusOf<R>,
        pass: &Pass,
    ) -> Result<Done, Error> {
        let object = live.object.clone();
        // Before anything else: it may look at whether the status is as it came.
        R::tick(&object, draft, self.shared.clock.now());
        let common = R::Object::common_status_mut(draft);
        common.last_handled_reconcile_at =
            object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        if object.suspended() {
            return Ok(Done {
                conclusion: Conclusion::Suspended,
                changed: None,
                news: News::default(),
                requeue: Requeue::OnChange,
            });
        }
        if object.meta().deletion_timestamp.is_some() {
            return self.end(live, draft, pass).await;
        }
        self.converge(live, draft, pass).await
    }

    /// Writes the status and the Event of a pass.
    async fn finish(
        &self,
        key: &ObjectKey,
        live: &mut Live<R::Object>,
        mut draft: StatusOf<R>,
        result: Result<Done, Error>,
    ) -> (&'static str, Requeue) {
        let deleting = live.object.meta().deletion_timestamp.is_some();
        if deleting && !live.object.has_finalizer() {
            return ("released", Requeue::OnChange);
        }
        let failures = self.count(key, &result);
        if let Err(error) = &result
            && error.is_silent()
            && failures < SETTLES_QUIETLY
        {
            tracing::debug!(object = %key, %error, "a pass was put off");
            // What was reached is kept: ids and slots must not be lost. A race was lost to somebody who will wake us.
            if !matches!(error, Error::Outdated) {
                // What was asked for is not handled yet.
                let written = live.status();
                R::Object::common_status_mut(&mut draft)
                    .last_handled_reconcile_at
                    .clone_from(&R::Object::common_status(&written).last_handled_reconcile_at);
                let _ = live.write_status(&draft).await;
                if live.gone {
                    self.follow(live, draft).await;
                }
            }
            return ("put off", error.requeue(failures));
        }
        let (outcome, conclusion, requeue) = match &result {
            Ok(done) => ("done", done.conclusion.clone(), done.requeue),
            Err(error @ Error::InProgress { retry, .. }) => {
                tracing::info!(object = %key, %error, "in progress");
                let retry = jittered((*retry).min(self.shared.settings.drift_interval));
                ("done", error.conclusion(failures), Requeue::Retry(retry))
            }
            Err(error) => {
                log_failure(key, error, failures);
                let conclusion = error.conclusion(failures);
                ("failed", conclusion, error.requeue(failures))
            }
        };
        if let Err(error) = &result
            && matches!(
                error.reason(),
                Some(Reason::NoReplicationSet | Reason::ReplicationSetNotActive)
            )
        {
            // It asks on behalf of all who wait, and wakes them.
            let config = Shared::provider_config_key(Self::provider_name(&live.object));
            let soon = Duration::from_secs(1);
            self.shared
                .scheduler
                .wake_later(config, Priority::Create, soon);
        }
        let written = live.status();
        let before = ready_text(R::Object::common_status(&written));
        let now = self.shared.clock.now();
        let moment = match &result {
            Ok(done) if done.conclusion != Conclusion::Suspended => Moment::default(),
            // Whatever is wrong, who is on call is still said in time.
            _ => self.witness(&live.object, &mut draft).unwrap_or_default(),
        };
        let tick = R::tick(&live.object, &mut draft, now);
        let edge = moment.edge.into_iter().chain(tick).min();
        let requeue = sooner(requeue, edge.map(|at| self.shared.clock.until(at)));
        let common = R::Object::common_status_mut(&mut draft);
        let judges = !matches!(
            conclusion,
            Conclusion::Suspended | Conclusion::Transient { .. }
        );
        let brought = live.object.has_old_status();
        let since = status::condition(common, ConditionType::Ready)
            .filter(|_| brought && !conclusion.knows_owner())
            .map(|c| c.last_transition_time.clone());
        if judges && brought && since.is_none() {
            // What was true of the object that the backup was made of begins anew with this one.
            common.conditions.retain(|c| c.type_ != "Ready");
        }
        let at = live.object.judged_at(now);
        status::conclude(common, live.object.meta().generation, &conclusion, at);
        if let Some(since) = since {
            // Whose it is was not asked yet: its status stays as old as it came, and nobody relies upon it.
            status::date_back(common, ConditionType::Ready, since);
        }
        let after = ready_text(common);
        fail_point("before-status");
        if let Err(error) = live.write_status(&draft).await {
            tracing::debug!(object = %key, %error, "the status was not written");
            self.remember(key, |m| m.watch_is_behind = true);
            if live.gone {
                self.follow(live, draft).await;
            }
            return ("put off", error.requeue(1));
        }
        fail_point("after-status");
        self.tell(&live.object, &moment.news).await;
        let requeue = if deleting {
            requeue
        } else {
            self.publish(&live.object, &written, &draft, requeue).await
        };
        match &result {
            Ok(done) => {
                if let Some((reason, text)) = &done.changed {
                    events::normal(&self.shared, &live.object, *reason, text).await;
                }
                self.tell(&live.object, &done.news).await;
            }
            // What was begun has had its Event; only what is put off is news.
            Err(Error::InProgress {
                reason: Reason::Progressing,
                ..
            }) => {}
            Err(error) if before != after => {
                let reason = error.reason().unwrap_or(Reason::Unavailable);
                let text = error.to_string();
                events::warning(&self.shared, &live.object, reason, &text).await;
            }
            Err(_) => {}
        }
        (outcome, requeue)
    }

    /// What a pass does in the cluster once its status is written.
    async fn publish(
        &self,
        object: &R::Object,
        before: &StatusOf<R>,
        status: &StatusOf<R>,
        requeue: Requeue,
    ) -> Requeue {
        let published = self.resource.publish(&self.shared, object, before, status);
        match published.await {
            Ok(()) => requeue,
            Err(error) => {
                tracing::warn!(object = %object.key(), %error, "something in the cluster could not be written");
                sooner(requeue, Some(error::backoff(4)))
            }
        }
    }

    /// Failures in a row. A pass that gave way or lost a race does not count, one that waits for AWS to settle does.
    fn count(&self, key: &ObjectKey, result: &Result<Done, Error>) -> u32 {
        let memory = self.remember(key, |m| match result {
            Ok(_) | Err(Error::InProgress { .. }) => {
                (m.failures, m.watch_is_behind) = (0, false);
            }
            Err(Error::Outdated) => m.watch_is_behind = true,
            Err(error) if error.is_silent() && !matches!(error, Error::Settling) => {}
            Err(_) => m.failures = m.failures.saturating_add(1),
        });
        memory.failures
    }
}

/// Versions are numbers that rise, as every API server has them.
fn version_of<K: Resource>(object: &K) -> Option<u64> {
    object.meta().resource_version.as_ref()?.parse().ok()
}

/// The sooner of two moments; `edge` is one at which time alone changes the status.
fn sooner(requeue: Requeue, edge: Option<Duration>) -> Requeue {
    let Some(edge) = edge else { return requeue };
    let edge = edge.max(Duration::from_millis(100));
    match requeue {
        Requeue::Drift(after) | Requeue::Edge(after) | Requeue::Retry(after) if after <= edge => {
            requeue
        }
        Requeue::Interrupted => requeue,
        _ => Requeue::Edge(edge),
    }
}

fn log_failure(key: &ObjectKey, error: &Error, failures: u32) {
    if let Error::Call(call) = error {
        let (code, request_id) = (call.code.as_deref(), call.request_id.as_deref());
        tracing::warn!(object = %key, operation = %call.operation, code, request_id, %error, failures, "a pass failed");
    } else {
        tracing::info!(object = %key, %error, failures, "a pass ended early");
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
    spec.deletion_policy
        .unwrap_or_else(|| object.default_deletion_policy(common.origin))
}

fn ready_text(common: &CommonStatus) -> Option<(String, String, String)> {
    status::condition(common, ConditionType::Ready)
        .map(|c| (c.status.clone(), c.reason.clone(), c.message.clone()))
}
