//! Writing an archive file: run after run, block after block, then the index.

use super::super::catalog::SegmentFile;
use super::super::compact::Pace;
use super::super::error::JournalError;
use super::super::segment::{HEADER_PAGE_BYTES, SegmentHeader};
use super::super::storage::StorageFile;
use super::super::tail::{sealed_problem, stops_early};
use super::super::walk::{Link, SegmentKey, Walk};
use super::columns::Columns;
use super::layout::{BlockHeader, FileHeader, Place, Run, Trailer, crc_from};
use std::sync::Arc;

/// Columns of a block before it is compressed: enough for the compressor to learn from, little to unpack for one record.
pub(super) const BLOCK_COLUMNS_BYTES: usize = 128 * 1024;
/// Stretch of a segment in a block: isolated records are mostly padding, and unpacking one record rebuilds all of it.
const BLOCK_STRETCH_BYTES: u64 = 4 * 1024 * 1024;
/// What is read for a block: its stretch and one group more.
const WINDOW_BYTES: u64 = BLOCK_STRETCH_BYTES + 2 * 1024 * 1024;
/// Level of compression. Measured on single operations: higher ones cost several times the work for 3 % of the size.
const COMPRESSION_LEVEL: i32 = 3;

/// An archive file that is being written.
pub(crate) struct Builder {
    file: Arc<dyn StorageFile>,
    name: String,
    seed: u32,
    at: u64,
    runs: Vec<Run>,
    places: Vec<Place>,
}

impl Builder {
    /// An empty file, shown as `name`, for exactly this stretch of the log.
    pub(crate) fn new(
        file: Arc<dyn StorageFile>,
        name: &str,
        header: &FileHeader,
    ) -> Result<Self, JournalError> {
        let mut builder = Self {
            file,
            name: name.to_owned(),
            seed: header.seed(),
            at: 0,
            runs: Vec::new(),
            places: Vec::new(),
        };
        builder.put(&header.encode())?;
        Ok(builder)
    }

    /// Adds a sealed segment that ends where `next` says. `pace` is told the bytes read from it, block by block.
    pub(crate) fn add(
        &mut self,
        segment: &SegmentFile,
        next: &SegmentHeader,
        pace: &mut Pace<'_>,
    ) -> Result<(), JournalError> {
        let Some(source) = segment.header() else {
            return Err(super::super::log_reader::unreadable(segment).into());
        };
        let run_at = self.at;
        let index = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        let mut run = Run {
            source: source.clone(),
            blocks: 0,
            last_lsn: next.prev_lsn,
            last_crc: next.prev_crc,
            end: next.prev_bytes,
        };
        self.put(&run.encode(self.seed))?;
        let key = SegmentKey::of(source);
        let mut link = Link::stated_by(source);
        let mut at = HEADER_PAGE_BYTES;
        while at < run.end {
            let block = Block::gather(segment, key, (at, run.end), link)?;
            self.put_block(index, &block, link)?;
            run.blocks += 1;
            pace(block.to - at)?;
            (at, link) = (block.to, block.end);
        }
        if (link.lsn, link.crc) != (run.last_lsn, run.last_crc) || at != run.end {
            return Err(stops_early(&segment.name, at, link.lsn + 1).into());
        }
        // Only now the number of its blocks is known.
        self.write_at(&run.encode(self.seed), run_at)?;
        self.runs.push(run);
        Ok(())
    }

    /// Index and trailer; then everything is made durable. Gives the length.
    pub(crate) fn finish(mut self) -> Result<u64, JournalError> {
        let mut index = Vec::new();
        for run in &self.runs {
            index.extend_from_slice(&run.encode(self.seed));
        }
        for place in &self.places {
            index.extend_from_slice(&place.encode());
        }
        let trailer = Trailer {
            index_at: self.at,
            runs: u32::try_from(self.runs.len()).unwrap_or(u32::MAX),
            places: u32::try_from(self.places.len()).unwrap_or(u32::MAX),
            index_crc: crc_from(self.seed, &index),
        };
        self.put(&index)?;
        self.put(&trailer.encode(self.seed))?;
        self.file
            .sync_all()
            .map_err(JournalError::io("sync", &self.name))?;
        Ok(self.at)
    }

    fn put_block(&mut self, run: u32, block: &Block, start: Link) -> Result<(), JournalError> {
        let columns = block.columns.to_bytes();
        let stored = zstd::bulk::compress(&columns, COMPRESSION_LEVEL)
            .map_err(JournalError::io("compress", &self.name))?;
        let length = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let header = BlockHeader {
            stored: length(stored.len()),
            columns: length(columns.len()),
            records: length(block.columns.records()),
            stored_crc: crc_from(self.seed, &stored),
            from: block.from,
            to: block.to,
            prev_lsn: start.lsn,
            prev_time_us: start.time_us,
            prev_crc: start.crc,
            last_crc: block.end.crc,
        };
        self.places.push(Place {
            offset: self.at,
            from: block.from,
            first_lsn: start.lsn + 1,
            run,
            stored: header.stored,
        });
        self.put(&header.encode(self.seed))?;
        self.put(&stored)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        self.write_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> Result<(), JournalError> {
        self.file
            .write_at(bytes, at)
            .map_err(JournalError::io("write", &self.name))
    }
}

/// Whole groups of one segment.
struct Block {
    from: u64,
    to: u64,
    end: Link,
    columns: Columns,
}

impl Block {
    /// The groups from `from` on that fit into a block, each byte of them checked.
    fn gather(
        segment: &SegmentFile,
        key: SegmentKey,
        (from, end): (u64, u64),
        link: Link,
    ) -> Result<Self, JournalError> {
        let len = usize::try_from((end - from).min(WINDOW_BYTES)).unwrap_or(usize::MAX);
        let mut window = vec![0; len];
        let read = segment
            .file
            .read_at(&mut window, from)
            .map_err(JournalError::io("read", &segment.name))?;
        let mut walk = Walk::new(&window[..read], from, key, link);
        let mut columns = Columns::behind(link);
        loop {
            match walk.step() {
                Ok(Some(walked)) => columns.push(&walked),
                Ok(None) => break,
                Err(flaw) => return Err(sealed_problem(&segment.name, &flaw).into()),
            }
            let full = columns.bytes() >= BLOCK_COLUMNS_BYTES
                || walk.whole_end() - from >= BLOCK_STRETCH_BYTES;
            if full && walk.is_between_groups() {
                break;
            }
        }
        let to = walk.whole_end();
        if to == from {
            return Err(stops_early(&segment.name, from, link.lsn + 1).into());
        }
        Ok(Self {
            from,
            to,
            end: walk.whole_link(),
            columns,
        })
    }
}
