//! Response plans.

use serde_json::{Map, Value, json};

use crate::error::AwsError;
use crate::iam::Needed;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;

use super::data::{IncidentManager, ResponsePlan, Tags, Template};
use super::pages::{Order, page};
use super::tokens::{Mismatch, remember, replayed};
use super::{LARGEST_PAGE, NAME, action, arn, errors, is_served, tags, visible};

pub(super) fn create_needs(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    let arn = arn_of(call, call.required("name"));
    let mut needed = action(call, &arn);
    if call.input.get("tags").is_some() {
        needed.push(Needed::new(&format!("{NAME}:TagResource"), arn));
    }
    needed.extend(needs_of_others(call));
    needed
}

pub(super) fn update_needs(_: &Account, call: &Call<'_>) -> Vec<Needed> {
    let plan = call.required("arn");
    let mut needed = action(call, plan);
    let has_tags = call.input["incidentTemplateTags"]
        .as_object()
        .is_some_and(|tags| !tags.is_empty());
    if has_tags && let Ok(Some(name)) = arn::local(call, plan, arn::PLAN) {
        let records = arn::of_records(call, name);
        needed.push(Needed::new(&format!("{NAME}:TagResource"), records));
    }
    needed.extend(needs_of_others(call));
    needed
}

/// What a plan's runbook and secret need in other services.
fn needs_of_others(call: &Call<'_>) -> Vec<Needed> {
    let mut needed = Vec::new();
    if let Some(role) = call.input["actions"][0]["ssmAutomation"]["roleArn"].as_str() {
        let pass = Needed::new("iam:PassRole", role);
        needed.push(pass.with_context("iam:PassedToService", "ssm-incidents.amazonaws.com"));
    }
    if let Some(secret) = secret_of(call) {
        needed.push(read_secret(secret));
    }
    needed
}

fn secret_of<'a>(call: &'a Call<'_>) -> Option<&'a str> {
    call.input["integrations"][0]["pagerDutyConfiguration"]["secretId"].as_str()
}

/// The service reads the secret for the caller, and has its own words when it cannot.
fn read_secret(secret: &str) -> Needed {
    Needed::judged_later("secretsmanager:GetSecretValue", secret)
}

fn arn_of(call: &Call<'_>, name: &str) -> String {
    arn::of(call.partition, &call.scope.account, arn::PLAN, name)
}

/// The name of the plan that an ARN names, if it exists.
pub(super) fn find(account: &Account, call: &Call<'_>, arn: &str) -> Result<String, AwsError> {
    let name = arn::local(call, arn, arn::PLAN)?;
    name.filter(|_| is_served(account, &call.scope.region))
        .and_then(|name| account.incident_manager.plans.get(name))
        .filter(|plan| visible(call, plan.created))
        .map(|plan| plan.name.clone())
        .ok_or_else(|| errors::not_found(arn))
}

/// The plan that an ARN names.
fn found<'a>(
    account: &'a mut Account,
    call: &Call<'_>,
    arn: &str,
) -> Result<&'a mut ResponsePlan, AwsError> {
    let name = find(account, call, arn)?;
    account
        .incident_manager
        .plans
        .get_mut(&name)
        .ok_or_else(|| errors::not_found(arn))
}

pub(super) fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

/// A set: every item once, in no order of the caller's.
fn set(mut items: Vec<String>) -> Vec<String> {
    items.sort();
    items.dedup();
    items
}

/// The topics of a list of notification targets.
pub(super) fn targets(value: &Value) -> Vec<String> {
    set(value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|target| target["snsTopicArn"].as_str().map(str::to_owned))
        .collect())
}

/// Notification targets as the API shows them.
pub(super) fn shown_targets(topics: &[String]) -> Vec<Value> {
    topics
        .iter()
        .map(|topic| json!({"snsTopicArn": topic}))
        .collect()
}

/// The topics of a chat channel; none for the empty one.
pub(super) fn chat_of(value: &Value) -> Vec<String> {
    set(texts(&value["chatbotSns"]))
}

/// A chat channel as the API shows it; nothing if there is none and it is not to be shown.
pub(super) fn shown_chat(call: &Call<'_>, topics: &[String]) -> Option<Value> {
    if !topics.is_empty() {
        Some(json!({"chatbotSns": topics}))
    } else if call.knobs.is(Knob::ChatChannelEmptyOnGet, "empty") {
        Some(json!({"empty": {}}))
    } else {
        None
    }
}

pub(super) fn tags_of(value: &Value) -> Tags {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// Publishes a test message to every topic of a chat channel.
pub(super) fn check_chat(
    account: &Account,
    call: &Call<'_>,
    topics: &[String],
) -> Result<(), AwsError> {
    if call.knobs.is(Knob::SnsPublishCheck, "off") {
        return Ok(());
    }
    for topic in topics {
        let parts: Vec<&str> = topic.splitn(6, ':').collect();
        let &["arn", partition, "sns", region, owner, _] = parts.as_slice() else {
            return Err(errors::invalid(format!("Invalid SNS topic ARN {topic}")));
        };
        let here = partition == call.partition
            && owner == call.scope.account
            && is_served(account, region);
        if !here {
            return Err(errors::invalid(format!(
                "The SNS topic {topic} must be in the same account and Region as the response plan"
            )));
        }
        if account.unusable.has_topic(topic) {
            return Err(errors::invalid(format!(
                "Could not publish to the SNS topic {topic}. Make sure that the topic exists and that its access policy allows ssm-incidents.amazonaws.com to publish to it"
            )));
        }
    }
    Ok(())
}

/// What a plan refers to.
fn check(account: &Account, call: &Call<'_>) -> Result<(), AwsError> {
    check_chat(account, call, &chat_of(&call.input["chatChannel"]))?;
    if let Some(secret) = secret_of(call) {
        let needed = [read_secret(secret).now()];
        let allowed = call
            .world
            .authorize(account, call.principal, &needed, "")
            .is_ok();
        if !allowed || secret != secret.trim() || account.unusable.has_secret(secret) {
            return Err(errors::invalid(
                "We were unable to validate the AWS Secrets Manager secret",
            ));
        }
    }
    if call
        .knobs
        .is(Knob::ResponsePlanChecksEngagementExists, "yes")
    {
        for engagement in texts(&call.input["engagements"]) {
            let parts: Vec<&str> = engagement.splitn(6, ':').collect();
            let known = matches!(parts.as_slice(), &[_, _, _, region, owner, resource] if owner == account.id
            && resource.strip_prefix("contact/").is_some_and(|alias| {
                account.contacts.get(region).is_some_and(|found| found.contacts.contains_key(alias))
            }));
            if !known {
                return Err(errors::not_found(&engagement));
            }
        }
    }
    Ok(())
}

pub(super) fn create(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let name = call.required("name").to_owned();
    let arn = arn_of(call, &name);
    let stands = account.incident_manager.plans.contains_key(&name);
    if let Some((output, _)) = replayed(account, call, &Mismatch::Conflict)?
        && (stands || call.knobs.is(Knob::TokenAfterDelete, "original-arn"))
    {
        return Ok(output);
    }
    if !is_served(account, &call.scope.region) {
        return Err(errors::not_onboarded());
    }
    if call.input.get("tags").is_some() {
        tags::check_region(account, call)?;
    }
    if stands {
        return Err(errors::conflict(
            &arn,
            format!("A response plan with the name {name} already exists."),
            None,
        ));
    }
    check(account, call)?;
    let input = call.input;
    let template = &input["incidentTemplate"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let plan = ResponsePlan {
        arn: arn.clone(),
        name: name.clone(),
        display_name: text(&input["displayName"]),
        template: Template {
            title: text(&template["title"]).unwrap_or_default(),
            impact: template["impact"].as_i64().unwrap_or_default(),
            summary: text(&template["summary"]),
            dedupe_string: text(&template["dedupeString"]),
            notification_targets: template.get("notificationTargets").map(targets),
            incident_tags: tags_of(&template["incidentTags"]),
        },
        actions: list(&input["actions"]),
        engagements: set(texts(&input["engagements"])),
        integrations: list(&input["integrations"]),
        chat: chat_of(&input["chatChannel"]),
        tags: tags_of(&input["tags"]),
        policies: Vec::new(),
        created: call.now,
    };
    account.incident_manager.plans.insert(name, plan);
    let output = json!({"arn": arn});
    remember(account, call, &output, &arn);
    Ok(output)
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn shown_template(template: &Template) -> Value {
    let mut shown = json!({"title": template.title, "impact": template.impact});
    if let Some(summary) = &template.summary {
        shown["summary"] = summary.clone().into();
    }
    if let Some(dedupe) = &template.dedupe_string {
        shown["dedupeString"] = dedupe.clone().into();
    }
    if let Some(targets) = &template.notification_targets {
        shown["notificationTargets"] = shown_targets(targets).into();
    }
    if !template.incident_tags.is_empty() {
        shown["incidentTags"] = json!(template.incident_tags);
    }
    shown
}

/// An action, with what AWS takes for granted if it is to be shown.
fn shown_action(call: &Call<'_>, action: &Value) -> Value {
    let mut shown = action.clone();
    if call.knobs.is(Knob::AutomationDefaultsOnGet, "filled")
        && let Some(automation) = shown["ssmAutomation"].as_object_mut()
    {
        for (name, value) in [
            ("documentVersion", "$DEFAULT"),
            ("targetAccount", "RESPONSE_PLAN_OWNER_ACCOUNT"),
        ] {
            automation.entry(name).or_insert_with(|| value.into());
        }
    }
    shown
}

fn summary(plan: &ResponsePlan) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("arn".to_owned(), plan.arn.clone().into());
    shown.insert("name".to_owned(), plan.name.clone().into());
    if let Some(name) = &plan.display_name {
        shown.insert("displayName".to_owned(), name.clone().into());
    }
    shown
}

pub(super) fn get(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let plan = found(account, call, call.required("arn"))?;
    let mut shown = Value::Object(summary(plan));
    shown["incidentTemplate"] = shown_template(&plan.template);
    if let Some(chat) = shown_chat(call, &plan.chat) {
        shown["chatChannel"] = chat;
    }
    shown["engagements"] = json!(plan.engagements);
    let actions = plan.actions.iter();
    shown["actions"] = actions.map(|action| shown_action(call, action)).collect();
    shown["integrations"] = json!(plan.integrations);
    Ok(shown)
}

pub(super) fn update(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("arn");
    if let Some((output, _)) = replayed(account, call, &Mismatch::Conflict)? {
        return Ok(output);
    }
    let name = find(account, call, arn)?;
    check(account, call)?;
    let input = call.input;
    if let Some(plan) = account.incident_manager.plans.get_mut(&name) {
        let text = |member: &str| input.get(member)?.as_str().map(str::to_owned);
        if let Some(name) = text("displayName") {
            plan.display_name = Some(name);
        }
        if let Some(title) = text("incidentTemplateTitle") {
            plan.template.title = title;
        }
        if let Some(impact) = input.get("incidentTemplateImpact").and_then(Value::as_i64) {
            plan.template.impact = impact;
        }
        if let Some(summary) = text("incidentTemplateSummary") {
            plan.template.summary = Some(summary);
        }
        if let Some(dedupe) = text("incidentTemplateDedupeString") {
            plan.template.dedupe_string = Some(dedupe);
        }
        if let Some(topics) = input.get("incidentTemplateNotificationTargets") {
            plan.template.notification_targets = Some(targets(topics));
        }
        if let Some(tags) = input.get("incidentTemplateTags") {
            plan.template.incident_tags = tags_of(tags);
        }
        if let Some(chat) = input.get("chatChannel") {
            plan.chat = chat_of(chat);
        }
        if let Some(engagements) = input.get("engagements") {
            plan.engagements = set(texts(engagements));
        }
        if let Some(actions) = input.get("actions") {
            plan.actions = list(actions);
        }
        if let Some(integrations) = input.get("integrations") {
            plan.integrations = list(integrations);
        }
    }
    remember(account, call, &json!({}), arn);
    Ok(json!({}))
}

pub(super) fn delete(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let arn = call.required("arn");
    let name = arn::local(call, arn, arn::PLAN)?;
    let gone = name
        .filter(|_| is_served(account, &call.scope.region))
        .and_then(|name| account.incident_manager.plans.remove(name));
    if gone.is_none() && call.knobs.is(Knob::DeleteMissingResponsePlan, "404") {
        return Err(errors::not_found(arn));
    }
    Ok(json!({}))
}

pub(super) fn list_all(account: &mut Account, call: &mut Call<'_>) -> Result<Value, AwsError> {
    let served = is_served(account, &call.scope.region);
    let IncidentManager { plans, .. } = &account.incident_manager;
    let shown = plans
        .values()
        .filter(|plan| served && visible(call, plan.created))
        .map(|plan| (plan.name.clone(), Value::Object(summary(plan))))
        .collect();
    page(
        call,
        "responsePlanSummaries",
        shown,
        Order::Ascending,
        LARGEST_PAGE,
        "",
    )
}
