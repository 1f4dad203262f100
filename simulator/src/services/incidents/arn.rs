//! ARNs of ssm-incidents. They have no Region: what they name is in every Region of the replication set.

use crate::error::AwsError;
use crate::services::Call;

use super::errors;

/// The kind of response plans in ARNs.
pub(super) const PLAN: &str = "response-plan";
/// The kind of incident records in ARNs.
pub(super) const RECORD: &str = "incident-record";

/// The ARN of a resource.
pub(super) fn of(partition: &str, account: &str, kind: &str, rest: &str) -> String {
    format!("arn:{partition}:ssm-incidents::{account}:{kind}/{rest}")
}

/// The ARNs of all records of a response plan.
pub(super) fn of_records(call: &Call<'_>, plan: &str) -> String {
    of(
        call.partition,
        &call.scope.account,
        RECORD,
        &format!("{plan}/*"),
    )
}

/// What follows the kind in the ARN of a resource of the caller's account; none if the ARN names nothing here.
pub(super) fn local<'a>(
    call: &Call<'_>,
    arn: &'a str,
    kind: &str,
) -> Result<Option<&'a str>, AwsError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &["arn", partition, "ssm-incidents", region, account, resource] = parts.as_slice() else {
        return Err(errors::invalid(format!("Invalid resource ARN {arn}")));
    };
    let Some(rest) = resource
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix('/'))
    else {
        return Err(errors::invalid(format!("Invalid resource ARN {arn}")));
    };
    if account != call.scope.account {
        let operation = call.operation.name;
        return Err(AwsError::new(
            "AccessDeniedException",
            format!(
                "User: {} is not authorized to perform: ssm-incidents:{operation} on resource: {arn} because no resource-based policy allows the ssm-incidents:{operation} action",
                call.principal
            ),
        ));
    }
    Ok((partition == call.partition && region.is_empty() && !rest.is_empty()).then_some(rest))
}
