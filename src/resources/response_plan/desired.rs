//! Spec and resolved references to what is wanted in AWS. Pure.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;

use super::{References, reference};
use crate::api::ResponsePlan;
use crate::api::response_plan::{DynamicVariable, Engagement, Impact, TargetAccount};
use crate::aws::Arn;
use crate::engine::Error;
use crate::engine::references::Resolved;
use crate::resources::escalation_plan::desired::{former_names, full_name, short_name};

/// What a response plan should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Name in AWS.
    pub name: String,
    /// Everything that can be changed.
    pub content: Content,
    /// What people call those who are engaged, by ARN; also those who leave.
    pub names: BTreeMap<String, String>,
    /// Kinds of those who are engaged and managed here, by ARN.
    pub kinds: BTreeMap<String, &'static str>,
    /// Who is engaged, for the status.
    pub engages: String,
    /// Tags for a creation.
    pub tags: BTreeMap<String, String>,
    /// Where it is.
    pub place: Place,
}

/// What can be changed of a response plan. Empty and absent are the same throughout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// Display name.
    pub display_name: String,
    /// Title of its incidents.
    pub title: String,
    /// AWS's number; what AWS has may be none of ours.
    pub impact: i32,
    /// Summary.
    pub summary: String,
    /// Deduplication string.
    pub dedupe_string: String,
    /// ARNs of topics. Their order means nothing.
    pub notification_targets: BTreeSet<String>,
    /// Tags for incident records.
    pub incident_tags: BTreeMap<String, String>,
    /// ARNs of those who are engaged. Their order means nothing.
    pub engagements: BTreeSet<String>,
    /// ARNs of the chat channel's topics. Their order means nothing.
    pub chat_channel: BTreeSet<String>,
    /// The runbook.
    pub automation: Option<Automation>,
    /// The PagerDuty service.
    pub pager_duty: Option<PagerDuty>,
}

/// The runbook of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automation {
    /// Name or ARN of the document.
    pub document_name: String,
    /// Its version; `None` = the default one.
    pub document_version: Option<String>,
    /// Who starts it.
    pub role_arn: String,
    /// Where it runs.
    pub target_account: TargetAccount,
    /// Values by parameter. Their order is kept.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// What of the incident a parameter takes.
    pub dynamic_parameters: BTreeMap<String, DynamicVariable>,
}

/// The PagerDuty service of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagerDuty {
    /// Name of the integration.
    pub name: String,
    /// Id of the service.
    pub service_id: String,
    /// Name or ARN of the secret.
    pub secret_id: String,
}

/// Where a plan is and what is allowed there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Name of the ProviderConfig.
    pub provider: String,
    /// The twelve digits.
    pub account_id: String,
    /// The Region.
    pub region: String,
    /// Regions of the replication set.
    pub regions: BTreeSet<String>,
    /// Roles that automation may be given.
    pub pass_roles: BTreeSet<String>,
}

/// Most who are engaged.
const MOST_ENGAGEMENTS: usize = 5;
/// Most topics of a chat channel.
const MOST_CHAT_TOPICS: usize = 5;
/// Most topics that are told.
const MOST_TARGETS: usize = 10;
/// Longest name.
const LONGEST_NAME: usize = 200;

/// The name of an object's plan in AWS.
pub fn name(plan: &ResponsePlan) -> String {
    plan.spec.name.clone().unwrap_or_else(|| plan.name_any())
}

/// Works out what is wanted.
///
/// # Errors
/// `Stalled/InvalidSpec`.
pub fn desired(
    plan: &ResponsePlan,
    references: &References,
    tags: BTreeMap<String, String>,
) -> Result<Desired, Error> {
    let name = name(plan);
    check_name(&name)?;
    check_tags(&tags)?;
    let namespace = plan.namespace();
    let namespace = namespace.as_deref();
    let resolved = |engagement: &Engagement| -> Result<&Resolved, Error> {
        let found = reference(engagement, namespace).and_then(|r| references.targets.get(&r));
        found.ok_or_else(|| {
            Error::invalid(
                "an engagement names neither escalationPlanRef nor onCallScheduleRef nor contactRef nor arn",
            )
        })
    };
    let recorded = plan.status.iter().flat_map(|s| &s.common.references);
    let mut names = former_names(recorded);
    let mut kinds = BTreeMap::new();
    let mut engages = vec![];
    let mut engagements = BTreeSet::new();
    for engagement in plan.spec.engagements.iter().flatten() {
        let found = resolved(engagement)?;
        names.insert(found.arn.clone(), full_name(&found.record()));
        if let Some(key) = &found.key {
            kinds.insert(found.arn.clone(), key.kind);
        }
        if engagements.insert(found.arn.clone()) {
            engages.push(short_name(found, namespace));
        }
    }
    let spec = &plan.spec;
    let template = &spec.incident_template;
    let targets = template.notification_targets.iter().flatten();
    let content = Content {
        display_name: spec.display_name.clone().unwrap_or_default(),
        title: template.title.clone(),
        impact: template.impact.number(),
        summary: template.summary.clone().unwrap_or_default(),
        dedupe_string: template.dedupe_string.clone().unwrap_or_default(),
        notification_targets: targets.map(|t| t.sns_topic_arn.clone()).collect(),
        incident_tags: template
            .incident_tags
            .as_ref()
            .map(|t| t.0.clone())
            .unwrap_or_default(),
        engagements,
        chat_channel: spec
            .chat_channel
            .iter()
            .flat_map(|c| c.chatbot_sns.clone())
            .collect(),
        automation: spec.automation.as_ref().map(|automation| Automation {
            document_name: automation.document_name.clone(),
            document_version: automation
                .document_version
                .clone()
                .filter(|v| !is_default_version(v)),
            role_arn: automation.role_arn.clone(),
            target_account: automation.target_account.unwrap_or_default(),
            parameters: automation
                .parameters
                .iter()
                .flatten()
                .map(|p| (p.name.clone(), p.values.clone()))
                .collect(),
            dynamic_parameters: automation
                .dynamic_parameters
                .iter()
                .flatten()
                .map(|p| (p.name.clone(), p.variable))
                .collect(),
        }),
        pager_duty: spec.pager_duty.as_ref().map(|service| PagerDuty {
            name: service.name.clone(),
            service_id: service.service_id.clone(),
            secret_id: service.secret_id.clone(),
        }),
    };
    check_content(&content, &references.place)?;
    Ok(Desired {
        name,
        content,
        names,
        kinds,
        engages: engages.join(", "),
        tags,
        place: references.place.clone(),
    })
}

/// AWS may say so where a plan names no version.
pub fn is_default_version(version: &str) -> bool {
    version.is_empty() || version == "$DEFAULT"
}

fn check_name(name: &str) -> Result<(), Error> {
    let takes = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(takes) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "\"{name}\" cannot be the name of a response plan in AWS (1 to {LONGEST_NAME} letters, digits, '_' and '-'): set spec.name"
    )))
}

/// ssm-incidents takes other characters in tags than ssm-contacts does, for which the rules of `spec.tags` and `defaultTags` are made.
fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    let takes = |b: u8| b.is_ascii_alphanumeric() || b" _=@:.+,-/".contains(&b);
    for (key, value) in tags {
        if !key.bytes().all(takes) {
            return Err(Error::invalid(
                "the key of a tag has a '\\', which AWS does not take on a response plan: take it out of spec.tags or the ProviderConfig's defaultTags (CHK-51)",
            ));
        }
        if !value.bytes().all(takes) {
            return Err(Error::invalid(format!(
                "the value of tag \"{key}\" has characters that AWS does not take on a response plan, where only A to Z, a to z, digits, spaces and _ = @ : . + , - / can stand: change spec.tags or the ProviderConfig's defaultTags (CHK-51)"
            )));
        }
    }
    Ok(())
}

/// What admission cannot know, and the same rules as there for objects that passed it under another version of the CRD.
fn check_content(content: &Content, place: &Place) -> Result<(), Error> {
    if Impact::from_number(content.impact).is_none() || content.title.is_empty() {
        return Err(Error::invalid(
            "incidentTemplate has a title and an impact of Critical, High, Medium, Low or NoImpact",
        ));
    }
    for (count, most, what) in [
        (content.engagements.len(), MOST_ENGAGEMENTS, "engagements"),
        (
            content.chat_channel.len(),
            MOST_CHAT_TOPICS,
            "topics of chatChannel",
        ),
        (
            content.notification_targets.len(),
            MOST_TARGETS,
            "notificationTargets",
        ),
    ] {
        if count > most {
            return Err(Error::invalid(format!(
                "{count} {what}: AWS takes {most} (CHK-35)"
            )));
        }
    }
    let chat = content.chat_channel.iter().map(|t| ("chatChannel", t));
    let told = content.notification_targets.iter();
    let told = told.map(|t| ("incidentTemplate.notificationTargets", t));
    for (field, topic) in chat.chain(told) {
        check_topic(field, topic, place)?;
    }
    Ok(())
}

/// AWS takes topics of the plan's own account, in a Region of its replication set (CHK-36).
fn check_topic(field: &str, topic: &str, place: &Place) -> Result<(), Error> {
    let arn = Arn::parse(topic)
        .ok()
        .filter(|a| a.service() == "sns")
        .ok_or_else(|| Error::invalid(format!("{field} has something that is no SNS topic")))?;
    if arn.account() != place.account_id {
        return Err(Error::invalid(format!(
            "{field}: topic {topic} is in account {}, and a response plan of account {} can only use topics of its own (CHK-36)",
            arn.account(),
            place.account_id
        )));
    }
    if arn.region() != place.region && !place.regions.contains(arn.region()) {
        let regions: Vec<&str> = place.regions.iter().map(String::as_str).collect();
        return Err(Error::invalid(format!(
            "{field}: topic {topic} is in Region {}, which is none of the replication set's ({}): use a topic there (CHK-36)",
            arn.region(),
            regions.join(", ")
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::ManagedObject as _;
    use crate::engine::references::Named;
    use crate::engine::scheduler::ObjectKey;

    fn arn(alias: &str) -> String {
        format!("arn:aws:ssm-contacts:eu-west-1:123456789012:contact/{alias}")
    }

    fn plan(patch: &Value) -> ResponsePlan {
        let mut spec = json!({"incidentTemplate": {"title": "Down", "impact": "High"}});
        for (key, value) in patch.as_object().unwrap() {
            spec[key] = value.clone();
        }
        serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ResponsePlan",
            "metadata": {"name": "payments-down", "namespace": "payments"}, "spec": spec,
        }))
        .unwrap()
    }

    /// Everything resolves to the ARN of its name.
    fn references(plan: &ResponsePlan) -> References {
        let resolve = |named: &Named| match named {
            Named::Object {
                kind,
                namespace,
                name,
            } => Resolved {
                arn: arn(name),
                key: Some(ObjectKey {
                    kind,
                    namespace: namespace.clone(),
                    name: name.clone(),
                }),
                standing: None,
                revoked: None,
            },
            Named::Arn(arn) => Resolved {
                arn: arn.clone(),
                key: None,
                standing: None,
                revoked: None,
            },
        };
        let all = plan.references().into_iter();
        References {
            targets: all.map(|r| (r.clone(), resolve(&r.named))).collect(),
            place: Place {
                provider: "default".into(),
                account_id: "123456789012".into(),
                region: "eu-west-1".into(),
                regions: ["eu-west-1", "us-east-1"].map(str::to_owned).into(),
                pass_roles: BTreeSet::new(),
            },
        }
    }

    fn work_out(patch: &Value) -> Result<Desired, Error> {
        let plan = plan(patch);
        desired(&plan, &references(&plan), BTreeMap::new())
    }

    #[test]
    fn engagements_become_arns_and_keep_their_names() {
        let wanted = work_out(&json!({"engagements": [
            {"escalationPlanRef": {"name": "ladder"}},
            {"onCallScheduleRef": {"name": "primary", "namespace": "other"}},
            {"contactRef": {"name": "alice"}},
            {"arn": arn("boss")}, {"arn": arn("ladder")}]}))
        .unwrap();
        assert_eq!(wanted.name, "payments-down");
        assert_eq!(
            wanted.content.engagements,
            ["alice", "boss", "ladder", "primary"].map(arn).into()
        );
        assert_eq!(wanted.engages, "ladder, other/primary, alice, boss");
        assert_eq!(wanted.kinds[&arn("alice")], "Contact");
        assert_eq!(wanted.names[&arn("boss")], "\"boss\"");
    }

    #[test]
    fn empty_and_absent_are_the_same() {
        let absent = work_out(&json!({})).unwrap();
        let empty = work_out(&json!({
            "displayName": "", "engagements": [],
            "incidentTemplate": {"title": "Down", "impact": "High", "summary": "", "dedupeString": "", "notificationTargets": [], "incidentTags": {}},
        }))
        .unwrap();
        assert_eq!(absent, empty);
        let automation = |more: Value| {
            let mut automation = json!({"documentName": "Runbook", "roleArn": "arn:aws:iam::123456789012:role/runbook"});
            for (key, value) in more.as_object().unwrap() {
                automation[key] = value.clone();
            }
            work_out(&json!({ "automation": automation })).unwrap()
        };
        assert_eq!(
            automation(json!({})),
            automation(
                json!({"parameters": [], "dynamicParameters": [], "targetAccount": "ResponsePlanOwnerAccount", "documentVersion": "$DEFAULT"})
            )
        );
    }

    #[test]
    fn values_of_a_parameter_keep_their_order_and_come_twice() {
        let wanted = work_out(&json!({"automation": {
            "documentName": "Runbook", "roleArn": "arn:aws:iam::123456789012:role/runbook",
            "parameters": [{"name": "Key", "values": ["b", "a", "b"]}]}}))
        .unwrap();
        let parameters = wanted.content.automation.unwrap().parameters;
        assert_eq!(parameters["Key"], ["b", "a", "b"]);
    }

    #[test]
    fn what_admission_cannot_know_is_refused() {
        let topic = |place: &str| format!("arn:aws:sns:{place}:chat");
        for (patch, says) in [
            (
                json!({"chatChannel": {"chatbotSns": [topic("eu-west-1:999999999999")]}}),
                "account 999999999999",
            ),
            (
                json!({"chatChannel": {"chatbotSns": [topic("eu-north-1:123456789012")]}}),
                "Region eu-north-1",
            ),
            (
                json!({"incidentTemplate": {"title": "Down", "impact": "High", "notificationTargets": [{"snsTopicArn": topic("eu-north-1:123456789012")}]}}),
                "notificationTargets",
            ),
            (json!({"name": "pay.ments"}), "spec.name"),
            (json!({"engagements": [{}]}), "engagement"),
        ] {
            let error = work_out(&patch).unwrap_err().to_string();
            assert!(error.contains(says), "{patch}: {error}");
        }
        for region in ["eu-west-1", "us-east-1"] {
            let here = topic(&format!("{region}:123456789012"));
            assert!(work_out(&json!({"chatChannel": {"chatbotSns": [here]}})).is_ok());
        }
    }

    #[test]
    fn tags_that_only_contacts_take_are_refused() {
        let plan = plan(&json!({}));
        for (key, value) in [("team", "Zürich"), ("a\\b", "x")] {
            let tags = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            let error = desired(&plan, &references(&plan), tags).unwrap_err();
            assert!(error.to_string().contains("CHK-51"), "{error}");
        }
    }
}
