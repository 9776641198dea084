//! Reading an archive file: its index at once, its blocks one by one, each of them proved before it is used.

use super::super::error::{Class, JournalError, Problem};
use super::super::frame::RecordHeader;
use super::super::segment::HEADER_PAGE_BYTES;
use super::super::storage::{Access, Storage, StorageFile};
use super::super::walk::{Link, SegmentKey};
use super::columns::{Stretch, rebuild};
use super::layout::{
    ARCHIVE_FOLDER, BLOCK_HEADER_BYTES, BlockHeader, FILE_HEADER_BYTES, FileHeader, LayoutFlaw,
    PLACE_BYTES, Place, RUN_BYTES, Run, TRAILER_BYTES, Trailer, crc_from, parse_archive_name,
};
use parking_lot::Mutex;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use zstd::bulk::Decompressor;

/// Columns of one block at most; earlier versions wrote whole groups into one. A length beyond it was made up.
const COLUMNS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Stretch of a segment in one block at most.
const STRETCH_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Unpacked blocks kept for the next read: neighbours in a history, and a piece for each replaying thread. 16 MiB where
/// records are isolated.
const BLOCKS_KEPT: usize = 64;

thread_local! {
    /// What unpacks on this thread: making one takes as long as a block does.
    static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// An archive file whose index has been read.
pub(crate) struct ArchiveFile {
    folder: Arc<dyn Storage>,
    name: String,
    pub(crate) len: u64,
    pub(crate) header: FileHeader,
    pub(crate) runs: Vec<Run>,
    places: Vec<Place>,
    seed: u32,
}

/// Unpacked blocks of all archive files of a directory, by file and number.
#[derive(Default)]
pub(crate) struct BlockCache {
    /// The bytes of their stretches, for whoever reads on.
    bytes: Kept<Vec<u8>>,
    /// Their columns, for whoever looks for one act.
    columns: Kept<Unpacked>,
}

/// The last blocks used: first LSN of the file, number of the block, what is kept of it.
struct Kept<T>(Mutex<VecDeque<(u64, usize, Arc<T>)>>);

/// A block as it was packed, its checksum checked.
pub(super) struct Unpacked {
    pub(super) stretch: Stretch,
    pub(super) columns: Vec<u8>,
    last_crc: u32,
}

impl ArchiveFile {
    /// Opens `name` in the folder; `header.first_lsn` and the others must be what the file is called.
    pub(crate) fn open(folder: &Arc<dyn Storage>, name: &str) -> Result<Self, JournalError> {
        let shown = shown(name);
        let file = folder
            .open(name, Access::Read)
            .map_err(JournalError::io("open", &shown))?;
        let len = file.size().map_err(JournalError::io("read", &shown))?;
        let raw = read(&*file, &shown, 0, FILE_HEADER_BYTES)?;
        let header = FileHeader::decode(&raw).map_err(|flaw| damage(&shown, 0, flaw))?;
        let seed = header.seed();
        let trailer_at = len.saturating_sub(TRAILER_BYTES as u64);
        let raw = read(&*file, &shown, trailer_at, TRAILER_BYTES)?;
        let trailer =
            Trailer::decode(&raw, seed).map_err(|flaw| damage(&shown, trailer_at, flaw))?;
        let index_len = trailer.runs as usize * RUN_BYTES + trailer.places as usize * PLACE_BYTES;
        let at = trailer.index_at;
        if at.saturating_add(index_len as u64) != trailer_at {
            return Err(damage(&shown, trailer_at, LayoutFlaw::Short));
        }
        let index = read(&*file, &shown, at, index_len)?;
        if crc_from(seed, &index) != trailer.index_crc {
            return Err(damage(&shown, at, LayoutFlaw::Crc));
        }
        let (runs, places) = index.split_at(trailer.runs as usize * RUN_BYTES);
        let runs = runs
            .chunks(RUN_BYTES)
            .map(|raw| Run::decode(raw, seed))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|flaw| damage(&shown, at, flaw))?;
        let places = places.chunks(PLACE_BYTES).map(Place::parse).collect();
        let archive = Self {
            folder: Arc::clone(folder),
            name: name.to_owned(),
            len,
            header,
            runs,
            places,
            seed,
        };
        archive.check()?;
        archive.check_run_headers(&*file)?;
        Ok(archive)
    }

    /// What stands before the blocks of each run says the same as the index.
    fn check_run_headers(&self, file: &dyn StorageFile) -> Result<(), JournalError> {
        let shown = self.shown();
        let mut at = FILE_HEADER_BYTES as u64;
        for (index, run) in self.runs.iter().enumerate() {
            let raw = read(file, &shown, at, RUN_BYTES)?;
            let found = Run::decode(&raw, self.seed).map_err(|flaw| damage(&shown, at, flaw))?;
            if found != *run {
                return Err(damage(&shown, at, LayoutFlaw::Crc));
            }
            at += RUN_BYTES as u64 + self.stored_bytes(index);
        }
        Ok(())
    }

    /// Whether this is its name in the folder.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name == name
    }

    /// The name inside the data directory.
    pub(crate) fn shown(&self) -> String {
        shown(&self.name)
    }

    /// Runs must follow on from each other, and be those of the name and the header.
    fn check(&self) -> Result<(), JournalError> {
        let header = &self.header;
        let foreign = |what: &str| -> Result<(), JournalError> {
            Err(Problem::new(Class::Chain, &self.shown(), what).into())
        };
        let named = parse_archive_name(self.name.trim_end_matches(super::ARCHIVE_TMP_SUFFIX));
        if named != Some((header.first_lsn, header.last_lsn)) {
            return foreign("it was another file before: the name does not fit the header");
        }
        let ends = self.runs.first().zip(self.runs.last());
        let fits = ends.is_some_and(|(first, last)| {
            (first.source.first_lsn, last.last_lsn) == (header.first_lsn, header.last_lsn)
        });
        let own = |run: &Run| {
            (run.source.store_id, run.source.timeline) == (header.store_id, header.timeline)
        };
        let follows = self.runs.windows(2).all(|pair| {
            let (before, next) = (&pair[0], &pair[1].source);
            next.seq == before.source.seq + 1
                && (next.prev_lsn, next.prev_crc, next.prev_bytes)
                    == (before.last_lsn, before.last_crc, before.end)
        });
        let blocks: usize = self.runs.iter().map(|run| run.blocks as usize).sum();
        if !fits || !follows || !self.runs.iter().all(own) || blocks != self.places.len() {
            return foreign("its runs do not follow on from each other");
        }
        Ok(())
    }

    /// The blocks of a run.
    pub(crate) fn blocks_of(&self, run: usize) -> Range<usize> {
        let before: usize = self.runs[..run].iter().map(|run| run.blocks as usize).sum();
        before..before + self.runs[run].blocks as usize
    }

    /// Where the stretch of a block begins in its segment.
    pub(crate) fn from(&self, block: usize) -> u64 {
        self.places[block].from
    }

    /// Compressed bytes of a run.
    pub(crate) fn stored_bytes(&self, run: usize) -> u64 {
        let blocks = self.places[self.blocks_of(run)].iter();
        blocks
            .map(|place| u64::from(place.stored) + BLOCK_HEADER_BYTES as u64)
            .sum()
    }

    /// The block of a run in which an act with this LSN would be.
    pub(super) fn block_holding(&self, run: usize, lsn: u64) -> Option<usize> {
        let blocks = self.blocks_of(run);
        let places = self.places.get(blocks.clone())?;
        let count = places.partition_point(|place| place.first_lsn <= lsn);
        Some(blocks.start + count.checked_sub(1)?)
    }

    /// The bytes of a block, from the cache when they lie there.
    pub(super) fn cached(
        &self,
        block: usize,
        cache: &BlockCache,
    ) -> Result<Arc<Vec<u8>>, JournalError> {
        let id = (self.header.first_lsn, block);
        cache.bytes.find_or(id, || self.unpack(block))
    }

    /// The columns of a block, from the cache when they lie there.
    pub(super) fn columns(
        &self,
        block: usize,
        cache: &BlockCache,
    ) -> Result<Arc<Unpacked>, JournalError> {
        let id = (self.header.first_lsn, block);
        cache.columns.find_or(id, || self.unpack_columns(block))
    }

    /// What is told of a block whose content cannot be.
    pub(super) fn flawed(&self, block: usize, flaw: LayoutFlaw) -> JournalError {
        let place = self.places[block];
        damage_of(&self.shown(), place.offset, place.first_lsn, flaw)
    }

    /// Header times of its first and last record, µs.
    pub(crate) fn times(&self) -> Result<(i64, i64), JournalError> {
        let (bytes, end) = self.unpack_to_end(0)?;
        let first = bytes.first_chunk().map(RecordHeader::parse);
        let first_us = first.map_or(end.time_us, |first| first.time_us);
        let last = self.places.len() - 1;
        let (_, end) = self.unpack_to_end(last)?;
        Ok((first_us, end.time_us))
    }

    /// The bytes of a block's stretch, proved: the header CRC of its last record depends on every byte before it.
    pub(crate) fn unpack(&self, block: usize) -> Result<Vec<u8>, JournalError> {
        self.unpack_to_end(block).map(|(bytes, _)| bytes)
    }

    /// As `unpack`, with the last record.
    fn unpack_to_end(&self, block: usize) -> Result<(Vec<u8>, Link), JournalError> {
        let unpacked = self.unpack_columns(block)?;
        let key = SegmentKey::of(&self.runs[self.places[block].run as usize].source);
        match rebuild(&unpacked.columns, unpacked.stretch, key) {
            Some((bytes, end)) if end.crc == unpacked.last_crc => Ok((bytes, end)),
            Some(_) | None => Err(self.flawed(block, LayoutFlaw::Crc)),
        }
    }

    fn unpack_columns(&self, block: usize) -> Result<Unpacked, JournalError> {
        let place = self.places[block];
        let shown = self.shown();
        let flawed = |flaw| self.flawed(block, flaw);
        let file = self
            .folder
            .open(&self.name, Access::Read)
            .map_err(JournalError::io("open", &shown))?;
        let len = BLOCK_HEADER_BYTES + place.stored as usize;
        let raw = read(&*file, &shown, place.offset, len)?;
        let (head, stored) = raw.split_at(BLOCK_HEADER_BYTES);
        let head = BlockHeader::decode(head, self.seed).map_err(flawed)?;
        let run = &self.runs[place.run as usize];
        let blocks = self.blocks_of(place.run as usize);
        let to = if block + 1 < blocks.end {
            self.places[block + 1].from
        } else {
            run.end
        };
        let indexed = (head.from, head.to, head.stored, head.prev_lsn + 1)
            == (place.from, to, place.stored, place.first_lsn);
        let bounded = head.columns as usize <= COLUMNS_BYTES_MAX
            && head.to.saturating_sub(head.from) <= STRETCH_BYTES_MAX
            && head.from >= HEADER_PAGE_BYTES;
        if !indexed || !bounded {
            return Err(flawed(LayoutFlaw::Short));
        }
        if crc_from(self.seed, stored) != head.stored_crc {
            return Err(flawed(LayoutFlaw::Crc));
        }
        let columns =
            decompress(stored, head.columns as usize).map_err(|_| flawed(LayoutFlaw::Short))?;
        let stretch = Stretch {
            from: head.from,
            to: head.to,
            records: head.records,
            start: Link {
                lsn: head.prev_lsn,
                crc: head.prev_crc,
                time_us: head.prev_time_us,
            },
        };
        Ok(Unpacked {
            stretch,
            columns,
            last_crc: head.last_crc,
        })
    }

    /// Drops what the page cache holds of the file, so that it is read from the disk.
    pub(crate) fn forget_cache(&self) -> Result<(), JournalError> {
        self.folder
            .open(&self.name, Access::Read)
            .and_then(|file| file.forget_cache())
            .map_err(JournalError::io("drop the cache of", &self.shown()))
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    /// What is kept of a block, or what is made of it now.
    fn find_or(
        &self,
        (file, block): (u64, usize),
        make: impl FnOnce() -> Result<T, JournalError>,
    ) -> Result<Arc<T>, JournalError> {
        if let Some(found) = self.find(file, block) {
            return Ok(found);
        }
        let made = Arc::new(make()?);
        let mut kept = self.0.lock();
        if kept.len() >= BLOCKS_KEPT {
            kept.pop_front();
        }
        kept.push_back((file, block, Arc::clone(&made)));
        Ok(made)
    }

    fn find(&self, file: u64, block: usize) -> Option<Arc<T>> {
        let mut kept = self.0.lock();
        let at = kept
            .iter()
            .position(|(id, number, _)| (*id, *number) == (file, block))?;
        let found = kept.remove(at)?;
        let bytes = Arc::clone(&found.2);
        kept.push_back(found);
        Some(bytes)
    }
}

fn decompress(stored: &[u8], len: usize) -> io::Result<Vec<u8>> {
    UNPACKER.with_borrow_mut(|unpacker| {
        let ready = match unpacker.take() {
            Some(ready) => ready,
            None => Decompressor::new()?,
        };
        unpacker.insert(ready).decompress(stored, len)
    })
}

/// The name of an archive file inside the data directory.
pub(super) fn shown(name: &str) -> String {
    format!("{ARCHIVE_FOLDER}/{name}")
}

fn read(file: &dyn StorageFile, shown: &str, at: u64, len: usize) -> Result<Vec<u8>, JournalError> {
    let size = file.size().map_err(JournalError::io("read", shown))?;
    if at.saturating_add(len as u64) > size {
        return Err(damage(shown, at, LayoutFlaw::Short));
    }
    let mut raw = vec![0; len];
    let count = file
        .read_at(&mut raw, at)
        .map_err(JournalError::io("read", shown))?;
    if count < len {
        return Err(damage(shown, at, LayoutFlaw::Short));
    }
    Ok(raw)
}

fn damage(shown: &str, at: u64, flaw: LayoutFlaw) -> JournalError {
    problem(shown, at, flaw).into()
}

fn damage_of(shown: &str, at: u64, lsn: u64, flaw: LayoutFlaw) -> JournalError {
    problem(shown, at, flaw).lsn(lsn).into()
}

fn problem(shown: &str, at: u64, flaw: LayoutFlaw) -> Problem {
    let (class, what) = match flaw {
        LayoutFlaw::Short => (Class::Corrupt, "a part of the archive file is cut short"),
        LayoutFlaw::Magic => (
            Class::Corrupt,
            "a part of the archive file should begin here",
        ),
        LayoutFlaw::Crc => (Class::Corrupt, "the CRC of archived records does not match"),
        LayoutFlaw::Unknown => (
            Class::Format,
            "the version or compression is not known here",
        ),
    };
    Problem::new(class, shown, what).at(at)
}
