//! Who is on call now, until when, and who is next: what the status of a schedule says.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::interval::{Interval, earlier, later};
use super::overrides::Override;
use super::rotation::Rotation;
use super::shifts::{Kind, Stretch};

/// A rotation of a schedule, with what AWS or the cluster has as its overrides.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned<M> {
    /// The rotation.
    pub rotation: Rotation<M>,
    /// Its overrides, in any order.
    pub overrides: Vec<Override<M>>,
}

/// Rotations side by side. Answers name a rotation by its place in this list.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule<M> {
    /// None is a schedule in which nobody is ever on call.
    pub rotations: Vec<Planned<M>>,
}

/// Somebody on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCall<M> {
    /// Place of the rotation in the schedule.
    pub rotation: usize,
    /// Who.
    pub member: M,
    /// When they go off call in this rotation, across hand-offs, windows and overrides that leave them on; `None` = not within the horizon.
    pub until: Option<Timestamp>,
    /// By an override just now.
    pub overridden: bool,
}

/// Somebody who comes on call next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcoming<M> {
    /// Place of the rotation in the schedule.
    pub rotation: usize,
    /// Who.
    pub member: M,
    /// When.
    pub from: Timestamp,
}

/// The answer at a moment. Who is on call stays the same until `next_change`; only the order of `now` and `overridden` may change before, at a
/// hand-off or an edge of an override that leaves the same people on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCallView<M> {
    /// Everybody on call, in the order of the rotations and of their turns.
    pub now: Vec<OnCall<M>>,
    /// For each rotation those who come on call next and are not on call in it now. When nobody is, whoever comes, also those who were on call last.
    pub next: Vec<Upcoming<M>>,
    /// The first moment at which somebody comes on or goes off call in some rotation: when to look again.
    pub next_change: Option<Timestamp>,
    /// The first moment at which people are on call in the schedule who are not just those of now. Going off for the night is none; somebody coming on again after it is one.
    pub next_hand_off: Option<Timestamp>,
}

/// How far the first look goes; each further one goes four times as far.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(9 * 24);

impl<M: Clone + Ord> Planned<M> {
    /// Who is on call at a moment, in the order of their turns, and whether by an override.
    pub fn on_call_at(&self, moment: Timestamp) -> (Vec<M>, bool) {
        let just_now = Interval::lasting(moment, SignedDuration::from_nanos(1));
        match self.rotation.pieces(&self.overrides, just_now).pop() {
            Some(piece) => (piece.on_call, matches!(piece.kind, Kind::Overridden { .. })),
            None => (Vec::new(), false),
        }
    }

    /// [`Rotation::stretches`] with the overrides.
    pub fn stretches(&self, window: Interval) -> Vec<Stretch<M>> {
        self.rotation.stretches(&self.overrides, window)
    }
}

impl<M: Clone + Ord> Schedule<M> {
    /// Who is on call at `moment`, and what comes next within `horizon` of it.
    pub fn on_call(&self, moment: Timestamp, horizon: SignedDuration) -> OnCallView<M> {
        let limit = later(moment, horizon);
        let mut look = FIRST_LOOK;
        loop {
            let window = Interval::new(moment, later(moment, look).min(limit));
            let stretches: Vec<_> = self
                .rotations
                .iter()
                .map(|planned| planned.stretches(window))
                .collect();
            let view = self.view(window, &stretches);
            let complete = view.next_hand_off.is_some()
                && view.now.iter().all(|one| one.until.is_some())
                && (0..self.rotations.len())
                    .all(|rotation| view.next.iter().any(|one| one.rotation == rotation));
            if complete || window.end >= limit {
                return view;
            }
            look = look.saturating_mul(4);
        }
    }

    /// The last moment at or before `moment` at which somebody came on or went off call in some rotation, within `horizon` before it.
    pub fn last_change(&self, moment: Timestamp, horizon: SignedDuration) -> Option<Timestamp> {
        let limit = earlier(moment, horizon);
        let mut look = FIRST_LOOK;
        loop {
            let window = Interval::new(
                earlier(moment, look).max(limit),
                later(moment, SignedDuration::from_nanos(1)),
            );
            let edges = self
                .rotations
                .iter()
                .flat_map(|planned| planned.stretches(window))
                .flat_map(|one| [one.interval.start, one.interval.end]);
            let last = edges
                .filter(|edge| window.start < *edge && *edge <= moment)
                .max();
            if last.is_some() || window.start <= limit {
                return last;
            }
            look = look.saturating_mul(4);
        }
    }

    fn view(&self, window: Interval, stretches: &[Vec<Stretch<M>>]) -> OnCallView<M> {
        let moment = window.start;
        let known = |at: Timestamp| (at < window.end).then_some(at);
        let mut view = OnCallView {
            now: Vec::new(),
            next: Vec::new(),
            next_change: None,
            next_hand_off: None,
        };
        for (rotation, (planned, stretches)) in self.rotations.iter().zip(stretches).enumerate() {
            let (members, overridden) = planned.on_call_at(moment);
            let here: BTreeSet<&M> = members.iter().collect();
            let change = match stretches.first() {
                Some(first) if first.interval.contains(moment) => known(first.interval.end),
                Some(first) => Some(first.interval.start),
                None => None,
            };
            view.next_change = [view.next_change, change].into_iter().flatten().min();
            if let Some(newcomers) = stretches.iter().find(|one| {
                !one.interval.contains(moment)
                    && one.people.iter().any(|member| !here.contains(member))
            }) {
                let from = newcomers.interval.start;
                let (then, _) = planned.on_call_at(from);
                let new = then.into_iter().filter(|member| !here.contains(member));
                view.next.extend(new.map(|member| Upcoming {
                    rotation,
                    member,
                    from,
                }));
            }
            let mut seen = BTreeSet::new();
            for member in members.iter().filter(|member| seen.insert(*member)) {
                let until = known(off_call(stretches, member, moment));
                view.now.push(OnCall {
                    rotation,
                    member: member.clone(),
                    until,
                    overridden,
                });
            }
        }
        let together = |at: Timestamp| -> BTreeSet<&M> {
            stretches
                .iter()
                .filter_map(|one| at_moment(one, at))
                .flat_map(|one| &one.people)
                .collect()
        };
        let mut edges: Vec<Timestamp> = stretches
            .iter()
            .flatten()
            .flat_map(|one| [one.interval.start, one.interval.end])
            .collect();
        edges.retain(|edge| *edge > moment && *edge < window.end);
        edges.sort_unstable();
        edges.dedup();
        let now = together(moment);
        view.next_hand_off = edges.into_iter().find(|edge| {
            let then = together(*edge);
            !then.is_empty() && then != now
        });
        view
    }
}

/// When a member who is on call at `moment` goes off.
fn off_call<M: Ord>(stretches: &[Stretch<M>], member: &M, moment: Timestamp) -> Timestamp {
    let mut until = moment;
    for one in stretches {
        if one.interval.start > until || !one.people.contains(member) {
            break;
        }
        until = one.interval.end;
    }
    until
}

/// The stretch that holds a moment.
fn at_moment<M>(stretches: &[Stretch<M>], moment: Timestamp) -> Option<&Stretch<M>> {
    let next = stretches.partition_point(|one| one.interval.end <= moment);
    stretches
        .get(next)
        .filter(|one| one.interval.contains(moment))
}
