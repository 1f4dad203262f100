//! Response plans as manifests, and what of them no manifest can say. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::account::{Account, ResponsePlan};
use super::expressible::{Verdict, is_users_tag};
use crate::api::response_plan::{Impact, TargetAccount};
use crate::aws::tag::{self, MOST_TAGS, MOST_USER_TAGS, OWN_PREFIX};
use crate::aws::{Arn, Placement};
use crate::resources::response_plan::desired::{Automation, Content};

/// What a manifest can say of `plan`; what is left out are tags, by key.
pub fn verdict(account: &Account, plan: &ResponsePlan) -> Verdict {
    if let Some(message) = problem(account, plan) {
        return Verdict::Nothing(message);
    }
    let left_out = plan.tags.iter().filter(|(key, _)| is_users_tag(key));
    let left_out = left_out.filter_map(|(key, value)| {
        let one = BTreeMap::from([(key.clone(), value.clone())]);
        let why = if value.is_empty() {
            "it has no value"
        } else if tag::problems(&one).is_empty() {
            return None;
        } else {
            "it has characters that AWS takes on a response plan and not on a contact, and spec.tags has one rule for all kinds"
        };
        let message = format!("tag {key} stays in AWS, and the manifest is without it: {why}");
        Some((key.clone(), message))
    });
    Verdict::AllBut(left_out.collect())
}

fn problem(account: &Account, plan: &ResponsePlan) -> Option<String> {
    let content = &plan.content;
    let here = Placement::new(&account.account_id, &account.region);
    let own = plan.tags.keys().filter(|key| is_users_tag(key)).count();
    if own > MOST_USER_TAGS {
        return Some(format!(
            "it has {own} tags: AWS allows {MOST_TAGS} and the operator needs three of its own. Take some off in AWS first"
        ));
    }
    if let Some(owner) = other_account(&plan.arn, &account.account_id) {
        return Some(format!(
            "it is shared by account {owner}: import it there, and name it here by its ARN"
        ));
    }
    if !plan.not_understood.is_empty() {
        let fields: Vec<&str> = plan.not_understood.iter().map(String::as_str).collect();
        return Some(format!(
            "{} is set up in AWS in a way that this version does not understand",
            fields.join(", ")
        ));
    }
    if Impact::from_number(content.impact).is_none() {
        return Some(format!(
            "its impact is {}, and 1 to 5 are known",
            content.impact
        ));
    }
    if content.title.is_empty() {
        return Some("its incidents have no title: give them one in AWS first".to_owned());
    }
    let elsewhere = |arn: &&String| !Arn::parse(arn.as_str()).is_ok_and(|arn| arn.is_in(&here));
    if let Some(arn) = content.engagements.iter().find(elsewhere) {
        return Some(format!(
            "it engages {arn}, which is in another account or Region: an object names who is in the same place (CHK-32)"
        ));
    }
    let topics = content.chat_channel.iter();
    for topic in topics.chain(&content.notification_targets) {
        let parsed = Arn::parse(topic.as_str()).ok();
        let regions = account
            .replication_set
            .iter()
            .flat_map(|s| s.regions.keys());
        let regions: BTreeSet<&str> = regions
            .map(String::as_str)
            .chain([account.region.as_str()])
            .collect();
        let usable = |arn: &Arn| {
            let name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
            arn.service() == "sns"
                && arn.account() == account.account_id
                && regions.contains(arn.region())
                && arn.resource().chars().all(name)
        };
        if !parsed.as_ref().is_some_and(usable) {
            return Some(format!(
                "it uses {topic}, which is no topic of this account in a Region of its replication set (CHK-36)"
            ));
        }
    }
    let reserved = |key: &&String| {
        key.get(..OWN_PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX))
    };
    if content.incident_tags.keys().any(|key| reserved(&key)) {
        return Some(format!(
            "it puts tags on incidents that begin with {OWN_PREFIX}: those are the operator's. Take them out in AWS first"
        ));
    }
    if let Some(automation) = &content.automation
        && !is_role(&automation.role_arn)
    {
        return Some("the role of its runbook is none with an account in its ARN".to_owned());
    }
    let takes = |c: char| c.is_ascii_alphanumeric() || "/_+=.@:-".contains(c);
    if let Some(service) = &content.pager_duty
        && !service.secret_id.chars().all(takes)
    {
        return Some(
            "the secret for PagerDuty is neither a name nor an ARN: correct it in AWS first"
                .to_owned(),
        );
    }
    None
}

fn other_account<'a>(arn: &'a str, own: &str) -> Option<&'a str> {
    let owner = arn.split(':').nth(4)?;
    (owner != own).then_some(owner)
}

fn is_role(arn: &str) -> bool {
    Arn::parse(arn).is_ok_and(|arn| {
        let digits = arn.account().len() == 12 && arn.account().bytes().all(|b| b.is_ascii_digit());
        arn.service() == "iam"
            && digits
            && arn.resource().starts_with("role/")
            && !arn.as_str().contains('*')
    })
}

/// The spec of a plan but for the common fields and `engagements`, which are references.
pub fn spec(content: &Content) -> Value {
    let mut template = json!({
        "title": content.title, "impact": Impact::from_number(content.impact),
    });
    if !content.summary.is_empty() {
        template["summary"] = json!(content.summary);
    }
    if !content.dedupe_string.is_empty() {
        template["dedupeString"] = json!(content.dedupe_string);
    }
    if !content.notification_targets.is_empty() {
        let topics = content.notification_targets.iter();
        let topics: Vec<Value> = topics.map(|t| json!({"snsTopicArn": t})).collect();
        template["notificationTargets"] = json!(topics);
    }
    if !content.incident_tags.is_empty() {
        template["incidentTags"] = json!(content.incident_tags);
    }
    let mut spec = json!({"incidentTemplate": template});
    if !content.display_name.is_empty() {
        spec["displayName"] = json!(content.display_name);
    }
    if !content.chat_channel.is_empty() {
        spec["chatChannel"] = json!({"chatbotSns": content.chat_channel});
    }
    if let Some(automation) = &content.automation {
        spec["automation"] = runbook(automation);
    }
    if let Some(service) = &content.pager_duty {
        spec["pagerDuty"] = json!({
            "name": service.name, "serviceId": service.service_id, "secretId": service.secret_id,
        });
    }
    spec
}

fn runbook(automation: &Automation) -> Value {
    let mut spec =
        json!({"documentName": automation.document_name, "roleArn": automation.role_arn});
    if let Some(version) = &automation.document_version {
        spec["documentVersion"] = json!(version);
    }
    if automation.target_account != TargetAccount::default() {
        spec["targetAccount"] = json!(automation.target_account);
    }
    let parameters = automation.parameters.iter();
    let parameters: Vec<Value> = parameters
        .map(|(name, values)| json!({"name": name, "values": values}))
        .collect();
    if !parameters.is_empty() {
        spec["parameters"] = json!(parameters);
    }
    let dynamic = automation.dynamic_parameters.iter();
    let dynamic: Vec<Value> = dynamic
        .map(|(name, variable)| json!({"name": name, "variable": variable}))
        .collect();
    if !dynamic.is_empty() {
        spec["dynamicParameters"] = json!(dynamic);
    }
    spec
}
