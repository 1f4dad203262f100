//! What is known to fail before AWS is asked, with the name of what stands in the way. Pure.

use std::collections::BTreeMap;

use super::desired::Desired;
use super::observed::Endpoint;
use crate::api::conditions::Reason;
use crate::api::vpc_endpoint::EndpointType;
use crate::aws::tag;
use crate::engine::Error;

fn missing(what: &str, id: &str, desired: &Desired) -> Error {
    Error::waiting(
        Reason::NetworkNotFound,
        format!(
            "AWS has no {what} {id} in account {} and Region {} that is one of {}: correct the id, or make it. It is looked for every minute",
            desired.place.account_id, desired.place.region, desired.vpc_id
        ),
    )
}

/// Whether `desired` can be made, or the endpoint that is there changed to it.
///
/// # Errors
/// What stands in the way.
pub fn check(desired: &Desired, own: Option<&Endpoint>) -> Result<(), Error> {
    let network = &desired.place.network;
    if own.is_none() {
        if !network.vpcs.contains_key(&desired.vpc_id) {
            return Err(Error::waiting(
                Reason::NetworkNotFound,
                format!(
                    "AWS has no VPC {} in account {} and Region {}: correct spec.vpcId, or name a ProviderConfig of the account and Region in which it is",
                    desired.vpc_id, desired.place.account_id, desired.place.region
                ),
            ));
        }
        service(desired)?;
    }
    policy(desired)?;
    for id in desired.route_table_ids.iter().flatten() {
        if network
            .route_tables
            .get(id)
            .is_none_or(|t| t.vpc_id != desired.vpc_id)
        {
            return Err(missing("route table", id, desired));
        }
    }
    for id in desired.group_ids.iter().flatten() {
        if network
            .groups
            .get(id)
            .is_none_or(|g| g.vpc_id != desired.vpc_id)
        {
            return Err(missing("security group", id, desired));
        }
    }
    subnets(desired)?;
    private_dns(desired, own)?;
    routes(desired, own)
}

fn service(desired: &Desired) -> Result<(), Error> {
    let unavailable = |message: String| Err(Error::refused(Reason::ServiceNotAvailable, message));
    let (name, region) = (&desired.service_name, &desired.place.region);
    if desired.place.service_missing {
        return unavailable(format!(
            "Region {region} has no service {name} for VPC endpoints: see `aws ec2 describe-vpc-endpoint-services`; a service of a Region is reached from that Region only"
        ));
    }
    let Some(service) = &desired.place.service else {
        return Ok(());
    };
    let wanted = format!("{:?}", desired.type_);
    if !service.types.is_empty() && !service.types.contains(&wanted) {
        let types: Vec<&str> = service.types.iter().map(String::as_str).collect();
        return unavailable(format!(
            "{name} takes endpoints of type {}, not {wanted}: make another object with that type",
            types.join(" and ")
        ));
    }
    Ok(())
}

fn policy(desired: &Desired) -> Result<(), Error> {
    let service = desired.place.service.as_ref();
    if desired.policy.is_none() || service.is_none_or(|s| s.takes_policy) {
        return Ok(());
    }
    Err(Error::refused(
        Reason::ServiceNotAvailable,
        format!(
            "{} takes no endpoint policy: leave out policy, policyJSON and policyPreset",
            desired.service_name
        ),
    ))
}

fn subnets(desired: &Desired) -> Result<(), Error> {
    let mut zones: BTreeMap<&str, &str> = BTreeMap::new();
    for id in desired.subnet_ids.iter().flatten() {
        let subnet = desired.place.network.subnets.get(id);
        let Some(subnet) = subnet.filter(|s| s.vpc_id == desired.vpc_id) else {
            return Err(missing("subnet", id, desired));
        };
        if let Some(other) = zones.insert(&subnet.zone, id) {
            return Err(Error::invalid(format!(
                "subnets {other} and {id} are both in zone {}, and an endpoint has one subnet of a zone: leave one of them out (CHK-66)",
                subnet.zone
            )));
        }
        if let Some(service) = &desired.place.service
            && !service.zones.is_empty()
            && !service.zones.contains(&subnet.zone)
        {
            let zones: Vec<&str> = service.zones.iter().map(String::as_str).collect();
            return Err(Error::refused(
                Reason::ServiceNotAvailable,
                format!(
                    "{} is not in zone {} of subnet {id}, only in {}: leave the subnet out",
                    desired.service_name,
                    subnet.zone,
                    zones.join(", ")
                ),
            ));
        }
    }
    Ok(())
}

/// Who has an endpoint, as far as its tags say.
fn holder(endpoint: &Endpoint) -> String {
    match (
        endpoint.tags.get(tag::OBJECT),
        endpoint.tags.get(tag::OWNER),
    ) {
        (Some(object), Some(owner)) => {
            format!(
                "{} (which belongs to {object} of owner \"{owner}\")",
                endpoint.id
            )
        }
        _ => match endpoint.tags.get("Name") {
            Some(name)
                if name.len() <= 64
                    && name
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "-_. ".contains(c)) =>
            {
                format!(
                    "{} (\"{name}\", which this operator did not make)",
                    endpoint.id
                )
            }
            _ => format!("{} (which this operator did not make)", endpoint.id),
        },
    }
}

fn take_over(endpoint: &Endpoint) -> &'static str {
    if endpoint.tags.contains_key(tag::OWNER) {
        ""
    } else {
        "; or take it over with adoptionPolicy: Adopt"
    }
}

fn private_dns(desired: &Desired, own: Option<&Endpoint>) -> Result<(), Error> {
    if !desired.private_dns || desired.type_ != EndpointType::Interface {
        return Ok(());
    }
    if own.is_some_and(|e| e.private_dns) {
        let resolves_so = own.and_then(|e| e.inbound_resolver_only) == Some(true);
        return if resolves_so {
            Ok(())
        } else {
            resolver(desired)
        };
    }
    let network = &desired.place.network;
    if let Some(dns) = network.dns.get(&desired.vpc_id)
        && !(dns.support && dns.hostnames)
    {
        let off = match (dns.support, dns.hostnames) {
            (false, false) => "enableDnsSupport and enableDnsHostnames are",
            (false, true) => "enableDnsSupport is",
            _ => "enableDnsHostnames is",
        };
        return Err(Error::waiting(
            Reason::VpcDnsDisabled,
            format!(
                "{off} off in {}, and private DNS needs both: turn them on with `aws ec2 modify-vpc-attribute`, or set spec.privateDnsEnabled: false (CHK-58)",
                desired.vpc_id
            ),
        ));
    }
    let own_id = own.map(|e| e.id.as_str());
    let other = network.others_of(&desired.vpc_id, own_id).find(|e| {
        e.private_dns && e.is(EndpointType::Interface) && e.service_name == desired.service_name
    });
    let inbound_only = |e: &Endpoint| e.inbound_resolver_only == Some(true);
    match other {
        Some(other) if !inbound_only(other) => Err(Error::refused(
            Reason::EndpointConflict,
            format!(
                "{} has private DNS for {} in {} already, and only one endpoint can: delete that one, set spec.privateDnsEnabled: false{}. Nothing was touched (CHK-63)",
                holder(other),
                desired.service_name,
                desired.vpc_id,
                take_over(other)
            ),
        )),
        _ => resolver(desired),
    }
}

/// For s3 with names of the VPC going through the gateway endpoint, there must be one.
fn resolver(desired: &Desired) -> Result<(), Error> {
    if desired.inbound_resolver_only != Some(true) {
        return Ok(());
    }
    let mut others = desired.place.network.others_of(&desired.vpc_id, None);
    let gateway =
        others.any(|e| e.is(EndpointType::Gateway) && e.service_name == desired.service_name);
    if gateway {
        return Ok(());
    }
    Err(Error::waiting(
        Reason::NetworkNotFound,
        format!(
            "{} has no gateway endpoint for {}, which dnsOptions.privateDnsOnlyForInboundResolverEndpoint needs: make one, or set the option to false",
            desired.vpc_id, desired.service_name
        ),
    ))
}

fn routes(desired: &Desired, own: Option<&Endpoint>) -> Result<(), Error> {
    if desired.type_ != EndpointType::Gateway {
        return Ok(());
    }
    let own_id = own.map(|e| e.id.as_str());
    for other in desired.place.network.others_of(&desired.vpc_id, own_id) {
        if !other.is(EndpointType::Gateway) || other.service_name != desired.service_name {
            continue;
        }
        let wanted = desired.route_table_ids.iter().flatten();
        let mut shared = wanted.filter(|id| other.route_table_ids.contains(*id));
        if let Some(table) = shared.next() {
            return Err(Error::refused(
                Reason::EndpointConflict,
                format!(
                    "{} has the route to {} in {table} already, and a route table has one: take the table out there or here{}. Nothing was touched (CHK-63)",
                    holder(other),
                    desired.service_name,
                    take_over(other)
                ),
            ));
        }
    }
    Ok(())
}
