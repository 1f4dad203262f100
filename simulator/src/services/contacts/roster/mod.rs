//! Who is on call when, as `docs/shifts.md` has it.

mod calendar;
mod coverage;
mod hand_offs;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use jiff::tz::TimeZone;

use crate::clock::Millis;

use super::recurrence::Recurrence;
use calendar::Calendar;
use coverage::{Coverage, Stretch};
use hand_offs::{Listing, Numbered, Sequence};

/// A replacement for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) people: Vec<String>,
    pub(super) start: Millis,
    pub(super) end: Millis,
    /// Of several at a time the greatest holds.
    pub(super) rank: (Millis, String),
}

/// Everything shifts follow from.
#[derive(Debug, Clone)]
pub(super) struct Roster {
    pub(super) people: Vec<String>,
    pub(super) start: Millis,
    pub(super) zone: TimeZone,
    pub(super) recurrence: Recurrence,
    pub(super) replacements: Vec<Replacement>,
}

/// A piece of a shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: Millis,
    pub(super) end: Millis,
    pub(super) people: Vec<String>,
    /// Those who would be on call without an override, where there is one.
    pub(super) overridden: Option<Vec<String>>,
}

impl Roster {
    /// Calls `take` with every piece that overlaps this time, in order, until it says that it is enough.
    pub(super) fn pieces(
        &self,
        from: Millis,
        until: Millis,
        mut take: impl FnMut(Piece) -> Enough,
    ) {
        let calendar = Calendar::new(self.zone.clone());
        let listing = Listing::new(calendar.clone(), self.recurrence.hand_offs.clone());
        let Some(sequence) = Sequence::new(listing, self.start, self.recurrence.multiplier) else {
            return;
        };
        let mut coverage = self.recurrence.coverage.clone().map(Coverage::new);
        for shift in Shifts::new(self.start, &sequence, from) {
            if shift.start >= until {
                return;
            }
            if shift.end <= from {
                continue;
            }
            let span = (shift.start, shift.end);
            let covered = match &mut coverage {
                None => vec![span],
                Some(coverage) => coverage.between(&calendar, span),
            };
            for stretch in covered {
                for piece in self.split(shift.number, stretch) {
                    let overlaps = piece.start < until && piece.end > from;
                    if overlaps && take(piece) == Enough::Yes {
                        return;
                    }
                }
            }
        }
    }

    /// The next of the order for each shift.
    fn turn(&self, number: i64) -> Vec<String> {
        let members = self.people.len();
        let length = i64::try_from(members).unwrap_or(1).max(1);
        let before = usize::try_from(number.rem_euclid(length)).unwrap_or_default();
        (0..self.recurrence.on_calls)
            .map(|index| &self.people[(before * self.recurrence.on_calls + index) % members])
            .cloned()
            .collect()
    }

    fn split(&self, number: i64, (start, end): Stretch) -> Vec<Piece> {
        let regular = self.turn(number);
        let here: Vec<&Replacement> = self
            .replacements
            .iter()
            .filter(|each| each.start < each.end && each.start < end && each.end > start)
            .collect();
        let mut edges: Vec<Millis> = here
            .iter()
            .flat_map(|each| [each.start, each.end])
            .filter(|edge| *edge > start && *edge < end)
            .collect();
        edges.push(end);
        edges.sort_unstable();
        edges.dedup();
        let mut pieces: VecDeque<(Piece, Option<&Replacement>)> = VecDeque::new();
        let mut at = start;
        for edge in edges {
            let holds = here
                .iter()
                .filter(|each| each.start <= at && each.end >= edge)
                .max_by_key(|each| &each.rank)
                .copied();
            match pieces.back_mut() {
                Some((last, by)) if by.map(|by| &by.rank) == holds.map(|by| &by.rank) => {
                    last.end = edge;
                }
                _ => pieces.push_back((
                    Piece {
                        start: at,
                        end: edge,
                        people: holds.map_or_else(|| regular.clone(), |by| by.people.clone()),
                        overridden: holds.map(|_| regular.clone()),
                    },
                    holds,
                )),
            }
            at = edge;
        }
        pieces.into_iter().map(|(piece, _)| piece).collect()
    }
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enough {
    /// Stop.
    Yes,
    /// Go on.
    NotYet,
}

/// From one hand-off to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shift {
    number: i64,
    start: Millis,
    end: Millis,
}

struct Shifts<'a> {
    hand_offs: Numbered<'a>,
    /// Number and start of the next shift.
    next: Option<(i64, Millis)>,
    /// One, when the first shift begins before the first hand-off.
    ahead: i64,
}

impl<'a> Shifts<'a> {
    /// The shifts from one on that is not later than the one of this instant.
    fn new(start: Millis, sequence: &'a Sequence, from: Millis) -> Self {
        let ahead = i64::from(start < sequence.anchor());
        let mut hand_offs = sequence.starting_by(from);
        if hand_offs.is_at_the_first() && ahead == 1 {
            return Self {
                hand_offs,
                next: Some((0, start)),
                ahead,
            };
        }
        let next = hand_offs
            .next()
            .map(|(number, instant)| (number + ahead, instant));
        Self {
            hand_offs,
            next,
            ahead,
        }
    }
}

impl Iterator for Shifts<'_> {
    type Item = Shift;

    fn next(&mut self) -> Option<Shift> {
        let (number, start) = self.next.take()?;
        let (next, end) = self.hand_offs.next()?;
        self.next = Some((next + self.ahead, end));
        Some(Shift { number, start, end })
    }
}
