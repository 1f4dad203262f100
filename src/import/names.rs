//! Names of objects from names in AWS: valid, unique, and the same from run to run whatever else there is. Pure.

use jiff::Timestamp;
use uuid::Uuid;

/// Longest name that every kind takes.
const LONGEST: usize = 63;
/// Digits that tell names apart that come out the same.
const DIGITS: usize = 8;

/// The name of the object for what has `alias` in AWS. It depends on the alias alone: an alias that is a valid name is taken as it is, any other
/// is made valid and marked with a few digits of its own.
pub fn object_name(alias: &str) -> String {
    if is_label(alias) {
        return alias.to_owned();
    }
    marked(&label(alias), alias)
}

/// The name of the object for the override with this id of a schedule.
pub fn override_name(schedule: &str, start: Timestamp, id: &str) -> String {
    let day = start.strftime("%Y%m%d").to_string();
    let mut plain = label(schedule);
    plain.truncate(LONGEST - DIGITS - day.len() - 2);
    marked(&format!("{}-{day}", plain.trim_end_matches('-')), id)
}

/// `plain`, as much of it as there is room for, and some digits that stand for `whole`.
fn marked(plain: &str, whole: &str) -> String {
    let mut plain = plain.to_owned();
    plain.truncate(LONGEST - DIGITS - 1);
    let plain = plain.trim_end_matches('-');
    let digits = Uuid::new_v5(&Uuid::NAMESPACE_OID, whole.as_bytes()).simple();
    let digits = &digits.to_string()[..DIGITS];
    if plain.is_empty() {
        format!("x-{digits}")
    } else {
        format!("{plain}-{digits}")
    }
}

/// A namespace from a tag's value or from the beginning of an alias; `None` when nothing of it can stand in one, or when it would be one of
/// Kubernetes's own.
pub fn namespace(text: &str) -> Option<String> {
    let mut plain = label(text);
    plain.truncate(LONGEST);
    let plain = plain.trim_end_matches('-');
    (!plain.is_empty() && !plain.starts_with("kube-")).then(|| plain.to_owned())
}

/// A key of a Secret for each channel name, in order. A name gives the same key whatever the other channels are, unless two give the same.
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
        let exact = plain == name && !plain.chars().all(|c| matches!(c, '-' | '.'));
        let key = if exact {
            plain
        } else {
            let plain = plain.trim_matches(['-', '.']);
            let plain = if plain.is_empty() { "channel" } else { plain };
            let digits = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).simple();
            format!("{plain}-{}", &digits.to_string()[..DIGITS])
        };
        let taken = keys.contains(&key);
        keys.push(if taken {
            format!("{key}-{}", keys.len() + 1)
        } else {
            key
        });
    }
    keys
}

/// Whether `text` is a name that every kind and a namespace takes.
pub fn is_label(text: &str) -> bool {
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
        let long = ["x".repeat(255), "x".repeat(254), "x".repeat(64)];
        let odd = ["a_b", "a-b", "a_b_", "_a_b", "_", "__", "-", "a__b"];
        let names: Vec<String> = odd
            .into_iter()
            .chain(long.iter().map(String::as_str))
            .map(object_name)
            .collect();
        for (index, name) in names.iter().enumerate() {
            assert!(is_label(name), "{name}");
            assert!(!names[..index].contains(name), "{names:?}");
        }
        assert_eq!(object_name("a_b"), object_name("a_b"));
    }

    #[test]
    fn an_override_is_named_after_its_schedule_and_day() {
        let start: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let name = override_name("pay_ments", start, "one");
        assert!(name.starts_with("pay-ments-20261124-"), "{name}");
        assert_ne!(name, override_name("pay_ments", start, "other"));
        for schedule in ["x".repeat(255), format!("{}_y", "x".repeat(43))] {
            let name = override_name(&schedule, start, "one");
            assert!(
                is_label(&name) && name.contains("20261124") && !name.contains("--"),
                "{name}"
            );
        }
    }

    #[test]
    fn a_namespace_is_made_of_what_can_stand_in_one() {
        assert_eq!(namespace("Team Payments").as_deref(), Some("team-payments"));
        assert_eq!(namespace("支払い"), None);
        assert_eq!(namespace("kube-system"), None);
        assert_eq!(namespace("Kube System"), None);
    }

    #[test]
    fn keys_of_a_secret_are_valid_and_unique() {
        let names = ["mail", "mail", "Büro 1", "…", "Handy Алиса"];
        let keys = secret_keys(names.into_iter());
        assert_eq!(keys[..2], ["mail", "mail-2"]);
        for (index, key) in keys.iter().enumerate() {
            let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            assert!(key.chars().all(valid), "{key}");
            assert!(!keys[..index].contains(key), "{keys:?}");
        }
        // Another channel beside it changes nothing.
        assert_eq!(secret_keys(["Büro 1"].into_iter()), keys[2..3]);
    }
}
