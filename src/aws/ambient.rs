//! The account that the environment's credentials belong to, for commands that people run.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::{
    AccountConfig, Accounts, AssumeRole, CallError, ConfirmError, ErrorClass, Limiter, Placement,
    Priority, RequestMetrics, Session,
};

/// So often a call that AWS throttled or failed is tried again.
const ATTEMPTS: u32 = 8;

/// A session on the account that the credentials, or the role that they are to assume, belong to.
///
/// # Errors
/// What STS says.
pub async fn session(region: &str, role_arn: Option<&str>) -> Result<Session, CallError> {
    let metrics = RequestMetrics::default();
    let accounts = Accounts::new(Limiter::new(metrics.clone()), metrics).await;
    let config = |account_id: &str| AccountConfig {
        name: "default".to_owned(),
        placement: Placement::new(account_id, region),
        assume_role: role_arn.map(|role| AssumeRole {
            role_arn: role.to_owned(),
            external_id: None,
            session_name: None,
        }),
        endpoints: BTreeMap::new(),
        use_fips: false,
        use_dual_stack: false,
    };
    let never = CancellationToken::new();
    let unknown = accounts.account(&config(""));
    let account_id = match unknown.confirm(Priority::Drift, never.clone()).await {
        Ok(identity) => identity.account_id,
        Err(ConfirmError::WrongAccount { actual, .. }) => actual,
        Err(ConfirmError::Call(error)) => return Err(error),
    };
    let account = accounts.account(&config(&account_id));
    Ok(account.session(Priority::Drift, never))
}

/// Tries again what AWS throttled or failed.
///
/// # Errors
/// What AWS says in the end.
pub async fn patiently<T>(call: impl AsyncFn() -> Result<T, CallError>) -> Result<T, CallError> {
    let mut attempt = 1;
    loop {
        match call().await {
            Err(error)
                if attempt < ATTEMPTS
                    && matches!(error.class, ErrorClass::Throttled | ErrorClass::Transient) =>
            {
                let wait = error
                    .retry_after
                    .unwrap_or_else(|| crate::engine::error::backoff(attempt));
                tokio::time::sleep(wait).await;
                attempt += 1;
            }
            other => return other,
        }
    }
}
