//! What is written over bytes that cannot be believed: marks where nothing is lost, the record of a loss where it is.
//!
//! ```text
//! up to a boundary   | LOSS END | gap | MARK | MARK | ...          marks to the end, one a page
//! into a group       | LOSS, padded until the next sound record |  or, where that is far:
//!                    | MARK | MARK | ... | LOSS, padded |
//! ```
//! Everything behind stays where it is. Knows bytes and places, not why they are given up.

use super::super::frame::{
    BODY_BYTES_MAX, FLAG_BARE, FLAG_END, HEADER_BYTES, KIND_CLOSE, KIND_LOSS, KIND_MARK,
    RecordHeader, body_crc, framed_len, group_end,
};
use super::super::loss::{LOSS_BODY_BYTES, Loss};
use super::super::segment::GROUP_ALIGN;
use super::super::walk::{Link, SegmentKey};

/// Bytes that the shortest record of a loss takes.
const LOSS_BYTES: u64 = (HEADER_BYTES + LOSS_BODY_BYTES) as u64;

/// Where something is written over, and between which records it lies.
pub(super) struct Place {
    pub(super) key: SegmentKey,
    pub(super) from: u64,
    pub(super) to: u64,
    /// The last record before it.
    pub(super) link: Link,
    /// Header time of what is written here: not before the record in front, not after the one behind.
    pub(super) time_us: i64,
}

impl Place {
    fn ends_at_boundary(&self) -> bool {
        self.to == group_end(self.to, self.key.alignment)
    }

    /// Marks, or a last CLOSE, and zeros: nothing was lost here. `None` where no mark fits.
    pub(super) fn marks(&self, closed: bool) -> Option<Vec<u8>> {
        if !self.ends_at_boundary() {
            return None;
        }
        let mut bytes = self.zeros();
        self.put_marks(&mut bytes, self.from, self.to, &self.link);
        if closed {
            let last = self.from.max(self.to - u64::from(GROUP_ALIGN));
            self.put(&mut bytes, last, &self.bare(KIND_CLOSE, &self.link), &[]);
        }
        Some(bytes)
    }

    /// The record of a loss, and marks. `None` where it does not fit: then more has to be given up.
    pub(super) fn loss(&self, loss: &Loss) -> Option<Vec<u8>> {
        let mut bytes = self.zeros();
        if self.ends_at_boundary() {
            if self.from + LOSS_BYTES > self.to {
                return None;
            }
            let header = self.put_loss(&mut bytes, self.from, loss, LOSS_BODY_BYTES, FLAG_END);
            let next = group_end(self.from + LOSS_BYTES, self.key.alignment);
            self.put_marks(&mut bytes, next, self.to, &loss.link(&header));
            return Some(bytes);
        }
        let mut at = self.from;
        if self.to - self.from > framed_len(BODY_BYTES_MAX) as u64 {
            // The page that leaves room for it before the next sound record.
            at = (self.to - LOSS_BYTES) / u64::from(GROUP_ALIGN) * u64::from(GROUP_ALIGN);
            self.put_marks(&mut bytes, self.from, at, &self.link);
        }
        let len = usize::try_from((self.to - at).checked_sub(LOSS_BYTES)?).ok()?;
        self.put_loss(&mut bytes, at, loss, LOSS_BODY_BYTES + len, 0);
        Some(bytes)
    }

    fn zeros(&self) -> Vec<u8> {
        vec![0; usize::try_from(self.to - self.from).unwrap_or(usize::MAX)]
    }

    /// One mark a page: a page without a record would pass for the end of the log.
    fn put_marks(&self, bytes: &mut [u8], from: u64, to: u64, link: &Link) {
        let mut at = from;
        while at + HEADER_BYTES as u64 <= to {
            self.put(bytes, at, &self.bare(KIND_MARK, link), &[]);
            at = group_end(at + HEADER_BYTES as u64, self.key.alignment);
        }
    }

    fn bare(&self, kind: u8, link: &Link) -> RecordHeader {
        RecordHeader {
            kind,
            flags: FLAG_BARE | FLAG_END,
            lsn: link.lsn,
            time_us: self.time_us,
            durable_lsn: link.lsn,
            prev_crc: link.crc,
            body_crc: body_crc(&[]),
            ..RecordHeader::default()
        }
    }

    /// Gives the header as it stands there now.
    fn put_loss(
        &self,
        bytes: &mut [u8],
        at: u64,
        loss: &Loss,
        len: usize,
        flags: u8,
    ) -> RecordHeader {
        let body = loss.encode(len);
        let header = RecordHeader {
            kind: KIND_LOSS,
            flags,
            body_len: u32::try_from(body.len()).unwrap_or(u32::MAX),
            lsn: loss.from_lsn,
            time_us: self.time_us,
            durable_lsn: loss.from_lsn - 1,
            prev_crc: self.link.crc,
            body_crc: body_crc(&body),
            ..RecordHeader::default()
        };
        self.put(bytes, at, &header, &body);
        let encoded = header.encode(self.key.seed);
        RecordHeader::parse(&encoded)
    }

    fn put(&self, bytes: &mut [u8], at: u64, header: &RecordHeader, body: &[u8]) {
        let from = usize::try_from(at - self.from).unwrap_or(usize::MAX);
        bytes[from..from + HEADER_BYTES].copy_from_slice(&header.encode(self.key.seed));
        let body_at = from + HEADER_BYTES;
        bytes[body_at..body_at + body.len()].copy_from_slice(body);
    }
}
