//! Reads and writes endpoints. The only file here that sends, and it decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::observed::{
    Endpoint, Group, Interface, Network, RouteTable, ServiceInfo, Subnet, Vpc, VpcDns,
};
use super::plan::{Change, Creation, Delta, GROUP_SLOT, Modification};
use super::policy::Policy;
use crate::aws::{CallError, ErrorClass, Operation, Session, SharedList, ec2};
use crate::engine::Applied;

/// Endpoints of the Region.
struct Endpoints(Arc<BTreeMap<String, Endpoint>>);

/// What changes with endpoints.
struct Moving {
    groups: Arc<BTreeMap<String, Group>>,
    interfaces: Arc<BTreeMap<String, Interface>>,
}

/// What changes seldom.
struct Standing {
    vpcs: Arc<BTreeMap<String, Vpc>>,
    subnets: Arc<BTreeMap<String, Subnet>>,
    route_tables: Arc<BTreeMap<String, RouteTable>>,
}

/// The catalogue of services.
struct Catalogue(BTreeMap<String, ServiceInfo>);

/// How old what is read may be.
#[derive(Debug, Clone, Copy)]
pub struct Ages {
    /// Endpoints, groups and network interfaces.
    pub moving: Duration,
    /// VPCs, subnets, route tables.
    pub standing: Duration,
    /// Services.
    pub catalogue: Duration,
    /// When the object was last written: nothing older is of use.
    pub written_at: Option<Instant>,
}

/// What the Region has. One list of each sort serves all objects of an account and Region.
pub async fn network(session: &Session, ages: Ages) -> Result<Network, CallError> {
    let account = &session.account;
    let (written, age) = (ages.written_at, ages.moving);
    let list = account.list::<Endpoints>();
    let read = async { ec2::endpoints(session).await.map(|e| Endpoints(e.into())) };
    let endpoints = session
        .shared(&list, Operation::DescribeVpcEndpoints, written, age, read)
        .await?;
    let list = account.list::<Moving>();
    let read = async {
        Ok(Moving {
            groups: ec2::groups(session).await?.into(),
            interfaces: ec2::interfaces(session).await?.into(),
        })
    };
    let moving = session
        .shared(&list, Operation::DescribeSecurityGroups, written, age, read)
        .await?;
    let list = account.list::<Standing>();
    let read = async {
        Ok(Standing {
            vpcs: ec2::vpcs(session).await?.into(),
            subnets: ec2::subnets(session).await?.into(),
            route_tables: ec2::route_tables(session).await?.into(),
        })
    };
    let standing = session
        .shared(&list, Operation::DescribeSubnets, None, ages.standing, read)
        .await?;
    Ok(Network {
        endpoints: endpoints.0.clone(),
        vpcs: standing.vpcs.clone(),
        subnets: standing.subnets.clone(),
        route_tables: standing.route_tables.clone(),
        groups: moving.groups.clone(),
        interfaces: moving.interfaces.clone(),
        dns: Arc::default(),
    })
}

/// A service of the catalogue. `None` = the Region has none of that name.
pub async fn service(
    session: &Session,
    name: &str,
    age: Duration,
) -> Result<Option<ServiceInfo>, CallError> {
    let list = session.account.list::<Catalogue>();
    let read = async { ec2::services(session).await.map(Catalogue) };
    let operation = Operation::DescribeVpcEndpointServices;
    let all = session.shared(&list, operation, None, age, read).await?;
    Ok(all.0.get(name).cloned())
}

/// Whether names work in a VPC as private DNS needs it.
pub async fn dns(
    session: &Session,
    list: &SharedList<VpcDns>,
    vpc_id: &str,
    age: Duration,
) -> Result<VpcDns, CallError> {
    let operation = Operation::DescribeVpcAttribute;
    let read = ec2::dns(session, vpc_id);
    let dns = session.shared(list, operation, None, age, read).await?;
    Ok(*dns)
}

/// The tags of an endpoint, live. `None` = AWS has it no more.
pub async fn tags(
    session: &Session,
    id: &str,
) -> Result<Option<BTreeMap<String, String>>, CallError> {
    Ok(ec2::one_endpoint(session, id).await?.map(|e| e.tags))
}

/// Sends one change. `arn` makes an ARN of an id.
pub async fn apply(
    session: &Session,
    change: &Change,
    token: &str,
    ids: &BTreeMap<String, String>,
    arn: impl Fn(&str) -> String,
) -> Result<Applied, CallError> {
    let made = || {
        ids.get(GROUP_SLOT).cloned().ok_or_else(|| {
            CallError::new(Operation::CreateSecurityGroup, ErrorClass::Transient)
                .with_detail("the group has no id yet")
        })
    };
    let group = |id: &Option<String>| id.clone().map_or_else(made, Ok);
    let rules = |operation, id: String, rules| async move {
        ec2::change_rules(session, operation, &id, rules).await
    };
    match change {
        Change::CreateGroup {
            name,
            description,
            vpc_id,
            tags,
        } => {
            let id = ec2::create_group(session, (name, description, vpc_id), tags).await?;
            return Ok(Applied {
                id: Some(id),
                save_now: false,
            });
        }
        Change::LetIn { group_id, rules: r } => {
            rules(
                Operation::AuthorizeSecurityGroupIngress,
                group(group_id)?,
                r,
            )
            .await?;
        }
        Change::ShutOut { group_id, rules: r } => {
            rules(Operation::RevokeSecurityGroupIngress, group_id.clone(), r).await?;
        }
        Change::Describe { group_id, rules: r } => {
            rules(
                Operation::UpdateSecurityGroupRuleDescriptionsIngress,
                group_id.clone(),
                r,
            )
            .await?;
        }
        Change::LetNothingOut { group_id, rules: r } => {
            rules(Operation::RevokeSecurityGroupEgress, group(group_id)?, r).await?;
        }
        Change::Create(creation) => {
            let made = if creation.made_group {
                Some(made()?)
            } else {
                None
            };
            let id = create(session, creation, made, token).await?;
            return Ok(Applied {
                id: Some(arn(&id)),
                save_now: false,
            });
        }
        Change::Modify(modification) => {
            let made = if modification.made_group {
                Some(made()?)
            } else {
                None
            };
            modify(session, modification, made).await?;
        }
        Change::SetTags { ids, tags } => ec2::set_tags(session, ids, tags).await?,
        Change::RemoveTags { ids, keys } => ec2::remove_tags(session, ids, keys).await?,
        Change::Delete { id } => ec2::delete_endpoint(session, id).await?,
        Change::DeleteGroup { id } => ec2::delete_group(session, id).await?,
    }
    Ok(Applied::default())
}

async fn create(
    session: &Session,
    creation: &Creation,
    made_group: Option<String>,
    token: &str,
) -> Result<String, CallError> {
    let operation = Operation::CreateVpcEndpoint;
    let mut groups = creation.group_ids.clone();
    groups.extend(made_group);
    let request = session
        .ec2()
        .create_vpc_endpoint()
        .vpc_endpoint_type(ec2::type_to(creation.type_))
        .vpc_id(&creation.vpc_id)
        .service_name(&creation.service_name)
        .set_subnet_ids(ec2::ids_to(&creation.subnet_ids))
        .set_security_group_ids(ec2::ids_to(&groups))
        .set_route_table_ids(ec2::ids_to(&creation.route_table_ids))
        .set_private_dns_enabled(creation.private_dns)
        .set_ip_address_type(creation.ip_address_type.map(ec2::ip_type_to))
        .set_dns_options(ec2::dns_to(
            creation.dns.record_ip_type,
            creation.dns.inbound_resolver_only,
        ))
        .set_policy_document(creation.policy.as_ref().map(Policy::document))
        .set_tag_specifications(ec2::endpoint_tags(&creation.tags))
        .client_token(token);
    let output = session.send(operation, request.send()).await?;
    let id = output.vpc_endpoint.and_then(|e| e.vpc_endpoint_id);
    id.ok_or_else(|| {
        CallError::new(operation, ErrorClass::Transient).with_detail("the answer held no id")
    })
}

async fn modify(
    session: &Session,
    change: &Modification,
    made_group: Option<String>,
) -> Result<(), CallError> {
    let Delta { add, remove } = &change.groups;
    let mut add = add.clone();
    add.extend(made_group);
    let request = session
        .ec2()
        .modify_vpc_endpoint()
        .vpc_endpoint_id(&change.id)
        .set_policy_document(change.policy.as_ref().map(Policy::document))
        .set_add_subnet_ids(ec2::ids_to(&change.subnets.add))
        .set_remove_subnet_ids(ec2::ids_to(&change.subnets.remove))
        .set_add_security_group_ids(ec2::ids_to(&add))
        .set_remove_security_group_ids(ec2::ids_to(remove))
        .set_add_route_table_ids(ec2::ids_to(&change.route_tables.add))
        .set_remove_route_table_ids(ec2::ids_to(&change.route_tables.remove))
        .set_private_dns_enabled(change.private_dns)
        .set_ip_address_type(change.ip_address_type.map(ec2::ip_type_to))
        .set_dns_options(ec2::dns_to(
            change.dns.record_ip_type,
            change.dns.inbound_resolver_only,
        ));
    session
        .send(Operation::ModifyVpcEndpoint, request.send())
        .await?;
    Ok(())
}
