//! `history`: the statement of one wallet, its running balance checked line by line.

use clap::Args;
use engine::domain::{Effect, Entry, Event, WalletId};
use engine::journal::{Class, Problem};
use engine::record::Content;
use serde::Serialize;

use crate::acts::{Act, Found};
use crate::exit::{Stop, Verdict};
use crate::filter::{Span, parse_wallet};
use crate::instant::rfc3339;
use crate::log::{Log, Next};
use crate::output::{Format, FormatArgs, Output, talk};
use crate::place::Place;
use crate::rows::{STATEMENT_COLUMNS, StatementRow, signed};

const EXAMPLES: &str = "\
Examples:
  wal-tool history 7                                          everything that ever happened to wallet 7
  wal-tool history 7 --from-time 2026-07-01 --format csv      since July, for a spreadsheet
  wal-tool history 7 --json | jq 'select(.type==\"use\")'       its uses";

/// Shows every entry of a wallet in order.
///
/// Each balance and version is held against the one before.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct History {
    /// The wallet's id.
    #[arg(value_name = "WALLET", value_parser = parse_wallet)]
    wallet: WalletId,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

/// What a statement adds up to.
#[derive(Serialize, Default)]
struct StatementSummary {
    wallet: u64,
    entries: u64,
    opening: i64,
    credited: u128,
    debited: u128,
    closing: i64,
}

/// How the wallet stood before an entry.
#[derive(Clone, Copy)]
struct Before {
    version: u64,
    balance: i64,
}

/// A statement being written.
struct Statement<'a> {
    history: &'a History,
    format: Format,
    before: Option<Before>,
    /// What was before the log was deleted: the first line is taken as it is.
    begins_later: bool,
    summary: StatementSummary,
    verdict: Verdict,
    output: &'a mut Output,
}

// === impl History ===

impl History {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let log = Log::open(self.place.dir())?;
        let format = self.format.format();
        if format == Format::Csv {
            output.csv(&STATEMENT_COLUMNS)?;
        }
        let summary = StatementSummary {
            wallet: self.wallet.get(),
            ..Default::default()
        };
        let verdict = Verdict::default();
        let mut statement = Statement {
            history: self,
            format,
            before: None,
            begins_later: log.begins() > 1,
            summary,
            verdict,
            output,
        };
        statement.write(&log)?;
        statement.close()
    }
}

// === impl Before ===

impl Before {
    /// What an entry must have followed from.
    fn implied_by(entry: &Entry) -> Option<Self> {
        let balance = i128::from(entry.standing.balance()) - moved(entry);
        Some(Self {
            version: entry.standing.version.checked_sub(1)?,
            balance: i64::try_from(balance).ok()?,
        })
    }
}

fn moved(entry: &Entry) -> i128 {
    i128::from(entry.kind.effect().of(entry.amount))
}

// === impl Statement ===

impl Statement<'_> {
    fn write(&mut self, log: &Log) -> Result<(), Stop> {
        let bar = self.output.progress(log.bytes(), false);
        // From the beginning even for a late span: the first line needs a balance to follow from.
        log.forward(None, &mut |found| {
            let act = match found {
                Found::Act(act) if self.history.span.is_behind(&act) => return Ok(Next::Enough),
                Found::Act(act) => act,
                Found::Damage(damage) => {
                    self.object(&damage.problem);
                    return Ok(Next::Enough);
                }
            };
            bar.set_position(log.bytes_before(act.position));
            if act.is_journal_own() {
                return Ok(Next::GoOn);
            }
            match act.decode() {
                Ok(record) => {
                    if let Content::Event(event) = &record.content {
                        self.take(&act, event)?;
                    }
                }
                Err(problem) => self.object(&problem),
            }
            Ok(Next::GoOn)
        })?;
        bar.finish_and_clear();
        Ok(())
    }

    fn take(&mut self, act: &Act<'_>, event: &Event) -> Result<(), Stop> {
        let touches = event
            .roles()
            .iter()
            .any(|(id, _)| *id == self.history.wallet.entity());
        if !touches {
            return Ok(());
        }
        for entry in event.entries() {
            if entry.standing.wallet != self.history.wallet {
                continue;
            }
            if self.before.is_none() && self.begins_later {
                self.before = Before::implied_by(&entry);
            }
            if let Some(what) = self.objection(&entry) {
                self.object(&act.problem(Class::Meaning, what));
            }
            let opening = self.before.map_or(0, |before| before.balance);
            self.before = Some(Before {
                version: entry.standing.version,
                balance: entry.standing.balance(),
            });
            if self.history.span.is_ahead_of(act) {
                self.summary.opening = entry.standing.balance();
                self.summary.closing = entry.standing.balance();
                continue;
            }
            if self.summary.entries == 0 {
                self.summary.opening = opening;
            }
            self.line(act, &entry, event)?;
        }
        Ok(())
    }

    fn line(&mut self, act: &Act<'_>, entry: &Entry, event: &Event) -> Result<(), Stop> {
        self.summary.entries += 1;
        self.summary.closing = entry.standing.balance();
        match entry.kind.effect() {
            Effect::Out => self.summary.debited += u128::from(entry.amount),
            Effect::In => self.summary.credited += u128::from(entry.amount),
            Effect::None => {}
        }
        let row = StatementRow::new(act.lsn, act.at, entry, event);
        match self.format {
            Format::Text => {
                let other = entry
                    .counterparty
                    .map_or_else(String::new, |other| format!("  wallet {other}"));
                let text = event
                    .part(entry.leg)
                    .map_or("", |part| part.event.description());
                let description = match text {
                    "" => String::new(),
                    text => format!("  {text:?}"),
                };
                self.output.text(format_args!(
                    "{:>10}  {}  {:<12} {:>17} {:>17}  v{}{other}{description}",
                    act.lsn,
                    rfc3339(act.at),
                    entry.kind.as_str(),
                    signed(entry),
                    entry.standing.balance(),
                    entry.standing.version,
                ))?;
            }
            Format::Json => self.output.json("entry", &row)?,
            Format::Csv => self.output.csv(&row.cells())?,
        }
        Ok(())
    }

    /// Why an entry does not follow from the one before it.
    fn objection(&self, entry: &Entry) -> Option<String> {
        let (version, balance) = self
            .before
            .map_or((0, 0), |before| (before.version, before.balance));
        let (moved, stated) = (moved(entry), entry.standing);
        if stated.version != version + 1 {
            return Some(format!(
                "version {} follows on version {version}",
                stated.version
            ));
        }
        let expected = i128::from(balance) + moved;
        let sound = expected == i128::from(stated.balance());
        (!sound).then(|| {
            format!(
                "balance {balance} {moved:+} gives {expected}, not {}",
                stated.balance()
            )
        })
    }

    fn object(&mut self, problem: &Problem) {
        self.verdict.meet(problem.class);
        talk(format_args!("{problem}"));
    }

    fn close(self) -> Result<Verdict, Stop> {
        if self.before.is_none() && self.verdict == Verdict::default() {
            let what = match self.begins_later {
                true => "is in no act of this log",
                false => "does not exist",
            };
            let wallet = self.history.wallet;
            return Err(Stop::Usage(format!("wallet {wallet} {what}")));
        }
        let summary = &self.summary;
        match self.format {
            Format::Json => self.output.json("statement", summary)?,
            Format::Text | Format::Csv => talk(format_args!(
                "wallet {}: {} entries, {} +{} -{} = {}",
                summary.wallet,
                summary.entries,
                summary.opening,
                summary.credited,
                summary.debited,
                summary.closing
            )),
        }
        Ok(self.verdict)
    }
}
