//! Where a start begins: with the newest sound snapshot, or else at the beginning of the log.
//!
//! A snapshot that is damaged, or does not fit the log, is passed over loudly: the one before it and some more replay
//! do. Without any sound one the archive is replayed too, from LSN 1, and a warning says so. Only a log that reaches back
//! neither to a sound snapshot nor to its beginning cannot be served.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::{EngineOptions, OpenError, QUEUED_MAX};
use crate::domain::{Digest, Points, Timestamp};
use crate::entities::{KeyTable, Limits, Table};
use crate::journal::{Catalog, Class, JournalError, Lsn, Problem, Recovered, snapshot_lsn};
use crate::projections::DaysKnown;
use crate::snapshot::{self, Shelves, Snapshot, Tally};

/// The snapshot that a start began with.
#[derive(Clone, Debug)]
pub struct OpenedSnapshot {
    /// Last LSN that it covers.
    pub lsn: u64,
    /// Entities in it.
    pub entities: u64,
    /// Keys in it.
    pub keys: u64,
    /// Time that loading and checking it took.
    pub elapsed: Duration,
}

/// Rows and keys as they were where replay begins.
pub(super) struct Begun {
    pub(super) table: Arc<Table>,
    pub(super) keys: Arc<KeyTable>,
    pub(super) keys_from_us: i64,
    pub(super) snapshot: Option<OpenedSnapshot>,
    pub(super) digest: Digest,
    pub(super) largest_id: u64,
    /// What days rest on if their files are lost and the log does not go back to LSN 1.
    pub(super) days_known: DaysKnown,
    /// Snapshots that were passed over, and why.
    pub(super) warnings: Vec<String>,
}

/// Loads the newest sound snapshot and has the log behind it cut.
pub(super) fn begin(
    recovered: &mut Recovered,
    options: &EngineOptions,
    runtime: &Handle,
) -> Result<Begun, OpenError> {
    let mut warnings = Vec::new();
    let mut passed_over = None;
    let names = recovered.catalog().snapshots.clone();
    for name in names.iter().rev() {
        match attempt(recovered, options, runtime, name) {
            Ok(begun) => return Ok(Begun { warnings, ..begun }),
            // Not the snapshot is wrong but the log, which is shorter than it was.
            Err(error) if error.class() == Class::Chain => return Err(error.into()),
            Err(error) => {
                let text = format!("snapshot {name} is passed over: {error}");
                tracing::error!(snapshot = name, %error, "snapshot passed over");
                warnings.push(text);
                recovered.reject_snapshot(snapshot_lsn(name).unwrap_or_default());
                passed_over.get_or_insert(error);
            }
        }
    }
    recovered.begin_behind(None).map_err(|error| {
        // What is wrong with the newest snapshot says more than that there is no sound one.
        passed_over
            .filter(|_| error.class() == Class::Meta)
            .unwrap_or(error)
    })?;
    warnings.extend(archive_replayed(recovered.catalog()));
    let fresh = fresh(recovered, options, runtime);
    Ok(Begun { warnings, ..fresh })
}

/// Segments move into the archive only once snapshots cover them: whoever starts from there has lost the snapshots, and
/// waits for the whole history.
fn archive_replayed(catalog: &Catalog) -> Option<String> {
    let all = catalog.segments.len();
    let archived = catalog.segments.iter().filter(|found| found.archived);
    let archived = archived.count();
    (archived > 0).then(|| {
        format!(
            "there is no sound snapshot: the whole log is replayed from LSN 1, {archived} of its {all} segments from \
             the archive"
        )
    })
}

fn attempt(
    recovered: &mut Recovered,
    options: &EngineOptions,
    runtime: &Handle,
    name: &str,
) -> Result<Begun, JournalError> {
    let begun = Instant::now();
    let storage = Arc::clone(recovered.storage());
    let snapshot = Snapshot::open(&*storage, name)?;
    check_origin(&snapshot, recovered)?;
    recovered.begin_behind(Some(snapshot.base()))?;
    let fresh = fresh(recovered, options, runtime);
    let shelves = Shelves {
        table: &fresh.table,
        keys: &fresh.keys,
        keys_from_us: fresh.keys_from_us,
    };
    let tally: Tally = snapshot::load(&snapshot, options.replay_workers.max(1), &shelves)?;
    let opened = OpenedSnapshot {
        lsn: snapshot.lsn().0,
        entities: tally.rows,
        keys: tally.keys,
        elapsed: begun.elapsed(),
    };
    Ok(Begun {
        days_known: days_known(&snapshot)?,
        snapshot: Some(opened),
        digest: tally.digest,
        largest_id: tally.largest_id,
        ..fresh
    })
}

/// What days rest on, as a snapshot has it.
pub fn days_known(snapshot: &Snapshot) -> Result<DaysKnown, JournalError> {
    let (stated, program, base) = (snapshot.stated(), snapshot.program()?, snapshot.base());
    // All wallets together hold no more than a balance can say, or no report could state it.
    let points =
        |sum: i128| i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX });
    Ok(DaysKnown {
        lsn: base.lsn.0,
        at: Timestamp(base.time_us),
        held: Points {
            paid: points(stated.paid),
            free: points(stated.free),
        },
        zone: program.settings.zone,
        closed: program.closed_day,
    })
}

/// A snapshot of this store, under its own name.
fn check_origin(snapshot: &Snapshot, recovered: &Recovered) -> Result<(), JournalError> {
    let name = snapshot.name();
    let problem = |what: &str| Err(Problem::new(Class::Meta, name, what).at(0).into());
    if snapshot.store_id() != recovered.report().store_id {
        return problem("belongs to another store");
    }
    if snapshot_lsn(name) != Some(snapshot.lsn()) {
        return problem("is the snapshot of another LSN than its name says");
    }
    Ok(())
}

fn fresh(recovered: &Recovered, options: &EngineOptions, runtime: &Handle) -> Begun {
    let limits = Limits {
        max_active: options.max_active.max(1),
        queued_max: QUEUED_MAX,
    };
    let window_us = options.key_window_us();
    Begun {
        table: Arc::new(Table::new(limits, runtime.clone())),
        keys: Arc::new(KeyTable::new(options.max_keys, window_us)),
        keys_from_us: recovered.report().last_time_us.saturating_sub(window_us),
        snapshot: None,
        digest: Digest::default(),
        largest_id: 0,
        days_known: DaysKnown::default(),
        warnings: Vec::new(),
    }
}

impl Begun {
    /// Last LSN that the snapshot covers; 0 without one.
    pub(super) fn lsn(&self) -> Lsn {
        Lsn(self.snapshot.as_ref().map_or(0, |snapshot| snapshot.lsn))
    }
}
