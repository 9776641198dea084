//! The record of a loss: what stands in the log where acknowledged records were given up.
//!
//! ```text
//! body:  0 u64 first lost LSN   8 u64 last lost LSN   16 i64 when, µs
//!       24 u32 header CRC that the next record names as its predecessor's, 0 = that of this one
//!       28 u32 zero   then zeros
//! ```
//! It bears the first lost LSN and takes the place of all of them, so that no LSN is ever used again and what follows
//! stays byte for byte as it was. Only a repair writes it; it knows nothing of what was lost.

use super::bytes::{get_u32, get_u64, put_u32, put_u64};
use super::frame::RecordHeader;
use super::walk::Link;

const AT_FROM: usize = 0;
const AT_TO: usize = 8;
const AT_WHEN: usize = 16;
const AT_NEXT_CRC: usize = 24;
/// Shortest body; a longer one is zeros from here on.
pub(crate) const LOSS_BODY_BYTES: usize = 32;

/// Records that were given up for good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    pub from_lsn: u64,
    pub to_lsn: u64,
    /// When they were given up, microseconds since the Unix epoch.
    pub at_us: i64,
    /// Header CRC of the last lost record, as the record behind it states; 0 when that follows on from this one.
    pub next_crc: u32,
}

impl Loss {
    /// What a sound record of this kind says; `None` when it cannot say that.
    pub fn decode(header: &RecordHeader, body: &[u8]) -> Option<Self> {
        let loss = Self::parse(body)?;
        let fits = loss.from_lsn == header.lsn && loss.to_lsn >= loss.from_lsn;
        (fits && !header.is_bare() && !header.is_more()).then_some(loss)
    }

    /// What a body says, whatever record it came from.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let (fixed, rest) = body.split_at_checked(LOSS_BODY_BYTES)?;
        if rest.iter().any(|byte| *byte != 0) || get_u32(fixed, AT_NEXT_CRC + 4) != 0 {
            return None;
        }
        Some(Self {
            from_lsn: get_u64(fixed, AT_FROM),
            to_lsn: get_u64(fixed, AT_TO),
            at_us: get_u64(fixed, AT_WHEN).cast_signed(),
            next_crc: get_u32(fixed, AT_NEXT_CRC),
        })
    }

    /// What the next record follows on from, given the header that this stands behind.
    pub(crate) fn link(&self, header: &RecordHeader) -> Link {
        Link {
            lsn: self.to_lsn,
            crc: match self.next_crc {
                0 => header.hdr_crc,
                stated => stated,
            },
            time_us: header.time_us,
        }
    }

    /// The body, zeros up to `len`.
    pub(crate) fn encode(&self, len: usize) -> Vec<u8> {
        let mut body = vec![0; len.max(LOSS_BODY_BYTES)];
        put_u64(&mut body, AT_FROM, self.from_lsn);
        put_u64(&mut body, AT_TO, self.to_lsn);
        put_u64(&mut body, AT_WHEN, self.at_us.cast_unsigned());
        put_u32(&mut body, AT_NEXT_CRC, self.next_crc);
        body
    }
}
