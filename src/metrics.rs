//! Metrics of the operator itself; those of AWS calls are in `aws::observe`, what is counted of objects in `census`. Nowhere else are names
//! spelled.

mod census;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::core::DeserializeGuard;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use self::census::Census;
use crate::engine::ManagedObject;
use crate::engine::store::ObjectStore;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PassLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PriorityLabels {
    priority: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AccountLabels {
    account: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DriftLabels {
    kind: &'static str,
    namespace: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ScheduleLabels {
    namespace: String,
    schedule: String,
}

/// A finding about a VPC endpoint.
#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
pub struct FindingLabels {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub vpc_endpoint: String,
    /// What is found.
    pub finding: String,
    /// Number of the check; empty = it has none.
    pub check: String,
    /// How bad it is.
    pub severity: String,
    /// Whether `spec.acceptedFindings` accepts it.
    pub accepted: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PersonLabels {
    namespace: String,
    schedule: String,
    contact: String,
}

/// What is measured of a schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnCallFigures {
    /// Seconds of the window of `status.coverage` in which nobody is on call.
    pub uncovered_seconds: i64,
    /// Unix time at which the next gap begins or has begun.
    pub next_gap: Option<i64>,
    /// Whether somebody on call can be paged, when that is known.
    pub reachable: Option<bool>,
    /// Who is on call.
    pub people: Vec<String>,
}

/// Who was on call in each schedule, so that hand-offs are counted and nobody is shown for longer.
type OnCallNow = Arc<Mutex<HashMap<ScheduleLabels, Vec<String>>>>;

/// Metrics of passes, of the queue, of objects and of schedules. Labels are bounded: names of people only when asked for, names of other objects but
/// schedules never.
#[derive(Clone)]
pub struct Metrics {
    passes: Family<PassLabels, Counter>,
    durations: Family<KindLabels, Histogram>,
    queued: Family<PriorityLabels, Gauge>,
    braked: Family<AccountLabels, Counter>,
    drift: Family<DriftLabels, Counter>,
    census: Census,
    leader: Gauge,
    uncovered: Family<ScheduleLabels, Gauge>,
    next_gap: Family<ScheduleLabels, Gauge>,
    reachable: Family<ScheduleLabels, Gauge>,
    hand_offs: Family<ScheduleLabels, Counter>,
    on_call: Family<PersonLabels, Gauge>,
    findings: Family<FindingLabels, Gauge>,
    on_call_now: OnCallNow,
    with_people: bool,
    registry: Arc<Registry>,
}

impl Metrics {
    /// Registers everything; `add` registers what other rooms have. `with_people` = who is on call may be told by name.
    pub fn new(with_people: bool, add: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::default();
        let passes = Family::<PassLabels, Counter>::default();
        let durations = Family::<KindLabels, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.005, 2.5, 10))
        });
        let queued = Family::<PriorityLabels, Gauge>::default();
        let braked = Family::<AccountLabels, Counter>::default();
        let drift = Family::<DriftLabels, Counter>::default();
        let census = Census::default();
        let leader = Gauge::default();
        registry.register_collector(Box::new(census.clone()));
        registry.register(
            "incident_operator_drift_corrections",
            "How often the operator put back what somebody else had changed in AWS, by kind and namespace",
            drift.clone(),
        );
        registry.register(
            "incident_operator_reconcile",
            "Passes over an object, by kind and outcome",
            passes.clone(),
        );
        registry.register(
            "incident_operator_reconcile_duration_seconds",
            "How long a pass took, waiting for AWS budgets included",
            durations.clone(),
        );
        registry.register(
            "incident_operator_queued_objects",
            "Objects ready for a pass, by priority",
            queued.clone(),
        );
        registry.register(
            "incident_operator_deletion_budget_exceeded",
            "Deletions held back by the deletion budget, by account",
            braked.clone(),
        );
        registry.register(
            "incident_operator_leader",
            "1 while this process is the one that works",
            leader.clone(),
        );
        let uncovered = Family::<ScheduleLabels, Gauge>::default();
        let next_gap = Family::<ScheduleLabels, Gauge>::default();
        let reachable = Family::<ScheduleLabels, Gauge>::default();
        let hand_offs = Family::<ScheduleLabels, Counter>::default();
        let on_call = Family::<PersonLabels, Gauge>::default();
        registry.register(
            "incident_operator_oncall_coverage_gap_seconds",
            "Time without anybody on call in the four weeks from the last hand-off on, by schedule",
            uncovered.clone(),
        );
        registry.register(
            "incident_operator_oncall_next_gap_timestamp_seconds",
            "Unix time at which the next time without anybody on call begins, by schedule; absent without one",
            next_gap.clone(),
        );
        registry.register(
            "incident_operator_oncall_reachable",
            "1 while somebody on call can be paged, 0 while nobody can, by schedule; absent when that is not known",
            reachable.clone(),
        );
        registry.register(
            "incident_operator_oncall_hand_offs",
            "How often who is on call has changed, by schedule",
            hand_offs.clone(),
        );
        let findings = Family::<FindingLabels, Gauge>::default();
        registry.register(
            "incident_operator_vpc_endpoint_findings",
            "Findings about a VPC endpoint, by check and severity; those that are accepted, too",
            findings.clone(),
        );
        if with_people {
            registry.register(
                "incident_operator_oncall_contact",
                "1 for everybody who is on call, by schedule and person",
                on_call.clone(),
            );
        }
        add(&mut registry);
        Self {
            uncovered,
            next_gap,
            reachable,
            hand_offs,
            on_call,
            findings,
            on_call_now: OnCallNow::default(),
            with_people,
            passes,
            durations,
            queued,
            braked,
            drift,
            census,
            leader,
            registry: Arc::new(registry),
        }
    }

    /// Counts a pass.
    pub fn observe_pass(&self, kind: &'static str, outcome: &'static str, took: Duration) {
        self.passes
            .get_or_create(&PassLabels { kind, outcome })
            .inc();
        self.durations
            .get_or_create(&KindLabels { kind })
            .observe(took.as_secs_f64());
    }

    /// Counts a deletion that the budget held back.
    pub fn deletion_budget_exceeded(&self, account: &str) {
        self.braked
            .get_or_create(&AccountLabels {
                account: account.to_owned(),
            })
            .inc();
    }

    /// Counts a pass that put back what somebody else had changed in AWS.
    pub fn drift_corrected(&self, kind: &'static str, namespace: Option<&str>) {
        self.drift
            .get_or_create(&DriftLabels {
                kind,
                namespace: namespace.unwrap_or_default().to_owned(),
            })
            .inc();
    }

    /// Tells how many objects of a kind there are and how they stand.
    pub fn count_objects_in<K: ManagedObject>(
        &self,
        store: &Arc<ObjectStore<DeserializeGuard<K>>>,
    ) {
        self.census.include(store.clone());
    }

    /// Takes in how a schedule stands.
    pub fn set_on_call(&self, namespace: &str, schedule: &str, figures: &OnCallFigures) {
        let labels = ScheduleLabels {
            namespace: namespace.to_owned(),
            schedule: schedule.to_owned(),
        };
        self.uncovered
            .get_or_create(&labels)
            .set(figures.uncovered_seconds);
        match figures.next_gap {
            Some(at) => {
                self.next_gap.get_or_create(&labels).set(at);
            }
            None => {
                self.next_gap.remove(&labels);
            }
        }
        match figures.reachable {
            Some(reachable) => {
                self.reachable
                    .get_or_create(&labels)
                    .set(i64::from(reachable));
            }
            None => {
                self.reachable.remove(&labels);
            }
        }
        let mut now = self
            .on_call_now
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = now.insert(labels.clone(), figures.people.clone());
        if before.as_ref().is_some_and(|b| *b != figures.people) {
            self.hand_offs.get_or_create(&labels).inc();
        }
        self.show_people(&labels, before.as_deref(), &figures.people);
    }

    /// Forgets a schedule that is gone.
    pub fn forget_on_call(&self, namespace: &str, schedule: &str) {
        let labels = ScheduleLabels {
            namespace: namespace.to_owned(),
            schedule: schedule.to_owned(),
        };
        self.uncovered.remove(&labels);
        self.next_gap.remove(&labels);
        self.reachable.remove(&labels);
        self.hand_offs.remove(&labels);
        let mut now = self
            .on_call_now
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = now.remove(&labels);
        self.show_people(&labels, before.as_deref(), &[]);
    }

    fn show_people(&self, schedule: &ScheduleLabels, before: Option<&[String]>, now: &[String]) {
        if !self.with_people {
            return;
        }
        let labels = |contact: &String| PersonLabels {
            namespace: schedule.namespace.clone(),
            schedule: schedule.schedule.clone(),
            contact: contact.clone(),
        };
        for gone in before.into_iter().flatten().filter(|p| !now.contains(p)) {
            self.on_call.remove(&labels(gone));
        }
        for person in now {
            self.on_call.get_or_create(&labels(person)).set(1);
        }
    }

    /// Takes in how often something is found at a VPC endpoint; 0 = no more.
    pub fn set_finding(&self, labels: &FindingLabels, number: i64) {
        if number == 0 {
            self.findings.remove(labels);
        } else {
            self.findings.get_or_create(labels).set(number);
        }
    }

    /// Says whether this process works.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Whether this process works.
    pub fn is_leader(&self) -> bool {
        self.leader.get() == 1
    }

    /// Takes in the length of the queue.
    pub fn set_queued(&self, priority: &'static str, objects: usize) {
        self.queued
            .get_or_create(&PriorityLabels { priority })
            .set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// The text that Prometheus scrapes.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}
