//! Objects and findings, counted when Prometheus asks: what the watches have seen is the only book that is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use kube::core::DeserializeGuard;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::api::common::CommonStatus;
use crate::api::conditions::ConditionType;
use crate::engine::ManagedObject;
use crate::engine::directory::View;
use crate::engine::status::condition;
use crate::engine::store::ObjectStore;

/// How an object stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Readiness {
    /// `Ready` is True.
    Ready,
    /// The operator goes on by itself, or has not looked yet.
    Reconciling,
    /// Somebody has to do something: `Stalled`, or it cannot be read.
    Stalled,
    /// Neither, such as an observed object that differs from AWS.
    NotReady,
}

impl Readiness {
    const ALL: [Self; 4] = [
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
        Self::NotReady,
    ];

    /// The label.
    fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Reconciling => "reconciling",
            Self::Stalled => "stalled",
            Self::NotReady => "not_ready",
        }
    }

    /// Of an object that can be read.
    fn of(status: Option<&CommonStatus>) -> Self {
        let Some(status) = status else {
            return Self::Reconciling;
        };
        let is_true = |type_| condition(status, type_).is_some_and(|c| c.status == "True");
        let judged = condition(status, ConditionType::Ready).is_some_and(|c| c.status == "False");
        if is_true(ConditionType::Ready) {
            Self::Ready
        } else if is_true(ConditionType::Stalled) {
            Self::Stalled
        } else if is_true(ConditionType::Reconciling) || !judged {
            Self::Reconciling
        } else {
            Self::NotReady
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct ObjectLabels {
    kind: &'static str,
    readiness: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct FindingLabels {
    kind: &'static str,
    namespace: String,
    finding: String,
    severity: String,
    accepted: String,
}

/// What is counted of the objects of all kinds.
#[derive(Default)]
struct Tally {
    objects: BTreeMap<ObjectLabels, i64>,
    findings: BTreeMap<FindingLabels, i64>,
}

impl Tally {
    /// Every kind has all its figures, so that a 0 is a 0 and not a gap.
    fn begin(&mut self, kind: &'static str) {
        for readiness in Readiness::ALL {
            let readiness = readiness.as_str();
            self.objects
                .entry(ObjectLabels { kind, readiness })
                .or_default();
        }
    }

    fn count(&mut self, object: &dyn View) {
        let key = object.key();
        let status = object.common();
        let readiness = if object.is_unreadable() {
            Readiness::Stalled
        } else {
            Readiness::of(status)
        };
        let labels = ObjectLabels {
            kind: key.kind,
            readiness: readiness.as_str(),
        };
        *self.objects.entry(labels).or_default() += 1;
        for finding in status.iter().flat_map(|s| &s.findings) {
            let labels = FindingLabels {
                kind: key.kind,
                namespace: key.namespace.clone().unwrap_or_default(),
                finding: finding.id.clone(),
                severity: format!("{:?}", finding.severity),
                accepted: finding.accepted.is_some().to_string(),
            };
            *self.findings.entry(labels).or_default() += 1;
        }
    }
}

/// The objects of one kind.
trait Counted: Send + Sync {
    fn count(&self, tally: &mut Tally);
}

impl<K: ManagedObject> Counted for ObjectStore<DeserializeGuard<K>> {
    fn count(&self, tally: &mut Tally) {
        tally.begin(K::KIND);
        self.for_each(|object| tally.count(object));
    }
}

/// Counts the objects of every kind that is watched.
#[derive(Clone, Default)]
pub(super) struct Census {
    kinds: Arc<RwLock<Vec<Arc<dyn Counted>>>>,
}

impl Census {
    /// Counts the objects of one more kind.
    pub(super) fn include<K: ManagedObject>(&self, store: Arc<ObjectStore<DeserializeGuard<K>>>) {
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        kinds.push(store);
    }

    fn take(&self) -> Tally {
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        let mut tally = Tally::default();
        for kind in kinds.iter() {
            kind.count(&mut tally);
        }
        tally
    }
}

impl fmt::Debug for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Census")
    }
}

impl Collector for Census {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let tally = self.take();
        family(
            &mut encoder,
            "incident_operator_objects",
            "Objects by kind and readiness",
            &tally.objects,
        )?;
        family(
            &mut encoder,
            "incident_operator_findings",
            "Findings in the status of objects, by kind and namespace; those that are accepted, too",
            &tally.findings,
        )
    }
}

fn family<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    figures: &BTreeMap<L, i64>,
) -> fmt::Result {
    // A family without a sample has no header either.
    if figures.is_empty() {
        return Ok(());
    }
    let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, figure) in figures {
        ConstGauge::new(*figure).encode(encoder.encode_family(labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use prometheus_client::registry::Registry;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{Contact, ReplicationSet};

    fn conditions(all: &[(&str, &str)]) -> CommonStatus {
        let conditions = all.iter().map(|(type_, status)| {
            json!({"type": type_, "status": status, "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"})
        });
        let conditions: Vec<Value> = conditions.collect();
        serde_json::from_value(json!({"conditions": conditions})).expect("a status")
    }

    #[test]
    fn readiness_is_what_the_conditions_say() {
        let cases: [(&[(&str, &str)], Readiness); 8] = [
            (&[], Readiness::Reconciling),
            (&[("Ready", "True")], Readiness::Ready),
            (
                &[("Ready", "True"), ("Suspended", "True")],
                Readiness::Ready,
            ),
            (&[("Ready", "Unknown")], Readiness::Reconciling),
            (
                &[("Ready", "Unknown"), ("Reconciling", "True")],
                Readiness::Reconciling,
            ),
            (
                &[("Ready", "False"), ("Reconciling", "True")],
                Readiness::Reconciling,
            ),
            (
                &[("Ready", "False"), ("Stalled", "True")],
                Readiness::Stalled,
            ),
            (
                &[("Ready", "False"), ("Synced", "False")],
                Readiness::NotReady,
            ),
        ];
        for (given, expected) in cases {
            assert_eq!(
                Readiness::of(Some(&conditions(given))),
                expected,
                "{given:?}"
            );
        }
        assert_eq!(Readiness::of(None), Readiness::Reconciling);
    }

    fn contact(name: &str, status: &Value) -> DeserializeGuard<Contact> {
        serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact",
            "metadata": {"name": name, "namespace": "people"},
            "spec": {"displayName": "N"}, "status": status,
        }))
        .expect("a guard takes anything")
    }

    fn scraped(census: &Census) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(census.clone()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("a String");
        text
    }

    #[test]
    fn what_is_there_is_counted_and_what_is_gone_is_not() {
        let census = Census::default();
        assert_eq!(
            scraped(&census),
            "# EOF\n",
            "nothing is told before anything is watched"
        );
        let contacts = Arc::new(ObjectStore::<DeserializeGuard<Contact>>::new("Contact", 1));
        census.include(contacts.clone());
        census.include(Arc::new(
            ObjectStore::<DeserializeGuard<ReplicationSet>>::new("ReplicationSet", 1),
        ));
        let finding = |id: &str, subject: &str, accepted: Option<&str>| json!({"id": id, "subject": subject, "severity": "Warning", "message": "m", "accepted": accepted});
        let out = json!({"findings": [
            finding("OptedOut", "mobile", None), finding("OptedOut", "mail", None), finding("FewChannels", "", Some("known")),
        ]});
        contacts.take(0, Event::Apply(contact("alice", &out)));
        contacts.take(
            0,
            Event::Apply(contact(
                "bob",
                &json!({"findings": [finding("OptedOut", "mobile", None)]}),
            )),
        );
        // It is no contact.
        let broken = json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact",
            "metadata": {"name": "mallory", "namespace": "people"}, "spec": 7,
        });
        contacts.take(
            0,
            Event::Apply(serde_json::from_value(broken).expect("a guard takes anything")),
        );
        let text = scraped(&census);
        for line in [
            "incident_operator_objects{kind=\"Contact\",readiness=\"reconciling\"} 2",
            "incident_operator_objects{kind=\"Contact\",readiness=\"stalled\"} 1",
            "incident_operator_objects{kind=\"Contact\",readiness=\"ready\"} 0",
            "incident_operator_objects{kind=\"ReplicationSet\",readiness=\"ready\"} 0",
            "incident_operator_findings{kind=\"Contact\",namespace=\"people\",finding=\"OptedOut\",severity=\"Warning\",accepted=\"false\"} 3",
            "incident_operator_findings{kind=\"Contact\",namespace=\"people\",finding=\"FewChannels\",severity=\"Warning\",accepted=\"true\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        for name in ["alice", "bob", "mallory"] {
            assert!(!text.contains(name), "names of people are not for metrics");
        }
        for name in ["alice", "bob", "mallory"] {
            contacts.take(0, Event::Delete(contact(name, &json!({}))));
        }
        let text = scraped(&census);
        assert!(
            text.contains("{kind=\"Contact\",readiness=\"stalled\"} 0"),
            "{text}"
        );
        assert!(!text.contains("incident_operator_findings"), "{text}");
    }
}
