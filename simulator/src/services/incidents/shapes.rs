//! The model of ssm-incidents, as far as it is simulated.

use crate::validation::{Location, Member, Pattern, Shape, Structure};

static ARN_PATTERN: Pattern = Pattern::new(
    "^arn:aws(-cn|-us-gov)?:[a-z0-9-]*:[a-z0-9-]*:([0-9]{12})?:.+$",
    r"arn:aws(-cn|-us-gov)?:[a-z0-9-]*:[a-z0-9-]*:([0-9]{12})?:.+",
);
static TAG_KEY_PATTERN: Pattern =
    Pattern::new("^(?!aws:)[A-Za-z0-9 _=@:.+-/]+$", r"[A-Za-z0-9 _=@:.+-/]+")
        .not_starting_with("aws:");
static TAG_VALUE_PATTERN: Pattern =
    Pattern::new("^[A-Za-z0-9 _=@:.+-/]*$", r"[A-Za-z0-9 _=@:.+-/]*");

static ARN: Shape = Shape::text(Some(0), Some(1000), &ARN_PATTERN);
static TOKEN: Shape = Shape::sized_text(Some(0), Some(128));
static REGION_NAME: Shape = Shape::sized_text(Some(0), Some(20));
static KEY: Shape = Shape::sized_text(Some(0), Some(2048));
static REGION: Shape = Shape::structure(&[Member::optional("sseKmsKeyId", &KEY)]);
static REGIONS: Shape = Shape::Map {
    key: &REGION_NAME,
    value: &REGION,
    min: Some(1),
    max: Some(3),
};
static TAG_KEY: Shape = Shape::text(Some(1), Some(128), &TAG_KEY_PATTERN);
static TAG_VALUE: Shape = Shape::text(Some(0), Some(256), &TAG_VALUE_PATTERN);
static TAGS: Shape = Shape::Map {
    key: &TAG_KEY,
    value: &TAG_VALUE,
    min: Some(1),
    max: Some(50),
};
static TAG_KEYS: Shape = Shape::sized_list(&TAG_KEY, Some(1), Some(50));
static BOOLEAN: Shape = Shape::Boolean;
static MAX_RESULTS: Shape = Shape::between(1, 100);
static NEXT_TOKEN: Shape = Shape::sized_text(Some(0), Some(2000));
static TEXT: Shape = Shape::any_text();

static ADD_REGION: Shape = Shape::structure(&[
    Member::required("regionName", &REGION_NAME),
    Member::optional("sseKmsKeyId", &KEY),
]);
static DELETE_REGION: Shape = Shape::structure(&[Member::required("regionName", &REGION_NAME)]);
static UPDATE_ACTION: Shape = Shape::union(&[
    Member::optional("addRegionAction", &ADD_REGION),
    Member::optional("deleteRegionAction", &DELETE_REGION),
]);
static UPDATE_ACTIONS: Shape = Shape::sized_list(&UPDATE_ACTION, Some(1), Some(1));

pub(super) static CREATE_SET: Structure = Structure::of(&[
    Member::optional("clientToken", &TOKEN),
    Member::required("regions", &REGIONS),
    Member::optional("tags", &TAGS),
]);
pub(super) static SET_ARN: Structure =
    Structure::of(&[Member::required("arn", &ARN).located(Location::Query)]);
pub(super) static LIST_SETS: Structure = Structure::of(&[
    Member::optional("maxResults", &MAX_RESULTS),
    Member::optional("nextToken", &NEXT_TOKEN),
]);
pub(super) static UPDATE_SET: Structure = Structure::of(&[
    Member::required("actions", &UPDATE_ACTIONS),
    Member::required("arn", &ARN),
    Member::optional("clientToken", &TOKEN),
]);
pub(super) static PROTECT_SET: Structure = Structure::of(&[
    Member::required("arn", &ARN),
    Member::optional("clientToken", &TOKEN),
    Member::required("deletionProtected", &BOOLEAN),
]);
pub(super) static TAG_RESOURCE: Structure = Structure::of(&[
    Member::required("resourceArn", &TEXT).located(Location::Path),
    Member::required("tags", &TAGS),
]);
pub(super) static UNTAG_RESOURCE: Structure = Structure::of(&[
    Member::required("resourceArn", &TEXT).located(Location::Path),
    Member::required("tagKeys", &TAG_KEYS).located(Location::Query),
]);
pub(super) static LIST_TAGS: Structure =
    Structure::of(&[Member::required("resourceArn", &TEXT).located(Location::Path)]);
