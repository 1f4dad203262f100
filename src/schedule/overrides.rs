//! Overrides: who holds when several overlap (rule 7).

use jiff::Timestamp;

use super::interval::{Interval, union};

/// Other people for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override<M> {
    /// AWS's id.
    pub id: String,
    /// The first moment.
    pub start: Timestamp,
    /// The first moment after.
    pub end: Timestamp,
    /// Who is on call instead; may be nobody.
    pub members: Vec<M>,
    /// When AWS made it: of several at one time, the last made holds.
    pub created: Timestamp,
}

impl<M> Override<M> {
    /// Its time.
    pub fn interval(&self) -> Interval {
        Interval::new(self.start, self.end)
    }
}

/// Which override holds when: sorted, disjoint, only where one does, cut where another one takes over; `within` this time.
pub(super) fn in_force<M>(
    overrides: &[Override<M>],
    within: Interval,
) -> Vec<(Interval, &Override<M>)> {
    let mut candidates: Vec<_> = overrides
        .iter()
        .filter_map(|one| Some((one.interval().and(&within)?, one)))
        .collect();
    candidates
        .sort_by(|(_, one), (_, other)| (other.created, &other.id).cmp(&(one.created, &one.id)));
    let mut taken: Vec<Interval> = Vec::new();
    let mut holding = Vec::new();
    for (interval, one) in candidates {
        holding.extend(
            super::interval::difference(&[interval], &taken)
                .into_iter()
                .map(|part| (part, one)),
        );
        taken.push(interval);
        taken = union(taken);
    }
    holding.sort_by_key(|(interval, _)| *interval);
    holding
}
