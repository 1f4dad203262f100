//! The replication set: one per account, one change at a time.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::auth::partition_of;
use crate::clock::{Millis, epoch_seconds};
use crate::error::AwsError;
use crate::iam::Needed;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::data::Unusable;
use super::state::{DEFAULT_KEY, RegionInfo, ReplicationSet, Status};
use super::tokens::{Mismatch, remember, replayed};
use super::{action, errors};

const DAY: Millis = 86_400_000;
const MAX_REGIONS: usize = 3;

/// Where Incident Manager exists.
const REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

pub(super) fn create_needs(account: &Account, call: &Call<'_>) -> Vec<Needed> {
    let arn = call_arn(call, "*");
    let mut needed = action(call, &arn);
    if call.input.get("tags").is_some() {
        needed.push(Needed::new("ssm-incidents:TagResource", arn));
    }
    if account.replication_set.is_none() {
        let role = format!(
            "arn:{}:iam::{}:role/aws-service-role/ssm-incidents.amazonaws.com/AWSServiceRoleforIncidentManager",
            call.partition, call.scope.account
        );
        needed.push(
            Needed::new("iam:CreateServiceLinkedRole", role)
                .with_context("iam:AWSServiceName", "ssm-incidents.amazonaws.com"),
        );
    }
    let regions = call.input["regions"].as_object();
    for region in regions.into_iter().flat_map(Map::values) {
        needed.extend(needs_of_key(region));
    }
    needed
}

pub(super) fn update_needs(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    let mut needed = action(call, call.required("arn"));
    needed.extend(needs_of_key(&call.input["actions"][0]["addRegionAction"]));
    needed
}

/// What a Region's key needs, if it is the customer's.
fn needs_of_key(region: &Value) -> Vec<Needed> {
    let key = region["sseKmsKeyId"].as_str();
    key.filter(|key| !key.is_empty() && *key != DEFAULT_KEY)
        .map_or_else(Vec::new, |key| {
            ["kms:CreateGrant", "kms:DescribeKey"]
                .map(|action| Needed::new(action, key))
                .to_vec()
        })
}

/// ARNs of this service have no Region.
fn arn_of(partition: &str, account: &str, id: &str) -> String {
    format!("arn:{partition}:ssm-incidents::{account}:replication-set/{id}")
}

fn call_arn(call: &Call<'_>, id: &str) -> String {
    arn_of(call.partition, &call.scope.account, id)
}

fn key_of(call: &Call<'_>, region: &str, key: Option<&str>) -> Result<String, AwsError> {
    let Some(key) = key.filter(|key| !key.is_empty() && *key != DEFAULT_KEY) else {
        return Ok(DEFAULT_KEY.to_owned());
    };
    if key.starts_with("alias/") || key.contains(":alias/") {
        return Err(errors::invalid(format!(
            "The KMS key {key} of Region {region} must not be an alias"
        )));
    }
    if key.starts_with("arn:") {
        let here = format!("arn:{}:kms:{region}:", call.partition);
        if !key.starts_with(&here) || !key.contains(":key/") {
            return Err(errors::invalid(format!(
                "The KMS key {key} is not a key in Region {region}"
            )));
        }
    }
    Ok(key.to_owned())
}

fn check_region_name(call: &Call<'_>, region: &str) -> Result<(), AwsError> {
    let known = call.partition != "aws" || REGIONS.contains(&region);
    if known && partition_of(region) == call.partition {
        Ok(())
    } else {
        Err(errors::invalid(format!(
            "{region} is not a supported Region"
        )))
    }
}

/// The service cannot do without the keys it encrypts with.
fn check_usable(unusable: &Unusable, key: &str) -> Result<(), AwsError> {
    if unusable.has_key(key) {
        return Err(errors::invalid(format!(
            "The KMS key {key} cannot be used. Make sure that it exists and is enabled"
        )));
    }
    Ok(())
}

/// Keys are all owned by AWS, or all by the customer.
fn check_keys<'a>(keys: impl Iterator<Item = &'a String>) -> Result<(), AwsError> {
    let mut owned = keys.map(|key| key == DEFAULT_KEY);
    let first = owned.next();
    if owned.any(|next| Some(next) != first) {
        return Err(errors::invalid(
            "Either all Regions or none must use a customer managed key",
        ));
    }
    Ok(())
}

fn state_delay(call: &Call<'_>) -> Millis {
    call.knobs.number(Knob::StateDelayMs)
}

/// Makes a set that is usable after `delay`.
fn new_set(
    arn: String,
    principal: &str,
    first: &str,
    regions: BTreeMap<String, String>,
    now: Millis,
    delay: Millis,
) -> ReplicationSet {
    let mut set = ReplicationSet {
        arn,
        created_by: principal.to_owned(),
        created: now,
        modified_by: principal.to_owned(),
        modified: now,
        protected: false,
        status: Status::Creating,
        settles: None,
        first_region: first.to_owned(),
        regions: regions
            .into_iter()
            .map(|(name, key)| {
                let info = RegionInfo {
                    key,
                    status: Status::Creating,
                    updated: now,
                    created: now,
                    failure: None,
                };
                (name, info)
            })
            .collect(),
        tags: BTreeMap::new(),
    };
    set.begin(Status::Creating, now, delay);
    set.settle(now);
    set
}

/// Gives an account a replication set from outside, the first Region first.
pub fn onboard(account: &mut Account, regions: &[String], now: Millis, delay: Millis) {
    let Some(first) = regions.first() else {
        return;
    };
    let partition = partition_of(first);
    let id = uuid::Uuid::new_v4().to_string();
    account.replication_set = Some(new_set(
        arn_of(partition, &account.id, &id),
        &format!("arn:{partition}:iam::{}:root", account.id),
        first,
        regions
            .iter()
            .map(|region| (region.clone(), DEFAULT_KEY.to_owned()))
            .collect(),
        now,
        delay,
    ));
}

/// Puts a set, and Regions of it, into a state from outside; with what went wrong in FAILED ones. False if there is no such Region.
pub fn force(
    set: &mut ReplicationSet,
    status: Option<Status>,
    regions: BTreeMap<String, Status>,
    failure: &str,
    now: Millis,
) -> bool {
    if regions.keys().any(|name| !set.regions.contains_key(name)) {
        return false;
    }
    if let Some(status) = status {
        set.status = status;
        set.settles = None;
    }
    for (name, status) in regions {
        if let Some(info) = set.regions.get_mut(&name) {
            info.status = status;
            info.updated = now;
            info.failure = (status == Status::Failed).then(|| failure.to_owned());
        }
    }
    true
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    if let Some((output, resource)) = replayed(account, call, &Mismatch::Conflict)? {
        let stands = account
            .replication_set
            .as_ref()
            .is_some_and(|set| set.arn == resource);
        if stands || call.knobs.is(Knob::TokenAfterDelete, "original-arn") {
            return Ok(output);
        }
    }
    if call.knobs.is(Knob::Onboarding, "closed") && account.replication_set.is_none() {
        return Err(AwsError::new(
            "UnsupportedOperationException",
            "AWS Systems Manager Incident Manager is no longer open to new customers.",
        ));
    }
    if let Some(set) = &account.replication_set {
        let message = "The account already has a replication set.";
        return Err(
            if call.knobs.is(Knob::SecondReplicationSetError, "Conflict") {
                errors::conflict(&set.arn, message, None)
            } else {
                errors::quota("ReplicationSetsPerAccount", message)
                    .with("resourceIdentifier", set.arn.clone())
                    .with("resourceType", "REPLICATION_SET")
            },
        );
    }
    let mut regions = BTreeMap::new();
    for (name, value) in call.input["regions"].as_object().into_iter().flatten() {
        check_region_name(call, name)?;
        let key = key_of(call, name, value["sseKmsKeyId"].as_str())?;
        check_usable(&account.unusable, &key)?;
        regions.insert(name.clone(), key);
    }
    check_keys(regions.values())?;
    if !regions.contains_key(&call.scope.region) {
        return Err(errors::invalid(format!(
            "The Region {} of the request must be one of the Regions of the replication set",
            call.scope.region
        )));
    }
    let arn = call_arn(call, &uuid::Uuid::new_v4().to_string());
    let mut set = new_set(
        arn.clone(),
        call.principal,
        &call.scope.region,
        regions,
        call.now,
        state_delay(call),
    );
    for (key, value) in call.input["tags"].as_object().into_iter().flatten() {
        set.tags
            .insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    account.replication_set = Some(set);
    call.created.push(arn.clone());
    let output = json!({"arn": arn});
    remember(account, call, &output, &arn);
    Ok(output)
}

/// The account's set, if it is the one the ARN names.
/// Whether calls in this Region see the set.
fn is_seen(set: &ReplicationSet, call: &Call<'_>) -> bool {
    set.regions.contains_key(&call.scope.region)
        || call.knobs.is(Knob::ReplicationSetElsewhere, "seen")
}

pub(super) fn find<'a>(
    account: &'a mut Account,
    call: &Call<'_>,
    arn: &str,
) -> Result<&'a mut ReplicationSet, AwsError> {
    account
        .replication_set
        .as_mut()
        .filter(|set| set.arn == arn && is_seen(set, call))
        .ok_or_else(|| errors::not_found(arn))
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let set = find(account, call, call.required("arn"))?;
    let mut regions = Map::new();
    for (name, info) in &set.regions {
        let mut shown = json!({
            "sseKmsKeyId": info.key,
            "status": info.status.name(),
            "statusUpdateDateTime": epoch_seconds(info.updated),
        });
        if let Some(failure) = &info.failure {
            shown["statusMessage"] = failure.clone().into();
        } else if *name != set.first_region {
            shown["statusMessage"] = "Tagging inaccessible".into();
        }
        regions.insert(name.clone(), shown);
    }
    Ok(json!({"replicationSet": {
        "arn": set.arn,
        "createdBy": set.created_by,
        "createdTime": epoch_seconds(set.created),
        "deletionProtected": set.protected,
        "lastModifiedBy": set.modified_by,
        "lastModifiedTime": epoch_seconds(set.modified),
        "regionMap": regions,
        "status": set.status.name(),
    }}))
}

pub(super) fn list(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    // There is one set at most, so no token was ever handed out.
    if call
        .text("nextToken")
        .is_some_and(|token| !token.is_empty())
    {
        return Err(errors::invalid("The nextToken is not valid."));
    }
    let arns: Vec<&str> = account
        .replication_set
        .iter()
        .filter(|set| is_seen(set, call))
        .map(|set| set.arn.as_str())
        .collect();
    Ok(json!({"replicationSetArns": arns}))
}

pub(super) fn update(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("arn").to_owned();
    if let Some((output, _)) = replayed(account, call, &Mismatch::Conflict)? {
        return Ok(output);
    }
    let unusable = account.unusable.clone();
    let set = find(account, call, &arn)?;
    if set.status != Status::Active {
        return Err(errors::conflict(
            &arn,
            format!(
                "The replication set is {} and must be ACTIVE to be updated.",
                set.status.name()
            ),
            set.settles,
        ));
    }
    let wanted = &call.input["actions"][0];
    if let Some(add) = wanted.get("addRegionAction") {
        add_region(set, call, &unusable, add)?;
    } else {
        remove_region(set, call, &unusable, &wanted["deleteRegionAction"])?;
    }
    call.principal.clone_into(&mut set.modified_by);
    set.modified = call.now;
    account.settle(&call.circumstances());
    remember(account, call, &json!({}), &arn);
    Ok(json!({}))
}

fn add_region(
    set: &mut ReplicationSet,
    call: &Call<'_>,
    unusable: &Unusable,
    add: &Value,
) -> Result<(), AwsError> {
    let name = add["regionName"].as_str().unwrap_or_default();
    check_region_name(call, name)?;
    if set.regions.contains_key(name) {
        return Err(errors::invalid(format!(
            "The Region {name} is already part of the replication set"
        )));
    }
    if set.regions.len() >= MAX_REGIONS {
        return Err(errors::invalid(format!(
            "A replication set can have at most {MAX_REGIONS} Regions"
        )));
    }
    let key = key_of(call, name, add["sseKmsKeyId"].as_str())?;
    check_usable(unusable, &key)?;
    check_keys(set.regions.values().map(|info| &info.key).chain([&key]))?;
    set.regions.insert(
        name.to_owned(),
        RegionInfo {
            key,
            status: Status::Creating,
            updated: call.now,
            created: call.now,
            failure: None,
        },
    );
    set.begin(Status::Updating, call.now, state_delay(call));
    Ok(())
}

fn remove_region(
    set: &mut ReplicationSet,
    call: &Call<'_>,
    unusable: &Unusable,
    remove: &Value,
) -> Result<(), AwsError> {
    let name = remove["regionName"].as_str().unwrap_or_default();
    let last = set.regions.len() == 1;
    let protected = set.protected;
    let Some(info) = set.regions.get_mut(name) else {
        return Err(errors::invalid(format!(
            "The Region {name} is not part of the replication set"
        )));
    };
    if last && protected {
        return Err(errors::invalid(
            "The last Region of a replication set with deletion protection cannot be deleted",
        ));
    }
    if call.knobs.is(Knob::ReplicationRegion24hRule, "on") && call.now - info.created < DAY {
        return Err(errors::invalid(format!(
            "The Region {name} was added less than 24 hours ago and cannot be deleted yet"
        )));
    }
    if last {
        check_usable(unusable, &info.key)?;
    }
    info.status = Status::Deleting;
    info.updated = call.now;
    let status = if last {
        Status::Deleting
    } else {
        Status::Updating
    };
    set.begin(status, call.now, state_delay(call));
    Ok(())
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let unusable = account.unusable.clone();
    let set = find(account, call, call.required("arn"))?;
    match set.status {
        Status::Deleting => return Ok(json!({})),
        Status::Active | Status::Failed => {}
        other => {
            return Err(errors::invalid(format!(
                "The replication set is {} and must be ACTIVE to be deleted.",
                other.name()
            )));
        }
    }
    if set.protected {
        return Err(errors::invalid(
            "The replication set has deletion protection and cannot be deleted",
        ));
    }
    for info in set.regions.values() {
        check_usable(&unusable, &info.key)?;
    }
    for info in set.regions.values_mut() {
        info.status = Status::Deleting;
        info.updated = call.now;
    }
    call.principal.clone_into(&mut set.modified_by);
    set.modified = call.now;
    set.begin(Status::Deleting, call.now, state_delay(call));
    account.settle(&call.circumstances());
    Ok(json!({}))
}

pub(super) fn protect(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("arn").to_owned();
    if let Some((output, _)) = replayed(account, call, &Mismatch::Validation)? {
        return Ok(output);
    }
    let set = find(account, call, &arn)?;
    if set.status != Status::Active {
        return Err(errors::invalid(format!(
            "The replication set is {} and must be ACTIVE to be updated.",
            set.status.name()
        )));
    }
    set.protected = call.input["deletionProtected"] == Value::Bool(true);
    call.principal.clone_into(&mut set.modified_by);
    set.modified = call.now;
    remember(account, call, &json!({}), &arn);
    Ok(json!({}))
}
