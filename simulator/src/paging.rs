//! Opaque pagination tokens: hexadecimal, so that they fit every service's pattern.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A token that goes on after `key` in the list that `binding` stands for.
pub fn seal(binding: &str, key: &str) -> String {
    let mut token = format!("{:016x}", checksum(binding, key));
    for byte in key.bytes() {
        let _ = write!(token, "{byte:02x}");
    }
    token
}

/// The key of a token, if it belongs to the list.
pub fn open(binding: &str, token: &str) -> Option<String> {
    let (sum, key) = token.split_at_checked(16)?;
    if !key.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> = (0..key.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(key.get(at..at + 2)?, 16).ok())
        .collect();
    let key = String::from_utf8(bytes?).ok()?;
    (sum == format!("{:016x}", checksum(binding, &key))).then_some(key)
}

fn checksum(binding: &str, key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (binding, key).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{open, seal};

    #[test]
    fn a_token_belongs_to_its_list() {
        let token = seal("a", "kéy");
        assert_eq!(open("a", &token).as_deref(), Some("kéy"));
        assert_eq!(open("b", &token), None);
        assert_eq!(open("a", "zz"), None);
        assert_eq!(open("a", "ünïcödeünïcödeünïcöde"), None);
    }
}
