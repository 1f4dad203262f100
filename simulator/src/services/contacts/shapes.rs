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
static DIGITS_PATTERN: Pattern = Pattern::new("^[0-9]*$", "[0-9]*");
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
