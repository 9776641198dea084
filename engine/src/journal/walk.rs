//! Walking records: one step checks everything that can be checked about one record.
//!
//! A walk begins at a group boundary with what came before (`Link`) and hands out one record after the other. It ends
//! at a blank header, at the limit, or at the first byte that cannot be believed: a `Flaw`, which says where (X), which
//! LSN that byte belongs to (a), and why. What a flaw *means* is not decided here but in `tail` and in the callers.

use super::flaw::{Flaw, FlawKind};
use super::frame::{
    BODY_BYTES_MAX, Checksum, FLAGS_KNOWN, HEADER_BYTES, HeaderFlaw, KIND_CLOSE, KIND_JOURNAL_MIN,
    KIND_LOSS, KIND_MARK, RecordHeader, group_end,
};
use super::loss::Loss;
use super::segment::SegmentHeader;

/// How the records of one segment are told from any other bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentKey {
    pub(crate) seed: u32,
    pub(crate) alignment: u32,
}

/// What a record must follow on from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Link {
    pub lsn: u64,
    /// Header CRC of the record that carries this LSN.
    pub crc: u32,
    pub time_us: i64,
}

/// A record whose header, body, padding and place have been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walked<'a> {
    /// Read where it lies: what few look at is not copied for all.
    raw: &'a [u8; HEADER_BYTES],
    /// Bytes from the start of the segment.
    pub(crate) offset: u64,
    pub(crate) body: &'a [u8],
}

/// Where a walk stands.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    bytes: &'a [u8],
    /// Place of `bytes[0]` in the segment.
    base: u64,
    key: SegmentKey,
    at: u64,
    link: Link,
    /// The act that the record before left unfinished.
    open_act: Option<OpenAct>,
    /// End of the last whole group.
    whole: u64,
    whole_link: Link,
    closed: bool,
    header_checksum: Checksum,
    body_checksum: Checksum,
}

/// What all records of one act have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct OpenAct {
    kind: u8,
    schema: u16,
    time_us: i64,
}

impl Walked<'_> {
    #[inline]
    pub(crate) fn header(&self) -> RecordHeader {
        RecordHeader::parse(self.raw)
    }
}

impl OpenAct {
    fn of(header: &RecordHeader) -> Self {
        Self {
            kind: header.kind,
            schema: header.schema,
            time_us: header.time_us,
        }
    }
}

impl SegmentKey {
    pub(crate) fn of(header: &SegmentHeader) -> Self {
        Self {
            seed: header.seed(),
            alignment: header.alignment,
        }
    }
}

impl Link {
    /// What the first record of a segment follows on from.
    pub(crate) fn stated_by(header: &SegmentHeader) -> Self {
        Self {
            lsn: header.prev_lsn,
            crc: header.prev_crc,
            time_us: i64::MIN,
        }
    }

    /// What the first record of a walk follows on from, by its own account.
    pub(crate) fn before(header: &RecordHeader) -> Self {
        Self {
            lsn: if header.is_bare() {
                header.lsn
            } else {
                header.lsn.wrapping_sub(1)
            },
            crc: header.prev_crc,
            time_us: i64::MIN,
        }
    }
}

impl<'a> Walk<'a> {
    pub(crate) fn new(bytes: &'a [u8], base: u64, key: SegmentKey, link: Link) -> Self {
        Self {
            bytes,
            base,
            key,
            at: base,
            link,
            open_act: None,
            whole: base,
            whole_link: link,
            closed: false,
            header_checksum: Checksum::seeded(key.seed),
            body_checksum: Checksum::seeded(0),
        }
    }

    /// The same walk, going on over other bytes of its segment: those from `at` on, where it stands or before.
    pub(crate) fn over(self, bytes: &[u8], at: u64) -> Walk<'_> {
        Walk {
            bytes,
            base: at,
            key: self.key,
            at: self.at,
            link: self.link,
            open_act: self.open_act,
            whole: self.whole,
            whole_link: self.whole_link,
            closed: self.closed,
            header_checksum: self.header_checksum,
            body_checksum: self.body_checksum,
        }
    }

    /// End of the last whole group, from the start of the segment.
    pub(crate) fn whole_end(&self) -> u64 {
        self.whole
    }

    /// Whether the last record ended its group.
    pub(crate) fn is_between_groups(&self) -> bool {
        self.at == self.whole
    }

    /// What a record behind the last whole group must follow on from.
    pub(crate) fn whole_link(&self) -> Link {
        self.whole_link
    }

    /// Where the next record begins.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// What the next record must follow on from.
    pub(crate) fn link(&self) -> Link {
        self.link
    }

    /// Whether the last record was CLOSE.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The next record; None at the limit or at a blank header between groups. A record that the bytes at hand cut, or
    /// whose gap they cut, changes nothing: the walk can go on over more of them.
    #[inline]
    pub(crate) fn step(&mut self) -> Result<Option<Walked<'a>>, Flaw> {
        let from = usize::try_from(self.at - self.base).unwrap_or(usize::MAX);
        let rest = self.bytes.get(from..).unwrap_or(&[]);
        let in_group = self.at != self.whole;
        if rest.is_empty() && !in_group {
            return Ok(None);
        }
        let next_lsn = self.link.lsn.wrapping_add(1);
        if rest.len() < HEADER_BYTES {
            return Err(self.flaw(FlawKind::Cut, 0, next_lsn));
        }
        let raw = match RecordHeader::check(rest, &self.header_checksum) {
            Ok(raw) => raw,
            Err(HeaderFlaw::Blank) if !in_group => return Ok(None),
            Err(HeaderFlaw::Blank) => return Err(self.flaw(FlawKind::Unfinished, 0, next_lsn)),
            Err(HeaderFlaw::Magic) => return Err(self.flaw(FlawKind::HeaderMagic, 0, next_lsn)),
            Err(HeaderFlaw::Crc) => return Err(self.flaw(FlawKind::HeaderCrc, 0, next_lsn)),
        };
        let header = RecordHeader::parse(raw);
        let body_len = header.body_len as usize;
        if body_len > BODY_BYTES_MAX {
            return Err(self.flaw(FlawKind::Length, 4, header.lsn));
        }
        let framed = header.framed_len();
        let Some(padded) = rest.get(HEADER_BYTES..framed) else {
            return Err(self.flaw(FlawKind::Cut, HEADER_BYTES, header.lsn));
        };
        if self.body_checksum.of(padded) != header.body_crc {
            return Err(self.flaw(FlawKind::BodyCrc, HEADER_BYTES, header.lsn));
        }
        self.check_place(&header)?;
        let gap = header
            .is_end()
            .then(|| self.check_gap(&rest[framed..], &header, framed as u64));
        if let Some(Err(flaw)) = &gap
            && flaw.kind == FlawKind::Cut
        {
            return Err(*flaw);
        }
        let walked = Walked {
            raw,
            offset: self.at,
            body: &padded[..body_len],
        };
        if header.kind == KIND_LOSS {
            self.pass_loss(&header, walked.body)?;
        } else if !header.is_bare() {
            self.link = Link {
                lsn: header.lsn,
                crc: header.hdr_crc,
                time_us: header.time_us,
            };
        }
        self.open_act = header.is_more().then(|| OpenAct::of(&header));
        self.closed = false;
        match gap {
            Some(next) => self.finish_group(next?, &header),
            None => self.at += framed as u64,
        }
        Ok(Some(walked))
    }

    /// What follows goes on behind the last record that was given up.
    fn pass_loss(&mut self, header: &RecordHeader, body: &[u8]) -> Result<(), Flaw> {
        let Some(loss) = Loss::decode(header, body) else {
            return Err(self.flaw(FlawKind::Shape, HEADER_BYTES, header.lsn));
        };
        self.link = loss.link(header);
        Ok(())
    }

    /// Order, link, time and shape of a header whose CRC holds.
    #[inline]
    fn check_place(&self, header: &RecordHeader) -> Result<(), Flaw> {
        let bare = header.is_bare();
        let expected = if bare {
            self.link.lsn
        } else {
            self.link.lsn.wrapping_add(1)
        };
        if header.lsn != expected {
            return Err(self.flaw(FlawKind::Order, 8, expected));
        }
        if header.prev_crc != self.link.crc {
            return Err(self.flaw(FlawKind::Broken, 36, expected));
        }
        if header.time_us < self.link.time_us {
            return Err(self.flaw(FlawKind::Time, 16, expected));
        }
        let journal_own = header.kind == KIND_MARK || header.kind == KIND_CLOSE;
        let bare_shape = bare && header.is_end() && !header.is_more() && header.body_len == 0;
        let shape = header.flags & !FLAGS_KNOWN == 0
            && header.zero == 0
            && bare == journal_own
            && (!bare || bare_shape)
            && (bare || header.durable_lsn < header.lsn)
            && (header.kind < KIND_JOURNAL_MIN || header.kind <= KIND_LOSS);
        if !shape {
            return Err(self.flaw(FlawKind::Shape, 2, expected));
        }
        let continues = self
            .open_act
            .is_none_or(|first| !bare && first == OpenAct::of(header));
        if !continues || (header.is_more() && header.is_end()) {
            return Err(self.flaw(FlawKind::Act, 2, expected));
        }
        Ok(())
    }

    fn finish_group(&mut self, next: u64, header: &RecordHeader) {
        self.at = next;
        self.whole = next;
        self.whole_link = self.link;
        self.closed = header.kind == KIND_CLOSE;
    }

    /// The gap from the END record to the next boundary must be there, and be zero. Gives that boundary.
    fn check_gap(&self, rest: &[u8], header: &RecordHeader, framed: u64) -> Result<u64, Flaw> {
        let end = self.at + framed;
        let next = group_end(end, self.key.alignment);
        let gap_len = usize::try_from(next - end).unwrap_or(usize::MAX);
        let gap = &rest[..gap_len.min(rest.len())];
        let flaw = |kind, skip: usize| {
            Err(Flaw {
                kind,
                offset: end + skip as u64,
                lsn: header.lsn,
            })
        };
        if let Some(skip) = first_set(gap) {
            return flaw(FlawKind::Gap, skip);
        }
        if gap.len() < gap_len {
            return flaw(FlawKind::Cut, gap.len());
        }
        Ok(next)
    }

    fn flaw(&self, kind: FlawKind, skip: usize, lsn: u64) -> Flaw {
        Flaw {
            kind,
            offset: self.at + skip as u64,
            lsn,
        }
    }
}

/// Where the first byte is that is not zero. Gaps are nearly all zeros and up to a page long, so they are looked at a
/// cache line at a time.
#[inline]
pub(crate) fn first_set(gap: &[u8]) -> Option<usize> {
    const LINE: usize = 64;
    let blank = |line: &&[u8]| line.iter().fold(0, |all, byte| all | byte) == 0;
    let at = gap.chunks_exact(LINE).take_while(blank).count() * LINE;
    let found = gap[at..].iter().position(|byte| *byte != 0);
    found.map(|skip| at + skip)
}
