//! One read that many passes share.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CallError, ErrorClass, Operation};

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
    /// `written_at` is when the asker's object was last written, `None` when this process has not written it.
    /// A failure is shared with those who were waiting for that fetch, and is then forgotten; one that only says that
    /// the fetching pass gave way is nobody else's.
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
        self.fetch_unless_usable(written_at, max_age, arrived, fetch)
            .await
    }

    /// The same for a pass that may be told to give way while it waits for somebody else's fetch. Its own fetch is
    /// left to find out by itself.
    pub async fn get_or_give_way<F>(
        &self,
        written_at: Option<Instant>,
        max_age: Duration,
        (operation, give_way): (Operation, &CancellationToken),
        fetch: F,
    ) -> Result<Arc<T>, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let arrived = Instant::now();
        if let Some(found) = self.usable(written_at, max_age, None) {
            return found;
        }
        let turn = tokio::select! {
            biased;
            () = give_way.cancelled() => None,
            turn = self.fetching.lock() => Some(turn),
        };
        let Some(_turn) = turn else {
            return Err(CallError::new(operation, ErrorClass::GaveWay));
        };
        self.fetch_unless_usable(written_at, max_age, arrived, fetch)
            .await
    }

    /// Forgets the result: the next asker fetches.
    pub fn forget(&self) {
        *self.slot() = None;
    }

    async fn fetch_unless_usable<F>(
        &self,
        written_at: Option<Instant>,
        max_age: Duration,
        arrived: Instant,
        fetch: F,
    ) -> Result<Arc<T>, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        if let Some(found) = self.usable(written_at, max_age, Some(arrived)) {
            return found;
        }
        let began = Instant::now();
        let outcome = fetch.await.map(Arc::new);
        *self.slot() = Some(Fetched {
            began,
            ended: Instant::now(),
            outcome: outcome.clone(),
        });
        self.drop_when_stale(began, max_age);
        outcome
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
        let after_arrival = |at: Instant| arrived.is_some_and(|arrived| at > arrived);
        let usable = match &last.outcome {
            Ok(_) => last.began.elapsed() < max_age || after_arrival(last.began),
            Err(error) => after_arrival(last.ended) && error.class != ErrorClass::GaveWay,
        };
        usable.then(|| last.outcome.clone())
    }

    /// Lists are large: none stays for longer than somebody wanted it.
    fn drop_when_stale(&self, began: Instant, max_age: Duration) {
        let last = Arc::downgrade(&self.last);
        tokio::spawn(async move {
            tokio::time::sleep_until(began + max_age).await;
            let Some(last) = last.upgrade() else {
                return;
            };
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.as_ref().is_some_and(|last| last.began == began) {
                *last = None;
            }
        });
    }

    fn slot(&self) -> MutexGuard<'_, Option<Fetched<T>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::{task::JoinSet, time::sleep};

    use super::*;

    const AGE: Duration = Duration::from_mins(1);

    /// Counts fetches; each takes a second and gives its number.
    #[derive(Clone, Default)]
    struct Source {
        list: Arc<SharedList<u32>>,
        fetches: Arc<AtomicU32>,
        failing: Arc<AtomicU32>,
    }

    impl Source {
        async fn fetch(&self) -> Result<u32, CallError> {
            let number = self.fetches.fetch_add(1, Ordering::Relaxed) + 1;
            sleep(Duration::from_secs(1)).await;
            let fail = self
                .failing
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                });
            match fail {
                Ok(_) => Err(CallError::new(
                    Operation::ListContacts,
                    ErrorClass::Transient,
                )),
                Err(_) => Ok(number),
            }
        }

        async fn get(
            &self,
            written_at: Option<Instant>,
            max_age: Duration,
        ) -> Result<u32, CallError> {
            self.list
                .get(written_at, max_age, self.fetch())
                .await
                .map(|value| *value)
        }

        /// This many askers at once.
        async fn crowd(&self, size: usize) -> Vec<Result<u32, CallError>> {
            let mut askers = JoinSet::new();
            for _ in 0..size {
                let source = self.clone();
                askers.spawn(async move { source.get(None, AGE).await });
            }
            askers.join_all().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_shares_one_fetch() {
        let source = Source::default();
        assert!(source.crowd(50).await.iter().all(|got| *got == Ok(1)));
        assert_eq!(source.fetches.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_is_used_up_to_its_age() {
        let source = Source::default();
        assert_eq!(source.get(None, AGE).await, Ok(1));
        sleep(Duration::from_secs(58)).await;
        assert_eq!(source.get(None, AGE).await, Ok(1));
        assert_eq!(source.get(None, Duration::from_secs(30)).await, Ok(2));
        sleep(AGE).await;
        assert_eq!(source.get(None, AGE).await, Ok(3));
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_written_since_the_fetch_began_gets_a_new_one() {
        let source = Source::default();
        let before = Instant::now();
        sleep(Duration::from_millis(10)).await;
        let fetching = tokio::spawn({
            let source = source.clone();
            async move { source.get(None, AGE).await }
        });
        sleep(Duration::from_millis(500)).await;
        let during = Instant::now();
        assert_eq!(source.get(Some(before), AGE).await, Ok(1));
        assert_eq!(source.get(Some(during), AGE).await, Ok(2));
        assert_eq!(source.get(Some(during), AGE).await, Ok(2));
        assert_eq!(fetching.await.unwrap(), Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_age_every_asker_gets_a_fetch_that_began_after_it_asked() {
        let source = Source::default();
        assert_eq!(source.get(None, Duration::ZERO).await, Ok(1));
        assert_eq!(source.get(None, Duration::ZERO).await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_with_who_waited_for_it_and_nobody_else() {
        let source = Source::default();
        source.failing.store(1, Ordering::Relaxed);
        assert!(source.crowd(50).await.iter().all(Result::is_err));
        assert_eq!(source.fetches.load(Ordering::Relaxed), 1);
        assert_eq!(source.get(None, AGE).await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_fetching_pass_is_dropped_the_next_one_fetches() {
        let source = Source::default();
        let dropped = tokio::spawn({
            let source = source.clone();
            async move { source.get(None, AGE).await }
        });
        let waiting = tokio::spawn({
            let source = source.clone();
            async move { source.get(None, AGE).await }
        });
        sleep(Duration::from_millis(500)).await;
        dropped.abort();
        assert_eq!(waiting.await.unwrap(), Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_way_stops_waiting_for_somebody_elses_fetch() {
        let source = Source::default();
        let fetching = tokio::spawn({
            let source = source.clone();
            async move { source.get(None, AGE).await }
        });
        sleep(Duration::from_millis(100)).await;
        let give_way = CancellationToken::new();
        give_way.cancel();
        let how = (Operation::ListContacts, &give_way);
        let answer = source
            .list
            .get_or_give_way(None, AGE, how, source.fetch())
            .await;
        assert_eq!(answer.unwrap_err().class, ErrorClass::GaveWay);
        assert_eq!(fetching.await.unwrap(), Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_result_is_dropped_from_memory() {
        let source = Source::default();
        let held = Arc::downgrade(&source.list.get(None, AGE, source.fetch()).await.unwrap());
        assert!(held.upgrade().is_some());
        sleep(AGE).await;
        assert!(held.upgrade().is_none());
    }
}
