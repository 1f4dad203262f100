//! Request metrics, and the one log line of every call.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::{BudgetGroup, CallError, ErrorClass, Operation, Priority};

/// Log targets of the SDK and what it stands on. From `debug` on they write requests and answers out, addresses and
/// codes included: whatever level a user asks for, these stay at `warn`.
pub const TARGETS_TO_KEEP_QUIET: [&str; 17] = [
    "aws_config",
    "aws_credential_types",
    "aws_runtime",
    "aws_sdk_account",
    "aws_sdk_ec2",
    "aws_sdk_ssmcontacts",
    "aws_sdk_ssmincidents",
    "aws_sdk_sts",
    "aws_sigv4",
    "aws_smithy_http",
    "aws_smithy_http_client",
    "aws_smithy_json",
    "aws_smithy_runtime",
    "aws_smithy_runtime_api",
    "h2",
    "hyper",
    "hyper_util",
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    service: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    service: &'static str,
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitLabels {
    group: &'static str,
    priority: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GroupLabels {
    group: &'static str,
}

/// Metrics of every AWS call. Labels are from closed sets; no account, object or address is among them.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<OperationLabels, Histogram, fn() -> Histogram>,
    waits: Family<WaitLabels, Histogram, fn() -> Histogram>,
    throttles: Family<GroupLabels, Counter>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| {
                Histogram::new([0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])
            }),
            waits: Family::new_with_constructor(|| {
                Histogram::new([0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 300.0, 1800.0])
            }),
            throttles: Family::default(),
        }
    }
}

impl RequestMetrics {
    /// Adds the families to `registry`, under their full names.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "incident_operator_aws_requests",
            "AWS requests by outcome: ok, or the class of the error",
            self.requests.clone(),
        );
        registry.register(
            "incident_operator_aws_request_duration_seconds",
            "Time from sending an AWS request to its answer, without the wait for a token",
            self.durations.clone(),
        );
        registry.register(
            "incident_operator_aws_limiter_wait_seconds",
            "Time an AWS call waited for its token",
            self.waits.clone(),
        );
        registry.register(
            "incident_operator_aws_throttles",
            "Answers with which AWS throttled us",
            self.throttles.clone(),
        );
    }

    /// A call came to its end.
    pub(super) fn observe_call(
        &self,
        operation: Operation,
        duration: Duration,
        outcome: Result<Option<&str>, &CallError>,
    ) {
        let service = operation.service().as_str();
        let name = operation.name();
        let (label, request_id) = match outcome {
            Ok(request_id) => ("ok", request_id),
            Err(error) => (error.class.as_str(), error.request_id.as_deref()),
        };
        self.requests
            .get_or_create(&RequestLabels {
                service,
                operation: name,
                outcome: label,
            })
            .inc();
        self.durations
            .get_or_create(&OperationLabels {
                service,
                operation: name,
            })
            .observe(duration.as_secs_f64());
        if let Err(error) = outcome
            && error.class == ErrorClass::Throttled
        {
            self.throttles
                .get_or_create(&GroupLabels {
                    group: operation.group().as_str(),
                })
                .inc();
        }
        tracing::debug!(
            service,
            operation = name,
            outcome = label,
            ?duration,
            request_id,
            "AWS call"
        );
    }

    /// A call got its token.
    pub(super) fn observe_wait(&self, group: BudgetGroup, priority: Priority, wait: Duration) {
        self.waits
            .get_or_create(&WaitLabels {
                group: group.as_str(),
                priority: priority.as_str(),
            })
            .observe(wait.as_secs_f64());
    }
}
