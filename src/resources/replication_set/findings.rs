//! CHK-01, and whether the set can be deleted by mistake. Pure.

use super::observed::Observed;
use crate::api::common::{Finding, Severity};
use crate::resources::checks::finding;

/// Every finding about a replication set.
pub fn findings(observed: &Observed) -> Vec<Finding> {
    let mut found = vec![];
    let mut staying = observed.staying().map(|(name, _)| name);
    if let (Some(only), None) = (staying.next(), staying.next()) {
        found.push(finding(
            "SingleRegion",
            only,
            Severity::Warning,
            "is the only Region: while Incident Manager is unavailable there, no incident can be started. Add a second one to spec.regions (CHK-01)",
        ));
    }
    if !observed.protected {
        found.push(finding(
            "DeletionProtectionOff",
            "",
            Severity::Warning,
            "whoever may call DeleteReplicationSet can delete all data of Incident Manager in this account with one call: leave out spec.deletionProtection, or set it to true (CHK-04)",
        ));
    }
    found
}
