//! Deserialisation: gives JSON the types of the model, before any constraint is looked at.

use serde_json::{Map, Value};

use super::shape::{Shape, Structure};

/// A value of a type the model does not allow; AWS answers `SerializationException` with this text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotConvertible(pub String);

/// Takes over the modelled members of `value`, drops nulls and unknown members, and refuses wrong types.
pub fn conform(structure: &Structure, value: &Value) -> Result<Value, NotConvertible> {
    let Value::Object(given) = value else {
        return Err(unexpected(value, "structure"));
    };
    let mut taken = Map::new();
    for member in structure.members {
        match given.get(member.name) {
            None | Some(Value::Null) => {}
            Some(inner) => {
                taken.insert(member.name.to_owned(), conform_shape(member.shape, inner)?);
            }
        }
    }
    Ok(Value::Object(taken))
}

fn conform_shape(shape: &Shape, value: &Value) -> Result<Value, NotConvertible> {
    match (shape, value) {
        (Shape::Structure(structure), _) => conform(structure, value),
        (Shape::Text(_), Value::String(_)) | (Shape::Boolean, Value::Bool(_)) => Ok(value.clone()),
        (Shape::Integer { .. }, Value::Number(number)) => {
            let whole = number.as_i64().or_else(|| whole_float(number.as_f64()?));
            match whole.filter(|whole| i32::try_from(*whole).is_ok()) {
                Some(whole) => Ok(Value::from(whole)),
                None => Err(unexpected(value, "an Integer")),
            }
        }
        (Shape::Timestamp, Value::Number(number)) => number
            .as_f64()
            .and_then(instant)
            .ok_or_else(|| unexpected(value, "milliseconds since epoch")),
        (Shape::List { member, .. }, Value::Array(items)) => items
            .iter()
            .map(|item| match item {
                Value::Null => Ok(Value::Null),
                item => conform_shape(member, item),
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array),
        (Shape::Map { value: inner, .. }, Value::Object(entries)) => entries
            .iter()
            .map(|(key, entry)| match entry {
                Value::Null => Ok((key.clone(), Value::Null)),
                entry => Ok((key.clone(), conform_shape(inner, entry)?)),
            })
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        (Shape::Text(_), _) => Err(unexpected(value, "a String")),
        (Shape::Integer { .. }, _) => Err(unexpected(value, "an Integer")),
        (Shape::Boolean, _) => Err(unexpected(value, "a Boolean")),
        (Shape::Timestamp, _) => Err(unexpected(value, "milliseconds since epoch")),
        (Shape::List { .. }, _) => Err(unexpected(value, "a list")),
        (Shape::Map { .. }, _) => Err(unexpected(value, "a map")),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the value was checked to be whole and small"
)]
fn whole_float(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

/// The year 9999, in seconds; calendars end there.
const LAST_SECOND: f64 = 253_370_000_000.0;

/// To the millisecond, and always written alike, so that equal instants are equal inputs.
fn instant(seconds: f64) -> Option<Value> {
    let seconds = (seconds * 1000.0).round() / 1000.0;
    if seconds.abs() > LAST_SECOND {
        return None;
    }
    Some(whole_float(seconds).map_or_else(|| Value::from(seconds), Value::from))
}

fn unexpected(value: &Value, wanted: &str) -> NotConvertible {
    let text = match value {
        Value::Object(_) => "Start of structure or map found where not expected.".to_owned(),
        Value::Array(_) => "Start of list found where not expected".to_owned(),
        Value::String(_) => format!("STRING_VALUE can not be converted to {wanted}"),
        Value::Number(_) => format!("NUMBER_VALUE can not be converted to {wanted}"),
        Value::Bool(true) => format!("TRUE_VALUE can not be converted to {wanted}"),
        Value::Bool(false) => format!("FALSE_VALUE can not be converted to {wanted}"),
        Value::Null => format!("NULL_VALUE can not be converted to {wanted}"),
    };
    NotConvertible(text)
}
