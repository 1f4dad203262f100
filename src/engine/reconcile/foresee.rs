//! What a pass would do, told without doing it: the same resolving, observing, planning and deciding, then nothing is sent.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::live::Weighed;
use super::{Engine, StatusOf, effective_deletion_policy};
use crate::api::common::{
    DeletionPolicy, Finding, ManagementPolicy, PendingChange, ResolvedReference,
};
use crate::api::conditions::{ConditionType, Reason};
use crate::aws::Priority;
use crate::engine::decide::Decision;
use crate::engine::object::ManagedObject;
use crate::engine::scheduler::Pass;
use crate::engine::status::{self, Conclusion};
use crate::engine::{Change, Error, ExternalObject, ExternalResource, Prospect};
use crate::schedule::{Interval, Outlook};

/// What stands for an id that AWS has not assigned yet.
const NOT_YET: &str = "not-yet-in-aws/";

/// What the operator would do for an object.
#[derive(Debug, Clone)]
pub struct Foreseen {
    /// What it decides.
    pub decision: Decision,
    /// What it would change; with `Report` and `Refuse` what differs and is left alone.
    pub changes: Vec<ForeseenChange>,
    /// Changes that wait, and for what.
    pub later: Option<(Vec<PendingChange>, String)>,
    /// Why something is left undone.
    pub problem: Option<Error>,
    /// What else there is to say.
    pub note: Option<String>,
    /// What practice or safety would have otherwise, after the changes.
    pub findings: Vec<Finding>,
    /// What its references stand for.
    pub references: Vec<ResolvedReference>,
    /// Who is on call before and after, by rotation.
    pub outlooks: Vec<Outlook>,
    /// Its status after the changes, as far as it can be known; `None` = AWS would not have it.
    pub status: Option<Value>,
}

/// A change that would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeseenChange {
    /// The fields.
    pub pending: Vec<PendingChange>,
    /// What the fields do not say. Never a value of an address.
    pub detail: Option<String>,
}

impl Foreseen {
    fn new(decision: Decision) -> Self {
        Self {
            decision,
            changes: vec![],
            later: None,
            problem: None,
            note: None,
            findings: vec![],
            references: vec![],
            outlooks: vec![],
            status: None,
        }
    }
}

impl<R: ExternalResource> Engine<R> {
    /// What a pass over `object` would do, and who is on call in `days` from now on. Writes nothing anywhere.
    ///
    /// # Errors
    /// What keeps the pass from coming to a decision.
    pub async fn foresee(&self, object: &R::Object, days: u32) -> Result<Foreseen, Error> {
        let mut draft = object.status().cloned().unwrap_or_default();
        let now = self.shared.clock.now();
        R::tick(object, &mut draft, now);
        if object.suspended() {
            return Ok(Foreseen::new(Decision::Suspend));
        }
        if object.meta().deletion_timestamp.is_some() {
            return Ok(Self::foresee_end(object, &draft));
        }
        let pass = Pass {
            priority: Priority::Edit,
            give_way: CancellationToken::new(),
        };
        let weighed = self.weigh(object, &mut draft, &pass).await?;
        let mut foreseen = Foreseen::new(weighed.verdict.decision);
        foreseen.references = R::records(&weighed.references);
        let common = R::Object::common_status(&draft);
        match weighed.verdict.decision {
            Decision::Report => {
                foreseen.changes = alone(&common.pending_changes);
                let Weighed {
                    site,
                    desired,
                    found,
                    ..
                } = &weighed;
                self.report_only(object, site, &mut draft, desired, found);
                foreseen.status = settled(&draft);
                return Ok(foreseen);
            }
            Decision::Refuse(refusal) => {
                foreseen.changes = alone(&common.pending_changes);
                let Weighed { site, found, .. } = &weighed;
                match self.refuse(object, site, &mut draft, found, refusal) {
                    Ok(done) => {
                        if let Conclusion::Differs { message, .. } = done.conclusion {
                            foreseen.note = Some(message);
                        }
                    }
                    Err(error) => foreseen.problem = Some(error),
                }
                return Ok(foreseen);
            }
            _ => {}
        }
        let changes = weighed.verdict.changes.iter().map(|change| ForeseenChange {
            pending: change.pending(),
            detail: change.detail(),
        });
        foreseen.changes = changes.collect();
        let permitted = Self::permit(
            &mut draft,
            &weighed.desired,
            &weighed.found,
            &weighed.verdict,
        );
        if let Err(error) = permitted {
            foreseen.problem = Some(error);
            foreseen.status = settled(&draft);
            return Ok(foreseen);
        }
        self.look_ahead(object, &mut draft, weighed, days, &mut foreseen);
        Ok(foreseen)
    }

    /// What comes of the changes once they are made.
    fn look_ahead(
        &self,
        object: &R::Object,
        draft: &mut StatusOf<R>,
        weighed: Weighed<R>,
        days: u32,
        foreseen: &mut Foreseen,
    ) {
        let Weighed {
            site,
            references,
            desired,
            found,
            verdict,
            ..
        } = weighed;
        let now = self.shared.clock.now();
        let applied = R::Object::common_status(draft).applied.clone();
        let before = found.observed;
        let mut after = before.clone();
        for change in &verdict.changes {
            let id = change.slot().map(|slot| {
                if slot == R::SLOT {
                    site.identity.clone()
                } else {
                    format!("{NOT_YET}{slot}")
                }
            });
            after = R::project(after, &desired, change, id.as_deref());
        }
        let around_before = self.resource.surroundings(object, before.as_ref());
        let around_after = self.resource.surroundings(object, after.as_ref());
        foreseen.outlooks = R::outlook(Prospect {
            desired: &desired,
            before: before.as_ref().map(|o| (o, &around_before)),
            after: after.as_ref().map(|o| (o, &around_after)),
            applied: &applied.unwrap_or_default(),
            window: Interval::days(now, days),
            now,
        });
        R::Object::common_status_mut(draft).references = R::records(&references);
        let origin = Some(verdict.origin);
        self.describe(object, &site, draft, &desired, after.as_ref(), origin);
        let common = R::Object::common_status(draft);
        if let Some(Condition { message, .. }) =
            status::condition(common, ConditionType::RolloutPending)
        {
            foreseen.later = Some((common.pending_changes.clone(), message.clone()));
        }
        foreseen.findings.clone_from(&common.findings);
        let unfinished = || R::unfinished(&desired, after.as_ref(), now);
        match R::caveat(&references).or_else(unfinished) {
            // What is made takes its time: nothing is wrong with that, and the changes say so.
            Some(Error::InProgress {
                reason: Reason::Progressing,
                ..
            }) => {}
            Some(Error::InProgress { message, .. }) => foreseen.note = Some(message),
            other => foreseen.problem = other,
        }
        foreseen.status = settled(draft);
    }

    /// An object that is being deleted.
    fn foresee_end(object: &R::Object, draft: &StatusOf<R>) -> Foreseen {
        let common = R::Object::common_status(draft);
        let observes = object.common_spec().management_policy == Some(ManagementPolicy::Observe);
        let retain = effective_deletion_policy(object, common) == DeletionPolicy::Retain;
        let decision = if observes || !object.has_finalizer() {
            Decision::Release { untag: false }
        } else if retain {
            Decision::Release { untag: true }
        } else if common.referenced_by.is_empty() {
            Decision::Delete
        } else {
            Decision::HoldForReferences
        };
        Foreseen {
            note: Some("it is being deleted".to_owned()),
            ..Foreseen::new(decision)
        }
    }
}

/// Differences that no change stands for.
fn alone(pending: &[PendingChange]) -> Vec<ForeseenChange> {
    let one = |pending: &PendingChange| ForeseenChange {
        pending: vec![pending.clone()],
        detail: None,
    };
    pending.iter().map(one).collect()
}

/// A status without what AWS has not assigned yet.
fn settled<S: serde::Serialize>(status: &S) -> Option<Value> {
    let mut value = serde_json::to_value(status).ok()?;
    forget_ids(&mut value);
    Some(value)
}

fn is_no_id(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with(NOT_YET))
}

fn forget_ids(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !is_no_id(value));
            fields.values_mut().for_each(forget_ids);
        }
        Value::Array(items) => {
            // Whatever has an id is nothing without it.
            items.retain(|item| !item.get("id").is_some_and(is_no_id) && !is_no_id(item));
            items.iter_mut().for_each(forget_ids);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_that_aws_has_not_assigned_are_in_no_status() {
        let status = json!({
            "arn": "arn:of:it",
            "rotations": [{"name": "week", "arn": "not-yet-in-aws/rotation/week"}, {"name": "day", "arn": "arn:of:day"}],
            "applied": {"items": [{"slot": "rotation/week", "id": "not-yet-in-aws/rotation/week"}, {"slot": "schedule", "id": "arn:of:it"}]},
        });
        assert_eq!(
            settled(&status),
            Some(json!({
                "arn": "arn:of:it",
                "rotations": [{"name": "week"}, {"name": "day", "arn": "arn:of:day"}],
                "applied": {"items": [{"slot": "schedule", "id": "arn:of:it"}]},
            }))
        );
    }
}
