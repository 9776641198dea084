//! The log read again for a projection that does not have what was in it, and how its thread is stopped.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use thiserror::Error;

use super::blocks::Damaged;
use crate::domain::Event;
use crate::journal::frame::KIND_JOURNAL_MIN;
use crate::journal::{self, ActItem, ActRef, JournalError, LogReader, Lsn, Storage};
use crate::record::{self, Content, RecordError};

/// LSNs above one, up to and with another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub(crate) above: u64,
    pub(crate) to: u64,
}

/// Why a step failed.
#[derive(Debug, Error)]
pub(super) enum StepError {
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error("cannot read the log: {0}")]
    Journal(#[from] JournalError),
    #[error("the log is damaged: {0}")]
    Log(journal::Problem),
    #[error("the record at lsn {0} makes no sense: {1}")]
    Record(u64, RecordError),
    #[error("told to stop")]
    Stopped,
}

/// How far a thread is to go before it ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Stop {
    #[default]
    No,
    /// Everything is to be on disk first.
    Flushed,
    /// At once.
    Now,
}

/// An act of the log: with what it decided, if it decided anything.
pub(super) struct Reread<'a> {
    pub(super) lsn: u64,
    pub(super) last_lsn: u64,
    pub(super) at_us: i64,
    pub(super) event: Option<&'a Event>,
}

// === impl Span ===

impl Span {
    pub(super) fn holds(self, other: Self) -> bool {
        self.above <= other.above && other.to <= self.to
    }
}

/// Reads every act of a span, in the order of the log.
pub(super) fn reread(
    log: &Arc<dyn Storage>,
    span: Span,
    mut each: impl FnMut(Reread<'_>) -> Result<(), StepError>,
) -> Result<(), StepError> {
    let reader = LogReader::of(Arc::clone(log))?;
    let range = journal::Range {
        from: Lsn(span.above + 1),
        to: Lsn(span.to),
        ..journal::Range::default()
    };
    let mut failure = None;
    reader.each_act(range, |item| {
        let read = match item {
            ActItem::Bad(problem) if problem.lsn.is_some_and(|lsn| lsn.0 > span.to) => Ok(()),
            ActItem::Bad(problem) => Err(StepError::Log(problem)),
            ActItem::Act(act) => decode(&act, &mut each),
        };
        match read {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failure.map_or(Ok(()), Err)
}

fn decode(
    act: &ActRef<'_>,
    each: &mut impl FnMut(Reread<'_>) -> Result<(), StepError>,
) -> Result<(), StepError> {
    let read = (act.kind < KIND_JOURNAL_MIN)
        .then(|| record::decode(act.kind, act.schema, act.body))
        .transpose();
    let record = read.map_err(|error| StepError::Record(act.lsn.0, error))?;
    let event = match record.as_ref().map(|record| &record.content) {
        Some(Content::Event(event)) => Some(event),
        Some(Content::Refused(_)) | None => None,
    };
    each(Reread {
        lsn: act.lsn.0,
        last_lsn: act.last_lsn.0,
        at_us: act.time_us,
        event,
    })
}
