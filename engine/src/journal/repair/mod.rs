//! Repairing a directory: what would be changed, byte by byte, and nothing more than that.
//!
//! ```text
//! directory ─► plan (drafts of files) ─► overlay ─► verify ─► whoever carries it out moves bytes aside and switches
//! ```
//! A plan only reads. It restores what the format holds twice or knows (header copies, copies of the meta, zeros behind a
//! group, marks), and, only where it is told to, accepts a tail that nobody can explain or gives acknowledged records
//! up. For these the log gets a record that says so for ever. A plan never guesses: what it is not told to do stays in
//! `left`. It does not know what acts mean, so whether the rest still adds up is for its caller to check.

mod advice;
mod ending;
mod fill;
mod headers;
mod holes;
mod overlay;
mod segments;

use super::archive::ARCHIVE_FOLDER;
use super::catalog::Catalog;
use super::error::{JournalError, Problem};
use super::log_reader::LogReader;
use super::meta::META_FILE;
use super::place::{Lsn, snapshot_lsn};
use super::sidecar::sidecar_name;
use super::storage::Storage;
pub use overlay::Overlay;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// What an operator allows.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Write anew what the format holds twice or knows.
    pub restore: bool,
    /// Take the log to end where it seems to, whatever lies behind.
    pub accept_tail: bool,
    /// Acknowledged records to be given up, by LSN.
    pub give_up: Vec<RangeInclusive<u64>>,
    /// Snapshots to go aside, by LSN: they hold something else than the log, and are made anew from it.
    pub retire: Vec<Lsn>,
    /// What the record of a loss bears, microseconds since the Unix epoch.
    pub now_us: i64,
}

/// A stretch of a file that changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub offset: u64,
    pub len: u64,
    pub says: String,
}

/// A file that changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub name: String,
    /// As it is; empty when it does not exist.
    pub old: Vec<u8>,
    /// As it is to be; without meaning when it is to be gone.
    pub new: Vec<u8>,
    /// It goes aside and nothing takes its place.
    pub gone: bool,
    pub steps: Vec<Step>,
}

/// What is wrong and was not allowed to be changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Left {
    pub problem: Problem,
    /// What would allow it, in the tool's words; `None` when only a backup helps.
    pub needs: Option<String>,
}

/// Everything that would change, in the order in which it must.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    pub changes: Vec<Change>,
    pub left: Vec<Left>,
}

/// Files as they are to become.
#[derive(Default)]
struct Drafts {
    changes: Vec<Change>,
    /// The first LSN that is given up.
    lost_from: Option<u64>,
    /// Snapshots that hold something else than the log.
    retired: Vec<Lsn>,
    /// The log ends earlier than before.
    cut: bool,
}

/// Works out what `choice` allows to be repaired in a directory that nobody writes to.
pub fn plan(storage: &Arc<dyn Storage>, choice: &Choice) -> Result<Plan, JournalError> {
    let mut drafts = Drafts::default();
    let mut left = Vec::new();
    if choice.restore {
        headers::restore_segments(&Catalog::read(storage)?, &mut drafts)?;
    }
    // With sound headers more can be told of what lies behind them.
    let seen = drafts.over(storage);
    segments::repair(&LogReader::of(seen)?, choice, &mut drafts, &mut left)?;
    let seen = drafts.over(storage);
    let reader = LogReader::of(seen)?;
    if choice.restore {
        headers::restore_meta(&reader, &mut drafts)?;
    }
    drafts.retired.clone_from(&choice.retire);
    headers::restate_meta(&LogReader::of(drafts.over(storage))?, &mut drafts)?;
    drafts.retire(&reader)?;
    for problem in LogReader::of(drafts.over(storage))?.catalog().problems() {
        let is_twice = problem.offset.is_some() && !problem.file.starts_with(ARCHIVE_FOLDER);
        let needs = is_twice && !choice.restore;
        left.push(Left {
            needs: needs.then(|| "--restore-header".to_owned()),
            problem,
        });
    }
    Ok(Plan {
        changes: drafts.in_order(),
        left,
    })
}

impl Plan {
    /// The directory as it would be.
    pub fn overlay(&self, storage: &Arc<dyn Storage>) -> Arc<dyn Storage> {
        over(storage, &self.changes)
    }
}

fn over(storage: &Arc<dyn Storage>, changes: &[Change]) -> Arc<dyn Storage> {
    let planned = changes.iter().map(|change| {
        (
            change.name.clone(),
            (!change.gone).then(|| change.new.clone()),
        )
    });
    Arc::new(Overlay::new(Arc::clone(storage), planned))
}

impl Drafts {
    /// The draft of a file, begun from what `read` gives.
    fn of(
        &mut self,
        name: &str,
        read: impl FnOnce() -> Result<Vec<u8>, JournalError>,
    ) -> Result<&mut Change, JournalError> {
        let at = match self.changes.iter().position(|change| change.name == name) {
            Some(at) => at,
            None => {
                let old = read()?;
                self.changes.push(Change {
                    name: name.to_owned(),
                    new: old.clone(),
                    old,
                    gone: false,
                    steps: Vec::new(),
                });
                self.changes.len() - 1
            }
        };
        Ok(&mut self.changes[at])
    }

    /// Takes away what was made of bytes that change: indexes of changed segments, and snapshots that hold what is given
    /// up or never was. Both are made anew.
    fn retire(&mut self, reader: &LogReader) -> Result<(), JournalError> {
        let indexes: Vec<String> = self
            .changes
            .iter()
            .filter(|change| change.old != change.new)
            .map(|change| sidecar_name(&change.name))
            .collect();
        for entry in reader.files()? {
            let snapshot = snapshot_lsn(&entry.name);
            let says = match snapshot {
                None if indexes.contains(&entry.name) => "goes aside: an index of what changes",
                Some(lsn) if self.is_lost(lsn) => "goes aside: a snapshot of what is given up",
                Some(lsn) if self.retired.contains(&lsn) => "goes aside: a snapshot that is bad",
                Some(_) | None => continue,
            };
            let old = reader.read_file(&entry.name, entry.len)?;
            self.changes.push(Change {
                steps: vec![Step {
                    offset: 0,
                    len: entry.len,
                    says: says.to_owned(),
                }],
                name: entry.name,
                new: Vec::new(),
                old,
                gone: true,
            });
        }
        Ok(())
    }

    /// Whether a snapshot up to here holds what is given up.
    fn is_lost(&self, lsn: Lsn) -> bool {
        self.lost_from.is_some_and(|from| lsn.0 >= from)
    }

    fn over(&self, storage: &Arc<dyn Storage>) -> Arc<dyn Storage> {
        over(storage, &self.changes)
    }

    /// First what goes, then segments, oldest first, the meta last: a switch that stops in between leaves a directory that is refused or
    /// as good as before.
    fn in_order(mut self) -> Vec<Change> {
        self.changes
            .retain(|change| change.gone || change.old != change.new);
        self.changes
            .sort_by_key(|change| (!change.gone, change.name == META_FILE, change.name.clone()));
        self.changes
    }
}

impl Change {
    /// Puts bytes at a place and says why; places behind the end make the file longer.
    fn put(&mut self, offset: u64, bytes: &[u8], says: String) {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let to = from.saturating_add(bytes.len());
        if self.new.len() < to {
            self.new.resize(to, 0);
        }
        if self.new[from..to] == *bytes {
            return;
        }
        self.new[from..to].copy_from_slice(bytes);
        self.steps.push(Step {
            offset,
            len: bytes.len() as u64,
            says,
        });
    }
}
