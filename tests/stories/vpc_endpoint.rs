//! A VPC endpoint's life: made with its group, kept as its manifest says, adopted, let go, deleted with its group.

use aws_sdk_ec2::types::{AttributeBooleanValue, Filter, VpcEndpoint};
use harness::{World, checks, seconds};
use serde_json::{Value, json};

use crate::support::{Stage, build, condition_now, event, mutations};

const KIND: &str = "VpcEndpoint";

/// A VPC in the simulated account.
struct Net {
    ec2: aws_sdk_ec2::Client,
    vpc: String,
    subnets: Vec<String>,
    table: String,
}

impl Net {
    /// A VPC that private DNS works in, with a subnet in each of two zones.
    async fn new(world: &World) -> Self {
        let ec2 = client(world);
        let made = ec2.create_vpc().cidr_block("10.0.0.0/16").send();
        let vpc = made.await.unwrap().vpc.unwrap().vpc_id.unwrap();
        for zone in 0..2 {
            let on = AttributeBooleanValue::builder().value(true).build();
            let attribute = ec2.modify_vpc_attribute().vpc_id(&vpc);
            let attribute = match zone {
                0 => attribute.enable_dns_support(on),
                _ => attribute.enable_dns_hostnames(on),
            };
            attribute.send().await.unwrap();
        }
        let mut subnets = vec![];
        for (n, zone) in ["a", "b"].iter().enumerate() {
            let made = ec2
                .create_subnet()
                .vpc_id(&vpc)
                .cidr_block(format!("10.0.{n}.0/24"))
                .availability_zone(format!("{}{zone}", world.region))
                .send();
            subnets.push(made.await.unwrap().subnet.unwrap().subnet_id.unwrap());
        }
        let made = ec2.create_route_table().vpc_id(&vpc).send();
        let table = made.await.unwrap().route_table.unwrap().route_table_id;
        Self {
            ec2,
            vpc,
            subnets,
            table: table.unwrap(),
        }
    }

    fn interface(&self, name: &str, service: &str) -> Value {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": name},
            "spec": {
                "vpcId": self.vpc, "service": service, "type": "Interface", "subnetIds": self.subnets,
                "managedSecurityGroup": {"ingress": [{"cidr": "10.0.0.0/16"}]},
            },
        })
    }

    fn gateway(&self, name: &str) -> Value {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": KIND, "metadata": {"name": name},
            "spec": {"vpcId": self.vpc, "service": "s3", "type": "Gateway", "routeTableIds": [self.table]},
        })
    }

    /// Endpoints of the VPC that are not on their way out.
    async fn endpoints(&self) -> Vec<VpcEndpoint> {
        let vpc = Filter::builder().name("vpc-id").values(&self.vpc).build();
        let listed = self.ec2.describe_vpc_endpoints().filters(vpc).send().await;
        let mut all = listed.unwrap().vpc_endpoints.unwrap_or_default();
        all.retain(|e| {
            let state = e.state().map_or("", |s| s.as_str()).to_ascii_lowercase();
            state != "deleting" && state != "deleted"
        });
        all
    }

    async fn only(&self) -> VpcEndpoint {
        let mut all = self.endpoints().await;
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    /// Ids of the groups of the VPC but its default one.
    async fn groups(&self) -> Vec<String> {
        let vpc = Filter::builder().name("vpc-id").values(&self.vpc).build();
        let listed = self.ec2.describe_security_groups().filters(vpc).send();
        let listed = listed.await.unwrap().security_groups.unwrap_or_default();
        listed
            .into_iter()
            .filter(|g| g.group_name() != Some("default"))
            .filter_map(|g| g.group_id)
            .collect()
    }
}

fn client(world: &World) -> aws_sdk_ec2::Client {
    let config = harness::aws::config(world.simulator.endpoint(), &world.account, &world.region);
    aws_sdk_ec2::Client::new(&config)
}

async fn ready(world: &World, name: &str) -> kube::api::DynamicObject {
    world
        .eventually(
            &format!("{KIND} {name} is Ready"),
            seconds(60),
            async || world.find(KIND, name).await.filter(checks::is_ready),
        )
        .await
}

async fn says(world: &World, name: &str, reason: &str, text: &str) {
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
        .await;
}

async fn quick(name: &str) -> Stage {
    build(World::builder(name).drift("1s")).await
}

#[tokio::test]
async fn an_endpoint_is_made_with_its_group_kept_as_it_is_written_and_deleted_with_it() {
    let world = quick("vpce-life").await;
    let net = Net::new(&world).await;
    world
        .apply_value(net.interface("contacts", "ssm-contacts"))
        .await;
    let object = ready(&world, "contacts").await;
    let made = net.only().await;
    let id = made.vpc_endpoint_id().unwrap().to_owned();
    assert_eq!(object.data["status"]["id"], json!(id));
    assert_eq!(made.private_dns_enabled(), Some(true), "absent means true");
    let group = net.groups().await;
    assert_eq!(group.len(), 1);
    assert_eq!(made.groups()[0].group_id(), Some(group[0].as_str()));
    event(&world, KIND, "contacts", "Created", "ssm-contacts").await;

    // Somebody takes a subnet away and turns private DNS off.
    net.ec2
        .modify_vpc_endpoint()
        .vpc_endpoint_id(&id)
        .remove_subnet_ids(&net.subnets[1])
        .private_dns_enabled(false)
        .send()
        .await
        .unwrap();
    world
        .eventually("drift is corrected", seconds(60), async || {
            let now = net.only().await;
            now.subnet_ids().len() == 2 && now.private_dns_enabled() == Some(true)
        })
        .await;
    event(&world, KIND, "contacts", "DriftCorrected", "subnetIds").await;
    ready(&world, "contacts").await;
    let since = world.last_call().await;
    tokio::time::sleep(seconds(4)).await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());

    world.delete_and_wait(KIND, "contacts").await;
    assert_eq!(net.endpoints().await.len(), 0);
    assert_eq!(net.groups().await, Vec::<String>::new());
    world.finish().await;
}

#[tokio::test]
async fn a_gateway_leaves_routes_of_others_alone_only_when_additive() {
    let world = quick("vpce-gateway").await;
    let net = Net::new(&world).await;
    let other = net.ec2.create_route_table().vpc_id(&net.vpc).send().await;
    let other = other.unwrap().route_table.unwrap().route_table_id.unwrap();
    let mut gateway = net.gateway("s3");
    gateway["spec"]["associationPolicy"] = json!("Additive");
    world.apply_value(gateway).await;
    ready(&world, "s3").await;
    let id = net.only().await.vpc_endpoint_id.unwrap();
    let by_hand = net.ec2.modify_vpc_endpoint().vpc_endpoint_id(&id);
    by_hand.add_route_table_ids(&other).send().await.unwrap();
    tokio::time::sleep(seconds(4)).await;
    assert_eq!(net.only().await.route_table_ids().len(), 2);
    world
        .patch(
            KIND,
            "s3",
            &json!({"spec": {"associationPolicy": "Exclusive"}}),
        )
        .await;
    world
        .eventually("the other route goes", seconds(60), async || {
            net.only().await.route_table_ids() == [net.table.clone()]
        })
        .await;
    world.delete_and_wait(KIND, "s3").await;
    world.finish().await;
}

#[tokio::test]
async fn what_is_there_is_named_adopted_when_asked_and_left_when_let_go() {
    let world = quick("vpce-adopt").await;
    let net = Net::new(&world).await;
    let there = net
        .ec2
        .create_vpc_endpoint()
        .vpc_endpoint_type(aws_sdk_ec2::types::VpcEndpointType::Interface)
        .vpc_id(&net.vpc)
        .service_name(format!("com.amazonaws.{}.ssm", world.region))
        .set_subnet_ids(Some(net.subnets.clone()))
        .private_dns_enabled(true)
        .send()
        .await
        .unwrap();
    let id = there.vpc_endpoint.unwrap().vpc_endpoint_id.unwrap();
    let mut object = net.interface("ssm", "ssm");
    object["spec"]
        .as_object_mut()
        .unwrap()
        .remove("managedSecurityGroup");
    let since = world.last_call().await;
    world.apply_value(object).await;
    says(&world, "ssm", "EndpointConflict", &id).await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    world
        .patch(KIND, "ssm", &json!({"spec": {"adoptionPolicy": "Adopt"}}))
        .await;
    let adopted = ready(&world, "ssm").await;
    assert_eq!(adopted.data["status"]["id"], json!(id));
    assert_eq!(adopted.data["status"]["origin"], json!("Adopted"));
    world.delete_and_wait(KIND, "ssm").await;
    let left = net.only().await;
    assert_eq!(left.vpc_endpoint_id(), Some(id.as_str()));
    assert_eq!(left.tags().len(), 0, "{left:#?}");
    world.finish().await;
}
