//! What to change so that AWS holds what is wanted. Pure.
//!
//! AWS takes a plan as a whole, so one call makes it and one call changes all of it.

use std::collections::BTreeMap;
use std::fmt;

use super::desired::{Desired, Stage, Target, unknown_name};
use super::observed::Observed;
use crate::api::common::{ChangeAction, PendingChange};
use crate::engine;

/// Slot of the escalation plan.
pub const PLAN_SLOT: &str = "plan";

/// A change to an escalation plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// CreateContact with its stages; tags ride along.
    Create {
        /// Alias.
        alias: String,
        /// Display name; empty = none.
        display_name: String,
        /// Stages.
        stages: Vec<Stage>,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// UpdateContact: display name, stages, or both.
    Update {
        /// New display name, when it changes.
        display_name: Option<String>,
        /// All stages, when one of them changes.
        stages: Option<Vec<Stage>>,
        /// What is different in the stages.
        differences: Vec<Difference>,
    },
    /// TagResource.
    SetTags(BTreeMap<String, String>),
    /// UntagResource.
    RemoveTags(Vec<String>),
    /// DeleteContact. AWS leaves it in the response plans that name it.
    Delete,
}

/// One difference between the stages wanted and those in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// For people, with the names of targets.
    pub text: String,
    /// Which field.
    pub pending: PendingChange,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { alias, stages, .. } => {
                let s = if stages.len() == 1 { "" } else { "s" };
                let count = stages.len();
                write!(
                    f,
                    "created escalation plan \"{alias}\" with {count} stage{s}"
                )
            }
            Self::Update {
                display_name,
                differences,
                ..
            } => {
                let name = display_name.as_ref().map(|_| "changed display name");
                let texts = differences.iter().map(|d| d.text.as_str());
                let all: Vec<&str> = name.into_iter().chain(texts).collect();
                f.write_str(&all.join("; "))
            }
            Self::SetTags(tags) => write!(
                f,
                "set tags {}",
                tags.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
            Self::RemoveTags(keys) => write!(f, "removed tags {}", keys.join(", ")),
            Self::Delete => write!(f, "deleted escalation plan"),
        }
    }
}

impl engine::Change for Change {
    fn pending(&self) -> Vec<PendingChange> {
        let change = |action, path: String| PendingChange { path, action };
        let whole = || "escalationPlan".to_owned();
        match self {
            Self::Create { .. } => vec![change(ChangeAction::Create, whole())],
            Self::Update {
                display_name,
                differences,
                ..
            } => {
                let name = display_name
                    .as_ref()
                    .map(|_| change(ChangeAction::Update, "displayName".to_owned()));
                let mut pending: Vec<_> = name
                    .into_iter()
                    .chain(differences.iter().map(|d| d.pending.clone()))
                    .collect();
                pending.dedup();
                pending
            }
            Self::SetTags(tags) => tags
                .keys()
                .map(|k| change(ChangeAction::Update, format!("tags[{k}]")))
                .collect(),
            Self::RemoveTags(keys) => keys
                .iter()
                .map(|k| change(ChangeAction::Delete, format!("tags[{k}]")))
                .collect(),
            Self::Delete => vec![change(ChangeAction::Delete, whole())],
        }
    }

    fn detail(&self) -> Option<String> {
        let Self::Update { differences, .. } = self else {
            return None;
        };
        let texts: Vec<&str> = differences.iter().map(|d| d.text.as_str()).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    fn slot(&self) -> Option<String> {
        matches!(self, Self::Create { .. }).then(|| PLAN_SLOT.to_owned())
    }
}

/// What to change, tags apart.
pub fn plan(desired: &Desired, observed: Option<&Observed>) -> Vec<Change> {
    let Some(observed) = observed else {
        return vec![Change::Create {
            alias: desired.alias.clone(),
            display_name: desired.display_name.clone(),
            stages: desired.stages.clone(),
            tags: desired.tags.clone(),
        }];
    };
    let display_name =
        (observed.display_name != desired.display_name).then(|| desired.display_name.clone());
    let differences = differences(desired, &observed.stages);
    let stages = (!differences.is_empty()).then(|| desired.stages.clone());
    if display_name.is_none() && stages.is_none() {
        return vec![];
    }
    vec![Change::Update {
        display_name,
        stages,
        differences,
    }]
}

/// What is different in the stages, told from AWS's side: what will be added to it and removed from it.
fn differences(desired: &Desired, observed: &[Stage]) -> Vec<Difference> {
    let name = |arn: &str| {
        let known = desired.names.get(arn).cloned();
        known.unwrap_or_else(|| unknown_name(arn))
    };
    let mut found = vec![];
    for index in 0..desired.stages.len().max(observed.len()) {
        let number = index + 1;
        let mut differs = |action, field: &str, text: String| {
            let path = format!("stages[{index}]{field}");
            let pending = PendingChange { path, action };
            found.push(Difference { text, pending });
        };
        match (desired.stages.get(index), observed.get(index)) {
            (Some(wanted), Some(there)) => {
                if wanted.duration != there.duration {
                    let text = format!(
                        "stage {number}: {} minutes instead of {}",
                        wanted.duration, there.duration
                    );
                    differs(ChangeAction::Update, ".durationMinutes", text);
                }
                for text in target_differences(wanted, there, &name) {
                    let text = format!("stage {number}: {text}");
                    differs(ChangeAction::Update, ".targets", text);
                }
            }
            (Some(wanted), None) => {
                let who: Vec<String> = wanted.targets.iter().map(|t| name(&t.arn)).collect();
                let who = if who.is_empty() {
                    "nobody".to_owned()
                } else {
                    who.join(", ")
                };
                let text = format!("adds stage {number}: {who}, {} minutes", wanted.duration);
                differs(ChangeAction::Create, "", text);
            }
            (None, _) => {
                let text = format!("removes stage {number}");
                differs(ChangeAction::Delete, "", text);
            }
        }
    }
    found
}

/// Targets are a bag: their order means nothing to AWS, but it might hold one twice.
fn target_differences(
    wanted: &Stage,
    there: &Stage,
    name: &impl Fn(&str) -> String,
) -> Vec<String> {
    let mut comes = wanted.targets.clone();
    let mut goes = there.targets.clone();
    comes.retain(|target| take(&mut goes, |t| t == target).is_none());
    let mut texts = vec![];
    comes.retain(|target| {
        let same = take(&mut goes, |t| t.arn == target.arn);
        if same.is_some() {
            let now = if target.essential { "now" } else { "no longer" };
            let who = name(&target.arn);
            texts.push(format!(
                "an acknowledgement by {who} {now} stops the escalation"
            ));
        }
        same.is_none()
    });
    texts.extend(comes.iter().map(|t| format!("adds {}", name(&t.arn))));
    texts.extend(goes.iter().map(|t| format!("removes {}", name(&t.arn))));
    texts
}

fn take(targets: &mut Vec<Target>, wanted: impl Fn(&Target) -> bool) -> Option<Target> {
    let index = targets.iter().position(wanted)?;
    Some(targets.remove(index))
}

/// What AWS has after `change`.
pub fn project(observed: Option<Observed>, change: &Change, id: Option<&str>) -> Option<Observed> {
    match change {
        Change::Create {
            alias,
            display_name,
            stages,
            ..
        } => Some(Observed {
            arn: id.unwrap_or_default().to_owned(),
            alias: alias.clone(),
            display_name: display_name.clone(),
            other_type: None,
            stages: stages.clone(),
        }),
        Change::Update {
            display_name,
            stages,
            ..
        } => {
            let mut observed = observed?;
            if let Some(display_name) = display_name {
                observed.display_name.clone_from(display_name);
            }
            if let Some(stages) = stages {
                observed.stages.clone_from(stages);
            }
            Some(observed)
        }
        Change::SetTags(_) | Change::RemoveTags(_) => observed,
        Change::Delete => None,
    }
}

#[cfg(test)]
mod tests;
