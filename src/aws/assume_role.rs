//! Credentials of another role, obtained through our own metrics and errors.

use std::{fmt, time::SystemTime};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use aws_sdk_sts::operation::RequestId as _;
use tokio::time::Instant;

use super::{AssumeRole, CallError, ErrorClass, Operation, RequestMetrics};

/// Assumes a role with the operator's own identity. Cached and renewed by the SDK's identity cache.
pub(super) struct AssumedRole {
    client: aws_sdk_sts::Client,
    role: AssumeRole,
    metrics: RequestMetrics,
}

impl AssumedRole {
    pub(super) fn new(
        client: aws_sdk_sts::Client,
        role: AssumeRole,
        metrics: RequestMetrics,
    ) -> Self {
        Self {
            client,
            role,
            metrics,
        }
    }

    async fn assume(&self) -> Result<Credentials, CallError> {
        let AssumeRole {
            role_arn,
            external_id,
            session_name,
        } = &self.role;
        let request = self
            .client
            .assume_role()
            .role_arn(role_arn)
            .set_external_id(external_id.as_ref().map(|id| id.expose().clone()))
            .role_session_name(session_name.as_deref().unwrap_or(super::account::APP_NAME));
        let sent = Instant::now();
        match request.send().await {
            Ok(output) => {
                self.metrics.observe_call(
                    Operation::AssumeRole,
                    sent.elapsed(),
                    Ok(output.request_id()),
                );
                let credentials = output.credentials().and_then(credentials);
                credentials.ok_or_else(|| {
                    CallError::new(Operation::AssumeRole, ErrorClass::Transient)
                        .with_detail("the answer held no usable credentials")
                })
            }
            Err(error) => {
                let error = CallError::from_sdk(Operation::AssumeRole, &error);
                self.metrics
                    .observe_call(Operation::AssumeRole, sent.elapsed(), Err(&error));
                Err(error)
            }
        }
    }
}

fn credentials(given: &aws_sdk_sts::types::Credentials) -> Option<Credentials> {
    Some(Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        Some(SystemTime::try_from(*given.expiration()).ok()?),
        "AssumedRole",
    ))
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.assume()
                .await
                .map_err(CredentialsError::provider_error)
        })
    }
}

impl fmt::Debug for AssumedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumedRole")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}
