//! `compact`: sealed segments that two snapshots cover move into the archive.

use std::sync::Arc;

use clap::Args;
use engine::journal::{FileStorage, LogReader, Storage, compact_offline};
use serde::Serialize;

use crate::exit::{Stop, Verdict};
use crate::output::{Format, FormatArgs, Output, talk};
use crate::place::Place;

const EXAMPLES: &str = "\
Examples:
  wal-tool compact --dry-run     what would move into the archive
  wal-tool compact --yes         move it; needs the directory's lock, so no server may run";

/// Moves old segments into the archive, where they take a fraction of the space.
///
/// Nothing is lost: every command reads archive and segments as one log, byte for byte. A segment moves once it is
/// sealed and two verified snapshots hold what is in it. It is removed only after its archived copy was synced,
/// read back and compared. A running server does the same by itself.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Compact {
    /// Only say what would be done. So it is without --yes, too.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Do it.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

/// What is planned or was done.
#[derive(Serialize)]
struct CompactRow {
    done: bool,
    segments: u64,
    first_lsn: u64,
    last_lsn: u64,
    bytes_before: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_after: Option<u64>,
    archives: Vec<String>,
    /// Segments that an interrupted compaction left.
    leftovers: usize,
    covered_lsn: u64,
}

// === impl Compact ===

impl Compact {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let dir = self.place.dir();
        let reader = LogReader::open(dir)?;
        if reader.catalog().segments.is_empty() {
            return Err(Stop::Usage(format!("{} holds no store", dir.display())));
        }
        let plan = reader.compact_plan();
        let mut row = CompactRow {
            done: false,
            segments: plan.segments.len() as u64,
            first_lsn: plan.first_lsn.0,
            last_lsn: plan.last_lsn.0,
            bytes_before: plan.bytes,
            bytes_after: None,
            archives: Vec::new(),
            leftovers: plan.leftovers.len(),
            covered_lsn: plan.covered.0,
        };
        if self.format.format() != Format::Json {
            for name in &plan.segments {
                output.text(format_args!("{name}  into the archive"))?;
            }
            for name in &plan.leftovers {
                output.text(format_args!("{name}  is in the archive already, remove"))?;
            }
        }
        if self.yes {
            // Read, then read back.
            let bar = output.progress(plan.bytes * 2, true);
            let storage: Arc<dyn Storage> = Arc::new(FileStorage::existing(dir)?);
            let done = compact_offline(&storage, &mut |bytes| {
                bar.inc(bytes);
                Ok(())
            })?;
            bar.finish_and_clear();
            row = CompactRow {
                done: true,
                segments: done.segments,
                first_lsn: done.first_lsn.0,
                last_lsn: done.last_lsn.0,
                bytes_before: done.bytes_before,
                bytes_after: Some(done.bytes_after),
                archives: done.files,
                ..row
            };
        }
        match self.format.format() {
            Format::Json => output.json("compact", &row)?,
            Format::Text | Format::Csv => output.text(format_args!("{}", row.line()))?,
        }
        if !self.yes && !self.dry_run && !plan.is_empty() {
            talk(format_args!("nothing was changed: --yes does it"));
        }
        Ok(Verdict::default())
    }
}

// === impl CompactRow ===

impl CompactRow {
    fn line(&self) -> String {
        if self.segments == 0 {
            let covered = self.covered_lsn;
            return format!(
                "no segment to archive: none is sealed and within both snapshots (up to LSN {covered})"
            );
        }
        let (segments, first, last) = (self.segments, self.first_lsn, self.last_lsn);
        let before = self.bytes_before;
        match self.bytes_after {
            Some(after) => format!(
                "{segments} segments archived, LSN {first}…{last}: {before} bytes on disk became {after}"
            ),
            None => format!(
                "{segments} segments, LSN {first}…{last}, {before} bytes on disk, would be archived"
            ),
        }
    }
}
