//! What an interrupted import has read already. The file holds addresses: its owner alone can read it, and it is gone at the end.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::account::{Contact, Rotation};
use super::write;
use crate::aws::Placement;

/// Name of the file.
const FILE: &str = ".import-progress.jsonl";

/// A line of the file.
#[derive(Serialize, Deserialize)]
enum Line {
    /// Whose it is: the first line.
    Place(String, String),
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
    pub fn open(directory: &Path, place: &Placement, restart: bool) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(FILE);
        let before = if restart {
            String::new()
        } else {
            fs::read_to_string(&path).unwrap_or_default()
        };
        // The last line may have been cut.
        let mut lines = before
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let first = lines.next();
        let same = matches!(
            &first,
            Some(Line::Place(account, region)) if *account == place.account_id && *region == place.region
        );
        let mut progress = Self {
            file: write::create(&path, true)?,
            contacts: BTreeMap::new(),
            rotations: BTreeMap::new(),
        };
        let mine = Line::Place(place.account_id.clone(), place.region.clone());
        progress.append(&mine)?;
        if same {
            for line in lines {
                match line {
                    Line::Contact(contact) => progress.keep_contact(contact)?,
                    Line::Rotation(rotation) => progress.keep_rotation(rotation)?,
                    Line::Place(..) => {}
                }
            }
        }
        Ok(progress)
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
        fs::remove_file(directory.join(FILE))
    }
}
