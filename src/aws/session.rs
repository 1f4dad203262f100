//! One pass's way to AWS: an account, a priority, and a signal to give way.

use std::{error::Error, sync::Arc, time::Duration};

use aws_sdk_ssmcontacts::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Account, CallError, ErrorClass, Operation, Priority, SharedList};

/// Calls of one pass on one account. Cheap to make and to clone.
#[derive(Clone)]
pub struct Session {
    /// Whose credentials and budgets.
    pub account: Arc<Account>,
    /// How urgent the calls are.
    pub priority: Priority,
    /// Cancelled when the pass should stop waiting for tokens.
    pub give_way: CancellationToken,
}

impl Session {
    /// Builds requests to ssm-contacts. They are sent with [`Self::send`] only.
    pub fn contacts(&self) -> &aws_sdk_ssmcontacts::Client {
        self.account.contacts()
    }

    /// Builds requests to ssm-incidents. They are sent with [`Self::send`] only.
    pub fn incidents(&self) -> &aws_sdk_ssmincidents::Client {
        self.account.incidents()
    }

    /// Builds requests to the Account service. They are sent with [`Self::send`] only.
    pub fn alternate_contacts(&self) -> &aws_sdk_account::Client {
        self.account.alternate_contacts()
    }

    /// Builds requests to EC2. They are sent with [`Self::send`] only.
    #[cfg(feature = "vpc-endpoints")]
    pub fn ec2(&self) -> &aws_sdk_ec2::Client {
        self.account.ec2()
    }

    /// Takes a token, then awaits `request` once. Never repeats it; once it is sent, nothing gives way any more.
    pub fn send<T, E, F>(
        &self,
        operation: Operation,
        request: F,
    ) -> impl Future<Output = Result<T, CallError>> + Send
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
        T: RequestId + Send,
        E: ProvideErrorMetadata + Error + Send + 'static,
    {
        // The SDK's futures are tens of kilobytes large: on the heap, and only while there is a call.
        let request = Box::pin(request);
        async move {
            let limiter = self.account.limiter();
            let placement = &self.account.config.placement;
            limiter
                .acquire(placement, operation, self.priority, &self.give_way)
                .await
                .map_err(|_| CallError::new(operation, ErrorClass::GaveWay))?;
            let sent = Instant::now();
            let answer = request.await;
            let duration = sent.elapsed();
            let metrics = self.account.metrics();
            match answer {
                Ok(output) => {
                    metrics.observe_call(operation, duration, Ok(output.request_id()));
                    Ok(output)
                }
                Err(error) => {
                    let error = CallError::from_sdk(operation, &error);
                    metrics.observe_call(operation, duration, Err(&error));
                    if error.class == ErrorClass::Throttled {
                        limiter.penalise(placement, error.operation, error.retry_after);
                    }
                    Err(error)
                }
            }
        }
    }

    /// What `list` holds or fetches, unless the pass is told to give way while it waits. See [`SharedList::get`].
    pub async fn shared<T, F>(
        &self,
        list: &SharedList<T>,
        operation: Operation,
        written_at: Option<Instant>,
        max_age: Duration,
        fetch: F,
    ) -> Result<Arc<T>, CallError>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, CallError>>,
    {
        list.get_or_give_way(written_at, max_age, (operation, &self.give_way), fetch)
            .await
    }
}

#[cfg(test)]
mod tests;
