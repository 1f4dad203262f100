//! Security groups.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::errors::{self, GROUP, RULE};
use super::listing::{self, Item, Listing, tag_set, texts, visible};
use super::state::{Group, Network, Peer, Rule, Tags};
use super::{network, new_id, rule, tags, vpc};

/// The group that every VPC has, and that endpoints get if none is named.
pub(super) const DEFAULT: &str = "default";

fn everything_out(call: &mut Call<'_>) -> Rule {
    Rule {
        id: new_id(call, &RULE),
        egress: true,
        protocol: "-1".to_owned(),
        from: -1,
        to: -1,
        peer: Peer::Ipv4("0.0.0.0/0".to_owned()),
        description: None,
    }
}

/// Gives a new VPC its default group.
pub(super) fn add_default(network: &mut Network, call: &mut Call<'_>, vpc: &str) {
    let id = new_id(call, &GROUP);
    let out = everything_out(call);
    let within = Rule {
        id: new_id(call, &RULE),
        egress: false,
        peer: Peer::Group(id.clone()),
        ..out.clone()
    };
    network.groups.insert(
        id,
        Group {
            vpc: vpc.to_owned(),
            name: DEFAULT.to_owned(),
            description: "default VPC security group".to_owned(),
            rules: vec![within, out],
            created: call.now,
        },
    );
}

/// The default group of a VPC.
pub(super) fn default_of(network: &Network, vpc: &str) -> Option<String> {
    network
        .groups
        .iter()
        .find(|(_, group)| group.vpc == vpc && group.name == DEFAULT)
        .map(|(id, _)| id.clone())
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let tags = tags::specified(call, &GROUP)?;
    let network = network(account, call);
    let name = call.required("GroupName").to_owned();
    let description = call.required("GroupDescription").to_owned();
    for (what, text) in [("groupName", &name), ("groupDescription", &description)] {
        let allowed = |letter: char| {
            letter.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(letter)
        };
        if text.is_empty() || text.chars().count() > 255 || !text.chars().all(allowed) {
            return Err(errors::value(format!(
                "Value ({text}) for parameter {what} is invalid. Character sets beyond ASCII are not supported."
            )));
        }
    }
    if name.starts_with("sg-") {
        return Err(errors::value(format!(
            "Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*."
        )));
    }
    // Without a VPC it would be one of the default VPC, which there is none of.
    let vpc = call
        .text("VpcId")
        .ok_or_else(|| AwsError::new("VPCIdNotSpecified", "No default VPC for this user"))?
        .to_owned();
    vpc::find(network, &vpc)?;
    if name == DEFAULT {
        return Err(errors::value(
            "Cannot use reserved security group name: default",
        ));
    }
    if network
        .groups
        .values()
        .any(|group| group.vpc == vpc && group.name == name)
    {
        return Err(AwsError::new(
            "InvalidGroup.Duplicate",
            format!("The security group '{name}' already exists for VPC '{vpc}'"),
        ));
    }
    let id = new_id(call, &GROUP);
    let rules = vec![everything_out(call)];
    network.groups.insert(
        id.clone(),
        Group {
            vpc,
            name,
            description,
            rules,
            created: call.now,
        },
    );
    let answer = json!({
        "groupId": id,
        "securityGroupArn": call.arn("ec2", &format!("security-group/{id}")),
        "tagSet": tag_set(&tags),
    });
    network.tags.insert(id, tags);
    Ok(answer)
}

static GROUPS: Listing = Listing {
    set: "securityGroupInfo",
    ids: "GroupId",
    kind: Some(&GROUP),
    filters: &[
        "description",
        "egress.ip-permission.cidr",
        "group-id",
        "group-name",
        "ip-permission.cidr",
        "ip-permission.from-port",
        "ip-permission.group-id",
        "ip-permission.protocol",
        "ip-permission.to-port",
        "owner-id",
        "vpc-id",
    ],
    tagged: true,
};

fn view(call: &Call<'_>, id: &str, group: &Group, tags: &Tags) -> Value {
    json!({
        "groupId": id,
        "groupName": group.name,
        "groupDescription": group.description,
        "ownerId": call.scope.account,
        "vpcId": group.vpc,
        "securityGroupArn": call.arn("ec2", &format!("security-group/{id}")),
        "ipPermissions": rule::permissions(call, &group.rules, false),
        "ipPermissionsEgress": rule::permissions(call, &group.rules, true),
        "tagSet": tag_set(tags),
    })
}

pub(super) fn describe(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let names = texts(&call.input["GroupName"]);
    let items = network
        .groups
        .iter()
        .filter(|(_, group)| visible(call, group.created))
        .filter(|(_, group)| names.is_empty() || names.contains(&group.name))
        .map(|(id, group)| {
            let tags = network.tags_of(id);
            let of = |egress: bool, value: &dyn Fn(&Rule) -> Option<String>| {
                group
                    .rules
                    .iter()
                    .filter(|rule| rule.egress == egress)
                    .filter_map(value)
                    .collect::<Vec<_>>()
            };
            let cidr = |rule: &Rule| match &rule.peer {
                Peer::Ipv4(cidr) => Some(cidr.clone()),
                _ => None,
            };
            let peer_group = |rule: &Rule| match &rule.peer {
                Peer::Group(group) => Some(group.clone()),
                _ => None,
            };
            Item {
                id: id.clone(),
                fields: vec![
                    ("group-id", vec![id.clone()]),
                    ("group-name", vec![group.name.clone()]),
                    ("description", vec![group.description.clone()]),
                    ("owner-id", vec![call.scope.account.clone()]),
                    ("vpc-id", vec![group.vpc.clone()]),
                    ("egress.ip-permission.cidr", of(true, &cidr)),
                    ("ip-permission.cidr", of(false, &cidr)),
                    (
                        "ip-permission.from-port",
                        of(false, &|rule| Some(rule.from.to_string())),
                    ),
                    (
                        "ip-permission.to-port",
                        of(false, &|rule| Some(rule.to.to_string())),
                    ),
                    (
                        "ip-permission.protocol",
                        of(false, &|rule| Some(rule.protocol.clone())),
                    ),
                    ("ip-permission.group-id", of(false, &peer_group)),
                ],
                view: view(call, id, group, &tags),
                tags,
            }
        })
        .collect();
    listing::answer(call, &GROUPS, items)
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call
        .text("GroupId")
        .ok_or_else(|| errors::lacking("groupId"))?;
    let group = network.groups.get(id).ok_or_else(|| GROUP.missing(id))?;
    if group.name == DEFAULT {
        return Err(AwsError::new(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    // The interfaces of an endpoint hold its groups until they are gone; an endpoint without any still names them.
    let held = network
        .living()
        .any(|(_, endpoint)| endpoint.groups.iter().any(|group| group == id));
    let referenced = network.groups.iter().any(|(other, group)| {
        other != id
            && group
                .rules
                .iter()
                .any(|rule| rule.peer == Peer::Group(id.to_owned()))
    });
    if held || referenced {
        return Err(errors::in_use(format!(
            "resource {id} has a dependent object"
        )));
    }
    network.groups.remove(id);
    tags::forget_missing(network);
    Ok(json!({"return": true, "groupId": id}))
}
