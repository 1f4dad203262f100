//! Calls about activation. The only file here that sends, and it decides nothing.

use aws_sdk_ssmcontacts::types;

use crate::api::contact::Activation;
use crate::aws::{CallError, Operation, Redacted, Session};

/// Whether the channel is activated.
pub async fn activation(session: &Session, channel: &str) -> Result<Activation, CallError> {
    let request = session
        .contacts()
        .get_contact_channel()
        .contact_channel_id(channel);
    let output = session
        .send(Operation::GetContactChannel, request.send())
        .await?;
    Ok(match output.activation_status {
        Some(types::ActivationStatus::Activated) => Activation::Activated,
        _ => Activation::NotActivated,
    })
}

/// Has AWS send a code. Reaches a human: called once for a request, never repeated.
pub async fn send_code(session: &Session, channel: &str) -> Result<(), CallError> {
    let request = session
        .contacts()
        .send_activation_code()
        .contact_channel_id(channel);
    session
        .send(Operation::SendActivationCode, request.send())
        .await
        .map(|_| ())
}

/// Gives a code back.
pub async fn activate(
    session: &Session,
    channel: &str,
    code: &Redacted<String>,
) -> Result<(), CallError> {
    let request = session
        .contacts()
        .activate_contact_channel()
        .contact_channel_id(channel)
        .activation_code(code.expose());
    session
        .send(Operation::ActivateContactChannel, request.send())
        .await
        .map(|_| ())
}
