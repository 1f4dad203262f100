//! The alternate contacts of one account.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// Whom AWS writes to or calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlternateContact {
    /// Name.
    pub name: String,
    /// Title.
    pub title: String,
    /// Mail address.
    pub email_address: String,
    /// Phone number.
    pub phone_number: String,
}

/// What an account has of one type: as it is, and as reads may still see it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    current: Option<AlternateContact>,
    before: Option<AlternateContact>,
    changed: Millis,
}

impl Slot {
    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        self.current.is_some()
    }

    /// What reads see.
    pub fn shown(&self, now: Millis, delay: Millis) -> Option<&AlternateContact> {
        if self.changed + delay <= now {
            self.current.as_ref()
        } else {
            self.before.as_ref()
        }
    }

    /// Sets or deletes it.
    pub fn set(&mut self, contact: Option<AlternateContact>, now: Millis, delay: Millis) {
        self.before = self.shown(now, delay).cloned();
        self.current = contact;
        self.changed = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> AlternateContact {
        AlternateContact {
            name: name.to_owned(),
            title: "t".to_owned(),
            email_address: "a@example.com".to_owned(),
            phone_number: "1".to_owned(),
        }
    }

    #[test]
    fn reads_see_what_was_before_until_the_delay_has_passed() {
        let mut slot = Slot::default();
        slot.set(Some(named("a")), 1000, 500);
        assert_eq!(slot.shown(1499, 500), None);
        assert_eq!(slot.shown(1500, 500), Some(&named("a")));
        slot.set(None, 2000, 500);
        assert!(!slot.is_set());
        assert_eq!(slot.shown(2100, 500), Some(&named("a")));
        slot.set(Some(named("b")), 2200, 500);
        assert_eq!(slot.shown(2300, 500), Some(&named("a")));
        assert_eq!(slot.shown(2700, 500), Some(&named("b")));
    }
}
