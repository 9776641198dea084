//! Compaction: sealed segments that two verified snapshots cover move into the archive.
//!
//! ```text
//! archive file .tmp ─► fsync ─► read back past the cache, byte for byte ─► rename, fsync folder ─► store.meta ─► segments removed
//! ```
//! `store.meta` decides. Before it names a later oldest segment, the segments count and the archive file is a leftover
//! that the next compaction replaces; after that the archive counts and the segments are leftovers that it removes.

use super::archive::{
    ARCHIVE_FOLDER, ARCHIVE_TMP_SUFFIX, Archive, ArchiveFile, BlockCache, Builder, FileHeader,
    archive_name,
};
use super::catalog::{Catalog, SegmentFile};
use super::error::{Class, JournalError, Problem};
use super::log_reader::LogReader;
use super::meta::{META_FILE, Meta};
use super::place::Lsn;
use super::retain::Expired;
use super::segment::{HEADER_PAGE_BYTES, SegmentHeader};
use super::storage::{Held, Storage};
use super::store_meta::open_settled;
use super::walk::Link;
use std::io;
use std::sync::Arc;

/// Segments in one archive file: a gigabyte of full ones, so that a year makes hundreds of files and not thousands.
const FILE_SEGMENTS_MAX: usize = 16;

/// What compaction would do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CompactPlan {
    /// Names of the segments that move into the archive.
    pub segments: Vec<String>,
    /// Bytes that they take on disk now.
    pub bytes: u64,
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    /// When the oldest of them was begun, µs; 0 = there is none.
    pub begun_us: i64,
    /// Leftovers of an interrupted compaction, which are removed.
    pub leftovers: Vec<String>,
    /// Everything up to here is in two snapshots.
    pub covered: Lsn,
}

/// What compaction did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Compacted {
    pub segments: u64,
    pub files: Vec<String>,
    /// On disk, before and after.
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    /// Archive files deleted afterwards, where there is a retention setting.
    pub deleted: Vec<Expired>,
}

type ChangeMeta = dyn Fn(&mut Meta);

type Moved<'a> = dyn FnMut(&[(SegmentFile, Link)]) + 'a;

/// Called after each block.
pub type Pace<'a> = dyn FnMut(u64) -> Result<(), JournalError> + 'a;

/// What a compaction needs from around it. Everything may be called from the thread that compacts, and only there.
pub(crate) struct Surroundings<'a> {
    /// Told the bytes of each step: the place to slow down, or to stop everything with an error.
    pub(crate) pace: &'a mut Pace<'a>,
    /// Makes a change of `store.meta` durable.
    pub(crate) meta: &'a mut dyn FnMut(&ChangeMeta) -> io::Result<()>,
    /// Whoever reads these segments is shown the archived ones before they are removed.
    pub(crate) moved: &'a mut Moved<'a>,
    /// Where they unpack what they read.
    pub(crate) cache: Arc<BlockCache>,
}

/// One archive file in the making.
struct Batch<'a> {
    storage: &'a Arc<dyn Storage>,
    folder: Arc<dyn Storage>,
    /// Each with the header of its successor.
    segments: Vec<(&'a SegmentFile, &'a SegmentHeader)>,
}

impl CompactPlan {
    /// What may be archived now: sealed, and covered by the older of two snapshots.
    pub(crate) fn of(catalog: &Catalog) -> Self {
        let Some(meta) = catalog.newest_meta() else {
            return Self::default();
        };
        let covered = meta.snapshots[0].min(meta.snapshots[1]);
        let mut plan = Self {
            leftovers: names(&catalog.superseded),
            covered: Lsn(covered),
            ..Self::default()
        };
        for (segment, next) in ripe(catalog, covered) {
            if plan.segments.is_empty() {
                plan.first_lsn = Lsn(segment.first_lsn);
                plan.begun_us = segment.header().map_or(0, |header| header.created_us);
            }
            plan.last_lsn = Lsn(next.prev_lsn);
            plan.segments.push(segment.name.clone());
            plan.bytes += segment.allocated;
        }
        plan
    }

    pub fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.leftovers.is_empty()
    }
}

impl LogReader {
    /// What compaction would do here.
    pub fn compact_plan(&self) -> CompactPlan {
        CompactPlan::of(self.catalog())
    }
}

/// Sealed segments, oldest first, whose records are all covered.
fn ripe(catalog: &Catalog, covered: u64) -> Vec<(&SegmentFile, &SegmentHeader)> {
    let mut found = Vec::new();
    for (index, segment) in catalog.segments.iter().enumerate() {
        if segment.archived {
            continue;
        }
        match catalog.successor(index) {
            Some(next) if next.prev_lsn <= covered => found.push((segment, next)),
            Some(_) | None => break,
        }
    }
    found
}

/// Compacts a directory that nobody serves: takes its lock, does everything that the plan says.
pub fn compact_offline(
    storage: &Arc<dyn Storage>,
    pace: &mut Pace<'_>,
) -> Result<Compacted, JournalError> {
    let _held: Held = storage.lock()?;
    let catalog = Catalog::read(storage)?;
    if let Some(worst) = catalog
        .blocking_problems()
        .into_iter()
        .max_by_key(|problem| problem.class.severity())
    {
        return Err(worst.into());
    }
    if catalog.newest_meta().is_none() {
        return Ok(Compacted::default());
    }
    let (mut meta, file) = open_settled(&**storage)?;
    let mut around = Surroundings {
        pace,
        meta: &mut |change| {
            change(&mut meta);
            meta.write(&*file)
        },
        moved: &mut |_| {},
        cache: Arc::default(),
    };
    compact(storage, &mut around)
}

/// Archives what may be archived of a directory whose lock is held.
pub(crate) fn compact(
    storage: &Arc<dyn Storage>,
    around: &mut Surroundings<'_>,
) -> Result<Compacted, JournalError> {
    let catalog = Catalog::read(storage)?;
    let Some(meta) = catalog.newest_meta() else {
        return Ok(Compacted::default());
    };
    remove_leftovers(storage, &catalog, around.pace)?;
    let covered = meta.snapshots[0].min(meta.snapshots[1]);
    let ripe = ripe(&catalog, covered);
    let mut done = Compacted::default();
    for segments in ripe.chunks(FILE_SEGMENTS_MAX) {
        let batch = Batch {
            storage,
            folder: storage
                .folder(ARCHIVE_FOLDER)
                .map_err(JournalError::io("make", ARCHIVE_FOLDER))?,
            segments: segments.to_vec(),
        };
        batch.run(around, &mut done)?;
    }
    Ok(done)
}

fn names(segments: &[SegmentFile]) -> Vec<String> {
    segments
        .iter()
        .map(|segment| segment.name.clone())
        .collect()
}

/// What an interrupted compaction left: segments that are in the archive, archive files that do not count yet. Somebody
/// may have put a segment back because its archive is damaged, so each is removed only when the archive has the same bytes.
fn remove_leftovers(
    storage: &Arc<dyn Storage>,
    catalog: &Catalog,
    pace: &mut Pace<'_>,
) -> Result<(), JournalError> {
    for segment in &catalog.superseded {
        for archive in &catalog.archive.files {
            let runs = archive.runs.iter();
            if let Some(run) = runs.clone().position(|run| run.source.seq == segment.seq) {
                prove_run(archive, run, segment, pace)?;
            }
        }
        let name = &segment.name;
        tracing::info!(file = name, "removing a segment that is in the archive");
        storage
            .remove(name)
            .map_err(JournalError::io("remove", name))?;
    }
    if !catalog.superseded.is_empty() {
        storage
            .sync_dir()
            .map_err(JournalError::io("sync", "the directory"))?;
    }
    let opening = JournalError::io("open", ARCHIVE_FOLDER);
    let Some(folder) = storage.existing_folder(ARCHIVE_FOLDER).map_err(opening)? else {
        return Ok(());
    };
    let oldest = catalog.newest_meta().map_or(0, |meta| meta.oldest_seq);
    let listed = folder
        .list()
        .map_err(JournalError::io("list", ARCHIVE_FOLDER))?;
    let unfinished = listed.iter().filter(|entry| {
        let counts_not = |file: &Arc<ArchiveFile>| {
            file.is_named(&entry.name) && file.runs[0].source.seq >= oldest
        };
        entry.name.ends_with(ARCHIVE_TMP_SUFFIX) || catalog.archive.files.iter().any(counts_not)
    });
    for entry in unfinished {
        folder
            .remove(&entry.name)
            .map_err(JournalError::io("remove", &entry.name))?;
    }
    Ok(())
}

impl Batch<'_> {
    fn run(&self, around: &mut Surroundings<'_>, done: &mut Compacted) -> Result<(), JournalError> {
        let (Some((first, _)), Some((last, next))) = (self.segments.first(), self.segments.last())
        else {
            return Ok(());
        };
        let Some(source) = first.header() else {
            return Err(super::log_reader::unreadable(first).into());
        };
        let header = FileHeader {
            store_id: source.store_id,
            timeline: source.timeline,
            first_lsn: first.first_lsn,
            last_lsn: next.prev_lsn,
        };
        let name = archive_name(header.first_lsn, header.last_lsn);
        let archive = self.write(&name, &header, around)?;
        let oldest_seq = last.seq + 1;
        (around.meta)(&move |meta| meta.oldest_seq = oldest_seq)
            .map_err(JournalError::io("write", META_FILE))?;
        // From here on the archive counts.
        done.bytes_after += archive.len;
        done.files.push(archive.shown());
        let archive = Archive::of(archive, Arc::clone(&around.cache));
        (around.moved)(&archive.segments_with_ends());
        for (segment, _) in &self.segments {
            self.storage
                .remove(&segment.name)
                .map_err(JournalError::io("remove", &segment.name))?;
            done.segments += 1;
            done.bytes_before += segment.allocated;
        }
        self.storage
            .sync_dir()
            .map_err(JournalError::io("sync", "the directory"))?;
        if done.first_lsn == Lsn(0) {
            done.first_lsn = Lsn(header.first_lsn);
        }
        done.last_lsn = Lsn(header.last_lsn);
        Ok(())
    }

    /// Writes, proves and names the archive file.
    fn write(
        &self,
        name: &str,
        header: &FileHeader,
        around: &mut Surroundings<'_>,
    ) -> Result<ArchiveFile, JournalError> {
        let temporary = format!("{name}{ARCHIVE_TMP_SUFFIX}");
        let shown = format!("{ARCHIVE_FOLDER}/{temporary}");
        let file = self
            .folder
            .create(&temporary)
            .map_err(JournalError::io("create", &shown))?;
        let mut builder = Builder::new(file, &shown, header)?;
        for (segment, next) in &self.segments {
            builder.add(segment, next, around.pace)?;
        }
        builder.finish()?;
        let archive = ArchiveFile::open(&self.folder, &temporary)?;
        archive.forget_cache()?;
        self.prove(&archive, around.pace)?;
        self.folder
            .rename(&temporary, name)
            .and_then(|()| self.folder.sync_dir())
            .map_err(JournalError::io("rename", &shown))?;
        ArchiveFile::open(&self.folder, name)
    }

    /// Every byte that is read back from the archive must be the byte that stands in the segment.
    fn prove(&self, archive: &ArchiveFile, pace: &mut Pace<'_>) -> Result<(), JournalError> {
        for (run, (segment, next)) in self.segments.iter().enumerate() {
            let end = prove_run(archive, run, segment, pace)?;
            let same_header = segment.header() == Some(&archive.runs[run].source);
            if !same_header || end != next.prev_bytes {
                return Err(differs(&archive.shown(), end, segment));
            }
        }
        Ok(())
    }
}

/// Compares what a run of an archive file reads as with the segment; gives where the run ends.
fn prove_run(
    archive: &ArchiveFile,
    run: usize,
    segment: &SegmentFile,
    pace: &mut Pace<'_>,
) -> Result<u64, JournalError> {
    let mut at = HEADER_PAGE_BYTES;
    for block in archive.blocks_of(run) {
        let unpacked = archive.unpack(block)?;
        let mut bytes = vec![0; unpacked.len()];
        let read = segment
            .file
            .read_at(&mut bytes, at)
            .map_err(JournalError::io("read", &segment.name))?;
        if bytes[..read] != unpacked {
            return Err(differs(&archive.shown(), at, segment));
        }
        at += unpacked.len() as u64;
        pace(unpacked.len() as u64)?;
    }
    Ok(at)
}

fn differs(shown: &str, at: u64, segment: &SegmentFile) -> JournalError {
    let what = format!(
        "reads back otherwise than {} at offset {at}; nothing was removed",
        segment.name
    );
    Problem::new(Class::Differs, shown, what).into()
}
