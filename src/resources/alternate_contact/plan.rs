//! Wanted and observed to changes. Pure.

use std::fmt;

use super::desired::Desired;
use super::observed::{Identity, Observed, Particulars};
use crate::api::common::{ChangeAction, PendingChange};
use crate::engine::{self, Memory};

/// The slot of the contact.
pub const CONTACT_SLOT: &str = "contact";

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets the contact: AWS takes all of it at once.
    Put {
        /// Which one.
        identity: Identity,
        /// Who it is to be.
        particulars: Particulars,
        /// What of it differs; `None` = AWS has none.
        differs: Option<Vec<&'static str>>,
        /// It was sent before, and what came of that is not known.
        begun: bool,
    },
    /// Deletes it.
    Delete {
        /// Which one.
        identity: Identity,
    },
}

/// How messages name a contact.
pub fn named(identity: &Identity) -> String {
    let Identity { account_id, type_ } = identity;
    format!("the {} contact of account {account_id}", type_.as_str())
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put {
                identity,
                differs: None,
                ..
            } => write!(f, "set {}", named(identity)),
            Self::Put {
                identity,
                differs: Some(fields),
                ..
            } => write!(f, "changed {} of {}", fields.join(", "), named(identity)),
            Self::Delete { identity } => write!(f, "deleted {}", named(identity)),
        }
    }
}

impl engine::Change for Change {
    fn pending(&self) -> Vec<PendingChange> {
        let change = |path: &&str, action| PendingChange {
            path: (*path).to_owned(),
            action,
        };
        match self {
            Self::Put { differs: None, .. } => vec![change(&"contact", ChangeAction::Create)],
            Self::Put {
                differs: Some(fields),
                ..
            } => {
                let fields = fields.iter();
                fields.map(|f| change(f, ChangeAction::Update)).collect()
            }
            Self::Delete { .. } => vec![change(&"contact", ChangeAction::Delete)],
        }
    }

    fn slot(&self) -> Option<String> {
        let creates = matches!(self, Self::Put { differs: None, .. });
        creates.then(|| CONTACT_SLOT.to_owned())
    }
}

/// What differs.
pub fn plan(desired: &Desired, observed: Option<&Observed>, memory: Memory<'_>) -> Vec<Change> {
    let differs = observed.map(|there| desired.particulars.differences(&there.particulars));
    if differs.as_ref().is_some_and(Vec::is_empty) {
        return vec![];
    }
    vec![Change::Put {
        identity: desired.identity.clone(),
        particulars: desired.particulars.clone(),
        differs,
        begun: memory.pending.iter().any(|p| p.slot == CONTACT_SLOT),
    }]
}

/// What stands where a contact is about to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nothing.
    Free,
    /// What is to be set.
    Set,
    /// What somebody else has set.
    Taken,
}

/// What stands where `wanted` is about to be set, as AWS shows it right before.
pub fn place(wanted: &Particulars, there: Option<&Observed>) -> Place {
    match there {
        None => Place::Free,
        Some(there) if wanted.differences(&there.particulars).is_empty() => Place::Set,
        Some(_) => Place::Taken,
    }
}

/// What AWS has after `change`.
pub fn project(change: &Change) -> Option<Observed> {
    match change {
        Change::Put {
            identity,
            particulars,
            ..
        } => Some(Observed {
            identity: identity.clone(),
            particulars: particulars.clone(),
        }),
        Change::Delete { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::api::alternate_contact::AlternateContactType;
    use crate::api::common::{AppliedStatus, PendingCreate};
    use crate::aws::Redacted;
    use crate::engine::Change as _;

    fn somebody(email: &str, phone: &str) -> Particulars {
        let hidden = |text: &str| Redacted::new(text.to_owned());
        Particulars {
            name: hidden("Security team"),
            title: hidden("On call"),
            email: hidden(email),
            phone: hidden(phone),
        }
    }

    fn wanted() -> Desired {
        Desired {
            identity: Identity {
                account_id: "123456789012".to_owned(),
                type_: AlternateContactType::Security,
            },
            particulars: somebody("sec@example.com", "+12025550123"),
        }
    }

    fn planned(observed: Option<&Observed>, pending: &[PendingCreate]) -> Vec<Change> {
        let memory = Memory {
            applied: &AppliedStatus::default(),
            pending,
            now: Timestamp::UNIX_EPOCH,
        };
        plan(&wanted(), observed, memory)
    }

    #[test]
    fn only_where_there_is_nothing_is_something_set() {
        let wanted = wanted();
        let there = |email: &str| Observed {
            identity: wanted.identity.clone(),
            particulars: somebody(email, "+12025550123"),
        };
        let seen = [
            None,
            Some(there("sec@example.com")),
            Some(there("x@example.com")),
        ];
        let places = seen.map(|there| place(&wanted.particulars, there.as_ref()));
        assert_eq!(places, [Place::Free, Place::Set, Place::Taken]);
    }

    #[test]
    fn what_was_begun_is_known_to_be() {
        let begun = |pending: &[PendingCreate]| match &planned(None, pending)[..] {
            [Change::Put { begun, .. }] => *begun,
            other => panic!("{other:?}"),
        };
        let pending: PendingCreate = serde_json::from_value(serde_json::json!({
            "slot": CONTACT_SLOT, "token": "x", "since": "2026-01-01T00:00:00Z"
        }))
        .unwrap();
        assert_eq!([begun(&[]), begun(&[pending])], [false, true]);
    }

    #[test]
    fn what_is_missing_is_set_and_then_there_is_nothing_to_do() {
        let changes = planned(None, &[]);
        assert_eq!(
            changes[0].to_string(),
            "set the Security contact of account 123456789012"
        );
        assert_eq!(changes[0].slot().as_deref(), Some(CONTACT_SLOT));
        let there = project(&changes[0]).unwrap();
        assert!(planned(Some(&there), &[]).is_empty());
    }

    #[test]
    fn only_what_differs_is_named_and_no_value_is_shown() {
        let there = Observed {
            identity: wanted().identity,
            particulars: somebody(" sec@example.com ", "+12025550199"),
        };
        let changes = planned(Some(&there), &[]);
        let pending = changes[0].pending();
        assert_eq!(pending.len(), 1);
        assert_eq!(pending[0].path, "phone");
        assert_eq!(changes[0].slot(), None);
        let shown = format!("{} {:?} {there:?}", changes[0], changes[0]);
        assert!(
            shown.contains("changed phone of the Security contact"),
            "{shown}"
        );
        for secret in ["555", "example", "team", "On call"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
