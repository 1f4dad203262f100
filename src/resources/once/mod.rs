//! What reaches people at night and is done at most once: incidents and test pages have their passes, their decision and their ledger in
//! common.
//!
//! Before the call the intention is recorded twice, each time on the precondition that nobody else has written: with the ProviderConfig, so
//! that making the same object again begins nothing, and in the object's own status. One call, never repeated. An unknown outcome is said to
//! be unknown, looked for, and gone on with where it is certain.

pub mod decide;
pub mod ledger;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use kube::Resource;
use kube::api::DynamicObject;

use crate::api::common::CommonStatus;
use crate::api::conditions::{ConditionType, Reason};
use crate::api::reference::ProviderConfigReference;
use crate::api::{RECONCILE_REQUESTED_AT, RESTORE_LABELS};
use crate::aws::{CallError, ErrorClass, token};
use crate::engine::connect::connect;
use crate::engine::error::jittered;
use crate::engine::fail_point::fail_point;
use crate::engine::object::{Live, ManagedObject, decode_leniently, dynamic_api};
use crate::engine::scheduler::{ObjectKey, Pass, Requeue, Runner};
use crate::engine::status::{self, Conclusion};
use crate::engine::{Error, Provider, Shared, api_time, events};
use kube::ResourceExt;

/// So often it is looked at what is going on, unless drift is looked for more often.
pub const POLL: Duration = Duration::from_secs(15);

/// An event to be published once the status is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Somebody should look.
    pub warning: bool,
    /// Reason.
    pub reason: Reason,
    /// For people.
    pub note: String,
}

/// How a pass ended.
pub struct Done {
    /// What the conditions say.
    pub conclusion: Conclusion,
    /// When to look again.
    pub requeue: Requeue,
}

/// How a pass over an object that is being deleted ended.
pub enum Ending {
    /// It may go.
    LetGo,
    /// It has to wait.
    Wait(Done),
}

/// A kind.
pub trait Request: Send + Sync + 'static {
    /// The custom resource.
    type Object: ManagedObject;

    /// Puts a status aside that came with the object from elsewhere, and notes whose it is. Pure. Called before anything else.
    fn own(object: &Self::Object, draft: &mut <Self::Object as ManagedObject>::Status);

    /// Looks and acts. What it has found out is in `draft` even when it fails.
    fn act(
        &self,
        shared: &Arc<Shared>,
        live: &mut Live<Self::Object>,
        draft: &mut <Self::Object as ManagedObject>::Status,
        pass: &Pass,
    ) -> impl Future<Output = Result<Done, Error>> + Send;

    /// What is to be done in AWS before an object that holds on goes.
    fn end(
        &self,
        shared: &Arc<Shared>,
        live: &mut Live<Self::Object>,
        draft: &mut <Self::Object as ManagedObject>::Status,
        pass: &Pass,
    ) -> impl Future<Output = Result<Ending, Error>> + Send;

    /// Puts into the status what must be there whatever a pass came to. Pure.
    fn complete(draft: &mut <Self::Object as ManagedObject>::Status, now: jiff::Timestamp);

    /// What somebody should hear of. Pure.
    fn news(
        object: &Self::Object,
        before: &<Self::Object as ManagedObject>::Status,
        after: &<Self::Object as ManagedObject>::Status,
    ) -> Vec<News>;

    /// Ends what was to live only for a time.
    fn tidy(
        &self,
        _shared: &Arc<Shared>,
        _live: &Live<Self::Object>,
        requeue: Requeue,
    ) -> impl Future<Output = Requeue> + Send {
        std::future::ready(requeue)
    }
}

/// Runs passes over the objects of a kind.
pub struct Requests<R: Request> {
    shared: Arc<Shared>,
    request: R,
    failures: Mutex<HashMap<ObjectKey, u32>>,
}

type StatusOf<R> = <<R as Request>::Object as ManagedObject>::Status;

/// An object as it was read.
enum Read<K> {
    /// It decodes.
    Whole(K),
    /// It does not, and is being deleted.
    Damaged(K),
    /// Nothing is to be done with it.
    Nothing,
}

impl<R: Request> Requests<R> {
    /// New.
    pub fn new(shared: Arc<Shared>, request: R) -> Self {
        Self {
            shared,
            request,
            failures: Mutex::default(),
        }
    }

    fn count_failure(&self, key: &ObjectKey, failed: bool) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if !failed {
            failures.remove(key);
            return 0;
        }
        let count = failures.entry(key.clone()).or_default();
        *count = count.saturating_add(1);
        *count
    }

    async fn pass(&self, key: ObjectKey, pass: Pass) -> Requeue {
        let started = Instant::now();
        let requeue = match self.read(&key).await {
            Ok(Read::Whole(object)) if object.meta().deletion_timestamp.is_none() => {
                self.look_and_act(&key, object, &pass).await
            }
            Ok(Read::Whole(object) | Read::Damaged(object)) => {
                self.let_go(&key, object, &pass).await
            }
            Ok(Read::Nothing) => {
                self.count_failure(&key, false);
                Requeue::OnChange
            }
            Err(error) => {
                tracing::warn!(object = %key, %error, "a pass failed");
                error.requeue(self.count_failure(&key, true))
            }
        };
        self.shared
            .metrics
            .observe_pass(R::Object::KIND, "done", started.elapsed());
        requeue
    }

    async fn read(&self, key: &ObjectKey) -> Result<Read<R::Object>, Error> {
        let client = self.shared.client.clone();
        let api = R::Object::api(client.clone(), key.namespace.as_deref());
        match api.get(&key.name).await {
            Ok(object) => Ok(Read::Whole(object)),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Read::Nothing),
            Err(error @ kube::Error::SerdeError(_)) => {
                let api = dynamic_api::<R::Object>(client, key.namespace.as_deref());
                let raw: DynamicObject = api.get(&key.name).await?;
                let leaving = raw.metadata.deletion_timestamp.is_some();
                match decode_leniently::<R::Object>(&raw) {
                    Some(object) if leaving => Ok(Read::Damaged(object)),
                    _ => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn look_and_act(&self, key: &ObjectKey, object: R::Object, pass: &Pass) -> Requeue {
        let mut live = Live::new(self.shared.client.clone(), object);
        let before = live.status();
        let mut draft = before.clone();
        let handled = live.object.annotations().get(RECONCILE_REQUESTED_AT);
        R::Object::common_status_mut(&mut draft).last_handled_reconcile_at = handled.cloned();
        R::own(&live.object, &mut draft);
        let result = if live.object.suspended() {
            Ok(Done {
                conclusion: Conclusion::Suspended,
                requeue: Requeue::OnChange,
            })
        } else {
            self.request
                .act(&self.shared, &mut live, &mut draft, pass)
                .await
        };
        let mut wrong = None;
        let (conclusion, requeue) = match result {
            Ok(done) => {
                self.count_failure(key, false);
                (done.conclusion, done.requeue)
            }
            Err(error) if error.is_silent() => return error.requeue(1),
            Err(error) => {
                let failures = self.count_failure(key, true);
                tracing::info!(object = %key, %error, failures, "a pass ended early");
                wrong = error.reason();
                (error.conclusion(failures), error.requeue(failures))
            }
        };
        if let Err(error) = self.conclude(&mut live, &mut draft, &conclusion).await {
            return error.requeue(1);
        }
        self.publish(&live, &before, &draft).await;
        if let Some(reason) = wrong {
            let said = |status| ready_message(R::Object::common_status(status));
            let (now, earlier) = (said(&draft), said(&before));
            if let Some(now) = now.filter(|now| earlier.as_ref() != Some(now)) {
                events::warning(&self.shared, &live.object, reason, &now).await;
            }
        }
        self.request.tidy(&self.shared, &live, requeue).await
    }

    async fn let_go(&self, key: &ObjectKey, object: R::Object, pass: &Pass) -> Requeue {
        if !object.has_finalizer() || object.suspended() {
            self.count_failure(key, false);
            return Requeue::OnChange;
        }
        let mut live = Live::new(self.shared.client.clone(), object);
        let before = live.status();
        let mut draft = before.clone();
        let (conclusion, requeue) = match self
            .request
            .end(&self.shared, &mut live, &mut draft, pass)
            .await
        {
            Ok(Ending::LetGo) => {
                self.count_failure(key, false);
                self.publish(&live, &before, &draft).await;
                fail_point("before-once-release");
                return match live.remove_finalizer().await {
                    Ok(()) => Requeue::OnChange,
                    Err(error) => error.requeue(1),
                };
            }
            Ok(Ending::Wait(done)) => {
                self.count_failure(key, false);
                (done.conclusion, done.requeue)
            }
            Err(error) if error.is_silent() => return error.requeue(1),
            Err(error) => {
                let failures = self.count_failure(key, true);
                tracing::info!(object = %key, %error, failures, "a deletion waits");
                (error.conclusion(failures), error.requeue(failures))
            }
        };
        if let Err(error) = self.conclude(&mut live, &mut draft, &conclusion).await {
            return error.requeue(1);
        }
        self.publish(&live, &before, &draft).await;
        requeue
    }

    async fn conclude(
        &self,
        live: &mut Live<R::Object>,
        draft: &mut StatusOf<R>,
        conclusion: &Conclusion,
    ) -> Result<(), Error> {
        let now = self.shared.clock.now();
        R::complete(draft, now);
        let generation = live.object.meta().generation;
        status::conclude(
            R::Object::common_status_mut(draft),
            generation,
            conclusion,
            live.object.judged_at(now),
        );
        fail_point("before-once-status");
        live.write_status(draft).await.map(|_| ())
    }

    async fn publish(&self, live: &Live<R::Object>, before: &StatusOf<R>, after: &StatusOf<R>) {
        for news in R::news(&live.object, before, after) {
            if news.warning {
                events::warning(&self.shared, &live.object, news.reason, &news.note).await;
            } else {
                events::normal(&self.shared, &live.object, news.reason, &news.note).await;
            }
        }
    }
}

impl<R: Request> Runner for Requests<R> {
    fn run(&self, key: ObjectKey, pass: Pass) -> BoxFuture<'_, Requeue> {
        Box::pin(self.pass(key, pass))
    }
}

/// What keeps it from being Ready.
fn ready_message(status: &CommonStatus) -> Option<String> {
    let ready = status::condition(status, ConditionType::Ready)?;
    (ready.status == "False").then(|| ready.message.clone())
}

/// How soon to look again at what is going on: it takes several calls, so less often than drift is looked for where that is often.
pub fn poll(shared: &Shared, at_most: Duration) -> Requeue {
    let often = shared.settings.drift_interval.saturating_mul(2);
    Requeue::Drift(jittered(at_most.min(often)))
}

/// Whether the status came with the object from elsewhere: it was written for an object with another UID.
pub fn comes_from_elsewhere(
    written_for: Option<&str>,
    uid: Option<&str>,
    says_something: bool,
) -> bool {
    says_something && (written_for.is_none() || written_for != uid)
}

/// Whether a backup tool has put the object here.
pub fn is_restored<K: ResourceExt>(object: &K) -> bool {
    RESTORE_LABELS
        .iter()
        .any(|label| object.labels().contains_key(*label))
}

/// The name of the ProviderConfig that a spec names.
pub fn provider_name(reference: Option<&ProviderConfigReference>) -> &str {
    reference.map_or("default", |r| r.name.as_str())
}

/// A deletion that cannot be finished now says why, and what lets go.
pub fn held(error: Error, advice: &str) -> Error {
    if error.is_silent() {
        return error;
    }
    let retry = match error.requeue(1) {
        Requeue::Retry(after) => after,
        _ => POLL,
    };
    Error::Held {
        reason: error.reason().unwrap_or(Reason::Deleting),
        message: format!("{error}. {advice}"),
        retry,
    }
}

/// The ProviderConfig of an object and a session on its account; the account is confirmed and has Incident Manager.
pub async fn reach<K: ManagedObject>(
    shared: &Shared,
    object: &K,
    status: &K::Status,
    pass: &Pass,
) -> Result<(Provider, crate::aws::Session, bool), Error> {
    let name = object.provider_config().unwrap_or("default");
    let common = K::common_status(status);
    let provider = connect(
        shared,
        object.namespace().as_deref(),
        name,
        common.placement.as_ref(),
    )
    .await?;
    let session = provider
        .account
        .session(pass.priority, pass.give_way.clone());
    provider.confirm(&session).await?;
    let onboarding = provider.onboarding(&session, common.arn.is_some()).await?;
    Ok((provider, session, onboarding.taggable))
}

/// The token of what an object begins: the same for every object of this name with this deadline, whatever its UID.
pub fn start_token(provider: &Provider, key: &ObjectKey, deadline: jiff::Timestamp) -> String {
    token::idempotency_token(
        &provider.spec.owner_id,
        &key.identity(),
        &api_time(deadline).0.to_string(),
        "once",
        0,
    )
}

/// AWS answered, and its answer means that nothing was begun.
pub fn certainly_not_begun(error: &CallError) -> bool {
    !error.effect_unknown
        && matches!(
            error.class,
            ErrorClass::NotFound
                | ErrorClass::Conflict
                | ErrorClass::Invalid
                | ErrorClass::AccessDenied
                | ErrorClass::QuotaExceeded
                | ErrorClass::Throttled
                | ErrorClass::DataEncryption
                | ErrorClass::GaveWay
        )
}

/// The name by which people know what an ARN stands for: that of the object which manages it, else its alias.
pub fn name_of(shared: &Shared, arn: &str) -> String {
    let managed = shared.directory.by_arn(arn).map(|view| view.key().name);
    managed.unwrap_or_else(|| arn.rsplit('/').next().unwrap_or(arn).to_owned())
}
