//! `TestPage`: at most one page for each object, and what it proves.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::api::{DeleteParams, Preconditions};
use kube::{Resource, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::api::common::{CommonStatus, ManagementPolicy, ResolvedReference};
use crate::api::conditions::{ConditionType, Reason};
use crate::api::test_page::{LastProven, TestPagePhase, TestPageStatus, TestPageSummary};
use crate::api::{Contact, EscalationPlan, OnCallSchedule, TestPage};
use crate::aws::Session;
use crate::aws::contacts;
use crate::aws::engagements::{self, Page};
use crate::engine::error::jittered;
use crate::engine::fail_point::fail_point;
use crate::engine::object::{Live, ManagedObject, managed_object};
use crate::engine::references::{Named, Reference, resolve, unresolved};
use crate::engine::scheduler::{Pass, Requeue};
use crate::engine::status::{Conclusion, condition};
use crate::engine::{Error, Provider, Shared, api_time};
use crate::resources::incident::report::{Names, acknowledged_by, pages};
use crate::resources::once::decide::{Begun, CLOCK_SLACK, Facts, Noted, Step, decide, earliest};
use crate::resources::once::{
    Done, Ending, News, POLL, Request, certainly_not_begun, comes_from_elsewhere, held,
    is_restored, ledger, name_of, poll, reach, start_token,
};

/// Whoever has not acknowledged by then does not.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);
/// When nobody was paged by then, something is wrong with the person, or with who is on call.
const FIRST_PAGE_WITHIN: SignedDuration = SignedDuration::from_mins(2);
/// AWS may take so long to show what was just begun.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// So long the deletion of an object waits for what may have been begun for it.
const LOST_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// Put before every subject.
const PREFIX: &str = "TEST: ";
const SUBJECT: &str = "Can you be reached?";
const CONTENT: &str = "This is a test of the on-call paging. Nothing has happened and nothing is to be done. Please acknowledge this page, so that it is known that you can be reached.";
/// Why an engagement is stopped, as AWS keeps it.
const STOP_REASON: &str = "The test is over";

managed_object!(TestPage, TestPageStatus, "TestPage", |spec|
suspended: spec.suspend.unwrap_or(false),
accepted: spec.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(crate::resources::once::provider_name(spec.provider_config_ref.as_ref()));
fn references(&self) -> Vec<Reference> {
    let begun = self.status.as_ref().is_some_and(|s| s.common.arn.is_some());
    target_reference(self).filter(|_| !begun).into_iter().collect()
});

/// Whom a test page engages.
fn target_reference(object: &TestPage) -> Option<Reference> {
    const PERSON: &[&str] = &[Contact::KIND];
    const SCHEDULE: &[&str] = &[OnCallSchedule::KIND];
    const PLAN: &[&str] = &[EscalationPlan::KIND];
    let spec = &object.spec;
    let kinds = [
        (&spec.contact_ref, PERSON),
        (&spec.on_call_schedule_ref, SCHEDULE),
        (&spec.escalation_plan_ref, PLAN),
    ];
    let (named, kinds) = kinds
        .into_iter()
        .find_map(|(r, k)| Some((r.as_ref()?, k)))?;
    let namespace = object.namespace();
    Some(Reference::new(named, namespace.as_deref(), kinds).letting_go())
}

/// The kind `TestPage`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TestPages;

/// Where a pass works.
struct Site {
    provider: Provider,
    session: Session,
}

/// What is weighed before anybody is paged.
struct Weighed {
    step: Step,
    token: String,
    target: Option<ResolvedReference>,
}

impl Request for TestPages {
    type Object = TestPage;

    fn own(object: &TestPage, draft: &mut TestPageStatus) {
        own(object, draft);
    }

    async fn act(
        &self,
        shared: &Arc<Shared>,
        live: &mut Live<TestPage>,
        draft: &mut TestPageStatus,
        pass: &Pass,
    ) -> Result<Done, Error> {
        let object = live.object.clone();
        if draft.phase.is_some_and(TestPagePhase::is_final) {
            live.remove_finalizer().await?;
            return Ok(concluded(draft));
        }
        let (provider, session, _) = reach(shared, &object, draft, pass).await?;
        let site = Site { provider, session };
        if let Some(arn) = draft.common.arn.clone() {
            return follow(shared, live, draft, &site, &arn).await;
        }
        let weighed = weigh(shared, &object, draft, &site).await?;
        tracing::debug!(object = %object.key(), step = ?weighed.step, "decided");
        match weighed.step.clone() {
            Step::GoOn(arn) => {
                draft.common.arn = Some(arn.clone());
                draft.common.placement = Some(site.provider.placement());
                if draft.start_recorded_at.is_none() {
                    draft.start_recorded_at = Some(api_time(shared.clock.now()));
                }
                name_target(shared, draft, weighed.target);
                ledger::settle_if_possible(shared, &site.provider, &weighed.token, Some(&arn))
                    .await;
                follow(shared, live, draft, &site, &arn).await
            }
            Step::Begin => begin(shared, live, draft, &site, weighed).await,
            Step::Wait(message) => Ok(Done {
                conclusion: Conclusion::Waiting {
                    reason: Reason::Observing,
                    message: message.to_owned(),
                    references: false,
                },
                requeue: poll(shared, shared.settings.drift_interval),
            }),
            Step::Refuse(message) => {
                finish(shared, draft, TestPagePhase::Refused);
                live.remove_finalizer().await?;
                Ok(stalled(Reason::Refused, message))
            }
            Step::Expire => {
                finish(shared, draft, TestPagePhase::Expired);
                live.remove_finalizer().await?;
                Ok(concluded(draft))
            }
            Step::Unknown => {
                draft.phase = Some(TestPagePhase::SendUnknown);
                let mut done = concluded(draft);
                done.requeue = poll(shared, POLL);
                Ok(done)
            }
            Step::StillUnknown => {
                finish(shared, draft, TestPagePhase::SendUnknown);
                live.remove_finalizer().await?;
                Ok(concluded(draft))
            }
        }
    }

    async fn end(
        &self,
        shared: &Arc<Shared>,
        live: &mut Live<TestPage>,
        draft: &mut TestPageStatus,
        pass: &Pass,
    ) -> Result<Ending, Error> {
        let object = live.object.clone();
        let begun = draft.common.arn.is_some() || draft.start_recorded_at.is_some();
        let over = draft.phase.is_some_and(TestPagePhase::is_final);
        let own = draft.object_uid == object.uid();
        if !begun || over || !own || !manages(&object) {
            return Ok(Ending::LetGo);
        }
        match stop_at_end(shared, &object, draft, pass).await {
            Err(error) => Err(held(
                error,
                "The deletion waits, since the engagement is to be stopped with it; to let go without, set managementPolicy: Observe",
            )),
            other => other,
        }
    }

    fn complete(draft: &mut TestPageStatus, _: Timestamp) {
        if draft.phase.is_none() {
            draft.phase = Some(TestPagePhase::Pending);
        }
    }

    fn news(_: &TestPage, before: &TestPageStatus, after: &TestPageStatus) -> Vec<News> {
        if before.phase == after.phase {
            return vec![];
        }
        let ready = condition(&after.common, ConditionType::Ready);
        let note = ready.map(|c| c.message.clone()).unwrap_or_default();
        let (warning, reason) = match after.phase {
            Some(TestPagePhase::Sent) => (false, Reason::PageSent),
            Some(TestPagePhase::Acknowledged) => (false, Reason::Acknowledged),
            Some(TestPagePhase::Unanswered) => (true, Reason::Unanswered),
            Some(TestPagePhase::SendUnknown) => (true, Reason::SendUnknown),
            Some(TestPagePhase::Refused) => (true, Reason::Refused),
            Some(TestPagePhase::Expired) => (true, Reason::Expired),
            _ => return vec![],
        };
        vec![News {
            warning,
            reason,
            note,
        }]
    }

    async fn tidy(&self, shared: &Arc<Shared>, live: &Live<TestPage>, requeue: Requeue) -> Requeue {
        let finished = live.status().finished_at;
        let ttl = live.object.spec.ttl_seconds_after_finished;
        match (finished, ttl) {
            (Some(finished), Some(ttl)) => expire(shared, &live.object, finished.0, ttl).await,
            _ => requeue,
        }
    }
}

fn manages(object: &TestPage) -> bool {
    object.spec.management_policy != Some(ManagementPolicy::Observe)
}

/// Puts a status that came with the object from elsewhere aside.
fn own(object: &TestPage, draft: &mut TestPageStatus) {
    let uid = object.uid();
    let says_something = draft.phase.is_some() || draft.common.arn.is_some();
    if comes_from_elsewhere(draft.object_uid.as_deref(), uid.as_deref(), says_something) {
        *draft = TestPageStatus {
            brought_along: Some(true),
            common: CommonStatus {
                conditions: std::mem::take(&mut draft.common.conditions),
                observed_generation: draft.common.observed_generation,
                last_handled_reconcile_at: draft.common.last_handled_reconcile_at.take(),
                ..CommonStatus::default()
            },
            ..TestPageStatus::default()
        };
    }
    draft.object_uid = uid;
}

fn finish(shared: &Shared, draft: &mut TestPageStatus, phase: TestPagePhase) {
    draft.phase = Some(phase);
    if draft.finished_at.is_none() {
        draft.finished_at = Some(api_time(shared.clock.now()));
    }
}

/// Deletes a finished test when its time to live is over.
async fn expire(shared: &Shared, object: &TestPage, finished: Timestamp, ttl: i64) -> Requeue {
    let ends = finished
        .checked_add(SignedDuration::from_secs(ttl))
        .unwrap_or(Timestamp::MAX);
    let left = shared.clock.until(ends);
    if !left.is_zero() {
        return Requeue::Drift(left);
    }
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: object.uid(),
            resource_version: object.resource_version(),
        }),
        ..DeleteParams::default()
    };
    let api = TestPage::api(shared.client.clone(), object.namespace().as_deref());
    match api.delete(&object.name_any(), &parameters).await {
        Ok(_) => Requeue::OnChange,
        Err(kube::Error::Api(status)) if status.is_not_found() => Requeue::OnChange,
        Err(error) => Error::from(error).requeue(1),
    }
}

/// Looks up everything that the beginning depends on, and decides. Writes nothing.
async fn weigh(
    shared: &Shared,
    object: &TestPage,
    draft: &TestPageStatus,
    site: &Site,
) -> Result<Weighed, Error> {
    let deadline = object.spec.start_deadline.0;
    let now = shared.clock.now();
    let token = start_token(&site.provider, &object.key(), deadline);
    let uid = object.uid();
    let noted = ledger::noted(shared, &site.provider, &token, uid.as_deref()).await?;
    let begun = match &draft.start_recorded_at {
        Some(at) => Begun::Recorded(at.0),
        None => Begun::No,
    };
    let found = match &noted {
        Noted::Started(_) => None,
        _ => look(&site.session, &token, deadline, now).await?,
    };
    let known = found.is_some() || matches!(noted, Noted::Started(_));
    let target = match target_of(shared, object, draft, site).await {
        Ok(target) => Some(target),
        Err(error) if error.is_silent() || error.is_transient() => return Err(error),
        Err(_) if known || begun != Begun::No || now > deadline => None,
        Err(error) => return Err(error),
    };
    let step = decide(&Facts {
        begun,
        noted,
        found,
        observe: !manages(object),
        brought_along: draft.brought_along == Some(true) || is_restored(object),
        made: object.meta().creation_timestamp.as_ref().map(|t| t.0),
        deadline,
        senseless: None,
        now,
    });
    Ok(Weighed {
        step,
        token,
        target,
    })
}

async fn target_of(
    shared: &Shared,
    object: &TestPage,
    draft: &TestPageStatus,
    site: &Site,
) -> Result<ResolvedReference, Error> {
    let Some(reference) = target_reference(object) else {
        return Err(Error::invalid("it names nobody"));
    };
    let recorded = &draft.common.references;
    let resolved = resolve(shared, &site.provider, &object.key(), recorded, &reference).await?;
    match resolved {
        Ok(target) if target.leaving() => Err(Error::unresolved(
            Reason::ReferenceNotFound,
            format!("{} is being deleted", reference.named),
        )),
        Ok(target) => Ok(target.record()),
        Err(problem) => Err(unresolved(&[problem]).unwrap_or(Error::Settling)),
    }
}

/// By this an engagement is known as ours in AWS's lists.
fn sender(token: &str) -> String {
    format!("incident-operator test page {token}")
}

/// The engagement that was certainly begun for this request, asked of AWS live.
async fn look(
    session: &Session,
    token: &str,
    deadline: Timestamp,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    let sender = sender(token);
    let to = now.checked_add(CLOCK_SLACK).unwrap_or(Timestamp::MAX);
    let listed = engagements::between(session, earliest(deadline).min(now), to).await?;
    Ok(listed
        .into_iter()
        .find(|e| e.sender == sender)
        .map(|e| e.arn))
}

fn name_target(shared: &Shared, draft: &mut TestPageStatus, target: Option<ResolvedReference>) {
    let Some(target) = target else { return };
    let summary = draft.summary.get_or_insert_default();
    summary.target = target
        .name
        .clone()
        .unwrap_or_else(|| name_of(shared, &target.arn));
    draft.target_arn = Some(target.arn.clone());
    draft.common.references = vec![target];
}

/// Records the intention, then pages once.
async fn begin(
    shared: &Arc<Shared>,
    live: &mut Live<TestPage>,
    draft: &mut TestPageStatus,
    site: &Site,
    weighed: Weighed,
) -> Result<Done, Error> {
    let object = live.object.clone();
    let Some(target) = weighed.target else {
        return Err(Error::Settling);
    };
    // What an object manages is known to be there.
    if target.kind.is_none() && contacts::get(&site.session, &target.arn).await?.is_none() {
        return Err(Error::unresolved(
            Reason::ReferenceNotFound,
            format!(
                "AWS has no contact {}: make it, or name another in a new TestPage",
                target.arn
            ),
        ));
    }
    // Deleted meanwhile, it stops what it has begun.
    site.provider.hold(shared).await?;
    live.add_finalizer().await?;
    ledger::note(shared, &site.provider, &weighed.token, object.uid()).await?;
    fail_point("after-once-note");
    draft.phase = Some(TestPagePhase::Sending);
    draft.start_recorded_at = Some(api_time(shared.clock.now()));
    draft.common.placement = Some(site.provider.placement());
    let contact = target.arn.clone();
    name_target(shared, draft, Some(target));
    live.write_status(draft).await?;
    fail_point("after-once-record");
    // The intention is recorded: from here on the pass does not give way, or the record would say what did not happen.
    let session = site
        .provider
        .account
        .session(site.session.priority, CancellationToken::new());
    let message = object.spec.message.as_ref();
    let subject = message.and_then(|m| m.subject.as_deref());
    let content = message.and_then(|m| m.content.as_deref());
    let sent = engagements::start(
        &session,
        engagements::Start {
            contact: &contact,
            sender: &sender(&weighed.token),
            subject: &format!("{PREFIX}{}", subject.unwrap_or(SUBJECT)),
            content: content.unwrap_or(CONTENT),
            token: &weighed.token,
        },
    )
    .await;
    match sent {
        Ok(arn) => {
            fail_point("after-once-call");
            tracing::info!(object = %object.key(), arn, "sent a test page");
            draft.common.arn = Some(arn.clone());
            draft.phase = Some(TestPagePhase::Sent);
            live.write_status(draft).await?;
            ledger::settle_if_possible(shared, &site.provider, &weighed.token, Some(&arn)).await;
            follow(shared, live, draft, site, &arn).await
        }
        Err(error) if certainly_not_begun(&error) => {
            ledger::settle_if_possible(shared, &site.provider, &weighed.token, None).await;
            draft.phase = Some(TestPagePhase::Pending);
            draft.start_recorded_at = None;
            draft.common.references = vec![];
            Err(error.into())
        }
        Err(error) => {
            tracing::warn!(object = %object.key(), %error, "it is not known whether a test page was sent");
            draft.phase = Some(TestPagePhase::SendUnknown);
            let mut done = concluded(draft);
            // AWS may show it in a moment.
            done.requeue = poll(shared, Duration::from_secs(2));
            Ok(done)
        }
    }
}

/// Shows who was paged; ends the test when somebody has acknowledged, or nobody.
async fn follow(
    shared: &Arc<Shared>,
    live: &mut Live<TestPage>,
    draft: &mut TestPageStatus,
    site: &Site,
    arn: &str,
) -> Result<Done, Error> {
    let now = shared.clock.now();
    let begun = draft.start_recorded_at.as_ref().map_or(now, |t| t.0);
    let late = now.duration_since(begun) > PATIENCE;
    let Some(sent) = engagements::pages(&site.session, arn).await? else {
        if now.duration_since(begun) < SHOWN_WITHIN {
            return Err(Error::Settling);
        }
        finish(shared, draft, TestPagePhase::Unanswered);
        live.remove_finalizer().await?;
        return Ok(concluded(draft));
    };
    show(shared, draft, &sent);
    draft.phase = Some(TestPagePhase::Sent);
    let acknowledged = sent.iter().any(|p| p.acknowledged.is_some());
    if !acknowledged && !late {
        let mut done = concluded(draft);
        let nobody = draft.pages.iter().all(|p| p.sent_at.is_none());
        if nobody && now.duration_since(begun) > FIRST_PAGE_WITHIN {
            done = stalled(
                Reason::Unanswered,
                "nobody was paged within 2 minutes: nobody is on call, nobody has an activated channel, or the first stage comes later. It is watched until 30 minutes after it was sent",
            );
        }
        done.requeue = poll(shared, POLL);
        return Ok(done);
    }
    if acknowledged {
        prove(shared, &live.object, draft, &sent).await?;
    }
    if manages(&live.object) && draft.stopped != Some(true) {
        engagements::stop(&site.session, arn, STOP_REASON).await?;
        draft.stopped = Some(true);
        fail_point("after-test-stop");
    }
    let phase = if acknowledged {
        TestPagePhase::Acknowledged
    } else {
        TestPagePhase::Unanswered
    };
    finish(shared, draft, phase);
    live.remove_finalizer().await?;
    Ok(concluded(draft))
}

fn show(shared: &Shared, draft: &mut TestPageStatus, sent: &[Page]) {
    let names: Names = sent
        .iter()
        .map(|p| (p.contact.clone(), name_of(shared, &p.contact)))
        .collect();
    draft.pages = pages(sent, &names, &draft.pages);
    // A page on which nothing could be sent reaches nobody.
    let paged = draft.pages.iter().filter(|p| p.sent_at.is_some());
    let paged: Vec<&str> = paged.map(|p| p.contact.as_str()).collect();
    let target = draft.summary.take().unwrap_or_default().target;
    draft.summary = Some(TestPageSummary {
        target,
        paged: paged.join(", "),
        acknowledged_by: acknowledged_by(draft.pages.iter()).join(", "),
    });
}

/// Notes with whoever has acknowledged, and with the schedule that was engaged, that they can be reached.
async fn prove(
    shared: &Arc<Shared>,
    object: &TestPage,
    draft: &TestPageStatus,
    sent: &[Page],
) -> Result<(), Error> {
    let by = format!(
        "{}/{}",
        object.namespace().unwrap_or_default(),
        object.name_any()
    );
    let first = sent.iter().filter_map(|p| p.acknowledged).min();
    let target = draft.target_arn.as_deref().zip(first);
    let people = sent
        .iter()
        .filter_map(|p| Some((p.contact.as_str(), p.acknowledged?)));
    for (arn, at) in people.chain(target) {
        let Some(view) = shared.directory.find(&Named::Arn(arn.to_owned())) else {
            continue;
        };
        let proven = LastProven {
            at: api_time(at),
            by: by.clone(),
        };
        let key = view.key();
        let namespace = key.namespace.as_deref();
        match key.kind {
            Contact::KIND => {
                let contacts = Contact::api(shared.client.clone(), namespace);
                let Some(contact) = contacts.get_opt(&key.name).await? else {
                    continue;
                };
                let mut live = Live::new(shared.client.clone(), contact);
                let mut status = live.status();
                if is_newer(status.last_proven.as_ref(), at) {
                    status.last_proven = Some(proven);
                    live.write_status(&status).await?;
                }
            }
            OnCallSchedule::KIND => {
                let schedules = OnCallSchedule::api(shared.client.clone(), namespace);
                let Some(schedule) = schedules.get_opt(&key.name).await? else {
                    continue;
                };
                let mut live = Live::new(shared.client.clone(), schedule);
                let mut status = live.status();
                if is_newer(status.last_proven.as_ref(), at) {
                    status.last_proven = Some(proven);
                    live.write_status(&status).await?;
                }
            }
            _ => {}
        }
        fail_point("after-proven");
    }
    Ok(())
}

fn is_newer(known: Option<&LastProven>, at: Timestamp) -> bool {
    known.is_none_or(|known| known.at.0 < api_time(at).0)
}

async fn stop_at_end(
    shared: &Arc<Shared>,
    object: &TestPage,
    draft: &mut TestPageStatus,
    pass: &Pass,
) -> Result<Ending, Error> {
    let (provider, session, _) = reach(shared, object, draft, pass).await?;
    let site = Site { provider, session };
    let now = shared.clock.now();
    if draft.common.arn.is_none() {
        let deadline = object.spec.start_deadline.0;
        let token = start_token(&site.provider, &object.key(), deadline);
        let uid = object.uid();
        draft.common.arn =
            match ledger::noted(shared, &site.provider, &token, uid.as_deref()).await? {
                Noted::Started(arn) => Some(arn),
                _ => look(&site.session, &token, deadline, now).await?,
            };
    }
    if let Some(arn) = &draft.common.arn {
        engagements::stop(&site.session, arn, STOP_REASON).await?;
        draft.stopped = Some(true);
        return Ok(Ending::LetGo);
    }
    let waited = draft
        .start_recorded_at
        .as_ref()
        .is_none_or(|at| now.duration_since(at.0) > LOST_AFTER);
    if waited {
        return Ok(Ending::LetGo);
    }
    Ok(Ending::Wait(Done {
        conclusion: Conclusion::Progress {
            reason: Reason::Deleting,
            message: "it is not known whether somebody was paged: the engagement is looked for, and stopped if it is found".to_owned(),
        },
        requeue: Requeue::Drift(jittered(POLL.min(shared.settings.drift_interval))),
    }))
}

fn stalled(reason: Reason, message: impl Into<String>) -> Done {
    Done {
        conclusion: Conclusion::Stalled {
            reason,
            message: message.into(),
        },
        requeue: Requeue::OnChange,
    }
}

/// What the phase means. Looked at again only when something changes.
fn concluded(draft: &TestPageStatus) -> Done {
    let well = |reason, message: String| Done {
        conclusion: Conclusion::InSync { reason, message },
        requeue: Requeue::OnChange,
    };
    let summary = draft.summary.clone().unwrap_or_default();
    match draft.phase {
        Some(TestPagePhase::Sent) if summary.paged.is_empty() => well(
            Reason::PageSent,
            "the engagement has begun; nobody was paged yet".to_owned(),
        ),
        Some(TestPagePhase::Sent) => well(
            Reason::PageSent,
            format!("paged: {}. An acknowledgement is waited for", summary.paged),
        ),
        Some(TestPagePhase::Acknowledged) => well(
            Reason::Acknowledged,
            format!("{} can be reached", summary.acknowledged_by),
        ),
        Some(TestPagePhase::Unanswered) if summary.paged.is_empty() => stalled(
            Reason::Unanswered,
            "nobody was paged: nobody is on call, or nobody has an activated channel",
        ),
        Some(TestPagePhase::Unanswered) => stalled(
            Reason::Unanswered,
            format!(
                "nobody has acknowledged within 30 minutes; paged: {}",
                summary.paged
            ),
        ),
        Some(TestPagePhase::Expired) => stalled(
            Reason::Expired,
            "the startDeadline has passed before anybody could be paged: nobody was and nobody will be. Make a new TestPage",
        ),
        Some(TestPagePhase::SendUnknown) => stalled(
            Reason::SendUnknown,
            "it is not known whether somebody was paged, and nobody is paged again: ask them, and make another TestPage for another test",
        ),
        Some(TestPagePhase::Refused) => {
            let said = condition(&draft.common, ConditionType::Ready);
            stalled(
                Reason::Refused,
                said.map_or_else(|| "nobody was paged".to_owned(), |c| c.message.clone()),
            )
        }
        _ => Done {
            conclusion: Conclusion::Waiting {
                reason: Reason::Progressing,
                message: "nobody was paged yet".to_owned(),
                references: false,
            },
            requeue: Requeue::OnChange,
        },
    }
}
