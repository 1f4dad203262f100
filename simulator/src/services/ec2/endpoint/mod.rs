//! VPC endpoints: made, changed, removed.

mod interfaces;
mod rules;
mod services;
pub(super) mod tokens;
mod view;

use rand::Rng as _;
use serde_json::{Value, json};

use crate::clock::Millis;
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::catalogue::{self, EndpointService};
use super::errors::{self, ENDPOINT};
use super::listing::texts;
use super::state::{Endpoint, EndpointType, Network, State};
use super::{done, group, network, new_id, tags, vpc};

pub(super) use services::describe as describe_services;
pub(super) use view::describe;

/// When a transition that begins now is over.
fn later(call: &Call<'_>) -> Millis {
    call.now + call.knobs.number(Knob::StateDelayMs)
}

/// What makes DNS names of an endpoint unique.
fn suffix() -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    (0..8)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect()
}

fn asked_type(call: &Call<'_>) -> Result<EndpointType, AwsError> {
    match call.text("VpcEndpointType") {
        None | Some("Gateway") => Ok(EndpointType::Gateway),
        Some("Interface") => Ok(EndpointType::Interface),
        Some(known @ ("GatewayLoadBalancer" | "Resource" | "ServiceNetwork" | "Tunnel")) => {
            Err(AwsError::new(
                "UnsupportedOperation",
                format!("Endpoints of the type {known} are not simulated."),
            ))
        }
        Some(other) => Err(errors::value(format!(
            "Value ({other}) for parameter VpcEndpointType is invalid."
        ))),
    }
}

/// The service of this name and type.
fn service_of(
    call: &Call<'_>,
    network: &Network,
    name: &str,
    kind: EndpointType,
) -> Result<EndpointService, AwsError> {
    let offered: Vec<EndpointService> = catalogue::services(&call.scope.region, network)
        .into_iter()
        .filter(|service| service.name == name)
        .collect();
    if offered.is_empty() {
        return Err(AwsError::new(
            "InvalidServiceName",
            format!("The Vpc Endpoint Service '{name}' does not exist"),
        ));
    }
    let types: Vec<&str> = offered.iter().map(|service| service.kind.name()).collect();
    let mismatch = format!(
        "Endpoint type ({}) does not match available service types ([{}]).",
        kind.name(),
        types.join(", ")
    );
    offered
        .into_iter()
        .find(|service| service.kind == kind)
        .ok_or_else(|| errors::parameter(mismatch))
}

/// Refuses what does not go with the type of the endpoint.
fn fits_type(call: &Call<'_>, kind: EndpointType) -> Result<(), AwsError> {
    let foreign: &[&str] = match kind {
        EndpointType::Gateway => &[
            "SubnetId",
            "SecurityGroupId",
            "SubnetConfiguration",
            "AddSubnetId",
            "RemoveSubnetId",
            "AddSecurityGroupId",
            "RemoveSecurityGroupId",
        ],
        EndpointType::Interface => &["RouteTableId", "AddRouteTableId", "RemoveRouteTableId"],
    };
    let given = |name: &str| {
        call.input[name]
            .as_array()
            .is_some_and(|list| !list.is_empty())
    };
    if let Some(name) = foreign.iter().find(|name| given(name)) {
        return Err(errors::parameter(format!(
            "The parameter {name} is not supported for endpoints of the type {}.",
            kind.name()
        )));
    }
    let options = &call.input["DnsOptions"];
    if options["PrivateDnsPreference"].is_string()
        || options["PrivateDnsSpecifiedDomain"].is_array()
    {
        return Err(errors::parameter(
            "PrivateDnsPreference and PrivateDnsSpecifiedDomains are applicable only to Resource and Service Network VPC Endpoints.",
        ));
    }
    if kind == EndpointType::Gateway {
        if call.input["PrivateDnsEnabled"] == true {
            return Err(errors::parameter(
                "Private DNS can only be enabled for endpoints of the type Interface.",
            ));
        }
        if options["PrivateDnsOnlyForInboundResolverEndpoint"].is_boolean() {
            return Err(errors::parameter(
                "PrivateDnsOnlyForInboundResolverEndpoint is applicable only to Interface VPC Endpoints.",
            ));
        }
        if call
            .text("IpAddressType")
            .is_some_and(|given| given != "ipv4")
        {
            return Err(errors::parameter(
                "Endpoints of the type Gateway have the IP address type ipv4.",
            ));
        }
    }
    Ok(())
}

/// What the call says about DNS, over what was; a service that is both types has its own rule.
fn take_dns_options(
    call: &Call<'_>,
    endpoint: &mut Endpoint,
    service: &EndpointService,
) -> Result<(), AwsError> {
    let options = &call.input["DnsOptions"];
    if let Some(given) = options["DnsRecordIpType"].as_str() {
        given.clone_into(&mut endpoint.dns_ip_type);
    }
    let both = service.has_wildcard();
    if let Some(only) = options["PrivateDnsOnlyForInboundResolverEndpoint"].as_bool() {
        if only && !both {
            return Err(errors::parameter(format!(
                "PrivateDnsOnlyForInboundResolverEndpoint is not supported by the service {}.",
                service.name
            )));
        }
        endpoint.inbound_only = Some(only);
    } else if both && endpoint.private_dns && endpoint.inbound_only.is_none() {
        endpoint.inbound_only = Some(true);
    }
    Ok(())
}

fn without_repetition(mut list: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    list.retain(|item| seen.insert(item.clone()));
    list
}

/// The endpoint that a call describes, its rules unchecked.
fn described(
    call: &Call<'_>,
    network: &Network,
    service: &EndpointService,
) -> Result<Endpoint, AwsError> {
    let kind = service.kind;
    let vpc = call.required("VpcId").to_owned();
    let policy = match call.text("PolicyDocument") {
        Some(text) => rules::policy(text, service)?,
        None => rules::default_policy(kind),
    };
    let mut groups = without_repetition(texts(&call.input["SecurityGroupId"]));
    if kind == EndpointType::Interface && groups.is_empty() {
        groups.extend(group::default_of(network, &vpc));
    }
    let private_dns = call.input["PrivateDnsEnabled"]
        .as_bool()
        .unwrap_or_else(|| {
            kind == EndpointType::Interface
                && service.is_amazon()
                && call.knobs.is(Knob::PrivateDnsDefault, "true")
        });
    let ip_type = call.text("IpAddressType").unwrap_or("ipv4").to_owned();
    let mut endpoint = Endpoint {
        kind,
        service: service.name.clone(),
        state: match kind {
            EndpointType::Gateway => State::Available,
            EndpointType::Interface if service.acceptance_required => State::PendingAcceptance,
            EndpointType::Interface => State::Pending,
        },
        until: later(call),
        policy,
        route_tables: without_repetition(texts(&call.input["RouteTableId"])),
        subnets: without_repetition(texts(&call.input["SubnetId"])),
        groups,
        dns_ip_type: match kind {
            EndpointType::Gateway => "service-defined".to_owned(),
            EndpointType::Interface => ip_type.clone(),
        },
        ip_type,
        inbound_only: None,
        private_dns,
        suffix: suffix(),
        last_error: None,
        created: call.now,
        vpc,
    };
    take_dns_options(call, &mut endpoint, service)?;
    Ok(endpoint)
}

/// Checks an endpoint as it is to be; of one that was there before only what is different, as its surroundings may have changed.
fn check(
    call: &Call<'_>,
    network: &Network,
    id: &str,
    before: Option<&Endpoint>,
    endpoint: &Endpoint,
    service: &EndpointService,
) -> Result<(), AwsError> {
    let differs = |same: fn(&Endpoint, &Endpoint) -> bool| {
        before.is_none_or(|before| !same(before, endpoint))
    };
    if endpoint.kind == EndpointType::Gateway {
        return if differs(|a, b| a.route_tables == b.route_tables) {
            rules::route_tables(call, network, id, endpoint)
        } else {
            Ok(())
        };
    }
    let addresses = differs(|a, b| a.ip_type == b.ip_type && a.dns_ip_type == b.dns_ip_type);
    if addresses {
        rules::addresses(endpoint, service)?;
    }
    if addresses || differs(|a, b| a.subnets == b.subnets) {
        rules::subnets(network, endpoint, service)?;
    }
    if differs(|a, b| a.groups == b.groups) {
        rules::groups(network, endpoint)?;
    }
    if differs(|a, b| a.private_dns == b.private_dns && a.inbound_only == b.inbound_only) {
        rules::private_dns(network, id, endpoint, service)?;
    }
    Ok(())
}

fn check_quota(call: &Call<'_>, network: &Network, endpoint: &Endpoint) -> Result<(), AwsError> {
    let (before, quota) = match endpoint.kind {
        EndpointType::Gateway => (
            network
                .living()
                .filter(|(_, other)| other.kind == EndpointType::Gateway)
                .count(),
            Knob::GatewayEndpointsQuota,
        ),
        EndpointType::Interface => (
            network
                .living()
                .filter(|(_, other)| other.kind == endpoint.kind && other.vpc == endpoint.vpc)
                .count(),
            Knob::InterfaceEndpointsQuota,
        ),
    };
    if i64::try_from(before).unwrap_or(i64::MAX) >= call.knobs.number(quota) {
        return Err(AwsError::new(
            "VpcEndpointLimitExceeded",
            "The maximum number of VPC endpoints has been reached.",
        ));
    }
    Ok(())
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    if let Some(answer) = tokens::replayed(account, call)? {
        return Ok(answer);
    }
    let tags = tags::specified(call, &ENDPOINT)?;
    let kind = asked_type(call)?;
    let network = network(account, call);
    vpc::find(network, call.required("VpcId"))?;
    if call.text("ServiceNetworkArn").is_some() || call.text("ResourceConfigurationArn").is_some() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "ServiceNetworkArn and ResourceConfigurationArn are for endpoints of their own types.",
        ));
    }
    let name = call
        .text("ServiceName")
        .ok_or_else(|| errors::lacking("ServiceName"))?;
    if let Some(elsewhere) = call
        .text("ServiceRegion")
        .filter(|region| *region != call.scope.region)
    {
        return Err(errors::parameter(format!(
            "The service {name} cannot be reached in the Region {elsewhere} from here."
        )));
    }
    let service = service_of(call, network, name, kind)?;
    fits_type(call, kind)?;
    let endpoint = described(call, network, &service)?;
    check(call, network, "", None, &endpoint, &service)?;
    check_quota(call, network, &endpoint)?;
    let id = new_id(call, &ENDPOINT);
    interfaces::follow(call, network, &id, &endpoint)?;
    network.tags.insert(id.clone(), tags);
    let shown = view::endpoint(call, network, &id, &endpoint, &service);
    network.endpoints.insert(id.clone(), endpoint);
    let mut answer = json!({"vpcEndpoint": shown});
    if let Some(token) = call.text("ClientToken") {
        answer["clientToken"] = token.into();
    }
    tokens::remember(account, call, &answer, &id);
    Ok(answer)
}

/// A list with what is added and without what is removed.
fn changed(call: &Call<'_>, list: &[String], what: &str) -> Result<Vec<String>, AwsError> {
    let add = texts(&call.input[format!("Add{what}").as_str()]);
    let remove = texts(&call.input[format!("Remove{what}").as_str()]);
    if let Some(both) = add.iter().find(|id| remove.contains(id)) {
        return Err(errors::parameter(format!("{both} is added and removed.")));
    }
    if call.knobs.is(Knob::ModifyNoopEntries, "error") {
        if let Some(known) = add.iter().find(|id| list.contains(id)) {
            return Err(errors::parameter(format!(
                "{known} is already associated with the endpoint."
            )));
        }
        if let Some(unknown) = remove.iter().find(|id| !list.contains(id)) {
            return Err(errors::parameter(format!(
                "{unknown} is not associated with the endpoint."
            )));
        }
    }
    let mut changed: Vec<String> = list
        .iter()
        .filter(|id| !remove.contains(id))
        .cloned()
        .collect();
    changed.extend(add);
    Ok(without_repetition(changed))
}

fn modified(
    call: &Call<'_>,
    before: &Endpoint,
    service: &EndpointService,
) -> Result<Endpoint, AwsError> {
    let mut after = before.clone();
    let reset = call.input["ResetPolicy"] == true;
    match call.text("PolicyDocument") {
        Some(_) if reset => {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                "PolicyDocument and ResetPolicy cannot be specified together.",
            ));
        }
        Some(text) => after.policy = rules::policy(text, service)?,
        None if reset => after.policy = rules::default_policy(before.kind),
        None => {}
    }
    after.route_tables = changed(call, &before.route_tables, "RouteTableId")?;
    after.subnets = changed(call, &before.subnets, "SubnetId")?;
    after.groups = changed(call, &before.groups, "SecurityGroupId")?;
    if let Some(given) = call.text("IpAddressType") {
        given.clone_into(&mut after.ip_type);
        if after.dns_ip_type == before.ip_type {
            given.clone_into(&mut after.dns_ip_type);
        }
    }
    if let Some(enabled) = call.input["PrivateDnsEnabled"].as_bool() {
        after.private_dns = enabled;
    }
    take_dns_options(call, &mut after, service)?;
    Ok(after)
}

pub(super) fn modify(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("VpcEndpointId").to_owned();
    let before = network
        .living()
        .find(|(known, _)| **known == id)
        .map(|(_, endpoint)| endpoint.clone())
        .ok_or_else(|| ENDPOINT.missing(&id))?;
    match before.state {
        State::Pending => {
            return Err(AwsError::new(
                "OperationInProgress",
                format!("VpcEndpoint modify operation in progress for {id}"),
            ));
        }
        State::Available | State::PendingAcceptance => {}
        other => {
            return Err(errors::parameter(format!(
                "The VPC endpoint {id} cannot be modified in the state {}.",
                other.name(false)
            )));
        }
    }
    let service = service_of(call, network, &before.service, before.kind)?;
    fits_type(call, before.kind)?;
    let mut after = modified(call, &before, &service)?;
    check(call, network, &id, Some(&before), &after, &service)?;
    let moves = after.subnets != before.subnets
        || after.ip_type != before.ip_type
        || after.private_dns != before.private_dns
        || call.input["SubnetConfiguration"].is_array();
    if moves && after.state == State::Available {
        after.state = State::Pending;
        after.until = later(call);
    }
    interfaces::follow(call, network, &id, &after)?;
    network.endpoints.insert(id, after);
    Ok(done())
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature all operations share"
)]
pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let until = later(call);
    let network = network(account, call);
    let mut unsuccessful = Vec::new();
    for id in texts(&call.input["VpcEndpointId"]) {
        let endpoint = network
            .endpoints
            .get_mut(&id)
            .filter(|endpoint| endpoint.state != State::Deleted);
        if let Some(endpoint) = endpoint {
            if endpoint.state != State::Deleting {
                endpoint.state = State::Deleting;
                endpoint.until = until;
            }
            continue;
        }
        // Another spelling than that of DescribeVpcEndpoints.
        let code = if ENDPOINT.is_id(&id) {
            "InvalidVpcEndpoint.NotFound".to_owned()
        } else {
            ENDPOINT.missing(&id).code
        };
        unsuccessful.push(json!({
            "error": {"code": code, "message": ENDPOINT.missing(&id).message},
            "resourceId": id,
        }));
    }
    Ok(json!({"unsuccessful": unsuccessful}))
}
