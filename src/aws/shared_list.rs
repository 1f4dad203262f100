//! One read that many passes share.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::CallError;

/// The last result of one read, for example of a list call in one account and Region.
///
/// Only one fetch runs at a time; who comes meanwhile waits for it. A result is used only up to an age, and only for
/// objects that have not been written since its fetch began.
pub struct SharedList<T> {
    fetching: tokio::sync::Mutex<()>,
    last: Arc<Mutex<Option<Fetched<T>>>>,
}

struct Fetched<T> {
    began: Instant,
    ended: Instant,
    outcome: Result<Arc<T>, CallError>,
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        Self {
            fetching: tokio::sync::Mutex::new(()),
            last: Arc::new(Mutex::new(None)),
        }
    }
}

impl<T> fmt::Debug for SharedList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedList").finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> SharedList<T> {
    /// The result of a fetch that began after `written_at` and at most `max_age` ago; fetches when there is none.
    ///
    /// `written_at` is when the asker's object was last written, `None` when it has not been in this process.
    /// A failure is shared with those who were waiting for that fetch, and forgotten.
    pub async fn get<F>(
        &self,
        written_at: Option<Instant>,
        max_age: Duration,
        fetch: F,
    ) -> Result<Arc<T>, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let arrived = Instant::now();
        if let Some(found) = self.usable(written_at, max_age, None) {
            return found;
        }
        let _turn = self.fetching.lock().await;
        if let Some(found) = self.usable(written_at, max_age, Some(arrived)) {
            return found;
        }
        let began = Instant::now();
        let outcome = fetch.await.map(Arc::new);
        let ended = Instant::now();
        *self.slot() = Some(Fetched {
            began,
            ended,
            outcome: outcome.clone(),
        });
        self.drop_when_stale(began, max_age);
        outcome
    }

    /// Forgets the result: the next asker fetches.
    pub fn forget(&self) {
        *self.slot() = None;
    }

    /// The last outcome, if an asker may have it. `arrived` is when the asker began to wait for a fetch.
    fn usable(
        &self,
        written_at: Option<Instant>,
        max_age: Duration,
        arrived: Option<Instant>,
    ) -> Option<Result<Arc<T>, CallError>> {
        let last = self.slot();
        let last = last.as_ref()?;
        if written_at.is_some_and(|written| last.began <= written) {
            return None;
        }
        let awaited = |at: Instant| arrived.is_some_and(|arrived| at >= arrived);
        let usable = match &last.outcome {
            Ok(_) => last.began.elapsed() <= max_age || awaited(last.began),
            Err(_) => awaited(last.ended),
        };
        usable.then(|| last.outcome.clone())
    }

    /// Lists are large: nothing stays longer than somebody wanted it.
    fn drop_when_stale(&self, began: Instant, max_age: Duration) {
        let last = Arc::downgrade(&self.last);
        tokio::spawn(async move {
            tokio::time::sleep_until(began + max_age).await;
            if let Some(last) = last.upgrade() {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.as_ref().is_some_and(|last| last.began == began) {
                    *last = None;
                }
            }
        });
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Fetched<T>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
