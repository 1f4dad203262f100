//! A value that may be used but not shown: addresses, activation codes, external ids. No I/O.

use std::fmt;

/// Wraps what must not reach a log, an event, a status or a metric. It deliberately does not serialize.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value, given away.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_display_shows_the_value_or_its_length() {
        let address = Redacted::new("+15005550199".to_owned());
        assert_eq!(
            format!("{address} {address:?} {:#?}", Some(&address)),
            "*** *** Some(\n    ***,\n)"
        );
        assert_eq!(address.expose(), "+15005550199");
    }

    #[test]
    fn equality_is_the_values() {
        assert_eq!(Redacted::new(1), 1.into());
        assert!(Redacted::new("a") < Redacted::new("b"));
    }
}
