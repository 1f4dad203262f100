//! Holds: the nth matching call waits, before or after its effect, until it is released.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;

use crate::lock::lock;
use crate::matching::{CallMatch, Moment};

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    /// Waiting for its call.
    Armed,
    /// A call waits there.
    Held,
    /// Let go.
    Released {
        /// The held call is abandoned: without its effect if it was held before it, and without an answer.
        drop: bool,
    },
}

struct Hold {
    matching: CallMatch,
    moment: Moment,
    remaining: u64,
    state: watch::Sender<HoldState>,
}

#[derive(Default)]
struct Inner {
    last: u64,
    holds: BTreeMap<u64, Hold>,
}

/// A hold that a call has run into.
pub struct Caught {
    /// Before or after the effect.
    pub moment: Moment,
    state: watch::Sender<HoldState>,
}

impl Caught {
    /// Waits for the release; true if the call is to be abandoned.
    pub async fn wait(self) -> bool {
        let mut state = self.state.subscribe();
        self.state.send_if_modified(|state| {
            let armed = *state == HoldState::Armed;
            if armed {
                *state = HoldState::Held;
            }
            armed
        });
        let released = state
            .wait_for(|state| matches!(state, HoldState::Released { .. }))
            .await;
        matches!(released.as_deref(), Ok(HoldState::Released { drop: true }))
    }
}

/// All holds.
#[derive(Default)]
pub struct Holds {
    inner: Mutex<Inner>,
}

impl Holds {
    /// Arms a hold for the nth matching call from now.
    pub fn arm(&self, matching: CallMatch, moment: Moment, nth: u64) -> u64 {
        let mut inner = lock(&self.inner);
        inner.last += 1;
        let id = inner.last;
        inner.holds.insert(
            id,
            Hold {
                matching,
                moment,
                remaining: nth.max(1),
                state: watch::Sender::new(HoldState::Armed),
            },
        );
        id
    }

    /// Counts a call against every armed hold; returns those it runs into.
    pub fn count(
        &self,
        account: &str,
        region: &str,
        service: &str,
        operation: &str,
    ) -> Vec<Caught> {
        let mut inner = lock(&self.inner);
        inner
            .holds
            .values_mut()
            .filter(|hold| {
                hold.remaining > 0
                    && *hold.state.borrow() == HoldState::Armed
                    && hold.matching.matches(account, region, service, operation)
            })
            .filter_map(|hold| {
                hold.remaining -= 1;
                (hold.remaining == 0).then(|| Caught {
                    moment: hold.moment,
                    state: hold.state.clone(),
                })
            })
            .collect()
    }

    /// Where a hold stands, waiting up to `wait` for a call to run into it.
    pub async fn state(&self, id: u64, wait: Duration) -> Option<HoldState> {
        let mut state = lock(&self.inner).holds.get(&id)?.state.subscribe();
        let seen =
            tokio::time::timeout(wait, state.wait_for(|state| *state != HoldState::Armed)).await;
        Some(match seen {
            Ok(Ok(state)) => *state,
            _ => HoldState::Armed,
        })
    }

    /// Lets the held call go on.
    pub fn release(&self, id: u64, drop: bool) -> bool {
        let inner = lock(&self.inner);
        let Some(hold) = inner.holds.get(&id) else {
            return false;
        };
        hold.state.send_replace(HoldState::Released { drop });
        true
    }

    /// Releases and forgets one hold, or all.
    pub fn forget(&self, id: Option<u64>) -> bool {
        let mut inner = lock(&self.inner);
        let ids: Vec<u64> = match id {
            Some(id) => vec![id],
            None => inner.holds.keys().copied().collect(),
        };
        let mut found = id.is_none();
        for id in ids {
            if let Some(hold) = inner.holds.remove(&id) {
                found = true;
                hold.state.send_if_modified(|state| {
                    let open = !matches!(state, HoldState::Released { .. });
                    if open {
                        *state = HoldState::Released { drop: false };
                    }
                    open
                });
            }
        }
        found
    }
}
