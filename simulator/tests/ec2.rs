//! EC2: forms in, XML out; what a lost answer leaves behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use common::{ACCOUNT, Answer, Client, start};
use incident_operator_simulator::world::Options;
use serde_json::json;

async fn call(client: &Client, form: &str) -> Option<Answer> {
    let headers = [
        (
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        ),
        client.authorization("ec2"),
    ];
    let body = format!("Version=2016-11-15&Action={form}");
    client.send("POST", "/", &headers, &body).await
}

/// The text of the first element of this name.
fn text(answer: &Answer, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let rest = answer.text.split_once(&open).expect(&answer.text).1;
    rest.split_once(&close).unwrap().0.to_owned()
}

async fn ok(client: &Client, form: &str) -> Answer {
    let answer = call(client, form).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

async fn refused(client: &Client, status: u16, code: &str, form: &str) {
    let answer = call(client, form).await.unwrap();
    assert_eq!(
        (answer.status, text(&answer, "Code").as_str()),
        (status, code),
        "{}",
        answer.text
    );
}

async fn vpc(client: &Client) -> String {
    text(
        &ok(client, "CreateVpc&CidrBlock=10.0.0.0/16").await,
        "vpcId",
    )
}

const GATEWAY: &str = "CreateVpcEndpoint&ServiceName=com.amazonaws.us-east-1.s3&ClientToken=once";

#[tokio::test]
async fn an_endpoint_comes_and_goes() {
    let (_server, client) = start(Options::default()).await;
    let vpc = vpc(&client).await;
    let made = ok(&client, &format!("{GATEWAY}&VpcId={vpc}")).await;
    assert_eq!(text(&made, "state"), "available");
    assert_eq!(
        text(&made, "requestId"),
        made.header("x-amzn-requestid").unwrap()
    );
    let id = text(&made, "vpcEndpointId");
    refused(
        &client,
        400,
        "DependencyViolation",
        &format!("DeleteVpc&VpcId={vpc}"),
    )
    .await;
    let gone = ok(&client, &format!("DeleteVpcEndpoints&VpcEndpointId.1={id}")).await;
    assert!(
        gone.text.contains("<unsuccessful></unsuccessful>"),
        "{}",
        gone.text
    );
    let describe = format!("DescribeVpcEndpoints&VpcEndpointId.1={id}");
    refused(&client, 400, "InvalidVpcEndpointId.NotFound", &describe).await;
    ok(&client, &format!("DeleteVpc&VpcId={vpc}")).await;
}

#[tokio::test]
async fn a_lost_answer_is_found_again_by_its_token() {
    let (_server, client) = start(Options::default()).await;
    let vpc = vpc(&client).await;
    let fault = json!({"kind": "cut", "operation": "CreateVpcEndpoint", "when": "after"});
    client.steer("POST", "/faults", fault).await;
    let form = format!("{GATEWAY}&VpcId={vpc}");
    assert!(
        call(&client, &form)
            .await
            .is_none_or(|answer| answer.status == 0)
    );
    let listed = ok(&client, "DescribeVpcEndpoints").await;
    let again = ok(&client, &form).await;
    assert_eq!(
        text(&again, "vpcEndpointId"),
        text(&listed, "vpcEndpointId")
    );
    let listed = ok(&client, "DescribeVpcEndpoints").await;
    assert_eq!(listed.text.matches("<vpcEndpointId>").count(), 1);
    let other = format!("{form}&PrivateDnsEnabled=false");
    refused(&client, 400, "IdempotentParameterMismatch", &other).await;
}

#[tokio::test]
async fn without_a_token_there_are_two() {
    let (_server, client) = start(Options::default()).await;
    let vpc = vpc(&client).await;
    let form = format!("CreateVpcEndpoint&ServiceName=com.amazonaws.us-east-1.s3&VpcId={vpc}");
    let first = ok(&client, &form).await;
    let second = ok(&client, &form).await;
    assert_ne!(
        text(&first, "vpcEndpointId"),
        text(&second, "vpcEndpointId")
    );
}

#[tokio::test]
async fn states_follow_the_simulated_clock() {
    let (_server, client) = start(Options::default()).await;
    let vpc = vpc(&client).await;
    let knobs = json!({"state_delay_ms": 60_000});
    client
        .steer("PUT", &format!("/knobs?account={ACCOUNT}"), knobs)
        .await;
    let made = ok(
        &client,
        &format!(
            "CreateVpcEndpoint&VpcEndpointType=Interface&ServiceName=com.amazonaws.us-east-1.ssm&VpcId={vpc}&PrivateDnsEnabled=false"
        ),
    )
    .await;
    let id = text(&made, "vpcEndpointId");
    let describe = format!("DescribeVpcEndpoints&VpcEndpointId.1={id}");
    assert_eq!(text(&ok(&client, &describe).await, "state"), "pending");
    let modify = format!("ModifyVpcEndpoint&VpcEndpointId={id}&ResetPolicy=true");
    refused(&client, 400, "OperationInProgress", &modify).await;
    client
        .steer("POST", "/clock/advance", json!({"seconds": 61}))
        .await;
    assert_eq!(text(&ok(&client, &describe).await, "state"), "available");
    ok(&client, &modify).await;
    ok(&client, &format!("DeleteVpcEndpoints&VpcEndpointId.1={id}")).await;
    assert_eq!(text(&ok(&client, &describe).await, "state"), "deleting");
    refused(&client, 400, "InvalidParameter", &modify).await;
}

#[tokio::test]
async fn errors_have_their_status() {
    let (_server, client) = start(Options::default()).await;
    refused(&client, 400, "InvalidAction", "DescribeDragons").await;
    refused(&client, 400, "UnknownParameter", "DescribeVpcs&Colour=red").await;
    refused(&client, 412, "DryRunOperation", "DescribeVpcs&DryRun=true").await;
    let deny = json!({"deny": ["ec2:DescribeVpcs"]});
    client
        .steer("PUT", &format!("/iam?account={ACCOUNT}"), deny)
        .await;
    refused(
        &client,
        403,
        "UnauthorizedOperation",
        "DescribeVpcs&DryRun=true",
    )
    .await;
    client
        .steer(
            "POST",
            "/faults",
            json!({"kind": "throttle", "service": "ec2"}),
        )
        .await;
    refused(&client, 503, "RequestLimitExceeded", "DescribeSubnets").await;
}

#[tokio::test]
async fn a_call_of_ec2_onboards_nobody() {
    let (_server, client) = start(Options {
        onboarded: Some(Vec::new()),
        ..Options::default()
    })
    .await;
    ok(&client.in_region("eu-west-1"), "DescribeVpcs").await;
    let account = client
        .steer("GET", &format!("/accounts/{ACCOUNT}"), json!(null))
        .await;
    assert!(account["replicationSet"].is_null(), "{account}");
    client.person("ada").await;
}
