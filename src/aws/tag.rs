//! Tags: whose a resource is, and what users may add. No I/O.

/// Who owns a resource: `ProviderConfig.spec.ownerId`.
pub const OWNER: &str = "incident-operator/owner";
/// Which object it belongs to.
pub const OBJECT: &str = "incident-operator/object";
/// How it came to belong to it: `Created` or `Adopted`.
pub const ORIGIN: &str = "incident-operator/origin";
