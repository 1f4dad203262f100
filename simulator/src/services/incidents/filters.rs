//! Filters of lists: all of them must match, each by any of its values.

use serde_json::Value;

use crate::clock::{Millis, from_epoch_seconds};
use crate::error::AwsError;
use crate::services::Call;

use super::errors;

/// What a filter's key stands for in an item.
pub(super) enum Property<'a> {
    /// An instant.
    Time(Millis),
    /// A number.
    Number(i64),
    /// Texts, any of which may match.
    Texts(Vec<&'a str>),
}

/// What a filter's key is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `after` or `before`.
    Time,
    /// `equals` with `integerValues`.
    Number,
    /// `equals` with `stringValues`.
    Text,
}

enum Condition {
    After(Millis),
    Before(Millis),
    Numbers(Vec<i64>),
    Texts(Vec<String>),
}

/// The filters of a call.
pub(super) struct Filters(Vec<(String, Condition)>);

impl Filters {
    /// Reads the filters; a list knows some keys only, each of one kind.
    pub(super) fn of(call: &Call<'_>, known: &[(&str, Kind)]) -> Result<Self, AwsError> {
        let given = call.input.get("filters").and_then(Value::as_array);
        let read = |filter: &Value| {
            let key = filter["key"].as_str().unwrap_or_default();
            let kind = known
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, kind)| *kind)
                .ok_or_else(|| errors::invalid(format!("{key} is not a valid filter key")))?;
            let condition = condition(&filter["condition"])
                .filter(|condition| condition.kind() == kind)
                .ok_or_else(|| {
                    errors::invalid(format!("The condition of the filter {key} is not valid"))
                })?;
            Ok((key.to_owned(), condition))
        };
        let filters: Result<_, AwsError> = given.into_iter().flatten().map(read).collect();
        Ok(Self(filters?))
    }

    /// Whether an item matches, of which `property` shows what a key stands for.
    pub(super) fn match_all<'a>(&self, property: impl Fn(&str) -> Property<'a>) -> bool {
        self.0
            .iter()
            .all(|(key, condition)| condition.holds(&property(key)))
    }
}

fn condition(value: &Value) -> Option<Condition> {
    if let Some(after) = value.get("after") {
        return from_epoch_seconds(after).map(Condition::After);
    }
    if let Some(before) = value.get("before") {
        return from_epoch_seconds(before).map(Condition::Before);
    }
    let equals = value.get("equals")?;
    if let Some(numbers) = equals.get("integerValues").and_then(Value::as_array) {
        let numbers: Vec<i64> = numbers.iter().filter_map(Value::as_i64).collect();
        return (!numbers.is_empty()).then_some(Condition::Numbers(numbers));
    }
    let texts = super::response_plan::texts(equals.get("stringValues")?);
    (!texts.is_empty()).then_some(Condition::Texts(texts))
}

impl Condition {
    fn kind(&self) -> Kind {
        match self {
            Self::After(_) | Self::Before(_) => Kind::Time,
            Self::Numbers(_) => Kind::Number,
            Self::Texts(_) => Kind::Text,
        }
    }

    fn holds(&self, property: &Property<'_>) -> bool {
        match (self, property) {
            (Self::After(limit), Property::Time(time)) => time > limit,
            (Self::Before(limit), Property::Time(time)) => time < limit,
            (Self::Numbers(wanted), Property::Number(number)) => wanted.contains(number),
            (Self::Texts(wanted), Property::Texts(texts)) => {
                wanted.iter().any(|wanted| texts.contains(&wanted.as_str()))
            }
            _ => false,
        }
    }
}
