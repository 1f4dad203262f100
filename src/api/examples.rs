//! A complete object of every kind: every field, with what it is for. `docs/examples/` is written from here.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    AccessGrant, AlternateContact, ChannelActivation, Contact, EscalationPlan, GROUP, Incident,
    OnCallSchedule, ProviderConfig, ReplicationSet, ResponsePlan, RotationOverride, TestPage,
    VERSION, VpcEndpoint,
};

/// Why there is no example.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// An object that is not of its kind.
    #[error("the example of {0}: {1}")]
    Object(String, serde_json::Error),
    /// A field that the kind does not have.
    #[error("the example of {0} has fields that the kind does not have")]
    Unknown(String),
    /// YAML.
    #[error("{0}")]
    Yaml(#[from] serde_saphyr::ser_error::Error),
}

/// Examples as YAML with comments, by the plural of the kind. What excludes each other is in several objects.
///
/// # Errors
/// An example that does not fit its kind.
pub fn complete() -> Result<BTreeMap<String, String>, Failure> {
    let mut written = Writer::default();
    written.add::<ProviderConfig>("default", None, provider_configs())?;
    written.add::<ReplicationSet>("main", None, vec![replication_set()])?;
    written.add::<AccessGrant>("on-call-teams", Some("people"), vec![access_grant()])?;
    written.add::<Contact>("alice", Some("people"), contacts())?;
    written.add::<ChannelActivation>("alice-mobile", Some("people"), vec![activation()])?;
    written.add::<OnCallSchedule>("primary", Some("payments"), vec![schedule()])?;
    written.add::<RotationOverride>("bob-for-alice", Some("payments"), overrides())?;
    written.add::<EscalationPlan>("payments", Some("payments"), vec![escalation_plan()])?;
    written.add::<ResponsePlan>("payments-down", Some("payments"), response_plans())?;
    written.add::<Incident>("checkout-errors", Some("payments"), incidents())?;
    written.add::<TestPage>("alice-is-reachable", Some("people"), test_pages())?;
    written.add::<AlternateContact>("security", None, alternate_contacts())?;
    written.add::<VpcEndpoint>("ssm-contacts", Some("network"), vpc_endpoints())?;
    Ok(written.files)
}

fn common() -> Value {
    json!({
        "providerConfigRef": {"name": "default"},
        "managementPolicy": "Manage",
        "adoptionPolicy": "Never",
        "deletionPolicy": "Delete",
        "suspend": false,
        "tags": {"team": "payments"},
    })
}

/// `of` with the fields that every kind has.
fn with_common(of: &Value, finding: &str) -> Value {
    let mut spec = of.clone();
    let common = common();
    let fields = common.as_object().into_iter().flatten();
    for (name, value) in fields {
        spec[name] = value.clone();
    }
    spec["acceptedFindings"] = accepted(finding);
    spec
}

fn accepted(finding: &str) -> Value {
    json!([{"id": finding, "reason": "known, and wanted for now", "until": "2027-03-01"}])
}

fn provider_configs() -> Vec<Value> {
    let labelled = json!({
        "matchLabels": {"oncall": "true"},
        "matchExpressions": [{"key": "stage", "operator": "In", "values": ["production"]}],
    });
    vec![json!({
        "accountId": "123456789012",
        "region": "ap-northeast-1",
        "ownerId": "prod-oncall",
        "allowedNamespaces": {"names": ["people"], "selector": labelled.clone()},
        "adoption": {"allowedNamespaces": {"names": ["people"], "selector": labelled}},
        "unmanagedReferences": "Deny",
        "passRoleArns": ["arn:aws:iam::123456789012:role/payments-runbook"],
        "assumeRole": {
            "roleArn": "arn:aws:iam::123456789012:role/incident-operator",
            "externalId": "example",
        },
        "endpoints": [{
            "service": "SSMContacts",
            "url": "https://vpce-0123456789abcdef0-example.ssm-contacts.ap-northeast-1.vpce.amazonaws.com",
        }],
        "endpointVariants": ["FIPS"],
        "defaultTags": {"managed-by": "incident-operator"},
        "rateLimits": [{"group": "ContactsWrite", "perSecond": 0.5}],
        "deletionBudget": {"maxPerHour": 5},
        "prices": {"interfaceEndpointHourUSD": "0.012"},
    })]
}

fn vpc_endpoints() -> Vec<Value> {
    let source = json!({"cidr": "10.0.0.0/16", "description": "the VPC"});
    let interface = json!({
        "vpcId": "vpc-0123456789abcdef0",
        "service": "ssm-contacts",
        "type": "Interface",
        "subnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        "subnetAddresses": [{"subnetId": "subnet-0123456789abcdef0", "ipv4": "10.0.1.10", "ipv6": "2001:db8:0:1::10"}],
        "securityGroupIds": ["sg-0123456789abcdef0"],
        "managedSecurityGroup": {
            "ingress": [
                source,
                {"securityGroupId": "sg-0123456789abcdef1"},
                {"prefixListId": "pl-0123456789abcdef0"},
            ],
            "description": "HTTPS to ssm-contacts",
        },
        "privateDnsEnabled": true,
        "ipAddressType": "DualStack",
        "dnsOptions": {"dnsRecordIpType": "IPv4"},
        "policyPreset": {
            "name": "IncidentManagerContacts",
            "principals": ["arn:aws:iam::123456789012:role/responders"],
        },
        "associationPolicy": "Exclusive",
    });
    let by_tags = json!({
        "vpcId": "vpc-0123456789abcdef0",
        "vpcEndpointId": "vpce-0123456789abcdef0",
        "serviceName": "com.amazonaws.ap-northeast-1.s3",
        "type": "Interface",
        "subnetSelector": {"tags": {"tier": "private"}},
        "dnsOptions": {"privateDnsOnlyForInboundResolverEndpoint": true},
        "policyJSON": r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"s3:GetObject","Resource":"*"}]}"#,
    });
    let gateway = json!({
        "vpcId": "vpc-0123456789abcdef0",
        "service": "s3",
        "type": "Gateway",
        "routeTableIds": ["rtb-0123456789abcdef0"],
        "policy": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::patch-baseline-snapshot-ap-northeast-1/*",
            }],
        },
    });
    vec![with_common(&interface, "SingleZone"), by_tags, gateway]
}

fn replication_set() -> Value {
    let key = |region: &str, id: &str| {
        let arn = format!("arn:aws:kms:{region}:123456789012:key/{id}");
        json!({"name": region, "sseKmsKeyId": arn})
    };
    let set = json!({
        "regions": [
            key("ap-northeast-1", "1234abcd-12ab-34cd-56ef-1234567890ab"),
            key("us-west-2", "8765dcba-21ba-43dc-65fe-ba0987654321"),
        ],
        "deletionProtection": true,
    });
    let mut set = with_common(&set, "SingleRegion");
    set["deletionPolicy"] = json!("Retain");
    set
}

fn alternate_contacts() -> Vec<Value> {
    let inline = json!({
        "type": "Security",
        "accountId": "210987654321",
        "name": "Security team",
        "title": "On call for security",
        "email": "security@example.com",
        "phone": "+1 (500) 555-0140",
        "reviewIntervalDays": 90,
        "reviewedOn": "2026-11-01",
    });
    let value = |key: &str| json!({"secretKeyRef": {"name": "alternate-contacts", "key": key}});
    let from_secrets = json!({
        "type": "Billing",
        "nameFrom": value("billing-name"),
        "title": "Accounts payable",
        "emailFrom": value("billing-email"),
        "phoneFrom": value("billing-phone"),
    });
    vec![
        with_common(&inline, "PersonalMailbox"),
        with_common(&from_secrets, "PersonalMailbox"),
    ]
}

fn access_grant() -> Value {
    json!({
        "from": [
            {"kind": "OnCallSchedule", "namespaceSelector": {
                "matchLabels": {"oncall": "true"},
                "matchExpressions": [{"key": "stage", "operator": "In", "values": ["production"]}],
            }},
            {"kind": "EscalationPlan", "namespace": "payments"},
        ],
        "to": [{"kind": "Contact", "names": ["alice", "bob"]}],
    })
}

fn contacts() -> Vec<Value> {
    let of_both = |alias: &str| {
        let person = json!({
            "alias": alias,
            "displayName": "Alice Example",
            "channels": [
                {"name": "mobile", "type": "SMS", "address": "+15005550199", "enabled": true},
                {"name": "mail", "type": "Email", "addressFrom": {"secretKeyRef": {"name": "responders", "key": "alice-mail"}}},
            ],
            "allowUnreachable": false,
            "review": {"everyDays": 180, "lastReviewed": "2026-11-01"},
        });
        with_common(&person, "SingleChannelType")
    };
    let mut friendly = of_both("alice");
    friendly["engagementPlan"] = json!([
        {"channel": "mobile", "engageAfterMinutes": 0, "retryIntervalMinutes": 1},
        {"channel": "mail", "engageAfterMinutes": 5, "retryIntervalMinutes": 0},
    ]);
    let mut stages = of_both("alice-by-stages");
    stages["engagementStages"] = json!([
        {"durationMinutes": 5, "targets": [{"channel": "mobile", "retryIntervalMinutes": 1}]},
        {"durationMinutes": 0, "targets": [{"channel": "mail", "retryIntervalMinutes": 0}]},
    ]);
    vec![friendly, stages]
}

fn activation() -> Value {
    json!({
        "contactRef": {"name": "alice"},
        "channel": "mobile",
        "codeFrom": {"secretKeyRef": {"name": "alice-code", "key": "code"}},
        "ttlSecondsAfterFinished": 3600,
        "managementPolicy": "Manage",
        "suspend": false,
        "acceptedFindings": accepted("SensitiveTag"),
    })
}

fn schedule() -> Value {
    let office =
        json!([{"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "start": "09:00", "end": "18:00"}]);
    let alice = json!({"name": "alice", "namespace": "people"});
    let bob = json!({"name": "bob", "namespace": "people"});
    let outside = json!({"arn": "arn:aws:ssm-contacts:ap-northeast-1:123456789012:contact/carol"});
    let rotation = |name: &str, members: Value, recurrence: Value| {
        json!({
            "name": name,
            "rotationName": format!("payments-{name}"),
            "startTime": "2026-12-01T00:00:00Z",
            "timeZone": "Asia/Tokyo",
            "contactRefs": members,
            "recurrence": recurrence,
            "coverage": office,
        })
    };
    let schedule = json!({
        "alias": "payments-primary",
        "displayName": "Payments primary",
        "rotations": [
            rotation("week", json!([alice, bob]), json!({
                "type": "Weekly",
                "weekly": {"handOffs": [{"day": "Mon", "time": "09:00"}]},
                "shiftLength": 1,
                "numberOfOnCalls": 1,
            })),
            rotation("day", json!([bob, alice]), json!({
                "type": "Daily",
                "daily": {"handOffs": [{"time": "09:00"}]},
                "shiftLength": 2,
                "numberOfOnCalls": 1,
            })),
            rotation("month", json!([alice, outside]), json!({
                "type": "Monthly",
                "monthly": {"handOffs": [{"dayOfMonth": 1, "time": "09:00"}]},
                "shiftLength": 1,
                "numberOfOnCalls": 2,
            })),
        ],
        "rollout": "AfterCurrentShift",
        "onMemberDeletion": "Remove",
        "coverageTarget": [{
            "days": ["Mon", "Tue", "Wed", "Thu", "Fri"],
            "start": "09:00",
            "end": "18:00",
            "timeZone": "Asia/Tokyo",
        }],
        "export": {"configMapName": "payments-on-call"},
    });
    with_common(&schedule, "MixedTimeZones")
}

fn overrides() -> Vec<Value> {
    let alice = json!({"name": "alice", "namespace": "people"});
    let bob = json!({"name": "bob", "namespace": "people"});
    let swap = json!({
        "scheduleRef": {"name": "primary"},
        "rotation": "week",
        "substitutions": [{"out": alice, "in": bob}],
        "startTime": "2026-12-29T00:00:00Z",
        "durationMinutes": 240,
        "ttlSecondsAfterFinished": 86400,
    });
    let whole = json!({
        "scheduleRef": {"name": "primary"},
        "rotation": "month",
        "contactRefs": [bob, {"arn": "arn:aws:ssm-contacts:ap-northeast-1:123456789012:contact/dave"}],
        "startTime": "2026-12-30T00:00:00Z",
        "endTime": "2026-12-31T00:00:00Z",
        "ttlSecondsAfterFinished": 86400,
    });
    let by_arn = json!({
        "scheduleRef": {"name": "primary"},
        "substitutions": [{
            "out": {"arn": "arn:aws:ssm-contacts:ap-northeast-1:123456789012:contact/carol"},
            "in": {"arn": "arn:aws:ssm-contacts:ap-northeast-1:123456789012:contact/dave"},
        }],
        "durationMinutes": 60,
    });
    [swap, whole, by_arn]
        .iter()
        .map(|spec| with_common(spec, "SensitiveTag"))
        .collect()
}

fn escalation_plan() -> Value {
    let plan = json!({
        "alias": "payments-escalation",
        "displayName": "Payments escalation",
        "stages": [
            {"durationMinutes": 10, "targets": [
                {"onCallScheduleRef": {"name": "primary", "namespace": "payments"}, "onAcknowledge": "StopEscalation"},
            ]},
            {"durationMinutes": 15, "targets": [
                {"contactRef": {"name": "carol", "namespace": "people"}, "onAcknowledge": "Continue"},
                {"contactRef": {"arn": "arn:aws:ssm-contacts:ap-northeast-1:123456789012:contact/dave"}},
                {"onCallScheduleRef": {"arn": "arn:aws:ssm-contacts:ap-northeast-1:123456789012:contact/secondary"}},
                {"arn": "arn:aws:ssm-contacts:ap-northeast-1:123456789012:contact/manager", "onAcknowledge": "Continue"},
            ]},
        ],
        "review": {"everyDays": 180, "lastReviewed": "2026-11-01"},
    });
    with_common(&plan, "NoBackup")
}

fn response_plans() -> Vec<Value> {
    let topic = |name: &str| format!("arn:aws:sns:ap-northeast-1:123456789012:{name}");
    let contact =
        |name: &str| format!("arn:aws:ssm-contacts:ap-northeast-1:123456789012:contact/{name}");
    let plan = json!({
        "name": "payments-down",
        "displayName": "Payments down",
        "incidentTemplate": {
            "title": "Payments are failing",
            "impact": "High",
            "summary": "Customers cannot pay. Dashboard: https://example.com/d/payments",
            "dedupeString": "payments",
            "notificationTargets": [{"snsTopicArn": topic("incidents")}],
            "incidentTags": {"service": "payments"},
        },
        "engagements": [
            {"escalationPlanRef": {"name": "payments", "namespace": "payments"}},
            {"onCallScheduleRef": {"name": "primary", "namespace": "payments"}},
            {"contactRef": {"name": "carol", "namespace": "people"}},
            {"arn": contact("manager")},
        ],
        "chatChannel": {"chatbotSns": [topic("payments-chat")]},
        "automation": {
            "documentName": "PaymentsRunbook",
            "documentVersion": "3",
            "roleArn": "arn:aws:iam::123456789012:role/payments-runbook",
            "targetAccount": "ResponsePlanOwnerAccount",
            "parameters": [
                {"name": "AutomationAssumeRole", "values": ["arn:aws:iam::123456789012:role/payments-runbook-steps"]},
            ],
            "dynamicParameters": [
                {"name": "incident", "variable": "IncidentRecordArn"},
                {"name": "resources", "variable": "InvolvedResources"},
            ],
        },
        "pagerDuty": {"name": "payments", "serviceId": "P0EXAMPLE", "secretId": "pagerduty"},
        "mirrorIncidents": {"maxAgeHours": 168, "maxCount": 20},
    });
    // What is engaged by its ARN.
    let by_arn = json!({
        "name": "payments-slow",
        "incidentTemplate": {"title": "Payments are slow", "impact": "Medium"},
        "engagements": [
            {"escalationPlanRef": {"arn": contact("payments-escalation")}},
            {"onCallScheduleRef": {"arn": contact("secondary")}},
            {"contactRef": {"arn": contact("dave")}},
        ],
    });
    [plan, by_arn]
        .iter()
        .map(|spec| with_common(spec, "EngagesDirectly"))
        .collect()
}

fn incidents() -> Vec<Value> {
    let started = json!({
        "responsePlanRef": {"name": "payments-down", "namespace": "payments"},
        "startDeadline": "2026-12-29T03:20:00Z",
        "title": "Checkout errors above 5 percent",
        "impact": "Critical",
        "relatedItems": [
            {"title": "dashboard", "url": "https://example.com/d/1"},
            {"title": "database", "type": "InvolvedResource", "arn": "arn:aws:rds:ap-northeast-1:123456789012:db:payments"},
            {"title": "errors", "type": "Metric", "metricDefinition": "{\"metrics\": [[\"payments\", \"errors\"]]}"},
        ],
        "resolve": false,
        "onDelete": "Resolve",
        "providerConfigRef": {"name": "default"},
        "managementPolicy": "Manage",
        "suspend": false,
        "tags": {"service": "checkout"},
        "acceptedFindings": accepted("SensitiveTag"),
    });
    let by_arn = json!({
        "responsePlanRef": {"arn": "arn:aws:ssm-incidents::123456789012:response-plan/search-down"},
        "startDeadline": "2026-12-29T03:20:00Z",
    });
    let shown = json!({
        "incidentArn": "arn:aws:ssm-incidents::123456789012:incident-record/payments-down/2a8b6c6e-0d2e-4b6c-9a49-1f4f3f6d0f5b",
        "resolve": true,
    });
    vec![started, by_arn, shown]
}

fn test_pages() -> Vec<Value> {
    let person = json!({
        "contactRef": {"name": "alice", "namespace": "people"},
        "startDeadline": "2026-12-29T03:20:00Z",
        "message": {
            "subject": "Monthly check",
            "content": "This is the monthly test of the on-call paging. Please acknowledge.",
        },
        "ttlSecondsAfterFinished": 86400,
        "providerConfigRef": {"name": "default"},
        "managementPolicy": "Manage",
        "suspend": false,
        "acceptedFindings": accepted("SensitiveTag"),
    });
    let of = |field: &str, target: Value| {
        let mut spec = json!({"startDeadline": "2026-12-29T03:20:00Z"});
        spec[field] = target;
        spec
    };
    let arn = |alias: &str| json!({"arn": format!("arn:aws:ssm-contacts:ap-northeast-1:123456789012:contact/{alias}")});
    vec![
        person,
        of("contactRef", arn("carol")),
        of(
            "onCallScheduleRef",
            json!({"name": "primary", "namespace": "payments"}),
        ),
        of("onCallScheduleRef", arn("secondary")),
        of(
            "escalationPlanRef",
            json!({"name": "payments", "namespace": "payments"}),
        ),
        of("escalationPlanRef", arn("manager")),
    ]
}

#[derive(Default)]
struct Writer {
    files: BTreeMap<String, String>,
}

impl Writer {
    /// The objects of one kind; the second and later ones are numbered.
    fn add<K>(
        &mut self,
        name: &str,
        namespace: Option<&str>,
        specs: Vec<Value>,
    ) -> Result<(), Failure>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + Serialize,
    {
        let kind = K::kind(&()).into_owned();
        let crds = super::crds();
        let crd = crds.iter().find(|crd| crd.spec.names.kind == kind);
        let schema = crd
            .and_then(|crd| crd.spec.versions.first()?.schema.as_ref())
            .and_then(|schema| schema.open_api_v3_schema.as_ref());
        let mut text = format!(
            "# Every field of {kind}, to take from, not to apply as it is. Written by `make generate`: do not edit.\n"
        );
        // What was explained once is not explained again.
        let mut explained = BTreeSet::new();
        for (number, spec) in specs.into_iter().enumerate() {
            let name = match number {
                0 => name.to_owned(),
                _ => format!("{name}-{}", number + 1),
            };
            let mut object = json!({
                "apiVersion": format!("{GROUP}/{VERSION}"),
                "kind": kind,
                "metadata": {"name": name},
                "spec": spec,
            });
            if let Some(namespace) = namespace {
                object["metadata"]["namespace"] = json!(namespace);
            }
            let typed: K = serde_json::from_value(object.clone())
                .map_err(|error| Failure::Object(kind.clone(), error))?;
            let again = serde_json::to_value(&typed)
                .map_err(|error| Failure::Object(kind.clone(), error))?;
            if again["spec"] != object["spec"] {
                return Err(Failure::Unknown(kind));
            }
            if number > 0 {
                text.push_str("---\n");
            }
            let plain = serde_saphyr::to_string(&typed)?;
            text.push_str(&explain(&plain, schema, &mut explained));
        }
        self.files.insert(K::plural(&()).into_owned(), text);
        Ok(())
    }
}

/// Puts above each field of the spec what the schema says of it.
fn explain(
    plain: &str,
    schema: Option<&JSONSchemaProps>,
    explained: &mut BTreeSet<Vec<String>>,
) -> String {
    let mut text = String::new();
    // Fields that the line is in, with the column at which each begins.
    let mut path: Vec<(usize, String)> = vec![];
    for line in plain.lines() {
        let field = line.trim_start_matches([' ', '-']);
        let column = line.len() - field.len();
        if let Some((name, _)) = field.split_once(':')
            && name.chars().all(char::is_alphanumeric)
        {
            path.retain(|(at, _)| *at < column);
            path.push((column, name.to_owned()));
            let names: Vec<String> = path.iter().map(|(_, name)| name.clone()).collect();
            let about = schema.and_then(|schema| described(schema, &names));
            if names.first().is_some_and(|first| first == "spec")
                && let Some(about) = about
                && explained.insert(names)
            {
                let indent = line.len() - line.trim_start().len();
                text.push_str(&line[..indent]);
                text.push_str("# ");
                text.push_str(&about);
                text.push('\n');
            }
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// The description of a field, on one line.
fn described(schema: &JSONSchemaProps, path: &[String]) -> Option<String> {
    let mut schema = schema;
    for name in path {
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
            schema = items;
        }
        schema = schema.properties.as_ref()?.get(name)?;
    }
    let words = schema.description.as_deref()?.split_whitespace();
    let line = words.collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every field below `schema`, as far as it has fields by name.
    fn fields(schema: &JSONSchemaProps, path: &[String], found: &mut BTreeSet<Vec<String>>) {
        let inner = match &schema.items {
            Some(JSONSchemaPropsOrArray::Schema(items)) => items,
            _ => schema,
        };
        for (name, below) in inner.properties.iter().flatten() {
            let path = [path, std::slice::from_ref(name)].concat();
            fields(below, &path, found);
            found.insert(path);
        }
    }

    fn used(value: &Value, path: &[String], found: &mut BTreeSet<Vec<String>>) {
        match value {
            Value::Object(object) => {
                for (name, below) in object {
                    let path = [path, std::slice::from_ref(name)].concat();
                    used(below, &path, found);
                    found.insert(path);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| used(item, path, found)),
            _ => {}
        }
    }

    #[test]
    fn no_field_is_missing() {
        let files = complete().unwrap();
        for crd in crate::api::crds() {
            let kind = &crd.spec.names.kind;
            let schema = crd.spec.versions[0].schema.as_ref().unwrap();
            let schema = schema.open_api_v3_schema.as_ref().unwrap();
            let spec = &schema.properties.as_ref().unwrap()["spec"];
            let (mut wanted, mut seen) = (BTreeSet::new(), BTreeSet::new());
            fields(spec, &[], &mut wanted);
            let text = &files[&crd.spec.names.plural];
            let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
            for document in &documents {
                used(&document["spec"], &[], &mut seen);
            }
            let missing: Vec<_> = wanted.difference(&seen).collect();
            assert!(missing.is_empty(), "{kind}: {missing:?}");
        }
    }

    #[test]
    fn fields_are_explained_once() {
        let files = complete().unwrap();
        let contacts = &files["contacts"];
        let line = "  # Full name, as shown in the console.";
        assert_eq!(contacts.matches(line).count(), 1, "{contacts}");
        assert!(contacts.contains("  # Name of the channel, unique in the contact."));
    }
}
