//! The vocabulary in which service models are written down.

use std::sync::OnceLock;

use regex::Regex;

/// A regular expression of a service model, compiled on first use and matched against the entire value.
pub struct Pattern {
    /// As the model publishes it; this is what error messages quote.
    pub published: &'static str,
    /// The same in the syntax of the `regex` crate, without anchors.
    expression: &'static str,
    /// Stands for a `(?!prefix)` at the start, which the `regex` crate lacks.
    forbidden_prefix: Option<&'static str>,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern whose published form differs from `expression` in syntax only.
    pub const fn new(published: &'static str, expression: &'static str) -> Self {
        Self {
            published,
            expression,
            forbidden_prefix: None,
            compiled: OnceLock::new(),
        }
    }

    /// Adds a negative look-ahead at the start of the value.
    #[must_use]
    pub const fn not_starting_with(mut self, prefix: &'static str) -> Self {
        self.forbidden_prefix = Some(prefix);
        self
    }

    /// Whether the entire value matches.
    pub fn matches(&self, value: &str) -> bool {
        if self
            .forbidden_prefix
            .is_some_and(|prefix| value.starts_with(prefix))
        {
            return false;
        }
        self.compiled
            .get_or_init(|| Regex::new(&format!("\\A(?:{})\\z", self.expression)).ok())
            .as_ref()
            .is_some_and(|regex| regex.is_match(value))
    }
}

/// Constraints of a string.
#[derive(Clone, Copy, Default)]
pub struct TextRules {
    /// Least number of characters.
    pub min: Option<usize>,
    /// Greatest number of characters.
    pub max: Option<usize>,
    /// The pattern the whole value must match.
    pub pattern: Option<&'static Pattern>,
    /// The allowed values, if it is an enumeration.
    pub values: &'static [&'static str],
}

/// Where a REST request carries a member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the body.
    Body,
    /// In the query string under the member's name.
    Query,
    /// In the path, where the operation's URI says `{name}`.
    Path,
}

/// One member of a structure.
pub struct Member {
    /// Name on the wire.
    pub name: &'static str,
    /// What it holds.
    pub shape: &'static Shape,
    /// Whether it must be there.
    pub required: bool,
    /// Where a REST request carries it.
    pub location: Location,
}

impl Member {
    /// An optional member of the body.
    pub const fn optional(name: &'static str, shape: &'static Shape) -> Self {
        Self {
            name,
            shape,
            required: false,
            location: Location::Body,
        }
    }

    /// A required member of the body.
    pub const fn required(name: &'static str, shape: &'static Shape) -> Self {
        Self {
            name,
            shape,
            required: true,
            location: Location::Body,
        }
    }

    /// Moves the member out of the body.
    #[must_use]
    pub const fn located(mut self, location: Location) -> Self {
        self.location = location;
        self
    }
}

/// A structure or union.
pub struct Structure {
    /// Its members.
    pub members: &'static [Member],
    /// Whether exactly one member must be set.
    pub union: bool,
}

impl Structure {
    /// An ordinary structure.
    pub const fn of(members: &'static [Member]) -> Self {
        Self {
            members,
            union: false,
        }
    }
}

/// A shape of a service model.
pub enum Shape {
    /// Text.
    Text(TextRules),
    /// A 32-bit integer.
    Integer {
        /// Least value.
        min: Option<i64>,
        /// Greatest value.
        max: Option<i64>,
    },
    /// True or false.
    Boolean,
    /// An instant, in seconds since the epoch.
    Timestamp,
    /// A list.
    List {
        /// What it holds.
        member: &'static Shape,
        /// Least number of items.
        min: Option<usize>,
        /// Greatest number of items.
        max: Option<usize>,
    },
    /// A map with text keys.
    Map {
        /// What the keys must be.
        key: &'static Shape,
        /// What it holds.
        value: &'static Shape,
        /// Least number of entries.
        min: Option<usize>,
        /// Greatest number of entries.
        max: Option<usize>,
    },
    /// A structure.
    Structure(Structure),
}

impl Shape {
    /// Text without constraints.
    pub const fn any_text() -> Self {
        Self::Text(TextRules {
            min: None,
            max: None,
            pattern: None,
            values: &[],
        })
    }

    /// Text bounded in length.
    pub const fn sized_text(min: Option<usize>, max: Option<usize>) -> Self {
        Self::Text(TextRules {
            min,
            max,
            pattern: None,
            values: &[],
        })
    }

    /// Text bounded in length and matching a pattern.
    pub const fn text(min: Option<usize>, max: Option<usize>, pattern: &'static Pattern) -> Self {
        Self::Text(TextRules {
            min,
            max,
            pattern: Some(pattern),
            values: &[],
        })
    }

    /// An enumeration.
    pub const fn one_of(values: &'static [&'static str]) -> Self {
        Self::Text(TextRules {
            min: None,
            max: None,
            pattern: None,
            values,
        })
    }

    /// An integer between two bounds.
    pub const fn between(min: i64, max: i64) -> Self {
        Self::Integer {
            min: Some(min),
            max: Some(max),
        }
    }

    /// An integer of at least this.
    pub const fn at_least(min: i64) -> Self {
        Self::Integer {
            min: Some(min),
            max: None,
        }
    }

    /// A list of any length.
    pub const fn list(member: &'static Shape) -> Self {
        Self::List {
            member,
            min: None,
            max: None,
        }
    }

    /// A list bounded in length.
    pub const fn sized_list(
        member: &'static Shape,
        min: Option<usize>,
        max: Option<usize>,
    ) -> Self {
        Self::List { member, min, max }
    }

    /// A structure.
    pub const fn structure(members: &'static [Member]) -> Self {
        Self::Structure(Structure::of(members))
    }

    /// A union.
    pub const fn union(members: &'static [Member]) -> Self {
        Self::Structure(Structure {
            members,
            union: true,
        })
    }

    /// Whether a value of this shape is reported member by member rather than as a whole.
    pub(super) const fn is_compound(&self) -> bool {
        !matches!(
            self,
            Self::Text(_) | Self::Integer { .. } | Self::Boolean | Self::Timestamp
        )
    }
}
