//! One budget: its bucket, who waits for it, and the task that hands out tokens while somebody does.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{BucketState, BudgetGroup, GaveWay, Priority, bucket::Bucket, queue::Queue};

pub(super) struct Budget {
    state: Mutex<State>,
    /// The next token comes sooner, or nobody waits for it any more.
    changed: Notify,
}

struct State {
    bucket: Bucket,
    queue: Queue<oneshot::Sender<()>>,
    /// Whether a task hands out tokens.
    handing_out: bool,
}

impl Budget {
    pub(super) fn new(ceiling: f64) -> Self {
        let bucket = Bucket::new(ceiling, Instant::now());
        Self {
            state: Mutex::new(State {
                bucket,
                queue: Queue::default(),
                handing_out: false,
            }),
            changed: Notify::new(),
        }
    }

    /// Takes a token at once when nobody waits and one is there, else queues for it.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        priority: Priority,
        give_way: &CancellationToken,
    ) -> Result<(), GaveWay> {
        if give_way.is_cancelled() {
            return Err(GaveWay);
        }
        let Some(mut place) = self.take_or_queue(priority) else {
            return Ok(());
        };
        tokio::select! {
            biased;
            () = give_way.cancelled() => Err(GaveWay),
            granted = &mut place.granted => {
                place.used = granted.is_ok();
                granted.map_err(|_| GaveWay)
            }
        }
    }

    pub(super) fn set_ceiling(&self, ceiling: f64) {
        self.lock().bucket.set_ceiling(ceiling, Instant::now());
        self.changed.notify_one();
    }

    pub(super) fn penalise(&self, retry_after: Option<Duration>) {
        // Whoever hands out tokens finds the pause when it wakes up.
        self.lock().bucket.penalise(retry_after, Instant::now());
    }

    pub(super) fn state(&self, group: BudgetGroup) -> BucketState {
        let state = self.lock();
        BucketState {
            group,
            per_second: state.bucket.ceiling(),
            throttled: state.bucket.throttled_recently(Instant::now()),
        }
    }

    fn take_or_queue(self: &Arc<Self>, priority: Priority) -> Option<Place> {
        let mut state = self.lock();
        if state.queue.is_empty() && state.bucket.take(Instant::now()) {
            return None;
        }
        let (grant, granted) = oneshot::channel();
        let arrival = state.queue.push(priority, grant);
        if !state.handing_out {
            state.handing_out = true;
            tokio::spawn(Arc::clone(self).hand_out());
        }
        Some(Place {
            budget: Arc::clone(self),
            priority,
            arrival,
            granted,
            used: false,
        })
    }

    /// Hands out tokens as they come until nobody waits.
    async fn hand_out(self: Arc<Self>) {
        while let Some(next) = self.hand_out_what_is_there() {
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Answers when the next token comes, or `None` when nobody waits for it.
    fn hand_out_what_is_there(&self) -> Option<Instant> {
        let mut state = self.lock();
        let now = Instant::now();
        loop {
            if state.queue.is_empty() {
                state.handing_out = false;
                return None;
            }
            if !state.bucket.take(now) {
                return Some(state.bucket.ready_at(now));
            }
            // Waiters leave the queue under this lock, so one that is popped is still there to be granted.
            if state
                .queue
                .pop()
                .is_none_or(|grant| grant.send(()).is_err())
            {
                state.bucket.give_back();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue. Dropped before its turn, it leaves the queue; dropped between its turn and the use of it, it
/// gives the token back.
struct Place {
    budget: Arc<Budget>,
    priority: Priority,
    arrival: u64,
    granted: oneshot::Receiver<()>,
    used: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        let mut state = self.budget.lock();
        if state.queue.remove(self.priority, self.arrival).is_none() {
            state.bucket.give_back();
        }
        drop(state);
        self.budget.changed.notify_one();
    }
}
