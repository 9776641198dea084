//! Snapshots: what the log up to an LSN adds up to, so that a start replays only what is behind it.
//!
//! ```text
//! previous snapshot ─┐
//! sealed segments ───┴─► fold ─► snap-….snap.tmp ─► sync ─► read back past the cache, verify ─► rename ─► store.meta
//! ```
//! A snapshot is a pure function of the log: nobody who works for callers is asked or held up, and every byte of the
//! log that goes into it is verified again on the way. It owns its file format and the fold; it refuses to know who
//! wants a snapshot, and what an event means is left to `domain`.

mod carry;
mod contents;
mod fold;
mod format;
mod load;
mod offline;
mod read;
mod runs;

mod switch;
mod tally;
#[cfg(test)]
pub(crate) mod tests;
mod worker;
mod write;

pub use self::contents::KeptEntity;
#[cfg(test)]
pub(crate) use self::fold::Fold;
pub use self::fold::{FoldError, Pace};
pub(crate) use self::load::{Shelves, load};
pub use self::offline::create_offline;
pub use self::read::Snapshot;

pub(crate) use self::switch::sweep;
pub use self::switch::{CreateError, KEPT, Made, Terms, create};
pub use self::tally::Tally;
pub use self::worker::SnapshotFigures;
pub(crate) use self::worker::{Setup, SnapshotWorker, Snapshots};

use crate::domain::{EntityId, EntityKind};
use crate::journal::{Class, JournalError, Problem};
use crate::record::IdempotencyKey;

/// An idempotency key with the record that answers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptKey {
    pub key: IdempotencyKey,
    pub lsn: u64,
    /// Header time of the record: its window begins here.
    pub at_us: i64,
}

// === impl KeptKey ===

impl KeptKey {
    fn encode(&self) -> [u8; format::KEY_BYTES] {
        let mut out = [0; format::KEY_BYTES];
        out[..16].copy_from_slice(&self.key.id.to_le_bytes());
        out[16..24].copy_from_slice(&self.key.fingerprint.to_le_bytes());
        out[24..32].copy_from_slice(&self.lsn.to_le_bytes());
        out[32..].copy_from_slice(&self.at_us.to_le_bytes());
        out
    }

    fn decode(raw: &[u8]) -> Self {
        Self {
            key: IdempotencyKey {
                id: format::u128_at(raw, 0),
                fingerprint: format::u64_at(raw, 16),
            },
            lsn: format::u64_at(raw, 24),
            at_us: format::u64_at(raw, 32).cast_signed(),
        }
    }
}

/// An entity's place among the rows: by kind, then by number. Ids stay below 2^53.
fn entity_key(id: EntityId) -> u64 {
    (id.kind as u64) << 56 | id.id
}

fn entity_of(key: u64) -> Option<EntityId> {
    let kind = EntityKind::from_number((key >> 56) as u8)?;
    let id = key & ((1 << 56) - 1);
    Some(EntityId { kind, id })
}

fn bad(name: &str, what: impl Into<String>) -> JournalError {
    Problem::new(Class::Meta, name, what).into()
}

fn bad_at(name: &str, offset: u64, what: impl Into<String>) -> JournalError {
    Problem::new(Class::Meta, name, what).at(offset).into()
}
