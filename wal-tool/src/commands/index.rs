//! `index`: the index of histories, checked or built anew.

use clap::{Args, Subcommand};
use engine::journal::Class;
use engine::{DaysKnown, IndexError, IndexReport, days_known, rebuild_index, verify_index};
use serde::Serialize;

use crate::exit::{Stop, Verdict};
use crate::log::Log;
use crate::output::{Format, FormatArgs, Output, talk};
use crate::place::Place;
use crate::snapshots;

const EXAMPLES: &str = "\
Examples:
  wal-tool index verify            read every byte of it; also beside a running server
  wal-tool index rebuild --yes     build it anew from the log; needs the directory's lock, so no server may run";

/// Checks the index of histories, or builds it anew.
///
/// The index is a cache of the log: a server leaves damaged parts out and reads them from the log by itself, also when
/// all of it is gone. This does the same before the server starts.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Index {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Read every byte of the index and say what it holds.
    #[command(after_help = EXAMPLES)]
    Verify(Verify),
    /// Build the index anew from the log.
    #[command(after_help = EXAMPLES)]
    Rebuild(Rebuild),
}

#[derive(Args, Debug)]
struct Verify {
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Debug)]
struct Rebuild {
    /// Do it; without it only what lies there is shown.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

/// What an index holds.
#[derive(Serialize)]
struct IndexRow {
    last_lsn: u64,
    indexed_lsn: u64,
    runs: u64,
    entries: u64,
    bytes: u64,
    days: u64,
    day_rows: u64,
    day_bytes: u64,
    damaged: Vec<String>,
}

// === impl Index ===

impl Index {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let (place, format, rebuild) = match &self.action {
            Action::Verify(verify) => (&verify.place, verify.format, false),
            Action::Rebuild(rebuild) => (&rebuild.place, rebuild.format, rebuild.yes),
        };
        let log = Log::open(place.dir())?;
        let known = match rebuild {
            true => known(&log)?,
            false => DaysKnown::default(),
        };
        let built = if rebuild {
            rebuild_index(place.dir(), known)
        } else {
            verify_index(place.dir())
        };
        let report = built.map_err(|error| match error {
            IndexError::Journal(error) => Stop::Journal(error),
            IndexError::Io(source) => Stop::Change {
                file: "index".to_owned(),
                source,
            },
            IndexError::Log(why) => Stop::Usage(why),
        })?;
        let mut verdict = Verdict::default();
        if !report.damaged.is_empty() {
            verdict.meet(Class::Meta);
        }
        show(&report, format.format(), output)?;
        if matches!(self.action, Action::Rebuild(_)) && !rebuild {
            talk(format_args!(
                "nothing was changed; --yes builds the index anew"
            ));
        }
        Ok(verdict)
    }
}

/// What the days rest on, where the log does not go back to LSN 1.
fn known(log: &Log) -> Result<DaysKnown, Stop> {
    log.check_whole()?;
    if log.begins() <= 1 {
        return Ok(DaysKnown::default());
    }
    let mut sound = snapshots::look(log.reader(), true)?.sound;
    let found = snapshots::beginning(log.reader(), &mut sound);
    let found = found.map_err(|problem| Stop::Journal(problem.into()))?;
    Ok(found
        .as_ref()
        .map(days_known)
        .transpose()?
        .unwrap_or_default())
}

fn show(report: &IndexReport, format: Format, output: &mut Output) -> Result<(), Stop> {
    let row = IndexRow {
        last_lsn: report.last_lsn,
        indexed_lsn: report.indexed_lsn,
        runs: report.runs,
        entries: report.entries,
        bytes: report.bytes,
        days: report.days,
        day_rows: report.day_rows,
        day_bytes: report.day_bytes,
        damaged: report.damaged.clone(),
    };
    if format == Format::Json {
        output.json("index", &row)?;
        return Ok(());
    }
    for damaged in &row.damaged {
        output.text(format_args!("DAMAGED  {damaged}"))?;
    }
    output.text(format_args!(
        "{} entries in {} runs, {} bytes; up to LSN {} of {}",
        row.entries, row.runs, row.bytes, row.indexed_lsn, row.last_lsn
    ))?;
    output.text(format_args!(
        "{} rows in {} days, {} bytes",
        row.day_rows, row.days, row.day_bytes
    ))?;
    Ok(())
}
