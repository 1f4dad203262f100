//! From what AWS has to the status. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::observed::{Record, Surroundings};
use crate::api::incident::{
    EngagementStatus, IncidentFinding, IncidentPhase, IncidentStatus, IncidentSummary, PageStatus,
    TimelineEvent,
};
use crate::aws::engagements::{Engagement, Page};
use crate::engine::api_time;

/// So many engagements are shown.
const ENGAGEMENTS: usize = 10;
/// So many pages of each.
const PAGES: usize = 20;
/// So many events.
pub const EVENTS: usize = 5;
/// So many findings and runbooks.
const OTHERS: usize = 10;

/// Names by ARN.
pub type Names = BTreeMap<String, String>;

/// Writes what the record says.
pub fn record(status: &mut IncidentStatus, record: &Record, now: Timestamp) {
    let was_resolved = status.resolved_time.is_some();
    status.phase = Some(if record.open {
        IncidentPhase::Open
    } else {
        IncidentPhase::Resolved
    });
    status.title = Some(record.title.clone());
    status.impact = record.impact;
    status.source = Some(record.source.clone()).filter(|s| !s.is_empty());
    status.start_time = Some(api_time(record.created));
    if record.open {
        if was_resolved {
            status.reopened = Some(true);
        }
        status.resolved_time = None;
        status.finished_at = None;
    } else {
        status.resolved_time = Some(api_time(record.resolved.unwrap_or(now)));
        status.reopened = None;
        if status.finished_at.is_none() {
            status.finished_at = Some(api_time(now));
        }
    }
    status.automation_executions = record.automation.iter().take(OTHERS).cloned().collect();
    summarize(status);
}

/// Writes what belongs to the record.
pub fn surroundings(status: &mut IncidentStatus, around: &Surroundings, names: &Names) {
    let before = std::mem::take(&mut status.engagements);
    let shown = |arn: &str| {
        let before = before.iter().find(|e| e.arn == arn);
        before.map_or(&[][..], |e| e.pages.as_slice())
    };
    let mut engagements: Vec<&(Engagement, Vec<Page>)> = around.engagements.iter().collect();
    engagements.sort_by(|a, b| (b.0.started, &b.0.arn).cmp(&(a.0.started, &a.0.arn)));
    status.engagements = engagements
        .into_iter()
        .take(ENGAGEMENTS)
        .map(|(engagement, sent)| EngagementStatus {
            arn: engagement.arn.clone(),
            contact: named(names, &engagement.contact),
            start_time: engagement.started.map(api_time),
            stop_time: engagement.stopped.map(api_time),
            pages: pages(sent, names, shown(&engagement.arn)),
        })
        .collect();
    status.recent_events = around
        .events
        .iter()
        .take(EVENTS)
        .map(|(time, type_)| TimelineEvent {
            time: api_time(*time),
            type_: type_.clone(),
        })
        .collect();
    status.incident_findings = around
        .findings
        .iter()
        .take(OTHERS)
        .map(|finding| IncidentFinding {
            id: finding.id.clone(),
            type_: finding.type_.to_owned(),
            arn: finding.arn.clone(),
            start_time: finding.started.map(api_time),
            end_time: finding.ended.map(api_time),
        })
        .collect();
    status.related_items = i64::try_from(around.items.len()).ok();
    summarize(status);
}

/// Pages for a status, one for each person whatever AWS counts as one: the newest, the oldest of them first. When something was first seen
/// to have happened stays: AWS may tell the time of the last message.
pub fn pages(sent: &[Page], names: &Names, shown: &[PageStatus]) -> Vec<PageStatus> {
    let mut people: Vec<(&str, PageStatus)> = vec![];
    for page in sent {
        let (sent_at, delivered_at) = (page.sent.map(api_time), page.delivered.map(api_time));
        let acknowledged_at = page.acknowledged.map(api_time);
        match people.iter_mut().find(|(arn, _)| *arn == page.contact) {
            Some((_, first)) => {
                earlier(&mut first.sent_at, sent_at);
                earlier(&mut first.delivered_at, delivered_at);
                earlier(&mut first.acknowledged_at, acknowledged_at);
            }
            None => people.push((
                &page.contact,
                PageStatus {
                    contact: named(names, &page.contact),
                    sent_at,
                    delivered_at,
                    acknowledged_at,
                },
            )),
        }
    }
    let mut people: Vec<PageStatus> = people.into_iter().map(|(_, page)| page).collect();
    for old in shown {
        // People of different namespaces may have the same name: then nothing tells whose time it was.
        let mut namesakes = people.iter_mut().filter(|p| p.contact == old.contact);
        if let (Some(page), None) = (namesakes.next(), namesakes.next()) {
            earlier(&mut page.sent_at, old.sent_at.clone());
            earlier(&mut page.delivered_at, old.delivered_at.clone());
        }
    }
    let order = |p: &PageStatus| (p.sent_at.as_ref().map(|t| t.0), p.contact.clone());
    people.sort_by_key(order);
    people.split_off(people.len().saturating_sub(PAGES))
}

fn earlier(first: &mut Option<Time>, other: Option<Time>) {
    *first = match (first.take(), other) {
        (Some(first), Some(other)) => Some(if other.0 < first.0 { other } else { first }),
        (first, other) => first.or(other),
    };
}

fn named(names: &Names, arn: &str) -> String {
    names
        .get(arn)
        .cloned()
        .unwrap_or_else(|| arn.rsplit('/').next().unwrap_or(arn).to_owned())
}

/// Who has acknowledged, each once, in the order in which they did.
pub fn acknowledged_by<'a>(pages: impl Iterator<Item = &'a PageStatus>) -> Vec<String> {
    let mut acknowledged: Vec<(Timestamp, &str)> = pages
        .filter_map(|p| Some((p.acknowledged_at.as_ref()?.0, p.contact.as_str())))
        .collect();
    acknowledged.sort_unstable();
    let mut names: Vec<String> = vec![];
    for (_, name) in acknowledged {
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn summarize(status: &mut IncidentStatus) {
    let pages = status.engagements.iter().flat_map(|e| &e.pages);
    status.summary = Some(IncidentSummary {
        title: status.title.clone().unwrap_or_default(),
        impact: status
            .impact
            .map(|i| i.as_str().to_owned())
            .unwrap_or_default(),
        acknowledged_by: acknowledged_by(pages).join(", "),
        started: status
            .start_time
            .as_ref()
            .map(|t| t.0.to_string())
            .unwrap_or_default(),
    });
}

/// Where an incident is in the console.
pub fn console_url(arn: &str, region: &str) -> String {
    let host = if arn.starts_with("arn:aws-cn:") {
        "console.amazonaws.cn"
    } else if arn.starts_with("arn:aws-us-gov:") {
        "console.amazonaws-us-gov.com"
    } else {
        "console.aws.amazon.com"
    };
    let account = arn.split(':').nth(4).unwrap_or_default();
    let record = arn.split_once(":incident-record/").map_or("", |(_, r)| r);
    format!(
        "https://{region}.{host}/systems-manager/incidents/home?region={region}#/{account}/{record}"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn incident(open: bool) -> Record {
        Record {
            title: "down".to_owned(),
            impact: None,
            open,
            created: at(0),
            resolved: (!open).then(|| at(9)),
            source: "aws.cloudwatch".to_owned(),
            automation: vec![],
        }
    }

    #[test]
    fn a_reopening_is_shown() {
        let mut status = IncidentStatus::default();
        record(&mut status, &incident(true), at(1));
        assert_eq!(
            (status.phase, status.reopened),
            (Some(IncidentPhase::Open), None)
        );
        record(&mut status, &incident(false), at(10));
        assert_eq!(status.finished_at, Some(api_time(at(10))));
        assert_eq!(status.resolved_time, Some(api_time(at(9))));
        record(&mut status, &incident(false), at(11));
        assert_eq!(status.finished_at, Some(api_time(at(10))), "it is kept");
        record(&mut status, &incident(true), at(12));
        assert_eq!(
            (status.phase, status.reopened),
            (Some(IncidentPhase::Open), Some(true))
        );
        assert_eq!(status.finished_at, None, "it is polled again");
    }

    #[test]
    fn who_has_acknowledged_is_told_once_and_in_order() {
        let page = |contact: &str, minute: Option<i64>| Page {
            contact: format!("arn:x:contact/{contact}"),
            sent: Some(at(0)),
            delivered: None,
            acknowledged: minute.map(at),
        };
        let sent = [
            page("bob", Some(5)),
            page("alice", Some(3)),
            page("carol", None),
            page("bob", Some(7)),
        ];
        let names = Names::from([("arn:x:contact/bob".to_owned(), "robert".to_owned())]);
        let shown = pages(&sent, &names, &[]);
        assert_eq!(shown.len(), 3, "one for each person");
        assert_eq!(acknowledged_by(shown.iter()), ["alice", "robert"]);
    }

    #[test]
    fn when_somebody_was_first_paged_stays() {
        let page = |minute| Page {
            contact: "bob".to_owned(),
            sent: Some(at(minute)),
            delivered: Some(at(minute)),
            acknowledged: None,
        };
        let first = pages(&[page(1)], &Names::new(), &[]);
        let later = pages(&[page(5), page(9)], &Names::new(), &first);
        assert_eq!(later, first);
        assert_eq!(pages(&[], &Names::new(), &first), []);
    }

    #[test]
    fn people_of_the_same_name_are_not_one() {
        let page = |arn: &str| Page {
            contact: arn.to_owned(),
            sent: Some(at(1)),
            delivered: None,
            acknowledged: (arn == "two").then(|| at(2)),
        };
        let names = ["one", "two"].map(|arn| (arn.to_owned(), "alice".to_owned()));
        let shown = pages(&[page("one"), page("two")], &Names::from(names), &[]);
        assert_eq!(shown.len(), 2);
        assert_eq!(
            shown.iter().filter(|p| p.acknowledged_at.is_some()).count(),
            1
        );
    }

    #[test]
    fn lists_are_bounded_and_the_newest_are_kept() {
        let engagement = |n: i64| {
            let engagement = Engagement {
                arn: format!("e{n}"),
                contact: "c".to_owned(),
                sender: String::new(),
                started: Some(at(n)),
                stopped: None,
            };
            let pages = (0..30).map(|m| Page {
                contact: format!("p{m}"),
                sent: Some(at(m)),
                delivered: None,
                acknowledged: None,
            });
            (engagement, pages.collect())
        };
        let around = Surroundings {
            engagements: (0..12).map(engagement).collect(),
            events: (0..9).map(|n| (at(n), "e".to_owned())).collect(),
            ..Surroundings::default()
        };
        let mut status = IncidentStatus::default();
        surroundings(&mut status, &around, &Names::new());
        assert_eq!(status.engagements.len(), 10);
        assert_eq!(status.engagements[0].arn, "e11");
        assert_eq!(status.engagements[0].pages.len(), 20);
        assert_eq!(status.engagements[0].pages[19].contact, "p29");
        assert_eq!(status.recent_events.len(), 5);
    }
}
