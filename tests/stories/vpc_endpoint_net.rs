//! A VPC in the simulated account, what people do to it past the operator, and manifests of endpoints in it.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, IpPermission, IpRange, ResourceType, SecurityGroup, Tag,
    TagSpecification, VpcEndpoint, VpcEndpointType,
};
use harness::simulator::Call;
use harness::{World, checks, seconds};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::support::{Stage, build, condition_now};

/// The kind.
pub const KIND: &str = "VpcEndpoint";

/// A VPC in the simulated account.
pub struct Net {
    /// Somebody who is not the operator.
    pub ec2: aws_sdk_ec2::Client,
    /// Its id.
    pub vpc: String,
    /// A subnet in each of the zones a, b and c.
    pub subnets: Vec<String>,
    /// A route table of nobody's.
    pub table: String,
    region: String,
}

/// A client of nobody that the operator knows.
pub fn client(world: &World) -> aws_sdk_ec2::Client {
    let config = harness::aws::config(world.simulator.endpoint(), &world.account, &world.region);
    aws_sdk_ec2::Client::new(&config)
}

impl Net {
    /// A VPC that private DNS works in, with a subnet in each of two zones.
    pub async fn new(world: &World) -> Self {
        Self::with_zones(world, &["a", "b"]).await
    }

    /// The same with other zones.
    pub async fn with_zones(world: &World, zones: &[&str]) -> Self {
        let ec2 = client(world);
        let made = ec2
            .create_vpc()
            .cidr_block("10.0.0.0/16")
            .amazon_provided_ipv6_cidr_block(true)
            .send();
        let made = made.await.unwrap().vpc.unwrap();
        let vpc = made.vpc_id.clone().unwrap();
        let ipv6 = made.ipv6_cidr_block_association_set()[0]
            .ipv6_cidr_block()
            .unwrap()
            .to_owned();
        let mut net = Self {
            ec2,
            vpc,
            subnets: vec![],
            table: String::new(),
            region: world.region.clone(),
        };
        net.dns(true, true).await;
        for (n, zone) in zones.iter().enumerate() {
            let ipv6 = ipv6.replace("00::/56", &format!("{n:02x}::/64"));
            let subnet = net.subnet(zone, &format!("10.0.{n}.0/24"), &ipv6).await;
            net.subnets.push(subnet);
        }
        net.table = net.route_table().await;
        net
    }

    /// Sets enableDnsSupport and enableDnsHostnames.
    pub async fn dns(&self, support: bool, hostnames: bool) {
        let value = |on| AttributeBooleanValue::builder().value(on).build();
        let change = || self.ec2.modify_vpc_attribute().vpc_id(&self.vpc);
        let sent = change().enable_dns_support(value(support)).send();
        sent.await.unwrap();
        let sent = change().enable_dns_hostnames(value(hostnames)).send();
        sent.await.unwrap();
    }

    /// Another subnet.
    pub async fn subnet(&self, zone: &str, range: &str, ipv6: &str) -> String {
        let made = self
            .ec2
            .create_subnet()
            .vpc_id(&self.vpc)
            .cidr_block(range)
            .set_ipv6_cidr_block((!ipv6.is_empty()).then(|| ipv6.to_owned()))
            .availability_zone(format!("{}{zone}", self.region))
            .send();
        made.await.unwrap().subnet.unwrap().subnet_id.unwrap()
    }

    /// Another route table.
    pub async fn route_table(&self) -> String {
        let made = self.ec2.create_route_table().vpc_id(&self.vpc).send();
        let made = made.await.unwrap().route_table.unwrap();
        made.route_table_id.unwrap()
    }

    /// Another security group, which lets in HTTPS from `from`; nobody with an empty text.
    pub async fn group(&self, name: &str, from: &str) -> String {
        let made = self
            .ec2
            .create_security_group()
            .group_name(name)
            .description(name)
            .vpc_id(&self.vpc)
            .send();
        let id = made.await.unwrap().group_id.unwrap();
        if !from.is_empty() {
            self.let_in(&id, 443, from).await;
        }
        id
    }

    /// Lets somebody in by TCP.
    pub async fn let_in(&self, group: &str, port: i32, from: &str) {
        let sent = self
            .ec2
            .authorize_security_group_ingress()
            .group_id(group)
            .ip_permissions(tcp(port, from))
            .send();
        sent.await.unwrap();
    }

    /// Takes that back.
    pub async fn shut_out(&self, group: &str, port: i32, from: &str) {
        let sent = self
            .ec2
            .revoke_security_group_ingress()
            .group_id(group)
            .ip_permissions(tcp(port, from))
            .send();
        sent.await.unwrap();
    }

    /// The manifest of an interface endpoint with a group of its own.
    pub fn interface(&self, name: &str, service: &str) -> Value {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": name},
            "spec": {
                "vpcId": self.vpc, "service": service, "type": "Interface", "subnetIds": self.subnets,
                "managedSecurityGroup": {"ingress": [{"cidr": "10.0.0.0/16"}]},
            },
        })
    }

    /// The manifest of a gateway endpoint.
    pub fn gateway(&self, name: &str) -> Value {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": name},
            "spec": {"vpcId": self.vpc, "service": "s3", "type": "Gateway", "routeTableIds": [self.table]},
        })
    }

    /// The manifest of one that is only looked at.
    pub fn observed(&self, name: &str, service: &str, type_: &str, id: &str) -> Value {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": name},
            "spec": {
                "vpcId": self.vpc, "service": service, "type": type_, "vpcEndpointId": id, "managementPolicy": "Observe",
            },
        })
    }

    /// Full name of a service.
    pub fn service(&self, short: &str) -> String {
        format!("com.amazonaws.{}.{short}", self.region)
    }

    /// Somebody makes an interface endpoint in the subnets of the zones a and b.
    pub async fn by_hand(&self, service: &str, private_dns: bool, tags: &[(&str, &str)]) -> String {
        let made = self
            .ec2
            .create_vpc_endpoint()
            .vpc_endpoint_type(VpcEndpointType::Interface)
            .vpc_id(&self.vpc)
            .service_name(self.service(service))
            .set_subnet_ids(Some(self.subnets[..2].to_vec()))
            .private_dns_enabled(private_dns)
            .set_tag_specifications(specification(ResourceType::VpcEndpoint, tags))
            .send();
        let made = made.await.unwrap().vpc_endpoint.unwrap();
        made.vpc_endpoint_id.unwrap()
    }

    /// Somebody makes a gateway endpoint for S3.
    pub async fn gateway_by_hand(&self, tables: &[&str]) -> String {
        let tables = tables.iter().map(|t| (*t).to_owned()).collect();
        let made = self
            .ec2
            .create_vpc_endpoint()
            .vpc_endpoint_type(VpcEndpointType::Gateway)
            .vpc_id(&self.vpc)
            .service_name(self.service("s3"))
            .set_route_table_ids(Some(tables))
            .send();
        let made = made.await.unwrap().vpc_endpoint.unwrap();
        made.vpc_endpoint_id.unwrap()
    }

    /// Somebody deletes an endpoint.
    pub async fn delete(&self, id: &str) {
        let sent = self.ec2.delete_vpc_endpoints().vpc_endpoint_ids(id).send();
        assert_eq!(sent.await.unwrap().unsuccessful().len(), 0);
    }

    /// Endpoints of the VPC that are not on their way out.
    pub async fn endpoints(&self) -> Vec<VpcEndpoint> {
        let vpc = Filter::builder().name("vpc-id").values(&self.vpc).build();
        let listed = self.ec2.describe_vpc_endpoints().filters(vpc).send().await;
        let mut all = listed.unwrap().vpc_endpoints.unwrap_or_default();
        all.retain(|e| {
            let state = e.state().map_or("", |s| s.as_str()).to_ascii_lowercase();
            state != "deleting" && state != "deleted"
        });
        all
    }

    /// The only one.
    pub async fn only(&self) -> VpcEndpoint {
        let mut all = self.endpoints().await;
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    /// One by its id.
    pub async fn one(&self, id: &str) -> VpcEndpoint {
        let all = self.endpoints().await;
        let found = all.into_iter().find(|e| e.vpc_endpoint_id() == Some(id));
        found.unwrap_or_else(|| panic!("{id} is not there"))
    }

    /// The groups of the VPC but its default one.
    pub async fn all_groups(&self) -> Vec<SecurityGroup> {
        let vpc = Filter::builder().name("vpc-id").values(&self.vpc).build();
        let listed = self.ec2.describe_security_groups().filters(vpc).send();
        let mut groups = listed.await.unwrap().security_groups.unwrap_or_default();
        groups.retain(|g| g.group_name() != Some("default"));
        groups
    }

    /// Their ids.
    pub async fn groups(&self) -> Vec<String> {
        let all = self.all_groups().await;
        all.into_iter().filter_map(|g| g.group_id).collect()
    }

    /// The VPC's default group.
    pub async fn default_group(&self) -> String {
        let vpc = Filter::builder().name("vpc-id").values(&self.vpc).build();
        let listed = self.ec2.describe_security_groups().filters(vpc).send();
        let groups = listed.await.unwrap().security_groups.unwrap_or_default();
        let mut default = groups
            .into_iter()
            .filter(|g| g.group_name() == Some("default"));
        default.next().unwrap().group_id.unwrap()
    }

    /// Sets tags by hand.
    pub async fn tag(&self, id: &str, tags: &[(&str, &str)]) {
        let sent = self.ec2.create_tags().resources(id);
        sent.set_tags(Some(tags_to(tags))).send().await.unwrap();
    }

    /// Deletes tags by hand.
    pub async fn untag(&self, id: &str, keys: &[&str]) {
        let tags = keys.iter().map(|k| Tag::builder().key(*k).build());
        let sent = self.ec2.delete_tags().resources(id);
        sent.set_tags(Some(tags.collect())).send().await.unwrap();
    }
}

fn tcp(port: i32, from: &str) -> IpPermission {
    let rule = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(port)
        .to_port(port);
    match from.strip_prefix("sg-") {
        Some(_) => {
            let pair = aws_sdk_ec2::types::UserIdGroupPair::builder().group_id(from);
            rule.user_id_group_pairs(pair.build()).build()
        }
        None => rule
            .ip_ranges(IpRange::builder().cidr_ip(from).build())
            .build(),
    }
}

fn tags_to(tags: &[(&str, &str)]) -> Vec<Tag> {
    let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build();
    tags.iter().map(tag).collect()
}

fn specification(kind: ResourceType, tags: &[(&str, &str)]) -> Option<Vec<TagSpecification>> {
    (!tags.is_empty()).then(|| {
        vec![
            TagSpecification::builder()
                .resource_type(kind)
                .set_tags(Some(tags_to(tags)))
                .build(),
        ]
    })
}

/// Tags as a map.
pub fn tags(tags: &[Tag]) -> BTreeMap<String, String> {
    let pair = |tag: &Tag| {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        (text(tag.key()), text(tag.value()))
    };
    tags.iter().map(pair).collect()
}

/// A manifest with a merge patch over its spec; `null` takes a field away.
pub fn with(mut object: Value, patch: &Value) -> Value {
    let spec = object["spec"].as_object_mut().unwrap();
    for (field, value) in patch.as_object().into_iter().flatten() {
        if value.is_null() {
            spec.remove(field);
        } else {
            spec.insert(field.clone(), value.clone());
        }
    }
    object
}

/// Waits until an endpoint is Ready; slow settings of AWS make for slow steps.
pub async fn ready(world: &World, name: &str) -> DynamicObject {
    world
        .eventually(
            &format!("{KIND} {name} is Ready"),
            seconds(60),
            async || world.find(KIND, name).await.filter(checks::is_ready),
        )
        .await
}

/// Waits until an object's Ready condition has this reason and a message that holds `text`, and hands out the message.
pub async fn says(world: &World, name: &str, reason: &str, text: &str) -> String {
    world
        .eventually(
            &format!("{KIND} {name} says {reason} with {text:?}"),
            seconds(60),
            async || {
                let ready = condition_now(world, KIND, name, "Ready").await;
                let said =
                    ready.map_or_else(String::new, |c| format!("{}: {}", c.reason, c.message));
                if said.starts_with(&format!("{reason}: ")) && said.contains(text) {
                    Ok(said)
                } else {
                    Err(said)
                }
            },
        )
        .await
}

/// A world whose drift is looked for all the time.
pub async fn quick(name: &str) -> Stage {
    build(World::builder(name).drift("1s")).await
}

/// The operator's calls of an operation since a sequence number.
pub async fn calls_of(world: &World, since: u64, operation: &str) -> Vec<Call> {
    let mut calls = world.operator_calls(since).await;
    calls.retain(|call| call.operation == operation);
    calls
}

/// Which fields of ModifyVpcEndpoint a call has, the id apart.
pub fn fields(call: &Call) -> Vec<String> {
    let fields = call.request.as_object().into_iter().flatten();
    let mut names: Vec<String> = fields
        .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()))
        .map(|(name, _)| name.clone())
        .filter(|name| name != "VpcEndpointId")
        .collect();
    names.sort();
    names
}

/// What AWS was asked for one object serves others for a moment: until that is over.
pub async fn moment() {
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
}

/// Asks the operator to look at what somebody has just changed, as a person does: not in the same second.
pub async fn look(world: &World, name: &str) {
    moment().await;
    world.reconcile_now(KIND, name).await;
}

/// Looks twice for drift, by asking, and expects that nothing is sent.
pub async fn quiet(world: &World, names: &[&str]) {
    let since = world.last_call().await;
    for _ in 0..2 {
        for name in names {
            world.reconcile_now(KIND, name).await;
        }
    }
    assert_eq!(
        crate::support::mutations(world, since).await,
        Vec::<String>::new()
    );
}

/// Endpoints and groups that carry this world's owner and that no object's status shows, and objects that have two. Read from the
/// simulator's own memory.
async fn leaks(world: &World) -> Vec<String> {
    let account = world.simulator.account(&world.account).await.unwrap();
    let objects = world.our_objects().await.unwrap();
    let known = |field: &str, id: &str| {
        let mut statuses = objects.iter().map(|(_, object)| &object.data["status"]);
        statuses.any(|status| status[field] == id)
    };
    let mut leaks = vec![];
    let networks = account["networks"].as_object();
    for network in networks.into_iter().flat_map(serde_json::Map::values) {
        for (what, field) in [("endpoints", "id"), ("groups", "securityGroupId")] {
            let mut whose = std::collections::BTreeSet::new();
            for (id, thing) in network[what].as_object().into_iter().flatten() {
                let tags = &network["tags"][id];
                let leaves = ["deleting", "deleted"].map(Value::from);
                if tags["incident-operator/owner"] != world.id || leaves.contains(&thing["state"]) {
                    continue;
                }
                let object = tags["incident-operator/object"].to_string();
                if !known(field, id) {
                    leaks.push(format!("{id} of {object} is in no status"));
                }
                if !whose.insert(object.clone()) {
                    leaks.push(format!("{object} has two {what}"));
                }
            }
        }
    }
    leaks
}

/// The closing checks of every story about endpoints.
pub async fn finish(world: Stage) {
    world
        .eventually(
            "every endpoint and group of ours is some object's, once",
            seconds(20),
            async || {
                let leaks = leaks(&world).await;
                if leaks.is_empty() {
                    Ok(())
                } else {
                    Err(leaks.join("\n"))
                }
            },
        )
        .await;
    world.finish().await;
}
