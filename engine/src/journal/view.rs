//! A segment as an operator looks at it: record by record, over damage, and byte by byte.
//!
//! Reads the whole file into memory with `pread`, never through a map: a damaged page is then an error, not a dead
//! process. Changes nothing.

use super::bytes::get_u16;
use super::catalog::SegmentFile;
use super::error::{JournalError, Problem};
use super::fields::Field;
use super::flaw::{Flaw, FlawKind};
use super::frame::{HEADER_BYTES, RECORD_MAGIC, RecordHeader};
use super::place::{Lsn, Position};
use super::reader::ActRef;
use super::segment::{HEADER_COPY_BYTES, HEADER_PAGE_BYTES, SegmentHeader};
use super::tail::sealed_problem;
use super::walk::{Link, SegmentKey, Walk};
use std::borrow::Cow;

/// One segment in memory.
pub struct SegmentView {
    pub file: SegmentFile,
    /// All bytes of the file.
    pub bytes: Vec<u8>,
    /// Where its log ends: as the successor states, or as the tail was judged.
    pub end: u64,
    /// Stretches that could not be read back from the archive; zeros stand in their place.
    pub(crate) lost: Vec<Lost>,
}

/// A stretch of an archived segment that cannot be read back: whole blocks, that is, whole records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lost {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// What is wrong in the archive file.
    pub(crate) problem: Problem,
}

/// A record as it stands in the log.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    pub header: RecordHeader,
    pub position: Position,
    pub body: &'a [u8],
}

/// Bytes that cannot be believed, up to the next sound record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadSpan {
    pub problem: Problem,
    pub flaw: Flaw,
    pub to: u64,
}

/// What a walk over damage meets.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    Record(RecordView<'a>),
    Bad(BadSpan),
}

/// One structure at a place, annotated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Annotated {
    pub what: &'static str,
    /// Bytes from the start of the file.
    pub offset: u64,
    pub len: u64,
    /// Why it cannot be believed; None when it is sound.
    pub flaw: Option<String>,
    /// Offsets are from the start of the structure.
    pub fields: Vec<Field>,
}

/// Records and bad spans of one segment, in order.
pub struct Items<'a> {
    view: &'a SegmentView,
    key: SegmentKey,
    walk: Walk<'a>,
    limit: u64,
    over: bool,
}

/// A whole act in a view, or a damage.
pub(crate) enum ActEntry<'a> {
    Act(ActView<'a>),
    Bad(Problem),
}

/// A whole act; its body is copied only when it was cut into records.
pub(crate) struct ActView<'a> {
    pub(crate) first: RecordHeader,
    pub(crate) position: Position,
    pub(crate) last_lsn: u64,
    body: Cow<'a, [u8]>,
}

impl ActView<'_> {
    pub(crate) fn as_ref(&self) -> ActRef<'_> {
        ActRef {
            lsn: Lsn(self.first.lsn),
            last_lsn: Lsn(self.last_lsn),
            time_us: self.first.time_us,
            kind: self.first.kind,
            schema: self.first.schema,
            body: &self.body,
            position: self.position,
        }
    }
}

impl SegmentView {
    pub(crate) fn read(file: SegmentFile, end: u64) -> Result<Self, JournalError> {
        let (bytes, lost) = match read_whole(&file) {
            // Blocks of an archive are read one by one: one that is damaged hides no other.
            Err(JournalError::Damage(_)) if file.archived => read_around(&file)?,
            outcome => (outcome?, Vec::new()),
        };
        let end = end.min(bytes.len() as u64);
        Ok(Self {
            file,
            bytes,
            end,
            lost,
        })
    }

    pub fn header(&self) -> Option<&SegmentHeader> {
        self.file.header()
    }

    /// Records up to the end of the log, each damage once.
    pub fn items(&self) -> Items<'_> {
        self.items_to(self.end)
    }

    /// As `items`, up to any place: what lies behind the end is evidence.
    pub fn items_to(&self, limit: u64) -> Items<'_> {
        let limit = limit.min(self.bytes.len() as u64);
        let (key, link) = self.header().map_or(
            (
                SegmentKey {
                    seed: 0,
                    alignment: 4096,
                },
                Link::default(),
            ),
            |header| (SegmentKey::of(header), Link::stated_by(header)),
        );
        let mut items = Items {
            view: self,
            key,
            walk: Walk::new(&[], 0, key, link),
            limit,
            over: limit <= HEADER_PAGE_BYTES,
        };
        items.resume(HEADER_PAGE_BYTES, link);
        items
    }

    /// Whole acts up to the end of the log. An act never crosses a segment; one that damage has torn is left out.
    pub(crate) fn acts(&self) -> impl Iterator<Item = ActEntry<'_>> {
        let mut open: Option<ActView<'_>> = None;
        self.items().filter_map(move |item| {
            let record = match item {
                Item::Bad(span) => {
                    open = None;
                    return Some(ActEntry::Bad(span.problem));
                }
                Item::Record(record) if record.header.is_bare() => return None,
                Item::Record(record) => record,
            };
            let mut act = match open.take() {
                Some(mut act) => {
                    act.body.to_mut().extend_from_slice(record.body);
                    act
                }
                None => ActView {
                    first: record.header,
                    position: record.position,
                    last_lsn: 0,
                    body: Cow::Borrowed(record.body),
                },
            };
            act.last_lsn = record.header.lsn;
            if record.header.is_more() {
                open = Some(act);
                return None;
            }
            Some(ActEntry::Act(act))
        })
    }

    /// Where the last sound record of the whole file ends, whatever lies before it.
    pub(crate) fn last_record_end(&self) -> u64 {
        let all = self.items_to(self.bytes.len() as u64);
        let ends = all.filter_map(|item| match item {
            Item::Record(record) => {
                Some(u64::from(record.position.offset) + record.header.framed_len() as u64)
            }
            Item::Bad(_) => None,
        });
        let alignment = self.header().map_or(4096, |header| header.alignment);
        super::frame::group_end(ends.max().unwrap_or(self.end), alignment)
    }

    /// The structure that holds `offset`: a header copy, a record with its body, or bytes that nothing claims.
    pub fn annotate(&self, offset: u64) -> Option<Annotated> {
        if offset >= self.bytes.len() as u64 {
            return None;
        }
        if offset < HEADER_PAGE_BYTES {
            return self.annotate_copy(offset);
        }
        let within = |record: &RecordView<'_>| {
            let from = u64::from(record.position.offset);
            (from..from + record.header.framed_len() as u64).contains(&offset)
        };
        let found = self
            .items_to(self.bytes.len() as u64)
            .find_map(|item| match item {
                Item::Record(record) if within(&record) => Some(record),
                Item::Record(_) | Item::Bad(_) => None,
            });
        match found {
            Some(record) => Some(Annotated {
                what: "record",
                offset: u64::from(record.position.offset),
                len: record.header.framed_len() as u64,
                flaw: None,
                fields: record_fields(&record.header, record.header.framed_len()),
            }),
            None => Some(self.annotate_raw(offset)),
        }
    }

    fn annotate_copy(&self, offset: u64) -> Option<Annotated> {
        let index = usize::from(offset >= HEADER_COPY_BYTES as u64);
        let at = index * HEADER_COPY_BYTES;
        let raw = self.bytes.get(at..at + HEADER_COPY_BYTES)?;
        let decoded = SegmentHeader::decode(raw);
        Some(Annotated {
            what: if index == 0 {
                "segment header, copy 0"
            } else {
                "segment header, copy 1"
            },
            offset: at as u64,
            len: HEADER_COPY_BYTES as u64,
            flaw: decoded.as_ref().err().map(|flaw| format!("{flaw:?}")),
            fields: decoded
                .unwrap_or_else(|_| SegmentHeader::parse(raw))
                .fields(),
        })
    }

    /// Bytes in no sound record: read as a header all the same when they begin like one.
    fn annotate_raw(&self, offset: u64) -> Annotated {
        let at = offset & !7;
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        let raw = self
            .bytes
            .get(from..)
            .and_then(|rest| rest.first_chunk::<HEADER_BYTES>());
        match raw {
            Some(raw) if get_u16(raw, 0) == RECORD_MAGIC => {
                let seed = self.header().map_or(0, SegmentHeader::seed);
                let flaw = RecordHeader::decode(raw, seed)
                    .err()
                    .map(|flaw| format!("{flaw:?}"));
                let fields = record_fields(&RecordHeader::parse(raw), HEADER_BYTES);
                let flaw = flaw.or_else(|| Some("out of place".to_owned()));
                Annotated {
                    what: "record header",
                    offset: at,
                    len: HEADER_BYTES as u64,
                    flaw,
                    fields,
                }
            }
            Some(_) | None => {
                let left = self.bytes.len() as u64 - at;
                Annotated {
                    what: "no record",
                    offset: at,
                    len: left.min(HEADER_BYTES as u64),
                    flaw: None,
                    fields: Vec::new(),
                }
            }
        }
    }
}

impl<'a> Items<'a> {
    fn resume(&mut self, at: u64, link: Link) {
        let range = usize::try_from(at).unwrap_or(usize::MAX)
            ..usize::try_from(self.limit).unwrap_or(usize::MAX);
        self.walk = Walk::new(
            self.view.bytes.get(range).unwrap_or(&[]),
            at,
            self.key,
            link,
        );
    }

    /// What the next record would have to follow on from.
    pub fn link(&self) -> Link {
        self.walk.whole_link()
    }

    /// What could not be read back at a place, in place of what is said of the zeros there.
    fn lost_at(&self, offset: u64) -> Option<Problem> {
        let mut lost = self.view.lost.iter();
        let found = lost.find(|lost| (lost.from..lost.to).contains(&offset))?;
        Some(found.problem.clone())
    }

    /// Reports a flaw and goes on at the next sound header.
    fn skip(&mut self, flaw: Flaw) -> BadSpan {
        let next = self.next_sound(flaw.offset);
        let to = next.map_or(self.limit, |(at, _)| at);
        match next {
            Some((at, header)) => self.resume(at, Link::before(&header)),
            None => self.over = true,
        }
        let problem = self.lost_at(flaw.offset);
        BadSpan {
            problem: problem.unwrap_or_else(|| sealed_problem(&self.view.file.name, &flaw)),
            flaw,
            to,
        }
    }

    fn next_sound(&self, flaw_at: u64) -> Option<(u64, RecordHeader)> {
        let mut at = (flaw_at & !7) + 8;
        while at + HEADER_BYTES as u64 <= self.limit {
            let rest = self.view.bytes.get(usize::try_from(at).ok()?..)?;
            if get_u16(rest, 0) == RECORD_MAGIC
                && let Ok(header) = RecordHeader::decode(rest, self.key.seed)
            {
                return Some((at, header));
            }
            at += 8;
        }
        None
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if self.over {
            return None;
        }
        match self.walk.step() {
            Ok(Some(walked)) => Some(Item::Record(RecordView {
                header: walked.header(),
                position: Position {
                    segment: u32::try_from(self.view.file.seq).unwrap_or(u32::MAX),
                    offset: u32::try_from(walked.offset).unwrap_or(u32::MAX),
                },
                body: walked.body,
            })),
            Ok(None) if self.walk.whole_end() >= self.limit => {
                self.over = true;
                None
            }
            Ok(None) => {
                let blank = Flaw {
                    kind: FlawKind::Unfinished,
                    offset: self.walk.whole_end(),
                    lsn: self.walk.whole_link().lsn + 1,
                };
                // Zeros to the very limit are no damage, only no log.
                let from = usize::try_from(blank.offset).unwrap_or(usize::MAX);
                let to = usize::try_from(self.limit).unwrap_or(usize::MAX);
                if self.limit > self.view.end
                    && self.view.bytes[from..to].iter().all(|byte| *byte == 0)
                {
                    self.over = true;
                    return None;
                }
                Some(Item::Bad(self.skip(blank)))
            }
            Err(flaw) => Some(Item::Bad(self.skip(flaw))),
        }
    }
}

fn record_fields(header: &RecordHeader, len: usize) -> Vec<Field> {
    let mut fields = header.fields();
    let body_len = (header.body_len as usize).min(len.saturating_sub(HEADER_BYTES));
    if body_len > 0 {
        fields.push(Field::new(
            HEADER_BYTES,
            body_len,
            "body",
            format!("{body_len} bytes"),
        ));
    }
    let pad = len.saturating_sub(HEADER_BYTES + body_len);
    if pad > 0 {
        fields.push(Field::new(HEADER_BYTES + body_len, pad, "padding", "zeros"));
    }
    fields
}

pub(crate) fn read_whole(file: &SegmentFile) -> Result<Vec<u8>, JournalError> {
    let size = file
        .file
        .size()
        .map_err(JournalError::io("read", &file.name))?;
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    let read = file
        .file
        .read_at(&mut bytes, 0)
        .map_err(JournalError::io("read", &file.name))?;
    bytes.truncate(read);
    Ok(bytes)
}

/// As much of an archived segment as reads back, and what does not.
fn read_around(file: &SegmentFile) -> Result<(Vec<u8>, Vec<Lost>), JournalError> {
    let size = file.file.size();
    let size = size.map_err(JournalError::io("read", &file.name))?;
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    let mut found: Vec<Lost> = Vec::new();
    let seams = file.file.seams();
    let starts = std::iter::once(&0).chain(&seams);
    for (at, to) in starts.zip(seams.iter().chain([&size])) {
        let (at, to) = (*at, *to);
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let Some(piece) = bytes.get_mut(place(at)..place(to)) else {
            continue;
        };
        let read = file.file.read_at(piece, at);
        let problem = match read.map_err(JournalError::io("read", &file.name)) {
            Ok(_) => continue,
            Err(JournalError::Damage(problem)) => problem,
            Err(error) => return Err(error),
        };
        piece.fill(0);
        match found.last_mut() {
            Some(last) if last.to == at && last.problem == problem => last.to = to,
            Some(_) | None => found.push(Lost {
                from: at,
                to,
                problem,
            }),
        }
    }
    for lost in &mut found {
        let place = format!(": bytes {}..{} of {}", lost.from, lost.to, file.name);
        lost.problem.what += &place;
    }
    Ok((bytes, found))
}
