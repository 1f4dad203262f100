//! What an endpoint must be like, when it is made and whenever it changes.

use crate::error::AwsError;
use crate::services::Call;

use super::super::catalogue::{self, EndpointService};
use super::super::errors::{self, GROUP, ROUTE_TABLE, SUBNET};
use super::super::state::{Endpoint, EndpointType, Network, State};

/// Characters of a policy.
const LONGEST_POLICY: usize = 20_480;
/// Groups of an interface.
const MOST_GROUPS: usize = 5;

/// What a gateway endpoint has if nothing else is said.
const GATEWAY_POLICY: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
/// What an interface endpoint has if nothing else is said.
const INTERFACE_POLICY: &str = "{\n  \"Statement\": [\n    {\n      \"Action\": \"*\", \n      \"Effect\": \"Allow\", \n      \"Principal\": \"*\", \n      \"Resource\": \"*\"\n    }\n  ]\n}";

/// The policy of an endpoint of this type that has none of its own.
pub(super) fn default_policy(kind: EndpointType) -> String {
    match kind {
        EndpointType::Gateway => GATEWAY_POLICY,
        EndpointType::Interface => INTERFACE_POLICY,
    }
    .to_owned()
}

/// Whether a policy says full access in any way.
fn is_full_access(policy: &serde_json::Value) -> bool {
    let statements: Vec<&serde_json::Value> = match &policy["Statement"] {
        serde_json::Value::Array(statements) => statements.iter().collect(),
        one => vec![one],
    };
    let star = |value: &serde_json::Value| *value == "*" || *value == serde_json::json!(["*"]);
    let [statement] = statements.as_slice() else {
        return false;
    };
    statement["Effect"] == "Allow"
        && star(&statement["Action"])
        && star(&statement["Resource"])
        && (star(&statement["Principal"]) || star(&statement["Principal"]["AWS"]))
        && statement.get("Condition").is_none()
}

/// Checks the text of a policy; it is kept as it is.
pub(super) fn policy(text: &str, service: &EndpointService) -> Result<String, AwsError> {
    let invalid = |why: &str| {
        AwsError::new(
            "InvalidPolicyDocument",
            format!("The policy document is not valid: {why}"),
        )
    };
    if text.chars().count() > LONGEST_POLICY {
        return Err(invalid("it is longer than 20480 characters"));
    }
    let policy: serde_json::Value =
        serde_json::from_str(text).map_err(|_| invalid("it is no JSON"))?;
    let statements = match &policy["Statement"] {
        serde_json::Value::Array(statements) if !statements.is_empty() => statements.clone(),
        one @ serde_json::Value::Object(_) => vec![one.clone()],
        _ => return Err(invalid("it has no Statement")),
    };
    for statement in &statements {
        let has = |names: [&str; 2]| names.iter().any(|name| statement.get(*name).is_some());
        if !["Allow", "Deny"].contains(&statement["Effect"].as_str().unwrap_or_default())
            || !has(["Action", "NotAction"])
            || !has(["Principal", "NotPrincipal"])
            || !has(["Resource", "NotResource"])
        {
            return Err(invalid(
                "a statement needs Effect, Principal, Action and Resource",
            ));
        }
    }
    if !service.policy_supported && !is_full_access(&policy) {
        return Err(errors::parameter(format!(
            "The Vpc Endpoint Service '{}' only supports the full-access endpoint policy",
            service.name
        )));
    }
    Ok(text.to_owned())
}

/// Checks route tables: of this VPC, and none that leads to the service already.
pub(super) fn route_tables(
    call: &Call<'_>,
    network: &Network,
    id: &str,
    endpoint: &Endpoint,
) -> Result<(), AwsError> {
    for table_id in &endpoint.route_tables {
        let table = network
            .route_tables
            .get(table_id)
            .ok_or_else(|| ROUTE_TABLE.missing_for_endpoint(table_id))?;
        if table.vpc != endpoint.vpc {
            return Err(errors::parameter(format!(
                "The route table {table_id} does not belong to the VPC {}",
                endpoint.vpc
            )));
        }
        let taken = network.living().any(|(other_id, other)| {
            other_id != id
                && !other.state.leaves()
                && other.service == endpoint.service
                && other.route_tables.contains(table_id)
        });
        if taken {
            let list = catalogue::prefix_list_of(&call.scope.region, &endpoint.service)
                .unwrap_or_default();
            return Err(AwsError::new(
                "RouteAlreadyExists",
                format!(
                    "route table {table_id} already has a route with destination-prefix-list-id {list}"
                ),
            ));
        }
    }
    Ok(())
}

/// Checks subnets: of this VPC, in zones of the service, one a zone, with the addresses that are asked for.
pub(super) fn subnets(
    network: &Network,
    endpoint: &Endpoint,
    service: &EndpointService,
) -> Result<(), AwsError> {
    let mut zones = Vec::new();
    for id in &endpoint.subnets {
        let subnet = network
            .subnets
            .get(id)
            .ok_or_else(|| SUBNET.missing_for_endpoint(id))?;
        if subnet.vpc != endpoint.vpc {
            return Err(errors::parameter(format!(
                "The subnet {id} does not belong to the VPC {}",
                endpoint.vpc
            )));
        }
        if !service.zones.contains(&subnet.zone) {
            return Err(errors::parameter(format!(
                "The VPC endpoint service {} does not support the availability zone of the subnet: {id}.",
                service.name
            )));
        }
        if zones.contains(&subnet.zone) {
            return Err(AwsError::new(
                "DuplicateSubnetsInSameZone",
                format!("Found another VPC endpoint subnet in the availability zone of {id}"),
            ));
        }
        zones.push(subnet.zone.clone());
        if endpoint.ip_type != "ipv4" && subnet.ipv6.is_none() {
            return Err(errors::parameter(format!(
                "The IP address type {} is not supported by the subnet {id}.",
                endpoint.ip_type
            )));
        }
    }
    Ok(())
}

/// Checks groups: of this VPC, at least one, not too many.
pub(super) fn groups(network: &Network, endpoint: &Endpoint) -> Result<(), AwsError> {
    for id in &endpoint.groups {
        let group = network
            .groups
            .get(id)
            .ok_or_else(|| GROUP.missing_for_endpoint(id))?;
        if group.vpc != endpoint.vpc {
            return Err(errors::parameter(format!(
                "Security group {id} and VPC {} belong to different networks.",
                endpoint.vpc
            )));
        }
    }
    if endpoint.groups.is_empty() {
        return Err(errors::parameter(
            "An interface endpoint must have at least one security group.",
        ));
    }
    if endpoint.groups.len() > MOST_GROUPS {
        return Err(AwsError::new(
            "SecurityGroupsPerInterfaceLimitExceeded",
            "The maximum number of security groups per interface has been reached.",
        ));
    }
    Ok(())
}

/// Checks address types against the service and each other.
pub(super) fn addresses(endpoint: &Endpoint, service: &EndpointService) -> Result<(), AwsError> {
    let records: &[&str] = match endpoint.ip_type.as_str() {
        "ipv4" => &["ipv4", "service-defined"],
        "dualstack" => &["ipv4", "ipv6", "dualstack", "service-defined"],
        "ipv6" => &["ipv6", "service-defined"],
        other => {
            return Err(errors::value(format!(
                "Value ({other}) for parameter IpAddressType is invalid."
            )));
        }
    };
    if endpoint.ip_type != "ipv4" && !service.ipv6 {
        return Err(errors::parameter(format!(
            "The IP address type {} is not supported by the service {}.",
            endpoint.ip_type, service.name
        )));
    }
    if !["ipv4", "dualstack", "ipv6", "service-defined"].contains(&endpoint.dns_ip_type.as_str()) {
        return Err(errors::value(format!(
            "Value ({}) for parameter DnsRecordIpType is invalid.",
            endpoint.dns_ip_type
        )));
    }
    if !records.contains(&endpoint.dns_ip_type.as_str()) {
        return Err(errors::parameter(format!(
            "The DNS record IP type {} is not compatible with the IP address type {}.",
            endpoint.dns_ip_type, endpoint.ip_type
        )));
    }
    Ok(())
}

/// Checks private DNS: that the service has a name, the VPC resolves it, and nobody else answers to it.
pub(super) fn private_dns(
    network: &Network,
    id: &str,
    endpoint: &Endpoint,
    service: &EndpointService,
) -> Result<(), AwsError> {
    if !endpoint.private_dns {
        return Ok(());
    }
    let Some(name) = service.private_names.first() else {
        return Err(errors::parameter(format!(
            "Private DNS can't be enabled because the service {} does not provide a private DNS name.",
            service.name
        )));
    };
    if service.acceptance_required && endpoint.state == State::PendingAcceptance {
        return Err(errors::parameter(format!(
            "Private DNS can only be enabled after the endpoint connection is accepted by the owner of {}.",
            service.name
        )));
    }
    let resolves = network
        .vpcs
        .get(&endpoint.vpc)
        .is_some_and(|vpc| vpc.dns_support && vpc.dns_hostnames);
    if !resolves {
        return Err(errors::parameter(format!(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {}",
            endpoint.vpc
        )));
    }
    let conflict = network.living().any(|(other_id, other)| {
        other_id != id
            && other.vpc == endpoint.vpc
            && other.service == endpoint.service
            && other.private_dns
            && !matches!(
                other.state,
                State::Rejected | State::Expired | State::Failed
            )
    });
    if conflict {
        return Err(errors::parameter(format!(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {name} in the VPC {}",
            endpoint.vpc
        )));
    }
    if endpoint.inbound_only == Some(true) {
        let gateway = network.living().any(|(_, other)| {
            other.kind == EndpointType::Gateway
                && other.vpc == endpoint.vpc
                && other.service == endpoint.service
                && !other.state.leaves()
        });
        if !gateway {
            return Err(errors::parameter(format!(
                "To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {} must have a Gateway endpoint for the service.",
                endpoint.vpc
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{EndpointType, default_policy, is_full_access};

    #[test]
    fn defaults_are_full_access() {
        for kind in [EndpointType::Gateway, EndpointType::Interface] {
            let policy = serde_json::from_str(&default_policy(kind)).unwrap_or_default();
            assert!(is_full_access(&policy));
        }
        assert!(!is_full_access(&serde_json::json!({"Statement": []})));
    }
}
