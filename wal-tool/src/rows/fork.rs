//! Where a restored store left its parent, as a row.

use engine::journal::Fork;
use serde::Serialize;

/// The parent, and the last record taken over from it.
#[derive(Serialize)]
pub(super) struct ForkRow {
    parent: String,
    parent_timeline: u32,
    /// 0 when no record was taken over.
    parent_lsn: u64,
    /// That record's header CRC in the parent.
    parent_crc: String,
}

// === impl ForkRow ===

impl From<Fork> for ForkRow {
    fn from(fork: Fork) -> Self {
        Self {
            parent: format!("{:032x}", fork.parent),
            parent_timeline: fork.timeline,
            parent_lsn: fork.lsn.0,
            parent_crc: format!("{:08x}", fork.hdr_crc),
        }
    }
}

impl ForkRow {
    /// Behind the kind, for people.
    pub(super) fn line(&self) -> String {
        format!(
            "  of store {} on timeline {}, behind LSN {} (CRC {})",
            self.parent, self.parent_timeline, self.parent_lsn, self.parent_crc
        )
    }
}
