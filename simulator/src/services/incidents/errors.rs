//! Errors of ssm-incidents.

use crate::clock::{Millis, epoch_seconds};
use crate::error::AwsError;
use crate::services::Common;
use crate::validation::sentence;

/// What `resourceType` calls the resource of an ARN.
fn kind_of(arn: &str) -> Option<&'static str> {
    let resource = arn.splitn(6, ':').nth(5)?;
    match resource.split_once('/')?.0 {
        "replication-set" => Some("REPLICATION_SET"),
        "response-plan" => Some("RESPONSE_PLAN"),
        "incident-record" => Some("INCIDENT_RECORD"),
        _ => None,
    }
}

/// What is wrong, and with which resource.
fn about(error: AwsError, identifier: &str, kind: Option<&str>) -> AwsError {
    let error = error.with("resourceIdentifier", identifier);
    match kind {
        Some(kind) => error.with("resourceType", kind),
        None => error,
    }
}

/// A business rule is broken.
pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", message)
}

/// There is no such resource.
pub(super) fn not_found(arn: &str) -> AwsError {
    let error = AwsError::new("ResourceNotFoundException", format!("{arn} was not found."));
    about(error, arn, kind_of(arn))
}

/// There is no such part of a resource.
pub(super) fn part_not_found(kind: &str, id: &str) -> AwsError {
    let error = AwsError::new("ResourceNotFoundException", format!("{id} was not found."));
    about(error, id, Some(kind))
}

/// The account has no replication set that serves the Region.
pub(super) fn not_onboarded() -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        "No replication set was found for the account in this Region.",
    )
    .with("resourceType", "REPLICATION_SET")
}

/// The call does not go together with what is there.
pub(super) fn conflict(arn: &str, message: impl Into<String>, retry: Option<Millis>) -> AwsError {
    let error = about(
        AwsError::new("ConflictException", message),
        arn,
        kind_of(arn),
    );
    match retry {
        Some(retry) => error.with("retryAfter", epoch_seconds(retry)),
        None => error,
    }
}

/// A quota is used up.
pub(super) fn quota(code: &str, message: impl Into<String>) -> AwsError {
    AwsError::new("ServiceQuotaExceededException", message)
        .with("quotaCode", code)
        .with("serviceCode", "ssm-incidents")
}

/// The common errors.
pub(super) fn common(error: Common) -> AwsError {
    match error {
        // The service models no time to come back after.
        Common::Throttled(_) => AwsError::new("ThrottlingException", "Rate exceeded")
            .with("quotaCode", "RequestRate")
            .with("serviceCode", "ssm-incidents"),
        Common::Internal(seconds) => {
            let mut error = AwsError::new(
                "InternalServerException",
                "The request processing has failed because of an unknown error, exception or failure.",
            );
            error.retry_after = seconds;
            error
        }
        Common::Quota => quota(
            "Unspecified",
            "Request would cause a service quota to be exceeded.",
        ),
        Common::DataEncryption => invalid("The KMS key of the replication set could not be used."),
        Common::Invalid(violations) => invalid(sentence(&violations)),
        Common::Refused(message) => invalid(message),
        Common::AccessDenied(message) => AwsError::new("AccessDeniedException", message),
    }
}
