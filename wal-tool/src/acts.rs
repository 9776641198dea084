//! Acts as commands want them: whole, in either direction, with damage told apart from the end.
//!
//! ```text
//! records  [A][B MORE][B MORE][B END]··gap··[MARK]··  ─►  A · B (3 records, gap) · mark
//! ```
//! A seam over the journal's reader. It knows neither what an act means nor how a segment is laid out.

use std::borrow::Cow;
use std::sync::Arc;

use engine::domain::{Inconsistency, Timestamp};
use engine::journal::frame::{
    HEADER_BYTES, KIND_CLOSE, KIND_FORK, KIND_JOURNAL_MIN, KIND_LOSS, KIND_MARK, act_framed_len,
};
use engine::journal::{ActRef, BadSpan, Class, Fork, Loss, Lsn, Position, Problem, RecordView};
use engine::record::{Record, RecordError, decode, decode_key};

use crate::filter::kind_name;
use crate::fold::Moment;

/// A whole act, its records joined, or one record of the journal's own.
#[derive(Clone, Debug)]
pub(crate) struct Act<'a> {
    /// LSN of its first record.
    pub(crate) lsn: u64,
    pub(crate) last_lsn: u64,
    pub(crate) at: Timestamp,
    pub(crate) kind: u8,
    pub(crate) schema: u16,
    pub(crate) body: Cow<'a, [u8]>,
    pub(crate) position: Position,
    /// Name of the segment file.
    pub(crate) file: Arc<str>,
    /// How many records it was cut into.
    pub(crate) records: u64,
    /// Headers, bodies and their padding to eight.
    pub(crate) framed_bytes: u64,
    /// Zeros between it and the next boundary, if its group ends with it.
    pub(crate) group_gap: Option<u64>,
}

/// The segment that records come from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Name of the file.
    pub(crate) file: Arc<str>,
    /// Groups begin on multiples of this.
    pub(crate) alignment: u64,
}

/// What lies at the next place of the log.
#[derive(Clone, Debug)]
pub(crate) enum Found<'a> {
    /// An act.
    Act(Act<'a>),
    /// A stretch that cannot be believed.
    Damage(Damage),
}

/// A stretch that cannot be believed.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    pub(crate) problem: Problem,
    /// First byte behind it, where the file reaches that far and reading can go on.
    pub(crate) to: Option<u64>,
}

/// Joins records into acts, in the order in which they are met.
#[derive(Default)]
pub(crate) struct Joining {
    /// Records of an act that is not whole yet.
    open: Vec<Act<'static>>,
}

// === impl Act ===

impl<'a> Act<'a> {
    fn of_record(record: &RecordView<'a>, origin: &Origin) -> Self {
        let header = &record.header;
        let framed_bytes = header.framed_len() as u64;
        let end = u64::from(record.position.offset) + framed_bytes;
        let gap = end.next_multiple_of(origin.alignment) - end;
        Self {
            lsn: header.lsn,
            last_lsn: header.lsn,
            at: Timestamp(header.time_us),
            kind: header.kind,
            schema: header.schema,
            body: Cow::Borrowed(record.body),
            position: record.position,
            file: Arc::clone(&origin.file),
            records: 1,
            framed_bytes,
            group_gap: header.is_end().then_some(gap),
        }
    }

    /// An act as the journal joined it. In a growing log the file is told by its number.
    pub(crate) fn of_act(act: &ActRef<'a>) -> Self {
        Self {
            lsn: act.lsn.0,
            last_lsn: act.last_lsn.0,
            at: Timestamp(act.time_us),
            kind: act.kind,
            schema: act.schema,
            body: Cow::Borrowed(act.body),
            position: act.position,
            file: format!("segment {}", act.position.segment).into(),
            records: act.last_lsn.0 - act.lsn.0 + 1,
            framed_bytes: act_framed_len(act.body.len()) as u64,
            group_gap: None,
        }
    }

    /// The same act on its own.
    pub(crate) fn into_owned(self) -> Act<'static> {
        Act {
            body: Cow::Owned(self.body.into_owned()),
            ..self
        }
    }

    /// The name of its kind.
    pub(crate) fn kind_name(&self) -> &'static str {
        kind_name(self.kind)
    }

    /// Whether it is the journal's own and decides nothing.
    pub(crate) fn is_journal_own(&self) -> bool {
        self.kind >= KIND_JOURNAL_MIN
    }

    /// Whether it is a MARK or a CLOSE, which have no LSN of their own.
    pub(crate) fn is_bare(&self) -> bool {
        self.kind == KIND_MARK || self.kind == KIND_CLOSE
    }

    /// What was given up here, if a repair wrote it.
    pub(crate) fn loss(&self) -> Option<Loss> {
        (self.kind == KIND_LOSS).then(|| Loss::parse(&self.body))?
    }

    /// Whom the store descends from, if it was restored.
    pub(crate) fn fork(&self) -> Option<Fork> {
        (self.kind == KIND_FORK).then(|| Fork::decode(&self.body))?
    }

    /// Bytes of its record headers.
    pub(crate) fn header_bytes(&self) -> u64 {
        self.records * HEADER_BYTES as u64
    }

    /// Where it stands in the log and in time.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            lsn: self.lsn,
            last_lsn: self.last_lsn,
            at: self.at,
        }
    }

    /// The hash of the key it was asked for under, without decoding the rest.
    pub(crate) fn key_id(&self) -> Option<u128> {
        let key = decode_key(self.kind, &self.body).ok()?.0;
        key.map(|key| key.id)
    }

    /// What it says, or a finding.
    pub(crate) fn decode(&self) -> Result<Record, Problem> {
        decode(self.kind, self.schema, &self.body).map_err(|error| {
            let class = match &error {
                RecordError::Unknown { .. } => Class::Format,
                RecordError::Malformed { .. } | RecordError::Meaning(_) => Class::Meaning,
            };
            self.problem(class, error.to_string())
        })
    }

    /// A contradiction between this act and those before it.
    pub(crate) fn contradiction(&self, found: &Inconsistency) -> Problem {
        self.problem(Class::Meaning, found.to_string())
    }

    /// A finding about this act.
    pub(crate) fn problem(&self, class: Class, what: String) -> Problem {
        Problem {
            class,
            file: self.file.to_string(),
            offset: Some(u64::from(self.position.offset)),
            lsn: Some(Lsn(self.lsn)),
            what,
        }
    }
}

// === impl Joining ===

impl Joining {
    /// The next record in LSN order; gives the act it completes.
    pub(crate) fn forward<'a>(
        &mut self,
        record: &RecordView<'a>,
        origin: &Origin,
    ) -> Option<Act<'a>> {
        let act = Act::of_record(record, origin);
        if record.header.is_more() {
            self.open.push(act.into_owned());
            return None;
        }
        if self.open.is_empty() {
            return Some(act);
        }
        self.open.push(act.into_owned());
        self.join()
    }

    /// The next record against LSN order; gives the act that came before it on the way.
    pub(crate) fn backward(
        &mut self,
        record: &RecordView<'_>,
        origin: &Origin,
    ) -> Option<Act<'static>> {
        let act = Act::of_record(record, origin).into_owned();
        // A record with MORE goes on in what was met just before.
        let whole = if record.header.is_more() {
            None
        } else {
            self.end()
        };
        self.open.insert(0, act);
        whole
    }

    /// The walk is over or meets a gap; gives the act that was whole.
    pub(crate) fn end(&mut self) -> Option<Act<'static>> {
        self.join()
    }

    fn join(&mut self) -> Option<Act<'static>> {
        let mut parts = std::mem::take(&mut self.open).into_iter();
        let mut act = parts.next()?;
        for part in parts {
            act.body.to_mut().extend_from_slice(&part.body);
            act.last_lsn = part.last_lsn;
            act.records += part.records;
            act.framed_bytes += part.framed_bytes;
            act.group_gap = part.group_gap;
        }
        Some(act)
    }

    /// Forgets the beginning of an act that damage has cut off.
    pub(crate) fn drop_open(&mut self) {
        self.open.clear();
    }
}

// === impl Damage ===

impl From<&BadSpan> for Damage {
    fn from(span: &BadSpan) -> Self {
        Self {
            problem: span.problem.clone(),
            // Of an archived segment the place is told in the archive file, where the end means nothing.
            to: (span.problem.offset == Some(span.flaw.offset)).then_some(span.to),
        }
    }
}
