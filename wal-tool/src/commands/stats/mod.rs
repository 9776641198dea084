//! `stats`: what the log is made of, and where its bytes go.

mod counting;

use clap::{Args, ValueEnum};

use self::counting::{Counting, TallyRow, Totals};
use crate::acts::Found;
use crate::exit::{Stop, Verdict};
use crate::filter::Span;
use crate::log::{Log, Next};
use crate::output::{Format, FormatArgs, Output};
use crate::place::Place;

const EXAMPLES: &str = "\
Examples:
  wal-tool stats                                  sizes, groups, padding, kinds
  wal-tool stats --by wallet --top 20             the busiest wallets
  wal-tool stats --by minute --format csv         load over time, for a plot";

/// What a minute shows besides: how its acts went to the disk.
const FLUSH_COLUMNS: [&str; 6] = [
    "groups",
    "records_p50",
    "records_p99",
    "records_max",
    "padding",
    "padding_share",
];

/// Counts acts, bytes, groups and padding.
///
/// First the whole, then by kind, wallet or minute.
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
                counting.object(&damage.problem);
                Ok(Next::Enough)
            }
        })?;
        bar.finish_and_clear();
        counting.finish();
        write_totals(counting.totals(), self.format.format(), output)?;
        write_rows(
            counting.rows(self.by, self.top),
            self.by,
            self.format.format(),
            output,
        )?;
        Ok(counting.verdict())
    }
}

fn write_totals(totals: &Totals, format: Format, output: &mut Output) -> Result<(), Stop> {
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
    let mut head = vec![name, "acts", "bytes", "credited", "debited"];
    if by == By::Minute {
        head.extend(FLUSH_COLUMNS);
    }
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
            output.table(&head, rows.iter().map(TallyRow::cells).collect())?;
        }
    }
    Ok(())
}
