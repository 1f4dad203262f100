//! STS: who am I, and credentials of another role.

use rand::Rng as _;
use serde_json::{Value, json};

use crate::clock::{real_now, rfc3339};
use crate::error::AwsError;
use crate::iam::Needed;
use crate::knobs::Knob;
use crate::state::Account;
use crate::validation::{Member, Pattern, Shape, Structure, sentence};
use crate::world::{Session, World};

use super::{Call, Common, Operation, Protocol, Service};

/// The service.
pub static SERVICE: Service = Service {
    name: "sts",
    protocol: Protocol::Query,
    namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    message_member: "Message",
    access_denied_code: "AccessDenied",
    operations: OPERATIONS,
    gate: None,
    common,
};

static ARN_PATTERN: Pattern = Pattern::new(
    "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+",
    r"[\t\n\r\x20-\x7E\u{85}\u{A0}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]+",
);
static SESSION_PATTERN: Pattern = Pattern::new("[\\w+=,.@-]*", "[A-Za-z0-9_+=,.@-]*");
static EXTERNAL_ID_PATTERN: Pattern = Pattern::new("[\\w+=,.@:\\/-]*", "[A-Za-z0-9_+=,.@:/-]*");
static SERIAL_PATTERN: Pattern = Pattern::new("[\\w+=/:,.@-]*", "[A-Za-z0-9_+=/:,.@-]*");
static CODE_PATTERN: Pattern = Pattern::new("[\\d]*", "[0-9]*");
static POLICY_PATTERN: Pattern = Pattern::new(
    "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
    r"[\t\n\r\x20-\u{FF}]+",
);
static TAG_KEY_PATTERN: Pattern = Pattern::new(
    "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+",
    r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+",
);
static TAG_VALUE_PATTERN: Pattern = Pattern::new(
    "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*",
    r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*",
);

static ARN: Shape = Shape::text(Some(20), Some(2048), &ARN_PATTERN);
static SESSION_NAME: Shape = Shape::text(Some(2), Some(64), &SESSION_PATTERN);
static EXTERNAL_ID: Shape = Shape::text(Some(2), Some(1224), &EXTERNAL_ID_PATTERN);
static SERIAL: Shape = Shape::text(Some(9), Some(256), &SERIAL_PATTERN);
static TOKEN_CODE: Shape = Shape::text(Some(6), Some(6), &CODE_PATTERN);
static POLICY: Shape = Shape::text(Some(1), None, &POLICY_PATTERN);
static DURATION: Shape = Shape::between(900, 43_200);
static POLICY_ARN: Shape = Shape::structure(&[Member::optional("arn", &ARN)]);
static POLICY_ARNS: Shape = Shape::list(&POLICY_ARN);
static TAG_KEY: Shape = Shape::text(Some(1), Some(128), &TAG_KEY_PATTERN);
static TAG_VALUE: Shape = Shape::text(Some(0), Some(256), &TAG_VALUE_PATTERN);
static TAG: Shape = Shape::structure(&[
    Member::required("Key", &TAG_KEY),
    Member::required("Value", &TAG_VALUE),
]);
static TAGS: Shape = Shape::sized_list(&TAG, None, Some(50));
static TAG_KEYS: Shape = Shape::sized_list(&TAG_KEY, None, Some(50));
static ASSERTION: Shape = Shape::sized_text(Some(4), Some(2048));
static CONTEXT: Shape = Shape::structure(&[
    Member::optional("ProviderArn", &ARN),
    Member::optional("ContextAssertion", &ASSERTION),
]);
static CONTEXTS: Shape = Shape::sized_list(&CONTEXT, Some(1), Some(5));
static TOKEN_SIZE: Shape = Shape::between(0, 4096);

static NOTHING: Structure = Structure::of(&[]);
static ASSUME_ROLE: Structure = Structure::of(&[
    Member::required("RoleArn", &ARN),
    Member::required("RoleSessionName", &SESSION_NAME),
    Member::optional("PolicyArns", &POLICY_ARNS),
    Member::optional("Policy", &POLICY),
    Member::optional("DurationSeconds", &DURATION),
    Member::optional("Tags", &TAGS),
    Member::optional("TransitiveTagKeys", &TAG_KEYS),
    Member::optional("ExternalId", &EXTERNAL_ID),
    Member::optional("SerialNumber", &SERIAL),
    Member::optional("TokenCode", &TOKEN_CODE),
    Member::optional("SourceIdentity", &SESSION_NAME),
    Member::optional("ProvidedContexts", &CONTEXTS),
    Member::optional("MinimumSessionTokenSize", &TOKEN_SIZE),
]);

static OPERATIONS: &[Operation] = &[
    Operation {
        name: "GetCallerIdentity",
        input: &NOTHING,
        mutating: false,
        per_second: None,
        budget: None,
        token: None,
        route: None,
        // It needs no permission: AWS answers even principals that are denied everything.
        needs: |_, _| Vec::new(),
        effect: get_caller_identity,
    },
    Operation {
        name: "AssumeRole",
        input: &ASSUME_ROLE,
        mutating: false,
        per_second: None,
        budget: None,
        token: None,
        route: None,
        needs: |_, call| vec![Needed::new("sts:AssumeRole", call.required("RoleArn"))],
        effect: assume_role,
    },
];

fn common(error: Common) -> AwsError {
    match error {
        Common::Throttled(_) => AwsError::new("Throttling", "Rate exceeded"),
        Common::Internal(_) => AwsError::new(
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
        Common::Quota => AwsError::new("LimitExceeded", "A limit was exceeded."),
        Common::DataEncryption => AwsError::new("KMSDisabledException", "The key is disabled."),
        Common::Invalid(violations) => AwsError::new("ValidationError", sentence(&violations)),
        Common::Refused(message) => AwsError::new("ValidationError", message),
        Common::AccessDenied(message) => AwsError::new("AccessDenied", message),
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature all operations share"
)]
fn get_caller_identity(_: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let user = call
        .world
        .session(&call.scope.access_key)
        .map_or_else(|| user_id(&call.scope.account), |session| session.user_id);
    Ok(json!({
        "Arn": call.principal,
        "UserId": user,
        "Account": call.scope.account,
    }))
}

/// Ids are made from names, so that they stay the same.
fn user_id(account: &str) -> String {
    format!("AIDA{account}USER")
}

/// The ARN of whoever has this access key: a role's session, or the user whose name stands behind the account's number.
pub fn principal(world: &World, access_key: &str, account: &str, partition: &str) -> String {
    world.session(access_key).map_or_else(
        || {
            let name = access_key.split_once(account).map_or("", |(_, name)| name);
            let name = if name.is_empty() { "simulated" } else { name };
            let name = name.to_ascii_lowercase();
            format!("arn:{partition}:iam::{account}:user/{name}")
        },
        |session| session.arn,
    )
}

fn assume_role(_: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let role_arn = call.required("RoleArn");
    let parts: Vec<&str> = role_arn.splitn(6, ':').collect();
    let (account, path) = match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource]
            if *partition == call.partition
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            match resource.strip_prefix("role/") {
                Some(path) if is_role(path) => ((*account).to_owned(), path),
                _ => return Err(invalid_arn(role_arn)),
            }
        }
        _ => return Err(invalid_arn(role_arn)),
    };
    let wanted = call.world.knobs_of(&account);
    let wanted = wanted.get(Knob::AssumeRoleExternalId);
    if !wanted.is_empty() && call.text("ExternalId") != Some(wanted) {
        return Err(AwsError::new(
            "AccessDenied",
            format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                call.principal
            ),
        ));
    }
    let role = path.rsplit('/').next().unwrap_or(path);
    let session_name = call.required("RoleSessionName");
    let role_id = format!("AROA{:0<17}", alphanumeric(role));
    let user_id = format!("{role_id}:{session_name}");
    let arn = format!(
        "arn:{}:sts::{account}:assumed-role/{role}/{session_name}",
        call.partition
    );
    let duration = call
        .input
        .get("DurationSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(3600);
    // Clients judge expiry by their own clock, so credentials live in real time.
    let expires = (real_now() / 1000 + duration) * 1000;
    let access_key = format!("ASIA{account}{}", random_text(4));
    call.world.add_session(
        &access_key,
        Session {
            arn: arn.clone(),
            user_id: user_id.clone(),
            expires,
        },
    );
    let mut output = json!({
        "Credentials": {
            "AccessKeyId": access_key,
            "SecretAccessKey": random_text(40),
            "SessionToken": random_text(120),
            "Expiration": rfc3339(expires),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": user_id,
            "Arn": arn,
        },
        "PackedPolicySize": 1,
    });
    if let Some(identity) = call.text("SourceIdentity") {
        output["SourceIdentity"] = identity.into();
    }
    Ok(output)
}

/// IAM's rules for the name of a role and the path before it.
fn is_role(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    (1..=64).contains(&name.len())
        && path.len() - name.len() <= 512
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

fn invalid_arn(arn: &str) -> AwsError {
    AwsError::new("ValidationError", format!("{arn} is invalid"))
}

fn alphanumeric(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .take(17)
        .collect()
}

fn random_text(length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut random = rand::rng();
    (0..length)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect()
}
