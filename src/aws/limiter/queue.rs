//! Whose turn it is. No I/O.

use std::collections::BTreeMap;

use super::Priority;

/// The lowest waiting class gets every tenth token.
const LOWEST_AFTER: u32 = 9;
/// A class in between that has been passed over this often gets one: a flood above it must not starve it while the
/// lowest class takes the tenths.
const BETWEEN_AFTER: u32 = 39;
const CLASSES: usize = Priority::ALL.len();

/// Waiters by priority, and within one by arrival.
#[derive(Debug)]
pub(super) struct Queue<W> {
    waiting: [BTreeMap<u64, W>; CLASSES],
    /// How many tokens went to higher classes while this one waited.
    passed_over: [u32; CLASSES],
    arrivals: u64,
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        Self {
            waiting: Default::default(),
            passed_over: [0; CLASSES],
            arrivals: 0,
        }
    }
}

impl<W> Queue<W> {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.iter().all(BTreeMap::is_empty)
    }

    /// Adds a waiter; the answer finds it again.
    pub(super) fn push(&mut self, priority: Priority, waiter: W) -> u64 {
        self.arrivals += 1;
        self.waiting[priority as usize].insert(self.arrivals, waiter);
        self.arrivals
    }

    /// Removes a waiter that has not had its turn.
    pub(super) fn remove(&mut self, priority: Priority, arrival: u64) -> Option<W> {
        self.waiting[priority as usize].remove(&arrival)
    }

    /// Removes the waiter whose turn it is.
    pub(super) fn pop(&mut self) -> Option<W> {
        let class = self.turn()?;
        self.passed_over[class] = 0;
        for lower in class + 1..CLASSES {
            let waits = !self.waiting[lower].is_empty();
            self.passed_over[lower] = if waits {
                self.passed_over[lower] + 1
            } else {
                0
            };
        }
        self.waiting[class].pop_first().map(|(_, waiter)| waiter)
    }

    fn turn(&self) -> Option<usize> {
        let waits = |class: &usize| !self.waiting[*class].is_empty();
        let highest = (0..CLASSES).find(waits)?;
        let lowest = (0..CLASSES).rfind(waits)?;
        if self.passed_over[lowest] >= LOWEST_AFTER {
            return Some(lowest);
        }
        let starved = (highest + 1..lowest)
            .filter(waits)
            .find(|class| self.passed_over[*class] >= BETWEEN_AFTER);
        Some(starved.unwrap_or(highest))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    fn served(queue: &mut Queue<&'static str>, count: usize) -> String {
        (0..count).map_while(|_| queue.pop()).collect()
    }

    fn filled(counts: [usize; CLASSES]) -> Queue<&'static str> {
        let mut queue = Queue::default();
        for (class, name) in ["U", "E", "C", "D"].into_iter().enumerate() {
            for _ in 0..counts[class] {
                queue.push(Priority::ALL[class], name);
            }
        }
        queue
    }

    #[test]
    fn the_more_urgent_is_served_first_and_within_a_class_who_came_first() {
        let mut queue = Queue::default();
        for (priority, name) in [
            (Priority::Drift, "d"),
            (Priority::Create, "c"),
            (Priority::Edit, "e1"),
            (Priority::Urgent, "u"),
            (Priority::Edit, "e2"),
        ] {
            queue.push(priority, name);
        }
        assert_eq!(served(&mut queue, 9), "ue1e2cd");
    }

    #[test]
    fn the_lowest_waiting_class_gets_every_tenth_token() {
        let mut queue = filled([0, 40, 0, 3]);
        assert_eq!(served(&mut queue, 35), "EEEEEEEEED".repeat(3) + "EEEEE");
        let mut queue = filled([0, 20, 20, 0]);
        assert_eq!(served(&mut queue, 20), "EEEEEEEEEC".repeat(2));
    }

    #[test]
    fn a_class_in_between_is_not_starved_by_both_its_neighbours() {
        let mut queue = filled([200, 5, 0, 200]);
        let order = served(&mut queue, 100);
        assert_eq!(order.matches('E').count(), 2);
        assert_eq!(order.matches('D').count(), 10);
    }

    #[test]
    fn who_left_is_not_served() {
        let mut queue = filled([0, 1, 0, 0]);
        let left = queue.push(Priority::Urgent, "left");
        assert_eq!(queue.remove(Priority::Urgent, left), Some("left"));
        assert_eq!(queue.remove(Priority::Urgent, left), None);
        assert_eq!(served(&mut queue, 9), "E");
        assert!(queue.is_empty());
    }

    proptest! {
        #[test]
        fn everybody_who_waits_is_served_and_no_waiting_class_goes_without_for_long(
            arrivals in proptest::collection::vec(0..CLASSES, 1..300),
        ) {
            let mut queue = Queue::default();
            for class in &arrivals {
                queue.push(Priority::ALL[*class], *class);
            }
            let mut left = [0; CLASSES];
            for class in &arrivals {
                left[*class] += 1;
            }
            let mut waited = [0; CLASSES];
            for _ in 0..arrivals.len() {
                let class = queue.pop().unwrap();
                left[class] -= 1;
                for other in 0..CLASSES {
                    waited[other] = if other == class || left[other] == 0 { 0 } else { waited[other] + 1 };
                    prop_assert!(waited[other] <= BETWEEN_AFTER + LOWEST_AFTER);
                }
            }
            prop_assert!(queue.is_empty());
        }
    }
}
