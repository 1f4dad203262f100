//! Properties of the plan against a model of AWS of its own: names and addresses are unique in a contact, ids are assigned.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::api::common::{AppliedItem, AppliedStatus};
use crate::engine::Change as _;

const TYPES: [ChannelType; 3] = [ChannelType::Email, ChannelType::SMS, ChannelType::Voice];

fn address(type_: ChannelType, n: usize) -> Redacted<String> {
    Redacted::new(match type_ {
        ChannelType::Email => format!("person{n}@example.com"),
        ChannelType::SMS | ChannelType::Voice => format!("+1500555019{n}"),
    })
}

/// What AWS does with a change, and what it refuses.
fn send(observed: &mut Observed, change: &Change, next_id: &mut u32) {
    let free =
        |observed: &Observed, arn: &str, name: Option<&str>, place: Option<(ChannelType, &str)>| {
            for other in observed.channels.iter().filter(|c| c.arn != arn) {
                assert!(
                    Some(other.name.as_str()) != name,
                    "name taken: {change:?} in {observed:?}"
                );
                let theirs = other
                    .type_
                    .map(|t| (t, normalised(t, other.address.expose())));
                let ours = place.map(|(t, a)| (t, normalised(t, a)));
                assert!(
                    ours.is_none() || ours != theirs,
                    "address taken: {change:?} in {observed:?}"
                );
            }
        };
    match change {
        Change::CreateChannel {
            name,
            type_,
            address,
        } => {
            free(observed, "", Some(name), Some((*type_, address.expose())));
            *next_id += 1;
            observed.channels.push(ObservedChannel {
                arn: format!("new-{next_id}"),
                name: name.clone(),
                type_: Some(*type_),
                address: address.clone(),
                activation: Activation::NotActivated,
            });
        }
        Change::UpdateChannel {
            arn,
            name,
            renamed_from,
            address,
        } => {
            let type_ = observed
                .channels
                .iter()
                .find(|c| c.arn == *arn)
                .and_then(|c| c.type_)
                .unwrap();
            free(
                observed,
                arn,
                renamed_from.as_ref().map(|_| name.as_str()),
                address.as_ref().map(|a| (type_, a.expose().as_str())),
            );
            let channel = observed
                .channels
                .iter_mut()
                .find(|c| c.arn == *arn)
                .unwrap();
            if renamed_from.is_some() {
                channel.name.clone_from(name);
            }
            if let Some(address) = address {
                channel.address = address.clone();
            }
        }
        Change::DeactivateChannel { arn, .. } => {
            observed
                .channels
                .iter_mut()
                .find(|c| c.arn == *arn)
                .unwrap()
                .activation = Activation::NotActivated;
        }
        Change::DeleteChannel { arn, .. } => observed.channels.retain(|c| c.arn != *arn),
        Change::UpdateContact {
            display_name,
            stages,
        } => {
            if let Some(name) = display_name {
                observed.display_name.clone_from(name);
            }
            if let Some(stages) = stages {
                let by_name: BTreeMap<_, _> = observed
                    .channels
                    .iter()
                    .map(|c| (c.name.clone(), c.arn.clone()))
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
                                    ChannelRef::Named(name) => {
                                        ChannelRef::Unknown(by_name[name].clone())
                                    }
                                    unknown @ ChannelRef::Unknown(_) => unknown.clone(),
                                },
                                retry_interval: t.retry_interval,
                            })
                            .collect(),
                    })
                    .collect();
            }
        }
        other => panic!("not a change of content: {other:?}"),
    }
}

/// Everything that was there is recorded as ours, but for what `unmanaged` names.
fn memory(observed: &Observed) -> AppliedStatus {
    let item = |c: &ObservedChannel| AppliedItem {
        slot: channel_slot(&c.name),
        id: c.arn.clone(),
        created_at: None,
    };
    AppliedStatus {
        tags: vec![],
        items: observed.channels.iter().map(item).collect(),
    }
}

fn changes(desired: &Desired, observed: &Observed, applied: &AppliedStatus) -> Vec<Change> {
    let memory = Memory {
        applied,
        pending: &[],
        now: Timestamp::UNIX_EPOCH,
    };
    plan(desired, Some(observed), memory)
}

/// Channels with unique names and unique addresses.
fn channels() -> impl Strategy<Value = Vec<(usize, ChannelType, usize, bool)>> {
    prop::collection::vec(
        (
            0..5_usize,
            prop::sample::select(TYPES.to_vec()),
            0..5_usize,
            any::<bool>(),
        ),
        0..5,
    )
    .prop_map(|all| {
        let mut kept: Vec<(usize, ChannelType, usize, bool)> = vec![];
        for c in all {
            if !kept
                .iter()
                .any(|k| k.0 == c.0 || (k.1 == c.1 && k.2 == c.2))
            {
                kept.push(c);
            }
        }
        kept
    })
}

prop_compose! {
    fn wanted()(channels in channels(), name in 0..2_usize, minutes in prop::collection::vec(0..40_i32, 0..4)) -> Desired {
        let channels: Vec<_> = channels.into_iter().map(|(n, type_, a, enabled)| DesiredChannel {
            name: format!("c{n}"), type_, address: address(type_, a), enabled,
        }).collect();
        let stages = minutes.iter().zip(channels.iter().cycle()).map(|(minute, channel)| Stage {
            duration: 1 + minute % 30,
            targets: vec![Target { channel: ChannelRef::Named(channel.name.clone()), retry_interval: Some(*minute) }],
        }).collect();
        Desired { alias: "a".into(), display_name: "n".repeat(name), channels, stages, tags: BTreeMap::new(), allow_unreachable: true }
    }
}

prop_compose! {
    fn there()(channels in channels(), name in 0..2_usize, minutes in prop::collection::vec(0..40_i32, 0..4)) -> Observed {
        let channels: Vec<_> = channels.into_iter().enumerate().map(|(i, (n, type_, a, activated))| ObservedChannel {
            arn: format!("old-{i}"), name: format!("c{n}"), type_: Some(type_), address: address(type_, a),
            activation: if activated { Activation::Activated } else { Activation::NotActivated },
        }).collect();
        let stages = minutes.iter().zip(channels.iter().cycle()).map(|(minute, channel)| Stage {
            duration: 1 + minute % 30,
            targets: vec![Target { channel: ChannelRef::Unknown(channel.arn.clone()), retry_interval: Some(*minute) }],
        }).collect();
        Observed { arn: "contact".into(), alias: "a".into(), display_name: "n".repeat(name), other_type: None, stages, channels }
    }
}

proptest! {
    /// Whatever is there becomes what is wanted in one round, and then there is nothing left to do.
    #[test]
    fn one_round_brings_aws_to_what_is_wanted(desired in wanted(), observed in there()) {
        let applied = memory(&observed);
        let mut aws = observed.clone();
        let mut next_id = 0;
        for change in changes(&desired, &observed, &applied) {
            send(&mut aws, &change, &mut next_id);
        }
        let left = changes(&desired, &aws, &memory(&aws));
        prop_assert!(left.is_empty(), "left: {left:?}\nin: {aws:?}");
        let mut have: Vec<_> = aws.channels.iter().map(|c| (c.name.clone(), c.type_, c.address.clone())).collect();
        let mut want: Vec<_> = desired.channels.iter().map(|c| (c.name.clone(), Some(c.type_), c.address.clone())).collect();
        have.sort();
        want.sort();
        prop_assert_eq!(have, want);
        prop_assert_eq!(aws.display_name, desired.display_name);
    }

    /// The model that the status is written from says the same as AWS does.
    #[test]
    fn the_projection_agrees_with_aws(desired in wanted(), observed in there()) {
        let applied = memory(&observed);
        let mut aws = observed.clone();
        let mut projected = Some(observed.clone());
        let mut next_id = 0;
        for change in changes(&desired, &observed, &applied) {
            send(&mut aws, &change, &mut next_id);
            let id = change.slot().map(|_| format!("new-{next_id}"));
            projected = project(projected, &desired, &change, id.as_deref());
        }
        prop_assert_eq!(projected, Some(aws));
    }

    /// No change names a field that is as it should be already.
    #[test]
    fn nothing_unchanged_is_touched(desired in wanted(), observed in there()) {
        let matched = match_channels(&desired.channels, &observed.channels);
        for change in changes(&desired, &observed, &memory(&observed)) {
            match change {
                Change::UpdateChannel { arn, address: Some(address), .. } => {
                    let channel = observed.channels.iter().find(|c| c.arn == arn).unwrap();
                    prop_assert_ne!(&channel.address, &address);
                }
                Change::UpdateContact { display_name, stages } => {
                    prop_assert_ne!(display_name.as_ref(), Some(&observed.display_name));
                    if let Some(stages) = stages {
                        prop_assert!(!same_plan(&stages, &observed_stages(&observed, &matched)));
                    }
                }
                Change::CreateChannel { name, .. } => prop_assert!(!matched.contains_key(name.as_str())),
                _ => {}
            }
        }
    }

    /// Channels that nobody told us about stay, whatever the manifest says.
    #[test]
    fn channels_that_we_do_not_know_are_never_deleted(desired in wanted(), observed in there()) {
        for change in changes(&desired, &observed, &AppliedStatus::default()) {
            let deletes = matches!(change, Change::DeleteChannel { .. });
            prop_assert!(!deletes, "{change:?}");
        }
    }

    /// An activation is lost only where the address goes, or where it was asked for.
    #[test]
    fn renaming_keeps_the_activation(observed in there(), shift in 1..4_usize) {
        let mut names: Vec<String> = observed.channels.iter().map(|c| c.name.clone()).collect();
        let count = names.len();
        if count > 0 {
            names.rotate_left(shift % count);
        }
        let channels = observed.channels.iter().zip(names).map(|(c, name)| DesiredChannel {
            name, type_: c.type_.unwrap(), address: c.address.clone(), enabled: true,
        }).collect();
        let desired = Desired {
            alias: "a".into(), display_name: observed.display_name.clone(), channels, stages: vec![],
            tags: BTreeMap::new(), allow_unreachable: true,
        };
        for change in changes(&desired, &observed, &memory(&observed)) {
            let keeps = matches!(change, Change::UpdateChannel { address: None, .. } | Change::UpdateContact { .. });
            prop_assert!(keeps, "{change:?}");
        }
    }
}

#[test]
fn no_change_shows_an_address() {
    let desired = Desired {
        alias: "a".into(),
        display_name: String::new(),
        channels: vec![DesiredChannel {
            name: "mobile".into(),
            type_: ChannelType::SMS,
            address: address(ChannelType::SMS, 9),
            enabled: true,
        }],
        stages: vec![],
        tags: BTreeMap::new(),
        allow_unreachable: false,
    };
    for change in plan(
        &desired,
        None,
        Memory {
            applied: &AppliedStatus::default(),
            pending: &[],
            now: Timestamp::UNIX_EPOCH,
        },
    ) {
        let shown = format!("{change} {change:?} {:?}", change.pending());
        assert!(!shown.contains("5550199"), "{shown}");
    }
}

#[test]
fn the_last_activated_channel_is_kept() {
    let channel = |n: usize, activation| ObservedChannel {
        arn: format!("old-{n}"),
        name: format!("c{n}"),
        type_: Some(ChannelType::SMS),
        address: address(ChannelType::SMS, n),
        activation,
    };
    let observed = Observed {
        arn: "contact".into(),
        alias: "a".into(),
        display_name: String::new(),
        other_type: None,
        stages: vec![],
        channels: vec![
            channel(0, Activation::Activated),
            channel(1, Activation::NotActivated),
        ],
    };
    let wanted = |names: &[usize], enabled: bool, allow_unreachable: bool| Desired {
        alias: "a".into(),
        display_name: String::new(),
        channels: names
            .iter()
            .map(|n| DesiredChannel {
                name: format!("c{n}"),
                type_: ChannelType::SMS,
                address: address(ChannelType::SMS, *n),
                enabled,
            })
            .collect(),
        stages: vec![],
        tags: BTreeMap::new(),
        allow_unreachable,
    };
    let applied = memory(&observed);
    let try_plan = |desired: &Desired| {
        keep_reachable(desired, &observed, &changes(desired, &observed, &applied))
    };
    assert!(try_plan(&wanted(&[1], true, false)).is_err(), "removed");
    assert!(
        try_plan(&wanted(&[0, 1], false, false)).is_err(),
        "disabled"
    );
    assert!(
        try_plan(&wanted(&[0], true, false)).is_ok(),
        "the other one may go"
    );
    assert!(
        try_plan(&wanted(&[1], true, true)).is_ok(),
        "when it is meant"
    );
}
