//! Where the log can be cut into chunks: at the start of a group, about every megabyte.
//!
//! A cut is found by looking for a sound header on a page start and walking headers to the end of its group: that costs
//! next to nothing and need not be trusted, because each chunk states what it begins and ends with (`Link`), and a scan
//! that does not arrive there exactly is damage. Where no sound header is found there is no cut, so damage always lies
//! inside a chunk, where the scan meets it.

use super::chunk::Span;
use super::error::JournalError;
use super::frame::{HEADER_BYTES, RecordHeader, group_end};
use super::segment::{GROUP_ALIGN, SegmentHeader};
use super::walk::Link;

/// Aimed-at length: it fits a core's cache, and a log of any size makes enough of them for all cores.
pub(crate) const CHUNK_BYTES: u64 = 1024 * 1024;
/// What probing for a cut reads at a time.
const PROBE_BYTES: usize = 64 * 1024;

/// A place to cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) at: u64,
    pub(crate) link: Link,
}

impl Cut {
    /// Where the segment before this header ends.
    pub(crate) fn stated_by(next: &SegmentHeader) -> Self {
        Self {
            at: next.prev_bytes,
            link: Link::stated_by(next),
        }
    }
}

/// Cuts `first.at..end` about every `CHUNK_BYTES`.
pub(crate) fn find_cuts(span: &Span, first: Cut, end: u64) -> Result<Vec<Cut>, JournalError> {
    let mut probe = Probe {
        span,
        bytes: vec![0; PROBE_BYTES],
        base: 0,
        held: 0,
        end,
    };
    let mut cuts = vec![first];
    let mut target = first.at + CHUNK_BYTES;
    while target < end {
        let Some(cut) = probe.cut_behind(target)? else {
            break;
        };
        cuts.push(cut);
        target = cut.at + CHUNK_BYTES;
    }
    Ok(cuts)
}

struct Probe<'a> {
    span: &'a Span,
    bytes: Vec<u8>,
    base: u64,
    held: usize,
    end: u64,
}

impl Probe<'_> {
    /// The first group that begins behind `target` and can be told for sure.
    fn cut_behind(&mut self, target: u64) -> Result<Option<Cut>, JournalError> {
        let page = u64::from(GROUP_ALIGN);
        let mut at = target;
        while at < self.end {
            let Some(mut header) = self.header(at)? else {
                at += page;
                continue;
            };
            let mut offset = at;
            loop {
                offset += header.framed_len() as u64;
                if header.is_end() {
                    break;
                }
                match self.header(offset)? {
                    Some(next) => header = next,
                    None => return Ok(None),
                }
            }
            let boundary = group_end(offset, self.span.key.alignment);
            if boundary >= self.end {
                return Ok(None);
            }
            if let Some(first) = self.header(boundary)? {
                return Ok(Some(Cut {
                    at: boundary,
                    link: Link::before(&first),
                }));
            }
            at = group_end(boundary + 1, GROUP_ALIGN);
        }
        Ok(None)
    }

    fn header(&mut self, offset: u64) -> Result<Option<RecordHeader>, JournalError> {
        if offset + HEADER_BYTES as u64 > self.end {
            return Ok(None);
        }
        if offset < self.base || offset + HEADER_BYTES as u64 > self.base + self.held as u64 {
            let read = self.span.file.read_at(&mut self.bytes, offset);
            self.held = read.map_err(JournalError::io("read", &self.span.name))?;
            self.base = offset;
        }
        let from = usize::try_from(offset - self.base).unwrap_or(usize::MAX);
        let held = self.bytes[..self.held].get(from..).unwrap_or(&[]);
        Ok(RecordHeader::decode(held, self.span.key.seed).ok())
    }
}
