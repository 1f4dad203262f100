//! CHK-09 to CHK-18 and CHK-50: what practice would have otherwise. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::desired::{ChannelRef, Desired};
use crate::api::Contact;
use crate::api::common::{Finding, Severity};
use crate::api::contact::{Activation, ChannelStatus};
use crate::resources::checks::{self, finding};

/// What the checks look at.
pub struct Checked<'a> {
    /// The object.
    pub contact: &'a Contact,
    /// What is wanted.
    pub desired: &'a Desired,
    /// Channels, as just worked out for the status.
    pub channels: &'a [ChannelStatus],
    /// Somebody refers to it.
    pub referenced: bool,
    /// Now.
    pub now: Timestamp,
}

/// Every finding about a contact.
pub fn findings(checked: &Checked<'_>) -> Vec<Finding> {
    let mut found = channel_findings(checked);
    found.extend(plan_findings(checked.desired));
    if !checked.referenced {
        found.push(finding(
            "Unreferenced",
            "",
            Severity::Info,
            "no object in this cluster refers to this contact (CHK-18)",
        ));
    }
    found.extend(checks::overdue(review_due(checked.contact), checked.now));
    found.extend(personal_data(checked.contact));
    found
}

fn channel_findings(checked: &Checked<'_>) -> Vec<Finding> {
    let channels = &checked.desired.channels;
    let mut found = vec![];
    if channels.len() < 2 {
        found.push(finding(
            "FewChannels",
            "",
            Severity::Warning,
            "fewer than two channels: if one fails, nobody is reached (CHK-09)",
        ));
    }
    if channels.len() >= 2
        && channels
            .iter()
            .map(|c| c.type_)
            .collect::<BTreeSet<_>>()
            .len()
            == 1
    {
        found.push(finding(
            "SingleChannelType",
            "",
            Severity::Warning,
            "all channels are of one type: add another type (CHK-10)",
        ));
    }
    for channel in checked.channels {
        let wanted = channels
            .iter()
            .find(|c| c.name == channel.name)
            .is_none_or(|c| c.enabled);
        if channel.opted_out == Some(true) {
            found.push(finding(
                "OptedOut",
                &channel.name,
                Severity::Warning,
                "the person has unsubscribed this channel: the operator does not undo that. They can reply START; then make a ChannelActivation (CHK-16)",
            ));
        } else if wanted
            && channel.activation == Activation::NotActivated
            && in_plan(checked.desired, &channel.name)
        {
            found.push(finding(
                "ChannelNotActivated",
                &channel.name,
                Severity::Warning,
                "the engagement plan uses this channel but it is not activated, so it is skipped: make a ChannelActivation (CHK-14)",
            ));
        }
    }
    found
}

fn in_plan(desired: &Desired, name: &str) -> bool {
    desired
        .stages
        .iter()
        .flat_map(|s| &s.targets)
        .any(|t| matches!(&t.channel, ChannelRef::Named(n) if n == name))
}

fn plan_findings(desired: &Desired) -> Vec<Finding> {
    let used: BTreeSet<&ChannelRef> = desired
        .stages
        .iter()
        .flat_map(|s| &s.targets)
        .map(|t| &t.channel)
        .collect();
    if used.is_empty() {
        return vec![finding(
            "NoEngagementPlan",
            "",
            Severity::Warning,
            "no engagement plan: this contact cannot be engaged (CHK-11)",
        )];
    }
    let mut found = vec![];
    if used.len() < 2 {
        found.push(finding(
            "FewChannelsInPlan",
            "",
            Severity::Warning,
            "the engagement plan uses fewer than two channels (CHK-12)",
        ));
    }
    if desired.stages.first().is_none_or(|s| s.targets.is_empty()) {
        found.push(finding(
            "NoImmediateEngagement",
            "",
            Severity::Warning,
            "no channel is engaged at minute 0 (CHK-13)",
        ));
    }
    found
}

/// When the data is to be looked over next.
pub fn review_due(contact: &Contact) -> Option<Timestamp> {
    checks::review_due(&contact.metadata, contact.spec.review.as_ref())
}

/// Tags and names are stored in the clear and seen by many (CHK-50).
fn personal_data(contact: &Contact) -> Vec<Finding> {
    let spec = &contact.spec;
    let names = [
        checks::sensitive_name("displayName", spec.display_name.as_deref()),
        checks::sensitive_name("alias", spec.alias.as_deref()),
    ];
    // By its place: the name is what should not be shown once more.
    let channels = spec.channels.iter().flatten().enumerate();
    let channels = channels.filter_map(|(index, channel)| {
        checks::sensitive_name(&format!("channels[{index}].name"), Some(&channel.name))
    });
    checks::sensitive_tags(spec.common.tags.as_ref())
        .into_iter()
        .chain(names.into_iter().flatten())
        .chain(channels)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::super::desired::desired;
    use super::*;
    use crate::api::contact::ChannelType;
    use crate::aws::Redacted;

    fn ids(spec: &Value, states: &[(&str, Activation, bool)]) -> Vec<(String, String)> {
        let contact: Contact = serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact",
            "metadata": {"name": "alice", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": spec
        }))
        .unwrap();
        let addresses: BTreeMap<_, _> = contact
            .spec
            .channels
            .iter()
            .flatten()
            .filter_map(|c| Some((c.name.clone(), Redacted::new(c.address.clone()?))))
            .collect();
        let desired = desired(&contact, &addresses, BTreeMap::new()).unwrap();
        let channels: Vec<_> = states
            .iter()
            .map(|(name, activation, opted_out)| ChannelStatus {
                name: (*name).into(),
                type_: ChannelType::SMS,
                arn: None,
                activation: *activation,
                opted_out: opted_out.then_some(true),
            })
            .collect();
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        findings(&Checked {
            contact: &contact,
            desired: &desired,
            channels: &channels,
            referenced: true,
            now,
        })
        .into_iter()
        .map(|f| (f.id, f.subject))
        .collect()
    }

    fn has(found: &[(String, String)], id: &str, subject: &str) -> bool {
        found.iter().any(|(i, s)| i == id && s == subject)
    }

    #[test]
    fn a_bare_contact_has_no_way_to_be_reached() {
        let found = ids(&json!({}), &[]);
        assert!(
            has(&found, "FewChannels", "") && has(&found, "NoEngagementPlan", ""),
            "{found:?}"
        );
    }

    #[test]
    fn a_good_contact_has_no_findings() {
        let found = ids(
            &json!({
                "channels": [
                    {"name": "mobile", "type": "SMS", "address": "+15005550199"},
                    {"name": "mail", "type": "Email", "address": "alice@example.com"}],
                "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}, {"channel": "mail", "engageAfterMinutes": 5}]
            }),
            &[
                ("mobile", Activation::Activated, false),
                ("mail", Activation::Activated, false),
            ],
        );
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn one_type_late_start_and_dead_channels_are_found() {
        let found = ids(
            &json!({
                "channels": [
                    {"name": "mobile", "type": "SMS", "address": "+15005550199"},
                    {"name": "second", "type": "SMS", "address": "+15005550198"}],
                "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 5}]
            }),
            &[
                ("mobile", Activation::NotActivated, false),
                ("second", Activation::NotActivated, true),
            ],
        );
        for (id, subject) in [
            ("SingleChannelType", ""),
            ("FewChannelsInPlan", ""),
            ("NoImmediateEngagement", ""),
            ("ChannelNotActivated", "mobile"),
            ("OptedOut", "second"),
        ] {
            assert!(has(&found, id, subject), "{id}: {found:?}");
        }
    }

    #[test]
    fn a_review_falls_due() {
        assert!(has(
            &ids(
                &json!({"review": {"everyDays": 30, "lastReviewed": "2026-05-01"}}),
                &[]
            ),
            "ReviewDue",
            ""
        ));
        assert!(!has(
            &ids(
                &json!({"review": {"everyDays": 90, "lastReviewed": "2026-05-01"}}),
                &[]
            ),
            "ReviewDue",
            ""
        ));
        assert!(has(
            &ids(&json!({"review": {"everyDays": 90}}), &[]),
            "ReviewDue",
            ""
        ));
    }

    #[test]
    fn sensitive_names_are_found_by_their_place() {
        let found = ids(
            &json!({
                "displayName": "Alice 0151 2345678",
                "channels": [
                    {"name": "mail", "type": "Email", "address": "alice@example.com"},
                    {"name": "0151 2345679", "type": "SMS", "address": "+15005550199"}],
            }),
            &[],
        );
        for subject in ["displayName", "channels[1].name"] {
            assert!(has(&found, "SensitiveName", subject), "{found:?}");
        }
        assert!(
            !has(&found, "SensitiveName", "channels[0].name"),
            "{found:?}"
        );
    }

    #[test]
    fn sensitive_tags_are_named_without_what_is_sensitive() {
        let found = ids(
            &json!({"tags": {"phone": "+15005550199", "mail": "a@example.com", "team": "payments", "cost-center": "1234"}}),
            &[],
        );
        assert!(
            has(&found, "SensitiveTag", "tags[phone]") && has(&found, "SensitiveTag", "tags[mail]"),
            "{found:?}"
        );
        assert!(
            !has(&found, "SensitiveTag", "tags[team]")
                && !has(&found, "SensitiveTag", "tags[cost-center]")
        );
    }
}
