//! What to change so that AWS holds what is wanted. Pure.
//!
//! Order: rotations, then the schedule that uses them; what goes is taken out of the schedule before it is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::desired::{Desired, DesiredRotation};
use super::observed::{Observed, ObservedRotation, ObservedSchedule};
use crate::api::common::{ChangeAction, PendingChange};
use crate::api::conditions::Reason;
use crate::api::on_call_schedule::Rollout;
use crate::engine::{self, Memory};
use crate::schedule::{Interval, Move, Rotation, RotationSettings, equivalent, forward, who_moves};

/// Slot of the schedule itself.
pub const SCHEDULE_SLOT: &str = "schedule";
/// What slots of rotations begin with.
pub const ROTATION_SLOT: &str = "rotation/";
/// A start in the near future, for when AWS takes none in the past: late enough to still be ahead when the call gets its turn.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);
/// How far ahead an edit says who moves, in days.
const MOVES_AHEAD: u32 = 28;

/// Slot of a rotation, by its name in AWS: under another name it is another rotation.
pub fn rotation_slot(name: &str) -> String {
    format!("{ROTATION_SLOT}{name}")
}

/// A rotation that a schedule is to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// One that is there.
    Arn(String),
    /// One that is made before, by slot.
    Slot(String),
}

/// A later start with an order of members that gives the same shifts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterStart {
    /// The start.
    pub start: Timestamp,
    /// Members in the order that goes with it.
    pub members: Vec<String>,
}

/// A change to a schedule.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// CreateRotation; tags ride along.
    CreateRotation {
        /// Name.
        name: String,
        /// Its fields.
        settings: RotationSettings<String>,
        /// What to ask for when AWS refuses a start in the past.
        otherwise: Option<LaterStart>,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// UpdateRotation.
    UpdateRotation {
        /// Which.
        arn: String,
        /// Its name.
        name: String,
        /// Its fields.
        settings: RotationSettings<String>,
        /// Whether the start is sent.
        with_start: bool,
        /// What to ask for when AWS refuses a start in the past.
        otherwise: Option<LaterStart>,
        /// Fields of the manifest that differ.
        fields: Vec<&'static str>,
        /// Who moves.
        moves: String,
        /// It has waited for the end of a shift.
        waited: bool,
    },
    /// CreateContact of type ONCALL_SCHEDULE; tags ride along.
    CreateSchedule {
        /// Alias.
        alias: String,
        /// Display name; empty = none.
        display_name: String,
        /// Rotations.
        rotations: Vec<Link>,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// UpdateContact: display name, rotations, or both.
    UpdateSchedule {
        /// New display name, when it changes.
        display_name: Option<String>,
        /// All rotations, when they change.
        rotations: Option<Vec<Link>>,
        /// Names of rotations that the schedule gains and loses.
        gained: Vec<String>,
        /// See `gained`.
        lost: Vec<String>,
    },
    /// DeleteRotation.
    DeleteRotation {
        /// Which.
        arn: String,
        /// Its name.
        name: String,
        /// How many overrides that are not over go with it.
        overrides: usize,
        /// The rotation that takes its place, when this is a rename in the manifest.
        replaced_by: Option<String>,
    },
    /// TagResource on the schedule.
    SetTags(BTreeMap<String, String>),
    /// UntagResource on the schedule.
    RemoveTags(Vec<String>),
    /// TagResource on a rotation.
    SetRotationTags {
        /// Which.
        arn: String,
        /// Its name.
        name: String,
        /// Tags.
        tags: BTreeMap<String, String>,
    },
    /// UntagResource on a rotation.
    RemoveRotationTags {
        /// Which.
        arn: String,
        /// Its name.
        name: String,
        /// Keys.
        keys: Vec<String>,
    },
    /// DeleteContact.
    DeleteSchedule,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateRotation { name, .. } => write!(f, "created rotation \"{name}\""),
            Self::UpdateRotation {
                name,
                fields,
                moves,
                ..
            } => write!(
                f,
                "changed {} of rotation \"{name}\" ({moves})",
                fields.join(", ")
            ),
            Self::CreateSchedule { alias, .. } => write!(f, "created on-call schedule \"{alias}\""),
            Self::UpdateSchedule {
                display_name,
                gained,
                lost,
                ..
            } => {
                let quoted = |names: &[String]| {
                    let names: Vec<String> = names.iter().map(|n| format!("\"{n}\"")).collect();
                    names.join(", ")
                };
                let mut parts = vec![];
                if display_name.is_some() {
                    parts.push("changed display name".to_owned());
                }
                if !gained.is_empty() {
                    parts.push(format!("put in rotation {}", quoted(gained)));
                }
                if !lost.is_empty() {
                    parts.push(format!("took out rotation {}", quoted(lost)));
                }
                f.write_str(&parts.join(", "))
            }
            Self::DeleteRotation {
                name,
                overrides,
                replaced_by,
                ..
            } => {
                write!(f, "deleted rotation \"{name}\"")?;
                match overrides {
                    0 => {}
                    1 => f.write_str(" and with it 1 override")?,
                    n => write!(f, " and with it {n} overrides")?,
                }
                match replaced_by {
                    Some(new) => {
                        write!(f, " (\"{new}\" replaces it: AWS cannot rename a rotation)")
                    }
                    None => Ok(()),
                }
            }
            Self::SetTags(tags) => write!(f, "set tags {}", keys(tags).join(", ")),
            Self::RemoveTags(keys) => write!(f, "removed tags {}", keys.join(", ")),
            Self::SetRotationTags { name, tags, .. } => write!(
                f,
                "set tags {} of rotation \"{name}\"",
                keys(tags).join(", ")
            ),
            Self::RemoveRotationTags { name, keys, .. } => {
                write!(f, "removed tags {} of rotation \"{name}\"", keys.join(", "))
            }
            Self::DeleteSchedule => write!(f, "deleted on-call schedule"),
        }
    }
}

fn keys(tags: &BTreeMap<String, String>) -> Vec<String> {
    tags.keys().cloned().collect()
}

impl engine::Change for Change {
    fn pending(&self) -> Vec<PendingChange> {
        let change = |action, path: String| PendingChange { path, action };
        let rotation = |name: &str| format!("rotations[{name}]");
        match self {
            Self::CreateRotation { name, .. } => vec![change(ChangeAction::Create, rotation(name))],
            Self::UpdateRotation { name, fields, .. } => fields
                .iter()
                .map(|field| change(ChangeAction::Update, format!("{}.{field}", rotation(name))))
                .collect(),
            Self::CreateSchedule { .. } => {
                vec![change(ChangeAction::Create, "schedule".to_owned())]
            }
            Self::UpdateSchedule {
                display_name,
                gained,
                lost,
                ..
            } => {
                let name = display_name.iter();
                let name = name.map(|_| change(ChangeAction::Update, "displayName".to_owned()));
                let gained = gained.iter();
                let gained = gained.map(|n| change(ChangeAction::Update, rotation(n)));
                let lost = lost.iter();
                let lost = lost.map(|n| change(ChangeAction::Delete, rotation(n)));
                name.chain(gained).chain(lost).collect()
            }
            Self::DeleteRotation { name, .. } => vec![change(ChangeAction::Delete, rotation(name))],
            Self::SetTags(tags) => tags
                .keys()
                .map(|k| change(ChangeAction::Update, format!("tags[{k}]")))
                .collect(),
            Self::RemoveTags(keys) => keys
                .iter()
                .map(|k| change(ChangeAction::Delete, format!("tags[{k}]")))
                .collect(),
            Self::SetRotationTags { name, tags, .. } => tags
                .keys()
                .map(|k| {
                    change(
                        ChangeAction::Update,
                        format!("{}.tags[{k}]", rotation(name)),
                    )
                })
                .collect(),
            Self::RemoveRotationTags { name, keys, .. } => keys
                .iter()
                .map(|k| {
                    change(
                        ChangeAction::Delete,
                        format!("{}.tags[{k}]", rotation(name)),
                    )
                })
                .collect(),
            Self::DeleteSchedule => vec![change(ChangeAction::Delete, "schedule".to_owned())],
        }
    }

    fn slot(&self) -> Option<String> {
        match self {
            Self::CreateRotation { name, .. } => Some(rotation_slot(name)),
            Self::CreateSchedule { .. } => Some(SCHEDULE_SLOT.to_owned()),
            _ => None,
        }
    }

    fn detail(&self) -> Option<String> {
        let Self::DeleteRotation {
            overrides,
            replaced_by,
            ..
        } = self
        else {
            return None;
        };
        let overrides = match overrides {
            0 => None,
            1 => Some("1 override goes with it".to_owned()),
            n => Some(format!("{n} overrides go with it")),
        };
        let replaced = replaced_by.as_ref();
        let replaced =
            replaced.map(|new| format!("\"{new}\" replaces it: AWS cannot rename a rotation"));
        let parts: Vec<String> = overrides.into_iter().chain(replaced).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    fn reason(&self) -> Option<Reason> {
        match self {
            // Nobody has changed AWS: it is an edit whose time has come.
            Self::UpdateRotation { waited: true, .. } => Some(Reason::Updated),
            _ => None,
        }
    }

    fn frees(&self) -> Option<String> {
        match self {
            Self::DeleteRotation { name, .. } => Some(rotation_slot(name)),
            _ => None,
        }
    }
}

/// Which rotation of AWS each rotation of the manifest is, by name in the manifest.
///
/// Names in AWS need not be unique: what we recorded comes first, then what the schedule uses, then what is ours by its tags.
pub fn match_rotations<'a>(
    desired: &Desired,
    observed: &'a Observed,
    recorded: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, &'a ObservedRotation> {
    let mut matched: BTreeMap<String, &ObservedRotation> = BTreeMap::new();
    for wanted in &desired.rotations {
        let named: Vec<&ObservedRotation> = observed
            .rotations
            .iter()
            .filter(|r| r.name == wanted.name)
            .collect();
        let id = recorded(&rotation_slot(&wanted.name));
        let known = named.iter().find(|r| Some(&r.arn) == id.as_ref());
        let ours = named
            .iter()
            .find(|r| r.ours && observed.uses(&r.arn))
            .or_else(|| named.iter().find(|r| r.ours));
        let used: Vec<_> = named.iter().filter(|r| observed.uses(&r.arn)).collect();
        let only = match used.as_slice() {
            [one] => Some(*one),
            _ => None,
        };
        if let Some(found) = known.or(ours).or(only) {
            matched.insert(wanted.key.clone(), found);
        }
    }
    matched
}

/// What an update of a rotation would be, or why it waits.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// AWS holds what is wanted.
    Nothing,
    /// It is sent.
    Now(Box<Change>),
    /// It waits for the end of the shift that runs.
    At(Timestamp),
}

/// What to change in a rotation. `held` = it is ours, so that an edit may wait.
pub fn edit(
    wanted: &DesiredRotation,
    found: &ObservedRotation,
    rollout: Rollout,
    held: bool,
    now: Timestamp,
) -> Edit {
    let fields = differences(wanted, found, now);
    if fields.is_empty() {
        return Edit::Nothing;
    }
    if held
        && rollout == Rollout::AfterCurrentShift
        && let Some(at) = shift_end(wanted, found, now)
    {
        return Edit::At(at);
    }
    let mut settings = wanted.settings.clone();
    let mut otherwise = otherwise(wanted, now);
    if refused_before(wanted, found) {
        // The start that AWS keeps will do, when the members stand in the order that goes with it; else one that is still ahead.
        let kept = forward(&wanted.rotation, found.settings.start);
        let kept = kept.filter(|later| {
            later.start == found.settings.start
                && (later.start <= now || is_soonest(wanted, later.start, now))
        });
        let later = kept.map(|later| LaterStart {
            start: later.start,
            members: later.members,
        });
        if let Some(later) = later.or_else(|| otherwise.take()) {
            settings.start = later.start;
            settings.members = later.members;
        }
        otherwise = None;
    }
    let with_start = found.settings.start != settings.start;
    Edit::Now(Box::new(Change::UpdateRotation {
        arn: found.arn.clone(),
        name: wanted.name.clone(),
        moves: moves(wanted, found, now),
        settings,
        with_start,
        otherwise: otherwise.filter(|_| with_start),
        fields,
        waited: wanted.rollout_at.is_some(),
    }))
}

/// AWS was asked for the start of the manifest already and keeps a later one.
fn refused_before(wanted: &DesiredRotation, found: &ObservedRotation) -> bool {
    wanted.requested_start == Some(wanted.settings.start)
        && found.settings.start > wanted.settings.start
        // Changed by hand since, it is not what AWS made of the request.
        && wanted.seen_start.is_none_or(|seen| seconds(seen) == seconds(found.settings.start))
}

/// AWS would have the rotation begin no sooner than at `start`.
fn is_soonest(wanted: &DesiredRotation, start: Timestamp, now: Timestamp) -> bool {
    otherwise(wanted, now).is_some_and(|later| start <= later.start)
}

/// What to ask for when AWS refuses a start in the past.
fn otherwise(wanted: &DesiredRotation, now: Timestamp) -> Option<LaterStart> {
    let past = wanted.settings.start < now;
    past.then(|| later_start(&wanted.rotation, now)).flatten()
}

/// Fields of the manifest that AWS has otherwise.
fn differences(
    wanted: &DesiredRotation,
    found: &ObservedRotation,
    now: Timestamp,
) -> Vec<&'static str> {
    let Some(there) = &found.rotation else {
        // What is there is not understood: it is replaced as a whole.
        return vec!["recurrence"];
    };
    let rotation = &wanted.rotation;
    // Another start with another order may be the same rotation, from now on; or as soon as AWS would have it begin at all.
    let soonest = is_soonest(wanted, there.start(), now);
    let from = if refused_before(wanted, found) && there.start() > now && soonest {
        there.start()
    } else {
        now
    };
    if rotation == there || (rotation.start() <= now && equivalent(rotation, there, from)) {
        return vec![];
    }
    let mut fields = vec![];
    if rotation.members() != there.members() {
        fields.push("contactRefs");
    }
    if rotation.start() != there.start() {
        fields.push("startTime");
    }
    if wanted.settings.zone != found.settings.zone {
        fields.push("timeZone");
    }
    let same = rotation.recurrence() == there.recurrence()
        && rotation.shift_length() == there.shift_length()
        && rotation.number_on_call() == there.number_on_call();
    if !same {
        fields.push("recurrence");
    }
    if rotation.coverage() != there.coverage() {
        fields.push("coverage");
    }
    fields
}

/// Until when an edit waits; `None` = it need not wait (any more).
fn shift_end(
    wanted: &DesiredRotation,
    found: &ObservedRotation,
    now: Timestamp,
) -> Option<Timestamp> {
    if let Some(at) = wanted.rollout_at {
        return (at > now).then_some(at);
    }
    let shift = found.rotation.as_ref()?.shift_at(now)?;
    Some(shift.interval.end).filter(|end| *end < Timestamp::MAX)
}

fn later_start(rotation: &Rotation<String>, now: Timestamp) -> Option<LaterStart> {
    let not_before = now.checked_add(AHEAD).ok()?;
    let later = forward(rotation, not_before)?;
    Some(LaterStart {
        // AWS keeps whole seconds.
        start: Timestamp::from_second(later.start.as_second()).ok()?,
        members: later.members,
    })
}

/// Who moves by an edit, in the next four weeks, for people.
fn moves(wanted: &DesiredRotation, found: &ObservedRotation, now: Timestamp) -> String {
    let window = Interval::days(now, MOVES_AHEAD);
    let before = found.rotation.as_ref();
    let moves = who_moves(before, Some(&wanted.rotation), &found.overrides, window, 2);
    let names = |people: &BTreeSet<String>| {
        let names: Vec<&str> = people.iter().map(|arn| alias_of(arn)).collect();
        if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join(", ")
        }
    };
    let text = |one: &Move<String>| {
        format!(
            "{} instead of {} from {} to {}",
            names(&one.after),
            names(&one.before),
            seconds(one.interval.start),
            seconds(one.interval.end)
        )
    };
    let mut parts: Vec<String> = moves.first.iter().map(text).collect();
    if moves.more > 0 {
        parts.push(format!("{} more in four weeks", moves.more));
    }
    if parts.is_empty() {
        return "nobody moves in the next four weeks".to_owned();
    }
    parts.join("; ")
}

fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// The alias in the ARN of a contact.
pub fn alias_of(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, alias)| alias)
}

/// What to change, tags apart.
pub fn plan(desired: &Desired, observed: Option<&Observed>, memory: Memory<'_>) -> Vec<Change> {
    let nothing = Observed {
        arn: String::new(),
        alias: desired.alias.clone(),
        other_type: None,
        schedule: None,
        rotations: vec![],
    };
    let observed = observed.unwrap_or(&nothing);
    let recorded = |slot: &str| {
        let items = &memory.applied.items;
        items.iter().find(|i| i.slot == slot).map(|i| i.id.clone())
    };
    let matched = match_rotations(desired, observed, recorded);
    let mut changes = vec![];
    let mut links = vec![];
    for wanted in &desired.rotations {
        let Some(found) = matched.get(&wanted.key) else {
            changes.push(Change::CreateRotation {
                name: wanted.name.clone(),
                settings: wanted.settings.clone(),
                otherwise: otherwise(wanted, memory.now),
                tags: desired.tags.clone(),
            });
            links.push(Link::Slot(rotation_slot(&wanted.name)));
            continue;
        };
        links.push(Link::Arn(found.arn.clone()));
        // After a rebuild of the cluster only its tags say that it is ours.
        let held = found.ours || memory.applied.items.iter().any(|i| i.id == found.arn);
        if let Edit::Now(change) = edit(wanted, found, desired.rollout, held, memory.now) {
            changes.push(*change);
        }
    }
    let kept = |arn: &str| matched.values().any(|r| r.arn == arn);
    let leaving: Vec<&ObservedRotation> = observed
        .rotations
        .iter()
        .filter(|r| r.ours && !kept(&r.arn))
        .collect();
    match &observed.schedule {
        None => changes.push(Change::CreateSchedule {
            alias: desired.alias.clone(),
            display_name: desired.display_name.clone(),
            rotations: links,
            tags: desired.tags.clone(),
        }),
        Some(schedule) => changes.extend(update(desired, observed, schedule, links, &leaving)),
    }
    let made = desired.rotations.iter();
    let made: Vec<&DesiredRotation> = made.filter(|r| !matched.contains_key(&r.key)).collect();
    changes.extend(leaving.iter().map(|rotation| Change::DeleteRotation {
        arn: rotation.arn.clone(),
        name: rotation.name.clone(),
        overrides: coming(rotation, memory.now),
        replaced_by: replacement(rotation, leaving.len(), &made).map(|r| r.name.clone()),
    }));
    changes
}

/// The new rotation that a leaving one was renamed to: one with the same fields, or the only one where only one leaves.
fn replacement<'a>(
    leaving: &ObservedRotation,
    leavers: usize,
    made: &[&'a DesiredRotation],
) -> Option<&'a DesiredRotation> {
    let same = made
        .iter()
        .find(|r| leaving.rotation.as_ref() == Some(&r.rotation));
    let only = made.first().filter(|_| leavers == 1 && made.len() == 1);
    same.or(only).copied()
}

/// Overrides of a rotation that are not over.
fn coming(rotation: &ObservedRotation, now: Timestamp) -> usize {
    rotation.overrides.iter().filter(|o| o.end > now).count()
}

fn update(
    desired: &Desired,
    observed: &Observed,
    schedule: &ObservedSchedule,
    mut links: Vec<Link>,
    leaving: &[&ObservedRotation],
) -> Option<Change> {
    // Rotations that are nobody's business here stay where they are.
    let others = schedule.rotations.iter().filter(|arn| {
        let link = Link::Arn((*arn).clone());
        !links.contains(&link) && !leaving.iter().any(|r| r.arn == **arn)
    });
    let others: Vec<Link> = others.map(|arn| Link::Arn(arn.clone())).collect();
    links.extend(others);
    let gained: Vec<String> = links
        .iter()
        .filter_map(|link| match link {
            Link::Slot(slot) => Some(slot.trim_start_matches(ROTATION_SLOT).to_owned()),
            Link::Arn(arn) if !schedule.rotations.contains(arn) => {
                Some(observed.rotation(arn)?.name.clone())
            }
            Link::Arn(_) => None,
        })
        .collect();
    let lost: Vec<String> = schedule
        .rotations
        .iter()
        .filter(|arn| !links.contains(&Link::Arn((*arn).clone())))
        .filter_map(|arn| Some(observed.rotation(arn)?.name.clone()))
        .collect();
    // Rotations stand side by side: their order means nothing to AWS.
    let rotations = (!gained.is_empty() || !lost.is_empty()).then_some(links);
    let display_name =
        (schedule.display_name != desired.display_name).then(|| desired.display_name.clone());
    (rotations.is_some() || display_name.is_some()).then_some(Change::UpdateSchedule {
        display_name,
        rotations,
        gained,
        lost,
    })
}

/// What to do to delete it: the schedule first, so that no rotation is taken from under it.
pub fn plan_delete(observed: &Observed) -> Vec<Change> {
    let schedule = observed.schedule.iter().map(|_| Change::DeleteSchedule);
    let rotations = observed.rotations.iter().filter(|r| r.ours);
    let rotations = rotations.map(|r| Change::DeleteRotation {
        arn: r.arn.clone(),
        name: r.name.clone(),
        overrides: 0,
        replaced_by: None,
    });
    schedule.chain(rotations).collect()
}

/// What AWS has after `change`, as far as that is certain.
pub fn project(
    observed: Option<Observed>,
    desired: &Desired,
    change: &Change,
    id: Option<&str>,
) -> Option<Observed> {
    let mut observed = observed.unwrap_or_else(|| Observed {
        arn: String::new(),
        alias: desired.alias.clone(),
        other_type: None,
        schedule: None,
        rotations: vec![],
    });
    let arns = |observed: &Observed, links: &[Link]| -> Vec<String> {
        links
            .iter()
            .filter_map(|link| match link {
                Link::Arn(arn) => Some(arn.clone()),
                Link::Slot(slot) => {
                    let name = slot.trim_start_matches(ROTATION_SLOT);
                    let made = observed.rotations.iter().rev();
                    Some(
                        made.filter(|r| r.name == name)
                            .map(|r| r.arn.clone())
                            .next()?,
                    )
                }
            })
            .collect()
    };
    match change {
        Change::CreateRotation {
            name,
            settings,
            tags,
            ..
        } => observed.rotations.push(ObservedRotation {
            arn: id.unwrap_or_default().to_owned(),
            name: name.clone(),
            ours: true,
            settings: settings.clone(),
            rotation: Rotation::new(settings.clone()).ok(),
            overrides: vec![],
            tags: Some(tags.clone()),
            confirmation: None,
        }),
        Change::UpdateRotation {
            arn,
            settings,
            with_start,
            ..
        } => {
            for rotation in observed.rotations.iter_mut().filter(|r| r.arn == *arn) {
                let start = rotation.settings.start;
                rotation.settings = settings.clone();
                if !with_start {
                    rotation.settings.start = start;
                }
                rotation.rotation = Rotation::new(rotation.settings.clone()).ok();
                rotation.confirmation = None;
            }
        }
        Change::CreateSchedule {
            display_name,
            rotations,
            ..
        } => {
            id.unwrap_or_default().clone_into(&mut observed.arn);
            observed.schedule = Some(ObservedSchedule {
                display_name: display_name.clone(),
                rotations: arns(&observed, rotations),
            });
        }
        Change::UpdateSchedule {
            display_name,
            rotations,
            ..
        } => {
            let rotations = rotations.as_ref().map(|links| arns(&observed, links));
            if let Some(schedule) = &mut observed.schedule {
                if let Some(name) = display_name {
                    schedule.display_name.clone_from(name);
                }
                if let Some(rotations) = rotations {
                    schedule.rotations = rotations;
                }
            }
        }
        Change::DeleteRotation { arn, .. } => {
            observed.rotations.retain(|r| r.arn != *arn);
            if let Some(schedule) = &mut observed.schedule {
                schedule.rotations.retain(|r| r != arn);
            }
        }
        Change::SetRotationTags { arn, tags, .. } => {
            for rotation in observed.rotations.iter_mut().filter(|r| r.arn == *arn) {
                rotation.ours = true;
                if let Some(there) = &mut rotation.tags {
                    there.extend(tags.clone());
                }
            }
        }
        Change::RemoveRotationTags { arn, keys, .. } => {
            for rotation in observed.rotations.iter_mut().filter(|r| r.arn == *arn) {
                if let Some(there) = &mut rotation.tags {
                    there.retain(|key, _| !keys.contains(key));
                }
            }
        }
        Change::SetTags(_) | Change::RemoveTags(_) => {}
        Change::DeleteSchedule => observed.schedule = None,
    }
    let gone = observed.schedule.is_none() && observed.rotations.is_empty();
    (!gone).then_some(observed)
}

#[cfg(test)]
mod tests;
