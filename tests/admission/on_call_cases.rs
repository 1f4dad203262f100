//! Rules of AccessGrant, OnCallSchedule, RotationOverride and EscalationPlan.

use serde_json::{Value, json};

use super::{Rule, long, merge};

const ARN: &str = "arn:aws:ssm-contacts:eu-central-1:123456789012:contact/alice";

/// The least specs that are let through.
pub fn least(kind: &str) -> Option<Value> {
    Some(match kind {
        "AccessGrant" => json!({
            "from": [{"kind": "OnCallSchedule", "namespace": "payments"}], "to": [{"kind": "Contact"}],
        }),
        "OnCallSchedule" => json!({}),
        "RotationOverride" => json!({
            "scheduleRef": {"name": "primary"}, "contactRefs": [{"name": "bob"}], "durationMinutes": 60,
        }),
        "EscalationPlan" => json!({
            "stages": [{"durationMinutes": 5, "targets": [{"contactRef": {"name": "alice"}}]}],
        }),
        _ => return None,
    })
}

/// Their rules, those apart that every kind has.
pub fn rules() -> Vec<Rule> {
    let mut rules = vec![
        Rule::new(
            "AccessGrant",
            "spec.from[]",
            "give either namespace or namespaceSelector (namespaceSelector: {} selects every namespace)",
        )
        .accepts("a namespace", &from(&json!({"namespace": "payments"})))
        .accepts("a selector", &from(&json!({"namespaceSelector": {"matchLabels": {"oncall": "true"}}})))
        .accepts("every namespace", &from(&json!({"namespaceSelector": {}})))
        .refuses("neither", &from(&json!({})))
        .refuses("both", &from(&json!({"namespace": "payments", "namespaceSelector": {}}))),
    ];
    rules.push(super::selector(
        "AccessGrant",
        "spec.from[].namespaceSelector.matchExpressions[]",
        |one| from(&json!({"namespaceSelector": {"matchExpressions": [one]}})),
    ));
    rules.extend(escalation_plan());
    rules.extend(schedule());
    rules.extend(recurrence());
    rules.extend(hours());
    rules.extend(rotation_override());
    for field in ["contactRef", "onCallScheduleRef"] {
        rules.extend(references(
            "EscalationPlan",
            &format!("spec.stages[].targets[].{field}"),
            |target| json!({"stages": [{"durationMinutes": 5, "targets": [{field: target}]}]}),
        ));
    }
    rules.extend(references(
        "OnCallSchedule",
        "spec.rotations[].contactRefs[]",
        |member| rotation(&json!({"contactRefs": [{"name": "bob"}, member]})),
    ));
    rules.extend(references(
        "RotationOverride",
        "spec.contactRefs[]",
        |member| json!({"contactRefs": [{"name": "alice"}, member]}),
    ));
    for (own, other) in [("out", "in"), ("in", "out")] {
        rules.extend(references(
            "RotationOverride",
            &format!("spec.substitutions[].{own}"),
            |person| json!({"contactRefs": null, "substitutions": [{own: person, other: {"name": "bob"}}]}),
        ));
    }
    rules
}

fn from(who: &Value) -> Value {
    let mut from = json!({"kind": "EscalationPlan"});
    merge(&mut from, who);
    json!({"from": [{"kind": "RotationOverride", "namespace": "shop"}, from]})
}

/// What holds wherever an object names another.
pub(super) fn references(
    kind: &'static str,
    at: &str,
    with: impl Fn(&Value) -> Value,
) -> Vec<Rule> {
    let rule = |message: &'static str| Rule::new(kind, at, message);
    let case = |reference: &Value| with(reference);
    let arn = |arn: &str| with(&json!({ "arn": arn }));
    vec![
        rule("give either name (with namespace, for another namespace) or arn")
            .accepts("a name", &case(&json!({"name": "alice"})))
            .accepts(
                "a name in another namespace",
                &case(&json!({"name": "alice", "namespace": "people"})),
            )
            .accepts("an ARN", &arn(ARN))
            .refuses("neither", &case(&json!({})))
            .refuses("both", &case(&json!({"name": "alice", "arn": ARN}))),
        rule("namespace goes with name; an arn stands alone")
            .accepts(
                "both",
                &case(&json!({"name": "alice", "namespace": "people"})),
            )
            .refuses(
                "an ARN in a namespace",
                &case(&json!({"arn": ARN, "namespace": "people"})),
            ),
        arn_cases(
            rule(
                "arn is that of a contact: arn:<partition>:ssm-contacts:<region>:<account>:contact/<alias>",
            ),
            arn,
        ),
    ]
}

pub(super) fn arn_cases(rule: Rule, with: impl Fn(&str) -> Value) -> Rule {
    rule.accepts("an ARN", &with(ARN))
        .accepts(
            "another partition",
            &with("arn:aws-us-gov:ssm-contacts:us-gov-west-1:123456789012:contact/a_b-1"),
        )
        .refuses("an alias", &with("alice"))
        .refuses(
            "a channel",
            &with("arn:aws:ssm-contacts:eu-central-1:123456789012:contact-channel/alice/1"),
        )
        .refuses(
            "a rotation",
            &with("arn:aws:ssm-contacts:eu-central-1:123456789012:rotation/1"),
        )
        .refuses(
            "another service",
            &with("arn:aws:sns:eu-central-1:123456789012:contact/alice"),
        )
        .refuses(
            "a short account",
            &with("arn:aws:ssm-contacts:eu-central-1:1234:contact/alice"),
        )
        .refuses(
            "no alias",
            &with("arn:aws:ssm-contacts:eu-central-1:123456789012:contact/"),
        )
}

fn escalation_plan() -> Vec<Rule> {
    let kind = "EscalationPlan";
    let one = json!({"durationMinutes": 5, "targets": [{"contactRef": {"name": "alice"}}]});
    let stages = |stages: Value| json!({ "stages": stages });
    let stage = |minutes: i64, targets: Value| json!({"stages": [one, {"durationMinutes": minutes, "targets": targets}]});
    let alice = json!({"contactRef": {"name": "alice"}});
    let target = |target: Value| stage(5, json!([target]));
    let arn = |arn: &str| target(json!({ "arn": arn }));
    vec![
        Rule::new(kind, "spec", "an escalation plan has 1 to 10 stages")
            .accepts("one", &stages(json!([one])))
            .accepts("10", &stages(json!(vec![one.clone(); 10])))
            .refuses("none", &stages(json!([])))
            .refuses("11", &stages(json!(vec![one.clone(); 11]))),
        Rule::new(kind, "spec.stages[]", "durationMinutes is 0 to 30 (CHK-31)")
            .accepts("at once", &stage(0, json!([alice])))
            .accepts("30 minutes", &stage(30, json!([alice])))
            .refuses("31 minutes", &stage(31, json!([alice])))
            .refuses("before it began", &stage(-1, json!([alice]))),
        Rule::new(
            kind,
            "spec.stages[]",
            "a stage without targets lasts at least one minute (CHK-31)",
        )
        .accepts("a minute", &stage(1, json!([])))
        .accepts(
            "a minute, no targets",
            &stages(json!([{"durationMinutes": 1}])),
        )
        .refuses("0 minutes", &stage(0, json!([])))
        .refuses(
            "0 minutes, no targets",
            &stages(json!([{"durationMinutes": 0}])),
        ),
        Rule::new(kind, "spec.stages[]", "a stage has at most 10 targets")
            .accepts("10", &stage(5, json!(vec![alice.clone(); 10])))
            .refuses("11", &stage(5, json!(vec![alice.clone(); 11]))),
        Rule::new(
            kind,
            "spec.stages[].targets[]",
            "give exactly one of contactRef, onCallScheduleRef and arn",
        )
        .accepts("a contact", &target(alice.clone()))
        .accepts(
            "a schedule",
            &target(
                json!({"onCallScheduleRef": {"name": "primary"}, "onAcknowledge": "StopEscalation"}),
            ),
        )
        .accepts(
            "an ARN",
            &target(json!({"arn": ARN, "onAcknowledge": "Continue"})),
        )
        .refuses("none", &target(json!({"onAcknowledge": "Continue"})))
        .refuses(
            "a contact and a schedule",
            &target(json!({"contactRef": {"name": "alice"}, "onCallScheduleRef": {"name": "a"}})),
        )
        .refuses(
            "a contact and an ARN",
            &target(json!({"contactRef": {"name": "alice"}, "arn": ARN})),
        )
        .refuses(
            "all three",
            &target(
                json!({"contactRef": {"name": "a"}, "onCallScheduleRef": {"name": "a"}, "arn": ARN}),
            ),
        ),
        arn_cases(
            Rule::new(
                kind,
                "spec.stages[].targets[]",
                "arn is that of a contact or on-call schedule: arn:<partition>:ssm-contacts:<region>:<account>:contact/<alias>",
            ),
            arn,
        ),
    ]
}

/// A schedule whose second rotation is the least that is let through, with a patch over it.
fn rotation(patch: &Value) -> Value {
    let least = json!({
        "name": "tokyo", "startTime": "2026-12-01T09:00:00+09:00", "timeZone": "Asia/Tokyo",
        "contactRefs": [{"name": "alice"}, {"name": "bob"}],
        "recurrence": {"type": "Daily", "daily": {"handOffs": [{"time": "09:00"}]}},
    });
    let mut second = least.clone();
    second["name"] = json!("berlin");
    merge(&mut second, patch);
    json!({"rotations": [least, second]})
}

fn schedule() -> Vec<Rule> {
    let kind = "OnCallSchedule";
    let at = "spec.rotations[]";
    let named = |name: &str| rotation(&json!({ "name": name }));
    let in_aws = |name: &str| rotation(&json!({ "rotationName": name }));
    let zone = |zone: &str| rotation(&json!({ "timeZone": zone }));
    let rotations = |count: usize| {
        let one = &rotation(&json!({}))["rotations"][0];
        let rotations = (0..count).map(|n| {
            let mut rotation = one.clone();
            rotation["name"] = json!(format!("r{n}"));
            rotation
        });
        json!({"rotations": rotations.collect::<Vec<_>>()})
    };
    let members = |count: usize| {
        let members: Vec<Value> = (0..count)
            .map(|n| json!({"name": format!("p{n}")}))
            .collect();
        rotation(&json!({ "contactRefs": members }))
    };
    let on_call = |count: i64| {
        rotation(&json!({"recurrence": {
            "type": "Daily", "daily": {"handOffs": [{"time": "09:00"}]}, "numberOfOnCalls": count,
        }}))
    };
    let name_rule = |message| Rule::new(kind, at, message);
    vec![
        Rule::new(
            kind,
            "spec",
            "a schedule has at most 25 rotations; the console works with 8 (CHK-19)",
        )
        .accepts("none", &json!({"rotations": []}))
        .accepts("25", &rotations(25))
        .refuses("26", &rotations(26)),
        Rule::new(
            kind,
            "spec",
            "two rotations of a schedule must not have the same name in AWS: give them different rotationNames",
        )
        .accepts("different names", &named("tokyo-2"))
        .accepts("a name in AWS", &in_aws("night"))
        .refuses("the first one's name", &in_aws("tokyo")),
        name_rule("a rotation's name has 1 to 255 letters without accents, digits, spaces and the characters _ . -")
            .accepts("all that is allowed", &named("aZ09 _.-"))
            .accepts("255 characters", &named(&long("a", 255)))
            .refuses("empty", &named(""))
            .refuses("256 characters", &named(&long("a", 256)))
            .refuses("an accent", &named("Zürich"))
            .refuses("a line break", &named("a\nb")),
        name_rule("rotationName has 1 to 255 letters without accents, digits, spaces and the characters _ . -")
            .accepts("all that is allowed", &in_aws("aZ09 _.-"))
            .accepts("255 characters", &in_aws(&long("a", 255)))
            .refuses("empty", &in_aws(""))
            .refuses("256 characters", &in_aws(&long("a", 256)))
            .refuses("a slash", &in_aws("day/night")),
        name_rule("a rotation has 1 to 30 members (CHK-20)")
            .accepts("one", &members(1))
            .accepts("30", &members(30))
            .accepts("one of them twice", &rotation(&json!({"contactRefs": [{"name": "a"}, {"name": "b"}, {"name": "a"}]})))
            .refuses("none", &members(0))
            .refuses("31", &members(31)),
        name_rule("recurrence.numberOfOnCalls is more than the rotation has members")
            .accepts("all", &on_call(2))
            .refuses("more than all", &on_call(3)),
        name_rule("timeZone is the name of an IANA zone, for example Asia/Tokyo (CHK-22)")
            .accepts("a zone", &zone("Europe/Berlin"))
            .refuses("empty", &zone(""))
            .refuses("256 characters", &zone(&long("a", 256))),
    ]
}

fn recurrence() -> Vec<Rule> {
    let kind = "OnCallSchedule";
    let at = "spec.rotations[].recurrence";
    let recurrence = |recurrence: Value| {
        rotation(&json!({ "recurrence": recurrence, "contactRefs": [{"name": "a"}, {"name": "b"}]}))
    };
    let daily = json!({"handOffs": [{"time": "09:00"}]});
    let weekly = json!({"handOffs": [{"day": "Mon", "time": "09:00"}]});
    let monthly = json!({"handOffs": [{"dayOfMonth": 31, "time": "09:00"}]});
    let with = |field: &str, value: i64| {
        recurrence(json!({"type": "Daily", "daily": daily, field: value}))
    };
    let mut rules = vec![
        Rule::new(
            kind,
            at,
            "give the field that goes with type, and no other: daily for Daily, weekly for Weekly, monthly for Monthly",
        )
        .accepts("Daily", &recurrence(json!({"type": "Daily", "daily": daily})))
        // Patches merge: the least rotation is a daily one.
        .accepts("Weekly", &recurrence(json!({"type": "Weekly", "daily": null, "weekly": weekly})))
        .accepts("Monthly", &recurrence(json!({"type": "Monthly", "daily": null, "monthly": monthly})))
        .refuses("none", &recurrence(json!({"type": "Daily", "daily": null})))
        .refuses("another", &recurrence(json!({"type": "Weekly"})))
        .refuses("two", &recurrence(json!({"type": "Daily", "weekly": weekly}))),
        Rule::new(kind, at, "shiftLength is 1 to 100")
            .accepts("1", &with("shiftLength", 1))
            .accepts("100", &with("shiftLength", 100))
            .refuses("0", &with("shiftLength", 0))
            .refuses("101", &with("shiftLength", 101)),
        Rule::new(kind, at, "numberOfOnCalls is at least 1")
            .accepts("1", &with("numberOfOnCalls", 1))
            .refuses("0", &with("numberOfOnCalls", 0)),
    ];
    let hand_off = |type_: &str, hand_off: Value| {
        let mut recurrence = json!({"type": type_, "daily": null});
        recurrence[type_.to_lowercase()] = json!({"handOffs": [hand_off]});
        rotation(&json!({ "recurrence": recurrence }))
    };
    for (type_, at) in [
        ("Daily", "spec.rotations[].recurrence.daily.handOffs[]"),
        ("Weekly", "spec.rotations[].recurrence.weekly.handOffs[]"),
        ("Monthly", "spec.rotations[].recurrence.monthly.handOffs[]"),
    ] {
        let time = |time: &str| {
            let mut one = json!({ "time": time });
            match type_ {
                "Weekly" => one["day"] = json!("Sun"),
                "Monthly" => one["dayOfMonth"] = json!(1),
                _ => {}
            }
            hand_off(type_, one)
        };
        rules.push(
            Rule::new(kind, at, "time is hh:mm, 00:00 to 23:59")
                .accepts("midnight", &time("00:00"))
                .accepts("the last minute", &time("23:59"))
                .refuses("24:00", &time("24:00"))
                .refuses("60 minutes", &time("09:60"))
                .refuses("seconds", &time("09:00:00"))
                .refuses("one digit", &time("9:00"))
                .refuses("what YAML makes of 09:00 without quotes", &time("540")),
        );
    }
    let day = |day: i64| hand_off("Monthly", json!({"dayOfMonth": day, "time": "09:00"}));
    rules.push(
        Rule::new(
            kind,
            "spec.rotations[].recurrence.monthly.handOffs[]",
            "dayOfMonth is 1 to 31; months without that day hand off on their last",
        )
        .accepts("the first", &day(1))
        .accepts("the last", &day(31))
        .refuses("0", &day(0))
        .refuses("32", &day(32)),
    );
    rules
}

fn hours() -> Vec<Rule> {
    let kind = "OnCallSchedule";
    let covered = |start: &str, end: &str| {
        rotation(&json!({"coverage": [{"days": ["Mon"], "start": start, "end": end}]}))
    };
    let target = |start: &str, end: &str| json!({"coverageTarget": [{"days": ["Mon"], "start": start, "end": end, "timeZone": "Asia/Tokyo"}]});
    let hours = "start and end are hh:mm, 00:00 to 23:59; an end that is not after the start is on the next day";
    vec![
        Rule::new(kind, "spec.rotations[].coverage[]", hours)
            .accepts("office hours", &covered("09:00", "18:00"))
            .accepts("over midnight", &covered("18:00", "09:00"))
            .refuses("24:00", &covered("18:00", "24:00"))
            .refuses("one digit", &covered("9:00", "18:00")),
        Rule::new(
            kind,
            "spec.rotations[].coverage[]",
            "a coverage window lasts at least 30 minutes (CHK-21)",
        )
        .accepts("30 minutes", &covered("09:00", "09:30"))
        .accepts("30 minutes over midnight", &covered("23:45", "00:15"))
        .accepts("24 hours", &covered("09:00", "09:00"))
        .refuses("29 minutes", &covered("09:00", "09:29"))
        .refuses("29 minutes over midnight", &covered("23:46", "00:15")),
        Rule::new(kind, "spec.coverageTarget[]", hours)
            .accepts("office hours", &target("09:00", "18:00"))
            .accepts("five minutes", &target("09:00", "09:05"))
            .refuses("24:00", &target("00:00", "24:00"))
            .refuses("words", &target("morning", "evening")),
    ]
}

fn rotation_override() -> Vec<Rule> {
    let kind = "RotationOverride";
    let swap = json!([{"out": {"name": "alice"}, "in": {"name": "bob"}}]);
    let lasts = |minutes: i64| json!({ "durationMinutes": minutes });
    let begins = "2026-12-29T09:00:00+09:00";
    let ends = |end: &str| json!({"durationMinutes": null, "startTime": begins, "endTime": end});
    let ttl = |seconds: i64| json!({"startTime": begins, "ttlSecondsAfterFinished": seconds});
    vec![
        Rule::new(
            kind,
            "spec",
            "scheduleRef cannot be changed: make a new RotationOverride",
        )
        .accepts_change("all else", &lasts(60), &json!({"durationMinutes": 90, "rotation": "tokyo", "startTime": begins}))
        .refuses_change("another", &lasts(60), &json!({"scheduleRef": {"name": "secondary"}})),
        Rule::new(
            kind,
            "spec",
            "give either substitutions (who for whom) or contactRefs (everybody who is on call; an empty list for nobody)",
        )
        .accepts("who for whom", &json!({"contactRefs": null, "substitutions": swap}))
        .accepts("everybody", &json!({"contactRefs": [{"name": "alice"}, {"name": "bob"}]}))
        .accepts("nobody", &json!({"contactRefs": []}))
        .refuses("neither", &json!({"contactRefs": null}))
        .refuses("both", &json!({"substitutions": swap})),
        Rule::new(kind, "spec", "give either durationMinutes or endTime")
            .accepts("a duration", &lasts(60))
            .accepts("an end", &json!({"durationMinutes": null, "endTime": "2026-12-29T10:00:00Z"}))
            .refuses("neither", &json!({"durationMinutes": null}))
            .refuses("both", &json!({"endTime": "2026-12-29T10:00:00Z"})),
        Rule::new(
            kind,
            "spec",
            "an override lasts at least 30 minutes (CHK-28) and at most 184 days",
        )
        .accepts("30 minutes", &lasts(30))
        .accepts("184 days", &lasts(184 * 24 * 60))
        .refuses("29 minutes", &lasts(29))
        .refuses("a minute more than 184 days", &lasts(184 * 24 * 60 + 1)),
        Rule::new(
            kind,
            "spec",
            "an override lasts at least 30 minutes: endTime is too early (CHK-28)",
        )
        .accepts("30 minutes", &ends("2026-12-29T09:30:00+09:00"))
        .accepts("30 minutes, told in another zone", &ends("2026-12-29T00:30:00Z"))
        .refuses("29 minutes", &ends("2026-12-29T09:29:00+09:00"))
        .refuses("an end before the start", &ends("2026-12-28T09:30:00+09:00")),
        Rule::new(
            kind,
            "spec",
            "ttlSecondsAfterFinished needs a startTime: made again from Git, an override without one would start again",
        )
        .accepts("with a startTime", &ttl(60))
        .refuses("without", &json!({"ttlSecondsAfterFinished": 60})),
        Rule::new(kind, "spec", "ttlSecondsAfterFinished is 0 or more")
            .accepts("at once", &ttl(0))
            .refuses("before it is over", &ttl(-1)),
    ]
}
