//! Metrics of the operator itself; those of AWS calls are in `aws::observe`. The one place where names are spelled.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

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

/// Metrics of passes and of the queue. Labels are bounded: never a name of an object.
#[derive(Clone)]
pub struct Metrics {
    passes: Family<PassLabels, Counter>,
    durations: Family<KindLabels, Histogram>,
    queued: Family<PriorityLabels, Gauge>,
    braked: Family<AccountLabels, Counter>,
    leader: Gauge,
    registry: Arc<Registry>,
}

impl Metrics {
    /// Registers everything; `add` registers what other rooms have.
    pub fn new(add: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::default();
        let passes = Family::<PassLabels, Counter>::default();
        let durations = Family::<KindLabels, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.005, 2.5, 10))
        });
        let queued = Family::<PriorityLabels, Gauge>::default();
        let braked = Family::<AccountLabels, Counter>::default();
        let leader = Gauge::default();
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
        add(&mut registry);
        Self {
            passes,
            durations,
            queued,
            braked,
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
