//! The account that the environment's credentials belong to, for commands that people run.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::{
    AccountConfig, Accounts, AssumeRole, BudgetGroup, CallError, ConfirmError, ErrorClass, Limiter,
    Placement, Priority, RequestMetrics, Session,
};

/// So often a call that AWS throttled or failed is tried again.
const ATTEMPTS: u32 = 8;

/// A session on the account that the credentials, or the role that they are to assume, belong to.
///
/// # Errors
/// What STS says.
pub async fn session(region: &str, role_arn: Option<&str>) -> Result<Session, CallError> {
    session_at(region, role_arn, 1.0).await
}

/// The same within so many times the published quotas.
///
/// # Errors
/// What STS says.
pub async fn session_at(
    region: &str,
    role_arn: Option<&str>,
    multiplier: f64,
) -> Result<Session, CallError> {
    let metrics = RequestMetrics::default();
    let limiter = Limiter::new(metrics.clone());
    let accounts = Accounts::new(limiter.clone(), metrics).await;
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
    let account_id =
        patiently(
            async || match unknown.confirm(Priority::Drift, never.clone()).await {
                Ok(identity) => Ok(identity.account_id),
                Err(ConfirmError::WrongAccount { actual, .. }) => Ok(actual),
                Err(ConfirmError::Call(error)) => Err(error),
            },
        )
        .await?;
    let config = config(&account_id);
    limiter.set_rates(&config.name, &config.placement, rates(multiplier));
    let account = accounts.account(&config);
    Ok(account.session(Priority::Drift, never))
}

/// Calls a second.
fn rates(multiplier: f64) -> BTreeMap<BudgetGroup, f64> {
    let groups = BudgetGroup::ALL.into_iter();
    groups
        .map(|group| (group, group.default_rate() * multiplier))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_stay_within_the_published_quotas_unless_somebody_says_otherwise() {
        let (published, half) = (rates(1.0), rates(0.5));
        for group in BudgetGroup::ALL {
            assert!((published[&group] - group.default_rate()).abs() < f64::EPSILON);
            assert!((half[&group] - group.default_rate() / 2.0).abs() < f64::EPSILON);
        }
    }
}
