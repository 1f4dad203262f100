//! ssm-contacts: who is on call when, through the API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use common::{Client, onboarded, refused};
use jiff::Timestamp;
use serde_json::{Value, json};

fn seconds(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

fn time(hour: i64, minute: i64) -> Value {
    json!({"HourOfDay": hour, "MinuteOfHour": minute})
}

fn recurrence(name: &str, hand_offs: Value) -> Value {
    let mut recurrence = json!({"NumberOfOnCalls": 1, "RecurrenceMultiplier": 1});
    recurrence[name] = hand_offs;
    recurrence
}

fn daily(hour: i64, minute: i64) -> Value {
    recurrence("DailySettings", json!([time(hour, minute)]))
}

/// `who start/end`, with the overridden in brackets.
fn said(shifts: &Value) -> Vec<String> {
    let names = |people: &Value| -> String {
        let all = people.as_array().unwrap().iter();
        let names: Vec<&str> = all
            .map(|arn| arn.as_str().unwrap().rsplit('/').next().unwrap())
            .collect();
        names.join("+")
    };
    let moment = |value: &Value| {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
        let second = value.as_f64().unwrap() as i64;
        let text = Timestamp::from_second(second).unwrap().to_string();
        text.trim_start_matches("20").replace(":00Z", "Z")
    };
    shifts["RotationShifts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shift| {
            let instead = &shift["ShiftDetails"]["OverriddenContactIds"];
            let instead = match shift["Type"].as_str().unwrap() {
                "REGULAR" => {
                    assert_eq!(instead, &json!([]));
                    String::new()
                }
                _ => format!("[{}]", names(instead)),
            };
            format!(
                "{}{instead} {}/{}",
                names(&shift["ContactIds"]),
                moment(&shift["StartTime"]),
                moment(&shift["EndTime"])
            )
        })
        .collect()
}

struct Preview {
    zone: &'static str,
    start: &'static str,
    members: Value,
    recurrence: Value,
    overrides: Value,
}

impl Preview {
    fn new(zone: &'static str, start: &'static str, recurrence: Value) -> Self {
        Self {
            zone,
            start,
            members: json!(["a", "b", "c"]),
            recurrence,
            overrides: json!([]),
        }
    }

    async fn said(&self, client: &Client, from: &str, until: &str) -> Vec<String> {
        let shifts = client
            .ok(
                "ListPreviewRotationShifts",
                json!({
                    "RotationStartTime": seconds(self.start),
                    "StartTime": seconds(from),
                    "EndTime": seconds(until),
                    "Members": self.members,
                    "TimeZoneId": self.zone,
                    "Recurrence": self.recurrence,
                    "Overrides": self.overrides,
                }),
            )
            .await;
        said(&shifts)
    }
}

#[tokio::test]
async fn clocks_that_change() {
    let (_server, client) = onboarded().await;
    // Berlin skips 02:00 to 03:00 on 29 March 2026, and has it twice on 25 October.
    let night = Preview::new("Europe/Berlin", "2026-03-01T00:00:00Z", daily(2, 30));
    assert_eq!(
        night
            .said(&client, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z")
            .await,
        [
            "b 26-03-28T01:30Z/26-03-29T01:30Z",
            "c 26-03-29T01:30Z/26-03-30T00:30Z",
            "a 26-03-30T00:30Z/26-03-31T00:30Z",
        ]
    );
    assert_eq!(
        night
            .said(&client, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z")
            .await,
        [
            "b 26-10-24T00:30Z/26-10-25T00:30Z",
            "c 26-10-25T00:30Z/26-10-26T01:30Z",
            "a 26-10-26T01:30Z/26-10-27T01:30Z",
        ]
    );
    // Two hand-offs on one instant pass the turn on once.
    let twice = recurrence("DailySettings", json!([time(3, 30), time(2, 30)]));
    let twice = Preview::new("Europe/Berlin", "2026-03-28T00:00:00Z", twice);
    assert_eq!(
        twice
            .said(&client, "2026-03-28T00:00:00Z", "2026-03-30T01:00:00Z")
            .await,
        [
            "a 26-03-28T00:00Z/26-03-28T01:30Z",
            "b 26-03-28T01:30Z/26-03-28T02:30Z",
            "c 26-03-28T02:30Z/26-03-29T01:30Z",
            "a 26-03-29T01:30Z/26-03-30T00:30Z",
            "b 26-03-30T00:30Z/26-03-30T01:30Z",
        ]
    );
}

#[tokio::test]
async fn months_end() {
    let (_server, client) = onboarded().await;
    let last = json!([{"DayOfMonth": 31, "HandOffTime": time(9, 0)}]);
    let monthly = Preview::new(
        "UTC",
        "2028-01-31T09:00:00Z",
        recurrence("MonthlySettings", last),
    );
    assert_eq!(
        monthly
            .said(&client, "2028-01-31T09:00:00Z", "2028-05-01T00:00:00Z")
            .await,
        [
            "a 28-01-31T09:00Z/28-02-29T09:00Z",
            "b 28-02-29T09:00Z/28-03-31T09:00Z",
            "c 28-03-31T09:00Z/28-04-30T09:00Z",
            "a 28-04-30T09:00Z/28-05-31T09:00Z",
        ]
    );
    // The 30th and the 31st are one hand-off in February.
    let two = json!([
        {"DayOfMonth": 31, "HandOffTime": time(9, 0)},
        {"DayOfMonth": 30, "HandOffTime": time(9, 0)},
    ]);
    let monthly = Preview::new(
        "UTC",
        "2027-01-01T00:00:00Z",
        recurrence("MonthlySettings", two),
    );
    assert_eq!(
        monthly
            .said(&client, "2027-01-31T09:00:00Z", "2027-03-31T00:00:00Z")
            .await,
        [
            "c 27-01-31T09:00Z/27-02-28T09:00Z",
            "a 27-02-28T09:00Z/27-03-30T09:00Z",
            "b 27-03-30T09:00Z/27-03-31T09:00Z",
        ]
    );
}

#[tokio::test]
async fn weeks_are_counted_from_the_one_of_the_first_hand_off() {
    let (_server, client) = onboarded().await;
    // 2026-11-19 is a Thursday.
    let days = json!([
        {"DayOfWeek": "FRI", "HandOffTime": time(9, 0)},
        {"DayOfWeek": "TUE", "HandOffTime": time(9, 0)},
    ]);
    let mut weekly = recurrence("WeeklySettings", days);
    weekly["RecurrenceMultiplier"] = json!(2);
    let weekly = Preview::new("UTC", "2026-11-19T00:00:00Z", weekly);
    assert_eq!(
        weekly
            .said(&client, "2026-11-01T00:00:00Z", "2026-12-10T00:00:00Z")
            .await,
        [
            "a 26-11-19T00:00Z/26-11-20T09:00Z",
            "b 26-11-20T09:00Z/26-12-01T09:00Z",
            "c 26-12-01T09:00Z/26-12-04T09:00Z",
            "a 26-12-04T09:00Z/26-12-15T09:00Z",
        ]
    );
}

#[tokio::test]
async fn coverage_over_midnight() {
    let (_server, client) = onboarded().await;
    let mut nights = daily(12, 0);
    nights["ShiftCoverages"] = json!({
        "MON": [{"Start": time(22, 0), "End": time(6, 0)}],
        // Touches Monday's, and runs into the hand-off.
        "TUE": [{"Start": time(6, 0), "End": time(13, 0)}, {"Start": time(12, 30), "End": time(12, 30)}],
    });
    let nights = Preview::new("UTC", "2026-11-16T00:00:00Z", nights);
    assert_eq!(
        nights
            .said(&client, "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z")
            .await,
        [
            "b 26-11-16T22:00Z/26-11-17T12:00Z",
            "c 26-11-17T12:00Z/26-11-18T12:00Z",
            "a 26-11-18T12:00Z/26-11-18T12:30Z",
        ]
    );
    let mut all = daily(12, 0);
    all["ShiftCoverages"] = json!({});
    let all = Preview::new("UTC", "2026-11-16T12:00:00Z", all);
    assert_eq!(
        all.said(&client, "2026-11-17T00:00:00Z", "2026-11-17T01:00:00Z")
            .await,
        ["a 26-11-16T12:00Z/26-11-17T12:00Z"],
        "whole, not cut"
    );
}

#[tokio::test]
async fn overrides_that_overlap() {
    let (_server, client) = onboarded().await;
    let mut preview = Preview::new("UTC", "2026-11-16T12:00:00Z", daily(12, 0));
    let instead = |people: Value, start: &str, end: &str| json!({"NewMembers": people, "StartTime": seconds(start), "EndTime": seconds(end)});
    preview.overrides = json!([
        instead(json!(["x"]), "2026-11-16T18:00:00Z", "2026-11-17T18:00:00Z"),
        instead(json!([]), "2026-11-17T00:00:00Z", "2026-11-17T06:00:00Z"),
        instead(json!(["z"]), "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"),
    ]);
    assert_eq!(
        preview
            .said(&client, "2026-11-01T00:00:00Z", "2026-11-18T00:00:00Z")
            .await,
        [
            "a 26-11-16T12:00Z/26-11-16T18:00Z",
            "x[a] 26-11-16T18:00Z/26-11-17T00:00Z",
            "[a] 26-11-17T00:00Z/26-11-17T06:00Z",
            "x[a] 26-11-17T06:00Z/26-11-17T12:00Z",
            "x[b] 26-11-17T12:00Z/26-11-17T18:00Z",
            "b 26-11-17T18:00Z/26-11-18T12:00Z",
        ]
    );
}

#[tokio::test]
async fn two_of_three_are_on_call() {
    let (_server, client) = onboarded().await;
    let mut two = daily(0, 0);
    two["NumberOfOnCalls"] = json!(2);
    let preview = Preview::new("UTC", "2026-11-16T00:00:00Z", two);
    assert_eq!(
        preview
            .said(&client, "2026-11-16T00:00:00Z", "2026-11-20T00:00:00Z")
            .await,
        [
            "a+b 26-11-16T00:00Z/26-11-17T00:00Z",
            "c+a 26-11-17T00:00Z/26-11-18T00:00Z",
            "b+c 26-11-18T00:00Z/26-11-19T00:00Z",
            "a+b 26-11-19T00:00Z/26-11-20T00:00Z",
        ]
    );
}

#[tokio::test]
async fn shifts_of_a_rotation_follow_what_is_there() {
    let (_server, client) = onboarded().await;
    client
        .steer("PUT", "clock", json!({"now": "2026-11-16T12:00:00Z"}))
        .await;
    let (ana, ben) = (client.person("ana").await, client.person("ben").await);
    let made = client
        .ok(
            "CreateRotation",
            json!({
                "Name": "r",
                "ContactIds": [ana, ben],
                "StartTime": seconds("2026-11-16T00:00:00Z"),
                "TimeZoneId": "UTC",
                "Recurrence": daily(0, 0),
            }),
        )
        .await;
    let rotation = made["RotationArn"].clone();
    let window = json!({"RotationId": rotation, "EndTime": seconds("2026-11-18T00:00:00Z")});
    let shifts = async || said(&client.ok("ListRotationShifts", window.clone()).await);
    let plain = [
        "ana 26-11-16T00:00Z/26-11-17T00:00Z",
        "ben 26-11-17T00:00Z/26-11-18T00:00Z",
    ];
    assert_eq!(shifts().await, plain, "from the start on");
    let instead = json!({
        "RotationId": rotation,
        "NewContactIds": [ben],
        "StartTime": seconds("2026-11-16T20:00:00Z"),
        "EndTime": seconds("2026-11-17T04:00:00Z"),
    });
    let made = client.ok("CreateRotationOverride", instead).await;
    let swapped = [
        "ana 26-11-16T00:00Z/26-11-16T20:00Z",
        "ben[ana] 26-11-16T20:00Z/26-11-17T00:00Z",
        "ben[ben] 26-11-17T00:00Z/26-11-17T04:00Z",
        "ben 26-11-17T04:00Z/26-11-18T00:00Z",
    ];
    assert_eq!(shifts().await, swapped);
    let mut paged = Vec::new();
    let mut page = window.clone();
    page["MaxResults"] = json!(1);
    loop {
        let found = client.ok("ListRotationShifts", page.clone()).await;
        assert_eq!(found["RotationShifts"].as_array().unwrap().len(), 1);
        paged.extend(said(&found));
        let Some(token) = found["NextToken"].as_str() else {
            break;
        };
        page["NextToken"] = json!(token);
    }
    assert_eq!(paged, swapped);
    page["EndTime"] = json!(seconds("2026-11-19T00:00:00Z"));
    refused(&client, "ListRotationShifts", page, "ValidationException").await;

    let mut gone =
        json!({"RotationId": rotation, "RotationOverrideId": made["RotationOverrideId"]});
    client.ok("DeleteRotationOverride", gone.clone()).await;
    assert_eq!(shifts().await, plain);
    // A member who is gone stays on call.
    client
        .steer(
            "PUT",
            "knobs",
            json!({"delete_contact_in_rotation": "succeed"}),
        )
        .await;
    client.ok("DeleteContact", json!({"ContactId": ana})).await;
    assert_eq!(shifts().await, plain);
    let update = json!({"RotationId": rotation, "ContactIds": [ben], "Recurrence": daily(0, 0)});
    client.ok("UpdateRotation", update).await;
    assert_eq!(shifts().await[0], "ben 26-11-16T00:00Z/26-11-17T00:00Z");

    let mut backwards = window.clone();
    backwards["StartTime"] = json!(seconds("2026-11-19T00:00:00Z"));
    refused(
        &client,
        "ListRotationShifts",
        backwards,
        "ValidationException",
    )
    .await;
    client
        .ok("DeleteRotation", json!({"RotationId": rotation}))
        .await;
    let body = refused(
        &client,
        "ListRotationShifts",
        window.clone(),
        "ValidationException",
    )
    .await;
    let message = body["Message"].as_str().unwrap();
    assert!(message.starts_with("Invalid value provided - Invalid resource Arn"));
    gone["RotationOverrideId"] = json!("x");
    refused(&client, "GetRotationOverride", gone, "ValidationException").await;
}

#[tokio::test]
async fn previews_that_make_no_sense_are_refused() {
    let (_server, client) = onboarded().await;
    let input = json!({
        "EndTime": seconds("2100-01-01T00:00:00Z"),
        "Members": ["a"],
        "TimeZoneId": "UTC",
        "Recurrence": daily(0, 0),
    });
    let found = client.ok("ListPreviewRotationShifts", input.clone()).await;
    let shifts = found["RotationShifts"].as_array().unwrap();
    assert_eq!(shifts.len(), 100, "a page, from now on");
    for (member, value) in [
        ("TimeZoneId", json!("PST")),
        ("Members", json!([])),
        ("Members", json!([" "])),
        ("Overrides", json!([{"NewMembers": ["b"], "StartTime": 0}])),
        ("StartTime", json!(seconds("2101-01-01T00:00:00Z"))),
        (
            "Recurrence",
            json!({"NumberOfOnCalls": 1, "RecurrenceMultiplier": 1}),
        ),
    ] {
        let mut wrong = input.clone();
        wrong[member] = value;
        refused(
            &client,
            "ListPreviewRotationShifts",
            wrong,
            "ValidationException",
        )
        .await;
    }
    for time in [json!("2026-11-16T00:00:00Z"), json!(1e30), json!(true)] {
        let mut wrong = input.clone();
        wrong["EndTime"] = time;
        refused(
            &client,
            "ListPreviewRotationShifts",
            wrong,
            "SerializationException",
        )
        .await;
    }
}
