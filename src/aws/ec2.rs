//! Reads and writes of EC2, as far as VPC endpoints need them, in the words of [`crate::resources::vpc_endpoint`]. It sends and decides
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types;

use super::{CallError, ErrorClass, Operation, Session, classify, safe_text};
use crate::api::vpc_endpoint::{DnsRecordIpType, EndpointType, IpAddressType};
use crate::resources::vpc_endpoint::observed::{
    Endpoint, Group, GroupRule, Interface, Peer, RouteTable, ServiceInfo, State, Subnet, Type, Vpc,
    VpcDns,
};

/// Most of a page.
const PAGE: i32 = 1000;
/// Most route tables of a page.
const ROUTE_TABLES: i32 = 100;
/// Most pages that are read of one list: a server that never ends is not listened to for ever.
const MOST_PAGES: usize = 200;

/// Reads every page of a list.
macro_rules! pages {
    ($session:expr, $operation:ident, $call:ident, $max:expr, |$page:ident| $take:expr) => {{
        let operation = Operation::$operation;
        let mut next: Option<String> = None;
        for page in 1.. {
            let request = $session
                .ec2()
                .$call()
                .max_results($max)
                .set_next_token(next.take());
            let $page = $session.send(operation, request.send()).await?;
            next = $page.next_token.clone().filter(|t| !t.is_empty());
            $take;
            if next.is_none() {
                break;
            }
            if page >= MOST_PAGES {
                return Err(CallError::new(operation, ErrorClass::Transient)
                    .with_detail("the list has no end"));
            }
        }
    }};
}

/// Every VPC endpoint of the Region that is not gone, by id.
///
/// # Errors
/// What AWS answers, classified.
pub async fn endpoints(session: &Session) -> Result<BTreeMap<String, Endpoint>, CallError> {
    let mut all = BTreeMap::new();
    pages!(
        session,
        DescribeVpcEndpoints,
        describe_vpc_endpoints,
        PAGE,
        |page| all.extend(
            page.vpc_endpoints
                .into_iter()
                .flatten()
                .filter_map(endpoint)
                .map(|e| (e.id.clone(), e))
        )
    );
    Ok(all)
}

/// One VPC endpoint. `None` = AWS has none, or it is gone.
///
/// # Errors
/// What AWS answers, classified.
pub async fn one_endpoint(session: &Session, id: &str) -> Result<Option<Endpoint>, CallError> {
    let request = session.ec2().describe_vpc_endpoints().vpc_endpoint_ids(id);
    match session
        .send(Operation::DescribeVpcEndpoints, request.send())
        .await
    {
        Ok(page) => Ok(page
            .vpc_endpoints
            .into_iter()
            .flatten()
            .filter_map(endpoint)
            .find(|e| e.id == id)),
        Err(error) if error.class == ErrorClass::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn endpoint(from: types::VpcEndpoint) -> Option<Endpoint> {
    let state = State::from_aws(from.state.as_ref().map_or("", types::State::as_str));
    if state == State::Deleted {
        return None;
    }
    let set = |ids: Option<Vec<String>>| ids.into_iter().flatten().collect::<BTreeSet<_>>();
    let dns = from.dns_options;
    let last_error = from.last_error.and_then(|error| {
        let code = error.code.as_deref().and_then(safe_text::code)?;
        Some((code, error.message.as_deref().and_then(safe_text::of_ec2)))
    });
    Some(Endpoint {
        id: from.vpc_endpoint_id?,
        vpc_id: from.vpc_id.unwrap_or_default(),
        service_name: from.service_name.unwrap_or_default(),
        type_: Type::from_aws(
            from.vpc_endpoint_type
                .as_ref()
                .map(types::VpcEndpointType::as_str),
        ),
        state,
        policy: from.policy_document.filter(|p| !p.trim().is_empty()),
        route_table_ids: set(from.route_table_ids),
        subnet_ids: set(from.subnet_ids),
        group_ids: from
            .groups
            .into_iter()
            .flatten()
            .filter_map(|g| g.group_id)
            .collect(),
        interface_ids: set(from.network_interface_ids),
        private_dns: from.private_dns_enabled.unwrap_or(false),
        ip_address_type: from
            .ip_address_type
            .as_ref()
            .and_then(|t| ip_type(t.as_str())),
        dns_record_ip_type: dns
            .as_ref()
            .and_then(|d| d.dns_record_ip_type.as_ref())
            .and_then(|t| record_type(t.as_str())),
        inbound_resolver_only: dns
            .as_ref()
            .and_then(|d| d.private_dns_only_for_inbound_resolver_endpoint),
        dns_entries: from
            .dns_entries
            .into_iter()
            .flatten()
            .filter_map(|e| Some((e.dns_name?, e.hosted_zone_id)))
            .collect(),
        tags: tags_from(from.tags),
        requester_managed: from.requester_managed.unwrap_or(false),
        owner_id: from.owner_id.unwrap_or_default(),
        last_error: last_error.or_else(|| {
            let reason = from.failure_reason.as_deref().and_then(safe_text::of_ec2)?;
            Some(("Failed".to_owned(), Some(reason)))
        }),
    })
}

fn ip_type(text: &str) -> Option<IpAddressType> {
    match text.to_ascii_lowercase().as_str() {
        "ipv4" => Some(IpAddressType::IPv4),
        "dualstack" => Some(IpAddressType::DualStack),
        "ipv6" => Some(IpAddressType::IPv6),
        _ => None,
    }
}

fn record_type(text: &str) -> Option<DnsRecordIpType> {
    match text.to_ascii_lowercase().as_str() {
        "ipv4" => Some(DnsRecordIpType::IPv4),
        "dualstack" => Some(DnsRecordIpType::DualStack),
        "ipv6" => Some(DnsRecordIpType::IPv6),
        "service-defined" => Some(DnsRecordIpType::ServiceDefined),
        _ => None,
    }
}

fn tags_from(tags: Option<Vec<types::Tag>>) -> BTreeMap<String, String> {
    tags.into_iter()
        .flatten()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}

/// Every VPC of the Region, by id.
///
/// # Errors
/// What AWS answers, classified.
pub async fn vpcs(session: &Session) -> Result<BTreeMap<String, Vpc>, CallError> {
    let mut all = BTreeMap::new();
    let vpc = |vpc: types::Vpc| {
        let v4 = vpc.cidr_block_association_set.into_iter().flatten();
        let v6 = vpc.ipv6_cidr_block_association_set.into_iter().flatten();
        let mut cidrs: BTreeSet<String> = v4.filter_map(|a| a.cidr_block).collect();
        cidrs.extend(vpc.cidr_block);
        cidrs.extend(v6.filter_map(|a| a.ipv6_cidr_block));
        Some(Vpc {
            id: vpc.vpc_id?,
            cidrs,
        })
    };
    pages!(session, DescribeVpcs, describe_vpcs, PAGE, |page| all
        .extend(
            page.vpcs
                .into_iter()
                .flatten()
                .filter_map(vpc)
                .map(|v| (v.id.clone(), v))
        ));
    Ok(all)
}

/// Whether names work in a VPC as private DNS needs it.
///
/// # Errors
/// What AWS answers, classified.
pub async fn dns(session: &Session, vpc_id: &str) -> Result<VpcDns, CallError> {
    let attribute = |name| {
        let request = session
            .ec2()
            .describe_vpc_attribute()
            .vpc_id(vpc_id)
            .attribute(name);
        session.send(Operation::DescribeVpcAttribute, request.send())
    };
    let support = attribute(types::VpcAttributeName::EnableDnsSupport).await?;
    let hostnames = attribute(types::VpcAttributeName::EnableDnsHostnames).await?;
    let is_on =
        |value: Option<types::AttributeBooleanValue>| value.and_then(|v| v.value).unwrap_or(false);
    Ok(VpcDns {
        support: is_on(support.enable_dns_support),
        hostnames: is_on(hostnames.enable_dns_hostnames),
    })
}

/// Every subnet of the Region, by id.
///
/// # Errors
/// What AWS answers, classified.
pub async fn subnets(session: &Session) -> Result<BTreeMap<String, Subnet>, CallError> {
    let mut all = BTreeMap::new();
    let subnet = |subnet: types::Subnet| {
        Some(Subnet {
            id: subnet.subnet_id?,
            vpc_id: subnet.vpc_id.unwrap_or_default(),
            zone: subnet.availability_zone.unwrap_or_default(),
            zone_id: subnet.availability_zone_id.unwrap_or_default(),
            tags: tags_from(subnet.tags),
        })
    };
    pages!(session, DescribeSubnets, describe_subnets, PAGE, |page| all
        .extend(
            page.subnets
                .into_iter()
                .flatten()
                .filter_map(subnet)
                .map(|s| (s.id.clone(), s))
        ));
    Ok(all)
}

/// Every route table of the Region, by id.
///
/// # Errors
/// What AWS answers, classified.
pub async fn route_tables(session: &Session) -> Result<BTreeMap<String, RouteTable>, CallError> {
    let mut all = BTreeMap::new();
    let table = |table: types::RouteTable| {
        let associations = table.associations.unwrap_or_default();
        let gateways: Vec<String> = table
            .routes
            .into_iter()
            .flatten()
            .filter_map(|r| r.gateway_id)
            .collect();
        Some(RouteTable {
            id: table.route_table_id?,
            vpc_id: table.vpc_id.unwrap_or_default(),
            main: associations.iter().any(|a| a.main == Some(true)),
            subnet_ids: associations
                .into_iter()
                .filter_map(|a| a.subnet_id)
                .collect(),
            to_internet: gateways.iter().any(|id| id.starts_with("igw-")),
            endpoint_ids: gateways
                .into_iter()
                .filter(|id| id.starts_with("vpce-"))
                .collect(),
        })
    };
    pages!(
        session,
        DescribeRouteTables,
        describe_route_tables,
        ROUTE_TABLES,
        |page| all.extend(
            page.route_tables
                .into_iter()
                .flatten()
                .filter_map(table)
                .map(|t| (t.id.clone(), t))
        )
    );
    Ok(all)
}

/// Every security group of the Region, by id.
///
/// # Errors
/// What AWS answers, classified.
pub async fn groups(session: &Session) -> Result<BTreeMap<String, Group>, CallError> {
    let mut all = BTreeMap::new();
    pages!(
        session,
        DescribeSecurityGroups,
        describe_security_groups,
        PAGE,
        |page| all.extend(
            page.security_groups
                .into_iter()
                .flatten()
                .filter_map(group)
                .map(|g| (g.id.clone(), g))
        )
    );
    Ok(all)
}

fn group(from: types::SecurityGroup) -> Option<Group> {
    Some(Group {
        id: from.group_id?,
        vpc_id: from.vpc_id.unwrap_or_default(),
        name: from.group_name.unwrap_or_default(),
        ingress: rules(from.ip_permissions),
        egress: rules(from.ip_permissions_egress),
        tags: tags_from(from.tags),
    })
}

/// One rule for each peer.
fn rules(permissions: Option<Vec<types::IpPermission>>) -> BTreeSet<GroupRule> {
    let mut all = BTreeSet::new();
    for permission in permissions.into_iter().flatten() {
        let v4 = permission.ip_ranges.into_iter().flatten();
        let v4 = v4.filter_map(|r| Some((Peer::Cidr(r.cidr_ip?), r.description)));
        let v6 = permission.ipv6_ranges.into_iter().flatten();
        let v6 = v6.filter_map(|r| Some((Peer::Cidr(r.cidr_ipv6?), r.description)));
        let lists = permission.prefix_list_ids.into_iter().flatten();
        let lists =
            lists.filter_map(|l| Some((Peer::PrefixList(l.prefix_list_id?), l.description)));
        let groups = permission.user_id_group_pairs.into_iter().flatten();
        let groups = groups.filter_map(|g| {
            let peer = Peer::Group {
                id: g.group_id?,
                account_id: g.user_id,
            };
            Some((peer, g.description))
        });
        let protocol = permission.ip_protocol.unwrap_or_default();
        for (peer, description) in v4.chain(v6).chain(lists).chain(groups) {
            all.insert(GroupRule {
                protocol: protocol.clone(),
                from_port: permission.from_port,
                to_port: permission.to_port,
                peer,
                description,
            });
        }
    }
    all
}

fn permission(rule: &GroupRule) -> types::IpPermission {
    let permission = types::IpPermission::builder()
        .ip_protocol(&rule.protocol)
        .set_from_port(rule.from_port)
        .set_to_port(rule.to_port);
    let description = rule.description.clone();
    match &rule.peer {
        Peer::Cidr(cidr) if cidr.contains(':') => permission.ipv6_ranges(
            types::Ipv6Range::builder()
                .cidr_ipv6(cidr)
                .set_description(description)
                .build(),
        ),
        Peer::Cidr(cidr) => permission.ip_ranges(
            types::IpRange::builder()
                .cidr_ip(cidr)
                .set_description(description)
                .build(),
        ),
        Peer::Group { id, account_id } => permission.user_id_group_pairs(
            types::UserIdGroupPair::builder()
                .group_id(id)
                .set_user_id(account_id.clone())
                .set_description(description)
                .build(),
        ),
        Peer::PrefixList(id) => permission.prefix_list_ids(
            types::PrefixListId::builder()
                .prefix_list_id(id)
                .set_description(description)
                .build(),
        ),
    }
    .build()
}

/// Every network interface of an endpoint in the Region, by id.
///
/// # Errors
/// What AWS answers, classified.
pub async fn interfaces(session: &Session) -> Result<BTreeMap<String, Interface>, CallError> {
    let operation = Operation::DescribeNetworkInterfaces;
    let mut all = BTreeMap::new();
    let mut next: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let of_endpoints = types::Filter::builder()
            .name("interface-type")
            .values("vpc_endpoint")
            .build();
        let request = session
            .ec2()
            .describe_network_interfaces()
            .filters(of_endpoints)
            .max_results(PAGE)
            .set_next_token(next.take());
        let page = session.send(operation, request.send()).await?;
        for one in page.network_interfaces.into_iter().flatten() {
            let Some(id) = one.network_interface_id else {
                continue;
            };
            let interface = Interface {
                id: id.clone(),
                subnet_id: one.subnet_id.unwrap_or_default(),
                zone: one.availability_zone.unwrap_or_default(),
                group_ids: one
                    .groups
                    .into_iter()
                    .flatten()
                    .filter_map(|g| g.group_id)
                    .collect(),
            };
            all.insert(id, interface);
        }
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            return Ok(all);
        }
    }
    Err(CallError::new(operation, ErrorClass::Transient).with_detail("the list has no end"))
}

/// Every service of the Region's catalogue, by full name.
///
/// # Errors
/// What AWS answers, classified.
pub async fn services(session: &Session) -> Result<BTreeMap<String, ServiceInfo>, CallError> {
    let mut all = BTreeMap::new();
    let service = |from: types::ServiceDetail| {
        Some(ServiceInfo {
            name: from.service_name?,
            types: from
                .service_type
                .into_iter()
                .flatten()
                .filter_map(|t| t.service_type.map(|t| t.as_str().to_owned()))
                .collect(),
            zones: from.availability_zones.into_iter().flatten().collect(),
            private_dns_names: from
                .private_dns_names
                .into_iter()
                .flatten()
                .filter_map(|n| n.private_dns_name)
                .collect(),
            acceptance_required: from.acceptance_required.unwrap_or(false),
            takes_policy: from.vpc_endpoint_policy_supported.unwrap_or(true),
        })
    };
    let mut add = |from: types::ServiceDetail| {
        let Some(mut new) = service(from) else { return };
        // A service may be listed once for each of its types.
        if let Some(known) = all.remove(&new.name) {
            let ServiceInfo { types, zones, .. } = known;
            new.types.extend(types);
            new.zones.extend(zones);
        }
        all.insert(new.name.clone(), new);
    };
    pages!(
        session,
        DescribeVpcEndpointServices,
        describe_vpc_endpoint_services,
        PAGE,
        |page| page
            .service_details
            .into_iter()
            .flatten()
            .for_each(&mut add)
    );
    Ok(all)
}

fn tag_specification(
    resource: types::ResourceType,
    tags: &BTreeMap<String, String>,
) -> Option<Vec<types::TagSpecification>> {
    (!tags.is_empty()).then(|| {
        vec![
            types::TagSpecification::builder()
                .resource_type(resource)
                .set_tags(Some(tags_to(tags)))
                .build(),
        ]
    })
}

fn tags_to(tags: &BTreeMap<String, String>) -> Vec<types::Tag> {
    let tag =
        |(key, value): (&String, &String)| types::Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect()
}

/// CreateSecurityGroup. Answers with its id.
///
/// # Errors
/// What AWS answers, classified.
pub async fn create_group(
    session: &Session,
    (name, description, vpc_id): (&str, &str, &str),
    tags: &BTreeMap<String, String>,
) -> Result<String, CallError> {
    let operation = Operation::CreateSecurityGroup;
    let request = session
        .ec2()
        .create_security_group()
        .group_name(name)
        .description(description)
        .vpc_id(vpc_id)
        .set_tag_specifications(tag_specification(types::ResourceType::SecurityGroup, tags));
    let output = session.send(operation, request.send()).await?;
    output.group_id.ok_or_else(|| {
        CallError::new(operation, ErrorClass::Transient).with_detail("the answer held no id")
    })
}

/// AuthorizeSecurityGroupIngress, RevokeSecurityGroupIngress, UpdateSecurityGroupRuleDescriptionsIngress and RevokeSecurityGroupEgress. What is so already is fine.
///
/// # Errors
/// What AWS answers, classified.
pub async fn change_rules(
    session: &Session,
    operation: Operation,
    group_id: &str,
    rules: &BTreeSet<GroupRule>,
) -> Result<(), CallError> {
    let permissions: Vec<types::IpPermission> = rules.iter().map(permission).collect();
    let client = session.ec2();
    let sent = match operation {
        Operation::AuthorizeSecurityGroupIngress => {
            let request = client
                .authorize_security_group_ingress()
                .group_id(group_id)
                .set_ip_permissions(Some(permissions));
            session.send(operation, request.send()).await.map(|_| ())
        }
        Operation::RevokeSecurityGroupIngress => {
            let request = client
                .revoke_security_group_ingress()
                .group_id(group_id)
                .set_ip_permissions(Some(permissions));
            session.send(operation, request.send()).await.map(|_| ())
        }
        Operation::UpdateSecurityGroupRuleDescriptionsIngress => {
            let request = client
                .update_security_group_rule_descriptions_ingress()
                .group_id(group_id)
                .set_ip_permissions(Some(permissions));
            session.send(operation, request.send()).await.map(|_| ())
        }
        _ => {
            let request = client
                .revoke_security_group_egress()
                .group_id(group_id)
                .set_ip_permissions(Some(permissions));
            session
                .send(Operation::RevokeSecurityGroupEgress, request.send())
                .await
                .map(|_| ())
        }
    };
    match sent {
        Err(error)
            if rules.len() == 1
                && matches!(
                    error.code.as_deref(),
                    Some("InvalidPermission.Duplicate" | "InvalidPermission.NotFound")
                ) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// DeleteSecurityGroup.
///
/// # Errors
/// What AWS answers, classified.
pub async fn delete_group(session: &Session, id: &str) -> Result<(), CallError> {
    let request = session.ec2().delete_security_group().group_id(id);
    session
        .send(Operation::DeleteSecurityGroup, request.send())
        .await?;
    Ok(())
}

/// CreateTags.
///
/// # Errors
/// What AWS answers, classified.
pub async fn set_tags(
    session: &Session,
    ids: &[String],
    tags: &BTreeMap<String, String>,
) -> Result<(), CallError> {
    let request = session
        .ec2()
        .create_tags()
        .set_resources(Some(ids.to_vec()))
        .set_tags(Some(tags_to(tags)));
    session.send(Operation::CreateTags, request.send()).await?;
    Ok(())
}

/// DeleteTags, whatever their values.
///
/// # Errors
/// What AWS answers, classified.
pub async fn remove_tags(
    session: &Session,
    ids: &[String],
    keys: &[String],
) -> Result<(), CallError> {
    let tag = |key: &String| types::Tag::builder().key(key).build();
    let request = session
        .ec2()
        .delete_tags()
        .set_resources(Some(ids.to_vec()))
        .set_tags(Some(keys.iter().map(tag).collect()));
    session.send(Operation::DeleteTags, request.send()).await?;
    Ok(())
}

/// DeleteVpcEndpoints. A failure that hides in an answer of success is one.
///
/// # Errors
/// What AWS answers, classified.
pub async fn delete_endpoint(session: &Session, id: &str) -> Result<(), CallError> {
    let operation = Operation::DeleteVpcEndpoints;
    let request = session.ec2().delete_vpc_endpoints().vpc_endpoint_ids(id);
    let output = session.send(operation, request.send()).await?;
    let Some(failed) = output.unsuccessful.into_iter().flatten().next() else {
        return Ok(());
    };
    let error = failed
        .error
        .unwrap_or_else(|| types::UnsuccessfulItemError::builder().build());
    let mut call = CallError::new(operation, classify(operation, error.code.as_deref()));
    call.code = error.code.as_deref().and_then(safe_text::code);
    call.detail = error.message.as_deref().and_then(safe_text::of_ec2);
    Err(call)
}

/// A type as the API takes it.
pub fn type_to(type_: EndpointType) -> types::VpcEndpointType {
    match type_ {
        EndpointType::Interface => types::VpcEndpointType::Interface,
        EndpointType::Gateway => types::VpcEndpointType::Gateway,
        EndpointType::GatewayLoadBalancer => types::VpcEndpointType::GatewayLoadBalancer,
        EndpointType::Resource => types::VpcEndpointType::Resource,
        EndpointType::ServiceNetwork => types::VpcEndpointType::ServiceNetwork,
    }
}

/// Kinds of addresses as the API takes them.
pub fn ip_type_to(type_: IpAddressType) -> types::IpAddressType {
    match type_ {
        IpAddressType::IPv4 => types::IpAddressType::Ipv4,
        IpAddressType::DualStack => types::IpAddressType::Dualstack,
        IpAddressType::IPv6 => types::IpAddressType::Ipv6,
    }
}

/// How names resolve as the API takes it; `None` = nothing is said.
pub fn dns_to(
    records: Option<DnsRecordIpType>,
    inbound_resolver_only: Option<bool>,
) -> Option<types::DnsOptionsSpecification> {
    if records.is_none() && inbound_resolver_only.is_none() {
        return None;
    }
    let record = |type_| match type_ {
        DnsRecordIpType::IPv4 => types::DnsRecordIpType::Ipv4,
        DnsRecordIpType::DualStack => types::DnsRecordIpType::Dualstack,
        DnsRecordIpType::IPv6 => types::DnsRecordIpType::Ipv6,
        DnsRecordIpType::ServiceDefined => types::DnsRecordIpType::ServiceDefined,
    };
    Some(
        types::DnsOptionsSpecification::builder()
            .set_dns_record_ip_type(records.map(record))
            .set_private_dns_only_for_inbound_resolver_endpoint(inbound_resolver_only)
            .build(),
    )
}

/// Ids as the API takes them: a list that is absent rather than empty.
pub fn ids_to(ids: &BTreeSet<String>) -> Option<Vec<String>> {
    (!ids.is_empty()).then(|| ids.iter().cloned().collect())
}

/// The tags of a new endpoint as the API takes them.
pub fn endpoint_tags(tags: &BTreeMap<String, String>) -> Option<Vec<types::TagSpecification>> {
    tag_specification(types::ResourceType::VpcEndpoint, tags)
}
