//! What AWS has, in our own words.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::aws::{RegionStatus, ReplicationSetStatus};

/// The replication set as AWS has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// ARN.
    pub arn: String,
    /// State of the set.
    pub state: ReplicationSetStatus,
    /// Whether AWS refuses to delete it.
    pub protected: bool,
    /// When it was last changed: a change is sent for this version of it.
    pub modified: Timestamp,
    /// Its Regions by name.
    pub regions: BTreeMap<String, ObservedRegion>,
}

/// A Region of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedRegion {
    /// Its state.
    pub state: RegionStatus,
    /// When it came into that state; `None` = just now.
    pub since: Option<Timestamp>,
    /// The key that encrypts its data; `None` = one that AWS owns.
    pub key: Option<String>,
    /// What AWS says about it, as far as it may be shown.
    pub message: Option<String>,
    /// Tags can be read and written there: it is the set's first Region.
    pub taggable: bool,
}

/// What AWS writes for a key of its own.
const AWS_OWNED: &str = "DefaultKey";

/// A key as AWS gives it; `None` = one that AWS owns.
pub fn customer_key(key: Option<&str>) -> Option<String> {
    key.filter(|key| !key.is_empty() && *key != AWS_OWNED)
        .map(str::to_owned)
}

/// Whether two keys of a Region are one: AWS may answer with the ARN of what was given by its id.
pub fn same_key(one: Option<&str>, other: Option<&str>) -> bool {
    fn id(key: &str) -> &str {
        key.rsplit_once(":key/").map_or(key, |(_, id)| id)
    }
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) if one.starts_with("arn:") && other.starts_with("arn:") => {
            one == other
        }
        (Some(one), Some(other)) => id(one) == id(other),
        _ => false,
    }
}

/// A status message as far as it may be shown: a short sentence without numbers and addresses.
pub fn shown(message: Option<&str>) -> Option<String> {
    let message = message?.trim();
    let harmless = |c: char| c.is_ascii_alphanumeric() || " .,:;'()-/_".contains(c);
    let numbers = message.split(|c: char| !c.is_ascii_digit());
    let safe = (1..=200).contains(&message.len())
        && message.chars().all(harmless)
        && numbers.clone().all(|digits| digits.len() < 6);
    safe.then(|| message.to_owned())
}

impl Observed {
    /// It takes changes.
    pub fn is_active(&self) -> bool {
        self.state == ReplicationSetStatus::Active
    }

    /// Its Regions but for those that are leaving.
    pub fn staying(&self) -> impl Iterator<Item = (&String, &ObservedRegion)> {
        self.regions
            .iter()
            .filter(|(_, r)| r.state != RegionStatus::Deleting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_by_its_arn_and_by_its_id() {
        let arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        assert!(same_key(Some(arn), Some(id)) && same_key(Some(id), Some(arn)));
        assert!(same_key(None, None) && !same_key(None, Some(id)) && !same_key(Some(arn), None));
        let other = arn.replace("123456789012", "210987654321");
        assert!(
            !same_key(Some(arn), Some(&other)),
            "another account's key of that id"
        );
        assert_eq!(customer_key(Some("DefaultKey")), None);
        assert_eq!(customer_key(Some("")), None);
        assert_eq!(customer_key(Some(id)).as_deref(), Some(id));
    }

    #[test]
    fn a_status_message_is_shown_when_nothing_can_hide_in_it() {
        assert_eq!(
            shown(Some("Tagging inaccessible")).as_deref(),
            Some("Tagging inaccessible")
        );
        for hidden in ["call +15005550199", "who@example.com", "", "x=1"] {
            assert_eq!(shown(Some(hidden)), None, "{hidden}");
        }
    }
}
