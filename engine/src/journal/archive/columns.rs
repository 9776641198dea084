//! The content of a block: whole records, taken apart into columns.
//!
//! ```text
//! kinds │ flags │ schemas │ times │ durables │ body lengths │ bodies
//! ```
//! Times are distances to the record before. A group knows as durable exactly what was written before it, a bare record
//! what it attests: the column holds how far a record is from that, which is nearly always zero, or one number for all
//! that are left of a group in which the block begins.

use super::super::bytes::get_u32;
use super::super::frame::{HEADER_BYTES, KIND_LOSS, RecordHeader, body_crc, group_end};
use super::super::loss::Loss;
use super::super::walk::{Link, SegmentKey, Walked};

/// Records of a block before they are compressed.
#[derive(Default)]
pub(super) struct Columns {
    kinds: Vec<u8>,
    flags: Vec<u8>,
    schemas: Vec<u8>,
    times: Vec<u8>,
    durables: Vec<u8>,
    lengths: Vec<u8>,
    bodies: Vec<u8>,
    time_us: i64,
    /// The last LSN of the group before.
    group_lsn: u64,
    lsn: u64,
}

/// Where a block stands in its segment.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) records: u32,
    pub(super) start: Link,
}

impl Columns {
    /// Empty, behind this record.
    pub(super) fn behind(link: Link) -> Self {
        Self {
            time_us: link.time_us,
            group_lsn: link.lsn,
            lsn: link.lsn,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, walked: &Walked<'_>) {
        let header = &walked.header();
        self.kinds.push(header.kind);
        self.flags.push(header.flags);
        put_varint(&mut self.schemas, u64::from(header.schema));
        put_signed(&mut self.times, header.time_us.wrapping_sub(self.time_us));
        let expected = if header.is_bare() {
            header.lsn
        } else {
            self.group_lsn
        };
        let off = header.durable_lsn.wrapping_sub(expected).cast_signed();
        put_signed(&mut self.durables, off);
        put_varint(&mut self.lengths, walked.body.len() as u64);
        self.bodies.extend_from_slice(walked.body);
        self.time_us = header.time_us;
        self.lsn = header.lsn;
        if header.is_end() {
            self.group_lsn = self.lsn;
        }
    }

    pub(super) fn records(&self) -> usize {
        self.kinds.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.records() * 6 + self.bodies.len()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [
            self.kinds.as_slice(),
            &self.flags,
            &self.schemas,
            &self.times,
            &self.durables,
            &self.lengths,
            &self.bodies,
        ]
        .concat()
    }
}

/// The records of a block, one after the other, without their bytes being made again.
pub(super) struct Rows<'a> {
    kinds: &'a [u8],
    flags: &'a [u8],
    schemas: &'a [u8],
    times: &'a [u8],
    durables: &'a [u8],
    lengths: &'a [u8],
    bodies: &'a [u8],
    alignment: u32,
    /// Where the next one begins, from the start of the segment.
    at: u64,
    lsn: u64,
    group_lsn: u64,
    time_us: i64,
}

/// A record as its block has it.
pub(super) struct Row<'a> {
    /// Without link and checksums: they are made of the bytes.
    pub(super) header: RecordHeader,
    pub(super) body: &'a [u8],
    /// Bytes from the start of the segment.
    pub(super) offset: u64,
}

impl<'a> Rows<'a> {
    /// None when there are not as many records in the columns as the block states.
    pub(super) fn of(columns: &'a [u8], stretch: Stretch, key: SegmentKey) -> Option<Self> {
        let count = usize::try_from(stretch.records).ok()?;
        let (kinds, rest) = columns.split_at_checked(count)?;
        let (flags, rest) = rest.split_at_checked(count)?;
        let (schemas, rest) = split_varints(rest, count)?;
        let (times, rest) = split_varints(rest, count)?;
        let (durables, rest) = split_varints(rest, count)?;
        let (lengths, bodies) = split_varints(rest, count)?;
        Some(Self {
            kinds,
            flags,
            schemas,
            times,
            durables,
            lengths,
            bodies,
            alignment: key.alignment,
            at: stretch.from,
            lsn: stretch.start.lsn,
            group_lsn: stretch.start.lsn,
            time_us: stretch.start.time_us,
        })
    }

    /// The next record; None behind the last one, or where there cannot be such a record.
    pub(super) fn next(&mut self) -> Option<Row<'a>> {
        let body_len = usize::try_from(take_varint(&mut self.lengths)?).ok()?;
        let (body, bodies) = self.bodies.split_at_checked(body_len)?;
        let distance = signed(take_varint(&mut self.times)?);
        let mut header = RecordHeader {
            kind: take(&mut self.kinds)?,
            flags: take(&mut self.flags)?,
            body_len: u32::try_from(body_len).ok()?,
            time_us: self.time_us.wrapping_add(distance),
            schema: u16::try_from(take_varint(&mut self.schemas)?).ok()?,
            ..RecordHeader::default()
        };
        let bare = header.is_bare();
        header.lsn = self.lsn.wrapping_add(u64::from(!bare));
        let expected = if bare { header.lsn } else { self.group_lsn };
        let off = signed(take_varint(&mut self.durables)?);
        header.durable_lsn = expected.wrapping_add(off.cast_unsigned());
        let offset = self.at;
        self.bodies = bodies;
        self.time_us = header.time_us;
        // Behind a loss the log goes on behind the last record that was given up.
        self.lsn = match header.kind {
            KIND_LOSS => Loss::decode(&header, body)?.to_lsn,
            _ => header.lsn,
        };
        self.at += header.framed_len() as u64;
        if header.is_end() {
            self.group_lsn = header.lsn;
            self.at = group_end(self.at, self.alignment);
        }
        Some(Row {
            header,
            body,
            offset,
        })
    }

    /// Whether all of it was taken, and ends here.
    pub(super) fn ends_at(&self, to: u64) -> bool {
        self.kinds.is_empty() && self.bodies.is_empty() && self.at == to
    }
}

/// Makes the bytes of a stretch again; gives them with the last record. None when the columns cannot be of this stretch.
pub(super) fn rebuild(
    columns: &[u8],
    stretch: Stretch,
    key: SegmentKey,
) -> Option<(Vec<u8>, Link)> {
    let mut rows = Rows::of(columns, stretch, key)?;
    let len = usize::try_from(stretch.to.checked_sub(stretch.from)?).ok()?;
    let mut out = vec![0; len];
    let mut link = stretch.start;
    while let Some(Row {
        mut header,
        body,
        offset,
    }) = rows.next()
    {
        header.prev_crc = link.crc;
        header.body_crc = body_crc(body);
        let raw = header.encode(key.seed);
        let at = usize::try_from(offset - stretch.from).ok()?;
        let body_at = at + HEADER_BYTES;
        out.get_mut(at..body_at)?.copy_from_slice(&raw);
        out.get_mut(body_at..body_at + body.len())?
            .copy_from_slice(body);
        header.hdr_crc = get_u32(&raw, HEADER_BYTES - 4);
        link = link_behind(&header, body, link)?;
    }
    rows.ends_at(stretch.to).then_some((out, link))
}

/// What the record behind this one follows on from.
fn link_behind(header: &RecordHeader, body: &[u8], before: Link) -> Option<Link> {
    if header.kind == KIND_LOSS {
        // It goes on behind the last record that was given up.
        return Some(Loss::decode(header, body)?.link(header));
    }
    Some(match header.is_bare() {
        true => before,
        false => Link {
            lsn: header.lsn,
            crc: header.hdr_crc,
            time_us: header.time_us,
        },
    })
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

fn signed(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn take(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

/// So many numbers, and what is behind them.
fn split_varints(bytes: &[u8], count: usize) -> Option<(&[u8], &[u8])> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte < 0x80);
    let len = match count.checked_sub(1) {
        Some(before) => ends.map(|(at, _)| at + 1).nth(before)?,
        None => 0,
    };
    bytes.split_at_checked(len)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
