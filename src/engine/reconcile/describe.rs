//! What a pass says about its object: the kind's report, findings, refusals, and when to look again.

use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kube::ResourceExt;

use super::live::settle;
use super::{Done, Engine, Found, Site, StatusOf, effective_deletion_policy};
use crate::api::common::{
    AcceptedFinding, AppliedItem, CommonStatus, Finding, Origin, ResolvedReference, Severity,
};
use crate::api::conditions::Reason;
use crate::engine::decide::{Ownership, Refusal};
use crate::engine::error::jittered;
use crate::engine::object::{Live, ManagedObject};
use crate::engine::ownership::Claim;
use crate::engine::scheduler::{ObjectKey, Requeue};
use crate::engine::status::{self, Conclusion};
use crate::engine::{Error, ExternalResource, Reported, events};

/// What a description leaves to be done.
#[derive(Default)]
pub(super) struct Moment {
    /// The next moment at which time alone changes the status.
    pub(super) edge: Option<Timestamp>,
    /// What somebody should hear of.
    pub(super) news: News,
}

/// What somebody should hear of once.
#[derive(Default)]
pub(super) struct News {
    /// Events of type Warning.
    pub(super) warnings: Vec<(Reason, String)>,
    /// Events of type Normal.
    pub(super) notes: Vec<(Reason, String)>,
}

impl<R: ExternalResource> Engine<R> {
    /// `Observe`: says what is there and what would be changed.
    pub(super) fn report_only(
        &self,
        object: &R::Object,
        site: &Site,
        draft: &mut StatusOf<R>,
        desired: &R::Desired,
        found: &Found<R>,
    ) -> Done {
        let Moment { edge, news } =
            self.describe(object, site, draft, desired, found.observed.as_ref(), None);
        let conclusion = match R::Object::common_status(draft).pending_changes.len() {
            0 => Conclusion::InSync {
                reason: Reason::Observing,
                message: "observed only; AWS is as the spec says".to_owned(),
            },
            n => Conclusion::Differs {
                reason: Reason::Observing,
                message: format!(
                    "observed only; {n} difference{}, see status.pendingChanges",
                    if n == 1 { "" } else { "s" }
                ),
            },
        };
        Done {
            conclusion,
            changed: None,
            news,
            requeue: self.next_check(edge),
        }
    }

    /// Leaves the resource alone and says why and what to do.
    pub(super) fn refuse(
        &self,
        object: &R::Object,
        site: &Site,
        draft: &mut StatusOf<R>,
        found: &Found<R>,
        refusal: Refusal,
    ) -> Result<Done, Error> {
        let name = R::display_name(object);
        let holder = found.holder.as_deref().unwrap_or("somebody else");
        let namespace = object.namespace().unwrap_or_default();
        let common = R::Object::common_status_mut(draft);
        let (reason, message) = match refusal {
            Refusal::AlreadyExists if found.ownership == Some(Ownership::OrphanOfOurs) => (
                Reason::AlreadyExists,
                format!(
                    "{name} exists in AWS and was made for {holder}, which is gone: adoptionPolicy: Adopt takes it over"
                ),
            ),
            Refusal::AlreadyExists => (
                Reason::AlreadyExists,
                format!(
                    "{name} exists in AWS and was not made for this object: adoptionPolicy: Adopt takes it over"
                ),
            ),
            Refusal::AdoptionNotAllowed => (
                Reason::AdoptionNotAllowed,
                format!(
                    "{name} exists in AWS, and ProviderConfig \"{}\" does not allow adoption in namespace \"{namespace}\": add it \
                     to spec.adoption.allowedNamespaces there",
                    site.provider().name
                ),
            ),
            Refusal::AdoptionWouldChange => {
                let changes = common.pending_changes.iter();
                let changes: Vec<_> = changes
                    .map(|c| format!("{:?} {}", c.action, c.path))
                    .collect();
                (
                    Reason::AdoptionWouldChange,
                    format!(
                        "taking over {name} would change more than tags: {}. Make the spec what AWS has, or use adoptionPolicy: \
                         AdoptAndOverwrite",
                        changes.join(", ")
                    ),
                )
            }
            Refusal::OwnedByAnother => {
                if !site.taggable {
                    // Nothing but this status says that it is ours, and it is wrong.
                    common.origin = None;
                }
                let claim = found.tags.as_ref().map(|tags| site.claimant.claim(tags));
                let way_out = match claim {
                    Some(Claim::Half { .. }) => String::new(),
                    Some(Claim::OtherOwner(_)) => {
                        ". It has to be let go there first: deletionPolicy: Retain, then delete its object".to_owned()
                    }
                    _ => format!(
                        ". If that is not meant, make this object anew under another alias or name. To move it here, set deletionPolicy: Retain there and delete that object; with adoptionPolicy: Adopt, {} goes on",
                        object.name_any()
                    ),
                };
                (
                    Reason::OwnedByAnother,
                    format!("{name} exists in AWS and belongs to {holder}{way_out}"),
                )
            }
            Refusal::NothingToObserve => {
                common.arn = None;
                common.findings.clear();
                common.pending_changes.clear();
                return Ok(Done {
                    conclusion: Conclusion::Differs {
                        reason: Reason::NotFoundInAws,
                        message: format!(
                            "managementPolicy is Observe and AWS has nothing at {}",
                            site.identity
                        ),
                    },
                    changed: None,
                    news: News::default(),
                    requeue: self.next_check(None),
                });
            }
        };
        Err(Error::refused(
            reason,
            format!("{message}. Nothing was touched"),
        ))
    }

    /// Fills the status from what AWS has. Returns the next moment at which time alone changes it, and what somebody should hear of.
    pub(super) fn describe(
        &self,
        object: &R::Object,
        site: &Site,
        draft: &mut StatusOf<R>,
        desired: &R::Desired,
        observed: Option<&R::Observed>,
        origin: Option<Origin>,
    ) -> Moment {
        let now = self.shared.clock.now();
        let common = R::Object::common_status_mut(draft);
        common.arn = observed.map(R::arn).filter(|arn| !arn.is_empty());
        if let Some(origin) = origin {
            common.placement = Some(site.provider().placement());
            common.origin = Some(origin);
            let items = observed.map(|o| R::items(desired, o)).unwrap_or_default();
            keep_items(common, &items);
            // What was to go and is gone, whoever took it away.
            let there = |i: &AppliedItem| {
                R::is_wanted(desired, &i.slot) || observed.is_some_and(|o| R::has(o, &i.id))
            };
            if let Some(applied) = common.applied.as_mut() {
                applied.items.retain(there);
            }
        }
        common.effective_deletion_policy = Some(effective_deletion_policy(object, common));
        let surroundings = self.resource.surroundings(object, observed);
        let reported = Reported {
            object,
            desired,
            observed,
            surroundings: &surroundings,
            now,
        };
        let report = R::report(reported, draft);
        let mut findings = report.findings;
        if R::HAS_TAGS && !site.taggable && !R::IDENTITY_IS_OURS {
            findings.push(tags_unavailable());
        }
        let common = R::Object::common_status(draft);
        findings.extend(common.references.iter().filter_map(unmanaged_reference));
        let accepted = object.accepted_findings();
        R::Object::common_status_mut(draft).findings = status::accept(findings, accepted, now);
        let edges = [report.next_edge, next_end_of_acceptance(accepted, now)];
        if R::KEEPS_OBSERVED {
            self.keep(&site.key, observed.cloned());
        }
        Moment {
            edge: edges.into_iter().flatten().min(),
            news: News {
                warnings: report.warnings,
                notes: report.notes,
            },
        }
    }

    /// Writes the kind's own part of the status alone: what AWS has is not this object's.
    pub(super) fn show(
        &self,
        object: &R::Object,
        draft: &mut StatusOf<R>,
        desired: &R::Desired,
        observed: Option<&R::Observed>,
    ) {
        let surroundings = self.resource.surroundings(object, observed);
        let reported = Reported {
            object,
            desired,
            observed,
            surroundings: &surroundings,
            now: self.shared.clock.now(),
        };
        R::report(reported, draft);
    }

    /// A drift check when it is due, or earlier when time alone changes the status before.
    pub(super) fn next_check(&self, edge: Option<Timestamp>) -> Requeue {
        let drift = jittered(self.shared.settings.drift_interval);
        let until = |at| {
            let wait = self.shared.clock.until(at);
            wait.max(Duration::from_millis(100)).min(drift)
        };
        match edge.map(until) {
            Some(soon) if soon < drift => Requeue::Edge(soon),
            _ => Requeue::Drift(drift),
        }
    }

    /// Keeps what AWS was last seen to have.
    fn keep(&self, key: &ObjectKey, observed: Option<R::Observed>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match observed {
            Some(observed) => {
                kept.insert(key.clone(), observed);
            }
            None => {
                kept.remove(key);
            }
        }
    }

    /// Writes what time alone changes from the last observation, without asking anybody. Returns the next moment at which it changes, and
    /// what somebody should hear of.
    pub(super) fn witness(&self, object: &R::Object, draft: &mut StatusOf<R>) -> Option<Moment> {
        if !R::KEEPS_OBSERVED {
            return None;
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let observed = kept.get(&object.key())?.clone();
        drop(kept);
        let surroundings = self.resource.surroundings(object, Some(&observed));
        let now = self.shared.clock.now();
        let report = R::witness(object, &observed, &surroundings, draft, now);
        Some(Moment {
            edge: report.next_edge,
            news: News {
                warnings: report.warnings,
                notes: report.notes,
            },
        })
    }

    /// A hand-off is shown at its moment: before AWS is asked anything, from what it was last seen to have.
    pub(super) async fn hand_off(
        &self,
        live: &mut Live<R::Object>,
        draft: &mut StatusOf<R>,
    ) -> Result<(), Error> {
        let before = draft.clone();
        let Some(moment) = self.witness(&live.object, draft) else {
            return Ok(());
        };
        if *draft == before {
            return Ok(());
        }
        live.write_status(draft).await?;
        self.tell(&live.object, &moment.news).await;
        Ok(())
    }

    /// Says in Events what somebody should hear of.
    pub(super) async fn tell(&self, object: &R::Object, news: &News) {
        for (reason, text) in &news.warnings {
            events::warning(&self.shared, object, *reason, text).await;
        }
        for (reason, text) in &news.notes {
            events::normal(&self.shared, object, *reason, text).await;
        }
    }
}

fn tags_unavailable() -> Finding {
    Finding {
        id: "TagsUnavailable".to_owned(),
        subject: String::new(),
        severity: Severity::Info,
        message: "tags work only in the replication set's first Region: ownership is kept in this object's status alone"
            .to_owned(),
        accepted: None,
    }
}

/// Something that is named by its ARN and that no object here manages: AWS keeps it even when it is long gone.
fn unmanaged_reference(reference: &ResolvedReference) -> Option<Finding> {
    if reference.kind.is_some() {
        return None;
    }
    let arn = &reference.arn;
    let subject = arn.rsplit('/').next().unwrap_or(arn);
    Some(Finding {
        id: "UnmanagedReference".to_owned(),
        subject: subject.to_owned(),
        severity: Severity::Info,
        message: format!(
            "{arn} is named by its ARN and no object here manages it: AWS keeps such a reference even when what it names is deleted, and engages nobody then. See whether it is there, and name an object if there is one"
        ),
        accepted: None,
    })
}

fn next_end_of_acceptance(accepted: &[AcceptedFinding], now: Timestamp) -> Option<Timestamp> {
    let end = |accepted: &AcceptedFinding| {
        let last: Date = accepted.until.as_ref()?.parse().ok()?;
        let next = last.tomorrow().ok()?;
        Some(next.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    accepted.iter().filter_map(end).filter(|at| *at > now).min()
}

/// What AWS has and the manifest names is ours from now on; begun creations that are there are no longer pending.
fn keep_items(common: &mut CommonStatus, present: &[(String, String)]) {
    let has = |slot: &str| present.iter().any(|(s, _)| s == slot);
    settle(common, has);
    let items = &mut common.applied.get_or_insert_default().items;
    let moved = |i: &AppliedItem| {
        present
            .iter()
            .any(|(slot, id)| *id == i.id && *slot != i.slot)
    };
    items.retain(|i| !moved(i));
    for (slot, id) in present {
        let item = AppliedItem {
            slot: slot.clone(),
            id: id.clone(),
            created_at: None,
        };
        match items.iter_mut().find(|i| i.slot == *slot) {
            Some(kept) if kept.id == *id => {}
            Some(kept) => *kept = item,
            None => items.push(item),
        }
    }
    items.sort_by(|a, b| a.slot.cmp(&b.slot));
}
