//! Reads one value of one labelled Secret. Values never go into a log, a status, an event or an error.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};

use super::error::Error;
use super::shared::Shared;
use crate::api::CONTACT_DATA_LABEL;
use crate::api::conditions::Reason;
use crate::api::reference::SecretKeyReference;
use crate::aws::Redacted;

/// A value and the version of the Secret that it was read from.
pub struct SecretValue {
    /// The value, white space around it taken off.
    pub value: Redacted<String>,
    /// `resourceVersion` of the Secret.
    pub version: String,
}

/// Reads `reference` in `namespace`. Missing Secrets, keys and labels are `ReferencesResolved=False`: the watch wakes the object.
pub async fn read(
    shared: &Shared,
    namespace: &str,
    reference: &SecretKeyReference,
) -> Result<SecretValue, Error> {
    let SecretKeyReference { name, key } = reference;
    let missing = |what: String| Error::unresolved(Reason::ReferenceNotFound, what);
    let api: Api<Secret> = Api::namespaced(shared.client.clone(), namespace);
    let absent = || {
        missing(format!(
            "Secret \"{name}\" does not exist (yet) in namespace \"{namespace}\". Made with the label {CONTACT_DATA_LABEL}: \"true\" it is noticed at once"
        ))
    };
    let unlabelled = || {
        Error::unresolved(
            Reason::SecretNotLabelled,
            format!(
                "Secret \"{name}\" is not read because it lacks the label {CONTACT_DATA_LABEL}: \"true\": label it if it is meant for the operator"
            ),
        )
    };
    if let Some(namespaces) = &shared.settings.secret_namespaces
        && !namespaces.iter().any(|allowed| allowed == namespace)
    {
        return Err(Error::unresolved(
            Reason::ReferenceNotAllowed,
            format!(
                "Secret \"{name}\" is not read because the operator reads no Secrets in namespace \"{namespace}\": whoever runs it adds the namespace to --secret-namespaces (secrets.namespaces in the Helm chart)"
            ),
        ));
    }
    // The data of an unlabelled Secret is not even asked for.
    if shared.secrets.get(Some(namespace), name).is_none() {
        let metadata = api.get_metadata_opt(name).await?.ok_or_else(absent)?;
        if !is_labelled(metadata.labels()) {
            return Err(unlabelled());
        }
    }
    let secret = api.get_opt(name).await?.ok_or_else(absent)?;
    if !is_labelled(secret.labels()) {
        return Err(unlabelled());
    }
    let Some(bytes) = secret.data.as_ref().and_then(|d| d.get(key)) else {
        return Err(missing(format!(
            "Secret \"{name}\" has no key \"{key}\" (yet)"
        )));
    };
    let Ok(text) = std::str::from_utf8(&bytes.0) else {
        return Err(Error::invalid(format!(
            "key \"{key}\" of Secret \"{name}\" is not text"
        )));
    };
    Ok(SecretValue {
        value: Redacted::new(text.trim().to_owned()),
        version: secret.resource_version().unwrap_or_default(),
    })
}

fn is_labelled(labels: &BTreeMap<String, String>) -> bool {
    labels.get(CONTACT_DATA_LABEL).map(String::as_str) == Some("true")
}
