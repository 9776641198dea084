//! A run shown as the segment file it was made of: header page, then its log up to where it ended.

use super::super::error::JournalError;
use super::super::map::MappedSegment;
use super::super::segment::HEADER_PAGE_BYTES;
use super::super::storage::StorageFile;
use super::file::{ArchiveFile, BlockCache};
use std::io;
use std::sync::Arc;

/// One segment inside an archive file. Reads as the segment did, and never changes.
#[derive(Clone)]
pub(crate) struct RunFile {
    archive: Arc<ArchiveFile>,
    run: usize,
    cache: Arc<BlockCache>,
}

impl RunFile {
    pub(crate) fn new(archive: Arc<ArchiveFile>, run: usize, cache: Arc<BlockCache>) -> Self {
        Self {
            archive,
            run,
            cache,
        }
    }

    fn end(&self) -> u64 {
        self.archive.runs[self.run].end
    }

    /// The bytes around a place and where they begin.
    fn piece(&self, at: u64) -> Result<(u64, Arc<Vec<u8>>), JournalError> {
        if at < HEADER_PAGE_BYTES {
            let page = self.archive.runs[self.run].source.page();
            return Ok((0, Arc::new(page.to_vec())));
        }
        let blocks = self.archive.blocks_of(self.run);
        let mut low = blocks.start;
        let mut high = blocks.end;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.archive.from(middle) <= at {
                low = middle;
            } else {
                high = middle;
            }
        }
        let bytes = self.archive.cached(low, &self.cache)?;
        Ok((self.archive.from(low), bytes))
    }
}

impl StorageFile for RunFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.end())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            let at = offset + filled as u64;
            if at >= self.end() {
                break;
            }
            let (from, bytes) = self.piece(at).map_err(JournalError::into_io)?;
            let skip = usize::try_from(at - from).unwrap_or(usize::MAX);
            let rest = bytes.get(skip..).unwrap_or(&[]);
            if rest.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let count = rest.len().min(buf.len() - filled);
            buf[filled..filled + count].copy_from_slice(&rest[..count]);
            filled += count;
        }
        Ok(filled)
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }

    fn punch(&self, _offset: u64, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn forget_cache(&self) -> io::Result<()> {
        self.archive.forget_cache().map_err(JournalError::into_io)
    }

    fn map(&self) -> Option<MappedSegment> {
        None
    }
}
