//! Faults and holds.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::fault::{Fault, FaultEffect, FaultKind};
use crate::hold::HoldState;
use crate::matching::{CallMatch, Moment};

use super::{Outcome, Refusal, Request, id_of, unknown};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FaultBody {
    account: Option<String>,
    region: Option<String>,
    service: Option<String>,
    operation: Option<String>,
    nth: Option<u64>,
    times: Option<u64>,
    probability: Option<f64>,
    #[serde(default)]
    when: Moment,
    kind: FaultKind,
    code: Option<String>,
    message: Option<String>,
    retry_after_seconds: Option<u64>,
    delay_ms: Option<u64>,
}

pub(super) fn faults(request: &Request<'_>, method: &str, rest: &[&str]) -> Outcome {
    let faults = &request.world.faults;
    match (method, rest) {
        ("POST", []) => {
            let body: FaultBody = request.body()?;
            if body.kind == FaultKind::Error && body.code.is_none() {
                return Err(Refusal::bad("kind error needs a code"));
            }
            if body.kind == FaultKind::Slow && body.delay_ms.is_none() {
                return Err(Refusal::bad("kind slow needs delayMs"));
            }
            let probability = body.probability.unwrap_or(1.0);
            if !(0.0..=1.0).contains(&probability) {
                return Err(Refusal::bad("probability is between 0 and 1"));
            }
            let id = faults.arm(Fault {
                matching: CallMatch {
                    account: body.account,
                    region: body.region,
                    service: body.service,
                    operation: body.operation,
                },
                nth: body.nth.unwrap_or(1),
                times: body.times.unwrap_or(1),
                probability,
                effect: FaultEffect {
                    kind: body.kind,
                    moment: body.when,
                    code: body.code,
                    message: body.message,
                    retry_after: body.retry_after_seconds,
                    delay: body.delay_ms.unwrap_or(0),
                },
            });
            Ok(json!({"id": id.to_string()}))
        }
        ("GET", []) => Ok(json!({"faults": faults.show()})),
        ("DELETE", []) => {
            faults.forget(None);
            Ok(json!({}))
        }
        ("DELETE", [id]) => {
            if faults.forget(Some(id_of(id, "fault")?)) {
                Ok(json!({}))
            } else {
                Err(Refusal::missing("fault"))
            }
        }
        _ => Err(unknown()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HoldBody {
    account: Option<String>,
    region: Option<String>,
    service: Option<String>,
    operation: String,
    nth: Option<u64>,
    #[serde(default)]
    when: Moment,
}

const LONGEST_WAIT: u64 = 600_000;

pub(super) async fn holds(request: &Request<'_>, method: &str, rest: &[&str]) -> Outcome {
    let holds = &request.world.holds;
    match (method, rest) {
        ("POST", []) => {
            let body: HoldBody = request.body()?;
            let matching = CallMatch {
                account: body.account,
                region: body.region,
                service: body.service,
                operation: Some(body.operation),
            };
            let id = holds.arm(matching, body.when, body.nth.unwrap_or(1));
            Ok(json!({"id": id.to_string()}))
        }
        ("GET", [id]) => {
            let wait = request.number("wait")?.unwrap_or(0).min(LONGEST_WAIT);
            let state = holds
                .state(id_of(id, "hold")?, Duration::from_millis(wait))
                .await
                .ok_or_else(|| Refusal::missing("hold"))?;
            let name = match state {
                HoldState::Armed => "armed",
                HoldState::Held => "held",
                HoldState::Released { .. } => "released",
            };
            Ok(json!({"state": name}))
        }
        ("POST", [id, "release"]) => {
            let drop = request.query("drop") == Some("true");
            if holds.release(id_of(id, "hold")?, drop) {
                Ok(json!({}))
            } else {
                Err(Refusal::missing("hold"))
            }
        }
        ("DELETE", []) => {
            holds.forget(None);
            Ok(json!({}))
        }
        ("DELETE", [id]) => {
            if holds.forget(Some(id_of(id, "hold")?)) {
                Ok(json!({}))
            } else {
                Err(Refusal::missing("hold"))
            }
        }
        _ => Err(unknown()),
    }
}
