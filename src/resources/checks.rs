//! Checks that several kinds share: reviews (CHK-17) and what does not belong into names and tags (CHK-50). Pure.

use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regex::Regex;

use crate::api::common::{Finding, Severity, Tags};
use crate::api::contact::Review;

static MAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[^@\s]+@[^@\s]+\.[^@\s]+").ok());
static PHONE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\+?[0-9][0-9 ()\-.]{7,}[0-9]").ok());
static CREDENTIAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(AKIA|ASIA)[0-9A-Z]{16}|password|passwd|secret|api[_-]?key").ok()
});

/// A finding that nobody has accepted yet.
pub fn finding(id: &str, subject: &str, severity: Severity, message: impl Into<String>) -> Finding {
    Finding {
        id: id.to_owned(),
        subject: subject.to_owned(),
        severity,
        message: message.into(),
        accepted: None,
    }
}

/// When an object is to be looked over next.
pub fn review_due(metadata: &ObjectMeta, review: Option<&Review>) -> Option<Timestamp> {
    let review = review?;
    let last: Date = if let Some(day) = &review.last_reviewed {
        day.parse().ok()?
    } else {
        let created = metadata.creation_timestamp.as_ref()?;
        created.0.to_zoned(TimeZone::UTC).date()
    };
    let due = last
        .checked_add(Span::new().days(i64::from(review.every_days)))
        .ok()?;
    Some(due.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The finding `ReviewDue`, once `due` has come.
pub fn overdue(due: Option<Timestamp>, now: Timestamp) -> Option<Finding> {
    let due = due.filter(|due| *due <= now)?;
    let day = due.to_zoned(TimeZone::UTC).date();
    let message = format!(
        "the data was to be looked over by {day}: do so and set spec.review.lastReviewed (CHK-17)"
    );
    Some(finding("ReviewDue", "", Severity::Warning, message))
}

/// Whether `text` looks like a credential.
pub fn is_credential(text: &str) -> bool {
    CREDENTIAL.as_ref().is_some_and(|p| p.is_match(text))
}

fn looks_like(text: &str) -> Option<&'static str> {
    [
        (&MAIL, "a mail address"),
        (&PHONE, "a phone number"),
        (&CREDENTIAL, "a credential"),
    ]
    .into_iter()
    .find(|(pattern, _)| pattern.as_ref().is_some_and(|p| p.is_match(text)))
    .map(|(_, what)| what)
}

/// The finding `SensitiveTag` for every tag that is stored in the clear and should not be (CHK-50).
pub fn sensitive_tags(tags: Option<&Tags>) -> Vec<Finding> {
    let tags = tags.iter().flat_map(|t| t.0.iter().enumerate());
    tags.filter_map(|(index, (key, value))| {
        // The key itself may be what should not be shown.
        let (subject, what) = match (looks_like(key), looks_like(value)) {
            (Some(what), _) => (format!("tag {}", index + 1), what),
            (None, Some(what)) => (format!("tags[{key}]"), what),
            (None, None) => return None,
        };
        let message = format!("looks like {what}: tags are not the place for it (CHK-50)");
        Some(finding(
            "SensitiveTag",
            &subject,
            Severity::Warning,
            message,
        ))
    })
    .collect()
}

/// The finding `SensitiveName` when the name in `field` holds what should not be stored in the clear (CHK-50).
pub fn sensitive_name(field: &str, text: Option<&str>) -> Option<Finding> {
    let what = text.and_then(looks_like)?;
    let message = format!("looks like {what}: names are stored in the clear (CHK-50)");
    Some(finding("SensitiveName", field, Severity::Warning, message))
}
