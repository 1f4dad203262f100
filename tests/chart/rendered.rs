//! What the templates make of values.

use std::collections::BTreeMap;

use harness::cluster::message;
use serde_json::{Value, json};

use crate::installed::installation;
use crate::{NAME, NAMESPACE, of_kind, only, render, try_render};

/// Values that differ in what they switch on.
pub fn matrix() -> BTreeMap<&'static str, Value> {
    let monitoring = json!({
        "serviceMonitor": {"enabled": true, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": true, "alertLabels": {"team": "platform"}, "disabled": ["IncidentOperatorThrottled"]},
        "dashboard": {"enabled": true},
    });
    let provider = json!({"accountId": "123456789012", "region": "eu-central-1", "ownerId": "test", "allowedNamespaces": {"names": ["people"]}});
    BTreeMap::from([
        ("defaults", json!({})),
        (
            "everything",
            json!({
                "fullnameOverride": "pager",
                "commonLabels": {"team": "platform"},
                "image": {"repository": "registry.example.com/incident-operator", "digest": format!("sha256:{}", "0".repeat(64)), "pullSecrets": [{"name": "registry"}]},
                "replicas": 3,
                "watchNamespaces": ["people", "payments"],
                "clusterSelector": "shard=a",
                "secrets": {"namespaces": ["people"]},
                "exports": {"namespaces": ["payments"]},
                "operator": {"driftInterval": "1h30m", "concurrency": 4, "crossNamespaceReferences": false, "logFormat": "text", "logLevel": "info,incident_operator=debug", "extraEnv": [{"name": "AWS_REGION", "value": "eu-central-1"}]},
                "serviceAccount": {"name": "pager", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/incident-operator"}},
                "providerConfigs": [{"name": "second", "labels": {"shard": "a"}, "annotations": {"note": "hand-made"}, "spec": provider}],
                "proxy": {"httpProxy": "http://proxy.example.com:3128", "httpsProxy": "http://proxy.example.com:3128"},
                "ca": {"configMapName": "authorities"},
                "priorityClassName": "system-cluster-critical",
                "podDisruptionBudget": {"maxUnavailable": "50%"},
                "topologySpreadConstraints": [{"topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "incident-operator"}}}],
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [{"key": "dedicated", "operator": "Exists"}],
                "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
                "podAnnotations": {"note": "x"},
                "podLabels": {"tier": "control"},
                "metrics": monitoring.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.clone())).chain([("withPeople".to_owned(), json!(true)), ("port".to_owned(), json!(9090)), ("service".to_owned(), json!({"annotations": {"note": "x"}}))]).collect::<serde_json::Map<_, _>>(),
                "networkPolicy": {"enabled": true, "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}], "extraEgress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]},
            }),
        ),
        (
            "as little as possible",
            json!({
                "crds": {"enabled": false},
                "rbac": {"create": false, "userRoles": false},
                "serviceAccount": {"create": false, "name": "default"},
                "podDisruptionBudget": {"enabled": false},
                "metrics": {"service": {"enabled": false}},
            }),
        ),
        (
            "all Secrets and exports",
            json!({"secrets": {"allNamespaces": true}, "exports": {"allNamespaces": true}, "rbac": {"aggregateToView": false}}),
        ),
        (
            "all of what is watched",
            json!({"watchNamespaces": ["default", NAMESPACE], "secrets": {"allNamespaces": true}, "exports": {"allNamespaces": true}, "networkPolicy": {"enabled": true}}),
        ),
        ("monitoring", json!({"metrics": monitoring})),
    ])
}

/// Kinds of the Prometheus Operator, which the API server does not know.
fn is_of_prometheus(object: &Value) -> bool {
    object["apiVersion"] == "monitoring.coreos.com/v1"
}

/// Not one field is unknown or of the wrong type, and nothing is refused: the API server judges, without keeping anything.
#[tokio::test]
async fn the_api_server_takes_what_is_rendered() {
    let installed = installation().await;
    let cluster = installed.plane.cluster().await.unwrap();
    for (name, values) in matrix() {
        let objects = render(&values);
        let mut judged = 0;
        for object in objects.iter().filter(|object| !is_of_prometheus(object)) {
            if let Err(error) = cluster.try_apply_dry(object).await {
                panic!(
                    "{name}: {} {}: {}",
                    object["kind"],
                    object["metadata"]["name"],
                    message(&error)
                );
            }
            judged += 1;
        }
        assert!(judged > 0, "{name}");
    }
}

/// The API server's own admission of the Pod Security Standard, in the version of this server.
#[tokio::test]
async fn pods_meet_the_restricted_standard() {
    let installed = installation().await;
    let cluster = installed.plane.cluster().await.unwrap();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "restricted", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    cluster.try_apply(&namespace).await.unwrap();
    cluster.default_service_account("restricted").await.unwrap();
    for (name, values) in matrix() {
        let objects = render(&values);
        let deployment = only(&objects, "Deployment");
        let mut pod = deployment["spec"]["template"].clone();
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!("operator");
        pod["metadata"]["namespace"] = json!("restricted");
        pod["spec"]["serviceAccountName"] = json!("default");
        // Its quota is for kube-system and those who have one.
        pod["spec"]["priorityClassName"] = Value::Null;
        if let Err(error) = cluster.try_apply_dry(&pod).await {
            panic!("{name}: {}", message(&error));
        }
        let container = &mut pod["spec"]["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        container["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let refused = cluster.try_apply_dry(&pod).await.unwrap_err();
        assert!(
            message(&refused).contains("violates PodSecurity"),
            "the standard is not enforced: {refused:#}"
        );
    }
}

/// Verbs on a resource of a group, by the namespace of the Role that gives them (absent = everywhere).
fn verbs(objects: &[Value], group: &str, resource: &str) -> BTreeMap<Option<String>, Vec<String>> {
    let mut found: BTreeMap<_, Vec<String>> = BTreeMap::new();
    // Roles for people have longer names.
    let roles = ["Role", "ClusterRole"].into_iter();
    for role in roles.flat_map(|kind| of_kind(objects, kind)) {
        if role["metadata"]["name"] != NAME {
            continue;
        }
        let namespace = role["metadata"]["namespace"]
            .as_str()
            .map(ToOwned::to_owned);
        for rule in role["rules"].as_array().unwrap() {
            let has = |field: &str, value: &str| {
                rule[field].as_array().unwrap().iter().any(|v| v == value)
            };
            assert!(
                !has("verbs", "*") && !has("resources", "*") && !has("apiGroups", "*"),
                "{rule}"
            );
            if has("apiGroups", group) && has("resources", resource) {
                let verbs = rule["verbs"].as_array().unwrap().iter();
                found
                    .entry(namespace.clone())
                    .or_default()
                    .extend(verbs.map(|verb| verb.as_str().unwrap().to_owned()));
            }
        }
    }
    found
}

const OURS: &str = "incident-operator.dev";

fn places(objects: &[Value], group: &str, resource: &str) -> Vec<Option<String>> {
    verbs(objects, group, resource).into_keys().collect()
}

fn at(namespaces: &[&str]) -> Vec<Option<String>> {
    let names = namespaces.iter();
    names.map(|name| Some((*name).to_owned())).collect()
}

#[test]
fn rights_are_given_where_they_are_needed_only() {
    let objects = render(&json!({}));
    assert_eq!(places(&objects, "", "secrets"), [], "nobody has said where");
    assert_eq!(places(&objects, "", "configmaps"), []);
    assert_eq!(places(&objects, OURS, "contacts"), [None]);
    assert_eq!(
        places(&objects, "coordination.k8s.io", "leases"),
        at(&[NAMESPACE])
    );

    let objects = render(
        &json!({"secrets": {"namespaces": ["people"]}, "exports": {"namespaces": ["payments"]}}),
    );
    assert_eq!(places(&objects, "", "secrets"), at(&["people"]));
    assert_eq!(places(&objects, "", "configmaps"), at(&["payments"]));
    assert_eq!(places(&objects, OURS, "contacts"), [None]);

    let objects = render(&json!({"watchNamespaces": ["payments", "people"]}));
    assert_eq!(
        places(&objects, OURS, "contacts"),
        at(&["payments", "people"])
    );
    assert_eq!(
        places(&objects, OURS, "contacts/status"),
        at(&["payments", "people"])
    );
    assert_eq!(
        places(&objects, OURS, "providerconfigs"),
        [None],
        "cluster-scoped"
    );
    assert_eq!(
        places(&objects, "events.k8s.io", "events"),
        at(&["default", "payments", "people"])
    );
    assert_eq!(places(&objects, "", "secrets"), []);

    let objects =
        render(&json!({"watchNamespaces": ["people"], "secrets": {"allNamespaces": true}}));
    assert_eq!(places(&objects, "", "secrets"), at(&["people"]));
    let objects = render(&json!({"secrets": {"allNamespaces": true}}));
    assert_eq!(
        verbs(&objects, "", "secrets")[&None],
        ["get", "list", "watch"]
    );

    let objects = render(&json!({"rbac": {"create": false}}));
    assert!(of_kind(&objects, "Role").is_empty());
    assert!(of_kind(&objects, "ClusterRoleBinding").is_empty());
}

/// The arguments of the container.
fn arguments(objects: &[Value]) -> Vec<String> {
    let arguments =
        &only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"];
    let arguments = arguments.as_array().unwrap().iter();
    arguments.map(|a| a.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_operator_reads_secrets_where_it_may() {
    let flags = |values: Value| arguments(&render(&values));
    let has = |flags: &[String], flag: &str| flags.iter().any(|f| f == flag);
    assert!(has(&flags(json!({})), "--secret-namespaces="));
    assert!(has(
        &flags(json!({"secrets": {"namespaces": ["a", "b"]}})),
        "--secret-namespaces=a,b"
    ));
    let all = flags(json!({"secrets": {"allNamespaces": true}}));
    assert!(!all.iter().any(|flag| flag.contains("secret-namespaces")));
    assert!(!all.iter().any(|flag| flag.contains("watch-namespaces")));
    let some = flags(json!({"watchNamespaces": ["a", "b"]}));
    assert!(has(&some, "--watch-namespaces=a,b"));
}

/// Whether a selector of labels picks an object with these.
fn picks(selector: &Value, labels: &Value) -> bool {
    let wanted = selector["matchLabels"].as_object().unwrap();
    !wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value)
}

/// The Prometheus Operator is not here to say that it finds nothing: which Services a ServiceMonitor is about, and by which port, is for us to see.
#[test]
fn the_service_monitor_finds_the_metrics() {
    let values = json!({
        "commonLabels": {"team": "platform"},
        "metrics": {"port": 9090, "serviceMonitor": {"enabled": true, "interval": "45s", "labels": {"release": "prometheus"}}},
    });
    let objects = render(&values);
    let monitor = only(&objects, "ServiceMonitor");
    assert!(is_of_prometheus(monitor));
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    let spec = &monitor["spec"];
    // Without a selector of namespaces it looks in its own.
    let fields: Vec<&String> = spec.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["endpoints", "selector"]);
    let service = only(&objects, "Service");
    assert_eq!(
        monitor["metadata"]["namespace"],
        service["metadata"]["namespace"]
    );
    assert!(picks(&spec["selector"], &service["metadata"]["labels"]));
    let endpoints = spec["endpoints"].as_array().unwrap();
    let [endpoint] = endpoints.as_slice() else {
        panic!("{endpoints:?}");
    };
    assert_eq!(endpoint["interval"], "45s");
    assert_eq!(endpoint["path"], "/metrics");
    assert_eq!(endpoint["honorLabels"], true);
    // From the monitor's port over the Service's to that of the container, by their names.
    let named = |ports: &Value, name: &Value| {
        let ports = ports.as_array().unwrap();
        let found = ports.iter().find(|port| port["name"] == *name).cloned();
        found.unwrap_or_else(|| panic!("no port {name}"))
    };
    let port = named(&service["spec"]["ports"], &endpoint["port"]);
    assert_eq!(port["port"], 9090);
    let pod = &only(&objects, "Deployment")["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    let target = named(&container["ports"], &port["targetPort"]);
    assert_eq!(target["containerPort"], 9090);
    assert!(arguments(&objects).contains(&"--admin-listen=0.0.0.0:9090".to_owned()));
    let selector = json!({"matchLabels": service["spec"]["selector"]});
    assert!(picks(&selector, &pod["metadata"]["labels"]));

    assert!(of_kind(&render(&json!({})), "ServiceMonitor").is_empty());
}

/// The value of a variable of the container; `None` = it has no such variable.
fn variable(objects: &[Value], name: &str) -> Option<String> {
    let pod = &only(objects, "Deployment")["spec"]["template"]["spec"];
    let variables = pod["containers"][0]["env"].as_array().unwrap();
    let mut of_name = variables.iter().filter(|variable| variable["name"] == name);
    let found = of_name.next()?;
    assert!(of_name.next().is_none(), "{name} is there twice");
    Some(found["value"].as_str().unwrap().to_owned())
}

#[test]
fn a_proxy_is_told_to_the_operator() {
    let objects = render(&json!({}));
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
        assert_eq!(variable(&objects, name), None);
    }
    let https = "http://proxy.example.com:3128";
    let objects = render(&json!({"proxy": {"httpsProxy": https}}));
    assert_eq!(variable(&objects, "HTTPS_PROXY").as_deref(), Some(https));
    assert_eq!(variable(&objects, "HTTP_PROXY"), None);
    // By default what belongs to the cluster goes its own way.
    let direct = variable(&objects, "NO_PROXY").unwrap();
    for name in [
        "169.254.169.254",
        "169.254.170.23",
        ".svc",
        ".cluster.local",
        "kubernetes.default.svc",
    ] {
        assert!(direct.split(',').any(|part| part == name), "{direct}");
    }
    let http = "http://other.example.com:3128";
    let objects = render(&json!({"proxy": {"httpProxy": http, "noProxy": ".example.org"}}));
    assert_eq!(variable(&objects, "HTTP_PROXY").as_deref(), Some(http));
    assert_eq!(variable(&objects, "HTTPS_PROXY"), None);
    assert_eq!(
        variable(&objects, "NO_PROXY").as_deref(),
        Some(".example.org")
    );
}

#[test]
fn authorities_are_mounted_where_the_operator_looks() {
    let pod = |objects: &[Value]| only(objects, "Deployment")["spec"]["template"]["spec"].clone();
    let objects = render(&json!({}));
    assert_eq!(variable(&objects, "SSL_CERT_FILE"), None);
    assert!(pod(&objects)["volumes"].is_null());
    assert!(pod(&objects)["containers"][0]["volumeMounts"].is_null());

    for (ca, key) in [
        (json!({"configMapName": "authorities"}), "ca-bundle.crt"),
        (
            json!({"configMapName": "authorities", "key": "all.pem"}),
            "all.pem",
        ),
    ] {
        let objects = render(&json!({"ca": ca}));
        let pod = pod(&objects);
        let volumes = pod["volumes"].as_array().unwrap();
        let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
        let ([volume], [mount]) = (volumes.as_slice(), mounts.as_slice()) else {
            panic!("{volumes:?} {mounts:?}");
        };
        assert_eq!(volume["name"], mount["name"]);
        assert_eq!(mount["readOnly"], true);
        let map = &volume["configMap"];
        assert_eq!(map["name"], "authorities");
        assert_eq!(map["items"], json!([{"key": key, "path": key}]));
        let file = format!("{}/{key}", mount["mountPath"].as_str().unwrap());
        assert_eq!(variable(&objects, "SSL_CERT_FILE"), Some(file));
    }
}

#[test]
fn a_priority_class_is_that_of_the_pods() {
    let class = |values: Value| {
        let objects = render(&values);
        let pod = &only(&objects, "Deployment")["spec"]["template"]["spec"];
        pod["priorityClassName"].clone()
    };
    assert_eq!(class(json!({})), Value::Null);
    let given = json!({"priorityClassName": "system-cluster-critical"});
    assert_eq!(class(given), "system-cluster-critical");
}

#[test]
fn a_network_policy_lets_in_and_out_what_is_needed_only() {
    assert!(of_kind(&render(&json!({})), "NetworkPolicy").is_empty());
    let objects = render(&json!({"networkPolicy": {"enabled": true}}));
    let spec = &only(&objects, "NetworkPolicy")["spec"];
    let pod = &only(&objects, "Deployment")["spec"]["template"];
    assert!(picks(&spec["podSelector"], &pod["metadata"]["labels"]));
    assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
    let metrics = json!([{"port": "metrics", "protocol": "TCP"}]);
    let everybody = json!([{"namespaceSelector": {}}]);
    assert_eq!(
        spec["ingress"],
        json!([{"ports": metrics, "from": everybody}])
    );
    let ports = &pod["spec"]["containers"][0]["ports"];
    assert_eq!(ports[0]["name"], "metrics", "the port that is let in");
    let out = |spec: &Value| -> Vec<(i64, bool)> {
        let rules = spec["egress"].as_array().unwrap().iter();
        let ports = rules.flat_map(|rule| {
            let to_some = !rule["to"].is_null();
            let ports = rule["ports"].as_array().into_iter().flatten();
            ports.map(move |port| (port["port"].as_i64().unwrap(), to_some))
        });
        ports.collect()
    };
    let usual: [(i64, bool); 5] = [
        (53, false),
        (53, false),
        (443, false),
        (6443, false),
        (80, true),
    ];
    assert_eq!(out(spec), usual, "port, and whether to some addresses only");

    let from = json!([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]);
    let extra = json!([{"ports": [{"port": 3128, "protocol": "TCP"}], "to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]);
    let objects = render(&json!({
        "networkPolicy": {"enabled": true, "metricsFrom": from, "egressPorts": [8443], "extraEgress": extra},
    }));
    let spec = &only(&objects, "NetworkPolicy")["spec"];
    assert_eq!(spec["ingress"], json!([{"ports": metrics, "from": from}]));
    let narrow: [(i64, bool); 5] = [
        (53, false),
        (53, false),
        (8443, false),
        (80, true),
        (3128, true),
    ];
    assert_eq!(out(spec), narrow);
}

#[test]
fn what_people_may_do_is_theirs_to_be_given() {
    let objects = render(&json!({}));
    let roles: BTreeMap<String, &Value> = of_kind(&objects, "ClusterRole")
        .into_iter()
        .filter_map(|role| {
            let name = role["metadata"]["name"].as_str().unwrap();
            let short = name.strip_prefix(&format!("{NAME}-"))?;
            Some((short.to_owned(), role))
        })
        .collect();
    let resources = |role: &str, verb: &str| -> Vec<String> {
        let given = roles[role]["rules"].as_array().unwrap().iter();
        let given = given.filter(|r| r["verbs"].as_array().unwrap().iter().any(|v| v == verb));
        let mut named: Vec<String> = given
            .flat_map(|rule| rule["resources"].as_array().unwrap())
            .map(|resource| resource.as_str().unwrap().to_owned())
            .collect();
        named.sort();
        named
    };
    let mut every: Vec<String> = incident_operator::api::crds()
        .into_iter()
        .map(|crd| crd.spec.names.plural)
        .collect();
    every.sort();
    assert_eq!(resources("admin", "create"), every);
    let private = ["channelactivations", "contacts"];
    let mut seen = resources("view", "list");
    // Addresses of an account are for those who write them.
    let of_accounts = "alternatecontacts";
    assert!(!seen.contains(&of_accounts.to_owned()));
    seen.push(of_accounts.to_owned());
    assert!(
        private
            .iter()
            .all(|kind| !seen.contains(&(*kind).to_owned()))
    );
    seen.extend(private.map(ToOwned::to_owned));
    seen.sort();
    assert_eq!(
        seen, every,
        "view, contact-view and alternate-contact-edit together show every kind"
    );
    assert_eq!(resources("contact-view", "list"), private);
    for (role, kinds) in [
        ("view", vec![]),
        ("contact-view", vec![]),
        ("contact-edit", vec!["contacts"]),
        ("activate", vec!["channelactivations"]),
        (
            "schedule-edit",
            vec!["escalationplans", "oncallschedules", "rotationoverrides"],
        ),
        ("swap", vec!["rotationoverrides"]),
        ("response-plan-edit", vec!["responseplans"]),
        ("start-incident", vec!["incidents"]),
        ("network-edit", vec!["vpcendpoints"]),
        ("alternate-contact-edit", vec!["alternatecontacts"]),
        ("test-page", vec!["testpages"]),
        ("share", vec!["accessgrants"]),
    ] {
        for verb in ["create", "update", "patch", "delete"] {
            assert_eq!(resources(role, verb), kinds, "{role} {verb}");
        }
    }
    assert_eq!(roles.len(), 13);
    for (name, role) in &roles {
        let labels = role["metadata"]["labels"].as_object().unwrap();
        let aggregated: Vec<&String> = labels
            .keys()
            .filter(|label| label.starts_with("rbac.authorization.k8s.io/"))
            .collect();
        let wanted: &[&str] = if name == "view" {
            &["rbac.authorization.k8s.io/aggregate-to-view"]
        } else {
            &[]
        };
        assert_eq!(aggregated, wanted, "{name}");
    }
}

#[test]
fn slips_of_the_pen_are_refused_with_the_value_that_is_meant() {
    for (values, named) in [
        (json!({"replica": 2}), "replica"),
        (json!({"secrets": {"namespace": ["people"]}}), "namespace"),
        (
            json!({"secrets": {"namespaces": "people"}}),
            "/secrets/namespaces",
        ),
        (
            json!({"operator": {"logFormat": "xml"}}),
            "/operator/logFormat",
        ),
        (
            json!({"operator": {"driftInterval": "ten"}}),
            "/operator/driftInterval",
        ),
        (json!({"image": {"digest": "latest"}}), "/image/digest"),
        (
            json!({"watchNamespaces": ["Payments"]}),
            "/watchNamespaces/0",
        ),
        (json!({"providerConfigs": [{"name": "default"}]}), "spec"),
        (
            json!({"serviceAccount": {"create": false}}),
            "serviceAccount.name",
        ),
        (
            json!({"metrics": {"service": {"enabled": false}, "serviceMonitor": {"enabled": true}}}),
            "metrics.service.enabled",
        ),
    ] {
        let error = try_render(&values).expect_err("taken");
        assert!(error.contains(named), "{values}: {error}");
    }
}

#[test]
fn crds_stay_and_provider_configs_wait_for_them() {
    let objects = render(&json!({}));
    let crds = of_kind(&objects, "CustomResourceDefinition");
    assert_eq!(crds.len(), incident_operator::api::crds().len());
    for crd in crds {
        let kept = &crd["metadata"]["annotations"]["helm.sh/resource-policy"];
        assert_eq!(kept, "keep", "{}", crd["metadata"]["name"]);
    }
    let spec = json!({"accountId": "123456789012"});
    let values = json!({"providerConfigs": [{"name": "default", "spec": spec}]});
    let objects = render(&values);
    let config = only(&objects, "ProviderConfig");
    let annotations = &config["metadata"]["annotations"];
    assert_eq!(annotations["helm.sh/hook"], "post-install");
    assert_eq!(annotations["helm.sh/resource-policy"], "keep");
    assert_eq!(config["spec"], spec, "an account id stays text");
    let mut without = values;
    without["crds"] = json!({"enabled": false});
    let objects = render(&without);
    assert!(of_kind(&objects, "CustomResourceDefinition").is_empty());
    let annotations = &only(&objects, "ProviderConfig")["metadata"]["annotations"];
    assert!(annotations["helm.sh/hook"].is_null(), "{annotations}");
}
