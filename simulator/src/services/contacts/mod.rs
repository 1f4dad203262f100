//! ssm-contacts: contacts, engagement plans, channels, activation, rotations, overrides, engagements, pages, policies and tags.

mod activation;
mod arn;
mod channel;
mod contact;
pub mod engagement;
mod errors;
mod overrides;
mod pages;
mod plan;
mod policy;
mod recurrence;
mod roster;
mod rotation;
mod shapes;
mod shifts;
pub mod state;
mod tags;

use serde_json::Value;

pub use activation::{subscribe, unsubscribe};

use crate::error::AwsError;
use crate::iam::Needed;
use crate::knobs::Knob;
use crate::state::Account;
use crate::validation::Structure;

use super::{Call, Effect, Needs, Operation, Protocol, Service};

/// Signing name.
const NAME: &str = "ssm-contacts";

/// The service.
pub static SERVICE: Service = Service {
    name: NAME,
    protocol: Protocol::Json,
    namespace: "SSMContacts",
    message_member: "Message",
    access_denied_code: "AccessDeniedException",
    operations: OPERATIONS,
    gate: Some(gate),
    common: errors::common,
};

/// Published rates hold for operations together.
const MUTATIONS: &str = "mutations";
const CONTACT_READS: &str = "contact reads";
const ROTATION_READS: &str = "rotation reads";

const READ_RATE: f64 = 20.0;
const WRITE_RATE: f64 = 1.0;

const fn read(
    name: &'static str,
    input: &'static Structure,
    needs: Needs,
    effect: Effect,
) -> Operation {
    Operation {
        name,
        input,
        mutating: false,
        per_second: Some(READ_RATE),
        budget: Some(CONTACT_READS),
        token: None,
        route: None,
        needs,
        effect,
    }
}

const fn write(
    name: &'static str,
    input: &'static Structure,
    needs: Needs,
    effect: Effect,
) -> Operation {
    Operation {
        name,
        input,
        mutating: true,
        per_second: Some(WRITE_RATE),
        budget: Some(MUTATIONS),
        token: None,
        route: None,
        needs,
        effect,
    }
}

const fn read_rotation(
    name: &'static str,
    input: &'static Structure,
    needs: Needs,
    effect: Effect,
) -> Operation {
    let mut operation = read(name, input, needs, effect);
    operation.budget = Some(ROTATION_READS);
    operation
}

/// Has a budget of its own.
const fn alone(mut operation: Operation) -> Operation {
    operation.budget = None;
    operation
}

const fn create(
    name: &'static str,
    input: &'static Structure,
    needs: Needs,
    effect: Effect,
) -> Operation {
    let mut operation = write(name, input, needs, effect);
    operation.token = Some("IdempotencyToken");
    operation
}

/// Has a budget of its own, other than those of its kind.
const fn rated(per_second: f64, operation: Operation) -> Operation {
    let mut operation = alone(operation);
    operation.per_second = Some(per_second);
    operation
}

static OPERATIONS: &[Operation] = &[
    create(
        "CreateContact",
        &shapes::CREATE_CONTACT,
        contact::create_needs,
        contact::create,
    ),
    alone(read(
        "GetContact",
        &shapes::CONTACT_ID,
        on_contact,
        contact::get,
    )),
    write(
        "UpdateContact",
        &shapes::UPDATE_CONTACT,
        contact::update_needs,
        contact::update,
    ),
    write(
        "DeleteContact",
        &shapes::CONTACT_ID,
        on_contact,
        contact::delete,
    ),
    read(
        "ListContacts",
        &shapes::LIST_CONTACTS,
        on_account,
        contact::list,
    ),
    create(
        "CreateContactChannel",
        &shapes::CREATE_CHANNEL,
        on_contact,
        channel::create,
    ),
    read(
        "GetContactChannel",
        &shapes::CHANNEL_ID,
        on_channel,
        channel::get,
    ),
    write(
        "UpdateContactChannel",
        &shapes::UPDATE_CHANNEL,
        on_channel,
        channel::update,
    ),
    write(
        "DeleteContactChannel",
        &shapes::CHANNEL_ID,
        on_channel,
        channel::delete,
    ),
    read(
        "ListContactChannels",
        &shapes::LIST_CHANNELS,
        on_contact,
        channel::list,
    ),
    write(
        "ActivateContactChannel",
        &shapes::ACTIVATE_CHANNEL,
        on_channel,
        activation::activate,
    ),
    write(
        "DeactivateContactChannel",
        &shapes::CHANNEL_ID,
        on_channel,
        activation::deactivate,
    ),
    write(
        "SendActivationCode",
        &shapes::CHANNEL_ID,
        on_channel,
        activation::send,
    ),
    create(
        "CreateRotation",
        &shapes::CREATE_ROTATION,
        rotation::create_needs,
        rotation::create,
    ),
    read_rotation(
        "GetRotation",
        &shapes::ROTATION_ID,
        on_rotation,
        rotation::get,
    ),
    write(
        "UpdateRotation",
        &shapes::UPDATE_ROTATION,
        on_rotation,
        rotation::update,
    ),
    write(
        "DeleteRotation",
        &shapes::ROTATION_ID,
        on_rotation,
        rotation::delete,
    ),
    read_rotation(
        "ListRotations",
        &shapes::LIST_ROTATIONS,
        on_account,
        rotation::list,
    ),
    create(
        "CreateRotationOverride",
        &shapes::CREATE_OVERRIDE,
        on_rotation,
        overrides::create,
    ),
    read_rotation(
        "GetRotationOverride",
        &shapes::OVERRIDE_ID,
        on_rotation,
        overrides::get,
    ),
    write(
        "DeleteRotationOverride",
        &shapes::OVERRIDE_ID,
        on_rotation,
        overrides::delete,
    ),
    read_rotation(
        "ListRotationOverrides",
        &shapes::LIST_OVERRIDES,
        on_rotation,
        overrides::list,
    ),
    read_rotation(
        "ListRotationShifts",
        &shapes::LIST_SHIFTS,
        on_rotation,
        shifts::list,
    ),
    read_rotation(
        "ListPreviewRotationShifts",
        &shapes::PREVIEW_SHIFTS,
        on_account,
        shifts::preview,
    ),
    write(
        "PutContactPolicy",
        &shapes::PUT_POLICY,
        on_policy,
        policy::put,
    ),
    read(
        "GetContactPolicy",
        &shapes::GET_POLICY,
        on_policy,
        policy::get,
    ),
    rated(
        20.0,
        create(
            "StartEngagement",
            &shapes::START_ENGAGEMENT,
            on_contact,
            engagement::start_call,
        ),
    ),
    rated(
        10.0,
        write(
            "StopEngagement",
            &shapes::STOP_ENGAGEMENT,
            on_engagement,
            engagement::stop_call,
        ),
    ),
    rated(
        5.0,
        read(
            "DescribeEngagement",
            &shapes::ENGAGEMENT_ID,
            on_engagement,
            engagement::describe,
        ),
    ),
    rated(
        2.0,
        read(
            "ListEngagements",
            &shapes::LIST_ENGAGEMENTS,
            on_account,
            engagement::list,
        ),
    ),
    rated(
        20.0,
        write(
            "AcceptPage",
            &shapes::ACCEPT_PAGE,
            on_page,
            engagement::accept,
        ),
    ),
    rated(
        5.0,
        read(
            "DescribePage",
            &shapes::PAGE_ID,
            on_page,
            engagement::describe_page,
        ),
    ),
    rated(
        1.0,
        read(
            "ListPagesByContact",
            &shapes::LIST_CONTACT_PAGES,
            on_contact,
            engagement::list_by_contact,
        ),
    ),
    rated(
        2.0,
        read(
            "ListPagesByEngagement",
            &shapes::LIST_ENGAGEMENT_PAGES,
            on_engagement,
            engagement::list_by_engagement,
        ),
    ),
    rated(
        1.0,
        read(
            "ListPageReceipts",
            &shapes::LIST_RECEIPTS,
            on_page,
            engagement::receipts,
        ),
    ),
    read(
        "ListPageResolutions",
        &shapes::LIST_RESOLUTIONS,
        on_page,
        engagement::resolutions,
    ),
    write("TagResource", &shapes::TAG_RESOURCE, on_tagged, tags::tag),
    write(
        "UntagResource",
        &shapes::UNTAG_RESOURCE,
        on_tagged,
        tags::untag,
    ),
    read(
        "ListTagsForResource",
        &shapes::LIST_TAGS,
        on_tagged,
        tags::list,
    ),
];

/// Without a usable replication set in the Region, nothing works.
fn gate(account: &Account, call: &Call<'_>) -> Result<(), AwsError> {
    let served = account
        .replication_set
        .as_ref()
        .is_some_and(|set| set.serves(&call.scope.region));
    if served {
        return Ok(());
    }
    let mut error = errors::invalid("Account not found for the request");
    if call.knobs.is(Knob::EmptyValidationMessage, "yes") {
        error.message.clear();
    }
    Err(error)
}

fn action(call: &Call<'_>, resource: &str) -> Vec<Needed> {
    vec![Needed::new(
        &format!("{NAME}:{}", call.operation.name),
        resource,
    )]
}

fn on_account(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, "*")
}

fn on_contact(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("ContactId"))
}

fn on_channel(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("ContactChannelId"))
}

fn on_rotation(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("RotationId"))
}

fn on_engagement(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("EngagementId"))
}

fn on_page(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("PageId"))
}

fn on_policy(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("ContactArn"))
}

fn on_tagged(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    action(call, call.required("ResourceARN"))
}

/// The answer of operations that have none.
fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}
