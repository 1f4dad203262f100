//! AWS Query: forms in, XML out; and the dialect of it that EC2 speaks.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use serde_json::{Map, Value};

use crate::error::AwsError;
use crate::services::{Operation, Protocol, Service};
use crate::validation::{Shape, Structure};

use super::rest::pairs;
use super::{Answer, Decoded};

const CONTENT_TYPE: &str = "text/xml";
const EC2_CONTENT_TYPE: &str = "text/xml;charset=UTF-8";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

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
        |operation| match service.protocol {
            Protocol::Ec2 => recognised(operation.input, &form)
                .and_then(|()| structure(operation.input, "", &form, EC2)),
            _ => structure(operation.input, "", &form, QUERY),
        },
    );
    Decoded {
        name,
        operation,
        input,
    }
}

/// How a dialect writes what others write in another way.
#[derive(Clone, Copy)]
struct Dialect {
    /// Between the name of a list and the number of its item.
    item: &'static str,
    /// The code for a value that is none of its type.
    malformed: &'static str,
}

const QUERY: Dialect = Dialect {
    item: ".member.",
    malformed: "MalformedInput",
};

const EC2: Dialect = Dialect {
    item: ".",
    malformed: "InvalidParameterValue",
};

/// EC2 refuses parameters it does not know.
fn recognised(structure: &Structure, form: &[(String, String)]) -> Result<(), AwsError> {
    for (key, _) in form {
        let name = key.split('.').next().unwrap_or_default();
        let known = ["Action", "Version"].contains(&name)
            || structure.members.iter().any(|member| member.name == name);
        if !known {
            return Err(AwsError::new(
                "UnknownParameter",
                format!("The parameter {name} is not recognized"),
            ));
        }
    }
    Ok(())
}

fn structure(
    structure: &Structure,
    prefix: &str,
    form: &[(String, String)],
    dialect: Dialect,
) -> Result<Value, AwsError> {
    let mut members = Map::new();
    for member in structure.members {
        let key = format!("{prefix}{}", member.name);
        if let Some(value) = shape(member.shape, &key, form, dialect)? {
            members.insert(member.name.to_owned(), value);
        }
    }
    Ok(Value::Object(members))
}

fn shape(
    shape: &Shape,
    key: &str,
    form: &[(String, String)],
    dialect: Dialect,
) -> Result<Option<Value>, AwsError> {
    let text = form
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value);
    let malformed = |text: &str| malformed(dialect, key, text);
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
                Some(structure(inner, &prefix, form, dialect)?)
            } else {
                None
            }
        }
        Shape::List { member, .. } => {
            let mut items = Vec::new();
            for number in numbers(&format!("{key}{}", dialect.item), form) {
                let key = format!("{key}{}{number}", dialect.item);
                items.extend(self::shape(member, &key, form, dialect)?);
            }
            // A list without items is sent as the bare name.
            (!items.is_empty() || text.is_some()).then_some(Value::Array(items))
        }
        // No operation takes a map in this protocol.
        Shape::Map { .. } | Shape::Timestamp => None,
    })
}

/// The numbers of a list's items, in order.
fn numbers(prefix: &str, form: &[(String, String)]) -> BTreeSet<u32> {
    form.iter()
        .filter_map(|(name, _)| {
            let rest = name.strip_prefix(prefix)?;
            rest.split('.').next()?.parse().ok()
        })
        .collect()
}

fn malformed(dialect: Dialect, key: &str, text: &str) -> AwsError {
    let message = if dialect.malformed == EC2.malformed {
        format!("Value ({text}) for parameter {key} is invalid.")
    } else {
        format!("Invalid value: {text}")
    };
    AwsError::new(dialect.malformed, message)
}

pub(super) fn success(
    service: &Service,
    operation: &Operation,
    output: &Value,
    request_id: &str,
) -> Answer {
    let name = operation.name;
    let mut body = format!("<{name}Response xmlns=\"{}\">", service.namespace);
    element(&mut body, &format!("{name}Result"), output, "member");
    body.push_str("<ResponseMetadata>");
    element(&mut body, "RequestId", &Value::from(request_id), "member");
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

pub(super) fn ec2_success(
    service: &Service,
    operation: &Operation,
    output: &Value,
    request_id: &str,
) -> Answer {
    let name = operation.name;
    let mut body = format!(
        "{DECLARATION}<{name}Response xmlns=\"{}\">",
        service.namespace
    );
    element(&mut body, "requestId", &Value::from(request_id), "item");
    content(&mut body, output, "item");
    body.push_str("</");
    body.push_str(name);
    body.push_str("Response>");
    Answer {
        status: 200,
        content_type: EC2_CONTENT_TYPE,
        headers: Vec::new(),
        body: body.into_bytes(),
    }
}

pub(super) fn ec2_failure(error: &AwsError, request_id: &str) -> Answer {
    // EC2 has its own names for the errors all services share.
    let (code, status) = match error.code.as_str() {
        "UnknownOperationException" => ("InvalidAction", 400),
        "ExpiredTokenException" => ("RequestExpired", 400),
        "UnauthorizedOperation" => ("UnauthorizedOperation", 403),
        "DryRunOperation" => ("DryRunOperation", 412),
        "RequestLimitExceeded" => ("RequestLimitExceeded", 503),
        "Unavailable" | "ServiceUnavailable" => (error.code.as_str(), 503),
        code if error.is_server_fault() => (code, 500),
        code => (code, 400),
    };
    let message = match code {
        "InvalidAction" => "The action is not valid for this web service.".to_owned(),
        "RequestExpired" => "Request has expired.".to_owned(),
        "UnauthorizedOperation" if error.message.starts_with("User: ") => format!(
            "You are not authorized to perform this operation. {}",
            error.message
        ),
        _ => error.message.clone(),
    };
    let mut body = format!("{DECLARATION}<Response><Errors><Error>");
    element(&mut body, "Code", &Value::from(code), "item");
    element(&mut body, "Message", &Value::from(message), "item");
    body.push_str("</Error></Errors>");
    element(&mut body, "RequestID", &Value::from(request_id), "item");
    body.push_str("</Response>");
    Answer {
        status,
        content_type: EC2_CONTENT_TYPE,
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
    element(&mut body, "Type", &Value::from(kind), "member");
    element(&mut body, "Code", &Value::from(code), "member");
    let message = if code == "InvalidAction" {
        "Could not find the operation."
    } else {
        &error.message
    };
    element(&mut body, "Message", &Value::from(message), "member");
    body.push_str("</Error>");
    element(&mut body, "RequestId", &Value::from(request_id), "member");
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

/// An element; items of lists are called `item`.
fn element(xml: &mut String, name: &str, value: &Value, item: &str) {
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
    content(xml, value, item);
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

fn content(xml: &mut String, value: &Value, item: &str) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                element(xml, name, value, item);
            }
        }
        Value::Array(items) => {
            for inner in items {
                element(xml, item, inner, item);
            }
        }
        Value::String(text) => escape(xml, text),
        Value::Null => {}
        other => xml.push_str(&other.to_string()),
    }
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
