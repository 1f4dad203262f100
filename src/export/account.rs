//! Reads what is exported from an account. The only file here that calls AWS, and it changes nothing there.

use std::collections::BTreeMap;

use super::from_account;
use super::model::Place;
use crate::aws::ambient::patiently;
use crate::aws::{CallError, Session, rotations};
use crate::import::read;
use crate::schedule::Interval;

/// Reads everything. `overrides` is the time whose overrides are read.
///
/// # Errors
/// What AWS says.
pub async fn place(
    session: &Session,
    overrides: Interval,
    with_addresses: bool,
    show: impl Fn(&str, usize, usize),
) -> Result<Place, CallError> {
    let arns = patiently(async || read::list_contacts(session).await).await?;
    let mut contacts = BTreeMap::new();
    for (done, arn) in arns.iter().enumerate() {
        if let Some(found) = patiently(async || read::contact(session, arn).await).await? {
            contacts.insert(arn.clone(), found);
        }
        show(
            "contacts, schedules and escalation plans",
            done + 1,
            arns.len(),
        );
    }
    let listed = patiently(async || read::list_rotations(session).await).await?;
    let mut found = BTreeMap::new();
    for (done, arn) in listed.iter().enumerate() {
        if let Some(rotation) = patiently(async || rotations::get(session, arn).await).await? {
            let read = async || rotations::overrides(session, arn, overrides).await;
            let overrides = patiently(read).await?.unwrap_or_default();
            found.insert(arn.clone(), (rotation, overrides));
        }
        show("rotations", done + 1, listed.len());
    }
    Ok(from_account::place(
        &session.account.config.placement,
        &contacts,
        &found,
        with_addresses,
    ))
}
