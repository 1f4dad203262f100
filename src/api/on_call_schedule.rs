//! `OnCallSchedule`: rotations of people, and who of them is on call.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonSpec, CommonStatus};
use super::reference::ObjectReference;
use super::test_page::LastProven;

/// Rotations of people, and who of them is on call: an AWS Systems Manager Incident Manager contact of type ONCALL_SCHEDULE and its
/// rotations.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "OnCallSchedule",
    namespaced,
    status = "OnCallScheduleStatus",
    derive = "PartialEq",
    shortname = "imocs",
    category = "incident-manager",
    doc = "Rotations of people, and who of them is on call: an AWS Systems Manager Incident Manager contact of type ONCALL_SCHEDULE and its rotations.",
    printcolumn(name = "On-Call", type_ = "string", json_path = ".status.summary.onCall"),
    printcolumn(name = "Reachable", type_ = "string", json_path = ".status.summary.reachable"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.summary.next"),
    printcolumn(name = "Next-Handoff", type_ = "string", json_path = ".status.summary.nextHandoff"),
    printcolumn(name = "Covered", type_ = "string", json_path = r#".status.conditions[?(@.type=="CoverageComplete")].status"#),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, priority = 1),
    printcolumn(name = "ARN", type_ = "string", json_path = ".status.arn", priority = 1),
    printcolumn(name = "Proven", type_ = "string", json_path = ".status.lastProven.at", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("has(self.spec.alias) || self.metadata.name.matches('^[a-z0-9-]*$')")
        .message("metadata.name has a dot, which an alias cannot have: set spec.alias"),
    validation = Rule::new(
        "(!has(oldSelf.spec.alias) && !(has(oldSelf.status) && (has(oldSelf.status.arn) || has(oldSelf.status.origin)))) || (has(self.spec.alias) ? self.spec.alias : self.metadata.name) == (has(oldSelf.spec.alias) ? oldSelf.spec.alias : oldSelf.metadata.name)"
    ).message("spec.alias cannot be changed: AWS has no way to rename an on-call schedule (CHK-26). Make a new OnCallSchedule and move references to it")
)]
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.alias) || (size(self.alias) >= 1 && size(self.alias) <= 255 && self.alias.matches('^[a-z0-9_-]*$'))")
        .message("alias has 1 to 255 lower-case letters, digits, '_' and '-'"),
    validation = Rule::new("!has(self.displayName) || (size(self.displayName) <= 255 && self.displayName.matches('^[\\\\p{L}\\\\p{Z}\\\\p{N}_.-]*$'))")
        .message("displayName has at most 255 letters, digits, spaces and the characters _ . -"),
    validation = Rule::new("!has(self.rotations) || size(self.rotations) <= 25")
        .message("a schedule has at most 25 rotations; the console works with 8 (CHK-19)"),
    validation = Rule::new("!has(self.rotations) || self.rotations.all(r, self.rotations.exists_one(o, (has(o.rotationName) ? o.rotationName : o.name) == (has(r.rotationName) ? r.rotationName : r.name)))")
        .message("two rotations of a schedule must not have the same name in AWS: give them different rotationNames")
)]
pub struct OnCallScheduleSpec {
    /// Name in AWS, unique in the account and Region among contacts, on-call schedules and escalation plans. Absent = metadata.name.
    /// Fixed once set or created. 1 to 255 lower-case letters, digits, `_` and `-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub alias: Option<String>,
    /// Full name, as shown in the console. Absent = none. At most 255 letters, digits, spaces and `_ . -`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub display_name: Option<String>,
    /// Rotations by name; they may overlap, run side by side or follow each other. AWS takes 25, its console shows 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 26), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub rotations: Option<Vec<RotationSpec>>,
    /// When an edit that changes shifts is put into AWS. Absent = `Immediate`. `AfterCurrentShift` waits until the shift that runs in the
    /// rotation has ended, so that nobody's shift is cut by an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// What happens when a Contact that a rotation names is deleted. Absent = `Hold`: its deletion waits until it is taken out here.
    /// `Remove`: it is taken out of the rotation in AWS at once, as long as somebody remains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_member_deletion: Option<OnMemberDeletion>,
    /// When somebody must be on call; gaps are measured against it. Absent = always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "atomic"))]
    pub coverage_target: Option<Vec<CoverageTarget>>,
    /// Writes who is on call into a ConfigMap of this namespace, for tools that read no custom resources. Absent = not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<Export>,
    /// Fields that every kind has.
    #[serde(flatten)]
    pub common: CommonSpec,
}

/// People who take turns.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("size(self.name) >= 1 && size(self.name) <= 255 && self.name.matches('^[a-zA-Z0-9_ .-]*$')")
        .message("a rotation's name has 1 to 255 letters without accents, digits, spaces and the characters _ . -"),
    validation = Rule::new("!has(self.rotationName) || (size(self.rotationName) >= 1 && size(self.rotationName) <= 255 && self.rotationName.matches('^[a-zA-Z0-9_ .-]*$'))")
        .message("rotationName has 1 to 255 letters without accents, digits, spaces and the characters _ . -"),
    validation = Rule::new("size(self.contactRefs) >= 1 && size(self.contactRefs) <= 30")
        .message("a rotation has 1 to 30 members (CHK-20)"),
    validation = Rule::new("!has(self.recurrence.numberOfOnCalls) || self.recurrence.numberOfOnCalls <= size(self.contactRefs)")
        .message("recurrence.numberOfOnCalls is more than the rotation has members"),
    validation = Rule::new("size(self.timeZone) >= 1 && size(self.timeZone) <= 255")
        .message("timeZone is the name of an IANA zone, for example Asia/Tokyo (CHK-22)")
)]
pub struct RotationSpec {
    /// Name of the rotation in this object.
    #[schemars(length(max = 300))]
    pub name: String,
    /// Name in AWS. Absent = `name`. AWS cannot rename a rotation: another name makes a new one and deletes the old, overrides included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub rotation_name: Option<String>,
    /// When the rotation begins (RFC 3339, in quotes): the first shift is counted from it, and the first member has it. May lie in the past.
    /// Changing it moves people; the event says whom.
    pub start_time: Time,
    /// IANA zone in which hand-offs and coverage are meant, for example `Asia/Tokyo`.
    #[schemars(length(max = 300))]
    pub time_zone: String,
    /// Members in the order of their shifts, 1 to 30. Contacts only; one may be named more than once.
    #[schemars(length(max = 35), extend("x-kubernetes-list-type" = "atomic"))]
    pub contact_refs: Vec<ObjectReference>,
    /// When the turn passes on.
    pub recurrence: Recurrence,
    /// Hours that the rotation covers. Absent = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 50), extend("x-kubernetes-list-type" = "atomic"))]
    pub coverage: Option<Vec<CoverageWindow>>,
}

/// When the turn passes on.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.daily) == (self.type == 'Daily') && has(self.weekly) == (self.type == 'Weekly') && has(self.monthly) == (self.type == 'Monthly')")
        .message("give the field that goes with type, and no other: daily for Daily, weekly for Weekly, monthly for Monthly"),
    validation = Rule::new("!has(self.shiftLength) || (self.shiftLength >= 1 && self.shiftLength <= 100)")
        .message("shiftLength is 1 to 100"),
    validation = Rule::new("!has(self.numberOfOnCalls) || self.numberOfOnCalls >= 1")
        .message("numberOfOnCalls is at least 1")
)]
pub struct Recurrence {
    /// What shifts are counted in.
    #[serde(rename = "type")]
    pub type_: RecurrenceType,
    /// Hand-offs of type Daily.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<DailyRecurrence>,
    /// Hand-offs of type Weekly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekly: Option<WeeklyRecurrence>,
    /// Hand-offs of type Monthly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly: Option<MonthlyRecurrence>,
    /// Days, weeks or months that a shift lasts, 1 to 100. Absent = 1. AWS calls it `RecurrenceMultiplier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift_length: Option<i32>,
    /// How many members are on call at once. Absent = 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_of_on_calls: Option<i32>,
}

/// What shifts are counted in.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum RecurrenceType {
    /// Days.
    Daily,
    /// Weeks.
    Weekly,
    /// Months.
    Monthly,
}

/// Hand-offs of a daily rotation.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DailyRecurrence {
    /// Times of day at which the turn passes on.
    #[schemars(length(min = 1, max = 24), extend("x-kubernetes-list-type" = "atomic"))]
    pub hand_offs: Vec<DailyHandOff>,
}

/// A time of day.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.time.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')").message("time is hh:mm, 00:00 to 23:59"))]
pub struct DailyHandOff {
    /// `hh:mm` in the rotation's zone, in quotes.
    #[schemars(length(max = 20))]
    pub time: String,
}

/// Hand-offs of a weekly rotation.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeeklyRecurrence {
    /// Days and times at which the turn passes on.
    #[schemars(length(min = 1, max = 24), extend("x-kubernetes-list-type" = "atomic"))]
    pub hand_offs: Vec<WeeklyHandOff>,
}

/// A day of the week and a time.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.time.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')").message("time is hh:mm, 00:00 to 23:59"))]
pub struct WeeklyHandOff {
    /// Day of the week.
    pub day: DayOfWeek,
    /// `hh:mm` in the rotation's zone, in quotes.
    #[schemars(length(max = 20))]
    pub time: String,
}

/// Hand-offs of a monthly rotation.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonthlyRecurrence {
    /// Days of the month and times at which the turn passes on.
    #[schemars(length(min = 1, max = 31), extend("x-kubernetes-list-type" = "atomic"))]
    pub hand_offs: Vec<MonthlyHandOff>,
}

/// A day of the month and a time.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.time.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')").message("time is hh:mm, 00:00 to 23:59"),
    validation = Rule::new("self.dayOfMonth >= 1 && self.dayOfMonth <= 31").message("dayOfMonth is 1 to 31; months without that day hand off on their last")
)]
pub struct MonthlyHandOff {
    /// Day of the month, 1 to 31; months without that day hand off on their last.
    pub day_of_month: i32,
    /// `hh:mm` in the rotation's zone, in quotes.
    #[schemars(length(max = 20))]
    pub time: String,
}

/// A day of the week.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema,
)]
#[schemars(transform = super::without_own_text)]
pub enum DayOfWeek {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// Hours on days of the week.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.start.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$') && self.end.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')")
        .message("start and end are hh:mm, 00:00 to 23:59; an end that is not after the start is on the next day"),
    validation = Rule::new("!(self.start.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$') && self.end.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')) || ((int(self.end.substring(0, 2)) * 60 + int(self.end.substring(3, 5)) - int(self.start.substring(0, 2)) * 60 - int(self.start.substring(3, 5)) + 1440 - 1) % 1440) + 1 >= 30")
        .message("a coverage window lasts at least 30 minutes (CHK-21)")
)]
pub struct CoverageWindow {
    /// Days on which the window begins.
    #[schemars(length(min = 1, max = 7), extend("x-kubernetes-list-type" = "set"))]
    pub days: Vec<DayOfWeek>,
    /// Begin, `hh:mm` in the rotation's zone, in quotes.
    #[schemars(length(max = 20))]
    pub start: String,
    /// End, `hh:mm`, in quotes. Not after `start` = on the next day; equal = 24 hours.
    #[schemars(length(max = 20))]
    pub end: String,
}

/// Hours in which somebody must be on call.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.start.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$') && self.end.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')")
        .message("start and end are hh:mm, 00:00 to 23:59; an end that is not after the start is on the next day")
)]
pub struct CoverageTarget {
    /// Days on which the hours begin.
    #[schemars(length(min = 1, max = 7), extend("x-kubernetes-list-type" = "set"))]
    pub days: Vec<DayOfWeek>,
    /// Begin, `hh:mm`, in quotes.
    #[schemars(length(max = 20))]
    pub start: String,
    /// End, `hh:mm`, in quotes. Not after `start` = on the next day; equal = 24 hours.
    #[schemars(length(max = 20))]
    pub end: String,
    /// IANA zone in which the hours are meant.
    #[schemars(length(min = 1, max = 300))]
    pub time_zone: String,
}

/// When an edit that changes shifts is put into AWS.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum Rollout {
    /// At once.
    #[default]
    Immediate,
    /// When the shift that runs in the rotation has ended.
    AfterCurrentShift,
}

/// What the deletion of a member does.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(transform = super::without_own_text)]
pub enum OnMemberDeletion {
    /// The deletion of the Contact waits.
    #[default]
    Hold,
    /// The member is taken out of the rotation in AWS, as long as somebody remains. A member who is retained in AWS stays.
    Remove,
}

/// Where who is on call is written to.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// Name of the ConfigMap in this namespace. The operator makes it; one that it did not make is left alone.
    #[schemars(length(min = 1, max = 253))]
    pub config_map_name: String,
}

/// What is known of a schedule.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct OnCallScheduleStatus {
    /// Status fields that every kind has.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// What the printer columns show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<OnCallScheduleSummary>,
    /// Who is on call now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub on_call_now: Vec<OnCall>,
    /// Who comes on call at the next hand-off of each rotation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub on_call_next: Vec<OnCallNext>,
    /// Rotations of the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub rotations: Vec<RotationStatus>,
    /// Rotations that the schedule has in AWS and the manifest has not. They are left alone and count as on call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub unmanaged_rotations: Vec<UnmanagedRotation>,
    /// Overrides of its rotations that run or are to come, whoever made them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub overrides: Vec<OverrideStatus>,
    /// How the time from the last hand-off on is covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageStatus>,
    /// Name of the ConfigMap that the operator keeps (`spec.export`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported_to: Option<String>,
    /// When whoever was on call was last proven to be reachable: a TestPage was acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_proven: Option<LastProven>,
}

/// What the printer columns show.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnCallScheduleSummary {
    /// Name in AWS.
    pub alias: String,
    /// Who is on call now; `-` for nobody.
    pub on_call: String,
    /// Whether somebody who is on call now can be paged: `Yes`, `No`, or `Unknown` for people that no Contact here stands for; `-` while
    /// nobody is on call and `coverageTarget` asks for nobody.
    pub reachable: String,
    /// Who is on call after the next hand-off; `-` for nobody.
    pub next: String,
    /// When who is on call changes next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_handoff: Option<Time>,
}

/// Somebody who is on call.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnCall {
    /// The person: name of the Contact (`namespace/name` where two have the same name), or the alias in AWS.
    pub contact: String,
    /// The rotation that has them on call.
    pub rotation: String,
    /// When they go off call; absent = not within the next 400 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Whether they can be paged; absent when no Contact here stands for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
    /// Whom they stand in for, when an override has put them on call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub instead_of: Vec<String>,
}

/// Somebody who comes on call.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnCallNext {
    /// The person, as in `onCallNow`.
    pub contact: String,
    /// The rotation that will have them on call.
    pub rotation: String,
    /// When they come on call.
    pub from: Time,
}

/// What is known of a rotation.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotationStatus {
    /// Name of the rotation in this object.
    pub name: String,
    /// ARN, once AWS has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Start time that AWS has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_start_time: Option<Time>,
    /// Start time that the operator has last asked AWS for. When AWS keeps another one, the operator asks for one that gives the same shifts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_start_time: Option<Time>,
    /// When the operator last changed the rotation in AWS (finding `ReviewOverrides`, CHK-29).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Time>,
    /// Members who were taken out because their Contact was deleted (`onMemberDeletion: Remove`), as the manifest names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub removed_members: Vec<String>,
    /// An edit waits for this hand-off (`rollout: AfterCurrentShift`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_at: Option<Time>,
    /// The hand-off for which AWS was last asked who is on call (`ListRotationShifts`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_for: Option<Time>,
    /// Whether AWS's answer was the same as the operator's own reckoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<bool>,
}

/// A rotation that AWS has and the manifest has not.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmanagedRotation {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
}

/// An override that runs or is to come.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverrideStatus {
    /// The rotation.
    pub rotation: String,
    /// Its id in AWS.
    pub id: String,
    /// When it begins.
    pub start_time: Time,
    /// When it ends.
    pub end_time: Time,
    /// Who is on call meanwhile; empty for nobody.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub contacts: Vec<String>,
    /// The RotationOverride (`namespace/name`) that made it; absent for one made elsewhere, which is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// How a window of time is covered.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoverageStatus {
    /// Begin of the window: the last hand-off.
    pub window_start: Time,
    /// Length of the window in days.
    pub window_days: i32,
    /// Minutes of `coverageTarget` in which nobody is on call.
    pub uncovered_minutes: i64,
    /// The next time without anybody on call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_gap: Option<Gap>,
    /// Minutes on call in the window, by person.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub minutes_per_contact: Vec<ContactMinutes>,
}

/// A time without anybody on call.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Begin.
    pub from: Time,
    /// End; absent = not within the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
}

/// Minutes on call.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactMinutes {
    /// The person, as in `onCallNow`.
    pub contact: String,
    /// Minutes.
    pub minutes: i64,
}
