//! Who refers to whom: what a reference resolves to, whether it is allowed, and who must not be deleted because of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::connect::{Provider, selector_matches};
use super::directory::{Standing, View};
use super::error::Error;
use super::scheduler::ObjectKey;
use super::shared::Shared;
use crate::api::AccessGrant;
use crate::api::common::{Referrer, ResolvedReference};
use crate::api::conditions::Reason;
use crate::api::provider_config::UnmanagedReferences;
use crate::api::reference::ObjectReference;
use crate::aws::arn::Arn;

/// What a reference names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// An object by kind, namespace and name.
    Object {
        /// Its kind.
        kind: &'static str,
        /// Its namespace.
        namespace: Option<String>,
        /// Its name.
        name: String,
    },
    /// An AWS resource.
    Arn(String),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object {
                kind,
                namespace: Some(namespace),
                name,
            } => write!(f, "{kind} {namespace}/{name}"),
            Self::Object { kind, name, .. } => write!(f, "{kind} {name}"),
            Self::Arn(arn) => f.write_str(arn),
        }
    }
}

/// One reference of a spec.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// What it names.
    pub named: Named,
    /// Kinds that may stand here.
    pub kinds: &'static [&'static str],
    /// What it names is not deleted while it stands.
    pub holds: bool,
}

impl Reference {
    /// What `reference` of an object in `namespace` names, when `kind` may stand there. Pure.
    pub fn new(
        reference: &ObjectReference,
        namespace: Option<&str>,
        kinds: &'static [&'static str],
    ) -> Self {
        let named = match (&reference.arn, &reference.name) {
            (Some(arn), _) => Named::Arn(arn.clone()),
            (None, name) => Named::Object {
                kind: kinds.first().copied().unwrap_or_default(),
                namespace: reference
                    .namespace
                    .clone()
                    .or_else(|| namespace.map(str::to_owned)),
                name: name.clone().unwrap_or_default(),
            },
        };
        Self {
            named,
            kinds,
            holds: true,
        }
    }

    /// The same, but it does not stand in the way of a deletion.
    #[must_use]
    pub fn letting_go(self) -> Self {
        Self {
            holds: false,
            ..self
        }
    }
}

/// The reverse index: who names an object or an ARN. Kept by the watches, so that it is complete before the first pass.
///
/// An `arn:` to a managed object counts like a reference by name: whoever asks looks under both.
#[derive(Debug, Default)]
pub struct ReferenceIndex {
    maps: RwLock<Maps>,
}

#[derive(Debug, Default)]
struct Maps {
    by_target: BTreeMap<Named, BTreeSet<ObjectKey>>,
    by_referrer: BTreeMap<ObjectKey, BTreeSet<Named>>,
}

impl ReferenceIndex {
    /// Replaces what `referrer` names. Returns the targets that gained or lost it.
    pub fn set(&self, referrer: &ObjectKey, targets: BTreeSet<Named>) -> BTreeSet<Named> {
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        let before = maps.by_referrer.remove(referrer).unwrap_or_default();
        let changed: BTreeSet<Named> = before.symmetric_difference(&targets).cloned().collect();
        for lost in before.difference(&targets) {
            if let Some(referrers) = maps.by_target.get_mut(lost) {
                referrers.remove(referrer);
                if referrers.is_empty() {
                    maps.by_target.remove(lost);
                }
            }
        }
        for gained in targets.difference(&before) {
            maps.by_target
                .entry(gained.clone())
                .or_default()
                .insert(referrer.clone());
        }
        if !targets.is_empty() {
            maps.by_referrer.insert(referrer.clone(), targets);
        }
        changed
    }

    /// The objects that name `key` or `arn`.
    pub fn naming(&self, key: &ObjectKey, arn: Option<&str>) -> BTreeSet<ObjectKey> {
        let maps = self.maps.read().unwrap_or_else(PoisonError::into_inner);
        let by_name = Named::Object {
            kind: key.kind,
            namespace: key.namespace.clone(),
            name: key.name.clone(),
        };
        let by_arn = arn.map(|arn| Named::Arn(arn.to_owned()));
        [Some(by_name), by_arn]
            .into_iter()
            .flatten()
            .filter_map(|target| maps.by_target.get(&target))
            .flatten()
            .cloned()
            .collect()
    }
}

/// What a reference stands for.
#[derive(Clone)]
pub struct Resolved {
    /// ARN of the AWS resource.
    pub arn: String,
    /// The object that manages it, if there is one.
    pub key: Option<ObjectKey>,
    /// What that object shows.
    pub standing: Option<Standing>,
    /// The reference is no longer allowed, but what it stands for is in AWS already: it stays there.
    pub revoked: Option<Unresolved>,
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

impl Resolved {
    /// The object that manages it is being deleted, and what it stands for in AWS with it.
    pub fn leaving(&self) -> bool {
        self.standing.as_ref().is_some_and(|s| s.leaving)
    }

    /// For the status.
    pub fn record(&self) -> ResolvedReference {
        let key = self.key.as_ref();
        ResolvedReference {
            kind: key.map(|k| k.kind.to_owned()),
            namespace: key.and_then(|k| k.namespace.clone()),
            name: key.map(|k| k.name.clone()),
            arn: self.arn.clone(),
        }
    }
}

/// Why a reference does not resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Reason of the condition.
    pub reason: Reason,
    /// What is wrong and what mends it, as one sentence without a full stop.
    pub message: String,
    /// There is no such object.
    pub missing: bool,
}

impl Unresolved {
    fn new(reason: Reason, message: String) -> Self {
        Self {
            reason,
            message,
            missing: false,
        }
    }
}

/// One error for everything that does not resolve; what needs an edit comes first.
pub fn unresolved(problems: &[Unresolved]) -> Option<Error> {
    let worst = problems
        .iter()
        .find(|p| p.reason == Reason::InvalidSpec)
        // What does not exist yet may come by itself.
        .or_else(|| {
            problems
                .iter()
                .find(|p| p.reason != Reason::ReferenceNotFound)
        })
        .or_else(|| problems.first())?;
    let mut messages: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    messages.dedup();
    let message = messages.join("; ");
    Some(if worst.reason == Reason::InvalidSpec {
        Error::invalid(message)
    } else {
        Error::unresolved(worst.reason, message)
    })
}

/// What is said of references that are no longer allowed while what they stand for is in AWS (product: revocation fails static). `None` = all
/// are allowed.
pub fn revoked<'a>(resolved: impl Iterator<Item = &'a Resolved>) -> Option<Error> {
    let revoked: Vec<&Unresolved> = resolved.filter_map(|r| r.revoked.as_ref()).collect();
    let reason = revoked.first()?.reason;
    let messages: BTreeSet<&str> = revoked.iter().map(|r| r.message.as_str()).collect();
    let messages: Vec<&str> = messages.into_iter().collect();
    Some(Error::unresolved(
        reason,
        format!(
            "{}. Who is in AWS already stays there; nobody new is added",
            messages.join("; ")
        ),
    ))
}

/// Resolves one reference of `referrer` (product: References). `recorded` is what the status says is in AWS already: that stays usable when a
/// grant is revoked.
///
/// # Errors
/// The inner one says why it does not resolve; the outer one, that the API server could not be asked.
pub async fn resolve(
    shared: &Shared,
    provider: &Provider,
    referrer: &ObjectKey,
    recorded: &[ResolvedReference],
    reference: &Reference,
) -> Result<Result<Resolved, Unresolved>, Error> {
    let found = shared.directory.find(&reference.named);
    let target = match (&reference.named, &found) {
        (Named::Arn(arn), None) => return Ok(unmanaged(provider, recorded, arn)),
        (_, Some(view)) => Some(view.key()),
        (_, None) => None,
    };
    // Whether a reference is allowed is asked before whether its target is there: what is there is nobody's business without a grant.
    let (kind, namespace, name) = match (&target, &reference.named) {
        (Some(key), _) => (key.kind, key.namespace.as_deref(), key.name.as_str()),
        (
            None,
            Named::Object {
                kind,
                namespace,
                name,
            },
        ) => (*kind, namespace.as_deref(), name.as_str()),
        (None, Named::Arn(_)) => ("", None, ""),
    };
    let mut revoked = None;
    if let Some(refusal) = refusal(shared, referrer, (kind, namespace, name)).await? {
        let kept = recorded.iter().find(|r| {
            r.kind.as_deref() == Some(kind)
                && r.namespace.as_deref() == namespace
                && r.name.as_deref() == Some(name)
        });
        let Some(kept) = kept else {
            return Ok(Err(refusal));
        };
        revoked = Some(refusal);
        if found.is_none() {
            return Ok(Ok(Resolved {
                arn: kept.arn.clone(),
                // By its name it is found in the record again.
                key: Some(ObjectKey {
                    kind,
                    namespace: namespace.map(str::to_owned),
                    name: name.to_owned(),
                }),
                standing: None,
                revoked,
            }));
        }
    }
    let Some(view) = found else {
        return Ok(Err(Unresolved {
            reason: Reason::ReferenceNotFound,
            message: format!("{} does not exist (yet)", reference.named),
            missing: true,
        }));
    };
    if !reference.kinds.contains(&kind) {
        return Ok(Err(Unresolved::new(
            Reason::InvalidSpec,
            format!(
                "{} is managed by {kind} {name}, and only a {} can stand there",
                reference.named,
                reference.kinds.join(" or ")
            ),
        )));
    }
    let standing = view.standing();
    let Some(arn) = standing.arn.clone() else {
        return Ok(Err(Unresolved::new(
            Reason::ReferenceNotFound,
            format!(
                "{} is not in AWS (yet): see its conditions",
                reference.named
            ),
        )));
    };
    if let Err(elsewhere) = same_place(provider, &arn) {
        return Ok(Err(elsewhere));
    }
    Ok(Ok(Resolved {
        arn,
        key: target,
        standing: Some(standing),
        revoked,
    }))
}

/// An ARN that no object here manages.
fn unmanaged(
    provider: &Provider,
    recorded: &[ResolvedReference],
    arn: &str,
) -> Result<Resolved, Unresolved> {
    same_place(provider, arn)?;
    let mut resolved = Resolved {
        arn: arn.to_owned(),
        key: None,
        standing: None,
        revoked: None,
    };
    if provider.spec.unmanaged_references == Some(UnmanagedReferences::Allow) {
        return Ok(resolved);
    }
    let message = format!(
        "{arn} is managed by no object here, and ProviderConfig \"{}\" does not allow that: set unmanagedReferences: Allow there, or refer to an object by name",
        provider.name
    );
    if recorded.iter().any(|r| r.arn == arn) {
        resolved.revoked = Some(Unresolved::new(Reason::ReferenceNotAllowed, message));
        return Ok(resolved);
    }
    Err(Unresolved::new(Reason::ReferenceNotAllowed, message))
}

/// AWS takes people and schedules of the same account and Region only (CHK-32).
fn same_place(provider: &Provider, target: &str) -> Result<(), Unresolved> {
    let place = &provider.account.config.placement;
    match Arn::parse(target) {
        Ok(arn) if arn.is_in(place) => Ok(()),
        Ok(arn) => Err(Unresolved::new(
            Reason::InvalidSpec,
            format!(
                "{target} is in account {} and Region {}, but this object is in account {} and Region {}: AWS takes only what is in the same place (CHK-32)",
                arn.account(),
                arn.region(),
                place.account_id,
                place.region
            ),
        )),
        Err(_) => Err(Unresolved::new(
            Reason::InvalidSpec,
            format!("{target} is not an ARN of a contact"),
        )),
    }
}

/// Why `referrer` may not refer to the object `(kind, namespace, name)`; `None` = it may.
async fn refusal(
    shared: &Shared,
    referrer: &ObjectKey,
    (kind, namespace, name): (&str, Option<&str>, &str),
) -> Result<Option<Unresolved>, Error> {
    if referrer.namespace.as_deref() == namespace {
        return Ok(None);
    }
    let (Some(own), Some(other)) = (referrer.namespace.as_deref(), namespace) else {
        return Ok(None);
    };
    if !shared.settings.cross_namespace_references {
        return Ok(Some(Unresolved::new(
            Reason::ReferenceNotAllowed,
            format!(
                "{kind} {other}/{name} is in another namespace, and this operator allows no references across namespaces (--no-cross-namespace-refs)"
            ),
        )));
    }
    let labels = shared.namespace_labels(own).await?.unwrap_or_default();
    let granted = |grant: &AccessGrant| {
        let from = grant.spec.from.iter().any(|from| {
            from.kind.as_str() == referrer.kind
                && (from.namespace.as_deref() == Some(own)
                    || from
                        .namespace_selector
                        .as_ref()
                        .is_some_and(|s| selector_matches(s, &labels)))
        });
        let to = grant.spec.to.iter().any(|to| {
            to.kind.as_str() == kind
                && to
                    .names
                    .as_ref()
                    .is_none_or(|names| names.iter().any(|n| n == name))
        });
        from && to
    };
    let here = shared.grants.filter(|guard| {
        guard.0.as_ref().is_ok_and(|grant| {
            grant.metadata.namespace.as_deref() == Some(other)
                && grant.metadata.deletion_timestamp.is_none()
                && granted(grant)
        })
    });
    Ok(here.is_empty().then(|| {
        Unresolved::new(
            Reason::ReferenceNotGranted,
            format!(
                "{kind} {other}/{name} is in another namespace, and no AccessGrant there lets {}s of namespace \"{own}\" refer to it",
                referrer.kind
            ),
        )
    }))
}

/// The objects that refer to what `key` manages at `arn`, as far as they may, or have it in AWS already.
pub async fn referrers(
    shared: &Shared,
    key: &ObjectKey,
    arn: &str,
) -> Result<Vec<Referrer>, Error> {
    let mut referrers = vec![];
    for other in shared.references.naming(key, Some(arn)) {
        let Some(view) = shared
            .directory
            .get(other.kind, other.namespace.as_deref(), &other.name)
        else {
            continue;
        };
        let names = |named: &Named| match named {
            Named::Object {
                kind,
                namespace,
                name,
            } => *kind == key.kind && *namespace == key.namespace && *name == key.name,
            Named::Arn(named) => named == arn,
        };
        let references = view.references();
        if !references.iter().any(|r| r.holds && names(&r.named)) {
            continue;
        }
        let target = (key.kind, key.namespace.as_deref(), key.name.as_str());
        let counts = holds(&*view, arn) || refusal(shared, &other, target).await?.is_none();
        if counts {
            referrers.push(Referrer {
                kind: other.kind.to_owned(),
                namespace: other.namespace.clone(),
                name: other.name.clone(),
            });
        }
    }
    referrers.sort();
    Ok(referrers)
}

fn holds(referrer: &dyn View, arn: &str) -> bool {
    let common = referrer.common();
    common.is_some_and(|c| c.references.iter().any(|r| r.arn == arn))
}

/// The objects that the watches say are concerned when a target changes.
pub fn concerned(shared: &Shared, key: &ObjectKey, arns: [Option<&str>; 2]) -> Vec<Arc<dyn View>> {
    let mut keys = shared.references.naming(key, arns[0]);
    if arns[1] != arns[0] {
        keys.extend(shared.references.naming(key, arns[1]));
    }
    keys.iter()
        .filter_map(|k| {
            shared
                .directory
                .get(k.kind, k.namespace.as_deref(), &k.name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            kind: "OnCallSchedule",
            namespace: Some("n".into()),
            name: name.into(),
        }
    }

    fn contact(name: &str) -> Named {
        Named::Object {
            kind: "Contact",
            namespace: Some("people".into()),
            name: name.into(),
        }
    }

    fn contact_key(name: &str) -> ObjectKey {
        ObjectKey {
            kind: "Contact",
            namespace: Some("people".into()),
            name: name.into(),
        }
    }

    fn targets(names: &[&str]) -> BTreeSet<Named> {
        names.iter().map(|n| contact(n)).collect()
    }

    #[test]
    fn targets_learn_who_comes_and_goes() {
        let index = ReferenceIndex::default();
        assert_eq!(
            index.set(&key("s"), targets(&["a", "b"])),
            targets(&["a", "b"])
        );
        assert_eq!(
            index.set(&key("s"), targets(&["b", "c"])),
            targets(&["a", "c"])
        );
        assert!(index.naming(&contact_key("a"), None).is_empty());
        assert_eq!(
            index.naming(&contact_key("c"), None),
            BTreeSet::from([key("s")])
        );
        assert_eq!(index.set(&key("s"), targets(&[])), targets(&["b", "c"]));
        assert!(index.naming(&contact_key("b"), None).is_empty());
    }

    #[test]
    fn a_reference_by_arn_counts_like_one_by_name() {
        let index = ReferenceIndex::default();
        index.set(
            &key("s"),
            BTreeSet::from([Named::Arn("arn:of:a".to_owned())]),
        );
        index.set(&key("t"), targets(&["a"]));
        assert_eq!(
            index.naming(&contact_key("a"), Some("arn:of:a")),
            BTreeSet::from([key("s"), key("t")])
        );
    }
}
