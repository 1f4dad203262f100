//! What AWS has, in our own words.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::Content;
use crate::aws::contacts::ContactType;

/// A response plan as AWS has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// ARN.
    pub arn: String,
    /// Everything that can be changed.
    pub content: Content,
    /// Fields that hold something which this version does not understand; they are empty in `content`.
    pub not_understood: BTreeSet<&'static str>,
    /// What is known of those who are engaged.
    pub engaged: Engaged,
    /// Incidents that are open; `None` = it could not be read.
    pub open_incidents: Option<usize>,
}

/// What AWS says of those who are engaged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Engaged {
    /// What they are, by ARN; `None` = they are not there. Who was not looked at is not in it.
    pub types: BTreeMap<String, Option<ContactType>>,
    /// Why they could not be looked at.
    pub unread: Option<String>,
}

impl Observed {
    /// ARNs of those who are engaged and not there.
    pub fn dangling(&self) -> Vec<String> {
        let engaged = self.content.engagements.iter();
        engaged
            .filter(|arn| self.engaged.types.get(*arn) == Some(&None))
            .cloned()
            .collect()
    }
}
