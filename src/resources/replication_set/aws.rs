//! Reads and writes the replication set. The only file here that sends, and it decides nothing.

use std::collections::BTreeMap;

use aws_sdk_ssmincidents::primitives::DateTime;
use aws_sdk_ssmincidents::types;
use jiff::Timestamp;

use super::observed::{Observed, ObservedRegion, customer_key, shown};
use super::plan::Change;
use crate::aws::account::listed_set;
use crate::aws::{CallError, ErrorClass, Operation, ReplicationSetInfo, Session, incidents, token};
use crate::engine::Applied;

/// Reads the account's replication set, live. `None` = AWS lists none.
pub async fn observe(session: &Session) -> Result<Option<Observed>, CallError> {
    let Some(arn) = listed_set(session).await? else {
        return Ok(None);
    };
    let request = session.incidents().get_replication_set().arn(&arn).send();
    let operation = Operation::GetReplicationSet;
    let output = session
        .send(operation, request)
        .await
        .map_err(|mut error| {
            // Listed and gone a moment later: only the list says that there is none.
            if error.class == ErrorClass::NotFound {
                error.class = ErrorClass::Transient;
            }
            error
        })?;
    let set = output.replication_set().ok_or_else(|| {
        CallError::new(operation, ErrorClass::Transient)
            .with_detail("the answer held no replication set")
    })?;
    Ok(Some(from(arn, set)))
}

fn from(arn: String, set: &types::ReplicationSet) -> Observed {
    let info = ReplicationSetInfo::from(set);
    let regions = set.region_map.iter().filter_map(|(name, region)| {
        let known = info.regions.get(name)?;
        let observed = ObservedRegion {
            state: known.status.clone(),
            since: timestamp(region.status_update_date_time()),
            key: customer_key(region.sse_kms_key_id()),
            message: shown(region.status_message()),
            taggable: known.taggable,
        };
        Some((name.clone(), observed))
    });
    Observed {
        arn,
        state: info.status,
        protected: set.deletion_protected,
        modified: timestamp(&set.last_modified_time).unwrap_or_default(),
        regions: regions.collect(),
    }
}

fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at.as_nanos()).ok()
}

/// Sends one change.
pub async fn apply(session: &Session, change: &Change, token: &str) -> Result<Applied, CallError> {
    let client = session.incidents();
    match change {
        Change::Create { regions, tags } => {
            return create(session, regions, tags, token).await;
        }
        Change::AddRegion {
            arn,
            region,
            key,
            version,
        } => {
            let add = types::AddRegionAction::builder()
                .region_name(region)
                .set_sse_kms_key_id(key.clone())
                .build();
            let action = add.map(types::UpdateReplicationSetAction::AddRegionAction);
            update(session, arn, action, ("add", region, *version)).await?;
        }
        Change::RemoveRegion {
            arn,
            region,
            version,
            ..
        } => {
            let remove = types::DeleteRegionAction::builder()
                .region_name(region)
                .build();
            let action = remove.map(types::UpdateReplicationSetAction::DeleteRegionAction);
            update(session, arn, action, ("remove", region, *version)).await?;
        }
        Change::SetDeletionProtection { arn, on } => {
            let request = client
                .update_deletion_protection()
                .arn(arn)
                .deletion_protected(*on);
            session
                .send(Operation::UpdateDeletionProtection, request.send())
                .await?;
        }
        Change::SetTags { arn, tags } => incidents::set_tags(session, arn, tags).await?,
        Change::RemoveTags { arn, keys } => incidents::remove_tags(session, arn, keys).await?,
        Change::Delete { arn } => {
            let request = client.delete_replication_set().arn(arn);
            session
                .send(Operation::DeleteReplicationSet, request.send())
                .await?;
        }
        Change::ChangeKey { .. } => {}
    }
    Ok(Applied::default())
}

async fn create(
    session: &Session,
    regions: &BTreeMap<String, Option<String>>,
    tags: &BTreeMap<String, String>,
    token: &str,
) -> Result<Applied, CallError> {
    let value = |key: &Option<String>| {
        types::RegionMapInputValue::builder()
            .set_sse_kms_key_id(key.clone())
            .build()
    };
    let regions = regions
        .iter()
        .map(|(name, key)| (name.clone(), value(key)))
        .collect();
    let request = session
        .incidents()
        .create_replication_set()
        .set_regions(Some(regions))
        .set_tags(incidents::tags_to(tags))
        .client_token(token);
    let output = session
        .send(Operation::CreateReplicationSet, request.send())
        .await?;
    Ok(Applied {
        id: Some(output.arn),
        save_now: false,
    })
}

/// One action. Its token names the version of the set that it is for: sent twice, it is one request.
async fn update(
    session: &Session,
    arn: &str,
    action: Result<types::UpdateReplicationSetAction, aws_sdk_ssmincidents::error::BuildError>,
    (verb, region, version): (&str, &str, Timestamp),
) -> Result<(), CallError> {
    let operation = Operation::UpdateReplicationSet;
    let action = action
        .map_err(|e| CallError::new(operation, ErrorClass::Invalid).with_detail(e.to_string()))?;
    let request = session
        .incidents()
        .update_replication_set()
        .arn(arn)
        .actions(action)
        .client_token(token::idempotency_token(
            arn,
            verb,
            region,
            &version.to_string(),
            0,
        ));
    session.send(operation, request.send()).await?;
    Ok(())
}
