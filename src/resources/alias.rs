//! The one space of aliases of contacts, on-call schedules and escalation plans. Pure.

use crate::aws::arn;
use crate::aws::contacts::ContactType;
use crate::engine::{Error, Provider};

/// Longest alias.
const LONGEST: usize = 255;

/// Whether AWS takes `alias`: it may come from metadata.name, which has other rules.
///
/// # Errors
/// `Stalled/InvalidSpec`.
pub fn check(alias: &str) -> Result<(), Error> {
    let takes = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if (1..=LONGEST).contains(&alias.len()) && alias.bytes().all(takes) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "\"{alias}\" cannot be an alias in AWS (lower-case letters, digits, '_' and '-'): set spec.alias"
    )))
}

/// The ARN of what has this alias.
pub fn arn(provider: &Provider, alias: &str) -> String {
    let placement = &provider.account.config.placement;
    arn::contact_arn(arn::partition(&placement.region), placement, alias).to_string()
}

/// What has the alias, when it is not of type `wanted`.
pub fn other_type(type_: ContactType, wanted: ContactType) -> Option<String> {
    (type_ != wanted).then(|| type_.to_string())
}

/// Says that `alias` belongs to something of another type.
pub fn taken(alias: &str, other: &str) -> String {
    format!(
        "the alias \"{alias}\" is used in AWS by {other}: contacts, on-call schedules and escalation plans share one space of aliases. Choose another spec.alias"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_what_aws_takes() {
        for good in ["a", "on-call_2", &"a".repeat(255)] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "a.b", "Alice", "ä", &"a".repeat(256)] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_another_type_is_told() {
        assert_eq!(
            other_type(ContactType::Schedule, ContactType::Schedule),
            None
        );
        let other = other_type(ContactType::Person, ContactType::Schedule);
        assert_eq!(other.as_deref(), Some("a contact"));
    }
}
