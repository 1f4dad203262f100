//! From what an account holds to what is exported. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{
    Channel, ChannelUse, EscalationPlan, EscalationStage, EscalationTarget, LeftOut, Person, Place,
    Rotation, Schedule, Stage, TargetKind, own_tags, safe_name,
};
use crate::aws::{Placement, rotations};
use crate::import::account::{self, Contact, Content, Target};
use crate::schedule::Override;

/// Contacts of all types, by ARN.
pub type Contacts = BTreeMap<String, Contact>;
/// Rotations with the overrides that run or are to come, by ARN.
pub type Rotations = BTreeMap<String, (rotations::Found, Vec<Override<String>>)>;

fn alias_of(arn: &str) -> String {
    arn.rsplit_once('/')
        .map_or(arn, |(_, alias)| alias)
        .to_owned()
}

/// What is exported of an account.
pub fn place(
    placement: &Placement,
    contacts: &Contacts,
    rotations: &Rotations,
    with_addresses: bool,
) -> Place {
    let mut place = Place {
        account_id: placement.account_id.clone(),
        region: placement.region.clone(),
        ..Place::default()
    };
    let mut used = BTreeSet::new();
    for contact in contacts.values() {
        let tags = own_tags(&contact.tags);
        let (name, display_name) = (contact.alias.clone(), contact.display_name.clone());
        match &contact.content {
            Content::Person { stages, channels } => {
                let (channels, engagement) =
                    person(&name, stages, channels, with_addresses, &mut place.left_out);
                place.people.push(Person {
                    name,
                    display_name,
                    object: None,
                    channels,
                    engagement,
                    tags,
                });
            }
            Content::EscalationPlan { stages } => {
                let stages = stages.iter().map(|s| EscalationStage {
                    minutes: s.duration,
                    targets: s
                        .targets
                        .iter()
                        .filter_map(|t| target(&name, t, contacts, &mut place.left_out))
                        .collect(),
                });
                let stages = stages.collect();
                place.plans.push(EscalationPlan {
                    name,
                    display_name,
                    object: None,
                    stages,
                    tags,
                });
            }
            Content::Schedule { rotations: arns } => {
                let mut of_it = vec![];
                for arn in arns {
                    used.insert(arn.as_str());
                    match rotations.get(arn) {
                        None => place.left_out.push(LeftOut {
                            subject: name.clone(),
                            reason: format!("it names rotation {arn}, which AWS does not have"),
                        }),
                        Some((found, overrides)) => match rotation(found, overrides) {
                            Some(rotation) => of_it.push(rotation),
                            None => place.left_out.push(LeftOut {
                                subject: format!("{name}/{}", found.name),
                                reason: "this version does not understand its recurrence"
                                    .to_owned(),
                            }),
                        },
                    }
                }
                place.schedules.push(Schedule {
                    name,
                    display_name,
                    object: None,
                    rotations: of_it,
                    tags,
                });
            }
            Content::Unknown => place.left_out.push(LeftOut {
                subject: name,
                reason: "it is of a type that this version does not know".to_owned(),
            }),
        }
    }
    for (arn, (found, _)) in rotations {
        if !used.contains(arn.as_str()) {
            place.left_out.push(LeftOut {
                subject: found.name.clone(),
                reason: format!("rotation {arn} is in no schedule"),
            });
        }
    }
    place.people.sort_by(|a, b| a.name.cmp(&b.name));
    place.schedules.sort_by(|a, b| a.name.cmp(&b.name));
    place.plans.sort_by(|a, b| a.name.cmp(&b.name));
    place.left_out.sort();
    place
}

fn person(
    name: &str,
    stages: &[account::Stage],
    channels: &[account::Channel],
    with_addresses: bool,
    left_out: &mut Vec<LeftOut>,
) -> (Vec<Channel>, Vec<Stage>) {
    let mut names = BTreeMap::new();
    let mut shown = vec![];
    for (index, channel) in channels.iter().enumerate() {
        let safe = safe_name(&channel.name, &channel.address, index);
        let Some(type_) = channel.type_ else {
            left_out.push(LeftOut {
                subject: name.to_owned(),
                reason: format!("channel \"{safe}\" is of a type that this version does not know"),
            });
            continue;
        };
        names.insert(channel.arn.as_str(), safe.clone());
        shown.push(Channel {
            name: safe,
            type_,
            address: with_addresses.then(|| channel.address.clone()),
        });
    }
    shown.sort_by(|a, b| a.name.cmp(&b.name));
    let mut engagement = vec![];
    for (number, stage) in stages.iter().enumerate() {
        let mut channels = vec![];
        for target in &stage.targets {
            match target {
                Target::Channel { arn, retry } if names.contains_key(arn.as_str()) => {
                    channels.push(ChannelUse {
                        channel: names[arn.as_str()].clone(),
                        retry_minutes: *retry,
                    });
                }
                _ => left_out.push(LeftOut {
                    subject: name.to_owned(),
                    reason: format!(
                        "stage {} of the engagement plan uses a channel that is not there any more",
                        number + 1
                    ),
                }),
            }
        }
        engagement.push(Stage {
            minutes: stage.duration,
            channels,
        });
    }
    (shown, engagement)
}

fn target(
    plan: &str,
    target: &Target,
    contacts: &Contacts,
    left_out: &mut Vec<LeftOut>,
) -> Option<EscalationTarget> {
    let Target::Contact {
        arn: Some(arn),
        essential,
    } = target
    else {
        left_out.push(LeftOut {
            subject: plan.to_owned(),
            reason: "a target names nobody".to_owned(),
        });
        return None;
    };
    let kind = match contacts.get(arn).map(|c| &c.content) {
        Some(Content::Person { .. }) => TargetKind::Person,
        Some(Content::Schedule { .. }) => TargetKind::Schedule,
        _ => TargetKind::Unknown,
    };
    Some(EscalationTarget {
        kind,
        name: alias_of(arn),
        stops_escalation: *essential,
    })
}

fn rotation(found: &rotations::Found, overrides: &[Override<String>]) -> Option<Rotation> {
    let mut settings = found.settings.clone()?;
    let names = |arns: &[String]| arns.iter().map(|arn| alias_of(arn)).collect::<Vec<_>>();
    settings.members = names(&settings.members);
    let overrides = overrides.iter().map(|one| {
        let mut one = one.clone();
        one.members = names(&one.members);
        one
    });
    Some(Rotation {
        name: found.name.clone(),
        settings,
        overrides: overrides.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::contact::ChannelType;

    fn arn(name: &str) -> String {
        format!("arn:aws:ssm-contacts:us-east-1:123456789012:contact/{name}")
    }

    fn contact(alias: &str, content: Content) -> (String, Contact) {
        let contact = Contact {
            arn: arn(alias),
            alias: alias.to_owned(),
            display_name: String::new(),
            content,
            tags: BTreeMap::new(),
        };
        (arn(alias), contact)
    }

    #[test]
    fn what_is_broken_is_told_and_the_rest_is_there() {
        let channel = |arn: &str, name: &str| account::Channel {
            arn: arn.to_owned(),
            name: name.to_owned(),
            type_: Some(ChannelType::SMS),
            address: "+15005550199".to_owned(),
        };
        let uses = |arn: &str| Target::Channel {
            arn: arn.to_owned(),
            retry: Some(1),
        };
        let alice = Content::Person {
            channels: vec![channel("c1", "mobile"), channel("c2", "+15005550199")],
            stages: vec![account::Stage {
                duration: 5,
                targets: vec![uses("c2"), uses("deleted")],
            }],
        };
        let engages = |arn: Option<String>| Target::Contact {
            arn,
            essential: true,
        };
        let plan = Content::EscalationPlan {
            stages: vec![account::Stage {
                duration: 5,
                targets: vec![
                    engages(Some(arn("alice"))),
                    engages(Some(arn("ghost"))),
                    engages(None),
                ],
            }],
        };
        let schedule = Content::Schedule {
            rotations: vec!["r-missing".to_owned()],
        };
        let contacts = BTreeMap::from([
            contact("alice", alice),
            contact("ladder", plan),
            contact("primary", schedule),
        ]);
        let lonely = rotations::Found {
            arn: "r-lonely".to_owned(),
            name: "lonely".to_owned(),
            settings: None,
        };
        let rotations = BTreeMap::from([("r-lonely".to_owned(), (lonely, vec![]))]);
        let placement = Placement::new("123456789012", "us-east-1");
        let place = super::place(&placement, &contacts, &rotations, false);
        let names: Vec<&str> = place.people[0]
            .channels
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        assert_eq!(names, ["channel-2", "mobile"]);
        assert_eq!(
            place.people[0].engagement[0].channels[0].channel,
            "channel-2"
        );
        assert_eq!(place.people[0].channels[0].address, None);
        let kinds: Vec<_> = place.plans[0].stages[0]
            .targets
            .iter()
            .map(|t| t.kind)
            .collect();
        assert_eq!(kinds, [TargetKind::Person, TargetKind::Unknown]);
        let subjects: Vec<&str> = place.left_out.iter().map(|l| l.subject.as_str()).collect();
        assert_eq!(subjects, ["alice", "ladder", "lonely", "primary"]);
    }
}
