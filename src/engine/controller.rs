//! Watches: what they see goes into the stores and wakes objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::directory::View;
use super::object::{ManagedObject, trigger};
use super::references::{Named, Reference, concerned};
use super::scheduler::ObjectKey;
use super::shared::Shared;
use super::store::{ObjectStore, Seen};
use crate::api::{AccessGrant, CONTACT_DATA_LABEL, FINALIZER};
use crate::aws::Priority;

/// Says once that a watch has its first list.
pub type Listed = mpsc::Sender<()>;

/// Is told everything that happens to the objects of a kind.
pub type Hook<K> = dyn Fn(&Seen<DeserializeGuard<K>>) + Send + Sync;
/// Is told the namespace and name of a Secret that changed.
pub type SecretHook = dyn Fn(&str, &str) + Send + Sync;
/// Is told the name of a Namespace whose labels changed.
pub type NamespaceHook = dyn Fn(&str) + Send + Sync;

/// The annotation in which kubectl keeps a copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn strip<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
    if let Some(annotations) = object.meta_mut().annotations.as_mut() {
        annotations.remove(LAST_APPLIED);
    }
}

/// Feeds `store` from one watch until `stop`; calls `seen` for everything that happens.
pub async fn feed<T>(
    api: Api<T>,
    config: watcher::Config,
    take: impl Fn(watcher::Event<T>) -> Vec<Seen<T>>,
    seen: impl Fn(Seen<T>),
    listed: Listed,
    stop: CancellationToken,
) where
    T: Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let mut listed = Some(listed);
    let mut events = watcher(api, config).default_backoff().boxed();
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => return,
            event = events.try_next() => event,
        };
        match event {
            Ok(Some(mut event)) => {
                if let watcher::Event::Apply(o) | watcher::Event::InitApply(o) = &mut event {
                    strip(o);
                }
                let done = matches!(event, watcher::Event::InitDone);
                take(event).into_iter().for_each(&seen);
                if done {
                    listed.take();
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(kind = std::any::type_name::<T>(), %error, "a watch failed and is begun again");
            }
        }
    }
}

/// Watches the objects of a kind, wakes them when they change, and tells `also` everything.
pub fn watch_kind<K: ManagedObject>(
    shared: &Arc<Shared>,
    store: &Arc<ObjectStore<DeserializeGuard<K>>>,
    also: &Arc<Hook<K>>,
    listed: &Listed,
    stop: &CancellationToken,
) {
    shared.metrics.count_objects_in(store);
    let in_namespaces = K::NAMESPACED;
    let namespaces: Vec<Option<String>> = match &shared.settings.watch_namespaces {
        Some(names) if in_namespaces => names.iter().cloned().map(Some).collect(),
        _ => vec![None],
    };
    for (watch, namespace) in namespaces.into_iter().enumerate() {
        let mut config = watcher::Config::default().any_semantic();
        if !in_namespaces && let Some(selector) = &shared.settings.cluster_selector {
            config = config.labels(selector);
        }
        let api: Api<DeserializeGuard<K>> =
            K::guarded_api(shared.watch_client.clone(), namespace.as_deref());
        let (shared, store, also) = (shared.clone(), store.clone(), also.clone());
        let (taking, listed, stop) = (store.clone(), listed.clone(), stop.clone());
        tokio::spawn(async move {
            let seen = |seen: Seen<DeserializeGuard<K>>| {
                wake::<K>(&shared, &store, &seen);
                also(&seen);
            };
            feed(
                api,
                config,
                |event| taking.take(watch, event),
                seen,
                listed,
                stop,
            )
            .await;
        });
    }
}

fn wake<K: ManagedObject>(
    shared: &Shared,
    store: &ObjectStore<DeserializeGuard<K>>,
    seen: &Seen<DeserializeGuard<K>>,
) {
    match seen {
        Seen::Applied { now, before } => {
            if before
                .as_ref()
                .is_none_or(|before| trigger(&**before) != trigger(&**now))
            {
                let priority = now
                    .0
                    .as_ref()
                    .map_or(Priority::Edit, ManagedObject::priority);
                shared.scheduler.wake(store.key(now), priority);
            }
        }
        Seen::Gone(object) => {
            shared.scheduler.forget(&store.key(object));
            let soon = Duration::from_secs(1);
            for waiting in shared.directory.filter(|view| view.waits_for_others()) {
                let priority = waiting.priority();
                shared.scheduler.wake_later(waiting.key(), priority, soon);
            }
        }
    }
    tell_referred(shared, seen);
    tell_referrers(shared, seen);
    // Users of a ProviderConfig come and go with our finalizer, and when they are pointed to another.
    let used = |object: &DeserializeGuard<K>| -> Option<String> {
        let held = object.finalizers().iter().any(|f| f == FINALIZER);
        let used = object.0.as_ref().ok()?.provider_config();
        used.filter(|_| held).map(str::to_owned)
    };
    let (before, now) = match seen {
        Seen::Applied { now, before } => (before.as_ref().and_then(|b| used(b)), used(now)),
        Seen::Gone(object) => (used(object), None),
    };
    if before != now {
        for name in [before, now].into_iter().flatten() {
            shared.scheduler.wake_later(
                Shared::provider_config_key(&name),
                // Nobody waits for the count of users: the answers that are shared will do.
                Priority::Create,
                Duration::from_secs(2),
            );
        }
    }
}

/// Whoever is named, or no longer, is told: it shows who refers to it, and its deletion may go on.
fn tell_referred<K: ManagedObject>(shared: &Shared, seen: &Seen<DeserializeGuard<K>>) {
    let (key, named) = match seen {
        // What it names while it cannot be read is what it named before.
        Seen::Applied { now, .. } if now.is_unreadable() => return,
        Seen::Applied { now, .. } => (View::key(&**now), View::references(&**now)),
        Seen::Gone(object) => (View::key(&**object), vec![]),
    };
    let let_go = let_go(seen, &named);
    let named = named.into_iter().map(|r| r.named).collect();
    let changed = shared.references.set(&key, named);
    let told: BTreeMap<ObjectKey, Arc<dyn View>> = changed
        .iter()
        .chain(&let_go)
        .filter_map(|target| shared.directory.find(target))
        .chain(newly_recorded(shared, seen))
        .map(|target| (target.key(), target))
        .collect();
    for (key, target) in told {
        if target.deleting() {
            shared.scheduler.wake(key, target.priority());
        } else {
            let soon = Duration::from_secs(2);
            shared.scheduler.wake_later(key, Priority::Drift, soon);
        }
    }
}

/// What it holds back no longer, or again, although it still names it.
fn let_go<K: ManagedObject>(
    seen: &Seen<DeserializeGuard<K>>,
    references: &[Reference],
) -> BTreeSet<Named> {
    let Seen::Applied {
        before: Some(before),
        ..
    } = seen
    else {
        return BTreeSet::new();
    };
    let loose = |references: &[Reference]| -> BTreeSet<Named> {
        let loose = references.iter().filter(|r| !r.holds);
        loose.map(|r| r.named.clone()).collect()
    };
    let before = loose(&View::references(&**before));
    loose(references)
        .symmetric_difference(&before)
        .cloned()
        .collect()
}

/// Those whom it has put into AWS only now: the reference may have waited for a grant, and did not count until then.
fn newly_recorded<K: ManagedObject>(
    shared: &Shared,
    seen: &Seen<DeserializeGuard<K>>,
) -> Vec<Arc<dyn View>> {
    let Seen::Applied {
        now,
        before: Some(before),
    } = seen
    else {
        return vec![];
    };
    let recorded = |object: &DeserializeGuard<K>| {
        let common = View::common(object);
        common.map(|c| c.references.clone()).unwrap_or_default()
    };
    let before = recorded(before);
    let new = recorded(now).into_iter().filter(|r| !before.contains(r));
    new.filter_map(|r| {
        shared
            .directory
            .get(&r.kind?, r.namespace.as_deref(), &r.name?)
    })
    .collect()
}

/// Whoever refers to it is told when what they need of it has changed.
fn tell_referrers<K: ManagedObject>(shared: &Shared, seen: &Seen<DeserializeGuard<K>>) {
    let standing = |object: &DeserializeGuard<K>| View::standing(object);
    let (key, before, now) = match seen {
        Seen::Applied { now, before } => (
            View::key(&**now),
            before.as_ref().map(|b| standing(b)),
            Some(standing(now)),
        ),
        Seen::Gone(object) => (View::key(&**object), Some(standing(object)), None),
    };
    if before == now {
        return;
    }
    let arns = [&before, &now].map(|s| s.as_ref().and_then(|s| s.arn.as_deref()));
    for referrer in concerned(shared, &key, arns) {
        // Their own priority may be that of a drift check, but this is news.
        let priority = referrer.priority().min(Priority::Create);
        shared.scheduler.wake(referrer.key(), priority);
    }
}

/// Watches AccessGrants; whoever refers to something in a grant's namespace is woken when it changes.
pub fn watch_grants(shared: &Arc<Shared>, listed: &Listed, stop: &CancellationToken) {
    let watched: Vec<Option<String>> = match &shared.settings.watch_namespaces {
        Some(names) => names.iter().cloned().map(Some).collect(),
        None => vec![None],
    };
    for (watch, namespace) in watched.into_iter().enumerate() {
        let grants: Api<DeserializeGuard<AccessGrant>> = match namespace {
            Some(namespace) => Api::namespaced(shared.watch_client.clone(), &namespace),
            None => Api::all(shared.watch_client.clone()),
        };
        let (own, ready, stopping) = (shared.clone(), listed.clone(), stop.clone());
        tokio::spawn(async move {
            let seen = |seen: Seen<DeserializeGuard<AccessGrant>>| {
                let grant = match &seen {
                    Seen::Applied { now, before }
                        if before.as_ref().is_none_or(|b| {
                            b.meta().generation != now.meta().generation
                                || b.meta().deletion_timestamp != now.meta().deletion_timestamp
                        }) =>
                    {
                        now
                    }
                    Seen::Applied { .. } => return,
                    Seen::Gone(grant) => grant,
                };
                let there = grant.namespace();
                own.directory.wake(&own.scheduler, |view| {
                    view.key().namespace != there
                        && view.references().iter().any(|r| match &r.named {
                            Named::Object { namespace, .. } => *namespace == there,
                            Named::Arn(_) => true,
                        })
                });
                // Whoever is referred to there may have gained or lost a referrer.
                own.directory.wake(&own.scheduler, |view| {
                    view.deleting() && view.key().namespace == there
                });
            };
            let config = watcher::Config::default().any_semantic();
            feed(
                grants,
                config,
                |event| own.grants.take(watch, event),
                seen,
                ready,
                stopping,
            )
            .await;
        });
    }
}

/// Watches Namespaces and labelled Secrets as metadata. `secret_changed` and `namespace_changed` wake those whom it concerns.
pub fn watch_metadata(
    shared: &Arc<Shared>,
    secret_changed: &Arc<SecretHook>,
    namespace_changed: Arc<NamespaceHook>,
    listed: &Listed,
    stop: &CancellationToken,
) {
    let namespaces: Api<PartialObjectMeta<Namespace>> = Api::all(shared.watch_client.clone());
    let (own, ready, stopping) = (shared.clone(), listed.clone(), stop.clone());
    tokio::spawn(async move {
        let seen = |seen: Seen<PartialObjectMeta<Namespace>>| {
            if let Seen::Applied { now, before } = seen
                && labels(before.as_deref()) != labels(Some(&now))
            {
                namespace_changed(&now.name_any());
            }
        };
        let config = watcher::Config::default().any_semantic();
        feed(
            namespaces,
            config,
            |event| own.namespaces.take(0, event),
            seen,
            ready,
            stopping,
        )
        .await;
    });
    let watched: Vec<Option<String>> = match shared.settings.namespaces_of_secrets() {
        Some(names) => names.iter().cloned().map(Some).collect(),
        None => vec![None],
    };
    for (watch, namespace) in watched.into_iter().enumerate() {
        let secrets: Api<PartialObjectMeta<Secret>> = match namespace {
            Some(namespace) => Api::namespaced(shared.watch_client.clone(), &namespace),
            None => Api::all(shared.watch_client.clone()),
        };
        let (own, ready, stopping, changed) = (
            shared.clone(),
            listed.clone(),
            stop.clone(),
            secret_changed.clone(),
        );
        tokio::spawn(async move {
            let seen = |seen: Seen<PartialObjectMeta<Secret>>| {
                let secret = match &seen {
                    Seen::Applied { now, before }
                        if before
                            .as_ref()
                            .is_none_or(|b| b.resource_version() != now.resource_version()) =>
                    {
                        now
                    }
                    Seen::Applied { .. } => return,
                    Seen::Gone(secret) => secret,
                };
                changed(&secret.namespace().unwrap_or_default(), &secret.name_any());
            };
            let config = watcher::Config::default()
                .any_semantic()
                .labels(&format!("{CONTACT_DATA_LABEL}=true"));
            feed(
                secrets,
                config,
                |event| own.secrets.take(watch, event),
                seen,
                ready,
                stopping,
            )
            .await;
        });
    }
}

fn labels(namespace: Option<&PartialObjectMeta<Namespace>>) -> Option<BTreeMap<String, String>> {
    namespace.map(|n| n.labels().clone())
}
