//! From a rotation and its overrides to pieces (rules 4 to 8).

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::coverage::covered;
use super::interval::Interval;
use super::overrides::{Override, in_force};
use super::rotation::Rotation;

/// A turn from one hand-off to the next, covered or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift<M> {
    /// The first of the rotation is 0.
    pub number: u64,
    /// Its time.
    pub interval: Interval,
    /// Whose turn it is, in the order of the rotation.
    pub members: Vec<M>,
}

/// Why somebody is on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<M> {
    /// It is their turn.
    Regular,
    /// By an override.
    Overridden {
        /// Who would have been.
        instead_of: Vec<M>,
        /// The override.
        id: String,
    },
}

/// A covered part of a shift, as AWS lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<M> {
    /// The first moment.
    pub start: Timestamp,
    /// The first moment after.
    pub end: Timestamp,
    /// Who is on call; nobody under an override with nobody.
    pub on_call: Vec<M>,
    /// Why.
    pub kind: Kind<M>,
    /// Number of the shift.
    pub number: u64,
}

impl<M> Piece<M> {
    /// Its time.
    pub fn interval(&self) -> Interval {
        Interval::new(self.start, self.end)
    }
}

/// A stretch of time with the same people on call, across hand-offs, windows and overrides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch<M> {
    /// Its time.
    pub interval: Interval,
    /// Who is on call.
    pub people: BTreeSet<M>,
}

impl<M: Clone + Ord> Rotation<M> {
    /// The shift that holds a moment, covered or not; `None` before the start and without members.
    pub fn shift_at(&self, moment: Timestamp) -> Option<Shift<M>> {
        if moment < self.start() || self.members().is_empty() {
            return None;
        }
        let begin = self.hand_off_at_or_before(moment).unwrap_or(self.start());
        let interval = Interval::new(begin, self.hand_off_after(moment).unwrap_or(Timestamp::MAX));
        let number = self.shift_number(moment);
        Some(Shift {
            number,
            interval,
            members: self.turn(number),
        })
    }

    /// The number of the shift of a moment at or after the start.
    pub(super) fn shift_number(&self, moment: Timestamp) -> u64 {
        // A start that is no hand-off begins a shift of its own.
        let begun_at_anchor = self
            .anchor()
            .is_some_and(|anchor| anchor.at == self.start());
        self.hand_offs_until(moment) - u64::from(begun_at_anchor)
    }

    /// Where in the order the shift begins.
    pub(super) fn first_of_turn(&self, number: u64) -> usize {
        let members = self.members().len().max(1);
        let shifts = usize::try_from(number % u64::try_from(members).unwrap_or(1)).unwrap_or(0);
        shifts * self.number_on_call() % members
    }

    /// Whose shift it is (rule 5).
    pub(super) fn turn(&self, number: u64) -> Vec<M> {
        let first = self.first_of_turn(number);
        self.members()
            .iter()
            .cycle()
            .skip(first)
            .take(self.number_on_call())
            .cloned()
            .collect()
    }

    /// Every piece that overlaps `window`, whole, in order (rule 8). A window without length overlaps nothing.
    pub fn pieces(&self, overrides: &[Override<M>], window: Interval) -> Vec<Piece<M>> {
        let part = Interval::new(window.start.max(self.start()), window.end);
        if part.is_empty() {
            return Vec::new();
        }
        let Some(first) = self.shift_at(part.start) else {
            return Vec::new();
        };
        let mut edges = vec![first.interval.start];
        edges.extend(self.hand_offs(first.interval.end, part.end));
        let last = edges.last().copied().unwrap_or(part.start);
        edges.push(self.hand_off_after(last).unwrap_or(Timestamp::MAX));
        let whole = Interval::new(
            first.interval.start,
            edges.last().copied().unwrap_or(part.end),
        );
        let covered = covered(self.coverage(), self.zone(), part, whole);
        let Some(all) = covered
            .first()
            .zip(covered.last())
            .map(|(first, last)| Interval::new(first.start, last.end))
        else {
            return Vec::new();
        };
        let overrides = in_force(overrides, all);
        let mut pieces = Vec::new();
        let (mut from_covered, mut from_override) = (0, 0);
        for (number, edge) in (first.number..).zip(edges.windows(2)) {
            let shift = Interval::new(edge[0], edge[1]);
            from_covered += covered[from_covered..]
                .iter()
                .take_while(|interval| interval.end <= shift.start)
                .count();
            let turn = self.turn(number);
            for interval in covered[from_covered..]
                .iter()
                .take_while(|interval| interval.start < shift.end)
            {
                let Some(interval) = interval.and(&shift) else {
                    continue;
                };
                from_override += overrides[from_override..]
                    .iter()
                    .take_while(|(one, _)| one.end <= interval.start)
                    .count();
                let regular = |start, end| Piece {
                    start,
                    end,
                    on_call: turn.clone(),
                    kind: Kind::Regular,
                    number,
                };
                let mut start = interval.start;
                for (held, by) in overrides[from_override..]
                    .iter()
                    .take_while(|(one, _)| one.start < interval.end)
                {
                    let Some(held) = held.and(&interval) else {
                        continue;
                    };
                    if start < held.start {
                        pieces.push(regular(start, held.start));
                    }
                    let kind = Kind::Overridden {
                        instead_of: turn.clone(),
                        id: by.id.clone(),
                    };
                    pieces.push(Piece {
                        start: held.start,
                        end: held.end,
                        on_call: by.members.clone(),
                        kind,
                        number,
                    });
                    start = held.end;
                }
                if start < interval.end {
                    pieces.push(regular(start, interval.end));
                }
            }
        }
        pieces.retain(|piece| piece.interval().and(&part).is_some());
        pieces
    }

    /// When anybody is on call in `window`, cut to it: the same people across pieces are one stretch, nobody is none.
    pub fn stretches(&self, overrides: &[Override<M>], window: Interval) -> Vec<Stretch<M>> {
        let mut stretches: Vec<Stretch<M>> = Vec::new();
        for piece in self.pieces(overrides, window) {
            let Some(interval) = piece.interval().and(&window) else {
                continue;
            };
            let people: BTreeSet<M> = piece.on_call.into_iter().collect();
            if people.is_empty() {
                continue;
            }
            match stretches.last_mut() {
                Some(last) if last.interval.end == interval.start && last.people == people => {
                    last.interval.end = interval.end;
                }
                _ => stretches.push(Stretch { interval, people }),
            }
        }
        stretches
    }
}
