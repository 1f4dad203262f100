//! Whether endpoints are private, narrow and able to survive the loss of a zone: said of those that others manage, too, without touching
//! anything, and no more once it is mended.

use std::collections::BTreeMap;

use harness::seconds;
use serde_json::{Value, json};

use crate::support::{findings, mutations};
use crate::vpc_endpoint_net::{KIND, Net, finish, quick, ready, with};

const NARROW: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "kms:Decrypt", "Resource": "*"}]}"#;
/// AWS knows no element of this name, and the operator does not pretend to.
const ODD: &str = r#"{"Version": "2012-10-17", "Comment": "?", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}]}"#;
const OWN_BUCKETS: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::mine/*"}]}"#;
const WITH_PATCHES: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
    "Resource": ["arn:aws:s3:::mine/*", "arn:aws:s3:::patch-baseline-snapshot-us-east-1/*", "arn:aws:s3:::aws-ssm-us-east-1/*"]}]}"#;

/// An interface endpoint that somebody makes.
async fn made(
    net: &Net,
    service: &str,
    subnets: &[&String],
    groups: &[&String],
    policy: &str,
    private: bool,
) -> String {
    let list = |ids: &[&String]| {
        (!ids.is_empty()).then(|| ids.iter().map(|id| (*id).clone()).collect::<Vec<_>>())
    };
    let sent = net
        .ec2
        .create_vpc_endpoint()
        .vpc_endpoint_type(aws_sdk_ec2::types::VpcEndpointType::Interface)
        .vpc_id(&net.vpc)
        .service_name(service)
        .set_subnet_ids(list(subnets))
        .set_security_group_ids(list(groups))
        .set_policy_document((!policy.is_empty()).then(|| policy.to_owned()))
        .private_dns_enabled(private)
        .send();
    sent.await
        .unwrap()
        .vpc_endpoint
        .unwrap()
        .vpc_endpoint_id
        .unwrap()
}

/// Waits until every object has exactly these findings.
async fn found(world: &harness::World, wanted: &BTreeMap<&str, Vec<String>>) {
    world
        .eventually("the findings are these", seconds(60), async || {
            let mut differences = vec![];
            for (name, wanted) in wanted {
                let object = world.get(KIND, name).await;
                let (mut has, mut wanted) = (findings(&object), wanted.clone());
                has.sort();
                wanted.sort();
                if has != wanted {
                    differences.push(format!("{name} has {has:?}, not {wanted:?}"));
                }
            }
            if differences.is_empty() {
                Ok(())
            } else {
                Err(differences.join("\n"))
            }
        })
        .await;
}

#[tokio::test]
async fn every_finding_is_shown_of_endpoints_of_others_and_gone_after_the_mend() {
    let world = quick("vpce-posture").await;
    let net = Net::with_zones(&world, &["a", "b", "c"]).await;
    let (ec2, vpc) = (&net.ec2, &net.vpc);
    let (a, b, public) = (&net.subnets[0], &net.subnets[1], &net.subnets[2]);
    let internet = ec2.create_internet_gateway().send().await.unwrap();
    let internet = internet
        .internet_gateway
        .unwrap()
        .internet_gateway_id
        .unwrap();
    ec2.attach_internet_gateway()
        .internet_gateway_id(&internet)
        .vpc_id(vpc)
        .send()
        .await
        .unwrap();
    let outside = net.route_table().await;
    ec2.associate_route_table()
        .route_table_id(&outside)
        .subnet_id(public)
        .send()
        .await
        .unwrap();
    let route = ec2
        .create_route()
        .route_table_id(&outside)
        .destination_cidr_block("0.0.0.0/0");
    route.gateway_id(&internet).send().await.unwrap();
    let good = net.group("good", "10.0.0.0/16").await;
    let closed = net.group("closed", "").await;
    let open = net.group("open", "0.0.0.0/0").await;
    net.let_in(&open, 22, "10.0.0.0/16").await;
    let offer = json!({"account": world.account, "region": world.region, "serviceName": "com.amazonaws.eu-west-1.sqs"});
    world
        .simulator
        .control("POST", "endpoint-services", Some(&offer))
        .await
        .unwrap();

    let name = |short: &str| net.service(short);
    let ssm = made(&net, &name("ssm"), &[public], &[], "", false).await;
    let kms = made(&net, &name("kms"), &[a, b], &[&open], ODD, true).await;
    let twin = made(&net, &name("kms"), &[a, b], &[&good], NARROW, false).await;
    let logs = made(&net, &name("logs"), &[], &[&closed], NARROW, true).await;
    let incidents = made(
        &net,
        &name("ssm-incidents"),
        &[a, b],
        &[&good],
        NARROW,
        true,
    )
    .await;
    let elsewhere = made(
        &net,
        "com.amazonaws.eu-west-1.sqs",
        &[a, b],
        &[&good],
        NARROW,
        false,
    )
    .await;
    let s3 = net.gateway_by_hand(&[]).await;
    let change = || ec2.modify_vpc_endpoint().vpc_endpoint_id(&s3);
    change().policy_document(OWN_BUCKETS).send().await.unwrap();
    net.dns(true, false).await;

    for (service, id) in [
        ("ssm", &ssm),
        ("kms", &kms),
        ("logs", &logs),
        ("ssm-incidents", &incidents),
    ] {
        let off = json!({"privateDnsEnabled": service != "ssm"});
        let observed = net.observed(service, service, "Interface", id);
        world.apply_value(with(observed, &off)).await;
    }
    let full = json!({"service": null, "serviceName": "com.amazonaws.eu-west-1.sqs", "privateDnsEnabled": false});
    world
        .apply_value(with(
            net.observed("elsewhere", "", "Interface", &elsewhere),
            &full,
        ))
        .await;
    world
        .apply_value(net.observed("s3", "s3", "Gateway", &s3))
        .await;
    let default = net.default_group().await;
    let texts = |texts: &[&str]| {
        texts
            .iter()
            .map(|t| (*t).to_owned())
            .collect::<Vec<String>>()
    };
    let (no_ec2, no_dns) = (
        format!("NoEC2Endpoint/{vpc}"),
        format!("VpcDnsDisabled/{vpc}"),
    );
    let poor = BTreeMap::from([
        (
            "ssm",
            texts(&[
                "SingleZone/us-east-1c",
                &format!("PublicSubnet/{public}"),
                "PrivateDnsDisabled",
                &format!("DefaultSecurityGroup/{default}"),
                "FullAccessPolicy",
                "MissingCompanion/ec2messages",
                "MissingCompanion/ssmmessages",
                &no_ec2,
            ]),
        ),
        (
            "kms",
            texts(&[
                &format!("OpenSecurityGroup/{open}"),
                &format!("UnrelatedPorts/{open}"),
                "UnreadablePolicy",
                &format!("DuplicateEndpoint/{twin}"),
                &no_dns,
                &no_ec2,
            ]),
        ),
        (
            "logs",
            texts(&["NoSubnet", "ClosedSecurityGroup", &no_dns, &no_ec2]),
        ),
        (
            "ssm-incidents",
            texts(&["MissingCompanion/ssm-contacts", &no_dns, &no_ec2]),
        ),
        (
            "elsewhere",
            texts(&["ServiceInAnotherRegion/eu-west-1", &no_ec2]),
        ),
        (
            "s3",
            texts(&["NoRouteTable", "PatchBucketsDenied", &no_ec2]),
        ),
    ]);
    found(&world, &poor).await;
    for name in poor.keys() {
        // Findings are no reason for being unready.
        let object = ready(&world, name).await;
        let each = object.data["status"]["findings"]
            .as_array()
            .unwrap()
            .clone();
        for finding in &each {
            let message = finding["message"].as_str().unwrap();
            assert!(message.len() > 30, "{finding}");
            // Only what no check of the catalogue is about has no number.
            let numbered = message.contains("(CHK-");
            assert!(numbered || finding["id"] == "NoRouteTable", "{finding}");
            assert!(
                ["Info", "Warning", "Critical"]
                    .iter()
                    .any(|s| finding["severity"] == *s)
            );
        }
        let summary = object.data["status"]["summary"]["findings"]
            .as_str()
            .unwrap();
        let count: usize = summary
            .split(", ")
            .map(|part| part.split(' ').next().unwrap().parse::<usize>().unwrap())
            .sum();
        assert_eq!(count, each.len(), "{summary}");
    }
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());

    // Somebody mends it all, with other tools.
    net.dns(true, true).await;
    let change = |id: &str| ec2.modify_vpc_endpoint().vpc_endpoint_id(id);
    let ssm_mend = change(&ssm)
        .set_add_subnet_ids(Some(vec![a.clone(), b.clone()]))
        .remove_subnet_ids(public)
        .add_security_group_ids(&good)
        .remove_security_group_ids(&default)
        .policy_document(NARROW)
        .private_dns_enabled(true);
    ssm_mend.send().await.unwrap();
    for service in ["ssmmessages", "ec2messages", "ssm-contacts", "ec2"] {
        made(&net, &name(service), &[a, b], &[&good], NARROW, true).await;
    }
    change(&kms).policy_document(NARROW).send().await.unwrap();
    net.shut_out(&open, 22, "10.0.0.0/16").await;
    net.shut_out(&open, 443, "0.0.0.0/0").await;
    net.let_in(&open, 443, "10.0.0.0/16").await;
    net.delete(&twin).await;
    let subnets = change(&logs).set_add_subnet_ids(Some(vec![a.clone(), b.clone()]));
    subnets.send().await.unwrap();
    net.let_in(&closed, 443, "10.0.0.0/16").await;
    change(&s3)
        .add_route_table_ids(&net.table)
        .policy_document(WITH_PATCHES)
        .send()
        .await
        .unwrap();
    net.delete(&elsewhere).await;
    let mended = poor.keys().map(|name| (*name, vec![])).collect();
    found(&world, &mended).await;
    let object = world.get(KIND, "ssm").await;
    assert_eq!(object.data["status"]["summary"]["findings"], "none");
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    finish(world).await;
}

/// The nine of the examples, applied as they are but for the ids of the VPC and its route tables.
#[tokio::test]
async fn the_nine_of_the_examples_are_ready_without_a_finding() {
    let world = quick("vpce-nine").await;
    let net = Net::new(&world).await;
    for subnet in &net.subnets {
        net.tag(subnet, &[("tier", "private")]).await;
    }
    let second = net.route_table().await;
    let mut names = vec![];
    for file in ["incident-manager", "systems-manager"] {
        let path = format!(
            "{}/examples/vpc-endpoints/{file}.yaml",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(path).unwrap();
        let text = text
            .replace("vpc-0a1b2c3d4e5f60718", &net.vpc)
            .replace("rtb-0a1b2c3d4e5f60718", &net.table)
            .replace("rtb-0b1c2d3e4f5a60718", &second)
            .replace("123456789012", &world.account);
        for mut object in world.objects(&text) {
            object["metadata"]["namespace"] = Value::String(world.namespace.clone());
            names.push(object["metadata"]["name"].as_str().unwrap().to_owned());
            world.apply_value(object).await;
        }
    }
    assert_eq!(names.len(), 9);
    for name in &names {
        ready(&world, name).await;
    }
    let none = names.iter().map(|name| (name.as_str(), vec![])).collect();
    found(&world, &none).await;
    assert_eq!(net.endpoints().await.len(), 9);
    assert_eq!(net.groups().await.len(), 8);
    let since = world.last_call().await;
    for name in &names {
        world.reconcile_now(KIND, name).await;
    }
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    for name in &names {
        world.delete(KIND, name).await;
    }
    for name in &names {
        world.gone(KIND, name).await;
    }
    assert_eq!(net.endpoints().await.len(), 0);
    assert_eq!(net.groups().await, Vec::<String>::new());
    finish(world).await;
}
