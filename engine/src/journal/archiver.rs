//! Compaction and retention while the journal runs: the same steps, and readers are shown the archive before a segment
//! goes, and the later beginning before an archive file does.

use super::archive::BlockCache;
use super::catalog::Catalog;
use super::chunk::Span;
use super::compact::{CompactPlan, Compacted, Pace, Surroundings, compact};
use super::cut::Cut;
use super::error::JournalError;
use super::index::LogIndex;
use super::retain::{Expired, Prove, RetainPlan, Warrant, oldest_ends_us, retain};
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

    /// Header time of the last record in the oldest archive file, µs; `None` without one.
    pub fn oldest_ends_us(&self) -> Result<Option<i64>, JournalError> {
        oldest_ends_us(&Catalog::read(&self.storage)?)
    }

    /// The directory.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Deletes archive files all of which is older than `before_us`, after having told of each. Gives what it did.
    pub fn retain(
        &self,
        before_us: i64,
        prove: &mut Prove<'_>,
        tell: &mut dyn FnMut(&Expired),
    ) -> Result<RetainPlan, JournalError> {
        let mut warrant = Warrant {
            before_us,
            prove: &mut |lsn| prove(lsn),
            tell,
            meta: &mut |change| self.meta.update(change),
            begins: &mut |seq| self.index.begin_with(seq),
        };
        retain(&self.storage, &mut warrant)
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
