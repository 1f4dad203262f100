//! Internet gateways, which make a subnet public; and the prefix lists that gateway endpoints route to.

use serde_json::{Value, json};

use crate::error::AwsError;
use crate::services::Call;
use crate::state::Account;

use super::errors::{self, INTERNET_GATEWAY, PREFIX_LIST};
use super::listing::{self, Item, Listing, tag_set, visible};
use super::state::{InternetGateway, Network, Tags};
use super::{catalogue, done, network, new_id, tags, vpc};

fn find<'a>(network: &'a mut Network, id: &str) -> Result<&'a mut InternetGateway, AwsError> {
    network
        .internet_gateways
        .get_mut(id)
        .ok_or_else(|| INTERNET_GATEWAY.missing(id))
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let tags = tags::specified(call, &INTERNET_GATEWAY)?;
    let id = new_id(call, &INTERNET_GATEWAY);
    let gateway = InternetGateway {
        vpc: None,
        created: call.now,
    };
    let shown = view(call, &id, &gateway, &tags);
    let network = network(account, call);
    network.internet_gateways.insert(id.clone(), gateway);
    network.tags.insert(id, tags);
    Ok(json!({"internetGateway": shown}))
}

fn view(call: &Call<'_>, id: &str, gateway: &InternetGateway, tags: &Tags) -> Value {
    let attachments: Vec<Value> = gateway
        .vpc
        .iter()
        .map(|vpc| json!({"state": "available", "vpcId": vpc}))
        .collect();
    json!({
        "internetGatewayId": id, "ownerId": call.scope.account, "attachmentSet": attachments, "tagSet": tag_set(tags),
    })
}

static GATEWAYS: Listing = Listing {
    set: "internetGatewaySet",
    ids: "InternetGatewayId",
    kind: Some(&INTERNET_GATEWAY),
    filters: &[
        "attachment.state",
        "attachment.vpc-id",
        "internet-gateway-id",
        "owner-id",
    ],
    tagged: true,
};

pub(super) fn describe(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let items = network
        .internet_gateways
        .iter()
        .filter(|(_, gateway)| visible(call, gateway.created))
        .map(|(id, gateway)| {
            let tags = network.tags_of(id);
            let vpc: Vec<String> = gateway.vpc.iter().cloned().collect();
            Item {
                id: id.clone(),
                view: view(call, id, gateway, &tags),
                fields: vec![
                    ("internet-gateway-id", vec![id.clone()]),
                    ("owner-id", vec![call.scope.account.clone()]),
                    (
                        "attachment.state",
                        vpc.iter().map(|_| "available".to_owned()).collect(),
                    ),
                    ("attachment.vpc-id", vpc),
                ],
                tags,
            }
        })
        .collect();
    listing::answer(call, &GATEWAYS, items)
}

pub(super) fn attach(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let (id, vpc) = (
        call.required("InternetGatewayId"),
        call.required("VpcId").to_owned(),
    );
    vpc::find(network, &vpc)?;
    if find(network, id)?.vpc.is_some() {
        return Err(AwsError::new(
            "Resource.AlreadyAssociated",
            format!("resource {id} is already attached to network {vpc}"),
        ));
    }
    if network
        .internet_gateways
        .values()
        .any(|gateway| gateway.vpc.as_ref() == Some(&vpc))
    {
        return Err(errors::parameter(format!(
            "Network {vpc} already has an internet gateway attached"
        )));
    }
    find(network, id)?.vpc = Some(vpc);
    Ok(done())
}

pub(super) fn detach(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let (id, vpc) = (call.required("InternetGatewayId"), call.required("VpcId"));
    let gateway = find(network, id)?;
    if gateway.vpc.as_deref() != Some(vpc) {
        return Err(AwsError::new(
            "Gateway.NotAttached",
            format!("resource {id} is not attached to network {vpc}"),
        ));
    }
    gateway.vpc = None;
    Ok(done())
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let network = network(account, call);
    let id = call.required("InternetGatewayId");
    if find(network, id)?.vpc.is_some() {
        return Err(errors::in_use(format!(
            "The internetGateway '{id}' has dependencies and cannot be deleted."
        )));
    }
    network.internet_gateways.remove(id);
    network.tags.remove(id);
    Ok(done())
}

fn prefix_lists(call: &Call<'_>, show: impl Fn(&catalogue::PrefixList) -> Value) -> Vec<Item> {
    catalogue::prefix_lists(&call.scope.region)
        .iter()
        .map(|list| Item {
            id: list.id.clone(),
            fields: vec![
                ("prefix-list-id", vec![list.id.clone()]),
                ("prefix-list-name", vec![list.name.clone()]),
                ("owner-id", vec!["AWS".to_owned()]),
            ],
            tags: Tags::new(),
            view: show(list),
        })
        .collect()
}

static PREFIX_LISTS: Listing = Listing {
    set: "prefixListSet",
    ids: "PrefixListId",
    kind: Some(&PREFIX_LIST),
    filters: &["prefix-list-id", "prefix-list-name"],
    tagged: false,
};

pub(super) fn describe_prefix_lists(
    _: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let items = prefix_lists(
        call,
        |list| json!({"prefixListId": list.id, "prefixListName": list.name, "cidrSet": list.cidrs}),
    );
    listing::answer(call, &PREFIX_LISTS, items)
}

static MANAGED_PREFIX_LISTS: Listing = Listing {
    set: "prefixListSet",
    ids: "PrefixListId",
    kind: Some(&PREFIX_LIST),
    filters: &["owner-id", "prefix-list-id", "prefix-list-name"],
    tagged: true,
};

pub(super) fn describe_managed_prefix_lists(
    _: &mut Account,
    call: &mut Call<'_>,
) -> Result<Value, AwsError> {
    let items = prefix_lists(call, |list| {
        json!({
            "prefixListId": list.id, "prefixListName": list.name, "addressFamily": "IPv4", "ownerId": "AWS",
            "state": "create-complete", "tagSet": [],
            "prefixListArn": format!("arn:{}:ec2:{}:aws:prefix-list/{}", call.partition, call.scope.region, list.id),
        })
    });
    listing::answer(call, &MANAGED_PREFIX_LISTS, items)
}
