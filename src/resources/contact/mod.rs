//! `Contact`: glue between the engine and the pure files of this room.

pub mod aws;
pub mod desired;
pub mod findings;
pub mod observed;
pub mod plan;

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::Contact;
use crate::api::common::{AppliedStatus, CommonSpec, CommonStatus, DeletionPolicy};
use crate::api::conditions::{ConditionType, Reason};
use crate::api::contact::{
    Activation, ChannelStatus, ContactStatus, ContactSummary, UnmanagedChannel,
};
use crate::aws::{CallError, Redacted, Session, contacts};
use crate::engine::object::managed_object;
use crate::engine::ownership::TagPlan;
use crate::engine::reconcile::effective_deletion_policy;
use crate::engine::{
    Applied, Error, ExternalObject, ExternalResource, Memory, Provider, Report, Reported, Shared,
    Sight, secret, status,
};
use crate::resources::alias;
use desired::{ChannelRef, Desired};
use observed::Observed;
use plan::{CONTACT_SLOT, Change, channel_slot, match_channels, observed_stages};

managed_object!(Contact, ContactStatus, "Contact", |spec|
suspended: spec.common.suspend.unwrap_or(false),
accepted: spec.common.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(spec.common.provider_config_ref.as_ref().map_or("default", |r| r.name.as_str()));
fn detail(&self) -> String {
    // A schedule shows whether whoever is on call can be paged.
    let summary = self.status.as_ref().and_then(|s| s.summary.as_ref());
    summary.map(|s| s.reachable.clone()).unwrap_or_default()
}
fn alias(&self) -> Option<String> {
    Some(desired::alias(self))
}
fn is_retained(&self) -> bool {
    let unknown = CommonStatus::default();
    let common = self.status.as_ref().map_or(&unknown, Self::common_status);
    effective_deletion_policy(self, common) == DeletionPolicy::Retain
});

impl ExternalObject for Contact {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
}

/// The kind `Contact`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Contacts;

/// Addresses by channel name.
pub type Addresses = BTreeMap<String, Redacted<String>>;

impl ExternalResource for Contacts {
    type Object = Contact;
    type References = Addresses;
    type Desired = Desired;
    type Observed = Observed;
    type Change = Change;
    type Surroundings = ();

    const SLOT: &'static str = CONTACT_SLOT;

    fn identity(object: &Contact, provider: &Provider) -> String {
        alias::arn(provider, &desired::alias(object))
    }

    fn display_name(object: &Contact) -> String {
        format!("a contact with the alias \"{}\"", desired::alias(object))
    }

    fn desired(
        object: &Contact,
        references: &Addresses,
        tags: BTreeMap<String, String>,
    ) -> Result<Desired, Error> {
        desired::desired(object, references, tags)
    }

    fn plan(
        desired: &Desired,
        observed: Option<&Observed>,
        memory: Memory<'_>,
    ) -> Result<Vec<Change>, Error> {
        Ok(plan::plan(desired, observed, memory))
    }

    fn permit(
        desired: &Desired,
        observed: Option<&Observed>,
        changes: &[Change],
    ) -> Result<(), Error> {
        observed.map_or(Ok(()), |observed| {
            plan::keep_reachable(desired, observed, changes)
        })
    }

    fn tag_changes(
        plan: &TagPlan,
        _: Option<(&Desired, &BTreeMap<String, String>)>,
        _: Option<&Observed>,
    ) -> Vec<Change> {
        let set = (!plan.set.is_empty()).then(|| Change::SetTags(plan.set.clone()));
        let remove = (!plan.remove.is_empty()).then(|| Change::RemoveTags(plan.remove.clone()));
        set.into_iter().chain(remove).collect()
    }

    fn plan_delete(_: &Observed) -> Vec<Change> {
        plan::plan_delete()
    }

    fn project(
        observed: Option<Observed>,
        desired: &Desired,
        change: &Change,
        id: Option<&str>,
    ) -> Option<Observed> {
        plan::project(observed, desired, change, id)
    }

    fn must_observe_after(change: &Change) -> bool {
        // Whether a new address keeps the activation is published nowhere.
        matches!(
            change,
            Change::UpdateChannel {
                address: Some(_),
                ..
            }
        )
    }

    fn arn(observed: &Observed) -> String {
        observed.arn.clone()
    }

    fn other_type(observed: &Observed) -> Option<String> {
        let other = observed.other_type.as_ref()?;
        Some(alias::taken(&observed.alias, other))
    }

    fn items(desired: &Desired, observed: &Observed) -> Vec<(String, String)> {
        let mut items = vec![(CONTACT_SLOT.to_owned(), observed.arn.clone())];
        items.extend(
            match_channels(&desired.channels, &observed.channels)
                .into_iter()
                .map(|(name, channel)| (channel_slot(name), channel.arn.clone())),
        );
        items
    }

    fn is_wanted(desired: &Desired, slot: &str) -> bool {
        slot == CONTACT_SLOT
            || desired
                .channels
                .iter()
                .any(|c| channel_slot(&c.name) == slot)
    }

    fn same_incarnation(observed: &Observed, applied: &AppliedStatus) -> bool {
        observed
            .channels
            .iter()
            .any(|c| applied.items.iter().any(|i| i.id == c.arn))
    }

    fn counts_against_budget(observed: &Observed) -> bool {
        observed
            .channels
            .iter()
            .any(|c| c.activation == Activation::Activated)
    }

    fn foretell(_: &Desired, changes: &[Change], status: &mut ContactStatus, _: Timestamp) {
        // What we are about to do ourselves must not look like an opt-out afterwards.
        for change in changes {
            if let Change::DeactivateChannel { arn, .. }
            | Change::UpdateChannel {
                arn,
                address: Some(_),
                ..
            } = change
            {
                for channel in status
                    .channels
                    .iter_mut()
                    .filter(|c| c.arn.as_deref() == Some(arn))
                {
                    channel.activation = Activation::NotActivated;
                }
            }
        }
    }

    fn report(reported: Reported<'_, Self>, status: &mut ContactStatus) -> Report {
        let Reported {
            object,
            desired,
            observed,
            now,
            ..
        } = reported;
        let none = vec![];
        let matched = match_channels(&desired.channels, observed.map_or(&none, |o| &o.channels));
        let channels: Vec<ChannelStatus> = desired
            .channels
            .iter()
            .map(|channel| {
                let found = matched.get(channel.name.as_str());
                let before = found.and_then(|f| {
                    status
                        .channels
                        .iter()
                        .find(|c| c.arn.as_deref() == Some(&f.arn))
                });
                let activation = found.map_or(Activation::Absent, |f| f.activation);
                let flipped = before.is_some_and(|b| b.activation == Activation::Activated)
                    && activation == Activation::NotActivated;
                let opted_out = channel.enabled
                    && activation == Activation::NotActivated
                    && (flipped || before.is_some_and(|b| b.opted_out == Some(true)));
                ChannelStatus {
                    name: channel.name.clone(),
                    type_: channel.type_,
                    arn: found.map(|f| f.arn.clone()),
                    activation,
                    opted_out: opted_out.then_some(true),
                }
            })
            .collect();
        status.unmanaged_channels = observed
            .iter()
            .flat_map(|o| &o.channels)
            .filter(|c| !matched.values().any(|m| m.arn == c.arn))
            .map(|c| UnmanagedChannel {
                arn: c.arn.clone(),
                type_: c.type_,
                activation: c.activation,
            })
            .collect();
        status
            .codes_sent
            .retain(|sent| desired.channels.iter().any(|c| c.name == sent.channel));
        let activated = |name: &str| {
            channels
                .iter()
                .any(|c| c.name == name && c.activation == Activation::Activated)
        };
        let reachable = observed.is_some_and(|o| {
            observed_stages(o, &matched)
                .iter()
                .flat_map(|s| &s.targets)
                .any(|t| matches!(&t.channel, ChannelRef::Named(name) if activated(name)))
        });
        status.summary = Some(ContactSummary {
            alias: desired.alias.clone(),
            activated: format!(
                "{}/{}",
                channels
                    .iter()
                    .filter(|c| c.activation == Activation::Activated)
                    .count(),
                channels.len()
            ),
            reachable: if reachable { "Yes" } else { "No" }.to_owned(),
        });
        let newly_out = channels.iter().filter(|c| {
            let was = status.channels.iter().find(|b| b.arn == c.arn);
            c.opted_out == Some(true) && was.is_none_or(|b| b.opted_out != Some(true))
        });
        let warnings = newly_out
            .map(|c| {
                let text = format!(
                    "channel \"{}\" was activated and no longer is: the person has unsubscribed it. This is not undone",
                    c.name
                );
                (Reason::OptedOut, text)
            })
            .collect();
        let opted_out = |name: &str| {
            channels
                .iter()
                .any(|c| c.name == name && c.opted_out == Some(true))
        };
        let generation = object.metadata.generation;
        let waiting: Vec<&str> = desired
            .channels
            .iter()
            .filter(|c| c.enabled && !activated(&c.name))
            .map(|c| c.name.as_str())
            .collect();
        let (value, reason, message) = match (desired.channels.is_empty(), waiting.is_empty()) {
            (true, _) => (
                false,
                Reason::NoChannels,
                "the contact has no channel".to_owned(),
            ),
            (false, true) => (true, Reason::AllActivated, String::new()),
            (false, false) => (
                false,
                Reason::ChannelsNotActivated,
                not_activated(&waiting, opted_out),
            ),
        };
        status::set_condition(
            &mut status.common,
            generation,
            ConditionType::ChannelsActivated,
            Some(value),
            reason,
            &message,
            now,
        );
        let findings = findings::findings(&findings::Checked {
            contact: object,
            desired,
            channels: &channels,
            referenced: !status.common.referenced_by.is_empty(),
            now,
        });
        status.channels = channels;
        Report {
            findings,
            warnings,
            notes: vec![],
            next_edge: findings::review_due(object).filter(|due| *due > now),
        }
    }

    fn surroundings(&self, _: &Contact, _: Option<&Observed>) {}

    async fn resolve(
        &self,
        shared: &Shared,
        _: &Provider,
        object: &Contact,
    ) -> Result<Addresses, Error> {
        let namespace = object.namespace().unwrap_or_default();
        let mut addresses = Addresses::new();
        for channel in object.spec.channels.iter().flatten() {
            let address = match (&channel.address, &channel.address_from) {
                (Some(address), _) => Redacted::new(address.clone()),
                (None, Some(from)) => {
                    secret::read(shared, &namespace, &from.secret_key_ref)
                        .await?
                        .value
                }
                (None, None) => continue,
            };
            addresses.insert(channel.name.clone(), address);
        }
        Ok(addresses)
    }

    async fn observe(&self, sight: Sight<'_, Self>) -> Result<Option<Observed>, CallError> {
        aws::observe(sight.session, sight.identity).await
    }

    async fn read_tags(
        &self,
        session: &Session,
        observed: &mut Observed,
    ) -> Result<Option<BTreeMap<String, String>>, CallError> {
        contacts::tags(session, &observed.arn).await.map(Some)
    }

    async fn apply(
        &self,
        session: &Session,
        identity: &str,
        change: &Change,
        token: &str,
        ids: &BTreeMap<String, String>,
    ) -> Result<Applied, CallError> {
        aws::apply(session, identity, change, token, ids).await
    }
}

fn not_activated(channels: &[&str], opted_out: impl Fn(&str) -> bool) -> String {
    let (out, waiting): (Vec<&str>, Vec<&str>) = channels.iter().partition(|c| opted_out(c));
    let mut sentences = vec![];
    if !waiting.is_empty() {
        sentences.push(format!(
            "not activated: {}. A ChannelActivation sends the code",
            waiting.join(", ")
        ));
    }
    if !out.is_empty() {
        sentences.push(format!(
            "unsubscribed by the person: {}. They can reply START; then make a ChannelActivation",
            out.join(", ")
        ));
    }
    sentences.join(". ")
}

/// Whether a contact takes a value from the Secret `name`.
pub fn uses_secret(contact: &Contact, name: &str) -> bool {
    contact
        .spec
        .channels
        .iter()
        .flatten()
        .filter_map(|c| c.address_from.as_ref())
        .any(|from| from.secret_key_ref.name == name)
}
