//! Incidents that are opened from outside, findings, and what Incident Manager cannot use.

use serde::Deserialize;
use serde_json::json;

use crate::lock::lock;
use crate::services::incidents::data::Unusable;
use crate::services::incidents::{Alarm, SeededFinding, raise, seed_findings};
use crate::world::Circumstances;

use super::{Outcome, Refusal, Request, unknown};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FindingsBody {
    incident_record_arn: String,
    findings: Vec<SeededFinding>,
}

pub(super) fn incidents(request: &Request<'_>, method: &str, rest: &[&str]) -> Outcome {
    let world = request.world;
    match (method, rest) {
        ("POST", []) => {
            let alarm: Alarm = request.body()?;
            let knobs = world.knobs_of(&alarm.account);
            let account = world
                .known_account(&alarm.account)
                .ok_or_else(|| Refusal::missing("account"))?;
            let mut account = lock(&account);
            world.settle(&mut account);
            let at = Circumstances {
                now: world.clock.now(),
                knobs: &knobs,
                world,
            };
            let (arn, new) = raise(&mut account, &at, alarm).map_err(Refusal::bad)?;
            world.changed();
            Ok(json!({"incidentRecordArn": arn, "created": new}))
        }
        ("POST", ["findings"]) => {
            let body: FindingsBody = request.body()?;
            let arn = body.incident_record_arn;
            let account = world
                .known_account(arn.split(':').nth(4).unwrap_or_default())
                .ok_or_else(|| Refusal::missing("account"))?;
            let mut account = lock(&account);
            let ids = seed_findings(&mut account, world.clock.now(), &arn, body.findings)
                .map_err(Refusal::bad)?;
            world.changed();
            Ok(json!({"ids": ids}))
        }
        _ => Err(unknown()),
    }
}

pub(super) fn unusable(request: &Request<'_>, method: &str) -> Outcome {
    let account = request
        .query("account")
        .ok_or_else(|| Refusal::bad("which account?"))?;
    let account = request.world.account(account);
    match method {
        "GET" => {}
        "PUT" => {
            lock(&account).unusable = request.body::<Unusable>()?;
            request.world.changed();
        }
        _ => return Err(unknown()),
    }
    let shown = json!(lock(&account).unusable);
    Ok(shown)
}
