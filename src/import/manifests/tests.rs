use std::collections::BTreeMap;

use crate::api::contact::ChannelType;
use crate::api::on_call_schedule::{DailyHandOff, DailyRecurrence, Recurrence, RecurrenceType};
use crate::import::account::{ReplicationSet, RotationFields};

use super::*;

const NOW: &str = "2026-11-22T09:00:00Z";

fn arn(kind: &str, id: &str) -> String {
    format!("arn:aws:ssm-contacts:us-east-1:123456789012:{kind}/{id}")
}

fn contact(alias: &str, content: Content) -> Contact {
    Contact {
        arn: arn("contact", alias),
        alias: alias.to_owned(),
        display_name: String::new(),
        content,
        tags: BTreeMap::new(),
    }
}

fn channel(name: &str, address: &str) -> Channel {
    Channel {
        arn: arn("contact-channel", &format!("x/{name}{address}")),
        name: name.to_owned(),
        type_: Some(ChannelType::SMS),
        address: address.to_owned(),
    }
}

fn person(alias: &str, channels: Vec<Channel>, planned: &[usize]) -> Contact {
    let targets = planned.iter().map(|index| Target::Channel {
        arn: channels[*index].arn.clone(),
        retry: None,
    });
    let stages = vec![Stage {
        duration: 5,
        targets: targets.collect(),
    }];
    contact(alias, Content::Person { stages, channels })
}

fn rotation(name: &str, members: &[&str]) -> Rotation {
    Rotation {
        arn: arn("rotation", name),
        name: name.to_owned(),
        spec: Some(RotationFields {
            start_time: "2026-01-05T09:00:00Z".to_owned(),
            time_zone: "UTC".to_owned(),
            recurrence: Recurrence {
                type_: RecurrenceType::Daily,
                daily: Some(DailyRecurrence {
                    hand_offs: vec![DailyHandOff {
                        time: "09:00".to_owned(),
                    }],
                }),
                weekly: None,
                monthly: None,
                shift_length: None,
                number_of_on_calls: None,
            },
            coverage: None,
        }),
        members: members.iter().map(|m| arn("contact", m)).collect(),
        tags: BTreeMap::new(),
        overrides: vec![],
    }
}

fn schedule(alias: &str, rotations: &[&str]) -> Contact {
    let rotations = rotations.iter().map(|r| arn("rotation", r)).collect();
    contact(alias, Content::Schedule { rotations })
}

fn plan(alias: &str, targets: &[&str]) -> Contact {
    let targets = targets.iter().map(|t| Target::Contact {
        arn: Some(arn("contact", t)),
        essential: false,
    });
    let stages = vec![Stage {
        duration: 5,
        targets: targets.collect(),
    }];
    contact(alias, Content::EscalationPlan { stages })
}

fn account(contacts: Vec<Contact>, rotations: Vec<Rotation>) -> Account {
    Account {
        account_id: "123456789012".to_owned(),
        region: "us-east-1".to_owned(),
        contacts: contacts.into_iter().map(|c| (c.arn.clone(), c)).collect(),
        rotations: rotations.into_iter().map(|r| (r.arn.clone(), r)).collect(),
        replication_set: Some(ReplicationSet {
            arn: "arn:aws:ssm-incidents::123456789012:replication-set/1".to_owned(),
            regions: BTreeMap::from([("us-east-1".to_owned(), None)]),
            protected: true,
            tags: BTreeMap::new(),
            taggable: true,
        }),
        response_plans: BTreeMap::new(),
        alternate_contacts: vec![],
        vpc_endpoints: vec![],
    }
}

fn options(namespaces: NamespaceRule) -> Options {
    Options {
        namespaces,
        owner_id: "prod".to_owned(),
        provider_config: "default".to_owned(),
        addresses_as_secrets: true,
        operator_namespace: "incident-operator".to_owned(),
        prune_protection: true,
        now: NOW.parse().unwrap(),
    }
}

fn made(account: &Account) -> Manifests {
    manifests(account, &options(NamespaceRule::One("n".to_owned())))
}

fn tagged(mut contact: Contact, key: &str, value: &str) -> Contact {
    contact.tags.insert(key.to_owned(), value.to_owned());
    contact
}

fn find<'a>(made: &'a Manifests, kind: &str, name: &str) -> &'a Value {
    let found = made
        .objects
        .iter()
        .find(|o| o.kind == kind && o.name == name);
    &found
        .unwrap_or_else(|| panic!("{kind} {name}: {:?}", made.problems))
        .content
}

fn told(problems: &[Problem]) -> Vec<String> {
    let line = |p: &Problem| format!("{}: {}", p.subject, p.message);
    problems.iter().map(line).collect()
}

#[test]
fn another_contact_changes_no_other_manifest() {
    let people = ["a_b", "a-b", "a__b", "alice"];
    let all = |names: &[&str]| {
        let all = names.iter().map(|n| person(n, vec![], &[]));
        let mut contacts: Vec<Contact> = all.collect();
        contacts.push(schedule("primary", &["week"]));
        made(&account(contacts, vec![rotation("week", &people)]))
    };
    let before = all(&people);
    let after = all(&["0", "a_b", "a--b", "a-b", "a__b", "_a_b", "alice", "zz"]);
    for object in before.objects {
        assert!(after.objects.contains(&object), "{object:?}");
    }
    assert_eq!(told(&after.left_out).len() + told(&after.problems).len(), 0);
}

#[test]
fn a_shared_rotation_belongs_to_the_first_schedule_and_the_other_is_written_without_it() {
    let account = account(
        vec![
            person("alice", vec![], &[]),
            schedule("one", &["week"]),
            schedule("two", &["week", "own"]),
        ],
        vec![rotation("week", &["alice"]), rotation("own", &["alice"])],
    );
    let made = made(&account);
    let names = |schedule: &str| {
        let rotations = &find(&made, "OnCallSchedule", schedule)["spec"]["rotations"];
        let rotations = rotations.as_array().unwrap().iter();
        rotations
            .map(|r| r["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (names("one"), names("two")),
        (vec!["week".to_owned()], vec!["own".to_owned()])
    );
    let left_out = told(&made.left_out);
    assert_eq!(left_out.len(), 1);
    assert!(
        left_out[0].starts_with("two: rotation \"week\": it is in the schedule one, too"),
        "{left_out:?}"
    );
    assert!(!made.are_complete() && made.problems.is_empty());
}

#[test]
fn what_no_manifest_can_say_is_named_with_its_reason_and_without_an_address() {
    let number = "+15005550177";
    let gone = Contact {
        content: Content::Person {
            stages: vec![Stage {
                duration: 5,
                targets: vec![Target::Channel {
                    arn: arn("contact-channel", "gone"),
                    retry: None,
                }],
            }],
            channels: vec![],
        },
        ..contact("gone-channel", Content::Unknown)
    };
    let mut crowded = person("tags", vec![], &[]);
    crowded
        .tags
        .extend((0..48).map(|n| (format!("tag-{n}"), "x".to_owned())));
    let mut nothing = plan("nothing", &[]);
    nothing.content = Content::EscalationPlan { stages: vec![] };
    let mut waits = plan("waits", &[]);
    waits.content = Content::EscalationPlan {
        stages: vec![Stage {
            duration: 0,
            targets: vec![],
        }],
    };
    let named = [
        channel("mobile", number),
        channel("15005550177", "+15005550178"),
    ];
    let twins = vec![channel("twin", number), channel("twin", "+15005550178")];
    let same = vec![channel("one", number), channel("two", number)];
    let account = account(
        vec![
            gone,
            crowded,
            nothing,
            waits,
            plan("engages-plan", &["nothing"]),
            contact("unknown", Content::Unknown),
            person("named-in-plan", named.to_vec(), &[1]),
            person("named", named.to_vec(), &[0]),
            person("twins", twins.clone(), &[]),
            person("twins-in-plan", twins, &[0]),
            person("same", same, &[0]),
            person("short", vec![channel("mobile", "+1500")], &[0]),
            schedule("lost", &["never"]),
        ],
        vec![rotation("lonely", &["same"])],
    );
    let made = made(&account);
    let problems = told(&made.problems);
    let reasons = [
        ("engages-plan", "escalation plan"),
        ("gone-channel", "deleted"),
        ("lonely", "in no schedule"),
        ("lost", "which AWS does not have"),
        ("named-in-plan", "holds an address"),
        ("nothing", "no stage"),
        ("short", "not one that this operator takes"),
        ("tags", "48 tags"),
        ("twins-in-plan", "two channels are named \"twin\""),
        ("unknown", "does not know"),
        ("waits", "0 minutes"),
    ];
    assert_eq!(problems.len(), reasons.len(), "{problems:#?}");
    for ((subject, reason), told) in reasons.iter().zip(&problems) {
        assert!(
            told.starts_with(&format!("{subject}: ")) && told.contains(reason),
            "{told}"
        );
    }
    let left_out = told(&made.left_out);
    let subjects: Vec<&str> = left_out
        .iter()
        .filter_map(|t| t.split(':').next())
        .collect();
    assert_eq!(subjects, ["named", "same", "twins"], "{left_out:#?}");
    for text in problems.iter().chain(&left_out).chain(&told(&made.notes)) {
        assert!(!text.contains("5005550"), "{text}");
    }
    let channels = |name: &str| {
        let channels = &find(&made, "Contact", name)["spec"]["channels"];
        channels.as_array().map_or(0, Vec::len)
    };
    assert_eq!(
        (channels("named"), channels("same"), channels("twins")),
        (1, 1, 0)
    );
}

#[test]
fn the_replication_set_is_written_as_it_is() {
    let mut account = account(vec![], vec![]);
    let set = account.replication_set.as_mut().unwrap();
    let key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    set.regions = BTreeMap::from([("us-east-1".to_owned(), Some(key.to_owned()))]);
    set.protected = false;
    set.tags = [
        ("team", "payments"),
        ("incident-operator/owner", "before"),
        ("aws:cloudformation:stack-name", "x"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    let made = made(&account);
    let object = find(&made, "ReplicationSet", "default");
    assert_eq!(
        object["spec"],
        json!({
            "adoptionPolicy": "Adopt",
            "regions": [{"name": "us-east-1", "sseKmsKeyId": key}],
            "deletionProtection": false,
            "tags": {"team": "payments"},
        })
    );
    let annotations = &object["metadata"]["annotations"];
    assert_eq!(
        annotations["argocd.argoproj.io/sync-options"],
        "Prune=false"
    );
    account.replication_set = None;
    let without = manifests(&account, &options(NamespaceRule::One("n".to_owned())));
    assert!(without.objects.iter().all(|o| o.kind != "ReplicationSet"));
}

#[test]
fn rotations_that_a_manifest_cannot_have_are_left_out_and_their_overrides_with_them() {
    let found = |members: usize, start: &str, end: &str| Override {
        id: format!("{members}{start}"),
        start: start.parse().unwrap(),
        end: end.parse().unwrap(),
        members: vec![arn("contact", "alice"); members],
    };
    let mut coded = rotation("coded", &["alice"]);
    coded.spec.as_mut().unwrap().time_zone = "EST".to_owned();
    coded.overrides = vec![found(1, "2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z")];
    let mut strange = rotation("strange", &["alice"]);
    strange.spec = None;
    let mut twin = rotation("twin", &["alice"]);
    twin.name = "coded".to_owned();
    let mut week = rotation("week", &["alice"]);
    week.overrides = vec![
        // Over, running, to come, of more people than AWS shows, within a second.
        found(1, "2026-11-22T06:00:00Z", "2026-11-22T09:00:00Z"),
        found(1, "2026-11-22T06:00:00Z", "2026-11-22T10:00:00Z"),
        found(0, "2026-11-23T06:00:00Z", "2026-11-23T10:00:00Z"),
        found(25, "2026-11-24T06:00:00Z", "2026-11-24T10:00:00Z"),
        found(1, "2026-11-25T06:00:00.5Z", "2026-11-25T10:00:00Z"),
    ];
    let account = account(
        vec![
            person("alice", vec![], &[]),
            schedule("primary", &["week", "strange", "coded"]),
            schedule("twins", &["coded", "twin"]),
        ],
        vec![week, coded, strange, twin],
    );
    let made = made(&account);
    let overrides = made.objects.iter().filter(|o| o.kind == "RotationOverride");
    let overrides: Vec<&Value> = overrides.map(|o| &o.content["spec"]).collect();
    assert_eq!(overrides.len(), 2, "{overrides:?}");
    for spec in overrides {
        assert_eq!(spec["adoptionPolicy"], json!("Adopt"));
        assert_eq!(spec["scheduleRef"], json!({"name": "primary"}));
        assert_eq!(spec["rotation"], json!("week"));
        let nobody = spec["startTime"] == json!("2026-11-23T06:00:00Z");
        let people = if nobody {
            json!([])
        } else {
            json!([{"name": "alice"}])
        };
        assert_eq!(spec["contactRefs"], people);
    }
    assert_eq!(made.problems.len(), 2, "{:?}", made.problems);
    let left_out = told(&made.left_out);
    assert_eq!(left_out.len(), 4, "{left_out:#?}");
    assert!(find(&made, "OnCallSchedule", "twins")["spec"]["rotations"].is_null());
}

#[test]
fn tags_that_rotations_have_otherwise_stay_and_ours_are_none() {
    let mut week = rotation("week", &["alice"]);
    for (key, value) in [("team", "a"), ("tier", "2"), ("only", "x")] {
        week.tags.insert(key.to_owned(), value.to_owned());
    }
    week.tags
        .insert("incident-operator/owner".to_owned(), "prod".to_owned());
    let primary = tagged(schedule("primary", &["week"]), "team", "a");
    let primary = tagged(tagged(primary, "tier", "1"), "aws:x", "y");
    let primary = tagged(primary, "incident-operator/object", "z");
    let contacts = vec![person("alice", vec![], &[]), primary];
    let made = made(&account(contacts, vec![week]));
    let spec = &find(&made, "OnCallSchedule", "primary")["spec"];
    assert_eq!(spec["tags"], json!({"team": "a"}));
    assert_eq!(told(&made.left_out).len(), 2, "{:?}", made.left_out);
}

#[test]
fn namespaces_follow_the_rule_and_are_explained_where_they_differ() {
    let people = [
        ("alice", "payments"),
        ("bob", "Payments"),
        ("carol", "支払い"),
        ("dan", "kube-system"),
        ("erin", "search"),
    ];
    let mut contacts: Vec<Contact> = people
        .iter()
        .map(|(name, team)| tagged(person(name, vec![], &[]), "team", team))
        .collect();
    contacts.push(person("frank", vec![], &[]));
    contacts.push(tagged(
        plan("plan", &["alice", "frank", "nobody"]),
        "team",
        "search",
    ));
    let rule = NamespaceRule::Tag("team".to_owned(), "others".to_owned());
    let made = manifests(&account(contacts, vec![]), &options(rule));
    let namespace = |name: &str| {
        let found = made
            .objects
            .iter()
            .find(|o| o.kind == "Contact" && o.name == name);
        found.unwrap().namespace.clone().unwrap()
    };
    assert_eq!(
        ["alice", "bob", "carol", "dan", "erin", "frank"].map(namespace),
        [
            "payments", "payments", "others", "others", "search", "others"
        ]
    );
    let notes = told(&made.notes);
    assert!(
        notes
            .contains(&"payments: this namespace stands for \"Payments\", \"payments\"".to_owned()),
        "{notes:?}"
    );
    assert!(!notes.iter().any(|n| n.starts_with("search:")), "{notes:?}");
    let config = &find(&made, "ProviderConfig", "default")["spec"];
    let used = json!({"names": ["others", "payments", "search"]});
    assert_eq!(config["allowedNamespaces"], used);
    assert_eq!(config["adoption"]["allowedNamespaces"], used);
    assert_eq!(config["unmanagedReferences"], json!("Allow"));
    let grants = made.objects.iter().filter(|o| o.kind == "AccessGrant");
    let grants: Vec<_> = grants.map(|g| g.namespace.as_deref().unwrap()).collect();
    assert_eq!(grants, ["others", "payments"]);
    let protected = find(&made, "Namespace", "search")["metadata"]["annotations"].as_object();
    assert_eq!(protected.map(serde_json::Map::len), Some(2));
}

fn response_plan(name: &str, engaged: &[&str]) -> crate::import::account::ResponsePlan {
    use crate::resources::response_plan::desired::Content;
    crate::import::account::ResponsePlan {
        arn: format!("arn:aws:ssm-incidents::123456789012:response-plan/{name}"),
        name: name.to_owned(),
        content: Content {
            title: "Down".to_owned(),
            impact: 2,
            engagements: engaged.iter().map(|a| arn("contact", a)).collect(),
            ..Content::default()
        },
        not_understood: vec![],
        tags: BTreeMap::new(),
    }
}

fn with_response_plans(
    contacts: Vec<Contact>,
    plans: Vec<crate::import::account::ResponsePlan>,
) -> Account {
    let mut account = account(contacts, vec![]);
    account.response_plans = plans.into_iter().map(|p| (p.arn.clone(), p)).collect();
    account
}

#[test]
fn a_response_plan_is_written_with_all_it_has_and_its_role_is_allowed() {
    use crate::api::response_plan::{DynamicVariable, TargetAccount};
    use crate::resources::response_plan::desired::{Automation, PagerDuty};
    let topic = |name: &str| format!("arn:aws:sns:us-east-1:123456789012:{name}");
    let role = "arn:aws:iam::123456789012:role/runbook";
    let mut plan_ = response_plan("Down", &["ladder", "alice", "primary", "gone"]);
    plan_.tags = BTreeMap::from(
        [("team", "payments"), ("a.b", "x"), ("empty", "")].map(|(k, v)| (k.into(), v.into())),
    );
    let content = &mut plan_.content;
    content.display_name = "It's down".into();
    content.summary = "Look".into();
    content.dedupe_string = "payments".into();
    content.notification_targets = [topic("told")].into();
    content.incident_tags = BTreeMap::from([("a b".to_owned(), String::new())]);
    content.chat_channel = [topic("chat")].into();
    content.automation = Some(Automation {
        document_name: "Runbook".into(),
        document_version: Some("3".into()),
        role_arn: role.into(),
        target_account: TargetAccount::ImpactedAccount,
        parameters: BTreeMap::from([("Key".to_owned(), vec!["b".to_owned(), "a".to_owned()])]),
        dynamic_parameters: BTreeMap::from([(
            "Incident".to_owned(),
            DynamicVariable::IncidentRecordArn,
        )]),
    });
    content.pager_duty = Some(PagerDuty {
        name: "p".into(),
        service_id: "P1".into(),
        secret_id: "pagerduty".into(),
    });
    let contacts = vec![
        person("alice", vec![], &[]),
        tagged(plan("ladder", &["alice"]), "team", "other"),
        schedule("primary", &[]),
    ];
    let account = with_response_plans(contacts, vec![plan_]);
    let by_team = NamespaceRule::Tag("team".to_owned(), "n".to_owned());
    let made = manifests(&account, &options(by_team));
    let object = made.objects.iter().find(|o| o.kind == "ResponsePlan");
    let object = object.unwrap();
    assert!(object.name.starts_with("down-"), "{}", object.name);
    assert_eq!(
        object.content["spec"],
        json!({
            "adoptionPolicy": "Adopt", "name": "Down", "displayName": "It's down",
            "incidentTemplate": {
                "title": "Down", "impact": "High", "summary": "Look", "dedupeString": "payments",
                "notificationTargets": [{"snsTopicArn": topic("told")}], "incidentTags": {"a b": ""},
            },
            "engagements": [
                {"contactRef": {"name": "alice", "namespace": "n"}}, {"arn": arn("contact", "gone")},
                {"escalationPlanRef": {"name": "ladder", "namespace": "other"}},
                {"onCallScheduleRef": {"name": "primary", "namespace": "n"}},
            ],
            "chatChannel": {"chatbotSns": [topic("chat")]},
            "automation": {
                "documentName": "Runbook", "documentVersion": "3", "roleArn": role, "targetAccount": "ImpactedAccount",
                "parameters": [{"name": "Key", "values": ["b", "a"]}],
                "dynamicParameters": [{"name": "Incident", "variable": "IncidentRecordArn"}],
            },
            "pagerDuty": {"name": "p", "serviceId": "P1", "secretId": "pagerduty"},
            "tags": {"team": "payments"},
        })
    );
    serde_json::from_value::<crate::api::ResponsePlan>(object.content.clone()).unwrap();
    let config = &find(&made, "ProviderConfig", "default")["spec"];
    assert_eq!(config["passRoleArns"], json!([role]));
    assert_eq!(config["unmanagedReferences"], "Allow");
    let grants = made.objects.iter().filter(|o| o.kind == "AccessGrant");
    assert_eq!(
        grants.count(),
        3,
        "for contacts, schedules and escalation plans"
    );
    let left_out = told(&made.left_out);
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    assert!(left_out[0].contains("tag a.b") && left_out[1].contains("tag empty"));
}

#[test]
fn a_response_plan_that_no_manifest_can_say_is_told() {
    let mut cases = vec![];
    let mut case =
        |name: &str, says: &'static str, change: fn(&mut crate::import::account::ResponsePlan)| {
            let mut plan = response_plan(name, &[]);
            change(&mut plan);
            cases.push((plan, says));
        };
    case("odd", "automation is set up", |p| {
        p.not_understood = vec!["automation".to_owned()];
    });
    case("shared", "account 999999999999", |p| {
        p.arn = "arn:aws:ssm-incidents::999999999999:response-plan/shared".to_owned();
    });
    case("elsewhere", "CHK-32", |p| {
        let there = "arn:aws:ssm-contacts:eu-west-1:123456789012:contact/alice";
        p.content.engagements = [there.to_owned()].into();
    });
    case("topic", "CHK-36", |p| {
        p.content.chat_channel = ["arn:aws:sns:us-east-1:999999999999:chat".to_owned()].into();
    });
    case("tags", "three of its own", |p| {
        p.tags = (0..48).map(|n| (format!("k{n}"), "v".to_owned())).collect();
    });
    case("ours", "those are the operator's", |p| {
        let key = "incident-operator/owner".to_owned();
        p.content.incident_tags = BTreeMap::from([(key, "x".to_owned())]);
    });
    for (plan, says) in cases {
        let made = made(&with_response_plans(vec![], vec![plan]));
        assert!(
            made.objects.iter().all(|o| o.kind != "ResponsePlan"),
            "{says}"
        );
        let problems = told(&made.problems);
        assert!(
            problems.len() == 1 && problems[0].contains(says),
            "{problems:?}"
        );
    }
}

#[test]
fn alternate_contacts_are_taken_over_and_their_values_may_go_into_secrets() {
    use crate::api::alternate_contact::AlternateContactType;
    use crate::aws::Redacted;
    use crate::resources::alternate_contact::observed::{Identity, Observed, Particulars};
    let found = |type_, email: &str| {
        let hidden = |text: &str| Redacted::new(text.to_owned());
        Observed {
            identity: Identity {
                account_id: "123456789012".to_owned(),
                type_,
            },
            particulars: Particulars {
                name: hidden("Security team"),
                title: hidden("On call"),
                email: hidden(email),
                phone: hidden("+1 (500) 555-0140"),
            },
        }
    };
    let mut account = account(vec![], vec![]);
    account.alternate_contacts = vec![
        found(AlternateContactType::Security, " security@example.com"),
        found(AlternateContactType::Billing, ""),
    ];
    let mut options = options(NamespaceRule::One("people".to_owned()));
    options.addresses_as_secrets = false;
    let made = manifests(&account, &options);
    let objects = made.objects.iter();
    let objects: Vec<_> = objects.filter(|o| o.kind == "AlternateContact").collect();
    assert_eq!(objects.len(), 1);
    assert_eq!(
        objects[0].content["spec"],
        json!({
            "adoptionPolicy": "Adopt", "type": "Security", "name": "Security team", "title": "On call",
            "email": "security@example.com", "phone": "+1 (500) 555-0140",
        })
    );
    assert_eq!(made.problems[0].subject, "123456789012/BILLING");
    options.addresses_as_secrets = true;
    let made = manifests(&account, &options);
    let secret = made.objects.iter().find(|o| o.kind == "Secret").unwrap();
    assert_eq!(secret.namespace.as_deref(), Some("incident-operator"));
    let object = made.objects.iter().find(|o| o.kind == "AlternateContact");
    let text = object.unwrap().content.to_string();
    assert!(
        !text.contains("example.com") && text.contains("\"emailFrom\""),
        "{text}"
    );
}
