//! Compaction while the journal runs: the same steps, and readers are shown the archive before a segment goes.

use super::archive::BlockCache;
use super::catalog::Catalog;
use super::chunk::Span;
use super::compact::{CompactPlan, Compacted, Pace, Surroundings, compact};
use super::cut::Cut;
use super::error::JournalError;
use super::index::LogIndex;
use super::storage::Storage;
use super::store_meta::StoreMeta;
use std::sync::Arc;

/// Moves sealed segments of a running journal into the archive. One at a time: whoever holds it must not share it.
pub struct Archiver {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) meta: Arc<StoreMeta>,
    pub(super) index: Arc<LogIndex>,
    pub(super) cache: Arc<BlockCache>,
}

impl Archiver {
    /// LSNs of the two newest snapshots: what may be archived depends on nothing else.
    pub fn snapshots(&self) -> [u64; 2] {
        self.meta.read().snapshots
    }

    /// What may be archived now.
    pub fn plan(&self) -> Result<CompactPlan, JournalError> {
        Ok(CompactPlan::of(&Catalog::read(&self.storage)?))
    }

    /// Archives everything that may be.
    pub fn run(&self, pace: &mut Pace<'_>) -> Result<Compacted, JournalError> {
        let mut around = Surroundings {
            pace,
            meta: &mut |change| self.meta.update(change),
            moved: &mut |segments| {
                for (segment, end) in segments {
                    if let Some(header) = segment.header() {
                        let end = Cut {
                            at: segment.len,
                            link: *end,
                        };
                        self.index.moved(&Arc::new(Span::new(segment, header, end)));
                    }
                }
            },
            cache: Arc::clone(&self.cache),
        };
        compact(&self.storage, &mut around)
    }
}
