//! Simulated time: real time plus an offset that tests move.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use serde_json::Value;

/// Milliseconds since the epoch, simulated.
pub type Millis = i64;

/// The clock all timestamps and delays of state follow.
#[derive(Default)]
pub struct Clock {
    offset: AtomicI64,
}

impl Clock {
    /// The simulated time.
    pub fn now(&self) -> Millis {
        real_now() + self.offset()
    }

    /// By how much simulated time is ahead of real time, in milliseconds.
    pub fn offset(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// Sets the offset in milliseconds.
    pub fn set_offset(&self, offset: i64) {
        self.offset.store(offset, Ordering::Relaxed);
    }
}

/// Real time in milliseconds since the epoch.
pub fn real_now() -> Millis {
    Timestamp::now().as_millisecond()
}

/// As AWS JSON protocols put a timestamp on the wire: seconds since the epoch, with a fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of this millennium fit into 53 bits"
)]
pub fn epoch_seconds(millis: Millis) -> Value {
    Value::from(millis as f64 / 1000.0)
}

/// The instant a timestamp of the wire stands for.
#[expect(
    clippy::cast_possible_truncation,
    reason = "timestamps on the wire were checked to be within the calendar"
)]
pub fn from_epoch_seconds(value: &Value) -> Option<Millis> {
    value
        .as_f64()
        .map(|seconds| (seconds * 1000.0).round() as Millis)
}

/// RFC 3339, for the control endpoint and XML.
pub fn rfc3339(millis: Millis) -> String {
    Timestamp::from_millisecond(millis)
        .map_or_else(|_| millis.to_string(), |timestamp| timestamp.to_string())
}
