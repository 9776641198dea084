//! The content of a block: records of whole groups, taken apart into columns.
//!
//! ```text
//! kinds │ flags │ schemas │ times │ durables │ body lengths │ bodies
//! ```
//! Times are distances to the record before. A group knows as durable exactly what was written before it, a bare record
//! what it attests: the column holds how far a record is from that, which is nearly always zero.

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

/// Makes the bytes of a stretch again; gives them with the last record. None when the columns cannot be of this stretch.
pub(super) fn rebuild(
    columns: &[u8],
    stretch: Stretch,
    key: SegmentKey,
) -> Option<(Vec<u8>, Link)> {
    let count = usize::try_from(stretch.records).ok()?;
    let (kinds, rest) = columns.split_at_checked(count)?;
    let (flags, rest) = rest.split_at_checked(count)?;
    let mut rest = rest;
    let mut column = || -> Option<Vec<u64>> {
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            values.push(take_varint(&mut rest)?);
        }
        Some(values)
    };
    let (schemas, times, durables, lengths) = (column()?, column()?, column()?, column()?);
    let mut bodies = rest;
    let len = usize::try_from(stretch.to.checked_sub(stretch.from)?).ok()?;
    let mut out = vec![0; len];
    let (mut at, mut link, mut group_lsn) = (0, stretch.start, stretch.start.lsn);
    let mut time_us = link.time_us;
    for index in 0..count {
        let body_len = usize::try_from(lengths[index]).ok()?;
        let (body, after) = bodies.split_at_checked(body_len)?;
        bodies = after;
        time_us = time_us.wrapping_add(signed(times[index]));
        let mut header = RecordHeader {
            kind: kinds[index],
            flags: flags[index],
            body_len: u32::try_from(body_len).ok()?,
            time_us,
            schema: u16::try_from(schemas[index]).ok()?,
            prev_crc: link.crc,
            body_crc: body_crc(body),
            ..RecordHeader::default()
        };
        header.lsn = if header.is_bare() {
            link.lsn
        } else {
            link.lsn.wrapping_add(1)
        };
        let expected = if header.is_bare() {
            header.lsn
        } else {
            group_lsn
        };
        header.durable_lsn = expected.wrapping_add(signed(durables[index]).cast_unsigned());
        let raw = header.encode(key.seed);
        out.get_mut(at..at + HEADER_BYTES)?.copy_from_slice(&raw);
        let body_at = at + HEADER_BYTES;
        out.get_mut(body_at..body_at + body_len)?
            .copy_from_slice(body);
        at += header.framed_len();
        header.hdr_crc = super::super::bytes::get_u32(&raw, HEADER_BYTES - 4);
        link = link_behind(&header, body, link)?;
        if header.is_end() {
            group_lsn = header.lsn;
            let end = group_end(stretch.from + at as u64, key.alignment);
            at = usize::try_from(end - stretch.from).ok()?;
        }
    }
    (bodies.is_empty() && at == len).then_some((out, link))
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
