//! Wire protocols: how a request names its operation and carries its input, and how answers look.

mod json;
mod query;
mod rest;

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use serde_json::Value;

use crate::error::AwsError;
use crate::services::{Operation, Protocol, Service, contacts, incidents, sts};
use crate::validation::{NotConvertible, Structure};

/// A request, understood as far as it goes.
pub struct Decoded {
    /// The operation as the request names it.
    pub name: String,
    /// The operation, if the service has it.
    pub operation: Option<&'static Operation>,
    /// The input before the model has looked at it, or why the body makes no sense.
    pub input: Result<Value, AwsError>,
}

/// An answer before it is sent.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Content type, unless there is no body.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Finds the operation and its input.
pub fn decode(service: &'static Service, head: &Parts, body: &Bytes) -> Decoded {
    match service.protocol {
        Protocol::Json => json::decode(service, &head.headers, body),
        Protocol::Rest => rest::decode(service, head, body),
        Protocol::Query | Protocol::Ec2 => query::decode(service, head, body),
    }
}

/// The answer of a call that succeeded.
pub fn success(
    service: &Service,
    operation: &Operation,
    output: &Value,
    request_id: &str,
) -> Answer {
    match service.protocol {
        Protocol::Json => json::success(output),
        Protocol::Rest => rest::success(operation, output),
        Protocol::Query => query::success(service, operation, output, request_id),
        Protocol::Ec2 => query::ec2_success(service, operation, output, request_id),
    }
}

/// The answer of a call that failed.
pub fn failure(
    service: &Service,
    error: &AwsError,
    smithy_status: bool,
    request_id: &str,
) -> Answer {
    let mut answer = match service.protocol {
        Protocol::Json => json::failure(service.message_member, error, smithy_status),
        Protocol::Rest => rest::failure(service.message_member, error),
        Protocol::Query => query::failure(service.namespace, error, request_id),
        Protocol::Ec2 => query::ec2_failure(error, request_id),
    };
    if let Some(seconds) = error.retry_after {
        answer.headers.push(("retry-after", seconds.to_string()));
    }
    answer
}

/// The service whose way of saying errors suits a request that does not say which one it is for.
pub fn guess(headers: &HeaderMap) -> &'static Service {
    let form = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    if headers.contains_key("x-amz-target") {
        &contacts::SERVICE
    } else if form {
        &sts::SERVICE
    } else {
        &incidents::SERVICE
    }
}

/// Gives the input the types of the model.
pub fn conform(structure: &Structure, input: &Value) -> Result<Value, AwsError> {
    crate::validation::conform(structure, input)
        .map_err(|NotConvertible(text)| AwsError::serialization(text))
}

fn parse_json(body: &Bytes) -> Result<Value, AwsError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|_| AwsError::serialization("Could not parse request body into json"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(AwsError::serialization(
            "Start of structure or map not found where expected.",
        ))
    }
}

fn error_body(message_member: &str, error: &AwsError) -> Value {
    let mut body = error.members.clone();
    body.insert(message_member.to_owned(), error.message.clone().into());
    Value::Object(body)
}
