//! ssm-incidents: the replication set, response plans, incidents and their tags.

mod arn;
pub mod data;
mod errors;
mod filters;
mod findings;
mod outside;
mod pages;
mod policies;
mod record;
mod related_items;
mod replication_set;
mod response_plan;
mod shapes;
pub mod state;
mod tags;
mod timeline;
mod tokens;

use http::Method;

use crate::clock::Millis;
use crate::iam::Needed;
use crate::knobs::Knob;
use crate::state::Account;
use crate::validation::Structure;

pub use outside::{Alarm, SeededFinding, raise, seed_findings};
pub use replication_set::{force, onboard};

use super::{Call, Effect, Needs, Operation, Protocol, Route, Service};

/// Signing name.
const NAME: &str = "ssm-incidents";

/// The service.
pub static SERVICE: Service = Service {
    name: NAME,
    protocol: Protocol::Rest,
    namespace: "",
    message_member: "message",
    access_denied_code: "AccessDeniedException",
    operations: OPERATIONS,
    gate: None,
    common: errors::common,
};

const fn operation(
    name: &'static str,
    route: Route,
    input: &'static Structure,
    per_second: f64,
    needs: Needs,
    effect: Effect,
) -> Operation {
    Operation {
        name,
        input,
        mutating: false,
        per_second: Some(per_second),
        budget: None,
        token: None,
        route: Some(route),
        needs,
        effect,
    }
}

const fn mutating(mut operation: Operation, token: Option<&'static str>) -> Operation {
    operation.mutating = true;
    operation.token = token;
    operation
}

const fn post(path: &'static str, status: u16) -> Route {
    Route {
        method: Method::POST,
        path,
        status,
    }
}

const fn get(path: &'static str) -> Route {
    Route {
        method: Method::GET,
        path,
        status: 200,
    }
}

/// Published rates, in calls per second.
const WRITES: f64 = 5.0;
const READS: f64 = 10.0;
const TIMELINE_READS: f64 = 15.0;

/// As many items as a page of most lists has at most.
const LARGEST_PAGE: usize = 100;

const CLIENT_TOKEN: Option<&str> = Some("clientToken");

static OPERATIONS: &[Operation] = &[
    mutating(
        operation(
            "CreateReplicationSet",
            post("/createReplicationSet", 201),
            &shapes::CREATE_SET,
            1.0,
            replication_set::create_needs,
            replication_set::create,
        ),
        CLIENT_TOKEN,
    ),
    operation(
        "GetReplicationSet",
        get("/getReplicationSet"),
        &shapes::ARN_IN_QUERY,
        10.0,
        on_arn,
        replication_set::get,
    ),
    operation(
        "ListReplicationSets",
        post("/listReplicationSets", 200),
        &shapes::PAGE,
        10.0,
        on_account,
        replication_set::list,
    ),
    mutating(
        operation(
            "UpdateReplicationSet",
            post("/updateReplicationSet", 204),
            &shapes::UPDATE_SET,
            1.0,
            replication_set::update_needs,
            replication_set::update,
        ),
        CLIENT_TOKEN,
    ),
    mutating(
        operation(
            "DeleteReplicationSet",
            post("/deleteReplicationSet", 204),
            &shapes::ARN_IN_QUERY,
            1.0,
            on_arn,
            replication_set::delete,
        ),
        None,
    ),
    mutating(
        operation(
            "UpdateDeletionProtection",
            post("/updateDeletionProtection", 204),
            &shapes::PROTECT_SET,
            1.0,
            on_arn,
            replication_set::protect,
        ),
        CLIENT_TOKEN,
    ),
    mutating(
        operation(
            "TagResource",
            post("/tags/{resourceArn}", 204),
            &shapes::TAG_RESOURCE,
            5.0,
            on_tagged,
            tags::tag,
        ),
        None,
    ),
    mutating(
        operation(
            "UntagResource",
            Route {
                method: Method::DELETE,
                path: "/tags/{resourceArn}",
                status: 204,
            },
            &shapes::UNTAG_RESOURCE,
            5.0,
            on_tagged,
            tags::untag,
        ),
        None,
    ),
    operation(
        "ListTagsForResource",
        get("/tags/{resourceArn}"),
        &shapes::LIST_TAGS,
        10.0,
        on_tagged,
        tags::list,
    ),
    mutating(
        operation(
            "CreateResponsePlan",
            post("/createResponsePlan", 201),
            &shapes::CREATE_PLAN,
            WRITES,
            response_plan::create_needs,
            response_plan::create,
        ),
        CLIENT_TOKEN,
    ),
    operation(
        "GetResponsePlan",
        get("/getResponsePlan"),
        &shapes::ARN_IN_QUERY,
        READS,
        on_arn,
        response_plan::get,
    ),
    mutating(
        operation(
            "UpdateResponsePlan",
            post("/updateResponsePlan", 204),
            &shapes::UPDATE_PLAN,
            WRITES,
            response_plan::update_needs,
            response_plan::update,
        ),
        CLIENT_TOKEN,
    ),
    mutating(
        operation(
            "DeleteResponsePlan",
            post("/deleteResponsePlan", 204),
            &shapes::ARN_IN_BODY,
            WRITES,
            on_arn,
            response_plan::delete,
        ),
        None,
    ),
    operation(
        "ListResponsePlans",
        post("/listResponsePlans", 200),
        &shapes::PAGE,
        READS,
        on_account,
        response_plan::list_all,
    ),
    mutating(
        operation(
            "PutResourcePolicy",
            post("/putResourcePolicy", 200),
            &shapes::PUT_POLICY,
            WRITES,
            on_tagged,
            policies::put,
        ),
        None,
    ),
    operation(
        "GetResourcePolicies",
        post("/getResourcePolicies", 200),
        &shapes::GET_POLICIES,
        READS,
        on_tagged,
        policies::get,
    ),
    mutating(
        operation(
            "DeleteResourcePolicy",
            post("/deleteResourcePolicy", 200),
            &shapes::DELETE_POLICY,
            WRITES,
            on_tagged,
            policies::delete,
        ),
        None,
    ),
    mutating(
        operation(
            "StartIncident",
            post("/startIncident", 200),
            &shapes::START_INCIDENT,
            WRITES,
            record::start_needs,
            record::start,
        ),
        CLIENT_TOKEN,
    ),
    operation(
        "GetIncidentRecord",
        get("/getIncidentRecord"),
        &shapes::ARN_IN_QUERY,
        READS,
        record::needs,
        record::get,
    ),
    mutating(
        operation(
            "UpdateIncidentRecord",
            post("/updateIncidentRecord", 204),
            &shapes::UPDATE_RECORD,
            WRITES,
            record::needs,
            record::update,
        ),
        CLIENT_TOKEN,
    ),
    mutating(
        operation(
            "DeleteIncidentRecord",
            post("/deleteIncidentRecord", 204),
            &shapes::ARN_IN_BODY,
            WRITES,
            record::needs,
            record::delete,
        ),
        None,
    ),
    operation(
        "ListIncidentRecords",
        post("/listIncidentRecords", 200),
        &shapes::LIST_RECORDS,
        READS,
        on_account,
        record::list,
    ),
    mutating(
        operation(
            "CreateTimelineEvent",
            post("/createTimelineEvent", 201),
            &shapes::CREATE_EVENT,
            WRITES,
            on_record,
            timeline::create,
        ),
        CLIENT_TOKEN,
    ),
    operation(
        "GetTimelineEvent",
        get("/getTimelineEvent"),
        &shapes::GET_EVENT,
        TIMELINE_READS,
        on_record,
        timeline::get,
    ),
    mutating(
        operation(
            "UpdateTimelineEvent",
            post("/updateTimelineEvent", 204),
            &shapes::UPDATE_EVENT,
            WRITES,
            on_record,
            timeline::update,
        ),
        CLIENT_TOKEN,
    ),
    mutating(
        operation(
            "DeleteTimelineEvent",
            post("/deleteTimelineEvent", 204),
            &shapes::DELETE_EVENT,
            WRITES,
            on_record,
            timeline::delete,
        ),
        None,
    ),
    operation(
        "ListTimelineEvents",
        post("/listTimelineEvents", 200),
        &shapes::LIST_EVENTS,
        TIMELINE_READS,
        on_record,
        timeline::list,
    ),
    mutating(
        operation(
            "UpdateRelatedItems",
            post("/updateRelatedItems", 204),
            &shapes::UPDATE_RELATED,
            WRITES,
            on_record,
            related_items::update,
        ),
        CLIENT_TOKEN,
    ),
    operation(
        "ListRelatedItems",
        post("/listRelatedItems", 200),
        &shapes::LIST_RELATED,
        READS,
        on_record,
        related_items::list,
    ),
    operation(
        "ListIncidentFindings",
        post("/listIncidentFindings", 200),
        &shapes::LIST_FINDINGS,
        READS,
        on_record,
        findings::list,
    ),
    operation(
        "BatchGetIncidentFindings",
        post("/batchGetIncidentFindings", 200),
        &shapes::GET_FINDINGS,
        READS,
        on_record,
        findings::get,
    ),
];

fn action(call: &Call<'_>, resource: &str) -> Vec<Needed> {
    vec![Needed::new(
        &format!("{NAME}:{}", call.operation.name),
        resource,
    )]
}

fn on_account(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, "*")
}

fn on_arn(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("arn"))
}

fn on_record(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    record::needs_of(call, call.required("incidentRecordArn"))
}

fn on_tagged(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("resourceArn"))
}

/// Whether the account's replication set serves a Region; without, there is nothing to be found and made.
fn is_served(account: &Account, region: &str) -> bool {
    account
        .replication_set
        .as_ref()
        .is_some_and(|set| set.serves(region))
}

/// Whether reads see by now what was made then.
fn visible(call: &Call<'_>, created: Millis) -> bool {
    call.operation.mutating || created + call.knobs.number(Knob::ConsistencyDelayMs) <= call.now
}
