//! Contacts and channels of one Region of an account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Millis;

use super::engagement::state::Engagement;

/// A contact, escalation plan or on-call schedule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Its alias, the last part of its ARN.
    pub alias: String,
    /// `PERSONAL`, `ESCALATION` or `ONCALL_SCHEDULE`.
    pub kind: String,
    /// As sent.
    pub display_name: Option<String>,
    /// As sent.
    pub plan: Value,
    /// In the order they were set.
    pub tags: Vec<(String, String)>,
    /// Resource policy, as sent.
    pub policy: Option<String>,
    /// Ids of its channels, in the order of creation.
    pub channels: Vec<String>,
    /// When it was made.
    pub created: Millis,
}

/// A contact channel.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Its id, the last part of its ARN.
    pub id: String,
    /// Alias of its contact.
    pub alias: String,
    /// Its name.
    pub name: String,
    /// `SMS`, `VOICE` or `EMAIL`.
    pub kind: String,
    /// As sent.
    pub address: String,
    /// Whether it may be engaged.
    pub activated: bool,
    /// False after a human has answered UNSUBSCRIBE.
    pub subscribed: bool,
    /// The code that would activate it.
    pub code: Option<String>,
    /// The code that did activate it.
    pub used_code: Option<String>,
    /// When codes were sent to it.
    pub sent: Vec<Millis>,
    /// When it was made.
    pub created: Millis,
}

/// A rotation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    /// Its id, the last part of its ARN.
    pub id: String,
    /// Its name.
    pub name: String,
    /// ARNs of its members, in the order of their shifts.
    pub contact_ids: Vec<String>,
    /// When it begins.
    pub start: Millis,
    /// IANA name of its zone.
    pub time_zone: String,
    /// As sent.
    pub recurrence: Value,
    /// In the order they were set.
    pub tags: Vec<(String, String)>,
    /// By id.
    pub overrides: BTreeMap<String, Override>,
    /// When it was made.
    pub created: Millis,
}

/// An override of a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Override {
    /// Its id.
    pub id: String,
    /// ARNs of those on call instead.
    pub contact_ids: Vec<String>,
    /// When it begins.
    pub start: Millis,
    /// When it ends.
    pub end: Millis,
    /// When it was made.
    pub created: Millis,
}

/// An activation code a human has got.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentCode {
    /// ARN of the channel.
    pub channel: String,
    /// The code.
    pub code: String,
    /// When.
    pub sent: Millis,
}

/// What ssm-contacts holds in one Region.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegionContacts {
    /// By alias.
    pub contacts: BTreeMap<String, Contact>,
    /// By id.
    pub channels: BTreeMap<String, Channel>,
    /// By id.
    #[serde(default)]
    pub rotations: BTreeMap<String, Rotation>,
    /// By id.
    #[serde(default)]
    pub engagements: BTreeMap<String, Engagement>,
}

impl RegionContacts {
    /// Removes a contact and its channels.
    pub fn remove_contact(&mut self, alias: &str) {
        if let Some(contact) = self.contacts.remove(alias) {
            for id in contact.channels {
                self.channels.remove(&id);
            }
        }
    }

    /// Removes a channel; plans go on naming it.
    pub fn remove_channel(&mut self, id: &str) {
        if let Some(channel) = self.channels.remove(id)
            && let Some(contact) = self.contacts.get_mut(&channel.alias)
        {
            contact.channels.retain(|other| other != id);
        }
    }
}
