//! Spec, Secrets and surroundings to what is wanted. Pure.

use std::sync::LazyLock;

use regex::Regex;

use super::observed::{Identity, Particulars};
use crate::api::AlternateContact;
use crate::api::conditions::Reason;
use crate::aws::Redacted;
use crate::engine::Error;

/// What the references of the spec stand for, and what the cluster says besides.
#[derive(Debug, Clone)]
pub struct References {
    /// Which contact of which account.
    pub identity: Identity,
    /// Another object that stands for this contact and came first.
    pub elder: Option<String>,
    /// The name, from the spec or a Secret.
    pub name: Redacted<String>,
    /// The mail address, the same.
    pub email: Redacted<String>,
    /// The phone number, the same.
    pub phone: Redacted<String>,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Which contact of which account.
    pub identity: Identity,
    /// Who it is to be.
    pub particulars: Particulars,
}

const LONGEST_NAME: usize = 64;
const LONGEST_TITLE: usize = 50;
const LONGEST_EMAIL: usize = 254;
const LONGEST_PHONE: usize = 25;

static EMAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[a-zA-Z0-9_+=.#|!&-]+@[a-zA-Z0-9_.-]+\.[a-zA-Z0-9_]+$").ok());
static PHONE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[0-9()+ -]*[0-9][0-9()+ -]*$").ok());

/// The account that an object is about, if its ProviderConfig's is `own`.
pub fn identity(object: &AlternateContact, own: &str) -> Identity {
    let account_id = object.spec.account_id.as_deref().unwrap_or(own);
    Identity {
        account_id: account_id.to_owned(),
        type_: object.spec.type_,
    }
}

/// What is wanted.
///
/// # Errors
/// Another object came first; a value that AWS does not take, which is never shown.
pub fn desired(object: &AlternateContact, references: &References) -> Result<Desired, Error> {
    let Identity { account_id, type_ } = &references.identity;
    if let Some(elder) = &references.elder {
        return Err(Error::refused(
            Reason::DuplicateAlternateContact,
            format!(
                "AlternateContact \"{elder}\" stands for the {} contact of account {account_id} already, and an account has one only: delete one of the two objects. Nothing was touched",
                type_.as_str()
            ),
        ));
    }
    let spec = &object.spec;
    let particulars = Particulars {
        name: references.name.clone(),
        title: Redacted::new(spec.title.clone()),
        email: references.email.clone(),
        phone: references.phone.clone(),
    };
    let particulars = particulars.trimmed();
    if let Some((field, rule)) = wrong(&particulars) {
        return Err(Error::invalid(format!(
            "{field} is not what AWS takes, {rule}: correct it where it is kept"
        )));
    }
    Ok(Desired {
        identity: references.identity.clone(),
        particulars,
    })
}

/// The first field that is not as the API server and AWS take it, with what it has to be. White space around values is taken off already.
pub fn wrong(particulars: &Particulars) -> Option<(&'static str, &'static str)> {
    let matches = |pattern: &LazyLock<Option<Regex>>, text: &str| {
        pattern.as_ref().is_some_and(|p| p.is_match(text))
    };
    let sized = |text: &str, most| (1..=most).contains(&text.chars().count());
    let checks = [
        (
            "name",
            sized(particulars.name.expose(), LONGEST_NAME),
            "1 to 64 characters",
        ),
        (
            "title",
            sized(particulars.title.expose(), LONGEST_TITLE),
            "1 to 50 characters",
        ),
        (
            "email",
            sized(particulars.email.expose(), LONGEST_EMAIL)
                && matches(&EMAIL, particulars.email.expose()),
            "a mail address of at most 254 characters: before the @ letters, digits and the characters _ + = . # | ! & -, after it a domain with a dot",
        ),
        (
            "phone",
            sized(particulars.phone.expose(), LONGEST_PHONE)
                && matches(&PHONE, particulars.phone.expose()),
            "at most 25 digits, spaces and the characters ( ) + -, a digit among them",
        ),
    ];
    let wrong = checks.into_iter().find(|(_, right, _)| !right);
    wrong.map(|(field, _, rule)| (field, rule))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::alternate_contact::AlternateContactType;

    fn with(name: &str, email: &str, phone: &str) -> Result<Desired, Error> {
        let object: AlternateContact = serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "AlternateContact",
            "metadata": {"name": "security"}, "spec": {"type": "Security", "title": "Security team"}
        }))
        .unwrap();
        let references = References {
            identity: identity(&object, "123456789012"),
            elder: None,
            name: Redacted::new(name.to_owned()),
            email: Redacted::new(email.to_owned()),
            phone: Redacted::new(phone.to_owned()),
        };
        desired(&object, &references)
    }

    #[test]
    fn blanks_around_a_value_are_none_of_it() {
        let wanted = with(" Team \n", " sec@example.com", "+1 (202) 555-0123\n").unwrap();
        assert_eq!(wanted.identity.type_, AlternateContactType::Security);
        let Particulars {
            name, email, phone, ..
        } = wanted.particulars;
        assert_eq!(
            [name.expose(), email.expose(), phone.expose()],
            ["Team", "sec@example.com", "+1 (202) 555-0123"]
        );
    }

    #[test]
    fn what_aws_refuses_is_refused_without_showing_it() {
        let (name, email, phone) = ("Team", "sec@example.com", "+12025550123");
        let long = format!("sec@{}.com", "a".repeat(250));
        for (wrong, field, value) in [
            (with("  ", email, phone), "name ", "  \""),
            (with(&"n".repeat(65), email, phone), "name ", "nnnn"),
            (with(name, "secexample.com", phone), "email ", "secexample"),
            (
                with(name, "a b@example.com", phone),
                "email ",
                "example.com,",
            ),
            (with(name, "sec@example", phone), "email ", "sec@example"),
            (with(name, &long, phone), "email ", "aaaa"),
            (with(name, email, "call me"), "phone ", "call me"),
            (with(name, email, "+ - ( )"), "phone ", "+ - ( ) "),
            (with(name, email, &"1".repeat(26)), "phone ", "1111"),
        ] {
            let text = wrong.unwrap_err().to_string();
            assert!(text.starts_with(field) && !text.contains(value), "{text}");
        }
    }

    #[test]
    fn an_account_of_its_own_is_that_of_the_spec() {
        let object: AlternateContact = serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "AlternateContact",
            "metadata": {"name": "billing"}, "spec": {"type": "Billing", "title": "t", "accountId": "210987654321"}
        }))
        .unwrap();
        assert_eq!(
            identity(&object, "123456789012").to_string(),
            "210987654321/BILLING"
        );
    }
}
