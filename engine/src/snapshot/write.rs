//! Writing a snapshot from front to back, in one pass and with one block in memory.

use std::sync::Arc;

use super::format::{
    BLOCK_BYTES, BLOCK_HEADER_BYTES, Block, BlockKind, FOOTER_BYTES, Footer, HEADER_BYTES, Header,
    INDEX_ENTRY_BYTES, checksum,
};
use super::tally::Tally;
use super::{KeptKey, entity_key};
use crate::domain::EntityId;
use crate::entities::{EntityState, encode_row};
use crate::journal::{JournalError, Storage, StorageFile};

/// Bytes between two syncs. Without them one sync at the end would push everything to the disk at once, and the
/// journal's syncs would wait behind it.
const SYNC_BYTES: u64 = 1024 * 1024;

/// A snapshot on its way. Keys first, in the order of the log; then rows, ascending.
pub(crate) struct SnapshotWriter {
    file: Arc<dyn StorageFile>,
    name: String,
    header: Header,
    seed: u32,
    /// End of what was written.
    at: u64,
    synced: u64,
    open: Option<Open>,
    body: Vec<u8>,
    blocks: Vec<Block>,
    tally: Tally,
}

/// The block that is being filled.
struct Open {
    kind: BlockKind,
    first: u64,
    count: u32,
}

// === impl SnapshotWriter ===

impl SnapshotWriter {
    /// A new file of this name.
    pub(crate) fn create(
        storage: &dyn Storage,
        name: &str,
        header: Header,
    ) -> Result<Self, JournalError> {
        let file = storage
            .create(name)
            .map_err(JournalError::io("create", name))?;
        let (bytes, seed) = header.encode();
        let mut writer = Self {
            file,
            name: name.to_owned(),
            header,
            seed,
            at: 0,
            synced: 0,
            open: None,
            body: Vec::with_capacity(BLOCK_BYTES),
            blocks: Vec::new(),
            tally: Tally::default(),
        };
        writer.write(&bytes)?;
        Ok(writer)
    }

    pub(crate) fn push_key(&mut self, kept: &KeptKey) -> Result<(), JournalError> {
        self.make_room(BlockKind::Keys, kept.lsn, kept.encode().len())?;
        self.body.extend_from_slice(&kept.encode());
        self.tally.add_key();
        self.count_one();
        Ok(())
    }

    /// An entity with its row, as it stood in an older snapshot.
    pub(crate) fn push_row(
        &mut self,
        id: EntityId,
        state: &EntityState,
        row: &[u8],
    ) -> Result<(), JournalError> {
        let key = entity_key(id);
        let len = u32::try_from(row.len()).unwrap_or(u32::MAX);
        self.make_room(BlockKind::Rows, key, row.len())?;
        self.body.extend_from_slice(&key.to_le_bytes());
        self.body.extend_from_slice(&len.to_le_bytes());
        self.body.extend_from_slice(row);
        self.tally.add_row(id, state);
        self.count_one();
        Ok(())
    }

    /// An entity whose state has changed; one that does not exist leaves no row.
    pub(crate) fn push_state(
        &mut self,
        id: EntityId,
        state: &EntityState,
    ) -> Result<(), JournalError> {
        match encode_row(state) {
            Some(row) => self.push_row(id, state, &row),
            None => Ok(()),
        }
    }

    /// Writes index and footer and makes all of it durable. Gives what it adds up to.
    pub(crate) fn finish(mut self) -> Result<(Header, Tally), JournalError> {
        self.close_block()?;
        let index_offset = self.at;
        let mut index = Vec::with_capacity(self.blocks.len() * INDEX_ENTRY_BYTES);
        for block in &self.blocks {
            index.extend_from_slice(&block.encode_entry());
        }
        let footer = Footer {
            index_offset,
            blocks: u32::try_from(self.blocks.len()).unwrap_or(u32::MAX),
            index_crc: checksum(self.seed, &index),
            ..self.tally.footer()
        };
        let footer: [u8; FOOTER_BYTES] = footer.encode(self.seed);
        index.extend_from_slice(&footer);
        self.write(&index)?;
        let synced = self.file.sync_all();
        synced.map_err(JournalError::io("sync", &self.name))?;
        Ok((self.header, self.tally))
    }

    fn count_one(&mut self) {
        if let Some(open) = &mut self.open {
            open.count += 1;
        }
    }

    /// Closes the block when the next piece belongs into another one.
    fn make_room(&mut self, kind: BlockKind, first: u64, len: usize) -> Result<(), JournalError> {
        let fits = |open: &Open| open.kind == kind && self.body.len() + len <= BLOCK_BYTES;
        if !self.open.as_ref().is_some_and(fits) {
            self.close_block()?;
            self.open = Some(Open {
                kind,
                first,
                count: 0,
            });
        }
        Ok(())
    }

    fn close_block(&mut self) -> Result<(), JournalError> {
        let Some(Open { kind, first, count }) = self.open.take() else {
            return Ok(());
        };
        let block = Block {
            kind,
            offset: self.at,
            body_bytes: u32::try_from(self.body.len()).unwrap_or(u32::MAX),
            count,
            crc: checksum(self.seed, &self.body),
            first,
        };
        let mut whole = Vec::with_capacity(BLOCK_HEADER_BYTES + self.body.len());
        whole.extend_from_slice(&block.encode(self.seed));
        whole.append(&mut self.body);
        self.blocks.push(block);
        self.write(&whole)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let written = self.file.write_at(bytes, self.at);
        written.map_err(JournalError::io("write", &self.name))?;
        self.at += bytes.len() as u64;
        if self.at - self.synced >= SYNC_BYTES {
            let synced = self.file.sync_data();
            synced.map_err(JournalError::io("sync", &self.name))?;
            self.synced = self.at;
        }
        Ok(())
    }
}

const _: () = assert!(HEADER_BYTES.is_multiple_of(8), "the first block is aligned");
