//! `AlternateContact`: whom AWS writes to about an account's security, bills or operations.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{CommonSpec, CommonStatus};
use super::reference::ValueFrom;

/// An alternate contact of an AWS account: whom AWS writes to or calls about security, bills or operations, besides the address of the
/// root user. An account has one of each type; it needs no Incident Manager.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "incident-operator.dev",
    version = "v1alpha1",
    kind = "AlternateContact",
    status = "AlternateContactStatus",
    derive = "PartialEq",
    shortname = "imac",
    category = "incident-manager",
    doc = "An alternate contact of an AWS account: whom AWS writes to or calls about security, bills or operations, besides the address of the root user. An account has one of each type; it needs no Incident Manager.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(
        name = "Account",
        type_ = "string",
        json_path = ".status.summary.account"
    ),
    printcolumn(name = "Set", type_ = "string", json_path = ".status.summary.set"),
    printcolumn(
        name = "Review",
        type_ = "string",
        json_path = ".status.summary.review"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.type == oldSelf.type")
        .message("type cannot be changed: make another AlternateContact"),
    validation = Rule::new("has(self.accountId) == has(oldSelf.accountId) && (!has(self.accountId) || self.accountId == oldSelf.accountId)")
        .message("accountId cannot be changed: make another AlternateContact"),
    validation = Rule::new("!has(self.accountId) || self.accountId.matches('^[0-9]{12}$')")
        .message("accountId has 12 digits; write it in quotes"),
    validation = Rule::new("has(self.name) != has(self.nameFrom)")
        .message("give either name or nameFrom"),
    validation = Rule::new("has(self.email) != has(self.emailFrom)")
        .message("give either email or emailFrom"),
    validation = Rule::new("has(self.phone) != has(self.phoneFrom)")
        .message("give either phone or phoneFrom"),
    validation = Rule::new("!has(self.name) || (size(self.name) <= 64 && self.name.matches('[^[:space:]]'))")
        .message("name has 1 to 64 characters that are not all blank"),
    validation = Rule::new("size(self.title) <= 50 && self.title.matches('[^[:space:]]')")
        .message("title has 1 to 50 characters that are not all blank"),
    validation = Rule::new("!has(self.email) || (size(self.email) <= 254 && self.email.matches('^[a-zA-Z0-9_+=.#|!&-]+@[a-zA-Z0-9_.-]+[.][a-zA-Z0-9_]+$'))")
        .message("email is a mail address of at most 254 characters: before the @ letters, digits and the characters _ + = . # | ! & -, after it a domain with a dot, no blanks"),
    validation = Rule::new("!has(self.phone) || (size(self.phone) <= 25 && self.phone.matches('^[0-9()+ -]+$') && self.phone.matches('[0-9]'))")
        .message("phone has at most 25 digits, spaces and the characters ( ) + -, a digit among them"),
    validation = Rule::new("!has(self.reviewIntervalDays) || (self.reviewIntervalDays >= 1 && self.reviewIntervalDays <= 3650)")
        .message("reviewIntervalDays is 1 to 3650"),
    validation = Rule::new("!has(self.reviewedOn) || (size(self.reviewedOn) == 10 && !format.date().validate(self.reviewedOn).hasValue())")
        .message("reviewedOn is a day of the calendar, YYYY-MM-DD")
)]
pub struct AlternateContactSpec {
    /// What AWS turns to this contact about. Cannot be changed.
    #[serde(rename = "type")]
    pub type_: AlternateContactType,
    /// The account, 12 digits, when it is not the ProviderConfig's own: a member of the organization that the ProviderConfig's account
    /// manages, or is delegated administrator of for account management (`account.amazonaws.com`). Absent = the ProviderConfig's account.
    /// Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub account_id: Option<String>,
    /// Name of the person or, better, of the team. 1 to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub name: Option<String>,
    /// Takes the name from a labelled Secret of the operator's own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_from: Option<ValueFrom>,
    /// What they are, for example `Security team`. 1 to 50 characters.
    #[schemars(length(max = 512))]
    pub title: String,
    /// Mail address, better of a team than of a person. At most 254 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub email: Option<String>,
    /// Takes the mail address from a labelled Secret of the operator's own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_from: Option<ValueFrom>,
    /// Phone number, in quotes. At most 25 digits, spaces and `( ) + -`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub phone: Option<String>,
    /// Takes the phone number from a labelled Secret of the operator's own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_from: Option<ValueFrom>,
    /// Days between two reviews: when the last one is longer ago, the finding `ReviewDue` says so (CHK-71). Absent = not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_interval_days: Option<i32>,
    /// Day of the last review (UTC, `YYYY-MM-DD`). Absent = the day on which the object was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub reviewed_on: Option<String>,
    /// Fields that every kind has.
    #[serde(flatten)]
    pub common: CommonSpec,
}

/// What AWS turns to a contact about.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema,
)]
#[schemars(transform = super::without_own_text)]
pub enum AlternateContactType {
    /// Bills and payments.
    Billing,
    /// Operations, such as maintenance and health events.
    Operations,
    /// Security, such as notices of abuse and of credentials that were found.
    Security,
}

impl AlternateContactType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::Billing, Self::Operations, Self::Security];

    /// The name in a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Billing => "Billing",
            Self::Operations => "Operations",
            Self::Security => "Security",
        }
    }
}

/// What is known of an alternate contact.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct AlternateContactStatus {
    /// Status fields that every kind has. AWS gives an alternate contact no ARN: `arn` is account and type, such as
    /// `123456789012/SECURITY`.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// What the printer columns show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<AlternateContactSummary>,
}

/// What the printer columns show.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlternateContactSummary {
    /// The account that it is a contact of.
    pub account: String,
    /// `Yes` when the account has a contact of this type, whoever set it, else `No`.
    pub set: String,
    /// Day of the next review (UTC); absent when none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
}
