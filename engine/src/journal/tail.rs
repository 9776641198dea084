//! Where the log ends: the decision at the first byte of the newest segment that cannot be believed.
//!
//! X is that byte, `a` the LSN that owns it. **Corrupt** (R1): something proves that `a` had been synced — the clean
//! flag, or a later record whose durable LSN reaches it. **Torn** (R2): nothing does, and all damage lies within one
//! group's length of X: an unacknowledged end, dropped. **Suspect** (R3): records where none should be. A blank header
//! is only a candidate for the end; the same rules judge what lies behind it.

use super::bytes::get_u16;
use super::counts::Counts;
use super::error::{Class, Problem};
use super::flaw::{Flaw, FlawKind};
use super::frame::{RECORD_MAGIC, RecordHeader};
use super::group::GROUP_BYTES_MAX;
use super::place::{Lsn, align_up};
use super::segment::{GROUP_ALIGN, HEADER_PAGE_BYTES, SegmentHeader};
use super::walk::{Link, SegmentKey, Walk, first_set};
use std::fmt;

/// How the log ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TailVerdict {
    /// Nothing lies behind the last whole group. `closed`: it is a CLOSE.
    Clean { closed: bool },
    /// Bytes `from..to` were never acknowledged and are dropped; they stay in the file as evidence.
    Torn {
        file: String,
        from: u64,
        to: u64,
        lsn: Lsn,
    },
    /// Acknowledged bytes are damaged.
    Corrupt(Problem),
    /// Records lie where none should be; a human must decide.
    Suspect(Problem),
}

/// The end of the newest segment.
#[derive(Clone, Debug)]
pub struct Tail {
    pub verdict: TailVerdict,
    /// Where the last whole group ends, from the start of the segment.
    pub end: u64,
    /// What the next record follows on from.
    pub link: Link,
    /// Everything up to here is proven to have been synced.
    pub attested: Lsn,
    /// From here on nobody can say whether it was acknowledged.
    pub unknown_from: Option<Lsn>,
    pub warnings: Vec<String>,
    /// What lies before `end`.
    pub(crate) counts: Counts,
}

/// What a first pass over the newest segment has found so far.
pub(super) struct Pass {
    end: u64,
    link: Link,
    closed: bool,
    attested: u64,
    /// Where the group begins whose END has yet to come, and the one before it.
    group_lsn: u64,
    last_group_lsn: u64,
    /// Up to the end of the last whole group, and up to the last record.
    counts: Counts,
    seen: Counts,
}

/// What lies behind X.
#[derive(Default)]
struct Behind {
    /// A record that proves `a` synced: its offset, and how.
    proof: Option<(u64, &'static str)>,
    suspect: Option<u64>,
    stray: Option<u64>,
    /// One past the last byte in the window that is not zero.
    window_last: Option<u64>,
    attested: u64,
}

/// All that is known of the newest segment when the verdict falls.
struct Evidence<'a> {
    name: &'a str,
    pass: &'a Pass,
    /// Why the pass ended, unless the log just stops.
    flaw: Option<Flaw>,
    behind: &'a Behind,
    /// Where the meta says that it was closed.
    clean_lsn: Option<u64>,
    /// Length of the file.
    bytes: u64,
    /// Length that it should have.
    capacity: u64,
}

impl Tail {
    pub(super) fn is_clean(&self) -> bool {
        matches!(self.verdict, TailVerdict::Clean { .. })
    }

    /// The finding that keeps the directory from being served.
    pub fn blocking(&self) -> Option<&Problem> {
        match &self.verdict {
            TailVerdict::Corrupt(problem) | TailVerdict::Suspect(problem) => Some(problem),
            TailVerdict::Clean { .. } | TailVerdict::Torn { .. } => None,
        }
    }
}

impl fmt::Display for TailVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean { closed: true } => write!(f, "clean, closed in order"),
            Self::Clean { closed: false } => write!(f, "clean"),
            Self::Torn {
                file,
                from,
                to,
                lsn,
            } => {
                write!(
                    f,
                    "torn: {file} bytes {from}..{to}, from LSN {lsn} on never acknowledged, dropped"
                )
            }
            Self::Corrupt(problem) | Self::Suspect(problem) => problem.fmt(f),
        }
    }
}

/// Judges the newest segment, given all its bytes. `clean_lsn` is what the meta says of this very segment.
pub(crate) fn judge(
    name: &str,
    header: &SegmentHeader,
    bytes: &[u8],
    clean_lsn: Option<u64>,
) -> Tail {
    let mut pass = Pass::before(header);
    let from = usize::try_from(HEADER_PAGE_BYTES).unwrap_or(usize::MAX);
    let mut walk = Walk::new(
        bytes.get(from..).unwrap_or(&[]),
        HEADER_PAGE_BYTES,
        SegmentKey::of(header),
        Link::stated_by(header),
    );
    let flaw = pass.walk(&mut walk).err();
    let (x, a) = pass.stop(flaw.as_ref());
    let behind = look_behind(bytes, SegmentKey::of(header), x, a, &pass);
    let evidence = Evidence {
        name,
        pass: &pass,
        flaw,
        behind: &behind,
        clean_lsn,
        bytes: bytes.len() as u64,
        capacity: header.capacity,
    };
    evidence.tail()
}

/// Judges the newest segment, a file of `bytes`, when a pass met no flaw and nothing but zeros lies behind it.
pub(super) fn judge_blank(
    name: &str,
    header: &SegmentHeader,
    bytes: u64,
    pass: &Pass,
    clean_lsn: Option<u64>,
) -> Tail {
    let evidence = Evidence {
        name,
        pass,
        flaw: None,
        behind: &Behind::default(),
        clean_lsn,
        bytes,
        capacity: header.capacity,
    };
    evidence.tail()
}

impl Evidence<'_> {
    fn tail(&self) -> Tail {
        let Self { pass, behind, .. } = self;
        let last = pass.link.lsn;
        let attested = pass
            .attested
            .max(behind.attested)
            .max(self.clean_lsn.unwrap_or(0))
            .min(last);
        let verdict = self.verdict();
        let torn = matches!(verdict, TailVerdict::Torn { .. });
        let unknown_from = if last > attested {
            Some(Lsn(pass.last_group_lsn))
        } else {
            torn.then_some(Lsn(last + 1))
        };
        let stray = behind.stray.map(|at| {
            let name = self.name;
            format!("{name}: stray bytes at offset {at}, where nothing was ever written")
        });
        Tail {
            verdict,
            end: pass.end,
            link: pass.link,
            attested: Lsn(attested),
            unknown_from,
            warnings: stray.into_iter().collect(),
            counts: pass.counts,
        }
    }

    /// R1, then R3, then R2: what must be refused is found before what may be dropped.
    fn verdict(&self) -> TailVerdict {
        let Self {
            pass, flaw, behind, ..
        } = self;
        let (x, a) = pass.stop(flaw.as_ref());
        let closed_there = |lsn: &u64| pass.closed && pass.link.lsn == *lsn;
        if let Some(clean_lsn) = self.clean_lsn.filter(|lsn| !closed_there(lsn)) {
            let proof = format!("store.meta says that it was closed in order at LSN {clean_lsn}");
            return self.corrupt(x, a.min(clean_lsn), &proof);
        }
        if flaw.is_some_and(|flaw| flaw.kind.is_sound_but_wrong()) {
            return self.corrupt(x, a, "no crash leaves such bytes");
        }
        if let Some((offset, proof)) = behind.proof {
            return self.corrupt(x, a, &format!("the record at offset {offset} {proof}"));
        }
        if let Some(offset) = behind.suspect {
            let why = self.why();
            let what = format!("{why} at offset {x}, yet a record seems to lie far behind it");
            let problem = Problem::new(Class::Suspect, self.name, what);
            return TailVerdict::Suspect(problem.at(offset).lsn(a));
        }
        if flaw.is_some() || behind.window_last.is_some() {
            let last = behind.window_last.unwrap_or(0);
            let to = last.max(x.min(self.bytes)).max(pass.end);
            return self.torn(pass.end, to);
        }
        if self.bytes < self.capacity {
            return self.torn(self.bytes.max(pass.end), self.capacity);
        }
        TailVerdict::Clean {
            closed: pass.closed,
        }
    }

    fn why(&self) -> &'static str {
        self.flaw
            .map_or("the log stops here", |flaw| flaw.kind.describe())
    }

    fn corrupt(&self, x: u64, a: u64, proof: &str) -> TailVerdict {
        let what = format!("{}, but {proof}", self.why());
        let problem = Problem::new(Class::Corrupt, self.name, what);
        TailVerdict::Corrupt(problem.at(x).lsn(a))
    }

    fn torn(&self, from: u64, to: u64) -> TailVerdict {
        TailVerdict::Torn {
            file: self.name.to_owned(),
            from,
            to,
            lsn: Lsn(self.pass.link.lsn + 1),
        }
    }
}

impl Pass {
    /// Nothing of the segment was looked at yet.
    pub(super) fn before(header: &SegmentHeader) -> Self {
        let link = Link::stated_by(header);
        Self {
            end: HEADER_PAGE_BYTES,
            link,
            closed: false,
            // The header of this segment attests everything before it.
            attested: header.prev_lsn,
            group_lsn: link.lsn + 1,
            last_group_lsn: link.lsn + 1,
            counts: Counts::default(),
            seen: Counts::default(),
        }
    }

    /// Takes in all that the walk has at hand.
    pub(super) fn walk(&mut self, walk: &mut Walk<'_>) -> Result<(), Flaw> {
        let outcome = loop {
            match walk.step() {
                Ok(Some(walked)) => {
                    let header = walked.header();
                    self.seen.count(&header);
                    self.attested = self.attested.max(header.durable_lsn);
                    if header.is_end() && !header.is_bare() {
                        self.last_group_lsn = self.group_lsn;
                        self.group_lsn = header.lsn + 1;
                    }
                    if walk.is_between_groups() {
                        self.counts = self.seen;
                    }
                }
                Ok(None) => break Ok(()),
                Err(flaw) => break Err(flaw),
            }
        };
        (self.end, self.link) = (walk.whole_end(), walk.whole_link());
        self.closed = walk.is_closed();
        outcome
    }

    /// X and `a`.
    fn stop(&self, flaw: Option<&Flaw>) -> (u64, u64) {
        flaw.map_or((self.end, self.link.lsn + 1), |flaw| {
            (flaw.offset, flaw.lsn)
        })
    }
}

/// Looks at everything behind X: each multiple of eight inside the window, each page start behind it.
fn look_behind(bytes: &[u8], key: SegmentKey, x: u64, a: u64, pass: &Pass) -> Behind {
    let mut behind = Behind {
        proof: None,
        suspect: None,
        stray: None,
        window_last: None,
        attested: 0,
    };
    let end = bytes.len() as u64;
    let window_end = align_up(x + GROUP_BYTES_MAX as u64, u64::from(GROUP_ALIGN)).min(end);
    let mut at = x & !7;
    while at < window_end {
        let rest = &bytes[index(at)..];
        if rest.len() >= 2 && get_u16(rest, 0) == RECORD_MAGIC {
            behind.weigh(rest, key, at, x, a, pass);
        }
        at += 8;
    }
    let window = &bytes[index(x.min(end))..index(window_end)];
    behind.window_last = window
        .iter()
        .rposition(|byte| *byte != 0)
        .map(|last| x + last as u64 + 1);
    let mut page = window_end;
    while page < end {
        let page_end = end.min(page + u64::from(GROUP_ALIGN));
        let rest = &bytes[index(page)..];
        if first_set(&bytes[index(page)..index(page_end)]).is_some() {
            if rest.len() >= 2 && get_u16(rest, 0) == RECORD_MAGIC {
                behind.suspect = behind.suspect.or(Some(page));
                behind.weigh(rest, key, page, x, a, pass);
            } else {
                behind.stray = behind.stray.or(Some(page));
            }
        }
        page = page_end;
    }
    behind
}

impl Behind {
    /// What a later header proves, if it is sound.
    fn weigh(&mut self, rest: &[u8], key: SegmentKey, at: u64, x: u64, a: u64, pass: &Pass) {
        let Ok(header) = RecordHeader::decode(rest, key.seed) else {
            return;
        };
        self.attested = self.attested.max(header.durable_lsn);
        if self.proof.is_some() || at < x {
            return;
        }
        if header.durable_lsn >= a {
            self.proof = Some((at, "says that this had been synced"));
        } else if !header.is_bare() && header.lsn == pass.link.lsn + 1 && at > pass.end {
            // The next group begins here, so what stood at X was a MARK, synced before this was written.
            self.proof = Some((at, "was written after what stood here had been synced"));
        }
    }
}

/// A place inside bytes that are in memory.
fn index(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// The damage that a flaw before a segment's stated end is.
pub(crate) fn sealed_problem(name: &str, flaw: &Flaw) -> Problem {
    let what = format!(
        "{}, before the end that the next segment or the last record states",
        flaw.kind.describe()
    );
    Problem::new(Class::Corrupt, name, what)
        .at(flaw.offset)
        .lsn(flaw.lsn)
}

/// A log that stops, or goes on elsewhere, before its stated end.
pub(crate) fn stops_early(name: &str, at: u64, lsn: u64) -> Problem {
    sealed_problem(
        name,
        &Flaw {
            kind: FlawKind::Unfinished,
            offset: at,
            lsn,
        },
    )
}
