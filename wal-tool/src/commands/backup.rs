//! `backup`: copies of a data directory that is in use, and the proof that they can be relied on.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use engine::journal::Problem;
use serde::Serialize;

use super::verify::{KEY_WINDOW_DEFAULT, parse_window};
use crate::backup::{Checked, MANIFEST_FILE, Plan, check, generations};
use crate::checking::{are_harmless, check_meaning};
use crate::exit::{Stop, Verdict};
use crate::log::Log;
use crate::output::{Format, FormatArgs, Output, talk};
use crate::rows::{PROBLEM_COLUMNS, ProblemRow};
use crate::snapshots;

const EXAMPLES: &str = "\
Examples:
  wal-tool backup create --from /var/lib/scrip --to /backup/scrip   a new generation; what did not change is linked
  wal-tool backup verify /backup/scrip                              hash and replay the newest generation
  wal-tool backup verify /backup/scrip/backup-00000000000000004711  ... or a certain one";

/// Copies a data directory, also under a running server, and checks copies.
///
/// Each generation is a complete data directory of its own with a MANIFEST of SHA-256 hashes, written last.
/// `restore --from GENERATION` makes a store of it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Backup {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    #[command(after_help = EXAMPLES)]
    Create(Create),
    #[command(after_help = EXAMPLES)]
    Verify(Verify),
}

/// Makes a new generation in the directory of backups.
///
/// Takes everything that is known to be on disk. Sealed segments that the generation before has already get a
/// second name there instead of a second copy. Every copied byte is checked before the manifest is written.
#[derive(Args, Debug)]
struct Create {
    /// Data directory.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Directory of backups, made if missing; best on another disk.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
}

/// Hashes a generation again and replays it.
#[derive(Args, Debug)]
struct Verify {
    /// A generation, or a directory of backups, whose newest generation is meant.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// How long the server remembers idempotency keys (its --key-window): the same key is a problem within it.
    #[arg(long, value_name = "TIME", default_value = KEY_WINDOW_DEFAULT, value_parser = parse_window)]
    key_window: std::time::Duration,
    #[command(flatten)]
    format: FormatArgs,
}

/// A generation.
#[derive(Serialize)]
struct BackupRow {
    generation: String,
    store_id: String,
    timeline: u32,
    first_lsn: u64,
    last_lsn: u64,
    files: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    copied_files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copied_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linked_files: Option<u64>,
    /// Files of the generation before that are damaged there, and were copied anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rotten: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unchanged: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wallets: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<i128>,
}

// === impl Backup ===

impl Backup {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        match &self.verb {
            Verb::Create(create) => create.run(output),
            Verb::Verify(verify) => verify.run(output),
        }
    }
}

// === impl Create ===

impl Create {
    fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let plan = Plan::new(&self.from, &self.to)?;
        let bar = output.progress(plan.bytes(), true);
        let created = plan.run(&|done| bar.set_position(done))?;
        bar.finish_and_clear();
        for path in &created.rotten {
            let path = path.display();
            talk(format_args!(
                "{path} is not what its MANIFEST says: not linked, copied anew; that generation is damaged"
            ));
        }
        let manifest = &created.manifest;
        let row = BackupRow {
            generation: created.generation.display().to_string(),
            store_id: format!("{:032x}", manifest.store_id),
            timeline: manifest.timeline,
            first_lsn: manifest.first_lsn,
            last_lsn: manifest.last_lsn,
            files: manifest.files.len(),
            copied_files: Some(created.copied_files),
            copied_bytes: Some(created.copied_bytes),
            linked_files: Some(created.linked_files),
            rotten: created
                .rotten
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            unchanged: Some(created.unchanged),
            verdict: None,
            bytes: None,
            wallets: None,
            points: None,
        };
        match self.format.format() {
            Format::Json => output.json("backup", &row)?,
            Format::Text | Format::Csv if created.unchanged => output.text(format_args!(
                "{}: up to date, nothing has happened since",
                row.generation
            ))?,
            Format::Text | Format::Csv => output.text(format_args!(
                "{}: LSN {}…{}, {} files, {} copied ({} bytes), {} linked",
                row.generation,
                row.first_lsn,
                row.last_lsn,
                row.files,
                created.copied_files,
                created.copied_bytes,
                created.linked_files
            ))?,
        }
        Ok(Verdict::default())
    }
}

// === impl Verify ===

impl Verify {
    fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let generation = self.generation()?;
        let log = Log::open(&generation)?;
        let bar = output.progress(log.bytes(), true);
        let Checked {
            manifest,
            bytes,
            mut problems,
        } = check(&generation, &|done| bar.set_position(done))?;
        bar.finish_and_clear();
        problems.extend(log.reader().verify(1, &|_, _| {})?.problems);
        let looked = snapshots::look(log.reader(), are_harmless(&problems))?;
        problems.extend(looked.problems);
        let meaning = check_meaning(&log, self.key_window, looked.sound, output, &mut problems)?;
        problems.dedup();
        let verdict = Verdict::of(&problems);
        let row = BackupRow {
            generation: generation.display().to_string(),
            store_id: format!(
                "{:032x}",
                manifest.as_ref().map_or(0, |found| found.store_id)
            ),
            timeline: manifest.as_ref().map_or(0, |found| found.timeline),
            first_lsn: manifest.as_ref().map_or(0, |found| found.first_lsn),
            last_lsn: manifest.as_ref().map_or(0, |found| found.last_lsn),
            files: manifest.as_ref().map_or(0, |found| found.files.len()),
            copied_files: None,
            copied_bytes: None,
            linked_files: None,
            rotten: Vec::new(),
            unchanged: None,
            verdict: Some(verdict.name()),
            bytes: Some(bytes),
            wallets: Some(meaning.wallets),
            points: Some(meaning.points),
        };
        self.write(&problems, &row, output)?;
        Ok(verdict)
    }

    fn generation(&self) -> Result<PathBuf, Stop> {
        if self.dir.join(MANIFEST_FILE).exists() {
            return Ok(self.dir.clone());
        }
        let newest = generations(&self.dir)?.pop();
        newest.ok_or_else(|| Stop::Usage(format!("{} holds no backup", self.dir.display())))
    }

    fn write(
        &self,
        problems: &[Problem],
        row: &BackupRow,
        output: &mut Output,
    ) -> Result<(), Stop> {
        let format = self.format.format();
        if format == Format::Csv {
            output.csv(&PROBLEM_COLUMNS)?;
        }
        for problem in problems.iter().map(ProblemRow::new) {
            match format {
                Format::Json => output.json("problem", &problem)?,
                Format::Csv => output.csv(&problem.cells())?,
                Format::Text => output.text(format_args!("{}", problem.line()))?,
            }
        }
        let line = format!(
            "{}: {}, {} problems; LSN {}…{}, {} files, {} bytes; {} wallets hold {} points",
            row.generation,
            row.verdict.unwrap_or_default(),
            problems.len(),
            row.first_lsn,
            row.last_lsn,
            row.files,
            row.bytes.unwrap_or_default(),
            row.wallets.unwrap_or_default(),
            row.points.unwrap_or_default()
        );
        match format {
            Format::Json => output.json("backup", row)?,
            Format::Csv => talk(format_args!("{line}")),
            Format::Text => output.text(format_args!("{line}"))?,
        }
        Ok(())
    }
}
