//! What of AWS's words may be shown. AWS's messages quote values: phone numbers, addresses, codes. So nothing is passed
//! on because it looks harmless, only because it is one of the words known here. No I/O.

/// Members of requests, as validation messages name them.
const MEMBERS: [&str; 73] = [
    "accountId",
    "actions",
    "activationCode",
    "alias",
    "aliasPrefix",
    "alternateContactType",
    "arn",
    "channelTargetInfo",
    "chatChannel",
    "chatbotSns",
    "clientToken",
    "contactChannelId",
    "contactId",
    "contactTargetInfo",
    "dedupeString",
    "deferActivation",
    "deliveryAddress",
    "displayName",
    "documentName",
    "documentVersion",
    "durationInMinutes",
    "durationSeconds",
    "dynamicParameters",
    "emailAddress",
    "empty",
    "engagements",
    "externalId",
    "idempotencyToken",
    "impact",
    "incidentTags",
    "incidentTemplate",
    "incidentTemplateDedupeString",
    "incidentTemplateImpact",
    "incidentTemplateNotificationTargets",
    "incidentTemplateSummary",
    "incidentTemplateTags",
    "incidentTemplateTitle",
    "integrations",
    "isEssential",
    "key",
    "maxResults",
    "member",
    "name",
    "nextToken",
    "notificationTargets",
    "pagerDutyConfiguration",
    "pagerDutyIncidentConfiguration",
    "parameters",
    "phoneNumber",
    "plan",
    "relatedItems",
    "resourceARN",
    "responsePlanArn",
    "retryIntervalInMinutes",
    "roleArn",
    "roleSessionName",
    "rotationIds",
    "secretId",
    "serviceId",
    "simpleAddress",
    "snsTopicArn",
    "ssmAutomation",
    "stages",
    "summary",
    "tagKeys",
    "tags",
    "targetAccount",
    "targets",
    "title",
    "type",
    "value",
    "variable",
    "webIdentityToken",
];

/// Patterns of the API's own, which a message quotes when a member does not match them.
const PATTERNS: [&str; 7] = [
    r"^[a-z0-9_\-]*$",
    r"^[\p{L}\p{Z}\p{N}_.\-]*$",
    r"^[0-9]*$",
    r"^[\\\/a-zA-Z0-9_+=\-]*$",
    r"^[\p{L}\p{Z}\p{N}_.:\/=+\-@]*$",
    r"^[a-zA-Z0-9_\-\s\.]*$",
    r"^[:a-zA-Z0-9_\-\s\.\\/]*$",
];

/// Sentences of the services that quote nothing; what may follow them is cut off.
const SENTENCES: [&str; 4] = [
    SECRET_REFUSED,
    "Account not found for the request",
    "ONCALL SCHEDULE contact cannot have stages in plan",
    "Invalid resource Arn",
];

/// What AWS says of a secret for PagerDuty that it cannot use.
pub const SECRET_REFUSED: &str = "We were unable to validate the AWS Secrets Manager secret";
/// What we say when AWS could not publish to a topic. What AWS says is published nowhere, and names the topic.
pub const TOPIC_REFUSED: &str = "AWS could not publish to an SNS topic";

/// What IAM says about why it denied something.
const DENIALS: [&str; 14] = [
    "explicit deny in a VPC endpoint policy",
    "explicit deny in a permissions boundary",
    "explicit deny in a resource control policy",
    "explicit deny in a resource-based policy",
    "explicit deny in a service control policy",
    "explicit deny in a session policy",
    "explicit deny in an identity-based policy",
    "no VPC endpoint policy allows",
    "no identity-based policy allows",
    "no permissions boundary allows",
    "no resource control policy allows",
    "no resource-based policy allows",
    "no service control policy allows",
    "no session policy allows",
];

const MANY: usize = 8;

/// The members and constraints a message names, the sentence it is known by, or why it denies.
pub(super) fn detail(message: &str) -> Option<String> {
    constraints(message).or_else(|| {
        known_sentence(message)
            .or_else(|| denial(message))
            .map(str::to_owned)
    })
}

/// The members a validation names, each with its constraint where that is known.
pub(super) fn fields<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let named = fields.filter_map(|(name, message)| {
        let path = member_path(name)?;
        Some(match constraint(message) {
            Some(constraint) => format!("{path} {constraint}"),
            None => format!("{path} is not valid"),
        })
    });
    joined(named)
}

/// The IAM action a denial names.
pub(super) fn denied_action(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("is not authorized to perform: ")?;
    let action = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
    let (service, name) = action.split_once(':')?;
    let safe = (2..=32).contains(&service.len())
        && service
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && (3..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphabetic())
        && !holds_a_number(service);
    safe.then(|| action.to_owned())
}

/// A quota, by the name Service Quotas knows it under.
pub(super) fn quota(service: &str, code: &str) -> Option<String> {
    let id = code.strip_prefix("L-")?;
    let safe = id.len() == 8
        && id.bytes().all(|b| b.is_ascii_hexdigit())
        && !holds_a_number(id)
        && service.len() <= 32
        && service.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    safe.then(|| format!("quota {code} of {service}"))
}

/// An error code, without the namespace some protocols put before it.
pub(super) fn code(code: &str) -> Option<String> {
    let name = code.rsplit('#').next().unwrap_or(code);
    let safe = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'.');
    safe.then(|| name.to_owned())
}

/// A word of AWS's for a type or a relation.
pub(super) fn word(text: &str) -> Option<String> {
    let safe = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || b"_- ".contains(&b));
    safe.then(|| text.to_owned())
}

/// The ARN, alias or UUID of a resource, unless something in it could be an address or a code.
pub(super) fn resource_id(id: &str) -> Option<String> {
    let named = id
        .splitn(6, ':')
        .nth(5)
        .filter(|_| id.starts_with("arn:"))
        .unwrap_or(id);
    let safe = (1..=2048).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-/:.".contains(&b))
        && named
            .split('/')
            .all(|part| uuid::Uuid::try_parse(part).is_ok() || !holds_a_number(part));
    safe.then(|| id.to_owned())
}

/// A request id.
pub(super) fn request_id(id: &str) -> Option<String> {
    let safe =
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    safe.then(|| id.to_owned())
}

/// The shortest code has six digits, and so has every phone number.
fn holds_a_number(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit())
        .any(|digits| digits.len() >= 6)
}

/// Takes `Value '…' at 'a.1.member.b' failed to satisfy constraint: …; Value …` apart. A value may hold anything, this
/// very sentence included, so each part is only ever looked up.
fn constraints(message: &str) -> Option<String> {
    let mut parts = message.split("failed to satisfy constraint: ");
    let mut before = parts.next()?;
    let named = parts.filter_map(move |after| {
        let path = before
            .rsplit_once(" at '")
            .and_then(|(_, path)| member_path(path.trim_end().strip_suffix('\'')?));
        before = after;
        let constraint = constraint(after).unwrap_or_else(|| "is not valid".to_owned());
        Some(format!("{} {constraint}", path?))
    });
    joined(named)
}

fn joined(named: impl Iterator<Item = String>) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for text in named {
        if !all.contains(&text) && all.len() < MANY {
            all.push(text);
        }
    }
    (!all.is_empty()).then(|| all.join("; "))
}

fn member_path(path: &str) -> Option<String> {
    if path.len() > 256 {
        return None;
    }
    let known = |part: &str| {
        if part.len() <= 3 && !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) {
            return Some(part.to_owned());
        }
        MEMBERS
            .iter()
            .find(|member| member.eq_ignore_ascii_case(part))
            .map(|member| (*member).to_owned())
    };
    let parts: Option<Vec<String>> = path.split('.').map(known).collect();
    parts.map(|parts| parts.join("."))
}

fn constraint(text: &str) -> Option<String> {
    let rule = text.strip_prefix("Member must ")?;
    if rule.starts_with("not be null") {
        return Some("must not be null".to_owned());
    }
    for bound in [
        "have length greater than or equal to ",
        "have length less than or equal to ",
        "have value greater than or equal to ",
        "have value less than or equal to ",
    ] {
        if let Some(rest) = rule.strip_prefix(bound) {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            return (1..=5)
                .contains(&digits)
                .then(|| format!("must {bound}{}", &rest[..digits]));
        }
    }
    if let Some(rest) = rule.strip_prefix("satisfy regular expression pattern: ") {
        let known = PATTERNS.iter().find(|pattern| {
            rest.strip_prefix(**pattern)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("; "))
        });
        return Some(known.map_or_else(
            || "must match the API's pattern".to_owned(),
            |pattern| format!("must match {pattern}"),
        ));
    }
    let (set, _) = rule
        .strip_prefix("satisfy enum value set: [")?
        .split_once(']')?;
    let mut values: Vec<&str> = set.split(',').map(str::trim).collect();
    // AWS lists them in no order; a condition's message must not change from call to call.
    values.sort_unstable();
    let safe = values.len() <= 32
        && values.iter().all(|value| {
            (1..=40).contains(&value.len())
                && value.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        });
    safe.then(|| format!("must be one of {}", values.join(", ")))
}

fn known_sentence(message: &str) -> Option<&'static str> {
    let message = message
        .strip_prefix("Invalid value provided - ")
        .unwrap_or(message);
    SENTENCES
        .into_iter()
        .find(|sentence| message.starts_with(sentence))
        .or_else(|| is_about_a_topic(message).then_some(TOPIC_REFUSED))
}

/// The wording is AWS's affair; what it is about is not.
fn is_about_a_topic(message: &str) -> bool {
    let words = message.to_lowercase();
    (words.contains("sns") || words.contains("topic")) && words.contains("publish")
}

fn denial(message: &str) -> Option<&'static str> {
    DENIALS.into_iter().find(|denial| message.contains(denial))
}

/// Sentences of EC2, by words that are in them and quote nothing, and what we say for them.
const OF_EC2: [(&str, &str); 24] = [
    ("conflicting DNS domain", CONFLICTING_DOMAIN),
    (
        "already has a route",
        "a route table has a route to the service already",
    ),
    (
        "in the availability zone of",
        "another subnet of the endpoint is in the same zone",
    ),
    (
        "does not support the availability zone",
        "the service is not in the zone of the subnet",
    ),
    (
        "requires both enableDnsSupport and enableDnsHostnames",
        DNS_ATTRIBUTES_OFF,
    ),
    (
        "does not provide a private DNS name",
        "the service has no private DNS name: set privateDnsEnabled: false",
    ),
    (
        "after the endpoint connection is accepted",
        "private DNS can be turned on once the owner of the service has accepted the endpoint",
    ),
    (
        "only supports the full-access endpoint policy",
        "the service takes no endpoint policy but full access",
    ),
    (
        "does not belong to the VPC",
        "something named is in another VPC",
    ),
    (
        "belong to different networks",
        "something named is in another VPC",
    ),
    (
        "is not supported by the subnet",
        "the subnet does not have addresses of this ipAddressType",
    ),
    (
        "is not supported by the service",
        "the service does not have addresses of this ipAddressType",
    ),
    (
        "is not compatible with the IP address type",
        "dnsRecordIpType does not go with ipAddressType",
    ),
    (
        "must have a Gateway endpoint",
        "the VPC has no gateway endpoint for the service",
    ),
    (
        "at least one security group",
        "an interface endpoint has at least one security group",
    ),
    (
        "policy document is not valid",
        "the policy is none that AWS takes",
    ),
    (
        "does not fall within the subnet's address range",
        ADDRESS_OUTSIDE,
    ),
    ("reserved address range", ADDRESS_OUTSIDE),
    ("is in use.", ADDRESS_IN_USE),
    ("You must provide an IPv", ADDRESS_KINDS),
    ("does not suit the IP address type", ADDRESS_KINDS),
    ("has a dependent object", "something still uses it"),
    ("does not exist", "AWS does not have it"),
    (
        "The maximum number of",
        "a quota of the VPC or the account is used up",
    ),
];

/// What AWS says where another endpoint has the private names of a service.
pub const CONFLICTING_DOMAIN: &str = "there is already a conflicting DNS domain in the VPC";
/// What AWS says where an address is none that the subnet can give.
const ADDRESS_OUTSIDE: &str = "an address of subnetAddresses is not in its subnet, or is one of those that AWS keeps for itself there (the first four and the last)";
/// What AWS says where an address is of the wrong kind, or one is missing.
const ADDRESS_KINDS: &str = "subnetAddresses need an address of each kind that the endpoint has, and of no other: see ipAddressType";
/// What AWS says where somebody else has an address.
pub const ADDRESS_IN_USE: &str = "an address of subnetAddresses is in use";
/// What AWS says where a VPC does not resolve private names.
pub const DNS_ATTRIBUTES_OFF: &str = "the VPC's enableDnsSupport or enableDnsHostnames is off";

/// What EC2 says, in words that are ours, with the ids that it names: those are AWS's own and hold nothing of people.
pub(super) fn of_ec2(message: &str) -> Option<String> {
    let said = OF_EC2.iter().find(|(words, _)| message.contains(words));
    let mut ids: Vec<&str> = message
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| is_network_id(word))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(MANY);
    match (said, ids.is_empty()) {
        (Some((_, ours)), true) => Some((*ours).to_owned()),
        (Some((_, ours)), false) => Some(format!("{ours} ({})", ids.join(", "))),
        (None, true) => None,
        (None, false) => Some(format!("it is about {}", ids.join(", "))),
    }
}

/// The id of something of a network, as AWS makes them.
fn is_network_id(word: &str) -> bool {
    let kinds = [
        "vpc", "vpce", "subnet", "sg", "rtb", "eni", "pl", "igw", "acl",
    ];
    word.split_once('-').is_some_and(|(kind, rest)| {
        kinds.contains(&kind)
            && [8, 17].contains(&rest.len())
            && rest
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests;
