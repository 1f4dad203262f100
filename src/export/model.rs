//! What is exported, and how it looks as JSON. Pure.
//!
//! The JSON is meant for other tools: it knows people, schedules and plans by name, in words of its own that change only with
//! [`FORMAT_VERSION`]. `docs/export.schema.json` is written from the types here.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::contact::ChannelType;
use crate::schedule::{Override, Recurrence, RotationSettings, Weekday};

/// Version of the JSON. Fields may be added without a new one; it rises when one is taken away or means something else.
pub const FORMAT_VERSION: u32 = 1;

/// Everything of an account in a Region, as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// The twelve digits.
    pub account_id: String,
    /// The Region.
    pub region: String,
    /// People.
    pub people: Vec<Person>,
    /// Schedules.
    pub schedules: Vec<Schedule>,
    /// Escalation plans.
    pub plans: Vec<EscalationPlan>,
    /// What could not be exported.
    pub left_out: Vec<LeftOut>,
}

/// A schedule with everything that decides who is on call.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Alias.
    pub name: String,
    /// Display name; empty = none.
    pub display_name: String,
    /// The object in the cluster.
    pub object: Option<ObjectName>,
    /// Rotations.
    pub rotations: Vec<Rotation>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A rotation with its overrides; people by alias.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// Name.
    pub name: String,
    /// Its fields.
    pub settings: RotationSettings<String>,
    /// Overrides that run or are to come.
    pub overrides: Vec<Override<String>>,
}

/// On-call data of one or several accounts. Written by `incident-operator export`.
#[derive(Serialize, Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "incident-operator export")]
pub struct Document {
    /// Always `incident-operator.dev/export`.
    pub format: String,
    /// Version of this format. Fields may be added without a new one.
    pub version: u32,
    /// Accounts and Regions. Names are unique within one.
    pub accounts: Vec<AccountDocument>,
}

/// What one account has in one Region.
#[derive(Serialize, Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountDocument {
    /// The twelve digits.
    pub account_id: String,
    /// AWS Region.
    pub region: String,
    /// People, by name.
    pub people: Vec<Person>,
    /// On-call schedules, by name.
    pub schedules: Vec<ScheduleDocument>,
    /// Escalation plans, by name.
    pub escalation_plans: Vec<EscalationPlan>,
    /// What is there and could not be exported, with the reason.
    pub left_out: Vec<LeftOut>,
}

/// An object in the cluster.
#[derive(Serialize, Debug, Clone, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A person who can be engaged.
#[derive(Serialize, Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Alias: what all others name this person by.
    pub name: String,
    /// Full name; empty = none.
    pub display_name: String,
    /// The object in the cluster; absent when read from AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectName>,
    /// Devices.
    pub channels: Vec<Channel>,
    /// How the person is engaged, stage by stage.
    pub engagement: Vec<Stage>,
    /// Tags, without those of AWS and of the operator.
    pub tags: BTreeMap<String, String>,
}

/// A device on which a person can be engaged.
#[derive(Serialize, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Name, unique for the person.
    pub name: String,
    /// How it engages.
    #[serde(rename = "type")]
    #[schemars(with = "ChannelTypeDocument")]
    pub type_: ChannelType,
    /// Phone number or mail address; only with `--with-addresses`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel")
            .field("name", &self.name)
            .field("type_", &self.type_)
            .finish_non_exhaustive()
    }
}

/// How a channel engages.
#[derive(JsonSchema)]
#[schemars(rename = "ChannelType")]
#[allow(
    dead_code,
    clippy::upper_case_acronyms,
    reason = "it is the shape of another type in this format"
)]
enum ChannelTypeDocument {
    /// By mail.
    Email,
    /// By text message.
    SMS,
    /// By phone call.
    Voice,
}

/// A stage of how a person is engaged.
#[derive(Serialize, Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Minutes until the next stage begins.
    pub minutes: i32,
    /// Channels that are used, all at once. None = the stage only waits.
    pub channels: Vec<ChannelUse>,
}

/// A use of a channel.
#[derive(Serialize, Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelUse {
    /// Name of the channel.
    pub channel: String,
    /// Minutes between tries; absent = left to AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_minutes: Option<i32>,
}

/// Who is engaged, and who next when nobody answers.
#[derive(Serialize, Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EscalationPlan {
    /// Alias.
    pub name: String,
    /// Full name; empty = none.
    pub display_name: String,
    /// The object in the cluster; absent when read from AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectName>,
    /// Stages, in order.
    pub stages: Vec<EscalationStage>,
    /// Tags, without those of AWS and of the operator.
    pub tags: BTreeMap<String, String>,
}

/// A stage of an escalation plan.
#[derive(Serialize, Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EscalationStage {
    /// Minutes until the next stage begins.
    pub minutes: i32,
    /// Who is engaged, all at once. None = the stage only waits.
    pub targets: Vec<EscalationTarget>,
}

/// Somebody who is engaged.
#[derive(Serialize, Debug, Clone, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EscalationTarget {
    /// What it is.
    pub kind: TargetKind,
    /// Its name.
    pub name: String,
    /// An acknowledgement by it stops the plan.
    pub stops_escalation: bool,
}

/// What a target is.
#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub enum TargetKind {
    /// One of `people`.
    Person,
    /// Whoever is on call by one of `schedules`.
    Schedule,
    /// Something that is in neither list: another account's, or deleted.
    Unknown,
}

/// Who is on call when.
#[derive(Serialize, Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleDocument {
    /// Alias.
    pub name: String,
    /// Full name; empty = none.
    pub display_name: String,
    /// The object in the cluster; absent when read from AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectName>,
    /// Rotations, side by side.
    pub rotations: Vec<RotationDocument>,
    /// Tags, without those of AWS and of the operator.
    pub tags: BTreeMap<String, String>,
}

/// People who take turns.
#[derive(Serialize, Debug, Clone, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotationDocument {
    /// Name, unique in the schedule.
    pub name: String,
    /// First moment of the first shift (RFC 3339, UTC).
    pub start: String,
    /// IANA time zone of all times of day.
    pub time_zone: String,
    /// What shifts are counted in.
    pub unit: Unit,
    /// So many units a shift lasts.
    pub shift_length: u32,
    /// When the turn passes on.
    pub hand_offs: Vec<HandOff>,
    /// So many members are on call at once.
    pub on_call_at_once: u32,
    /// When anybody is on call at all; none = always.
    pub coverage: Vec<Window>,
    /// Names of people, in the order of their turns.
    pub members: Vec<String>,
    /// Other people for a while: what runs or is to come. Of two at one time the later in the list holds.
    pub overrides: Vec<OverrideDocument>,
}

/// What shifts are counted in.
#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
pub enum Unit {
    /// Days.
    Day,
    /// Weeks, from Monday.
    Week,
    /// Months.
    Month,
}

/// A moment at which the turn passes on.
#[derive(Serialize, Debug, Clone, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandOff {
    /// Day of the week, `Mon` to `Sun`; only with unit Week.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<&'static str>,
    /// Day of the month, 1 to 31, the last day in a month without it; only with unit Month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_of_month: Option<u8>,
    /// `hh:mm`.
    pub time: String,
}

/// Hours of a day of the week.
#[derive(Serialize, Debug, Clone, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// Day on which it begins, `Mon` to `Sun`.
    pub day: &'static str,
    /// `hh:mm`.
    pub from: String,
    /// `hh:mm`; not after `from` = on the next day.
    pub to: String,
}

/// Other people for a while.
#[derive(Serialize, Debug, Clone, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverrideDocument {
    /// When it begins (RFC 3339, UTC).
    pub start: String,
    /// When it ends (RFC 3339, UTC).
    pub end: String,
    /// Who is on call meanwhile; none = nobody.
    pub people: Vec<String>,
}

/// Something that could not be exported.
#[derive(Serialize, Debug, Clone, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// What it is about.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// The document.
pub fn document(places: &[Place]) -> Document {
    Document {
        format: "incident-operator.dev/export".to_owned(),
        version: FORMAT_VERSION,
        accounts: places.iter().map(account).collect(),
    }
}

fn account(place: &Place) -> AccountDocument {
    AccountDocument {
        account_id: place.account_id.clone(),
        region: place.region.clone(),
        people: place.people.clone(),
        schedules: place.schedules.iter().map(schedule).collect(),
        escalation_plans: place.plans.clone(),
        left_out: place.left_out.clone(),
    }
}

fn schedule(schedule: &Schedule) -> ScheduleDocument {
    ScheduleDocument {
        name: schedule.name.clone(),
        display_name: schedule.display_name.clone(),
        object: schedule.object.clone(),
        rotations: schedule.rotations.iter().map(rotation).collect(),
        tags: schedule.tags.clone(),
    }
}

fn rotation(rotation: &Rotation) -> RotationDocument {
    let settings = &rotation.settings;
    let plain = |time: String| HandOff {
        day: None,
        day_of_month: None,
        time,
    };
    let (unit, hand_offs) = match &settings.recurrence {
        Recurrence::Daily(times) => {
            let mut times = times.clone();
            times.sort_unstable();
            let times = times.iter().map(|t| plain(t.to_string()));
            (Unit::Day, times.collect())
        }
        Recurrence::Weekly(times) => {
            let mut times = times.clone();
            times.sort_unstable_by_key(|(day, time)| (day.to_monday_zero_offset(), *time));
            let times = times.iter().map(|(day, time)| HandOff {
                day: Some(day_name(*day)),
                ..plain(time.to_string())
            });
            (Unit::Week, times.collect())
        }
        Recurrence::Monthly(times) => {
            let mut times = times.clone();
            times.sort_unstable();
            let times = times.iter().map(|(day, time)| HandOff {
                day_of_month: Some(*day),
                ..plain(time.to_string())
            });
            (Unit::Month, times.collect())
        }
    };
    // AWS lists windows in any order.
    let mut coverage = settings.coverage.clone();
    coverage.sort_by_key(|w| (w.day.to_monday_zero_offset(), w.start, w.end));
    let mut overrides: Vec<&Override<String>> = rotation.overrides.iter().collect();
    overrides.sort_by(|a, b| (a.created, a.start, &a.id).cmp(&(b.created, b.start, &b.id)));
    RotationDocument {
        name: rotation.name.clone(),
        start: settings.start.to_string(),
        time_zone: settings.zone.clone(),
        unit,
        shift_length: settings.shift_length,
        hand_offs,
        on_call_at_once: settings.number_on_call,
        coverage: coverage
            .iter()
            .map(|window| Window {
                day: day_name(window.day),
                from: window.start.to_string(),
                to: window.end.to_string(),
            })
            .collect(),
        members: settings.members.clone(),
        overrides: overrides
            .into_iter()
            .map(|one| OverrideDocument {
                start: one.start.to_string(),
                end: one.end.to_string(),
                people: one.members.clone(),
            })
            .collect(),
    }
}

fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

/// Tags that are neither AWS's nor the operator's.
pub fn own_tags(tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = |key: &str| {
        let key = key.to_lowercase();
        !key.starts_with("aws:") && !key.starts_with("incident-operator/")
    };
    let kept = tags.iter().filter(|(key, _)| own(key));
    kept.map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Channels under names that show no address: one that does is called after its place.
pub fn safe_name(name: &str, address: &str, index: usize) -> String {
    let bare = address.trim_start_matches('+');
    if bare.len() >= 7 && name.contains(bare) {
        format!("channel-{}", index + 1)
    } else {
        name.to_owned()
    }
}

/// The JSON Schema of [`Document`].
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schedule::{CoverageWindow, TimeOfDay};

    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let published = include_str!("../../docs/export.schema.json");
        let schema = serde_json::to_string_pretty(&json_schema()).unwrap();
        assert_eq!(published.trim(), schema.trim(), "run make generate");
    }

    #[test]
    fn a_rotation_looks_like_this() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let nine = TimeOfDay::parse("09:00").unwrap();
        let one = |id: &str, created: &str, who: &[&str]| Override {
            id: id.to_owned(),
            start: at("2026-02-01T00:00:00Z"),
            end: at("2026-02-02T00:00:00Z"),
            members: who.iter().map(|w| (*w).to_owned()).collect(),
            created: at(created),
        };
        let week = Rotation {
            name: "week".to_owned(),
            settings: RotationSettings {
                members: vec!["alice".to_owned(), "bob".to_owned()],
                start: at("2026-01-05T09:00:00Z"),
                zone: "Europe/Paris".to_owned(),
                recurrence: Recurrence::Weekly(vec![(Weekday::Monday, nine)]),
                shift_length: 2,
                number_on_call: 1,
                // AWS lists them in any order.
                coverage: [Weekday::Friday, Weekday::Monday]
                    .map(|day| CoverageWindow {
                        day,
                        start: nine,
                        end: nine,
                    })
                    .to_vec(),
            },
            overrides: vec![
                one("b", "2026-01-09T00:00:00Z", &[]),
                one("a", "2026-01-08T00:00:00Z", &["bob"]),
            ],
        };
        let shown = serde_json::to_value(rotation(&week)).unwrap();
        let override_ = |people: serde_json::Value| json!({"start": "2026-02-01T00:00:00Z", "end": "2026-02-02T00:00:00Z", "people": people});
        assert_eq!(
            shown,
            json!({
                "name": "week", "start": "2026-01-05T09:00:00Z", "timeZone": "Europe/Paris",
                "unit": "Week", "shiftLength": 2, "handOffs": [{"day": "Mon", "time": "09:00"}], "onCallAtOnce": 1,
                "coverage": [{"day": "Mon", "from": "09:00", "to": "09:00"}, {"day": "Fri", "from": "09:00", "to": "09:00"}],
                "members": ["alice", "bob"],
                // The one that was made last holds, and comes last.
                "overrides": [override_(json!(["bob"])), override_(json!([]))],
            })
        );
    }

    #[test]
    fn a_name_that_holds_the_address_is_not_shown() {
        assert_eq!(safe_name("mobile", "+15005550199", 0), "mobile");
        assert_eq!(safe_name("SMS 15005550199", "+15005550199", 1), "channel-2");
        assert_eq!(
            safe_name("alice@example.com", "alice@example.com", 0),
            "channel-1"
        );
    }

    #[test]
    fn tags_of_aws_and_of_the_operator_stay_out() {
        let tags = ["aws:x", "Incident-Operator/owner", "team"];
        let tags = tags.map(|t| (t.to_owned(), "v".to_owned())).into();
        let kept: Vec<String> = own_tags(&tags).into_keys().collect();
        assert_eq!(kept, ["team"]);
    }
}
