//! From what happened to conditions. Pure: previous status, conclusion, generation and clock in, status out.

use jiff::Timestamp;
use k8s_controller::conditions::{self, ConditionStatus, DesiredCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

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

/// From this many transient failures in a row on, `Synced` is Unknown (product: Errors).
pub const FAILURES_UNTIL_UNKNOWN: u32 = 3;

/// Writes the conclusion into the conditions. `lastTransitionTime` moves only when a status changes.
pub fn conclude(
    status: &mut CommonStatus,
    generation: Option<i64>,
    conclusion: &Conclusion,
    now: Timestamp,
) {
    use ConditionType as T;
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
            set.put(T::Synced, ConditionStatus::True, Reason::InSync, "");
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
            if conditions::find(set.conditions, T::Ready.as_str()).is_none() {
                set.put(T::Ready, ConditionStatus::Unknown, *reason, message);
                set.put(T::Reconciling, ConditionStatus::True, *reason, message);
            }
            if *failures >= FAILURES_UNTIL_UNKNOWN {
                set.put(T::Synced, ConditionStatus::Unknown, *reason, message);
            }
        }
        Conclusion::Progress { reason, message } => {
            set.put(T::Ready, ConditionStatus::False, *reason, message);
            set.put(T::Reconciling, ConditionStatus::True, *reason, message);
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
    // A transient failure is no decision about this generation: kstatus then goes on saying "in progress".
    if !matches!(conclusion, Conclusion::Transient { .. }) {
        status.observed_generation = generation;
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
            .map(|a| a.reason.clone());
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
