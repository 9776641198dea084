//! Bytes of a run: 4 KiB blocks, each with a checksum of its own.
//!
//! ```text
//! block 0       header: magic, version, words of the entry types, store, LSNs, counts, times
//! blocks        entries by (wallet, LSN, leg), 127 a block
//! blocks        directory by wallet: wallet u64, first entry u32, entries u32; 255 a block
//! blocks        top: first wallet of each block of the directory, 511 a block
//! every block   … CRC32 of all before it in the last four bytes
//! ```
//! Little-endian throughout. A run is written once and never changed.

use super::entry::{ENTRY_BYTES, Place};
use crate::domain::EntryType;
use crate::projections::blocks::{AT_CRC, BLOCK_BYTES, TMP, is_sound, seal};
use crate::projections::reread::Span;

pub(super) const ENTRIES_A_BLOCK: usize = AT_CRC / ENTRY_BYTES;

pub(super) const DIRECTORY_BYTES: usize = 16;

pub(super) const DIRECTORY_A_BLOCK: usize = AT_CRC / DIRECTORY_BYTES;

pub(super) const TOP_BYTES: usize = 8;

pub(super) const TOP_A_BLOCK: usize = AT_CRC / TOP_BYTES;

const MAGIC: [u8; 8] = *b"\x89SCIX\r\n\x1a";

/// +1 whenever the bytes change meaning: an older index is then built anew.
const VERSION: u32 = 1;

/// The head of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RunHeader {
    pub(super) store_id: u128,
    pub(super) span: Span,
    pub(super) entries: u32,
    pub(super) wallets: u32,
    /// Time of its first entry by LSN, µs.
    pub(super) first_at_us: i64,
    /// Time of its last entry by LSN, µs.
    pub(super) last_at_us: i64,
    /// Its last entry by LSN.
    pub(super) last: Place,
}

// === impl RunHeader ===

impl RunHeader {
    pub(super) fn encode(&self) -> [u8; BLOCK_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            block[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&MAGIC);
        put(&VERSION.to_le_bytes());
        put(&words_crc().to_le_bytes());
        put(&self.store_id.to_le_bytes());
        put(&self.span.above.to_le_bytes());
        put(&self.span.to.to_le_bytes());
        put(&self.entries.to_le_bytes());
        put(&self.wallets.to_le_bytes());
        put(&self.first_at_us.to_le_bytes());
        put(&self.last_at_us.to_le_bytes());
        put(&self.last.0.to_le_bytes());
        seal(&mut block);
        block
    }

    /// `None` when it is damaged, or of another version.
    pub(super) fn decode(block: &[u8; BLOCK_BYTES]) -> Option<Self> {
        let u32_at = |at: usize| {
            block[at..]
                .first_chunk()
                .map(|raw| u32::from_le_bytes(*raw))
        };
        let u64_at = |at: usize| {
            block[at..]
                .first_chunk()
                .map(|raw| u64::from_le_bytes(*raw))
        };
        let known = is_sound(block)
            && block.starts_with(&MAGIC)
            && u32_at(8) == Some(VERSION)
            && u32_at(12) == Some(words_crc());
        if !known {
            return None;
        }
        let store = block[16..].first_chunk();
        Some(Self {
            store_id: u128::from_le_bytes(*store?),
            span: Span {
                above: u64_at(32)?,
                to: u64_at(40)?,
            },
            entries: u32_at(48)?,
            wallets: u32_at(52)?,
            first_at_us: u64_at(56)?.cast_signed(),
            last_at_us: u64_at(64)?.cast_signed(),
            last: Place(u64_at(72)?),
        })
    }

    /// First block of the directory.
    pub(super) fn directory_block(&self) -> u64 {
        1 + u64::from(self.entries).div_ceil(ENTRIES_A_BLOCK as u64)
    }

    pub(super) fn directory_blocks(&self) -> u64 {
        u64::from(self.wallets).div_ceil(DIRECTORY_A_BLOCK as u64)
    }

    /// First block of the top.
    pub(super) fn top_block(&self) -> u64 {
        self.directory_block() + self.directory_blocks()
    }

    /// Bytes of the whole run.
    pub(super) fn file_bytes(&self) -> u64 {
        let top = self.directory_blocks().div_ceil(TOP_A_BLOCK as u64);
        (self.top_block() + top) * BLOCK_BYTES as u64
    }
}

/// Entries bear the number of their type. When types are added or moved, these words change, and
/// an index with the old numbers is built anew.
fn words_crc() -> u32 {
    let words = EntryType::ALL.map(EntryType::as_str);
    crc32fast::hash(words.join(" ").as_bytes())
}

/// Name of the file with these LSNs.
pub(super) fn run_name(span: Span) -> String {
    format!("run-{:020}-{:020}.idx", span.above, span.to)
}

/// Whether a file is a run, whole or on its way.
pub(super) fn is_run_name(name: &str) -> bool {
    name.starts_with("run-") && (name.ends_with(".idx") || name.ends_with(TMP))
}
