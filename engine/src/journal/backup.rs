//! What a backup of a directory takes: which files, how many bytes of each, and a `store.meta` that fits them.
//!
//! Sealed segments never change and are taken up to their stated end. The newest one is taken up to the last group
//! that is known to be on disk, also while a server writes on behind it. Nothing is copied here.

use super::catalog::Catalog;
use super::error::{Class, JournalError, Problem};
use super::frame::group_end;
use super::log_reader::LogReader;
use super::meta::{META_COPIES, Meta};
use super::place::{Lsn, snapshot_name};
use super::segment::HEADER_PAGE_BYTES;
use super::tail::Tail;
use super::view::{Item, SegmentView};

/// One file of a backup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackupFile {
    pub name: String,
    /// From the start of the file so many bytes count.
    pub bytes: u64,
    /// Behind them zeros up to this length.
    pub len: u64,
    /// It never changes again: a copy taken before is as good.
    pub sealed: bool,
}

/// A consistent set of files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackupPlan {
    pub store_id: u128,
    pub timeline: u32,
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    /// In the order in which they may be copied: the newest last.
    pub files: Vec<BackupFile>,
    /// Content of the backup's own `store.meta`.
    pub meta: Vec<u8>,
}

impl LogReader {
    /// What a backup of this directory takes, as it is at this moment. A damaged store has none.
    pub fn backup_plan(&self) -> Result<BackupPlan, JournalError> {
        let catalog = self.catalog();
        if let Some(worst) = catalog
            .blocking_problems()
            .into_iter()
            .max_by_key(|problem| problem.class.severity())
        {
            return Err(worst.into());
        }
        let (Some(meta), Some((tail, view))) = (catalog.newest_meta(), self.judged_view()?) else {
            return Err(JournalError::Options(
                "there is no store to back up".to_owned(),
            ));
        };
        if let Some(problem) = tail.blocking() {
            return Err(problem.clone().into());
        }
        // They can be made anew from the log, unless it no longer goes back to its beginning.
        let snapshots = match catalog.check_whole() {
            Ok(()) => [0; 2],
            Err(_) => meta.snapshots,
        };
        let mut files = self.snapshot_files(snapshots)?;
        files.extend(sealed_files(catalog, meta));
        let Some(header) = view.header() else {
            let what = "both header copies are bad";
            return Err(Problem::new(Class::Corrupt, &view.file.name, what).into());
        };
        let (end, last_lsn) = self.known_end(&tail, &view);
        files.push(BackupFile {
            name: view.file.name.clone(),
            bytes: end,
            len: header.capacity,
            sealed: false,
        });
        let whole = end == tail.end;
        let copy = Meta {
            epoch: header.epoch,
            active_seq: header.seq,
            active_first_lsn: header.first_lsn,
            clean_lsn: meta
                .clean_lsn
                .filter(|_| whole && meta.active_seq == header.seq),
            snapshots,
            ..meta.clone()
        };
        Ok(BackupPlan {
            store_id: meta.store_id,
            timeline: meta.timeline,
            first_lsn: Lsn(catalog.segments.first().map_or(0, |first| first.first_lsn)),
            last_lsn,
            files,
            meta: copy.encode().repeat(META_COPIES),
        })
    }

    fn snapshot_files(&self, snapshots: [u64; 2]) -> Result<Vec<BackupFile>, JournalError> {
        let named = snapshots.map(|lsn| snapshot_name(Lsn(lsn)));
        let there = self.files()?.into_iter();
        let there = there.filter(|entry| named.contains(&entry.name));
        let taken = there.map(|entry| BackupFile {
            name: entry.name,
            bytes: entry.len,
            len: entry.len,
            sealed: true,
        });
        Ok(taken.collect())
    }

    /// Where what is known to be on disk ends in the newest segment. Without a server the last whole group stays, as it
    /// would at a start.
    fn known_end(&self, tail: &Tail, view: &SegmentView) -> (u64, Lsn) {
        if self.holder().is_none() || tail.attested.0 >= tail.link.lsn {
            return (tail.end, Lsn(tail.link.lsn));
        }
        let (mut end, mut last_lsn) = (HEADER_PAGE_BYTES, view.header().map_or(0, |h| h.prev_lsn));
        let alignment = view
            .header()
            .map_or(super::segment::GROUP_ALIGN, |header| header.alignment);
        for item in view.items() {
            let Item::Record(record) = item else { break };
            if record.header.lsn > tail.attested.0 {
                break;
            }
            if record.header.is_end() {
                let record_end =
                    u64::from(record.position.offset) + record.header.framed_len() as u64;
                end = group_end(record_end, alignment);
                last_lsn = record.header.lsn;
            }
        }
        (end, Lsn(last_lsn))
    }
}

/// What never changes again: archive files, and segments with a successor.
fn sealed_files(catalog: &Catalog, meta: &Meta) -> Vec<BackupFile> {
    let archived = catalog.archive.files.iter();
    let archived = archived.filter(|file| file.runs[0].source.seq < meta.oldest_seq);
    let archived = archived.map(|file| BackupFile {
        name: file.shown(),
        bytes: file.len,
        len: file.len,
        sealed: true,
    });
    let segments = catalog.segments.iter().enumerate();
    let segments = segments.filter(|(_, segment)| !segment.archived);
    let segments = segments.filter_map(|(index, segment)| {
        let bytes = catalog.successor(index)?.prev_bytes;
        Some(BackupFile {
            name: segment.name.clone(),
            bytes,
            len: bytes,
            sealed: true,
        })
    });
    archived.chain(segments).collect()
}
