//! What others do to an account's network: offer services, and decide about endpoints of them.

use rand::Rng as _;
use serde::Deserialize;

use crate::knobs::Knob;
use crate::state::Account;
use crate::world::Circumstances;

use super::catalogue;
use super::state::{LastError, Offer, State};

fn yes() -> bool {
    true
}

/// A service that somebody else offers to an account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewService {
    /// The account it is offered to.
    pub account: String,
    /// Where.
    pub region: String,
    /// Full name; absent makes one up.
    pub service_name: Option<String>,
    /// The account that offers it.
    pub owner: Option<String>,
    /// Whether each endpoint needs to be accepted.
    #[serde(default)]
    pub acceptance_required: bool,
    /// Zones; absent is all.
    pub zones: Option<Vec<String>>,
    /// A DNS name of its own.
    pub private_dns_name: Option<String>,
    /// Whether endpoints can have policies.
    #[serde(default = "yes")]
    pub policy_supported: bool,
    /// Whether it has IPv6.
    #[serde(default)]
    pub ipv6: bool,
}

/// Offers a service to an account; its name.
pub fn offer(account: &mut Account, service: NewService) -> Result<String, String> {
    let zones: Vec<String> = catalogue::zones(&service.region)
        .into_iter()
        .map(|zone| zone.name)
        .collect();
    if let Some(unknown) = service
        .zones
        .iter()
        .flatten()
        .find(|zone| !zones.contains(zone))
    {
        return Err(format!("{} has no zone {unknown}", service.region));
    }
    let name = service.service_name.unwrap_or_else(|| {
        format!(
            "com.amazonaws.vpce.{}.vpce-svc-0{:016x}",
            service.region,
            rand::rng().random::<u64>()
        )
    });
    let offer = Offer {
        owner: service.owner.unwrap_or_else(|| "999999999999".to_owned()),
        acceptance_required: service.acceptance_required,
        zones: service.zones.unwrap_or(zones),
        private_dns_name: service.private_dns_name,
        policy_supported: service.policy_supported,
        ipv6: service.ipv6,
    };
    let network = account.networks.entry(service.region.clone()).or_default();
    let known = catalogue::services(&service.region, network)
        .iter()
        .any(|known| known.name == name);
    if known {
        return Err(format!("there is a service {name} already"));
    }
    network.offers.insert(name.clone(), offer);
    Ok(name)
}

/// What becomes of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Accept,
    Reject,
    Expire,
    Fail,
}

/// A decision about an endpoint of an account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decision {
    /// The account.
    pub account: String,
    /// Where.
    pub region: String,
    /// The endpoint.
    pub vpc_endpoint_id: String,
    /// `accept`, `reject`, `expire` or `fail`.
    #[serde(rename = "decision")]
    verdict: Verdict,
    /// Code of a failure.
    pub code: Option<String>,
    /// Text of a failure.
    pub message: Option<String>,
}

/// Carries a decision out.
pub fn decide(
    account: &mut Account,
    at: &Circumstances<'_>,
    decision: Decision,
) -> Result<(), String> {
    let endpoint = account
        .networks
        .get_mut(&decision.region)
        .and_then(|network| network.endpoints.get_mut(&decision.vpc_endpoint_id))
        .ok_or_else(|| format!("there is no endpoint {}", decision.vpc_endpoint_id))?;
    let legal = match decision.verdict {
        Verdict::Accept => matches!(endpoint.state, State::PendingAcceptance | State::Rejected),
        Verdict::Expire => endpoint.state == State::PendingAcceptance,
        Verdict::Reject => matches!(
            endpoint.state,
            State::PendingAcceptance | State::Pending | State::Available
        ),
        Verdict::Fail => !endpoint.state.leaves(),
    };
    if !legal {
        return Err(format!(
            "the endpoint is in the state {}",
            endpoint.state.name(false)
        ));
    }
    endpoint.state = match decision.verdict {
        Verdict::Accept => State::Pending,
        Verdict::Reject => State::Rejected,
        Verdict::Expire => State::Expired,
        Verdict::Fail => State::Failed,
    };
    endpoint.until = at.now + at.knobs.number(Knob::StateDelayMs);
    endpoint.last_error = (decision.verdict == Verdict::Fail).then(|| LastError {
        code: decision.code.unwrap_or_else(|| "InternalError".to_owned()),
        message: decision
            .message
            .unwrap_or_else(|| "The endpoint could not be created.".to_owned()),
    });
    Ok(())
}
