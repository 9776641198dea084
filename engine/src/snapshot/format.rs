//! The bytes of a snapshot file.
//!
//! ```text
//! header 128 │ key blocks … │ row blocks … │ block index │ footer 128
//!
//! block   header 32: 0 kind · 4 body bytes · 8 count · 12 CRC of the body · 16 first · 24 zeros · 28 CRC of 0..28
//! keys    (key id 16 · fingerprint 8 · LSN 8 · time 8) × count, in the order of the log;   first = LSN
//! rows    (entity 8 · row bytes 4 · row) × count, ascending;                               first = entity
//! index   (offset 8 · first 8 · body bytes 4 · count 4 · kind 4 · body CRC 4) × blocks
//! ```
//! Little-endian at fixed offsets. Every checksum of a block, of the index and of the footer starts from the CRC of
//! the header, which no two snapshots share: a piece of another snapshot fails like a damaged one. Blocks lie end to
//! end, so there is no byte that no checksum covers. How a row is encoded is not known here.

use crate::journal::Lsn;

pub(crate) const HEADER_BYTES: usize = 128;
pub(crate) const FOOTER_BYTES: usize = 128;
pub(crate) const BLOCK_HEADER_BYTES: usize = 32;
pub(crate) const INDEX_ENTRY_BYTES: usize = 32;
/// One key in a block.
pub(crate) const KEY_BYTES: usize = 40;
/// What stands before each row.
pub(crate) const ROW_HEAD_BYTES: usize = 12;
/// A block is closed at this length: small enough to stay in a core's cache, large enough that its header and its
/// index entry do not count. Only a row that is longer makes a longer block.
pub(crate) const BLOCK_BYTES: usize = 64 * 1024;

/// Newest format that this version reads.
pub(crate) const FORMAT_MAJOR: u16 = 1;
const FORMAT_MINOR: u16 = 0;
/// How rows are encoded: 1 = bincode 2.0.1, standard configuration.
pub(crate) const CODEC_BINCODE_2: u32 = 1;

const MAGIC: [u8; 8] = [0x89, b'S', b'C', b'S', b'\r', b'\n', 0x1A, b'\n'];
const FOOTER_MAGIC: [u8; 8] = *b"SCSindex";
const END_MAGIC: u32 = 0x444E_4553;
const AT_HEADER_CRC: usize = HEADER_BYTES - 4;
const AT_FOOTER_CRC: usize = FOOTER_BYTES - 8;

/// What a snapshot is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Header {
    pub(crate) store_id: u128,
    /// The last LSN that it covers.
    pub(crate) lsn: Lsn,
    /// Header time of that record.
    pub(crate) time_us: i64,
    /// Header CRC of that record.
    pub(crate) crc: u32,
    pub(crate) timeline: u32,
    /// Keys of records before this instant are past their window and not in here.
    pub(crate) keys_from_us: i64,
    /// The snapshot that it was made from; 0 = from the beginning of the log.
    pub(crate) previous: Lsn,
}

/// What a block holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BlockKind {
    Keys,
    Rows,
}

/// One block, as the index and its own header tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    /// Of its header.
    pub(crate) offset: u64,
    pub(crate) body_bytes: u32,
    pub(crate) count: u32,
    pub(crate) crc: u32,
    /// Smallest entity, or lowest LSN.
    pub(crate) first: u64,
}

/// What all of it adds up to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Footer {
    pub(crate) index_offset: u64,
    pub(crate) blocks: u32,
    pub(crate) index_crc: u32,
    pub(crate) rows: u64,
    pub(crate) keys: u64,
    pub(crate) paid: u128,
    pub(crate) free: u128,
    pub(crate) digest: u128,
    /// Largest entity id; 0 without entities.
    pub(crate) largest_id: u64,
}

/// CRC of bytes that belong to the snapshot with this header CRC.
pub(crate) fn checksum(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

// === impl Header ===

impl Header {
    /// The bytes, and the CRC in them that all other checksums start from.
    pub(crate) fn encode(&self) -> ([u8; HEADER_BYTES], u32) {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&FORMAT_MAJOR.to_le_bytes());
        out[10..12].copy_from_slice(&FORMAT_MINOR.to_le_bytes());
        out[16..32].copy_from_slice(&self.store_id.to_le_bytes());
        out[32..40].copy_from_slice(&self.lsn.0.to_le_bytes());
        out[40..48].copy_from_slice(&self.time_us.to_le_bytes());
        out[48..52].copy_from_slice(&self.crc.to_le_bytes());
        out[52..56].copy_from_slice(&self.timeline.to_le_bytes());
        out[56..60].copy_from_slice(&CODEC_BINCODE_2.to_le_bytes());
        out[64..72].copy_from_slice(&self.keys_from_us.to_le_bytes());
        out[72..80].copy_from_slice(&self.previous.0.to_le_bytes());
        let crc = crc32fast::hash(&out[..AT_HEADER_CRC]);
        out[AT_HEADER_CRC..].copy_from_slice(&crc.to_le_bytes());
        (out, crc)
    }

    /// The header and its CRC; else what is wrong with it.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<(Self, u32), &'static str> {
        let crc = u32_at(bytes, AT_HEADER_CRC);
        if bytes[..8] != MAGIC {
            return Err("is no snapshot: the magic is missing");
        }
        if crc != crc32fast::hash(&bytes[..AT_HEADER_CRC]) {
            return Err("the header is damaged");
        }
        let major = u16::from_le_bytes([bytes[8], bytes[9]]);
        if major != FORMAT_MAJOR || u32_at(bytes, 12) != 0 || u32_at(bytes, 56) != CODEC_BINCODE_2 {
            return Err("is of a format that this version does not know");
        }
        let header = Self {
            store_id: u128_at(bytes, 16),
            lsn: Lsn(u64_at(bytes, 32)),
            time_us: u64_at(bytes, 40).cast_signed(),
            crc: u32_at(bytes, 48),
            timeline: u32_at(bytes, 52),
            keys_from_us: u64_at(bytes, 64).cast_signed(),
            previous: Lsn(u64_at(bytes, 72)),
        };
        Ok((header, crc))
    }
}

// === impl Block ===

impl Block {
    pub(crate) fn end(&self) -> u64 {
        self.offset + BLOCK_HEADER_BYTES as u64 + u64::from(self.body_bytes)
    }

    /// The header that stands before the body.
    pub(crate) fn encode(&self, seed: u32) -> [u8; BLOCK_HEADER_BYTES] {
        let mut out = [0; BLOCK_HEADER_BYTES];
        out[..4].copy_from_slice(&self.kind.tag().to_le_bytes());
        out[4..8].copy_from_slice(&self.body_bytes.to_le_bytes());
        out[8..12].copy_from_slice(&self.count.to_le_bytes());
        out[12..16].copy_from_slice(&self.crc.to_le_bytes());
        out[16..24].copy_from_slice(&self.first.to_le_bytes());
        let crc = checksum(seed, &out[..28]);
        out[28..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn encode_entry(&self) -> [u8; INDEX_ENTRY_BYTES] {
        let mut out = [0; INDEX_ENTRY_BYTES];
        out[..8].copy_from_slice(&self.offset.to_le_bytes());
        out[8..16].copy_from_slice(&self.first.to_le_bytes());
        out[16..20].copy_from_slice(&self.body_bytes.to_le_bytes());
        out[20..24].copy_from_slice(&self.count.to_le_bytes());
        out[24..28].copy_from_slice(&self.kind.tag().to_le_bytes());
        out[28..].copy_from_slice(&self.crc.to_le_bytes());
        out
    }

    pub(crate) fn decode_entry(bytes: &[u8]) -> Option<Self> {
        let kind = match u32_at(bytes, 24) {
            KEYS_TAG => BlockKind::Keys,
            ROWS_TAG => BlockKind::Rows,
            _ => return None,
        };
        Some(Self {
            kind,
            offset: u64_at(bytes, 0),
            first: u64_at(bytes, 8),
            body_bytes: u32_at(bytes, 16),
            count: u32_at(bytes, 20),
            crc: u32_at(bytes, 28),
        })
    }
}

const KEYS_TAG: u32 = u32::from_le_bytes(*b"KEYS");
const ROWS_TAG: u32 = u32::from_le_bytes(*b"ROWS");

impl BlockKind {
    fn tag(self) -> u32 {
        match self {
            Self::Keys => KEYS_TAG,
            Self::Rows => ROWS_TAG,
        }
    }
}

// === impl Footer ===

impl Footer {
    pub(crate) fn encode(&self, seed: u32) -> [u8; FOOTER_BYTES] {
        let mut out = [0; FOOTER_BYTES];
        out[..8].copy_from_slice(&FOOTER_MAGIC);
        out[8..16].copy_from_slice(&self.index_offset.to_le_bytes());
        out[16..20].copy_from_slice(&self.blocks.to_le_bytes());
        out[20..24].copy_from_slice(&self.index_crc.to_le_bytes());
        out[24..32].copy_from_slice(&self.rows.to_le_bytes());
        out[32..40].copy_from_slice(&self.keys.to_le_bytes());
        out[40..56].copy_from_slice(&self.paid.to_le_bytes());
        out[56..72].copy_from_slice(&self.free.to_le_bytes());
        out[72..88].copy_from_slice(&self.digest.to_le_bytes());
        out[88..96].copy_from_slice(&self.largest_id.to_le_bytes());
        let crc = checksum(seed, &out[..AT_FOOTER_CRC]);
        out[AT_FOOTER_CRC..AT_FOOTER_CRC + 4].copy_from_slice(&crc.to_le_bytes());
        out[AT_FOOTER_CRC + 4..].copy_from_slice(&END_MAGIC.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8; FOOTER_BYTES], seed: u32) -> Result<Self, &'static str> {
        if u32_at(bytes, AT_FOOTER_CRC + 4) != END_MAGIC || bytes[..8] != FOOTER_MAGIC {
            return Err("the footer is missing: it was cut off, or never finished");
        }
        if u32_at(bytes, AT_FOOTER_CRC) != checksum(seed, &bytes[..AT_FOOTER_CRC]) {
            return Err("the footer is damaged");
        }
        Ok(Self {
            index_offset: u64_at(bytes, 8),
            blocks: u32_at(bytes, 16),
            index_crc: u32_at(bytes, 20),
            rows: u64_at(bytes, 24),
            keys: u64_at(bytes, 32),
            paid: u128_at(bytes, 40),
            free: u128_at(bytes, 56),
            digest: u128_at(bytes, 72),
            largest_id: u64_at(bytes, 88),
        })
    }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(raw)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut raw = [0; 8];
    raw.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(raw)
}

pub(crate) fn u128_at(bytes: &[u8], at: usize) -> u128 {
    let mut raw = [0; 16];
    raw.copy_from_slice(&bytes[at..at + 16]);
    u128::from_le_bytes(raw)
}
