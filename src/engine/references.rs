//! Who refers to whom. Targets are told, so that nothing that is referred to is deleted and `status.referencedBy` shows it beforehand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use super::scheduler::ObjectKey;
use crate::api::common::Referrer;

/// The reverse index, keyed by what a reference resolves to: an ARN.
///
/// An `arn:` to a managed object counts like a reference by name, because both resolve to the same ARN.
#[derive(Debug, Default)]
pub struct ReferenceIndex {
    maps: RwLock<Maps>,
}

#[derive(Debug, Default)]
struct Maps {
    by_target: BTreeMap<String, BTreeSet<ObjectKey>>,
    by_referrer: BTreeMap<ObjectKey, BTreeSet<String>>,
}

impl ReferenceIndex {
    /// Replaces what `referrer` refers to. Returns the targets that gained or lost it.
    pub fn set(&self, referrer: &ObjectKey, targets: BTreeSet<String>) -> BTreeSet<String> {
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        let before = maps.by_referrer.remove(referrer).unwrap_or_default();
        let changed: BTreeSet<String> = before.symmetric_difference(&targets).cloned().collect();
        for lost in before.difference(&targets) {
            if let Some(referrers) = maps.by_target.get_mut(lost) {
                referrers.remove(referrer);
                if referrers.is_empty() {
                    maps.by_target.remove(lost);
                }
            }
        }
        for gained in targets.difference(&before) {
            maps.by_target
                .entry(gained.clone())
                .or_default()
                .insert(referrer.clone());
        }
        if !targets.is_empty() {
            maps.by_referrer.insert(referrer.clone(), targets);
        }
        changed
    }

    /// The objects that refer to `target`.
    pub fn referrers(&self, target: &str) -> Vec<Referrer> {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        maps.by_target
            .get(target)
            .into_iter()
            .flatten()
            .map(|key| Referrer {
                kind: key.kind.to_owned(),
                namespace: key.namespace.clone(),
                name: key.name.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            kind: "OnCallSchedule",
            namespace: Some("n".into()),
            name: name.into(),
        }
    }

    fn targets(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn targets_learn_who_comes_and_goes() {
        let index = ReferenceIndex::default();
        assert_eq!(
            index.set(&key("s"), targets(&["a", "b"])),
            targets(&["a", "b"])
        );
        assert_eq!(
            index.set(&key("s"), targets(&["b", "c"])),
            targets(&["a", "c"])
        );
        assert!(index.referrers("a").is_empty());
        assert_eq!(index.referrers("c")[0].name, "s");
        assert_eq!(index.set(&key("s"), targets(&[])), targets(&["b", "c"]));
        assert!(index.referrers("b").is_empty());
    }
}
