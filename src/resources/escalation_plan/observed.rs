//! What AWS has, in our own words.

use super::desired::Stage;

/// An escalation plan as AWS has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// ARN.
    pub arn: String,
    /// Alias.
    pub alias: String,
    /// Display name; empty = none.
    pub display_name: String,
    /// What it is, when it is no escalation plan.
    pub other_type: Option<String>,
    /// Stages, in order.
    pub stages: Vec<Stage>,
}
