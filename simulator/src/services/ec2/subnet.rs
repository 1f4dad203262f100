//! Subnets.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::catalogue;
use super::cidr::{Block, ipv6_holds, parse_ipv6};
use super::errors::{self, SUBNET};
use super::listing::{self, Item, Listing, tag_set, visible};
use super::state::{Network, Subnet, Tags};
use super::{done, network, new_id, tags, vpc};

/// The subnet of this id.
pub(super) fn find<'a>(network: &'a Network, id: &str) -> Result<&'a Subnet, AwsError> {
    network.subnets.get(id).ok_or_else(|| SUBNET.missing(id))
}

/// IPv4 addresses of a subnet that interfaces have.
pub(super) fn used(network: &Network, id: &str) -> Vec<Ipv4Addr> {
    network
        .interfaces
        .values()
        .filter(|interface| interface.subnet == id)
        .filter_map(|interface| interface.ipv4.as_ref()?.parse().ok())
        .collect()
}

fn zone(call: &Call<'_>, network: &Network, vpc: &str) -> Result<String, AwsError> {
    let zones = catalogue::zones(&call.scope.region);
    let invalid = |given: &str, name: &str| {
        let names: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
        errors::value(format!(
            "Value ({given}) for parameter {name} is invalid. Subnets can currently only be created in the following availability zones: {}.",
            names.join(", ")
        ))
    };
    if let Some(name) = call.text("AvailabilityZone") {
        return zones
            .iter()
            .find(|zone| zone.name == name)
            .map(|zone| zone.name.clone())
            .ok_or_else(|| invalid(name, "availabilityZone"));
    }
    if let Some(id) = call.text("AvailabilityZoneId") {
        return zones
            .iter()
            .find(|zone| zone.id == id)
            .map(|zone| zone.name.clone())
            .ok_or_else(|| invalid(id, "availabilityZoneId"));
    }
    // AWS chooses; here one after the other.
    let before = network
        .subnets
        .values()
        .filter(|subnet| subnet.vpc == vpc)
        .count();
    Ok(zones[before % zones.len()].name.clone())
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let tags = tags::specified(call, &SUBNET)?;
    let network = network(account, call);
    let vpc_id = call.required("VpcId").to_owned();
    let vpc = vpc::find(network, &vpc_id)?;
    let cidr = call
        .text("CidrBlock")
        .ok_or_else(|| errors::lacking("cidrBlock"))?;
    let block = Block::parse(cidr).ok_or_else(|| {
        errors::value(format!(
            "Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        ))
    })?;
    let range = || {
        AwsError::new(
            "InvalidSubnet.Range",
            format!("The CIDR '{cidr}' is invalid."),
        )
    };
    let within = Block::parse(&vpc.cidr).is_some_and(|outer| outer.holds(block));
    if !within || !(16..=28).contains(&block.length()) {
        return Err(range());
    }
    let conflict = |cidr: &str| {
        AwsError::new(
            "InvalidSubnet.Conflict",
            format!("The CIDR '{cidr}' conflicts with another subnet"),
        )
    };
    let siblings = || {
        network
            .subnets
            .values()
            .filter(|subnet| subnet.vpc == vpc_id)
    };
    if siblings()
        .filter_map(|subnet| Block::parse(&subnet.cidr))
        .any(|other| other.overlaps(block))
    {
        return Err(conflict(cidr));
    }
    let ipv6 = call.text("Ipv6CidrBlock").map(str::to_owned);
    if let Some(given) = &ipv6 {
        let invalid = || {
            AwsError::new(
                "InvalidSubnet.Range",
                format!("The IPv6 CIDR '{given}' is invalid."),
            )
        };
        let inner = parse_ipv6(given)
            .filter(|inner| inner.1 == 64)
            .ok_or_else(invalid)?;
        let outer = vpc
            .ipv6
            .as_deref()
            .and_then(parse_ipv6)
            .ok_or_else(invalid)?;
        if !ipv6_holds(outer, inner) {
            return Err(invalid());
        }
        if siblings()
            .filter_map(|subnet| parse_ipv6(subnet.ipv6.as_deref()?))
            .any(|other| other == inner)
        {
            return Err(conflict(given));
        }
    }
    let subnet = Subnet {
        vpc: vpc_id.clone(),
        cidr: block.to_string(),
        ipv6,
        zone: zone(call, network, &vpc_id)?,
        public: false,
        assigns_ipv6: false,
        created: call.now,
    };
    let id = new_id(call, &SUBNET);
    let shown = view(call, network, &id, &subnet, &tags);
    network.subnets.insert(id.clone(), subnet);
    network.tags.insert(id, tags);
    Ok(json!({"subnet": shown}))
}

fn view(call: &Call<'_>, network: &Network, id: &str, subnet: &Subnet, tags: &Tags) -> Value {
    let free = Block::parse(&subnet.cidr).map_or(0, |block| {
        block
            .size()
            .saturating_sub(5)
            .saturating_sub(used(network, id).len() as u64)
    });
    let ipv6: Vec<Value> = subnet
        .ipv6
        .iter()
        .map(|block| {
            json!({
                "associationId": id.replacen("subnet-", "subnet-cidr-assoc-", 1),
                "ipv6CidrBlock": block,
                "ipv6CidrBlockState": {"state": "associated"},
            })
        })
        .collect();
    json!({
        "subnetId": id,
        "subnetArn": call.arn("ec2", &format!("subnet/{id}")),
        "ownerId": call.scope.account,
        "state": "available",
        "vpcId": subnet.vpc,
        "cidrBlock": subnet.cidr,
        "ipv6CidrBlockAssociationSet": ipv6,
        "assignIpv6AddressOnCreation": subnet.assigns_ipv6,
        "availableIpAddressCount": free,
        "availabilityZone": subnet.zone,
        "availabilityZoneId": catalogue::zone_id(&call.scope.region, &subnet.zone),
        "defaultForAz": false,
        "mapPublicIpOnLaunch": subnet.public,
        "mapCustomerOwnedIpOnLaunch": false,
        "enableDns64": false,
        "ipv6Native": false,
        "privateDnsNameOptionsOnLaunch": {
            "hostnameType": "ip-name",
            "enableResourceNameDnsARecord": false,
            "enableResourceNameDnsAAAARecord": false,
        },
        "tagSet": tag_set(tags),
    })
}

static SUBNETS: Listing = Listing {
    set: "subnetSet",
    ids: "SubnetId",
    kind: Some(&SUBNET),
    filters: &[
        "availability-zone",
        "availability-zone-id",
        "availabilityZone",
        "cidr-block",
        "default-for-az",
        "map-public-ip-on-launch",
        "owner-id",
        "state",
        "subnet-arn",
        "subnet-id",
        "vpc-id",
    ],
    tagged: true,
};

pub(super) fn describe(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let items = network
        .subnets
        .iter()
        .filter(|(_, subnet)| visible(call, subnet.created))
        .map(|(id, subnet)| {
            let tags = network.tags_of(id);
            Item {
                id: id.clone(),
                fields: vec![
                    ("subnet-id", vec![id.clone()]),
                    ("subnet-arn", vec![call.arn("ec2", &format!("subnet/{id}"))]),
                    ("vpc-id", vec![subnet.vpc.clone()]),
                    ("availability-zone", vec![subnet.zone.clone()]),
                    ("availabilityZone", vec![subnet.zone.clone()]),
                    (
                        "availability-zone-id",
                        vec![catalogue::zone_id(&call.scope.region, &subnet.zone)],
                    ),
                    ("cidr-block", vec![subnet.cidr.clone()]),
                    ("default-for-az", vec!["false".to_owned()]),
                    ("map-public-ip-on-launch", vec![subnet.public.to_string()]),
                    ("owner-id", vec![call.scope.account.clone()]),
                    ("state", vec!["available".to_owned()]),
                ],
                view: view(call, network, id, subnet, &tags),
                tags,
            }
        })
        .collect();
    listing::answer(call, &SUBNETS, items)
}

pub(super) fn modify_attribute(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("SubnetId");
    let subnet = network
        .subnets
        .get_mut(id)
        .ok_or_else(|| SUBNET.missing(id))?;
    if let Some(value) = call.input["MapPublicIpOnLaunch"]["Value"].as_bool() {
        subnet.public = value;
    }
    if let Some(value) = call.input["AssignIpv6AddressOnCreation"]["Value"].as_bool() {
        if value && subnet.ipv6.is_none() {
            return Err(errors::value(format!(
                "Invalid value 'true' for assignIpv6AddressOnCreation. The subnet {id} has no IPv6 CIDR block."
            )));
        }
        subnet.assigns_ipv6 = value;
    }
    Ok(done())
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("SubnetId");
    find(network, id)?;
    if network
        .interfaces
        .values()
        .any(|interface| interface.subnet == id)
    {
        return Err(errors::in_use(format!(
            "The subnet '{id}' has dependencies and cannot be deleted."
        )));
    }
    network.subnets.remove(id);
    network.tags.remove(id);
    for table in network.route_tables.values_mut() {
        table.associations.retain(|_, subnet| subnet != id);
    }
    Ok(done())
}
