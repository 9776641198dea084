//! `snapshot`: what snapshots there are, whether they are sound, and a new one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use engine::journal::{FileStorage, JournalError, LogReader};
use engine::snapshot::{Made, Tally, create_offline};
use serde::Serialize;

use crate::commands::verify::{KEY_WINDOW_DEFAULT, parse_window};
use crate::exit::{Stop, Verdict};
use crate::output::{Format, FormatArgs, Output, talk};
use crate::place::Place;
use crate::rows::ProblemRow;
use crate::snapshots::{missing, read};

const EXAMPLES: &str = "\
Examples:
  wal-tool snapshot list                    newest last, with what each covers
  wal-tool snapshot verify                  every byte, row and sum of every snapshot
  wal-tool snapshot create /var/lib/scrip   of a store that nobody serves; a running server: POST /admin/snapshot";

/// Lists, verifies and makes snapshots.
///
/// A snapshot is what the log up to an LSN adds up to; a start replays only what is behind it. It can always be made
/// again from the log.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SnapshotCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Shows the snapshots of a directory.
    #[command(after_help = EXAMPLES)]
    List(Look),
    /// Reads every byte of every snapshot and takes all sums again.
    #[command(after_help = EXAMPLES)]
    Verify(Look),
    /// Makes a snapshot of the whole log. Takes the lock of the directory.
    #[command(after_help = EXAMPLES)]
    Create(Create),
}

#[derive(Args, Debug)]
struct Look {
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Debug)]
struct Create {
    /// How long the server remembers idempotency keys (its --key-window): older ones are left out.
    #[arg(long, value_name = "TIME", default_value = KEY_WINDOW_DEFAULT, value_parser = parse_window)]
    key_window: Duration,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

/// One snapshot.
#[derive(Serialize)]
struct SnapshotRow {
    file: String,
    lsn: u64,
    bytes: u64,
    /// Wallets, companies, and the settings if they were ever changed: what the snapshot states is no finer.
    entities: u64,
    keys: u64,
    paid: i128,
    free: i128,
    digest: String,
    /// Whether store.meta names it.
    named: bool,
}

// === impl SnapshotCommand ===

impl SnapshotCommand {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        match &self.verb {
            Verb::List(look) => look.run(output, false),
            Verb::Verify(look) => look.run(output, true),
            Verb::Create(create) => create.run(output),
        }
    }
}

// === impl Look ===

impl Look {
    fn run(&self, output: &mut Output, deep: bool) -> Result<Verdict, Stop> {
        let reader = LogReader::open(self.place.dir())?;
        holds_store(&reader, self.place.dir())?;
        let named = reader.catalog().newest_meta().map(|meta| meta.snapshots);
        let mut verdict = Verdict::default();
        let mut format = Rows::new(self.format, output)?;
        for name in &reader.catalog().snapshots {
            match read(&**reader.storage(), name, deep) {
                Ok(snapshot) => {
                    let lsn = snapshot.lsn().0;
                    let is_named = named.is_some_and(|named| named.contains(&lsn));
                    let (name, tally) = (snapshot.name(), snapshot.stated());
                    format.row(SnapshotRow::new(
                        name,
                        lsn,
                        snapshot.bytes(),
                        &tally,
                        is_named,
                    ))?;
                }
                Err(error) => {
                    verdict.meet(error.class());
                    format.problem(error)?;
                }
            }
        }
        for missing in missing(&reader) {
            verdict.meet(missing.class);
            format.problem(missing.into())?;
        }
        Ok(verdict)
    }
}

// === impl Create ===

impl Create {
    fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let storage = existing(self.place.dir())?;
        let window_us = i64::try_from(self.key_window.as_micros()).unwrap_or(i64::MAX);
        let made = create_offline(Arc::new(storage), window_us, &mut |name, error| {
            talk(format_args!("{name} is passed over: {error}"));
        })?;
        match made {
            None => talk(format_args!("nothing new: the log is covered as it is")),
            Some(Made {
                name,
                lsn,
                bytes,
                tally,
                ..
            }) => {
                let row = SnapshotRow::new(&name, lsn.0, bytes, &tally, true);
                Rows::new(self.format, output)?.row(row)?;
            }
        }
        Ok(Verdict::default())
    }
}

/// A wrong path must not pass for a store without snapshots.
fn holds_store(reader: &LogReader, dir: &Path) -> Result<(), Stop> {
    let catalog = reader.catalog();
    let is_empty = catalog.segments.is_empty() && catalog.snapshots.is_empty();
    match is_empty && catalog.meta.is_none() {
        true => Err(Stop::Usage(format!("{} holds no store", dir.display()))),
        false => Ok(()),
    }
}

fn existing(dir: &Path) -> Result<FileStorage, Stop> {
    let reader = LogReader::open(dir)?;
    if reader.catalog().segments.is_empty() {
        return Err(Stop::Usage(format!("{} holds no store", dir.display())));
    }
    Ok(FileStorage::existing(dir)?)
}

// === impl SnapshotRow ===

impl SnapshotRow {
    fn new(file: &str, lsn: u64, bytes: u64, tally: &Tally, named: bool) -> Self {
        Self {
            file: file.to_owned(),
            lsn,
            bytes,
            entities: tally.rows,
            keys: tally.keys,
            paid: tally.paid,
            free: tally.free,
            digest: format!("{:032x}", tally.digest.0),
            named,
        }
    }
}

const COLUMNS: [&str; 9] = [
    "file", "lsn", "bytes", "entities", "keys", "paid", "free", "digest", "named",
];

/// Rows in the form that was asked for.
struct Rows<'a> {
    format: Format,
    output: &'a mut Output,
}

impl<'a> Rows<'a> {
    fn new(format: FormatArgs, output: &'a mut Output) -> Result<Self, Stop> {
        let format = format.format();
        if format == Format::Csv {
            output.csv(&COLUMNS)?;
        }
        Ok(Self { format, output })
    }

    fn row(&mut self, row: SnapshotRow) -> Result<(), Stop> {
        match self.format {
            Format::Json => self.output.json("snapshot", &row)?,
            Format::Csv => self.output.csv(&[
                row.file,
                row.lsn.to_string(),
                row.bytes.to_string(),
                row.entities.to_string(),
                row.keys.to_string(),
                row.paid.to_string(),
                row.free.to_string(),
                row.digest,
                row.named.to_string(),
            ])?,
            Format::Text => self.output.text(format_args!(
                "{}: LSN {}, {} entities with {} points ({} paid, {} free), {} keys, {} bytes, digest {}{}",
                row.file,
                row.lsn,
                row.entities,
                row.paid + row.free,
                row.paid,
                row.free,
                row.keys,
                row.bytes,
                row.digest,
                if row.named { "" } else { "; not named in store.meta" }
            ))?,
        }
        Ok(())
    }

    fn problem(&mut self, error: JournalError) -> Result<(), Stop> {
        let JournalError::Damage(problem) = error else {
            return Err(error.into());
        };
        let row = ProblemRow::new(&problem);
        match self.format {
            Format::Json => self.output.json("problem", &row)?,
            Format::Csv => talk(format_args!("{}", row.line())),
            Format::Text => self.output.text(format_args!("{}", row.line()))?,
        }
        Ok(())
    }
}
