//! account: the alternate contacts of an account, and of the members of its organization.

pub mod organization;
pub mod state;

use http::Method;
use serde_json::{Value, json};

use crate::error::AwsError;
use crate::iam::Needed;
use crate::knobs::Knob;
use crate::lock::lock;
use crate::state::Account;
use crate::validation::{Member, Pattern, Shape, Structure, sentence};

use super::{Call, Common, Effect, Operation, Protocol, Route, Service};

use organization::Standing;
use state::AlternateContact;

/// Signing name.
const NAME: &str = "account";

/// The service.
pub static SERVICE: Service = Service {
    name: NAME,
    protocol: Protocol::Rest,
    namespace: "",
    message_member: "message",
    access_denied_code: "AccessDeniedException",
    operations: OPERATIONS,
    gate: None,
    common,
};

static ACCOUNT_PATTERN: Pattern = Pattern::new(r"\d{12}", "[0-9]{12}");
static EMAIL_PATTERN: Pattern = Pattern::new(
    r"[\s]*[\w+=.#|!&-]+@[\w.-]+\.[\w]+[\s]*",
    r"[ \t\n\x0B\f\r]*[A-Za-z0-9_+=.#|!&-]+@[A-Za-z0-9_.-]+\.[A-Za-z0-9_]+[ \t\n\x0B\f\r]*",
);
static PHONE_PATTERN: Pattern = Pattern::new(r"[\s0-9()+-]+", r"[ \t\n\x0B\f\r0-9()+-]+");

static ACCOUNT_ID: Shape = Shape::text(None, None, &ACCOUNT_PATTERN);
static CONTACT_TYPE: Shape = Shape::one_of(&["BILLING", "OPERATIONS", "SECURITY"]);
static PERSON: Shape = Shape::sized_text(Some(1), Some(64));
static TITLE: Shape = Shape::sized_text(Some(1), Some(50));
static EMAIL: Shape = Shape::text(Some(1), Some(254), &EMAIL_PATTERN);
static PHONE: Shape = Shape::text(Some(1), Some(25), &PHONE_PATTERN);

static ONE_CONTACT: Structure = Structure::of(&[
    Member::required("AlternateContactType", &CONTACT_TYPE),
    Member::optional("AccountId", &ACCOUNT_ID),
]);
static PUT: Structure = Structure::of(&[
    Member::required("Name", &PERSON),
    Member::required("Title", &TITLE),
    Member::required("EmailAddress", &EMAIL),
    Member::required("PhoneNumber", &PHONE),
    Member::required("AlternateContactType", &CONTACT_TYPE),
    Member::optional("AccountId", &ACCOUNT_ID),
]);

const fn operation(
    name: &'static str,
    path: &'static str,
    input: &'static Structure,
    per_second: f64,
    effect: Effect,
) -> Operation {
    Operation {
        name,
        input,
        mutating: false,
        per_second: Some(per_second),
        budget: None,
        token: None,
        route: Some(Route {
            method: Method::POST,
            path,
            status: 200,
        }),
        needs,
        effect,
    }
}

const fn mutating(mut operation: Operation) -> Operation {
    operation.mutating = true;
    operation
}

static OPERATIONS: &[Operation] = &[
    mutating(operation(
        "PutAlternateContact",
        "/putAlternateContact",
        &PUT,
        5.0,
        put,
    )),
    operation(
        "GetAlternateContact",
        "/getAlternateContact",
        &ONE_CONTACT,
        10.0,
        get,
    ),
    mutating(operation(
        "DeleteAlternateContact",
        "/deleteAlternateContact",
        &ONE_CONTACT,
        1.0,
        delete,
    )),
];

/// The account that a call is about, as IAM names it.
fn resource(call: &Call<'_>) -> String {
    let organizations = call.world.organizations();
    let target = call.text("AccountId").filter(|id| !id.is_empty());
    let home = organizations
        .iter()
        .find(|organization| organization.holds(&call.scope.account));
    match (target, home) {
        (Some(target), Some(home)) => format!(
            "arn:{}:account::{}:account/{}/{target}",
            call.partition, home.management_account, home.id
        ),
        _ => format!(
            "arn:{}:account::{}:account",
            call.partition, call.scope.account
        ),
    }
}

fn needs(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    let needed = Needed::new(&format!("{NAME}:{}", call.operation.name), resource(call));
    let type_ = ["BILLING", "OPERATIONS", "SECURITY"]
        .into_iter()
        .find(|type_| call.text("AlternateContactType") == Some(type_));
    vec![match type_ {
        Some(type_) => needed.with_context("account:AlternateContactTypes", type_),
        None => needed,
    }]
}

/// Does something to the account that a call is about: the caller's own, or a member of the organization that it manages.
fn on_target<T>(
    account: &mut Account,
    call: &Call<'_>,
    work: impl FnOnce(&mut Account) -> T,
) -> Result<T, AwsError> {
    let Some(target) = call.text("AccountId") else {
        return Ok(work(account));
    };
    let organizations = call.world.organizations();
    let denied = |why: &str| {
        let principal = call.principal;
        let action = call.operation.name;
        Err(AwsError::new(
            "AccessDeniedException",
            format!("User: {principal} is not authorized to perform: {NAME}:{action}{why}"),
        ))
    };
    match organization::standing(&organizations, &call.scope.account, target) {
        Standing::ManagementItself => denied(
            " (The management account can only be managed using the standalone context from the management account.)",
        ),
        Standing::Stranger => denied(""),
        Standing::Manages if target == account.id => Ok(work(account)),
        // Whoever manages is not managed by its members: nobody waits for this lock in turn.
        Standing::Manages => Ok(work(&mut lock(&call.world.account(target)))),
    }
}

fn put(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let text = |name: &str| call.required(name).to_owned();
    let contact = AlternateContact {
        name: text("Name"),
        title: text("Title"),
        email_address: text("EmailAddress"),
        phone_number: text("PhoneNumber"),
    };
    let type_ = text("AlternateContactType");
    let delay = call.knobs.number(Knob::ConsistencyDelayMs);
    on_target(account, call, |account| {
        let slot = account.alternate_contacts.entry(type_).or_default();
        slot.set(Some(contact), call.now, delay);
    })?;
    Ok(json!({}))
}

fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let type_ = call.required("AlternateContactType");
    let delay = call.knobs.number(Knob::ConsistencyDelayMs);
    let found = on_target(account, call, |account| {
        let slot = account.alternate_contacts.get(type_)?;
        slot.shown(call.now, delay).cloned()
    })?;
    let contact = found.ok_or_else(not_found)?;
    Ok(json!({"AlternateContact": {
        "AlternateContactType": type_,
        "Name": contact.name,
        "Title": contact.title,
        "EmailAddress": contact.email_address,
        "PhoneNumber": contact.phone_number,
    }}))
}

fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let type_ = call.required("AlternateContactType");
    let delay = call.knobs.number(Knob::ConsistencyDelayMs);
    on_target(account, call, |account| {
        let slot = account.alternate_contacts.get_mut(type_);
        let slot = slot.filter(|slot| slot.is_set()).ok_or_else(not_found)?;
        slot.set(None, call.now, delay);
        Ok(json!({}))
    })?
}

fn not_found() -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        "No contact of the inputted alternate contact type found.",
    )
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", message)
}

fn common(error: Common) -> AwsError {
    match error {
        Common::Throttled(_) => AwsError::new("TooManyRequestsException", "Too Many Requests"),
        Common::Internal(seconds) => {
            let mut error = AwsError::new("InternalServerException", "Internal server error");
            error.retry_after = seconds;
            error
        }
        Common::Invalid(violations) => {
            let fields: Vec<Value> = violations
                .iter()
                .map(|violation| json!({"name": violation.path, "message": violation.constraint}))
                .collect();
            invalid(sentence(&violations))
                .with("reason", "fieldValidationFailed")
                .with("fieldList", fields)
        }
        // The service models neither a quota nor keys.
        Common::Quota => AwsError::new("TooManyRequestsException", "Too Many Requests"),
        Common::DataEncryption => invalid("The key could not be used."),
        Common::Refused(message) => invalid(message),
        Common::AccessDenied(message) => AwsError::new("AccessDeniedException", message),
    }
}
