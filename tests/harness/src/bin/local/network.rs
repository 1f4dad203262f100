//! The network part of the demo: a VPC, the nine endpoints of the examples in it, a poor one, and one of somebody else's.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::{Simulator, table};
use serde_json::Value;

use crate::demo::{make_namespaces, name_of, read, wait};
use crate::environment::{ACCOUNT, Environment, REGION, shown};

/// How long findings may take to follow the endpoints that come.
const SETTLED: Duration = Duration::from_mins(1);

/// The VPC, a public subnet and two route tables, as the examples call them.
const VPC: &str = "vpc-0a1b2c3d4e5f60718";
const SUBNET: &str = "subnet-0a1b2c3d4e5f60718";
const TABLES: [&str; 2] = ["rtb-0a1b2c3d4e5f60718", "rtb-0b1c2d3e4f5a60718"];

/// Furnishes a VPC, applies the endpoints and shows what came of them.
pub async fn show(environment: &Environment, examples: &Path, begin: Instant) -> Result<()> {
    let directory = examples.join("vpc-endpoints");
    if !directory.exists() {
        return Ok(());
    }
    let cluster = &environment.cluster;
    let say = |what: &str| println!("{:5.1} s  {what}", begin.elapsed().as_secs_f64());
    println!("\nPrivate paths (kubectl get vpcendpoints -A):\n");
    let vpc = Vpc::furnish(&environment.simulator).await?;
    say(&format!(
        "{} has two private subnets and a public one; somebody else has an endpoint for sqs in it",
        vpc.id
    ));
    let good = vpc.fit(read(&directory)?)?;
    let posture = vpc.fit(read(&directory.join("posture"))?)?;
    let mut namespaces = vec![];
    make_namespaces(cluster, &good, &mut namespaces).await?;
    for object in good.iter().chain(&posture) {
        cluster
            .try_apply(object)
            .await
            .with_context(|| format!("apply {}", name_of(object)))?;
    }
    say(&format!(
        "kubectl apply -R -f {}, with the ids of this VPC",
        shown(&directory)
    ));
    let endpoints = |objects: &[Value]| -> Vec<Value> {
        let of_kind = objects.iter().filter(|o| o["kind"] == "VpcEndpoint");
        of_kind.cloned().collect()
    };
    let (good, posture) = (endpoints(&good), endpoints(&posture));
    wait(cluster, &good, begin).await?;
    wait(cluster, &posture, begin).await?;
    settle(environment, &good).await?;
    say("all of them are Ready, and nothing is found at those that are as they should be");
    println!("\n{}", table::of_kind(cluster, "VpcEndpoint").await?);
    println!("What is found at the poor one and at the one of somebody else:\n");
    for object in &posture {
        for finding in found(environment, object).await? {
            let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
            let accepted = finding["accepted"].as_str();
            let accepted = accepted.map_or(String::new(), |why| format!(" [accepted: {why}]"));
            let subject = text("subject");
            let subject = if subject.is_empty() {
                String::new()
            } else {
                format!(" {subject}")
            };
            println!(
                "  {} {} {}{subject}: {}{accepted}",
                name_of(object),
                text("severity"),
                text("id"),
                text("message")
            );
        }
    }
    println!();
    Ok(())
}

/// Findings of an object as its status has them.
async fn findings(environment: &Environment, object: &Value) -> Result<Vec<Value>> {
    let metadata = &object["metadata"];
    let found = environment
        .cluster
        .get(
            "VpcEndpoint",
            metadata["namespace"].as_str(),
            metadata["name"].as_str().unwrap_or_default(),
        )
        .await?
        .with_context(|| format!("{} is gone", name_of(object)))?;
    let findings = found.data["status"]["findings"].as_array();
    Ok(findings.cloned().unwrap_or_default())
}

/// Waits until something is found at an object that is there to show findings.
async fn found(environment: &Environment, object: &Value) -> Result<Vec<Value>> {
    let deadline = Instant::now() + SETTLED;
    loop {
        let found = findings(environment, object).await?;
        if !found.is_empty() {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("nothing is found at {} after {SETTLED:?}", name_of(object));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until nothing is found any more: each endpoint misses the others of the VPC until they have come.
async fn settle(environment: &Environment, objects: &[Value]) -> Result<()> {
    let deadline = Instant::now() + SETTLED;
    loop {
        let mut left = vec![];
        for object in objects {
            for finding in findings(environment, object).await? {
                left.push(format!("{}: {}", name_of(object), finding["message"]));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            bail!("still found after {SETTLED:?}:\n{}", left.join("\n"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A VPC in the simulated AWS.
struct Vpc {
    id: String,
    public: String,
    tables: [String; 2],
}

impl Vpc {
    /// As a network team would: two private subnets in two zones, each with a route table, and a public one.
    async fn furnish(simulator: &Simulator) -> Result<Self> {
        let call = async |action: &str, parameters: &[(&str, &str)], answer: &str| {
            let xml = simulator.ec2(ACCOUNT, REGION, action, parameters).await?;
            if answer.is_empty() {
                return Ok(String::new());
            }
            element(&xml, answer).with_context(|| format!("{action} answered without {answer}"))
        };
        let id = call("CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "vpcId").await?;
        for attribute in ["EnableDnsSupport.Value", "EnableDnsHostnames.Value"] {
            let on = [("VpcId", id.as_str()), (attribute, "true")];
            call("ModifyVpcAttribute", &on, "").await?;
        }
        let mut private = vec![];
        let mut tables = vec![];
        for (zone, range) in [("a", "10.0.1.0/24"), ("b", "10.0.2.0/24")] {
            let zone = format!("{REGION}{zone}");
            let subnet = [
                ("VpcId", id.as_str()),
                ("CidrBlock", range),
                ("AvailabilityZone", &zone),
                ("TagSpecification.1.ResourceType", "subnet"),
                ("TagSpecification.1.Tag.1.Key", "tier"),
                ("TagSpecification.1.Tag.1.Value", "private"),
            ];
            let subnet = call("CreateSubnet", &subnet, "subnetId").await?;
            let table = call("CreateRouteTable", &[("VpcId", &id)], "routeTableId").await?;
            let both = [
                ("RouteTableId", table.as_str()),
                ("SubnetId", subnet.as_str()),
            ];
            call("AssociateRouteTable", &both, "associationId").await?;
            private.push(subnet);
            tables.push(table);
        }
        let zone = format!("{REGION}a");
        let subnet = [
            ("VpcId", id.as_str()),
            ("CidrBlock", "10.0.9.0/24"),
            ("AvailabilityZone", &zone),
        ];
        let public = call("CreateSubnet", &subnet, "subnetId").await?;
        let gateway = call("CreateInternetGateway", &[], "internetGatewayId").await?;
        let attach = [
            ("InternetGatewayId", gateway.as_str()),
            ("VpcId", id.as_str()),
        ];
        call("AttachInternetGateway", &attach, "").await?;
        let table = call("CreateRouteTable", &[("VpcId", &id)], "routeTableId").await?;
        let route = [
            ("RouteTableId", table.as_str()),
            ("DestinationCidrBlock", "0.0.0.0/0"),
            ("GatewayId", gateway.as_str()),
        ];
        call("CreateRoute", &route, "").await?;
        let both = [
            ("RouteTableId", table.as_str()),
            ("SubnetId", public.as_str()),
        ];
        call("AssociateRouteTable", &both, "associationId").await?;
        let service = format!("com.amazonaws.{REGION}.sqs");
        let theirs = [
            ("VpcId", id.as_str()),
            ("VpcEndpointType", "Interface"),
            ("ServiceName", &service),
            ("SubnetId.1", &private[0]),
            ("PrivateDnsEnabled", "true"),
        ];
        call("CreateVpcEndpoint", &theirs, "vpcEndpointId").await?;
        let tables = <[String; 2]>::try_from(tables).map_err(|_| anyhow::anyhow!("two tables"))?;
        Ok(Self { id, public, tables })
    }

    /// Manifests of the examples with the ids of this VPC.
    fn fit(&self, objects: Vec<Value>) -> Result<Vec<Value>> {
        let fit = |object: Value| {
            let text = object
                .to_string()
                .replace(VPC, &self.id)
                .replace(SUBNET, &self.public)
                .replace(TABLES[0], &self.tables[0])
                .replace(TABLES[1], &self.tables[1]);
            Ok(serde_json::from_str(&text)?)
        };
        objects.into_iter().map(fit).collect()
    }
}

/// The text of the first element of this name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once('<')?.0.to_owned())
}
