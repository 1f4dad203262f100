//! What AWS has, and what it is found by.

use std::fmt;

use crate::api::alternate_contact::AlternateContactType;
use crate::aws::Redacted;

/// What AWS knows of somebody. All of it is theirs, and none of it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Particulars {
    /// Name.
    pub name: Redacted<String>,
    /// Title.
    pub title: Redacted<String>,
    /// Mail address.
    pub email: Redacted<String>,
    /// Phone number.
    pub phone: Redacted<String>,
}

impl Particulars {
    /// Without white space around the values, which is none of them.
    #[must_use]
    pub fn trimmed(&self) -> Self {
        let trimmed = |value: &Redacted<String>| Redacted::new(value.expose().trim().to_owned());
        Self {
            name: trimmed(&self.name),
            title: trimmed(&self.title),
            email: trimmed(&self.email),
            phone: trimmed(&self.phone),
        }
    }

    /// The fields in which `other` differs, as a manifest calls them. White space around a value is none of it.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("name", &self.name, &other.name),
            ("title", &self.title, &other.title),
            ("email", &self.email, &other.email),
            ("phone", &self.phone, &other.phone),
        ];
        let differ = fields
            .into_iter()
            .filter(|(_, a, b)| a.expose().trim() != b.expose().trim());
        differ.map(|(field, ..)| field).collect()
    }
}

/// An account's contact of one type: there is one at most, so this is what it is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The twelve digits.
    pub account_id: String,
    /// What AWS turns to it about.
    pub type_: AlternateContactType,
}

impl Identity {
    /// Reads what [`fmt::Display`] has written.
    pub fn parse(text: &str) -> Option<Self> {
        let (account_id, name) = text.split_once('/')?;
        let type_ = AlternateContactType::ALL
            .into_iter()
            .find(|type_| type_.as_str().to_uppercase() == name)?;
        Some(Self {
            account_id: account_id.to_owned(),
            type_,
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.type_.as_str().to_uppercase();
        write!(f, "{}/{name}", self.account_id)
    }
}

/// A contact that AWS has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Which one.
    pub identity: Identity,
    /// Who it is.
    pub particulars: Particulars,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_back() {
        for type_ in AlternateContactType::ALL {
            let identity = Identity {
                account_id: "123456789012".to_owned(),
                type_,
            };
            assert_eq!(Identity::parse(&identity.to_string()), Some(identity));
        }
        assert_eq!(Identity::parse("123456789012/OTHER"), None);
    }
}
