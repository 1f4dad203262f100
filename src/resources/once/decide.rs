//! What to do with what may be done at most once, because it pages people: an incident, a test page. Pure.

use jiff::{SignedDuration, Timestamp};

/// A deadline farther away than this from the making of the object is refused: whatever was started for an object was started this long
/// before its deadline at most, and is looked for there.
pub const LONGEST_DEADLINE: SignedDuration = SignedDuration::from_hours(24);
/// AWS's clock, the API server's and ours may differ.
pub const CLOCK_SLACK: SignedDuration = SignedDuration::from_hours(1);
/// So long it is looked for what may have been started, before it is given up.
pub const LOOK_FOR: SignedDuration = SignedDuration::from_mins(15);

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// The intention was not recorded in the object.
    No,
    /// It was, and what came of the call is not known.
    Recorded(Timestamp),
}

/// What the ledger says of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// Nothing.
    Nothing,
    /// It was noted by this very object.
    BySelf,
    /// It was noted by an earlier object of the same name and deadline.
    ByPredecessor,
    /// What it started is this.
    Started(String),
}

/// Everything the decision depends on.
#[derive(Debug, Clone)]
pub struct Facts {
    /// How far it has come.
    pub begun: Begun,
    /// What the ledger says.
    pub noted: Noted,
    /// What AWS has that was certainly started for this request; `None` = looked for, and nothing was found.
    pub found: Option<String>,
    /// `managementPolicy: Observe`.
    pub observe: bool,
    /// A backup or a copy brought the object here.
    pub brought_along: bool,
    /// When the object was made.
    pub made: Option<Timestamp>,
    /// Nothing begins after this.
    pub deadline: Timestamp,
    /// Why it would make no sense, whatever the time.
    pub senseless: Option<&'static str>,
    /// Now.
    pub now: Timestamp,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It was begun, and this is it.
    GoOn(String),
    /// Record the intention, then begin it with one call.
    Begin,
    /// Begin nothing for now; say this.
    Wait(&'static str),
    /// Begin nothing, ever; say this.
    Refuse(String),
    /// The deadline has passed.
    Expire,
    /// It may have been begun: say so, and look for it again.
    Unknown,
    /// The same, and it has been looked for long enough.
    StillUnknown,
}

/// The life of a request up to its beginning.
pub fn decide(facts: &Facts) -> Step {
    if let Noted::Started(id) = &facts.noted {
        return Step::GoOn(id.clone());
    }
    if let Some(id) = &facts.found {
        return Step::GoOn(id.clone());
    }
    if let Begun::Recorded(at) = facts.begun {
        return if facts.now.duration_since(at) > LOOK_FOR {
            Step::StillUnknown
        } else {
            Step::Unknown
        };
    }
    if facts.noted == Noted::ByPredecessor {
        return if facts.now.duration_since(facts.deadline) > LOOK_FOR {
            Step::StillUnknown
        } else {
            Step::Unknown
        };
    }
    if facts.brought_along {
        return Step::Refuse(
            "a backup or a copy brought this object here: nobody is paged for it. If it is meant, make a new one under another name or with another startDeadline"
                .to_owned(),
        );
    }
    if let Some(why) = facts.senseless {
        return Step::Refuse(why.to_owned());
    }
    if facts.now > facts.deadline {
        return Step::Expire;
    }
    if facts.observe {
        return Step::Wait("managementPolicy is Observe: nobody is paged");
    }
    // Without the time of its making nothing is known of how old it is.
    let far = facts
        .made
        .is_none_or(|made| facts.deadline.duration_since(made) > LONGEST_DEADLINE);
    if far {
        return Step::Refuse(
            "startDeadline is more than 24 hours after this object was made: it begins at once and not at the deadline, which is there so that nobody is paged late. Make a new one with a startDeadline soon from now"
                .to_owned(),
        );
    }
    Step::Begin
}

/// Since when AWS may have what was begun for a request.
pub fn earliest(deadline: Timestamp) -> Timestamp {
    deadline
        .checked_sub(LONGEST_DEADLINE)
        .and_then(|at| at.checked_sub(CLOCK_SLACK))
        .unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn fresh() -> Facts {
        Facts {
            begun: Begun::No,
            noted: Noted::Nothing,
            found: None,
            observe: false,
            brought_along: false,
            made: Some(at(0)),
            deadline: at(30),
            senseless: None,
            now: at(1),
        }
    }

    /// Every combination of what matters.
    fn all() -> Vec<Facts> {
        let mut all = vec![];
        for begun in [Begun::No, Begun::Recorded(at(0)), Begun::Recorded(at(-60))] {
            for noted in [
                Noted::Nothing,
                Noted::BySelf,
                Noted::ByPredecessor,
                Noted::Started("arn".to_owned()),
            ] {
                for found in [None, Some("arn".to_owned())] {
                    for bits in 0..8 {
                        for made in [
                            None,
                            Some(at(0)),
                            Some(at(-24 * 60 + 30)),
                            Some(at(-24 * 60 + 29)),
                        ] {
                            for now in [at(1), at(30), at(31), at(90)] {
                                all.push(Facts {
                                    begun,
                                    noted: noted.clone(),
                                    found: found.clone(),
                                    observe: bits & 1 != 0,
                                    brought_along: bits & 2 != 0,
                                    senseless: (bits & 4 != 0).then_some("senseless"),
                                    made,
                                    now,
                                    ..fresh()
                                });
                            }
                        }
                    }
                }
            }
        }
        all
    }

    #[test]
    fn it_begins_in_one_situation_only() {
        let mut begun = 0;
        for facts in all() {
            let may = facts.begun == Begun::No
                && matches!(facts.noted, Noted::Nothing | Noted::BySelf)
                && facts.found.is_none()
                && !facts.observe
                && !facts.brought_along
                && facts.senseless.is_none()
                && facts.now <= facts.deadline
                && facts
                    .made
                    .is_some_and(|made| facts.deadline.duration_since(made) <= LONGEST_DEADLINE);
            assert_eq!(decide(&facts) == Step::Begin, may, "{facts:?}");
            begun += usize::from(may);
        }
        assert!(begun > 0);
    }

    #[test]
    fn what_is_known_to_have_begun_is_gone_on_with_whatever_else_holds() {
        for facts in all() {
            let known = facts.found.is_some() || matches!(facts.noted, Noted::Started(_));
            assert_eq!(
                decide(&facts) == Step::GoOn("arn".to_owned()),
                known,
                "{facts:?}"
            );
        }
    }

    #[test]
    fn a_recorded_intention_is_looked_for_and_then_given_up() {
        let recorded = Facts {
            begun: Begun::Recorded(at(0)),
            ..fresh()
        };
        assert_eq!(decide(&recorded), Step::Unknown);
        let later = Facts {
            now: at(16),
            ..recorded
        };
        assert_eq!(decide(&later), Step::StillUnknown);
    }

    #[test]
    fn an_object_made_again_never_begins_what_its_predecessor_may_have_begun() {
        let again = Facts {
            noted: Noted::ByPredecessor,
            ..fresh()
        };
        assert_eq!(decide(&again), Step::Unknown);
        let late = Facts {
            now: at(60),
            ..again
        };
        assert_eq!(decide(&late), Step::StillUnknown);
    }

    #[test]
    fn everything_that_may_have_been_begun_is_in_the_time_that_is_looked_through() {
        let facts = Facts {
            made: Some(at(30 - 24 * 60)),
            now: at(30 - 24 * 60),
            ..fresh()
        };
        assert_eq!(decide(&facts), Step::Begin);
        assert!(earliest(facts.deadline) < facts.now);
    }
}
