//! Takes an SDK error apart. What AWS wrote goes through `safe_text`, or is dropped.

use std::{error::Error, io, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ssmcontacts::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId as _,
    types::error as contacts,
};
use aws_sdk_ssmincidents::types::error as incidents;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::dns::ResolveDnsError;

use super::{CallError, Dependent, ErrorClass, known_class};
use crate::aws::{Operation, Service, safe_text};

impl CallError {
    /// What an SDK error means as the outcome of `operation`.
    pub fn from_sdk<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let mut call = match error {
            SdkError::ServiceError(context) => from_answer(operation, context.err(), context.raw()),
            SdkError::ConstructionFailure(_) => {
                // Nothing was sent: the input or the endpoint configuration cannot be used.
                from_chain(operation, error).unwrap_or_else(|| {
                    Self::new(operation, ErrorClass::Invalid)
                        .with_detail("the request could not be built from this configuration")
                })
            }
            SdkError::TimeoutError(_) => lost(operation, "no answer within the time allowed"),
            SdkError::ResponseError(context) => {
                let status = context.raw().status().as_u16();
                lost(
                    operation,
                    &format!("unreadable answer with HTTP status {status}"),
                )
            }
            _ => from_chain(operation, error)
                .unwrap_or_else(|| lost(operation, "the connection broke before an answer came")),
        };
        call.request_id = error.request_id().and_then(safe_text::request_id);
        call
    }
}

/// The request was sent, or may have been, and no answer says what came of it.
fn lost(operation: Operation, detail: &str) -> CallError {
    let mut call = CallError::new(operation, ErrorClass::Transient).with_detail(detail);
    call.effect_unknown = operation.is_mutating();
    call
}

/// AWS answered.
fn from_answer<E>(operation: Operation, error: &E, response: &HttpResponse) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = response.status().as_u16();
    let class = error
        .code()
        .and_then(|code| known_class(operation, code))
        .or(class_of_status(status))
        .unwrap_or(ErrorClass::Transient);
    let mut call = CallError::new(operation, class);
    call.code = error.code().and_then(safe_text::code);
    call.detail = error.message().and_then(safe_text::detail);
    if operation.service() == Service::EC2 && call.detail.is_none() {
        call.detail = error.message().and_then(safe_text::of_ec2);
    }
    call.denied_action = error.message().and_then(safe_text::denied_action);
    // An error of the service's own may come after the effect.
    call.effect_unknown = class == ErrorClass::Transient && operation.is_mutating();
    call.retry_after = response
        .headers()
        .get("retry-after")
        .and_then(|text| text.trim().parse().ok())
        .map(seconds);
    if call.code.is_none() {
        call.detail = Some(format!("HTTP status {status}"));
    }
    if call.code.as_deref() == Some("UnsupportedOperationException") {
        call.detail = Some(
            "Incident Manager is closed to new customers, and this account is not one of its customers".to_owned(),
        );
    }
    if let Some(modelled) = error.source() {
        add_modelled(&mut call, modelled);
    }
    call
}

/// What a status says when the code says nothing, as when a proxy answers.
fn class_of_status(status: u16) -> Option<ErrorClass> {
    match status {
        401 | 403 | 407 => Some(ErrorClass::AccessDenied),
        429 => Some(ErrorClass::Throttled),
        408 | 425 => Some(ErrorClass::Transient),
        400..=499 => Some(ErrorClass::Invalid),
        _ => None,
    }
}

/// What only the modelled exceptions carry. They are the same types for every operation of a service.
fn add_modelled(call: &mut CallError, error: &(dyn Error + 'static)) {
    if let Some(error) = error.downcast_ref::<contacts::ConflictException>() {
        call.conflict = conflict(&error.resource_type, &error.resource_id);
        call.dependents = error
            .dependent_entities()
            .iter()
            .map(|entity| Dependent {
                relation: safe_text::word(entity.relation_type())
                    .unwrap_or_else(|| "dependents".to_owned()),
                ids: entity
                    .dependent_resource_ids()
                    .iter()
                    .filter_map(|id| safe_text::resource_id(id))
                    .collect(),
            })
            .collect();
    } else if let Some(error) = error.downcast_ref::<contacts::ValidationException>() {
        if call.detail.is_none() {
            call.detail = safe_text::fields(
                error
                    .fields()
                    .iter()
                    .map(|field| (field.name(), field.message())),
            );
        }
    } else if let Some(error) = error.downcast_ref::<contacts::ThrottlingException>() {
        call.retry_after = positive(error.retry_after_seconds).or(call.retry_after);
    } else if let Some(error) = error.downcast_ref::<contacts::InternalServerException>() {
        call.retry_after = positive(error.retry_after_seconds).or(call.retry_after);
    } else if let Some(error) = error.downcast_ref::<contacts::ServiceQuotaExceededException>() {
        call.detail = safe_text::quota(&error.service_code, &error.quota_code);
    } else if let Some(error) = error.downcast_ref::<incidents::ConflictException>() {
        let kind = error.resource_type().map_or("", |kind| kind.as_str());
        call.conflict = error
            .resource_identifier()
            .and_then(|id| conflict(kind, id));
        call.retry_after = error
            .retry_after()
            .and_then(|at| from_now(at.secs()))
            .or(call.retry_after);
    } else if let Some(error) = error.downcast_ref::<incidents::ServiceQuotaExceededException>() {
        call.detail = safe_text::quota(error.service_code.as_str(), &error.quota_code);
    }
}

fn conflict(kind: &str, id: &str) -> Option<(String, String)> {
    Some((
        safe_text::word(kind).unwrap_or_else(|| "resource".to_owned()),
        safe_text::resource_id(id)?,
    ))
}

/// Looks for a cause that proves that nothing was sent.
fn from_chain(operation: Operation, error: &(dyn Error + 'static)) -> Option<CallError> {
    let mut next = Some(error);
    let mut credentials = false;
    while let Some(error) = next {
        if let Some(inner) = error.downcast_ref::<CallError>() {
            return Some(inner.clone());
        }
        if let Some(error) = error.downcast_ref::<AssumeRoleWithWebIdentityError>() {
            return Some(from_web_identity(operation, error));
        }
        if let Some(error) = error.downcast_ref::<CredentialsError>() {
            credentials = true;
            if matches!(
                error,
                CredentialsError::CredentialsNotLoaded(_)
                    | CredentialsError::InvalidConfiguration(_)
            ) {
                return Some(
                    CallError::new(operation, ErrorClass::AccessDenied).with_detail(
                        "the operator has no AWS credentials, or their configuration is invalid",
                    ),
                );
            }
        }
        if !credentials && never_connected(error) {
            return Some(
                CallError::new(operation, ErrorClass::Transient)
                    .with_detail("AWS could not be reached"),
            );
        }
        next = error.source();
    }
    credentials.then(|| {
        CallError::new(operation, ErrorClass::Transient)
            .with_detail("AWS credentials could not be obtained")
    })
}

fn from_web_identity(operation: Operation, error: &AssumeRoleWithWebIdentityError) -> CallError {
    let class = error
        .code()
        .and_then(|code| known_class(operation, code))
        .unwrap_or(ErrorClass::Transient);
    let mut call = CallError::new(operation, class)
        .with_detail("the service account's role could not be assumed (AssumeRoleWithWebIdentity)");
    call.code = error.code().and_then(safe_text::code);
    call.denied_action = error.message().and_then(safe_text::denied_action);
    call
}

fn never_connected(error: &(dyn Error + 'static)) -> bool {
    error.is::<ResolveDnsError>()
        || error.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
                    | io::ErrorKind::AddrNotAvailable
            )
        })
}

fn positive(value: i32) -> Option<Duration> {
    u64::try_from(value)
        .ok()
        .filter(|value| *value > 0)
        .map(seconds)
}

/// A wait as AWS asked for it, within reason.
fn seconds(value: u64) -> Duration {
    Duration::from_secs(value.min(3600))
}

fn from_now(epoch_seconds: i64) -> Option<Duration> {
    let now = jiff::Timestamp::now().as_second();
    u64::try_from(epoch_seconds.saturating_sub(now))
        .ok()
        .map(seconds)
}
