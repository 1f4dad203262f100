//! What is planned of what is done at most once, because it pages people: incidents and test pages. AWS is not asked.

use jiff::Timestamp;
use serde_json::Value;

use super::manifests::Identity;
use super::report::Course;
use super::scene::Objects;
use crate::api::common::PendingChange;
use crate::api::conditions::Reason;
use crate::api::incident::IncidentPhase;
use crate::api::{Incident, TestPage};
use crate::engine::object::ManagedObject;
use crate::engine::references::Named;
use crate::resources::incident;
use crate::resources::once::decide::{Begun, Facts, Noted, Step, decide};

/// What would be done.
#[derive(Debug, PartialEq)]
pub struct Planned {
    /// In one word.
    pub course: Course,
    /// Why it is a problem.
    pub reason: Option<Reason>,
    /// What there is to say.
    pub message: Option<String>,
    /// Fields of an incident that are sent.
    pub changes: Vec<PendingChange>,
}

impl Planned {
    fn new(course: Course, message: Option<String>) -> Self {
        Self {
            course,
            reason: None,
            message,
            changes: vec![],
        }
    }

    fn problem(reason: Reason, message: String) -> Self {
        Self {
            reason: Some(reason),
            ..Self::new(Course::Problem, Some(message))
        }
    }
}

/// What would be done for an incident or a test page, once it is applied at `now`.
pub fn planned(identity: &Identity, objects: &Objects, now: Timestamp) -> Planned {
    let nothing = || Planned::new(Course::Nothing, None);
    let Some(object) = objects.get(identity) else {
        return nothing();
    };
    let (spec, status) = (&object["spec"], &object["status"]);
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return nothing();
    }
    if spec["suspend"] == true {
        let what = "spec.suspend: nothing is done until that is unset";
        return Planned::new(Course::Suspended, Some(what.to_owned()));
    }
    let begun =
        !status["arn"].is_null() || status["phase"].as_str().is_some_and(|p| p != "Pending");
    if begun {
        return edited(object);
    }
    let time = |value: &Value| value.as_str().and_then(|t| t.parse::<Timestamp>().ok());
    let Some(deadline) = time(&spec["startDeadline"]) else {
        // An incident that is there already is shown.
        return Planned::new(Course::Observe, None);
    };
    let resolved = identity.kind == Incident::KIND && spec["resolve"] == true;
    // As the operator decides it; what AWS and the ledger may know besides is not asked.
    let step = decide(&Facts {
        begun: Begun::No,
        noted: Noted::Nothing,
        found: None,
        observe: spec["managementPolicy"] == "Observe",
        brought_along: false,
        made: Some(time(&object["metadata"]["creationTimestamp"]).unwrap_or(now)),
        deadline,
        senseless: resolved.then_some(incident::SENSELESS),
        now,
    });
    match step {
        Step::Refuse(why) => return Planned::problem(Reason::Refused, why),
        Step::Wait(why) => return Planned::new(Course::Observe, Some(why.to_owned())),
        Step::Expire => {
            let what =
                "startDeadline has passed: nobody is paged. If it is still meant, give a later one";
            return Planned::new(Course::Nothing, Some(what.to_owned()));
        }
        _ => {}
    }
    let missing = if identity.kind == Incident::KIND {
        missing::<Incident>(object, objects)
    } else {
        missing::<TestPage>(object, objects)
    };
    if let Some(missing) = missing {
        return Planned::problem(
            Reason::ReferenceNotFound,
            format!(
                "{missing} does not exist, neither here nor in the files: apply it too, or correct the name. Until its startDeadline it would be waited for"
            ),
        );
    }
    let what = if identity.kind == Incident::KIND {
        "an incident is started"
    } else {
        "a test page is sent"
    };
    Planned::new(
        Course::Page,
        Some(format!(
            "{what} at once and people are paged, unless one was for an object of this name with this startDeadline"
        )),
    )
}

/// What an edit of something that has begun does: a test page cannot be edited.
fn edited(object: &Value) -> Planned {
    let incident = (object["kind"] == Incident::KIND)
        .then(|| serde_json::from_value::<Incident>(object.clone()).ok())
        .flatten();
    let Some(incident) = incident else {
        return Planned::new(Course::Nothing, None);
    };
    let status = incident.status.clone().unwrap_or_default();
    let shown = matches!(
        status.phase,
        Some(IncidentPhase::Open | IncidentPhase::Resolved)
    );
    let changes = if shown {
        incident::plan::foresee(&incident.spec, &status)
    } else {
        vec![]
    };
    if changes.is_empty() {
        return Planned::new(Course::Nothing, None);
    }
    let observes = object["spec"]["managementPolicy"] == "Observe";
    let ends = changes.iter().any(|c| c.path == "resolve");
    let message = match (observes, ends) {
        (true, _) => Some("managementPolicy is Observe: it is not sent"),
        (_, true) => {
            Some("the incident is resolved, which ends its engagements; that is not taken back")
        }
        _ => None,
    };
    Planned {
        changes,
        ..Planned::new(
            if observes {
                Course::Observe
            } else {
                Course::Update
            },
            message.map(ToOwned::to_owned),
        )
    }
}

/// What is named and is not there.
fn missing<K: ManagedObject>(object: &Value, objects: &Objects) -> Option<String> {
    let object: K = serde_json::from_value(object.clone()).ok()?;
    let is_there = |kind: &str, namespace: Option<&String>, name: &str| {
        objects
            .keys()
            .any(|id| id.kind == kind && id.name == name && id.namespace.as_ref() == namespace)
    };
    let named = object.references().into_iter().map(|r| r.named);
    named.into_iter().find_map(|named| match &named {
        Named::Object {
            kind,
            namespace,
            name,
        } if !is_there(kind, namespace.as_ref(), name) => Some(named.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn plan(mut object: Value, live: &Value) -> Planned {
        object["apiVersion"] = json!("incident-operator.dev/v1alpha1");
        object["metadata"]["namespace"] = json!("payments");
        object["metadata"]["name"] = json!("down");
        for (field, value) in live.as_object().unwrap() {
            object[field] = value.clone();
        }
        let mut objects = Objects::new();
        for (kind, name) in [("ResponsePlan", "outage"), ("Contact", "alice")] {
            let there = json!({"apiVersion": "incident-operator.dev/v1alpha1", "kind": kind,
                "metadata": {"name": name, "namespace": "payments"}, "spec": {}});
            objects.insert(Identity::of(&there).unwrap(), there);
        }
        let identity = Identity::of(&object).unwrap();
        objects.insert(identity.clone(), object);
        planned(&identity, &objects, "2026-12-01T12:00:00Z".parse().unwrap())
    }

    fn incident(fields: &Value, live: &Value) -> Planned {
        let mut spec =
            json!({"responsePlanRef": {"name": "outage"}, "startDeadline": "2026-12-01T12:30:00Z"});
        for (field, value) in fields.as_object().unwrap() {
            spec[field] = value.clone();
        }
        plan(json!({"kind": "Incident", "spec": spec}), live)
    }

    #[test]
    fn what_begins_is_told_and_what_would_not_begin_says_why() {
        let none = json!({});
        assert_eq!(incident(&none, &none).course, Course::Page);
        for (fields, course, reason) in [
            (
                json!({"startDeadline": "2026-12-01T11:00:00Z"}),
                Course::Nothing,
                None,
            ),
            (
                json!({"startDeadline": "2026-12-03T12:00:00Z"}),
                Course::Problem,
                Some(Reason::Refused),
            ),
            (
                json!({"resolve": true}),
                Course::Problem,
                Some(Reason::Refused),
            ),
            (json!({"suspend": true}), Course::Suspended, None),
            (
                json!({"managementPolicy": "Observe"}),
                Course::Observe,
                None,
            ),
            (
                json!({"responsePlanRef": {"name": "other"}}),
                Course::Problem,
                Some(Reason::ReferenceNotFound),
            ),
        ] {
            let planned = incident(&fields, &none);
            assert_eq!(
                (planned.course, planned.reason),
                (course, reason),
                "{fields}"
            );
        }
        let page = |who: &str| {
            let spec =
                json!({"contactRef": {"name": who}, "startDeadline": "2026-12-01T12:30:00Z"});
            plan(json!({"kind": "TestPage", "spec": spec}), &none).course
        };
        assert_eq!(
            (page("alice"), page("bob")),
            (Course::Page, Course::Problem)
        );
    }

    #[test]
    fn what_has_begun_is_not_begun_again_but_its_edits_are_told() {
        let open = json!({"status": {"phase": "Open", "arn": "arn:aws:ssm-incidents::123456789012:incident-record/outage/1",
            "title": "a", "sent": {"title": "a"}}});
        let same = incident(&json!({"title": "a"}), &open);
        assert_eq!((same.course, same.changes), (Course::Nothing, vec![]));
        let edited = incident(&json!({"title": "b", "resolve": true}), &open);
        let paths: Vec<&str> = edited.changes.iter().map(|c| c.path.as_str()).collect();
        assert_eq!(
            (edited.course, paths),
            (Course::Update, vec!["title", "resolve"])
        );
        assert!(edited.message.unwrap().contains("is resolved"));
        let observed = incident(&json!({"title": "b", "managementPolicy": "Observe"}), &open);
        assert_eq!(observed.course, Course::Observe);
        let unknown = json!({"status": {"phase": "StartUnknown"}});
        assert_eq!(
            incident(&json!({"title": "b"}), &unknown).course,
            Course::Nothing
        );
    }
}
