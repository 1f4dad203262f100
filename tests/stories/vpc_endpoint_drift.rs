//! What somebody changes by hand is put back, field by field; what is not ours stays where the manifest says so, and goes where it says that.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    DnsOptionsSpecification, DnsRecordIpType, IpAddressType, IpPermission, IpRange, UserIdGroupPair,
};
use harness::{checks, seconds};
use serde_json::{Value, json};

use crate::support::{event, mutations};
use crate::vpc_endpoint_net::{
    KIND, Net, calls_of, fields, finish, look, moment, quick, quiet, ready, tags, with,
};

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "kms:Decrypt", "Resource": "*"}]}"#;

/// What an endpoint is like, as far as a manifest can say it.
async fn likeness(net: &Net, id: &str) -> Value {
    let one = net.one(id).await;
    let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
    let groups: BTreeSet<&str> = one.groups().iter().filter_map(|g| g.group_id()).collect();
    json!({
        "policy": one.policy_document(), "subnets": set(one.subnet_ids()), "tables": set(one.route_table_ids()), "groups": groups,
        "private": one.private_dns_enabled(), "ip": one.ip_address_type().map(|t| t.as_str().to_owned()),
        "records": one.dns_options().and_then(|d| d.dns_record_ip_type()).map(|t| t.as_str().to_owned()),
        "tags": tags(one.tags()),
    })
}

/// What the managed group lets in and out, what for, and its tags.
async fn group_likeness(net: &Net, id: &str) -> Value {
    let all = net.all_groups().await;
    let group = all.iter().find(|g| g.group_id() == Some(id)).unwrap();
    let ranges = |rules: &[IpPermission]| {
        let each = rules.iter().map(|r| {
            let addresses = r.ip_ranges().iter();
            let from: BTreeSet<_> = addresses.map(|i| (i.cidr_ip(), i.description())).collect();
            let groups = r.user_id_group_pairs().iter();
            let peers: BTreeSet<_> = groups.map(|p| (p.group_id(), p.description())).collect();
            format!(
                "{:?} {:?} {from:?} {peers:?}",
                r.ip_protocol(),
                r.from_port()
            )
        });
        each.collect::<BTreeSet<String>>()
    };
    json!({"in": ranges(group.ip_permissions()), "out": ranges(group.ip_permissions_egress()), "tags": tags(group.tags())})
}

#[tokio::test]
async fn drift_of_every_field_of_an_interface_endpoint_and_of_its_group_is_corrected() {
    let world = quick("vpce-drift").await;
    let net = Net::with_zones(&world, &["a", "b", "c"]).await;
    let clients = net.group("clients", "").await;
    let own = net.group("own", "10.0.0.0/16").await;
    let foreign = net.group("foreign", "10.0.0.0/16").await;
    let kms = with(
        net.interface("kms", "kms"),
        &json!({
            "subnetIds": net.subnets[..2], "securityGroupIds": [own], "policyJSON": POLICY, "ipAddressType": "IPv4",
            "dnsOptions": {"dnsRecordIpType": "IPv4"}, "tags": {"team": "payments", "floor": "first"},
            "managedSecurityGroup": {"ingress": [{"cidr": "10.0.0.0/16"}, {"securityGroupId": clients, "description": "the fleet"}]},
        }),
    );
    world.apply_value(kms.clone()).await;
    let object = ready(&world, "kms").await;
    let id = object.data["status"]["id"].as_str().unwrap().to_owned();
    let made = object.data["status"]["securityGroupId"]
        .as_str()
        .unwrap()
        .to_owned();
    let (before, group_before) = (likeness(&net, &id).await, group_likeness(&net, &made).await);
    assert_eq!(before["groups"].as_array().unwrap().len(), 2);
    assert_eq!(before["ip"], "ipv4");
    assert_eq!(before["records"], "ipv4");
    assert_eq!(group_before["out"], json!([]));
    assert_eq!(
        group_before["in"].as_array().unwrap().len(),
        1,
        "{group_before}"
    );

    // Everything at once, while nobody looks.
    world
        .patch(KIND, "kms", &json!({"spec": {"suspend": true}}))
        .await;
    world
        .condition(KIND, "kms", "Suspended", "True", "Suspended")
        .await;
    net.ec2
        .modify_vpc_endpoint()
        .vpc_endpoint_id(&id)
        .add_subnet_ids(&net.subnets[2])
        .remove_subnet_ids(&net.subnets[1])
        .add_security_group_ids(&foreign)
        .remove_security_group_ids(&own)
        .private_dns_enabled(false)
        .ip_address_type(IpAddressType::Dualstack)
        .dns_options(
            DnsOptionsSpecification::builder()
                .dns_record_ip_type(DnsRecordIpType::Dualstack)
                .build(),
        )
        .reset_policy(true)
        .send()
        .await
        .unwrap();
    net.tag(&id, &[("team", "mallory"), ("theirs", "stays")])
        .await;
    net.untag(&id, &["floor"]).await;
    net.let_in(&made, 443, "192.168.0.0/16").await;
    net.let_in(&made, 22, "10.0.0.0/16").await;
    net.shut_out(&made, 443, "10.0.0.0/16").await;
    let pair = UserIdGroupPair::builder().group_id(&clients);
    let described = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(443)
        .to_port(443)
        .user_id_group_pairs(pair.description("whoever asks").build())
        .build();
    net.ec2
        .update_security_group_rule_descriptions_ingress()
        .group_id(&made)
        .ip_permissions(described)
        .send()
        .await
        .unwrap();
    let everywhere = IpRange::builder().cidr_ip("0.0.0.0/0").build();
    net.ec2
        .authorize_security_group_egress()
        .group_id(&made)
        .ip_permissions(
            IpPermission::builder()
                .ip_protocol("-1")
                .ip_ranges(everywhere)
                .build(),
        )
        .send()
        .await
        .unwrap();
    net.untag(&made, &["team"]).await;
    let since = world.last_call().await;
    world
        .patch(KIND, "kms", &json!({"spec": {"suspend": null}}))
        .await;
    let mut wanted = before.clone();
    wanted["tags"]["theirs"] = json!("stays");
    world
        .eventually("all of it is as it was", seconds(60), async || {
            let (now, group) = (likeness(&net, &id).await, group_likeness(&net, &made).await);
            let policy =
                |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
            let mut same = now.clone();
            same["policy"] = before["policy"].clone();
            if same == wanted
                && policy(&now["policy"]) == policy(&before["policy"])
                && group == group_before
            {
                Ok(())
            } else {
                Err(format!("{now:#}\n{group:#}"))
            }
        })
        .await;
    ready(&world, "kms").await;
    // Once, and nothing but what differed.
    let sent = calls_of(&world, since, "ModifyVpcEndpoint").await;
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert_eq!(
        fields(&sent[0]),
        [
            "AddSecurityGroupId",
            "AddSubnetId",
            "DnsOptions",
            "IpAddressType",
            "PolicyDocument",
            "PrivateDnsEnabled",
            "RemoveSecurityGroupId",
            "RemoveSubnetId",
        ]
    );
    quiet(&world, &["kms"]).await;

    // A single field, seen by the drift check alone: nothing else is sent, and the event says what it was.
    let since = world.last_call().await;
    let by_hand = net.ec2.modify_vpc_endpoint().vpc_endpoint_id(&id);
    by_hand.private_dns_enabled(false).send().await.unwrap();
    world
        .eventually("private DNS is on again", seconds(60), async || {
            net.one(&id).await.private_dns_enabled() == Some(true)
        })
        .await;
    event(&world, KIND, "kms", "DriftCorrected", "privateDnsEnabled").await;
    let sent = calls_of(&world, since, "ModifyVpcEndpoint").await;
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert_eq!(fields(&sent[0]), ["PrivateDnsEnabled"]);

    // Deleted by hand, another one is made, with the group that is there.
    net.delete(&id).await;
    world
        .eventually("another one is made", seconds(60), async || {
            let all = net.endpoints().await;
            all.len() == 1 && all[0].vpc_endpoint_id() != Some(&id)
        })
        .await;
    ready(&world, "kms").await;
    assert_eq!(net.groups().await.len(), 4);
    assert_eq!(
        world.get(KIND, "kms").await.data["status"]["securityGroupId"],
        json!(made)
    );

    // The group leaves the manifest, then everything does.
    let without = with(kms, &json!({"managedSecurityGroup": null}));
    world.apply_value(without).await;
    world
        .eventually(
            "the group goes with its last use",
            seconds(60),
            async || !net.groups().await.contains(&made),
        )
        .await;
    let now = net.only().await;
    let groups: Vec<&str> = now.groups().iter().filter_map(|g| g.group_id()).collect();
    assert_eq!(groups, [own.as_str()]);
    ready(&world, "kms").await;
    world.delete_and_wait(KIND, "kms").await;
    assert_eq!(net.endpoints().await.len(), 0);
    assert_eq!(net.groups().await.len(), 3, "the groups of others stay");
    finish(world).await;
}

/// Pain point 13: whoever else adds subnets, groups and routes is fought with for ever.
#[tokio::test]
async fn what_others_add_stays_only_when_additive_and_what_we_added_goes_with_the_manifest() {
    let world = quick("vpce-additive").await;
    let net = Net::with_zones(&world, &["a", "b", "c"]).await;
    let (own, foreign) = (
        net.group("own", "10.0.0.0/16").await,
        net.group("foreign", "10.0.0.0/16").await,
    );
    let (second, theirs) = (net.route_table().await, net.route_table().await);
    let additive = json!({"associationPolicy": "Additive"});
    let interface = with(
        net.interface("ssm", "ssm"),
        &json!({"associationPolicy": "Additive", "subnetIds": net.subnets[..2], "securityGroupIds": [own], "managedSecurityGroup": null}),
    );
    let gateway = with(
        with(net.gateway("s3"), &additive),
        &json!({"routeTableIds": [net.table, second]}),
    );
    world.apply_value(interface.clone()).await;
    world.apply_value(gateway.clone()).await;
    let id = ready(&world, "ssm").await.data["status"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let route = ready(&world, "s3").await.data["status"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let by_hand = net.ec2.modify_vpc_endpoint().vpc_endpoint_id(&id);
    by_hand
        .add_subnet_ids(&net.subnets[2])
        .add_security_group_ids(&foreign)
        .send()
        .await
        .unwrap();
    let by_hand = net.ec2.modify_vpc_endpoint().vpc_endpoint_id(&route);
    by_hand
        .add_route_table_ids(&theirs)
        .remove_route_table_ids(&net.table)
        .send()
        .await
        .unwrap();
    // Ours comes back, theirs stays.
    world
        .eventually("the route comes back", seconds(60), async || {
            net.one(&route).await.route_table_ids().len() == 3
        })
        .await;
    ready(&world, "s3").await;
    quiet(&world, &["ssm", "s3"]).await;
    let now = likeness(&net, &id).await;
    assert_eq!(now["subnets"].as_array().unwrap().len(), 3);
    assert_eq!(now["groups"].as_array().unwrap().len(), 2);

    // What the manifest named before goes when it names it no more; what others added still stays.
    world
        .apply_value(with(
            gateway.clone(),
            &json!({"routeTableIds": [net.table]}),
        ))
        .await;
    world
        .apply_value(with(
            interface.clone(),
            &json!({"subnetIds": [net.subnets[0]]}),
        ))
        .await;
    world
        .eventually("ours go, theirs stay", seconds(60), async || {
            let set = |ids: &[&String]| json!(ids.iter().collect::<BTreeSet<_>>());
            let (one, other) = (likeness(&net, &id).await, likeness(&net, &route).await);
            one["subnets"] == set(&[&net.subnets[0], &net.subnets[2]])
                && other["tables"] == set(&[&net.table, &theirs])
        })
        .await;
    for name in ["ssm", "s3"] {
        ready(&world, name).await;
    }

    // Exclusive takes them away.
    let since = world.last_call().await;
    let exclusive = json!({"spec": {"associationPolicy": "Exclusive"}});
    for name in ["ssm", "s3"] {
        world.patch(KIND, name, &exclusive).await;
    }
    world
        .eventually("theirs go", seconds(60), async || {
            let (one, other) = (likeness(&net, &id).await, likeness(&net, &route).await);
            one["subnets"] == json!([net.subnets[0]])
                && one["groups"] == json!([own])
                && other["tables"] == json!([net.table])
        })
        .await;
    assert_eq!(calls_of(&world, since, "ModifyVpcEndpoint").await.len(), 2);
    for name in ["ssm", "s3"] {
        ready(&world, name).await;
    }

    // A gateway's policy and tags are kept, too.
    let by_hand = net.ec2.modify_vpc_endpoint().vpc_endpoint_id(&route);
    by_hand.policy_document(POLICY).send().await.unwrap();
    net.tag(&route, &[("theirs", "stays")]).await;
    let preset =
        json!({"spec": {"policyPreset": {"name": "S3PatchBuckets"}, "tags": {"team": "payments"}}});
    world.patch(KIND, "s3", &preset).await;
    world
        .eventually("the preset is set", seconds(60), async || {
            let now = likeness(&net, &route).await;
            now["policy"]
                .as_str()
                .unwrap()
                .contains("patch-baseline-snapshot")
                && now["tags"]["team"] == "payments"
                && now["tags"]["theirs"] == "stays"
        })
        .await;
    ready(&world, "s3").await;
    let by_hand = net.ec2.modify_vpc_endpoint().vpc_endpoint_id(&route);
    by_hand.reset_policy(true).send().await.unwrap();
    event(&world, KIND, "s3", "DriftCorrected", "policy").await;
    world.delete_and_wait(KIND, "s3").await;
    world.delete_and_wait(KIND, "ssm").await;
    assert_eq!(net.groups().await.len(), 2);
    finish(world).await;
}

/// Subnets by their tags: those that come and go are followed, one of each zone, and the one that is there stays.
#[tokio::test]
async fn subnets_are_chosen_by_their_tags() {
    let world = quick("vpce-selector").await;
    let net = Net::with_zones(&world, &["a", "b"]).await;
    let selected = with(
        net.interface("ssm", "ssm"),
        &json!({"subnetIds": null, "subnetSelector": {"tags": {"tier": "private"}}}),
    );
    world.apply_value(selected).await;
    crate::vpc_endpoint_net::says(&world, "ssm", "NetworkNotFound", "tier=private").await;
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    for subnet in &net.subnets {
        net.tag(subnet, &[("tier", "private")]).await;
    }
    look(&world, "ssm").await;
    ready(&world, "ssm").await;
    assert_eq!(net.only().await.subnet_ids().len(), 2);
    // A second one of a zone that is served already changes nothing, one that loses its tag goes.
    let twin = net.subnet("a", "10.0.7.0/24", "").await;
    net.tag(&twin, &[("tier", "private")]).await;
    moment().await;
    quiet(&world, &["ssm"]).await;
    net.untag(&net.subnets[0], &["tier"]).await;
    world
        .eventually("the twin takes its place", seconds(60), async || {
            let now = net.only().await;
            now.subnet_ids().contains(&twin) && !now.subnet_ids().contains(&net.subnets[0])
        })
        .await;
    let object = ready(&world, "ssm").await;
    assert!(checks::is_ready(&object));
    finish(world).await;
}
