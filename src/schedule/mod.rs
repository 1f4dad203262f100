//! Who is on call when: rotations and overrides to shifts, gaps, overlaps and hand-offs. Pure; the rule itself is `docs/shifts.md`, and the
//! numbers in comments are the rules of that page.
//!
//! A [`Rotation`] is made by [`Rotation::new`], which checks it; everything after that cannot fail. People are any `M` that can be ordered
//! and cloned (ARNs, object names, indexes). Times before or after what a [`jiff::Timestamp`] can hold do not exist: the last shift ends there.

mod clock_changes;
mod coverage;
mod forward;
mod gaps;
mod handoffs;
mod interval;
mod moves;
mod on_call;
mod outlook;
mod overrides;
mod rotation;
mod shifts;
mod wall;
mod zone;

#[cfg(test)]
mod tests;

pub use clock_changes::{ClockChange, Opened};
pub use coverage::CoverageWindow;
pub use forward::{Forward, equivalent, forward};
pub use gaps::{CoverageReport, TargetWindow, wanted};
pub use interval::{Interval, union};
pub use moves::{Move, Moves, moves_between, who_moves};
pub use on_call::{OnCall, OnCallView, Planned, Schedule, Upcoming};
pub use outlook::{Outlook, spliced};
pub use overrides::Override;
pub use rotation::{Recurrence, Rotation, RotationError, RotationSettings};
pub use shifts::{Kind, Piece, Shift, Stretch};
pub use wall::{TimeOfDay, Weekday};
pub use zone::{ZoneError, zone};
