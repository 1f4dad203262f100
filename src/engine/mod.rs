//! The one loop that every kind shares. It knows Kubernetes and the lifecycle of an external resource, not Incident Manager.
//!
//! A pass, in order: read the object, decode guard, ProviderConfig and account, resolve, desired, observe, plan, decide, finalizer before
//! the first AWS write, apply each change, status as a pure function of what happened, patched only when it differs, events, requeue.

pub mod clock;
pub mod connect;
pub mod controller;
pub mod decide;
pub mod directory;
pub mod error;
pub mod events;
pub mod fail_point;
pub mod object;
pub mod ownership;
pub mod provider_config;
pub mod reconcile;
pub mod references;
pub mod scheduler;
pub mod secret;
pub mod shared;
pub mod status;
pub mod store;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

pub use connect::Provider;
pub use directory::Directory;
pub use error::Error;
pub use object::ManagedObject;
pub use shared::Shared;

use crate::api::common::{
    AppliedStatus, CommonSpec, DeletionPolicy, Finding, Origin, PendingChange, ResolvedReference,
};
use crate::api::conditions::Reason;
use crate::aws::{CallError, Session};
use crate::schedule::{Interval, Outlook};
use ownership::{Claimant, TagPlan};

/// A ManagedObject that stands for one AWS resource.
pub trait ExternalObject: ManagedObject {
    /// The fields that every kind has.
    fn common_spec(&self) -> &CommonSpec;

    /// What becomes of the AWS resource when the spec does not say (product: Common fields). Pure.
    fn default_deletion_policy(&self, origin: Option<Origin>) -> DeletionPolicy {
        match origin {
            Some(Origin::Adopted) => DeletionPolicy::Retain,
            Some(Origin::Created) | None => DeletionPolicy::Delete,
        }
    }
}

/// One change to AWS. Its `Display` is the event, the Observe report and the dry run; it never shows an address or another sensitive value.
pub trait Change: fmt::Debug + fmt::Display + PartialEq + Send + Sync {
    /// The fields it touches.
    fn pending(&self) -> Vec<PendingChange>;
    /// The slot it fills when AWS assigns the identity of what it makes.
    fn slot(&self) -> Option<String> {
        None
    }
    /// The slot that is empty once it is done.
    fn frees(&self) -> Option<String> {
        None
    }
    /// It takes over what AWS has already. Only with [`ExternalResource::IDENTITY_IS_OURS`]: elsewhere tags say so.
    fn adopts(&self) -> bool {
        false
    }
    /// What [`Self::pending`] does not say, for a plan: in words that hold before the change is made. Never a value of an address.
    fn detail(&self) -> Option<String> {
        None
    }
    /// The reason of the Event, when it is none of the usual ones.
    fn reason(&self) -> Option<Reason> {
        None
    }
}

/// What AWS gave back for a change.
#[derive(Debug, Default)]
pub struct Applied {
    /// The id that AWS assigned to the change's slot.
    pub id: Option<String>,
    /// There is no other way to find the id again: it is saved before the next call.
    pub save_now: bool,
}

/// What `plan` may look at besides desired and observed.
#[derive(Debug, Clone, Copy)]
pub struct Memory<'a> {
    /// What we have set earlier.
    pub applied: &'a AppliedStatus,
    /// Slots whose creation was begun.
    pub pending: &'a [crate::api::common::PendingCreate],
    /// Now.
    pub now: Timestamp,
}

/// What `report` may look at, to write the kind's own part of the status.
pub struct Reported<'a, R: ExternalResource + ?Sized> {
    /// The object.
    pub object: &'a R::Object,
    /// What it asks for.
    pub desired: &'a R::Desired,
    /// What AWS has after this pass.
    pub observed: Option<&'a R::Observed>,
    /// What the cluster says about what AWS has.
    pub surroundings: &'a R::Surroundings,
    /// Now.
    pub now: Timestamp,
}

/// Where and for whom AWS is read.
pub struct Sight<'a, R: ExternalResource + ?Sized> {
    /// The way to AWS.
    pub session: &'a Session,
    /// What the resource is found by.
    pub identity: &'a str,
    /// Who the object is in AWS's tags.
    pub claimant: &'a Claimant,
    /// The object.
    pub object: &'a R::Object,
    /// Its status as it will be written: what was made in this pass is in it.
    pub status: &'a <R::Object as ManagedObject>::Status,
    /// Now.
    pub now: Timestamp,
}

/// What `outlook` may look at.
pub struct Prospect<'a, R: ExternalResource + ?Sized> {
    /// What is asked for.
    pub desired: &'a R::Desired,
    /// What AWS has, and what the cluster says about it.
    pub before: Option<(&'a R::Observed, &'a R::Surroundings)>,
    /// The same once all changes are made that are made now.
    pub after: Option<(&'a R::Observed, &'a R::Surroundings)>,
    /// What we have set earlier.
    pub applied: &'a AppliedStatus,
    /// How far to look.
    pub window: Interval,
    /// Now.
    pub now: Timestamp,
}

impl<R: ExternalResource + ?Sized> Clone for Sight<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: ExternalResource + ?Sized> Copy for Sight<'_, R> {}

/// Findings and the next moment at which they change by themselves.
#[derive(Debug, Default)]
pub struct Report {
    /// Findings, not yet marked as accepted.
    pub findings: Vec<Finding>,
    /// When to look again because time alone changes something.
    pub next_edge: Option<Timestamp>,
    /// What somebody should hear of once, as an Event of type Warning.
    pub warnings: Vec<(Reason, String)>,
    /// The same, of type Normal.
    pub notes: Vec<(Reason, String)>,
}

/// A kind: three pure functions between effectful ones (architecture: Rules).
pub trait ExternalResource: Send + Sync + 'static {
    /// The custom resource.
    type Object: ExternalObject;
    /// What its references resolve to.
    type References: Send + Sync;
    /// What is wanted, validated.
    type Desired: Clone + fmt::Debug + Send + Sync;
    /// What AWS has.
    type Observed: Clone + fmt::Debug + Send + Sync;
    /// A change.
    type Change: Change;
    /// What the cluster says about what AWS has, for the status.
    type Surroundings: Send + Sync;

    /// Time alone changes the status, and it must be right even while AWS or a reference cannot be had: the last observation is kept, and
    /// [`Self::witness`] is asked at every pass.
    const KEEPS_OBSERVED: bool = false;

    /// What is observed is this object's own, because it is found by ids that the status has recorded: AWS knows neither tags nor names
    /// of it. Then a change says itself that it adopts ([`Change::adopts`]), tags are never asked for, and `observe` answers with `Some` while the object lives, with `None`
    /// once nothing is left of one that is deleted.
    const IDENTITY_IS_OURS: bool = false;

    /// It lives in the account's replication set: nothing is asked of AWS before that is active. The set itself does not.
    const NEEDS_REPLICATION_SET: bool = true;

    /// What AWS has is shown in the status also when it is not this object's and is left alone.
    const SHOWS_WHAT_IS_REFUSED: bool = false;

    /// AWS keeps tags of it. Where it keeps none, the status alone says whose it is, and [`Self::bears_out`] whether that can still be so.
    const HAS_TAGS: bool = true;

    /// What is said when an object is deleted and AWS has nothing of it.
    const NOTHING_LEFT: &'static str = "AWS has it no more";

    /// The slot of the resource itself, as opposed to its parts.
    const SLOT: &'static str;

    /// The identity in AWS, from the spec alone: used on deletion, when references may be gone.
    fn identity(object: &Self::Object, provider: &Provider) -> String;

    /// Spec and references to what is wanted. Pure. Errors are `Stalled/InvalidSpec`.
    fn desired(
        object: &Self::Object,
        references: &Self::References,
        tags: BTreeMap<String, String>,
    ) -> Result<Self::Desired, Error>;

    /// What to change, tags apart. Pure. An empty list = in sync.
    fn plan(
        desired: &Self::Desired,
        observed: Option<&Self::Observed>,
        memory: Memory<'_>,
    ) -> Result<Vec<Self::Change>, Error>;

    /// Whether `changes` may be made to what is ours, or is to be made. Pure. An error holds all of them back.
    fn permit(
        _desired: &Self::Desired,
        _observed: Option<&Self::Observed>,
        _changes: &[Self::Change],
    ) -> Result<(), Error> {
        Ok(())
    }

    /// What a failed call means, where the kind knows more than the table of errors. Pure.
    fn explain(_error: &CallError) -> Option<Error> {
        None
    }

    /// Which of `changes` are sent in this pass, in order, and what waits for a later one: AWS may take one at a time and be at work on it
    /// for minutes. Pure. What is left shows in `status.pendingChanges`; [`Self::unfinished`] says what it waits for.
    fn due(
        _desired: &Self::Desired,
        _observed: Option<&Self::Observed>,
        changes: Vec<Self::Change>,
        _now: Timestamp,
    ) -> Vec<Self::Change> {
        changes
    }

    /// What it means that AWS refused `change`, when that is not what the error usually means; notes in the status what is not to be
    /// forgotten. Pure.
    fn refused(
        _change: &Self::Change,
        _error: &CallError,
        _observed: Option<&Self::Observed>,
        _status: &mut <Self::Object as ManagedObject>::Status,
        _now: Timestamp,
    ) -> Option<Error> {
        None
    }

    /// Whether it may be deleted in AWS, once the policies say that it should. Pure. An error holds the deletion.
    fn permit_delete(
        _object: &Self::Object,
        _observed: &Self::Observed,
        _surroundings: &Self::Surroundings,
        _status: &<Self::Object as ManagedObject>::Status,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// AWS is at work on a deletion that was begun: what is waited for. Pure.
    fn going(_observed: &Self::Observed) -> Option<Error> {
        None
    }

    /// Whether tags can be had in `region`, where what was observed says so itself. Pure.
    fn taggable(_observed: &Self::Observed, _region: &str) -> Option<bool> {
        None
    }

    /// The changes that write or remove tags. `wanted` is what is wanted with all tags that it should have; `None` when it is let go.
    fn tag_changes(
        plan: &TagPlan,
        wanted: Option<(&Self::Desired, &BTreeMap<String, String>)>,
        observed: Option<&Self::Observed>,
    ) -> Vec<Self::Change>;

    /// Whether what AWS has can be what the status of `object` says is its own: somebody may have put something else in its place. For
    /// kinds without [`Self::HAS_TAGS`]: of others their tags tell. Without `desired`, what the spec says cannot be had now.
    fn bears_out(
        &self,
        _object: &Self::Object,
        _observed: &Self::Observed,
        _desired: Option<&Self::Desired>,
    ) -> bool {
        true
    }

    /// What to do to delete it. Pure.
    fn plan_delete(observed: &Self::Observed) -> Vec<Self::Change>;

    /// What AWS has after `change`, as far as that is certain. Pure.
    fn project(
        observed: Option<Self::Observed>,
        desired: &Self::Desired,
        change: &Self::Change,
        id: Option<&str>,
    ) -> Option<Self::Observed>;

    /// Whether `change` leaves something uncertain, so that AWS is read again before the status is written.
    fn must_observe_after(_change: &Self::Change) -> bool {
        false
    }

    /// ARN of what was observed; empty = it has none.
    fn arn(observed: &Self::Observed) -> String;

    /// The AWS resource is of another type that shares the identity (one alias space); the text says what it is.
    fn other_type(_observed: &Self::Observed) -> Option<String> {
        None
    }

    /// Ids by slot of the parts that AWS has and that the manifest names.
    fn items(desired: &Self::Desired, observed: &Self::Observed) -> Vec<(String, String)>;

    /// Whether AWS still has the part with this id.
    fn has(_observed: &Self::Observed, _id: &str) -> bool {
        true
    }

    /// Whether the manifest still asks for what `slot` stands for.
    fn is_wanted(desired: &Self::Desired, slot: &str) -> bool;

    /// What people call the resource, for messages: `the contact "alice"`.
    fn display_name(object: &Self::Object) -> String;

    /// Something that AWS assigned and we recorded is still there: the resource is the one we made, even without its tags.
    fn same_incarnation(_observed: &Self::Observed, _applied: &AppliedStatus) -> bool {
        false
    }

    /// Its deletion counts against the deletion budget.
    fn counts_against_budget(_observed: &Self::Observed) -> bool {
        false
    }

    /// Writes into the status, before `changes` are sent, what must not be misread should the process die after them. Pure.
    fn foretell(
        _desired: &Self::Desired,
        _changes: &[Self::Change],
        _status: &mut <Self::Object as ManagedObject>::Status,
        _now: Timestamp,
    ) {
    }

    /// Writes the kind's part of the status. Pure.
    fn report(
        reported: Reported<'_, Self>,
        status: &mut <Self::Object as ManagedObject>::Status,
    ) -> Report;

    /// Writes what time alone changes in the status, from the last observation. Pure. Only with [`Self::KEEPS_OBSERVED`]; findings of it are
    /// not looked at.
    fn witness(
        _object: &Self::Object,
        _observed: &Self::Observed,
        _surroundings: &Self::Surroundings,
        _status: &mut <Self::Object as ManagedObject>::Status,
        _now: Timestamp,
    ) -> Report {
        Report::default()
    }

    /// Writes into the status what holds whatever a pass comes to, such as what follows from the time alone. Called first of all, and again
    /// before the status is written. Pure. Answers with the next moment at which that changes.
    fn tick(
        _object: &Self::Object,
        _status: &mut <Self::Object as ManagedObject>::Status,
        _now: Timestamp,
    ) -> Option<Timestamp> {
        None
    }

    /// Who is on call before and after the changes. Pure.
    fn outlook(_prospect: Prospect<'_, Self>) -> Vec<Outlook> {
        vec![]
    }

    /// What the spec asks for and cannot be done yet, once everything is done that can be. Pure.
    fn unfinished(
        _desired: &Self::Desired,
        _observed: Option<&Self::Observed>,
        _now: Timestamp,
    ) -> Option<Error> {
        None
    }

    /// Reason and message of `Ready` when AWS holds what the spec says. Pure.
    fn well(_desired: &Self::Desired, _now: Timestamp) -> (Reason, String) {
        (Reason::InSync, "AWS holds what the spec says".to_owned())
    }

    /// What the references stand for, for the status.
    fn records(_references: &Self::References) -> Vec<ResolvedReference> {
        vec![]
    }

    /// What is wrong with the references although work goes on, such as a grant that was revoked.
    fn caveat(_references: &Self::References) -> Option<Error> {
        None
    }

    /// What the cluster says about what AWS has. Reads the stores only.
    fn surroundings(
        &self,
        object: &Self::Object,
        observed: Option<&Self::Observed>,
    ) -> Self::Surroundings;

    /// Looks up what the spec refers to.
    fn resolve(
        &self,
        shared: &Shared,
        provider: &Provider,
        object: &Self::Object,
    ) -> impl Future<Output = Result<Self::References, Error>> + Send;

    /// Reads AWS, tags apart. `None` = AWS has no such resource.
    fn observe(
        &self,
        sight: Sight<'_, Self>,
    ) -> impl Future<Output = Result<Option<Self::Observed>, CallError>> + Send;

    /// Reads the tags of what was observed, and keeps those of its parts in it. `None` = tags cannot be had in this Region.
    fn read_tags(
        &self,
        session: &Session,
        observed: &mut Self::Observed,
    ) -> impl Future<Output = Result<Option<BTreeMap<String, String>>, CallError>> + Send;

    /// What a pass does in the cluster after the status is written: an export, or the end of what was to live only for a time. Errors are
    /// tried again with the object. `before` is the status that this pass found.
    fn publish(
        &self,
        _shared: &Shared,
        _object: &Self::Object,
        _before: &<Self::Object as ManagedObject>::Status,
        _status: &<Self::Object as ManagedObject>::Status,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        std::future::ready(Ok(()))
    }

    /// Sends one change to the resource at `identity`. `token` makes a creation idempotent, `ids` are the ids by slot known so far.
    fn apply(
        &self,
        session: &Session,
        identity: &str,
        change: &Self::Change,
        token: &str,
        ids: &BTreeMap<String, String>,
    ) -> impl Future<Output = Result<Applied, CallError>> + Send;
}

/// The time as the API has it.
pub fn api_time(at: Timestamp) -> Time {
    status::whole_seconds(at).into()
}
