//! Endpoints that exist: adopted, overwritten, observed, let go, refused; and what goes with a namespace.

use harness::{World, checks, seconds, world::namespace_gone};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::support::{build, event, findings, mutations, pending};
use crate::vpc_endpoint_net::{KIND, Net, calls_of, finish, quick, quiet, ready, says, tags, with};

/// A manifest that says what `by_hand` makes.
fn as_made(net: &Net, name: &str, service: &str) -> Value {
    with(
        net.interface(name, service),
        &json!({"subnetIds": net.subnets[..2], "managedSecurityGroup": null}),
    )
}

#[tokio::test]
async fn what_exists_is_adopted_as_it_is_overwritten_when_asked_and_let_go_as_it_was() {
    let world = quick("vpce-taken").await;
    let net = Net::with_zones(&world, &["a", "b", "c"]).await;
    let id = net.by_hand("ssm", true, &[("floor", "first")]).await;
    let sent = as_made(&net, "ssm", "ssm");
    // Found by VPC and service; another subnet, so nothing is touched and the difference is listed.
    let adopt = json!({"adoptionPolicy": "Adopt", "subnetIds": [net.subnets[0], net.subnets[2]], "privateDnsEnabled": false});
    world.apply_value(with(sent.clone(), &adopt)).await;
    says(&world, "ssm", "AdoptionWouldChange", "subnetIds").await;
    let object = world.get(KIND, "ssm").await;
    let changes = pending(&object);
    let all = format!("{changes:?}");
    assert!(
        all.contains(&format!("Create subnetIds[{}]", net.subnets[2])),
        "{all}"
    );
    assert!(
        all.contains(&format!("Delete subnetIds[{}]", net.subnets[1])),
        "{all}"
    );
    assert!(all.contains("Update privateDnsEnabled"), "{all}");
    assert!(object.finalizers().is_empty());
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());

    // By id, as it is: tags and nothing else.
    let named = json!({"adoptionPolicy": "Adopt", "vpcEndpointId": id});
    world.apply_value(with(sent.clone(), &named)).await;
    let object = ready(&world, "ssm").await;
    assert_eq!(object.data["status"]["origin"], "Adopted");
    assert_eq!(object.data["status"]["effectiveDeletionPolicy"], "Retain");
    assert_eq!(mutations(&world, 0).await, ["CreateTags"]);
    event(&world, KIND, "ssm", "Adopted", "").await;

    // From now on it is kept, and can have a group of its own.
    let grown = json!({
        "adoptionPolicy": "Adopt", "vpcEndpointId": id, "subnetIds": net.subnets,
        "managedSecurityGroup": {"ingress": [{"cidr": "10.0.0.0/16", "description": "whole VPC"}]},
    });
    world.apply_value(with(sent.clone(), &grown)).await;
    world
        .eventually(
            "it has three subnets and its group alone",
            seconds(60),
            async || {
                let now = net.only().await;
                let groups = net.groups().await;
                now.subnet_ids().len() == 3
                    && groups.len() == 1
                    && now.groups().len() == 1
                    && now.groups()[0].group_id() == Some(groups[0].as_str())
            },
        )
        .await;
    ready(&world, "ssm").await;
    quiet(&world, &["ssm"]).await;

    // Let go: both stay, without our tags.
    world.delete_and_wait(KIND, "ssm").await;
    let left = net.only().await;
    assert_eq!(
        tags(left.tags()),
        [("floor".to_owned(), "first".to_owned())].into()
    );
    let groups = net.all_groups().await;
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].tags().len(), 0, "{groups:#?}");

    // Overwritten, and deleted with it because the manifest says so.
    let greedy = json!({"adoptionPolicy": "AdoptAndOverwrite", "deletionPolicy": "Delete", "tags": {"floor": "second"}});
    world.apply_value(with(sent, &greedy)).await;
    let object = ready(&world, "ssm").await;
    assert_eq!(object.data["status"]["id"], json!(id));
    world
        .eventually("it is as the manifest says", seconds(60), async || {
            let now = net.only().await;
            now.subnet_ids().len() == 2 && tags(now.tags())["floor"] == "second"
        })
        .await;
    ready(&world, "ssm").await;
    world.delete_and_wait(KIND, "ssm").await;
    assert_eq!(net.endpoints().await.len(), 0);
    finish(world).await;
}

#[tokio::test]
async fn what_was_made_can_be_observed_retained_and_made_over_by_the_object_of_the_same_name() {
    let world = quick("vpce-retain").await;
    let net = Net::new(&world).await;
    let ssm = net.interface("ssm", "ssm");
    world.apply_value(ssm.clone()).await;
    let id = ready(&world, "ssm").await.data["status"]["id"].clone();
    // Observed: nothing is put back, and what would be is listed.
    let observe = json!({"managementPolicy": "Observe", "privateDnsEnabled": true});
    world.apply_value(with(ssm.clone(), &observe)).await;
    ready(&world, "ssm").await;
    let by_hand = net.ec2.modify_vpc_endpoint();
    let by_hand = by_hand.vpc_endpoint_id(id.as_str().unwrap());
    by_hand.private_dns_enabled(false).send().await.unwrap();
    let since = world.last_call().await;
    world
        .eventually("it is reported", seconds(60), async || {
            pending(&world.get(KIND, "ssm").await) == ["Update privateDnsEnabled"]
        })
        .await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    // Managed again, it is put back.
    world.apply_value(ssm.clone()).await;
    world
        .eventually("it is put back", seconds(60), async || {
            net.only().await.private_dns_enabled() == Some(true)
        })
        .await;
    ready(&world, "ssm").await;

    // Let go with its group, then wanted again: an object of the same name does not take what is nobody's by itself.
    let retain = json!({"deletionPolicy": "Retain"});
    world.apply_value(with(ssm.clone(), &retain)).await;
    ready(&world, "ssm").await;
    world.delete_and_wait(KIND, "ssm").await;
    assert_eq!(net.only().await.tags().len(), 0);
    assert_eq!(net.groups().await.len(), 1);
    let since = world.last_call().await;
    world.apply_value(ssm).await;
    says(&world, "ssm", "EndpointConflict", id.as_str().unwrap()).await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    finish(world).await;
}

#[tokio::test]
async fn observing_and_what_cannot_be_managed_touches_nothing() {
    let world = quick("vpce-observe").await;
    let net = Net::new(&world).await;
    let id = net.by_hand("ssm", true, &[("Name", "theirs")]).await;
    let gateway = net.gateway_by_hand(&[&net.table]).await;
    world
        .apply_value(net.observed("ssm", "ssm", "Interface", &id))
        .await;
    // Without its id, it is the only one of its sort in the VPC.
    let by_service = with(
        net.observed("s3", "s3", "Gateway", ""),
        &json!({"vpcEndpointId": null}),
    );
    world.apply_value(by_service).await;
    let object = ready(&world, "ssm").await;
    assert!(object.finalizers().is_empty());
    let status = &object.data["status"];
    assert_eq!(status["id"], json!(id));
    assert_eq!(status["summary"]["zones"], "us-east-1a,us-east-1b");
    assert_eq!(status["estimatedMonthlyCostUSD"], "14.60");
    assert_eq!(
        status["networkInterfaces"].as_array().map(Vec::len),
        Some(2)
    );
    let names = status["dnsEntries"].as_array().unwrap();
    assert!(
        names
            .iter()
            .any(|n| n["dnsName"] == "ssm.us-east-1.amazonaws.com"),
        "{names:?}"
    );
    let status = &ready(&world, "s3").await.data["status"];
    assert_eq!(status["id"], json!(gateway));
    assert_eq!(status["estimatedMonthlyCostUSD"], "0.00");

    // Types that nobody manages are refused at admission, and what is not of the type is said.
    let refused = world
        .refused(with(
            net.observed("balancer", "ssm", "GatewayLoadBalancer", &id),
            &json!({"managementPolicy": null}),
        ))
        .await;
    assert!(
        refused.contains("set managementPolicy: Observe"),
        "{refused}"
    );
    world
        .apply_value(net.observed("balancer", "ssm", "GatewayLoadBalancer", &id))
        .await;
    world
        .eventually("the type is said", seconds(30), async || {
            let ready = checks::condition(&world.get(KIND, "balancer").await, "Ready")?;
            ready.message.contains("has type Interface").then_some(())
        })
        .await;
    // One that is not there.
    let missing = net.observed("missing", "kms", "Interface", "vpce-0123456789abcdef0");
    world.apply_value(missing).await;
    says(&world, "missing", "NotFoundInAws", "vpce-0123456789abcdef0").await;
    // Whose it is does not matter for looking.
    net.tag(
        &id,
        &[
            ("incident-operator/owner", "other"),
            ("incident-operator/object", "VpcEndpoint/x/y"),
        ],
    )
    .await;
    world.reconcile_now(KIND, "ssm").await;
    ready(&world, "ssm").await;
    // Deleted by hand, it is reported.
    net.delete(&id).await;
    says(&world, "ssm", "NotFoundInAws", &id).await;
    let status = &world.get(KIND, "ssm").await.data["status"];
    assert_eq!(status["summary"]["state"], "Absent", "{status:#}");
    for field in [
        "id",
        "arn",
        "state",
        "dnsEntries",
        "networkInterfaces",
        "findings",
    ] {
        assert!(status[field].is_null(), "{field}: {status:#}");
    }
    for name in ["ssm", "s3", "balancer", "missing"] {
        world.delete_and_wait(KIND, name).await;
    }
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    assert_eq!(net.one(&gateway).await.tags().len(), 0);
    finish(world).await;
}

/// A namespace goes as a whole: interfaces first, then the groups that they had; AWS never refuses because something is in use.
#[tokio::test]
async fn a_namespace_goes_with_its_endpoints_and_their_groups() {
    let world = build(
        World::builder("vpce-namespace")
            .drift("1s")
            .namespace("net"),
    )
    .await;
    let net = Net::new(&world).await;
    let namespace = world.namespaces()[1].clone();
    let there = |mut object: Value| {
        object["metadata"]["namespace"] = json!(namespace);
        object
    };
    for service in ["ssm", "ssm-contacts", "kms"] {
        world
            .apply_value(there(net.interface(service, service)))
            .await;
    }
    world.apply_value(there(net.gateway("s3"))).await;
    for name in ["ssm", "ssm-contacts", "kms", "s3"] {
        ready(&world, &format!("{namespace}/{name}")).await;
    }
    assert_eq!(net.endpoints().await.len(), 4);
    assert_eq!(net.groups().await.len(), 3);
    world
        .simulator
        .knobs(Some(&world.account), &json!({"state_delay_ms": 2000}))
        .await
        .unwrap();
    let since = world.last_call().await;
    world.delete("Namespace", &namespace).await;
    namespace_gone(&world.cluster, &namespace, seconds(90))
        .await
        .unwrap();
    assert_eq!(net.endpoints().await.len(), 0);
    assert_eq!(net.groups().await, Vec::<String>::new());
    let deletions = calls_of(&world, since, "DeleteSecurityGroup").await;
    assert_eq!(deletions.len(), 3);
    let refused: Vec<_> = deletions.iter().filter_map(|c| c.error.clone()).collect();
    assert_eq!(refused, Vec::<String>::new(), "the interfaces had gone");
    // A VPC in which nothing is left can be deleted.
    for subnet in &net.subnets {
        let sent = net.ec2.delete_subnet().subnet_id(subnet).send();
        sent.await.unwrap();
    }
    finish(world).await;
}

/// Suspended, nothing happens, deletion included; a ProviderConfig of another Region is another place.
#[tokio::test]
async fn suspended_nothing_happens_and_findings_are_accepted_with_a_reason() {
    let world = quick("vpce-suspend").await;
    let net = Net::new(&world).await;
    let single = with(
        net.interface("ssm", "ssm"),
        &json!({"subnetIds": [net.subnets[0]], "policyPreset": {"name": "SystemsManager"}}),
    );
    world.apply_value(single.clone()).await;
    let object = ready(&world, "ssm").await;
    assert!(
        findings(&object).contains(&"SingleZone/us-east-1a".to_owned()),
        "{:?}",
        findings(&object)
    );
    let accepted = json!({"acceptedFindings": [{"id": "SingleZone", "reason": "lab only", "until": "2999-01-01"}], "suspend": true});
    world.apply_value(with(single.clone(), &accepted)).await;
    world
        .condition(KIND, "ssm", "Suspended", "True", "Suspended")
        .await;
    let since = world.last_call().await;
    net.untag(
        object.data["status"]["id"].as_str().unwrap(),
        &["incident-operator/origin"],
    )
    .await;
    world.delete(KIND, "ssm").await;
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    assert_eq!(net.endpoints().await.len(), 1);
    world
        .patch(KIND, "ssm", &json!({"spec": {"suspend": null}}))
        .await;
    world.gone(KIND, "ssm").await;
    assert_eq!(net.endpoints().await.len(), 0);
    assert_eq!(net.groups().await, Vec::<String>::new());
    let accepted = json!({"acceptedFindings": [{"id": "SingleZone", "reason": "lab only", "until": "2999-01-01"}]});
    world.apply_value(with(single, &accepted)).await;
    let object = ready(&world, "ssm").await;
    assert!(
        findings(&object).contains(&"SingleZone/us-east-1a+".to_owned()),
        "{:?}",
        findings(&object)
    );
    let said = object.data["status"]["findings"].to_string();
    assert!(said.contains("lab only"), "{said}");
    finish(world).await;
}
