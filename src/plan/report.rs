//! What a plan says: as text that reads well as Markdown, and as JSON. Pure, and in the same order for the same plan.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::api::common::{ChangeAction, Finding, PendingChange};
use crate::schedule::{Outlook, Stretch};

/// So many moves of a rotation are told in a text; `-o json` has all.
const MOST_MOVES: usize = 40;

/// What would be done for an object, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Course {
    /// It cannot be planned, or the operator would refuse it or stop at it.
    Problem,
    /// It is made in AWS.
    Create,
    /// It is taken over by tags alone.
    Adopt,
    /// It is taken over and changed.
    AdoptAndUpdate,
    /// It is changed in AWS.
    Update,
    /// People are paged at once.
    Page,
    /// A code is sent to somebody, or given back.
    Activate,
    /// It is deleted in AWS.
    Delete,
    /// It is let go of.
    Release,
    /// Something is done later.
    Wait,
    /// It is only looked at.
    Observe,
    /// Nothing is done for it until that is unset.
    Suspended,
    /// AWS is as it says.
    Nothing,
}

impl Course {
    /// In words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Create => "create",
            Self::Adopt => "adopt (tags only)",
            Self::AdoptAndUpdate => "adopt and update",
            Self::Update => "update",
            Self::Page => "page people",
            Self::Activate => "activate",
            Self::Delete => "delete",
            Self::Release => "let go",
            Self::Wait => "wait",
            Self::Observe => "observe only",
            Self::Suspended => "suspended",
            Self::Nothing => "nothing to do",
        }
    }

    /// Whether the operator would do something.
    fn is_something(self) -> bool {
        !matches!(
            self,
            Self::Problem | Self::Observe | Self::Suspended | Self::Nothing
        )
    }
}

/// An object and what would be done for it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The file it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What would be done.
    pub course: Course,
    /// Reason, as the conditions would have it, when something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What there is to say about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// Field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// Fields that are changed later.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<FieldChange>,
    /// Who is on call before and after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on_call: Vec<OnCall>,
    /// What practice or safety would have otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// A change of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// What is done to it.
    pub action: ChangeAction,
    /// Which, as in `status.pendingChanges`.
    pub path: String,
    /// What the path does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl FieldChange {
    /// Without more to say.
    pub fn plain(pending: &PendingChange) -> Self {
        Self {
            action: pending.action,
            path: pending.path.clone(),
            detail: None,
        }
    }
}

/// Who is on call in a rotation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OnCall {
    /// Name of the rotation.
    pub rotation: String,
    /// Its zone.
    pub time_zone: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Before; absent = not understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Vec<Turn>>,
    /// After.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<Turn>>,
    /// Times with other people.
    pub moves: Vec<Move>,
    /// Moves that are not in `moves`.
    #[serde(skip)]
    more: usize,
}

/// People on call for a while.
#[derive(Debug, Clone, Serialize)]
pub struct Turn {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Who.
    pub people: Vec<String>,
}

/// A time with other people.
#[derive(Debug, Clone, Serialize)]
pub struct Move {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Who would be on call without the change.
    pub before: Vec<String>,
    /// Who is with it.
    pub after: Vec<String>,
}

impl OnCall {
    /// From what was worked out; `limit` moves are told.
    pub fn new(outlook: &Outlook, limit: usize) -> Self {
        let turns = |stretches: &Vec<Stretch<String>>| {
            let turn = |one: &Stretch<String>| Turn {
                from: one.interval.start,
                to: one.interval.end,
                people: one.people.iter().cloned().collect(),
            };
            stretches.iter().map(turn).collect()
        };
        let moves = outlook.moves(limit);
        let more = moves.as_ref().map_or(0, |m| m.more);
        let moves = moves.into_iter().flat_map(|m| m.first);
        Self {
            rotation: outlook.rotation.clone(),
            time_zone: outlook.zone.clone(),
            from: outlook.window.start,
            to: outlook.window.end,
            before: outlook.before.as_ref().map(turns),
            after: outlook.after.as_ref().map(turns),
            moves: moves
                .map(|one| Move {
                    from: one.interval.start,
                    to: one.interval.end,
                    before: one.before.into_iter().collect(),
                    after: one.after.into_iter().collect(),
                })
                .collect(),
            more,
        }
    }

    fn known(&self) -> bool {
        self.before.is_some() && self.after.is_some()
    }
}

/// The whole plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// How many objects take each course.
    pub summary: BTreeMap<&'static str, usize>,
    /// How far ahead it says who is on call, in weeks.
    pub weeks: u32,
    /// What holds for all of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// By kind, namespace and name, people before those who refer to them.
    pub objects: Vec<Entry>,
}

/// What the process says at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do.
    Nothing,
    /// Something to do.
    Something,
    /// Something is wrong with so many objects.
    Problems(usize),
}

impl Plan {
    /// Of `objects` in their order.
    pub fn new(objects: Vec<Entry>, notes: Vec<String>, weeks: u32) -> Self {
        let mut summary = BTreeMap::new();
        for entry in &objects {
            *summary.entry(entry.course.in_words()).or_default() += 1;
        }
        Self {
            summary,
            weeks,
            notes,
            objects,
        }
    }

    /// For the exit code.
    pub fn verdict(&self) -> Verdict {
        let count = |wanted: fn(Course) -> bool| {
            let entries = self.objects.iter();
            entries.filter(|e| wanted(e.course)).count()
        };
        match (count(|c| c == Course::Problem), count(Course::is_something)) {
            (0, 0) => Verdict::Nothing,
            (0, _) => Verdict::Something,
            (n, _) => Verdict::Problems(n),
        }
    }

    /// For people and for the text of a pull request.
    pub fn text(&self) -> String {
        let mut courses: Vec<Course> = self.objects.iter().map(|e| e.course).collect();
        courses.sort_unstable();
        courses.dedup();
        let counts = courses.iter().filter(|c| **c != Course::Nothing).map(|c| {
            let n = self.summary.get(c.in_words()).copied().unwrap_or_default();
            let s = if *c == Course::Problem && n != 1 {
                "s"
            } else {
                ""
            };
            format!("{n} {}{s}", c.in_words())
        });
        let counts: Vec<String> = counts.collect();
        let mut text = match (counts.is_empty(), self.objects.is_empty()) {
            (_, true) => "**Plan: no object of ours here**\n".to_owned(),
            (true, _) => "**Plan: nothing to do**\n".to_owned(),
            (false, _) => format!("**Plan: {}**\n", counts.join(", ")),
        };
        for note in &self.notes {
            let _ = write!(text, "\n{note}\n");
        }
        for entry in self.objects.iter().filter(|e| e.course != Course::Nothing) {
            entry.write(&mut text, self.weeks);
        }
        let mut idle: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in self.objects.iter().filter(|e| e.course == Course::Nothing) {
            *idle.entry(&entry.kind).or_default() += 1;
        }
        if !idle.is_empty() {
            let kinds: Vec<String> = idle
                .iter()
                .map(|(kind, n)| format!("{n} {kind}{}", if *n == 1 { "" } else { "s" }))
                .collect();
            let _ = write!(text, "\nNothing to do for {}.\n", kinds.join(", "));
        }
        text
    }
}

impl Entry {
    fn write(&self, text: &mut String, weeks: u32) {
        let name = match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        };
        let _ = write!(
            text,
            "\n### {} {name}: {}\n",
            self.kind,
            self.course.in_words()
        );
        if let (Some(source), Course::Problem) = (&self.source, self.course) {
            let _ = write!(text, "\nIn {source}.\n");
        }
        for (index, message) in self.messages.iter().enumerate() {
            let reason = self.reason.as_ref().filter(|_| index == 0);
            let reason = reason.map_or(String::new(), |r| format!("{r}: "));
            let _ = write!(text, "\n{reason}{message}\n");
        }
        if !self.changes.is_empty() {
            text.push('\n');
            if self.course == Course::Problem || self.course == Course::Observe {
                text.push_str("What differs and is left alone:\n\n");
            }
            for change in &self.changes {
                change.write(text);
            }
        }
        if !self.later.is_empty() {
            text.push_str("\nLater:\n\n");
            for change in &self.later {
                change.write(text);
            }
        }
        let (moved, same): (Vec<_>, Vec<_>) = self
            .on_call
            .iter()
            .partition(|r| !r.moves.is_empty() || !r.known());
        for rotation in moved {
            rotation.write(text, weeks);
        }
        if !same.is_empty() && self.course != Course::Observe {
            let names: Vec<String> = same.iter().map(|r| format!("`{}`", r.rotation)).collect();
            let _ = write!(
                text,
                "\nOn call as before in the next {}: {}.\n",
                in_weeks(weeks),
                names.join(", ")
            );
        }
        let open: Vec<&Finding> = self
            .findings
            .iter()
            .filter(|f| f.accepted.is_none())
            .collect();
        if !open.is_empty() {
            text.push_str("\nFindings:\n\n");
            for finding in open {
                let subject = match finding.subject.as_str() {
                    "" => String::new(),
                    subject => format!(" ({subject})"),
                };
                let _ = writeln!(
                    text,
                    "- {:?} {}{subject}: {}",
                    finding.severity, finding.id, finding.message
                );
            }
        }
    }
}

impl FieldChange {
    fn write(&self, text: &mut String) {
        let detail = self.detail.as_ref();
        let detail = detail.map_or(String::new(), |d| format!(": {d}"));
        let _ = writeln!(text, "- {:?} `{}`{detail}", self.action, self.path);
    }
}

impl OnCall {
    fn write(&self, text: &mut String, weeks: u32) {
        let weeks = in_weeks(weeks);
        if !self.known() {
            let _ = write!(
                text,
                "\nWho is on call in rotation `{}` is not known: AWS holds something in it that this version does not understand.\n",
                self.rotation
            );
            return;
        }
        let _ = write!(
            text,
            "\nOn call in rotation `{}`, what changes in the next {weeks} (times in {}):\n\n| from | to | before | after |\n|---|---|---|---|\n",
            self.rotation, self.time_zone
        );
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        for one in &self.moves {
            let from = if one.from == self.from {
                "now".to_owned()
            } else {
                moment(one.from, &zone)
            };
            let to = if one.to == self.to {
                "…".to_owned()
            } else {
                moment(one.to, &zone)
            };
            let _ = writeln!(
                text,
                "| {from} | {to} | {} | {} |",
                people(&one.before),
                people(&one.after)
            );
        }
        if self.more > 0 {
            let _ = write!(text, "\n{} more; `-o json` has all.\n", self.more);
        }
    }
}

fn people(people: &[String]) -> String {
    if people.is_empty() {
        "nobody".to_owned()
    } else {
        people.join(", ")
    }
}

fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let zoned = at.to_zoned(zone.clone());
    let format = if zoned.second() == 0 {
        "%a %Y-%m-%d %H:%M %:z"
    } else {
        "%a %Y-%m-%d %H:%M:%S %:z"
    };
    zoned.strftime(format).to_string()
}

fn in_weeks(weeks: u32) -> String {
    match weeks {
        1 => "week".to_owned(),
        n => format!("{n} weeks"),
    }
}

/// How many moves are worked out for an output.
pub fn moves_told(everything: bool) -> usize {
    if everything { usize::MAX } else { MOST_MOVES }
}

/// The window that so many weeks are.
pub fn days(weeks: u32) -> u32 {
    weeks.saturating_mul(7)
}
