//! A run on disk, read: which entries a wallet has in it, one block at a time, each block checked.
//!
//! Knows nothing of other runs. What it keeps in memory is the top: one number for 255 wallets.

use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::entry::{ENTRY_BYTES, Packed};
use super::layout::{
    DIRECTORY_A_BLOCK, DIRECTORY_BYTES, ENTRIES_A_BLOCK, RunHeader, TOP_A_BLOCK, TOP_BYTES,
};
use crate::journal::{Access, Storage, StorageFile};
use crate::projections::blocks::{self, BLOCK_BYTES, Damaged};
use crate::projections::reread::Span;

/// Most blocks fetched by one read.
const BLOCKS_A_READ: u64 = 32;

/// Blocks of the first read of a walk: a page of 50 entries usually ends within them.
const BLOCKS_FIRST: u64 = 2;

/// A run, open for reading.
pub(crate) struct Run {
    pub(super) name: String,
    pub(super) header: RunHeader,
    file: Arc<dyn StorageFile>,
    top: Vec<u64>,
}

/// Where a wallet's entries are.
#[derive(Clone, Copy)]
pub(super) struct Listing {
    pub(super) wallet: u64,
    pub(super) first: u32,
    pub(super) count: u32,
}

// === impl Run ===

impl Run {
    pub(super) fn open(storage: &dyn Storage, name: &str) -> Result<Self, Damaged> {
        let failed = |error: io::Error| Damaged::new(name, &error.to_string());
        let file = storage.open(name, Access::Read).map_err(failed)?;
        let mut block = [0; BLOCK_BYTES];
        file.read_at(&mut block, 0).map_err(failed)?;
        let header = RunHeader::decode(&block)
            .ok_or_else(|| Damaged::new(name, "its header is damaged or of another version"))?;
        if file.size().map_err(failed)? != header.file_bytes() {
            return Err(Damaged::new(name, "it is cut or too long"));
        }
        let mut run = Self {
            name: name.to_owned(),
            header,
            file,
            top: Vec::new(),
        };
        run.top = run.read_top()?;
        Ok(run)
    }

    pub(super) fn span(&self) -> Span {
        self.header.span
    }

    pub(super) fn bytes(&self) -> u64 {
        self.header.file_bytes()
    }

    fn read_top(&self) -> Result<Vec<u64>, Damaged> {
        let count = self.header.directory_blocks() as usize;
        let mut top = Vec::with_capacity(count);
        for at in 0..count.div_ceil(TOP_A_BLOCK) as u64 {
            let block = self.blocks(self.header.top_block() + at, 1)?;
            let (words, _) = block.as_chunks::<TOP_BYTES>();
            let left = count - top.len();
            let words = words.iter().take(left.min(TOP_A_BLOCK));
            top.extend(words.map(|raw| u64::from_le_bytes(*raw)));
        }
        Ok(top)
    }

    /// So many blocks from this one on, each checked.
    pub(super) fn blocks(&self, first: u64, count: u64) -> Result<Vec<u8>, Damaged> {
        blocks::read(&*self.file, &self.name, first, count)
    }

    /// The entries of a wallet.
    pub(super) fn find(&self, wallet: u64) -> Result<Range<u32>, Damaged> {
        let count = self.top.partition_point(|first| *first <= wallet);
        let Some(at) = count.checked_sub(1) else {
            return Ok(0..0);
        };
        let block = self.blocks(self.header.directory_block() + at as u64, 1)?;
        let listed = self.listed(at as u64);
        let (raw, _) = block.as_chunks::<DIRECTORY_BYTES>();
        let raw = &raw[..listed];
        let found = raw.binary_search_by_key(&wallet, |raw| Listing::decode(raw).wallet);
        Ok(found.map_or(0..0, |at| {
            let listing = Listing::decode(&raw[at]);
            listing.first..listing.first + listing.count
        }))
    }

    /// Listings in a block of the directory.
    pub(super) fn listed(&self, block: u64) -> usize {
        let left = u64::from(self.header.wallets) - block * DIRECTORY_A_BLOCK as u64;
        left.min(DIRECTORY_A_BLOCK as u64) as usize
    }

    /// One entry.
    pub(super) fn entry(&self, at: u32) -> Result<Packed, Damaged> {
        let (block, place) = place_of(at);
        let bytes = self.blocks(block, 1)?;
        Ok(entry_in(&bytes, place))
    }

    /// Entries of a range, in either order.
    pub(super) fn each(
        &self,
        range: Range<u32>,
        ascending: bool,
        look: &mut impl FnMut(&Packed) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Damaged> {
        let (mut low, mut high) = (range.start, range.end);
        let mut most = BLOCKS_FIRST;
        while low < high {
            let (first, last) = (place_of(low).0, place_of(high - 1).0);
            let count = (last - first + 1).min(most);
            most = (most * 4).min(BLOCKS_A_READ);
            let first = if ascending { first } else { last + 1 - count };
            let bytes = self.blocks(first, count)?;
            let base = (first - 1) as u32 * ENTRIES_A_BLOCK as u32;
            let here = low.max(base)..high.min(base + count as u32 * ENTRIES_A_BLOCK as u32);
            let at = |at: u32| {
                let (block, place) = place_of(at);
                entry_in(&bytes[(block - first) as usize * BLOCK_BYTES..], place)
            };
            let flow = if ascending {
                low = here.end;
                here.into_iter().try_for_each(|index| look(&at(index)))
            } else {
                high = here.start;
                here.into_iter()
                    .rev()
                    .try_for_each(|index| look(&at(index)))
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reads every block.
    pub(crate) fn verify(&self) -> Result<(), Damaged> {
        let count = self.bytes() / BLOCK_BYTES as u64;
        for first in (0..count).step_by(BLOCKS_A_READ as usize) {
            self.blocks(first, BLOCKS_A_READ.min(count - first))?;
        }
        Ok(())
    }
}

/// Block and place in it of an entry.
fn place_of(at: u32) -> (u64, usize) {
    let block = 1 + at / ENTRIES_A_BLOCK as u32;
    (u64::from(block), at as usize % ENTRIES_A_BLOCK)
}

fn entry_in(block: &[u8], place: usize) -> Packed {
    let (entries, _) = block.as_chunks::<ENTRY_BYTES>();
    Packed::of_bytes(&entries[place])
}

// === impl Listing ===

impl Listing {
    pub(super) fn decode(raw: &[u8; DIRECTORY_BYTES]) -> Self {
        let number = u128::from_le_bytes(*raw);
        Self {
            wallet: number as u64,
            first: (number >> 64) as u32,
            count: (number >> 96) as u32,
        }
    }

    pub(super) fn encode(self) -> [u8; DIRECTORY_BYTES] {
        let number =
            u128::from(self.wallet) | u128::from(self.first) << 64 | u128::from(self.count) << 96;
        number.to_le_bytes()
    }
}
