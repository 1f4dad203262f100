//! Policies of endpoints, compared by meaning. Pure.
//!
//! AWS echoes the text of a policy, in its own order and with its own spaces where it has written it itself. Two policies are equal here when
//! IAM reads the same out of them:
//!
//! - the order of statements, of values and of keys does not matter, nor does saying something twice; a single value is a list of one
//! - `Principal: "*"`, `{"AWS": "*"}` and `{"AWS": ["*"]}` are everybody; `arn:aws:iam::123456789012:root` is `123456789012`
//! - names of actions and of condition keys in either case; values of conditions as text, so that `true` is `"true"`
//! - `*` beside other actions, resources or principals is `*`; no `Condition` is an empty one; no `Version` is `2008-10-17`
//!
//! All else counts: `Sid` and `Id`, which no access depends on, since they are what the manifest says; the case of resources, of values and of
//! condition operators; and a statement split in two. Where IAM's documents do not say that two things are the same, they differ here: that
//! costs one change in AWS, whereas the opposite would leave a change undone.

pub mod buckets;
pub mod preset;
mod strict;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

/// AWS takes so many characters.
pub const MAX_LENGTH: usize = 20_480;

/// A policy of an endpoint. Equal means: IAM reads the same out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    version: Version,
    id: Option<String>,
    statements: BTreeSet<Statement>,
}

/// Why a policy is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Invalid {
    /// Where, for example `Statement[0].Action`; empty for the whole.
    pub at: String,
    /// What is wrong and what would mend it.
    pub problem: String,
}

/// To whom a policy opens its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It says who, or what.
    Limited,
    /// Whoever comes through the VPC may do everything with a service.
    WholeService,
    /// Whoever comes through the VPC may do everything.
    Everything,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// Also what a policy without one has.
    Of2008,
    Of2012,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Statement {
    sid: Option<String>,
    effect: Effect,
    principal: Option<Only<Principal>>,
    action: Option<Only<BTreeSet<Caseless>>>,
    resource: Option<Only<BTreeSet<String>>>,
    /// Values by key by operator.
    condition: BTreeMap<String, BTreeMap<Caseless, BTreeSet<String>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    Allow,
    Deny,
}

/// `Action` or `NotAction`, and so on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Only<T> {
    These(T),
    AllBut(T),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Principal {
    Everybody,
    /// By kind: `AWS`, `Service`, `Federated`, `CanonicalUser`.
    Named(BTreeMap<String, BTreeSet<String>>),
}

/// A name that IAM reads in either case. It is written as it was given.
#[derive(Clone, Debug)]
struct Caseless(String);

impl Policy {
    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Self::from_value(&strict::read(text)?)
    }

    /// Reads a policy that is JSON already.
    pub fn from_value(value: &Value) -> Result<Self, Invalid> {
        let document = object("", value, &["Version", "Id", "Statement"])?;
        let version = match document.get("Version") {
            None => Version::Of2008,
            Some(Value::String(v)) if v == "2012-10-17" => Version::Of2012,
            Some(Value::String(v)) if v == "2008-10-17" => Version::Of2008,
            Some(_) => {
                return Err(invalid(
                    "Version",
                    "is the version of the policy language, \"2012-10-17\" (or \"2008-10-17\")",
                ));
            }
        };
        let statements = match document.get("Statement") {
            Some(Value::Array(list)) if !list.is_empty() => list
                .iter()
                .enumerate()
                .map(|(i, s)| Statement::read(&format!("Statement[{i}]"), s))
                .collect::<Result<_, _>>()?,
            Some(single @ Value::Object(_)) => {
                BTreeSet::from([Statement::read("Statement", single)?])
            }
            _ => return Err(invalid("Statement", "is a list of at least one statement")),
        };
        let id = label("Id", document.get("Id"))?;
        Ok(Self {
            version,
            id,
            statements,
        })
    }

    /// What AWS gives endpoints that are made without a policy: everybody may do everything.
    pub fn full_access() -> Self {
        let statement = Statement {
            sid: None,
            effect: Effect::Allow,
            principal: Some(Only::These(Principal::Everybody)),
            action: Some(Only::These(BTreeSet::from([Caseless("*".to_owned())]))),
            resource: Some(Only::These(BTreeSet::from(["*".to_owned()]))),
            condition: BTreeMap::new(),
        };
        Self {
            version: Version::Of2008,
            id: None,
            statements: BTreeSet::from([statement]),
        }
    }

    /// It is the policy that AWS gives endpoints that are made without one, whatever its labels and version.
    pub fn is_full_access(&self) -> bool {
        let mut plain = self.clone();
        plain.version = Version::Of2008;
        plain.id = None;
        plain.statements = plain
            .statements
            .into_iter()
            .map(|s| Statement { sid: None, ..s })
            .collect();
        plain == Self::full_access()
    }

    /// Whether AWS takes it for an endpoint: every statement says who, what and on what, and it is not too long.
    pub fn complete(&self) -> Result<(), Invalid> {
        for statement in &self.statements {
            let at = match &statement.sid {
                Some(sid) => format!("Statement \"{sid}\""),
                None => "Statement".to_owned(),
            };
            statement.complete(&at)?;
        }
        let length = self.document().chars().count();
        if length > MAX_LENGTH {
            return Err(invalid(
                "",
                format!(
                    "has {length} characters, and AWS takes {MAX_LENGTH} at most: shorten lists with patterns (*), or use condition keys instead of lists of principals"
                ),
            ));
        }
        Ok(())
    }

    /// The policy as JSON, always the same for equal policies but for the case of names that are read in either.
    pub fn document(&self) -> String {
        self.to_value().to_string()
    }

    /// The policy as JSON.
    pub fn to_value(&self) -> Value {
        let mut document = Map::new();
        let version = match self.version {
            Version::Of2008 => "2008-10-17",
            Version::Of2012 => "2012-10-17",
        };
        document.insert("Version".to_owned(), version.into());
        if let Some(id) = &self.id {
            document.insert("Id".to_owned(), id.as_str().into());
        }
        let statements = self.statements.iter().map(Statement::to_value).collect();
        document.insert("Statement".to_owned(), Value::Array(statements));
        Value::Object(document)
    }

    /// To whom it opens the endpoint.
    pub fn reach(&self) -> Reach {
        let forbids =
            |s: &Statement| s.effect == Effect::Deny && (s.condition.is_empty() || s.narrows());
        if self.statements.iter().any(forbids) {
            return Reach::Limited;
        }
        let open = self.statements.iter().filter(|s| {
            s.effect == Effect::Allow
                && s.is_for_everybody()
                && s.is_on_everything()
                && !s.narrows()
        });
        open.map(Statement::actions_reach)
            .fold(Reach::Limited, |a, b| match (a, b) {
                (Reach::Everything, _) | (_, Reach::Everything) => Reach::Everything,
                (Reach::WholeService, _) | (_, Reach::WholeService) => Reach::WholeService,
                _ => Reach::Limited,
            })
    }

    /// Whether somebody may read objects of an S3 bucket.
    pub fn lets_read_bucket(&self, bucket: &str) -> bool {
        let says = |effect| {
            self.statements.iter().any(|s| {
                // A condition of a Deny may not hold, one of an Allow may.
                s.effect == effect
                    && (effect == Effect::Allow || s.condition.is_empty())
                    && s.concerns_action("s3:GetObject")
                    && s.concerns_bucket(bucket)
            })
        };
        says(Effect::Allow) && !says(Effect::Deny)
    }
}

impl Statement {
    fn read(at: &str, value: &Value) -> Result<Self, Invalid> {
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let statement = object(at, value, &known)?;
        let effect = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err(invalid(&within(at, "Effect"), "is \"Allow\" or \"Deny\"")),
        };
        let condition = match statement.get("Condition") {
            None => BTreeMap::new(),
            Some(value) => read_condition(&within(at, "Condition"), value)?,
        };
        Ok(Self {
            sid: label(&within(at, "Sid"), statement.get("Sid"))?,
            effect,
            principal: either(at, statement, "Principal", read_principal)?,
            action: either(at, statement, "Action", |at, value| {
                let names = strings(at, value)?.into_iter().map(Caseless).collect();
                Ok(simplest(names, &Caseless("*".to_owned())))
            })?,
            resource: either(at, statement, "Resource", |at, value| {
                Ok(simplest(strings(at, value)?, &"*".to_owned()))
            })?,
            condition,
        })
    }

    fn complete(&self, at: &str) -> Result<(), Invalid> {
        let missing = |element: &str, example: &str| {
            Err(invalid(
                at,
                format!(
                    "has no {element}, which policies of endpoints need: add it, for example {example}"
                ),
            ))
        };
        let nobody = match &self.principal {
            None => return missing("Principal", "\"Principal\": \"*\""),
            Some(Only::These(Principal::Named(named)) | Only::AllBut(Principal::Named(named))) => {
                named.is_empty() || named.values().any(BTreeSet::is_empty)
            }
            Some(_) => false,
        };
        let nothing = match &self.action {
            None => return missing("Action", "\"Action\": [\"ssm-contacts:GetContact\"]"),
            Some(Only::These(set) | Only::AllBut(set)) => set.is_empty(),
        };
        let nowhere = match &self.resource {
            None => return missing("Resource", "\"Resource\": \"*\""),
            Some(Only::These(set) | Only::AllBut(set)) => set.is_empty(),
        };
        let empty = [
            (nobody, "Principal"),
            (nothing, "Action"),
            (nowhere, "Resource"),
        ];
        if let Some((_, element)) = empty.iter().find(|(is_empty, _)| *is_empty) {
            return Err(invalid(
                at,
                format!("has an empty {element}: AWS takes no empty lists"),
            ));
        }
        let Some(Only::These(actions) | Only::AllBut(actions)) = &self.action else {
            return Ok(());
        };
        let odd = actions
            .iter()
            .find(|a| a.0 != "*" && a.0.split(':').count() != 2);
        odd.map_or(Ok(()), |action| {
            let problem = format!(
                "has the action \"{}\", which is not of the form service:Action",
                action.0
            );
            Err(invalid(at, problem))
        })
    }

    fn to_value(&self) -> Value {
        let mut statement = Map::new();
        if let Some(sid) = &self.sid {
            statement.insert("Sid".to_owned(), sid.as_str().into());
        }
        let effect = match self.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        statement.insert("Effect".to_owned(), effect.into());
        let mut insert = |name: &str, value: Option<Only<Value>>| match value {
            Some(Only::These(value)) => {
                statement.insert(name.to_owned(), value);
            }
            Some(Only::AllBut(value)) => {
                statement.insert(format!("Not{name}"), value);
            }
            None => {}
        };
        insert(
            "Principal",
            self.principal.as_ref().map(|p| p.map(Principal::to_value)),
        );
        insert(
            "Action",
            self.action
                .as_ref()
                .map(|a| a.map(|set| list(set.iter().map(|c| &c.0)))),
        );
        insert("Resource", self.resource.as_ref().map(|r| r.map(list)));
        if !self.condition.is_empty() {
            let operators = self.condition.iter().map(|(operator, keys)| {
                let keys = keys
                    .iter()
                    .map(|(key, values)| (key.0.clone(), list(values)));
                (operator.clone(), Value::Object(keys.collect()))
            });
            statement.insert("Condition".to_owned(), Value::Object(operators.collect()));
        }
        Value::Object(statement)
    }

    fn is_for_everybody(&self) -> bool {
        match &self.principal {
            None => true,
            Some(Only::These(principal)) => principal.is_everybody(),
            Some(Only::AllBut(principal)) => !principal.is_everybody(),
        }
    }

    fn is_on_everything(&self) -> bool {
        match &self.resource {
            None => true,
            Some(Only::These(set)) => set.contains("*"),
            Some(Only::AllBut(_)) => false,
        }
    }

    fn actions_reach(&self) -> Reach {
        match &self.action {
            None | Some(Only::AllBut(_)) => Reach::Everything,
            Some(Only::These(set)) if set.iter().any(|a| matches!(a.0.as_str(), "*" | "*:*")) => {
                Reach::Everything
            }
            Some(Only::These(set)) if set.iter().any(|a| a.0.ends_with(":*")) => {
                Reach::WholeService
            }
            Some(Only::These(_)) => Reach::Limited,
        }
    }

    /// Its conditions say more than what holds for every call that comes through the endpoint.
    fn narrows(&self) -> bool {
        let idle = ["aws:sourcevpc", "aws:sourcevpce", "aws:securetransport"];
        let mut keys = self.condition.values().flat_map(BTreeMap::keys);
        keys.any(|key| !idle.contains(&key.0.to_ascii_lowercase().as_str()))
    }

    fn concerns_action(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let any = |set: &BTreeSet<Caseless>| {
            set.iter()
                .any(|pattern| matches(&pattern.0.to_ascii_lowercase(), &action))
        };
        match &self.action {
            None => false,
            Some(Only::These(set)) => any(set),
            Some(Only::AllBut(set)) => !any(set),
        }
    }

    fn concerns_bucket(&self, bucket: &str) -> bool {
        let any = |set: &BTreeSet<String>| {
            set.iter().any(|pattern| {
                let of_bucket = pattern.split_once(":s3:::").map(|(_, rest)| rest);
                let name = of_bucket.map(|rest| rest.split('/').next().unwrap_or(rest));
                name.map_or(pattern == "*", |name| matches(name, bucket))
            })
        };
        match &self.resource {
            None => false,
            Some(Only::These(set)) => any(set),
            Some(Only::AllBut(set)) => !any(set),
        }
    }
}

impl Principal {
    fn is_everybody(&self) -> bool {
        match self {
            Self::Everybody => true,
            Self::Named(named) => named.get("AWS").is_some_and(|set| set.contains("*")),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Everybody => "*".into(),
            Self::Named(named) => {
                let kinds = named.iter().map(|(kind, ids)| (kind.clone(), list(ids)));
                Value::Object(kinds.collect())
            }
        }
    }
}

impl<T> Only<T> {
    fn map<'a, U>(&'a self, f: impl FnOnce(&'a T) -> U) -> Only<U> {
        match self {
            Self::These(inner) => Only::These(f(inner)),
            Self::AllBut(inner) => Only::AllBut(f(inner)),
        }
    }
}

impl PartialEq for Caseless {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Caseless {}

impl PartialOrd for Caseless {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Caseless {
    fn cmp(&self, other: &Self) -> Ordering {
        let folded = |c: &Self| c.0.to_ascii_lowercase();
        folded(self).cmp(&folded(other))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => f.write_str(&self.problem),
            at => write!(f, "{at} {}", self.problem),
        }
    }
}

fn invalid(at: &str, problem: impl Into<String>) -> Invalid {
    Invalid {
        at: at.to_owned(),
        problem: problem.into(),
    }
}

fn within(at: &str, element: &str) -> String {
    format!("{at}.{element}")
}

fn object<'a>(
    at: &str,
    value: &'a Value,
    known: &[&str],
) -> Result<&'a Map<String, Value>, Invalid> {
    let Value::Object(map) = value else {
        return Err(invalid(at, "is a JSON object"));
    };
    let Some(unknown) = map.keys().find(|key| !known.contains(&key.as_str())) else {
        return Ok(map);
    };
    let fold = |name: &str| name.to_ascii_lowercase().trim_end_matches('s').to_owned();
    let meant = known.iter().find(|name| fold(name) == fold(unknown));
    Err(invalid(
        at,
        match meant {
            Some(meant) => format!("has \"{unknown}\", which IAM does not know: write \"{meant}\""),
            None => format!(
                "has \"{unknown}\", which IAM does not know: here are {}",
                known.join(", ")
            ),
        },
    ))
}

fn label(at: &str, value: Option<&Value>) -> Result<Option<String>, Invalid> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|t| !t.is_empty())),
        Some(_) => Err(invalid(at, "is text")),
    }
}

/// What `name` or `Not<name>` says. IAM takes one of the two.
fn either<T>(
    at: &str,
    statement: &Map<String, Value>,
    name: &str,
    read: impl Fn(&str, &Value) -> Result<T, Invalid>,
) -> Result<Option<Only<T>>, Invalid> {
    let not = format!("Not{name}");
    match (statement.get(name), statement.get(&not)) {
        (Some(_), Some(_)) => Err(invalid(
            at,
            format!("has {name} and {not}: IAM takes one of them"),
        )),
        (Some(value), None) => Ok(Some(Only::These(read(&within(at, name), value)?))),
        (None, Some(value)) => Ok(Some(Only::AllBut(read(&within(at, &not), value)?))),
        (None, None) => Ok(None),
    }
}

fn strings(at: &str, value: &Value) -> Result<BTreeSet<String>, Invalid> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(invalid(at, "is text or a list of texts")),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        single => Ok(BTreeSet::from([text(single)?])),
    }
}

/// `*` takes in the rest.
fn simplest<T: Ord + Clone>(set: BTreeSet<T>, all: &T) -> BTreeSet<T> {
    if set.contains(all) {
        BTreeSet::from([all.clone()])
    } else {
        set
    }
}

fn read_principal(at: &str, value: &Value) -> Result<Principal, Invalid> {
    if let Value::String(text) = value {
        return if text == "*" {
            Ok(Principal::Everybody)
        } else {
            Err(invalid(
                at,
                "is \"*\" or an object such as {\"AWS\": [\"arn:aws:iam::123456789012:role/name\"]}",
            ))
        };
    }
    let kinds = object(at, value, &["AWS", "Service", "Federated", "CanonicalUser"])?;
    let mut named = BTreeMap::new();
    for (kind, ids) in kinds {
        let ids = strings(&within(at, kind), ids)?;
        let ids = if kind == "AWS" {
            let ids = ids
                .into_iter()
                .map(|id| account_of_root(&id).unwrap_or(id))
                .collect();
            simplest(ids, &"*".to_owned())
        } else {
            ids
        };
        named.insert(kind.clone(), ids);
    }
    let everybody = Principal::Named(BTreeMap::from([(
        "AWS".to_owned(),
        BTreeSet::from(["*".to_owned()]),
    )]));
    let principal = Principal::Named(named);
    Ok(if principal == everybody {
        Principal::Everybody
    } else {
        principal
    })
}

/// The account, when this is the ARN of one: `arn:aws:iam::123456789012:root`.
fn account_of_root(id: &str) -> Option<String> {
    let mut parts = id.split(':');
    let arn = [parts.next(), parts.next(), parts.next(), parts.next()];
    let [Some("arn"), Some(_), Some("iam"), Some("")] = arn else {
        return None;
    };
    let account = parts.next().filter(|a| is_account_id(a))?;
    (parts.next() == Some("root") && parts.next().is_none()).then(|| account.to_owned())
}

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn read_condition(
    at: &str,
    value: &Value,
) -> Result<BTreeMap<String, BTreeMap<Caseless, BTreeSet<String>>>, Invalid> {
    let wrong = |at: &str| {
        invalid(
            at,
            "is an object of condition operators, such as {\"StringEquals\": {\"aws:PrincipalAccount\": \"123456789012\"}}",
        )
    };
    let operators = value.as_object().ok_or_else(|| wrong(at))?;
    let mut condition = BTreeMap::new();
    for (operator, keys) in operators {
        let at = within(at, operator);
        let keys = keys.as_object().ok_or_else(|| wrong(&at))?;
        let mut read: BTreeMap<Caseless, BTreeSet<String>> = BTreeMap::new();
        for (key, values) in keys {
            let values = condition_values(&within(&at, key), values)?;
            if read.insert(Caseless(key.clone()), values).is_some() {
                return Err(invalid(
                    &at,
                    format!("has the key \"{key}\" twice: IAM reads it in either case"),
                ));
            }
        }
        // An operator without keys says nothing.
        if !read.is_empty() {
            condition.insert(operator.clone(), read);
        }
    }
    Ok(condition)
}

fn condition_values(at: &str, value: &Value) -> Result<BTreeSet<String>, Invalid> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(invalid(at, "is a value or a list of values")),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        single => Ok(BTreeSet::from([text(single)?])),
    }
}

/// A single value is written as such.
fn list<'a>(values: impl IntoIterator<Item = &'a String>) -> Value {
    let mut values: Vec<Value> = values.into_iter().map(|v| v.as_str().into()).collect();
    match values.len() {
        1 => values.remove(0),
        _ => Value::Array(values),
    }
}

/// Whether a pattern of IAM fits: `*` is any text, `?` any character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), star) {
            (Some('*'), _) => {
                star = Some((p, t));
                p += 1;
            }
            (Some(c), _) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            (_, Some((at, from))) => {
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests;
