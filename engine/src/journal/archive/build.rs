//! Writing an archive file: run after run, block after block, then the index.

use super::super::catalog::SegmentFile;
use super::super::compact::Pace;
use super::super::error::JournalError;
use super::super::flaw::FlawKind;
use super::super::segment::{HEADER_PAGE_BYTES, SegmentHeader};
use super::super::storage::StorageFile;
use super::super::tail::{sealed_problem, stops_early};
use super::super::walk::{Link, SegmentKey, Walk};
use super::columns::Columns;
use super::layout::{BlockHeader, FileHeader, Place, Run, Trailer, crc_from};
use std::sync::Arc;
use zstd::bulk::Compressor;

/// Columns of a block before it is compressed: some 130 short records. A page of a history unpacks as many blocks as it has
/// rows, so they are small; each costs 96 bytes beside, 32 of them in memory, so they are no smaller.
const BLOCK_COLUMNS_BYTES: usize = 4 * 1024;
/// Stretch of a segment in a block: isolated records are mostly padding, and unpacking one record rebuilds all of it.
const BLOCK_STRETCH_BYTES: u64 = 256 * 1024;
/// What is read of a segment at a time: any record with the gap behind it, and many blocks.
const WINDOW_BYTES: u64 = 1024 * 1024;
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
    compressor: Compressor<'static>,
}

/// Acts of one segment that stand together, whatever groups they are of.
struct Block {
    from: u64,
    /// What its first record follows on from.
    start: Link,
    columns: Columns,
}

impl Builder {
    /// An empty file, shown as `name`, for exactly this stretch of the log.
    pub(crate) fn new(
        file: Arc<dyn StorageFile>,
        name: &str,
        header: &FileHeader,
    ) -> Result<Self, JournalError> {
        let compressor = Compressor::new(COMPRESSION_LEVEL);
        let mut builder = Self {
            file,
            name: name.to_owned(),
            seed: header.seed(),
            at: 0,
            runs: Vec::new(),
            places: Vec::new(),
            compressor: compressor.map_err(JournalError::io("compress", name))?,
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
        let link = self.put_blocks(segment, &mut run, index, pace)?;
        if (link.lsn, link.crc) != (run.last_lsn, run.last_crc) {
            return Err(stops_early(&segment.name, run.end, link.lsn + 1).into());
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

    /// Goes through a segment up to where it ended, each byte of it checked. Gives its last record.
    fn put_blocks(
        &mut self,
        segment: &SegmentFile,
        run: &mut Run,
        index: u32,
        pace: &mut Pace<'_>,
    ) -> Result<Link, JournalError> {
        let (key, link) = (SegmentKey::of(&run.source), Link::stated_by(&run.source));
        let mut block = Block::behind(HEADER_PAGE_BYTES, link);
        let mut walk = Walk::new(&[], HEADER_PAGE_BYTES, key, link);
        let mut window = Vec::new();
        while walk.at() < run.end {
            let from = walk.at();
            let to = run.end.min(from + WINDOW_BYTES);
            window.resize(usize::try_from(to - from).unwrap_or(usize::MAX), 0);
            let read = segment.file.read_at(&mut window, from);
            let read = read.map_err(JournalError::io("read", &segment.name))?;
            let mut walking = walk.over(&window[..read], from);
            loop {
                match walking.step() {
                    Ok(Some(walked)) => {
                        block.columns.push(&walked);
                        // An act is read back from one block.
                        if walked.header().is_more() {
                            continue;
                        }
                    }
                    Ok(None) => break,
                    // The window cuts it: it begins the next one.
                    Err(flaw) if flaw.kind == FlawKind::Cut && to < run.end => break,
                    Err(flaw) => return Err(sealed_problem(&segment.name, &flaw).into()),
                }
                let (at, link) = (walking.at(), walking.link());
                if block.is_full(at) || at == run.end {
                    self.put_block(index, &block, at, link)?;
                    run.blocks += 1;
                    pace(at - block.from)?;
                    block = Block::behind(at, link);
                }
            }
            if walking.at() == from {
                return Err(stops_early(&segment.name, from, walking.link().lsn + 1).into());
            }
            let at = walking.at();
            walk = walking.over(&[], at);
        }
        Ok(walk.link())
    }

    fn put_block(
        &mut self,
        run: u32,
        block: &Block,
        to: u64,
        end: Link,
    ) -> Result<(), JournalError> {
        let (start, columns) = (block.start, block.columns.to_bytes());
        let stored = self.compressor.compress(&columns);
        let stored = stored.map_err(JournalError::io("compress", &self.name))?;
        let length = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let header = BlockHeader {
            stored: length(stored.len()),
            columns: length(columns.len()),
            records: length(block.columns.records()),
            stored_crc: crc_from(self.seed, &stored),
            from: block.from,
            to,
            prev_lsn: start.lsn,
            prev_time_us: start.time_us,
            prev_crc: start.crc,
            last_crc: end.crc,
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

impl Block {
    /// Without a record yet, behind this one.
    fn behind(from: u64, link: Link) -> Self {
        Self {
            from,
            start: link,
            columns: Columns::behind(link),
        }
    }

    /// Whether it is to end here.
    fn is_full(&self, at: u64) -> bool {
        self.columns.bytes() >= BLOCK_COLUMNS_BYTES || at - self.from >= BLOCK_STRETCH_BYTES
    }
}
