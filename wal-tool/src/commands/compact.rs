//! `compact`: sealed segments that two snapshots cover move into the archive, and what nobody is to keep is deleted.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use engine::RETAIN_MIN;
use engine::domain::Timestamp;
use engine::journal::{
    Expired, FileStorage, LogReader, Lsn, Storage, compact_offline, retain_offline, snapshot_name,
};
use engine::snapshot::Snapshot;
use serde::Serialize;

use crate::exit::{Stop, Verdict};
use crate::instant::{self, rfc3339};
use crate::output::{Format, FormatArgs, Output, talk};
use crate::place::Place;

const EXAMPLES: &str = "\
Examples:
  wal-tool compact --dry-run     what would move into the archive
  wal-tool compact --yes         move it; needs the directory's lock, so no server may run
  wal-tool compact --retain 400d --dry-run    which archive files are older than that, all of them
  wal-tool compact --retain 400d --yes        archive, then delete these files: they are gone for good";

/// Moves old segments into the archive, where they take a fraction of the space.
///
/// Nothing is lost: every command reads archive and segments as one log, byte for byte. A segment moves once it is
/// sealed and two verified snapshots hold what is in it. It is removed only after its archived copy was synced,
/// read back and compared. A running server does the same by itself.
///
/// Only with --retain is anything deleted: whole archive files, oldest first, that both snapshots hold. The log then
/// begins later, and what was before is gone: take a backup first if anybody may ever ask for it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Compact {
    /// Only say what would be done. So it is without --yes, too.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Do it.
    #[arg(long)]
    yes: bool,
    /// Delete archive files all of which is older, like 400d or 60w; at least 400d, since a use may be cancelled for so long.
    #[arg(long, value_name = "TIME", value_parser = parse_retain)]
    retain: Option<Duration>,
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
    /// Archive files deleted, or to be deleted; with --retain only.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_files: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_bytes: Option<u64>,
}

/// One archive file that goes.
#[derive(Serialize)]
struct ExpiredRow<'a> {
    done: bool,
    file: &'a str,
    first_lsn: u64,
    last_lsn: u64,
    from: String,
    to: String,
    bytes: u64,
}

fn parse_retain(text: &str) -> Result<Duration, String> {
    let span = text
        .parse::<jiff::Span>()
        .map_err(|error| error.to_string())?;
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let retain = span.to_duration(days).map_err(|error| error.to_string())?;
    let retain = Duration::try_from(retain).map_err(|error| error.to_string())?;
    match retain < RETAIN_MIN {
        true => Err("must be at least 400d".to_owned()),
        false => Ok(retain),
    }
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
            deleted_files: None,
            deleted_bytes: None,
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
        let expired = self.retain(&reader, output)?;
        if let Some(files) = &expired {
            row.deleted_files = Some(files.len());
            row.deleted_bytes = Some(files.iter().map(|file| file.bytes).sum());
        }
        match self.format.format() {
            Format::Json => output.json("compact", &row)?,
            Format::Text | Format::Csv => output.text(format_args!("{}", row.line()))?,
        }
        let nothing = plan.is_empty() && expired.is_none_or(|files| files.is_empty());
        if !self.yes && !self.dry_run && !nothing {
            talk(format_args!("nothing was changed: --yes does it"));
        }
        Ok(Verdict::default())
    }
}

impl Compact {
    /// Deletes what is past its retention, or only says what would be. `None` without the setting.
    fn retain(
        &self,
        reader: &LogReader,
        output: &mut Output,
    ) -> Result<Option<Vec<Expired>>, Stop> {
        let Some(retain) = self.retain else {
            return Ok(None);
        };
        let age_us = i64::try_from(retain.as_micros()).unwrap_or(i64::MAX);
        let before_us = instant::now().0.saturating_sub(age_us);
        if !self.yes {
            let files = reader.retain_plan(before_us)?.files;
            for file in &files {
                self.tell(file, output)?;
            }
            return Ok(Some(files));
        }
        let storage: Arc<dyn Storage> = Arc::new(FileStorage::existing(self.place.dir())?);
        let mut prove = |lsn: Lsn| {
            let name = snapshot_name(lsn);
            Snapshot::open_past_cache(&*storage, &name)?
                .verify()
                .map(drop)
        };
        let mut told = Ok(());
        let mut tell = |file: &Expired| {
            if told.is_ok() {
                told = self.tell(file, output);
            }
        };
        let done = retain_offline(&storage, before_us, &mut prove, &mut tell)?;
        told?;
        Ok(Some(done.files))
    }

    fn tell(&self, expired: &Expired, output: &mut Output) -> Result<(), Stop> {
        let row = ExpiredRow {
            done: self.yes,
            file: &expired.file,
            first_lsn: expired.first_lsn.0,
            last_lsn: expired.last_lsn.0,
            from: rfc3339(Timestamp(expired.first_us)),
            to: rfc3339(Timestamp(expired.last_us)),
            bytes: expired.bytes,
        };
        match self.format.format() {
            Format::Json => output.json("expired", &row)?,
            Format::Text | Format::Csv => output.text(format_args!(
                "{}  LSN {}…{}, {} to {}, {} bytes, past its retention, delete",
                row.file, row.first_lsn, row.last_lsn, row.from, row.to, row.bytes
            ))?,
        }
        Ok(())
    }
}

// === impl CompactRow ===

impl CompactRow {
    fn line(&self) -> String {
        let mut line = self.moved();
        if let (Some(files), Some(bytes)) = (self.deleted_files, self.deleted_bytes) {
            let what = if self.done {
                "were deleted"
            } else {
                "would be deleted"
            };
            line += &format!("; {files} archive files past their retention, {bytes} bytes, {what}");
        }
        line
    }

    fn moved(&self) -> String {
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
