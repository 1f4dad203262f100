//! Engagements and pages as they are kept.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

use super::Start;

/// Somebody is engaged: a person, a schedule or an escalation plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Engagement {
    /// Its id, the last part of its ARN.
    pub id: String,
    /// What it was started with.
    pub start: Start,
    /// When it was started.
    pub started: Millis,
    /// When nothing more was left to do.
    pub over: Option<Millis>,
    /// When somebody stopped it.
    pub stopped: Option<Millis>,
    /// When something happened last.
    pub last: Millis,
    /// One for each person engaged so far.
    pub pages: Vec<Page>,
    /// What is to come, by time.
    pub agenda: Vec<Planned>,
}

/// What reaches one person in one engagement, over all channels.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Position among all pages of the simulator, from 1.
    pub seq: u64,
    /// Its id, the last part of its ARN.
    pub id: String,
    /// The person.
    pub contact_arn: String,
    /// When the person was engaged first.
    pub created: Millis,
    /// When the person was engaged last: the plan runs from there.
    pub engaged: Millis,
    /// Acknowledges it.
    pub code: String,
    /// Whether an acknowledgement stops the escalation.
    pub essential: bool,
    /// From what was engaged down to the person.
    pub path: Vec<Step>,
    /// In the order they came about.
    pub receipts: Vec<Receipt>,
    /// Whether AWS shows a page for each channel instead of this one.
    #[serde(default)]
    pub by_channel: bool,
    /// Those pages, in the order they came about.
    #[serde(default)]
    pub parts: Vec<Part>,
}

/// What reaches one person over one channel.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Position among all pages of the simulator.
    pub seq: u64,
    /// Its id, the last part of its ARN.
    pub id: String,
    /// Acknowledges it.
    pub code: String,
    /// ARN of the channel.
    pub channel: String,
}

/// A step on the way from an engagement to a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The escalation plan, schedule or person.
    pub contact_arn: String,
    /// Its type.
    pub kind: String,
    /// The stage of the escalation plan that leads to it.
    pub stage: Option<usize>,
}

/// The kinds of receipts, in the order in which AWS lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ReceiptKind {
    /// It has arrived.
    Delivered,
    /// Nobody could be reached.
    Error,
    /// Acknowledged.
    Read,
    /// Sent over a channel.
    Sent,
    /// The engagement was stopped.
    Stop,
}

impl ReceiptKind {
    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "DELIVERED",
            Self::Error => "ERROR",
            Self::Read => "READ",
            Self::Sent => "SENT",
            Self::Stop => "STOP",
        }
    }
}

/// Something that happened to a page.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// What happened.
    pub kind: ReceiptKind,
    /// When.
    pub at: Millis,
    /// ARN of the channel.
    pub channel: Option<String>,
    /// Type of the channel.
    pub channel_kind: Option<String>,
    /// The id of a message, the code or note of an acknowledgement, the reason of a stop.
    pub info: Option<String>,
}

/// Something to come.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// When.
    pub at: Millis,
    /// What.
    pub what: Due,
}

/// What is to come. Pages are named by their index.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Due {
    /// A stage of the escalation plan begins, or the last one has passed.
    Stage(usize),
    /// A stage of a person's engagement plan begins, or the last one has passed.
    Channels {
        /// The page.
        page: usize,
        /// The stage.
        stage: usize,
    },
    /// A channel is tried again.
    Retry {
        /// The page.
        page: usize,
        /// What is tried.
        attempt: Attempt,
    },
    /// A message arrives.
    Delivery {
        /// The page.
        page: usize,
        /// The channel.
        channel: String,
    },
    /// A human answers.
    Answer {
        /// The page.
        page: usize,
        /// The answer.
        answer: Answer,
    },
}

impl Due {
    fn rank(&self) -> u8 {
        match self {
            Self::Answer { .. } => 0,
            Self::Stage(_) => 1,
            Self::Channels { .. } | Self::Retry { .. } | Self::Delivery { .. } => 2,
        }
    }
}

/// A channel that is used over and over.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// ARN of the channel.
    pub channel: String,
    /// How long to wait for the next time; 0 for no next time.
    pub every: Millis,
    /// When the stage ends.
    pub until: Millis,
}

/// An acknowledgement.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// ARN of the channel; none is the one used last.
    pub channel: Option<String>,
    /// The note, or else the code.
    pub info: Option<String>,
}

impl Engagement {
    /// One that is about to begin.
    pub fn new(start: Start, now: Millis) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            start,
            started: now,
            over: None,
            stopped: None,
            last: now,
            pages: Vec::new(),
            agenda: Vec::new(),
        }
    }

    /// When something is to happen.
    pub fn due(&self) -> Option<Millis> {
        self.agenda.first().map(|planned| planned.at)
    }

    /// Adds to what is to come. At the same time answers come first, then stages of the escalation.
    pub fn plan(&mut self, at: Millis, what: Due) {
        let rank = what.rank();
        let index = self
            .agenda
            .partition_point(|planned| (planned.at, planned.what.rank()) <= (at, rank));
        self.agenda.insert(index, Planned { at, what });
    }
}

impl Page {
    /// When the person acknowledged it.
    pub fn read(&self) -> Option<Millis> {
        let mut receipts = self.receipts.iter();
        receipts
            .find(|each| each.kind == ReceiptKind::Read)
            .map(|each| each.at)
    }

    /// The channel used last, with its type.
    pub fn last_used(&self) -> Option<&Receipt> {
        let mut receipts = self.receipts.iter().rev();
        receipts.find(|each| each.kind == ReceiptKind::Sent)
    }
}
