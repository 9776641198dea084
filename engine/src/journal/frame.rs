//! The frame of one record: 48 bytes of header, then the body, then zeros to a multiple of eight.
//!
//! ```text
//!  0  u16 magic 0x5CA1     2 u8 kind   3 u8 flags    4 u32 body length
//!  8  u64 LSN             16 i64 time, µs           24 u64 durable LSN
//! 32  u16 schema          34 u16 zero  36 u32 previous record's header CRC
//! 40  u32 CRC of body and padding      44 u32 CRC of bytes 0..44, seeded by the segment
//! ```
//!
//! Pure functions over bytes: nothing here knows files, groups or what a body means.

use super::bytes::{get_u16, get_u32, get_u64, put_u16, put_u32, put_u64};
use super::fields::Field;
use super::place::align_up;

/// First two bytes of every record; zero bytes here mean that nothing was ever written.
pub const RECORD_MAGIC: u16 = 0x5CA1;
/// Length of the record header.
pub const HEADER_BYTES: usize = 48;
/// Longest body of one record: within it the CRC finds every error of up to three bits.
pub const BODY_BYTES_MAX: usize = 8192;
/// Records begin on multiples of this.
pub const RECORD_ALIGN: usize = 8;

/// Kinds from here on belong to the journal; all below are opaque acts.
pub const KIND_JOURNAL_MIN: u8 = 0xF0;
/// An empty record that attests the group before it.
pub const KIND_MARK: u8 = 0xF0;
/// An empty record written by a clean shutdown.
pub const KIND_CLOSE: u8 = 0xF1;
/// Reserved for the first record of a restored store: whom it descends from.
pub const KIND_FORK: u8 = 0xF2;
/// Stands where a repair gave acknowledged records up: it bears the first lost LSN and names the last.
pub const KIND_LOSS: u8 = 0xF3;

/// Last record of its group.
pub const FLAG_END: u8 = 1;
/// The act goes on in the next record.
pub const FLAG_MORE: u8 = 2;
/// Has no LSN of its own: repeats the last one, and no later record links to it.
pub const FLAG_BARE: u8 = 4;
/// Every flag that this version knows.
pub const FLAGS_KNOWN: u8 = FLAG_END | FLAG_MORE | FLAG_BARE;

/// What a CRC-32 comes to over any bytes that their own CRC-32 follows, lowest byte first; over any others it does not.
const CRC_RESIDUE: u32 = 0x2144_DF1C;

const AT_KIND: usize = 2;
const AT_FLAGS: usize = 3;
const AT_BODY_LEN: usize = 4;
const AT_LSN: usize = 8;
const AT_TIME: usize = 16;
const AT_DURABLE: usize = 24;
const AT_SCHEMA: usize = 32;
const AT_ZERO: usize = 34;
const AT_PREV_CRC: usize = 36;
const AT_BODY_CRC: usize = 40;
const AT_HDR_CRC: usize = 44;

/// A record header, field by field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RecordHeader {
    pub kind: u8,
    pub flags: u8,
    /// Bytes, without header and padding.
    pub body_len: u32,
    pub lsn: u64,
    /// Microseconds since the Unix epoch, never less than the record before.
    pub time_us: i64,
    /// The highest LSN known to be synced when this record was framed.
    pub durable_lsn: u64,
    pub schema: u16,
    /// Must be zero in this version.
    pub zero: u16,
    pub prev_crc: u32,
    pub body_crc: u32,
    pub hdr_crc: u32,
}

/// Why 48 bytes are not a sound header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderFlaw {
    /// All zero: never written.
    Blank,
    Magic,
    Crc,
}

impl RecordHeader {
    pub fn is_end(&self) -> bool {
        self.flags & FLAG_END != 0
    }

    pub fn is_more(&self) -> bool {
        self.flags & FLAG_MORE != 0
    }

    pub fn is_bare(&self) -> bool {
        self.flags & FLAG_BARE != 0
    }

    /// Header, body and padding, in bytes.
    pub fn framed_len(&self) -> usize {
        framed_len(self.body_len as usize)
    }

    /// The 48 bytes, with `hdr_crc` computed anew.
    pub fn encode(&self, seed: u32) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        put_u16(&mut out, 0, RECORD_MAGIC);
        out[AT_KIND] = self.kind;
        out[AT_FLAGS] = self.flags;
        put_u32(&mut out, AT_BODY_LEN, self.body_len);
        put_u64(&mut out, AT_LSN, self.lsn);
        put_u64(&mut out, AT_TIME, self.time_us.cast_unsigned());
        put_u64(&mut out, AT_DURABLE, self.durable_lsn);
        put_u16(&mut out, AT_SCHEMA, self.schema);
        put_u16(&mut out, AT_ZERO, self.zero);
        put_u32(&mut out, AT_PREV_CRC, self.prev_crc);
        put_u32(&mut out, AT_BODY_CRC, self.body_crc);
        let crc = header_crc(&out, seed);
        put_u32(&mut out, AT_HDR_CRC, crc);
        out
    }

    /// The header in the first 48 bytes of `bytes`, believed only when magic and CRC hold.
    #[inline]
    pub fn decode(bytes: &[u8], seed: u32) -> Result<Self, HeaderFlaw> {
        Self::check(bytes, &Checksum::seeded(seed)).map(Self::parse)
    }

    /// The bytes of a sound header, whose fields are yet to be read.
    #[inline]
    pub(crate) fn check<'a>(
        bytes: &'a [u8],
        checksum: &Checksum,
    ) -> Result<&'a [u8; HEADER_BYTES], HeaderFlaw> {
        let Some(raw) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(HeaderFlaw::Magic);
        };
        if get_u16(raw, 0) != RECORD_MAGIC {
            let blank = raw.iter().all(|byte| *byte == 0);
            return Err(if blank {
                HeaderFlaw::Blank
            } else {
                HeaderFlaw::Magic
            });
        }
        // The checksum taken over itself as well: whole blocks of sixteen bytes, which is quicker than what 44 leave over.
        if checksum.of(raw) == CRC_RESIDUE {
            Ok(raw)
        } else {
            Err(HeaderFlaw::Crc)
        }
    }

    /// The fields as they stand, sound or not.
    #[inline]
    pub fn parse(raw: &[u8; HEADER_BYTES]) -> Self {
        Self {
            kind: raw[AT_KIND],
            flags: raw[AT_FLAGS],
            body_len: get_u32(raw, AT_BODY_LEN),
            lsn: get_u64(raw, AT_LSN),
            time_us: get_u64(raw, AT_TIME).cast_signed(),
            durable_lsn: get_u64(raw, AT_DURABLE),
            schema: get_u16(raw, AT_SCHEMA),
            zero: get_u16(raw, AT_ZERO),
            prev_crc: get_u32(raw, AT_PREV_CRC),
            body_crc: get_u32(raw, AT_BODY_CRC),
            hdr_crc: get_u32(raw, AT_HDR_CRC),
        }
    }

    /// Every field with its place and value, for an annotated dump.
    pub fn fields(&self) -> Vec<Field> {
        vec![
            Field::new(0, 2, "magic", format!("{RECORD_MAGIC:#06x}")),
            Field::new(AT_KIND, 1, "kind", kind_name(self.kind)),
            Field::new(AT_FLAGS, 1, "flags", flag_names(self.flags)),
            Field::new(AT_BODY_LEN, 4, "body_len", self.body_len.to_string()),
            Field::new(AT_LSN, 8, "lsn", self.lsn.to_string()),
            Field::new(AT_TIME, 8, "time_us", self.time_us.to_string()),
            Field::new(AT_DURABLE, 8, "durable_lsn", self.durable_lsn.to_string()),
            Field::new(AT_SCHEMA, 2, "schema", self.schema.to_string()),
            Field::new(AT_ZERO, 2, "zero", self.zero.to_string()),
            Field::new(
                AT_PREV_CRC,
                4,
                "prev_crc",
                format!("{:#010x}", self.prev_crc),
            ),
            Field::new(
                AT_BODY_CRC,
                4,
                "body_crc",
                format!("{:#010x}", self.body_crc),
            ),
            Field::new(AT_HDR_CRC, 4, "hdr_crc", format!("{:#010x}", self.hdr_crc)),
        ]
    }
}

/// Bytes that a record with this body takes in the log.
#[inline]
pub const fn framed_len(body_len: usize) -> usize {
    HEADER_BYTES + body_len.next_multiple_of(RECORD_ALIGN)
}

/// Bytes that a whole act takes once it is cut into records.
pub const fn act_framed_len(body_len: usize) -> usize {
    let full = body_len / BODY_BYTES_MAX;
    let rest = body_len % BODY_BYTES_MAX;
    let full_bytes = full * framed_len(BODY_BYTES_MAX);
    if rest == 0 && full > 0 {
        full_bytes
    } else {
        full_bytes + framed_len(rest)
    }
}

/// A checksum to begin from, for many short pieces of bytes: finding out what the processor can do takes as long as the
/// checksum of a header, and a copy knows it already.
#[derive(Clone, Debug)]
pub(crate) struct Checksum(crc32fast::Hasher);

impl Checksum {
    pub(crate) fn seeded(seed: u32) -> Self {
        Self(crc32fast::Hasher::new_with_initial(seed))
    }

    #[inline]
    pub(crate) fn of(&self, bytes: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(bytes);
        hasher.finalize()
    }
}

/// CRC of a body together with its padding.
#[inline]
pub fn body_crc(body: &[u8]) -> u32 {
    const ZEROS: [u8; RECORD_ALIGN] = [0; RECORD_ALIGN];
    let pad = body.len().next_multiple_of(RECORD_ALIGN) - body.len();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(&ZEROS[..pad]);
    hasher.finalize()
}

/// CRC of the first 44 bytes, started from the segment's seed: a record of another store, segment or lap never fits.
#[inline]
pub fn header_crc(raw: &[u8; HEADER_BYTES], seed: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(&raw[..AT_HDR_CRC]);
    hasher.finalize()
}

/// Lays the records of one act into `out`, which is exactly `act_framed_len(body.len())` long. What only the writer
/// knows (durable LSN, link, END, header CRC) stays open for `stamp_group`. Returns the last LSN.
#[inline]
pub(crate) fn lay_act(out: &mut [u8], head: &RecordHeader, body: &[u8], crcs: &[u32]) -> u64 {
    let mut rest = body;
    let mut at = 0;
    let mut lsn = head.lsn;
    for (index, crc) in crcs.iter().enumerate() {
        let (part, after) = rest.split_at(rest.len().min(BODY_BYTES_MAX));
        rest = after;
        let more = index + 1 < crcs.len();
        let header = &mut out[at..at + HEADER_BYTES];
        header.fill(0);
        put_u16(header, 0, RECORD_MAGIC);
        header[AT_KIND] = head.kind;
        header[AT_FLAGS] = head.flags | if more { FLAG_MORE } else { 0 };
        put_u32(
            header,
            AT_BODY_LEN,
            u32::try_from(part.len()).unwrap_or(u32::MAX),
        );
        put_u64(header, AT_LSN, lsn);
        put_u64(header, AT_TIME, head.time_us.cast_unsigned());
        put_u16(header, AT_SCHEMA, head.schema);
        put_u32(header, AT_BODY_CRC, *crc);
        let body_at = at + HEADER_BYTES;
        let end = at + framed_len(part.len());
        out[body_at..body_at + part.len()].copy_from_slice(part);
        out[body_at + part.len()..end].fill(0);
        at = end;
        if more {
            lsn += 1;
        }
    }
    lsn
}

/// Completes the headers of a group that `lay_act` laid: `records` of them, packed from the start of `group`.
/// Returns the header CRC of the last record that others link to.
pub(crate) fn stamp_group(
    group: &mut [u8],
    records: u32,
    durable_lsn: u64,
    prev_crc: u32,
    seed: u32,
) -> u32 {
    let mut link = prev_crc;
    let mut at = 0;
    for index in 0..records {
        let len = framed_len(get_u32(&group[at..], AT_BODY_LEN) as usize);
        let Some(header) = group[at..].first_chunk_mut::<HEADER_BYTES>() else {
            unreachable!("a laid group holds {records} whole headers");
        };
        if index + 1 == records {
            header[AT_FLAGS] |= FLAG_END;
        }
        put_u64(header, AT_DURABLE, durable_lsn);
        put_u32(header, AT_PREV_CRC, link);
        let crc = header_crc(header, seed);
        put_u32(header, AT_HDR_CRC, crc);
        if header[AT_FLAGS] & FLAG_BARE == 0 {
            link = crc;
        }
        at += len;
    }
    link
}

/// The end of a group that stops at `offset`: the next boundary.
pub(crate) const fn group_end(offset: u64, alignment: u32) -> u64 {
    align_up(offset, alignment as u64)
}

fn kind_name(kind: u8) -> String {
    match kind {
        KIND_MARK => "MARK".to_owned(),
        KIND_CLOSE => "CLOSE".to_owned(),
        KIND_FORK => "FORK".to_owned(),
        KIND_LOSS => "LOSS".to_owned(),
        other => other.to_string(),
    }
}

fn flag_names(flags: u8) -> String {
    let mut names = Vec::new();
    for (bit, name) in [(FLAG_END, "END"), (FLAG_MORE, "MORE"), (FLAG_BARE, "BARE")] {
        if flags & bit != 0 {
            names.push(name.to_owned());
        }
    }
    if flags & !FLAGS_KNOWN != 0 {
        names.push(format!("unknown {:#04x}", flags & !FLAGS_KNOWN));
    }
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join("+")
    }
}
