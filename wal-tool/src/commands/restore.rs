//! `restore`: a log up to a point becomes a store of its own, in a new directory.

use std::path::PathBuf;

use clap::Args;
use engine::domain::Timestamp;
use engine::journal::{
    Beginning, Entropy, FileStorage, LogReader, Lsn, RestorePoint, Storage, restore_behind,
};
use engine::snapshot::Snapshot;
use serde::Serialize;

use crate::exit::{Stop, Verdict};
use crate::instant::{self, rfc3339};
use crate::output::{Format, FormatArgs, Output};
use crate::snapshots;
use crate::staged::Staged;

const EXAMPLES: &str = "\
Examples:
  wal-tool restore --from /backup/scrip/backup-00000000000000004711 --out /var/lib/scrip-new
  wal-tool restore --from /var/lib/scrip --to-lsn 4000 --out /tmp/then        right after LSN 4000
  wal-tool restore --from /var/lib/scrip --to-time 2026-07-31T15:00:00Z --out /tmp/then";

/// Makes a new store of a data directory or a backup, as it stood at some point.
///
/// The source is only read and may be in use. The new directory must not exist, or be empty. Acts keep their LSNs
/// and times; the store gets an id of its own and a timeline one higher, and its first record of its own, FORK,
/// says whom it descends from. Rounded down to the end of an act.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Restore {
    /// Data directory, or a generation of a backup.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The last act that ends at or before this LSN.
    #[arg(long, value_name = "LSN", conflicts_with = "to_time")]
    to_lsn: Option<u64>,
    /// The last act at or before this instant (RFC 3339, or a date = midnight UTC).
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    to_time: Option<Timestamp>,
    /// The new directory.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
}

/// What was restored.
#[derive(Serialize)]
struct RestoreRow {
    out: String,
    store_id: String,
    timeline: u32,
    parent: String,
    parent_timeline: u32,
    last_lsn: u64,
    last_at: Option<String>,
    fork_lsn: u64,
    acts: u64,
    segments: u64,
}

/// The snapshot of what was before, where the log no longer goes back to LSN 1.
fn begin(reader: &LogReader) -> Result<Option<Snapshot>, Stop> {
    if reader.catalog().begins_later().is_none() {
        return Ok(None);
    }
    let mut sound = snapshots::look(reader, true)?.sound;
    let found = snapshots::beginning(reader, &mut sound);
    found.map_err(|problem| Stop::Journal(problem.into()))
}

// === impl Restore ===

impl Restore {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let reader = LogReader::open(&self.from)?;
        if reader.catalog().segments.is_empty() {
            return Err(Stop::Usage(format!(
                "{} holds no store",
                self.from.display()
            )));
        }
        let point = match (self.to_lsn, self.to_time) {
            (Some(lsn), _) => RestorePoint::Lsn(Lsn(lsn)),
            (None, Some(at)) => RestorePoint::Time(at.0),
            (None, None) => RestorePoint::End,
        };
        let snapshot = begin(&reader)?;
        let staged = Staged::new(&self.out)?;
        let into = FileStorage::existing(staged.dir())?;
        let mut carry = |into: &dyn Storage, store_id, timeline, base| match &snapshot {
            Some(snapshot) => snapshot.carry_over(into, store_id, timeline, base),
            None => Ok(()),
        };
        let beginning = snapshot.as_ref().map(|snapshot| Beginning {
            base: snapshot.base(),
            write: &mut carry,
        });
        let now_us = instant::now().0;
        let entropy = Entropy::System;
        let restored = restore_behind(&reader, &into, point, &entropy, now_us, beginning);
        let restored = match restored {
            Ok(restored) => restored,
            Err(error) => {
                staged.discard();
                return Err(error.into());
            }
        };
        // What was written must read back, before it gets its name.
        let report = LogReader::open(staged.dir())?.verify(1, &|_, _| {})?;
        if let Some(problem) = report.problems.into_iter().next() {
            return Err(Stop::Journal(problem.into()));
        }
        staged.publish()?;
        let row = RestoreRow {
            out: self.out.display().to_string(),
            store_id: format!("{:032x}", restored.store_id),
            timeline: restored.timeline,
            parent: format!("{:032x}", restored.fork.parent),
            parent_timeline: restored.fork.timeline,
            last_lsn: restored.fork.lsn.0,
            last_at: (restored.acts > 0).then(|| rfc3339(Timestamp(restored.last_time_us))),
            fork_lsn: restored.fork_lsn.0,
            acts: restored.acts,
            segments: restored.segments,
        };
        match self.format.format() {
            Format::Json => output.json("restore", &row)?,
            Format::Text | Format::Csv => output.text(format_args!(
                "{}: {} acts up to LSN {} ({}), store {} on timeline {}, from store {}",
                row.out,
                row.acts,
                row.last_lsn,
                row.last_at.as_deref().unwrap_or("nothing happened by then"),
                row.store_id,
                row.timeline,
                row.parent
            ))?,
        }
        Ok(Verdict::default())
    }
}
