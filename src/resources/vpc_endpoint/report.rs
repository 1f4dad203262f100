//! What the status says of an endpoint. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{Desired, short_name};
use super::observed::{Endpoint, Network, Observed};
use super::plan::foretell;
use super::posture;
use super::posture::cost;
use crate::api::common::{Finding, Severity};
use crate::api::vpc_endpoint::{
    DnsEntryStatus, EndpointType, LastErrorStatus, NetworkInterfaceStatus, VpcEndpointStatus,
    VpcEndpointSummary,
};
use crate::engine::Report;

/// Fills the status.
pub fn report(
    desired: &Desired,
    observed: Option<&Observed>,
    accept: impl FnOnce(Vec<Finding>) -> Vec<Finding>,
    status: &mut VpcEndpointStatus,
) -> Report {
    let endpoint = observed.and_then(|o| o.endpoint.as_ref());
    let findings = observed
        .map(|o| accept(posture::findings(desired, o)))
        .unwrap_or_default();
    let list = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>();
    status.service_name = Some(desired.service_name.clone());
    status.id = endpoint.map(|e| e.id.clone());
    status.state = endpoint.map(|e| e.state.to_string());
    status.security_group_id = observed
        .and_then(|o| o.group.as_ref())
        .map(|g| g.id.clone());
    status.private_dns_enabled = endpoint
        .filter(|e| e.is(EndpointType::Interface))
        .map(|e| e.private_dns);
    status.dns_entries = endpoint.map(entries).unwrap_or_default();
    status.network_interfaces = endpoint
        .zip(observed)
        .map(|(e, o)| interfaces(e, &o.network))
        .unwrap_or_default();
    status.subnet_ids = endpoint.map(|e| list(&e.subnet_ids)).unwrap_or_default();
    status.security_group_ids = endpoint.map(|e| list(&e.group_ids)).unwrap_or_default();
    status.route_table_ids = endpoint
        .map(|e| list(&e.route_table_ids))
        .unwrap_or_default();
    status.last_error = endpoint
        .and_then(|e| e.last_error.clone())
        .map(|(code, message)| LastErrorStatus { code, message });
    let subnets = endpoint.map_or(0, |e| e.subnet_ids.len());
    status.estimated_monthly_cost_usd =
        endpoint.and_then(|_| cost::monthly(desired.type_, subnets, desired.place.hour));
    // What was named and is still there goes later: until then it is not forgotten.
    status.associated.retain(|id| {
        endpoint.is_some_and(|e| {
            e.subnet_ids.contains(id) || e.group_ids.contains(id) || e.route_table_ids.contains(id)
        })
    });
    if desired.observes {
        status.associated.clear();
    } else {
        foretell(desired, status);
    }
    status.summary = Some(VpcEndpointSummary {
        service: short_name(&desired.service_name, &desired.place.region),
        id: endpoint.map_or_else(|| "-".to_owned(), |e| e.id.clone()),
        state: endpoint.map_or_else(|| "Absent".to_owned(), |e| e.state.to_string()),
        zones: endpoint
            .zip(observed)
            .map_or_else(|| "-".to_owned(), |(e, o)| zones(e, &o.network)),
        findings: counted(&findings),
    });
    Report {
        findings,
        ..Report::default()
    }
}

/// In a fixed order: AWS's own is not always the same.
fn entries(endpoint: &Endpoint) -> Vec<DnsEntryStatus> {
    let mut entries = endpoint.dns_entries.clone();
    entries.sort();
    let entry = |(dns_name, hosted_zone_id)| DnsEntryStatus {
        dns_name,
        hosted_zone_id,
    };
    entries.into_iter().map(entry).collect()
}

fn interfaces(endpoint: &Endpoint, network: &Network) -> Vec<NetworkInterfaceStatus> {
    let one = |id: &String| {
        let known = network.interfaces.get(id);
        NetworkInterfaceStatus {
            id: id.clone(),
            subnet_id: known.map(|i| i.subnet_id.clone()).filter(|s| !s.is_empty()),
            zone: known.map(|i| i.zone.clone()).filter(|z| !z.is_empty()),
        }
    };
    endpoint.interface_ids.iter().map(one).collect()
}

fn zones(endpoint: &Endpoint, network: &Network) -> String {
    if endpoint.is(EndpointType::Gateway) {
        return match endpoint.route_table_ids.len() {
            1 => "1 route table".to_owned(),
            n => format!("{n} route tables"),
        };
    }
    let zone = |id: &String| {
        network
            .subnets
            .get(id)
            .map_or_else(|| id.clone(), |s| s.zone.clone())
    };
    let zones: BTreeSet<String> = endpoint.subnet_ids.iter().map(zone).collect();
    if zones.is_empty() {
        return "none".to_owned();
    }
    zones.into_iter().collect::<Vec<_>>().join(",")
}

fn counted(findings: &[Finding]) -> String {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for finding in findings.iter().filter(|f| f.accepted.is_none()) {
        *counts.entry(finding.severity).or_default() += 1;
    }
    let mut texts: Vec<String> = counts
        .iter()
        .rev()
        .map(|(severity, n)| format!("{n} {severity:?}"))
        .collect();
    let accepted = findings.iter().filter(|f| f.accepted.is_some()).count();
    if accepted > 0 {
        texts.push(format!("{accepted} accepted"));
    }
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::checks::finding;

    #[test]
    fn what_is_accepted_is_counted_apart() {
        let mut findings = vec![
            finding("SingleZone", "", Severity::Warning, "of one"),
            finding("NoSubnet", "", Severity::Critical, "of none"),
        ];
        assert_eq!(counted(&findings), "1 Critical, 1 Warning");
        findings[0].accepted = Some("lab only".to_owned());
        assert_eq!(counted(&findings), "1 Critical, 1 accepted");
        findings.remove(1);
        assert_eq!(counted(&findings), "1 accepted");
        assert_eq!(counted(&[]), "none");
    }
}
