//! Many endpoints of one account and Region: they are looked at by lists that all of them share.

use std::collections::BTreeMap;

use harness::{World, checks, seconds};
use serde_json::json;

use crate::support::build;
use crate::vpc_endpoint_net::{KIND, Net, calls_of, with};

/// Passes over endpoints so far, as the metrics count them.
async fn passes(world: &World) -> usize {
    let metrics = world.operator().metrics().await.unwrap();
    let lines = metrics.lines().filter(|line| {
        line.starts_with("incident_operator_reconcile_total{")
            && line.contains("kind=\"VpcEndpoint\"")
    });
    let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    counts.sum()
}

#[tokio::test]
async fn two_hundred_are_checked_with_as_many_calls_as_a_few() {
    const VPCS: usize = 20;
    const SERVICES: [&str; 10] = [
        "ec2",
        "ec2messages",
        "kms",
        "logs",
        "sns",
        "sqs",
        "ssm",
        "ssm-contacts",
        "ssm-incidents",
        "ssmmessages",
    ];
    const MANY: usize = VPCS * SERVICES.len();
    let world = build(World::builder("vpce-many").without_history().drift("15s")).await;
    let account = world.account.clone();
    let quota = json!({"vpcs_quota": VPCS});
    world.simulator.knobs(Some(&account), &quota).await.unwrap();
    let mut nets = vec![];
    for number in 0..VPCS {
        let net = Net::new(&world).await;
        for service in SERVICES {
            let plain = net.interface(&format!("{service}-{number}"), service);
            let plain = with(plain, &json!({"managedSecurityGroup": null}));
            world.apply_value(plain).await;
        }
        nets.push(net);
    }
    world
        .eventually("all are Ready", seconds(180), async || {
            let all = world
                .cluster
                .list(KIND, Some(&world.namespace))
                .await
                .unwrap();
            let ready = all.iter().filter(|o| checks::is_ready(o)).count();
            if ready == MANY {
                Ok(())
            } else {
                Err(format!("{ready} are"))
            }
        })
        .await;
    for net in &nets {
        assert_eq!(net.endpoints().await.len(), SERVICES.len());
    }
    // What belongs to the beginning is over when each has been looked at once more.
    let wait_for = async |more: usize| {
        let before = passes(&world).await;
        world
            .eventually("they are checked", seconds(120), async || {
                let now = passes(&world).await;
                if now >= before + more {
                    Ok(())
                } else {
                    Err(format!("{}", now - before))
                }
            })
            .await;
    };
    wait_for(MANY).await;
    let (since, before) = (world.last_call().await, passes(&world).await);
    wait_for(MANY * 3 / 2).await;
    let calls = world.operator_calls(since).await;
    let checked = passes(&world).await - before;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &calls {
        *counts.entry(&call.operation).or_default() += 1;
    }
    println!("{checked} checks of {MANY} endpoints: {counts:?}");
    assert!(calls.iter().all(|call| !call.mutating), "{counts:?}");
    assert!(counts.contains_key("DescribeVpcEndpoints"), "{counts:?}");
    // AWS has no list of what is on in which VPC: two attributes of each, twice an interval at most.
    let attributes = counts.remove("DescribeVpcAttribute").unwrap_or(0);
    assert!(
        attributes <= 2 * VPCS * (2 * checked / MANY + 2),
        "{attributes}"
    );
    for (operation, count) in &counts {
        assert!(
            count * 20 <= checked,
            "{operation} is called too often: {counts:?} in {checked} checks"
        );
    }

    // With pages of fifty, each list of the endpoints is four calls.
    let small = json!({"ec2_page_items": 50});
    world.simulator.knobs(Some(&account), &small).await.unwrap();
    let since = world.last_call().await;
    wait_for(MANY * 3 / 2).await;
    let calls = calls_of(&world, since, "DescribeVpcEndpoints").await;
    let goes_on = |call: &&harness::simulator::Call| call.request["NextToken"].is_string();
    let (more, lists) = (calls.iter().filter(goes_on).count(), calls.iter());
    let lists = lists.count() - more;
    // One list may have begun before, and one goes on.
    assert!(lists > 0 && more.abs_diff(3 * lists) <= 3, "{lists} {more}");
    let calls = world.operator_calls(since).await;
    assert!(calls.iter().all(|call| !call.mutating));
    crate::vpc_endpoint_net::finish(world).await;
}
