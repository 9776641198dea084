//! What a start takes over from the log it found: the index for reading back, and space that nobody uses.

use super::group::GROUP_BYTES_MAX;
use super::index::{IndexedSegment, LogIndex};
use super::open::Recovered;
use super::segment::SegmentHeader;
use super::shelf::{ReadyFile, Unused};
use super::walk::SegmentKey;
use std::sync::Arc;

/// A sealed segment that has more than this behind its end was not cleared by the run that sealed it, because it was
/// killed first. One group's length may be torn bytes, which stay.
const UNCLEARED_BYTES_MIN: u64 = GROUP_BYTES_MAX as u64 + 64 * 1024;

impl Recovered {
    /// What lies behind the end of each segment that is sealed by now. Torn bytes in there are found and kept by the
    /// filler.
    pub(super) fn unused(&self, header: &SegmentHeader) -> Vec<Unused> {
        let mut found = Vec::new();
        for (span, segment) in self.spans.iter().zip(&self.catalog.segments) {
            let end = span.end.at;
            let just_sealed = self
                .newest
                .as_ref()
                .is_some_and(|newest| newest.header.seq == span.seq);
            let uncleared = segment.allocated > end + UNCLEARED_BYTES_MIN;
            if span.seq != header.seq && segment.len > end && (just_sealed || uncleared) {
                found.push(Unused {
                    name: span.name.clone(),
                    file: Arc::clone(&span.file),
                    from: end,
                    len: segment.len - end,
                });
            }
        }
        found
    }

    pub(super) fn index(
        &self,
        name: &str,
        header: &SegmentHeader,
        ready: &ReadyFile,
        durable: u64,
    ) -> LogIndex {
        let mut segments: Vec<Arc<IndexedSegment>> = Vec::new();
        for (span, segment) in self.spans.iter().zip(&self.catalog.segments) {
            if span.seq == header.seq {
                continue;
            }
            if self.is_covered(span) {
                let unread = IndexedSegment::unread(span, segment.first_lsn, &self.storage);
                segments.push(Arc::new(unread));
                continue;
            }
            let file = Arc::clone(&span.file);
            let indexed = IndexedSegment::new(
                span.name.clone(),
                span.seq,
                segment.first_lsn,
                span.key,
                file,
            );
            let results = self.results.lock();
            // Chunks are in the order of their segments.
            let from = self
                .chunks
                .partition_point(|chunk| chunk.span.seq < span.seq);
            let chunks = self.chunks.iter().enumerate().skip(from);
            for (slot, _) in chunks.take_while(|(_, chunk)| chunk.span.seq == span.seq) {
                if let Some(ends) = &results[slot] {
                    indexed.add(ends.checkpoints.iter().copied());
                }
            }
            indexed.seal();
            segments.push(Arc::new(indexed));
        }
        let key = SegmentKey::of(header);
        let file = Arc::clone(&ready.file);
        segments.push(Arc::new(IndexedSegment::new(
            name.to_owned(),
            header.seq,
            header.first_lsn,
            key,
            file,
        )));
        LogIndex::new(segments, durable)
    }
}
