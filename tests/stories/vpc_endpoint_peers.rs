//! What users of other tools complain of with VPC endpoints, and that it does not happen here.

use harness::simulator::When;
use harness::{Fault, World, checks, seconds};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::support::{build, event, findings, mutations};
use crate::vpc_endpoint_net::{
    KIND, Net, calls_of, fields, finish, look, moment, quick, quiet, ready, says, with,
};

/// The same policy as AWS and people like to write it: another order, single values for lists, principals in the other form, no version.
const REWRITTEN: &str = r#"{"Statement": {"Resource": ["*"], "Condition": {"StringEquals": {"aws:principalaccount": ["123456789012"]}},
    "Action": ["logs:putlogevents", "logs:CreateLogStream"], "Principal": {"AWS": ["*"]}, "Effect": "Allow"}}"#;

fn policy() -> Value {
    json!({
        "Version": "2008-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalAccount": "123456789012"}},
        }],
    })
}

/// Pain point 10: the policy differs for ever. Pain point 17: the operator writes into the spec. Pain point 18: nothing can be updated, and
/// AWS's default policy never counts as in sync.
#[tokio::test]
async fn a_policy_is_compared_by_meaning_and_what_is_not_asked_for_is_left_alone() {
    let world = quick("vpce-policy").await;
    let net = Net::new(&world).await;
    let logs = with(net.interface("logs", "logs"), &json!({"policy": policy()}));
    let sent = world.at_home(logs.clone())["spec"].clone();
    world.apply_value(logs.clone()).await;
    world
        .apply_value(net.interface("kms", "kms")) // without a word about a policy
        .await;
    let object = ready(&world, "logs").await;
    let id = object.data["status"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        findings(&object)
            .iter()
            .filter(|f| *f == "FullAccessPolicy")
            .count(),
        0
    );
    let plain = ready(&world, "kms").await;
    assert!(
        findings(&plain).contains(&"FullAccessPolicy".to_owned()),
        "{:?}",
        findings(&plain)
    );
    let of_aws = net.one(plain.data["status"]["id"].as_str().unwrap()).await;
    let of_aws = of_aws.policy_document().unwrap().to_owned();

    // Somebody writes the same in other words, and the manifest says it as text: nothing is sent.
    let by_hand = net.ec2.modify_vpc_endpoint().vpc_endpoint_id(&id);
    by_hand.policy_document(REWRITTEN).send().await.unwrap();
    quiet(&world, &["logs", "kms"]).await;
    let as_text = with(logs, &json!({"policy": null, "policyJSON": REWRITTEN}));
    let since = world.last_call().await;
    world.apply_value(as_text).await;
    let object = ready(&world, "logs").await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    assert_eq!(net.one(&id).await.policy_document(), Some(REWRITTEN));

    // Nobody but the user writes the spec.
    let expected = with(
        json!({"spec": sent}),
        &json!({"policy": null, "policyJSON": REWRITTEN}),
    );
    assert_eq!(object.data["spec"], expected["spec"]);
    assert_eq!(object.metadata.generation, Some(2));
    assert_eq!(plain.metadata.generation, Some(1));

    // Another meaning is sent, alone, and the other endpoint keeps what AWS gave it.
    let since = world.last_call().await;
    let mut narrower = policy();
    narrower["Statement"][0]["Action"] = json!("logs:PutLogEvents");
    let changed = with(net.interface("logs", "logs"), &json!({"policy": narrower}));
    world.apply_value(changed).await;
    world
        .eventually("the policy is set", seconds(60), async || {
            let text = net.one(&id).await.policy_document.unwrap();
            !text.contains("CreateLogStream") && text.contains("logs:PutLogEvents")
        })
        .await;
    let sent = calls_of(&world, since, "ModifyVpcEndpoint").await;
    assert_eq!(sent.len(), 1);
    assert_eq!(fields(&sent[0]), ["PolicyDocument"]);
    ready(&world, "logs").await;
    let kms = net.one(plain.data["status"]["id"].as_str().unwrap()).await;
    assert_eq!(kms.policy_document(), Some(of_aws.as_str()));
    finish(world).await;
}

/// Pain point 11: an error about a "conflicting DNS domain" that names nobody, and private DNS that stays on though the manifest says no.
#[tokio::test]
async fn private_dns_is_always_said_and_who_has_it_is_named() {
    let world = quick("vpce-dns").await;
    let net = Net::new(&world).await;
    world
        .simulator
        .knobs(
            Some(&world.account),
            &json!({"private_dns_default": "true"}),
        )
        .await
        .unwrap();
    let off = with(
        net.interface("off", "ssm"),
        &json!({"privateDnsEnabled": false}),
    );
    world.apply_value(off.clone()).await;
    let object = ready(&world, "off").await;
    let create = calls_of(&world, 0, "CreateVpcEndpoint").await;
    assert_eq!(create[0].request["PrivateDnsEnabled"], json!(false));
    assert_eq!(object.data["status"]["privateDnsEnabled"], json!(false));
    assert!(findings(&object).contains(&"PrivateDnsDisabled".to_owned()));

    // Turned on and off again: it goes there and comes back.
    for on in [true, false] {
        let turned = with(off.clone(), &json!({"privateDnsEnabled": on}));
        world.apply_value(turned).await;
        world
            .eventually("private DNS follows", seconds(60), async || {
                net.only().await.private_dns_enabled() == Some(on)
            })
            .await;
        let object = ready(&world, "off").await;
        assert_eq!(object.data["status"]["privateDnsEnabled"], json!(on));
    }

    // Somebody else has the name: that one is named, nothing is made, and it goes on by itself once the name is free.
    let theirs = net.by_hand("kms", true, &[("Name", "by terraform")]).await;
    world.apply_value(net.interface("kms", "kms")).await;
    let said = says(&world, "kms", "EndpointConflict", &theirs).await;
    assert!(
        said.contains("by terraform") && said.contains(&net.vpc),
        "{said}"
    );
    assert!(said.contains("privateDnsEnabled: false"), "{said}");
    assert_eq!(net.endpoints().await.len(), 2);
    net.delete(&theirs).await;
    look(&world, "kms").await;
    ready(&world, "kms").await;
    finish(world).await;
}

/// Two objects of this operator want the name: one has it, the other names it. The look of both was before either was made.
#[tokio::test]
async fn of_two_objects_that_are_applied_at_once_one_has_the_name() {
    let world = quick("vpce-race").await;
    let net = Net::new(&world).await;
    let wait = world.hold("CreateVpcEndpoint", 1, When::Before).await;
    world.apply_value(net.interface("one", "ssm")).await;
    world.apply_value(net.interface("two", "ssm")).await;
    assert!(world.simulator.held(&wait, seconds(20)).await.unwrap());
    world
        .eventually(
            "the other one was made meanwhile",
            seconds(60),
            async || net.endpoints().await.len() == 1,
        )
        .await;
    world.simulator.release(&wait).await.unwrap();
    let has = net.only().await.vpc_endpoint_id.unwrap();
    let (loser, winner) = world
        .eventually(
            "one is Ready, the other in conflict",
            seconds(60),
            async || {
                let mut lost = vec![];
                let mut won = vec![];
                for name in ["one", "two"] {
                    let object = world.get(KIND, name).await;
                    if checks::is_ready(&object) {
                        won.push(name);
                    }
                    let ready = checks::condition(&object, "Ready");
                    if ready
                        .is_some_and(|c| c.reason == "EndpointConflict" && c.message.contains(&has))
                    {
                        lost.push(name);
                    }
                }
                Some((*lost.first()?, *won.first()?))
            },
        )
        .await;
    assert_eq!(net.endpoints().await.len(), 1);
    // The one that lost has what it needs as soon as the other one has gone.
    world.delete_and_wait(KIND, winner).await;
    ready(&world, loser).await;
    assert_eq!(net.endpoints().await.len(), 1);
    finish(world).await;
}

/// Pain point 12: an interface endpoint for S3 with private DNS needs a flag that cannot be set.
#[tokio::test]
async fn s3_with_private_dns_says_where_names_resolve() {
    let world = quick("vpce-s3").await;
    let net = Net::new(&world).await;
    let s3 = net.interface("s3", "s3");
    world.apply_value(s3.clone()).await;
    ready(&world, "s3").await;
    let option = "privateDnsOnlyForInboundResolverEndpoint";
    let said = calls_of(&world, 0, "CreateVpcEndpoint").await;
    let sent = &said[0].request["DnsOptions"]["PrivateDnsOnlyForInboundResolverEndpoint"];
    assert_eq!(
        *sent,
        json!(false),
        "AWS's own default needs a gateway endpoint"
    );
    // Asked for, it waits for the gateway endpoint, and says so.
    world
        .apply_value(with(s3, &json!({"dnsOptions": {option: true}})))
        .await;
    says(&world, "s3", "NetworkNotFound", "no gateway endpoint").await;
    world.apply_value(net.gateway("gateway")).await;
    ready(&world, "gateway").await;
    look(&world, "s3").await;
    ready(&world, "s3").await;
    let all = net.endpoints().await;
    let only = |e: &aws_sdk_ec2::types::VpcEndpoint| {
        e.dns_options()?
            .private_dns_only_for_inbound_resolver_endpoint()
    };
    assert_eq!(all.iter().filter(|e| only(e) == Some(true)).count(), 1);
    finish(world).await;
}

/// Pain point 14: a subnet that is replaced hangs. Pain point 15: a change fails because the whole policy is sent again.
#[tokio::test]
async fn a_subnet_is_replaced_in_one_call_that_holds_nothing_else() {
    let world = quick("vpce-subnets").await;
    let net = Net::new(&world).await;
    let other = net.subnet("a", "10.0.9.0/24", "").await;
    let offered = world
        .simulator
        .control(
            "POST",
            "endpoint-services",
            Some(&json!({"account": world.account, "region": world.region, "policySupported": false})),
        )
        .await
        .unwrap();
    let service = offered["serviceName"].as_str().unwrap();
    let theirs = with(
        net.interface("theirs", ""),
        &json!({"service": null, "serviceName": service, "privateDnsEnabled": false}),
    );
    world.apply_value(theirs.clone()).await;
    ready(&world, "theirs").await;
    let since = world.last_call().await;
    let moved = with(
        theirs.clone(),
        &json!({"subnetIds": [other, net.subnets[1]]}),
    );
    world.apply_value(moved.clone()).await;
    world
        .eventually("the subnet is another one", seconds(60), async || {
            let now = net.only().await;
            now.subnet_ids().len() == 2 && now.subnet_ids().contains(&other)
        })
        .await;
    ready(&world, "theirs").await;
    let sent = calls_of(&world, since, "ModifyVpcEndpoint").await;
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert_eq!(fields(&sent[0]), ["AddSubnetId", "RemoveSubnetId"]);
    // The old one can be deleted now.
    let old = net.ec2.delete_subnet().subnet_id(&net.subnets[0]);
    old.send().await.unwrap();

    // A policy for a service that takes none is told before AWS is asked.
    let since = world.last_call().await;
    world
        .apply_value(with(
            moved,
            &json!({"policy": policy(), "subnetIds": [other]}),
        ))
        .await;
    says(
        &world,
        "theirs",
        "ServiceNotAvailable",
        "takes no endpoint policy",
    )
    .await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    finish(world).await;
}

/// Pain point 19: an endpoint is shown as pending for hours after AWS has made it.
#[tokio::test]
async fn what_aws_is_at_work_on_is_followed() {
    let world = build(World::builder("vpce-pending").drift("1h")).await;
    let net = Net::new(&world).await;
    world
        .simulator
        .knobs(Some(&world.account), &json!({"state_delay_ms": 3000}))
        .await
        .unwrap();
    world.apply_value(net.interface("ssm", "ssm")).await;
    let said = says(&world, "ssm", "Progressing", "AWS is at work on").await;
    assert!(said.contains("vpce-"), "{said}");
    let pending = world.get(KIND, "ssm").await;
    assert_eq!(pending.data["status"]["state"], "Pending");
    assert_eq!(pending.data["status"]["summary"]["state"], "Pending");
    let object = ready(&world, "ssm").await;
    assert_eq!(object.data["status"]["state"], "Available");
    // A change makes it pending once more, and deleting takes its time, too.
    let fewer = with(
        net.interface("ssm", "ssm"),
        &json!({"subnetIds": [net.subnets[0]]}),
    );
    world.apply_value(fewer).await;
    world
        .eventually("the subnet has gone", seconds(60), async || {
            net.only().await.subnet_ids().len() == 1
        })
        .await;
    let object = ready(&world, "ssm").await;
    assert_eq!(object.data["status"]["state"], "Available");
    let interfaces = object.data["status"]["networkInterfaces"].as_array();
    assert_eq!(interfaces.map(Vec::len), Some(1));
    world.delete_and_wait(KIND, "ssm").await;
    assert_eq!(net.groups().await, Vec::<String>::new());
    finish(world).await;
}

/// Pain point 20: an interrupted creation makes a second endpoint.
#[tokio::test]
async fn a_creation_without_an_answer_makes_one_endpoint() {
    let world = quick("vpce-twice").await;
    let net = Net::new(&world).await;
    for fault in [
        Fault::new("cut").operation("CreateVpcEndpoint"),
        Fault::new("cut").operation("CreateSecurityGroup"),
    ] {
        world.fault(fault.when(When::After)).await;
    }
    world
        .simulator
        .knobs(
            Some(&world.account),
            &json!({"consistency_delay_ms": 2000, "idempotency_window_seconds": 0}),
        )
        .await
        .unwrap();
    // The network was there before, and is seen.
    tokio::time::sleep(seconds(3)).await;
    world.apply_value(net.interface("ssm", "ssm")).await;
    ready(&world, "ssm").await;
    // Everything that was made has come to show by now.
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(net.endpoints().await.len(), 1);
    assert_eq!(net.groups().await.len(), 1);
    quiet(&world, &["ssm"]).await;
    finish(world).await;
}

/// Pain point 21: of several, one of somebody else's is taken.
#[tokio::test]
async fn only_what_is_meant_is_taken_over() {
    let world = quick("vpce-whose").await;
    let (net, elsewhere) = (Net::new(&world).await, Net::new(&world).await);
    let mine = [
        ("incident-operator/owner", "somebody-else"),
        ("incident-operator/object", "VpcEndpoint/net/ssm"),
    ];
    let theirs = net.by_hand("ssm", false, &mine).await;
    let other_vpc = elsewhere.by_hand("kms", true, &[]).await;
    let greedy = json!({
        "adoptionPolicy": "AdoptAndOverwrite", "deletionPolicy": "Delete", "managedSecurityGroup": null,
    });
    let since = world.last_call().await;
    // Another owner's is never taken, even by name.
    let named = with(
        with(net.interface("named", "ssm"), &greedy),
        &json!({"vpcEndpointId": theirs}),
    );
    world.apply_value(named).await;
    says(&world, "named", "OwnedByAnother", "somebody-else").await;
    assert!(world.get(KIND, "named").await.finalizers().is_empty());
    // One of another VPC is not mistaken for one of this VPC, and is refused by name.
    let there = with(
        with(net.interface("there", "kms"), &greedy),
        &json!({"vpcEndpointId": other_vpc}),
    );
    world.apply_value(there).await;
    world
        .eventually("it is refused", seconds(30), async || {
            let ready = checks::condition(&world.get(KIND, "there").await, "Ready")?;
            (ready.message.contains("has VPC") && ready.message.contains(&other_vpc)).then_some(())
        })
        .await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    // Without a name, one is made here, and the other VPC's stays as it was.
    let kms = with(net.interface("kms", "kms"), &greedy);
    world.apply_value(kms).await;
    let made = ready(&world, "kms").await;
    assert_eq!(made.data["status"]["origin"], "Created");
    assert_ne!(made.data["status"]["id"], json!(other_vpc));
    assert_eq!(elsewhere.only().await.tags().len(), 0);

    // Of two that could be meant, none is guessed.
    let first = net.by_hand("logs", true, &[]).await;
    let second = net.by_hand("logs", false, &[]).await;
    moment().await;
    let since = world.last_call().await;
    let logs = with(net.interface("logs", "logs"), &greedy);
    world.apply_value(logs.clone()).await;
    world
        .eventually("both are named", seconds(30), async || {
            let ready = checks::condition(&world.get(KIND, "logs").await, "Ready")?;
            let both = ready.message.contains(&first) && ready.message.contains(&second);
            (both && ready.message.contains("spec.vpcEndpointId")).then_some(())
        })
        .await;
    assert_eq!(mutations(&world, since).await, Vec::<String>::new());
    world
        .apply_value(with(logs, &json!({"vpcEndpointId": first})))
        .await;
    let taken = ready(&world, "logs").await;
    assert_eq!(taken.data["status"]["id"], json!(first));
    event(&world, KIND, "logs", "Adopted", "").await;
    assert_eq!(net.one(&second).await.tags().len(), 0);
    finish(world).await;
}
