//! Retention: the oldest archive files are deleted, because somebody has said so.
//!
//! ```text
//! plan, said aloud ─► snapshots proved ─► store.meta says where the log begins now ─► files removed, oldest first ─► fsync folder
//!                                                                                └► indexes of their segments removed
//! ```
//! It is the only way in which history is ever lost on purpose. A file goes when all of it is older than the bound and
//! within both kept snapshots, so that the state needs nothing of it; the first file that must stay ends the search.
//! `store.meta` decides: before it names a later beginning all files count, after that what is left of them is a
//! leftover that the next run removes.

use super::archive::{ARCHIVE_FOLDER, ArchiveFile};
use super::catalog::Catalog;
use super::error::{Class, JournalError, Problem};
use super::log_reader::LogReader;
use super::meta::{META_FILE, Meta};
use super::place::{Lsn, snapshot_name};
use super::segment::parse_segment_name;
use super::sidecar::SIDECAR_SUFFIX;
use super::storage::{Held, Storage};
use super::store_meta::open_settled;
use std::io;
use std::sync::Arc;

/// An archive file that may be deleted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expired {
    /// Its name inside the data directory.
    pub file: String,
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    /// Header times of its first and last record, µs.
    pub first_us: i64,
    pub last_us: i64,
    pub bytes: u64,
}

/// What retention would delete.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RetainPlan {
    /// Oldest first.
    pub files: Vec<Expired>,
    /// Where the log would begin then; 0 = there is nothing to delete.
    pub begins: Lsn,
    /// Files that an interrupted run left: they no longer count.
    pub leftovers: Vec<String>,
    /// Everything up to here is in two snapshots.
    pub covered: Lsn,
    /// The segment that the log would begin with.
    begins_seq: u64,
}

/// Proves that the snapshot of an LSN can be started from.
pub type Prove<'a> = dyn FnMut(Lsn) -> Result<(), JournalError> + 'a;

type ChangeMeta = dyn Fn(&mut Meta);

/// What retention needs from around it.
pub(crate) struct Warrant<'a> {
    /// Records before this instant are old enough, µs.
    pub(crate) before_us: i64,
    pub(crate) prove: &'a mut Prove<'a>,
    /// Told what is deleted, before it is.
    pub(crate) tell: &'a mut dyn FnMut(&Expired),
    /// Makes a change of `store.meta` durable.
    pub(crate) meta: &'a mut dyn FnMut(&ChangeMeta) -> io::Result<()>,
    /// Readers no longer look before this segment.
    pub(crate) begins: &'a mut dyn FnMut(u64),
}

impl RetainPlan {
    /// What may be deleted of records before an instant.
    pub(crate) fn of(catalog: &Catalog, before_us: i64) -> Result<Self, JournalError> {
        let mut plan = Self {
            leftovers: catalog.forgotten.clone(),
            ..Self::default()
        };
        let Some(meta) = catalog.newest_meta() else {
            return Ok(plan);
        };
        plan.begins_seq = meta.archive_seq;
        plan.covered = Lsn(meta.snapshots[0].min(meta.snapshots[1]));
        let there = |lsn: u64| catalog.snapshots.contains(&snapshot_name(Lsn(lsn)));
        if !meta.snapshots.into_iter().all(there) {
            return Ok(plan);
        }
        for file in counted(catalog, meta) {
            if file.header.last_lsn > plan.covered.0 {
                break;
            }
            let (first_us, last_us) = file.times()?;
            if last_us >= before_us {
                break;
            }
            plan.add(file, (first_us, last_us));
        }
        Ok(plan)
    }

    fn add(&mut self, file: &ArchiveFile, (first_us, last_us): (i64, i64)) {
        let (first_lsn, last_lsn) = (file.header.first_lsn, file.header.last_lsn);
        self.files.push(Expired {
            file: file.shown(),
            first_lsn: Lsn(first_lsn),
            last_lsn: Lsn(last_lsn),
            first_us,
            last_us,
            bytes: file.len,
        });
        self.begins = Lsn(last_lsn + 1);
        let last = file.runs.last();
        self.begins_seq = last.map_or(self.begins_seq, |run| run.source.seq + 1);
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.leftovers.is_empty()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl LogReader {
    /// What retention would delete here of records before an instant.
    pub fn retain_plan(&self, before_us: i64) -> Result<RetainPlan, JournalError> {
        RetainPlan::of(self.catalog(), before_us)
    }
}

/// Archive files that are a part of the log, oldest first. One whose segments still stand for themselves is not yet.
fn counted<'a>(catalog: &'a Catalog, meta: &'a Meta) -> impl Iterator<Item = &'a Arc<ArchiveFile>> {
    let files = catalog.archive.files.iter();
    files.take_while(|file| {
        file.runs
            .last()
            .is_some_and(|run| run.source.seq < meta.oldest_seq)
    })
}

/// Header time of the last record in the oldest archive file: nothing is old enough before that is.
pub(crate) fn oldest_ends_us(catalog: &Catalog) -> Result<Option<i64>, JournalError> {
    let Some(meta) = catalog.newest_meta() else {
        return Ok(None);
    };
    let oldest = counted(catalog, meta).next();
    oldest
        .map(|file| file.times().map(|(_, last_us)| last_us))
        .transpose()
}

/// Deletes what may be deleted from a directory that nobody serves, after having told of each file.
pub fn retain_offline(
    storage: &Arc<dyn Storage>,
    before_us: i64,
    prove: &mut Prove<'_>,
    tell: &mut dyn FnMut(&Expired),
) -> Result<RetainPlan, JournalError> {
    let _held: Held = storage.lock()?;
    let catalog = Catalog::read(storage)?;
    if let Some(worst) = catalog.worst_blocking() {
        return Err(worst.into());
    }
    if catalog.newest_meta().is_none() {
        return Ok(RetainPlan::default());
    }
    let (mut meta, file) = open_settled(&**storage)?;
    let mut warrant = Warrant {
        before_us,
        prove: &mut |lsn| prove(lsn),
        tell,
        meta: &mut |change| {
            change(&mut meta);
            meta.write(&*file)
        },
        begins: &mut |_| {},
    };
    retain(storage, &mut warrant)
}

/// Deletes what may be deleted from a directory whose lock is held. Gives what it did.
pub(crate) fn retain(
    storage: &Arc<dyn Storage>,
    warrant: &mut Warrant<'_>,
) -> Result<RetainPlan, JournalError> {
    let catalog = Catalog::read(storage)?;
    let plan = RetainPlan::of(&catalog, warrant.before_us)?;
    if !plan.files.is_empty() {
        let kept = catalog.newest_meta().map_or([0; 2], |meta| meta.snapshots);
        for lsn in kept {
            (warrant.prove)(Lsn(lsn))?;
        }
        plan.files.iter().for_each(&mut *warrant.tell);
        let begins_seq = plan.begins_seq;
        (warrant.meta)(&move |meta| meta.archive_seq = begins_seq)
            .map_err(JournalError::io("write", META_FILE))?;
        // From here on the files do not count any longer.
        (warrant.begins)(begins_seq);
    }
    let named = plan.files.iter().map(|file| &file.file);
    remove(storage, plan.leftovers.iter().chain(named))?;
    // Also where there is nothing else to delete: an earlier run may have been cut off before this.
    remove_sidecars(&**storage, plan.begins_seq);
    Ok(plan)
}

/// The indexes of segments that are gone: a cache that nobody asks for again. One that stays is tried again next time.
fn remove_sidecars(storage: &dyn Storage, begins_seq: u64) {
    for entry in storage.list().unwrap_or_default() {
        let stem = entry.name.strip_suffix(SIDECAR_SUFFIX);
        let segment = stem.and_then(|stem| parse_segment_name(&format!("{stem}.wal")));
        if segment.is_some_and(|(seq, _)| seq < begins_seq)
            && let Err(error) = storage.remove(&entry.name)
        {
            tracing::warn!(file = entry.name, %error, "cannot remove the index of a deleted segment");
        }
    }
}

/// Removes archive files by their names inside the data directory.
fn remove<'a>(
    storage: &Arc<dyn Storage>,
    mut files: impl Iterator<Item = &'a String>,
) -> Result<(), JournalError> {
    let Some(first) = files.next() else {
        return Ok(());
    };
    let opening = JournalError::io("open", ARCHIVE_FOLDER);
    let folder = storage.existing_folder(ARCHIVE_FOLDER).map_err(opening)?;
    let Some(folder) = folder else {
        let what = "the folder is gone";
        return Err(Problem::new(Class::Chain, ARCHIVE_FOLDER, what).into());
    };
    for shown in std::iter::once(first).chain(files) {
        let name = shown.rsplit('/').next().unwrap_or(shown);
        folder
            .remove(name)
            .map_err(JournalError::io("remove", shown))?;
    }
    folder
        .sync_dir()
        .map_err(JournalError::io("sync", ARCHIVE_FOLDER))
}
