//! From an object to its account: which ProviderConfig, may this namespace use it, is it still the same place, is the account the right one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{Api, Patch, PatchParams};
use kube::core::{Selector, SelectorExt};
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::error::Error;
use super::object::{FIELD_MANAGER, ManagedObject};
use super::ownership::Claimant;
use super::scheduler::ObjectKey;
use super::shared::Shared;
#[cfg(feature = "vpc-endpoints")]
use crate::api::VpcEndpoint;
use crate::api::common::PlacementStatus;
use crate::api::conditions::Reason;
use crate::api::provider_config::{
    AwsService, BudgetGroup as ApiBudgetGroup, DeletionRecord, EndpointVariant, NamespaceSelection,
    ProviderConfigSpec,
};
use crate::api::{
    Contact, EscalationPlan, IN_USE_FINALIZER, OnCallSchedule, ProviderConfig, ReplicationSet,
    ResponsePlan,
};
use crate::aws::{
    Account, AccountConfig, AssumeRole, BudgetGroup, ConfirmError, Placement, RegionStatus,
    ReplicationSetStatus, Service, Session, tag,
};

/// The account, Region and permissions that an object has through its ProviderConfig.
#[derive(Clone)]
pub struct Provider {
    /// Name of the ProviderConfig.
    pub name: String,
    /// Its spec.
    pub spec: ProviderConfigSpec,
    /// The account.
    pub account: Arc<Account>,
    /// Adoption is allowed in the object's namespace.
    pub adoption_allowed: bool,
    config: Arc<ProviderConfig>,
}

/// The ProviderConfig's own default deletion budget (product: ProviderConfig).
const DEFAULT_DELETIONS_PER_HOUR: i32 = 5;
/// How old an answer about the replication set may be for an object that exists in AWS already.
const REPLICATION_SET_KNOWN: Duration = Duration::from_secs(3600);
/// The same for one that waits to be made.
const REPLICATION_SET_AWAITED: Duration = Duration::from_secs(20);

/// The account configuration that a ProviderConfig describes.
pub fn account_config(name: &str, spec: &ProviderConfigSpec) -> AccountConfig {
    let variants = spec.endpoint_variants.as_deref().unwrap_or_default();
    AccountConfig {
        name: name.to_owned(),
        placement: Placement::new(&spec.account_id, &spec.region),
        assume_role: spec.assume_role.as_ref().and_then(|role| {
            Some(AssumeRole {
                role_arn: role.role_arn.clone().filter(|arn| !arn.is_empty())?,
                external_id: role.external_id.clone().map(Into::into),
                session_name: None,
            })
        }),
        endpoints: spec
            .endpoints
            .iter()
            .flatten()
            .map(|e| {
                let service = match e.service {
                    AwsService::SSMContacts => Service::SSMContacts,
                    AwsService::SSMIncidents => Service::SSMIncidents,
                    AwsService::Account => Service::Account,
                    AwsService::EC2 => Service::EC2,
                    AwsService::STS => Service::STS,
                };
                (service, e.url.clone())
            })
            .collect(),
        use_fips: variants.contains(&EndpointVariant::FIPS),
        use_dual_stack: variants.contains(&EndpointVariant::DualStack),
    }
}

/// The rates that a ProviderConfig asks for.
pub fn rates(spec: &ProviderConfigSpec) -> BTreeMap<BudgetGroup, f64> {
    spec.rate_limits
        .iter()
        .flatten()
        .map(|limit| {
            let group = match limit.group {
                ApiBudgetGroup::ContactsRead => BudgetGroup::ContactsRead,
                ApiBudgetGroup::ContactsWrite => BudgetGroup::ContactsWrite,
                ApiBudgetGroup::RotationsRead => BudgetGroup::RotationsRead,
                ApiBudgetGroup::EngagementsWrite => BudgetGroup::EngagementsWrite,
                ApiBudgetGroup::EngagementsRead => BudgetGroup::EngagementsRead,
                ApiBudgetGroup::EngagementLists => BudgetGroup::EngagementLists,
                ApiBudgetGroup::IncidentsRead => BudgetGroup::IncidentsRead,
                ApiBudgetGroup::IncidentsWrite => BudgetGroup::IncidentsWrite,
                ApiBudgetGroup::ReplicationSetWrite => BudgetGroup::ReplicationSetWrite,
                ApiBudgetGroup::AccountRead => BudgetGroup::AccountRead,
                ApiBudgetGroup::AccountWrite => BudgetGroup::AccountWrite,
                ApiBudgetGroup::EC2Read => BudgetGroup::EC2Read,
                ApiBudgetGroup::EC2Write => BudgetGroup::EC2Write,
                ApiBudgetGroup::Identity => BudgetGroup::Identity,
            };
            (group, limit.per_second)
        })
        .collect()
}

/// Whether a selection covers a namespace: named or selected.
pub fn selects(
    selection: &NamespaceSelection,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let named = selection.names.iter().flatten().any(|n| n == name);
    named
        || selection
            .selector
            .as_ref()
            .is_some_and(|s| selector_matches(s, labels))
}

pub(super) fn selector_matches(
    selector: &LabelSelector,
    labels: &BTreeMap<String, String>,
) -> bool {
    // A selector that cannot be read selects nothing.
    Selector::try_from(selector.clone()).is_ok_and(|s| s.matches(labels))
}

/// Finds the ProviderConfig `name` for an object in `namespace` and checks that the object may use it and still lives where it was made.
pub async fn connect(
    shared: &Shared,
    namespace: Option<&str>,
    name: &str,
    recorded: Option<&PlacementStatus>,
) -> Result<Provider, Error> {
    let guard = shared.provider_configs.get(None, name);
    let Some(config) = guard.as_ref().and_then(|g| g.0.as_ref().ok()) else {
        return Err(Error::waiting(
            Reason::ProviderConfigNotFound,
            format!(
                "ProviderConfig \"{name}\" does not exist (yet): create it or name another in spec.providerConfigRef"
            ),
        ));
    };
    let spec = config.spec.clone();
    if let Some(recorded) = recorded
        && (recorded.account_id != spec.account_id || recorded.region != spec.region)
    {
        return Err(Error::refused(
            Reason::PlacementChanged,
            format!(
                "this was made in account {} and Region {}, but ProviderConfig \"{name}\" now means account {} and Region {}: nothing is moved \
                 or made again. Name a ProviderConfig of the former place, or delete this object and make a new one",
                recorded.account_id, recorded.region, spec.account_id, spec.region
            ),
        ));
    }
    if recorded.is_none() && config.metadata.deletion_timestamp.is_some() {
        return Err(Error::waiting(
            Reason::ProviderConfigNotFound,
            format!("ProviderConfig \"{name}\" is being deleted"),
        ));
    }
    let mut adoption_allowed = true;
    if let Some(namespace) = namespace {
        let labels = shared
            .namespace_labels(namespace)
            .await?
            .unwrap_or_default();
        if !selects(&spec.allowed_namespaces, namespace, &labels) {
            return Err(Error::refused(
                Reason::NamespaceNotAllowed,
                format!(
                    "ProviderConfig \"{name}\" does not allow namespace \"{namespace}\": add it to spec.allowedNamespaces there, or name another"
                ),
            ));
        }
        adoption_allowed = spec
            .adoption
            .as_ref()
            .is_some_and(|a| selects(&a.allowed_namespaces, namespace, &labels));
    }
    let account = shared.accounts.account(&account_config(name, &spec));
    Ok(Provider {
        name: name.to_owned(),
        spec,
        account,
        adoption_allowed,
        config: Arc::new(config.clone()),
    })
}

/// What the replication set allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Onboarding {
    /// Tags work here: it is the set's first Region.
    pub taggable: bool,
}

impl Provider {
    /// Where this is.
    pub fn placement(&self) -> PlacementStatus {
        PlacementStatus {
            account_id: self.spec.account_id.clone(),
            region: self.spec.region.clone(),
        }
    }

    /// Who `object` is in AWS's tags.
    pub fn claimant(&self, object: &ObjectKey) -> Claimant {
        Claimant {
            owner: self.spec.owner_id.clone(),
            object: tag::ObjectIdentity::new(
                object.kind,
                object.namespace.as_deref(),
                &object.name,
            ),
        }
    }

    /// STS says that this is the account. Cached.
    pub async fn confirm(&self, session: &Session) -> Result<(), Error> {
        match self
            .account
            .confirm(session.priority, session.give_way.clone())
            .await
        {
            Ok(_) => Ok(()),
            Err(ConfirmError::WrongAccount { expected, actual }) => Err(Error::Stalled {
                reason: Reason::WrongAccount,
                message: format!(
                    "the credentials of ProviderConfig \"{}\" belong to account {actual}, not {expected}: nothing is written. Correct spec.assumeRole or the operator's identity",
                    self.name
                ),
                retry: Duration::from_secs(300),
            }),
            Err(ConfirmError::Call(error)) => Err(error.into()),
        }
    }

    /// The account is set up, the set is active and this Region is in it. `known` = the object exists in AWS, so an older answer will do.
    pub async fn onboarding(&self, session: &Session, known: bool) -> Result<Onboarding, Error> {
        let age = if known {
            REPLICATION_SET_KNOWN
        } else {
            REPLICATION_SET_AWAITED
        };
        self.onboarding_within(session, age).await
    }

    /// The same with an answer no older than `age`.
    pub async fn onboarding_within(
        &self,
        session: &Session,
        age: Duration,
    ) -> Result<Onboarding, Error> {
        let Some(set) = self
            .account
            .replication_set(age, session.priority, session.give_way.clone())
            .await?
        else {
            return Err(Error::waiting(
                Reason::NoReplicationSet,
                format!(
                    "account {} has no replication set (yet), so Incident Manager keeps nothing: a ReplicationSet makes one, as long as AWS lets it (Incident Manager is closed to accounts that never used it)",
                    self.spec.account_id
                ),
            ));
        };
        let Some(region) = set.regions.get(&self.spec.region) else {
            return Err(Error::waiting(
                Reason::RegionNotInReplicationSet,
                format!(
                    "Region {} is not in the account's replication set ({})",
                    self.spec.region,
                    set.regions.keys().cloned().collect::<Vec<_>>().join(", ")
                ),
            ));
        };
        // An update of other Regions does not stop work in this one.
        let usable = matches!(
            set.status,
            ReplicationSetStatus::Active | ReplicationSetStatus::Updating
        ) && region.status == RegionStatus::Active;
        if !usable {
            return Err(Error::Waiting {
                reason: Reason::ReplicationSetNotActive,
                message: "the account's replication set is not active (yet)".to_owned(),
                references: false,
                retry: Duration::from_secs(20),
            });
        }
        Ok(Onboarding {
            taggable: region.taggable,
        })
    }

    /// Puts the in-use finalizer on the ProviderConfig, so that pruning it strands nothing. Before the first write for an object.
    pub async fn hold(&self, shared: &Shared) -> Result<(), Error> {
        let current = shared.provider_configs.get(None, &self.name);
        let held =
            |config: &ProviderConfig| config.finalizers().iter().any(|f| f == IN_USE_FINALIZER);
        if held(&self.config)
            || current
                .as_ref()
                .and_then(|c| c.0.as_ref().ok())
                .is_some_and(held)
        {
            return Ok(());
        }
        let _one_at_a_time = shared
            .budget_lock(&format!("hold/{}", self.name))
            .lock_owned()
            .await;
        let api: Api<ProviderConfig> = Api::all(shared.client.clone());
        let config = api.get(&self.name).await?;
        if held(&config) {
            return Ok(());
        }
        if config.metadata.deletion_timestamp.is_some() {
            return Err(Error::waiting(
                Reason::ProviderConfigNotFound,
                format!("ProviderConfig \"{}\" is being deleted", self.name),
            ));
        }
        let mut finalizers = config.finalizers().to_vec();
        finalizers.push(IN_USE_FINALIZER.to_owned());
        let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": config.resource_version(), "uid": config.meta().uid}});
        api.patch(&self.name, &patch_parameters(), &Patch::Merge(&patch))
            .await?;
        Ok(())
    }

    /// Counts a deletion against the budget, recorded in the ProviderConfig's status before the call. A deletion that was recorded already
    /// (and then crashed) is not counted twice.
    pub async fn spend_deletion(&self, shared: &Shared, object: &ObjectKey) -> Result<(), Error> {
        let _one_at_a_time = shared.budget_lock(&self.spec.account_id).lock_owned().await;
        let now = shared.clock.now();
        let hour_ago = now
            .checked_sub(jiff::SignedDuration::from_hours(1))
            .unwrap_or(jiff::Timestamp::MIN);
        let api: Api<ProviderConfig> = Api::all(shared.client.clone());
        let siblings = shared.provider_configs.filter(|g| {
            g.0.as_ref().is_ok_and(|c| {
                c.spec.account_id == self.spec.account_id && c.name_any() != self.name
            })
        });
        let mut configs: Vec<ProviderConfig> = siblings
            .iter()
            .filter_map(|g| g.0.as_ref().ok().cloned())
            .collect();
        let own = api.get(&self.name).await?;
        configs.push(own.clone());
        let limit = configs
            .iter()
            .map(|c| {
                c.spec
                    .deletion_budget
                    .as_ref()
                    .map_or(DEFAULT_DELETIONS_PER_HOUR, |b| b.max_per_hour)
            })
            .min()
            .unwrap_or(DEFAULT_DELETIONS_PER_HOUR);
        let recent: Vec<DeletionRecord> = configs
            .iter()
            .flat_map(|c| c.status.iter().flat_map(|s| &s.deletions))
            .filter(|d| d.at.0 > hour_ago)
            .cloned()
            .collect();
        let identity = object.identity();
        if recent.iter().any(|d| d.object == identity) {
            return Ok(());
        }
        if recent.len() >= usize::try_from(limit).unwrap_or(0) {
            let free = recent.iter().map(|d| d.at.0).min();
            let wait = free.map_or(Duration::from_secs(600), |oldest| {
                shared.clock.until(
                    oldest
                        .checked_add(jiff::SignedDuration::from_hours(1))
                        .unwrap_or(now),
                )
            });
            shared
                .metrics
                .deletion_budget_exceeded(&self.spec.account_id);
            return Err(Error::Held {
                reason: Reason::DeletionBudgetExceeded,
                message: format!(
                    "{limit} contacts with an activated channel may be deleted within an hour in account {} and that is used up: the deletion waits. \
                     If it is meant, raise spec.deletionBudget.maxPerHour of ProviderConfig \"{}\". If it is not, set deletionPolicy: Retain: \
                     this object then goes and AWS keeps the contact, which a new object takes over with adoptionPolicy: Adopt",
                    self.spec.account_id, self.name
                ),
                retry: wait.clamp(Duration::from_secs(5), Duration::from_secs(300)),
            });
        }
        let mut deletions: Vec<DeletionRecord> = own
            .status
            .iter()
            .flat_map(|s| s.deletions.clone())
            .filter(|d| d.at.0 > hour_ago)
            .collect();
        deletions.push(DeletionRecord {
            object: identity,
            at: super::api_time(now),
        });
        let patch = json!({"metadata": {"resourceVersion": own.resource_version()}, "status": {"deletions": deletions}});
        api.patch_status(&self.name, &patch_parameters(), &Patch::Merge(&patch))
            .await?;
        Ok(())
    }
}

fn patch_parameters() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// Whether the object `identity` (`Kind/namespace/name`) of one of our kinds is certainly gone: asked of the API server live. What may not be
/// seen, or is not understood, counts as living.
pub async fn is_gone(shared: &Shared, identity: &str) -> Result<bool, Error> {
    let Some(object) = tag::ObjectIdentity::name_in(identity) else {
        return Ok(false);
    };
    let (namespace, name) = (object.namespace.as_deref(), object.name.as_str());
    match object.kind.as_str() {
        Contact::KIND => absent::<Contact>(shared, namespace, name).await,
        OnCallSchedule::KIND => absent::<OnCallSchedule>(shared, namespace, name).await,
        EscalationPlan::KIND => absent::<EscalationPlan>(shared, namespace, name).await,
        ReplicationSet::KIND => absent::<ReplicationSet>(shared, None, name).await,
        ResponsePlan::KIND => absent::<ResponsePlan>(shared, namespace, name).await,
        #[cfg(feature = "vpc-endpoints")]
        VpcEndpoint::KIND => absent::<VpcEndpoint>(shared, namespace, name).await,
        _ => Ok(false),
    }
}

async fn absent<K: ManagedObject>(
    shared: &Shared,
    namespace: Option<&str>,
    name: &str,
) -> Result<bool, Error> {
    let api = super::object::dynamic_api::<K>(shared.client.clone(), namespace);
    match api.get_metadata(name).await {
        // The 404 of a missing CRD does not name the object.
        Err(kube::Error::Api(status)) if status.is_not_found() => {
            Ok(status.details.as_ref().is_some_and(|d| d.name == name))
        }
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(false),
        Ok(_) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_selector_are_a_union_and_an_empty_selector_means_all() {
        let labels = BTreeMap::from([("oncall".to_owned(), "true".to_owned())]);
        let none = NamespaceSelection::default();
        assert!(!selects(&none, "a", &labels));
        let named = NamespaceSelection {
            names: Some(vec!["a".into()]),
            selector: None,
        };
        assert!(selects(&named, "a", &BTreeMap::new()) && !selects(&named, "b", &labels));
        let all = NamespaceSelection {
            names: None,
            selector: Some(LabelSelector::default()),
        };
        assert!(selects(&all, "b", &BTreeMap::new()));
        let selected = NamespaceSelection {
            names: Some(vec!["x".into()]),
            selector: Some(LabelSelector {
                match_labels: Some(labels.clone()),
                ..LabelSelector::default()
            }),
        };
        assert!(
            selects(&selected, "b", &labels)
                && selects(&selected, "x", &BTreeMap::new())
                && !selects(&selected, "b", &BTreeMap::new())
        );
    }
}
