//! Idempotency tokens of ssm-incidents: per account and operation, in all Regions.

use serde_json::Value;

use crate::clock::Millis;
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;
use crate::tokens::Replay;

use super::errors;

fn window(call: &Call<'_>) -> Millis {
    call.knobs.number(Knob::IdempotencyWindowSeconds) * 1000
}

fn token_key(call: &Call<'_>) -> Option<String> {
    let token = call
        .text("clientToken")
        .filter(|token| !token.is_empty() && window(call) > 0)?;
    Some(format!(
        "{}/{}/{token}",
        call.scope.service, call.operation.name
    ))
}

/// The error of another input under a token that was used.
pub(super) enum Mismatch {
    /// Where the operation models it.
    Conflict,
    /// Where it does not.
    Validation,
}

/// The answer to the same call with the same token, and the resource it led to.
pub(super) fn replayed(
    account: &Account,
    call: &Call<'_>,
    mismatch: &Mismatch,
) -> Result<Option<(Value, String)>, AwsError> {
    let Some(key) = token_key(call) else {
        return Ok(None);
    };
    match account
        .tokens
        .replay(&key, call.input, call.now, window(call))
    {
        Replay::Unknown => Ok(None),
        Replay::Same { output, resource } => Ok(Some((output, resource))),
        Replay::Different { resource } => {
            let message = "The client token was already used in a request with other parameters.";
            Err(match mismatch {
                Mismatch::Conflict => errors::conflict(&resource, message, None),
                Mismatch::Validation => errors::invalid(message),
            })
        }
    }
}

/// Keeps the answer for the token of the call.
pub(super) fn remember(account: &mut Account, call: &Call<'_>, output: &Value, arn: &str) {
    if let Some(key) = token_key(call) {
        account.tokens.remember(
            key,
            call.input.clone(),
            output.clone(),
            arn.to_owned(),
            call.now,
            window(call),
        );
    }
}
