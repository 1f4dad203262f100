//! Errors of ssm-contacts.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::services::Common;
use crate::validation::sentence;

/// Name of a contact in `ResourceType`.
pub const CONTACT: &str = "CONTACT";
/// Name of a channel in `ResourceType`.
pub const CHANNEL: &str = "CONTACT_CHANNEL";

/// Name of a rotation in `ResourceType`.
pub const ROTATION: &str = "ROTATION";
/// Name of an override in `ResourceType`.
pub const OVERRIDE: &str = "ROTATION_OVERRIDE";
/// Name of an engagement in `ResourceType`.
pub const ENGAGEMENT: &str = "ENGAGEMENT";
/// Name of a page in `ResourceType`.
pub const PAGE: &str = "PAGE";

/// A business rule is broken.
pub fn invalid(detail: impl AsRef<str>) -> AwsError {
    AwsError::new(
        "ValidationException",
        format!("Invalid value provided - {}", detail.as_ref()),
    )
    .with("Reason", "OTHER")
}

/// An ARN that names nothing usable here.
pub fn invalid_arn(arn: &str) -> AwsError {
    invalid(format!("Invalid resource Arn {arn}"))
}

/// There is no such resource.
pub fn not_found(kind: &str, arn: &str) -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        format!("The requested resource {arn} was not found."),
    )
    .with("ResourceId", arn)
    .with("ResourceType", kind)
}

/// The call does not go together with what is there.
pub fn conflict(kind: &str, arn: &str, message: impl Into<String>) -> AwsError {
    AwsError::new("ConflictException", message)
        .with("ResourceId", arn)
        .with("ResourceType", kind)
}

/// What stands in the way, by the way it depends on the resource. The model shows 25 in one entry.
pub fn dependents(error: AwsError, relation: &str, arns: &[String]) -> AwsError {
    let entities: Vec<Value> = arns
        .chunks(SHOWN)
        .map(|some| json!({"RelationType": relation, "DependentResourceIds": some}))
        .collect();
    error.with("DependentEntities", entities)
}

/// As many ARNs as a list of an answer holds.
pub const SHOWN: usize = 25;

/// A quota is used up.
pub fn quota(code: &str, message: impl Into<String>) -> AwsError {
    AwsError::new("ServiceQuotaExceededException", message)
        .with("QuotaCode", code)
        .with("ServiceCode", "ssm-contacts")
}

/// The common errors.
pub fn common(error: Common) -> AwsError {
    match error {
        Common::Throttled(seconds) => {
            let mut error = AwsError::new("ThrottlingException", "Rate exceeded")
                .with("ServiceCode", "ssm-contacts")
                .with("QuotaCode", "RequestRate")
                .with("RetryAfterSeconds", seconds);
            error.retry_after = Some(seconds);
            error
        }
        Common::Internal(seconds) => {
            let mut error = AwsError::new(
                "InternalServerException",
                "Unexpected error occurred while processing the request.",
            );
            if let Some(seconds) = seconds {
                error = error.with("RetryAfterSeconds", seconds);
                error.retry_after = Some(seconds);
            }
            error
        }
        Common::Quota => quota(
            "Unspecified",
            "Request would cause a service quota to be exceeded.",
        ),
        Common::DataEncryption => AwsError::new(
            "DataEncryptionException",
            "The operation failed due to an encryption key error.",
        ),
        Common::Invalid(violations) => {
            let fields: Vec<Value> = violations
                .iter()
                .map(|violation| json!({"Name": violation.path, "Message": violation.constraint}))
                .collect();
            AwsError::new("ValidationException", sentence(&violations))
                .with("Reason", "FIELD_VALIDATION_FAILED")
                .with("Fields", fields)
        }
        Common::Refused(message) => {
            AwsError::new("ValidationException", message).with("Reason", "OTHER")
        }
        Common::AccessDenied(message) => AwsError::new("AccessDeniedException", message),
    }
}
