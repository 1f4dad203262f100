//! `AlternateContact`: glue between the engine and the pure files of this room.
//!
//! AWS gives an alternate contact neither an id nor tags: it is found by account and type, and only the status says that it is ours. A
//! status that a backup brought along is not believed, because nothing in AWS can bear it out: then `adoptionPolicy` decides, as it does
//! for an object that was made again.

pub mod aws;
pub mod desired;
pub mod findings;
pub mod observed;
pub mod plan;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::{Client, Resource, ResourceExt};

use crate::api::alternate_contact::{
    AlternateContactStatus, AlternateContactSummary, AlternateContactType,
};
use crate::api::common::{AcceptedFinding, CommonSpec, CommonStatus, ManagementPolicy};
use crate::api::conditions::{ConditionType, Reason};
use crate::api::reference::ValueFrom;
use crate::api::{AlternateContact, ProviderConfig};
use crate::aws::{CallError, ErrorClass, Operation, Redacted, Session};
use crate::engine::object::{ManagedObject, age};
use crate::engine::ownership::TagPlan;
use crate::engine::status::condition;
use crate::engine::store::ObjectStore;
use crate::engine::{
    Applied, Error, ExternalObject, ExternalResource, Memory, Provider, Report, Reported, Shared,
    Sight, secret,
};
use desired::{Desired, References};
use observed::{Identity, Observed, Particulars};
use plan::{CONTACT_SLOT, Change, Place};

impl ManagedObject for AlternateContact {
    const KIND: &'static str = "AlternateContact";
    const NAMESPACED: bool = false;
    type Status = AlternateContactStatus;

    fn api(client: Client, _: Option<&str>) -> Api<Self> {
        Api::all(client)
    }
    fn guarded_api(client: Client, _: Option<&str>) -> Api<DeserializeGuard<Self>> {
        Api::all(client)
    }
    fn status(&self) -> Option<&Self::Status> {
        self.status.as_ref()
    }
    fn common_status(status: &Self::Status) -> &CommonStatus {
        &status.common
    }
    fn common_status_mut(status: &mut Self::Status) -> &mut CommonStatus {
        &mut status.common
    }
    fn suspended(&self) -> bool {
        self.spec.common.suspend.unwrap_or(false)
    }
    fn accepted_findings(&self) -> &[AcceptedFinding] {
        self.spec
            .common
            .accepted_findings
            .as_deref()
            .unwrap_or_default()
    }
    fn provider_config(&self) -> Option<&str> {
        let named = self.spec.common.provider_config_ref.as_ref();
        Some(named.map_or("default", |r| r.name.as_str()))
    }
}

impl ExternalObject for AlternateContact {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
}

/// The kind `AlternateContact`.
pub struct AlternateContacts {
    shared: Arc<Shared>,
    objects: Arc<ObjectStore<DeserializeGuard<AlternateContact>>>,
    /// Whether AWS has a contact, as it was last seen: an account is judged by all of its types.
    seen: Mutex<HashMap<Identity, bool>>,
    /// What this process has set.
    set: Mutex<HashMap<Identity, Particulars>>,
}

impl AlternateContacts {
    /// For `objects`.
    pub fn new(
        shared: Arc<Shared>,
        objects: Arc<ObjectStore<DeserializeGuard<AlternateContact>>>,
    ) -> Self {
        Self {
            shared,
            objects,
            seen: Mutex::default(),
            set: Mutex::default(),
        }
    }

    /// Which contact of which account an object is about.
    fn identity_of(&self, object: &AlternateContact) -> Option<Identity> {
        let guard = self
            .shared
            .provider_configs
            .get(None, object.provider_config()?)?;
        let config: &ProviderConfig = guard.0.as_ref().ok()?;
        Some(desired::identity(object, &config.spec.account_id))
    }

    /// Objects that stand for the same contact, but for `object`, and do not only look at it.
    fn others(
        &self,
        object: &AlternateContact,
        identity: &Identity,
    ) -> Vec<Arc<DeserializeGuard<AlternateContact>>> {
        self.objects.filter(|guard| {
            guard.0.as_ref().is_ok_and(|other| {
                other.name_any() != object.name_any()
                    && !observes(other)
                    && self.identity_of(other).as_ref() == Some(identity)
            })
        })
    }

    /// The object that stands for the contact and is not `object`.
    fn elder(&self, object: &AlternateContact, identity: &Identity) -> Option<String> {
        if observes(object) {
            return None;
        }
        let others = self.others(object, identity);
        let others = others.iter().filter_map(|g| g.0.as_ref().ok());
        let elders = others.filter(|other| standing(other) < standing(object));
        elders
            .min_by_key(|o| standing(o))
            .map(ResourceExt::name_any)
    }

    /// The account's other types of which no object here says that AWS has them.
    fn unmanaged(&self, object: &AlternateContact, identity: &Identity) -> Vec<Identity> {
        let types = AlternateContactType::ALL.into_iter();
        let others = types.filter(|type_| *type_ != identity.type_);
        let others = others.map(|type_| Identity {
            account_id: identity.account_id.clone(),
            type_,
        });
        let managed = |other: &Identity| {
            let objects = self.others(object, other);
            let mut objects = objects.iter().filter_map(|g| g.0.as_ref().ok());
            objects.any(has)
        };
        others.filter(|other| !managed(other)).collect()
    }

    /// Whether this process has set what AWS has.
    fn has_set(&self, observed: &Observed) -> bool {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = set.get(&observed.identity);
        ours.is_some_and(|o| o.differences(&observed.particulars).is_empty())
    }

    fn note(&self, identity: Identity, there: Option<bool>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match there {
            Some(there) => seen.insert(identity, there),
            None => seen.remove(&identity),
        };
    }

    /// The value of a field: from the spec, else from a Secret of the operator's own namespace.
    async fn value(
        shared: &Shared,
        inline: Option<&String>,
        from: Option<&ValueFrom>,
    ) -> Result<Redacted<String>, Error> {
        match (inline, from) {
            (Some(value), _) => Ok(Redacted::new(value.clone())),
            (None, Some(from)) => {
                let namespace = &shared.settings.own_namespace;
                let read = secret::read(shared, namespace, &from.secret_key_ref).await?;
                Ok(read.value)
            }
            (None, None) => Ok(Redacted::default()),
        }
    }
}

/// Takes back that what AWS has is this object's.
fn forget(common: &mut CommonStatus) {
    (common.origin, common.arn, common.applied) = (None, None, None);
    common.pending.clear();
}

fn observes(object: &AlternateContact) -> bool {
    object.spec.common.management_policy == Some(ManagementPolicy::Observe)
}

/// Whether a status says that the contact was set or adopted. Its ARN does not: that is of whatever was seen, by an observer, too.
fn is_held(common: &CommonStatus) -> bool {
    let mut items = common.applied.iter().flat_map(|a| &a.items);
    common.origin.is_some() && items.any(|i| i.slot == CONTACT_SLOT)
}

/// What its own status says, unless a backup brought that along.
fn own_status(object: &AlternateContact) -> Option<&CommonStatus> {
    let status = object.status.as_ref().filter(|_| !object.has_old_status());
    status.map(|s| &s.common)
}

/// Whether its own status says that AWS has its contact.
fn has(object: &AlternateContact) -> bool {
    own_status(object).is_some_and(is_held)
}

/// Whether its own status says that it has set its contact, or was about to.
fn has_begun(object: &AlternateContact) -> bool {
    let begun = |c: &CommonStatus| c.origin.is_some() && !c.pending.is_empty();
    own_status(object).is_some_and(|c| is_held(c) || begun(c))
}

/// Who has it already comes first, then the eldest; what is not in the cluster yet, last.
fn standing(object: &AlternateContact) -> (bool, (Timestamp, Option<String>, String)) {
    let (created, uid) = age(object.meta());
    let created = created.unwrap_or(Timestamp::MAX);
    (
        !has_begun(object),
        (created, uid.map(str::to_owned), object.name_any()),
    )
}

/// Whether an object takes a value from the Secret `name`.
pub fn uses_secret(object: &AlternateContact, name: &str) -> bool {
    let spec = &object.spec;
    let sources = [&spec.name_from, &spec.email_from, &spec.phone_from];
    let mut sources = sources.into_iter().flatten();
    sources.any(|from| from.secret_key_ref.name == name)
}

/// Whether `other` has to look again because `object` came about in AWS, or `went`: it is of the same account, or waits for the same
/// contact, however it names the account.
pub fn concerns(object: &AlternateContact, went: bool, other: &AlternateContact) -> bool {
    let place = |o: &AlternateContact| {
        let provider = o.provider_config().map(str::to_owned);
        (o.spec.account_id.clone(), provider)
    };
    let waits = || {
        let status = other.status.as_ref();
        let ready = status.and_then(|s| condition(&s.common, ConditionType::Ready));
        other.spec.type_ == object.spec.type_
            && ready.is_some_and(|r| r.reason == Reason::DuplicateAlternateContact.as_str())
    };
    other.uid() != object.uid() && (place(other) == place(object) || (went && waits()))
}

/// What others of the account look at: whether AWS has it.
pub fn is_set(object: &AlternateContact) -> bool {
    has(object)
}

impl ExternalResource for AlternateContacts {
    type Object = AlternateContact;
    type References = References;
    type Desired = Desired;
    type Observed = Observed;
    type Change = Change;
    /// Types that the account has no contact of.
    type Surroundings = Vec<AlternateContactType>;

    const SLOT: &'static str = CONTACT_SLOT;
    const NEEDS_REPLICATION_SET: bool = false;
    const HAS_TAGS: bool = false;
    const SHOWS_WHAT_IS_REFUSED: bool = true;
    const NOTHING_LEFT: &'static str = "AWS has no such contact any more";

    fn identity(object: &AlternateContact, provider: &Provider) -> String {
        desired::identity(object, &provider.spec.account_id).to_string()
    }

    fn display_name(object: &AlternateContact) -> String {
        let account = object.spec.account_id.as_deref();
        let account =
            account.map_or_else(|| "the account".to_owned(), |id| format!("account {id}"));
        let article = match object.spec.type_ {
            AlternateContactType::Operations => "an",
            AlternateContactType::Billing | AlternateContactType::Security => "a",
        };
        format!(
            "{article} {} contact of {account}",
            object.spec.type_.as_str()
        )
    }

    fn desired(
        object: &AlternateContact,
        references: &References,
        _: BTreeMap<String, String>,
    ) -> Result<Desired, Error> {
        desired::desired(object, references)
    }

    fn plan(
        desired: &Desired,
        observed: Option<&Observed>,
        memory: Memory<'_>,
    ) -> Result<Vec<Change>, Error> {
        Ok(plan::plan(desired, observed, memory))
    }

    fn tag_changes(
        _: &TagPlan,
        _: Option<(&Desired, &BTreeMap<String, String>)>,
        _: Option<&Observed>,
    ) -> Vec<Change> {
        vec![]
    }

    fn plan_delete(observed: &Observed) -> Vec<Change> {
        vec![Change::Delete {
            identity: observed.identity.clone(),
        }]
    }

    fn project(
        _: Option<Observed>,
        _: &Desired,
        change: &Change,
        _: Option<&str>,
    ) -> Option<Observed> {
        plan::project(change)
    }

    fn refused(
        change: &Change,
        error: &CallError,
        _: Option<&Observed>,
        status: &mut AlternateContactStatus,
        _: Timestamp,
    ) -> Option<Error> {
        let common = &mut status.common;
        let holds = match change {
            Change::Put {
                differs: None,
                begun,
                ..
            } => *begun,
            // Nothing of it was ever set by this object: it was about to take over.
            Change::Put { .. } => is_held(common) || !common.pending.is_empty(),
            Change::Delete { .. } => true,
        };
        if !holds && !error.effect_unknown {
            // Nothing was set: what appears there later is somebody else's.
            forget(common);
        }
        None
    }

    /// A contact that is wanted is put back when somebody has changed it. But one that nobody knows to be set, or that is to be deleted, has
    /// to be the one that this object says.
    fn bears_out(
        &self,
        object: &AlternateContact,
        observed: &Observed,
        desired: Option<&Desired>,
    ) -> bool {
        let says = |d: &Desired| d.particulars.differences(&observed.particulars).is_empty();
        let ends = object.metadata.deletion_timestamp.is_some();
        (!ends && has(object)) || desired.is_some_and(says) || self.has_set(observed)
    }

    fn arn(observed: &Observed) -> String {
        observed.identity.to_string()
    }

    fn items(_: &Desired, observed: &Observed) -> Vec<(String, String)> {
        vec![(CONTACT_SLOT.to_owned(), observed.identity.to_string())]
    }

    fn is_wanted(_: &Desired, slot: &str) -> bool {
        slot == CONTACT_SLOT
    }

    fn report(reported: Reported<'_, Self>, status: &mut AlternateContactStatus) -> Report {
        let Reported {
            object,
            desired,
            observed,
            surroundings,
            now,
        } = reported;
        status.summary = Some(AlternateContactSummary {
            account: desired.identity.account_id.clone(),
            set: if observed.is_some() { "Yes" } else { "No" }.to_owned(),
            review: findings::review_day(object).map(|day| day.to_string()),
        });
        Report {
            findings: findings::findings(object, desired, surroundings, now),
            next_edge: findings::review_due(object).filter(|due| *due > now),
            ..Report::default()
        }
    }

    fn tick(
        object: &AlternateContact,
        status: &mut AlternateContactStatus,
        _: Timestamp,
    ) -> Option<Timestamp> {
        if object.has_old_status() && object.status.as_ref() == Some(status) {
            forget(&mut status.common);
        }
        None
    }

    fn surroundings(
        &self,
        object: &AlternateContact,
        _: Option<&Observed>,
    ) -> Vec<AlternateContactType> {
        let Some(identity) = self.identity_of(object) else {
            return vec![];
        };
        let unmanaged = self.unmanaged(object, &identity);
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = unmanaged
            .into_iter()
            .filter(|other| seen.get(other) == Some(&false));
        missing.map(|other| other.type_).collect()
    }

    async fn resolve(
        &self,
        shared: &Shared,
        provider: &Provider,
        object: &AlternateContact,
    ) -> Result<References, Error> {
        let spec = &object.spec;
        let identity = desired::identity(object, &provider.spec.account_id);
        Ok(References {
            elder: self.elder(object, &identity),
            identity,
            name: Self::value(shared, spec.name.as_ref(), spec.name_from.as_ref()).await?,
            email: Self::value(shared, spec.email.as_ref(), spec.email_from.as_ref()).await?,
            phone: Self::value(shared, spec.phone.as_ref(), spec.phone_from.as_ref()).await?,
        })
    }

    async fn observe(&self, sight: Sight<'_, Self>) -> Result<Option<Observed>, CallError> {
        let Sight {
            session, object, ..
        } = sight;
        let own = &session.account.config.placement.account_id;
        let identity = desired::identity(object, own);
        if object.metadata.deletion_timestamp.is_none() {
            for other in self.unmanaged(object, &identity) {
                match aws::observe(session, &other).await {
                    Ok(found) => self.note(other, Some(found.is_some())),
                    // A policy may allow single types only.
                    Err(error) if error.class == ErrorClass::AccessDenied => self.note(other, None),
                    Err(error) if error.class == ErrorClass::GaveWay => return Err(error),
                    // What was seen last stands: it is for a finding only.
                    Err(_) => {}
                }
            }
        }
        // Last, so that what is decided by it is as young as can be.
        aws::observe(session, &identity).await
    }

    async fn read_tags(
        &self,
        _: &Session,
        _: &mut Observed,
    ) -> Result<Option<BTreeMap<String, String>>, CallError> {
        Ok(None)
    }

    async fn apply(
        &self,
        session: &Session,
        _: &str,
        change: &Change,
        _: &str,
        _: &BTreeMap<String, String>,
    ) -> Result<Applied, CallError> {
        // AWS replaces what is there without a word, so that one absence is not enough: reads are late, and since the last one time has passed.
        let place = match change {
            Change::Put {
                identity,
                particulars,
                differs: None,
                ..
            } => plan::place(particulars, aws::observe(session, identity).await?.as_ref()),
            _ => Place::Free,
        };
        let applied = match (place, change) {
            (Place::Set, Change::Put { identity, .. }) => aws::applied(identity),
            (Place::Taken, _) => {
                let taken = CallError::new(Operation::PutAlternateContact, ErrorClass::Conflict);
                return Err(taken.with_detail("somebody has set another one meanwhile"));
            }
            _ => aws::apply(session, change).await?,
        };
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        match change {
            Change::Put {
                identity,
                particulars,
                ..
            } => drop(set.insert(identity.clone(), particulars.clone())),
            Change::Delete { identity } => drop(set.remove(identity)),
        }
        Ok(applied)
    }
}
