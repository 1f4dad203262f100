//! Reads and writes response plans. The only file here that sends, and it decides nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_ssmincidents::types;

use super::desired::{Automation, Content, PagerDuty, is_default_version};
use super::observed::{Engaged, Observed};
use super::plan::{Change, Update};
use crate::api::response_plan::{DynamicVariable, TargetAccount};
use crate::aws::contacts::{self, ContactType};
use crate::aws::{CallError, ErrorClass, Operation, Session, incidents, records};
use crate::engine::Applied;

/// Everybody whom a plan may engage, by ARN.
#[derive(Debug)]
struct Everybody(BTreeMap<String, ContactType>);

/// Most contacts of a page.
const MOST_LISTED: i32 = 1024;
/// How old a list of open incidents may be.
const OPEN_AGE: Duration = Duration::from_secs(60);

/// Reads a response plan and what is known about it elsewhere in AWS, of which lists may be as old as `list_age`. `None` = AWS has none.
pub async fn observe(
    session: &Session,
    arn: &str,
    list_age: Duration,
) -> Result<Option<Observed>, CallError> {
    let Some(mut observed) = get(session, arn).await? else {
        return Ok(None);
    };
    observed.engaged = engaged(session, &observed.content.engagements, list_age).await?;
    observed.open_incidents = match records::open(session, list_age.min(OPEN_AGE)).await {
        Ok(open) => Some(of_plan(&open, &observed.arn)),
        Err(error) if error.class == ErrorClass::GaveWay => return Err(error),
        // A number in a status is no reason to leave a plan alone.
        Err(error) => {
            tracing::debug!(%error, "open incidents are not counted");
            None
        }
    };
    Ok(Some(observed))
}

/// GetResponsePlan. `None` = AWS has none.
pub async fn get(session: &Session, arn: &str) -> Result<Option<Observed>, CallError> {
    let request = session.incidents().get_response_plan().arn(arn);
    let found = match session
        .send(Operation::GetResponsePlan, request.send())
        .await
    {
        Ok(found) => found,
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut odd = BTreeSet::new();
    let mut content = found
        .incident_template
        .map_or_else(Content::default, |t| template_from(t, &mut odd));
    content.display_name = found.display_name.unwrap_or_default();
    content.engagements = found.engagements.into_iter().flatten().collect();
    content.chat_channel = match found.chat_channel {
        Some(types::ChatChannel::ChatbotSns(topics)) => topics.into_iter().collect(),
        None | Some(types::ChatChannel::Empty(_)) => BTreeSet::new(),
        Some(_) => {
            odd.insert("chatChannel");
            BTreeSet::new()
        }
    };
    content.automation = match found.actions.into_iter().flatten().next() {
        None => None,
        Some(action) => {
            let understood = match action {
                types::Action::SsmAutomation(automation) => automation_from(automation),
                _ => None,
            };
            if understood.is_none() {
                odd.insert("automation");
            }
            understood
        }
    };
    content.pager_duty = match found.integrations.into_iter().flatten().next() {
        None => None,
        Some(types::Integration::PagerDutyConfiguration(service)) => Some(PagerDuty {
            name: service.name,
            service_id: service
                .pager_duty_incident_configuration
                .map(|c| c.service_id)
                .unwrap_or_default(),
            secret_id: service.secret_id,
        }),
        Some(_) => {
            odd.insert("pagerDuty");
            None
        }
    };
    Ok(Some(Observed {
        arn: found.arn,
        content,
        not_understood: odd,
        engaged: Engaged::default(),
        open_incidents: None,
    }))
}

/// Sends one change.
pub async fn apply(
    session: &Session,
    arn: &str,
    change: &Change,
    token: &str,
) -> Result<Applied, CallError> {
    match change {
        Change::Create {
            name,
            content,
            tags,
        } => {
            let id = create(session, name, content, tags, token).await?;
            return Ok(Applied {
                id: Some(id),
                save_now: false,
            });
        }
        Change::Update(change) => update(session, arn, change).await?,
        Change::SetTags(tags) => incidents::set_tags(session, arn, tags).await?,
        Change::RemoveTags(keys) => incidents::remove_tags(session, arn, keys).await?,
        Change::Delete => {
            let request = session.incidents().delete_response_plan().arn(arn);
            session
                .send(Operation::DeleteResponsePlan, request.send())
                .await?;
        }
    }
    Ok(Applied::default())
}

/// What is empty is left out: AWS refuses some of it.
async fn create(
    session: &Session,
    name: &str,
    content: &Content,
    tags: &BTreeMap<String, String>,
    token: &str,
) -> Result<String, CallError> {
    let operation = Operation::CreateResponsePlan;
    let text = |text: &String| Some(text.clone()).filter(|t| !t.is_empty());
    let template = types::IncidentTemplate::builder()
        .title(&content.title)
        .impact(content.impact)
        .set_summary(text(&content.summary))
        .set_dedupe_string(text(&content.dedupe_string))
        .set_notification_targets(
            Some(targets_to(&content.notification_targets)).filter(|t| !t.is_empty()),
        )
        .set_incident_tags(incidents::tags_to(&content.incident_tags))
        .build()
        .map_err(|error| incomplete(operation, &error))?;
    let actions = content
        .automation
        .as_ref()
        .map(|a| automation_to(a, operation))
        .transpose()?;
    let integrations = content
        .pager_duty
        .as_ref()
        .map(|p| pager_duty_to(p, operation))
        .transpose()?;
    let engagements: Vec<String> = content.engagements.iter().cloned().collect();
    let chat = (!content.chat_channel.is_empty()).then(|| chat_to(&content.chat_channel));
    let request = session
        .incidents()
        .create_response_plan()
        .name(name)
        .set_display_name(text(&content.display_name))
        .incident_template(template)
        .set_engagements(Some(engagements).filter(|e| !e.is_empty()))
        .set_chat_channel(chat)
        .set_actions(actions.map(|a| vec![a]))
        .set_integrations(integrations.map(|i| vec![i]))
        .set_tags(incidents::tags_to(tags))
        .client_token(token);
    let output = session.send(operation, request.send()).await?;
    Ok(output.arn)
}

/// What is `None` is left out and stays; what is empty is sent empty and is cleared.
async fn update(session: &Session, arn: &str, update: &Update) -> Result<(), CallError> {
    let operation = Operation::UpdateResponsePlan;
    let actions = match &update.automation {
        None => None,
        Some(None) => Some(vec![]),
        Some(Some(automation)) => Some(vec![automation_to(automation, operation)?]),
    };
    let integrations = match &update.pager_duty {
        None => None,
        Some(None) => Some(vec![]),
        Some(Some(service)) => Some(vec![pager_duty_to(service, operation)?]),
    };
    let targets = update.notification_targets.as_ref().map(targets_to);
    let tags = update.incident_tags.clone();
    let tags: Option<HashMap<_, _>> = tags.map(|tags| tags.into_iter().collect());
    let engagements = update.engagements.as_ref();
    let request = session
        .incidents()
        .update_response_plan()
        .arn(arn)
        .set_display_name(update.display_name.clone())
        .set_incident_template_title(update.title.clone())
        .set_incident_template_impact(update.impact)
        .set_incident_template_summary(update.summary.clone())
        .set_incident_template_dedupe_string(update.dedupe_string.clone())
        .set_incident_template_notification_targets(targets)
        .set_incident_template_tags(tags)
        .set_engagements(engagements.map(|e| e.iter().cloned().collect()))
        .set_chat_channel(update.chat_channel.as_ref().map(chat_to))
        .set_actions(actions)
        .set_integrations(integrations);
    session.send(operation, request.send()).await?;
    Ok(())
}

/// What those who are engaged are. A list that many plans share says it of most; who is not in it is asked for.
async fn engaged(
    session: &Session,
    engagements: &BTreeSet<String>,
    list_age: Duration,
) -> Result<Engaged, CallError> {
    let mut found = Engaged::default();
    if engagements.is_empty() {
        return Ok(found);
    }
    match look_at_engaged(session, engagements, list_age).await {
        Ok(types) => found.types = types,
        Err(error) if error.class == ErrorClass::GaveWay => return Err(error),
        Err(error) => found.unread = Some(error.to_string()),
    }
    Ok(found)
}

async fn look_at_engaged(
    session: &Session,
    engagements: &BTreeSet<String>,
    list_age: Duration,
) -> Result<BTreeMap<String, Option<ContactType>>, CallError> {
    let list = session.account.list::<Everybody>();
    let operation = Operation::ListContacts;
    let everybody = session
        .shared(&list, operation, None, list_age, everybody(session))
        .await?;
    let mut found = BTreeMap::new();
    for arn in engagements {
        let what = match everybody.0.get(arn) {
            Some(what) => Some(*what),
            // Of another account or Region: nothing is known of it here.
            None if !is_here(session, arn) => continue,
            // Made since the list was read, or gone.
            None => contacts::get(session, arn).await?.map(|c| c.type_),
        };
        found.insert(arn.clone(), what);
    }
    Ok(found)
}

fn is_here(session: &Session, arn: &str) -> bool {
    let placement = &session.account.config.placement;
    crate::aws::Arn::parse(arn).is_ok_and(|arn| arn.is_in(placement))
}

async fn everybody(session: &Session) -> Result<Everybody, CallError> {
    let mut all = BTreeMap::new();
    let mut next = None;
    loop {
        let request = session
            .contacts()
            .list_contacts()
            .max_results(MOST_LISTED)
            .set_next_token(next);
        let page = session
            .send(Operation::ListContacts, request.send())
            .await?;
        for contact in page.contacts.unwrap_or_default() {
            let type_ = contacts::type_from(&contact.r#type);
            all.insert(contact.contact_arn, type_);
        }
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            return Ok(Everybody(all));
        }
    }
}

fn of_plan(open: &records::Open, plan: &str) -> usize {
    let plans = open.0.iter().map(records::Summary::response_plan);
    plans.filter(|of| of.as_deref() == Some(plan)).count()
}

fn template_from(template: types::IncidentTemplate, odd: &mut BTreeSet<&'static str>) -> Content {
    let mut topics = BTreeSet::new();
    for target in template.notification_targets.into_iter().flatten() {
        match target {
            types::NotificationTargetItem::SnsTopicArn(topic) => {
                topics.insert(topic);
            }
            _ => {
                odd.insert("incidentTemplate.notificationTargets");
            }
        }
    }
    Content {
        title: template.title,
        impact: template.impact,
        summary: template.summary.unwrap_or_default(),
        dedupe_string: template.dedupe_string.unwrap_or_default(),
        notification_targets: topics,
        incident_tags: template.incident_tags.into_iter().flatten().collect(),
        ..Content::default()
    }
}

/// `None` = there is something in it that this version does not understand.
fn automation_from(automation: types::SsmAutomation) -> Option<Automation> {
    let target_account = match automation.target_account {
        None | Some(types::SsmTargetAccount::ResponsePlanOwnerAccount) => {
            TargetAccount::ResponsePlanOwnerAccount
        }
        Some(types::SsmTargetAccount::ImpactedAccount) => TargetAccount::ImpactedAccount,
        Some(_) => return None,
    };
    let mut dynamic_parameters = BTreeMap::new();
    for (name, value) in automation.dynamic_parameters.into_iter().flatten() {
        let variable = match value {
            types::DynamicSsmParameterValue::Variable(types::VariableType::IncidentRecordArn) => {
                DynamicVariable::IncidentRecordArn
            }
            types::DynamicSsmParameterValue::Variable(types::VariableType::InvolvedResources) => {
                DynamicVariable::InvolvedResources
            }
            _ => return None,
        };
        dynamic_parameters.insert(name, variable);
    }
    Some(Automation {
        document_name: automation.document_name,
        document_version: automation
            .document_version
            .filter(|v| !is_default_version(v)),
        role_arn: automation.role_arn,
        target_account,
        parameters: automation.parameters.into_iter().flatten().collect(),
        dynamic_parameters,
    })
}

/// Maps without an entry are left out: AWS refuses them.
fn automation_to(
    automation: &Automation,
    operation: Operation,
) -> Result<types::Action, CallError> {
    let parameters: HashMap<_, _> = automation.parameters.clone().into_iter().collect();
    let variable = |variable: DynamicVariable| {
        types::DynamicSsmParameterValue::Variable(match variable {
            DynamicVariable::IncidentRecordArn => types::VariableType::IncidentRecordArn,
            DynamicVariable::InvolvedResources => types::VariableType::InvolvedResources,
        })
    };
    let dynamic = automation.dynamic_parameters.iter();
    let dynamic: HashMap<_, _> = dynamic.map(|(k, v)| (k.clone(), variable(*v))).collect();
    let built = types::SsmAutomation::builder()
        .document_name(&automation.document_name)
        .set_document_version(automation.document_version.clone())
        .role_arn(&automation.role_arn)
        .target_account(match automation.target_account {
            TargetAccount::ResponsePlanOwnerAccount => {
                types::SsmTargetAccount::ResponsePlanOwnerAccount
            }
            TargetAccount::ImpactedAccount => types::SsmTargetAccount::ImpactedAccount,
        })
        .set_parameters(Some(parameters).filter(|p| !p.is_empty()))
        .set_dynamic_parameters(Some(dynamic).filter(|p| !p.is_empty()))
        .build()
        .map_err(|error| incomplete(operation, &error))?;
    Ok(types::Action::SsmAutomation(built))
}

fn pager_duty_to(
    service: &PagerDuty,
    operation: Operation,
) -> Result<types::Integration, CallError> {
    let incident = types::PagerDutyIncidentConfiguration::builder()
        .service_id(&service.service_id)
        .build()
        .map_err(|error| incomplete(operation, &error))?;
    let built = types::PagerDutyConfiguration::builder()
        .name(&service.name)
        .secret_id(&service.secret_id)
        .pager_duty_incident_configuration(incident)
        .build()
        .map_err(|error| incomplete(operation, &error))?;
    Ok(types::Integration::PagerDutyConfiguration(built))
}

/// `{}` is invalid: no chat channel has a form of its own.
fn chat_to(topics: &BTreeSet<String>) -> types::ChatChannel {
    if topics.is_empty() {
        types::ChatChannel::Empty(types::EmptyChatChannel::builder().build())
    } else {
        types::ChatChannel::ChatbotSns(topics.iter().cloned().collect())
    }
}

fn targets_to(topics: &BTreeSet<String>) -> Vec<types::NotificationTargetItem> {
    let topics = topics.iter().cloned();
    topics
        .map(types::NotificationTargetItem::SnsTopicArn)
        .collect()
}

fn incomplete(operation: Operation, error: &impl std::fmt::Display) -> CallError {
    CallError::new(operation, ErrorClass::Invalid).with_detail(error.to_string())
}
