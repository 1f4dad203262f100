//! Reads and writes overrides. The only file here that sends, and it decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::observed::{Observed, ObservedRotation, Other, Own, Slot};
use super::plan::{Change, realises};
use crate::aws::{CallError, ErrorClass, Session, contacts, rotations};
use crate::engine::Applied;
use crate::engine::ownership::{Claim, Claimant};
use crate::schedule::{Interval, Override, Rotation};

/// AWS's clock and ours may differ by this much.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(60);

/// What to look for.
pub struct Wanted<'a> {
    /// Rotations whose definition matters: the manifest's name, ARN.
    pub rotations: Vec<(String, String)>,
    /// From the start to the end of the override.
    pub time: Interval,
    /// What was made, by id.
    pub made: BTreeMap<String, Slot>,
    /// What was begun, and when.
    pub begun: Vec<(Slot, Timestamp)>,
    /// Somebody else has made the override with this id.
    pub is_taken: &'a (dyn Fn(&str) -> bool + Send + Sync),
    /// Now.
    pub now: Timestamp,
}

/// Reads the rotations and their overrides.
pub async fn observe(session: &Session, wanted: &Wanted<'_>) -> Result<Observed, CallError> {
    let mut observed = Observed {
        read: true,
        ..Observed::default()
    };
    for (name, arn) in &wanted.rotations {
        let Some(found) = rotations::get(session, arn).await? else {
            continue;
        };
        observed.rotations.push(ObservedRotation {
            name: name.clone(),
            arn: arn.clone(),
            rotation: found.settings.and_then(|s| Rotation::new(s).ok()),
        });
    }
    let slots = || {
        wanted
            .made
            .values()
            .chain(wanted.begun.iter().map(|(slot, _)| slot))
    };
    let mut arns: Vec<&str> = wanted
        .rotations
        .iter()
        .map(|(_, arn)| arn.as_str())
        .chain(slots().map(|slot| slot.rotation.as_str()))
        .collect();
    arns.sort_unstable();
    arns.dedup();
    let window = slots().fold(wanted.time, |all, slot| {
        Interval::new(all.start.min(slot.time.start), all.end.max(slot.time.end))
    });
    let mut begun: Vec<&(Slot, Timestamp)> = wanted.begun.iter().collect();
    for arn in arns {
        let mut found = rotations::overrides(session, arn, window)
            .await?
            .unwrap_or_default();
        found.sort_by_key(|each| each.created);
        for each in found {
            if let Some(slot) = wanted.made.get(&each.id) {
                let slot = slot.clone();
                observed.ours.push(Own { slot, found: each });
            } else if let Some(at) = begun.iter().position(|b| began(b, arn, &each, wanted)) {
                // Made, and not written down any more.
                let slot = begun.swap_remove(at).0.clone();
                observed.ours.push(Own { slot, found: each });
            } else {
                observed.others.push(Other {
                    rotation: arn.to_owned(),
                    recorded: (wanted.is_taken)(&each.id),
                    found: each,
                });
            }
        }
    }
    // What is over is history, whether AWS still shows it or not.
    let past = wanted.made.iter().filter(|(id, slot)| {
        slot.time.end <= wanted.now && !observed.ours.iter().any(|own| own.found.id == **id)
    });
    let past: Vec<Own> = past.map(|(id, slot)| unread(id, slot)).collect();
    observed.ours.extend(past);
    Ok(observed)
}

/// Leaves out overrides of rotations that another owner has by now: only the status says that they are ours, and a backup may have brought it.
pub async fn leave_to_others(
    session: &Session,
    claimant: &Claimant,
    observed: &mut Observed,
) -> Result<(), CallError> {
    let arns = observed.ours.iter().map(|own| own.slot.rotation.clone());
    let arns: BTreeSet<String> = arns.collect();
    for arn in arns {
        let tags = match contacts::tags(session, &arn).await {
            Ok(tags) => tags,
            // Tags cannot be had here, or the rotation is gone.
            Err(error) if matches!(error.class, ErrorClass::NotFound | ErrorClass::Invalid) => {
                continue;
            }
            Err(error) => return Err(error),
        };
        if matches!(claimant.claim(&tags), Claim::OtherOwner(_)) {
            observed.ours.retain(|own| own.slot.rotation != arn);
        }
    }
    Ok(())
}

/// An override as the status has recorded it.
pub fn unread(id: &str, slot: &Slot) -> Own {
    Own {
        slot: slot.clone(),
        found: Override {
            id: id.to_owned(),
            start: slot.time.start,
            end: slot.time.end,
            members: vec![],
            created: slot.time.start,
        },
    }
}

/// Whether `found` in the rotation at `arn` is what was begun.
fn began(
    (slot, since): &(Slot, Timestamp),
    arn: &str,
    found: &Override<String>,
    wanted: &Wanted<'_>,
) -> bool {
    let earliest = since.checked_sub(CLOCKS_DIFFER).unwrap_or(*since);
    slot.rotation == arn
        // Of many people AWS shows some.
        && (found.members.len() == rotations::SHOWN
            || Slot::new(arn, slot.time, &found.members).team == slot.team)
        && realises(found, slot.time, None, wanted.now)
        && found.created >= earliest
        && !(wanted.is_taken)(&found.id)
}

/// Sends one change.
pub async fn apply(session: &Session, change: &Change, token: &str) -> Result<Applied, CallError> {
    match change {
        Change::Create {
            part,
            strangers,
            fallback,
            ..
        } => {
            let (arn, people) = (part.arn.as_str(), part.people.as_slice());
            let sent = rotations::create_override(session, arn, part.time, people, token).await;
            let sent = match (sent, fallback) {
                (Err(error), Some(start)) if error.class == ErrorClass::Invalid => {
                    // AWS may take no start in the past.
                    let time = Interval::new(*start, part.time.end);
                    let token = format!("{token}-{}", start.as_second());
                    rotations::create_override(session, arn, time, people, &token).await
                }
                (sent, _) => sent,
            };
            let id = sent.map_err(|error| match error.class {
                ErrorClass::Invalid if !strangers.is_empty() => error.with_detail(format!(
                    "AWS takes only members of the rotation for an override: add {} to contactRefs of rotation {}",
                    strangers.join(" and "),
                    part.rotation
                )),
                _ => error,
            })?;
            Ok(Applied {
                id: Some(id),
                // Nothing else tells it from what others make.
                save_now: true,
            })
        }
        // It is there: what remains to be done is to write its id down.
        Change::GoOn { found, .. } => Ok(Applied {
            id: Some(found.id.clone()),
            save_now: true,
        }),
        Change::Delete { slot, id, .. } => {
            rotations::delete_override(session, &slot.rotation, id).await?;
            Ok(Applied::default())
        }
    }
}
