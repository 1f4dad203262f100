//! Errors as AWS answers them, before a protocol gives them a shape.

use serde_json::{Map, Value};

/// An error answer.
#[derive(Debug, Clone)]
pub struct AwsError {
    /// For example `ConflictException`.
    pub code: String,
    /// What the answer says.
    pub message: String,
    /// Further modelled members.
    pub members: Map<String, Value>,
    /// After how many seconds to come back; also sent as a header.
    pub retry_after: Option<u64>,
}

impl AwsError {
    /// An error with a code and a message only.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            members: Map::new(),
            retry_after: None,
        }
    }

    /// Adds a modelled member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The body could not be understood at all.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    /// The service has no such operation.
    pub fn unknown_operation() -> Self {
        Self::new("UnknownOperationException", "")
    }

    /// Whether the service is to blame.
    pub fn is_server_fault(&self) -> bool {
        self.code.starts_with("Internal") || self.code.starts_with("ServiceUnavailable")
    }

    /// The HTTP status that the Smithy traits give this code.
    pub fn modelled_status(&self) -> u16 {
        match self.code.as_str() {
            "AccessDeniedException"
            | "AccessDenied"
            | "MissingAuthenticationTokenException"
            | "MissingAuthenticationToken"
            | "ExpiredTokenException"
            | "ExpiredToken" => 403,
            "ConflictException" => 409,
            "ResourceNotFoundException" | "UnknownOperationException" => 404,
            "ServiceQuotaExceededException" => 402,
            "ThrottlingException" | "TooManyRequestsException" => 429,
            _ if self.is_server_fault() => 500,
            _ => 400,
        }
    }
}
