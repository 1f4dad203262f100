//! EC2, as far as VPC endpoints and what they stand on need it.

mod catalogue;
mod cidr;
mod endpoint;
mod errors;
mod gateway;
mod group;
mod interface;
mod listing;
mod outside;
mod route_table;
mod rule;
mod shapes;
pub mod state;
mod subnet;
mod tags;
mod vpc;

use rand::Rng as _;
use serde_json::{Value, json};

use crate::error::AwsError;
use crate::iam::Needed;
use crate::state::Account;
use crate::validation::Structure;

pub use outside::{Decision, NewService, decide, offer};

use super::{Call, Effect, Operation, Protocol, Service};

use errors::Kind;
use listing::texts;
use state::Network;

/// The service.
pub static SERVICE: Service = Service {
    name: "ec2",
    protocol: Protocol::Ec2,
    namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
    message_member: "Message",
    access_denied_code: "UnauthorizedOperation",
    operations: OPERATIONS,
    gate: Some(dry_run),
    common: errors::common,
};

const fn read(name: &'static str, input: &'static Structure, effect: Effect) -> Operation {
    Operation {
        name,
        input,
        mutating: false,
        per_second: Some(20.0),
        budget: None,
        token: None,
        route: None,
        needs,
        effect,
    }
}

const fn write(name: &'static str, input: &'static Structure, effect: Effect) -> Operation {
    let mut operation = read(name, input, effect);
    operation.mutating = true;
    operation.per_second = Some(5.0);
    operation
}

const fn with_token(name: &'static str, input: &'static Structure, effect: Effect) -> Operation {
    let mut operation = write(name, input, effect);
    operation.token = Some("ClientToken");
    operation
}

static OPERATIONS: &[Operation] = &[
    with_token(
        "CreateVpcEndpoint",
        &shapes::CREATE_ENDPOINT,
        endpoint::create,
    ),
    read(
        "DescribeVpcEndpoints",
        &shapes::DESCRIBE_ENDPOINTS,
        endpoint::describe,
    ),
    write(
        "ModifyVpcEndpoint",
        &shapes::MODIFY_ENDPOINT,
        endpoint::modify,
    ),
    write(
        "DeleteVpcEndpoints",
        &shapes::DELETE_ENDPOINTS,
        endpoint::delete,
    ),
    read(
        "DescribeVpcEndpointServices",
        &shapes::DESCRIBE_SERVICES,
        endpoint::describe_services,
    ),
    write("CreateVpc", &shapes::CREATE_VPC, vpc::create),
    read("DescribeVpcs", &shapes::DESCRIBE_VPCS, vpc::describe),
    read(
        "DescribeVpcAttribute",
        &shapes::VPC_ATTRIBUTE,
        vpc::attribute,
    ),
    write(
        "ModifyVpcAttribute",
        &shapes::MODIFY_VPC_ATTRIBUTE,
        vpc::modify_attribute,
    ),
    write("DeleteVpc", &shapes::ON_VPC, vpc::delete),
    read(
        "DescribeNetworkAcls",
        &shapes::DESCRIBE_ACLS,
        vpc::describe_acls,
    ),
    read(
        "DescribeAvailabilityZones",
        &shapes::DESCRIBE_ZONES,
        vpc::describe_zones,
    ),
    read(
        "DescribeRegions",
        &shapes::DESCRIBE_REGIONS,
        vpc::describe_regions,
    ),
    write("CreateSubnet", &shapes::CREATE_SUBNET, subnet::create),
    read(
        "DescribeSubnets",
        &shapes::DESCRIBE_SUBNETS,
        subnet::describe,
    ),
    write(
        "ModifySubnetAttribute",
        &shapes::MODIFY_SUBNET_ATTRIBUTE,
        subnet::modify_attribute,
    ),
    write("DeleteSubnet", &shapes::ON_SUBNET, subnet::delete),
    read(
        "DescribeNetworkInterfaces",
        &shapes::DESCRIBE_INTERFACES,
        interface::describe,
    ),
    with_token(
        "CreateRouteTable",
        &shapes::CREATE_ROUTE_TABLE,
        route_table::create,
    ),
    read(
        "DescribeRouteTables",
        &shapes::DESCRIBE_ROUTE_TABLES,
        route_table::describe,
    ),
    write(
        "AssociateRouteTable",
        &shapes::ASSOCIATE,
        route_table::associate,
    ),
    write(
        "DisassociateRouteTable",
        &shapes::DISASSOCIATE,
        route_table::disassociate,
    ),
    write(
        "CreateRoute",
        &shapes::CREATE_ROUTE,
        route_table::create_route,
    ),
    write(
        "DeleteRoute",
        &shapes::DELETE_ROUTE,
        route_table::delete_route,
    ),
    write(
        "DeleteRouteTable",
        &shapes::ON_ROUTE_TABLE,
        route_table::delete,
    ),
    write(
        "CreateInternetGateway",
        &shapes::CREATE_GATEWAY,
        gateway::create,
    ),
    read(
        "DescribeInternetGateways",
        &shapes::DESCRIBE_GATEWAYS,
        gateway::describe,
    ),
    write(
        "AttachInternetGateway",
        &shapes::GATEWAY_AND_VPC,
        gateway::attach,
    ),
    write(
        "DetachInternetGateway",
        &shapes::GATEWAY_AND_VPC,
        gateway::detach,
    ),
    write(
        "DeleteInternetGateway",
        &shapes::ON_GATEWAY,
        gateway::delete,
    ),
    write("CreateSecurityGroup", &shapes::CREATE_GROUP, group::create),
    read(
        "DescribeSecurityGroups",
        &shapes::DESCRIBE_GROUPS,
        group::describe,
    ),
    write("DeleteSecurityGroup", &shapes::DELETE_GROUP, group::delete),
    write(
        "AuthorizeSecurityGroupIngress",
        &shapes::AUTHORIZE,
        rule::authorize_ingress,
    ),
    write(
        "AuthorizeSecurityGroupEgress",
        &shapes::AUTHORIZE,
        rule::authorize_egress,
    ),
    write(
        "RevokeSecurityGroupIngress",
        &shapes::REVOKE,
        rule::revoke_ingress,
    ),
    write(
        "UpdateSecurityGroupRuleDescriptionsIngress",
        &shapes::DESCRIBE_RULES_INGRESS,
        rule::describe_ingress,
    ),
    write(
        "RevokeSecurityGroupEgress",
        &shapes::REVOKE,
        rule::revoke_egress,
    ),
    read(
        "DescribeSecurityGroupRules",
        &shapes::DESCRIBE_RULES,
        rule::describe,
    ),
    read(
        "DescribePrefixLists",
        &shapes::DESCRIBE_PREFIX_LISTS,
        gateway::describe_prefix_lists,
    ),
    read(
        "DescribeManagedPrefixLists",
        &shapes::DESCRIBE_MANAGED_PREFIX_LISTS,
        gateway::describe_managed_prefix_lists,
    ),
    write("CreateTags", &shapes::CREATE_TAGS, tags::create),
    write("DeleteTags", &shapes::DELETE_TAGS, tags::delete),
    read("DescribeTags", &shapes::DESCRIBE_TAGS, tags::describe),
];

/// With DryRun a call ends once it is known to be allowed.
fn dry_run(_: &Account, call: &Call<'_>) -> Result<(), AwsError> {
    if call.input["DryRun"] == true {
        return Err(AwsError::new(
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        ));
    }
    Ok(())
}

/// The operation on each resource that the call names and on what it makes; with tags also `CreateTags` on that.
fn needs(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    let action = format!("ec2:{}", call.operation.name);
    if !call.operation.mutating {
        return vec![Needed::new(&action, "*")];
    }
    let mut resources = Vec::new();
    let made = match call.operation.name {
        "CreateVpcEndpoint" => Some("vpc-endpoint"),
        "CreateVpc" => Some("vpc"),
        "CreateSubnet" => Some("subnet"),
        "CreateRouteTable" => Some("route-table"),
        "CreateInternetGateway" => Some("internet-gateway"),
        "CreateSecurityGroup" => Some("security-group"),
        "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress" => {
            Some("security-group-rule")
        }
        _ => None,
    }
    .map(|kind| call.arn("ec2", &format!("{kind}/*")));
    let authorizes = call.operation.name.starts_with("Authorize");
    resources.extend(made.clone().filter(|_| !authorizes));
    for value in call
        .input
        .as_object()
        .into_iter()
        .flat_map(|input| input.values())
    {
        let named = value
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .chain(texts(value));
        for id in named {
            if let Some(kind) = errors::kind_of(&id) {
                resources.push(call.arn("ec2", &format!("{}/{id}", kind.resource_type)));
            }
        }
    }
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let mut needed: Vec<Needed> = resources
        .into_iter()
        .map(|resource| Needed::new(&action, resource))
        .collect();
    if call.input["TagSpecification"].is_array()
        && let Some(made) = made
    {
        needed.push(Needed::new("ec2:CreateTags", made));
    }
    // Private DNS is a hosted zone that AWS puts into the VPC (Service Authorization Reference, dependent actions).
    let names = &call.input["PrivateDnsEnabled"];
    let puts_names = match call.operation.name {
        "CreateVpcEndpoint" => call.input["VpcEndpointType"] == "Interface" && *names != false,
        "ModifyVpcEndpoint" => *names == true,
        _ => false,
    };
    if puts_names {
        needed.push(Needed::new("route53:AssociateVPCWithHostedZone", "*"));
    }
    needed
}

/// What the caller's account has in the called Region.
fn network<'a>(account: &'a mut Account, call: &Call<'_>) -> &'a mut Network {
    account
        .networks
        .entry(call.scope.region.clone())
        .or_default()
}

/// A fresh id; notes what the call made.
fn new_id(call: &mut Call<'_>, kind: &Kind) -> String {
    let id = format!("{}0{:016x}", kind.prefix, rand::rng().random::<u64>());
    let arn = call.arn("ec2", &format!("{}/{id}", kind.resource_type));
    call.created.push(arn);
    id
}

/// The answer of operations that only say that they worked.
fn done() -> Value {
    json!({"return": true})
}
