//! The days of a store that nobody serves: built anew, or checked, by the operator's tool.

use std::sync::Arc;

use super::file::DayFile;
use super::layout::is_day_name;
use super::{DaysKnown, Shared};
use crate::journal::Storage;
use crate::projections::blocks::{Damaged, TMP};
use crate::projections::reread::StepError;

/// What the files of days hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct DaysReport {
    /// Files.
    pub(crate) days: u64,
    /// Rows.
    pub(crate) rows: u64,
    /// Bytes.
    pub(crate) bytes: u64,
    /// What is wrong with which file.
    pub(crate) damaged: Vec<String>,
}

/// Builds all days anew, up to the last LSN of the log.
pub(crate) fn rebuild_days(
    storage: &Arc<dyn Storage>,
    log: &Arc<dyn Storage>,
    last_lsn: u64,
    known: DaysKnown,
) -> Result<(), StepError> {
    for entry in storage.list()? {
        if is_day_name(&entry.name) {
            storage.remove(&entry.name)?;
        }
    }
    let shared = Shared::new(Arc::clone(storage), Arc::clone(log), last_lsn, known);
    shared.begin_at_the_log()?;
    shared.step()?;
    shared.flush()
}

/// Reads every byte of all days.
pub(crate) fn verify_days(storage: &dyn Storage) -> Result<DaysReport, StepError> {
    let mut report = DaysReport::default();
    for entry in storage.list()? {
        if !is_day_name(&entry.name) || entry.name.ends_with(TMP) {
            continue;
        }
        match verify_day(storage, &entry.name) {
            Ok(rows) => {
                report.days += 1;
                report.rows += rows;
                report.bytes += entry.len;
            }
            Err(damaged) => report.damaged.push(damaged.to_string()),
        }
    }
    Ok(report)
}

/// Reads one day; its rows must add up to what its head says.
fn verify_day(storage: &dyn Storage, name: &str) -> Result<u64, Damaged> {
    let file = DayFile::find(storage, name)?;
    let rows = file.rows_from(storage, 0, usize::MAX)?;
    let mut sum = file.header.sum;
    for (_, row) in &rows {
        sum.entries = sum.entries.wrapping_sub(row.entries);
        for (left, change) in sum.changes.iter_mut().zip(row.changes) {
            *left += -change;
        }
    }
    let ascending = rows.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let none = crate::domain::DayFlow::opening_with(sum.opening);
    if sum != none || !ascending || rows.len() as u64 != file.header.wallets {
        return Err(Damaged::new(name, "its rows do not add up to its head"));
    }
    Ok(rows.len() as u64)
}
