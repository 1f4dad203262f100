//! Who may call AWS next: one budget for each account, Region and group of operations, and a queue by priority before it.
//!
//! AWS's quotas are so small (one write a second for all contacts of an account) that the order of calls decides what
//! users feel. A token is taken before a request is sent, so nothing that is sent was not counted.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Operation, Placement, RequestMetrics};
use budget::Budget;

mod bucket;
mod budget;
mod queue;

/// How urgent a call is: the first in order is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Overrides and incidents.
    Urgent,
    /// What a user changed or deleted.
    Edit,
    /// First creates.
    Create,
    /// Drift checks.
    Drift,
}

impl Priority {
    /// Every priority, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Urgent, Self::Edit, Self::Create, Self::Drift];

    /// The label in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Edit => "edit",
            Self::Create => "create",
            Self::Drift => "drift",
        }
    }
}

/// Operations that share a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BudgetGroup {
    /// Reads of ssm-contacts but those of rotations.
    ContactsRead,
    /// Every other call of ssm-contacts.
    ContactsWrite,
    /// Reads of rotations, their overrides and shifts.
    RotationsRead,
    /// StartEngagement and StopEngagement.
    EngagementsWrite,
    /// Reads of one engagement or page.
    EngagementsRead,
    /// Lists of engagements and pages.
    EngagementLists,
    /// Reads of ssm-incidents.
    IncidentsRead,
    /// Writes of ssm-incidents but those of the replication set.
    IncidentsWrite,
    /// Writes of the replication set.
    ReplicationSetWrite,
    /// Reads of alternate contacts.
    AccountRead,
    /// Writes of alternate contacts.
    AccountWrite,
    /// Reads of EC2.
    EC2Read,
    /// Writes of EC2.
    EC2Write,
    /// STS.
    Identity,
}

/// No such budget group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such budget group")]
pub struct UnknownBudgetGroup;

impl BudgetGroup {
    /// Every group.
    pub const ALL: [Self; 14] = [
        Self::ContactsRead,
        Self::ContactsWrite,
        Self::RotationsRead,
        Self::EngagementsWrite,
        Self::EngagementsRead,
        Self::EngagementLists,
        Self::IncidentsRead,
        Self::IncidentsWrite,
        Self::ReplicationSetWrite,
        Self::AccountRead,
        Self::AccountWrite,
        Self::EC2Read,
        Self::EC2Write,
        Self::Identity,
    ];

    /// The name users write in `ProviderConfig.spec.rateLimits`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContactsRead => "ContactsRead",
            Self::ContactsWrite => "ContactsWrite",
            Self::RotationsRead => "RotationsRead",
            Self::EngagementsWrite => "EngagementsWrite",
            Self::EngagementsRead => "EngagementsRead",
            Self::EngagementLists => "EngagementLists",
            Self::IncidentsRead => "IncidentsRead",
            Self::IncidentsWrite => "IncidentsWrite",
            Self::ReplicationSetWrite => "ReplicationSetWrite",
            Self::AccountRead => "AccountRead",
            Self::AccountWrite => "AccountWrite",
            Self::EC2Read => "EC2Read",
            Self::EC2Write => "EC2Write",
            Self::Identity => "Identity",
        }
    }

    /// Calls a second where nobody says otherwise: the published quota.
    pub const fn default_rate(self) -> f64 {
        match self {
            Self::ContactsRead | Self::RotationsRead => 20.0,
            Self::IncidentsRead
            | Self::EngagementsWrite
            | Self::AccountRead
            | Self::EC2Read
            | Self::Identity => 10.0,
            Self::IncidentsWrite | Self::EngagementsRead | Self::EC2Write => 5.0,
            Self::EngagementLists => 2.0,
            Self::ContactsWrite | Self::ReplicationSetWrite | Self::AccountWrite => 1.0,
        }
    }
}

impl FromStr for BudgetGroup {
    type Err = UnknownBudgetGroup;

    fn from_str(text: &str) -> Result<Self, UnknownBudgetGroup> {
        Self::ALL
            .into_iter()
            .find(|group| group.as_str() == text)
            .ok_or(UnknownBudgetGroup)
    }
}

impl fmt::Display for BudgetGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The waiter was told to give way; nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("gave way")]
pub struct GaveWay;

/// A budget as a status shows it. Nothing in it changes from second to second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BucketState {
    /// Which budget.
    pub group: BudgetGroup,
    /// Calls a second allowed, when AWS does not throttle.
    pub per_second: f64,
    /// Whether AWS throttled within the last minutes.
    pub throttled: bool,
}

/// The budgets of every account and Region, shared by the whole process.
#[derive(Clone)]
pub struct Limiter {
    shared: Arc<Shared>,
}

struct Shared {
    metrics: RequestMetrics,
    rates: RwLock<Rates>,
}

type Budgets = [Arc<Budget>; BudgetGroup::ALL.len()];

#[derive(Default)]
struct Rates {
    sources: BTreeMap<String, (Placement, BTreeMap<BudgetGroup, f64>)>,
    budgets: HashMap<Placement, Arc<Budgets>>,
}

impl Rates {
    /// The lowest rate that any source allows. A source that says nothing means the default.
    fn lowest(&self, placement: &Placement, group: BudgetGroup) -> f64 {
        let said = self.sources.values().filter(|(at, _)| at == placement);
        said.map(|(_, rates)| rates.get(&group).copied().unwrap_or(group.default_rate()))
            .reduce(f64::min)
            .unwrap_or(group.default_rate())
    }

    fn update(&self, placement: &Placement) {
        if let Some(budgets) = self.budgets.get(placement) {
            for group in BudgetGroup::ALL {
                budgets[group as usize].set_ceiling(self.lowest(placement, group));
            }
        }
    }
}

impl Limiter {
    /// No budgets yet; each starts with its default.
    pub fn new(metrics: RequestMetrics) -> Self {
        Self {
            shared: Arc::new(Shared {
                metrics,
                rates: RwLock::default(),
            }),
        }
    }

    /// What the ProviderConfig `source` allows in `placement`. A group it does not name has its default rate. Where
    /// several sources share a placement, the lowest rate holds. Saying the same again changes nothing.
    pub fn set_rates(
        &self,
        source: &str,
        placement: &Placement,
        rates: BTreeMap<BudgetGroup, f64>,
    ) {
        let mut shared = self
            .shared
            .rates
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let before = shared
            .sources
            .insert(source.to_owned(), (placement.clone(), rates));
        if let Some((before, _)) = before.filter(|(before, _)| before != placement) {
            shared.update(&before);
        }
        shared.update(placement);
    }

    /// Drops what `source` said.
    pub fn forget_rates(&self, source: &str) {
        let mut shared = self
            .shared
            .rates
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((placement, _)) = shared.sources.remove(source) {
            shared.update(&placement);
        }
    }

    /// Waits for a token of the budget that pays for `operation`. The most urgent waiter is served first, the oldest
    /// among equals; the lowest class that waits still gets one token in ten. Dropping the future leaves the queue.
    pub async fn acquire(
        &self,
        placement: &Placement,
        operation: Operation,
        priority: Priority,
        give_way: &CancellationToken,
    ) -> Result<(), GaveWay> {
        let group = operation.group();
        let began = Instant::now();
        self.budget(placement, group)
            .acquire(priority, give_way)
            .await?;
        self.shared
            .metrics
            .observe_wait(group, priority, began.elapsed());
        Ok(())
    }

    /// AWS throttled `operation`: its budget pauses, for `retry_after` where AWS said so, then goes on at half its
    /// rate, which comes back by itself within a minute.
    pub fn penalise(
        &self,
        placement: &Placement,
        operation: Operation,
        retry_after: Option<Duration>,
    ) {
        self.budget(placement, operation.group())
            .penalise(retry_after);
    }

    /// The budgets of `placement`, in the order of [`BudgetGroup::ALL`].
    pub fn state(&self, placement: &Placement) -> Vec<BucketState> {
        let rates = self
            .shared
            .rates
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let budgets = rates.budgets.get(placement);
        let state = |group| {
            budgets.map_or_else(
                || BucketState {
                    group,
                    per_second: rates.lowest(placement, group),
                    throttled: false,
                },
                |budgets| budgets[group as usize].state(group),
            )
        };
        BudgetGroup::ALL.map(state).to_vec()
    }

    fn budget(&self, placement: &Placement, group: BudgetGroup) -> Arc<Budget> {
        let known = self
            .shared
            .rates
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(budgets) = known.budgets.get(placement) {
            return Arc::clone(&budgets[group as usize]);
        }
        drop(known);
        let mut known = self
            .shared
            .rates
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let new =
            BudgetGroup::ALL.map(|group| Arc::new(Budget::new(known.lowest(placement, group))));
        let budgets = known
            .budgets
            .entry(placement.clone())
            .or_insert_with(|| Arc::new(new));
        Arc::clone(&budgets[group as usize])
    }
}

#[cfg(test)]
mod tests;
