//! The account's replication set, in our own words.

use std::{collections::BTreeMap, fmt};

use aws_sdk_ssmincidents::types;

use crate::aws::{CallError, ErrorClass, Operation, Session};

/// The replication set as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationSetInfo {
    /// Its ARN.
    pub arn: String,
    /// Its state.
    pub status: ReplicationSetStatus,
    /// Its Regions by name.
    pub regions: BTreeMap<String, RegionInfo>,
}

/// One Region of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionInfo {
    /// Its state.
    pub status: RegionStatus,
    /// Whether tags can be read and written there: AWS keeps them in the set's first Region.
    pub taggable: bool,
}

/// State of a replication set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplicationSetStatus {
    /// In use.
    Active,
    /// Being created.
    Creating,
    /// A Region is being added or removed.
    Updating,
    /// On its way out.
    Deleting,
    /// AWS gave up.
    Failed,
    /// A state this release does not know.
    Unknown(String),
}

/// State of a Region of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegionStatus {
    /// In use.
    Active,
    /// Being added.
    Creating,
    /// Being removed.
    Deleting,
    /// AWS gave up.
    Failed,
    /// A state this release does not know.
    Unknown(String),
}

impl From<&types::ReplicationSetStatus> for ReplicationSetStatus {
    fn from(status: &types::ReplicationSetStatus) -> Self {
        match status {
            types::ReplicationSetStatus::Active => Self::Active,
            types::ReplicationSetStatus::Creating => Self::Creating,
            types::ReplicationSetStatus::Updating => Self::Updating,
            types::ReplicationSetStatus::Deleting => Self::Deleting,
            types::ReplicationSetStatus::Failed => Self::Failed,
            other => Self::Unknown(other.as_str().to_owned()),
        }
    }
}

impl From<&types::RegionStatus> for RegionStatus {
    fn from(status: &types::RegionStatus) -> Self {
        match status {
            types::RegionStatus::Active => Self::Active,
            types::RegionStatus::Creating => Self::Creating,
            types::RegionStatus::Deleting => Self::Deleting,
            types::RegionStatus::Failed => Self::Failed,
            other => Self::Unknown(other.as_str().to_owned()),
        }
    }
}

impl fmt::Display for ReplicationSetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "Active",
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::Deleting => "Deleting",
            Self::Failed => "Failed",
            Self::Unknown(text) => text,
        })
    }
}

impl fmt::Display for RegionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "Active",
            Self::Creating => "Creating",
            Self::Deleting => "Deleting",
            Self::Failed => "Failed",
            Self::Unknown(text) => text,
        })
    }
}

impl From<&types::ReplicationSet> for ReplicationSetInfo {
    fn from(set: &types::ReplicationSet) -> Self {
        let region = |info: &types::RegionInfo| RegionInfo {
            status: (&info.status).into(),
            taggable: !info
                .status_message()
                .is_some_and(|message| message.contains("Tagging inaccessible")),
        };
        Self {
            arn: set.arn().unwrap_or_default().to_owned(),
            status: (&set.status).into(),
            regions: set
                .region_map
                .iter()
                .map(|(name, info)| (name.clone(), region(info)))
                .collect(),
        }
    }
}

/// Lists, then reads what was listed. Only an empty list means that there is none.
pub(super) async fn read(session: &Session) -> Result<Option<ReplicationSetInfo>, CallError> {
    let Some(arn) = listed(session).await? else {
        return Ok(None);
    };
    let request = session.incidents().get_replication_set().arn(&arn).send();
    match session.send(Operation::GetReplicationSet, request).await {
        Ok(output) => {
            let Some(set) = output.replication_set() else {
                return Err(
                    CallError::new(Operation::GetReplicationSet, ErrorClass::Transient)
                        .with_detail("the answer held no replication set"),
                );
            };
            let mut info = ReplicationSetInfo::from(set);
            info.arn = arn;
            Ok(Some(info))
        }
        Err(mut error) => {
            // Listed and gone a moment later, or not readable yet: the next list will tell.
            if error.class == ErrorClass::NotFound {
                error.class = ErrorClass::Transient;
            }
            Err(error)
        }
    }
}

/// ARN of the account's replication set. `None` = AWS lists none.
///
/// # Errors
/// What AWS answers, classified.
pub async fn listed(session: &Session) -> Result<Option<String>, CallError> {
    let mut next_token = None;
    loop {
        let request = session
            .incidents()
            .list_replication_sets()
            .set_next_token(next_token)
            .send();
        let output = session
            .send(Operation::ListReplicationSets, request)
            .await?;
        if let Some(arn) = output.replication_set_arns.into_iter().next() {
            return Ok(Some(arn));
        }
        next_token = output.next_token.filter(|token| !token.is_empty());
        if next_token.is_none() {
            return Ok(None);
        }
    }
}
