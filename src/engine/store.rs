//! What the watches have seen: one partition per watched namespace behind one facade.
//!
//! Several watchers must not share one reflector store (a relist of one would drop the others' objects), hence the partitions.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use kube::Resource;
use kube::runtime::watcher::Event;

use super::scheduler::ObjectKey;

/// What happened to a stored object.
#[derive(Debug, Clone)]
pub enum Seen<T> {
    /// It was added or changed; the previous state when there was one.
    Applied {
        /// The new state.
        now: Arc<T>,
        /// The state before.
        before: Option<Arc<T>>,
    },
    /// It is gone.
    Gone(Arc<T>),
}

type Id = (Option<String>, String);

#[derive(Debug)]
struct Partition<T> {
    objects: HashMap<Id, Arc<T>>,
    /// Ids seen since a relist began; the others are gone when it ends.
    listing: Option<BTreeSet<Id>>,
}

/// Objects of one type, as last seen.
#[derive(Debug)]
pub struct ObjectStore<T> {
    kind: &'static str,
    partitions: RwLock<Vec<Partition<T>>>,
}

impl<T: Resource> ObjectStore<T> {
    /// An empty store with one partition per watch.
    pub fn new(kind: &'static str, watches: usize) -> Self {
        let partitions = (0..watches)
            .map(|_| Partition {
                objects: HashMap::new(),
                listing: None,
            })
            .collect();
        Self {
            kind,
            partitions: RwLock::new(partitions),
        }
    }

    /// Takes in an event of watch number `watch` and says what it means.
    pub fn take(&self, watch: usize, event: Event<T>) -> Vec<Seen<T>> {
        let mut partitions = self
            .partitions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(partition) = partitions.get_mut(watch) else {
            return vec![];
        };
        match event {
            Event::Init => {
                partition.listing = Some(BTreeSet::new());
                vec![]
            }
            Event::Apply(object) | Event::InitApply(object) => {
                let id = id_of(&object);
                let now = Arc::new(object);
                if let Some(listing) = &mut partition.listing {
                    listing.insert(id.clone());
                }
                let before = partition.objects.insert(id, now.clone());
                vec![Seen::Applied { now, before }]
            }
            Event::Delete(object) => {
                partition.objects.remove(&id_of(&object));
                vec![Seen::Gone(Arc::new(object))]
            }
            Event::InitDone => {
                let Some(listing) = partition.listing.take() else {
                    return vec![];
                };
                let gone: Vec<Id> = partition
                    .objects
                    .keys()
                    .filter(|id| !listing.contains(*id))
                    .cloned()
                    .collect();
                gone.iter()
                    .filter_map(|id| partition.objects.remove(id))
                    .map(Seen::Gone)
                    .collect()
            }
        }
    }

    /// The object, as last seen.
    pub fn get(&self, namespace: Option<&str>, name: &str) -> Option<Arc<T>> {
        let id = (namespace.map(str::to_owned), name.to_owned());
        let partitions = self
            .partitions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        partitions.iter().find_map(|p| p.objects.get(&id).cloned())
    }

    /// Those that satisfy `wanted`.
    pub fn filter(&self, wanted: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        let partitions = self
            .partitions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        partitions
            .iter()
            .flat_map(|p| p.objects.values())
            .filter(|o| wanted(o))
            .cloned()
            .collect()
    }

    /// How many satisfy `wanted`.
    pub fn count(&self, wanted: impl Fn(&T) -> bool) -> usize {
        let partitions = self
            .partitions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        partitions
            .iter()
            .flat_map(|p| p.objects.values())
            .filter(|o| wanted(o))
            .count()
    }

    /// Shows each to `see`.
    pub fn for_each(&self, see: impl FnMut(&T)) {
        let partitions = self
            .partitions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        partitions
            .iter()
            .flat_map(|p| p.objects.values())
            .map(Arc::as_ref)
            .for_each(see);
    }

    /// The key of an object of this store.
    pub fn key(&self, object: &T) -> ObjectKey {
        let (namespace, name) = id_of(object);
        ObjectKey {
            kind: self.kind,
            namespace,
            name,
        }
    }
}

fn id_of<T: Resource>(object: &T) -> Id {
    (
        object.meta().namespace.clone(),
        object.meta().name.clone().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn object(namespace: &str, name: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.namespace = Some(namespace.into());
        object.metadata.name = Some(name.into());
        object
    }

    fn names(store: &ObjectStore<ConfigMap>) -> Vec<String> {
        let mut names: Vec<_> = store
            .filter(|_| true)
            .iter()
            .filter_map(|o| o.metadata.name.clone())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_relist_of_one_namespace_leaves_the_others_alone() {
        let store = ObjectStore::new("ConfigMap", 2);
        store.take(0, Event::Apply(object("a", "one")));
        store.take(1, Event::Apply(object("b", "two")));
        store.take(0, Event::Init);
        store.take(0, Event::InitApply(object("a", "three")));
        let gone = store.take(0, Event::InitDone);
        assert!(matches!(&gone[..], [Seen::Gone(o)] if o.metadata.name.as_deref() == Some("one")));
        assert_eq!(names(&store), ["three", "two"]);
    }

    #[test]
    fn objects_stay_visible_while_a_relist_is_under_way() {
        let store = ObjectStore::new("ConfigMap", 1);
        store.take(0, Event::Apply(object("a", "one")));
        store.take(0, Event::Init);
        assert!(store.get(Some("a"), "one").is_some());
    }

    #[test]
    fn the_state_before_is_told() {
        let store = ObjectStore::new("ConfigMap", 1);
        assert!(matches!(
            &store.take(0, Event::Apply(object("a", "one")))[..],
            [Seen::Applied { before: None, .. }]
        ));
        assert!(matches!(
            &store.take(0, Event::Apply(object("a", "one")))[..],
            [Seen::Applied {
                before: Some(_),
                ..
            }]
        ));
        assert!(matches!(
            &store.take(0, Event::Delete(object("a", "one")))[..],
            [Seen::Gone(_)]
        ));
        assert_eq!(store.count(|_| true), 0);
    }
}
