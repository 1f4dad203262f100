//! One queue for all kinds: which object gets a pass next.
//!
//! kube's `Controller` knows no priorities and runs its backlog in no order, so passes are queued here. A key is queued once; waking it again
//! moves it forward. A pass of the lowest priority that is waiting is told to give way when its object is woken with a higher one.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::aws::Priority;

/// An object by kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Kind, as in `Contact`.
    pub kind: &'static str,
    /// Namespace; `None` for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectKey {
    /// `Kind/namespace/name`, the form that the object's AWS tag has.
    pub fn identity(&self) -> String {
        format!(
            "{}/{}/{}",
            self.kind,
            self.namespace.as_deref().unwrap_or_default(),
            self.name
        )
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// What a running pass is given.
#[derive(Clone, Debug)]
pub struct Pass {
    /// How urgent it is; goes with every token it asks the limiter for.
    pub priority: Priority,
    /// Cancelled when something more urgent came up for the same object while this pass is a drift check.
    pub give_way: CancellationToken,
}

/// When the object is to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// Only when something changes.
    OnChange,
    /// After this time, as a drift check.
    Drift(Duration),
    /// After this time, because time alone changes the status then: as urgent as an edit.
    Edge(Duration),
    /// After this time, as urgent as the pass that failed.
    Retry(Duration),
    /// Now, as urgent as whatever interrupted the pass.
    Interrupted,
}

/// Runs passes of one kind.
pub trait Runner: Send + Sync + 'static {
    /// One pass over one object.
    fn run(&self, key: ObjectKey, pass: Pass) -> BoxFuture<'_, Requeue>;
}

const PRIORITIES: [Priority; 4] = [
    Priority::Urgent,
    Priority::Edit,
    Priority::Create,
    Priority::Drift,
];
/// One start in so many goes to the lowest priority that waits, so that nothing starves (product: Reconciling).
const LOWEST_GETS_ONE_IN: u64 = 10;

#[derive(Debug)]
enum State {
    Ready {
        priority: Priority,
        sequence: u64,
    },
    Delayed {
        at: Instant,
        sequence: u64,
        priority: Priority,
    },
    Running {
        pass: Pass,
        woken: Option<Priority>,
        /// To be looked at again by then.
        later: Option<(Instant, Priority)>,
    },
}

#[derive(Default)]
struct Queue {
    states: HashMap<ObjectKey, State>,
    ready: [BTreeMap<u64, ObjectKey>; 4],
    delayed: BTreeMap<(Instant, u64), ObjectKey>,
    running: [usize; 4],
    sequence: u64,
    started: u64,
}

fn index(priority: Priority) -> usize {
    PRIORITIES
        .iter()
        .position(|p| *p == priority)
        .unwrap_or(PRIORITIES.len() - 1)
}

impl Queue {
    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn detach(&mut self, key: &ObjectKey) {
        match self.states.remove(key) {
            Some(State::Ready { priority, sequence }) => {
                self.ready[index(priority)].remove(&sequence);
            }
            Some(State::Delayed { at, sequence, .. }) => {
                self.delayed.remove(&(at, sequence));
            }
            Some(state @ State::Running { .. }) => {
                self.states.insert(key.clone(), state);
            }
            None => {}
        }
    }

    fn make_ready(&mut self, key: ObjectKey, priority: Priority) {
        let sequence = self.next_sequence();
        self.ready[index(priority)].insert(sequence, key.clone());
        self.states.insert(key, State::Ready { priority, sequence });
    }

    fn make_delayed(&mut self, key: ObjectKey, priority: Priority, at: Instant) {
        let sequence = self.next_sequence();
        self.delayed.insert((at, sequence), key.clone());
        self.states.insert(
            key,
            State::Delayed {
                at,
                sequence,
                priority,
            },
        );
    }

    fn wake(&mut self, key: ObjectKey, priority: Priority) {
        match self.states.get_mut(&key) {
            Some(State::Running { pass, woken, .. }) => {
                if pass.priority == Priority::Drift && priority < Priority::Drift {
                    pass.give_way.cancel();
                }
                *woken = Some(woken.map_or(priority, |w| w.min(priority)));
            }
            Some(State::Ready {
                priority: queued, ..
            }) if *queued <= priority => {}
            _ => {
                self.detach(&key);
                self.make_ready(key, priority);
            }
        }
    }

    fn wake_later(&mut self, key: ObjectKey, priority: Priority, at: Instant) {
        // What it is to see may have come too late for the pass that is running.
        if let Some(State::Running { later, .. }) = self.states.get_mut(&key) {
            if later.is_none_or(|(earlier, _)| at < earlier) {
                *later = Some((at, priority));
            }
            return;
        }
        match self.states.get(&key) {
            Some(State::Ready { .. }) => {}
            Some(State::Delayed { at: earlier, .. }) if *earlier <= at => {}
            _ => {
                self.detach(&key);
                self.make_delayed(key, priority, at);
            }
        }
    }

    fn promote_due(&mut self, now: Instant) {
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let key = entry.remove();
            let priority = match self.states.get(&key) {
                Some(State::Delayed { priority, .. }) => *priority,
                _ => Priority::Drift,
            };
            self.make_ready(key, priority);
        }
    }

    /// A priority's own passes and the more urgent ones count against its limit, less urgent ones do not: a crowd of drift checks that
    /// wait for the limiter never keeps an edit out.
    fn has_room(&self, class: usize, limit: usize) -> bool {
        self.running[..=class].iter().sum::<usize>() < limit
    }

    fn pop(&mut self, limit: usize) -> Option<(ObjectKey, Pass)> {
        let startable: Vec<usize> = (0..PRIORITIES.len())
            .filter(|c| !self.ready[*c].is_empty() && self.has_room(*c, limit))
            .collect();
        let class = if self.started % LOWEST_GETS_ONE_IN == LOWEST_GETS_ONE_IN - 1 {
            startable.last()
        } else {
            startable.first()
        };
        let class = *class?;
        let (_, key) = self.ready[class].pop_first()?;
        self.started += 1;
        self.running[class] += 1;
        let pass = Pass {
            priority: PRIORITIES[class],
            give_way: CancellationToken::new(),
        };
        self.states.insert(
            key.clone(),
            State::Running {
                pass: pass.clone(),
                woken: None,
                later: None,
            },
        );
        Some((key, pass))
    }

    fn interrupt_all(&self) {
        for state in self.states.values() {
            if let State::Running { pass, .. } = state {
                pass.give_way.cancel();
            }
        }
    }

    fn finish(&mut self, key: &ObjectKey, requeue: Requeue, now: Instant) {
        let Some(State::Running { pass, woken, later }) = self.states.remove(key) else {
            return;
        };
        self.running[index(pass.priority)] -= 1;
        match (woken, requeue) {
            (Some(priority), _) => self.make_ready(key.clone(), priority),
            (None, Requeue::OnChange) => {}
            (None, Requeue::Drift(after)) => {
                self.make_delayed(key.clone(), Priority::Drift, now + after);
            }
            (None, Requeue::Edge(after)) => {
                self.make_delayed(key.clone(), Priority::Edit, now + after);
            }
            (None, Requeue::Retry(after)) => {
                self.make_delayed(key.clone(), pass.priority, now + after);
            }
            (None, Requeue::Interrupted) => self.make_ready(key.clone(), pass.priority),
        }
        if let Some((at, priority)) = later {
            self.wake_later(key.clone(), priority, at);
        }
    }
}

/// The queue. One for the process.
pub struct Scheduler {
    queue: Mutex<Queue>,
    changed: Notify,
    concurrency: usize,
}

impl Scheduler {
    /// A queue that runs at most `concurrency` passes of a priority and the more urgent ones at a time.
    pub fn new(concurrency: usize) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            changed: Notify::new(),
            concurrency: concurrency.max(1),
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the object looked at as soon as its priority allows.
    pub fn wake(&self, key: ObjectKey, priority: Priority) {
        self.queue().wake(key, priority);
        self.changed.notify_one();
    }

    /// Has the object looked at after a while, unless it will be sooner anyway.
    pub fn wake_later(&self, key: ObjectKey, priority: Priority, after: Duration) {
        self.queue()
            .wake_later(key, priority, Instant::now() + after);
        self.changed.notify_one();
    }

    /// Forgets an object that is gone, unless a pass is running.
    pub fn forget(&self, key: &ObjectKey) {
        self.queue().detach(key);
    }

    /// Objects ready to run, by priority; for metrics.
    pub fn depth(&self) -> [(Priority, usize); 4] {
        let queue = self.queue();
        PRIORITIES.map(|p| (p, queue.ready[index(p)].len()))
    }

    /// Runs passes until `shutdown`, then waits for those under way.
    pub async fn run(
        self: &Arc<Self>,
        runners: &HashMap<&'static str, Arc<dyn Runner>>,
        shutdown: CancellationToken,
    ) {
        let mut passes = JoinSet::new();
        loop {
            while passes.try_join_next().is_some() {}
            let next_due = {
                let mut queue = self.queue();
                queue.promote_due(Instant::now());
                while let Some((key, pass)) = queue.pop(self.concurrency) {
                    let Some(runner) = runners.get(key.kind).cloned() else {
                        queue.finish(&key, Requeue::OnChange, Instant::now());
                        continue;
                    };
                    let scheduler = self.clone();
                    passes.spawn(async move {
                        let guard = Finish {
                            scheduler,
                            key: key.clone(),
                            requeue: Requeue::Retry(Duration::from_secs(5)),
                        };
                        let requeue = runner.run(key, pass).await;
                        guard.with(requeue);
                    });
                }
                queue.delayed.first_key_value().map(|((at, _), _)| *at)
            };
            let due = async {
                match next_due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.changed.notified() => {}
                () = due => {}
            }
        }
        // What is sent is waited for; what only waits for a token need not be.
        self.queue().interrupt_all();
        while passes.join_next().await.is_some() {}
    }
}

/// Takes a pass off the running list even when it panics.
struct Finish {
    scheduler: Arc<Scheduler>,
    key: ObjectKey,
    requeue: Requeue,
}

impl Finish {
    fn with(mut self, requeue: Requeue) {
        self.requeue = requeue;
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        self.scheduler
            .queue()
            .finish(&self.key, self.requeue, Instant::now());
        self.scheduler.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            kind: "Contact",
            namespace: Some("n".into()),
            name: name.into(),
        }
    }

    fn pop(queue: &mut Queue, limit: usize) -> Option<(String, Priority)> {
        queue.pop(limit).map(|(k, p)| (k.name, p.priority))
    }

    #[test]
    fn more_urgent_goes_first_and_equals_in_order() {
        let mut queue = Queue::default();
        queue.wake(key("drift"), Priority::Drift);
        queue.wake(key("create"), Priority::Create);
        queue.wake(key("edit-1"), Priority::Edit);
        queue.wake(key("edit-2"), Priority::Edit);
        queue.wake(key("urgent"), Priority::Urgent);
        let order: Vec<_> = std::iter::from_fn(|| pop(&mut queue, 9))
            .map(|(n, _)| n)
            .collect();
        assert_eq!(order, ["urgent", "edit-1", "edit-2", "create", "drift"]);
    }

    #[test]
    fn the_lowest_gets_one_start_in_ten() {
        let mut queue = Queue::default();
        for i in 0..30 {
            queue.wake(key(&format!("edit-{i}")), Priority::Edit);
        }
        for i in 0..3 {
            queue.wake(key(&format!("drift-{i}")), Priority::Drift);
        }
        let order: Vec<_> = std::iter::from_fn(|| pop(&mut queue, 100))
            .map(|(_, p)| p)
            .collect();
        assert_eq!(
            order[..10]
                .iter()
                .filter(|p| **p == Priority::Drift)
                .count(),
            1
        );
        assert_eq!(
            order[..20]
                .iter()
                .filter(|p| **p == Priority::Drift)
                .count(),
            2
        );
    }

    #[test]
    fn a_crowd_of_drift_checks_does_not_keep_an_edit_out() {
        let mut queue = Queue::default();
        for i in 0..100 {
            queue.wake(key(&format!("drift-{i}")), Priority::Drift);
        }
        assert_eq!(std::iter::from_fn(|| pop(&mut queue, 32)).count(), 32);
        queue.wake(key("edit"), Priority::Edit);
        assert_eq!(pop(&mut queue, 32), Some(("edit".into(), Priority::Edit)));
    }

    #[test]
    fn waking_a_running_drift_check_makes_it_give_way_and_run_again() {
        let mut queue = Queue::default();
        queue.wake(key("a"), Priority::Drift);
        let (k, pass) = queue.pop(1).unwrap();
        queue.wake(key("a"), Priority::Edit);
        assert!(pass.give_way.is_cancelled());
        assert!(
            pop(&mut queue, 9).is_none(),
            "never two passes of one object"
        );
        queue.finish(&k, Requeue::Drift(Duration::from_secs(600)), Instant::now());
        assert_eq!(pop(&mut queue, 9), Some(("a".into(), Priority::Edit)));
    }

    #[test]
    fn waking_a_running_pass_later_looks_again_then_and_not_at_once() {
        let mut queue = Queue::default();
        queue.wake(key("a"), Priority::Edit);
        let (k, _) = queue.pop(1).unwrap();
        let now = Instant::now();
        queue.wake_later(key("a"), Priority::Create, now + Duration::from_secs(1));
        queue.finish(&k, Requeue::Drift(Duration::from_secs(600)), now);
        assert!(pop(&mut queue, 9).is_none());
        queue.promote_due(now + Duration::from_secs(1));
        assert_eq!(pop(&mut queue, 9), Some(("a".into(), Priority::Create)));
    }

    #[test]
    fn waking_a_running_edit_does_not_interrupt_it() {
        let mut queue = Queue::default();
        queue.wake(key("a"), Priority::Edit);
        let (_, pass) = queue.pop(1).unwrap();
        queue.wake(key("a"), Priority::Urgent);
        assert!(!pass.give_way.is_cancelled());
    }

    #[test]
    fn a_key_is_queued_once_and_moves_forward() {
        let mut queue = Queue::default();
        let now = Instant::now();
        queue.wake_later(key("a"), Priority::Drift, now + Duration::from_secs(60));
        queue.wake_later(key("a"), Priority::Drift, now + Duration::from_secs(600));
        assert_eq!(queue.delayed.len(), 1);
        queue.wake(key("a"), Priority::Drift);
        queue.wake(key("a"), Priority::Edit);
        queue.wake(key("a"), Priority::Create);
        assert_eq!(pop(&mut queue, 9), Some(("a".into(), Priority::Edit)));
        assert!(pop(&mut queue, 9).is_none() && queue.delayed.is_empty());
    }

    #[tokio::test]
    async fn a_pass_that_panics_is_run_again() {
        struct Panics(std::sync::atomic::AtomicUsize);
        impl Runner for Panics {
            fn run(&self, _: ObjectKey, _: Pass) -> BoxFuture<'_, Requeue> {
                Box::pin(async {
                    assert!(
                        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0,
                        "the first pass panics"
                    );
                    Requeue::OnChange
                })
            }
        }
        tokio::time::pause();
        let runner = Arc::new(Panics(std::sync::atomic::AtomicUsize::new(0)));
        let scheduler = Scheduler::new(1);
        let stop = CancellationToken::new();
        scheduler.wake(key("a"), Priority::Edit);
        let task = tokio::spawn({
            let (scheduler, runner, stop) = (
                scheduler.clone(),
                runner.clone() as Arc<dyn Runner>,
                stop.clone(),
            );
            async move {
                scheduler
                    .run(&HashMap::from([("Contact", runner)]), stop)
                    .await;
            }
        });
        tokio::time::sleep(Duration::from_secs(30)).await;
        stop.cancel();
        task.await.unwrap();
        assert_eq!(runner.0.load(std::sync::atomic::Ordering::SeqCst), 2);
    }
}
