//! Several runs into one, and when that is worth it.
//!
//! ```text
//! sizes   small ×8 ─► 8 small   medium ×8 ─► 64 small = large, never merged again
//! ```
//! An entry is written three times in its life, and a history of N entries lies in N / 16 million large runs and
//! at most some fourteen smaller ones.

use std::io;
use std::ops::Range;

use thiserror::Error;

use super::entry::{ENTRY_BYTES, Packed};
use super::layout::{DIRECTORY_A_BLOCK, DIRECTORY_BYTES, ENTRIES_A_BLOCK};
use super::part::Part;
use super::run::{Listing, Run};
use super::run_writer::RunWriter;
use crate::journal::Storage;
use crate::projections::blocks::{BLOCK_BYTES, Damaged};
use crate::projections::reread::Span;

/// Entries that are gathered in memory before they are written: 10 MiB there, and what has to be read again from the
/// log after a kill is read in a fraction of a second.
pub(super) const RUN_ENTRIES: usize = 256 * 1024;

/// Runs of one size that become one of the next.
const FAN_IN: usize = 8;

/// A run of so many entries is large and never merged again: merging never takes long, and needs little room.
const LARGE_ENTRIES: usize = RUN_ENTRIES * FAN_IN * FAN_IN / 2;

/// Blocks that a merge reads ahead of each run.
const BLOCKS_AHEAD: u64 = 16;

/// Entries between two looks at what else is to be done.
const ENTRIES_A_TURN: u32 = 64 * 1024;

/// Why a merge did not come about.
#[derive(Debug, Error)]
pub(super) enum MergeError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error("told to stop")]
    Stopped,
}

/// A run read from its first wallet to its last.
struct Source<'a> {
    run: &'a Run,
    directory: Vec<u8>,
    listed: u64,
    entries: Vec<u8>,
    /// Number of the first entry in `entries`.
    base: u32,
    listing: Option<Listing>,
}

/// Neighbours that should become one run: places in the list of parts.
pub(super) fn due(parts: &[Part]) -> Option<Range<usize>> {
    window(parts, RUN_ENTRIES * FAN_IN).or_else(|| window(parts, LARGE_ENTRIES))
}

/// The first [`FAN_IN`] neighbours that are each smaller than `limit`.
fn window(parts: &[Part], limit: usize) -> Option<Range<usize>> {
    let mut start = 0;
    for (at, part) in parts.iter().enumerate() {
        let small = matches!(part, Part::File(run) if (run.header.entries as usize) < limit);
        if !small {
            start = at + 1;
            continue;
        }
        if at > start && parts[at - 1].span().to != part.span().above {
            start = at;
        }
        if at + 1 - start == FAN_IN {
            return Some(start..at + 1);
        }
    }
    None
}

/// Writes one run with the entries of neighbours; `turn` is called now and then and may stop it.
pub(super) fn merge(
    storage: &dyn Storage,
    store_id: u128,
    runs: &[&Run],
    mut turn: impl FnMut() -> bool,
) -> Result<String, MergeError> {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        unreachable!("a merge has runs");
    };
    let span = Span {
        above: first.span().above,
        to: last.span().to,
    };
    let entries = runs.iter().map(|run| run.header.entries).sum();
    let mut writer = RunWriter::begin(storage, store_id, span, entries)?;
    let sources: Result<Vec<_>, _> = runs.iter().map(|run| Source::new(run)).collect();
    let mut sources = sources?;
    let mut put = 0;
    while let Some(wallet) = sources.iter().filter_map(Source::wallet).min() {
        for source in &mut sources {
            if source.wallet() != Some(wallet) {
                continue;
            }
            for entry in source
                .listing
                .map_or(0..0, |own| own.first..own.first + own.count)
            {
                let entry = source.entry(entry)?;
                writer.put(wallet, entry)?;
                put += 1;
                if put % ENTRIES_A_TURN == 0 {
                    writer.sync_if_due()?;
                    if !turn() {
                        return Err(MergeError::Stopped);
                    }
                }
            }
            source.advance()?;
        }
    }
    Ok(writer.finish()?)
}

// === impl Source ===

impl<'a> Source<'a> {
    fn new(run: &'a Run) -> Result<Self, Damaged> {
        let mut source = Self {
            run,
            directory: Vec::new(),
            listed: 0,
            entries: Vec::new(),
            base: 0,
            listing: None,
        };
        source.advance()?;
        Ok(source)
    }

    fn wallet(&self) -> Option<u64> {
        self.listing.map(|listing| listing.wallet)
    }

    /// On to the next wallet.
    fn advance(&mut self) -> Result<(), Damaged> {
        if self.listed == u64::from(self.run.header.wallets) {
            self.listing = None;
            return Ok(());
        }
        let (block, at) = (
            self.listed / DIRECTORY_A_BLOCK as u64,
            self.listed as usize % DIRECTORY_A_BLOCK,
        );
        if at == 0 {
            let first = self.run.header.directory_block() + block;
            self.directory = self.run.blocks(first, 1)?;
        }
        let (raw, _) = self.directory.as_chunks::<DIRECTORY_BYTES>();
        self.listing = Some(Listing::decode(&raw[at]));
        self.listed += 1;
        Ok(())
    }

    /// An entry; they are asked for in their order.
    fn entry(&mut self, at: u32) -> Result<Packed, Damaged> {
        let held = (self.entries.len() / BLOCK_BYTES * ENTRIES_A_BLOCK) as u32;
        if self.entries.is_empty() || at >= self.base + held {
            let block = u64::from(at) / ENTRIES_A_BLOCK as u64 + 1;
            let count = BLOCKS_AHEAD.min(self.run.header.directory_block() - block);
            self.entries = self.run.blocks(block, count)?;
            self.base = (block - 1) as u32 * ENTRIES_A_BLOCK as u32;
        }
        let (block, place) = (
            (at - self.base) as usize / ENTRIES_A_BLOCK,
            (at - self.base) as usize % ENTRIES_A_BLOCK,
        );
        let start = block * BLOCK_BYTES + place * ENTRY_BYTES;
        let Some(raw) = self.entries[start..].first_chunk() else {
            unreachable!("a block holds {ENTRIES_A_BLOCK} entries");
        };
        Ok(Packed::of_bytes(raw))
    }
}
