//! Reads what is exported from an account. The only file here that calls AWS, and it changes nothing there.

use std::collections::BTreeMap;

use futures::StreamExt as _;

use super::from_account;
use super::model::Place;
use crate::aws::ambient::patiently;
use crate::aws::{CallError, Session, rotations};
use crate::import::read;
use crate::schedule::{Interval, Override};

/// So many at a time; the limiter keeps AWS's quotas.
const AT_A_TIME: usize = 8;

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
    let mut read = futures::stream::iter(&arns)
        .map(|arn| patiently(async move || read::contact(session, arn).await))
        .buffered(AT_A_TIME)
        .zip(futures::stream::iter(&arns).enumerate());
    while let Some((contact, (done, arn))) = read.next().await {
        // One that was deleted meanwhile is none.
        contacts.extend(contact?.map(|found| (arn.clone(), found)));
        show(
            "contacts, schedules and escalation plans",
            done + 1,
            arns.len(),
        );
    }
    let listed = patiently(async || read::list_rotations(session).await).await?;
    let mut found = BTreeMap::new();
    let mut read = futures::stream::iter(&listed)
        .map(|arn| patiently(async move || rotation(session, arn, overrides).await))
        .buffered(AT_A_TIME)
        .zip(futures::stream::iter(&listed).enumerate());
    while let Some((rotation, (done, arn))) = read.next().await {
        found.extend(rotation?.map(|found| (arn.clone(), found)));
        show("rotations", done + 1, listed.len());
    }
    Ok(from_account::place(
        &session.account.config.placement,
        &contacts,
        &found,
        with_addresses,
    ))
}

async fn rotation(
    session: &Session,
    arn: &str,
    within: Interval,
) -> Result<Option<(rotations::Found, Vec<Override<String>>)>, CallError> {
    let Some(found) = rotations::get(session, arn).await? else {
        return Ok(None);
    };
    let overrides = rotations::overrides(session, arn, within).await?;
    Ok(Some((found, overrides.unwrap_or_default())))
}
