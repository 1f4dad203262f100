//! The network interfaces of an endpoint follow its subnets.

use std::net::{Ipv4Addr, Ipv6Addr};

use rand::Rng as _;
use serde_json::Value;

use crate::error::AwsError;
use crate::services::Call;

use super::super::cidr::{Block, ipv6_gives, ipv6_host, parse_ipv6};
use super::super::errors::{self, INTERFACE};
use super::super::state::{Endpoint, EndpointType, Interface, Network, Subnet};
use super::super::{new_id, subnet};

/// The addresses that a call asks for in a subnet.
#[derive(Default)]
struct Wish {
    ipv4: Option<Ipv4Addr>,
    ipv6: Option<Ipv6Addr>,
}

fn address<T: std::str::FromStr>(given: &Value) -> Result<Option<T>, AwsError> {
    given
        .as_str()
        .map(|text| {
            text.parse()
                .map_err(|_| errors::value(format!("Value ({text}) is not a valid IP address.")))
        })
        .transpose()
}

/// What a call asks for in the subnet `id`; `None` = nothing. Every kind of address that the endpoint has is asked for, and no other.
fn wish(call: &Call<'_>, endpoint: &Endpoint, id: &str) -> Result<Option<Wish>, AwsError> {
    let configurations = call.input["SubnetConfiguration"].as_array();
    for configuration in configurations.into_iter().flatten() {
        let named = configuration["SubnetId"].as_str().unwrap_or_default();
        if !endpoint.subnets.iter().any(|subnet| subnet == named) {
            return Err(errors::parameter(format!(
                "The subnet configuration is for {named}, which is not a subnet of the endpoint."
            )));
        }
        if named != id {
            continue;
        }
        let wish = Wish {
            ipv4: address(&configuration["Ipv4"])?,
            ipv6: address(&configuration["Ipv6"])?,
        };
        for (kind, other, asked) in [
            ("IPv4", "ipv6", wish.ipv4.is_some()),
            ("IPv6", "ipv4", wish.ipv6.is_some()),
        ] {
            let has = endpoint.ip_type != other;
            if asked && !has {
                return Err(errors::parameter(
                    "The subnet configuration does not suit the IP address type of the endpoint.",
                ));
            }
            if has && !asked {
                return Err(errors::parameter(format!(
                    "You must provide an {kind} address for {id} if the VPC endpoint supports {kind}."
                )));
            }
        }
        return Ok(Some(wish));
    }
    Ok(None)
}

fn in_use(address: &str) -> AwsError {
    AwsError::new(
        "InvalidIPAddress.InUse",
        format!("Address {address} is in use."),
    )
}

/// An address of the subnet `id`. What the interface that is replaced has is free.
fn ipv4(
    network: &Network,
    (id, subnet): (&str, &Subnet),
    replaced: Option<&Interface>,
    wish: Option<Ipv4Addr>,
) -> Result<String, AwsError> {
    let block = Block::parse(&subnet.cidr)
        .ok_or_else(|| errors::parameter(format!("The subnet {id} has no addresses.")))?;
    let own = replaced.and_then(|interface| interface.ipv4.as_ref()?.parse().ok());
    let mut used = subnet::used(network, id);
    used.retain(|address| Some(*address) != own);
    if let Some(address) = wish {
        if !block.has_host(address) {
            return Err(errors::parameter(format!(
                "Address {address} does not fall within the subnet's address range"
            )));
        }
        if used.contains(&address) {
            return Err(in_use(&address.to_string()));
        }
        return Ok(address.to_string());
    }
    let size = usize::try_from(block.size()).unwrap_or(usize::MAX);
    let from = rand::rng().random_range(0..size.max(1));
    block
        .hosts()
        .skip(from)
        .chain(block.hosts())
        .find(|address| !used.contains(address))
        .map(|address| address.to_string())
        .ok_or_else(|| {
            AwsError::new(
                "InsufficientFreeAddressesInSubnet",
                format!("The subnet {id} has no free addresses."),
            )
        })
}

/// The same of IPv6.
fn ipv6(
    network: &Network,
    (id, subnet): (&str, &Subnet),
    replaced: Option<&Interface>,
    wish: Option<Ipv6Addr>,
) -> Result<String, AwsError> {
    let block = subnet
        .ipv6
        .as_deref()
        .and_then(parse_ipv6)
        .ok_or_else(|| errors::parameter(format!("The subnet {id} has no IPv6 addresses.")))?;
    let address = match wish {
        Some(address) if !ipv6_gives(block, address) => {
            return Err(errors::parameter(format!(
                "Address {address} does not fall within the subnet's address range"
            )));
        }
        Some(address) => address.to_string(),
        None => ipv6_host(block, rand::rng().random_range(0x100..u64::MAX)),
    };
    let taken = network
        .interfaces
        .values()
        .any(|interface| interface.ipv6.as_ref() == Some(&address));
    let own = replaced.is_some_and(|interface| interface.ipv6.as_ref() == Some(&address));
    if taken && !own {
        return Err(in_use(&address));
    }
    Ok(address)
}

/// Makes the interfaces of an endpoint fit it: one in each subnet, with the addresses asked for; nothing changes if that cannot be.
pub(super) fn follow(
    call: &mut Call<'_>,
    network: &mut Network,
    id: &str,
    endpoint: &Endpoint,
) -> Result<(), AwsError> {
    if endpoint.kind == EndpointType::Gateway {
        return Ok(());
    }
    let mut replaced = Vec::new();
    let mut made = Vec::new();
    for subnet_id in &endpoint.subnets {
        let Some(subnet) = network.subnets.get(subnet_id) else {
            continue;
        };
        let wish = wish(call, endpoint, subnet_id)?.unwrap_or_default();
        let known = network
            .interfaces
            .iter()
            .find(|(_, interface)| interface.endpoint == id && interface.subnet == *subnet_id);
        let (with_ipv4, with_ipv6) = (endpoint.ip_type != "ipv6", endpoint.ip_type != "ipv4");
        if let Some((known_id, interface)) = known {
            let keeps = interface.ipv4.is_some() == with_ipv4
                && interface.ipv6.is_some() == with_ipv6
                && wish
                    .ipv4
                    .is_none_or(|wish| interface.ipv4 == Some(wish.to_string()))
                && wish
                    .ipv6
                    .is_none_or(|wish| interface.ipv6 == Some(wish.to_string()));
            if keeps {
                continue;
            }
            replaced.push(known_id.clone());
        }
        let place = (subnet_id.as_str(), subnet);
        let before = known.map(|(_, interface)| interface);
        made.push(Interface {
            endpoint: id.to_owned(),
            subnet: subnet_id.clone(),
            ipv4: with_ipv4
                .then(|| ipv4(network, place, before, wish.ipv4))
                .transpose()?,
            ipv6: with_ipv6
                .then(|| ipv6(network, place, before, wish.ipv6))
                .transpose()?,
            created: call.now,
        });
    }
    for gone in replaced {
        network.interfaces.remove(&gone);
        network.tags.remove(&gone);
    }
    network.drop_interfaces(|interface| {
        interface.endpoint == id && !endpoint.subnets.contains(&interface.subnet)
    });
    for interface in made {
        network
            .interfaces
            .insert(new_id(call, &INTERFACE), interface);
    }
    Ok(())
}
