//! What `examples/vpc-endpoints` say, as AWS would have it: the nine have no findings, and the poor one those that it is there for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Checked, examine};
use crate::api::VpcEndpoint;
use crate::api::vpc_endpoint::EndpointType;
use crate::resources::vpc_endpoint::desired::{Desired, Place, desired, short_name};
use crate::resources::vpc_endpoint::observed::{
    Endpoint, Group, GroupRule, Network, Peer, RouteTable, State, Subnet, Type, VpcDns,
};
use crate::resources::vpc_endpoint::policy::{Policy, preset};

const REGION: &str = "eu-central-1";

/// The nine.
const GOOD: [&str; 2] = [
    include_str!("../../../../examples/vpc-endpoints/incident-manager.yaml"),
    include_str!("../../../../examples/vpc-endpoints/systems-manager.yaml"),
];
const POOR: &str = include_str!("../../../../examples/vpc-endpoints/posture/poor.yaml");
const OBSERVED: &str = include_str!("../../../../examples/vpc-endpoints/posture/observed.yaml");

fn manifests(text: &str) -> Vec<VpcEndpoint> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let objects = documents
        .into_iter()
        .map(|d| serde_json::from_value(d).unwrap());
    objects.collect()
}

fn nine() -> Vec<VpcEndpoint> {
    GOOD.into_iter().flat_map(manifests).collect()
}

/// The VPC that the examples speak of: two private subnets, a public one.
fn vpc(id: &str) -> Network {
    let subnet = |name: &str, zone: &str, tier: &str| {
        let subnet = Subnet {
            id: name.to_owned(),
            vpc_id: id.to_owned(),
            zone: format!("{REGION}{zone}"),
            tags: BTreeMap::from([("tier".to_owned(), tier.to_owned())]),
            ..Subnet::default()
        };
        (name.to_owned(), subnet)
    };
    let table = |name: &str, main: bool, subnets: &[&str], to_internet: bool| {
        let table = RouteTable {
            id: name.to_owned(),
            vpc_id: id.to_owned(),
            main,
            subnet_ids: subnets.iter().map(|s| (*s).to_owned()).collect(),
            to_internet,
            ..RouteTable::default()
        };
        (name.to_owned(), table)
    };
    let members = GroupRule {
        protocol: "-1".to_owned(),
        from_port: None,
        to_port: None,
        peer: Peer::Group {
            id: "sg-default".to_owned(),
            account_id: None,
        },
        description: None,
    };
    let default = Group {
        id: "sg-default".to_owned(),
        vpc_id: id.to_owned(),
        name: "default".to_owned(),
        ingress: BTreeSet::from([members]),
        ..Group::default()
    };
    let dns = VpcDns {
        support: true,
        hostnames: true,
    };
    Network {
        subnets: BTreeMap::from([
            subnet("subnet-private-a", "a", "private"),
            subnet("subnet-private-b", "b", "private"),
            subnet("subnet-0a1b2c3d4e5f60718", "a", "public"),
        ])
        .into(),
        route_tables: BTreeMap::from([
            table("rtb-0a1b2c3d4e5f60718", true, &[], false),
            table("rtb-public", false, &["subnet-0a1b2c3d4e5f60718"], true),
        ])
        .into(),
        groups: BTreeMap::from([(default.id.clone(), default)]).into(),
        dns: BTreeMap::from([(id.to_owned(), dns)]).into(),
        ..Network::default()
    }
}

fn wanted(object: &VpcEndpoint, network: &Network) -> Desired {
    let place = Place {
        account_id: "123456789012".to_owned(),
        region: REGION.to_owned(),
        owner: "prod-oncall".to_owned(),
        network: network.clone(),
        ..Place::default()
    };
    desired(object, &place, BTreeMap::new()).unwrap()
}

/// AWS after everything was applied.
fn applied(objects: &[VpcEndpoint]) -> Network {
    let mut network = vpc(&objects[0].spec.vpc_id);
    let mut groups = (*network.groups).clone();
    let mut endpoints = BTreeMap::new();
    for object in objects {
        let desired = wanted(object, &network);
        let id = format!("vpce-{}", object.metadata.name.as_deref().unwrap());
        let mut group_ids = desired.group_ids.clone().unwrap_or_default();
        if let Some(group) = &desired.group {
            groups.insert(
                group.name.clone(),
                Group {
                    id: group.name.clone(),
                    vpc_id: desired.vpc_id.clone(),
                    name: group.name.clone(),
                    ingress: group.ingress.clone(),
                    ..Group::default()
                },
            );
            group_ids.insert(group.name.clone());
        }
        if group_ids.is_empty() && desired.type_ == EndpointType::Interface {
            group_ids.insert("sg-default".to_owned());
        }
        let policy = desired.policy.clone().unwrap_or_else(Policy::full_access);
        endpoints.insert(
            id.clone(),
            Endpoint {
                id,
                vpc_id: desired.vpc_id.clone(),
                service_name: desired.service_name.clone(),
                type_: Type::Known(desired.type_),
                state: State::Available,
                policy: Some(policy.document()),
                route_table_ids: desired.route_table_ids.clone().unwrap_or_default(),
                subnet_ids: desired.subnet_ids.clone().unwrap_or_default(),
                group_ids,
                private_dns: desired.private_dns,
                ..Endpoint::default()
            },
        );
    }
    network.endpoints = endpoints.into();
    network.groups = groups.into();
    network
}

fn findings(network: &Network, id: &str) -> Vec<String> {
    let found = examine(Checked {
        endpoint: &network.endpoints[id],
        network,
        region: REGION,
        service: None,
    });
    found.into_iter().map(|f| f.id).collect()
}

#[test]
fn the_nine_examples_are_accepted_and_have_no_findings() {
    let objects = nine();
    let mut services = BTreeSet::new();
    for object in &objects {
        object.validate_cel().unwrap();
        let preset = object.spec.policy_preset.as_ref().unwrap();
        let desired = wanted(object, &vpc(&object.spec.vpc_id));
        let service = short_name(&desired.service_name, REGION);
        assert_eq!(preset::service(preset.name), service);
        services.insert(service);
    }
    assert_eq!(services.len(), 9);
    let network = applied(&objects);
    for id in network.endpoints.keys() {
        assert_eq!(findings(&network, id), Vec::<String>::new(), "{id}");
    }
}

#[test]
fn the_poor_example_has_the_findings_it_is_there_for() {
    let mut objects = nine();
    for object in manifests(POOR).iter().chain(&manifests(OBSERVED)) {
        object.validate_cel().unwrap();
    }
    objects.extend(manifests(POOR));
    let network = applied(&objects);
    assert_eq!(
        findings(&network, "vpce-lab"),
        [
            "DefaultSecurityGroup",
            "FullAccessPolicy",
            "PrivateDnsDisabled",
            "PublicSubnet",
            "SingleZone"
        ]
    );
}
