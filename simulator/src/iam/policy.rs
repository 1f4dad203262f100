//! Identity-based policies, in IAM's language, as far as it is used here. What is not understood is refused: a policy that is judged
//! half would prove nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Needed, matches, matches_exactly};

/// Policies of some principals: they may do what these policies allow, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attached {
    /// ARNs, with `*` and `?`.
    pub principals: Vec<String>,
    /// What they may do.
    pub policy: Policy,
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Policy {
    /// Of the language.
    version: Version,
    /// Any of them allows; one that denies overrules.
    statement: Several<Statement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "2012-10-17")]
    V2012,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    effect: Effect,
    action: Several<String>,
    resource: Several<String>,
    #[serde(default)]
    condition: BTreeMap<Operator, BTreeMap<String, Several<String>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Operator {
    StringEquals,
    StringLike,
}

/// One, or a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Several<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Several<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    fn any(&self, wanted: impl Fn(&T) -> bool) -> bool {
        self.as_slice().iter().any(wanted)
    }
}

/// What the policies of a principal say of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It may.
    Allowed,
    /// Nothing allows it.
    Unmentioned,
    /// A statement denies it.
    Denied,
}

/// Judges an action of a principal. A principal without any policy may do everything: most tests are not about permissions.
pub fn judge(attached: &[Attached], principal: &str, needed: &Needed) -> Judgement {
    let mut policies = attached
        .iter()
        .filter(|one| one.principals.iter().any(|p| matches_exactly(p, principal)))
        .peekable();
    if policies.peek().is_none() {
        return Judgement::Allowed;
    }
    let mut judgement = Judgement::Unmentioned;
    for statement in policies.flat_map(|one| one.policy.statement.as_slice()) {
        if statement.concerns(needed) {
            match statement.effect {
                Effect::Allow => judgement = Judgement::Allowed,
                Effect::Deny => return Judgement::Denied,
            }
        }
    }
    judgement
}

impl Statement {
    fn concerns(&self, needed: &Needed) -> bool {
        self.action.any(|action| matches(action, &needed.action))
            && self
                .resource
                .any(|resource| matches_exactly(resource, &needed.resource))
            && self.condition.iter().all(|(operator, keys)| {
                keys.iter()
                    .all(|(key, values)| holds(*operator, needed.context_of(key), values))
            })
    }
}

/// A key that the request does not have fulfils no condition.
fn holds(operator: Operator, given: Option<&str>, values: &Several<String>) -> bool {
    given.is_some_and(|given| {
        values.any(|value| match operator {
            Operator::StringEquals => value == given,
            Operator::StringLike => matches_exactly(value, given),
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ME: &str = "arn:aws:iam::222222222222:user/operator";

    fn attached(statements: &Value) -> Vec<Attached> {
        let attached = json!([{
            "principals": ["arn:aws:iam::*:user/operator"],
            "policy": {"Version": "2012-10-17", "Statement": statements},
        }]);
        serde_json::from_value(attached).expect("a policy")
    }

    fn judged(statements: &Value, principal: &str, needed: &Needed) -> Judgement {
        judge(&attached(statements), principal, needed)
    }

    #[test]
    fn what_is_not_allowed_is_refused_to_those_who_have_a_policy() {
        let get = Needed::new("ssm-contacts:GetContact", "arn:x");
        let statements = json!({"Effect": "Allow", "Action": "ssm-contacts:Get*", "Resource": "*"});
        assert_eq!(judged(&statements, ME, &get), Judgement::Allowed);
        let delete = Needed::new("ssm-contacts:DeleteContact", "arn:x");
        assert_eq!(judged(&statements, ME, &delete), Judgement::Unmentioned);
        let other = "arn:aws:iam::222222222222:user/test";
        assert_eq!(judged(&statements, other, &delete), Judgement::Allowed);
    }

    #[test]
    fn a_denial_overrules() {
        let statements = json!([
            {"Effect": "Deny", "Action": ["ssm-contacts:DeleteContact"], "Resource": "arn:x"},
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
        ]);
        let delete = |resource| Needed::new("ssm-contacts:DeleteContact", resource);
        assert_eq!(judged(&statements, ME, &delete("arn:x")), Judgement::Denied);
        assert_eq!(
            judged(&statements, ME, &delete("arn:X")),
            Judgement::Allowed
        );
    }

    #[test]
    fn a_condition_is_about_what_the_request_has() {
        let statements = json!({
            "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "ssm-incidents.amazonaws.com"}},
        });
        let pass = Needed::new("iam:PassRole", "arn:role");
        assert_eq!(judged(&statements, ME, &pass), Judgement::Unmentioned);
        let to = |service| pass.clone().with_context("iam:PassedToService", service);
        assert_eq!(
            judged(&statements, ME, &to("ssm-incidents.amazonaws.com")),
            Judgement::Allowed
        );
        assert_eq!(
            judged(&statements, ME, &to("ec2.amazonaws.com")),
            Judgement::Unmentioned
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for statement in [
            json!({"Effect": "Allow", "NotAction": "a:b", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "a:b"}),
            json!({"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "::1"}}}),
        ] {
            let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
            assert!(serde_json::from_value::<Policy>(policy).is_err());
        }
    }
}
