//! What AWS allows and a manifest cannot say. Pure.
//!
//! What is said here is read in `IMPORT.md`: it shows no address.

use std::collections::BTreeSet;

use super::account::{Account, Channel, Contact, Content, Override, Rotation, Stage, Target};
use crate::aws::rotations::SHOWN;
use crate::aws::tag::{AWS_PREFIX, MOST_TAGS, MOST_USER_TAGS, OWN_PREFIX};
use crate::resources::contact::desired::{is_address, normalised};
use crate::schedule::zone;

/// What is shorter may be part of a name by chance.
const SHORTEST_ADDRESS: usize = 7;
/// Most hand-offs of a manifest.
const MOST_HAND_OFFS: usize = 24;
/// Most coverage windows of a manifest.
const MOST_WINDOWS: usize = 50;
/// Most channels of a manifest.
const MOST_CHANNELS: usize = 20;
/// AWS takes no shorter override.
const SHORTEST_OVERRIDE: i64 = 30 * 60;

/// What a manifest can say of something in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing; why.
    Nothing(String),
    /// All but these parts, by ARN; what they are and why. A manifest without them leaves them as they are.
    AllBut(Vec<(String, String)>),
}

/// Whether a tag is the users' own, not AWS's or ours.
pub fn is_users_tag(key: &str) -> bool {
    let key = key.to_lowercase();
    !key.starts_with(AWS_PREFIX) && !key.starts_with(OWN_PREFIX)
}

/// What a manifest can say of `contact`. `users` says which schedules use a rotation.
pub fn verdict<'a>(
    account: &Account,
    contact: &Contact,
    users: &impl Fn(&str) -> &'a [&'a str],
) -> Verdict {
    let own = contact.tags.keys().filter(|key| is_users_tag(key)).count();
    if own > MOST_USER_TAGS {
        return Verdict::Nothing(format!(
            "it has {own} tags: AWS allows {MOST_TAGS} and the operator needs three of its own. Take some off in AWS first"
        ));
    }
    match &contact.content {
        Content::Person { stages, channels } => person(stages, channels),
        Content::EscalationPlan { stages } => match escalation_plan(account, stages) {
            Some(message) => Verdict::Nothing(message),
            None => Verdict::AllBut(vec![]),
        },
        Content::Schedule { rotations } => schedule(account, contact, rotations, users),
        Content::Unknown => Verdict::Nothing(
            "AWS says that it is of a type that this version does not know".to_owned(),
        ),
    }
}

fn person(stages: &[Stage], channels: &[Channel]) -> Verdict {
    let uses = |channel: &Channel| {
        let targets = stages.iter().flat_map(|s| &s.targets);
        targets
            .into_iter()
            .any(|t| matches!(t, Target::Channel { arn, .. } if *arn == channel.arn))
    };
    if let Some(message) = stages_problem(stages) {
        return Verdict::Nothing(message);
    }
    for target in stages.iter().flat_map(|s| &s.targets) {
        match target {
            Target::Channel { arn, .. } if channels.iter().any(|c| c.arn == *arn) => {}
            Target::Channel { .. } => {
                return Verdict::Nothing(
                    "the engagement plan uses a channel that was deleted: take it out of the plan in AWS first".to_owned(),
                );
            }
            _ => {
                return Verdict::Nothing(
                    "the engagement plan engages something else than a channel".to_owned(),
                );
            }
        }
    }
    let mut left_out = vec![];
    for (index, channel) in channels.iter().enumerate() {
        let Some(message) = channel_problem(channels, index) else {
            continue;
        };
        if uses(channel) {
            return Verdict::Nothing(format!("{message}; the engagement plan uses it"));
        }
        left_out.push((channel.arn.clone(), message));
    }
    if channels.len() - left_out.len() > MOST_CHANNELS {
        return Verdict::Nothing(format!(
            "it has more than {MOST_CHANNELS} channels: delete those that nobody needs in AWS first"
        ));
    }
    Verdict::AllBut(left_out)
}

/// Why a manifest cannot have the channel at `index`.
fn channel_problem(channels: &[Channel], index: usize) -> Option<String> {
    let channel = &channels[index];
    let digits = |c: &Channel| c.address.replace('+', "");
    let hidden = channels.iter().map(digits);
    let mut hidden = hidden.filter(|digits| digits.len() >= SHORTEST_ADDRESS);
    if hidden.any(|address| channel.name.contains(&address)) {
        return Some(
            "the name of a channel holds an address, and names are shown in status, events and logs: rename the channel in AWS first".to_owned(),
        );
    }
    let name = &channel.name;
    let Some(type_) = channel.type_ else {
        return Some(format!(
            "channel \"{name}\" is of a type that this version does not know"
        ));
    };
    let mut others = channels.iter().enumerate().filter(|(at, _)| *at != index);
    if others.any(|(_, other)| other.name == *name) {
        return Some(format!(
            "two channels are named \"{name}\": give them different names in AWS first"
        ));
    }
    if !is_address(type_, &channel.address) {
        return Some(format!(
            "the address of channel \"{name}\" is not one that this operator takes ('+' and 8 to 15 digits, or a mail address)"
        ));
    }
    let same = |c: &Channel| {
        c.type_ == Some(type_)
            && normalised(type_, &c.address) == normalised(type_, &channel.address)
    };
    let earlier = channels[..index].iter().find(|c| same(c))?;
    Some(format!(
        "channel \"{name}\" has the same type and address as channel \"{}\", and a manifest names an address once",
        earlier.name
    ))
}

fn stages_problem(stages: &[Stage]) -> Option<String> {
    let waits = |s: &Stage| s.duration == 0 && s.targets.is_empty();
    stages
        .iter()
        .any(waits)
        .then(|| "a stage lasts 0 minutes and engages nobody: take it out in AWS first".to_owned())
}

fn escalation_plan(account: &Account, stages: &[Stage]) -> Option<String> {
    if stages.is_empty() {
        return Some(
            "it has no stage, and an EscalationPlan has at least one: give it one in AWS, or delete it there".to_owned(),
        );
    }
    for target in stages.iter().flat_map(|s| &s.targets) {
        let Target::Contact { arn: Some(arn), .. } = target else {
            return Some("a stage engages something else than a contact or schedule".to_owned());
        };
        let found = account.contacts.get(arn).map(|c| &c.content);
        if matches!(found, Some(Content::EscalationPlan { .. })) {
            return Some("a stage engages an escalation plan".to_owned());
        }
    }
    stages_problem(stages)
}

fn schedule<'a>(
    account: &Account,
    contact: &Contact,
    rotations: &[String],
    users: &impl Fn(&str) -> &'a [&'a str],
) -> Verdict {
    let mut left_out = vec![];
    let mut found: Vec<&Rotation> = vec![];
    for arn in rotations {
        let Some(rotation) = account.rotations.get(arn) else {
            return Verdict::Nothing(format!(
                "it names rotation {arn}, which AWS does not have: take it out of the schedule first"
            ));
        };
        found.push(rotation);
    }
    for rotation in &found {
        let first = users(&rotation.arn).first();
        let named = found.iter().filter(|r| r.name == rotation.name).count();
        let message = if first.is_some_and(|first| *first != contact.arn) {
            let holder = first.and_then(|arn| account.contacts.get(*arn));
            let holder = holder.map_or("another schedule", |c| c.alias.as_str());
            Some(format!(
                "it is in the schedule {holder}, too, and belongs to the OnCallSchedule of that one: a rotation is in one OnCallSchedule. \
                 To have all of it in manifests, make a copy of the rotation in AWS for this schedule"
            ))
        } else if named > 1 {
            Some(
                "another rotation of the schedule has the same name: names in an OnCallSchedule are unique, and AWS cannot rename a rotation"
                    .to_owned(),
            )
        } else {
            rotation_problem(contact, rotation)
        };
        if let Some(message) = message {
            left_out.push((
                rotation.arn.clone(),
                format!("rotation \"{}\": {message}", rotation.name),
            ));
        }
    }
    Verdict::AllBut(left_out)
}

fn rotation_problem(contact: &Contact, rotation: &Rotation) -> Option<String> {
    let Some(fields) = &rotation.spec else {
        return Some(
            "it is set up in AWS in a way that this version does not understand".to_owned(),
        );
    };
    let takes = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | '.' | '-');
    if !rotation.name.chars().all(takes) {
        return Some("its name has a tab or a line break".to_owned());
    }
    if let Err(error) = zone(&fields.time_zone) {
        return Some(error.to_string());
    }
    let at_once = fields.recurrence.number_of_on_calls.unwrap_or(1);
    if usize::try_from(at_once).map_or(true, |n| n > rotation.members.len()) {
        return Some("it has more people on call at once than members".to_owned());
    }
    let recurrence = &fields.recurrence;
    let hand_offs = [
        recurrence.daily.as_ref().map(|d| d.hand_offs.len()),
        recurrence.weekly.as_ref().map(|w| w.hand_offs.len()),
    ];
    if let Some(count) = hand_offs.into_iter().flatten().max()
        && !(1..=MOST_HAND_OFFS).contains(&count)
    {
        return Some(format!(
            "it has {count} hand-offs in a day or week, and a manifest has 1 to {MOST_HAND_OFFS}"
        ));
    }
    if let Some(monthly) = &recurrence.monthly
        && monthly.hand_offs.len() > 31
    {
        return Some("it has more than 31 hand-offs in a month".to_owned());
    }
    let windows = fields.coverage.iter().flatten();
    if windows.clone().count() > MOST_WINDOWS {
        return Some(format!(
            "it covers more than {MOST_WINDOWS} different hours"
        ));
    }
    if windows.clone().any(|w| minutes(&w.start, &w.end) < 30) {
        return Some("it covers hours of less than 30 minutes (CHK-21)".to_owned());
    }
    let tags: BTreeSet<&String> = rotation.tags.keys().chain(contact.tags.keys()).collect();
    let own = tags.into_iter().filter(|key| is_users_tag(key)).count();
    (own > MOST_USER_TAGS).then(|| {
        format!("with the tags of its schedule and the operator's three it would have more than the {MOST_TAGS} that AWS allows")
    })
}

/// From `hh:mm` to `hh:mm`, which is on the next day when it is not later.
fn minutes(start: &str, end: &str) -> i64 {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        Some(hour.parse::<i64>().ok()? * 60 + minute.parse::<i64>().ok()?)
    };
    match (minute(start), minute(end)) {
        (Some(start), Some(end)) if end > start => end - start,
        (Some(start), Some(end)) => end - start + 24 * 60,
        _ => 0,
    }
}

/// Why no manifest can be written for an override.
pub fn override_problem(found: &Override) -> Option<String> {
    if found.members.len() >= SHOWN {
        return Some(format!(
            "AWS shows at most {SHOWN} people of an override, so that it cannot be known who else is in this one"
        ));
    }
    if found.start.subsec_nanosecond() != 0 || found.end.subsec_nanosecond() != 0 {
        return Some("it begins or ends within a second".to_owned());
    }
    (found.end.as_second() - found.start.as_second() < SHORTEST_OVERRIDE)
        .then(|| "it lasts less than 30 minutes (CHK-28)".to_owned())
}
