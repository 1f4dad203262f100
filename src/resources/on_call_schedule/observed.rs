//! What AWS has, in our own words.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::schedule::{Override, Rotation, RotationSettings};

/// A schedule and its rotations as AWS has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// ARN that the schedule has or will have.
    pub arn: String,
    /// Alias.
    pub alias: String,
    /// What is at the ARN, when it is no ONCALL_SCHEDULE contact.
    pub other_type: Option<String>,
    /// The schedule; `None` when only rotations of ours are there, before it is made or after it was deleted.
    pub schedule: Option<ObservedSchedule>,
    /// Its rotations in its order, then rotations of ours that it does not use.
    pub rotations: Vec<ObservedRotation>,
}

/// The contact of type ONCALL_SCHEDULE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedSchedule {
    /// Display name; empty = none.
    pub display_name: String,
    /// ARNs of its rotations.
    pub rotations: Vec<String>,
}

/// A rotation as AWS has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedRotation {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// We made it, or took it over: our status or its tags say so.
    pub ours: bool,
    /// Its fields; members by ARN.
    pub settings: RotationSettings<String>,
    /// The same, checked; `None` when this version does not understand it.
    pub rotation: Option<Rotation<String>>,
    /// Overrides that run, are to come, or ended lately.
    pub overrides: Vec<Override<String>>,
    /// Tags, when they were read.
    pub tags: Option<BTreeMap<String, String>>,
    /// What AWS itself says about who is on call, when it was asked.
    pub confirmation: Option<Confirmation>,
}

/// AWS's own reckoning held against ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The change of people on call for which AWS was asked.
    pub for_: Timestamp,
    /// Both were the same.
    pub agrees: bool,
}

impl Observed {
    /// The rotation at `arn`.
    pub fn rotation(&self, arn: &str) -> Option<&ObservedRotation> {
        self.rotations.iter().find(|r| r.arn == arn)
    }

    /// Whether the schedule uses the rotation at `arn`.
    pub fn uses(&self, arn: &str) -> bool {
        self.schedule
            .as_ref()
            .is_some_and(|s| s.rotations.iter().any(|r| r == arn))
    }

    /// The rotations that the schedule uses.
    pub fn used(&self) -> impl Iterator<Item = &ObservedRotation> {
        self.rotations.iter().filter(|r| self.uses(&r.arn))
    }
}
