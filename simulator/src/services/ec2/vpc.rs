//! VPCs, their attributes and their one network ACL; zones and Regions.

use rand::Rng as _;
use serde_json::{Value, json};

use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::catalogue;
use super::cidr::Block;
use super::errors::{self, NETWORK_ACL, ROUTE_TABLE, VPC};
use super::listing::{self, Item, Listing, tag_set, visible};
use super::state::{Network, RouteTable, Tags, Vpc};
use super::{done, group, network, new_id, tags};

/// The VPC of this id.
pub(super) fn find<'a>(network: &'a Network, id: &str) -> Result<&'a Vpc, AwsError> {
    network.vpcs.get(id).ok_or_else(|| VPC.missing(id))
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let tags = tags::specified(call, &VPC)?;
    let owner = account.id.clone();
    let network = network(account, call);
    let cidr = call
        .text("CidrBlock")
        .ok_or_else(|| errors::lacking("cidrBlock"))?;
    let block = Block::parse(cidr).ok_or_else(|| {
        errors::value(format!(
            "Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        ))
    })?;
    if !(16..=28).contains(&block.length()) {
        return Err(AwsError::new(
            "InvalidVpc.Range",
            format!("The CIDR '{cidr}' is invalid."),
        ));
    }
    if i64::try_from(network.vpcs.len()).unwrap_or(i64::MAX) >= call.knobs.number(Knob::VpcsQuota) {
        return Err(AwsError::new(
            "VpcLimitExceeded",
            "The maximum number of VPCs has been reached.",
        ));
    }
    let ipv6 = (call.input["AmazonProvidedIpv6CidrBlock"] == true).then(|| {
        let mut random = rand::rng();
        format!(
            "2600:1f18:{:x}:{:x}00::/56",
            random.random_range(0x1000..0xffff),
            random.random_range(0x10..0xff)
        )
    });
    let id = new_id(call, &VPC);
    let vpc = Vpc {
        cidr: block.to_string(),
        ipv6,
        tenancy: call.text("InstanceTenancy").unwrap_or("default").to_owned(),
        dns_support: true,
        dns_hostnames: false,
        usage_metrics: false,
        acl: new_id(call, &NETWORK_ACL),
        created: call.now,
    };
    let table = new_id(call, &ROUTE_TABLE);
    network.route_tables.insert(
        table.clone(),
        RouteTable {
            vpc: id.clone(),
            main: Some(table.replacen("rtb-", "rtbassoc-", 1)),
            associations: std::collections::BTreeMap::new(),
            routes: Vec::new(),
            created: call.now,
        },
    );
    group::add_default(network, call, &id);
    let mut shown = view(&id, &vpc, &tags, &owner);
    shown["state"] = "pending".into();
    network.vpcs.insert(id.clone(), vpc);
    network.tags.insert(id, tags);
    Ok(json!({"vpc": shown}))
}

fn view(id: &str, vpc: &Vpc, tags: &Tags, owner: &str) -> Value {
    let association = id.replacen("vpc-", "vpc-cidr-assoc-", 1);
    let mut shown = json!({
        "vpcId": id,
        "ownerId": owner,
        "state": "available",
        "cidrBlock": vpc.cidr,
        "dhcpOptionsId": "dopt-0d0f0e0c0b0a09080",
        "instanceTenancy": vpc.tenancy,
        "isDefault": false,
        "cidrBlockAssociationSet": [{
            "associationId": association,
            "cidrBlock": vpc.cidr,
            "cidrBlockState": {"state": "associated"},
        }],
        "tagSet": tag_set(tags),
    });
    if let Some(ipv6) = &vpc.ipv6 {
        shown["ipv6CidrBlockAssociationSet"] = json!([{
            "associationId": association.replacen("assoc", "assoc-6", 1),
            "ipv6CidrBlock": ipv6,
            "ipv6CidrBlockState": {"state": "associated"},
            "ipv6Pool": "Amazon",
        }]);
    }
    shown
}

static VPCS: Listing = Listing {
    set: "vpcSet",
    ids: "VpcId",
    kind: Some(&VPC),
    filters: &[
        "cidr",
        "cidr-block-association.cidr-block",
        "is-default",
        "owner-id",
        "state",
        "vpc-id",
    ],
    tagged: true,
};

pub(super) fn describe(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let owner = account.id.clone();
    let network = network(account, call);
    let items = network
        .vpcs
        .iter()
        .filter(|(_, vpc)| visible(call, vpc.created))
        .map(|(id, vpc)| {
            let tags = network.tags_of(id);
            Item {
                id: id.clone(),
                fields: vec![
                    ("vpc-id", vec![id.clone()]),
                    ("cidr", vec![vpc.cidr.clone()]),
                    ("cidr-block-association.cidr-block", vec![vpc.cidr.clone()]),
                    ("is-default", vec!["false".to_owned()]),
                    ("owner-id", vec![owner.clone()]),
                    ("state", vec!["available".to_owned()]),
                ],
                view: view(id, vpc, &tags, &owner),
                tags,
            }
        })
        .collect();
    listing::answer(call, &VPCS, items)
}

pub(super) fn attribute(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("VpcId");
    let vpc = find(network, id)?;
    if !visible(call, vpc.created) {
        return Err(VPC.missing(id));
    }
    let name = call.required("Attribute");
    let value = match name {
        "enableDnsSupport" => vpc.dns_support,
        "enableDnsHostnames" => vpc.dns_hostnames,
        "enableNetworkAddressUsageMetrics" => vpc.usage_metrics,
        other => {
            return Err(errors::value(format!(
                "Value ({other}) for parameter attribute is invalid. Unknown attribute."
            )));
        }
    };
    Ok(json!({"vpcId": id, name: {"value": value}}))
}

pub(super) fn modify_attribute(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("VpcId");
    let vpc = network.vpcs.get_mut(id).ok_or_else(|| VPC.missing(id))?;
    let given: Vec<(&str, bool)> = [
        "EnableDnsHostnames",
        "EnableDnsSupport",
        "EnableNetworkAddressUsageMetrics",
    ]
    .into_iter()
    .filter_map(|name| Some((name, call.input[name]["Value"].as_bool()?)))
    .collect();
    match given.as_slice() {
        [] => return Err(errors::lacking("EnableDnsSupport")),
        [("EnableDnsHostnames", true)] if !vpc.dns_support => {
            return Err(errors::parameter(format!(
                "DNS hostnames cannot be enabled for {id}: DNS support is off."
            )));
        }
        [("EnableDnsHostnames", value)] => vpc.dns_hostnames = *value,
        [("EnableDnsSupport", value)] => vpc.dns_support = *value,
        [(_, value)] => vpc.usage_metrics = *value,
        _ => {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                "Fields for multiple attribute types specified",
            ));
        }
    }
    Ok(done())
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("VpcId");
    find(network, id)?;
    let used = network.subnets.values().any(|subnet| subnet.vpc == id)
        || network
            .groups
            .values()
            .any(|group| group.vpc == id && group.name != group::DEFAULT)
        || network
            .route_tables
            .values()
            .any(|table| table.vpc == id && table.main.is_none())
        || network
            .internet_gateways
            .values()
            .any(|gateway| gateway.vpc.as_deref() == Some(id))
        || network.living().any(|(_, endpoint)| endpoint.vpc == id);
    if used {
        return Err(errors::in_use(format!(
            "The vpc '{id}' has dependencies and cannot be deleted."
        )));
    }
    network.route_tables.retain(|_, table| table.vpc != id);
    network.groups.retain(|_, group| group.vpc != id);
    network.vpcs.remove(id);
    tags::forget_missing(network);
    Ok(done())
}

static ACLS: Listing = Listing {
    set: "networkAclSet",
    ids: "NetworkAclId",
    kind: Some(&NETWORK_ACL),
    filters: &[
        "association.subnet-id",
        "default",
        "network-acl-id",
        "owner-id",
        "vpc-id",
    ],
    tagged: true,
};

pub(super) fn describe_acls(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let owner = account.id.clone();
    let network = network(account, call);
    let items = network
        .vpcs
        .iter()
        .filter(|(_, vpc)| visible(call, vpc.created))
        .map(|(id, vpc)| {
            let tags = network.tags_of(&vpc.acl);
            let subnets: Vec<String> = network
                .subnets
                .iter()
                .filter(|(_, subnet)| subnet.vpc == *id)
                .map(|(id, _)| id.clone())
                .collect();
            let entry = |egress: bool, number: u32, action: &str| {
                json!({
                    "cidrBlock": "0.0.0.0/0", "egress": egress, "protocol": "-1",
                    "ruleAction": action, "ruleNumber": number,
                })
            };
            let associations: Vec<Value> = subnets
                .iter()
                .map(|subnet| {
                    json!({
                        "networkAclAssociationId": subnet.replacen("subnet-", "aclassoc-", 1),
                        "networkAclId": vpc.acl,
                        "subnetId": subnet,
                    })
                })
                .collect();
            Item {
                id: vpc.acl.clone(),
                view: json!({
                    "networkAclId": vpc.acl, "vpcId": id, "ownerId": owner, "default": true,
                    "entrySet": [
                        entry(true, 100, "allow"), entry(true, 32767, "deny"),
                        entry(false, 100, "allow"), entry(false, 32767, "deny"),
                    ],
                    "associationSet": associations,
                    "tagSet": tag_set(&tags),
                }),
                fields: vec![
                    ("network-acl-id", vec![vpc.acl.clone()]),
                    ("vpc-id", vec![id.clone()]),
                    ("default", vec!["true".to_owned()]),
                    ("owner-id", vec![owner.clone()]),
                    ("association.subnet-id", subnets),
                ],
                tags,
            }
        })
        .collect();
    listing::answer(call, &ACLS, items)
}

static ZONES: Listing = Listing {
    set: "availabilityZoneInfo",
    ids: "",
    kind: None,
    filters: &[
        "opt-in-status",
        "region-name",
        "state",
        "zone-id",
        "zone-name",
        "zone-type",
    ],
    tagged: false,
};

pub(super) fn describe_zones(_: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let region = call.scope.region.as_str();
    let zones = catalogue::zones(region);
    let names = listing::texts(&call.input["ZoneName"]);
    let ids = listing::texts(&call.input["ZoneId"]);
    if let Some(unknown) = names
        .iter()
        .find(|name| !zones.iter().any(|zone| zone.name == **name))
        .or_else(|| {
            ids.iter()
                .find(|id| !zones.iter().any(|zone| zone.id == **id))
        })
    {
        return Err(errors::value(format!(
            "Invalid availability zone: [{unknown}]"
        )));
    }
    let items = zones
        .into_iter()
        .filter(|zone| names.is_empty() || names.contains(&zone.name))
        .filter(|zone| ids.is_empty() || ids.contains(&zone.id))
        .map(|zone| Item {
            view: json!({
                "zoneName": zone.name, "zoneId": zone.id, "zoneState": "available", "regionName": region,
                "optInStatus": "opt-in-not-required", "messageSet": [], "groupName": format!("{region}-zg-1"),
                "networkBorderGroup": region, "zoneType": "availability-zone",
            }),
            fields: vec![
                ("zone-name", vec![zone.name.clone()]),
                ("zone-id", vec![zone.id]),
                ("region-name", vec![region.to_owned()]),
                ("state", vec!["available".to_owned()]),
                ("opt-in-status", vec!["opt-in-not-required".to_owned()]),
                ("zone-type", vec!["availability-zone".to_owned()]),
            ],
            id: zone.name,
            tags: Tags::new(),
        })
        .collect();
    listing::answer(call, &ZONES, items)
}

static REGIONS: Listing = Listing {
    set: "regionInfo",
    ids: "",
    kind: None,
    filters: &["endpoint", "opt-in-status", "region-name"],
    tagged: false,
};

pub(super) fn describe_regions(_: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let names = listing::texts(&call.input["RegionName"]);
    if let Some(unknown) = names
        .iter()
        .find(|name| !catalogue::REGIONS.contains(&name.as_str()))
    {
        return Err(errors::value(format!("Invalid region name: {unknown}")));
    }
    let items = catalogue::REGIONS
        .iter()
        .map(|region| (*region).to_owned())
        .filter(|region| names.is_empty() || names.contains(region))
        .map(|region| {
            let endpoint = format!("ec2.{region}.amazonaws.com");
            Item {
                view: json!({
                    "regionName": region, "regionEndpoint": endpoint, "optInStatus": "opt-in-not-required",
                }),
                fields: vec![
                    ("region-name", vec![region.clone()]),
                    ("endpoint", vec![endpoint]),
                    ("opt-in-status", vec!["opt-in-not-required".to_owned()]),
                ],
                id: region,
                tags: Tags::new(),
            }
        })
        .collect();
    listing::answer(call, &REGIONS, items)
}
