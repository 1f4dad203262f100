//! What a user does, as data: the machine kills, faults and delays it in every place by itself, so that a kind only adds scenarios.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::model::Held;
use crate::stage::Hands;

/// Something a user does, which must come out right whatever dies or fails meanwhile.
pub struct Scenario {
    /// Name; part of namespaces.
    pub name: &'static str,
    /// What is there before, up to its being ready.
    pub prepare: Vec<Step>,
    /// What the user does.
    pub act: Vec<Step>,
    /// A person who answers, when there is one.
    pub person: Option<Person>,
    /// How it may end; the first is how it ends when nothing goes wrong.
    pub ends: Vec<End>,
    /// Texts that may stand nowhere in what the operator writes; addresses and Secrets of the manifests are known already.
    pub sensitive: Vec<&'static str>,
    /// How many codes AWS may send because of what the user does.
    pub max_codes: usize,
}

/// One thing a user does.
pub enum Step {
    /// The case's ProviderConfig.
    Provider,
    /// The case's ProviderConfig is deleted.
    DeleteProvider,
    /// Server-side apply; `{account}` stands for the case's own, `{provider}` names what is in no namespace.
    Apply(&'static str),
    /// Asks for deletion.
    Delete(&'static str, &'static str),
    /// The case's ReplicationSet may be deleted with all data.
    ConsentToDeletion,
    /// Waits until all that was applied is ready.
    Ready,
    /// Something done in AWS, past the operator.
    InAws(for<'a> fn(&'a Hands) -> BoxFuture<'a, ()>),
}

/// Who answers what reaches them.
pub enum Person {
    /// When a code arrives: gives the last one back in a labelled Secret.
    GivesBack {
        /// Name of the Secret.
        secret: &'static str,
        /// Its key.
        key: &'static str,
    },
    /// When a page arrives: acknowledges it.
    Acknowledges,
}

/// One way in which a scenario may end.
pub struct End {
    /// What AWS holds, as [`Held`] prints it; `{namespace}` and `{owner}` stand for the case's own.
    pub aws: &'static str,
    /// What the status of some objects says beside being Ready.
    pub objects: Vec<Expected>,
    /// How many codes were sent.
    pub codes: usize,
    /// Right only where AWS failed meanwhile.
    pub only_under_faults: bool,
}

impl End {
    /// AWS holds this, every object is Ready, no code was sent.
    pub fn new(aws: &'static str) -> Self {
        Self {
            aws,
            objects: vec![],
            codes: 0,
            only_under_faults: false,
        }
    }

    /// Right only where AWS failed meanwhile.
    pub fn only_under_faults(mut self) -> Self {
        self.only_under_faults = true;
        self
    }

    /// With an object in this state.
    pub fn object(mut self, kind: &'static str, name: &'static str, status: Value) -> Self {
        self.objects.push(Expected {
            kind,
            name,
            status,
            ready: true,
        });
        self
    }

    /// With an object that does not become Ready.
    pub fn unready(mut self, kind: &'static str, name: &'static str, status: Value) -> Self {
        self.objects.push(Expected {
            kind,
            name,
            status,
            ready: false,
        });
        self
    }

    /// With so many codes sent.
    pub fn codes(mut self, codes: usize) -> Self {
        self.codes = codes;
        self
    }

    /// What AWS must hold.
    pub fn held(&self, namespace: &str) -> Held {
        Held::parse(
            &self
                .aws
                .replace("{namespace}", namespace)
                .replace("{owner}", namespace),
        )
    }
}

/// What an object's status must say.
pub struct Expected {
    /// Kind.
    pub kind: &'static str,
    /// Name; `{provider}` is the case's ProviderConfig.
    pub name: &'static str,
    /// The status holds at least this; lists have as many items.
    pub status: Value,
    /// Whether it is Ready.
    pub ready: bool,
}

/// Kind and name of everything of ours in a manifest.
pub fn named(yaml: &str) -> Vec<(String, String)> {
    harness::cluster::documents(yaml)
        .expect("a manifest")
        .iter()
        .filter(|object| {
            object["apiVersion"]
                .as_str()
                .is_some_and(|version| version.starts_with(harness::setup::GROUP))
        })
        .map(|object| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&object["kind"]), text(&object["metadata"]["name"]))
        })
        .collect()
}

/// The objects that are there after some steps; the ProviderConfig has an empty name.
pub fn present<'a>(steps: impl IntoIterator<Item = &'a Step>) -> BTreeSet<(String, String)> {
    let provider = || ("ProviderConfig".to_owned(), String::new());
    let mut present = BTreeSet::new();
    for step in steps {
        match step {
            Step::Provider => {
                present.insert(provider());
            }
            Step::DeleteProvider => {
                present.remove(&provider());
            }
            Step::Apply(yaml) => present.extend(named(yaml)),
            Step::Delete(kind, name) => {
                present.remove(&((*kind).to_owned(), (*name).to_owned()));
            }
            Step::Ready | Step::InAws(_) | Step::ConsentToDeletion => {}
        }
    }
    present
}

impl Scenario {
    /// What is asked about the account as a whole has been asked before; how soon again depends on the time that has passed.
    pub fn knows_account(&self) -> bool {
        self.prepare
            .iter()
            .any(|step| matches!(step, Step::Provider))
    }

    /// An object of this kind is not Ready in the end.
    pub fn expects_unready(&self, kind: &str) -> bool {
        let expected = self.ends.iter().flat_map(|end| &end.objects);
        expected.into_iter().any(|e| e.kind == kind && !e.ready)
    }

    /// The objects that are there in the end.
    pub fn remaining(&self) -> BTreeSet<(String, String)> {
        present(self.prepare.iter().chain(&self.act))
    }
}

/// Whether `actual` holds at least what `expected` says.
pub fn holds(actual: &Value, expected: &Value) -> bool {
    match expected {
        Value::Object(fields) => fields
            .iter()
            .all(|(name, expected)| holds(&actual[name], expected)),
        Value::Array(expected) => actual.as_array().is_some_and(|actual| {
            actual.len() == expected.len() && actual.iter().zip(expected).all(|(a, e)| holds(a, e))
        }),
        other => actual == other,
    }
}
