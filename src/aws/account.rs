//! Accounts the operator works in: their configuration, clients, identity and replication set.

use std::{
    any::{Any, TypeId},
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableRegionProvider,
    meta::region::RegionProviderChain, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ssmcontacts::config::{AppName, IdentityCache, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder as HttpClientBuilder, Connector, tls};
use tokio_util::sync::CancellationToken;

use super::{
    CallError, ErrorClass, Limiter, Operation, Placement, Priority, Redacted, RequestMetrics,
    Service, Session, SharedList, assume_role::AssumedRole,
};

mod replication_set;

pub use replication_set::{
    RegionInfo, RegionStatus, ReplicationSetInfo, ReplicationSetStatus, listed as listed_set,
};

/// What the operator calls itself in user agents and role sessions.
pub(super) const APP_NAME: &str = "incident-operator";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than any load balancer's, so that a request is seldom written to a connection the other side just closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(15);
const IDENTITY_MAX_AGE: Duration = Duration::from_hours(1);

/// Where and as whom to work: what a ProviderConfig says, in this room's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountConfig {
    /// The ProviderConfig's name.
    pub name: String,
    /// Account and Region.
    pub placement: Placement,
    /// The role to assume; absent = the operator's own identity.
    pub assume_role: Option<AssumeRole>,
    /// Endpoints that stand in for AWS's own. Where one is given, FIPS and dual stack are its own affair.
    pub endpoints: BTreeMap<Service, String>,
    /// FIPS endpoints.
    pub use_fips: bool,
    /// Dual-stack endpoints.
    pub use_dual_stack: bool,
}

/// A role of the account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// What the role's trust policy may ask for.
    pub external_id: Option<Redacted<String>>,
    /// Shown in CloudTrail; absent = `incident-operator`.
    pub session_name: Option<String>,
}

/// Who AWS says we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The twelve digits.
    pub account_id: String,
    /// The principal.
    pub arn: String,
}

/// Why an account is not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmError {
    /// The credentials are another account's.
    #[error("the credentials belong to account {actual}, not {expected}")]
    WrongAccount {
        /// What the ProviderConfig says.
        expected: String,
        /// What STS says.
        actual: String,
    },
    /// STS could not be asked.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Every account in use. ProviderConfigs that differ in name only share clients and reads.
#[derive(Clone)]
pub struct Accounts {
    base: Arc<SdkConfig>,
    limiter: Limiter,
    metrics: RequestMetrics,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    accounts: HashMap<String, Arc<Account>>,
    clients: Vec<(ClientKey, Weak<Clients>)>,
}

/// An [`AccountConfig`] but for its name.
#[derive(Clone, PartialEq, Eq)]
struct ClientKey {
    placement: Placement,
    assume_role: Option<AssumeRole>,
    endpoints: BTreeMap<Service, String>,
    use_fips: bool,
    use_dual_stack: bool,
}

impl ClientKey {
    fn of(config: &AccountConfig) -> Self {
        Self {
            placement: config.placement.clone(),
            assume_role: config.assume_role.clone(),
            endpoints: config.endpoints.clone(),
            use_fips: config.use_fips,
            use_dual_stack: config.use_dual_stack,
        }
    }
}

impl Accounts {
    /// Reads the environment's AWS configuration. Sends nothing.
    pub async fn new(limiter: Limiter, metrics: RequestMetrics) -> Self {
        // Every client is given its own Region; this one only spares the search for one in the instance metadata.
        let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(Region::from_static("us-east-1"));
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http_client())
            .region(region)
            // Answers are small and every attempt has an end: watching their throughput is work for nothing.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            );
        if let Ok(name) = AppName::new(APP_NAME) {
            loader = loader.app_name(name);
        }
        Self::from_base(loader.load().await, limiter, metrics)
    }

    pub(super) fn from_base(base: SdkConfig, limiter: Limiter, metrics: RequestMetrics) -> Self {
        Self {
            base: Arc::new(base),
            limiter,
            metrics,
            known: Arc::default(),
        }
    }

    /// The account of a ProviderConfig. An edited configuration gives a new account; who holds the old one keeps it.
    pub fn account(&self, config: &AccountConfig) -> Arc<Account> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = known
            .accounts
            .get(&config.name)
            .filter(|account| account.config == *config)
        {
            return Arc::clone(account);
        }
        let key = ClientKey::of(config);
        known
            .clients
            .retain(|(_, clients)| clients.strong_count() > 0);
        let shared = known
            .clients
            .iter()
            .find(|(known, _)| *known == key)
            .and_then(|(_, clients)| clients.upgrade());
        let clients = shared.unwrap_or_else(|| {
            let clients = Arc::new(Clients::new(&self.base, &key, &self.metrics));
            known.clients.push((key, Arc::downgrade(&clients)));
            clients
        });
        let account = Arc::new(Account {
            config: config.clone(),
            clients,
            limiter: self.limiter.clone(),
            metrics: self.metrics.clone(),
        });
        known
            .accounts
            .insert(config.name.clone(), Arc::clone(&account));
        account
    }

    /// Drops the account of the ProviderConfig `name`.
    pub fn forget(&self, name: &str) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .accounts
            .remove(name);
    }
}

/// One pool of connections for every client, through the proxy that `HTTPS_PROXY` and `NO_PROXY` name: the SDK's own client asks for none.
pub(super) fn http_client() -> SharedHttpClient {
    HttpClientBuilder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder()
            .pool_idle_timeout(IDLE_CONNECTION)
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ));
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.build()
    })
}

/// Clients and shared reads of one account and Region, as one identity.
struct Clients {
    contacts: aws_sdk_ssmcontacts::Client,
    incidents: aws_sdk_ssmincidents::Client,
    alternate_contacts: aws_sdk_account::Client,
    #[cfg(feature = "vpc-endpoints")]
    ec2: aws_sdk_ec2::Client,
    sts: aws_sdk_sts::Client,
    identity: SharedList<Identity>,
    replication_set: SharedList<Option<ReplicationSetInfo>>,
    lists: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Clients {
    fn new(base: &SdkConfig, key: &ClientKey, metrics: &RequestMetrics) -> Self {
        let region = Region::new(key.placement.region.clone());
        let mut own = base.to_builder().region(region);
        // Only ever switched on: the environment may ask for them too.
        if key.use_fips {
            own = own.use_fips(true);
        }
        if key.use_dual_stack {
            own = own.use_dual_stack(true);
        }
        let own = own.build();
        let mut acting = own.clone().into_builder();
        if let Some(role) = &key.assume_role {
            // The provider's own calls are repeated by the SDK, the only ones that are.
            let sts = aws_sdk_sts::Client::from_conf(sts_config(&own, key).build());
            acting = acting
                .identity_cache(IdentityCache::lazy().build())
                .credentials_provider(SharedCredentialsProvider::new(AssumedRole::new(
                    sts,
                    role.clone(),
                    metrics.clone(),
                )));
        }
        let acting = acting.retry_config(RetryConfig::disabled()).build();
        let mut contacts = aws_sdk_ssmcontacts::config::Builder::from(&acting);
        if let Some(url) = key.endpoints.get(&Service::SSMContacts) {
            contacts = contacts
                .endpoint_url(url)
                .use_fips(false)
                .use_dual_stack(false);
        }
        let mut incidents = aws_sdk_ssmincidents::config::Builder::from(&acting);
        if let Some(url) = key.endpoints.get(&Service::SSMIncidents) {
            incidents = incidents
                .endpoint_url(url)
                .use_fips(false)
                .use_dual_stack(false);
        }
        let mut alternate_contacts = aws_sdk_account::config::Builder::from(&acting);
        if let Some(url) = key.endpoints.get(&Service::Account) {
            alternate_contacts = alternate_contacts
                .endpoint_url(url)
                .use_fips(false)
                .use_dual_stack(false);
        }
        #[cfg(feature = "vpc-endpoints")]
        let ec2 = {
            let mut ec2 = aws_sdk_ec2::config::Builder::from(&acting);
            if let Some(url) = key.endpoints.get(&Service::EC2) {
                ec2 = ec2.endpoint_url(url).use_fips(false).use_dual_stack(false);
            }
            aws_sdk_ec2::Client::from_conf(ec2.build())
        };
        Self {
            #[cfg(feature = "vpc-endpoints")]
            ec2,
            contacts: aws_sdk_ssmcontacts::Client::from_conf(contacts.build()),
            incidents: aws_sdk_ssmincidents::Client::from_conf(incidents.build()),
            alternate_contacts: aws_sdk_account::Client::from_conf(alternate_contacts.build()),
            sts: aws_sdk_sts::Client::from_conf(sts_config(&acting, key).build()),
            identity: SharedList::default(),
            replication_set: SharedList::default(),
            lists: Mutex::default(),
        }
    }
}

fn sts_config(config: &SdkConfig, key: &ClientKey) -> aws_sdk_sts::config::Builder {
    let builder = aws_sdk_sts::config::Builder::from(config);
    match key.endpoints.get(&Service::STS) {
        Some(url) => builder
            .endpoint_url(url)
            .use_fips(false)
            .use_dual_stack(false),
        None => builder,
    }
}

/// One account, in one Region, as one identity.
pub struct Account {
    /// What it was made from.
    pub config: AccountConfig,
    clients: Arc<Clients>,
    limiter: Limiter,
    metrics: RequestMetrics,
}

impl Account {
    /// Asks STS whether the credentials are the account's. A yes holds for an hour.
    pub async fn confirm(
        self: &Arc<Self>,
        priority: Priority,
        give_way: CancellationToken,
    ) -> Result<Identity, ConfirmError> {
        let session = self.session(priority, give_way);
        let identity = session
            .shared(
                &self.clients.identity,
                Operation::GetCallerIdentity,
                None,
                IDENTITY_MAX_AGE,
                async {
                    let request = self.clients.sts.get_caller_identity().send();
                    let output = session.send(Operation::GetCallerIdentity, request).await?;
                    match (output.account, output.arn) {
                        (Some(account_id), Some(arn)) => Ok(Identity { account_id, arn }),
                        _ => Err(CallError::new(
                            Operation::GetCallerIdentity,
                            ErrorClass::Transient,
                        )
                        .with_detail("the answer named no account")),
                    }
                },
            )
            .await?;
        if identity.account_id == self.config.placement.account_id {
            return Ok(Identity::clone(&identity));
        }
        // The role may be mended at any moment.
        self.clients.identity.forget();
        Err(ConfirmError::WrongAccount {
            expected: self.config.placement.account_id.clone(),
            actual: identity.account_id.clone(),
        })
    }

    /// The account's replication set as read at most `max_age` ago. `None` means that AWS listed none.
    pub async fn replication_set(
        self: &Arc<Self>,
        max_age: Duration,
        priority: Priority,
        give_way: CancellationToken,
    ) -> Result<Option<ReplicationSetInfo>, CallError> {
        let session = self.session(priority, give_way);
        let read = replication_set::read(&session);
        let list = &self.clients.replication_set;
        let found = session
            .shared(list, Operation::ListReplicationSets, None, max_age, read)
            .await?;
        Ok(Option::clone(&found))
    }

    /// Forgets what was read of the replication set: it has changed.
    pub fn forget_replication_set(&self) {
        self.clients.replication_set.forget();
    }

    /// The list that everybody who works in this account and Region as this identity shares, one for each type `T`.
    pub fn list<T: Send + Sync + 'static>(&self) -> Arc<SharedList<T>> {
        let mut lists = self
            .clients
            .lists
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let list = lists
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::new(SharedList::<T>::default()));
        Arc::downcast(Arc::clone(list)).unwrap_or_default()
    }

    /// The way of one pass to this account.
    pub fn session(self: &Arc<Self>, priority: Priority, give_way: CancellationToken) -> Session {
        Session {
            account: Arc::clone(self),
            priority,
            give_way,
        }
    }

    pub(super) fn contacts(&self) -> &aws_sdk_ssmcontacts::Client {
        &self.clients.contacts
    }

    pub(super) fn incidents(&self) -> &aws_sdk_ssmincidents::Client {
        &self.clients.incidents
    }

    pub(super) fn alternate_contacts(&self) -> &aws_sdk_account::Client {
        &self.clients.alternate_contacts
    }

    #[cfg(feature = "vpc-endpoints")]
    pub(super) fn ec2(&self) -> &aws_sdk_ec2::Client {
        &self.clients.ec2
    }

    pub(super) fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    pub(super) fn metrics(&self) -> &RequestMetrics {
        &self.metrics
    }
}

#[cfg(test)]
mod tests;
