//! ssm-incidents: the replication set and its tags.

mod errors;
mod replication_set;
mod shapes;
pub mod state;
mod tags;

use http::Method;

use crate::iam::Needed;
use crate::state::Account;
use crate::validation::Structure;

pub use replication_set::onboard;

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
        &shapes::SET_ARN,
        10.0,
        on_set,
        replication_set::get,
    ),
    operation(
        "ListReplicationSets",
        post("/listReplicationSets", 200),
        &shapes::LIST_SETS,
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
            on_set,
            replication_set::update,
        ),
        CLIENT_TOKEN,
    ),
    mutating(
        operation(
            "DeleteReplicationSet",
            post("/deleteReplicationSet", 204),
            &shapes::SET_ARN,
            1.0,
            on_set,
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
            on_set,
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

fn on_set(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("arn"))
}

fn on_tagged(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("resourceArn"))
}
