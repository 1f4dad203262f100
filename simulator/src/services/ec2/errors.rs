//! EC2's errors, and what its resources are called in them.

use crate::error::AwsError;
use crate::services::Common;

/// A kind of resource.
pub(super) struct Kind {
    /// What its ids begin with.
    pub prefix: &'static str,
    /// What the codes of its errors begin with.
    code: &'static str,
    /// The same for ids that are none.
    malformed: &'static str,
    /// What messages call it.
    noun: &'static str,
    /// What tags and ARNs call it.
    pub resource_type: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $prefix:literal, $code:literal, $malformed:literal, $noun:literal, $kind:literal;)+) => {
        $(pub(super) static $name: Kind = Kind { prefix: $prefix, code: $code, malformed: $malformed, noun: $noun, resource_type: $kind };)+
        static KINDS: &[&Kind] = &[$(&$name),+];
    };
}

kinds! {
    VPC = "vpc-", "InvalidVpcID", "InvalidVpcID", "vpc ID", "vpc";
    SUBNET = "subnet-", "InvalidSubnetID", "InvalidSubnetID", "subnet ID", "subnet";
    ROUTE_TABLE = "rtb-", "InvalidRouteTableID", "InvalidRouteTableId", "routeTable ID", "route-table";
    INTERNET_GATEWAY = "igw-", "InvalidInternetGatewayID", "InvalidInternetGatewayId", "internetGateway ID", "internet-gateway";
    GROUP = "sg-", "InvalidGroup", "InvalidGroupId", "security group", "security-group";
    RULE = "sgr-", "InvalidSecurityGroupRuleId", "InvalidSecurityGroupRuleId", "security group rule ID", "security-group-rule";
    INTERFACE = "eni-", "InvalidNetworkInterfaceID", "InvalidNetworkInterfaceId", "networkInterface ID", "network-interface";
    ENDPOINT = "vpce-", "InvalidVpcEndpointId", "InvalidVpcEndpointId", "Vpc Endpoint Id", "vpc-endpoint";
    PREFIX_LIST = "pl-", "InvalidPrefixListID", "InvalidPrefixListId", "prefix list ID", "prefix-list";
    NETWORK_ACL = "acl-", "InvalidNetworkAclID", "InvalidNetworkAclId", "networkAcl ID", "network-acl";
}

impl Kind {
    /// Whether an id could be one of this kind.
    pub fn is_id(&self, id: &str) -> bool {
        id.strip_prefix(self.prefix).is_some_and(|rest| {
            [8, 17].contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }

    /// There is no such resource, or the id is none.
    pub fn missing(&self, id: &str) -> AwsError {
        self.missing_as(self.code, id)
    }

    /// The same in the words of the endpoint operations, which spell some codes in their own way.
    pub fn missing_for_endpoint(&self, id: &str) -> AwsError {
        let code = match self.prefix {
            "sg-" => "InvalidSecurityGroupID",
            "rtb-" => "InvalidRouteTableId",
            _ => self.code,
        };
        self.missing_as(code, id)
    }

    fn missing_as(&self, code: &str, id: &str) -> AwsError {
        if self.is_id(id) {
            AwsError::new(
                &format!("{code}.NotFound"),
                format!("The {} '{id}' does not exist", self.noun),
            )
        } else {
            AwsError::new(
                &format!("{}.Malformed", self.malformed),
                format!("Invalid id: \"{id}\" (expecting \"{}...\")", self.prefix),
            )
        }
    }
}

/// The kind an id is of.
pub(super) fn kind_of(id: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.is_id(id))
}

/// `InvalidParameter`: what EC2 answers when parameters do not go with the state of things.
pub(super) fn parameter(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameter", message)
}

/// `InvalidParameterValue`.
pub(super) fn value(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterValue", message)
}

/// `MissingParameter`.
pub(super) fn lacking(name: &str) -> AwsError {
    AwsError::new(
        "MissingParameter",
        format!("The request must contain the parameter {name}"),
    )
}

/// `DependencyViolation`.
pub(super) fn in_use(message: impl Into<String>) -> AwsError {
    AwsError::new("DependencyViolation", message)
}

/// The errors all services have, in EC2's words.
pub(super) fn common(error: Common) -> AwsError {
    match error {
        Common::Throttled(_) => AwsError::new("RequestLimitExceeded", "Request limit exceeded."),
        Common::Internal(_) => AwsError::new("InternalError", "An internal error has occurred"),
        Common::Quota => AwsError::new(
            "VpcEndpointLimitExceeded",
            "The maximum number of VPC endpoints has been reached.",
        ),
        Common::DataEncryption => value("The key cannot be used."),
        Common::Invalid(violations) => {
            let Some(first) = violations.into_iter().next() else {
                return value("The request is not valid.");
            };
            let mut name = first.path;
            match first.value {
                None => {
                    if let Some(initial) = name.get_mut(0..1) {
                        initial.make_ascii_uppercase();
                    }
                    lacking(&name)
                }
                Some(given) => value(format!(
                    "Value ( {given} ) for parameter {name} is invalid. {}",
                    first.constraint
                )),
            }
        }
        Common::Refused(message) => value(message),
        Common::AccessDenied(_) => AwsError::new(
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
        ),
    }
}
