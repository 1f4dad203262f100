//! What happens to incidents from outside the API: alarms that open them, changes found near them.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::partition_of;
use crate::clock::{Millis, rfc3339};
use crate::state::Account;
use crate::world::Circumstances;

use super::data::{Finding, RecordSource};
use super::record::{Opening, open};
use super::{arn, is_served};

/// The role that CloudWatch opens incidents with.
const ALARM_ROLE: &str = "AWSServiceRoleForCloudWatchAlarms_ActionSSMIncidents";
/// The service that assumes it.
const ALARM_SERVICE: &str = "ssm-incidents.alarms.cloudwatch.amazonaws.com";
/// As much as a title holds.
const TITLE: usize = 200;

/// An alarm that opens an incident.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alarm {
    /// Whose it is.
    pub account: String,
    /// Where it is.
    pub region: String,
    /// What it opens incidents from.
    pub response_plan_arn: String,
    /// In place of the plan's title and the alarm's name.
    pub title: Option<String>,
    /// The alarm; without, one of its own.
    pub alarm_arn: Option<String>,
}

/// Lets an alarm go off. Gives the ARN of the incident and whether it is new, or why nothing happens.
pub fn raise(
    account: &mut Account,
    at: &Circumstances<'_>,
    alarm: Alarm,
) -> Result<(String, bool), &'static str> {
    let region = alarm.region;
    let partition = partition_of(&region);
    if !is_served(account, &region) {
        return Err("the account has no replication set that serves the Region");
    }
    let prefix = arn::of(partition, &account.id, arn::PLAN, "");
    let plan = alarm
        .response_plan_arn
        .strip_prefix(&prefix)
        .and_then(|name| account.incident_manager.plans.get(name))
        .ok_or("there is no such response plan")?;
    let source = alarm.alarm_arn.unwrap_or_else(|| {
        format!(
            "arn:{partition}:cloudwatch:{region}:{}:alarm:{}",
            account.id,
            Uuid::new_v4()
        )
    });
    let name = source.rsplit(':').next().unwrap_or_default();
    let title = alarm
        .title
        .unwrap_or_else(|| format!("{} - {name}", plan.template.title));
    let opening = Opening {
        plan: plan.name.clone(),
        title: Some(title.chars().take(TITLE).collect()),
        impact: None,
        related: Vec::new(),
        source: RecordSource {
            created_by: format!(
                "arn:{partition}:sts::{}:assumed-role/{ALARM_ROLE}/Action-{name}",
                account.id
            ),
            invoked_by: ALARM_SERVICE.to_owned(),
            resource_arn: Some(source.clone()),
            source: "aws.cloudwatch".to_owned(),
        },
        dedupe_string: Some(source.clone()),
        time: at.now,
        data: json!({
            "source": "aws.cloudwatch",
            "triggerArn": source,
            "timestamp": rfc3339(at.now),
            "rawData": json!({"detail": {"alarmName": name, "state": {"value": "ALARM"}}}).to_string(),
        }),
        region,
    };
    open(account, at, opening).ok_or("there is no such response plan")
}

/// A finding as tests give it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeededFinding {
    /// Made up if absent.
    pub id: Option<String>,
    /// A CloudFormation stack that was changed.
    pub stack_arn: Option<String>,
    /// A CodeDeploy deployment; needs its group.
    pub deployment_id: Option<String>,
    /// The group of the deployment.
    pub deployment_group_arn: Option<String>,
    /// So many seconds before now it began.
    pub started_seconds_ago: Option<u32>,
    /// So many seconds before now it ended; absent while it goes on.
    pub ended_seconds_ago: Option<u32>,
}

impl SeededFinding {
    fn details(&self, now: Millis) -> Option<Value> {
        let ago = |seconds: u32| crate::clock::epoch_seconds(now - i64::from(seconds) * 1000);
        let (name, mut details) = match (
            &self.stack_arn,
            &self.deployment_id,
            &self.deployment_group_arn,
        ) {
            (Some(stack), None, None) => ("cloudFormationStackUpdate", json!({"stackArn": stack})),
            (None, Some(id), Some(group)) => (
                "codeDeployDeployment",
                json!({"deploymentId": id, "deploymentGroupArn": group}),
            ),
            _ => return None,
        };
        details["startTime"] = ago(self.started_seconds_ago.unwrap_or(600));
        if let Some(ended) = self.ended_seconds_ago {
            details["endTime"] = ago(ended);
        }
        Some(json!({name: details}))
    }
}

/// Adds findings to an incident, or replaces those of the same id; gives their ids.
pub fn seed_findings(
    account: &mut Account,
    now: Millis,
    incident: &str,
    seeds: Vec<SeededFinding>,
) -> Result<Vec<String>, &'static str> {
    let mut records = account.incident_manager.records.values_mut();
    let record = records
        .find(|record| record.arn == incident)
        .ok_or("there is no such incident")?;
    let mut ids = Vec::new();
    for seed in seeds {
        let details = seed
            .details(now)
            .ok_or("a finding has either a stackArn, or a deploymentId and a deploymentGroupArn")?;
        let id = seed.id.unwrap_or_else(|| Uuid::new_v4().to_string());
        ids.push(id.clone());
        match record.findings.iter_mut().find(|known| known.id == id) {
            Some(known) => {
                known.modified = now;
                known.details = details;
            }
            None => record.findings.push(Finding {
                id,
                created: now,
                modified: now,
                details,
            }),
        }
    }
    Ok(ids)
}
