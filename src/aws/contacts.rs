//! Calls that people, schedules and escalation plans have in common: all three are contacts to AWS. It sends and decides nothing.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_ssmcontacts::types;

use super::{CallError, ErrorClass, Operation, Session};

/// What a contact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactType {
    /// PERSONAL.
    Person,
    /// ONCALL_SCHEDULE.
    Schedule,
    /// ESCALATION.
    EscalationPlan,
    /// A type that this version does not know.
    Unknown,
}

impl fmt::Display for ContactType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person => "a contact",
            Self::Schedule => "an on-call schedule",
            Self::EscalationPlan => "an escalation plan",
            Self::Unknown => "something that this version of the operator does not know",
        })
    }
}

/// A contact as AWS has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// ARN.
    pub arn: String,
    /// Alias.
    pub alias: String,
    /// Display name; empty = none.
    pub display_name: String,
    /// What it is.
    pub type_: ContactType,
    /// Stages, or ids of rotations.
    pub plan: types::Plan,
}

/// A contact to be made.
#[derive(Debug, Clone)]
pub struct Creation<'a> {
    /// Alias.
    pub alias: &'a str,
    /// Display name; empty = none.
    pub display_name: &'a str,
    /// What it is.
    pub type_: types::ContactType,
    /// Stages, or ids of rotations.
    pub plan: types::Plan,
    /// Tags.
    pub tags: &'a BTreeMap<String, String>,
}

/// GetContact. `None` = AWS has none.
pub async fn get(session: &Session, arn: &str) -> Result<Option<Found>, CallError> {
    let request = session.contacts().get_contact().contact_id(arn);
    let contact = match session.send(Operation::GetContact, request.send()).await {
        Ok(contact) => contact,
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(Found {
        arn: contact.contact_arn,
        alias: contact.alias,
        display_name: contact.display_name.unwrap_or_default(),
        type_: type_from(&contact.r#type),
        plan: contact
            .plan
            .unwrap_or_else(|| types::Plan::builder().build()),
    }))
}

/// A type in our own words.
pub fn type_from(type_: &types::ContactType) -> ContactType {
    match type_ {
        types::ContactType::Personal => ContactType::Person,
        types::ContactType::OncallSchedule => ContactType::Schedule,
        types::ContactType::Escalation => ContactType::EscalationPlan,
        _ => ContactType::Unknown,
    }
}

/// CreateContact. Answers with the ARN.
pub async fn create(
    session: &Session,
    creation: Creation<'_>,
    token: &str,
) -> Result<String, CallError> {
    let display_name = Some(creation.display_name).filter(|n| !n.is_empty());
    let request = session
        .contacts()
        .create_contact()
        .alias(creation.alias)
        .set_display_name(display_name.map(str::to_owned))
        .r#type(creation.type_)
        .plan(creation.plan)
        .set_tags(Some(tags_to(creation.tags)).filter(|t| !t.is_empty()))
        .idempotency_token(token);
    let output = session
        .send(Operation::CreateContact, request.send())
        .await?;
    Ok(output.contact_arn)
}

/// UpdateContact. What is `None` stays as it is; an empty display name takes it away; a plan replaces the whole plan.
pub async fn update(
    session: &Session,
    arn: &str,
    display_name: Option<&str>,
    plan: Option<types::Plan>,
) -> Result<(), CallError> {
    let request = session
        .contacts()
        .update_contact()
        .contact_id(arn)
        .set_display_name(display_name.map(str::to_owned))
        .set_plan(plan);
    session
        .send(Operation::UpdateContact, request.send())
        .await?;
    Ok(())
}

/// DeleteContact. AWS leaves references to it where they are.
pub async fn delete(session: &Session, arn: &str) -> Result<(), CallError> {
    let request = session.contacts().delete_contact().contact_id(arn);
    session
        .send(Operation::DeleteContact, request.send())
        .await?;
    Ok(())
}

/// ListTagsForResource, of a contact or rotation.
pub async fn tags(session: &Session, arn: &str) -> Result<BTreeMap<String, String>, CallError> {
    let request = session
        .contacts()
        .list_tags_for_resource()
        .resource_arn(arn);
    let output = session
        .send(Operation::ListTagsForContact, request.send())
        .await?;
    let tags = output.tags.unwrap_or_default().into_iter();
    Ok(tags
        .filter_map(|t| Some((t.key?, t.value.unwrap_or_default())))
        .collect())
}

/// TagResource, of a contact or rotation.
pub async fn set_tags(
    session: &Session,
    arn: &str,
    tags: &BTreeMap<String, String>,
) -> Result<(), CallError> {
    let request = session
        .contacts()
        .tag_resource()
        .resource_arn(arn)
        .set_tags(Some(tags_to(tags)));
    session.send(Operation::TagContact, request.send()).await?;
    Ok(())
}

/// UntagResource, of a contact or rotation.
pub async fn remove_tags(session: &Session, arn: &str, keys: &[String]) -> Result<(), CallError> {
    let request = session
        .contacts()
        .untag_resource()
        .resource_arn(arn)
        .set_tag_keys(Some(keys.to_vec()));
    session
        .send(Operation::UntagContact, request.send())
        .await?;
    Ok(())
}

/// Tags as the API takes them.
pub fn tags_to(tags: &BTreeMap<String, String>) -> Vec<types::Tag> {
    tags.iter()
        .map(|(k, v)| types::Tag::builder().key(k).value(v).build())
        .collect()
}
