//! Amazon Resource Names. No I/O.

use std::{fmt, str::FromStr};

use super::Placement;

/// A well-formed ARN: six parts, of which partition, service and resource are not empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn(String);

/// What was given is no ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an ARN: expected arn:<partition>:<service>:<region>:<account>:<resource>")]
pub struct NotAnArn;

impl Arn {
    /// Reads `text` as an ARN.
    pub fn parse(text: impl Into<String>) -> Result<Self, NotAnArn> {
        let arn = Self(text.into());
        let well_formed = arn.0.starts_with("arn:")
            && arn.0.bytes().filter(|b| *b == b':').count() >= 5
            && arn.0.bytes().all(|b| b.is_ascii_graphic())
            && [arn.partition(), arn.service(), arn.resource()]
                .iter()
                .all(|part| !part.is_empty());
        if well_formed { Ok(arn) } else { Err(NotAnArn) }
    }

    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// For example `ssm-contacts`.
    pub fn service(&self) -> &str {
        self.part(2)
    }

    /// Empty for the resources of ssm-incidents.
    pub fn region(&self) -> &str {
        self.part(3)
    }

    /// The twelve digits, or empty.
    pub fn account(&self) -> &str {
        self.part(4)
    }

    /// All that follows the account, for example `contact/alice`.
    pub fn resource(&self) -> &str {
        self.part(5)
    }

    /// The resource up to its first slash, for example `contact`.
    pub fn resource_type(&self) -> &str {
        self.resource()
            .split_once('/')
            .map_or(self.resource(), |(kind, _)| kind)
    }

    /// The resource behind its first slash, for example `alice`.
    pub fn resource_id(&self) -> &str {
        self.resource().split_once('/').map_or("", |(_, id)| id)
    }

    /// Whether it names something in `placement`. Resources without a Region are in every one.
    pub fn is_in(&self, placement: &Placement) -> bool {
        self.account() == placement.account_id
            && (self.region().is_empty() || self.region() == placement.region)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn part(&self, index: usize) -> &str {
        self.0.splitn(6, ':').nth(index).unwrap_or_default()
    }
}

impl FromStr for Arn {
    type Err = NotAnArn;

    fn from_str(text: &str) -> Result<Self, NotAnArn> {
        Self::parse(text)
    }
}

impl AsRef<str> for Arn {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<Arn> for String {
    fn from(arn: Arn) -> Self {
        arn.0
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The partition a Region belongs to.
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// The ARN AWS gives the contact, schedule or escalation plan with this alias.
pub fn contact_arn(partition: &str, placement: &Placement, alias: &str) -> Arn {
    let Placement { account_id, region } = placement;
    Arn(format!(
        "arn:{partition}:ssm-contacts:{region}:{account_id}:contact/{alias}"
    ))
}

/// The ARN AWS gives the response plan with this name. It has no Region: a plan is in every one of the replication set.
pub fn response_plan_arn(partition: &str, placement: &Placement, name: &str) -> Arn {
    let account_id = &placement.account_id;
    Arn(format!(
        "arn:{partition}:ssm-incidents::{account_id}:response-plan/{name}"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn placement() -> Placement {
        Placement::new("123456789012", "eu-west-1")
    }

    #[test]
    fn a_contact_arn_comes_apart_into_what_it_was_made_of() {
        let arn = contact_arn(partition("eu-west-1"), &placement(), "alice");
        assert_eq!(
            arn.to_string(),
            "arn:aws:ssm-contacts:eu-west-1:123456789012:contact/alice"
        );
        assert_eq!(arn.to_string().parse::<Arn>().unwrap(), arn);
        assert_eq!(
            (arn.partition(), arn.service(), arn.region()),
            ("aws", "ssm-contacts", "eu-west-1")
        );
        assert_eq!(
            (arn.account(), arn.resource()),
            ("123456789012", "contact/alice")
        );
        assert_eq!(
            (arn.resource_type(), arn.resource_id()),
            ("contact", "alice")
        );
    }

    #[test]
    fn colons_and_slashes_in_the_resource_stay_there() {
        let arn =
            Arn::parse("arn:aws:ssm-contacts:eu-west-1:123456789012:contact-channel/alice/9f:1")
                .unwrap();
        assert_eq!(
            (arn.resource_type(), arn.resource_id()),
            ("contact-channel", "alice/9f:1")
        );
    }

    #[test]
    fn a_replication_set_is_in_every_region_of_its_account_only() {
        let arn = Arn::parse("arn:aws:ssm-incidents::123456789012:replication-set/1").unwrap();
        assert!(arn.is_in(&placement()));
        assert!(!arn.is_in(&Placement::new("210987654321", "eu-west-1")));
        assert!(
            !contact_arn("aws", &placement(), "a")
                .is_in(&Placement::new("123456789012", "us-east-1"))
        );
    }

    #[test]
    fn what_is_no_arn_is_refused() {
        for text in [
            "",
            "alice",
            "arn:",
            "arn:aws:ssm-contacts:eu-west-1:123456789012",
            "arn:aws:ssm-contacts:eu-west-1:123456789012:",
            "arn::ssm-contacts:eu-west-1:123456789012:contact/a",
            "arn:aws::eu-west-1:123456789012:contact/a",
            "urn:aws:ssm-contacts:eu-west-1:123456789012:contact/a",
            "arn:aws:ssm-contacts:eu-west-1:123456789012:contact/a b",
        ] {
            assert_eq!(Arn::parse(text), Err(NotAnArn), "{text}");
        }
    }

    #[test]
    fn the_partition_follows_the_region() {
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
        assert_eq!(partition("us-east-1"), "aws");
    }
}
