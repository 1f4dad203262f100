//! What a failed call means, in words that are safe to show. [`classify`] is the one table of AWS's error codes.

use std::{fmt, ops, time::Duration};

use super::{Operation, Service};

mod sdk;

/// What should happen next, as far as the answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// What the request names does not exist.
    NotFound,
    /// It exists already, is in use, or somebody else is changing it.
    Conflict,
    /// AWS refuses the content. For ssm-contacts it may also mean that the account is not onboarded.
    Invalid,
    /// The activation code is not the one that was sent, or has expired. The same doubt as [`Self::Invalid`].
    WrongCode,
    /// The credentials, or the lack of them, do not allow it.
    AccessDenied,
    /// A service quota is used up.
    QuotaExceeded,
    /// Too many calls.
    Throttled,
    /// Worth trying again: AWS or the way to it failed.
    Transient,
    /// The replication set's key cannot be used.
    DataEncryption,
    /// Nothing was sent: the pass was told to give way while it waited for its turn.
    GaveWay,
}

impl ErrorClass {
    /// Every class.
    pub const ALL: [Self; 10] = [
        Self::NotFound,
        Self::Conflict,
        Self::Invalid,
        Self::WrongCode,
        Self::AccessDenied,
        Self::QuotaExceeded,
        Self::Throttled,
        Self::Transient,
        Self::DataEncryption,
        Self::GaveWay,
    ];

    /// The label in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::WrongCode => "wrong_code",
            Self::AccessDenied => "access_denied",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::DataEncryption => "data_encryption",
            Self::GaveWay => "gave_way",
        }
    }
}

/// The table: what an error code means as the answer to an operation. No code, or one that nobody knows, is transient.
pub fn classify(operation: Operation, code: Option<&str>) -> ErrorClass {
    code.and_then(|code| known_class(operation, code))
        .unwrap_or(ErrorClass::Transient)
}

/// The table without its last row.
fn known_class(operation: Operation, code: &str) -> Option<ErrorClass> {
    Some(match code {
        "ResourceNotFoundException"
        // EC2 spells it differently from one operation to the next.
        | "InvalidVpcEndpointId.NotFound"
        | "InvalidVpcEndpoint.NotFound"
        | "InvalidVpcID.NotFound"
        | "InvalidVpcId.NotFound"
        | "InvalidSubnetID.NotFound"
        | "InvalidSubnetId.NotFound"
        | "InvalidSecurityGroupID.NotFound"
        | "InvalidSecurityGroupId.NotFound"
        | "InvalidGroup.NotFound"
        | "InvalidGroupId.NotFound"
        | "InvalidRouteTableID.NotFound"
        | "InvalidRouteTableId.NotFound"
        | "InvalidPermission.NotFound"
        | "InvalidPrefixListID.NotFound"
        | "InvalidPrefixListId.NotFound"
        | "InvalidNetworkInterfaceID.NotFound"
        | "InvalidID" => ErrorClass::NotFound,

        "ConflictException"
        | "OperationInProgress"
        | "DependencyViolation"
        | "IncorrectState"
        | "InvalidPermission.Duplicate"
        | "InvalidGroup.Duplicate"
        | "InvalidGroup.InUse"
        | "RouteAlreadyExists"
        | "ResourceInUse"
        | "ConcurrentTagAccess"
        // A former request with this token may still come to show.
        | "IdempotentParameterMismatch" => ErrorClass::Conflict,

        // The only modelled error that fits a wrong code.
        "ValidationException" if operation == Operation::ActivateContactChannel => ErrorClass::WrongCode,
        "ValidationException"
        | "ValidationError"
        | "SerializationException"
        | "UnknownOperationException"
        // An account that never onboarded, now that the service is closed to new customers.
        | "UnsupportedOperationException"
        | "InvalidAction"
        | "InvalidParameterValue"
        | "InvalidParameterCombination"
        | "MissingParameter"
        | "InvalidParameter"
        | "InvalidInput"
        | "InvalidServiceName"
        | "InvalidPolicyDocument"
        | "InvalidVpcEndpointId.Malformed"
        | "InvalidVpcId.Malformed"
        | "InvalidVpcID.Malformed"
        | "InvalidSubnetID.Malformed"
        | "InvalidSecurityGroupID.Malformed"
        | "InvalidGroupId.Malformed"
        | "InvalidRouteTableId.Malformed"
        | "DuplicateSubnetsInSameZone"
        | "UnsupportedOperation"
        | "MalformedQueryString"
        | "MalformedPolicyDocument"
        | "MalformedPolicyDocumentException"
        | "PackedPolicyTooLarge"
        | "PackedPolicyTooLargeException" => ErrorClass::Invalid,

        "AccessDeniedException"
        | "AccessDenied"
        | "UnauthorizedOperation"
        | "AuthFailure"
        | "Blocked"
        | "UnrecognizedClientException"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidIdentityToken"
        | "InvalidIdentityTokenException"
        | "IDPRejectedClaim"
        | "IDPRejectedClaimException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "OptInRequired"
        | "RegionDisabledException" => ErrorClass::AccessDenied,

        "ServiceQuotaExceededException"
        | "LimitExceededException"
        | "VpcEndpointLimitExceeded"
        | "SecurityGroupLimitExceeded"
        | "RulesPerSecurityGroupLimitExceeded"
        | "SecurityGroupsPerInterfaceLimitExceeded"
        | "TagLimitExceeded"
        | "RouteLimitExceeded"
        | "RouteTableLimitExceeded" => ErrorClass::QuotaExceeded,

        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "SlowDown" => ErrorClass::Throttled,

        "DataEncryptionException" => ErrorClass::DataEncryption,

        "InternalServerException"
        | "InternalServerError"
        | "InternalFailure"
        | "InternalError"
        | "ServiceUnavailable"
        | "Unavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "IDPCommunicationError"
        | "IDPCommunicationErrorException"
        // A clock that is off, ours or theirs.
        | "RequestExpired"
        | "RequestInTheFuture"
        | "RequestTimeTooSkewed" => ErrorClass::Transient,

        _ => return None,
    })
}

/// Resources that stand in the way, by how they relate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependent {
    /// AWS's word for the relation; what words there are is published nowhere.
    pub relation: String,
    /// ARNs.
    pub ids: Vec<String>,
}

/// A call that failed. Its `Display` is what a user reads in a condition: no value, no address, no request id.
#[derive(Clone, PartialEq, Eq)]
pub struct CallError(Box<CallFailure>);

/// What is known of a failed call. Nothing in it quotes what AWS's message quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFailure {
    /// What failed: not always what was asked for, since getting credentials may fail first.
    pub operation: Operation,
    /// What it means.
    pub class: ErrorClass,
    /// AWS's error code.
    pub code: Option<String>,
    /// More, in words that are ours.
    pub detail: Option<String>,
    /// How long AWS wants to be left alone.
    pub retry_after: Option<Duration>,
    /// What a conflict names as standing in the way.
    pub dependents: Vec<Dependent>,
    /// Type and id of the resource a conflict is about.
    pub conflict: Option<(String, String)>,
    /// The request may have taken effect: it was sent, and what came of it is not known.
    pub effect_unknown: bool,
    /// For the log only.
    pub request_id: Option<String>,
    /// The IAM action AWS named as missing, when it did.
    pub denied_action: Option<String>,
}

impl CallError {
    /// A failure of which nothing more is known.
    pub fn new(operation: Operation, class: ErrorClass) -> Self {
        Self(Box::new(CallFailure {
            operation,
            class,
            code: None,
            detail: None,
            retry_after: None,
            dependents: Vec::new(),
            conflict: None,
            effect_unknown: false,
            request_id: None,
            denied_action: None,
        }))
    }

    /// The same with a detail. `detail` is shown to users: it must not quote a value.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The IAM action that was missing: the one AWS named, else the operation's own.
    pub fn iam_action(&self) -> &str {
        self.denied_action
            .as_deref()
            .unwrap_or(self.operation.iam_action())
    }

    /// Whether AWS refused in a way that a missing replication set explains as well as bad content does: then
    /// [`super::Account::replication_set`] is to be asked before anybody is blamed.
    pub fn may_mean_not_onboarded(&self) -> bool {
        let code = self.code.as_deref();
        // What a response plan is made in may be what is not found.
        let made = matches!(
            self.operation,
            Operation::CreateResponsePlan | Operation::UpdateResponsePlan
        );
        (self.operation.service() == Service::SSMContacts && code == Some("ValidationException"))
            || (made && code == Some("ResourceNotFoundException"))
    }
}

impl ops::Deref for CallError {
    type Target = CallFailure;

    fn deref(&self) -> &CallFailure {
        &self.0
    }
}

impl ops::DerefMut for CallError {
    fn deref_mut(&mut self) -> &mut CallFailure {
        &mut self.0
    }
}

impl std::error::Error for CallError {}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallFailure {
            operation,
            class,
            code,
            detail,
            ..
        } = &**self;
        match class {
            ErrorClass::GaveWay => write!(f, "{operation} was not sent, the pass gave way")?,
            ErrorClass::AccessDenied if is_about_permission(code.as_deref()) => {
                write!(
                    f,
                    "{operation} was denied, it needs the IAM action {}",
                    self.iam_action()
                )?;
            }
            ErrorClass::AccessDenied => write!(
                f,
                "{operation} was denied, AWS does not accept the credentials"
            )?,
            ErrorClass::Throttled => write!(f, "{operation} was throttled")?,
            ErrorClass::Invalid => write!(f, "{operation} was refused")?,
            ErrorClass::NotFound
            | ErrorClass::Conflict
            | ErrorClass::WrongCode
            | ErrorClass::QuotaExceeded
            | ErrorClass::Transient
            | ErrorClass::DataEncryption => write!(f, "{operation} failed")?,
        }
        if let Some(code) = code {
            write!(f, " ({code})")?;
        }
        if let Some(detail) = detail {
            write!(f, ": {detail}")?;
        }
        if let Some((kind, id)) = &self.conflict {
            write!(f, ": {kind} {id}")?;
        }
        for Dependent { relation, ids } in &self.dependents {
            write!(f, "; {relation}: {}", ids.join(", "))?;
        }
        if self.effect_unknown {
            f.write_str("; whether it took effect is not known")?;
        }
        Ok(())
    }
}

/// Whether a denial is about what the principal may do rather than about who it is.
fn is_about_permission(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized")
    )
}

#[cfg(test)]
mod tests;
