//! What all resources of ssm-incidents have in common: their tags.

use std::collections::{BTreeMap, HashMap};

use super::{CallError, Operation, Session};

/// ListTagsForResource, of a replication set, response plan or incident.
///
/// # Errors
/// What AWS answers, classified.
pub async fn tags(session: &Session, arn: &str) -> Result<BTreeMap<String, String>, CallError> {
    let request = session
        .incidents()
        .list_tags_for_resource()
        .resource_arn(arn);
    let output = session
        .send(Operation::ListTagsForIncidentResource, request.send())
        .await?;
    Ok(output.tags.into_iter().collect())
}

/// TagResource, of a replication set, response plan or incident.
///
/// # Errors
/// What AWS answers, classified.
pub async fn set_tags(
    session: &Session,
    arn: &str,
    tags: &BTreeMap<String, String>,
) -> Result<(), CallError> {
    let request = session
        .incidents()
        .tag_resource()
        .resource_arn(arn)
        .set_tags(tags_to(tags));
    session
        .send(Operation::TagIncidentResource, request.send())
        .await?;
    Ok(())
}

/// UntagResource, of a replication set, response plan or incident.
///
/// # Errors
/// What AWS answers, classified.
pub async fn remove_tags(session: &Session, arn: &str, keys: &[String]) -> Result<(), CallError> {
    let request = session
        .incidents()
        .untag_resource()
        .resource_arn(arn)
        .set_tag_keys(Some(keys.to_vec()));
    session
        .send(Operation::UntagIncidentResource, request.send())
        .await?;
    Ok(())
}

/// Tags as the API takes them: a map that is absent rather than empty.
pub fn tags_to(tags: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!tags.is_empty()).then(|| tags.clone().into_iter().collect())
}
