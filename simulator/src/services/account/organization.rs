//! Who may work on whose account.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// An organization, as far as the Account service asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Organization {
    /// `o-…`.
    pub id: String,
    /// The account that manages it.
    pub management_account: String,
    /// The others.
    pub members: BTreeSet<String>,
    /// The member that may work on the others, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegated_administrator: Option<String>,
    /// Whether trusted access for account management is on; without, every account is on its own.
    pub trusted_access: bool,
}

impl Organization {
    /// Whether an account is in it.
    pub fn holds(&self, account: &str) -> bool {
        self.management_account == account || self.members.contains(account)
    }
}

/// What a caller is to the account that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may work on it.
    Manages,
    /// It is the management account, and names itself.
    ManagementItself,
    /// It has nothing to say there.
    Stranger,
}

/// What `caller` is to `target`.
pub fn standing(organizations: &[Organization], caller: &str, target: &str) -> Standing {
    let Some(home) = organizations.iter().find(|each| each.holds(caller)) else {
        return Standing::Stranger;
    };
    let manages = home.management_account == caller;
    if manages && target == caller {
        return Standing::ManagementItself;
    }
    let delegated = home.delegated_administrator.as_deref() == Some(caller);
    if home.trusted_access && (manages || delegated) && home.members.contains(target) {
        Standing::Manages
    } else {
        Standing::Stranger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn management_and_delegated_administrator_work_on_members_alone() {
        let mut organization = Organization {
            id: "o-exampleorgid".to_owned(),
            management_account: "1".to_owned(),
            members: ["2", "3"].map(str::to_owned).into(),
            delegated_administrator: Some("2".to_owned()),
            trusted_access: true,
        };
        let of = |organization: &Organization, caller, target| {
            standing(std::slice::from_ref(organization), caller, target)
        };
        assert_eq!(of(&organization, "1", "2"), Standing::Manages);
        assert_eq!(of(&organization, "1", "1"), Standing::ManagementItself);
        assert_eq!(of(&organization, "2", "3"), Standing::Manages);
        assert_eq!(of(&organization, "2", "2"), Standing::Manages);
        for (caller, target) in [("2", "1"), ("3", "2"), ("3", "3"), ("1", "9"), ("9", "9")] {
            assert_eq!(of(&organization, caller, target), Standing::Stranger);
        }
        organization.trusted_access = false;
        assert_eq!(of(&organization, "1", "2"), Standing::Stranger);
    }
}
