//! What only the operator can know is wrong: a condition and an Event that say what to do, and nothing in AWS.

use harness::world::SOON;
use harness::{World, checks, seconds};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::cases::{long, tags};

/// A Contact whose manifest is fine and which cannot be made all the same.
struct Bad {
    name: &'static str,
    spec: Value,
    /// `Stalled` when somebody must act, `ReferencesResolved` when something is missing that may come.
    condition: &'static str,
    reason: &'static str,
    /// What the message must say, all of it.
    words: &'static [&'static str],
    /// What mends it.
    remedy: Value,
}

fn secret(name: &str, label: Option<&str>, data: &Value) -> Value {
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque", "stringData": data});
    if let Some(label) = label {
        secret["metadata"]["labels"] = json!({"incident-operator.dev/contact-data": label});
    }
    secret
}

fn contact(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact", "metadata": {"name": name}, "spec": spec})
}

fn from_secret(name: &str, type_: &str, secret: &str, key: &str) -> Value {
    json!({"name": name, "type": type_, "addressFrom": {"secretKeyRef": {"name": secret, "key": key}}})
}

/// A contact whose one address comes from a key of the Secret `people`.
fn keyed(type_: &str, key: &str) -> Value {
    json!({"channels": [from_secret("hidden", type_, "people", key)]})
}

fn invalid(name: &'static str, spec: Value, words: &'static [&'static str], remedy: Value) -> Bad {
    Bad {
        name,
        spec,
        condition: "Stalled",
        reason: "InvalidSpec",
        words,
        remedy,
    }
}

fn missing(
    name: &'static str,
    spec: Value,
    reason: &'static str,
    words: &'static [&'static str],
    remedy: Value,
) -> Bad {
    Bad {
        name,
        spec,
        condition: "ReferencesResolved",
        reason,
        words,
        remedy,
    }
}

/// Values that are no addresses, by key. None may ever be shown.
fn malformed() -> Value {
    json!({
        "no-plus": "15005550301", "short": "+1500555", "long-number": "+1500555030212345", "spaced": "+1 500 555 0303",
        "extension": "+15005550304x12", "two-lines": "+15005550305\n+15005550306", "mail-as-phone": "leo.secret@example.org",
        "no-at": "mia.secret.example.org", "two-at": "mia@secret@example.org", "spaced-mail": "mia secret@example.org",
        "phone-as-mail": "+15005550307", "long-mail": format!("{}@example.org", long("m", 309)), "nbsp": "mia\u{a0}secret@example.org",
        "empty": "", "blank": "  \n", "good-number": "+15005550308", "good-mail": "noah.secret@example.org",
        "padded": "\n  +15005550309 \n", "good-mail-capitals": "noah.secret@EXAMPLE.ORG",
    })
}

const PHONE: &[&str] = &[
    "the address of channel \"hidden\" is not a phone number",
    "8 to 15 digits without spaces",
    "CHK-15",
    "correct it where it is kept",
];
const MAIL: &[&str] = &[
    "the address of channel \"hidden\" is not a mail address of at most 320 characters",
    "CHK-15",
    "correct it where it is kept",
];
const DUPLICATE: &[&str] = &[
    "channel \"second\" has the same type and address as another channel",
    "AWS takes an address once",
];

fn addresses() -> Vec<Bad> {
    let number = keyed("SMS", "good-number");
    let mail = keyed("Email", "good-mail");
    let mut bad: Vec<Bad> = [
        ("no-plus", "no-plus"),
        ("short", "short"),
        ("long-number", "long-number"),
        ("spaced", "spaced"),
        ("extension", "extension"),
        ("two-lines", "two-lines"),
        ("mail-as-phone", "mail-as-phone"),
        ("empty-number", "empty"),
        ("blank-number", "blank"),
    ]
    .map(|(name, key)| invalid(name, keyed("SMS", key), PHONE, number.clone()))
    .into();
    bad.extend(
        [
            ("no-at", "no-at"),
            ("two-at", "two-at"),
            ("spaced-mail", "spaced-mail"),
            ("phone-as-mail", "phone-as-mail"),
            ("long-mail", "long-mail"),
            ("nbsp", "nbsp"),
            ("empty-mail", "empty"),
        ]
        .map(|(name, key)| invalid(name, keyed("Email", key), MAIL, mail.clone())),
    );
    bad.push(invalid(
        "not-text",
        json!({"channels": [from_secret("hidden", "SMS", "bytes", "bytes")]}),
        &["key \"bytes\" of Secret \"bytes\" is not text"],
        number.clone(),
    ));
    bad.push(invalid(
        "telling-name",
        json!({"channels": [from_secret("mobile 15005550308", "SMS", "people", "good-number")]}),
        &[
            "the name of channel number 1 holds an address",
            "Rename the channel",
        ],
        number.clone(),
    ));
    // Inline and allowed by CEL, whose white space is ASCII.
    bad.push(invalid(
        "inline-nbsp",
        json!({"channels": [{"name": "hidden", "type": "Email", "address": "olga\u{a0}inline@example.org"}]}),
        MAIL,
        mail.clone(),
    ));
    bad.push(invalid(
        "twice",
        json!({"channels": [
            {"name": "first", "type": "SMS", "address": "+15005550310"}, {"name": "second", "type": "SMS", "address": "+15005550310"},
        ]}),
        DUPLICATE,
        json!({"channels": [
            {"name": "first", "type": "SMS", "address": "+15005550310"}, {"name": "third", "type": "Voice", "address": "+15005550310"},
        ]}),
    ));
    bad.push(invalid(
        "twice-in-secret",
        json!({"channels": [
            {"name": "first", "type": "SMS", "address": "+15005550308"}, from_secret("second", "SMS", "people", "good-number"),
        ]}),
        DUPLICATE,
        json!({"channels": [from_secret("second", "SMS", "people", "good-number")]}),
    ));
    bad.push(invalid(
        "twice-in-other-letters",
        json!({"channels": [from_secret("first", "Email", "people", "good-mail"), from_secret("second", "Email", "people", "good-mail-capitals")]}),
        DUPLICATE,
        json!({"channels": [from_secret("first", "Email", "people", "good-mail")]}),
    ));
    bad
}

fn references() -> Vec<Bad> {
    let other =
        |secret: &str| json!({"channels": [from_secret("hidden", "SMS", secret, "number")]});
    vec![
        missing(
            "no-secret",
            other("absent"),
            "ReferenceNotFound",
            &["Secret \"absent\" does not exist (yet) in namespace"],
            secret("absent", Some("true"), &json!({"number": "+15005550311"})),
        ),
        missing(
            "no-key",
            other("keyless"),
            "ReferenceNotFound",
            &["Secret \"keyless\" has no key \"number\""],
            secret("keyless", Some("true"), &json!({"number": "+15005550312"})),
        ),
        missing(
            "no-label",
            other("unlabelled"),
            "SecretNotLabelled",
            &[
                "Secret \"unlabelled\" is not read",
                "incident-operator.dev/contact-data: \"true\"",
                "label it",
            ],
            secret(
                "unlabelled",
                Some("true"),
                &json!({"number": "+15005550313"}),
            ),
        ),
        missing(
            "other-label",
            other("mislabelled"),
            "SecretNotLabelled",
            &[
                "Secret \"mislabelled\" is not read",
                "incident-operator.dev/contact-data: \"true\"",
            ],
            secret(
                "mislabelled",
                Some("true"),
                &json!({"number": "+15005550314"}),
            ),
        ),
    ]
}

fn plans() -> Vec<Bad> {
    let people = json!([from_secret("hidden", "SMS", "people", "padded")]);
    let at = |minutes: &[i64]| {
        let entries: Vec<Value> = minutes
            .iter()
            .map(|minute| json!({"channel": "hidden", "engageAfterMinutes": minute}))
            .collect();
        json!({"channels": people, "engagementPlan": entries})
    };
    let crowd: Vec<Value> = (0..11)
        .map(|number| json!({"name": format!("c{number}"), "type": "Voice", "address": format!("+150055503{:02}", number + 20)}))
        .collect();
    let all_at_once = |count: usize| {
        let entries: Vec<Value> = (0..count)
            .map(|number| json!({"channel": format!("c{number}"), "engageAfterMinutes": 0}))
            .collect();
        json!({"channels": crowd, "engagementPlan": entries})
    };
    vec![
        invalid(
            "eleven-minutes",
            at(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            &[
                "the engagement plan needs 11 stages",
                "AWS allows 10",
                "fewer different minutes or shorter gaps",
            ],
            at(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ),
        invalid(
            "long-gaps",
            at(&[0, 100, 200, 270]),
            &[
                "the engagement plan needs 12 stages",
                "a stage lasts at most 30 minutes",
            ],
            at(&[0, 100, 200]),
        ),
        invalid(
            "a-crowd",
            all_at_once(11),
            &["11 channels are engaged at the same minute; AWS allows 10 in a stage"],
            all_at_once(10),
        ),
    ]
}

/// With 30 default tags of the ProviderConfig, 17 of an object's own are left.
fn tag_counts() -> Vec<Bad> {
    vec![invalid(
        "many-tags",
        json!({"tags": tags(18), "channels": []}),
        &[
            "spec.tags, together with the 30 default tags of ProviderConfig",
            "48 tags, at most 47 fit beside the operator's three",
            "CHK-51",
        ],
        json!({"tags": tags(17), "channels": []}),
    )]
}

/// Waits for the condition, and holds every place where it is told against what it must say.
async fn told(world: &World, bad: &Bad) {
    let Bad {
        name,
        condition,
        reason,
        words,
        ..
    } = bad;
    let status = if *condition == "Stalled" {
        "True"
    } else {
        "False"
    };
    let found = world
        .condition("Contact", name, condition, status, reason)
        .await;
    for word in *words {
        assert!(
            found.message.contains(word),
            "{name}: {word:?} is not in {found}"
        );
    }
    let object = world.get("Contact", name).await;
    let ready = checks::condition(&object, "Ready").unwrap();
    assert_eq!(
        (
            ready.status.as_str(),
            ready.reason.as_str(),
            ready.message.as_str()
        ),
        ("False", *reason, found.message.as_str()),
        "{name}"
    );
    let stalled = checks::condition(&object, "Stalled").is_some();
    assert_eq!(stalled, *condition == "Stalled", "{name}");
    assert_eq!(
        checks::condition(&object, "Reconciling").is_some(),
        !stalled,
        "{name}: what may come by itself is waited for"
    );
    assert!(
        object.finalizers().is_empty(),
        "{name}: nothing was decided that a finalizer would have to guard"
    );
    assert!(object.data["status"]["arn"].is_null(), "{name}");
    world
        .eventually(&format!("an Event tells of {name}"), SOON, async || {
            let events = world.events("Contact", name).await;
            let told = events.iter().any(|event| {
                event.severity == "Warning"
                    && event.reason == *reason
                    && event.message.contains(words[0])
            });
            if told {
                Ok(())
            } else {
                Err(format!("{events:?}"))
            }
        })
        .await;
}

#[tokio::test]
async fn what_only_the_operator_knows_is_a_condition_and_mending_it_is_enough() {
    let world = World::builder("operator")
        .provider(json!({"defaultTags": default_tags()}))
        .build()
        .await;
    for value in malformed().as_object().unwrap().values() {
        world.sensitive(value.as_str().unwrap());
    }
    world
        .apply_value(secret("people", Some("true"), &malformed()))
        .await;
    let mut bytes = secret("bytes", Some("true"), &json!({}));
    // Not UTF-8, though most of it is a number.
    bytes["data"] = json!({"bytes": "//4rMTUwMDU1NTAzMTU="});
    world.sensitive("15005550315");
    world.apply_value(bytes).await;
    world
        .apply_value(secret(
            "keyless",
            Some("true"),
            &json!({"other": "+15005550316"}),
        ))
        .await;
    world
        .apply_value(secret(
            "unlabelled",
            None,
            &json!({"number": "+15005550317"}),
        ))
        .await;
    world
        .apply_value(secret(
            "mislabelled",
            Some("True"),
            &json!({"number": "+15005550318"}),
        ))
        .await;

    let all: Vec<Bad> = [addresses(), references(), plans(), tag_counts()]
        .into_iter()
        .flatten()
        .collect();
    for bad in &all {
        world.apply_value(contact(bad.name, &bad.spec)).await;
    }
    for bad in &all {
        told(&world, bad).await;
    }
    assert_eq!(world.aws().await, vec![], "nothing of them is in AWS");

    for bad in &all {
        if bad.remedy["kind"] == "Secret" {
            world.apply_value(bad.remedy.clone()).await;
        } else {
            world.apply_value(contact(bad.name, &bad.remedy)).await;
        }
    }
    for bad in &all {
        let object = world.ready("Contact", bad.name).await;
        for condition in ["Stalled", "Reconciling"] {
            assert!(
                checks::condition(&object, condition).is_none(),
                "{}",
                bad.name
            );
        }
    }
    assert_eq!(world.aws().await.len(), all.len());
    world.finish().await;
}

fn default_tags() -> Value {
    (0..30)
        .map(|number| (format!("default-{number}"), json!("value")))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// What is wrong with the ProviderConfig is told by the ProviderConfig and by every object that uses it.
#[tokio::test]
async fn a_provider_config_that_cannot_be_used_says_why_and_so_does_its_contact() {
    let world = World::builder("provider").build().await;
    let with = |suffix: &str, patch: &Value| {
        let mut config = world.provider_config();
        config["metadata"]["name"] = json!(format!("{}-{suffix}", world.id));
        for (field, value) in patch.as_object().unwrap() {
            config["spec"][field] = value.clone();
        }
        config
    };
    let role = "arn:aws:iam::999999999999:role/oncall";
    let cases = [
        (
            "other-account",
            json!({"accountId": "999999999998"}),
            "WrongAccount",
            "999999999998",
        ),
        (
            "other-role",
            json!({"assumeRole": {"roleArn": role}}),
            "WrongAccount",
            "999999999999",
        ),
        (
            "other-region",
            json!({"region": "eu-west-1"}),
            "RegionNotInReplicationSet",
            "eu-west-1",
        ),
        (
            "nobody",
            json!({"allowedNamespaces": {"names": ["elsewhere"]}}),
            "NamespaceNotAllowed",
            "add it to spec.allowedNamespaces",
        ),
        (
            "unselected",
            json!({"allowedNamespaces": {"selector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}]}}}),
            "NamespaceNotAllowed",
            "add it to spec.allowedNamespaces",
        ),
        (
            "unreachable",
            json!({"endpoints": [{"service": "STS", "url": "http://127.0.0.1:9"}]}),
            "Unavailable",
            "GetCallerIdentity",
        ),
    ];
    for (suffix, patch, ..) in &cases {
        world.apply_value(with(suffix, patch)).await;
    }
    for (suffix, _, reason, words) in &cases {
        if *reason == "NamespaceNotAllowed" {
            continue;
        }
        let name = format!("{}-{suffix}", world.id);
        world
            .eventually(
                &format!("ProviderConfig {suffix} says {reason}"),
                SOON,
                async || {
                    let object = world
                        .find("ProviderConfig", &name)
                        .await
                        .ok_or("not there")?;
                    let ready = checks::condition(&object, "Ready").ok_or("no condition")?;
                    let so = ready.status != "True"
                        && ready.reason == *reason
                        && ready.message.contains(words);
                    if so { Ok(()) } else { Err(ready.to_string()) }
                },
            )
            .await;
    }
    for (suffix, ..) in &cases {
        let spec = json!({
            "providerConfigRef": {"name": format!("{}-{suffix}", world.id)},
            "channels": [{"name": "mobile", "type": "SMS", "address": "+15005550340"}],
        });
        world.apply_value(contact(suffix, &spec)).await;
    }
    let spec = json!({"providerConfigRef": {"name": format!("{}-absent", world.id)}});
    world.apply_value(contact("absent", &spec)).await;
    let told = async |name: &str, reason: &str, words: &str| {
        world
            .eventually(&format!("{name} says {reason}"), SOON, async || {
                let object = world.find("Contact", name).await.ok_or("not there")?;
                let ready = checks::condition(&object, "Ready").ok_or("no condition")?;
                let so = ready.status != "True"
                    && ready.reason == reason
                    && ready.message.contains(words);
                if so {
                    Ok(object)
                } else {
                    Err(ready.to_string())
                }
            })
            .await
    };
    for (name, _, reason, words) in &cases {
        let object = told(name, reason, words).await;
        assert!(object.finalizers().is_empty(), "{name}");
    }
    told(
        "absent",
        "ProviderConfigNotFound",
        "create it or name another in spec.providerConfigRef",
    )
    .await;
    assert_eq!(world.aws().await, vec![]);
    world.finish().await;
}

/// An alias lives by the rules of the table while a real operator works.
#[tokio::test]
async fn an_alias_is_free_until_the_operator_begins_and_fixed_then() {
    let world = World::builder("alias").without_provider().build().await;
    let named = |spec: &Value| contact("alice", spec);
    let try_alias = async |alias: &Value| {
        world
            .try_apply(&world.at_home(named(&json!({"displayName": "Alice", "alias": alias}))))
            .await
            .map_err(|error| harness::cluster::message(&error))
    };
    // Nothing can be made yet: absent becomes set.
    world
        .apply_value(named(&json!({"displayName": "Alice"})))
        .await;
    world
        .condition(
            "Contact",
            "alice",
            "Ready",
            "False",
            "ProviderConfigNotFound",
        )
        .await;
    world
        .apply_value(named(
            &json!({"displayName": "Alice", "alias": "alice-of-oncall"}),
        ))
        .await;
    let refused = try_alias(&json!("carol")).await.unwrap_err();
    assert!(
        refused.contains("spec.alias cannot be changed"),
        "{refused}"
    );

    world.apply_value(world.provider_config()).await;
    let object = world.ready("Contact", "alice").await;
    assert_eq!(object.data["status"]["summary"]["alias"], "alice-of-oncall");
    assert_eq!(world.aws().await[0].alias, "alice-of-oncall");
    for other in [json!("alice"), json!("carol")] {
        let refused = try_alias(&other).await.unwrap_err();
        assert!(refused.contains("Make a new Contact"), "{other}: {refused}");
    }
    let refused = world.refused(named(&json!({"displayName": "Alice"}))).await;
    assert!(
        refused.contains("spec.alias cannot be changed"),
        "{refused}"
    );

    // Absent means the name, and saying it changes nothing.
    world
        .apply_value(contact("bob", &json!({"displayName": "Bob"})))
        .await;
    world.ready("Contact", "bob").await;
    let before = world.last_call().await;
    let refused = world
        .refused(contact(
            "bob",
            &json!({"displayName": "Bob", "alias": "robert"}),
        ))
        .await;
    assert!(
        refused.contains("spec.alias cannot be changed"),
        "{refused}"
    );
    world
        .apply_value(contact(
            "bob",
            &json!({"displayName": "Bob", "alias": "bob"}),
        ))
        .await;
    world.ready("Contact", "bob").await;
    world
        .apply_value(contact("bob", &json!({"displayName": "Bob"})))
        .await;
    world.ready("Contact", "bob").await;
    let writes: Vec<String> = world
        .operator_calls(before)
        .await
        .into_iter()
        .filter(|call| call.mutating && call.service != "sts")
        .map(|call| call.operation)
        .collect();
    assert_eq!(writes, Vec::<String>::new());
    world.finish().await;
}

/// While AWS is making the contact under one alias, another would leave the first behind.
#[tokio::test]
async fn an_alias_cannot_be_changed_while_the_contact_is_being_made() {
    let world = World::new("alias-race").await;
    let hold = world.hold("CreateContact", 1, harness::When::After).await;
    world
        .apply_value(contact("alice", &json!({"displayName": "Alice"})))
        .await;
    assert!(world.simulator.held(&hold, SOON).await.unwrap());
    let refused = world
        .refused(contact(
            "alice",
            &json!({"displayName": "Alice", "alias": "alicia"}),
        ))
        .await;
    assert!(
        refused.contains("spec.alias cannot be changed"),
        "{refused}"
    );
    world.simulator.forget_hold(&hold, false).await.unwrap();
    world.ready("Contact", "alice").await;
    world.delete_and_wait("Contact", "alice").await;
    world.aws_empty().await;
    world.finish().await;
}

/// What cannot be sent or given back, with codes that nobody may ever read.
#[tokio::test]
async fn an_activation_that_cannot_work_says_why_without_the_code() {
    let world = World::new("activation").await;
    world
        .apply_value(secret(
            "people",
            Some("true"),
            &json!({"number": "+15005550350"}),
        ))
        .await;
    world
        .apply_value(contact(
            "pia",
            &json!({"channels": [from_secret("mobile", "SMS", "people", "number")]}),
        ))
        .await;
    world.ready("Contact", "pia").await;
    let activation = |name: &str, contact: &str, channel: &str, secret: &str| {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ChannelActivation", "metadata": {"name": name},
            "spec": {"contactRef": {"name": contact}, "channel": channel, "codeFrom": {"secretKeyRef": {"name": secret, "key": "code"}}},
        })
    };
    for (name, contact, channel, words) in [
        (
            "nobody",
            "quinn",
            "mobile",
            "Contact \"quinn\" does not exist (yet)",
        ),
        (
            "nowhere",
            "pia",
            "pager",
            "Contact \"pia\" has no channel \"pager\"",
        ),
    ] {
        world
            .apply_value(activation(name, contact, channel, "codes"))
            .await;
        let found = world
            .condition(
                "ChannelActivation",
                name,
                "ReferencesResolved",
                "False",
                "ReferenceNotFound",
            )
            .await;
        assert!(found.message.contains(words), "{found}");
    }
    assert_eq!(world.codes_sent().await, 0);

    world
        .apply_value(activation("request", "pia", "mobile", "codes"))
        .await;
    world
        .condition(
            "ChannelActivation",
            "request",
            "Ready",
            "True",
            "AwaitingCode",
        )
        .await;
    assert_eq!(world.codes_sent().await, 1);
    // The Secret comes unlabelled, then with one wrong code after the other, then with the right one.
    world
        .apply_value(secret("codes", None, &json!({"code": "919293949"})))
        .await;
    world.reconcile_now("ChannelActivation", "request").await;
    let found = world
        .condition(
            "ChannelActivation",
            "request",
            "ReferencesResolved",
            "False",
            "SecretNotLabelled",
        )
        .await;
    assert!(
        found.message.contains("Secret \"codes\" is not read"),
        "{found}"
    );
    for code in [
        "12345",
        "98765432101",
        "topsecret",
        "４５６７８９",
        "707172737",
        "",
    ] {
        world.sensitive(code);
        let before = world.last_call().await;
        world
            .apply_value(secret("codes", Some("true"), &json!({"code": code})))
            .await;
        let well_formed =
            (6..=10).contains(&code.len()) && code.bytes().all(|digit| digit.is_ascii_digit());
        world
            .eventually(
                &format!("the code of {} bytes is refused", code.len()),
                SOON,
                async || {
                    let version = world.get("Secret", "codes").await.resource_version();
                    let request = world.get("ChannelActivation", "request").await;
                    request.data["status"]["refusedCodeVersion"].as_str() == version.as_deref()
                },
            )
            .await;
        let found = world
            .condition(
                "ChannelActivation",
                "request",
                "Stalled",
                "True",
                "WrongCode",
            )
            .await;
        assert!(found.message.contains("6 to 10 digits"), "{found}");
        let tried = world
            .operator_calls(before)
            .await
            .iter()
            .filter(|call| call.operation == "ActivateContactChannel")
            .count();
        assert_eq!(
            tried,
            usize::from(well_formed),
            "what cannot be a code is not sent"
        );
    }
    let channel = world.get("Contact", "pia").await.data["status"]["channels"][0]["arn"].clone();
    let code = world.last_code(channel.as_str().unwrap()).await.unwrap();
    world
        .apply_value(secret(
            "codes",
            Some("true"),
            &json!({"code": format!(" {code}\n")}),
        ))
        .await;
    world
        .condition("ChannelActivation", "request", "Ready", "True", "Activated")
        .await;
    assert_eq!(
        world.codes_sent().await,
        1,
        "no wrong code had another one sent"
    );
    world
        .eventually("the contact shows it", seconds(30), async || {
            world.get("Contact", "pia").await.data["status"]["summary"]["activated"] == "1/1"
        })
        .await;
    world.finish().await;
}
