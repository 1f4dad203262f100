//! Scenarios of OnCallSchedule. Those who are on call were made in AWS by hand, as far as nothing happens to them.

use aws_sdk_ssmcontacts::primitives::DateTime;
use aws_sdk_ssmcontacts::types::{
    ContactType, HandOffTime, Plan, RecurrenceSettings, Tag, WeeklySetting,
};
use futures::FutureExt as _;
use serde_json::json;

use crate::scenario::{End, Scenario, Step};
use crate::stage::Hands;

/// A Monday, 9 o'clock.
const START: i64 = 1_767_603_600;

/// Ines, Jan and Kim, in AWS alone.
async fn people(hands: &Hands) {
    for alias in ["ines", "jan", "kim"] {
        hands
            .contacts()
            .create_contact()
            .alias(alias)
            .r#type(ContactType::Personal)
            .plan(Plan::builder().set_stages(Some(vec![])).build())
            .send()
            .await
            .expect("a contact");
    }
}

/// A schedule with two rotations, and one that is in no schedule but has the name of one of the manifest.
async fn existing(hands: &Hands) {
    people(hands).await;
    let contact = |alias: &str| {
        let account = &hands.account;
        format!("arn:aws:ssm-contacts:us-east-1:{account}:contact/{alias}")
    };
    let nine = HandOffTime::builder().hour_of_day(9).minute_of_hour(0);
    let monday = WeeklySetting::builder()
        .day_of_week("MON".into())
        .hand_off_time(nine.build());
    let recurrence = RecurrenceSettings::builder()
        .number_of_on_calls(1)
        .recurrence_multiplier(1)
        .weekly_settings(monday.build().expect("a hand-off"))
        .build()
        .expect("a recurrence");
    let mut used = vec![];
    for (name, members) in [
        ("week", vec!["ines", "jan"]),
        ("legacy", vec!["kim"]),
        ("night", vec!["kim"]),
    ] {
        let members = members.into_iter().map(contact).collect();
        let made = hands
            .contacts()
            .create_rotation()
            .name(name)
            .set_contact_ids(Some(members))
            .start_time(DateTime::from_secs(START))
            .time_zone_id("UTC")
            .recurrence(recurrence.clone())
            .send()
            .await
            .expect("a rotation");
        if name != "night" {
            used.push(made.rotation_arn);
        }
    }
    let by_hand = Tag::builder().key("by").value("hand").build();
    hands
        .contacts()
        .create_contact()
        .alias("primary")
        .display_name("Primary")
        .r#type(ContactType::OncallSchedule)
        .plan(Plan::builder().set_rotation_ids(Some(used)).build())
        .tags(by_hand)
        .send()
        .await
        .expect("a schedule");
}

macro_rules! schedule {
    ($spec:literal, [$($name:literal: $($member:literal),+;)*]) => {
        concat!(
            "apiVersion: incident-operator.dev/v1alpha1\n",
            "kind: OnCallSchedule\n",
            "metadata: {name: primary}\n",
            "spec:\n",
            "  ", $spec, "\n",
            "  rotations:\n",
            $(
                "  - name: ", $name, "\n",
                "    startTime: \"2026-01-05T09:00:00Z\"\n",
                "    timeZone: UTC\n",
                "    recurrence: {type: Weekly, weekly: {handOffs: [{day: Mon, time: \"09:00\"}]}}\n",
                "    contactRefs:\n",
                $("    - arn: \"arn:aws:ssm-contacts:us-east-1:{account}:contact/", $member, "\"\n",)+
            )*
        )
    };
}

const TWO: &str = schedule!("displayName: Primary", ["week": "ines", "jan"; "night": "kim";]);
const OTHERS: &str = schedule!(
    "displayName: Changed\n  tags: {team: payments}",
    ["week": "jan", "kim", "ines"; "day": "ines";]
);

const PEOPLE: &str = "contact ines:
                      contact jan:
                      contact kim:";

macro_rules! ours {
    ($origin:literal) => {
        concat!(
            "
            tag incident-operator/owner = {owner}
            tag incident-operator/object = OnCallSchedule/{namespace}/primary
            tag incident-operator/origin = ",
            $origin,
            "\n"
        )
    };
}

/// The people, then these lines.
macro_rules! aws {
    ($($line:expr),* $(,)?) => {
        concat!("contact ines:\ncontact jan:\ncontact kim:\n", $($line,)*)
    };
}

macro_rules! ours_contact {
    ($name:literal) => {
        concat!(
            "
            tag incident-operator/owner = {owner}
            tag incident-operator/object = Contact/{namespace}/",
            $name,
            "
            tag incident-operator/origin = Created\n"
        )
    };
}

const ADOPTING: &str =
    schedule!("displayName: Primary\n  adoptionPolicy: Adopt", ["week": "ines", "jan";]);
const OVERWRITING: &str = schedule!(
    "displayName: Ours\n  adoptionPolicy: AdoptAndOverwrite",
    ["week": "jan", "ines"; "more": "kim";]
);

const IVAN_AND_SCHEDULE: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: OnCallSchedule
metadata: {name: primary}
spec:
  rotations:
  - name: week
    startTime: "2026-01-05T09:00:00Z"
    timeZone: UTC
    contactRefs: [{name: ivan}]
    recurrence: {type: Weekly, weekly: {handOffs: [{day: Mon, time: "09:00"}]}}
---
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: ivan}
spec: {displayName: Ivan Example}
"#;

const IVAN_AND_JUDY: &str = r#"
apiVersion: incident-operator.dev/v1alpha1
kind: OnCallSchedule
metadata: {name: primary}
spec:
  onMemberDeletion: Remove
  rotations:
  - name: week
    startTime: "2026-01-05T09:00:00Z"
    timeZone: UTC
    contactRefs: [{name: ivan}, {name: judy}]
    recurrence: {type: Weekly, weekly: {handOffs: [{day: Mon, time: "09:00"}]}}
"#;

const JUDY: &str = "
apiVersion: incident-operator.dev/v1alpha1
kind: Contact
metadata: {name: judy}
spec: {displayName: Judy Example}
";

/// What a first pass has woken is done: it is none of what the user does.
fn quiet() -> Step {
    Step::InAws(|_| tokio::time::sleep(harness::seconds(3)).boxed())
}

fn taken_over() -> Vec<Step> {
    vec![Step::Provider, Step::InAws(|hands| existing(hands).boxed())]
}

fn prepared(more: Vec<Step>) -> Vec<Step> {
    let mut steps = vec![Step::Provider, Step::InAws(|hands| people(hands).boxed())];
    steps.extend(more);
    steps
}

fn scenario(name: &'static str, prepare: Vec<Step>, act: Vec<Step>, end: End) -> Scenario {
    Scenario {
        name,
        prepare,
        act,
        person: None,
        ends: vec![end],
        sensitive: vec![],
        max_codes: 0,
    }
}

/// A schedule of two rotations over people who are there.
pub fn create() -> Scenario {
    let end = End::new(aws!(
        "contact primary: Primary", ours!("Created"),
        "rotation week: ines, jan", ours!("Created"),
        "rotation night: kim", ours!("Created"),
    ))
    .object(
        "OnCallSchedule",
        "primary",
        json!({
            "origin": "Created", "effectiveDeletionPolicy": "Delete", "rotations": [{"name": "week"}, {"name": "night"}],
            "applied": {"items": [{}, {}, {}]}, "references": [{}, {}, {}],
        }),
    );
    scenario("schedule", prepared(vec![]), vec![Step::Apply(TWO)], end)
}

/// Every kind of edit at once: display name, tags, members, a rotation that comes and one that goes.
pub fn update() -> Scenario {
    let end = End::new(aws!(
        "contact primary: Changed", ours!("Created"), "tag team = payments\n",
        "rotation week: jan, kim, ines", ours!("Created"), "tag team = payments\n",
        "rotation day: ines", ours!("Created"), "tag team = payments\n",
    ))
    .object(
        "OnCallSchedule",
        "primary",
        json!({"origin": "Created", "rotations": [{"name": "week"}, {"name": "day"}], "applied": {"items": [{}, {}, {}]}}),
    );
    let prepare = prepared(vec![Step::Apply(TWO), Step::Ready]);
    scenario("schedule-update", prepare, vec![Step::Apply(OTHERS)], end)
}

/// A schedule that AWS has as the manifest says: tags, and nothing else.
pub fn adopt() -> Scenario {
    let end = End::new(aws!(
        "contact primary: Primary", ours!("Adopted"), "tag by = hand\n",
        "rotation week: ines, jan", ours!("Adopted"),
        "rotation legacy: kim\n",
        "rotation night: kim\n",
    ))
    .object(
        "OnCallSchedule",
        "primary",
        json!({
            "origin": "Adopted", "effectiveDeletionPolicy": "Retain", "rotations": [{"name": "week"}],
            "unmanagedRotations": [{"name": "legacy"}], "applied": {"items": [{}, {}]},
        }),
    );
    scenario(
        "schedule-adopt",
        taken_over(),
        vec![Step::Apply(ADOPTING)],
        end,
    )
}

/// One that AWS has otherwise: taken over, then made as the manifest says.
pub fn overwrite() -> Scenario {
    let end = End::new(aws!(
        "contact primary: Ours", ours!("Adopted"), "tag by = hand\n",
        "rotation week: jan, ines", ours!("Adopted"),
        "rotation legacy: kim\n",
        "rotation night: kim\n",
        "rotation more: kim", ours!("Created"),
    ))
    .object(
        "OnCallSchedule",
        "primary",
        json!({"origin": "Adopted", "rotations": [{"name": "week"}, {"name": "more"}], "unmanagedRotations": [{"name": "legacy"}]}),
    );
    scenario(
        "schedule-overwrite",
        taken_over(),
        vec![Step::Apply(OVERWRITING)],
        end,
    )
}

/// One that was made here goes with its rotations.
pub fn delete() -> Scenario {
    let prepare = prepared(vec![Step::Apply(TWO), Step::Ready]);
    let act = vec![Step::Delete("OnCallSchedule", "primary")];
    scenario("schedule-delete", prepare, act, End::new(PEOPLE))
}

/// One that was taken over stays, without our tags.
pub fn release() -> Scenario {
    let mut prepare = taken_over();
    prepare.extend([Step::Apply(ADOPTING), Step::Ready, quiet()]);
    let act = vec![Step::Delete("OnCallSchedule", "primary")];
    let end = End::new(aws!(
        "contact primary: Primary\n",
        "tag by = hand\n",
        "rotation week: ines, jan\n",
        "rotation legacy: kim\n",
        "rotation night: kim\n",
    ));
    let mut scenario = scenario("schedule-release", prepare, act, end);
    // Retain lets go at once, and takes the tags off as best it can: those of the schedule last.
    let all = aws!(
        "contact primary: Primary",
        ours!("Adopted"),
        "tag by = hand\n",
        "rotation week: ines, jan",
        ours!("Adopted"),
        "rotation legacy: kim\n",
        "rotation night: kim\n",
    );
    let some = aws!(
        "contact primary: Primary",
        ours!("Adopted"),
        "tag by = hand\n",
        "rotation week: ines, jan\n",
        "rotation legacy: kim\n",
        "rotation night: kim\n",
    );
    for left in [all, some] {
        scenario.ends.push(End::new(left).only_under_faults());
    }
    scenario
}

/// Somebody and the schedule that holds them, all at once.
pub fn delete_all() -> Scenario {
    let prepare = vec![Step::Provider, Step::Apply(IVAN_AND_SCHEDULE), Step::Ready];
    let act = vec![
        Step::Delete("Contact", "ivan"),
        Step::Delete("OnCallSchedule", "primary"),
    ];
    scenario("schedule-delete-all", prepare, act, End::new(""))
}

/// A member who leaves is taken out, then deleted.
pub fn leave() -> Scenario {
    let prepare = vec![
        Step::Provider,
        Step::Apply(IVAN_AND_SCHEDULE),
        Step::Apply(JUDY),
        Step::Apply(IVAN_AND_JUDY),
        Step::Ready,
    ];
    let end = End::new(concat!(
        "contact judy: Judy Example",
        ours_contact!("judy"),
        "contact primary:", ours!("Created"),
        "rotation week: judy", ours!("Created"),
    ))
    .object(
        "OnCallSchedule",
        "primary",
        json!({"rotations": [{"removedMembers": ["ivan"]}], "findings": [{"id": "MemberRemoved"}, {}]}),
    );
    scenario(
        "schedule-leave",
        prepare,
        vec![Step::Delete("Contact", "ivan")],
        end,
    )
}
