//! Going on to the next segment: a filled file gets its header, then its name, then its first group.

use super::buffer::PageBuffer;
use super::index::IndexedSegment;
use super::options::SyncMode;
use super::place::Lsn;
use super::segment::{HEADER_PAGE_BYTES, SegmentHeader};
use super::shelf::{ReadyFile, Unused};
use super::storage::{Access, Storage, StorageFile};
use super::walk::SegmentKey;
use super::writer::{Active, Writer};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl<T: Send + 'static> Writer<T> {
    /// Goes on to the next filled segment: header, rename, directory, meta, and only then a group.
    pub(super) fn roll(&mut self, seq: u64) -> io::Result<()> {
        let Some(ready) = self.shelf.take() else {
            unreachable!("space was promised in segment {seq}, so it is on the shelf");
        };
        let old = &self.active;
        let salt = u64::try_from(self.entropy.draw()? & u128::from(u64::MAX)).unwrap_or(0);
        let header = SegmentHeader {
            seq,
            first_lsn: self.link.lsn + 1,
            salt,
            created_us: self.clock.now_us(),
            prev_bytes: old.end,
            prev_lsn: self.link.lsn,
            prev_crc: self.link.crc,
            ..old.header.clone()
        };
        let name = seat(&*self.storage, &ready, &header)?;
        self.meta.update(|meta| {
            meta.active_seq = seq;
            meta.active_first_lsn = header.first_lsn;
        })?;
        let file = writable(&*self.storage, &name, &ready.file, self.sync)?;
        let key = SegmentKey::of(&header);
        let indexed = IndexedSegment::new(
            name.clone(),
            seq,
            header.first_lsn,
            key,
            Arc::clone(&ready.file),
        );
        self.core.index.push(Arc::new(indexed));
        self.core.metrics.rolls.fetch_add(1, Relaxed);
        let end = HEADER_PAGE_BYTES;
        let next = Active {
            header,
            name,
            file,
            plain: ready.file,
            end,
        };
        let old = std::mem::replace(&mut self.active, next);
        self.lane.sealed(Lsn(self.link.lsn), old.end);
        let len = old.header.capacity - old.end;
        if len > 0 {
            self.shelf.give_back(Unused {
                name: old.name,
                file: old.plain,
                from: old.end,
                len,
            });
        }
        self.unattested = false;
        Ok(())
    }
}

/// Header first, synced, then the name, then the directory: whoever finds the name finds a sound header. Returns the
/// segment's name. An empty segment of the same name is replaced.
pub(crate) fn seat(
    storage: &dyn Storage,
    ready: &ReadyFile,
    header: &SegmentHeader,
) -> io::Result<String> {
    let mut page = PageBuffer::new(usize::try_from(HEADER_PAGE_BYTES).unwrap_or(usize::MAX));
    page.copy_from_slice(&header.page());
    ready.file.write_at(&page, 0)?;
    ready.file.sync_all()?;
    let name = header.file_name();
    storage.rename(&ready.name, &name)?;
    storage.sync_dir()?;
    Ok(name)
}

/// The handle that groups are written through.
pub(crate) fn writable(
    storage: &dyn Storage,
    name: &str,
    plain: &Arc<dyn StorageFile>,
    sync: SyncMode,
) -> io::Result<Arc<dyn StorageFile>> {
    match sync {
        SyncMode::Fdatasync => Ok(Arc::clone(plain)),
        SyncMode::Direct => storage.open(name, Access::WriteDirect),
    }
}
