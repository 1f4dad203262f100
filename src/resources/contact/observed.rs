//! What AWS has, in our own words.

use super::desired::Stage;
use crate::api::contact::{Activation, ChannelType};
use crate::aws::Redacted;

/// A contact as AWS has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// ARN.
    pub arn: String,
    /// Alias.
    pub alias: String,
    /// Display name; empty = none.
    pub display_name: String,
    /// What it is, when it is no PERSONAL contact.
    pub other_type: Option<String>,
    /// The engagement plan; channels by ARN.
    pub stages: Vec<Stage>,
    /// Channels.
    pub channels: Vec<ObservedChannel>,
}

/// A channel as AWS has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedChannel {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// How it engages; `None` = a type that this version does not know.
    pub type_: Option<ChannelType>,
    /// Where.
    pub address: Redacted<String>,
    /// Whether it is activated.
    pub activation: Activation,
}
