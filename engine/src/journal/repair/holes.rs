//! The holes of one segment: stretches that cannot be believed or are to be given up, and what stands around them.
//!
//! A hole begins where an act begins and ends where a sound act begins, or where the segment's log ends. It says which
//! LSNs are missing between the two; none are missing where only a mark or the gap behind a group is damaged.

use super::super::bytes::get_u16;
use super::super::flaw::{Flaw, FlawKind};
use super::super::frame::{BODY_BYTES_MAX, HEADER_BYTES, RECORD_MAGIC, RecordHeader, group_end};
use super::super::segment::HEADER_PAGE_BYTES;
use super::super::walk::{Link, SegmentKey, Walk, Walked};
use std::ops::RangeInclusive;

/// A stretch without sound records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hole {
    /// Where the act in front of it ends.
    pub(super) from: u64,
    /// The last record in front of it.
    pub(super) link: Link,
    /// Where the next sound act begins, or the log ends.
    pub(super) to: u64,
    /// What the record behind it follows on from; `None` at the end of the newest segment.
    pub(super) next: Option<Link>,
    /// Why it cannot be believed; `None` when it only is to be given up.
    pub(super) flaw: Option<Flaw>,
    /// Only the gap behind a group is damaged: it should be zeros.
    pub(super) is_gap: bool,
}

/// Looks for the holes of one segment.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) key: SegmentKey,
    /// What the first record follows on from.
    pub(super) start: Link,
    /// Where the log of this segment ends.
    pub(super) end: u64,
    /// What its successor states; `None` for the newest.
    pub(super) stated: Option<Link>,
    /// LSNs that are to be given up.
    pub(super) skip: &'a [RangeInclusive<u64>],
}

/// An act whose last record has not come yet.
#[derive(Clone, Copy)]
struct Begun {
    at: u64,
    link: Link,
}

impl Hole {
    /// LSNs between the records around it, when any are missing.
    pub(super) fn missing(&self) -> Option<RangeInclusive<u64>> {
        let last = self.next?.lsn;
        (last > self.link.lsn).then(|| self.link.lsn + 1..=last)
    }
}

impl<'a> Search<'a> {
    /// All holes in order.
    pub(super) fn holes(&self) -> Vec<Hole> {
        let mut found = Vec::new();
        let mut walk = self.walk(HEADER_PAGE_BYTES, self.start);
        let mut begun: Option<Begun> = None;
        loop {
            let before = Begun {
                at: walk.at(),
                link: walk.link(),
            };
            let start = begun.unwrap_or(before);
            let hole = match walk.step() {
                Ok(Some(walked)) => match self.given_up(&walked) {
                    Some(last) => self.hole(start, None, walked.offset, last + 1),
                    None => {
                        begun = walked.header().is_more().then_some(start);
                        continue;
                    }
                },
                Ok(None) if walk.at() >= self.end => return found,
                Ok(None) => {
                    let flaw = Flaw {
                        kind: FlawKind::Unfinished,
                        offset: before.at,
                        lsn: before.link.lsn + 1,
                    };
                    self.hole(start, Some(flaw), before.at, 0)
                }
                Err(flaw) if flaw.kind == FlawKind::Gap => self.gap(flaw, walk.link()),
                Err(flaw) => self.hole(start, Some(flaw), before.at, 0),
            };
            let resume = hole.next.map(|next| (hole.to, next));
            found.push(hole);
            begun = None;
            match resume {
                Some((at, link)) if at < self.end => walk = self.walk(at, link),
                Some(_) | None => return found,
            }
        }
    }

    fn walk(&self, at: u64, link: Link) -> Walk<'a> {
        let bytes = self.bytes.get(index(at)..index(self.end)).unwrap_or(&[]);
        Walk::new(bytes, at, self.key, link)
    }

    /// The last LSN of the range that a record is to be given up with.
    fn given_up(&self, walked: &Walked<'_>) -> Option<u64> {
        if walked.header().is_bare() {
            return None;
        }
        let holding = self
            .skip
            .iter()
            .find(|range| range.contains(&walked.header().lsn));
        holding.map(|range| *range.end())
    }

    /// A group's gap, up to the boundary; its record is sound.
    fn gap(&self, flaw: Flaw, link: Link) -> Hole {
        let to = group_end(flaw.offset + 1, self.key.alignment).min(self.end);
        Hole {
            from: flaw.offset,
            link,
            to,
            next: Some(link),
            flaw: Some(flaw),
            is_gap: true,
        }
    }

    /// A hole from the act that begins at `start` to the first sound act from `at` on whose LSN is `least` or more.
    fn hole(&self, start: Begun, flaw: Option<Flaw>, at: u64, least: u64) -> Hole {
        let mut least = least.max(start.link.lsn + 1);
        if let Some(range) = self
            .skip
            .iter()
            .find(|range| range.contains(&(start.link.lsn + 1)))
        {
            least = least.max(range.end() + 1);
        }
        let next = self.next_act(at, least);
        let (to, next) = match next {
            Some((to, link)) => (to, Some(link)),
            None => (self.end, self.stated),
        };
        Hole {
            from: start.at,
            link: start.link,
            to,
            next,
            flaw,
            is_gap: false,
        }
    }

    /// The first sound record behind `at` that can begin an act and does not belong to what is missing.
    fn next_act(&self, at: u64, least: u64) -> Option<(u64, Link)> {
        let mut continues = self.header_at(at).is_some_and(|header| header.is_more());
        let mut at = (at & !7) + 8;
        while at + HEADER_BYTES as u64 <= self.end {
            let Some(header) = self.sound_at(at) else {
                at += 8;
                continue;
            };
            let lsn = header.lsn + u64::from(header.is_bare());
            if lsn >= least && !continues && !self.is_given_up(header.lsn) {
                return Some((at, Link::before(&header)));
            }
            continues = header.is_more();
            at += header.framed_len() as u64;
        }
        None
    }

    fn is_given_up(&self, lsn: u64) -> bool {
        self.skip.iter().any(|range| range.contains(&lsn))
    }

    fn header_at(&self, at: u64) -> Option<RecordHeader> {
        let rest = self.bytes.get(index(at)..)?;
        let header = rest.len() >= HEADER_BYTES && get_u16(rest, 0) == RECORD_MAGIC;
        header
            .then(|| RecordHeader::decode(rest, self.key.seed).ok())
            .flatten()
    }

    fn sound_at(&self, at: u64) -> Option<RecordHeader> {
        let header = self.header_at(at)?;
        let from = index(at);
        let body = self
            .bytes
            .get(from + HEADER_BYTES..from.saturating_add(header.framed_len()))?;
        let sound =
            header.body_len as usize <= BODY_BYTES_MAX && crc32fast::hash(body) == header.body_crc;
        sound.then_some(header)
    }
}

fn index(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
