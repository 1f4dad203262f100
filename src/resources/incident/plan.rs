//! What of a spec is to be sent to AWS. Pure. Only what has changed in the spec since it was last sent: what people write in the console wins
//! until the manifest changes.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::observed::{Item, Record, digest};
use crate::api::common::{ChangeAction, PendingChange};
use crate::api::incident::{IncidentPhase, IncidentSpec, IncidentStatus, SentFields, SentItem};
use crate::api::response_plan::Impact;

/// One change to AWS.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Fields of the record.
    Update {
        /// The title.
        title: Option<String>,
        /// The impact.
        impact: Option<Impact>,
        /// It is resolved.
        resolve: bool,
    },
    /// A related item goes.
    RemoveItem(Item),
    /// A related item comes.
    AddItem(Item),
    /// Tags are written.
    SetTags(BTreeMap<String, String>),
    /// Tags go.
    RemoveTags(Vec<String>),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Update {
                title,
                impact,
                resolve,
            } => {
                let fields = [
                    (title.is_some(), "sets the title"),
                    (impact.is_some(), "sets the impact"),
                    (*resolve, "resolves the incident"),
                ];
                let said: Vec<&str> = fields.iter().filter(|f| f.0).map(|f| f.1).collect();
                f.write_str(&said.join(", "))
            }
            Self::RemoveItem(item) => write!(f, "removes the related item \"{}\"", item.title),
            Self::AddItem(item) => write!(f, "adds the related item \"{}\"", item.title),
            Self::SetTags(_) => f.write_str("writes tags"),
            Self::RemoveTags(_) => f.write_str("removes tags"),
        }
    }
}

/// What is taken for sent when an incident is gone on with that was started for this very request: all of the spec, but that it is resolved.
/// `ours` = it was started by us, with our items.
pub fn assumed(spec: &IncidentSpec, ours: bool) -> SentFields {
    SentFields {
        title: spec.title.clone(),
        impact: spec.impact,
        resolve: None,
        tags: None,
        related_items: wanted(spec)
            .iter()
            .map(|item| remembered(item, ours))
            .collect(),
    }
}

fn wanted(spec: &IncidentSpec) -> Vec<Item> {
    spec.related_items.iter().flatten().map(Item::of).collect()
}

fn remembered(item: &Item, added: bool) -> SentItem {
    SentItem {
        title: item.title.clone(),
        digest: item.digest(),
        added,
    }
}

/// What to send, and what of `sent` changes without anything being sent.
pub fn plan(
    spec: &IncidentSpec,
    sent: &SentFields,
    record: &Record,
    items: &[Item],
) -> (SentFields, Vec<Change>) {
    let mut after = sent.clone();
    let mut changes = vec![];
    let mut title = None;
    if spec.title != sent.title {
        after.title.clone_from(&spec.title);
        title = spec.title.clone().filter(|t| *t != record.title);
    }
    let mut impact = None;
    if spec.impact != sent.impact {
        after.impact = spec.impact;
        impact = spec.impact.filter(|i| Some(*i) != record.impact);
    }
    let mut resolve = false;
    if spec.resolve == Some(true) && sent.resolve != Some(true) {
        after.resolve = Some(true);
        resolve = record.open;
    }
    // Noted only once it is sent.
    if title.is_some() {
        after.title.clone_from(&sent.title);
    }
    if impact.is_some() {
        after.impact = sent.impact;
    }
    if resolve {
        after.resolve = sent.resolve;
    }
    if title.is_some() || impact.is_some() || resolve {
        changes.push(Change::Update {
            title,
            impact,
            resolve,
        });
    }
    let wanted = wanted(spec);
    let is_wanted = |s: &SentItem| {
        wanted
            .iter()
            .any(|w| w.title == s.title && w.digest() == s.digest)
    };
    for gone in sent.related_items.iter().filter(|s| !is_wanted(s)) {
        let there = items.iter().find(|i| i.digest() == gone.digest);
        match there.filter(|_| gone.added) {
            Some(item) => changes.push(Change::RemoveItem(Item {
                title: gone.title.clone(),
                ..item.clone()
            })),
            None => after.related_items.retain(|s| s != gone),
        }
    }
    let removed: Vec<String> = changes
        .iter()
        .filter_map(|change| match change {
            Change::RemoveItem(item) => Some(item.digest()),
            _ => None,
        })
        .collect();
    for item in &wanted {
        let digest = item.digest();
        let known = |s: &SentItem| s.title == item.title && s.digest == digest;
        if sent.related_items.iter().any(known) {
            continue;
        }
        let there = items.iter().any(|i| i.digest() == digest) && !removed.contains(&digest);
        if there {
            after.related_items.push(remembered(item, false));
        } else {
            changes.push(Change::AddItem(item.clone()));
        }
    }
    (after, changes)
}

/// Tags to write or to remove: all of those wanted, when they are not those that were last sent. `written` are the keys that were.
pub fn plan_tags(
    wanted: &BTreeMap<String, String>,
    sent: &SentFields,
    written: &[String],
) -> Vec<Change> {
    if sent.tags.as_ref() == Some(&tags_digest(wanted)) {
        return vec![];
    }
    let mut changes = vec![];
    let gone: Vec<String> = written
        .iter()
        .filter(|key| !wanted.contains_key(*key))
        .cloned()
        .collect();
    if !gone.is_empty() {
        changes.push(Change::RemoveTags(gone));
    }
    changes.push(Change::SetTags(wanted.clone()));
    changes
}

fn tags_digest(tags: &BTreeMap<String, String>) -> String {
    let parts: Vec<&str> = tags
        .iter()
        .flat_map(|(k, v)| [k.as_str(), v.as_str()])
        .collect();
    digest(&parts)
}

/// Notes that a change was sent.
pub fn note(sent: &mut SentFields, change: &Change) {
    match change {
        Change::Update {
            title,
            impact,
            resolve,
        } => {
            if title.is_some() {
                sent.title.clone_from(title);
            }
            if impact.is_some() {
                sent.impact = *impact;
            }
            if *resolve {
                sent.resolve = Some(true);
            }
        }
        Change::RemoveItem(item) => {
            let digest = item.digest();
            sent.related_items
                .retain(|s| s.title != item.title || s.digest != digest);
        }
        Change::AddItem(item) => sent.related_items.push(remembered(item, true)),
        Change::SetTags(tags) => sent.tags = Some(tags_digest(tags)),
        Change::RemoveTags(_) => sent.tags = None,
    }
}

/// What was sent between two points in time, as fields of the spec. That it is resolved is told with the incident's phase, and tags say whose it is.
pub fn edits(before: &SentFields, after: &SentFields) -> Vec<&'static str> {
    [
        (before.title != after.title, "title"),
        (before.impact != after.impact, "impact"),
        (before.related_items != after.related_items, "relatedItems"),
    ]
    .into_iter()
    .filter_map(|(changed, field)| changed.then_some(field))
    .collect()
}

/// A change as the status tells it.
pub fn pending(change: &Change) -> Vec<PendingChange> {
    let of = |path: String, action| PendingChange { path, action };
    match change {
        Change::Update {
            title,
            impact,
            resolve,
        } => [
            (title.is_some(), "title"),
            (impact.is_some(), "impact"),
            (*resolve, "resolve"),
        ]
        .iter()
        .filter(|(changes, _)| *changes)
        .map(|(_, path)| of((*path).to_owned(), ChangeAction::Update))
        .collect(),
        Change::AddItem(item) => vec![of(
            format!("relatedItems[{}]", item.title),
            ChangeAction::Create,
        )],
        Change::RemoveItem(item) => vec![of(
            format!("relatedItems[{}]", item.title),
            ChangeAction::Delete,
        )],
        Change::SetTags(_) | Change::RemoveTags(_) => {
            vec![of("tags".to_owned(), ChangeAction::Update)]
        }
    }
}

/// What an edited spec is going to send to an incident that a status shows. Nothing is asked of AWS, so tags are not told, and neither is
/// what somebody has changed there since.
pub fn foresee(spec: &IncidentSpec, status: &IncidentStatus) -> Vec<PendingChange> {
    let sent = status.sent.clone().unwrap_or_default();
    let shown = Record {
        title: status.title.clone().unwrap_or_default(),
        impact: status.impact,
        open: status.phase == Some(IncidentPhase::Open),
        created: Timestamp::UNIX_EPOCH,
        resolved: None,
        source: String::new(),
        automation: vec![],
    };
    let (_, changes) = plan(spec, &sent, &shown, &[]);
    let wanted = wanted(spec);
    let goes = |item: &&SentItem| {
        item.added
            && !wanted
                .iter()
                .any(|w| w.title == item.title && w.digest() == item.digest)
    };
    let removed = sent
        .related_items
        .iter()
        .filter(goes)
        .map(|item| PendingChange {
            path: format!("relatedItems[{}]", item.title),
            action: ChangeAction::Delete,
        });
    changes.iter().flat_map(pending).chain(removed).collect()
}

/// What AWS has after a change.
pub fn project(record: &mut Record, items: &mut Vec<Item>, change: &Change, now: Timestamp) {
    match change {
        Change::Update {
            title,
            impact,
            resolve,
        } => {
            if let Some(title) = title {
                record.title.clone_from(title);
            }
            if impact.is_some() {
                record.impact = *impact;
            }
            if *resolve {
                record.open = false;
                record.resolved = record.resolved.or(Some(now));
            }
        }
        Change::RemoveItem(gone) => items.retain(|i| i.digest() != gone.digest()),
        Change::AddItem(item) => items.push(item.clone()),
        Change::SetTags(_) | Change::RemoveTags(_) => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::{Value, json};

    use super::*;

    fn spec(fields: &Value) -> IncidentSpec {
        let mut spec = json!({"responsePlanRef": {"name": "payments"}, "startDeadline": "2026-12-01T00:00:00Z"});
        for (name, value) in fields.as_object().unwrap() {
            spec[name] = value.clone();
        }
        serde_json::from_value(spec).unwrap()
    }

    fn record() -> Record {
        Record {
            title: "of the plan".to_owned(),
            impact: Some(Impact::Low),
            open: true,
            created: Timestamp::UNIX_EPOCH,
            resolved: None,
            source: String::new(),
            automation: vec![],
        }
    }

    /// Plans and sends until nothing is left, as the room does; answers with everything that was sent.
    fn settle(
        spec: &IncidentSpec,
        sent: &mut SentFields,
        record: &mut Record,
        items: &mut Vec<Item>,
    ) -> Vec<String> {
        let (after, changes) = plan(spec, sent, record, items);
        *sent = after;
        for change in &changes {
            note(sent, change);
            project(record, items, change, Timestamp::UNIX_EPOCH);
        }
        let (again, rest) = plan(spec, sent, record, items);
        assert_eq!(rest, [], "it comes to an end");
        assert_eq!(again, *sent);
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_an_edit_sends_is_foreseen_from_the_status() {
        let first = spec(&json!({"title": "a", "relatedItems": [
            {"title": "graph", "type": "Metric", "url": "https://example.com/1"},
            {"title": "log", "type": "Other", "url": "https://example.com/2"}]}));
        let status = IncidentStatus {
            phase: Some(IncidentPhase::Open),
            title: Some("a".to_owned()),
            impact: Some(Impact::Low),
            sent: Some(assumed(&first, true)),
            ..IncidentStatus::default()
        };
        assert_eq!(foresee(&first, &status), []);
        let edited = spec(
            &json!({"title": "b", "impact": "Low", "resolve": true, "relatedItems": [
            {"title": "graph", "type": "Metric", "url": "https://example.com/1"},
            {"title": "chat", "type": "Other", "url": "https://example.com/3"}]}),
        );
        let told: Vec<String> = foresee(&edited, &status)
            .iter()
            .map(|change| format!("{:?} {}", change.action, change.path))
            .collect();
        let expected = [
            "Update title",
            "Update resolve",
            "Create relatedItems[chat]",
            "Delete relatedItems[log]",
        ];
        assert_eq!(told, expected);
        let over = IncidentStatus {
            phase: Some(IncidentPhase::Resolved),
            ..status
        };
        let resolved =
            spec(&json!({"title": "a", "resolve": true, "relatedItems": first.related_items}));
        assert_eq!(foresee(&resolved, &over), [], "it is resolved already");
    }

    #[test]
    fn only_changes_of_the_spec_are_sent() {
        let (mut record, mut items) = (record(), vec![]);
        let first = spec(&json!({"title": "a", "impact": "High"}));
        let mut sent = assumed(&first, true);
        record.title = "written in the console".to_owned();
        assert!(settle(&first, &mut sent, &mut record, &mut items).is_empty());
        assert_eq!(record.title, "written in the console");
        let second = spec(&json!({"title": "b", "impact": "High"}));
        let changes = settle(&second, &mut sent, &mut record, &mut items);
        assert_eq!(changes, ["sets the title"]);
        assert_eq!(record.title, "b");
        // Taken out, and set to the same again: that is an edit.
        let without = spec(&json!({"impact": "High"}));
        assert!(settle(&without, &mut sent, &mut record, &mut items).is_empty());
        record.title = "written in the console".to_owned();
        assert_eq!(
            settle(&second, &mut sent, &mut record, &mut items),
            ["sets the title"]
        );
    }

    #[test]
    fn what_aws_says_already_is_not_sent() {
        let (mut record, mut items) = (record(), vec![]);
        record.title = "a".to_owned();
        let wanted = spec(&json!({"title": "a", "impact": "Low"}));
        let mut sent = SentFields::default();
        assert!(settle(&wanted, &mut sent, &mut record, &mut items).is_empty());
        assert_eq!(sent.title.as_deref(), Some("a"));
    }

    #[test]
    fn it_is_resolved_once() {
        let (mut record, mut items) = (record(), vec![]);
        let wanted = spec(&json!({"resolve": true}));
        let mut sent = assumed(&wanted, true);
        assert_eq!(
            settle(&wanted, &mut sent, &mut record, &mut items),
            ["resolves the incident"]
        );
        assert!(!record.open);
        record.open = true;
        assert!(
            settle(&wanted, &mut sent, &mut record, &mut items).is_empty(),
            "somebody has reopened it: that is not undone"
        );
        let mut resolved = super::tests::record();
        resolved.open = false;
        let mut sent = assumed(&wanted, true);
        assert!(settle(&wanted, &mut sent, &mut resolved, &mut items).is_empty());
        assert_eq!(sent.resolve, Some(true), "and is not done later either");
    }

    fn item(title: &str, url: &str) -> Value {
        json!({"title": title, "url": url})
    }

    fn aws_item(title: &str, url: &str) -> Item {
        Item::of(&serde_json::from_value(item(title, url)).unwrap())
    }

    #[test]
    fn items_that_were_added_go_with_the_manifest_and_others_stay() {
        let (mut record, mut sent) = (record(), SentFields::default());
        let mut items = vec![
            aws_item("theirs", "https://a"),
            aws_item("parent", "https://p"),
        ];
        let both = spec(
            &json!({"relatedItems": [item("theirs", "https://a"), item("ours", "https://b")]}),
        );
        assert_eq!(
            settle(&both, &mut sent, &mut record, &mut items),
            ["adds the related item \"ours\""]
        );
        // Removed in the console: it stays away until the manifest changes.
        let whole = items.clone();
        items.retain(|i| i.title != "ours");
        assert!(settle(&both, &mut sent, &mut record, &mut items).is_empty());
        items = whole;
        let none = spec(&json!({}));
        assert_eq!(
            settle(&none, &mut sent, &mut record, &mut items),
            ["removes the related item \"ours\""]
        );
        assert_eq!(items.len(), 2);
        assert!(sent.related_items.is_empty());
    }

    #[test]
    fn an_item_that_points_elsewhere_or_has_another_title_is_another() {
        let (mut record, mut items) = (record(), vec![]);
        let one = spec(&json!({"relatedItems": [item("board", "https://a")]}));
        let mut sent = SentFields::default();
        settle(&one, &mut sent, &mut record, &mut items);
        let moved = spec(&json!({"relatedItems": [item("board", "https://b")]}));
        assert_eq!(
            settle(&moved, &mut sent, &mut record, &mut items),
            [
                "removes the related item \"board\"",
                "adds the related item \"board\""
            ]
        );
        assert_eq!(items, [aws_item("board", "https://b")]);
        let renamed = spec(&json!({"relatedItems": [item("dashboard", "https://b")]}));
        assert_eq!(
            settle(&renamed, &mut sent, &mut record, &mut items),
            [
                "removes the related item \"board\"",
                "adds the related item \"dashboard\""
            ]
        );
        assert_eq!(items, [aws_item("dashboard", "https://b")]);
    }

    #[test]
    fn nothing_of_where_an_item_points_to_is_remembered() {
        let wanted = spec(&json!({"relatedItems": [item("board", "https://secret.example")]}));
        let text = serde_json::to_string(&assumed(&wanted, true)).unwrap();
        assert!(text.contains("board") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn tags_are_sent_when_they_change() {
        let tags = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let mut sent = SentFields::default();
        let first = tags(&[("a", "1"), ("b", "2")]);
        for change in plan_tags(&first, &sent.clone(), &[]) {
            note(&mut sent, &change);
        }
        assert!(plan_tags(&first, &sent, &["a".into(), "b".into()]).is_empty());
        let second = tags(&[("a", "2")]);
        assert_eq!(
            plan_tags(&second, &sent, &["a".into(), "b".into()]),
            [
                Change::RemoveTags(vec!["b".into()]),
                Change::SetTags(second)
            ]
        );
    }
}
