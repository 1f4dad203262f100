//! Everything that knows the AWS SDK but not a kind: accounts and their clients, the limiter in front of every call,
//! the one table of errors, ARNs, tags, idempotency tokens and request metrics.
//!
//! The way of a call: a pass opens a [`Session`] on an [`Account`], builds a request with one of its clients and hands
//! it to [`Session::send`], which takes a token from the [`Limiter`], sends once, and answers with a [`CallError`] that
//! is already classified and holds no text a user would not want to see in a status.

use std::fmt;

pub mod account;
pub mod ambient;
pub mod arn;
mod assume_role;
#[cfg(test)]
mod canned;
pub mod contacts;
#[cfg(feature = "vpc-endpoints")]
pub mod ec2;
pub mod engagements;
pub mod error;
pub mod incidents;
pub mod limiter;
pub mod observe;
pub mod operation;
pub mod records;
pub mod redacted;
pub mod rotations;
mod safe_text;
pub mod session;
pub mod shared_list;
pub mod tag;
pub mod token;

pub use account::{
    Account, AccountConfig, Accounts, AssumeRole, ConfirmError, Identity, RegionInfo, RegionStatus,
    ReplicationSetInfo, ReplicationSetStatus,
};
pub use arn::Arn;
pub use error::{CallError, Dependent, ErrorClass, classify};
pub use limiter::{BucketState, BudgetGroup, GaveWay, Limiter, Priority};
pub use observe::RequestMetrics;
pub use operation::Operation;
pub use redacted::Redacted;
pub use safe_text::{
    ADDRESS_IN_USE, CONFLICTING_DOMAIN, DNS_ATTRIBUTES_OFF, SECRET_REFUSED, TOPIC_REFUSED,
};
pub use session::Session;
pub use shared_list::SharedList;

/// An AWS service the operator calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Contacts, channels, rotations and engagements.
    SSMContacts,
    /// The replication set, response plans and incidents.
    SSMIncidents,
    /// Alternate contacts of accounts.
    Account,
    /// VPC endpoints and what is around them.
    EC2,
    /// Who we are, and roles to assume.
    STS,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 5] = [
        Self::SSMContacts,
        Self::SSMIncidents,
        Self::Account,
        Self::EC2,
        Self::STS,
    ];

    /// The name users write in `ProviderConfig.spec.endpoints`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SSMContacts => "SSMContacts",
            Self::SSMIncidents => "SSMIncidents",
            Self::Account => "Account",
            Self::EC2 => "EC2",
            Self::STS => "STS",
        }
    }

    /// The name in signatures and IAM actions.
    pub const fn signing_name(self) -> &'static str {
        match self {
            Self::SSMContacts => "ssm-contacts",
            Self::SSMIncidents => "ssm-incidents",
            Self::Account => "account",
            Self::EC2 => "ec2",
            Self::STS => "sts",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An account in a Region: the key of budgets and of shared reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Placement {
    /// The twelve digits.
    pub account_id: String,
    /// For example `eu-west-1`.
    pub region: String,
}

impl Placement {
    /// The account `account_id` in `region`.
    pub fn new(account_id: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            account_id: account_id.into(),
            region: region.into(),
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account_id, self.region)
    }
}
