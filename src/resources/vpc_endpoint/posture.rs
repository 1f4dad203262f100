//! CHK-56 to CHK-68: whether an endpoint is private, narrow and able to survive the loss of a zone, and whether its VPC has the others that
//! belong to it. Pure; it works as well on endpoints that others manage.

pub mod cost;

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{Desired, HTTPS, short_name};
use super::observed::{
    Endpoint, Group, GroupRule, Network, Observed, Peer, RouteTable, ServiceInfo, State,
};
use super::policy::{Policy, Reach, buckets};
use crate::api::common::{Finding, Severity};
use crate::api::vpc_endpoint::EndpointType;
use crate::resources::checks::finding;

/// What the checks look at.
#[derive(Clone, Copy)]
pub struct Checked<'a> {
    /// The endpoint.
    pub endpoint: &'a Endpoint,
    /// What is around it. What could not be read is not judged.
    pub network: &'a Network,
    /// The Region of the VPC.
    pub region: &'a str,
    /// The service, as the catalogue has it.
    pub service: Option<&'a ServiceInfo>,
}

/// Every finding about an endpoint; none when there is no endpoint or it is on its way out.
pub fn findings(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    let Some(endpoint) = observed.endpoint.as_ref().filter(|e| !e.is_leaving()) else {
        return vec![];
    };
    // Attributes of a VPC are read with the place, one VPC at a time.
    let network = Network {
        dns: desired.place.network.dns.clone(),
        ..observed.network.clone()
    };
    examine(Checked {
        endpoint,
        network: &network,
        region: &desired.place.region,
        service: desired.place.service.as_ref(),
    })
}

/// Every finding about an endpoint.
pub fn examine(checked: Checked<'_>) -> Vec<Finding> {
    let mut found = vec![];
    if checked.endpoint.is(EndpointType::Interface) {
        found.extend(subnets(checked));
        found.extend(names(checked));
        found.extend(groups(checked));
    }
    if checked.endpoint.is(EndpointType::Gateway) && checked.endpoint.route_table_ids.is_empty() {
        found.push(finding(
            "NoRouteTable",
            "",
            Severity::Warning,
            "the endpoint is in no route table, so nothing goes through it: add the route tables of the private subnets to routeTableIds",
        ));
    }
    found.extend(policy(checked));
    found.extend(elsewhere(checked));
    found.extend(companions(checked));
    // Keys of the list are id and subject.
    found.sort_by(|a, b| (&a.id, &a.subject).cmp(&(&b.id, &b.subject)));
    found.dedup_by(|a, b| a.id == b.id && a.subject == b.subject);
    found
}

/// CHK-56, 66 and 67.
fn subnets(checked: Checked<'_>) -> Vec<Finding> {
    let Checked {
        endpoint, network, ..
    } = checked;
    if endpoint.subnet_ids.is_empty() {
        let message = "the endpoint is in no subnet, so nothing can reach it: name a private subnet of each zone in subnetIds (CHK-56)";
        return vec![finding("NoSubnet", "", Severity::Critical, message)];
    }
    let mut found = vec![];
    let mut by_zone: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for id in &endpoint.subnet_ids {
        let by_interface = || {
            let mut of_endpoint = endpoint
                .interface_ids
                .iter()
                .filter_map(|i| network.interfaces.get(i));
            of_endpoint
                .find(|i| i.subnet_id == *id)
                .map(|i| i.zone.as_str())
        };
        let zone = network
            .subnets
            .get(id)
            .map(|s| s.zone.as_str())
            .or_else(by_interface);
        // A subnet that could not be read counts as a zone of its own.
        by_zone
            .entry(zone.filter(|z| !z.is_empty()).unwrap_or(id))
            .or_default()
            .push(id);
    }
    if let (1, Some((zone, _))) = (by_zone.len(), by_zone.first_key_value()) {
        found.push(finding(
            "SingleZone",
            zone,
            Severity::Warning,
            "is the only zone of this endpoint: when it fails, so does the private path. Add a subnet of another zone (CHK-56)",
        ));
    }
    for (zone, ids) in by_zone.iter().filter(|(_, ids)| ids.len() > 1) {
        let message = format!(
            "has the subnets {} of this endpoint: one for each zone is enough, and each costs as much. Keep one of them (CHK-66)",
            ids.join(", ")
        );
        found.push(finding(
            "SubnetsInSameZone",
            zone,
            Severity::Warning,
            message,
        ));
    }
    for id in &endpoint.subnet_ids {
        if let Some(table) = route_table(network, &endpoint.vpc_id, id).filter(|t| t.to_internet) {
            let message = format!(
                "is a public subnet (route table {} has a route to an Internet gateway): put the endpoint into private subnets (CHK-67)",
                table.id
            );
            found.push(finding("PublicSubnet", id, Severity::Warning, message));
        }
    }
    found
}

/// The route table that serves a subnet: its own, else the main one of the VPC.
fn route_table<'a>(network: &'a Network, vpc_id: &str, subnet_id: &str) -> Option<&'a RouteTable> {
    let mut tables = network.route_tables.values().filter(|t| t.vpc_id == vpc_id);
    let own = tables.clone().find(|t| t.subnet_ids.contains(subnet_id));
    own.or_else(|| tables.find(|t| t.main))
}

/// CHK-57, 58 and 63.
fn names(checked: Checked<'_>) -> Vec<Finding> {
    let Checked {
        endpoint, network, ..
    } = checked;
    let mut found = vec![];
    let others: Vec<&Endpoint> = network
        .others_of(&endpoint.vpc_id, Some(&endpoint.id))
        .filter(|other| other.service_name == endpoint.service_name && is_live(other))
        .collect();
    // A gateway endpoint takes the traffic of the VPC by routes, whatever the names.
    let private_already = others
        .iter()
        .any(|other| other.private_dns || other.is(EndpointType::Gateway));
    let nameless = checked
        .service
        .is_some_and(|s| s.private_dns_names.is_empty());
    if !endpoint.private_dns && !private_already && !nameless {
        found.push(finding(
            "PrivateDnsDisabled",
            "",
            Severity::Warning,
            "the service's usual names do not resolve to this endpoint: whoever does not know its own names goes over the Internet, or nowhere. Set privateDnsEnabled: true (CHK-57)",
        ));
    }
    if let (true, Some(dns)) = (endpoint.private_dns, network.dns.get(&endpoint.vpc_id)) {
        let off = [
            (dns.support, "enableDnsSupport"),
            (dns.hostnames, "enableDnsHostnames"),
        ];
        let off: Vec<&str> = off
            .iter()
            .filter(|(on, _)| !on)
            .map(|(_, name)| *name)
            .collect();
        if !off.is_empty() {
            let message = format!(
                "has {} off, so the service's usual names do not resolve to this endpoint: turn it on with ModifyVpcAttribute (CHK-58)",
                off.join(" and ")
            );
            found.push(finding(
                "VpcDnsDisabled",
                &endpoint.vpc_id,
                Severity::Critical,
                message,
            ));
        }
    }
    for other in others.iter().filter(|o| o.is(EndpointType::Interface)) {
        if endpoint.private_dns || other.private_dns {
            found.push(finding(
                "DuplicateEndpoint",
                &other.id,
                Severity::Warning,
                "is an endpoint for the same service in the same VPC: only one of them can have private DNS, and both cost. Delete one (CHK-63)",
            ));
        }
    }
    found
}

/// CHK-59 and 60.
fn groups(checked: Checked<'_>) -> Vec<Finding> {
    let Checked {
        endpoint, network, ..
    } = checked;
    let known: Vec<&Group> = endpoint
        .group_ids
        .iter()
        .filter_map(|id| network.groups.get(id))
        .collect();
    let all_known = known.len() == endpoint.group_ids.len();
    let mut found = vec![];
    let lets_in = known.iter().any(|g| g.ingress.iter().any(lets_https_in));
    if all_known && !lets_in {
        found.push(finding(
            "ClosedSecurityGroup",
            "",
            Severity::Critical,
            "no security group of this endpoint lets anybody in on TCP 443: nothing can use it. Add a rule for the VPC's range or the clients' groups, or use managedSecurityGroup (CHK-59)",
        ));
    }
    for group in &known {
        let is_default = group.name == "default";
        if is_default {
            found.push(finding(
                "DefaultSecurityGroup",
                &group.id,
                Severity::Warning,
                "is the VPC's default security group, which others are in, too: give the endpoint its own, with managedSecurityGroup (CHK-59)",
            ));
        }
        let open: BTreeSet<&str> = group.ingress.iter().filter_map(from_everywhere).collect();
        if !open.is_empty() {
            let message = format!(
                "lets in {}: name the VPC's range or the clients' security groups instead (CHK-60)",
                open.into_iter().collect::<Vec<_>>().join(" and ")
            );
            found.push(finding(
                "OpenSecurityGroup",
                &group.id,
                Severity::Warning,
                message,
            ));
        }
        let beyond: BTreeSet<String> = group.ingress.iter().filter_map(beyond_https).collect();
        // What members of the default group may do among themselves is part of it.
        if !beyond.is_empty() && !is_default {
            let message = format!(
                "lets in {}: an endpoint answers on TCP 443 only. Take these rules out, or give the endpoint its own group (CHK-60)",
                beyond.into_iter().collect::<Vec<_>>().join(", ")
            );
            found.push(finding(
                "UnrelatedPorts",
                &group.id,
                Severity::Warning,
                message,
            ));
        }
    }
    found
}

fn is_tcp(rule: &GroupRule) -> bool {
    matches!(rule.protocol.as_str(), "tcp" | "6")
}

fn is_any_protocol(rule: &GroupRule) -> bool {
    rule.protocol == "-1"
}

fn lets_https_in(rule: &GroupRule) -> bool {
    let within =
        rule.from_port.is_none_or(|p| p <= HTTPS) && rule.to_port.is_none_or(|p| p >= HTTPS);
    is_any_protocol(rule) || (is_tcp(rule) && within)
}

/// The range, when that is everybody.
fn from_everywhere(rule: &GroupRule) -> Option<&str> {
    match &rule.peer {
        Peer::Cidr(range) if range.ends_with("/0") => Some(range),
        _ => None,
    }
}

/// What a rule lets in that no endpoint answers. ICMP tells senders of sizes and is no port.
fn beyond_https(rule: &GroupRule) -> Option<String> {
    let exactly = rule.from_port == Some(HTTPS) && rule.to_port == Some(HTTPS);
    let protocol = rule.protocol.as_str();
    if (is_tcp(rule) && exactly) || matches!(protocol, "icmp" | "icmpv6" | "1" | "58") {
        return None;
    }
    if is_any_protocol(rule) {
        return Some("all protocols".to_owned());
    }
    let name = match protocol {
        "6" => "tcp",
        "17" => "udp",
        other => other,
    };
    Some(match (rule.from_port, rule.to_port) {
        (Some(from), Some(to)) if from == to => format!("{name} {from}"),
        (Some(from), Some(to)) => format!("{name} {from} to {to}"),
        _ => format!("{name}, all ports"),
    })
}

/// CHK-61 and 65.
fn policy(checked: Checked<'_>) -> Vec<Finding> {
    let Checked {
        endpoint, region, ..
    } = checked;
    let Some(text) = &endpoint.policy else {
        return vec![];
    };
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(problem) => {
            let message = format!(
                "the policy in AWS could not be judged: {problem}. Look at it in AWS, or write it here, with policy or policyPreset (CHK-61)"
            );
            return vec![finding("UnreadablePolicy", "", Severity::Info, message)];
        }
    };
    let mut found = vec![];
    let service = short_name(&endpoint.service_name, region);
    let whom = match policy.reach() {
        Reach::Everything => Some("everything".to_owned()),
        Reach::WholeService => Some(format!("everything with {service}")),
        Reach::Limited => None,
    };
    if let Some(what) = whom {
        let message = format!(
            "the policy lets whoever comes from the VPC, from any account, do {what}: say who may do what, for example with policyPreset (CHK-61)"
        );
        found.push(finding("FullAccessPolicy", "", Severity::Warning, message));
    }
    let manages_nodes = has(checked, "ssm");
    if service == "s3" && endpoint.is(EndpointType::Gateway) && manages_nodes {
        let buckets = buckets::patching(region).unwrap_or_default();
        let denied: Vec<String> = buckets
            .into_iter()
            .filter(|b| !policy.lets_read_bucket(b))
            .collect();
        if !denied.is_empty() {
            let message = format!(
                "the policy does not let managed nodes read {}: patching fails. Allow s3:GetObject on them, or use the preset S3PatchBuckets (CHK-65)",
                denied.join(" and ")
            );
            found.push(finding(
                "PatchBucketsDenied",
                "",
                Severity::Warning,
                message,
            ));
        }
    }
    found
}

/// CHK-62.
fn elsewhere(checked: Checked<'_>) -> Option<Finding> {
    let parts = checked.endpoint.service_name.split('.');
    let regions: Vec<&str> = parts.filter(|part| is_region(part)).collect();
    let region = regions
        .first()
        .filter(|_| !regions.contains(&checked.region))?;
    let message = format!(
        "is the Region of the service, and the VPC is in {}: calls for this Region do not go through it. Use the service of the VPC's own Region (CHK-62)",
        checked.region
    );
    Some(finding(
        "ServiceInAnotherRegion",
        region,
        Severity::Critical,
        message,
    ))
}

/// `eu-central-1`, `us-gov-west-1`, and not `s3-global`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = parts
        .last()
        .is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    parts.len() >= 3 && number && parts[0].len() == 2
}

/// CHK-64 and 68, and what Systems Manager needs beside its own endpoint.
fn companions(checked: Checked<'_>) -> Vec<Finding> {
    let service = short_name(&checked.endpoint.service_name, checked.region);
    let service = service.strip_suffix("-fips").unwrap_or(&service);
    let missing = |name: &str| !has(checked, name);
    let mut found = vec![];
    let mut companion = |name: &str, severity: Severity, message: &str| {
        let message = format!("has no endpoint in this VPC: {message}");
        found.push(finding("MissingCompanion", name, severity, message));
    };
    match service {
        "ssm-incidents" if missing("ssm-contacts") => companion(
            "ssm-contacts",
            Severity::Warning,
            "incidents are reached privately, and those whom they engage are not. Incident Manager needs both (CHK-64)",
        ),
        "ssm-contacts" if missing("ssm-incidents") => companion(
            "ssm-incidents",
            Severity::Warning,
            "contacts are reached privately, and incidents are not. Incident Manager needs both (CHK-64)",
        ),
        "ssm" => {
            let channels = !missing("ssmmessages");
            if !channels {
                companion(
                    "ssmmessages",
                    Severity::Warning,
                    "without it SSM Agent has no channel to the service, for commands and for sessions. Add one (CHK-64)",
                );
            }
            if missing("ec2messages") {
                // From version 3.3.40.0 on, SSM Agent takes the other one where it can.
                let severity = if channels {
                    Severity::Info
                } else {
                    Severity::Warning
                };
                companion(
                    "ec2messages",
                    severity,
                    "without it SSM Agent before version 3.3.40.0 gets no commands. Add one, or update the agents (CHK-64)",
                );
            }
            if missing("s3") {
                companion(
                    "s3",
                    Severity::Warning,
                    "without it SSM Agent cannot be updated, and nodes cannot be patched. Add one of type Gateway (CHK-64)",
                );
            }
        }
        "ssmmessages" | "ec2messages" if missing("ssm") => companion(
            "ssm",
            Severity::Warning,
            "without it SSM Agent cannot register and gets no documents. Add one (CHK-64)",
        ),
        _ => {}
    }
    if missing("ec2") {
        // Systems Manager cannot list volumes then; for the others it is what Security Hub reports of the VPC.
        let severity = if service == "ssm" {
            Severity::Warning
        } else {
            Severity::Info
        };
        found.push(finding(
            "NoEC2Endpoint",
            &checked.endpoint.vpc_id,
            severity,
            "has no endpoint for the EC2 API: calls to it go over the Internet, and documents that list volumes fail without it. Add one for the service ec2 (CHK-68, Security Hub EC2.10)",
        ));
    }
    found
}

/// Whether the VPC has an endpoint for an AWS service that works or will.
fn has(checked: Checked<'_>, service: &str) -> bool {
    let Checked {
        endpoint,
        network,
        region,
        ..
    } = checked;
    let is_for = |candidate: &Endpoint| {
        let name = short_name(&candidate.service_name, region);
        name.strip_suffix("-fips").unwrap_or(&name) == service
    };
    let mut others = network
        .others_of(&endpoint.vpc_id, Some(&endpoint.id))
        .filter(|e| is_live(e));
    is_for(endpoint) || others.any(is_for)
}

fn is_live(endpoint: &Endpoint) -> bool {
    match endpoint.state {
        State::PendingAcceptance
        | State::Pending
        | State::Available
        | State::Partial
        | State::Other(_) => true,
        State::Deleting | State::Deleted | State::Rejected | State::Failed | State::Expired => {
            false
        }
    }
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod tests;
