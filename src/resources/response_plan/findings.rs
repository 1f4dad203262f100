//! CHK-34, 38, 39, 43, 45, 47, 48 (Region), 49 (Region) and 50, who is engaged and not there, and who cannot be reached: what practice would
//! have otherwise. Pure.

use std::collections::BTreeSet;

use super::desired::{Automation, Content, Desired, PagerDuty};
use super::observed::Observed;
use crate::api::common::{Finding, Severity};
use crate::api::response_plan::IncidentTags;
use crate::api::{Contact, OnCallSchedule, ResponsePlan};
use crate::aws::Arn;
use crate::aws::contacts::ContactType;
use crate::engine::ManagedObject as _;
use crate::resources::checks::{self, finding};
use crate::resources::escalation_plan::desired::unknown_name;
use crate::resources::escalation_plan::findings::Unreachable;

/// Name of the parameter by which runbooks are given a role of their own.
const ASSUME_ROLE: &str = "AutomationAssumeRole";

/// What the checks look at.
pub struct Checked<'a> {
    /// The object.
    pub plan: &'a ResponsePlan,
    /// What is wanted.
    pub desired: &'a Desired,
    /// What AWS has.
    pub observed: Option<&'a Observed>,
    /// Those who are engaged and whom nobody can reach now.
    pub unreachable: &'a [Unreachable],
    /// Topics of the chat channel that other plans use, with the names of those.
    pub shared_topics: &'a [(String, String)],
}

/// Every finding about a response plan.
pub fn findings(checked: &Checked<'_>) -> Vec<Finding> {
    let Checked {
        plan,
        desired,
        observed,
        ..
    } = checked;
    let content = &desired.content;
    let mut found = engagement_findings(desired, *observed);
    found.extend(checked.unreachable.iter().map(|target| {
        let message = format!(
            "is engaged by this plan and cannot be reached: {}",
            target.why
        );
        finding(
            "UnreachableTarget",
            &target.name,
            Severity::Warning,
            message,
        )
    }));
    found.extend(chat_findings(desired, checked.shared_topics));
    if let Some(automation) = &content.automation {
        found.extend(runbook_findings(automation, desired));
    }
    if let Some(service) = &content.pager_duty {
        found.extend(pager_duty_findings(service, desired));
    }
    found.extend(sensitive(plan, content));
    found
}

fn engagement_findings(desired: &Desired, observed: Option<&Observed>) -> Vec<Finding> {
    let mut found = vec![];
    let content = &desired.content;
    if content.engagements.is_empty() {
        found.push(finding(
            "NobodyEngaged",
            "",
            Severity::Warning,
            "engagements is empty: an incident of this plan opens and nobody is engaged",
        ));
    }
    let name = |arn: &String| {
        let known = desired.names.get(arn).cloned();
        known.unwrap_or_else(|| unknown_name(arn))
    };
    for arn in &content.engagements {
        let managed = desired.kinds.get(arn).copied();
        let in_aws = observed
            .and_then(|o| o.engaged.types.get(arn).copied())
            .flatten();
        let what = if managed == Some(Contact::KIND) || in_aws == Some(ContactType::Person) {
            "a single person"
        } else if managed == Some(OnCallSchedule::KIND) || in_aws == Some(ContactType::Schedule) {
            "whoever is on call"
        } else {
            continue;
        };
        found.push(finding(
            "EngagesDirectly",
            &name(arn),
            Severity::Warning,
            format!("engages {what} without an escalation plan: nobody comes next when there is no answer. Engage an EscalationPlan (CHK-34)"),
        ));
    }
    let Some(observed) = observed else {
        return found;
    };
    for arn in observed.dangling() {
        found.push(finding(
            "DanglingEngagement",
            &name(&arn),
            Severity::Critical,
            "is engaged by this plan and AWS does not have it: nobody is engaged in its place. Engage somebody else, or make it again under the same alias",
        ));
    }
    if let Some(why) = &observed.engaged.unread {
        found.push(finding(
            "EngagementsUnchecked",
            "",
            Severity::Info,
            format!("whether those who are engaged are there could not be read: {why}"),
        ));
    }
    found
}

fn chat_findings(desired: &Desired, shared: &[(String, String)]) -> Vec<Finding> {
    let topics = &desired.content.chat_channel;
    let mut found = vec![];
    if topics.is_empty() {
        return found;
    }
    let covered: BTreeSet<String> = topics.iter().filter_map(|t| region_of(t)).collect();
    for region in desired.place.regions.difference(&covered) {
        found.push(finding(
            "RegionWithoutTopic",
            region,
            Severity::Warning,
            "is a Region of the replication set and chatChannel has no topic there: while the other Regions are down, the chat channel hears nothing (CHK-38)",
        ));
    }
    for (topic, plans) in shared {
        found.push(finding(
            "SharedChatTopic",
            topic.rsplit(':').next().unwrap_or_default(),
            Severity::Info,
            format!("is used for the chat channel of {plans}, too: people of one incident read what is said in another (CHK-39)"),
        ));
    }
    found
}

fn region_of(arn: &str) -> Option<String> {
    Arn::parse(arn).ok().map(|arn| arn.region().to_owned())
}

fn runbook_findings(automation: &Automation, desired: &Desired) -> Vec<Finding> {
    let mut found = vec![];
    let place = &desired.place;
    let given = automation.parameters.get(ASSUME_ROLE);
    if given.is_none_or(|values| values.iter().all(String::is_empty)) {
        found.push(finding(
            "NoAssumeRole",
            "automation",
            Severity::Warning,
            format!("has no parameter {ASSUME_ROLE}: the role that starts the runbook is also the one that does the work. A role of its own needs fewer rights (CHK-43)"),
        ));
    }
    let account = Arn::parse(automation.role_arn.as_str()).ok();
    if let Some(account) = account.filter(|a| a.account() != place.account_id) {
        found.push(finding(
            "RoleInAnotherAccount",
            "automation.roleArn",
            Severity::Warning,
            format!("is in account {}, the plan in {}: its trust policy has to name this account (CHK-45)", account.account(), place.account_id),
        ));
    }
    if place.regions.len() > 1 {
        found.push(finding(
            "NoRunbookOnFailover",
            "automation",
            Severity::Info,
            "incidents that come about by fail-over to another Region do not start the runbook (CHK-47)",
        ));
    }
    found
}

fn pager_duty_findings(service: &PagerDuty, desired: &Desired) -> Vec<Finding> {
    let place = &desired.place;
    let elsewhere = Arn::parse(service.secret_id.as_str())
        .ok()
        .filter(|arn| arn.service() == "secretsmanager")
        .filter(|arn| arn.region() != place.region || arn.account() != place.account_id);
    let elsewhere = elsewhere.map(|arn| {
        finding(
            "SecretElsewhere",
            "pagerDuty.secretId",
            Severity::Warning,
            format!("names a secret in account {} and Region {}, and the plan is in account {} and Region {}: AWS reads secrets of the same place (CHK-48)",
                arn.account(), arn.region(), place.account_id, place.region),
        )
    });
    let replicated = (place.regions.len() > 1).then(|| {
        finding(
            "SecretInEveryRegion",
            "pagerDuty.secretId",
            Severity::Info,
            "the secret has to be replicated to every Region of the replication set, each with a customer managed key; whether it is was not looked at (CHK-49)",
        )
    });
    elsewhere.into_iter().chain(replicated).collect()
}

fn sensitive(plan: &ResponsePlan, content: &Content) -> Vec<Finding> {
    let spec = &plan.spec;
    let template = &spec.incident_template;
    let mut found = checks::sensitive_tags(spec.common.tags.as_ref());
    let incident_tags = template.incident_tags.as_ref();
    found.extend(incident_tags.into_iter().flat_map(sensitive_incident_tags));
    for (field, text) in [
        ("displayName", spec.display_name.as_deref()),
        ("name", spec.name.as_deref()),
        ("incidentTemplate.title", Some(template.title.as_str())),
    ] {
        found.extend(checks::sensitive_name(field, text));
    }
    let parameters = content.automation.iter().flat_map(|a| &a.parameters);
    for (name, values) in parameters {
        if name == ASSUME_ROLE || !values.iter().any(|v| checks::is_credential(v)) {
            continue;
        }
        found.push(finding(
            "SensitiveParameter",
            &format!("automation.parameters[{name}]"),
            Severity::Warning,
            "looks like a credential: parameters are stored in the clear. Let the runbook read it from Secrets Manager (CHK-50)",
        ));
    }
    found
}

fn sensitive_incident_tags(tags: &IncidentTags) -> Vec<Finding> {
    let mut found = checks::sensitive_tags(Some(&crate::api::common::Tags(tags.0.clone())));
    for finding in &mut found {
        finding.subject = format!("incidentTemplate.incidentTags: {}", finding.subject);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::super::desired::Place;
    use super::super::observed::Engaged;
    use super::*;

    fn arn(alias: &str) -> String {
        format!("arn:aws:ssm-contacts:eu-west-1:123456789012:contact/{alias}")
    }

    fn place(regions: &[&str]) -> Place {
        Place {
            provider: "default".into(),
            account_id: "123456789012".into(),
            region: "eu-west-1".into(),
            regions: regions.iter().map(|r| (*r).to_owned()).collect(),
            pass_roles: BTreeSet::new(),
        }
    }

    fn ids(
        content: &Content,
        regions: &[&str],
        engaged: &[(&str, Option<ContactType>)],
        spec: &Value,
    ) -> Vec<(String, String)> {
        let plan: ResponsePlan = serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ResponsePlan",
            "metadata": {"name": "payments-down"}, "spec": spec,
        }))
        .unwrap();
        let desired = Desired {
            name: "payments-down".into(),
            content: content.clone(),
            names: BTreeMap::new(),
            kinds: BTreeMap::new(),
            engages: String::new(),
            tags: BTreeMap::new(),
            place: place(regions),
        };
        let observed = Observed {
            arn: String::new(),
            content: content.clone(),
            not_understood: BTreeSet::new(),
            engaged: Engaged {
                types: engaged.iter().map(|(a, t)| (arn(a), *t)).collect(),
                unread: None,
            },
            open_incidents: Some(0),
        };
        let checked = Checked {
            plan: &plan,
            desired: &desired,
            observed: Some(&observed),
            unreachable: &[],
            shared_topics: &[],
        };
        let found = findings(&checked).into_iter();
        found.map(|f| (f.id, f.subject)).collect()
    }

    fn plain() -> Value {
        json!({"incidentTemplate": {"title": "Down", "impact": "High"}})
    }

    fn has(found: &[(String, String)], id: &str, subject: &str) -> bool {
        found.iter().any(|(i, s)| i == id && s == subject)
    }

    #[test]
    fn who_is_engaged_without_an_escalation_plan_is_named() {
        let content = Content {
            engagements: ["ladder", "primary", "alice", "gone"].map(arn).into(),
            ..Content::default()
        };
        let engaged = [
            ("ladder", Some(ContactType::EscalationPlan)),
            ("primary", Some(ContactType::Schedule)),
            ("alice", Some(ContactType::Person)),
            ("gone", None),
        ];
        let found = ids(&content, &["eu-west-1"], &engaged, &plain());
        assert!(has(&found, "EngagesDirectly", "\"primary\""), "{found:?}");
        assert!(has(&found, "EngagesDirectly", "\"alice\""), "{found:?}");
        assert!(has(&found, "DanglingEngagement", "\"gone\""), "{found:?}");
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn nobody_engaged_is_told() {
        let found = ids(&Content::default(), &["eu-west-1"], &[], &plain());
        assert_eq!(found, [("NobodyEngaged".to_owned(), String::new())]);
    }

    #[test]
    fn regions_without_a_topic_are_told_only_of_a_chat_channel() {
        let regions = ["eu-west-1", "us-east-1"];
        let content = Content {
            chat_channel: ["arn:aws:sns:eu-west-1:123456789012:chat".to_owned()].into(),
            ..Content::default()
        };
        let found = ids(&content, &regions, &[], &plain());
        assert!(has(&found, "RegionWithoutTopic", "us-east-1"), "{found:?}");
        assert!(!has(&found, "RegionWithoutTopic", "eu-west-1"), "{found:?}");
        let found = ids(&Content::default(), &regions, &[], &plain());
        assert!(!has(&found, "RegionWithoutTopic", "us-east-1"), "{found:?}");
    }

    #[test]
    fn a_runbook_has_a_role_of_its_own_in_this_account() {
        let automation = |account: &str, role: &[&str]| Content {
            automation: Some(Automation {
                document_name: "Runbook".into(),
                document_version: None,
                role_arn: format!("arn:aws:iam::{account}:role/runbook"),
                target_account: crate::api::response_plan::TargetAccount::default(),
                parameters: role
                    .iter()
                    .map(|r| (ASSUME_ROLE.to_owned(), vec![(*r).to_owned()]))
                    .collect(),
                dynamic_parameters: BTreeMap::new(),
            }),
            ..Content::default()
        };
        let found = ids(
            &automation("999999999999", &[]),
            &["eu-west-1", "us-east-1"],
            &[],
            &plain(),
        );
        for (id, subject) in [
            ("NoAssumeRole", "automation"),
            ("RoleInAnotherAccount", "automation.roleArn"),
            ("NoRunbookOnFailover", "automation"),
        ] {
            assert!(has(&found, id, subject), "{id}: {found:?}");
        }
        let good = automation("123456789012", &["arn:aws:iam::123456789012:role/worker"]);
        let found = ids(&good, &["eu-west-1"], &[], &plain());
        assert_eq!(found, [("NobodyEngaged".to_owned(), String::new())]);
    }

    #[test]
    fn a_secret_elsewhere_is_told() {
        let secret = |region: &str| Content {
            pager_duty: Some(PagerDuty {
                name: "p".into(),
                service_id: "s".into(),
                secret_id: format!("arn:aws:secretsmanager:{region}:123456789012:secret:pd-AbCdEf"),
            }),
            ..Content::default()
        };
        let found = ids(&secret("us-east-1"), &["eu-west-1"], &[], &plain());
        assert!(
            has(&found, "SecretElsewhere", "pagerDuty.secretId"),
            "{found:?}"
        );
        let found = ids(&secret("eu-west-1"), &["eu-west-1"], &[], &plain());
        assert!(
            !has(&found, "SecretElsewhere", "pagerDuty.secretId"),
            "{found:?}"
        );
    }

    #[test]
    fn personal_data_and_credentials_are_told_without_being_shown() {
        let content = Content {
            automation: Some(Automation {
                document_name: "Runbook".into(),
                document_version: None,
                role_arn: "arn:aws:iam::123456789012:role/runbook".into(),
                target_account: crate::api::response_plan::TargetAccount::default(),
                parameters: BTreeMap::from([(
                    "Key".to_owned(),
                    vec!["AKIAIOSFODNN7EXAMPLE".to_owned()],
                )]),
                dynamic_parameters: BTreeMap::new(),
            }),
            ..Content::default()
        };
        let spec = json!({"displayName": "Call +15005550199", "incidentTemplate": {
            "title": "Mail a@example.com", "impact": "High", "incidentTags": {"mail": "a@example.com"}}});
        let found = ids(&content, &["eu-west-1"], &[], &spec);
        for (id, subject) in [
            ("SensitiveName", "displayName"),
            ("SensitiveName", "incidentTemplate.title"),
            ("SensitiveTag", "incidentTemplate.incidentTags: tags[mail]"),
            ("SensitiveParameter", "automation.parameters[Key]"),
        ] {
            assert!(has(&found, id, subject), "{id}: {found:?}");
        }
    }
}
