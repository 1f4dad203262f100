//! The control endpoint: what tests see and steer.

mod accounts;
mod incidents;
mod network;
mod pages;
mod settings;
mod troubles;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::call_log::CallFilter;
use crate::world::World;

/// Why a control call is refused.
pub(crate) struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    fn bad(reason: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            reason: reason.into(),
        }
    }

    fn missing(what: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            reason: format!("there is no such {what}"),
        }
    }
}

type Outcome = Result<Value, Refusal>;

/// One control call.
struct Request<'a> {
    world: &'a Arc<World>,
    method: Method,
    path: Vec<String>,
    query: HashMap<String, String>,
    body: &'a Bytes,
}

impl Request<'_> {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.query(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| Refusal::bad(format!("{name} is not a number")))
            })
            .transpose()
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let text: &[u8] = if self.body.is_empty() {
            b"{}"
        } else {
            self.body
        };
        serde_json::from_slice(text).map_err(|error| Refusal::bad(error.to_string()))
    }
}

/// Answers a control call.
pub async fn respond(world: &Arc<World>, head: Parts, body: Bytes) -> Response<Full<Bytes>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let request = Request {
        world,
        path: head
            .uri
            .path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .skip(1)
            .map(decoded)
            .collect(),
        query: head
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect(),
        method: head.method,
        body: &body,
    };
    let (status, value) = match route(&request).await {
        Ok(value) => (StatusCode::OK, value),
        Err(refusal) => (refusal.status, json!({"error": refusal.reason})),
    };
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

async fn route(request: &Request<'_>) -> Outcome {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let method = request.method.as_str();
    match (method, path.as_slice()) {
        ("GET", ["health"]) => Ok(json!({"status": "ok"})),
        ("GET", ["calls"]) => calls(request),
        ("DELETE", ["calls"]) => {
            request.world.log.clear(request.query("account"));
            Ok(json!({}))
        }
        (_, ["faults", rest @ ..]) => troubles::faults(request, method, rest),
        (_, ["holds", rest @ ..]) => troubles::holds(request, method, rest).await,
        (_, ["clock", rest @ ..]) => settings::clock(request, method, rest),
        (_, ["latency"]) => settings::latency(request, method),
        (_, ["quotas"]) => settings::quotas(request, method),
        (_, ["knobs"]) => settings::knobs(request, method),
        (_, ["iam"]) => accounts::iam(request, method),
        (_, ["policies"]) => accounts::policies(request, method),
        ("GET", ["pages"]) => pages::show(request),
        ("POST", ["pages", "accept"]) => pages::accept(request),
        ("GET", ["codes"]) => Ok(accounts::codes(request)),
        ("POST", ["unsubscribe"]) => accounts::subscription(request, false),
        ("POST", ["subscribe"]) => accounts::subscription(request, true),
        (_, ["incidents", rest @ ..]) => incidents::incidents(request, method, rest),
        (_, ["endpoint-services"]) => network::endpoint_services(request, method),
        (_, ["endpoints"]) => network::endpoints(request, method),
        (_, ["unusable"]) => incidents::unusable(request, method),
        (_, ["accounts", rest @ ..]) => accounts::accounts(request, method, rest),
        _ => Err(Refusal::missing("control call")),
    }
}

fn calls(request: &Request<'_>) -> Outcome {
    let text = |name| request.query(name).map(str::to_owned);
    let filter = CallFilter {
        since: request.number("since")?.unwrap_or(0),
        account: text("account"),
        service: text("service"),
        operation: text("operation"),
    };
    Ok(json!({"calls": request.world.log.show(&filter)}))
}

fn unknown() -> Refusal {
    Refusal::missing("control call")
}

fn id_of(text: &str, what: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::missing(what))
}
