//! The rule once more, in the simplest code there is: every date from the start on, one after the other. Knows a zone only by what its clock shows at an instant.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan};

use super::super::*;

fn as_if_utc(wall: DateTime) -> Timestamp {
    wall.to_zoned(TimeZone::UTC).unwrap().timestamp()
}

/// Rule 1.
pub fn instant(zone: &TimeZone, wall: DateTime) -> Timestamp {
    let near = as_if_utc(wall);
    let mut shown: Vec<Timestamp> = (-30..=30)
        .step_by(3)
        .map(|hours| zone.to_offset(near + SignedDuration::from_hours(hours)))
        .map(|offset| near - SignedDuration::from_secs(i64::from(offset.seconds())))
        .filter(|candidate| zone.to_datetime(*candidate) == wall)
        .collect();
    shown.sort();
    if let Some(first) = shown.first() {
        return *first;
    }
    let mut minute = near - SignedDuration::from_hours(30);
    while zone.to_datetime(minute) < wall {
        minute += SignedDuration::from_mins(1);
    }
    let before = zone.to_offset(minute - SignedDuration::from_mins(1));
    near - SignedDuration::from_secs(i64::from(before.seconds()))
}

/// Wall times listed for a date.
fn listed(recurrence: &Recurrence, date: Date) -> Vec<DateTime> {
    let on = |time: &TimeOfDay| {
        date.at(
            i8::try_from(time.hour()).unwrap(),
            i8::try_from(time.minute()).unwrap(),
            0,
            0,
        )
    };
    match recurrence {
        Recurrence::Daily(times) => times.iter().map(on).collect(),
        Recurrence::Weekly(list) => list
            .iter()
            .filter(|(day, _)| *day == date.weekday())
            .map(|(_, time)| on(time))
            .collect(),
        Recurrence::Monthly(list) => {
            let today = |day: u8| {
                let day = i8::try_from(day).unwrap();
                day == date.day() || (date == date.last_of_month() && day > date.day())
            };
            list.iter()
                .filter(|(day, _)| today(*day))
                .map(|(_, time)| on(time))
                .collect()
        }
    }
}

/// Days, weeks or months from one date to another.
fn periods_between(recurrence: &Recurrence, from: Date, to: Date) -> i64 {
    let days = |from: Date, to: Date| i64::from(from.until(to).unwrap().get_days());
    let monday = |date: Date| date - i64::from(date.weekday().since(Weekday::Monday)).days();
    match recurrence {
        Recurrence::Daily(_) => days(from, to),
        Recurrence::Weekly(_) => days(monday(from), monday(to)) / 7,
        Recurrence::Monthly(_) => {
            i64::from(to.year() - from.year()) * 12 + i64::from(to.month() - from.month())
        }
    }
}

/// The rotation walked from its start to some later moment.
pub struct Walked<'a, M> {
    pub rotation: &'a Rotation<M>,
    pub hand_offs: Vec<Timestamp>,
}

impl<'a, M: Clone + Ord> Walked<'a, M> {
    pub fn new(rotation: &'a Rotation<M>, until: Timestamp) -> Self {
        let zone = rotation.zone();
        let first = zone.to_datetime(rotation.start()).date() - 3.days();
        let last = zone.to_datetime(until).date() + 70.days();
        let mut all = Vec::new();
        let mut date = first;
        while date <= last {
            all.extend(
                listed(rotation.recurrence(), date)
                    .into_iter()
                    .map(|wall| (instant(zone, wall), date)),
            );
            date = date.tomorrow().unwrap();
        }
        all.sort();
        let (anchor, anchor_date) = all
            .iter()
            .find(|(at, _)| *at >= rotation.start())
            .copied()
            .unwrap();
        let length = i64::from(rotation.shift_length());
        let mut hand_offs: Vec<Timestamp> = all
            .into_iter()
            .filter(|(at, date)| {
                *at >= anchor
                    && periods_between(rotation.recurrence(), anchor_date, *date) % length == 0
            })
            .map(|(at, _)| at)
            .collect();
        hand_offs.dedup();
        Self {
            rotation,
            hand_offs,
        }
    }

    /// Number of the shift of a moment.
    pub fn number(&self, moment: Timestamp) -> Option<usize> {
        if moment < self.rotation.start() {
            return None;
        }
        let begun = self.hand_offs.partition_point(|at| *at <= moment);
        if self.hand_offs[0] == self.rotation.start() {
            Some(begun - 1)
        } else {
            Some(begun)
        }
    }

    pub fn turn(&self, number: usize) -> Vec<M> {
        let (members, at_once) = (self.rotation.members(), self.rotation.number_on_call());
        (0..at_once)
            .map(|i| members[(number * at_once + i) % members.len()].clone())
            .collect()
    }

    pub fn covered(&self, moment: Timestamp) -> bool {
        if self.rotation.coverage().is_empty() {
            return true;
        }
        let zone = self.rotation.zone();
        let today = zone.to_datetime(moment).date();
        let wall = |date: Date, time: TimeOfDay| {
            date.at(
                i8::try_from(time.hour()).unwrap(),
                i8::try_from(time.minute()).unwrap(),
                0,
                0,
            )
        };
        (-3..=1).map(|by| today + Span::new().days(by)).any(|date| {
            self.rotation
                .coverage()
                .iter()
                .filter(|window| window.day == date.weekday())
                .any(|window| {
                    let end_date = if window.end > window.start {
                        date
                    } else {
                        date.tomorrow().unwrap()
                    };
                    instant(zone, wall(date, window.start)) <= moment
                        && moment < instant(zone, wall(end_date, window.end))
                })
        })
    }

    /// Number of the shift, who is on call, and the override that says so; `None` when not covered.
    pub fn on_call(
        &self,
        overrides: &[Override<M>],
        moment: Timestamp,
    ) -> Option<(usize, Vec<M>, Option<String>)> {
        let number = self.number(moment)?;
        if self.rotation.members().is_empty() || !self.covered(moment) {
            return None;
        }
        let mut holding: Option<&Override<M>> = None;
        for one in overrides
            .iter()
            .filter(|one| one.start <= moment && moment < one.end)
        {
            if holding.is_none_or(|held| (held.created, &held.id) < (one.created, &one.id)) {
                holding = Some(one);
            }
        }
        match holding {
            Some(one) => Some((number, one.members.clone(), Some(one.id.clone()))),
            None => Some((number, self.turn(number), None)),
        }
    }
}
