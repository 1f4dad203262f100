//! A token bucket that slows down when AWS throttles and recovers by itself. Time is given, nothing waits here.

use std::time::Duration;

use tokio::time::Instant;

/// From this rate on nothing is counted: the limiter costs a lock and no timer.
const UNLIMITED: f64 = 10_000.0;
/// The slowest that can be asked for.
const SLOWEST: f64 = 0.001;
/// How much may go out at once after a quiet time: this many seconds' worth, but at least one call.
const BURST_SECONDS: f64 = 0.1;
/// Time in which a rate comes back from nothing to its ceiling.
const RECOVERY_SECONDS: f64 = 60.0;
/// A throttled rate never falls below this part of its ceiling.
const FLOOR: f64 = 1.0 / 16.0;
/// Where an unlimited rate starts over, and how long it takes to double.
const UNLIMITED_RESTART: f64 = 50.0;
const UNLIMITED_DOUBLING_SECONDS: f64 = 5.0;
/// Throttled answers within this time of a slowdown belong to calls that were already on their way.
const SAME_INCIDENT: Duration = Duration::from_secs(1);
/// For how long a throttled answer shows in a status.
const RECENT: Duration = Duration::from_mins(5);
/// Rounding must not cost a token.
const NEARLY: f64 = 1e-6;

#[derive(Debug)]
pub(super) struct Bucket {
    /// Calls a second as configured.
    ceiling: f64,
    /// Calls a second for now.
    rate: f64,
    tokens: f64,
    /// Up to when tokens are counted. In the future while paused.
    counted: Instant,
    slowed: Option<Instant>,
    throttled: Option<Instant>,
}

impl Bucket {
    pub(super) fn new(ceiling: f64, now: Instant) -> Self {
        let ceiling = usable(ceiling);
        Self {
            ceiling,
            rate: ceiling,
            tokens: burst(ceiling),
            counted: now,
            slowed: None,
            throttled: None,
        }
    }

    pub(super) fn ceiling(&self) -> f64 {
        self.ceiling
    }

    pub(super) fn set_ceiling(&mut self, ceiling: f64, now: Instant) {
        let ceiling = usable(ceiling);
        if same(ceiling, self.ceiling) {
            return;
        }
        self.count(now);
        let slowed = self.rate < self.ceiling;
        self.rate = if slowed {
            self.rate.min(ceiling)
        } else {
            ceiling
        };
        self.tokens = self.tokens.min(burst(self.rate));
        self.ceiling = ceiling;
    }

    /// Takes a token if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.count(now);
        if self.counted > now {
            return false;
        }
        if self.rate >= UNLIMITED {
            return true;
        }
        let there = self.tokens >= 1.0 - NEARLY;
        if there {
            self.tokens = (self.tokens - 1.0).max(0.0);
        }
        there
    }

    /// When the next token is there.
    pub(super) fn ready_at(&mut self, now: Instant) -> Instant {
        self.count(now);
        let missing = (1.0 - self.tokens).max(0.0);
        self.counted.max(now) + Duration::from_secs_f64(missing / self.rate)
    }

    /// Gives back a token that was taken and not used.
    pub(super) fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(burst(self.rate));
    }

    /// AWS throttled a call: nothing more until it may be tried again, and slower from then on.
    pub(super) fn penalise(&mut self, retry_after: Option<Duration>, now: Instant) {
        self.count(now);
        self.throttled = Some(now);
        if self
            .slowed
            .is_none_or(|slowed| now.duration_since(slowed) >= SAME_INCIDENT)
        {
            self.rate = if self.rate >= UNLIMITED {
                UNLIMITED_RESTART
            } else {
                (self.rate / 2.0).max(self.ceiling.min(UNLIMITED) * FLOOR)
            };
            self.slowed = Some(now);
        }
        let pause = retry_after
            .unwrap_or_else(|| Duration::from_secs_f64((1.0 / self.rate).clamp(0.2, 5.0)));
        self.counted = self.counted.max(now + pause);
        // One call may try when the pause ends.
        self.tokens = 1.0;
    }

    pub(super) fn throttled_recently(&self, now: Instant) -> bool {
        self.throttled
            .is_some_and(|at| now.duration_since(at) < RECENT)
    }

    fn count(&mut self, now: Instant) {
        let Some(passed) = now.checked_duration_since(self.counted) else {
            return;
        };
        let seconds = passed.as_secs_f64();
        self.counted = now;
        self.tokens = (self.tokens + self.rate * seconds).min(burst(self.rate));
        if self.rate < self.ceiling {
            let recovered = if self.ceiling >= UNLIMITED {
                self.rate * (seconds / UNLIMITED_DOUBLING_SECONDS).exp2()
            } else {
                self.rate + self.ceiling * seconds / RECOVERY_SECONDS
            };
            self.rate = if recovered >= UNLIMITED {
                self.ceiling
            } else {
                recovered.min(self.ceiling)
            };
        }
    }
}

fn burst(rate: f64) -> f64 {
    (rate * BURST_SECONDS).max(1.0)
}

/// Whatever was configured, as a rate one can divide by.
fn usable(rate: f64) -> f64 {
    if rate.is_nan() {
        SLOWEST
    } else {
        rate.clamp(SLOWEST, UNLIMITED)
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < f64::EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: f64) -> Instant {
        start + Duration::from_secs_f64(seconds)
    }

    /// How many tokens can be taken in `seconds`, asking every millisecond.
    fn taken(bucket: &mut Bucket, start: Instant, seconds: u32) -> usize {
        (0..seconds * 1000)
            .filter(|ms| bucket.take(start + Duration::from_millis((*ms).into())))
            .count()
    }

    #[test]
    fn the_rate_is_kept_over_time_and_the_burst_is_a_tenth_of_a_second() {
        let now = Instant::now();
        assert_eq!(taken(&mut Bucket::new(1.0, now), now, 10), 10);
        assert_eq!(taken(&mut Bucket::new(50.0, now), now, 10), 504);
        let mut fast = Bucket::new(1000.0, now);
        let later = after(now, 60.0);
        assert_eq!((0..1000).filter(|_| fast.take(later)).count(), 100);
    }

    #[test]
    fn the_next_token_is_there_when_it_was_announced() {
        let now = Instant::now();
        let mut bucket = Bucket::new(3.0, now);
        assert!(bucket.take(now));
        for _ in 0..1000 {
            let ready = bucket.ready_at(now);
            assert!(!bucket.take(ready - Duration::from_millis(1)));
            assert!(bucket.take(ready));
        }
    }

    #[test]
    fn nothing_goes_out_before_the_time_aws_asked_for_and_then_one_call() {
        let now = Instant::now();
        let mut bucket = Bucket::new(1000.0, now);
        bucket.penalise(Some(Duration::from_secs(7)), now);
        assert!(!bucket.take(after(now, 6.999)));
        assert_eq!(bucket.ready_at(after(now, 1.0)), after(now, 7.0));
        assert!(bucket.take(after(now, 7.0)));
        assert!(!bucket.take(after(now, 7.0)));
    }

    #[test]
    fn throttled_answers_of_one_moment_halve_the_rate_once() {
        let now = Instant::now();
        let mut bucket = Bucket::new(100.0, now);
        for _ in 0..32 {
            bucket.penalise(None, now);
        }
        assert!(same(bucket.rate, 50.0));
        bucket.penalise(None, after(now, 1.5));
        assert!(bucket.rate < 30.0);
    }

    #[test]
    fn a_slowed_rate_recovers_within_a_minute_and_never_falls_to_nothing() {
        let now = Instant::now();
        let mut bucket = Bucket::new(16.0, now);
        for seconds in 0..20 {
            bucket.penalise(None, after(now, f64::from(seconds) * 1.1));
        }
        assert!(bucket.rate >= 1.0);
        bucket.count(after(now, 90.0));
        assert!(same(bucket.rate, 16.0));
    }

    #[test]
    fn an_unlimited_rate_counts_nothing_until_it_is_throttled() {
        let now = Instant::now();
        let mut bucket = Bucket::new(f64::INFINITY, now);
        assert!((0..100_000).all(|_| bucket.take(now)));
        bucket.penalise(None, now);
        assert!(!bucket.take(now));
        assert!(taken(&mut bucket, now, 2) < 150);
        assert!(bucket.take(after(now, 60.0)));
        assert!((0..100_000).all(|_| bucket.take(after(now, 60.0))));
    }

    #[test]
    fn a_new_ceiling_holds_at_once_and_the_same_one_changes_nothing() {
        let now = Instant::now();
        let mut bucket = Bucket::new(100.0, now);
        bucket.penalise(None, now);
        bucket.set_ceiling(100.0, now);
        assert!(same(bucket.rate, 50.0));
        bucket.set_ceiling(10.0, now);
        assert!(same(bucket.rate, 10.0));
        bucket.set_ceiling(1000.0, after(now, 1.0));
        assert!(same(bucket.rate, 1000.0));
    }

    #[test]
    fn senseless_rates_are_made_usable() {
        let now = Instant::now();
        for rate in [f64::NAN, 0.0, -1.0, f64::NEG_INFINITY] {
            assert!(same(Bucket::new(rate, now).ceiling, SLOWEST));
        }
    }

    #[test]
    fn throttling_shows_for_some_minutes() {
        let now = Instant::now();
        let mut bucket = Bucket::new(1.0, now);
        assert!(!bucket.throttled_recently(now));
        bucket.penalise(None, now);
        assert!(bucket.throttled_recently(after(now, 299.0)));
        assert!(!bucket.throttled_recently(after(now, 301.0)));
    }
}
