//! What an account holds, as far as manifests can be written from it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::contact::ChannelType;

/// Everything that was read.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// The twelve digits.
    pub account_id: String,
    /// The Region.
    pub region: String,
    /// Contacts of all types, by ARN.
    pub contacts: BTreeMap<String, Contact>,
    /// Rotations, by ARN.
    pub rotations: BTreeMap<String, Rotation>,
    /// The replication set.
    pub replication_set: Option<ReplicationSet>,
    /// Response plans, by ARN.
    pub response_plans: BTreeMap<String, ResponsePlan>,
    /// Alternate contacts of the account, when they were asked for.
    pub alternate_contacts: Vec<crate::resources::alternate_contact::observed::Observed>,
    /// VPC endpoints, when they were asked for.
    pub vpc_endpoints: Vec<VpcEndpoint>,
}

/// A VPC endpoint, as a manifest says it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VpcEndpoint {
    /// Id.
    pub id: String,
    /// What its object would be called.
    pub name: String,
    /// What people call it, for the rule that chooses namespaces; may be empty.
    pub label: String,
    /// The spec, but for the ProviderConfig.
    pub spec: serde_json::Value,
    /// Why there is no manifest.
    pub problem: Option<String>,
    /// What the manifest is without, and why.
    pub left_out: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A response plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponsePlan {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Everything else.
    pub content: crate::resources::response_plan::desired::Content,
    /// Fields that this version does not understand.
    pub not_understood: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// The account's replication set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationSet {
    /// ARN.
    pub arn: String,
    /// Its Regions, with their keys; `None` = one that AWS owns.
    pub regions: BTreeMap<String, Option<String>>,
    /// Whether AWS refuses to delete it.
    pub protected: bool,
    /// Tags, as far as they can be had.
    pub tags: BTreeMap<String, String>,
    /// Tags can be had in the Region that is read.
    pub taggable: bool,
}

/// A contact of any type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// ARN.
    pub arn: String,
    /// Alias.
    pub alias: String,
    /// Display name; empty = none.
    pub display_name: String,
    /// What it is, with what only that has.
    pub content: Content,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// What a contact is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// A person.
    Person {
        /// Engagement plan.
        stages: Vec<Stage>,
        /// Channels.
        channels: Vec<Channel>,
    },
    /// An on-call schedule.
    Schedule {
        /// ARNs of its rotations.
        rotations: Vec<String>,
    },
    /// An escalation plan.
    EscalationPlan {
        /// Its stages.
        stages: Vec<Stage>,
    },
    /// A type that this version does not know.
    Unknown,
}

/// A stage of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Minutes until the next one.
    pub duration: i32,
    /// What it engages.
    pub targets: Vec<Target>,
}

/// What a stage engages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Target {
    /// A channel.
    Channel {
        /// ARN.
        arn: String,
        /// Minutes between tries.
        retry: Option<i32>,
    },
    /// A person or schedule.
    Contact {
        /// ARN; `None` = AWS names nobody.
        arn: Option<String>,
        /// An acknowledgement stops the plan.
        essential: bool,
    },
    /// Neither.
    Unknown,
}

/// A channel of a person. `Debug` shows no address.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// How it engages; `None` = a type that this version does not know.
    pub type_: Option<ChannelType>,
    /// Where.
    pub address: String,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel")
            .field("arn", &self.arn)
            .field("type_", &self.type_)
            .finish_non_exhaustive()
    }
}

/// A rotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rotation {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Fields of the manifest, but for members; `None` = this version does not understand what AWS has.
    pub spec: Option<RotationFields>,
    /// ARNs of the members, in order.
    pub members: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Overrides that run or are to come.
    pub overrides: Vec<Override>,
}

/// The fields of a rotation as a manifest has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RotationFields {
    /// `startTime`.
    pub start_time: String,
    /// `timeZone`.
    pub time_zone: String,
    /// `recurrence`.
    pub recurrence: crate::api::on_call_schedule::Recurrence,
    /// `coverage`.
    pub coverage: Option<Vec<crate::api::on_call_schedule::CoverageWindow>>,
}

/// An override of a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Id.
    pub id: String,
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// ARNs of those who are on call, of whom AWS shows some.
    pub members: Vec<String>,
}
