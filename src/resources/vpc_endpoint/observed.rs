//! What AWS has, in our own words. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::api::vpc_endpoint::{DnsRecordIpType, EndpointType, IpAddressType};

/// What AWS has for one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The endpoint; `None` = there is only the group that was made for it.
    pub endpoint: Option<Endpoint>,
    /// Its ARN; empty = there is none.
    pub arn: String,
    /// The security group that was made for it.
    pub group: Option<Group>,
    /// What is around it.
    pub network: Network,
    /// Why nothing may be made or taken over here, when the cause is what AWS has.
    pub obstacle: Option<String>,
    /// It was changed so recently that AWS may still show what was before.
    pub just_written: bool,
}

/// What a Region of an account has, as far as endpoints are concerned. Shared by all objects, and cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Endpoints by id, those that are gone apart.
    pub endpoints: Arc<BTreeMap<String, Endpoint>>,
    /// VPCs by id.
    pub vpcs: Arc<BTreeMap<String, Vpc>>,
    /// Subnets by id.
    pub subnets: Arc<BTreeMap<String, Subnet>>,
    /// Route tables by id.
    pub route_tables: Arc<BTreeMap<String, RouteTable>>,
    /// Security groups by id.
    pub groups: Arc<BTreeMap<String, Group>>,
    /// Network interfaces of endpoints by id.
    pub interfaces: Arc<BTreeMap<String, Interface>>,
    /// Whether names work as private DNS needs it, by VPC; one that is missing was not read.
    pub dns: Arc<BTreeMap<String, VpcDns>>,
}

/// DNS attributes of a VPC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VpcDns {
    /// `enableDnsSupport`.
    pub support: bool,
    /// `enableDnsHostnames`.
    pub hostnames: bool,
}

/// A VPC endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// For example `vpce-0123456789abcdef0`.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Full name of the service; empty for types that have none.
    pub service_name: String,
    /// Its type.
    pub type_: Type,
    /// Its state.
    pub state: State,
    /// The policy as AWS writes it; `None` = the service takes none.
    pub policy: Option<String>,
    /// Route tables.
    pub route_table_ids: BTreeSet<String>,
    /// Subnets.
    pub subnet_ids: BTreeSet<String>,
    /// Security groups.
    pub group_ids: BTreeSet<String>,
    /// Network interfaces.
    pub interface_ids: BTreeSet<String>,
    /// Whether the service's usual names resolve to it.
    pub private_dns: bool,
    /// Kinds of its addresses; `None` = AWS does not say, or something new.
    pub ip_address_type: Option<IpAddressType>,
    /// Records of its names; `None` = AWS does not say, or something new.
    pub dns_record_ip_type: Option<DnsRecordIpType>,
    /// Names of the VPC go through the gateway endpoint instead.
    pub inbound_resolver_only: Option<bool>,
    /// Names: name and hosted zone.
    pub dns_entries: Vec<(String, Option<String>)>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// AWS made it for another of its services, which manages it.
    pub requester_managed: bool,
    /// The account whose it is.
    pub owner_id: String,
    /// What AWS last said went wrong: code and words, as far as they may be shown.
    pub last_error: Option<(String, Option<String>)>,
}

/// Type of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// One that the API of this operator knows.
    Known(EndpointType),
    /// Another.
    Other(String),
}

/// State of an endpoint. AWS writes it in either case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// The owner of the service has to accept it.
    PendingAcceptance,
    /// AWS is at work on it.
    #[default]
    Pending,
    /// It can be used.
    Available,
    /// AWS is taking it away.
    Deleting,
    /// It is gone.
    Deleted,
    /// The owner of the service has refused it.
    Rejected,
    /// It could not be made.
    Failed,
    /// Nobody has accepted it in time.
    Expired,
    /// It works in part.
    Partial,
    /// One that this version does not know.
    Other(String),
}

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vpc {
    /// Its id.
    pub id: String,
    /// Its address ranges, IPv4 and IPv6.
    pub cidrs: BTreeSet<String>,
}

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Zone, for example `eu-central-1a`.
    pub zone: String,
    /// What the zone is called in every account, for example `euc1-az1`.
    pub zone_id: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A route table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteTable {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// It serves the subnets that have no other.
    pub main: bool,
    /// Subnets that it serves by name.
    pub subnet_ids: BTreeSet<String>,
    /// It has a route to an Internet gateway.
    pub to_internet: bool,
    /// Gateway endpoints to which it has a route.
    pub endpoint_ids: BTreeSet<String>,
}

/// A security group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its name, which is unique in the VPC.
    pub name: String,
    /// What it lets in.
    pub ingress: BTreeSet<GroupRule>,
    /// What it lets out.
    pub egress: BTreeSet<GroupRule>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A rule of a security group, for one peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupRule {
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub protocol: String,
    /// First port; `None` = all.
    pub from_port: Option<i32>,
    /// Last port; `None` = all.
    pub to_port: Option<i32>,
    /// The other side.
    pub peer: Peer,
    /// What it is for.
    pub description: Option<String>,
}

/// The other side of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// An address range, IPv4 or IPv6.
    Cidr(String),
    /// A security group.
    Group {
        /// Its id.
        id: String,
        /// The account whose it is, when AWS says so.
        account_id: Option<String>,
    },
    /// A prefix list.
    PrefixList(String),
}

/// A network interface of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its id.
    pub id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Its zone.
    pub zone: String,
    /// Its security groups.
    pub group_ids: BTreeSet<String>,
}

/// A service of the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceInfo {
    /// Full name.
    pub name: String,
    /// Types of endpoints that it takes, as AWS writes them.
    pub types: BTreeSet<String>,
    /// Zones in which it is, by name.
    pub zones: BTreeSet<String>,
    /// The names that resolve to an endpoint with private DNS.
    pub private_dns_names: Vec<String>,
    /// Its owner has to accept endpoints.
    pub acceptance_required: bool,
    /// It takes a policy.
    pub takes_policy: bool,
}

impl Default for Type {
    fn default() -> Self {
        Self::Known(EndpointType::Interface)
    }
}

impl Type {
    /// A type as AWS writes it. GovCloud may leave it out: a gateway then.
    pub fn from_aws(text: Option<&str>) -> Self {
        let known = [
            ("interface", EndpointType::Interface),
            ("gateway", EndpointType::Gateway),
            ("gatewayloadbalancer", EndpointType::GatewayLoadBalancer),
            ("resource", EndpointType::Resource),
            ("servicenetwork", EndpointType::ServiceNetwork),
        ];
        let Some(text) = text.filter(|t| !t.is_empty()) else {
            return Self::Known(EndpointType::Gateway);
        };
        let lower = text.to_ascii_lowercase();
        known
            .iter()
            .find(|(name, _)| *name == lower)
            .map_or_else(|| Self::Other(text.to_owned()), |(_, t)| Self::Known(*t))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(known) => write!(f, "{known:?}"),
            Self::Other(other) => f.write_str(other),
        }
    }
}

impl State {
    /// A state as AWS writes it, whatever its case.
    pub fn from_aws(text: &str) -> Self {
        let known = [
            ("pendingacceptance", Self::PendingAcceptance),
            ("pending", Self::Pending),
            ("available", Self::Available),
            ("deleting", Self::Deleting),
            ("deleted", Self::Deleted),
            ("rejected", Self::Rejected),
            ("failed", Self::Failed),
            ("expired", Self::Expired),
            ("partial", Self::Partial),
        ];
        let lower = text.to_ascii_lowercase();
        known
            .into_iter()
            .find(|(name, _)| *name == lower)
            .map_or_else(|| Self::Other(text.to_owned()), |(_, state)| state)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PendingAcceptance => "PendingAcceptance",
            Self::Pending => "Pending",
            Self::Available => "Available",
            Self::Deleting => "Deleting",
            Self::Deleted => "Deleted",
            Self::Rejected => "Rejected",
            Self::Failed => "Failed",
            Self::Expired => "Expired",
            Self::Partial => "Partial",
            Self::Other(other) => other,
        })
    }
}

/// The id in an ARN.
pub fn id_of(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, id)| id)
}

impl Endpoint {
    /// It is of a type that the API knows, and of this one.
    pub fn is(&self, type_: EndpointType) -> bool {
        self.type_ == Type::Known(type_)
    }

    /// AWS is at work on it and it will be something else soon.
    pub fn is_transitional(&self) -> bool {
        matches!(self.state, State::Pending | State::Deleting)
    }

    /// It is gone or on its way out.
    pub fn is_leaving(&self) -> bool {
        matches!(self.state, State::Deleting | State::Deleted)
    }
}

impl Network {
    /// The other endpoints of a VPC, those that are leaving apart.
    pub fn others_of<'a>(
        &'a self,
        vpc_id: &'a str,
        own_id: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Endpoint> {
        self.endpoints
            .values()
            .filter(move |e| e.vpc_id == vpc_id && Some(e.id.as_str()) != own_id && !e.is_leaving())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_in_either_case() {
        assert_eq!(
            State::from_aws("pendingAcceptance"),
            State::PendingAcceptance
        );
        assert_eq!(
            State::from_aws("PendingAcceptance"),
            State::PendingAcceptance
        );
        assert_eq!(State::from_aws("available"), State::Available);
        assert_eq!(State::from_aws("Odd").to_string(), "Odd");
    }

    #[test]
    fn no_type_is_a_gateway() {
        assert_eq!(Type::from_aws(None), Type::Known(EndpointType::Gateway));
        assert_eq!(
            Type::from_aws(Some("GatewayLoadBalancer")),
            Type::Known(EndpointType::GatewayLoadBalancer)
        );
        assert_eq!(
            Type::from_aws(Some("Tunnel")),
            Type::Other("Tunnel".to_owned())
        );
    }
}
