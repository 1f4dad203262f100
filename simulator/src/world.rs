//! Everything the simulator holds.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use serde::{Deserialize, Serialize};

use crate::call_log::CallLog;
use crate::clock::{Clock, Millis, real_now};
use crate::error::AwsError;
use crate::fault::Faults;
use crate::hold::Holds;
use crate::iam::policy::Attached;
use crate::iam::{self, Needed};
use crate::knobs::{Knobs, Overrides};
use crate::lock::{lock, read, write};
use crate::quota::{QuotaSettings, Quotas};
use crate::services::account::organization::Organization;
use crate::services::incidents::onboard;
use crate::state::Account;

/// How the simulator starts.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Accounts start onboarded: in these Regions, or, if there are none, in the one first called.
    pub onboarded: Option<Vec<String>>,
    /// Latency of every call.
    pub latency_ms: u64,
    /// Budgets.
    pub quotas: QuotaSettings,
    /// Knobs for everybody.
    pub knobs: Overrides,
    /// Where state is kept.
    pub state_file: Option<PathBuf>,
}

/// Credentials of a role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// ARN of the assumed role.
    pub arn: String,
    /// Role id and session name.
    pub user_id: String,
    /// Real time of expiry, in milliseconds.
    pub expires: i64,
}

/// Latency of calls.
#[derive(Debug, Default)]
pub struct Latency {
    /// Of every operation.
    pub general: u64,
    /// Of single operations.
    pub by_operation: BTreeMap<String, u64>,
}

/// Knobs; kept apart from the accounts so that a call can look at those of another account.
#[derive(Debug, Default)]
struct KnobSettings {
    global: Overrides,
    by_account: HashMap<String, Overrides>,
}

/// What survives a restart.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    #[serde(default)]
    clock_offset_ms: i64,
    #[serde(default)]
    sessions: HashMap<String, Session>,
    #[serde(default)]
    account_knobs: HashMap<String, Overrides>,
    #[serde(default)]
    accounts: Vec<serde_json::Value>,
    #[serde(default)]
    pages: u64,
    #[serde(default)]
    policies: Vec<Attached>,
    #[serde(default)]
    organizations: Vec<Organization>,
}

/// What decides on what happens by itself.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// Simulated time.
    pub now: Millis,
    /// Settings of the account.
    pub knobs: &'a Knobs,
    /// Everything outside the account.
    pub world: &'a World,
}

/// The simulated AWS.
pub struct World {
    options: Options,
    /// Simulated time.
    pub clock: Clock,
    /// Every call.
    pub log: CallLog,
    /// Armed faults.
    pub faults: Faults,
    /// Armed holds.
    pub holds: Holds,
    /// Budgets.
    pub quotas: Quotas,
    latency: RwLock<Latency>,
    knobs: RwLock<KnobSettings>,
    sessions: RwLock<HashMap<String, Session>>,
    accounts: RwLock<HashMap<String, Arc<Mutex<Account>>>>,
    policies: RwLock<Vec<Attached>>,
    organizations: RwLock<Vec<Organization>>,
    pages: AtomicU64,
    dirty: AtomicBool,
}

impl World {
    /// A world without accounts.
    pub fn new(options: Options) -> Self {
        Self {
            clock: Clock::default(),
            log: CallLog::default(),
            faults: Faults::default(),
            holds: Holds::default(),
            quotas: Quotas::new(options.quotas.clone()),
            latency: RwLock::new(Latency {
                general: options.latency_ms,
                by_operation: BTreeMap::new(),
            }),
            knobs: RwLock::new(KnobSettings {
                global: options.knobs.clone(),
                by_account: HashMap::new(),
            }),
            sessions: RwLock::default(),
            accounts: RwLock::default(),
            policies: RwLock::default(),
            organizations: RwLock::default(),
            pages: AtomicU64::new(0),
            dirty: AtomicBool::new(false),
            options,
        }
    }

    /// The account of this number, made on first use.
    pub fn account(&self, id: &str) -> Arc<Mutex<Account>> {
        if let Some(account) = read(&self.accounts).get(id) {
            return Arc::clone(account);
        }
        let mut accounts = write(&self.accounts);
        Arc::clone(
            accounts
                .entry(id.to_owned())
                .or_insert_with(|| Arc::new(Mutex::new(Account::new(id)))),
        )
    }

    /// The account, if anything ever happened in it.
    pub fn known_account(&self, id: &str) -> Option<Arc<Mutex<Account>>> {
        read(&self.accounts).get(id).cloned()
    }

    /// All accounts.
    pub fn accounts(&self) -> Vec<Arc<Mutex<Account>>> {
        read(&self.accounts).values().cloned().collect()
    }

    /// Forgets an account.
    pub fn forget_account(&self, id: &str) -> bool {
        self.changed();
        write(&self.knobs).by_account.remove(id);
        write(&self.accounts).remove(id).is_some()
    }

    /// Onboards an account at its first call of Incident Manager, if the simulator was started so.
    pub fn start_account(&self, account: &mut Account, region: &str) {
        if account.started {
            return;
        }
        account.started = true;
        if let Some(regions) = &self.options.onboarded {
            let here = [region.to_owned()];
            let regions = if regions.is_empty() {
                &here
            } else {
                regions.as_slice()
            };
            onboard(account, regions, self.clock.now(), 0);
            self.changed();
        }
    }

    /// The credentials behind an access key.
    pub fn session(&self, access_key: &str) -> Option<Session> {
        read(&self.sessions).get(access_key).cloned()
    }

    /// Keeps credentials; those long expired are dropped.
    pub fn add_session(&self, access_key: &str, session: Session) {
        let mut sessions = write(&self.sessions);
        if sessions.len() >= 1024 && sessions.len().is_power_of_two() {
            let limit = real_now() - 86_400_000;
            sessions.retain(|_, session| session.expires > limit);
        }
        sessions.insert(access_key.to_owned(), session);
        drop(sessions);
        self.changed();
    }

    /// Sets knobs for everybody, or for one account.
    pub fn set_knobs(&self, account: Option<&str>, settings: Vec<(String, String)>) {
        let mut knobs = write(&self.knobs);
        match account {
            Some(account) => knobs.by_account.entry(account.to_owned()).or_default(),
            None => &mut knobs.global,
        }
        .extend(settings);
        drop(knobs);
        self.changed();
    }

    /// Knobs in force for an account.
    pub fn knobs_of(&self, account: &str) -> Knobs {
        let knobs = read(&self.knobs);
        Knobs::new(
            knobs.global.clone(),
            knobs.by_account.get(account).cloned().unwrap_or_default(),
        )
    }

    /// Policies of principals of all accounts.
    pub fn policies(&self) -> Vec<Attached> {
        read(&self.policies).clone()
    }

    /// Replaces them.
    pub fn set_policies(&self, policies: Vec<Attached>) {
        *write(&self.policies) = policies;
        self.changed();
    }

    /// Organizations of accounts.
    pub fn organizations(&self) -> Vec<Organization> {
        read(&self.organizations).clone()
    }

    /// Sets the organization of a management account, or dissolves it.
    pub fn set_organization(&self, management_account: &str, organization: Option<Organization>) {
        let mut organizations = write(&self.organizations);
        organizations.retain(|each| each.management_account != management_account);
        organizations.extend(organization);
        drop(organizations);
        self.changed();
    }

    /// Refuses the first of these actions that a principal of this account may not do, in AWS's words.
    pub fn authorize(
        &self,
        account: &Account,
        principal: &str,
        needed: &[Needed],
        code: &str,
    ) -> Result<(), AwsError> {
        let policies = read(&self.policies);
        iam::authorize(&account.iam, &policies, principal, needed, code)
    }

    /// The latency of an operation in milliseconds.
    pub fn latency_of(&self, operation: &str) -> u64 {
        let latency = read(&self.latency);
        latency
            .by_operation
            .get(operation)
            .copied()
            .unwrap_or(latency.general)
    }

    /// Shows or changes the latency.
    pub fn with_latency<T>(&self, use_it: impl FnOnce(&mut Latency) -> T) -> T {
        use_it(&mut write(&self.latency))
    }

    /// The number of the next page, from 1.
    pub fn next_page(&self) -> u64 {
        self.pages.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Lets everything happen in an account that was to happen by now.
    pub fn settle(&self, account: &mut Account) {
        let knobs = self.knobs_of(&account.id);
        let circumstances = Circumstances {
            now: self.clock.now(),
            knobs: &knobs,
            world: self,
        };
        if account.settle(&circumstances) {
            self.changed();
        }
    }

    /// Notes that there is something to save.
    pub fn changed(&self) {
        self.dirty.store(true, Ordering::Release);
    }

    /// Reads the state file, if there is one.
    pub fn load(&self) -> std::io::Result<()> {
        let Some(path) = &self.options.state_file else {
            return Ok(());
        };
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let kept: Kept = serde_json::from_slice(&text)?;
        self.clock.set_offset(kept.clock_offset_ms);
        *write(&self.sessions) = kept.sessions;
        self.pages.store(kept.pages, Ordering::Relaxed);
        *write(&self.policies) = kept.policies;
        *write(&self.organizations) = kept.organizations;
        write(&self.knobs).by_account = kept.account_knobs;
        let mut accounts = write(&self.accounts);
        for account in kept.accounts {
            let account: Account = serde_json::from_value(account)?;
            accounts.insert(account.id.clone(), Arc::new(Mutex::new(account)));
        }
        Ok(())
    }

    /// Writes the state file if something changed since: into a file beside it, which then takes its place.
    pub fn save_if_changed(&self) -> std::io::Result<()> {
        let Some(path) = &self.options.state_file else {
            return Ok(());
        };
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let accounts = self
            .accounts()
            .iter()
            .map(|account| serde_json::to_value(&*lock(account)))
            .collect::<Result<Vec<_>, _>>()?;
        let kept = Kept {
            clock_offset_ms: self.clock.offset(),
            sessions: read(&self.sessions).clone(),
            account_knobs: read(&self.knobs).by_account.clone(),
            accounts,
            pages: self.pages.load(Ordering::Relaxed),
            policies: self.policies(),
            organizations: self.organizations(),
        };
        let mut beside = path.clone().into_os_string();
        beside.push(".new");
        let written = std::fs::write(&beside, serde_json::to_vec(&kept)?)
            .and_then(|()| std::fs::rename(&beside, path));
        if written.is_err() {
            self.changed();
        }
        written
    }

    /// Whether state is kept in a file at all.
    pub fn keeps_state(&self) -> bool {
        self.options.state_file.is_some()
    }
}
