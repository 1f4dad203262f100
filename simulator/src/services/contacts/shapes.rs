//! The model of ssm-contacts, as far as it is simulated.

use crate::validation::{Member, Pattern, Shape, Structure};

static ALIAS_PATTERN: Pattern = Pattern::new("^[a-z0-9_\\-]*$", r"[a-z0-9_\-]*");
static NAME_PATTERN: Pattern =
    Pattern::new("^[\\p{L}\\p{Z}\\p{N}_.\\-]*$", r"[\p{L}\p{Z}\p{N}_.\-]*");
static ARN_PATTERN: Pattern = Pattern::new(
    "arn:(aws|aws-cn|aws-us-gov):ssm-contacts:[-\\w+=\\/,.@]*:[0-9]+:([\\w+=\\/,.@:-]+)*",
    r"arn:(aws|aws-cn|aws-us-gov):ssm-contacts:[-A-Za-z0-9_+=/,.@]*:[0-9]+:[A-Za-z0-9_+=/,.@:-]*",
);
static TOKEN_PATTERN: Pattern =
    Pattern::new("^[\\\\\\/a-zA-Z0-9_+=\\-]*$", r"[\\/a-zA-Z0-9_+=\-]*");
static TAG_VALUE_PATTERN: Pattern = Pattern::new(
    "^[\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@]*$",
    r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*",
);
static ROTATION_NAME_PATTERN: Pattern = Pattern::new(
    "^[a-zA-Z0-9_\\-\\s\\.]*$",
    r"[a-zA-Z0-9_\-\t\n\x0B\x0C\r \.]*",
);
static ZONE_PATTERN: Pattern = Pattern::new(
    "^[:a-zA-Z0-9_\\-\\s\\.\\\\/]*$",
    r"[:a-zA-Z0-9_\-\t\n\x0B\x0C\r \.\\/]*",
);
static UUID_PATTERN: Pattern = Pattern::new(
    "([a-fA-Z0-9]{8,11}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}){1}",
    "[a-fA-Z0-9]{8,11}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}",
);
static DIGITS_PATTERN: Pattern = Pattern::new("^[0-9]*$", "[0-9]*");
static SENDER_PATTERN: Pattern = Pattern::new(
    "^[\\\\a-zA-Z0-9_@#%*+=:?.\\/!\\s-]*$",
    r"[\\a-zA-Z0-9_@#%*+=:?./!\t\n\x0B\x0C\r -]*",
);
static ANYTHING_PATTERN: Pattern = Pattern::new("^[.\\s\\S]*$", r"(?s:.*)");
static NOT_BLANK_PATTERN: Pattern = Pattern::new(".*\\S.*", r"(?s:.*[^\t\n\x0B\x0C\r ].*)");

static ALIAS: Shape = Shape::text(Some(1), Some(255), &ALIAS_PATTERN);
static CONTACT_NAME: Shape = Shape::text(Some(0), Some(255), &NAME_PATTERN);
static CHANNEL_NAME: Shape = Shape::text(Some(1), Some(255), &NAME_PATTERN);
static ARN: Shape = Shape::text(Some(1), Some(2048), &ARN_PATTERN);
static TOKEN: Shape = Shape::text(None, Some(2048), &TOKEN_PATTERN);
static CONTACT_TYPE: Shape = Shape::one_of(&["PERSONAL", "ESCALATION", "ONCALL_SCHEDULE"]);
static CHANNEL_TYPE: Shape = Shape::one_of(&["SMS", "VOICE", "EMAIL"]);
static ACTIVATION_CODE: Shape = Shape::text(Some(6), Some(10), &DIGITS_PATTERN);
static TAG_KEY: Shape = Shape::text(Some(1), Some(128), &TOKEN_PATTERN);
static TAG_VALUE: Shape = Shape::text(Some(1), Some(256), &TAG_VALUE_PATTERN);
static TAG: Shape = Shape::structure(&[
    Member::optional("Key", &TAG_KEY),
    Member::optional("Value", &TAG_VALUE),
]);
static TAGS: Shape = Shape::sized_list(&TAG, Some(0), Some(50));
static TAG_KEYS: Shape = Shape::sized_list(&TAG_KEY, Some(0), Some(50));
static RESOURCE_ARN: Shape = Shape::sized_text(Some(1), Some(1011));
static POLICY: Shape = Shape::text(Some(1), Some(395_000), &NOT_BLANK_PATTERN);
static MAX_RESULTS: Shape = Shape::between(0, 1024);
static BOOLEAN: Shape = Shape::Boolean;
static TIMESTAMP: Shape = Shape::Timestamp;

static CHANNEL_TARGET: Shape = Shape::structure(&[
    Member::required("ContactChannelId", &ARN),
    Member::optional("RetryIntervalInMinutes", &RETRY_INTERVAL),
]);
static RETRY_INTERVAL: Shape = Shape::between(0, 60);
static CONTACT_TARGET: Shape = Shape::structure(&[
    Member::optional("ContactId", &ARN),
    Member::required("IsEssential", &BOOLEAN),
]);
static TARGET: Shape = Shape::structure(&[
    Member::optional("ChannelTargetInfo", &CHANNEL_TARGET),
    Member::optional("ContactTargetInfo", &CONTACT_TARGET),
]);
static TARGETS: Shape = Shape::list(&TARGET);
static DURATION: Shape = Shape::between(0, 30);
static STAGE: Shape = Shape::structure(&[
    Member::required("DurationInMinutes", &DURATION),
    Member::required("Targets", &TARGETS),
]);
static STAGES: Shape = Shape::list(&STAGE);
static ROTATION_IDS: Shape = Shape::sized_list(&ARN, Some(0), Some(25));
static PLAN: Shape = Shape::structure(&[
    Member::optional("Stages", &STAGES),
    Member::optional("RotationIds", &ROTATION_IDS),
]);
static ADDRESS_TEXT: Shape = Shape::sized_text(Some(1), Some(320));
static ADDRESS: Shape = Shape::structure(&[Member::optional("SimpleAddress", &ADDRESS_TEXT)]);

static ROTATION_NAME: Shape = Shape::text(Some(1), Some(255), &ROTATION_NAME_PATTERN);
static ZONE: Shape = Shape::text(Some(1), Some(255), &ZONE_PATTERN);
static UUID: Shape = Shape::text(Some(36), Some(39), &UUID_PATTERN);
static ROTATION_MEMBERS: Shape = Shape::sized_list(&ARN, Some(1), Some(30));
static OVERRIDE_MEMBERS: Shape = Shape::sized_list(&ARN, Some(0), Some(30));
static PREVIEW_MEMBER: Shape = Shape::text(Some(1), Some(512), &NOT_BLANK_PATTERN);
static PREVIEW_MEMBERS: Shape = Shape::sized_list(&PREVIEW_MEMBER, Some(1), Some(30));
static PREVIEW_OVERRIDE_MEMBERS: Shape = Shape::sized_list(&PREVIEW_MEMBER, Some(0), Some(30));
static PREVIEW_OVERRIDE: Shape = Shape::structure(&[
    Member::optional("NewMembers", &PREVIEW_OVERRIDE_MEMBERS),
    Member::optional("StartTime", &TIMESTAMP),
    Member::optional("EndTime", &TIMESTAMP),
]);
static PREVIEW_OVERRIDES: Shape = Shape::list(&PREVIEW_OVERRIDE);
static DAY_OF_WEEK: Shape = Shape::one_of(&["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]);
static DAY_OF_MONTH: Shape = Shape::between(1, 31);
static HOUR: Shape = Shape::between(0, 23);
static MINUTE: Shape = Shape::between(0, 59);
static HAND_OFF_TIME: Shape = Shape::structure(&[
    Member::required("HourOfDay", &HOUR),
    Member::required("MinuteOfHour", &MINUTE),
]);
static MONTHLY_SETTING: Shape = Shape::structure(&[
    Member::required("DayOfMonth", &DAY_OF_MONTH),
    Member::required("HandOffTime", &HAND_OFF_TIME),
]);
static MONTHLY_SETTINGS: Shape = Shape::list(&MONTHLY_SETTING);
static WEEKLY_SETTING: Shape = Shape::structure(&[
    Member::required("DayOfWeek", &DAY_OF_WEEK),
    Member::required("HandOffTime", &HAND_OFF_TIME),
]);
static WEEKLY_SETTINGS: Shape = Shape::list(&WEEKLY_SETTING);
static DAILY_SETTINGS: Shape = Shape::list(&HAND_OFF_TIME);
static COVERAGE_TIME: Shape = Shape::structure(&[
    Member::optional("Start", &HAND_OFF_TIME),
    Member::optional("End", &HAND_OFF_TIME),
]);
static COVERAGE_TIMES: Shape = Shape::list(&COVERAGE_TIME);
static SHIFT_COVERAGES: Shape = Shape::Map {
    key: &DAY_OF_WEEK,
    value: &COVERAGE_TIMES,
    min: None,
    max: None,
};
static NUMBER_OF_ON_CALLS: Shape = Shape::at_least(1);
static RECURRENCE_MULTIPLIER: Shape = Shape::between(1, 100);
static RECURRENCE: Shape = Shape::structure(&[
    Member::optional("MonthlySettings", &MONTHLY_SETTINGS),
    Member::optional("WeeklySettings", &WEEKLY_SETTINGS),
    Member::optional("DailySettings", &DAILY_SETTINGS),
    Member::required("NumberOfOnCalls", &NUMBER_OF_ON_CALLS),
    Member::optional("ShiftCoverages", &SHIFT_COVERAGES),
    Member::required("RecurrenceMultiplier", &RECURRENCE_MULTIPLIER),
]);

pub(super) static CREATE_ROTATION: Structure = Structure::of(&[
    Member::required("Name", &ROTATION_NAME),
    Member::required("ContactIds", &ROTATION_MEMBERS),
    Member::optional("StartTime", &TIMESTAMP),
    Member::required("TimeZoneId", &ZONE),
    Member::required("Recurrence", &RECURRENCE),
    Member::optional("Tags", &TAGS),
    Member::optional("IdempotencyToken", &TOKEN),
]);
pub(super) static ROTATION_ID: Structure = Structure::of(&[Member::required("RotationId", &ARN)]);
pub(super) static UPDATE_ROTATION: Structure = Structure::of(&[
    Member::required("RotationId", &ARN),
    Member::optional("ContactIds", &ROTATION_MEMBERS),
    Member::optional("StartTime", &TIMESTAMP),
    Member::optional("TimeZoneId", &ZONE),
    Member::required("Recurrence", &RECURRENCE),
]);
pub(super) static LIST_ROTATIONS: Structure = Structure::of(&[
    Member::optional("RotationNamePrefix", &ROTATION_NAME),
    Member::optional("NextToken", &TOKEN),
    Member::optional("MaxResults", &MAX_RESULTS),
]);
pub(super) static CREATE_OVERRIDE: Structure = Structure::of(&[
    Member::required("RotationId", &ARN),
    Member::required("NewContactIds", &OVERRIDE_MEMBERS),
    Member::required("StartTime", &TIMESTAMP),
    Member::required("EndTime", &TIMESTAMP),
    Member::optional("IdempotencyToken", &TOKEN),
]);
pub(super) static OVERRIDE_ID: Structure = Structure::of(&[
    Member::required("RotationId", &ARN),
    Member::required("RotationOverrideId", &UUID),
]);
pub(super) static LIST_OVERRIDES: Structure = Structure::of(&[
    Member::required("RotationId", &ARN),
    Member::required("StartTime", &TIMESTAMP),
    Member::required("EndTime", &TIMESTAMP),
    Member::optional("NextToken", &TOKEN),
    Member::optional("MaxResults", &MAX_RESULTS),
]);

pub(super) static LIST_SHIFTS: Structure = Structure::of(&[
    Member::required("RotationId", &ARN),
    Member::optional("StartTime", &TIMESTAMP),
    Member::required("EndTime", &TIMESTAMP),
    Member::optional("NextToken", &TOKEN),
    Member::optional("MaxResults", &MAX_RESULTS),
]);
pub(super) static PREVIEW_SHIFTS: Structure = Structure::of(&[
    Member::optional("RotationStartTime", &TIMESTAMP),
    Member::optional("StartTime", &TIMESTAMP),
    Member::required("EndTime", &TIMESTAMP),
    Member::required("Members", &PREVIEW_MEMBERS),
    Member::required("TimeZoneId", &ZONE),
    Member::required("Recurrence", &RECURRENCE),
    Member::optional("Overrides", &PREVIEW_OVERRIDES),
    Member::optional("NextToken", &TOKEN),
    Member::optional("MaxResults", &MAX_RESULTS),
]);

static SENDER: Shape = Shape::text(None, Some(255), &SENDER_PATTERN);
static INCIDENT: Shape = Shape::text(None, Some(1024), &SENDER_PATTERN);
static SUBJECT: Shape = Shape::text(Some(1), Some(2048), &ANYTHING_PATTERN);
static CONTENT: Shape = Shape::text(Some(1), Some(8192), &ANYTHING_PATTERN);
static REASON: Shape = Shape::text(None, Some(255), &ANYTHING_PATTERN);
static ACCEPT_TYPE: Shape = Shape::one_of(&["DELIVERED", "READ"]);
static ACCEPT_CODE_VALIDATION: Shape = Shape::one_of(&["IGNORE", "ENFORCE"]);
static TIME_RANGE: Shape = Shape::structure(&[
    Member::optional("StartTime", &TIMESTAMP),
    Member::optional("EndTime", &TIMESTAMP),
]);

pub(super) static START_ENGAGEMENT: Structure = Structure::of(&[
    Member::required("ContactId", &ARN),
    Member::required("Sender", &SENDER),
    Member::required("Subject", &SUBJECT),
    Member::required("Content", &CONTENT),
    Member::optional("PublicSubject", &SUBJECT),
    Member::optional("PublicContent", &CONTENT),
    Member::optional("IncidentId", &INCIDENT),
    Member::optional("IdempotencyToken", &TOKEN),
]);
pub(super) static STOP_ENGAGEMENT: Structure = Structure::of(&[
    Member::required("EngagementId", &ARN),
    Member::optional("Reason", &REASON),
]);
pub(super) static ENGAGEMENT_ID: Structure =
    Structure::of(&[Member::required("EngagementId", &ARN)]);
pub(super) static LIST_ENGAGEMENTS: Structure = Structure::of(&[
    Member::optional("NextToken", &TOKEN),
    Member::optional("MaxResults", &MAX_RESULTS),
    Member::optional("IncidentId", &INCIDENT),
    Member::optional("TimeRangeValue", &TIME_RANGE),
]);
pub(super) static PAGE_ID: Structure = Structure::of(&[Member::required("PageId", &ARN)]);
pub(super) static LIST_CONTACT_PAGES: Structure = Structure::of(&[
    Member::required("ContactId", &ARN),
    Member::optional("NextToken", &TOKEN),
    Member::optional("MaxResults", &MAX_RESULTS),
]);
pub(super) static LIST_ENGAGEMENT_PAGES: Structure = Structure::of(&[
    Member::required("EngagementId", &ARN),
    Member::optional("NextToken", &TOKEN),
    Member::optional("MaxResults", &MAX_RESULTS),
]);
pub(super) static LIST_RECEIPTS: Structure = Structure::of(&[
    Member::required("PageId", &ARN),
    Member::optional("NextToken", &TOKEN),
    Member::optional("MaxResults", &MAX_RESULTS),
]);
pub(super) static LIST_RESOLUTIONS: Structure = Structure::of(&[
    Member::optional("NextToken", &TOKEN),
    Member::required("PageId", &ARN),
]);
pub(super) static ACCEPT_PAGE: Structure = Structure::of(&[
    Member::required("PageId", &ARN),
    Member::optional("ContactChannelId", &ARN),
    Member::required("AcceptType", &ACCEPT_TYPE),
    Member::optional("Note", &SUBJECT),
    Member::required("AcceptCode", &ACTIVATION_CODE),
    Member::optional("AcceptCodeValidation", &ACCEPT_CODE_VALIDATION),
]);

pub(super) static CREATE_CONTACT: Structure = Structure::of(&[
    Member::required("Alias", &ALIAS),
    Member::optional("DisplayName", &CONTACT_NAME),
    Member::required("Type", &CONTACT_TYPE),
    Member::required("Plan", &PLAN),
    Member::optional("Tags", &TAGS),
    Member::optional("IdempotencyToken", &TOKEN),
]);
pub(super) static CONTACT_ID: Structure = Structure::of(&[Member::required("ContactId", &ARN)]);
pub(super) static UPDATE_CONTACT: Structure = Structure::of(&[
    Member::required("ContactId", &ARN),
    Member::optional("DisplayName", &CONTACT_NAME),
    Member::optional("Plan", &PLAN),
]);
pub(super) static LIST_CONTACTS: Structure = Structure::of(&[
    Member::optional("NextToken", &TOKEN),
    Member::optional("MaxResults", &MAX_RESULTS),
    Member::optional("AliasPrefix", &ALIAS),
    Member::optional("Type", &CONTACT_TYPE),
]);
pub(super) static CREATE_CHANNEL: Structure = Structure::of(&[
    Member::required("ContactId", &ARN),
    Member::required("Name", &CHANNEL_NAME),
    Member::required("Type", &CHANNEL_TYPE),
    Member::required("DeliveryAddress", &ADDRESS),
    Member::optional("DeferActivation", &BOOLEAN),
    Member::optional("IdempotencyToken", &TOKEN),
]);
pub(super) static CHANNEL_ID: Structure =
    Structure::of(&[Member::required("ContactChannelId", &ARN)]);
pub(super) static UPDATE_CHANNEL: Structure = Structure::of(&[
    Member::required("ContactChannelId", &ARN),
    Member::optional("Name", &CHANNEL_NAME),
    Member::optional("DeliveryAddress", &ADDRESS),
]);
pub(super) static LIST_CHANNELS: Structure = Structure::of(&[
    Member::required("ContactId", &ARN),
    Member::optional("NextToken", &TOKEN),
    Member::optional("MaxResults", &MAX_RESULTS),
]);
pub(super) static ACTIVATE_CHANNEL: Structure = Structure::of(&[
    Member::required("ContactChannelId", &ARN),
    Member::required("ActivationCode", &ACTIVATION_CODE),
]);
pub(super) static PUT_POLICY: Structure = Structure::of(&[
    Member::required("ContactArn", &ARN),
    Member::required("Policy", &POLICY),
]);
pub(super) static GET_POLICY: Structure = Structure::of(&[Member::required("ContactArn", &ARN)]);
pub(super) static TAG_RESOURCE: Structure = Structure::of(&[
    Member::required("ResourceARN", &RESOURCE_ARN),
    Member::required("Tags", &TAGS),
]);
pub(super) static UNTAG_RESOURCE: Structure = Structure::of(&[
    Member::required("ResourceARN", &RESOURCE_ARN),
    Member::required("TagKeys", &TAG_KEYS),
]);
pub(super) static LIST_TAGS: Structure =
    Structure::of(&[Member::required("ResourceARN", &RESOURCE_ARN)]);
