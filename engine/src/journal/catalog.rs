//! The catalog: what lies in a directory, and whether the files fit together.
//!
//! Reads names and header pages only, changes nothing, and needs no lock. Every misfit becomes a `Problem`, so that
//! an opening server takes the worst and `verify` lists them all.

use super::archive::Archive;
use super::error::{Class, JournalError, Problem};
use super::filler::{NEXT_SUFFIX, RESERVE_FILE};
use super::meta::{META_FILE, META_TMP_FILE, Meta, MetaCopies};
use super::place::{Lsn, SNAPSHOT_TMP_SUFFIX, snapshot_lsn};
use super::reopen::Reopened;
use super::segment::{
    CopyFlaw, FEATURE_LOSS, HEADER_COPY_BYTES, SegmentHeader, parse_segment_name,
};
use super::sidecar::{SIDECAR_SUFFIX, SIDECAR_TMP_SUFFIX};
use super::storage::{Access, Entry, LOCK_FILE, Storage, StorageFile};
use std::io;
use std::sync::Arc;

/// Longest store.meta that is read: four copies, and no more.
const META_READ_MAX: usize = super::meta::META_COPIES * super::meta::META_COPY_BYTES;

/// A segment file with its header copies.
#[derive(Clone)]
pub struct SegmentFile {
    pub name: String,
    /// As the name says.
    pub seq: u64,
    pub first_lsn: u64,
    /// File length.
    pub len: u64,
    /// Bytes on disk: less than the length once unused space was given back.
    pub allocated: u64,
    pub copies: [Result<SegmentHeader, CopyFlaw>; 2],
    /// It lies in an archive file and reads as it did before.
    pub archived: bool,
    pub(crate) file: Arc<dyn StorageFile>,
}

/// Everything in a directory.
#[derive(Clone)]
pub struct Catalog {
    /// By sequence number, archived ones included.
    pub segments: Vec<SegmentFile>,
    pub(crate) archive: Archive,
    /// Segments that are in the archive by now, header for header, and are to be removed.
    pub superseded: Vec<SegmentFile>,
    /// Archive files before the beginning of the log: deleted by a retention setting, and to be removed.
    pub forgotten: Vec<String>,
    pub meta: Option<MetaCopies>,
    /// Prepared segments.
    pub next: Vec<String>,
    pub has_reserve: bool,
    /// Names of snapshots, oldest first.
    pub snapshots: Vec<String>,
    /// Files that this version does not know; never touched.
    pub unknown: Vec<String>,
}

impl SegmentFile {
    /// The header that counts: the first sound copy.
    pub fn header(&self) -> Option<&SegmentHeader> {
        self.copies.iter().find_map(|copy| copy.as_ref().ok())
    }

    fn read(storage: &Arc<dyn Storage>, entry: &Entry) -> Result<Option<Self>, JournalError> {
        let name = entry.name.as_str();
        let Some((seq, first_lsn)) = parse_segment_name(name) else {
            return Ok(None);
        };
        let file = Arc::new(Reopened::new(Arc::clone(storage), name));
        let mut page = [0; 2 * HEADER_COPY_BYTES];
        let read = file
            .read_at(&mut page, 0)
            .map_err(JournalError::io("read", name))?;
        let page = &page[..read];
        let copies = [
            SegmentHeader::decode(page),
            SegmentHeader::decode(page.get(HEADER_COPY_BYTES..).unwrap_or(&[])),
        ];
        Ok(Some(Self {
            name: name.to_owned(),
            seq,
            first_lsn,
            len: entry.len,
            allocated: entry.allocated,
            copies,
            archived: false,
            file,
        }))
    }

    /// Bad copies, a header for another version, a name that says something else.
    fn own_problems(&self, found: &mut Vec<Problem>) {
        for (index, copy) in self.copies.iter().enumerate() {
            if let Err(flaw) = copy {
                let what = format!("header copy {index} is bad ({flaw:?})");
                let at = (index * HEADER_COPY_BYTES) as u64;
                found.push(
                    Problem::new(Class::Corrupt, &self.name, what)
                        .at(at)
                        .lsn(self.first_lsn),
                );
            }
        }
        if let [Ok(first), Ok(second)] = &self.copies
            && first != second
        {
            found.push(Problem::new(
                Class::Chain,
                &self.name,
                "the two header copies are of different segments",
            ));
        }
        let Some(header) = self.header() else { return };
        found.extend(header.objection(&self.name));
        if (header.seq, header.first_lsn) != (self.seq, self.first_lsn) {
            let what = format!(
                "the header is of segment {} from LSN {}",
                header.seq, header.first_lsn
            );
            found.push(Problem::new(Class::Chain, &self.name, what).at(0));
        }
    }
}

impl Catalog {
    pub fn read(storage: &Arc<dyn Storage>) -> Result<Self, JournalError> {
        let mut catalog = Self {
            segments: Vec::new(),
            archive: Archive::default(),
            superseded: Vec::new(),
            forgotten: Vec::new(),
            meta: None,
            next: Vec::new(),
            has_reserve: false,
            snapshots: Vec::new(),
            unknown: Vec::new(),
        };
        for entry in storage
            .list()
            .map_err(JournalError::io("list", "the directory"))?
        {
            let name = entry.name.as_str();
            match name {
                META_FILE => catalog.meta = Some(read_meta(&**storage)?),
                LOCK_FILE | META_TMP_FILE => {}
                // A cache beside a segment; of no use without it, and never judged.
                _ if name.ends_with(SIDECAR_SUFFIX) || name.ends_with(SIDECAR_TMP_SUFFIX) => {}
                _ if snapshot_lsn(name).is_some() => catalog.snapshots.push(entry.name),
                _ if name.ends_with(SNAPSHOT_TMP_SUFFIX) => {}
                RESERVE_FILE => catalog.has_reserve = true,
                _ if name.ends_with(NEXT_SUFFIX) => catalog.next.push(entry.name),
                _ => match SegmentFile::read(storage, &entry) {
                    Ok(Some(segment)) => catalog.segments.push(segment),
                    Ok(None) => catalog.unknown.push(entry.name),
                    // Renamed between the listing and the opening, by a server that runs.
                    Err(JournalError::Io { source, .. })
                        if source.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                },
            }
        }
        catalog
            .segments
            .sort_by_key(|segment| (segment.seq, segment.first_lsn));
        catalog.archive = Archive::read(storage)?;
        let begins = catalog.newest_meta().map_or(0, |meta| meta.archive_seq);
        catalog.forgotten = catalog.archive.forget(begins);
        catalog.join_archive();
        Ok(catalog)
    }

    /// Puts archived segments before the others. `store.meta` decides between a segment and its archived copy: before it
    /// moves on, the archive file is unfinished business, after that the segment is.
    fn join_archive(&mut self) {
        let archived = self.archive.segments();
        if archived.is_empty() {
            return;
        }
        let first = self.segments.first().map_or(u64::MAX, |first| first.seq);
        let oldest = match self.newest_meta() {
            Some(meta) if meta.oldest_seq != 0 => meta.oldest_seq,
            Some(_) | None => first,
        };
        // A file of that number which is not the archived segment misfits, and whose it is nobody here can tell.
        let holds = |segment: &SegmentFile| {
            let same = |archived: &SegmentFile| {
                (archived.seq, archived.first_lsn) == (segment.seq, segment.first_lsn)
                    && archived.header() == segment.header()
            };
            archived.iter().any(same)
        };
        let (superseded, mut segments): (Vec<_>, Vec<_>) = std::mem::take(&mut self.segments)
            .into_iter()
            .partition(|segment| segment.seq < oldest && holds(segment));
        self.superseded = superseded;
        let stands = |seq: u64| segments.iter().any(|segment| segment.seq == seq);
        let mut joined: Vec<_> = archived
            .into_iter()
            .filter(|segment| segment.seq < oldest || !stands(segment.seq))
            .collect();
        joined.append(&mut segments);
        joined.sort_by_key(|segment| (segment.seq, segment.first_lsn));
        self.segments = joined;
    }

    /// The oldest segment that stands for itself.
    pub(crate) fn oldest_live(&self) -> Option<&SegmentFile> {
        self.segments.iter().find(|segment| !segment.archived)
    }

    pub fn newest_meta(&self) -> Option<&Meta> {
        self.meta.as_ref().and_then(MetaCopies::newest)
    }

    /// The header that states where segment `index` ends: that of its true successor, not of just any next file.
    pub fn successor(&self, index: usize) -> Option<&SegmentHeader> {
        let own = self.segments.get(index)?.header()?;
        let next = self.segments.get(index + 1)?.header()?;
        (next.store_id == own.store_id && next.seq == own.seq + 1).then_some(next)
    }

    /// Everything that does not fit together, headers and names only.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for segment in &self.segments {
            segment.own_problems(&mut found);
        }
        if let Some(meta) = &self.meta {
            found.extend(meta.problems());
        }
        found.extend(self.archive.problems.iter().cloned());
        self.chain_problems(&mut found);
        self.meta_problems(&mut found);
        found
    }

    /// Problems with which nobody may be served. A single bad copy of a header or of the meta is not among them.
    pub fn blocking_problems(&self) -> Vec<Problem> {
        let mut found = self.archive.problems.clone();
        for segment in &self.segments {
            let mut own = Vec::new();
            segment.own_problems(&mut own);
            let readable = segment.header().is_some();
            found.extend(
                own.into_iter()
                    .filter(|problem| !readable || problem.class != Class::Corrupt),
            );
        }
        self.chain_problems(&mut found);
        self.meta_problems(&mut found);
        found
    }

    /// The worst of these.
    pub(crate) fn worst_blocking(&self) -> Option<Problem> {
        let found = self.blocking_problems().into_iter();
        found.max_by_key(|problem| problem.class.severity())
    }

    /// Where the log begins, if `store.meta` says that this is behind LSN 1: what was before has been deleted. A segment
    /// that is merely missing is a problem, and not this.
    pub fn begins_later(&self) -> Option<Lsn> {
        let first = self.segments.first()?;
        let begins = self.newest_meta()?.archive_seq;
        (first.first_lsn > 1 && first.seq == begins).then_some(Lsn(first.first_lsn))
    }

    /// Objects to a log that no longer goes back to LSN 1.
    pub fn check_whole(&self) -> Result<(), JournalError> {
        match self.begins_later() {
            Some(begins) => Err(JournalError::Gone { begins }),
            None => Ok(()),
        }
    }

    /// Segments in which acknowledged records were given up, in words.
    pub fn losses(&self) -> Vec<String> {
        let segments = self.segments.iter();
        let marked = segments.filter(|segment| {
            segment
                .header()
                .is_some_and(|header| header.incompatible & FEATURE_LOSS != 0)
        });
        let words = |segment: &SegmentFile| {
            format!(
                "{}: acknowledged records in it were given up by a repair, see wal-tool verify",
                segment.name
            )
        };
        marked.map(words).collect()
    }

    fn chain_problems(&self, found: &mut Vec<Problem>) {
        for pair in self.segments.windows(2) {
            let [before, after] = pair else { continue };
            let chain = |what: String| Problem::new(Class::Chain, &after.name, what);
            if after.seq == before.seq {
                found.push(chain(format!("has the same number as {}", before.name)));
                continue;
            }
            if after.seq != before.seq + 1 {
                found.push(chain(format!(
                    "segments {} to {} before it are missing",
                    before.seq + 1,
                    after.seq - 1
                )));
                continue;
            }
            let (Some(old), Some(new)) = (before.header(), after.header()) else {
                continue;
            };
            if new.store_id != old.store_id {
                found.push(chain(format!(
                    "belongs to another store than {}",
                    before.name
                )));
            } else if new.first_lsn != new.prev_lsn + 1 || new.first_lsn < old.first_lsn {
                found.push(chain(format!(
                    "its LSNs do not follow on from {}",
                    before.name
                )));
            } else if new.epoch < old.epoch || new.timeline < old.timeline {
                found.push(chain(format!(
                    "its epoch is older than that of {}",
                    before.name
                )));
            } else if new.prev_bytes > old.capacity {
                found.push(chain(format!(
                    "says that {} is longer than it is",
                    before.name
                )));
            }
        }
    }

    fn meta_problems(&self, found: &mut Vec<Problem>) {
        let Some(meta) = self.newest_meta() else {
            if self.meta.is_some() || !self.segments.is_empty() {
                found.push(Problem::new(
                    Class::Meta,
                    META_FILE,
                    "no sound copy, but the directory holds a store",
                ));
            }
            return;
        };
        let missing = |what: String| Problem::new(Class::Chain, META_FILE, what);
        let (Some(oldest), Some(newest)) = (self.oldest_live(), self.segments.last()) else {
            if meta.active_seq != 0 {
                found.push(missing(format!(
                    "segment {} and all before it are missing",
                    meta.active_seq
                )));
            }
            return;
        };
        let Some(header) = newest.header() else {
            return;
        };
        if header.store_id != meta.store_id {
            found.push(missing(format!("{} belongs to another store", newest.name)));
        } else if newest.seq < meta.active_seq {
            found.push(missing(format!(
                "the newest segment, {}, is missing",
                meta.active_seq
            )));
        } else if newest.seq > meta.active_seq + 1
            || !(meta.epoch..=meta.epoch + 1).contains(&header.epoch)
        {
            found.push(missing(format!(
                "is older than {}: the directory is mixed or rolled back",
                newest.name
            )));
        } else if newest.seq == meta.active_seq && newest.first_lsn != meta.active_first_lsn {
            found.push(missing(format!(
                "says that segment {} begins elsewhere",
                newest.seq
            )));
        } else if header.timeline != meta.timeline {
            found.push(missing(format!("{} is of another timeline", newest.name)));
        }
        if meta.active_seq != 0 && oldest.seq != meta.oldest_seq {
            let what = format!(
                "the oldest segment should be {}, but is {}",
                meta.oldest_seq, oldest.seq
            );
            found.push(missing(what));
        }
        self.archive_problems(meta, found);
    }

    /// The log must go back to where the archive begins.
    fn archive_problems(&self, meta: &Meta, found: &mut Vec<Problem>) {
        let begins = meta.archive_seq.max(1);
        let first = self.segments.first().map_or(0, |first| first.seq);
        if meta.active_seq != 0 && meta.oldest_seq > begins && first > begins {
            let what = format!(
                "segments {begins} to {} are missing from the archive",
                first.min(meta.oldest_seq) - 1
            );
            found.push(Problem::new(Class::Chain, META_FILE, what));
        }
    }
}

pub(super) fn read_meta(storage: &dyn Storage) -> Result<MetaCopies, JournalError> {
    let file = storage
        .open(META_FILE, Access::Read)
        .map_err(JournalError::io("open", META_FILE))?;
    let mut bytes = vec![0; META_READ_MAX];
    let read = file
        .read_at(&mut bytes, 0)
        .map_err(JournalError::io("read", META_FILE))?;
    Ok(MetaCopies::parse(&bytes[..read]))
}
