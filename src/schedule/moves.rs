//! Whom an edit moves: what the plan of a change to a rotation shows.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::interval::Interval;
use super::overrides::Override;
use super::rotation::Rotation;
use super::shifts::Stretch;

/// A stretch of time in which other people are on call after an edit than before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move<M> {
    /// Its time.
    pub interval: Interval,
    /// Who would have been on call.
    pub before: BTreeSet<M>,
    /// Who will be.
    pub after: BTreeSet<M>,
}

/// The moves within a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moves<M> {
    /// The first of them, in order.
    pub first: Vec<Move<M>>,
    /// How many more there are.
    pub more: usize,
}

/// Who moves within `window` (from now on, so far as the plan looks) when a rotation is edited, added (`before` = none) or removed (`after` = none). Both are under the same overrides;
/// at most `limit` moves are told, the rest counted.
pub fn who_moves<M: Clone + Ord>(
    before: Option<&Rotation<M>>,
    after: Option<&Rotation<M>>,
    overrides: &[Override<M>],
    window: Interval,
    limit: usize,
) -> Moves<M> {
    let stretches = |rotation: Option<&Rotation<M>>| {
        rotation
            .map(|one| one.stretches(overrides, window))
            .unwrap_or_default()
    };
    moves_between(&stretches(before), &stretches(after), limit)
}

/// The times in which the people of `after` are others than those of `before`; both sorted, and without stretches of nobody.
pub fn moves_between<M: Clone + Ord>(
    before: &[Stretch<M>],
    after: &[Stretch<M>],
    limit: usize,
) -> Moves<M> {
    let mut edges: Vec<Timestamp> = before
        .iter()
        .chain(after)
        .flat_map(|one| [one.interval.start, one.interval.end])
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let (mut old, mut new) = (before, after);
    let mut moves: Vec<Move<M>> = Vec::new();
    let mut more = 0;
    let mut last: Option<(Timestamp, BTreeSet<&M>, BTreeSet<&M>)> = None;
    for edge in edges.windows(2) {
        let part = Interval::new(edge[0], edge[1]);
        let (was, will_be) = (people_in(&mut old, part), people_in(&mut new, part));
        if was == will_be {
            continue;
        }
        let goes_on = last
            .as_ref()
            .is_some_and(|(end, old, new)| *end == part.start && *old == was && *new == will_be);
        if !goes_on && moves.len() >= limit {
            more += 1;
        } else if !goes_on {
            moves.push(Move {
                interval: part,
                before: was.iter().copied().cloned().collect(),
                after: will_be.iter().copied().cloned().collect(),
            });
        } else if more == 0
            && let Some(going_on) = moves.last_mut()
        {
            going_on.interval.end = part.end;
        }
        last = Some((part.end, was, will_be));
    }
    Moves { first: moves, more }
}

/// Who is on call in a part without edges of its own; earlier stretches are dropped on the way.
fn people_in<'a, M: Ord>(stretches: &mut &'a [Stretch<M>], part: Interval) -> BTreeSet<&'a M> {
    while let [first, rest @ ..] = *stretches
        && first.interval.end <= part.start
    {
        *stretches = rest;
    }
    match stretches.first() {
        Some(first) if first.interval.start <= part.start => first.people.iter().collect(),
        _ => BTreeSet::new(),
    }
}
