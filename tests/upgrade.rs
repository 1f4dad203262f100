//! What an earlier version left in a cluster and in AWS works on under this one (`tests/upgrade/`, recorded by `tests/upgrade/record`), and
//! the CRDs take whatever the earlier ones took.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says why"
)]

#[path = "upgrade/schema.rs"]
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::checks::{AuditLog, condition_violations, is_ready};
use harness::control_plane::ControlPlane;
use harness::paths::{repository, scratch};
use harness::simulator::Call;
use harness::{
    Cluster, Identity, Operator, OperatorOptions, Simulator, SimulatorOptions, eventually, seconds,
    setup,
};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
const NAMESPACE: &str = "incident-operator";
const STEP: Duration = seconds(90);

/// What one version left.
struct Record {
    name: String,
    directory: PathBuf,
}

impl Record {
    /// All that are kept.
    fn all() -> Vec<Self> {
        let entries = std::fs::read_dir(repository().join("tests/upgrade")).unwrap();
        let directories = entries.map(|e| e.unwrap().path()).filter(|p| p.is_dir());
        let records: Vec<Self> = directories
            .map(|directory| Self {
                name: directory
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned(),
                directory,
            })
            .collect();
        assert!(!records.is_empty(), "tests/upgrade holds no record");
        records
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    /// Its CRDs by name.
    fn crds(&self) -> BTreeMap<String, Value> {
        let files = std::fs::read_dir(self.path("crds")).unwrap();
        let crds = files.map(|file| parsed(&file.unwrap().path()));
        crds.map(|crd| (name_of(&crd), crd)).collect()
    }

    /// Its objects of our kinds.
    fn objects(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("store.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let objects = lines.map(|line: Value| line["value"].clone());
        objects
            .filter(|o| o["apiVersion"].as_str().unwrap().starts_with(setup::GROUP))
            .collect()
    }
}

fn parsed(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn name_of(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// The cluster and the AWS of a record, with this version at work.
struct Resumed {
    plane: &'static ControlPlane,
    cluster: Cluster,
    simulator: Simulator,
    identity: Identity,
    operator: Operator,
}

impl Resumed {
    async fn new(record: &Record) -> Self {
        let plane = ControlPlane::resume(&record.name, &record.path("store.jsonl"))
            .await
            .unwrap();
        let cluster = plane.cluster().await.unwrap();
        // As an upgrade finds it, and what it does first.
        let crds = record.crds().into_values().collect();
        setup::install(&cluster, crds).await.unwrap();
        setup::install_crds(&cluster).await.unwrap();
        let state = scratch().join(format!("{}-aws.json", record.name));
        std::fs::copy(record.path("aws.json"), &state).unwrap();
        let simulator = Simulator::start(&SimulatorOptions {
            onboarded: Some(vec![]),
            state: Some(state),
            ..SimulatorOptions::default()
        })
        .await
        .unwrap();
        let now = std::fs::read_to_string(record.path("now")).unwrap();
        let now: jiff::Timestamp = now.trim().parse().unwrap();
        let later = now + jiff::SignedDuration::from_mins(1);
        simulator.set_clock(later).await.unwrap();
        let directory = scratch().join(format!("operator-{}", record.name));
        let identity = plane
            .identity(&cluster, NAMESPACE, "incident-operator", &directory)
            .await
            .unwrap();
        let flags = [
            "--namespace",
            NAMESPACE,
            "--leader-election",
            "false",
            "--admin-listen",
            "127.0.0.1:0",
            "--drift-interval",
            "5s",
        ];
        let operator = Operator::start(OperatorOptions {
            kubeconfig: identity.kubeconfig.clone(),
            log: directory.join("operator.log"),
            endpoint: simulator.endpoint().to_owned(),
            account: ACCOUNT.to_owned(),
            flags: flags.map(ToOwned::to_owned).to_vec(),
            environment: BTreeMap::from([(
                "INCIDENT_OPERATOR_CLOCK_URL".to_owned(),
                simulator.clock_url(),
            )]),
            name: format!("operator after {}", record.name),
        })
        .await
        .unwrap();
        Self {
            plane,
            cluster,
            simulator,
            identity,
            operator,
        }
    }

    async fn get(&self, object: &Value) -> Option<DynamicObject> {
        let kind = object["kind"].as_str().unwrap();
        let namespace = object["metadata"]["namespace"].as_str();
        let found = self.cluster.get(kind, namespace, &name_of(object)).await;
        found.unwrap()
    }

    /// Waits until every object is as Ready as it was.
    async fn ready(&self, objects: &[Value]) {
        for object in objects.iter().filter(|o| was_ready(o)) {
            eventually(&label(object), STEP, async || {
                match self.get(object).await {
                    Some(found) if is_ready(&found) => Ok(()),
                    found => Err(found
                        .map_or_else(|| "it is gone".to_owned(), |f| f.data["status"].to_string())),
                }
            })
            .await;
        }
    }

    /// Passes over objects so far.
    async fn passes(&self) -> f64 {
        let metric = "incident_operator_reconcile_total";
        let count = self.operator.metric(metric, &["outcome=\"done\""]).await;
        count.unwrap().unwrap_or_default()
    }

    async fn changes(&self, since: u64) -> Vec<Call> {
        let calls = self.simulator.calls(Some(ACCOUNT), since).await.unwrap();
        calls.into_iter().filter(|call| call.mutating).collect()
    }
}

fn label(object: &Value) -> String {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    format!(
        "{} {namespace}/{}",
        object["kind"].as_str().unwrap(),
        name_of(object)
    )
}

fn was_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// What a user changes of an object of a kind.
fn edit(kind: &str) -> Option<Value> {
    Some(match kind {
        "Contact" | "OnCallSchedule" | "EscalationPlan" | "ResponsePlan" => {
            json!({"displayName": "After the upgrade"})
        }
        "VpcEndpoint" | "ReplicationSet" => json!({"tags": {"upgraded": "yes"}}),
        _ => return None,
    })
}

/// The version before leaves, this one comes: nothing is changed, nobody hears of it, and then everything can be edited and deleted.
#[tokio::test]
async fn what_an_earlier_version_left_works_on() {
    for record in Record::all() {
        works_on(&record).await;
    }
}

async fn works_on(record: &Record) {
    let resumed = Resumed::new(record).await;
    let objects = record.objects();
    let kinds: BTreeSet<&str> = objects.iter().filter_map(|o| o["kind"].as_str()).collect();
    let all: BTreeSet<String> = record
        .crds()
        .into_values()
        .map(|crd| crd["spec"]["names"]["kind"].as_str().unwrap().to_owned())
        .collect();
    let recorded: BTreeSet<String> = kinds.iter().map(|&kind| kind.to_owned()).collect();
    assert_eq!(recorded, all, "{}: an object of every kind", record.name);

    // Every object was passed over, and then looked at again for drift.
    let enough = 3.0 * f64::from(u32::try_from(objects.len()).unwrap());
    eventually("three passes over everything", STEP, async || {
        let passes = resumed.passes().await;
        if passes >= enough {
            Ok(())
        } else {
            Err(passes)
        }
    })
    .await;
    resumed.ready(&objects).await;
    let changes: Vec<String> = resumed
        .changes(0)
        .await
        .into_iter()
        .map(|c| c.operation)
        .collect();
    assert_eq!(
        changes,
        Vec::<String>::new(),
        "{}: AWS is as it was",
        record.name
    );
    for object in &objects {
        let found = resumed.get(object).await;
        let found = found.unwrap_or_else(|| panic!("{} is gone", label(object)));
        assert_eq!(found.uid().as_deref(), object["metadata"]["uid"].as_str());
        assert_eq!(found.data["spec"], object["spec"], "{}", label(object));
        assert_eq!(
            condition_violations(&found),
            Vec::<String>::new(),
            "{}",
            label(object)
        );
        for field in ["arn", "id", "phase"] {
            let (now, then) = (&found.data["status"][field], &object["status"][field]);
            // A page that nobody answers is known to be unanswered a little later.
            if object["kind"] != "TestPage" {
                assert_eq!(now, then, "{}: status.{field}", label(object));
            }
        }
    }
    let log = AuditLog::at(resumed.plane.audit_log.clone().unwrap());
    let writes = log.writes(&resumed.identity.user, 0).unwrap();
    assert!(!writes.is_empty() || changes.is_empty());

    let mark = resumed.simulator.calls(Some(ACCOUNT), 0).await.unwrap();
    let mark = mark.last().map_or(0, |call| call.seq);
    let mut edited = BTreeSet::new();
    for object in objects
        .iter()
        .filter(|o| o["spec"]["managementPolicy"] != "Observe")
    {
        let kind = object["kind"].as_str().unwrap();
        let Some(spec) = edit(kind) else { continue };
        let namespace = object["metadata"]["namespace"].as_str();
        let patch = json!({"spec": spec});
        let name = name_of(object);
        let merged = resumed.cluster.merge(kind, namespace, &name, &patch);
        merged.await.unwrap();
        edited.insert(kind.to_owned());
    }
    for kind in &edited {
        let operation = match kind.as_str() {
            "ResponsePlan" => "UpdateResponsePlan",
            "VpcEndpoint" => "CreateTags",
            "ReplicationSet" => "TagResource",
            _ => "UpdateContact",
        };
        eventually(&format!("{kind}: {operation}"), STEP, async || {
            let changes = resumed.changes(mark).await;
            changes
                .iter()
                .any(|c| c.operation == operation)
                .then_some(())
        })
        .await;
    }
    resumed.ready(&objects).await;

    // Gone with their namespaces; the account keeps its replication set and the record of what has happened.
    let namespaces: BTreeSet<&str> = objects
        .iter()
        .filter_map(|o| o["metadata"]["namespace"].as_str())
        .collect();
    for namespace in &namespaces {
        resumed
            .cluster
            .delete("Namespace", None, namespace)
            .await
            .unwrap();
    }
    for namespace in &namespaces {
        let gone = harness::world::namespace_gone(&resumed.cluster, namespace, seconds(180));
        gone.await.unwrap();
    }
    let left = harness::aws::contacts(&resumed.simulator, ACCOUNT, REGION)
        .await
        .unwrap();
    let left: BTreeSet<String> = left.into_iter().map(|contact| contact.alias).collect();
    let retained = objects
        .iter()
        .filter(|o| o["spec"]["deletionPolicy"] == "Retain");
    let retained: BTreeSet<String> = retained
        .filter_map(|o| Some(o["spec"]["alias"].as_str()?.to_owned()))
        .collect();
    assert_eq!(left, retained);
    let incidents = resumed.simulator.incidents(ACCOUNT, REGION);
    let plans = incidents.list_response_plans().send().await;
    assert!(plans.unwrap().response_plan_summaries.is_empty());
    let set = harness::aws::replication_set(&resumed.simulator, ACCOUNT, REGION)
        .await
        .unwrap();
    assert_eq!(set.as_deref(), Some("ACTIVE"));
    assert!(resumed.operator.end());
}

/// Nothing that an earlier CRD took is refused or forgotten by this version's.
#[test]
fn the_crds_take_what_the_earlier_ones_took() {
    let current: BTreeMap<String, Value> = incident_operator::api::crds()
        .into_iter()
        .map(|crd| serde_json::to_value(crd).unwrap())
        .map(|crd| (name_of(&crd), crd))
        .collect();
    for record in Record::all() {
        let mut broken = vec![];
        for (name, earlier) in record.crds() {
            match current.get(&name) {
                None => broken.push(format!("{name}: the kind is gone")),
                Some(now) => broken.extend(schema::incompatible(&earlier, now)),
            }
        }
        // What somebody has looked at, with the reason why it harms nobody.
        let accepted = parsed(&record.path("accepted.json"));
        for (what, why) in accepted.as_object().unwrap() {
            let count = broken.len();
            broken.retain(|found| !found.contains(what.as_str()));
            assert!(
                broken.len() < count,
                "{}: nothing is accepted by {what:?} ({why})",
                record.name
            );
        }
        assert!(
            broken.is_empty(),
            "objects of {} could suffer in {} places: mend the schema, or say in accepted.json why it harms nobody\n{}",
            record.name,
            broken.len(),
            broken.join("\n")
        );
    }
}
