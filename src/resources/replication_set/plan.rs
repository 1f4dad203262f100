//! What to change so that AWS holds what is wanted, and which of it now. Pure.
//!
//! AWS takes one Region at a time, only while the set is active, and works on it for minutes. So everything that differs is planned, the
//! first step that can be taken is [`due`], and [`unfinished`] says what the rest waits for.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::desired::Desired;
use super::observed::{Observed, ObservedRegion, same_key};
use crate::api::common::{ChangeAction, PendingChange};
use crate::api::conditions::Reason;
use crate::api::replication_set::{PendingRegionChange, RegionAction};
use crate::aws::{RegionStatus, ReplicationSetStatus};
use crate::engine::{self, Error, api_time};

/// Slot of the replication set.
pub const SET_SLOT: &str = "replicationSet";

/// How soon AWS is looked at again while it is at work.
pub const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How soon at the latest while a step waits for its time.
const WAIT_AT_MOST: Duration = Duration::from_secs(600);
/// How soon what only somebody else can mend is looked at again.
const RETRY_BLOCKED: Duration = Duration::from_secs(600);
/// AWS removes a Region this long after it was added at the earliest, and clocks differ by a little.
const MIN_AGE: SignedDuration = SignedDuration::from_secs(24 * 3600 + 60);
/// How soon AWS is asked again when it refuses a removal although the Region is old enough.
const ASK_AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// Most Regions of a set.
const MOST_REGIONS: usize = 3;

/// A change to a replication set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// CreateReplicationSet; tags ride along.
    Create {
        /// Regions, with their key.
        regions: BTreeMap<String, Option<String>>,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// UpdateReplicationSet with one Region more.
    AddRegion {
        /// ARN.
        arn: String,
        /// Region.
        region: String,
        /// Its key; `None` = one that AWS owns.
        key: Option<String>,
        /// The version of the set for which this is sent.
        version: Timestamp,
    },
    /// UpdateReplicationSet with one Region less.
    RemoveRegion {
        /// ARN.
        arn: String,
        /// Region.
        region: String,
        /// The version of the set for which this is sent.
        version: Timestamp,
        /// It is added again with another key.
        for_another_key: bool,
    },
    /// Another key for a Region, which AWS has no way to give it: never sent.
    ChangeKey {
        /// Region.
        region: String,
        /// Why it cannot be removed and added again.
        why: &'static str,
    },
    /// UpdateDeletionProtection.
    SetDeletionProtection {
        /// ARN; empty = of the set that is being made.
        arn: String,
        /// On or off.
        on: bool,
    },
    /// TagResource.
    SetTags {
        /// ARN.
        arn: String,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// UntagResource.
    RemoveTags {
        /// ARN.
        arn: String,
        /// Keys.
        keys: Vec<String>,
    },
    /// DeleteReplicationSet: all data of Incident Manager in the account goes with it.
    Delete {
        /// ARN.
        arn: String,
    },
}

impl Change {
    /// AWS works on it for minutes, and takes nothing else meanwhile.
    fn takes_time(&self) -> bool {
        matches!(
            self,
            Self::Create { .. } | Self::AddRegion { .. } | Self::RemoveRegion { .. }
        )
    }

    /// It adds or removes a Region, or would.
    pub fn step(&self) -> Option<PendingRegionChange> {
        let (action, region) = match self {
            Self::AddRegion { region, .. } => (RegionAction::AddRegion, region),
            Self::RemoveRegion { region, .. } => (RegionAction::RemoveRegion, region),
            _ => return None,
        };
        Some(PendingRegionChange {
            action,
            region: region.clone(),
            not_before: None,
        })
    }
}

fn listed<'a>(regions: impl Iterator<Item = &'a String>) -> String {
    regions.map(String::as_str).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { regions, .. } => {
                write!(f, "created the replication set in {}", listed(regions.keys()))
            }
            Self::AddRegion { region, .. } => write!(f, "began to add Region {region}"),
            Self::RemoveRegion {
                region,
                for_another_key: false,
                ..
            } => write!(f, "began to remove Region {region}"),
            Self::RemoveRegion { region, .. } => write!(
                f,
                "began to remove Region {region}, to add it again with another key"
            ),
            Self::ChangeKey { region, .. } => write!(f, "another key for Region {region}"),
            Self::SetDeletionProtection { on: true, .. } => f.write_str("deletion protection on"),
            Self::SetDeletionProtection { on: false, .. } => f.write_str("deletion protection off"),
            Self::SetTags { tags, .. } => write!(f, "set tags {}", listed(tags.keys())),
            Self::RemoveTags { keys, .. } => write!(f, "removed tags {}", keys.join(", ")),
            Self::Delete { .. } => f.write_str(
                "deleted the replication set, and with it all data of Incident Manager in the account",
            ),
        }
    }
}

impl engine::Change for Change {
    fn pending(&self) -> Vec<PendingChange> {
        let change = |action, path: String| PendingChange { path, action };
        match self {
            Self::Create { .. } => vec![change(ChangeAction::Create, "replicationSet".to_owned())],
            Self::AddRegion { region, .. } => {
                vec![change(ChangeAction::Create, format!("regions[{region}]"))]
            }
            Self::RemoveRegion {
                region,
                for_another_key: false,
                ..
            } => vec![change(ChangeAction::Delete, format!("regions[{region}]"))],
            Self::RemoveRegion { region, .. } | Self::ChangeKey { region, .. } => vec![change(
                ChangeAction::Update,
                format!("regions[{region}].sseKmsKeyId"),
            )],
            Self::SetDeletionProtection { .. } => {
                vec![change(
                    ChangeAction::Update,
                    "deletionProtection".to_owned(),
                )]
            }
            Self::SetTags { tags, .. } => tags
                .keys()
                .map(|k| change(ChangeAction::Update, format!("tags[{k}]")))
                .collect(),
            Self::RemoveTags { keys, .. } => keys
                .iter()
                .map(|k| change(ChangeAction::Delete, format!("tags[{k}]")))
                .collect(),
            Self::Delete { .. } => vec![change(ChangeAction::Delete, "replicationSet".to_owned())],
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::RemoveRegion {
                for_another_key: true,
                ..
            } => Some(
                "the Region is removed and added again, each of which takes AWS minutes".to_owned(),
            ),
            Self::AddRegion { .. } | Self::RemoveRegion { .. } => {
                Some("takes AWS minutes".to_owned())
            }
            _ => None,
        }
    }

    fn slot(&self) -> Option<String> {
        matches!(self, Self::Create { .. }).then(|| SET_SLOT.to_owned())
    }
}

/// Everything that differs, tags apart, in the order in which it is done.
pub fn plan(desired: &Desired, observed: Option<&Observed>) -> Vec<Change> {
    let Some(set) = observed else {
        let create = Change::Create {
            regions: desired.regions.clone(),
            tags: desired.tags.clone(),
        };
        let protect = desired.protected.then(|| Change::SetDeletionProtection {
            arn: String::new(),
            on: true,
        });
        return [create].into_iter().chain(protect).collect();
    };
    let mut changes = vec![];
    if set.protected != desired.protected {
        changes.push(Change::SetDeletionProtection {
            arn: set.arn.clone(),
            on: desired.protected,
        });
    }
    let adds = desired.regions.iter().filter(|(name, _)| {
        set.regions
            .get(*name)
            .is_none_or(|there| there.state == RegionStatus::Deleting)
    });
    let adds = adds.map(|(region, key)| Change::AddRegion {
        arn: set.arn.clone(),
        region: region.clone(),
        key: key.clone(),
        version: set.modified,
    });
    let remove = |region: &String, for_another_key| Change::RemoveRegion {
        arn: set.arn.clone(),
        region: region.clone(),
        version: set.modified,
        for_another_key,
    };
    let mut removals = vec![];
    for (region, there) in set.staying() {
        match desired.regions.get(region) {
            None => removals.push(remove(region, false)),
            Some(key) if same_key(key.as_deref(), there.key.as_deref()) => {}
            Some(key) => match cannot_rekey(desired, set, region, there, key.as_deref()) {
                None => removals.push(remove(region, true)),
                Some(why) => changes.push(Change::ChangeKey {
                    region: region.clone(),
                    why,
                }),
            },
        }
    }
    // What is added is there before something else goes, as far as AWS has room for it.
    if set.regions.len() < MOST_REGIONS {
        changes.extend(adds);
        changes.extend(removals);
    } else {
        changes.extend(removals);
        changes.extend(adds);
    }
    changes
}

/// Why a Region cannot be removed and added again with another key.
fn cannot_rekey(
    desired: &Desired,
    set: &Observed,
    region: &str,
    there: &ObservedRegion,
    wanted: Option<&str>,
) -> Option<&'static str> {
    if there.key.is_none() || wanted.is_none() {
        return Some("AWS does not mix its own keys with yours");
    }
    if set.staying().count() < 2 {
        return Some("it is the only Region");
    }
    if *region == desired.place.own_region {
        return Some(
            "it is the Region of this ProviderConfig, and nothing could be sent while it is not in the set",
        );
    }
    if desired.place.used_regions.contains_key(region) {
        return Some("another ProviderConfig works in it");
    }
    None
}

/// Which of `changes` are sent now: what AWS does at once, and at most one step that takes it minutes. Nothing but tags while AWS is at work.
pub fn due(
    desired: &Desired,
    observed: Option<&Observed>,
    changes: Vec<Change>,
    now: Timestamp,
) -> Vec<Change> {
    let active = observed.is_some_and(Observed::is_active);
    let step = next_step(desired, observed, &changes, now);
    let goes = |change: &Change| match change {
        Change::Create { .. } => observed.is_none(),
        Change::AddRegion { .. } | Change::RemoveRegion { .. } => step.as_ref() == Some(change),
        Change::SetDeletionProtection { .. } => active,
        Change::ChangeKey { .. } => false,
        Change::SetTags { .. } | Change::RemoveTags { .. } | Change::Delete { .. } => true,
    };
    let (slow, mut quick): (Vec<_>, Vec<_>) = changes
        .into_iter()
        .filter(goes)
        .partition(Change::takes_time);
    quick.extend(slow);
    quick
}

/// The step that can be taken now.
fn next_step(
    desired: &Desired,
    observed: Option<&Observed>,
    changes: &[Change],
    now: Timestamp,
) -> Option<Change> {
    let set = observed.filter(|set| set.is_active())?;
    // AWS would refuse a Region whose kind of key is not that of the others.
    if changes.iter().any(is_blocked) {
        return None;
    }
    let can = |change: &&Change| match change {
        Change::AddRegion { .. } => set.regions.len() < MOST_REGIONS,
        Change::RemoveRegion { region, .. } => {
            in_use(desired, region).is_none()
                && waits_until(desired, region, now).is_none()
                && another_is_active(set, region)
        }
        _ => false,
    };
    changes.iter().find(can).cloned()
}

fn is_blocked(change: &Change) -> bool {
    matches!(change, Change::ChangeKey { .. })
}

/// A ProviderConfig that is used in the Region.
fn in_use<'a>(desired: &'a Desired, region: &str) -> Option<&'a String> {
    desired.place.used_regions.get(region)
}

fn waits_until(desired: &Desired, region: &str, now: Timestamp) -> Option<Timestamp> {
    let (refused, until) = desired.refused_removal.as_ref()?;
    (refused == region && *until > now).then_some(*until)
}

fn another_is_active(set: &Observed, region: &str) -> bool {
    let others = set.regions.iter().filter(|(name, _)| *name != region);
    others
        .into_iter()
        .any(|(_, other)| other.state == RegionStatus::Active)
}

/// When a removal that AWS has refused is tried again: once the Region is a day old, or in an hour when it is that already.
pub fn retry_removal(since: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let due = since.and_then(|since| since.checked_add(MIN_AGE).ok());
    let due = due.unwrap_or(now);
    if due > now {
        due
    } else {
        now.checked_add(ASK_AGAIN).unwrap_or(now)
    }
}

/// The step that is under way, or next, for the status.
pub fn pending_step(
    desired: &Desired,
    set: &Observed,
    now: Timestamp,
) -> Option<PendingRegionChange> {
    if let Some(step) = under_way(set) {
        return Some(step);
    }
    let changes = plan(desired, Some(set));
    let next = next_step(desired, Some(set), &changes, now);
    let step = next
        .as_ref()
        .or_else(|| changes.iter().find(|c| c.step().is_some()))?
        .step()?;
    let waits = waits_until(desired, &step.region, now)
        .filter(|_| step.action == RegionAction::RemoveRegion);
    Some(PendingRegionChange {
        not_before: waits.map(api_time),
        ..step
    })
}

/// The step that AWS is at.
pub fn under_way(set: &Observed) -> Option<PendingRegionChange> {
    set.regions.iter().find_map(|(region, there)| {
        let action = match there.state {
            // The set is being made as a whole.
            RegionStatus::Creating if set.state != ReplicationSetStatus::Creating => {
                RegionAction::AddRegion
            }
            RegionStatus::Deleting => RegionAction::RemoveRegion,
            _ => return None,
        };
        Some(PendingRegionChange {
            action,
            region: region.clone(),
            not_before: None,
        })
    })
}

/// What the spec asks for and AWS does not hold yet, once everything is done that can be done now.
pub fn unfinished(desired: &Desired, set: &Observed, now: Timestamp) -> Option<Error> {
    if let Some(failed) = failed(desired, set) {
        return Some(failed);
    }
    if !set.is_active() {
        return Some(at_work(set));
    }
    let changes = plan(desired, Some(set));
    if let Some(error) = blocked(&changes) {
        return Some(error);
    }
    let steps: Vec<PendingRegionChange> = changes.iter().filter_map(Change::step).collect();
    if next_step(desired, Some(set), &changes, now).is_none() {
        let removals = steps
            .iter()
            .filter(|s| s.action == RegionAction::RemoveRegion);
        for step in removals.clone() {
            if let Some(provider) = in_use(desired, &step.region) {
                return Some(Error::Stalled {
                    reason: Reason::RegionInUse,
                    message: format!(
                        "Region {} is not removed: ProviderConfig \"{provider}\" works in it, and nothing of it could be reached any more. Move what uses it, or keep the Region in spec.regions",
                        step.region
                    ),
                    retry: RETRY_BLOCKED,
                });
            }
        }
        for step in removals {
            if let Some(until) = waits_until(desired, &step.region, now) {
                return Some(held_removal(&step.region, until, now));
            }
        }
    }
    if changes.is_empty() {
        return None;
    }
    Some(Error::InProgress {
        reason: Reason::Progressing,
        message: "a Region is removed only while another one is active".to_owned(),
        retry: LOOK_AGAIN,
    })
}

/// A Region that AWS removes only later.
pub fn held_removal(region: &str, until: Timestamp, now: Timestamp) -> Error {
    let wait = Duration::try_from(until.duration_since(now)).unwrap_or(WAIT_AT_MOST);
    Error::InProgress {
        reason: Reason::RegionRemovalPending,
        message: format!(
            "AWS refused to remove Region {region}: it does so 24 hours after a Region was added at the earliest. It is tried again at {}; to keep the Region, put it back into spec.regions (CHK-03)",
            engine::status::whole_seconds(until)
        ),
        retry: wait.clamp(Duration::from_secs(1), WAIT_AT_MOST),
    }
}

fn blocked(changes: &[Change]) -> Option<Error> {
    let texts: Vec<String> = changes
        .iter()
        .filter_map(|change| match change {
            Change::ChangeKey { region, why } => Some(format!("{region} ({why})")),
            _ => None,
        })
        .collect();
    if texts.is_empty() {
        return None;
    }
    Some(Error::Stalled {
        reason: Reason::KeyChangeNeedsRecreate,
        message: format!(
            "AWS cannot change the key of a Region: {}. Put back what AWS has, which status.regions shows; another key means to delete the replication set with all its data and to make a new one. No Region is added or removed meanwhile (CHK-05)",
            texts.join(", ")
        ),
        retry: RETRY_BLOCKED,
    })
}

fn failed(desired: &Desired, set: &Observed) -> Option<Error> {
    let regions: Vec<String> = set
        .regions
        .iter()
        .filter(|(name, r)| {
            // One that is not wanted is about to be removed.
            r.state == RegionStatus::Failed && desired.regions.contains_key(*name)
        })
        .map(|(name, r)| match &r.message {
            Some(message) => format!("{name} (AWS says: {message})"),
            None => name.clone(),
        })
        .collect();
    if regions.is_empty() && set.state != ReplicationSetStatus::Failed {
        return None;
    }
    let what = if regions.is_empty() {
        "the replication set is in state Failed".to_owned()
    } else {
        format!("AWS gave up on {}", regions.join(", "))
    };
    Some(Error::Stalled {
        reason: Reason::ReplicationSetFailed,
        message: format!(
            "{what}. See that the KMS keys can be used and the service-linked role AWSServiceRoleForIncidentManager is there; a Region that failed can be taken out of spec.regions and put back. Else AWS Support has to help"
        ),
        retry: RETRY_BLOCKED,
    })
}

/// AWS is at work on the set.
pub fn at_work(set: &Observed) -> Error {
    let regions = |state: &RegionStatus| {
        let found = set.regions.iter().filter(|(_, r)| r.state == *state);
        found.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let (added, removed) = (
        regions(&RegionStatus::Creating),
        regions(&RegionStatus::Deleting),
    );
    let what = match &set.state {
        ReplicationSetStatus::Creating => "AWS is making the replication set".to_owned(),
        ReplicationSetStatus::Deleting => {
            "the replication set is being deleted in AWS, not by this operator: with it go all data of Incident Manager. Once it is gone a new one is made"
                .to_owned()
        }
        _ if !added.is_empty() => format!("AWS is adding Region {}", added.join(", ")),
        _ if !removed.is_empty() => format!("AWS is removing Region {}", removed.join(", ")),
        state => format!("the replication set is in state {state}"),
    };
    Error::InProgress {
        reason: Reason::Progressing,
        message: format!("{what}, which takes minutes"),
        retry: LOOK_AGAIN,
    }
}

/// AWS is at work on a deletion that was begun.
pub fn going(set: &Observed) -> Option<Error> {
    (set.state == ReplicationSetStatus::Deleting).then(|| Error::Held {
        reason: Reason::Deleting,
        message: "AWS is deleting the replication set, which takes minutes".to_owned(),
        retry: LOOK_AGAIN,
    })
}

/// What AWS has after `change`.
pub fn project(observed: Option<Observed>, change: &Change, id: Option<&str>) -> Option<Observed> {
    let new = |key: &Option<String>| ObservedRegion {
        state: RegionStatus::Creating,
        since: None,
        key: key.clone(),
        message: None,
        taggable: true,
    };
    if let Change::Create { regions, .. } = change {
        return Some(Observed {
            arn: id.unwrap_or_default().to_owned(),
            state: ReplicationSetStatus::Creating,
            protected: false,
            modified: Timestamp::UNIX_EPOCH,
            regions: regions
                .iter()
                .map(|(name, key)| (name.clone(), new(key)))
                .collect(),
        });
    }
    let mut set = observed?;
    match change {
        Change::AddRegion { region, key, .. } => {
            set.regions.insert(region.clone(), new(key));
            set.state = ReplicationSetStatus::Updating;
        }
        Change::RemoveRegion { region, .. } => {
            if let Some(there) = set.regions.get_mut(region) {
                there.state = RegionStatus::Deleting;
            }
            set.state = ReplicationSetStatus::Updating;
        }
        Change::SetDeletionProtection { on, .. } => set.protected = *on,
        Change::Delete { .. } => return None,
        Change::Create { .. }
        | Change::ChangeKey { .. }
        | Change::SetTags { .. }
        | Change::RemoveTags { .. } => {}
    }
    Some(set)
}

#[cfg(test)]
mod tests;
