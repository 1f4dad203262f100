//! Idempotency tokens: the same token and the same parameters give the same answer for a while.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Millis;

/// What an earlier call with a token led to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remembered {
    parameters: Value,
    output: Value,
    resource: String,
    at: Millis,
}

/// The tokens of one account.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    by_key: HashMap<String, Remembered>,
}

/// What is known about a token.
pub enum Replay {
    /// Nothing, or nothing any more.
    Unknown,
    /// The same call was made before: its answer and the resource it led to.
    Same {
        /// The answer given then.
        output: Value,
        /// ARN of the resource.
        resource: String,
    },
    /// Another call was made with it.
    Different {
        /// ARN of the resource that one led to.
        resource: String,
    },
}

/// How many tokens are kept before expired ones are dropped.
const SWEEP_ABOVE: usize = 4096;

impl Tokens {
    /// Looks a token up.
    pub fn replay(&self, key: &str, parameters: &Value, now: Millis, window: Millis) -> Replay {
        match self.by_key.get(key) {
            Some(known) if window > 0 && now.saturating_sub(known.at) < window => {
                if known.parameters == *parameters {
                    Replay::Same {
                        output: known.output.clone(),
                        resource: known.resource.clone(),
                    }
                } else {
                    Replay::Different {
                        resource: known.resource.clone(),
                    }
                }
            }
            _ => Replay::Unknown,
        }
    }

    /// Keeps what a call with a token led to.
    pub fn remember(
        &mut self,
        key: String,
        parameters: Value,
        output: Value,
        resource: String,
        now: Millis,
        window: Millis,
    ) {
        if self.by_key.len() > SWEEP_ABOVE && self.by_key.len().is_power_of_two() {
            self.by_key
                .retain(|_, known| now.saturating_sub(known.at) < window);
        }
        self.by_key.insert(
            key,
            Remembered {
                parameters,
                output,
                resource,
                at: now,
            },
        );
    }
}
