//! FORK: the first record that a restored store writes itself. It says whom the store descends from, and where it
//! left its parent.
//!
//! ```text
//! 0 u128 store id of the parent   16 u64 last LSN taken over   24 u32 that record's header CRC in the parent
//! 28 u32 timeline of the parent
//! ```

use super::bytes::{get_u32, get_u64};
use super::place::Lsn;

/// Length of the body.
pub(crate) const FORK_BYTES: usize = 32;
/// Layout of the body.
pub(crate) const FORK_SCHEMA: u16 = 1;

/// Whom a store descends from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fork {
    pub parent: u128,
    /// The last record taken over; 0 when there was none.
    pub lsn: Lsn,
    /// Its header CRC in the parent.
    pub hdr_crc: u32,
    pub timeline: u32,
}

impl Fork {
    pub fn encode(&self) -> [u8; FORK_BYTES] {
        let mut out = [0; FORK_BYTES];
        out[..16].copy_from_slice(&self.parent.to_le_bytes());
        out[16..24].copy_from_slice(&self.lsn.0.to_le_bytes());
        out[24..28].copy_from_slice(&self.hdr_crc.to_le_bytes());
        out[28..].copy_from_slice(&self.timeline.to_le_bytes());
        out
    }

    /// None when the body has another length.
    pub fn decode(body: &[u8]) -> Option<Self> {
        let raw: &[u8; FORK_BYTES] = body.try_into().ok()?;
        let mut parent = [0; 16];
        parent.copy_from_slice(&raw[..16]);
        Some(Self {
            parent: u128::from_le_bytes(parent),
            lsn: Lsn(get_u64(raw, 16)),
            hdr_crc: get_u32(raw, 24),
            timeline: get_u32(raw, 28),
        })
    }
}
