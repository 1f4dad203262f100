//! The simulated services.

pub mod account;
pub mod contacts;
pub mod ec2;
pub mod incidents;
pub mod sts;

use http::Method;
use serde_json::Value;

use crate::auth::Scope;
use crate::clock::Millis;
use crate::error::AwsError;
use crate::iam::Needed;
use crate::knobs::Knobs;
use crate::state::Account;
use crate::validation::Structure;
use crate::world::{Circumstances, World};

/// Wire protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON 1.1: the operation is in `X-Amz-Target`.
    Json,
    /// REST JSON: the operation is in method and path.
    Rest,
    /// AWS Query: the operation is in the form parameter `Action`; answers are XML.
    Query,
    /// EC2's dialect of it: flattened lists, answers without wrapper, errors in a list.
    Ec2,
}

/// Method, path and status of a REST operation.
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path; the last segment may be `{member}`.
    pub path: &'static str,
    /// Status of success.
    pub status: u16,
}

/// What an operation does to the caller's account.
pub type Effect = fn(&mut Account, &mut Call<'_>) -> Result<Value, AwsError>;

/// What must hold before any effect.
pub type Gate = fn(&Account, &Call<'_>) -> Result<(), AwsError>;

/// The IAM actions a call needs.
pub type Needs = fn(&Account, &Call<'_>) -> Vec<Needed>;

/// One operation.
pub struct Operation {
    /// Its name.
    pub name: &'static str,
    /// The model of its input.
    pub input: &'static Structure,
    /// Whether it changes anything.
    pub mutating: bool,
    /// The published budget in calls per second.
    pub per_second: Option<f64>,
    /// The budget it shares with others of its service; none has its own.
    pub budget: Option<&'static str>,
    /// The member that carries the idempotency token.
    pub token: Option<&'static str>,
    /// Where REST requests go.
    pub route: Option<Route>,
    /// The IAM actions a call needs.
    pub needs: Needs,
    /// What it does.
    pub effect: Effect,
}

/// Errors every service has, in its own words and members.
pub enum Common {
    /// Over the budget; the seconds to come back after.
    Throttled(u64),
    /// The service failed.
    Internal(Option<u64>),
    /// A quota is used up.
    Quota,
    /// The KMS key cannot be used.
    DataEncryption,
    /// Violated constraints of the model.
    Invalid(Vec<crate::validation::Violation>),
    /// Any other reason not to accept the input.
    Refused(String),
    /// Not allowed.
    AccessDenied(String),
}

/// One service.
pub struct Service {
    /// Its signing name.
    pub name: &'static str,
    /// Its protocol.
    pub protocol: Protocol,
    /// Prefix of `X-Amz-Target`, or the XML namespace.
    pub namespace: &'static str,
    /// How errors spell the message member.
    pub message_member: &'static str,
    /// Code of authorisation failures.
    pub access_denied_code: &'static str,
    /// Its operations.
    pub operations: &'static [Operation],
    /// Checked before any effect.
    pub gate: Option<Gate>,
    /// Its form of the common errors.
    pub common: fn(Common) -> AwsError,
}

impl Service {
    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        self.operations
            .iter()
            .find(|operation| operation.name == name)
    }
}

/// The service with this signing name.
pub fn find(name: &str) -> Option<&'static Service> {
    [
        &contacts::SERVICE,
        &incidents::SERVICE,
        &sts::SERVICE,
        &ec2::SERVICE,
        &account::SERVICE,
    ]
    .into_iter()
    .find(|service| service.name == name)
}

/// One call being carried out.
pub struct Call<'a> {
    /// Who calls, and where.
    pub scope: &'a Scope,
    /// Partition of the Region.
    pub partition: &'static str,
    /// ARN of the caller.
    pub principal: &'a str,
    /// The operation.
    pub operation: &'static Operation,
    /// Simulated time.
    pub now: Millis,
    /// Settings in force.
    pub knobs: &'a Knobs,
    /// Everything outside the account.
    pub world: &'a World,
    /// The validated input.
    pub input: &'a Value,
    /// ARNs of what the call brought about.
    pub created: Vec<String>,
}

impl Call<'_> {
    /// A text member of the input.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.input.get(name).and_then(Value::as_str)
    }

    /// A required text member of the input; validation has made sure of it.
    pub fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// What decides on what happens by itself.
    pub fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            now: self.now,
            knobs: self.knobs,
            world: self.world,
        }
    }

    /// The ARN of a resource of the caller's account in the called Region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}:{}:{}:{resource}",
            self.partition, self.scope.region, self.scope.account
        )
    }
}
