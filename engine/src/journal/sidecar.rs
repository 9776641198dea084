//! `seg-….idx`: the sparse index of one sealed segment, so that a start need not scan what a snapshot covers.
//!
//! ```text
//! 0 magic · 8 version · 12 count · 16 seed of the segment · 20 CRC of its last record · 24 its end · 32 its last LSN
//! 40 its first LSN · 48 zeros · 60 CRC of all the rest · 64 (LSN − first LSN, offset) × count
//! ```
//! A cache and nothing more: it names the segment that it was made of, and one that is missing, damaged or of another
//! segment is made anew by scanning. What it says is checked again by whoever reads a record.

use super::bytes::{get_u32, get_u64, put_u32, put_u64};
use super::chunk::{Span, cut_spans};
use super::error::JournalError;
use super::index::Checkpoint;
use super::storage::{Access, Storage};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;

pub(crate) const SIDECAR_SUFFIX: &str = ".idx";
/// The name under which one is prepared.
pub(crate) const SIDECAR_TMP_SUFFIX: &str = ".idx.tmp";
const MAGIC: [u8; 8] = [0x89, b'S', b'C', b'I', b'\r', b'\n', 0x1A, b'\n'];
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 64;
const AT_CRC: usize = 60;
const POINT_BYTES: usize = 8;

/// The checkpoints of a sealed segment: from its sidecar, or else from its records, and then the sidecar is written.
pub(crate) fn checkpoints(
    storage: &dyn Storage,
    span: &Arc<Span>,
) -> Result<Vec<Checkpoint>, JournalError> {
    if let Some(found) = read(storage, span) {
        return Ok(found);
    }
    let mut found = Vec::new();
    for chunk in cut_spans([span], &Arc::default())? {
        let ends = chunk.scan(|_| Ok::<(), Infallible>(()))?;
        found.extend_from_slice(&ends.checkpoints);
    }
    keep(storage, span, &found);
    Ok(found)
}

/// Writes a sidecar, if there is none. Without one the next start only takes longer.
pub(crate) fn keep(storage: &dyn Storage, span: &Span, found: &[Checkpoint]) {
    let name = sidecar_name(&span.name);
    if let Err(error) = write(storage, &name, &encode(span, found))
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        tracing::warn!(file = name, %error, "cannot keep the index of a segment");
    }
}

fn write(storage: &dyn Storage, name: &str, bytes: &[u8]) -> io::Result<()> {
    let tmp = format!("{name}.tmp");
    let file = storage.create(&tmp)?;
    let written = file.write_at(bytes, 0).and_then(|()| file.sync_data());
    match written.and_then(|()| storage.rename(&tmp, name)) {
        Ok(()) => Ok(()),
        Err(error) => {
            // What is left of it is swept away at the next start.
            let _ = storage.remove(&tmp);
            Err(error)
        }
    }
}

/// An archived segment has the sidecar that it had before: its places are the same.
pub(crate) fn sidecar_name(segment: &str) -> String {
    let segment = segment.rsplit('/').next().unwrap_or(segment);
    format!(
        "{}{SIDECAR_SUFFIX}",
        segment.strip_suffix(".wal").unwrap_or(segment)
    )
}

fn header(span: &Span, count: usize) -> [u8; HEADER_BYTES] {
    let mut out = [0; HEADER_BYTES];
    out[..8].copy_from_slice(&MAGIC);
    put_u32(&mut out, 8, VERSION);
    put_u32(&mut out, 12, u32::try_from(count).unwrap_or(u32::MAX));
    put_u32(&mut out, 16, span.key.seed);
    put_u32(&mut out, 20, span.end.link.crc);
    put_u64(&mut out, 24, span.end.at);
    put_u64(&mut out, 32, span.end.link.lsn);
    put_u64(&mut out, 40, span.first.link.lsn + 1);
    out
}

fn encode(span: &Span, found: &[Checkpoint]) -> Vec<u8> {
    let mut out = header(span, found.len()).to_vec();
    for point in found {
        let delta = point.lsn - (span.first.link.lsn + 1);
        out.extend_from_slice(&u32::try_from(delta).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&point.offset.to_le_bytes());
    }
    let crc = checksum(&out);
    put_u32(&mut out, AT_CRC, crc);
    out
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..AT_CRC]);
    hasher.update(&bytes[HEADER_BYTES..]);
    hasher.finalize()
}

fn read(storage: &dyn Storage, span: &Span) -> Option<Vec<Checkpoint>> {
    let name = sidecar_name(&span.name);
    let file = storage.open(&name, Access::Read).ok()?;
    let len = usize::try_from(file.size().ok()?).ok()?;
    // One point for each page of the segment at most; anything longer is not ours.
    let len_max = HEADER_BYTES + POINT_BYTES * usize::try_from(span.end.at).ok()?;
    if !(HEADER_BYTES..=len_max).contains(&len) {
        return None;
    }
    let mut bytes = vec![0; len];
    let held = file.read_at(&mut bytes, 0).ok()?;
    decode(&bytes[..held], span)
}

fn decode(bytes: &[u8], span: &Span) -> Option<Vec<Checkpoint>> {
    let points = bytes.get(HEADER_BYTES..)?;
    let expected = header(span, points.len() / POINT_BYTES);
    let sound = points.len().is_multiple_of(POINT_BYTES)
        && bytes[..AT_CRC] == expected[..AT_CRC]
        && get_u32(bytes, AT_CRC) == checksum(bytes);
    let first_lsn = get_u64(bytes, 40);
    sound.then(|| {
        let point = |raw: &[u8]| Checkpoint {
            lsn: first_lsn + u64::from(get_u32(raw, 0)),
            offset: get_u32(raw, 4),
        };
        points.chunks_exact(POINT_BYTES).map(point).collect()
    })
}
