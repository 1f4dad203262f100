//! What one account holds; everything here goes into the state file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::iam::Rules;
use crate::services::account::state::Slot;
use crate::services::contacts::engagement;
use crate::services::contacts::state::{RegionContacts, SentCode};
use crate::services::ec2::state::Network;
use crate::services::incidents::data::{IncidentManager, Unusable};
use crate::services::incidents::state::ReplicationSet;
use crate::tokens::Tokens;
use crate::world::Circumstances;

/// One AWS account.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// What its principals may do.
    #[serde(default)]
    pub iam: Rules,
    /// Whether `--onboarded` has already been applied, so that an off-boarded account stays so.
    #[serde(default)]
    pub started: bool,
    /// Incident Manager's replication set.
    #[serde(default)]
    pub replication_set: Option<ReplicationSet>,
    /// Response plans and incidents.
    #[serde(default)]
    pub incident_manager: IncidentManager,
    /// What around it Incident Manager cannot use.
    #[serde(default)]
    pub unusable: Unusable,
    /// Contacts by Region.
    #[serde(default)]
    pub contacts: BTreeMap<String, RegionContacts>,
    /// VPCs and their endpoints by Region.
    #[serde(default)]
    pub networks: BTreeMap<String, Network>,
    /// Alternate contacts by type.
    #[serde(default)]
    pub alternate_contacts: BTreeMap<String, Slot>,
    /// Every activation code ever sent.
    #[serde(default)]
    pub codes: Vec<SentCode>,
    /// Idempotency tokens.
    #[serde(default)]
    pub tokens: Tokens,
}

impl Account {
    /// An account nothing has happened in.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..Self::default()
        }
    }

    /// Lets everything happen that was to happen by now: engagements go on, transitional states end, in EC2 too. True if something changed.
    pub fn settle(&mut self, at: &Circumstances<'_>) -> bool {
        let mut changed = engagement::settle(self, at);
        for network in self.networks.values_mut() {
            changed |= network.settle(at);
        }
        let Some(set) = &mut self.replication_set else {
            return changed;
        };
        let settled = set.settle(at.now);
        if settled.gone {
            self.offboard();
        } else {
            for region in &settled.removed {
                self.contacts.remove(region);
            }
        }
        changed || settled.gone || settled.changed
    }

    /// Drops all Incident Manager data.
    pub fn offboard(&mut self) {
        self.replication_set = None;
        self.incident_manager = IncidentManager::default();
        self.contacts.clear();
    }

    /// The contacts of a Region.
    pub fn region(&mut self, region: &str) -> &mut RegionContacts {
        self.contacts.entry(region.to_owned()).or_default()
    }
}
