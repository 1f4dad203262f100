//! Which object has just gone on with which override of AWS. It stands in every status a moment later; until every watch has seen that, two
//! objects of the same content must not take the same one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Watches have seen the status of the first one after this long.
const SEEN_AFTER: Duration = Duration::from_mins(1);

/// By id of the override: the object, and when.
#[derive(Debug, Default)]
pub struct Claims(Mutex<HashMap<String, (String, Instant)>>);

impl Claims {
    /// Whether `object` may take the override `id`; if so, nobody else may for a while.
    pub fn take(&self, id: &str, object: &str) -> bool {
        let now = Instant::now();
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|_, (_, since)| now.duration_since(*since) < SEEN_AFTER);
        let (holder, _) = claims
            .entry(id.to_owned())
            .or_insert_with(|| (object.to_owned(), now));
        holder == object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_has_it_until_its_status_is_seen() {
        let claims = Claims::default();
        assert!(claims.take("one", "a") && claims.take("one", "a"));
        assert!(!claims.take("one", "b") && claims.take("two", "b"));
        tokio::time::advance(SEEN_AFTER).await;
        assert!(claims.take("one", "b") && !claims.take("one", "a"));
    }
}
