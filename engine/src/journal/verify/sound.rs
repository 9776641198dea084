//! The quick way through a segment in which nothing is wrong: a window at a time, and no word about what is wrong.
//!
//! ```text
//! segment  [ group | group | gro│up | group | …      a group that a window cuts begins the next one
//! ```

use super::VerifyReport;
use crate::journal::error::JournalError;
use crate::journal::flaw::FlawKind;
use crate::journal::frame::{KIND_CLOSE, KIND_LOSS, KIND_MARK, RecordHeader};
use crate::journal::log_reader::LogReader;
use crate::journal::segment::HEADER_PAGE_BYTES;
use crate::journal::walk::{Link, SegmentKey, Walk};

/// Bytes of a sound segment that are in memory at once, in one buffer for all segments: as much as the processor's own
/// cache holds, and more than a group. A fresh buffer of the length of a segment for each of them cost as much as the
/// checking.
const WINDOW_BYTES: usize = 2 << 20;

/// What a walk has met.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) groups: u64,
    pub(super) acts: u64,
    pub(super) records: u64,
    pub(super) bare: u64,
    /// Bytes of records.
    pub(super) used: u64,
    pub(super) first_lsn: u64,
    pub(super) last_lsn: u64,
}

impl LogReader {
    /// Checks a sealed segment a window at a time. `None`: something is wrong with it, or it is archived, and to say
    /// what takes all of it.
    pub(super) fn verify_sound(
        &self,
        index: usize,
        window: &mut Vec<u8>,
    ) -> Result<Option<VerifyReport>, JournalError> {
        let segment = &self.catalog().segments[index];
        let (Some(header), Some(next), false) = (
            segment.header(),
            self.catalog().successor(index),
            segment.archived,
        ) else {
            return Ok(None);
        };
        let (key, mut link) = (SegmentKey::of(header), Link::stated_by(header));
        let (mut at, end) = (HEADER_PAGE_BYTES, next.prev_bytes);
        let mut counts = Counts::default();
        window.resize(WINDOW_BYTES, 0);
        while at < end {
            let len = (end - at).min(WINDOW_BYTES as u64);
            let bytes = &mut window[..len as usize];
            let read = segment.file.read_at(bytes, at);
            if read.map_err(JournalError::io("read", &segment.name))? < bytes.len() {
                return Ok(None);
            }
            let mut walk = Walk::new(bytes, at, key, link);
            let whole = counts.walk(&mut walk, at + len);
            if !whole || walk.whole_end() == at {
                return Ok(None);
            }
            (at, link) = (walk.whole_end(), walk.whole_link());
        }
        if (at, link.lsn, link.crc) != (end, next.prev_lsn, next.prev_crc) {
            return Ok(None);
        }
        let mut report = VerifyReport {
            segments: 1,
            ..VerifyReport::default()
        };
        report.take(&counts, end);
        Ok(Some(report))
    }
}

impl Counts {
    /// Counts whole groups up to the end of a window, which may cut the last one. `false`: something is wrong, or records
    /// were given up here.
    fn walk(&mut self, walk: &mut Walk<'_>, window_end: u64) -> bool {
        let mut seen = *self;
        loop {
            match walk.step() {
                Ok(Some(walked)) if walked.header.kind != KIND_LOSS => seen.count(&walked.header),
                Err(flaw) if flaw.kind == FlawKind::Cut => return true,
                Ok(None) if walk.whole_end() == window_end => return true,
                Ok(_) | Err(_) => return false,
            }
            if walk.is_between_groups() {
                *self = seen;
            }
        }
    }

    /// Counts one record.
    #[inline]
    pub(super) fn count(&mut self, header: &RecordHeader) {
        self.used += header.framed_len() as u64;
        self.groups += u64::from(header.is_end());
        if header.kind == KIND_MARK || header.kind == KIND_CLOSE {
            self.bare += 1;
            return;
        }
        self.records += 1;
        self.acts += u64::from(!header.is_more());
        if self.first_lsn == 0 {
            self.first_lsn = header.lsn;
        }
        self.last_lsn = header.lsn;
    }
}
