//! What a walk over records counts.

use super::frame::{KIND_CLOSE, KIND_LOSS, KIND_MARK, RecordHeader};

/// What a walk has met.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Counts {
    pub(crate) groups: u64,
    pub(crate) acts: u64,
    pub(crate) records: u64,
    pub(crate) bare: u64,
    /// Bytes of records.
    pub(crate) used: u64,
    pub(crate) first_lsn: u64,
    pub(crate) last_lsn: u64,
    /// Records that say that others were given up.
    pub(crate) losses: u64,
}

impl Counts {
    /// Counts one record.
    #[inline]
    pub(crate) fn count(&mut self, header: &RecordHeader) {
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
        self.losses += u64::from(header.kind == KIND_LOSS);
    }
}
