//! Whom it concerns that an endpoint of a VPC has come, gone or changed. Pure.

use kube::Resource as _;

use crate::api::VpcEndpoint;
use crate::api::conditions::{ConditionType, Reason};
use crate::engine::status::condition;

/// Findings that another endpoint of the VPC makes come and go.
const OF_OTHERS: [&str; 5] = [
    "DuplicateEndpoint",
    "MissingCompanion",
    "NoEC2Endpoint",
    "PatchBucketsDenied",
    "PrivateDnsDisabled",
];

/// Services of which the endpoints of a VPC look whether there is one.
const COMPANIONS: [&str; 7] = [
    "ec2",
    "ec2messages",
    "s3",
    "ssm",
    "ssm-contacts",
    "ssm-incidents",
    "ssmmessages",
];

/// Whom a change concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concerned {
    /// Not the object that has changed itself.
    uid: Option<String>,
    vpc_id: String,
    service_name: String,
    /// It is a companion of others, and was there before: they may miss it now.
    is_missed: bool,
}

/// What others see of an endpoint.
#[derive(PartialEq, Eq)]
struct Shown<'a> {
    /// There is one that works or will.
    there: bool,
    private_dns: Option<bool>,
    route_tables: &'a [String],
}

fn shown(object: Option<&VpcEndpoint>) -> Shown<'_> {
    let status = object.and_then(|o| o.status.as_ref());
    let state = status.and_then(|s| s.state.as_deref());
    let gone = ["Deleting", "Deleted", "Rejected", "Failed", "Expired"];
    Shown {
        there: state.is_some_and(|state| !gone.contains(&state)),
        private_dns: status.and_then(|s| s.private_dns_enabled),
        route_tables: status.map_or(&[], |s| s.route_table_ids.as_slice()),
    }
}

/// Whom it concerns that an object that was `before` is `now`. `None` = nobody.
pub fn concerned(before: Option<&VpcEndpoint>, now: Option<&VpcEndpoint>) -> Option<Concerned> {
    let object = now.or(before)?;
    let (was, is) = (shown(before), shown(now));
    if was == is {
        return None;
    }
    let status = now.and_then(|o| o.status.as_ref());
    let status = status.or_else(|| before?.status.as_ref());
    let service_name = status?.service_name.clone()?;
    let is_companion = COMPANIONS.iter().any(|name| {
        let short = service_name.rsplit('.').next().unwrap_or_default();
        short.strip_suffix("-fips").unwrap_or(short) == *name
    });
    Some(Concerned {
        uid: object.meta().uid.clone(),
        vpc_id: object.spec.vpc_id.clone(),
        is_missed: is_companion && was.there && !is.there,
        service_name,
    })
}

impl Concerned {
    /// Whether `object` is one of them.
    pub fn includes(&self, object: &VpcEndpoint) -> bool {
        if object.spec.vpc_id != self.vpc_id || object.meta().uid == self.uid {
            return false;
        }
        let Some(status) = &object.status else {
            return false;
        };
        let ready = condition(&status.common, ConditionType::Ready);
        let waits = ready.is_some_and(|r| r.reason == Reason::EndpointConflict.as_str());
        let of_others = |id: &String| OF_OTHERS.contains(&id.as_str());
        let has = status.common.findings.iter().any(|f| of_others(&f.id));
        let same_service = status.service_name.as_ref() == Some(&self.service_name);
        waits || has || same_service || self.is_missed
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn object(uid: &str, service: &str, state: Option<&str>, findings: &[&str]) -> VpcEndpoint {
        let findings = findings
            .iter()
            .map(|id| json!({"id": id, "subject": "", "severity": "Warning", "message": ""}));
        let findings: Vec<_> = findings.collect();
        serde_json::from_value(json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "VpcEndpoint",
            "metadata": {"name": uid, "uid": uid},
            "spec": {"vpcId": "vpc-0a1b2c3d", "service": service, "type": "Interface", "subnetIds": ["subnet-0a1b2c3d"]},
            "status": {
                "state": state, "findings": findings,
                "serviceName": format!("com.amazonaws.eu-central-1.{service}"),
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_companion_that_comes_concerns_those_that_miss_it() {
        let before = object("a", "ssm-contacts", None, &[]);
        let now = object("a", "ssm-contacts", Some("Pending"), &[]);
        let concerned = concerned(Some(&before), Some(&now)).unwrap();
        let misses = object(
            "b",
            "ssm-incidents",
            Some("Available"),
            &["MissingCompanion"],
        );
        let fine = object("c", "logs", Some("Available"), &["SingleZone"]);
        assert!(concerned.includes(&misses));
        assert!(!concerned.includes(&fine));
        assert!(!concerned.includes(&now));
    }

    #[test]
    fn a_companion_that_goes_concerns_the_whole_vpc_and_another_service_only_its_own() {
        let fine = object("c", "ssm-incidents", Some("Available"), &[]);
        let gone = object("a", "ssm-contacts", Some("Available"), &[]);
        assert!(concerned(Some(&gone), None).unwrap().includes(&fine));
        let gone = object("a", "sqs", Some("Available"), &[]);
        assert!(!concerned(Some(&gone), None).unwrap().includes(&fine));
    }

    #[test]
    fn what_others_do_not_see_concerns_nobody() {
        let before = object("a", "ssm", Some("Pending"), &[]);
        let now = object("a", "ssm", Some("Available"), &["SingleZone"]);
        assert_eq!(concerned(Some(&before), Some(&now)), None);
    }
}
