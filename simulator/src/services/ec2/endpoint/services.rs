//! The catalogue as DescribeVpcEndpointServices shows it.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::super::catalogue::{self, EndpointService};
use super::super::listing::{self, Item, Listing, texts};
use super::super::network;
use super::super::state::Tags;

static SERVICES: Listing = Listing {
    set: "serviceDetailSet",
    ids: "",
    kind: None,
    filters: &[
        "owner",
        "service-name",
        "service-region",
        "service-type",
        "supported-ip-address-types",
    ],
    tagged: true,
};

fn view(call: &Call<'_>, service: &EndpointService) -> Value {
    let ids: Vec<String> = service
        .zones
        .iter()
        .map(|zone| catalogue::zone_id(&call.scope.region, zone))
        .collect();
    let mut shown = json!({
        "serviceName": service.name,
        "serviceId": service.id,
        "serviceType": [{"serviceType": service.kind.name()}],
        "serviceRegion": call.scope.region,
        "availabilityZoneSet": service.zones,
        "availabilityZoneIdSet": ids,
        "owner": service.owner,
        "baseEndpointDnsNameSet": [service.base_name],
        "vpcEndpointPolicySupported": service.policy_supported,
        "acceptanceRequired": service.acceptance_required,
        "managesVpcEndpoints": false,
        "supportedIpAddressTypeSet": if service.ipv6 { vec!["ipv4", "ipv6"] } else { vec!["ipv4"] },
        "tagSet": [],
    });
    if let Some(first) = service.private_names.first() {
        shown["privateDnsName"] = first.clone().into();
        shown["privateDnsNameSet"] = service
            .private_names
            .iter()
            .map(|name| json!({"privateDnsName": name}))
            .collect();
        shown["privateDnsNameVerificationState"] = "verified".into();
    }
    shown
}

pub(in super::super) fn describe(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let network = network(account, call);
    let services = catalogue::services(&call.scope.region, network);
    let wanted = texts(&call.input["ServiceName"]);
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !services.iter().any(|service| service.name == **name))
    {
        return Err(AwsError::new(
            "InvalidServiceName",
            format!("The Vpc Endpoint Service '{unknown}' does not exist"),
        ));
    }
    let regions = texts(&call.input["ServiceRegion"]);
    let items = services
        .iter()
        .filter(|service| wanted.is_empty() || wanted.contains(&service.name))
        .filter(|_| regions.is_empty() || regions.contains(&call.scope.region))
        .map(|service| {
            let view = view(call, service);
            Item {
                id: format!("{}/{}", service.name, service.kind.name()),
                fields: vec![
                    ("service-name", vec![service.name.clone()]),
                    ("service-type", vec![service.kind.name().to_owned()]),
                    ("service-region", vec![call.scope.region.clone()]),
                    ("owner", vec![service.owner.clone()]),
                    (
                        "supported-ip-address-types",
                        texts(&view["supportedIpAddressTypeSet"]),
                    ),
                ],
                tags: Tags::new(),
                view,
            }
        })
        .collect();
    let (page, token) = listing::select(call, &SERVICES, items)?;
    let mut names: Vec<Value> = page
        .iter()
        .map(|item| item.view["serviceName"].clone())
        .collect();
    names.dedup();
    let details: Vec<Value> = page.into_iter().map(|item| item.view).collect();
    let mut answer = json!({"serviceNameSet": names, SERVICES.set: details});
    if let Some(token) = token {
        answer["nextToken"] = token.into();
    }
    Ok(answer)
}
