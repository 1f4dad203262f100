//! What to change so that AWS holds what is wanted. Pure.
//!
//! Order: the contact with an empty plan, its channels, then its plan; what goes is taken out of the plan before it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::desired::{ChannelRef, Desired, DesiredChannel, Stage, Target, normalised};
use super::observed::{Observed, ObservedChannel};
use crate::api::common::{ChangeAction, PendingChange};
use crate::api::conditions::Reason;
use crate::api::contact::{Activation, ChannelType};
use crate::aws::Redacted;
use crate::engine::error::RETRY_REFUSED;
use crate::engine::{self, Error, Memory};

/// Slot of the contact itself.
pub const CONTACT_SLOT: &str = "contact";

/// Slot of a channel.
pub fn channel_slot(name: &str) -> String {
    format!("channel/{name}")
}

/// A change to a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// CreateContact, with an empty plan; tags ride along.
    CreateContact {
        /// Alias.
        alias: String,
        /// Display name; empty = none.
        display_name: String,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// CreateContactChannel, activation deferred: creating never sends anything to anybody.
    CreateChannel {
        /// Name.
        name: String,
        /// How it engages.
        type_: ChannelType,
        /// Where.
        address: Redacted<String>,
    },
    /// UpdateContactChannel.
    UpdateChannel {
        /// Which.
        arn: String,
        /// Name in the manifest.
        name: String,
        /// New name, when it changes: the former one.
        renamed_from: Option<String>,
        /// New address, when it changes.
        address: Option<Redacted<String>>,
    },
    /// DeactivateContactChannel, for `enabled: false`.
    DeactivateChannel {
        /// Which.
        arn: String,
        /// Name in the manifest.
        name: String,
    },
    /// UpdateContact: display name, plan, or both.
    UpdateContact {
        /// New display name, when it changes.
        display_name: Option<String>,
        /// New plan, when it changes.
        stages: Option<Vec<Stage>>,
    },
    /// DeleteContactChannel.
    DeleteChannel {
        /// Which.
        arn: String,
        /// Name in AWS.
        name: String,
        /// The slot that we recorded it under.
        slot: String,
    },
    /// TagResource.
    SetTags(BTreeMap<String, String>),
    /// UntagResource.
    RemoveTags(Vec<String>),
    /// DeleteContact; its channels go with it.
    DeleteContact,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateContact { alias, .. } => write!(f, "created contact \"{alias}\""),
            Self::CreateChannel { name, type_, .. } => {
                write!(f, "created channel \"{name}\" ({type_:?}, not activated)")
            }
            Self::UpdateChannel {
                name,
                renamed_from,
                address,
                ..
            } => match (renamed_from, address) {
                (Some(from), None) => write!(f, "renamed channel \"{from}\" to \"{name}\""),
                (Some(from), Some(_)) => write!(
                    f,
                    "renamed channel \"{from}\" to \"{name}\" and changed its address"
                ),
                (None, _) => write!(f, "changed the address of channel \"{name}\""),
            },
            Self::DeactivateChannel { name, .. } => write!(f, "deactivated channel \"{name}\""),
            Self::UpdateContact {
                display_name,
                stages,
            } => match (display_name, stages) {
                (Some(_), Some(_)) => write!(f, "changed display name and engagement plan"),
                (Some(_), None) => write!(f, "changed display name"),
                (None, _) => write!(f, "set engagement plan"),
            },
            Self::DeleteChannel { name, .. } => write!(f, "deleted channel \"{name}\""),
            Self::SetTags(tags) => write!(
                f,
                "set tags {}",
                tags.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
            Self::RemoveTags(keys) => write!(f, "removed tags {}", keys.join(", ")),
            Self::DeleteContact => write!(f, "deleted contact"),
        }
    }
}

impl engine::Change for Change {
    fn pending(&self) -> Vec<PendingChange> {
        let change = |action, path: String| PendingChange { path, action };
        let channel = |name: &str| format!("channels[{name}]");
        match self {
            Self::CreateContact { .. } => vec![change(ChangeAction::Create, "contact".to_owned())],
            Self::CreateChannel { name, .. } => vec![change(ChangeAction::Create, channel(name))],
            Self::UpdateChannel {
                name,
                renamed_from,
                address,
                ..
            } => [
                renamed_from
                    .as_ref()
                    .map(|_| change(ChangeAction::Update, format!("{}.name", channel(name)))),
                address
                    .as_ref()
                    .map(|_| change(ChangeAction::Update, format!("{}.address", channel(name)))),
            ]
            .into_iter()
            .flatten()
            .collect(),
            Self::DeactivateChannel { name, .. } => vec![change(
                ChangeAction::Update,
                format!("{}.enabled", channel(name)),
            )],
            Self::UpdateContact {
                display_name,
                stages,
            } => [
                display_name
                    .as_ref()
                    .map(|_| change(ChangeAction::Update, "displayName".to_owned())),
                stages
                    .as_ref()
                    .map(|_| change(ChangeAction::Update, "engagementPlan".to_owned())),
            ]
            .into_iter()
            .flatten()
            .collect(),
            Self::DeleteChannel { name, .. } => vec![change(ChangeAction::Delete, channel(name))],
            Self::SetTags(tags) => tags
                .keys()
                .map(|k| change(ChangeAction::Update, format!("tags[{k}]")))
                .collect(),
            Self::RemoveTags(keys) => keys
                .iter()
                .map(|k| change(ChangeAction::Delete, format!("tags[{k}]")))
                .collect(),
            Self::DeleteContact => vec![change(ChangeAction::Delete, "contact".to_owned())],
        }
    }

    fn slot(&self) -> Option<String> {
        match self {
            Self::CreateContact { .. } => Some(CONTACT_SLOT.to_owned()),
            Self::CreateChannel { name, .. } => Some(channel_slot(name)),
            _ => None,
        }
    }

    fn frees(&self) -> Option<String> {
        match self {
            Self::DeleteChannel { slot, .. } => Some(slot.clone()),
            _ => None,
        }
    }
}

/// Which channel of AWS each channel of the manifest is: by name and type, else by type and address (a rename keeps the activation).
pub fn match_channels<'a>(
    desired: &'a [DesiredChannel],
    observed: &'a [ObservedChannel],
) -> BTreeMap<&'a str, &'a ObservedChannel> {
    let mut matched: BTreeMap<&str, &ObservedChannel> = BTreeMap::new();
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let same_address = |d: &DesiredChannel, o: &ObservedChannel| {
        o.type_ == Some(d.type_)
            && normalised(d.type_, o.address.expose()) == normalised(d.type_, d.address.expose())
    };
    let same_name =
        |d: &DesiredChannel, o: &ObservedChannel| o.type_ == Some(d.type_) && o.name == d.name;
    // What is the same in both comes first, so that swapping two names is two renames and nobody loses an activation.
    for rule in [
        (&|d: &DesiredChannel, o: &ObservedChannel| same_name(d, o) && same_address(d, o))
            as &dyn Fn(&DesiredChannel, &ObservedChannel) -> bool,
        &|d, o| {
            same_address(d, o)
                && desired
                    .iter()
                    .any(|other| other.name == o.name && other.name != d.name)
        },
        &same_name,
        &same_address,
    ] {
        for channel in desired {
            if matched.contains_key(channel.name.as_str()) {
                continue;
            }
            if let Some(found) = observed
                .iter()
                .find(|o| !taken.contains(o.arn.as_str()) && rule(channel, o))
            {
                taken.insert(&found.arn);
                matched.insert(&channel.name, found);
            }
        }
    }
    matched
}

/// The plan as AWS has it, in the manifest's names.
pub fn observed_stages(
    observed: &Observed,
    matched: &BTreeMap<&str, &ObservedChannel>,
) -> Vec<Stage> {
    let by_arn: BTreeMap<&str, &str> = matched
        .iter()
        .map(|(name, channel)| (channel.arn.as_str(), *name))
        .collect();
    observed
        .stages
        .iter()
        .map(|s| Stage {
            duration: s.duration,
            targets: s
                .targets
                .iter()
                .map(|t| Target {
                    channel: match &t.channel {
                        ChannelRef::Unknown(arn) => by_arn.get(arn.as_str()).map_or_else(
                            || t.channel.clone(),
                            |name| ChannelRef::Named((*name).to_owned()),
                        ),
                        named @ ChannelRef::Named(_) => named.clone(),
                    },
                    retry_interval: t.retry_interval,
                })
                .collect(),
        })
        .collect()
}

/// Two plans are the same when their stages are; within a stage order means nothing, and no retry interval is AWS's own 0.
fn same_plan(a: &[Stage], b: &[Stage]) -> bool {
    let canonical = |stages: &[Stage]| -> Vec<(i32, Vec<(ChannelRef, i32)>)> {
        stages
            .iter()
            .map(|s| {
                let mut targets: Vec<_> = s
                    .targets
                    .iter()
                    .map(|t| (t.channel.clone(), t.retry_interval.unwrap_or(0)))
                    .collect();
                targets.sort();
                (s.duration, targets)
            })
            .collect()
    };
    canonical(a) == canonical(b)
}

/// What to change, tags apart.
pub fn plan(desired: &Desired, observed: Option<&Observed>, memory: Memory<'_>) -> Vec<Change> {
    let Some(observed) = observed else {
        return creation(desired);
    };
    let matched = match_channels(&desired.channels, &observed.channels);
    let ours = |channel: &ObservedChannel| {
        let recorded = memory
            .applied
            .items
            .iter()
            .find(|i| i.id == channel.arn)
            .map(|i| i.slot.clone());
        recorded.or_else(|| {
            let slot = channel_slot(&channel.name);
            memory
                .pending
                .iter()
                .any(|p| p.slot == slot)
                .then_some(slot)
        })
    };
    let leaving: Vec<(&ObservedChannel, String)> = observed
        .channels
        .iter()
        .filter(|c| !matched.values().any(|m| m.arn == c.arn))
        .filter_map(|c| Some((c, ours(c)?)))
        .collect();

    let mut changes = vec![];
    let mut after = vec![];
    // A name or an address that is taken by a channel that leaves must be free first.
    let blocks = |c: &ObservedChannel| {
        desired.channels.iter().any(|d| {
            d.name == c.name
                || (c.type_ == Some(d.type_)
                    && normalised(d.type_, c.address.expose())
                        == normalised(d.type_, d.address.expose()))
        })
    };
    let deletion = |(channel, slot): &(&ObservedChannel, String)| Change::DeleteChannel {
        arn: channel.arn.clone(),
        name: channel.name.clone(),
        slot: slot.clone(),
    };
    let stages_now = observed_stages(observed, &matched);
    let plan_differs = !same_plan(&stages_now, &desired.stages);
    if leaving.iter().any(|(c, _)| blocks(c)) {
        changes.extend(leaving.iter().map(deletion));
    } else {
        after.extend(leaving.iter().map(deletion));
    }
    changes.extend(renames(&matched));
    for channel in &desired.channels {
        match matched.get(channel.name.as_str()) {
            None => changes.push(Change::CreateChannel {
                name: channel.name.clone(),
                type_: channel.type_,
                address: channel.address.clone(),
            }),
            Some(found) => {
                if normalised(channel.type_, found.address.expose())
                    != normalised(channel.type_, channel.address.expose())
                {
                    changes.push(Change::UpdateChannel {
                        arn: found.arn.clone(),
                        name: channel.name.clone(),
                        renamed_from: None,
                        address: Some(channel.address.clone()),
                    });
                }
                if !channel.enabled && found.activation == Activation::Activated {
                    changes.push(Change::DeactivateChannel {
                        arn: found.arn.clone(),
                        name: channel.name.clone(),
                    });
                }
            }
        }
    }
    let display_name =
        (observed.display_name != desired.display_name).then(|| desired.display_name.clone());
    let stages = plan_differs.then(|| desired.stages.clone());
    if display_name.is_some() || stages.is_some() {
        changes.push(Change::UpdateContact {
            display_name,
            stages,
        });
    }
    changes.extend(after);
    changes
}

fn creation(desired: &Desired) -> Vec<Change> {
    let mut changes = vec![Change::CreateContact {
        alias: desired.alias.clone(),
        display_name: desired.display_name.clone(),
        tags: desired.tags.clone(),
    }];
    changes.extend(desired.channels.iter().map(|c| Change::CreateChannel {
        name: c.name.clone(),
        type_: c.type_,
        address: c.address.clone(),
    }));
    if !desired.stages.is_empty() {
        changes.push(Change::UpdateContact {
            display_name: None,
            stages: Some(desired.stages.clone()),
        });
    }
    changes
}

/// Renames, those first whose new name is free. Names that change places in a ring take a detour over a name that nobody has.
fn renames(matched: &BTreeMap<&str, &ObservedChannel>) -> Vec<Change> {
    let mut waiting: Vec<(&str, &ObservedChannel)> = matched
        .iter()
        .filter(|(name, o)| o.name != **name)
        .map(|(n, o)| (*n, *o))
        .collect();
    let mut names: BTreeMap<&str, String> = matched
        .values()
        .map(|o| (o.arn.as_str(), o.name.clone()))
        .collect();
    let mut changes = vec![];
    let change = |arn: &str, to: &str, from: &str| Change::UpdateChannel {
        arn: arn.to_owned(),
        name: to.to_owned(),
        renamed_from: Some(from.to_owned()),
        address: None,
    };
    while !waiting.is_empty() {
        let free = waiting.iter().position(|(name, o)| {
            !names
                .iter()
                .any(|(arn, used)| used == name && *arn != o.arn)
        });
        let index = free.unwrap_or(0);
        let (name, channel) = waiting[index];
        let from = names.get(channel.arn.as_str()).cloned().unwrap_or_default();
        let to = if free.is_some() {
            name.to_owned()
        } else {
            detour(&names)
        };
        changes.push(change(&channel.arn, &to, &from));
        names.insert(&channel.arn, to);
        if free.is_some() {
            waiting.remove(index);
        }
    }
    changes
}

fn detour(names: &BTreeMap<&str, String>) -> String {
    (0..=names.len())
        .map(|n| format!("renaming-{n}"))
        .find(|name| !names.values().any(|used| used == name))
        .unwrap_or_default()
}

/// The last activated channel is not taken away by mistake (product: Per kind).
pub fn keep_reachable(
    desired: &Desired,
    observed: &Observed,
    changes: &[Change],
) -> Result<(), Error> {
    let matched = match_channels(&desired.channels, &observed.channels);
    let activated = |c: &&ObservedChannel| c.activation == Activation::Activated;
    if desired.allow_unreachable || !observed.channels.iter().any(|c| activated(&c)) {
        return Ok(());
    }
    let goes = |arn: &str| {
        changes.iter().any(|c| match c {
            Change::DeleteChannel { arn: gone, .. }
            | Change::DeactivateChannel { arn: gone, .. } => gone == arn,
            _ => false,
        })
    };
    if !changes.iter().any(|c| {
        matches!(
            c,
            Change::DeleteChannel { .. } | Change::DeactivateChannel { .. }
        )
    }) || observed
        .channels
        .iter()
        .filter(activated)
        .any(|c| !goes(&c.arn))
    {
        return Ok(());
    }
    let last: Vec<String> = observed
        .channels
        .iter()
        .filter(activated)
        .map(|c| {
            matched
                .iter()
                .find(|(_, m)| m.arn == c.arn)
                .map_or(c.name.clone(), |(name, _)| (*name).to_owned())
        })
        .collect();
    Err(Error::Stalled {
        reason: Reason::WouldBeUnreachable,
        message: format!(
            "\"{}\" is the last activated channel: taking it away would leave nobody to reach. Activate another channel first, or set \
             allowUnreachable: true. Nothing was changed",
            last.join("\", \"")
        ),
        retry: RETRY_REFUSED,
    })
}

/// The contact goes with its channels.
pub fn plan_delete() -> Vec<Change> {
    vec![Change::DeleteContact]
}

/// What AWS has after `change`.
pub fn project(
    observed: Option<Observed>,
    desired: &Desired,
    change: &Change,
    id: Option<&str>,
) -> Option<Observed> {
    if let Change::CreateContact {
        alias,
        display_name,
        ..
    } = change
    {
        return Some(Observed {
            arn: id.unwrap_or_default().to_owned(),
            alias: alias.clone(),
            display_name: display_name.clone(),
            other_type: None,
            stages: vec![],
            channels: vec![],
        });
    }
    if *change == Change::DeleteContact {
        return None;
    }
    let mut observed = observed?;
    match change {
        Change::CreateChannel {
            name,
            type_,
            address,
        } => observed.channels.push(ObservedChannel {
            arn: id.unwrap_or_default().to_owned(),
            name: name.clone(),
            type_: Some(*type_),
            address: address.clone(),
            activation: Activation::NotActivated,
        }),
        Change::UpdateChannel {
            arn,
            name,
            renamed_from,
            address,
        } => {
            for channel in observed.channels.iter_mut().filter(|c| c.arn == *arn) {
                if renamed_from.is_some() {
                    channel.name.clone_from(name);
                }
                if let Some(address) = address {
                    channel.address = address.clone();
                }
            }
        }
        Change::DeactivateChannel { arn, .. } => {
            for channel in observed.channels.iter_mut().filter(|c| c.arn == *arn) {
                channel.activation = Activation::NotActivated;
            }
        }
        Change::UpdateContact {
            display_name,
            stages,
        } => {
            if let Some(display_name) = display_name {
                observed.display_name.clone_from(display_name);
            }
            if let Some(stages) = stages {
                let arns: BTreeMap<String, String> =
                    match_channels(&desired.channels, &observed.channels)
                        .into_iter()
                        .map(|(name, channel)| (name.to_owned(), channel.arn.clone()))
                        .collect();
                observed.stages = stages
                    .iter()
                    .map(|s| Stage {
                        duration: s.duration,
                        targets: s
                            .targets
                            .iter()
                            .map(|t| Target {
                                channel: match &t.channel {
                                    ChannelRef::Named(name) => arns.get(name).map_or_else(
                                        || t.channel.clone(),
                                        |arn| ChannelRef::Unknown(arn.clone()),
                                    ),
                                    unknown @ ChannelRef::Unknown(_) => unknown.clone(),
                                },
                                retry_interval: t.retry_interval,
                            })
                            .collect(),
                    })
                    .collect();
            }
        }
        Change::DeleteChannel { arn, .. } => observed.channels.retain(|c| c.arn != *arn),
        Change::SetTags(_)
        | Change::RemoveTags(_)
        | Change::CreateContact { .. }
        | Change::DeleteContact => {}
    }
    Some(observed)
}

#[cfg(test)]
mod tests;
