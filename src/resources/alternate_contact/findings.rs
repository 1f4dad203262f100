//! CHK-69 to CHK-71: what practice would have otherwise. Pure.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use regex::Regex;

use super::desired::Desired;
use crate::api::AlternateContact;
use crate::api::alternate_contact::AlternateContactType;
use crate::api::common::{Finding, Severity};
use crate::api::contact::Review;
use crate::resources::checks::{self, finding};

/// Who keeps mailboxes for everybody: what comes after the @ of somebody's own address.
const FREE_MAIL: [&str; 24] = [
    "aol.com",
    "fastmail.com",
    "gmail.com",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mac.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "outlook.com",
    "pm.me",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "web.de",
    "yahoo.co.jp",
    "yahoo.com",
    "yandex.ru",
];

/// Words that teams have in their addresses, and people do not.
const TEAM_WORDS: [&str; 24] = [
    "abuse",
    "account",
    "accounts",
    "admin",
    "alerts",
    "aws",
    "billing",
    "cloud",
    "contact",
    "finance",
    "help",
    "infra",
    "it",
    "oncall",
    "operations",
    "ops",
    "platform",
    "root",
    "sec",
    "security",
    "soc",
    "sre",
    "support",
    "team",
];

/// Two words of letters with a dot between, as in `first.last`.
static PERSON: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^([a-z]{2,}|[a-z])\.([a-z]{2,})$").ok());

/// Whether an address looks like that of one person.
fn is_personal(email: &str) -> bool {
    let email = email.trim().to_lowercase();
    let Some((local, domain)) = email.rsplit_once('@') else {
        return false;
    };
    // What comes after a plus is a note of theirs.
    let local = local.split('+').next().unwrap_or(local);
    let names = PERSON.as_ref().and_then(|p| p.captures(local));
    let person = names.is_some_and(|found| {
        let words = found.iter().skip(1).flatten();
        !words
            .into_iter()
            .any(|word| TEAM_WORDS.contains(&word.as_str()))
    });
    person || FREE_MAIL.contains(&domain)
}

/// When the contact is to be looked over next.
pub fn review_due(object: &AlternateContact) -> Option<Timestamp> {
    let spec = &object.spec;
    let review = Review {
        every_days: spec.review_interval_days?,
        last_reviewed: spec.reviewed_on.clone(),
    };
    checks::review_due(&object.metadata, Some(&review))
}

/// The day of the next review.
pub fn review_day(object: &AlternateContact) -> Option<Date> {
    Some(review_due(object)?.to_zoned(TimeZone::UTC).date())
}

/// Every finding. `missing` are the types that the account has no contact of.
pub fn findings(
    object: &AlternateContact,
    desired: &Desired,
    missing: &[AlternateContactType],
    now: Timestamp,
) -> Vec<Finding> {
    let mut found: Vec<Finding> = missing
        .iter()
        .map(|type_| {
            finding(
                "AlternateContactMissing",
                type_.as_str(),
                Severity::Warning,
                format!(
                    "account {} has no {} contact: what AWS has to say about that goes to the root user's address alone. Make an AlternateContact of this type (CHK-69)",
                    desired.identity.account_id,
                    type_.as_str()
                ),
            )
        })
        .collect();
    if is_personal(desired.particulars.email.expose()) {
        found.push(finding(
            "PersonalMailbox",
            "email",
            Severity::Info,
            "the address looks like one person's: give one that several people read, so that somebody does at night and on holidays (CHK-70)",
        ));
    }
    if let Some(day) = review_day(object).filter(|_| review_due(object).is_some_and(|at| at <= now))
    {
        found.push(finding(
            "ReviewDue",
            "",
            Severity::Warning,
            format!(
                "the contact was to be looked over by {day}: see that the people are right and that mail arrives, then set spec.reviewedOn (CHK-71)"
            ),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::desired::identity;
    use super::super::observed::Particulars;
    use super::*;
    use crate::aws::Redacted;

    #[test]
    fn addresses_of_people_and_of_teams() {
        for personal in [
            "ada.lovelace@example.com",
            "A.Lovelace@example.com",
            "ada.lovelace+aws@example.com",
            "security@gmail.com",
        ] {
            assert!(is_personal(personal), "{personal}");
        }
        for team in [
            "security@example.com",
            "aws.security@example.com",
            "it.support@example.com",
            "security.team@example.com",
            "aws-security@mail.example.com",
            "sec.2@example.com",
        ] {
            assert!(!is_personal(team), "{team}");
        }
    }

    #[test]
    fn findings_say_what_is_missing_personal_and_overdue_and_show_nothing() {
        let object: AlternateContact = serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "AlternateContact",
            "metadata": {"name": "security", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"type": "Security", "title": "t", "reviewIntervalDays": 90}
        }))
        .unwrap();
        let hidden = |text: &str| Redacted::new(text.to_owned());
        let desired = Desired {
            identity: identity(&object, "123456789012"),
            particulars: Particulars {
                name: hidden("Ada Lovelace"),
                title: hidden("t"),
                email: hidden("ada.lovelace@example.com"),
                phone: hidden("+12025550123"),
            },
        };
        let of = |at: &str| {
            let missing = [AlternateContactType::Billing];
            let found = findings(&object, &desired, &missing, at.parse().unwrap());
            assert!(!format!("{found:?}").to_lowercase().contains("lovelace"));
            found
                .into_iter()
                .map(|f| (f.id, f.subject))
                .collect::<Vec<_>>()
        };
        let named = |id: &str, subject: &str| (id.to_owned(), subject.to_owned());
        let always = [
            named("AlternateContactMissing", "Billing"),
            named("PersonalMailbox", "email"),
        ];
        assert_eq!(of("2026-03-31T23:59:59Z"), always);
        let later = of("2026-04-01T00:00:00Z");
        assert_eq!(later[2], named("ReviewDue", ""));
        assert_eq!(review_day(&object).unwrap().to_string(), "2026-04-01");
    }
}
