//! `ReplicationSet`: glue between the engine and the pure files of this room.

pub mod aws;
pub mod desired;
pub mod findings;
pub mod observed;
pub mod plan;
pub mod report;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::{Client, Resource, ResourceExt};

use crate::api::common::{
    AcceptedFinding, AppliedStatus, CommonSpec, CommonStatus, DeletionPolicy, ManagementPolicy,
    Origin,
};
use crate::api::conditions::{ConditionType, Reason};
use crate::api::replication_set::ReplicationSetStatus;
use crate::api::{ProviderConfig, ReplicationSet};
use crate::aws::{CallError, Priority, Session, arn, incidents};
use crate::engine::connect::account_config;
use crate::engine::directory::View;
use crate::engine::object::{ManagedObject, age};
use crate::engine::ownership::TagPlan;
use crate::engine::status::condition;
use crate::engine::store::ObjectStore;
use crate::engine::{
    Applied, Error, ExternalObject, ExternalResource, Memory, Provider, Report, Reported, Shared,
    Sight,
};
use desired::{Desired, Place};
use observed::Observed;
use plan::{Change, SET_SLOT};
use report::Other;

impl ManagedObject for ReplicationSet {
    const KIND: &'static str = "ReplicationSet";
    const NAMESPACED: bool = false;
    type Status = ReplicationSetStatus;

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
        self.spec.common.suspend.unwrap_or(false)
    }
    fn accepted_findings(&self) -> &[AcceptedFinding] {
        self.spec
            .common
            .accepted_findings
            .as_deref()
            .unwrap_or_default()
    }
    fn provider_config(&self) -> Option<&str> {
        let named = self.spec.common.provider_config_ref.as_ref();
        Some(named.map_or("default", |r| r.name.as_str()))
    }
    fn waits_for_others(&self) -> bool {
        let ready = self.status.as_ref();
        let ready = ready.and_then(|s| condition(&s.common, ConditionType::Ready));
        let waits = [
            Reason::DeletionNotConfirmed,
            Reason::StillReferenced,
            Reason::RegionInUse,
        ];
        ready.is_some_and(|ready| waits.iter().any(|r| r.as_str() == ready.reason))
    }
    fn is_retained(&self) -> bool {
        self.spec.common.deletion_policy != Some(DeletionPolicy::Delete)
    }
}

impl ExternalObject for ReplicationSet {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
    fn default_deletion_policy(&self, _: Option<Origin>) -> DeletionPolicy {
        DeletionPolicy::Retain
    }
}

/// The kind `ReplicationSet`.
#[derive(Clone)]
pub struct ReplicationSets {
    /// Who else works in the account.
    pub shared: Arc<Shared>,
    /// Objects of this kind: one of them stands for an account's set.
    pub sets: Arc<ObjectStore<DeserializeGuard<ReplicationSet>>>,
}

impl ReplicationSets {
    /// ProviderConfigs of the account.
    fn configs_of(&self, account_id: &str) -> Vec<ProviderConfig> {
        let found = self.shared.provider_configs.filter(|guard| {
            guard
                .0
                .as_ref()
                .is_ok_and(|c| c.spec.account_id == account_id)
        });
        found
            .iter()
            .filter_map(|g| g.0.as_ref().ok())
            .cloned()
            .collect()
    }

    /// The account that an object is about.
    fn account_of(&self, object: &ReplicationSet) -> Option<String> {
        let name = object.provider_config()?;
        let guard = self.shared.provider_configs.get(None, name)?;
        Some(guard.0.as_ref().ok()?.spec.account_id.clone())
    }

    /// Objects of other kinds that live in the account, as far as they can be seen from here.
    fn others_in(&self, account_id: &str) -> Vec<Arc<dyn View>> {
        let configs: Vec<String> = self
            .configs_of(account_id)
            .iter()
            .map(ResourceExt::name_any)
            .collect();
        self.shared.directory.filter(|view| {
            let uses = |name: &str| configs.iter().any(|c| c == name);
            let in_aws = view.held() || view.common().is_some_and(|c| c.arn.is_some());
            view.key().kind != ReplicationSet::KIND
                && in_aws
                && (view.is_unreadable() || view.provider_config().is_some_and(uses))
        })
    }

    /// The object that stands for the account's set and is not `object`.
    fn elder(&self, object: &ReplicationSet, account_id: &str) -> Option<String> {
        if observes(object) {
            return None;
        }
        let others = self.sets.filter(|guard| {
            guard.0.as_ref().is_ok_and(|other| {
                other.uid() != object.uid()
                    && !observes(other)
                    && self.account_of(other).as_deref() == Some(account_id)
                    && standing(other) < standing(object)
            })
        });
        let names = others.iter().filter_map(|g| g.0.as_ref().ok());
        names.min_by_key(|o| standing(o)).map(ResourceExt::name_any)
    }
}

fn observes(object: &ReplicationSet) -> bool {
    object.spec.common.management_policy == Some(ManagementPolicy::Observe)
}

/// Who has it already comes first, then the eldest.
fn standing(object: &ReplicationSet) -> (bool, (Option<Timestamp>, Option<String>)) {
    let has = object
        .status
        .as_ref()
        .is_some_and(|s| s.common.origin.is_some() && s.common.arn.is_some());
    let (created, uid) = age(object.meta());
    (!has, (created, uid.map(str::to_owned)))
}

impl ExternalResource for ReplicationSets {
    type Object = ReplicationSet;
    type References = Place;
    type Desired = Desired;
    type Observed = Observed;
    type Change = Change;
    type Surroundings = Vec<Other>;

    const SLOT: &'static str = SET_SLOT;
    const NEEDS_REPLICATION_SET: bool = false;
    const SHOWS_WHAT_IS_REFUSED: bool = true;
    const NOTHING_LEFT: &'static str = "AWS has no replication set any more";

    fn identity(_: &ReplicationSet, provider: &Provider) -> String {
        let place = &provider.account.config.placement;
        format!(
            "arn:{}:ssm-incidents::{}:replication-set/*",
            arn::partition(&place.region),
            place.account_id
        )
    }

    fn display_name(_: &ReplicationSet) -> String {
        "the account's replication set".to_owned()
    }

    fn desired(
        object: &ReplicationSet,
        place: &Place,
        tags: BTreeMap<String, String>,
    ) -> Result<Desired, Error> {
        desired::desired(object, place, tags)
    }

    fn plan(
        desired: &Desired,
        observed: Option<&Observed>,
        _: Memory<'_>,
    ) -> Result<Vec<Change>, Error> {
        Ok(plan::plan(desired, observed))
    }

    fn due(
        desired: &Desired,
        observed: Option<&Observed>,
        changes: Vec<Change>,
        now: Timestamp,
    ) -> Vec<Change> {
        plan::due(desired, observed, changes, now)
    }

    fn tag_changes(
        plan: &TagPlan,
        _: Option<(&Desired, &BTreeMap<String, String>)>,
        observed: Option<&Observed>,
    ) -> Vec<Change> {
        let Some(arn) = observed.map(|o| o.arn.clone()) else {
            return vec![];
        };
        let set = (!plan.set.is_empty()).then(|| Change::SetTags {
            arn: arn.clone(),
            tags: plan.set.clone(),
        });
        let remove = (!plan.remove.is_empty()).then(|| Change::RemoveTags {
            arn,
            keys: plan.remove.clone(),
        });
        set.into_iter().chain(remove).collect()
    }

    fn permit_delete(
        object: &ReplicationSet,
        observed: &Observed,
        others: &Vec<Other>,
        status: &ReplicationSetStatus,
    ) -> Result<(), Error> {
        report::permit_delete(object, observed, others, status)
    }

    fn plan_delete(observed: &Observed) -> Vec<Change> {
        let unprotect = observed.protected.then(|| Change::SetDeletionProtection {
            arn: observed.arn.clone(),
            on: false,
        });
        let delete = Change::Delete {
            arn: observed.arn.clone(),
        };
        unprotect.into_iter().chain([delete]).collect()
    }

    fn going(observed: &Observed) -> Option<Error> {
        plan::going(observed)
    }

    fn refused(
        change: &Change,
        error: &CallError,
        observed: Option<&Observed>,
        status: &mut ReplicationSetStatus,
        now: Timestamp,
    ) -> Option<Error> {
        report::refused(change, error, observed, status, now)
    }

    fn project(
        observed: Option<Observed>,
        _: &Desired,
        change: &Change,
        id: Option<&str>,
    ) -> Option<Observed> {
        plan::project(observed, change, id)
    }

    fn arn(observed: &Observed) -> String {
        observed.arn.clone()
    }

    fn items(_: &Desired, observed: &Observed) -> Vec<(String, String)> {
        vec![(SET_SLOT.to_owned(), observed.arn.clone())]
    }

    fn is_wanted(_: &Desired, slot: &str) -> bool {
        slot == SET_SLOT
    }

    fn same_incarnation(observed: &Observed, applied: &AppliedStatus) -> bool {
        let same = |id: &String| *id == observed.arn;
        applied
            .items
            .iter()
            .any(|i| i.slot == SET_SLOT && same(&i.id))
    }

    fn taggable(observed: &Observed, region: &str) -> Option<bool> {
        Some(observed.regions.get(region).is_some_and(|r| r.taggable))
    }

    fn report(reported: Reported<'_, Self>, status: &mut ReplicationSetStatus) -> Report {
        let Reported {
            desired,
            observed,
            now,
            ..
        } = reported;
        report::report(desired, observed, status, now)
    }

    fn unfinished(desired: &Desired, observed: Option<&Observed>, now: Timestamp) -> Option<Error> {
        plan::unfinished(desired, observed?, now)
    }

    fn surroundings(&self, object: &ReplicationSet, _: Option<&Observed>) -> Vec<Other> {
        let Some(account_id) = self.account_of(object) else {
            return vec![];
        };
        let mut others: Vec<Other> = self
            .others_in(&account_id)
            .iter()
            .map(|view| Other {
                object: view.key().to_string(),
                leaving: view.leaving(),
            })
            .collect();
        others.sort();
        others
    }

    async fn resolve(
        &self,
        _: &Shared,
        provider: &Provider,
        object: &ReplicationSet,
    ) -> Result<Place, Error> {
        let place = provider.placement();
        let configs = self.configs_of(&place.account_id);
        let others = self.others_in(&place.account_id);
        let used = configs.iter().filter(|config| {
            let name = config.name_any();
            config.spec.region != place.region
                && others
                    .iter()
                    .any(|o| o.provider_config() == Some(name.as_str()))
        });
        let used_regions = used
            .map(|config| (config.spec.region.clone(), config.name_any()))
            .collect();
        Ok(Place {
            elder: self.elder(object, &place.account_id),
            account_id: place.account_id,
            provider: provider.name.clone(),
            own_region: place.region,
            used_regions,
        })
    }

    async fn observe(&self, sight: Sight<'_, Self>) -> Result<Option<Observed>, CallError> {
        aws::observe(sight.session).await
    }

    async fn read_tags(
        &self,
        session: &Session,
        observed: &mut Observed,
    ) -> Result<Option<BTreeMap<String, String>>, CallError> {
        let region = &session.account.config.placement.region;
        if Self::taggable(observed, region) != Some(true) {
            return Ok(None);
        }
        incidents::tags(session, &observed.arn).await.map(Some)
    }

    async fn apply(
        &self,
        session: &Session,
        _: &str,
        change: &Change,
        token: &str,
        _: &BTreeMap<String, String>,
    ) -> Result<Applied, CallError> {
        aws::apply(session, change, token).await
    }

    /// Everything else waits for the set: when it changes, all who share an answer about it ask again.
    async fn publish(
        &self,
        shared: &Shared,
        object: &ReplicationSet,
        before: &ReplicationSetStatus,
        status: &ReplicationSetStatus,
    ) -> Result<(), Error> {
        let shown = |s: &ReplicationSetStatus| (s.state.clone(), s.summary.clone());
        if shown(before) == shown(status) {
            return Ok(());
        }
        let account_id = self.account_of(object).unwrap_or_default();
        for config in self.configs_of(&account_id) {
            let settings = account_config(&config.name_any(), &config.spec);
            shared.accounts.account(&settings).forget_replication_set();
            let key = Shared::provider_config_key(&config.name_any());
            shared.scheduler.wake(key, Priority::Edit);
        }
        Ok(())
    }
}
