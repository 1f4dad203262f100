//! The way of one AWS call, from the request's head to its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::Value;

use crate::auth::{self, Scope, ScopeError};
use crate::call_log::Call as LoggedCall;
use crate::clock::real_now;
use crate::error::AwsError;
use crate::fault::{FaultEffect, FaultKind};
use crate::hold::Caught;
use crate::iam::Needed;
use crate::knobs::{Knob, Knobs};
use crate::lock::lock;
use crate::matching::Moment;
use crate::protocol::{self, Answer, Decoded};
use crate::services::{self, Call, Common, Operation, Service, account, ec2, sts};
use crate::validation;
use crate::world::{Circumstances, World};

/// How a call ends.
pub enum Outcome {
    /// With an answer, and the id of the request.
    Answered(Answer, String),
    /// With the connection closed.
    Cut,
}

/// What comes of a call before the protocol gives it a shape.
enum Ending {
    Output(&'static Operation, Value),
    Error(AwsError),
    Cut,
}

/// Carries out a call.
pub async fn answer(world: Arc<World>, head: Parts, body: Bytes) -> Outcome {
    let request_id = uuid::Uuid::new_v4().to_string();
    let scope = match auth::scope(&head.headers) {
        Ok(scope) => scope,
        Err(error) => return unauthenticated(&world, &head, error, request_id),
    };
    let Some(service) = services::find(&scope.service) else {
        let error = AwsError::unknown_operation();
        let logged = arrival(&head, Some(&scope), &request_id);
        let seq = world.log.arrived(logged);
        let answer = failed(&head, &error, &request_id);
        finish(&world, seq, answer.status, Some(&error.code));
        return Outcome::Answered(answer, request_id);
    };
    let Decoded {
        name,
        operation,
        input,
    } = protocol::decode(service, &head, &body);
    let input = match (operation, input) {
        (Some(operation), Ok(input)) => protocol::conform(operation.input, &input),
        (_, input) => input,
    };
    let partition = auth::partition_of(&scope.region);
    let principal = sts::principal(&world, &scope.access_key, &scope.account, partition);
    let mut logged = arrival(&head, Some(&scope), &request_id);
    logged.operation.clone_from(&name);
    logged.principal.clone_from(&principal);
    logged.mutating = operation.is_some_and(|operation| operation.mutating);
    if let Ok(input) = &input {
        logged.request = input.to_string();
        logged.token = operation
            .and_then(|operation| input.get(operation.token?)?.as_str())
            .map(str::to_owned);
    }
    let knobs = world.knobs_of(&scope.account);
    let needed = match (operation, &input) {
        (Some(operation), Ok(input)) => {
            let account = world.account(&scope.account);
            let mut account = lock(&account);
            // The first call of Incident Manager decides where an account is onboarded.
            let others = [sts::SERVICE.name, ec2::SERVICE.name, account::SERVICE.name];
            if !others.contains(&service.name) {
                world.start_account(&mut account, &scope.region);
            }
            let call = Call {
                scope: &scope,
                partition,
                principal: &principal,
                operation,
                now: world.clock.now(),
                knobs: &knobs,
                world: &world,
                input,
                created: Vec::new(),
            };
            (operation.needs)(&account, &call)
        }
        _ => Vec::new(),
    };
    logged.needed.clone_from(&needed);
    let seq = world.log.arrived(logged);

    let mut pending: Vec<Caught> =
        world
            .holds
            .count(&scope.account, &scope.region, service.name, &name);
    let faults = world
        .faults
        .count(&scope.account, &scope.region, service.name, &name);

    let result = 'result: {
        if wait(&mut pending, Moment::Before).await {
            break 'result Ending::Cut;
        }
        pause(world.latency_of(&name)).await;
        if let Some(result) = strike(service, &faults, Moment::Before).await {
            break 'result result;
        }
        let result = match (operation, input) {
            (None, _) => Ending::Error(AwsError::unknown_operation()),
            (Some(operation), input) => {
                let request = Request {
                    world: &world,
                    scope: &scope,
                    partition,
                    principal: &principal,
                    service,
                    operation,
                    knobs: &knobs,
                    needed: &needed,
                    seq,
                };
                match request.carry_out(input) {
                    Ok(output) => Ending::Output(operation, output),
                    Err(error) => Ending::Error(error),
                }
            }
        };
        if wait(&mut pending, Moment::After).await {
            break 'result Ending::Cut;
        }
        strike(service, &faults, Moment::After)
            .await
            .unwrap_or(result)
    };

    let smithy = knobs.is(Knob::ContactsErrorHttpStatus, "smithy");
    let (answer, error) = match result {
        Ending::Cut => {
            world
                .log
                .amend(seq, |call| call.error = Some("cut".to_owned()));
            return Outcome::Cut;
        }
        Ending::Output(operation, output) => (
            protocol::success(service, operation, &output, &request_id),
            None,
        ),
        Ending::Error(error) => (
            protocol::failure(service, &error, smithy, &request_id),
            Some(error.code),
        ),
    };
    finish(&world, seq, answer.status, error.as_deref());
    Outcome::Answered(answer, request_id)
}

/// Everything known about a call before its effect.
struct Request<'a> {
    world: &'a World,
    scope: &'a Scope,
    partition: &'static str,
    principal: &'a str,
    service: &'static Service,
    operation: &'static Operation,
    knobs: &'a Knobs,
    needed: &'a [Needed],
    seq: u64,
}

impl Request<'_> {
    /// Budget, authorisation, validation, effect: in this order.
    fn carry_out(&self, input: Result<Value, AwsError>) -> Result<Value, AwsError> {
        let Self {
            world,
            scope,
            service,
            operation,
            ..
        } = self;
        if world
            .session(&scope.access_key)
            .is_some_and(|session| session.expires <= real_now())
        {
            return Err(AwsError::new(
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ));
        }
        world
            .quotas
            .take(
                &scope.account,
                &scope.region,
                service.name,
                operation.budget.unwrap_or(operation.name),
                operation.per_second,
            )
            .map_err(|seconds| (service.common)(Common::Throttled(seconds)))?;
        let input = input?;
        let account = world.account(&scope.account);
        let mut account = lock(&account);
        let now = world.clock.now();
        let circumstances = Circumstances {
            now,
            knobs: self.knobs,
            world,
        };
        if account.settle(&circumstances) {
            world.changed();
        }
        let mut call = Call {
            scope,
            partition: self.partition,
            principal: self.principal,
            operation,
            now,
            knobs: self.knobs,
            world,
            input: &input,
            created: Vec::new(),
        };
        world.authorize(
            &account,
            self.principal,
            self.needed,
            service.access_denied_code,
        )?;
        let violations = validation::check(operation.input, &input);
        if !violations.is_empty() {
            return Err((service.common)(Common::Invalid(violations)));
        }
        if let Some(gate) = service.gate {
            gate(&account, &call)?;
        }
        let output = (operation.effect)(&mut account, &mut call)?;
        if operation.mutating {
            world.changed();
        }
        if !call.created.is_empty() {
            let created = std::mem::take(&mut call.created);
            world.log.amend(self.seq, |logged| logged.created = created);
        }
        Ok(output)
    }
}

/// Waits at the holds of this moment; true if the call is to be abandoned.
async fn wait(pending: &mut Vec<Caught>, moment: Moment) -> bool {
    let (now, later): (Vec<_>, Vec<_>) = std::mem::take(pending)
        .into_iter()
        .partition(|caught| caught.moment == moment);
    *pending = later;
    for caught in now {
        if caught.wait().await {
            return true;
        }
    }
    false
}

async fn pause(milliseconds: u64) {
    if milliseconds > 0 {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}

/// Applies the faults of this moment: slow ones delay, the first of the others decides.
async fn strike(service: &Service, faults: &[FaultEffect], moment: Moment) -> Option<Ending> {
    let mut result = None;
    for fault in faults.iter().filter(|fault| fault.moment == moment) {
        match fault.kind {
            FaultKind::Slow => pause(fault.delay).await,
            _ if result.is_some() => {}
            FaultKind::Cut => result = Some(Ending::Cut),
            _ => result = Some(Ending::Error(error_of(service, fault))),
        }
    }
    result
}

fn error_of(service: &Service, fault: &FaultEffect) -> AwsError {
    let message = |usual: &str| fault.message.clone().unwrap_or_else(|| usual.to_owned());
    let mut error = match fault.kind {
        FaultKind::Throttle => (service.common)(Common::Throttled(fault.retry_after.unwrap_or(1))),
        FaultKind::Internal | FaultKind::Cut | FaultKind::Slow => {
            (service.common)(Common::Internal(fault.retry_after))
        }
        FaultKind::AccessDenied => (service.common)(Common::AccessDenied(message(
            "You don't have sufficient access to perform this operation.",
        ))),
        FaultKind::Quota => (service.common)(Common::Quota),
        FaultKind::Validation => (service.common)(Common::Refused(message(
            "The input fails to satisfy the constraints specified by an Amazon Web Services service.",
        ))),
        FaultKind::DataEncryption => (service.common)(Common::DataEncryption),
        FaultKind::Error => AwsError::new(
            fault.code.as_deref().unwrap_or("InternalServerException"),
            message(""),
        ),
    };
    if let Some(message) = &fault.message {
        error.message.clone_from(message);
    }
    if fault.retry_after.is_some() {
        error.retry_after = fault.retry_after;
    }
    error
}

fn arrival(head: &Parts, scope: Option<&Scope>, request_id: &str) -> LoggedCall {
    let header = |name: &str| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    LoggedCall {
        time: Timestamp::now().to_string(),
        account: scope.map(|scope| scope.account.clone()).unwrap_or_default(),
        region: scope.map(|scope| scope.region.clone()).unwrap_or_default(),
        service: scope.map(|scope| scope.service.clone()).unwrap_or_default(),
        operation: format!("{} {}", head.method, head.uri.path()),
        user_agent: header("user-agent"),
        request_id: request_id.to_owned(),
        ..LoggedCall::default()
    }
}

fn unauthenticated(world: &World, head: &Parts, error: ScopeError, request_id: String) -> Outcome {
    let error = match error {
        ScopeError::Missing => AwsError::new(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        ScopeError::Malformed => AwsError::new(
            "IncompleteSignatureException",
            "The Authorization header is not a valid AWS4-HMAC-SHA256 header with Credential, SignedHeaders and Signature.",
        ),
    };
    let seq = world.log.arrived(arrival(head, None, &request_id));
    let answer = failed(head, &error, &request_id);
    finish(world, seq, answer.status, Some(&error.code));
    Outcome::Answered(answer, request_id)
}

/// An error before a service is known.
fn failed(head: &Parts, error: &AwsError, request_id: &str) -> Answer {
    protocol::failure(protocol::guess(&head.headers), error, true, request_id)
}

fn finish(world: &World, seq: u64, status: u16, error: Option<&str>) {
    world.log.amend(seq, |call| {
        call.status = Some(status);
        call.error = error.map(str::to_owned);
    });
}
