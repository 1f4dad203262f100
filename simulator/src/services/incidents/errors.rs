//! Errors of ssm-incidents.

use crate::clock::{Millis, epoch_seconds};
use crate::error::AwsError;
use crate::services::Common;
use crate::validation::sentence;

/// Name of a replication set in `resourceType`.
const SET: &str = "REPLICATION_SET";

/// A business rule is broken.
pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", message)
}

/// There is no such resource.
pub(super) fn not_found(arn: &str) -> AwsError {
    let error = AwsError::new("ResourceNotFoundException", format!("{arn} was not found."))
        .with("resourceIdentifier", arn);
    if arn.contains(":replication-set/") {
        error.with("resourceType", SET)
    } else {
        error
    }
}

/// The call does not go together with what is there.
pub(super) fn conflict(arn: &str, message: impl Into<String>, retry: Option<Millis>) -> AwsError {
    let error = AwsError::new("ConflictException", message)
        .with("resourceIdentifier", arn)
        .with("resourceType", SET);
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
