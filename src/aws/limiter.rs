//! Who may call AWS next.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Operation, Placement, RequestMetrics};

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
    /// Reads of ssm-contacts.
    ContactsRead,
    /// Every other call of ssm-contacts.
    ContactsWrite,
    /// Reads of ssm-incidents.
    IncidentsRead,
    /// Writes of ssm-incidents but those of the replication set.
    IncidentsWrite,
    /// Writes of the replication set.
    ReplicationSetWrite,
    /// STS.
    Identity,
}

/// No such budget group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such budget group")]
pub struct UnknownBudgetGroup;

impl BudgetGroup {
    /// Every group.
    pub const ALL: [Self; 6] = [
        Self::ContactsRead,
        Self::ContactsWrite,
        Self::IncidentsRead,
        Self::IncidentsWrite,
        Self::ReplicationSetWrite,
        Self::Identity,
    ];

    /// The name users write in `ProviderConfig.spec.rateLimits`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContactsRead => "ContactsRead",
            Self::ContactsWrite => "ContactsWrite",
            Self::IncidentsRead => "IncidentsRead",
            Self::IncidentsWrite => "IncidentsWrite",
            Self::ReplicationSetWrite => "ReplicationSetWrite",
            Self::Identity => "Identity",
        }
    }

    /// Calls a second where nobody says otherwise: the published quota.
    pub const fn default_rate(self) -> f64 {
        match self {
            Self::ContactsRead => 20.0,
            Self::IncidentsRead | Self::Identity => 10.0,
            Self::IncidentsWrite => 5.0,
            Self::ContactsWrite | Self::ReplicationSetWrite => 1.0,
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
    _metrics: RequestMetrics,
}

impl Limiter {
    /// No budgets yet; each starts with its default.
    pub fn new(metrics: RequestMetrics) -> Self {
        Self { _metrics: metrics }
    }

    /// What the ProviderConfig `source` allows in `placement`. A group it does not name has its default rate. Where
    /// several sources share a placement, the lowest rate holds.
    pub fn set_rates(
        &self,
        _source: &str,
        _placement: &Placement,
        _rates: BTreeMap<BudgetGroup, f64>,
    ) {
    }

    /// Drops what `source` said.
    pub fn forget_rates(&self, _source: &str) {}

    /// Waits for a token.
    pub async fn acquire(
        &self,
        _placement: &Placement,
        _operation: Operation,
        _priority: Priority,
        give_way: &CancellationToken,
    ) -> Result<(), GaveWay> {
        if give_way.is_cancelled() {
            Err(GaveWay)
        } else {
            Ok(())
        }
    }

    /// AWS throttled `operation`: pauses and slows its budget.
    pub fn penalise(
        &self,
        _placement: &Placement,
        _operation: Operation,
        _retry_after: Option<Duration>,
    ) {
    }

    /// The budgets of `placement`.
    pub fn state(&self, _placement: &Placement) -> Vec<BucketState> {
        BudgetGroup::ALL
            .map(|group| BucketState {
                group,
                per_second: group.default_rate(),
                throttled: false,
            })
            .to_vec()
    }
}
