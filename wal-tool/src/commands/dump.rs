//! `dump`: the acts of the log, filtered, in either direction, also while it grows.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use engine::journal::Class;

use crate::acts::{Act, Damage, Found};
use crate::exit::{Stop, Verdict};
use crate::filter::{Span, Subject};
use crate::log::{Log, Next};
use crate::output::{Format, FormatArgs, Output, talk};
use crate::place::Place;
use crate::rows::{ACT_COLUMNS, ActRow, ProblemRow};

/// How many times as long as a look took `--follow` waits for the next: it takes a busy server a third of a core
/// at most. Never so short that an idle log is polled for nothing, never so long that it does not feel live.
const FOLLOW_PAUSE_PER_LOOK: u32 = 2;
const FOLLOW_PAUSE_MIN: Duration = Duration::from_millis(100);
const FOLLOW_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Most acts that `--tail` keeps in memory.
const TAIL_MAX: usize = 1_000_000;

const EXAMPLES: &str = "\
Examples:
  wal-tool dump --tail 20                               the last twenty acts
  wal-tool dump --wallet 7 --from-time 2026-07-31       what happened to wallet 7 since midnight UTC
  wal-tool dump --kind refused,lapsed --format csv      refusals and lapses for a spreadsheet
  wal-tool dump --key 5bd40fe15cf6a1f1d21b41e88eb2ce62  the act of one idempotency key
  wal-tool dump --follow --json                         as they become durable
  wal-tool dump --raw-errors                            damaged stretches too, and what lies behind them";

/// Shows acts, filtered, in either direction, also as they come.
///
/// All filters given must hold.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Dump {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    span: Span,
    /// Stop after so many acts.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Newest first.
    #[arg(long, conflicts_with_all = ["tail", "follow"])]
    reverse: bool,
    /// Only the last so many acts that pass the filters, oldest first.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=TAIL_MAX as u64), conflicts_with = "limit")]
    tail: Option<u64>,
    /// Go on as the log grows; shows only what is known to be durable, and goes on in the next segment.
    #[arg(long, short)]
    follow: bool,
    /// Show damaged stretches, and go on behind them.
    #[arg(long)]
    raw_errors: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

/// What is still to be shown, and what was met on the way.
struct Showing<'a> {
    dump: &'a Dump,
    format: Format,
    left: u64,
    verdict: Verdict,
    output: &'a mut Output,
}

// === impl Dump ===

impl Dump {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let log = Log::open(self.place.dir())?;
        let format = self.format.format();
        if format == Format::Csv {
            output.csv(&ACT_COLUMNS)?;
        }
        let mut showing = Showing {
            dump: self,
            format,
            left: self.limit.unwrap_or(u64::MAX),
            verdict: Verdict::default(),
            output,
        };
        match (self.tail, self.follow) {
            (None, false) if self.reverse => showing.backward(&log)?,
            (None, false) => showing.forward(&log)?,
            (Some(count), false) => showing.tail(&log, count, self.span.to_lsn)?,
            (None, true) => {
                showing.follow(log, self.span.from_lsn.unwrap_or(1).saturating_sub(1))?
            }
            (Some(count), true) => {
                // What is not attested yet may still vanish; following shows it once it is.
                let attested = log.attested();
                showing.tail(&log, count, Some(attested))?;
                showing.follow(log, attested)?;
            }
        }
        Ok(showing.verdict)
    }
}

// === impl Showing ===

impl Showing<'_> {
    fn forward(&mut self, log: &Log) -> Result<(), Stop> {
        let bar = self.output.progress(log.bytes(), false);
        let from = self.dump.span.from_lsn;
        let mut met = false;
        log.forward(from, &mut |found| match found {
            Found::Act(act) if self.dump.span.is_behind(&act) => Ok(Next::Enough),
            Found::Act(act) => {
                bar.set_position(log.bytes_before(act.position));
                self.offer(&act)
            }
            Found::Damage(damage) => {
                met = true;
                self.report(&damage)
            }
        })?;
        if met && self.dump.raw_errors {
            log.behind_tail(&mut |found| self.take(found))?;
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn backward(&mut self, log: &Log) -> Result<(), Stop> {
        log.backward(self.dump.span.to_lsn, &mut |found| match found {
            Found::Act(act) if self.dump.span.is_ahead_of(&act) => Ok(Next::Enough),
            found @ (Found::Act(_) | Found::Damage(_)) => self.take(found),
        })
    }

    /// Looks from the end for as many acts as are wanted, then shows them in order.
    fn tail(&mut self, log: &Log, count: u64, end: Option<u64>) -> Result<(), Stop> {
        let mut last = VecDeque::new();
        log.backward(end, &mut |found| {
            match found {
                Found::Act(act) if self.dump.span.is_ahead_of(&act) => return Ok(Next::Enough),
                Found::Act(act) if end.is_some_and(|end| act.lsn > end) => {}
                Found::Act(act) => {
                    if self.wants(&act) {
                        last.push_front(act.into_owned());
                    }
                }
                Found::Damage(damage) => return self.report(&damage),
            }
            Ok(if last.len() as u64 == count {
                Next::Enough
            } else {
                Next::GoOn
            })
        })?;
        for act in &last {
            self.show(act)?;
        }
        Ok(())
    }

    /// Shows what becomes durable behind `after`, until the reader goes away or the span is over.
    fn follow(&mut self, log: Log, after: u64) -> Result<(), Stop> {
        if let Some(damage) = log
            .tail_damage()
            .filter(|damage| damage.problem.class != Class::Torn)
        {
            self.report(&damage)?;
            return Ok(());
        }
        let mut following = log.follow(after);
        loop {
            let started = Instant::now();
            let next = following.poll(&mut |found| match found {
                Found::Act(act) if self.dump.span.is_behind(&act) => Ok(Next::Enough),
                found @ (Found::Act(_) | Found::Damage(_)) => self.take(found),
            })?;
            self.output.flush()?;
            if next == Next::Enough {
                return Ok(());
            }
            let pause = started.elapsed() * FOLLOW_PAUSE_PER_LOOK;
            thread::sleep(pause.clamp(FOLLOW_PAUSE_MIN, FOLLOW_PAUSE_MAX));
        }
    }

    fn take(&mut self, found: Found<'_>) -> Result<Next, Stop> {
        match found {
            Found::Act(act) => self.offer(&act),
            Found::Damage(damage) => self.report(&damage),
        }
    }

    /// Shows an act if it is wanted.
    fn offer(&mut self, act: &Act<'_>) -> Result<Next, Stop> {
        if self.left > 0 && self.wants(act) {
            self.show(act)?;
            self.left -= 1;
        }
        Ok(if self.left == 0 {
            Next::Enough
        } else {
            Next::GoOn
        })
    }

    fn wants(&mut self, act: &Act<'_>) -> bool {
        let Dump { subject, span, .. } = self.dump;
        if span.is_ahead_of(act) || span.is_behind(act) || !subject.takes_kind(act.kind) {
            return false;
        }
        if subject.is_about_anything() {
            return true;
        }
        match act.decode() {
            Ok(record) => subject.takes(&record),
            Err(problem) => {
                // It may be what was asked for; nobody can tell.
                self.verdict.meet(problem.class);
                talk(format_args!("{problem}"));
                false
            }
        }
    }

    fn show(&mut self, act: &Act<'_>) -> Result<(), Stop> {
        if act.is_journal_own() {
            return self.write(&ActRow::bare(act));
        }
        match act.decode() {
            Ok(record) => self.write(&ActRow::new(act, &record)),
            Err(problem) => {
                self.verdict.meet(problem.class);
                self.write(&ActRow::undecodable(act, problem.what))
            }
        }
    }

    fn write(&mut self, row: &ActRow<'_>) -> Result<(), Stop> {
        match self.format {
            Format::Text => self.output.text(format_args!("{}", row.line()))?,
            Format::Json => self.output.json("act", row)?,
            Format::Csv => {
                for cells in row.cells() {
                    self.output.csv(&cells)?;
                }
            }
        }
        Ok(())
    }

    /// A damaged stretch ends the dump unless it was asked for.
    fn report(&mut self, damage: &Damage) -> Result<Next, Stop> {
        self.verdict.meet(damage.problem.class);
        if !self.dump.raw_errors {
            talk(format_args!("{}", damage.problem));
            return Ok(Next::Enough);
        }
        let row = ProblemRow::new(&damage.problem).until(damage.to);
        match self.format {
            Format::Text => self.output.text(format_args!("{}", row.line()))?,
            Format::Json => self.output.json("damage", &row)?,
            Format::Csv => talk(format_args!("{}", row.line())),
        }
        Ok(Next::GoOn)
    }
}
