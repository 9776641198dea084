//! `verify`: every byte of the log, and on request every meaning; all problems, not the first.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Args;
use engine::journal::{Problem, VerifyReport};
use serde::Serialize;

use crate::checking::check;
use crate::exit::{Stop, Verdict};
use crate::log::Log;
use crate::output::{Format, FormatArgs, Output, talk};
use crate::place::Place;
use crate::rows::{LossRow, PROBLEM_COLUMNS, ProblemRow};

const EXAMPLES: &str = "\
Examples:
  wal-tool verify                       checksums, padding, links, LSNs, segment chain, meta
  wal-tool verify --deep --jobs 4       ... and whether balances, sums and snapshots follow from the events
  wal-tool verify --json || echo $?     one object a problem, then a summary; the exit code is the worst class";

/// How long the server remembers keys unless it is told otherwise.
pub(crate) const KEY_WINDOW_DEFAULT: &str = "24h";

/// Checks the whole log and lists every problem.
///
/// Problems are told as CLASS file:offset:LSN. Beside a running server nothing behind the last LSN known to
/// be durable is judged.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// Replay too: balances, versions, lots, sums, wallets created twice, keys used twice, time, and what each snapshot
    /// holds.
    #[arg(long)]
    deep: bool,
    /// Threads that check segments; all cores if left out.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// How long the server remembers idempotency keys (its --key-window): the same key is a problem within it.
    #[arg(long, value_name = "TIME", default_value = KEY_WINDOW_DEFAULT, value_parser = parse_window)]
    key_window: Duration,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

/// What was checked.
#[derive(Serialize)]
struct VerifyRow {
    verdict: &'static str,
    code: u8,
    problems: usize,
    deep: bool,
    segments: u64,
    groups: u64,
    acts: u64,
    records: u64,
    bytes: u64,
    padding_bytes: u64,
    first_lsn: u64,
    last_lsn: u64,
    attested_lsn: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledgement_unknown_from: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<String>,
    /// Sound in themselves.
    snapshots: usize,
    /// Held against the replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshots_compared: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wallets: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<i128>,
}

pub(crate) fn parse_window(text: &str) -> Result<Duration, String> {
    let signed = text
        .parse::<jiff::SignedDuration>()
        .map_err(|error| error.to_string())?;
    Duration::try_from(signed).map_err(|error| error.to_string())
}

// === impl Verify ===

impl Verify {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let log = Log::open(self.place.dir())?;
        let jobs = self
            .jobs
            .or(available_parallelism().ok())
            .map_or(1, NonZero::get);
        let checked = check(&log, jobs, self.deep.then_some(self.key_window), output)?;
        let verdict = checked.verdict();
        let mut row = VerifyRow::new(&log, &checked.report);
        row.deep = self.deep;
        row.snapshots = checked.snapshots;
        if let Some(meaning) = &checked.meaning {
            row.snapshots_compared = Some(meaning.snapshots);
            row.wallets = Some(meaning.wallets);
            row.points = Some(meaning.points);
        }
        row.verdict = verdict.name();
        row.code = verdict.exit_code();
        row.problems = checked.problems.len();
        let losses = checked.report.losses.iter();
        let losses: Vec<_> = losses
            .map(|(file, loss)| LossRow::new(file, loss))
            .collect();
        self.write(&checked.problems, &losses, &row, output)?;
        Ok(verdict)
    }

    fn write(
        &self,
        problems: &[Problem],
        losses: &[LossRow<'_>],
        row: &VerifyRow,
        output: &mut Output,
    ) -> Result<(), Stop> {
        let rows = problems.iter().map(ProblemRow::new);
        match self.format.format() {
            Format::Json => {
                for problem in rows {
                    output.json("problem", &problem)?;
                }
                for loss in losses {
                    output.json("loss", loss)?;
                }
                output.json("verify", row)?;
            }
            Format::Csv => {
                output.csv(&PROBLEM_COLUMNS)?;
                for problem in rows {
                    output.csv(&problem.cells())?;
                }
                for loss in losses {
                    talk(format_args!("{}", loss.line()));
                }
                talk(format_args!("{}", row.line()));
            }
            Format::Text => {
                for problem in rows {
                    output.text(format_args!("{}", problem.line()))?;
                }
                for loss in losses {
                    output.text(format_args!("{}", loss.line()))?;
                }
                output.text(format_args!("{}", row.line()))?;
            }
        }
        Ok(())
    }
}

// === impl VerifyRow ===

impl VerifyRow {
    fn new(log: &Log, report: &VerifyReport) -> Self {
        let tail = report.tail.as_ref();
        Self {
            verdict: "",
            code: 0,
            problems: 0,
            deep: false,
            segments: report.segments,
            groups: report.groups,
            acts: report.acts,
            records: report.records,
            bytes: report.bytes,
            padding_bytes: report.padding_bytes,
            first_lsn: report.first_lsn.0,
            last_lsn: report.last_lsn.0,
            attested_lsn: tail.map_or(0, |tail| tail.attested.0),
            acknowledgement_unknown_from: tail.and_then(|tail| tail.unknown_from).map(|lsn| lsn.0),
            held_by: log.reader().holder(),
            snapshots: 0,
            snapshots_compared: None,
            wallets: None,
            points: None,
        }
    }

    fn line(&self) -> String {
        let mut line = format!(
            "{}: {} problems in {} segments, {} acts, LSN {}…{}, {} bytes",
            self.verdict,
            self.problems,
            self.segments,
            self.acts,
            self.first_lsn,
            self.last_lsn,
            self.bytes
        );
        if let (Some(wallets), Some(points)) = (self.wallets, self.points) {
            line += &format!("; {wallets} wallets hold {points} points");
        }
        line += &match (self.snapshots, self.snapshots_compared) {
            (0, _) => String::new(),
            (found, None) => format!("; {found} sound snapshots"),
            (found, Some(compared)) => format!("; {compared} of {found} snapshots compared"),
        };
        if let Some(lsn) = self.acknowledgement_unknown_from {
            line += &format!("; acknowledgement unknown from LSN {lsn}");
        }
        if let Some(holder) = &self.held_by {
            line += &format!(
                "; in use ({holder}), judged up to LSN {}",
                self.attested_lsn
            );
        }
        line
    }
}
