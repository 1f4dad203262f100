//! Network interfaces: here only endpoints have them, one in each of their subnets.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::catalogue;
use super::errors::INTERFACE;
use super::listing::{self, Item, Listing, tag_set, visible};
use super::network;
use super::state::{Interface, Network, Tags};

static INTERFACES: Listing = Listing {
    set: "networkInterfaceSet",
    ids: "NetworkInterfaceId",
    kind: Some(&INTERFACE),
    filters: &[
        "addresses.private-ip-address",
        "availability-zone",
        "description",
        "group-id",
        "group-name",
        "interface-type",
        "network-interface-id",
        "owner-id",
        "private-ip-address",
        "requester-managed",
        "status",
        "subnet-id",
        "vpc-id",
    ],
    tagged: true,
};

fn view(call: &Call<'_>, network: &Network, id: &str, interface: &Interface, tags: &Tags) -> Value {
    let subnet = network.subnets.get(&interface.subnet);
    let endpoint = network.endpoints.get(&interface.endpoint);
    let zone = subnet.map(|subnet| subnet.zone.clone()).unwrap_or_default();
    let digits = id.rsplit('-').next().unwrap_or_default();
    let mac: Vec<&str> = (0..5)
        .filter_map(|at| digits.get(7 + at * 2..9 + at * 2))
        .collect();
    let groups: Vec<Value> = endpoint
        .into_iter()
        .flat_map(|endpoint| &endpoint.groups)
        .map(|group| {
            let name = network.groups.get(group).map(|group| group.name.as_str());
            json!({"groupId": group, "groupName": name.unwrap_or_default()})
        })
        .collect();
    let ipv6: Vec<Value> = interface
        .ipv6
        .iter()
        .map(|address| json!({"ipv6Address": address, "isPrimaryIpv6": false}))
        .collect();
    let mut shown = json!({
        "networkInterfaceId": id,
        "interfaceType": "vpc_endpoint",
        "description": format!("VPC Endpoint Interface {}", interface.endpoint),
        "ownerId": call.scope.account,
        "requesterId": "727180483921",
        "requesterManaged": true,
        "sourceDestCheck": true,
        "status": "in-use",
        "subnetId": interface.subnet,
        "vpcId": subnet.map(|subnet| subnet.vpc.clone()).unwrap_or_default(),
        "availabilityZoneId": catalogue::zone_id(&call.scope.region, &zone),
        "availabilityZone": zone,
        "macAddress": format!("0e:{}", mac.join(":")),
        "groupSet": groups,
        "ipv6AddressesSet": ipv6,
        "attachment": {
            "attachmentId": format!("ela-attach-{digits}"),
            "deleteOnTermination": false,
            "deviceIndex": 1,
            "instanceOwnerId": "amazon-aws",
            "status": "attached",
        },
        "tagSet": tag_set(tags),
    });
    if let Some(address) = &interface.ipv4 {
        shown["privateIpAddress"] = address.clone().into();
        shown["privateIpAddressesSet"] = json!([{"primary": true, "privateIpAddress": address}]);
    }
    shown
}

pub(super) fn describe(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let items = network
        .interfaces
        .iter()
        .filter(|(_, interface)| visible(call, interface.created))
        .map(|(id, interface)| {
            let tags = network.tags_of(id);
            let view = view(call, network, id, interface, &tags);
            let text = |name: &str| vec![view[name].as_str().unwrap_or_default().to_owned()];
            let groups = |name: &str| {
                view["groupSet"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|group| group[name].as_str().map(str::to_owned))
                    .collect::<Vec<_>>()
            };
            Item {
                id: id.clone(),
                fields: vec![
                    ("network-interface-id", vec![id.clone()]),
                    ("addresses.private-ip-address", text("privateIpAddress")),
                    ("private-ip-address", text("privateIpAddress")),
                    ("availability-zone", text("availabilityZone")),
                    ("description", text("description")),
                    ("group-id", groups("groupId")),
                    ("group-name", groups("groupName")),
                    ("interface-type", text("interfaceType")),
                    ("owner-id", text("ownerId")),
                    ("requester-managed", vec!["true".to_owned()]),
                    ("status", text("status")),
                    ("subnet-id", text("subnetId")),
                    ("vpc-id", text("vpcId")),
                ],
                tags,
                view,
            }
        })
        .collect();
    listing::answer(call, &INTERFACES, items)
}
