//! Reading acts back while the journal runs: by LSN, durable ones only.
//!
//! Sealed segments are read through a map, the active one by `pread`, archived ones out of their blocks. Every record
//! read is checked again, or the block that it is in.

use super::bytes::get_u16;
use super::chunk::Span;
use super::error::{Class, JournalError, Problem};
use super::flaw::FlawKind;
use super::frame::{HEADER_BYTES, RECORD_MAGIC, RecordHeader, group_end};
use super::index::{IndexedSegment, LogIndex};
use super::place::{Lsn, Position};
use std::io;
use std::sync::Arc;

/// What one read from an unmapped segment fetches: a checkpoint distance and the longest body close behind it.
const WINDOW_BYTES: usize = 8 * 1024;

/// A whole act, its records joined, borrowed from where it was read.
#[derive(Clone, Copy, Debug)]
pub struct ActRef<'a> {
    /// LSN of its first record.
    pub lsn: Lsn,
    pub last_lsn: Lsn,
    pub time_us: i64,
    pub kind: u8,
    pub schema: u16,
    pub body: &'a [u8],
    pub position: Position,
}

/// A whole act that stands on its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnedAct {
    pub lsn: Lsn,
    pub last_lsn: Lsn,
    pub time_us: i64,
    pub kind: u8,
    pub schema: u16,
    pub body: Vec<u8>,
    pub position: Position,
}

/// Reads durable acts by LSN. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ActReader {
    index: Arc<LogIndex>,
}

/// Reads the acts of one segment by their places, for those who have verified the segment as a whole.
pub struct SegmentActs {
    segment: IndexedSegment,
}

/// Bytes of a segment, a window at a time.
struct Window<'a> {
    segment: &'a IndexedSegment,
    mapped: Option<&'a [u8]>,
    bytes: Vec<u8>,
    base: u64,
}

impl ActRef<'_> {
    pub fn to_owned(&self) -> OwnedAct {
        OwnedAct {
            lsn: self.lsn,
            last_lsn: self.last_lsn,
            time_us: self.time_us,
            kind: self.kind,
            schema: self.schema,
            body: self.body.to_vec(),
            position: self.position,
        }
    }
}

impl OwnedAct {
    pub fn as_ref(&self) -> ActRef<'_> {
        ActRef {
            lsn: self.lsn,
            last_lsn: self.last_lsn,
            time_us: self.time_us,
            kind: self.kind,
            schema: self.schema,
            body: &self.body,
            position: self.position,
        }
    }
}

impl ActReader {
    pub(crate) fn new(index: Arc<LogIndex>) -> Self {
        Self { index }
    }

    pub fn durable(&self) -> Lsn {
        Lsn(self.index.durable())
    }

    /// The lowest LSN that can be read: later than 1 where a retention setting has deleted what was before.
    pub fn first(&self) -> Lsn {
        Lsn(self.index.first())
    }

    /// The act whose first record is `lsn`; None when there is none, or it is not durable.
    pub fn act_at(&self, lsn: Lsn) -> Result<Option<OwnedAct>, JournalError> {
        self.with_act(lsn, |act| act.to_owned())
    }

    /// As `act_at`, without a copy for acts of one record.
    pub fn with_act<R>(
        &self,
        lsn: Lsn,
        look: impl FnOnce(ActRef<'_>) -> R,
    ) -> Result<Option<R>, JournalError> {
        if lsn.0 == 0 || lsn.0 > self.index.durable() {
            return Ok(None);
        }
        let mut look = Some(look);
        let mut once = |act: ActRef<'_>| look.take().map(|look| look(act));
        let mut read = || match self.index.holding(lsn.0) {
            Some(segment) => with_act_of(&segment, lsn.0, &mut once).map(Option::flatten),
            None => Ok(None),
        };
        match read() {
            // It went into the archive after its segment was looked up.
            found if is_gone(&found) => read(),
            found => found,
        }
    }
}

fn with_act_of<R>(
    segment: &IndexedSegment,
    lsn: u64,
    look: impl FnOnce(ActRef<'_>) -> R,
) -> Result<Option<R>, JournalError> {
    if let Some(run) = segment.file.archived() {
        return run.with_act(lsn, look);
    }
    match locate(segment, lsn)? {
        Some((offset, header)) => {
            read_act(&mut Window::over(segment), offset, header, look).map(Some)
        }
        None => Ok(None),
    }
}

/// Where the act begins, and its first record.
fn locate(segment: &IndexedSegment, lsn: u64) -> Result<Option<(u64, RecordHeader)>, JournalError> {
    let Some(start) = segment.before(lsn)? else {
        return Ok(None);
    };
    find(&mut Window::over(segment), u64::from(start), lsn)
}

fn is_gone<T>(found: &Result<T, JournalError>) -> bool {
    matches!(found, Err(JournalError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound)
}

impl SegmentActs {
    /// Of a segment that nobody writes to any more.
    pub(crate) fn of(span: &Arc<Span>) -> Self {
        let segment = IndexedSegment::of(span);
        segment.seal();
        Self { segment }
    }

    /// The act whose first record begins at this offset, its checksums checked again.
    pub fn with_act<R>(
        &self,
        offset: u32,
        look: impl FnOnce(ActRef<'_>) -> R,
    ) -> Result<R, JournalError> {
        let mut window = Window::over(&self.segment);
        let header = window.header(u64::from(offset))?;
        read_act(&mut window, u64::from(offset), header, look)
    }
}

/// Walks from a checkpoint to the record `lsn`; None when it is not the first of an act. On the way only lengths and LSNs
/// count, so no CRC is taken; a wrong one leads to bytes that are no record. What decides, the record itself and the
/// one before it, is checked.
fn find(
    window: &mut Window<'_>,
    start: u64,
    lsn: u64,
) -> Result<Option<(u64, RecordHeader)>, JournalError> {
    let mut offset = start;
    let mut before = None;
    loop {
        let header = window.peek(offset)?;
        if header.lsn > lsn {
            return Ok(None);
        }
        if header.lsn == lsn && !header.is_bare() {
            let header = window.header(offset)?;
            let continues = match before {
                Some(before) => window.header(before)?.is_more(),
                None => false,
            };
            return Ok((!continues).then_some((offset, header)));
        }
        before = Some(offset);
        offset = after(offset, &header, window.segment.key.alignment);
    }
}

fn read_act<R>(
    window: &mut Window<'_>,
    offset: u64,
    first: RecordHeader,
    look: impl FnOnce(ActRef<'_>) -> R,
) -> Result<R, JournalError> {
    let position = Position {
        segment: u32::try_from(window.segment.seq).unwrap_or(u32::MAX),
        offset: u32::try_from(offset).unwrap_or(u32::MAX),
    };
    let act = |last_lsn, body| ActRef {
        lsn: Lsn(first.lsn),
        last_lsn: Lsn(last_lsn),
        time_us: first.time_us,
        kind: first.kind,
        schema: first.schema,
        body,
        position,
    };
    if !first.is_more() {
        return Ok(look(act(first.lsn, window.body(offset, &first)?)));
    }
    let alignment = window.segment.key.alignment;
    let mut joined = window.body(offset, &first)?.to_vec();
    let (mut at, mut header) = (offset, first);
    while header.is_more() {
        at = after(at, &header, alignment);
        header = window.header(at)?;
        joined.extend_from_slice(window.body(at, &header)?);
    }
    Ok(look(act(header.lsn, &joined)))
}

/// Where the record behind this one begins.
fn after(offset: u64, header: &RecordHeader, alignment: u32) -> u64 {
    let end = offset + header.framed_len() as u64;
    if header.is_end() {
        group_end(end, alignment)
    } else {
        end
    }
}

impl<'a> Window<'a> {
    fn over(segment: &'a IndexedSegment) -> Self {
        Self {
            segment,
            mapped: segment.mapped(),
            bytes: Vec::new(),
            base: 0,
        }
    }
}

impl Window<'_> {
    /// A header that has our magic, unchecked otherwise.
    fn peek(&mut self, offset: u64) -> Result<RecordHeader, JournalError> {
        let parsed = self
            .at(offset, HEADER_BYTES)?
            .first_chunk()
            .map(|raw| (get_u16(raw, 0), RecordHeader::parse(raw)));
        match parsed {
            Some((RECORD_MAGIC, header)) => Ok(header),
            Some(_) | None => Err(self.damage(offset, FlawKind::HeaderMagic)),
        }
    }

    fn header(&mut self, offset: u64) -> Result<RecordHeader, JournalError> {
        let seed = self.segment.key.seed;
        match RecordHeader::decode(self.at(offset, HEADER_BYTES)?, seed) {
            Ok(header) => Ok(header),
            Err(_) => Err(self.damage(offset, FlawKind::HeaderCrc)),
        }
    }

    fn body(&mut self, offset: u64, header: &RecordHeader) -> Result<&[u8], JournalError> {
        let body_at = offset + HEADER_BYTES as u64;
        let padded = header.framed_len() - HEADER_BYTES;
        let sound = crc32fast::hash(self.at(body_at, padded)?) == header.body_crc;
        if !sound {
            return Err(self.damage(offset, FlawKind::BodyCrc));
        }
        self.at(body_at, header.body_len as usize)
    }

    /// `len` bytes at `offset`, fetched when the window does not hold them.
    fn at(&mut self, offset: u64, len: usize) -> Result<&[u8], JournalError> {
        if let Some(mapped) = self.mapped {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let found = mapped.get(from..from.saturating_add(len));
            return found.ok_or_else(|| self.damage(offset, FlawKind::Cut));
        }
        let held =
            offset >= self.base && offset + len as u64 <= self.base + self.bytes.len() as u64;
        if !held {
            self.bytes.resize(len.max(WINDOW_BYTES), 0);
            let read = self.segment.file.read_at(&mut self.bytes, offset);
            let count = read.map_err(JournalError::io("read", &self.segment.name))?;
            self.bytes.truncate(count);
            self.base = offset;
            if count < len {
                return Err(self.damage(offset, FlawKind::Cut));
            }
        }
        let from = usize::try_from(offset - self.base).unwrap_or(usize::MAX);
        Ok(&self.bytes[from..from + len])
    }

    fn damage(&self, offset: u64, kind: FlawKind) -> JournalError {
        Problem::new(Class::Corrupt, &self.segment.name, kind.describe())
            .at(offset)
            .into()
    }
}
