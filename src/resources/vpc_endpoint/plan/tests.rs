//! What is planned, what waits, and that a plan comes to an end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use super::*;
use crate::api::VpcEndpoint;
use crate::engine::Change as _;
use crate::resources::vpc_endpoint::desired::{Place, desired};
use crate::resources::vpc_endpoint::observed::{
    Network, RouteTable, ServiceInfo, Subnet, Type, Vpc, VpcDns,
};
use serde_json::{Value, json};

const SERVICE: &str = "com.amazonaws.eu-central-1.ssm-contacts";

fn place() -> Place {
    let subnet = |id: &str, zone: &str| {
        let subnet = Subnet {
            id: id.to_owned(),
            vpc_id: "vpc-0001".to_owned(),
            zone: zone.to_owned(),
            tags: BTreeMap::from([("tier".to_owned(), "private".to_owned())]),
            ..Subnet::default()
        };
        (id.to_owned(), subnet)
    };
    let group = |id: &str, name: &str| {
        let group = Group {
            id: id.to_owned(),
            vpc_id: "vpc-0001".to_owned(),
            name: name.to_owned(),
            ..Group::default()
        };
        (id.to_owned(), group)
    };
    let table = |id: &str| {
        let table = RouteTable {
            id: id.to_owned(),
            vpc_id: "vpc-0001".to_owned(),
            ..RouteTable::default()
        };
        (id.to_owned(), table)
    };
    let vpc = Vpc {
        id: "vpc-0001".to_owned(),
        ..Vpc::default()
    };
    let dns = VpcDns {
        support: true,
        hostnames: true,
    };
    Place {
        account_id: "123456789012".to_owned(),
        region: "eu-central-1".to_owned(),
        owner: "prod".to_owned(),
        network: Network {
            vpcs: BTreeMap::from([(vpc.id.clone(), vpc)]).into(),
            subnets: BTreeMap::from([
                subnet("subnet-000a", "eu-central-1a"),
                subnet("subnet-000b", "eu-central-1b"),
                subnet("subnet-00b2", "eu-central-1b"),
            ])
            .into(),
            groups: BTreeMap::from([group("sg-0001", "own"), group("sg-0def", "default")]).into(),
            route_tables: BTreeMap::from([table("rtb-0001"), table("rtb-0002")]).into(),
            dns: BTreeMap::from([("vpc-0001".to_owned(), dns)]).into(),
            ..Network::default()
        },
        service: None,
        service_missing: false,
        hour: crate::resources::vpc_endpoint::posture::cost::Price::default(),
    }
}

fn object(spec: &Value) -> VpcEndpoint {
    let mut all = json!({"vpcId": "vpc-0001", "service": "ssm-contacts", "type": "Interface", "subnetIds": ["subnet-000a", "subnet-000b"]});
    for (field, value) in spec.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(field);
        } else {
            all[field] = value.clone();
        }
    }
    serde_json::from_value(json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "VpcEndpoint",
        "metadata": {"name": "contacts", "namespace": "network"}, "spec": all,
    }))
    .unwrap()
}

fn wanted_at(place: &Place, spec: &Value) -> Desired {
    desired(&object(spec), place, BTreeMap::new()).unwrap()
}

fn wanted(spec: &Value) -> Desired {
    wanted_at(&place(), spec)
}

/// Everything that `desired` asks for, as AWS has it once AWS has come to rest.
fn made(desired: &Desired) -> Observed {
    let mut observed = None;
    for change in plan(desired, None).unwrap() {
        let id = match change.slot().as_deref() {
            Some(GROUP_SLOT) => Some("sg-0made"),
            Some(_) => Some("arn:aws:ec2:eu-central-1:123456789012:vpc-endpoint/vpce-0001"),
            None => None,
        };
        observed = project(observed, desired, &change, id);
    }
    let mut observed = observed.unwrap();
    observed.endpoint.as_mut().unwrap().state = State::Available;
    observed
}

fn texts(desired: &Desired, observed: &Observed) -> Vec<String> {
    let changes = plan(desired, Some(observed)).unwrap();
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn what_was_made_is_as_it_was_asked_for() {
    for spec in [
        json!({}),
        json!({"managedSecurityGroup": {"ingress": [{"cidr": "10.0.0.0/16"}, {"securityGroupId": "sg-0001"}]}}),
        json!({"securityGroupIds": ["sg-0001"], "privateDnsEnabled": false, "ipAddressType": "IPv4"}),
        json!({"policyJSON": r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ssm-contacts:*","Resource":"*"}]}"#}),
        json!({"type": "Gateway", "service": "s3", "subnetIds": null, "routeTableIds": ["rtb-0001"]}),
    ] {
        let desired = wanted(&spec);
        let observed = made(&desired);
        assert_eq!(texts(&desired, &observed), Vec::<String>::new(), "{spec}");
        assert!(unfinished(&desired, &observed).is_none(), "{spec}");
    }
}

#[test]
fn private_dns_is_always_said_for_an_interface_and_never_for_a_gateway() {
    let said = |spec: &Value| match plan(&wanted(spec), None).unwrap().pop().unwrap() {
        Change::Create(creation) => creation.private_dns,
        other => panic!("{other}"),
    };
    assert_eq!(said(&json!({})), Some(true));
    assert_eq!(said(&json!({"privateDnsEnabled": false})), Some(false));
    let gateway = json!({"type": "Gateway", "service": "s3", "subnetIds": null, "routeTableIds": ["rtb-0001"]});
    assert_eq!(said(&gateway), None);
}

#[test]
fn only_what_differs_is_sent_and_in_one_request() {
    let desired = wanted(&json!({"securityGroupIds": ["sg-0001"]}));
    let mut observed = made(&desired);
    let endpoint = observed.endpoint.as_mut().unwrap();
    endpoint.subnet_ids = BTreeSet::from(["subnet-000a".to_owned(), "subnet-00b2".to_owned()]);
    let changes = plan(&desired, Some(&observed)).unwrap();
    let [Change::Modify(change)] = changes.as_slice() else {
        panic!("{changes:?}");
    };
    assert_eq!(
        change.subnets.add,
        BTreeSet::from(["subnet-000b".to_owned()])
    );
    assert_eq!(
        change.subnets.remove,
        BTreeSet::from(["subnet-00b2".to_owned()])
    );
    let rest = Modification {
        id: change.id.clone(),
        subnets: change.subnets.clone(),
        ..Modification::default()
    };
    assert_eq!(**change, rest);
}

#[test]
fn additive_takes_away_only_what_was_named_before() {
    let spec = json!({"type": "Gateway", "service": "s3", "subnetIds": null, "routeTableIds": ["rtb-0001"], "associationPolicy": "Additive"});
    let mut desired = wanted(&spec);
    let mut observed = made(&desired);
    let tables = &mut observed.endpoint.as_mut().unwrap().route_table_ids;
    tables.insert("rtb-0002".to_owned());
    assert_eq!(texts(&desired, &observed), Vec::<String>::new());
    desired.associated.insert("rtb-0002".to_owned());
    assert_eq!(
        texts(&desired, &observed),
        ["removed routeTableIds[rtb-0002]"]
    );
    desired.associated.clear();
    desired.associations = AssociationPolicy::Exclusive;
    assert_eq!(
        texts(&desired, &observed),
        ["removed routeTableIds[rtb-0002]"]
    );
}

#[test]
fn nothing_is_asked_of_an_endpoint_at_which_aws_is_at_work() {
    let desired = wanted(&json!({}));
    let mut observed = made(&desired);
    observed.endpoint.as_mut().unwrap().private_dns = false;
    let due = |observed: &Observed| {
        let changes = plan(&desired, Some(observed)).unwrap();
        assert_eq!(changes.len(), 1);
        super::due(Some(observed), changes).len()
    };
    assert_eq!(due(&observed), 1);
    for state in [
        State::Pending,
        State::PendingAcceptance,
        State::Failed,
        State::Deleting,
    ] {
        observed.endpoint.as_mut().unwrap().state = state;
        assert_eq!(due(&observed), 0);
        assert!(unfinished(&desired, &observed).is_some());
    }
    observed.endpoint.as_mut().unwrap().state = State::Available;
    observed.just_written = true;
    assert_eq!(due(&observed), 0, "AWS may still show what was before");
}

#[test]
fn another_endpoint_that_stands_in_the_way_is_named() {
    let other = Endpoint {
        id: "vpce-0666".to_owned(),
        vpc_id: "vpc-0001".to_owned(),
        service_name: SERVICE.to_owned(),
        type_: Type::Known(EndpointType::Interface),
        state: State::Available,
        private_dns: true,
        ..Endpoint::default()
    };
    let mut place = place();
    place.network.endpoints = BTreeMap::from([(other.id.clone(), other)]).into();
    let error = plan(&wanted_at(&place, &json!({})), None).unwrap_err();
    assert_eq!(error.reason(), Some(Reason::EndpointConflict));
    assert!(error.to_string().contains("vpce-0666"), "{error}");
    let beside = wanted_at(&place, &json!({"privateDnsEnabled": false}));
    assert!(plan(&beside, None).is_ok());
}

#[test]
fn what_is_known_to_fail_is_said_before_aws_is_asked() {
    let reason = |place: &Place, spec: &Value| {
        plan(&wanted_at(place, spec), None)
            .err()
            .and_then(|e| e.reason())
    };
    let good = place();
    assert_eq!(reason(&good, &json!({})), None);
    let twice = json!({"subnetIds": ["subnet-000b", "subnet-00b2"]});
    assert_eq!(reason(&good, &twice), Some(Reason::InvalidSpec));
    let nowhere = json!({"subnetIds": ["subnet-0fff"]});
    assert_eq!(reason(&good, &nowhere), Some(Reason::NetworkNotFound));
    let mut dark = place();
    dark.network.dns = BTreeMap::from([("vpc-0001".to_owned(), VpcDns::default())]).into();
    assert_eq!(reason(&dark, &json!({})), Some(Reason::VpcDnsDisabled));
    assert_eq!(reason(&dark, &json!({"privateDnsEnabled": false})), None);
    let mut elsewhere = place();
    elsewhere.service = Some(ServiceInfo {
        name: SERVICE.to_owned(),
        types: BTreeSet::from(["Interface".to_owned()]),
        zones: BTreeSet::from(["eu-central-1a".to_owned()]),
        takes_policy: true,
        ..ServiceInfo::default()
    });
    assert_eq!(
        reason(&elsewhere, &json!({})),
        Some(Reason::ServiceNotAvailable)
    );
    let mut unknown = place();
    unknown.service_missing = true;
    assert_eq!(
        reason(&unknown, &json!({})),
        Some(Reason::ServiceNotAvailable)
    );
}

#[test]
fn a_selector_takes_one_subnet_of_each_zone() {
    let spec = json!({"subnetIds": null, "subnetSelector": {"tags": {"tier": "private"}}});
    let desired = wanted(&spec);
    let ids: Vec<_> = desired.subnet_ids.unwrap().into_iter().collect();
    assert_eq!(ids, ["subnet-000a", "subnet-000b"]);
    let none = json!({"subnetIds": null, "subnetSelector": {"tags": {"tier": "public"}}});
    let error = super::super::desired::desired(&object(&none), &place(), BTreeMap::new());
    assert_eq!(error.unwrap_err().reason(), Some(Reason::NetworkNotFound));
}

#[test]
fn the_group_is_kept_as_it_is_written() {
    let desired = wanted(&json!({"managedSecurityGroup": {"ingress": [{"cidr": "10.0.0.0/16"}]}}));
    let mut observed = made(&desired);
    let open = GroupRule {
        protocol: "tcp".to_owned(),
        from_port: Some(22),
        to_port: Some(22),
        peer: Peer::Cidr("0.0.0.0/0".to_owned()),
        description: None,
    };
    let group = observed.group.as_mut().unwrap();
    group.ingress = BTreeSet::from([open.clone()]);
    group.egress = BTreeSet::from([open]);
    assert_eq!(
        texts(&desired, &observed),
        [
            "security group lets in 10.0.0.0/16",
            "security group lets in no longer 0.0.0.0/0 tcp/22",
            "security group lets nothing out",
        ]
    );
}

#[test]
fn a_group_that_is_asked_for_no_longer_goes_once_it_is_off_the_endpoint() {
    let with = wanted(&json!({"managedSecurityGroup": {"ingress": [{"cidr": "10.0.0.0/16"}]}}));
    let mut observed = made(&with);
    let without = wanted(&json!({}));
    assert_eq!(
        texts(&without, &observed),
        ["added securityGroupIds[sg-0def], removed securityGroupIds[sg-0made]"],
        "an endpoint has one group at least"
    );
    let change = plan(&without, Some(&observed)).unwrap().remove(0);
    observed = project(Some(observed), &without, &change, None).unwrap();
    assert_eq!(
        texts(&without, &observed),
        ["deleted security group sg-0made"]
    );
}

#[test]
fn the_endpoint_is_deleted_first_and_its_group_once_nothing_has_it() {
    let desired = wanted(&json!({"managedSecurityGroup": {"ingress": [{"cidr": "10.0.0.0/16"}]}}));
    let mut observed = made(&desired);
    let deletions = |observed: &Observed| -> Vec<String> {
        plan_delete(observed)
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(deletions(&observed), ["deleted the endpoint vpce-0001"]);
    observed.endpoint.as_mut().unwrap().state = State::Deleting;
    assert_eq!(deletions(&observed), Vec::<String>::new());
    assert!(going(&observed).is_some());
    observed.endpoint = None;
    assert_eq!(deletions(&observed), ["deleted security group sg-0made"]);
    assert!(going(&observed).is_none());
}

#[test]
fn private_dns_waits_for_the_owner_of_a_service_that_accepts() {
    let mut place = place();
    place.service = Some(ServiceInfo {
        name: SERVICE.to_owned(),
        acceptance_required: true,
        takes_policy: true,
        ..ServiceInfo::default()
    });
    let desired = wanted_at(&place, &json!({}));
    let mut observed = made(&desired);
    assert!(!observed.endpoint.as_ref().unwrap().private_dns);
    observed.endpoint.as_mut().unwrap().state = State::PendingAcceptance;
    let waits = unfinished(&desired, &observed).unwrap();
    assert_eq!(waits.reason(), Some(Reason::AcceptancePending));
    observed.endpoint.as_mut().unwrap().state = State::Available;
    assert_eq!(texts(&desired, &observed), ["set privateDnsEnabled"]);
}

#[test]
fn a_description_that_differs_is_written_and_nobody_is_shut_out_for_it() {
    let with = |description: &Value| {
        wanted(&json!({"managedSecurityGroup": {"ingress": [
            {"cidr": "10.0.0.0/16", "description": description}, {"cidr": "2001:DB8:0::/56"},
        ]}}))
    };
    let observed = made(&with(&json!("the VPC")));
    let renamed = with(&json!("clients"));
    let planned = plan(&renamed, Some(&observed)).unwrap();
    let [Change::Describe { rules, .. }] = planned.as_slice() else {
        panic!("{planned:?}");
    };
    assert_eq!(rules.len(), 1);
    let mended = project(Some(observed), &renamed, &planned[0], None).unwrap();
    assert_eq!(texts(&renamed, &mended), Vec::<String>::new());
    assert_eq!(
        texts(&with(&Value::Null), &mended),
        ["security group describes 10.0.0.0/16"]
    );
}

#[test]
fn an_ipv6_range_is_the_same_however_it_is_written() {
    let desired =
        wanted(&json!({"managedSecurityGroup": {"ingress": [{"cidr": "2001:DB8:0::/56"}]}}));
    let mut observed = made(&desired);
    let group = observed.group.as_mut().unwrap();
    let mut rule = group.ingress.pop_first().unwrap();
    rule.peer = Peer::Cidr("2001:db8::/56".to_owned());
    group.ingress.insert(rule);
    assert_eq!(texts(&desired, &observed), Vec::<String>::new());
}

#[test]
fn a_policy_that_left_the_manifest_stays_on_the_endpoint() {
    let with = wanted(
        &json!({"policyJSON": r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ssm-contacts:*","Resource":"*"}]}"#}),
    );
    let observed = made(&with);
    assert_eq!(texts(&wanted(&json!({})), &observed), Vec::<String>::new());
    // The way back that the manual tells.
    let default = json!({"policy": {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}});
    assert_eq!(texts(&wanted(&default), &observed), ["set policy"]);
}

#[test]
fn what_an_observed_endpoint_is_not_asked_for_is_no_difference() {
    let mut observed = made(&wanted(&json!({})));
    observed.endpoint.as_mut().unwrap().private_dns = false;
    let observe = |more: &Value| {
        let mut spec = json!({"managementPolicy": "Observe", "subnetIds": null});
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        texts(&wanted(&spec), &observed)
    };
    assert_eq!(observe(&json!({})), Vec::<String>::new());
    assert_eq!(
        observe(&json!({"privateDnsEnabled": true})),
        ["set privateDnsEnabled"]
    );
}
