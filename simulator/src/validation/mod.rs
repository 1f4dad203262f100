//! Model validation: from a declarative table to the sentence AWS answers with.

mod check;
mod conform;
mod shape;

pub use check::{Violation, check, sentence};
pub use conform::{NotConvertible, conform};
pub use shape::{Location, Member, Pattern, Shape, Structure, TextRules};
