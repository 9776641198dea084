//! The snapshots of a directory: which there are, which should be, and whether each is sound in itself and of this log.
//!
//! Whether one holds what the log adds up to is found out by whoever replays (`deep`).

use std::collections::BTreeSet;
use std::io::ErrorKind;

use engine::journal::{
    Class, JournalError, LogReader, Lsn, Problem, Storage, snapshot_lsn, snapshot_name,
};
use engine::snapshot::Snapshot;

use crate::exit::Stop;

/// What looking at every byte of every snapshot found.
pub(crate) struct Looked {
    /// Oldest first.
    pub(crate) sound: Vec<Snapshot>,
    pub(crate) problems: Vec<Problem>,
}

/// Reads every byte of every snapshot. Whether it is of this log is asked only where the headers of the log are sound.
/// One that a running server has replaced meanwhile is not missed.
pub(crate) fn look(reader: &LogReader, log_is_sound: bool) -> Result<Looked, Stop> {
    let mut looked = Looked {
        sound: Vec::new(),
        problems: missing(reader),
    };
    for name in &reader.catalog().snapshots {
        let checked = read(&**reader.storage(), name, true).and_then(|snapshot| {
            if log_is_sound {
                belongs(reader, &snapshot)?;
            }
            Ok(snapshot)
        });
        match checked {
            Ok(snapshot) => looked.sound.push(snapshot),
            Err(JournalError::Damage(problem)) => looked.problems.push(problem),
            Err(JournalError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    looked.sound.sort_by_key(Snapshot::lsn);
    Ok(looked)
}

/// Which of `sound` a replay begins with where the log does not go back to LSN 1: the oldest that the log goes on behind.
/// `None`: it begins at the beginning.
pub(crate) fn beginning(
    reader: &LogReader,
    sound: &mut Vec<Snapshot>,
) -> Result<Option<Snapshot>, Problem> {
    let catalog = reader.catalog();
    let (Some(_), Some(first)) = (catalog.begins_later(), catalog.segments.first()) else {
        return Ok(None);
    };
    let reached = |snapshot: &Snapshot| snapshot.lsn().0 + 1 >= first.first_lsn;
    match sound.iter().position(reached) {
        Some(at) => Ok(Some(sound.remove(at))),
        None => Err(Problem {
            class: Class::Meta,
            file: first.name.clone(),
            offset: None,
            lsn: Some(Lsn(first.first_lsn)),
            what: "the log begins here, and there is no sound snapshot of what was before"
                .to_owned(),
        }),
    }
}

/// Snapshots that the meta relies on and that are not there.
pub(crate) fn missing(reader: &LogReader) -> Vec<Problem> {
    let catalog = reader.catalog();
    let named = catalog.newest_meta().map_or([0; 2], |meta| meta.snapshots);
    let named: BTreeSet<u64> = named.into_iter().filter(|lsn| *lsn != 0).collect();
    let names = named.into_iter();
    let names = names.map(|lsn| snapshot_name(Lsn(lsn)));
    let gone = names.filter(|name| !catalog.snapshots.contains(name));
    gone.map(|file| problem(&file, "store.meta names this snapshot, but it is missing"))
        .collect()
}

/// A snapshot whose frame is sound; with `whole`, all of it.
pub(crate) fn read(
    storage: &dyn Storage,
    name: &str,
    whole: bool,
) -> Result<Snapshot, JournalError> {
    let snapshot = Snapshot::open(storage, name)?;
    if whole {
        snapshot.verify()?;
    }
    Ok(snapshot)
}

/// A snapshot of this store and this log, under its own name.
fn belongs(reader: &LogReader, snapshot: &Snapshot) -> Result<(), JournalError> {
    let name = snapshot.name();
    if snapshot_lsn(name) != Some(snapshot.lsn()) {
        return Err(problem(name, "is the snapshot of another LSN than its name says").into());
    }
    let segments = &reader.catalog().segments;
    let newest = segments.iter().rev().find_map(|segment| segment.header());
    if newest.is_some_and(|header| header.store_id != snapshot.store_id()) {
        return Err(problem(name, "belongs to another store").into());
    }
    match reader.check_base(snapshot.base()) {
        // Told of the segment that does not follow on; here it is the snapshot that is held against the log.
        Err(JournalError::Damage(found)) if found.class == Class::Meta => {
            let what = format!("is not of this log: {} {}", found.file, found.what);
            Err(problem(name, &what).into())
        }
        outcome => outcome,
    }
}

fn problem(file: &str, what: &str) -> Problem {
    Problem {
        class: Class::Meta,
        file: file.to_owned(),
        offset: None,
        lsn: snapshot_lsn(file),
        what: what.to_owned(),
    }
}
