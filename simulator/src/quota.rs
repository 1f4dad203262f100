//! Budgets per operation or group of operations, account and Region: token buckets in real time.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use crate::lock::lock;

/// How the budgets are set.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaSettings {
    /// Whether the published rates are enforced at all.
    pub enforced: bool,
    /// What the published rates are multiplied with.
    pub multiplier: f64,
    /// Calls that a rested bucket holds; absent holds one second's worth.
    pub burst: Option<u32>,
}

impl Default for QuotaSettings {
    fn default() -> Self {
        Self {
            enforced: false,
            multiplier: 1.0,
            burst: None,
        }
    }
}

#[derive(Hash, PartialEq, Eq)]
struct Key {
    account: String,
    region: String,
    service: &'static str,
    budget: &'static str,
}

struct Bucket {
    tokens: f64,
    filled: Instant,
}

struct Inner {
    settings: QuotaSettings,
    buckets: HashMap<Key, Bucket>,
}

/// All buckets.
pub struct Quotas {
    inner: Mutex<Inner>,
}

impl Quotas {
    /// Full buckets.
    pub fn new(settings: QuotaSettings) -> Self {
        Self {
            inner: Mutex::new(Inner {
                settings,
                buckets: HashMap::new(),
            }),
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> QuotaSettings {
        lock(&self.inner).settings.clone()
    }

    /// New settings; every bucket starts full again.
    pub fn set(&self, settings: QuotaSettings) {
        let mut inner = lock(&self.inner);
        inner.settings = settings;
        inner.buckets.clear();
    }

    /// Takes a token, or says after how many seconds there will be one.
    pub fn take(
        &self,
        account: &str,
        region: &str,
        service: &'static str,
        budget: &'static str,
        per_second: Option<f64>,
    ) -> Result<(), u64> {
        self.take_at(account, region, service, budget, per_second, Instant::now())
    }

    fn take_at(
        &self,
        account: &str,
        region: &str,
        service: &'static str,
        budget: &'static str,
        per_second: Option<f64>,
        now: Instant,
    ) -> Result<(), u64> {
        let mut inner = lock(&self.inner);
        let Some(published) = per_second.filter(|_| inner.settings.enforced) else {
            return Ok(());
        };
        let rate = published * inner.settings.multiplier;
        let capacity = inner
            .settings
            .burst
            .map_or_else(|| rate.max(1.0), |burst| f64::from(burst.max(1)));
        let bucket = inner
            .buckets
            .entry(Key {
                account: account.to_owned(),
                region: region.to_owned(),
                service,
                budget,
            })
            .or_insert(Bucket {
                tokens: capacity,
                filled: now,
            });
        let elapsed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = elapsed.mul_add(rate, bucket.tokens).min(capacity);
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            Ok(())
        } else {
            Err(whole_seconds((1.0 - bucket.tokens) / rate))
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded to a day and positive"
)]
fn whole_seconds(seconds: f64) -> u64 {
    seconds.ceil().clamp(1.0, 86_400.0) as u64
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{QuotaSettings, Quotas};

    #[test]
    fn a_bucket_refills_at_its_rate_and_per_key() {
        let quotas = Quotas::new(QuotaSettings {
            enforced: true,
            multiplier: 1.0,
            burst: Some(2),
        });
        let start = Instant::now();
        let take = |account: &str, operation, at: u64| {
            quotas.take_at(
                account,
                "us-east-1",
                "ssm-contacts",
                operation,
                Some(1.0),
                start + Duration::from_millis(at),
            )
        };
        assert_eq!(take("1", "CreateContact", 0), Ok(()));
        assert_eq!(take("1", "CreateContact", 0), Ok(()));
        assert_eq!(take("1", "CreateContact", 100), Err(1));
        assert_eq!(take("1", "DeleteContact", 100), Ok(()));
        assert_eq!(take("2", "CreateContact", 100), Ok(()));
        assert_eq!(take("1", "CreateContact", 1001), Ok(()));
        assert_eq!(take("1", "CreateContact", 1002), Err(1));
    }

    #[test]
    fn without_a_burst_one_second_fits() {
        let quotas = Quotas::new(QuotaSettings {
            enforced: true,
            multiplier: 3.0,
            burst: None,
        });
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(quotas.take_at("1", "r", "s", "o", Some(1.0), now), Ok(()));
        }
        assert_eq!(quotas.take_at("1", "r", "s", "o", Some(1.0), now), Err(1));
        assert_eq!(quotas.take_at("1", "r", "s", "o", None, now), Ok(()));
    }
}
