//! Behaviour that AWS does not publish, or that varies: a value for everybody, overridable per account.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Overrides by knob name.
pub type Overrides = BTreeMap<String, String>;

enum Kind {
    OneOf(&'static [&'static str]),
    Number(&'static str),
    Text,
}

struct Spec {
    name: &'static str,
    kind: Kind,
}

macro_rules! knobs {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $kind:expr;)+) => {
        /// The knobs, by name on the control endpoint.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Knob { $($(#[$doc])* $variant,)+ }
        const SPECS: &[Spec] = &[$(Spec { name: $name, kind: $kind },)+];
    };
}

knobs! {
    /// Status codes of ssm-contacts errors.
    ContactsErrorHttpStatus = "contacts_error_http_status", Kind::OneOf(&["400", "smithy"]);
    /// Whether a new address drops the activation.
    AddressChangeResetsActivation = "address_change_resets_activation", Kind::OneOf(&["yes", "no"]);
    /// Deleting a contact that is a member of a rotation.
    DeleteContactInRotation = "delete_contact_in_rotation", Kind::OneOf(&["conflict", "succeed"]);
    /// An empty list of stages on an on-call schedule.
    OncallEmptyStages = "oncall_empty_stages", Kind::OneOf(&["accept", "reject"]);
    /// The error of a second replication set.
    SecondReplicationSetError = "second_replication_set_error", Kind::OneOf(&["ServiceQuotaExceeded", "Conflict"]);
    /// Whether a Region must be 24 hours old to be removed.
    ReplicationRegion24hRule = "replication_region_24h_rule", Kind::OneOf(&["off", "on"]);
    /// Whether calls in Regions outside the replication set see it.
    ReplicationSetElsewhere = "replication_set_elsewhere", Kind::OneOf(&["seen", "missing"]);
    /// Whether new customers are let in.
    Onboarding = "onboarding", Kind::OneOf(&["open", "closed"]);
    /// For how long reads do not see what was created.
    ConsistencyDelayMs = "consistency_delay_ms", Kind::Number("0");
    /// How long transitional states last.
    StateDelayMs = "state_delay_ms", Kind::Number("0");
    /// How long idempotency tokens are remembered.
    IdempotencyWindowSeconds = "idempotency_window_seconds", Kind::Number("600");
    /// A second rotation of the same name.
    DuplicateRotationName = "duplicate_rotation_name", Kind::OneOf(&["accept", "conflict"]);
    /// A rotation that begins in the past.
    PastRotationStart = "past_rotation_start", Kind::OneOf(&["accept", "refuse", "move"]);
    /// An override that begins in the past.
    PastOverrideStart = "past_override_start", Kind::OneOf(&["accept", "refuse"]);
    /// An override with contacts that are not members of the rotation.
    NonMemberOverride = "non_member_override", Kind::OneOf(&["refuse", "accept"]);
    /// Whether an update of a rotation deletes the overrides that are still to come.
    RotationUpdateDropsOverrides = "rotation_update_drops_overrides", Kind::OneOf(&["no", "yes"]);
    /// Deleting a rotation that a schedule uses.
    RotationDeleteInSchedule = "rotation_delete_in_schedule", Kind::OneOf(&["unlink", "conflict"]);
    /// A second channel of the same name or address in one contact.
    DuplicateChannel = "duplicate_channel", Kind::OneOf(&["conflict", "accept"]);
    /// A create repeated with a token whose resource was deleted since.
    TokenAfterDelete = "token_after_delete", Kind::OneOf(&["original-arn", "new"]);
    /// Whether the not-onboarded error comes without a message.
    EmptyValidationMessage = "empty_validation_message", Kind::OneOf(&["no", "yes"]);
    /// Tagging in Regions other than the first of the set.
    TagsOutsideFirstRegion = "tags_outside_first_region", Kind::OneOf(&["fail", "work"]);
    /// What ssm-contacts answers without a replication set.
    NotOnboardedRead = "not_onboarded_read", Kind::OneOf(&["validation"]);
    /// Activation codes per channel and hour, 0 for no limit.
    ActivationCodesPerHour = "activation_codes_per_hour", Kind::Number("5");
    /// Contacts per account and Region.
    ContactsQuota = "contacts_quota", Kind::Number("1000");
    /// Rotations per account and Region.
    RotationsQuota = "rotations_quota", Kind::Number("500");
    /// What a page is one of.
    PagePer = "page_per", Kind::OneOf(&["contact", "channel"]);
    /// When messages of a page are said to have arrived.
    PageDelivery = "page_delivery", Kind::OneOf(&["delivered", "on-read", "never"]);
    /// Whether the code of a page is checked when the call does not say.
    AcceptCodeDefault = "accept_code_default", Kind::OneOf(&["enforce", "ignore"]);
    /// Engaging a contact whose plan is empty.
    EngagementWithoutPlan = "engagement_without_plan", Kind::OneOf(&["accept", "refuse"]);
    /// Whether an engagement that nobody stopped has an end.
    EngagementStopTime = "engagement_stop_time", Kind::OneOf(&["when-over", "when-stopped"]);
    /// Deleting a response plan that is not there.
    DeleteMissingResponsePlan = "delete_missing_response_plan", Kind::OneOf(&["204", "404"]);
    /// Whether the contacts of a response plan must exist.
    ResponsePlanChecksEngagementExists = "response_plan_checks_engagement_exists", Kind::OneOf(&["no", "yes"]);
    /// How the lack of a chat channel is shown.
    ChatChannelEmptyOnGet = "chat_channel_empty_on_get", Kind::OneOf(&["empty", "absent"]);
    /// Whether what AWS takes for granted of a runbook is shown.
    AutomationDefaultsOnGet = "automation_defaults_on_get", Kind::OneOf(&["absent", "filled"]);
    /// Whether a test message is published to the topics of a chat channel.
    SnsPublishCheck = "sns_publish_check", Kind::OneOf(&["off", "on"]);
    /// Setting a resolved incident to OPEN.
    ReopenIncident = "reopen_incident", Kind::OneOf(&["allow", "refuse"]);
    /// Whether resolving an incident stops its engagements.
    ResolveStopsEngagements = "resolve_stops_engagements", Kind::OneOf(&["yes", "no"]);
    /// Removing a related item that is not there.
    RemoveMissingRelatedItem = "remove_missing_related_item", Kind::OneOf(&["204", "404"]);
    /// Adding a related item that is there already.
    DuplicateRelatedItem = "duplicate_related_item", Kind::OneOf(&["replace", "conflict"]);
    /// Whether a new interface endpoint has private DNS if the call does not say.
    PrivateDnsDefault = "private_dns_default", Kind::OneOf(&["true", "false"]);
    /// Adding to an endpoint what it has, or removing what it has not.
    ModifyNoopEntries = "modify_noop_entries", Kind::OneOf(&["tolerate", "error"]);
    /// How states of endpoints are spelt.
    VpceStateCase = "vpce_state_case", Kind::OneOf(&["camel", "Pascal"]);
    /// For how long an endpoint that has gone is still shown as deleted.
    VpceDeletedVisibleMs = "vpce_deleted_visible_ms", Kind::Number("0");
    /// Interface endpoints per VPC.
    InterfaceEndpointsQuota = "interface_endpoints_quota", Kind::Number("50");
    /// Gateway endpoints per Region.
    GatewayEndpointsQuota = "gateway_endpoints_quota", Kind::Number("20");
    /// VPCs per Region.
    VpcsQuota = "vpcs_quota", Kind::Number("5");
    /// Most items of a page of EC2.
    EC2PageItems = "ec2_page_items", Kind::Number("1000");
    /// The external id roles of the account ask for; empty asks for none.
    AssumeRoleExternalId = "assume_role_external_id", Kind::Text;
}

impl Knob {
    fn spec(self) -> &'static Spec {
        &SPECS[self as usize]
    }
}

impl Spec {
    fn default(&self) -> &'static str {
        match self.kind {
            Kind::OneOf(values) => values[0],
            Kind::Number(default) => default,
            Kind::Text => "",
        }
    }

    fn accepts(&self, value: &str) -> Result<(), String> {
        match self.kind {
            Kind::OneOf(values) if values.contains(&value) => Ok(()),
            Kind::OneOf(values) => Err(format!(
                "knob {} is one of {}",
                self.name,
                values.join(", ")
            )),
            Kind::Number(_) if value.parse::<u64>().is_ok() => Ok(()),
            Kind::Number(_) => Err(format!("knob {} is a number of 0 or more", self.name)),
            Kind::Text => Ok(()),
        }
    }
}

/// The settings in force for one call.
#[derive(Clone, Default)]
pub struct Knobs {
    global: Overrides,
    account: Overrides,
}

impl Knobs {
    /// Settings of an account over those for everybody.
    pub fn new(global: Overrides, account: Overrides) -> Self {
        Self { global, account }
    }

    /// The value of a knob.
    pub fn get(&self, knob: Knob) -> &str {
        let spec = knob.spec();
        self.account
            .get(spec.name)
            .or_else(|| self.global.get(spec.name))
            .map_or_else(|| spec.default(), String::as_str)
    }

    /// Whether a knob has this value.
    pub fn is(&self, knob: Knob, value: &str) -> bool {
        self.get(knob) == value
    }

    /// The value of a numeric knob.
    pub fn number(&self, knob: Knob) -> i64 {
        self.get(knob).parse().unwrap_or(0)
    }

    /// All knobs with their values in force.
    pub fn all(&self) -> Map<String, Value> {
        SPECS
            .iter()
            .map(|spec| {
                let value = self
                    .account
                    .get(spec.name)
                    .or_else(|| self.global.get(spec.name))
                    .map_or_else(|| spec.default().to_owned(), Clone::clone);
                let value = match spec.kind {
                    Kind::Number(_) => value.parse::<u64>().map_or(Value::Null, Value::from),
                    _ => Value::from(value),
                };
                (spec.name.to_owned(), value)
            })
            .collect()
    }
}

/// Checks one setting and returns it in the form it is kept in.
pub fn parse_setting(name: &str, value: &Value) -> Result<(String, String), String> {
    let spec = SPECS
        .iter()
        .find(|spec| spec.name == name)
        .ok_or_else(|| format!("no knob is called {name}"))?;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => match spec.kind {
            Kind::OneOf(values) if values.contains(&"on") => {
                if *flag { "on" } else { "off" }.to_owned()
            }
            _ => if *flag { "yes" } else { "no" }.to_owned(),
        },
        _ => return Err(format!("knob {name} takes a text or a number")),
    };
    spec.accepts(&text)?;
    Ok((name.to_owned(), text))
}
