//! Every AWS call, in the order of arrival.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::iam::Needed;
use crate::lock::lock;

const CAPACITY: usize = 200_000;

/// One call as the log keeps it. `status` is absent until it is answered.
#[derive(Default)]
pub struct Call {
    /// Position in the log, from 1.
    pub seq: u64,
    /// Real time of arrival.
    pub time: String,
    /// Account of the caller.
    pub account: String,
    /// Region signed for.
    pub region: String,
    /// Signing name.
    pub service: String,
    /// Operation, or what was asked for in its place.
    pub operation: String,
    /// IAM actions and the resources they are authorised on.
    pub needed: Vec<Needed>,
    /// Resources that the call brought about.
    pub created: Vec<String>,
    /// ARN of the caller.
    pub principal: String,
    /// As the client names itself.
    pub user_agent: String,
    /// Also on the answer.
    pub request_id: String,
    /// Status of the answer.
    pub status: Option<u16>,
    /// Code of the error, or `cut`.
    pub error: Option<String>,
    /// Whether the operation changes anything.
    pub mutating: bool,
    /// The idempotency token.
    pub token: Option<String>,
    /// The decoded input, as JSON text.
    pub request: String,
}

/// Which calls to show.
#[derive(Default)]
pub struct CallFilter {
    /// Only those after this one.
    pub since: u64,
    /// Only of this account.
    pub account: Option<String>,
    /// Only of this service.
    pub service: Option<String>,
    /// Only this operation.
    pub operation: Option<String>,
}

#[derive(Default)]
struct Inner {
    last: u64,
    calls: VecDeque<Call>,
}

/// The log; the oldest entries are dropped when it is full.
#[derive(Default)]
pub struct CallLog {
    inner: Mutex<Inner>,
}

impl CallLog {
    /// Notes the arrival of a call and numbers it.
    pub fn arrived(&self, mut call: Call) -> u64 {
        let mut inner = lock(&self.inner);
        inner.last += 1;
        call.seq = inner.last;
        if inner.calls.len() == CAPACITY {
            inner.calls.pop_front();
        }
        inner.calls.push_back(call);
        inner.last
    }

    /// Completes an entry, if it is still there.
    pub fn amend(&self, seq: u64, change: impl FnOnce(&mut Call)) {
        let mut inner = lock(&self.inner);
        if let Ok(index) = inner.calls.binary_search_by_key(&seq, |call| call.seq) {
            change(&mut inner.calls[index]);
        }
    }

    /// The calls that match.
    pub fn show(&self, filter: &CallFilter) -> Vec<Value> {
        let inner = lock(&self.inner);
        let start = inner.calls.partition_point(|call| call.seq <= filter.since);
        let wanted = |filter: &Option<String>, value: &String| {
            filter.as_ref().is_none_or(|filter| filter == value)
        };
        inner
            .calls
            .range(start..)
            .filter(|call| {
                wanted(&filter.account, &call.account)
                    && wanted(&filter.service, &call.service)
                    && wanted(&filter.operation, &call.operation)
            })
            .map(Call::to_json)
            .collect()
    }

    /// Forgets the calls of one account, or all.
    pub fn clear(&self, account: Option<&str>) {
        lock(&self.inner)
            .calls
            .retain(|call| account.is_some_and(|account| call.account != account));
    }
}

impl Call {
    fn to_json(&self) -> Value {
        let mut actions: Vec<&str> = Vec::new();
        for needed in &self.needed {
            if !actions.contains(&needed.action.as_str()) {
                actions.push(&needed.action);
            }
        }
        let mut resources: Vec<&str> = Vec::new();
        for resource in self
            .needed
            .iter()
            .map(|needed| &needed.resource)
            .chain(&self.created)
        {
            if resource != "*" && !resources.contains(&resource.as_str()) {
                resources.push(resource);
            }
        }
        json!({
            "seq": self.seq,
            "time": self.time,
            "account": self.account,
            "region": self.region,
            "service": self.service,
            "operation": self.operation,
            "iamActions": actions,
            "resources": resources,
            "principal": self.principal,
            "userAgent": self.user_agent,
            "requestId": self.request_id,
            "httpStatus": self.status,
            "error": self.error,
            "mutating": self.mutating,
            "token": self.token,
            "request": serde_json::from_str::<Value>(&self.request).unwrap_or(Value::Null),
        })
    }
}
