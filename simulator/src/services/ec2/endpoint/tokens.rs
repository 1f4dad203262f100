//! Client tokens: per account, Region and operation.

use serde_json::Value;

use crate::clock::Millis;
use crate::error::AwsError;
use crate::knobs::Knob;
use crate::services::Call;
use crate::state::Account;
use crate::tokens::Replay;

fn window(call: &Call<'_>) -> Millis {
    call.knobs.number(Knob::IdempotencyWindowSeconds) * 1000
}

fn key(call: &Call<'_>) -> Option<String> {
    let token = call
        .text("ClientToken")
        .filter(|token| !token.is_empty() && window(call) > 0)?;
    Some(format!(
        "ec2/{}/{}/{token}",
        call.scope.region, call.operation.name
    ))
}

/// The answer to the same call with the same token.
pub(in crate::services::ec2) fn replayed(
    account: &Account,
    call: &Call<'_>,
) -> Result<Option<Value>, AwsError> {
    let Some(key) = key(call) else {
        return Ok(None);
    };
    if call
        .text("ClientToken")
        .is_some_and(|token| token.len() > 64)
    {
        return Err(super::errors::value(
            "The client token is longer than 64 characters.",
        ));
    }
    match account
        .tokens
        .replay(&key, call.input, call.now, window(call))
    {
        Replay::Unknown => Ok(None),
        Replay::Same { output, resource } => {
            let there = account
                .networks
                .get(&call.scope.region)
                .is_some_and(|network| {
                    network.endpoints.contains_key(&resource)
                        || network.route_tables.contains_key(&resource)
                });
            let again = !there && call.knobs.is(Knob::TokenAfterDelete, "new");
            Ok((!again).then_some(output))
        }
        Replay::Different { .. } => Err(AwsError::new(
            "IdempotentParameterMismatch",
            "The request uses the same client token as a previous, but non-identical request.",
        )),
    }
}

/// Keeps the answer for the token of the call.
pub(in crate::services::ec2) fn remember(
    account: &mut Account,
    call: &Call<'_>,
    output: &Value,
    id: &str,
) {
    if let Some(key) = key(call) {
        account.tokens.remember(
            key,
            call.input.clone(),
            output.clone(),
            id.to_owned(),
            call.now,
            window(call),
        );
    }
}
