//! VPC endpoints as manifests, and what of them no manifest can say. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::account::VpcEndpoint;
use super::expressible::is_users_tag;
use crate::api::vpc_endpoint::EndpointType;
use crate::aws::tag::{self, MOST_TAGS, MOST_USER_TAGS};
use crate::resources::vpc_endpoint::desired::{self, short_name};
use crate::resources::vpc_endpoint::observed::{Endpoint, State, Type};
use crate::resources::vpc_endpoint::policy::{Policy, Reach};

/// Most subnets and groups of a manifest.
const MOST: usize = 16;
/// Most route tables of a manifest.
const MOST_TABLES: usize = 100;

/// What becomes of the endpoints that are found.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are taken over.
    Adopt,
    /// They are looked at, and stay whose they are.
    Observe,
}

/// What a manifest says of `endpoint`; `None` = it is about to be gone.
pub fn found(endpoint: &Endpoint, region: &str, mode: Mode) -> Option<VpcEndpoint> {
    if endpoint.is_leaving() {
        return None;
    }
    let short = short_name(&endpoint.service_name, region);
    let mut found = VpcEndpoint {
        id: endpoint.id.clone(),
        name: format!("{short}-{}", endpoint.id),
        label: endpoint.tags.get("Name").cloned().unwrap_or_default(),
        tags: endpoint.tags.clone(),
        ..VpcEndpoint::default()
    };
    match spec(endpoint, region, mode, &mut found.left_out) {
        Ok(spec) => found.spec = spec,
        Err(problem) => found.problem = Some(problem),
    }
    Some(found)
}

fn spec(
    endpoint: &Endpoint,
    region: &str,
    mode: Mode,
    left_out: &mut Vec<String>,
) -> Result<Value, String> {
    let Type::Known(type_) = &endpoint.type_ else {
        return Err("it is of a type that this version does not know".to_owned());
    };
    if endpoint.service_name.is_empty() {
        return Err("it is for no service, and a manifest names one".to_owned());
    }
    let managed = matches!(type_, EndpointType::Interface | EndpointType::Gateway);
    let usable = !matches!(
        endpoint.state,
        State::Rejected | State::Failed | State::Expired
    );
    let own = endpoint.tags.keys().filter(|key| is_users_tag(key)).count();
    let why = if mode == Mode::Observe {
        None
    } else if !managed {
        Some("it is of a type that is not managed".to_owned())
    } else if endpoint.requester_managed {
        Some("AWS manages it for another of its services".to_owned())
    } else if !usable {
        Some(format!("it is in state {}", endpoint.state))
    } else if own > MOST_USER_TAGS {
        Some(format!(
            "it has {own} tags: AWS allows {MOST_TAGS} and the operator needs three of its own"
        ))
    } else {
        lacks(endpoint, *type_)
    };
    let observes = mode == Mode::Observe || why.is_some();
    if let Some(why) = why {
        left_out.push(format!(
            "its manifest is for looking at it only (managementPolicy: Observe): {why}"
        ));
    }
    let mut spec = json!({
        "vpcId": endpoint.vpc_id, "vpcEndpointId": endpoint.id, "type": type_,
    });
    if observes {
        spec["managementPolicy"] = json!("Observe");
    } else {
        spec["adoptionPolicy"] = json!("Adopt");
    }
    let short = short_name(&endpoint.service_name, region);
    let short_is_enough =
        is_short(&short) && desired::full_name(&short, region) == endpoint.service_name;
    if short_is_enough {
        spec["service"] = json!(short);
    } else {
        spec["serviceName"] = json!(endpoint.service_name);
    }
    if managed && lacks(endpoint, *type_).is_none() {
        network(endpoint, *type_, &mut spec);
    }
    if let Some(policy) = policy(endpoint, left_out) {
        spec["policyJSON"] = json!(policy);
    }
    let tags = tags(endpoint, left_out);
    if !tags.is_empty() && !observes {
        spec["tags"] = json!(tags);
    }
    Ok(spec)
}

/// What a manifest asks for and the endpoint does not have.
fn lacks(endpoint: &Endpoint, type_: EndpointType) -> Option<String> {
    let counted = |what: &str, ids: &BTreeSet<String>, most: usize| match ids.len() {
        0 => Some(format!("it has no {what}")),
        n if n > most => Some(format!("it has {n} {what}s, and a manifest at most {most}")),
        _ => None,
    };
    match type_ {
        EndpointType::Interface => counted("subnet", &endpoint.subnet_ids, MOST)
            .or_else(|| counted("security group", &endpoint.group_ids, MOST)),
        EndpointType::Gateway => counted("route table", &endpoint.route_table_ids, MOST_TABLES),
        _ => None,
    }
}

fn network(endpoint: &Endpoint, type_: EndpointType, spec: &mut Value) {
    if type_ == EndpointType::Gateway {
        spec["routeTableIds"] = json!(endpoint.route_table_ids);
        return;
    }
    spec["subnetIds"] = json!(endpoint.subnet_ids);
    spec["securityGroupIds"] = json!(endpoint.group_ids);
    if !endpoint.private_dns {
        spec["privateDnsEnabled"] = json!(false);
    }
    if endpoint.private_dns && endpoint.inbound_resolver_only == Some(true) {
        spec["dnsOptions"] = json!({"privateDnsOnlyForInboundResolverEndpoint": true});
    }
}

/// The policy as AWS has it; `None` = the default, which an absent one leaves alone.
fn policy(endpoint: &Endpoint, left_out: &mut Vec<String>) -> Option<String> {
    let text = endpoint.policy.as_ref()?;
    let read = Policy::parse(text).and_then(|policy| policy.complete().map(|()| policy));
    match read {
        Ok(policy) if policy.reach() == Reach::Everything => None,
        Ok(_) => Some(text.clone()),
        Err(problem) => {
            left_out.push(format!(
                "its policy stays in AWS, and the manifest is without one: {problem}"
            ));
            None
        }
    }
}

fn tags<'a>(
    endpoint: &'a Endpoint,
    left_out: &mut Vec<String>,
) -> BTreeMap<&'a String, &'a String> {
    let own = endpoint.tags.iter().filter(|(key, _)| is_users_tag(key));
    let mut tags = BTreeMap::new();
    for (key, value) in own {
        let one = BTreeMap::from([(key.clone(), value.clone())]);
        if value.is_empty() || !tag::problems(&one).is_empty() {
            left_out.push(format!(
                "tag {key} stays in AWS, and the manifest is without it: EC2 takes it, and spec.tags has one rule for all kinds"
            ));
        } else {
            tags.insert(key, value);
        }
    }
    tags
}

/// What `spec.service` takes.
fn is_short(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.len() <= 100
        && text.split(['.', '-']).all(part)
        && !text.starts_with("com.")
        && !text.starts_with("aws.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn set(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn endpoint() -> Endpoint {
        Endpoint {
            id: "vpce-0a1b2c3d4e5f60718".to_owned(),
            vpc_id: "vpc-0a1b2c3d".to_owned(),
            service_name: "com.amazonaws.eu-central-1.ssm-contacts".to_owned(),
            state: State::Available,
            subnet_ids: set(&["subnet-000a", "subnet-000b"]),
            group_ids: set(&["sg-000a"]),
            private_dns: true,
            policy: Some(
                r#"{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}"#
                    .to_owned(),
            ),
            tags: BTreeMap::from([("Name".to_owned(), "contacts".to_owned())]),
            ..Endpoint::default()
        }
    }

    fn said(endpoint: &Endpoint, mode: Mode) -> VpcEndpoint {
        found(endpoint, "eu-central-1", mode).unwrap()
    }

    #[test]
    fn an_endpoint_is_said_as_it_is_and_defaults_are_left_out() {
        let said = said(&endpoint(), Mode::Adopt);
        assert_eq!(
            said.spec,
            json!({
                "adoptionPolicy": "Adopt", "vpcId": "vpc-0a1b2c3d", "vpcEndpointId": "vpce-0a1b2c3d4e5f60718",
                "type": "Interface", "service": "ssm-contacts", "subnetIds": ["subnet-000a", "subnet-000b"],
                "securityGroupIds": ["sg-000a"], "tags": {"Name": "contacts"},
            })
        );
        assert!(said.left_out.is_empty() && said.problem.is_none());
        assert_eq!(said.name, "ssm-contacts-vpce-0a1b2c3d4e5f60718");
    }

    #[test]
    fn what_cannot_be_taken_over_is_looked_at_and_the_report_says_why() {
        let managed = Endpoint {
            requester_managed: true,
            ..endpoint()
        };
        let without = Endpoint {
            subnet_ids: set(&[]),
            ..endpoint()
        };
        let failed = Endpoint {
            state: State::Failed,
            ..endpoint()
        };
        for endpoint in [managed, without, failed] {
            let said = said(&endpoint, Mode::Adopt);
            assert_eq!(said.spec["managementPolicy"], "Observe", "{said:?}");
            assert!(said.spec.get("adoptionPolicy").is_none(), "{said:?}");
            assert_eq!(said.left_out.len(), 1, "{said:?}");
        }
    }

    #[test]
    fn a_policy_of_ones_own_comes_along_and_a_service_of_somebody_else_by_its_full_name() {
        let policy = r#"{"Statement":[{"Action":"ssm-contacts:GetContact","Effect":"Allow","Principal":"*","Resource":"*"}]}"#;
        let theirs = Endpoint {
            policy: Some(policy.to_owned()),
            service_name: "com.amazonaws.vpce.eu-central-1.vpce-svc-0a1b2c3d".to_owned(),
            private_dns: false,
            ..endpoint()
        };
        let said = said(&theirs, Mode::Observe);
        assert_eq!(said.spec["policyJSON"], policy);
        assert_eq!(said.spec["serviceName"], theirs.service_name);
        assert_eq!(said.spec["privateDnsEnabled"], false);
        assert!(said.spec.get("service").is_none());
    }

    #[test]
    fn one_that_is_going_is_not_said() {
        let going = Endpoint {
            state: State::Deleting,
            ..endpoint()
        };
        assert!(found(&going, "eu-central-1", Mode::Adopt).is_none());
    }
}
