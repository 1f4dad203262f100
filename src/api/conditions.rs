//! Condition types and reasons: one documented enum each, because users and tools match on them.

macro_rules! documented {
    ($(#[doc = $about:literal])+ $type:ident: $($(#[doc = $doc:literal])+ $name:ident,)+) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $($(#[doc = $doc])+ $name,)+ }

        impl $type {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name in a status.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// What it means, for the docs.
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

documented! {
    /// Condition types.
    ConditionType:
    /// AWS holds what the spec says and references resolve. Always present.
    Ready,
    /// Whether AWS matches the spec.
    Synced,
    /// Whether everything the spec refers to was found.
    ReferencesResolved,
    /// The operator is at work; present only while True.
    Reconciling,
    /// Somebody has to act; present only while True.
    Stalled,
    /// `spec.suspend` is true; present only while True.
    Suspended,
    /// Contact: every channel of the manifest that is not disabled is activated.
    ChannelsActivated,
    /// The deletion waits because too many contacts were deleted in the last hour; present only while True.
    DeletionBudgetExceeded,
    /// OnCallSchedule: somebody who is on call now can be paged.
    OnCallReachable,
    /// OnCallSchedule: somebody is on call whenever `coverageTarget` asks for it, in the window of `status.coverage`.
    CoverageComplete,
    /// OnCallSchedule: an edit waits for the end of a shift (`rollout: AfterCurrentShift`); present only while True.
    RolloutPending,
}

documented! {
    /// Reasons of conditions and of events.
    Reason:
    /// AWS holds what the spec says.
    InSync,
    /// Something was made in AWS.
    Created,
    /// Something was changed in AWS.
    Updated,
    /// Somebody changed AWS by hand; it was put back.
    DriftCorrected,
    /// Something was deleted in AWS.
    Deleted,
    /// An existing AWS resource was taken over.
    Adopted,
    /// The object lets go of its AWS resource, which stays as it is.
    Released,
    /// Work is under way.
    Progressing,
    /// The deletion is under way.
    Deleting,
    /// `spec.suspend` is true.
    Suspended,
    /// `managementPolicy: Observe`: differences are reported, not applied.
    Observing,
    /// AWS has no such resource, or has it no more, and it is not made (again).
    NotFoundInAws,
    /// Every reference was found.
    Resolved,
    /// A Secret, key or object that the spec refers to does not exist (yet).
    ReferenceNotFound,
    /// A Secret exists but does not carry the label `incident-operator.dev/contact-data: "true"`.
    SecretNotLabelled,
    /// The ProviderConfig does not exist (yet).
    ProviderConfigNotFound,
    /// The ProviderConfig does not allow this namespace.
    NamespaceNotAllowed,
    /// The ProviderConfig does not allow adoption in this namespace.
    AdoptionNotAllowed,
    /// The ProviderConfig's account or Region is not the one in which the AWS resource was made.
    PlacementChanged,
    /// The credentials belong to another account than the ProviderConfig says.
    WrongAccount,
    /// The account has no replication set: Incident Manager has not been set up.
    NoReplicationSet,
    /// The replication set exists but is not active yet.
    ReplicationSetNotActive,
    /// The ProviderConfig's Region is not part of the replication set.
    RegionNotInReplicationSet,
    /// AWS makes no replication set in this account any more: Incident Manager is closed to new customers.
    ClosedToNewCustomers,
    /// Another ReplicationSet object stands for the account's replication set already.
    DuplicateReplicationSet,
    /// Another AlternateContact object stands for the contact of this account and type already.
    DuplicateAlternateContact,
    /// AWS gave up on the replication set or on one of its Regions.
    ReplicationSetFailed,
    /// A Region that is to be removed from the replication set is used by another ProviderConfig.
    RegionInUse,
    /// AWS removes a Region only 24 hours after it was added; the removal waits for that.
    RegionRemovalPending,
    /// The KMS key of a Region cannot be changed without making the replication set anew.
    KeyChangeNeedsRecreate,
    /// All data of the account would be deleted and not every consent to that is given; the message says which are missing.
    DeletionNotConfirmed,
    /// The spec or a value that it refers to is not valid; it needs an edit.
    InvalidSpec,
    /// The object cannot be read as this kind (it was stored under another version of the CRD).
    InvalidObject,
    /// AWS refused the content.
    RejectedByAws,
    /// AWS refused the caller; the message names the IAM action.
    AccessDenied,
    /// A quota of the account is used up.
    QuotaExceeded,
    /// AWS could not use the replication set's KMS key.
    EncryptionKeyUnavailable,
    /// AWS reports a conflict, such as an entity that still depends on this one.
    Conflict,
    /// AWS slows the operator down.
    Throttled,
    /// AWS or the API server does not answer properly.
    Unavailable,
    /// AWS already has a resource of this identity and `adoptionPolicy` does not allow taking it over.
    AlreadyExists,
    /// The AWS resource belongs to another object or another operator.
    OwnedByAnother,
    /// Adoption would change more than tags; the changes are in `status.pendingChanges`.
    AdoptionWouldChange,
    /// Other objects still refer to this one.
    StillReferenced,
    /// Too many contacts with an activated channel were deleted in the last hour.
    DeletionBudgetExceeded,
    /// The change would leave nobody to reach: set `allowUnreachable: true` if that is meant.
    WouldBeUnreachable,
    /// At least one channel is not activated.
    ChannelsNotActivated,
    /// Every channel that should be is activated.
    AllActivated,
    /// There is no channel to activate.
    NoChannels,
    /// A code was sent and has not been given back yet.
    AwaitingCode,
    /// The code is not the one that was sent.
    WrongCode,
    /// The channel is activated.
    Activated,
    /// It is not known whether a code or a test page was sent; make a new object to send one.
    SendUnknown,
    /// Nothing was sent or started, on purpose; the message says why.
    Refused,
    /// Something did not happen in time: a code was not given back, or the deadline passed before anything was started.
    Expired,
    /// Somebody answered UNSUBSCRIBE: the channel was activated and no longer is.
    OptedOut,
    /// An object uses this ProviderConfig.
    InUse,
    /// STS confirmed the account and Incident Manager is set up in it.
    Confirmed,
    /// No AccessGrant lets this object refer to an object of another namespace.
    ReferenceNotGranted,
    /// The ProviderConfig or the operator's settings do not allow this reference.
    ReferenceNotAllowed,
    /// Somebody who is on call can be paged.
    SomebodyReachable,
    /// Nobody who is on call can be paged.
    NobodyReachable,
    /// Nobody is on call.
    NobodyOnCall,
    /// Whether somebody who is on call can be paged is not known: no Contact here stands for them.
    ReachabilityUnknown,
    /// Somebody is on call whenever it is asked for.
    Covered,
    /// At some time nobody is on call although it is asked for.
    CoverageGap,
    /// The turn has passed on.
    HandedOff,
    /// An edit waits for the end of the shift that runs.
    RolloutPending,
    /// An override that was lost in AWS was made again.
    OverrideRestored,
    /// The ConfigMap that `spec.export` names was not made for this object and is left alone.
    ExportRefused,
    /// The override is over; nothing is changed any more.
    Completed,
    /// AWS takes overrides at most six months ahead: it is made when that time has come.
    TooFarAhead,
    /// The rotation that the override is for does not exist (yet).
    RotationNotFound,
    /// Nobody of those who are to be replaced is on shift meanwhile.
    NothingToReplace,
    /// The ProviderConfig's `passRoleArns` does not list the role that a runbook is to be given.
    PassRoleNotAllowed,
    /// AWS could not publish a test message to a topic of the chat channel.
    ChatTopicPermissionDenied,
    /// AWS could not read the secret with the credentials for PagerDuty.
    PagerDutySecretInvalid,
    /// The incident is open.
    IncidentOpen,
    /// The incident is resolved.
    IncidentResolved,
    /// More incidents than `mirrorIncidents.maxCount` could be shown.
    NotAllShown,
    /// It is not known whether an incident was started; it is looked for, and not started again.
    StartUnknown,
    /// A test page was sent; its acknowledgement is waited for.
    PageSent,
    /// Somebody has acknowledged a page.
    Acknowledged,
    /// Nobody has acknowledged the test page in time.
    Unanswered,
    /// A VPC, subnet, security group or route table that the spec names does not exist (yet), or is not one of the VPC.
    NetworkNotFound,
    /// The service is not in this Region, not in the zone of a subnet, or does not take this type of endpoint.
    ServiceNotAvailable,
    /// The VPC does not resolve names as private DNS needs it: `enableDnsSupport` or `enableDnsHostnames` is off.
    VpcDnsDisabled,
    /// Another endpoint stands in the way of this one; the message names it.
    EndpointConflict,
    /// Something else has an address that the spec asks for.
    AddressInUse,
    /// The owner of the service has to accept the endpoint.
    AcceptancePending,
    /// AWS or the owner of the service gave up on the endpoint: it was rejected, has expired or has failed.
    EndpointNotUsable,
}
