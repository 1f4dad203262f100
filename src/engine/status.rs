//! From what happened to conditions. Pure: previous status, conclusion, generation and clock in, status out.

use jiff::Timestamp;
use k8s_controller::conditions::{self, ConditionStatus, DesiredCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::common::{AcceptedFinding, CommonStatus, Finding};
use crate::api::conditions::{ConditionType, Reason};

/// How a pass ended, as far as conditions are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// AWS holds what the spec says.
    InSync {
        /// Why it is so now.
        reason: Reason,
        /// For people.
        message: String,
    },
    /// `Observe`, and AWS differs or has nothing.
    Differs {
        /// Why.
        reason: Reason,
        /// For people.
        message: String,
    },
    /// `spec.suspend`.
    Suspended,
    /// Something is missing that may come by itself. `references` = a reference did not resolve.
    Waiting {
        /// Why.
        reason: Reason,
        /// For people.
        message: String,
        /// A reference did not resolve.
        references: bool,
    },
    /// Somebody has to act.
    Stalled {
        /// Why.
        reason: Reason,
        /// For people.
        message: String,
    },
    /// AWS reports a conflict.
    Conflict {
        /// For people; lists the dependents.
        message: String,
    },
    /// AWS or the network failed; `failures` in a row.
    Transient {
        /// Throttled or Unavailable.
        reason: Reason,
        /// For people.
        message: String,
        /// How many times in a row.
        failures: u32,
    },
    /// Work is under way, or a deletion is held.
    Progress {
        /// Progressing, Deleting, StillReferenced or DeletionBudgetExceeded.
        reason: Reason,
        /// For people.
        message: String,
    },
}

impl Conclusion {
    /// Whether it was come to with the knowledge of whose the AWS resource is.
    pub fn knows_owner(&self) -> bool {
        match self {
            Self::InSync { .. } | Self::Differs { .. } | Self::Conflict { .. } => true,
            Self::Stalled { reason, .. } => NOT_OURS.contains(reason),
            Self::Suspended
            | Self::Waiting { .. }
            | Self::Transient { .. }
            | Self::Progress { .. } => false,
        }
    }
}

/// Why an AWS resource is not the object's.
const NOT_OURS: [Reason; 4] = [
    Reason::OwnedByAnother,
    Reason::AlreadyExists,
    Reason::AdoptionNotAllowed,
    Reason::AdoptionWouldChange,
];

/// Whether AWS was asked whose the resource is, the last time that it was, and it is not the object's: then `Ready` says so, or, when
/// something else is in the way by now, `Synced` still does.
pub fn is_refused(status: &CommonStatus) -> bool {
    [ConditionType::Ready, ConditionType::Synced]
        .into_iter()
        .any(|type_| refusal(status, type_).is_some())
}

/// The condition, when it says that the AWS resource is not the object's.
fn refusal(status: &CommonStatus, type_: ConditionType) -> Option<&Condition> {
    condition(status, type_).filter(|c| NOT_OURS.iter().any(|r| r.as_str() == c.reason))
}

/// From this many transient failures in a row on, `Synced` is Unknown (product: Errors).
pub const FAILURES_UNTIL_UNKNOWN: u32 = 3;

/// Whatever is wrong, it is not that something was not found, as it may have been before.
pub fn references_resolved(status: &mut CommonStatus, generation: Option<i64>, now: Timestamp) {
    let type_ = ConditionType::ReferencesResolved;
    if condition(status, type_).is_none_or(|c| c.status == "True") {
        return;
    }
    let mut set = Setter {
        conditions: &mut status.conditions,
        generation,
        now,
    };
    set.put(type_, ConditionStatus::True, Reason::Resolved, "");
}

/// Writes the conclusion into the conditions. `lastTransitionTime` moves only when a status changes.
pub fn conclude(
    status: &mut CommonStatus,
    generation: Option<i64>,
    conclusion: &Conclusion,
    now: Timestamp,
) {
    use ConditionType as T;
    let held_back = status.pending_changes.len();
    // Nothing but an answer of AWS makes it the object's own: whoever relies on that must not be told otherwise by a reference that is gone.
    let refusal = refusal(status, T::Synced)
        .filter(|_| !conclusion.knows_owner())
        .cloned();
    let mut set = Setter {
        conditions: &mut status.conditions,
        generation,
        now,
    };
    if !matches!(conclusion, Conclusion::Suspended) {
        set.absent(T::Suspended);
    }
    match conclusion {
        Conclusion::InSync { reason, message } => {
            set.put(T::Ready, ConditionStatus::True, *reason, message);
            if held_back == 0 {
                set.put(T::Synced, ConditionStatus::True, Reason::InSync, "");
            } else {
                // Meant to be so for now: Ready all the same.
                set.put(
                    T::Synced,
                    ConditionStatus::False,
                    Reason::RolloutPending,
                    "status.pendingChanges waits for the end of a shift",
                );
            }
            set.put(
                T::ReferencesResolved,
                ConditionStatus::True,
                Reason::Resolved,
                "",
            );
            set.absent(T::Reconciling);
            set.absent(T::Stalled);
        }
        Conclusion::Differs { reason, message } => {
            set.put(T::Ready, ConditionStatus::False, *reason, message);
            set.put(T::Synced, ConditionStatus::False, *reason, message);
            set.put(
                T::ReferencesResolved,
                ConditionStatus::True,
                Reason::Resolved,
                "",
            );
            set.absent(T::Reconciling);
            set.absent(T::Stalled);
        }
        Conclusion::Suspended => {
            set.put(
                T::Suspended,
                ConditionStatus::True,
                Reason::Suspended,
                "spec.suspend is true: nothing is done, deletion included",
            );
            if conditions::find(set.conditions, T::Ready.as_str()).is_none() {
                set.put(
                    T::Ready,
                    ConditionStatus::Unknown,
                    Reason::Suspended,
                    "suspended before it was first looked at",
                );
            }
            set.absent(T::Reconciling);
        }
        Conclusion::Waiting {
            reason,
            message,
            references,
        } => {
            set.put(T::Ready, ConditionStatus::False, *reason, message);
            set.put(T::Reconciling, ConditionStatus::True, *reason, message);
            if *references {
                set.put(
                    T::ReferencesResolved,
                    ConditionStatus::False,
                    *reason,
                    message,
                );
            }
            set.absent(T::Stalled);
        }
        Conclusion::Stalled { reason, message } => {
            set.put(T::Ready, ConditionStatus::False, *reason, message);
            set.put(T::Stalled, ConditionStatus::True, *reason, message);
            set.put(T::Synced, ConditionStatus::False, *reason, message);
            set.absent(T::Reconciling);
        }
        Conclusion::Conflict { message } => {
            set.put(T::Ready, ConditionStatus::False, Reason::Conflict, message);
            set.put(T::Synced, ConditionStatus::False, Reason::Conflict, message);
            set.put(
                T::Reconciling,
                ConditionStatus::True,
                Reason::Conflict,
                message,
            );
            set.absent(T::Stalled);
        }
        Conclusion::Transient {
            reason,
            message,
            failures,
        } => {
            let found = |type_: T| conditions::find(set.conditions, type_.as_str());
            let works = found(T::Ready).is_some_and(|c| c.status == "True");
            let stalled = found(T::Stalled).is_some_and(|c| c.observed_generation == generation);
            // What worked is believed to work still, and a verdict on this spec stands. Anything else may be out of date by now.
            if !works && !stalled {
                set.put(T::Ready, ConditionStatus::Unknown, *reason, message);
                set.put(T::Reconciling, ConditionStatus::True, *reason, message);
                set.absent(T::Stalled);
            }
            if *failures >= FAILURES_UNTIL_UNKNOWN {
                set.put(T::Synced, ConditionStatus::Unknown, *reason, message);
            }
        }
        Conclusion::Progress { reason, message } => {
            set.put(T::Ready, ConditionStatus::False, *reason, message);
            set.put(T::Reconciling, ConditionStatus::True, *reason, message);
            // Whatever was said of it before does not hold while AWS is on its way to the spec.
            let judged = conditions::find(set.conditions, T::Synced.as_str()).is_some();
            if judged && matches!(reason, Reason::Progressing | Reason::RegionRemovalPending) {
                set.put(T::Synced, ConditionStatus::False, *reason, message);
            }
            set.absent(T::Stalled);
        }
    }
    if matches!(
        conclusion,
        Conclusion::Progress {
            reason: Reason::DeletionBudgetExceeded,
            ..
        }
    ) {
        set.put(
            T::DeletionBudgetExceeded,
            ConditionStatus::True,
            Reason::DeletionBudgetExceeded,
            "",
        );
    } else if !matches!(conclusion, Conclusion::Transient { .. }) {
        set.absent(T::DeletionBudgetExceeded);
    }
    if let Some(refusal) = refusal {
        let mut all = set.conditions.iter_mut();
        if let Some(synced) = all.find(|c| c.type_ == refusal.type_) {
            *synced = refusal;
        }
    }
    // A transient failure is no decision about this generation: kstatus then goes on saying "in progress".
    if !matches!(conclusion, Conclusion::Transient { .. }) {
        status.observed_generation = generation;
    }
}

/// Gives a condition the time of an earlier judgement.
pub fn date_back(status: &mut CommonStatus, type_: ConditionType, since: Time) {
    let mut all = status.conditions.iter_mut();
    if let Some(condition) = all.find(|c| c.type_ == type_.as_str()) {
        condition.last_transition_time = since;
    }
}

/// A condition whose status is as it was last written keeps its time, whatever was thought of it meanwhile.
pub fn keep_times(status: &mut CommonStatus, written: &CommonStatus) {
    for condition in &mut status.conditions {
        let before = conditions::find(&written.conditions, &condition.type_);
        if let Some(before) = before.filter(|b| b.status == condition.status) {
            condition
                .last_transition_time
                .clone_from(&before.last_transition_time);
        }
    }
}

/// Sets one condition of a kind, such as `ChannelsActivated`.
pub fn set_condition(
    status: &mut CommonStatus,
    generation: Option<i64>,
    type_: ConditionType,
    value: Option<bool>,
    reason: Reason,
    message: &str,
    now: Timestamp,
) {
    let value = match value {
        Some(true) => ConditionStatus::True,
        Some(false) => ConditionStatus::False,
        None => ConditionStatus::Unknown,
    };
    Setter {
        conditions: &mut status.conditions,
        generation,
        now,
    }
    .put(type_, value, reason, message);
}

/// Takes a condition away.
pub fn remove_condition(status: &mut CommonStatus, type_: ConditionType) {
    conditions::remove(&mut status.conditions, type_.as_str());
}

/// Finds a condition.
pub fn condition(status: &CommonStatus, type_: ConditionType) -> Option<&Condition> {
    conditions::find(&status.conditions, type_.as_str())
}

/// Orders findings and marks those that the spec accepts on the day of `now`.
pub fn accept(
    mut findings: Vec<Finding>,
    accepted: &[AcceptedFinding],
    now: Timestamp,
) -> Vec<Finding> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for finding in &mut findings {
        finding.accepted = accepted
            .iter()
            .find(|a| {
                a.id == finding.id
                    && a.until.as_ref().is_none_or(|until| {
                        until
                            .parse::<jiff::civil::Date>()
                            .is_ok_and(|until| today <= until)
                    })
            })
            .map(|a| match &a.until {
                Some(until) => format!("{} (until {until})", a.reason),
                None => a.reason.clone(),
            });
    }
    findings.sort_by(|a, b| (&a.id, &a.subject).cmp(&(&b.id, &b.subject)));
    findings.dedup_by(|a, b| a.id == b.id && a.subject == b.subject);
    findings
}

struct Setter<'a> {
    conditions: &'a mut Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
}

impl Setter<'_> {
    fn put(
        &mut self,
        type_: ConditionType,
        status: ConditionStatus,
        reason: Reason,
        message: &str,
    ) {
        let before = conditions::find(self.conditions, type_.as_str()).map(|c| c.status.clone());
        let changed = conditions::set(
            self.conditions,
            DesiredCondition::new(type_.as_str(), status, reason.as_str(), message)
                .observed_generation(self.generation),
        )
        .is_changed();
        if changed && before.as_deref() != Some(status.as_str()) {
            // Our clock, not the wall's: it may follow a simulated one.
            if let Some(condition) = self
                .conditions
                .iter_mut()
                .find(|c| c.type_ == type_.as_str())
            {
                condition.last_transition_time = whole_seconds(self.now).into();
            }
        }
    }

    fn absent(&mut self, type_: ConditionType) {
        conditions::remove(self.conditions, type_.as_str());
    }
}

/// Kubernetes times have whole seconds; a finer one would differ from what is read back.
pub fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn only_a_verdict_on_whose_it_is_knows_the_owner() {
        let foreign = Conclusion::Stalled {
            reason: Reason::OwnedByAnother,
            message: String::new(),
        };
        assert!(in_sync().knows_owner() && foreign.knows_owner());
        assert!(!waiting().knows_owner() && !stalled().knows_owner());
        let mut status = after(&[(1, waiting())]);
        date_back(&mut status, ConditionType::Ready, at(7).into());
        let ready = condition(&status, ConditionType::Ready);
        assert_eq!(ready.map(|c| c.last_transition_time.0), Some(at(7)));
    }

    #[test]
    fn refused_it_stays_until_aws_was_asked_again() {
        let foreign = Conclusion::Stalled {
            reason: Reason::OwnedByAnother,
            message: String::new(),
        };
        let invalid = Conclusion::Stalled {
            reason: Reason::InvalidSpec,
            message: String::new(),
        };
        let failing = Conclusion::Transient {
            reason: Reason::Throttled,
            message: String::new(),
            failures: FAILURES_UNTIL_UNKNOWN,
        };
        let progress = Conclusion::Progress {
            reason: Reason::Progressing,
            message: String::new(),
        };
        let mut status = after(&[(1, foreign.clone())]);
        assert!(is_refused(&status));
        for (second, other) in [(2, waiting()), (3, failing), (4, invalid), (5, progress)] {
            conclude(&mut status, Some(1), &other, at(second));
            assert!(is_refused(&status), "{other:?}");
        }
        conclude(&mut status, Some(1), &in_sync(), at(6));
        assert!(!is_refused(&status));
        assert!(!is_refused(&after(&[(1, waiting()), (2, stalled())])));
    }

    #[test]
    fn what_was_thought_between_two_writes_moves_no_time() {
        let mut written = CommonStatus::default();
        let waiting = Conclusion::Waiting {
            reason: Reason::ReferenceNotFound,
            message: "nobody".to_owned(),
            references: true,
        };
        conclude(&mut written, Some(1), &waiting, at(10));
        let mut draft = written.clone();
        references_resolved(&mut draft, Some(1), at(20));
        conclude(&mut draft, Some(1), &waiting, at(20));
        assert_ne!(draft, written);
        keep_times(&mut draft, &written);
        assert_eq!(draft, written);
        conclude(&mut draft, Some(1), &in_sync(), at(30));
        keep_times(&mut draft, &written);
        let ready = condition(&draft, ConditionType::Ready);
        assert_eq!(ready.map(|c| c.last_transition_time.0), Some(at(30)));
    }

    fn after(conclusions: &[(i64, Conclusion)]) -> CommonStatus {
        let mut status = CommonStatus::default();
        for (generation, conclusion) in conclusions {
            conclude(
                &mut status,
                Some(*generation),
                conclusion,
                Timestamp::UNIX_EPOCH,
            );
            rules_hold(&status);
        }
        status
    }

    /// kstatus, and what product.md adds to it.
    fn rules_hold(status: &CommonStatus) {
        let ready = condition(status, ConditionType::Ready).expect("Ready is always there");
        let present = |type_| condition(status, type_).is_some();
        let (working, stalled) = (
            present(ConditionType::Reconciling),
            present(ConditionType::Stalled),
        );
        assert!(!(working && stalled), "{status:?}");
        assert!(
            ready.status != "True" || !(working || stalled),
            "{status:?}"
        );
        for type_ in [ConditionType::Reconciling, ConditionType::Stalled] {
            assert!(condition(status, type_).is_none_or(|c| c.status == "True"));
        }
    }

    fn text() -> String {
        "text".to_owned()
    }

    fn in_sync() -> Conclusion {
        Conclusion::InSync {
            reason: Reason::InSync,
            message: text(),
        }
    }

    fn stalled() -> Conclusion {
        Conclusion::Stalled {
            reason: Reason::InvalidSpec,
            message: text(),
        }
    }

    fn waiting() -> Conclusion {
        Conclusion::Waiting {
            reason: Reason::ProviderConfigNotFound,
            message: text(),
            references: false,
        }
    }

    fn transient(failures: u32) -> Conclusion {
        Conclusion::Transient {
            reason: Reason::Throttled,
            message: text(),
            failures,
        }
    }

    fn ready(status: &CommonStatus) -> (&str, &str) {
        let ready = condition(status, ConditionType::Ready).expect("Ready is always there");
        (&ready.status, &ready.reason)
    }

    #[test]
    fn the_rules_hold_after_any_two_conclusions() {
        let all = || {
            vec![
                in_sync(),
                Conclusion::Differs {
                    reason: Reason::Observing,
                    message: text(),
                },
                Conclusion::Suspended,
                waiting(),
                stalled(),
                Conclusion::Conflict { message: text() },
                transient(1),
                transient(5),
                Conclusion::Progress {
                    reason: Reason::DeletionBudgetExceeded,
                    message: text(),
                },
            ]
        };
        for first in all() {
            for second in all() {
                for generation in [1, 2] {
                    after(&[(1, first.clone()), (generation, second.clone())]);
                }
            }
        }
    }

    #[test]
    fn a_transient_failure_does_not_take_ready_away() {
        let status = after(&[(1, in_sync()), (1, transient(1))]);
        assert_eq!(ready(&status), ("True", "InSync"));
        assert_eq!(
            condition(&status, ConditionType::Synced).map(|c| c.status.as_str()),
            Some("True")
        );
        let status = after(&[(1, in_sync()), (1, transient(FAILURES_UNTIL_UNKNOWN))]);
        assert_eq!(ready(&status), ("True", "InSync"));
        assert_eq!(
            condition(&status, ConditionType::Synced).map(|c| c.status.as_str()),
            Some("Unknown")
        );
        assert_eq!(status.observed_generation, Some(1));
    }

    #[test]
    fn a_reason_that_may_be_gone_is_not_told_any_longer() {
        assert_eq!(
            ready(&after(&[(1, waiting()), (1, transient(1))])),
            ("Unknown", "Throttled")
        );
        assert_eq!(
            ready(&after(&[(1, stalled()), (2, transient(1))])),
            ("Unknown", "Throttled")
        );
        assert_eq!(
            ready(&after(&[(1, stalled()), (1, transient(1))])),
            ("False", "InvalidSpec")
        );
    }

    #[test]
    fn the_time_of_a_transition_moves_only_with_the_status() {
        let mut status = CommonStatus::default();
        conclude(&mut status, Some(1), &in_sync(), at(10));
        conclude(&mut status, Some(2), &in_sync(), at(20));
        let time = |status: &CommonStatus| {
            condition(status, ConditionType::Ready).map(|c| c.last_transition_time.0)
        };
        assert_eq!(time(&status), Some(at(10)));
        conclude(&mut status, Some(3), &stalled(), at(30));
        assert_eq!(time(&status), Some(at(30)));
    }

    #[test]
    fn an_accepted_finding_stays_visible_until_its_day_has_passed() {
        let finding = || Finding {
            id: "FewChannels".to_owned(),
            subject: String::new(),
            severity: crate::api::common::Severity::Warning,
            message: text(),
            accepted: None,
        };
        let accepted = [AcceptedFinding {
            id: "FewChannels".to_owned(),
            reason: "known".to_owned(),
            until: Some("2026-12-01".to_owned()),
        }];
        let on = |time: &str| {
            accept(vec![finding()], &accepted, time.parse().expect("a time"))[0]
                .accepted
                .clone()
        };
        assert_eq!(
            on("2026-12-01T23:59:59Z").as_deref(),
            Some("known (until 2026-12-01)")
        );
        assert_eq!(on("2026-12-02T00:00:00Z"), None);
    }
}
