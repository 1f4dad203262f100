//! What an account has in one Region: VPCs, what is in them, and their endpoints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::knobs::Knob;
use crate::world::Circumstances;

/// Tags of one resource.
pub type Tags = BTreeMap<String, String>;

/// A virtual network.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vpc {
    /// IPv4 block.
    pub cidr: String,
    /// IPv6 block, a /56.
    pub ipv6: Option<String>,
    /// `default` or `dedicated`.
    pub tenancy: String,
    /// Whether the resolver answers.
    pub dns_support: bool,
    /// Whether hosts get names; private DNS of endpoints needs both.
    pub dns_hostnames: bool,
    /// Kept, without a meaning here.
    pub usage_metrics: bool,
    /// The one network ACL.
    pub acl: String,
    /// Order of creation.
    pub created: Millis,
}

/// A part of a VPC in one zone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subnet {
    /// Its VPC.
    pub vpc: String,
    /// IPv4 block.
    pub cidr: String,
    /// IPv6 block, a /64.
    pub ipv6: Option<String>,
    /// Name of its zone.
    pub zone: String,
    /// Whether hosts get public addresses.
    pub public: bool,
    /// Whether hosts get IPv6 addresses.
    pub assigns_ipv6: bool,
    /// When it was made.
    pub created: Millis,
}

/// A route to an internet gateway; local ones and those of endpoints are not kept, they follow from VPC and endpoints.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// IPv4 or IPv6 block.
    pub destination: String,
    /// The gateway.
    pub gateway: String,
}

/// A route table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTable {
    /// Its VPC.
    pub vpc: String,
    /// Id of its association with the VPC, if it is the main one.
    pub main: Option<String>,
    /// Subnets by id of the association.
    pub associations: BTreeMap<String, String>,
    /// Routes of the owner.
    pub routes: Vec<Route>,
    /// When it was made.
    pub created: Millis,
}

/// An internet gateway.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InternetGateway {
    /// The VPC it is attached to.
    pub vpc: Option<String>,
    /// When it was made.
    pub created: Millis,
}

/// Who a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Peer {
    /// An IPv4 block.
    Ipv4(String),
    /// An IPv6 block.
    Ipv6(String),
    /// A prefix list.
    PrefixList(String),
    /// Another group, or the same.
    Group(String),
}

/// A rule of a security group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Whether it is about traffic that leaves.
    pub egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub protocol: String,
    /// First port; -1 for all.
    pub from: i64,
    /// Last port; -1 for all.
    pub to: i64,
    /// The other side.
    pub peer: Peer,
    /// What its owner says about it.
    pub description: Option<String>,
}

impl Rule {
    /// Whether two rules let the same pass.
    pub fn same(&self, other: &Self) -> bool {
        self.egress == other.egress
            && self.protocol == other.protocol
            && self.from == other.from
            && self.to == other.to
            && self.peer == other.peer
    }
}

/// A security group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its VPC.
    pub vpc: String,
    /// Unique in the VPC.
    pub name: String,
    /// What its owner says about it.
    pub description: String,
    /// In the order they came.
    pub rules: Vec<Rule>,
    /// When it was made.
    pub created: Millis,
}

/// A network interface of an endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Its endpoint.
    pub endpoint: String,
    /// Its subnet.
    pub subnet: String,
    /// IPv4 address, unless the endpoint has IPv6 alone.
    pub ipv4: Option<String>,
    /// IPv6 address, if the endpoint has any.
    pub ipv6: Option<String>,
    /// When it was made.
    pub created: Millis,
}

/// States of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Being made or changed.
    Pending,
    /// The owner of the service has not decided yet.
    PendingAcceptance,
    /// Usable.
    Available,
    /// The owner of the service said no.
    Rejected,
    /// The owner of the service said nothing for too long.
    Expired,
    /// Something went wrong.
    Failed,
    /// Being removed.
    Deleting,
    /// Gone, and still shown.
    Deleted,
}

impl State {
    /// As interface and gateway endpoints show it, or as the model spells it.
    pub fn name(self, pascal: bool) -> &'static str {
        match (self, pascal) {
            (Self::Pending, false) => "pending",
            (Self::PendingAcceptance, false) => "pendingAcceptance",
            (Self::Available, false) => "available",
            (Self::Rejected, false) => "rejected",
            (Self::Expired, false) => "expired",
            (Self::Failed, false) => "failed",
            (Self::Deleting, false) => "deleting",
            (Self::Deleted, false) => "deleted",
            (Self::Pending, true) => "Pending",
            (Self::PendingAcceptance, true) => "PendingAcceptance",
            (Self::Available, true) => "Available",
            (Self::Rejected, true) => "Rejected",
            (Self::Expired, true) => "Expired",
            (Self::Failed, true) => "Failed",
            (Self::Deleting, true) => "Deleting",
            (Self::Deleted, true) => "Deleted",
        }
    }

    /// Whether the endpoint is on its way out.
    pub fn leaves(self) -> bool {
        matches!(self, Self::Deleting | Self::Deleted)
    }
}

/// Types of endpoints that can be made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointType {
    /// Network interfaces in subnets.
    Interface,
    /// Routes to a prefix list.
    Gateway,
}

impl EndpointType {
    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interface => "Interface",
            Self::Gateway => "Gateway",
        }
    }
}

/// What went wrong with an endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// Code.
    pub code: String,
    /// Text.
    pub message: String,
}

/// A VPC endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Its type.
    pub kind: EndpointType,
    /// Its VPC.
    pub vpc: String,
    /// Full name of its service.
    pub service: String,
    /// Its state.
    pub state: State,
    /// When a transitional state ends.
    pub until: Millis,
    /// The policy as it was sent.
    pub policy: String,
    /// Route tables of a gateway endpoint.
    pub route_tables: Vec<String>,
    /// Subnets of an interface endpoint.
    pub subnets: Vec<String>,
    /// Groups of an interface endpoint.
    pub groups: Vec<String>,
    /// `ipv4`, `dualstack` or `ipv6`.
    pub ip_type: String,
    /// DNS records of which type.
    pub dns_ip_type: String,
    /// Whether private DNS is for the inbound resolver endpoint alone; shown if it was said.
    pub inbound_only: Option<bool>,
    /// Whether the service's own names lead here.
    pub private_dns: bool,
    /// What makes its DNS names unique.
    pub suffix: String,
    /// What went wrong.
    pub last_error: Option<LastError>,
    /// When it was made.
    pub created: Millis,
}

/// An endpoint service of somebody else that the account may use.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// Account that offers it.
    pub owner: String,
    /// Whether the owner accepts each endpoint.
    pub acceptance_required: bool,
    /// Zones it is in.
    pub zones: Vec<String>,
    /// Its own DNS name.
    pub private_dns_name: Option<String>,
    /// Whether endpoints can have a policy other than full access.
    pub policy_supported: bool,
    /// Whether it has IPv6.
    pub ipv6: bool,
}

/// All of one Region.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Network {
    /// VPCs.
    pub vpcs: BTreeMap<String, Vpc>,
    /// Subnets.
    pub subnets: BTreeMap<String, Subnet>,
    /// Route tables.
    pub route_tables: BTreeMap<String, RouteTable>,
    /// Internet gateways.
    pub internet_gateways: BTreeMap<String, InternetGateway>,
    /// Security groups.
    pub groups: BTreeMap<String, Group>,
    /// Network interfaces.
    pub interfaces: BTreeMap<String, Interface>,
    /// Endpoints.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Services of others, by full name.
    pub offers: BTreeMap<String, Offer>,
    /// Tags by id of the resource.
    pub tags: BTreeMap<String, Tags>,
}

impl Network {
    /// Ends transitional states that are over; true if one was.
    pub fn settle(&mut self, at: &Circumstances<'_>) -> bool {
        let mut changed = false;
        let mut deleted = Vec::new();
        let mut gone = Vec::new();
        for (id, endpoint) in &mut self.endpoints {
            if endpoint.until > at.now {
                continue;
            }
            match endpoint.state {
                State::Pending => endpoint.state = State::Available,
                State::Deleting => {
                    endpoint.state = State::Deleted;
                    endpoint.until += at.knobs.number(Knob::VpceDeletedVisibleMs);
                    deleted.push(id.clone());
                }
                State::Deleted => gone.push(id.clone()),
                _ => continue,
            }
            if endpoint.state == State::Deleted && endpoint.until <= at.now {
                gone.push(id.clone());
            }
            changed = true;
        }
        for id in deleted {
            self.drop_interfaces(|interface| interface.endpoint == id);
        }
        for id in gone {
            self.endpoints.remove(&id);
            self.tags.remove(&id);
        }
        changed
    }

    /// Removes the interfaces that are meant.
    pub fn drop_interfaces(&mut self, meant: impl Fn(&Interface) -> bool) {
        let tags = &mut self.tags;
        self.interfaces.retain(|id, interface| {
            let drop = meant(interface);
            if drop {
                tags.remove(id);
            }
            !drop
        });
    }

    /// The tags of a resource.
    pub fn tags_of(&self, id: &str) -> Tags {
        self.tags.get(id).cloned().unwrap_or_default()
    }

    /// Endpoints that have not gone.
    pub fn living(&self) -> impl Iterator<Item = (&String, &Endpoint)> {
        self.endpoints
            .iter()
            .filter(|(_, endpoint)| endpoint.state != State::Deleted)
    }
}
