//! Route tables, their associations and routes.

use rand::Rng as _;
use serde_json::{Value, json};

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::cidr::{Block, parse_ipv6};
use super::errors::{self, INTERNET_GATEWAY, ROUTE_TABLE};
use super::listing::{self, Item, Listing, tag_set, visible};
use super::state::{Network, Route, RouteTable, Tags};
use super::{catalogue, done, endpoint, network, new_id, subnet, tags, vpc};

fn find<'a>(network: &'a mut Network, id: &str) -> Result<&'a mut RouteTable, AwsError> {
    network
        .route_tables
        .get_mut(id)
        .ok_or_else(|| ROUTE_TABLE.missing(id))
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    if let Some(answer) = endpoint::tokens::replayed(account, call)? {
        return Ok(answer);
    }
    let tags = tags::specified(call, &ROUTE_TABLE)?;
    let network = network(account, call);
    let vpc = call.required("VpcId").to_owned();
    vpc::find(network, &vpc)?;
    let id = new_id(call, &ROUTE_TABLE);
    let table = RouteTable {
        vpc,
        main: None,
        associations: std::collections::BTreeMap::new(),
        routes: Vec::new(),
        created: call.now,
    };
    let mut answer = json!({"routeTable": view(call, network, &id, &table, &tags)});
    if let Some(token) = call.text("ClientToken") {
        answer["clientToken"] = token.into();
    }
    network.route_tables.insert(id.clone(), table);
    network.tags.insert(id.clone(), tags);
    endpoint::tokens::remember(account, call, &answer, &id);
    Ok(answer)
}

/// The routes of a table: the local ones, those of its owner, those of gateway endpoints.
fn routes(call: &Call<'_>, network: &Network, id: &str, table: &RouteTable) -> Vec<Value> {
    let mut routes = Vec::new();
    if let Some(vpc) = network.vpcs.get(&table.vpc) {
        routes.push(json!({
            "destinationCidrBlock": vpc.cidr, "gatewayId": "local", "origin": "CreateRouteTable", "state": "active",
        }));
        if let Some(ipv6) = &vpc.ipv6 {
            routes.push(json!({
                "destinationIpv6CidrBlock": ipv6, "gatewayId": "local", "origin": "CreateRouteTable", "state": "active",
            }));
        }
    }
    for route in &table.routes {
        let member = if route.destination.contains(':') {
            "destinationIpv6CidrBlock"
        } else {
            "destinationCidrBlock"
        };
        let attached = network
            .internet_gateways
            .get(&route.gateway)
            .is_some_and(|gateway| gateway.vpc.as_ref() == Some(&table.vpc));
        routes.push(json!({
            member: route.destination, "gatewayId": route.gateway, "origin": "CreateRoute",
            "state": if attached { "active" } else { "blackhole" },
        }));
    }
    for (endpoint_id, endpoint) in network.living() {
        if !endpoint.state.leaves()
            && endpoint.route_tables.iter().any(|table| table == id)
            && let Some(list) = catalogue::prefix_list_of(&call.scope.region, &endpoint.service)
        {
            routes.push(json!({
                "destinationPrefixListId": list, "gatewayId": endpoint_id, "origin": "CreateRoute", "state": "active",
            }));
        }
    }
    routes
}

fn view(call: &Call<'_>, network: &Network, id: &str, table: &RouteTable, tags: &Tags) -> Value {
    let association = |association: &str, subnet: Option<&str>| {
        let mut shown = json!({
            "routeTableAssociationId": association, "routeTableId": id, "main": subnet.is_none(),
            "associationState": {"state": "associated"},
        });
        if let Some(subnet) = subnet {
            shown["subnetId"] = subnet.into();
        }
        shown
    };
    let associations: Vec<Value> = table
        .main
        .iter()
        .map(|main| association(main, None))
        .chain(
            table
                .associations
                .iter()
                .map(|(id, subnet)| association(id, Some(subnet))),
        )
        .collect();
    json!({
        "routeTableId": id,
        "vpcId": table.vpc,
        "ownerId": call.scope.account,
        "routeSet": routes(call, network, id, table),
        "associationSet": associations,
        "propagatingVgwSet": [],
        "tagSet": tag_set(tags),
    })
}

static TABLES: Listing = Listing {
    set: "routeTableSet",
    ids: "RouteTableId",
    kind: Some(&ROUTE_TABLE),
    filters: &[
        "association.main",
        "association.route-table-association-id",
        "association.route-table-id",
        "association.subnet-id",
        "owner-id",
        "route-table-id",
        "route.destination-cidr-block",
        "route.destination-prefix-list-id",
        "route.gateway-id",
        "route.origin",
        "route.state",
        "vpc-id",
    ],
    tagged: true,
};

pub(super) fn describe(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let items = network
        .route_tables
        .iter()
        .filter(|(_, table)| visible(call, table.created))
        .map(|(id, table)| {
            let tags = network.tags_of(id);
            let view = view(call, network, id, table, &tags);
            let inner = |set: &str, name: &str| {
                view[set]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|each| match &each[name] {
                        Value::String(text) => Some(text.clone()),
                        Value::Bool(flag) => Some(flag.to_string()),
                        _ => None,
                    })
                    .collect::<Vec<_>>()
            };
            Item {
                id: id.clone(),
                fields: vec![
                    ("route-table-id", vec![id.clone()]),
                    ("vpc-id", vec![table.vpc.clone()]),
                    ("owner-id", vec![call.scope.account.clone()]),
                    ("association.main", inner("associationSet", "main")),
                    (
                        "association.route-table-association-id",
                        inner("associationSet", "routeTableAssociationId"),
                    ),
                    (
                        "association.route-table-id",
                        inner("associationSet", "routeTableId"),
                    ),
                    ("association.subnet-id", inner("associationSet", "subnetId")),
                    (
                        "route.destination-cidr-block",
                        inner("routeSet", "destinationCidrBlock"),
                    ),
                    (
                        "route.destination-prefix-list-id",
                        inner("routeSet", "destinationPrefixListId"),
                    ),
                    ("route.gateway-id", inner("routeSet", "gatewayId")),
                    ("route.origin", inner("routeSet", "origin")),
                    ("route.state", inner("routeSet", "state")),
                ],
                tags,
                view,
            }
        })
        .collect();
    listing::answer(call, &TABLES, items)
}

pub(super) fn associate(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("RouteTableId");
    let subnet_id = call
        .text("SubnetId")
        .ok_or_else(|| errors::lacking("SubnetId"))?;
    let vpc = find(network, id)?.vpc.clone();
    if subnet::find(network, subnet_id)?.vpc != vpc {
        return Err(errors::parameter(format!(
            "Route table {id} and subnet {subnet_id} belong to different networks"
        )));
    }
    if network
        .route_tables
        .values()
        .any(|table| table.associations.values().any(|known| known == subnet_id))
    {
        return Err(AwsError::new(
            "Resource.AlreadyAssociated",
            format!(
                "the specified association for route table {id} conflicts with an existing association"
            ),
        ));
    }
    let association = format!("rtbassoc-0{:016x}", rand::rng().random::<u64>());
    find(network, id)?
        .associations
        .insert(association.clone(), subnet_id.to_owned());
    Ok(json!({"associationId": association, "associationState": {"state": "associated"}}))
}

pub(super) fn disassociate(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("AssociationId");
    for table in network.route_tables.values_mut() {
        if table.main.as_deref() == Some(id) {
            return Err(errors::parameter(format!(
                "cannot disassociate the main route table association {id}"
            )));
        }
        if table.associations.remove(id).is_some() {
            return Ok(done());
        }
    }
    Err(AwsError::new(
        "InvalidAssociationID.NotFound",
        format!("The association ID '{id}' does not exist"),
    ))
}

fn destination(call: &Call<'_>) -> Result<String, AwsError> {
    if let Some(list) = call.text("DestinationPrefixListId") {
        return Err(errors::value(format!(
            "Routes to the prefix list {list} are made and removed with a gateway endpoint."
        )));
    }
    let invalid = |name: &str, given: &str| {
        errors::value(format!(
            "Value ({given}) for parameter {name} is invalid. This is not a valid CIDR block."
        ))
    };
    match (
        call.text("DestinationCidrBlock"),
        call.text("DestinationIpv6CidrBlock"),
    ) {
        (Some(given), None) => Block::parse(given)
            .map(|block| block.to_string())
            .ok_or_else(|| invalid("destinationCidrBlock", given)),
        (None, Some(given)) => parse_ipv6(given)
            .map(|_| given.to_owned())
            .ok_or_else(|| invalid("destinationIpv6CidrBlock", given)),
        _ => Err(errors::lacking("destinationCidrBlock")),
    }
}

pub(super) fn create_route(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("RouteTableId");
    let vpc = find(network, id)?.vpc.clone();
    let destination = destination(call)?;
    let gateway = call
        .text("GatewayId")
        .ok_or_else(|| errors::lacking("gatewayId"))?
        .to_owned();
    let attached = network
        .internet_gateways
        .get(&gateway)
        .ok_or_else(|| INTERNET_GATEWAY.missing(&gateway))?
        .vpc
        .as_ref()
        == Some(&vpc);
    if !attached {
        return Err(errors::parameter(format!(
            "route table {id} and network gateway {gateway} belong to different networks"
        )));
    }
    let table = find(network, id)?;
    if table
        .routes
        .iter()
        .any(|route| route.destination == destination)
    {
        return Err(AwsError::new(
            "RouteAlreadyExists",
            format!("The route identified by {destination} already exists."),
        ));
    }
    table.routes.push(Route {
        destination,
        gateway,
    });
    Ok(done())
}

pub(super) fn delete_route(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("RouteTableId");
    find(network, id)?;
    let destination = destination(call)?;
    let table = find(network, id)?;
    let before = table.routes.len();
    table
        .routes
        .retain(|route| route.destination != destination);
    if table.routes.len() == before {
        return Err(AwsError::new(
            "InvalidRoute.NotFound",
            format!("no route with destination-cidr-block {destination} in route table {id}"),
        ));
    }
    Ok(done())
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("RouteTableId");
    let table = find(network, id)?;
    if table.main.is_some() || !table.associations.is_empty() {
        return Err(errors::in_use(format!(
            "The routeTable '{id}' has dependencies and cannot be deleted."
        )));
    }
    network.route_tables.remove(id);
    network.tags.remove(id);
    for endpoint in network.endpoints.values_mut() {
        endpoint.route_tables.retain(|table| table != id);
    }
    Ok(done())
}
