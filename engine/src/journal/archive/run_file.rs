//! A run shown as the segment file it was made of: header page, then its log up to where it ended.

use super::super::error::JournalError;
use super::super::map::MappedSegment;
use super::super::place::{Lsn, Position};
use super::super::reader::ActRef;
use super::super::segment::HEADER_PAGE_BYTES;
use super::super::storage::StorageFile;
use super::super::walk::SegmentKey;
use super::columns::Rows;
use super::file::{ArchiveFile, BlockCache};
use super::layout::LayoutFlaw;
use std::borrow::Cow;
use std::io;
use std::sync::Arc;

/// One segment inside an archive file. Reads as the segment did, and never changes.
#[derive(Clone)]
pub struct RunFile {
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

impl RunFile {
    /// The act whose first record is `lsn`, straight from the columns of its block; None when there is none. A block never
    /// ends within an act.
    pub(crate) fn with_act<R>(
        &self,
        lsn: u64,
        look: impl FnOnce(ActRef<'_>) -> R,
    ) -> Result<Option<R>, JournalError> {
        let Some(block) = self.archive.block_holding(self.run, lsn) else {
            return Ok(None);
        };
        let unpacked = self.archive.columns(block, &self.cache)?;
        let flawed = || self.archive.flawed(block, LayoutFlaw::Short);
        let source = &self.archive.runs[self.run].source;
        let (columns, stretch) = (&unpacked.columns, unpacked.stretch);
        let rows = Rows::of(columns, stretch, SegmentKey::of(source));
        let mut rows = rows.ok_or_else(flawed)?;
        let mut continues = false;
        let first = loop {
            match rows.next() {
                Some(row) if row.header.lsn == lsn && !row.header.is_bare() => break row,
                Some(row) if row.header.lsn > lsn => return Ok(None),
                Some(row) => continues = row.header.is_more(),
                None if rows.ends_at(stretch.to) => return Ok(None),
                None => return Err(flawed()),
            }
        };
        if continues {
            return Ok(None);
        }
        let mut body = Cow::Borrowed(first.body);
        let mut last = first.header;
        while last.is_more() {
            let row = rows.next().ok_or_else(flawed)?;
            body.to_mut().extend_from_slice(row.body);
            last = row.header;
        }
        let header = first.header;
        Ok(Some(look(ActRef {
            lsn: Lsn(header.lsn),
            last_lsn: Lsn(last.lsn),
            time_us: header.time_us,
            kind: header.kind,
            schema: header.schema,
            body: &body,
            position: Position {
                segment: u32::try_from(source.seq).unwrap_or(u32::MAX),
                offset: u32::try_from(first.offset).unwrap_or(u32::MAX),
            },
        })))
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

    fn archived(&self) -> Option<&RunFile> {
        Some(self)
    }

    fn seams(&self) -> Vec<u64> {
        let blocks = self.archive.blocks_of(self.run);
        blocks.map(|block| self.archive.from(block)).collect()
    }
}
