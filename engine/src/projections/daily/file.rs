//! A day on disk: written in one go, found row by row.

use std::io;
use std::sync::Arc;

use super::book::Closed;
use super::layout::{DayHeader, ROWS_A_BLOCK, day_name, decode_rows, encode_row};
use crate::domain::DayFlow;
use crate::journal::{Access, Storage, StorageFile};
use crate::projections::blocks::{self, BLOCK_BYTES, Blocks, Damaged, TMP};

/// Bytes between two syncs, so that no flush of the journal ever waits behind a large one.
const SYNC_BYTES: u64 = 8 * 1024 * 1024;

/// Blocks fetched by one read.
const BLOCKS_A_READ: u64 = 32;

/// A day on disk. The file is opened when somebody asks: years of days need no descriptors.
#[derive(Clone, Debug)]
pub(super) struct DayFile {
    pub(super) name: String,
    pub(super) header: DayHeader,
}

/// A day, open for reading.
struct Open<'a> {
    day: &'a DayFile,
    file: Arc<dyn StorageFile>,
}

// === impl DayFile ===

impl DayFile {
    /// Makes a day durable under its name, in the place of an earlier one.
    pub(super) fn write(
        storage: &dyn Storage,
        store_id: u128,
        closed: &Closed,
    ) -> io::Result<Self> {
        let name = day_name(closed.day);
        let tmp = format!("{name}{TMP}");
        match storage.remove(&tmp) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let file = storage.create(&tmp)?;
        let (mut rows, mut unsynced) = (Blocks::starting_at(1), 0);
        for (wallet, flow) in &closed.rows {
            if rows.put(&encode_row(*wallet, flow)) {
                unsynced += rows.write(&*file)?;
            }
            if unsynced >= SYNC_BYTES {
                unsynced = 0;
                file.sync_data()?;
            }
        }
        rows.finish(&*file)?;
        let header = DayHeader {
            store_id,
            day: closed.day,
            span: closed.span,
            last_at_us: closed.last_at_us,
            wallets: closed.rows.len() as u64,
            sum: closed.sum,
            closed: closed.closed,
            zone: closed.zone.clone(),
        };
        file.write_at(&header.encode(), 0)?;
        file.sync_all()?;
        storage.rename(&tmp, &name)?;
        storage.sync_dir()?;
        Ok(Self { name, header })
    }

    /// Reads the head of a day.
    pub(super) fn find(storage: &dyn Storage, name: &str) -> Result<Self, Damaged> {
        let failed = |error: io::Error| Damaged::new(name, &error.to_string());
        let file = storage.open(name, Access::Read).map_err(failed)?;
        let mut block = [0; BLOCK_BYTES];
        file.read_at(&mut block, 0).map_err(failed)?;
        let header = DayHeader::decode(&block);
        let header = header.filter(|header| name == day_name(header.day));
        let header = header
            .ok_or_else(|| Damaged::new(name, "its header is damaged or of another version"))?;
        if file.size().map_err(failed)? != header.file_bytes() {
            return Err(Damaged::new(name, "it is cut or too long"));
        }
        let name = name.to_owned();
        Ok(Self { name, header })
    }

    /// So many rows from a wallet on, ascending.
    pub(super) fn rows_from(
        &self,
        storage: &dyn Storage,
        wallet: u64,
        limit: usize,
    ) -> Result<Vec<(u64, DayFlow)>, Damaged> {
        self.open(storage)?.rows_from(wallet, limit)
    }

    fn open(&self, storage: &dyn Storage) -> Result<Open<'_>, Damaged> {
        let file = storage.open(&self.name, Access::Read);
        let file = file.map_err(|error| Damaged::new(&self.name, &error.to_string()))?;
        Ok(Open { day: self, file })
    }
}

// === impl Open ===

impl Open<'_> {
    fn rows_from(&self, wallet: u64, limit: usize) -> Result<Vec<(u64, DayFlow)>, Damaged> {
        let blocks = self.day.header.row_blocks();
        // The last block that begins at or before the wallet.
        let (mut low, mut high) = (0, blocks);
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            let first = self.rows(middle, 1)?.first().map(|(first, _)| *first);
            if first.is_some_and(|first| first <= wallet) {
                low = middle;
            } else {
                high = middle;
            }
        }
        let mut found = Vec::new();
        while low < blocks && found.len() < limit {
            let wanted = (limit - found.len()).div_ceil(ROWS_A_BLOCK) as u64;
            let count = wanted.min(BLOCKS_A_READ).min(blocks - low);
            let rows = self.rows(low, count)?.into_iter();
            found.extend(rows.filter(|(row, _)| *row >= wallet));
            low += count;
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The rows in so many blocks, from the block of this number on.
    fn rows(&self, first: u64, count: u64) -> Result<Vec<(u64, DayFlow)>, Damaged> {
        let bytes = blocks::read(&*self.file, &self.day.name, 1 + first, count)?;
        let mut left = self.day.header.wallets as usize - first as usize * ROWS_A_BLOCK;
        let mut rows = Vec::with_capacity(left.min(count as usize * ROWS_A_BLOCK));
        for block in bytes.chunks_exact(BLOCK_BYTES) {
            rows.extend(decode_rows(block, left));
            left = left.saturating_sub(ROWS_A_BLOCK);
        }
        Ok(rows)
    }
}
