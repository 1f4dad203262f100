//! IAM: which actions a call needs, and whether the account's rules let them pass.

pub mod policy;

use serde::{Deserialize, Serialize};

use self::policy::{Attached, Judgement, judge};
use crate::error::AwsError;

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// For example `ssm-contacts:CreateContact`.
    pub action: String,
    /// The ARN it is authorised on, `*` where there is none.
    pub resource: String,
    /// Whether the operation itself judges it, in its own words.
    pub judged_later: bool,
    /// What conditions of policies can ask for.
    context: Vec<(&'static str, &'static str)>,
}

impl Needed {
    /// An action of a service on a resource.
    pub fn new(action: &str, resource: impl Into<String>) -> Self {
        Self {
            action: action.to_owned(),
            resource: resource.into(),
            judged_later: false,
            context: Vec::new(),
        }
    }

    /// An action that the operation itself judges: it is noted, and lets the call pass.
    pub fn judged_later(action: &str, resource: impl Into<String>) -> Self {
        Self {
            judged_later: true,
            ..Self::new(action, resource)
        }
    }

    /// The same, with a condition key that IAM knows of it.
    #[must_use]
    pub fn with_context(mut self, key: &'static str, value: &'static str) -> Self {
        self.context.push((key, value));
        self
    }

    /// The value of a condition key.
    fn context_of(&self, key: &str) -> Option<&str> {
        let mut context = self.context.iter();
        context.find_map(|(name, value)| name.eq_ignore_ascii_case(key).then_some(*value))
    }

    /// The same, to be judged now.
    #[must_use]
    pub fn now(mut self) -> Self {
        self.judged_later = false;
        self
    }
}

/// What principals of an account may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Refused actions, with `*` and `?`.
    #[serde(default)]
    pub deny: Vec<String>,
    /// The only actions allowed; absent allows all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
}

impl Rules {
    fn judge(&self, action: &str) -> Judgement {
        let listed = |rules: &[String]| rules.iter().any(|rule| matches(rule, action));
        if listed(&self.deny) {
            Judgement::Denied
        } else if self.allow.as_ref().is_none_or(|allow| listed(allow)) {
            Judgement::Allowed
        } else {
            Judgement::Unmentioned
        }
    }
}

/// Refuses the first action that neither the account's rules nor the principal's policies let pass, in AWS's words.
pub fn authorize(
    rules: &Rules,
    policies: &[Attached],
    principal: &str,
    needed: &[Needed],
    code: &str,
) -> Result<(), AwsError> {
    for needed in needed.iter().filter(|needed| !needed.judged_later) {
        let Needed {
            action, resource, ..
        } = needed;
        let judged = [rules.judge(action), judge(policies, principal, needed)];
        let because = if judged.contains(&Judgement::Denied) {
            "with an explicit deny in an identity-based policy".to_owned()
        } else if judged.contains(&Judgement::Unmentioned) {
            format!("because no identity-based policy allows the {action} action")
        } else {
            continue;
        };
        return Err(AwsError::new(
            code,
            format!(
                "User: {principal} is not authorized to perform: {action} on resource: {resource} {because}"
            ),
        ));
    }
    Ok(())
}

/// IAM's wildcards; actions are compared without case.
fn matches(rule: &str, action: &str) -> bool {
    if !rule.contains(['*', '?']) {
        return rule.eq_ignore_ascii_case(action);
    }
    matches_exactly(&rule.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

/// IAM's wildcards.
fn matches_exactly(rule: &str, text: &str) -> bool {
    fn go(rule: &[u8], text: &[u8]) -> bool {
        match (rule.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), _) => go(&rule[1..], text) || (!text.is_empty() && go(rule, &text[1..])),
            (Some(b'?'), Some(_)) => go(&rule[1..], &text[1..]),
            (Some(a), Some(b)) => a == b && go(&rule[1..], &text[1..]),
            _ => false,
        }
    }
    go(rule.as_bytes(), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards() {
        assert!(matches("*", "sts:AssumeRole"));
        assert!(matches("ssm-contacts:Get*", "ssm-contacts:GetContact"));
        assert!(matches(
            "SSM-contacts:getcontact",
            "ssm-contacts:GetContact"
        ));
        assert!(!matches("ssm-contacts:Get", "ssm-contacts:GetContact"));
        assert!(matches("*:?etContact", "ssm-contacts:GetContact"));
    }
}
