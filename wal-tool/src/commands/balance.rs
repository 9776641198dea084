//! `balance`: one wallet at one instant, as the server would have answered then.

use std::io;

use clap::Args;
use engine::domain::{Timestamp, WalletId, settled};
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
/// As in the server's answers, points whose expiry had come are left out, holds that were over are let go of, and
/// grants whose instant had come count; `ledger` is what was recorded until then.
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
    balance: i64,
    paid: i64,
    free: i64,
    available: u64,
    held: u64,
    pending: u64,
    ledger: i64,
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
        let Some(held) = held else {
            if verdict != Verdict::default() {
                // It may be in what was not read; that has been told.
                return Ok(verdict);
            }
            let what = format!("wallet {wallet} did not exist at {}", rfc3339(at));
            return Err(Stop::Usage(what));
        };
        let Some(state) = held.state() else {
            // What contradicts itself has been told.
            return Ok(verdict);
        };
        let as_of_then = settled(wallet, state, at);
        let seen = as_of_then.as_ref().unwrap_or(state);
        let (free, paid) = seen.funds(at);
        let row = BalanceRow {
            wallet: wallet.get(),
            at: rfc3339(at),
            balance: free + paid,
            paid,
            free,
            available: seen.spendable(at),
            held: seen.special().held(),
            pending: seen.special().pending_points(),
            ledger: state.balance(),
            version: state.version,
            lsn: held.touched().lsn,
        };
        row.write(self.format.format(), output)?;
        Ok(verdict)
    }
}

// === impl BalanceRow ===

impl BalanceRow {
    fn write(self, format: Format, output: &mut Output) -> io::Result<()> {
        match format {
            Format::Text => output.text(format_args!(
                "wallet {} at {}: {} (paid {}, free {}), available {}, held {}, pending {}, ledger {}, version {}, LSN {}",
                self.wallet,
                self.at,
                self.balance,
                self.paid,
                self.free,
                self.available,
                self.held,
                self.pending,
                self.ledger,
                self.version,
                self.lsn
            ))?,
            Format::Json => output.json("balance", &self)?,
            Format::Csv => {
                output.csv(&[
                    "wallet",
                    "at",
                    "balance",
                    "paid",
                    "free",
                    "available",
                    "held",
                    "pending",
                    "ledger",
                    "version",
                    "lsn",
                ])?;
                let numbers: [i128; 9] = [
                    self.balance.into(),
                    self.paid.into(),
                    self.free.into(),
                    self.available.into(),
                    self.held.into(),
                    self.pending.into(),
                    self.ledger.into(),
                    self.version.into(),
                    self.lsn.into(),
                ];
                let mut cells = vec![self.wallet.to_string(), self.at];
                cells.extend(numbers.iter().map(i128::to_string));
                output.csv(&cells)?;
            }
        }
        Ok(())
    }
}
