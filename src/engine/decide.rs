//! What to do with one object, given only facts. No I/O.
//!
//! The whole lifecycle of an external resource is this one match, tested over every combination.

use crate::api::common::{AdoptionPolicy, DeletionPolicy, ManagementPolicy};

/// Whose the AWS resource is (product: Ownership).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// Made or adopted for this very object.
    Ours,
    /// Carries our owner id, but the object it was made for is gone.
    OrphanOfOurs,
    /// Carries no ownership tag.
    Unclaimed,
    /// Belongs to another owner, or to another living object.
    Foreign,
}

/// Everything the decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// `spec.suspend`.
    pub suspended: bool,
    /// The object has a deletion timestamp.
    pub deleting: bool,
    /// `spec.managementPolicy`.
    pub management: ManagementPolicy,
    /// `spec.adoptionPolicy`.
    pub adoption: AdoptionPolicy,
    /// The ProviderConfig allows adoption in the object's namespace.
    pub adoption_allowed: bool,
    /// The effective deletion policy.
    pub deletion: DeletionPolicy,
    /// Whose the resource is; `None` = AWS has none.
    pub observed: Option<Ownership>,
    /// Nothing to change, tags apart.
    pub content_in_sync: bool,
    /// Nothing to change, tags included.
    pub in_sync: bool,
    /// Other objects hold on to this one.
    pub referenced: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Touch nothing.
    Suspend,
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Nothing to do.
    Idle,
    /// Take it over by tags alone.
    Adopt,
    /// Take it over, then change it.
    AdoptAndUpdate,
    /// Say what is there and what would be changed.
    Report,
    /// Leave it alone and say why.
    Refuse(Refusal),
    /// Delete it and see that it is gone.
    Delete,
    /// Let go, leaving the resource as it is. `untag` = our tags go.
    Release {
        /// Remove our tags first, best effort.
        untag: bool,
    },
    /// The deletion waits for the objects that refer to this one.
    HoldForReferences,
}

/// Why a resource is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It exists and adoption was not asked for.
    AlreadyExists,
    /// Adoption was asked for where the ProviderConfig does not allow it.
    AdoptionNotAllowed,
    /// Adoption would change more than tags.
    AdoptionWouldChange,
    /// It is somebody else's.
    OwnedByAnother,
    /// `Observe`, and there is nothing to observe.
    NothingToObserve,
}

/// The lifecycle.
pub fn decide(facts: Facts) -> Decision {
    if facts.suspended {
        return Decision::Suspend;
    }
    if facts.deleting {
        decide_deletion(facts)
    } else {
        decide_live(facts)
    }
}

fn decide_deletion(facts: Facts) -> Decision {
    match (facts.observed, facts.management) {
        // Observe never writes, not even to take a tag away.
        (_, ManagementPolicy::Observe) | (None, _) => Decision::Release { untag: false },
        (Some(Ownership::Ours), ManagementPolicy::Manage) => match facts.deletion {
            DeletionPolicy::Retain => Decision::Release { untag: true },
            DeletionPolicy::Delete if facts.referenced => Decision::HoldForReferences,
            DeletionPolicy::Delete => Decision::Delete,
        },
        // What is not ours is not deleted, whatever the policy says.
        (
            Some(Ownership::OrphanOfOurs | Ownership::Unclaimed | Ownership::Foreign),
            ManagementPolicy::Manage,
        ) => Decision::Release { untag: false },
    }
}

fn decide_live(facts: Facts) -> Decision {
    match (facts.management, facts.observed) {
        (ManagementPolicy::Observe, None) => Decision::Refuse(Refusal::NothingToObserve),
        (ManagementPolicy::Observe, Some(_)) => Decision::Report,
        (ManagementPolicy::Manage, None) => Decision::Create,
        (ManagementPolicy::Manage, Some(Ownership::Ours)) if facts.in_sync => Decision::Idle,
        (ManagementPolicy::Manage, Some(Ownership::Ours)) => Decision::Update,
        (ManagementPolicy::Manage, Some(Ownership::Foreign)) => {
            Decision::Refuse(Refusal::OwnedByAnother)
        }
        (ManagementPolicy::Manage, Some(Ownership::Unclaimed | Ownership::OrphanOfOurs)) => {
            match facts.adoption {
                AdoptionPolicy::Never => Decision::Refuse(Refusal::AlreadyExists),
                _ if !facts.adoption_allowed => Decision::Refuse(Refusal::AdoptionNotAllowed),
                _ if facts.content_in_sync => Decision::Adopt,
                AdoptionPolicy::Adopt => Decision::Refuse(Refusal::AdoptionWouldChange),
                AdoptionPolicy::AdoptAndOverwrite => Decision::AdoptAndUpdate,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_combination() -> Vec<Facts> {
        let bools = [false, true];
        let mut all = vec![];
        for suspended in bools {
            for deleting in bools {
                for management in [ManagementPolicy::Manage, ManagementPolicy::Observe] {
                    for adoption in [
                        AdoptionPolicy::Never,
                        AdoptionPolicy::Adopt,
                        AdoptionPolicy::AdoptAndOverwrite,
                    ] {
                        for adoption_allowed in bools {
                            for deletion in [DeletionPolicy::Delete, DeletionPolicy::Retain] {
                                for observed in [
                                    None,
                                    Some(Ownership::Ours),
                                    Some(Ownership::OrphanOfOurs),
                                    Some(Ownership::Unclaimed),
                                    Some(Ownership::Foreign),
                                ] {
                                    for (content_in_sync, in_sync) in
                                        [(false, false), (true, false), (true, true)]
                                    {
                                        for referenced in bools {
                                            all.push(Facts {
                                                suspended,
                                                deleting,
                                                management,
                                                adoption,
                                                adoption_allowed,
                                                deletion,
                                                observed,
                                                content_in_sync,
                                                in_sync,
                                                referenced,
                                            });
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        all
    }

    #[test]
    fn nothing_happens_while_suspended() {
        for facts in every_combination().into_iter().filter(|f| f.suspended) {
            assert_eq!(decide(facts), Decision::Suspend, "{facts:?}");
        }
    }

    #[test]
    fn observe_never_writes() {
        for facts in every_combination()
            .into_iter()
            .filter(|f| f.management == ManagementPolicy::Observe && !f.suspended)
        {
            assert!(
                matches!(
                    decide(facts),
                    Decision::Report
                        | Decision::Refuse(Refusal::NothingToObserve)
                        | Decision::Release { untag: false }
                ),
                "{facts:?}"
            );
        }
    }

    #[test]
    fn only_what_is_ours_is_deleted_or_changed() {
        for facts in every_combination() {
            match decide(facts) {
                Decision::Delete
                | Decision::Update
                | Decision::Idle
                | Decision::Release { untag: true }
                | Decision::HoldForReferences => {
                    assert_eq!(facts.observed, Some(Ownership::Ours), "{facts:?}");
                }
                Decision::Create => assert_eq!(facts.observed, None, "{facts:?}"),
                Decision::Adopt | Decision::AdoptAndUpdate => {
                    assert!(
                        matches!(
                            facts.observed,
                            Some(Ownership::Unclaimed | Ownership::OrphanOfOurs)
                        ),
                        "{facts:?}"
                    );
                    assert!(
                        facts.adoption != AdoptionPolicy::Never && facts.adoption_allowed,
                        "{facts:?}"
                    );
                }
                _ => {}
            }
        }
    }

    #[test]
    fn adopt_changes_nothing_but_tags() {
        for facts in every_combination()
            .into_iter()
            .filter(|f| f.adoption == AdoptionPolicy::Adopt)
        {
            assert_ne!(decide(facts), Decision::AdoptAndUpdate, "{facts:?}");
            if decide(facts) == Decision::Adopt {
                assert!(facts.content_in_sync, "{facts:?}");
            }
        }
    }

    #[test]
    fn a_deletion_never_creates_and_a_live_object_never_deletes() {
        for facts in every_combination().into_iter().filter(|f| !f.suspended) {
            let ends = matches!(
                decide(facts),
                Decision::Delete | Decision::Release { .. } | Decision::HoldForReferences
            );
            assert_eq!(ends, facts.deleting, "{facts:?}");
        }
    }

    #[test]
    fn deletion_follows_the_policy() {
        for facts in every_combination().into_iter().filter(|f| {
            f.deleting
                && !f.suspended
                && f.management == ManagementPolicy::Manage
                && f.observed == Some(Ownership::Ours)
        }) {
            let expected = match (facts.deletion, facts.referenced) {
                (DeletionPolicy::Retain, _) => Decision::Release { untag: true },
                (DeletionPolicy::Delete, true) => Decision::HoldForReferences,
                (DeletionPolicy::Delete, false) => Decision::Delete,
            };
            assert_eq!(decide(facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn foreign_resources_are_refused_under_every_adoption_policy() {
        for facts in every_combination().into_iter().filter(|f| {
            !f.deleting
                && !f.suspended
                && f.management == ManagementPolicy::Manage
                && f.observed == Some(Ownership::Foreign)
        }) {
            assert_eq!(
                decide(facts),
                Decision::Refuse(Refusal::OwnedByAnother),
                "{facts:?}"
            );
        }
    }
}
