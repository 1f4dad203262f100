//! Named points between two writes at which the process can be made to die, for the crash tests.
//!
//! Off unless the hidden environment variable `INCIDENT_OPERATOR_FAIL_POINT` names one (`name` or `name:nth`).

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

struct Armed {
    name: String,
    left: AtomicU64,
}

static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
    let value = std::env::var("INCIDENT_OPERATOR_FAIL_POINT").ok()?;
    let (name, nth) = value
        .split_once(':')
        .map_or((value.as_str(), 1), |(name, nth)| {
            (name, nth.parse().unwrap_or(1))
        });
    Some(Armed {
        name: name.to_owned(),
        left: AtomicU64::new(nth),
    })
});

/// Dies here when told to, as abruptly as `kill -9`.
pub fn fail_point(name: &str) {
    tracing::trace!(fail_point = name);
    if let Some(armed) = ARMED.as_ref()
        && armed.name == name
        && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        std::process::abort();
    }
}
