//! `ChannelActivation`: at most one code for each object, whatever crashes, restores or re-creations happen.
//!
//! Before the call the intention is recorded twice, each time on the precondition that nobody else has written: with the Contact, so that
//! making the same object again sends nothing, and in the object's own status. One call, never repeated. An unknown outcome is said to be
//! unknown, and a person asks again.

pub mod aws;
pub mod decide;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::api::{Api, DeleteParams, Preconditions};
use kube::{Resource, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::api::channel_activation::{ActivationPhase, ChannelActivationStatus};
use crate::api::common::ManagementPolicy;
use crate::api::conditions::Reason;
use crate::api::contact::{Activation, CodeSent};
use crate::api::{ChannelActivation, Contact, RECONCILE_REQUESTED_AT, RESTORE_LABELS};
use crate::aws::{CallError, ErrorClass, Priority, Redacted, Session};
use crate::engine::connect::connect;
use crate::engine::error::jittered;
use crate::engine::fail_point::fail_point;
use crate::engine::object::{Live, ManagedObject, managed_object};
use crate::engine::scheduler::{ObjectKey, Pass, Requeue, Runner};
use crate::engine::secret::{self, SecretValue};
use crate::engine::status::{self, Conclusion};
use crate::engine::{Error, Shared, api_time, events};
use decide::{Facts, Step, decide};

managed_object!(ChannelActivation, ChannelActivationStatus, "ChannelActivation", |spec|
    suspended: spec.suspend.unwrap_or(false),
    accepted: spec.accepted_findings.as_deref().unwrap_or_default(),
    provider: { let _ = spec; None });

/// Runs passes over ChannelActivations.
pub struct ChannelActivations {
    shared: Arc<Shared>,
    failures: std::sync::Mutex<std::collections::HashMap<ObjectKey, u32>>,
}

/// What a pass found out about the contact.
struct Target {
    contact: Contact,
    channel_arn: String,
    activation: Activation,
    session: Session,
}

/// How a pass ended.
struct Done {
    conclusion: Conclusion,
    requeue: Requeue,
    event: Option<(Reason, String)>,
}

impl ChannelActivations {
    /// New.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            failures: std::sync::Mutex::default(),
        }
    }

    fn count_failure(&self, key: &ObjectKey, failed: bool) -> u32 {
        let mut failures = self
            .failures
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !failed {
            failures.remove(key);
            return 0;
        }
        let count = failures.entry(key.clone()).or_default();
        *count = count.saturating_add(1);
        *count
    }

    async fn pass(&self, key: ObjectKey, pass: Pass) -> Requeue {
        let started = Instant::now();
        let api = ChannelActivation::api(self.shared.client.clone(), key.namespace.as_deref());
        let requeue = match api.get(&key.name).await {
            Ok(object) if object.metadata.deletion_timestamp.is_some() => Requeue::OnChange,
            Ok(object) => self.look_and_act(&key, object, &pass).await,
            Err(kube::Error::Api(status)) if status.is_not_found() => {
                self.count_failure(&key, false);
                Requeue::OnChange
            }
            Err(error) => {
                let error = Error::from(error);
                tracing::warn!(object = %key, %error, "a pass failed");
                error.requeue(self.count_failure(&key, true))
            }
        };
        self.shared
            .metrics
            .observe_pass(ChannelActivation::KIND, "done", started.elapsed());
        requeue
    }

    async fn look_and_act(
        &self,
        key: &ObjectKey,
        object: ChannelActivation,
        pass: &Pass,
    ) -> Requeue {
        let mut live = Live::new(self.shared.client.clone(), object);
        let mut draft = live.status();
        let result = self.act(&mut live, &mut draft, pass).await;
        let before = live.status();
        let generation = live.object.meta().generation;
        let now = self.shared.clock.now();
        let (conclusion, requeue, event) = match result {
            Ok(done) => {
                self.count_failure(key, false);
                (done.conclusion, done.requeue, done.event)
            }
            Err(error) if error.is_silent() => {
                return error.requeue(1);
            }
            Err(error) => {
                let failures = self.count_failure(key, true);
                tracing::info!(object = %key, %error, failures, "a pass ended early");
                (error.conclusion(failures), error.requeue(failures), None)
            }
        };
        if draft.phase.is_none() {
            draft.phase = Some(ActivationPhase::Pending);
        }
        if draft.phase.is_some_and(ActivationPhase::is_final) && draft.finished_at.is_none() {
            draft.finished_at = Some(api_time(now));
        }
        status::conclude(&mut draft.common, generation, &conclusion, now);
        fail_point("before-activation-status");
        if let Err(error) = live.write_status(&draft).await {
            return error.requeue(1);
        }
        if before.phase != draft.phase
            && let Some((reason, note)) = event
        {
            if matches!(
                draft.phase,
                Some(ActivationPhase::Activated | ActivationPhase::AwaitingCode)
            ) {
                events::normal(&self.shared, &live.object, reason, &note).await;
            } else {
                events::warning(&self.shared, &live.object, reason, &note).await;
            }
        }
        if before.phase != draft.phase && draft.phase == Some(ActivationPhase::Activated) {
            // The contact's own status shows it without waiting for the next check.
            self.shared.scheduler.wake(
                ObjectKey {
                    kind: Contact::KIND,
                    namespace: key.namespace.clone(),
                    name: live.object.spec.contact_ref.name.clone(),
                },
                Priority::Edit,
            );
        }
        match (
            draft.finished_at.as_ref(),
            live.object.spec.ttl_seconds_after_finished,
        ) {
            (Some(finished), Some(ttl)) => self.expire(&live.object, finished.0, ttl).await,
            _ => requeue,
        }
    }

    /// Deletes a finished request when its time to live is over.
    async fn expire(&self, object: &ChannelActivation, finished: Timestamp, ttl: i64) -> Requeue {
        let ends = finished
            .checked_add(jiff::SignedDuration::from_secs(ttl))
            .unwrap_or(Timestamp::MAX);
        let left = self.shared.clock.until(ends);
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
        let api = ChannelActivation::api(self.shared.client.clone(), object.namespace().as_deref());
        match api.delete(&object.name_any(), &parameters).await {
            Ok(_) => Requeue::OnChange,
            Err(kube::Error::Api(status)) if status.is_not_found() => Requeue::OnChange,
            Err(error) => Error::from(error).requeue(1),
        }
    }

    async fn act(
        &self,
        live: &mut Live<ChannelActivation>,
        draft: &mut ChannelActivationStatus,
        pass: &Pass,
    ) -> Result<Done, Error> {
        let object = live.object.clone();
        draft.common.last_handled_reconcile_at =
            object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        if object.suspended() {
            return Ok(Done {
                conclusion: Conclusion::Suspended,
                requeue: Requeue::OnChange,
                event: None,
            });
        }
        if draft.phase.is_some_and(ActivationPhase::is_final)
            && draft.phase != Some(ActivationPhase::SendUnknown)
        {
            return Ok(concluded(draft.phase, &object));
        }
        let (step, target, code) = self.weigh(&object, draft, pass).await?;
        draft.channel_arn = Some(target.channel_arn.clone());
        tracing::debug!(object = %object.key(), ?step, "decided");
        match step {
            Step::Activated => {
                draft.phase = Some(ActivationPhase::Activated);
                Ok(concluded(draft.phase, &object))
            }
            Step::Wait(message) => Ok(Done {
                conclusion: Conclusion::Waiting {
                    reason: Reason::Observing,
                    message,
                    references: false,
                },
                requeue: self.look_again(),
                event: None,
            }),
            Step::Refuse(message) => {
                draft.phase = Some(ActivationPhase::Refused);
                Ok(Done {
                    conclusion: Conclusion::Stalled {
                        reason: Reason::Refused,
                        message: message.clone(),
                    },
                    requeue: Requeue::OnChange,
                    event: Some((Reason::Refused, message)),
                })
            }
            Step::SentBefore(at) => {
                draft.send_recorded_at = Some(api_time(at));
                draft.phase = Some(ActivationPhase::AwaitingCode);
                Ok(self.awaiting(
                    &object,
                    "a code was sent for this request before; it is not sent again",
                ))
            }
            Step::Send => self.send(live, draft, target).await,
            Step::OutcomeUnknown => {
                draft.phase = Some(ActivationPhase::SendUnknown);
                Ok(outcome_unknown(&object))
            }
            Step::TryCode => match code {
                Some(code) => self.try_code(&object, draft, &target, &code).await,
                None => Err(Error::Settling),
            },
            Step::AwaitCode => {
                if draft.phase == Some(ActivationPhase::AwaitingCode)
                    || draft.phase == Some(ActivationPhase::Sending)
                {
                    draft.phase = Some(ActivationPhase::AwaitingCode);
                    return Ok(self.awaiting(&object, "a code was sent"));
                }
                let mut done = concluded(draft.phase, &object);
                done.requeue = self.look_again();
                Ok(done)
            }
            Step::Expire => {
                draft.phase = Some(ActivationPhase::Expired);
                Ok(concluded(draft.phase, &object))
            }
        }
    }

    /// Looks up contact, channel and code, and decides. Writes nothing.
    async fn weigh(
        &self,
        object: &ChannelActivation,
        draft: &ChannelActivationStatus,
        pass: &Pass,
    ) -> Result<(Step, Target, Option<SecretValue>), Error> {
        let target = self.target(object, pass).await?;
        let code = self.code(object, draft).await?;
        let sent_before = target
            .contact
            .status
            .iter()
            .flat_map(|s| &s.codes_sent)
            .find(|s| s.channel == object.spec.channel);
        let step = decide(Facts {
            phase: draft.phase.unwrap_or(ActivationPhase::Pending),
            activated: target.activation == Activation::Activated,
            observe: object.spec.management_policy == Some(ManagementPolicy::Observe),
            restored: RESTORE_LABELS
                .iter()
                .any(|l| object.labels().contains_key(*l)),
            name: &object.name_any(),
            sent_before: sent_before.map(|s| (s.activation.as_str(), s.at.0)),
            sent_before_is_own: sent_before
                .is_some_and(|s| s.activation_uid.is_some() && s.activation_uid == object.uid()),
            send_recorded_at: draft.send_recorded_at.as_ref().map(|t| t.0),
            new_code: code.is_some(),
            now: self.shared.clock.now(),
        });
        Ok((step, target, code))
    }

    /// What a pass would do: `None` = it is suspended or finished. Writes and sends nothing.
    ///
    /// # Errors
    /// What keeps the pass from coming to a decision.
    pub async fn foresee(&self, object: &ChannelActivation) -> Result<Option<Step>, Error> {
        let draft = object.status.clone().unwrap_or_default();
        let finished = draft.phase.is_some_and(ActivationPhase::is_final)
            && draft.phase != Some(ActivationPhase::SendUnknown);
        if object.suspended() || finished {
            return Ok(None);
        }
        let pass = Pass {
            priority: Priority::Edit,
            give_way: CancellationToken::new(),
        };
        self.weigh(object, &draft, &pass)
            .await
            .map(|(step, ..)| Some(step))
    }

    fn look_again(&self) -> Requeue {
        Requeue::Drift(jittered(self.shared.settings.drift_interval))
    }

    fn awaiting(&self, object: &ChannelActivation, what: &str) -> Done {
        let how = match &object.spec.code_from {
            Some(from) => format!(
                "give it back as key \"{}\" of the labelled Secret \"{}\"",
                from.secret_key_ref.key, from.secret_key_ref.name
            ),
            None => "give it back with ActivateContactChannel (spec.codeFrom names no Secret)"
                .to_owned(),
        };
        let message = format!("{what}: {how}");
        Done {
            conclusion: Conclusion::InSync {
                reason: Reason::AwaitingCode,
                message: message.clone(),
            },
            requeue: self.look_again(),
            event: Some((Reason::AwaitingCode, message)),
        }
    }

    /// The contact, its channel in AWS, and a session on its account.
    async fn target(&self, object: &ChannelActivation, pass: &Pass) -> Result<Target, Error> {
        let namespace = object.namespace().unwrap_or_default();
        let name = &object.spec.contact_ref.name;
        let contacts: Api<Contact> = Api::namespaced(self.shared.client.clone(), &namespace);
        let Some(contact) = contacts.get_opt(name).await? else {
            return Err(Error::unresolved(
                Reason::ReferenceNotFound,
                format!("Contact \"{name}\" does not exist (yet) in this namespace"),
            ));
        };
        if contact.metadata.deletion_timestamp.is_some() {
            return Err(Error::unresolved(
                Reason::ReferenceNotFound,
                format!("Contact \"{name}\" is being deleted"),
            ));
        }
        let observed_only =
            contact.spec.common.management_policy == Some(ManagementPolicy::Observe);
        let manages = object.spec.management_policy != Some(ManagementPolicy::Observe);
        if contact.suspended() {
            return Err(Error::waiting(
                Reason::Suspended,
                format!("Contact \"{name}\" is suspended"),
            ));
        }
        if observed_only && manages {
            return Err(Error::invalid(format!(
                "Contact \"{name}\" is only observed (managementPolicy: Observe): nothing is sent for it"
            )));
        }
        let status = contact.status.clone().unwrap_or_default();
        let channel = &object.spec.channel;
        if !contact
            .spec
            .channels
            .iter()
            .flatten()
            .any(|c| c.name == *channel)
        {
            return Err(Error::unresolved(
                Reason::ReferenceNotFound,
                format!("Contact \"{name}\" has no channel \"{channel}\" in its spec (yet)"),
            ));
        }
        let arn = status
            .channels
            .iter()
            .find(|c| c.name == *channel)
            .and_then(|c| c.arn.clone());
        let ours = status.common.origin.is_some() || observed_only;
        let Some(channel_arn) = arn.filter(|_| ours) else {
            return Err(Error::waiting(
                Reason::Progressing,
                format!("channel \"{channel}\" of Contact \"{name}\" does not exist in AWS yet"),
            ));
        };
        let provider_name = contact.provider_config().unwrap_or("default").to_owned();
        let provider = connect(
            &self.shared,
            Some(&namespace),
            &provider_name,
            status.common.placement.as_ref(),
        )
        .await?;
        let session = provider
            .account
            .session(pass.priority, pass.give_way.clone());
        provider.confirm(&session).await?;
        let activation = match aws::activation(&session, &channel_arn).await {
            Ok(activation) => activation,
            Err(error) if error.class == ErrorClass::NotFound => {
                return Err(Error::waiting(
                    Reason::Progressing,
                    format!(
                        "channel \"{channel}\" of Contact \"{name}\" does not exist in AWS at present"
                    ),
                ));
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Target {
            contact,
            channel_arn,
            activation,
            session,
        })
    }

    /// The code, when the Secret holds one that was not refused before.
    async fn code(
        &self,
        object: &ChannelActivation,
        draft: &ChannelActivationStatus,
    ) -> Result<Option<SecretValue>, Error> {
        let waits = matches!(
            draft.phase,
            Some(
                ActivationPhase::AwaitingCode
                    | ActivationPhase::WrongCode
                    | ActivationPhase::SendUnknown
            )
        );
        let Some(from) = object.spec.code_from.as_ref().filter(|_| waits) else {
            return Ok(None);
        };
        let namespace = object.namespace().unwrap_or_default();
        match secret::read(&self.shared, &namespace, &from.secret_key_ref).await {
            Ok(code) if draft.refused_code_version.as_ref() == Some(&code.version) => Ok(None),
            Ok(code) => Ok(Some(code)),
            // It is normal that the Secret comes after the code.
            Err(Error::Waiting {
                reason: Reason::ReferenceNotFound,
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Records the intention, then sends once.
    async fn send(
        &self,
        live: &mut Live<ChannelActivation>,
        draft: &mut ChannelActivationStatus,
        target: Target,
    ) -> Result<Done, Error> {
        let object = live.object.clone();
        let now = self.shared.clock.now();
        let mut contact = Live::new(self.shared.client.clone(), target.contact);
        let contact_before = contact.status();
        let mut contact_status = contact_before.clone();
        contact_status
            .codes_sent
            .retain(|s| s.channel != object.spec.channel);
        contact_status.codes_sent.push(CodeSent {
            channel: object.spec.channel.clone(),
            activation: object.name_any(),
            activation_uid: object.uid(),
            at: api_time(now),
        });
        contact_status
            .codes_sent
            .sort_by(|a, b| a.channel.cmp(&b.channel));
        contact.write_status(&contact_status).await?;
        fail_point("after-contact-record");
        draft.phase = Some(ActivationPhase::Sending);
        draft.send_recorded_at = Some(api_time(now));
        live.write_status(draft).await?;
        fail_point("after-intention");
        // The intention is recorded: from here on the pass does not give way, or the record would say what did not happen.
        let session = target.session.account.session(
            target.session.priority,
            tokio_util::sync::CancellationToken::new(),
        );
        match aws::send_code(&session, &target.channel_arn).await {
            Ok(()) => {
                fail_point("after-send");
                tracing::info!(object = %object.key(), "sent an activation code");
                draft.phase = Some(ActivationPhase::AwaitingCode);
                Ok(self.awaiting(&object, "a code was sent"))
            }
            Err(error) if certainly_not_sent(&error) => {
                // AWS said no: nothing was sent, so the record goes and the request waits. Where the record stays because the contact has
                // changed meanwhile, it is known by this request's UID.
                if let Err(error) = contact.write_status(&contact_before).await {
                    tracing::debug!(object = %object.key(), %error, "the contact's record of a code stays");
                }
                draft.phase = Some(ActivationPhase::Pending);
                draft.send_recorded_at = None;
                Err(error.into())
            }
            Err(error) => {
                tracing::warn!(object = %object.key(), %error, "it is not known whether a code was sent");
                draft.phase = Some(ActivationPhase::SendUnknown);
                Ok(outcome_unknown(&object))
            }
        }
    }

    async fn try_code(
        &self,
        object: &ChannelActivation,
        draft: &mut ChannelActivationStatus,
        target: &Target,
        code: &SecretValue,
    ) -> Result<Done, Error> {
        let digits = code.value.expose();
        let well_formed =
            (6..=10).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        let refused = if well_formed {
            match aws::activate(
                &target.session,
                &target.channel_arn,
                &Redacted::new(digits.clone()),
            )
            .await
            {
                Ok(()) => false,
                Err(error)
                    if matches!(error.class, ErrorClass::WrongCode | ErrorClass::Invalid) =>
                {
                    true
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            true
        };
        fail_point("after-activate");
        if refused {
            draft.refused_code_version = Some(code.version.clone());
            draft.phase = Some(ActivationPhase::WrongCode);
            let mut done = concluded(draft.phase, object);
            done.requeue = self.look_again();
            return Ok(done);
        }
        draft.phase = Some(ActivationPhase::Activated);
        Ok(concluded(draft.phase, object))
    }
}

/// AWS answered, and its answer means that nothing was sent.
fn certainly_not_sent(error: &CallError) -> bool {
    !error.effect_unknown
        && matches!(
            error.class,
            ErrorClass::NotFound
                | ErrorClass::Conflict
                | ErrorClass::Invalid
                | ErrorClass::WrongCode
                | ErrorClass::AccessDenied
                | ErrorClass::QuotaExceeded
                | ErrorClass::Throttled
                | ErrorClass::DataEncryption
                | ErrorClass::GaveWay
        )
}

/// Soon looked at again: the person may have given the code back before it was said to be unknown.
fn outcome_unknown(object: &ChannelActivation) -> Done {
    Done {
        requeue: Requeue::Retry(jittered(Duration::from_secs(1))),
        ..concluded(Some(ActivationPhase::SendUnknown), object)
    }
}

fn concluded(phase: Option<ActivationPhase>, object: &ChannelActivation) -> Done {
    let channel = &object.spec.channel;
    let stalled = |reason, message: String| {
        (
            Conclusion::Stalled {
                reason,
                message: message.clone(),
            },
            Some((reason, message)),
        )
    };
    let (conclusion, event) = match phase {
        Some(ActivationPhase::Activated) => {
            let message = format!("channel \"{channel}\" is activated");
            (Conclusion::InSync { reason: Reason::Activated, message: message.clone() }, Some((Reason::Activated, message)))
        }
        Some(ActivationPhase::WrongCode) => stalled(
            Reason::WrongCode,
            "the code given back is not the one that was sent (6 to 10 digits): correct it in the Secret, it is then tried again".to_owned(),
        ),
        Some(ActivationPhase::SendUnknown) => stalled(
            Reason::SendUnknown,
            "it is not known whether a code was sent, and it is not sent again: ask the person. If one came, give it back; if none, make another ChannelActivation".to_owned(),
        ),
        Some(ActivationPhase::Expired) => stalled(
            Reason::Expired,
            "no code was given back within 24 hours: make another ChannelActivation".to_owned(),
        ),
        Some(ActivationPhase::Refused) => {
            let message = object
                .status
                .as_ref()
                .and_then(|s| status::condition(&s.common, crate::api::conditions::ConditionType::Ready))
                .map_or_else(|| "no code was sent".to_owned(), |c| c.message.clone());
            stalled(Reason::Refused, message)
        }
        _ => (
            Conclusion::Waiting { reason: Reason::Progressing, message: "not sent yet".to_owned(), references: false },
            None,
        ),
    };
    Done {
        conclusion,
        requeue: Requeue::OnChange,
        event,
    }
}

impl Runner for ChannelActivations {
    fn run(&self, key: ObjectKey, pass: Pass) -> BoxFuture<'_, Requeue> {
        Box::pin(self.pass(key, pass))
    }
}

/// Whether an activation takes its code from the Secret `name`.
pub fn uses_secret(activation: &ChannelActivation, name: &str) -> bool {
    activation
        .spec
        .code_from
        .as_ref()
        .is_some_and(|from| from.secret_key_ref.name == name)
}
