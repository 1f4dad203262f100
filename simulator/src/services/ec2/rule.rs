//! Rules of security groups.

use serde_json::{Map, Value, json};

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::cidr::{Block, parse_ipv6};
use super::errors::{self, GROUP, PREFIX_LIST, RULE};
use super::listing::{self, Item, Listing, tag_set, texts, visible};
use super::state::{Network, Peer, Rule, Tags};
use super::{catalogue, network, new_id, tags};

/// Rules of one direction in one group.
const MAX_RULES: usize = 60;

fn protocol(given: &str) -> Result<String, AwsError> {
    Ok(match given.to_lowercase().as_str() {
        "6" | "tcp" => "tcp",
        "17" | "udp" => "udp",
        "1" | "icmp" => "icmp",
        "58" | "icmpv6" => "icmpv6",
        "-1" | "all" => "-1",
        other if other.parse::<u8>().is_ok() => return Ok(other.to_owned()),
        _ => {
            return Err(errors::value(format!(
                "Invalid value '{given}' for IP protocol. Unknown protocol."
            )));
        }
    }
    .to_owned())
}

fn ports(protocol: &str, permission: &Value) -> Result<(i64, i64), AwsError> {
    let port = |name: &str| permission[name].as_i64();
    match protocol {
        "tcp" | "udp" => {
            let (Some(from), Some(to)) = (port("FromPort"), port("ToPort")) else {
                return Err(errors::value(
                    "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.",
                ));
            };
            if from == -1 && to == -1 {
                return Ok((0, 65_535));
            }
            if !(0..=65_535).contains(&from) || !(0..=65_535).contains(&to) || from > to {
                return Err(errors::value(format!(
                    "Invalid {} port range: {from} to {to}.",
                    protocol.to_uppercase()
                )));
            }
            Ok((from, to))
        }
        "icmp" | "icmpv6" => Ok((port("FromPort").unwrap_or(-1), port("ToPort").unwrap_or(-1))),
        _ => Ok((-1, -1)),
    }
}

fn peers(
    network: &Network,
    call: &Call<'_>,
    permission: &Value,
) -> Result<Vec<(Peer, Option<String>)>, AwsError> {
    let mut peers = Vec::new();
    let each = |list: &str| permission[list].as_array().cloned().unwrap_or_default();
    let said = |item: &Value| item["Description"].as_str().map(str::to_owned);
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let malformed = |cidr: &str| errors::value(format!("CIDR block {cidr} is malformed"));
    for item in each("IpRanges") {
        let cidr = text(&item, "CidrIp");
        let block = Block::parse(&cidr).ok_or_else(|| malformed(&cidr))?;
        peers.push((Peer::Ipv4(block.to_string()), said(&item)));
    }
    for item in each("Ipv6Ranges") {
        let cidr = text(&item, "CidrIpv6");
        let (address, length) = parse_ipv6(&cidr).ok_or_else(|| malformed(&cidr))?;
        let cidr = format!("{}/{length}", std::net::Ipv6Addr::from(address));
        peers.push((Peer::Ipv6(cidr), said(&item)));
    }
    for item in each("PrefixListIds") {
        let id = text(&item, "PrefixListId");
        if !catalogue::prefix_lists(&call.scope.region)
            .iter()
            .any(|list| list.id == id)
        {
            return Err(PREFIX_LIST.missing(&id));
        }
        peers.push((Peer::PrefixList(id), said(&item)));
    }
    for item in each("Groups") {
        let id = text(&item, "GroupId");
        if !network.groups.contains_key(&id) {
            return Err(GROUP.missing(&id));
        }
        peers.push((Peer::Group(id), said(&item)));
    }
    Ok(peers)
}

/// The rules that a call speaks of, one for each peer; they have no ids yet.
fn spoken_of(network: &Network, call: &Call<'_>, egress: bool) -> Result<Vec<Rule>, AwsError> {
    let mut permissions = call.input["IpPermissions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if let Some(cidr) = call.text("CidrIp") {
        permissions.push(json!({
            "IpProtocol": call.input["IpProtocol"],
            "FromPort": call.input["FromPort"],
            "ToPort": call.input["ToPort"],
            "IpRanges": [{"CidrIp": cidr}],
        }));
    }
    let mut rules = Vec::new();
    for permission in &permissions {
        let given = permission["IpProtocol"].as_str().unwrap_or_default();
        let protocol = protocol(given)?;
        let (from, to) = ports(&protocol, permission)?;
        let peers = peers(network, call, permission)?;
        if peers.is_empty() {
            return Err(errors::lacking("cidrIp"));
        }
        for (peer, description) in peers {
            if description
                .as_ref()
                .is_some_and(|text| text.chars().count() > 255)
            {
                return Err(errors::value(
                    "Description exceeds the maximum length of 255 characters.",
                ));
            }
            rules.push(Rule {
                id: String::new(),
                egress,
                protocol: protocol.clone(),
                from,
                to,
                peer,
                description,
            });
        }
    }
    Ok(rules)
}

fn described(rule: &Rule) -> String {
    let peer = match &rule.peer {
        Peer::Ipv4(text) | Peer::Ipv6(text) | Peer::PrefixList(text) | Peer::Group(text) => text,
    };
    format!(
        "the specified rule \"peer: {peer}, {}, from port: {}, to port: {}, ALLOW\"",
        rule.protocol.to_uppercase(),
        rule.from,
        rule.to
    )
}

fn authorize(account: &mut Account, call: &mut Call<'_>, egress: bool) -> Result<Value, AwsError> {
    let tags = tags::specified(call, &RULE)?;
    let network = network(account, call);
    let id = call.required("GroupId").to_owned();
    let mut rules = spoken_of(network, call, egress)?;
    if rules.is_empty() {
        return Err(errors::lacking("ipPermissions"));
    }
    let Some(group) = network.groups.get_mut(&id) else {
        return Err(GROUP.missing(&id));
    };
    for (at, rule) in rules.iter().enumerate() {
        let twice = group
            .rules
            .iter()
            .chain(&rules[..at])
            .any(|known| known.same(rule));
        if twice {
            return Err(AwsError::new(
                "InvalidPermission.Duplicate",
                format!("{} already exists", described(rule)),
            ));
        }
    }
    let before = group
        .rules
        .iter()
        .filter(|rule| rule.egress == egress)
        .count();
    if before + rules.len() > MAX_RULES {
        return Err(AwsError::new(
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
        ));
    }
    let mut shown = Vec::new();
    for rule in &mut rules {
        rule.id = new_id(call, &RULE);
        shown.push(view(call, &id, rule, &tags));
        network.tags.insert(rule.id.clone(), tags.clone());
    }
    group.rules.extend(rules);
    Ok(json!({"return": true, "securityGroupRuleSet": shown}))
}

pub(super) fn authorize_ingress(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    authorize(account, call, false)
}

pub(super) fn authorize_egress(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    authorize(account, call, true)
}

fn revoke(account: &mut Account, call: &mut Call<'_>, egress: bool) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("GroupId").to_owned();
    let named = texts(&call.input["SecurityGroupRuleId"]);
    let rules = spoken_of(network, call, egress)?;
    if named.is_empty() && rules.is_empty() {
        return Err(errors::lacking("ipPermissions"));
    }
    let Some(group) = network.groups.get_mut(&id) else {
        return Err(GROUP.missing(&id));
    };
    let mut gone = Vec::new();
    for name in named {
        match group
            .rules
            .iter()
            .position(|rule| rule.id == name && rule.egress == egress)
        {
            Some(at) => gone.push(at),
            None => return Err(RULE.missing(&name)),
        }
    }
    for rule in &rules {
        match group.rules.iter().position(|known| known.same(rule)) {
            Some(at) => gone.push(at),
            None => {
                return Err(AwsError::new(
                    "InvalidPermission.NotFound",
                    "The specified rule does not exist in this security group.",
                ));
            }
        }
    }
    let mut shown = Vec::new();
    let mut at = 0;
    group.rules.retain(|rule| {
        let revoked = gone.contains(&at);
        at += 1;
        if revoked {
            let mut view = basics(&id, rule);
            if let Peer::Group(group) = &rule.peer {
                view.insert("referencedGroupId".to_owned(), group.clone().into());
            }
            shown.push(Value::Object(view));
            network.tags.remove(&rule.id);
        }
        !revoked
    });
    Ok(json!({"return": true, "revokedSecurityGroupRuleSet": shown}))
}

pub(super) fn revoke_ingress(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    revoke(account, call, false)
}

pub(super) fn revoke_egress(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    revoke(account, call, true)
}

/// Says what rules of a group are for; a rule that is given without a description loses the one it has.
pub(super) fn describe_ingress(
    account: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("GroupId").to_owned();
    let rules = spoken_of(network, call, false)?;
    if rules.is_empty() {
        return Err(errors::lacking("ipPermissions"));
    }
    let Some(group) = network.groups.get_mut(&id) else {
        return Err(GROUP.missing(&id));
    };
    let position = |rule: &Rule| group.rules.iter().position(|known| known.same(rule));
    let places: Vec<Option<usize>> = rules.iter().map(position).collect();
    if places.contains(&None) {
        return Err(AwsError::new(
            "InvalidPermission.NotFound",
            "The specified rule does not exist in this security group.",
        ));
    }
    for (place, rule) in places.into_iter().flatten().zip(rules) {
        group.rules[place].description = rule.description;
    }
    Ok(json!({"return": true}))
}

fn basics(group: &str, rule: &Rule) -> Map<String, Value> {
    let mut view = Map::new();
    let mut put = |name: &str, value: Value| {
        view.insert(name.to_owned(), value);
    };
    put("securityGroupRuleId", rule.id.clone().into());
    put("groupId", group.into());
    put("isEgress", rule.egress.into());
    put("ipProtocol", rule.protocol.clone().into());
    put("fromPort", rule.from.into());
    put("toPort", rule.to.into());
    match &rule.peer {
        Peer::Ipv4(cidr) => put("cidrIpv4", cidr.clone().into()),
        Peer::Ipv6(cidr) => put("cidrIpv6", cidr.clone().into()),
        Peer::PrefixList(list) => put("prefixListId", list.clone().into()),
        Peer::Group(_) => {}
    }
    if let Some(description) = &rule.description {
        put("description", description.clone().into());
    }
    view
}

fn view(call: &Call<'_>, group: &str, rule: &Rule, tags: &Tags) -> Value {
    let mut view = Value::Object(basics(group, rule));
    view["groupOwnerId"] = call.scope.account.clone().into();
    view["securityGroupRuleArn"] = call
        .arn("ec2", &format!("security-group-rule/{}", rule.id))
        .into();
    view["tagSet"] = tag_set(tags);
    if let Peer::Group(other) = &rule.peer {
        view["referencedGroupInfo"] = json!({"groupId": other, "userId": call.scope.account});
    }
    view
}

static RULES: Listing = Listing {
    set: "securityGroupRuleSet",
    ids: "SecurityGroupRuleId",
    kind: Some(&RULE),
    filters: &["group-id", "security-group-rule-id"],
    tagged: true,
};

pub(super) fn describe(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let items = network
        .groups
        .iter()
        .filter(|(_, group)| visible(call, group.created))
        .flat_map(|(id, group)| group.rules.iter().map(move |rule| (id, rule)))
        .map(|(group, rule)| {
            let tags = network.tags_of(&rule.id);
            Item {
                id: rule.id.clone(),
                fields: vec![
                    ("group-id", vec![group.clone()]),
                    ("security-group-rule-id", vec![rule.id.clone()]),
                ],
                view: view(call, group, rule, &tags),
                tags,
            }
        })
        .collect();
    listing::answer(call, &RULES, items)
}

/// Rules of one direction, those of the same protocol and ports together.
pub(super) fn permissions(call: &Call<'_>, rules: &[Rule], egress: bool) -> Vec<Value> {
    let mut permissions: Vec<Value> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.egress == egress) {
        let ports = |view: &Value| {
            rule.protocol == "-1" || (view["fromPort"] == rule.from && view["toPort"] == rule.to)
        };
        let known = permissions
            .iter()
            .position(|view| view["ipProtocol"] == rule.protocol.as_str() && ports(view));
        let at = known.unwrap_or_else(|| {
            let mut view = json!({
                "ipProtocol": rule.protocol, "groups": [], "ipRanges": [], "ipv6Ranges": [], "prefixListIds": [],
            });
            if rule.protocol != "-1" {
                view["fromPort"] = rule.from.into();
                view["toPort"] = rule.to.into();
            }
            permissions.push(view);
            permissions.len() - 1
        });
        let (list, mut entry) = match &rule.peer {
            Peer::Ipv4(cidr) => ("ipRanges", json!({"cidrIp": cidr})),
            Peer::Ipv6(cidr) => ("ipv6Ranges", json!({"cidrIpv6": cidr})),
            Peer::PrefixList(id) => ("prefixListIds", json!({"prefixListId": id})),
            Peer::Group(id) => (
                "groups",
                json!({"groupId": id, "userId": call.scope.account}),
            ),
        };
        if let Some(description) = &rule.description {
            entry["description"] = description.clone().into();
        }
        if let Some(list) = permissions[at][list].as_array_mut() {
            list.push(entry);
        }
    }
    permissions
}
