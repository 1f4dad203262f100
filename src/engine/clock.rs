//! What time it is: the wall's, or a simulated one that tests move.
//!
//! Credentials, leases and backoff stay on real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A clock. Clones share their offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_milliseconds: Arc<AtomicI64>,
}

impl Clock {
    /// Now.
    pub fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_millis(self.offset_milliseconds.load(Ordering::Relaxed));
        Timestamp::now()
            .checked_add(offset)
            .unwrap_or(Timestamp::MAX)
    }

    /// How long until `at`, on this clock; zero when it has passed.
    pub fn until(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO)
    }

    /// Makes this clock show `now`. Returns whether it jumped by more than a second.
    pub fn set(&self, now: Timestamp) -> bool {
        let offset = i64::try_from(now.duration_since(Timestamp::now()).as_millis()).unwrap_or(0);
        let before = self.offset_milliseconds.swap(offset, Ordering::Relaxed);
        before.abs_diff(offset) > 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_and_small_drift_is_not() {
        let clock = Clock::default();
        let day = SignedDuration::from_hours(24);
        assert!(clock.set(Timestamp::now().checked_add(day).unwrap()));
        assert!(!clock.set(Timestamp::now().checked_add(day).unwrap()));
        assert!(clock.until(Timestamp::now()).is_zero());
    }
}
