//! What to change so that AWS holds what is wanted, and which of it now. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::desired::{Desired, short_name};
use super::observed::{Endpoint, Group, GroupRule, Observed, Peer, State};
use super::policy::Policy;
use super::preflight;
use crate::api::common::{ChangeAction, PendingChange};
use crate::api::conditions::Reason;
use crate::api::vpc_endpoint::{
    AssociationPolicy, DnsRecordIpType, EndpointType, IpAddressType, VpcEndpointStatus,
};
use crate::engine::ownership::TagPlan;
use crate::engine::{self, Error};

/// Slot of the endpoint.
pub const ENDPOINT_SLOT: &str = "endpoint";
/// Slot of the security group that is made for it.
pub const GROUP_SLOT: &str = "securityGroup";

/// How soon AWS is looked at again while it is at work.
pub const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How soon while AWS may still show what was before a change.
const SHOWS_SOON: Duration = Duration::from_secs(2);
/// How soon while somebody else has to act.
const RETRY_OTHERS: Duration = Duration::from_secs(60);
/// How soon what AWS gave up on is looked at again.
const RETRY_FAILED: Duration = Duration::from_secs(600);

/// A change to an endpoint or to the group that is made for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// CreateSecurityGroup; tags ride along.
    CreateGroup {
        /// Its name.
        name: String,
        /// What it is for.
        description: String,
        /// Its VPC.
        vpc_id: String,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// AuthorizeSecurityGroupIngress.
    LetIn {
        /// The group; `None` = the one that was just made.
        group_id: Option<String>,
        /// Rules.
        rules: BTreeSet<GroupRule>,
    },
    /// RevokeSecurityGroupIngress.
    ShutOut {
        /// The group.
        group_id: String,
        /// Rules.
        rules: BTreeSet<GroupRule>,
    },
    /// UpdateSecurityGroupRuleDescriptionsIngress.
    Describe {
        /// The group.
        group_id: String,
        /// Rules, with what they are for.
        rules: BTreeSet<GroupRule>,
    },
    /// RevokeSecurityGroupEgress: the group of an endpoint lets nothing out.
    LetNothingOut {
        /// The group; `None` = the one that was just made.
        group_id: Option<String>,
        /// Rules.
        rules: BTreeSet<GroupRule>,
    },
    /// CreateVpcEndpoint; tags ride along.
    Create(Box<Creation>),
    /// ModifyVpcEndpoint with what differs and nothing else.
    Modify(Box<Modification>),
    /// CreateTags.
    SetTags {
        /// Ids of the endpoint, the group, or both.
        ids: Vec<String>,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// DeleteTags.
    RemoveTags {
        /// Ids of the endpoint, the group, or both.
        ids: Vec<String>,
        /// Keys.
        keys: Vec<String>,
    },
    /// DeleteVpcEndpoints.
    Delete {
        /// Its id.
        id: String,
    },
    /// DeleteSecurityGroup.
    DeleteGroup {
        /// Its id.
        id: String,
    },
}

/// An endpoint to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Creation {
    /// The VPC.
    pub vpc_id: String,
    /// Full name of the service.
    pub service_name: String,
    /// Type.
    pub type_: EndpointType,
    /// Subnets.
    pub subnet_ids: BTreeSet<String>,
    /// Security groups.
    pub group_ids: BTreeSet<String>,
    /// The group that was just made, too.
    pub made_group: bool,
    /// Route tables.
    pub route_table_ids: BTreeSet<String>,
    /// Private DNS: always said for an interface endpoint, since AWS's default is not certain.
    pub private_dns: Option<bool>,
    /// Kinds of addresses.
    pub ip_address_type: Option<IpAddressType>,
    /// How names resolve.
    pub dns: Dns,
    /// The policy.
    pub policy: Option<Policy>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// How names resolve, as far as it is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dns {
    /// Records.
    pub record_ip_type: Option<DnsRecordIpType>,
    /// Names of the VPC go through the gateway endpoint instead.
    pub inbound_resolver_only: Option<bool>,
}

impl Dns {
    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What differs of an endpoint. Everything is in one request, so that what comes is there before what goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Modification {
    /// The endpoint.
    pub id: String,
    /// The policy.
    pub policy: Option<Policy>,
    /// Subnets.
    pub subnets: Delta,
    /// Security groups.
    pub groups: Delta,
    /// The group that was just made is added, too.
    pub made_group: bool,
    /// Route tables.
    pub route_tables: Delta,
    /// Private DNS.
    pub private_dns: Option<bool>,
    /// Kinds of addresses.
    pub ip_address_type: Option<IpAddressType>,
    /// How names resolve.
    pub dns: Dns,
}

/// What is added to a set and what is taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    /// Added.
    pub add: BTreeSet<String>,
    /// Taken away.
    pub remove: BTreeSet<String>,
}

impl Modification {
    /// Names of the fields that differ.
    fn fields(&self) -> Vec<(ChangeAction, String)> {
        let mut fields = vec![];
        let mut sets = |name: &str, delta: &Delta| {
            let add = delta.add.iter().map(|id| (ChangeAction::Create, id));
            let remove = delta.remove.iter().map(|id| (ChangeAction::Delete, id));
            fields.extend(
                add.chain(remove)
                    .map(|(action, id)| (action, format!("{name}[{id}]"))),
            );
        };
        sets("subnetIds", &self.subnets);
        sets("securityGroupIds", &self.groups);
        sets("routeTableIds", &self.route_tables);
        let mut update = |differs: bool, name: &str| {
            if differs {
                fields.push((ChangeAction::Update, name.to_owned()));
            }
        };
        update(self.policy.is_some(), "policy");
        update(self.private_dns.is_some(), "privateDnsEnabled");
        update(self.ip_address_type.is_some(), "ipAddressType");
        update(
            self.dns.record_ip_type.is_some(),
            "dnsOptions.dnsRecordIpType",
        );
        update(
            self.dns.inbound_resolver_only.is_some(),
            "dnsOptions.privateDnsOnlyForInboundResolverEndpoint",
        );
        if self.made_group {
            fields.push((ChangeAction::Create, "managedSecurityGroup".to_owned()));
        }
        fields
    }

    fn is_empty(&self) -> bool {
        self.fields().is_empty()
    }
}

fn listed<'a>(items: impl Iterator<Item = &'a String>) -> String {
    items.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn peers(rules: &BTreeSet<GroupRule>) -> String {
    let peer = |rule: &GroupRule| {
        let peer = match &rule.peer {
            Peer::Cidr(cidr) => cidr.clone(),
            Peer::Group { id, .. } => id.clone(),
            Peer::PrefixList(id) => id.clone(),
        };
        match (rule.protocol.as_str(), rule.from_port, rule.to_port) {
            ("tcp", Some(443), Some(443)) => peer,
            (protocol, Some(from), Some(to)) if from == to => format!("{peer} {protocol}/{from}"),
            (protocol, Some(from), Some(to)) => format!("{peer} {protocol}/{from}-{to}"),
            (protocol, _, _) => format!("{peer} {protocol}"),
        }
    };
    rules.iter().map(peer).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateGroup { name, .. } => write!(f, "created security group {name}"),
            Self::LetIn { rules, .. } => write!(f, "security group lets in {}", peers(rules)),
            Self::ShutOut { rules, .. } => {
                write!(f, "security group lets in no longer {}", peers(rules))
            }
            Self::Describe { rules, .. } => {
                write!(f, "security group describes {}", peers(rules))
            }
            Self::LetNothingOut { .. } => f.write_str("security group lets nothing out"),
            Self::Create(creation) => write!(
                f,
                "created the {:?} endpoint for {} in {}",
                creation.type_, creation.service_name, creation.vpc_id
            ),
            Self::Modify(change) => {
                let fields = change.fields();
                let text = |(action, field): &(ChangeAction, String)| match action {
                    ChangeAction::Create => format!("added {field}"),
                    ChangeAction::Update => format!("set {field}"),
                    ChangeAction::Delete => format!("removed {field}"),
                };
                let texts: Vec<String> = fields.iter().map(text).collect();
                f.write_str(&texts.join(", "))
            }
            Self::SetTags { tags, .. } => write!(f, "set tags {}", listed(tags.keys())),
            Self::RemoveTags { keys, .. } => write!(f, "removed tags {}", keys.join(", ")),
            Self::Delete { id } => write!(f, "deleted the endpoint {id}"),
            Self::DeleteGroup { id } => write!(f, "deleted security group {id}"),
        }
    }
}

impl engine::Change for Change {
    fn pending(&self) -> Vec<PendingChange> {
        let change = |action, path: &str| PendingChange {
            path: path.to_owned(),
            action,
        };
        match self {
            Self::CreateGroup { .. } => {
                vec![change(ChangeAction::Create, "managedSecurityGroup")]
            }
            Self::LetIn { .. } | Self::ShutOut { .. } | Self::Describe { .. } => {
                vec![change(ChangeAction::Update, "managedSecurityGroup.ingress")]
            }
            Self::LetNothingOut { .. } => {
                vec![change(ChangeAction::Update, "managedSecurityGroup.egress")]
            }
            Self::Create(_) => vec![change(ChangeAction::Create, "endpoint")],
            Self::Modify(modification) => modification
                .fields()
                .iter()
                .map(|(action, path)| change(*action, path))
                .collect(),
            Self::SetTags { tags, .. } => tags
                .keys()
                .map(|k| change(ChangeAction::Update, &format!("tags[{k}]")))
                .collect(),
            Self::RemoveTags { keys, .. } => keys
                .iter()
                .map(|k| change(ChangeAction::Delete, &format!("tags[{k}]")))
                .collect(),
            Self::Delete { .. } => vec![change(ChangeAction::Delete, "endpoint")],
            Self::DeleteGroup { .. } => {
                vec![change(ChangeAction::Delete, "managedSecurityGroup")]
            }
        }
    }

    fn slot(&self) -> Option<String> {
        match self {
            Self::CreateGroup { .. } => Some(GROUP_SLOT.to_owned()),
            Self::Create(_) => Some(ENDPOINT_SLOT.to_owned()),
            _ => None,
        }
    }

    fn frees(&self) -> Option<String> {
        matches!(self, Self::DeleteGroup { .. }).then(|| GROUP_SLOT.to_owned())
    }

    fn reason(&self) -> Option<Reason> {
        matches!(self, Self::Create(_)).then_some(Reason::Created)
    }
}

/// Everything that differs, tags apart, in the order in which it is done.
///
/// # Errors
/// What is to be made or changed cannot be, for a reason that is known before AWS is asked.
pub fn plan(desired: &Desired, observed: Option<&Observed>) -> Result<Vec<Change>, Error> {
    let mut changes = group_changes(desired, observed);
    let group = observed.and_then(|o| o.group.as_ref());
    match observed.and_then(|o| o.endpoint.as_ref()) {
        None => {
            if let Some(id) = &desired.endpoint_id
                && !desired.observes
            {
                return Err(Error::refused(
                    Reason::NotFoundInAws,
                    format!(
                        "AWS has no endpoint {id}, which spec.vpcEndpointId names, and none is made in its place: correct the id, or make another object without it. Nothing was touched"
                    ),
                ));
            }
            changes.push(Change::Create(Box::new(creation(desired, group))));
            if !desired.observes {
                preflight::check(desired, None)?;
            }
        }
        Some(endpoint) => {
            let modification = modification(desired, endpoint, group);
            if !modification.is_empty() {
                if !desired.observes && !endpoint.is_leaving() {
                    preflight::check(desired, Some(endpoint))?;
                }
                changes.push(Change::Modify(Box::new(modification)));
            }
        }
    }
    // What nobody asks for any more goes once nothing uses it.
    if let (None, Some(group)) = (&desired.group, group)
        && observed.is_some_and(|o| !is_used(o, &group.id))
    {
        changes.push(Change::DeleteGroup {
            id: group.id.clone(),
        });
    }
    Ok(changes)
}

/// Whether the endpoint, or one of its network interfaces, has the group.
fn is_used(observed: &Observed, group_id: &str) -> bool {
    let endpoint = observed
        .endpoint
        .as_ref()
        .is_some_and(|e| e.group_ids.contains(group_id));
    let interface = |i: &super::observed::Interface| i.group_ids.contains(group_id);
    endpoint || observed.network.interfaces.values().any(interface)
}

fn group_changes(desired: &Desired, observed: Option<&Observed>) -> Vec<Change> {
    let Some(wanted) = &desired.group else {
        return vec![];
    };
    let Some(group) = observed.and_then(|o| o.group.as_ref()) else {
        let everywhere = GroupRule {
            protocol: "-1".to_owned(),
            from_port: None,
            to_port: None,
            peer: Peer::Cidr("0.0.0.0/0".to_owned()),
            description: None,
        };
        return vec![
            Change::CreateGroup {
                name: wanted.name.clone(),
                description: wanted.description.clone(),
                vpc_id: desired.vpc_id.clone(),
                tags: desired.tags.clone(),
            },
            Change::LetIn {
                group_id: None,
                rules: wanted.ingress.clone(),
            },
            // What AWS puts into every group.
            Change::LetNothingOut {
                group_id: None,
                rules: BTreeSet::from([everywhere]),
            },
        ];
    };
    let mut changes = vec![];
    let id = group.id.clone();
    let missing = without(&wanted.ingress, &group.ingress);
    if !missing.is_empty() {
        changes.push(Change::LetIn {
            group_id: Some(id.clone()),
            rules: missing,
        });
    }
    let extra = without(&group.ingress, &wanted.ingress);
    if !extra.is_empty() {
        changes.push(Change::ShutOut {
            group_id: id.clone(),
            rules: extra,
        });
    }
    let described = described_otherwise(&wanted.ingress, &group.ingress);
    if !described.is_empty() {
        changes.push(Change::Describe {
            group_id: id.clone(),
            rules: described,
        });
    }
    if !group.egress.is_empty() {
        changes.push(Change::LetNothingOut {
            group_id: Some(id),
            rules: group.egress.clone(),
        });
    }
    changes
}

/// The same rule, descriptions apart.
fn same_rule(one: &GroupRule, other: &GroupRule) -> bool {
    let is_same_side = match (&one.peer, &other.peer) {
        (Peer::Group { id, .. }, Peer::Group { id: other, .. }) => id == other,
        (one, other) => one == other,
    };
    (&one.protocol, one.from_port, one.to_port) == (&other.protocol, other.from_port, other.to_port)
        && is_same_side
}

/// Those of `rules` that are not among `known`, descriptions apart.
fn without(rules: &BTreeSet<GroupRule>, known: &BTreeSet<GroupRule>) -> BTreeSet<GroupRule> {
    let missing = |rule: &&GroupRule| !known.iter().any(|other| same_rule(rule, other));
    rules.iter().filter(missing).cloned().collect()
}

/// Rules that are there, with another description than is wanted.
fn described_otherwise(
    wanted: &BTreeSet<GroupRule>,
    has: &BTreeSet<GroupRule>,
) -> BTreeSet<GroupRule> {
    let text = |rule: &GroupRule| rule.description.clone().unwrap_or_default();
    let differs = |rule: &&GroupRule| {
        has.iter()
            .any(|there| same_rule(rule, there) && text(rule) != text(there))
    };
    wanted.iter().filter(differs).cloned().collect()
}

fn creation(desired: &Desired, group: Option<&Group>) -> Creation {
    let interface = desired.type_ == EndpointType::Interface;
    let mut group_ids = desired.group_ids.clone().unwrap_or_default();
    if let (Some(_), Some(group)) = (&desired.group, group) {
        group_ids.insert(group.id.clone());
    }
    // Before the owner of the service has accepted it, AWS refuses private DNS.
    let accepted = !desired
        .place
        .service
        .as_ref()
        .is_some_and(|s| s.acceptance_required);
    let private_dns = desired.private_dns && accepted;
    Creation {
        vpc_id: desired.vpc_id.clone(),
        service_name: desired.service_name.clone(),
        type_: desired.type_,
        subnet_ids: desired.subnet_ids.clone().unwrap_or_default(),
        group_ids,
        made_group: desired.group.is_some() && group.is_none(),
        route_table_ids: desired.route_table_ids.clone().unwrap_or_default(),
        private_dns: interface.then_some(private_dns),
        ip_address_type: desired.ip_address_type,
        dns: Dns {
            record_ip_type: desired.dns_record_ip_type,
            inbound_resolver_only: desired.inbound_resolver_only.filter(|_| private_dns),
        },
        policy: desired.policy.clone(),
        tags: desired.tags.clone(),
    }
}

fn delta(
    wanted: Option<&BTreeSet<String>>,
    has: &BTreeSet<String>,
    policy: AssociationPolicy,
    named_before: &BTreeSet<String>,
) -> Delta {
    let Some(wanted) = wanted else {
        return Delta::default();
    };
    let goes = |id: &&String| match policy {
        AssociationPolicy::Exclusive => true,
        AssociationPolicy::Additive => named_before.contains(*id),
    };
    Delta {
        add: wanted.difference(has).cloned().collect(),
        remove: has.difference(wanted).filter(goes).cloned().collect(),
    }
}

/// The groups that the endpoint should have; `None` = what it has is left alone.
fn wanted_groups(
    desired: &Desired,
    endpoint: &Endpoint,
    group: Option<&Group>,
) -> Option<BTreeSet<String>> {
    let made = group.map(|g| g.id.clone());
    if desired.group_ids.is_none() && desired.group.is_none() {
        // The one that was made is no longer asked for.
        let made = made.filter(|id| endpoint.group_ids.contains(id))?;
        let mut rest = endpoint.group_ids.clone();
        rest.remove(&made);
        if rest.is_empty() {
            let default = desired
                .place
                .network
                .groups
                .values()
                .find(|g| g.vpc_id == endpoint.vpc_id && g.name == "default")?;
            rest.insert(default.id.clone());
        }
        return Some(rest);
    }
    let mut wanted = desired.group_ids.clone().unwrap_or_default();
    if desired.group.is_some() {
        wanted.extend(made);
    }
    Some(wanted)
}

fn modification(desired: &Desired, endpoint: &Endpoint, group: Option<&Group>) -> Modification {
    let same_policy = |wanted: &&Policy| {
        let there = endpoint.policy.as_deref().map(Policy::parse);
        !there.is_some_and(|there| there.as_ref().is_ok_and(|there| there == *wanted))
    };
    let (policy, before) = (desired.associations, &desired.associated);
    let mut named_before = before.clone();
    named_before.extend(group.map(|g| g.id.clone()));
    let mut groups = delta(
        wanted_groups(desired, endpoint, group).as_ref(),
        &endpoint.group_ids,
        policy,
        &named_before,
    );
    let made_group = desired.group.is_some() && group.is_none();
    if made_group && desired.group_ids.is_none() && policy == AssociationPolicy::Exclusive {
        groups.remove.clone_from(&endpoint.group_ids);
    }
    let interface = endpoint.is(EndpointType::Interface);
    let compared = interface && !desired.any_private_dns;
    let private_dns =
        (compared && desired.private_dns != endpoint.private_dns).then_some(desired.private_dns);
    let resolver = desired
        .inbound_resolver_only
        .filter(|wanted| {
            compared && desired.private_dns && endpoint.inbound_resolver_only != Some(*wanted)
        })
        // AWS has its own default when private DNS is turned on without a word about it.
        .filter(|wanted| {
            *wanted || endpoint.inbound_resolver_only.is_some() || private_dns == Some(true)
        });
    Modification {
        id: endpoint.id.clone(),
        policy: desired.policy.as_ref().filter(same_policy).cloned(),
        subnets: delta(
            desired.subnet_ids.as_ref(),
            &endpoint.subnet_ids,
            policy,
            before,
        ),
        groups,
        made_group,
        route_tables: delta(
            desired.route_table_ids.as_ref(),
            &endpoint.route_table_ids,
            policy,
            before,
        ),
        private_dns,
        ip_address_type: desired
            .ip_address_type
            .filter(|wanted| endpoint.ip_address_type != Some(*wanted)),
        dns: Dns {
            record_ip_type: desired
                .dns_record_ip_type
                .filter(|wanted| endpoint.dns_record_ip_type != Some(*wanted)),
            inbound_resolver_only: resolver,
        },
    }
}

/// Which of `changes` are sent now: nothing is asked of an endpoint at which AWS is at work, or of which it may still show what was before.
pub fn due(observed: Option<&Observed>, changes: Vec<Change>) -> Vec<Change> {
    let Some(observed) = observed else {
        return changes;
    };
    let takes = observed.endpoint.as_ref().is_none_or(|endpoint| {
        matches!(
            endpoint.state,
            State::Available | State::Partial | State::Other(_)
        ) && !observed.just_written
    });
    let goes = |change: &Change| match change {
        Change::Modify(_) | Change::DeleteGroup { .. } => takes,
        _ => true,
    };
    changes.into_iter().filter(goes).collect()
}

/// What the spec asks for and AWS does not hold yet, once everything is done that can be done now.
pub fn unfinished(desired: &Desired, observed: &Observed) -> Option<Error> {
    let in_progress = |reason, message: String, retry| {
        Some(Error::InProgress {
            reason,
            message,
            retry,
        })
    };
    let Some(endpoint) = &observed.endpoint else {
        return in_progress(
            Reason::Progressing,
            "the endpoint is not there yet".to_owned(),
            SHOWS_SOON,
        );
    };
    let id = &endpoint.id;
    let said = match &endpoint.last_error {
        Some((code, Some(message))) => format!(" AWS says: {code}, {message}."),
        Some((code, None)) => format!(" AWS says: {code}."),
        None => String::new(),
    };
    match &endpoint.state {
        State::Pending => in_progress(
            Reason::Progressing,
            format!("AWS is at work on {id}, which takes a minute or two"),
            LOOK_AGAIN,
        ),
        State::PendingAcceptance => in_progress(
            Reason::AcceptancePending,
            format!(
                "the owner of {} has to accept {id}: until then nothing goes through it{}",
                desired.service_name,
                if desired.private_dns {
                    ", and private DNS is turned on after that"
                } else {
                    ""
                }
            ),
            RETRY_OTHERS,
        ),
        State::Deleting | State::Deleted => in_progress(
            Reason::Progressing,
            format!(
                "{id} is being deleted in AWS, not by this operator; once it is gone another one is made"
            ),
            LOOK_AGAIN,
        ),
        state @ (State::Rejected | State::Failed | State::Expired) => Some(Error::Stalled {
            reason: Reason::EndpointNotUsable,
            message: format!(
                "{id} is in state {state}, and stays in it: nothing goes through it.{said} Delete this endpoint in AWS, and another one is made; with Rejected or Expired, ask the owner of {} first",
                desired.service_name
            ),
            retry: RETRY_FAILED,
        }),
        State::Available | State::Partial | State::Other(_) => {
            let left = plan(desired, Some(observed)).unwrap_or_default();
            if left.is_empty() {
                return None;
            }
            in_progress(
                Reason::Progressing,
                "waiting for AWS to show the last change".to_owned(),
                SHOWS_SOON,
            )
        }
    }
}

/// What to do to delete it: the endpoint first, and its group once nothing uses that.
pub fn plan_delete(observed: &Observed) -> Vec<Change> {
    let endpoint = observed.endpoint.as_ref();
    let delete = endpoint
        .filter(|e| !e.is_leaving())
        .map(|e| Change::Delete { id: e.id.clone() });
    let group = observed
        .group
        .as_ref()
        .filter(|g| endpoint.is_none() && !is_used(observed, &g.id))
        .map(|g| Change::DeleteGroup { id: g.id.clone() });
    delete.into_iter().chain(group).collect()
}

/// AWS is at work on a deletion that was begun.
pub fn going(observed: &Observed) -> Option<Error> {
    let wait = |message: String| {
        Some(Error::Held {
            reason: Reason::Deleting,
            message,
            retry: LOOK_AGAIN,
        })
    };
    match (&observed.endpoint, &observed.group) {
        (Some(endpoint), _) if endpoint.is_leaving() => {
            wait(format!("AWS is deleting {}", endpoint.id))
        }
        (None, Some(group)) if is_used(observed, &group.id) => wait(format!(
            "security group {} goes once no network interface has it any more",
            group.id
        )),
        _ => None,
    }
}

/// The changes that write or remove tags, of the endpoint and of its group.
pub fn tag_changes(
    plan: &TagPlan,
    wanted: Option<&BTreeMap<String, String>>,
    observed: Option<&Observed>,
) -> Vec<Change> {
    let Some(observed) = observed else {
        return vec![];
    };
    let mut changes = vec![];
    let own = observed
        .endpoint
        .as_ref()
        .map(|e| e.id.clone())
        .or_else(|| observed.group.as_ref().map(|g| g.id.clone()));
    let group = observed
        .group
        .as_ref()
        .filter(|_| observed.endpoint.is_some());
    let ids = |id: &String| vec![id.clone()];
    // The group first: what is to go is known by the tags of the endpoint, and after a death in between they must still tell it.
    if let Some(group) = group {
        let missing: BTreeMap<String, String> = wanted
            .into_iter()
            .flatten()
            // It was made for this object, wherever the endpoint came from.
            .filter(|(key, _)| *key != crate::aws::tag::ORIGIN)
            .filter(|(key, value)| group.tags.get(*key) != Some(*value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !missing.is_empty() {
            changes.push(Change::SetTags {
                ids: ids(&group.id),
                tags: missing,
            });
        }
        let keys: Vec<String> = plan
            .remove
            .iter()
            .filter(|key| group.tags.contains_key(*key))
            .cloned()
            .collect();
        if !keys.is_empty() {
            changes.push(Change::RemoveTags {
                ids: ids(&group.id),
                keys,
            });
        }
    }
    if let Some(own) = &own {
        if !plan.set.is_empty() {
            changes.push(Change::SetTags {
                ids: ids(own),
                tags: plan.set.clone(),
            });
        }
        if !plan.remove.is_empty() {
            changes.push(Change::RemoveTags {
                ids: ids(own),
                keys: plan.remove.clone(),
            });
        }
    }
    changes
}

/// What AWS has after `change`.
pub fn project(
    observed: Option<Observed>,
    desired: &Desired,
    change: &Change,
    id: Option<&str>,
) -> Option<Observed> {
    let mut after = observed.unwrap_or_else(|| Observed {
        network: desired.place.network.clone(),
        ..Observed::default()
    });
    let made = after.group.as_ref().map(|g| g.id.clone());
    match change {
        Change::CreateGroup { name, tags, .. } => {
            after.group = Some(Group {
                id: id.unwrap_or_default().to_owned(),
                vpc_id: desired.vpc_id.clone(),
                name: name.clone(),
                tags: tags.clone(),
                ..Group::default()
            });
        }
        Change::LetIn { rules, .. } => {
            if let Some(group) = &mut after.group {
                group.ingress.extend(rules.clone());
            }
        }
        Change::ShutOut { rules, .. } => {
            if let Some(group) = &mut after.group {
                group.ingress.retain(|rule| !rules.contains(rule));
            }
        }
        Change::Describe { rules, .. } => {
            if let Some(group) = &mut after.group {
                group
                    .ingress
                    .retain(|there| !rules.iter().any(|rule| same_rule(rule, there)));
                group.ingress.extend(rules.clone());
            }
        }
        Change::LetNothingOut { .. } => {
            if let Some(group) = &mut after.group {
                group.egress.clear();
            }
        }
        Change::Create(creation) => {
            let arn = id.unwrap_or_default();
            let mut group_ids = creation.group_ids.clone();
            group_ids.extend(made.filter(|_| creation.made_group));
            arn.clone_into(&mut after.arn);
            after.endpoint = Some(Endpoint {
                id: super::observed::id_of(arn).to_owned(),
                vpc_id: creation.vpc_id.clone(),
                service_name: creation.service_name.clone(),
                type_: super::observed::Type::Known(creation.type_),
                policy: creation.policy.as_ref().map(Policy::document),
                route_table_ids: creation.route_table_ids.clone(),
                subnet_ids: creation.subnet_ids.clone(),
                group_ids,
                private_dns: creation.private_dns.unwrap_or(false),
                ip_address_type: creation.ip_address_type,
                dns_record_ip_type: creation.dns.record_ip_type,
                inbound_resolver_only: creation.dns.inbound_resolver_only,
                tags: creation.tags.clone(),
                ..Endpoint::default()
            });
        }
        Change::Modify(change) => {
            let endpoint = after.endpoint.as_mut()?;
            let apply = |set: &mut BTreeSet<String>, delta: &Delta| {
                set.retain(|id| !delta.remove.contains(id));
                set.extend(delta.add.clone());
            };
            apply(&mut endpoint.subnet_ids, &change.subnets);
            apply(&mut endpoint.group_ids, &change.groups);
            apply(&mut endpoint.route_table_ids, &change.route_tables);
            if change.made_group {
                endpoint.group_ids.extend(made);
            }
            if let Some(policy) = &change.policy {
                endpoint.policy = Some(policy.document());
            }
            endpoint.private_dns = change.private_dns.unwrap_or(endpoint.private_dns);
            endpoint.ip_address_type = change.ip_address_type.or(endpoint.ip_address_type);
            endpoint.dns_record_ip_type = change.dns.record_ip_type.or(endpoint.dns_record_ip_type);
            endpoint.inbound_resolver_only = change
                .dns
                .inbound_resolver_only
                .or(endpoint.inbound_resolver_only);
        }
        Change::Delete { .. } => after.endpoint = None,
        Change::DeleteGroup { .. } => after.group = None,
        Change::SetTags { .. } | Change::RemoveTags { .. } => {}
    }
    (after.endpoint.is_some() || after.group.is_some()).then_some(after)
}

/// Writes down what the object names before it is sent, so that it is known for its own later.
pub fn foretell(desired: &Desired, status: &mut VpcEndpointStatus) {
    let named = [
        &desired.subnet_ids,
        &desired.group_ids,
        &desired.route_table_ids,
    ];
    let mut all: BTreeSet<String> = status.associated.iter().cloned().collect();
    all.extend(named.into_iter().flatten().flatten().cloned());
    status.associated = all.into_iter().collect();
}

/// What people call the endpoint that an object stands for.
pub fn called(service_name: &str, region: &str, vpc_id: &str) -> String {
    format!(
        "the endpoint for {} in {vpc_id}",
        short_name(service_name, region)
    )
}

#[cfg(test)]
mod tests;
