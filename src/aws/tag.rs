//! Tags: whose a resource is, and what users may add to it. No I/O.
//!
//! ssm-contacts is the stricter service, so its rules hold for all: keys take no dot, colon or space, values may not be
//! empty.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::LazyLock};

use regex::Regex;

use super::token;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Who owns a resource: `ProviderConfig.spec.ownerId`.
pub const OWNER: &str = "incident-operator/owner";
/// Which object it belongs to: an [`ObjectIdentity`].
pub const OBJECT: &str = "incident-operator/object";
/// How it came to belong to it: an [`Origin`].
pub const ORIGIN: &str = "incident-operator/origin";

/// Keys with this prefix are ours.
pub const OWN_PREFIX: &str = "incident-operator/";
/// Keys with this prefix are AWS's.
pub const AWS_PREFIX: &str = "aws:";

/// Tags of one resource, ours included.
pub const MOST_TAGS: usize = 50;
/// What is left of them for users.
pub const MOST_USER_TAGS: usize = MOST_TAGS - 3;
/// Characters of a key.
pub const LONGEST_KEY: usize = 128;
/// Characters of a value.
pub const LONGEST_VALUE: usize = 256;

/// How a resource came to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// We made it.
    Created,
    /// It was there and was taken over.
    Adopted,
}

impl Origin {
    /// The tag's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Adopted => "Adopted",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Created, Self::Adopted]
            .into_iter()
            .find(|origin| origin.as_str() == text)
            .ok_or(())
    }
}

/// The value of [`OBJECT`]: `Kind/namespace/name`, or `Kind//name` for a cluster-scoped kind. One that would be too
/// long ends in a hash instead: the same object always has the same identity, but the name cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectIdentity(String);

/// An object named by an [`ObjectIdentity`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// For example `Contact`.
    pub kind: String,
    /// Absent for a cluster-scoped kind.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
}

/// No name of Kubernetes holds it, so a hashed identity is never taken for a name.
const HASH_MARK: char = '=';

impl ObjectIdentity {
    /// The identity of an object.
    pub fn new(kind: &str, namespace: Option<&str>, name: &str) -> Self {
        let full = format!("{kind}/{}/{name}", namespace.unwrap_or_default());
        if full.chars().count() <= LONGEST_VALUE {
            return Self(full);
        }
        let hash = token::derived(["object", &full]).simple().to_string();
        let readable: String = full.chars().take(LONGEST_VALUE - hash.len() - 1).collect();
        Self(format!("{readable}{HASH_MARK}{hash}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a tag's value. `None` when it is hashed or no identity at all: nobody can say then whether the object
    /// lives.
    pub fn name_in(value: &str) -> Option<ObjectName> {
        let mut parts = value.split('/');
        let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
        let sound = parts.next().is_none()
            && !kind.is_empty()
            && !name.is_empty()
            && !value.contains(HASH_MARK);
        sound.then(|| ObjectName {
            kind: kind.to_owned(),
            namespace: Some(namespace)
                .filter(|namespace| !namespace.is_empty())
                .map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for ObjectIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tags that say whose a resource is.
pub fn ownership(owner: &str, object: &ObjectIdentity, origin: Origin) -> Tags {
    [
        (OWNER, owner),
        (OBJECT, object.as_str()),
        (ORIGIN, origin.as_str()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// Whether users may set or remove a tag with this key.
pub fn is_reserved(key: &str) -> bool {
    let starts_with = |prefix: &str| {
        key.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    starts_with(AWS_PREFIX) || starts_with(OWN_PREFIX)
}

/// What is wrong with a tag (CHK-51). Its text quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagProblem {
    /// More than fit beside our own.
    #[error("{count} tags, at most {MOST_USER_TAGS} fit beside the operator's three")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// `aws:` or `incident-operator/`.
    #[error("tag key {key} has a reserved prefix ({AWS_PREFIX} or {OWN_PREFIX})")]
    Reserved {
        /// The key, made safe to show.
        key: String,
    },
    /// Length.
    #[error("tag key {key} must have 1 to {LONGEST_KEY} characters")]
    KeyLength {
        /// The key, made safe to show.
        key: String,
    },
    /// Alphabet.
    #[error("tag key {key} may only hold letters, digits and \\ / _ + = -")]
    KeyAlphabet {
        /// The key, made safe to show.
        key: String,
    },
    /// Length.
    #[error("the value of tag {key} must have 1 to {LONGEST_VALUE} characters")]
    ValueLength {
        /// The key, made safe to show.
        key: String,
    },
    /// Alphabet.
    #[error("the value of tag {key} may only hold letters, digits, spaces and _ . : / = + - @")]
    ValueAlphabet {
        /// The key, made safe to show.
        key: String,
    },
}

/// Everything AWS would refuse in `tags`, which are all a user asks for: the provider's default tags and the object's
/// own.
pub fn problems(tags: &Tags) -> Vec<TagProblem> {
    let mut found = Vec::new();
    if tags.len() > MOST_USER_TAGS {
        found.push(TagProblem::TooMany { count: tags.len() });
    }
    for (key, value) in tags {
        if is_reserved(key) {
            found.push(TagProblem::Reserved { key: shown(key) });
        } else if !(1..=LONGEST_KEY).contains(&key.chars().count()) {
            found.push(TagProblem::KeyLength { key: shown(key) });
        } else if !key.bytes().all(in_key) {
            found.push(TagProblem::KeyAlphabet { key: shown(key) });
        }
        if !(1..=LONGEST_VALUE).contains(&value.chars().count()) {
            found.push(TagProblem::ValueLength { key: shown(key) });
        } else if !is_value(value) {
            found.push(TagProblem::ValueAlphabet { key: shown(key) });
        }
    }
    found
}

/// Whether AWS takes `text` as a tag's value, for example as an `ownerId`.
pub fn is_value(text: &str) -> bool {
    /// Compiled only when a value is not plain ASCII: Unicode's tables are large.
    static VALUE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$").ok());
    let long_enough = (1..=LONGEST_VALUE).contains(&text.chars().count());
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b" _.:/=+-@".contains(&b));
    long_enough
        && (plain || !text.is_ascii() && VALUE.as_ref().is_some_and(|value| value.is_match(text)))
}

fn in_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"\\/_+=-".contains(&byte)
}

/// A key as a message may show it. Somebody may have put an address where the key belongs.
fn shown(key: &str) -> String {
    let mut text: String = key
        .chars()
        .take(64)
        .map(|c| {
            if u8::try_from(c).is_ok_and(in_key) || ".:".contains(c) {
                c
            } else {
                '?'
            }
        })
        .collect();
    if text.chars().filter(char::is_ascii_digit).count() >= 6 {
        text = text.replace(|c: char| c.is_ascii_digit(), "?");
    }
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags<const N: usize>(pairs: [(&str, &str); N]) -> Tags {
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    fn texts(tags: &Tags) -> Vec<String> {
        problems(tags).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn our_own_tags_are_what_aws_takes() {
        let object = ObjectIdentity::new("Contact", Some("people"), "alice.b-c");
        let own = ownership("prod-oncall", &object, Origin::Created);
        assert_eq!(own.len(), MOST_TAGS - MOST_USER_TAGS);
        for (key, value) in own {
            assert!(key.bytes().all(in_key) && is_value(&value) && is_reserved(&key));
        }
    }

    #[test]
    fn an_identity_names_its_object() {
        let namespaced = ObjectIdentity::new("Contact", Some("people"), "alice");
        assert_eq!(namespaced.as_str(), "Contact/people/alice");
        assert_eq!(
            ObjectIdentity::name_in(namespaced.as_str()),
            Some(ObjectName {
                kind: "Contact".into(),
                namespace: Some("people".into()),
                name: "alice".into()
            })
        );
        let cluster = ObjectIdentity::new("ReplicationSet", None, "main");
        assert_eq!(cluster.as_str(), "ReplicationSet//main");
        assert_eq!(
            ObjectIdentity::name_in(cluster.as_str()),
            Some(ObjectName {
                kind: "ReplicationSet".into(),
                namespace: None,
                name: "main".into()
            })
        );
    }

    #[test]
    fn a_long_identity_is_hashed_and_names_nobody() {
        let (namespace, name) = ("n".repeat(63), "a".repeat(253));
        let long = ObjectIdentity::new("RotationOverride", Some(&namespace), &name);
        let other = ObjectIdentity::new(
            "RotationOverride",
            Some(&namespace),
            &format!("{}b", "a".repeat(252)),
        );
        assert_eq!(long.as_str().len(), LONGEST_VALUE);
        assert!(is_value(long.as_str()));
        assert_ne!(long, other);
        assert_eq!(
            long,
            ObjectIdentity::new("RotationOverride", Some(&namespace), &name)
        );
        assert_eq!(ObjectIdentity::name_in(long.as_str()), None);
    }

    #[test]
    fn what_is_no_identity_names_nobody() {
        for value in [
            "",
            "alice",
            "Contact/people",
            "Contact/people/a/b",
            "/people/alice",
            "Contact/people/",
        ] {
            assert_eq!(ObjectIdentity::name_in(value), None, "{value}");
        }
    }

    #[test]
    fn good_tags_have_no_problems() {
        let good = tags([
            ("team", "payments"),
            ("a\\/b_c+d=e-f", "Größe 1.0: a/b=c+d-e@f"),
            ("x", "日本\u{3000}語"),
        ]);
        assert_eq!(problems(&good), []);
        let full = (0..MOST_USER_TAGS)
            .map(|n| (format!("key{n}"), "v".repeat(256)))
            .collect();
        assert_eq!(problems(&full), []);
    }

    #[test]
    fn every_limit_has_its_message() {
        let too_many: Tags = (0..=MOST_USER_TAGS)
            .map(|n| (format!("key{n}"), "v".to_owned()))
            .collect();
        assert_eq!(
            texts(&too_many),
            ["48 tags, at most 47 fit beside the operator's three"]
        );
        for (key, value, expected) in [
            (
                "aws:team",
                "v",
                "tag key \"aws:team\" has a reserved prefix (aws: or incident-operator/)",
            ),
            (
                "AWS:team",
                "v",
                "tag key \"AWS:team\" has a reserved prefix (aws: or incident-operator/)",
            ),
            (
                OWNER,
                "v",
                "tag key \"incident-operator/owner\" has a reserved prefix (aws: or incident-operator/)",
            ),
            ("", "v", "tag key \"\" must have 1 to 128 characters"),
            (
                "app.name",
                "v",
                "tag key \"app.name\" may only hold letters, digits and \\ / _ + = -",
            ),
            (
                "tëam",
                "v",
                "tag key \"t?am\" may only hold letters, digits and \\ / _ + = -",
            ),
            (
                "team",
                "",
                "the value of tag \"team\" must have 1 to 256 characters",
            ),
            (
                "team",
                "a\nb",
                "the value of tag \"team\" may only hold letters, digits, spaces and _ . : / = + - @",
            ),
            (
                "team",
                "🙂",
                "the value of tag \"team\" may only hold letters, digits, spaces and _ . : / = + - @",
            ),
        ] {
            assert_eq!(texts(&tags([(key, value)])), [expected]);
        }
        assert_eq!(problems(&tags([(&"k".repeat(129), "v")])).len(), 1);
        assert_eq!(problems(&tags([("k", &"v".repeat(257))])).len(), 1);
    }

    #[test]
    fn no_problem_shows_an_address() {
        let bad = tags([
            ("alice@example.com", "a\n"),
            ("+15005550199 ", ""),
            ("code 123456", "b\n"),
        ]);
        for text in texts(&bad) {
            assert!(
                !text.contains("alice@example.com")
                    && !text.contains("5550199")
                    && !text.contains("123456")
            );
        }
    }

    #[test]
    fn origins_go_by_their_names() {
        for origin in [Origin::Created, Origin::Adopted] {
            assert_eq!(origin.as_str().parse(), Ok(origin));
        }
        assert_eq!("created".parse::<Origin>(), Err(()));
    }
}
