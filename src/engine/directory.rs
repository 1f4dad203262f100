//! The objects of all kinds, as last seen, for those who need not know what kind they are.

use std::sync::{Arc, PoisonError, RwLock};

use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt};

use super::object::ManagedObject;
use super::references::{Named, Reference};
use super::scheduler::{ObjectKey, Scheduler};
use super::store::ObjectStore;
use crate::api::FINALIZER;
use crate::api::common::{CommonStatus, PlacementStatus};
use crate::aws::Priority;

/// An object, whatever its kind.
pub trait View: Send + Sync {
    /// Its key.
    fn key(&self) -> ObjectKey;
    /// How urgent a pass over it is.
    fn priority(&self) -> Priority;
    /// The ProviderConfig it uses.
    fn provider_config(&self) -> Option<&str>;
    /// The part of its status that every kind has.
    fn common(&self) -> Option<&CommonStatus>;
    /// It is being deleted.
    fn deleting(&self) -> bool;
    /// It is being deleted, and what it stands for in AWS with it.
    fn leaving(&self) -> bool;
    /// It carries our finalizer.
    fn held(&self) -> bool;
    /// It waits for objects of other kinds to be gone.
    fn waits_for_others(&self) -> bool;
    /// It does not decode: what it uses and refers to is unknown.
    fn is_unreadable(&self) -> bool;
    /// What it refers to.
    fn references(&self) -> Vec<Reference>;
    /// What those who refer to it look at, besides its identity.
    fn detail(&self) -> String;
    /// Its name in the space of names that several kinds share in AWS.
    fn alias(&self) -> Option<String>;

    /// What those who refer to it need of it.
    fn standing(&self) -> Standing {
        let common = self.common();
        Standing {
            arn: common.and_then(|c| c.arn.clone()),
            placement: common.and_then(|c| c.placement.clone()),
            leaving: self.leaving(),
            detail: self.detail(),
        }
    }
}

/// What those who refer to an object need of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// ARN of its AWS resource.
    pub arn: Option<String>,
    /// Where that is.
    pub placement: Option<PlacementStatus>,
    /// It is being deleted, and what it stands for in AWS with it.
    pub leaving: bool,
    /// What its kind shows besides.
    pub detail: String,
}

impl<K: ManagedObject> View for DeserializeGuard<K> {
    fn key(&self) -> ObjectKey {
        ObjectKey {
            kind: K::KIND,
            namespace: self.meta().namespace.clone(),
            name: self.name_any(),
        }
    }

    fn priority(&self) -> Priority {
        self.0
            .as_ref()
            .map_or(Priority::Edit, ManagedObject::priority)
    }

    fn provider_config(&self) -> Option<&str> {
        self.0.as_ref().ok()?.provider_config()
    }

    fn common(&self) -> Option<&CommonStatus> {
        let status = self.0.as_ref().ok()?.status()?;
        Some(K::common_status(status))
    }

    fn deleting(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }

    fn leaving(&self) -> bool {
        // What cannot be read is not known to go.
        let goes = self.0.as_ref().is_ok_and(|o| !o.is_retained());
        self.meta().deletion_timestamp.is_some() && goes
    }

    fn held(&self) -> bool {
        self.finalizers().iter().any(|f| f == FINALIZER)
    }

    fn waits_for_others(&self) -> bool {
        self.0.as_ref().is_ok_and(ManagedObject::waits_for_others)
    }

    fn is_unreadable(&self) -> bool {
        self.0.is_err()
    }

    fn references(&self) -> Vec<Reference> {
        self.0
            .as_ref()
            .map(ManagedObject::references)
            .unwrap_or_default()
    }

    fn detail(&self) -> String {
        self.0
            .as_ref()
            .map(ManagedObject::detail)
            .unwrap_or_default()
    }

    fn alias(&self) -> Option<String> {
        self.0.as_ref().ok()?.alias()
    }
}

/// The objects of one kind.
trait Listing: Send + Sync {
    fn kind(&self) -> &'static str;
    fn get(&self, namespace: Option<&str>, name: &str) -> Option<Arc<dyn View>>;
    fn filter(&self, wanted: &dyn Fn(&dyn View) -> bool) -> Vec<Arc<dyn View>>;
    fn count(&self, wanted: &dyn Fn(&dyn View) -> bool) -> usize;
}

impl<K: ManagedObject> Listing for ObjectStore<DeserializeGuard<K>> {
    fn kind(&self) -> &'static str {
        K::KIND
    }

    fn get(&self, namespace: Option<&str>, name: &str) -> Option<Arc<dyn View>> {
        let object = ObjectStore::get(self, namespace, name)?;
        Some(object)
    }

    fn filter(&self, wanted: &dyn Fn(&dyn View) -> bool) -> Vec<Arc<dyn View>> {
        ObjectStore::filter(self, |o| wanted(o))
            .into_iter()
            .map(|o| -> Arc<dyn View> { o })
            .collect()
    }

    fn count(&self, wanted: &dyn Fn(&dyn View) -> bool) -> usize {
        ObjectStore::count(self, |o| wanted(o))
    }
}

/// The objects of all kinds that use a ProviderConfig.
#[derive(Default)]
pub struct Directory {
    listings: RwLock<Vec<Arc<dyn Listing>>>,
}

impl Directory {
    /// Adds a kind.
    pub fn register<K: ManagedObject>(&self, store: Arc<ObjectStore<DeserializeGuard<K>>>) {
        self.listings
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(store);
    }

    fn listings(&self) -> Vec<Arc<dyn Listing>> {
        self.listings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The object of this kind and name.
    pub fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<Arc<dyn View>> {
        self.listings()
            .iter()
            .find(|l| l.kind() == kind)?
            .get(namespace, name)
    }

    /// The object that a name or an ARN stands for.
    pub fn find(&self, named: &Named) -> Option<Arc<dyn View>> {
        match named {
            Named::Object {
                kind,
                namespace,
                name,
            } => self.get(kind, namespace.as_deref(), name),
            Named::Arn(arn) => self.by_arn(arn),
        }
    }

    /// The object that manages what is at `arn`, one that only observes it coming last.
    pub fn by_arn(&self, arn: &str) -> Option<Arc<dyn View>> {
        let has = |view: &dyn View| view.common().is_some_and(|c| c.arn.as_deref() == Some(arn));
        let mut found: Vec<_> = self
            .listings()
            .iter()
            .flat_map(|l| l.filter(&has))
            .collect();
        found.sort_by_key(|v| v.common().is_none_or(|c| c.origin.is_none()));
        found.into_iter().next()
    }

    /// Every object that satisfies `wanted`.
    pub fn filter(&self, wanted: impl Fn(&dyn View) -> bool) -> Vec<Arc<dyn View>> {
        self.listings()
            .iter()
            .flat_map(|l| l.filter(&wanted))
            .collect()
    }

    /// How many objects hold on to the ProviderConfig `name`.
    pub fn users_of(&self, name: &str) -> usize {
        // What cannot be read may use any.
        let uses = |view: &dyn View| {
            view.held() && (view.is_unreadable() || view.provider_config() == Some(name))
        };
        self.listings().iter().map(|l| l.count(&uses)).sum()
    }

    /// Wakes every object that satisfies `wanted`, each as urgently as it stands.
    pub fn wake(&self, scheduler: &Scheduler, wanted: impl Fn(&dyn View) -> bool) {
        for view in self.filter(|v| !v.is_unreadable() && wanted(v)) {
            scheduler.wake(view.key(), view.priority());
        }
    }
}
