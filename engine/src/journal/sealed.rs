//! The part of the log that nobody writes to any more, behind a known state: what background work is made from.
//!
//! While a journal runs that is every segment with a successor; a journal that is opened but not started can hand
//! out all of its log.

use super::base::{Base, first_behind};
use super::catalog::{Catalog, SegmentFile};
use super::chunk::{Chunk, ChunkEnds, Span, cut_spans, last_time_us};
use super::cut::Cut;
use super::error::{Class, JournalError, Problem};
use super::index::Checkpoint;
use super::open::Recovered;
use super::place::Lsn;
use super::reader::{ActRef, SegmentActs};
use super::sidecar;
use super::storage::Storage;
use super::tail::stops_early;
use super::walk::Link;
use super::{OpenReport, ScanError};
use std::sync::Arc;

/// Whole segments in order, behind a known state.
pub struct Sealed {
    storage: Arc<dyn Storage>,
    store_id: u128,
    timeline: u32,
    start: Link,
    spans: Vec<Arc<Span>>,
    chunks: Vec<Chunk>,
    end: Base,
}

impl Sealed {
    /// Of a directory that may be in use: all segments with a successor that have records behind the base.
    pub fn behind(storage: &Arc<dyn Storage>, base: Option<Base>) -> Result<Self, JournalError> {
        let catalog = Catalog::read(storage)?;
        let Some(last) = catalog.segments.last() else {
            return Self::of(storage, 0, 0, base, Vec::new());
        };
        let Some(header) = last.header() else {
            let what = "both header copies are bad";
            return Err(Problem::new(Class::Corrupt, &last.name, what).at(0).into());
        };
        let first = first_behind(&catalog, Link::stated_by(header), base)?;
        let mut spans = Vec::new();
        for index in first..catalog.segments.len() - 1 {
            spans.push(sealed_span(&catalog, index)?);
        }
        Self::of(storage, header.store_id, header.timeline, base, spans)
    }

    /// Of a directory that is held but not in use: everything behind the base that was decided on.
    pub fn all(recovered: &Recovered) -> Result<Self, JournalError> {
        let OpenReport { store_id, .. } = *recovered.report();
        let timeline = recovered.meta.as_ref().map_or(0, |meta| meta.timeline);
        // What the page cache alone has may be gone after a power cut, and a snapshot of it would be ahead of the log.
        recovered.sync_newest()?;
        let covered = |span: &&Arc<Span>| !recovered.is_covered(span);
        let spans = recovered.spans.iter().filter(covered).cloned().collect();
        Self::of(
            &recovered.storage,
            store_id,
            timeline,
            recovered.base,
            spans,
        )
    }

    fn of(
        storage: &Arc<dyn Storage>,
        store_id: u128,
        timeline: u32,
        base: Option<Base>,
        spans: Vec<Arc<Span>>,
    ) -> Result<Self, JournalError> {
        let chunks = cut_spans(&spans, &Arc::default())?;
        let start = base.map_or(Link::default(), |base| base.link());
        let time_us = last_time_us(&chunks)?.unwrap_or(start.time_us);
        let last = spans.last().map_or(start, |span| span.end.link);
        Ok(Self {
            storage: Arc::clone(storage),
            store_id,
            timeline,
            start,
            spans,
            chunks,
            end: Base {
                lsn: Lsn(last.lsn),
                crc: last.crc,
                time_us,
            },
        })
    }

    pub fn store_id(&self) -> u128 {
        self.store_id
    }

    pub fn timeline(&self) -> u32 {
        self.timeline
    }

    /// The last record; that of the base when there are no segments behind it.
    pub fn end(&self) -> Base {
        self.end
    }

    /// Whether there is no record in it.
    pub fn is_empty(&self) -> bool {
        self.end.lsn.0 == self.start.lsn
    }

    /// Bytes of records and padding.
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(Chunk::bytes).sum()
    }

    /// Verifies every byte and hands out every act in order, with the place of its segment among these. `between` is
    /// called after each piece of about a megabyte. The index of each segment is kept for the next start.
    pub fn scan<E>(
        &self,
        mut each: impl FnMut(usize, ActRef<'_>) -> Result<(), E>,
        mut between: impl FnMut() -> Result<(), E>,
    ) -> Result<(), ScanError<E>> {
        let mut before = (self.start.lsn > 0).then(|| ChunkEnds::at(self.start));
        let mut chunks = self.chunks.iter().peekable();
        for (at, span) in self.spans.iter().enumerate() {
            let mut checkpoints: Vec<Checkpoint> = Vec::new();
            while let Some(chunk) = chunks.next_if(|chunk| chunk.segment() == span.seq) {
                let ends = chunk.scan(|act| each(at, act))?;
                if before
                    .as_ref()
                    .is_some_and(|before| !before.precedes(&ends))
                {
                    let stops = stops_early(&span.name, chunk.from, ends.start.lsn + 1);
                    return Err(JournalError::from(stops).into());
                }
                checkpoints.extend_from_slice(&ends.checkpoints);
                before = Some(ends.after(before.as_ref()));
                between().map_err(ScanError::Each)?;
            }
            sidecar::keep(&*self.storage, span, &checkpoints);
        }
        Ok(())
    }

    /// The acts of each segment by their places, in the order of `scan`.
    pub fn acts(&self) -> Vec<SegmentActs> {
        self.spans.iter().map(SegmentActs::of).collect()
    }
}

fn sealed_span(catalog: &Catalog, index: usize) -> Result<Arc<Span>, JournalError> {
    let segment: &SegmentFile = &catalog.segments[index];
    match (segment.header(), catalog.successor(index)) {
        (Some(header), Some(next)) => {
            Ok(Arc::new(Span::new(segment, header, Cut::stated_by(next))))
        }
        _ => {
            let what = "its successor is missing";
            Err(Problem::new(Class::Chain, &segment.name, what).into())
        }
    }
}
