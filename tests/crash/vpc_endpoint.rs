//! Scenarios of VpcEndpoint: one endpoint for one object, and no group that nobody has, whatever happens. The VPC is there before.

use aws_sdk_ec2::types::{
    AttributeBooleanValue, ResourceType, Tag, TagSpecification, VpcEndpointType,
};
use futures::FutureExt as _;
use harness::seconds;
use serde_json::json;

use crate::scenario::{End, Scenario, Step};
use crate::stage::{Hands, REGION};

/// Names a resource: manifests call it `{name}`.
fn named(kind: ResourceType, name: &str) -> TagSpecification {
    let tag = Tag::builder().key("Name").value(name).build();
    TagSpecification::builder()
        .resource_type(kind)
        .tags(tag)
        .build()
}

/// A VPC with a subnet in each of three zones and a route table.
async fn furnished(hands: &Hands) {
    let ec2 = hands.ec2();
    let made = ec2
        .create_vpc()
        .cidr_block("10.0.0.0/16")
        .tag_specifications(named(ResourceType::Vpc, "vpc"))
        .send();
    let made = made.await.expect("a VPC");
    let vpc = made.vpc.and_then(|v| v.vpc_id).expect("its id");
    let on = AttributeBooleanValue::builder().value(true).build();
    let names = ec2.modify_vpc_attribute().vpc_id(&vpc);
    names
        .enable_dns_hostnames(on)
        .send()
        .await
        .expect("DNS names");
    for (number, zone) in ["a", "b", "c"].iter().enumerate() {
        ec2.create_subnet()
            .vpc_id(&vpc)
            .cidr_block(format!("10.0.{number}.0/24"))
            .availability_zone(format!("{REGION}{zone}"))
            .tag_specifications(named(ResourceType::Subnet, &format!("subnet-{zone}")))
            .send()
            .await
            .expect("a subnet");
    }
    for name in ["table", "other-table"] {
        ec2.create_route_table()
            .vpc_id(&vpc)
            .tag_specifications(named(ResourceType::RouteTable, name))
            .send()
            .await
            .expect("a route table");
    }
}

/// An endpoint that somebody made in two zones, with the VPC's default group.
async fn by_hand(hands: &Hands) {
    furnished(hands).await;
    let ec2 = hands.ec2();
    let vpcs = ec2.describe_vpcs().send().await.expect("VPCs");
    let subnets = ec2.describe_subnets().send().await.expect("subnets");
    let subnets = subnets.subnets().iter().filter(|s| {
        let zone = s.availability_zone().unwrap_or_default();
        !zone.ends_with('c')
    });
    ec2.create_vpc_endpoint()
        .vpc_endpoint_type(VpcEndpointType::Interface)
        .vpc_id(vpcs.vpcs()[0].vpc_id().expect("its id"))
        .service_name(format!("com.amazonaws.{REGION}.ssm"))
        .set_subnet_ids(Some(
            subnets
                .filter_map(|s| s.subnet_id().map(str::to_owned))
                .collect(),
        ))
        .private_dns_enabled(true)
        .tag_specifications(
            TagSpecification::builder()
                .resource_type(ResourceType::VpcEndpoint)
                .tags(Tag::builder().key("floor").value("first").build())
                .build(),
        )
        .send()
        .await
        .expect("an endpoint");
}

/// AWS may show what was before for some seconds: the operator waits for it. What comes then is not to be mixed with that.
fn until_shown() -> Step {
    Step::InAws(|_| tokio::time::sleep(seconds(16)).boxed())
}

const INTERFACE: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: VpcEndpoint
metadata: {name: ssm}
spec:
  vpcId: '{vpc}'
  service: ssm
  type: Interface
  subnetIds: ['{subnet-a}', '{subnet-b}']
  managedSecurityGroup: {ingress: [{cidr: 10.0.0.0/16}]}
  policyPreset: {name: SystemsManager}
  tags: {team: payments}
";

const MADE: &str = "endpoint ssm: Interface, private DNS
       in us-east-1a
       in us-east-1b
       group incident-operator/{owner}/{namespace}/ssm
       allows something
       tag team = payments
       tag incident-operator/owner = {owner}
       tag incident-operator/object = VpcEndpoint/{namespace}/ssm
       tag incident-operator/origin = Created
     security-group incident-operator/{owner}/{namespace}/ssm:
       lets in 10.0.0.0/16 tcp 443
       tag team = payments
       tag incident-operator/owner = {owner}
       tag incident-operator/object = VpcEndpoint/{namespace}/ssm
       tag incident-operator/origin = Created";

/// An interface endpoint with its group.
pub fn create() -> Scenario {
    Scenario {
        name: "vpc-endpoint",
        prepare: vec![Step::Provider, Step::InAws(|hands| furnished(hands).boxed())],
        act: vec![Step::Apply(INTERFACE)],
        person: None,
        ends: vec![End::new(MADE).object(
            "VpcEndpoint",
            "ssm",
            json!({"origin": "Created", "effectiveDeletionPolicy": "Delete", "state": "Available", "networkInterfaces": [{}, {}]}),
        )],
        sensitive: vec![],
        max_codes: 0,
    }
}

const GATEWAY: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: VpcEndpoint
metadata: {name: s3}
spec: {vpcId: '{vpc}', service: s3, type: Gateway, routeTableIds: ['{table}', '{other-table}']}
";

/// A gateway endpoint.
pub fn gateway() -> Scenario {
    Scenario {
        name: "vpc-endpoint-gateway",
        prepare: vec![
            Step::Provider,
            Step::InAws(|hands| furnished(hands).boxed()),
        ],
        act: vec![Step::Apply(GATEWAY)],
        person: None,
        ends: vec![
            End::new(
                "endpoint s3: Gateway
                   in table
                   in other-table
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = VpcEndpoint/{namespace}/s3
                   tag incident-operator/origin = Created",
            )
            .object(
                "VpcEndpoint",
                "s3",
                json!({"origin": "Created", "state": "Available"}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const EDITED: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: VpcEndpoint
metadata: {name: ssm}
spec:
  vpcId: '{vpc}'
  service: ssm
  type: Interface
  subnetIds: ['{subnet-a}', '{subnet-c}']
  managedSecurityGroup: {ingress: [{cidr: 10.0.0.0/24}, {cidr: 10.0.2.0/24}]}
  privateDnsEnabled: false
  tags: {floor: first}
";

/// Every kind of edit at once.
pub fn update() -> Scenario {
    Scenario {
        name: "vpc-endpoint-update",
        prepare: vec![
            Step::Provider,
            Step::InAws(|hands| furnished(hands).boxed()),
            Step::Apply(INTERFACE),
            Step::Ready,
            until_shown(),
        ],
        act: vec![Step::Apply(EDITED)],
        person: None,
        ends: vec![
            End::new(
                "endpoint ssm: Interface
                   in us-east-1a
                   in us-east-1c
                   group incident-operator/{owner}/{namespace}/ssm
                   allows something
                   tag floor = first
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = VpcEndpoint/{namespace}/ssm
                   tag incident-operator/origin = Created
                 security-group incident-operator/{owner}/{namespace}/ssm:
                   lets in 10.0.0.0/24 tcp 443
                   lets in 10.0.2.0/24 tcp 443
                   tag floor = first
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = VpcEndpoint/{namespace}/ssm
                   tag incident-operator/origin = Created",
            )
            .object(
                "VpcEndpoint",
                "ssm",
                json!({"state": "Available", "privateDnsEnabled": false}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const UNGROUPED: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: VpcEndpoint
metadata: {name: ssm}
spec:
  vpcId: '{vpc}'
  service: ssm
  type: Interface
  subnetIds: ['{subnet-a}', '{subnet-b}']
  policyPreset: {name: SystemsManager}
  tags: {team: payments}
";

/// The group is no longer asked for.
pub fn ungroup() -> Scenario {
    Scenario {
        name: "vpc-endpoint-ungroup",
        prepare: vec![
            Step::Provider,
            Step::InAws(|hands| furnished(hands).boxed()),
            Step::Apply(INTERFACE),
            Step::Ready,
            until_shown(),
        ],
        act: vec![Step::Apply(UNGROUPED)],
        person: None,
        ends: vec![
            End::new(
                "endpoint ssm: Interface, private DNS
                   in us-east-1a
                   in us-east-1b
                   group default
                   allows something
                   tag team = payments
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = VpcEndpoint/{namespace}/ssm
                   tag incident-operator/origin = Created",
            )
            .object("VpcEndpoint", "ssm", json!({"state": "Available"})),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

const ADOPTING: &str = r"
apiVersion: incident-operator.dev/v1alpha1
kind: VpcEndpoint
metadata: {name: ssm}
spec:
  adoptionPolicy: AdoptAndOverwrite
  vpcId: '{vpc}'
  service: ssm
  type: Interface
  subnetIds: ['{subnet-b}', '{subnet-c}']
  managedSecurityGroup: {ingress: [{cidr: 10.0.0.0/16}]}
";

/// One that somebody made is taken over and changed.
pub fn overwrite() -> Scenario {
    Scenario {
        name: "vpc-endpoint-overwrite",
        prepare: vec![Step::Provider, Step::InAws(|hands| by_hand(hands).boxed())],
        act: vec![Step::Apply(ADOPTING)],
        person: None,
        ends: vec![
            End::new(
                "endpoint ssm: Interface, private DNS
                   in us-east-1b
                   in us-east-1c
                   group incident-operator/{owner}/{namespace}/ssm
                   tag floor = first
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = VpcEndpoint/{namespace}/ssm
                   tag incident-operator/origin = Adopted
                 security-group incident-operator/{owner}/{namespace}/ssm:
                   lets in 10.0.0.0/16 tcp 443
                   tag incident-operator/owner = {owner}
                   tag incident-operator/object = VpcEndpoint/{namespace}/ssm
                   tag incident-operator/origin = Created",
            )
            .object(
                "VpcEndpoint",
                "ssm",
                json!({"origin": "Adopted", "effectiveDeletionPolicy": "Retain"}),
            ),
        ],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// It goes, and its group after it.
pub fn delete() -> Scenario {
    Scenario {
        name: "vpc-endpoint-delete",
        prepare: vec![
            Step::Provider,
            Step::InAws(|hands| furnished(hands).boxed()),
            Step::Apply(INTERFACE),
            Step::Ready,
            until_shown(),
        ],
        act: vec![Step::Delete("VpcEndpoint", "ssm")],
        person: None,
        ends: vec![End::new("")],
        sensitive: vec![],
        max_codes: 0,
    }
}
