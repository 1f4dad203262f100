//! Which endpoint and which group are an object's. Pure.

use std::collections::BTreeSet;

use super::observed::{Endpoint, Group, Network};
use crate::api::vpc_endpoint::EndpointType;
use crate::aws::tag;

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// Ids of endpoints that the status has recorded.
    pub recorded: BTreeSet<String>,
    /// Id of the group that the status has recorded.
    pub recorded_group: Option<String>,
    /// Who we are in AWS's tags: owner and object.
    pub claim: (String, String),
    /// The endpoint that the spec names.
    pub named: Option<String>,
    /// The VPC.
    pub vpc_id: String,
    /// Full name of the service.
    pub service_name: String,
    /// Type.
    pub type_: Option<EndpointType>,
    /// One that was not made for the object may be taken or looked at.
    pub takes_others: bool,
    /// It is only looked at, whoever has it.
    pub observes: bool,
    /// The object is being deleted: nothing but its own is of interest.
    pub deleting: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The endpoint.
    pub endpoint: Option<Endpoint>,
    /// The group.
    pub group: Option<Group>,
    /// Why none can be chosen.
    pub obstacle: Option<String>,
}

/// Finds what is the object's: what it has recorded, what carries its tags, what it names, and at last what is in the same VPC for the same
/// service, when it may have that.
pub fn find(sought: &Sought, network: &Network) -> Found {
    let group = group(sought, network);
    let found = |endpoint: &Endpoint| Found {
        endpoint: Some(endpoint.clone()),
        group: group.clone(),
        obstacle: None,
    };
    let own = sought
        .recorded
        .iter()
        .find_map(|id| network.endpoints.get(id))
        .or_else(|| {
            let mut ours = network.endpoints.values().filter(|e| {
                e.vpc_id == sought.vpc_id && carries(&sought.claim, &e.tags) && !e.is_leaving()
            });
            ours.next()
        });
    if let Some(own) = own {
        return found(own);
    }
    let nothing = |obstacle| Found {
        endpoint: None,
        group: group.clone(),
        obstacle,
    };
    if sought.deleting {
        return nothing(None);
    }
    if let Some(id) = &sought.named {
        let Some(named) = network.endpoints.get(id) else {
            return nothing(None);
        };
        return match mismatch(sought, named) {
            None => found(named),
            Some(problem) => nothing(Some(problem)),
        };
    }
    if !sought.takes_others {
        return nothing(None);
    }
    let candidates: Vec<&Endpoint> = network
        .others_of(&sought.vpc_id, None)
        .filter(|e| mismatch(sought, e).is_none())
        .collect();
    // Those of others are no candidates as long as there is one that is nobody's.
    let free: Vec<&Endpoint> = candidates
        .iter()
        .copied()
        .filter(|e| sought.observes || !e.tags.contains_key(tag::OWNER))
        .collect();
    let choice = if free.is_empty() { candidates } else { free };
    match choice.as_slice() {
        [] => nothing(None),
        [one] => found(one),
        several => {
            let ids: Vec<&str> = several.iter().map(|e| e.id.as_str()).collect();
            nothing(Some(format!(
                "{} has several endpoints for {}: {}. Name the one that is meant in spec.vpcEndpointId. Nothing was touched",
                sought.vpc_id,
                sought.service_name,
                ids.join(", ")
            )))
        }
    }
}

/// Why an endpoint is not what the spec says in what cannot be changed.
fn mismatch(sought: &Sought, endpoint: &Endpoint) -> Option<String> {
    let differs = |what: &str, has: &str, asked: &str| {
        Some(format!(
            "{} has {what} {has}, and the spec says {asked}, which AWS has no way to change: name another endpoint in spec.vpcEndpointId, or make another object. Nothing was touched",
            endpoint.id
        ))
    };
    if endpoint.vpc_id != sought.vpc_id {
        return differs("VPC", &endpoint.vpc_id, &sought.vpc_id);
    }
    match sought.type_ {
        Some(type_) if !endpoint.is(type_) => {
            return differs("type", &endpoint.type_.to_string(), &format!("{type_:?}"));
        }
        _ => {}
    }
    let lattice = matches!(
        sought.type_,
        Some(EndpointType::Resource | EndpointType::ServiceNetwork)
    );
    if endpoint.service_name != sought.service_name
        && !(lattice && endpoint.service_name.is_empty())
    {
        return differs("service", &endpoint.service_name, &sought.service_name);
    }
    None
}

/// The group that was made for the object.
fn group(sought: &Sought, network: &Network) -> Option<Group> {
    let recorded = sought
        .recorded_group
        .as_ref()
        .and_then(|id| network.groups.get(id))
        // Whoever has put their own name on it has it.
        .filter(|g| carries(&sought.claim, &g.tags) || !g.tags.contains_key(tag::OBJECT));
    recorded
        .or_else(|| {
            network
                .groups
                .values()
                .find(|g| g.vpc_id == sought.vpc_id && carries(&sought.claim, &g.tags))
        })
        .cloned()
}

fn carries(
    (owner, object): &(String, String),
    tags: &std::collections::BTreeMap<String, String>,
) -> bool {
    tags.get(tag::OWNER) == Some(owner) && tags.get(tag::OBJECT) == Some(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const SERVICE: &str = "com.amazonaws.eu-central-1.ssm-contacts";

    fn endpoint(id: &str, tags: &[(&str, &str)]) -> Endpoint {
        let tags = tags
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Endpoint {
            id: id.to_owned(),
            vpc_id: "vpc-1".to_owned(),
            service_name: SERVICE.to_owned(),
            tags,
            ..Endpoint::default()
        }
    }

    fn network(endpoints: Vec<Endpoint>) -> Network {
        let endpoints: BTreeMap<_, _> = endpoints.into_iter().map(|e| (e.id.clone(), e)).collect();
        Network {
            endpoints: endpoints.into(),
            ..Network::default()
        }
    }

    fn sought() -> Sought {
        Sought {
            claim: ("prod".to_owned(), "VpcEndpoint/n/a".to_owned()),
            vpc_id: "vpc-1".to_owned(),
            service_name: SERVICE.to_owned(),
            type_: Some(EndpointType::Interface),
            ..Sought::default()
        }
    }

    fn id(found: &Found) -> Option<&str> {
        found.endpoint.as_ref().map(|e| e.id.as_str())
    }

    const OURS: [(&str, &str); 2] = [(tag::OWNER, "prod"), (tag::OBJECT, "VpcEndpoint/n/a")];

    #[test]
    fn what_is_recorded_comes_first_then_what_carries_our_tags() {
        let network = network(vec![endpoint("vpce-1", &[]), endpoint("vpce-2", &OURS)]);
        assert_eq!(id(&find(&sought(), &network)), Some("vpce-2"));
        let recorded = Sought {
            recorded: BTreeSet::from(["vpce-1".to_owned()]),
            ..sought()
        };
        assert_eq!(id(&find(&recorded, &network)), Some("vpce-1"));
    }

    #[test]
    fn what_is_not_ours_is_left_out_unless_it_may_be_taken() {
        let network = network(vec![endpoint("vpce-1", &[])]);
        assert_eq!(find(&sought(), &network), Found::default());
        let adopting = Sought {
            takes_others: true,
            ..sought()
        };
        assert_eq!(id(&find(&adopting, &network)), Some("vpce-1"));
        let deleting = Sought {
            deleting: true,
            ..adopting
        };
        assert_eq!(find(&deleting, &network), Found::default());
    }

    #[test]
    fn of_several_none_is_guessed() {
        let network = network(vec![endpoint("vpce-1", &[]), endpoint("vpce-2", &[])]);
        let adopting = Sought {
            takes_others: true,
            ..sought()
        };
        let found = find(&adopting, &network);
        assert_eq!(found.endpoint, None);
        assert!(found.obstacle.unwrap().contains("vpce-1, vpce-2"));
        let named = Sought {
            named: Some("vpce-2".to_owned()),
            ..adopting
        };
        assert_eq!(id(&find(&named, &network)), Some("vpce-2"));
    }

    #[test]
    fn one_of_another_owner_is_no_candidate_beside_one_that_is_nobodys() {
        let theirs = [(tag::OWNER, "dev"), (tag::OBJECT, "VpcEndpoint/n/a")];
        let network = network(vec![endpoint("vpce-1", &theirs), endpoint("vpce-2", &[])]);
        let adopting = Sought {
            takes_others: true,
            ..sought()
        };
        assert_eq!(id(&find(&adopting, &network)), Some("vpce-2"));
    }

    #[test]
    fn a_named_endpoint_of_another_service_is_refused_in_words() {
        let mut other = endpoint("vpce-1", &[]);
        other.service_name = "com.amazonaws.eu-central-1.kms".to_owned();
        let named = Sought {
            named: Some("vpce-1".to_owned()),
            ..sought()
        };
        let obstacle = find(&named, &network(vec![other])).obstacle.unwrap();
        assert!(obstacle.contains("has service com.amazonaws.eu-central-1.kms"));
    }
}
