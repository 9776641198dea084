//! The quick way through a segment in which nothing is wrong: a window at a time, and no word about what is wrong.
//!
//! ```text
//! segment  [ record | record | rec│ord | record | …      a record that a window cuts begins the next one
//! ```

use super::VerifyReport;
use crate::journal::counts::Counts;
use crate::journal::error::JournalError;
use crate::journal::flaw::FlawKind;
use crate::journal::log_reader::LogReader;
use crate::journal::segment::HEADER_PAGE_BYTES;
use crate::journal::walk::{Link, SegmentKey, Walk};

/// Bytes of a sound segment that are in memory at once, in one buffer for all segments: little enough that they are still in
/// the processor's own cache when they are checked, and many records.
const WINDOW_BYTES: usize = 256 << 10;

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
        let (key, link) = (SegmentKey::of(header), Link::stated_by(header));
        let end = next.prev_bytes;
        let mut counts = Counts::default();
        window.resize(WINDOW_BYTES, 0);
        // What the window holds of the segment: `held` bytes from `at` on.
        let (mut at, mut held) = (HEADER_PAGE_BYTES, 0);
        let mut walk = Walk::new(&[], at, key, link);
        while at < end {
            let len = usize::try_from(end - at).map_or(WINDOW_BYTES, |left| left.min(WINDOW_BYTES));
            let fresh = &mut window[held..len];
            let read = segment.file.read_at(fresh, at + held as u64);
            if read.map_err(JournalError::io("read", &segment.name))? < fresh.len() {
                return Ok(None);
            }
            let mut walking = walk.over(&window[..len], at);
            let sound = counts.walk(&mut walking);
            let walked = usize::try_from(walking.at() - at).unwrap_or(len);
            if !sound || walked == 0 {
                return Ok(None);
            }
            at = walking.at();
            walk = walking.over(&[], at);
            window.copy_within(walked..len, 0);
            held = len - walked;
        }
        let link = walk.whole_link();
        if (walk.whole_end(), link.lsn, link.crc) != (end, next.prev_lsn, next.prev_crc) {
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
    /// Counts up to the end of a window, which may cut the last record. `false`: something is wrong, or records were given up
    /// here.
    fn walk(&mut self, walk: &mut Walk<'_>) -> bool {
        loop {
            match walk.step() {
                Ok(Some(walked)) => self.count(&walked.header()),
                // At the very end of the window too; a blank header before it leaves the walk where it stands.
                Ok(None) => return true,
                Err(flaw) => return flaw.kind == FlawKind::Cut,
            }
            if self.losses > 0 {
                return false;
            }
        }
    }
}
