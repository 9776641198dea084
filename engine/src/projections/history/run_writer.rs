//! A run on disk, written: entries and directory grow side by side, the header comes last.
//!
//! ```text
//! run-….tmp ─ entries, directory, top, header ─► sync ─► rename ─► sync of the directory
//! ```
//! Memory is two buffers and the top, whatever the number of wallets. Syncs come every few megabytes, so that no
//! flush of the journal ever waits behind a large one.

use std::io;
use std::sync::Arc;

use super::entry::Packed;
use super::layout::{DIRECTORY_BYTES, RunHeader, TOP_BYTES, run_name};
use super::run::Listing;
use crate::journal::{Storage, StorageFile};
use crate::projections::blocks::{Blocks, TMP};
use crate::projections::reread::Span;

/// Bytes between two syncs.
const SYNC_BYTES: u64 = 8 * 1024 * 1024;

/// A run on its way.
pub(super) struct RunWriter<'a> {
    storage: &'a dyn Storage,
    file: Arc<dyn StorageFile>,
    tmp: String,
    header: RunHeader,
    entries: Blocks,
    directory: Blocks,
    top: Vec<u64>,
    listing: Listing,
    unsynced: u64,
}

// === impl RunWriter ===

impl<'a> RunWriter<'a> {
    /// Begins a run of exactly so many entries.
    pub(super) fn begin(
        storage: &'a dyn Storage,
        store_id: u128,
        span: Span,
        entries: u32,
    ) -> io::Result<Self> {
        let tmp = run_name(span) + TMP;
        match storage.remove(&tmp) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let header = RunHeader {
            store_id,
            span,
            entries,
            wallets: 0,
            first_at_us: i64::MAX,
            last_at_us: i64::MIN,
            last: super::entry::Place::FIRST,
        };
        Ok(Self {
            file: storage.create(&tmp)?,
            storage,
            tmp,
            entries: Blocks::starting_at(1),
            directory: Blocks::starting_at(header.directory_block()),
            header,
            top: Vec::new(),
            listing: Listing {
                wallet: 0,
                first: 0,
                count: 0,
            },
            unsynced: 0,
        })
    }

    /// Adds an entry. Wallets come in ascending order, and the entries of each by LSN.
    pub(super) fn put(&mut self, wallet: u64, entry: Packed) -> io::Result<()> {
        if wallet != self.listing.wallet {
            self.list()?;
            self.listing.first += self.listing.count;
            self.listing.wallet = wallet;
            self.listing.count = 0;
        }
        self.listing.count += 1;
        let header = &mut self.header;
        header.first_at_us = header.first_at_us.min(entry.at_us());
        header.last_at_us = header.last_at_us.max(entry.at_us());
        header.last = header.last.max(entry.place());
        if self.entries.put(&entry.to_bytes()) {
            self.unsynced += self.entries.write(&*self.file)?;
        }
        Ok(())
    }

    /// Whether enough was written since the last sync for another one; it is then done.
    pub(super) fn sync_if_due(&mut self) -> io::Result<bool> {
        if self.unsynced < SYNC_BYTES {
            return Ok(false);
        }
        self.unsynced = 0;
        self.file.sync_data()?;
        Ok(true)
    }

    /// Closes the listing of the wallet whose entries came last.
    fn list(&mut self) -> io::Result<()> {
        if self.listing.count == 0 {
            return Ok(());
        }
        if self.directory.is_at_block() {
            self.top.push(self.listing.wallet);
        }
        self.header.wallets += 1;
        if self
            .directory
            .put::<DIRECTORY_BYTES>(&self.listing.encode())
        {
            self.unsynced += self.directory.write(&*self.file)?;
        }
        Ok(())
    }

    /// Makes it durable under its own name, and gives that name.
    pub(super) fn finish(mut self) -> io::Result<String> {
        self.list()?;
        let put = self.listing.first + self.listing.count;
        assert!(
            put == self.header.entries,
            "a run has the entries it was begun for"
        );
        self.entries.finish(&*self.file)?;
        self.directory.finish(&*self.file)?;
        let mut top = Blocks::starting_at(self.header.top_block());
        for wallet in &self.top {
            if top.put::<TOP_BYTES>(&wallet.to_le_bytes()) {
                top.write(&*self.file)?;
            }
        }
        top.finish(&*self.file)?;
        self.file.write_at(&self.header.encode(), 0)?;
        self.file.sync_all()?;
        let name = run_name(self.header.span);
        self.storage.rename(&self.tmp, &name)?;
        self.storage.sync_dir()?;
        Ok(name)
    }
}
