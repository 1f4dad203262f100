//! ssm-contacts: rotations, their overrides, and schedules that use them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod common;

use common::{ACCOUNT, Client, onboarded, refused};
use serde_json::{Value, json};

fn daily(hour: u32) -> Value {
    json!({
        "DailySettings": [{"HourOfDay": hour, "MinuteOfHour": 0}],
        "NumberOfOnCalls": 1,
        "RecurrenceMultiplier": 1,
    })
}

async fn make(client: &Client, name: &str, members: &[&str]) -> String {
    let made = client
        .ok(
            "CreateRotation",
            json!({
                "Name": name,
                "ContactIds": members,
                "StartTime": 1_900_000_000,
                "TimeZoneId": "Europe/Berlin",
                "Recurrence": daily(9),
            }),
        )
        .await;
    made["RotationArn"].as_str().unwrap().to_owned()
}

async fn now(client: &Client) -> i64 {
    let clock = client.steer("GET", "clock", Value::Null).await;
    let now: jiff::Timestamp = clock["now"].as_str().unwrap().parse().unwrap();
    now.as_second()
}

#[tokio::test]
async fn a_rotation_lives_from_create_to_delete() {
    let (_server, client) = onboarded().await;
    let (ana, ben) = (client.person("ana").await, client.person("ben").await);
    let arn = make(&client, "week days", &[&ana, &ben]).await;
    assert!(arn.starts_with(&format!(
        "arn:aws:ssm-contacts:us-east-1:{ACCOUNT}:rotation/"
    )));
    let expected = json!({
        "RotationArn": arn,
        "Name": "week days",
        "ContactIds": [ana, ben],
        "StartTime": 1_900_000_000.0,
        "TimeZoneId": "Europe/Berlin",
        "Recurrence": daily(9),
    });
    let shown = client.ok("GetRotation", json!({"RotationId": arn})).await;
    assert_eq!(shown, expected);
    let listed = client.ok("ListRotations", json!({})).await;
    assert_eq!(listed, json!({"Rotations": [expected]}));

    // What is left out stays, but the recurrence has to be there.
    let body = json!({"RotationId": arn});
    refused(&client, "UpdateRotation", body, "ValidationException").await;
    client
        .ok(
            "UpdateRotation",
            json!({"RotationId": arn, "Recurrence": daily(10)}),
        )
        .await;
    let shown = client.ok("GetRotation", json!({"RotationId": arn})).await;
    assert_eq!(shown["Recurrence"], daily(10));
    assert_eq!(shown["StartTime"], 1_900_000_000.0);
    assert_eq!(shown["TimeZoneId"], "Europe/Berlin");
    client
        .ok(
            "UpdateRotation",
            json!({
                "RotationId": arn,
                "ContactIds": [ben],
                "StartTime": 1_900_000_060,
                "TimeZoneId": "UTC",
                "Recurrence": daily(10),
            }),
        )
        .await;
    let shown = client.ok("GetRotation", json!({"RotationId": arn})).await;
    assert_eq!(shown["ContactIds"], json!([ben]));
    assert_eq!(shown["StartTime"], 1_900_000_060.0);
    assert_eq!(shown["TimeZoneId"], "UTC");

    client
        .ok("DeleteRotation", json!({"RotationId": arn}))
        .await;
    for operation in ["GetRotation", "DeleteRotation"] {
        let body = refused(
            &client,
            operation,
            json!({"RotationId": arn}),
            "ResourceNotFoundException",
        )
        .await;
        assert_eq!(
            (&body["ResourceId"], &body["ResourceType"]),
            (&json!(arn), &json!("ROTATION"))
        );
    }
}

#[tokio::test]
async fn a_start_that_is_not_given_is_now() {
    let (_server, client) = onboarded().await;
    let ana = client.person("ana").await;
    let made = client
        .ok(
            "CreateRotation",
            json!({"Name": "r", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": daily(9)}),
        )
        .await;
    let shown = client
        .ok("GetRotation", json!({"RotationId": made["RotationArn"]}))
        .await;
    let start = shown["StartTime"].as_f64().unwrap();
    let now = f64::from(i32::try_from(now(&client).await).unwrap());
    assert!((now - start).abs() < 5.0, "{start} {now}");
}

#[tokio::test]
async fn rotations_that_make_no_sense_are_refused() {
    let (_server, client) = onboarded().await;
    let ana = client.person("ana").await;
    client
        .ok(
            "CreateContact",
            json!({"Alias": "week", "Type": "ONCALL_SCHEDULE", "Plan": {"RotationIds": []}}),
        )
        .await;
    let time = json!({"HourOfDay": 9, "MinuteOfHour": 0});
    let weekly = json!([{"DayOfWeek": "MON", "HandOffTime": time}]);
    let coverage = |start: Value, end: Value| {
        let mut recurrence = daily(9);
        recurrence["ShiftCoverages"] = json!({"MON": [{"Start": start, "End": end}]});
        recurrence
    };
    let at = |hour: u32, minute: u32| json!({"HourOfDay": hour, "MinuteOfHour": minute});
    let mut none = daily(9);
    none.as_object_mut().unwrap().remove("DailySettings");
    let mut two = daily(9);
    two["WeeklySettings"] = weekly;
    let mut empty = daily(9);
    empty["DailySettings"] = json!([]);
    let mut crowd = daily(9);
    crowd["NumberOfOnCalls"] = json!(2);
    let mut uncovered = daily(9);
    uncovered["ShiftCoverages"] = json!({"MON": []});
    for recurrence in [
        none,
        two,
        empty,
        crowd,
        uncovered,
        coverage(at(9, 0), at(9, 29)),
        coverage(at(23, 50), at(0, 10)),
        coverage(at(9, 0), Value::Null),
    ] {
        let input = json!({"Name": "r", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": recurrence});
        refused(&client, "CreateRotation", input, "ValidationException").await;
    }
    for recurrence in [
        coverage(at(9, 0), at(9, 30)),
        coverage(at(9, 0), at(9, 0)),
        coverage(at(23, 50), at(0, 20)),
    ] {
        let input = json!({"Name": "r", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": recurrence});
        client.ok("CreateRotation", input).await;
    }
    for zone in [
        "PST",
        "EST",
        "MST",
        "HST",
        "utc",
        "europe/berlin",
        "Europe/Atlantis",
        "UTC+1",
        "GMT+1",
        "Factory",
        "Etc/Unknown",
        " UTC",
        "Pacific Standard Time",
        "posix/Europe/Berlin",
    ] {
        let input =
            json!({"Name": "r", "ContactIds": [ana], "TimeZoneId": zone, "Recurrence": daily(9)});
        refused(&client, "CreateRotation", input, "ValidationException").await;
    }
    for zone in [
        "UTC",
        "Asia/Seoul",
        "America/Argentina/Ushuaia",
        "Etc/GMT-3",
        "US/Pacific",
    ] {
        let input =
            json!({"Name": "r", "ContactIds": [ana], "TimeZoneId": zone, "Recurrence": daily(9)});
        client.ok("CreateRotation", input).await;
    }
    for (member, error) in [
        (client.contact_arn("nobody"), "ResourceNotFoundException"),
        (client.contact_arn("week"), "ValidationException"),
        (
            client.in_region("eu-west-1").contact_arn("ana"),
            "ValidationException",
        ),
        (
            client.of_account("333333333333").contact_arn("ana"),
            "ValidationException",
        ),
        (ana.replace("contact/", "rotation/"), "ValidationException"),
    ] {
        let input = json!({"Name": "r", "ContactIds": [ana, member], "TimeZoneId": "UTC", "Recurrence": daily(9)});
        refused(&client, "CreateRotation", input, error).await;
    }
}

#[tokio::test]
async fn schedules_use_rotations_that_exist() {
    let (_server, client) = onboarded().await;
    let ana = client.person("ana").await;
    let rotation = make(&client, "r", &[&ana]).await;
    let other = make(&client, "s", &[&ana]).await;
    let elsewhere = client.in_region("eu-west-1");
    let abroad = elsewhere.person("ana").await;
    let abroad = make(&elsewhere, "r", &[&abroad]).await;
    let schedule = |alias: &str, rotations: &[&String]| json!({"Alias": alias, "Type": "ONCALL_SCHEDULE", "Plan": {"RotationIds": rotations}});
    for alias in ["one", "two"] {
        client
            .ok("CreateContact", schedule(alias, &[&rotation, &other]))
            .await;
    }
    for wrong in [&abroad, &ana, &format!("{rotation}0")] {
        refused(
            &client,
            "CreateContact",
            schedule("three", &[&rotation, wrong]),
            "ValidationException",
        )
        .await;
    }
    client
        .steer(
            "PUT",
            "knobs",
            json!({"rotation_delete_in_schedule": "conflict"}),
        )
        .await;
    let body = refused(
        &client,
        "DeleteRotation",
        json!({"RotationId": rotation}),
        "ConflictException",
    )
    .await;
    assert_eq!(
        body["DependentEntities"],
        json!([{
            "RelationType": "CONTACT",
            "DependentResourceIds": [client.contact_arn("one"), client.contact_arn("two")],
        }])
    );
    client
        .steer(
            "PUT",
            "knobs",
            json!({"rotation_delete_in_schedule": "unlink"}),
        )
        .await;
    client
        .ok("DeleteRotation", json!({"RotationId": rotation}))
        .await;
    for alias in ["one", "two"] {
        let input = json!({"ContactId": client.contact_arn(alias)});
        let shown = client.ok("GetContact", input).await;
        assert_eq!(shown["Plan"], json!({"RotationIds": [other]}));
    }
}

#[tokio::test]
async fn deleting_a_member() {
    let (_server, client) = onboarded().await;
    let (ana, ben) = (client.person("ana").await, client.person("ben").await);
    let mut rotations = Vec::new();
    for index in 0..27 {
        rotations.push(make(&client, &format!("r{index}"), &[&ana, &ben]).await);
    }
    rotations.sort();
    let input = json!({"ContactId": ana});
    let body = refused(&client, "DeleteContact", input.clone(), "ConflictException").await;
    assert_eq!(body["ResourceId"], json!(ana));
    assert_eq!(body["ResourceType"], "CONTACT");
    assert_eq!(
        body["DependentEntities"],
        json!([
            {"RelationType": "ROTATION", "DependentResourceIds": rotations[..25]},
            {"RelationType": "ROTATION", "DependentResourceIds": rotations[25..]},
        ])
    );
    client
        .steer(
            "PUT",
            "knobs",
            json!({"delete_contact_in_rotation": "succeed"}),
        )
        .await;
    client.ok("DeleteContact", input).await;
    let shown = client
        .ok("GetRotation", json!({"RotationId": rotations[0]}))
        .await;
    assert_eq!(shown["ContactIds"], json!([ana, ben]), "it dangles");
    // An update that names it is refused, one that does not is not.
    client
        .ok(
            "UpdateRotation",
            json!({"RotationId": rotations[0], "Recurrence": daily(8)}),
        )
        .await;
    let named = json!({"RotationId": rotations[0], "ContactIds": [ana], "Recurrence": daily(8)});
    refused(
        &client,
        "UpdateRotation",
        named,
        "ResourceNotFoundException",
    )
    .await;
}

#[tokio::test]
async fn tokens_names_and_tags() {
    let (_server, client) = onboarded().await;
    let ana = client.person("ana").await;
    let mut input = json!({
        "Name": "r",
        "ContactIds": [ana],
        "StartTime": 1_900_000_000,
        "TimeZoneId": "UTC",
        "Recurrence": daily(9),
        "IdempotencyToken": "t1",
        "Tags": [{"Key": "team", "Value": "ops"}],
    });
    let first = client.ok("CreateRotation", input.clone()).await;
    assert_eq!(client.ok("CreateRotation", input.clone()).await, first);
    // Equal instants are equal, however they are written.
    input["StartTime"] = json!(1_900_000_000.0);
    assert_eq!(client.ok("CreateRotation", input.clone()).await, first);
    input["Name"] = json!("s");
    refused(
        &client,
        "CreateRotation",
        input.clone(),
        "ValidationException",
    )
    .await;
    input["Name"] = json!("r");
    input["IdempotencyToken"] = json!("t2");
    assert_ne!(client.ok("CreateRotation", input.clone()).await, first);
    client
        .steer(
            "PUT",
            "knobs",
            json!({"duplicate_rotation_name": "conflict"}),
        )
        .await;
    input["IdempotencyToken"] = json!("t3");
    refused(
        &client,
        "CreateRotation",
        input.clone(),
        "ConflictException",
    )
    .await;

    let arn = &first["RotationArn"];
    client
        .ok(
            "TagResource",
            json!({"ResourceARN": arn, "Tags": [{"Key": "tier", "Value": "1"}]}),
        )
        .await;
    client
        .ok(
            "UntagResource",
            json!({"ResourceARN": arn, "TagKeys": ["team"]}),
        )
        .await;
    let tags = client
        .ok("ListTagsForResource", json!({"ResourceARN": arn}))
        .await;
    assert_eq!(tags, json!({"Tags": [{"Key": "tier", "Value": "1"}]}));

    // Tags are for the first Region of the set.
    let elsewhere = client.in_region("eu-west-1");
    let abroad = elsewhere.person("ana").await;
    input["ContactIds"] = json!([abroad]);
    let body = input.clone();
    refused(&elsewhere, "CreateRotation", body, "ValidationException").await;
    input.as_object_mut().unwrap().remove("Tags");
    let made = elsewhere.ok("CreateRotation", input).await;
    let named = json!({"ResourceARN": made["RotationArn"]});
    refused(
        &elsewhere,
        "ListTagsForResource",
        named,
        "ValidationException",
    )
    .await;
}

#[tokio::test]
async fn overrides_live_from_create_to_delete() {
    let (_server, client) = onboarded().await;
    let (ana, ben) = (client.person("ana").await, client.person("ben").await);
    let cem = client.person("cem").await;
    let rotation = make(&client, "r", &[&ana, &ben]).await;
    let now = now(&client).await;
    let wish = |start: i64, end: i64, people: &[&String]| json!({"RotationId": rotation, "NewContactIds": people, "StartTime": now + start, "EndTime": now + end});
    let made = client
        .ok("CreateRotationOverride", wish(3600, 7200, &[&ben]))
        .await;
    let id = made["RotationOverrideId"].as_str().unwrap();
    let named = json!({"RotationId": rotation, "RotationOverrideId": id});
    let mut shown = client.ok("GetRotationOverride", named.clone()).await;
    assert_eq!(shown["RotationArn"], json!(rotation));
    assert_eq!(shown["NewContactIds"], json!([ben]));
    assert_eq!(shown["StartTime"].as_f64(), json!(now + 3600).as_f64());
    assert_eq!(shown["EndTime"].as_f64(), json!(now + 7200).as_f64());
    shown.as_object_mut().unwrap().remove("RotationArn");
    for (from, until, found) in [
        (0, 3600, false),
        (0, 3601, true),
        (7199, 9000, true),
        (7200, 9000, false),
    ] {
        let window =
            json!({"RotationId": rotation, "StartTime": now + from, "EndTime": now + until});
        let listed = client.ok("ListRotationOverrides", window).await;
        let expected = if found { vec![&shown] } else { vec![] };
        assert_eq!(listed, json!({"RotationOverrides": expected}));
    }
    client
        .ok("CreateRotationOverride", wish(-86_400, 3600, &[]))
        .await;
    client
        .ok(
            "CreateRotationOverride",
            wish(181 * 86_400, 200 * 86_400, &[&ana]),
        )
        .await;
    for (start, end, people) in [
        (7200, 3600, &[&ben][..]),
        (3600, 3600, &[&ben]),
        (3600, 3600 + 1799, &[&ben]),
        (185 * 86_400, 186 * 86_400, &[&ben]),
        (3600, 7200, &[&ben, &cem]),
    ] {
        let input = wish(start, end, people);
        refused(
            &client,
            "CreateRotationOverride",
            input,
            "ValidationException",
        )
        .await;
    }
    client
        .steer(
            "PUT",
            "knobs",
            json!({"past_override_start": "refuse", "non_member_override": "accept"}),
        )
        .await;
    client
        .ok("CreateRotationOverride", wish(-30, 7200, &[&cem]))
        .await;
    let late = wish(-120, 7200, &[&cem]);
    refused(
        &client,
        "CreateRotationOverride",
        late,
        "ValidationException",
    )
    .await;
    let nobody = client.contact_arn("nobody");
    let input = wish(3600, 7200, &[&nobody]);
    refused(
        &client,
        "CreateRotationOverride",
        input,
        "ResourceNotFoundException",
    )
    .await;

    // The same token makes it once.
    let mut again = wish(10_000, 20_000, &[&ana]);
    again["IdempotencyToken"] = json!("t");
    let first = client.ok("CreateRotationOverride", again.clone()).await;
    assert_eq!(
        client.ok("CreateRotationOverride", again.clone()).await,
        first
    );
    again["EndTime"] = json!(now + 20_001);
    refused(
        &client,
        "CreateRotationOverride",
        again,
        "ValidationException",
    )
    .await;

    client.ok("DeleteRotationOverride", named.clone()).await;
    for operation in ["GetRotationOverride", "DeleteRotationOverride"] {
        let body = refused(
            &client,
            operation,
            named.clone(),
            "ResourceNotFoundException",
        )
        .await;
        assert_eq!(body["ResourceId"], json!(id));
    }
    let window = json!({"RotationId": rotation, "StartTime": now - 100_000, "EndTime": now + 100_000, "MaxResults": 1});
    let mut starts = Vec::new();
    let mut page = client.ok("ListRotationOverrides", window.clone()).await;
    loop {
        starts.push(page["RotationOverrides"][0]["StartTime"].as_f64().unwrap());
        let Some(token) = page["NextToken"].as_str() else {
            break;
        };
        let mut next = window.clone();
        next["NextToken"] = json!(token);
        page = client.ok("ListRotationOverrides", next).await;
    }
    let sorted = starts.is_sorted();
    assert!(sorted && starts.len() == 3, "{starts:?}");

    client
        .steer(
            "PUT",
            "knobs",
            json!({"rotation_update_drops_overrides": "yes"}),
        )
        .await;
    client
        .ok(
            "UpdateRotation",
            json!({"RotationId": rotation, "Recurrence": daily(8)}),
        )
        .await;
    let all = json!({"RotationId": rotation, "StartTime": 0, "EndTime": now + 100_000_000});
    let listed = client.ok("ListRotationOverrides", all).await;
    let listed = listed["RotationOverrides"].as_array().unwrap();
    assert_eq!(listed.len(), 2, "those that have begun stay");
}

#[tokio::test]
async fn a_start_in_the_past() {
    let (_server, client) = onboarded().await;
    let ana = client.person("ana").await;
    let now = now(&client).await;
    let wish = |start: i64| {
        json!({
            "Name": "r",
            "ContactIds": [ana],
            "StartTime": start,
            "TimeZoneId": "UTC",
            "Recurrence": daily(9),
        })
    };
    let start_of = async |arn: &Value| {
        let shown = client.ok("GetRotation", json!({"RotationId": arn})).await;
        shown["StartTime"].as_f64().unwrap()
    };
    let near = |a: f64, b: i64| (a - json!(b).as_f64().unwrap()).abs() < 10.0;
    let made = client.ok("CreateRotation", wish(now - 1000)).await;
    let old = made["RotationArn"].clone();
    assert!(near(start_of(&old).await, now - 1000));
    let update =
        |start: i64| json!({"RotationId": old, "StartTime": start, "Recurrence": daily(9)});

    let knob = |value: &str| json!({"past_rotation_start": value});
    client.steer("PUT", "knobs", knob("refuse")).await;
    let past = wish(now - 120);
    refused(&client, "CreateRotation", past, "ValidationException").await;
    client.ok("CreateRotation", wish(now - 30)).await;
    client.ok("UpdateRotation", update(now - 1000)).await;
    let past = update(now - 999);
    refused(&client, "UpdateRotation", past, "ValidationException").await;

    client.steer("PUT", "knobs", knob("move")).await;
    let made = client.ok("CreateRotation", wish(now - 1000)).await;
    assert!(near(start_of(&made["RotationArn"]).await, now));
    client.ok("UpdateRotation", update(now - 1000)).await;
    assert!(near(start_of(&old).await, now - 1000), "unchanged");
    client.ok("UpdateRotation", update(now - 900)).await;
    assert!(near(start_of(&old).await, now));
}

#[tokio::test]
async fn lists_are_cut_and_filtered() {
    let (_server, client) = onboarded().await;
    let mut people = Vec::new();
    for index in 0..30 {
        people.push(client.person(&format!("p{index}")).await);
    }
    let members: Vec<&str> = people.iter().map(String::as_str).collect();
    let many = make(&client, "many", &members).await;
    for index in 0..4 {
        make(&client, &format!("few {index}"), &members[..1]).await;
    }
    let shown = client.ok("GetRotation", json!({"RotationId": many})).await;
    assert_eq!(shown["ContactIds"].as_array().unwrap().len(), 30);
    let listed = client
        .ok("ListRotations", json!({"RotationNamePrefix": "man"}))
        .await;
    assert_eq!(listed["Rotations"][0]["ContactIds"], json!(members[..25]));
    let mut names = Vec::new();
    let mut input = json!({"RotationNamePrefix": "few", "MaxResults": 3});
    loop {
        let page = client.ok("ListRotations", input.clone()).await;
        for rotation in page["Rotations"].as_array().unwrap() {
            names.push(rotation["Name"].as_str().unwrap().to_owned());
        }
        let Some(token) = page["NextToken"].as_str() else {
            break;
        };
        input["NextToken"] = json!(token);
    }
    names.sort();
    assert_eq!(names, ["few 0", "few 1", "few 2", "few 3"]);
    client
        .steer("PUT", "knobs", json!({"rotations_quota": 5}))
        .await;
    let input = json!({"Name": "r", "ContactIds": [members[0]], "TimeZoneId": "UTC", "Recurrence": daily(9)});
    refused(
        &client,
        "CreateRotation",
        input,
        "ServiceQuotaExceededException",
    )
    .await;
}
