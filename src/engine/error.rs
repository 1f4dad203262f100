//! Why a pass ended early, what its conditions say, and when it is tried again. The table of product.md, "Errors", is here.

use std::time::Duration;

use rand::Rng;

use super::scheduler::Requeue;
use super::status::Conclusion;
use crate::api::conditions::Reason;
use crate::aws::{CallError, ErrorClass};

/// Why a pass ended early.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Something is missing that may come by itself: woken by a watch, with `retry` as fallback.
    #[error("{message}")]
    Waiting {
        /// The condition reason.
        reason: Reason,
        /// For people.
        message: String,
        /// A reference of the spec did not resolve.
        references: bool,
        /// When to look again without being woken.
        retry: Duration,
    },
    /// Somebody has to act.
    #[error("{message}")]
    Stalled {
        /// The condition reason.
        reason: Reason,
        /// For people.
        message: String,
        /// When to look again: the cause may be outside the spec.
        retry: Duration,
    },
    /// AWS is at work, or will only be later, and nobody has to act: looked at again after `retry`, however often it takes.
    #[error("{message}")]
    InProgress {
        /// The condition reason.
        reason: Reason,
        /// For people.
        message: String,
        /// When to look again.
        retry: Duration,
    },
    /// A deletion is held.
    #[error("{message}")]
    Held {
        /// The condition reason.
        reason: Reason,
        /// For people.
        message: String,
        /// When to look again.
        retry: Duration,
    },
    /// An AWS call failed.
    #[error("{0}")]
    Call(CallError),
    /// AWS does not show yet what was just made or deleted: look again shortly.
    #[error("waiting for AWS to show the last change")]
    Settling,
    /// Something is to be written to AWS, and the object is only known from a watch: it is read first.
    #[error("the object has to be read first")]
    Unread,
    /// The API server refused because the object has changed meanwhile: the pass starts again.
    #[error("the object has changed meanwhile")]
    Outdated,
    /// The API server did not answer properly.
    #[error("the Kubernetes API server: {0}")]
    Kubernetes(String),
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.is_conflict() => Self::Outdated,
            // A status may quote the object; its reason and code do not.
            kube::Error::Api(status) => {
                Self::Kubernetes(format!("{} ({})", status.reason, status.code))
            }
            kube::Error::SerdeError(_) => {
                Self::Kubernetes("answered with something that cannot be read".to_owned())
            }
            other => Self::Kubernetes(other.to_string()),
        }
    }
}

/// Bad content: looked at again after this long, since the cause may be outside the spec.
pub const RETRY_INVALID: Duration = Duration::from_secs(30 * 60);
const RETRY_DENIED: Duration = Duration::from_secs(5 * 60);
const RETRY_QUOTA: Duration = Duration::from_secs(10 * 60);
/// Refusals about ownership and placement.
pub const RETRY_REFUSED: Duration = Duration::from_secs(10 * 60);
/// Fallback when something is missing that a watch will announce.
pub const RETRY_WAITING: Duration = Duration::from_secs(60);
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_MOST: Duration = Duration::from_secs(5 * 60);

impl Error {
    /// Bad content in the spec or in what it refers to.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Stalled {
            reason: Reason::InvalidSpec,
            message: message.into(),
            retry: RETRY_INVALID,
        }
    }

    /// A reference that does not resolve yet.
    pub fn unresolved(reason: Reason, message: impl Into<String>) -> Self {
        Self::Waiting {
            reason,
            message: message.into(),
            references: true,
            retry: RETRY_WAITING,
        }
    }

    /// A refusal about ownership, adoption or placement.
    pub fn refused(reason: Reason, message: impl Into<String>) -> Self {
        Self::Stalled {
            reason,
            message: message.into(),
            retry: RETRY_REFUSED,
        }
    }

    /// Something else is missing that may come by itself.
    pub fn waiting(reason: Reason, message: impl Into<String>) -> Self {
        Self::Waiting {
            reason,
            message: message.into(),
            references: false,
            retry: RETRY_WAITING,
        }
    }

    /// Counts towards "three failures in a row".
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Call(error) => {
                matches!(error.class, ErrorClass::Throttled | ErrorClass::Transient)
            }
            Self::Kubernetes(_) => true,
            _ => false,
        }
    }

    /// The pass gave way or lost a race: nothing is wrong and nothing is written.
    pub fn is_silent(&self) -> bool {
        match self {
            Self::Call(error) => error.class == ErrorClass::GaveWay,
            Self::Outdated | Self::Settling | Self::Unread => true,
            _ => false,
        }
    }

    /// What the conditions say.
    pub fn conclusion(&self, failures: u32) -> Conclusion {
        match self {
            Self::Waiting {
                reason,
                message,
                references,
                ..
            } => Conclusion::Waiting {
                reason: *reason,
                message: message.clone(),
                references: *references,
            },
            Self::Stalled {
                reason, message, ..
            } => Conclusion::Stalled {
                reason: *reason,
                message: message.clone(),
            },
            Self::Held {
                reason, message, ..
            }
            | Self::InProgress {
                reason, message, ..
            } => Conclusion::Progress {
                reason: *reason,
                message: message.clone(),
            },
            Self::Call(error) => call_conclusion(error, failures),
            Self::Outdated | Self::Settling | Self::Unread | Self::Kubernetes(_) => {
                Conclusion::Transient {
                    reason: Reason::Unavailable,
                    message: self.to_string(),
                    failures,
                }
            }
        }
    }

    /// The condition reason.
    pub fn reason(&self) -> Option<Reason> {
        match self.conclusion(1) {
            Conclusion::Waiting { reason, .. }
            | Conclusion::Stalled { reason, .. }
            | Conclusion::Progress { reason, .. }
            | Conclusion::Transient { reason, .. } => Some(reason),
            Conclusion::Conflict { .. } => Some(Reason::Conflict),
            Conclusion::InSync { .. } | Conclusion::Differs { .. } | Conclusion::Suspended => None,
        }
    }

    /// When to try again after `failures` in a row.
    pub fn requeue(&self, failures: u32) -> Requeue {
        match self {
            Self::Waiting { retry, .. } => Requeue::Retry(jittered(
                retry
                    .saturating_mul(failures.clamp(1, 5))
                    .min(BACKOFF_MOST.max(*retry)),
            )),
            Self::Stalled { retry, .. }
            | Self::Held { retry, .. }
            | Self::InProgress { retry, .. } => Requeue::Retry(jittered(*retry)),
            Self::Call(error) => match error.class {
                ErrorClass::GaveWay => Requeue::Interrupted,
                ErrorClass::Invalid | ErrorClass::WrongCode => {
                    Requeue::Retry(jittered(RETRY_INVALID))
                }
                ErrorClass::AccessDenied => Requeue::Retry(jittered(RETRY_DENIED)),
                ErrorClass::QuotaExceeded => Requeue::Retry(jittered(RETRY_QUOTA)),
                ErrorClass::Conflict
                | ErrorClass::NotFound
                | ErrorClass::Throttled
                | ErrorClass::Transient
                | ErrorClass::DataEncryption => {
                    let backoff = backoff(failures);
                    Requeue::Retry(
                        error
                            .retry_after
                            .map_or(backoff, |after| after.max(backoff)),
                    )
                }
            },
            Self::Outdated | Self::Unread => Requeue::Retry(Duration::from_millis(50)),
            Self::Settling => Requeue::Retry(jittered(Duration::from_secs(2))),
            Self::Kubernetes(_) => Requeue::Retry(backoff(failures)),
        }
    }
}

fn call_conclusion(error: &CallError, failures: u32) -> Conclusion {
    let message = error.to_string();
    let stalled = |reason| Conclusion::Stalled {
        reason,
        message: message.clone(),
    };
    match error.class {
        ErrorClass::Invalid => stalled(Reason::RejectedByAws),
        ErrorClass::WrongCode => stalled(Reason::WrongCode),
        ErrorClass::AccessDenied => stalled(Reason::AccessDenied),
        ErrorClass::QuotaExceeded => stalled(Reason::QuotaExceeded),
        ErrorClass::DataEncryption => stalled(Reason::EncryptionKeyUnavailable),
        ErrorClass::Conflict | ErrorClass::NotFound => Conclusion::Conflict { message },
        ErrorClass::Throttled => Conclusion::Transient {
            reason: Reason::Throttled,
            message,
            failures,
        },
        ErrorClass::Transient | ErrorClass::GaveWay => Conclusion::Transient {
            reason: Reason::Unavailable,
            message,
            failures,
        },
    }
}

/// Exponential with jitter, 1 s to 5 min.
pub fn backoff(failures: u32) -> Duration {
    let exponential = BACKOFF_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(9));
    jittered(exponential.min(BACKOFF_MOST))
}

/// Within a tenth around `duration`.
pub fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(rand::rng().random_range(0.9..1.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Operation;

    fn call(class: ErrorClass) -> Error {
        Error::Call(CallError::new(Operation::UpdateContact, class))
    }

    fn delay(requeue: Requeue) -> Duration {
        match requeue {
            Requeue::Retry(after) => after,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_table_of_retries_holds() {
        for (error, expected) in [
            (call(ErrorClass::Invalid), 1800),
            (call(ErrorClass::AccessDenied), 300),
            (call(ErrorClass::QuotaExceeded), 600),
            (Error::invalid(""), 1800),
            (Error::refused(Reason::OwnedByAnother, ""), 600),
            (Error::waiting(Reason::NoReplicationSet, ""), 60),
        ] {
            let got = delay(error.requeue(1)).as_secs_f64();
            assert!(
                (got - f64::from(expected)).abs() <= f64::from(expected) * 0.11,
                "{error:?}: {got}"
            );
        }
    }

    #[test]
    fn backoff_grows_from_one_second_to_five_minutes() {
        assert!(backoff(1) <= Duration::from_millis(1100));
        assert!(backoff(4) >= Duration::from_millis(7200));
        for failures in 10..40 {
            assert!(backoff(failures) <= Duration::from_secs(330));
        }
    }

    #[test]
    fn what_is_transient_leaves_conditions_alone_and_the_rest_tells() {
        assert!(call(ErrorClass::Throttled).is_transient());
        assert!(call(ErrorClass::Transient).is_transient());
        assert!(!call(ErrorClass::Invalid).is_transient());
        assert!(call(ErrorClass::GaveWay).is_silent());
        for class in [
            ErrorClass::Invalid,
            ErrorClass::AccessDenied,
            ErrorClass::QuotaExceeded,
            ErrorClass::DataEncryption,
        ] {
            assert!(
                matches!(call(class).conclusion(1), Conclusion::Stalled { .. }),
                "{class:?}"
            );
        }
    }
}
