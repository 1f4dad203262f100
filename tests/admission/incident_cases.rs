//! Rules of Incident and TestPage.

use serde_json::{Value, json};

use super::{Rule, long};

const INCIDENT: &str = "Incident";
const TEST: &str = "TestPage";
const PLAN: &str = "arn:aws:ssm-incidents::123456789012:response-plan/payments-down";
const RECORD: &str = "arn:aws:ssm-incidents::123456789012:incident-record/payments-down/2a8b6c6e-0d2e-4b6c-9a49-1f4f3f6d0f5b";
const DEADLINE: &str = "2026-12-29T03:20:00Z";

/// The least spec of a kind that is let through.
pub fn least(kind: &str) -> Option<Value> {
    Some(match kind {
        "Incident" => {
            json!({"responsePlanRef": {"name": "payments-down"}, "startDeadline": DEADLINE})
        }
        "TestPage" => json!({"contactRef": {"name": "alice"}, "startDeadline": DEADLINE}),
        _ => return None,
    })
}

/// Shows one that exists, with more.
fn shown(fields: &Value) -> Value {
    let mut spec = json!({"responsePlanRef": null, "startDeadline": null, "incidentArn": RECORD});
    super::merge(&mut spec, fields);
    // Merging takes nulls away; they are to reach the least object.
    spec["responsePlanRef"] = Value::Null;
    spec["startDeadline"] = Value::Null;
    spec
}

/// Their rules, those apart that every kind has.
pub fn rules() -> Vec<Rule> {
    let mut rules = incident();
    rules.extend(related_items());
    rules.extend(plan_reference());
    rules.extend(test_page());
    for field in ["contactRef", "onCallScheduleRef", "escalationPlanRef"] {
        rules.extend(super::on_call::references(
            TEST,
            &format!("spec.{field}"),
            |target| {
                let mut spec = json!({"contactRef": null});
                spec[field] = target.clone();
                if field == "contactRef" && target.get("name").is_none() {
                    // The least object has a name there.
                    spec[field]["name"] = Value::Null;
                }
                spec
            },
        ));
    }
    rules
}

fn incident() -> Vec<Rule> {
    let rule = |message: &'static str| Rule::new(INCIDENT, "spec", message);
    let title = |title: &str| json!({ "title": title });
    let items = |count: usize| {
        let items =
            (0..count).map(|n| json!({"title": format!("t{n}"), "url": "https://example.com"}));
        json!({"relatedItems": items.collect::<Vec<_>>()})
    };
    let arn = |arn: &str| {
        let mut spec = shown(&json!({}));
        spec["incidentArn"] = json!(arn);
        spec
    };
    vec![
        rule("give either responsePlanRef (an incident is started, once) or incidentArn (one that exists is shown)")
            .accepts("a plan", &json!({}))
            .accepts("a record", &shown(&json!({})))
            .refuses("neither", &json!({"responsePlanRef": null})),
        rule("responsePlanRef needs a startDeadline: after it nothing is started, so that nobody is paged for an old manifest")
            .accepts("both", &json!({}))
            .refuses("no deadline", &json!({"startDeadline": null})),
        rule("startDeadline goes with responsePlanRef: with incidentArn nothing is ever started")
            .accepts("no deadline", &shown(&json!({})))
            .refuses("a deadline", &{
                let mut spec = shown(&json!({}));
                spec["startDeadline"] = json!(DEADLINE);
                spec
            }),
        rule("responsePlanRef, startDeadline and incidentArn cannot be changed: an Incident is one incident. Make a new one")
            .accepts_change("something else", &json!({}), &json!({"title": "b", "impact": "Low", "resolve": true, "onDelete": "Resolve", "suspend": true}))
            .refuses_change("another plan", &json!({}), &json!({"responsePlanRef": {"name": "b"}}))
            .refuses_change("another deadline", &json!({}), &json!({"startDeadline": "2026-12-29T03:20:01Z"}))
            .refuses_change("another record", &shown(&json!({})), &arn(&RECORD.replace("2a8b", "2a8c")))
            .refuses_change("a record instead of a plan", &json!({}), &shown(&json!({}))),
        rule("resolve cannot be taken back: an incident is resolved once. Start a new one")
            .accepts_change("set", &json!({}), &json!({"resolve": true}))
            .accepts_change("false and then nothing", &json!({"resolve": false}), &json!({}))
            .refuses_change("false again", &json!({"resolve": true}), &json!({"resolve": false}))
            .refuses_change("taken out", &json!({"resolve": true}), &json!({})),
        rule("onDelete: Resolve is for incidents that are started here; with incidentArn, set resolve: true")
            .accepts("with a plan", &json!({"onDelete": "Resolve"}))
            .accepts("retained", &shown(&json!({"onDelete": "Retain"})))
            .refuses("resolved", &shown(&json!({"onDelete": "Resolve"}))),
        rule("tags are for incidents that are started here, not for those shown by incidentArn")
            .accepts("with a plan", &json!({"tags": {"team": "payments"}}))
            .refuses("with a record", &shown(&json!({"tags": {"team": "payments"}}))),
        rule("incidentArn is that of an incident record: arn:<partition>:ssm-incidents::<account>:incident-record/<response plan>/<id>")
            .accepts("a record", &arn(RECORD))
            .accepts("of China", &arn(&RECORD.replace("arn:aws:", "arn:aws-cn:")))
            .refuses("a plan", &arn(PLAN))
            .refuses("no id", &arn("arn:aws:ssm-incidents::123456789012:incident-record/payments-down"))
            .refuses("a Region", &arn(&RECORD.replace("::", ":us-east-1:"))),
        rule("title has 1 to 200 characters")
            .accepts("200", &title(&long("t", 200)))
            .accepts("200 that are not ASCII", &title(&long("ü", 200))).server_only()
            .refuses("none", &title(""))
            .refuses("201", &title(&long("t", 201))),
        rule("at most 45 related items: AWS keeps 50 for an incident, and adds some itself")
            .accepts("45", &items(45))
            .refuses("46", &items(46)),
    ]
}

fn related_items() -> Vec<Rule> {
    let item = |fields: &Value| {
        let mut item = json!({"title": "dashboard"});
        for (name, value) in fields.as_object().into_iter().flatten() {
            item[name] = value.clone();
        }
        json!({"relatedItems": [{"title": "first", "url": "https://example.com"}, item]})
    };
    let rule = |message: &'static str| Rule::new(INCIDENT, "spec.relatedItems[]", message);
    let url = "https://example.com/d/1";
    vec![
        rule("give exactly one of url, arn and metricDefinition")
            .accepts("url", &item(&json!({"url": url})))
            .accepts("arn", &item(&json!({"arn": PLAN})))
            .accepts(
                "metricDefinition",
                &item(&json!({"metricDefinition": "{}"})),
            )
            .refuses("none", &item(&json!({})))
            .refuses("two", &item(&json!({"url": url, "arn": PLAN}))),
        rule("the title of a related item has 1 to 200 characters")
            .accepts("200", &item(&json!({"url": url, "title": long("t", 200)})))
            .refuses("none", &item(&json!({"url": url, "title": ""})))
            .refuses("201", &item(&json!({"url": url, "title": long("t", 201)}))),
        rule("url has at most 1000 characters and begins with a scheme, such as https:")
            .accepts(
                "1000",
                &item(&json!({"url": format!("https://{}", long("a", 992))})),
            )
            .refuses(
                "1001",
                &item(&json!({"url": format!("https://{}", long("a", 993))})),
            )
            .refuses("no scheme", &item(&json!({"url": "example.com"}))),
        rule("arn is an ARN: arn:<partition>:<service>:<region>:<account>:<resource>")
            .accepts(
                "of a role",
                &item(&json!({"arn": "arn:aws:iam::123456789012:role/a"})),
            )
            .accepts("of a bucket", &item(&json!({"arn": "arn:aws:s3:::bucket"})))
            .refuses("something else", &item(&json!({"arn": "bucket"}))),
        rule(
            "metricDefinition has 1 to 4000 characters: the source of a CloudWatch graph, as JSON",
        )
        .accepts("4000", &item(&json!({"metricDefinition": long("m", 4000)})))
        .refuses("none", &item(&json!({"metricDefinition": ""})))
        .refuses("4001", &item(&json!({"metricDefinition": long("m", 4001)}))),
    ]
}

fn plan_reference() -> Vec<Rule> {
    let rule = |message: &'static str| Rule::new(INCIDENT, "spec.responsePlanRef", message);
    let case = |reference: &Value| {
        let mut named = json!({"name": null});
        for (name, value) in reference.as_object().into_iter().flatten() {
            named[name] = value.clone();
        }
        json!({ "responsePlanRef": named })
    };
    vec![
        rule("give either name (with namespace, for another namespace) or arn")
            .accepts("a name", &case(&json!({"name": "a"})))
            .accepts("an ARN", &case(&json!({"arn": PLAN})))
            .refuses("neither", &case(&json!({})))
            .refuses("both", &case(&json!({"name": "a", "arn": PLAN}))),
        rule("namespace goes with name; an arn stands alone")
            .accepts("both", &case(&json!({"name": "a", "namespace": "b"})))
            .refuses("an ARN in a namespace", &case(&json!({"arn": PLAN, "namespace": "b"}))),
        rule("arn is that of a response plan: arn:<partition>:ssm-incidents::<account>:response-plan/<name>")
            .accepts("a plan", &case(&json!({"arn": PLAN})))
            .refuses("a record", &case(&json!({"arn": RECORD})))
            .refuses("a Region", &case(&json!({"arn": PLAN.replace("::", ":us-east-1:")}))),
    ]
}

fn test_page() -> Vec<Rule> {
    let rule = |message: &'static str| Rule::new(TEST, "spec", message);
    let fixed = "a TestPage is one page and cannot be changed: make a new one";
    let message = |fields: Value| json!({ "message": fields });
    let text = |rule: &'static str| Rule::new(TEST, "spec.message", rule);
    vec![
        rule("give exactly one of contactRef, onCallScheduleRef and escalationPlanRef")
            .accepts("a contact", &json!({}))
            .accepts(
                "a schedule",
                &json!({"contactRef": null, "onCallScheduleRef": {"name": "primary"}}),
            )
            .accepts(
                "a plan",
                &json!({"contactRef": null, "escalationPlanRef": {"name": "payments"}}),
            )
            .refuses("nobody", &json!({"contactRef": null}))
            .refuses("two", &json!({"onCallScheduleRef": {"name": "primary"}})),
        rule(fixed)
            .accepts_change(
                "what every kind has",
                &json!({}),
                &json!({"suspend": true, "managementPolicy": "Observe"}),
            )
            .refuses_change(
                "another contact",
                &json!({}),
                &json!({"contactRef": {"name": "bob"}}),
            )
            .refuses_change(
                "a schedule",
                &json!({}),
                &json!({"contactRef": null, "onCallScheduleRef": {"name": "primary"}}),
            )
            .refuses_change(
                "another deadline",
                &json!({}),
                &json!({"startDeadline": "2026-12-29T03:20:01Z"}),
            )
            .refuses_change("a message", &json!({}), &message(json!({"subject": "a"})))
            .refuses_change(
                "a time to live",
                &json!({}),
                &json!({"ttlSecondsAfterFinished": 5}),
            ),
        rule("ttlSecondsAfterFinished is 0 or more")
            .accepts("none", &json!({"ttlSecondsAfterFinished": 0}))
            .refuses("less", &json!({"ttlSecondsAfterFinished": -1})),
        text("subject has 1 to 100 characters")
            .accepts("100", &message(json!({"subject": long("s", 100)})))
            .refuses("none", &message(json!({"subject": ""})))
            .refuses("101", &message(json!({"subject": long("s", 101)}))),
        text("content has 1 to 1000 characters")
            .accepts("1000", &message(json!({"content": long("c", 1000)})))
            .refuses("none", &message(json!({"content": ""})))
            .refuses("1001", &message(json!({"content": long("c", 1001)}))),
    ]
}
