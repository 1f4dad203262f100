//! ssm-contacts: engagements by the clock, stage by stage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use std::sync::atomic::{AtomicI64, Ordering};

use common::{Client, onboarded, refused};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Midnight of a Monday; tests start their clocks here.
const START: &str = "2030-01-07T00:00:00Z";

/// A company in a simulator of its own, with the clock at [`START`].
struct Company {
    client: Client,
    moves: AtomicI64,
    _server: incident_operator_simulator::server::Server,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn name(arn: &Value) -> String {
    let arn = arn.as_str().unwrap();
    let (_, rest) = arn.split_once('/').unwrap();
    rest.split('/').next().unwrap().to_owned()
}

fn to_channel(arn: &str, retry: i64) -> Value {
    json!({"ChannelTargetInfo": {"ContactChannelId": arn, "RetryIntervalInMinutes": retry}})
}

fn to_contact(arn: &str, essential: bool) -> Value {
    json!({"ContactTargetInfo": {"ContactId": arn, "IsEssential": essential}})
}

fn stage(minutes: i64, targets: &[Value]) -> Value {
    json!({"DurationInMinutes": minutes, "Targets": targets})
}

impl Company {
    async fn new() -> Self {
        let (server, client) = onboarded().await;
        let company = Self {
            client,
            moves: AtomicI64::new(1),
            _server: server,
        };
        company.at(0).await;
        company
    }

    /// Sets the clock to so many minutes after the start, and a second more each time: what was begun in
    /// another minute, at whatever fraction of a second, and is due in this one has happened.
    async fn at(&self, minutes: i64) {
        let start: Timestamp = START.parse().unwrap();
        let more = self.moves.fetch_add(1, Ordering::Relaxed);
        let now = start + SignedDuration::from_mins(minutes) + SignedDuration::from_secs(more);
        self.client
            .steer("PUT", "clock", json!({"now": now.to_string()}))
            .await;
    }

    async fn knob(&self, name: &str, value: &str) {
        self.client
            .steer("PUT", "knobs", json!({name: value}))
            .await;
    }

    /// A channel that is activated.
    async fn channel(&self, contact: &str, name: &str, kind: &str) -> String {
        let address = if kind == "EMAIL" {
            format!("{name}@example.com")
        } else {
            "+491700000001".to_owned()
        };
        let made = self
            .client
            .ok(
                "CreateContactChannel",
                json!({
                    "ContactId": contact,
                    "Name": name,
                    "Type": kind,
                    "DeliveryAddress": {"SimpleAddress": address},
                }),
            )
            .await;
        let arn = text(&made["ContactChannelArn"]);
        let codes = self
            .client
            .steer("GET", &format!("codes?channel={arn}"), Value::Null)
            .await;
        let code = codes["codes"].as_array().unwrap().last().unwrap()["code"].clone();
        self.client
            .ok(
                "ActivateContactChannel",
                json!({"ContactChannelId": arn, "ActivationCode": code}),
            )
            .await;
        arn
    }

    async fn plan(&self, contact: &str, plan: Value) {
        self.client
            .ok("UpdateContact", json!({"ContactId": contact, "Plan": plan}))
            .await;
    }

    /// A person who is written to at once, and called after five minutes.
    async fn person(&self, alias: &str) -> String {
        let arn = self.client.person(alias).await;
        let mail = self.channel(&arn, "mail", "EMAIL").await;
        let voice = self.channel(&arn, "voice", "VOICE").await;
        let stages = [
            stage(5, &[to_channel(&mail, 0)]),
            stage(0, &[to_channel(&voice, 0)]),
        ];
        self.plan(&arn, json!({"Stages": stages})).await;
        arn
    }

    async fn escalation(&self, alias: &str, stages: &[Value]) -> String {
        let made = self
            .client
            .ok(
                "CreateContact",
                json!({"Alias": alias, "Type": "ESCALATION", "Plan": {"Stages": stages}}),
            )
            .await;
        text(&made["ContactArn"])
    }

    /// A rotation that hands off every hour.
    async fn rotation(&self, people: &[&str]) -> String {
        let every: Vec<Value> = (0..24)
            .map(|hour| json!({"HourOfDay": hour, "MinuteOfHour": 0}))
            .collect();
        let start: Timestamp = START.parse().unwrap();
        let made = self
            .client
            .ok(
                "CreateRotation",
                json!({
                    "Name": "hourly",
                    "ContactIds": people,
                    "StartTime": start.as_second(),
                    "TimeZoneId": "UTC",
                    "Recurrence": {"DailySettings": every, "NumberOfOnCalls": 1, "RecurrenceMultiplier": 1},
                }),
            )
            .await;
        text(&made["RotationArn"])
    }

    async fn schedule(&self, alias: &str, rotations: &[&str]) -> String {
        let made = self
            .client
            .ok(
                "CreateContact",
                json!({"Alias": alias, "Type": "ONCALL_SCHEDULE", "Plan": {"RotationIds": rotations}}),
            )
            .await;
        text(&made["ContactArn"])
    }

    async fn engage(&self, contact: &str) -> String {
        let started = self
            .client
            .ok(
                "StartEngagement",
                json!({"ContactId": contact, "Sender": "test", "Subject": "s", "Content": "c"}),
            )
            .await;
        text(&started["EngagementArn"])
    }

    async fn pages(&self) -> Vec<Value> {
        let pages = self.client.steer("GET", "pages", Value::Null).await;
        pages["pages"].as_array().unwrap().clone()
    }

    /// What reached whom in which minute, in the order of pages.
    async fn said(&self) -> Vec<String> {
        let start: Timestamp = START.parse().unwrap();
        self.pages()
            .await
            .iter()
            .map(|page| {
                let sent: Vec<String> = page["channels"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|channel| {
                        let at: Timestamp = text(&channel["at"]).parse().unwrap();
                        let minute = at.duration_since(start).as_mins();
                        format!("{}@{minute}", text(&channel["type"]))
                    })
                    .collect();
                format!("{}: {}", name(&page["contactArn"]), sent.join(" "))
            })
            .collect()
    }

    async fn page_of(&self, contact: &str) -> Value {
        let pages = self.pages().await;
        let mut of = pages
            .into_iter()
            .filter(|page| page["contactArn"] == contact);
        let page = of.next().expect("a page");
        assert!(of.next().is_none(), "one page only");
        page
    }

    async fn accept(&self, contact: &str) {
        let page = self.page_of(contact).await;
        self.client
            .ok(
                "AcceptPage",
                json!({
                    "PageId": page["pageArn"],
                    "AcceptType": "READ",
                    "AcceptCode": page["acceptCode"],
                    "AcceptCodeValidation": "ENFORCE",
                }),
            )
            .await;
    }

    async fn kinds(&self, contact: &str) -> Vec<String> {
        let page = self.page_of(contact).await;
        let receipts = self
            .client
            .ok("ListPageReceipts", json!({"PageId": page["pageArn"]}))
            .await;
        let mut kinds: Vec<(f64, String)> = receipts["Receipts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| {
                let at = each["ReceiptTime"].as_f64().unwrap();
                (at, text(&each["ReceiptType"]))
            })
            .collect();
        kinds.sort_by(|one, other| one.0.total_cmp(&other.0));
        kinds.into_iter().map(|(_, kind)| kind).collect()
    }

    async fn describe(&self, engagement: &str) -> Value {
        self.client
            .ok("DescribeEngagement", json!({"EngagementId": engagement}))
            .await
    }
}

#[tokio::test]
async fn a_person_is_reached_by_the_plan_until_they_answer() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let first = company.engage(&ana).await;
    let second = company.engage(&ben).await;
    assert_eq!(company.said().await, ["ana: EMAIL@0", "ben: EMAIL@0"]);
    company.at(2).await;
    company.accept(&ana).await;
    company.at(60).await;
    assert_eq!(
        company.said().await,
        ["ana: EMAIL@0", "ben: EMAIL@0 VOICE@5"]
    );
    assert_eq!(company.kinds(&ana).await, ["SENT", "DELIVERED", "READ"]);
    assert_eq!(
        company.kinds(&ben).await,
        ["SENT", "DELIVERED", "SENT", "DELIVERED"]
    );
    // Both are over, with and without an answer.
    let minutes = async |engagement: &str| {
        let described = company.describe(engagement).await;
        let lasted = described["StopTime"].as_f64()? - described["StartTime"].as_f64()?;
        Some((lasted / 60.0).floor())
    };
    assert_eq!(minutes(&first).await, Some(2.0));
    assert_eq!(minutes(&second).await, Some(5.0));
    company.knob("engagement_stop_time", "when-stopped").await;
    assert_eq!(minutes(&first).await, None);
}

#[tokio::test]
async fn retries_are_receipts_of_the_same_page() {
    let company = Company::new().await;
    let ana = company.client.person("ana").await;
    let sms = company.channel(&ana, "sms", "SMS").await;
    let stages = [
        stage(5, &[to_channel(&sms, 2)]),
        stage(3, &[to_channel(&sms, 1)]),
    ];
    company.plan(&ana, json!({"Stages": stages})).await;
    let engagement = company.engage(&ana).await;
    company.at(4).await;
    assert!(company.describe(&engagement).await["StopTime"].is_null());
    company.at(60).await;
    assert_eq!(
        company.said().await,
        ["ana: SMS@0 SMS@2 SMS@4 SMS@5 SMS@6 SMS@7"]
    );
    company.accept(&ana).await;
    assert_eq!(company.kinds(&ana).await.last().unwrap(), "READ");
}

#[tokio::test]
async fn an_answer_ends_retries() {
    let company = Company::new().await;
    let ana = company.client.person("ana").await;
    let sms = company.channel(&ana, "sms", "SMS").await;
    let stages = [stage(30, &[to_channel(&sms, 5)])];
    company.plan(&ana, json!({"Stages": stages})).await;
    company.engage(&ana).await;
    company.at(7).await;
    company.accept(&ana).await;
    company.accept(&ana).await;
    company.at(60).await;
    assert_eq!(company.said().await, ["ana: SMS@0 SMS@5"]);
    assert_eq!(
        company.kinds(&ana).await,
        ["SENT", "DELIVERED", "SENT", "DELIVERED", "READ"]
    );
}

#[tokio::test]
async fn an_escalation_goes_on_until_somebody_essential_answers() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let cem = company.person("cem").await;
    let dia = company.person("dia").await;
    let stages = [
        stage(10, &[to_contact(&ana, false), to_contact(&ben, true)]),
        stage(10, &[to_contact(&cem, true)]),
        stage(10, &[to_contact(&dia, true)]),
    ];
    let escalation = company.escalation("team", &stages).await;
    let engagement = company.engage(&escalation).await;
    assert_eq!(company.said().await, ["ana: EMAIL@0", "ben: EMAIL@0"]);
    company.at(1).await;
    // She is not essential.
    company.accept(&ana).await;
    company.at(11).await;
    assert_eq!(
        company.said().await,
        ["ana: EMAIL@0", "ben: EMAIL@0 VOICE@5", "cem: EMAIL@10"]
    );
    // He is, though his stage has passed; who is out stays out.
    company.accept(&ben).await;
    company.at(60).await;
    assert_eq!(
        company.said().await,
        [
            "ana: EMAIL@0",
            "ben: EMAIL@0 VOICE@5",
            "cem: EMAIL@10 VOICE@15"
        ]
    );
    assert!(company.describe(&engagement).await["StopTime"].is_number());
    let page = company.page_of(&cem).await;
    let chain = company
        .client
        .ok("ListPageResolutions", json!({"PageId": page["pageArn"]}))
        .await;
    assert_eq!(
        chain["PageResolutions"],
        json!([
            {"ContactArn": escalation, "Type": "ESCALATION"},
            {"ContactArn": cem, "Type": "PERSONAL", "StageIndex": 1},
        ])
    );
}

#[tokio::test]
async fn nobody_answers() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let stages = [
        stage(0, &[to_contact(&ana, true)]),
        stage(7, &[to_contact(&ana, true)]),
        stage(1, &[]),
        stage(4, &[to_contact(&ben, true), to_contact(&ana, true)]),
    ];
    let escalation = company.escalation("team", &stages).await;
    let engagement = company.engage(&escalation).await;
    company.at(9).await;
    assert!(company.describe(&engagement).await["StopTime"].is_null());
    company.at(600).await;
    // Engaged again, on the same page.
    assert_eq!(
        company.said().await,
        [
            "ana: EMAIL@0 VOICE@5 EMAIL@8 VOICE@13",
            "ben: EMAIL@8 VOICE@13"
        ]
    );
    assert!(company.describe(&engagement).await["StopTime"].is_number());
}

#[tokio::test]
async fn who_has_answered_already_stops_the_next_stage() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let stages = [
        stage(5, &[to_contact(&ana, false)]),
        stage(5, &[to_contact(&ana, true)]),
        stage(5, &[to_contact(&ben, true)]),
    ];
    let escalation = company.escalation("team", &stages).await;
    company.engage(&escalation).await;
    company.at(1).await;
    company.accept(&ana).await;
    company.at(60).await;
    assert_eq!(company.said().await, ["ana: EMAIL@0"]);
}

#[tokio::test]
async fn a_schedule_engages_who_is_on_shift_when_the_stage_begins() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let cem = company.person("cem").await;
    let rotation = company.rotation(&[&ana, &ben, &cem]).await;
    let schedule = company.schedule("week", &[&rotation]).await;
    let stages = [
        stage(20, &[to_contact(&schedule, true)]),
        stage(20, &[to_contact(&schedule, true)]),
    ];
    let escalation = company.escalation("team", &stages).await;
    company.at(50).await;
    company.engage(&escalation).await;
    company.at(120).await;
    // The hand-off is at 60.
    assert_eq!(
        company.said().await,
        ["ana: EMAIL@50 VOICE@55", "ben: EMAIL@70 VOICE@75"]
    );
    let page = company.page_of(&ben).await;
    let chain = company
        .client
        .ok("ListPageResolutions", json!({"PageId": page["pageArn"]}))
        .await;
    assert_eq!(
        chain["PageResolutions"],
        json!([
            {"ContactArn": escalation, "Type": "ESCALATION"},
            {"ContactArn": schedule, "Type": "ONCALL_SCHEDULE", "StageIndex": 1},
            {"ContactArn": ben, "Type": "PERSONAL", "StageIndex": 1},
        ])
    );
}

#[tokio::test]
async fn an_override_decides_who_is_on_shift() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let rotation = company.rotation(&[&ana, &ben]).await;
    let schedule = company.schedule("week", &[&rotation]).await;
    let start: Timestamp = START.parse().unwrap();
    let cover = async |from: i64, until: i64, people: &[&str]| {
        company
            .client
            .ok(
                "CreateRotationOverride",
                json!({
                    "RotationId": rotation,
                    "NewContactIds": people,
                    "StartTime": start.as_second() + from * 60,
                    "EndTime": start.as_second() + until * 60,
                }),
            )
            .await
    };
    cover(20, 50, &[&ben]).await;
    cover(60, 120, &[]).await;
    company.at(19).await;
    company.engage(&schedule).await;
    company.at(21).await;
    company.engage(&schedule).await;
    assert_eq!(company.said().await, ["ana: EMAIL@19", "ben: EMAIL@21"]);
    // Nobody at all.
    company.at(70).await;
    let engagement = company.engage(&schedule).await;
    let described = company.describe(&engagement).await;
    assert_eq!(described["StopTime"], described["StartTime"]);
    assert_eq!(company.pages().await.len(), 2);
}

#[tokio::test]
async fn what_has_changed_by_the_time_a_stage_begins_counts() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let cem = company.person("cem").await;
    let stages = [
        stage(10, &[to_contact(&ana, true)]),
        stage(10, &[to_contact(&ben, true)]),
    ];
    let escalation = company.escalation("team", &stages).await;
    company.engage(&escalation).await;
    company.at(7).await;
    let changed = [stages[0].clone(), stage(10, &[to_contact(&cem, true)])];
    company.plan(&escalation, json!({"Stages": changed})).await;
    // The clock is past the second stage when this comes: it has begun with the plan before.
    company.at(14).await;
    company
        .plan(&escalation, json!({"Stages": [stages[0]]}))
        .await;
    company
        .client
        .ok("DeleteContact", json!({"ContactId": cem}))
        .await;
    company.at(60).await;
    assert_eq!(
        company.said().await,
        ["ana: EMAIL@0 VOICE@5", "cem: EMAIL@10"],
        "a deleted contact is called no more"
    );
}

#[tokio::test]
async fn targets_that_are_gone_are_skipped() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let cem = company.person("cem").await;
    let rotation = company.rotation(&[&ana, &ben]).await;
    let schedule = company.schedule("week", &[&rotation]).await;
    let stages = [
        stage(5, &[to_contact(&schedule, true), to_contact(&cem, true)]),
        stage(5, &[to_contact(&ben, true)]),
    ];
    let escalation = company.escalation("team", &stages).await;
    company.knob("delete_contact_in_rotation", "succeed").await;
    for gone in [&ana, &ben] {
        company
            .client
            .ok("DeleteContact", json!({"ContactId": gone}))
            .await;
    }
    company.engage(&escalation).await;
    company.at(60).await;
    assert_eq!(company.said().await, ["cem: EMAIL@0 VOICE@5"]);
}

#[tokio::test]
async fn channels_that_cannot_be_used_are_skipped() {
    let company = Company::new().await;
    let ana = company.client.person("ana").await;
    let mail = company.channel(&ana, "mail", "EMAIL").await;
    let voice = company.channel(&ana, "voice", "VOICE").await;
    let idle = company.client.mail(&ana, "idle").await;
    let stages = [
        stage(5, &[to_channel(&mail, 1), to_channel(&idle, 1)]),
        stage(5, &[to_channel(&voice, 0)]),
    ];
    company.plan(&ana, json!({"Stages": stages})).await;
    company.engage(&ana).await;
    company.at(2).await;
    company
        .client
        .steer("POST", "unsubscribe", json!({"channelArn": mail}))
        .await;
    company
        .client
        .ok("DeleteContactChannel", json!({"ContactChannelId": voice}))
        .await;
    company.at(60).await;
    assert_eq!(
        company.said().await,
        ["ana: EMAIL@0 EMAIL@1 EMAIL@2"],
        "the human has answered UNSUBSCRIBE in minute 2"
    );
    // Now there is nothing left.
    company.engage(&ana).await;
    company.at(70).await;
    let pages = company.pages().await;
    let page = &pages[1];
    assert_eq!(page["channels"], json!([]));
    assert!(
        page["sentAt"].is_null() && page["failedAt"].is_string(),
        "{page}"
    );
    let receipts = company
        .client
        .ok("ListPageReceipts", json!({"PageId": page["pageArn"]}))
        .await;
    let receipts = receipts["Receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0]["ReceiptType"], "ERROR");
    let described = company
        .client
        .ok("DescribePage", json!({"PageId": page["pageArn"]}))
        .await;
    assert!(described.get("SentTime").is_none(), "{described}");
}

#[tokio::test]
async fn stopping_stops_everything() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let cem = company.person("cem").await;
    let stages = [
        stage(10, &[to_contact(&ana, false), to_contact(&ben, true)]),
        stage(10, &[to_contact(&cem, true)]),
    ];
    let escalation = company.escalation("team", &stages).await;
    let engagement = company.engage(&escalation).await;
    company.at(1).await;
    company.accept(&ana).await;
    company.at(3).await;
    let stop = json!({"EngagementId": engagement, "Reason": "a drill"});
    company.client.ok("StopEngagement", stop.clone()).await;
    let stopped = company.describe(&engagement).await["StopTime"].clone();
    assert!(stopped.is_number());
    company.at(60).await;
    company.client.ok("StopEngagement", stop).await;
    assert_eq!(company.describe(&engagement).await["StopTime"], stopped);
    assert_eq!(company.said().await, ["ana: EMAIL@0", "ben: EMAIL@0"]);
    assert_eq!(company.kinds(&ana).await, ["SENT", "DELIVERED", "READ"]);
    assert_eq!(company.kinds(&ben).await, ["SENT", "DELIVERED", "STOP"]);
    // A late answer is noted.
    company.accept(&ben).await;
    assert!(company.page_of(&ben).await["acknowledgedAt"].is_string());
    assert_eq!(company.pages().await.len(), 2);
}

#[tokio::test]
async fn a_human_answers_by_phone() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let stages = [
        stage(10, &[to_contact(&ana, true)]),
        stage(10, &[to_contact(&ben, true)]),
    ];
    let escalation = company.escalation("team", &stages).await;
    company.engage(&escalation).await;
    let page = company.page_of(&ana).await["pageArn"].clone();
    let minute = |minute: i64| {
        let start: Timestamp = START.parse().unwrap();
        (start + SignedDuration::from_mins(minute)).to_string()
    };
    let control = &company.client;
    for (body, status) in [
        (json!({"pageArn": page, "acceptedAt": minute(-1)}), 400),
        (json!({"pageArn": format!("{}0", text(&page))}), 404),
        (json!({"pageArn": "page"}), 404),
        (json!({"page": page}), 400),
    ] {
        let answer = control.control("POST", "pages/accept", body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    // She will answer in minute 7; then everything is as if she had.
    control
        .steer(
            "POST",
            "pages/accept",
            json!({"pageArn": page, "acceptedAt": minute(7)}),
        )
        .await;
    assert!(company.page_of(&ana).await["acknowledgedAt"].is_null());
    company.at(60).await;
    assert_eq!(company.said().await, ["ana: EMAIL@0 VOICE@5"]);
    let acknowledged = company.page_of(&ana).await["acknowledgedAt"].clone();
    assert_eq!(
        text(&acknowledged)
            .parse::<Timestamp>()
            .unwrap()
            .to_string(),
        minute(7)
    );
    // Once is enough.
    control
        .steer("POST", "pages/accept", json!({"pageArn": page}))
        .await;
    assert_eq!(company.page_of(&ana).await["acknowledgedAt"], acknowledged);
}

#[tokio::test]
async fn the_past_is_not_rewritten() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    company.engage(&ana).await;
    let page = company.page_of(&ana).await["pageArn"].clone();
    let start: Timestamp = START.parse().unwrap();
    let minute = |minute: i64| (start + SignedDuration::from_mins(minute)).to_string();
    company.at(4).await;
    // Nothing has happened since the delivery: this may have been.
    let early = json!({"pageArn": page, "acceptedAt": minute(3)});
    company.at(60).await;
    company.client.steer("POST", "pages/accept", early).await;
    assert_eq!(company.said().await, ["ana: EMAIL@0"]);
    let ben = company.person("ben").await;
    company.engage(&ben).await;
    let page = company.page_of(&ben).await["pageArn"].clone();
    company.at(80).await;
    assert_eq!(company.pages().await.len(), 2);
    let late = json!({"pageArn": page, "acceptedAt": minute(62)});
    let answer = company.client.control("POST", "pages/accept", late).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
}

#[tokio::test]
async fn what_counts_as_delivered() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    company.knob("page_delivery", "never").await;
    company.engage(&ana).await;
    company.at(1).await;
    company.accept(&ana).await;
    assert_eq!(company.kinds(&ana).await, ["SENT", "READ"]);
    company.knob("page_delivery", "on-read").await;
    company.engage(&ben).await;
    company.at(2).await;
    assert_eq!(company.kinds(&ben).await, ["SENT"]);
    company.accept(&ben).await;
    let kinds = company.kinds(&ben).await;
    assert_eq!(kinds, ["SENT", "DELIVERED", "READ"]);
}

#[tokio::test]
async fn a_page_for_each_channel() {
    let company = Company::new().await;
    company.knob("page_per", "channel").await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let cem = company.person("cem").await;
    let stages = [
        stage(10, &[to_contact(&ana, false), to_contact(&ben, true)]),
        stage(10, &[to_contact(&cem, true)]),
    ];
    let escalation = company.escalation("team", &stages).await;
    let engagement = company.engage(&escalation).await;
    company.at(6).await;
    assert_eq!(
        company.said().await,
        [
            "ana: EMAIL@0",
            "ben: EMAIL@0",
            "ana: VOICE@5",
            "ben: VOICE@5"
        ]
    );
    let pages = company.pages().await;
    let voice = &pages[3]["pageArn"];
    // By phone, in minute 8.
    let minute = "2030-01-07T00:08:00Z";
    let answer = json!({"pageArn": voice, "acceptedAt": minute});
    company.client.steer("POST", "pages/accept", answer).await;
    company.at(9).await;
    let stop = json!({"EngagementId": engagement});
    company.client.ok("StopEngagement", stop).await;
    let mut ends = Vec::new();
    for page in &company.pages().await {
        let read = page["acknowledgedAt"].is_string();
        let stopped = page["stoppedAt"].is_string();
        ends.push((read, stopped));
    }
    // He has answered, on one of his channels.
    assert_eq!(
        ends,
        [(false, true), (false, false), (false, true), (true, false)]
    );
}

#[tokio::test]
async fn pages_are_numbered_and_found() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    let ben = company.person("ben").await;
    let other = company.client.of_account("333333333333");
    let incident = "arn:aws:ssm-incidents::222222222222:incident-record/plan/1";
    let wish = json!({"ContactId": ana, "Sender": "s", "Subject": "s", "Content": "c", "IncidentId": incident});
    company.client.ok("StartEngagement", wish).await;
    company.engage(&ben).await;
    company.engage(&ana).await;
    let far = other.in_region("eu-west-1");
    let stranger = far.person("cem").await;
    far.ok(
        "StartEngagement",
        json!({"ContactId": stranger, "Sender": "s", "Subject": "s", "Content": "c"}),
    )
    .await;
    let found = async |query: String| {
        let pages = company
            .client
            .steer("GET", &format!("pages?{query}"), Value::Null)
            .await;
        let seqs: Vec<u64> = pages["pages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|page| page["seq"].as_u64().unwrap())
            .collect();
        seqs
    };
    assert_eq!(found(String::new()).await, [1, 2, 3, 4]);
    assert_eq!(found("account=222222222222".to_owned()).await, [1, 2, 3]);
    assert_eq!(found("account=444444444444".to_owned()).await, [0_u64; 0]);
    assert_eq!(found(format!("contact={ana}")).await, [1, 3]);
    assert_eq!(found(format!("incident={incident}")).await, [1]);
    assert_eq!(found(format!("contact={ana}&since=1")).await, [3]);
    let answer = company
        .client
        .control("GET", "pages?since=x", Value::Null)
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn reads_lag_behind_and_writes_do_not() {
    let company = Company::new().await;
    let ana = company.person("ana").await;
    company.knob("consistency_delay_ms", "60000").await;
    company.at(10).await;
    let engagement = company.engage(&ana).await;
    let page = company.page_of(&ana).await;
    let by_engagement = json!({"EngagementId": engagement});
    let listed = async || {
        let engagements = company.client.ok("ListEngagements", json!({})).await;
        let engagements = engagements["Engagements"].as_array().unwrap().len();
        let pages = company
            .client
            .ok("ListPagesByContact", json!({"ContactId": ana}))
            .await;
        (engagements, pages["Pages"].as_array().unwrap().len())
    };
    assert_eq!(listed().await, (0, 0));
    let missing = "ResourceNotFoundException";
    refused(
        &company.client,
        "DescribeEngagement",
        by_engagement.clone(),
        missing,
    )
    .await;
    refused(
        &company.client,
        "ListPagesByEngagement",
        by_engagement.clone(),
        missing,
    )
    .await;
    refused(
        &company.client,
        "DescribePage",
        json!({"PageId": page["pageArn"]}),
        missing,
    )
    .await;
    company.accept(&ana).await;
    company
        .client
        .ok("StopEngagement", by_engagement.clone())
        .await;
    company.at(12).await;
    assert_eq!(listed().await, (1, 1));
    company
        .client
        .ok("ListPagesByEngagement", by_engagement)
        .await;
}
