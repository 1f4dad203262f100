//! Clock, latency, budgets and knobs.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::{real_now, rfc3339};
use crate::knobs::parse_setting;
use crate::quota::QuotaSettings;

use super::{Outcome, Refusal, Request, unknown};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockBody {
    now: Option<Timestamp>,
    offset_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceBody {
    seconds: i64,
}

/// About 300 years: enough for any test, and far from overflow.
const LONGEST: i64 = 10_000_000_000;

fn milliseconds(seconds: i64) -> Result<i64, Refusal> {
    if (-LONGEST..=LONGEST).contains(&seconds) {
        Ok(seconds * 1000)
    } else {
        Err(Refusal::bad("too far away"))
    }
}

pub(super) fn clock(request: &Request<'_>, method: &str, rest: &[&str]) -> Outcome {
    let clock = &request.world.clock;
    match (method, rest) {
        ("GET", []) => {}
        ("PUT", []) => {
            let body: ClockBody = request.body()?;
            let offset = match (body.now, body.offset_seconds) {
                (Some(now), None) => now.as_millisecond() - real_now(),
                (None, Some(seconds)) => milliseconds(seconds)?,
                _ => return Err(Refusal::bad("either now or offsetSeconds")),
            };
            clock.set_offset(offset);
            request.world.changed();
        }
        ("POST", ["advance"]) => {
            let body: AdvanceBody = request.body()?;
            clock.set_offset(clock.offset() + milliseconds(body.seconds)?);
            request.world.changed();
        }
        _ => return Err(unknown()),
    }
    let offset = clock.offset();
    let seconds = if offset % 1000 == 0 {
        Value::from(offset / 1000)
    } else {
        crate::clock::epoch_seconds(offset)
    };
    Ok(json!({"now": rfc3339(clock.now()), "offsetSeconds": seconds}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LatencyBody {
    milliseconds: u64,
    operation: Option<String>,
}

pub(super) fn latency(request: &Request<'_>, method: &str) -> Outcome {
    match method {
        "GET" => {}
        "PUT" => {
            let body: LatencyBody = request.body()?;
            request.world.with_latency(|latency| match body.operation {
                Some(operation) if operation != "*" => {
                    latency.by_operation.insert(operation, body.milliseconds);
                }
                _ => latency.general = body.milliseconds,
            });
        }
        _ => return Err(unknown()),
    }
    Ok(request.world.with_latency(
        |latency| json!({"milliseconds": latency.general, "operations": latency.by_operation}),
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum QuotaMode {
    None,
    Published,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaBody {
    mode: Option<QuotaMode>,
    multiplier: Option<f64>,
    burst: Option<u32>,
}

pub(super) fn quotas(request: &Request<'_>, method: &str) -> Outcome {
    let quotas = &request.world.quotas;
    match method {
        "GET" => {}
        "PUT" => {
            let body: QuotaBody = request.body()?;
            let old = quotas.settings();
            let multiplier = body.multiplier.unwrap_or(old.multiplier);
            if !(multiplier.is_finite() && multiplier > 0.0) {
                return Err(Refusal::bad("the multiplier must be above zero"));
            }
            quotas.set(QuotaSettings {
                enforced: body
                    .mode
                    .map_or(old.enforced, |mode| matches!(mode, QuotaMode::Published)),
                multiplier,
                burst: body.burst.or(old.burst).filter(|burst| *burst > 0),
            });
        }
        _ => return Err(unknown()),
    }
    let settings = quotas.settings();
    Ok(json!({
        "mode": if settings.enforced { "published" } else { "none" },
        "multiplier": settings.multiplier,
        "burst": settings.burst,
    }))
}

pub(super) fn knobs(request: &Request<'_>, method: &str) -> Outcome {
    let world = request.world;
    let account = request.query("account");
    match method {
        "GET" => {}
        "PUT" => {
            let body: Map<String, Value> = request.body()?;
            let settings = body
                .iter()
                .map(|(name, value)| parse_setting(name, value))
                .collect::<Result<Vec<_>, _>>()
                .map_err(Refusal::bad)?;
            world.set_knobs(account, settings);
        }
        _ => return Err(unknown()),
    }
    let knobs = world.knobs_of(account.unwrap_or_default());
    Ok(Value::Object(knobs.all()))
}
