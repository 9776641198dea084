//! `replay`: the state that the log adds up to, at its end or at any point before.

use clap::Args;
use engine::domain::{Timestamp, WalletId};
use serde::Serialize;

use crate::exit::{Stop, Verdict};
use crate::filter::{Span, parse_wallet};
use crate::instant::{self, rfc3339};
use crate::log::Log;
use crate::output::{Format, FormatArgs, Output, talk};
use crate::place::Place;
use crate::replaying::{Replayed, replay};
use crate::rows::{WALLET_COLUMNS, WalletRow};

const EXAMPLES: &str = "\
Examples:
  wal-tool replay --format csv > wallets.csv           every wallet as it stands now
  wal-tool replay --to-time 2026-07-31T15:00:00Z       ... as it stood then
  wal-tool replay --to-lsn 1000 --wallet 7 --json      one wallet right after LSN 1000, with its lots";

/// Replays the log and shows the wallets.
///
/// The rules are the live engine's own. Balances are as recorded: a lot that lapsed counts until its lapse is
/// in the log.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Replay {
    /// Stop after the act with this LSN.
    #[arg(long, value_name = "LSN", conflicts_with = "to_time")]
    to_lsn: Option<u64>,
    /// Stop after the last act of this instant (RFC 3339, or a date = midnight UTC).
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    to_time: Option<Timestamp>,
    /// Show only these wallets.
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = parse_wallet)]
    wallet: Vec<WalletId>,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

/// What was replayed.
#[derive(Serialize)]
struct SummaryRow {
    lsn: u64,
    at: Option<String>,
    acts: u64,
    wallets: usize,
    paid: i128,
    free: i128,
    balance: i128,
}

// === impl Replay ===

impl Replay {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let log = Log::open(self.place.dir())?;
        let span = Span {
            to_lsn: self.to_lsn,
            to_time: self.to_time,
            ..Span::default()
        };
        let Replayed { fold, mut verdict } = replay(&log, &span, output)?;
        let (paid, free) = fold.points();
        let summary = SummaryRow {
            lsn: fold.last().map_or(0, |last| last.lsn),
            at: fold.last().map(|last| rfc3339(last.at)),
            acts: fold.acts(),
            wallets: fold.count(),
            paid,
            free,
            balance: paid + free,
        };
        let format = self.format.format();
        if format == Format::Csv {
            output.csv(&WALLET_COLUMNS)?;
        }
        for wallet in &self.wallet {
            if fold.wallet(wallet.get()).is_none() {
                talk(format_args!("wallet {wallet} does not exist there"));
                verdict.meet(engine::journal::Class::Usage);
            }
        }
        for (id, held) in fold.into_wallets() {
            let wanted =
                self.wallet.is_empty() || self.wallet.iter().any(|wallet| wallet.get() == id);
            // A wallet about which the log contradicts itself has been reported; its state is unknown.
            let Some(wallet) = held.state().filter(|_| wanted) else {
                continue;
            };
            let row = WalletRow::new(id, wallet, held.touched().lsn, held.created().at);
            match format {
                Format::Text => output.text(format_args!("{}", row.line()))?,
                Format::Json => output.json("wallet", &row)?,
                Format::Csv => output.csv(&row.cells())?,
            }
        }
        match format {
            Format::Json => output.json("replay", &summary)?,
            Format::Text | Format::Csv => talk(format_args!(
                "{} acts up to LSN {}: {} wallets hold {} points ({paid} paid, {free} free)",
                summary.acts, summary.lsn, summary.wallets, summary.balance
            )),
        }
        Ok(verdict)
    }
}
