//! The index of a store that nobody serves: built anew, or checked, by the operator's tool.

use std::io;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use super::layout::is_run_name;
use super::run::Run;
use super::{INDEX_FOLDER, Shared};
use crate::journal::{FileStorage, JournalError, LogReader, Storage};
use crate::projections::blocks::TMP;
use crate::projections::daily::{DaysKnown, rebuild_days, verify_days};
use crate::projections::reread::{Span, StepError};

/// What an index holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IndexReport {
    /// Last LSN of the log.
    pub last_lsn: u64,
    /// Up to this LSN the index has everything.
    pub indexed_lsn: u64,
    /// Files.
    pub runs: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes.
    pub bytes: u64,
    /// Days of the daily report, those without entries left out.
    pub days: u64,
    /// Rows of the daily report.
    pub day_rows: u64,
    /// Bytes of the daily report.
    pub day_bytes: u64,
    /// What is wrong with which file.
    pub damaged: Vec<String>,
}

/// Why an index was not built or looked at.
#[derive(Debug, Error)]
pub enum IndexError {
    /// The log, or the lock of its directory.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folder of the index.
    #[error("the folder of the index: {0}")]
    Io(#[from] io::Error),
    /// The log does not give what the index needs.
    #[error("{0}")]
    Log(String),
}

impl From<StepError> for IndexError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Io(error) => Self::Io(error),
            StepError::Journal(error) => Self::Journal(error),
            StepError::Log(problem) => Self::Journal(problem.into()),
            error @ (StepError::Damaged(_) | StepError::Record(..) | StepError::Stopped) => {
                Self::Log(error.to_string())
            }
        }
    }
}

/// Builds the index of a directory anew from its log, under the directory's lock. A log that begins later has something
/// `known` behind that.
pub fn rebuild_index(directory: &Path, known: DaysKnown) -> Result<IndexReport, IndexError> {
    let log: Arc<dyn Storage> = Arc::new(FileStorage::existing(directory)?);
    let _held = log.lock()?;
    let index = log.folder(INDEX_FOLDER)?;
    for name in runs_of(&*index)? {
        index.remove(&name)?;
    }
    let shared = Shared::new(Arc::clone(&index), Arc::clone(&log), last_lsn(&log)?);
    shared.tail.lock().set_loaded();
    shared.step(true)?;
    shared.step(false)?;
    rebuild_days(&index, &log, shared.opened_at, known)?;
    look(&log, Some(&*index))
}

/// Reads every byte of the index of a directory; changes nothing and needs no lock.
pub fn verify_index(directory: &Path) -> Result<IndexReport, IndexError> {
    let log: Arc<dyn Storage> = Arc::new(FileStorage::existing(directory)?);
    // A store that was never served by this version has none.
    let index = FileStorage::existing(directory.join(INDEX_FOLDER)).ok();
    look(&log, index.as_ref().map(|index| index as &dyn Storage))
}

fn look(log: &Arc<dyn Storage>, index: Option<&dyn Storage>) -> Result<IndexReport, IndexError> {
    let mut report = IndexReport {
        last_lsn: last_lsn(log)?,
        ..IndexReport::default()
    };
    let Some(index) = index else {
        return Ok(report);
    };
    let mut spans: Vec<Span> = Vec::new();
    for name in runs_of(index)? {
        if name.ends_with(TMP) {
            continue;
        }
        let read = Run::open(index, &name).and_then(|run| run.verify().map(|()| run));
        match read {
            Ok(run) => {
                report.runs += 1;
                report.entries += u64::from(run.header.entries);
                report.bytes += run.bytes();
                spans.push(run.span());
            }
            Err(damaged) => report.damaged.push(damaged.to_string()),
        }
    }
    let days = verify_days(index)?;
    (report.days, report.day_rows, report.day_bytes) = (days.days, days.rows, days.bytes);
    report.damaged.extend(days.damaged);
    spans.sort_by_key(|span| span.above);
    for span in spans {
        if span.above <= report.indexed_lsn {
            report.indexed_lsn = report.indexed_lsn.max(span.to);
        }
    }
    Ok(report)
}

fn runs_of(index: &dyn Storage) -> io::Result<Vec<String>> {
    let files = index.list()?.into_iter().map(|entry| entry.name);
    Ok(files.filter(|name| is_run_name(name)).collect())
}

fn last_lsn(log: &Arc<dyn Storage>) -> Result<u64, IndexError> {
    let tail = LogReader::of(Arc::clone(log))?.tail()?;
    Ok(tail.map_or(0, |tail| tail.link.lsn))
}
