//! Who is on call in a rotation before and after a change: what `incident-operator plan` shows.

use jiff::Timestamp;

use super::interval::Interval;
use super::moves::{Moves, moves_between};
use super::shifts::Stretch;

/// Who is on call in a rotation within a window, before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Name of the rotation in the manifest, or in AWS where no manifest names it.
    pub rotation: String,
    /// Zone in which people read its times.
    pub zone: String,
    /// The window.
    pub window: Interval,
    /// Without the change; nobody is no stretch. `None` = what AWS has is not understood.
    pub before: Option<Vec<Stretch<String>>>,
    /// With it.
    pub after: Option<Vec<Stretch<String>>>,
}

impl Outlook {
    /// Times in which others are on call after than before; `None` = not known.
    pub fn moves(&self, limit: usize) -> Option<Moves<String>> {
        let (before, after) = (self.before.as_ref()?, self.after.as_ref()?);
        Some(moves_between(before, after, limit))
    }
}

/// `first` until `at`, then `second`.
pub fn spliced<M: Clone + Ord>(
    first: Vec<Stretch<M>>,
    at: Timestamp,
    second: Vec<Stretch<M>>,
) -> Vec<Stretch<M>> {
    let cut = |stretches: Vec<Stretch<M>>, to: Interval| {
        stretches.into_iter().filter_map(move |one| {
            Some(Stretch {
                interval: one.interval.and(&to)?,
                people: one.people,
            })
        })
    };
    let until = Interval::new(Timestamp::MIN, at);
    let from = Interval::new(at, Timestamp::MAX);
    let mut all: Vec<Stretch<M>> = vec![];
    for next in cut(first, until).chain(cut(second, from)) {
        match all.last_mut() {
            Some(last)
                if last.interval.end == next.interval.start && last.people == next.people =>
            {
                last.interval.end = next.interval.end;
            }
            _ => all.push(next),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap_or_default()
    }

    fn stretch(from: i64, to: i64, who: &str) -> Stretch<String> {
        Stretch {
            interval: Interval::new(at(from), at(to)),
            people: BTreeSet::from([who.to_owned()]),
        }
    }

    #[test]
    fn an_edit_that_waits_begins_at_its_moment() {
        let before = vec![stretch(0, 10, "a"), stretch(10, 20, "b")];
        let after = vec![
            stretch(0, 5, "c"),
            stretch(5, 15, "b"),
            stretch(15, 20, "a"),
        ];
        assert_eq!(
            spliced(before.clone(), at(10), after.clone()),
            [
                stretch(0, 10, "a"),
                stretch(10, 15, "b"),
                stretch(15, 20, "a")
            ]
        );
        // The same people on both sides are one stretch.
        assert_eq!(
            spliced(before, at(12), after),
            [
                stretch(0, 10, "a"),
                stretch(10, 15, "b"),
                stretch(15, 20, "a")
            ]
        );
    }

    #[test]
    fn only_what_differs_is_a_move() {
        let outlook = Outlook {
            rotation: "week".into(),
            zone: "UTC".into(),
            window: Interval::new(at(0), at(20)),
            before: Some(vec![stretch(0, 10, "a"), stretch(10, 20, "b")]),
            after: Some(vec![stretch(0, 8, "a"), stretch(8, 18, "b")]),
        };
        let moves = outlook.moves(10).unwrap_or_else(|| panic!("known"));
        let times: Vec<_> = moves.first.iter().map(|m| m.interval).collect();
        assert_eq!(
            times,
            [Interval::new(at(8), at(10)), Interval::new(at(18), at(20))]
        );
    }
}
