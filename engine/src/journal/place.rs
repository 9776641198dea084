//! Places in the log: a sequence number, and where its bytes lie.

use std::fmt;

/// Log sequence number of a record: the first is 1, each next one is one more, none is used twice. 0 means "none".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Lsn(pub u64);

/// Where a record's header begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Position {
    /// Sequence number of the segment, as in its file name.
    pub segment: u32,
    /// Bytes from the start of the segment file.
    pub offset: u32,
}

/// The name under which a snapshot is prepared, with all that is needed for it on the way.
pub const SNAPSHOT_TMP_SUFFIX: &str = ".snap.tmp";

/// Name of the snapshot of everything up to an LSN.
pub fn snapshot_name(lsn: Lsn) -> String {
    format!("snap-{:020}.snap", lsn.0)
}

/// The LSN in the name of a snapshot; None for any other file.
pub fn snapshot_lsn(name: &str) -> Option<Lsn> {
    let digits = name.strip_prefix("snap-")?.strip_suffix(".snap")?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok().map(Lsn))?
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `value` rounded up to a multiple of `unit`, a power of two.
pub(crate) const fn align_up(value: u64, unit: u64) -> u64 {
    (value + unit - 1) & !(unit - 1)
}
