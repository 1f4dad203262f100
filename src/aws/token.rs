//! Idempotency tokens that a restarted process works out again. No I/O.

use uuid::Uuid;

/// Where the operator's own UUIDs live. Changing it would make AWS see every create in flight as a new one.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f1e_6c3a_52d4_5b07_9a6e_0d4c_7b21_f3e8);

/// The token of one create: the same for the same arguments, different for any others.
///
/// `uid` keeps an object that was deleted and made again apart from its predecessor, whose token AWS may still answer
/// with the resource that is gone. `slot` says which of an object's AWS resources is meant. `epoch` rises only after
/// AWS has confirmed the creation or the absence of a resource, so that a create whose answer was lost is repeated
/// under its old token.
pub fn idempotency_token(owner: &str, object: &str, uid: &str, slot: &str, epoch: u64) -> String {
    derived([owner, object, uid, slot, &epoch.to_string()]).to_string()
}

/// A UUID worked out from `parts`, of which none can run into the next.
pub fn derived<const N: usize>(parts: [&str; N]) -> Uuid {
    let mut name = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    Uuid::new_v5(&NAMESPACE, &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_create_has_the_same_token_for_ever() {
        let token = idempotency_token("prod", "Contact/people/alice", "1", "contact", 0);
        let again = idempotency_token("prod", "Contact/people/alice", "1", "contact", 0);
        assert_eq!(token, again);
        // A literal: a new release must repeat the tokens of the old one.
        assert_eq!(token, "97f203dc-fdb3-52c8-850f-0fa0b44bcd31");
    }

    #[test]
    fn every_part_counts() {
        let tokens = [
            idempotency_token("prod", "Contact/people/alice", "1", "contact", 0),
            idempotency_token("test", "Contact/people/alice", "1", "contact", 0),
            idempotency_token("prod", "Contact/people/bob", "1", "contact", 0),
            idempotency_token("prod", "Contact/people/alice", "2", "contact", 0),
            idempotency_token("prod", "Contact/people/alice", "1", "channel/mobile", 0),
            idempotency_token("prod", "Contact/people/alice", "1", "contact", 1),
        ];
        for (at, token) in tokens.iter().enumerate() {
            assert!(!tokens[..at].contains(token));
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let one = idempotency_token("ab", "c", "", "", 0);
        assert_ne!(one, idempotency_token("a", "bc", "", "", 0));
    }

    #[test]
    fn a_token_fits_both_services() {
        let token = idempotency_token("prod", "Contact/people/alice", "1", "contact", u64::MAX);
        assert!(token.len() <= 128 && token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    }
}
