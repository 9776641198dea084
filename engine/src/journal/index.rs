//! The sparse index: from an LSN to a place close before it, one checkpoint per 4 KiB of log.
//!
//! Replay fills it chunk by chunk, the writer carries it on. It knows where acts begin, never what they say.

use super::chunk::Span;
use super::error::JournalError;
use super::map::MappedSegment;
use super::sidecar::checkpoints;
use super::storage::{Storage, StorageFile};
use super::walk::SegmentKey;
use parking_lot::{Mutex, RwLock};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// An act's first LSN, and its offset in the segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    pub lsn: u64,
    pub offset: u32,
}

/// A checkpoint with its LSN counted from the segment's first one: a segment of at most 1 GiB holds fewer than 2^32 records.
#[derive(Clone, Copy, Debug)]
struct Point {
    lsn_delta: u32,
    offset: u32,
}

/// One segment that can be read while the journal runs.
pub(crate) struct IndexedSegment {
    pub(crate) name: String,
    pub(crate) seq: u64,
    pub(crate) first_lsn: u64,
    pub(crate) key: SegmentKey,
    pub(crate) file: Arc<dyn StorageFile>,
    sealed: AtomicBool,
    map: OnceLock<Option<MappedSegment>>,
    points: RwLock<Vec<Point>>,
    /// Where the points come from, until somebody asks for one.
    unread: Mutex<Option<Unread>>,
    is_unread: AtomicBool,
}

/// A sealed segment whose checkpoints nobody has needed yet.
struct Unread {
    storage: Arc<dyn Storage>,
    span: Arc<Span>,
}

/// All segments, oldest first, and how far they may be read.
#[derive(Debug)]
pub(crate) struct LogIndex {
    segments: RwLock<Vec<Arc<IndexedSegment>>>,
    durable: AtomicU64,
}

impl IndexedSegment {
    pub(crate) fn new(
        name: String,
        seq: u64,
        first_lsn: u64,
        key: SegmentKey,
        file: Arc<dyn StorageFile>,
    ) -> Self {
        Self {
            name,
            seq,
            first_lsn,
            key,
            file,
            sealed: AtomicBool::new(false),
            map: OnceLock::new(),
            points: RwLock::new(Vec::new()),
            unread: Mutex::new(None),
            is_unread: AtomicBool::new(false),
        }
    }

    /// A segment that was found, without its checkpoints.
    pub(crate) fn of(span: &Span) -> Self {
        let (name, file) = (span.name.clone(), Arc::clone(&span.file));
        Self::new(name, span.seq, span.first.link.lsn + 1, span.key, file)
    }

    /// A sealed segment that was not scanned: its checkpoints are fetched when they are first asked for.
    pub(crate) fn unread(span: &Arc<Span>, first_lsn: u64, storage: &Arc<dyn Storage>) -> Self {
        let mut segment = Self::of(span);
        segment.first_lsn = first_lsn;
        segment.seal();
        *segment.unread.lock() = Some(Unread {
            storage: Arc::clone(storage),
            span: Arc::clone(span),
        });
        segment.is_unread.store(true, Ordering::Release);
        segment
    }

    /// The same segment, read from somewhere else from now on. Its places stay what they were.
    fn moved(&self, span: &Arc<Span>) -> Self {
        let unread = self.unread.lock();
        let mut segment = match &*unread {
            Some(before) => Self::unread(span, self.first_lsn, &before.storage),
            None => Self::of(span),
        };
        segment.first_lsn = self.first_lsn;
        segment.seal();
        segment.points = RwLock::new(self.points.read().clone());
        segment
    }

    /// From here on the bytes never change, so they may be mapped.
    pub(crate) fn seal(&self) {
        self.sealed.store(true, Ordering::Release);
    }

    pub(crate) fn add(&self, checkpoints: impl Iterator<Item = Checkpoint>) {
        let mut points = self.points.write();
        points.extend(checkpoints.map(|checkpoint| Point {
            lsn_delta: u32::try_from(checkpoint.lsn - self.first_lsn).unwrap_or(u32::MAX),
            offset: checkpoint.offset,
        }));
    }

    /// Offset of the last checkpoint at or before `lsn`.
    pub(crate) fn before(&self, lsn: u64) -> Result<Option<u32>, JournalError> {
        if self.is_unread.load(Ordering::Acquire) {
            self.fetch()?;
        }
        Ok(self.point_before(lsn))
    }

    fn point_before(&self, lsn: u64) -> Option<u32> {
        let delta = u32::try_from(lsn.checked_sub(self.first_lsn)?).ok()?;
        let points = self.points.read();
        let count = points.partition_point(|point| point.lsn_delta <= delta);
        Some(points.get(count.checked_sub(1)?)?.offset)
    }

    fn fetch(&self) -> Result<(), JournalError> {
        let mut unread = self.unread.lock();
        if let Some(Unread { storage, span }) = &*unread {
            let found = checkpoints(&**storage, span)?;
            self.add(found.into_iter());
            *unread = None;
            self.is_unread.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// The whole file mapped, once it is sealed.
    pub(crate) fn mapped(&self) -> Option<&[u8]> {
        if !self.sealed.load(Ordering::Acquire) {
            return None;
        }
        self.map.get_or_init(|| self.file.map()).as_deref()
    }
}

impl fmt::Debug for IndexedSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexedSegment")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl LogIndex {
    pub(crate) fn new(segments: Vec<Arc<IndexedSegment>>, durable: u64) -> Self {
        Self {
            segments: RwLock::new(segments),
            durable: AtomicU64::new(durable),
        }
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub(crate) fn set_durable(&self, lsn: u64) {
        self.durable.store(lsn, Ordering::Release);
    }

    /// Adds the next segment; the one before is sealed by that.
    pub(crate) fn push(&self, segment: Arc<IndexedSegment>) {
        let mut segments = self.segments.write();
        if let Some(last) = segments.last() {
            last.seal();
        }
        segments.push(segment);
    }

    /// A segment lies somewhere else now. Whoever reads it at this moment goes on with what it has.
    pub(crate) fn moved(&self, span: &Arc<Span>) {
        let mut segments = self.segments.write();
        if let Some(segment) = segments.iter_mut().find(|segment| segment.seq == span.seq) {
            *segment = Arc::new(segment.moved(span));
        }
    }

    /// The log begins with this segment now. Whoever reads one before it at this moment goes on with what it has.
    pub(crate) fn begin_with(&self, seq: u64) {
        self.segments.write().retain(|segment| segment.seq >= seq);
    }

    /// The lowest LSN that can be read.
    pub(crate) fn first(&self) -> u64 {
        let segments = self.segments.read();
        segments.first().map_or(0, |first| first.first_lsn)
    }

    /// The segment that holds `lsn`. Segments without any record of their own share their first LSN with the next one.
    pub(crate) fn holding(&self, lsn: u64) -> Option<Arc<IndexedSegment>> {
        let segments = self.segments.read();
        let count = segments.partition_point(|segment| segment.first_lsn <= lsn);
        segments.get(count.checked_sub(1)?).cloned()
    }
}
