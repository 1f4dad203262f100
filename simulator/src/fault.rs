//! Faults: answers that tests ask for.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::lock::lock;
use crate::matching::{CallMatch, Moment};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// `ThrottlingException`.
    Throttle,
    /// `InternalServerException`.
    Internal,
    /// `AccessDeniedException`.
    AccessDenied,
    /// `ServiceQuotaExceededException`.
    Quota,
    /// `ValidationException`.
    Validation,
    /// `DataEncryptionException`.
    DataEncryption,
    /// The connection is closed without an answer.
    Cut,
    /// The answer comes late.
    Slow,
    /// An error of the given code.
    Error,
}

impl FaultKind {
    fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Internal => "internal",
            Self::AccessDenied => "access-denied",
            Self::Quota => "quota",
            Self::Validation => "validation",
            Self::DataEncryption => "data-encryption",
            Self::Cut => "cut",
            Self::Slow => "slow",
            Self::Error => "error",
        }
    }
}

/// What a fault does to the calls it hits.
#[derive(Debug, Clone)]
pub struct FaultEffect {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Before or after the effect.
    pub moment: Moment,
    /// The code of kind `error`.
    pub code: Option<String>,
    /// The message, if not the usual one.
    pub message: Option<String>,
    /// Seconds to come back after.
    pub retry_after: Option<u64>,
    /// Milliseconds of kind `slow`.
    pub delay: u64,
}

/// A fault as armed.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The calls it is meant for.
    pub matching: CallMatch,
    /// How many matching calls pass first, plus one.
    pub nth: u64,
    /// How many calls it hits from there; 0 is without end.
    pub times: u64,
    /// Chance that a call in its range is hit.
    pub probability: f64,
    /// What it does.
    pub effect: FaultEffect,
}

struct Armed {
    fault: Fault,
    seen: u64,
    hits: u64,
}

#[derive(Default)]
struct Inner {
    last: u64,
    faults: BTreeMap<u64, Armed>,
}

/// All faults.
#[derive(Default)]
pub struct Faults {
    inner: Mutex<Inner>,
}

impl Faults {
    /// Arms a fault.
    pub fn arm(&self, fault: Fault) -> u64 {
        let mut inner = lock(&self.inner);
        inner.last += 1;
        let id = inner.last;
        inner.faults.insert(
            id,
            Armed {
                fault,
                seen: 0,
                hits: 0,
            },
        );
        id
    }

    /// Counts a call against every fault; returns what hits it.
    pub fn count(
        &self,
        account: &str,
        region: &str,
        service: &str,
        operation: &str,
    ) -> Vec<FaultEffect> {
        let mut inner = lock(&self.inner);
        let mut hits = Vec::new();
        for armed in inner.faults.values_mut() {
            let fault = &armed.fault;
            if !fault.matching.matches(account, region, service, operation) {
                continue;
            }
            armed.seen += 1;
            let first = fault.nth.max(1);
            let in_range = armed.seen >= first
                && (fault.times == 0 || armed.seen < first.saturating_add(fault.times));
            if in_range && (fault.probability >= 1.0 || rand::random::<f64>() < fault.probability) {
                armed.hits += 1;
                hits.push(fault.effect.clone());
            }
        }
        hits
    }

    /// All faults and how often they matched and hit.
    pub fn show(&self) -> Vec<Value> {
        lock(&self.inner)
            .faults
            .iter()
            .map(|(id, armed)| {
                let Fault {
                    matching,
                    nth,
                    times,
                    probability,
                    effect,
                } = &armed.fault;
                json!({
                    "id": id.to_string(),
                    "account": matching.account,
                    "region": matching.region,
                    "service": matching.service,
                    "operation": matching.operation,
                    "nth": nth,
                    "times": times,
                    "probability": probability,
                    "when": effect.moment.name(),
                    "kind": effect.kind.name(),
                    "code": effect.code,
                    "message": effect.message,
                    "retryAfterSeconds": effect.retry_after,
                    "delayMs": effect.delay,
                    "seen": armed.seen,
                    "hits": armed.hits,
                })
            })
            .collect()
    }

    /// Forgets one fault, or all.
    pub fn forget(&self, id: Option<u64>) -> bool {
        let mut inner = lock(&self.inner);
        if let Some(id) = id {
            inner.faults.remove(&id).is_some()
        } else {
            inner.faults.clear();
            true
        }
    }
}
