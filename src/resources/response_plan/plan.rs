//! What to change so that AWS holds what is wanted. Pure.
//!
//! One call makes a plan and one call changes it. A change names only what is different: what it leaves out stays in AWS, and what is to go
//! is named empty.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::desired::{Automation, Content, Desired, PagerDuty};
use super::observed::{Engaged, Observed};
use crate::api::common::{ChangeAction, PendingChange};
use crate::api::conditions::Reason;
use crate::engine::{self, Error};
use crate::resources::escalation_plan::desired::unknown_name;

/// Slot of the response plan.
pub const PLAN_SLOT: &str = "plan";

/// A change to a response plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// CreateResponsePlan; tags ride along.
    Create {
        /// Name.
        name: String,
        /// Everything else.
        content: Box<Content>,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// UpdateResponsePlan.
    Update(Box<Update>),
    /// TagResource.
    SetTags(BTreeMap<String, String>),
    /// UntagResource.
    RemoveTags(Vec<String>),
    /// DeleteResponsePlan. Alarms and rules that name it open no incidents any more.
    Delete,
}

/// What changes. `None` = it stays as it is; empty = it is cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// Display name.
    pub display_name: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// AWS's number.
    pub impact: Option<i32>,
    /// Summary.
    pub summary: Option<String>,
    /// Deduplication string.
    pub dedupe_string: Option<String>,
    /// Topics that are told.
    pub notification_targets: Option<BTreeSet<String>>,
    /// Tags for incident records, all of them.
    pub incident_tags: Option<BTreeMap<String, String>>,
    /// Who is engaged, all of them.
    pub engagements: Option<BTreeSet<String>>,
    /// Topics of the chat channel, all of them.
    pub chat_channel: Option<BTreeSet<String>>,
    /// The runbook as a whole.
    pub automation: Option<Option<Automation>>,
    /// The PagerDuty service as a whole.
    pub pager_duty: Option<Option<PagerDuty>>,
    /// What is different.
    pub differences: Vec<Difference>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// For people; names those who are engaged, never a value.
    pub text: String,
    /// Which field.
    pub pending: PendingChange,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { name, .. } => write!(f, "created response plan \"{name}\""),
            Self::Update(update) => f.write_str(&update.text()),
            Self::SetTags(tags) => write!(
                f,
                "set tags {}",
                tags.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
            Self::RemoveTags(keys) => write!(f, "removed tags {}", keys.join(", ")),
            Self::Delete => write!(f, "deleted response plan"),
        }
    }
}

impl engine::Change for Change {
    fn pending(&self) -> Vec<PendingChange> {
        let change = |action, path: String| PendingChange { path, action };
        let whole = || "responsePlan".to_owned();
        match self {
            Self::Create { .. } => vec![change(ChangeAction::Create, whole())],
            Self::Update(update) => {
                let mut pending: Vec<_> = update
                    .differences
                    .iter()
                    .map(|d| d.pending.clone())
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
        let Self::Update(update) = self else {
            return None;
        };
        // The fields say all but who is engaged.
        let engaged = |d: &&Difference| d.pending.path == ENGAGEMENTS;
        let texts: Vec<&str> = update
            .differences
            .iter()
            .filter(engaged)
            .map(|d| d.text.as_str())
            .collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    fn slot(&self) -> Option<String> {
        matches!(self, Self::Create { .. }).then(|| PLAN_SLOT.to_owned())
    }
}

/// The field of those who are engaged.
const ENGAGEMENTS: &str = "engagements";

impl Update {
    fn text(&self) -> String {
        let texts: Vec<&str> = self.differences.iter().map(|d| d.text.as_str()).collect();
        texts.join("; ")
    }

    /// Notes that the field `path`, which people call `what`, changes from one that was there to one that is, or not.
    fn note(&mut self, path: impl Into<String>, what: &str, was: bool, is: bool) {
        let (verb, action) = match (was, is) {
            (false, true) => ("set", ChangeAction::Create),
            (true, false) => ("cleared", ChangeAction::Delete),
            _ => ("changed", ChangeAction::Update),
        };
        self.differences.push(Difference {
            text: format!("{verb} {what}"),
            pending: PendingChange {
                path: path.into(),
                action,
            },
        });
    }
}

/// What to change, tags apart.
pub fn plan(desired: &Desired, observed: Option<&Observed>) -> Vec<Change> {
    let Some(observed) = observed else {
        return vec![Change::Create {
            name: desired.name.clone(),
            content: Box::new(desired.content.clone()),
            tags: desired.tags.clone(),
        }];
    };
    let update = update(desired, observed);
    if update.differences.is_empty() {
        return vec![];
    }
    vec![Change::Update(Box::new(update))]
}

fn update(desired: &Desired, observed: &Observed) -> Update {
    let (want, have) = (&desired.content, &observed.content);
    let odd = |field: &str| observed.not_understood.contains(field);
    let mut update = Update::default();
    // First, because a plan tells their details beside the first field.
    if want.engagements != have.engagements {
        update.engagements = Some(want.engagements.clone());
        note_engagements(&mut update, desired, have);
    }
    for (path, what, wanted, had, slot) in [
        (
            "displayName",
            "display name",
            &want.display_name,
            &have.display_name,
            (|u| &mut u.display_name) as fn(&mut Update) -> &mut Option<String>,
        ),
        (
            "incidentTemplate.title",
            "title",
            &want.title,
            &have.title,
            |u| &mut u.title,
        ),
        (
            "incidentTemplate.summary",
            "summary",
            &want.summary,
            &have.summary,
            |u| &mut u.summary,
        ),
        (
            "incidentTemplate.dedupeString",
            "deduplication string",
            &want.dedupe_string,
            &have.dedupe_string,
            |u| &mut u.dedupe_string,
        ),
    ] {
        if wanted != had {
            *slot(&mut update) = Some(wanted.clone());
            update.note(path, what, !had.is_empty(), !wanted.is_empty());
        }
    }
    if want.impact != have.impact {
        update.impact = Some(want.impact);
        update.note("incidentTemplate.impact", "impact", true, true);
    }
    let field = "incidentTemplate.notificationTargets";
    if want.notification_targets != have.notification_targets || odd(field) {
        update.notification_targets = Some(want.notification_targets.clone());
        update.note(
            field,
            "notification targets",
            !have.notification_targets.is_empty() || odd(field),
            !want.notification_targets.is_empty(),
        );
    }
    if want.incident_tags != have.incident_tags {
        update.incident_tags = Some(want.incident_tags.clone());
        for key in different_keys(&want.incident_tags, &have.incident_tags) {
            update.note(
                format!("incidentTemplate.incidentTags[{key}]"),
                &format!("incident tag {key}"),
                have.incident_tags.contains_key(key),
                want.incident_tags.contains_key(key),
            );
        }
    }
    let field = "chatChannel";
    if want.chat_channel != have.chat_channel || odd(field) {
        update.chat_channel = Some(want.chat_channel.clone());
        let had = !have.chat_channel.is_empty() || odd(field);
        update.note(field, "chat channel", had, !want.chat_channel.is_empty());
    }
    if want.automation != have.automation || odd("automation") {
        update.automation = Some(want.automation.clone());
        note_automation(
            &mut update,
            want.automation.as_ref(),
            have.automation.as_ref(),
        );
    }
    if want.pager_duty != have.pager_duty || odd("pagerDuty") {
        update.pager_duty = Some(want.pager_duty.clone());
        match (&want.pager_duty, &have.pager_duty) {
            (Some(want), Some(have)) => {
                for (path, what, differs) in [
                    (
                        "pagerDuty.name",
                        "name of the PagerDuty integration",
                        want.name != have.name,
                    ),
                    (
                        "pagerDuty.serviceId",
                        "PagerDuty service",
                        want.service_id != have.service_id,
                    ),
                    (
                        "pagerDuty.secretId",
                        "secret for PagerDuty",
                        want.secret_id != have.secret_id,
                    ),
                ] {
                    if differs {
                        update.note(path, what, true, true);
                    }
                }
            }
            (want, have) => {
                let had = have.is_some() || odd("pagerDuty");
                update.note("pagerDuty", "PagerDuty service", had, want.is_some());
            }
        }
    }
    update
}

fn note_engagements(update: &mut Update, desired: &Desired, have: &Content) {
    let want = &desired.content;
    let name = |arn: &String| {
        let known = desired.names.get(arn).cloned();
        known.unwrap_or_else(|| unknown_name(arn))
    };
    let action = match (have.engagements.is_empty(), want.engagements.is_empty()) {
        (true, _) => ChangeAction::Create,
        (_, true) => ChangeAction::Delete,
        (false, false) => ChangeAction::Update,
    };
    let mut note = |text: String| {
        let path = ENGAGEMENTS.to_owned();
        let pending = PendingChange { path, action };
        update.differences.push(Difference { text, pending });
    };
    for arn in want.engagements.difference(&have.engagements) {
        note(format!("engages {}", name(arn)));
    }
    for arn in have.engagements.difference(&want.engagements) {
        note(format!("engages {} no more", name(arn)));
    }
}

fn note_automation(update: &mut Update, want: Option<&Automation>, have: Option<&Automation>) {
    let (Some(want), Some(have)) = (want, have) else {
        // What is there and not understood counts as there.
        update.note(
            "automation",
            "runbook",
            have.is_some() || want.is_none(),
            want.is_some(),
        );
        return;
    };
    for (field, what, differs) in [
        (
            "documentName",
            "document of the runbook",
            want.document_name != have.document_name,
        ),
        (
            "documentVersion",
            "document version of the runbook",
            want.document_version != have.document_version,
        ),
        (
            "roleArn",
            "role of the runbook",
            want.role_arn != have.role_arn,
        ),
        (
            "targetAccount",
            "target account of the runbook",
            want.target_account != have.target_account,
        ),
    ] {
        if differs {
            update.note(format!("automation.{field}"), what, true, true);
        }
    }
    for key in different_keys(&want.parameters, &have.parameters) {
        update.note(
            format!("automation.parameters[{key}]"),
            &format!("parameter {key} of the runbook"),
            have.parameters.contains_key(key),
            want.parameters.contains_key(key),
        );
    }
    for key in different_keys(&want.dynamic_parameters, &have.dynamic_parameters) {
        update.note(
            format!("automation.dynamicParameters[{key}]"),
            &format!("dynamic parameter {key} of the runbook"),
            have.dynamic_parameters.contains_key(key),
            want.dynamic_parameters.contains_key(key),
        );
    }
}

fn different_keys<'a, V: PartialEq>(
    one: &'a BTreeMap<String, V>,
    other: &'a BTreeMap<String, V>,
) -> BTreeSet<&'a String> {
    let keys = one.keys().chain(other.keys());
    keys.filter(|key| one.get(*key) != other.get(*key))
        .collect()
}

/// Whether the role of the runbook may be written (`passRoleArns`). A role that AWS has already stays, as long as nothing of the runbook is
/// written.
///
/// # Errors
/// `Stalled/PassRoleNotAllowed`.
pub fn permit_role(desired: &Desired, changes: &[Change]) -> Result<(), Error> {
    let written = changes.iter().find_map(|change| match change {
        Change::Create { content, .. } => content.automation.as_ref(),
        Change::Update(update) => update.automation.as_ref()?.as_ref(),
        Change::SetTags(_) | Change::RemoveTags(_) | Change::Delete => None,
    });
    let Some(automation) = written else {
        return Ok(());
    };
    let place = &desired.place;
    if place.pass_roles.contains(&automation.role_arn) {
        return Ok(());
    }
    Err(Error::refused(
        Reason::PassRoleNotAllowed,
        format!(
            "ProviderConfig \"{}\" does not allow that a runbook is given the role {}: add it to spec.passRoleArns there, or name one that is listed. Nothing was written",
            place.provider, automation.role_arn
        ),
    ))
}

/// Whether somebody is engaged by `change` who may not have been before.
pub fn engages_others(change: &Change) -> bool {
    let engaged = match change {
        Change::Create { content, .. } => Some(&content.engagements),
        Change::Update(update) => update.engagements.as_ref(),
        Change::SetTags(_) | Change::RemoveTags(_) | Change::Delete => None,
    };
    engaged.is_some_and(|engaged| !engaged.is_empty())
}

/// What AWS has after `change`.
pub fn project(observed: Option<Observed>, change: &Change, id: Option<&str>) -> Option<Observed> {
    match change {
        Change::Create { content, .. } => Some(Observed {
            arn: id.unwrap_or_default().to_owned(),
            content: Content::clone(content),
            not_understood: BTreeSet::new(),
            engaged: Engaged::default(),
            open_incidents: Some(0),
        }),
        Change::Update(update) => {
            let mut observed = observed?;
            apply(update, &mut observed);
            Some(observed)
        }
        Change::SetTags(_) | Change::RemoveTags(_) => observed,
        Change::Delete => None,
    }
}

fn apply(update: &Update, observed: &mut Observed) {
    fn take<T: Clone>(new: Option<&T>, old: &mut T) {
        if let Some(new) = new {
            old.clone_from(new);
        }
    }
    let content = &mut observed.content;
    take(update.display_name.as_ref(), &mut content.display_name);
    take(update.title.as_ref(), &mut content.title);
    take(update.impact.as_ref(), &mut content.impact);
    take(update.summary.as_ref(), &mut content.summary);
    take(update.dedupe_string.as_ref(), &mut content.dedupe_string);
    take(
        update.notification_targets.as_ref(),
        &mut content.notification_targets,
    );
    take(update.incident_tags.as_ref(), &mut content.incident_tags);
    take(update.engagements.as_ref(), &mut content.engagements);
    take(update.chat_channel.as_ref(), &mut content.chat_channel);
    take(update.automation.as_ref(), &mut content.automation);
    take(update.pager_duty.as_ref(), &mut content.pager_duty);
    observed.not_understood.clear();
}

#[cfg(test)]
mod tests;
