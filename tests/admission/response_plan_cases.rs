//! Rules of ResponsePlan.

use serde_json::{Value, json};

use super::{Rule, long, merge, tags};

const KIND: &str = "ResponsePlan";
const ARN: &str = "arn:aws:ssm-contacts:eu-central-1:123456789012:contact/alice";
const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:incidents";
const ROLE: &str = "arn:aws:iam::123456789012:role/runbook";

/// The least spec that is let through.
pub fn least() -> Value {
    json!({"incidentTemplate": {"title": "Payments are failing", "impact": "High"}})
}

/// Its rules, those apart that every kind has.
pub fn rules() -> Vec<Rule> {
    let mut rules = name();
    rules.extend(template());
    rules.extend(engagements());
    rules.extend(chat());
    rules.extend(automation());
    rules.extend(pager_duty());
    rules.extend(mirror());
    rules
}

fn name() -> Vec<Rule> {
    let name = |name: &str| json!({ "name": name });
    let display = |name: &str| json!({ "displayName": name });
    let stored = |object: &str, name: Option<&str>, status: &Value| {
        let mut spec = least();
        spec["name"] = json!(name);
        json!({"metadata": {"name": object}, "spec": spec, "status": status})
    };
    let unseen = json!({"observedGeneration": -1});
    let created = json!({"arn": "arn:aws:ssm-incidents::123456789012:response-plan/down", "origin": "Created"});
    let begun = json!({"origin": "Created"});
    let dot = "metadata.name has a dot or more than 200 characters, which the name of a response plan cannot have: set spec.name";
    let fixed = "spec.name cannot be changed: AWS has no way to rename a response plan. Make a new ResponsePlan and move alarms and rules to it";
    vec![
        Rule::new(
            KIND,
            "spec",
            "name has 1 to 200 letters, digits, '_' and '-'",
        )
        .accepts("all that is allowed", &name("aZ-0_9"))
        .accepts("200 characters", &name(&long("a", 200)))
        .refuses("empty", &name(""))
        .refuses("201 characters", &name(&long("a", 201)))
        .refuses("a space", &name("payments down"))
        .refuses("a dot", &name("payments.down"))
        .refuses("letters that are not ASCII", &name("Zürich")),
        Rule::new(KIND, "", dot)
            .accepts("no dot, no name", &json!({"metadata": {"name": "down-1"}}))
            .accepts(
                "a dot and a name",
                &json!({"metadata": {"name": "down.example"}, "spec": {"name": "down"}}),
            )
            .refuses(
                "a dot and no name",
                &json!({"metadata": {"name": "down.example"}}),
            )
            .refuses(
                "201 characters and no name",
                &json!({"metadata": {"name": long("d", 201)}}),
            ),
        Rule::new(KIND, "", fixed)
            .accepts_change(
                "set before creation",
                &stored("bob", None, &unseen),
                &stored("bob", Some("down"), &unseen),
            )
            .accepts_change(
                "set where there was no status yet",
                &stored("bob", None, &Value::Null),
                &stored("bob", Some("down"), &Value::Null),
            )
            .accepts_change(
                "kept",
                &stored("bob", Some("down"), &created),
                &stored("bob", Some("down"), &created),
            )
            .accepts_change(
                "said what was meant all along, after creation",
                &stored("down", None, &created),
                &stored("down", Some("down"), &created),
            )
            .accepts_change(
                "no longer said, the name being the same",
                &stored("down", Some("down"), &created),
                &stored("down", None, &created),
            )
            .refuses_change(
                "changed before creation",
                &stored("bob", Some("down"), &unseen),
                &stored("bob", Some("up"), &unseen),
            )
            .refuses_change(
                "unset before creation",
                &stored("bob", Some("down"), &unseen),
                &stored("bob", None, &unseen),
            )
            .refuses_change(
                "set while creation is under way",
                &stored("bob", None, &begun),
                &stored("bob", Some("down"), &begun),
            )
            .refuses_change(
                "changed after creation",
                &stored("bob", Some("down"), &created),
                &stored("bob", Some("up"), &created),
            )
            .refuses_change(
                "unset after creation",
                &stored("bob", Some("down"), &created),
                &stored("bob", None, &created),
            ),
        Rule::new(KIND, "spec", "displayName has at most 200 characters")
            .accepts("empty, which is the same as absent", &display(""))
            .accepts("any character", &display("Payments' down, 100 % (支払い)!"))
            .accepts("200 characters", &display(&long("a", 200)))
            .refuses("201 characters", &display(&long("a", 201))),
    ]
}

fn template() -> Vec<Rule> {
    let with = |field: &str, value: Value| json!({"incidentTemplate": {field: value}});
    let topics = |count: usize| {
        let topics: Vec<Value> = (0..count)
            .map(|n| json!({"snsTopicArn": format!("{TOPIC}-{n}")}))
            .collect();
        with("notificationTargets", json!(topics))
    };
    let topic = |arn: &str| with("notificationTargets", json!([{ "snsTopicArn": arn }]));
    let tag = |key: &str, value: &str| with("incidentTags", json!({ key: value }));
    let at = "spec.incidentTemplate";
    let tags_at = "spec.incidentTemplate.incidentTags";
    vec![
        Rule::new(KIND, at, "title has 1 to 200 characters")
            .accepts("a word", &with("title", json!("Down")))
            .accepts("200 characters", &with("title", json!(long("a", 200))))
            .refuses("empty", &with("title", json!("")))
            .refuses("201 characters", &with("title", json!(long("a", 201)))),
        Rule::new(KIND, at, "summary has at most 8000 characters")
            .accepts("empty", &with("summary", json!("")))
            .accepts("8000 characters", &with("summary", json!(long("a", 8000))))
            .refuses("8001 characters", &with("summary", json!(long("a", 8001)))),
        Rule::new(KIND, at, "dedupeString has at most 1000 characters")
            .accepts("empty", &with("dedupeString", json!("")))
            .accepts("1000 characters", &with("dedupeString", json!(long("a", 1000))))
            .refuses("1001 characters", &with("dedupeString", json!(long("a", 1001)))),
        Rule::new(KIND, at, "at most 10 notificationTargets (CHK-35)")
            .accepts("none", &topics(0))
            .accepts("10", &topics(10))
            .refuses("11", &topics(11)),
        topics_rule(
            Rule::new(
                KIND,
                "spec.incidentTemplate.notificationTargets[]",
                "snsTopicArn is the ARN of an SNS topic: arn:<partition>:sns:<region>:<account>:<name>",
            ),
            topic,
        ),
        Rule::new(KIND, tags_at, "at most 50 incidentTags (CHK-51)")
            .accepts("none", &with("incidentTags", json!({})))
            .accepts("50", &with("incidentTags", tags(50)))
            .refuses("51", &with("incidentTags", tags(51))),
        Rule::new(
            KIND,
            tags_at,
            "keys of incidentTags have 1 to 128 letters, digits, spaces and the characters _ = @ : . + , - / (CHK-51)",
        )
        .accepts("all that is allowed", &tag("aZ09 _=@:.+,-/", "value"))
        .accepts("128 characters", &tag(&long("k", 128), "value"))
        .refuses("empty", &tag("", "value"))
        .refuses("129 characters", &tag(&long("k", 129), "value"))
        .refuses("a backslash", &tag("a\\b", "value"))
        .refuses("letters that are not ASCII", &tag("größe", "value")),
        Rule::new(
            KIND,
            tags_at,
            "keys of incidentTags must not start with 'aws:' or 'incident-operator/': these are reserved (CHK-51)",
        )
        .accepts("elsewhere in the key", &tag("my-aws:x", "value"))
        .refuses("AWS's", &tag("aws:x", "value"))
        .refuses("AWS's in capitals", &tag("AWS:x", "value"))
        .refuses("ours", &tag("incident-operator/owner", "value")),
        Rule::new(
            KIND,
            tags_at,
            "values of incidentTags have at most 256 letters, digits, spaces and the characters _ = @ : . + , - / (CHK-51)",
        )
        .accepts("empty", &tag("key", ""))
        .accepts("256 characters", &tag("key", &long("v", 256)))
        .refuses("257 characters", &tag("key", &long("v", 257)))
        .refuses("letters that are not ASCII", &tag("key", "Zürich"))
        .refuses("a semicolon", &tag("key", "a;b")),
    ]
}

fn topics_rule(rule: Rule, with: impl Fn(&str) -> Value) -> Rule {
    rule.accepts("a topic", &with(TOPIC))
        .accepts(
            "another partition",
            &with("arn:aws-cn:sns:cn-north-1:123456789012:a_b-1.fifo"),
        )
        .refuses("a name", &with("incidents"))
        .refuses(
            "a queue",
            &with("arn:aws:sqs:eu-central-1:123456789012:incidents"),
        )
        .refuses(
            "a subscription",
            &with("arn:aws:sns:eu-central-1:123456789012:incidents:1-2"),
        )
        .refuses(
            "a short account",
            &with("arn:aws:sns:eu-central-1:1234:incidents"),
        )
        .refuses("no name", &with("arn:aws:sns:eu-central-1:123456789012:"))
}

fn engagements() -> Vec<Rule> {
    let one =
        |one: &Value| json!({"engagements": [{"escalationPlanRef": {"name": "ladder"}}, one]});
    let many = |count: usize| {
        let many: Vec<Value> = (0..count)
            .map(|n| json!({"contactRef": {"name": format!("p{n}")}}))
            .collect();
        json!({ "engagements": many })
    };
    let mut rules = vec![
        Rule::new(
            KIND,
            "spec",
            "a response plan engages at most 5 (CHK-35): engage an escalation plan that engages the others",
        )
        .accepts("nobody", &many(0))
        .accepts("5", &many(5))
        .refuses("6", &many(6)),
        Rule::new(
            KIND,
            "spec.engagements[]",
            "give exactly one of escalationPlanRef, onCallScheduleRef, contactRef and arn",
        )
        .accepts("an escalation plan", &one(&json!({"escalationPlanRef": {"name": "a"}})))
        .accepts("a schedule", &one(&json!({"onCallScheduleRef": {"name": "a"}})))
        .accepts("a contact", &one(&json!({"contactRef": {"name": "a"}})))
        .accepts("an ARN", &one(&json!({"arn": ARN})))
        .refuses("none", &one(&json!({})))
        .refuses("two", &one(&json!({"contactRef": {"name": "a"}, "escalationPlanRef": {"name": "a"}})))
        .refuses("a contact and an ARN", &one(&json!({"contactRef": {"name": "a"}, "arn": ARN}))),
        super::on_call::arn_cases(
            Rule::new(
                KIND,
                "spec.engagements[]",
                "arn is that of a contact, on-call schedule or escalation plan: arn:<partition>:ssm-contacts:<region>:<account>:contact/<alias>",
            ),
            |arn| one(&json!({ "arn": arn })),
        ),
    ];
    for field in ["escalationPlanRef", "onCallScheduleRef", "contactRef"] {
        rules.extend(super::on_call::references(
            KIND,
            &format!("spec.engagements[].{field}"),
            |target| one(&json!({ field: target })),
        ));
    }
    rules
}

fn chat() -> Vec<Rule> {
    let with = |topics: Vec<String>| json!({"chatChannel": {"chatbotSns": topics}});
    let topics = |count: usize| with((0..count).map(|n| format!("{TOPIC}-{n}")).collect());
    vec![
        Rule::new(
            KIND,
            "spec.chatChannel",
            "chatbotSns has 1 to 5 topics (CHK-35); for no chat channel, take chatChannel out",
        )
        .accepts("one", &topics(1))
        .accepts("5", &topics(5))
        .refuses("none", &topics(0))
        .refuses("6", &topics(6)),
        topics_rule(
            Rule::new(
                KIND,
                "spec.chatChannel",
                "chatbotSns has ARNs of SNS topics: arn:<partition>:sns:<region>:<account>:<name>",
            ),
            |topic| with(vec![format!("{TOPIC}-first"), topic.to_owned()]),
        ),
    ]
}

fn automation() -> Vec<Rule> {
    let with = |patch: &Value| {
        let mut automation = json!({"documentName": "Runbook", "roleArn": ROLE});
        merge(&mut automation, patch);
        json!({ "automation": automation })
    };
    let document = |name: &str| with(&json!({ "documentName": name }));
    let version = |version: &str| with(&json!({ "documentVersion": version }));
    let role = |arn: &str| with(&json!({ "roleArn": arn }));
    let at = "spec.automation";
    vec![
        Rule::new(KIND, at, "documentName has 3 to 128 letters, digits and the characters _ - . : /")
            .accepts("all that is allowed", &document("aZ_0-9.:/"))
            .accepts("an ARN", &document("arn:aws:ssm:eu-central-1:123456789012:document/Runbook"))
            .accepts("3 characters", &document("abc"))
            .accepts("128 characters", &document(&long("a", 128)))
            .refuses("2 characters", &document("ab"))
            .refuses("129 characters", &document(&long("a", 129)))
            .refuses("a space", &document("my runbook")),
        Rule::new(
            KIND,
            at,
            "documentVersion has 1 to 128 characters; for the document's default version, take it out",
        )
        .accepts("a number", &version("7"))
        .accepts("the default in so many words", &version("$DEFAULT"))
        .refuses("empty", &version(""))
        .refuses("129 characters", &version(&long("1", 129))),
        Rule::new(KIND, at, "roleArn is the ARN of an IAM role: arn:<partition>:iam::<account>:role/<name>")
            .accepts("with a path", &role("arn:aws:iam::123456789012:role/teams/runbook"))
            .accepts("another partition", &role("arn:aws-cn:iam::123456789012:role/runbook"))
            .refuses("a user", &role("arn:aws:iam::123456789012:user/runbook"))
            .refuses("no account", &role("arn:aws:iam::role/runbook"))
            .refuses("no name", &role("arn:aws:iam::123456789012:role/"))
            .refuses("a name", &role("runbook"))
            .refuses("empty", &role("")),
    ]
}

fn pager_duty() -> Vec<Rule> {
    let with = |patch: &Value| {
        let mut service = json!({"name": "payments", "serviceId": "P123", "secretId": "pagerduty"});
        merge(&mut service, patch);
        json!({ "pagerDuty": service })
    };
    let name = |name: &str| with(&json!({ "name": name }));
    let service = |id: &str| with(&json!({ "serviceId": id }));
    let secret = |id: &str| with(&json!({ "secretId": id }));
    let at = "spec.pagerDuty";
    vec![
        Rule::new(KIND, at, "pagerDuty.name has 1 to 200 characters")
            .accepts("200 characters", &name(&long("a", 200)))
            .refuses("empty", &name(""))
            .refuses("201 characters", &name(&long("a", 201))),
        Rule::new(KIND, at, "pagerDuty.serviceId has 1 to 200 characters")
            .accepts("200 characters", &service(&long("P", 200)))
            .refuses("empty", &service(""))
            .refuses("201 characters", &service(&long("P", 201))),
        Rule::new(
            KIND,
            at,
            "pagerDuty.secretId is the name or ARN of a secret in Secrets Manager: 1 to 512 characters, no spaces",
        )
        .accepts("a name", &secret("oncall/pager_duty+=.@-1"))
        .accepts("an ARN", &secret("arn:aws:secretsmanager:eu-central-1:123456789012:secret:pd-AbCdEf"))
        .accepts("512 characters", &secret(&long("s", 512)))
        .refuses("empty", &secret(""))
        .refuses("513 characters", &secret(&long("s", 513)))
        .refuses("a space at the end", &secret("pagerduty ")),
    ]
}

fn mirror() -> Vec<Rule> {
    let hours = |hours: i64| json!({"mirrorIncidents": {"maxAgeHours": hours}});
    let count = |count: i64| json!({"mirrorIncidents": {"maxCount": count}});
    let at = "spec.mirrorIncidents";
    vec![
        Rule::new(KIND, at, "maxAgeHours is 1 to 2160 (90 days)")
            .accepts("nothing said", &json!({"mirrorIncidents": {}}))
            .accepts("an hour", &hours(1))
            .accepts("90 days", &hours(2160))
            .refuses("0", &hours(0))
            .refuses("an hour more", &hours(2161)),
        Rule::new(KIND, at, "maxCount is 1 to 200")
            .accepts("one", &count(1))
            .accepts("200", &count(200))
            .refuses("0", &count(0))
            .refuses("201", &count(201)),
    ]
}
