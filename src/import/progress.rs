//! What an interrupted import has read already. The file holds addresses: its owner alone can read it, and it is gone at the end.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::account::{Contact, Rotation};
use super::write;
use crate::aws::Placement;

/// What was read longer ago is read anew.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A line of the file.
#[derive(Serialize, Deserialize)]
enum Line {
    /// Whose it is, and when reading began: the first line.
    Begun(String, String, Timestamp),
    Contact(Contact),
    Rotation(Rotation),
}

/// What was read.
pub struct Progress {
    file: fs::File,
    contacts: BTreeMap<String, Contact>,
    rotations: BTreeMap<String, Rotation>,
}

impl Progress {
    /// Goes on where an earlier import of the same account and Region into `directory` was interrupted, unless `restart`.
    pub fn open(
        directory: &Path,
        place: &Placement,
        restart: bool,
        now: Timestamp,
    ) -> io::Result<Self> {
        let path = directory.join(write::PROGRESS);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // Before the first address is there.
        fs::write(directory.join(write::GIT_IGNORE), write::IGNORED)?;
        let before = if restart {
            String::new()
        } else {
            fs::read_to_string(&path).unwrap_or_default()
        };
        // The last line may have been cut.
        let mut lines = before
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let begun = match lines.next() {
            Some(Line::Begun(account, region, at))
                if account == place.account_id
                    && region == place.region
                    && now.duration_since(at) < KEPT =>
            {
                Some(at)
            }
            _ => None,
        };
        let lines: Vec<Line> = lines.collect();
        // As a whole or not at all: it may be interrupted again at any moment.
        let part = path.with_added_extension("part");
        let mut progress = Self {
            file: write::create(&part, true)?,
            contacts: BTreeMap::new(),
            rotations: BTreeMap::new(),
        };
        let mine = Line::Begun(
            place.account_id.clone(),
            place.region.clone(),
            begun.unwrap_or(now),
        );
        progress.append(&mine)?;
        if begun.is_some() {
            for line in lines {
                match line {
                    Line::Contact(contact) => progress.keep_contact(contact)?,
                    Line::Rotation(rotation) => progress.keep_rotation(rotation)?,
                    Line::Begun(..) => {}
                }
            }
        }
        fs::rename(&part, &path)?;
        Ok(progress)
    }

    /// How much an earlier import has read.
    pub fn kept(&self) -> usize {
        self.contacts.len() + self.rotations.len()
    }

    /// Whether this contact was read.
    pub fn has_contact(&self, arn: &str) -> bool {
        self.contacts.contains_key(arn)
    }

    /// Whether this rotation was read.
    pub fn has_rotation(&self, arn: &str) -> bool {
        self.rotations.contains_key(arn)
    }

    /// Keeps a contact.
    pub fn keep_contact(&mut self, contact: Contact) -> io::Result<()> {
        let line = Line::Contact(contact.clone());
        self.append(&line)?;
        self.contacts.insert(contact.arn.clone(), contact);
        Ok(())
    }

    /// Keeps a rotation.
    pub fn keep_rotation(&mut self, rotation: Rotation) -> io::Result<()> {
        let line = Line::Rotation(rotation.clone());
        self.append(&line)?;
        self.rotations.insert(rotation.arn.clone(), rotation);
        Ok(())
    }

    fn append(&mut self, line: &Line) -> io::Result<()> {
        let text = serde_json::to_string(line)?;
        writeln!(self.file, "{text}")
    }

    /// Everything, by ARN.
    pub fn into_parts(self) -> (BTreeMap<String, Contact>, BTreeMap<String, Rotation>) {
        (self.contacts, self.rotations)
    }

    /// Takes the file away.
    pub fn done(directory: &Path) -> io::Result<()> {
        fs::remove_file(directory.join(write::PROGRESS))
    }
}
