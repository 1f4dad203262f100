//! AWS Query: forms in, XML out.

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use serde_json::{Map, Value};

use crate::error::AwsError;
use crate::services::{Operation, Service};
use crate::validation::{Shape, Structure};

use super::rest::pairs;
use super::{Answer, Decoded};

const CONTENT_TYPE: &str = "text/xml";

pub(super) fn decode(service: &'static Service, head: &Parts, body: &Bytes) -> Decoded {
    let mut form = pairs(head.uri.query().unwrap_or_default());
    if head.method == Method::POST {
        form.extend(pairs(&String::from_utf8_lossy(body)));
    }
    let name = form
        .iter()
        .find(|(key, _)| key == "Action")
        .map(|(_, value)| value.clone())
        .unwrap_or_default();
    let operation = service.operation(&name);
    let input = operation.map_or_else(
        || Ok(Value::Object(Map::new())),
        |operation| structure(operation.input, "", &form),
    );
    Decoded {
        name,
        operation,
        input,
    }
}

fn structure(
    structure: &Structure,
    prefix: &str,
    form: &[(String, String)],
) -> Result<Value, AwsError> {
    let mut members = Map::new();
    for member in structure.members {
        let key = format!("{prefix}{}", member.name);
        if let Some(value) = shape(member.shape, &key, form)? {
            members.insert(member.name.to_owned(), value);
        }
    }
    Ok(Value::Object(members))
}

fn shape(shape: &Shape, key: &str, form: &[(String, String)]) -> Result<Option<Value>, AwsError> {
    let text = form
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value);
    Ok(match shape {
        Shape::Text(_) => text.map(|text| Value::from(text.clone())),
        Shape::Integer { .. } => match text {
            None => None,
            Some(text) => Some(Value::from(
                text.parse::<i64>().map_err(|_| malformed(text))?,
            )),
        },
        Shape::Boolean => match text.map(String::as_str) {
            None => None,
            Some("true") => Some(Value::Bool(true)),
            Some("false") => Some(Value::Bool(false)),
            Some(other) => return Err(malformed(other)),
        },
        Shape::Structure(inner) => {
            let prefix = format!("{key}.");
            if form.iter().any(|(name, _)| name.starts_with(&prefix)) {
                Some(structure(inner, &prefix, form)?)
            } else {
                None
            }
        }
        Shape::List { member, .. } => {
            let mut items = Vec::new();
            while let Some(item) =
                self::shape(member, &format!("{key}.member.{}", items.len() + 1), form)?
            {
                items.push(item);
            }
            // A list without items is sent as the bare name.
            (!items.is_empty() || text.is_some()).then_some(Value::Array(items))
        }
        // No operation takes a map in this protocol.
        Shape::Map { .. } | Shape::Timestamp => None,
    })
}

fn malformed(text: &str) -> AwsError {
    AwsError::new("MalformedInput", format!("Invalid value: {text}"))
}

pub(super) fn success(
    service: &Service,
    operation: &Operation,
    output: &Value,
    request_id: &str,
) -> Answer {
    let name = operation.name;
    let mut body = format!("<{name}Response xmlns=\"{}\">", service.namespace);
    element(&mut body, &format!("{name}Result"), output);
    body.push_str("<ResponseMetadata>");
    element(&mut body, "RequestId", &Value::from(request_id));
    body.push_str("</ResponseMetadata>");
    body.push_str("</");
    body.push_str(name);
    body.push_str("Response>");
    Answer {
        status: 200,
        content_type: CONTENT_TYPE,
        headers: Vec::new(),
        body: body.into_bytes(),
    }
}

pub(super) fn failure(namespace: &str, error: &AwsError, request_id: &str) -> Answer {
    // Query services have their own names for the errors all services share.
    let code = match error.code.as_str() {
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "IncompleteSignatureException" => "IncompleteSignature",
        "ExpiredTokenException" => "ExpiredToken",
        "UnknownOperationException" => "InvalidAction",
        other => other,
    };
    let kind = if error.is_server_fault() {
        "Receiver"
    } else {
        "Sender"
    };
    let mut body = format!("<ErrorResponse xmlns=\"{namespace}\"><Error>");
    element(&mut body, "Type", &Value::from(kind));
    element(&mut body, "Code", &Value::from(code));
    let message = if code == "InvalidAction" {
        "Could not find the operation."
    } else {
        &error.message
    };
    element(&mut body, "Message", &Value::from(message));
    body.push_str("</Error>");
    element(&mut body, "RequestId", &Value::from(request_id));
    body.push_str("</ErrorResponse>");
    let status = match code {
        "InvalidAction" => 400,
        _ => error.modelled_status(),
    };
    Answer {
        status,
        content_type: CONTENT_TYPE,
        headers: Vec::new(),
        body: body.into_bytes(),
    }
}

fn element(xml: &mut String, name: &str, value: &Value) {
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                element(xml, name, value);
            }
        }
        Value::Array(items) => {
            for item in items {
                element(xml, "member", item);
            }
        }
        Value::String(text) => escape(xml, text),
        Value::Null => {}
        other => xml.push_str(&other.to_string()),
    }
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

fn escape(xml: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            other => xml.push(other),
        }
    }
}
