//! Reads and writes alternate contacts. The only file here that sends, and it decides nothing.

use aws_sdk_account::types;

use super::observed::{Identity, Observed, Particulars};
use super::plan::Change;
use crate::api::alternate_contact::AlternateContactType;
use crate::aws::{CallError, ErrorClass, Operation, Redacted, Session};
use crate::engine::Applied;

fn type_of(type_: AlternateContactType) -> types::AlternateContactType {
    match type_ {
        AlternateContactType::Billing => types::AlternateContactType::Billing,
        AlternateContactType::Operations => types::AlternateContactType::Operations,
        AlternateContactType::Security => types::AlternateContactType::Security,
    }
}

/// The account, as a request names it: the caller's own is left out, since AWS refuses a management account that names itself.
fn account_of(session: &Session, identity: &Identity) -> Option<String> {
    let own = &session.account.config.placement.account_id;
    (identity.account_id != *own).then(|| identity.account_id.clone())
}

/// Says what is needed to work on another account than one's own.
fn explained(error: CallError, account: Option<&String>) -> CallError {
    match account {
        Some(account)
            if error.class == ErrorClass::AccessDenied
                && error.code.as_deref() == Some("AccessDeniedException") => error.with_detail(format!(
            "to work on account {account}, the ProviderConfig's account has to be the management account of its organization, or delegated administrator for account management, with trusted access for account.amazonaws.com"
        )),
        _ => error,
    }
}

/// Reads a contact. `None` = AWS has none of this type.
pub async fn observe(
    session: &Session,
    identity: &Identity,
) -> Result<Option<Observed>, CallError> {
    let operation = Operation::GetAlternateContact;
    let account = account_of(session, identity);
    let request = session
        .alternate_contacts()
        .get_alternate_contact()
        .alternate_contact_type(type_of(identity.type_))
        .set_account_id(account.clone());
    let output = match session.send(operation, request.send()).await {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        other => other.map_err(|error| explained(error, account.as_ref()))?,
    };
    let contact = output.alternate_contact.ok_or_else(|| {
        CallError::new(operation, ErrorClass::Transient).with_detail("the answer held no contact")
    })?;
    let hidden = |value: Option<String>| Redacted::new(value.unwrap_or_default());
    Ok(Some(Observed {
        identity: identity.clone(),
        particulars: Particulars {
            name: hidden(contact.name),
            title: hidden(contact.title),
            email: hidden(contact.email_address),
            phone: hidden(contact.phone_number),
        },
    }))
}

/// What is noted once AWS has the contact.
pub fn applied(identity: &Identity) -> Applied {
    Applied {
        id: Some(identity.to_string()),
        save_now: false,
    }
}

/// Sends one change.
pub async fn apply(session: &Session, change: &Change) -> Result<Applied, CallError> {
    let client = session.alternate_contacts();
    match change {
        Change::Put {
            identity,
            particulars,
            ..
        } => {
            let account = account_of(session, identity);
            let request = client
                .put_alternate_contact()
                .alternate_contact_type(type_of(identity.type_))
                .set_account_id(account.clone())
                .name(particulars.name.expose())
                .title(particulars.title.expose())
                .email_address(particulars.email.expose())
                .phone_number(particulars.phone.expose());
            session
                .send(Operation::PutAlternateContact, request.send())
                .await
                .map_err(|error| explained(error, account.as_ref()))?;
            Ok(applied(identity))
        }
        Change::Delete { identity } => {
            let account = account_of(session, identity);
            let request = client
                .delete_alternate_contact()
                .alternate_contact_type(type_of(identity.type_))
                .set_account_id(account.clone());
            session
                .send(Operation::DeleteAlternateContact, request.send())
                .await
                .map_err(|error| explained(error, account.as_ref()))?;
            Ok(Applied::default())
        }
    }
}
