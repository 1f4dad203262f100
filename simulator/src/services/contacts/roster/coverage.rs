//! When a rotation covers at all.

use std::collections::BTreeMap;

use crate::clock::Millis;
use crate::services::contacts::recurrence::{DAY_MINUTES, Window};

use super::calendar::{Calendar, Day, weekday};

/// A window lasts a day at most, and a clock change may move it by another.
const REACH: Day = 3;

/// A stretch of time.
pub(super) type Stretch = (Millis, Millis);

/// Coverage windows as instants.
pub(super) struct Coverage {
    windows: [Vec<Window>; 7],
    by_day: BTreeMap<Day, Vec<Stretch>>,
}

impl Coverage {
    pub(super) fn new(windows: [Vec<Window>; 7]) -> Self {
        Self {
            windows,
            by_day: BTreeMap::new(),
        }
    }

    /// What is covered between two instants, in order and without touching pieces.
    pub(super) fn between(&mut self, calendar: &Calendar, span: Stretch) -> Vec<Stretch> {
        let (Some(first), Some(last)) = (calendar.day(span.0), calendar.day(span.1)) else {
            return Vec::new();
        };
        let mut found: Vec<Stretch> = Vec::new();
        for day in first - REACH..=last {
            found.extend(self.on(calendar, day));
        }
        found.sort_unstable();
        let mut joined: Vec<Stretch> = Vec::new();
        for (start, end) in found {
            let (start, end) = (start.max(span.0), end.min(span.1));
            if start >= end {
                continue;
            }
            match joined.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        joined
    }

    fn on(&mut self, calendar: &Calendar, day: Day) -> &[Stretch] {
        let windows = &self.windows;
        self.by_day.entry(day).or_insert_with(|| {
            let today = usize::try_from(weekday(day)).unwrap_or_default();
            windows[today]
                .iter()
                .filter_map(|window| {
                    let end = if window.ends_next_day() {
                        window.end + DAY_MINUTES
                    } else {
                        window.end
                    };
                    let start = calendar.instant(day, window.start)?;
                    let end = calendar.instant(day, end)?;
                    (start < end).then_some((start, end))
                })
                .collect()
        })
    }
}
