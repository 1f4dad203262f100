//! Spec and surroundings to what is wanted. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::ReplicationSet;
use crate::api::conditions::Reason;
use crate::api::replication_set::RegionAction;
use crate::engine::Error;
use crate::engine::error::RETRY_INVALID;

/// What the cluster says besides the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The account.
    pub account_id: String,
    /// Name of the ProviderConfig.
    pub provider: String,
    /// Its Region: everything is sent there.
    pub own_region: String,
    /// Regions in which ProviderConfigs of the same account are used, with the name of one.
    pub used_regions: BTreeMap<String, String>,
    /// Another object that stands for the set of this account and came first.
    pub elder: Option<String>,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Where.
    pub place: Place,
    /// Regions by name, with their key; `None` = one that AWS owns.
    pub regions: BTreeMap<String, Option<String>>,
    /// Whether AWS is to refuse to delete it.
    pub protected: bool,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// The Region whose removal AWS has refused, and when it may be tried again.
    pub refused_removal: Option<(String, Timestamp)>,
}

/// What is wanted.
///
/// # Errors
/// Another object came first; the ProviderConfig's Region is missing.
pub fn desired(
    object: &ReplicationSet,
    place: &Place,
    tags: BTreeMap<String, String>,
) -> Result<Desired, Error> {
    if let Some(elder) = &place.elder {
        return Err(Error::refused(
            Reason::DuplicateReplicationSet,
            format!(
                "ReplicationSet \"{elder}\" stands for the replication set of account {} already, and an account has one only: delete one of the two objects. Nothing was touched",
                place.account_id
            ),
        ));
    }
    let regions: BTreeMap<_, _> = object
        .spec
        .regions
        .iter()
        .map(|r| (r.name.clone(), r.sse_kms_key_id.clone()))
        .collect();
    if !regions.contains_key(&place.own_region) {
        return Err(Error::Stalled {
            reason: Reason::RegionNotInReplicationSet,
            message: format!(
                "spec.regions is without {}, the Region of ProviderConfig \"{}\", where everything is sent: add it, or name a ProviderConfig of one of these Regions in spec.providerConfigRef",
                place.own_region, place.provider
            ),
            retry: RETRY_INVALID,
        });
    }
    let pending = object
        .status
        .as_ref()
        .and_then(|s| s.pending_change.as_ref());
    let refused_removal = pending
        .filter(|p| p.action == RegionAction::RemoveRegion)
        .and_then(|p| Some((p.region.clone(), p.not_before.as_ref()?.0)));
    Ok(Desired {
        place: place.clone(),
        regions,
        protected: is_protected(object),
        tags,
        refused_removal,
    })
}

/// Whether the spec asks AWS to refuse a deletion.
pub fn is_protected(object: &ReplicationSet) -> bool {
    object.spec.deletion_protection.unwrap_or(true)
}

/// What the annotation must say for the data to be deleted.
pub fn confirmation(object: &ReplicationSet, account_id: &str) -> String {
    format!("{account_id}/{}", object.uid().unwrap_or_default())
}
