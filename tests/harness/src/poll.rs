//! Bounded waiting.

use std::time::Duration;

use tokio::time::Instant;

/// A duration in seconds.
pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What a polled condition may answer: a bool, an option, or a result whose error says what is still missing.
pub trait Answer {
    /// What is handed out once the condition holds.
    type Value;
    /// The value, or what is still missing.
    fn settle(self) -> Result<Self::Value, String>;
}

impl Answer for bool {
    type Value = ();
    fn settle(self) -> Result<(), String> {
        if self {
            Ok(())
        } else {
            Err("not yet".to_owned())
        }
    }
}

impl<T> Answer for Option<T> {
    type Value = T;
    fn settle(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing yet".to_owned())
    }
}

impl<T, E: std::fmt::Display> Answer for Result<T, E> {
    type Value = T;
    fn settle(self) -> Result<T, String> {
        // The alternate form of an anyhow error has its causes too.
        self.map_err(|error| format!("{error:#}"))
    }
}

/// Asks until the answer is yes or the time is up; the error says what was missing last.
pub async fn poll<A: Answer>(
    timeout: Duration,
    mut ask: impl AsyncFnMut() -> A,
) -> Result<A::Value, String> {
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(10);
    loop {
        let missing = match ask().await.settle() {
            Ok(value) => return Ok(value),
            Err(missing) => missing,
        };
        if Instant::now() >= deadline {
            return Err(missing);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_millis(200));
    }
}

/// [`poll`] for tests: panics when the time is up.
pub async fn eventually<A: Answer>(
    what: &str,
    timeout: Duration,
    ask: impl AsyncFnMut() -> A,
) -> A::Value {
    match poll(timeout, ask).await {
        Ok(value) => value,
        Err(missing) => panic!("after {timeout:?} still not so: {what}\n{missing}"),
    }
}
