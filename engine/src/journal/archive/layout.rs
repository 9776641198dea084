//! The framing of an archive file: fixed little-endian structures, each with a CRC of its own.
//!
//! Every CRC but the first starts from the file's seed, so a piece of another file never fits.

use super::super::bytes::{get_u16, get_u32, get_u64, put_u16, put_u32, put_u64};
use super::super::segment::{HEADER_COPY_BYTES, SegmentHeader};

/// The folder inside the data directory.
pub(crate) const ARCHIVE_FOLDER: &str = "archive";
/// Behind the name while a file is being written.
pub(crate) const ARCHIVE_TMP_SUFFIX: &str = ".tmp";

pub(super) const FILE_MAGIC: [u8; 8] = [0x89, b'S', b'C', b'A', b'\r', b'\n', 0x1A, b'\n'];
const RUN_MAGIC: u32 = u32::from_le_bytes(*b"ARUN");
const BLOCK_MAGIC: u32 = u32::from_le_bytes(*b"ABLK");
const TRAILER_MAGIC: [u8; 8] = *b"ARCHIVE\n";

const ARCHIVE_MAJOR: u16 = 1;
const ARCHIVE_MINOR: u16 = 0;
/// How blocks are compressed: 1 = Zstandard.
const COMPRESSION_ZSTD: u32 = 1;

pub(super) const FILE_HEADER_BYTES: usize = 64;
pub(super) const RUN_BYTES: usize = 192;
pub(super) const BLOCK_HEADER_BYTES: usize = 64;
pub(super) const PLACE_BYTES: usize = 32;
pub(super) const TRAILER_BYTES: usize = 64;
/// The fields of a segment header; behind them it has zeros only.
const SOURCE_BYTES: usize = 144;

/// Why a structure is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LayoutFlaw {
    Short,
    Magic,
    Crc,
    /// Sound, but of a version or compression that is not known here.
    Unknown,
}

/// The first 64 bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FileHeader {
    pub(crate) store_id: u128,
    pub(crate) timeline: u32,
    pub(crate) first_lsn: u64,
    pub(crate) last_lsn: u64,
}

/// One source segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    pub(crate) source: SegmentHeader,
    pub(crate) blocks: u32,
    /// Its last record; that before its first one when it had none.
    pub(crate) last_lsn: u64,
    pub(crate) last_crc: u32,
    /// Where its log ended.
    pub(crate) end: u64,
}

/// What stands before the compressed bytes of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockHeader {
    /// Compressed bytes, and what they are once unpacked to columns.
    pub(crate) stored: u32,
    pub(crate) columns: u32,
    pub(crate) records: u32,
    pub(crate) stored_crc: u32,
    /// The stretch of the source segment.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// What its first record follows on from, and its last record.
    pub(crate) prev_lsn: u64,
    pub(crate) prev_time_us: i64,
    pub(crate) prev_crc: u32,
    pub(crate) last_crc: u32,
}

/// An entry of the index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// Of the block header in the file.
    pub(crate) offset: u64,
    /// The stretch of the source segment begins here.
    pub(crate) from: u64,
    /// LSN of its first record with one of its own.
    pub(crate) first_lsn: u64,
    pub(crate) run: u32,
    pub(crate) stored: u32,
}

/// The last 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Trailer {
    pub(crate) index_at: u64,
    pub(crate) runs: u32,
    pub(crate) places: u32,
    pub(crate) index_crc: u32,
}

pub(crate) fn archive_name(first_lsn: u64, last_lsn: u64) -> String {
    format!("arch-{first_lsn:020}-{last_lsn:020}.arc")
}

/// First and last LSN, as a name states them.
pub(crate) fn parse_archive_name(name: &str) -> Option<(u64, u64)> {
    let (first, last) = name
        .strip_prefix("arch-")?
        .strip_suffix(".arc")?
        .split_once('-')?;
    let digits = |text: &str| text.len() == 20 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return None;
    }
    Some((first.parse().ok()?, last.parse().ok()?))
}

pub(super) fn crc_from(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

/// Seals a structure: its last four bytes become the CRC of all before.
fn seal(out: &mut [u8], seed: u32) {
    let at = out.len() - 4;
    let crc = crc_from(seed, &out[..at]);
    put_u32(out, at, crc);
}

fn check(raw: &[u8], seed: u32) -> Result<(), LayoutFlaw> {
    let at = raw.len() - 4;
    if get_u32(raw, at) == crc_from(seed, &raw[..at]) {
        Ok(())
    } else {
        Err(LayoutFlaw::Crc)
    }
}

impl FileHeader {
    /// What every later CRC in the file starts from.
    pub(crate) fn seed(&self) -> u32 {
        let mut raw = [0; 32];
        raw[..16].copy_from_slice(&self.store_id.to_le_bytes());
        put_u64(&mut raw, 16, self.first_lsn);
        put_u64(&mut raw, 24, self.last_lsn);
        crc32fast::hash(&raw)
    }

    pub(crate) fn encode(&self) -> [u8; FILE_HEADER_BYTES] {
        let mut out = [0; FILE_HEADER_BYTES];
        out[..8].copy_from_slice(&FILE_MAGIC);
        put_u16(&mut out, 8, ARCHIVE_MAJOR);
        put_u16(&mut out, 10, ARCHIVE_MINOR);
        out[16..32].copy_from_slice(&self.store_id.to_le_bytes());
        put_u64(&mut out, 32, self.first_lsn);
        put_u64(&mut out, 40, self.last_lsn);
        put_u32(&mut out, 48, self.timeline);
        put_u32(&mut out, 52, COMPRESSION_ZSTD);
        seal(&mut out, 0);
        out
    }

    pub(crate) fn decode(raw: &[u8]) -> Result<Self, LayoutFlaw> {
        let raw = raw
            .first_chunk::<FILE_HEADER_BYTES>()
            .ok_or(LayoutFlaw::Short)?;
        if raw[..8] != FILE_MAGIC {
            return Err(LayoutFlaw::Magic);
        }
        check(raw, 0)?;
        let known = (1..=ARCHIVE_MAJOR).contains(&get_u16(raw, 8))
            && get_u32(raw, 12) == 0
            && get_u32(raw, 52) == COMPRESSION_ZSTD;
        if !known {
            return Err(LayoutFlaw::Unknown);
        }
        let mut store = [0; 16];
        store.copy_from_slice(&raw[16..32]);
        Ok(Self {
            store_id: u128::from_le_bytes(store),
            first_lsn: get_u64(raw, 32),
            last_lsn: get_u64(raw, 40),
            timeline: get_u32(raw, 48),
        })
    }
}

impl Run {
    pub(crate) fn encode(&self, seed: u32) -> [u8; RUN_BYTES] {
        let mut out = [0; RUN_BYTES];
        put_u32(&mut out, 0, RUN_MAGIC);
        put_u32(&mut out, 4, self.blocks);
        out[8..8 + SOURCE_BYTES].copy_from_slice(&self.source.encode()[..SOURCE_BYTES]);
        put_u64(&mut out, 152, self.last_lsn);
        put_u64(&mut out, 160, self.end);
        put_u32(&mut out, 168, self.last_crc);
        seal(&mut out, seed);
        out
    }

    pub(crate) fn decode(raw: &[u8], seed: u32) -> Result<Self, LayoutFlaw> {
        let raw = raw.first_chunk::<RUN_BYTES>().ok_or(LayoutFlaw::Short)?;
        if get_u32(raw, 0) != RUN_MAGIC {
            return Err(LayoutFlaw::Magic);
        }
        check(raw, seed)?;
        let mut copy = [0; HEADER_COPY_BYTES];
        copy[..SOURCE_BYTES].copy_from_slice(&raw[8..8 + SOURCE_BYTES]);
        Ok(Self {
            source: SegmentHeader::parse(&copy),
            blocks: get_u32(raw, 4),
            last_lsn: get_u64(raw, 152),
            end: get_u64(raw, 160),
            last_crc: get_u32(raw, 168),
        })
    }
}

impl BlockHeader {
    pub(crate) fn encode(&self, seed: u32) -> [u8; BLOCK_HEADER_BYTES] {
        let mut out = [0; BLOCK_HEADER_BYTES];
        put_u32(&mut out, 0, BLOCK_MAGIC);
        put_u32(&mut out, 4, self.stored);
        put_u32(&mut out, 8, self.columns);
        put_u32(&mut out, 12, self.records);
        put_u32(&mut out, 16, self.stored_crc);
        put_u32(&mut out, 20, self.prev_crc);
        put_u32(&mut out, 24, self.last_crc);
        put_u64(&mut out, 28, self.from);
        put_u64(&mut out, 36, self.to);
        put_u64(&mut out, 44, self.prev_lsn);
        put_u64(&mut out, 52, self.prev_time_us.cast_unsigned());
        seal(&mut out, seed);
        out
    }

    pub(crate) fn decode(raw: &[u8], seed: u32) -> Result<Self, LayoutFlaw> {
        let raw = raw
            .first_chunk::<BLOCK_HEADER_BYTES>()
            .ok_or(LayoutFlaw::Short)?;
        if get_u32(raw, 0) != BLOCK_MAGIC {
            return Err(LayoutFlaw::Magic);
        }
        check(raw, seed)?;
        Ok(Self {
            stored: get_u32(raw, 4),
            columns: get_u32(raw, 8),
            records: get_u32(raw, 12),
            stored_crc: get_u32(raw, 16),
            prev_crc: get_u32(raw, 20),
            last_crc: get_u32(raw, 24),
            from: get_u64(raw, 28),
            to: get_u64(raw, 36),
            prev_lsn: get_u64(raw, 44),
            prev_time_us: get_u64(raw, 52).cast_signed(),
        })
    }
}

impl Place {
    pub(crate) fn encode(&self) -> [u8; PLACE_BYTES] {
        let mut out = [0; PLACE_BYTES];
        put_u64(&mut out, 0, self.offset);
        put_u64(&mut out, 8, self.from);
        put_u64(&mut out, 16, self.first_lsn);
        put_u32(&mut out, 24, self.run);
        put_u32(&mut out, 28, self.stored);
        out
    }

    pub(crate) fn parse(raw: &[u8]) -> Self {
        Self {
            offset: get_u64(raw, 0),
            from: get_u64(raw, 8),
            first_lsn: get_u64(raw, 16),
            run: get_u32(raw, 24),
            stored: get_u32(raw, 28),
        }
    }
}

impl Trailer {
    pub(crate) fn encode(&self, seed: u32) -> [u8; TRAILER_BYTES] {
        let mut out = [0; TRAILER_BYTES];
        out[..8].copy_from_slice(&TRAILER_MAGIC);
        put_u64(&mut out, 8, self.index_at);
        put_u32(&mut out, 16, self.runs);
        put_u32(&mut out, 20, self.places);
        put_u32(&mut out, 24, self.index_crc);
        seal(&mut out, seed);
        out
    }

    pub(crate) fn decode(raw: &[u8], seed: u32) -> Result<Self, LayoutFlaw> {
        let raw = raw
            .first_chunk::<TRAILER_BYTES>()
            .ok_or(LayoutFlaw::Short)?;
        if raw[..8] != TRAILER_MAGIC {
            return Err(LayoutFlaw::Magic);
        }
        check(raw, seed)?;
        Ok(Self {
            index_at: get_u64(raw, 8),
            runs: get_u32(raw, 16),
            places: get_u32(raw, 20),
            index_crc: get_u32(raw, 24),
        })
    }
}
