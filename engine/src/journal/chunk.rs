//! Chunks: the log cut into pieces at group boundaries, to be verified and replayed in parallel.
//!
//! Each states what it begins and ends with, and a scan that does not arrive there exactly is damage.

use super::catalog::SegmentFile;
use super::cut::{Cut, find_cuts};
use super::error::JournalError;
use super::frame::RecordHeader;
use super::group::CHECKPOINT_BYTES;
use super::index::Checkpoint;
use super::place::{Lsn, Position};
use super::reader::ActRef;
use super::segment::{HEADER_PAGE_BYTES, SegmentHeader};
use super::storage::StorageFile;
use super::tail::{sealed_problem, stops_early};
use super::walk::{Link, SegmentKey, Walk, Walked};
use parking_lot::Mutex;
use std::cell::RefCell;
use std::sync::Arc;
use thiserror::Error;

thread_local! {
    /// One read buffer per replaying thread.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A piece of the log.
#[derive(Clone)]
pub struct Chunk {
    pub(crate) span: Arc<Span>,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) start: Link,
    pub(crate) end: Link,
    slot: usize,
    results: Arc<Mutex<Vec<Option<ChunkEnds>>>>,
}

/// The readable part of one segment.
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) seq: u64,
    pub(crate) key: SegmentKey,
    pub(crate) file: Arc<dyn StorageFile>,
    /// Where its records begin and what they follow on from.
    pub(crate) first: Cut,
    /// Where they end, and with which record.
    pub(crate) end: Cut,
}

/// What a verified chunk begins and ends with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChunkEnds {
    /// What its first record follows on from.
    pub start: Link,
    /// Its last record.
    pub end: Link,
    /// Header time of its first record.
    pub first_time_us: i64,
    pub acts: u64,
    pub records: u64,
    pub checkpoints: Vec<Checkpoint>,
}

/// Why a scan stopped.
#[derive(Debug, Error)]
pub enum ScanError<E> {
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What the caller's function returned.
    #[error("{0}")]
    Each(E),
}

/// Joins records to acts.
struct Joiner {
    first: Option<(RecordHeader, u64)>,
    body: Vec<u8>,
}

impl ChunkEnds {
    /// Nothing at all, at this place: what the log behind a known state follows on from.
    pub(crate) fn at(link: Link) -> Self {
        Self {
            start: link,
            end: link,
            first_time_us: link.time_us,
            acts: 0,
            records: 0,
            checkpoints: Vec::new(),
        }
    }

    /// These ends, with the time before them where they have none: a piece of nothing but marks.
    pub(crate) fn after(self, before: Option<&Self>) -> Self {
        let earlier = before.map_or(i64::MIN, |before| before.end.time_us);
        let end = Link {
            time_us: self.end.time_us.max(earlier),
            ..self.end
        };
        Self { end, ..self }
    }

    /// Whether `next` goes on where this one ends.
    pub fn precedes(&self, next: &Self) -> bool {
        let (end, start) = (self.end, next.start);
        (end.lsn, end.crc) == (start.lsn, start.crc) && self.end.time_us <= next.first_time_us
    }
}

impl Span {
    pub(crate) fn new(segment: &SegmentFile, header: &SegmentHeader, end: Cut) -> Self {
        Self {
            name: segment.name.clone(),
            seq: segment.seq,
            key: SegmentKey::of(header),
            file: Arc::clone(&segment.file),
            first: Cut {
                at: HEADER_PAGE_BYTES,
                link: Link::stated_by(header),
            },
            end,
        }
    }
}

impl Chunk {
    pub fn segment(&self) -> u64 {
        self.span.seq
    }

    pub fn bytes(&self) -> u64 {
        self.to - self.from
    }

    /// LSN of its first record; a chunk without records has the one that would be next.
    pub fn first_lsn(&self) -> Lsn {
        Lsn(self.start.lsn + 1)
    }

    pub fn last_lsn(&self) -> Lsn {
        Lsn(self.end.lsn)
    }

    /// Verifies every byte and hands out every act in order. The ends are also kept for `start`.
    pub fn scan<E>(
        &self,
        mut each: impl FnMut(ActRef<'_>) -> Result<(), E>,
    ) -> Result<ChunkEnds, ScanError<E>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let len = usize::try_from(self.to - self.from).unwrap_or(usize::MAX);
            if scratch.len() < len {
                scratch.resize(len, 0);
            }
            let name = &self.span.name;
            let read = self.span.file.read_at(&mut scratch[..len], self.from);
            let count = read.map_err(JournalError::io("read", name))?;
            self.scan_bytes(&scratch[..count], &mut each)
        })
    }

    fn scan_bytes<E>(
        &self,
        bytes: &[u8],
        each: &mut impl FnMut(ActRef<'_>) -> Result<(), E>,
    ) -> Result<ChunkEnds, ScanError<E>> {
        let name = &self.span.name;
        let seq = u32::try_from(self.span.seq).unwrap_or(u32::MAX);
        let mut walk = Walk::new(bytes, self.from, self.span.key, self.start);
        let mut ends = ChunkEnds {
            start: self.start,
            end: self.end,
            first_time_us: i64::MAX,
            acts: 0,
            records: 0,
            checkpoints: Vec::new(),
        };
        let mut joiner = Joiner {
            first: None,
            body: Vec::new(),
        };
        let mut last_time = self.start.time_us;
        let mut checkpoint_next = 0;
        loop {
            let walked = match walk.step() {
                Ok(Some(walked)) => walked,
                Ok(None) => break,
                Err(flaw) => return Err(JournalError::from(sealed_problem(name, &flaw)).into()),
            };
            if walked.header().is_bare() {
                continue;
            }
            ends.records += 1;
            last_time = walked.header().time_us;
            if joiner.first.is_none() {
                ends.acts += 1;
                ends.first_time_us = ends.first_time_us.min(last_time);
                if walked.offset >= checkpoint_next {
                    let offset = u32::try_from(walked.offset).unwrap_or(u32::MAX);
                    ends.checkpoints.push(Checkpoint {
                        lsn: walked.header().lsn,
                        offset,
                    });
                    checkpoint_next = walked.offset + CHECKPOINT_BYTES as u64;
                }
            }
            if let Some(act) = joiner.join(seq, &walked) {
                each(act).map_err(ScanError::Each)?;
                joiner.first = None;
            }
        }
        let (end, link) = (walk.whole_end(), walk.whole_link());
        if end != self.to || (link.lsn, link.crc) != (self.end.lsn, self.end.crc) {
            return Err(JournalError::from(stops_early(name, end, link.lsn + 1)).into());
        }
        ends.end.time_us = last_time;
        self.results.lock()[self.slot] = Some(ends.clone());
        Ok(ends)
    }
}

impl Joiner {
    /// The act that this record completes.
    #[inline]
    fn join<'a>(&'a mut self, segment: u32, walked: &Walked<'a>) -> Option<ActRef<'a>> {
        let header = &walked.header();
        if self.first.is_none() && !header.is_more() {
            return Some(act(segment, header, walked.offset, header.lsn, walked.body));
        }
        if self.first.is_none() {
            self.body.clear();
            self.first = Some((*header, walked.offset));
        }
        self.body.extend_from_slice(walked.body);
        let (first, offset) = self.first?;
        (!header.is_more()).then(|| act(segment, &first, offset, header.lsn, &self.body))
    }
}

fn act<'a>(
    segment: u32,
    first: &RecordHeader,
    offset: u64,
    last_lsn: u64,
    body: &'a [u8],
) -> ActRef<'a> {
    ActRef {
        lsn: Lsn(first.lsn),
        last_lsn: Lsn(last_lsn),
        time_us: first.time_us,
        kind: first.kind,
        schema: first.schema,
        body,
        position: Position {
            segment,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
        },
    }
}

/// Makes chunks of the pieces between cuts; `ends` holds the last piece's end.
fn chunks_between(
    span: &Arc<Span>,
    cuts: &[Cut],
    end: Cut,
    slots: &Arc<Mutex<Vec<Option<ChunkEnds>>>>,
) -> Vec<Chunk> {
    let mut chunks = Vec::with_capacity(cuts.len());
    for (index, cut) in cuts.iter().enumerate() {
        let next = cuts.get(index + 1).unwrap_or(&end);
        let mut results = slots.lock();
        results.push(None);
        chunks.push(Chunk {
            span: Arc::clone(span),
            from: cut.at,
            to: next.at,
            start: cut.link,
            end: next.link,
            slot: results.len() - 1,
            results: Arc::clone(slots),
        });
    }
    chunks
}

/// Cuts segments into chunks.
pub(crate) fn cut_spans<'a>(
    spans: impl IntoIterator<Item = &'a Arc<Span>>,
    results: &Arc<Mutex<Vec<Option<ChunkEnds>>>>,
) -> Result<Vec<Chunk>, JournalError> {
    let mut chunks = Vec::new();
    for span in spans {
        let cuts = find_cuts(span, span.first, span.end.at)?;
        chunks.extend(chunks_between(span, &cuts, span.end, results));
    }
    Ok(chunks)
}

/// Header time of the last record in these chunks; None when they have none.
pub(crate) fn last_time_us(chunks: &[Chunk]) -> Result<Option<i64>, JournalError> {
    let Some(chunk) = chunks
        .iter()
        .rev()
        .find(|chunk| chunk.end.lsn > chunk.start.lsn)
    else {
        return Ok(None);
    };
    let ends = chunk.scan(|_| Ok::<(), std::convert::Infallible>(()))?;
    Ok(Some(ends.end.time_us))
}
