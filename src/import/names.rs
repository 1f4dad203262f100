//! Names of objects from names in AWS: valid, unique, and the same from run to run whatever else there is. Pure.

use uuid::Uuid;

/// Longest name that every kind takes.
const LONGEST: usize = 63;
/// Digits that tell names apart that come out the same.
const DIGITS: usize = 6;

/// The name of the object for what has `alias` in AWS. It depends on the alias alone: an alias that is a valid name is taken as it is, any other
/// is made valid and marked with a few digits of its own.
pub fn object_name(alias: &str) -> String {
    if is_label(alias) {
        return alias.to_owned();
    }
    let mut plain = label(alias);
    plain.truncate(LONGEST - DIGITS - 1);
    let plain = plain.trim_end_matches('-');
    let digits = Uuid::new_v5(&Uuid::NAMESPACE_OID, alias.as_bytes()).simple();
    let digits = &digits.to_string()[..DIGITS];
    if plain.is_empty() {
        format!("x-{digits}")
    } else {
        format!("{plain}-{digits}")
    }
}

/// A namespace from a tag's value or from the beginning of an alias; `None` when nothing of it can stand in one.
pub fn namespace(text: &str) -> Option<String> {
    let mut plain = label(text);
    plain.truncate(LONGEST);
    let plain = plain.trim_end_matches('-');
    (!plain.is_empty()).then(|| plain.to_owned())
}

/// A key of a Secret for each channel name, in order.
pub fn secret_keys<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut keys: Vec<String> = vec![];
    for name in names {
        let plain: String = name
            .chars()
            .map(|c| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => c,
                _ => '-',
            })
            .take(200)
            .collect();
        let plain = if plain.chars().all(|c| c == '-' || c == '.') {
            "channel".to_owned()
        } else {
            plain
        };
        let taken = keys.iter().filter(|k| **k == plain).count();
        keys.push(if taken == 0 {
            plain
        } else {
            format!("{plain}-{}", keys.len() + 1)
        });
    }
    keys
}

fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let outer = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    text.len() <= LONGEST
        && bytes.iter().all(|b| inner(*b))
        && outer(bytes.first())
        && outer(bytes.last())
}

fn label(text: &str) -> String {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .collect();
    plain.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_alias_is_the_name() {
        assert_eq!(object_name("alice"), "alice");
        assert_eq!(object_name("on-call-2"), "on-call-2");
    }

    #[test]
    fn any_other_alias_gets_a_name_of_its_own() {
        let names: Vec<String> = ["a_b", "a-b", "a_b_", "_", "__", &"x".repeat(255)]
            .iter()
            .map(|a| object_name(a))
            .collect();
        for (index, name) in names.iter().enumerate() {
            assert!(is_label(name), "{name}");
            assert!(!names[..index].contains(name), "{names:?}");
        }
        assert_eq!(object_name("a_b"), object_name("a_b"));
    }

    #[test]
    fn a_namespace_is_made_of_what_can_stand_in_one() {
        assert_eq!(namespace("Team Payments").as_deref(), Some("team-payments"));
        assert_eq!(namespace("支払い"), None);
    }

    #[test]
    fn keys_of_a_secret_are_valid_and_unique() {
        let keys = secret_keys(["mail", "mail", "Büro 1", "…"].into_iter());
        assert_eq!(keys, ["mail", "mail-2", "B-ro-1", "channel"]);
    }
}
