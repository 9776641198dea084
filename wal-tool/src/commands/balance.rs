//! `balance`: one wallet at one instant, as the server would have answered then.

use clap::Args;
use engine::domain::{Timestamp, WalletId};
use serde::Serialize;

use crate::exit::{Stop, Verdict};
use crate::filter::{Span, parse_wallet};
use crate::instant::{self, rfc3339};
use crate::log::Log;
use crate::output::{Format, FormatArgs, Output};
use crate::place::Place;
use crate::replaying::{Replayed, replay};

const EXAMPLES: &str = "\
Examples:
  wal-tool balance 7                                   as of now
  wal-tool balance 7 --at 2026-07-31T15:00:00+09:00    as of then, lapsed points left out";

/// Shows what a wallet could spend at an instant.
///
/// Points whose expiry had come are left out, as in the server's answers; `ledger` still counts those whose
/// lapse was not yet recorded.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Balance {
    /// The wallet's id.
    #[arg(value_name = "WALLET", value_parser = parse_wallet)]
    wallet: WalletId,
    /// The instant (RFC 3339, or a date = midnight UTC); now if left out.
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    at: Option<Timestamp>,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct BalanceRow {
    wallet: u64,
    at: String,
    balance: u64,
    paid: u64,
    free: u64,
    ledger: u64,
    version: u64,
    lsn: u64,
}

// === impl Balance ===

impl Balance {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let at = self.at.unwrap_or_else(instant::now);
        let log = Log::open(self.place.dir())?;
        let span = Span {
            to_time: Some(at),
            ..Span::default()
        };
        let Replayed { fold, verdict } = replay(&log, &span, output)?;
        let wallet = self.wallet;
        let held = fold.wallet(wallet.get());
        let held = held.ok_or_else(|| {
            Stop::Usage(format!("wallet {wallet} did not exist at {}", rfc3339(at)))
        })?;
        let Some(state) = held.state() else {
            // What contradicts itself has been told.
            return Ok(verdict);
        };
        let (free, paid) = state.lots.spendable(at);
        let row = BalanceRow {
            wallet: wallet.get(),
            at: rfc3339(at),
            balance: free + paid,
            paid,
            free,
            ledger: state.balance(),
            version: state.version,
            lsn: held.touched().lsn,
        };
        match self.format.format() {
            Format::Text => output.text(format_args!(
                "wallet {} at {}: {} (paid {}, free {}), ledger {}, version {}, LSN {}",
                row.wallet,
                row.at,
                row.balance,
                row.paid,
                row.free,
                row.ledger,
                row.version,
                row.lsn
            ))?,
            Format::Json => output.json("balance", &row)?,
            Format::Csv => {
                output.csv(&[
                    "wallet", "at", "balance", "paid", "free", "ledger", "version", "lsn",
                ])?;
                let numbers = [
                    row.balance,
                    row.paid,
                    row.free,
                    row.ledger,
                    row.version,
                    row.lsn,
                ];
                let mut cells = vec![row.wallet.to_string(), row.at];
                cells.extend(numbers.iter().map(u64::to_string));
                output.csv(&cells)?;
            }
        }
        Ok(verdict)
    }
}
