//! What a rotation is, checked once.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::coverage::CoverageWindow;
use super::handoffs::Anchor;
use super::wall::{self, TimeOfDay, Weekday};
use super::zone::{ZoneError, exactly};

/// When the turn passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recurrence {
    /// At these times of every day that counts.
    Daily(Vec<TimeOfDay>),
    /// On these days, at these times, of every week that counts (Monday to Sunday).
    Weekly(Vec<(Weekday, TimeOfDay)>),
    /// On these days (1 to 31), at these times, of every month that counts. A day that a month lacks is its last.
    Monthly(Vec<(u8, TimeOfDay)>),
}

/// The fields of a rotation as the user or AWS has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationSettings<M> {
    /// In the order of their shifts. Nobody is allowed, and nobody is ever on call then.
    pub members: Vec<M>,
    /// The first moment.
    pub start: Timestamp,
    /// IANA name. What users write is also held to [`super::zone()`], which wants a place.
    pub zone: String,
    /// When the turn passes on.
    pub recurrence: Recurrence,
    /// Days, weeks or months of a shift (AWS `RecurrenceMultiplier`).
    pub shift_length: u32,
    /// People on call at once.
    pub number_on_call: u32,
    /// When anybody is on call at all; empty = always.
    pub coverage: Vec<CoverageWindow>,
}

/// Why a rotation is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The zone is not taken.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// More members than AWS takes.
    #[error("{0} members; at most 30 are possible")]
    TooManyMembers(usize),
    /// Not 1 to 100.
    #[error("a shift of {0} days, weeks or months; 1 to 100 are possible")]
    ShiftLength(u32),
    /// Nobody at all would be on call.
    #[error("the number of people on call at once must be 1 or more")]
    NobodyOnCall,
    /// More people on call at once than there are.
    #[error("{number_on_call} people on call at once, but only {members} members")]
    TooFewMembers {
        /// People there are.
        members: usize,
        /// People needed.
        number_on_call: u32,
    },
    /// The turn would never pass on.
    #[error("a rotation needs a hand-off")]
    NoHandOff,
    /// Not 1 to 31.
    #[error("{0} is not a day of a month; 1 to 31 are possible")]
    DayOfMonth(u8),
}

/// A checked rotation. Two are equal when all their fields are, hand-offs and coverage in any order.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation<M> {
    members: Vec<M>,
    start: Timestamp,
    zone: TimeZone,
    recurrence: Recurrence,
    shift_length: u32,
    number_on_call: usize,
    coverage: Vec<CoverageWindow>,
    anchor: Option<Anchor>,
}

impl<M: Clone + Ord> Rotation<M> {
    /// AWS's bound of [`RotationSettings::members`].
    pub const MAX_MEMBERS: usize = 30;
    /// AWS's bound of [`RotationSettings::shift_length`].
    pub const MAX_SHIFT_LENGTH: u32 = 100;

    /// Checks the fields.
    pub fn new(settings: RotationSettings<M>) -> Result<Self, RotationError> {
        let RotationSettings {
            members,
            start,
            zone: name,
            recurrence,
            shift_length,
            number_on_call,
            coverage,
        } = settings;
        let zone = exactly(&name)?;
        if members.len() > Self::MAX_MEMBERS {
            return Err(RotationError::TooManyMembers(members.len()));
        }
        if shift_length == 0 || shift_length > Self::MAX_SHIFT_LENGTH {
            return Err(RotationError::ShiftLength(shift_length));
        }
        if number_on_call == 0 {
            return Err(RotationError::NobodyOnCall);
        }
        let at_once = usize::try_from(number_on_call).unwrap_or(usize::MAX);
        if !members.is_empty() && at_once > members.len() {
            return Err(RotationError::TooFewMembers {
                members: members.len(),
                number_on_call,
            });
        }
        let recurrence = recurrence.checked()?;
        let coverage = CoverageWindow::sorted(coverage);
        let anchor = Anchor::find(&zone, &recurrence, start);
        Ok(Self {
            members,
            start,
            zone,
            recurrence,
            shift_length,
            number_on_call: at_once,
            coverage,
            anchor,
        })
    }

    /// The same with another start and other members (in number, or nobody).
    pub fn restarted(&self, start: Timestamp, members: Vec<M>) -> Result<Self, RotationError> {
        if members.len() > Self::MAX_MEMBERS {
            return Err(RotationError::TooManyMembers(members.len()));
        }
        if !members.is_empty() && self.number_on_call > members.len() {
            return Err(RotationError::TooFewMembers {
                members: members.len(),
                number_on_call: u32::try_from(self.number_on_call).unwrap_or(u32::MAX),
            });
        }
        let anchor = Anchor::find(&self.zone, &self.recurrence, start);
        Ok(Self {
            members,
            start,
            anchor,
            ..self.clone()
        })
    }

    /// In the order of their shifts.
    pub fn members(&self) -> &[M] {
        &self.members
    }

    /// The first moment.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Where its wall times are.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// IANA name of the zone.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// When the turn passes on, sorted and without doubles.
    pub fn recurrence(&self) -> &Recurrence {
        &self.recurrence
    }

    /// Days, weeks or months of a shift.
    pub fn shift_length(&self) -> u32 {
        self.shift_length
    }

    /// People on call at once.
    pub fn number_on_call(&self) -> usize {
        self.number_on_call
    }

    /// When anybody is on call at all, sorted and without doubles; empty = always.
    pub fn coverage(&self) -> &[CoverageWindow] {
        &self.coverage
    }

    pub(super) fn anchor(&self) -> Option<Anchor> {
        self.anchor
    }

    pub(super) fn length(&self) -> i64 {
        i64::from(self.shift_length)
    }
}

impl Recurrence {
    fn checked(self) -> Result<Self, RotationError> {
        let sorted = match self {
            Self::Daily(mut times) => {
                times.sort_unstable();
                times.dedup();
                Self::Daily(times)
            }
            Self::Weekly(mut hand_offs) => {
                hand_offs.sort_unstable_by_key(|(day, time)| (day.to_monday_zero_offset(), *time));
                hand_offs.dedup();
                Self::Weekly(hand_offs)
            }
            Self::Monthly(mut hand_offs) => {
                if let Some((day, _)) = hand_offs.iter().find(|(day, _)| !(1..=31).contains(day)) {
                    return Err(RotationError::DayOfMonth(*day));
                }
                hand_offs.sort_unstable();
                hand_offs.dedup();
                Self::Monthly(hand_offs)
            }
        };
        let empty = match &sorted {
            Self::Daily(times) => times.is_empty(),
            Self::Weekly(hand_offs) => hand_offs.is_empty(),
            Self::Monthly(hand_offs) => hand_offs.is_empty(),
        };
        if empty {
            Err(RotationError::NoHandOff)
        } else {
            Ok(sorted)
        }
    }

    /// The number of the day, week or month that holds a day (see [`wall::day_number`]).
    pub(super) fn period(&self, day: i64) -> i64 {
        match self {
            Self::Daily(_) => day,
            // 1969-12-29 was a Monday.
            Self::Weekly(_) => (day + 3).div_euclid(7),
            Self::Monthly(_) => {
                let date = wall::nearest_date(day);
                i64::from(date.year()) * 12 + i64::from(date.month()) - 1
            }
        }
    }

    /// The first day of a period, if there is such a day.
    pub(super) fn first_day(&self, period: i64) -> Option<Date> {
        match self {
            Self::Daily(_) => wall::date_of(period),
            Self::Weekly(_) => wall::date_of(period * 7 - 3),
            Self::Monthly(_) => {
                let (year, month) = (
                    i16::try_from(period.div_euclid(12)).ok()?,
                    i8::try_from(period.rem_euclid(12) + 1).ok()?,
                );
                Date::new(year, month, 1).ok()
            }
        }
    }

    /// The wall times that a period lists, sorted and without doubles (rule 3), before rule 1.
    pub(super) fn listed(&self, period: i64) -> Vec<DateTime> {
        match self {
            Self::Daily(times) => match wall::date_of(period) {
                Some(date) => times.iter().map(|time| time.on(date)).collect(),
                None => Vec::new(),
            },
            Self::Weekly(hand_offs) => hand_offs
                .iter()
                .filter_map(|(day, time)| {
                    Some(time.on(wall::date_of(
                        period * 7 - 3 + i64::from(day.to_monday_zero_offset()),
                    )?))
                })
                .collect(),
            Self::Monthly(hand_offs) => {
                let Some(first) = self.first_day(period) else {
                    return Vec::new();
                };
                let mut walls: Vec<DateTime> = hand_offs
                    .iter()
                    .filter_map(|(day, time)| {
                        let day = i8::try_from(*day).ok()?.min(first.days_in_month());
                        Some(time.on(Date::new(first.year(), first.month(), day).ok()?))
                    })
                    .collect();
                walls.sort_unstable();
                walls.dedup();
                walls
            }
        }
    }

    /// How many wall times each of these periods lists, all together, without making them.
    pub(super) fn count_listed(&self, from: i64, to: i64, step: i64) -> u64 {
        let periods = if to <= from {
            0
        } else {
            u64::try_from((to - from - 1) / step + 1).unwrap_or(0)
        };
        match self {
            Self::Daily(times) => periods * count(times),
            Self::Weekly(hand_offs) => periods * count(hand_offs),
            Self::Monthly(hand_offs) => {
                let mut by_length = [0_u64; 4];
                for (length, listed) in (28_u8..).zip(by_length.iter_mut()) {
                    let mut walls: Vec<_> = hand_offs
                        .iter()
                        .map(|(day, time)| ((*day).min(length), *time))
                        .collect();
                    walls.sort_unstable();
                    walls.dedup();
                    *listed = count(&walls);
                }
                let mut sum = 0;
                let mut period = from;
                while period < to {
                    let days = self.first_day(period).map_or(31, Date::days_in_month);
                    sum += by_length[usize::try_from(days - 28).unwrap_or(3)];
                    period += step;
                }
                sum
            }
        }
    }
}

fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
