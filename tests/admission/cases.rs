//! Every CEL rule of every CRD, each with what it lets through and what it refuses. One table, judged in-process by the unit tests of
//! `src/api` and again by a real API server.

use serde_json::{Value, json};

#[path = "alternate_contact_cases.rs"]
mod alternate_contact;
#[path = "incident_cases.rs"]
mod incident;
#[path = "on_call_cases.rs"]
mod on_call;
#[path = "replication_set_cases.rs"]
mod replication_set;
#[path = "response_plan_cases.rs"]
mod response_plan;
#[path = "vpc_endpoint_cases.rs"]
mod vpc_endpoint;

/// A rule and its cases.
#[derive(Debug)]
pub struct Rule {
    /// Kind whose CRD holds it.
    pub kind: &'static str,
    /// Where it stands in the schema; `[]` is an item of a list, empty is the root.
    pub at: String,
    /// What the user reads.
    pub message: &'static str,
    /// The cases.
    pub cases: Vec<Case>,
}

/// An object that a rule lets through or refuses.
#[derive(Debug)]
pub struct Case {
    /// What is special about it.
    pub what: &'static str,
    /// The object.
    pub object: Value,
    /// What is stored before, when the rule is about a change.
    pub before: Option<Value>,
    /// Whether the rule lets it through.
    pub accepted: bool,
    /// Only a real API server judges it: kube's CEL counts bytes instead of characters, and pairs the items of a list by position instead of
    /// by their keys.
    pub server_only: bool,
}

impl Rule {
    fn new(kind: &'static str, at: impl Into<String>, message: &'static str) -> Self {
        Self {
            kind,
            at: at.into(),
            message,
            cases: vec![],
        }
    }

    fn case(
        mut self,
        what: &'static str,
        before: Option<&Value>,
        after: &Value,
        accepted: bool,
    ) -> Self {
        self.cases.push(Case {
            what,
            object: object(self.kind, after),
            before: before.map(|before| object(self.kind, before)),
            accepted,
            server_only: false,
        });
        self
    }

    /// The case before is for a real API server only.
    fn server_only(mut self) -> Self {
        if let Some(case) = self.cases.last_mut() {
            case.server_only = true;
        }
        self
    }

    /// A change to the least spec of the kind that is let through; `metadata` and `status` may stand beside `spec`.
    fn accepts(self, what: &'static str, patch: &Value) -> Self {
        self.case(what, None, patch, true)
    }

    fn refuses(self, what: &'static str, patch: &Value) -> Self {
        self.case(what, None, patch, false)
    }

    fn accepts_change(self, what: &'static str, before: &Value, after: &Value) -> Self {
        self.case(what, Some(before), after, true)
    }

    fn refuses_change(self, what: &'static str, before: &Value, after: &Value) -> Self {
        self.case(what, Some(before), after, false)
    }
}

/// The least object of a kind that the API server takes.
pub fn least(kind: &str) -> Value {
    let spec = match kind {
        "ProviderConfig" => json!({
            "accountId": "123456789012", "region": "eu-central-1", "ownerId": "prod-oncall", "allowedNamespaces": {"selector": {}},
        }),
        "ChannelActivation" => json!({"contactRef": {"name": "alice"}, "channel": "mobile"}),
        "AlternateContact" => alternate_contact::least(),
        "ReplicationSet" => replication_set::least(),
        "ResponsePlan" => response_plan::least(),
        "VpcEndpoint" => vpc_endpoint::least(),
        other => on_call::least(other)
            .or_else(|| incident::least(other))
            .unwrap_or_else(|| json!({})),
    };
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": kind, "metadata": {"name": "subject"}, "spec": spec,
    })
}

/// The least object with a patch over it: over its spec, unless the patch speaks of `spec` itself.
pub fn object(kind: &str, patch: &Value) -> Value {
    let mut object = least(kind);
    let whole = ["spec", "metadata", "status"]
        .iter()
        .any(|part| patch.get(part).is_some());
    merge(
        if whole {
            &mut object
        } else {
            &mut object["spec"]
        },
        patch,
    );
    object
}

/// JSON merge patch (RFC 7396).
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else { return };
    for (name, value) in fields {
        match value {
            Value::Null => {
                target.as_object_mut().map(|target| target.remove(name));
            }
            Value::Object(_) if target[name].is_object() => merge(&mut target[name], value),
            _ => target[name] = value.clone(),
        }
    }
}

/// So many characters.
pub fn long(character: &str, count: usize) -> String {
    character.repeat(count)
}

/// So many tags.
pub fn tags(count: usize) -> Value {
    (0..count)
        .map(|number| (format!("key-{number}"), json!("value")))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn sms(address: &str) -> Value {
    json!({"channels": [{"name": "mobile", "type": "SMS", "address": address}]})
}

fn mail(address: &str) -> Value {
    json!({"channels": [{"name": "mail", "type": "Email", "address": address}]})
}

fn named(name: &str) -> Value {
    json!({"channels": [{"name": name, "type": "Voice", "address": "+15005550101"}]})
}

fn with_plan(entries: &Value) -> Value {
    json!({"channels": [{"name": "mobile", "type": "SMS", "address": "+15005550102"}], "engagementPlan": entries})
}

fn with_stages(stages: &Value) -> Value {
    json!({"channels": [{"name": "mobile", "type": "SMS", "address": "+15005550103"}], "engagementStages": stages})
}

/// Every rule.
pub fn rules() -> Vec<Rule> {
    let mut rules = vec![];
    for (kind, fixed) in [
        (
            "Contact",
            "spec.alias cannot be changed: AWS has no way to rename a contact. Make a new Contact and move references to it",
        ),
        (
            "OnCallSchedule",
            "spec.alias cannot be changed: AWS has no way to rename an on-call schedule (CHK-26). Make a new OnCallSchedule and move references to it",
        ),
        (
            "EscalationPlan",
            "spec.alias cannot be changed: AWS has no way to rename an escalation plan. Make a new EscalationPlan and move references to it",
        ),
    ] {
        rules.extend(alias(kind, fixed));
        rules.push(display_name(kind));
    }
    for kind in ["Contact", "EscalationPlan"] {
        rules.extend(review(kind));
    }
    rules.extend(channels());
    rules.extend(plans());
    for (kind, at) in [
        ("Contact", "spec.tags"),
        ("OnCallSchedule", "spec.tags"),
        ("RotationOverride", "spec.tags"),
        ("EscalationPlan", "spec.tags"),
        ("ResponsePlan", "spec.tags"),
        ("Incident", "spec.tags"),
        ("ReplicationSet", "spec.tags"),
        ("AlternateContact", "spec.tags"),
        ("VpcEndpoint", "spec.tags"),
        ("ProviderConfig", "spec.defaultTags"),
    ] {
        rules.extend(tag_rules(kind, at));
    }
    for kind in [
        "Contact",
        "ChannelActivation",
        "OnCallSchedule",
        "RotationOverride",
        "EscalationPlan",
        "ResponsePlan",
        "Incident",
        "TestPage",
        "ReplicationSet",
        "AlternateContact",
        "VpcEndpoint",
    ] {
        rules.push(accepted_findings(kind));
    }
    rules.extend(channel_activation());
    rules.extend(provider_config());
    rules.extend(replication_set::rules());
    rules.extend(alternate_contact::rules());
    rules.extend(on_call::rules());
    rules.extend(response_plan::rules());
    rules.extend(incident::rules());
    rules.extend(vpc_endpoint::rules());
    rules
}

fn display_name(kind: &'static str) -> Rule {
    let display_name = |name: &str| json!({"displayName": name});
    Rule::new(
        kind,
        "spec",
        "displayName has at most 255 letters, digits, spaces and the characters _ . -",
    )
    .accepts(
        "letters of any alphabet",
        &display_name("Åsa Ünal-Øst 李 Jr._2"),
    )
    .accepts("empty, which is the same as absent", &display_name(""))
    .accepts("255 characters", &display_name(&long("ü", 255)))
    .server_only()
    .refuses("256 characters", &display_name(&long("a", 256)))
    .refuses("an apostrophe", &display_name("Pat O'Hara"))
    .refuses("a mail address", &display_name("pat.ohara@example.org"))
    .refuses("a line break", &display_name("Pat\nHara"))
}

fn review(kind: &'static str) -> Vec<Rule> {
    let every = |days: i64| json!({"review": {"everyDays": days}});
    let reviewed = |day: &str| json!({"review": {"everyDays": 90, "lastReviewed": day}});
    vec![
        Rule::new(kind, "spec.review", "everyDays is 1 to 3650")
            .accepts("a day", &every(1))
            .accepts("ten years", &every(3650))
            .refuses("never", &every(0))
            .refuses("less than never", &every(-1))
            .refuses("more than ten years", &every(3651)),
        Rule::new(
            kind,
            "spec.review",
            "lastReviewed is a day of the calendar, YYYY-MM-DD",
        )
        .accepts("a day", &reviewed("2026-02-28"))
        .accepts("a leap day", &reviewed("2028-02-29"))
        .refuses("a leap day in another year", &reviewed("2026-02-29"))
        .refuses("month 13", &reviewed("2026-13-01"))
        .refuses("a day as people write it", &reviewed("1.3.2026"))
        .refuses("a time", &reviewed("2026-03-01T00:00:00Z"))
        .refuses("nothing", &reviewed("")),
    ]
}

/// What of an alias is fixed when. Before creation means that the operator has not begun to make it in AWS.
fn alias(kind: &'static str, fixed: &'static str) -> Vec<Rule> {
    let alias = |alias: &str| json!({"alias": alias});
    let stored = |name: &str, alias: Option<&str>, status: &Value| {
        // Server-side apply makes a spec null from which the last field is taken.
        let spec = json!({"displayName": "A Person", "alias": alias});
        json!({"metadata": {"name": name}, "spec": spec, "status": status})
    };
    let unseen = json!({"observedGeneration": -1});
    let created = json!({"arn": "arn:aws:ssm-contacts:eu-central-1:123456789012:contact/alice", "origin": "Created"});
    let begun = json!({"origin": "Created"});
    vec![
        Rule::new(kind, "spec", "alias has 1 to 255 lower-case letters, digits, '_' and '-'")
            .accepts("all that is allowed", &alias("a-z_0-9"))
            .accepts("255 characters", &alias(&long("a", 255)))
            .refuses("empty", &alias(""))
            .refuses("256 characters", &alias(&long("a", 256)))
            .refuses("upper case", &alias("Alice"))
            .refuses("a space", &alias("alice example"))
            .refuses("a dot", &alias("alice.example"))
            .refuses("letters that are not ASCII", &alias("jürgen")),
        Rule::new(kind, "", "metadata.name has a dot, which an alias cannot have: set spec.alias")
            .accepts("no dot, no alias", &json!({"metadata": {"name": "alice-1"}}))
            .accepts("a dot and an alias", &json!({"metadata": {"name": "alice.example"}, "spec": {"alias": "alice"}}))
            .refuses("a dot and no alias", &json!({"metadata": {"name": "alice.example"}})),
        Rule::new(kind, "", fixed)
            .accepts_change("set before creation", &stored("bob", None, &unseen), &stored("bob", Some("alice"), &unseen))
            .accepts_change("set where there was no status yet", &stored("bob", None, &Value::Null), &stored("bob", Some("alice"), &Value::Null))
            .accepts_change("kept", &stored("bob", Some("alice"), &created), &stored("bob", Some("alice"), &created))
            .accepts_change("said what was meant all along, after creation", &stored("alice", None, &created), &stored("alice", Some("alice"), &created))
            .accepts_change("no longer said, the name being the same", &stored("alice", Some("alice"), &created), &stored("alice", None, &created))
            .accepts_change("never said, and another field changed", &stored("alice", None, &created), &json!({"metadata": {"name": "alice"}, "spec": {"displayName": "Alice"}, "status": created}))
            .refuses_change("changed before creation", &stored("bob", Some("alice"), &unseen), &stored("bob", Some("carol"), &unseen))
            .refuses_change("unset before creation", &stored("bob", Some("alice"), &unseen), &stored("bob", None, &unseen))
            .refuses_change("set while creation is under way", &stored("bob", None, &begun), &stored("bob", Some("alice"), &begun))
            .refuses_change("set after creation", &stored("bob", None, &created), &stored("bob", Some("alice"), &created))
            .refuses_change("changed after creation", &stored("bob", Some("alice"), &created), &stored("bob", Some("carol"), &created))
            .refuses_change("unset after creation", &stored("bob", Some("alice"), &created), &stored("bob", None, &created)),
    ]
}

fn channels() -> Vec<Rule> {
    let typed = |name: &str, type_: &str| {
        json!({"channels": [
            {"name": "other", "type": "Email", "addressFrom": {"secretKeyRef": {"name": "people", "key": "alice-mail"}}},
            {"name": name, "type": type_, "addressFrom": {"secretKeyRef": {"name": "people", "key": "alice"}}},
        ]})
    };
    vec![
        Rule::new("Contact", "spec.channels[]", "give either address or addressFrom")
            .accepts("an address", &sms("+15005550104"))
            .accepts("a Secret", &typed("mobile", "SMS"))
            .refuses("neither", &json!({"channels": [{"name": "mobile", "type": "SMS"}]}))
            .refuses("both", &json!({"channels": [{
                "name": "mobile", "type": "SMS", "address": "+15005550105",
                "addressFrom": {"secretKeyRef": {"name": "people", "key": "alice"}},
            }]})),
        Rule::new(
            "Contact",
            "spec.channels[]",
            "the address of an SMS or Voice channel is a phone number: '+', country code and subscriber number, 8 to 15 digits without spaces (CHK-15)",
        )
        .accepts("8 digits", &sms("+49891234"))
        .accepts("15 digits", &sms("+491701234567890"))
        .accepts("a voice channel", &named("landline"))
        .refuses("7 digits", &sms("+4989123"))
        .refuses("16 digits", &sms("+4917012345678901"))
        .refuses("no plus sign", &sms("15005550106"))
        .refuses("the prefix for abroad", &sms("0015005550107"))
        .refuses("a country code of 0", &sms("+05005550108"))
        .refuses("spaces", &sms("+1 500 555 0109"))
        .refuses("brackets and dashes", &sms("+1(500)555-0110"))
        .refuses("a space at the end", &sms("+15005550111 "))
        .refuses("a line break at the end", &sms("+15005550112\n"))
        .refuses("digits that are not ASCII", &sms("+١٥٠٠٥٥٥٠١١٣٤"))
        .refuses("letters", &sms("+1500555CALL"))
        .refuses("a mail address", &sms("alice.wrong-type@example.org"))
        .refuses("empty", &sms(""))
        .refuses("a number of a voice channel", &json!({"channels": [{"name": "desk", "type": "Voice", "address": "555-0114 ext. 7"}]})),
        Rule::new("Contact", "spec.channels[]", "the address of an Email channel is a mail address of at most 320 characters (CHK-15)")
            .accepts("a mail address", &mail("alice@example.org"))
            .accepts("what is allowed though rare", &mail("o'hara+oncall/night=1@sub.example.museum"))
            .accepts("letters of any alphabet", &mail("jürgen@müller.example"))
            .accepts("320 characters", &mail(&format!("{}@example.org", long("a", 308))))
            .refuses("321 characters", &mail(&format!("{}@example.org", long("b", 309))))
            .refuses("no at sign", &mail("carol.example.org"))
            .refuses("two at signs", &mail("carol@home@example.org"))
            .refuses("nothing before it", &mail("@carol.example.org"))
            .refuses("nothing behind it", &mail("carol.at.home@"))
            .refuses("a space", &mail("carol smith@example.org"))
            .refuses("a name around it", &mail("Carol <carol.smith@example.org>"))
            .refuses("a phone number", &mail("+15005550115"))
            .refuses("empty", &mail("")),
        Rule::new("Contact", "spec.channels[]", "a channel's name has 1 to 255 letters, digits, spaces and the characters _ . -")
            .accepts("letters of any alphabet", &named("Büro 2_a.b-c"))
            .accepts("255 characters", &named(&long("n", 255)))
            .refuses("empty", &named(""))
            .refuses("256 characters", &named(&long("n", 256)))
            .refuses("a mail address", &named("dave.private@example.org"))
            .refuses("a phone number", &named("+15005550116"))
            .refuses("a slash", &named("work/desk")),
        Rule::new("Contact", "spec.channels[]", "a channel's name is shown in status, events and logs: it must not hold the address (CHK-50)")
            .accepts("another number", &json!({"channels": [{"name": "10005550117", "type": "SMS", "address": "+15005550117"}]}))
            .accepts("an address from a Secret", &json!({"channels": [{
                "name": "15005550118", "type": "SMS", "addressFrom": {"secretKeyRef": {"name": "people", "key": "alice"}},
            }]}))
            .refuses("the number", &json!({"channels": [{"name": "15005550119", "type": "SMS", "address": "+15005550119"}]}))
            .refuses("the number within", &json!({"channels": [{"name": "mobile 15005550120 private", "type": "Voice", "address": "+15005550120"}]})),
        Rule::new("Contact", "spec.channels[]", "the type of a channel cannot be changed: give the new channel another name")
            .accepts_change("kept", &typed("mobile", "SMS"), &typed("mobile", "SMS"))
            .accepts_change("another type under another name", &typed("mobile", "SMS"), &typed("desk", "Voice"))
            .server_only()
            .accepts_change("the order is nothing", &typed("mobile", "SMS"), &json!({"channels": [
                {"name": "mobile", "type": "SMS", "addressFrom": {"secretKeyRef": {"name": "people", "key": "alice"}}},
                {"name": "other", "type": "Email", "addressFrom": {"secretKeyRef": {"name": "people", "key": "alice-mail"}}},
            ]}))
            .server_only()
            .refuses_change("another type", &typed("mobile", "SMS"), &typed("mobile", "Voice"))
            .refuses_change("names swapped", &typed("mobile", "SMS"), &json!({"channels": [
                {"name": "mobile", "type": "Email", "addressFrom": {"secretKeyRef": {"name": "people", "key": "alice-mail"}}},
                {"name": "other", "type": "SMS", "addressFrom": {"secretKeyRef": {"name": "people", "key": "alice"}}},
            ]}))
            .server_only(),
    ]
}

fn plans() -> Vec<Rule> {
    let entry =
        |minute: i64| with_plan(&json!([{"channel": "mobile", "engageAfterMinutes": minute}]));
    let entry_retry = |minutes: i64| {
        with_plan(
            &json!([{"channel": "mobile", "engageAfterMinutes": 0, "retryIntervalMinutes": minutes}]),
        )
    };
    let stage_retry = |minutes: i64| {
        with_stages(
            &json!([{"durationMinutes": 1, "targets": [{"channel": "mobile", "retryIntervalMinutes": minutes}]}]),
        )
    };
    let stage = |minutes: i64, targets: &Value| {
        with_stages(&json!([{"durationMinutes": minutes, "targets": targets}]))
    };
    let target = json!({"channel": "mobile"});
    let many = |count: usize| {
        with_stages(&json!(vec![
            json!({"durationMinutes": 1, "targets": [target]});
            count
        ]))
    };
    vec![
        Rule::new("Contact", "spec", "give either engagementPlan or engagementStages, not both")
            .accepts("neither", &json!({}))
            .accepts("the friendly form", &entry(0))
            .accepts("the API's own", &many(1))
            .refuses("both, one of them empty", &json!({"engagementPlan": [], "engagementStages": []})),
        Rule::new("Contact", "spec", "engagementPlan names a channel that is not in spec.channels")
            .accepts("one that is", &entry(0))
            .accepts("none", &with_plan(&json!([])))
            .refuses("another", &with_plan(&json!([{"channel": "pager", "engageAfterMinutes": 0}])))
            .refuses("no channels at all", &json!({"engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}]}))
            .refuses("one written otherwise", &with_plan(&json!([{"channel": "Mobile", "engageAfterMinutes": 0}]))),
        Rule::new("Contact", "spec", "engagementStages names a channel that is not in spec.channels")
            .accepts("one that is", &many(1))
            .accepts("a stage without targets", &with_stages(&json!([{"durationMinutes": 1}])))
            .refuses("another", &stage(1, &json!([{"channel": "pager"}])))
            .refuses("no channels at all", &json!({"engagementStages": [{"durationMinutes": 1, "targets": [{"channel": "mobile"}]}]})),
        Rule::new("Contact", "spec.engagementPlan", "engagementPlan has the same channel twice at the same minute")
            .accepts("the same channel later", &with_plan(&json!([{"channel": "mobile", "engageAfterMinutes": 0}, {"channel": "mobile", "engageAfterMinutes": 5}])))
            .refuses("the same entry twice", &with_plan(&json!([{"channel": "mobile", "engageAfterMinutes": 5}, {"channel": "mobile", "engageAfterMinutes": 5, "retryIntervalMinutes": 2}]))),
        Rule::new("Contact", "spec.engagementPlan[]", "engageAfterMinutes is 0 to 270 (ten stages of at most 30 minutes)")
            .accepts("at once", &entry(0))
            .accepts("the last moment", &entry(270))
            .refuses("before the engagement", &entry(-1))
            .refuses("too late", &entry(271)),
        Rule::new("Contact", "spec.engagementPlan[]", "retryIntervalMinutes is 0 to 60")
            .accepts("0", &entry_retry(0))
            .accepts("60", &entry_retry(60))
            .refuses("-1", &entry_retry(-1))
            .refuses("61", &entry_retry(61)),
        Rule::new("Contact", "spec.engagementStages[].targets[]", "retryIntervalMinutes is 0 to 60")
            .accepts("0", &stage_retry(0))
            .accepts("60", &stage_retry(60))
            .refuses("-1", &stage_retry(-1))
            .refuses("61", &stage_retry(61)),
        Rule::new("Contact", "spec.engagementStages", "engagementStages has at most 10 stages")
            .accepts("10 stages", &many(10))
            .refuses("11 stages", &many(11)),
        Rule::new("Contact", "spec.engagementStages[]", "durationMinutes is 0 to 30")
            .accepts("0 with a target", &stage(0, &json!([target])))
            .accepts("30", &stage(30, &json!([target])))
            .refuses("-1", &stage(-1, &json!([target])))
            .refuses("31", &stage(31, &json!([target]))),
        Rule::new("Contact", "spec.engagementStages[]", "a stage without targets lasts at least one minute")
            .accepts("a minute without targets", &stage(1, &json!([])))
            .refuses("no time and no targets", &stage(0, &json!([])))
            .refuses("no time and targets absent", &with_stages(&json!([{"durationMinutes": 0}]))),
        Rule::new("Contact", "spec.engagementStages[]", "a stage has at most 10 targets")
            .accepts("10 targets", &stage(1, &json!(vec![target.clone(); 10])))
            .refuses("11 targets", &stage(1, &json!(vec![target.clone(); 11]))),
    ]
}

fn tag_rules(kind: &'static str, at: &'static str) -> Vec<Rule> {
    let field = at.trim_start_matches("spec.");
    let with = |tags: Value| json!({field: tags});
    let one = |key: &str, value: &str| with(json!({key: value}));
    vec![
        Rule::new(kind, at, "at most 47 tags: AWS allows 50 on a resource and the operator sets three of its own (CHK-51)")
            .accepts("none", &with(json!({})))
            .accepts("47 tags", &with(tags(47)))
            .refuses("48 tags", &with(tags(48))),
        Rule::new(kind, at, "tag keys have 1 to 128 letters, digits and the characters _ + = - / \\ (no dot, no colon; CHK-51)")
            .accepts("all that is allowed", &one(r"aZ09_+=-/\", "value"))
            .accepts("128 characters", &one(&long("k", 128), "value"))
            .refuses("empty", &one("", "value"))
            .refuses("129 characters", &one(&long("k", 129), "value"))
            .refuses("a dot, as in Kubernetes", &one("app.kubernetes.io/name", "value"))
            .refuses("a colon", &one("team:name", "value"))
            .refuses("a space", &one("cost center", "value"))
            .refuses("a mail address", &one("erin.tag@example.org", "value"))
            .refuses("letters that are not ASCII", &one("größe", "value")),
        Rule::new(kind, at, "tag keys must not start with 'aws:' or 'incident-operator/': these are reserved (CHK-51)")
            .accepts("the words inside a key", &one("my-aws/incident-operator/owner", "value"))
            .refuses("ours", &one("incident-operator/owner", "value"))
            .refuses("ours in capitals", &one("Incident-Operator/Owner", "value")),
        Rule::new(
            kind,
            at,
            "tag values have 1 to 256 letters, digits, spaces and the characters _ . : / = + - @; an empty value is not accepted by AWS (CHK-51)",
        )
        .accepts("all that is allowed", &one("key", "Ünï 09_.:/=+-@"))
        .accepts("256 characters", &one("key", &long("v", 256)))
        .refuses("empty", &one("key", ""))
        .refuses("257 characters", &one("key", &long("v", 257)))
        .refuses("a comma", &one("key", "frank.tag@example.org, grace.tag@example.org"))
        .refuses("a line break", &one("key", "a\nb")),
    ]
}

fn accepted_findings(kind: &'static str) -> Rule {
    let until = |day: &str| json!({"acceptedFindings": [{"id": "FewChannels", "reason": "known", "until": day}]});
    Rule::new(
        kind,
        "spec.acceptedFindings[]",
        "until is a day of the calendar, YYYY-MM-DD",
    )
    .accepts("a day", &until("2027-12-31"))
    .accepts(
        "for good",
        &json!({"acceptedFindings": [{"id": "FewChannels", "reason": "known"}]}),
    )
    .refuses("a day that does not exist", &until("2027-02-30"))
    .refuses("a day as people write it", &until("31/12/2027"))
    .refuses("a time", &until("2027-12-31T23:59:59Z"))
    .refuses("nothing", &until(""))
}

fn channel_activation() -> Vec<Rule> {
    let ttl = |seconds: i64| json!({"ttlSecondsAfterFinished": seconds});
    let code =
        |name: &str, key: &str| json!({"codeFrom": {"secretKeyRef": {"name": name, "key": key}}});
    let none = json!({});
    vec![
        Rule::new(
            "ChannelActivation",
            "spec",
            "ttlSecondsAfterFinished is 0 or more",
        )
        .accepts("at once", &ttl(0))
        .accepts("long after", &ttl(i64::from(i32::MAX) + 1))
        .refuses("before it finished", &ttl(-1)),
        Rule::new(
            "ChannelActivation",
            "spec",
            "a ChannelActivation is one request and cannot be changed: make a new one",
        )
        .accepts_change(
            "nothing changed",
            &code("codes", "alice"),
            &code("codes", "alice"),
        )
        .accepts_change("suspended", &none, &json!({"suspend": true}))
        .accepts_change("observed", &none, &json!({"managementPolicy": "Observe"}))
        .accepts_change(
            "a finding accepted",
            &none,
            &json!({"acceptedFindings": [{"id": "FewChannels", "reason": "known"}]}),
        )
        .accepts_change("let go again", &json!({"suspend": true}), &none)
        .refuses_change(
            "another contact",
            &none,
            &json!({"contactRef": {"name": "bob"}}),
        )
        .refuses_change("another channel", &none, &json!({"channel": "mail"}))
        .refuses_change("a Secret added", &none, &code("codes", "alice"))
        .refuses_change("a Secret taken away", &code("codes", "alice"), &none)
        .refuses_change(
            "another Secret",
            &code("codes", "alice"),
            &code("others", "alice"),
        )
        .refuses_change(
            "another key",
            &code("codes", "alice"),
            &code("codes", "bob"),
        )
        .refuses_change("a time to live added", &none, &ttl(60))
        .refuses_change("a time to live taken away", &ttl(60), &none)
        .refuses_change("another time to live", &ttl(60), &ttl(61)),
    ]
}

fn provider_config() -> Vec<Rule> {
    let kind = "ProviderConfig";
    let account = |id: &str| json!({"accountId": id});
    let region = |region: &str| json!({"region": region});
    let owner = |owner: &str| json!({"ownerId": owner});
    let may_pass = |arns: &[&str]| json!({"passRoleArns": arns});
    let none = json!({});
    let mut rules = vec![
        Rule::new(kind, "spec", "accountId cannot be changed: make another ProviderConfig")
            .accepts_change("kept", &none, &json!({"deletionBudget": {"maxPerHour": 1}}))
            .refuses_change("another", &none, &account("210987654321")),
        Rule::new(kind, "spec", "region cannot be changed: make another ProviderConfig")
            .accepts_change("kept", &none, &json!({"unmanagedReferences": "Allow"}))
            .refuses_change("another", &none, &region("eu-west-1")),
        Rule::new(kind, "spec", "ownerId cannot be changed: it marks what is ours in AWS")
            .accepts_change("kept", &none, &json!({"assumeRole": {}}))
            .refuses_change("another", &none, &owner("test-oncall")),
        Rule::new(
            kind,
            "spec",
            "passRoleArns has ARNs of IAM roles, arn:aws:iam::<account>:role/<name>, without wildcards",
        )
        .accepts("none", &may_pass(&[]))
        .accepts("several", &may_pass(&["arn:aws:iam::123456789012:role/a", "arn:aws-cn:iam::123456789012:role/teams/b"]))
        .refuses("a user among them", &may_pass(&["arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:user/b"]))
        .refuses("a name", &may_pass(&["runbook"]))
        .refuses("a wildcard", &may_pass(&["arn:aws:iam::123456789012:role/runbook-*"]))
        .refuses("all", &may_pass(&["*"])),
        Rule::new(kind, "spec", "accountId has 12 digits; write it in quotes")
            .accepts("leading zeros", &account("000000000012"))
            .refuses("11 digits", &account("12345678901"))
            .refuses("13 digits", &account("1234567890123"))
            .refuses("dashes", &account("1234-5678-9012"))
            .refuses("an alias", &account("my-company"))
            .refuses("empty", &account("")),
        Rule::new(kind, "spec", "region is an AWS Region such as eu-central-1")
            .accepts("of the government", &region("us-gov-west-1"))
            .accepts("of China", &region("cn-northwest-1"))
            .accepts("two digits", &region("ap-southeast-10"))
            .refuses("a zone", &region("eu-central-1a"))
            .refuses("upper case", &region("EU-CENTRAL-1"))
            .refuses("a name", &region("Frankfurt"))
            .refuses("empty", &region("")),
        Rule::new(kind, "spec", "ownerId has 1 to 128 letters, digits and the characters _ . : / = + - @: it becomes a tag value")
            .accepts("all that is allowed", &owner("Prod_1.oncall:a/b=c+d-e@f"))
            .accepts("128 characters", &owner(&long("o", 128)))
            .refuses("empty", &owner(""))
            .refuses("129 characters", &owner(&long("o", 129)))
            .refuses("a space", &owner("prod oncall"))
            .refuses("letters that are not ASCII", &owner("größe")),
    ];
    rules.extend(provider_config_parts(kind));
    rules
}

fn provider_config_parts(kind: &'static str) -> Vec<Rule> {
    let role = |arn: &str| json!({"assumeRole": {"roleArn": arn}});
    let external = |id: &str| json!({"assumeRole": {"roleArn": "arn:aws:iam::123456789012:role/oncall", "externalId": id}});
    let url = |url: &str| json!({"endpoints": [{"service": "STS", "url": url}]});
    let rate = |rate: f64| json!({"rateLimits": [{"group": "ContactsWrite", "perSecond": rate}]});
    let price = |usd: &str| json!({"prices": {"interfaceEndpointHourUSD": usd}});
    let budget = |count: i64| json!({"deletionBudget": {"maxPerHour": count}});
    let allowed = |selection: &Value| json!({"spec": {"allowedNamespaces": {"selector": Value::Null, "names": selection["names"]}}});
    let adoption = |selection: &Value| json!({"adoption": {"allowedNamespaces": selection}});
    let expression = |field: &str, expression: &Value| {
        let selector = json!({"selector": {"matchExpressions": [expression]}});
        if field == "adoption" {
            json!({"adoption": {"allowedNamespaces": selector}})
        } else {
            json!({"allowedNamespaces": selector})
        }
    };
    let mut rules = vec![
        Rule::new(kind, "spec.assumeRole", "roleArn is the ARN of an IAM role, arn:aws:iam::<account>:role/<name>")
            .accepts("empty", &json!({"assumeRole": {}}))
            .accepts("with a path", &role("arn:aws:iam::123456789012:role/teams/oncall"))
            .accepts("another partition", &role("arn:aws-us-gov:iam::123456789012:role/oncall"))
            .refuses("a user", &role("arn:aws:iam::123456789012:user/oncall"))
            .refuses("a session", &role("arn:aws:sts::123456789012:assumed-role/oncall/session"))
            .refuses("no name", &role("arn:aws:iam::123456789012:role/"))
            .refuses("a name only", &role("oncall"))
            .refuses("empty text", &role("")),
        Rule::new(kind, "spec.assumeRole", "externalId needs a roleArn")
            .accepts("both", &external("example"))
            .refuses("an external id alone", &json!({"assumeRole": {"externalId": "example"}})),
        Rule::new(kind, "spec.assumeRole", "externalId has 2 to 1224 letters, digits and the characters _ + = , . @ : / -")
            .accepts("all that is allowed", &external("aZ0_+=,.@:/-"))
            .accepts("1224 characters", &external(&long("x", 1224)))
            .refuses("1 character", &external("x"))
            .refuses("1225 characters", &external(&long("x", 1225)))
            .refuses("a space", &external("external id")),
        Rule::new(
            kind,
            "spec.endpoints[]",
            "url is https:// or http:// and a host, with a port and a path if need be, without user, query and fragment",
        )
        .accepts("an endpoint", &url("https://vpce-0123456789abcdef0.sts.eu-central-1.vpce.amazonaws.com"))
        .accepts("a port and a path", &url("http://127.0.0.1:8080/path/"))
        .accepts("an IPv6 address", &url("http://[::1]:8080"))
        .refuses("no scheme", &url("sts.eu-central-1.amazonaws.com"))
        .refuses("another scheme", &url("ftp://sts.eu-central-1.amazonaws.com"))
        .refuses("no host", &url("https://"))
        .refuses("a password", &url("https://heidi:password@sts.eu-central-1.amazonaws.com"))
        .refuses("a query", &url("https://sts.eu-central-1.amazonaws.com/?a=b"))
        .refuses("a space", &url("https://sts.eu-central-1.amazonaws.com "))
        .refuses("empty", &url("")),
        Rule::new(kind, "spec.rateLimits[]", "perSecond is more than 0 and at most 100000")
            .accepts("less than one", &rate(0.1))
            .accepts("many", &rate(100_000.0))
            .refuses("none", &rate(0.0))
            .refuses("less than none", &rate(-1.0))
            .refuses("too many", &rate(100_000.5)),
        Rule::new(
            kind,
            "spec.prices",
            "interfaceEndpointHourUSD is an amount of US dollars in quotes, such as \"0.012\", with at most 6 digits after the point",
        )
        .accepts("cents", &price("0.012"))
        .accepts("dollars", &price("1"))
        .accepts("none", &json!({"prices": {}}))
        .refuses("a sign", &price("$0.012"))
        .refuses("a comma", &price("0,012"))
        .refuses("less than a millionth", &price("0.0000001"))
        .refuses("nothing", &price("")),
        Rule::new(kind, "spec.deletionBudget", "maxPerHour is 0 to 10000")
            .accepts("none", &budget(0))
            .accepts("many", &budget(10_000))
            .refuses("less than none", &budget(-1))
            .refuses("too many", &budget(10_001)),
        Rule::new(kind, "spec.allowedNamespaces", "give names, a selector or both; selector: {} selects all namespaces")
            .accepts("names", &allowed(&json!({"names": ["people"]})))
            .accepts("an empty selector", &json!({}))
            .accepts("both", &json!({"allowedNamespaces": {"names": ["people"], "selector": {"matchLabels": {"oncall": "true"}}}}))
            .refuses("neither", &allowed(&json!({}))),
        Rule::new(kind, "spec.adoption.allowedNamespaces", "give names, a selector or both; selector: {} selects all namespaces")
            .accepts("names", &adoption(&json!({"names": ["people"]})))
            .accepts("an empty selector", &adoption(&json!({"selector": {}})))
            .refuses("neither", &adoption(&json!({}))),
    ];
    for (field, at) in [
        (
            "allowedNamespaces",
            "spec.allowedNamespaces.selector.matchExpressions[]",
        ),
        (
            "adoption",
            "spec.adoption.allowedNamespaces.selector.matchExpressions[]",
        ),
    ] {
        rules.push(selector(kind, at, |one| expression(field, one)));
    }
    rules
}

fn selector(kind: &'static str, at: &str, with: impl Fn(&Value) -> Value) -> Rule {
    Rule::new(
        kind,
        at,
        "In and NotIn need values; Exists and DoesNotExist take none",
    )
    .accepts(
        "In",
        &with(&json!({"key": "team", "operator": "In", "values": ["a", "b"]})),
    )
    .accepts(
        "Exists",
        &with(&json!({"key": "team", "operator": "Exists"})),
    )
    .accepts(
        "Exists with no values",
        &with(&json!({"key": "team", "operator": "DoesNotExist", "values": []})),
    )
    .refuses(
        "In without values",
        &with(&json!({"key": "team", "operator": "In"})),
    )
    .refuses(
        "NotIn with no values",
        &with(&json!({"key": "team", "operator": "NotIn", "values": []})),
    )
    .refuses(
        "Exists with values",
        &with(&json!({"key": "team", "operator": "Exists", "values": ["a"]})),
    )
}
