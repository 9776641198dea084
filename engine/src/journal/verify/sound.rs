//! The quick way through a segment in which nothing is wrong: a window at a time, and no word about what is wrong.
//!
//! ```text
//! segment  [ group | group | gro│up | group | …      a group that a window cuts begins the next one
//! ```

use super::VerifyReport;
use crate::journal::counts::Counts;
use crate::journal::error::JournalError;
use crate::journal::flaw::FlawKind;
use crate::journal::log_reader::LogReader;
use crate::journal::segment::HEADER_PAGE_BYTES;
use crate::journal::walk::{Link, SegmentKey, Walk};

/// Bytes of a sound segment that are in memory at once, in one buffer for all segments: several groups, of which only the
/// one that is cut is walked twice, and little beside the processor's caches. A fresh buffer of the length of a segment for each of them cost as much as the
/// checking.
const WINDOW_BYTES: usize = 4 << 20;

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
        let end = next.prev_bytes;
        let mut counts = Counts::default();
        window.resize(WINDOW_BYTES, 0);
        // What the window holds of the segment: `held` bytes from `at` on.
        let (mut at, mut held) = (HEADER_PAGE_BYTES, 0);
        while at < end {
            let len = usize::try_from(end - at).map_or(WINDOW_BYTES, |left| left.min(WINDOW_BYTES));
            let fresh = &mut window[held..len];
            let read = segment.file.read_at(fresh, at + held as u64);
            if read.map_err(JournalError::io("read", &segment.name))? < fresh.len() {
                return Ok(None);
            }
            let mut walk = Walk::new(&window[..len], at, key, link);
            let whole = counts.walk(&mut walk, at + len as u64);
            let walked = usize::try_from(walk.whole_end() - at).unwrap_or(len);
            if !whole || walked == 0 {
                return Ok(None);
            }
            (at, link) = (walk.whole_end(), walk.whole_link());
            window.copy_within(walked..len, 0);
            held = len - walked;
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
                Ok(Some(walked)) => seen.count(&walked.header()),
                Err(flaw) if flaw.kind == FlawKind::Cut => return true,
                Ok(None) if walk.whole_end() == window_end => return true,
                Ok(_) | Err(_) => return false,
            }
            if seen.losses > 0 {
                return false;
            }
            if walk.is_between_groups() {
                *self = seen;
            }
        }
    }
}
