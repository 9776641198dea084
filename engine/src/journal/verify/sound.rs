//! The quick way through a segment in which nothing is wrong: a window at a time, and no word about what is wrong.
//!
//! ```text
//! segment  [ record | record | rec│ord | record | …      a record that a window cuts begins the next one
//! ```

use super::VerifyReport;
use crate::journal::catalog::SegmentFile;
use crate::journal::counts::Counts;
use crate::journal::error::JournalError;
use crate::journal::flaw::{Flaw, FlawKind};
use crate::journal::log_reader::LogReader;
use crate::journal::segment::{HEADER_PAGE_BYTES, SegmentHeader};
use crate::journal::tail::{Pass, Tail, judge_blank};
use crate::journal::walk::{Link, SegmentKey, Walk, first_set};

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
        let mut counts = Counts::default();
        let end = next.prev_bytes;
        let walk = walk_over(segment, header, end, window, &mut |walk| counts.walk(walk))?;
        let Some(walk) = walk else {
            return Ok(None);
        };
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

    /// Judges the newest segment a window at a time. `None`: something lies in it or behind its last group that takes
    /// all of it to be judged.
    pub(in crate::journal) fn judge_sound(
        &self,
        newest: &SegmentFile,
        window: &mut Vec<u8>,
    ) -> Result<Option<Tail>, JournalError> {
        let (Some(header), false) = (newest.header(), newest.archived) else {
            return Ok(None);
        };
        let size = newest.file.size();
        let size = size.map_err(JournalError::io("read", &newest.name))?;
        let mut pass = Pass::before(header);
        let walk = walk_over(newest, header, size, window, &mut |walk| {
            goes_on(pass.walk(walk))
        })?;
        let Some(walk) = walk.filter(Walk::is_between_groups) else {
            return Ok(None);
        };
        if !is_blank(newest, walk.at(), size, window)? {
            return Ok(None);
        }
        let tail = judge_blank(&newest.name, header, size, &pass, self.clean_lsn(header));
        Ok(tail.is_clean().then_some(tail))
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
                Err(flaw) => return goes_on(Err(flaw)),
            }
            if self.losses > 0 {
                return false;
            }
        }
    }
}

/// Whether a walk that came to this can go on in the next window.
fn goes_on(outcome: Result<(), Flaw>) -> bool {
    outcome.map_or_else(|flaw| flaw.kind == FlawKind::Cut, |()| true)
}

/// Walks over a segment up to `end`, or as far as a walk gets. `each` takes in a window, and says whether it is sound.
fn walk_over(
    segment: &SegmentFile,
    header: &SegmentHeader,
    end: u64,
    window: &mut Vec<u8>,
    each: &mut dyn FnMut(&mut Walk<'_>) -> bool,
) -> Result<Option<Walk<'static>>, JournalError> {
    window.resize(WINDOW_BYTES, 0);
    // What the window holds of the segment: `held` bytes from `at` on.
    let (mut at, mut held) = (HEADER_PAGE_BYTES, 0);
    let mut walk = Walk::new(&[], at, SegmentKey::of(header), Link::stated_by(header));
    while at < end {
        let len = usize::try_from(end - at).map_or(WINDOW_BYTES, |left| left.min(WINDOW_BYTES));
        let fresh = &mut window[held..len];
        let read = segment.file.read_at(fresh, at + held as u64);
        if read.map_err(JournalError::io("read", &segment.name))? < fresh.len() {
            return Ok(None);
        }
        let mut walking = walk.over(&window[..len], at);
        if !each(&mut walking) {
            return Ok(None);
        }
        let walked = usize::try_from(walking.at() - at).unwrap_or(len);
        at = walking.at();
        walk = walking.over(&[], at);
        if walked == 0 {
            break;
        }
        window.copy_within(walked..len, 0);
        held = len - walked;
    }
    Ok(Some(walk))
}

/// Whether a segment has nothing but zeros in `from..to`.
fn is_blank(
    segment: &SegmentFile,
    from: u64,
    to: u64,
    window: &mut [u8],
) -> Result<bool, JournalError> {
    let mut at = from;
    while at < to {
        let len = usize::try_from(to - at).map_or(window.len(), |left| left.min(window.len()));
        let read = segment.file.read_at(&mut window[..len], at);
        let read = read.map_err(JournalError::io("read", &segment.name))?;
        if read < len || first_set(&window[..len]).is_some() {
            return Ok(false);
        }
        at += len as u64;
    }
    Ok(true)
}
