//! The chart installed into a real control plane by Helm, and the operator at work with the rights of its ServiceAccount.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use harness::checks::{AuditLog, condition, is_ready};
use harness::cluster::documents;
use harness::control_plane::ControlPlane;
use harness::operator::{Operator, OperatorOptions};
use harness::paths::{repository, scratch};
use harness::setup::{Grants, provider_config};
use harness::simulator::{Fault, Simulator, SimulatorOptions};
use harness::{Cluster, Identity, eventually, judges, seconds};
use incident_operator::permissions::{Rules, rules};
use kube::ResourceExt as _;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{NAME, NAMESPACE, RELEASE, alerts, chart, values_file};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
/// How long a step may take.
const STEP: Duration = seconds(90);

/// A control plane into which Helm has installed the chart, CRDs and all.
pub struct Installation {
    /// The control plane.
    pub plane: ControlPlane,
}

/// The values of the installation.
fn values() -> Value {
    let provider = provider_config("default", ACCOUNT, REGION, "chart", &[]);
    json!({
        "providerConfigs": [{"name": "default", "spec": provider["spec"]}],
        "secrets": {"namespaces": ["people"]},
        "exports": {"namespaces": ["payments"]},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/incident-operator"}},
        "networkPolicy": {"enabled": true},
        "metrics": {"dashboard": {"enabled": true}, "withPeople": true},
    })
}

/// Runs Helm on the release; `command` is install or upgrade.
async fn helm(plane: &ControlPlane, command: &[&str], values: &Value) -> String {
    let file = values_file(values);
    let kubeconfig = plane.kubeconfig.clone();
    let mut arguments: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    arguments.extend([
        RELEASE.to_owned(),
        chart().to_string_lossy().into_owned(),
        "--namespace".to_owned(),
        NAMESPACE.to_owned(),
        "--values".to_owned(),
        file.path().to_string_lossy().into_owned(),
    ]);
    tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let said = judges::helm(Some(&kubeconfig), &arguments);
        said.unwrap()
            .out()
            .unwrap_or_else(|error| panic!("helm {arguments:?}: {error}"))
    })
    .await
    .unwrap()
}

/// Says of the Deployment what the controllers would that this control plane does not have: its pods are there and ready.
async fn play_the_deployment_controller(cluster: &Cluster) {
    let api = cluster.api("apps/v1/Deployment", Some(NAMESPACE)).await;
    let api = api.unwrap();
    eventually("the Deployment is there", STEP, async || {
        let Ok(found) = api.get(NAME).await else {
            return false;
        };
        let replicas = found.data["spec"]["replicas"].clone();
        let status = json!({"status": {
            "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": "played by a test"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "played by a test"},
            ],
        }});
        let patch = Patch::Merge(&status);
        api.patch_status(NAME, &PatchParams::default(), &patch).await.is_ok()
    })
    .await;
}

async fn make_namespace(cluster: &Cluster, name: &str) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    cluster.try_apply(&namespace).await.unwrap();
}

/// Installs on first use: into a cluster that has never heard of our kinds.
pub async fn installation() -> &'static Installation {
    static INSTALLED: OnceCell<Installation> = OnceCell::const_new();
    INSTALLED
        .get_or_init(|| async {
            let directory = scratch().join("control-plane-chart");
            let plane = ControlPlane::start(Some(directory)).await.unwrap();
            let cluster = plane.cluster().await.unwrap();
            // Roles are made in them.
            for namespace in [NAMESPACE, "people", "payments", "search"] {
                make_namespace(&cluster, namespace).await;
            }
            // With --wait the CRDs are known when the hook makes the ProviderConfig.
            let values = values();
            let (notes, ()) = tokio::join!(
                helm(&plane, &["install", "--wait", "--timeout", "2m"], &values),
                play_the_deployment_controller(&cluster),
            );
            assert!(notes.contains("kubectl get providerconfigs"), "{notes}");
            Installation { plane }
        })
        .await
}

/// The command that the Deployment runs, but for the port, and its environment.
async fn command(cluster: &Cluster) -> (Vec<String>, BTreeMap<String, String>) {
    let deployment = cluster
        .get("apps/v1/Deployment", Some(NAMESPACE), NAME)
        .await;
    let deployment = deployment.unwrap().expect("the Deployment");
    let pod = &deployment.data["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], NAME);
    let container = &pod["containers"][0];
    let arguments = container["args"].as_array().unwrap().iter();
    let mut arguments = arguments.map(|argument| argument.as_str().unwrap().to_owned());
    assert_eq!(arguments.next().as_deref(), Some("run"));
    let mut listens = 0;
    let flags = arguments
        .map(|flag| {
            if flag.starts_with("--admin-listen=") {
                listens += 1;
                "--admin-listen=127.0.0.1:0".to_owned()
            } else {
                flag
            }
        })
        .collect();
    assert_eq!(listens, 1);
    let environment = container["env"].as_array().unwrap().iter();
    let environment = environment.map(|variable| {
        let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            None => variable["value"].as_str().unwrap(),
            Some("metadata.namespace") => NAMESPACE,
            Some(other) => panic!("what is {other}?"),
        };
        (
            variable["name"].as_str().unwrap().to_owned(),
            value.to_owned(),
        )
    });
    (flags, environment.collect())
}

/// The operator as the Deployment starts it.
async fn start(cluster: &Cluster, identity: &Identity, simulator: &Simulator) -> Operator {
    let (flags, mut environment) = command(cluster).await;
    environment.insert(
        "INCIDENT_OPERATOR_CLOCK_URL".to_owned(),
        simulator.clock_url(),
    );
    let options = OperatorOptions {
        kubeconfig: identity.kubeconfig.clone(),
        log: scratch().join("chart-operator.log"),
        endpoint: simulator.endpoint().to_owned(),
        account: ACCOUNT.to_owned(),
        flags,
        environment,
        name: "operator of the chart".to_owned(),
    };
    Operator::start(options).await.unwrap()
}

/// A chart's test: what it looks at all the time.
struct Scene {
    cluster: Cluster,
    simulator: Simulator,
}

impl Scene {
    async fn apply(&self, object: &Value) {
        if let Err(error) = self.cluster.try_apply(object).await {
            panic!("{object}: {error:#}");
        }
    }

    async fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<DynamicObject> {
        self.cluster.get(kind, namespace, name).await.unwrap()
    }

    async fn patch(&self, kind: &str, namespace: Option<&str>, name: &str, patch: &Value) {
        let patched = self.cluster.merge(kind, namespace, name, patch).await;
        patched.unwrap_or_else(|error| panic!("{kind} {name}: {error:#}"));
    }

    /// Waits until an object's status is as wanted.
    async fn status(
        &self,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
        what: &str,
        wanted: impl Fn(&DynamicObject) -> bool,
    ) -> DynamicObject {
        eventually(&format!("{kind} {name} {what}"), STEP, async || match self
            .get(kind, namespace, name)
            .await
        {
            Some(object) if wanted(&object) => Ok(object),
            Some(object) => Err(object.data["status"].to_string()),
            None => Err("it does not exist".to_owned()),
        })
        .await
    }

    async fn ready(&self, object: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        self.status(
            &text(&object["kind"]),
            metadata["namespace"].as_str(),
            &text(&metadata["name"]),
            "is Ready",
            is_ready,
        )
        .await;
    }

    async fn gone(&self, kind: &str, namespace: Option<&str>, name: &str) {
        if let Err(error) = self.cluster.gone(kind, namespace, name, STEP).await {
            panic!("{error:#}");
        }
    }

    async fn advance(&self, by: Duration) {
        self.simulator.advance(by).await.unwrap();
    }

    /// Whoever got a code gives it back.
    async fn give_codes_back(&self) {
        for object in self.cluster.list("ChannelActivation", None).await.unwrap() {
            let (namespace, name) = (object.namespace().unwrap(), object.name_any());
            let sent = self
                .status(
                    "ChannelActivation",
                    Some(&namespace),
                    &name,
                    "sent its code",
                    |found| found.data["status"]["phase"] == "AwaitingCode",
                )
                .await;
            let codes = self.simulator.codes(ACCOUNT).await.unwrap();
            let channel = sent.data["status"]["channelArn"].as_str().unwrap();
            let code = codes
                .iter()
                .rfind(|code| code.channel_arn == channel)
                .unwrap();
            let place = &sent.data["spec"]["codeFrom"]["secretKeyRef"];
            let key = place["key"].as_str().unwrap();
            self.apply(&json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": place["name"], "namespace": namespace, "labels": {"incident-operator.dev/contact-data": "true"}},
                "stringData": {key: code.code},
            }))
            .await;
        }
    }
}

/// The manifests of a directory.
fn manifests(directory: &Path) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|path| documents(&std::fs::read_to_string(path).unwrap()).unwrap())
        .collect()
}

/// Group, resource and verb.
type Right = (String, String, String);

/// What the rules grant.
fn granted() -> BTreeSet<Right> {
    let Rules {
        cluster,
        watched,
        events,
        exports,
        secrets,
        leases,
    } = rules();
    let mut rights = BTreeSet::new();
    for rule in [cluster, watched, events, exports, secrets, leases].concat() {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                for verb in &rule.verbs {
                    rights.insert((group.clone(), resource.clone(), verb.clone()));
                }
            }
        }
    }
    rights
}

/// Rights that this test does not see used, and what uses them.
const SELDOM: [(&str, &str, &str, &str); 2] = [
    (
        "events.k8s.io",
        "events",
        "patch",
        "the same Event again within some minutes",
    ),
    (
        "",
        "namespaces",
        "get",
        "an object in a namespace that the watch has not seen yet",
    ),
];

/// A VPC in AWS, and the manifest of a gateway endpoint in it.
async fn a_gateway(simulator: &Simulator) -> Value {
    let make = async |action: &str, parameters: &[(&str, &str)], id: &str| -> String {
        let made = simulator.ec2(ACCOUNT, REGION, action, parameters).await;
        let made = made.unwrap();
        let (_, rest) = made.split_once(&format!("<{id}>")).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let vpc = make("CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "vpcId").await;
    let table = make("CreateRouteTable", &[("VpcId", &vpc)], "routeTableId").await;
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "VpcEndpoint", "metadata": {"name": "s3", "namespace": "payments"},
        "spec": {"vpcId": vpc, "service": "s3", "type": "Gateway", "routeTableIds": [table]},
    })
}

/// Everything that the examples have, from Ready to deleted; first with rights in all namespaces, then with Roles in the watched ones.
#[tokio::test]
async fn the_operator_has_the_rights_that_it_needs_and_no_others() {
    let installed = installation().await;
    let plane = &installed.plane;
    let cluster = plane.cluster().await.unwrap();
    let simulator = Simulator::start(&SimulatorOptions {
        onboarded: Some(vec![REGION.to_owned()]),
        ..SimulatorOptions::default()
    })
    .await
    .unwrap();
    let config = cluster
        .get("ProviderConfig", None, "default")
        .await
        .unwrap();
    let config = config.expect("the hook of the first installation makes it");
    let identity = plane
        .service_account(
            &cluster,
            NAMESPACE,
            NAME,
            &scratch().join("chart"),
            Grants::default(),
        )
        .await
        .unwrap();
    let operator = start(&cluster, &identity, &simulator).await;
    let scene = Scene { cluster, simulator };
    let (cluster, simulator) = (&scene.cluster, &scene.simulator);

    // Everything in the examples.
    let mut objects = manifests(&repository().join("examples"));
    objects.retain(|object| object["kind"] != "ProviderConfig");
    objects.extend(manifests(&repository().join("examples/alternate-contacts")));
    let mut people: Vec<Value> = vec![];
    for object in &mut objects {
        if object["kind"] == "ChannelActivation" && object["spec"]["contactRef"]["name"] == "niamh"
        {
            object["spec"]["ttlSecondsAfterFinished"] = json!(0);
        }
        if object["metadata"]["name"] == "primary" && object["metadata"]["namespace"] == "payments"
        {
            people.clone_from(
                object["spec"]["rotations"][0]["contactRefs"]
                    .as_array()
                    .unwrap(),
            );
        }
        scene.apply(object).await;
    }
    // Nobody outside of business hours.
    let gaps = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "OnCallSchedule", "metadata": {"name": "gaps", "namespace": "payments"},
        "spec": {"alias": "gaps", "displayName": "Gaps", "rotations": [{
            "name": "day", "startTime": "2026-01-05T00:00:00+00:00", "timeZone": "UTC", "contactRefs": people,
            "coverage": [{"days": ["Mon"], "start": "09:00", "end": "17:00"}],
            "recurrence": {"type": "Daily", "daily": {"handOffs": [{"time": "09:00"}]}, "shiftLength": 1, "numberOfOnCalls": 1},
        }]},
    });
    scene.apply(&gaps).await;
    objects.push(gaps);
    let endpoint = a_gateway(simulator).await;
    scene.apply(&endpoint).await;
    objects.push(endpoint);
    for object in objects.iter().filter(|object| {
        let ours = object["apiVersion"]
            .as_str()
            .unwrap()
            .starts_with("incident-operator.dev/");
        ours && object["kind"] != "AccessGrant" && object["kind"] != "ChannelActivation"
    }) {
        scene.ready(object).await;
    }
    let export = cluster
        .get("ConfigMap", Some("payments"), "payments-on-call")
        .await;
    assert!(export.unwrap().is_some(), "the export");
    scene.give_codes_back().await;
    scene
        .gone("ChannelActivation", Some("people"), "niamh-mobile-1")
        .await;
    scene
        .status(
            "ChannelActivation",
            Some("people"),
            "alice-mobile-1",
            "is activated",
            |object| object.data["status"]["phase"] == "Activated",
        )
        .await;
    let mut metrics = operator.metrics().await.unwrap();

    // GitOps applies again and again: nothing changes. What the operator writes meanwhile is another matter, so the pair counts in which it
    // wrote nothing.
    for object in &objects {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let namespace = object["metadata"]["namespace"].as_str();
        // Its time to live is over.
        if name == "niamh-mobile-1" {
            continue;
        }
        eventually(&format!("{kind} {name} applied again"), STEP, async || {
            let before = scene.get(&kind, namespace, &name).await.unwrap();
            let after = cluster.try_apply(object).await.unwrap();
            if before.resource_version() == after.resource_version() {
                Ok(())
            } else {
                Err(format!("{before:?}\n{after:?}"))
            }
        })
        .await;
    }

    // Incidents: ours, somebody else's, a test.
    let deadline = simulator.now().await.unwrap() + jiff::SignedDuration::from_mins(10);
    let deadline = deadline.round(jiff::Unit::Second).unwrap().to_string();
    for mut object in manifests(&repository().join("examples/incidents")) {
        object["spec"]["startDeadline"] = json!(deadline);
        if object["kind"] == "TestPage" {
            object["spec"]["ttlSecondsAfterFinished"] = json!(0);
        } else {
            // It then holds on to the object.
            object["spec"]["onDelete"] = json!("Resolve");
        }
        scene.apply(&object).await;
    }
    scene
        .status(
            "Incident",
            Some("payments"),
            "checkout",
            "is open",
            |object| object.data["status"]["phase"] == "Open",
        )
        .await;
    let resolve = json!({"spec": {"resolve": true}});
    scene
        .patch("Incident", Some("payments"), "checkout", &resolve)
        .await;
    scene
        .status(
            "Incident",
            Some("payments"),
            "checkout",
            "is resolved",
            |object| object.data["status"]["phase"] == "Resolved",
        )
        .await;
    let plan = scene
        .get("ResponsePlan", Some("payments"), "payments-down")
        .await
        .unwrap();
    let alarm = json!({"account": ACCOUNT, "region": REGION, "responsePlanArn": plan.data["status"]["arn"]});
    simulator
        .control("POST", "incidents", Some(&alarm))
        .await
        .unwrap();
    scene.advance(seconds(15 * 60)).await;
    let mirrored = async || {
        let all = cluster.list("Incident", Some("payments")).await.unwrap();
        let shown = all
            .iter()
            .filter(|o| o.labels().contains_key("incident-operator.dev/mirrored"));
        shown.count()
    };
    eventually("the alarm's incident is shown", STEP, async || {
        mirrored().await == 1
    })
    .await;
    // Alice does not answer.
    scene.advance(seconds(24 * 3600)).await;
    scene.gone("TestPage", Some("people"), "prove-alice").await;
    let unmirrored = json!({"spec": {"mirrorIncidents": null}});
    scene
        .patch(
            "ResponsePlan",
            Some("payments"),
            "payments-down",
            &unmirrored,
        )
        .await;
    eventually("it is shown no more", STEP, async || mirrored().await == 0).await;

    // A swap that is over; the export follows who is on call, and is taken away.
    let now = simulator
        .now()
        .await
        .unwrap()
        .round(jiff::Unit::Second)
        .unwrap();
    let schedule = scene
        .get("OnCallSchedule", Some("payments"), "primary")
        .await;
    let on_call = schedule.unwrap().data["status"]["onCallNow"][0]["contact"].clone();
    let covers = people.iter().find(|person| person["name"] != on_call);
    let covers = covers.unwrap();
    let swap = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "RotationOverride", "metadata": {"name": "an-hour", "namespace": "payments"},
        "spec": {"scheduleRef": {"name": "primary"}, "contactRefs": [covers], "startTime": now.to_string(), "durationMinutes": 60, "ttlSecondsAfterFinished": 0},
    });
    scene.apply(&swap).await;
    eventually("the export names who covers", STEP, async || {
        let map = scene
            .get("ConfigMap", Some("payments"), "payments-on-call")
            .await
            .unwrap();
        if map.data["data"]["onCall"] == covers["name"] {
            Ok(())
        } else {
            Err(map.data["data"].to_string())
        }
    })
    .await;
    scene.advance(seconds(2 * 3600)).await;
    scene
        .gone("RotationOverride", Some("payments"), "an-hour")
        .await;
    let no_export = json!({"spec": {"export": null}});
    scene
        .patch("OnCallSchedule", Some("payments"), "primary", &no_export)
        .await;
    scene
        .gone("ConfigMap", Some("payments"), "payments-on-call")
        .await;

    // What alerts are about.
    for kind in ["throttle", "access-denied"] {
        simulator
            .fault(&Fault::new(kind).operation("UpdateContact").times(1))
            .await
            .unwrap();
        let changed = json!({"spec": {"displayName": format!("Bob {kind}")}, "metadata": {"annotations": {"incident-operator.dev/reconcile-requested-at": kind}}});
        scene
            .patch("Contact", Some("people"), "bob", &changed)
            .await;
        eventually(&format!("{kind} is counted"), STEP, async || {
            let text = operator.metrics().await.unwrap();
            let counted = match kind {
                "throttle" => text.contains("incident_operator_aws_throttles_total"),
                _ => text.contains("outcome=\"access_denied\""),
            };
            metrics = text;
            counted
        })
        .await;
    }
    let contacts = simulator.contacts(ACCOUNT, REGION);
    let bob = scene.get("Contact", Some("people"), "bob").await.unwrap();
    let update = contacts
        .update_contact()
        .contact_id(bob.data["status"]["arn"].as_str().unwrap());
    update.display_name("Mallory").send().await.unwrap();
    let look = json!({"metadata": {"annotations": {"incident-operator.dev/reconcile-requested-at": "drift"}}});
    scene.patch("Contact", Some("people"), "bob", &look).await;
    eventually("drift is counted", STEP, async || {
        metrics = operator.metrics().await.unwrap();
        metrics.contains("incident_operator_drift_corrections_total")
    })
    .await;
    let before = metrics.clone();

    // Another namespace's Secrets are not for the operator.
    let stranger = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact", "metadata": {"name": "stranger", "namespace": "search"},
        "spec": {"displayName": "S", "channels": [{"name": "mobile", "type": "SMS", "addressFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}]},
    });
    scene.apply(&stranger).await;
    scene
        .status(
            "Contact",
            Some("search"),
            "stranger",
            "says what to do",
            |object| {
                condition(object, "ReferencesResolved").is_some_and(|resolved| {
                    resolved.reason == "ReferenceNotAllowed"
                        && resolved.message.contains("--secret-namespaces")
                })
            },
        )
        .await;
    cluster
        .delete("Contact", Some("search"), "stranger")
        .await
        .unwrap();
    scene.gone("Contact", Some("search"), "stranger").await;

    // Roles in the watched namespaces instead of rights everywhere. What the hook has made is part of the release from now on.
    assert!(operator.end());
    let mut narrow = values();
    narrow["watchNamespaces"] = json!(["people", "payments", "search"]);
    helm(plane, &["upgrade"], &narrow).await;
    let same = scene.get("ProviderConfig", None, "default").await.unwrap();
    assert_eq!(same.uid(), config.uid(), "it was not made anew");
    assert!(same.annotations().contains_key("meta.helm.sh/release-name"));
    let kubeconfig = plane.kubeconfig.clone();
    let manifest = tokio::task::spawn_blocking(move || {
        judges::helm(
            Some(&kubeconfig),
            &["get", "manifest", RELEASE, "--namespace", NAMESPACE],
        )
    });
    let manifest = manifest.await.unwrap().unwrap().out().unwrap();
    assert!(manifest.contains("kind: ProviderConfig"), "{manifest}");
    let operator = start(cluster, &identity, simulator).await;
    let changed = json!({"spec": {"displayName": "Bob again"}});
    scene
        .patch("Contact", Some("people"), "bob", &changed)
        .await;
    scene
        .status(
            "Contact",
            Some("people"),
            "bob",
            "is Ready again",
            |object| {
                let generation = json!(object.metadata.generation);
                is_ready(object) && object.data["status"]["observedGeneration"] == generation
            },
        )
        .await;

    // The brake holds, is loosened, and everything goes.
    let brake = |most: u32| json!({"spec": {"deletionBudget": {"maxPerHour": most}}});
    scene
        .patch("ProviderConfig", None, "default", &brake(0))
        .await;
    let mut ours: Vec<(String, Option<String>, String)> = vec![];
    for (kind, _) in cluster.our_kinds().await.unwrap() {
        if kind == "ProviderConfig" {
            continue;
        }
        for object in cluster.list(&kind, None).await.unwrap() {
            cluster
                .delete(&kind, object.namespace().as_deref(), &object.name_any())
                .await
                .unwrap();
            ours.push((kind.clone(), object.namespace(), object.name_any()));
        }
    }
    eventually("the brake is counted", STEP, async || {
        let text = operator.metrics().await.unwrap();
        let counted = text.contains("incident_operator_deletion_budget_exceeded_total");
        metrics = text;
        counted
    })
    .await;
    alerts::asks_for_what_is_there(&(before + &metrics));
    scene
        .patch("ProviderConfig", None, "default", &brake(1000))
        .await;
    for (kind, namespace, name) in &ours {
        scene.gone(kind, namespace.as_deref(), name).await;
    }
    assert!(operator.end());

    // Watches are in the log when they have ended.
    let log = AuditLog::at(plane.audit_log.clone().unwrap());
    let granted = granted();
    let seldom: BTreeSet<Right> = SELDOM
        .iter()
        .map(|(group, resource, verb, _)| {
            (
                (*group).to_owned(),
                (*resource).to_owned(),
                (*verb).to_owned(),
            )
        })
        .collect();
    assert!(granted.is_superset(&seldom));
    let used = eventually("every right was used", seconds(20), async || {
        let asked = log.uses(&identity.user, 0).unwrap();
        let denied: Vec<_> = asked.iter().filter(|(_, ok)| !**ok).collect();
        assert!(denied.is_empty(), "rights are missing: {denied:?}");
        let used: BTreeSet<Right> = asked.into_keys().collect();
        let idle: Vec<_> = granted
            .difference(&used)
            .filter(|right| !seldom.contains(*right))
            .cloned()
            .collect();
        if idle.is_empty() {
            Ok(used)
        } else {
            Err(format!("{idle:?}"))
        }
    })
    .await;
    assert!(used.is_subset(&granted), "{used:?}");

    // What stays when it is uninstalled: CRDs and ProviderConfig.
    let kubeconfig = plane.kubeconfig.clone();
    let uninstalled = tokio::task::spawn_blocking(move || {
        judges::helm(
            Some(&kubeconfig),
            &["uninstall", RELEASE, "--namespace", NAMESPACE],
        )
    });
    uninstalled.await.unwrap().unwrap().out().unwrap();
    assert!(
        scene
            .get("apps/v1/Deployment", Some(NAMESPACE), NAME)
            .await
            .is_none()
    );
    assert!(scene.get("ClusterRole", None, NAME).await.is_none());
    let same = scene.get("ProviderConfig", None, "default").await.unwrap();
    assert_eq!(same.uid(), config.uid());
    assert!(same.metadata.deletion_timestamp.is_none());

    // And under the same name it takes over again what was left.
    helm(plane, &["install"], &values()).await;
    let same = scene.get("ProviderConfig", None, "default").await.unwrap();
    assert_eq!(same.uid(), config.uid());
}
