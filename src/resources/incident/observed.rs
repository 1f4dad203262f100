//! An incident as AWS has it. No I/O.

use jiff::Timestamp;

use crate::api::incident::{RelatedItem, RelatedItemType};
use crate::api::response_plan::Impact;
use crate::aws::engagements::{Engagement, Page};

/// The record itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Title.
    pub title: String,
    /// Impact; `None` = one that this version does not know.
    pub impact: Option<Impact>,
    /// It is open.
    pub open: bool,
    /// When it began.
    pub created: Timestamp,
    /// When it was resolved.
    pub resolved: Option<Timestamp>,
    /// What opened it.
    pub source: String,
    /// ARNs of runbooks that were run.
    pub automation: Vec<String>,
}

/// What belongs to a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surroundings {
    /// Related items.
    pub items: Vec<Item>,
    /// The newest events: when, and what.
    pub events: Vec<(Timestamp, String)>,
    /// Deployments and stack updates.
    pub findings: Vec<Finding>,
    /// Engagements with their pages.
    pub engagements: Vec<(Engagement, Vec<Page>)>,
}

/// A deployment or stack update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Id.
    pub id: String,
    /// What it is.
    pub type_: &'static str,
    /// Stack or deployment group.
    pub arn: Option<String>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// What a related item points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An address on the web.
    Url(String),
    /// An AWS resource.
    Arn(String),
    /// A graph.
    Metric(String),
    /// Something that only AWS makes.
    Other,
}

/// A related item. Type and target are its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Title.
    pub title: String,
    /// AWS's word for what it is.
    pub type_: String,
    /// What it points to.
    pub target: Target,
}

impl Item {
    /// The item that a spec asks for. One without a target never passes admission.
    pub fn of(item: &RelatedItem) -> Self {
        let target = match (&item.url, &item.arn, &item.metric_definition) {
            (Some(url), _, _) => Target::Url(url.clone()),
            (_, Some(arn), _) => Target::Arn(arn.clone()),
            (_, _, Some(metric)) => Target::Metric(metric.clone()),
            _ => Target::Other,
        };
        let default = if matches!(target, Target::Metric(_)) {
            RelatedItemType::Metric
        } else {
            RelatedItemType::Other
        };
        Self {
            title: item.title.clone(),
            type_: word(item.type_.unwrap_or(default)).to_owned(),
            target,
        }
    }

    /// What stands for its identity in a status, which holds nothing of where it points to.
    pub fn digest(&self) -> String {
        let (kind, text) = match &self.target {
            Target::Url(url) => ("url", url.as_str()),
            Target::Arn(arn) => ("arn", arn.as_str()),
            Target::Metric(metric) => ("metric", metric.as_str()),
            Target::Other => ("other", ""),
        };
        digest(&[&self.type_, kind, text])
    }
}

/// A digest of texts, of which none can run into the next.
pub fn digest(parts: &[&str]) -> String {
    let mut bytes = vec![];
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &bytes)
        .simple()
        .to_string()
}

fn word(type_: RelatedItemType) -> &'static str {
    match type_ {
        RelatedItemType::Analysis => "ANALYSIS",
        RelatedItemType::Attachment => "ATTACHMENT",
        RelatedItemType::Automation => "AUTOMATION",
        RelatedItemType::Incident => "INCIDENT",
        RelatedItemType::InvolvedResource => "INVOLVED_RESOURCE",
        RelatedItemType::Metric => "METRIC",
        RelatedItemType::Other => "OTHER",
        RelatedItemType::Task => "TASK",
    }
}
