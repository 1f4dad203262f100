//! What the API server refuses, in which words, and what it stores.

use harness::{Cluster, World, table};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::cases::{Rule, long, object, rules, tags};
use crate::server::{Refusal, Sent, leaks, send, store, without_status};

/// A world in which nobody looks at what is stored.
async fn unattended(name: &str) -> World {
    World::builder(name)
        .without_operator()
        .without_provider()
        .build()
        .await
}

/// The object of a case, in this world.
fn placed(world: &World, object: &Value) -> Value {
    let mut object = object.clone();
    // The cluster is shared with other worlds.
    let in_cluster = ["ProviderConfig", "ReplicationSet", "AlternateContact"];
    if in_cluster.iter().any(|kind| object["kind"] == *kind) {
        object["metadata"]["name"] = json!(world.id);
    } else {
        object["metadata"]["namespace"] = json!(world.namespace);
    }
    object
}

async fn forget(world: &World, object: &Value) {
    let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
    let (kind, name) = (kind.as_str().unwrap(), name.as_str().unwrap());
    world
        .cluster
        .delete(kind, Some(&world.namespace), name)
        .await
        .unwrap();
}

#[tokio::test]
async fn every_rule_lets_through_what_it_should_and_refuses_the_rest() {
    let world = unattended("rules").await;
    let mut wrong = vec![];
    for Rule {
        kind,
        at,
        message,
        cases,
    } in rules()
    {
        for case in cases {
            let case_name = format!("{kind} {at} ({message}), {}", case.what);
            let sent = placed(&world, &case.object);
            let before = case.before.map(|before| placed(&world, &before));
            if let Some(before) = &before {
                store(&world, before).await;
            }
            let result = send(&world, &without_status(&sent), Sent::Applied, true).await;
            match result {
                Ok(_) if case.accepted => {}
                Ok(_) => wrong.push(format!("{case_name}: taken")),
                Err(Refusal {
                    message: said,
                    causes,
                }) => {
                    if case.accepted {
                        wrong.push(format!("{case_name}: {said}"));
                    } else if causes.is_empty()
                        || !causes.iter().all(|cause| cause.ends_with(message))
                    {
                        wrong.push(format!("{case_name}: in other words: {said}"));
                    }
                    wrong.extend(leaks(&said, [&sent]));
                }
            }
            if let Some(before) = &before {
                forget(&world, before).await;
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    world.finish().await;
}

/// Where the schema itself refuses, CEL does not come to speak: its words must do.
#[tokio::test]
async fn what_the_schema_refuses_it_names_without_an_address() {
    let world = unattended("schema").await;
    let mut wrong = vec![];
    for (kind, what, patch, expected) in schema_table() {
        let sent = placed(&world, &object(kind, &patch));
        for how in [Sent::Applied, Sent::Created] {
            let said = match send(&world, &sent, how, true).await {
                Ok(_) => {
                    wrong.push(format!("{kind}, {what}, {how:?}: taken"));
                    continue;
                }
                Err(refusal) => refusal.message,
            };
            // Server-side apply reads the object against the schema's types before anything else, in words of its own.
            let (applied, created) = expected;
            let expected = if how == Sent::Applied {
                applied
            } else {
                created
            };
            if !said.contains(expected) {
                wrong.push(format!(
                    "{kind}, {what}, {how:?}: not {expected:?} but {said}"
                ));
            }
            wrong.extend(leaks(&said, [&sent]));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    world.finish().await;
}

type SchemaCase = (
    &'static str,
    &'static str,
    Value,
    (&'static str, &'static str),
);

/// Both ways of sending are answered in the same words.
fn both(words: &'static str) -> (&'static str, &'static str) {
    (words, words)
}

fn schema_table() -> Vec<SchemaCase> {
    let mut cases = contact_schema();
    cases.extend(plan_schema());
    cases.extend(common_schema());
    cases.extend(activation_schema());
    cases.extend(provider_config_schema());
    cases
}

fn contact_schema() -> Vec<SchemaCase> {
    let channel = |channel: Value| json!({"channels": [channel]});
    let numbered = |count: usize| {
        let channels: Vec<Value> = (0..count)
            .map(|number| json!({"name": format!("c{number}"), "type": "SMS", "address": format!("+150055502{number:02}")}))
            .collect();
        json!({"channels": channels})
    };
    let secret = |name: &str, key: &str| {
        channel(
            json!({"name": "m", "type": "SMS", "addressFrom": {"secretKeyRef": {"name": name, "key": key}}}),
        )
    };
    vec![
        (
            "Contact",
            "a very long alias",
            json!({"alias": long("a", 301)}),
            both("spec.alias: Too long: may not be more than 300"),
        ),
        (
            "Contact",
            "a very long name",
            json!({"displayName": long("a", 301)}),
            both("spec.displayName: Too long: may not be more than 300"),
        ),
        (
            "Contact",
            "many channels",
            numbered(21),
            both("spec.channels: Too many: 21: must have at most 20 items"),
        ),
        (
            "Contact",
            "a very long channel name",
            channel(json!({"name": long("n", 301), "type": "SMS", "address": "+15005550221"})),
            both("spec.channels[0].name: Too long: may not be more than 300"),
        ),
        (
            "Contact",
            "a very long address",
            channel(
                json!({"name": "m", "type": "Email", "address": format!("ivan@{}", long("x", 508))}),
            ),
            both("spec.channels[0].address: Too long: may not be more than 512"),
        ),
        (
            "Contact",
            "an unknown type",
            channel(json!({"name": "m", "type": "Pager", "address": "+15005550222"})),
            both(
                "spec.channels[0].type: Unsupported value: \"Pager\": supported values: \"Email\", \"SMS\", \"Voice\"",
            ),
        ),
        (
            "Contact",
            "a type as AWS writes it",
            channel(json!({"name": "m", "type": "VOICE", "address": "+15005550223"})),
            both("Unsupported value: \"VOICE\": supported values: \"Email\", \"SMS\", \"Voice\""),
        ),
        (
            "Contact",
            "no type",
            channel(json!({"name": "m", "address": "+15005550224"})),
            both("spec.channels[0].type: Required value"),
        ),
        (
            "Contact",
            "no channel name",
            channel(json!({"type": "SMS", "address": "+15005550225"})),
            (
                ".spec.channels: element 0: associative list with keys has an element that omits all key fields [\"name\"]",
                "spec.channels[0].name: Required value",
            ),
        ),
        (
            "Contact",
            "two channels of a name",
            json!({"channels": [
                {"name": "m", "type": "SMS", "address": "+15005550226"}, {"name": "m", "type": "Voice", "address": "+15005550227"},
            ]}),
            (
                ".spec.channels: duplicate entries for key [name=\"m\"]",
                "spec.channels[1]: Duplicate value: {\"name\":\"m\"}",
            ),
        ),
        (
            "Contact",
            "a channel that is none",
            json!({"channels": ["judy@example.org"]}),
            (
                ".spec.channels: element 0: associative list with keys may not have non-map elements",
                "spec.channels[0] in body must be of type object",
            ),
        ),
        (
            "Contact",
            "channels that are no list",
            json!({"channels": "+15005550228"}),
            (
                ".spec.channels: expected list, got",
                "spec.channels in body must be of type array",
            ),
        ),
        (
            "Contact",
            "an address that is a list",
            channel(json!({"name": "m", "type": "Email", "address": ["kim@example.org"]})),
            (
                ".address: expected string, got",
                "spec.channels[0].address in body must be of type string",
            ),
        ),
        (
            "Contact",
            "enabled in quotes",
            channel(
                json!({"name": "m", "type": "SMS", "address": "+15005550229", "enabled": "no"}),
            ),
            (
                ".enabled: expected boolean, got",
                "spec.channels[0].enabled in body must be of type boolean",
            ),
        ),
        (
            "Contact",
            "a Secret without name",
            secret("", "key"),
            both("spec.channels[0].addressFrom.secretKeyRef.name"),
        ),
        (
            "Contact",
            "a Secret without key",
            secret("people", ""),
            both("spec.channels[0].addressFrom.secretKeyRef.key"),
        ),
        (
            "Contact",
            "a very long key",
            secret("people", &long("k", 254)),
            both("secretKeyRef.key: Too long: may not be more than 253"),
        ),
        (
            "Contact",
            "a misspelt field",
            channel(json!({"name": "m", "type": "SMS", "adress": "+15005550230"})),
            (
                ".spec.channels[name=\"m\"].adress: field not declared in schema",
                "unknown field \"spec.channels[0].adress\"",
            ),
        ),
        (
            "Contact",
            "a field of another kind",
            json!({"phone": "+15005550231"}),
            (
                ".spec.phone: field not declared in schema",
                "unknown field \"spec.phone\"",
            ),
        ),
    ]
}

fn plan_schema() -> Vec<SchemaCase> {
    let entries = |count: usize| {
        let entries: Vec<Value> = (0..count)
            .map(|minute| json!({"channel": "m", "engageAfterMinutes": minute}))
            .collect();
        json!({"channels": [{"name": "m", "type": "SMS", "address": "+15005550232"}], "engagementPlan": entries})
    };
    let entry = |minutes: Value| json!({"channels": [{"name": "m", "type": "SMS", "address": "+15005550233"}], "engagementPlan": [{"channel": "m", "engageAfterMinutes": minutes}]});
    let stages =
        |count: usize| json!({"engagementStages": vec![json!({"durationMinutes": 1}); count]});
    let targets = |count: usize| json!({"engagementStages": [{"durationMinutes": 1, "targets": vec![json!({"channel": "m"}); count]}]});
    vec![
        (
            "Contact",
            "many entries",
            entries(31),
            both("spec.engagementPlan: Too many: 31: must have at most 30 items"),
        ),
        (
            "Contact",
            "an entry without channel",
            json!({"engagementPlan": [{"engageAfterMinutes": 0}]}),
            both("spec.engagementPlan[0].channel: Required value"),
        ),
        (
            "Contact",
            "an entry without minute",
            json!({"engagementPlan": [{"channel": "m"}]}),
            both("spec.engagementPlan[0].engageAfterMinutes: Required value"),
        ),
        (
            "Contact",
            "a minute in quotes",
            entry(json!("5")),
            (
                ".engageAfterMinutes: expected numeric",
                "engageAfterMinutes in body must be of type integer",
            ),
        ),
        (
            "Contact",
            "half a minute",
            entry(json!(0.5)),
            both("engageAfterMinutes in body must be of type int32"),
        ),
        (
            "Contact",
            "more minutes than fit",
            entry(json!(3_000_000_000_i64)),
            both("engageAfterMinutes is 0 to 270"),
        ),
        (
            "Contact",
            "many stages",
            stages(13),
            both("spec.engagementStages: Too many: 13: must have at most 12 items"),
        ),
        (
            "Contact",
            "a stage without duration",
            json!({"engagementStages": [{"targets": []}]}),
            both("spec.engagementStages[0].durationMinutes: Required value"),
        ),
        (
            "Contact",
            "many targets",
            targets(13),
            both("spec.engagementStages[0].targets: Too many: 13: must have at most 12 items"),
        ),
        (
            "Contact",
            "no days",
            json!({"review": {}}),
            both("spec.review.everyDays: Required value"),
        ),
        (
            "Contact",
            "a very long day",
            json!({"review": {"everyDays": 1, "lastReviewed": long("2", 41)}}),
            both("spec.review.lastReviewed: Too long: may not be more than 40"),
        ),
    ]
}

fn common_schema() -> Vec<SchemaCase> {
    let finding = |finding: Value| json!({"acceptedFindings": [finding]});
    let findings = |count: usize| {
        let findings: Vec<Value> = (0..count)
            .map(|number| json!({"id": format!("F{number}"), "reason": "known"}))
            .collect();
        json!({"acceptedFindings": findings})
    };
    let mut cases = vec![
        (
            "Contact",
            "many tags",
            json!({"tags": tags(61)}),
            both("spec.tags: Too many: 61: must have at most 60 items"),
        ),
        (
            "Contact",
            "a very long tag value",
            json!({"tags": {"a": long("v", 301)}}),
            both("spec.tags.a: Too long: may not be more than 300"),
        ),
        (
            "Contact",
            "a tag without quotes",
            json!({"tags": {"cost-center": 1234}}),
            (
                ".spec.tags.cost-center: expected string",
                "spec.tags.cost-center in body must be of type string",
            ),
        ),
        (
            "Contact",
            "tags as AWS writes them",
            json!({"tags": [{"Key": "a", "Value": "b"}]}),
            (".spec.tags: expected map, got", "spec.tags"),
        ),
        (
            "Contact",
            "an unknown policy",
            json!({"managementPolicy": "Ignore"}),
            both(
                "spec.managementPolicy: Unsupported value: \"Ignore\": supported values: \"Manage\", \"Observe\"",
            ),
        ),
        (
            "Contact",
            "an unknown policy",
            json!({"adoptionPolicy": "Always"}),
            both(
                "spec.adoptionPolicy: Unsupported value: \"Always\": supported values: \"Never\", \"Adopt\", \"AdoptAndOverwrite\"",
            ),
        ),
        (
            "Contact",
            "an unknown policy",
            json!({"deletionPolicy": "Orphan"}),
            both(
                "spec.deletionPolicy: Unsupported value: \"Orphan\": supported values: \"Delete\", \"Retain\"",
            ),
        ),
        (
            "Contact",
            "no name",
            json!({"providerConfigRef": {}}),
            both("spec.providerConfigRef.name: Required value"),
        ),
        (
            "Contact",
            "an empty name",
            json!({"providerConfigRef": {"name": ""}}),
            both("spec.providerConfigRef.name"),
        ),
        (
            "Contact",
            "a very long name",
            json!({"providerConfigRef": {"name": long("n", 254)}}),
            both("spec.providerConfigRef.name: Too long: may not be more than 253"),
        ),
        (
            "Contact",
            "a word for true",
            json!({"suspend": "yes"}),
            (
                ".spec.suspend: expected boolean",
                "spec.suspend in body must be of type boolean",
            ),
        ),
    ];
    for kind in [
        "Contact",
        "ChannelActivation",
        "OnCallSchedule",
        "RotationOverride",
        "EscalationPlan",
        "ResponsePlan",
        "Incident",
        "TestPage",
    ] {
        cases.extend([
            (kind, "many findings", findings(51), both("spec.acceptedFindings: Too many: 51: must have at most 50 items")),
            (kind, "a finding without reason", finding(json!({"id": "FewChannels"})), both("spec.acceptedFindings[0].reason: Required value")),
            (kind, "an empty reason", finding(json!({"id": "FewChannels", "reason": ""})), both("spec.acceptedFindings[0].reason")),
            (kind, "a very long reason", finding(json!({"id": "FewChannels", "reason": long("r", 501)})), both("spec.acceptedFindings[0].reason: Too long: may not be more than 500")),
            (kind, "a very long id", finding(json!({"id": long("i", 64), "reason": "known"})), both("spec.acceptedFindings[0].id: Too long: may not be more than 63")),
            (kind, "a finding accepted twice", json!({"acceptedFindings": [{"id": "A", "reason": "b"}, {"id": "A", "reason": "c"}]}), ("spec.acceptedFindings: duplicate entries for key [id=\"A\"]", "spec.acceptedFindings[1]: Duplicate value: {\"id\":\"A\"}")),
        ]);
    }
    cases
}

fn activation_schema() -> Vec<SchemaCase> {
    let kind = "ChannelActivation";
    vec![
        (
            kind,
            "no contact",
            json!({"contactRef": null}),
            both("spec.contactRef: Required value"),
        ),
        (
            kind,
            "a contact without name",
            json!({"contactRef": {"name": null}}),
            both("spec.contactRef.name: Required value"),
        ),
        (
            kind,
            "a contact with an empty name",
            json!({"contactRef": {"name": ""}}),
            both("spec.contactRef.name"),
        ),
        (
            kind,
            "a contact elsewhere",
            json!({"contactRef": {"name": "alice", "namespace": "other"}}),
            (
                ".spec.contactRef.namespace: field not declared in schema",
                "unknown field \"spec.contactRef.namespace\"",
            ),
        ),
        (
            kind,
            "no channel",
            json!({"channel": null}),
            both("spec.channel: Required value"),
        ),
        (
            kind,
            "an empty channel",
            json!({"channel": ""}),
            both("spec.channel"),
        ),
        (
            kind,
            "a very long channel",
            json!({"channel": long("c", 256)}),
            both("spec.channel: Too long: may not be more than 255"),
        ),
        (
            kind,
            "the code itself",
            json!({"code": "123456"}),
            (
                ".spec.code: field not declared in schema",
                "unknown field \"spec.code\"",
            ),
        ),
        (
            kind,
            "a Secret without key",
            json!({"codeFrom": {"secretKeyRef": {"name": "codes"}}}),
            both("spec.codeFrom.secretKeyRef.key: Required value"),
        ),
        (
            kind,
            "a time to live as people write it",
            json!({"ttlSecondsAfterFinished": "1h"}),
            (
                ".spec.ttlSecondsAfterFinished: expected numeric",
                "spec.ttlSecondsAfterFinished in body must be of type integer",
            ),
        ),
    ]
}

fn provider_config_schema() -> Vec<SchemaCase> {
    let kind = "ProviderConfig";
    let named = |names: Value| json!({"allowedNamespaces": {"names": names}});
    let selector = |expression: Value| json!({"allowedNamespaces": {"selector": {"matchExpressions": [expression]}}});
    vec![
        (
            kind,
            "no account",
            json!({"accountId": null}),
            both("spec.accountId: Required value"),
        ),
        (
            kind,
            "no Region",
            json!({"region": null}),
            both("spec.region: Required value"),
        ),
        (
            kind,
            "no owner",
            json!({"ownerId": null}),
            both("spec.ownerId: Required value"),
        ),
        (
            kind,
            "no namespaces",
            json!({"allowedNamespaces": null}),
            both("spec.allowedNamespaces: Required value"),
        ),
        (
            kind,
            "an account without quotes",
            json!({"accountId": 123_456_789_012_i64}),
            (
                ".spec.accountId: expected string",
                "spec.accountId in body must be of type string",
            ),
        ),
        (
            kind,
            "a very long account",
            json!({"accountId": long("1", 21)}),
            both("spec.accountId: Too long: may not be more than 20"),
        ),
        (
            kind,
            "a very long Region",
            json!({"region": long("e", 41)}),
            both("spec.region: Too long: may not be more than 40"),
        ),
        (
            kind,
            "a very long owner",
            json!({"ownerId": long("o", 201)}),
            both("spec.ownerId: Too long: may not be more than 200"),
        ),
        (
            kind,
            "a very long namespace",
            named(json!([long("n", 64)])),
            both("spec.allowedNamespaces.names[0]: Too long: may not be more than 63"),
        ),
        (
            kind,
            "a namespace twice",
            named(json!(["people", "people"])),
            (
                "spec.allowedNamespaces.names: duplicate entries for key [=\"people\"]",
                "spec.allowedNamespaces.names[1]: Duplicate value: \"people\"",
            ),
        ),
        (
            kind,
            "a namespace instead of a list",
            named(json!("people")),
            (
                ".spec.allowedNamespaces.names: expected list",
                "spec.allowedNamespaces.names in body must be of type array",
            ),
        ),
        (
            kind,
            "a selector with an unknown operator",
            selector(json!({"key": "a", "operator": "Equals", "values": ["b"]})),
            both(
                "operator: Unsupported value: \"Equals\": supported values: \"In\", \"NotIn\", \"Exists\", \"DoesNotExist\"",
            ),
        ),
        (
            kind,
            "a selector without key",
            selector(json!({"operator": "Exists"})),
            both("key: Required value"),
        ),
        (
            kind,
            "a word of another product",
            json!({"unmanagedReferences": "Yes"}),
            both(
                "spec.unmanagedReferences: Unsupported value: \"Yes\": supported values: \"Allow\", \"Deny\"",
            ),
        ),
        (
            kind,
            "a very long role",
            json!({"assumeRole": {"roleArn": format!("arn:aws:iam::123456789012:role/{}", long("r", 2048))}}),
            both("spec.assumeRole.roleArn: Too long: may not be more than 2048"),
        ),
        (
            kind,
            "a very long external id",
            json!({"assumeRole": {"roleArn": "arn:aws:iam::123456789012:role/oncall", "externalId": long("x", 1501)}}),
            both("spec.assumeRole.externalId: Too long: may not be more than 1500"),
        ),
        (
            kind,
            "an unknown service",
            json!({"endpoints": [{"service": "S3", "url": "https://example.org"}]}),
            both(
                "spec.endpoints[0].service: Unsupported value: \"S3\": supported values: \"SSMContacts\", \"SSMIncidents\", \"Account\", \"EC2\", \"STS\"",
            ),
        ),
        (
            kind,
            "an endpoint without URL",
            json!({"endpoints": [{"service": "STS"}]}),
            both("spec.endpoints[0].url: Required value"),
        ),
        (
            kind,
            "a service twice",
            json!({"endpoints": [{"service": "STS", "url": "https://a.example"}, {"service": "STS", "url": "https://b.example"}]}),
            (
                "spec.endpoints: duplicate entries for key [service=\"STS\"]",
                "spec.endpoints[1]: Duplicate value: {\"service\":\"STS\"}",
            ),
        ),
        (
            kind,
            "an unknown variant",
            json!({"endpointVariants": ["IPv6"]}),
            both(
                "spec.endpointVariants[0]: Unsupported value: \"IPv6\": supported values: \"FIPS\", \"DualStack\"",
            ),
        ),
        (
            kind,
            "a variant twice",
            json!({"endpointVariants": ["FIPS", "FIPS"]}),
            (
                "spec.endpointVariants: duplicate entries for key [=\"FIPS\"]",
                "spec.endpointVariants[1]: Duplicate value: \"FIPS\"",
            ),
        ),
        (
            kind,
            "an unknown group",
            json!({"rateLimits": [{"group": "Everything", "perSecond": 1}]}),
            both("spec.rateLimits[0].group: Unsupported value: \"Everything\""),
        ),
        (
            kind,
            "a rate in quotes",
            json!({"rateLimits": [{"group": "ContactsRead", "perSecond": "1"}]}),
            (
                ".perSecond: expected numeric",
                "perSecond in body must be of type number",
            ),
        ),
        (
            kind,
            "a group twice",
            json!({"rateLimits": [{"group": "ContactsRead", "perSecond": 1}, {"group": "ContactsRead", "perSecond": 2}]}),
            (
                "spec.rateLimits: duplicate entries for key [group=\"ContactsRead\"]",
                "spec.rateLimits[1]: Duplicate value: {\"group\":\"ContactsRead\"}",
            ),
        ),
        (
            kind,
            "half a deletion",
            json!({"deletionBudget": {"maxPerHour": 0.5}}),
            both("spec.deletionBudget.maxPerHour in body must be of type int32"),
        ),
        (
            kind,
            "no budget",
            json!({"deletionBudget": {}}),
            both("spec.deletionBudget.maxPerHour: Required value"),
        ),
    ]
}

/// A phone number without quotes is a number to YAML. Who creates is told without the number; server-side apply quotes it in words of its
/// own that no schema can change, to its sender alone.
#[tokio::test]
async fn an_address_without_quotes_is_refused() {
    let world = unattended("unquoted").await;
    let patch =
        json!({"channels": [{"name": "mobile", "type": "SMS", "address": 15_005_550_240_i64}]});
    let sent = placed(&world, &object("Contact", &patch));
    let said = send(&world, &sent, Sent::Created, true)
        .await
        .unwrap_err()
        .message;
    assert!(
        said.contains("spec.channels[0].address in body must be of type string: \"integer\""),
        "{said}"
    );
    assert!(!said.contains("15005550240"), "{said}");
    let said = send(&world, &sent, Sent::Applied, true)
        .await
        .unwrap_err()
        .message;
    assert!(
        said.contains(".spec.channels[name=\"mobile\"].address: expected string"),
        "{said}"
    );
    world.finish().await;
}

#[tokio::test]
async fn an_explicit_null_is_absent_or_refused_and_never_stored() {
    let world = unattended("null").await;
    let patch = json!({
        "displayName": "Alice", "channels": [{"name": "mobile", "type": "SMS", "address": "+15005550241"}],
    });
    let mut sent = placed(&world, &object("Contact", &patch));
    for field in [
        "alias",
        "engagementPlan",
        "engagementStages",
        "tags",
        "review",
        "providerConfigRef",
        "suspend",
        "deletionPolicy",
    ] {
        sent["spec"][field] = Value::Null;
    }
    for field in ["addressFrom", "enabled"] {
        sent["spec"]["channels"][0][field] = Value::Null;
    }
    let refusal = send(&world, &sent, Sent::Applied, false).await.unwrap_err();
    assert!(
        refusal
            .message
            .contains("spec.alias in body must be of type string: \"null\""),
        "{}",
        refusal.message
    );
    assert_eq!(leaks(&refusal.message, [&sent]), Vec::<String>::new());

    let stored = send(&world, &sent, Sent::Created, false).await.unwrap();
    assert_eq!(stored.data["spec"], patch, "every null was dropped");

    // What is required is not there when it is null.
    for (kind, field) in [
        ("ProviderConfig", "region"),
        ("ChannelActivation", "channel"),
        ("AccessGrant", "from"),
        ("AccessGrant", "to"),
        ("RotationOverride", "scheduleRef"),
        ("EscalationPlan", "stages"),
        ("ResponsePlan", "incidentTemplate"),
        ("TestPage", "startDeadline"),
    ] {
        let mut sent = placed(&world, &object(kind, &json!({})));
        sent["spec"][field] = Value::Null;
        for how in [Sent::Applied, Sent::Created] {
            let said = send(&world, &sent, how, true).await.unwrap_err().message;
            assert!(said.contains(&format!("spec.{field}")), "{how:?}: {said}");
        }
    }

    // An alias that is null is no alias: the rules see the name.
    let mut dotted = placed(
        &world,
        &object("Contact", &json!({"metadata": {"name": "alice.null"}})),
    );
    dotted["spec"]["alias"] = Value::Null;
    let said = send(&world, &dotted, Sent::Created, true)
        .await
        .unwrap_err()
        .message;
    assert!(said.contains("metadata.name has a dot"), "{said}");

    // A merge patch with null takes the field away.
    let fixed = world
        .patch(
            "Contact",
            "subject",
            &json!({"spec": {"displayName": null}}),
        )
        .await;
    assert!(fixed.data["spec"].get("displayName").is_none());
    world.finish().await;
}

#[tokio::test]
async fn an_unknown_field_is_named_when_asked_for_and_dropped_else() {
    let world = unattended("unknown").await;
    let patch = json!({"displayName": "Alice", "displayname": "Alice", "channels": [{
        "name": "mobile", "type": "SMS", "address": "+15005550242", "adress": "+15005550243",
    }]});
    let sent = placed(&world, &object("Contact", &patch));
    let said = send(&world, &sent, Sent::Created, false)
        .await
        .unwrap_err()
        .message;
    for field in ["spec.displayname", "spec.channels[0].adress"] {
        assert!(
            said.contains(&format!("unknown field \"{field}\"")),
            "{said}"
        );
    }
    assert!(!said.contains("15005550243"), "{said}");
    let said = send(&world, &sent, Sent::Applied, false)
        .await
        .unwrap_err()
        .message;
    assert!(said.contains("field not declared in schema"), "{said}");
    assert!(!said.contains("15005550243"), "{said}");

    let stored = send(&world, &sent, Sent::CreatedLeniently, false)
        .await
        .unwrap();
    assert_eq!(
        stored.data["spec"],
        json!({"displayName": "Alice", "channels": [{"name": "mobile", "type": "SMS", "address": "+15005550242"}]})
    );
    // What was misspelt is not there, and the rule says so.
    let misspelt = placed(
        &world,
        &object(
            "Contact",
            &json!({"metadata": {"name": "misspelt"}, "spec": {
                "channels": [{"name": "mobile", "type": "SMS", "adress": "+15005550244"}],
            }}),
        ),
    );
    let said = send(&world, &misspelt, Sent::CreatedLeniently, true)
        .await
        .unwrap_err()
        .message;
    assert!(
        said.contains("give either address or addressFrom"),
        "{said}"
    );
    world.finish().await;
}

/// A client that reads status before the operator has looked must see that nobody has looked.
#[tokio::test]
async fn a_fresh_object_of_every_kind_counts_as_not_looked_at() {
    let world = unattended("fresh").await;
    for (kind, _) in world.cluster.our_kinds().await.unwrap() {
        // Nobody works on it, so it has no status.
        if kind == "AccessGrant" {
            continue;
        }
        let fresh = send(
            &world,
            &placed(&world, &object(&kind, &json!({}))),
            Sent::Created,
            false,
        )
        .await
        .unwrap();
        assert_eq!(
            fresh.data["status"],
            json!({"observedGeneration": -1}),
            "{kind}"
        );
        assert_eq!(fresh.metadata.generation, Some(1), "{kind}");
        status_alone_keeps_the_generation(&world, &kind, &fresh).await;
    }
    world.finish().await;
}

async fn status_alone_keeps_the_generation(world: &World, kind: &str, fresh: &DynamicObject) {
    let mut changed = object(kind, &json!({"status": {"lastHandledReconcileAt": "now"}}));
    changed["metadata"]["namespace"] = json!(fresh.metadata.namespace);
    changed["metadata"]["name"] = json!(fresh.metadata.name);
    let stored = store(world, &changed).await;
    assert_eq!(
        stored.data["status"]["lastHandledReconcileAt"], "now",
        "{kind}"
    );
    assert_eq!(
        stored.metadata.generation,
        Some(1),
        "{kind}: status has no generation"
    );
    // A status in what users send is not taken.
    changed["status"]["lastHandledReconcileAt"] = json!("later");
    let stored = send(world, &changed, Sent::Applied, false).await.unwrap();
    assert_eq!(
        stored.data["status"]["lastHandledReconcileAt"], "now",
        "{kind}"
    );
}

#[tokio::test]
async fn every_kind_shows_columns_and_is_found_by_its_short_name_and_category() {
    let world = unattended("columns").await;
    for (kind, columns) in [
        (
            "ProviderConfig",
            [
                "NAME",
                "ACCOUNT",
                "REGION",
                "REPLICATIONSET",
                "IN-USE",
                "READY",
                "AGE",
            ]
            .as_slice(),
        ),
        (
            "Contact",
            &[
                "NAMESPACE",
                "NAME",
                "ALIAS",
                "ACTIVATED",
                "REACHABLE",
                "READY",
                "REASON",
                "AGE",
            ],
        ),
        (
            "ChannelActivation",
            &[
                "NAMESPACE",
                "NAME",
                "CONTACT",
                "CHANNEL",
                "PHASE",
                "READY",
                "AGE",
            ],
        ),
        ("AccessGrant", &["NAMESPACE", "NAME", "AGE"]),
        (
            "OnCallSchedule",
            &[
                "NAMESPACE",
                "NAME",
                "ON-CALL",
                "REACHABLE",
                "NEXT",
                "NEXT-HANDOFF",
                "COVERED",
                "READY",
                "AGE",
            ],
        ),
        (
            "RotationOverride",
            &[
                "NAMESPACE",
                "NAME",
                "SCHEDULE",
                "PHASE",
                "CHANGE",
                "START",
                "END",
                "READY",
                "AGE",
            ],
        ),
        (
            "EscalationPlan",
            &[
                "NAMESPACE",
                "NAME",
                "ALIAS",
                "STAGES",
                "FIRST",
                "READY",
                "REASON",
                "AGE",
            ],
        ),
        (
            "ResponsePlan",
            &[
                "NAMESPACE",
                "NAME",
                "NAME-IN-AWS",
                "TITLE",
                "IMPACT",
                "ENGAGES",
                "OPEN",
                "READY",
                "REASON",
                "AGE",
            ],
        ),
        (
            "Incident",
            &[
                "NAMESPACE",
                "NAME",
                "TITLE",
                "IMPACT",
                "PHASE",
                "ACKNOWLEDGED-BY",
                "STARTED",
                "REASON",
                "AGE",
            ],
        ),
        (
            "TestPage",
            &[
                "NAMESPACE",
                "NAME",
                "TARGET",
                "PHASE",
                "PAGED",
                "ACKNOWLEDGED-BY",
                "READY",
                "REASON",
                "AGE",
            ],
        ),
    ] {
        send(
            &world,
            &placed(&world, &object(kind, &json!({}))),
            Sent::Created,
            false,
        )
        .await
        .unwrap();
        let shown = table::of_kind(&world.cluster, kind).await.unwrap();
        let header: Vec<&str> = shown.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(header, columns, "{kind}");
    }
    let resources = world
        .cluster
        .client()
        .list_api_group_resources("incident-operator.dev/v1alpha1")
        .await
        .unwrap();
    for resource in resources
        .resources
        .iter()
        .filter(|resource| !resource.name.contains('/'))
    {
        assert_eq!(
            resource.categories.as_deref(),
            Some(["incident-manager".to_owned()].as_slice()),
            "{}",
            resource.kind
        );
        assert_eq!(
            resource.short_names.as_ref().map(Vec::len),
            Some(1),
            "{}",
            resource.kind
        );
    }
    world.finish().await;
}

/// Every CRD is accepted as it is, without a warning that somebody would have to explain.
#[tokio::test]
async fn the_api_server_has_nothing_to_say_about_the_crds() {
    let world = unattended("conditions").await;
    for crd in world
        .cluster
        .list("CustomResourceDefinition", None)
        .await
        .unwrap()
    {
        if crd.data["spec"]["group"] != "incident-operator.dev" {
            continue;
        }
        let conditions = harness::checks::conditions(&crd);
        for (kind, wanted) in [
            ("NamesAccepted", true),
            ("Established", true),
            ("NonStructuralSchema", false),
            ("KubernetesAPIApprovalPolicyConformant", false),
        ] {
            let found = conditions
                .iter()
                .any(|condition| condition.kind == kind && condition.is_true());
            assert_eq!(
                found, wanted,
                "{kind} of {:?}: {conditions:?}",
                crd.metadata.name
            );
        }
        warnings_of(&world.cluster, &crd).await;
    }
    world.finish().await;
}

async fn warnings_of(cluster: &Cluster, crd: &DynamicObject) {
    let name = crd.metadata.name.clone().unwrap();
    let mut sent = serde_json::to_value(crd).unwrap();
    sent.as_object_mut().unwrap().remove("status");
    sent["apiVersion"] = json!("apiextensions.k8s.io/v1");
    sent["kind"] = json!("CustomResourceDefinition");
    let metadata = sent["metadata"].as_object_mut().unwrap();
    metadata.retain(|field, _| field == "name");
    let request = http::Request::patch(format!(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}?dryRun=All&fieldManager=user&force=true"
    ))
    .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
    .body(kube::client::Body::from(serde_json::to_vec(&sent).unwrap()))
    .unwrap();
    let answer = cluster.client().send(request).await.unwrap();
    assert!(answer.status().is_success(), "{name}: {}", answer.status());
    let warnings: Vec<_> = answer.headers().get_all("warning").iter().collect();
    assert!(warnings.is_empty(), "{name}: {warnings:?}");
}
