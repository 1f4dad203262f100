//! What AWS has, in our own words.

use std::fmt;

use jiff::Timestamp;

use crate::api::rotation_override::AppliedOverride;
use crate::schedule::{Interval, Override, Rotation};

/// The rotations that are concerned, and what of them is overridden.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// AWS was read; otherwise what the status has recorded is believed.
    pub read: bool,
    /// Rotations that AWS has.
    pub rotations: Vec<ObservedRotation>,
    /// Overrides that this object has made.
    pub ours: Vec<Own>,
    /// Overrides of the same rotations in the same time that this object has not made, by when they were made.
    pub others: Vec<Other>,
    /// What the status has told last.
    pub told: Vec<AppliedOverride>,
}

/// A rotation as AWS has it.
#[derive(Debug, Clone)]
pub struct ObservedRotation {
    /// The manifest's name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// Its definition; `None` when this version does not understand it.
    pub rotation: Option<Rotation<String>>,
}

/// An override that this object has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// What it was made for.
    pub slot: Slot,
    /// As AWS has it.
    pub found: Override<String>,
}

/// An override that this object has not made, or does not know any more that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// ARN of the rotation.
    pub rotation: String,
    /// As AWS has it.
    pub found: Override<String>,
    /// Another object has recorded it as its own.
    pub recorded: bool,
}

impl Observed {
    /// The rotation at `arn`.
    pub fn rotation(&self, arn: &str) -> Option<&ObservedRotation> {
        self.rotations.iter().find(|r| r.arn == arn)
    }
}

/// What an override is made for, all of it: AWS gives overrides no name, so this is what one is known by until its id is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// ARN of the rotation.
    pub rotation: String,
    /// Its time.
    pub time: Interval,
    /// Tells one team from another.
    pub team: String,
}

impl Slot {
    /// For `people` in `time` in the rotation at `rotation`.
    pub fn new(rotation: &str, time: Interval, people: &[String]) -> Self {
        let mut sorted: Vec<&str> = people.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let all = sorted.join("\n");
        let team = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, all.as_bytes());
        Self {
            rotation: rotation.to_owned(),
            time,
            team: team.simple().to_string(),
        }
    }

    /// Reads what [`fmt::Display`] has written.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("override/")?;
        let mut parts = rest.rsplitn(4, '/');
        let team = parts.next()?.to_owned();
        let end: Timestamp = parts.next()?.parse().ok()?;
        let start: Timestamp = parts.next()?.parse().ok()?;
        Some(Self {
            rotation: parts.next()?.to_owned(),
            time: Interval::new(start, end),
            team,
        })
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rotation,
            time: Interval { start, end },
            team,
        } = self;
        write!(f, "override/{rotation}/{start}/{end}/{team}")
    }
}
