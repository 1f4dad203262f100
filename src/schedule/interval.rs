//! Half-open stretches of time.

use jiff::{SignedDuration, Timestamp};

/// From `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// The first moment.
    pub start: Timestamp,
    /// The first moment after.
    pub end: Timestamp,
}

impl Interval {
    /// All of time.
    pub const ALWAYS: Self = Self {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };

    /// From `start` to `end`; holds nothing when the end is not after the start.
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// So many days from `start`, or up to the end of time.
    pub fn days(start: Timestamp, days: u32) -> Self {
        Self::lasting(start, SignedDuration::from_hours(i64::from(days) * 24))
    }

    /// As long as `length` from `start`, or up to the end of time.
    pub fn lasting(start: Timestamp, length: SignedDuration) -> Self {
        Self {
            start,
            end: later(start, length),
        }
    }

    /// Whether it holds no time.
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Whether `moment` is in it.
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.start <= moment && moment < self.end
    }

    /// What both hold, if that is anything.
    pub fn and(&self, other: &Self) -> Option<Self> {
        let both = Self {
            start: self.start.max(other.start),
            end: self.end.min(other.end),
        };
        (!both.is_empty()).then_some(both)
    }

    /// How long it is.
    pub fn length(&self) -> SignedDuration {
        if self.is_empty() {
            SignedDuration::ZERO
        } else {
            self.start.duration_until(self.end)
        }
    }
}

/// `from` and `length` later, or the last moment there is.
pub(super) fn later(from: Timestamp, length: SignedDuration) -> Timestamp {
    from.saturating_add(length).unwrap_or(Timestamp::MAX)
}

/// `from` and `length` earlier, or the first moment there is.
pub(super) fn earlier(from: Timestamp, length: SignedDuration) -> Timestamp {
    from.saturating_sub(length).unwrap_or(Timestamp::MIN)
}

/// The same time as sorted intervals that neither touch nor overlap.
pub fn union(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.retain(|interval| !interval.is_empty());
    intervals.sort_unstable();
    let mut joined: Vec<Interval> = Vec::with_capacity(intervals.len());
    for interval in intervals {
        match joined.last_mut() {
            Some(last) if interval.start <= last.end => last.end = last.end.max(interval.end),
            _ => joined.push(interval),
        }
    }
    joined
}

/// What both hold; either is sorted and disjoint, and so is the answer.
pub(super) fn intersection(one: &[Interval], other: &[Interval]) -> Vec<Interval> {
    let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
    let mut both = Vec::new();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        both.extend(a.and(b));
        if a.end <= b.end {
            left.next();
        } else {
            right.next();
        }
    }
    both
}

/// What `whole` holds and `taken` does not; either is sorted and disjoint, and so is the answer.
pub(super) fn difference(whole: &[Interval], taken: &[Interval]) -> Vec<Interval> {
    let mut rest = Vec::new();
    let mut next = 0;
    for interval in whole {
        let mut start = interval.start;
        while let Some(cut) = taken.get(next) {
            if cut.end <= start {
                next += 1;
                continue;
            }
            if cut.start >= interval.end {
                break;
            }
            if start < cut.start {
                rest.push(Interval::new(start, cut.start));
            }
            start = cut.end;
            if start >= interval.end {
                break;
            }
        }
        if start < interval.end {
            rest.push(Interval::new(start, interval.end));
        }
    }
    rest
}

/// All their time together, as long as they are disjoint.
pub(super) fn total(intervals: &[Interval]) -> SignedDuration {
    intervals
        .iter()
        .fold(SignedDuration::ZERO, |sum, interval| {
            sum.saturating_add(interval.length())
        })
}
