//! Whose an AWS resource is, read from its tags. No I/O.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::api::common::Origin;
use crate::aws::tag::{self, ObjectIdentity};

/// What the tags say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Both our owner id and this object.
    Ours(Origin),
    /// Our owner id, another object. Whether that one still lives is asked of the API server.
    OtherObject(String),
    /// Another owner id.
    OtherOwner(String),
    /// One of the two tags is missing, and the other is not somebody else's for certain.
    Half {
        /// Key of the tag that is missing.
        missing: &'static str,
    },
    /// No ownership tags.
    Unclaimed,
}

/// Who we are, as written into tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// `ownerId` of the ProviderConfig.
    pub owner: String,
    /// `Kind/namespace/name`, hashed when long.
    pub object: ObjectIdentity,
}

impl Claimant {
    /// The tags that mark a resource as this claimant's.
    pub fn tags(&self, origin: Origin) -> BTreeMap<String, String> {
        let origin = match origin {
            Origin::Created => tag::Origin::Created,
            Origin::Adopted => tag::Origin::Adopted,
        };
        tag::ownership(&self.owner, &self.object, origin)
    }

    /// Reads the claim from a resource's tags.
    pub fn claim(&self, tags: &BTreeMap<String, String>) -> Claim {
        match (tags.get(tag::OWNER), tags.get(tag::OBJECT)) {
            (None, None) => Claim::Unclaimed,
            (Some(owner), _) if *owner != self.owner => Claim::OtherOwner(owner.clone()),
            (Some(_), Some(object)) if object == self.object.as_str() => {
                Claim::Ours(match tags.get(tag::ORIGIN).map(String::as_str) {
                    // A damaged origin counts as adopted: the harmless side, since adopted things are retained.
                    Some("Created") => Origin::Created,
                    _ => Origin::Adopted,
                })
            }
            (Some(_), Some(object)) => Claim::OtherObject(object.clone()),
            (Some(_), None) => Claim::Half {
                missing: tag::OBJECT,
            },
            (None, Some(_)) => Claim::Half {
                missing: tag::OWNER,
            },
        }
    }
}

/// Whether a status is older than the object that carries it: a backup or a copy brought it along, and much may have happened since.
/// `judged` is when `Ready` last changed.
pub fn is_brought_along(created: Option<Timestamp>, judged: Option<Timestamp>) -> bool {
    match (created, judged) {
        (Some(created), Some(judged)) => judged < created,
        _ => false,
    }
}

/// The tags a resource should carry: defaults, then the object's own, then the claim.
pub fn desired_tags(
    defaults: &BTreeMap<String, String>,
    own: &BTreeMap<String, String>,
    claimant: &Claimant,
    origin: Origin,
) -> BTreeMap<String, String> {
    let mut tags = defaults.clone();
    tags.extend(own.iter().map(|(k, v)| (k.clone(), v.clone())));
    tags.extend(claimant.tags(origin));
    tags
}

/// What to do about tags: those to write, and the keys to take away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagPlan {
    /// Tags that are missing or differ.
    pub set: BTreeMap<String, String>,
    /// Keys that we wrote earlier and no longer want.
    pub remove: Vec<String>,
}

impl TagPlan {
    /// Tags that somebody else has set and that would get another value.
    pub fn overwritten(&self, observed: &BTreeMap<String, String>) -> Vec<&str> {
        let ownership = [tag::OWNER, tag::OBJECT, tag::ORIGIN];
        self.set
            .keys()
            .map(String::as_str)
            .filter(|k| observed.contains_key(*k) && !ownership.contains(k))
            .collect()
    }

    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// Three-way: what is wanted, what is there, and which keys we have written. Tags of others are left alone.
pub fn plan_tags(
    desired: &BTreeMap<String, String>,
    observed: &BTreeMap<String, String>,
    written: &[String],
) -> TagPlan {
    TagPlan {
        set: desired
            .iter()
            .filter(|(k, v)| observed.get(*k) != Some(v))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        remove: written
            .iter()
            .filter(|k| !desired.contains_key(*k) && observed.contains_key(*k))
            .cloned()
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimant() -> Claimant {
        Claimant {
            owner: "prod".into(),
            object: ObjectIdentity::new("Contact", Some("people"), "alice"),
        }
    }

    #[test]
    fn our_own_tags_are_ours() {
        for origin in [Origin::Created, Origin::Adopted] {
            assert_eq!(
                claimant().claim(&claimant().tags(origin)),
                Claim::Ours(origin)
            );
        }
    }

    #[test]
    fn no_ownership_tag_is_unclaimed() {
        assert_eq!(
            claimant().claim(&BTreeMap::from([("team".into(), "a".into())])),
            Claim::Unclaimed
        );
    }

    #[test]
    fn half_a_claim_is_never_unclaimed() {
        let whole = claimant().tags(Origin::Created);
        for (kept, missing) in [(tag::OWNER, tag::OBJECT), (tag::OBJECT, tag::OWNER)] {
            let half = |value: &str| BTreeMap::from([(kept.to_owned(), value.to_owned())]);
            assert_eq!(
                claimant().claim(&half(&whole[kept])),
                Claim::Half { missing }
            );
            assert!(!matches!(
                claimant().claim(&half("x")),
                Claim::Unclaimed | Claim::Ours(_) | Claim::OtherObject(_)
            ));
        }
    }

    #[test]
    fn a_status_that_is_older_than_its_object_was_brought_along() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let along =
            |created: i64, judged: i64| is_brought_along(Some(at(created)), Some(at(judged)));
        assert!(along(100, 99));
        assert!(
            !along(100, 100),
            "times are kept in whole seconds, so the same may be its own"
        );
        assert!(!along(100, 101));
        assert!(!is_brought_along(Some(at(1)), None) && !is_brought_along(None, Some(at(1))));
    }

    #[test]
    fn a_damaged_origin_counts_as_adopted() {
        let mut tags = claimant().tags(Origin::Created);
        tags.insert(tag::ORIGIN.into(), "?".into());
        assert_eq!(claimant().claim(&tags), Claim::Ours(Origin::Adopted));
        tags.remove(tag::ORIGIN);
        assert_eq!(claimant().claim(&tags), Claim::Ours(Origin::Adopted));
    }

    #[test]
    fn tags_of_others_are_left_alone_and_ours_follow_the_manifest() {
        let observed = BTreeMap::from([
            ("theirs".into(), "1".into()),
            ("old".into(), "1".into()),
            ("kept".into(), "0".into()),
        ]);
        let desired = BTreeMap::from([("kept".into(), "1".into()), ("new".into(), "1".into())]);
        let plan = plan_tags(
            &desired,
            &observed,
            &["old".into(), "kept".into(), "gone".into()],
        );
        assert_eq!(plan.set, desired);
        assert_eq!(plan.remove, vec!["old".to_owned()]);
    }
}
