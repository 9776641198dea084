//! Files of blocks: 4 KiB each, each with a checksum of its own in its last four bytes.
//!
//! What is in a block is its file's business. Items never cross a block; the rest of a block is zeros.

use std::io;

use thiserror::Error;

use crate::journal::StorageFile;

/// What is read and checked in one piece: a page of the page cache.
pub(super) const BLOCK_BYTES: usize = 4096;

/// Where a block's checksum is.
pub(super) const AT_CRC: usize = BLOCK_BYTES - 4;

/// End of the name of a file that is being written.
pub(super) const TMP: &str = ".tmp";

/// Bytes gathered for one write.
const BUFFER_BYTES: usize = 64 * BLOCK_BYTES;

/// A file that cannot be read or is not as it was written. The log knows better: it is built anew.
#[derive(Clone, Debug, Error)]
#[error("{name}: {what}")]
pub(crate) struct Damaged {
    pub(super) name: String,
    what: String,
}

/// Items laid into blocks, blocks gathered into writes.
pub(super) struct Blocks {
    next_block: u64,
    bytes: Vec<u8>,
}

// === impl Damaged ===

impl Damaged {
    pub(super) fn new(name: &str, what: &str) -> Self {
        Self {
            name: name.to_owned(),
            what: what.to_owned(),
        }
    }
}

// === impl Blocks ===

impl Blocks {
    pub(super) fn starting_at(block: u64) -> Self {
        Self {
            next_block: block,
            bytes: Vec::with_capacity(BUFFER_BYTES),
        }
    }

    pub(super) fn is_at_block(&self) -> bool {
        self.bytes.len().is_multiple_of(BLOCK_BYTES)
    }

    /// Adds an item; true when a write is due.
    pub(super) fn put<const N: usize>(&mut self, item: &[u8; N]) -> bool {
        self.bytes.extend_from_slice(item);
        if self.bytes.len() % BLOCK_BYTES + N > AT_CRC {
            self.close_block();
        }
        self.bytes.len() >= BUFFER_BYTES
    }

    fn close_block(&mut self) {
        self.bytes
            .resize(self.bytes.len().next_multiple_of(BLOCK_BYTES), 0);
        let start = self.bytes.len() - BLOCK_BYTES;
        seal(&mut self.bytes[start..]);
    }

    pub(super) fn write(&mut self, file: &dyn StorageFile) -> io::Result<u64> {
        file.write_at(&self.bytes, self.next_block * BLOCK_BYTES as u64)?;
        let written = self.bytes.len() as u64;
        self.next_block += written / BLOCK_BYTES as u64;
        self.bytes.clear();
        Ok(written)
    }

    pub(super) fn finish(&mut self, file: &dyn StorageFile) -> io::Result<()> {
        if !self.is_at_block() {
            self.close_block();
        }
        if self.bytes.is_empty() {
            return Ok(());
        }
        self.write(file).map(drop)
    }
}

/// Puts the checksum into a block.
pub(super) fn seal(block: &mut [u8]) {
    let crc = crc32fast::hash(&block[..AT_CRC]);
    block[AT_CRC..].copy_from_slice(&crc.to_le_bytes());
}

/// Whether a block is as it was written.
pub(super) fn is_sound(block: &[u8]) -> bool {
    let (bytes, crc) = block.split_at(AT_CRC);
    crc == crc32fast::hash(bytes).to_le_bytes()
}

/// So many blocks of a file from this one on, each checked.
pub(super) fn read(
    file: &dyn StorageFile,
    name: &str,
    first: u64,
    count: u64,
) -> Result<Vec<u8>, Damaged> {
    let mut bytes = vec![0; count as usize * BLOCK_BYTES];
    let read = file.read_at(&mut bytes, first * BLOCK_BYTES as u64);
    let read = read.map_err(|error| Damaged::new(name, &error.to_string()))?;
    if read < bytes.len() {
        return Err(Damaged::new(name, "it is cut"));
    }
    match bytes
        .chunks_exact(BLOCK_BYTES)
        .position(|block| !is_sound(block))
    {
        None => Ok(bytes),
        Some(at) => {
            let what = format!("block {} is damaged", first + at as u64);
            Err(Damaged::new(name, &what))
        }
    }
}
