//! What the status says, what is missing before all data may be deleted, and what a refusal of AWS means. Pure.

use jiff::Timestamp;
use kube::ResourceExt;

use super::desired::{Desired, confirmation, is_protected};
use super::findings::findings;
use super::observed::Observed;
use super::plan::{
    Change, LOOK_AGAIN, SET_SLOT, held_removal, pending_step, retry_removal, under_way,
};
use crate::api::conditions::Reason;
use crate::api::replication_set::{
    PendingRegionChange, RegionAction, ReplicationRegionStatus, ReplicationSetStatus,
    ReplicationSetSummary,
};
use crate::api::{DELETE_DATA_OF, ReplicationSet};
use crate::aws::{Arn, CallError, ErrorClass, RegionStatus};
use crate::engine::error::{RETRY_INVALID, RETRY_WAITING};
use crate::engine::{Error, Report, api_time};

/// So many objects are named one by one.
const NAMED: usize = 10;

/// An object of another kind that lives in the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Other {
    /// Kind, namespace and name.
    pub object: String,
    /// It is being deleted, and with it what it stands for in AWS.
    pub leaving: bool,
}

/// Writes the kind's part of the status.
pub fn report(
    desired: &Desired,
    observed: Option<&Observed>,
    status: &mut ReplicationSetStatus,
    now: Timestamp,
) -> Report {
    let Some(set) = observed else {
        status.state = None;
        status.regions.clear();
        status.deletion_protection = None;
        status.pending_change = None;
        status.summary = None;
        return Report::default();
    };
    status.state = Some(set.state.to_string());
    status.regions = set
        .regions
        .iter()
        .map(|(name, region)| ReplicationRegionStatus {
            name: name.clone(),
            state: region.state.to_string(),
            since: region.since.map(api_time),
            message: region.message.clone(),
            sse_kms_key_id: region.key.clone(),
        })
        .collect();
    status.deletion_protection = Some(set.protected);
    let ours = status.common.origin.is_some();
    status.pending_change = if ours {
        pending_step(desired, set, now)
    } else {
        // It is looked at only: what is next is for somebody else to say.
        under_way(set)
    };
    status.summary = Some(ReplicationSetSummary {
        state: set.state.to_string(),
        regions: regions_shown(set),
        protected: if set.protected { "Yes" } else { "No" }.to_owned(),
    });
    Report {
        findings: findings(set),
        next_edge: None,
        ..Report::default()
    }
}

fn regions_shown(set: &Observed) -> String {
    let shown = set.regions.iter().map(|(name, region)| match region.state {
        RegionStatus::Active => name.clone(),
        _ => format!("{name} ({})", region.state),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Whether the set may be deleted, and with it all data of Incident Manager in the account: only with every consent. What is missing is said
/// all at once.
///
/// # Errors
/// What is missing.
pub fn permit_delete(
    object: &ReplicationSet,
    observed: &Observed,
    others: &[Other],
    status: &ReplicationSetStatus,
) -> Result<(), Error> {
    let account_id = Arn::parse(&observed.arn).map(|arn| arn.account().to_owned());
    let account_id = account_id.unwrap_or_default();
    let mut missing = vec![];
    if is_protected(object) {
        missing.push("spec.deletionProtection: false".to_owned());
    } else if observed.protected && status.deletion_protection == Some(false) {
        // It was off already: whoever has turned it on does not want this.
        missing.push(
            "deletion protection off in AWS, where somebody has turned it on (aws ssm-incidents update-deletion-protection)"
                .to_owned(),
        );
    }
    let wanted = confirmation(object, &account_id);
    if account_id.is_empty() || object.annotations().get(DELETE_DATA_OF) != Some(&wanted) {
        missing.push(format!("the annotation {DELETE_DATA_OF}: \"{wanted}\""));
    }
    let staying: Vec<&str> = others
        .iter()
        .filter(|o| !o.leaving)
        .map(|o| o.object.as_str())
        .collect();
    if !staying.is_empty() {
        missing.push(format!(
            "the deletion of every other object of the account: {}",
            some_of(&staying)
        ));
    }
    if !missing.is_empty() {
        return Err(Error::Held {
            reason: Reason::DeletionNotConfirmed,
            message: format!(
                "nothing is deleted: deletionPolicy: Delete would delete ALL data of Incident Manager in account {account_id}, in {}. What is missing for that: {}. To keep the data, set spec.deletionPolicy: Retain (CHK-04)",
                regions_shown(observed),
                missing.join("; ")
            ),
            retry: RETRY_WAITING,
        });
    }
    let leaving: Vec<&str> = others.iter().map(|o| o.object.as_str()).collect();
    if !leaving.is_empty() {
        return Err(Error::Held {
            reason: Reason::StillReferenced,
            message: format!(
                "the replication set is deleted last: waiting for {}, which are being deleted",
                some_of(&leaving)
            ),
            retry: LOOK_AGAIN,
        });
    }
    if !observed.is_active() {
        return Err(Error::Held {
            reason: Reason::Deleting,
            message: format!(
                "AWS deletes a replication set only while it is active, and it is {}",
                observed.state
            ),
            retry: LOOK_AGAIN,
        });
    }
    Ok(())
}

fn some_of(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMED)].join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What it means that AWS refused `change`. `None` = what it usually means.
pub fn refused(
    change: &Change,
    error: &CallError,
    observed: Option<&Observed>,
    status: &mut ReplicationSetStatus,
    now: Timestamp,
) -> Option<Error> {
    match (change, error.class) {
        (Change::Create { .. }, ErrorClass::Invalid)
            if error.code.as_deref() == Some("UnsupportedOperationException") =>
        {
            forget_creation(status);
            Some(Error::Stalled {
                reason: Reason::ClosedToNewCustomers,
                message: "AWS makes no replication set in this account: Incident Manager is closed to accounts that have not used it before 7 November 2025. Use an account that has one (spec.providerConfigRef), or ask AWS Support"
                    .to_owned(),
                retry: RETRY_INVALID,
            })
        }
        // Somebody else was first. Whose it is, the next look tells.
        (Change::Create { .. }, ErrorClass::Conflict | ErrorClass::QuotaExceeded) => {
            forget_creation(status);
            Some(Error::InProgress {
                reason: Reason::Progressing,
                message: "AWS says that the account has a replication set already, and does not show it here (yet). If that stays so, the ProviderConfig's Region is none of the set's: name a ProviderConfig of one of them in spec.providerConfigRef"
                    .to_owned(),
                retry: RETRY_WAITING,
            })
        }
        (Change::RemoveRegion { region, .. }, ErrorClass::Invalid) => {
            let since = observed.and_then(|set| set.regions.get(region)?.since);
            let until = retry_removal(since, now);
            status.pending_change = Some(PendingRegionChange {
                action: RegionAction::RemoveRegion,
                region: region.clone(),
                not_before: Some(api_time(until)),
            });
            Some(held_removal(region, until, now))
        }
        (Change::AddRegion { .. } | Change::RemoveRegion { .. }, ErrorClass::Conflict) => {
            Some(Error::InProgress {
                reason: Reason::Progressing,
                message:
                    "AWS is at work on the replication set already, and takes one change at a time"
                        .to_owned(),
                retry: LOOK_AGAIN,
            })
        }
        _ => None,
    }
}

/// AWS has said that it made nothing for us: what was written down before the call does not hold.
fn forget_creation(status: &mut ReplicationSetStatus) {
    let common = &mut status.common;
    common.pending.retain(|p| p.slot != SET_SLOT);
    common.epoch = Some(common.epoch.unwrap_or(0) + 1);
    if common.arn.is_none() {
        common.origin = None;
        common.applied = None;
    }
}
