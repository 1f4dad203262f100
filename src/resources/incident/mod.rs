//! `Incident`: started at most once whatever crashes, restores or re-creations happen; shown while it lasts.

pub mod aws;
pub mod observed;
pub mod plan;
pub mod report;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::{Resource, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::api::common::{CommonStatus, ManagementPolicy, Origin};
use crate::api::conditions::{ConditionType, Reason};
use crate::api::incident::{IncidentPhase, IncidentStatus, OnDelete, SentFields};
use crate::api::reference::{ObjectReference, ResponsePlanReference};
use crate::api::{Incident, ResponsePlan};
use crate::aws::engagements::{self, Engagement, Page};
use crate::aws::{Arn, Session, incidents, records};
use crate::engine::fail_point::fail_point;
use crate::engine::object::{Live, ManagedObject, managed_object};
use crate::engine::ownership::desired_tags;
use crate::engine::references::{Reference, resolve, unresolved};
use crate::engine::scheduler::{Pass, Requeue};
use crate::engine::status::{Conclusion, condition};
use crate::engine::{Error, Provider, Shared, api_time};
use crate::resources::once::decide::{Begun, Facts, Noted, Step, decide, earliest};
use crate::resources::once::{
    Done, Ending, News, POLL, Request, certainly_not_begun, comes_from_elsewhere, held,
    is_restored, ledger, name_of, poll, reach, start_token,
};
use aws::Beginning;
use observed::{Item, Record, Surroundings};
use plan::Change;

/// What is said of an object whose incident was open before.
const ABSORBED: &str = "an incident with the same dedupeString was open already: AWS has opened no other and paged nobody for this object, and that incident is shown. Title, impact, related items and tags of this object were not sent, and deleting it does not resolve the incident";
/// Why nothing is started when `resolve` is set from the beginning.
pub const SENSELESS: &str =
    "resolve is true: nothing is started only to be resolved. Make a new Incident without it";
/// Kinds that an incident is started from.
const PLAN: &[&str] = &[ResponsePlan::KIND];
/// So long after its resolution an incident is looked at.
const AFTERMATH: SignedDuration = SignedDuration::from_mins(10);
/// How often, meanwhile.
const AFTERMATH_POLL: Duration = Duration::from_secs(60);
/// AWS may take so long to show what was just started, or how it began.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// So long the deletion of an object waits for what may have been started for it.
const LOST_AFTER: SignedDuration = SignedDuration::from_mins(2);

managed_object!(Incident, IncidentStatus, "Incident", |spec|
suspended: spec.suspend.unwrap_or(false),
accepted: spec.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(crate::resources::once::provider_name(spec.provider_config_ref.as_ref()));
const URGENT: bool = true;
fn references(&self) -> Vec<Reference> {
    // What has begun needs its plan no more, and what has not begun holds nobody back.
    let begun = self.status.as_ref().is_some_and(|s| s.common.arn.is_some());
    let plan = self.spec.response_plan_ref.as_ref().filter(|_| !begun);
    plan.map(|p| plan_reference(p, self.namespace().as_deref())).into_iter().collect()
});

fn plan_reference(plan: &ResponsePlanReference, namespace: Option<&str>) -> Reference {
    let plan = ObjectReference {
        name: plan.name.clone(),
        namespace: plan.namespace.clone(),
        arn: plan.arn.clone(),
    };
    Reference::new(&plan, namespace, PLAN).letting_go()
}

/// The kind `Incident`.
#[derive(Debug, Default)]
pub struct Incidents {
    beginnings: Beginnings,
}

/// Which token a record began with, by its ARN: that never changes, and it takes two calls to ask.
#[derive(Debug, Default)]
struct Beginnings(Mutex<HashMap<String, Option<String>>>);

/// So many beginnings are remembered.
const MOST_BEGINNINGS: usize = 5000;

impl Beginnings {
    /// Whether the record began with `token`; `None` = not known.
    fn is(&self, record: &str, token: &str) -> Option<bool> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(record)
            .map(|began| began.as_deref() == Some(token))
    }

    fn learn(&self, record: &str, token: Option<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_BEGINNINGS {
            known.clear();
        }
        known.insert(record.to_owned(), token);
    }
}

/// Where a pass works.
struct Site {
    provider: Provider,
    session: Session,
    taggable: bool,
}

/// What is weighed before anything is begun.
struct Weighed {
    step: Step,
    token: String,
    /// ARN of the plan, and how the status records it.
    plan: Option<crate::api::common::ResolvedReference>,
}

impl Request for Incidents {
    type Object = Incident;

    fn own(object: &Incident, draft: &mut IncidentStatus) {
        own(object, draft);
    }

    async fn act(
        &self,
        shared: &Arc<Shared>,
        live: &mut Live<Incident>,
        draft: &mut IncidentStatus,
        pass: &Pass,
    ) -> Result<Done, Error> {
        let object = live.object.clone();
        if draft.phase.is_some_and(IncidentPhase::is_final) {
            live.remove_finalizer().await?;
            return Ok(concluded(draft));
        }
        if is_over(&object, &live.status(), shared.clock.now()) {
            return Ok(concluded(draft));
        }
        let (provider, session, taggable) = reach(shared, &object, draft, pass).await?;
        let site = Site {
            provider,
            session,
            taggable,
        };
        if let Some(arn) = &object.spec.incident_arn {
            let place = &site.provider.account.config.placement;
            if !Arn::parse(arn.as_str()).is_ok_and(|a| a.is_in(place)) {
                return Err(Error::invalid(format!(
                    "incidentArn is in another account than ProviderConfig \"{}\" means ({}): name the ProviderConfig of that account",
                    site.provider.name, place.account_id
                )));
            }
            draft.common.arn = Some(arn.clone());
            draft.common.placement = Some(site.provider.placement());
        }
        if let Some(arn) = draft.common.arn.clone() {
            return follow(shared, live, draft, &site, &arn).await;
        }
        let weighed = self.weigh(shared, &object, draft, &site).await?;
        tracing::debug!(object = %object.key(), step = ?weighed.step, "decided");
        match weighed.step.clone() {
            Step::GoOn(arn) => {
                draft.common.references = weighed.plan.into_iter().collect();
                go_on(shared, &object, draft, &site, &weighed.token, &arn).await;
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
                draft.phase = Some(IncidentPhase::Refused);
                live.remove_finalizer().await?;
                Ok(stalled(Reason::Refused, message))
            }
            Step::Expire => {
                draft.phase = Some(IncidentPhase::Expired);
                live.remove_finalizer().await?;
                Ok(concluded(draft))
            }
            Step::Unknown => {
                draft.phase = Some(IncidentPhase::StartUnknown);
                let mut done = concluded(draft);
                done.requeue = poll(shared, POLL);
                Ok(done)
            }
            Step::StillUnknown => {
                draft.phase = Some(IncidentPhase::StartUnknown);
                Ok(stalled(
                    Reason::StartUnknown,
                    "it is not known whether an incident was started; it was looked for and is not in AWS. It is not started again, and looked for no more: look in the console, and if there is none make another Incident under another name or with another startDeadline",
                ))
            }
        }
    }

    async fn end(
        &self,
        shared: &Arc<Shared>,
        live: &mut Live<Incident>,
        draft: &mut IncidentStatus,
        pass: &Pass,
    ) -> Result<Ending, Error> {
        let object = live.object.clone();
        let resolves = object.spec.on_delete == Some(OnDelete::Resolve) && manages(&object);
        let begun = draft.common.arn.is_some() || draft.start_recorded_at.is_some();
        let own = draft.object_uid == object.uid();
        if !resolves || !begun || !own || draft.common.origin == Some(Origin::Adopted) {
            return Ok(Ending::LetGo);
        }
        match self.resolve_at_end(shared, &object, draft, pass).await {
            Err(error) => Err(held(
                error,
                "The deletion waits, since the incident is to be resolved with it; to let go without, set onDelete: Retain",
            )),
            other => other,
        }
    }

    fn complete(draft: &mut IncidentStatus, _: Timestamp) {
        if draft.phase.is_none() {
            draft.phase = Some(IncidentPhase::Pending);
        }
    }

    fn news(_: &Incident, before: &IncidentStatus, after: &IncidentStatus) -> Vec<News> {
        news(before, after)
    }
}

fn manages(object: &Incident) -> bool {
    object.spec.management_policy != Some(ManagementPolicy::Observe)
}

/// Puts a status that came with the object from elsewhere aside: nothing of it is to be relied upon but that it is old.
fn own(object: &Incident, draft: &mut IncidentStatus) {
    let uid = object.uid();
    let says_something = draft.phase.is_some() || draft.common.arn.is_some();
    let elsewhere =
        comes_from_elsewhere(draft.object_uid.as_deref(), uid.as_deref(), says_something);
    if elsewhere {
        *draft = IncidentStatus {
            brought_along: Some(true),
            common: CommonStatus {
                conditions: std::mem::take(&mut draft.common.conditions),
                observed_generation: draft.common.observed_generation,
                last_handled_reconcile_at: draft.common.last_handled_reconcile_at.take(),
                ..CommonStatus::default()
            },
            ..IncidentStatus::default()
        };
    }
    draft.object_uid = uid;
}

/// It was resolved long enough ago, and nobody has asked for anything since.
fn is_over(object: &Incident, status: &IncidentStatus, now: Timestamp) -> bool {
    let requested = object.annotations().get(crate::api::RECONCILE_REQUESTED_AT);
    status.phase == Some(IncidentPhase::Resolved)
        && status.object_uid == object.uid()
        && status
            .finished_at
            .as_ref()
            .is_some_and(|at| now.duration_since(at.0) > AFTERMATH)
        && status.common.observed_generation == object.meta().generation
        && status.common.last_handled_reconcile_at.as_ref() == requested
}

impl Incidents {
    /// Looks up everything that the beginning depends on, and decides. Writes nothing.
    async fn weigh(
        &self,
        shared: &Shared,
        object: &Incident,
        draft: &IncidentStatus,
        site: &Site,
    ) -> Result<Weighed, Error> {
        let Some(deadline) = object.spec.start_deadline.as_ref().map(|t| t.0) else {
            return Err(Error::invalid("startDeadline is missing"));
        };
        let now = shared.clock.now();
        let token = start_token(&site.provider, &object.key(), deadline);
        let uid = object.uid();
        let noted = ledger::noted(shared, &site.provider, &token, uid.as_deref()).await?;
        let begun = match &draft.start_recorded_at {
            Some(at) => Begun::Recorded(at.0),
            None => Begun::No,
        };
        let recorded = draft.common.references.first().cloned();
        let plan = match plan_of(shared, object, draft, site).await {
            Ok(plan) => Some(plan),
            Err(error) if error.is_silent() || error.is_transient() => return Err(error),
            // The time has passed, and nothing is left that could be looked for.
            Err(_) if begun == Begun::No && now > deadline => None,
            Err(_) if recorded.is_some() || matches!(noted, Noted::Started(_)) => recorded,
            Err(error) => return Err(error),
        };
        let found = match &plan {
            Some(plan) if !matches!(noted, Noted::Started(_)) => {
                self.look(shared, &site.session, &plan.arn, &token, deadline)
                    .await?
            }
            _ => None,
        };
        let resolved = object.spec.resolve == Some(true);
        let step = decide(&Facts {
            begun,
            noted,
            found,
            observe: !manages(object),
            brought_along: draft.brought_along == Some(true) || is_restored(object),
            made: object.meta().creation_timestamp.as_ref().map(|t| t.0),
            deadline,
            senseless: resolved.then_some(SENSELESS),
            now,
        });
        Ok(Weighed { step, token, plan })
    }

    /// The incident that was certainly started for this request, asked of AWS live.
    async fn look(
        &self,
        shared: &Shared,
        session: &Session,
        plan: &str,
        token: &str,
        deadline: Timestamp,
    ) -> Result<Option<String>, Error> {
        let mut listed = records::since(session, earliest(deadline)).await?;
        // What AWS's own services have opened is not ours.
        listed.retain(|r| {
            r.response_plan().as_deref() == Some(plan)
                && (!r.source.starts_with("aws.") || r.source == "aws.ssm-incidents.custom")
        });
        // Ours first, the newest first.
        listed.sort_by_key(|r| (r.source != aws::SOURCE, std::cmp::Reverse(r.created)));
        for record in listed {
            match self.beginnings.is(&record.arn, token) {
                Some(true) => return Ok(Some(record.arn)),
                Some(false) => continue,
                None => {}
            }
            let beginning = aws::beginning(session, &record.arn).await?;
            match &beginning {
                Beginning::Token(found) => self.beginnings.learn(&record.arn, Some(found.clone())),
                Beginning::Otherwise => self.beginnings.learn(&record.arn, None),
                Beginning::Untold => {}
            }
            match beginning {
                Beginning::Token(found) if found == token => return Ok(Some(record.arn)),
                // Its timeline comes in a moment.
                Beginning::Untold
                    if shared.clock.now().duration_since(record.created) < SHOWN_WITHIN =>
                {
                    return Err(Error::Settling);
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

async fn plan_of(
    shared: &Shared,
    object: &Incident,
    draft: &IncidentStatus,
    site: &Site,
) -> Result<crate::api::common::ResolvedReference, Error> {
    let Some(named) = &object.spec.response_plan_ref else {
        return Err(Error::invalid("responsePlanRef is missing"));
    };
    let reference = plan_reference(named, object.namespace().as_deref());
    let recorded = &draft.common.references;
    let resolved = resolve(shared, &site.provider, &object.key(), recorded, &reference).await?;
    match resolved {
        Ok(plan) if plan.leaving() => Err(Error::unresolved(
            Reason::ReferenceNotFound,
            format!("{} is being deleted", reference.named),
        )),
        Ok(plan) => Ok(plan.record()),
        Err(problem) => Err(unresolved(&[problem]).unwrap_or(Error::Settling)),
    }
}

/// Takes up what was started for this request before.
async fn go_on(
    shared: &Shared,
    object: &Incident,
    draft: &mut IncidentStatus,
    site: &Site,
    token: &str,
    arn: &str,
) {
    draft.common.arn = Some(arn.to_owned());
    draft.common.placement = Some(site.provider.placement());
    draft.phase = Some(IncidentPhase::Open);
    if draft.sent.is_none() {
        draft.sent = Some(plan::assumed(&object.spec, true));
    }
    ledger::settle_if_possible(shared, &site.provider, token, Some(arn)).await;
}

/// Records the intention, then starts once.
async fn begin(
    shared: &Arc<Shared>,
    live: &mut Live<Incident>,
    draft: &mut IncidentStatus,
    site: &Site,
    weighed: Weighed,
) -> Result<Done, Error> {
    let object = live.object.clone();
    let Some(plan) = weighed.plan else {
        return Err(Error::Settling);
    };
    // What an object manages is known to be there.
    if plan.kind.is_none() && !aws::has_plan(&site.session, &plan.arn).await? {
        return Err(Error::unresolved(
            Reason::ReferenceNotFound,
            format!(
                "AWS has no response plan {}: make it, or name another in a new Incident",
                plan.arn
            ),
        ));
    }
    if object.spec.on_delete == Some(OnDelete::Resolve) {
        site.provider.hold(shared).await?;
        live.add_finalizer().await?;
    }
    ledger::note(shared, &site.provider, &weighed.token, object.uid()).await?;
    fail_point("after-once-note");
    let now = shared.clock.now();
    draft.phase = Some(IncidentPhase::Starting);
    draft.start_recorded_at = Some(api_time(now));
    draft.common.placement = Some(site.provider.placement());
    let plan_arn = plan.arn.clone();
    draft.common.references = vec![plan];
    draft.sent = Some(plan::assumed(&object.spec, true));
    live.write_status(draft).await?;
    fail_point("after-once-record");
    // The intention is recorded: from here on the pass does not give way, or the record would say what did not happen.
    let session = site
        .provider
        .account
        .session(site.session.priority, CancellationToken::new());
    let items: Vec<Item> = object
        .spec
        .related_items
        .iter()
        .flatten()
        .map(Item::of)
        .collect();
    let started = aws::start(
        &session,
        &aws::Start {
            plan: &plan_arn,
            title: object.spec.title.as_deref(),
            impact: object.spec.impact,
            items: &items,
            token: &weighed.token,
            object: &object.key().identity(),
            now,
        },
    )
    .await;
    match started {
        Ok(arn) => {
            fail_point("after-once-call");
            tracing::info!(object = %object.key(), arn, "started an incident");
            draft.common.arn = Some(arn.clone());
            draft.phase = Some(IncidentPhase::Open);
            live.write_status(draft).await?;
            ledger::settle_if_possible(shared, &site.provider, &weighed.token, Some(&arn)).await;
            follow(shared, live, draft, site, &arn).await
        }
        Err(error) if certainly_not_begun(&error) => {
            ledger::settle_if_possible(shared, &site.provider, &weighed.token, None).await;
            draft.phase = Some(IncidentPhase::Pending);
            draft.start_recorded_at = None;
            draft.sent = None;
            draft.common.references = vec![];
            Err(error.into())
        }
        Err(error) => {
            tracing::warn!(object = %object.key(), %error, "it is not known whether an incident was started");
            draft.phase = Some(IncidentPhase::StartUnknown);
            let mut done = concluded(draft);
            // AWS may show it in a moment.
            done.requeue = poll(shared, Duration::from_secs(2));
            Ok(done)
        }
    }
}

/// Shows the incident, and sends what has changed in the spec.
async fn follow(
    shared: &Arc<Shared>,
    live: &mut Live<Incident>,
    draft: &mut IncidentStatus,
    site: &Site,
    arn: &str,
) -> Result<Done, Error> {
    let now = shared.clock.now();
    let Some(mut record) = aws::get(&site.session, arn).await? else {
        return missing(live, draft, now).await;
    };
    report::record(draft, &record, now);
    draft.console_url = Some(report::console_url(arn, &site.provider.spec.region));
    let object = live.object.clone();
    if object.spec.incident_arn.is_none() {
        judge_origin(&object, draft, site, arn).await?;
    }
    hold_or_let_go(shared, live, draft, site, &record).await?;
    let mut items = aws::items(&site.session, arn).await?;
    let mut trouble = send_changes(&object, draft, site, arn, (&mut record, &mut items), now)
        .await
        .err();
    if !record.open && draft.phase == Some(IncidentPhase::Open) {
        // It was just resolved: when, AWS says.
        let again = aws::get(&site.session, arn).await?;
        record = again.filter(|r| !r.open).unwrap_or(record);
    }
    report::record(draft, &record, now);
    if draft.sent != live.status().sent {
        // Whatever the rest comes to, what was sent is remembered.
        live.write_status(draft).await?;
    }
    match surroundings(site, arn, items).await {
        Ok(around) => {
            let names = names(shared, &around);
            report::surroundings(draft, &around, &names);
        }
        Err(error) => trouble = trouble.or(Some(error)),
    }
    if trouble.as_ref().is_some_and(Error::is_silent) {
        return Err(trouble.unwrap_or(Error::Settling));
    }
    if draft.phase == Some(IncidentPhase::Resolved) {
        hold_or_let_go(shared, live, draft, site, &record).await?;
    }
    let mut done = concluded(draft);
    if let Some(error) = trouble {
        // It is looked at as often as ever: an incident is open, whatever cannot be written.
        tracing::info!(object = %object.key(), %error, "not everything could be seen or sent");
        done.conclusion = error.conclusion(1);
    }
    done.requeue = match draft.phase {
        Some(IncidentPhase::Resolved) => {
            let over = draft
                .finished_at
                .as_ref()
                .is_none_or(|at| now.duration_since(at.0) > AFTERMATH);
            if over {
                Requeue::OnChange
            } else {
                poll(shared, AFTERMATH_POLL)
            }
        }
        _ => poll(shared, POLL),
    };
    Ok(done)
}

/// AWS has no such record.
async fn missing(
    live: &mut Live<Incident>,
    draft: &mut IncidentStatus,
    now: Timestamp,
) -> Result<Done, Error> {
    let just_started = draft
        .start_recorded_at
        .as_ref()
        .is_some_and(|at| now.duration_since(at.0) < SHOWN_WITHIN);
    if draft.start_time.is_none() && just_started {
        return Err(Error::Settling);
    }
    if draft.start_time.is_some() || live.object.spec.incident_arn.is_none() {
        draft.phase = Some(IncidentPhase::Gone);
        live.remove_finalizer().await?;
        return Ok(concluded(draft));
    }
    Err(Error::refused(
        Reason::NotFoundInAws,
        "AWS has no incident of this ARN: correct it in a new Incident. It is looked for again",
    ))
}

/// Whether the incident was started for this request, or one that was open already has taken it in.
async fn judge_origin(
    object: &Incident,
    draft: &mut IncidentStatus,
    site: &Site,
    arn: &str,
) -> Result<(), Error> {
    let Some(deadline) = object.spec.start_deadline.as_ref().map(|t| t.0) else {
        return Ok(());
    };
    if draft.common.origin.is_some() {
        return Ok(());
    }
    let token = start_token(&site.provider, &object.key(), deadline);
    draft.common.origin = match aws::beginning(&site.session, arn).await? {
        Beginning::Token(found) if found == token => Some(Origin::Created),
        Beginning::Untold => None,
        _ => {
            for item in draft.sent.iter_mut().flat_map(|s| &mut s.related_items) {
                item.added = false;
            }
            Some(Origin::Adopted)
        }
    };
    Ok(())
}

/// The object holds on as long as its deletion has something to do in AWS.
async fn hold_or_let_go(
    shared: &Arc<Shared>,
    live: &mut Live<Incident>,
    draft: &IncidentStatus,
    site: &Site,
    record: &Record,
) -> Result<(), Error> {
    let resolves = live.object.spec.on_delete == Some(OnDelete::Resolve) && manages(&live.object);
    let started_here =
        live.object.spec.incident_arn.is_none() && draft.common.origin != Some(Origin::Adopted);
    if resolves && started_here && record.open {
        site.provider.hold(shared).await?;
        live.add_finalizer().await
    } else {
        live.remove_finalizer().await
    }
}

async fn send_changes(
    object: &Incident,
    draft: &mut IncidentStatus,
    site: &Site,
    arn: &str,
    (record, items): (&mut Record, &mut Vec<Item>),
    now: Timestamp,
) -> Result<(), Error> {
    let sent = draft.sent.clone().unwrap_or_default();
    let (noted, mut changes) = plan::plan(&object.spec, &sent, record, items);
    if !manages(object) {
        draft.common.pending_changes = changes.iter().flat_map(plan::pending).collect();
        return Ok(());
    }
    draft.common.pending_changes = vec![];
    draft.sent = Some(noted);
    if draft.common.origin == Some(Origin::Created) && site.taggable {
        let wanted = wanted_tags(object, site);
        if sent.tags.is_none() {
            // An object that was made again: what the one before it has set is not written a second time.
            let there = incidents::tags(&site.session, arn).await?;
            if wanted
                .iter()
                .all(|(key, value)| there.get(key) == Some(value))
            {
                note(draft, &Change::SetTags(wanted.clone()));
            }
        }
        let written = draft.common.applied.clone().unwrap_or_default().tags;
        let sent = draft.sent.clone().unwrap_or_default();
        changes.extend(plan::plan_tags(&wanted, &sent, &written));
    }
    for change in &changes {
        send(site, arn, change).await?;
        tracing::info!(object = %object.key(), %change, "sent");
        note(draft, change);
        plan::project(record, items, change, now);
        fail_point("after-incident-change");
    }
    Ok(())
}

/// What is in AWS because of the spec.
fn note(draft: &mut IncidentStatus, change: &Change) {
    plan::note(draft.sent.get_or_insert_with(SentFields::default), change);
    if let Change::SetTags(tags) = change {
        let applied = draft.common.applied.get_or_insert_default();
        applied.tags = tags.keys().cloned().collect();
    }
}

fn wanted_tags(object: &Incident, site: &Site) -> BTreeMap<String, String> {
    let none = BTreeMap::new();
    let defaults = site.provider.spec.default_tags.as_ref();
    let own = object.spec.tags.as_ref();
    desired_tags(
        defaults.map_or(&none, |t| &t.0),
        own.map_or(&none, |t| &t.0),
        &site.provider.claimant(&object.key()),
        Origin::Created,
    )
}

async fn send(site: &Site, arn: &str, change: &Change) -> Result<(), Error> {
    let session = &site.session;
    match change {
        Change::Update {
            title,
            impact,
            resolve,
        } => aws::update(session, arn, title.as_deref(), *impact, *resolve).await?,
        Change::AddItem(item) => aws::add_item(session, arn, item).await?,
        Change::RemoveItem(item) => aws::remove_item(session, arn, item).await?,
        Change::SetTags(tags) => incidents::set_tags(session, arn, tags).await?,
        Change::RemoveTags(keys) => incidents::remove_tags(session, arn, keys).await?,
    }
    Ok(())
}

/// Reads what belongs to the record.
async fn surroundings(site: &Site, arn: &str, items: Vec<Item>) -> Result<Surroundings, Error> {
    let session = &site.session;
    let mut all: Vec<(Engagement, Vec<Page>)> = vec![];
    for engagement in engagements::of_incident(session, arn).await? {
        let pages = engagements::pages(session, &engagement.arn).await?;
        all.push((engagement, pages.unwrap_or_default()));
    }
    let events = aws::events(session, arn, report::EVENTS).await?;
    let findings = aws::findings(session, arn).await?;
    Ok(Surroundings {
        items,
        events,
        findings,
        engagements: all,
    })
}

fn names(shared: &Shared, around: &Surroundings) -> report::Names {
    let people = around.engagements.iter().flat_map(|(engagement, pages)| {
        let paged = pages.iter().map(|p| p.contact.as_str());
        std::iter::once(engagement.contact.as_str()).chain(paged)
    });
    people
        .map(|arn| (arn.to_owned(), name_of(shared, arn)))
        .collect()
}

impl Incidents {
    async fn resolve_at_end(
        &self,
        shared: &Arc<Shared>,
        object: &Incident,
        draft: &mut IncidentStatus,
        pass: &Pass,
    ) -> Result<Ending, Error> {
        let (provider, session, taggable) = reach(shared, object, draft, pass).await?;
        let site = Site {
            provider,
            session,
            taggable,
        };
        let now = shared.clock.now();
        if draft.common.arn.is_none() {
            let deadline = object.spec.start_deadline.as_ref().map_or(now, |t| t.0);
            let token = start_token(&site.provider, &object.key(), deadline);
            let uid = object.uid();
            let noted = ledger::noted(shared, &site.provider, &token, uid.as_deref()).await?;
            draft.common.arn = match (noted, draft.common.references.first()) {
                (Noted::Started(arn), _) => Some(arn),
                (_, Some(plan)) => {
                    self.look(shared, &site.session, &plan.arn, &token, deadline)
                        .await?
                }
                _ => None,
            };
        }
        let Some(arn) = draft.common.arn.clone() else {
            let waited = draft
                .start_recorded_at
                .as_ref()
                .is_none_or(|at| now.duration_since(at.0) > LOST_AFTER);
            if waited {
                return Ok(Ending::LetGo);
            }
            return Ok(Ending::Wait(Done {
            conclusion: Conclusion::Progress {
                reason: Reason::Deleting,
                message: "it is not known whether an incident was started: it is looked for, and resolved if it is found".to_owned(),
            },
            requeue: poll(shared, POLL),
        }));
        };
        let Some(mut record) = aws::get(&site.session, &arn).await? else {
            return Ok(Ending::LetGo);
        };
        judge_origin(object, draft, &site, &arn).await?;
        if record.open && draft.common.origin != Some(Origin::Adopted) {
            aws::update(&site.session, &arn, None, None, true).await?;
            record.open = false;
            fail_point("after-incident-change");
        }
        report::record(draft, &record, now);
        Ok(Ending::LetGo)
    }
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
fn concluded(draft: &IncidentStatus) -> Done {
    let well = |reason, message: &str| Done {
        conclusion: Conclusion::InSync {
            reason,
            message: message.to_owned(),
        },
        requeue: Requeue::OnChange,
    };
    let adopted = draft.common.origin == Some(Origin::Adopted);
    match draft.phase {
        Some(IncidentPhase::Open | IncidentPhase::Resolved)
            if !draft.common.pending_changes.is_empty() =>
        {
            Done {
                conclusion: Conclusion::Differs {
                    reason: Reason::Observing,
                    message: "managementPolicy is Observe: status.pendingChanges is not sent"
                        .to_owned(),
                },
                requeue: Requeue::OnChange,
            }
        }
        Some(IncidentPhase::Open) if adopted => well(Reason::IncidentOpen, ABSORBED),
        Some(IncidentPhase::Open) if draft.reopened == Some(true) => well(
            Reason::IncidentOpen,
            "somebody has reopened the incident in AWS",
        ),
        Some(IncidentPhase::Open) => well(Reason::IncidentOpen, "the incident is open"),
        Some(IncidentPhase::Resolved) => well(Reason::IncidentResolved, "the incident is resolved"),
        Some(IncidentPhase::Gone) => stalled(
            Reason::NotFoundInAws,
            "AWS has this incident no more: somebody has deleted it there. This object can be deleted",
        ),
        Some(IncidentPhase::Expired) => stalled(
            Reason::Expired,
            "the startDeadline has passed before anything could be started: nobody was paged and nobody will be. If it is still meant, make a new Incident with a later startDeadline",
        ),
        Some(IncidentPhase::StartUnknown) => stalled(
            Reason::StartUnknown,
            "it is not known whether an incident was started, and it is not started again. It is looked for in AWS and shown here if it is found. If none is in the console, make another Incident under another name or with another startDeadline",
        ),
        Some(IncidentPhase::Refused) => {
            let said = condition(&draft.common, ConditionType::Ready);
            stalled(
                Reason::Refused,
                said.map_or_else(|| "nothing was started".to_owned(), |c| c.message.clone()),
            )
        }
        _ => Done {
            conclusion: Conclusion::Waiting {
                reason: Reason::Progressing,
                message: "not started yet".to_owned(),
                references: false,
            },
            requeue: Requeue::OnChange,
        },
    }
}

fn news(before: &IncidentStatus, after: &IncidentStatus) -> Vec<News> {
    let mut news = vec![];
    let mut say = |warning: bool, reason: Reason, note: String| {
        news.push(News {
            warning,
            reason,
            note,
        });
    };
    let arn = after.common.arn.clone().unwrap_or_default();
    let absorbed = after.common.origin == Some(Origin::Adopted);
    if before.phase != after.phase {
        let ready = condition(&after.common, ConditionType::Ready);
        let message = ready.map(|c| c.message.clone()).unwrap_or_default();
        match after.phase {
            Some(IncidentPhase::Open) if before.phase == Some(IncidentPhase::Resolved) => {
                say(
                    true,
                    Reason::IncidentOpen,
                    format!("reopened in AWS: {arn}"),
                );
            }
            Some(IncidentPhase::Open) if absorbed => {
                say(true, Reason::IncidentOpen, format!("{ABSORBED}: {arn}"));
            }
            Some(IncidentPhase::Open) => say(false, Reason::IncidentOpen, format!("open: {arn}")),
            Some(IncidentPhase::Resolved) => {
                say(false, Reason::IncidentResolved, format!("resolved: {arn}"));
            }
            Some(IncidentPhase::StartUnknown) => say(true, Reason::StartUnknown, message),
            Some(IncidentPhase::Expired) => say(true, Reason::Expired, message),
            Some(IncidentPhase::Refused) => say(true, Reason::Refused, message),
            Some(IncidentPhase::Gone) => say(true, Reason::NotFoundInAws, message),
            _ => {}
        }
    }
    if let (Some(had), Some(has)) = (&before.sent, &after.sent) {
        let edits = plan::edits(had, has);
        if !edits.is_empty() {
            let note = format!("AWS has what the spec says now: {}", edits.join(", "));
            say(false, Reason::Updated, note);
        }
    }
    let acknowledged = |status: &IncidentStatus| {
        report::acknowledged_by(status.engagements.iter().flat_map(|e| &e.pages))
    };
    // Whoever acknowledged before this object was there was not paged for it.
    let known = acknowledged(if absorbed && before.phase != after.phase {
        after
    } else {
        before
    });
    for name in acknowledged(after).iter().filter(|n| !known.contains(n)) {
        say(
            false,
            Reason::Acknowledged,
            format!("{name} has acknowledged"),
        );
    }
    news
}
