//! Spec and resolved addresses to what is wanted in AWS. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use kube::ResourceExt;
use regex::Regex;

use crate::api::Contact;
use crate::api::contact::{ChannelType, EngagementPlanEntry, EngagementStage};
use crate::aws::Redacted;
use crate::engine::Error;
use crate::resources::alias;

/// What a contact should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Alias.
    pub alias: String,
    /// Display name; empty and absent are the same.
    pub display_name: String,
    /// Channels, in the manifest's order.
    pub channels: Vec<DesiredChannel>,
    /// The engagement plan.
    pub stages: Vec<Stage>,
    /// Tags for a creation.
    pub tags: BTreeMap<String, String>,
    /// `spec.allowUnreachable`.
    pub allow_unreachable: bool,
}

/// What a channel should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredChannel {
    /// Name.
    pub name: String,
    /// How it engages.
    pub type_: ChannelType,
    /// Where.
    pub address: Redacted<String>,
    /// False = deactivated.
    pub enabled: bool,
}

/// A stage of an engagement plan, with channels by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Minutes until the next stage.
    pub duration: i32,
    /// Channels that it uses.
    pub targets: Vec<Target>,
}

/// A use of a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Which channel.
    pub channel: ChannelRef,
    /// Minutes between tries; absent = left to AWS.
    pub retry_interval: Option<i32>,
}

/// A channel in a plan: one of the manifest's, or one that only AWS knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChannelRef {
    /// Named in the manifest.
    Named(String),
    /// Known by ARN only.
    Unknown(String),
}

/// Most stages of a plan (aws-behaviour, 8).
const MOST_STAGES: usize = 10;
/// Most targets of a stage.
const MOST_TARGETS: usize = 10;
/// What is shorter may be part of a name by chance.
const SHORTEST_ADDRESS: usize = 7;
/// Longest stage, in minutes.
const LONGEST_STAGE: i32 = 30;

static PHONE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\+[1-9][0-9]{7,14}$").ok());
static MAIL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[^@\s]+@[^@\s]+$").ok());

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|p| p.is_match(text))
}

/// The alias of an object.
pub fn alias(contact: &Contact) -> String {
    contact
        .spec
        .alias
        .clone()
        .unwrap_or_else(|| contact.name_any())
}

/// Works out what is wanted. `addresses` by channel name: those of the spec and those read from Secrets.
pub fn desired(
    contact: &Contact,
    addresses: &BTreeMap<String, Redacted<String>>,
    tags: BTreeMap<String, String>,
) -> Result<Desired, Error> {
    let alias = alias(contact);
    alias::check(&alias)?;
    let mut channels = vec![];
    let mut used = BTreeSet::new();
    check_names(contact, addresses)?;
    for channel in contact.spec.channels.iter().flatten() {
        let name = &channel.name;
        let Some(address) = addresses.get(name) else {
            return Err(Error::invalid(format!(
                "channel \"{name}\" has no address: give address or addressFrom"
            )));
        };
        check_address(name, channel.type_, address)?;
        if !used.insert((channel.type_, normalised(channel.type_, address.expose()))) {
            return Err(Error::invalid(format!(
                "channel \"{name}\" has the same type and address as another channel of this contact: AWS takes an address once"
            )));
        }
        channels.push(DesiredChannel {
            name: name.clone(),
            type_: channel.type_,
            address: address.clone(),
            enabled: channel.enabled.unwrap_or(true),
        });
    }
    let stages = match (
        &contact.spec.engagement_plan,
        &contact.spec.engagement_stages,
    ) {
        (Some(entries), None) => compile(entries)?,
        (None, Some(stages)) => exact(stages),
        (None, None) => vec![],
        (Some(_), Some(_)) => {
            return Err(Error::invalid(
                "give either engagementPlan or engagementStages, not both",
            ));
        }
    };
    if stages.len() > MOST_STAGES {
        return Err(Error::invalid(format!(
            "the engagement plan needs {} stages (a stage lasts at most {LONGEST_STAGE} minutes, so long gaps take several); AWS allows {MOST_STAGES}: \
             use fewer different minutes or shorter gaps",
            stages.len()
        )));
    }
    if let Some(stage) = stages.iter().find(|s| s.targets.len() > MOST_TARGETS) {
        return Err(Error::invalid(format!(
            "{} channels are engaged at the same minute; AWS allows {MOST_TARGETS} in a stage",
            stage.targets.len()
        )));
    }
    Ok(Desired {
        alias,
        display_name: contact.spec.display_name.clone().unwrap_or_default(),
        channels,
        stages,
        tags,
        allow_unreachable: contact.spec.allow_unreachable.unwrap_or(false),
    })
}

/// Names of channels are shown in status, events and logs, so they may not hold an address (CHK-50). The message shows neither.
fn check_names(
    contact: &Contact,
    addresses: &BTreeMap<String, Redacted<String>>,
) -> Result<(), Error> {
    let digits = |address: &Redacted<String>| address.expose().replace('+', "");
    let hidden: Vec<String> = addresses
        .values()
        .map(digits)
        .filter(|digits| digits.len() >= SHORTEST_ADDRESS)
        .collect();
    let shown = contact.spec.channels.iter().flatten();
    match shown
        .map(|channel| &channel.name)
        .position(|name| hidden.iter().any(|address| name.contains(address)))
    {
        None => Ok(()),
        Some(index) => Err(Error::invalid(format!(
            "the name of channel number {} holds an address: names are shown in status, events and logs. Rename the channel; its activation is kept (CHK-50)",
            index + 1
        ))),
    }
}

/// Whether `text` is an address of a channel of this type (CHK-15).
pub fn is_address(type_: ChannelType, text: &str) -> bool {
    match type_ {
        ChannelType::SMS | ChannelType::Voice => matches(&PHONE, text),
        ChannelType::Email => text.chars().count() <= 320 && matches(&MAIL, text),
    }
}

/// The same rules as at admission, for addresses that come from Secrets (CHK-15). The message never shows the value.
fn check_address(name: &str, type_: ChannelType, address: &Redacted<String>) -> Result<(), Error> {
    if is_address(type_, address.expose()) {
        return Ok(());
    }
    let rule = match type_ {
        ChannelType::SMS | ChannelType::Voice => {
            "a phone number: '+', country code and subscriber number, 8 to 15 digits without spaces"
        }
        ChannelType::Email => "a mail address of at most 320 characters",
    };
    Err(Error::invalid(format!(
        "the address of channel \"{name}\" is not {rule} (CHK-15): correct it where it is kept"
    )))
}

/// The friendly form: one stage for each minute, stages without targets to bridge what is longer than a stage may be.
///
/// How long the last stage lasts is published nowhere. It lasts as long as its longest retry interval, at least one minute and at most 30,
/// so that a retry that was asked for falls within it.
pub fn compile(entries: &[EngagementPlanEntry]) -> Result<Vec<Stage>, Error> {
    let mut by_minute: BTreeMap<i32, Vec<Target>> = BTreeMap::new();
    for entry in entries {
        if entry.engage_after_minutes < 0 {
            return Err(Error::invalid("engageAfterMinutes is 0 or more"));
        }
        by_minute
            .entry(entry.engage_after_minutes)
            .or_default()
            .push(Target {
                channel: ChannelRef::Named(entry.channel.clone()),
                retry_interval: entry.retry_interval_minutes,
            });
    }
    let minutes: Vec<i32> = by_minute.keys().copied().collect();
    let mut stages = vec![];
    if let Some(first) = minutes.first() {
        bridge(&mut stages, *first);
    }
    for (index, (minute, targets)) in by_minute.into_iter().enumerate() {
        if let Some(next) = minutes.get(index + 1) {
            let gap = next - minute;
            stages.push(Stage {
                duration: gap.min(LONGEST_STAGE),
                targets,
            });
            bridge(&mut stages, gap - LONGEST_STAGE);
        } else {
            let longest = targets
                .iter()
                .filter_map(|t| t.retry_interval)
                .max()
                .unwrap_or(1);
            stages.push(Stage {
                duration: longest.clamp(1, LONGEST_STAGE),
                targets,
            });
        }
    }
    Ok(stages)
}

/// Stages without targets that last `minutes` together.
fn bridge(stages: &mut Vec<Stage>, mut minutes: i32) {
    while minutes > 0 {
        let duration = minutes.min(LONGEST_STAGE);
        stages.push(Stage {
            duration,
            targets: vec![],
        });
        minutes -= duration;
    }
}

fn exact(stages: &[EngagementStage]) -> Vec<Stage> {
    stages
        .iter()
        .map(|s| Stage {
            duration: s.duration_minutes,
            targets: s
                .targets
                .iter()
                .flatten()
                .map(|t| Target {
                    channel: ChannelRef::Named(t.channel.clone()),
                    retry_interval: t.retry_interval_minutes,
                })
                .collect(),
        })
        .collect()
}

/// The form in which addresses are compared: phone numbers without what people write between digits, mail domains in lower case.
pub fn normalised(type_: ChannelType, address: &str) -> String {
    let address = address.trim();
    match type_ {
        ChannelType::SMS | ChannelType::Voice => address
            .chars()
            .filter(|c| !matches!(c, ' ' | '(' | ')' | '-' | '.'))
            .collect(),
        ChannelType::Email => match address.rsplit_once('@') {
            Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
            None => address.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(channel: &str, minute: i32, retry: Option<i32>) -> EngagementPlanEntry {
        EngagementPlanEntry {
            channel: channel.into(),
            engage_after_minutes: minute,
            retry_interval_minutes: retry,
        }
    }

    fn durations(stages: &[Stage]) -> Vec<(i32, usize)> {
        stages
            .iter()
            .map(|s| (s.duration, s.targets.len()))
            .collect()
    }

    #[test]
    fn one_stage_for_each_minute() {
        let stages = compile(&[
            entry("mobile", 0, Some(1)),
            entry("mail", 5, None),
            entry("voice", 0, None),
        ])
        .unwrap();
        assert_eq!(durations(&stages), [(5, 2), (1, 1)]);
    }

    #[test]
    fn a_late_start_and_long_gaps_are_bridged() {
        let stages = compile(&[entry("a", 40, None), entry("b", 110, Some(7))]).unwrap();
        assert_eq!(
            durations(&stages),
            [(30, 0), (10, 0), (30, 1), (30, 0), (10, 0), (7, 1)]
        );
    }

    #[test]
    fn an_empty_plan_has_no_stages() {
        assert!(compile(&[]).unwrap().is_empty());
    }

    #[test]
    fn addresses_are_compared_in_one_form() {
        assert_eq!(
            normalised(ChannelType::SMS, "+1 (500) 555-0199"),
            "+15005550199"
        );
        assert_eq!(
            normalised(ChannelType::Email, " Alice@Example.COM "),
            "Alice@example.com"
        );
    }

    #[test]
    fn a_bad_address_is_named_without_its_value() {
        for (type_, bad) in [
            (ChannelType::SMS, "5005550199"),
            (ChannelType::Voice, "+1500555"),
            (ChannelType::SMS, "+1234567890123456"),
            (ChannelType::Email, "alice.example.com"),
            (ChannelType::Email, "alice smith@example.com"),
        ] {
            let error = check_address("mobile", type_, &Redacted::new(bad.to_owned()))
                .unwrap_err()
                .to_string();
            assert!(error.contains("mobile") && !error.contains(bad), "{error}");
        }
        check_address(
            "m",
            ChannelType::Voice,
            &Redacted::new("+15005550199".into()),
        )
        .unwrap();
        check_address(
            "m",
            ChannelType::Email,
            &Redacted::new("alice@example.com".into()),
        )
        .unwrap();
    }

    #[test]
    fn a_name_that_holds_an_address_is_refused_and_not_shown() {
        let contact = |name: &str| -> Contact {
            serde_json::from_value(serde_json::json!({
                "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact", "metadata": {"name": "alice"},
                "spec": {"channels": [{"name": "mail", "type": "Email"}, {"name": name, "type": "SMS"}]},
            }))
            .unwrap()
        };
        let addresses = |name: &str, number: &str| {
            BTreeMap::from([
                (
                    "mail".to_owned(),
                    Redacted::new("alice@example.com".to_owned()),
                ),
                (name.to_owned(), Redacted::new(number.to_owned())),
            ])
        };
        for (name, number) in [
            ("15005550199", "+15005550199"),
            ("private 15005550199", "+15005550199"),
            // Malformed, and an address all the same.
            ("15005550199", "15005550199"),
        ] {
            let error = desired(&contact(name), &addresses(name, number), BTreeMap::new())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("channel number 2") && !error.contains("5550199"),
                "{error}"
            );
        }
        desired(
            &contact("2"),
            &addresses("2", "+15005550199"),
            BTreeMap::new(),
        )
        .unwrap();
    }

    proptest! {
        /// Every entry is engaged at its minute and at no other, and no stage breaks the API's rules.
        #[test]
        fn compiled_plans_engage_at_the_minutes_asked_for(
            entries in prop::collection::vec((0..6_usize, 0..270_i32, prop::option::of(0..=60_i32)), 0..12)
        ) {
            let entries: Vec<_> = entries.into_iter().map(|(c, m, r)| entry(&format!("c{c}"), m, r)).collect();
            let stages = compile(&entries).unwrap();
            let mut minute = 0;
            let mut engaged = vec![];
            for stage in &stages {
                prop_assert!((0..=LONGEST_STAGE).contains(&stage.duration));
                prop_assert!(stage.duration > 0 || !stage.targets.is_empty());
                for target in &stage.targets {
                    let ChannelRef::Named(name) = &target.channel else { panic!("named") };
                    engaged.push((name.clone(), minute, target.retry_interval));
                }
                minute += stage.duration;
            }
            let mut wanted: Vec<_> = entries.iter().map(|e| (e.channel.clone(), e.engage_after_minutes, e.retry_interval_minutes)).collect();
            wanted.sort();
            engaged.sort();
            prop_assert_eq!(engaged, wanted);
        }
    }
}
