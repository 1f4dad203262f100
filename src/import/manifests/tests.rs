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
    }
}

fn options(namespaces: NamespaceRule) -> Options {
    Options {
        namespaces,
        owner_id: "prod".to_owned(),
        provider_config: "default".to_owned(),
        addresses_as_secrets: true,
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
    assert!(
        made.notes
            .iter()
            .any(|n| n.subject.contains("replication-set"))
    );
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
