//! How endpoints are shown.

use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::super::catalogue::{self, EndpointService};
use super::super::errors::ENDPOINT;
use super::super::listing::{self, Item, Listing, tag_set, visible};
use super::super::network;
use super::super::state::{Endpoint, EndpointType, Network};

/// Names that lead to an endpoint: of the Region, of each zone, then the service's own.
fn dns_entries(
    call: &Call<'_>,
    network: &Network,
    id: &str,
    endpoint: &Endpoint,
    service: &EndpointService,
) -> Vec<Value> {
    if endpoint.kind == EndpointType::Gateway || endpoint.state.leaves() {
        return Vec::new();
    }
    let star = if service.has_wildcard() { "*." } else { "" };
    let zone = catalogue::hosted_zone(&call.scope.region);
    let entry = |name: String, zone: &str| json!({"dnsName": name, "hostedZoneId": zone});
    let own = |place: &str| {
        entry(
            format!(
                "{star}{id}-{}{place}.{}",
                endpoint.suffix, service.base_name
            ),
            &zone,
        )
    };
    let mut entries = vec![own("")];
    for subnet in &endpoint.subnets {
        if let Some(subnet) = network.subnets.get(subnet) {
            entries.push(own(&format!("-{}", subnet.zone)));
        }
    }
    if endpoint.private_dns {
        for name in &service.private_names {
            entries.push(entry(name.clone(), "ZONEIDHIDDEN"));
        }
    }
    entries
}

pub(super) fn endpoint(
    call: &Call<'_>,
    network: &Network,
    id: &str,
    endpoint: &Endpoint,
    service: &EndpointService,
) -> Value {
    let interfaces: Vec<&String> = endpoint
        .subnets
        .iter()
        .filter_map(|subnet| {
            network
                .interfaces
                .iter()
                .find(|(_, interface)| interface.endpoint == id && interface.subnet == *subnet)
                .map(|(id, _)| id)
        })
        .collect();
    let groups: Vec<Value> = endpoint
        .groups
        .iter()
        .map(|group| {
            let name = network.groups.get(group).map(|group| group.name.as_str());
            json!({"groupId": group, "groupName": name.unwrap_or_default()})
        })
        .collect();
    let mut options = json!({"dnsRecordIpType": endpoint.dns_ip_type});
    if let Some(only) = endpoint.inbound_only {
        options["privateDnsOnlyForInboundResolverEndpoint"] = only.into();
    }
    let mut shown = json!({
        "vpcEndpointId": id,
        "vpcEndpointType": endpoint.kind.name(),
        "vpcId": endpoint.vpc,
        "serviceName": endpoint.service,
        "serviceRegion": call.scope.region,
        "state": endpoint.state.name(call.knobs.is(Knob::VpceStateCase, "Pascal")),
        "policyDocument": endpoint.policy,
        "routeTableIdSet": endpoint.route_tables,
        "subnetIdSet": endpoint.subnets,
        "groupSet": groups,
        "ipAddressType": endpoint.ip_type,
        "dnsOptions": options,
        "privateDnsEnabled": endpoint.private_dns,
        "requesterManaged": false,
        "networkInterfaceIdSet": interfaces,
        "dnsEntrySet": dns_entries(call, network, id, endpoint, service),
        "creationTimestamp": rfc3339(endpoint.created),
        "ownerId": call.scope.account,
        "tagSet": tag_set(&network.tags_of(id)),
    });
    if let Some(error) = &endpoint.last_error {
        shown["lastError"] = json!({"code": error.code, "message": error.message});
        shown["failureReason"] = error.message.clone().into();
    }
    shown
}

static ENDPOINTS: Listing = Listing {
    set: "vpcEndpointSet",
    ids: "VpcEndpointId",
    kind: Some(&ENDPOINT),
    filters: &[
        "ip-address-type",
        "service-name",
        "service-region",
        "vpc-endpoint-id",
        "vpc-endpoint-state",
        "vpc-endpoint-type",
        "vpc-id",
    ],
    tagged: true,
};

pub(in super::super) fn describe(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let network = network(account, call);
    let services = catalogue::services(&call.scope.region, network);
    let items = network
        .endpoints
        .iter()
        .filter(|(_, endpoint)| visible(call, endpoint.created))
        .filter_map(|(id, each)| {
            let service = services
                .iter()
                .find(|service| service.name == each.service && service.kind == each.kind)?;
            let states = [false, true].map(|pascal| each.state.name(pascal).to_owned());
            Some(Item {
                id: id.clone(),
                fields: vec![
                    ("vpc-endpoint-id", vec![id.clone()]),
                    ("vpc-endpoint-state", states.to_vec()),
                    ("vpc-endpoint-type", vec![each.kind.name().to_owned()]),
                    ("vpc-id", vec![each.vpc.clone()]),
                    ("service-name", vec![each.service.clone()]),
                    ("service-region", vec![call.scope.region.clone()]),
                    ("ip-address-type", vec![each.ip_type.clone()]),
                ],
                tags: network.tags_of(id),
                view: endpoint(call, network, id, each, service),
            })
        })
        .collect();
    listing::answer(call, &ENDPOINTS, items)
}
