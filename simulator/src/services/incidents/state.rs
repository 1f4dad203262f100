//! The replication set and its transitions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// The key that stands for one owned by AWS.
pub const DEFAULT_KEY: &str = "DefaultKey";

/// States of a set; Regions have all but `Updating`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Being made.
    Creating,
    /// Usable.
    Active,
    /// A Region is being added or removed.
    Updating,
    /// Being removed.
    Deleting,
    /// Something went wrong.
    Failed,
}

impl Status {
    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
            Self::Failed => "FAILED",
        }
    }
}

/// One Region of a set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionInfo {
    /// KMS key, or [`DEFAULT_KEY`].
    pub key: String,
    /// Its state.
    pub status: Status,
    /// When the state last changed.
    pub updated: Millis,
    /// When it was added.
    pub created: Millis,
    /// What went wrong.
    #[serde(default)]
    pub failure: Option<String>,
}

/// A replication set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationSet {
    /// Its ARN.
    pub arn: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created: Millis,
    /// Who changed it last.
    pub modified_by: String,
    /// When.
    pub modified: Millis,
    /// Whether its last Region is protected.
    pub protected: bool,
    /// Its state.
    pub status: Status,
    /// When the transition under way ends.
    pub settles: Option<Millis>,
    /// The Region it was made from: the only one where tagging works.
    pub first_region: String,
    /// Its Regions.
    pub regions: BTreeMap<String, RegionInfo>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What the end of transitions led to.
#[derive(Default)]
pub struct Settled {
    /// Whether any state changed.
    pub changed: bool,
    /// The set has gone.
    pub gone: bool,
    /// Regions that have gone.
    pub removed: Vec<String>,
}

impl ReplicationSet {
    /// Starts a transition that ends after `delay`.
    pub fn begin(&mut self, status: Status, now: Millis, delay: Millis) {
        self.status = status;
        self.settles = Some(now + delay);
    }

    /// Ends the transition under way if its time has come.
    pub fn settle(&mut self, now: Millis) -> Settled {
        let mut settled = Settled::default();
        let Some(due) = self.settles.filter(|due| *due <= now) else {
            return settled;
        };
        self.settles = None;
        settled.changed = true;
        if self.status == Status::Deleting {
            settled.gone = true;
            return settled;
        }
        self.status = Status::Active;
        self.regions.retain(|name, region| {
            let stays = region.status != Status::Deleting;
            if !stays {
                settled.removed.push(name.clone());
            }
            stays
        });
        for region in self.regions.values_mut() {
            if region.status == Status::Creating {
                region.status = Status::Active;
                region.updated = due;
            }
        }
        settled
    }

    /// Whether Incident Manager works in a Region.
    pub fn serves(&self, region: &str) -> bool {
        matches!(self.status, Status::Active | Status::Updating)
            && self
                .regions
                .get(region)
                .is_some_and(|info| info.status == Status::Active)
    }
}
