//! From a snapshot to rows and keys, block by block on all cores.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::format::{Block, BlockKind};
use super::read::Snapshot;
use super::tally::Tally;
use crate::entities::{KeyTable, Table};
use crate::journal::JournalError;

/// Where a snapshot is loaded to.
pub(crate) struct Shelves<'a> {
    pub(crate) table: &'a Table,
    pub(crate) keys: &'a KeyTable,
    /// Keys of records before this instant are past their window.
    pub(crate) keys_from_us: i64,
}

/// Loads everything with so many workers and checks every byte and every sum on the way. After an error the shelves
/// hold a part of it and must be thrown away.
pub(crate) fn load(
    snapshot: &Snapshot,
    workers: usize,
    shelves: &Shelves<'_>,
) -> Result<Tally, JournalError> {
    let blocks: Vec<&Block> = snapshot
        .blocks(BlockKind::Keys)
        .chain(snapshot.blocks(BlockKind::Rows))
        .collect();
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let outcome = Mutex::new((Tally::default(), None));
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, blocks.len().max(1)) {
            scope.spawn(|| {
                let mut tally = Tally::default();
                while !failed.load(Ordering::Relaxed) {
                    let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        break;
                    };
                    if let Err(error) = load_block(snapshot, block, shelves, &mut tally) {
                        failed.store(true, Ordering::Relaxed);
                        outcome.lock().1.get_or_insert(error);
                    }
                }
                outcome.lock().0.add(&tally);
            });
        }
    });
    let (tally, failure) = outcome.into_inner();
    if let Some(error) = failure {
        return Err(error);
    }
    snapshot.check_tally(&tally)?;
    Ok(tally)
}

fn load_block(
    snapshot: &Snapshot,
    block: &Block,
    shelves: &Shelves<'_>,
    tally: &mut Tally,
) -> Result<(), JournalError> {
    let body = snapshot.body(block)?;
    match block.kind {
        BlockKind::Keys => snapshot.each_key(&body, |kept| {
            tally.add_key();
            if kept.at_us >= shelves.keys_from_us {
                shelves.keys.restore(kept.key, kept.lsn, kept.at_us);
            }
            Ok(())
        }),
        BlockKind::Rows => {
            for row in snapshot.rows(&body)? {
                tally.add_row(row.id, &row.state);
                shelves.table.restore_row(row.id, row.row, &row.state);
            }
            Ok(())
        }
    }
}
