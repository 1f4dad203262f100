//! What it means that EC2 refuses a change that could be made when AWS was looked at: somebody was faster. Pure.

use std::time::Duration;

use crate::api::conditions::Reason;
use crate::aws::{CONFLICTING_DOMAIN, CallError, DNS_ATTRIBUTES_OFF, ErrorClass, Operation};
use crate::engine::Error;

/// How soon what solves itself, or what the next look names, is tried again.
const SOON: Duration = Duration::from_secs(20);

/// What a failed call means. `None` = what it usually means.
pub fn explain(error: &CallError) -> Option<Error> {
    let writes = matches!(
        error.operation,
        Operation::CreateVpcEndpoint | Operation::ModifyVpcEndpoint
    );
    if !writes {
        return None;
    }
    let code = error.code.as_deref().unwrap_or_default();
    let says = |text: &str| {
        error.class == ErrorClass::Invalid
            && error.detail.as_deref().is_some_and(|d| d.contains(text))
    };
    let (reason, what) = if says(CONFLICTING_DOMAIN) {
        (
            Reason::EndpointConflict,
            "another endpoint has private DNS for this service in the VPC since a moment ago. The next look names it",
        )
    } else if code == "RouteAlreadyExists" {
        (
            Reason::EndpointConflict,
            "another endpoint has the route of a route table since a moment ago. The next look names it",
        )
    } else if code == "DuplicateSubnetsInSameZone" {
        (
            Reason::EndpointConflict,
            "the endpoint has got a subnet in the same zone since a moment ago. The next look takes it into account",
        )
    } else if says(DNS_ATTRIBUTES_OFF) {
        (
            Reason::VpcDnsDisabled,
            "turn both on with `aws ec2 modify-vpc-attribute`, or set spec.privateDnsEnabled: false (CHK-58)",
        )
    } else {
        return None;
    };
    Some(Error::Waiting {
        reason,
        message: format!("{error}: {what}"),
        references: false,
        retry: SOON,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(operation: Operation, code: &str, class: ErrorClass, detail: &str) -> CallError {
        let mut error = CallError::new(operation, class).with_detail(detail);
        error.code = Some(code.to_owned());
        error
    }

    #[test]
    fn whoever_came_second_is_told_so_and_looks_again_soon() {
        let domain = format!("{CONFLICTING_DOMAIN} (vpc-0a1b2c3d)");
        for (code, class, detail, expected) in [
            (
                "InvalidParameter",
                ErrorClass::Invalid,
                domain.as_str(),
                Reason::EndpointConflict,
            ),
            (
                "RouteAlreadyExists",
                ErrorClass::Conflict,
                "",
                Reason::EndpointConflict,
            ),
            (
                "DuplicateSubnetsInSameZone",
                ErrorClass::Invalid,
                "",
                Reason::EndpointConflict,
            ),
            (
                "InvalidParameter",
                ErrorClass::Invalid,
                DNS_ATTRIBUTES_OFF,
                Reason::VpcDnsDisabled,
            ),
        ] {
            let error = refused(Operation::CreateVpcEndpoint, code, class, detail);
            match explain(&error) {
                Some(Error::Waiting { reason, retry, .. }) => {
                    assert_eq!((reason, retry), (expected, SOON), "{code} {detail}");
                }
                other => panic!("{code} {detail}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_wrong_with_the_spec_is_left_to_the_table() {
        for (operation, detail) in [
            (
                Operation::CreateVpcEndpoint,
                "the policy is none that AWS takes",
            ),
            (Operation::DeleteVpcEndpoints, CONFLICTING_DOMAIN),
        ] {
            let error = refused(operation, "InvalidParameter", ErrorClass::Invalid, detail);
            assert!(explain(&error).is_none(), "{detail}");
        }
    }
}
