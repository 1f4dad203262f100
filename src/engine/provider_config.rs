//! The pass over a ProviderConfig: who we are in AWS, whether the account is set up, who uses it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use kube::api::{Api, Patch, PatchParams};
use kube::core::DeserializeGuard;
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::connect::{account_config, rates};
use super::error::{Error, jittered};
use super::events;
use super::object::{FIELD_MANAGER, Live, ManagedObject};
use super::scheduler::{ObjectKey, Pass, Requeue, Runner};
use super::shared::Shared;
use super::status::{self, Conclusion};
use crate::api::common::{AcceptedFinding, CommonStatus};
use crate::api::conditions::{ConditionType, Reason};
use crate::api::provider_config::{ProviderConfigStatus, RateLimitStatus};
use crate::api::{IN_USE_FINALIZER, ProviderConfig, RECONCILE_REQUESTED_AT};
use crate::aws::{ConfirmError, Priority, ReplicationSetStatus};

impl ManagedObject for ProviderConfig {
    const KIND: &'static str = "ProviderConfig";
    const NAMESPACED: bool = false;
    type Status = ProviderConfigStatus;

    fn api(client: Client, _: Option<&str>) -> Api<Self> {
        Api::all(client)
    }
    fn guarded_api(client: Client, _: Option<&str>) -> Api<DeserializeGuard<Self>> {
        Api::all(client)
    }
    fn status(&self) -> Option<&Self::Status> {
        self.status.as_ref()
    }
    fn common_status(status: &Self::Status) -> &CommonStatus {
        &status.common
    }
    fn common_status_mut(status: &mut Self::Status) -> &mut CommonStatus {
        &mut status.common
    }
    fn suspended(&self) -> bool {
        false
    }
    fn accepted_findings(&self) -> &[AcceptedFinding] {
        &[]
    }
    fn provider_config(&self) -> Option<&str> {
        None
    }
}

/// How soon the account is asked again while it is not set up: others wait for it.
const UNTIL_ONBOARDED: Duration = Duration::from_secs(20);

/// How old an answer may be that many wait for.
const SHARED_ANSWER: Duration = Duration::from_secs(5);

/// How long the number of users in a status may be behind.
const USERS_COUNTED: Duration = Duration::from_secs(5);

/// Wakes the objects that use a ProviderConfig, by its name.
pub type WakeUsers = Box<dyn Fn(&str) + Send + Sync>;

/// Runs passes over ProviderConfigs.
pub struct ProviderConfigs {
    shared: Arc<Shared>,
    wake_users: WakeUsers,
    failures: Mutex<BTreeMap<String, u32>>,
}

impl ProviderConfigs {
    /// `wake_users` is called when something about the account changed.
    pub fn new(shared: Arc<Shared>, wake_users: WakeUsers) -> Self {
        Self {
            shared,
            wake_users,
            failures: Mutex::default(),
        }
    }

    fn count_failure(&self, name: &str, failed: bool) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failed {
            let count = failures.entry(name.to_owned()).or_default();
            *count = count.saturating_add(1);
            *count
        } else {
            failures.remove(name);
            0
        }
    }

    async fn pass(&self, key: ObjectKey, pass: Pass) -> Requeue {
        let api: Api<ProviderConfig> = Api::all(self.shared.client.clone());
        let config = match api.get(&key.name).await {
            Ok(config) => config,
            Err(kube::Error::Api(status)) if status.is_not_found() => return Requeue::OnChange,
            Err(error) => {
                let error = Error::from(error);
                tracing::warn!(object = %key, %error, "a pass failed");
                return error.requeue(self.count_failure(&key.name, true));
            }
        };
        let users = self.shared.directory.users_of(&key.name);
        if let Err(error) = self.follow_use(&api, &config, users).await {
            return error.requeue(self.count_failure(&key.name, !error.is_silent()));
        }
        if config.metadata.deletion_timestamp.is_some() && users == 0 {
            return Requeue::OnChange;
        }
        let mut live = Live::new(self.shared.client.clone(), config);
        let mut draft = live.status();
        let before = draft.clone();
        let result = self.inspect(&live.object, &mut draft, users, &pass).await;
        let (conclusion, requeue) = match &result {
            Err(error) if error.is_silent() => return error.requeue(1),
            Err(error) => {
                let failures = self.count_failure(&key.name, true);
                tracing::info!(object = %key, %error, failures, "a ProviderConfig is not usable");
                // Others wait for what it finds, so it does not ask less and less often.
                let asked = match error {
                    Error::Waiting { .. } => 1,
                    _ => failures,
                };
                (error.conclusion(failures), error.requeue(asked))
            }
            Ok((conclusion, requeue)) => {
                self.count_failure(&key.name, false);
                (conclusion.clone(), *requeue)
            }
        };
        let generation = live.object.metadata.generation;
        status::conclude(
            &mut draft.common,
            generation,
            &conclusion,
            self.shared.clock.now(),
        );
        let changed = before.replication_set != draft.replication_set
            || before.account_id != draft.account_id;
        match live.write_status(&draft).await {
            Ok(written) => {
                if let (true, Err(error)) = (written, &result) {
                    let reason = status::condition(&draft.common, ConditionType::Ready)
                        .map(|c| c.reason.clone());
                    if reason
                        != status::condition(&before.common, ConditionType::Ready)
                            .map(|c| c.reason.clone())
                    {
                        events::warning(
                            &self.shared,
                            &live.object,
                            error.reason().unwrap_or(Reason::Unavailable),
                            &error.to_string(),
                        )
                        .await;
                    }
                }
            }
            Err(error) => return error.requeue(1),
        }
        if changed {
            (self.wake_users)(&key.name);
        }
        requeue
    }

    /// The finalizer is there while somebody uses it.
    async fn follow_use(
        &self,
        api: &Api<ProviderConfig>,
        config: &ProviderConfig,
        users: usize,
    ) -> Result<(), Error> {
        let held = config.finalizers().iter().any(|f| f == IN_USE_FINALIZER);
        let deleting = config.metadata.deletion_timestamp.is_some();
        if held == (users > 0) || (deleting && !held) {
            return Ok(());
        }
        let mut finalizers: Vec<&str> = config
            .finalizers()
            .iter()
            .map(String::as_str)
            .filter(|f| *f != IN_USE_FINALIZER)
            .collect();
        if users > 0 {
            finalizers.push(IN_USE_FINALIZER);
        }
        let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": config.resource_version()}});
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        match api
            .patch(&config.name_any(), &parameters, &Patch::Merge(&patch))
            .await
        {
            Ok(_) => Err(Error::Outdated),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn inspect(
        &self,
        config: &ProviderConfig,
        draft: &mut ProviderConfigStatus,
        users: usize,
        pass: &Pass,
    ) -> Result<(Conclusion, Requeue), Error> {
        let name = config.name_any();
        draft.common.last_handled_reconcile_at =
            config.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        draft.in_use_by = Some(i64::try_from(users).unwrap_or(i64::MAX));
        let settings = account_config(&name, &config.spec);
        self.shared
            .limiter
            .set_rates(&name, &settings.placement, rates(&config.spec));
        let account = self.shared.accounts.account(&settings);
        let identity = match account.confirm(pass.priority, pass.give_way.clone()).await {
            Ok(identity) => identity,
            Err(ConfirmError::WrongAccount { expected, actual }) => {
                draft.account_id = None;
                draft.identity = None;
                return Err(Error::Stalled {
                    reason: Reason::WrongAccount,
                    message: format!(
                        "the credentials belong to account {actual}, not {expected}: nothing is written. Correct spec.assumeRole or the operator's identity"
                    ),
                    retry: Duration::from_secs(300),
                });
            }
            Err(ConfirmError::Call(error)) => return Err(error.into()),
        };
        draft.account_id = Some(identity.account_id.clone());
        draft.region = Some(config.spec.region.clone());
        draft.identity = Some(identity.arn.clone());
        // Somebody who edits or asks wants to know how it is now.
        let age = if pass.priority == Priority::Edit {
            Duration::ZERO
        } else {
            SHARED_ANSWER
        };
        let set = account
            .replication_set(age, pass.priority, pass.give_way.clone())
            .await?;
        draft.replication_set = Some(
            set.as_ref()
                .map_or("None".to_owned(), |s| s.status.to_string()),
        );
        draft.rate_limits = self
            .shared
            .limiter
            .state(&settings.placement)
            .into_iter()
            .map(|b| {
                (
                    b.group.as_str().to_owned(),
                    RateLimitStatus {
                        per_second: b.per_second,
                        throttled: b.throttled.then_some(true),
                    },
                )
            })
            .collect();
        let now = self.shared.clock.now();
        let hour_ago = now
            .checked_sub(jiff::SignedDuration::from_hours(1))
            .unwrap_or(jiff::Timestamp::MIN);
        draft.deletions.retain(|d| d.at.0 > hour_ago);
        if config.metadata.deletion_timestamp.is_some() {
            return Ok((
                Conclusion::Progress {
                    reason: Reason::InUse,
                    message: format!(
                        "{users} object(s) still use this ProviderConfig: it goes when they are gone"
                    ),
                },
                Requeue::Drift(Duration::from_secs(10)),
            ));
        }
        let Some(set) = set else {
            return Err(Error::Waiting {
                reason: Reason::NoReplicationSet,
                message: format!(
                    "account {} has no replication set (yet), so Incident Manager keeps nothing: a ReplicationSet makes one, as long as AWS lets it (Incident Manager is closed to accounts that never used it)",
                    config.spec.account_id
                ),
                references: false,
                retry: UNTIL_ONBOARDED,
            });
        };
        if !set.regions.contains_key(&config.spec.region) {
            return Err(Error::waiting(
                Reason::RegionNotInReplicationSet,
                format!(
                    "Region {} is not in the account's replication set",
                    config.spec.region
                ),
            ));
        }
        if !matches!(
            set.status,
            ReplicationSetStatus::Active | ReplicationSetStatus::Updating
        ) {
            return Err(Error::Waiting {
                reason: Reason::ReplicationSetNotActive,
                message: format!("the replication set is {}", set.status),
                references: false,
                retry: UNTIL_ONBOARDED,
            });
        }
        // Old records of deletions leave the status when they stop to count.
        let next_expiry = draft.deletions.iter().map(|d| d.at.0).min();
        let interval = jittered(self.shared.settings.drift_interval);
        let requeue = next_expiry.map_or(interval, |at| {
            let end = at
                .checked_add(jiff::SignedDuration::from_secs(3601))
                .unwrap_or(at);
            self.shared
                .clock
                .until(end)
                .max(Duration::from_secs(1))
                .min(interval)
        });
        Ok((
            Conclusion::InSync {
                reason: Reason::Confirmed,
                message: format!("STS confirmed account {}", identity.account_id),
            },
            Requeue::Drift(requeue),
        ))
    }
}

/// Has the status follow the number of users, which no watch of a ProviderConfig tells of. Ends with `stop`.
pub async fn follow_users(shared: Arc<Shared>, stop: CancellationToken) {
    while stop
        .run_until_cancelled(tokio::time::sleep(USERS_COUNTED))
        .await
        .is_some()
    {
        let outdated = |config: &ProviderConfig| {
            let users = shared.directory.users_of(&config.name_any());
            let shown = config.status.as_ref().and_then(|s| s.in_use_by);
            shown.is_some_and(|shown| usize::try_from(shown) != Ok(users))
        };
        let configs = shared
            .provider_configs
            .filter(|g| g.0.as_ref().is_ok_and(outdated));
        for config in configs.iter().filter_map(|g| g.0.as_ref().ok()) {
            shared.scheduler.wake(config.key(), Priority::Drift);
        }
    }
}

impl Runner for ProviderConfigs {
    fn run(&self, key: ObjectKey, pass: Pass) -> BoxFuture<'_, Requeue> {
        Box::pin(self.pass(key, pass))
    }
}
