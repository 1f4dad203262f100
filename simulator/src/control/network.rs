//! Endpoint services of others, and what their owners decide.

use serde_json::json;

use crate::lock::lock;
use crate::services::ec2::{Decision, NewService, decide, offer};
use crate::world::Circumstances;

use super::{Outcome, Refusal, Request, unknown};

pub(super) fn endpoint_services(request: &Request<'_>, method: &str) -> Outcome {
    if method != "POST" {
        return Err(unknown());
    }
    let service: NewService = request.body()?;
    let account = request.world.account(&service.account);
    let name = offer(&mut lock(&account), service).map_err(Refusal::bad)?;
    request.world.changed();
    let id = name.rsplit('.').next().unwrap_or_default();
    Ok(json!({"serviceName": name, "serviceId": id}))
}

pub(super) fn endpoints(request: &Request<'_>, method: &str) -> Outcome {
    if method != "POST" {
        return Err(unknown());
    }
    let world = request.world;
    let decision: Decision = request.body()?;
    let knobs = world.knobs_of(&decision.account);
    let account = world
        .known_account(&decision.account)
        .ok_or_else(|| Refusal::missing("account"))?;
    let mut account = lock(&account);
    world.settle(&mut account);
    let at = Circumstances {
        now: world.clock.now(),
        knobs: &knobs,
        world,
    };
    decide(&mut account, &at, decision).map_err(Refusal::bad)?;
    world.changed();
    Ok(json!({}))
}
