//! A VPC endpoint's life: made with its group, kept as its manifest says, adopted, let go, deleted with its group.

use harness::seconds;
use serde_json::json;

use crate::support::{event, mutations};
use crate::vpc_endpoint_net::{KIND, Net, finish, quick, ready, says};

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
    finish(world).await;
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
    finish(world).await;
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
    finish(world).await;
}
