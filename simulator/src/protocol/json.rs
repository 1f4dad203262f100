//! AWS JSON 1.1.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::error::AwsError;
use crate::services::Service;

use super::{Answer, Decoded, error_body, parse_json};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

pub(super) fn decode(service: &'static Service, headers: &HeaderMap, body: &Bytes) -> Decoded {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let name = target
        .strip_prefix(service.namespace)
        .and_then(|rest| rest.strip_prefix('.'));
    Decoded {
        name: name.unwrap_or(target).to_owned(),
        operation: name.and_then(|name| service.operation(name)),
        input: parse_json(body),
    }
}

pub(super) fn success(output: &Value) -> Answer {
    Answer {
        status: 200,
        content_type: CONTENT_TYPE,
        headers: Vec::new(),
        body: output.to_string().into_bytes(),
    }
}

pub(super) fn failure(message_member: &str, error: &AwsError, smithy_status: bool) -> Answer {
    let mut body = error_body(message_member, error);
    body["__type"] = error.code.clone().into();
    let status = if smithy_status {
        error.modelled_status()
    } else if error.is_server_fault() {
        500
    } else {
        400
    };
    Answer {
        status,
        content_type: CONTENT_TYPE,
        headers: vec![("x-amzn-errortype", error.code.clone())],
        body: body.to_string().into_bytes(),
    }
}
