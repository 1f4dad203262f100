//! Which incidents of a response plan are shown as objects. Pure.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::aws::records::Summary;

/// What was started from the cluster this short while ago may not have its ARN in its object yet.
pub const UNCLAIMED_FOR: SignedDuration = SignedDuration::from_secs(10);

/// Everything the decision depends on.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The plan.
    pub plan_arn: &'a str,
    /// Incidents of the account; one may be there twice.
    pub records: Vec<&'a Summary>,
    /// ARNs that other objects stand for.
    pub taken: BTreeSet<String>,
    /// An object has recorded that it starts an incident from this plan, and what came of it is not known: since when.
    pub starting_since: Option<Timestamp>,
    /// ARNs that are shown already.
    pub shown: BTreeSet<String>,
    /// So long after its beginning an incident that is not open is no longer shown.
    pub max_age: SignedDuration,
    /// So many are shown.
    pub max_count: usize,
    /// Now.
    pub now: Timestamp,
}

/// What to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// ARNs to show.
    pub create: Vec<String>,
    /// ARNs to show no more.
    pub remove: Vec<String>,
    /// So many more would be shown but for [`Facts::max_count`].
    pub left_out: usize,
}

/// Which are to be shown, and which no longer.
pub fn decide(facts: &Facts<'_>) -> Changes {
    // What is open comes first: nobody is to miss it for some that are long over.
    let mut wanted: Vec<(bool, Timestamp, &str)> = facts
        .records
        .iter()
        .filter(|r| r.response_plan().as_deref() == Some(facts.plan_arn))
        .filter(|r| r.open || facts.now.duration_since(r.created) <= facts.max_age)
        .filter(|r| !facts.taken.contains(&r.arn))
        .filter(|r| facts.shown.contains(&r.arn) || !may_be_claimed(facts, r))
        .map(|r| (r.open, r.created, r.arn.as_str()))
        .collect();
    wanted.sort_unstable_by(|a, b| b.cmp(a));
    wanted.dedup();
    let left_out = wanted.len().saturating_sub(facts.max_count);
    wanted.truncate(facts.max_count);
    let is_wanted = |arn: &String| wanted.iter().any(|(.., w)| w == arn);
    Changes {
        create: wanted
            .iter()
            .filter(|(.., arn)| !facts.shown.contains(*arn))
            .map(|(.., arn)| (*arn).to_owned())
            .collect(),
        remove: facts
            .shown
            .iter()
            .filter(|arn| !is_wanted(arn))
            .cloned()
            .collect(),
        left_out,
    }
}

/// It may be what an object here has just started.
fn may_be_claimed(facts: &Facts<'_>, record: &Summary) -> bool {
    let by_api = !record.source.starts_with("aws.") || record.source == "aws.ssm-incidents.custom";
    let just = facts.now.duration_since(record.created) < UNCLAIMED_FOR;
    let of_a_start = facts
        .starting_since
        .is_some_and(|since| since.duration_since(record.created) < UNCLAIMED_FOR);
    by_api && (just || of_a_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "arn:aws:ssm-incidents::123456789012:response-plan/down";

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap_or_default()
    }

    fn arn(id: &str) -> String {
        format!("arn:aws:ssm-incidents::123456789012:incident-record/down/{id}")
    }

    fn record(id: &str, minute: i64, open: bool) -> Summary {
        Summary {
            arn: arn(id),
            open,
            source: "aws.cloudwatch".to_owned(),
            created: at(minute),
        }
    }

    fn facts(records: &[Summary]) -> Facts<'_> {
        Facts {
            plan_arn: PLAN,
            records: records.iter().collect(),
            taken: BTreeSet::new(),
            starting_since: None,
            shown: BTreeSet::new(),
            max_age: SignedDuration::from_mins(60),
            max_count: 2,
            now: at(100),
        }
    }

    #[test]
    fn what_is_open_and_the_newest_within_the_bounds_are_shown() {
        let records = [
            record("old", 10, false),
            record("old-open", 5, true),
            record("new", 90, false),
            record("new", 90, false),
        ];
        let changes = decide(&facts(&records));
        assert_eq!(changes.create, [arn("old-open"), arn("new")]);
        assert_eq!(changes.left_out, 0);
        let mut many = records.to_vec();
        many.push(record("newest", 95, true));
        let mut facts = facts(&many);
        facts.shown = BTreeSet::from([arn("old"), arn("old-open"), arn("new")]);
        let changes = decide(&facts);
        assert_eq!(changes.create, [arn("newest")]);
        assert_eq!(changes.remove, [arn("new"), arn("old")]);
        assert_eq!(changes.left_out, 1);
    }

    #[test]
    fn incidents_of_other_plans_and_those_that_objects_stand_for_are_not_shown() {
        let mut other = record("other", 99, true);
        other.arn = other.arn.replace("/down/", "/down2/");
        let records = [other, record("ours", 99, true)];
        let mut facts = facts(&records);
        facts.taken = BTreeSet::from([arn("ours")]);
        assert_eq!(decide(&facts), Changes::default());
        facts.shown = BTreeSet::from([arn("ours")]);
        assert_eq!(
            decide(&facts).remove,
            [arn("ours")],
            "its own object has come"
        );
    }

    #[test]
    fn what_may_just_have_been_started_here_waits() {
        let mut custom = record("custom", 100, true);
        custom.source = "dev.incident-operator".to_owned();
        let records = [custom.clone()];
        assert_eq!(decide(&facts(&records)), Changes::default());
        custom.created = at(98);
        let records = [custom];
        assert_eq!(decide(&facts(&records)).create, [arn("custom")]);
        let mut starting = facts(&records);
        starting.starting_since = Some(at(98));
        assert_eq!(decide(&starting), Changes::default());
        starting.starting_since = Some(at(99));
        assert_eq!(decide(&starting).create, [arn("custom")]);
        let alarm = [record("alarm", 100, true)];
        assert_eq!(decide(&facts(&alarm)).create, [arn("alarm")]);
    }
}
