//! What to change so that AWS holds what is wanted. Pure.
//!
//! New before old: of several overrides the one made last holds, so that nobody falls back to the regular shift in between. What is over is
//! history, and stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::desired::{Desired, Team, is_long_enough, is_near};
use super::observed::{Observed, ObservedRotation, Other, Own, Slot};
use crate::api::common::{ChangeAction, PendingChange};
use crate::api::conditions::Reason;
use crate::aws::rotations::SHOWN;
use crate::engine::{self, Error, Memory};
use crate::schedule::{Interval, Override, Rotation};

/// Where AWS refuses a start in the past, the override begins so much later than now.
const FALLBACK: SignedDuration = SignedDuration::from_secs(60);
/// An override that begins at most this long after it was made was meant to begin at once.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(150);
/// More overrides than this at a time are a mistake.
const MOST: usize = 100;

/// A change to the overrides of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// CreateRotationOverride.
    Create {
        /// What is made.
        part: Part,
        /// Who of the people is no member of the rotation, as the manifest names them.
        strangers: Vec<String>,
        /// When to begin if AWS takes no start in the past.
        fallback: Option<Timestamp>,
        /// It was there before, and was lost.
        restored: bool,
        /// When this was planned.
        planned: Timestamp,
    },
    /// Nothing is sent: AWS has it already, and its id is written down.
    GoOn {
        /// What it stands for.
        part: Part,
        /// As AWS has it.
        found: Override<String>,
    },
    /// DeleteRotationOverride.
    Delete {
        /// Slot it was made for.
        slot: Slot,
        /// Name of the rotation.
        rotation: String,
        /// Its id.
        id: String,
        /// Its time.
        time: Interval,
    },
}

/// A time in which other people are on call in a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The manifest's name of the rotation.
    pub rotation: String,
    /// ARN of the rotation.
    pub arn: String,
    /// When.
    pub time: Interval,
    /// Who is on call, by ARN.
    pub people: Vec<String>,
    /// The same, as the manifest names them.
    pub names: Vec<String>,
}

impl Part {
    /// What it is known by.
    pub fn slot(&self) -> Slot {
        Slot::new(&self.arn, self.time, &self.people)
    }

    fn overlaps(&self, arn: &str, time: Interval) -> bool {
        self.arn == arn && self.time.and(&time).is_some()
    }
}

impl engine::Change for Change {
    fn pending(&self) -> Vec<PendingChange> {
        let (rotation, action) = match self {
            Self::GoOn { .. } => return vec![],
            Self::Create { part, .. } => (&part.rotation, ChangeAction::Create),
            Self::Delete { rotation, .. } => (rotation, ChangeAction::Delete),
        };
        vec![PendingChange {
            path: format!("overrides[{rotation}]"),
            action,
        }]
    }

    fn slot(&self) -> Option<String> {
        match self {
            Self::Create { part, .. } | Self::GoOn { part, .. } => Some(part.slot().to_string()),
            Self::Delete { .. } => None,
        }
    }

    fn frees(&self) -> Option<String> {
        match self {
            Self::Create { .. } | Self::GoOn { .. } => None,
            Self::Delete { slot, .. } => Some(slot.to_string()),
        }
    }

    fn detail(&self) -> Option<String> {
        Some(match self {
            Self::Create { part, .. } => {
                let who = if part.names.is_empty() {
                    "nobody".to_owned()
                } else {
                    part.names.join(", ")
                };
                format!(
                    "{who} on call from {} to {}",
                    part.time.start, part.time.end
                )
            }
            Self::GoOn { .. } => self.to_string(),
            Self::Delete { time, .. } => format!("the one from {} to {}", time.start, time.end),
        })
    }

    fn reason(&self) -> Option<Reason> {
        match self {
            Self::Create { restored: true, .. } => Some(Reason::OverrideRestored),
            Self::GoOn { .. } => Some(Reason::Adopted),
            _ => None,
        }
    }

    fn adopts(&self) -> bool {
        matches!(self, Self::GoOn { .. })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create {
                part,
                restored,
                planned,
                ..
            } => {
                let Part {
                    rotation,
                    time: Interval { start, end },
                    names,
                    ..
                } = part;
                let who = if names.is_empty() {
                    "nobody".to_owned()
                } else {
                    names.join(", ")
                };
                let again = if *restored { " again" } else { "" };
                write!(
                    f,
                    "put {who} on call{again} in rotation \"{rotation}\" from {start} to {end}"
                )?;
                if start <= planned {
                    f.write_str("; an engagement that has begun already is not re-routed")?;
                }
                Ok(())
            }
            Self::GoOn { part, found } => write!(
                f,
                "go on with the override of rotation \"{}\" from {} to {}, which AWS has already",
                part.rotation, found.start, found.end
            ),
            Self::Delete {
                rotation,
                time: Interval { start, end },
                ..
            } => write!(
                f,
                "deleted the override of rotation \"{rotation}\" from {start} to {end}"
            ),
        }
    }
}

/// What has to be overridden.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Parts {
    /// What AWS takes now.
    pub now: Vec<Part>,
    /// What AWS does not take yet, because it is too far ahead.
    pub later: Vec<Part>,
    /// What AWS never takes, because it is too short.
    pub short: Vec<Part>,
    /// Rotations, by name, of which is not known who is on shift: AWS has them not (yet), or this version does not understand them.
    pub unknown: Vec<String>,
}

/// What has to be overridden and is not over.
pub fn parts(desired: &Desired, observed: &Observed, now: Timestamp) -> Parts {
    let mut parts = Parts::default();
    if desired.over {
        return parts;
    }
    for (name, arn) in &desired.rotations {
        let found = arn.as_deref().and_then(|arn| observed.rotation(arn));
        let Some(found) = found else {
            parts.unknown.push(name.clone());
            continue;
        };
        let Some(teams) = teams(desired, found) else {
            parts.unknown.push(name.clone());
            continue;
        };
        for (time, people) in teams.into_iter().filter(|(time, _)| time.end > now) {
            let part = Part {
                rotation: name.clone(),
                arn: found.arn.clone(),
                time,
                names: people.iter().map(|p| called(&desired.names, p)).collect(),
                people,
            };
            if !is_long_enough(time) {
                parts.short.push(part);
            } else if is_near(time.start, now) {
                parts.now.push(part);
            } else {
                parts.later.push(part);
            }
        }
    }
    parts
}

/// What somebody is called: as the manifest names them, else by their alias.
pub fn called(names: &BTreeMap<String, String>, arn: &str) -> String {
    let alias = || arn.rsplit('/').next().unwrap_or(arn).to_owned();
    names.get(arn).cloned().unwrap_or_else(alias)
}

/// Who is to be on call when in `rotation`, where that is not whose turn it is anyway.
fn teams(desired: &Desired, rotation: &ObservedRotation) -> Option<Vec<(Interval, Vec<String>)>> {
    let swaps = match &desired.team {
        Team::Exactly(people) => return Some(vec![(desired.time, people.clone())]),
        Team::Substitutes(swaps) => swaps,
    };
    let mut teams: Vec<(Interval, Vec<String>)> = vec![];
    for piece in rotation.rotation.as_ref()?.pieces(&[], desired.time) {
        let Some(time) = piece.interval().and(&desired.time) else {
            continue;
        };
        let team = substitute(&piece.on_call, swaps);
        if same(&team, &piece.on_call) {
            continue;
        }
        match teams.last_mut() {
            Some((last, people)) if last.end == time.start && same(people, &team) => {
                last.end = time.end;
            }
            _ => teams.push((time, team)),
        }
    }
    Some(teams)
}

/// `on_shift` with everybody who goes replaced, all at once; whoever is on shift already is not doubled.
fn substitute(on_shift: &[String], swaps: &[(String, String)]) -> Vec<String> {
    let replaced = on_shift.iter().map(|person| {
        let swap = swaps.iter().find(|(goes, _)| goes == person);
        swap.map_or(person, |(_, comes)| comes)
    });
    let mut seen = BTreeSet::new();
    replaced
        .filter(|person| seen.insert(*person))
        .cloned()
        .collect()
}

fn same(one: &[String], other: &[String]) -> bool {
    let set = |people: &[String]| people.iter().cloned().collect::<BTreeSet<_>>();
    set(one) == set(other)
}

/// Whether AWS shows `wanted` as `shown`, which it cuts.
fn shows(wanted: &[String], shown: &[String]) -> bool {
    if shown.len() == SHOWN && wanted.len() > SHOWN {
        shown.iter().all(|person| wanted.contains(person))
    } else {
        same(wanted, shown)
    }
}

/// Whether `found` is what was to be made at `time` for `people`. One that should have begun already may have begun when it was made.
pub fn realises(
    found: &Override<String>,
    time: Interval,
    people: Option<&[String]>,
    now: Timestamp,
) -> bool {
    let soon = Interval::lasting(found.created, AT_ONCE).end;
    let starts = found.start == time.start
        || (found.start <= now && time.start <= now)
        || (time.start <= found.created && found.start <= soon);
    starts && found.end == time.end && people.is_none_or(|people| shows(people, &found.members))
}

/// The overrides that stand for `parts`, each for one, in the same order.
fn matched<'a>(parts: &[Part], observed: &'a Observed, now: Timestamp) -> Vec<Option<&'a Own>> {
    let mut free: Vec<&Own> = observed.ours.iter().filter(|o| !is_past(o, now)).collect();
    let fits = |own: &Own, part: &Part| {
        own.slot.rotation == part.arn && realises(&own.found, part.time, Some(&part.people), now)
    };
    parts
        .iter()
        .map(|part| {
            let at = free.iter().position(|own| fits(own, part))?;
            Some(free.swap_remove(at))
        })
        .collect()
}

fn is_past(own: &Own, now: Timestamp) -> bool {
    own.found.end <= now
}

/// What to change.
pub fn plan(
    desired: &Desired,
    observed: Option<&Observed>,
    memory: Memory<'_>,
) -> Result<Vec<Change>, Error> {
    let Some(observed) = observed.filter(|o| o.read) else {
        return Ok(vec![]);
    };
    let now = memory.now;
    let parts = parts(desired, observed, now);
    if parts.now.len() > MOST {
        return Err(Error::invalid(format!(
            "this would be {} overrides in AWS, and more than {MOST} at a time are not made: shorten it, or name a rotation",
            parts.now.len()
        )));
    }
    let matched = matched(&parts.now, observed, now);
    let mut free: Vec<&Other> = observed.others.iter().filter(|o| !o.recorded).collect();
    let missing = parts.now.iter().zip(&matched);
    let missing = missing.filter(|(_, own)| own.is_none());
    let mut creates: Vec<Change> = missing
        .map(|(part, _)| match there(&mut free, part, now) {
            Some(found) => Change::GoOn {
                part: part.clone(),
                found,
            },
            None => create(desired, observed, memory, part),
        })
        .collect();
    // What is there says whose all of it is. Whoever AWS may refuse does not stand in the way of the others.
    let refused =
        |c: &Change| matches!(c, Change::Create { strangers, .. } if !strangers.is_empty());
    creates.sort_by_key(|c| (!matches!(c, Change::GoOn { .. }), refused(c)));
    let kept: BTreeSet<&str> = matched
        .iter()
        .flatten()
        .map(|own| own.found.id.as_str())
        .collect();
    // What holds now is taken away when what takes its place has begun.
    let to_begin = |own: &Own| {
        parts.now.iter().zip(&matched).any(|(part, new)| {
            part.overlaps(&own.slot.rotation, own.found.interval())
                && part.time.start <= now
                && new.is_none_or(|new| new.found.start > now)
        })
    };
    let unknown = |own: &Own| {
        desired.rotations.iter().any(|(name, arn)| {
            arn.as_deref() == Some(&*own.slot.rotation) && parts.unknown.contains(name)
        })
    };
    let goes = |own: &&Own| {
        !is_past(own, now)
            && !kept.contains(own.found.id.as_str())
            && !to_begin(own)
            && !unknown(own)
    };
    let deletes = observed
        .ours
        .iter()
        .filter(goes)
        .map(|own| delete(own, observed));
    Ok(creates.into_iter().chain(deletes).collect())
}

/// What AWS has already for `part` and nobody has recorded; the one made last, which holds.
fn there(free: &mut Vec<&Other>, part: &Part, now: Timestamp) -> Option<Override<String>> {
    let at = free.iter().rposition(|other| {
        other.rotation == part.arn && realises(&other.found, part.time, Some(&part.people), now)
    })?;
    Some(free.remove(at).found.clone())
}

fn create(desired: &Desired, observed: &Observed, memory: Memory<'_>, part: &Part) -> Change {
    let now = memory.now;
    let members = observed
        .rotation(&part.arn)
        .and_then(|r| r.rotation.as_ref())
        .map(Rotation::members);
    let is_stranger = |arn: &&String| members.is_some_and(|m| !m.contains(arn));
    let strangers = part.people.iter().filter(is_stranger);
    let slot = part.slot().to_string();
    let begun = memory.pending.iter().find(|p| p.slot == slot);
    // The same request again, as long as it can be: AWS then answers with what it has made.
    let from = begun.map_or(now, |p| p.since.0);
    let later = |from| Interval::lasting(from, FALLBACK).end;
    let start = Some(later(from))
        .filter(|at| *at > now)
        .unwrap_or(later(now));
    let fallback = part.time.start <= now && is_long_enough(Interval::new(start, part.time.end));
    let told = observed.told.iter().any(|t| {
        t.rotation == part.rotation
            && t.end_time.0 == part.time.end
            && (t.start_time.0 == part.time.start
                || t.start_time.0 <= now && part.time.start <= now)
            && !observed.ours.iter().any(|own| own.found.id == t.id)
    });
    Change::Create {
        part: part.clone(),
        strangers: strangers.map(|arn| called(&desired.names, arn)).collect(),
        fallback: fallback.then_some(start),
        restored: told,
        planned: now,
    }
}

fn delete(own: &Own, observed: &Observed) -> Change {
    Change::Delete {
        slot: own.slot.clone(),
        rotation: rotation_name(own, observed),
        id: own.found.id.clone(),
        time: own.found.interval(),
    }
}

/// The manifest's name of the rotation of an override, or its id when nobody knows it any more.
pub fn rotation_name(own: &Own, observed: &Observed) -> String {
    let known = observed.rotation(&own.slot.rotation).map(|r| &r.name);
    let told = observed.told.iter().find(|t| t.id == own.found.id);
    let id = || called(&BTreeMap::new(), &own.slot.rotation);
    known
        .or(told.map(|t| &t.rotation))
        .cloned()
        .unwrap_or_else(id)
}

/// When a deletion that [`plan`] has put off is due: what takes its place begins then.
pub fn put_off_until(desired: &Desired, observed: &Observed, now: Timestamp) -> Option<Timestamp> {
    let parts = parts(desired, observed, now);
    let begins = matched(&parts.now, observed, now).into_iter().flatten();
    begins
        .zip(&parts.now)
        .filter(|(own, part)| part.time.start <= now && own.found.start > now)
        .map(|(own, _)| own.found.start)
        .min()
}

/// Everything that is not over goes; history stays.
pub fn plan_delete(observed: &Observed) -> Vec<Change> {
    observed
        .ours
        .iter()
        .map(|own| delete(own, observed))
        .collect()
}

/// What AWS has after `change`.
pub fn project(observed: Option<Observed>, change: &Change, id: Option<&str>) -> Option<Observed> {
    let mut observed = observed?;
    match (change, id) {
        (Change::Create { part, planned, .. }, Some(id)) => observed.ours.push(Own {
            slot: part.slot(),
            found: Override {
                id: id.to_owned(),
                start: part.time.start,
                end: part.time.end,
                members: part.people.clone(),
                created: *planned,
            },
        }),
        (Change::GoOn { part, found }, _) => {
            observed.others.retain(|other| other.found.id != found.id);
            observed.ours.push(Own {
                slot: part.slot(),
                found: found.clone(),
            });
        }
        (Change::Create { .. }, None) => {}
        (Change::Delete { id, .. }, _) => observed.ours.retain(|own| own.found.id != *id),
    }
    Some(observed)
}

#[cfg(test)]
mod tests;
