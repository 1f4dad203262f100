//! What AWS and the owners of services refuse, and what a user reads then; and the settings of AWS that nobody publishes.

use harness::simulator::When;
use harness::{Fault, World, checks, seconds};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::support::{build, event, findings, mutations};
use crate::vpc_endpoint_net::{
    KIND, Net, calls_of, finish, look, moment, quick, quiet, ready, says, tags, with,
};

async fn knobs(world: &World, knobs: &Value) {
    let sent = world.simulator.knobs(Some(&world.account), knobs).await;
    sent.unwrap();
}

async fn offer(world: &World, service: &Value) -> String {
    let mut service = service.clone();
    service["account"] = json!(world.account);
    service["region"] = json!(world.region);
    let sent = world
        .simulator
        .control("POST", "endpoint-services", Some(&service));
    sent.await.unwrap()["serviceName"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn decide(world: &World, id: &str, decision: &Value) {
    let mut body = json!({"account": world.account, "region": world.region, "vpcEndpointId": id});
    for (field, value) in decision.as_object().unwrap() {
        body[field] = value.clone();
    }
    let sent = world.simulator.control("POST", "endpoints", Some(&body));
    sent.await.unwrap();
}

/// What cannot be is said before AWS is asked, with what to do about it; nothing is made, and it goes on by itself once it can be.
#[tokio::test]
async fn bad_input_is_told_with_what_to_do_and_nothing_is_made() {
    let world = quick("vpce-bad").await;
    let (net, other) = (Net::new(&world).await, Net::new(&world).await);
    let same_zone = net.subnet("a", "10.0.9.0/24", "").await;
    let edge = net.subnet("e", "10.0.10.0/24", "").await;
    let ssm = |name: &str, patch: &Value| with(net.interface(name, "ssm"), patch);
    let gone = "vpc-0123456789abcdef0";
    let theirs = &other.subnets[0];
    let foreign_group = other.group("theirs", "").await;
    let limited = offer(
        &world,
        &json!({"zones": ["us-east-1b"], "serviceName": "com.example.limited.api"}),
    )
    .await;
    let cases = [
        (
            "no-vpc",
            ssm("no-vpc", &json!({"vpcId": gone})),
            "NetworkNotFound",
            vec![gone, "correct spec.vpcId"],
        ),
        (
            "no-subnet",
            ssm(
                "no-subnet",
                &json!({"subnetIds": ["subnet-0123456789abcdef0"]}),
            ),
            "NetworkNotFound",
            vec!["no subnet subnet-0123456789abcdef0"],
        ),
        (
            "their-subnet",
            ssm("their-subnet", &json!({"subnetIds": [theirs]})),
            "NetworkNotFound",
            vec![theirs.as_str(), net.vpc.as_str()],
        ),
        (
            "same-zone",
            ssm(
                "same-zone",
                &json!({"subnetIds": [net.subnets[0], same_zone]}),
            ),
            "InvalidSpec",
            vec!["are both in zone us-east-1a", "CHK-66"],
        ),
        (
            "their-group",
            ssm("their-group", &json!({"securityGroupIds": [foreign_group]})),
            "NetworkNotFound",
            vec![foreign_group.as_str()],
        ),
        (
            "no-service",
            ssm("no-service", &json!({"service": "ssm-kontakte"})),
            "ServiceNotAvailable",
            vec!["ssm-kontakte", "describe-vpc-endpoint-services"],
        ),
        (
            "no-gateway",
            with(net.gateway("no-gateway"), &json!({"service": "ssm"})),
            "ServiceNotAvailable",
            vec!["takes endpoints of type Interface, not Gateway"],
        ),
        (
            "no-table",
            with(
                net.gateway("no-table"),
                &json!({"routeTableIds": [other.table]}),
            ),
            "NetworkNotFound",
            vec!["no route table", other.table.as_str()],
        ),
        (
            "zone",
            ssm(
                "zone",
                &json!({"service": null, "serviceName": limited, "privateDnsEnabled": false, "subnetIds": [net.subnets[0]]}),
            ),
            "ServiceNotAvailable",
            vec!["is not in zone us-east-1a", "only in us-east-1b"],
        ),
        (
            "edge",
            ssm(
                "edge",
                &json!({"service": "ssm-contacts", "subnetIds": [edge]}),
            ),
            "ServiceNotAvailable",
            vec!["is not in zone us-east-1e"],
        ),
        (
            "policy",
            ssm(
                "policy",
                &json!({"policyJSON": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\"}]}"}),
            ),
            "InvalidSpec",
            vec!["spec.policyJSON cannot be used", "Principal"],
        ),
        (
            "json",
            ssm("json", &json!({"policyJSON": "{"})),
            "InvalidSpec",
            vec!["spec.policyJSON cannot be used"],
        ),
        (
            "gone",
            ssm(
                "gone",
                &json!({"vpcEndpointId": "vpce-0123456789abcdef0", "adoptionPolicy": "Adopt"}),
            ),
            "NotFoundInAws",
            vec!["vpce-0123456789abcdef0", "none is made in its place"],
        ),
    ];
    for (_, object, _, _) in &cases {
        world.apply_value(object.clone()).await;
    }
    for (name, _, reason, texts) in &cases {
        let said = says(&world, name, reason, "").await;
        for text in texts {
            assert!(said.contains(text), "{name}: {said}");
        }
        assert!(
            world.get(KIND, name).await.finalizers().is_empty(),
            "{name}"
        );
        assert!(
            !world.events(KIND, name).await.is_empty(),
            "{name} has an event"
        );
    }
    net.dns(true, false).await;
    moment().await;
    world.apply_value(ssm("dns", &json!({}))).await;
    let said = says(&world, "dns", "VpcDnsDisabled", "enableDnsHostnames is off").await;
    assert!(
        said.contains("modify-vpc-attribute") && said.contains("CHK-58"),
        "{said}"
    );
    let table = net.table.clone();
    let taken = net.gateway_by_hand(&[&table]).await;
    moment().await;
    world.apply_value(net.gateway("route")).await;
    let said = says(&world, "route", "EndpointConflict", &taken).await;
    assert!(
        said.contains(&table) && said.contains("adoptionPolicy: Adopt"),
        "{said}"
    );
    assert_eq!(mutations(&world, 0).await, Vec::<String>::new());
    // What has been put right goes on.
    net.dns(true, true).await;
    net.delete(&taken).await;
    for name in ["dns", "route"] {
        look(&world, name).await;
        ready(&world, name).await;
    }
    // A mistake in an object that has an endpoint is told, and the endpoint stays as it is.
    let since = world.last_call().await;
    world
        .apply_value(ssm(
            "dns",
            &json!({"subnetIds": [net.subnets[0], same_zone]}),
        ))
        .await;
    says(&world, "dns", "InvalidSpec", "both in zone").await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    finish(world).await;
}

/// A service whose owner accepts, refuses, says nothing for too long; and one that fails.
#[tokio::test]
async fn the_owner_of_a_service_decides() {
    let world = quick("vpce-owner").await;
    let net = Net::new(&world).await;
    let service = offer(
        &world,
        &json!({"acceptanceRequired": true, "privateDnsName": "api.example.com"}),
    )
    .await;
    let theirs = with(
        net.interface("theirs", ""),
        &json!({"service": null, "serviceName": service}),
    );
    world.apply_value(theirs.clone()).await;
    let said = says(&world, "theirs", "AcceptancePending", "has to accept").await;
    assert!(
        said.contains("private DNS is turned on after that"),
        "{said}"
    );
    let object = world.get(KIND, "theirs").await;
    assert_eq!(object.data["status"]["state"], "PendingAcceptance");
    let id = net.only().await.vpc_endpoint_id.unwrap();
    let create = calls_of(&world, 0, "CreateVpcEndpoint").await;
    assert_eq!(
        create[0].request["PrivateDnsEnabled"],
        json!(false),
        "AWS refuses it before"
    );
    decide(&world, &id, &json!({"decision": "accept"})).await;
    look(&world, "theirs").await;
    world
        .eventually("private DNS is turned on", seconds(60), async || {
            net.only().await.private_dns_enabled() == Some(true)
        })
        .await;
    ready(&world, "theirs").await;

    // Given up by the owner, or by AWS: it stays, and what happened and what to do is said.
    decide(&world, &id, &json!({"decision": "reject"})).await;
    look(&world, "theirs").await;
    let said = says(&world, "theirs", "EndpointNotUsable", "state Rejected").await;
    assert!(
        said.contains(&id) && said.contains("ask the owner"),
        "{said}"
    );
    event(&world, KIND, "theirs", "EndpointNotUsable", "Rejected").await;
    let since = world.last_call().await;
    look(&world, "theirs").await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    // Deleted by hand, another one is made, and asks again.
    net.delete(&id).await;
    look(&world, "theirs").await;
    says(&world, "theirs", "AcceptancePending", "has to accept").await;
    let id = net.only().await.vpc_endpoint_id.unwrap();
    decide(&world, &id, &json!({"decision": "expire"})).await;
    look(&world, "theirs").await;
    says(&world, "theirs", "EndpointNotUsable", "state Expired").await;
    net.delete(&id).await;
    look(&world, "theirs").await;
    says(&world, "theirs", "AcceptancePending", "has to accept").await;
    let id = net.only().await.vpc_endpoint_id.unwrap();
    let failure = json!({"decision": "fail", "code": "InternalError", "message": "The endpoint could not be created."});
    decide(&world, &id, &failure).await;
    look(&world, "theirs").await;
    let said = says(&world, "theirs", "EndpointNotUsable", "state Failed").await;
    assert!(said.contains("InternalError"), "{said}");
    let object = world.get(KIND, "theirs").await;
    assert_eq!(object.data["status"]["lastError"]["code"], "InternalError");
    // It can be deleted in every one of these states.
    world.delete_and_wait(KIND, "theirs").await;
    assert_eq!(net.endpoints().await.len(), 0);
    assert_eq!(net.groups().await, Vec::<String>::new());
    finish(world).await;
}

/// Quotas and permissions: said, with the action that is missing, and gone on with when they are there.
#[tokio::test]
async fn quotas_and_permissions_are_named_and_waited_for() {
    let world = quick("vpce-limits").await;
    let net = Net::new(&world).await;
    knobs(&world, &json!({"interface_endpoints_quota": 1})).await;
    world.apply_value(net.interface("one", "ssm")).await;
    ready(&world, "one").await;
    world.apply_value(net.interface("two", "kms")).await;
    let stalled = world.stalled(KIND, "two", "QuotaExceeded").await;
    assert!(!stalled.message.is_empty());
    assert_eq!(net.endpoints().await.len(), 1);
    knobs(&world, &json!({"interface_endpoints_quota": 50})).await;
    look(&world, "two").await;
    ready(&world, "two").await;

    // One action after the other is missing.
    let account = world.account.clone();
    for (action, name, service) in [
        ("ec2:CreateVpcEndpoint", "logs", "logs"),
        ("ec2:CreateSecurityGroup", "ec2", "ec2"),
        ("ec2:AuthorizeSecurityGroupIngress", "sts", "sts"),
        ("ec2:DescribeVpcEndpoints", "contacts", "ssm-contacts"),
        (
            "ec2:DescribeNetworkInterfaces",
            "incidents",
            "ssm-incidents",
        ),
    ] {
        world.simulator.deny(&account, &[action]).await.unwrap();
        world.apply_value(net.interface(name, service)).await;
        let stalled = world.stalled(KIND, name, "AccessDenied").await;
        assert!(stalled.message.contains(action), "{stalled}");
        world.simulator.deny(&account, &[]).await.unwrap();
        look(&world, name).await;
        ready(&world, name).await;
    }
    world
        .simulator
        .deny(&account, &["ec2:DeleteVpcEndpoints"])
        .await
        .unwrap();
    world.delete(KIND, "logs").await;
    world
        .eventually(
            "the denial of the deletion is said",
            seconds(60),
            async || {
                let object = world.get(KIND, "logs").await;
                let said = object.data["status"]["conditions"].to_string();
                if said.contains("ec2:DeleteVpcEndpoints") {
                    Ok(())
                } else {
                    Err(said)
                }
            },
        )
        .await;
    world.simulator.deny(&account, &[]).await.unwrap();
    let now = json!({"metadata": {"annotations": {"incident-operator.dev/reconcile-requested-at": "now"}}});
    world.patch(KIND, "logs", &now).await;
    world.gone(KIND, "logs").await;
    finish(world).await;
}

/// Somebody else is at work at the same moment: AWS answers that one is being changed, that it has gone (in either of its spellings, one of
/// them inside a success), or that a rule is there already.
#[tokio::test]
async fn what_happens_between_looking_and_sending_is_taken_as_it_is() {
    let world = quick("vpce-between").await;
    let net = Net::with_zones(&world, &["a", "b", "c"]).await;
    let two = json!({"subnetIds": net.subnets[..2]});
    world
        .apply_value(with(net.interface("ssm", "ssm"), &two))
        .await;
    let object = ready(&world, "ssm").await;
    let id = object.data["status"]["id"].as_str().unwrap().to_owned();
    let group = object.data["status"]["securityGroupId"]
        .as_str()
        .unwrap()
        .to_owned();

    // A change by hand is under way when ours comes: OperationInProgress.
    let wait = world.hold("ModifyVpcEndpoint", 1, When::Before).await;
    world.apply_value(net.interface("ssm", "ssm")).await;
    assert!(world.simulator.held(&wait, seconds(30)).await.unwrap());
    knobs(&world, &json!({"state_delay_ms": 3000})).await;
    // The hold is for the operator's call, which is the first: this one passes.
    let by_hand = net.ec2.modify_vpc_endpoint().vpc_endpoint_id(&id);
    by_hand
        .remove_subnet_ids(&net.subnets[0])
        .send()
        .await
        .unwrap();
    world.simulator.release(&wait).await.unwrap();
    world
        .eventually("three subnets", seconds(60), async || {
            net.only().await.subnet_ids().len() == 3
        })
        .await;
    ready(&world, "ssm").await;
    let modified = calls_of(&world, 0, "ModifyVpcEndpoint").await;
    let errors: Vec<_> = modified.iter().filter_map(|c| c.error.clone()).collect();
    assert_eq!(errors, ["OperationInProgress"]);
    knobs(&world, &json!({"state_delay_ms": 0})).await;

    // A rule that somebody adds at the same moment.
    let wait = world
        .hold("AuthorizeSecurityGroupIngress", 1, When::Before)
        .await;
    let wider = json!({"managedSecurityGroup": {"ingress": [{"cidr": "10.0.0.0/16"}, {"cidr": "10.1.0.0/16"}]}});
    world
        .apply_value(with(net.interface("ssm", "ssm"), &wider))
        .await;
    assert!(world.simulator.held(&wait, seconds(30)).await.unwrap());
    net.let_in(&group, 443, "10.1.0.0/16").await;
    world.simulator.release(&wait).await.unwrap();
    ready(&world, "ssm").await;
    quiet(&world, &["ssm"]).await;

    // Deleted by hand between the look and the call: a success that holds a failure.
    let wait = world.hold("DeleteVpcEndpoints", 1, When::Before).await;
    world.delete(KIND, "ssm").await;
    assert!(world.simulator.held(&wait, seconds(30)).await.unwrap());
    net.delete(&id).await;
    assert_eq!(net.endpoints().await.len(), 0);
    world.simulator.release(&wait).await.unwrap();
    world.gone(KIND, "ssm").await;
    assert_eq!(net.groups().await, Vec::<String>::new());

    // The group has gone by hand, too.
    world.apply_value(net.interface("kms", "kms")).await;
    let object = ready(&world, "kms").await;
    let id = object.data["status"]["id"].as_str().unwrap().to_owned();
    let group = object.data["status"]["securityGroupId"]
        .as_str()
        .unwrap()
        .to_owned();
    let wait = world.hold("DeleteSecurityGroup", 1, When::Before).await;
    world.delete(KIND, "kms").await;
    assert!(world.simulator.held(&wait, seconds(60)).await.unwrap());
    let by_hand = net.ec2.delete_security_group().group_id(&group);
    by_hand.send().await.unwrap();
    world.simulator.release(&wait).await.unwrap();
    world.gone(KIND, "kms").await;
    assert!(
        net.endpoints()
            .await
            .iter()
            .all(|e| e.vpc_endpoint_id() != Some(&id))
    );
    finish(world).await;
}

/// What can fail after a group has been made leaves it for the next try, and no second one.
#[tokio::test]
async fn a_group_that_was_made_is_used_by_the_next_try() {
    let world = quick("vpce-retry").await;
    let net = Net::new(&world).await;
    let account = world.account.clone();
    let denied = ["ec2:CreateVpcEndpoint"];
    world.simulator.deny(&account, &denied).await.unwrap();
    world.apply_value(net.interface("ssm", "ssm")).await;
    world.stalled(KIND, "ssm", "AccessDenied").await;
    let groups = net.all_groups().await;
    assert_eq!(groups.len(), 1);
    assert!(tags(groups[0].tags()).contains_key("incident-operator/object"));
    // Deleted before the endpoint ever was: the group goes.
    world.delete_and_wait(KIND, "ssm").await;
    assert_eq!(net.groups().await, Vec::<String>::new());
    world.apply_value(net.interface("ssm", "ssm")).await;
    world.stalled(KIND, "ssm", "AccessDenied").await;
    let group = net.groups().await;
    for _ in 0..2 {
        look(&world, "ssm").await;
    }
    assert_eq!(net.groups().await, group);
    world.simulator.deny(&account, &[]).await.unwrap();
    look(&world, "ssm").await;
    ready(&world, "ssm").await;
    assert_eq!(net.groups().await, group);
    assert_eq!(
        net.only().await.groups()[0].group_id(),
        Some(group[0].as_str())
    );
    finish(world).await;
}

/// Made with its group, edited, changed by hand, deleted with its group, made again at once: under every setting of AWS.
async fn under(name: &str, setting: &Value) {
    let world = build(World::builder(name).drift("2s")).await;
    let net = Net::with_zones(&world, &["a", "b", "c"]).await;
    knobs(&world, setting).await;
    // The network was there before, and is seen.
    tokio::time::sleep(seconds(3)).await;
    let two = json!({"subnetIds": net.subnets[..2]});
    world
        .apply_value(with(net.interface("ssm", "ssm"), &two))
        .await;
    world.apply_value(net.gateway("s3")).await;
    for name in ["ssm", "s3"] {
        ready(&world, name).await;
    }
    let edited = with(
        net.interface("ssm", "ssm"),
        &json!({"privateDnsEnabled": false}),
    );
    world.apply_value(edited).await;
    world
        .eventually("edited", seconds(60), async || {
            let all = net.endpoints().await;
            all.iter()
                .any(|e| e.subnet_ids().len() == 3 && e.private_dns_enabled() == Some(false))
        })
        .await;
    let object = ready(&world, "ssm").await;
    let id = object.data["status"]["id"].as_str().unwrap();
    world
        .eventually("somebody takes a subnet away", seconds(20), async || {
            let by_hand = net.ec2.modify_vpc_endpoint().vpc_endpoint_id(id);
            by_hand
                .remove_subnet_ids(&net.subnets[1])
                .send()
                .await
                .is_ok()
        })
        .await;
    world
        .eventually("it is put back", seconds(60), async || {
            net.one(id).await.subnet_ids().len() == 3
        })
        .await;
    let object = ready(&world, "ssm").await;
    assert_eq!(object.data["status"]["state"], "Available");
    for name in ["ssm", "s3"] {
        world.delete(KIND, name).await;
    }
    for name in ["ssm", "s3"] {
        world
            .eventually(&format!("{name} is gone"), seconds(60), async || {
                world.find(KIND, name).await.is_none()
            })
            .await;
    }
    assert_eq!(net.groups().await, Vec::<String>::new());
    world.apply_value(net.interface("ssm", "ssm")).await;
    ready(&world, "ssm").await;
    // What was made late has come to show.
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(
        net.endpoints().await.len(),
        1,
        "{:#?}",
        net.endpoints().await
    );
    assert_eq!(net.groups().await.len(), 1);
    finish(world).await;
}

#[tokio::test]
async fn whatever_is_shown_late_or_twice_there_is_one_endpoint() {
    let late = json!({"consistency_delay_ms": 3000});
    let lingering = json!({"vpce_deleted_visible_ms": 4000, "state_delay_ms": 1500, "vpce_state_case": "Pascal"});
    let strict = json!({"modify_noop_entries": "error", "private_dns_default": "false", "idempotency_window_seconds": 0});
    let forgetful =
        json!({"token_after_delete": "new", "state_delay_ms": 1000, "consistency_delay_ms": 1000});
    tokio::join!(
        under("vpce-late", &late),
        under("vpce-lingering", &lingering),
        under("vpce-strict", &strict),
        under("vpce-forgetful", &forgetful),
    );
}

/// AWS fails in every way for a while: one endpoint and one group, and conditions that did not flap.
#[tokio::test]
async fn in_a_storm_there_is_one_endpoint() {
    let world = quick("vpce-storm").await;
    let net = Net::new(&world).await;
    world.apply_value(net.gateway("s3")).await;
    ready(&world, "s3").await;
    let mut faults = vec![];
    for (kind, probability, when) in [
        ("throttle", 0.4, When::Before),
        ("internal", 0.1, When::Before),
        ("cut", 0.15, When::After),
    ] {
        let fault = Fault {
            probability: Some(probability),
            ..Fault::new(kind).account(&world.account).times(0).when(when)
        };
        faults.push(world.simulator.fault(&fault).await.unwrap());
    }
    world.apply_value(net.interface("ssm", "ssm")).await;
    tokio::time::sleep(seconds(6)).await;
    for id in faults {
        world.simulator.clear_fault(Some(&id)).await.unwrap();
    }
    for name in ["ssm", "s3"] {
        ready(&world, name).await;
    }
    assert_eq!(world.ready_flaps(KIND, "s3"), 0);
    assert_eq!(net.endpoints().await.len(), 2);
    assert_eq!(net.groups().await.len(), 1);
    let object = world.get(KIND, "ssm").await;
    assert!(checks::is_ready(&object) && !findings(&object).is_empty());
    finish(world).await;
}
