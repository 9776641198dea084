//! Reading a snapshot: block by block, each on its own, every byte of it checked.

use std::sync::Arc;

use parking_lot::Mutex;

use super::fold::Pace;
use super::format::{
    BLOCK_HEADER_BYTES, Block, BlockKind, FOOTER_BYTES, Footer, HEADER_BYTES, Header,
    INDEX_ENTRY_BYTES, KEY_BYTES, ROW_HEAD_BYTES, checksum, u32_at, u64_at,
};
use super::tally::Tally;
use super::{KeptKey, bad, entity_of};
use crate::domain::EntityId;
use crate::entities::{EntityState, read_row};
use crate::journal::{Access, Base, JournalError, Lsn, PastCache, Storage, StorageFile};

/// A snapshot whose frame has been read and found sound; its blocks are checked as they are read.
pub struct Snapshot {
    name: String,
    source: Source,
    bytes: u64,
    header: Header,
    seed: u32,
    footer: Footer,
    blocks: Vec<Block>,
}

/// Where the bytes come from.
enum Source {
    /// Any block at any time, from any thread.
    File(Arc<dyn StorageFile>),
    /// As the disk has them, best from front to back.
    PastCache(Mutex<PastCache>),
}

/// One row of a block.
pub(crate) struct RowRef<'a> {
    pub(crate) id: EntityId,
    pub(crate) row: &'a [u8],
    pub(crate) state: EntityState,
}

/// A block whose bytes have been checked.
pub(crate) struct Body {
    block: Block,
    bytes: Vec<u8>,
}

// === impl Snapshot ===

impl Snapshot {
    /// A snapshot of this name, read through the page cache.
    pub fn open(storage: &dyn Storage, name: &str) -> Result<Self, JournalError> {
        let file = storage
            .open(name, Access::Read)
            .map_err(JournalError::io("open", name))?;
        Self::of(storage, name, Source::File(file))
    }

    /// As `open`, but past the page cache: what is read has reached the disk.
    pub fn open_past_cache(storage: &dyn Storage, name: &str) -> Result<Self, JournalError> {
        let past = PastCache::open(storage, name).map_err(JournalError::io("read", name))?;
        Self::of(storage, name, Source::PastCache(Mutex::new(past)))
    }

    fn of(storage: &dyn Storage, name: &str, source: Source) -> Result<Self, JournalError> {
        let size = storage
            .open(name, Access::Read)
            .and_then(|file| file.size());
        let bytes = size.map_err(JournalError::io("read", name))?;
        let mut head = [0; HEADER_BYTES];
        let mut foot = [0; FOOTER_BYTES];
        if bytes < (HEADER_BYTES + FOOTER_BYTES) as u64 {
            return Err(bad(name, "is too short to be a snapshot"));
        }
        source.fill(name, &mut head, 0)?;
        let (header, seed) = Header::decode(&head).map_err(|what| super::bad_at(name, 0, what))?;
        source.fill(name, &mut foot, bytes - FOOTER_BYTES as u64)?;
        let footer = Footer::decode(&foot, seed).map_err(|what| bad(name, what))?;
        let stated = u64::from(footer.blocks) * INDEX_ENTRY_BYTES as u64;
        if footer.index_offset.checked_add(stated) != Some(bytes - FOOTER_BYTES as u64) {
            return Err(bad(name, "has another length than its footer says"));
        }
        let mut index = vec![0; usize::try_from(stated).unwrap_or(usize::MAX)];
        source.fill(name, &mut index, footer.index_offset)?;
        if checksum(seed, &index) != footer.index_crc {
            return Err(bad(name, "the block index is damaged"));
        }
        let entries = index.chunks_exact(INDEX_ENTRY_BYTES);
        let blocks: Option<Vec<Block>> = entries.map(Block::decode_entry).collect();
        let blocks = blocks.ok_or_else(|| bad(name, "the block index names unknown blocks"))?;
        let snapshot = Self {
            name: name.to_owned(),
            source,
            bytes,
            header,
            seed,
            footer,
            blocks,
        };
        snapshot.check_frame()?;
        Ok(snapshot)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The store that it is of.
    pub fn store_id(&self) -> u128 {
        self.header.store_id
    }

    /// The last LSN that it covers.
    pub fn lsn(&self) -> Lsn {
        self.header.lsn
    }

    /// Where replay goes on.
    pub fn base(&self) -> Base {
        Base {
            lsn: self.header.lsn,
            crc: self.header.crc,
            time_us: self.header.time_us,
        }
    }

    /// What it says that its rows and keys add up to.
    pub fn stated(&self) -> Tally {
        Tally::stated_by(&self.footer)
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn blocks(&self, kind: BlockKind) -> impl Iterator<Item = &Block> + Clone {
        self.blocks.iter().filter(move |block| block.kind == kind)
    }

    /// Reads and checks everything.
    pub fn verify(&self) -> Result<Tally, JournalError> {
        Ok(self.verify_at(&|| true)?.unwrap_or_default())
    }

    /// As `verify`, at somebody's pace; `None` when it was called off.
    pub(crate) fn verify_at(&self, pace: Pace<'_>) -> Result<Option<Tally>, JournalError> {
        let mut tally = Tally::default();
        for block in &self.blocks {
            if !pace() {
                return Ok(None);
            }
            let body = self.body(block)?;
            match block.kind {
                BlockKind::Keys => {
                    self.each_key(&body, |_| Ok(()))?;
                    tally.keys += u64::from(block.count);
                }
                BlockKind::Rows => self
                    .rows(&body)?
                    .iter()
                    .for_each(|row| tally.add_row(row.id, &row.state)),
            }
        }
        self.check_tally(&tally)?;
        Ok(Some(tally))
    }

    /// Whether what was read adds up to what the footer says.
    pub(crate) fn check_tally(&self, tally: &Tally) -> Result<(), JournalError> {
        if *tally == self.stated() {
            return Ok(());
        }
        let what = format!("its rows and keys add up to {tally:?}, its footer says otherwise");
        Err(bad(&self.name, what))
    }

    /// The bytes of one block, its header and checksum checked.
    pub(crate) fn body(&self, block: &Block) -> Result<Body, JournalError> {
        let mut head = [0; BLOCK_HEADER_BYTES];
        self.source.fill(&self.name, &mut head, block.offset)?;
        if head != block.encode(self.seed) {
            return Err(self.damage(block, "a block header is damaged"));
        }
        let mut bytes = vec![0; block.body_bytes as usize];
        let at = block.offset + BLOCK_HEADER_BYTES as u64;
        self.source.fill(&self.name, &mut bytes, at)?;
        if checksum(self.seed, &bytes) != block.crc {
            return Err(self.damage(block, "a block is damaged"));
        }
        Ok(Body {
            block: *block,
            bytes,
        })
    }

    pub(crate) fn each_key(
        &self,
        body: &Body,
        mut each: impl FnMut(KeptKey) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let block = &body.block;
        let count = block.count as usize;
        let mut before = 0;
        if body.bytes.len() != count * KEY_BYTES || count == 0 {
            return Err(self.damage(block, "a block of keys has another length than its count"));
        }
        for raw in body.bytes.chunks_exact(KEY_BYTES) {
            let kept = KeptKey::decode(raw);
            if kept.lsn < before || kept.lsn > self.header.lsn.0 {
                return Err(self.damage(block, "keys are out of order"));
            }
            before = kept.lsn;
            each(kept)?;
        }
        Ok(())
    }

    pub(crate) fn rows<'a>(&self, body: &'a Body) -> Result<Vec<RowRef<'a>>, JournalError> {
        let block = &body.block;
        let mut rows = Vec::new();
        let bad_row = || self.damage(block, "a row does not decode");
        let mut rest = body.bytes.as_slice();
        let mut before = None;
        for _ in 0..block.count {
            let (head, tail) = rest.split_at_checked(ROW_HEAD_BYTES).ok_or_else(bad_row)?;
            let (key, len) = (u64_at(head, 0), u32_at(head, 8) as usize);
            let (row, tail) = tail.split_at_checked(len).ok_or_else(bad_row)?;
            rest = tail;
            let first = before.is_none() && key != block.first;
            if first || before.is_some_and(|before| key <= before) || self.reaches_next(block, key)
            {
                return Err(self.damage(block, "rows are out of order"));
            }
            before = Some(key);
            let id = entity_of(key).ok_or_else(bad_row)?;
            let state = read_row(id.kind, row).ok_or_else(bad_row)?;
            rows.push(RowRef { id, row, state });
        }
        if !rest.is_empty() || block.count == 0 {
            return Err(self.damage(block, "a block of rows has another length than its count"));
        }
        Ok(rows)
    }

    /// Whether an entity belongs behind this block. Blocks are read in any order, so each asks the index.
    fn reaches_next(&self, block: &Block, key: u64) -> bool {
        let at = self
            .blocks
            .partition_point(|other| other.offset <= block.offset);
        self.blocks.get(at).is_some_and(|next| key >= next.first)
    }

    /// Blocks lie end to end, keys before rows, each kind ascending.
    fn check_frame(&self) -> Result<(), JournalError> {
        let mut end = HEADER_BYTES as u64;
        let mut before: Option<&Block> = None;
        for block in &self.blocks {
            let follows = before.is_none_or(|before| match (before.kind, block.kind) {
                (BlockKind::Keys, BlockKind::Rows) => true,
                (BlockKind::Rows, BlockKind::Keys) => false,
                (BlockKind::Keys, BlockKind::Keys) => before.first <= block.first,
                (BlockKind::Rows, BlockKind::Rows) => before.first < block.first,
            });
            if block.offset != end || !follows {
                return Err(self.damage(block, "the block index contradicts itself"));
            }
            end = block.end();
            before = Some(block);
        }
        if end == self.footer.index_offset {
            Ok(())
        } else {
            Err(bad(&self.name, "the block index contradicts the footer"))
        }
    }

    fn damage(&self, block: &Block, what: &str) -> JournalError {
        super::bad_at(&self.name, block.offset, what)
    }
}

impl Source {
    fn fill(&self, name: &str, buf: &mut [u8], offset: u64) -> Result<(), JournalError> {
        let read = match self {
            Self::File(file) => file.read_at(buf, offset),
            Self::PastCache(past) => past.lock().read_at(buf, offset),
        };
        let count = read.map_err(JournalError::io("read", name))?;
        if count < buf.len() {
            return Err(super::bad_at(name, offset, "ends in the middle"));
        }
        Ok(())
    }
}
