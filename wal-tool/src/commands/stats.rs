//! `stats`: what the log is made of, and where its bytes go.

use std::collections::{BTreeMap, HashMap};

use clap::{Args, ValueEnum};
use engine::domain::{Entry, Timestamp};
use engine::record::Content;
use serde::Serialize;

use crate::acts::{Act, Found};
use crate::exit::{Stop, Verdict};
use crate::filter::{Span, kind_name};
use crate::instant::{minute, rfc3339};
use crate::log::{Log, Next};
use crate::output::{Format, FormatArgs, Output, talk};
use crate::place::Place;

const EXAMPLES: &str = "\
Examples:
  wal-tool stats                                  sizes, groups, padding, kinds
  wal-tool stats --by wallet --top 20             the busiest wallets
  wal-tool stats --by minute --format csv         load over time, for a plot";

/// Counts and sizes: acts, bytes, groups, padding; then by kind, wallet or minute.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Stats {
    /// What to count by.
    #[arg(long, value_enum, default_value_t = By::Kind)]
    by: By,
    /// Show only so many wallets, the busiest first; 0 = all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum By {
    Kind,
    Wallet,
    Minute,
}

/// The whole in figures.
#[derive(Serialize, Default)]
struct Totals {
    acts: u64,
    records: u64,
    first_lsn: u64,
    last_lsn: u64,
    first_at: Option<String>,
    last_at: Option<String>,
    body_bytes: u64,
    header_bytes: u64,
    padding_bytes: u64,
    log_bytes: u64,
    groups: u64,
    marks_and_closes: u64,
    group_records_p50: u64,
    group_records_p99: u64,
    group_records_max: u64,
    padding_share: f64,
}

/// One group of acts that have something in common.
#[derive(Clone, Copy, Default)]
struct Tally {
    acts: u64,
    bytes: u64,
    credited: u128,
    debited: u128,
}

/// A tally as a row.
#[derive(Serialize)]
struct TallyRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wallet: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minute: Option<String>,
    acts: u64,
    bytes: u64,
    credited: u128,
    debited: u128,
}

/// Everything counted so far.
#[derive(Default)]
struct Counting {
    totals: Totals,
    kinds: BTreeMap<u8, Tally>,
    wallets: HashMap<u64, Tally>,
    minutes: BTreeMap<i64, Tally>,
    /// How many groups have so many records.
    group_sizes: BTreeMap<u64, u64>,
    open_group: u64,
    verdict: Verdict,
}

/// Microseconds in a minute.
const MINUTE_US: i64 = 60_000_000;

// === impl Stats ===

impl Stats {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let log = Log::open(self.place.dir())?;
        let bar = output.progress(log.bytes(), true);
        let mut counting = Counting::default();
        log.forward(self.span.from_lsn, &mut |found| match found {
            Found::Act(act) if self.span.is_behind(&act) => Ok(Next::Enough),
            Found::Act(act) => {
                bar.set_position(log.bytes_before(act.position));
                if !self.span.is_ahead_of(&act) {
                    counting.count(&act, self.by);
                }
                Ok(Next::GoOn)
            }
            Found::Damage(damage) => {
                counting.verdict.meet(damage.problem.class);
                bar.suspend(|| talk(format_args!("{}", damage.problem)));
                Ok(Next::Enough)
            }
        })?;
        bar.finish_and_clear();
        counting.finish();
        counting.write_totals(self.format.format(), output)?;
        write_rows(
            counting.rows(self.by, self.top),
            self.by,
            self.format.format(),
            output,
        )?;
        Ok(counting.verdict)
    }
}

// === impl Counting ===

impl Counting {
    fn count(&mut self, act: &Act<'_>, by: By) {
        let totals = &mut self.totals;
        totals.log_bytes += act.framed_bytes;
        totals.body_bytes += act.body.len() as u64;
        totals.header_bytes += act.header_bytes();
        if let Some(gap) = act.group_gap {
            totals.log_bytes += gap;
        }
        if act.is_journal_own() {
            totals.marks_and_closes += 1;
            return;
        }
        totals.acts += 1;
        totals.records += act.records;
        totals.last_lsn = act.last_lsn;
        totals.last_at = Some(rfc3339(act.at));
        if totals.acts == 1 {
            totals.first_lsn = act.lsn;
            totals.first_at = Some(rfc3339(act.at));
        }
        self.open_group += act.records;
        if act.group_gap.is_some() {
            totals.groups += 1;
            *self.group_sizes.entry(self.open_group).or_default() += 1;
            self.open_group = 0;
        }
        self.tally(act, by);
    }

    fn tally(&mut self, act: &Act<'_>, by: By) {
        let entries = match act.decode() {
            Ok(record) => match record.content {
                Content::Event(event) => event.entries(),
                Content::Refused(_) => Default::default(),
            },
            Err(problem) => {
                self.verdict.meet(problem.class);
                talk(format_args!("{problem}"));
                Default::default()
            }
        };
        match by {
            By::Kind => self.kinds.entry(act.kind).or_default().add(act, &entries),
            By::Minute => {
                let minute = act.at.0.div_euclid(MINUTE_US);
                self.minutes.entry(minute).or_default().add(act, &entries);
            }
            By::Wallet => {
                for entry in &entries {
                    let tally = self.wallets.entry(entry.standing.wallet.get()).or_default();
                    tally.add(act, std::slice::from_ref(entry));
                }
            }
        }
    }

    /// Figures that need the whole.
    fn finish(&mut self) {
        let totals = &mut self.totals;
        totals.padding_bytes = totals.log_bytes - totals.body_bytes - totals.header_bytes;
        if totals.log_bytes > 0 {
            totals.padding_share = totals.padding_bytes as f64 / totals.log_bytes as f64;
        }
        totals.group_records_p50 = percentile(&self.group_sizes, totals.groups, 50);
        totals.group_records_p99 = percentile(&self.group_sizes, totals.groups, 99);
        totals.group_records_max = percentile(&self.group_sizes, totals.groups, 100);
    }

    fn rows(&self, by: By, top: usize) -> Vec<TallyRow> {
        match by {
            By::Kind => {
                let named = |kind: u8| match kind_name(kind) {
                    "" => kind.to_string(),
                    name => name.to_owned(),
                };
                let kinds = self.kinds.iter();
                kinds
                    .map(|(kind, tally)| TallyRow {
                        kind: Some(named(*kind)),
                        ..tally.row()
                    })
                    .collect()
            }
            By::Minute => {
                let minutes = self.minutes.iter();
                let named = |start: i64| minute(Timestamp(start * MINUTE_US));
                minutes
                    .map(|(start, tally)| TallyRow {
                        minute: Some(named(*start)),
                        ..tally.row()
                    })
                    .collect()
            }
            By::Wallet => {
                let mut wallets: Vec<_> = self.wallets.iter().collect();
                wallets.sort_unstable_by_key(|(id, tally)| (std::cmp::Reverse(tally.acts), **id));
                wallets.truncate(if top == 0 { usize::MAX } else { top });
                let wallets = wallets.into_iter();
                wallets
                    .map(|(id, tally)| TallyRow {
                        wallet: Some(*id),
                        ..tally.row()
                    })
                    .collect()
            }
        }
    }

    fn write_totals(&self, format: Format, output: &mut Output) -> Result<(), Stop> {
        let totals = &self.totals;
        match format {
            Format::Json => output.json("totals", totals)?,
            // A CSV file is one table: the totals are not in it.
            Format::Csv => {}
            Format::Text => {
                let shown = |at: &Option<String>| at.clone().unwrap_or_else(|| "-".to_owned());
                output.text(format_args!(
                    "acts      {} in {} records, LSN {}…{}",
                    totals.acts, totals.records, totals.first_lsn, totals.last_lsn
                ))?;
                output.text(format_args!(
                    "time      {} … {}",
                    shown(&totals.first_at),
                    shown(&totals.last_at)
                ))?;
                output.text(format_args!(
                    "bytes     {} = {} bodies + {} headers + {} padding ({:.1} %)",
                    totals.log_bytes,
                    totals.body_bytes,
                    totals.header_bytes,
                    totals.padding_bytes,
                    totals.padding_share * 100.0
                ))?;
                output.text(format_args!(
                    "groups    {} with {} records at the median, {} at p99, {} at most; {} marks and closes",
                    totals.groups,
                    totals.group_records_p50,
                    totals.group_records_p99,
                    totals.group_records_max,
                    totals.marks_and_closes
                ))?;
            }
        }
        Ok(())
    }
}

fn write_rows(
    rows: Vec<TallyRow>,
    by: By,
    format: Format,
    output: &mut Output,
) -> Result<(), Stop> {
    let (name, row_name) = match by {
        By::Kind => ("kind", "by_kind"),
        By::Wallet => ("wallet", "by_wallet"),
        By::Minute => ("minute", "by_minute"),
    };
    let head = [name, "acts", "bytes", "credited", "debited"];
    match format {
        Format::Json => {
            for row in &rows {
                output.json(row_name, row)?;
            }
        }
        Format::Csv => {
            output.csv(&head)?;
            for row in &rows {
                output.csv(&row.cells())?;
            }
        }
        Format::Text => {
            output.table(&head, rows.iter().map(|row| row.cells().to_vec()).collect())?;
        }
    }
    Ok(())
}

/// The size that `percent` of all groups do not pass.
fn percentile(sizes: &BTreeMap<u64, u64>, groups: u64, percent: u64) -> u64 {
    let rank = (groups * percent).div_ceil(100);
    let mut seen = 0;
    for (size, count) in sizes {
        seen += count;
        if seen >= rank {
            return *size;
        }
    }
    0
}

// === impl Tally ===

impl Tally {
    fn add(&mut self, act: &Act<'_>, entries: &[Entry]) {
        self.acts += 1;
        self.bytes += act.framed_bytes;
        for entry in entries {
            match entry.kind.is_debit() {
                true => self.debited += u128::from(entry.amount),
                false => self.credited += u128::from(entry.amount),
            }
        }
    }

    fn row(&self) -> TallyRow {
        TallyRow {
            kind: None,
            wallet: None,
            minute: None,
            acts: self.acts,
            bytes: self.bytes,
            credited: self.credited,
            debited: self.debited,
        }
    }
}

// === impl TallyRow ===

impl TallyRow {
    fn cells(&self) -> [String; 5] {
        let wallet = self.wallet.map(|id| id.to_string());
        let name = self.kind.clone().or(self.minute.clone()).or(wallet);
        [
            name.unwrap_or_default(),
            self.acts.to_string(),
            self.bytes.to_string(),
            self.credited.to_string(),
            self.debited.to_string(),
        ]
    }
}
