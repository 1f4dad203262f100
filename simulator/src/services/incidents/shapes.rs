//! The model of ssm-incidents.

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

static PLAN_NAME_PATTERN: Pattern = Pattern::new("^[a-zA-Z0-9-_]*$", r"[a-zA-Z0-9\-_]*");
static ROLE_PATTERN: Pattern = Pattern::new(
    "^arn:aws(-cn|-us-gov)?:iam::([0-9]{12})?:role/.+$",
    r"arn:aws(-cn|-us-gov)?:iam::([0-9]{12})?:role/.+",
);
static ENGAGEMENT_PATTERN: Pattern = Pattern::new(
    "^arn:aws(-cn|-us-gov)?:ssm-contacts:[a-z0-9-]*:([0-9]{12}):contact/[a-z0-9_-]+$",
    r"arn:aws(-cn|-us-gov)?:ssm-contacts:[a-z0-9-]*:([0-9]{12}):contact/[a-z0-9_-]+",
);
static DOCUMENT_PATTERN: Pattern =
    Pattern::new("^[a-zA-Z0-9_\\-.:/]{3,128}$", r"[a-zA-Z0-9_\-.:/]{3,128}");
static GENERATED_ID_PATTERN: Pattern = Pattern::new(
    "^related-item/(ANALYSIS|INCIDENT|METRIC|PARENT|ATTACHMENT|OTHER|AUTOMATION|INVOLVED_RESOURCE|TASK)/([0-9]|[A-F]){32}$",
    r"related-item/(ANALYSIS|INCIDENT|METRIC|PARENT|ATTACHMENT|OTHER|AUTOMATION|INVOLVED_RESOURCE|TASK)/([0-9]|[A-F]){32}",
);

static TIMESTAMP: Shape = Shape::Timestamp;
static PLAN_NAME: Shape = Shape::text(Some(1), Some(200), &PLAN_NAME_PATTERN);
static TITLE: Shape = Shape::sized_text(Some(0), Some(200));
static SUMMARY: Shape = Shape::sized_text(Some(0), Some(8000));
static DEDUPE: Shape = Shape::sized_text(Some(0), Some(1000));
static IMPACT: Shape = Shape::between(1, 5);
static ENGAGEMENT: Shape = Shape::text(Some(0), Some(2048), &ENGAGEMENT_PATTERN);
static ENGAGEMENTS: Shape = Shape::sized_list(&ENGAGEMENT, Some(0), Some(5));
static CLEARABLE_TAGS: Shape = Shape::Map {
    key: &TAG_KEY,
    value: &TAG_VALUE,
    min: Some(0),
    max: Some(50),
};
static TOPIC: Shape = Shape::sized_text(Some(0), Some(1000));
static TOPICS: Shape = Shape::sized_list(&TOPIC, Some(1), Some(5));
static NOTHING: Shape = Shape::structure(&[]);
static CHAT_CHANNEL: Shape = Shape::union(&[
    Member::optional("chatbotSns", &TOPICS),
    Member::optional("empty", &NOTHING),
]);
static NOTIFICATION_TARGET: Shape = Shape::union(&[Member::optional("snsTopicArn", &ARN)]);
static NOTIFICATION_TARGETS: Shape = Shape::sized_list(&NOTIFICATION_TARGET, Some(0), Some(10));
static DOCUMENT: Shape = Shape::text(None, None, &DOCUMENT_PATTERN);
static DOCUMENT_VERSION: Shape = Shape::sized_text(Some(0), Some(128));
static ROLE: Shape = Shape::text(Some(0), Some(1000), &ROLE_PATTERN);
static TARGET_ACCOUNT: Shape = Shape::one_of(&["RESPONSE_PLAN_OWNER_ACCOUNT", "IMPACTED_ACCOUNT"]);
static PARAMETER_NAME: Shape = Shape::sized_text(Some(1), Some(50));
static PARAMETER_VALUE: Shape = Shape::sized_text(Some(0), Some(512));
static PARAMETER_VALUES: Shape = Shape::sized_list(&PARAMETER_VALUE, Some(0), Some(100));
static PARAMETERS: Shape = Shape::Map {
    key: &PARAMETER_NAME,
    value: &PARAMETER_VALUES,
    min: Some(1),
    max: Some(200),
};
static VARIABLE: Shape = Shape::one_of(&["INCIDENT_RECORD_ARN", "INVOLVED_RESOURCES"]);
static DYNAMIC_VALUE: Shape = Shape::union(&[Member::optional("variable", &VARIABLE)]);
static DYNAMIC_PARAMETERS: Shape = Shape::Map {
    key: &PARAMETER_NAME,
    value: &DYNAMIC_VALUE,
    min: Some(1),
    max: Some(200),
};
static AUTOMATION: Shape = Shape::structure(&[
    Member::required("roleArn", &ROLE),
    Member::required("documentName", &DOCUMENT),
    Member::optional("documentVersion", &DOCUMENT_VERSION),
    Member::optional("targetAccount", &TARGET_ACCOUNT),
    Member::optional("parameters", &PARAMETERS),
    Member::optional("dynamicParameters", &DYNAMIC_PARAMETERS),
]);
static ACTION: Shape = Shape::union(&[Member::optional("ssmAutomation", &AUTOMATION)]);
static ACTIONS: Shape = Shape::sized_list(&ACTION, Some(0), Some(1));
static SHORT_NAME: Shape = Shape::sized_text(Some(1), Some(200));
static SECRET: Shape = Shape::sized_text(Some(1), Some(512));
static PAGER_DUTY_INCIDENT: Shape = Shape::structure(&[Member::required("serviceId", &SHORT_NAME)]);
static PAGER_DUTY: Shape = Shape::structure(&[
    Member::required("name", &SHORT_NAME),
    Member::required("secretId", &SECRET),
    Member::required("pagerDutyIncidentConfiguration", &PAGER_DUTY_INCIDENT),
]);
static INTEGRATION: Shape =
    Shape::union(&[Member::optional("pagerDutyConfiguration", &PAGER_DUTY)]);
static INTEGRATIONS: Shape = Shape::sized_list(&INTEGRATION, Some(0), Some(1));
static TEMPLATE: Shape = Shape::structure(&[
    Member::required("title", &TITLE),
    Member::required("impact", &IMPACT),
    Member::optional("summary", &SUMMARY),
    Member::optional("dedupeString", &DEDUPE),
    Member::optional("notificationTargets", &NOTIFICATION_TARGETS),
    Member::optional("incidentTags", &TAGS),
]);

pub(super) static CREATE_PLAN: Structure = Structure::of(&[
    Member::optional("clientToken", &TOKEN),
    Member::required("name", &PLAN_NAME),
    Member::optional("displayName", &TITLE),
    Member::required("incidentTemplate", &TEMPLATE),
    Member::optional("chatChannel", &CHAT_CHANNEL),
    Member::optional("engagements", &ENGAGEMENTS),
    Member::optional("actions", &ACTIONS),
    Member::optional("tags", &TAGS),
    Member::optional("integrations", &INTEGRATIONS),
]);
pub(super) static UPDATE_PLAN: Structure = Structure::of(&[
    Member::optional("clientToken", &TOKEN),
    Member::required("arn", &ARN),
    Member::optional("displayName", &TITLE),
    Member::optional("incidentTemplateTitle", &TITLE),
    Member::optional("incidentTemplateImpact", &IMPACT),
    Member::optional("incidentTemplateSummary", &SUMMARY),
    Member::optional("incidentTemplateDedupeString", &DEDUPE),
    Member::optional("incidentTemplateNotificationTargets", &NOTIFICATION_TARGETS),
    Member::optional("chatChannel", &CHAT_CHANNEL),
    Member::optional("engagements", &ENGAGEMENTS),
    Member::optional("actions", &ACTIONS),
    Member::optional("incidentTemplateTags", &CLEARABLE_TAGS),
    Member::optional("integrations", &INTEGRATIONS),
]);
/// Of operations that name a resource in the query.
pub(super) static ARN_IN_QUERY: Structure =
    Structure::of(&[Member::required("arn", &ARN).located(Location::Query)]);
/// Of operations that name a resource in the body.
pub(super) static ARN_IN_BODY: Structure = Structure::of(&[Member::required("arn", &ARN)]);
/// Of lists without filters.
pub(super) static PAGE: Structure = Structure::of(&[
    Member::optional("maxResults", &MAX_RESULTS),
    Member::optional("nextToken", &NEXT_TOKEN),
]);

static ITEM_TYPE: Shape = Shape::one_of(&[
    "ANALYSIS",
    "INCIDENT",
    "METRIC",
    "PARENT",
    "ATTACHMENT",
    "OTHER",
    "AUTOMATION",
    "INVOLVED_RESOURCE",
    "TASK",
]);
static URL: Shape = Shape::sized_text(Some(0), Some(1000));
static METRIC: Shape = Shape::sized_text(Some(0), Some(4000));
static PAGER_DUTY_DETAIL: Shape = Shape::structure(&[
    Member::required("id", &SHORT_NAME),
    Member::optional("autoResolve", &BOOLEAN),
    Member::optional("secretId", &SECRET),
]);
static ITEM_VALUE: Shape = Shape::union(&[
    Member::optional("arn", &ARN),
    Member::optional("url", &URL),
    Member::optional("metricDefinition", &METRIC),
    Member::optional("pagerDutyIncidentDetail", &PAGER_DUTY_DETAIL),
]);
static IDENTIFIER: Shape = Shape::structure(&[
    Member::required("value", &ITEM_VALUE),
    Member::required("type", &ITEM_TYPE),
]);
static GENERATED_ID: Shape = Shape::text(Some(0), Some(200), &GENERATED_ID_PATTERN);
static RELATED_ITEM: Shape = Shape::structure(&[
    Member::required("identifier", &IDENTIFIER),
    Member::optional("title", &TITLE),
    Member::optional("generatedId", &GENERATED_ID),
]);
static RELATED_ITEMS: Shape = Shape::sized_list(&RELATED_ITEM, Some(0), Some(100));
static RELATED_ITEMS_UPDATE: Shape = Shape::union(&[
    Member::optional("itemToAdd", &RELATED_ITEM),
    Member::optional("itemToRemove", &IDENTIFIER),
]);
static SOURCE: Shape = Shape::sized_text(Some(0), Some(50));
static RAW_DATA: Shape = Shape::sized_text(Some(0), Some(10_000));
static TRIGGER: Shape = Shape::structure(&[
    Member::required("source", &SOURCE),
    Member::optional("triggerArn", &ARN),
    Member::required("timestamp", &TIMESTAMP),
    Member::optional("rawData", &RAW_DATA),
]);
static RECORD_STATUS: Shape = Shape::one_of(&["OPEN", "RESOLVED"]);

pub(super) static START_INCIDENT: Structure = Structure::of(&[
    Member::optional("clientToken", &TOKEN),
    Member::required("responsePlanArn", &ARN),
    Member::optional("title", &TITLE),
    Member::optional("impact", &IMPACT),
    Member::optional("triggerDetails", &TRIGGER),
    Member::optional("relatedItems", &RELATED_ITEMS),
]);
pub(super) static UPDATE_RECORD: Structure = Structure::of(&[
    Member::optional("clientToken", &TOKEN),
    Member::required("arn", &ARN),
    Member::optional("title", &TITLE),
    Member::optional("summary", &SUMMARY),
    Member::optional("impact", &IMPACT),
    Member::optional("status", &RECORD_STATUS),
    Member::optional("chatChannel", &CHAT_CHANNEL),
    Member::optional("notificationTargets", &NOTIFICATION_TARGETS),
]);

static FILTER_KEY: Shape = Shape::sized_text(Some(0), Some(50));
static ANY_INTEGER: Shape = Shape::Integer {
    min: None,
    max: None,
};
static INTEGER_VALUES: Shape = Shape::sized_list(&ANY_INTEGER, Some(0), Some(100));
static TEXT_VALUE: Shape = Shape::sized_text(Some(0), Some(1000));
static TEXT_VALUES: Shape = Shape::sized_list(&TEXT_VALUE, Some(0), Some(100));
static VALUES: Shape = Shape::union(&[
    Member::optional("stringValues", &TEXT_VALUES),
    Member::optional("integerValues", &INTEGER_VALUES),
]);
static CONDITION: Shape = Shape::union(&[
    Member::optional("before", &TIMESTAMP),
    Member::optional("after", &TIMESTAMP),
    Member::optional("equals", &VALUES),
]);
static FILTER: Shape = Shape::structure(&[
    Member::required("key", &FILTER_KEY),
    Member::required("condition", &CONDITION),
]);
static FILTERS: Shape = Shape::sized_list(&FILTER, Some(0), Some(5));

pub(super) static LIST_RECORDS: Structure = Structure::of(&[
    Member::optional("filters", &FILTERS),
    Member::optional("maxResults", &MAX_RESULTS),
    Member::optional("nextToken", &NEXT_TOKEN),
]);

static EVENT_ID: Shape = Shape::sized_text(Some(0), Some(50));
static EVENT_TYPE: Shape = Shape::sized_text(Some(0), Some(100));
static EVENT_DATA: Shape = Shape::sized_text(Some(0), Some(12_000));
static EVENT_REFERENCE: Shape = Shape::union(&[
    Member::optional("resource", &ARN),
    Member::optional("relatedItemId", &GENERATED_ID),
]);
static EVENT_REFERENCES: Shape = Shape::sized_list(&EVENT_REFERENCE, Some(0), Some(10));
static EVENT_SORT: Shape = Shape::one_of(&["EVENT_TIME"]);
static SORT_ORDER: Shape = Shape::one_of(&["ASCENDING", "DESCENDING"]);

pub(super) static CREATE_EVENT: Structure = Structure::of(&[
    Member::optional("clientToken", &TOKEN),
    Member::required("incidentRecordArn", &ARN),
    Member::required("eventTime", &TIMESTAMP),
    Member::required("eventType", &EVENT_TYPE),
    Member::required("eventData", &EVENT_DATA),
    Member::optional("eventReferences", &EVENT_REFERENCES),
]);
pub(super) static GET_EVENT: Structure = Structure::of(&[
    Member::required("incidentRecordArn", &ARN).located(Location::Query),
    Member::required("eventId", &EVENT_ID).located(Location::Query),
]);
pub(super) static UPDATE_EVENT: Structure = Structure::of(&[
    Member::optional("clientToken", &TOKEN),
    Member::required("incidentRecordArn", &ARN),
    Member::required("eventId", &EVENT_ID),
    Member::optional("eventTime", &TIMESTAMP),
    Member::optional("eventType", &EVENT_TYPE),
    Member::optional("eventData", &EVENT_DATA),
    Member::optional("eventReferences", &EVENT_REFERENCES),
]);
pub(super) static DELETE_EVENT: Structure = Structure::of(&[
    Member::required("incidentRecordArn", &ARN),
    Member::required("eventId", &EVENT_ID),
]);
pub(super) static LIST_EVENTS: Structure = Structure::of(&[
    Member::required("incidentRecordArn", &ARN),
    Member::optional("filters", &FILTERS),
    Member::optional("sortBy", &EVENT_SORT),
    Member::optional("sortOrder", &SORT_ORDER),
    Member::optional("maxResults", &MAX_RESULTS),
    Member::optional("nextToken", &NEXT_TOKEN),
]);

pub(super) static UPDATE_RELATED: Structure = Structure::of(&[
    Member::optional("clientToken", &TOKEN),
    Member::required("incidentRecordArn", &ARN),
    Member::required("relatedItemsUpdate", &RELATED_ITEMS_UPDATE),
]);
pub(super) static LIST_RELATED: Structure = Structure::of(&[
    Member::required("incidentRecordArn", &ARN),
    Member::optional("maxResults", &MAX_RESULTS),
    Member::optional("nextToken", &NEXT_TOKEN),
]);

static FINDINGS_PAGE: Shape = Shape::between(1, 20);
static FINDING_ID: Shape = Shape::sized_text(Some(0), Some(128));
static FINDING_IDS: Shape = Shape::sized_list(&FINDING_ID, Some(0), Some(20));

pub(super) static LIST_FINDINGS: Structure = Structure::of(&[
    Member::required("incidentRecordArn", &ARN),
    Member::optional("maxResults", &FINDINGS_PAGE),
    Member::optional("nextToken", &NEXT_TOKEN),
]);
pub(super) static GET_FINDINGS: Structure = Structure::of(&[
    Member::required("incidentRecordArn", &ARN),
    Member::required("findingIds", &FINDING_IDS),
]);

static POLICY: Shape = Shape::sized_text(Some(0), Some(4000));
static POLICY_ID: Shape = Shape::sized_text(Some(0), Some(256));

pub(super) static PUT_POLICY: Structure = Structure::of(&[
    Member::required("resourceArn", &ARN),
    Member::required("policy", &POLICY),
]);
pub(super) static GET_POLICIES: Structure = Structure::of(&[
    Member::required("resourceArn", &ARN).located(Location::Query),
    Member::optional("maxResults", &MAX_RESULTS),
    Member::optional("nextToken", &NEXT_TOKEN),
]);
pub(super) static DELETE_POLICY: Structure = Structure::of(&[
    Member::required("resourceArn", &ARN),
    Member::required("policyId", &POLICY_ID),
]);
