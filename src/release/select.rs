//! Which objects are meant, and what is to be done with each. Pure.

use kube::ResourceExt;
use kube::api::DynamicObject;
use kube::core::ApiResource;

use crate::api::common::Referrer;
use crate::api::{FINALIZER, GROUP, IN_USE_FINALIZER, VERSION, crds};

/// What letting go means for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It stands for something in AWS: tags there, a finalizer here.
    Aws,
    /// It was begun once and AWS keeps it: a finalizer here at most.
    Once,
    /// A ProviderConfig: a finalizer while it is used.
    Config,
    /// It holds on to nothing.
    Nothing,
}

impl Hold {
    /// The operator does something in AWS for it.
    pub fn acts(self) -> bool {
        matches!(self, Self::Aws | Self::Once)
    }
}

/// A kind of ours.
#[derive(Debug, Clone)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// How the API server calls it.
    pub resource: ApiResource,
    /// How people may call it, in lower case.
    aliases: Vec<String>,
    /// Its objects are in namespaces.
    pub namespaced: bool,
    /// What letting go means.
    pub hold: Hold,
}

/// Kinds in the order in which they are let go: who refers to others comes first.
const ORDER: [(&str, Hold); 13] = [
    ("Incident", Hold::Once),
    ("TestPage", Hold::Once),
    ("ResponsePlan", Hold::Aws),
    ("EscalationPlan", Hold::Aws),
    ("RotationOverride", Hold::Aws),
    ("OnCallSchedule", Hold::Aws),
    ("ChannelActivation", Hold::Nothing),
    ("Contact", Hold::Aws),
    ("AccessGrant", Hold::Nothing),
    ("VpcEndpoint", Hold::Aws),
    ("AlternateContact", Hold::Aws),
    ("ReplicationSet", Hold::Aws),
    ("ProviderConfig", Hold::Config),
];

/// All kinds, in the order in which they are let go.
pub fn kinds() -> Vec<Kind> {
    let crds = crds();
    let find = |(name, hold): &(&'static str, Hold)| {
        let names = &crds.iter().find(|c| c.spec.names.kind == *name)?.spec;
        let scope = names.scope.as_str();
        let names = &names.names;
        let mut aliases = vec![name.to_lowercase(), names.plural.clone()];
        aliases.extend(names.short_names.iter().flatten().cloned());
        aliases.push(format!("{}.{GROUP}", names.plural));
        Some(Kind {
            name,
            resource: ApiResource {
                group: GROUP.to_owned(),
                version: VERSION.to_owned(),
                api_version: format!("{GROUP}/{VERSION}"),
                kind: (*name).to_owned(),
                plural: names.plural.clone(),
            },
            aliases,
            namespaced: scope == "Namespaced",
            hold: *hold,
        })
    };
    ORDER.iter().filter_map(find).collect()
}

/// What the user has named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Everything.
    All,
    /// Kinds, or single objects of a kind.
    These(Vec<(&'static str, Option<String>)>),
}

impl Selection {
    /// Reads `KIND` and `KIND/NAME`.
    ///
    /// # Errors
    /// What is not understood, and what would be.
    pub fn parse(all: bool, texts: &[String]) -> Result<Self, String> {
        if all {
            return Ok(Self::All);
        }
        let kinds = kinds();
        let read = |text: &String| {
            let (kind, name) = match text.split_once('/') {
                Some((kind, name)) => (kind, Some(name.to_owned())),
                None => (text.as_str(), None),
            };
            let lower = kind.to_lowercase();
            let found = kinds.iter().find(|k| k.aliases.contains(&lower));
            let found = found.ok_or_else(|| {
                let known: Vec<&str> = kinds.iter().map(|k| k.name).collect();
                format!(
                    "\"{kind}\" is none of the kinds there are: {}",
                    known.join(", ")
                )
            })?;
            if name.as_deref() == Some("") {
                return Err(format!(
                    "\"{text}\" names no object: give KIND or KIND/NAME"
                ));
            }
            Ok((found.name, name))
        };
        texts
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self::These)
    }

    /// Whether any object of this kind is meant. `whole_cluster` = objects of all namespaces are.
    pub fn covers_kind(&self, kind: &Kind, whole_cluster: bool) -> bool {
        match self {
            Self::All => kind.namespaced || whole_cluster,
            Self::These(these) => these.iter().any(|(name, _)| *name == kind.name),
        }
    }

    /// Whether the object is meant.
    pub fn covers(&self, kind: &Kind, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these
                .iter()
                .any(|(k, n)| *k == kind.name && n.as_deref().is_none_or(|n| n == name)),
        }
    }

    /// The objects that were named one by one and are not among `found`.
    pub fn missing(&self, found: &[Item]) -> Vec<String> {
        let Self::These(these) = self else {
            return vec![];
        };
        let named = these.iter().filter_map(|(k, n)| Some((*k, n.as_ref()?)));
        named
            .filter(|(kind, name)| !found.iter().any(|i| i.kind == *kind && i.name == **name))
            .map(|(kind, name)| format!("{kind} {name}"))
            .collect()
    }
}

/// An object that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its kind.
    pub kind: &'static str,
    /// What letting go means for it.
    pub hold: Hold,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Which object of that name it is.
    pub uid: Option<String>,
    /// It is being deleted.
    pub deleting: bool,
    /// It carries a finalizer of ours.
    pub held: bool,
    /// It is marked so that the operator stands back.
    pub stands_back: bool,
    /// Generation of its spec.
    pub generation: Option<i64>,
    /// The generation that the operator has seen.
    pub seen: Option<i64>,
    /// What puts it back when it is changed or deleted: `Argo CD` or `Flux`.
    pub kept_by: Option<&'static str>,
    /// The ProviderConfig that it uses.
    pub provider: String,
    /// The objects that refer to it, as its status shows them.
    pub referred_by: Vec<Referrer>,
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// Annotations and labels of those who put objects back.
const KEEPERS: [(&str, &str); 3] = [
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
];

impl Item {
    /// What matters of an object.
    pub fn new(kind: &Kind, object: &DynamicObject) -> Self {
        let spec = &object.data["spec"];
        let marks =
            |key: &str| object.annotations().contains_key(key) || object.labels().contains_key(key);
        Self {
            kind: kind.name,
            hold: kind.hold,
            namespace: object.namespace(),
            name: object.name_any(),
            uid: object.uid(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            held: object
                .finalizers()
                .iter()
                .any(|f| f == FINALIZER || f == IN_USE_FINALIZER),
            stands_back: spec["managementPolicy"] == "Observe",
            generation: object.metadata.generation,
            seen: object.data["status"]["observedGeneration"].as_i64(),
            kept_by: KEEPERS
                .iter()
                .find(|(key, _)| marks(key))
                .map(|(_, by)| *by),
            provider: spec["providerConfigRef"]["name"]
                .as_str()
                .unwrap_or("default")
                .to_owned(),
            referred_by: serde_json::from_value(object.data["status"]["referencedBy"].clone())
                .unwrap_or_default(),
        }
    }

    /// The operator has seen the object as it is now.
    pub fn is_seen(&self) -> bool {
        self.seen.is_some() && self.seen == self.generation
    }
}

/// Who refers to what is to be deleted and stays: each will miss it.
pub fn left_behind(items: &[Item]) -> Vec<String> {
    let stays = |referrer: &&Referrer| {
        let is_it = |i: &Item| {
            i.kind == referrer.kind && i.namespace == referrer.namespace && i.name == referrer.name
        };
        !items.iter().any(is_it)
    };
    let told = |item: &Item| {
        let referrers = item.referred_by.iter().filter(stays);
        let told = referrers.map(|r| {
            let namespace = r.namespace.as_deref().unwrap_or_default();
            format!("{} {namespace}/{} refers to {item}", r.kind, r.name)
        });
        told.collect::<Vec<_>>()
    };
    items.iter().flat_map(told).collect()
}

/// What would be done, in words.
pub fn intention(item: &Item, keep_tags: bool, delete: bool) -> String {
    let mut steps = vec![];
    if item.hold.acts() {
        if item.hold == Hold::Aws && !keep_tags {
            steps.push("our tags off in AWS");
        }
        if !item.deleting && !item.stands_back {
            steps.push("managementPolicy: Observe");
        }
    }
    if item.held {
        steps.push("finalizer off");
    }
    if item.deleting {
        steps.push("gone, since it is being deleted");
    } else if delete {
        steps.push("deleted in the cluster");
    }
    if steps.is_empty() {
        steps.push("nothing to do");
    }
    format!("{item}: {}", steps.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(texts: &[&str]) -> Result<Selection, String> {
        let texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
        Selection::parse(false, &texts)
    }

    fn kind(name: &str) -> Kind {
        kinds().into_iter().find(|k| k.name == name).unwrap()
    }

    fn item(kind_name: &str, metadata: &serde_json::Value) -> Item {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": kind_name, "metadata": metadata, "spec": {},
        }))
        .unwrap();
        Item::new(&kind(kind_name), &object)
    }

    #[test]
    fn every_kind_has_its_place() {
        let mut known: Vec<String> = crds().into_iter().map(|c| c.spec.names.kind).collect();
        let mut ordered: Vec<String> = kinds().iter().map(|k| k.name.to_owned()).collect();
        known.sort();
        ordered.sort();
        assert_eq!(known, ordered);
    }

    #[test]
    fn kinds_are_named_as_kubectl_names_them() {
        for name in [
            "Contact",
            "contact",
            "contacts",
            "imc",
            "contacts.incident-operator.dev",
        ] {
            assert_eq!(
                parse(&[name]),
                Ok(Selection::These(vec![("Contact", None)])),
                "{name}"
            );
        }
        assert_eq!(
            parse(&["imep/payments", "impc"]),
            Ok(Selection::These(vec![
                ("EscalationPlan", Some("payments".to_owned())),
                ("ProviderConfig", None)
            ]))
        );
        let unknown = parse(&["pod/a"]).unwrap_err();
        assert!(unknown.contains("pod") && unknown.contains("OnCallSchedule"));
        assert!(parse(&["contact/"]).is_err());
    }

    #[test]
    fn everything_of_a_namespace_is_nothing_of_the_cluster() {
        let config = kind("ProviderConfig");
        assert!(!Selection::All.covers_kind(&config, false));
        assert!(Selection::All.covers_kind(&config, true));
        assert!(Selection::All.covers_kind(&kind("Contact"), false));
        let named = parse(&["impc/default"]).unwrap();
        assert!(named.covers_kind(&config, false));
        assert!(named.covers(&config, "default") && !named.covers(&config, "other"));
    }

    #[test]
    fn what_was_named_and_is_not_there_is_told() {
        let alice = item("Contact", &json!({"name": "alice", "namespace": "n"}));
        let selection = parse(&["contact/alice", "contact/bob", "imep"]).unwrap();
        assert_eq!(selection.missing(&[alice]), ["Contact bob"]);
    }

    #[test]
    fn what_would_be_done_is_said() {
        let held = json!({"name": "alice", "namespace": "n", "finalizers": [FINALIZER]});
        assert_eq!(
            intention(&item("Contact", &held), false, false),
            "Contact n/alice: our tags off in AWS, managementPolicy: Observe, finalizer off"
        );
        let grant = item("AccessGrant", &json!({"name": "g", "namespace": "n"}));
        assert_eq!(
            intention(&grant, false, false),
            "AccessGrant n/g: nothing to do"
        );
        assert_eq!(
            intention(&grant, true, true),
            "AccessGrant n/g: deleted in the cluster"
        );
    }

    #[test]
    fn who_will_miss_it_is_told() {
        let refers = |kind: &str, name: &str| json!({"kind": kind, "namespace": "n", "name": name});
        let alice: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact",
            "metadata": {"name": "alice", "namespace": "n"}, "spec": {},
            "status": {"referencedBy": [refers("OnCallSchedule", "primary"), refers("EscalationPlan", "ladder")]},
        }))
        .unwrap();
        let alice = Item::new(&kind("Contact"), &alice);
        let ladder = item(
            "EscalationPlan",
            &json!({"name": "ladder", "namespace": "n"}),
        );
        assert_eq!(
            left_behind(&[alice, ladder]),
            ["OnCallSchedule n/primary refers to Contact n/alice"]
        );
    }

    #[test]
    fn who_would_put_it_back_is_known() {
        let mut metadata = json!({"name": "a", "namespace": "n"});
        assert_eq!(item("Contact", &metadata).kept_by, None);
        metadata["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": "x"});
        assert_eq!(item("Contact", &metadata).kept_by, Some("Flux"));
        metadata["annotations"] = json!({"argocd.argoproj.io/tracking-id": "x"});
        assert_eq!(item("Contact", &metadata).kept_by, Some("Argo CD"));
    }
}
