//! REST JSON: method and path name the operation, members sit in path, query and body.

use bytes::Bytes;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::error::AwsError;
use crate::services::{Operation, Service};
use crate::validation::{Location, Shape};

use super::{Answer, Decoded, error_body, parse_json};

const CONTENT_TYPE: &str = "application/json";

pub(super) fn decode(service: &'static Service, head: &Parts, body: &Bytes) -> Decoded {
    let path = head.uri.path();
    let found = service.operations.iter().find_map(|operation| {
        let route = operation.route.as_ref()?;
        if route.method != head.method {
            return None;
        }
        bind(route.path, path).map(|in_path| (operation, in_path))
    });
    let Some((operation, in_path)) = found else {
        return Decoded {
            name: format!("{} {path}", head.method),
            operation: None,
            input: Ok(Value::Object(Map::new())),
        };
    };
    Decoded {
        name: operation.name.to_owned(),
        operation: Some(operation),
        input: input(operation, head, &in_path, body),
    }
}

/// Matches a path against a template; gives the value of the member that is its last segment, if it has one.
fn bind(template: &str, path: &str) -> Option<String> {
    let Some((prefix, rest)) = template.split_once('{') else {
        return (template == path).then(String::new);
    };
    rest.strip_suffix('}')?;
    let value = path
        .strip_prefix(prefix)
        .filter(|value| !value.is_empty())?;
    Some(decoded(value))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The pairs of a query string or form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| decoded(&text.replace('+', " "));
            (plain(key), plain(value))
        })
        .collect()
}

fn input(
    operation: &Operation,
    head: &Parts,
    in_path: &str,
    body: &Bytes,
) -> Result<Value, AwsError> {
    let in_body = |location| location == Location::Body;
    let has_body = operation
        .input
        .members
        .iter()
        .any(|member| in_body(member.location));
    let mut input = if has_body {
        parse_json(body)?
    } else {
        Value::Object(Map::new())
    };
    let query = pairs(head.uri.query().unwrap_or_default());
    for member in operation.input.members {
        let name = member.name;
        if !in_body(member.location)
            && let Some(input) = input.as_object_mut()
        {
            input.remove(name);
        }
        match member.location {
            Location::Body => {}
            Location::Path => input[name] = in_path.into(),
            Location::Query => {
                let mut values = query
                    .iter()
                    .filter(|(key, _)| key == name)
                    .map(|(_, value)| Value::from(value.clone()))
                    .peekable();
                if values.peek().is_some() {
                    input[name] = match member.shape {
                        Shape::List { .. } => Value::Array(values.collect()),
                        _ => values.next().unwrap_or_default(),
                    };
                }
            }
        }
    }
    Ok(input)
}

pub(super) fn success(operation: &Operation, output: &Value) -> Answer {
    let status = operation.route.as_ref().map_or(200, |route| route.status);
    let body = if status == 204 {
        Vec::new()
    } else {
        output.to_string().into_bytes()
    };
    Answer {
        status,
        content_type: CONTENT_TYPE,
        headers: Vec::new(),
        body,
    }
}

pub(super) fn failure(message_member: &str, error: &AwsError) -> Answer {
    Answer {
        status: error.modelled_status(),
        content_type: CONTENT_TYPE,
        headers: vec![("x-amzn-errortype", error.code.clone())],
        body: error_body(message_member, error).to_string().into_bytes(),
    }
}
