//! A segment file: its name, its header page and how its space is divided.
//!
//! ```text
//! 0        4096                                    capacity-8192     capacity
//! | header | group | group | MARK | group | ...    | MARK   | CLOSE  |
//! | copy 0 at 0, copy 1 at 2048; written once      | kept free for these two
//! ```

use super::bytes::{get_u16, get_u32, get_u64, put_u16, put_u32, put_u64};
use super::error::{Class, Problem};
use super::fields::Field;
use super::place::align_up;

/// Where a segment begins: a carriage return, a line feed and a ^Z show what a text-mode copy broke.
pub const SEGMENT_MAGIC: [u8; 8] = [0x89, b'S', b'C', b'W', b'\r', b'\n', 0x1A, b'\n'];
/// The header page; groups begin behind it.
pub const HEADER_PAGE_BYTES: u64 = 4096;
/// Each header copy; the second one follows the first.
pub const HEADER_COPY_BYTES: usize = 2048;
/// Groups start on multiples of this: a page with acknowledged records is never rewritten.
pub const GROUP_ALIGN: u32 = 4096;
/// Kept free at the end of each segment: one page for a last MARK, one for CLOSE.
pub const TAIL_RESERVE_BYTES: u64 = 8192;
/// Smallest segment (tests); it still holds a few groups.
pub const SEGMENT_BYTES_MIN: u64 = 64 * 1024;
/// Largest segment: offsets are 32 bits and recovery reads the newest one into memory.
pub const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Newest format that this version reads.
pub const FORMAT_MAJOR: u16 = 1;
pub const FORMAT_MINOR: u16 = 0;
/// Feature bit: acknowledged records of this segment were given up, and a LOSS stands in their place.
pub const FEATURE_LOSS: u32 = 1;
/// Feature bits that this version knows.
const FEATURES_KNOWN: u32 = FEATURE_LOSS;
/// How bodies are encoded: 1 = bincode 2.0.1, standard configuration.
pub const CODEC_BINCODE_2: u32 = 1;

const AT_MAJOR: usize = 8;
const AT_MINOR: usize = 10;
const AT_INCOMPATIBLE: usize = 12;
const AT_STORE: usize = 16;
const AT_SEQ: usize = 32;
const AT_FIRST_LSN: usize = 40;
const AT_EPOCH: usize = 48;
const AT_SALT: usize = 56;
const AT_CREATED: usize = 64;
const AT_PREV_BYTES: usize = 72;
const AT_PREV_LSN: usize = 80;
const AT_PREV_CRC: usize = 88;
const AT_TIMELINE: usize = 92;
const AT_ROOT: usize = 96;
const AT_CODEC: usize = 128;
const AT_ALIGNMENT: usize = 132;
const AT_CAPACITY: usize = 136;
const AT_CRC: usize = 2044;

/// A segment header, field by field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentHeader {
    pub major: u16,
    pub minor: u16,
    /// Feature bits that a reader must know.
    pub incompatible: u32,
    pub store_id: u128,
    pub seq: u64,
    pub first_lsn: u64,
    /// +1 at every open of the directory.
    pub epoch: u64,
    pub salt: u64,
    /// Microseconds since the Unix epoch, for display only.
    pub created_us: i64,
    /// Where the previous segment ends: bytes behind that are evidence and never judged.
    pub prev_bytes: u64,
    pub prev_lsn: u64,
    pub prev_crc: u32,
    /// +1 per restore.
    pub timeline: u32,
    /// Root of the earlier segments; zeros until used.
    pub root: [u8; 32],
    pub codec: u32,
    pub alignment: u32,
    /// File length in bytes.
    pub capacity: u64,
}

/// Why a header copy cannot be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyFlaw {
    Blank,
    Magic,
    Crc,
    Short,
}

impl SegmentHeader {
    /// One copy, 2,048 bytes.
    pub fn encode(&self) -> [u8; HEADER_COPY_BYTES] {
        let mut out = [0; HEADER_COPY_BYTES];
        out[..8].copy_from_slice(&SEGMENT_MAGIC);
        put_u16(&mut out, AT_MAJOR, self.major);
        put_u16(&mut out, AT_MINOR, self.minor);
        put_u32(&mut out, AT_INCOMPATIBLE, self.incompatible);
        out[AT_STORE..AT_SEQ].copy_from_slice(&self.store_id.to_le_bytes());
        put_u64(&mut out, AT_SEQ, self.seq);
        put_u64(&mut out, AT_FIRST_LSN, self.first_lsn);
        put_u64(&mut out, AT_EPOCH, self.epoch);
        put_u64(&mut out, AT_SALT, self.salt);
        put_u64(&mut out, AT_CREATED, self.created_us.cast_unsigned());
        put_u64(&mut out, AT_PREV_BYTES, self.prev_bytes);
        put_u64(&mut out, AT_PREV_LSN, self.prev_lsn);
        put_u32(&mut out, AT_PREV_CRC, self.prev_crc);
        put_u32(&mut out, AT_TIMELINE, self.timeline);
        out[AT_ROOT..AT_CODEC].copy_from_slice(&self.root);
        put_u32(&mut out, AT_CODEC, self.codec);
        put_u32(&mut out, AT_ALIGNMENT, self.alignment);
        put_u64(&mut out, AT_CAPACITY, self.capacity);
        let crc = crc32fast::hash(&out[..AT_CRC]);
        put_u32(&mut out, AT_CRC, crc);
        out
    }

    /// One copy, believed only when magic and CRC hold.
    pub fn decode(copy: &[u8]) -> Result<Self, CopyFlaw> {
        if copy.len() < HEADER_COPY_BYTES {
            return Err(CopyFlaw::Short);
        }
        let copy = &copy[..HEADER_COPY_BYTES];
        if copy.iter().all(|byte| *byte == 0) {
            return Err(CopyFlaw::Blank);
        }
        if copy[..8] != SEGMENT_MAGIC {
            return Err(CopyFlaw::Magic);
        }
        if get_u32(copy, AT_CRC) != crc32fast::hash(&copy[..AT_CRC]) {
            return Err(CopyFlaw::Crc);
        }
        Ok(Self::parse(copy))
    }

    /// The fields as they stand in at least 2,048 bytes, sound or not.
    pub fn parse(copy: &[u8]) -> Self {
        let mut store = [0; 16];
        store.copy_from_slice(&copy[AT_STORE..AT_SEQ]);
        let mut root = [0; 32];
        root.copy_from_slice(&copy[AT_ROOT..AT_CODEC]);
        Self {
            major: get_u16(copy, AT_MAJOR),
            minor: get_u16(copy, AT_MINOR),
            incompatible: get_u32(copy, AT_INCOMPATIBLE),
            store_id: u128::from_le_bytes(store),
            seq: get_u64(copy, AT_SEQ),
            first_lsn: get_u64(copy, AT_FIRST_LSN),
            epoch: get_u64(copy, AT_EPOCH),
            salt: get_u64(copy, AT_SALT),
            created_us: get_u64(copy, AT_CREATED).cast_signed(),
            prev_bytes: get_u64(copy, AT_PREV_BYTES),
            prev_lsn: get_u64(copy, AT_PREV_LSN),
            prev_crc: get_u32(copy, AT_PREV_CRC),
            timeline: get_u32(copy, AT_TIMELINE),
            root,
            codec: get_u32(copy, AT_CODEC),
            alignment: get_u32(copy, AT_ALIGNMENT),
            capacity: get_u64(copy, AT_CAPACITY),
        }
    }

    /// The whole header page: two copies.
    pub fn page(&self) -> [u8; 2 * HEADER_COPY_BYTES] {
        let mut page = [0; 2 * HEADER_COPY_BYTES];
        let copy = self.encode();
        page[..HEADER_COPY_BYTES].copy_from_slice(&copy);
        page[HEADER_COPY_BYTES..].copy_from_slice(&copy);
        page
    }

    /// What every record's header CRC in this segment starts from.
    pub fn seed(&self) -> u32 {
        let mut raw = [0; 32];
        put_u64(&mut raw, 0, self.salt);
        raw[8..24].copy_from_slice(&self.store_id.to_le_bytes());
        put_u64(&mut raw, 24, self.seq);
        crc32fast::hash(&raw)
    }

    pub fn file_name(&self) -> String {
        segment_name(self.seq, self.first_lsn)
    }

    /// A header that is sound but not for this version, or that cannot be true.
    pub fn objection(&self, file: &str) -> Option<Problem> {
        let format = |what: String| Some(Problem::new(Class::Format, file, what).at(0));
        if self.major > FORMAT_MAJOR || self.major == 0 {
            return format(format!(
                "format {}.{} is not known here",
                self.major, self.minor
            ));
        }
        let unknown = self.incompatible & !FEATURES_KNOWN;
        if unknown != 0 {
            return format(format!("needs unknown features {unknown:#010x}"));
        }
        if self.codec != CODEC_BINCODE_2 {
            return format(format!(
                "bodies are in codec {}, not known here",
                self.codec
            ));
        }
        if self.alignment != 512 && self.alignment != GROUP_ALIGN {
            return format(format!(
                "group alignment {} is not known here",
                self.alignment
            ));
        }
        if self.capacity < SEGMENT_BYTES_MIN
            || self.capacity > SEGMENT_BYTES_MAX
            || !self.capacity.is_multiple_of(u64::from(GROUP_ALIGN))
        {
            return format(format!("capacity {} is not possible", self.capacity));
        }
        None
    }

    /// Every field with its place and value, for an annotated dump.
    pub fn fields(&self) -> Vec<Field> {
        let prev_crc = format!("{:#010x}", self.prev_crc);
        let root = if self.root == [0; 32] { "zeros" } else { "set" };
        vec![
            Field::new(0, 8, "magic", "89 SCW CR LF 1A LF"),
            Field::new(AT_MAJOR, 2, "major", self.major.to_string()),
            Field::new(AT_MINOR, 2, "minor", self.minor.to_string()),
            Field::new(
                AT_INCOMPATIBLE,
                4,
                "incompatible",
                format!("{:#010x}", self.incompatible),
            ),
            Field::new(AT_STORE, 16, "store_id", format!("{:032x}", self.store_id)),
            Field::new(AT_SEQ, 8, "seq", self.seq.to_string()),
            Field::new(AT_FIRST_LSN, 8, "first_lsn", self.first_lsn.to_string()),
            Field::new(AT_EPOCH, 8, "epoch", self.epoch.to_string()),
            Field::new(AT_SALT, 8, "salt", format!("{:#018x}", self.salt)),
            Field::new(AT_CREATED, 8, "created_us", self.created_us.to_string()),
            Field::new(AT_PREV_BYTES, 8, "prev_bytes", self.prev_bytes.to_string()),
            Field::new(AT_PREV_LSN, 8, "prev_lsn", self.prev_lsn.to_string()),
            Field::new(AT_PREV_CRC, 4, "prev_crc", prev_crc),
            Field::new(AT_TIMELINE, 4, "timeline", self.timeline.to_string()),
            Field::new(AT_ROOT, 32, "root", root),
            Field::new(AT_CODEC, 4, "codec", self.codec.to_string()),
            Field::new(AT_ALIGNMENT, 4, "alignment", self.alignment.to_string()),
            Field::new(AT_CAPACITY, 8, "capacity", self.capacity.to_string()),
            Field::new(AT_CRC, 4, "crc", "CRC of bytes 0..2044"),
        ]
    }
}

/// Bytes of a segment that groups of acts may use.
pub(crate) const fn payload_bytes(capacity: u64) -> u64 {
    capacity - HEADER_PAGE_BYTES - TAIL_RESERVE_BYTES
}

/// Where the pages kept for MARK and CLOSE begin.
pub(crate) const fn payload_end(capacity: u64) -> u64 {
    capacity - TAIL_RESERVE_BYTES
}

/// Room that `bytes` take once rounded to whole group pages.
pub(crate) const fn paged(bytes: u64) -> u64 {
    align_up(bytes, GROUP_ALIGN as u64)
}

pub fn segment_name(seq: u64, first_lsn: u64) -> String {
    format!("seg-{seq:010}-{first_lsn:020}.wal")
}

/// The sequence number and first LSN that a file name states.
pub fn parse_segment_name(name: &str) -> Option<(u64, u64)> {
    let (seq, lsn) = name
        .strip_prefix("seg-")?
        .strip_suffix(".wal")?
        .split_once('-')?;
    let digits =
        |text: &str, len: usize| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(seq, 10) || !digits(lsn, 20) {
        return None;
    }
    Some((seq.parse().ok()?, lsn.parse().ok()?))
}
