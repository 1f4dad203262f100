//! Spec and surroundings to what is wanted. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::str::FromStr;

use kube::ResourceExt;
use serde_json::Value;

use super::observed::{Addresses, GroupRule, Network, Peer, ServiceInfo, Subnet};
use super::policy::{Policy, preset};
use super::posture::cost::Price;
use crate::api::VpcEndpoint;
use crate::api::common::{AdoptionPolicy, ManagementPolicy};
use crate::api::conditions::Reason;
use crate::api::vpc_endpoint::{
    AssociationPolicy, DnsRecordIpType, EndpointType, IngressSource, IpAddressType, SubnetAddress,
    VpcEndpointSpec,
};
use crate::aws::{arn, token};
use crate::engine::Error;

/// What the cluster and AWS say besides the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The account.
    pub account_id: String,
    /// The Region.
    pub region: String,
    /// Who we are, as in AWS's tags.
    pub owner: String,
    /// What the Region has.
    pub network: Network,
    /// The service, as the catalogue has it; `None` = not looked up, or not there.
    pub service: Option<ServiceInfo>,
    /// The catalogue has no such service.
    pub service_missing: bool,
    /// What an hour of an interface endpoint in a zone costs here.
    pub hour: Price,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// Where.
    pub place: Place,
    /// It is only observed.
    pub observes: bool,
    /// An endpoint that exists may be taken over.
    pub adopts: bool,
    /// The endpoint that is named; `None` = the one of this object, or of the VPC and service.
    pub endpoint_id: Option<String>,
    /// The VPC.
    pub vpc_id: String,
    /// Full name of the service.
    pub service_name: String,
    /// Type.
    pub type_: EndpointType,
    /// Subnets; `None` = left alone.
    pub subnet_ids: Option<BTreeSet<String>>,
    /// Addresses of the network interfaces by subnet; for another subnet = left alone.
    pub addresses: BTreeMap<String, Addresses>,
    /// Security groups, the managed one apart; `None` = left alone.
    pub group_ids: Option<BTreeSet<String>>,
    /// The security group that is made for it.
    pub group: Option<DesiredGroup>,
    /// Route tables; `None` = left alone.
    pub route_table_ids: Option<BTreeSet<String>>,
    /// Whether the service's usual names resolve to it.
    pub private_dns: bool,
    /// Nothing is said about that, and it is only observed: there is nothing to compare.
    pub any_private_dns: bool,
    /// Kinds of its addresses; `None` = left alone.
    pub ip_address_type: Option<IpAddressType>,
    /// Records of its names; `None` = left alone.
    pub dns_record_ip_type: Option<DnsRecordIpType>,
    /// Names of the VPC go through the gateway endpoint instead; `None` = not for this service.
    pub inbound_resolver_only: Option<bool>,
    /// The policy; `None` = left alone.
    pub policy: Option<Policy>,
    /// What becomes of associations that are not named.
    pub associations: AssociationPolicy,
    /// What the object has named before.
    pub associated: BTreeSet<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// The security group that is made for an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredGroup {
    /// Its name, unique in the VPC.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it lets in.
    pub ingress: BTreeSet<GroupRule>,
}

/// The port of HTTPS.
pub const HTTPS: i32 = 443;
/// Longest name of a security group.
const LONGEST_NAME: usize = 255;

/// Full name of the service that a spec asks for.
pub fn service_name(spec: &VpcEndpointSpec, region: &str) -> String {
    if let Some(full) = &spec.service_name {
        return full.clone();
    }
    full_name(spec.service.as_deref().unwrap_or_default(), region)
}

/// Full name of the service of a Region with this short name.
pub fn full_name(short: &str, region: &str) -> String {
    // In China only the oldest services go without the prefix.
    let china = arn::partition(region) == "aws-cn" && !["s3", "dynamodb"].contains(&short);
    let prefix = if china {
        "cn.com.amazonaws"
    } else {
        "com.amazonaws"
    };
    format!("{prefix}.{region}.{short}")
}

/// What people call a service: the last part of its full name, or what comes after the Region.
pub fn short_name(service_name: &str, region: &str) -> String {
    match service_name.split_once(&format!(".{region}.")) {
        Some((_, short)) if service_name.contains("amazonaws") => short.to_owned(),
        _ => service_name.to_owned(),
    }
}

/// What is wanted.
///
/// # Errors
/// The policy cannot be read; the selector finds no subnet.
pub fn desired(
    object: &VpcEndpoint,
    place: &Place,
    tags: BTreeMap<String, String>,
) -> Result<Desired, Error> {
    let spec = &object.spec;
    let observes = spec.common.management_policy == Some(ManagementPolicy::Observe);
    let interface = spec.type_ == EndpointType::Interface;
    let service_name = service_name(spec, &place.region);
    let set = |ids: &Option<Vec<String>>| ids.as_ref().map(|ids| ids.iter().cloned().collect());
    let subnet_ids = match &spec.subnet_selector {
        Some(selector) => Some(selected(object, place, &selector.tags)?),
        None => set(&spec.subnet_ids),
    };
    let group = spec
        .managed_security_group
        .as_ref()
        .map(|group| DesiredGroup {
            name: group_name(
                &place.owner,
                &object.namespace().unwrap_or_default(),
                &object.name_any(),
            ),
            description: group.description.clone().unwrap_or_else(|| {
                format!("HTTPS to {}", short_name(&service_name, &place.region))
            }),
            ingress: group.ingress.iter().map(rule).collect(),
        });
    let options = spec.dns_options.clone().unwrap_or_default();
    let for_s3 = interface && service_name.rsplit('.').next() == Some("s3");
    let policy = policy(spec, place)?;
    Ok(Desired {
        observes,
        adopts: spec.common.adoption_policy.unwrap_or_default() != AdoptionPolicy::Never,
        endpoint_id: spec.vpc_endpoint_id.clone(),
        vpc_id: spec.vpc_id.clone(),
        type_: spec.type_,
        subnet_ids,
        addresses: addresses(spec)?,
        group_ids: set(&spec.security_group_ids),
        group,
        route_table_ids: set(&spec.route_table_ids),
        private_dns: interface && spec.private_dns_enabled.unwrap_or(true),
        any_private_dns: observes && spec.private_dns_enabled.is_none(),
        ip_address_type: spec.ip_address_type,
        dns_record_ip_type: options.dns_record_ip_type,
        inbound_resolver_only: for_s3.then(|| {
            options
                .private_dns_only_for_inbound_resolver_endpoint
                .unwrap_or(false)
        }),
        policy,
        associations: spec.association_policy.unwrap_or_default(),
        associated: object
            .status
            .iter()
            .flat_map(|s| s.associated.clone())
            .collect(),
        tags,
        service_name,
        place: place.clone(),
    })
}

/// The addresses that the spec asks for, by subnet.
fn addresses(spec: &VpcEndpointSpec) -> Result<BTreeMap<String, Addresses>, Error> {
    fn read<T: FromStr>(
        address: &SubnetAddress,
        text: Option<&String>,
    ) -> Result<Option<T>, Error> {
        // The API server takes no other text, but what it stored under an earlier CRD.
        let none = |_| {
            Error::invalid(format!(
                "spec.subnetAddresses has something for {} that is no address: correct it",
                address.subnet_id
            ))
        };
        text.map(|text| text.parse().map_err(none)).transpose()
    }
    let all = spec.subnet_addresses.iter().flatten();
    all.map(|address| {
        let addresses = Addresses {
            ipv4: read(address, address.ipv4.as_ref())?,
            ipv6: read(address, address.ipv6.as_ref())?,
        };
        Ok((address.subnet_id.clone(), addresses))
    })
    .collect()
}

/// The policy that the spec asks for.
fn policy(spec: &VpcEndpointSpec, place: &Place) -> Result<Option<Policy>, Error> {
    let (field, read) = match (&spec.policy, &spec.policy_json, &spec.policy_preset) {
        (Some(object), _, _) => (
            "policy",
            Policy::from_value(&Value::Object(object.0.clone())),
        ),
        (_, Some(text), _) => ("policyJSON", Policy::parse(text)),
        (_, _, Some(preset)) => (
            "policyPreset",
            preset::policy(preset, &place.account_id, &place.region),
        ),
        (None, None, None) => return Ok(None),
    };
    let policy = read.and_then(|policy| policy.complete().map(|()| policy));
    policy
        .map(Some)
        .map_err(|problem| Error::invalid(format!("spec.{field} cannot be used: {problem}")))
}

/// The rule that lets a source in.
fn rule(source: &IngressSource) -> GroupRule {
    let peer = if let Some(cidr) = &source.cidr {
        Peer::Cidr(as_aws_writes(cidr))
    } else if let Some(id) = &source.security_group_id {
        Peer::Group {
            id: id.clone(),
            account_id: None,
        }
    } else {
        Peer::PrefixList(source.prefix_list_id.clone().unwrap_or_default())
    };
    GroupRule {
        protocol: "tcp".to_owned(),
        from_port: Some(HTTPS),
        to_port: Some(HTTPS),
        peer,
        description: source.description.clone(),
    }
}

/// An address range in the one way in which AWS gives it back: `2001:DB8:0::/56` comes as `2001:db8::/56`.
fn as_aws_writes(cidr: &str) -> String {
    let parts = cidr.split_once('/');
    let parsed = parts.and_then(|(ip, length)| Some((ip.parse::<IpAddr>().ok()?, length)));
    parsed.map_or_else(
        || cidr.to_ascii_lowercase(),
        |(ip, length)| format!("{ip}/{length}"),
    )
}

/// Name of the group that is made for an object: nobody else's, whichever clusters share the VPC.
pub fn group_name(owner: &str, namespace: &str, name: &str) -> String {
    let full = format!("incident-operator/{owner}/{namespace}/{name}");
    if full.len() <= LONGEST_NAME {
        return full;
    }
    let hash = token::derived(["group", &full]).simple().to_string();
    let readable: String = full.chars().take(LONGEST_NAME - hash.len() - 1).collect();
    format!("{readable}={hash}")
}

/// Whether the network has everything that `spec` names in it; what it lacks may have been made since it was read.
pub fn names_what_is_there(spec: &VpcEndpointSpec, network: &Network) -> bool {
    let all = |ids: &Option<Vec<String>>, has: &dyn Fn(&str) -> bool| {
        ids.iter().flatten().all(|id| has(id))
    };
    let selects = |tags| {
        network
            .subnets
            .values()
            .any(|s| carries(s, &spec.vpc_id, tags))
    };
    network.vpcs.contains_key(&spec.vpc_id)
        && all(&spec.subnet_ids, &|id| network.subnets.contains_key(id))
        && all(&spec.security_group_ids, &|id| {
            network.groups.contains_key(id)
        })
        && all(&spec.route_table_ids, &|id| {
            network.route_tables.contains_key(id)
        })
        && spec
            .subnet_selector
            .as_ref()
            .is_none_or(|s| selects(&s.tags))
}

fn carries(subnet: &Subnet, vpc_id: &str, tags: &BTreeMap<String, String>) -> bool {
    subnet.vpc_id == vpc_id
        && tags
            .iter()
            .all(|(key, value)| subnet.tags.get(key) == Some(value))
}

/// Subnets of the VPC that carry the tags, one of each zone.
fn selected(
    object: &VpcEndpoint,
    place: &Place,
    tags: &BTreeMap<String, String>,
) -> Result<BTreeSet<String>, Error> {
    let kept = object
        .status
        .as_ref()
        .map(|s| s.subnet_ids.clone())
        .unwrap_or_default();
    let may_be_used = |subnet: &&Subnet| {
        carries(subnet, &object.spec.vpc_id, tags)
            && place.service.as_ref().is_none_or(|service| {
                service.zones.is_empty() || service.zones.contains(&subnet.zone)
            })
    };
    let mut by_zone: BTreeMap<&str, &Subnet> = BTreeMap::new();
    for subnet in place.network.subnets.values().filter(may_be_used) {
        let chosen = by_zone.entry(&subnet.zone).or_insert(subnet);
        // One that the endpoint has stays.
        if kept.contains(&subnet.id) && !kept.contains(&chosen.id) {
            *chosen = subnet;
        }
    }
    if by_zone.is_empty() {
        let tags: Vec<String> = tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
        return Err(Error::unresolved(
            Reason::NetworkNotFound,
            format!(
                "spec.subnetSelector finds no subnet of {} with {}: tag the subnets that are meant, or name them in spec.subnetIds",
                object.spec.vpc_id,
                tags.join(", ")
            ),
        ));
    }
    Ok(by_zone.values().map(|s| s.id.clone()).collect())
}
