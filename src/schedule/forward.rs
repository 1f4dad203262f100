//! The same rotation with a later start: AWS may refuse one in the past.

use jiff::{SignedDuration, Timestamp};

use super::coverage::covered;
use super::handoffs::Anchor;
use super::interval::Interval;
use super::rotation::Rotation;

/// A later start and an order of members that give the same shifts from that start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward<M> {
    /// The start to ask for.
    pub start: Timestamp,
    /// The members to ask for: those whose turn it is at the start come first.
    pub members: Vec<M>,
    /// Time from the earliest possible start to this one, in which the rotation has nobody on call. Only where the shift length is more than 1: days, weeks or months are counted from the
    /// first hand-off after the start, so a start cannot lie before a hand-off that the shift length leaves out.
    pub gap: Option<Interval>,
}

/// A start that lies just after a hand-off.
const JUST_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// The earliest start at or after `not_before` from which on, with the members in another order, exactly the same people are on call at the same times. `None` only where time ends.
pub fn forward<M: Clone + Ord>(
    rotation: &Rotation<M>,
    not_before: Timestamp,
) -> Option<Forward<M>> {
    if not_before <= rotation.start() {
        return Some(Forward {
            start: rotation.start(),
            members: rotation.members().to_vec(),
            gap: None,
        });
    }
    let start = earliest(rotation, not_before)?;
    let mut members = rotation.members().to_vec();
    members.rotate_left(rotation.first_of_turn(rotation.shift_number(start)));
    let gap = Interval::new(not_before, start);
    Some(Forward {
        start,
        members,
        gap: (!gap.is_empty()).then_some(gap),
    })
}

fn earliest<M: Clone + Ord>(rotation: &Rotation<M>, not_before: Timestamp) -> Option<Timestamp> {
    if in_phase(rotation, not_before) {
        return Some(not_before);
    }
    let mut hand_off = rotation.hand_off_after(not_before)?;
    loop {
        // Its start may lie anywhere after the last listed hand-off before it, active or not.
        let listed = Anchor::last_listed_before(rotation.zone(), rotation.recurrence(), hand_off);
        let just_after = listed
            .and_then(|at| at.checked_add(JUST_AFTER).ok())
            .map_or(hand_off, |at| at.min(hand_off));
        let start = just_after.max(not_before);
        if in_phase(rotation, start) {
            return Some(start);
        }
        hand_off = rotation.hand_off_after(hand_off)?;
    }
}

/// Whether hand-offs counted from `start` are those of the rotation from then on.
fn in_phase<M: Clone + Ord>(rotation: &Rotation<M>, start: Timestamp) -> bool {
    match (
        rotation.anchor(),
        Anchor::find(rotation.zone(), rotation.recurrence(), start),
    ) {
        (Some(ours), Some(theirs)) => {
            (ours.period - theirs.period).rem_euclid(rotation.length()) == 0
        }
        (_, None) => rotation.hand_off_after(start).is_none(),
        (None, Some(_)) => false,
    }
}

/// Whether two rotations have the same shifts from `from` on: the same people, in the same order, cut at the same moments (the numbers of the shifts apart).
///
/// `true` is always right. Both must have the same zone, hand-offs, shift length, number on call and coverage, as written; and `false` may be wrong where a difference never shows, for example
/// where both hand over at different times between windows.
pub fn equivalent<M: Clone + Ord>(one: &Rotation<M>, other: &Rotation<M>, from: Timestamp) -> bool {
    let same_rule = one.zone() == other.zone()
        && one.recurrence() == other.recurrence()
        && one.shift_length() == other.shift_length()
        && one.number_on_call() == other.number_on_call()
        && one.coverage() == other.coverage();
    if !same_rule || one.members().is_empty() != other.members().is_empty() {
        return false;
    }
    if one.members().is_empty() {
        return true;
    }
    // Where only one has begun, nothing may be covered.
    let both_from = one.start().max(other.start()).max(from);
    let alone = Interval::new(one.start().min(other.start()).max(from), both_from);
    if !alone.is_empty() && !covered(one.coverage(), one.zone(), alone, alone).is_empty() {
        return false;
    }
    let same_phase = match (one.anchor(), other.anchor()) {
        (Some(one_anchor), Some(other_anchor)) => {
            (one_anchor.period - other_anchor.period).rem_euclid(one.length()) == 0
        }
        // Where time ends before the first hand-off of one.
        _ => [one, other]
            .iter()
            .all(|rotation| rotation.hand_off_after(both_from).is_none()),
    };
    let order = |rotation: &Rotation<M>| {
        let first = rotation.first_of_turn(rotation.shift_number(both_from));
        rotation
            .members()
            .iter()
            .cycle()
            .skip(first)
            .take(one.members().len() + other.members().len())
            .cloned()
            .collect::<Vec<M>>()
    };
    // Two sequences that repeat after a and b members are the same for ever when they are for a + b.
    same_phase && order(one) == order(other)
}
