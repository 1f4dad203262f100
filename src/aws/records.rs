//! Lists of incident records, shared by everybody who works in an account. It sends and decides nothing.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ssmincidents::types;
use jiff::Timestamp;

use super::rotations::{date_time, timestamp};
use super::{CallError, Operation, Session};

/// An incident as lists have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// ARN.
    pub arn: String,
    /// It is open.
    pub open: bool,
    /// What opened it, in AWS's words.
    pub source: String,
    /// When it began.
    pub created: Timestamp,
}

impl Summary {
    /// ARN of the response plan that it was opened from.
    pub fn response_plan(&self) -> Option<String> {
        response_plan_of(&self.arn)
    }
}

/// ARN of the response plan that an incident was opened from.
pub fn response_plan_of(record: &str) -> Option<String> {
    let (prefix, rest) = record.split_once(":incident-record/")?;
    let (plan, id) = rest.split_once('/')?;
    (!plan.is_empty() && !id.is_empty()).then(|| format!("{prefix}:response-plan/{plan}"))
}

/// All that are open.
#[derive(Debug)]
pub struct Open(pub Vec<Summary>);

/// All that began after a time, whatever became of them.
#[derive(Debug)]
pub struct Recent {
    /// That time.
    pub after: Timestamp,
    /// The incidents.
    pub records: Vec<Summary>,
}

/// The open incidents of the account, as listed at most `max_age` ago.
pub async fn open(session: &Session, max_age: Duration) -> Result<Arc<Open>, CallError> {
    let list = session.account.list::<Open>();
    let fetch = async { Ok(Open(list_all(session, is_open()).await?)) };
    session
        .shared(&list, Operation::ListIncidentRecords, None, max_age, fetch)
        .await
}

/// The incidents of the account that began after `after`, and maybe some from before, as listed at most `max_age` ago.
pub async fn recent(
    session: &Session,
    after: Timestamp,
    max_age: Duration,
) -> Result<Arc<Recent>, CallError> {
    let list = session.account.list::<Recent>();
    let fetch = async || {
        let records = list_all(session, created_after(after)).await?;
        Ok(Recent { after, records })
    };
    let operation = Operation::ListIncidentRecords;
    let found = session
        .shared(&list, operation, None, max_age, fetch())
        .await?;
    if found.after <= after {
        return Ok(found);
    }
    // Somebody else needed less.
    list.forget();
    session
        .shared(&list, operation, None, max_age, fetch())
        .await
}

/// The incidents of the account that began after `after`, as they are now.
pub async fn since(session: &Session, after: Timestamp) -> Result<Vec<Summary>, CallError> {
    list_all(session, created_after(after)).await
}

fn is_open() -> types::Filter {
    let open = types::AttributeValueList::StringValues(vec!["OPEN".to_owned()]);
    filter("status", types::Condition::Equals(open))
}

fn created_after(after: Timestamp) -> types::Filter {
    filter("creationTime", types::Condition::After(date_time(after)))
}

fn filter(key: &str, condition: types::Condition) -> types::Filter {
    // Both members are there.
    let filter = types::Filter::builder().key(key).condition(condition);
    filter
        .build()
        .unwrap_or_else(|_| unreachable!("key and condition are given"))
}

async fn list_all(session: &Session, filter: types::Filter) -> Result<Vec<Summary>, CallError> {
    let mut all = vec![];
    let mut next = None;
    loop {
        let request = session
            .incidents()
            .list_incident_records()
            .filters(filter.clone())
            .max_results(100)
            .set_next_token(next);
        let page = session
            .send(Operation::ListIncidentRecords, request.send())
            .await?;
        all.extend(
            page.incident_record_summaries
                .into_iter()
                .filter_map(|one| {
                    Some(Summary {
                        open: one.status == types::IncidentRecordStatus::Open,
                        source: one
                            .incident_record_source
                            .map(|s| s.source)
                            .unwrap_or_default(),
                        created: timestamp(&one.creation_time)?,
                        arn: one.arn,
                    })
                }),
        );
        next = page.next_token.filter(|t| !t.is_empty());
        if next.is_none() {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_its_plan() {
        let record = "arn:aws:ssm-incidents::123456789012:incident-record/payments-down/0b5c-1";
        assert_eq!(
            response_plan_of(record).as_deref(),
            Some("arn:aws:ssm-incidents::123456789012:response-plan/payments-down")
        );
        for none in [
            "",
            "arn:aws:ssm-incidents::1:incident-record/",
            "arn:aws:ssm-incidents::1:incident-record/a",
        ] {
            assert_eq!(response_plan_of(none), None, "{none}");
        }
    }
}
